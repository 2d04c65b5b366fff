//! The time between two messages.

use std::time::{Duration, Instant};

/// Spaces messages evenly, so that the relay never counts too many in one minute.
pub(super) struct Pace {
    interval: Duration,
    last: Option<Instant>,
}

const STEP: Duration = Duration::from_millis(100);

impl Pace {
    /// 0 a minute: without a wait.
    pub(super) fn new(per_minute: u32) -> Self {
        let interval = Duration::from_secs(60).checked_div(per_minute).unwrap_or_default();
        Self { interval, last: None }
    }

    fn rest(&self, since_last: Duration) -> Duration {
        self.interval.saturating_sub(since_last)
    }

    pub(super) fn has_to_wait(&self) -> bool {
        self.last.is_some_and(|last| !self.rest(last.elapsed()).is_zero())
    }

    /// Waits until it is time for the next message, or until `stopped`.
    pub(super) fn keep(&self, stopped: &dyn Fn() -> bool) {
        while let Some(last) = self.last {
            let rest = self.rest(last.elapsed());
            if rest.is_zero() || stopped() {
                break;
            }
            std::thread::sleep(rest.min(STEP));
        }
    }

    pub(super) fn begin(&mut self) {
        self.last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_spaced_evenly_over_a_minute() {
        let seconds = Duration::from_secs_f64;
        assert_eq!(Pace::new(25).rest(Duration::ZERO), seconds(2.4));
        assert_eq!(Pace::new(25).rest(seconds(2.0)), seconds(0.4));
        assert_eq!(Pace::new(25).rest(seconds(5.0)), Duration::ZERO);
        assert_eq!(Pace::new(0).rest(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_process_that_has_to_stop_does_not_wait() {
        let mut pace = Pace::new(1);
        assert!(!pace.has_to_wait());
        pace.begin();
        assert!(pace.has_to_wait());
        let begun = Instant::now();
        pace.keep(&|| true);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
