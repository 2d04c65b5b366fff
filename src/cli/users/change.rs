//! `rostersync users grant`, `revoke`, `rekey`, `distinct`, `same` and `another`: something is done to one account, and a line or two say so.

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::writing;
use crate::attempt::Ending;
use crate::failure::Result;
use crate::message::Channel;
use crate::people::set_opt_out;
use crate::people::{self, Distinct, People, Permission, Permitted, Rekeyed, set_permission};
use crate::roster::Mode;
use crate::store::{Grant, Last, Store};

#[derive(Debug, clap::Args)]
pub(super) struct PermissionArgs {
    /// sourcedId of the staff account
    #[arg(value_name = "ACTOR")]
    actor: String,

    /// The permission
    #[arg(value_name = "PERMISSION", value_parser = ["users-manager"])]
    permission: String,

    /// Only at this school (a sourcedId); without it, in the whole district
    #[arg(long, value_name = "ID")]
    school: Option<String>,
}

/// Give an account a new sourcedId, because the SIS has given the user a new one
///
/// State, details, permissions and history stay with the account. If a run has already made a
/// pending account for the new sourcedId, that account is archived under the old sourcedId. `users
/// list --duplicates` lists such accounts. For many accounts, use `run --rekey FILE`. To correct a
/// mistake, run the command again with the two sourcedIds exchanged.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rostersync users rekey 1042 gua-1042")]
pub(super) struct RekeyArgs {
    /// The old sourcedId
    #[arg(value_name = "OLD")]
    old: String,

    /// The new sourcedId
    #[arg(value_name = "NEW")]
    new: String,
}

/// Two sourcedIds belong to two people: remember it for good
///
/// A run holds an account that is probably back under another sourcedId (action `held`, code
/// `possible-rekey`). After this command, the next run archives the account of OLD and creates one
/// for NEW. NEW may be a sourcedId that has no account yet. The two are never held as one person
/// again. To correct a mistake, run `users rekey OLD NEW`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rostersync users distinct 1042 gua-1042")]
pub(super) struct DistinctArgs {
    /// The sourcedId of the account
    #[arg(value_name = "OLD")]
    old: String,

    /// The sourcedId of the other person
    #[arg(value_name = "NEW")]
    new: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct HeldArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,
}

#[derive(Debug, clap::Args)]
pub(super) struct ChannelArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,

    /// The channel
    #[arg(long, value_name = "CHANNEL", value_parser = ["email", "sms"])]
    channel: String,
}

/// Does something under the lock, and prints what is to be said of it.
fn change(global: &Global, ui: &Ui, act: impl FnOnce(&People<'_>) -> Result<String>) -> Result<Ending> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let said = act(&People::new(&config, &store, global.now())?)?;
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

pub(super) fn permission(
    args: &PermissionArgs,
    what: Permission,
    global: &Global,
    ui: &Ui,
) -> Result<Ending> {
    change(global, ui, |people| {
        let grant = args.school.clone().map_or(Grant::District, Grant::School);
        let done = set_permission(people, &args.actor, &grant, what)?;
        let (actor, permission, place) = (&args.actor, &args.permission, place_of(&grant, people.store)?);
        Ok(match (what, done) {
            (_, Permitted::Refused(refused)) => return Err(refused.failure(actor, people.config)),
            (Permission::Grant, Permitted::Changed) => format!("{actor} now has {permission} for {place}\n"),
            (Permission::Grant, Permitted::Before) => {
                format!("{actor} had {permission} for {place} already; nothing changed\n")
            }
            (Permission::Revoke, Permitted::Changed) => {
                format!("{actor} no longer has {permission} for {place}\n")
            }
            (Permission::Revoke, Permitted::Before) => {
                format!("{actor} has no {permission} for {place}; nothing changed\n")
            }
        })
    })
}

pub(super) fn rekey(args: &RekeyArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let (old, new) = (args.old.trim(), args.new.trim());
    change(global, ui, |people| {
        let (unlike, revoked) = match people::rekey(people, old, new)? {
            Rekeyed::Before => {
                return Ok(format!("The account of {old} was that of {new} already; nothing changed\n"));
            }
            Rekeyed::Renamed => return Ok(format!("The account of {old} is now that of {new}\n")),
            Rekeyed::TakenBack => {
                return Ok(format!(
                    "Taken back: the account of {old} is that of {new} again, and what had been left behind under {new} that of {old}\n\
                     What was done to either since is in `rostersync users history`\n"
                ));
            }
            Rekeyed::Replaced { unlike, revoked } => (unlike, revoked),
        };
        let mut said = format!(
            "The account of {old} is now that of {new}\nWhat a run had made for {new} is archived under {old}\n"
        );
        for grant in &revoked {
            let place = place_of(grant, people.store)?;
            said.push_str(&format!(
                "Its permission users-manager for {place} has ended; grant it to {new} if that is to have it\n"
            ));
        }
        if unlike {
            said.push_str(&format!(
                "They had neither name and email nor name and phone number in common: if that was a mistake, nothing is \
                 lost, `rostersync users rekey {new} {old}` takes it back\n"
            ));
        }
        Ok(said)
    })
}

pub(super) fn distinct(args: &DistinctArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    change(global, ui, |people| {
        let (said, [old, new]) = people::distinct(people, &args.old, &args.new)?;
        let (held, known) = match said {
            Distinct::Before => {
                return Ok(format!("{old} and {new} were two people already; nothing changed\n"));
            }
            Distinct::Remembered { held, known } => (held, known),
        };
        let mut said = format!("{old} and {new} are two people. No run holds them as one person again\n");
        if held {
            // Changes alone do not name the two again.
            let last = people.store.last_attempt(Last::Good)?.and_then(|last| last.run);
            let run = match last.is_some_and(|run| run.mode == Mode::Delta.word()) {
                true => "The next run that reads a complete roster",
                false => "The next run",
            };
            said.push_str(&format!("{run} archives the account of {old} and creates one for {new}\n"));
        }
        if !known {
            said.push_str(&format!("The store does not know {new} yet: check the spelling\n"));
        }
        Ok(said)
    })
}

pub(super) fn opt_out(args: &ChannelArgs, out: bool, global: &Global, ui: &Ui) -> Result<Ending> {
    let (user, word) = (args.user.trim(), args.channel.as_str());
    change(global, ui, |people| {
        let channel = if word == Channel::Sms.word() { Channel::Sms } else { Channel::Email };
        Ok(match (set_opt_out(people, user, channel, out)?, out) {
            (false, true) => format!("{user} had opted out of {word} already; nothing changed\n"),
            (false, false) => format!("{user} had not opted out of {word}; nothing changed\n"),
            (true, true) => format!(
                "{user} gets no messages by {word} any more, except a change of a sign-in that no other way can tell\n"
            ),
            (true, false) => format!("{user} gets messages by {word} again\n"),
        })
    })
}

pub(super) fn same(args: &HeldArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let user = args.user.trim();
    change(global, ui, |people| {
        let (state, ended) = people::same(people, user)?;
        let said = format!("{user} is restored, and {state} again. The next run decides about the details\n");
        Ok(said + &permissions_ended(&ended, user, people.store)?)
    })
}

pub(super) fn another(args: &HeldArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let user = args.user.trim();
    change(global, ui, |people| {
        let (moved_to, ended) = people::another(people, user)?;
        let said = format!(
            "The old account is now {moved_to}, archived. The next run creates an account for the person that has {user} now\n"
        );
        Ok(said + &permissions_ended(&ended, user, people.store)?)
    })
}

fn permissions_ended(grants: &[Grant], user: &str, store: &Store) -> Result<String> {
    let mut said = String::new();
    for grant in grants {
        let place = place_of(grant, store)?;
        said.push_str(&format!(
            "The permission users-manager for {place} has ended; `rostersync users grant {user} users-manager` gives it\n"
        ));
    }
    Ok(said)
}

/// `the whole district`, or `school sch-1 (Lincoln Elementary)`.
pub(super) fn place_of(grant: &Grant, store: &Store) -> Result<String> {
    let Grant::School(id) = grant else { return Ok("the whole district".to_owned()) };
    Ok(match store.schools()?.get(id) {
        Some(name) => format!("school {id} ({name})"),
        None => format!("school {id}"),
    })
}
