//! Days as exports write them: `2026-11-01`, a datetime that begins so, or `11/1/2026`; and the
//! period of a role.
//!
//! The last is month first, because the exports in which it was seen are American. What is no day
//! of the calendar that way (`25/12/2026`) is not guessed at.

use chrono::{Datelike, NaiveDate};

/// A day in four bytes, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(in crate::source) struct Day(u32);

impl Day {
    pub(in crate::source) const NONE: Day = Day(0);

    /// The day that a cell means; none if it cannot be read.
    pub(in crate::source) fn parse(cell: &str) -> Option<Self> {
        let (day, _time) = cell.split_once(['T', 't', ' ']).unwrap_or((cell, ""));
        let (year, month, day) = if let Some((month, rest)) = day.split_once('/') {
            let (day, year) = rest.split_once('/')?;
            (year, month, day)
        } else {
            let (year, rest) = day.split_once('-')?;
            let (month, day) = rest.split_once('-')?;
            (year, month, day)
        };
        if year.len() != 4 || [month, day].iter().any(|part| part.is_empty() || part.len() > 2) {
            return None;
        }
        let number = |digits: &str| {
            digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse::<u32>().ok()).flatten()
        };
        let (year, month, day) = (number(year)?, number(month)?, number(day)?);
        let date = NaiveDate::from_ymd_opt(i32::try_from(year).ok()?, month, day)?;
        (year > 0).then(|| Day(year * 10_000 + date.month() * 100 + date.day()))
    }

    /// Writes it as `YYYY-MM-DD`; nothing for none.
    pub(in crate::source) fn write_to(self, text: &mut String) {
        if self != Self::NONE {
            // By hand, because this is done for every role of every user.
            for (at, place) in
                [10_000_000, 1_000_000, 100_000, 10_000, 1_000, 100, 10, 1].into_iter().enumerate()
            {
                if at == 4 || at == 6 {
                    text.push('-');
                }
                text.push(char::from(b'0' + (self.0 / place % 10) as u8));
            }
        }
    }
}

/// The period of a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::source) struct Period {
    pub(in crate::source) begin: Day,
    pub(in crate::source) end: Day,
    /// Why a date counts as not provided although there is one.
    pub(in crate::source) odd_begin: Option<&'static str>,
    pub(in crate::source) odd_end: Option<&'static str>,
}

/// No role of a district with a website has ended before: such dates are what databases write for
/// none (0001, 1753, 1899, 1900, 1904, 1969, 1970).
const FIRST_YEAR: u32 = 1990;

const NO_DATE: &str = "not a date, so taken as not provided";

/// The period of a role, from its dates where there are any. A role that ends before it begins has
/// no end.
pub(in crate::source) fn period(begin: Option<&str>, end: Option<&str>) -> Period {
    let read = |cell: Option<&str>| match cell.map(Day::parse) {
        None => (Day::NONE, None),
        Some(Some(day)) => (day, None),
        Some(None) => (Day::NONE, Some(NO_DATE)),
    };
    let ((begin, odd_begin), (end, odd_end)) = (read(begin), read(end));
    let unlikely = if end == Day::NONE {
        None
    } else if end.0 / 10_000 < FIRST_YEAR {
        Some("a year in which no role ends, so the role is taken as without an end")
    } else if end < begin {
        Some("before the begin date, so the role is taken as without an end")
    } else {
        None
    };
    match unlikely {
        None => Period { begin, end, odd_begin, odd_end },
        Some(why) => Period { begin, end: Day::NONE, odd_begin, odd_end: Some(why) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_databases_write_for_no_date_ends_no_role() {
        let end = |begin, end| {
            let period = period(Some(begin).filter(|begin: &&str| !begin.is_empty()), Some(end));
            let mut text = String::new();
            period.end.write_to(&mut text);
            (text, period.odd_end.is_some())
        };
        for none in [
            "0001-01-01",
            "1/1/0001",
            "1753-01-01",
            "1899-12-30",
            "1900-01-01",
            "1/1/1900 0:00",
            "1904-01-01",
            "1969-12-31",
            "1970-01-01T00:00:00Z",
            "2026-07-31",
        ] {
            assert_eq!(end("2026-08-01", none), (String::new(), true), "{none}");
        }
        assert_eq!(end("", "1900-01-01"), (String::new(), true));
        assert_eq!(end("", "2026-07-31"), ("2026-07-31".to_owned(), false));
        assert_eq!(end("2026-08-01", "9999-12-31"), ("9999-12-31".to_owned(), false));
        assert_eq!(end("2026-08-01", "2026-08-01"), ("2026-08-01".to_owned(), false));
        assert_eq!(end("1900-01-01", "2027-06-30"), ("2027-06-30".to_owned(), false));
        assert_eq!(end("2026-08-01", "soon"), (String::new(), true));
    }

    fn read(cell: &str) -> String {
        let mut text = String::new();
        match Day::parse(cell) {
            Some(day) => day.write_to(&mut text),
            None => text.push_str("unreadable"),
        }
        text
    }

    #[test]
    fn days_in_every_accepted_form() {
        for cell in [
            "2021-08-24",
            "2021-08-24T00:00:00.000Z",
            "2021-08-24 07:11:54",
            "8/24/2021",
            "08/24/2021",
            "8/24/2021 0:00",
        ] {
            assert_eq!(read(cell), "2021-08-24", "{cell}");
        }
    }

    #[test]
    fn what_is_no_day_is_unreadable() {
        for cell in [
            "25/12/2021",
            "2021-02-30",
            "2021",
            "21-08-24",
            "2021-8",
            "August 24",
            "0000-01-01",
            "+202-1-1",
            "//",
            "",
        ] {
            assert_eq!(read(cell), "unreadable", "{cell}");
        }
    }
}
