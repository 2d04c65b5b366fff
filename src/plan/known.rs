//! Everybody whom the store or the roster knows, by number; and what was decided on them last.
//!
//! A person with an account has the number of its row in the store less one; everybody else follows in the order in which
//! they are met. So all that is kept for each person is kept in plain columns, and a million people take little room.
//!
//! People are known here by a 64-bit hash of their sourcedId. Where two collide (a chance of one in ten million for a
//! million people), their schools count for both; their accounts are told apart by the sourcedId itself.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use serde::{Deserialize, Serialize};

use crate::platform::Seen;
use crate::store::{ACTIVE, ARCHIVED, Memos};

/// Everybody, by the hash of the sourcedId.
#[derive(Default)]
pub(super) struct Directory {
    numbers: HashTable<u32>,
    keys: Vec<u64>,
    /// How many of them may have an account.
    accounts: usize,
    /// Two of them have the same key.
    collides: bool,
}

/// Where the last one was found. Files have their people mostly in the order in which they were added, so the next one is
/// looked for a little further on before it is looked for anywhere: a million times somewhere in memory takes its time.
#[derive(Default, Clone, Copy)]
pub(super) struct Near(u32);

/// How much further on.
const NEAR: usize = 6;

impl Directory {
    fn new(keys: Vec<u64>) -> Self {
        let mut numbers = HashTable::with_capacity(keys.len());
        let mut collides = false;
        for (number, key) in (0_u32..).zip(&keys).filter(|(_, key)| **key != 0) {
            let same = |other: &u32| keys[*other as usize] == *key;
            match numbers.entry(*key, same, |number| keys[*number as usize]) {
                Entry::Occupied(_) => collides = true,
                Entry::Vacant(free) => {
                    free.insert(number);
                }
            }
        }
        Self { numbers, accounts: keys.len(), keys, collides }
    }

    /// The number of a person; a new one for somebody who is met for the first time.
    pub(super) fn number(&mut self, key: u64, near: &mut Near) -> u32 {
        if let Some(number) = self.further_on(key, *near) {
            near.0 = number;
            return number;
        }
        let keys = &mut self.keys;
        let number = match self.numbers.entry(
            key,
            |number| keys[*number as usize] == key,
            |number| keys[*number as usize],
        ) {
            Entry::Occupied(known) => *known.get(),
            Entry::Vacant(free) => {
                let number = u32::try_from(keys.len()).unwrap_or(u32::MAX);
                free.insert(number);
                keys.push(key);
                number
            }
        };
        near.0 = number;
        number
    }

    fn further_on(&self, key: u64, near: Near) -> Option<u32> {
        if self.collides {
            return None;
        }
        let start = near.0 as usize;
        let next = self.keys.get(start..self.keys.len().min(start + NEAR))?;
        let at = next.iter().position(|other| *other == key)?;
        u32::try_from(start + at).ok()
    }

    /// The number of a person, if they are known.
    pub(super) fn find(&self, key: u64) -> Option<u32> {
        self.numbers.find(key, |number| self.keys[*number as usize] == key).copied()
    }

    fn find_near(&self, key: u64, near: &mut Near) -> Option<u32> {
        let number = self.further_on(key, *near).or_else(|| self.find(key))?;
        near.0 = number;
        Some(number)
    }

    /// The number by which a person is found: not their own if another one has the same key.
    pub(super) fn found_as(&self, number: u32) -> u32 {
        if self.collides { self.find(self.key(number)).unwrap_or(number) } else { number }
    }

    pub(super) fn key(&self, number: u32) -> u64 {
        self.keys[number as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The id of the account that a person may have.
    pub(super) fn account(&self, number: u32) -> Option<i64> {
        ((number as usize) < self.accounts && self.key(number) != 0).then(|| i64::from(number) + 1)
    }

    /// One more than the highest number of somebody with an account.
    pub(super) fn accounts(&self) -> usize {
        self.accounts
    }

    /// The numbers of those with an account.
    pub(super) fn with_account(&self) -> impl Iterator<Item = u32> {
        let numbers = 0..u32::try_from(self.accounts).unwrap_or(u32::MAX);
        numbers.filter(|number| self.key(*number) != 0)
    }
}

/// The platform's row of this person was as last time, and let go.
const AS_BEFORE: u8 = 1;
/// It was another, and kept.
const CHANGED: u8 = 2;

/// What was decided on everybody last, by number.
#[derive(Default)]
pub(super) struct Memory {
    records: Vec<u64>,
    schools: Vec<u64>,
    exports: Vec<u64>,
    states: Vec<u8>,
    rows_of_platform: Vec<u8>,
    changed: Vec<bool>,
}

/// What is to be remembered of a decision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Memo {
    pub(super) number: u32,
    /// As [`crate::store::MemoChange::record`], and so on.
    pub(super) record: Option<(u64, u64)>,
    pub(super) export: Option<u64>,
    pub(super) credentials: Option<[u64; 2]>,
    /// As [`crate::store::Memos::states`].
    pub(super) state: u8,
}

/// The people of the store, and what was decided on them.
#[derive(Default)]
pub struct Known {
    pub(super) directory: Directory,
    pub(super) memory: Memory,
    near: Near,
}

impl Known {
    pub fn new(memos: Memos) -> Self {
        let Memos { keys, records, schools, exports, states, changed } = memos;
        let rows_of_platform = vec![0; keys.len()];
        let memory = Memory { records, schools, exports, states, rows_of_platform, changed };
        Self { directory: Directory::new(keys), memory, near: Near::default() }
    }

    /// Whether a row of the platform's export, known by the key of its sourcedId and a hash of all that it says, can be let
    /// go: it is the one that the account was brought up to last.
    pub fn see(&mut self, key: u64, hash: u64) -> Seen {
        let Some(number) = self.directory.find_near(key, &mut self.near) else { return Seen::New };
        let number = number as usize;
        let memory = &mut self.memory;
        // Of an archived account only the state follows the platform; the rest waits for the day when it is back.
        let taken_in = memory.exports[number] == hash && memory.states[number] & ARCHIVED == 0;
        let seen = &mut memory.rows_of_platform[number];
        match (*seen & AS_BEFORE != 0, *seen & CHANGED != 0) {
            (true, _) if taken_in => Seen::Again,
            (true, _) => Seen::Contradicts,
            (false, false) if taken_in => {
                *seen |= AS_BEFORE;
                Seen::AsBefore
            }
            (false, _) => {
                *seen |= CHANGED;
                Seen::New
            }
        }
    }

    /// The platform's export has been read: what it last said is in the store for whoever wants it again.
    pub fn export_is_read(&mut self) {
        self.memory.exports = Vec::new();
    }
}

impl Memory {
    /// The record that somebody's account was last decided on, if nothing has touched it since.
    pub(super) fn record(&self, number: u32) -> Option<u64> {
        let number = number as usize;
        let fresh = *self.records.get(number)?;
        let may =
            fresh != 0 && self.states[number] & ARCHIVED == 0 && self.rows_of_platform[number] & CHANGED == 0;
        may.then_some(fresh)
    }

    /// The schools that somebody's account was last decided on with.
    pub(super) fn schools(&self, number: u32) -> Option<u64> {
        self.schools.get(number as usize).copied()
    }

    /// All records are compared.
    pub(super) fn forget_records(&mut self) {
        self.records = Vec::new();
        self.schools = Vec::new();
    }

    /// Whether the platform's export says something new of somebody.
    pub(super) fn is_changed_by_platform(&self, number: u32) -> bool {
        self.rows_of_platform.get(number as usize).is_some_and(|seen| seen & CHANGED != 0)
    }

    pub(super) fn state(&self, number: u32) -> u8 {
        self.states.get(number as usize).copied().unwrap_or_default()
    }

    /// Takes in what somebody's state has become.
    pub(super) fn put_state(&mut self, number: u32, state: u8) {
        let number = number as usize;
        if number >= self.states.len() {
            self.states.resize(number + 1, 0);
        }
        self.states[number] = state;
    }

    /// Pending and active accounts that are not archived.
    pub(super) fn population(&self, directory: &Directory) -> (u64, u64) {
        let (mut pending, mut active) = (0, 0);
        for number in directory.with_account() {
            match self.state(number) & (ACTIVE | ARCHIVED) {
                0 => pending += 1,
                ACTIVE => active += 1,
                _ => {}
            }
        }
        (pending, active)
    }

    /// Chunks that are not in the store as they are here.
    pub(super) fn changed(&self) -> &[bool] {
        &self.changed
    }
}
