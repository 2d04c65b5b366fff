//! Fingerprints: what each account was decided on last, so that a run need not decide it again; and
//! the signs of each account.
//!
//! They are kept in chunks, a column at a time, so that a million of them are read in a few
//! hundredths of a second. Triggers put the id of an account into the table `touched` on every
//! write to the account. Its fingerprints do not count any more.

use std::collections::{HashMap, HashSet};
use std::ops::Range;

use rusqlite::params;

use super::Store;
use super::sql::{blob, text};
use crate::account::State;
use crate::failure::{Failure, Kind, Result};
use crate::roster::kept::key;

/// Accounts in one row of the table.
pub const CHUNK: usize = 1024;

pub const ACTIVE: u8 = 1;
pub const ARCHIVED: u8 = 2;
/// The setting under which the person was when last decided on. Neither: it is not known.
pub const UNDER_ON: u8 = 8;
pub const UNDER_OFF: u8 = 16;
/// Roles, their dates or schools left the person out.
pub const LEFT_OUT: u8 = 32;
/// A guardian's account with a valid email or mobile.
pub const REACHABLE: u8 = 64;
/// A student with a guardian that can be reached. Of an archived adult: the roster still has the
/// person, as a contact for emergencies only.
pub const HAS_CONTACT: u8 = 128;
/// All of them. Older stores had other bits as well.
const SIGNS: u8 = ACTIVE | ARCHIVED | UNDER_ON | UNDER_OFF | LEFT_OUT | REACHABLE | HAS_CONTACT;

/// The bit of a decision's fingerprint which says that the report's row is in `cached_row`.
pub const HAS_CACHED_ROW: u64 = 1;

/// How far apart ids may be. They are given one after the other; only an edit by hand can make such
/// a gap.
const GAP: usize = 10_000_000;

/// The fingerprints and signs of all accounts: the one with id 1 first. An id without an account
/// has the key 0.
#[derive(Debug, Default)]
pub struct Fingerprints {
    pub keys: Vec<u64>,
    pub signs: Vec<u8>,
    /// Of all that the account was decided on, with [`HAS_CACHED_ROW`]; 0: to be decided.
    pub decisions: Vec<u64>,
    /// Of the platform's row last taken in; 0: none, or it is to be taken in again.
    pub exports: Vec<u64>,
    /// Chunks that are not in the store as they are here.
    pub changed: Vec<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FingerprintChange {
    /// The id less one.
    pub account: usize,
    /// With [`HAS_CACHED_ROW`]; 0: to be decided.
    pub decision: u64,
    /// None, here and below: as it was.
    pub export: Option<u64>,
    pub credentials: Option<[u64; 2]>,
}

impl Fingerprints {
    /// Room at once, since columns that grow leave their old places behind.
    fn with_room_for(accounts: usize) -> Self {
        let column = || Vec::with_capacity(accounts);
        let (keys, decisions, exports) = (column(), column(), column());
        Self { keys, signs: Vec::with_capacity(accounts), decisions, exports, changed: Vec::new() }
    }

    fn clear(&mut self, at: usize) {
        self.changed[at / CHUNK] = true;
        (self.keys[at], self.signs[at], self.decisions[at], self.exports[at]) = (0, 0, 0, 0);
    }

    fn resize(&mut self, length: usize) {
        self.keys.resize(length, 0);
        self.signs.resize(length, 0);
        self.decisions.resize(length, 0);
        self.exports.resize(length, 0);
        self.changed.resize(length.div_ceil(CHUNK), true);
    }

    /// Returns the place of the account.
    fn put_account(&mut self, id: i64, sourced_id: &str, state: &str, archived: bool) -> Result<usize> {
        let at = usize::try_from(id - 1).unwrap_or(usize::MAX);
        if at >= self.keys.len().saturating_add(GAP) {
            return Err(Failure::new(Kind::Failed, format!("the store has an account with the odd id {id}"))
                .cure("another program wrote to the store: restore the store from a backup"));
        }
        if at >= self.keys.len() {
            self.resize(at + 1);
        }
        self.clear(at);
        self.keys[at] = key(sourced_id);
        let active = if state == State::Active.word() { ACTIVE } else { 0 };
        self.signs[at] = active | if archived { ARCHIVED } else { 0 };
        Ok(at)
    }
}

/// Adds the numbers of a blob. Returns whether there are as many as expected.
fn add_numbers(numbers: &mut Vec<u64>, bytes: &[u8], count: usize) -> bool {
    let (words, rest) = bytes.as_chunks::<8>();
    numbers.extend(words.iter().map(|word| u64::from_le_bytes(*word)));
    rest.is_empty() && words.len() == count
}

fn bytes(numbers: &[u64]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

impl Store {
    pub fn fingerprints(&self) -> Result<Fingerprints> {
        let stored = self.with_touched(self.chunks()?)?;
        // An account that replaces another by its sourcedId removes that one without a trigger;
        // then no fingerprint is used.
        let accounts: usize = self.value("SELECT count(*) FROM account", [])?;
        if stored.keys.iter().filter(|key| **key != 0).count() == accounts {
            return Ok(stored);
        }
        self.with_touched(Fingerprints::default())
    }

    /// Adds the accounts that are new, and clears the fingerprints and signs of accounts that were
    /// written to.
    fn with_touched(&self, mut stored: Fingerprints) -> Result<Fingerprints> {
        let covered = stored.keys.len();
        // Which people could be reached on the last night is no part of the account, and an edit by hand does not
        // change it.
        let mut reached: HashMap<u64, u8> = HashMap::new();
        for at in self.touched_accounts(0..covered)? {
            reached.insert(stored.keys[at], stored.signs[at] & (REACHABLE | HAS_CONTACT));
            stored.clear(at);
        }
        self.each(
            "SELECT id, sourced_id, state, archived FROM account \
             WHERE id > ?1 OR id IN (SELECT account_id FROM touched) ORDER BY id",
            [i64::try_from(covered).unwrap_or(i64::MAX)],
            ["id", "sourced_id", "state", "archived"],
            |row, [id, sourced_id, state, archived]| {
                let (sourced_id, state) = (text(row, sourced_id)?, text(row, state)?);
                let at = stored.put_account(row.get(id)?, sourced_id, state, row.get(archived)?)?;
                stored.signs[at] |= reached.get(&stored.keys[at]).copied().unwrap_or_default();
                Ok(())
            },
        )?;
        // An account that was removed may have been the last one; its number is not given again.
        let ever = usize::try_from(self.last_account_ever()?).unwrap_or_default();
        if ever > stored.keys.len() && ever < stored.keys.len().saturating_add(GAP) {
            stored.resize(ever);
        }
        Ok(stored)
    }

    /// Those of these accounts that were written to since the fingerprints were stored, as ids less
    /// one, sorted.
    fn touched_accounts(&self, among: Range<usize>) -> Result<Vec<usize>> {
        let query = "SELECT account_id - 1 FROM touched WHERE account_id > ?1 AND account_id <= ?2 \
                     ORDER BY account_id";
        let [first, last] = [among.start, among.end].map(|at| i64::try_from(at).unwrap_or(i64::MAX));
        self.all(query, [first, last], |row| row.get(0))
    }

    /// The fingerprints as they were stored, up to the first chunk that is damaged.
    fn chunks(&self) -> Result<Fingerprints> {
        let chunks: usize = self.value("SELECT coalesce(max(chunk) + 1, 0) FROM fingerprint", [])?;
        let mut stored = Fingerprints::with_room_for(chunks.min(GAP / CHUNK) * CHUNK);
        let mut is_whole = true;
        self.each(
            "SELECT chunk, keys, signs, decisions, exports FROM fingerprint ORDER BY chunk",
            [],
            ["chunk", "keys", "signs", "decisions", "exports"],
            |row, [chunk, keys, signs, decisions, exports]| {
                let (length, signs) = (stored.keys.len(), blob(row, signs)?);
                is_whole = is_whole
                    && length == row.get::<_, usize>(chunk)? * CHUNK
                    && signs.len() <= CHUNK
                    && add_numbers(&mut stored.keys, blob(row, keys)?, signs.len())
                    && add_numbers(&mut stored.decisions, blob(row, decisions)?, signs.len())
                    && add_numbers(&mut stored.exports, blob(row, exports)?, signs.len());
                if is_whole {
                    stored.signs.extend(signs.iter().map(|signs| signs & SIGNS));
                    stored.changed.push(false);
                } else {
                    stored.resize(length);
                }
                Ok(())
            },
        )?;
        Ok(stored)
    }

    /// Hands over hashes of the emails and of the phones of all accounts, a chunk at a time: the id
    /// of its first account less one, and the hashes; 0 for none. They are those of accounts that
    /// have a fingerprint, and of no others.
    pub fn each_credential_chunk(&self, mut each: impl FnMut(usize, [&[u64]; 2])) -> Result<()> {
        let mut columns = [Vec::with_capacity(CHUNK), Vec::with_capacity(CHUNK)];
        self.each(
            "SELECT chunk, emails, phones FROM fingerprint_credential ORDER BY chunk",
            [],
            ["chunk", "emails", "phones"],
            |row, [chunk, emails, phones]| {
                let chunk: usize = row.get(chunk)?;
                for (column, place) in columns.iter_mut().zip([emails, phones]) {
                    column.clear();
                    add_numbers(column, blob(row, place)?, CHUNK);
                    column.truncate(CHUNK);
                }
                each(chunk * CHUNK, columns.each_ref().map(Vec::as_slice));
                Ok(())
            },
        )
    }

    /// Puts the fingerprints of some chunks away. `accounts` is how many accounts there are by now,
    /// `changed` is [`Fingerprints::changed`], `key_and_signs` gives the hash of the sourcedId and the signs
    /// of the account with the id one higher than its argument. `changes` are sorted by account; of
    /// several for one the last counts.
    pub fn put_fingerprints(
        &self,
        chunks: Range<usize>,
        accounts: usize,
        changed: &[bool],
        key_and_signs: impl Fn(usize) -> (u64, u8),
        mut changes: &[FingerprintChange],
    ) -> Result<()> {
        let touched = self.touched_accounts(chunks.start * CHUNK..chunks.end * CHUNK)?;
        let mut touched = touched.as_slice();
        for chunk in chunks {
            let ids = chunk * CHUNK..accounts.min((chunk + 1) * CHUNK);
            let own;
            (own, changes) = changes.split_at(changes.partition_point(|change| change.account < ids.end));
            let anew;
            (anew, touched) = touched.split_at(touched.partition_point(|at| *at < ids.end));
            if own.is_empty() && anew.is_empty() && !changed.get(chunk).copied().unwrap_or(true) {
                continue;
            }
            self.put_chunk(chunk, ids, &key_and_signs, own, anew)?;
        }
        Ok(())
    }

    /// Some columns of a chunk as they are in the store, each of so many numbers. What is missing
    /// is 0.
    fn columns<const N: usize>(
        &self,
        table: &str,
        names: [&str; N],
        chunk: usize,
        length: usize,
    ) -> Result<[Vec<u64>; N]> {
        let query = format!("SELECT {} FROM {table} WHERE chunk = ?1", names.join(", "));
        let mut columns = [const { Vec::new() }; N];
        self.each(&query, [chunk], names, |row, places| {
            for (column, place) in columns.iter_mut().zip(places) {
                add_numbers(column, blob(row, place)?, length);
            }
            Ok(())
        })?;
        columns.iter_mut().for_each(|column| column.resize(length, 0));
        Ok(columns)
    }

    fn put_chunk(
        &self,
        chunk: usize,
        ids: Range<usize>,
        key_and_signs: impl Fn(usize) -> (u64, u8),
        changes: &[FingerprintChange],
        touched: &[usize],
    ) -> Result<()> {
        let [mut keys, mut decisions, mut exports] =
            self.columns("fingerprint", ["keys", "decisions", "exports"], chunk, ids.len())?;
        let [mut emails, mut phones] =
            self.columns("fingerprint_credential", ["emails", "phones"], chunk, ids.len())?;
        let signs: Vec<u8> = ids.clone().map(|at| key_and_signs(at).1).collect();
        for (at, key) in ids.clone().map(|at| key_and_signs(at).0).enumerate() {
            // The fingerprints are those of another person.
            if keys[at] != key {
                (keys[at], decisions[at], exports[at]) = (key, 0, 0);
            }
        }
        for at in touched.iter().map(|at| at - ids.start) {
            (decisions[at], exports[at]) = (0, 0);
        }
        for change in changes {
            let at = change.account - ids.start;
            if decisions[at] & HAS_CACHED_ROW != 0 && change.decision & HAS_CACHED_ROW == 0 {
                self.execute("DELETE FROM cached_row WHERE account_id = ?1", [change.account + 1])?;
            }
            decisions[at] = change.decision;
            exports[at] = change.export.unwrap_or(exports[at]);
            [emails[at], phones[at]] = change.credentials.unwrap_or([emails[at], phones[at]]);
        }
        self.execute(
            "INSERT OR REPLACE INTO fingerprint (chunk, keys, signs, decisions, exports) VALUES (?1, ?2, ?3, ?4, ?5)",
            params![chunk, bytes(&keys), signs, bytes(&decisions), bytes(&exports)],
        )?;
        self.write(
            "INSERT OR REPLACE INTO fingerprint_credential (chunk, emails, phones) VALUES (?1, ?2, ?3)",
            params![chunk, bytes(&emails), bytes(&phones)],
        )
    }

    /// All fingerprints are stored: no account has been written to since. The rows of accounts
    /// that were written to are removed.
    pub fn fingerprints_are_put(&self) -> Result<()> {
        self.execute("DELETE FROM cached_row WHERE account_id IN (SELECT account_id FROM touched)", [])?;
        self.write("DELETE FROM touched", [])
    }

    /// The sourcedIds of archived accounts whose people are still in the roster, as contacts for
    /// emergencies only.
    pub fn archived_for_emergencies(&self) -> Result<HashSet<String>> {
        let mut found = HashSet::new();
        let accounts: Vec<(i64, String)> = self.all(
            "SELECT id, sourced_id FROM account WHERE archived = 1 AND sis_emergency <> ''",
            [],
            |row| Ok((row.get("id")?, row.get("sourced_id")?)),
        )?;
        if accounts.is_empty() {
            return Ok(found);
        }
        let signs = self.fingerprints()?.signs;
        for (id, sourced_id) in accounts {
            let signs =
                usize::try_from(id - 1).ok().and_then(|at| signs.get(at)).copied().unwrap_or_default();
            if signs & (ARCHIVED | HAS_CONTACT) == ARCHIVED | HAS_CONTACT {
                found.insert(sourced_id);
            }
        }
        Ok(found)
    }

    /// Removes the fingerprints and the signs of an account that is removed, and its report row.
    pub(super) fn remove_fingerprints(&self, account: i64) -> Result<()> {
        self.execute("DELETE FROM cached_row WHERE account_id = ?1", [account])?;
        let Ok(at) = usize::try_from(account - 1) else { return Ok(()) };
        let (chunk, at) = (at / CHUNK, at % CHUNK);
        let blank = |bytes: &mut Vec<u8>, width: usize| {
            if let Some(own) = bytes.get_mut(at * width..(at + 1) * width) {
                own.fill(0);
            }
        };
        let query = "SELECT keys, signs, decisions, exports FROM fingerprint WHERE chunk = ?1";
        let stored: Option<[Vec<u8>; 4]> =
            self.first(query, [chunk], |row| Ok([row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?]))?;
        if let Some([mut keys, mut signs, mut decisions, mut exports]) = stored {
            [&mut keys, &mut decisions, &mut exports].into_iter().for_each(|column| blank(column, 8));
            blank(&mut signs, 1);
            self.write(
                "UPDATE fingerprint SET keys = ?2, signs = ?3, decisions = ?4, exports = ?5 WHERE chunk = ?1",
                params![chunk, keys, signs, decisions, exports],
            )?;
        }
        let query = "SELECT emails, phones FROM fingerprint_credential WHERE chunk = ?1";
        let stored: Option<[Vec<u8>; 2]> =
            self.first(query, [chunk], |row| Ok([row.get(0)?, row.get(1)?]))?;
        if let Some([mut emails, mut phones]) = stored {
            [&mut emails, &mut phones].into_iter().for_each(|column| blank(column, 8));
            let update = "UPDATE fingerprint_credential SET emails = ?2, phones = ?3 WHERE chunk = ?1";
            self.write(update, params![chunk, emails, phones])?;
        }
        Ok(())
    }

    pub fn cached_row(&self, account: i64) -> Result<Option<Vec<u8>>> {
        self.first("SELECT row FROM cached_row WHERE account_id = ?1", [account], |row| row.get(0))
    }

    /// Puts the row of an account away. After [`Store::fingerprints_are_put`].
    pub fn put_cached_row(&self, account: i64, row: &[u8]) -> Result<()> {
        self.write(
            "INSERT OR REPLACE INTO cached_row (account_id, row) VALUES (?1, ?2)",
            params![account, row],
        )
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
        let stored = store.fingerprints().unwrap();
        let all = vec![true; stored.changed.len()];
        let change = |account| FingerprintChange {
            account,
            decision: 7,
            export: Some(8),
            credentials: Some([account as u64 + 1, 0]),
        };
        let changes: Vec<FingerprintChange> = (0..people).map(change).collect();
        let key_and_signs = |at: usize| (stored.keys[at], stored.signs[at]);
        store.put_fingerprints(0..all.len(), people, &all, key_and_signs, &changes).unwrap();
        store.fingerprints_are_put().unwrap();
        store
    }

    fn undecided(store: &Store) -> Vec<usize> {
        let stored = store.fingerprints().unwrap();
        (0..stored.keys.len()).filter(|at| stored.decisions[*at] == 0 || stored.exports[*at] == 0).collect()
    }

    #[test]
    fn fingerprints_come_back_as_they_were_put_away() {
        let store = store(2 * CHUNK + 3);
        let stored = store.fingerprints().unwrap();
        assert_eq!(stored.keys.len(), 2 * CHUNK + 3);
        assert_eq!(stored.keys[CHUNK], key(&format!("s-{CHUNK}")));
        assert!(stored.decisions.iter().all(|record| *record == 7));
        assert!(stored.exports.iter().all(|export| *export == 8));
        let [mut emails, mut phones] = [Vec::new(), Vec::new()];
        let add = |first: usize, [some_emails, some_phones]: [&[u64]; 2]| {
            assert_eq!(first, emails.len());
            emails.extend_from_slice(some_emails);
            phones.extend_from_slice(some_phones);
        };
        store.each_credential_chunk(add).unwrap();
        assert_eq!(emails, (1..=2 * CHUNK as u64 + 3).collect::<Vec<_>>());
        assert_eq!(phones, vec![0; 2 * CHUNK + 3]);
        assert!(!stored.changed.contains(&true));
    }

    #[test]
    fn fingerprints_stay_but_for_those_of_accounts_that_were_written_to() {
        let store = store(CHUNK + 20);
        store.connection.execute_batch("UPDATE account SET email = 'x' WHERE id IN (3, 5)").unwrap();
        let stored = store.fingerprints().unwrap();
        let change = FingerprintChange { account: 4, decision: 5, export: None, credentials: None };
        let key_and_signs = |at: usize| (stored.keys[at], stored.signs[at]);
        store.put_fingerprints(0..2, CHUNK + 20, &stored.changed, key_and_signs, &[change]).unwrap();
        store.fingerprints_are_put().unwrap();
        let stored = store.fingerprints().unwrap();
        assert_eq!((stored.decisions[4], stored.exports[4]), (5, 0));
        assert_eq!(undecided(&store), [2, 4]);
        assert_eq!(stored.decisions[3], 7);
    }

    #[test]
    fn every_write_to_an_account_clears_its_fingerprints() {
        let cheats = [
            "UPDATE account SET email = 'x' WHERE id = 5",
            "UPDATE account SET email = email WHERE id = 5",
            "UPDATE account SET id = 9999 WHERE id = 5",
            "DELETE FROM account WHERE id = 5",
            "INSERT OR REPLACE INTO account SELECT * FROM account WHERE id = 5",
            "UPDATE OR REPLACE account SET sourced_id = 's-4' WHERE id = 9",
            "INSERT INTO account (id, sourced_id, state, archived, given_name, family_name, email, phone, home_phone, \
             sis_roles, sis_orgs, sis_agents) SELECT 5, 'other', state, archived, given_name, \
             family_name, email, phone, home_phone, sis_roles, sis_orgs, sis_agents FROM account WHERE id = 6 \
             ON CONFLICT (id) DO UPDATE SET email = 'y'",
        ];
        for cheat in cheats {
            let store = store(20);
            store.connection.execute_batch(cheat).unwrap();
            assert!(undecided(&store).contains(&4), "{cheat}");
        }
    }

    #[test]
    fn a_new_account_has_no_fingerprint() {
        let store = store(20);
        store.insert_account(&Account::new("new")).unwrap();
        assert_eq!(undecided(&store), [20]);
        let stored = store.fingerprints().unwrap();
        assert_eq!(stored.keys[20], key("new"));
        assert_eq!(stored.changed, [true]);
    }

    #[test]
    fn a_damaged_chunk_is_not_used() {
        let store = store(CHUNK + 20);
        store.connection.execute_batch("UPDATE fingerprint SET decisions = x'00' WHERE chunk = 1").unwrap();
        assert_eq!(undecided(&store), (CHUNK..CHUNK + 20).collect::<Vec<_>>());
    }

    #[test]
    fn a_cached_row_goes_with_the_fingerprint_that_has_one() {
        let store = store(2);
        let put = |decision| {
            let change = FingerprintChange { account: 0, decision, export: None, credentials: None };
            let stored = store.fingerprints().unwrap();
            let key_and_signs = |at: usize| (stored.keys[at], stored.signs[at]);
            store.put_fingerprints(0..1, 2, &stored.changed, key_and_signs, &[change]).unwrap();
        };
        put(8 | HAS_CACHED_ROW);
        store.put_cached_row(1, b"a").unwrap();
        store.put_cached_row(1, b"b").unwrap();
        put(10 | HAS_CACHED_ROW);
        assert_eq!(store.cached_row(1).unwrap().as_deref(), Some(&b"b"[..]));
        put(12);
        assert_eq!(store.cached_row(1).unwrap(), None);
    }

    #[test]
    fn signs_of_an_older_store_stay_and_its_fingerprints_do_not() {
        let mut connection = rusqlite::Connection::open_in_memory().unwrap();
        super::super::migrate::migrate_to(&mut connection, 15).unwrap();
        let account = "INSERT INTO account (id, sourced_id, state, archived, given_name, family_name, email, phone, home_phone, \
             sis_roles, sis_orgs, sis_agents) VALUES (1, 's-1', 'active', 0, '', '', '', '', '', '', '', '')";
        connection.execute_batch(account).unwrap();
        let keys = bytes(&[key("s-1")]);
        let all = params![keys, bytes(&[7]), [ACTIVE | 4 | UNDER_OFF | LEFT_OUT].to_vec()];
        connection.execute("INSERT INTO memo VALUES (0, ?1, ?2, ?2, ?2, ?3)", all).unwrap();
        super::super::migrate::migrate(&mut connection).unwrap();
        let store = Store { connection, ..Store::empty().unwrap() };
        let stored = store.fingerprints().unwrap();
        assert_eq!((stored.keys, stored.signs), (vec![key("s-1")], vec![ACTIVE | UNDER_OFF | LEFT_OUT]));
        assert_eq!((stored.decisions, stored.exports), (vec![0], vec![0]));
    }
}
