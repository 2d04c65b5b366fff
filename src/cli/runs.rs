//! `rostersync runs`

use chrono::SecondsFormat;
use serde_json::json;

use super::exit::Status;
use super::ui::Ui;
use super::{Global, unprintable};
use crate::failure::Result;
use crate::store::{RunRow, Store};

/// The history of runs, latest first, one line each
#[derive(Debug, clap::Args)]
pub(super) struct RunsArgs {
    /// How many runs to list; 0 is all
    #[arg(long, value_name = "N", default_value_t = 30)]
    limit: u64,

    /// One JSON array instead of lines
    #[arg(long)]
    json: bool,
}

/// The counts that the history shows, as the summary in the store names them.
pub(super) const SHOWN: [&str; 7] =
    ["created", "updated", "archived", "restored", "kept", "skipped", "rejected"];

pub(super) fn run(args: &RunsArgs, global: &Global, ui: &Ui) -> Result<Status> {
    let config = global.load()?;
    let runs = match Store::open_read(&config.sync.store)? {
        Some(store) => store.runs(if args.limit == 0 { u64::from(u32::MAX) } else { args.limit })?,
        None => Vec::new(),
    };
    let text = if args.json {
        let runs: Vec<_> = runs.iter().map(as_json).collect();
        format!("{:#}\n", json!(runs))
    } else if runs.is_empty() {
        "There has been no run yet.\n".to_owned()
    } else {
        let mut text = format!(
            "{:>6}  {:16}  {:7}  {:>8}{:>8}{:>9}{:>9}{:>7}{:>8}{:>9}  {}\n",
            "run",
            "started",
            "result",
            "created",
            "updated",
            "archived",
            "restored",
            "kept",
            "skipped",
            "rejected",
            "source"
        );
        for run in &runs {
            let count = |action: &str| run.summary["actions"][action].as_u64().unwrap_or_default();
            text.push_str(&format!(
                "{:>6}  {:16}  {:7}  {:>8}{:>8}{:>9}{:>9}{:>7}{:>8}{:>9}  {}{}\n",
                run.id,
                config.sync.timezone.show(run.started),
                run.result.word(),
                count(SHOWN[0]),
                count(SHOWN[1]),
                count(SHOWN[2]),
                count(SHOWN[3]),
                count(SHOWN[4]),
                count(SHOWN[5]),
                count(SHOWN[6]),
                run.source,
                if run.notify || run.undoes.is_some() { "" } else { "  (nobody told)" },
            ));
        }
        text
    };
    ui.print(text.as_bytes()).map_err(unprintable)?;
    Ok(Status::Ok)
}

/// A run for programs.
pub(super) fn as_json(run: &RunRow) -> serde_json::Value {
    json!({
        "run": run.id,
        "started": run.started.to_rfc3339_opts(SecondsFormat::Secs, true),
        "finished": run.finished.to_rfc3339_opts(SecondsFormat::Secs, true),
        "result": run.result.word(),
        "source": run.source,
        "mode": if run.undoes.is_some() { "undo" } else { &run.mode },
        "undoes": run.undoes,
        "notify": run.notify,
        "checksum": run.checksum,
        "summary": run.summary,
    })
}
