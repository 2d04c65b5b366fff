//! The report of a run for a browser: what its page says of the run, of the runs before it and of its
//! messages, and the file beside the Users report. [`crate::report::render`] makes the page.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::attempt::Ending;
use crate::codes;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::lock::{Lock, Of};
use crate::plan::{Action, Summary};
use crate::report::{Csv, Format, Meaning, Page, PastRun, Query, Told, render};
use crate::store::{RunRow, Store};

use super::judge::Outcome;
use super::report_file;

/// So many runs are in the chart of the history.
const RUNS: u64 = 30;

/// The page of a run.
///
/// # Errors
/// Those of the store.
pub fn page_of_run(run: &RunRow, store: &Store, config: &Config) -> Result<Page> {
    let zone = config.sync.timezone;
    let past = store.runs_until(run.id, RUNS)?;
    let results = Results::of(&past, store)?;
    let mut facts = vec![("Started", zone.show(run.started)), ("Result", results.of_run(run).to_owned())];
    match run.undoes {
        Some(undone) => facts.push(("Undoes", format!("run {undone}"))),
        None => facts.push(("Source", format!("{} ({})", run.source, run.mode))),
    }
    if !run.notify && run.undoes.is_none() {
        facts.push(("Notifications", "none (--no-notify)".to_owned()));
    }
    if !run.checksum.is_empty() {
        facts.push(("Checksum", run.checksum.clone()));
    }
    let told = store.told_of(run.id)?.into_iter().map(|(role, channel, state, count)| Told {
        role,
        channel: channel.word(),
        state: state.word(),
        count,
    });
    Ok(Page {
        title: format!("Users report of run {}", run.id),
        blocked: run.result == Ending::BLOCKED,
        plan: summary_of(run).to_string(),
        facts,
        day: zone.day(run.started).to_string(),
        schools: store.schools()?,
        runs: past.iter().rev().map(|run| past_run(run, results.of_run(run), config)).collect(),
        messages: Some(told.collect()),
        meaning: Meaning(meaning),
    })
}

/// The page of a file that may be of any run.
pub fn page_of_file(path: &Path) -> Page {
    let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
    Page {
        title: "Users report".to_owned(),
        facts: vec![("File", name)],
        meaning: Meaning(meaning),
        ..Page::default()
    }
}

fn meaning(code: &str) -> Vec<&'static str> {
    codes::explain(code).map_or_else(Vec::new, |entry| vec![entry.meaning, entry.cause, entry.cure])
}

/// Writes the report of a run for a browser beside its Users report, with what the store says of the
/// run now.
///
/// # Errors
/// Those of the store and of the files.
pub(super) fn write(config: &Config, store: &Store, run: i64) -> Result<PathBuf> {
    let page = match store.run(run)? {
        Some(row) => page_of_run(&row, store, config)?,
        None => Page { title: format!("Users report of run {run}"), ..Page::default() },
    };
    let query = Query { format: Format::Html, page, ..Query::default() };
    report_file::write_html(&config.sync.reports, run, |report, out| {
        render(report, &query, &|headers| Box::new(Csv::for_programs(headers.to_vec())), out).map(drop)
    })
}

/// The same after a run is applied, if the configuration wants one. If that fails, the run counts all
/// the same.
pub(super) fn write_if_wanted(config: &Config, store: &Store, run: i64) {
    if config.sync.html
        && let Err(failure) = write(config, store, run)
    {
        say_unwritten(run, &failure);
    }
}

/// Writes the one of the last run, if that run was killed before it did so.
///
/// # Errors
/// Those of the store.
pub(super) fn catch_up(config: &Config, store: &Store) -> Result<()> {
    if config.sync.html {
        let last = store.last_run_number()?;
        if report_file::lacks_html(&config.sync.reports, last) {
            write_if_wanted(config, store, last);
        }
    }
    Ok(())
}

/// Writes it once more when the end of the run is on record, if more is known than at the commit: the
/// page says how the run ended, and what became of its messages. While another process holds the lock
/// the page stays as it is, since that process may be erasing a user.
pub(super) fn write_again(config: &Config, outcome: &Outcome, now: &str) {
    let Some(run) = outcome.run.filter(|_| config.sync.html && outcome.more_known) else { return };
    if let Ok(_lock) = Lock::take(&config.sync.store, Of::Run, now, std::time::Duration::ZERO) {
        match Store::open(&config.sync.store) {
            Ok(store) => write_if_wanted(config, &store, run),
            Err(failure) => say_unwritten(run, &failure),
        }
    }
}

fn say_unwritten(run: i64, failure: &Failure) {
    tracing::error!(
        run,
        "the run is applied, but its HTML report is not written: {failure}. `rostersync report {run} --output \
         report.html` writes it"
    );
}

/// An older version may have kept fewer counts.
fn summary_of(run: &RunRow) -> Summary {
    serde_json::from_value(run.summary.clone()).unwrap_or_default()
}

/// How runs ended, as their attempts on record say it: a run that needs a person, or whose messages
/// could not be handed over, is `ok` in its own row.
struct Results(BTreeMap<i64, String>);

impl Results {
    fn of(runs: &[RunRow], store: &Store) -> Result<Self> {
        let (Some(last), Some(first)) = (runs.first(), runs.last()) else { return Ok(Self(BTreeMap::new())) };
        Ok(Self(store.results_of_runs(first.id, last.id)?.into_iter().collect()))
    }

    fn of_run<'a>(&'a self, run: &'a RunRow) -> &'a str {
        self.0.get(&run.id).map_or_else(|| run.result.word(), String::as_str)
    }
}

fn past_run(run: &RunRow, result: &str, config: &Config) -> PastRun {
    let count = |action: Action| run.summary["actions"][action.word()].as_u64().unwrap_or_default();
    let actions: BTreeMap<&'static str, u64> = Action::ALL
        .into_iter()
        .map(|action| (action.word(), count(action)))
        .filter(|(_, count)| *count > 0)
        .collect();
    PastRun {
        run: run.id,
        started: config.sync.timezone.show(run.started),
        result: match run.undoes {
            Some(undone) => format!("{result}, undoes run {undone}"),
            None => result.to_owned(),
        },
        blocked: run.result == Ending::BLOCKED,
        actions,
    }
}
