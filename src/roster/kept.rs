//! A roster as it was read, kept for the run: read once from wherever it comes, gone through as
//! often as needed.
//!
//! Records are kept as bytes in blocks, from which they are borrowed again without being copied.

use std::hash::Hasher;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Defect, IdList, Record, Relations, RoleList};
use crate::failure::{Failure, Kind, Result};

pub struct Kept<'a> {
    /// Of the sourcedId: [`key`].
    pub key: u64,
    /// Of all that the record says; equal for equal records, also for one of OneRoster 1.1 and one
    /// of 1.2 that say the same.
    pub hash: u64,
    pub record: Record<'a>,
}

/// By what a person is known where the sourcedId itself would take too much room.
pub fn key(sourced_id: &str) -> u64 {
    xxh3_64(sourced_id.as_bytes())
}

/// Hashes [`key`]s for a table: they are hashes already.
#[derive(Default)]
pub struct OfKeys(u64);

impl Hasher for OfKeys {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

// A block: the text of all records, their heads, and the length of the heads (4 bytes). So the text
// is looked at once for being UTF-8, and a record that is skipped is not touched.
//
// A head: its own length (1 byte), that of the text (4), line (8; 0 for none), key (8), hash (8),
// then what is hashed with the text: which cells there are (4), signs (1), the length of each cell
// as a base-128 number.
const TEXT_LENGTH: usize = 1;
const LINE: usize = 5;
const KEY: usize = 13;
const HASH: usize = 21;
const SAID: usize = 29;
const TEXTS: usize = 17;
/// Sign among the bits that say which cells there are.
const NOT_MOBILE: u32 = 1 << 31;

const DELETED: u8 = 1;
const ENABLED_KNOWN: u8 = 2;
const ENABLED: u8 = 4;
const DEFECT: u8 = 8;

#[derive(Default)]
pub struct Block {
    texts: Vec<u8>,
    heads: Vec<u8>,
    records: u32,
}

impl Block {
    pub fn records(&self) -> u32 {
        self.records
    }

    pub fn size(&self) -> usize {
        self.texts.len() + self.heads.len()
    }

    /// Puts the whole block together, and begins another one with `spare` memory.
    pub fn finish(&mut self, spare: Vec<u8>) -> Vec<u8> {
        let mut block = std::mem::replace(&mut self.texts, spare);
        self.texts.clear();
        block.extend_from_slice(&self.heads);
        // Blocks are finished long before that.
        let length = u32::try_from(self.heads.len()).unwrap_or(u32::MAX);
        block.extend_from_slice(&length.to_le_bytes());
        self.heads.clear();
        self.records = 0;
        block
    }

    /// Appends a record. `seed` goes into its hash.
    pub fn append(&mut self, record: &Record<'_>, seed: u64) {
        // OneRoster 1.2 says the same of most people in another form. A hash of the form of 1.1 lets
        // a district move from one to the other without each person being decided again.
        let hash = record.as_in_v1p1().map(|(role, orgs)| {
            let (head, text) = (self.heads.len(), self.texts.len());
            let (roles, orgs) = (RoleList(role), Some(IdList(&orgs)));
            let hash = self.put(&Record { roles, orgs, ..*record }, seed);
            self.heads.truncate(head);
            self.texts.truncate(text);
            hash
        });
        let head = self.heads.len();
        let own = self.put(record, seed);
        let hash = hash.unwrap_or(own);
        self.heads[head + HASH..head + SAID].copy_from_slice(&hash.to_le_bytes());
        self.records += 1;
    }

    /// Appends a record in its own form if `is_wanted` says so of its hash; whether it does.
    pub fn append_if(&mut self, record: &Record<'_>, is_wanted: impl FnOnce(u64) -> bool) -> bool {
        let (head, text) = (self.heads.len(), self.texts.len());
        let hash = self.put(record, 0);
        if !is_wanted(hash) {
            self.heads.truncate(head);
            self.texts.truncate(text);
            return false;
        }
        self.heads[head + HASH..head + SAID].copy_from_slice(&hash.to_le_bytes());
        self.records += 1;
        true
    }

    /// Puts head and text of a record at the end, without its hash, and returns that.
    fn put(&mut self, record: &Record<'_>, seed: u64) -> u64 {
        let defect = match record.defect {
            None => 0,
            Some(Defect::Shifted) => 1,
            Some(Defect::Quoting) => 2,
            Some(Defect::Roles) => 3,
            Some(Defect::Erased) => 4,
        };
        let texts: [Option<&str>; TEXTS] = [
            Some(record.sourced_id),
            Some(record.roles.0),
            record.identifier,
            record.given_name,
            record.family_name,
            record.email,
            record.sms,
            record.phone,
            record.language,
            record.orgs.map(|list| list.0),
            record.agents.map(|list| list.0),
            record.username,
            record.user_ids,
            record.earlier_id,
            record.emergency.map(|list| list.0),
            record.barred.map(|list| list.0),
            record.relations.map(|list| list.0),
        ];
        let there =
            texts.iter().enumerate().fold(0_u32, |bits, (i, text)| bits | (u32::from(text.is_some()) << i));
        let there = there | if record.not_mobile { NOT_MOBILE } else { 0 };
        let sign = |on: bool, sign: u8| if on { sign } else { 0 };
        let signs = sign(record.deleted, DELETED)
            | sign(record.enabled.is_some(), ENABLED_KNOWN)
            | sign(record.enabled == Some(true), ENABLED)
            | (defect * DEFECT);
        let (head, text) = (self.heads.len(), self.texts.len());
        self.heads.extend_from_slice(&[0; LINE]);
        self.heads.extend_from_slice(&record.line.map_or(0, |line| line + 1).to_le_bytes());
        self.heads.extend_from_slice(&key(record.sourced_id).to_le_bytes());
        self.heads.extend_from_slice(&[0; 8]);
        self.heads.extend_from_slice(&there.to_le_bytes());
        self.heads.push(signs);
        for text in texts.into_iter().flatten() {
            let mut length = text.len();
            while length >= 0x80 {
                self.heads.push(length as u8 | 0x80);
                length >>= 7;
            }
            self.heads.push(length as u8);
            self.texts.extend_from_slice(text.as_bytes());
        }
        let hash = xxh3_64_with_seed(&self.heads[head + SAID..], seed);
        let hash = xxh3_64_with_seed(&self.texts[text..], hash);
        // At most 29 bytes, 5 and 10 for each of the cells. And no record of any source is longer
        // than that.
        self.heads[head] = u8::try_from(self.heads.len() - head).unwrap_or(u8::MAX);
        let length = u32::try_from(self.texts.len() - text).unwrap_or(u32::MAX);
        self.heads[head + TEXT_LENGTH..head + LINE].copy_from_slice(&length.to_le_bytes());
        hash
    }
}

/// A hash of all that a record says, in its own form.
pub fn said(record: &Record<'_>) -> u64 {
    Block::default().put(record, 0)
}

pub struct Records<'a> {
    heads: &'a [u8],
    texts: &'a str,
    at: Place,
}

#[derive(Debug, Clone, Copy, Default)]
pub struct Place {
    head: usize,
    text: usize,
}

pub fn records(block: &[u8]) -> Result<Records<'_>> {
    let parts = || {
        let (rest, length) = block.split_last_chunk::<4>()?;
        let (texts, heads) =
            rest.split_at_checked(rest.len().checked_sub(u32::from_le_bytes(*length) as usize)?)?;
        Some(Records { heads, texts: std::str::from_utf8(texts).ok()?, at: Place::default() })
    };
    parts().ok_or_else(lost)
}

fn lost() -> Failure {
    Failure::new(Kind::Failed, "the roster cannot be read back from its temporary file")
}

impl<'a> Records<'a> {
    /// Passes over a record; false if there is none.
    pub fn skip(&mut self) -> Result<bool> {
        if self.at.head == self.heads.len() {
            return Ok(false);
        }
        self.at = self.after().ok_or_else(lost)?;
        Ok(true)
    }

    pub fn place(&self) -> Place {
        self.at
    }

    pub fn go_to(&mut self, place: Place) {
        self.at = place;
    }

    pub fn next_record(&mut self) -> Result<Option<Kept<'a>>> {
        if self.at.head == self.heads.len() {
            return Ok(None);
        }
        let after = self.after().ok_or_else(lost)?;
        let head = self.heads.get(self.at.head..after.head);
        let text = self.texts.get(self.at.text..after.text);
        self.at = after;
        head.zip(text).and_then(|(head, text)| kept(head, text)).map(Some).ok_or_else(lost)
    }

    fn after(&self) -> Option<Place> {
        let head = self.heads.get(self.at.head..)?;
        let text = u32::from_le_bytes(*head.get(TEXT_LENGTH..)?.first_chunk()?) as usize;
        let length = usize::from(*head.first()?);
        (length > SAID && length <= head.len())
            .then_some(Place { head: self.at.head + length, text: self.at.text + text })
    }
}

fn kept<'a>(head: &[u8], mut text: &'a str) -> Option<Kept<'a>> {
    let word = |at: usize| head.get(at..)?.first_chunk().map(|word| u64::from_le_bytes(*word));
    let (there, rest) = head.get(SAID..)?.split_first_chunk()?;
    let there = u32::from_le_bytes(*there);
    let (&signs, mut lengths) = rest.split_first()?;
    let mut texts = [None; TEXTS];
    let mut left = there & !NOT_MOBILE;
    while left != 0 {
        let place = texts.get_mut(left.trailing_zeros() as usize)?;
        left &= left - 1;
        let (mut length, mut shift) = (0_usize, 0);
        loop {
            let (byte, rest) = lengths.split_first()?;
            lengths = rest;
            length |= usize::from(byte & 0x7F) << shift;
            if *byte < 0x80 {
                break;
            }
            shift += 7;
        }
        let (own, more) = text.split_at_checked(length)?;
        *place = Some(own);
        text = more;
    }
    let [
        id,
        roles,
        identifier,
        given_name,
        family_name,
        email,
        sms,
        phone,
        language,
        orgs,
        agents,
        more @ ..,
    ] = texts;
    let [username, user_ids, earlier_id, emergency, barred, relations] = more;
    let record = Record {
        line: word(LINE)?.checked_sub(1),
        sourced_id: id?,
        identifier,
        deleted: signs & DELETED != 0,
        enabled: (signs & ENABLED_KNOWN != 0).then_some(signs & ENABLED != 0),
        given_name,
        family_name,
        email,
        sms,
        phone,
        not_mobile: there & NOT_MOBILE != 0,
        language,
        roles: RoleList(roles?),
        orgs: orgs.map(IdList),
        agents: agents.map(IdList),
        emergency: emergency.map(IdList),
        barred: barred.map(IdList),
        relations: relations.map(Relations),
        username,
        user_ids,
        earlier_id,
        defect: match signs / DEFECT {
            0 => None,
            1 => Some(Defect::Shifted),
            2 => Some(Defect::Quoting),
            3 => Some(Defect::Roles),
            _ => Some(Defect::Erased),
        },
    };
    Some(Kept { key: word(KEY)?, hash: word(HASH)?, record })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_come_back_as_they_were() {
        let long = "x".repeat(70_000);
        let all = [
            Record::default(),
            Record {
                line: Some(0),
                sourced_id: "s-1",
                identifier: Some(""),
                deleted: true,
                enabled: Some(false),
                given_name: Some("José"),
                family_name: Some("Núñez"),
                email: None,
                sms: Some(&long),
                phone: Some(" "),
                not_mobile: true,
                language: Some("es"),
                roles: RoleList("student\tsch-1\naide"),
                orgs: None,
                agents: Some(IdList("g-1,g-2")),
                emergency: Some(IdList("")),
                barred: Some(IdList("s-9,*")),
                relations: Some(Relations("s-1\tMother")),
                username: Some("jnunez"),
                user_ids: None,
                earlier_id: Some("old-1"),
                defect: Some(Defect::Roles),
            },
            Record { sourced_id: "s-2", enabled: Some(true), orgs: Some(IdList("")), ..Record::default() },
        ];
        let mut block = Block::default();
        for record in &all {
            block.append(record, 7);
        }
        assert_eq!(block.records(), 3);
        let block = block.finish(Vec::new());
        let mut read = records(&block).unwrap();
        for record in &all {
            let mut other = records(&block).unwrap();
            other.go_to(read.place());
            assert_eq!(other.next_record().unwrap().unwrap().record, *record);
            let kept = read.next_record().unwrap().unwrap();
            assert_eq!(kept.record, *record);
            assert_eq!(kept.key, key(record.sourced_id));
        }
        assert!(read.next_record().unwrap().is_none());
    }

    #[test]
    fn a_record_that_is_not_wanted_is_not_there() {
        let record = |sourced_id| Record { sourced_id, roles: RoleList("aide\ts1"), ..Record::default() };
        let mut block = Block::default();
        for (id, is_wanted) in [("a", true), ("b", false), ("c", true)] {
            let added = block.append_if(&record(id), |hash| is_wanted && hash == said(&record(id)));
            assert_eq!(added, is_wanted);
        }
        assert_eq!(block.records(), 2);
        let block = block.finish(Vec::new());
        let mut read = records(&block).unwrap();
        for id in ["a", "c"] {
            let kept = read.next_record().unwrap().unwrap();
            assert_eq!((kept.record, kept.hash), (record(id), said(&record(id))));
        }
        assert!(read.next_record().unwrap().is_none());
    }

    #[test]
    fn the_hash_is_of_all_that_is_said_and_of_nothing_else() {
        let hash = |record: &Record<'_>, seed| {
            let mut block = Block::default();
            block.append(record, seed);
            records(&block.finish(Vec::new())).unwrap().next_record().unwrap().unwrap().hash
        };
        let one = Record { line: Some(3), sourced_id: "a", given_name: Some("bc"), ..Record::default() };
        assert_eq!(hash(&one, 1), hash(&Record { line: Some(4), ..one }, 1));
        assert_ne!(hash(&one, 1), hash(&one, 2));
        for other in [
            Record { sourced_id: "ab", given_name: Some("c"), ..one },
            Record { given_name: None, family_name: Some("bc"), ..one },
            Record { email: Some(""), ..one },
            Record { enabled: Some(false), ..one },
            Record { enabled: Some(true), ..one },
            Record { deleted: true, ..one },
            Record { not_mobile: true, ..one },
            Record { emergency: Some(IdList("s")), ..one },
            Record { barred: Some(IdList("s")), ..one },
            Record { relations: Some(Relations("s\tAunt")), ..one },
            Record { username: Some(""), ..one },
            Record { user_ids: Some(""), ..one },
            Record { earlier_id: Some(""), ..one },
            Record { defect: Some(Defect::Shifted), ..one },
        ] {
            assert_ne!(hash(&one, 1), hash(&other, 1));
        }
    }

    #[test]
    fn a_record_of_1_2_that_says_no_more_than_one_of_1_1_has_its_hash() {
        let hash = |roles, orgs: Option<&'static str>| {
            let record = Record {
                sourced_id: "a",
                roles: RoleList(roles),
                orgs: orgs.map(IdList),
                ..Record::default()
            };
            let mut block = Block::default();
            block.append(&record, 7);
            let block = block.finish(Vec::new());
            let kept = records(&block).unwrap().next_record().unwrap().unwrap();
            assert_eq!(kept.record, record, "kept as it is");
            kept.hash
        };
        assert_eq!(hash("student\ts1", None), hash("student", Some("s1")));
        assert_eq!(hash("teacher\ts1\nteacher\ts2", None), hash("teacher", Some("s1,s2")));
        for (roles, orgs) in [
            ("student", None),
            ("student", Some("")),
            ("student", Some("s2")),
            ("student\ts1\t2026-08-01", None),
            ("student\ts1\t\t2027-06-30", None),
            ("student\ts1\t\t\t-", None),
            ("student\ts1\naide\ts1", None),
            ("student\ts1\nstudent", None),
            ("student\ts1", Some("s1")),
            ("student\ts1", Some("")),
            ("student\ts1,s2", None),
            ("student\t", None),
        ] {
            assert_ne!(hash(roles, orgs), hash("student", Some("s1")), "{roles:?} {orgs:?}");
            assert_ne!(hash(roles, orgs), hash("student", Some("s1,s2")), "{roles:?} {orgs:?}");
        }
    }

    #[test]
    fn what_is_no_block_is_said() {
        let mut block = Block::default();
        block.append(&Record { sourced_id: "s-1", ..Record::default() }, 0);
        let block = block.finish(Vec::new());
        for length in 0..block.len() {
            let read = records(&block[..length]).and_then(|mut records| records.next_record());
            assert!(!matches!(read, Ok(Some(kept)) if kept.record.sourced_id != "s-1"), "{length}");
        }
        assert!(records(&block[1..]).and_then(|mut records| records.next_record()).is_err());
    }
}
