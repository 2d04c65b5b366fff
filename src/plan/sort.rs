//! Which records have to be decided, and which follow from what was decided before. Nothing is read or looked up for that:
//! by now it is known of each record whether it is the one that its person was decided on last, and at which schools
//! everybody is.

use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use super::known::Memory;
use super::rules::Rules;
use super::survey::Survey;
use crate::lanes::beside;
use crate::policy::Setting;
use crate::store::{ACTIVE, ROW};

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

/// What becomes of the records, before anybody is decided on.
pub(super) struct Sorted {
    /// The source of each record, in the order of the roster.
    pub(super) sources: Vec<Source>,
    /// How many active people are under ON among those whose row follows from their record.
    pub(super) changeable: u64,
    /// How many records are at the schools of each set.
    pub(super) at_schools: Vec<u64>,
}

/// Sorts the records. Without a memory everybody is to be decided.
pub(super) fn sort(survey: &Survey, rules: &Rules, memory: Option<&Memory>) -> Sorted {
    let records = survey.places();
    let mut sources = vec![Source::Decided; records];
    let threads = thread::available_parallelism().map_or(1, usize::from).min(records / WORTHWHILE + 1);
    let share = records.div_ceil(threads).max(1);
    let (under, changeable) = (Under::of(survey, rules), AtomicU64::new(0));
    let mut at_schools = vec![0_u64; survey.sets()];
    thread::scope(|scope| {
        let mut others = Vec::new();
        for (part, own) in sources.chunks_mut(share).enumerate() {
            let (under, changeable) = (&under, &changeable);
            let sort = move || {
                let mut at_schools = vec![0_u64; survey.sets()];
                let mut count = 0;
                for (at, source) in own.iter_mut().enumerate() {
                    let place = u32::try_from(part * share + at).unwrap_or(u32::MAX);
                    let person;
                    (*source, person) = source_of(survey, memory, place);
                    if *source == Source::Record
                        && memory.is_some_and(|memory| memory.state(person) & ACTIVE != 0)
                    {
                        count += u64::from(under.is_on(survey, person));
                    }
                    if *source != Source::Nowhere
                        && let Some(person) = survey.person_of(place)
                    {
                        survey.each_set(person, |set| at_schools[set as usize] += 1);
                    }
                }
                changeable.fetch_add(count, Ordering::Relaxed);
                at_schools
            };
            others.push(beside(scope, sort));
        }
        for other in others {
            let counts = other.join();
            at_schools.iter_mut().zip(counts).for_each(|(sum, count)| *sum += count);
        }
    });
    Sorted { sources, changeable: changeable.into_inner(), at_schools }
}

/// Under which setting people are whose schools are known by the number of their set.
enum Under {
    /// Everybody: the district and all schools say the same.
    All(Setting),
    /// By set; none for the set without schools. And the district's value.
    BySet(Vec<Option<Setting>>, Setting),
}

impl Under {
    fn of(survey: &Survey, rules: &Rules) -> Self {
        if rules.schools.values().all(|own| *own == rules.district) {
            return Self::All(rules.district);
        }
        let of_set = |set: u32| {
            let schools: Vec<&str> = survey.set(set).iter().map(String::as_str).collect();
            (!schools.is_empty()).then(|| rules.setting_of(&schools))
        };
        let sets = 0..u32::try_from(survey.sets()).unwrap_or(u32::MAX);
        Self::BySet(sets.map(of_set).collect(), rules.district)
    }

    fn is_on(&self, survey: &Survey, person: u32) -> bool {
        match self {
            Self::All(setting) => *setting == Setting::On,
            Self::BySet(sets, district) => {
                let mut settings =
                    survey.sets_of_family(person).into_iter().filter_map(|set| sets[set as usize]);
                let all_on = settings
                    .next()
                    .map(|first| first == Setting::On && settings.all(|own| own == Setting::On));
                all_on.unwrap_or(*district == Setting::On)
            }
        }
    }
}

/// And whose record it is, where that is known.
fn source_of(survey: &Survey, memory: Option<&Memory>, place: u32) -> (Source, u32) {
    if survey.is_repeated(place) {
        return (Source::Nowhere, 0);
    }
    let remembered = survey.person_as_remembered(place).filter(|person| {
        !survey.is_person_contradicted(*person)
            && memory.and_then(|memory| memory.schools(*person)) == Some(survey.schools_print(*person))
    });
    match remembered {
        Some(person) if memory.is_some_and(|memory| memory.state(person) & ROW != 0) => {
            (Source::Kept, person)
        }
        Some(person) => (Source::Record, person),
        None => (Source::Decided, 0),
    }
}
