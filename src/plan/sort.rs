//! Which records have to be decided, and which follow from what was decided before. Nothing is looked up here, so several
//! threads can sort at once.

use std::sync::{PoisonError, RwLock, RwLockReadGuard};

use super::decide::Desk;
use super::known::Memory;
use super::people::{People, hash_of};
use super::plain::Plain;
use super::sis::Cells;
use super::view::Ways;
use crate::contact::Field;
use crate::failure::Result;
use crate::roster::kept::{self, Kept};
use crate::store::ROW;

/// How a record gets its row of the report.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Source {
    /// It has none.
    Nowhere,
    /// From the record alone.
    Record,
    /// From the rows that were decided.
    Rows,
}

/// A block of the roster, and its first record's place in the report.
pub(super) struct Block {
    pub(super) bytes: Vec<u8>,
    pub(super) place: u32,
    /// How many records it has.
    pub(super) records: u32,
}

/// A record of a block that does not follow from itself.
pub(super) struct Todo {
    /// Where it begins in the block.
    pub(super) at: usize,
    /// Its place in the report.
    pub(super) place: u32,
    /// There should be a row that was kept.
    pub(super) repeats: bool,
}

/// What came of a block.
pub(super) struct Sorted {
    pub(super) block: Block,
    pub(super) sources: Vec<Source>,
    pub(super) people: People,
    /// Records whose row follows from them.
    pub(super) passed_over: u64,
    pub(super) todo: Vec<Todo>,
}

/// What was decided on everybody last.
pub(super) fn read(memory: &RwLock<Memory>) -> RwLockReadGuard<'_, Memory> {
    memory.read().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn sort(desk: &Desk<'_>, block: Block, ways: &mut Ways) -> Result<Sorted> {
    let memory = read(desk.memory);
    let (mut sources, mut people, mut passed_over, mut todo) = (Vec::new(), People::default(), 0, Vec::new());
    sources.reserve_exact(block.records as usize);
    let mut records = kept::records(&block.bytes);
    for place in block.place.. {
        let at = records.place();
        let Some(kept) = records.next_record()? else { break };
        if desk.survey.is_repeated(&kept.record) {
            sources.push(Source::Nowhere);
            continue;
        }
        let person = desk.survey.person_of(place);
        let as_remembered = person.filter(|person| is_as_remembered(desk, &memory, &kept, *person, ways));
        let repeats = as_remembered.is_some_and(|person| memory.state(person) & ROW != 0);
        let plain = as_remembered
            .filter(|_| !repeats)
            .and_then(|_| Plain::read(Cells::of(&kept.record, desk.rules.phone_credential)));
        match plain {
            Some(plain) => {
                let phone = hash_of(Field::Phone, plain.phone.as_str());
                people.add(place, [hash_of(Field::Email, plain.email), phone]);
                passed_over += 1;
                sources.push(Source::Record);
            }
            None => {
                todo.push(Todo { at, place, repeats });
                sources.push(Source::Rows);
            }
        }
    }
    drop(memory);
    Ok(Sorted { block, sources, people, passed_over, todo })
}

/// Whether the account was last decided on this record, under these rules, and nothing has moved since.
fn is_as_remembered(desk: &Desk<'_>, memory: &Memory, kept: &Kept<'_>, person: u32, ways: &mut Ways) -> bool {
    if !desk.memo || desk.decide_all {
        return false;
    }
    let Some(remembered) = memory.record(person) else { return false };
    let (_, guardian) = ways.of(kept.record.roles, desk.today);
    let (schools, _) = desk.survey.schools_hash(person, guardian);
    desk.fingerprint(kept, schools) == remembered && !desk.survey.is_contradicted(kept.record.sourced_id)
}
