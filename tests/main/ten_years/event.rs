//! What happens in the district between two nights. Each event has a seed of its own, so that it
//! stays what it is when others are left out.

use fastrand::Rng;

use super::world::{Hand, Lie, SCHOOLS, World, spelled};
use crate::model::night::{District, is_guardian, is_staff};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Event {
    // In the SIS.
    NewEmail,
    NewMobile,
    NewHome,
    NewName,
    Dress,
    Capitals,
    Blank,
    Invalid,
    Placeholder,
    Move,
    Leave,
    ComeBack,
    Newcomer,
    Family,
    Link,
    Unlink,
    Disabled,
    Role,
    Contact,
    Exchange,
    NewId,
    Rollover,
    // On the platform.
    Join,
    Edit,
    PendingAgain,
    Lag,
    // By hand.
    CanEdit,
    HandEdit,
    Grant,
    Revoke,
    Suppress,
    // What goes wrong tonight.
    Lie,
    Clock,
    NoMail,
    Fault,
    // In the configuration.
    Setting,
    SchoolSetting,
    BlankValues,
}

/// How often each comes, in ten thousand.
const OFTEN: &[(Event, u32)] = &[
    (Event::NewEmail, 900),
    (Event::NewMobile, 800),
    (Event::NewHome, 400),
    (Event::NewName, 400),
    (Event::Dress, 400),
    (Event::Capitals, 200),
    (Event::Blank, 400),
    (Event::Invalid, 200),
    (Event::Placeholder, 150),
    (Event::Move, 400),
    (Event::Leave, 500),
    (Event::ComeBack, 200),
    (Event::Newcomer, 200),
    (Event::Family, 100),
    (Event::Link, 300),
    (Event::Unlink, 300),
    (Event::Disabled, 200),
    (Event::Role, 150),
    (Event::Contact, 200),
    (Event::Exchange, 100),
    (Event::NewId, 60),
    (Event::Rollover, 10),
    (Event::Join, 2500),
    (Event::Edit, 1000),
    (Event::PendingAgain, 50),
    (Event::Lag, 300),
    (Event::CanEdit, 500),
    (Event::HandEdit, 300),
    (Event::Grant, 200),
    (Event::Revoke, 50),
    (Event::Suppress, 80),
    (Event::Lie, 150),
    (Event::Clock, 50),
    (Event::NoMail, 100),
    (Event::Fault, 300),
    (Event::Setting, 20),
    (Event::SchoolSetting, 40),
    (Event::BlankValues, 20),
];

impl Event {
    pub(super) fn any(dice: &mut Rng) -> Self {
        let all: u32 = OFTEN.iter().map(|(_, often)| often).sum();
        let mut at = dice.u32(..all);
        for (event, often) in OFTEN {
            if at < *often {
                return *event;
            }
            at -= often;
        }
        Self::NewEmail
    }

    /// `district` is what there was after the last night.
    pub(super) fn apply(self, world: &mut World, district: &District, dice: &mut Rng) {
        match self {
            Self::Join | Self::Edit | Self::PendingAgain | Self::Lag => {
                self.apply_to_platform(world, district, dice);
            }
            Self::CanEdit | Self::HandEdit | Self::Grant | Self::Revoke | Self::Suppress => {
                self.apply_by_hand(world, district, dice);
            }
            Self::Lie => {
                let lies = [Lie::Halved, Lie::Cut, Lie::Empty, Lie::Headers, Lie::NoSchools];
                world.tonight.lie = Some(lies[dice.usize(..lies.len())]);
            }
            Self::Clock => world.tonight.clock = [-40, -2, 1, 400][dice.usize(..4)],
            Self::NoMail => world.tonight.no_mail = true,
            Self::Fault => {
                let calls = [
                    ("write:rostersync.db-journal", 30),
                    ("write:rostersync.db", 20),
                    ("sync:rostersync.db-journal", 4),
                    ("sync:rostersync.db", 3),
                    ("sync:.", 6),
                    ("unlink:rostersync.db-journal", 3),
                    ("open:mail", 6),
                    ("write:rostersync.db.attempts", 2),
                ];
                let (call, count) = calls[dice.usize(..calls.len())];
                let does = ["kill", "kill", "full", "EIO", "dead"][dice.usize(..5)];
                world.tonight.fault = Some((format!("{call}:{}", 1 + dice.usize(..count)), does));
            }
            Self::Setting => world.config.on ^= true,
            Self::SchoolSetting => {
                let school = SCHOOLS[dice.usize(..5)];
                if dice.u8(..3) == 0 {
                    world.config.schools.remove(school);
                } else {
                    world.config.schools.insert(school.into(), dice.bool());
                }
            }
            Self::BlankValues => world.config.settings.clear ^= true,
            Self::Newcomer => world.add_staff(dice),
            Self::Family => world.add_family(dice),
            Self::ComeBack if !world.gone.is_empty() => {
                let record = world.gone.swap_remove(dice.usize(..world.gone.len()));
                world.roster.push(record);
            }
            Self::Rollover => {
                let leaves = world.roster.len() / 13;
                for _ in 0..leaves {
                    let record = world.roster.swap_remove(dice.usize(..world.roster.len()));
                    world.gone.push(record);
                    world.add_staff(dice);
                }
            }
            Self::ComeBack => {}
            _ => self.apply_to_record(world, district, dice),
        }
    }

    fn apply_to_record(self, world: &mut World, district: &District, dice: &mut Rng) {
        let at = dice.usize(..world.roster.len());
        let other = dice.usize(..world.roster.len());
        let (email, number, count) = (world.email(), world.number(dice), world.next());
        let adult = world.roster.iter().map(|record| is_guardian(&record.role)).collect::<Vec<_>>();
        let other_record = world.roster[other].clone();
        let is_live =
            district.people.get(&world.roster[at].id).is_some_and(|person| !person.account.archived);
        let record = &mut world.roster[at];
        let cells = &mut record.cells;
        match self {
            Self::NewEmail => cells.email = Some(email),
            Self::NewMobile => cells.mobile = Some(number),
            Self::NewHome => cells.home = Some(number),
            Self::NewName => cells.family = Some(format!("Of{}", spelled(count))),
            Self::Dress => {
                let digits: String =
                    cells.mobile.iter().flat_map(|cell| cell.chars()).filter(char::is_ascii_digit).collect();
                if digits.len() == 10 {
                    let (area, rest) = digits.split_at(3);
                    let forms = [
                        format!("({area}) {rest}"),
                        format!("+1{digits}"),
                        format!("{area}.{rest} Work"),
                        digits.clone(),
                    ];
                    cells.mobile = Some(forms[dice.usize(..4)].clone());
                }
                cells.email = cells.email.take().map(|cell| cell.replace("mail", "Mail"));
            }
            Self::Capitals => cells.family = cells.family.take().map(|cell| cell.to_uppercase()),
            Self::Blank => {
                let cell = [&mut cells.email, &mut cells.mobile, &mut cells.home, &mut cells.given];
                let [email, mobile, home, given] = cell;
                *[email, mobile, home, given][dice.usize(..4)] = Some(String::new());
            }
            Self::Invalid if dice.bool() => cells.email = Some("rosa(at)mail.example".into()),
            Self::Invalid => cells.mobile = Some("555-0142".into()),
            Self::Placeholder => cells.email = Some("noemail@school.example".into()),
            Self::Move if !is_guardian(&record.role) => record.orgs = vec![SCHOOLS[dice.usize(..5)].into()],
            Self::Disabled => cells.disabled ^= true,
            Self::Role if record.role == "nurse" => record.role = "teacher".into(),
            Self::Role if record.role == "teacher" => record.role = "nurse".into(),
            Self::Contact if adult[at] => {
                record.contact = ["", "", "No Contact", "emergency", "Mother"][dice.usize(..5)].into();
            }
            Self::Link if adult[at] && other_record.role == "student" => record.agents.push(other_record.id),
            Self::Unlink => {
                let id = record.id.clone();
                record.agents.clear();
                world.roster.iter_mut().for_each(|record| record.agents.retain(|agent| *agent != id));
            }
            Self::Exchange if at != other => {
                let email = std::mem::replace(&mut cells.email, other_record.cells.email);
                world.roster[other].cells.email = email;
            }
            Self::Leave => {
                let record = world.roster.remove(at);
                world.gone.push(record);
            }
            Self::NewId if is_staff(&record.role) && is_live => {
                let new = format!("{}-{count}", record.id);
                let old = std::mem::replace(&mut record.id, new.clone());
                world.renamed.push((old, new));
            }
            _ => {}
        }
    }

    fn apply_by_hand(self, world: &mut World, district: &District, dice: &mut Rng) {
        let ids: Vec<&String> = district.people.keys().collect();
        if ids.is_empty() {
            return;
        }
        let is_manager = |id: &&&String| !district.people[**id].manages.is_empty();
        let managers: Vec<&&String> = ids.iter().filter(is_manager).collect();
        let id = ids[dice.usize(..ids.len())].clone();
        let by = match dice.u8(..3) {
            0 => id.clone(),
            1 if !managers.is_empty() => (*managers[dice.usize(..managers.len())]).clone(),
            _ => ids[dice.usize(..ids.len())].clone(),
        };
        let school = if dice.u8(..4) == 0 { String::new() } else { SCHOOLS[dice.usize(..5)].to_owned() };
        let hand = match self {
            Self::CanEdit => Hand::CanEdit { id, by },
            Self::HandEdit => Hand::Edit { id, by, email: world.email() },
            Self::Grant => Hand::Grant { by: id, school },
            Self::Revoke => Hand::Revoke { by, school },
            _ if district.suppressed.is_empty() || dice.bool() => Hand::Suppress(id),
            _ => Hand::Unsuppress(district.suppressed.first().cloned().unwrap_or_default()),
        };
        world.tonight.by_hand.push(hand);
    }

    fn apply_to_platform(self, world: &mut World, district: &District, dice: &mut Rng) {
        if self == Self::Lag {
            world.tonight.lag = 1 + dice.usize(..3);
            return;
        }
        let record = world.roster[dice.usize(..world.roster.len())].clone();
        let person = district.people.get(&record.id).filter(|person| !person.account.archived);
        let Some(person) = person else { return };
        match self {
            Self::Join if !person.account.active => world.join(&record.id, dice),
            Self::PendingAgain => {
                if let Some(row) = world.platform.get_mut(&record.id) {
                    row.active = false;
                }
            }
            // Only what the setting allows can be edited on the platform.
            Self::Edit if person.account.active => {
                let schools = district.schools.get(&record.id).cloned().unwrap_or_default();
                if District::is_on(&world.config, &schools) {
                    return;
                }
                let (email, number, count) = (world.email(), world.number(dice), world.next());
                if let Some(row) = world.platform.get_mut(&record.id) {
                    match dice.u8(..3) {
                        0 => row.details.email = email,
                        1 => row.details.mobile = crate::model::person::number(&number).unwrap_or_default(),
                        _ => row.details.family = format!("Own{}", spelled(count)),
                    }
                }
            }
            _ => {}
        }
    }
}
