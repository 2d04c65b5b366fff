//! How long to wait between two messages.

use std::time::{Duration, Instant};

/// Evenly spaced, so that no minute of the relay's reckoning ever has too many.
pub(super) struct Pace {
    interval: Duration,
    last: Option<Instant>,
}

/// How long a wish to stop may go unheard.
const STEP: Duration = Duration::from_millis(100);

impl Pace {
    /// 0 a minute is as fast as it goes.
    pub(super) fn new(per_minute: u32) -> Self {
        let interval = Duration::from_secs(60).checked_div(per_minute).unwrap_or_default();
        Self { interval, last: None }
    }

    /// How much of the interval is left after so long.
    fn rest(&self, since_last: Duration) -> Duration {
        self.interval.saturating_sub(since_last)
    }

    /// Whether it is too early for the next one.
    pub(super) fn has_to_wait(&self) -> bool {
        self.last.is_some_and(|last| !self.rest(last.elapsed()).is_zero())
    }

    /// Waits until it is time for the next one, or until it is to stop.
    pub(super) fn keep(&self, stopped: &dyn Fn() -> bool) {
        while let Some(last) = self.last {
            let rest = self.rest(last.elapsed());
            if rest.is_zero() || stopped() {
                break;
            }
            std::thread::sleep(rest.min(STEP));
        }
    }

    /// One begins.
    pub(super) fn begin(&mut self) {
        self.last = Some(Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_interval_is_what_the_minute_allows() {
        let seconds = Duration::from_secs_f64;
        assert_eq!(Pace::new(25).rest(Duration::ZERO), seconds(2.4));
        assert_eq!(Pace::new(25).rest(seconds(2.0)), seconds(0.4));
        assert_eq!(Pace::new(25).rest(seconds(5.0)), Duration::ZERO);
        assert_eq!(Pace::new(0).rest(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn who_is_to_stop_does_not_wait() {
        let mut pace = Pace::new(1);
        assert!(!pace.has_to_wait());
        pace.begin();
        assert!(pace.has_to_wait());
        let begun = Instant::now();
        pace.keep(&|| true);
        assert!(begun.elapsed() < Duration::from_secs(30));
    }
}
