//! A roster that was pulled whole before anything is decided: the records in a spool, and what was
//! seen in passing.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::ops::ControlFlow;

use super::http::Url;
use super::{About, AfterRead, ContactsSeen, RosterSource, hashed};
use crate::failure::Result;
use crate::findings::Findings;
use crate::roles;
use crate::roster::kept::{self, Block, OfKeys};
use crate::roster::{Mode, NameKind, Record, Schools};
use crate::spool::{BLOCK, Spool};
use crate::value::{Names, RecordReader, Tally, WordCounts};

pub(super) struct Pulled {
    about: About,
    records: Records,
    /// The users that are given another sourcedId than the source gives them.
    pub(super) renamed: Renamed,
    /// As [`AfterRead::preferred_names`].
    pub(super) preferred_names: Option<u64>,
    pub(super) contacts: ContactsSeen,
}

/// Another sourcedId for the users with these hashes of theirs.
pub(super) type Renamed = HashMap<u64, Box<str>>;

impl Pulled {
    /// After [`Records::finish`].
    pub(super) fn new(url: &Url, schools: Schools, findings: Findings, records: Records) -> Self {
        let about = About {
            name: url.to_string(),
            mode: Mode::Bulk,
            schools,
            findings,
            users_name: "users",
            has_unclear_rows: false,
            shares_no_guardians: !records.has_guardian,
        };
        Self {
            about,
            records,
            renamed: Renamed::default(),
            preferred_names: None,
            contacts: ContactsSeen::default(),
        }
    }
}

impl RosterSource for Pulled {
    fn about(&self) -> &About {
        &self.about
    }

    fn read(
        &self,
        _: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<AfterRead> {
        self.records.each(&mut |record| {
            let known = match self.renamed.is_empty() {
                true => None,
                false => self.renamed.get(&hashed(record.sourced_id)),
            };
            Ok(each(&Record { sourced_id: known.map_or(record.sourced_id, |known| known), ..*record }))
        })?;
        let contacts = self.contacts.clone();
        Ok(AfterRead { preferred_names: self.preferred_names, contacts, ..AfterRead::default() })
    }
}

/// Part of what a kept roster has to be of: with other names it is another one.
pub(super) fn names_word(names: NameKind) -> &'static str {
    match names {
        NameKind::Legal => "",
        NameKind::Preferred => " preferred names",
    }
}

/// Records that are being built.
pub(super) struct Records {
    records: Spool,
    /// The end of them, and memory for the next block.
    block: Block,
    spare: Vec<u8>,
    /// How many different users there are. Those without a sourcedId count as different.
    pub(super) users: u64,
    /// What the cells mean; none once no more is coming. In a box, since it is taken out for each
    /// record.
    meaning: Option<Box<RecordReader<'static>>>,
    /// Known once no more is coming.
    words: WordCounts,
    oddities: Tally,
    /// What was said of each sourcedId, both as hashes: a million people take a few words each.
    said: HashMap<u64, u64, BuildHasherDefault<OfKeys>>,
    has_guardian: bool,
    /// How many are not said to be deleted.
    pub(super) present: u64,
    /// How many say which sourcedId they had before, or that it is blank.
    pub(super) with_earlier_id: u64,
}

impl Records {
    /// `names` are those of the source's columns.
    pub(super) fn new(names: Names) -> Self {
        Self {
            records: Spool::default(),
            block: Block::default(),
            spare: Vec::new(),
            users: 0,
            meaning: Some(Box::new(RecordReader::gathering(names))),
            words: WordCounts::default(),
            oddities: Tally::default(),
            said: HashMap::default(),
            has_guardian: false,
            present: 0,
            with_earlier_id: 0,
        }
    }

    /// Whether there is a user with this sourcedId. Before [`Records::finish`].
    pub(super) fn has(&self, sourced_id: &str) -> bool {
        self.said.contains_key(&hashed(sourced_id))
    }

    /// Notes a word for "no value" that was read before the record was put together.
    pub(super) fn word(&mut self, column: &'static str, word: &'static str) {
        let line = Some(self.users + 1);
        if let Some(meaning) = &mut self.meaning {
            meaning.tally.word(column, word, line);
        }
    }

    /// Whether any user has a sourcedId. Before [`Records::finish`].
    pub(super) fn has_ids(&self) -> bool {
        !self.said.is_empty()
    }

    /// Takes in a record and gives it its position; false if the user was there already. One that
    /// says the same again is left out. Of others both are kept: which of them holds is for the
    /// plan to say.
    pub(super) fn take(&mut self, record: &Record<'_>) -> Result<bool> {
        self.with_earlier_id += u64::from(record.earlier_id.is_some());
        let Some(mut meaning) = self.meaning.take() else { return self.take_meant(record) };
        let line = Some(self.users + 1);
        let taken = meaning.read_any(&Record { line, ..*record }, |record| self.take_meant(record));
        self.meaning = Some(meaning);
        taken
    }

    fn take_meant(&mut self, record: &Record<'_>) -> Result<bool> {
        let mut is_new = true;
        let is_unsaid = |said| {
            let before = match record.sourced_id {
                "" => None,
                id => self.said.insert(hashed(id), said),
            };
            is_new = before.is_none();
            before != Some(said)
        };
        let line = Some(self.users + 1);
        if !self.block.append_if(&Record { line, ..*record }, is_unsaid) {
            return Ok(false);
        }
        self.has_guardian |= !self.has_guardian
            && record.roles.iter().any(|held| roles::is_guardian(&roles::canonical(held.role)));
        self.present += u64::from(!record.deleted);
        self.users += 1;
        if self.block.size() >= BLOCK {
            self.flush()?;
        }
        Ok(is_new)
    }

    fn flush(&mut self) -> Result<()> {
        let block = self.block.finish(std::mem::take(&mut self.spare));
        self.records.push(&block)?;
        self.spare = block;
        Ok(())
    }

    /// Hands each record to `each`, until it breaks off. After [`Records::finish`].
    pub(super) fn each(&self, each: &mut dyn FnMut(&Record<'_>) -> Result<ControlFlow<()>>) -> Result<()> {
        self.each_unsettled(&mut |record| {
            let [given_name, family_name] = self.words.settle(record.given_name, record.family_name);
            each(&Record { given_name, family_name, ..*record })
        })
    }

    /// As [`Records::each`], of the changed records alone, in which how often a word is in a
    /// column says nothing: all names are handed over as they are.
    pub(super) fn each_unsettled(
        &self,
        each: &mut dyn FnMut(&Record<'_>) -> Result<ControlFlow<()>>,
    ) -> Result<()> {
        let (mut reader, mut block) = (self.records.read(), Vec::new());
        while reader.next(&mut block)? {
            let mut records = kept::records(&block)?;
            while let Some(kept) = records.next_record()? {
                if each(&kept.record)?.is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Tells what was odd about the cells. After [`Records::finish`].
    pub(super) fn tell(&self, place: &str, findings: &mut Findings) {
        self.oddities.tell(place, findings);
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.said = HashMap::default();
        if let Some(meaning) = self.meaning.take() {
            (self.words, self.oddities) = meaning.finish();
        }
        if self.block.records() > 0 {
            self.flush()?;
        }
        (self.block, self.spare) = Default::default();
        Ok(())
    }
}
