//! Columns of contact details that are blank as a whole tonight and were not on the last good
//! night. An export that has lost a column must not clear anything: neither that night nor for the
//! week in which a person can notice.

use std::collections::BTreeMap;

use chrono::NaiveDate;

use crate::findings::{At, Findings};
use crate::last_night::{Gone, RosterSeen};
use crate::plural::counted;
use crate::policy::BlankValues;
use crate::roster::Mode;
use crate::rules::BlankColumns;

const COLUMNS: [&str; 3] = ["email", "sms", "phone"];

/// So many good nights a blank column is said and clears nothing. Then it is the new normal.
const NIGHTS: u32 = 7;

/// Fewer values are the own business of a few persons, not a column.
const FEWEST: u64 = 5;

const FEWEST_SAID: u64 = 10;

#[derive(Default)]
pub(super) struct Compared {
    columns: BlankColumns,
    pub(super) seen: BTreeMap<String, u64>,
    pub(super) blank: BTreeMap<String, Gone>,
}

/// Holds the columns of tonight against those of the last good night. `counts` is in how many
/// records each has a value. Of a bulk roster only: a delta says nothing of the users that are not
/// in it.
pub(super) fn compare(
    mode: Mode,
    counts: [u64; 3],
    last: &RosterSeen,
    today: NaiveDate,
    findings: &mut Findings,
) -> Compared {
    let mut compared = Compared::default();
    // A delta may well have no user with a value.
    if mode != Mode::Bulk {
        return compared;
    }
    for (column, count) in COLUMNS.into_iter().zip(counts) {
        let before = last.contacts.get(column).copied().unwrap_or_default();
        let mut kept = count;
        if count == 0 && before >= FEWEST {
            let mut gone = last.blank.get(column).cloned().unwrap_or_default();
            if gone.last != Some(today) {
                gone.nights += 1;
                gone.last = Some(today);
            }
            if gone.nights <= NIGHTS {
                kept = before;
                compared.blank.insert(column.to_owned(), gone);
                match column {
                    "email" => compared.columns.email = true,
                    "sms" => compared.columns.sms = true,
                    _ => compared.columns.phone = true,
                }
                let message = || {
                    format!(
                        "no user has a value in {column} tonight, and {} had one before; nothing is cleared for it. Check the export; if it is \
                         meant, it counts as the new normal after {NIGHTS} nights",
                        counted(before, "user", "users")
                    )
                };
                if before < FEWEST_SAID {
                    findings.warn("contact-column-blank", At::file("users").column(column), message);
                } else {
                    findings.attention("contact-column-blank", At::file("users").column(column), message);
                }
            }
        }
        compared.seen.insert(column.to_owned(), kept);
    }
    compared
}

impl Compared {
    pub(super) fn that_clear_nothing(&self, blank_values: BlankValues) -> BlankColumns {
        match blank_values {
            BlankValues::Clear => self.columns,
            // Nothing is cleared anyway, and each blank cell is said.
            BlankValues::Keep => BlankColumns::default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn night(last: Option<RosterSeen>, day: &str, counts: [u64; 3]) -> (Compared, bool) {
        let mut findings = Findings::default();
        let compared =
            compare(Mode::Bulk, counts, &last.unwrap_or_default(), day.parse().unwrap(), &mut findings);
        (compared, findings.needs_attention())
    }

    #[test]
    fn a_blank_column_says_nothing_for_a_week() {
        let (first, said) = night(None, "2026-11-01", [50, 0, 9]);
        assert!(!said && first.columns == BlankColumns::default());
        let mut roster = RosterSeen { contacts: first.seen, blank: first.blank, ..RosterSeen::default() };
        for day in 2..=8 {
            let (compared, said) = night(Some(roster), &format!("2026-11-0{day}"), [0, 0, 9]);
            assert!(
                said && compared.columns == BlankColumns { email: true, ..Default::default() },
                "day {day}"
            );
            roster = RosterSeen { contacts: compared.seen, blank: compared.blank, ..RosterSeen::default() };
        }
        let (compared, said) = night(Some(roster), "2026-11-09", [0, 0, 9]);
        assert!(!said && compared.columns == BlankColumns::default());
        assert_eq!(compared.seen["email"], 0);
    }

    #[test]
    fn a_column_that_is_back_is_forgotten() {
        let contacts = BTreeMap::from([("email".to_owned(), 50)]);
        let (compared, _) =
            night(Some(RosterSeen { contacts, ..Default::default() }), "2026-11-02", [0, 0, 0]);
        let roster = RosterSeen { contacts: compared.seen, blank: compared.blank, ..RosterSeen::default() };
        let (compared, said) = night(Some(roster), "2026-11-03", [1, 0, 0]);
        assert!(!said && compared.blank.is_empty() && compared.seen["email"] == 1);
    }
}
