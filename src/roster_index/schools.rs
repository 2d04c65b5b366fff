//! Sets of schools: each has a number, so that a person's schools are one word.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64_with_seed;

#[derive(Default)]
pub(super) struct SchoolSets {
    all: Vec<Box<[String]>>,
    hashes: Vec<u64>,
    numbers: HashMap<Box<[String]>, u32>,
}

impl SchoolSets {
    /// The number of a set; a new one for a set that is met for the first time.
    pub(super) fn number(&mut self, schools: &[&str]) -> u32 {
        let set: Box<[String]> = schools.iter().map(|school| (*school).to_owned()).collect();
        if let Some(number) = self.numbers.get(&set) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        let text = schools.iter().fold(String::new(), |text, school| text + school + "\n");
        self.hashes.push(xxh3_64_with_seed(text.as_bytes(), schools.len() as u64 + 1));
        self.all.push(set.clone());
        self.numbers.insert(set, number);
        number
    }

    pub(super) fn get(&self, set: u32) -> &[String] {
        &self.all[set as usize]
    }

    pub(super) fn texts(&self, set: u32) -> Vec<&str> {
        self.get(set).iter().map(String::as_str).collect()
    }

    pub(super) fn hash(&self, set: u32) -> u64 {
        self.hashes[set as usize]
    }

    pub(super) fn len(&self) -> usize {
        self.all.len()
    }

    pub(super) fn with(&self, is_wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = u32> {
        let all = (0_u32..).zip(&self.all);
        all.filter(move |(_, set)| set.iter().any(|school| is_wanted(school))).map(|(number, _)| number)
    }
}
