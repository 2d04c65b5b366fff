//! Memos: what was decided on last, by fingerprints, so that a run need not decide it again.
//!
//! They are kept in chunks, a column at a time: a million of them are read in a few hundredths of a second. The store
//! itself says which are out of date: every write to an account, by whomever, puts its id into the table `touched`.

use rusqlite::{OptionalExtension, params};

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

/// How far apart ids may be. They are given one after the other; only by hand can there be such a gap.
const GAP: usize = 10_000_000;

/// The memos of all accounts: the one with id 1 first. An id without an account has the key 0.
#[derive(Debug, Default)]
pub struct Memos {
    /// Hash of the sourcedId.
    pub keys: Vec<u64>,
    /// Of record, schools and rules; 0: to be decided.
    pub records: Vec<u64>,
    /// Of the platform's row last taken in; 0: none, or it is to be taken in again.
    pub exports: Vec<u64>,
    pub states: Vec<u8>,
    /// Chunks that are not in the store as they are here.
    pub changed: Vec<bool>,
}

impl Memos {
    fn clear(&mut self, at: usize) {
        self.changed[at / CHUNK] = true;
        self.keys[at] = 0;
        self.records[at] = 0;
        self.exports[at] = 0;
        self.states[at] = 0;
    }

    fn grow(&mut self, length: usize) {
        self.keys.resize(length, 0);
        self.records.resize(length, 0);
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
        self.clear(at);
        self.keys[at] = key(sourced_id);
        let active = if state == State::Active.word() { ACTIVE } else { 0 };
        self.states[at] = active | if archived { ARCHIVED } else { 0 };
        Ok(())
    }
}

/// Whether bytes are so many numbers; adds them.
fn add_numbers(numbers: &mut Vec<u64>, bytes: &[u8], count: usize) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    numbers.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
    rest.is_empty() && words.len() == count
}

fn bytes(numbers: impl Iterator<Item = u64>, bytes: &mut Vec<u8>) {
    bytes.clear();
    numbers.for_each(|number| bytes.extend_from_slice(&number.to_le_bytes()));
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
        {
            let mut statement = self.connection.prepare("SELECT account_id FROM touched")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let id: i64 = row.get(0)?;
                if let Ok(at) = usize::try_from(id - 1)
                    && at < covered
                {
                    memos.clear(at);
                }
            }
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

    /// The memos as they were put away. Chunks that are not what they should be are as good as none.
    fn chunks(&self) -> Result<Memos> {
        let mut memos = Memos::default();
        let mut statement = self
            .connection
            .prepare("SELECT chunk, keys, records, exports, states FROM memo ORDER BY chunk")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let chunk: usize = row.get(0)?;
            let blob = |column| -> rusqlite::Result<&[u8]> { Ok(row.get_ref(column)?.as_blob()?) };
            let states = blob(4)?;
            let whole = memos.keys.len() == chunk * CHUNK && states.len() <= CHUNK;
            let length = memos.keys.len();
            let whole = whole
                && add_numbers(&mut memos.keys, blob(1)?, states.len())
                && add_numbers(&mut memos.records, blob(2)?, states.len())
                && add_numbers(&mut memos.exports, blob(3)?, states.len());
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

    /// Puts chunks of memos away, and takes all accounts for untouched. `memo` gives key, record, export and state of the
    /// account with the id one higher than its argument.
    pub fn put_memos(
        &self,
        accounts: usize,
        changed: &[bool],
        memo: impl Fn(usize) -> (u64, u64, u64, u8),
    ) -> Result<()> {
        let mut statement =
            self.connection.prepare_cached("INSERT OR REPLACE INTO memo VALUES (?1, ?2, ?3, ?4, ?5)")?;
        let (mut keys, mut records, mut exports) = (Vec::new(), Vec::new(), Vec::new());
        for chunk in 0..accounts.div_ceil(CHUNK) {
            if !changed.get(chunk).copied().unwrap_or(true) {
                continue;
            }
            let ids = || chunk * CHUNK..accounts.min((chunk + 1) * CHUNK);
            bytes(ids().map(|at| memo(at).0), &mut keys);
            bytes(ids().map(|at| memo(at).1), &mut records);
            bytes(ids().map(|at| memo(at).2), &mut exports);
            let states: Vec<u8> = ids().map(|at| memo(at).3).collect();
            statement.execute(params![chunk, keys, records, exports, states])?;
        }
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
        store.put_memos(people, &all, |at| (memos.keys[at], 7, 8, memos.states[at])).unwrap();
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
        assert!(memos.exports.iter().all(|export| *export == 8));
        assert!(!memos.changed.contains(&true));
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
