//! Random histories: what happened in a district over some nights, as a list that can be shortened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::change::Change;
use super::dice::Dice;
use super::quiet;
use super::seen::{Difference, Seen};
use super::sides::{NAMES, Sides};
use super::world::{Manifest, World};

/// What is different on a night.
#[derive(Debug, Clone)]
pub(super) struct Night {
    /// Hours since the night before.
    hours: i64,
    coin: bool,
    /// Each with the seed of its chance, so that it stays what it is when others are left out.
    changes: Vec<(Change, u64)>,
}

#[derive(Debug, Clone)]
pub(super) struct History {
    seed: u64,
    /// Users that were never there: how shortening makes the district smaller.
    without: BTreeSet<String>,
    nights: Vec<Night>,
    /// Every night is tried once more.
    repeats: bool,
}

/// How often things happened.
#[derive(Debug, Default)]
pub(super) struct Tally(pub(super) BTreeMap<String, u64>);

/// Where two sides differ, in the shortest history in which they still do.
pub(super) struct Failure {
    seed: u64,
    night: usize,
    difference: Difference,
    short: History,
}

impl History {
    /// 3 to 8 nights. Some are quiet, so that there is something to take a shortcut over.
    pub(super) fn new(seed: u64, repeats: bool) -> Self {
        let mut dice = Dice::new(seed ^ 0x5EED);
        let nights = (0..3 + dice.below(6))
            .map(|night| {
                let hours = match dice.below(12) {
                    0 => 24 * 31,
                    1 => 0,
                    2 => 13,
                    _ => 24,
                };
                let count = if night == 0 || dice.one_in(4) { 0 } else { 1 + dice.below(9) };
                let changes = (0..count).map(|_| (Change::any(&mut dice), dice.roll())).collect();
                Night { hours, coin: dice.one_in(2), changes }
            })
            .collect();
        Self { seed, without: BTreeSet::new(), nights, repeats }
    }

    /// Lives through it; the night and the place of the first difference.
    fn live(&self, tally: &mut Tally) -> Result<(), (usize, Difference)> {
        let mut world = World::new(self.seed);
        for id in &self.without {
            world.members.remove(id);
            world.export.iter_mut().for_each(|export| {
                export.rows.remove(id);
            });
        }
        let mut sides = Sides::new(NAMES.len());
        let mut before: Option<Seen> = None;
        for (number, night) in self.nights.iter().enumerate() {
            world.pass(night.hours);
            world.tonight.coin = night.coin;
            for (change, seed) in &night.changes {
                change.apply(&mut world, &mut Dice::new(*seed));
            }
            let seen = sides.night(&world).map_err(|difference| (number + 1, difference))?;
            if self.repeats {
                quiet::check(&sides, &world, &seen).map_err(|difference| (number + 1, difference))?;
            }
            tally.count(before.as_ref(), &seen);
            tally.count_inputs(&world, &seen.result);
            before = Some(seen);
        }
        Ok(())
    }

    /// As [`History::live`]; a panic is a difference, too.
    fn outcome(&self, tally: &mut Tally) -> Result<(), (usize, Difference)> {
        catch_unwind(AssertUnwindSafe(|| self.live(tally))).unwrap_or_else(|panic| {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            Err((0, Difference(format!("it panics: {}", text.unwrap_or_default()))))
        })
    }

    pub(super) fn check(&self, tally: &mut Tally) -> Result<(), Failure> {
        let Err((mut night, mut difference)) = self.outcome(tally) else { return Ok(()) };
        let mut short = self.clone();
        // The night that shows it is the last one.
        if night > 0 {
            short.nights.truncate(night);
        }
        loop {
            let shorter = short.shorter().into_iter().find_map(|shorter| {
                shorter.outcome(&mut Tally::default()).err().map(|found| (shorter, found))
            });
            match shorter {
                Some((shorter, found)) => (short, (night, difference)) = (shorter, found),
                None => return Err(Failure { seed: self.seed, night, difference, short }),
            }
        }
    }

    /// Every history that lacks one thing more.
    fn shorter(&self) -> Vec<Self> {
        let mut all = Vec::new();
        for night in 0..self.nights.len() {
            let mut shorter = self.clone();
            shorter.nights.remove(night);
            all.push(shorter);
        }
        for (night, of) in self.nights.iter().enumerate() {
            for change in 0..of.changes.len() {
                let mut shorter = self.clone();
                shorter.nights[night].changes.remove(change);
                all.push(shorter);
            }
        }
        for id in World::new(self.seed).members.into_keys().filter(|id| !self.without.contains(id)) {
            let mut shorter = self.clone();
            shorter.without.insert(id);
            all.push(shorter);
        }
        all
    }
}

impl Tally {
    fn add(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    /// What the night's runs have read.
    fn count_inputs(&mut self, world: &World, result: &str) {
        let files = &world.files;
        let inputs = [
            (files.manifest == Manifest::Delta, "a delta"),
            (files.manifest == Manifest::Unclear, "an unclear manifest"),
            (files.with_roles, "OneRoster 1.2"),
            (files.with_roles && files.manifest == Manifest::Delta, "a delta of OneRoster 1.2"),
            (files.zip, "a zip"),
            (!files.without.is_empty(), "a column missing"),
            (world.export.is_some(), "an export"),
            (world.export.is_none(), "no export"),
        ];
        inputs.iter().filter(|(there, _)| *there && result == "ok").for_each(|(_, input)| self.add(input));
    }

    fn count(&mut self, before: Option<&Seen>, seen: &Seen) {
        self.add(&seen.result);
        for row in &seen.report.rows {
            self.add(&row["action"]);
            row["codes"].split(' ').filter(|code| !code.is_empty()).for_each(|code| self.add(code));
            // What a shortcut is for.
            let again = before.is_some_and(|before| {
                before.report.rows.iter().any(|earlier| {
                    earlier.0.iter().all(|(column, cell)| column == "line" || row[column.as_str()] == *cell)
                })
            });
            if again {
                self.add(&format!("{} again", &row["action"]));
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, shortened; on night {}:", self.seed, self.night)?;
        writeln!(f, "{}", self.difference.0)?;
        for (number, night) in self.short.nights.iter().enumerate() {
            let some = if night.coin { "decides" } else { "takes the shortcut" };
            writeln!(f, "night {}, {} h later, `some` {some}: {:?}", number + 1, night.hours, night.changes)?;
        }
        let left: Vec<String> = World::new(self.short.seed)
            .members
            .into_keys()
            .filter(|id| !self.short.without.contains(id))
            .collect();
        writeln!(f, "people at the beginning: {}", left.join(" "))
    }
}
