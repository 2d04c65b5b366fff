//! Days as exports write them: `2026-11-01`, a datetime that begins so, or `11/1/2026`.
//!
//! The last is month first, because the exports in which it was seen are American. What is no day of the calendar that
//! way (`25/12/2026`) is not guessed at.

use chrono::{Datelike, NaiveDate};

/// A day in four bytes, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
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

#[cfg(test)]
mod tests {
    use super::*;

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
