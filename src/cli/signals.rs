//! Signals: wishes to stop.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::failure::{Failure, Kind, Result};
use crate::run::{PATIENCE_TO_STOP, end_unresponsive};

/// How often it is looked whether the wish was heard.
const NAP: Duration = Duration::from_millis(100);

/// From now on SIGINT, SIGTERM and SIGHUP are wishes to stop. What is returned says whether there was one, and which. What does
/// not hear it within a second is ended, and so is everything on a second signal, unless it is committing.
pub(super) fn watch() -> Result<impl Fn() -> Option<i32> + Send + Sync> {
    let mut signals = signals()?;
    let heard = Arc::new(AtomicI32::new(0));
    let tell = Arc::clone(&heard);
    thread::Builder::new()
        .spawn(move || {
            let Some(signal) = signals.forever().next() else { return };
            tell.store(signal, Ordering::Relaxed);
            let since = Instant::now();
            let mut again = false;
            loop {
                thread::sleep(NAP);
                again |= signals.pending().next().is_some();
                let waited = if again { Duration::MAX } else { since.elapsed() };
                if waited >= PATIENCE_TO_STOP
                    && let Some((said, ending)) = end_unresponsive(signal, waited)
                {
                    let exit = ending.exit();
                    tracing::error!(result = ending.word(), exit, "{said}");
                    std::process::exit(i32::from(exit));
                }
            }
        })
        .map_err(Failure::no_thread)?;
    Ok(move || match heard.load(Ordering::Relaxed) {
        0 => None,
        signal => Some(signal),
    })
}

/// From now on SIGINT, SIGTERM and SIGHUP are counted, and end nothing by themselves.
pub(super) fn count() -> Result<Counted> {
    let counted = Counted::default();
    let (mut signals, tell) = (signals()?, counted.clone());
    thread::Builder::new()
        .spawn(move || {
            for signal in signals.forever() {
                let _ = tell.first.compare_exchange(0, signal, Ordering::Relaxed, Ordering::Relaxed);
                tell.count.fetch_add(1, Ordering::Relaxed);
            }
        })
        .map_err(Failure::no_thread)?;
    Ok(counted)
}

#[derive(Clone, Default)]
pub(super) struct Counted {
    first: Arc<AtomicI32>,
    count: Arc<AtomicUsize>,
}

impl Counted {
    pub(super) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// The first one.
    pub(super) fn first(&self) -> Option<i32> {
        Some(self.first.load(Ordering::Relaxed)).filter(|signal| *signal != 0)
    }
}

fn signals() -> Result<Signals> {
    let wanted = [SIGINT, SIGTERM, SIGHUP].into_iter().filter(|signal| !is_ignored(*signal));
    let failed = |cause| Failure::new(Kind::Failed, "signals cannot be handled").because(cause);
    Signals::new(wanted).map_err(failed)
}

/// Whether a signal was ignored when this process was started, as `nohup` does with SIGHUP: then it stays so.
fn is_ignored(signal: i32) -> bool {
    let Ok(status) = std::fs::read_to_string("/proc/self/status") else { return false };
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    mask & (1 << (signal - 1)) != 0
}
