//! When a request is tried again, and how long that waits: pure, so that it can be held against a
//! clock on paper.

use std::time::{Duration, SystemTime};

/// A run never waits longer than this for a server, whatever the server asks for: cron starts the
/// next run.
pub(super) const LONGEST_WAIT: Duration = Duration::from_secs(300);

/// Whether an answer with this status may be another one the next time.
pub(super) fn is_passing(status: u16) -> bool {
    matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
}

/// How long a server asks to be left alone: `Retry-After` in seconds or as a date, or else the end
/// of its window of requests (`x-ratelimit-reset`), as the second since 1970 (Clever) or in seconds
/// from now.
pub(super) fn asked(retry_after: Option<&str>, reset: Option<&str>, now: SystemTime) -> Option<Duration> {
    let until = |moment: SystemTime| moment.duration_since(now).unwrap_or_default();
    let after = retry_after.map(str::trim).and_then(|text| match seconds(text) {
        Some(span) => Some(span),
        None => httpdate::parse_http_date(text).ok().map(until),
    });
    after.or_else(|| {
        let span = seconds(reset?.trim())?;
        if span < FROM_NOW {
            return Some(span);
        }
        SystemTime::UNIX_EPOCH.checked_add(span).map(until)
    })
}

/// No window of requests is as long; the seconds since 1970 are more.
const FROM_NOW: Duration = Duration::from_secs(1_000_000_000);

/// Seconds, also in part; a number that is too large becomes the longest duration.
fn seconds(text: &str) -> Option<Duration> {
    let number = text.parse::<f64>().ok().filter(|number| number.is_finite() && *number >= 0.0)?;
    Some(Duration::try_from_secs_f64(number).unwrap_or(Duration::MAX))
}

/// How long to wait before the attempt after number `attempt` (from 0): as long as the server asks,
/// but never less than without. Each wait is twice the one before, with a random half of it taken
/// off (`chance` is from 0 to 1), so that not all clients that were refused come back at once.
/// None: the server asks for more than can be waited.
pub(super) fn wait(attempt: u32, asked: Option<Duration>, first: Duration, chance: f64) -> Option<Duration> {
    let whole = first.saturating_mul(2_u32.saturating_pow(attempt)).min(LONGEST_WAIT / 5);
    let own = whole.mul_f64(1.0 - chance.clamp(0.0, 1.0) / 2.0);
    match asked {
        None => Some(own),
        Some(asked) => (asked <= LONGEST_WAIT).then(|| asked.max(own)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::from_secs(1_700_000_000);

    fn now() -> SystemTime {
        SystemTime::UNIX_EPOCH + NOW
    }

    #[test]
    fn a_server_may_ask_in_seconds_as_a_date_or_by_its_window() {
        let date = httpdate::fmt_http_date(now() + Duration::from_secs(90));
        for (after, reset, seconds) in [
            (Some("7"), None, Some(7)),
            (Some(date.as_str()), None, Some(90)),
            (Some("Tue, 01 Nov 1994 08:12:31 GMT"), None, Some(0)),
            (None, Some("1700000030"), Some(30)),
            (None, Some("1600000000"), Some(0)),
            (None, Some("30"), Some(30)),
            (Some("0"), Some("30"), Some(0)),
            (Some("-5"), None, None),
            (Some("soon"), None, None),
            (None, None, None),
        ] {
            assert_eq!(asked(after, reset, now()), seconds.map(Duration::from_secs), "{after:?} {reset:?}");
        }
    }

    #[test]
    fn parts_of_seconds_and_more_than_anybody_waits() {
        assert_eq!(asked(Some("1.5"), None, now()), Some(Duration::from_millis(1500)));
        let forever = asked(Some("99999999999999999999"), None, now());
        assert_eq!(wait(0, forever, Duration::from_secs(1), 0.0), None);
    }

    #[test]
    fn waits_double_within_bounds() {
        let first = Duration::from_secs(1);
        assert_eq!(wait(0, None, first, 0.0), Some(first));
        assert_eq!(wait(3, None, first, 0.0), Some(first * 8));
        assert_eq!(wait(3, None, first, 1.0), Some(first * 4));
        assert_eq!(wait(40, None, first, 0.0), Some(first * 60));
        assert_eq!(wait(0, Some(first * 20), first, 0.5), Some(first * 20));
        // A server that asks for no wait at all is not flooded with requests.
        assert_eq!(wait(3, Some(Duration::ZERO), first, 1.0), Some(first * 4));
        assert_eq!(wait(0, Some(first * 3600), first, 0.5), None);
    }
}
