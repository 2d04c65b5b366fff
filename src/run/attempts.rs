//! Every attempt on record: in the store, or beside it where the store cannot be opened or is
//! locked.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::judge::Outcome;
use super::request::Surroundings;
use crate::attempt::{self, Attempt, Attention, Ending};
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::plan::Action;
use crate::plural::counted;
use crate::store::{Store, Tried};

/// More things that a person has to look at are not kept with an attempt; the log has them all.
const MOST: usize = 50;

/// How a run ends that was done or blocked, before anything is sent; and why.
pub(super) fn before_sending(outcome: &Outcome) -> (Ending, String) {
    let Outcome { overruns, findings, .. } = outcome;
    let summary = &outcome.plan.summary;
    if outcome.blocked {
        let limits: Vec<&str> = overruns.iter().map(|overrun| overrun.message.as_str()).collect();
        return (Ending::BLOCKED, limits.join("; "));
    }
    if outcome.partial {
        let rejected = summary.count(Action::Rejected);
        let reason = format!(
            "{rejected} of {} rejected, more than [limits] rejected allows",
            counted(summary.records, "record was", "records were")
        );
        return (Ending::Partial, reason);
    }
    if findings.needs_attention() {
        let all: Vec<String> =
            findings.attentions().take(5).map(|finding| Attention::of(finding).message).collect();
        return (Ending::Attention, all.join("; "));
    }
    (Ending::Ok, String::new())
}

/// An attempt with a number, as it stands when its run is committed.
pub(super) fn committed(begun: &Attempt, run: i64, outcome: &Outcome) -> Attempt {
    numbered(begun, run, before_sending(outcome), &outcome.findings)
}

fn numbered(begun: &Attempt, run: i64, (ending, reason): (Ending, String), findings: &Findings) -> Attempt {
    let mut attempt = begun.clone().ended(ending, reason);
    attempt.run = Some(run);
    attempt.attention = findings.attentions().take(MOST).map(Attention::of).collect();
    attempt
}

/// Puts on record what was noted beside the store while it could not be written. Called in the
/// transaction of a run.
///
/// # Errors
/// Those of the store.
pub(super) fn take_in(config: &Config, store: &Store) -> Result<()> {
    match attempt::read_beside(&config.sync.store) {
        Ok(attempts) => attempts.iter().try_for_each(|attempt| {
            store.put_attempt(attempt, false)?;
            if is_correction(attempt) { store.end_attempt(attempt) } else { Ok(()) }
        }),
        Err(cause) => {
            tracing::warn!("{} cannot be read: {cause}", attempt::beside(&config.sync.store).display());
            Ok(())
        }
    }
}

/// That the notifications of a run could not be handed over is known only after its commit. The
/// store may have been locked then, so that only the file beside it says so.
fn is_correction(beside: &Attempt) -> bool {
    beside.result == Ending::Undelivered.word()
}

/// Puts on record how a run ended, once it is over.
pub(super) fn note(config: &Config, begun: &Attempt, done: &Result<Outcome>) {
    let noted = match done {
        Ok(outcome) => after(config, begun, outcome),
        Err(failure) => {
            let ending = Ending::Failed(failure.kind);
            let attempt = begun.clone().ended(ending, failure.to_keep());
            // What another run holds is not waited for.
            if failure.kind != Kind::Busy && Store::note_attempt(&config.sync.store, &attempt) {
                return;
            }
            attempt::append_beside(&config.sync.store, &attempt)
        }
    };
    if let Err(failure) = noted {
        tracing::error!("how this run ended is not on record: {failure}");
    }
}

fn after(config: &Config, begun: &Attempt, outcome: &Outcome) -> Result<()> {
    let Some(run) = outcome.run else { return Ok(()) };
    let (mut ending, mut reason) = before_sending(outcome);
    if ending != Ending::BLOCKED
        && let Some(problem) = outcome.delivery.problem()
    {
        (ending, reason) = (Ending::Undelivered, problem);
    }
    let attempt = numbered(begun, run, (ending, reason), &outcome.findings);
    if ending == Ending::Undelivered {
        Store::note_attempt(&config.sync.store, &attempt);
    }
    attempt::append_beside(&config.sync.store, &attempt)
}

/// Puts an attempt on record that ended before there was a run: with a configuration that could be
/// read.
pub fn note_failure(config: &Config, around: &Surroundings<'_>, failure: Failure) -> Failure {
    let failed = Err(failure);
    note(config, &Attempt::begin(around.now), &failed);
    match failed {
        Err(failure) => failure,
        Ok(_) => Failure::new(Kind::Failed, "internal error"),
    }
}

/// What is on record beside the store.
struct Beside {
    /// What is there alone, latest first.
    only: Vec<Attempt>,
    /// How attempts of the store ended after all, by key.
    corrections: HashMap<String, Attempt>,
    /// Why it cannot be read.
    unreadable: Option<String>,
}

impl Beside {
    fn of(config: &Config, store: Option<&Store>) -> Result<Self> {
        let mut beside = Self { only: Vec::new(), corrections: HashMap::new(), unreadable: None };
        let attempts = match attempt::read_beside(&config.sync.store) {
            Ok(attempts) => attempts,
            Err(cause) => {
                let place = attempt::beside(&config.sync.store);
                beside.unreadable = Some(format!("{} cannot be read: {cause}", place.display()));
                return Ok(beside);
            }
        };
        for attempt in attempts.into_iter().rev() {
            if !store.map_or(Ok(false), |store| store.has_attempt(&attempt.key))? {
                beside.only.push(attempt);
            } else if is_correction(&attempt) {
                beside.corrections.insert(attempt.key.clone(), attempt);
            }
        }
        Ok(beside)
    }

    /// An attempt of the store, as it is known to have ended.
    fn corrected(&self, attempt: Attempt) -> Attempt {
        self.corrections.get(&attempt.key).cloned().unwrap_or(attempt)
    }

    fn find(&self, wanted: impl Fn(&Attempt) -> bool) -> Option<Attempt> {
        self.only.iter().find(|attempt| wanted(attempt)).cloned()
    }
}

/// The attempts on record, latest first, at most `limit`: those in the store and those that are
/// only beside it. Also why the latter cannot be read, if so.
///
/// # Errors
/// Those of the store.
pub fn history(config: &Config, store: Option<&Store>, limit: u64) -> Result<(Vec<Tried>, Option<String>)> {
    let beside = Beside::of(config, store)?;
    let alone = |attempt: &Attempt| Tried { attempt: attempt.clone(), run: None, undo: false };
    let mut all: Vec<Tried> = beside.only.iter().map(alone).collect();
    if let Some(store) = store {
        let corrected = |tried: Tried| Tried { attempt: beside.corrected(tried.attempt), ..tried };
        all.extend(store.attempts(limit)?.into_iter().map(corrected));
    }
    all.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
    Ok((all, beside.unreadable))
}

/// How things stand: the last attempt, and the last one whose changes were made.
#[derive(Debug, Clone, Default)]
pub struct Standing {
    pub last_attempt: Option<Attempt>,
    pub last_good: Option<Attempt>,
    /// The last one with a number, with its counts.
    pub last_run: Option<Tried>,
    /// How long ago the last good one began that is not dated in the future; none if there is none.
    pub age: Option<i64>,
    /// A run is dated in the future: the clock was wrong then, or is now.
    pub from_the_future: Option<DateTime<Utc>>,
    /// What is beside the store cannot be read.
    pub unreadable: Option<String>,
}

/// So much two clocks may differ.
const SLACK: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

/// # Errors
/// Those of the store.
pub fn standing(config: &Config, store: Option<&Store>, now: DateTime<Utc>) -> Result<Standing> {
    let beside = Beside::of(config, store)?;
    let in_store = |find: &dyn Fn(&Store) -> Result<Option<Attempt>>| {
        let found = store.map_or(Ok(None), find)?;
        Ok::<_, Failure>(found.map(|attempt| beside.corrected(attempt)))
    };
    let or = |found: Option<Attempt>, find: &dyn Fn(&Store) -> Result<Option<Attempt>>| match found {
        Some(attempt) => Ok(Some(attempt)),
        None => in_store(find),
    };
    let until = now + SLACK;
    let last_attempt = or(beside.find(|_| true), &Store::last_attempt)?;
    let last_good = or(beside.find(Attempt::was_applied), &|store| store.last_good(None))?;
    let dated = or(beside.find(|one| one.was_applied() && one.started <= until), &|store| {
        store.last_good(Some(until))
    })?;
    let last_run = match store.map_or(Ok(None), Store::last_numbered)? {
        Some(tried) => Some(Tried { attempt: beside.corrected(tried.attempt), ..tried }),
        None => beside.find(|one| one.run.is_some()).map(|attempt| Tried { attempt, run: None, undo: false }),
    };
    let from_the_future = [&last_attempt, &last_good]
        .into_iter()
        .flatten()
        .map(|attempt| attempt.started)
        .find(|started| *started > until);
    Ok(Standing {
        last_attempt,
        last_good,
        last_run,
        age: dated.map(|attempt| (now - attempt.started).num_seconds().max(0)),
        from_the_future,
        unreadable: beside.unreadable,
    })
}
