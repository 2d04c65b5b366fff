//! The credentials of people who were not decided on: hashes, stored when they were.

use super::CachedRow;
use crate::failure::Result;
use crate::plan::build::RowSource;
use crate::roster_index::RosterIndex;
use crate::store::Store;

const NOWHERE: u32 = u32::MAX;

/// What the people hold whose rows follow from their records.
#[derive(Default)]
pub(in crate::plan) struct UnchangedCredentials {
    /// The place of each person in the report, by number; [`NOWHERE`] if the row does not follow
    /// from the record.
    places: Vec<u32>,
    /// Hashes of emails and phones, by number; 0 for none.
    hashes: [Vec<u64>; 2],
}

impl UnchangedCredentials {
    pub(in crate::plan) fn load(store: &Store, roster: &RosterIndex, sources: &[RowSource]) -> Result<Self> {
        let follows = |source: &RowSource| *source == RowSource::Unchanged(CachedRow::FromRecord);
        if !sources.iter().any(follows) {
            return Ok(Self::default());
        }
        let mut places = vec![NOWHERE; roster.people.accounts()];
        for (place, _) in (0_u32..).zip(sources).filter(|(_, source)| follows(source)) {
            if let Some(at) = roster.person_of(place).and_then(|person| places.get_mut(person as usize)) {
                *at = place;
            }
        }
        let hashes = store.credential_fingerprints(places.len())?;
        Ok(Self { places, hashes })
    }

    pub(in crate::plan) fn len(&self) -> usize {
        self.places.len()
    }

    /// Hash and place of the people that hold an email (0) or a phone (1).
    pub(in crate::plan) fn holders(&self, credential: usize) -> impl Iterator<Item = (u64, u32)> {
        let all = self.hashes[credential].iter().copied().zip(self.places.iter().copied());
        all.filter(|(hash, place)| *hash != 0 && *place != NOWHERE)
    }

    #[cfg(test)]
    pub(in crate::plan) fn of(places: Vec<u32>, phones: Vec<u64>) -> Self {
        Self { places, hashes: [vec![0; phones.len()], phones] }
    }
}
