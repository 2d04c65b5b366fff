//! Users whose data has not changed since their last decision are skipped. Here it is found out
//! which; `build/sources` asks, and `build/rows` makes their rows.
//!
//! Each account has one fingerprint of what it was decided on: the record, which of its roles are
//! held today, the schools, the links of a guardian, flags of the roster, the rules and the version
//! of the program. A record
//! whose fingerprint is still the same gets its row without a decision, for one of two reasons:
//!
//! * The last decision changed nothing. The same input leads to the same row, so the row was stored
//!   and is used again.
//! * The account equals the record. There is nothing to change and nothing to note, so the row
//!   follows from the record.
//!
//! The store clears the fingerprint of an account on every write to it, and so does a row of the
//! platform's export that says something new. Rows of the export have a fingerprint of their own:
//! they are read before the roster, and one that says nothing new must not take up memory.

mod credentials;
mod plain;
mod remembered;
mod rows;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::platform::Seen;
use crate::roster::kept::Kept;
use crate::roster::{Assignment, RoleList};
use crate::roster_index::RosterIndex;
use crate::store::{CHUNK, Fingerprints, HAS_CACHED_ROW};

pub(super) use credentials::UnchangedCredentials;
pub(super) use plain::plain_number;
pub(super) use remembered::{Remembered, ToRemember};
pub(super) use rows::UnchangedRows;

/// Where the row of a record is that need not be decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CachedRow {
    /// It follows from the record.
    FromRecord,
    /// The store has it as it was decided.
    Stored,
}

/// What was decided last, and what tonight's input says of the same people. All columns are by
/// number of the person.
#[derive(Default)]
pub(super) struct Unchanged {
    /// The fingerprint of each account; 0 if it is to be decided on.
    decisions: Vec<u64>,
    exports: Vec<u64>,
    /// Whether that row is in tonight's export.
    has_row: Vec<bool>,
    /// What tonight's record says; 0 if there is none, or more than one.
    records: Vec<u64>,
    changed: Vec<bool>,
    /// Tonight's decisions do not hold for the next night.
    is_set_aside: bool,
}

impl Unchanged {
    /// `keys` and `signs` are left to others.
    pub(super) fn load(stored: Fingerprints) -> Self {
        let Fingerprints { decisions, exports, changed, .. } = stored;
        let (records, has_row) = (vec![0; decisions.len()], vec![false; exports.len()]);
        Self { decisions, exports, has_row, records, changed, is_set_aside: false }
    }

    /// Nothing is known of the night before. What is decided tonight is remembered.
    pub(super) fn none(stored: Fingerprints) -> Self {
        Self { changed: stored.changed, ..Self::default() }
    }

    /// Every record is decided on, and nothing of it is remembered: it does not hold for the next
    /// night.
    pub(super) fn set_aside(&mut self) {
        self.forget();
        self.is_set_aside = true;
    }

    /// The signs of an account that is not decided on are stored anew.
    pub(super) fn has_new_signs(&mut self, person: u32) {
        if let Some(changed) = self.changed.get_mut(person as usize / CHUNK) {
            *changed = true;
        }
    }

    pub(super) fn forget(&mut self) {
        (self.decisions, self.records) = (Vec::new(), Vec::new());
    }

    pub(super) fn decide_again(&mut self, person: u32) {
        if let Some(decision) = self.decisions.get_mut(person as usize) {
            *decision = 0;
        }
    }

    /// The roster is taken in again.
    pub(super) fn forget_records(&mut self) {
        self.records.fill(0);
    }

    /// Takes in a row of the platform's export, by a hash of all that it says.
    pub(super) fn export_row(&mut self, person: Option<u32>, hash: u64) -> Seen {
        let person = person.map(|person| person as usize).filter(|person| *person < self.exports.len());
        let Some(person) = person else { return Seen::New };
        match (self.has_row[person], self.exports[person] == hash) {
            (true, true) => Seen::Again,
            (true, false) => Seen::Contradicts,
            (false, true) => {
                self.has_row[person] = true;
                Seen::AsBefore
            }
            (false, false) => {
                self.decisions[person] = 0;
                Seen::New
            }
        }
    }

    pub(super) fn export_is_read(&mut self) {
        (self.exports, self.has_row) = (Vec::new(), Vec::new());
    }

    /// Takes in a record. `is_first`: no other record of the person came before.
    pub(super) fn record(&mut self, person: u32, kept: &Kept<'_>, is_first: bool, today: &str) {
        if let Some(record) = self.records.get_mut(person as usize) {
            *record = if is_first { record_hash(kept.hash, kept.record.roles, today) } else { 0 };
        }
    }

    /// The row of a person's record, if nothing has changed. When the roster is known.
    pub(super) fn row(&self, person: u32, roster: &RosterIndex) -> Option<CachedRow> {
        let decision = self.decisions.get(person as usize).copied().filter(|decision| *decision != 0)?;
        let record = self.records[person as usize];
        let is_same =
            record != 0 && fingerprint(record, roster.family_print(person)) == decision & !HAS_CACHED_ROW;
        let row = if decision & HAS_CACHED_ROW == 0 { CachedRow::FromRecord } else { CachedRow::Stored };
        is_same.then_some(row)
    }
}

/// Stands for a record, the rules, and for what of the day matters to the record: whether roles
/// that have dates are held, or have ended. `hash` is that of the record, with the rules in it.
/// Never 0.
pub(super) fn record_hash(hash: u64, roles: RoleList<'_>, today: &str) -> u64 {
    let mut print = hash;
    let has_dates = |role: Assignment<'_>| role.begin.is_some() || role.end.is_some();
    if roles.0.contains('\t') && roles.iter().any(has_dates) {
        let dates = roles.iter().fold(1_u64, |dates, role| {
            let ended = role.end.is_some_and(|end| end < today);
            dates.rotate_left(2)
                ^ dates.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                ^ u64::from(role.holds_on(today))
                ^ (u64::from(ended) << 1)
        });
        print = xxh3_64_with_seed(&dates.to_le_bytes(), hash);
    }
    print.max(1)
}

/// The fingerprint of a decision. Never 0, and even.
fn fingerprint(record: u64, schools: u64) -> u64 {
    (xxh3_64_with_seed(&schools.to_le_bytes(), record) & !HAS_CACHED_ROW).max(2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::Record;

    const TODAY: &str = "2026-11-26";

    fn kept(hash: u64, roles: &str) -> Kept<'_> {
        Kept { key: 1, hash, record: Record { roles: RoleList(roles), ..Record::default() } }
    }

    /// One account, decided on with a record whose hash is 7 and a row of the export whose hash is 5.
    fn stored(roles: &str) -> Fingerprints {
        let schools = RosterIndex::default().family_print(0);
        let decision = fingerprint(record_hash(7, RoleList(roles), TODAY), schools) | HAS_CACHED_ROW;
        Fingerprints {
            keys: vec![1],
            signs: vec![0],
            decisions: vec![decision],
            exports: vec![5],
            changed: vec![false],
        }
    }

    fn row(mut unchanged: Unchanged, records: &[(u64, &str)]) -> Option<CachedRow> {
        for (at, (hash, roles)) in records.iter().enumerate() {
            unchanged.record(0, &kept(*hash, roles), at == 0, TODAY);
        }
        unchanged.row(0, &RosterIndex::default())
    }

    #[test]
    fn a_row_is_used_again_while_nothing_has_changed() {
        let load = || Unchanged::load(stored("student"));
        assert_eq!(row(load(), &[(7, "student")]), Some(CachedRow::Stored));
        assert_eq!(row(load(), &[(8, "student")]), None, "another record");
        assert_eq!(row(load(), &[]), None, "no record");
        assert_eq!(row(load(), &[(7, "student"), (7, "student")]), None, "two records");
        assert_eq!(row(Unchanged::none(stored("student")), &[(7, "student")]), None, "--decide-all");
        let mut aside = load();
        aside.set_aside();
        assert_eq!(row(aside, &[(7, "student")]), None, "a delta");
        let ends_today = "aide\tsch-1\t\t2026-11-26";
        let ended = "aide\tsch-1\t\t2026-11-25";
        assert!(row(Unchanged::load(stored(ends_today)), &[(7, ends_today)]).is_some());
        assert_eq!(row(Unchanged::load(stored(ended)), &[(7, ends_today)]), None, "a role has ended since");
    }

    #[test]
    fn a_row_of_the_export_that_says_something_new_is_decided_on() {
        let mut unchanged = Unchanged::load(stored("student"));
        assert_eq!(unchanged.export_row(Some(0), 5), Seen::AsBefore);
        assert_eq!(unchanged.export_row(Some(0), 5), Seen::Again);
        assert_eq!(unchanged.export_row(Some(0), 6), Seen::Contradicts);
        assert_eq!(row(unchanged, &[(7, "student")]), Some(CachedRow::Stored), "left out, both of them");
        let mut unchanged = Unchanged::load(stored("student"));
        assert_eq!(unchanged.export_row(Some(0), 6), Seen::New);
        assert_eq!(row(unchanged, &[(7, "student")]), None);
        assert_eq!(Unchanged::none(stored("student")).export_row(Some(0), 5), Seen::New);
        assert_eq!(Unchanged::load(stored("student")).export_row(None, 5), Seen::New);
    }
}
