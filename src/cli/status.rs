//! `rostersync status`

use serde_json::json;

use super::exit::Status;
use super::runs::{SHOWN, as_json};
use super::ui::Ui;
use super::{Global, unprintable};
use crate::failure::Result;
use crate::store::Store;

/// The last run, how long ago it was, and what waits
#[derive(Debug, clap::Args)]
pub(super) struct StatusArgs {
    /// JSON for programs
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &StatusArgs, global: &Global, ui: &Ui) -> Result<Status> {
    let config = global.load()?;
    let store = match Store::open_read(&config.sync.store)? {
        Some(store) => store,
        None => Store::empty()?,
    };
    let (last, population, waiting) = (store.runs(1)?.pop(), store.population()?, store.waiting()?);
    let age = last.as_ref().map(|run| (global.now() - run.finished).num_seconds().max(0));
    let text = if args.json {
        let status = json!({
            "last_run": last.as_ref().map(as_json),
            "age_seconds": age,
            "accounts": { "pending": population.pending, "active": population.active, "archived": population.archived },
            "notifications_waiting": waiting,
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
        text.push_str(&format!("Notifications:  {waiting} waiting\n"));
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

/// `3 h`, for people.
fn ago(seconds: i64) -> String {
    match seconds {
        ..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        7_200..172_800 => format!("{} h", seconds / 3600),
        172_800.. => format!("{} days", seconds / 86_400),
    }
}
