//! What two nights can differ in: the SIS, the platform, the configuration, the clock, and what
//! people do by hand.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

use super::dice::Dice;
use super::member::{DETAILS, Member, SCHOOLS};
use super::tamper::Hand;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manifest {
    None,
    Bulk,
    Delta,
    /// One that does not say whether the file is complete.
    Unclear,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Marked,
    Utf16,
    Windows1252,
}

/// How the SIS writes its files.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// OneRoster 1.2: roles stand in roles.csv.
    pub(super) with_roles: bool,
    pub(super) zip: bool,
    pub(super) crlf: bool,
    pub(super) encoding: Encoding,
    pub(super) manifest: Manifest,
    pub(super) without: BTreeSet<&'static str>,
    /// orgs.csv, and which names the schools have in it.
    pub(super) orgs: Option<u64>,
    /// Decides the order of rows.
    pub(super) order: u64,
    /// A delta does not have the roles of all its users.
    pub(super) few_roles: bool,
}

/// A row of the platform's export.
#[derive(Debug, Clone)]
pub(super) struct Seen {
    pub(super) state: &'static str,
    /// In the order of [`DETAILS`].
    pub(super) details: [String; 5],
    /// A row more: the same, or one that differs.
    pub(super) again: Option<bool>,
    pub(super) malformed: bool,
}

/// The platform's export.
#[derive(Debug, Clone, Default)]
pub(super) struct Export {
    pub(super) rows: BTreeMap<String, Seen>,
    pub(super) without: BTreeSet<&'static str>,
    pub(super) stranger: bool,
}

/// What holds for one night alone.
#[derive(Debug, Clone, Default)]
pub(super) struct Tonight {
    /// The users that changed or left: the content of a delta.
    pub(super) touched: BTreeSet<String>,
    pub(super) left: BTreeMap<String, Member>,
    pub(super) by_hand: Vec<Hand>,
    /// users.csv is delivered without any user in it.
    pub(super) empty: bool,
    pub(super) no_notify: bool,
    pub(super) what_if: Option<bool>,
    /// Limits of 0: any change of the kind is over it.
    pub(super) tight: Vec<&'static str>,
    /// They are shares instead, and hold for each school and each role too.
    pub(super) by_part: bool,
    /// If a limit blocks the plan, it is approved.
    pub(super) approve: bool,
    /// What the sides that do either may do tonight.
    pub(super) coin: bool,
}

impl Tonight {
    /// `rostersync users` with these arguments.
    pub(super) fn users(&mut self, arguments: &[&str]) {
        self.by_hand.push(Hand::Users(arguments.iter().map(|word| (*word).to_owned()).collect()));
    }
}

#[derive(Debug, Clone)]
pub(super) struct World {
    pub(super) now: DateTime<Utc>,
    pub(super) members: BTreeMap<String, Member>,
    /// The users that were in the SIS and may come back.
    pub(super) gone: BTreeMap<String, Member>,
    pub(super) files: Files,
    pub(super) export: Option<Export>,
    /// Keys of `[sync]` with their values as TOML.
    pub(super) settings: BTreeMap<&'static str, String>,
    pub(super) schools: BTreeMap<&'static str, bool>,
    /// Which of [`RULES`](super::change::RULES) hold.
    pub(super) rules: usize,
    /// `[identity] same_person`.
    pub(super) same_person: &'static str,
    /// A `[[pause]]`, which may be over.
    pub(super) pause: String,
    /// `[limits] on_limit`.
    pub(super) holds: bool,
    pub(super) tonight: Tonight,
}

/// Far enough ahead that the end of a run, by the machine's clock, is not after its start.
const FIRST_NIGHT: &str = "2099-08-20T08:15:00Z";

const STAFF: [&str; 7] =
    ["teacher", "aide", "proctor", "counselor", "administrator", "nurse", "ext:Volunteer"];

impl World {
    /// A district of 10 to 40 people: families over several schools, and staff.
    pub(super) fn new(seed: u64) -> Self {
        let mut dice = Dice::new(seed);
        let mut members = BTreeMap::new();
        for family in 0..2 + dice.below(6) {
            put_family(&mut members, family, &mut dice);
        }
        for number in 0..4 + dice.below(8) {
            let role = STAFF[(number + dice.below(2)) % STAFF.len()];
            let id = format!("sta-{number}");
            let mut member = Member::new(&id, role, dice.pick(&SCHOOLS), &mut dice);
            if dice.one_in(4) {
                member.roles.push(super::member::Held::new("aide", dice.pick(&SCHOOLS)));
            }
            members.insert(id, member);
        }
        let mut world = Self {
            now: FIRST_NIGHT.parse().unwrap(),
            members,
            gone: BTreeMap::new(),
            files: Files {
                with_roles: dice.one_in(3),
                zip: dice.one_in(5),
                crlf: false,
                encoding: Encoding::Plain,
                manifest: dice.pick(&[Manifest::None, Manifest::Bulk]),
                without: BTreeSet::new(),
                orgs: (!dice.one_in(4)).then_some(0),
                order: dice.roll(),
                few_roles: false,
            },
            export: None,
            settings: BTreeMap::from([("ignore_emails", "[\"noemail@*\"]".to_owned())]),
            schools: BTreeMap::new(),
            rules: if dice.one_in(3) { 1 } else { 0 },
            same_person: "hold",
            pause: String::new(),
            holds: false,
            tonight: Tonight::default(),
        };
        if dice.one_in(3) {
            world.settings.insert("update_contacts", "true".into());
        }
        if dice.one_in(2) {
            world.schools.insert("sch-2", dice.one_in(2));
        }
        if dice.one_in(3) {
            world.settings.insert("shared_contacts", "\"unique\"".into());
        }
        if !dice.one_in(4) {
            world.appear(&mut dice);
        }
        world.same_person = dice.pick(&["hold", "join", "off"]);
        if dice.one_in(3) {
            world.settings.insert("archive_after", dice.pick(&["2", "3", "\"2d\""]).into());
        }
        world
    }

    /// The platform makes an export: many have joined, most of them with what the SIS has.
    pub(super) fn appear(&mut self, dice: &mut Dice) {
        let mut export = Export::default();
        for (id, member) in &self.members {
            if !dice.one_in(3) {
                export.rows.insert(id.clone(), Seen::of(id, member, dice));
            }
        }
        self.export = Some(export);
    }

    /// Another night begins, so many hours later.
    pub(super) fn pass(&mut self, hours: i64) {
        self.now += TimeDelta::hours(hours);
        self.tonight = Tonight::default();
    }

    /// A user of the SIS that changes tonight.
    pub(super) fn somebody(&mut self, dice: &mut Dice) -> Option<(String, &mut Member)> {
        let ids: Vec<String> = self.members.keys().cloned().collect();
        let id = (!ids.is_empty()).then(|| dice.pick(&ids))?;
        self.tonight.touched.insert(id.clone());
        self.members.get_mut(&id).map(|member| (id, member))
    }
}

impl Seen {
    pub(super) fn of(id: &str, member: &Member, dice: &mut Dice) -> Self {
        let mut details = member.details.clone();
        if dice.one_in(3) {
            let field = dice.below(DETAILS.len());
            details[field] = match dice.one_in(4) {
                true => String::new(),
                false => super::member::value(id, field, dice),
            };
        }
        let state = dice.pick(&["active", "active", "joined", "Active", "pending"]);
        Self { state, details, again: None, malformed: false }
    }
}

/// One or two guardians and their children, not all at one school.
fn put_family(members: &mut BTreeMap<String, Member>, family: usize, dice: &mut Dice) {
    let guardians: Vec<String> = (0..1 + dice.below(2)).map(|n| format!("gua-{family}{n}")).collect();
    let students: Vec<String> = (0..1 + dice.below(3)).map(|n| format!("stu-{family}{n}")).collect();
    let shared = [format!("family{family}@mail.example"), format!("+17185550{:03}", 100 + family)];
    for id in &guardians {
        let role = dice.pick(&["guardian", "guardian", "parent", "relative"]);
        // Most have no org of their own: their schools are the children's.
        let org = if dice.one_in(4) { dice.pick(&SCHOOLS) } else { "" };
        let mut member = Member::new(id, role, org, dice);
        if dice.one_in(2) {
            shared[0].clone_into(&mut member.details[2]);
        }
        if dice.one_in(3) {
            shared[1].clone_into(&mut member.details[3]);
        }
        if dice.one_in(2) {
            member.agents.clone_from(&students);
        }
        members.insert(id.clone(), member);
    }
    for id in &students {
        let mut member = Member::new(id, "student", dice.pick(&SCHOOLS), dice);
        if !dice.one_in(4) {
            member.agents.clone_from(&guardians);
        }
        members.insert(id.clone(), member);
    }
}
