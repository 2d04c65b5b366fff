//! Tonight's decisions, stored for the next night.

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
use crate::spool::{self, BLOCK, Batch, Ordered, Spool};
use crate::store::{CHUNK, FingerprintChange, HAS_CACHED_ROW, Store};

/// So many chunks are stored at once. Their changes are in memory meanwhile.
const CHUNKS_AT_ONCE: usize = 32;

/// How much of the changes of one part is gathered before it is a block of its own.
const PIECE: usize = 16 << 10;

/// The new fingerprints of an account: as [`FingerprintChange`], by number of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Change {
    person: u32,
    decision: u64,
    export: Option<u64>,
    credentials: Option<[u64; 2]>,
}

/// Bytes of a change: they are kept by the million, and read more than once.
const WIDTH: usize = 37;
const HAS_EXPORT: u8 = 1;
const HAS_CREDENTIALS: u8 = 2;

impl Change {
    fn put(&self, bytes: &mut Vec<u8>) {
        let kept = self.export.map_or(0, |_| HAS_EXPORT) | self.credentials.map_or(0, |_| HAS_CREDENTIALS);
        let [email, phone] = self.credentials.unwrap_or_default();
        bytes.extend(self.person.to_le_bytes());
        bytes.push(kept);
        for word in [self.decision, self.export.unwrap_or_default(), email, phone] {
            bytes.extend(word.to_le_bytes());
        }
    }

    /// Those of a block.
    fn each(block: &[u8], mut each: impl FnMut(Self) -> Result<()>) -> Result<()> {
        for bytes in block.as_chunks::<WIDTH>().0 {
            let [p0, p1, p2, p3, kept, words @ ..] = bytes;
            let mut own = [0; 4];
            for (word, bytes) in own.iter_mut().zip(words.as_chunks::<8>().0) {
                *word = u64::from_le_bytes(*bytes);
            }
            let [decision, export, email, phone] = own;
            each(Self {
                person: u32::from_le_bytes([*p0, *p1, *p2, *p3]),
                decision,
                export: (kept & HAS_EXPORT != 0).then_some(export),
                credentials: (kept & HAS_CREDENTIALS != 0).then_some([email, phone]),
            })?;
        }
        Ok(())
    }
}

/// Changes by accounts, in parts of [`CHUNKS_AT_ONCE`] chunks. However the roster is sorted, each
/// is read once.
struct Parts {
    spool: Spool,
    /// The part and the length of each block.
    blocks: Vec<(usize, usize)>,
    pending: Vec<Vec<u8>>,
}

impl Parts {
    fn of(accounts: usize) -> Self {
        let pending = vec![Vec::new(); accounts.div_ceil(CHUNK * CHUNKS_AT_ONCE)];
        Self { spool: Spool::default(), blocks: Vec::new(), pending }
    }

    fn put(&mut self, account: usize, change: Change) -> Result<()> {
        let part = account / (CHUNK * CHUNKS_AT_ONCE);
        let Some(pending) = self.pending.get_mut(part) else { return Ok(()) };
        Change { person: u32::try_from(account).unwrap_or(u32::MAX), ..change }.put(pending);
        if pending.len() >= PIECE {
            self.spool.push(pending)?;
            self.blocks.push((part, pending.len()));
            pending.clear();
        }
        Ok(())
    }

    /// The changes of one part, sorted. Of several for one account the last stays the last.
    fn take(&mut self, part: usize) -> Result<Vec<FingerprintChange>> {
        let mut changes = Vec::new();
        let mut add = |block: &[u8]| {
            Change::each(block, |Change { person, decision, export, credentials }| {
                changes.push(FingerprintChange { account: person as usize, decision, export, credentials });
                Ok(())
            })
        };
        let (mut reader, mut block) = (self.spool.read(), Vec::new());
        for (of, length) in &self.blocks {
            if *of == part {
                reader.next(&mut block)?;
                add(&block)?;
            } else {
                reader.pass(*length);
            }
        }
        add(&std::mem::take(&mut self.pending[part]))?;
        changes.sort_by_key(|change| change.account);
        Ok(changes)
    }
}

#[derive(Default)]
pub(in crate::plan) struct ToRemember {
    changes: Vec<Change>,
    /// As [`spool::append`] wrote them.
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
        let (stored, export) = (stored.as_deref(), export.as_deref());
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
            Some(decision) if repeats() => {
                let mut bytes = Vec::new();
                match spool::append(&mut bytes, row) {
                    Ok(()) => (decision | HAS_CACHED_ROW, Some(bytes)),
                    Err(_) => (0, None),
                }
            }
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

pub(in crate::plan) struct Remembered {
    changes: Spool,
    pending: Vec<u8>,
    /// By number of the person, which is the order of the store.
    rows: Ordered,
}

impl Remembered {
    pub(in crate::plan) fn of(accounts: usize) -> Self {
        Self { changes: Spool::default(), pending: Vec::new(), rows: Ordered::up_to(accounts) }
    }

    pub(in crate::plan) fn add(&mut self, to_remember: ToRemember) -> Result<()> {
        to_remember.changes.iter().for_each(|change| change.put(&mut self.pending));
        if self.pending.len() >= BLOCK {
            self.flush()?;
        }
        to_remember.rows.iter().try_for_each(|(person, row)| self.rows.put(*person, row))
    }

    fn flush(&mut self) -> Result<()> {
        self.changes.push(&self.pending)?;
        self.pending.clear();
        Ok(())
    }

    pub(in crate::plan) fn finish(&mut self) -> Result<()> {
        self.flush()?;
        self.pending = Vec::new();
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
        let mut new = vec![0_u32; created.iter().max().map_or(0, |last| *last as usize + 1 - before)];
        for (account, number) in (before..).zip(created) {
            new[*number as usize - before] = u32::try_from(account).unwrap_or(u32::MAX);
        }
        let account = |number: u32| match (number as usize).checked_sub(before) {
            None => Some(number as usize),
            Some(at) => new.get(at).filter(|account| **account as usize >= before).map(|new| *new as usize),
        };
        let mut parts = Parts::of(accounts);
        let (mut reader, mut block) = (self.changes.read(), Vec::new());
        while reader.next(&mut block)? {
            Change::each(&block, |change| match account(change.person) {
                Some(account) => parts.put(account, change),
                None => Ok(()),
            })?;
        }
        for (part, first) in (0..accounts.div_ceil(CHUNK)).step_by(CHUNKS_AT_ONCE).enumerate() {
            let chunks = first..accounts.div_ceil(CHUNK).min(first + CHUNKS_AT_ONCE);
            store.put_fingerprints(chunks, accounts, &changed, who, &parts.take(part)?)?;
        }
        store.fingerprints_are_put()?;
        let mut batch = Batch::default();
        for range in self.rows.ranges() {
            self.rows.read(range, &mut batch)?;
            while let Some(person) = batch.next_number() {
                let Some(row) = batch.next_bytes()? else { break };
                if let Some(account) = people.account(person) {
                    store.put_cached_row(account, spool::bare(row))?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_come_back_by_part_in_the_order_of_the_accounts() {
        let accounts = 3 * CHUNK * CHUNKS_AT_ONCE - 5;
        let mut parts = Parts::of(accounts);
        let mut dice = fastrand::Rng::with_seed(5);
        let mut all: Vec<FingerprintChange> = Vec::new();
        for decision in 0..5_000 {
            let account = dice.usize(..accounts);
            let export = dice.bool().then(|| dice.u64(..));
            let credentials = dice.bool().then(|| [dice.u64(..), dice.u64(..)]);
            parts.put(account, Change { person: 0, decision, export, credentials }).unwrap();
            all.push(FingerprintChange { account, decision, export, credentials });
        }
        all.sort_by_key(|change| change.account);
        let read: Vec<FingerprintChange> = (0..3).flat_map(|part| parts.take(part).unwrap()).collect();
        assert_eq!(read, all);
    }
}
