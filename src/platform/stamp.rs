//! Who set the details of a row on the platform, and when: the export's columns `updated_by` and
//! `updated_at`.

use chrono::{DateTime, Days, NaiveDate, NaiveDateTime, SecondsFormat, SubsecRound, Utc};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum By {
    User,
    Staff,
    /// A sync, as the platform has it.
    Sync,
}

impl By {
    const ALL: [Self; 3] = [Self::User, Self::Staff, Self::Sync];

    pub fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Staff => "staff",
            Self::Sync => "sync",
        }
    }

    fn of(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|by| word.eq_ignore_ascii_case(by.word()))
    }
}

/// What a row says of that. It is kept as text: `user 2026-11-20T10:00:00Z`, `user`, `-
/// 2026-11-20T10:00:00Z`, or nothing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Stamp {
    pub by: Option<By>,
    pub at: Option<DateTime<Utc>>,
}

const UNNAMED: &str = "-";

impl Stamp {
    /// Reads the cells `updated_at` and `updated_by`. A value that cannot be one is left out, and
    /// its column is returned.
    pub(super) fn read(
        at: Option<&str>,
        by: Option<&str>,
        now: DateTime<Utc>,
    ) -> (Self, [Option<&'static str>; 2]) {
        let (at, by) = (at.filter(|cell| !cell.is_empty()), by.filter(|cell| !cell.is_empty()));
        // A clock that is a day ahead is another zone's; more is no time at which anything was
        // done.
        let latest = now.checked_add_days(Days::new(1)).unwrap_or(now);
        let stamp = Self {
            by: by.and_then(By::of),
            at: at.and_then(moment).map(|at| at.trunc_subsecs(0)).filter(|moment| *moment <= latest),
        };
        let wrong = [
            (at.is_some() && stamp.at.is_none()).then_some("updated_at"),
            (by.is_some() && stamp.by.is_none()).then_some("updated_by"),
        ];
        (stamp, wrong)
    }

    pub fn text(&self) -> String {
        let by = self.by.map_or(UNNAMED, By::word);
        match (self.by, self.at) {
            (None, None) => String::new(),
            (Some(_), None) => by.to_owned(),
            (_, Some(at)) => format!("{by} {}", at.to_rfc3339_opts(SecondsFormat::Secs, true)),
        }
    }

    pub fn of(text: &str) -> Self {
        let (by, at) = text.split_once(' ').unwrap_or((text, ""));
        Self { by: By::of(by), at: DateTime::parse_from_rfc3339(at).ok().map(|at| at.to_utc()) }
    }

    pub fn is_none(&self) -> bool {
        self.by.is_none() && self.at.is_none()
    }
}

/// A moment as exports write it. Without a zone it is in UTC.
fn moment(text: &str) -> Option<DateTime<Utc>> {
    if let Ok(moment) = DateTime::parse_from_rfc3339(text) {
        return Some(moment.to_utc());
    }
    if let Ok(moment) = DateTime::parse_from_str(text, "%Y-%m-%d %H:%M:%S%.f%:z") {
        return Some(moment.to_utc());
    }
    let without_zone = text.strip_suffix(" UTC").unwrap_or(text);
    for form in ["%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M"] {
        if let Ok(moment) = NaiveDateTime::parse_from_str(without_zone, form) {
            return Some(moment.and_utc());
        }
    }
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok()?.and_hms_opt(0, 0, 0).map(|moment| moment.and_utc())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(at: &str, by: &str) -> (String, Vec<&'static str>) {
        let now = "2026-11-23T08:15:00Z".parse().unwrap();
        let (stamp, wrong) = Stamp::read(Some(at), Some(by), now);
        assert_eq!(Stamp::of(&stamp.text()), stamp, "it comes back as it was put away");
        (stamp.text(), wrong.into_iter().flatten().collect())
    }

    #[test]
    fn times_are_read_in_the_forms_of_exports() {
        for (at, text) in [
            ("2026-11-20T10:00:00Z", "user 2026-11-20T10:00:00Z"),
            ("2026-11-20T04:00:00-06:00", "user 2026-11-20T10:00:00Z"),
            ("2026-11-20 04:00:00-06:00", "user 2026-11-20T10:00:00Z"),
            ("2026-11-20T10:00:00.123", "user 2026-11-20T10:00:00Z"),
            ("2026-11-20 10:00:00", "user 2026-11-20T10:00:00Z"),
            ("2026-11-20 10:00", "user 2026-11-20T10:00:00Z"),
            ("2026-11-20 10:00:00 UTC", "user 2026-11-20T10:00:00Z"),
            ("2026-11-20", "user 2026-11-20T00:00:00Z"),
            ("", "user"),
        ] {
            assert_eq!(read(at, "User"), (text.to_owned(), vec![]), "{at}");
        }
    }

    #[test]
    fn what_is_no_time_and_no_word_is_left_out() {
        assert_eq!(read("", ""), (String::new(), vec![]));
        assert_eq!(read("2026-11-20", ""), ("- 2026-11-20T00:00:00Z".to_owned(), vec![]));
        for at in ["yesterday", "11/20/2026", "2026-13-01", "20261120", "2026-11-25T00:00:00Z", "3026-01-01"]
        {
            assert_eq!(read(at, "staff"), ("staff".to_owned(), vec!["updated_at"]), "{at}");
        }
        for by in ["rosa@mail.example", "admin", "user "] {
            assert_eq!(
                read("2026-11-20", by),
                ("- 2026-11-20T00:00:00Z".to_owned(), vec!["updated_by"]),
                "{by}"
            );
        }
        assert_eq!(read("x", "y"), (String::new(), vec!["updated_at", "updated_by"]));
    }
}
