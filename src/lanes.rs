//! Threads that work side by side, with what comes out in the order of what went in.
//!
//! Work is dealt out in turn and taken back in turn, so that nothing depends on who is faster. What is on its way is
//! bounded: whoever deals out takes something back first when [`Lanes::is_full`].

use std::sync::mpsc::{Receiver, SyncSender, channel, sync_channel};
use std::thread::{self, Scope};

use crate::failure::{Failure, Kind, Result};

/// More threads would wait for the one that deals out.
const MOST: usize = 8;
/// How much may be on its way in each. So much that nobody waits for the one in turn, which may be slow for once.
const DEPTH: usize = 4;

/// Threads that make a `D` of each `W`.
pub struct Lanes<W, D> {
    lanes: Vec<(SyncSender<W>, Receiver<D>)>,
    pushed: usize,
    pulled: usize,
}

impl<W: Send, D: Send> Lanes<W, D> {
    /// Starts as many as there are processors; each works by what `worker` makes for it.
    pub fn start<'scope, F>(scope: &'scope Scope<'scope, '_>, worker: impl Fn() -> F) -> Self
    where
        F: FnMut(W) -> D + Send + 'scope,
        W: 'scope,
        D: 'scope,
    {
        let threads = thread::available_parallelism().map_or(1, usize::from).min(MOST);
        let lane = |_| {
            let (push, todo) = sync_channel(DEPTH);
            let (done, pull) = channel();
            let mut worker = worker();
            scope.spawn(move || {
                for work in todo {
                    // Nobody waits for it any more.
                    if done.send(worker(work)).is_err() {
                        return;
                    }
                }
            });
            (push, pull)
        };
        Self { lanes: (0..threads).map(lane).collect(), pushed: 0, pulled: 0 }
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
                Lanes::start(scope, || |number: u64| (0..number % 7 * 1000).sum::<u64>() + number);
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
