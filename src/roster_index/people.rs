//! The people whom the store or the roster knows, by number.
//!
//! A person with an account has the number of its row in the store less one. All others follow in
//! the order in which they are met. So everything that is kept for each person is a plain column,
//! and a million people take little room.
//!
//! A person is found by a 64-bit hash of the sourcedId. If two people have the same hash (a chance
//! of one in ten million for a million people), the schools of both count for each; accounts are
//! told apart by the sourcedId itself.

use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

#[derive(Default)]
pub struct PersonIndex {
    numbers: HashTable<u32>,
    keys: Vec<u64>,
    accounts: usize,
    collides: bool,
}

/// Where the last person was found. Files have most people in the order in which they were added,
/// so the next one is looked for a little further on first. A million look-ups all over the memory
/// take their time.
#[derive(Default, Clone, Copy)]
pub struct LookupHint(u32);

const NEAR: usize = 6;

impl PersonIndex {
    /// `keys` are those of the accounts, the one with id 1 first; 0 where there is no account.
    pub fn new(keys: Vec<u64>) -> Self {
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

    /// The accounts alone, some of them with other keys: the id in the store, and the key.
    pub fn with_new_keys(&self, changed: &[(i64, u64)]) -> Self {
        let mut keys = self.keys[..self.accounts].to_vec();
        for (account, key) in changed {
            if let Some(own) = usize::try_from(account - 1).ok().and_then(|at| keys.get_mut(at)) {
                *own = *key;
            }
        }
        Self::new(keys)
    }

    /// The number of a person; a new one for a person that is met for the first time.
    pub fn number(&mut self, key: u64, hint: &mut LookupHint) -> u32 {
        if let Some(number) = self.further_on(key, *hint) {
            hint.0 = number;
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
        hint.0 = number;
        number
    }

    fn further_on(&self, key: u64, hint: LookupHint) -> Option<u32> {
        if self.collides {
            return None;
        }
        let start = hint.0 as usize;
        let next = self.keys.get(start..self.keys.len().min(start + NEAR))?;
        let at = next.iter().position(|other| *other == key)?;
        u32::try_from(start + at).ok()
    }

    pub fn find(&self, key: u64) -> Option<u32> {
        self.numbers.find(key, |number| self.keys[*number as usize] == key).copied()
    }

    /// As [`PersonIndex::find`], looking first a little further on than where the last one was
    /// found.
    pub fn find_with_hint(&self, key: u64, hint: &mut LookupHint) -> Option<u32> {
        let number = self.further_on(key, *hint).or_else(|| self.find(key))?;
        hint.0 = number;
        Some(number)
    }

    /// The number by which a person is found: not their own if another one has the same key.
    pub fn found_as(&self, number: u32) -> u32 {
        if self.collides { self.find(self.key(number)).unwrap_or(number) } else { number }
    }

    pub fn key(&self, number: u32) -> u64 {
        self.keys[number as usize]
    }

    pub fn count(&self) -> usize {
        self.keys.len()
    }

    pub fn account(&self, number: u32) -> Option<i64> {
        ((number as usize) < self.accounts && self.key(number) != 0).then(|| i64::from(number) + 1)
    }

    /// One more than the highest number of a person with an account.
    pub fn accounts(&self) -> usize {
        self.accounts
    }

    pub fn with_account(&self) -> impl Iterator<Item = u32> {
        let numbers = 0..u32::try_from(self.accounts).unwrap_or(u32::MAX);
        numbers.filter(|number| self.key(*number) != 0)
    }
}
