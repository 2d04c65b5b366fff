//! When a number is far outside its history.

use super::kinds::{Kind, Seen};
use super::{Absent, ENOUGH, largest_school};
use crate::history::{Fact, Majority, Night};

/// Fewer people are no column, no school and no role.
const FEW: u64 = 5;
const SOME: u64 = 10;
const MANY: u64 = 20;

/// A school or a role at a school loses more than this share of what it had; a role of the whole
/// district more than that.
const LOST_AT_SCHOOL: f64 = 0.5;
const LOST_IN_DISTRICT: f64 = 0.1;
/// A share that rises by more than this.
const MORE_AT_SCHOOL: f64 = 0.3;
const MORE_IN_DISTRICT: f64 = 0.1;

/// One in so many nights that were like tonight's make it an ordinary one.
const ORDINARY: usize = 5;
/// So many times as far as the nights before usually were from each other, and as chance explains.
const SPREADS: f64 = 6.0;

/// By what a number is over.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Over {
    pub(super) now: u64,
    pub(super) of: u64,
    pub(super) before: u64,
    pub(super) lost: u64,
    pub(super) range: (u64, u64),
    pub(super) absent: Option<u64>,
}

type At<'a> = (&'a str, &'a str);

/// Whether a number is far from the last of the nights alone.
pub(super) fn step(kind: &Kind, at: At<'_>, tonight: &Night, nights: &[Night]) -> Option<Over> {
    Measure { at, tonight, nights, absent: None, is_first_look: true }.of(kind)
}

/// Whether a number is far outside the nights.
pub(super) fn over(
    kind: &Kind,
    at: At<'_>,
    tonight: &Night,
    nights: &[Night],
    absent: &Absent,
) -> Option<Over> {
    Measure { at, tonight, nights, absent: Some(absent), is_first_look: false }.of(kind)
}

struct Measure<'a> {
    at: At<'a>,
    tonight: &'a Night,
    /// Oldest first.
    nights: &'a [Night],
    absent: Option<&'a Absent>,
    /// Only the last of the nights is known.
    is_first_look: bool,
}

#[expect(clippy::cast_precision_loss, reason = "a district has fewer than 2^53 people")]
impl Measure<'_> {
    fn of(&self, kind: &Kind) -> Option<Over> {
        match kind.seen {
            Seen::Lost(fact) => self.lost(fact),
            Seen::Rises(fact) => self.rises(fact, false),
            Seen::Turns(fact) => self.rises(fact, true),
            Seen::SchoolGone => self.gone(FEW),
            Seen::RoleGone => self.gone(if self.at.0.is_empty() { FEW } else { SOME }),
            Seen::SchoolHalved | Seen::RoleHalved => self.halved(),
            Seen::Doubled => self.doubled(),
            Seen::Newcomers => self.newcomers(),
            Seen::OneSchool => self.one_school(),
            Seen::Deleted => self.deleted(),
            Seen::Domain => self.domain(),
            Seen::Exchange => self.exchange(),
        }
    }

    fn last(&self) -> Option<&Night> {
        self.nights.last()
    }

    fn is_known_well(&self) -> bool {
        self.is_first_look || self.nights.len() >= ENOUGH
    }

    fn now(&self, fact: Fact) -> Option<u64> {
        self.tonight.count(self.at, fact)
    }

    /// The counts of the nights on which it was counted and the group was there.
    fn series(&self, fact: Fact) -> Vec<(u64, u64)> {
        let counts = self
            .nights
            .iter()
            .filter_map(|night| Some((night.count(self.at, fact)?, night.of(self.at, fact)?)));
        counts.filter(|(_, of)| *of > 0).collect()
    }

    fn before(&self, fact: Fact) -> Option<(u64, u64)> {
        let last = self.last()?;
        Some((last.count(self.at, fact)?, last.of(self.at, fact)?))
    }

    /// Whether the nights before were like tonight often enough, or jumped about as much.
    fn is_ordinary(&self, shares: &[f64], is_like_tonight: impl Fn(f64) -> bool, jump: f64) -> bool {
        if self.is_first_look {
            return false;
        }
        let like = shares.iter().filter(|share| is_like_tonight(**share)).count();
        let mut steps: Vec<f64> = shares.windows(2).map(|two| (two[1] - two[0]).abs()).collect();
        steps.sort_by(f64::total_cmp);
        let spread = steps.get(steps.len() / 2).copied().unwrap_or_default() * 1.4826;
        like >= 2 && like * ORDINARY >= shares.len() || jump <= spread * SPREADS
    }

    /// Fewer have it, of the people whom the store knows.
    fn lost(&self, fact: Fact) -> Option<Over> {
        let (before, of_before) = self.before(fact)?;
        let (now, of) = (self.now(fact)?, self.now(Fact::Records)?);
        let known = of.saturating_sub(self.now(Fact::New)?);
        if of_before == 0 || before < SOME || known == 0 {
            return None;
        }
        let share = before as f64 / of_before as f64;
        let expected = share * known as f64;
        let lost = expected - now as f64;
        let district = self.at.0.is_empty();
        let allowed = if district { LOST_IN_DISTRICT } else { LOST_AT_SCHOOL };
        let chance = (known as f64 * share * (1.0 - share).max(0.0)).sqrt();
        if lost < SOME as f64 || lost <= expected * allowed || lost <= chance * SPREADS {
            return None;
        }
        if !self.is_known_well() && now > 0 {
            return None;
        }
        let series = self.series(fact);
        let shares: Vec<f64> = series.iter().map(|(have, of)| *have as f64 / *of as f64).collect();
        let tonight = now as f64 / known as f64;
        if self.is_ordinary(&shares, |share| share <= tonight, share - tonight) {
            return None;
        }
        Some(Over { now, of, before, lost: lost as u64, range: range(&series), absent: None })
    }

    /// More have it, of all records; or fewer, if both count.
    fn rises(&self, fact: Fact, or_falls: bool) -> Option<Over> {
        let (before, of_before) = self.before(fact)?;
        let (now, of) = (self.now(fact)?, self.tonight.of(self.at, fact)?);
        // How much a sample says depends on how many were looked at, not on how many they stand for.
        let weight = self.tonight.weight(fact).max(self.last()?.weight(fact));
        if of_before < FEW * weight || of < weight {
            return None;
        }
        let (share, tonight) = (before as f64 / of_before as f64, now as f64 / of as f64);
        let change = if or_falls { (tonight - share).abs() } else { tonight - share };
        let allowed = if self.at.0.is_empty() { MORE_IN_DISTRICT } else { MORE_AT_SCHOOL };
        let many = change * of as f64;
        let chance = (of as f64 * share * (1.0 - share) * weight as f64).sqrt();
        if many < SOME.max(FEW * weight) as f64 || change <= allowed || many <= chance * SPREADS {
            return None;
        }
        if !self.is_known_well() && change < 0.9 {
            return None;
        }
        let series = self.series(fact);
        let shares: Vec<f64> = series.iter().map(|(have, of)| *have as f64 / *of as f64).collect();
        let like = |other: f64| if tonight > share { other >= tonight } else { other <= tonight };
        if self.is_ordinary(&shares, like, change) {
            return None;
        }
        let of = self.now(Fact::Records)?.min(of);
        Some(Over { now: now.min(of), of, before, lost: many as u64, range: range(&series), absent: None })
    }

    /// So many accounts of the group are nowhere in the roster; of those that are missing.
    fn absent(&self, missing: u64) -> Option<Option<u64>> {
        let Some(absent) = self.absent else { return Some(None) };
        let key = (self.at.0.to_owned(), self.at.1.to_owned());
        let absent = absent.get(&key).copied().unwrap_or_default();
        (absent * 2 >= missing).then_some(Some(absent))
    }

    fn gone(&self, least: u64) -> Option<Over> {
        let (before, now) = (self.before(Fact::Records)?.0, self.now(Fact::Records)?);
        if now > 0 || before < least {
            return None;
        }
        let absent = self.absent(before)?;
        let range = range(&self.series(Fact::Records));
        Some(Over { now, of: before, before, lost: before, range, absent })
    }

    fn halved(&self) -> Option<Over> {
        let (before, now) = (self.before(Fact::Records)?.0, self.now(Fact::Records)?);
        if now == 0 || before < MANY || now * 2 >= before || !self.is_known_well() {
            return None;
        }
        let series = self.series(Fact::Records);
        let sizes: Vec<f64> = series.iter().map(|(records, _)| *records as f64).collect();
        if self.is_ordinary(&sizes, |size| size <= now as f64, (before - now) as f64) {
            return None;
        }
        let absent = self.absent(before - now)?;
        Some(Over { now, of: before, before, lost: before - now, range: range(&series), absent })
    }

    /// As many new ones as there were, and those are there as well.
    fn doubled(&self) -> Option<Over> {
        let (before, now) = (self.before(Fact::Records)?.0, self.now(Fact::Records)?);
        let new = self.now(Fact::New)?;
        let is_so = before >= MANY && new * 10 >= before * 9 && (now - new) * 10 >= before * 8;
        let settled =
            |night: &Night| night.count(self.at, Fact::Records).is_some_and(|n| n * 10 >= before * 8);
        if !is_so || !self.is_known_well() || !self.nights.iter().all(settled) {
            return None;
        }
        let range = range(&self.series(Fact::New));
        Some(Over { now: new, of: now, before: self.before(Fact::New)?.0, lost: new, range, absent: None })
    }

    fn newcomers(&self) -> Option<Over> {
        let (before, now) = (self.before(Fact::Records)?.0, self.now(Fact::Records)?);
        let new = self.now(Fact::New)?;
        if before < MANY || new < MANY || new * 2 < now || !self.is_known_well() {
            return None;
        }
        let range = range(&self.series(Fact::New));
        Some(Over { now: new, of: now, before: self.before(Fact::New)?.0, lost: new, range, absent: None })
    }

    fn one_school(&self) -> Option<Over> {
        let (now, of) = largest_school(self.tonight);
        let (before, of_before) = largest_school(self.last()?);
        let is_so = of >= MANY && now * 10 >= of * 9 && before * 10 <= of_before * 6;
        if !is_so || !self.is_known_well() {
            return None;
        }
        let sizes: Vec<u64> = self.nights.iter().map(|night| largest_school(night).0).collect();
        let range = (sizes.iter().min().copied()?, sizes.iter().max().copied()?);
        Some(Over { now, of, before, lost: now.saturating_sub(before), range, absent: None })
    }

    fn deleted(&self) -> Option<Over> {
        let now = self.now(Fact::Deleted)?;
        let of = now + self.now(Fact::Records)?;
        let before = self.last()?.count(self.at, Fact::Deleted)?;
        if now < SOME || now * 5 <= of || now < before * 2 || !self.is_known_well() {
            return None;
        }
        let series = self.series(Fact::Deleted);
        let like = series.iter().filter(|(deleted, _)| *deleted >= now).count();
        let range = range(&series);
        (like * ORDINARY < series.len()).then_some(Over { now, of, before, lost: now, range, absent: None })
    }

    /// More than half of at least twenty values have it: a vote is one more that has than has not.
    fn majorities(&self, of: fn(&crate::history::Group) -> Majority) -> Option<[Majority; 2]> {
        let find = |night: &Night| night.group(self.at.0, self.at.1).map(of);
        let found = [find(self.last()?)?, find(self.tonight)?];
        (found.iter().all(|majority| u64::from(majority.seen) >= MANY) && self.is_known_well())
            .then_some(found)
    }

    fn domain(&self) -> Option<Over> {
        let [before, now] = self.majorities(|group| group.domain)?;
        let is_clear = |majority: Majority| majority.votes * 2 > majority.seen;
        if before.print == now.print || !is_clear(before) || !is_clear(now) {
            return None;
        }
        let was_there = |night: &Night| {
            night.group(self.at.0, self.at.1).is_some_and(|group| group.domain.print == now.print)
        };
        if self.nights.iter().any(was_there) {
            return None;
        }
        Some(majority_over(before, now))
    }

    fn exchange(&self) -> Option<Over> {
        let [before, now] = self.majorities(|group| group.exchange)?;
        let share = |majority: Majority| f64::from(majority.votes) / f64::from(majority.seen);
        (share(now) >= 0.8 && share(before) <= 0.3).then(|| majority_over(before, now))
    }
}

fn majority_over(before: Majority, now: Majority) -> Over {
    // The votes say how many have it at least, and at most.
    let had = u64::from(before.seen + before.votes) / 2;
    let now_at_least = u64::from(now.votes);
    Over {
        now: now_at_least,
        of: now.seen.into(),
        before: had,
        lost: now_at_least,
        range: (had, had),
        absent: None,
    }
}

fn range(series: &[(u64, u64)]) -> (u64, u64) {
    let counts = || series.iter().map(|(count, _)| *count);
    (counts().min().unwrap_or_default(), counts().max().unwrap_or_default())
}
