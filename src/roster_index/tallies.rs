//! The numbers of the roster: of each school and role how many records there are, and how many have
//! what (see [`crate::history`]).

use std::collections::HashMap;

use super::Counts;
use super::schools::SchoolSets;
use crate::history::{About, Fact, Night, SAMPLE, SAMPLED_FROM, Tally};
use crate::roster::Record;

/// The numbers while the roster is read, by the schools and roles of the records.
#[derive(Default)]
pub(super) struct Tallies {
    all: Vec<Tally>,
    /// The number of the set of schools, and of the roles that are held today.
    keys: Vec<(u32, u32)>,
    numbers: HashMap<(u32, u32), u32>,
    is_sampled: bool,
    /// The values of the present record are looked at.
    pub(super) is_looked_at: bool,
    pub(super) deleted: u64,
    /// The sum of the hashes of all records, whatever their order.
    pub(super) content: u64,
}

impl Tallies {
    /// In a district with so many people whom the store knows.
    pub(super) fn of(people: usize) -> Self {
        Self { is_sampled: people >= SAMPLED_FROM, ..Self::default() }
    }

    pub(super) fn number(&mut self, set: u32, held: u32) -> u32 {
        if let Some(number) = self.numbers.get(&(set, held)) {
            return *number;
        }
        let number = u32::try_from(self.all.len()).unwrap_or(u32::MAX);
        self.all.push(Tally::default());
        self.keys.push((set, held));
        self.numbers.insert((set, held), number);
        number
    }

    /// Whether the values of a person are looked at: the same ones every night.
    pub(super) fn samples(&self, key: u64) -> bool {
        !self.is_sampled || key.is_multiple_of(u64::from(SAMPLE))
    }

    pub(super) fn add(&mut self, number: u32, record: &Record<'_>, about: About) {
        let weight = match (self.is_looked_at, self.is_sampled) {
            (false, _) => 0,
            (true, false) => 1,
            (true, true) => SAMPLE,
        };
        self.all[number as usize].add(record, about, weight);
    }

    pub(super) fn night(self, sets: &SchoolSets, counts: &Counts) -> Night {
        let mut night = Night::new(self.content);
        for ((set, held), tally) in self.keys.into_iter().zip(self.all) {
            let group = tally.finish();
            if group.get(Fact::Records) > 0 {
                let schools = sets.get(set).iter().map(String::as_str);
                let roles = counts.held[held as usize].0.split('|').filter(|role| !role.is_empty());
                night.add(schools, roles, &group);
            }
        }
        night.put(Fact::Deleted, self.deleted);
        night
    }
}
