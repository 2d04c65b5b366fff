//! `rostersync status`

use serde_json::json;

use super::delivery::{held_json, waits};
use super::exit::Status;
use super::runs::{SHOWN, as_json};
use super::ui::Ui;
use super::users::reading;
use super::{Global, unprintable};
use crate::failure::{Failure, Kind, Result};
use crate::message::DeliveryState;
use crate::notify::outlook;
use crate::plural::counted;
use crate::store::{Broken, Store};

/// The last run, how long ago it was, and what waits
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// JSON for programs
    #[arg(long)]
    json: bool,

    /// Hold the whole history of changes against its chain of digests, and the accounts against the history, and name the first
    /// place that was altered (exit 1)
    ///
    /// Keep the last digest that it prints somewhere else: somebody who writes the whole chain anew ends with another one.
    #[arg(long)]
    verify: bool,
}

pub(super) fn run(args: &StatusArgs, global: &Global, ui: &Ui) -> Result<Status> {
    let config = global.load()?;
    if args.verify {
        // Nothing is intact that is not there.
        return verify(args, &reading(&config)?, ui);
    }
    let store = match Store::open_read(&config.sync.store)? {
        Some(store) => store,
        None => Store::empty()?,
    };
    let (last, population, waiting) = (store.last_sync()?, store.population()?, store.waiting()?);
    let outlook = outlook(&store, &config, global.now())?;
    let refused = store.outbox_counts()?.into_iter().find(|(state, _)| state == DeliveryState::Failed.word());
    let refused = refused.map_or(0, |(_, count)| count);
    let age = last.as_ref().map(|run| (global.now() - run.finished).num_seconds().max(0));
    let text = if args.json {
        let status = json!({
            "last_run": last.as_ref().map(as_json),
            "age_seconds": age,
            "accounts": { "pending": population.pending, "active": population.active, "archived": population.archived },
            "notifications_waiting": waiting,
            "notifications_refused": refused,
            "waiting": outlook.iter().map(held_json).collect::<Vec<_>>(),
            "update_contacts": config.sync.update_contacts,
        });
        format!("{status:#}\n")
    } else {
        let mut text = String::new();
        match (&last, age) {
            (Some(run), Some(age)) => {
                let counts: Vec<String> = SHOWN
                    .iter()
                    .map(|action| {
                        format!("{} {action}", run.summary["actions"][action].as_u64().unwrap_or_default())
                    })
                    .collect();
                text.push_str(&format!(
                    "Last run:       {}, {}, {} ago ({})\n",
                    run.id,
                    run.result.word(),
                    ago(age),
                    config.sync.timezone.show(run.finished)
                ));
                text.push_str(&format!("                {}\n", counts.join(", ")));
            }
            (None, _) | (_, None) => text.push_str("Last run:       none yet\n"),
        }
        text.push_str(&format!(
            "Accounts:       {} pending, {} active, {} archived\n",
            population.pending, population.active, population.archived
        ));
        let failed = if refused > 0 { format!(", {refused} refused for good") } else { String::new() };
        text.push_str(&format!("Notifications:  {waiting} waiting{failed}\n"));
        for held in &outlook {
            text.push_str(&format!("                {}\n", waits(held, &config)));
        }
        let setting = if config.sync.update_contacts { "ON" } else { "OFF" };
        let own = config.schools.len();
        let schools = match own {
            0 => String::new(),
            1 => " (1 school has its own value)".to_owned(),
            own => format!(" ({own} schools have their own value)"),
        };
        text.push_str(&format!("Setting:        {setting} for the district{schools}\n"));
        text
    };
    ui.print(text.as_bytes()).map_err(unprintable)?;
    Ok(Status::Ok)
}

/// Whether anybody has altered the history.
fn verify(args: &StatusArgs, store: &Store, ui: &Ui) -> Result<Status> {
    let verified = store.verify()?;
    let (what, row) = match &verified.broken {
        None => (None, None),
        Some(Broken::Row(id, what)) => (Some(format!("row {id} of the audit: {what}")), Some(*id)),
        Some(Broken::Link(id, Some(run))) => {
            (Some(format!("link {id} of the audit, or the entry of run {run}, was altered")), None)
        }
        Some(Broken::Link(id, None)) => {
            (Some(format!("link {id} of the audit was altered or removed")), None)
        }
        Some(Broken::Run(run)) => (Some(format!("run {run} has no link in the audit")), None),
        Some(Broken::Account(id, what)) => {
            (Some(format!("the {what} of the account `{id}` is not what the audit says")), None)
        }
    };
    if args.json {
        let found = json!({
            "intact": what.is_none(), "rows": verified.rows, "links": verified.links,
            "last": verified.last, "broken": what, "row": row,
        });
        ui.print(format!("{found:#}\n").as_bytes()).map_err(unprintable)?;
    } else if what.is_none() {
        let last = if verified.last.is_empty() { "none yet" } else { &verified.last };
        let text = format!(
            "The audit is intact: {} in {}\nLast digest: {last}\n",
            counted(verified.rows, "change", "changes"),
            counted(verified.links, "link", "links"),
        );
        ui.print(text.as_bytes()).map_err(unprintable)?;
    }
    match what {
        None => Ok(Status::Ok),
        Some(what) => {
            let (about, cure) = match &verified.broken {
                Some(Broken::Account(..)) => (
                    "the accounts were altered by hand",
                    "the audit itself holds: `rostersync users history` has what was recorded",
                ),
                _ => (
                    "the audit was altered by hand",
                    "compare with a backup; all that was recorded before that place still holds",
                ),
            };
            Err(Failure::new(Kind::Failed, format!("{about}: {what}")).cure(cure))
        }
    }
}

/// `3 h`, for people.
fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        // Never one: these are two days and more.
        172_800.. => format!("{} days", seconds / 86_400),
    }
}
