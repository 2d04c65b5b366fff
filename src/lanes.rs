//! Threads that work side by side, with what comes out in the order of what went in.
//!
//! Work is dealt out in turn and taken back in turn, so that nothing depends on which thread is
//! faster. What is on its way is bounded: the caller takes something back first when
//! [`Lanes::is_full`].

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};

use crate::failure::{Failure, Kind, Result};

/// More threads would wait for the one that deals out.
const MOST: usize = 8;
/// How much may be on its way in each. Enough that the other threads need not wait for the one in
/// turn, which may be slow for once.
const DEPTH: usize = 3;

/// Work that goes on in a thread of its own or, where the system makes no more threads, is done
/// already.
pub enum Background<'scope, T> {
    Thread(ScopedJoinHandle<'scope, Option<T>>),
    Done(Option<T>),
}

/// Starts work that nothing waits for until it is joined.
pub fn in_background<'scope, T: Send + 'scope>(
    scope: &'scope Scope<'scope, '_>,
    work: impl FnOnce() -> T + Send + 'scope,
) -> Background<'scope, T> {
    // The thread takes it from here; if there is no thread, it is still here.
    let slot = Arc::new(Mutex::new(Some(work)));
    let take = |slot: &Mutex<Option<_>>| slot.lock().unwrap_or_else(PoisonError::into_inner).take();
    let theirs = Arc::clone(&slot);
    let started = thread::Builder::new().spawn_scoped(scope, move || take(&theirs).map(|work| work()));
    match started {
        Ok(thread) => Background::Thread(thread),
        Err(_) => Background::Done(take(&slot).map(|work| work())),
    }
}

impl<T> Background<'_, T> {
    /// The result.
    pub fn join(self) -> T {
        let done = match self {
            Self::Thread(thread) => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
            Self::Done(done) => done,
        };
        // The work is taken once: by the thread, or here if there is none.
        done.unwrap_or_else(|| std::panic::resume_unwind(Box::new("a thread had nothing to do")))
    }
}

/// Threads that make a `D` of each `W`.
pub struct Lanes<W, D> {
    lanes: Vec<(SyncSender<W>, Receiver<D>)>,
    pushed: usize,
    pulled: usize,
}

impl<W: Send, D: Send> Lanes<W, D> {
    /// Starts as many as there are processors; each works by what `worker` makes for it.
    ///
    /// # Errors
    /// `Failed` if the system makes not a single thread.
    pub fn start<'scope, F>(scope: &'scope Scope<'scope, '_>, worker: impl Fn() -> F) -> Result<Self>
    where
        F: FnMut(W) -> D + Send + 'scope,
        W: 'scope,
        D: 'scope,
    {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST);
        let lane = || {
            let (push, todo) = sync_channel(DEPTH);
            let (done, pull) = channel();
            let mut worker = worker();
            let work = move || {
                for work in todo {
                    // The result is no longer waited for.
                    if done.send(worker(work)).is_err() {
                        return;
                    }
                }
            };
            thread::Builder::new().spawn_scoped(scope, work).map(|_| (push, pull))
        };
        let mut lanes = Vec::with_capacity(threads);
        for _ in 0..threads {
            match lane() {
                Ok(lane) => lanes.push(lane),
                // Fewer do it as well.
                Err(_) if !lanes.is_empty() => break,
                Err(cause) => return Err(Failure::no_thread(cause)),
            }
        }
        Ok(Self { lanes, pushed: 0, pulled: 0 })
    }

    /// Whether something has to be pulled before more is pushed.
    pub fn is_full(&self) -> bool {
        self.pushed - self.pulled >= self.lanes.len() * DEPTH
    }

    /// Deals out.
    ///
    /// # Errors
    /// `Failed` if the thread is gone.
    pub fn push(&mut self, work: W) -> Result<()> {
        let lane = self.pushed % self.lanes.len();
        self.pushed += 1;
        self.lanes[lane].0.send(work).map_err(|_| stopped())
    }

    /// What came of the work that was dealt out first; none if none is on its way.
    ///
    /// # Errors
    /// `Failed` if the thread is gone.
    pub fn pull(&mut self) -> Result<Option<D>> {
        if self.pushed == self.pulled {
            return Ok(None);
        }
        let lane = self.pulled % self.lanes.len();
        self.pulled += 1;
        self.lanes[lane].1.recv().map(Some).map_err(|_| stopped())
    }
}

fn stopped() -> Failure {
    Failure::new(Kind::Failed, "a thread of the run has stopped")
        .cure("run again; if it happens again, report it")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_out_is_in_the_order_of_what_went_in() {
        let mut out = Vec::new();
        thread::scope(|scope| {
            let mut lanes =
                Lanes::start(scope, || |number: u64| (0..number % 7 * 1000).sum::<u64>() + number).unwrap();
            for number in 0..1000 {
                if lanes.is_full() {
                    out.extend(lanes.pull().unwrap());
                }
                lanes.push(number).unwrap();
            }
            while let Some(done) = lanes.pull().unwrap() {
                out.push(done);
            }
        });
        assert_eq!(out, (0..1000).map(|n| (0..n % 7 * 1000).sum::<u64>() + n).collect::<Vec<_>>());
    }
}
