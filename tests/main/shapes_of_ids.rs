//! People whose sourcedIds change over night, in every shape that SIS are known to change them in.
//!
//! Written from the contract alone: a generated district of families and staff, half of whom have
//! joined, half of those with details of their own. Two nights pass, then the ids change. Beside it
//! goes the same district whose ids never change. Where everything is done, both stores are the
//! same but for the ids.
//!
//! `cargo test --test main -- shapes_of_ids --nocapture` prints a table. With
//! `ROSTERSYNC_LONG_TESTS=1` the district has 2,000 people.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write as _;
use std::fs;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::support::{COLUMNS, District, Done, Person, Row, copy, long, person, sample, users_csv};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Kind {
    Student,
    Guardian,
    Staff,
}

#[derive(Debug, Clone)]
struct Human {
    kind: Kind,
    given: String,
    family: String,
    identifier: String,
    username: String,
    email: String,
    mobile: String,
    school: String,
    /// Places of the guardians of a student.
    guardians: Vec<usize>,
    active: bool,
    /// Has typed details of their own.
    own: bool,
    /// Another role that the person has, in a record of its own.
    also_parent: bool,
    /// Place of the record of the same person in the other role.
    twin_record: Option<usize>,
    gone: bool,
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % below
    }

    fn percent(&mut self, share: usize) -> bool {
        self.next(100) < share
    }
}

const GIVEN: [&str; 40] = [
    "Ana", "Ben", "Carla", "David", "Eva", "Felix", "Grace", "Hugo", "Ines", "Jon", "Kim", "Luis", "María",
    "Noah", "Olga", "Pablo", "Quinn", "Rosa", "Sofía", "Tom", "Uma", "Victor", "Wendy", "Xena", "Yusuf",
    "Zoë", "Amir", "Bea", "Chen", "Dora", "Emil", "Farah", "Gus", "Hana", "Ivan", "Jade", "Karl", "Lena",
    "Malik", "Nora",
];

const FAMILY: [&str; 50] = [
    "Diaz", "Becker", "Wang", "Cruz", "Okafor", "Nguyen", "Smith", "O'Brien", "Núñez", "Khan", "Lopez",
    "Garcia", "Martin", "Silva", "Kim", "Patel", "Rossi", "Novak", "Haddad", "Cohen", "Ito", "Larsen",
    "Weber", "Costa", "Dubois", "Moreau", "Popov", "Ahmed", "Hassan", "Singh", "Yamada", "Sato", "Lee",
    "Park", "Chavez", "Ortiz", "Reyes", "Flores", "Gomez", "Torres", "Hart", "Fox", "Stone", "Young", "King",
    "Wright", "Hill", "Green", "Baker", "Adams",
];

/// The people, by their places. Students come first, then their guardians, then staff.
#[derive(Clone)]
struct World(Vec<Human>);

impl World {
    fn new(people: usize) -> Self {
        let mut numbers = Numbers(88_172_645_463_325_252);
        let mut world = Self(Vec::new());
        while world.0.len() < people * 9 / 10 {
            world.family(&mut numbers);
        }
        while world.0.len() < people {
            let given = GIVEN[numbers.next(GIVEN.len())];
            let family = FAMILY[numbers.next(FAMILY.len())];
            world.add(Kind::Staff, given, family, &mut numbers);
        }
        world
    }

    fn add(&mut self, kind: Kind, given: &str, family: &str, numbers: &mut Numbers) -> usize {
        let at = self.0.len();
        let ascii: String = family.chars().filter(char::is_ascii_alphabetic).collect();
        let (letter, ascii) = (given.chars().next().unwrap_or('x').to_lowercase(), ascii.to_lowercase());
        self.0.push(Human {
            kind,
            given: given.to_owned(),
            family: family.to_owned(),
            // Guardians seldom have one.
            identifier: match kind {
                Kind::Guardian if !numbers.percent(40) => String::new(),
                Kind::Guardian => format!("G{}", 5_000 + at),
                Kind::Student => format!("{}", 100_000 + at * 7),
                Kind::Staff => format!("E{:04}", at),
            },
            username: match kind {
                Kind::Guardian => String::new(),
                _ => format!("{letter}{ascii}{at}"),
            },
            email: format!("{letter}.{ascii}.{at}@mail.example"),
            mobile: match numbers.percent(80) && kind != Kind::Student {
                true => format!("+1718555{:04}", at % 10_000),
                false => String::new(),
            },
            school: format!("sch-{}", numbers.next(6)),
            guardians: Vec::new(),
            active: numbers.percent(50),
            own: numbers.percent(50),
            also_parent: false,
            twin_record: None,
            gone: false,
        });
        at
    }

    /// One or two guardians of one to three students. Some have one email for all of them.
    fn family(&mut self, numbers: &mut Numbers) {
        let family = FAMILY[numbers.next(FAMILY.len())];
        let shared = numbers.percent(15).then(|| format!("family.{}@mail.example", self.0.len()));
        let school = format!("sch-{}", numbers.next(6));
        let mut own = Vec::new();
        let mut names = BTreeSet::new();
        for _ in 0..=numbers.next(3) {
            let given = GIVEN[numbers.next(GIVEN.len())];
            if names.insert(given) {
                own.push(self.add(Kind::Student, given, family, numbers));
            }
        }
        let students = own.clone();
        for _ in 0..=numbers.next(2) {
            let given = GIVEN[numbers.next(GIVEN.len())];
            if names.insert(given) {
                let guardian = self.add(Kind::Guardian, given, family, numbers);
                own.push(guardian);
                students.iter().for_each(|student| self.0[*student].guardians.push(guardian));
            }
        }
        for at in own {
            self.0[at].school.clone_from(&school);
            if let Some(email) = &shared {
                self.0[at].email.clone_from(email);
            }
        }
    }

    /// The rows of a night. `id` names each person.
    fn rows(&self, id: &dyn Fn(usize) -> String) -> Vec<Person> {
        let mut rows = Vec::new();
        for (at, one) in self.0.iter().enumerate().filter(|(_, one)| !one.gone) {
            let ids = |places: &mut dyn Iterator<Item = usize>| places.map(id).collect::<Vec<_>>().join(",");
            let is_child = |other: &&Human| other.guardians.contains(&at) && !other.gone;
            let agents = match one.kind {
                Kind::Student => ids(&mut one.guardians.iter().copied().filter(|at| !self.0[*at].gone)),
                _ => {
                    ids(&mut self.0.iter().enumerate().filter(|(_, other)| is_child(other)).map(|(at, _)| at))
                }
            };
            let role = match one.kind {
                Kind::Student => "student",
                Kind::Guardian => "guardian",
                Kind::Staff => "teacher",
            };
            rows.push(
                person(&id(at))
                    .role(role)
                    .given(&one.given)
                    .family(&one.family)
                    .identifier(&one.identifier)
                    .with("username", &one.username)
                    .email(&one.email)
                    .mobile(&one.mobile)
                    .schools(if one.kind == Kind::Guardian { "" } else { &one.school })
                    .agents(&agents),
            );
        }
        rows
    }

    /// The platform's export.
    fn platform(&self, id: &dyn Fn(usize) -> String) -> Vec<Person> {
        let joined = self.0.iter().enumerate().filter(|(_, one)| one.active);
        let row = |(at, one): (usize, &Human)| {
            let (email, mobile) = match one.own {
                true => (format!("own.{at}@home.example"), format!("+1917555{:04}", at % 10_000)),
                false => (one.email.clone(), one.mobile.clone()),
            };
            person(&id(at)).given(&one.given).family(&one.family).email(&email).mobile(&mobile)
        };
        joined.map(row).collect()
    }
}

/// How ids change.
struct Shape {
    name: &'static str,
    old: fn(usize, &Human) -> String,
    new: fn(usize, &Human) -> String,
    /// Whose id changes.
    of: fn(usize, &Human) -> bool,
    /// What else the SIS says that night.
    changes: fn(usize, &mut Human),
    /// The records say which id they had.
    says_earlier: bool,
    /// Two records of a person in two roles become one.
    unites: bool,
}

fn scrambled(at: usize, salt: u64) -> String {
    let mut hash = (at as u64 + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ salt;
    hash ^= hash >> 31;
    hash = hash.wrapping_mul(0xBF58_476D_1CE4_E5B9);
    hash ^= hash >> 29;
    format!("{hash:016x}")
}

fn old_guid(at: usize, _: &Human) -> String {
    scrambled(at, 7)
}

fn new_guid(at: usize, _: &Human) -> String {
    scrambled(at, 1_234_567)
}

fn all(_: usize, _: &Human) -> bool {
    true
}

fn nothing(_: usize, _: &mut Human) {}

fn by_name(one: &Human) -> String {
    let text = format!("{} {} {} {}", one.given, one.family, one.username, one.email);
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

const PLAIN: Shape = Shape {
    name: "",
    old: old_guid,
    new: new_guid,
    of: all,
    changes: nothing,
    says_earlier: false,
    unites: false,
};

fn shapes() -> Vec<Shape> {
    vec![
        Shape {
            name: "prefix off",
            old: |at, _| format!("SIS-{}", 20_000 + at),
            new: |at, _| format!("{}", 20_000 + at),
            ..PLAIN
        },
        Shape {
            name: "prefix on",
            old: |at, _| format!("{}", 20_000 + at),
            new: |at, _| format!("lincoln_{}", 20_000 + at),
            ..PLAIN
        },
        Shape {
            name: "zero-padding",
            old: |at, _| format!("{}", 100 + at),
            new: |at, _| format!("{:09}", 100 + at),
            ..PLAIN
        },
        Shape { name: "case", new: |at, one| old_guid(at, one).to_uppercase(), ..PLAIN },
        Shape { name: "random, identifiers kept", ..PLAIN },
        Shape {
            name: "random, user name and name kept",
            changes: |at, one| {
                one.identifier = String::new();
                one.email = format!("new.{at}@other.example");
                one.mobile = String::new();
                if one.kind == Kind::Guardian {
                    one.username = format!("parent{at}");
                }
            },
            ..PLAIN
        },
        Shape { name: "two records become one", of: |_, one| one.also_parent, unites: true, ..PLAIN },
        Shape {
            name: "hash of the name, name changes",
            old: |_, one| by_name(one),
            new: |_, one| by_name(one),
            of: |at, _| at % 25 == 3,
            changes: |at, one| {
                if at % 25 == 3 {
                    one.family = format!("{}-{}", one.family, FAMILY[at % FAMILY.len()]);
                }
            },
            ..PLAIN
        },
        Shape {
            name: "Clever's ids to the SIS's",
            old: |at, _| format!("{}{}", scrambled(at, 3), &scrambled(at, 5)[..8]),
            new: |at, one| match one.identifier.is_empty() {
                true => format!("con-{at}"),
                false => one.identifier.clone(),
            },
            ..PLAIN
        },
        Shape {
            name: "earlier id is said",
            says_earlier: true,
            changes: |at, one| {
                one.identifier = format!("N{at}");
                one.username = String::new();
                if at % 3 == 0 {
                    one.email = format!("new.{at}@other.example");
                    one.mobile = String::new();
                }
            },
            ..PLAIN
        },
        Shape { name: "contacts renewed", of: |_, one| one.kind == Kind::Guardian, ..PLAIN },
        Shape { name: "students only", of: |_, one| one.kind == Kind::Student, ..PLAIN },
        Shape { name: "a tenth of the people", of: |at, _| at % 10 == 4, ..PLAIN },
        Shape { name: "nobody's id changes", of: |_, _| false, ..PLAIN },
    ]
}

/// The same district with what changes on the third night, and who is who.
struct Case {
    shape: Shape,
    before: World,
    after: World,
    /// Old and new id of everybody whose id changes.
    truth: BTreeMap<String, String>,
    /// Those of them whom a value of the SIS identifies.
    identified: BTreeSet<String>,
    /// Ids of people who have left, or are new: nobody else.
    strangers: BTreeSet<String>,
}

impl Case {
    fn new(shape: Shape, people: usize) -> Self {
        let mut before = World::new(people);
        if shape.unites {
            unite(&mut before);
        }
        let mut after = before.clone();
        for (at, one) in after.0.iter_mut().enumerate() {
            (shape.changes)(at, one);
        }
        let mut strangers = BTreeSet::new();
        let grown = traps(&mut before, &mut after);
        let mut case = Self {
            shape,
            before,
            after,
            truth: BTreeMap::new(),
            identified: BTreeSet::new(),
            strangers: BTreeSet::new(),
        };
        for at in 0..case.after.0.len() {
            let (old, new) = (case.old(at), case.new_id(at));
            if at >= grown.start {
                strangers.insert(old);
                strangers.insert(new);
            } else if old != new && case.goes_on(at) {
                case.truth.insert(old, new);
            } else if old != new {
                // The other account of the person.
                strangers.insert(old);
            }
        }
        case.strangers = strangers;
        case.identified = case.identified();
        case
    }

    /// The id of a person before the third night.
    fn old(&self, at: usize) -> String {
        (self.shape.old)(at, &self.before.0[at])
    }

    fn new_id(&self, at: usize) -> String {
        let one = &self.after.0[at];
        match one.twin_record.filter(|_| self.shape.unites && one.kind == Kind::Guardian) {
            Some(other) => self.new_id(other),
            None if (self.shape.of)(at, one) => (self.shape.new)(at, one),
            None => self.old(at),
        }
    }

    /// Whether it is the account that goes on, if a person has two: the one that has joined, otherwise that of the staff.
    fn goes_on(&self, at: usize) -> bool {
        let one = &self.before.0[at];
        let Some(other) = one.twin_record.filter(|_| self.shape.unites) else { return true };
        one.active || !self.before.0[other].active && one.kind == Kind::Staff
    }

    /// The people whom a value identifies that the SIS said before and says now, and that nobody
    /// else of the kind has.
    fn identified(&self) -> BTreeSet<String> {
        if self.shape.says_earlier {
            return self.truth.keys().cloned().collect();
        }
        let value: [fn(&Human) -> &str; 4] =
            [|one| &one.identifier, |one| &one.username, |one| &one.email, |one| &one.mobile];
        let mut found = BTreeSet::new();
        for (which, value) in value.into_iter().enumerate() {
            let count = |world: &World| {
                let mut count: HashMap<(Kind, String), usize> = HashMap::new();
                for one in world.0.iter().filter(|one| !one.gone && !value(one).is_empty()) {
                    *count.entry((one.kind, value(one).to_owned())).or_default() += 1;
                }
                count
            };
            let (had, has) = (count(&self.before), count(&self.after));
            for (at, (was, is)) in self.before.0.iter().zip(&self.after.0).enumerate() {
                let key = (is.kind, value(is).to_owned());
                let is_one = had.get(&key) == Some(&1) && has.get(&key) == Some(&1);
                let is_same = value(was) == value(is) && !is.gone && !was.gone;
                let same_name = (&was.given, &was.family) == (&is.given, &is.family);
                // Of an identifier that is still the same, more may have changed.
                let same_contact = was.email == is.email || was.username == is.username;
                if is_one && is_same && (same_name || which == 0 && same_contact) {
                    found.insert(self.old(at));
                }
            }
        }
        found.retain(|old| self.truth.contains_key(old));
        found
    }
}

/// Some of the staff are parents as well, in a record of their own.
fn unite(world: &mut World) {
    let staff: Vec<usize> = (0..world.0.len()).filter(|at| world.0[*at].kind == Kind::Staff).collect();
    let students: Vec<usize> = (0..world.0.len()).filter(|at| world.0[*at].kind == Kind::Student).collect();
    for (turn, teacher) in staff.into_iter().enumerate().filter(|(turn, _)| turn % 2 == 0) {
        let parent = world.0.len();
        let mut record = world.0[teacher].clone();
        record.kind = Kind::Guardian;
        record.active = turn % 4 == 0;
        record.own = false;
        (record.also_parent, record.twin_record) = (true, Some(teacher));
        let one = &mut world.0[teacher];
        (one.also_parent, one.twin_record) = (true, Some(parent));
        // One account of a person has joined, or the other, or none.
        one.active = turn % 8 == 2;
        world.0.push(record);
        world.0[students[turn * 3 % students.len()]].guardians.push(parent);
    }
}

/// People who leave that night and people who come, and are easily taken for each other. Returns
/// their places.
fn traps(before: &mut World, after: &mut World) -> std::ops::Range<usize> {
    let start = after.0.len();
    let mut numbers = Numbers(362_436_069);
    let students: Vec<usize> = (0..start).filter(|at| after.0[*at].kind == Kind::Student).collect();
    let template = |kind: Kind| {
        let at = after.0.iter().position(|one| one.kind == kind && !one.also_parent).unwrap();
        before.0[at].clone()
    };
    let (student, guardian, staff) =
        (template(Kind::Student), template(Kind::Guardian), template(Kind::Staff));
    let mut pairs: Vec<(Human, Human)> = Vec::new();
    for turn in 0..4 {
        let family = format!("Trap{turn}");
        let contact = (format!("trap{turn}@family.example"), format!("+164655501{turn:02}"));
        let child = students[turn * 5 % students.len()];
        let base = |human: &Human, given: &str, number: usize| Human {
            given: given.to_owned(),
            family: family.clone(),
            identifier: format!("T{turn}{number}"),
            username: String::new(),
            email: contact.0.clone(),
            mobile: contact.1.clone(),
            active: numbers.0.is_multiple_of(2),
            guardians: Vec::new(),
            ..human.clone()
        };
        // Twins: one leaves, the other one comes from another school.
        pairs.push((base(&student, "Mia", 1), base(&student, "Mina", 2)));
        // Siblings with the one email of the family.
        pairs.push((base(&student, "Paul", 3), base(&student, "Petra", 4)));
        // Senior and junior, guardians at one address.
        pairs.push((base(&guardian, "Robert", 5), base(&guardian, "Robert Jr.", 6)));
        // Father and son of one name, one of them a student.
        pairs.push((base(&guardian, "Sam", 7), base(&student, "Sam", 8)));
        // A new teacher gets the user name and the address of the former one.
        let successor = |given: &str, family: &str, number: usize| Human {
            username: format!("math{turn}"),
            email: format!("math{turn}@school.example"),
            mobile: String::new(),
            family: family.to_owned(),
            ..base(&staff, given, number)
        };
        pairs.push((successor("Old", "Teacher", 9), successor("New", "Colleague", 10)));
        numbers.next(7);
        let are_guardians = |(leaves, comes): &&mut (Human, Human)| {
            (leaves.kind, comes.kind) == (Kind::Guardian, Kind::Guardian)
        };
        for (leaves, _) in pairs.iter_mut().rev().take(3).filter(are_guardians) {
            // The child stays.
            leaves.guardians = vec![child];
        }
    }
    for (leaves, comes) in pairs {
        let child = leaves.guardians.first().copied();
        let at = before.0.len();
        for (one, gone) in [(leaves, [false, true]), (comes, [true, false])] {
            let one = Human { guardians: Vec::new(), ..one };
            before.0.push(Human { gone: gone[0], active: one.active && !gone[0], ..one.clone() });
            after.0.push(Human { gone: gone[1], active: one.active && !gone[0], ..one });
        }
        if let Some(child) = child {
            before.0[child].guardians.push(at);
            after.0[child].guardians.push(at + 1);
        }
    }
    start..after.0.len()
}

/// A made-up district through its nights.
struct Nights<'c> {
    case: &'c Case,
    district: District,
    /// The ids never change.
    control: bool,
}

const DAYS: [&str; 5] = [
    "2026-11-23T08:15:00Z",
    "2026-11-24T08:15:00Z",
    "2026-11-25T08:15:00Z",
    "2026-11-26T08:15:00Z",
    "2026-11-27T08:15:00Z",
];

fn configured(case: &Case) -> District {
    let mut district = District::new().without_limits();
    if case.shape.says_earlier {
        district.set("identity.earlier_id", "\"metadata.legacy\"");
    }
    district
}

impl<'c> Nights<'c> {
    /// After the second night.
    fn new(case: &'c Case, control: bool) -> Self {
        let mut nights = Self { case, district: configured(case), control };
        nights.tell(false, &|at| case.old(at), &|at| case.old(at));
        nights.run(0, &[]).ok();
        nights.run(1, &[]).ok();
        nights
    }

    /// The same district once more, in a folder of its own.
    fn again(&self) -> Self {
        let mut nights = Self { case: self.case, district: configured(self.case), control: self.control };
        copy(&self.district.path(""), &nights.district.path(""));
        nights.district.set("platform.users", "\"platform-users.csv\"");
        nights
    }

    fn run(&mut self, day: usize, arguments: &[&str]) -> Done {
        self.district.at(DAYS[day]);
        self.district.run_with(arguments)
    }

    /// The SIS has the third night's people, the platform's export not yet.
    fn third_night(&mut self) {
        let case = self.case;
        match self.control {
            true => self.tell(true, &|at| case.old(at), &|at| case.old(at)),
            false => self.tell(true, &|at| case.new_id(at), &|at| case.old(at)),
        }
    }

    fn fourth_night(&mut self) {
        let case = self.case;
        let id = |at| if self.control { case.old(at) } else { case.new_id(at) };
        let people = case.after.platform(&id);
        self.district.platform(&people);
    }

    fn tell(&mut self, is_third: bool, id: &dyn Fn(usize) -> String, shown: &dyn Fn(usize) -> String) {
        let case = self.case;
        let world = if is_third { &case.after } else { &case.before };
        let mut rows = world.rows(id);
        let mut columns: Vec<&str> = COLUMNS.to_vec();
        if case.shape.says_earlier {
            columns.push("metadata.legacy");
            if is_third && !self.control {
                let earlier: HashMap<&str, &str> =
                    case.truth.iter().map(|(old, new)| (new.as_str(), old.as_str())).collect();
                for row in &mut rows {
                    let old = earlier.get(row.cells["sourcedId"].as_str()).copied().unwrap_or_default();
                    *row = row.clone().with("metadata.legacy", old);
                }
            }
        }
        match case.shape.unites {
            false => self.district.file("sis/users.csv", users_csv(&columns, &rows)),
            true => self.with_roles(&rows),
        }
        self.district.platform(&world.platform(shown));
    }

    /// As OneRoster 1.2 has it: one row for each id, with all its roles.
    fn with_roles(&self, rows: &[Person]) {
        let columns: Vec<&str> =
            COLUMNS.into_iter().filter(|column| !["role", "orgSourcedIds"].contains(column)).collect();
        let mut roles = "sourcedId,userSourcedId,roleType,role,orgSourcedId\n".to_owned();
        let mut users: BTreeMap<String, Person> = BTreeMap::new();
        for row in rows {
            let id = &row.cells["sourcedId"];
            let school = Some(row.cells["orgSourcedIds"].as_str()).filter(|org| !org.is_empty());
            let is_second = users.contains_key(id);
            let kind = if is_second { "secondary" } else { "primary" };
            let (role, school) = (&row.cells["role"], school.unwrap_or("sch-0"));
            let _ = writeln!(roles, "{id}-{role},{id},{kind},{role},{school}");
            let known = users.entry(id.clone()).or_insert_with(|| row.clone());
            let agents = row.cells.get("agentSourcedIds").cloned().unwrap_or_default();
            if !agents.is_empty() {
                *known = known.clone().agents(&agents);
            }
        }
        let users: Vec<Person> = users.into_values().collect();
        self.district.file("sis/users.csv", users_csv(&columns, &users));
        self.district.file("sis/roles.csv", roles);
    }

    /// The pairs that the last run wrote: old and new.
    fn pairs(&self, kind: &str) -> Vec<(String, String)> {
        let mut files: Vec<_> =
            fs::read_dir(self.district.path("reports")).unwrap().map(|entry| entry.unwrap().path()).collect();
        files.retain(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            name.starts_with("renames-") && name.contains("-probable") == (kind == "probable")
        });
        files.sort();
        let Some(path) = files.pop() else { return Vec::new() };
        let bytes = fs::read(path).unwrap();
        let mut reader = csv::Reader::from_reader(bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes));
        reader
            .deserialize()
            .map(|row| Row(row.unwrap()))
            .map(|row| (row["old"].to_owned(), row["new"].to_owned()))
            .collect()
    }

    /// What a user of the program can see of everybody, by the id of before: details, state, kept
    /// notes.
    fn outcome(&self, done: &Done) -> BTreeMap<String, Vec<String>> {
        let case = self.case;
        let mut former: HashMap<String, String> = HashMap::new();
        for at in (0..case.after.0.len()).filter(|at| !self.control && case.goes_on(*at)) {
            if !case.after.0[at].gone {
                former.insert(case.new_id(at), case.old(at));
            }
        }
        let named = |id: &str| former.get(id).map_or(id, String::as_str).to_owned();
        let mut all: BTreeMap<String, Vec<String>> = BTreeMap::new();
        let exported = self.district.cli(&["users", "export"]).ok().stdout;
        let mut reader = csv::Reader::from_reader(exported.as_bytes());
        for record in reader.records() {
            let record = record.unwrap();
            let cells: Vec<String> = record.iter().skip(1).map(str::to_owned).collect();
            all.entry(named(&record[0])).or_default().push(cells.join(","));
        }
        for line in self.district.ask("SELECT sourced_id, state, archived FROM account").lines() {
            let (id, rest) = line.split_once(" | ").unwrap();
            all.entry(named(id)).or_default().push(rest.to_owned());
        }
        for row in &done.report.rows {
            // These name others by the ids of tonight, or say that the id is new.
            let of_ids = ["Has a new sourcedId", "Linked to", "No longer linked to"];
            let is_of_ids = |note: &&str| {
                note.contains(" is shared with ") || of_ids.iter().any(|words| note.starts_with(words))
            };
            let notes = row["notes"].split("; ").filter(|note| !is_of_ids(note));
            let notes = notes.collect::<Vec<_>>().join("; ");
            // Nothing but links.
            let action =
                if &row["action"] == "updated" && notes.is_empty() { "unchanged" } else { &row["action"] };
            all.entry(named(&row["sourced_id"])).or_default().push(format!("{action} {notes}"));
        }
        all
    }
}

const AFTER_REKEY: &str = "after run --rekey";

/// A line of the table.
#[derive(Default)]
struct Line {
    name: &'static str,
    pairs: usize,
    identified: usize,
    certain: usize,
    probable: usize,
    missed: usize,
    wrong: usize,
    wrong_probable: usize,
    archived: usize,
    doubled: usize,
    /// What is not as it should be.
    faults: Vec<String>,
}

impl Line {
    fn text(&self) -> String {
        let share = |found: usize, of: usize| if of == 0 { 100.0 } else { 100.0 * found as f64 / of as f64 };
        format!(
            "{:32} {:>6} {:>8} {:>8} {:>8.1}% {:>6} {:>9} {:>9} {:>8}",
            self.name,
            self.pairs,
            self.certain,
            self.probable,
            share(self.identified - self.missed, self.identified),
            self.wrong,
            self.wrong_probable,
            self.archived,
            self.doubled,
        )
    }
}

const HEAD: &str =
    "shape                             pairs  certain probable   found    wrong  wrong(p)  archived  doubled";

fn look(shape: Shape, people: usize) -> Line {
    let case = Case::new(shape, people);
    let mut line = Line {
        name: case.shape.name,
        pairs: case.truth.len(),
        identified: case.identified.len(),
        ..Line::default()
    };
    let control = Control::of(&case);
    let nights = Nights::new(&case, false);
    renamed_at_once(nights.again(), &control, &mut line);
    held(nights.again(), &control, &mut line);
    joined(nights, &control, &mut line);
    line
}

fn count_found(case: &Case, nights: &Nights<'_>, done: &Done, line: &mut Line) {
    let (certain, probable) = (nights.pairs("certain"), nights.pairs("probable"));
    let is_true = |(old, new): &(String, String)| case.truth.get(old) == Some(new);
    line.certain = certain.iter().filter(|pair| is_true(pair)).count();
    line.probable = probable.iter().filter(|pair| is_true(pair)).count();
    for pair in certain.iter().filter(|pair| !is_true(pair)) {
        line.wrong += 1;
        line.faults.push(format!("held as certain, and wrong: {pair:?}"));
    }
    line.wrong_probable = probable.iter().filter(|pair| !is_true(pair)).count();
    let found: BTreeSet<&str> =
        certain.iter().chain(&probable).filter(|pair| is_true(pair)).map(|(old, _)| old.as_str()).collect();
    let missed: Vec<&String> = case.identified.iter().filter(|old| !found.contains(old.as_str())).collect();
    line.missed = missed.len();
    if line.missed * 100 > line.identified {
        line.faults.push(format!(
            "{} of {} not found, such as {:?}",
            missed.len(),
            line.identified,
            missed.first()
        ));
    }
    let acted: HashMap<&str, &str> =
        done.report.rows.iter().map(|row| (&row["sourced_id"], &row["action"])).collect();
    for (old, new) in &case.truth {
        let (was, is) = (acted.get(old.as_str()), acted.get(new.as_str()));
        let is_found = found.contains(old.as_str());
        // Of two accounts that become one, the other one is archived.
        line.archived += usize::from(was == Some(&"archived") && !case.shape.unites);
        line.doubled += usize::from(is == Some(&"created"));
        if is_found && (was, is) != (Some(&"held"), Some(&"held")) && !case.shape.unites {
            line.faults.push(format!("{old} and {new} are a pair, and {was:?} and {is:?}"));
        }
    }
    if line.archived.max(line.doubled) * 100 > line.identified.max(1) && line.identified == line.pairs {
        line.faults.push(format!("{} archived, {} doubled", line.archived, line.doubled));
    }
}

/// What becomes of the district whose ids never change.
struct Control {
    third: BTreeMap<String, Vec<String>>,
    fourth: BTreeMap<String, Vec<String>>,
    /// After the platform's export is another one.
    fifth: BTreeMap<String, Vec<String>>,
}

impl Control {
    fn of(case: &Case) -> Self {
        let mut nights = Nights::new(case, true);
        nights.third_night();
        let done = nights.run(2, &[]).ok();
        let third = nights.outcome(&done);
        let done = nights.run(3, &[]).ok();
        let fourth = nights.outcome(&done);
        nights.fourth_night();
        let done = nights.run(4, &[]).ok();
        Self { third, fourth, fifth: nights.outcome(&done) }
    }
}

/// `hold`, then a file of renames.
fn held(mut nights: Nights<'_>, control: &Control, line: &mut Line) {
    let case = nights.case;
    nights.third_night();
    let done = nights.run(2, &[]);
    count_found(case, &nights, &done, line);
    let certain = nights.pairs("certain");
    let done = decided(&mut nights, certain);
    compare(case, AFTER_REKEY, &control.fourth, nights.outcome(&done), line);
    nights.fourth_night();
    let done = nights.run(4, &[]).ok();
    compare(case, "a night after run --rekey", &control.fifth, nights.outcome(&done), line);
    let loud = |row: &&Row| !["unchanged", "kept", "skipped"].contains(&&row["action"]);
    if let Some(row) = done.report.rows.iter().find(loud) {
        line.faults.push(format!("the next night says {}: {}", &row["action"], &row["notes"]));
    }
    nights.district.cli(&["status", "--verify"]).ok();
}

/// A person looks at the probable pairs, and the next night is given the right ones and these.
fn decided(nights: &mut Nights<'_>, certain: Vec<(String, String)>) -> Done {
    let case = nights.case;
    let is_true = |(old, new): &(String, String)| case.truth.get(old) == Some(new);
    let (right, wrong): (Vec<_>, Vec<_>) = nights.pairs("probable").into_iter().partition(is_true);
    for (old, new) in &wrong {
        nights.district.cli(&["users", "distinct", old, new]).ok();
    }
    let all = certain.into_iter().filter(is_true).chain(right);
    let text: String = all.map(|(old, new)| format!("{old},{new}\n")).collect();
    nights.district.file("renames.csv", format!("old,new\n{text}"));
    nights.run(3, &["--rekey", "renames.csv"]).ok()
}

/// A file of renames on the night itself, as a district that was warned has it.
fn renamed_at_once(mut nights: Nights<'_>, control: &Control, line: &mut Line) {
    let case = nights.case;
    nights.third_night();
    let text: String = case.truth.iter().map(|(old, new)| format!("{old},{new}\n")).collect();
    nights.district.file("renames.csv", format!("old,new\n{text}"));
    let done = nights.run(2, &["--rekey", "renames.csv"]).ok();
    compare(case, "with --rekey at once", &control.third, nights.outcome(&done), line);
    nights.fourth_night();
    let done = nights.run(3, &[]).ok();
    compare(case, "a night after --rekey at once", &control.fifth, nights.outcome(&done), line);
}

/// `join`.
fn joined(mut nights: Nights<'_>, control: &Control, line: &mut Line) {
    let case = nights.case;
    nights.district.set("identity.same_person", "\"join\"");
    nights.third_night();
    nights.run(2, &[]).any();
    decided(&mut nights, Vec::new());
    nights.fourth_night();
    let done = nights.run(4, &[]).ok();
    compare(case, "under join", &control.fifth, nights.outcome(&done), line);
    nights.district.cli(&["status", "--verify"]).ok();
}

/// Both stores are the same but for the ids.
fn compare(
    case: &Case,
    when: &str,
    wanted: &BTreeMap<String, Vec<String>>,
    found: BTreeMap<String, Vec<String>>,
    line: &mut Line,
) {
    // Two records are still two there.
    let is_second = |id: &String| case.shape.unites && case.strangers.contains(id);
    let is_missed =
        |id: &String| is_second(id) || case.truth.contains_key(id) && !case.identified.contains(id);
    // What the SIS has changed that night is applied a night later, where the account was held: then
    // the row is another one.
    let is_late = when == AFTER_REKEY;
    let shown = |all: &BTreeMap<String, Vec<String>>, id: &String| {
        let all = all.get(id).cloned().unwrap_or_default();
        all.into_iter().take(if is_late { 2 } else { 9 }).collect::<Vec<_>>()
    };
    let differ = |id: &&String| shown(wanted, id) != shown(&found, id) && !is_missed(id);
    let ids: BTreeSet<&String> = wanted.keys().chain(found.keys()).collect();
    let others: Vec<&String> = ids.into_iter().filter(differ).collect();
    if let Some(id) = others.first() {
        line.faults.push(format!(
            "{when}: {} differ, such as {id}: {:?} instead of {:?}",
            others.len(),
            found.get(*id),
            wanted.get(*id)
        ));
    }
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for people")]
fn nobody_loses_an_account_by_another_sourced_id() {
    let people = if long() { 2_000 } else { 100 };
    let shapes: Vec<Mutex<Option<Shape>>> =
        sample(shapes(), 7).into_iter().map(|shape| Mutex::new(Some(shape))).collect();
    let (next, lines) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(shape) = shapes.get(at) else { return };
                    let shape = shape.lock().unwrap().take().unwrap();
                    let line = look(shape, people);
                    lines.lock().unwrap().insert(at, line);
                }
            });
        }
    });
    let lines = lines.into_inner().unwrap();
    let table: String = lines.values().map(|line| line.text() + "\n").collect();
    println!("{HEAD}\n{table}");
    let faults: Vec<String> = lines
        .values()
        .flat_map(|line| line.faults.iter().take(4).map(|fault| format!("{}: {fault}", line.name)))
        .collect();
    assert!(faults.is_empty(), "{HEAD}\n{table}\n{}", faults.join("\n"));
}
