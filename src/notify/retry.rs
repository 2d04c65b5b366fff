//! When a message is tried again, and when it is given up. Pure.

use std::time::Duration;

use chrono::TimeDelta;

/// The time until the next try: a quarter of an hour, doubled with each try, up to half a day, so
/// that every night tries.
pub(super) fn backoff(attempts: u32) -> TimeDelta {
    const FIRST: Duration = Duration::from_secs(15 * 60);
    let longest = LONGEST_BACKOFF.to_std().unwrap_or_default();
    let time = FIRST.saturating_mul(2_u32.saturating_pow(attempts.saturating_sub(1))).min(longest);
    TimeDelta::from_std(time).unwrap_or_default()
}

/// No next try is later. Only a wrong clock can have written a later time.
pub(super) const LONGEST_BACKOFF: TimeDelta = TimeDelta::hours(12);
/// No channel rests longer.
pub(super) const LONGEST_REST: TimeDelta = TimeDelta::hours(20);

/// No message is given up earlier, in seconds (RFC 5321, 4.5.4.1). One hour less than five days:
/// five nights are shorter when the clocks go forward.
const LONG_ENOUGH: i64 = 5 * 24 * 3600 - 3600;

/// Whether a message may be given up after so many seconds of trying.
pub(super) fn is_tried_long_enough(trying: i64) -> bool {
    trying >= LONG_ENOUGH
}

/// After this time without a message handed over, waiting messages are reported as stuck. Nights
/// are not exactly a day apart.
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
