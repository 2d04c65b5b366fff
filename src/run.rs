//! A run, from the platform's export and the roster to the report: one straight walk.
//!
//! Everything is read and planned before anything is written. A dry run stops before the commit, and only there: up to
//! this point both are the same code. The report is complete on the disk, under a temporary name, before the commit, and
//! gets its name after it; a run that dies in between is finished by the next one.

mod commit;
mod files;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::config::{Config, SourceKind};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::lock::{Lock, Of};
use crate::notify::{self, Delivery};
use crate::output::{check_target, write_file};
use crate::plan::{self, Overrun, Plan, Rules, Survey};
use crate::platform::Export;
use crate::policy::Setting;
use crate::roster::{Mode, Record, Schools};
use crate::source::RosterSource;
use crate::source::oneroster_csv::{self, OneRosterCsv};
use crate::store::{RunResult, Store};

pub use files::find_report;

/// What one run is asked to do.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Plan and report, write and send nothing.
    pub dry_run: bool,
    /// In place of every configured value of the setting. Only with `dry_run`.
    pub what_if: Option<bool>,
    /// In place of `[source] path`.
    pub source: Option<PathBuf>,
    /// Apply, but tell nobody.
    pub no_notify: bool,
    /// Go past the limits for the plan with this checksum, and for no other.
    pub approve: Option<String>,
    /// Also write the report here.
    pub report: Option<PathBuf>,
}

/// What a run meets outside: its clock, its progress, the wish that it should stop.
pub struct Surroundings<'a> {
    pub now: DateTime<Utc>,
    pub progress: &'a dyn Progress,
    /// The signal that asks the run to stop, if there was one.
    pub stop: &'a dyn Fn() -> Option<i32>,
}

/// Who is shown how far a run is.
pub trait Progress {
    /// A stage begins, of so many steps if that is known.
    fn begin(&self, stage: &'static str, steps: Option<u64>);
    /// So many steps of it are done.
    fn at(&self, step: u64);
    /// Nothing more is coming.
    fn end(&self);
}

/// What came of a run.
pub struct Outcome {
    /// Its number; none for a dry run.
    pub run: Option<i64>,
    pub plan: Plan,
    pub survey: Survey,
    pub schools: Schools,
    /// Limits that the plan goes over, whether approved or not.
    pub overruns: Vec<Overrun>,
    /// Stopped: nothing was applied.
    pub blocked: bool,
    /// More records were rejected than `[limits] rejected` allows.
    pub partial: bool,
    pub report: Option<PathBuf>,
    pub delivery: Delivery,
    pub findings: Findings,
    /// Rows of the platform's export, and how many of them belong to nobody.
    pub export_rows: usize,
    pub export_unknown: u64,
}

/// Runs the sync.
///
/// # Errors
/// Whatever stops it before the commit; then nothing was applied. What goes wrong with a notification after the commit is
/// no error: it is counted in [`Outcome::delivery`].
pub fn run(config: &Config, options: &Options, around: &Surroundings<'_>) -> Result<Outcome> {
    let rules = rules(config, options, around.now)?;
    if let Some(path) = &options.report {
        check_target(path, Some(config), options.source.as_deref())?;
    }
    let patience = Duration::ZERO;
    let stamp = config.sync.timezone.show(around.now);
    let lock = match options.dry_run {
        true => None,
        false => Some(Lock::take(&config.sync.store, Of::Run, &stamp, patience)?),
    };
    let store = open_store(config, options)?;
    if !options.dry_run {
        files::finish_interrupted(&config.sync.reports, &store)?;
    }

    let mut findings = Findings::default();
    let mut export = match &config.platform {
        Some(platform) => Export::read(platform, around.now.into(), &mut findings)?,
        None => Export::default(),
    };
    let source = open_source(config, options.source.as_deref())?;
    store.begin()?;
    let survey = survey(&*source, &store, &rules, &mut findings, around)?;
    refuse_first_delta(&*source, &store)?;
    find_unknown_schools(config, &*source, &store, &mut findings)?;
    let plan = plan(&*source, &survey, &store, &mut export, &rules, around)?;
    let export_unknown = export.report_unknown(&mut findings);

    let overruns = plan::check_limits(&plan.summary, &config.limits);
    let partial = plan::too_many_rejected(&plan.summary, &config.limits);
    let approved = approve(options.approve.as_deref(), &plan.checksum)?;
    let number = store.next_run()?;
    let partial_report = match options.dry_run {
        true => None,
        false => Some(files::write_partial(&config.sync.reports, number, &plan)?),
    };
    if let Some(path) = &options.report {
        write_file(path, Some(config), options.source.as_deref(), |out| files::write_rows(out, &plan))?;
    }
    interrupted(around)?;
    let blocked = !overruns.is_empty() && !approved;
    let mut outcome = Outcome {
        run: partial_report.is_some().then_some(number),
        plan,
        survey,
        schools: source.schools().clone(),
        overruns,
        blocked,
        partial,
        report: options.report.clone(),
        delivery: Delivery::default(),
        findings,
        export_rows: export.len(),
        export_unknown,
    };
    let Some(partial_report) = partial_report else {
        store.rollback()?;
        around.progress.end();
        return Ok(outcome);
    };

    let result = match (blocked, partial) {
        (true, _) => RunResult::Blocked,
        (false, true) => RunResult::Partial,
        (false, false) => RunResult::Ok,
    };
    commit::commit(&store, &outcome, result, &*source, config, options, around)?;
    // From here on the run is applied, and nothing that goes wrong makes it another one.
    outcome.report = match files::complete(partial_report, &config.sync.reports, number) {
        Ok(path) => Some(path),
        Err(failure) => {
            tracing::error!(
                run = number,
                "the run is applied, but its report has no name yet; the next run gives it one: {failure}"
            );
            find_report(&config.sync.reports, number)
        }
    };
    files::remove_old(&config.sync.reports, config.sync.keep_reports);
    drop(lock);
    if !options.no_notify {
        outcome.delivery = send(config, &store, around).unwrap_or_else(|failure| {
            tracing::error!(run = number, "the run is applied, but its notifications stay queued: {failure}");
            let queued = outcome.plan.summary.notifications.total();
            Delivery { sent: 0, undelivered: store.waiting().unwrap_or(queued).max(1) }
        });
    }
    around.progress.end();
    Ok(outcome)
}

/// The rules of this run, if the configuration can be run at all.
fn rules(config: &Config, options: &Options, now: DateTime<Utc>) -> Result<Rules> {
    if config.on_anywhere()
        && config.notify.email.is_none()
        && !options.no_notify
        && options.what_if.is_none()
    {
        return Err(Failure::new(
            Kind::Usage,
            "update_contacts is on, but there is no [notify.email] to tell people of the changes",
        )
        .at(config.file.display())
        .cure("add [notify.email] with server and from, or run with --no-notify"));
    }
    let today = config.sync.timezone.day(now);
    Ok(Rules::of(config, today, options.what_if.map(Setting::from_bool), !options.no_notify))
}

fn open_store(config: &Config, options: &Options) -> Result<Store> {
    if !options.dry_run {
        return Store::open(&config.sync.store);
    }
    match Store::open_read(&config.sync.store)? {
        Some(store) => Ok(store),
        None => Store::empty(),
    }
}

/// Opens the configured source, or the CSV files at another place.
///
/// # Errors
/// Those of the source.
pub fn open_source(config: &Config, path: Option<&Path>) -> Result<Box<dyn RosterSource>> {
    match config.source.kind {
        SourceKind::OneRosterCsv => {
            let options = oneroster_csv::Options {
                mode: config.source.mode,
                encoding: config.source.encoding,
                language_column: None,
            };
            Ok(Box::new(OneRosterCsv::open(path.unwrap_or(&config.source.path), options)?))
        }
    }
}

fn survey(
    source: &dyn RosterSource,
    store: &Store,
    rules: &Rules,
    findings: &mut Findings,
    around: &Surroundings<'_>,
) -> Result<Survey> {
    around.progress.begin("reading the roster", None);
    findings.merge(source.findings());
    let survey = plan::survey(source, store, rules, findings, watch(around));
    interrupted(around)?;
    survey
}

fn plan(
    source: &dyn RosterSource,
    survey: &Survey,
    store: &Store,
    export: &mut Export,
    rules: &Rules,
    around: &Surroundings<'_>,
) -> Result<Plan> {
    around.progress.begin("planning", Some(survey.records));
    let plan = plan::build(source, survey, store, export, rules, watch(around));
    interrupted(around)?;
    plan
}

/// Counts records for the progress, and breaks off when the run is to stop.
fn watch<'a>(around: &'a Surroundings<'_>) -> impl FnMut(&Record<'_>) -> ControlFlow<()> + 'a {
    // Looking at a clock or a signal for each of a million records would show.
    const EVERY: u64 = 1024;
    let mut records = 0;
    move |_| {
        records += 1;
        if records % EVERY == 0 {
            around.progress.at(records);
            if (around.stop)().is_some() {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

fn interrupted(around: &Surroundings<'_>) -> Result<()> {
    match (around.stop)() {
        Some(signal) => Err(Failure::new(Kind::Interrupted(signal), "interrupted; nothing was applied")),
        None => Ok(()),
    }
}

/// A school that the configuration names and nobody knows is a typing mistake, which could leave people unprotected.
///
/// # Errors
/// Those of the store.
pub fn find_unknown_schools(
    config: &Config,
    source: &dyn RosterSource,
    store: &Store,
    findings: &mut Findings,
) -> Result<()> {
    let (roster, stored) = (source.schools(), store.schools()?);
    if roster.0.is_empty() {
        return Ok(());
    }
    let file = config.file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let own = config.schools.iter().map(|school| ("[[school]] id", &school.id));
    let synced = config.sync.schools.iter().map(|school| ("[sync] schools", school));
    for (key, id) in own.chain(synced) {
        if !roster.0.contains_key(id) && !stored.contains_key(id) {
            findings.warn("unknown-school", &file, None, Some(key), || {
                format!("no school has the sourcedId `{id}`, so this says nothing; check it against orgs.csv")
            });
        }
    }
    Ok(())
}

/// Changes alone say nothing about who else there is.
fn refuse_first_delta(source: &dyn RosterSource, store: &Store) -> Result<()> {
    if source.mode() != Mode::Delta || has_accounts(store)? {
        return Ok(());
    }
    Err(Failure::new(
        Kind::InputUnusable,
        "the roster holds only changes (delta), and there is nothing yet that they could change",
    )
    .at(source.name())
    .cure("begin with a complete (bulk) export; if this is one, set `mode = \"bulk\"` in [source]"))
}

fn has_accounts(store: &Store) -> Result<bool> {
    let population = store.population()?;
    Ok(population.pending + population.active + population.archived > 0)
}

/// Whether the plan is the approved one.
///
/// # Errors
/// `Blocked` if another plan was approved: the one at hand was not looked at, even if it is within the limits.
fn approve(approved: Option<&str>, checksum: &str) -> Result<bool> {
    match approved {
        None => Ok(false),
        Some(approved) if approved.eq_ignore_ascii_case(checksum) => Ok(true),
        Some(approved) => Err(Failure::new(
            Kind::Blocked,
            format!("the approved plan is {approved}, but the plan is now {checksum}; nothing was applied"),
        )
        .cure("look at the new plan with `rostersync run --dry-run`, and approve that one")),
    }
}

/// Sends what waits in the outbox. Somebody else who is sending already does it for us.
fn send(config: &Config, store: &Store, around: &Surroundings<'_>) -> Result<Delivery> {
    let waiting = store.waiting()?;
    let Some(email) = config.notify.email.as_ref().filter(|_| waiting > 0) else {
        return Ok(Delivery { sent: 0, undelivered: waiting });
    };
    around.progress.begin("sending", Some(waiting));
    let stamp = config.sync.timezone.show(around.now);
    match Lock::take(&config.sync.store, Of::Outbox, &stamp, Duration::ZERO) {
        Ok(_lock) => {
            let progress = |sent| around.progress.at(sent);
            notify::deliver(store, email, around.now, progress, || (around.stop)().is_some())
        }
        Err(failure) if failure.kind == Kind::Busy => {
            tracing::info!("another process is sending the notifications");
            Ok(Delivery::default())
        }
        Err(failure) => Err(failure),
    }
}
