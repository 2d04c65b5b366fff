//! What a report says that an earlier one did not: `report --new`.

use std::collections::HashSet;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::columns::Column;
use super::reader::{self, Cells, Reader};
use crate::failure::Result;

/// The notes and codes of an earlier report, as hashes of the user and the text.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EarlierNotes(HashSet<u64>);

impl EarlierNotes {
    /// Reads them from a report.
    pub fn read(path: &Path) -> Result<Self> {
        let file = reader::open(path)?;
        let mut reader = Reader::new(&file, path)?;
        let mut notes = HashSet::new();
        while let Some(cells) = reader.next_row()? {
            notes.extend(notes_of(&cells).chain(codes_of(&cells)).map(|note| hash(&cells, note)));
        }
        Ok(Self(notes))
    }

    /// The notes of a row that are new; none if the row says nothing new. A note without a sentence
    /// is known by its code.
    pub(super) fn new_notes(&self, cells: &Cells<'_>) -> Option<Vec<u8>> {
        let is_known = |note: &[u8]| self.0.contains(&hash(cells, note));
        // The night after an account was archived for it, the note has other words.
        let stays_out = codes_of(cells).any(|code| NO_ACCOUNT.contains(&code) && is_known(code));
        let is_new = |note: &&[u8]| !(is_known(note) || stays_out && note.ends_with(b" - not added"));
        let notes = notes_of(cells).filter(is_new).collect::<Vec<_>>().join(&SEPARATOR[..]);
        (!notes.is_empty() || codes_of(cells).any(|code| is_new(&code))).then_some(notes)
    }
}

const SEPARATOR: &[u8; 2] = b"; ";

/// Codes of people that may have no account.
const NO_ACCOUNT: [&[u8]; 3] = [b"contact-not-allowed", b"emergency-contact", b"suppressed"];

/// The difference was looked at: no note says it.
const SETTLED: &[u8] = b"settled";

/// The sentences. A value in one of them may hold the separator: then its parts are compared.
fn notes_of<'a>(cells: &Cells<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let mut rest = Some(cells.cell(Column::Notes)).filter(|notes| !notes.is_empty());
    std::iter::from_fn(move || {
        let notes = rest?;
        match notes.windows(SEPARATOR.len()).position(|two| two == SEPARATOR) {
            Some(end) => {
                rest = Some(&notes[end + SEPARATOR.len()..]);
                Some(&notes[..end])
            }
            None => {
                rest = None;
                Some(notes)
            }
        }
    })
}

fn codes_of<'a>(cells: &Cells<'a>) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    cells.cell(Column::Codes).split(|byte| *byte == b' ').filter(|code| !code.is_empty() && *code != SETTLED)
}

/// No sourcedId has the byte that sets it apart.
fn hash(cells: &Cells<'_>, note: &[u8]) -> u64 {
    xxh3_64(&[cells.cell(Column::SourcedId), note].join(&0))
}
