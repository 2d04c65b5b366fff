//! `rostersync users suppress` and `users unsuppress`

use chrono::NaiveDate;

use super::super::ui::Ui;
use super::super::{Global, unprintable};
use super::writing;
use crate::attempt::Ending;
use crate::failure::Result;
use crate::people::{People, Unsuppressing, suppress, unsuppress};
use crate::plural::counted;
use crate::report::harmless;
use crate::run::forget_pulled_roster;

/// The user is to have no account, whatever the SIS says
///
/// The next run archives the account, or makes none, and no run restores it. From now on nothing is
/// sent to the user, and messages that wait are discarded. USER may be a sourcedId that has no
/// account yet. `[contacts] suppressed` in the configuration can name a file of such users besides.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rostersync users suppress gua-1042 --reason \"court order\" --until 2027-06-30")]
pub(super) struct SuppressArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,

    /// Why; `users show` and `users list --suppressed` show it
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// The last day, such as 2027-06-30. Without it, until `users unsuppress`
    #[arg(long, value_name = "DATE")]
    until: Option<NaiveDate>,
}

/// The user may have an account again
///
/// The next run restores the account if the SIS has the user, and decides about the details as for
/// every other account.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  rostersync users unsuppress gua-1042")]
pub(super) struct UnsuppressArgs {
    /// The user's sourcedId
    #[arg(value_name = "USER")]
    user: String,
}

pub(super) fn run(args: &SuppressArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let people = People::new(&config, &store, global.now())?;
    let done = suppress(&people, &args.user, &args.reason, args.until)?;
    let user = harmless(&done.sourced_id);
    let term = args
        .until
        .map_or_else(|| "without an end".to_owned(), |day| format!("until {day}, that day included"));
    let next = match done.has_account {
        true => "The next run archives the account. Nothing is sent to the user from now on",
        false => "No run makes or restores an account",
    };
    let mut said = format!("{user} is suppressed {term}. {next}\n");
    if done.discarded > 0 {
        let waited = counted(done.discarded, "message that waited is", "messages that waited are");
        said.push_str(&format!("{waited} discarded\n"));
    }
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

pub(super) fn end(args: &UnsuppressArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (_lock, store) = writing(&config, global)?;
    let people = People::new(&config, &store, global.now())?;
    let user = harmless(args.user.trim());
    let ended = unsuppress(&people, &args.user)?;
    if ended == Unsuppressing::Erased {
        // It does not have the user, and a pull of changes would not bring the record.
        forget_pulled_roster(&config)?;
    }
    let still = people.suppressed().ok().and_then(|mut all| all.remove(args.user.trim()));
    let file = still.and_then(|still| still.file);
    let next = match store.account(args.user.trim())? {
        _ if file.is_some() => "",
        Some(account) if account.archived => ". The next run restores the account if the SIS has the user",
        Some(_) => ". The account stays as it is",
        None => ". The next run adds an account if the SIS has the user",
    };
    let mut said = match ended {
        Unsuppressing::Suppressed | Unsuppressing::Erased => {
            format!("{user} is not suppressed any more{next}\n")
        }
        Unsuppressing::NotSuppressed => {
            format!("{user} was not suppressed by `users suppress`; nothing changed\n")
        }
    };
    if let Some(file) = file {
        said.push_str(&format!("{user} is still suppressed: remove the row of the user in {file}\n"));
    }
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}
