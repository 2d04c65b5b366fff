//! `rostersync runs`

mod shown;

use serde_json::json;

use super::ui::Ui;
use super::{Global, unprintable};
use crate::attempt::Attempt;
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::Result;
use crate::report::harmless;
use crate::run::history;
use crate::store::{RunRow, Store, Tried, stamp};

/// List the runs, latest first, one line each, and the attempts that failed
///
/// An attempt that failed applied nothing: it has a reason, but no number. The line of a blocked
/// run says what the run would have done.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync runs                latest first
  rostersync runs --limit 0 --json")]
pub(super) struct RunsArgs {
    /// How many lines to list; 0 lists all
    #[arg(long, value_name = "N", default_value_t = 30, value_parser = super::whole_number::<u64>)]
    limit: u64,

    /// One JSON array instead of lines
    #[arg(long)]
    json: bool,
}

/// The counts that the history shows, as the summary in the store names them.
pub(super) const SHOWN: [&str; 7] =
    ["created", "updated", "archived", "restored", "kept", "skipped", "rejected"];

/// What a blocked run would have done, by the same names.
const WOULD: [(&str, &str); 6] = [
    ("created", "create"),
    ("updated", "update"),
    ("archived", "archive"),
    ("restored", "restore"),
    ("kept", "keep"),
    ("held", "hold"),
];

pub(super) fn run(args: &RunsArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let (store, trouble) = match Store::open_read(&config.sync.store) {
        Ok(store) => (store, None),
        // What is on record beside it is listed, and then said why there is no more.
        Err(failure) => (None, Some(failure)),
    };
    if trouble.is_none()
        && store.is_none()
        && let Some(lost) = crate::run::lost(&config)
    {
        tracing::warn!("{lost}");
    }
    let limit = if args.limit == 0 { u64::from(u32::MAX) } else { args.limit };
    let (tried, unreadable) = history(&config, store.as_ref(), limit)?;
    if let Some(why) = unreadable {
        tracing::warn!("{why}; what failed before the store could be opened is not shown");
    }
    let text = if args.json {
        let all: Vec<_> = tried.iter().map(tried_json).collect();
        format!("{:#}\n", json!(all))
    } else if tried.is_empty() {
        "There has been no run yet.\n".to_owned()
    } else if ui.screen.width.is_some() {
        shown::on_terminal(&tried, &config, ui.screen)
    } else {
        let names = counts(|action| action.to_owned());
        let mut text = format!("{:>6}  {:16}  {:18}  {names}  source\n", "run", "started", "result");
        for one in &tried {
            text.push_str(&line(one, &config));
        }
        text
    };
    ui.result(text.as_bytes()).map_err(unprintable)?;
    trouble.map_or(Ok(Ending::Ok), Err)
}

fn line(Tried { attempt, run, .. }: &Tried, config: &Config) -> String {
    let number = attempt.run.map(|run| run.to_string()).unwrap_or_default();
    let began = format!(
        "{number:>6}  {:16}  {:18}",
        config.sync.timezone.show(attempt.started),
        harmless(&attempt.result)
    );
    let Some(run) = run else {
        let what = match attempt.run {
            Some(_) => "this run is not in the store",
            None => attempt.reason.as_str(),
        };
        return format!("{began}  {}\n", harmless(what));
    };
    if attempt.result == "blocked" {
        let reason = if attempt.reason.is_empty() { String::new() } else { format!(": {}", attempt.reason) };
        return format!("{began}  {}{}\n", would(run), harmless(&reason));
    }
    let told = if run.notify || run.undoes.is_some() { "" } else { "  (no notifications)" };
    let reason = if attempt.reason.is_empty() { String::new() } else { format!("  ({})", attempt.reason) };
    let done = counts(|action| count(run, action).to_string());
    format!("{began}  {done}  {}{told}{}\n", run.source, harmless(&reason))
}

/// The counts side by side, under their names.
fn counts(cell: impl Fn(&str) -> String) -> String {
    let wide = [8, 8, 9, 9, 7, 8, 9];
    SHOWN.iter().zip(wide).map(|(action, wide)| format!("{:>wide$}", cell(action))).collect()
}

pub(super) fn count(run: &RunRow, action: &str) -> u64 {
    run.summary["actions"][action].as_u64().unwrap_or_default()
}

/// `would create 1, archive 4`
pub(super) fn would(run: &RunRow) -> String {
    let all: Vec<String> = WOULD
        .iter()
        .filter(|(action, _)| count(run, action) > 0)
        .map(|(action, verb)| format!("{verb} {}", count(run, action)))
        .collect();
    if all.is_empty() { "would change nothing".to_owned() } else { format!("would {}", all.join(", ")) }
}

/// An attempt for programs: with `run` null if it has no number.
pub(super) fn attempt_json(attempt: &Attempt) -> serde_json::Value {
    json!({
        "when": stamp(attempt.started),
        "result": attempt.result,
        "exit": attempt.exit,
        "reason": attempt.reason,
        "run": attempt.run,
        "attention": attempt.attention,
    })
}

pub(super) fn tried_json(Tried { attempt, run, .. }: &Tried) -> serde_json::Value {
    let mut value = match run {
        Some(run) => as_json(run),
        None => {
            json!({ "run": attempt.run, "started": stamp(attempt.started), "finished": stamp(attempt.finished) })
        }
    };
    value["result"] = attempt.result.as_str().into();
    value["exit"] = attempt.exit.into();
    value["reason"] = attempt.reason.as_str().into();
    value["attention"] = json!(attempt.attention);
    value
}

/// A run for programs. Of a blocked one the counts are of what it would have done.
fn as_json(run: &RunRow) -> serde_json::Value {
    let mut summary = run.summary.clone();
    if let Some(counts) = summary.as_object_mut() {
        // What a refused approval is compared with; its words change with the program.
        counts.shift_remove(crate::run::BASIS);
    }
    json!({
        "run": run.id,
        "started": stamp(run.started),
        "finished": stamp(run.finished),
        "result": run.result.word(),
        "applied": run.result != Ending::BLOCKED,
        "source": run.source,
        "mode": if run.undoes.is_some() { "undo" } else { &run.mode },
        "undoes": run.undoes,
        "notify": run.notify,
        "checksum": run.checksum,
        "summary": summary,
    })
}
