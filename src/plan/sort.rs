//! Which records have to be decided, and which follow from what was decided before. Nothing is read or looked up for that:
//! by now it is known of each record whether it is the one that its person was decided on last, and at which schools
//! everybody is.

use std::thread;

use super::known::Memory;
use super::survey::Survey;
use crate::store::ROW;

/// How a record gets its row of the report.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    /// It has none.
    Nowhere,
    /// From the record alone.
    Record,
    /// From the row that was kept when it was decided.
    Kept,
    /// It is to be decided.
    Decided,
}

impl Source {
    /// Whether the row is among those of the plan.
    pub(super) fn is_among_rows(self) -> bool {
        matches!(self, Self::Kept | Self::Decided)
    }
}

/// Fewer records are not worth another thread.
const WORTHWHILE: usize = 50_000;

/// The source of each record, in the order of the roster. Without a memory everybody is to be decided.
pub(super) fn sort(survey: &Survey, memory: Option<&Memory>) -> Vec<Source> {
    let records = survey.places();
    let mut sources = vec![Source::Decided; records];
    let threads = thread::available_parallelism().map_or(1, usize::from).min(records / WORTHWHILE + 1);
    let share = records.div_ceil(threads).max(1);
    thread::scope(|scope| {
        for (part, own) in sources.chunks_mut(share).enumerate() {
            let mut sort = move || {
                for (at, source) in own.iter_mut().enumerate() {
                    let place = u32::try_from(part * share + at).unwrap_or(u32::MAX);
                    *source = source_of(survey, memory, place);
                }
            };
            if part + 1 == threads { sort() } else { drop(scope.spawn(sort)) }
        }
    });
    sources
}

fn source_of(survey: &Survey, memory: Option<&Memory>, place: u32) -> Source {
    if survey.is_repeated(place) {
        return Source::Nowhere;
    }
    let remembered = survey.person_as_remembered(place).filter(|person| {
        !survey.is_person_contradicted(*person)
            && memory.and_then(|memory| memory.schools(*person)) == Some(survey.schools_print(*person))
    });
    match remembered {
        Some(person) if memory.is_some_and(|memory| memory.state(person) & ROW != 0) => Source::Kept,
        Some(_) => Source::Record,
        None => Source::Decided,
    }
}
