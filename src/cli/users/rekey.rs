//! `rostersync users rekey`

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{place_of, writing};
use crate::attempt::Ending;
use crate::failure::Result;
use crate::people::{People, Rekeyed, rekey};

/// Give an account a new sourcedId, because the SIS has given the user a new one
///
/// State, details, permissions and history stay with the account. If a run has already made a
/// pending account for the new sourcedId, that account is archived under the old sourcedId. `users
/// list --duplicates` lists such accounts. For many accounts, use `run --rekey FILE`. To correct a
/// mistake, run the command again with the two sourcedIds exchanged.
#[derive(Debug, clap::Args)]
pub(super) struct RekeyArgs {
    /// The old sourcedId
    #[arg(value_name = "OLD")]
    old: String,

    /// The new sourcedId
    #[arg(value_name = "NEW")]
    new: String,
}

pub(super) fn run(args: &RekeyArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let (old, new) = (args.old.trim(), args.new.trim());
    let done = rekey(&People::new(&config, &store, global.now())?, old, new)?;
    let said = match done {
        Rekeyed::Before => format!("The account of {old} was that of {new} already; nothing changed\n"),
        Rekeyed::Renamed => format!("The account of {old} is now that of {new}\n"),
        Rekeyed::Replaced { unlike, revoked } => {
            let mut said = format!(
                "The account of {old} is now that of {new}\nWhat a run had made for {new} is archived under {old}\n"
            );
            for grant in &revoked {
                let place = place_of(grant, &store)?;
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
            said
        }
        Rekeyed::TakenBack => format!(
            "Taken back: the account of {old} is that of {new} again, and what had been left behind under {new} that of {old}\n\
             What was done to either since is in `rostersync users history`\n"
        ),
    };
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}
