//! Guardians and their students, and the schools that a guardian has through them. The rules are those of the sync.

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use super::People;
use crate::account::Account;
use crate::failure::Result;
use crate::roles;
use crate::roster::{EVERY, IdList, Record, RoleList};
use crate::roster::{current_roles, own_schools};
use crate::store::{Member, Store};

/// The guardians and students of a person, and which of them have an account.
#[derive(Debug, Clone, Default)]
pub struct Family {
    pub guardians: Vec<Member>,
    pub students: Vec<Member>,
}

/// Whether a record with these roles lists others as their guardian, and whether as their student.
pub(super) fn lists_as(roles: RoleList<'_>) -> (bool, bool) {
    let guardian = |role: &str| roles::is_guardian(&roles::canonical(role));
    let as_guardian = roles.iter().any(|role| guardian(role.role));
    let as_student = roles.iter().any(|role| !guardian(role.role)) || !as_guardian;
    (as_guardian, as_student)
}

/// Whether a record names another person among the links that may be used, or for emergencies.
pub(super) fn names_whom(member: &Member, sourced_id: &str) -> bool {
    let names = |list: &str| IdList(list).iter().any(|id| id == sourced_id);
    names(&member.agents) || names(&member.emergency)
}

/// Whether the lists of a guardian leave a link to a student usable that the student's record names.
fn may_be_used(emergency: &str, barred: &str, student: &str) -> bool {
    let has = |list: &str| !list.is_empty() && (IdList(list).has(student) || IdList(list).has(EVERY));
    !has(emergency) && !has(barred)
}

impl Family {
    /// Looks up the family of a person. A link counts if either of the two records has it.
    pub fn of(account: &Account, store: &Store) -> Result<Self> {
        let mut family = Self::default();
        let mut add = |member: &Member, as_student: bool, as_guardian: bool| {
            for (to, holds) in [(&mut family.students, as_student), (&mut family.guardians, as_guardian)] {
                if holds && !to.iter().any(|known: &Member| known.sourced_id == member.sourced_id) {
                    to.push(member.clone());
                }
            }
        };
        let (as_guardian, as_student) = lists_as(RoleList(&account.sis.roles));
        for id in IdList(&account.sis.agents).iter() {
            if let Some(member) = store.member(id)? {
                let is_guardian =
                    as_student && may_be_used(&member.emergency, &member.barred, &account.sourced_id);
                add(&member, as_guardian, is_guardian);
            }
        }
        for member in store.named_by(&account.sourced_id)? {
            if IdList(&member.agents).iter().any(|id| id == account.sourced_id) {
                let (as_guardian, as_student) = lists_as(RoleList(&member.roles));
                // The student's record may name an adult that may not be contacted about the student.
                let is_student = as_student
                    && may_be_used(&account.sis.emergency, &account.sis.barred, &member.sourced_id);
                add(&member, is_student, as_guardian);
            }
        }
        for members in [&mut family.guardians, &mut family.students] {
            members.sort_by(|a, b| a.sourced_id.cmp(&b.sourced_id));
        }
        Ok(family)
    }
}

/// The schools of a whole district's people. They are known by 64-bit hashes of their ids, so that a million take a few
/// words each; two that collide would show a school too many in a list.
pub struct Schools {
    names: Vec<String>,
    numbers: HashMap<String, u32>,
    own: HashMap<u64, Box<[u32]>>,
    /// Guardian and student, sorted.
    families: Vec<(u64, u64)>,
    /// Of people for whom the roster names none.
    last: HashMap<u64, Box<[u32]>>,
    others: HashSet<String>,
    today: String,
}

fn key(sourced_id: &str) -> u64 {
    xxh3_64(sourced_id.as_bytes())
}

impl Schools {
    /// Reads the families of all accounts that are not archived.
    pub fn read(people: &People<'_>) -> Result<Self> {
        let mut schools = Self {
            names: Vec::new(),
            numbers: HashMap::new(),
            own: HashMap::new(),
            families: Vec::new(),
            last: HashMap::new(),
            others: people.others.clone(),
            today: people.rules.today.to_string(),
        };
        let others = &people.others;
        // Links that may not be used, by guardian and student.
        let mut restricted: HashSet<(u64, u64)> = HashSet::new();
        people.store.each_relative(|relative| {
            if relative.archived {
                return Ok(());
            }
            let person = key(relative.sourced_id);
            let roles = RoleList(relative.roles);
            let record = Record { roles, orgs: Some(IdList(relative.orgs)), ..Record::default() };
            let today = schools.today.clone();
            let own: Vec<u32> = own_schools(&record, &today)
                .into_iter()
                .filter(|id| !others.contains(*id))
                .map(|id| schools.numbers(id))
                .collect();
            schools.own.insert(person, own.into());
            let (as_guardian, as_student) = lists_as(roles);
            for agent in IdList(relative.agents).iter().map(key) {
                if as_guardian {
                    schools.families.push((person, agent));
                }
                if as_student {
                    schools.families.push((agent, person));
                }
            }
            let others = IdList(relative.emergency).iter().chain(IdList(relative.barred).iter());
            restricted.extend(others.map(|student| (person, key(student))));
            Ok(())
        })?;
        if !restricted.is_empty() {
            let every = key(EVERY);
            schools.families.retain(|(guardian, student)| {
                !restricted.contains(&(*guardian, *student)) && !restricted.contains(&(*guardian, every))
            });
        }
        schools.families.sort_unstable();
        people.store.each_last_schools(|person, last| {
            let last: Vec<u32> = IdList(last)
                .iter()
                .filter(|id| !others.contains(*id))
                .map(|id| schools.numbers(id))
                .collect();
            schools.last.insert(person, last.into());
        })?;
        Ok(schools)
    }

    fn numbers(&mut self, id: &str) -> u32 {
        if let Some(number) = self.numbers.get(id) {
            return *number;
        }
        let number = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push(id.to_owned());
        self.numbers.insert(id.to_owned(), number);
        number
    }

    /// A person's schools: their own and, for a guardian, those of the students. If there are none, the last known ones.
    pub fn of(&self, account: &Account) -> Vec<String> {
        let record = account.sis.record(&account.sourced_id);
        let person = key(&account.sourced_id);
        let own = own_schools(&record, &self.today).into_iter().filter(|org| !self.others.contains(*org));
        let mut schools: Vec<String> = own.map(str::to_owned).collect();
        let last = |person: u64| self.last.get(&person).map(AsRef::as_ref).unwrap_or_default();
        if current_roles(record.roles, &self.today).iter().any(|role| roles::is_guardian(role)) {
            let start = self.families.partition_point(|family| family.0 < person);
            for (_, student) in self.families[start..].iter().take_while(|family| family.0 == person) {
                let theirs = match self.own.get(student) {
                    Some(own) if own.is_empty() => last(*student),
                    Some(own) => own,
                    None => &[],
                };
                for number in theirs {
                    let name = &self.names[*number as usize];
                    if !schools.contains(name) {
                        schools.push(name.clone());
                    }
                }
            }
        }
        if schools.is_empty() {
            schools.extend(last(person).iter().map(|number| self.names[*number as usize].clone()));
        }
        schools
    }
}
