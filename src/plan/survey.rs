//! The first look at the roster: who is in it, who is in it twice, and which schools come to a guardian through the
//! students. Decisions about one person need this of all the others.
//!
//! People are known here by a 64-bit hash of their sourcedId, and a set of schools by a number, so that a million people
//! take two words each. What a collision could spoil is looked up again by the id itself (rows that seem to be double)
//! or is a school too many in the reckoning of the setting, with a chance of one in ten million for a million people.

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;

use xxhash_rust::xxh3::xxh3_64;

use super::rules::Rules;
use super::sis::same_in_normal_form;
use crate::account::SisDetails;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roles;
use crate::roster::{IdList, Record, RoleList};
use crate::source::RosterSource;
use crate::store::Store;

pub(super) fn key(sourced_id: &str) -> u64 {
    xxh3_64(sourced_id.as_bytes())
}

/// What the roster looks like as a whole.
#[derive(Default)]
pub struct Survey {
    /// Everybody the roster mentions, with the number of their set of schools.
    present: HashMap<u64, u32>,
    /// In a delta: those it does not mention, from the store.
    others: HashMap<u64, u32>,
    /// Sets of schools, and the numbers they have.
    sets: Vec<Box<[String]>>,
    numbers: HashMap<Box<[String]>, u32>,
    /// Guardian and student, sorted.
    families: Vec<(u64, u64)>,
    /// Lines that say again what an earlier one of the sourcedId said.
    repeated: HashSet<u64>,
    /// sourcedIds with rows that differ.
    contradicted: HashSet<String>,
    /// Rows, of whatever use.
    pub records: u64,
    /// Rows whose sourcedId could not be read: their accounts may be among the archived.
    pub without_id: u64,
}

impl Survey {
    /// Whether the roster mentions a person.
    pub(super) fn mentions(&self, sourced_id: &str) -> bool {
        self.present.contains_key(&key(sourced_id))
    }

    /// Whether a row only says again what an earlier one said. If any other row of the sourcedId differs, none does.
    pub(super) fn is_repeated(&self, record: &Record<'_>) -> bool {
        record.line.is_some_and(|line| self.repeated.contains(&line))
            && !self.is_contradicted(record.sourced_id)
    }

    /// Whether rows of the sourcedId differ.
    pub(super) fn is_contradicted(&self, sourced_id: &str) -> bool {
        !self.contradicted.is_empty() && self.contradicted.contains(sourced_id)
    }

    /// A person's schools: their own and, for a guardian, those of the students, without repetition.
    pub(super) fn schools_of<'a>(
        &'a self,
        record: &Record<'a>,
        roles: &[String],
        today: &str,
    ) -> Vec<&'a str> {
        let mut schools = own_schools(record, today);
        if roles.iter().any(|role| roles::is_guardian(role)) {
            let guardian = key(record.sourced_id);
            let start = self.families.partition_point(|family| family.0 < guardian);
            for (_, student) in self.families[start..].iter().take_while(|family| family.0 == guardian) {
                let set = self.present.get(student).or_else(|| self.others.get(student));
                for school in set.into_iter().flat_map(|set| self.sets[*set as usize].iter()) {
                    if !schools.contains(&school.as_str()) {
                        schools.push(school);
                    }
                }
            }
        }
        schools
    }

    fn set_number(&mut self, schools: &[&str]) -> u32 {
        let set: Box<[String]> = schools.iter().map(|school| (*school).to_owned()).collect();
        if let Some(number) = self.numbers.get(&set) {
            return *number;
        }
        let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        number
    }

    /// Notes who is whose guardian, whichever of the two records says so.
    fn link(&mut self, sourced_id: &str, roles: RoleList<'_>, agents: IdList<'_>, today: &str) {
        let guardian = current_roles(roles, today).iter().any(|role| roles::is_guardian(role));
        for agent in agents.iter() {
            let (own, agent) = (key(sourced_id), key(agent));
            self.families.push(if guardian { (own, agent) } else { (agent, own) });
        }
    }
}

/// The roles held on a day, in their own spelling, primary first, without repetition.
pub(super) fn current_roles(roles: RoleList<'_>, today: &str) -> Vec<String> {
    let mut current = Vec::new();
    for assignment in roles.iter().filter(|assignment| assignment.holds_on(today)) {
        let role = roles::canonical(assignment.role);
        if !current.iter().any(|known| *known == role) {
            current.push(role.into_owned());
        }
    }
    current
}

/// The orgs of the roles held on a day and, where the format has them, of the user. If all roles have ended, those of
/// all: between two school years a child has no role, and its guardian's details must not change hands for that.
fn own_schools<'a>(record: &Record<'a>, today: &str) -> Vec<&'a str> {
    let none_held = !record.roles.iter().any(|assignment| assignment.holds_on(today));
    let held = record.roles.iter().filter(|assignment| none_held || assignment.holds_on(today));
    let mut schools: Vec<&str> = Vec::new();
    for school in held.filter_map(|assignment| assignment.org).chain(record.orgs.iter()) {
        if !schools.contains(&school) {
            schools.push(school);
        }
    }
    schools
}

/// Reads the roster once, completely, before anything is decided.
///
/// # Errors
/// Those of the source; `InputUnusable` if the roster names nobody, or nobody at any configured school.
pub fn survey(
    source: &dyn RosterSource,
    store: &Store,
    rules: &Rules,
    findings: &mut Findings,
    mut progress: impl FnMut(&Record<'_>) -> ControlFlow<()>,
) -> Result<Survey> {
    let mut survey = Survey::default();
    let today = rules.today.to_string();
    let mut doubles: HashSet<u64> = HashSet::new();
    let mut unreadable: HashSet<u64> = HashSet::new();
    let mut synced_school = rules.synced_schools.is_empty();
    source.read(findings, &mut |record| {
        survey.records += 1;
        if record.sourced_id.is_empty() {
            survey.without_id += 1;
        } else {
            let person = key(record.sourced_id);
            if record.defect.is_some() {
                unreadable.insert(person);
            }
            let usable = record.defect.is_none() && !record.deleted;
            let schools = if usable { own_schools(record, &today) } else { Vec::new() };
            synced_school |= schools.iter().any(|school| rules.synced_schools.contains(*school));
            if survey.present.contains_key(&person) {
                doubles.insert(person);
            }
            survey.put_schools(person, &schools);
            if usable {
                survey.link(record.sourced_id, record.roles, record.agents, &today);
            }
        }
        progress(record)
    })?;
    if survey.present.is_empty() {
        return Err(Failure::new(Kind::InputUnusable, "the roster names nobody: no row has a sourcedId")
            .at(source.name())
            .cure("have the export made again; nothing was changed"));
    }
    if !synced_school {
        return Err(Failure::new(Kind::InputUnusable, "no user in the roster is at any of the configured schools")
            .at(source.name())
            .cure("check `schools` in [sync] against orgs.csv, and that this is the right export; nothing was changed"));
    }
    if !doubles.is_empty() {
        survey.look_at_doubles(source, rules, &doubles, findings)?;
    }
    unreadable.extend(survey.contradicted.iter().map(|id| key(id)));
    let others = source.mode() != crate::roster::Mode::Bulk;
    if others || !unreadable.is_empty() {
        survey.take_in_the_store(store, others, &unreadable, &today)?;
    }
    survey.families.sort_unstable();
    survey.families.dedup();
    Ok(survey)
}

impl Survey {
    /// Compares the rows of each sourcedId that seems to have several.
    fn look_at_doubles(
        &mut self,
        source: &dyn RosterSource,
        rules: &Rules,
        doubles: &HashSet<u64>,
        findings: &mut Findings,
    ) -> Result<()> {
        // What the first usable row said; none for a row that cannot be compared.
        let mut first: HashMap<String, Option<(SisDetails, bool)>> = HashMap::new();
        source.read(&mut Findings::default(), &mut |record| {
            if record.sourced_id.is_empty() || !doubles.contains(&key(record.sourced_id)) {
                return ControlFlow::Continue(());
            }
            let said = record.defect.is_none().then(|| (SisDetails::of(record), record.deleted));
            match first.get(record.sourced_id) {
                None => {
                    first.insert(record.sourced_id.to_owned(), said);
                }
                Some(before) => {
                    let same = match (before, &said) {
                        (Some((a, gone)), Some((b, gone_too))) => {
                            gone == gone_too && same_in_normal_form(a, b, rules)
                        }
                        (None, _) | (_, None) => false,
                    };
                    if same {
                        self.repeated.extend(record.line);
                        findings.warn("repeated-row", "users.csv", record.line, Some("sourcedId"), || {
                            format!(
                                "sourcedId `{}` stands here again with the same details; counted once",
                                record.sourced_id
                            )
                        });
                    } else {
                        self.contradicted.insert(record.sourced_id.to_owned());
                    }
                }
            }
            ControlFlow::Continue(())
        })?;
        Ok(())
    }

    /// Adds schools to those of somebody in the roster. Of several rows all count: a school too many protects, one too
    /// few would give somebody's details to the sync.
    fn put_schools(&mut self, person: u64, schools: &[&str]) {
        let set = match self.present.get(&person) {
            None => self.set_number(schools),
            Some(before) => {
                let before = self.sets[*before as usize].clone();
                let mut all: Vec<&str> = before.iter().map(String::as_str).collect();
                all.extend(schools.iter().filter(|school| !before.iter().any(|known| known == **school)));
                self.set_number(&all)
            }
        };
        self.present.insert(person, set);
    }

    /// What the store knows of families and schools counts for those whom a delta does not mention, and for those whose
    /// record cannot be read: a broken row must not take a school from a family.
    fn take_in_the_store(
        &mut self,
        store: &Store,
        others: bool,
        unreadable: &HashSet<u64>,
        today: &str,
    ) -> Result<()> {
        store.each_sketch(|sketch| {
            let person = key(sketch.sourced_id);
            let mentioned = self.mentions(sketch.sourced_id);
            if sketch.archived || !(others && !mentioned || unreadable.contains(&person)) {
                return Ok(());
            }
            let record =
                Record { roles: RoleList(sketch.roles), orgs: IdList(sketch.orgs), ..Record::default() };
            let schools = own_schools(&record, today);
            if mentioned {
                self.put_schools(person, &schools);
            } else {
                let set = self.set_number(&schools);
                self.others.insert(person, set);
            }
            self.link(sketch.sourced_id, RoleList(sketch.roles), IdList(sketch.agents), today);
            Ok(())
        })
    }
}
