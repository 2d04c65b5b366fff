//! How long a message or a channel may wait, and after which time a message is given up. Pure.

use std::time::Duration;

use chrono::TimeDelta;

/// How long after so many tries the next one is: a quarter of an hour, doubled each time, up to half a day, so that every
/// night tries.
pub(super) fn backoff(attempts: u32) -> TimeDelta {
    const FIRST: Duration = Duration::from_secs(15 * 60);
    let longest = LONGEST_BACKOFF.to_std().unwrap_or_default();
    let time = FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(longest);
    TimeDelta::from_std(time).unwrap_or_default()
}

/// No next try is later than that. A time that is, was noted by a clock that was wrong.
pub(super) const LONGEST_BACKOFF: TimeDelta = TimeDelta::hours(12);
/// No channel rests longer than that.
pub(super) const LONGEST_REST: TimeDelta = TimeDelta::hours(20);

/// No message is given up earlier (RFC 5321, 4.5.4.1). An hour less: five nights are that much shorter when the clocks go
/// forward.
const LONG_ENOUGH: i64 = 5 * 24 * 3600 - 3600;

/// Whether a message was tried for so many seconds that it may be given up.
pub(super) fn is_tried_long_enough(trying: i64) -> bool {
    trying >= LONG_ENOUGH
}

/// After so long without a message handed over, messages that wait are said to be stuck. Nights are not exactly a day apart.
pub(super) const A_DAY: TimeDelta = TimeDelta::hours(23);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_try_is_later_each_time_and_never_past_the_next_night() {
        let minutes: Vec<i64> = [1, 2, 3, 6, 7, 40].map(|attempts| backoff(attempts).num_minutes()).into();
        assert_eq!(minutes, [15, 30, 60, 480, 720, 720]);
        assert!(!is_tried_long_enough(4 * 24 * 3600) && is_tried_long_enough(5 * 24 * 3600));
    }
}
