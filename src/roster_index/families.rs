//! Families: who is whose guardian, and the schools and links of people whose rows do not say
//! everything.

use std::collections::HashMap;

use chrono::NaiveDate;

use super::intake::{FamilyRow, Intake, Link, RolesAndOrgs, marks_today};
use super::people::LookupHint;
use super::{LISTLESS, ORGLESS};
use crate::failure::Result;
use crate::roster::kept::key;
use crate::roster::{IdList, Mode, Record, RoleList, own_schools};
use crate::rules::Rules;
use crate::store::{Relative, Store};

#[derive(Clone, Copy)]
struct Lists<'a> {
    roles: RoleList<'a>,
    orgs: IdList<'a>,
    agents: IdList<'a>,
}

/// A person with an account that has left the roster.
struct Leaver {
    person: u32,
    meaning: RolesAndOrgs,
    agents: String,
    /// The keys of the students that the account is linked to.
    students: Vec<u64>,
    /// The accounts of the adults that are linked to the person.
    adults: Vec<i64>,
}

/// Stored orgs and links that are kept as well as those of a record, by person.
type KeptLists = HashMap<u32, (Option<String>, Option<String>)>;

impl Intake {
    /// Notes who is whose guardian, whichever of the two records says so. A person that is both a
    /// student and a parent may mean either.
    pub(super) fn link(&mut self, person: u32, meaning: RolesAndOrgs, agents: IdList<'_>) {
        let RolesAndOrgs { as_guardian, as_student, .. } = meaning;
        let as_student = as_student || !as_guardian;
        self.links.extend(agents.iter().map(|agent| Link {
            person,
            agent: key(agent),
            as_guardian,
            as_student,
        }));
    }

    /// Looks up the people whom others list as family. Many at once: each is somewhere else in
    /// memory, and the processor waits for several of them at the same time.
    pub(super) fn link_all(&mut self) {
        let mut links = std::mem::take(&mut self.links);
        self.link_count += links.len() as u64;
        let room = self.index.families.capacity() - self.index.families.len();
        if room < 2 * links.len() {
            // Not twice as much: of a million families that would be a lot of room that stays
            // empty.
            self.index.families.reserve_exact(2 * links.len() + self.index.families.len() / 8);
        }
        for Link { person, agent, as_guardian, as_student } in links.drain(..) {
            let mut hint = self.agents_hint;
            let agent = self.number(agent, &mut hint);
            self.agents_hint = hint;
            if as_guardian {
                self.index.families.push((person, agent));
            }
            if as_student {
                self.index.families.push((agent, person));
            }
        }
        self.links = links;
    }

    fn put_family(&mut self, person: u32, stored: Lists<'_>, today: &str) {
        let meaning = self.meaning_of(stored.roles, Some(stored.orgs), today, &mut String::new());
        self.put_set(person, meaning.set);
        self.link(person, meaning, stored.agents);
    }

    /// Takes in the families of the store: those of people whom a delta does not mention, and of
    /// people whose rows do not say everything.
    pub(super) fn ask_the_store(
        &mut self,
        store: &Store,
        mode: Mode,
        doubt: bool,
        today: &str,
    ) -> Result<()> {
        let listless = self.index.marks.iter().any(|marks| marks & (LISTLESS | ORGLESS) != 0);
        if mode == Mode::Bulk && !doubt && self.unsettled.is_empty() && !listless {
            return Ok(());
        }
        let mut unsettled = std::mem::take(&mut self.unsettled);
        let mut kept = KeptLists::new();
        store.each_relative(|relative| {
            let Relative { sourced_id, archived, roles, orgs, agents, .. } = relative;
            let stored = Lists { roles: RoleList(roles), orgs: IdList(orgs), agents: IdList(agents) };
            let key = key(sourced_id);
            let person = self.index.people.find(key);
            let rows = person.and_then(|person| unsettled.remove(&person).map(|rows| (person, rows)));
            match (rows, person.filter(|person| self.index.is_mentioned(*person))) {
                (Some((person, rows)), _) if mode == Mode::Delta && !rows.is_empty() => {
                    for row in rows {
                        self.put_delta(person, &row, stored, &mut kept, today);
                    }
                }
                (Some((person, rows)), _) => {
                    self.put_family(person, stored, today);
                    self.put_family_rows(person, rows, today);
                    self.mark_roles(person, stored.roles, today);
                }
                (None, Some(person)) => self.put_mentioned(person, stored, doubt, &mut kept, today),
                // A person that was archived because the row had no sourcedId may still be there.
                (None, None) if mode != Mode::Bulk && !archived || doubt => {
                    let person = self.number(key, &mut LookupHint::default());
                    let meaning = self.meaning_of(stored.roles, Some(stored.orgs), today, &mut String::new());
                    self.index.sets_of[person as usize] = meaning.set;
                    self.index.marks[person as usize] |= meaning.today;
                    if archived {
                        self.index.doubtful.insert(person);
                    }
                    self.link(person, meaning, stored.agents);
                }
                (None, None) => {}
            }
            Ok(())
        })?;
        for (person, rows) in unsettled {
            self.put_family_rows(person, rows, today);
        }
        for (person, (orgs, agents)) in kept {
            self.index.taken.entry(person).or_default().keep(orgs.as_deref(), agents.as_deref());
        }
        self.widen_sets();
        self.link_all();
        Ok(())
    }

    /// Takes in the people that have left the roster, and whose accounts are not archived for it yet:
    /// their schools and links count as the store has them.
    pub(super) fn take_in_missing(
        &mut self,
        mode: Mode,
        is_archived: impl Fn(u32) -> bool,
        (store, rules): (&Store, &Rules),
    ) -> Result<()> {
        if rules.archives_at_once() {
            return Ok(());
        }
        let today = rules.today.to_string();
        let index = &self.index;
        let has_left = |person: u32| match index.is_mentioned(person) {
            // What is said outright waits for nothing but a pause.
            true => !rules.paused.is_none() && index.is_gone(person) && !index.is_person_contradicted(person),
            false => mode == Mode::Bulk,
        };
        let waits =
            |person: u32| !index.is_mentioned(person) && !rules.is_missing_for_good(i64::from(person) + 1);
        let may_wait = |person: &u32| {
            !is_archived(*person) && has_left(*person) && (!rules.paused.is_none() || waits(*person))
        };
        let leavers: Vec<u32> = index.people.with_account().filter(may_wait).collect();
        let is_waiting: Vec<bool> = leavers.iter().map(|person| waits(*person)).collect();
        let mut adults = self.adults_of(&leavers, (store, rules))?;
        let mut guardians = Vec::new();
        for (person, waits) in leavers.into_iter().zip(is_waiting) {
            let known = store.account_by_id(i64::from(person) + 1)?;
            // A person that may have no account does not wait.
            let Some(known) = known.filter(|known| !rules.suppressed.contains(&known.sourced_id)) else {
                continue;
            };
            let (roles, orgs) = (RoleList(&known.sis.roles), IdList(&known.sis.orgs));
            let meaning = self.meaning_of(roles, Some(orgs), &today, &mut String::new());
            let leaver = Leaver {
                person,
                meaning,
                agents: known.sis.agents.clone(),
                students: known.links.unwrap_or_default(),
                adults: adults.remove(&person).unwrap_or_default(),
            };
            let until = rules.paused.archive(self.index.sets.texts(meaning.set));
            // A night at a paused school counts for no one, so the schools of a guardian are needed.
            if until.is_none() && meaning.as_guardian && !rules.paused.is_none() {
                guardians.push((leaver, waits));
            } else if waits || until.is_some() {
                self.put_missing(leaver, until);
            }
        }
        self.link_all();
        // A guardian is at the schools of the students as well.
        for (leaver, waits) in guardians {
            let agents: Vec<u64> = IdList(&leaver.agents).iter().map(key).collect();
            let students =
                agents.iter().chain(&leaver.students).filter_map(|key| self.index.people.find(*key));
            let sets = students.filter_map(|student| self.index.set_of(student));
            let schools: Vec<&str> = sets.flat_map(|set| self.index.sets.texts(set)).collect();
            let until = rules.paused.archive(schools);
            if waits || until.is_some() {
                self.put_missing(leaver, until);
            }
        }
        self.link_all();
        self.sort_missing();
        Ok(())
    }

    fn put_missing(&mut self, leaver: Leaver, until: Option<NaiveDate>) {
        let Leaver { person, meaning, agents, students, adults } = leaver;
        self.index.sets_of[person as usize] = meaning.set;
        self.index.marks[person as usize] |= meaning.today;
        self.link(person, meaning, IdList(&agents));
        for student in students {
            let student = self.number(student, &mut LookupHint::default());
            self.index.families.push((person, student));
        }
        let numbers = adults.iter().filter_map(|adult| u32::try_from(adult - 1).ok());
        self.index.families.extend(numbers.map(|adult| (adult, person)));
        self.index.missing.push(person);
        self.index.adults_of_missing.push(adults);
        if let Some(until) = until {
            self.index.paused.insert(person, until);
        }
    }

    fn sort_missing(&mut self) {
        let (missing, adults) = (&mut self.index.missing, &mut self.index.adults_of_missing);
        let mut all: Vec<(u32, Vec<i64>)> = missing.drain(..).zip(adults.drain(..)).collect();
        all.sort_unstable_by_key(|(person, _)| *person);
        (*missing, *adults) = all.into_iter().unzip();
    }

    /// Adds the schools and links of the store to those of people at paused schools, whatever the roster
    /// says of them tonight: nothing is taken away meanwhile.
    pub(super) fn keep_at_paused_schools(&mut self, (store, rules): (&Store, &Rules)) -> Result<()> {
        if rules.paused.schools.is_empty() {
            return Ok(());
        }
        let today = rules.today.to_string();
        store.each_relative(|known| {
            let Some(person) = self.index.people.find(key(known.sourced_id)) else { return Ok(()) };
            if !self.index.is_mentioned(person) || self.index.is_gone(person) || known.archived {
                return Ok(());
            }
            let (roles, orgs, agents) = (RoleList(known.roles), IdList(known.orgs), IdList(known.agents));
            let stored = self.meaning_of(roles, Some(orgs), &today, &mut String::new()).set;
            let own = self.index.set_of(person).into_iter().chain([stored]);
            let schools: Vec<&str> = own.flat_map(|set| self.index.sets.texts(set)).collect();
            if rules.paused.left_alone(schools).is_some() {
                self.put_family(person, Lists { roles, orgs, agents }, &today);
            }
            Ok(())
        })?;
        self.widen_sets();
        self.link_all();
        Ok(())
    }

    /// The adults that are linked to people that are missing. Those of people that are missing for the
    /// first time are looked up.
    fn adults_of(&self, waiting: &[u32], (store, rules): (&Store, &Rules)) -> Result<HashMap<u32, Vec<i64>>> {
        let mut adults: HashMap<u32, Vec<i64>> = HashMap::new();
        let mut new: HashMap<u64, u32> = HashMap::new();
        for person in waiting {
            match rules.missing.get(&(i64::from(*person) + 1)) {
                Some(missing) => drop(adults.insert(*person, missing.adults.clone())),
                None => drop(new.insert(self.index.people.key(*person), *person)),
            }
        }
        if !new.is_empty() {
            store.each_linked(|adult, students| {
                for student in students.filter_map(|key| new.get(&key)) {
                    adults.entry(*student).or_default().push(adult);
                }
            })?;
        }
        Ok(adults)
    }

    fn mark_roles(&mut self, person: u32, roles: RoleList<'_>, today: &str) {
        self.index.marks[person as usize] |= marks_today(roles, today);
    }

    /// Takes in one row of a delta: what it does not say stands as the store has it.
    fn put_delta(
        &mut self,
        person: u32,
        row: &FamilyRow,
        stored: Lists<'_>,
        kept: &mut KeptLists,
        today: &str,
    ) {
        let said = RoleList(&row.roles);
        let placed = stored.roles.at(stored.orgs, said);
        let stored = match &placed {
            Some(roles) => Lists { roles: RoleList(roles), orgs: IdList(""), ..stored },
            None => stored,
        };
        let roles = stored.roles.after(said);
        let list = |own: &Option<String>, partly: bool, stored: IdList<'_>| match own {
            Some(own) if partly => stored.with(IdList(own)),
            Some(own) => own.clone(),
            None => stored.0.to_owned(),
        };
        let orgs = list(&row.orgs, row.orgs_partly, stored.orgs);
        let agents = list(&row.agents, row.agents_partly, stored.agents);
        let whole = Lists { roles: RoleList(&roles), orgs: IdList(&orgs), agents: IdList(&agents) };
        self.put_family(person, whole, today);
        self.mark_roles(person, whole.roles, today);
        if row.orgs_partly || row.agents_partly {
            kept.insert(person, (row.orgs_partly.then_some(orgs), row.agents_partly.then_some(agents)));
        }
    }

    /// Takes in a person whose row says everything but the schools or the links. With `doubt` it
    /// may lack others as well.
    fn put_mentioned(
        &mut self,
        person: u32,
        stored: Lists<'_>,
        doubt: bool,
        kept: &mut KeptLists,
        today: &str,
    ) {
        let Lists { roles, orgs, agents } = stored;
        let marks = self.index.marks[person as usize];
        if doubt {
            self.put_family(person, stored, today);
        } else if marks & (LISTLESS | ORGLESS) != 0 {
            let meaning = self.meaning_of(roles, Some(orgs), today, &mut String::new());
            if marks & LISTLESS != 0 && !agents.0.is_empty() {
                self.link(person, meaning, agents);
            }
            if marks & ORGLESS != 0 {
                self.put_set(person, meaning.set);
            }
        }
        // The roles of 1.2 name the schools, and those of tonight do not name them all.
        let unsaid = roles.iter().any(|held| held.org.is_some());
        let partly = self.index.taken.contains_key(&person);
        let own = Record { roles, orgs: Some(orgs), ..Record::default() };
        let lists = (
            (marks & ORGLESS != 0 && (unsaid || partly)).then(|| own_schools(&own, today).join(",")),
            (partly && marks & LISTLESS != 0).then(|| agents.0.to_owned()),
        );
        if lists.0.is_some() || lists.1.is_some() {
            kept.insert(person, lists);
        }
    }

    fn put_family_rows(&mut self, person: u32, rows: Vec<FamilyRow>, today: &str) {
        for row in rows {
            let list = |list: &Option<String>| list.clone().unwrap_or_default();
            let (orgs, agents) = (list(&row.orgs), list(&row.agents));
            if row.roles.is_empty() && orgs.is_empty() && agents.is_empty() {
                continue;
            }
            let row = Lists { roles: RoleList(&row.roles), orgs: IdList(&orgs), agents: IdList(&agents) };
            self.put_family(person, row, today);
        }
    }
}
