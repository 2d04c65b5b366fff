//! The credentials of people who were not decided on: hashes, stored when they were.

use super::CachedRow;
use crate::failure::Result;
use crate::plan::build::RowSource;
use crate::roster_index::RosterIndex;
use crate::store::Store;

const NOWHERE: u32 = u32::MAX;

/// What the people hold whose rows follow from their records. The hashes stay in the store, and are
/// read each time: of all people they would be the largest thing in memory.
pub(in crate::plan) struct UnchangedCredentials<'a> {
    store: &'a Store,
    /// The place of each person in the report, by number; [`NOWHERE`] if the row does not follow
    /// from the record.
    places: Vec<u32>,
    count: usize,
}

impl<'a> UnchangedCredentials<'a> {
    pub(in crate::plan) fn of(store: &'a Store, roster: &RosterIndex, sources: &[RowSource]) -> Self {
        let follows = |source: &RowSource| *source == RowSource::Unchanged(CachedRow::FromRecord);
        if !sources.iter().any(follows) {
            return Self { store, places: Vec::new(), count: 0 };
        }
        let mut places = vec![NOWHERE; roster.people.accounts()];
        for (place, _) in (0_u32..).zip(sources).filter(|(_, source)| follows(source)) {
            if let Some(at) = roster.person_of(place).and_then(|person| places.get_mut(person as usize)) {
                *at = place;
            }
        }
        Self::at(store, places)
    }

    /// With the place of each person, by number.
    pub(in crate::plan) fn at(store: &'a Store, places: Vec<u32>) -> Self {
        let count = places.iter().filter(|place| **place != NOWHERE).count();
        Self { store, places, count }
    }

    /// How many people there are.
    pub(in crate::plan) fn count(&self) -> usize {
        self.count
    }

    /// Hands over each credential that a person holds: 0 for an email or 1 for a phone, its hash,
    /// and the place of the person.
    pub(in crate::plan) fn each(&self, mut each: impl FnMut(usize, u64, u32)) -> Result<()> {
        if self.count == 0 {
            return Ok(());
        }
        self.store.each_credential_chunk(|first, columns| {
            let places = self.places.get(first..).unwrap_or_default();
            for (credential, hashes) in columns.into_iter().enumerate() {
                for (hash, place) in hashes.iter().zip(places) {
                    if *hash != 0 && *place != NOWHERE {
                        each(credential, *hash, *place);
                    }
                }
            }
        })
    }
}
