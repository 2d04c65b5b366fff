//! A run, from the platform's export and the roster to the report: prepare, plan, judge, preview or
//! apply, send.
//!
//! Everything is read and planned before anything is written. A preview makes the same plan by the
//! same code, in a transaction of which nothing is kept. A run writes its report to the disk under
//! a temporary name, commits, and then gives the report its name; if it dies in between, the next
//! run finishes the report.

mod apply;
mod approval;
mod attempts;
mod backup;
mod blank_columns;
mod check;
mod contact_columns;
mod ended_permissions;
mod erase;
mod good_nights;
mod html_report;
mod interrupt;
mod judge;
mod limits;
mod message_context;
mod passed_through;
mod plan;
mod preferred_names;
mod prepare;
mod presence;
mod purge;
mod push;
mod renames;
mod report_file;
mod request;
mod restore;
mod source;
mod undo;
mod unknown_schools;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use crate::attempt::Attempt;
use crate::config::{Config, Pause};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::lock::{Lock, Of, PATIENCE};
use crate::notify::{self, Delivery, Sending};
use crate::owner::name_of;
use crate::sent;
use crate::store::Store;

use self::request::{Intent, Request};

pub use approval::BASIS;
pub use attempts::{RunHealth, history, no_message_waits, run_health};
pub use backup::{BackupMade, newest_backup};
pub use check::{Checked, check};
pub use erase::{BackupErasure, Erasure, erase, forget_pulled_roster};
pub use html_report::{page_of_file, page_of_run};
pub use interrupt::{PATIENCE as PATIENCE_TO_STOP, PhaseGuard, end_unresponsive};
pub use judge::Outcome;
pub use message_context::MessageContext;
pub use passed_through::roster_columns;
pub use presence::{Signs, is_there, lost};
pub use push::{PushForecast, Pushed};
pub use report_file::{find_report, html_beside};
pub use request::{Options, Progress, RunContext};
pub use restore::{Restored, restore};
pub use source::check_source;
pub use undo::{
    NextRun, NextRunForecast, Part, UndoOptions, UndoOutcome, Undone, ValueOutcome, send_undone, undo,
};

/// Log lines of this target are said also with `-q`.
pub const ALWAYS: &str = "rostersync::always";

/// Makes the plan that a run would make now, and the report that `--report` asks for. Nothing is
/// applied or sent.
///
/// # Errors
/// Whatever would stop the run before it applies anything.
pub fn preview(config: &Config, options: &Options, context: &RunContext<'_>) -> Result<Outcome> {
    let request = Request { config, options, context, intent: Intent::Preview };
    let _phase = PhaseGuard::reading();
    let mut prepared = prepare::prepare(request, None, &mut None)?;
    let source = source::open_later(request, &prepared.store)?;
    let outcome = prepared.store.preview(|| {
        let judged = judge::judge(request, source, &prepared.store, &prepared.signs, &mut prepared.rules)?;
        let push = push::forecast(config, &prepared.store)?;
        Ok(Outcome { would_push: push, ..judged.outcome })
    })?;
    context.progress.end();
    Ok(outcome)
}

/// Runs the sync.
///
/// # Errors
/// Whatever stops it before the commit; then nothing was applied. Where a failed commit leaves that open, the message says so.
/// A notification that fails after the commit is no error: [`Outcome::delivery`] counts it.
pub fn run(config: &Config, options: &Options, context: &RunContext<'_>) -> Result<Outcome> {
    let request = Request { config, options, context, intent: Intent::Apply };
    let begun = Attempt::begin(context.now);
    let mut lock = None;
    // How it ended is put on record also after a panic.
    let (done, panic) = match catch_unwind(AssertUnwindSafe(|| plan_and_apply(request, &begun, &mut lock))) {
        Ok(done) => (done, None),
        Err(panic) => (Err(Failure::new(Kind::Failed, "internal error (a panic, shown above)")), Some(panic)),
    };
    let noted = attempts::note(config, &begun, &done);
    // Of a run that was applied the lock is free already.
    if let Some(lock) = lock.filter(|_| noted) {
        attempts::end(config, lock);
    }
    if let Ok(outcome) = &done {
        html_report::write_again(config, outcome, &config.sync.timezone.show(context.now));
    }
    interrupt::has_ended();
    if let Some(panic) = panic {
        resume_unwind(panic);
    }
    done
}

/// What a run does on a day on which the whole sync is paused: it is put on record, and what waits in
/// the outbox is sent. Nothing is read.
///
/// # Errors
/// `Failed` if that cannot be put on record; `Busy` while another run is on.
pub fn pass(
    config: &Config,
    pause: &Pause,
    options: &Options,
    context: &RunContext<'_>,
) -> Result<(Delivery, Option<Pushed>)> {
    let begun = Attempt::begin(context.now);
    let stamp = config.sync.timezone.show(context.now);
    let mut lock = Lock::take(&config.sync.store, Of::Run, &stamp, PATIENCE)?;
    attempts::begin(config, &mut lock, &begun)?;
    attempts::note_paused(config, &begun, format!("{} ([[pause]])", pause.words()))?;
    let works = !options.no_notify || config.push.is_some();
    let works = works && Store::is_there(&config.sync.store)?;
    let store = works.then(|| Store::open(&config.sync.store)).transpose()?;
    attempts::end(config, lock);
    let Some(store) = store else { return Ok((Delivery::default(), None)) };
    let delivery = if options.no_notify { Delivery::default() } else { send(config, &store, context)? };
    Ok((delivery, push::push(config, &store, context, None)))
}

/// Leaves the lock to its caller if nothing was applied: then it is held until that is on record.
fn plan_and_apply(request: Request<'_>, begun: &Attempt, lock: &mut Option<Lock>) -> Result<Outcome> {
    let Request { config, options, context, .. } = request;
    interrupt::begins(&config.sync.store, begun);
    let mut prepared = prepare::prepare(request, Some(begun), lock)?;
    // What is pulled is complete before the store is locked for other writers; files are read
    // meanwhile.
    let source = source::open_later(request, &prepared.store)?;
    let mut written = None;
    let has_backup = config.sync.backups > 0;
    if has_backup {
        prepared.store.keep_in_memory(true)?;
    }
    let committed = prepared.store.transaction(|| {
        let mut judged =
            judge::judge(request, source, &prepared.store, &prepared.signs, &mut prepared.rules)?;
        if has_backup
            && !judged.outcome.blocked
            && prepared.store.has_accounts()?
            && judged.outcome.plan.writes_accounts()?
        {
            judged.outcome.backup =
                backup::before_run(config, judged.number, &mut judged.outcome.findings, context.progress)?;
        }
        if has_backup {
            prepared.store.keep_in_memory(false)?;
        }
        written = Some(apply::write(request, &prepared.store, judged, &prepared.templates, begun)?);
        context.interrupted()
    });
    // From here on the run is applied, and nothing that goes wrong makes it another one.
    let mut outcome = apply::complete(request, &prepared.store, committed, written)?;
    interrupt::is_applied();
    lock.take().into_iter().for_each(|lock| attempts::end(config, lock));
    let attentions = outcome.findings.attentions().count();
    if let Some(run) = outcome.run {
        note_run(config, run, &prepared.signs, &mut outcome.findings);
    }
    if !options.no_notify {
        outcome.delivery = send_after(&outcome, config, &prepared.store, context);
        outcome.delivery.find(config, &mut outcome.findings);
    }
    if !outcome.blocked {
        outcome.push = push::push(config, &prepared.store, context, outcome.run);
        if let Some(push) = &outcome.push {
            push.find(context.now, config, &mut outcome.findings);
        }
    }
    outcome.more_known = outcome.delivery.sent + outcome.delivery.failed > 0
        || outcome.is_undelivered()
        || outcome.findings.attentions().count() > attentions;
    context.progress.end();
    Ok(outcome)
}

/// Notes the run in a log of sent messages that is elsewhere: by it a store is recognised that is put
/// back together with its whole volume.
fn note_run(config: &Config, run: i64, signs: &Signs, findings: &mut Findings) {
    let Some(log) = &config.sync.sent_log else { return };
    let (was_there, file) = (log.exists(), name_of(&config.file));
    let at = At::file(&file).column("sent_log");
    match (&signs.unread, sent::append(log, &sent::run_line(run))) {
        (Some(why), _) => findings.attention("sent-not-noted", at, || {
            format!("{why}; fix the cause: whether the store was put back from a copy is not known")
        }),
        (None, Err(failure)) => findings.attention("sent-not-noted", at, || {
            format!("{failure}; fix the cause: if the store is put back from a copy, people could be told twice")
        }),
        (None, Ok(())) if !was_there && run > 1 => findings.attention("sent-log-begun", at, || {
            format!(
                "the log of sent messages was not there, and a new one was begun: {}; it does not know what was sent before",
                log.display()
            )
        }),
        (None, Ok(())) => {}
    }
}

/// Sends what waits after a run. If that fails the run is applied all the same.
fn send_after(outcome: &Outcome, config: &Config, store: &Store, context: &RunContext<'_>) -> Delivery {
    send(config, store, context).unwrap_or_else(|failure| {
        tracing::error!(
            run = outcome.run,
            "the run is applied, but its notifications stay queued: {failure}"
        );
        let queued = outcome.plan.summary.notifications.total();
        Delivery {
            undelivered: store.waiting().unwrap_or(queued).max(1),
            stopped: true,
            troubles: vec![failure.to_string()],
            ..Delivery::default()
        }
    })
}

/// Sends what waits in the outbox. Another process that is sending already sends these messages as
/// well.
///
/// # Errors
/// Those of the lock and the store; a message that cannot be handed over is counted, and no error.
pub fn send(config: &Config, store: &Store, context: &RunContext<'_>) -> Result<Delivery> {
    let _phase = PhaseGuard::sending();
    let waiting = store.waiting()?;
    if waiting == 0 {
        return Ok(Delivery::default());
    }
    context.progress.begin("sending", Some(waiting));
    let sending = Sending {
        now: context.now,
        progress: &|sent| context.progress.at(sent),
        stopped: &|| (context.stop)().is_some(),
        at_once: false,
    };
    match notify::send(store, config, &sending) {
        Err(failure) if failure.kind == Kind::Busy => {
            tracing::info!("another process is sending the notifications");
            Ok(Delivery::default())
        }
        done => {
            let delivery = done?;
            if delivery.sent > 0 && !delivery.is_undelivered() {
                no_message_waits(config, store, context.now);
            }
            Ok(delivery)
        }
    }
}
