//! Ending a run that does not react to a signal.
//!
//! A run looks again and again whether it should stop. Some things cannot be broken off like that:
//! a pipe that no program writes to, a name server that does not answer, a store that is copied.
//! Until the commit begins nothing is lost if the process ends then; while a message is handed over
//! it has more time.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::attempt::{self, Attempt, Ending};
use crate::failure::Kind;
use crate::scratch;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Nothing is written: it may end at any moment.
    Reading,
    /// It has to come to its end.
    Committing,
    /// A message is in flight.
    Sending,
    /// The run has ended, and its result is on record; others are told of it.
    After,
}

struct State {
    phase: Phase,
    /// The attempt that is on, if it is to be on record.
    attempt: Option<(PathBuf, Attempt)>,
}

static STATE: Mutex<State> = Mutex::new(State { phase: Phase::Reading, attempt: None });

fn state() -> MutexGuard<'static, State> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

pub struct PhaseGuard(Phase);

impl PhaseGuard {
    pub(super) fn reading() -> Self {
        Self::enter(Phase::Reading)
    }

    pub(super) fn commit() -> Self {
        Self::enter(Phase::Committing)
    }

    pub fn sending() -> Self {
        Self::enter(Phase::Sending)
    }

    fn enter(phase: Phase) -> Self {
        Self(std::mem::replace(&mut state().phase, phase))
    }
}

/// A run begins, with its store and what is put on record of it.
pub(super) fn begins(store: &Path, begun: &Attempt) {
    *state() = State { phase: Phase::Reading, attempt: Some((store.to_owned(), begun.clone())) };
}

/// The run is committed: from now on it is wrong that nothing was applied.
pub(super) fn is_applied() {
    state().phase = Phase::Sending;
}

pub(super) fn has_ended() {
    *state() = State { phase: Phase::After, attempt: None };
}

impl Drop for PhaseGuard {
    fn drop(&mut self) {
        state().phase = self.0;
    }
}

/// How long after a signal [`end_unresponsive`] is asked.
pub const PATIENCE: Duration = Duration::from_secs(1);

/// How long where a message is in flight.
const PATIENCE_IN_FLIGHT: Duration = Duration::from_secs(20);

/// Ends a run that has not stopped `waited` after the signal. Returns the message and the ending;
/// none if the caller has to wait. The caller ends the process.
pub fn end_unresponsive(signal: i32, waited: Duration) -> Option<(&'static str, Ending)> {
    let state = state();
    let said = match state.phase {
        Phase::Committing => return None,
        Phase::Sending | Phase::After if waited < PATIENCE_IN_FLIGHT => return None,
        Phase::Sending => {
            let said =
                "stopped while a message was handed over; it may be repeated, and the others stay queued";
            return Some((said, Ending::Undelivered));
        }
        Phase::After => "stopped after the run; its result is on record",
        Phase::Reading => "interrupted; nothing was applied",
    };
    let ending = Ending::Failed(Kind::Interrupted(signal));
    if let Some((store, attempt)) = &state.attempt {
        // The store may be locked by this very process.
        let attempt = attempt.clone().ended(ending, said);
        if let Err(failure) = attempt::append_beside(store, &attempt) {
            tracing::error!("how this run ended is not on record: {failure}");
        }
    }
    scratch::remove_own();
    // Nothing begins after this: the guard is kept.
    std::mem::forget(state);
    Some((said, ending))
}
