//! The roster, read once, and what decisions about one person need to know of all the others: which
//! people are in it, which are in it twice, and which schools come to a guardian through the
//! students.
//!
//! The `intake` reads the roster and finishes into a [`RosterIndex`], which nothing changes any
//! more. It refuses a roster that cannot be used, but knows no policy and decides about no person.
//!
//! A school can protect a person's details (`update_contacts` is off there), so none may get lost.
//! Where a record is incomplete (a delta, a row that cannot be read, rows that differ, roles that
//! are missing), the schools and links that the store has count as well.
//!
//! People and sets of schools are numbers here, so that a million people take a few words each.

mod class_lists;
mod columns;
mod doubles;
mod families;
mod intake;
mod last_schools;
mod link_classes;
mod links;
mod lists;
mod orgs;
mod people;
mod schools;
mod schools_before;
mod tallies;

use std::collections::{HashMap, HashSet};

use chrono::NaiveDate;
use xxhash_rust::xxh3::xxh3_64;

use self::orgs::Orgs;
use self::schools::SchoolSets;
use crate::failure::Result;
use crate::history::Night;
use crate::roles;
use crate::roster::kept::{self, key};
use crate::roster::{IdList, Record, RoleList, distinct, own_schools};
use crate::spool::Spool;

pub use intake::{Read, read, read_again};
pub use last_schools::LastSchools;
pub use links::Names;
pub use people::{LookupHint, PersonIndex};
pub use schools_before::SchoolsBefore;

/// A record without a sourcedId.
const NO_PERSON: u32 = u32::MAX;

/// The set of schools of a person is not known.
const NO_SET: u32 = u32::MAX;

/// The roster mentions this person.
const MENTIONED: u8 = 1;
/// The row, or the file, has no place for links.
const LISTLESS: u8 = 2;
/// Is a guardian today.
const GUARDIAN: u8 = 4;
/// The row, or the file, does not say the schools, or not all of them.
const ORGLESS: u8 = 8;
/// The row says that there is no school; that there is no link.
const BLANK_ORGS: u8 = 16;
const BLANK_AGENTS: u8 = 32;
/// Every row of the person says that the person is gone.
const GONE: u8 = 64;
/// Is a student today.
const STUDENT: u8 = 128;

/// The roster as a whole.
#[derive(Default)]
pub struct RosterIndex {
    pub people: PersonIndex,
    /// Every record, as it was read.
    pub records: Spool,
    /// How many records each of its blocks has.
    pub blocks: Vec<u32>,
    /// The person of each record, or [`NO_PERSON`].
    people_of: Vec<u32>,
    /// The number of each person's set of schools: of the people whom the roster mentions and, in a
    /// delta and where some row has no sourcedId, of all whom the store knows.
    sets_of: Vec<u32>,
    marks: Vec<u8>,
    sets: SchoolSets,
    /// Guardian and student, sorted.
    families: Vec<(u32, u32)>,
    /// The roster does not mention every user: those that it leaves out are as the store has them.
    partial: bool,
    /// People that the roster does not mention, and whose accounts are not archived for it yet,
    /// sorted. Their schools and links are those of the store.
    missing: Vec<u32>,
    /// People that the roster does not mention, and whose accounts a limit keeps: they count as here.
    kept: HashSet<u32>,
    /// For each of them: the accounts of the adults that are linked to the person.
    adults_of_missing: Vec<Vec<i64>>,
    /// Those of them that a pause keeps from being archived: until when.
    paused: HashMap<u32, NaiveDate>,
    /// Archived people whose schools count all the same, because a row without a sourcedId may be
    /// theirs.
    doubtful: HashSet<u32>,
    doubles: Doubles,
    /// What is taken in place of what records say, by person.
    taken: HashMap<u32, Taken>,
    /// Lists that are blank in every record, and were not on the last good night: blank cells say
    /// nothing.
    pub blank: BlankLists,
    /// Which ids are orgs, and which orgs are schools.
    orgs: Orgs,
    /// What a record does not say of roles and schools may have been lost on the way, so it is not
    /// forgotten.
    pub unclear: bool,
    pub counts: Counts,
    /// The roster in numbers, if it is complete; the next nights are judged by them.
    pub night: Night,
    /// Hashes of ids that neither the roster nor the store knows, of schools and of people, sorted.
    pub dangling: Vec<u64>,
    /// Schools that stand because the roster names none tonight.
    pub last_schools: LastSchools,
}

/// sourcedIds that have several rows.
#[derive(Default)]
struct Doubles {
    /// Records that say again what an earlier one of the sourcedId said.
    repeated: HashSet<u32>,
    /// sourcedIds with rows that differ, and whose they are.
    contradicted: HashSet<String>,
    contradicted_people: HashSet<u32>,
}

/// Which lists are blank in every record.
#[derive(Debug, Clone, Copy, Default)]
pub struct BlankLists {
    pub orgs: bool,
    pub agents: bool,
    pub roles: bool,
}

impl BlankLists {
    /// The columns that are blank, by OneRoster's names, and what they hold.
    pub fn columns(self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let orgs = self.orgs.then_some(("orgSourcedIds", "schools"));
        let agents = self.agents.then_some(("agentSourcedIds", "links"));
        [orgs, agents, self.roles.then_some(("role", "roles"))].into_iter().flatten()
    }
}

/// How many records there are of each kind.
#[derive(Debug, Default)]
pub struct Counts {
    /// Rows, of whatever use.
    pub records: u64,
    /// Rows with an email, an `sms`, a `phone`.
    pub contacts: [u64; 3],
    /// Rows whose sourcedId could not be read: their accounts may be among the archived.
    pub without_id: u64,
    /// Records that name a school; that name a link; without any role.
    pub placed: u64,
    pub linked: u64,
    pub roleless: u64,
    /// Records by the roles that are held today, joined by `|`.
    pub held: Vec<(Box<str>, u64)>,
}

/// Lists that are taken in place of those of a person's record: lists that were read in another
/// form, those of several rows of one person, and those of the store where the record has none.
#[derive(Default)]
struct Taken {
    roles: Option<String>,
    orgs: Option<String>,
    agents: Option<String>,
    /// Links of other classes, where several rows are one person.
    others: Option<(String, String)>,
}

impl Taken {
    fn print(&self) -> u64 {
        let part = |text: &Option<String>| text.as_deref().map_or(1, |text| xxh3_64(text.as_bytes()));
        let others = self.others.as_ref().map(|(emergency, barred)| format!("{emergency}\n{barred}"));
        part(&self.roles)
            ^ part(&self.orgs).rotate_left(21)
            ^ part(&self.agents).rotate_left(42)
            ^ part(&others).rotate_left(11)
    }
}

impl RosterIndex {
    /// The record as it is taken, with other lists in place of some of its own. `stored` are the
    /// roles that the store has.
    pub fn taken<'a>(
        &'a self,
        person: Option<u32>,
        record: &Record<'a>,
        stored: Option<&'a str>,
    ) -> Record<'a> {
        let mut record = *record;
        let is_blank = |list: Option<IdList<'_>>| list.is_some_and(IdList::is_empty);
        if self.blank.orgs && is_blank(record.orgs) {
            record.orgs = None;
        }
        if self.blank.agents && is_blank(record.agents) && !link_classes::has_other_links(&record) {
            record.agents = None;
        }
        if self.blank.roles && record.roles.0.is_empty() && record.defect.is_none() {
            record.roles = RoleList(stored.unwrap_or_default());
        }
        if let Some(taken) =
            person.filter(|_| !self.taken.is_empty()).and_then(|person| self.taken.get(&person))
        {
            record.roles = taken.roles.as_deref().map_or(record.roles, RoleList);
            record.orgs = taken.orgs.as_deref().map(IdList).or(record.orgs);
            record.agents = taken.agents.as_deref().map(IdList).or(record.agents);
            if let Some((emergency, barred)) = &taken.others {
                (record.emergency, record.barred) = (Some(IdList(emergency)), Some(IdList(barred)));
            }
        }
        record
    }

    /// The person of a record, by its place in the roster; none if it has no sourcedId.
    pub fn person_of(&self, place: u32) -> Option<u32> {
        self.people_of.get(place as usize).copied().filter(|person| *person != NO_PERSON)
    }

    /// Hands over the records of some people, with their places. The other records are skipped.
    pub fn each_record_of(
        &self,
        is_wanted: impl Fn(u32) -> bool,
        mut each: impl FnMut(u32, u32, &Record<'_>),
    ) -> Result<()> {
        let is_wanted = |person: &u32| *person != NO_PERSON && is_wanted(*person);
        let (mut reader, mut block) = (self.records.read(), Vec::new());
        let mut people = self.people_of.as_slice();
        let mut place = 0;
        for count in &self.blocks {
            let own;
            (own, people) = people.split_at(*count as usize);
            let first = place;
            place += *count;
            if !own.iter().any(is_wanted) {
                reader.skip()?;
                continue;
            }
            reader.next(&mut block)?;
            let mut records = kept::records(&block)?;
            for (place, person) in (first..).zip(own) {
                if !is_wanted(person) {
                    records.skip()?;
                } else if let Some(kept) = records.next_record()? {
                    each(place, *person, &kept.record);
                }
            }
        }
        Ok(())
    }

    pub fn places(&self) -> usize {
        self.people_of.len()
    }

    pub fn mentions(&self, sourced_id: &str) -> bool {
        self.people.find(key(sourced_id)).is_some_and(|person| self.is_mentioned(person))
    }

    /// Whether the store or the roster knows a person, by the key of the sourcedId.
    pub fn knows(&self, key: u64) -> bool {
        let known = |person| self.is_mentioned(person) || self.people.account(person).is_some();
        self.people.find(key).is_some_and(known)
    }

    pub fn is_mentioned(&self, person: u32) -> bool {
        let person = self.people.found_as(person);
        self.marks.get(person as usize).is_some_and(|marks| marks & MENTIONED != 0)
    }

    /// Whether every row of a person says that the person is gone.
    pub fn is_gone(&self, person: u32) -> bool {
        self.is_mentioned(person) && self.marks(self.people.found_as(person)) & GONE != 0
    }

    /// Whether the roster does not mention a person, whose account is not archived for it yet.
    pub fn is_missing(&self, person: u32) -> bool {
        !self.missing.is_empty() && self.missing.binary_search(&person).is_ok()
    }

    /// The last day of the pause that keeps the account of a missing person from being archived.
    pub fn not_archived_until(&self, person: u32) -> Option<NaiveDate> {
        self.paused.get(&person).copied()
    }

    /// Those that are not missing for a pause alone, each with the accounts of the adults that are
    /// linked to the person.
    pub fn all_missing(&self) -> impl Iterator<Item = (u32, &[i64])> {
        let all = self.missing.iter().copied().zip(self.adults_of_missing.iter().map(Vec::as_slice));
        all.filter(|(person, _)| !self.paused.contains_key(person))
    }

    /// Accounts that are held for another record are not missing: that record has their links.
    pub fn forget_missing(&mut self, held: impl Iterator<Item = u32>) {
        for person in held {
            if let Ok(at) = self.missing.binary_search(&person) {
                self.missing.remove(at);
                self.adults_of_missing.remove(at);
                self.paused.remove(&person);
                let marks = &mut self.marks[person as usize];
                // One that the roster says is gone has a record all the same.
                *marks &= MENTIONED | GONE;
                if *marks == 0 {
                    self.sets_of[person as usize] = NO_SET;
                }
            }
        }
    }

    /// Takes in which people a limit keeps from being archived.
    pub fn keep_here(&mut self, people: impl IntoIterator<Item = u32>) {
        self.kept = people.into_iter().collect();
    }

    /// Whether the rows of a person differ.
    pub fn is_person_contradicted(&self, person: u32) -> bool {
        !self.doubles.contradicted_people.is_empty() && self.doubles.contradicted_people.contains(&person)
    }

    /// Whether a record only says again what an earlier one said. If any other of the sourcedId
    /// differs, none does.
    pub fn is_repeated(&self, place: u32) -> bool {
        let is_contradicted = |person| self.doubles.contradicted_people.contains(&person);
        !self.doubles.repeated.is_empty()
            && self.doubles.repeated.contains(&place)
            && !self.person_of(place).is_some_and(is_contradicted)
    }

    pub fn is_contradicted(&self, sourced_id: &str) -> bool {
        !self.doubles.contradicted.is_empty() && self.doubles.contradicted.contains(sourced_id)
    }

    fn marks(&self, person: u32) -> u8 {
        self.marks.get(person as usize).copied().unwrap_or_default()
    }
}

impl RosterIndex {
    /// A person's schools: their own and, for a guardian, those of the students, without
    /// repetition.
    pub fn schools_of<'a>(
        &'a self,
        person: Option<u32>,
        record: &Record<'a>,
        roles: &[String],
        today: &str,
    ) -> Vec<&'a str> {
        let own = person.and_then(|person| self.set_of(person));
        let mut schools: Vec<&str> = match own {
            Some(set) => self.sets.get(set).iter().map(String::as_str).collect(),
            None => {
                let own = own_schools(record, today);
                own.into_iter().filter(|org| self.orgs.is_school(org)).collect()
            }
        };
        if let Some(person) = person
            && roles.iter().any(|role| roles::is_guardian(role))
        {
            let sets = self.students_sets(person);
            let theirs = sets.iter().flat_map(|set| self.sets.get(*set)).map(String::as_str);
            schools = distinct(schools.into_iter().chain(theirs));
        }
        schools
    }

    /// A hash of all that a person's schools depend on; if they are those of one set, that set.
    pub fn schools_hash(&self, person: u32, guardian: bool) -> (u64, Option<u32>) {
        self.hash_of_schools(person, if guardian { self.family(person) } else { &[] })
    }

    fn hash_of_schools(&self, person: u32, family: &[(u32, u32)]) -> (u64, Option<u32>) {
        let own = self.set_of(person);
        let hash_of = |set: Option<u32>| set.map_or(0, |set| self.sets.hash(set));
        if family.is_empty() {
            return (hash_of(own), own);
        }
        let students = self.sets_of_students(family);
        if students.iter().all(|set| Some(*set) == own) {
            return (hash_of(own), own);
        }
        let hashes: Vec<u8> = std::iter::once(hash_of(own))
            .chain(students.iter().map(|set| self.sets.hash(*set)))
            .flat_map(u64::to_le_bytes)
            .collect();
        (xxh3_64(&hashes), None)
    }

    /// The numbers of the sets that a person's schools are made of: the own one and, for a
    /// guardian, those of the students.
    pub fn sets_of_family(&self, person: u32) -> Vec<u32> {
        let guardian = self.is_guardian(person);
        let mut sets = if guardian { self.students_sets(person) } else { Vec::new() };
        sets.extend(self.set_of(person));
        sets
    }

    /// Whether some user of the roster is at a school, or some account that it does not mention and
    /// that is not archived for that.
    pub fn knows_school(&self, id: &str) -> bool {
        // Only those that a person has: others are of before this run.
        let here: Vec<u32> = self.sets.with(|school| school == id).collect();
        !here.is_empty() && self.sets_of.iter().any(|set| here.contains(set))
    }

    /// Stands for a person's schools and, of a guardian, for the links; and for whether the roster
    /// may lack some.
    pub fn family_print(&self, person: u32) -> u64 {
        let family = if self.is_guardian(person) { self.family(person) } else { &[] };
        let schools = self.hash_of_schools(person, family).0 ^ self.links_print(family);
        let signs = u64::from(self.unclear)
            | u64::from(self.blank.orgs) << 1
            | u64::from(self.blank.agents) << 2
            | u64::from(self.blank.roles) << 3;
        let print = schools ^ signs.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        match self.taken.is_empty() {
            true => print,
            false => print ^ self.taken.get(&person).map_or(0, Taken::print),
        }
    }

    /// The sets that a person's schools come from. Nothing is put together for it: a set of several
    /// children may come more than once.
    pub fn each_set(&self, person: u32, mut each: impl FnMut(u32)) {
        let own = self.set_of(person);
        own.into_iter().for_each(&mut each);
        if self.marks(person) & GUARDIAN != 0 {
            let start = self.families.partition_point(|family| family.0 < person);
            let mut last = own;
            for (_, student) in self.families[start..].iter().take_while(|family| family.0 == person) {
                let set = self.set_of(*student);
                if set != last {
                    set.into_iter().for_each(&mut each);
                    last = set;
                }
            }
        }
    }

    /// The person's own schools, without those of students.
    pub fn own_schools_of(&self, person: u32) -> impl Iterator<Item = &str> {
        let set = self.set_of(person).into_iter();
        set.flat_map(|set| self.sets.get(set)).map(String::as_str)
    }

    pub fn set(&self, set: u32) -> &[String] {
        self.sets.get(set)
    }

    pub fn sets(&self) -> usize {
        self.sets.len()
    }

    /// The sets of a guardian's students, each once. In the order of the students' keys, so that it
    /// does not depend on who came first.
    fn students_sets(&self, person: u32) -> Vec<u32> {
        self.sets_of_students(self.family(person))
    }

    fn sets_of_students(&self, family: &[(u32, u32)]) -> Vec<u32> {
        let mut students: Vec<u32> = family.iter().map(|(_, student)| *student).collect();
        if students.len() > 1 {
            students.sort_unstable_by_key(|student| self.people.key(*student));
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
}
