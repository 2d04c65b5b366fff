//! Every attempt on record: in the store, or beside it where the store cannot be opened or is
//! locked.

use std::collections::HashMap;

use chrono::{DateTime, Utc};

use super::judge::Outcome;
use super::push::PUSH_FAILED;
use crate::attempt::{self, Attempt, Attention, Ending};
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::lock::{Lock, Seen};
use crate::notify::GIVEN_UP;
use crate::plan::{Action, said_overruns};
use crate::plural::counted;
use crate::store::{Last, Store, Tried};

/// More things that a person has to look at are not kept with an attempt; the log has them all.
const MOST: usize = 50;

/// How a run ends that was done or blocked, before anything is sent; and why.
fn before_sending(outcome: &Outcome) -> (Ending, String) {
    let Outcome { overruns, findings, .. } = outcome;
    let summary = &outcome.plan.summary;
    if outcome.blocked {
        let limits: Vec<String> = said_overruns(overruns).into_iter().map(|(_, line)| line).collect();
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

/// Notes with the lock that an attempt has begun, in case that it never gets to say how it ended.
/// Puts one on record that did not.
///
/// # Errors
/// `Failed` if the lock file cannot be written.
pub(super) fn begin(config: &Config, lock: &mut Lock, begun: &Attempt) -> Result<()> {
    let earlier = lock.left().and_then(|left| serde_json::from_str(left).ok());
    if let Some(died) = earlier.and_then(|earlier| never_ended(config, earlier))
        && let Err(failure) = attempt::append_beside(&config.sync.store, &died)
    {
        tracing::error!("an earlier run that never ended is not on record: {failure}");
    }
    let unwritable = |error| Failure::new(Kind::Failed, "the attempt cannot be noted").because(error);
    let line = serde_json::to_string(begun).map_err(unwritable)?;
    lock.note(&config.sync.store, Some(&line))
}

/// An attempt that was noted with the lock, and of which nothing is on record beside the store. If
/// it is in the store it was committed.
fn never_ended(config: &Config, earlier: Attempt) -> Option<Attempt> {
    let beside = attempt::read_beside(&config.sync.store).unwrap_or_default();
    if beside.iter().any(|attempt| attempt.key == earlier.key) {
        return None;
    }
    let began = config.sync.timezone.show(earlier.started);
    let reason = format!(
        "a run began at {began} and never ended: the process was killed, the machine stopped, or the disk was full; \
         nothing was applied"
    );
    // When it ended is not known.
    Some(Attempt { reason, finished: earlier.started, ..earlier })
}

pub(super) fn committed(begun: &Attempt, run: i64, outcome: &Outcome) -> Attempt {
    let (ending, reason) = before_sending(outcome);
    let attention = outcome.findings.attentions().take(MOST).map(Attention::of).collect();
    Attempt { run: Some(run), attention, ..begun.clone().ended(ending, reason) }
}

/// Puts on record what was noted beside the store while it could not be written. Called in the
/// transaction of a run.
pub(super) fn take_in(config: &Config, store: &Store) -> Result<()> {
    match attempt::read_beside(&config.sync.store) {
        Ok(attempts) => last_words(attempts).into_iter().rev().try_for_each(|(attempt, is_correction)| {
            store.put_attempt(&attempt, false)?;
            if is_correction { store.end_attempt(&attempt) } else { Ok(()) }
        }),
        Err(cause) => {
            tracing::warn!("{} cannot be read: {cause}", attempt::beside(&config.sync.store).display());
            Ok(())
        }
    }
}

/// The last line of each attempt, latest first, and whether it may say more than the store.
///
/// Only after the commit of a run is it known whether its notifications could be handed over, and
/// later still that they were after all. The store may have been locked then, so that only the file
/// beside it says so.
fn last_words(attempts: Vec<Attempt>) -> Vec<(Attempt, bool)> {
    let mut lines: HashMap<String, usize> = HashMap::new();
    let mut last = Vec::new();
    for attempt in &attempts {
        *lines.entry(attempt.key.clone()).or_default() += 1;
    }
    for attempt in attempts.into_iter().rev() {
        if let Some(lines) = lines.remove(&attempt.key) {
            let is_final =
                [Ending::Undelivered, Ending::Attention].map(Ending::word).contains(&&*attempt.result);
            let is_correction = attempt.was_applied() && (lines > 1 || is_final);
            last.push((attempt, is_correction));
        }
    }
    last
}

/// If the last attempt is `undelivered` and no message waits any more, it is that no longer: the
/// messages were handed over or discarded since. That messages were given up stays said.
pub fn no_message_waits(config: &Config, store: &Store, now: DateTime<Utc>) {
    if let Err(failure) = settle_undelivered(config, store, now) {
        tracing::warn!("`rostersync status` still says that messages could not be handed over: {failure}");
    }
}

fn settle_undelivered(config: &Config, store: &Store, now: DateTime<Utc>) -> Result<()> {
    let Some(Tried { attempt, run: Some(run) }) = store.last_attempt(Last::Any)? else { return Ok(()) };
    if attempt.result != Ending::Undelivered.word()
        || attempt.reason.contains(GIVEN_UP)
        || attempt.reason.contains(PUSH_FAILED)
        || store.waiting()? > 0
    {
        return Ok(());
    }
    let ending = if attempt.attention.is_empty() { run.result } else { Ending::Attention };
    let reason = format!("{}; since {} no message waits", attempt.reason, config.sync.timezone.show(now));
    let finished = attempt.finished;
    let attempt = Attempt { finished, ..attempt.ended(ending, reason) };
    store.end_attempt(&attempt)?;
    attempt::append_beside(&config.sync.store, &attempt)
}

/// Frees the lock of an attempt that is on record.
pub(super) fn end(config: &Config, mut lock: Lock) {
    if let Err(failure) = lock.note(&config.sync.store, None) {
        // It is on record, and so what stays noted counts for nothing.
        tracing::debug!("{failure}");
    }
}

/// Puts on record how an attempt ended. False if that is not possible.
pub(super) fn note(config: &Config, begun: &Attempt, done: &Result<Outcome>) -> bool {
    let noted = match done {
        Ok(outcome) => after(config, begun, outcome),
        Err(failure) => {
            let ending = Ending::Failed(failure.kind);
            let attempt = begun.clone().ended(ending, failure.to_keep());
            // What another run holds is not waited for.
            if failure.kind != Kind::Busy && Store::note_attempt(&config.sync.store, &attempt) {
                return true;
            }
            attempt::append_beside(&config.sync.store, &attempt)
        }
    };
    if let Err(failure) = &noted {
        tracing::error!("how this run ended is not on record: {failure}");
    }
    noted.is_ok()
}

/// Puts on record that a run did nothing, since the sync is paused.
///
/// # Errors
/// Those of the file beside the store, where the store cannot be written.
pub(super) fn note_paused(config: &Config, begun: &Attempt, reason: String) -> Result<()> {
    let attempt = begun.clone().ended(Ending::Paused, reason);
    if Store::note_attempt(&config.sync.store, &attempt) {
        return Ok(());
    }
    attempt::append_beside(&config.sync.store, &attempt)
}

fn after(config: &Config, begun: &Attempt, outcome: &Outcome) -> Result<()> {
    let Some(run) = outcome.run else { return Ok(()) };
    let mut attempt = committed(begun, run, outcome);
    let problem = outcome.undelivered().filter(|_| !outcome.blocked);
    // What needs a person may have been found after the commit.
    let is_more_known = problem.is_some() || !attempt.attention.is_empty();
    if let Some(problem) = problem {
        attempt = attempt.ended(Ending::Undelivered, problem);
    }
    if is_more_known {
        Store::note_attempt(&config.sync.store, &attempt);
    }
    attempt::append_beside(&config.sync.store, &attempt)
}

struct AttemptsFile {
    /// Attempts that are only in the file, latest first.
    only: Vec<Attempt>,
    /// How attempts of the store ended after all, by key.
    corrections: HashMap<String, Attempt>,
    unreadable: Option<String>,
}

impl AttemptsFile {
    fn of(config: &Config, store: Option<&Store>) -> Result<Self> {
        let mut file = Self { only: Vec::new(), corrections: HashMap::new(), unreadable: None };
        // No run has taken the lock since, so there is no good one after it.
        if let Seen::Free(Some(noted)) = Lock::seen(&config.sync.store)
            && let Some(died) = serde_json::from_str(&noted).ok().and_then(|noted| never_ended(config, noted))
            && !store.map_or(Ok(false), |store| store.has_attempt(&died.key))?
        {
            file.only.push(died);
        }
        let attempts = attempt::read_beside(&config.sync.store).unwrap_or_else(|cause| {
            let place = attempt::beside(&config.sync.store);
            file.unreadable = Some(format!("{} cannot be read: {cause}", place.display()));
            Vec::new()
        });
        for (attempt, is_correction) in last_words(attempts) {
            if !store.map_or(Ok(false), |store| store.has_attempt(&attempt.key))? {
                file.only.push(attempt);
            } else if is_correction {
                file.corrections.insert(attempt.key.clone(), attempt);
            }
        }
        Ok(file)
    }

    /// An attempt of the store, as it is known to have ended.
    fn corrected(&self, mut tried: Tried) -> Tried {
        if let Some(correction) = self.corrections.get(&tried.attempt.key) {
            tried.attempt = correction.clone();
        }
        tried
    }
}

/// The attempts on record, latest first, at most `limit`: those in the store and those that are
/// only beside it. Also why the latter cannot be read, if so.
pub fn history(config: &Config, store: Option<&Store>, limit: u64) -> Result<(Vec<Tried>, Option<String>)> {
    let file = AttemptsFile::of(config, store)?;
    let stored = store.map(|store| store.attempts(limit)).transpose()?.unwrap_or_default();
    let stored = stored.into_iter().map(|tried| file.corrected(tried));
    let alone = file.only.iter().map(|attempt| Tried { attempt: attempt.clone(), run: None });
    let all = alone.chain(stored).take(usize::try_from(limit).unwrap_or(usize::MAX)).collect();
    Ok((all, file.unreadable))
}

/// The last attempt, and the last one whose changes were made.
#[derive(Debug, Clone, Default)]
pub struct RunHealth {
    pub last_attempt: Option<Attempt>,
    pub last_good: Option<Attempt>,
    /// The last one with a number, with its counts.
    pub last_run: Option<Tried>,
    /// How long ago the last good one began that is not dated in the future; none if there is none.
    pub age: Option<i64>,
    /// How long ago the last one began that did nothing because the sync was paused.
    pub paused_age: Option<i64>,
    /// A run is dated in the future: the clock was wrong then, or is now.
    pub from_the_future: Option<DateTime<Utc>>,
    pub unreadable: Option<String>,
    /// The last attempts were blocked since then; none if the last one that had a plan was not.
    pub blocked_since: Option<DateTime<Utc>>,
}

const SLACK: chrono::TimeDelta = chrono::TimeDelta::minutes(5);

pub fn run_health(config: &Config, store: Option<&Store>, now: DateTime<Utc>) -> Result<RunHealth> {
    let file = AttemptsFile::of(config, store)?;
    let until = now + SLACK;
    let in_store = |which| -> Result<Option<Tried>> {
        let found = store.map_or(Ok(None), |store| store.last_attempt(which))?;
        Ok(found.map(|tried| file.corrected(tried)))
    };
    // What is beside the store alone came after what is in it.
    let last = |which, fits: &dyn Fn(&Attempt) -> bool| match file.only.iter().find(|one| fits(one)) {
        Some(found) => Ok(Some(found.clone())),
        None => in_store(which).map(|found| found.map(|tried| tried.attempt)),
    };
    let last_attempt = last(Last::Any, &|_| true)?;
    let last_good = last(Last::Good, &Attempt::was_applied)?;
    let dated = last(Last::GoodUntil(until), &|one| one.was_applied() && one.started <= until)?;
    let numbered = || file.only.iter().find(|one| one.run.is_some());
    let paused = last(Last::PausedUntil(until), &|one| one.was_paused() && one.started <= until)?;
    let last_run = in_store(Last::Numbered)?
        .or_else(|| numbered().map(|attempt| Tried { attempt: attempt.clone(), run: None }));
    let seen = [&last_attempt, &last_good].into_iter().flatten();
    let blocked_since = match store {
        Some(store) => store.blocked_since()?,
        None => None,
    };
    let from_the_future = seen.map(|attempt| attempt.started).find(|started| *started > until);
    Ok(RunHealth {
        from_the_future,
        paused_age: paused.map(|attempt| (now - attempt.started).num_seconds().max(0)),
        age: dated.map(|attempt| (now - attempt.started).num_seconds().max(0)),
        last_attempt,
        last_good,
        last_run,
        unreadable: file.unreadable,
        blocked_since,
    })
}
