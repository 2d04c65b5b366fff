//! A history from one seed: nights with their events, lived through, and shortened if it fails.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use fastrand::Rng;

use super::check::{Difference, Sides};
use super::event::Event;
use super::world::{Hand, Tonight, World};

const FIRST_NIGHT: &str = "2030-08-20T08:15:00Z";

/// How long a history is shortened at most.
const SHORTENING: Duration = Duration::from_secs(60);

/// How often things happened.
#[derive(Debug, Default, Clone)]
pub(super) struct Tally(pub(super) BTreeMap<String, usize>);

impl Tally {
    pub(super) fn add(&mut self, what: &str) {
        *self.0.entry(what.to_owned()).or_default() += 1;
    }

    /// Whether it is one of so many nights.
    pub(super) fn is_turn(&self, of: usize) -> bool {
        self.0.get("nights").copied().unwrap_or_default().is_multiple_of(of)
    }
}

#[derive(Debug, Clone)]
pub(super) struct History {
    seed: u64,
    people: usize,
    /// The events of each night, with their seeds.
    nights: Vec<Vec<(Event, u64)>>,
}

pub(super) struct Failure {
    first: History,
    night: usize,
    difference: Difference,
    short: History,
    at: usize,
    short_difference: Difference,
}

impl History {
    pub(super) fn new(seed: u64, nights: usize, people: usize) -> Self {
        let dice = &mut Rng::with_seed(seed ^ 0x5EED);
        // More happens in a larger district, and on some nights nothing.
        let usually = 5 + people / 150;
        let of = |dice: &mut Rng| match dice.u8(..5) {
            0 => 0,
            _ => 1 + dice.usize(..2 * usually),
        };
        let nights =
            (0..nights).map(|_| (0..of(dice)).map(|_| (Event::any(dice), dice.u64(..))).collect()).collect();
        Self { seed, people, nights }
    }

    /// Lives through it. The night of the first difference, from 0.
    fn live(&self) -> Result<Tally, (usize, Difference)> {
        let mut world = World::new(self.seed, self.people);
        let mut sides = Sides::new();
        let mut tally = Tally::default();
        let mut now: DateTime<Utc> = FIRST_NIGHT.parse().unwrap();
        for (number, events) in self.nights.iter().enumerate() {
            world.tonight = Tonight::default();
            // Staff have seen last night's report.
            let renamed = std::mem::take(&mut world.renamed);
            world.tonight.by_hand.extend(renamed.into_iter().map(|(old, new)| Hand::Rekey { old, new }));
            for (event, seed) in events {
                event.apply(&mut world, &sides.model, &mut Rng::with_seed(*seed));
            }
            world.write_export();
            let tonight = now + TimeDelta::days(world.tonight.clock);
            sides.write(&world, &tonight.format("%Y-%m-%dT%H:%M:%SZ").to_string(), number / 365);
            sides.night(&world, &mut tally).map_err(|difference| (number, difference))?;
            world.hear(&sides.model);
            now += TimeDelta::hours(24);
        }
        Ok(tally)
    }

    pub(super) fn check(&self) -> Result<Tally, Box<Failure>> {
        let (night, difference) = match self.live() {
            Ok(tally) => return Ok(tally),
            Err(found) => found,
        };
        let mut short = Self { nights: self.nights[..=night].to_vec(), ..self.clone() };
        let (mut at, mut short_difference) = (night, difference.clone());
        let begun = Instant::now();
        // Fewer people, then fewer nights, half of those that are left at a time, then fewer events.
        let mut step = short.nights.len().div_ceil(2);
        while begun.elapsed() < SHORTENING {
            let found = short.shorter(step).into_iter().take_while(|_| begun.elapsed() < SHORTENING);
            let found = found.filter_map(|shorter| shorter.live().err().map(|found| (shorter, found))).next();
            match found {
                Some((shorter, found)) => {
                    (at, short_difference) = found;
                    short = Self { nights: shorter.nights[..=at].to_vec(), ..shorter };
                    step = step.min(short.nights.len()).max(1);
                }
                None if step == 0 => break,
                None => step /= 2,
            }
        }
        Err(Box::new(Failure { first: self.clone(), night, difference, short, at, short_difference }))
    }

    /// Histories that lack something: so many nights in a row, or with 0 one event.
    fn shorter(&self, step: usize) -> Vec<Self> {
        let mut all = Vec::new();
        if self.people > 8 {
            all.push(Self { people: self.people / 2, ..self.clone() });
        }
        if step == 0 {
            for night in 0..self.nights.len() {
                for event in 0..self.nights[night].len() {
                    let mut shorter = self.clone();
                    shorter.nights[night].remove(event);
                    all.push(shorter);
                }
            }
            return all;
        }
        for start in (0..self.nights.len().saturating_sub(1)).step_by(step) {
            let mut shorter = self.clone();
            shorter.nights.drain(start..(start + step).min(self.nights.len() - 1));
            all.push(shorter);
        }
        all
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, night, difference, short, at, short_difference } = self;
        writeln!(f, "seed {}, night {} of {} people: {difference}", first.seed, night + 1, first.people)?;
        writeln!(
            f,
            "again: ROSTERSYNC_SEED={} ROSTERSYNC_NIGHTS={} ROSTERSYNC_PEOPLE={} cargo test --locked --test main -- \
             ten_years --nocapture",
            first.seed,
            night + 1,
            first.people
        )?;
        writeln!(
            f,
            "shortened to {} nights of {} people: night {}: {short_difference}",
            short.nights.len(),
            short.people,
            at + 1
        )?;
        for (number, events) in short.nights.iter().enumerate() {
            writeln!(f, "night {}: {events:?}", number + 1)?;
        }
        Ok(())
    }
}
