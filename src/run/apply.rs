//! Applying a plan: one transaction for accounts, audit, outbox and the run's own row, and the
//! report beside it.

use std::path::Path;
use std::thread;

use super::approval::BASIS;
use super::attempts;
use super::html_report;
use super::interrupt::PhaseGuard;
use super::judge::{Judged, Outcome};
use super::message_context::MessageContext;
use super::report_file::{self, Partial, RunFile};
use super::request::Request;
use crate::attempt::Attempt;
use crate::failure::{Failure, Kind, Result};
use crate::findings::At;
use crate::notify::{Editor, Occasion, Templates, compose};
use crate::owner::name_of;
use crate::plan::{Action, Newcomer, Plan, Write, history};
use crate::roster::Mode;
use crate::roster::kept::key;
use crate::store::{AuditEntry, Origin, RunRow, Store, TriggersAside};

/// For fewer changed accounts it is not worth to set triggers aside: SQLite prepares every statement
/// anew then.
const MANY: usize = 5_000;

/// A run that is written, and counts once the store commits.
pub(super) struct Written {
    outcome: Outcome,
    report: Partial,
    renames: Vec<Partial>,
    number: i64,
    _phase: PhaseGuard,
}

/// Writes a run to the store, of a blocked one only its row, and beside that its report. When this
/// returns, the report is on the disk.
pub(super) fn write(
    request: Request<'_>,
    store: &Store,
    mut judged: Judged<'_>,
    templates: &Templates,
    begun: &Attempt,
) -> Result<Written> {
    let config = request.config;
    if judged.outcome.blocked
        && let Some(point) = judged.before_renames.take()
    {
        point.roll_back()?;
    }
    let attempt = attempts::committed(begun, judged.number, &judged.outcome);
    let phase = PhaseGuard::commit();
    let writing = Writing {
        request,
        store,
        number: judged.number,
        message_context: MessageContext::of(
            &judged.outcome.plan,
            &judged.outcome.schools,
            config,
            Some(store),
            request.context.now,
        )?,
        occasion: Occasion::of(config, templates, request.context.now),
    };
    let (plan, undeliverable) = (&judged.outcome.plan, &judged.undeliverable);
    let report = thread::scope(|scope| {
        let report = thread::Builder::new()
            .spawn_scoped(scope, || {
                let users = RunFile::Users;
                let report = report_file::write_partial(&config.sync.reports, users, judged.number, |out| {
                    report_file::write_rows(out, plan, undeliverable)
                })?;
                Ok::<_, Failure>((report, renames(&config.sync.reports, judged.number, plan)?))
            })
            .map_err(Failure::no_thread)?;
        let written = writing
            .all(&judged)
            .and_then(|()| attempts::take_in(config, store))
            .and_then(|()| store.put_attempt(&attempt, false));
        let report = report.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?;
        written.map(|()| report)
    })?;
    let (report, renames) = report;
    Ok(Written { outcome: judged.outcome, report, renames, number: judged.number, _phase: phase })
}

/// Writes the accounts that are probably back under another sourcedId, under temporary names.
fn renames(reports: &Path, run: i64, plan: &Plan) -> Result<Vec<Partial>> {
    let mut files = Vec::new();
    for (file, certain) in [(RunFile::Renames, true), (RunFile::Probable, false)] {
        if plan.same_person.has_renames(certain) {
            files.push(report_file::write_partial(reports, file, run, |out| {
                report_file::write_renames(out, plan, certain)
            })?);
        }
    }
    Ok(files)
}

/// Gives the report of a run its name once the run is committed.
pub(super) fn complete(
    request: Request<'_>,
    store: &Store,
    committed: Result<()>,
    written: Option<Written>,
) -> Result<Outcome> {
    let Some(Written { mut outcome, report, renames, number, _phase }) = written else {
        return committed.and(Err(Failure::new(Kind::Failed, "internal error: the run was not written")));
    };
    if let Err(failure) = committed {
        if store.is_in_doubt() {
            // The next run knows, and finishes the report or removes it.
            report.keep();
            renames.into_iter().for_each(Partial::keep);
            let cure = format!("{}; `rostersync runs` says whether run {number} is applied", failure.cure);
            return Err(Failure { cure, ..failure });
        }
        return Err(failure);
    }
    let sync = &request.config.sync;
    outcome.report = report_file::complete(report, &sync.reports, number, "the run is applied");
    for file in renames {
        outcome.renames.extend(report_file::complete(file, &sync.reports, number, "the run is applied"));
    }
    html_report::write_if_wanted(request.config, store, number);
    report_file::remove_old(&sync.reports, sync.keep_reports);
    // Earlier versions of rows that were removed may be in free space of the file still: of this run,
    // or of one that failed to rebuild it.
    if !outcome.blocked
        && let Err(failure) = store.must_rebuild().and_then(|must| if must { store.vacuum() } else { Ok(()) })
    {
        outcome.findings.attention("removed-not-erased", At::file(&name_of(&sync.store)), || {
            format!(
                "the accounts are removed, but what is left of them in the free space of the store is not: \
                 {failure}; fix the cause: the next run removes that too"
            )
        });
    }
    Ok(outcome)
}

struct Writing<'a> {
    request: Request<'a>,
    store: &'a Store,
    number: i64,
    message_context: MessageContext,
    occasion: Occasion<'a>,
}

impl Writing<'_> {
    fn all(&self, judged: &Judged<'_>) -> Result<()> {
        self.run(judged)?;
        self.stop_messages(judged)?;
        if judged.outcome.blocked {
            return Ok(());
        }
        self.request.context.progress.begin("applying", None);
        self.families(judged)?;
        let created = match self.store.has_accounts()? {
            true => self.accounts(judged)?,
            false => self.store.add_first_accounts(|| self.accounts(judged))?,
        };
        judged.ended.write(self.store, self.number, self.request.context.now)?;
        judged.outcome.plan.remember(self.store, &created)?;
        judged.outcome.plan.save_missing(self.store)?;
        judged.outcome.plan.same_person.save(self.store)?;
        judged.purge.write(self.store, self.number, self.request.context.now)?;
        // While a part of a roster is not believed, its numbers are no measure for the next one.
        let is_believed = !judged.outcome.held.iter().any(|overrun| overrun.limit == history::LIMIT);
        if judged.about.mode == Mode::Bulk && is_believed {
            self.store.keep_numbers(self.number, &judged.outcome.plan.roster.night, judged.written)?;
        }
        self.store.keep_night(&judged.tonight)
    }

    /// Makes the list of accounts to which nothing is sent anew: those that this run archives because
    /// they may not be contacted any more, where it is blocked. Of an applied run nothing is left to
    /// stop, because it discards what waits for them.
    fn stop_messages(&self, Judged { outcome, .. }: &Judged<'_>) -> Result<()> {
        let (store, now) = (self.store, self.request.context.now);
        let mut before = store.stopped()?;
        if outcome.blocked {
            outcome.plan.each_write(|write| {
                let account = write.id;
                if !write.is_barred || before.remove(&account) {
                    return Ok(());
                }
                self.audit_messages(account, "stopped")?;
                store.stop(account, now)
            })?;
        }
        before.into_iter().try_for_each(|account| store.go_on(account))
    }

    /// Says in the audit what becomes of the messages that wait for a person, if there are some.
    fn audit_messages(&self, account: i64, what: &str) -> Result<()> {
        let waiting = self.store.waiting_for_account(account)?;
        if waiting == 0 {
            return Ok(());
        }
        let entry = AuditEntry {
            origin: Origin::Sync,
            field: "messages".into(),
            old: format!("{waiting} waiting"),
            new: what.into(),
        };
        self.store.audit(account, Some(self.number), &entry, self.request.context.now)
    }

    fn run(&self, judged: &Judged<'_>) -> Result<()> {
        let Judged { outcome, about, basis, .. } = judged;
        let unkept = |error| Failure::new(Kind::Failed, "the summary cannot be kept").because(error);
        let mut summary = serde_json::to_value(&outcome.plan.summary).map_err(unkept)?;
        if outcome.blocked || !outcome.held.is_empty() {
            summary[BASIS] = serde_json::to_value(basis).map_err(unkept)?;
        }
        if !outcome.overruns.is_empty() {
            summary["limits"] = serde_json::to_value(&outcome.overruns).map_err(unkept)?;
        }
        if !outcome.held.is_empty() {
            summary["held"] = serde_json::to_value(&outcome.held).map_err(unkept)?;
        }
        let started = self.request.context.now;
        self.store.insert_run(&RunRow {
            id: self.number,
            started,
            finished: started.max(chrono::Utc::now()),
            result: outcome.result(),
            source: about.name.clone(),
            mode: about.mode.word().to_owned(),
            notify: !self.request.options.no_notify,
            checksum: outcome.plan.checksum.clone(),
            summary,
            undoes: None,
        })
    }

    /// Schools, and people without an account.
    fn families(&self, Judged { outcome, about, .. }: &Judged<'_>) -> Result<()> {
        let (plan, schools) = (&outcome.plan, &about.schools);
        for (id, name) in &schools.0 {
            self.request.context.interrupted()?;
            self.store.put_school(id, name, schools.1.contains(id))?;
        }
        plan.roster.last_schools.write(self.store)?;
        plan.bystanders.each(|bystander| {
            self.request.context.interrupted()?;
            self.store.put_bystander(&bystander)
        })?;
        let roster = &plan.roster;
        match about.mode {
            Mode::Bulk => self.store.forget_bystanders(|id| !roster.mentions(id)),
            Mode::Delta => self.store.forget_bystanders(|id| {
                roster.people.find(key(id)).is_some_and(|person| roster.is_gone(person))
            }),
            Mode::Unknown => Ok(()),
        }
    }

    /// Accounts with their entries in the audit and their messages. Returns the people that got an
    /// account, in the order of the accounts.
    fn accounts(&self, Judged { outcome, .. }: &Judged<'_>) -> Result<Vec<u32>> {
        let (store, now) = (self.store, self.request.context.now);
        let outbox = Outbox { waits: store.waiting()? > 0, gone: store.has_gone()? };
        let bystanders = store.has_bystanders()?;
        let count = outcome.plan.summary.count(Action::Created);
        // Of ten million people, a list that grows by doubling would be 60 MB larger for a while.
        let mut created = Vec::with_capacity(usize::try_from(count).unwrap_or_default());
        let mut new = store.new_accounts()?;
        let mut added = |person: Option<u32>, id: i64, sourced_id: &str, stamp: &str| {
            if bystanders {
                store.forget_bystander(sourced_id)?;
            }
            if !stamp.is_empty() {
                store.put_platform_stamp(id, stamp)?;
            }
            created.extend(person);
            Ok::<_, Failure>(id)
        };
        outcome.plan.each_newcomer(|Newcomer { person, account, stamp }| {
            self.request.context.interrupted()?;
            added(Some(*person), new.add(account)?, account.sourced_id, stamp).map(drop)
        })?;
        let many = outcome.plan.count_changed() > MANY;
        let aside = many.then(|| store.set_triggers_aside()).transpose()?;
        let mut updates = match &aside {
            Some(aside) => aside.updates()?,
            None => store.updates()?,
        };
        let mut audit = store.auditing(Some(self.number), now)?;
        outcome.plan.each_write(|write| {
            self.request.context.interrupted()?;
            let account = match write.id {
                0 => added(write.person, new.add(&write.account)?, write.account.sourced_id, write.stamp)?,
                id => {
                    updates.update(id, write.account)?;
                    id
                }
            };
            for entry in &write.audit {
                let by = if entry.origin == Origin::Platform { write.stamp } else { "" };
                audit.add(account, entry, by)?;
            }
            self.messages(account, &write, outbox)
        })?;
        drop((updates, audit));
        aside.map_or(Ok(()), TriggersAside::put_back)?;
        Ok(created)
    }

    /// Gives up the messages that are no longer true, and queues the new ones.
    fn messages(&self, account: i64, write: &Write<'_>, outbox: Outbox) -> Result<()> {
        let (store, now) = (self.store, self.request.context.now);
        let Outbox { waits, gone } = outbox;
        if !waits && !gone && write.recipients.is_empty() {
            return Ok(());
        }
        let after = write.account.account(account);
        let details = &after.details;
        if waits && write.leaves {
            if write.is_barred {
                self.audit_messages(account, "discarded")?;
            }
            store.drop_all_waiting(account, now)?;
        }
        if (waits || gone) && (write.first_change_id.is_some() || !write.recipients.is_empty()) {
            store.drop_out_of_date(account, details, now)?;
        }
        if gone && !self.request.options.no_notify && !after.archived {
            store.queue_again(account, details, now)?;
        }
        for recipient in &write.recipients {
            let about = self.message_context.about(&after, &write.changes);
            let message = compose(recipient, &about, Editor::Sync, &self.occasion)?;
            store.queue(self.number, account, &message, write.first_change_id, now)?;
        }
        Ok(())
    }
}

/// What the outbox held before the run.
#[derive(Clone, Copy)]
struct Outbox {
    waits: bool,
    /// Messages that were given up because their people had left.
    gone: bool,
}
