//! Where the row of each record comes from. Nothing is read or looked up for that: when the roster
//! is known, so is which data has changed, and at which schools each person is.

use std::thread;

use crate::lanes::in_background;
use crate::plan::signs::Signs;
use crate::plan::unchanged::{CachedRow, Unchanged};
use crate::policy::Setting;
use crate::roster_index::RosterIndex;
use crate::rules::Rules;

/// Where the row of a record comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::plan) enum RowSource {
    /// It has none: an earlier row says the same.
    None,
    /// It need not be decided on.
    Unchanged(CachedRow),
    /// It is to be decided on.
    Decided,
}

impl RowSource {
    /// Whether the row is among those of the plan.
    pub(super) fn is_in_plan(self) -> bool {
        matches!(self, Self::Unchanged(CachedRow::Stored) | Self::Decided)
    }
}

/// Fewer records are not worth another thread.
const WORTHWHILE: usize = 50_000;

/// What is known of the records before any is decided on.
#[derive(Default)]
pub(super) struct Sources {
    pub(super) of_records: Vec<RowSource>,
    /// How many rows follow from their records, and how many of these people are active and under
    /// ON.
    pub(super) unchanged: u64,
    pub(super) changeable: u64,
    /// How many records are at the schools of each set.
    pub(super) at_schools: Vec<u64>,
}

impl Sources {
    pub(super) fn of(roster: &RosterIndex, rules: &Rules, signs: &Signs, unchanged: &Unchanged) -> Self {
        let records = roster.places();
        let mut of_records = vec![RowSource::Decided; records];
        let threads = thread::available_parallelism().map_or(1, usize::from).min(records / WORTHWHILE + 1);
        let share = records.div_ceil(threads).max(1);
        let under = Under::of(roster, rules);
        let mut sum = Self { at_schools: vec![0; roster.sets()], ..Self::default() };
        thread::scope(|scope| {
            let mut parts = Vec::new();
            for (part, own) in of_records.chunks_mut(share).enumerate() {
                let under = &under;
                parts.push(in_background(scope, move || {
                    let mut counts = Self { at_schools: vec![0; roster.sets()], ..Self::default() };
                    for (at, source) in own.iter_mut().enumerate() {
                        let place = u32::try_from(part * share + at).unwrap_or(u32::MAX);
                        if roster.is_repeated(place) {
                            *source = RowSource::None;
                            continue;
                        }
                        let Some(person) = roster.person_of(place) else { continue };
                        roster.each_set(person, |set| counts.at_schools[set as usize] += 1);
                        let Some(row) = unchanged.row(person, roster) else { continue };
                        *source = RowSource::Unchanged(row);
                        if row == CachedRow::FromRecord {
                            counts.unchanged += 1;
                            counts.changeable +=
                                u64::from(signs.is_active(person) && under.is_on(roster, person));
                        }
                    }
                    counts
                }));
            }
            for part in parts {
                let counts = part.join();
                sum.unchanged += counts.unchanged;
                sum.changeable += counts.changeable;
                sum.at_schools.iter_mut().zip(counts.at_schools).for_each(|(sum, count)| *sum += count);
            }
        });
        sum.of_records = of_records;
        sum
    }
}

/// Under which setting people are whose schools are known by the number of their set.
enum Under {
    /// All people: the district and all schools have the same setting.
    All(Setting),
    /// By set; none for the set without schools. And the district's setting.
    BySet(Vec<Option<Setting>>, Setting),
}

impl Under {
    fn of(roster: &RosterIndex, rules: &Rules) -> Self {
        if rules.schools.values().all(|own| *own == rules.district) {
            return Self::All(rules.district);
        }
        let of_set = |set: u32| {
            let schools: Vec<&str> = roster.set(set).iter().map(String::as_str).collect();
            (!schools.is_empty()).then(|| rules.setting_of(&schools))
        };
        let sets = 0..u32::try_from(roster.sets()).unwrap_or(u32::MAX);
        Self::BySet(sets.map(of_set).collect(), rules.district)
    }

    fn is_on(&self, roster: &RosterIndex, person: u32) -> bool {
        match self {
            Self::All(setting) => *setting == Setting::On,
            Self::BySet(sets, district) => {
                let mut settings =
                    roster.sets_of_family(person).into_iter().filter_map(|set| sets[set as usize]);
                let all_on = settings
                    .next()
                    .map(|first| first == Setting::On && settings.all(|own| own == Setting::On));
                all_on.unwrap_or(*district == Setting::On)
            }
        }
    }
}
