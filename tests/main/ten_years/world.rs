//! The truth of the made-up district: what the SIS has, and what the platform has.

use std::collections::{BTreeMap, VecDeque};
use std::fmt::Write as _;

use fastrand::Rng;

use crate::model::night::{Config, District, Record, Row};
use crate::model::person::{Cells, Details, Settings};

pub(super) const SCHOOLS: [&str; 5] = ["sch-1", "sch-2", "sch-3", "sch-4", "sch-5"];

/// For how many nights the platform's export may lag.
const LAG: usize = 4;

/// A file that is not what the SIS has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lie {
    /// Half of the rows.
    Halved,
    /// Broken off in the middle of a row.
    Cut,
    Empty,
    Headers,
    /// No row has a school.
    NoSchools,
}

/// What a person does by hand before the night.
#[derive(Debug, Clone)]
pub(super) enum Hand {
    Rekey { old: String, new: String },
    CanEdit { id: String, by: String },
    Edit { id: String, by: String, email: String },
    Grant { by: String, school: String },
    Revoke { by: String, school: String },
    Suppress(String),
    Unsuppress(String),
}

/// What holds for one night alone.
#[derive(Debug, Default)]
pub(super) struct Tonight {
    /// How old the platform's export is.
    pub(super) lag: usize,
    pub(super) by_hand: Vec<Hand>,
    pub(super) lie: Option<Lie>,
    /// By how many days the clock is wrong.
    pub(super) clock: i64,
    /// Messages cannot be handed over.
    pub(super) no_mail: bool,
    /// The disk fails or the run is killed at this call, and the run is started again.
    pub(super) fault: Option<(String, &'static str)>,
}

pub(super) struct World {
    /// In the order of the file.
    pub(super) roster: Vec<Record>,
    /// People that left and may come back.
    pub(super) gone: Vec<Record>,
    pub(super) config: Config,
    pub(super) platform: BTreeMap<String, Row>,
    /// The platform's exports of the last nights, the newest first.
    pub(super) exports: VecDeque<BTreeMap<String, Row>>,
    pub(super) tonight: Tonight,
    /// People with a new sourcedId, old and new, of which no one has said so yet.
    pub(super) renamed: Vec<(String, String)>,
    /// Counts people and values, so that none comes twice.
    counter: usize,
}

impl World {
    pub(super) fn new(seed: u64, people: usize) -> Self {
        let dice = &mut Rng::with_seed(seed);
        let config = Config {
            on: dice.bool(),
            settings: Settings {
                clear: false,
                placeholders: vec!["noemail@".into()],
                can_mail: true,
                can_text: false,
            },
            has_rule: true,
            ..Config::default()
        };
        let mut world = Self {
            roster: Vec::new(),
            gone: Vec::new(),
            config,
            platform: BTreeMap::new(),
            exports: VecDeque::new(),
            tonight: Tonight::default(),
            renamed: Vec::new(),
            counter: 0,
        };
        world.config.schools.insert("sch-1".into(), true);
        world.config.schools.insert("sch-2".into(), false);
        while world.roster.len() < people {
            match dice.u8(..4) {
                0 => world.add_staff(dice),
                _ => world.add_family(dice),
            }
        }
        // The platform's own export is never without anybody.
        let first = world.roster[0].id.clone();
        world.join(&first, dice);
        world
    }

    pub(super) fn next(&mut self) -> usize {
        self.counter += 1;
        self.counter
    }

    pub(super) fn email(&mut self) -> String {
        format!("mail{}@home.example", self.next())
    }

    pub(super) fn number(&mut self, dice: &mut Rng) -> String {
        let number = self.next();
        let area = ["212", "312", "718"][dice.usize(..3)];
        format!("{area}-{:03}-{:04}", 200 + (number / 10_000) % 800, number % 10_000)
    }

    fn person(&mut self, kind: &str, role: &str, dice: &mut Rng) -> Record {
        let number = self.next();
        let email = if dice.u8(..6) > 0 { self.email() } else { String::new() };
        let mobile = if dice.u8(..3) > 0 { self.number(dice) } else { String::new() };
        let home = if dice.u8(..3) == 0 { self.number(dice) } else { String::new() };
        Record {
            id: format!("{kind}-{number}"),
            role: role.into(),
            identifier: format!("n{number}"),
            cells: Cells {
                given: Some(["Rosa", "Ann", "Tom", "José", "Mary Lou"][dice.usize(..5)].into()),
                family: Some(format!("Of{}", spelled(number))),
                email: Some(email),
                mobile: Some(mobile),
                home: Some(home),
                disabled: false,
            },
            // A column that is blank as a whole on one night is another thing.
            contact: if kind == "gua" { "Mother".into() } else { String::new() },
            ..Record::default()
        }
    }

    pub(super) fn add_staff(&mut self, dice: &mut Rng) {
        let role = ["teacher", "teacher", "aide", "administrator", "counselor"][dice.usize(..5)];
        let mut staff = self.person("sta", role, dice);
        staff.orgs = vec![SCHOOLS[dice.usize(..5)].into()];
        if dice.u8(..6) == 0 {
            staff.orgs.push(SCHOOLS[dice.usize(..5)].into());
            staff.orgs.dedup();
        }
        self.roster.push(staff);
    }

    pub(super) fn add_family(&mut self, dice: &mut Rng) {
        let mut adults: Vec<Record> = (0..1 + dice.usize(..2))
            .map(|_| self.person("gua", ["guardian", "parent", "relative"][dice.usize(..3)], dice))
            .collect();
        let shared = adults[0].cells.email.clone();
        if dice.u8(..3) == 0 {
            adults.iter_mut().for_each(|adult| adult.cells.email.clone_from(&shared));
        }
        for _ in 0..1 + dice.usize(..3) {
            let mut student = self.person("stu", "student", dice);
            student.orgs = vec![SCHOOLS[dice.usize(..5)].into()];
            // Either side may name the link.
            for adult in &mut adults {
                if dice.bool() {
                    student.agents.push(adult.id.clone());
                } else {
                    adult.agents.push(student.id.clone());
                }
            }
            self.roster.push(student);
        }
        self.roster.extend(adults);
    }

    /// A person joins on the platform, with what the SIS has or something of their own.
    pub(super) fn join(&mut self, id: &str, dice: &mut Rng) {
        let Some(record) = self.roster.iter().find(|record| record.id == id).cloned() else { return };
        let plain = |cell: &Option<String>| crate::model::person::spaced(cell.as_deref().unwrap_or_default());
        let phone = |cell: &Option<String>| crate::model::person::number(&plain(cell)).unwrap_or_default();
        let cells = &record.cells;
        let mut details = Details {
            given: plain(&cells.given),
            family: plain(&cells.family),
            email: plain(&cells.email),
            mobile: phone(&cells.mobile),
            home: phone(&cells.home),
        };
        if dice.u8(..3) == 0 || details.email.is_empty() && details.mobile.is_empty() {
            details.email = self.email();
        }
        if details.family.is_empty() {
            details.family = format!("Of{}", spelled(self.next()));
        }
        self.platform.insert(id.to_owned(), Row { active: true, details });
    }

    /// The export of tonight.
    pub(super) fn export(&self) -> &BTreeMap<String, Row> {
        &self.exports[self.tonight.lag.min(self.exports.len() - 1)]
    }

    /// The records that are in tonight's file.
    pub(super) fn said(&self) -> &[Record] {
        let all = self.roster.len();
        &self.roster[..if self.tonight.lie == Some(Lie::Halved) { all / 2 } else { all }]
    }

    pub(super) fn write_export(&mut self) {
        self.exports.push_front(self.platform.clone());
        self.exports.truncate(LAG);
    }

    /// The platform takes over what there is after a night.
    pub(super) fn hear(&mut self, district: &District) {
        for (id, person) in &district.people {
            if let Some(row) = self.platform.get_mut(id).filter(|_| !person.account.archived) {
                row.details.clone_from(&person.account.details);
            }
        }
        for (old, new) in &district.earlier {
            if let Some(row) = self.platform.remove(old) {
                self.platform.insert(new.clone(), row);
            }
        }
    }

    pub(super) fn users_csv(&self) -> String {
        let mut text =
            "sourcedId,status,enabledUser,orgSourcedIds,role,username,givenName,familyName,identifier,\
                        email,sms,phone,agentSourcedIds,metadata.contact\n"
                .to_owned();
        let no_schools = self.tonight.lie == Some(Lie::NoSchools);
        for record in self.said() {
            let Record { id, role, orgs, agents, cells, identifier, contact } = record;
            let [given, family, email, mobile, home] =
                [&cells.given, &cells.family, &cells.email, &cells.mobile, &cells.home]
                    .map(|cell| cell.as_deref().unwrap_or_default());
            let enabled = if cells.disabled { "false" } else { "true" };
            let list = |ids: &[String]| match ids {
                [] => String::new(),
                ids => format!("\"{}\"", ids.join(",")),
            };
            let (orgs, agents) = (if no_schools { String::new() } else { list(orgs) }, list(agents));
            let _ = writeln!(
                text,
                "{id},,{enabled},{orgs},{role},{id},{given},{family},{identifier},{email},{mobile},{home},{agents},{contact}"
            );
        }
        match self.tonight.lie {
            Some(Lie::Empty) => text.clear(),
            Some(Lie::Headers) => text.truncate(text.find('\n').map_or(0, |end| end + 1)),
            // In the middle of the last row.
            Some(Lie::Cut) => {
                let half = text.len() - text.lines().last().map_or(0, |last| last.len() / 2);
                text.truncate(text.floor_char_boundary(half));
            }
            Some(Lie::Halved | Lie::NoSchools) | None => {}
        }
        text
    }

    pub(super) fn platform_csv(&self) -> String {
        let mut text = "sourced_id,state,given_name,family_name,email,phone,home_phone\n".to_owned();
        for (id, Row { active, details }) in self.export() {
            let Details { given, family, email, mobile, home } = details;
            let state = if *active { "active" } else { "pending" };
            let _ = writeln!(text, "{id},{state},{given},{family},{email},{mobile},{home}");
        }
        text
    }

    pub(super) fn orgs_csv(&self, year: usize) -> String {
        let row = |id: &str| format!("{id},School {id} of year {year},school\n");
        "sourcedId,name,type\n".to_owned() + &SCHOOLS.iter().map(|id| row(id)).collect::<String>()
    }
}

/// A number in letters: a name that no other person has.
pub(super) fn spelled(mut number: usize) -> String {
    let mut letters = String::new();
    while number > 0 {
        letters.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    letters
}
