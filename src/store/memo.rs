//! Memos: what was decided on last, by fingerprints, so that a run need not decide it again.
//!
//! They are kept in chunks, a column at a time: a million of them are read in a few hundredths of a second. The store
//! itself says which are out of date: every write to an account, by whomever, puts its id into the table `touched`.

use std::ops::Range;

use rusqlite::{OptionalExtension, Row, params};

use super::Store;
use crate::account::State;
use crate::failure::{Failure, Kind, Result};
use crate::roster::kept::key;

/// Accounts in one row of the table.
pub const CHUNK: usize = 1024;

/// Signs of an account's state.
pub const ACTIVE: u8 = 1;
pub const ARCHIVED: u8 = 2;
/// The report's row is kept.
pub const ROW: u8 = 4;
/// The setting under which the person was when last decided on. Neither: it is not known.
pub const UNDER_ON: u8 = 8;
pub const UNDER_OFF: u8 = 16;
/// Roles, their dates or schools left the person out.
pub const LEFT_OUT: u8 = 32;

/// How far apart ids may be. They are given one after the other; only by hand can there be such a gap.
const GAP: usize = 10_000_000;

/// The memos of all accounts: the one with id 1 first. An id without an account has the key 0.
#[derive(Debug, Default)]
pub struct Memos {
    /// Hash of the sourcedId.
    pub keys: Vec<u64>,
    /// Of record and rules; 0: to be decided.
    pub records: Vec<u64>,
    /// Of the person's schools.
    pub schools: Vec<u64>,
    /// Of the platform's row last taken in; 0: none, or it is to be taken in again.
    pub exports: Vec<u64>,
    pub states: Vec<u8>,
    /// Chunks that are not in the store as they are here.
    pub changed: Vec<bool>,
}

/// What is to be remembered of an account instead of what was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoChange {
    /// The id less one.
    pub account: usize,
    /// With the hash of the schools; `(0, 0)`: to be decided. None, here and below: as it was.
    pub record: Option<(u64, u64)>,
    pub export: Option<u64>,
    /// Hashes of email and phone.
    pub credentials: Option<[u64; 2]>,
}

impl Memos {
    /// Room at once, since columns that grow leave their old places behind.
    fn with_room_for(accounts: usize) -> Self {
        let column = || Vec::with_capacity(accounts);
        Self {
            keys: column(),
            records: column(),
            schools: column(),
            exports: column(),
            states: Vec::with_capacity(accounts),
            changed: Vec::new(),
        }
    }

    fn clear(&mut self, at: usize) {
        self.changed[at / CHUNK] = true;
        self.keys[at] = 0;
        self.records[at] = 0;
        self.schools[at] = 0;
        self.exports[at] = 0;
        self.states[at] = 0;
    }

    fn grow(&mut self, length: usize) {
        self.keys.resize(length, 0);
        self.records.resize(length, 0);
        self.schools.resize(length, 0);
        self.exports.resize(length, 0);
        self.states.resize(length, 0);
        self.changed.resize(length.div_ceil(CHUNK), true);
    }

    fn put_account(&mut self, id: i64, sourced_id: &str, state: &str, archived: bool) -> Result<()> {
        let at = usize::try_from(id - 1).unwrap_or(usize::MAX);
        if at >= self.keys.len().saturating_add(GAP) {
            return Err(Failure::new(Kind::Failed, format!("the store has an account with the odd id {id}"))
                .cure("restore the store from a backup; it was written to by something else"));
        }
        if at >= self.keys.len() {
            self.grow(at + 1);
        }
        let key = key(sourced_id);
        // Who writes to an account does not change under which setting it was.
        let setting = if self.keys[at] == key { self.states[at] & (UNDER_ON | UNDER_OFF) } else { 0 };
        self.clear(at);
        self.keys[at] = key;
        let active = if state == State::Active.word() { ACTIVE } else { 0 };
        self.states[at] = active | if archived { ARCHIVED } else { 0 } | setting;
        Ok(())
    }
}

/// Whether bytes are so many numbers; adds them.
fn add_numbers(numbers: &mut Vec<u64>, bytes: &[u8], count: usize) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    numbers.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
    rest.is_empty() && words.len() == count
}

fn blob<'a>(row: &'a Row<'_>, column: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(column)?.as_blob()?)
}

fn bytes(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// Some columns of a chunk, each of as many numbers as it has accounts.
struct Columns<const N: usize>([Vec<u64>; N]);

impl<const N: usize> Columns<N> {
    /// As they are in the store. What is not there, or not what it should be, is 0.
    fn of(store: &Store, query: &str, chunk: usize, accounts: usize) -> Result<Self> {
        let mut statement = store.connection.prepare_cached(query)?;
        let mut rows = statement.query([chunk])?;
        let mut columns = std::array::from_fn(|_| Vec::new());
        if let Some(row) = rows.next()? {
            for (at, column) in columns.iter_mut().enumerate() {
                let (words, _) = blob(row, at)?.as_chunks::<8>();
                column.extend(words.iter().take(accounts).map(|word| u64::from_le_bytes(*word)));
            }
        }
        for column in &mut columns {
            column.resize(accounts, 0);
        }
        Ok(Self(columns))
    }
}

impl Store {
    /// The memos of all accounts.
    ///
    /// # Errors
    /// `Failed` if they or the accounts cannot be read.
    pub fn memos(&self) -> Result<Memos> {
        let memos = self.touched(self.chunks()?)?;
        // What replaces another account by its sourcedId removes that without a trigger; then nothing is believed.
        let accounts: usize =
            self.connection.query_row("SELECT count(*) FROM account", [], |row| row.get(0))?;
        if memos.keys.iter().filter(|key| **key != 0).count() == accounts {
            return Ok(memos);
        }
        self.touched(Memos::default())
    }

    /// Brings memos up to the accounts that were written to since, and those that are new.
    fn touched(&self, mut memos: Memos) -> Result<Memos> {
        let covered = memos.keys.len();
        for at in self.touched_accounts()?.into_iter().filter(|at| *at < covered) {
            memos.clear(at);
        }
        let mut statement = self.connection.prepare(
            "SELECT id, sourced_id, state, archived FROM account \
             WHERE id > ?1 OR id IN (SELECT account_id FROM touched) ORDER BY id",
        )?;
        let mut rows = statement.query([i64::try_from(covered).unwrap_or(i64::MAX)])?;
        while let Some(row) = rows.next()? {
            let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
            memos.put_account(row.get(0)?, text(1)?, text(2)?, row.get(3)?)?;
        }
        Ok(memos)
    }

    /// Accounts that were written to since memos were put away, as ids less one, sorted.
    fn touched_accounts(&self) -> Result<Vec<usize>> {
        let mut statement = self.connection.prepare("SELECT account_id FROM touched ORDER BY account_id")?;
        let ids = statement.query_map([], |row| row.get::<_, i64>(0))?;
        let ids: Vec<i64> = ids.collect::<rusqlite::Result<_>>()?;
        Ok(ids.into_iter().filter_map(|id| usize::try_from(id - 1).ok()).collect())
    }

    /// The memos as they were put away. Chunks that are not what they should be are as good as none.
    fn chunks(&self) -> Result<Memos> {
        let chunks: usize =
            self.connection
                .query_row("SELECT coalesce(max(chunk) + 1, 0) FROM memo", [], |row| row.get(0))?;
        let mut memos = Memos::with_room_for(chunks.min(GAP / CHUNK) * CHUNK);
        let mut statement = self
            .connection
            .prepare("SELECT chunk, keys, records, schools, exports, states FROM memo ORDER BY chunk")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let chunk: usize = row.get(0)?;
            let blob = |column| blob(row, column);
            let states = blob(5)?;
            let whole = memos.keys.len() == chunk * CHUNK && states.len() <= CHUNK;
            let length = memos.keys.len();
            let whole = whole
                && add_numbers(&mut memos.keys, blob(1)?, states.len())
                && add_numbers(&mut memos.records, blob(2)?, states.len())
                && add_numbers(&mut memos.schools, blob(3)?, states.len())
                && add_numbers(&mut memos.exports, blob(4)?, states.len());
            memos.states.extend_from_slice(states);
            memos.changed.push(false);
            if !whole {
                memos.changed.pop();
                memos.grow(length);
                break;
            }
        }
        Ok(memos)
    }

    /// Hashes of the emails and of the phones of so many accounts, the one with id 1 first; 0 for none. They are those of
    /// accounts whose record is remembered, and of no others.
    ///
    /// # Errors
    /// `Failed` if they cannot be read.
    pub fn memo_credentials(&self, accounts: usize) -> Result<[Vec<u64>; 2]> {
        let mut all = [Vec::with_capacity(accounts), Vec::with_capacity(accounts)];
        let mut statement =
            self.connection.prepare("SELECT chunk, emails, phones FROM memo_credentials ORDER BY chunk")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let chunk: usize = row.get(0)?;
            for (at, column) in all.iter_mut().enumerate() {
                column.resize(chunk * CHUNK, 0);
                add_numbers(column, blob(row, at + 1)?, CHUNK);
            }
        }
        for column in &mut all {
            column.resize(accounts, 0);
        }
        Ok(all)
    }

    /// Puts the memos of some chunks away. `accounts` is how many accounts there are by now, `changed` which chunks of those
    /// that were there are not in the store as they are known, `who` the hash of the sourcedId and the state of the account
    /// with the id one higher than its argument. `changes` are sorted by account; of several for one the last counts.
    ///
    /// # Errors
    /// `Failed` if they cannot be written.
    pub fn put_memos(
        &self,
        chunks: Range<usize>,
        accounts: usize,
        changed: &[bool],
        who: impl Fn(usize) -> (u64, u8),
        mut changes: &[MemoChange],
    ) -> Result<()> {
        let touched = self.touched_accounts()?;
        let mut touched = &touched[touched.partition_point(|at| *at < chunks.start * CHUNK)..];
        for chunk in chunks {
            let ids = chunk * CHUNK..accounts.min((chunk + 1) * CHUNK);
            let own;
            (own, changes) = changes.split_at(changes.partition_point(|change| change.account < ids.end));
            let anew;
            (anew, touched) = touched.split_at(touched.partition_point(|at| *at < ids.end));
            if own.is_empty() && anew.is_empty() && !changed.get(chunk).copied().unwrap_or(true) {
                continue;
            }
            self.put_chunk(chunk, ids, &who, own, anew)?;
        }
        Ok(())
    }

    fn put_chunk(
        &self,
        chunk: usize,
        ids: Range<usize>,
        who: impl Fn(usize) -> (u64, u8),
        changes: &[MemoChange],
        touched: &[usize],
    ) -> Result<()> {
        let Columns([mut keys, mut records, mut schools, mut exports]) = Columns::of(
            self,
            "SELECT keys, records, schools, exports FROM memo WHERE chunk = ?1",
            chunk,
            ids.len(),
        )?;
        let Columns([mut emails, mut phones]) = Columns::of(
            self,
            "SELECT emails, phones FROM memo_credentials WHERE chunk = ?1",
            chunk,
            ids.len(),
        )?;
        let states: Vec<u8> = ids.clone().map(|at| who(at).1).collect();
        for (at, key) in ids.clone().map(|at| who(at).0).enumerate() {
            // Somebody else than the one of whom there is a memo.
            if keys[at] != key {
                (keys[at], records[at], exports[at]) = (key, 0, 0);
            }
        }
        for at in touched.iter().map(|at| at - ids.start) {
            (records[at], exports[at]) = (0, 0);
        }
        for change in changes {
            let at = change.account - ids.start;
            (records[at], schools[at]) = change.record.unwrap_or((records[at], schools[at]));
            exports[at] = change.export.unwrap_or(exports[at]);
            [emails[at], phones[at]] = change.credentials.unwrap_or([emails[at], phones[at]]);
        }
        let mut statement =
            self.connection.prepare_cached("INSERT OR REPLACE INTO memo VALUES (?1, ?2, ?3, ?4, ?5, ?6)")?;
        statement.execute(params![
            chunk,
            bytes(&keys),
            bytes(&records),
            bytes(&schools),
            bytes(&exports),
            states
        ])?;
        let mut statement =
            self.connection.prepare_cached("INSERT OR REPLACE INTO memo_credentials VALUES (?1, ?2, ?3)")?;
        statement.execute(params![chunk, bytes(&emails), bytes(&phones)])?;
        Ok(())
    }

    /// All memos are put away: no account has been written to since.
    ///
    /// # Errors
    /// `Failed` if that cannot be written.
    pub fn memos_are_put(&self) -> Result<()> {
        self.connection
            .execute("DELETE FROM memo_row WHERE account_id IN (SELECT account_id FROM touched)", [])?;
        self.connection.execute("DELETE FROM touched", [])?;
        Ok(())
    }

    /// The kept row of an account.
    pub fn memo_row(&self, account: i64) -> Result<Option<Vec<u8>>> {
        let mut statement =
            self.connection.prepare_cached("SELECT row FROM memo_row WHERE account_id = ?1")?;
        Ok(statement.query_row([account], |row| row.get(0)).optional()?)
    }

    /// Keeps the row of an account.
    pub fn put_memo_row(&self, account: i64, row: &[u8]) -> Result<()> {
        let mut statement =
            self.connection.prepare_cached("INSERT OR REPLACE INTO memo_row VALUES (?1, ?2)")?;
        statement.execute(params![account, row])?;
        Ok(())
    }

    /// Forgets the row of an account.
    pub fn remove_memo_row(&self, account: i64) -> Result<()> {
        let mut statement = self.connection.prepare_cached("DELETE FROM memo_row WHERE account_id = ?1")?;
        statement.execute([account])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;

    fn store(people: usize) -> Store {
        let store = Store::empty().unwrap();
        for i in 0..people {
            store.insert_account(&Account::new(&format!("s-{i}"))).unwrap();
        }
        let memos = store.memos().unwrap();
        let all = vec![true; memos.changed.len()];
        let change = |account| MemoChange {
            account,
            record: Some((7, 9)),
            export: Some(8),
            credentials: Some([account as u64 + 1, 0]),
        };
        let changes: Vec<MemoChange> = (0..people).map(change).collect();
        let who = |at: usize| (memos.keys[at], memos.states[at]);
        store.put_memos(0..all.len(), people, &all, who, &changes).unwrap();
        store.memos_are_put().unwrap();
        store
    }

    fn undecided(store: &Store) -> Vec<usize> {
        let memos = store.memos().unwrap();
        (0..memos.keys.len()).filter(|at| memos.records[*at] == 0 || memos.exports[*at] == 0).collect()
    }

    #[test]
    fn memos_come_back_as_they_were_put_away() {
        let store = store(2 * CHUNK + 3);
        let memos = store.memos().unwrap();
        assert_eq!(memos.keys.len(), 2 * CHUNK + 3);
        assert_eq!(memos.keys[CHUNK], key(&format!("s-{CHUNK}")));
        assert!(memos.records.iter().all(|record| *record == 7));
        assert!(memos.schools.iter().all(|schools| *schools == 9));
        assert!(memos.exports.iter().all(|export| *export == 8));
        let [emails, phones] = store.memo_credentials(2 * CHUNK + 3).unwrap();
        assert_eq!(emails, (1..=2 * CHUNK as u64 + 3).collect::<Vec<_>>());
        assert_eq!(phones, vec![0; 2 * CHUNK + 3]);
        assert!(!memos.changed.contains(&true));
    }

    #[test]
    fn what_is_not_changed_stays_but_for_accounts_that_were_written_to() {
        let store = store(CHUNK + 20);
        store.connection.execute_batch("UPDATE account SET email = 'x' WHERE id IN (3, 5)").unwrap();
        let memos = store.memos().unwrap();
        let change = MemoChange { account: 4, record: Some((5, 6)), export: None, credentials: None };
        let who = |at: usize| (memos.keys[at], memos.states[at]);
        store.put_memos(0..2, CHUNK + 20, &memos.changed, who, &[change]).unwrap();
        store.memos_are_put().unwrap();
        let memos = store.memos().unwrap();
        assert_eq!((memos.records[4], memos.schools[4], memos.exports[4]), (5, 6, 0));
        assert_eq!(undecided(&store), [2, 4]);
        assert_eq!(memos.records[3], 7);
    }

    #[test]
    fn no_write_to_an_account_leaves_its_memo() {
        let cheats = [
            "UPDATE account SET email = 'x' WHERE id = 5",
            "UPDATE account SET email = email WHERE id = 5",
            "UPDATE account SET id = 9999 WHERE id = 5",
            "DELETE FROM account WHERE id = 5",
            "INSERT OR REPLACE INTO account SELECT * FROM account WHERE id = 5",
            "UPDATE OR REPLACE account SET sourced_id = 's-4' WHERE id = 9",
            "INSERT INTO account SELECT 5, 'other', state, archived, given_name, family_name, email, phone, home_phone, \
             sis_identifier, sis_enabled, sis_given_name, sis_family_name, sis_email, sis_sms, sis_phone, sis_language, \
             sis_roles, sis_orgs, sis_agents, export_given_name, export_family_name, export_email, export_phone, \
             export_home_phone, kept_since FROM account WHERE id = 6 \
             ON CONFLICT (id) DO UPDATE SET email = 'y'",
        ];
        for cheat in cheats {
            let store = store(20);
            store.connection.execute_batch(cheat).unwrap();
            assert!(undecided(&store).contains(&4), "{cheat}");
        }
    }

    #[test]
    fn an_account_that_is_new_has_no_memo() {
        let store = store(20);
        store.insert_account(&Account::new("new")).unwrap();
        assert_eq!(undecided(&store), [20]);
        let memos = store.memos().unwrap();
        assert_eq!(memos.keys[20], key("new"));
        assert_eq!(memos.changed, [true]);
    }

    #[test]
    fn a_damaged_chunk_is_as_good_as_none() {
        let store = store(CHUNK + 20);
        store.connection.execute_batch("UPDATE memo SET records = x'00' WHERE chunk = 1").unwrap();
        assert_eq!(undecided(&store), (CHUNK..CHUNK + 20).collect::<Vec<_>>());
    }

    #[test]
    fn rows_are_kept_and_forgotten() {
        let store = store(2);
        store.put_memo_row(1, b"a").unwrap();
        store.put_memo_row(1, b"b").unwrap();
        assert_eq!(store.memo_row(1).unwrap().as_deref(), Some(&b"b"[..]));
        store.remove_memo_row(1).unwrap();
        assert_eq!(store.memo_row(1).unwrap(), None);
    }
}
