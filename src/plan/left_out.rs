//! How many people are synced, by role and by school, and which are left out tonight and were not
//! on the last good night.
//!
//! A role that the SIS has renamed, dates that end too early, a school with another id: all of
//! these leave people out without archiving any, so that no other limit sees it.

use std::collections::{BTreeMap, BTreeSet};

use super::summary::Summary;
use crate::account::Account;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::{ConfiguredSeen, MOST_DANGLING, RosterSeen};
use crate::roles;
use crate::roster::current_roles;
use crate::roster::{IdList, Mode, Record, RoleList};
use crate::roster_index::RosterIndex;
use crate::rules::Rules;

/// A role or a school with so many people has some weight.
const FEW: u64 = 5;
/// So many people that are newly left out need a person, where they are more than one in fifty.
const MANY: u64 = 10;

/// People that are not synced, while they are counted.
#[derive(Default)]
pub(super) struct LeftOut {
    /// Records of the roster whose people are not synced: by their roles, and by the number of each
    /// set of their schools.
    roles: BTreeMap<String, u64>,
    sets: BTreeMap<u32, u64>,
    newly: Newly,
}

/// People with an account that are left out for the first time: how many, and how many by what they
/// held and where.
#[derive(Debug, Default)]
struct Newly {
    people: u64,
    roles: BTreeMap<String, u64>,
    schools: BTreeMap<String, u64>,
}

impl LeftOut {
    pub(super) fn merge(&mut self, other: Self) {
        fn add<K: Ord>(own: &mut BTreeMap<K, u64>, other: BTreeMap<K, u64>) {
            for (key, count) in other {
                *own.entry(key).or_default() += count;
            }
        }
        add(&mut self.roles, other.roles);
        add(&mut self.sets, other.sets);
        self.newly.people += other.newly.people;
        add(&mut self.newly.roles, other.newly.roles);
        add(&mut self.newly.schools, other.newly.schools);
    }

    /// Counts a record whose person is not synced.
    pub(super) fn not_synced(
        &mut self,
        roster: &RosterIndex,
        record: &Record<'_>,
        person: Option<u32>,
        mode: Mode,
        today: &str,
    ) {
        if mode != Mode::Bulk {
            return;
        }
        if let Some(person) = person {
            roster.each_set(person, |set| *self.sets.entry(set).or_default() += 1);
        }
        let is_counted = record.defect.is_none() && !record.deleted && !record.roles.0.is_empty();
        if is_counted && !roster.blank.roles {
            *self.roles.entry(current_roles(record.roles, today).join("|")).or_default() += 1;
        }
    }

    /// Counts a person with an account that is left out for the first time. `schools` are those of
    /// tonight.
    pub(super) fn newly(&mut self, stored: &Account, schools: &[&str]) {
        self.newly.people += 1;
        let held: BTreeSet<String> =
            RoleList(&stored.sis.roles).iter().map(|held| roles::canonical(held.role).into_owned()).collect();
        for role in held {
            *self.newly.roles.entry(role).or_default() += 1;
        }
        let known = RoleList(&stored.sis.roles);
        let stored = known.iter().filter_map(|held| held.org).chain(IdList(&stored.sis.orgs).iter());
        let all: BTreeSet<&str> = stored.chain(schools.iter().copied()).collect();
        for school in all {
            *self.newly.schools.entry(school.to_owned()).or_default() += 1;
        }
    }

    /// How many are left out for the first time. On the first night it is not known which people
    /// were left out before.
    pub(super) fn newly_left_out(&self, rules: &Rules) -> u64 {
        if rules.last_night.is_some() { self.newly.people } else { 0 }
    }

    /// Holds it against the whole roster. `at_schools` is how many records are at the schools of
    /// each set.
    pub(super) fn against(self, roster: &RosterIndex, at_schools: &[u64]) -> Synced {
        let mut synced = Synced { newly: self.newly, ..Synced::default() };
        for (held, count) in &roster.counts.held {
            let count = count.saturating_sub(self.roles.get(&**held).copied().unwrap_or_default());
            for role in held.split('|').filter(|role| !role.is_empty() && count > 0) {
                *synced.roles.entry(role.to_owned()).or_default() += count;
            }
        }
        for (set, count) in (0_u32..).zip(at_schools) {
            let count = count.saturating_sub(self.sets.get(&set).copied().unwrap_or_default());
            for school in roster.set(set).iter().filter(|_| count > 0) {
                *synced.schools.entry(school.clone()).or_default() += count;
            }
        }
        synced
    }
}

/// How many synced people hold each role and are at each school; and the roles and schools of
/// people that are newly left out.
#[derive(Debug, Default)]
pub(super) struct Synced {
    pub(super) roles: BTreeMap<String, u64>,
    pub(super) schools: BTreeMap<String, u64>,
    newly: Newly,
}

pub(super) fn configured(rules: &Rules) -> ConfiguredSeen {
    let mut schools: Vec<String> = rules.synced_schools.iter().cloned().collect();
    schools.sort_unstable();
    ConfiguredSeen {
        roles: rules.synced_roles.clone(),
        schools,
        role_names: rules.role_names.iter().map(|(word, role)| (word.to_owned(), role.to_owned())).collect(),
    }
}

impl Synced {
    /// How many people with an account are left out for the first time, by school and by role.
    pub(super) fn newly(&self) -> [&BTreeMap<String, u64>; 2] {
        [&self.newly.schools, &self.newly.roles]
    }

    /// What the roster was like, for the next night. What is blank tonight in every row stays as it
    /// was seen last.
    pub(super) fn seen(
        &self,
        roster: &RosterIndex,
        mode: Mode,
        before: &RosterSeen,
        rules: &Rules,
    ) -> RosterSeen {
        let mut dangling = roster.dangling.clone();
        if mode != Mode::Bulk {
            dangling.extend(&before.dangling);
        }
        dangling.sort_unstable();
        dangling.dedup();
        dangling.truncate(MOST_DANGLING);
        let configured = configured(rules);
        if mode != Mode::Bulk {
            return RosterSeen { dangling, configured, ..before.clone() };
        }
        let or = |is_blank: bool, now: u64, before: u64| if is_blank { before } else { now };
        let (counts, blank) = (&roster.counts, roster.blank);
        RosterSeen {
            roles: if blank.roles { before.roles.clone() } else { self.roles.clone() },
            schools: self.schools.clone(),
            placed: or(blank.orgs, counts.placed, before.placed),
            linked: or(blank.agents, counts.linked, before.linked),
            roleless: if roster.unclear { counts.roleless.min(before.roleless) } else { counts.roleless },
            roles_without_user: before.roles_without_user,
            dangling,
            configured,
            ..before.clone()
        }
    }

    /// Reports the people that are newly left out.
    pub(super) fn say(
        &self,
        summary: &Summary,
        rules: &Rules,
        mode: Mode,
        (name, file): (&str, &str),
        findings: &mut Findings,
    ) -> Result<()> {
        let Some(last) = rules.last_night.as_deref() else { return Ok(()) };
        let newly = summary.newly_left_out;
        if newly == 0 {
            return Ok(());
        }
        let (before, now) = (&last.roster.configured, configured(rules));
        let mut changed = Vec::new();
        changed.extend((before.roles != now.roles).then_some("roles"));
        changed.extend((before.schools != now.schools).then_some("schools"));
        changed.extend((before.role_names != now.role_names).then_some("role_names"));
        let why = match changed.is_empty() {
            true => "check the words for roles, the dates of roles and the ids of schools in the export"
                .to_owned(),
            false => format!(
                "the configuration changed since the last good night: {} in [sync]; if these people are to be left out, nothing has \
                 to be done",
                changed.join(", ")
            ),
        };
        if summary.synced() == 0 && mode == Mode::Bulk {
            return Err(Failure::new(
                Kind::InputUnusable,
                format!(
                    "no user of the roster is synced: roles, their dates or schools leave out {newly} users with an account that \
                     were synced on the last good night; nothing was applied"
                ),
            )
            .at(name)
            .cure(format!("{why}; a source's own words for roles are named in `role_names` in [sync]")));
        }
        let emptied = |kind: &str,
                       before: &BTreeMap<String, u64>,
                       now: &BTreeMap<String, u64>,
                       newly: &BTreeMap<String, u64>| {
            let gone = newly
                .keys()
                .filter(|key| before.get(*key).is_some_and(|count| *count >= FEW) && !now.contains_key(*key));
            gone.map(|key| format!("{kind} `{key}` had {} synced users and has none", before[key]))
                .collect::<Vec<_>>()
        };
        let mut gone = Vec::new();
        if mode == Mode::Bulk {
            gone.extend(emptied("the role", &last.roster.roles, &self.roles, &self.newly.roles));
            gone.extend(emptied("the school", &last.roster.schools, &self.schools, &self.newly.schools));
        }
        let many = newly >= MANY && newly * 50 > summary.accounts_before;
        if !many && gone.is_empty() {
            return Ok(());
        }
        let of = summary.accounts_before;
        findings.attention("newly-left-out", At::file(file), || {
            let gone = if gone.is_empty() { String::new() } else { format!("; {}", gone.join("; ")) };
            format!(
                "roles, their dates or schools leave out {newly} of {of} accounts that were synced on the last good night{gone}; \
                 {why}"
            )
        });
        Ok(())
    }
}
