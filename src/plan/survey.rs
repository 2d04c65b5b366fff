//! The first look at the roster: who is in it, who is in it twice, and which schools come to a guardian through the
//! students. Decisions about one person need this of all the others.
//!
//! A school can protect a person's details (`update_contacts` is off there), so none may get lost on the way: where a
//! record is not the whole word (a delta, a row that cannot be read, rows that differ, roles that are missing), what the
//! store knows of the family counts as well.
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
use crate::roster::{IdList, Mode, Record, RoleList};
use crate::source::RosterSource;
use crate::store::{Relative, Store};

pub(super) fn key(sourced_id: &str) -> u64 {
    xxh3_64(sourced_id.as_bytes())
}

/// What one row says of a person's family, kept until it is held against what the store knows.
#[derive(Default)]
struct Said {
    roles: String,
    orgs: Option<String>,
    agents: Option<String>,
}

/// What the roster looks like as a whole.
#[derive(Default)]
pub struct Survey {
    /// Everybody the roster mentions, with the number of their set of schools.
    present: HashMap<u64, u32>,
    /// Those it does not mention and who count all the same: in a delta, and where some row names nobody.
    others: HashMap<u64, u32>,
    /// Those whose rows are not the whole word.
    unsettled: HashMap<u64, Vec<Said>>,
    /// Those who list nobody because their row, or the file, has no place for it.
    listless: HashSet<u64>,
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
    pub fn mentions(&self, sourced_id: &str) -> bool {
        self.present.contains_key(&key(sourced_id))
    }

    /// Whether a row only says again what an earlier one said. If any other row of the sourcedId differs, none does.
    pub(super) fn is_repeated(&self, record: &Record<'_>) -> bool {
        !self.repeated.is_empty()
            && record.line.is_some_and(|line| self.repeated.contains(&line))
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
        let person = key(record.sourced_id);
        let mut schools = match self.set_of(person) {
            Some(set) => set.iter().map(String::as_str).collect(),
            None => own_schools(record, today),
        };
        if roles.iter().any(|role| roles::is_guardian(role)) {
            let start = self.families.partition_point(|family| family.0 < person);
            for (_, student) in self.families[start..].iter().take_while(|family| family.0 == person) {
                for school in self.set_of(*student).into_iter().flatten() {
                    if !schools.contains(&school.as_str()) {
                        schools.push(school);
                    }
                }
            }
        }
        schools
    }

    fn set_of(&self, person: u64) -> Option<&[String]> {
        let number = self.present.get(&person).or_else(|| self.others.get(&person))?;
        Some(&self.sets[*number as usize])
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

    /// Notes who is whose guardian, whichever of the two records says so. Somebody who is both a student and a parent may
    /// mean either.
    fn link(&mut self, person: u64, roles: RoleList<'_>, agents: IdList<'_>) {
        if agents.is_empty() {
            return;
        }
        let guardian = |role: &str| roles::is_guardian(&roles::canonical(role));
        let (mut as_guardian, mut as_student) = (false, false);
        for assignment in roles.iter() {
            match guardian(assignment.role) {
                true => as_guardian = true,
                false => as_student = true,
            }
        }
        for agent in agents.iter().map(key) {
            if as_guardian {
                self.families.push((person, agent));
            }
            if as_student || !as_guardian {
                self.families.push((agent, person));
            }
        }
    }

    /// Takes in what is said of a person's family.
    fn put_family(
        &mut self,
        person: u64,
        roles: RoleList<'_>,
        orgs: IdList<'_>,
        agents: IdList<'_>,
        today: &str,
    ) {
        let record = Record { roles, orgs: Some(orgs), ..Record::default() };
        let schools = own_schools(&record, today);
        self.put_schools(person, &schools);
        self.link(person, roles, agents);
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
    for school in held.filter_map(|assignment| assignment.org).chain(record.orgs.unwrap_or_default().iter()) {
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
    let mode = source.mode();
    let mut doubles: HashSet<u64> = HashSet::new();
    // A delta may well be about other schools only; it archives nobody for that.
    let mut synced_school = rules.synced_schools.is_empty() || mode == Mode::Delta;
    source.read(findings, &mut |record| {
        survey.records += 1;
        if record.sourced_id.is_empty() {
            survey.without_id += 1;
        } else {
            let person = key(record.sourced_id);
            if survey.present.contains_key(&person) {
                doubles.insert(person);
            }
            survey.take_in(record, person, mode, &today);
            if !synced_school {
                let schools = own_schools(record, &today);
                synced_school = schools.iter().any(|school| rules.synced_schools.contains(*school));
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
        return Err(Failure::new(
            Kind::InputUnusable,
            "no user in the roster is at any of the configured schools",
        )
        .at(source.name())
        .cure(
            "check `schools` in [sync] against orgs.csv, and that this is the right export; nothing was changed",
        ));
    }
    if !doubles.is_empty() {
        survey.look_at_doubles(source, rules, &doubles, findings)?;
    }
    // A row that names nobody may be about anybody: then nobody loses what is known of them.
    let doubt = source.names_nobody_somewhere() || survey.without_id > 0;
    survey.ask_the_store(store, mode, doubt, &today)?;
    survey.families.sort_unstable();
    survey.families.dedup();
    Ok(survey)
}

impl Survey {
    /// Takes in one row: at once if it is the whole word on the person, otherwise to be held against the store.
    fn take_in(&mut self, record: &Record<'_>, person: u64, mode: Mode, today: &str) {
        let gone = record.deleted && record.defect.is_none() && mode != Mode::Unknown;
        let whole = mode == Mode::Bulk && record.defect.is_none() && !record.roles.0.is_empty();
        if gone {
            self.put_schools(person, &[]);
        } else if whole {
            let (orgs, agents) = (record.orgs.unwrap_or_default(), record.agents.unwrap_or_default());
            self.put_family(person, record.roles, orgs, agents, today);
            if record.agents.is_none() {
                self.listless.insert(person);
            }
        } else {
            self.put_schools(person, &[]);
            let own = |list: Option<IdList<'_>>| list.map(|list| list.0.to_owned());
            let said = match record.defect {
                Some(_) => Said::default(),
                None => Said {
                    roles: record.roles.0.to_owned(),
                    orgs: own(record.orgs),
                    agents: own(record.agents),
                },
            };
            self.unsettled.entry(person).or_default().push(said);
        }
    }

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
        for id in &self.contradicted {
            self.unsettled.entry(key(id)).or_default();
        }
        Ok(())
    }

    /// Settles what the roster alone cannot: the store's word on families, for those whom a delta does not mention, and
    /// for those whose rows are not the whole word.
    fn ask_the_store(&mut self, store: &Store, mode: Mode, doubt: bool, today: &str) -> Result<()> {
        if mode == Mode::Bulk && !doubt && self.unsettled.is_empty() && self.listless.is_empty() {
            return Ok(());
        }
        let mut unsettled = std::mem::take(&mut self.unsettled);
        let listless = std::mem::take(&mut self.listless);
        store.each_relative(|known| {
            let Relative { sourced_id, archived, roles, orgs, agents } = known;
            let (roles, orgs, agents) = (RoleList(roles), IdList(orgs), IdList(agents));
            let person = key(sourced_id);
            match unsettled.remove(&person) {
                Some(said) if mode == Mode::Delta && !said.is_empty() => {
                    for said in said {
                        let roles = roles.after(RoleList(&said.roles));
                        let orgs = said.orgs.as_deref().map_or(orgs, IdList);
                        let agents = said.agents.as_deref().map_or(agents, IdList);
                        self.put_family(person, RoleList(&roles), orgs, agents, today);
                    }
                }
                Some(said) => {
                    self.put_family(person, roles, orgs, agents, today);
                    self.put_said(person, said, today);
                }
                None if self.present.contains_key(&person) => {
                    if doubt {
                        self.put_family(person, roles, orgs, agents, today);
                    } else if listless.contains(&person) {
                        self.link(person, roles, agents);
                    }
                }
                // Whoever was archived because their row names nobody may still be there.
                None if mode != Mode::Bulk && !archived || doubt => {
                    let record = Record { roles, orgs: Some(orgs), ..Record::default() };
                    let set = self.set_number(&own_schools(&record, today));
                    self.others.insert(person, set);
                    self.link(person, roles, agents);
                }
                None => {}
            }
            Ok(())
        })?;
        for (person, said) in unsettled {
            self.put_said(person, said, today);
        }
        Ok(())
    }

    fn put_said(&mut self, person: u64, said: Vec<Said>, today: &str) {
        for said in said {
            let list = |list: &Option<String>| list.clone().unwrap_or_default();
            let (orgs, agents) = (list(&said.orgs), list(&said.agents));
            self.put_family(person, RoleList(&said.roles), IdList(&orgs), IdList(&agents), today);
        }
    }
}
