//! A roster as it was read, kept for the run: read once from wherever it comes, gone through as often as needed.
//!
//! Records are kept as bytes in blocks: what is hashed stands together, and a record is borrowed from its block again
//! without being copied.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::{Defect, IdList, Record, RoleList};
use crate::failure::{Failure, Kind, Result};

/// A record in a block.
pub struct Kept<'a> {
    /// Of the sourcedId: [`key`].
    pub key: u64,
    /// Of all that the record says; equal for equal records.
    pub hash: u64,
    pub record: Record<'a>,
}

/// By what a person is known where the sourcedId itself would take too much room.
pub fn key(sourced_id: &str) -> u64 {
    xxh3_64(sourced_id.as_bytes())
}

// A record: length of the rest (4 bytes), line (8; 0 for none), key (8), hash (8), then what is hashed: which cells there
// are (2), signs (1), the length of each cell as a base-128 number, the text of all cells.
const LINE: usize = 4;
const KEY: usize = 12;
const HASH: usize = 20;
const SAID: usize = 28;
const TEXTS: usize = 11;

const DELETED: u8 = 1;
const ENABLED_KNOWN: u8 = 2;
const ENABLED: u8 = 4;
const DEFECT: u8 = 8;

/// Appends a record to a block. `seed` goes into its hash.
pub fn append(block: &mut Vec<u8>, record: &Record<'_>, seed: u64) {
    let start = block.len();
    let defect = match record.defect {
        None => 0,
        Some(Defect::Shifted) => 1,
        Some(Defect::Quoting) => 2,
        Some(Defect::Roles) => 3,
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
    ];
    let there =
        texts.iter().enumerate().fold(0_u16, |bits, (i, text)| bits | (u16::from(text.is_some()) << i));
    let sign = |on: bool, sign: u8| if on { sign } else { 0 };
    let signs = sign(record.deleted, DELETED)
        | sign(record.enabled.is_some(), ENABLED_KNOWN)
        | sign(record.enabled == Some(true), ENABLED)
        | (defect * DEFECT);
    block.extend_from_slice(&[0; 4]);
    block.extend_from_slice(&record.line.map_or(0, |line| line + 1).to_le_bytes());
    block.extend_from_slice(&key(record.sourced_id).to_le_bytes());
    block.extend_from_slice(&[0; 8]);
    block.extend_from_slice(&there.to_le_bytes());
    block.push(signs);
    for text in texts.into_iter().flatten() {
        let mut length = text.len();
        while length >= 0x80 {
            block.push(length as u8 | 0x80);
            length >>= 7;
        }
        block.push(length as u8);
    }
    for text in texts.into_iter().flatten() {
        block.extend_from_slice(text.as_bytes());
    }
    let hash = xxh3_64_with_seed(&block[start + SAID..], seed);
    block[start + HASH..start + SAID].copy_from_slice(&hash.to_le_bytes());
    // Longer than any record of any source.
    let length = u32::try_from(block.len() - start - 4).unwrap_or(u32::MAX);
    block[start..start + 4].copy_from_slice(&length.to_le_bytes());
}

/// The records of a block, in order.
pub struct Records<'a> {
    block: &'a [u8],
    rest: &'a [u8],
}

/// The records of a block.
pub fn records(block: &[u8]) -> Records<'_> {
    records_from(block, 0)
}

/// The records of a block from a place on that [`Records::place`] has given.
pub fn records_from(block: &[u8], place: usize) -> Records<'_> {
    Records { block, rest: block.get(place..).unwrap_or_default() }
}

fn lost() -> Failure {
    Failure::new(Kind::Failed, "the roster cannot be read back from its temporary file")
}

impl<'a> Records<'a> {
    /// Passes over a record; false if there is none.
    ///
    /// # Errors
    /// `Failed` if the block is not one.
    pub fn skip(&mut self) -> Result<bool> {
        if self.rest.is_empty() {
            return Ok(false);
        }
        self.rest = &self.rest[length(self.rest).ok_or_else(lost)?..];
        Ok(true)
    }

    /// Where the next record begins in the block.
    pub fn place(&self) -> usize {
        self.block.len() - self.rest.len()
    }

    /// The next record, if there is one.
    ///
    /// # Errors
    /// `Failed` if the block is not one.
    pub fn next_record(&mut self) -> Result<Option<Kept<'a>>> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let length = length(self.rest).ok_or_else(lost)?;
        let (record, rest) = self.rest.split_at(length);
        self.rest = rest;
        kept(record).map(Some).ok_or_else(lost)
    }
}

/// Bytes of the first record, if they are there.
fn length(bytes: &[u8]) -> Option<usize> {
    let length = 4 + u32::from_le_bytes(*bytes.first_chunk()?) as usize;
    (length <= bytes.len()).then_some(length)
}

fn kept(bytes: &[u8]) -> Option<Kept<'_>> {
    let head = bytes.first_chunk::<SAID>()?;
    let word = |at: usize| head[at..at + 8].first_chunk().map(|word| u64::from_le_bytes(*word));
    let (&[low, high, signs], rest) = bytes[SAID..].split_first_chunk::<3>()?;
    let there = u16::from_le_bytes([low, high]);
    let mut lengths = [0_usize; TEXTS];
    let mut at = 0;
    for (i, length) in lengths.iter_mut().enumerate() {
        if there & (1 << i) == 0 {
            continue;
        }
        let mut shift = 0;
        loop {
            let byte = *rest.get(at)?;
            at += 1;
            *length |= usize::from(byte & 0x7F) << shift;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
    }
    let mut text = std::str::from_utf8(&rest[at..]).ok()?;
    let mut texts = [None; TEXTS];
    for (i, length) in lengths.into_iter().enumerate() {
        if there & (1 << i) != 0 {
            let (own, more) = text.split_at_checked(length)?;
            texts[i] = Some(own);
            text = more;
        }
    }
    let [id, roles, identifier, given_name, family_name, email, sms, phone, language, orgs, agents] = texts;
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
        language,
        roles: RoleList(roles?),
        orgs: orgs.map(IdList),
        agents: agents.map(IdList),
        defect: match signs / DEFECT {
            0 => None,
            1 => Some(Defect::Shifted),
            2 => Some(Defect::Quoting),
            _ => Some(Defect::Roles),
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
                language: Some("es"),
                roles: RoleList("student\tsch-1\naide"),
                orgs: None,
                agents: Some(IdList("g-1,g-2")),
                defect: Some(Defect::Roles),
            },
            Record { sourced_id: "s-2", enabled: Some(true), orgs: Some(IdList("")), ..Record::default() },
        ];
        let mut block = Vec::new();
        for record in &all {
            append(&mut block, record, 7);
        }
        let mut read = records(&block);
        for record in &all {
            assert_eq!(records_from(&block, read.place()).next_record().unwrap().unwrap().record, *record);
            let kept = read.next_record().unwrap().unwrap();
            assert_eq!(kept.record, *record);
            assert_eq!(kept.key, key(record.sourced_id));
        }
        assert!(read.next_record().unwrap().is_none());
    }

    #[test]
    fn the_hash_is_of_all_that_is_said_and_of_nothing_else() {
        let hash = |record: &Record<'_>, seed| {
            let mut block = Vec::new();
            append(&mut block, record, seed);
            records(&block).next_record().unwrap().unwrap().hash
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
            Record { defect: Some(Defect::Shifted), ..one },
        ] {
            assert_ne!(hash(&one, 1), hash(&other, 1));
        }
    }

    #[test]
    fn what_is_no_block_is_said() {
        let mut block = Vec::new();
        append(&mut block, &Record { sourced_id: "s-1", ..Record::default() }, 0);
        block.truncate(block.len() - 1);
        assert!(records(&block).next_record().is_err());
    }
}
