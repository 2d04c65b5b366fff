//! Sources that lie, judged by their own history: the numbers of tonight's roster beside those of
//! the last good nights.
//!
//! [`KINDS`] is the one table of what is looked for. A number counts as a lie only if it is far
//! from the last good night, and far outside what the nights before were like. So an ordinary
//! night is none, however much a district moves, and a change that was approved is the new normal.
//! Of people the store knows: newcomers without an address make no column blank.

mod kinds;
mod measure;
mod message;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

pub use self::kinds::{COVERED, Effect, KINDS, Kind, Seen, table};
use self::measure::Over;
pub use self::message::say;
use crate::history::{Fact, Night};

/// The key in `[limits]`.
pub const LIMIT: &str = "history";

/// With fewer good nights behind it only a total loss is a lie.
pub const ENOUGH: usize = 3;

/// A number that is far outside its history.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    pub kind: &'static Kind,
    /// Empty: all schools, all roles.
    pub school: String,
    pub role: String,
    /// So many have it tonight, of so many; on the last good night.
    pub now: u64,
    pub of: u64,
    pub before: u64,
    /// How many are concerned.
    pub lost: u64,
    /// On how many good nights, and the least and the most of them.
    pub nights: usize,
    pub range: (u64, u64),
    /// So many accounts of those that are missing are nowhere in the roster.
    pub absent: Option<u64>,
}

/// Accounts of a school and role that are nowhere in the roster tonight.
pub type Absent = BTreeMap<(String, String), u64>;

/// Whether anything looks odd beside the last good night. Most nights end here.
pub fn is_suspicious(tonight: &Night, last: &Night) -> bool {
    if tonight.schools == last.schools {
        return false;
    }
    let nights = std::slice::from_ref(last);
    KINDS.iter().any(|kind| {
        groups(tonight, last, kind)
            .into_iter()
            .any(|group| measure::step(kind, group, tonight, nights).is_some())
    })
}

/// What is far outside the history. `nights` are the last good ones, oldest first.
pub fn judge(tonight: &Night, nights: &[Night], absent: &Absent) -> Vec<Hit> {
    let Some(last) = nights.last() else { return Vec::new() };
    let mut hits = Vec::new();
    for kind in KINDS {
        let found = groups(tonight, last, kind).into_iter().filter_map(|(school, role)| {
            let over = measure::over(kind, (school, role), tonight, nights, absent)?;
            Some(hit(kind, (school, role), over, nights))
        });
        hits.extend(narrowed(found.collect(), kind, tonight, nights, absent));
    }
    without_echoes(hits)
}

fn hit(kind: &'static Kind, (school, role): (&str, &str), over: Over, nights: &[Night]) -> Hit {
    let Over { now, of, before, lost, range, absent } = over;
    Hit {
        kind,
        school: school.to_owned(),
        role: role.to_owned(),
        now,
        of,
        before,
        lost,
        nights: nights.len(),
        range,
        absent,
    }
}

/// The schools and roles that a kind is looked for in.
fn groups<'a>(tonight: &Night, last: &'a Night, kind: &Kind) -> Vec<(&'a str, &'a str)> {
    if let Seen::OneSchool | Seen::Deleted = kind.seen {
        return vec![("", "")];
    }
    if let Seen::Lost(fact) = kind.seen
        && kinds::is_covered_as_a_whole(fact)
        && tonight.count(("", ""), fact) == Some(0)
    {
        return Vec::new();
    }
    // Only where something has moved.
    last.keys()
        .filter(|(school, role)| tonight.group(school, role) != last.group(school, role))
        .filter(|(school, role)| match kind.seen {
            Seen::SchoolGone | Seen::SchoolHalved => !school.is_empty() && role.is_empty(),
            Seen::Doubled | Seen::Newcomers => role.is_empty(),
            Seen::Domain | Seen::Exchange => school.is_empty() && !role.is_empty(),
            _ => !role.is_empty(),
        })
        .collect()
}

/// The narrowest words for what was found: a few schools by name, or else the district; all roles
/// of a school where all of it is concerned.
fn narrowed(
    found: Vec<Hit>,
    kind: &'static Kind,
    tonight: &Night,
    nights: &[Night],
    absent: &Absent,
) -> Vec<Hit> {
    // More schools are the district's own trouble.
    let most = (tonight.schools.len() / 3).clamp(1, 10);
    let (of_district, of_schools): (Vec<Hit>, Vec<Hit>) =
        found.into_iter().partition(|hit| hit.school.is_empty());
    let mut kept = Vec::new();
    let mut told: BTreeSet<String> = BTreeSet::new();
    for hit in of_district {
        let same: Vec<&Hit> = of_schools.iter().filter(|other| other.role == hit.role).collect();
        let sum: u64 = same.iter().map(|other| other.lost).sum();
        if same.is_empty() || same.len() > most || sum * 2 < hit.lost {
            told.insert(hit.role.clone());
            kept.push(hit);
        }
    }
    let of_schools: Vec<Hit> = of_schools.into_iter().filter(|hit| !told.contains(&hit.role)).collect();
    kept.extend(of_schools);
    let schools: BTreeSet<String> =
        kept.iter().filter(|hit| !hit.role.is_empty()).map(|hit| hit.school.clone()).collect();
    for school in schools {
        let of = |hit: &&Hit| hit.school == school;
        let roles = kept.iter().filter(of).count();
        let Some(over) = measure::over(kind, (&school, ""), tonight, nights, absent) else { continue };
        let is_nearly_all = matches!(kind.seen, Seen::Lost(_)) && over.now * 10 <= over.before;
        if roles > 1 || is_nearly_all {
            kept.retain(|hit| hit.school != school);
            kept.push(hit(kind, (&school, ""), over, nights));
        }
    }
    kept.sort_by(|one, other| (&one.school, &one.role).cmp(&(&other.school, &other.role)));
    kept
}

/// Leaves out what only says again what another kind says better.
fn without_echoes(hits: Vec<Hit>) -> Vec<Hit> {
    let is_echo = |hit: &Hit| {
        hits.iter().any(|other| {
            let same_place = (other.school.is_empty() || other.school == hit.school)
                && (other.role.is_empty() || other.role == hit.role);
            same_place && hit.kind.after.contains(&other.kind.key)
        })
    };
    let kept: Vec<bool> = hits.iter().map(|hit| !is_echo(hit)).collect();
    hits.into_iter().zip(kept).filter(|(_, kept)| *kept).map(|(hit, _)| hit).collect()
}

/// After how many other good nights the roster is again, record by record, that of an earlier one:
/// the place of that night among `nights`. Of each [`Night::content`].
pub fn seen_before(tonight: u64, nights: &[u64]) -> Option<usize> {
    let at = nights.iter().rposition(|night| *night == tonight)?;
    (nights.len() - at > ENOUGH).then_some(at)
}

/// The largest school's records, and those of all schools.
fn largest_school(night: &Night) -> (u64, u64) {
    let of_schools = night.schools.iter().filter(|(school, _)| !school.is_empty());
    let counts = of_schools.filter_map(|(_, roles)| roles.get("")).map(|group| group.get(Fact::Records));
    (counts.max().unwrap_or_default(), night.count(("", ""), Fact::Orgs).unwrap_or_default())
}
