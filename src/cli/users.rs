//! `rostersync users`: one file for each group of commands.

mod edit;
mod exchange;
mod grants;
mod history;
mod join;
mod list;
mod rekey;
mod reused;
mod show;

pub(super) use show::{set_by, with_there};

use clap::Subcommand;
use serde_json::json;

use super::table::Table;
use super::ui::Ui;
use super::{Global, signals, unprintable};
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::lock::{Lock, Of, PATIENCE};
use crate::people::{Found, Match, People, Permission, Typed};
use crate::run::{Surroundings, send};
use crate::store::Store;

/// Show and change accounts, permissions and sourcedIds
#[derive(Debug, clap::Args)]
pub(super) struct UsersArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::ListArgs),
    Show(show::ShowArgs),
    Join(join::JoinArgs),
    Edit(edit::EditArgs),
    CanEdit(edit::CanEditArgs),
    History(history::HistoryArgs),
    Import(exchange::ImportArgs),
    Export(exchange::ExportArgs),
    /// Allow a staff account to edit other people's details
    ///
    /// The permission is for one school or for the whole district. It allows edits only of active
    /// people whose setting is OFF. To edit an administrator, or another person with the
    /// permission, the staff account needs the permission for the whole district.
    Grant(grants::PermissionArgs),
    /// Take a permission away
    Revoke(grants::PermissionArgs),
    Rekey(rekey::RekeyArgs),
    /// A held user is the same person as before: restore the account
    ///
    /// A run holds an archived account if its sourcedId comes back with another name and nothing
    /// else in common (action `held`, code `reused-id`). This command restores the account as it
    /// was, pending or active. The next run decides about its details as for every other account. A
    /// permission of the account ends.
    Same(reused::HeldArgs),
    /// A held user is another person: make room for a new account
    ///
    /// The old account gets the sourcedId USER~1. It stays archived, with its details and history.
    /// The next run whose roster has the record creates an account for the other person. The new
    /// account gets nothing from the old one. A permission of the old account ends.
    Another(reused::HeldArgs),
}

pub(super) fn run(args: &UsersArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    match &args.command {
        Command::List(args) => list::run(args, global),
        Command::Show(args) => show::run(args, global, ui),
        Command::Join(args) => join::run(args, global, ui),
        Command::Edit(args) => edit::run(args, global, ui),
        Command::CanEdit(args) => edit::can_edit(args, global, ui),
        Command::History(args) => history::run(args, global, ui),
        Command::Import(args) => exchange::import(args, global, ui),
        Command::Export(args) => exchange::export(args, global),
        Command::Grant(args) => grants::run(args, Permission::Grant, global, ui),
        Command::Revoke(args) => grants::run(args, Permission::Revoke, global, ui),
        Command::Rekey(args) => rekey::run(args, global, ui),
        Command::Same(args) => reused::run_same(args, global, ui),
        Command::Another(args) => reused::run_another(args, global, ui),
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
/// `Usage` if no person fits, or several do. Several are printed, so that the user can choose.
pub(super) fn one_of(people: &People<'_>, text: &str, json: bool, ui: &Ui) -> Result<String> {
    match people.find(text)? {
        Found::One(sourced_id) => Ok(sourced_id),
        Found::Nobody => Err(unknown(text)),
        Found::Several(first, count) => Err(several(text, &first, count, json, ui)?),
    }
}

pub(super) fn unknown(text: &str) -> Failure {
    Failure::new(
        Kind::Usage,
        format!("there is no account with the sourcedId, email, number or name `{text}`"),
    )
    .cure("`rostersync users list` lists them; the sourcedId is also in `rostersync report`")
}

/// Prints the people that fit. The failure itself holds no names.
pub(super) fn several(text: &str, first: &[Match], count: u64, json: bool, ui: &Ui) -> Result<Failure> {
    if json {
        let matches: Vec<_> = first
            .iter()
            .map(|one| {
                json!({ "sourced_id": one.sourced_id, "name": one.name, "state": one.state, "role": one.role })
            })
            .collect();
        print_json(&json!({ "result": "usage", "exit": 2, "count": count, "matches": matches }), ui)?;
    } else {
        let mut out = Vec::new();
        let mut table = Table::new(&["sourced_id", "name", "state", "role"]);
        for one in first {
            table.row(&[&one.sourced_id, &one.name, &one.state, &one.role], &mut out)?;
        }
        table.finish(&mut out)?;
        ui.print(&out).map_err(unprintable)?;
        let more = count - first.len() as u64;
        if more > 0 {
            ui.print(format!("… and {more} more\n").as_bytes()).map_err(unprintable)?;
        }
    }
    Ok(Failure::new(Kind::Usage, format!("`{text}` fits {count} people"))
        .cure("name one of them by the sourcedId"))
}

/// The store, to be read.
///
/// # Errors
/// `Usage` if there is none.
pub(super) fn reading(config: &Config) -> Result<Store> {
    Store::open_read(&config.sync.store)?.ok_or_else(|| nobody(config))
}

/// A private copy of the store, in which a preview can write what it wants to see.
///
/// # Errors
/// `Usage` if there is no store.
pub(super) fn copying(config: &Config) -> Result<Store> {
    Store::open_copy(&config.sync.store)?.ok_or_else(|| nobody(config))
}

/// The store, to be written, with the lock that keeps everybody else out.
///
/// # Errors
/// `Usage` if there is none, `Busy` if a run is on for longer than [`PATIENCE`].
pub(super) fn writing(config: &Config, global: &Global) -> Result<(Lock, Store)> {
    reading(config)?;
    let stamp = config.sync.timezone.show(global.now());
    let lock = Lock::take(&config.sync.store, Of::Run, &stamp, PATIENCE)?;
    Ok((lock, Store::open(&config.sync.store)?))
}

fn nobody(config: &Config) -> Failure {
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
    let around = Surroundings {
        now: global.now(),
        progress: ui,
        stop: &|| stop.as_ref().ok().and_then(|stop| stop()),
    };
    let sent = send(config, store, &around);
    crate::run::Progress::end(ui);
    match sent {
        Ok(delivery) if !delivery.is_undelivered() => Ending::Ok,
        Ok(_) => Ending::Undelivered,
        Err(failure) => {
            tracing::error!("the change is made, but its notifications stay queued: {failure}");
            Ending::Undelivered
        }
    }
}

/// Prints JSON, indented.
pub(super) fn print_json(value: &serde_json::Value, ui: &Ui) -> Result<()> {
    ui.print_data(format!("{value:#}\n").as_bytes()).map_err(unprintable)
}

/// `the district`, or `school sch-1 (Lincoln Elementary)`.
fn place_of(grant: &crate::store::Grant, store: &Store) -> Result<String> {
    Ok(match grant {
        crate::store::Grant::District => "the whole district".to_owned(),
        crate::store::Grant::School(id) => match store.schools()?.get(id) {
            Some(name) => format!("school {id} ({name})"),
            None => format!("school {id}"),
        },
    })
}
