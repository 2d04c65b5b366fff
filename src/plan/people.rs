//! Whose credentials are whose after the run, and who shares one.
//!
//! Credentials are compared by a 64-bit hash of their normal form, so that a million people take a few words each. Two
//! different ones that collide would at worst be called shared; among a million the chance is one in ten million.

use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

use super::note::Note;
use crate::contact::{Details, Field, email_key, phone_key};

/// The two fields that can be signed in with.
pub(super) const CREDENTIALS: [Field; 2] = [Field::Email, Field::Phone];

/// The hash of a credential; none if there is none.
pub(super) fn hash(details: &Details, field: Field) -> Option<u64> {
    let key = match field {
        Field::Email => email_key(&details.email),
        Field::Phone => phone_key(&details.phone).into(),
        Field::Name | Field::HomePhone => return None,
    };
    (!key.is_empty()).then(|| xxh3_64(key.as_bytes()))
}

/// The pending and active people after the run.
#[derive(Default)]
pub(super) struct People {
    /// All sourcedIds, end to end.
    ids: String,
    /// Where each person's id ends in `ids`.
    ends: Vec<usize>,
    /// Hash of a credential and number of the person, for email and phone.
    holders: [Vec<(u64, u32)>; 2],
}

impl People {
    /// Adds a person; returns their number.
    pub(super) fn add(&mut self, sourced_id: &str, details: &Details) -> u32 {
        let number = u32::try_from(self.ends.len()).unwrap_or(u32::MAX);
        self.ids.push_str(sourced_id);
        self.ends.push(self.ids.len());
        for (field, holders) in CREDENTIALS.into_iter().zip(&mut self.holders) {
            holders.extend(hash(details, field).map(|hash| (hash, number)));
        }
        number
    }

    fn id(&self, number: u32) -> &str {
        let number = number as usize;
        let start = number.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.ids[start..self.ends[number]]
    }

    /// Finds the groups that share a credential. After this nobody is added.
    pub(super) fn settle(mut self) -> Sharing {
        let mut groups = [HashMap::new(), HashMap::new()];
        for (holders, groups) in self.holders.iter_mut().zip(&mut groups) {
            holders.sort_unstable();
            holders.dedup();
            for group in holders.chunk_by(|a, b| a.0 == b.0).filter(|group| group.len() > 1) {
                for (hash, person) in group {
                    groups.insert(*person, *hash);
                }
            }
        }
        Sharing { people: self, groups }
    }
}

/// Who shares what.
pub(super) struct Sharing {
    people: People,
    /// For email and phone: person → hash of the shared credential.
    groups: [HashMap<u32, u64>; 2],
}

impl Sharing {
    /// Adds what there is to say of a person's credentials, in the place that notes have for it: after those of the
    /// fields, before the others.
    pub(super) fn note(&self, person: u32, notes: &mut Vec<Note>) {
        for (i, field) in CREDENTIALS.into_iter().enumerate() {
            let Some(hash) = self.groups[i].get(&person) else { continue };
            let holders = &self.people.holders[i];
            let start = holders.partition_point(|holder| holder.0 < *hash);
            let group = holders[start..].iter().take_while(|holder| holder.0 == *hash);
            let mut ids: Vec<String> = group
                .filter(|holder| holder.1 != person)
                .map(|holder| self.people.id(holder.1).to_owned())
                .collect();
            ids.sort_unstable();
            let place = notes.iter().position(comes_after_sharing).unwrap_or(notes.len());
            notes.insert(place, Note::Shared(field, ids));
        }
    }
}

fn comes_after_sharing(note: &Note) -> bool {
    match note {
        Note::ActiveDiffers(..)
        | Note::Updated(..)
        | Note::SisBlank(..)
        | Note::SisInvalid(..)
        | Note::Shared(..)
        | Note::Taken(..) => false,
        Note::GuardianUnreachable
        | Note::Archived
        | Note::Restored
        | Note::Disabled
        | Note::RoleNotSynced(_)
        | Note::RoleEnded(_)
        | Note::RoleNotBegun(_)
        | Note::SchoolNotSynced
        | Note::PendingAgain
        | Note::Rejected(_)
        | Note::NotNotifiable
        | Note::ToBeDeleted => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sharing_is_said_of_each_after_the_fields_and_before_the_rest() {
        let details = |email: &str| Details { email: email.into(), ..Details::default() };
        let mut people = People::default();
        let numbers: Vec<u32> = [("g-2", "Ann@x.example"), ("g-1", "ann@x.example"), ("g-3", "bo@x.example")]
            .map(|(id, email)| people.add(id, &details(email)))
            .to_vec();
        let sharing = people.settle();
        let mut notes = vec![Note::Updated(Field::Name, String::new()), Note::Restored];
        sharing.note(numbers[0], &mut notes);
        assert_eq!(notes[1], Note::Shared(Field::Email, vec!["g-1".into()]));
        let mut notes = Vec::new();
        sharing.note(numbers[2], &mut notes);
        assert!(notes.is_empty());
    }
}
