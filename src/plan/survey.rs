//! The first look at the roster: it is read, once, and kept; who is in it, who is in it twice, and which schools come to a
//! guardian through the students. Decisions about one person need this of all the others.
//!
//! A school can protect a person's details (`update_contacts` is off there), so none may get lost on the way: where a
//! record is not the whole word (a delta, a row that cannot be read, rows that differ, roles that are missing), what the
//! store knows of the family counts as well.
//!
//! People are known here by number ([`Directory`]), and a set of schools by a number as well, so that a million people take
//! a few words each.

mod hear;
mod last_schools;
mod orgs;
mod read;
mod settle;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use self::orgs::Orgs;
use super::known::{Directory, Known, Memory, Near};
use super::left_out::{self, Synced};
use super::rules::Rules;
use super::texts::Texts;
use crate::last_night::RosterSeen;
use crate::roles;
use crate::roster::kept::key;
use crate::roster::{IdList, Mode, Record, RoleList, distinct};
use crate::spool::Spool;

pub use last_schools::LastSchools;
pub use read::{Surveyed, survey};

/// What one row says of a person's family, kept until it is held against what the store knows.
#[derive(Clone, Default)]
struct Said {
    line: Option<u64>,
    roles: String,
    orgs: Option<String>,
    agents: Option<String>,
    /// Some part of the schools, or of the links, is no id that is known: what the store knows stands as well.
    orgs_partly: bool,
    agents_partly: bool,
}

impl Said {
    fn of(record: &Record<'_>) -> Self {
        let own = |list: Option<IdList<'_>>| list.map(|list| list.0.to_owned());
        Self {
            line: record.line,
            roles: record.roles.0.to_owned(),
            orgs: own(record.orgs),
            agents: own(record.agents),
            ..Self::default()
        }
    }
}

/// What is taken in place of what a person's record says: lists that were read in another form, several rows of one person, and
/// what the store knows where the record does not say it.
#[derive(Default)]
pub(super) struct Heard {
    roles: Option<String>,
    orgs: Option<String>,
    agents: Option<String>,
}

/// So many ids that nobody knows are remembered, at most.
const MOST_DANGLING: usize = 20_000;

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
/// The row, or the file, does not say the schools, or not all of them.
const ORGLESS: u8 = 8;
/// The row says that there is no school; that there is no link.
const BLANK_ORGS: u8 = 16;
const BLANK_AGENTS: u8 = 32;
/// Every row of the person says that the person is gone.
const GONE: u8 = 64;

/// What a way to write roles and orgs comes to.
#[derive(Clone, Copy)]
struct Way {
    set: u32,
    /// Guardian; something else.
    as_guardian: bool,
    as_student: bool,
    /// Guardian, in a role that is held today.
    guardian_today: bool,
    /// The schools are not said, or not all of them.
    orgless: bool,
    /// It is said that there is no school.
    blank: bool,
    /// Some org is no known id.
    odd: bool,
    /// Some role is none that is known.
    foreign: bool,
    /// Number of the roles held today, among [`Survey::held`].
    held: u32,
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
    /// In how many of them there is an email, an `sms`, a `phone`.
    pub contacts: [u64; 3],
    /// Rows whose sourcedId could not be read: their accounts may be among the archived.
    pub without_id: u64,
    /// People whom the roster mentions.
    people: u64,
    /// What a record does not say of roles and schools may have been lost on the way, so it is not forgotten.
    pub(super) unclear: bool,
    /// Which ids are orgs, and which orgs are schools.
    orgs: Orgs,
    /// Rows with an org that is no known id, and rows that are one person together.
    odd: HashMap<u32, Vec<Said>>,
    /// By person.
    heard: HashMap<u32, Heard>,
    /// A column that had values on the last good night is blank in every row: blank cells say nothing.
    blank_orgs: bool,
    blank_agents: bool,
    /// No row has a role, on the last good night they had.
    blank_roles: bool,
    /// Roles held today, joined by `|`, how many records have them, and their numbers.
    held: Vec<(Box<str>, u64)>,
    held_numbers: HashMap<Box<str>, u32>,
    /// Words for roles that are none, and how many records have each.
    foreign: BTreeMap<String, u64>,
    /// Records that name a school; records that name a link, and links; records without any role.
    placed: u64,
    linked: u64,
    link_count: u64,
    roleless: u64,
    /// References to ids that neither the roster nor the store knows: of schools and of people, by hashes of the ids.
    dangling_orgs: Dangling,
    dangling_agents: Dangling,
    /// Schools that stand because the roster names none tonight.
    pub(super) last_schools: LastSchools,
}

/// References to ids that nobody knows.
#[derive(Default)]
struct Dangling {
    ids: BTreeSet<u64>,
    /// References to ids that were not among those of the last good night.
    new: u64,
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
            contacts: [0; 3],
            without_id: 0,
            people: 0,
            unclear: false,
            orgs: Orgs::default(),
            odd: HashMap::new(),
            heard: HashMap::new(),
            blank_orgs: false,
            blank_agents: false,
            blank_roles: false,
            held: Vec::new(),
            held_numbers: HashMap::new(),
            foreign: BTreeMap::new(),
            placed: 0,
            linked: 0,
            link_count: 0,
            roleless: 0,
            dangling_orgs: Dangling::default(),
            dangling_agents: Dangling::default(),
            last_schools: LastSchools::default(),
        }
    }

    /// What is taken of a record: what it says, unless something else is to be taken in its place. `stored` are the roles
    /// that the store knows.
    pub(super) fn heard<'a>(
        &'a self,
        person: Option<u32>,
        record: &Record<'a>,
        stored: Option<&'a str>,
    ) -> Record<'a> {
        let mut record = *record;
        let is_blank = |list: Option<IdList<'_>>| list.is_some_and(IdList::is_empty);
        if self.blank_orgs && is_blank(record.orgs) {
            record.orgs = None;
        }
        if self.blank_agents && is_blank(record.agents) {
            record.agents = None;
        }
        if self.blank_roles && record.roles.0.is_empty() && record.defect.is_none() {
            record.roles = RoleList(stored.unwrap_or_default());
        }
        if let Some(heard) =
            person.filter(|_| !self.heard.is_empty()).and_then(|person| self.heard.get(&person))
        {
            record.roles = heard.roles.as_deref().map_or(record.roles, RoleList);
            record.orgs = heard.orgs.as_deref().map(IdList).or(record.orgs);
            record.agents = heard.agents.as_deref().map(IdList).or(record.agents);
        }
        record
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
            None => {
                let own = own_schools(record, today);
                own.into_iter().filter(|org| self.orgs.is_school(org)).collect()
            }
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
        // Only those that a person has: others are of before this run.
        let here: Vec<u32> = (0_u32..)
            .zip(&self.sets)
            .filter(|(_, set)| set.iter().any(|school| school == id))
            .map(|(number, _)| number)
            .collect();
        !here.is_empty() && self.sets_of.iter().any(|set| here.contains(set))
    }

    /// Stands for a person's schools, and whether the roster may lack some.
    pub(super) fn schools_print(&self, person: u32) -> u64 {
        let guardian = self.marks.get(person as usize).is_some_and(|marks| marks & GUARDIAN != 0);
        let (schools, _) = self.schools_hash(person, guardian);
        let signs = u64::from(self.unclear)
            | u64::from(self.blank_orgs) << 1
            | u64::from(self.blank_agents) << 2
            | u64::from(self.blank_roles) << 3;
        let print = schools ^ signs.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        match self.heard.is_empty() {
            true => print,
            false => print ^ self.heard.get(&person).map_or(0, Heard::print),
        }
    }

    /// The sets that a person's schools come from. Nothing is put together for it: a set of several children may come more than
    /// once.
    pub(super) fn each_set(&self, person: u32, mut each: impl FnMut(u32)) {
        let own = self.set_of(person);
        own.into_iter().for_each(&mut each);
        if self.marks.get(person as usize).is_some_and(|marks| marks & GUARDIAN != 0) {
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

    /// How many records hold each combination of roles.
    pub(super) fn held(&self) -> &[(Box<str>, u64)] {
        &self.held
    }

    /// What the roster was like, for the next night. What is blank tonight in every row stays as it was seen last.
    pub(super) fn seen(&self, mode: Mode, before: &RosterSeen, synced: &Synced, rules: &Rules) -> RosterSeen {
        let mut dangling: Vec<u64> =
            self.dangling_orgs.ids.iter().chain(&self.dangling_agents.ids).copied().collect();
        if mode != Mode::Bulk {
            dangling.extend(&before.dangling);
        }
        dangling.sort_unstable();
        dangling.dedup();
        dangling.truncate(MOST_DANGLING);
        let configured = left_out::configured(rules);
        if mode != Mode::Bulk {
            return RosterSeen { dangling, configured, ..before.clone() };
        }
        let or = |is_blank: bool, now: u64, before: u64| if is_blank { before } else { now };
        RosterSeen {
            roles: if self.blank_roles { before.roles.clone() } else { synced.roles.clone() },
            schools: synced.schools.clone(),
            placed: or(self.blank_orgs, self.placed, before.placed),
            linked: or(self.blank_agents, self.linked, before.linked),
            roleless: if self.unclear { self.roleless.min(before.roleless) } else { self.roleless },
            roles_of_nobody: before.roles_of_nobody,
            dangling,
            configured,
            ..before.clone()
        }
    }

    pub(super) fn has_blank_roles(&self) -> bool {
        self.blank_roles
    }

    /// The columns of users.csv that are blank in every row tonight and were not on the last good night.
    pub(super) fn emptied(&self) -> impl Iterator<Item = &'static str> {
        [
            (self.blank_orgs, "orgSourcedIds"),
            (self.blank_agents, "agentSourcedIds"),
            (self.blank_roles, "role"),
        ]
        .into_iter()
        .filter_map(|(is_blank, column)| is_blank.then_some(column))
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
    fn way(
        &mut self,
        roles: RoleList<'_>,
        orgs: Option<IdList<'_>>,
        today: &str,
        scratch: &mut String,
    ) -> Way {
        scratch.clear();
        scratch.push_str(roles.0);
        scratch.push(if orgs.is_some() { '\u{1}' } else { '\u{2}' });
        scratch.push_str(orgs.unwrap_or_default().0);
        if let Some(way) = self.ways.get(scratch) {
            return *way;
        }
        let record = Record { roles, orgs, ..Record::default() };
        let own = own_schools(&record, today);
        let odd = orgs_of(&record).any(|org| !self.orgs.is_known(org));
        let schools: Vec<&str> = own.iter().copied().filter(|org| self.orgs.is_school(org)).collect();
        let set = self.set_number(&schools);
        let guardian = |role: &str| roles::is_guardian(&roles::canonical(role));
        let current = current_roles(roles, today);
        // Of 1.1's lists a blank one is said; a role of 1.2 always has an org, and where it has none that is not said.
        let orgless = orgs.is_none() && roles.iter().any(|assignment| assignment.org.is_none());
        let way = Way {
            set,
            as_guardian: roles.iter().any(|assignment| guardian(assignment.role)),
            as_student: roles.iter().any(|assignment| !guardian(assignment.role)),
            guardian_today: current.iter().any(|role| roles::is_guardian(role)),
            orgless,
            blank: !orgless && own.is_empty(),
            odd,
            foreign: roles.iter().any(|held| !roles::is_known(&roles::canonical(held.role))),
            held: self.held_number(&current.join("|")),
        };
        self.ways.put(scratch, way);
        way
    }

    /// The number of roles that are held together.
    fn held_number(&mut self, joined: &str) -> u32 {
        if let Some(number) = self.held_numbers.get(joined) {
            return *number;
        }
        let number = u32::try_from(self.held.len()).unwrap_or(u32::MAX);
        self.held.push((joined.into(), 0));
        self.held_numbers.insert(joined.into(), number);
        number
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
        let way = self.way(roles, Some(orgs), today, &mut String::new());
        self.put_set(person, way.set);
        self.link(person, way, agents);
    }
}

impl Heard {
    /// Stands for all of it.
    fn print(&self) -> u64 {
        let part = |text: &Option<String>| text.as_deref().map_or(1, |text| xxh3_64(text.as_bytes()));
        part(&self.roles) ^ part(&self.orgs).rotate_left(21) ^ part(&self.agents).rotate_left(42)
    }
}

/// Every org that a record names, whether its role is held today or not.
fn orgs_of<'a>(record: &Record<'a>) -> impl Iterator<Item = &'a str> {
    record.roles.iter().filter_map(|held| held.org).chain(record.orgs.unwrap_or_default().iter())
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
