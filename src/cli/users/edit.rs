//! `rostersync users edit`, `users can-edit` and `users join`

use serde_json::json;

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{DetailArgs, print_json, reading, send_now, writing};
use crate::attempt::Ending;
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::people::{Done, Joined, People, Refused, edit, join as join_platform};
use crate::plural::{counted, or_none};
use crate::report::harmless;
use crate::store::Store;

/// Change a user's contact details, for that person or for staff that manage users
///
/// Active people whose setting is OFF can change their own details. Staff with `users-manager` at
/// one of the person's schools can change them too. Values are read as in an import; an empty value
/// clears the field. The person gets a message at the new and at the old address. A refusal ends
/// with 4. It has a code and a sentence for the person, and is kept in the history.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync users edit gua-1042 --phone \"(718) 555-0142\" --as gua-1042
  rostersync users edit gua-1042 --home-phone \"\" --as adm-7   clear it")]
pub(super) struct EditArgs {
    /// sourcedId of the person whose details are meant
    #[arg(value_name = "USER")]
    user: String,

    #[command(flatten)]
    details: DetailArgs,

    /// sourcedId of the person that edits: the user, or staff
    #[arg(long = "as", value_name = "ACTOR")]
    actor: String,

    /// JSON for programs, also for a refusal
    #[arg(long)]
    json: bool,
}

/// Say which details of a user a person may edit, and why not; for a profile page
///
/// This command changes nothing. It ends with 0, whether the answer is yes or no.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rostersync users can-edit gua-1042 --as adm-7")]
pub(super) struct CanEditArgs {
    /// sourcedId of the person whose details are meant
    #[arg(value_name = "USER")]
    user: String,

    /// sourcedId of the person that wants to edit
    #[arg(long = "as", value_name = "ACTOR")]
    actor: String,

    /// JSON for programs
    #[arg(long)]
    json: bool,
}

/// Make an account active, because the person has joined the platform
///
/// For platforms without an export. From now on the setting decides which details the sync changes.
/// Details that you give count as the person's own edit. If the setting is ON for the person, these
/// details are refused, and the account still becomes active. A second join changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rostersync users join gua-1042 --email rosa@mail.example")]
pub(super) struct JoinArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,

    #[command(flatten)]
    details: DetailArgs,
}

pub(super) fn run(args: &EditArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let typed = args.details.typed();
    if typed.is_empty() {
        return Err(Failure::new(Kind::Usage, "nothing is to be changed").cure(
            "name a detail with --given-name, --family-name, --email, --phone or --home-phone; an empty one clears",
        ));
    }
    let (lock, store) = writing(&config, global)?;
    let done = edit(&People::new(&config, &store, global.now())?, &args.user, &args.actor, &typed)?;
    drop(lock);
    let user = &args.user;
    let (changes, told) = match done {
        Done::Refused(refused) => {
            if args.json {
                let (code, message) = (refused.code(), refused.sentence(&config));
                let said =
                    json!({ "result": "refused", "exit": 4, "user": user, "code": code, "message": message });
                print_json(&said, ui)?;
                return Ok(Ending::BLOCKED);
            }
            return Err(refused.failure(user, &config));
        }
        Done::Nothing => (Vec::new(), 0),
        Done::Changed { changes, told } => (changes, told),
    };
    let status = if told > 0 { send_now(&config, &store, global, ui) } else { Ending::Ok };
    if args.json {
        let changed: Vec<&str> = changes.iter().map(|change| change.field.key()).collect();
        let result = if changes.is_empty() { "unchanged" } else { "changed" };
        let said = json!({ "result": result, "exit": status.exit(), "user": user, "changed": changed, "messages": told });
        print_json(&said, ui)?;
        return Ok(status);
    }
    let mut text = String::new();
    for change in &changes {
        // What the platform's export had put there may hold anything.
        let (old, new) = (harmless(or_none(&change.old)), harmless(or_none(&change.new)));
        text.push_str(&format!("{}: {old} → {new}\n", change.field.title()));
    }
    text.push_str(&match (changes.is_empty(), told) {
        (true, _) => format!("{user} had these details already; nothing changed\n"),
        (false, 0) if is_stopped(&store, user)? => {
            format!("{user} was changed; nothing is sent, because the user may not be contacted\n")
        }
        (false, 0) => format!("{user} was changed; there is no way to tell them\n"),
        (false, _) if status == Ending::Undelivered => format!(
            "{user} was changed, but not all that tells of it could be handed over; `rostersync outbox list` has what waits\n"
        ),
        (false, told) => format!(
            "{user} was changed, and {} of it\n",
            counted(told as u64, "message tells", "messages tell")
        ),
    });
    ui.print(text.as_bytes()).map_err(unprintable)?;
    Ok(status)
}

/// Whether nothing is sent to a user for now.
pub(super) fn is_stopped(store: &Store, user: &str) -> Result<bool> {
    Ok(match store.account(user)? {
        Some(account) => store.is_stopped(account.id)?,
        None => false,
    })
}

pub(super) fn can_edit(args: &CanEditArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let store = reading(&config)?;
    let people = People::new(&config, &store, global.now())?;
    let target = people.account(&args.user)?;
    let answer = match store.account(&args.actor)? {
        Some(actor) => people.may_edit(&target, &actor)?.map_err(Refused::from),
        None => Err(Refused::UnknownActor),
    };
    let (code, message) = match &answer {
        Ok(_) => ("ok", ""),
        Err(refused) => (refused.code(), refused.sentence(&config)),
    };
    if args.json {
        let field = |field: Field| {
            (field.key().to_owned(), json!({ "editable": answer.is_ok(), "code": code, "message": message }))
        };
        let fields: serde_json::Map<_, _> = Field::ALL.into_iter().map(field).collect();
        print_json(&json!({ "user": args.user, "actor": args.actor, "fields": fields }), ui)?;
        return Ok(Ending::Ok);
    }
    let mut text = String::new();
    for field in Field::ALL {
        match &answer {
            Ok(_) => text.push_str(&format!("{:10}  yes\n", field.word())),
            Err(_) => text.push_str(&format!("{:10}  no   {code}\n", field.word())),
        }
    }
    if !message.is_empty() {
        text.push_str(&format!("{message}\n"));
    }
    ui.result(text.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

pub(super) fn join(args: &JoinArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (lock, store) = writing(&config, global)?;
    let user = &args.user;
    let joined = join_platform(&People::new(&config, &store, global.now())?, user, &args.details.typed())?;
    drop(lock);
    let (said, status) = match joined {
        Joined::Before => (format!("{user} had joined before; nothing changed\n"), Ending::Ok),
        Joined::Now { refused: Some(refused), .. } => {
            let (code, message) = (refused.code(), refused.sentence(&config));
            let said = format!(
                "{user} has joined and is active; the details were not changed ({code}): {message}\n"
            );
            (said, Ending::Ok)
        }
        Joined::Now { changes, refused: None } if changes.is_empty() => {
            (format!("{user} has joined and is active\n"), Ending::Ok)
        }
        Joined::Now { changes, refused: None } => {
            let fields: Vec<&str> = changes.iter().map(|change| change.field.noun()).collect();
            let said =
                format!("{user} has joined and is active, with a new {}\n", fields.join(" and a new "));
            (said, send_now(&config, &store, global, ui))
        }
        Joined::Refused(refused) => return Err(refused.failure(user, &config)),
    };
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(status)
}
