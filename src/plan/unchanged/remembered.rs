//! Tonight's decisions, stored for the next night.

use serde::{Deserialize, Serialize};

use super::plain::Plain;
use super::{Unchanged, fingerprint};
use crate::account::Account;
use crate::failure::Result;
use crate::plan::decide::{Decider, Person, PersonDecision};
use crate::plan::shared_credentials::CREDENTIALS;
use crate::plan::signs::Signs;
use crate::plan::sis::Cells;
use crate::plan::{Action, Note, PlanRow};
use crate::platform::Row;
use crate::roster_index::PersonIndex;
use crate::spool::Values;
use crate::store::{CHUNK, FingerprintChange, HAS_CACHED_ROW, Store};

/// So many chunks are stored at once. Their changes are in memory meanwhile.
const CHUNKS_AT_ONCE: usize = 128;

/// The new fingerprints of an account: as [`FingerprintChange`], by number of the person.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Change {
    person: u32,
    decision: u64,
    export: Option<u64>,
    credentials: Option<[u64; 2]>,
}

#[derive(Default)]
pub(in crate::plan) struct ToRemember {
    changes: Vec<Change>,
    rows: Vec<(u32, Vec<u8>)>,
}

impl Unchanged {
    /// Remembers a decision about an account, so that it need not be made again as long as nothing
    /// changes. `has_new_signs`: the decision has given the account other signs.
    pub(in crate::plan) fn remember(
        &self,
        decider: &Decider<'_>,
        decision: &PersonDecision<'_>,
        row: &PlanRow<'_>,
        has_new_signs: bool,
        to_remember: &mut ToRemember,
    ) {
        let PersonDecision {
            record,
            person: Person { number, stored, export, record_hash, .. },
            verdict,
            ..
        } = decision;
        let (Some(person), Some(account)) = (*number, &verdict.account) else { return };
        let Decider { roster, rules, .. } = decider;
        let (stored, export) = (stored.as_ref(), export.as_ref());
        let is_same = stored == Some(account);
        let is_usable = !self.is_set_aside
            && !account.archived
            && record.defect.is_none()
            && !record.deleted
            && !record.roles.0.is_empty()
            && !roster.is_contradicted(record.sourced_id);
        let follows = || {
            let cells = Cells::of(record, rules.phone_credential);
            verdict.is_final() && Plain::read(cells).is_some_and(|plain| plain.matches(&account.details))
        };
        // A new sourcedId is said once.
        let is_news = |note: &Note| matches!(note, Note::Rekeyed(_));
        let repeats = || {
            is_same
                && matches!(verdict.action, Action::Unchanged | Action::Kept | Action::Skipped)
                && !verdict.notes.iter().any(is_news)
        };
        let record_hash = record_hash.filter(|_| is_usable);
        let decision = record_hash.map(|hash| fingerprint(hash, roster.family_print(person)));
        let (decision, cached) = match decision {
            Some(decision) if follows() => (decision, None),
            Some(decision) if repeats() => match postcard::to_stdvec(row) {
                Ok(row) => (decision | HAS_CACHED_ROW, Some(row)),
                Err(_) => (0, None),
            },
            // What is remembered of another record of the person holds as it did.
            Some(_) | None if is_same && export.is_none() && !has_new_signs => return,
            Some(_) | None => (0, None),
        };
        let credentials = (decision != 0)
            .then(|| CREDENTIALS.map(|field| account.details.credential_hash(field).unwrap_or(0)));
        to_remember.changes.push(Change { person, decision, export: taken_in(export, account), credentials });
        to_remember.rows.extend(cached.map(|row| (person, row)));
    }

    /// Remembers that only the state of an archived account has followed the platform's export.
    pub(in crate::plan) fn remember_archived(person: u32, to_remember: &mut ToRemember) {
        to_remember.changes.push(Change { person, decision: 0, export: Some(0), credentials: None });
    }
}

/// Which row of the export need not be looked at again. Of an archived account only the state was
/// taken over; and while several values can be shown without being news, it matters that one of
/// them is shown once more.
fn taken_in(row: Option<&Row>, account: &Account) -> Option<u64> {
    if account.exported.is_several() {
        return Some(0);
    }
    row.map(|row| if account.archived { 0 } else { row.hash })
}

#[derive(Default)]
pub(in crate::plan) struct Remembered {
    changes: Values<Change>,
    rows: Values<(u32, Vec<u8>)>,
}

impl Remembered {
    pub(in crate::plan) fn add(&mut self, to_remember: ToRemember) -> Result<()> {
        to_remember.changes.iter().try_for_each(|change| self.changes.push(change))?;
        to_remember.rows.iter().try_for_each(|row| self.rows.push(row))
    }

    pub(in crate::plan) fn finish(&mut self) -> Result<()> {
        self.changes.finish()?;
        self.rows.finish()
    }

    /// Puts it away for the next night. After everything else was written; `created` are the people
    /// whose accounts were added, in the order of their ids.
    pub(in crate::plan) fn save(
        &self,
        store: &Store,
        unchanged: &Unchanged,
        people: &PersonIndex,
        signs: &Signs,
        created: &[u32],
    ) -> Result<()> {
        let before = people.accounts();
        let accounts = before + created.len();
        let mut changed = unchanged.changed.clone();
        if !created.is_empty() {
            // The last chunk has more accounts than it had.
            changed.truncate(before / CHUNK);
        }
        let number = |account: usize| match account.checked_sub(before) {
            None => u32::try_from(account).unwrap_or(u32::MAX),
            Some(new) => created[new],
        };
        let who = |account: usize| (people.key(number(account)), signs.of(number(account)));
        // The accounts of people that had none, by number: the id less one, or 0 for those who still
        // have none.
        let mut new: Vec<u32> = Vec::new();
        for (account, number) in (before..).zip(created) {
            let at = *number as usize - before;
            new.resize(new.len().max(at + 1), 0);
            new[at] = u32::try_from(account).unwrap_or(u32::MAX);
        }
        let account = |number: u32| match (number as usize).checked_sub(before) {
            None => Some(number as usize),
            Some(at) => new.get(at).filter(|account| **account as usize >= before).map(|new| *new as usize),
        };
        for first in (0..accounts.div_ceil(CHUNK)).step_by(CHUNKS_AT_ONCE) {
            let chunks = first..accounts.div_ceil(CHUNK).min(first + CHUNKS_AT_ONCE);
            let mut changes = Vec::new();
            self.changes.each(|Change { person, decision, export, credentials }| {
                if let Some(account) = account(person).filter(|account| chunks.contains(&(account / CHUNK))) {
                    changes.push(FingerprintChange { account, decision, export, credentials });
                }
                Ok(())
            })?;
            changes.sort_by_key(|change| change.account);
            store.put_fingerprints(chunks, accounts, &changed, who, &changes)?;
        }
        store.fingerprints_are_put()?;
        self.rows.each(|(person, row)| match people.account(person) {
            Some(account) => store.put_cached_row(account, &row),
            None => Ok(()),
        })
    }
}
