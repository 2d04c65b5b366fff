//! `rostersync users settle`

use serde_json::json;

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::{print_json, send_now, writing};
use crate::attempt::Ending;
use crate::config::Config;
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::people::{People, Refused, Settle, Settling, settle};
use crate::plural::{counted, or_none};
use crate::policy::Refusal;
use crate::report::harmless;

/// Say which value is right where an active user's detail differs from the SIS
///
/// With --keep, the user's value is right: reports do not note the difference any more, until one
/// of the two values changes. With --take, the value of the SIS is right: it is applied once, and
/// the user gets a message, as if the setting were ON. If the setting is ON for the user, there is
/// nothing to settle.
///
/// `users list --settled` lists what is settled, `report --where codes=settled` the rows of a run.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("how").required(true))]
#[command(after_help = "\
Examples:
  rostersync users settle gua-1042 email --keep     the user is right
  rostersync users settle gua-1042 phone --take     the SIS is right")]
pub(super) struct SettleArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,

    /// The detail
    #[arg(value_name = "FIELD", value_parser = ["name", "email", "phone", "home_phone"])]
    field: String,

    /// The user's value is right: keep it, and note the difference no more
    #[arg(long, group = "how")]
    keep: bool,

    /// The value of the SIS is right: apply it once
    #[arg(long, group = "how")]
    take: bool,

    /// sourcedId of the person that decides: the user, or staff that manage users. Without it, you
    #[arg(long = "as", value_name = "ACTOR")]
    actor: Option<String>,

    /// JSON for programs, also for a refusal
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &SettleArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let field = Field::of_key(&args.field)
        .ok_or_else(|| Failure::new(Kind::Usage, format!("there is no detail `{}`", args.field)))?;
    let how = if args.keep { Settle::Keep } else { Settle::Take };
    let (lock, store) = writing(&config, global)?;
    let people = People::new(&config, &store, global.now())?;
    let settling = settle(&people, &args.user, args.actor.as_deref(), field, how)?;
    drop(lock);
    if let Settling::Refused(refused) = settling {
        let failure = refusal(refused, &args.user, &config);
        if !args.json {
            return Err(failure);
        }
        let said = json!({ "result": "refused", "exit": 4, "user": args.user, "code": refused.code(), "message": failure.what });
        print_json(&said, ui)?;
        return Ok(Ending::BLOCKED);
    }
    let told = if let Settling::Taken { told, .. } = settling { told } else { 0 };
    let status = if told > 0 { send_now(&config, &store, global, ui) } else { Ending::Ok };
    if args.json {
        let result = match settling {
            Settling::Kept => "kept",
            Settling::Taken { .. } => "taken",
            Settling::NoDifference | Settling::Before | Settling::NothingToTake | Settling::Refused(_) => {
                "unchanged"
            }
        };
        let said = json!({ "result": result, "exit": status.exit(), "user": args.user, "field": field.key(), "messages": told });
        print_json(&said, ui)?;
        return Ok(status);
    }
    ui.print(text(&settling, &args.user, field, super::edit::is_stopped(&store, &args.user)?).as_bytes())
        .map_err(unprintable)?;
    Ok(status)
}

fn refusal(refused: Refused, user: &str, config: &Config) -> Failure {
    let nothing_to_settle = match refused {
        Refused::Policy(Refusal::ManagedBySync) => "the setting is ON for this user",
        Refused::Policy(Refusal::NotJoined) => "this user has not joined",
        _ => return refused.failure(user, config),
    };
    Failure::new(
        Kind::Blocked,
        format!("there is nothing to settle: {nothing_to_settle}, so the sync applies the value of the SIS"),
    )
    .at(format!("user {user}, code {}", refused.code()))
    .cure("nothing was changed; correct the value in the SIS")
}

fn text(settling: &Settling, user: &str, field: Field, is_stopped: bool) -> String {
    let noun = field.noun();
    match settling {
        Settling::NoDifference => {
            format!("The {noun} of {user} does not differ from the SIS; nothing changed\n")
        }
        Settling::Before => {
            format!("The difference of the {noun} of {user} was settled already; nothing changed\n")
        }
        Settling::NothingToTake => format!(
            "The SIS import has no {noun} for {user}, and a blank cell takes nothing away here; nothing changed\n"
        ),
        Settling::Kept => format!(
            "{user} keeps the {noun}. The difference from the SIS is not noted any more, until one of the values changes\n"
        ),
        Settling::Taken { change, told } => {
            let (old, new) = (harmless(or_none(&change.old)), harmless(or_none(&change.new)));
            let told = match told {
                0 if is_stopped => "nothing is sent, because the user may not be contacted".to_owned(),
                0 => "there is no way to tell the user".to_owned(),
                told => format!("{} of it", counted(*told as u64, "message tells", "messages tell")),
            };
            format!("{}: {old} → {new}\n{user} was changed, and {told}\n", field.title())
        }
        Settling::Refused(_) => String::new(),
    }
}
