//! Last known schools: those of a person for whom the roster names none tonight, neither on the
//! person's own record nor through children. A guardian whose child has graduated, or all people
//! between two school years, stays as protected as before.
//!
//! They are kept in the store by person, also where there are none, until the roster names a school
//! again. What the store says of families is only read through on a night on which a person is
//! without a school for the first time.

use std::collections::{HashMap, HashSet};

use super::intake::Intake;
use super::schools::SchoolSets;
use super::{GONE, GUARDIAN, MENTIONED, NO_SET};
use crate::failure::Result;
use crate::roles;
use crate::roster::kept::key;
use crate::roster::{IdList, Mode, Record, RoleList, own_schools};
use crate::store::{Relative, Store};

#[derive(Debug, Default)]
pub struct LastSchools {
    pub(super) kept: Vec<(u64, String)>,
    /// People for whom the roster names schools again.
    pub(super) forgotten: Vec<u64>,
}

impl LastSchools {
    pub fn write(&self, store: &Store) -> Result<()> {
        for (person, schools) in &self.kept {
            store.put_last_schools(*person, schools)?;
        }
        for person in &self.forgotten {
            store.forget_last_schools(*person)?;
        }
        Ok(())
    }
}

/// What the store says of a person that is without a school.
#[derive(Default)]
struct Before {
    own: Option<u32>,
    students: Vec<u64>,
}

impl Intake {
    /// Gives their last known schools to people for whom the roster names none.
    pub(super) fn keep_last_schools(&mut self, store: &Store, mode: Mode, today: &str) -> Result<()> {
        let mut kept: HashMap<u64, u32> = HashMap::new();
        // Sets that no person of tonight may have are not among those of the roster.
        let mut known = SchoolSets::default();
        store.each_last_schools(|person, schools| {
            let schools: Vec<&str> =
                IdList(schools).iter().filter(|org| self.index.orgs.is_school(org)).collect();
            kept.insert(person, known.number(&schools));
        })?;
        let missing = self.index.missing.clone();
        let counts = |person: u32, marks: u8| {
            mode != Mode::Bulk
                || marks & (MENTIONED | GONE) == MENTIONED
                || missing.binary_search(&person).is_ok()
        };
        // People without a school of their own: guardians come after the others, whose children
        // they may be.
        let (mut alone, mut guardians) = (Vec::new(), Vec::new());
        for (number, (set, marks)) in (0_u32..).zip(self.index.sets_of.iter().zip(&self.index.marks)) {
            if *set == NO_SET
                || !self.index.sets.get(*set).is_empty()
                || !counts(number, *marks)
                || *marks & GONE != 0 && missing.binary_search(&number).is_err()
            {
                continue;
            }
            if marks & GUARDIAN == 0 { alone.push(number) } else { guardians.push(number) }
        }
        let mut used: HashSet<u64> = HashSet::new();
        let mut unknown: Vec<u32> = Vec::new();
        for person in alone {
            let key = self.index.people.key(person);
            match kept.get(&key) {
                Some(list) => {
                    self.index.sets_of[person as usize] = self.index.sets.number(&known.texts(*list));
                    used.insert(key);
                }
                None => unknown.push(person),
            }
        }
        let placed = self.guardians_with_schools();
        guardians.retain(|guardian| !placed[*guardian as usize]);
        let (had, new): (Vec<u32>, Vec<u32>) =
            guardians.into_iter().partition(|guardian| kept.contains_key(&self.index.people.key(*guardian)));
        // The store knows nothing of people that are new.
        let bystanders = store.has_bystanders()?;
        let is_stored =
            |intake: &Self, person: u32| bystanders || intake.index.people.account(person).is_some();
        if unknown.iter().chain(&new).any(|person| is_stored(self, *person)) {
            self.look_at_last_night(store, &unknown, &new, &kept, &mut known, today)?;
        }
        // Children may have been given theirs by now.
        let placed = self.guardians_with_schools();
        for guardian in had.into_iter().filter(|guardian| !placed[*guardian as usize]) {
            let key = self.index.people.key(guardian);
            self.index.sets_of[guardian as usize] = self.index.sets.number(&known.texts(kept[&key]));
            used.insert(key);
        }
        for person in unknown.into_iter().chain(new.into_iter().filter(|new| !placed[*new as usize])) {
            let schools = self.index.sets.get(self.index.sets_of[person as usize]).join(",");
            self.index.last_schools.kept.push((self.index.people.key(person), schools));
        }
        let named = |key: &u64| {
            let Some(number) = self.index.people.find(*key) else { return false };
            let person = number as usize;
            let marks = self.index.marks[person];
            self.index.sets_of[person] != NO_SET
                && counts(number, marks)
                && marks & GONE == 0
                && !used.contains(key)
        };
        self.index.last_schools.forgotten = kept.keys().copied().filter(|key| named(key)).collect();
        self.index.last_schools.forgotten.sort_unstable();
        Ok(())
    }

    fn guardians_with_schools(&self) -> Vec<bool> {
        let mut placed = vec![false; self.index.sets_of.len()];
        for (guardian, student) in &self.index.families {
            let set = self.index.sets_of[*student as usize];
            if set != NO_SET && !self.index.sets.get(set).is_empty() {
                placed[*guardian as usize] = true;
            }
        }
        placed
    }

    fn look_at_last_night(
        &mut self,
        store: &Store,
        alone: &[u32],
        guardians: &[u32],
        kept: &HashMap<u64, u32>,
        lists: &mut SchoolSets,
        today: &str,
    ) -> Result<()> {
        let mut before: HashMap<u64, Before> = HashMap::new();
        let keys = alone.iter().chain(guardians).map(|person| self.index.people.key(*person));
        before.extend(keys.map(|key| (key, Before::default())));
        let is_guardian: HashSet<u64> =
            guardians.iter().map(|person| self.index.people.key(*person)).collect();
        // Of all people: the schools, and whether the person has left.
        let mut own: HashMap<u64, (u32, bool)> = HashMap::new();
        store.each_relative(|known| {
            let Relative { sourced_id, archived, roles, orgs, agents, .. } = known;
            let person = key(sourced_id);
            let record = Record { roles: RoleList(roles), orgs: Some(IdList(orgs)), ..Record::default() };
            let schools = own_schools(&record, today);
            let schools: Vec<&str> =
                schools.into_iter().filter(|org| self.index.orgs.is_school(org)).collect();
            let set = match (schools.is_empty(), kept.get(&person)) {
                (true, Some(set)) => *set,
                _ => lists.number(&schools),
            };
            if let Some(before) = before.get_mut(&person) {
                before.own = Some(set);
            }
            if is_guardian.is_empty() {
                return Ok(());
            }
            own.insert(person, (set, archived));
            let guardian = |role: &str| roles::is_guardian(&roles::canonical(role));
            let as_guardian = record.roles.iter().any(|held| guardian(held.role));
            let as_student = record.roles.iter().any(|held| !guardian(held.role)) || !as_guardian;
            for agent in IdList(agents).iter().map(key) {
                if as_guardian && is_guardian.contains(&person) {
                    before.entry(person).or_default().students.push(agent);
                }
                if as_student && is_guardian.contains(&agent) {
                    before.entry(agent).or_default().students.push(person);
                }
            }
            Ok(())
        })?;
        for person in alone {
            if let Some(list) = before.get(&self.index.people.key(*person)).and_then(|before| before.own) {
                self.index.sets_of[*person as usize] = self.index.sets.number(&lists.texts(list));
            }
        }
        let placed = self.guardians_with_schools();
        for guardian in guardians.iter().filter(|guardian| !placed[**guardian as usize]) {
            let Some(before) = before.get_mut(&self.index.people.key(*guardian)) else { continue };
            before.students.sort_unstable();
            before.students.dedup();
            let mut schools: Vec<String> = Vec::new();
            let children = |gone: bool| {
                let students = before.students.iter().filter_map(|student| own.get(student));
                students.filter(move |(_, archived)| *archived == gone).map(|(set, _)| *set)
            };
            // Children that were there last night; only without any of them those who had left
            // before.
            for sets in [before.own.into_iter().chain(children(false)).collect(), children(true).collect()] {
                let sets: Vec<u32> = sets;
                for school in sets.iter().flat_map(|list| lists.texts(*list)) {
                    if !schools.iter().any(|known| known == school) {
                        schools.push(school.to_owned());
                    }
                }
                if !schools.is_empty() {
                    break;
                }
            }
            let schools: Vec<&str> = schools.iter().map(String::as_str).collect();
            self.index.sets_of[*guardian as usize] = self.index.sets.number(&schools);
        }
        Ok(())
    }
}
