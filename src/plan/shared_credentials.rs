//! The credentials of all people after the run, and the people who share one.
//!
//! Credentials are compared by a 64-bit hash of their normal form, so that a million people take a
//! few words each. Two different ones that collide would at worst be called shared; among a million
//! the chance is one in ten million.

use std::collections::{HashMap, HashSet};
use std::thread;

use xxhash_rust::xxh3::xxh3_64;

use super::note::{Note, SHARERS_NAMED};
use super::unchanged::UnchangedCredentials;
use crate::contact::{Field, PersonName};
use crate::failure::Result;
use crate::lanes::in_background;
use crate::spool::{BLOCK, Spool};

pub(super) const CREDENTIALS: [Field; 2] = [Field::Email, Field::Phone];

/// A person that holds a credential: its hash, in two halves, and the place of the person in the
/// report.
type Holder = [u32; 3];

/// The credentials of pending and active people after the run. They are gone through twice, and are
/// as large as all that is kept for each person, so they are spooled.
#[derive(Default)]
pub(super) struct Holders {
    spool: Spool,
    /// The last of them, not yet in the spool: [`WIDTH`] bytes each.
    pending: Vec<u8>,
    people: usize,
}

/// The place of a person in the report, and the hashes of email and phone; 0 for none.
const WIDTH: usize = 20;

/// A bit filter, of eight bits for each person: of most people it tells at once that they share
/// nothing. Not of the next power of two: of ten million people, that would be 27 MB more.
struct SharedFilter {
    once: Vec<u64>,
    twice: Vec<u64>,
}

impl SharedFilter {
    fn new(people: usize) -> Self {
        let words = vec![0; (people / 8).max(1)];
        Self { once: words.clone(), twice: words }
    }

    fn add(&mut self, hash: u64) {
        let (word, bit) = self.place(hash);
        self.twice[word] |= self.once[word] & bit;
        self.once[word] |= bit;
    }

    /// No more is coming: what was met once is not needed any more.
    fn finish(&mut self) {
        self.once = Vec::new();
    }

    fn may_be_shared(&self, hash: u64) -> bool {
        let (word, bit) = self.place(hash);
        self.twice[word] & bit != 0
    }

    /// The word is as far from the first as the hash is from 0.
    fn place(&self, hash: u64) -> (usize, u64) {
        let word = (u128::from(hash) * self.twice.len() as u128) >> 64;
        (word as usize, 1 << (hash % 64))
    }
}

impl Holders {
    pub(super) fn add(&mut self, place: u32, hashes: [Option<u64>; 2]) {
        if hashes == [None, None] {
            return;
        }
        self.people += 1;
        self.pending.extend(place.to_le_bytes());
        hashes.iter().for_each(|hash| self.pending.extend(hash.unwrap_or_default().to_le_bytes()));
    }

    /// Takes in those of a block, whose people have not been spooled.
    pub(super) fn merge(&mut self, other: &Self) -> Result<()> {
        self.people += other.people;
        self.pending.extend_from_slice(&other.pending);
        if self.pending.len() >= BLOCK {
            self.spool.push(&self.pending)?;
            self.pending.clear();
        }
        Ok(())
    }

    /// Hands over each credential of the decided and the unchanged people: 0 for an email or 1 for a
    /// phone, its hash, and the place of the person. A person can be met twice.
    fn each(
        &self,
        unchanged: &UnchangedCredentials<'_>,
        mut each: impl FnMut(usize, u64, u32),
    ) -> Result<()> {
        let mut each_of = |block: &[u8]| {
            for bytes in block.as_chunks::<WIDTH>().0 {
                let [p0, p1, p2, p3, hashes @ ..] = bytes;
                let place = u32::from_le_bytes([*p0, *p1, *p2, *p3]);
                for (credential, hash) in hashes.as_chunks::<8>().0.iter().enumerate() {
                    let hash = u64::from_le_bytes(*hash);
                    if hash != 0 {
                        each(credential, hash, place);
                    }
                }
            }
        };
        let (mut reader, mut block) = (self.spool.read(), Vec::new());
        while reader.next(&mut block)? {
            each_of(&block);
        }
        each_of(&self.pending);
        unchanged.each(each)
    }

    /// How many people hold each of these credentials after the run.
    pub(super) fn holders_of(
        &self,
        wanted: &HashSet<(usize, u64)>,
        unchanged: &UnchangedCredentials<'_>,
    ) -> Result<HashMap<(usize, u64), usize>> {
        let (mut held, mut counts) = (HashSet::new(), HashMap::new());
        if wanted.is_empty() {
            return Ok(counts);
        }
        self.each(unchanged, |credential, hash, place| {
            if wanted.contains(&(credential, hash)) {
                held.insert((credential, hash, place));
            }
        })?;
        for (credential, hash, _) in held {
            *counts.entry((credential, hash)).or_default() += 1;
        }
        Ok(counts)
    }

    /// Finds the groups that share a credential. Their members have no names yet.
    pub(super) fn settle(self, unchanged: &UnchangedCredentials<'_>) -> Result<Sharing> {
        let [emails, phones] = self.may_share(unchanged)?;
        drop(self);
        let (emails, phones) = thread::scope(|scope| {
            let emails = in_background(scope, || groups(emails));
            let phones = groups(phones);
            (emails.join(), phones)
        });
        let (members, groups) = ([emails.0, phones.0], [emails.1, phones.1]);
        Ok(Sharing { members, groups, ..Sharing::default() })
    }

    /// The people that may share an email, and those that may share a phone. A person that is met
    /// twice shares nothing with themselves; that is seen when they are sorted.
    fn may_share(&self, unchanged: &UnchangedCredentials<'_>) -> Result<[Vec<Holder>; 2]> {
        let people = self.people + unchanged.count();
        let mut filters = CREDENTIALS.map(|_| SharedFilter::new(people));
        self.each(unchanged, |credential, hash, _| filters[credential].add(hash))?;
        filters.iter_mut().for_each(SharedFilter::finish);
        let mut holders = CREDENTIALS.map(|_| Vec::new());
        self.each(unchanged, |credential, hash, place| {
            if filters[credential].may_be_shared(hash) {
                holders[credential].push(halves(hash, place));
            }
        })?;
        Ok(holders)
    }
}

fn halves(hash: u64, place: u32) -> Holder {
    [(hash >> 32) as u32, hash as u32, place]
}

/// The members of each group, in the order of the report, and the groups.
fn groups(mut holders: Vec<Holder>) -> (Vec<(u32, u32)>, Vec<Group>) {
    let (mut members, mut groups) = (Vec::new(), Vec::new());
    holders.sort_unstable();
    holders.dedup();
    for group in holders.chunk_by(|a, b| a[..2] == b[..2]).filter(|group| group.len() > 1) {
        let number = u32::try_from(groups.len()).unwrap_or(u32::MAX);
        members.extend(group.iter().map(|holder| (holder[2], number)));
        groups.push(Group { size: group.len() as u64, first: Vec::new(), names: Vec::new() });
    }
    members.sort_unstable();
    (members, groups)
}

struct Group {
    size: u64,
    /// The sourcedIds that sort first: as many as a note names, and one, since no member is named
    /// in the own note.
    first: Vec<Box<str>>,
    /// Hash of each member's name, the member, and which kinds of people that is; until they are
    /// compared.
    names: Vec<(u64, u32, u8)>,
}

#[derive(Default)]
pub(super) struct Sharing {
    /// For email and phone: person and group, sorted.
    members: [Vec<(u32, u32)>; 2],
    groups: [Vec<Group>; 2],
    /// People that have the same name as another one of their group, sorted.
    likes: Vec<u32>,
    /// People with the email and the name of one of another kind, sorted.
    records_of_one: Vec<u32>,
}

impl Sharing {
    /// Goes through the people from a place of the report on, in its order.
    pub(super) fn walk(&self, from: u32) -> Walk<'_> {
        let at = self.members.each_ref().map(|members| members.partition_point(|member| member.0 < from));
        Walk { sharing: self, at }
    }

    /// People that share something, in the order of the report.
    pub(super) fn sharers(&self) -> Vec<u32> {
        let mut all: Vec<u32> = self.members.iter().flatten().map(|(person, _)| *person).collect();
        all.sort_unstable();
        all.dedup();
        all
    }

    /// `kinds` are those of [`crate::roles::kinds`].
    pub(super) fn name(&mut self, person: u32, sourced_id: &str, name: &PersonName, kinds: u8) {
        let name = name.key();
        for (members, groups) in self.members.iter().zip(&mut self.groups) {
            let at = members.partition_point(|member| member.0 < person);
            let Some((_, group)) = members.get(at).filter(|member| member.0 == person) else { continue };
            let group = &mut groups[*group as usize];
            if !name.is_empty() {
                group.names.push((xxh3_64(name.as_bytes()), person, kinds));
            }
            let first = &mut group.first;
            let place = first.partition_point(|id| id.as_ref() < sourced_id);
            if place <= SHARERS_NAMED {
                first.insert(place, sourced_id.into());
                first.truncate(SHARERS_NAMED + 1);
            }
        }
    }

    /// Finds the people of each group who have the same name. After all of them were named. A
    /// teacher and a parent of one name and email are probably one person with two records.
    pub(super) fn compare(&mut self) {
        for (credential, groups) in self.groups.iter_mut().enumerate() {
            for group in groups {
                let mut names = std::mem::take(&mut group.names);
                names.sort_unstable();
                for alike in names.chunk_by(|a, b| a.0 == b.0).filter(|alike| alike.len() > 1) {
                    // By the kinds of people. Many may have one placeholder for an email.
                    let mut count = [0_usize; 8];
                    alike.iter().for_each(|(_, _, kinds)| count[usize::from(*kinds)] += 1);
                    for (_, person, kinds) in alike {
                        let own = usize::from(*kinds);
                        let others = (1..8).filter(|other| own != 0 && own & other == 0);
                        let others: usize = others.map(|other| count[other]).sum();
                        if others > 0 && credential == 0 {
                            self.records_of_one.push(*person);
                        }
                        if others + 1 < alike.len() || credential != 0 {
                            self.likes.push(*person);
                        }
                    }
                }
            }
        }
        for people in [&mut self.likes, &mut self.records_of_one] {
            people.sort_unstable();
            people.dedup();
        }
    }
}

pub(super) struct Walk<'a> {
    sharing: &'a Sharing,
    at: [usize; 2],
}

impl Walk<'_> {
    /// Adds what there is to say of a person's credentials, in the place that notes have for it:
    /// after those of the fields, before the others. Each person has to come after the one before.
    pub(super) fn note(&mut self, person: u32, sourced_id: &str, notes: &mut Vec<Note>) {
        let mut shares = false;
        for (i, field) in CREDENTIALS.into_iter().enumerate() {
            let members = &self.sharing.members[i];
            while members.get(self.at[i]).is_some_and(|member| member.0 < person) {
                self.at[i] += 1;
            }
            let Some((_, group)) = members.get(self.at[i]).filter(|member| member.0 == person) else {
                continue;
            };
            shares = true;
            let group = &self.sharing.groups[i][*group as usize];
            let others = group.first.iter().filter(|id| id.as_ref() != sourced_id);
            let named: Vec<String> = others.take(SHARERS_NAMED).map(|id| id.to_string()).collect();
            let more = group.size - 1 - named.len() as u64;
            let place = notes.iter().position(comes_after_sharing).unwrap_or(notes.len());
            notes.insert(place, Note::Shared(field, named, more));
        }
        if shares && self.sharing.likes.binary_search(&person).is_ok() {
            notes.push(Note::PossibleDuplicate);
        }
        if shares && self.sharing.records_of_one.binary_search(&person).is_ok() {
            notes.push(Note::SamePerson);
        }
    }
}

pub(super) fn comes_after_sharing(note: &Note) -> bool {
    !matches!(
        note,
        Note::ActiveDiffers(..)
            | Note::Updated(..)
            | Note::SisBlank(..)
            | Note::SisInvalid(..)
            | Note::Shared(..)
            | Note::Taken(..)
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::credential_hash;
    use crate::plan::join_notes;
    use crate::store::{CHUNK, FingerprintChange, Store};

    fn sharing(people: &[(&str, &str)]) -> Sharing {
        let mut all = Holders::default();
        for (i, (_, email)) in (0..).zip(people) {
            all.add(i, [credential_hash(Field::Email, email), None]);
        }
        let store = Store::empty().unwrap();
        let mut sharing = all.settle(&UnchangedCredentials::at(&store, Vec::new())).unwrap();
        for person in sharing.sharers() {
            sharing.name(person, people[person as usize].0, &PersonName::default(), 0);
        }
        sharing
    }

    #[test]
    fn sharing_is_said_of_each_after_the_fields_and_before_the_rest() {
        let sharing = sharing(&[("g-2", "Ann@x.example"), ("g-1", "ann@x.example"), ("g-3", "bo@x.example")]);
        let mut walk = sharing.walk(0);
        let mut notes = vec![Note::Updated(Field::Name, String::new()), Note::Restored];
        walk.note(0, "g-2", &mut notes);
        assert_eq!(notes[1], Note::Shared(Field::Email, vec!["g-1".into()], 0));
        let mut notes = Vec::new();
        walk.note(2, "g-3", &mut notes);
        assert!(notes.is_empty());
    }

    #[test]
    fn those_who_were_not_decided_on_share_as_well() {
        let mut dice = fastrand::Rng::with_seed(7);
        let store = Store::empty().unwrap();
        for _ in 0..3 {
            // Few hashes for many people, in both halves of the number.
            let hashes: Vec<u64> = (0..14 * CHUNK).map(|_| dice.u64(1..9000) << dice.u32(..50)).collect();
            let (mut all, mut decided, mut block) =
                (Holders::default(), Holders::default(), Holders::default());
            let mut held = Vec::new();
            let mut places = vec![u32::MAX; hashes.len()];
            for (place, hash) in (0..).zip(&hashes) {
                all.add(place, [None, Some(*hash)]);
                if dice.bool() {
                    block.add(place, [None, Some(*hash)]);
                } else {
                    // A person has another number than their place.
                    let number = hashes.len() - 1 - place as usize;
                    let credentials = Some([0, *hash]);
                    held.push(FingerprintChange { account: number, decision: 2, export: None, credentials });
                    places[number] = place;
                }
            }
            decided.merge(&block).unwrap();
            held.reverse();
            let chunks = 0..places.len().div_ceil(CHUNK);
            store.put_fingerprints(chunks, places.len(), &[], |at| (at as u64 + 1, 0), &held).unwrap();
            let others = UnchangedCredentials::at(&store, places);
            let none = UnchangedCredentials::at(&store, Vec::new());
            let members = |holders: Holders, others| holders.settle(others).unwrap().members;
            assert_eq!(members(decided, &others), members(all, &none));
        }
    }

    #[test]
    fn of_many_only_the_first_are_named() {
        let people: Vec<(String, &str)> = (0..6).rev().map(|i| (format!("g-{i}"), "a@x.example")).collect();
        let people: Vec<(&str, &str)> = people.iter().map(|(id, email)| (id.as_str(), *email)).collect();
        let sharing = sharing(&people);
        let said = |person: u32, id: &str| {
            let mut notes = Vec::new();
            sharing.walk(0).note(person, id, &mut notes);
            join_notes(&notes)
        };
        assert_eq!(said(0, "g-5"), "Email is shared with g-0, g-1, g-2 and 2 more");
        assert_eq!(said(4, "g-1"), "Email is shared with g-0, g-2, g-3 and 2 more");
    }
}
