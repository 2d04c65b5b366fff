//! The accounts and records that are one person, as decisions, messages and files ask for them.

use std::collections::HashSet;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Evidence;
use crate::failure::Result;
use crate::plan::note::{Note, Rekey};
use crate::plan::renames::Renamings;
use crate::plural::counted;
use crate::roster::kept::key;
use crate::roster_index::RosterIndex;
use crate::spool::PlacedValues;
use crate::store::{SamePerson as StoredPair, Store};

/// Probable pairs are held for so many days.
pub const PROBABLE_DAYS: i64 = 14;

/// There is no record tonight: a delta does not say it again.
pub(super) const NO_RECORD: u32 = u32::MAX;

/// An account and a record that are one person.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Numbers of the people in [`crate::roster_index::PersonIndex`].
    pub(in crate::plan) old: u32,
    pub(super) new: u32,
    pub evidence: Evidence,
    pub certain: bool,
    /// Neither is archived or added.
    pub held: bool,
    /// The record goes on with another account of the person.
    pub is_second: bool,
    /// The account is archived, tonight or before: its person is suppressed.
    pub is_suppressed: bool,
    /// No applied run has found it before.
    pub is_new: bool,
    pub(super) since: NaiveDate,
    /// [`pair_id`].
    pub(super) id: u64,
    /// Places of the [`PairText`]s.
    pub(super) old_text: u64,
    pub(super) new_text: u64,
}

impl Pair {
    /// Whether the account can go on under the new sourcedId by itself.
    fn goes_on(&self) -> bool {
        self.certain && !self.is_second && !self.is_suppressed && self.new != NO_RECORD
    }

    /// Whether the account would be archived, and is not.
    fn is_kept(&self) -> bool {
        self.held && !self.is_suppressed
    }
}

/// What is shown of an account or of a record.
#[derive(Clone, Default, Serialize, Deserialize)]
pub struct PairText {
    pub sourced_id: String,
    /// As the roster has it; blank for an account.
    pub name: String,
    pub line: Option<u64>,
}

/// Stands for two sourcedIds, given their keys.
pub(super) fn pair_id(old: u64, new: u64) -> u64 {
    old ^ new.rotate_left(29)
}

/// Which accounts and records are one person tonight.
#[derive(Default)]
pub struct SamePerson {
    /// By number of the account.
    pub(super) pairs: Vec<Pair>,
    /// Number of the record's person, and place of the pair, sorted. Without second accounts.
    pub(super) by_new: Vec<(u32, u32)>,
    /// The same of second accounts.
    seconds: Vec<(u32, u32)>,
    /// Records that are like an account: number of the person, place of the account's text, sorted.
    pub(super) likes: Vec<(u32, u64, Evidence)>,
    pub(super) texts: PlacedValues,
    /// Accounts that have another sourcedId since tonight: number, place of the old one's text.
    renamed: Vec<(u32, u64)>,
    /// Keys of their old and new sourcedIds, sorted.
    renamed_keys: Vec<(u64, u64)>,
    /// The one change of all sourcedIds, in words.
    pub(super) pattern: Option<String>,
}

/// How many there are, and the first of them.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counts {
    /// Accounts that are held; how many of them are certain.
    pub held: u64,
    pub held_certain: u64,
    /// Accounts that are archived although they seem to be back.
    pub archived: u64,
    /// The change of their sourcedIds, if it is one: `without the prefix `S-``.
    pub pattern: Option<String>,
    /// Old and new sourcedId of two of them. They are not stored: the chain of the history covers the
    /// summary of a run, so no sourcedId could be erased from it.
    #[serde(skip)]
    pub examples: Vec<(String, String)>,
}

impl Counts {
    /// How many of those that would be archived seem to be back.
    pub fn back(&self) -> u64 {
        self.held + self.archived
    }

    /// `without the prefix `S-`, for example S-1 → 1 and S-2 → 2`
    pub fn shown(&self) -> String {
        let examples: Vec<String> = self.examples.iter().map(|(old, new)| format!("{old} → {new}")).collect();
        let pattern = self.pattern.as_ref().map(|pattern| format!("{pattern}, ")).unwrap_or_default();
        let some = if self.held > 1 { "for example " } else { "" };
        format!("{pattern}{some}{}", examples.join(" and "))
    }

    /// `58 certain, 2 probable`
    pub fn by_strength(&self) -> String {
        format!("{} certain, {} probable", self.held_certain, self.held - self.held_certain)
    }

    pub fn accounts(&self) -> String {
        counted(self.held, "account", "accounts")
    }
}

impl SamePerson {
    /// Whether there is nothing to look up.
    pub fn is_empty(&self) -> bool {
        self.pairs.is_empty() && self.likes.is_empty() && self.renamed.is_empty()
    }

    fn of_old(&self, person: u32) -> Option<&Pair> {
        let at = self.pairs.binary_search_by_key(&person, |pair| pair.old).ok()?;
        Some(&self.pairs[at])
    }

    /// Whether an account is one of a pair.
    pub(in crate::plan) fn is_old(&self, person: u32) -> bool {
        !self.pairs.is_empty() && self.of_old(person).is_some()
    }

    /// The accounts that would be archived and are held.
    pub fn kept_accounts(&self) -> impl Iterator<Item = u32> {
        self.pairs.iter().filter(|pair| pair.is_kept()).map(|pair| pair.old)
    }

    fn of_new(&self, person: u32) -> Option<&Pair> {
        let at = self.by_new.binary_search_by_key(&person, |(new, _)| *new).ok()?;
        Some(&self.pairs[self.by_new[at].1 as usize])
    }

    /// The account that is held for the person of a record, by number.
    pub(in crate::plan) fn held_account(&self, person: u32) -> Option<u32> {
        self.of_new(person).filter(|pair| pair.held).map(|pair| pair.old)
    }

    /// All accounts that are held for the person of a record: two records of one person may have
    /// become one.
    pub(in crate::plan) fn held_accounts(&self, person: u32) -> impl Iterator<Item = u32> {
        let at = self.seconds.binary_search_by_key(&person, |(new, _)| *new).ok();
        let second = at.map(|at| &self.pairs[self.seconds[at].1 as usize]);
        self.of_new(person).into_iter().chain(second).filter(|pair| pair.held).map(|pair| pair.old)
    }

    fn id_at(&self, place: u64) -> Result<String> {
        Ok(self.texts.get::<PairText>(place)?.sourced_id)
    }

    /// Whether an account that would be archived is held, and the note that says why.
    pub(in crate::plan) fn of_leaver(&self, person: Option<u32>) -> Result<Option<(bool, Note)>> {
        let Some(pair) = person.and_then(|person| self.of_old(person)) else { return Ok(None) };
        let how = if pair.is_kept() { Rekey::NotArchived } else { Rekey::Archived };
        Ok(Some((pair.is_kept(), Note::PossibleRekey(how, self.id_at(pair.new_text)?, pair.evidence))))
    }

    /// Whether a record that would be added is held, and the note that says whose it is.
    pub(in crate::plan) fn of_newcomer(&self, person: Option<u32>) -> Result<Option<(bool, Note)>> {
        let Some(person) = person.filter(|_| !self.pairs.is_empty() || !self.likes.is_empty()) else {
            return Ok(None);
        };
        let note = |how, text, evidence| -> Result<Note> {
            Ok(Note::PossibleRekey(how, self.id_at(text)?, evidence))
        };
        if let Some(pair) = self.of_new(person) {
            let how = if pair.held { Rekey::NotAdded } else { Rekey::Added };
            return Ok(Some((pair.held, note(how, pair.old_text, pair.evidence)?)));
        }
        let Ok(at) = self.likes.binary_search_by_key(&person, |(new, ..)| *new) else { return Ok(None) };
        let (_, text, evidence) = self.likes[at];
        let how = if evidence.is_weak() { Rekey::Alike } else { Rekey::Added };
        Ok(Some((false, note(how, text, evidence)?)))
    }

    /// The sourcedId that an account had until tonight.
    pub(in crate::plan) fn earlier_id(&self, person: Option<u32>) -> Result<Option<String>> {
        let Some(person) = person.filter(|_| !self.renamed.is_empty()) else { return Ok(None) };
        match self.renamed.binary_search_by_key(&person, |(number, _)| *number) {
            Ok(at) => self.id_at(self.renamed[at].1).map(Some),
            Err(_) => Ok(None),
        }
    }

    /// Whether two sourcedIds are one person's tonight: a link to the one is a link to the other.
    pub fn is_one_person(&self, roster: &RosterIndex, old: &str, new: &str) -> bool {
        if self.pairs.is_empty() && self.renamed_keys.is_empty() {
            return false;
        }
        let (old, new) = (key(old), key(new));
        let is_pair = || {
            let pair = roster.people.find(old).and_then(|old| self.of_old(old));
            pair.is_some_and(|pair| pair.id == pair_id(old, new))
        };
        self.renamed_keys.binary_search(&(old, new)).is_ok() || is_pair()
    }

    /// Takes in the accounts that have another sourcedId since tonight.
    pub fn take_in_renames(&mut self, renamings: &Renamings, roster: &RosterIndex) -> Result<()> {
        renamings.values.each(|renaming| {
            let (old, new) = (key(&renaming.old), key(&renaming.new));
            if renaming.taken_back {
                return Ok(());
            }
            self.renamed_keys.push((old, new));
            if let Some(person) = roster.people.find(new) {
                let text = PairText { sourced_id: renaming.old, ..PairText::default() };
                self.renamed.push((person, self.texts.put(&text)?));
            }
            Ok(())
        })?;
        self.renamed.sort_unstable();
        self.renamed.dedup_by_key(|(person, _)| *person);
        self.renamed_keys.sort_unstable();
        Ok(())
    }

    /// Hands over the pairs, by the account's place in the store: the pair, the account, the record.
    pub fn each(&self, mut each: impl FnMut(&Pair, &PairText, &PairText) -> Result<()>) -> Result<()> {
        for pair in &self.pairs {
            each(pair, &self.texts.get(pair.old_text)?, &self.texts.get(pair.new_text)?)?;
        }
        Ok(())
    }

    pub fn has_certain(&self) -> bool {
        self.pairs.iter().any(Pair::goes_on)
    }

    /// Whether there are pairs of which a file is written: certain ones, or others.
    pub fn has_renames(&self, certain: bool) -> bool {
        let is_one = |pair: &Pair| pair.certain == certain && !pair.is_second && !pair.is_suppressed;
        self.pairs.iter().any(is_one)
    }

    /// Hands over those that go on under the new sourcedId by themselves: old and new one.
    pub fn each_certain(&self, mut each: impl FnMut(&str, &str) -> Result<()>) -> Result<()> {
        self.each(|pair, old, new| match pair.goes_on() {
            true => each(&old.sourced_id, &new.sourced_id),
            false => Ok(()),
        })
    }

    /// Adds the second accounts of people whose first one has gone on under the new sourcedId: they
    /// are archived, with the note.
    pub fn take_in_seconds(&mut self, before: &Self) -> Result<()> {
        for pair in before.pairs.iter().filter(|pair| pair.is_second) {
            if self.of_old(pair.old).is_some() {
                continue;
            }
            let mut copy = |place| -> Result<u64> { self.texts.put(&before.texts.get::<PairText>(place)?) };
            let (old_text, new_text) = (copy(pair.old_text)?, copy(pair.new_text)?);
            self.pairs.push(Pair { held: false, old_text, new_text, ..*pair });
            self.pairs.sort_unstable_by_key(|pair| pair.old);
            self.index();
        }
        Ok(())
    }

    /// After [`SamePerson::pairs`] was filled.
    pub(super) fn index(&mut self) {
        let sorted = |is_second: bool| {
            let those = (0_u32..)
                .zip(&self.pairs)
                .filter(|(_, pair)| pair.is_second == is_second && pair.new != NO_RECORD);
            let mut all: Vec<(u32, u32)> = those.map(|(place, pair)| (pair.new, place)).collect();
            all.sort_unstable();
            all
        };
        (self.by_new, self.seconds) = (sorted(false), sorted(true));
    }

    /// `is_missing` says of an account that it is not archived yet.
    pub fn counts(&self, is_missing: impl Fn(u32) -> bool) -> Result<Counts> {
        let held = |pair: &&Pair| pair.is_kept();
        let count = |found: usize| found as u64;
        let mut counts = Counts {
            held: count(self.pairs.iter().filter(held).count()),
            held_certain: count(self.pairs.iter().filter(held).filter(|pair| pair.certain).count()),
            archived: count(self.pairs.iter().filter(|pair| !pair.held && !is_missing(pair.old)).count()),
            pattern: self.pattern.clone(),
            examples: Vec::new(),
        };
        for pair in self.pairs.iter().filter(|pair| !pair.is_second).take(2) {
            counts.examples.push((self.id_at(pair.old_text)?, self.id_at(pair.new_text)?));
        }
        Ok(counts)
    }

    /// The pairs that are held and that no applied run has found before.
    pub fn count_new(&self) -> u64 {
        self.pairs.iter().filter(|pair| pair.held && pair.is_new).count() as u64
    }

    /// Puts the held pairs away, in place of those of the last run.
    pub fn save(&self, store: &Store) -> Result<()> {
        if store.same_people()?.1 > 0 {
            let held: HashSet<u64> = self.pairs.iter().filter(|pair| pair.held).map(|pair| pair.id).collect();
            store.forget_same_people(|old, new| !held.contains(&pair_id(key(old), key(new))))?;
        }
        self.each(|pair, old, new| {
            if !pair.held {
                return Ok(());
            }
            store.put_same_person(&StoredPair {
                old: old.sourced_id.clone(),
                new: new.sourced_id.clone(),
                since: pair.since,
                certain: pair.certain,
                evidence: pair.evidence.words().to_owned(),
            })
        })
    }
}
