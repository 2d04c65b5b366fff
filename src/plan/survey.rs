//! The first look at the roster: it is read, once, and kept; who is in it, who is in it twice, and which schools come to a
//! guardian through the students. Decisions about one person need this of all the others.
//!
//! A school can protect a person's details (`update_contacts` is off there), so none may get lost on the way: where a
//! record is not the whole word (a delta, a row that cannot be read, rows that differ, roles that are missing), what the
//! store knows of the family counts as well.
//!
//! People are known here by number ([`Directory`]), and a set of schools by a number as well, so that a million people take
//! a few words each.

mod read;
mod settle;

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::known::{Directory, Known, Memory, Near};
use super::texts::Texts;
use crate::roles;
use crate::roster::kept::key;
use crate::roster::{IdList, Record, RoleList, distinct};
use crate::spool::Spool;

pub use read::{Surveyed, survey};

/// What one row says of a person's family, kept until it is held against what the store knows.
#[derive(Default)]
struct Said {
    roles: String,
    orgs: Option<String>,
    agents: Option<String>,
}

/// A record without a sourcedId.
const NOBODY: u32 = u32::MAX;
/// Sign of a record that is the one on which its person was decided last.
const AS_REMEMBERED: u32 = 1 << 31;

/// Somebody without a set of schools: nobody has said anything of theirs.
const NO_SET: u32 = u32::MAX;

/// The roster mentions this person.
const MENTIONED: u8 = 1;
/// Lists nobody because their row, or the file, has no place for it.
const LISTLESS: u8 = 2;
/// Is a guardian today.
const GUARDIAN: u8 = 4;

/// What a way to write roles and orgs comes to.
#[derive(Clone, Copy)]
struct Way {
    set: u32,
    /// Guardian; something else.
    as_guardian: bool,
    as_student: bool,
    /// Guardian, in a role that is held today.
    guardian_today: bool,
}

/// What somebody lists as family.
struct Link {
    person: u32,
    /// Key of the other.
    agent: u64,
    /// The person is the guardian; the other is.
    as_guardian: bool,
    as_student: bool,
}

/// What the roster looks like as a whole.
pub struct Survey {
    pub(super) directory: Directory,
    pub(super) memory: Memory,
    /// Every record, as it was read.
    pub(super) roster: Spool,
    /// How many each of its blocks has.
    pub(super) blocks: Vec<u32>,
    /// The person of each record, with [`AS_REMEMBERED`].
    people_of: Vec<u32>,
    /// The number of each person's set of schools: of those whom the roster mentions and, in a delta and where some row
    /// names nobody, of all whom the store knows.
    sets_of: Vec<u32>,
    marks: Vec<u8>,
    /// Those whose rows are not the whole word.
    unsettled: HashMap<u32, Vec<Said>>,
    /// Sets of schools, a hash of each, and the numbers they have.
    sets: Vec<Box<[String]>>,
    set_hashes: Vec<u64>,
    numbers: HashMap<Box<[String]>, u32>,
    ways: Texts<Way>,
    /// Guardian and student, sorted.
    families: Vec<(u32, u32)>,
    /// Family that has not been looked up yet, and where the last one was found.
    links: Vec<Link>,
    agents_near: Near,
    /// Records that say again what an earlier one of the sourcedId said.
    repeated: HashSet<u32>,
    /// sourcedIds with rows that differ, and whose they are.
    contradicted: HashSet<String>,
    contradicted_people: HashSet<u32>,
    /// Rows, of whatever use.
    pub records: u64,
    /// Rows whose sourcedId could not be read: their accounts may be among the archived.
    pub without_id: u64,
    /// People whom the roster mentions.
    people: u64,
    /// What a record does not say of roles and schools may have been lost on the way, so it is not forgotten.
    pub(super) unclear: bool,
}

impl Survey {
    fn new(known: Known) -> Self {
        let Known { directory, memory, .. } = known;
        Self {
            sets_of: vec![NO_SET; directory.len()],
            marks: vec![0; directory.len()],
            memory,
            roster: Spool::default(),
            blocks: Vec::new(),
            families: Vec::with_capacity(directory.len() / 2),
            // Most nights have about as many records as there are accounts.
            people_of: Vec::with_capacity(directory.len() + directory.len() / 16),
            unsettled: HashMap::new(),
            sets: Vec::new(),
            set_hashes: Vec::new(),
            numbers: HashMap::new(),
            ways: Texts::default(),
            links: Vec::new(),
            agents_near: Near::default(),
            directory,
            repeated: HashSet::new(),
            contradicted: HashSet::new(),
            contradicted_people: HashSet::new(),
            records: 0,
            without_id: 0,
            people: 0,
            unclear: false,
        }
    }

    /// The person of a record, by its place in the roster; none if it has no sourcedId.
    pub(super) fn person_of(&self, place: u32) -> Option<u32> {
        self.people_of.get(place as usize).copied().and_then(person)
    }

    /// How many records there are.
    pub(super) fn places(&self) -> usize {
        self.people_of.len()
    }

    /// The person of a record if it is the one on which that person was decided last, as far as the record goes.
    pub(super) fn person_as_remembered(&self, place: u32) -> Option<u32> {
        let entry = self.people_of.get(place as usize).copied()?;
        person(entry).filter(|_| entry & AS_REMEMBERED != 0)
    }

    /// Whether the roster mentions a person.
    pub fn mentions(&self, sourced_id: &str) -> bool {
        self.directory.find(key(sourced_id)).is_some_and(|number| self.is_mentioned(number))
    }

    /// Whether the store or the roster knows a person, by the key of the sourcedId.
    pub fn knows(&self, key: u64) -> bool {
        let known = |number| self.is_mentioned(number) || self.directory.account(number).is_some();
        self.directory.find(key).is_some_and(known)
    }

    pub(super) fn is_mentioned(&self, number: u32) -> bool {
        let number = self.directory.found_as(number);
        self.marks.get(number as usize).is_some_and(|marks| marks & MENTIONED != 0)
    }

    /// Whether a record only says again what an earlier one said. If any other of the sourcedId differs, none does.
    pub(super) fn is_repeated(&self, place: u32) -> bool {
        !self.repeated.is_empty()
            && self.repeated.contains(&place)
            && !self.person_of(place).is_some_and(|person| self.is_person_contradicted(person))
    }

    pub(super) fn is_person_contradicted(&self, person: u32) -> bool {
        !self.contradicted_people.is_empty() && self.contradicted_people.contains(&person)
    }

    /// Whether rows of the sourcedId differ.
    pub(super) fn is_contradicted(&self, sourced_id: &str) -> bool {
        !self.contradicted.is_empty() && self.contradicted.contains(sourced_id)
    }

    /// A person's schools: their own and, for a guardian, those of the students, without repetition.
    pub(super) fn schools_of<'a>(
        &'a self,
        person: Option<u32>,
        record: &Record<'a>,
        roles: &[String],
        today: &str,
    ) -> Vec<&'a str> {
        let own = person.and_then(|person| self.set_of(person));
        let mut schools: Vec<&str> = match own {
            Some(set) => self.sets[set as usize].iter().map(String::as_str).collect(),
            None => own_schools(record, today),
        };
        if let Some(person) = person
            && roles.iter().any(|role| roles::is_guardian(role))
        {
            let sets = self.students_sets(person);
            let theirs = sets.iter().flat_map(|set| &self.sets[*set as usize]).map(String::as_str);
            schools = distinct(schools.into_iter().chain(theirs));
        }
        schools
    }

    /// A hash of all that a person's schools depend on; if they are those of one set, that set.
    pub(super) fn schools_hash(&self, person: u32, guardian: bool) -> (u64, Option<u32>) {
        let own = self.set_of(person);
        let hash_of = |set: Option<u32>| set.map_or(0, |set| self.set_hashes[set as usize]);
        if !guardian {
            return (hash_of(own), own);
        }
        let students = self.students_sets(person);
        if students.iter().all(|set| Some(*set) == own) {
            return (hash_of(own), own);
        }
        let hashes: Vec<u8> = std::iter::once(hash_of(own))
            .chain(students.iter().map(|set| self.set_hashes[*set as usize]))
            .flat_map(u64::to_le_bytes)
            .collect();
        (xxh3_64(&hashes), None)
    }

    /// The numbers of the sets that a person's schools are made of: the own one and, for a guardian, those of the students.
    pub(super) fn sets_of_family(&self, person: u32) -> Vec<u32> {
        let guardian = self.marks.get(person as usize).is_some_and(|marks| marks & GUARDIAN != 0);
        let mut sets = if guardian { self.students_sets(person) } else { Vec::new() };
        sets.extend(self.set_of(person));
        sets
    }

    /// Whether some user of the roster is at a school, or some account that it does not mention and that is not archived for
    /// that.
    pub fn knows_school(&self, id: &str) -> bool {
        self.sets.iter().any(|set| set.iter().any(|school| school == id))
    }

    /// Stands for a person's schools, and whether the roster may lack some.
    pub(super) fn schools_print(&self, person: u32) -> u64 {
        let guardian = self.marks.get(person as usize).is_some_and(|marks| marks & GUARDIAN != 0);
        let (schools, _) = self.schools_hash(person, guardian);
        schools ^ u64::from(self.unclear).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    }

    /// The schools of a set.
    pub(super) fn set(&self, set: u32) -> &[String] {
        &self.sets[set as usize]
    }

    pub(super) fn sets(&self) -> usize {
        self.sets.len()
    }

    /// The sets of a guardian's students, each once. In the order of the students' keys, so that it does not depend on who
    /// came first.
    fn students_sets(&self, person: u32) -> Vec<u32> {
        let start = self.families.partition_point(|family| family.0 < person);
        let family = self.families[start..].iter().take_while(|family| family.0 == person);
        let mut students: Vec<u32> = family.map(|(_, student)| *student).collect();
        if students.len() > 1 {
            students.sort_unstable_by_key(|student| self.directory.key(*student));
        }
        let mut sets = Vec::with_capacity(students.len());
        for set in students.into_iter().filter_map(|student| self.set_of(student)) {
            if !sets.contains(&set) {
                sets.push(set);
            }
        }
        sets
    }

    fn set_of(&self, person: u32) -> Option<u32> {
        self.sets_of.get(person as usize).copied().filter(|set| *set != NO_SET)
    }

    fn set_number(&mut self, schools: &[&str]) -> u32 {
        let set: Box<[String]> = schools.iter().map(|school| (*school).to_owned()).collect();
        if let Some(number) = self.numbers.get(&set) {
            return *number;
        }
        let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        let text = schools.iter().fold(String::new(), |text, school| text + school + "\n");
        self.set_hashes.push(xxh3_64_with_seed(text.as_bytes(), schools.len() as u64 + 1));
        self.sets.push(set.clone());
        self.numbers.insert(set, number);
        number
    }

    /// Gives somebody the next number, or the one they have.
    fn number(&mut self, key: u64, near: &mut Near) -> u32 {
        let number = self.directory.number(key, near);
        if self.sets_of.len() < self.directory.len() {
            self.sets_of.push(NO_SET);
            self.marks.push(0);
        }
        number
    }

    /// Adds schools to those of somebody in the roster. Of several rows all count: a school too many protects, one too
    /// few would give somebody's details to the sync.
    fn put_set(&mut self, person: u32, set: u32) {
        let before = self.sets_of[person as usize];
        let all = if before == NO_SET || before == set {
            set
        } else {
            let (before, more) = (self.sets[before as usize].clone(), self.sets[set as usize].clone());
            self.set_number(&distinct(before.iter().chain(&more).map(String::as_str)))
        };
        self.sets_of[person as usize] = all;
        self.marks[person as usize] |= MENTIONED;
    }

    fn put_schools(&mut self, person: u32, schools: &[&str]) {
        let set = self.set_number(schools);
        self.put_set(person, set);
    }

    /// Notes who is whose guardian, whichever of the two records says so. Somebody who is both a student and a parent may
    /// mean either.
    fn link(&mut self, person: u32, way: Way, agents: IdList<'_>) {
        let Way { as_guardian, as_student, .. } = way;
        let as_student = as_student || !as_guardian;
        self.links.extend(agents.iter().map(|agent| Link {
            person,
            agent: key(agent),
            as_guardian,
            as_student,
        }));
    }

    /// What roles and orgs come to. Most of a school's people write them alike.
    fn way(&mut self, roles: RoleList<'_>, orgs: IdList<'_>, today: &str, scratch: &mut String) -> Way {
        scratch.clear();
        scratch.push_str(roles.0);
        scratch.push('\u{1}');
        scratch.push_str(orgs.0);
        if let Some(way) = self.ways.get(scratch) {
            return *way;
        }
        let record = Record { roles, orgs: Some(orgs), ..Record::default() };
        let set = self.set_number(&own_schools(&record, today));
        let guardian = |role: &str| roles::is_guardian(&roles::canonical(role));
        let way = Way {
            set,
            as_guardian: roles.iter().any(|assignment| guardian(assignment.role)),
            as_student: roles.iter().any(|assignment| !guardian(assignment.role)),
            guardian_today: is_guardian_today(roles, today),
        };
        self.ways.put(scratch, way);
        way
    }

    /// Takes in what is said of a person's family.
    fn put_family(
        &mut self,
        person: u32,
        roles: RoleList<'_>,
        orgs: IdList<'_>,
        agents: IdList<'_>,
        today: &str,
    ) {
        let way = self.way(roles, orgs, today, &mut String::new());
        self.put_set(person, way.set);
        self.link(person, way, agents);
    }
}

/// The roles held on a day, in their own spelling, primary first, without repetition.
pub fn current_roles(roles: RoleList<'_>, today: &str) -> Vec<String> {
    let mut current = Vec::new();
    for assignment in roles.iter().filter(|assignment| assignment.holds_on(today)) {
        let role = roles::canonical(assignment.role);
        if !current.iter().any(|known| *known == role) {
            current.push(role.into_owned());
        }
    }
    current
}

fn is_guardian_today(roles: RoleList<'_>, today: &str) -> bool {
    current_roles(roles, today).iter().any(|role| roles::is_guardian(role))
}

/// The person of an entry of [`Survey::people_of`].
fn person(entry: u32) -> Option<u32> {
    (entry != NOBODY).then_some(entry & !AS_REMEMBERED)
}

/// Stands for a record, the rules, and what of the day matters to the record: whether the roles that have dates are held, or have
/// ended. `hash` is that of the record, with the rules in it.
pub(super) fn record_print(hash: u64, roles: RoleList<'_>, today: &str) -> u64 {
    let mut print = hash;
    if roles.0.contains('\t') {
        let dates = roles.iter().fold(1_u64, |dates, role| {
            let ended = role.end.is_some_and(|end| end < today);
            dates.rotate_left(2)
                ^ dates.wrapping_mul(0x9E37_79B9_7F4A_7C15)
                ^ u64::from(role.holds_on(today))
                ^ (u64::from(ended) << 1)
        });
        print = xxh3_64_with_seed(&dates.to_le_bytes(), hash);
    }
    // 0 says that there is none.
    print.max(1)
}

/// The orgs of the roles held on a day and, where the format has them, of the user. If all roles have ended, those of
/// all: between two school years a child has no role, and its guardian's details must not change hands for that.
pub fn own_schools<'a>(record: &Record<'a>, today: &str) -> Vec<&'a str> {
    let none_held = !record.roles.iter().any(|assignment| assignment.holds_on(today));
    let held = record.roles.iter().filter(|assignment| none_held || assignment.holds_on(today));
    distinct(held.filter_map(|assignment| assignment.org).chain(record.orgs.unwrap_or_default().iter()))
}
