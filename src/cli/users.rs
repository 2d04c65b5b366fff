//! `rostersync users`

use std::time::Duration;

use clap::Subcommand;

use super::exit::Status;
use super::ui::Ui;
use super::{Global, unprintable};
use crate::account::State;
use crate::failure::{Failure, Kind, Result};
use crate::lock::{Lock, Of};
use crate::store::{AuditEntry, Origin, Store};

/// The accounts
#[derive(Debug, clap::Args)]
pub(super) struct UsersArgs {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Somebody has joined the platform: from now on the account is active, and the setting decides who may change it
    ///
    /// For platforms without an export. Joining twice changes nothing.
    Join {
        /// The user's sourcedId
        #[arg(value_name = "USER")]
        user: String,
    },
}

/// How long to wait for a run that is on.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) fn run(args: &UsersArgs, global: &Global, ui: &Ui) -> Result<Status> {
    let Command::Join { user } = &args.command;
    let config = global.load()?;
    let now = global.now();
    let unknown = || {
        Failure::new(Kind::Usage, format!("there is no account with the sourcedId `{user}`"))
            .cure("check it in the column sourced_id of `rostersync report`")
    };
    if Store::open_read(&config.sync.store)?.is_none() {
        return Err(unknown());
    }
    let _lock = Lock::take(&config.sync.store, Of::Run, &config.sync.timezone.show(now), PATIENCE)?;
    let store = Store::open(&config.sync.store)?;
    store.begin()?;
    let mut account = store.account(user)?.ok_or_else(unknown)?;
    if account.archived {
        return Err(Failure::new(
            Kind::Blocked,
            format!("`{user}` is archived: no longer in the SIS import"),
        )
        .cure("an archived user can join once the SIS import has them again"));
    }
    let said = match account.state {
        State::Active => {
            store.rollback()?;
            format!("{user} had joined before; nothing changed\n")
        }
        State::Pending => {
            account.state = State::Active;
            store.update_account(&account)?;
            let entry = AuditEntry {
                origin: Origin::Person,
                field: "state".into(),
                old: State::Pending.word().into(),
                new: State::Active.word().into(),
            };
            store.audit(account.id, None, &entry, now)?;
            store.commit()?;
            format!("{user} has joined and is active\n")
        }
    };
    ui.print(said.as_bytes()).map_err(unprintable)?;
    Ok(Status::Ok)
}
