//! What a text comes to, remembered: most people of a school have the same roles and orgs, letter by letter.

use hashbrown::HashTable;
use xxhash_rust::xxh3::xxh3_64;

/// How many texts are remembered, at most.
const MOST: usize = 1 << 14;

/// What texts come to.
pub(super) struct Texts<T> {
    known: HashTable<(Box<str>, T)>,
}

impl<T> Default for Texts<T> {
    fn default() -> Self {
        Self { known: HashTable::new() }
    }
}

impl<T> Texts<T> {
    pub(super) fn get(&self, text: &str) -> Option<&T> {
        self.known.find(hash(text), |known| known.0.as_ref() == text).map(|known| &known.1)
    }

    /// Remembers what a text comes to. When there are too many, all are forgotten.
    pub(super) fn put(&mut self, text: &str, value: T) {
        if self.known.len() == MOST {
            self.known.clear();
        }
        self.known.insert_unique(hash(text), (text.into(), value), |known| hash(&known.0));
    }
}

fn hash(text: &str) -> u64 {
    xxh3_64(text.as_bytes())
}
