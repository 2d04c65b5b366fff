//! A run, from the platform's export and the roster to the report: one straight walk.
//!
//! Everything is read and planned before anything is written. A dry run stops before the commit, and only there: up to
//! this point both are the same code. The report is complete on the disk, under a temporary name, before the commit, and
//! gets its name after it; a run that dies in between is finished by the next one.

mod apply;
mod approval;
mod attempts;
mod blank_columns;
mod check;
mod ended_permissions;
mod interrupt;
mod message_context;
mod plan;
mod presence;
mod renames;
mod report_file;
mod source;
mod undo;
mod unknown_schools;

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use chrono::{DateTime, Utc};

use crate::attempt::Attempt;
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::file;
use crate::lock::{Lock, Of, PATIENCE};
use crate::notify::{self, Delivery, Occasion, Ping, Sending, Templates};
use crate::output::{check_target, write_file};
use crate::people::{self, People};
use crate::plan::{self as planner, Known, Overrun, Plan, Read, Renamings};
use crate::platform::Export;
use crate::policy::Setting;
use crate::roster::{Mode, Schools};
use crate::rules::Rules;
use crate::scratch;
use crate::source::RosterSource;
use crate::store::{RunResult, Store};

use self::apply::Applied;
use self::approval::Basis;
use self::plan::{Planned, plan_on};
use self::presence::absolute;

pub use approval::BASIS;
pub use attempts::{Standing, history, note_failure, standing};
pub use check::{Checked, check};
pub use interrupt::{PATIENCE as PATIENCE_TO_STOP, Within, end_unheard};
pub use message_context::MessageContext;
pub use presence::{Signs, is_there, lost};
pub use report_file::find_report;
pub use source::check_source;
pub use undo::{Fate, Foretold, Next, UndoOptions, UndoOutcome, UndoneValue, send_undone, undo};

/// Log lines of this target are said also with `-q`.
pub const ALWAYS: &str = "rostersync::always";

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
    /// Decide on everybody, also on those about whom nothing has moved since they were decided on last.
    pub decide_all: bool,
    /// A file of new sourcedIds that old accounts are given first.
    pub rekey: Option<PathBuf>,
    /// The command line that asks for this, for messages that say what to type next.
    pub command: String,
    /// Take the platform's export as it is, although it lacks what the last one had.
    pub new_export: bool,
    /// Make a store although there are signs of an earlier one.
    pub new_store: bool,
}

impl Options {
    /// What the command line names to be read.
    fn inputs(&self) -> Vec<&Path> {
        self.source.iter().chain(&self.rekey).map(PathBuf::as_path).collect()
    }
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
    let begun = Attempt::begin(around.now);
    let walked = catch_unwind(AssertUnwindSafe(|| walk(config, options, around, &begun)));
    let (done, panic) = match walked {
        Ok(done) => (done, None),
        Err(panic) => (Err(Failure::new(Kind::Failed, "internal error (a panic, shown above)")), Some(panic)),
    };
    if !options.dry_run {
        attempts::note(config, &begun, &done);
    }
    interrupt::has_ended(options.dry_run);
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
    done
}

fn walk(config: &Config, options: &Options, around: &Surroundings<'_>, begun: &Attempt) -> Result<Outcome> {
    let _within = Within::attempt(config, options, begun);
    let mut rules = rules(config, options, around.now)?;
    // A mistake in a template shows before anything is changed.
    let words = Templates::load(&config.notify)?;
    if let Some(path) = &options.report {
        check_target(path, Some(config), &options.inputs())?;
    }
    let stamp = config.sync.timezone.show(around.now);
    let is_there = is_there(config, options.new_store)?;
    let lock = match options.dry_run {
        true => None,
        false => Some(Lock::take(&config.sync.store, Of::Run, &stamp, PATIENCE)?),
    };
    if !options.dry_run {
        // Not before: a run that finds the lock taken says nothing in the middle of the other one.
        notify::ping(config, Ping::Start, "");
    }
    if !options.dry_run && !options.no_notify {
        // What stops the sending should stop the run before it has changed anything.
        Lock::try_usable(&config.sync.store, Of::Outbox)?;
    }
    let store = open_store(config, options)?;
    let signs = Signs::of(config);
    if !options.dry_run {
        if !is_there {
            let place = absolute(&config.sync.store);
            let next = signs.last_run() + 1;
            tracing::info!(target: ALWAYS, "there was no store, so a new one was made: {}; its first run is run {next}", place.display());
        } else if let Some(restored) = presence::restored(&store, &signs)? {
            tracing::info!(target: ALWAYS, "{restored}");
        }
        report_file::finish_interrupted(&config.sync.reports, &store)?;
        scratch::remove_left_over();
    }

    rules.opted_out = store.opt_outs()?.into_iter().collect();
    rules.last_night = store.last_night()?.map(Arc::new);

    // What is pulled is complete before anything is looked at; files are looked through meanwhile.
    let open = source::open_later(config, options.source.as_deref(), &store, around, !options.dry_run)?;
    store.begin()?;
    rules.undelivered = store.undelivered_changes(None)?;
    let mut findings = Findings::default();
    let mut renamings = Renamings::default();
    if let Some(file) = &options.rekey {
        store.set_mark()?;
        let asked = renames::read(file, &mut findings)?;
        renamings =
            people::rekey_all(&People::new(config, &store, around.now)?, file, &asked, &mut findings)?;
    }
    let Planned { plan, source, overruns, tonight, export_rows, export_unknown } =
        plan_on(open, config, options, &store, &rules, &mut findings, around)?;
    let plan = plan.with_renames(renamings);

    let partial = planner::too_many_rejected(&plan.summary, &config.limits);
    let ending = ended_permissions::EndedPermissions::find(&plan, &store, &mut findings)?;
    let basis = Basis::of(&rules, &*source, options);
    let approved = approval::approve(&plan, &basis, options, &store)?;
    let number = store.last_run_number()?.max(signs.last_run()) + 1;
    let refused = report_file::Undeliverable::of(&store)?;
    if let Some(path) = &options.report {
        write_file(path, Some(config), &options.inputs(), |out| {
            report_file::write_rows(out, &plan, &refused)
        })?;
    }
    interrupted(around)?;
    let blocked = !overruns.is_empty() && !approved;
    let mut outcome = Outcome {
        run: (!options.dry_run).then_some(number),
        plan,
        schools: source.about().schools.clone(),
        overruns,
        blocked,
        partial,
        report: options.report.clone(),
        delivery: Delivery::default(),
        findings,
        export_rows,
        export_unknown,
    };
    if options.dry_run {
        store.rollback()?;
        around.progress.end();
        return Ok(outcome);
    }

    let result = match (blocked, partial) {
        (true, _) => RunResult::Blocked,
        (false, true) => RunResult::Partial,
        (false, false) => RunResult::Ok,
    };
    let ended = attempts::before_sending(
        &outcome.overruns,
        blocked,
        partial,
        &outcome.plan.summary,
        &outcome.findings,
    );
    let attempt = attempts::committed(begun, number, ended, &outcome.findings);
    if blocked && options.rekey.is_some() {
        // Of a blocked run there is its row, and nothing else.
        store.back_to_mark()?;
    }
    let within = Within::commit();
    let (told, occasion) =
        (MessageContext::of(&outcome.plan, config)?, Occasion::of(config, &words, around.now));
    // The report and the store are written side by side; the store commits when the report is on the disk.
    let partial_report = thread::scope(|scope| {
        let report = thread::Builder::new()
            .spawn_scoped(scope, || {
                report_file::write_partial(&config.sync.reports, number, &outcome.plan, &refused)
            })
            .map_err(Failure::no_thread)?;
        let applied = Applied {
            run: number,
            result,
            source: &*source,
            tonight: &tonight,
            notify: !options.no_notify,
            told: &told,
            occasion: &occasion,
            basis: &basis,
            ending: &ending,
        };
        let written = apply::write(&store, &outcome.plan, &applied, around)
            .and_then(|()| attempts::take_in(config, &store))
            .and_then(|()| store.put_attempt(&attempt, false));
        let report = report.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        written.map(|()| report)
    })?;
    interrupted(around)?;
    let partial_report = commit(&store, number, &outcome.plan.checksum, partial_report)?;
    // From here on the run is applied, and nothing that goes wrong makes it another one.
    outcome.report = match report_file::complete(partial_report, &config.sync.reports, number) {
        Ok(path) => Some(path),
        Err(failure) => {
            tracing::error!(
                run = number,
                "the run is applied, but its report has no name yet; the next run gives it one: {failure}"
            );
            find_report(&config.sync.reports, number)
        }
    };
    report_file::remove_old(&config.sync.reports, config.sync.keep_reports);
    drop((lock, within));
    if !options.no_notify {
        outcome.delivery = send(config, &store, around).unwrap_or_else(|failure| {
            tracing::error!(run = number, "the run is applied, but its notifications stay queued: {failure}");
            let queued = outcome.plan.summary.notifications.total();
            let undelivered = store.waiting().unwrap_or(queued).max(1);
            Delivery {
                undelivered,
                stopped: true,
                troubles: vec![failure.to_string()],
                ..Delivery::default()
            }
        });
    }
    around.progress.end();
    Ok(outcome)
}

/// Commits. After a commit that failed it is looked whether the run is there: a folder that could not be brought to the disk
/// after the last step is no reason to say that nothing was applied.
///
/// # Errors
/// Those of the commit, if the run is not there.
fn commit(
    store: &Store,
    run: i64,
    checksum: &str,
    report: report_file::Partial,
) -> Result<report_file::Partial> {
    let Err(failure) = store.commit() else { return Ok(report) };
    match store.is_committed(run, checksum) {
        Ok(true) => {
            tracing::error!(
                run,
                "the run is applied, although the last step of its commit failed: {failure}"
            );
            Ok(report)
        }
        Ok(false) => Err(failure),
        Err(_) => {
            // The next run knows, and finishes the report or removes it.
            report.keep();
            let what = format!(
                "{}, and it cannot be told whether run {run} is applied: see `rostersync runs`",
                failure.what
            );
            Err(Failure { what, ..failure })
        }
    }
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
    let found = match options.rekey {
        // The plan is made as if the accounts had their new sourcedIds.
        Some(_) => Store::open_copy(&config.sync.store)?,
        None => Store::open_read(&config.sync.store)?,
    };
    match found {
        Some(store) => Ok(store),
        None => Store::empty(),
    }
}

/// Reads the roster and, while it is opened and read, whom the store knows and the platform's export.
fn survey(
    open: impl FnOnce() -> Result<Box<dyn RosterSource>> + Send,
    config: &Config,
    options: &Options,
    store: &Store,
    rules: &Rules,
    findings: &mut Findings,
    around: &Surroundings<'_>,
) -> Result<Read<Export>> {
    around.progress.begin("reading the roster", None);
    let prepare = |findings: &mut Findings| {
        let mut known = Known::load(store, options.decide_all)?;
        let export = match &config.platform {
            Some(platform) => {
                let see = |key, hash| known.export_row(key, hash);
                let before = rules.last_night.as_deref().and_then(|night| night.files.get(file::PLATFORM));
                Export::read(platform, around.now.into(), rules.seed(), see, before, findings)?
            }
            None => Export::default(),
        };
        known.export_is_read();
        Ok((known, export))
    };
    let done = planner::read(open, prepare, store, rules, findings, watch(around));
    interrupted(around)?;
    done
}

/// Shows the progress, and breaks off when the run is to stop.
fn watch<'a>(around: &'a Surroundings<'_>) -> impl FnMut(u64) -> ControlFlow<()> + 'a {
    |records| {
        around.progress.at(records);
        match (around.stop)() {
            Some(_) => ControlFlow::Break(()),
            None => ControlFlow::Continue(()),
        }
    }
}

fn interrupted(around: &Surroundings<'_>) -> Result<()> {
    match (around.stop)() {
        Some(signal) => Err(Failure::new(Kind::Interrupted(signal), "interrupted; nothing was applied")),
        None => Ok(()),
    }
}

/// Says which secrets stand in a configuration that every user of this machine can read.
fn find_exposed_secrets(config: &Config, findings: &mut Findings) {
    // `check` looks before it plans, and planning looks again.
    if findings.counts().contains_key("secret-exposed") {
        return;
    }
    let file = config.file.display().to_string();
    for (key, line) in &config.exposed {
        let line = u64::try_from(*line).ok();
        findings.warn("secret-exposed", At::file(&file).line(line), || {
            format!(
                "{key} is a secret in clear, and every user of this machine may read the file: write it in a file of its own \
                 (`…_file`), or take the permission away with chmod 640"
            )
        });
    }
}

/// Changes alone say nothing about who else there is.
fn refuse_first_delta(source: &dyn RosterSource, store: &Store) -> Result<()> {
    if source.about().mode != Mode::Delta || store.has_accounts()? {
        return Ok(());
    }
    Err(Failure::new(
        Kind::InputUnusable,
        "the roster holds only changes (delta), and there is nothing yet that they could change",
    )
    .at(&source.about().name)
    .cure("begin with a complete (bulk) export; if this is one, set `mode = \"bulk\"` in [source]"))
}

/// Sends what waits in the outbox. Somebody else who is sending already does it for us.
///
/// # Errors
/// Those of the lock and the store; a message that cannot be handed over is counted, and no error.
pub fn send(config: &Config, store: &Store, around: &Surroundings<'_>) -> Result<Delivery> {
    let _within = Within::sending();
    let waiting = store.waiting()?;
    if waiting == 0 {
        return Ok(Delivery::default());
    }
    around.progress.begin("sending", Some(waiting));
    let sending = Sending {
        now: around.now,
        progress: &|sent| around.progress.at(sent),
        stopped: &|| (around.stop)().is_some(),
        at_once: false,
    };
    match notify::send(store, config, &sending) {
        Err(failure) if failure.kind == Kind::Busy => {
            tracing::info!("another process is sending the notifications");
            Ok(Delivery::default())
        }
        done => done,
    }
}
