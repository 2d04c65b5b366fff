//! `rostersync users`: one file for each group of commands.

mod change;
mod edit;
mod erase;
mod exchange;
mod history;
mod list;
mod settle;
mod show;
mod suppress;

pub(super) use history::words_of;
pub(super) use list::COLUMNS as LIST_COLUMNS;
pub(super) use show::{link_json, set_by, set_json};

use clap::Subcommand;
use serde_json::json;

use super::delivery::attention_lines;
use super::layout::table;
use super::ui::Ui;
use super::{Global, signals, unprintable};
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::lock::{Lock, Of, PATIENCE};
use crate::people::{Found, People, Permission, Typed};
use crate::roster::ids;
use crate::run::{RunContext, send};
use crate::store::{SamePerson, Store};

/// Show and change accounts, permissions and sourcedIds
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync users list --search diaz
  rostersync users show rosa.diaz@mail.example")]
pub(super) struct UsersArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Join(edit::JoinArgs),
    Edit(edit::EditArgs),
    CanEdit(edit::CanEditArgs),
    History(history::HistoryArgs),
    Import(exchange::ImportArgs),
    Export(exchange::ExportArgs),
    Settle(settle::SettleArgs),
    /// Allow a staff account to edit other people's details
    ///
    /// The permission is for one school or for the whole district. It allows edits only of active
    /// people whose setting is OFF. To edit an administrator, or another person with the
    /// permission, the staff account needs the permission for the whole district.
    #[command(after_help = "\
Examples:
  rostersync users grant adm-7 users-manager                   everywhere
  rostersync users grant adm-7 users-manager --school sch-12   at one school")]
    Grant(change::PermissionArgs),
    /// Take a permission away
    #[command(after_help = "\
Example:
  rostersync users revoke adm-7 users-manager")]
    Revoke(change::PermissionArgs),
    /// The user wants no messages by a channel
    ///
    /// A change of the email or the mobile, which people sign in with, is told all the same: by text
    /// or, if that is not possible, by email. Whichever speaks last counts: this command, the columns
    /// `email_opt_out` and `sms_opt_out` of the platform's export when their value changes, or a STOP
    /// to the gateway.
    #[command(after_help = "\
Example:
  rostersync users opt-out gua-1042 --channel sms")]
    OptOut(change::ChannelArgs),
    /// The user wants messages by a channel again
    ///
    /// A gateway that got a STOP sends nothing to the number until the owner has answered START.
    #[command(after_help = "\
Example:
  rostersync users opt-in gua-1042 --channel sms")]
    OptIn(change::ChannelArgs),
    Suppress(suppress::SuppressArgs),
    Unsuppress(suppress::UnsuppressArgs),
    Erase(erase::EraseArgs),
    Rekey(change::RekeyArgs),
    Distinct(change::DistinctArgs),
    /// A held user is the same person as before: restore the account
    ///
    /// A run holds an archived account if its sourcedId comes back with another name and nothing
    /// else in common (action `held`, code `reused-id`). This command restores the account as it
    /// was, pending or active. The next run decides about its details as for every other account. A
    /// permission of the account ends.
    #[command(after_help = "\
Example:
  rostersync users same gua-1042")]
    Same(change::HeldArgs),
    /// A held user is another person: make room for a new account
    ///
    /// The old account gets the sourcedId USER~1. It stays archived, with its details and history.
    /// The next run whose roster has the record creates an account for the other person. The new
    /// account gets nothing from the old one. A permission of the old account ends.
    #[command(after_help = "\
Example:
  rostersync users another gua-1042")]
    Another(change::HeldArgs),
}

pub(super) fn run(args: &UsersArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    match &args.command {
        Command::List(args) => list::run(args, global, ui),
        Command::Show(args) => show::run(args, global, ui),
        Command::Join(args) => edit::join(args, global, ui),
        Command::Edit(args) => edit::run(args, global, ui),
        Command::CanEdit(args) => edit::can_edit(args, global, ui),
        Command::History(args) => history::run(args, global, ui),
        Command::Import(args) => exchange::import(args, global, ui),
        Command::Export(args) => exchange::export(args, global, ui),
        Command::Settle(args) => settle::run(args, global, ui),
        Command::Grant(args) => change::permission(args, Permission::Grant, global, ui),
        Command::Revoke(args) => change::permission(args, Permission::Revoke, global, ui),
        Command::OptOut(args) => change::opt_out(args, true, global, ui),
        Command::OptIn(args) => change::opt_out(args, false, global, ui),
        Command::Suppress(args) => suppress::run(args, global, ui),
        Command::Unsuppress(args) => suppress::end(args, global, ui),
        Command::Erase(args) => erase::run(args, global, ui),
        Command::Rekey(args) => change::rekey(args, global, ui),
        Command::Distinct(args) => change::distinct(args, global, ui),
        Command::Same(args) => change::same(args, global, ui),
        Command::Another(args) => change::another(args, global, ui),
    }
}

/// The details that were typed.
#[derive(Debug, clap::Args)]
struct DetailArgs {
    /// Given name
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    given_name: Option<String>,

    /// Family name
    #[arg(long, value_name = "TEXT", allow_hyphen_values = true)]
    family_name: Option<String>,

    /// Email address, which people sign in with
    #[arg(long, value_name = "ADDRESS", allow_hyphen_values = true)]
    email: Option<String>,

    /// Mobile, which people sign in with
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    phone: Option<String>,

    /// Home phone
    #[arg(long, value_name = "NUMBER", allow_hyphen_values = true)]
    home_phone: Option<String>,
}

impl DetailArgs {
    fn typed(&self) -> Typed {
        Typed {
            given_name: self.given_name.clone(),
            family_name: self.family_name.clone(),
            email: self.email.clone(),
            phone: self.phone.clone(),
            home_phone: self.home_phone.clone(),
        }
    }
}

/// The sourcedId of one person, by a sourcedId, an email, a number or a part of a name.
///
/// # Errors
/// `Usage` if no person fits, or several do.
fn one_of(people: &People<'_>, text: &str, json: bool, ui: &Ui) -> Result<String> {
    if let Some(one) = only_one(people.find(text)?, json, ui)? {
        return Ok(one);
    }
    if people.store.erased()?.contains(&ids::encoded(text.trim())) {
        return Err(Failure::new(Kind::Usage, format!("the user `{}` was erased", text.trim()))
            .cure("`rostersync users unsuppress USER` lets the next run add the user again"));
    }
    if let Some(SamePerson { old, new, evidence, .. }) = people.store.same_person(text.trim())? {
        let what = format!(
            "there is no account for `{new}`: it is probably the same person as `{old}` ({evidence})"
        );
        return Err(Failure::new(Kind::Usage, what).cure(format!(
            "`rostersync users show {old}` shows the account, and how to decide whether they are one person"
        )));
    }
    // The text is not repeated: it can be a person's, and standard error may go to a log.
    Err(Failure::new(Kind::Usage, "there is no account with this sourcedId, email, number or name")
        .cure("`rostersync users list` lists them; the sourcedId is also in `rostersync report`"))
}

/// The sourcedId of the person that was found; none if no person fits.
///
/// # Errors
/// `Usage` if several fit. They are printed, so that the user can choose. The failure itself holds no names.
pub(super) fn only_one(found: Found, json: bool, ui: &Ui) -> Result<Option<String>> {
    let Found { count, first } = found;
    if count < 2 {
        return Ok(first.into_iter().next().map(|one| one.sourced_id));
    }
    if json {
        print_json(&json!({ "result": "usage", "exit": 2, "count": count, "matches": first }), ui)?;
    } else {
        let more = count - first.len() as u64;
        let rows: Vec<_> =
            first.into_iter().map(|one| vec![one.sourced_id, one.name, one.state, one.role]).collect();
        let mut out = table(&["sourced_id", "name", "state", "role"], &rows, ui.screen);
        if more > 0 {
            out.extend_from_slice(format!("… and {more} more\n").as_bytes());
        }
        ui.print(&out).map_err(unprintable)?;
    }
    Err(Failure::new(Kind::Usage, format!("{count} people fit this text"))
        .cure("name one of them by the sourcedId"))
}

/// The store, to be read.
///
/// # Errors
/// `Usage` if there is none.
pub(super) fn reading(config: &Config) -> Result<Store> {
    Store::open_read(&config.sync.store)?.ok_or_else(|| no_accounts(config))
}

/// A private copy of the store, in which a preview can write what it wants to see.
///
/// # Errors
/// `Usage` if there is no store.
pub(super) fn copying(config: &Config) -> Result<Store> {
    Store::open_copy(&config.sync.store)?.ok_or_else(|| no_accounts(config))
}

/// The store, to be written, with the lock that keeps other processes out.
///
/// # Errors
/// `Usage` if there is none, `Busy` if a run is on for longer than [`PATIENCE`].
pub(super) fn writing(config: &Config, global: &Global) -> Result<(Lock, Store)> {
    reading(config)?;
    let stamp = config.sync.timezone.show(global.now());
    let lock = Lock::take(&config.sync.store, Of::Run, &stamp, PATIENCE)?;
    Ok((lock, Store::open(&config.sync.store)?))
}

fn no_accounts(config: &Config) -> Failure {
    if let Some(lost) = crate::run::lost(config) {
        return lost;
    }
    Failure::new(Kind::Usage, "there are no accounts yet")
        .at(config.sync.store.display())
        .cure("`rostersync run` makes them from the roster")
}

/// Hands over what an edit has queued, once the lock is free again. It is done whatever becomes of that; what stays queued
/// is sent by the next run.
pub(super) fn send_now(config: &Config, store: &Store, global: &Global, ui: &Ui) -> Ending {
    // A message that is in flight is handed over before this process ends.
    let stop = signals::watch();
    let context =
        RunContext { now: global.now(), progress: ui, stop: &|| stop.as_ref().ok().and_then(|stop| stop()) };
    let sent = send(config, store, &context);
    crate::run::Progress::end(ui);
    match sent {
        Ok(delivery) if delivery.is_undelivered() => Ending::Undelivered,
        Ok(delivery) => {
            let mut findings = Findings::default();
            delivery.find(config, &mut findings);
            attention_lines(&findings, |_| true).for_each(|line| tracing::error!("{line}"));
            if findings.needs_attention() { Ending::Attention } else { Ending::Ok }
        }
        Err(failure) => {
            tracing::error!("the change is made, but its notifications stay queued: {failure}");
            Ending::Undelivered
        }
    }
}

pub(super) fn print_json(value: &serde_json::Value, ui: &Ui) -> Result<()> {
    ui.print_data(format!("{value:#}\n").as_bytes()).map_err(unprintable)
}
