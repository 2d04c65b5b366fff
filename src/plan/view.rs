//! A row of the report as it is handed over: borrowed from the plan or, for plain rows, from the record.

use chrono::NaiveDate;

use super::known::Memory;
use super::note::Note;
use super::plain::Plain;
use super::rules::Rules;
use super::sis::Cells;
use super::survey::{Survey, current_roles};
use super::texts::Texts;
use super::{Action, PlanRow};
use crate::account::State;
use crate::failure::{Failure, Kind, Result};
use crate::roles;
use crate::roster::RoleList;
use crate::roster::kept::Kept;
use crate::store::ACTIVE;

/// One row of the report. What the parts are is said at [`PlanRow`].
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    pub line: Option<u64>,
    pub sourced_id: &'a str,
    pub identifier: &'a str,
    pub roles: &'a str,
    pub schools: &'a str,
    pub state: &'a str,
    pub action: Action,
    pub given_name: &'a str,
    pub family_name: &'a str,
    pub email: &'a str,
    pub phone: &'a str,
    pub home_phone: &'a str,
    pub sis: [&'a str; 5],
    pub notes: &'a [Note],
    pub first_seen: Option<NaiveDate>,
}

impl<'a> View<'a> {
    pub(super) fn of(row: &'a PlanRow<'_>) -> Self {
        Self {
            line: row.line,
            sourced_id: &row.sourced_id,
            identifier: &row.identifier,
            roles: &row.roles,
            schools: &row.schools,
            state: &row.state,
            action: row.action,
            given_name: &row.details.name.given,
            family_name: &row.details.name.family,
            email: &row.details.email,
            phone: &row.details.phone,
            home_phone: &row.details.home_phone,
            sis: row.sis.each_ref().map(AsRef::as_ref),
            notes: &row.notes,
            first_seen: row.first_seen,
        }
    }
}

/// Role lists as the report shows them, so that what most people have is not made again for each of them.
#[derive(Default)]
pub(super) struct Ways {
    known: Texts<(Box<str>, bool)>,
}

impl Ways {
    /// The roles held today, joined by `|`, and whether one of them is a guardian's.
    pub(super) fn of(&mut self, list: RoleList<'_>, today: &str) -> (&str, bool) {
        if self.known.get(list.0).is_none() {
            let current = current_roles(list, today);
            let guardian = current.iter().any(|role| roles::is_guardian(role));
            self.known.put(list.0, (current.join("|").into(), guardian));
        }
        self.known.get(list.0).map_or(("", false), |(joined, guardian)| (joined, *guardian))
    }
}

/// Shows plain rows.
pub(super) struct Faces<'a> {
    survey: &'a Survey,
    memory: &'a Memory,
    rules: &'a Rules,
    today: String,
    ways: Ways,
    /// By number of the set: its schools, joined by `|`.
    sets: Vec<Option<Box<str>>>,
}

impl<'a> Faces<'a> {
    pub(super) fn new(survey: &'a Survey, memory: &'a Memory, rules: &'a Rules) -> Self {
        let today = rules.today.to_string();
        Self { survey, memory, rules, today, ways: Ways::default(), sets: vec![None; survey.sets()] }
    }

    /// Hands over the row of a record that was passed over.
    pub(super) fn show(
        &mut self,
        kept: &Kept<'_>,
        person: u32,
        notes: &[Note],
        each: impl FnOnce(&View<'_>),
    ) -> Result<()> {
        let record = &self.survey.heard(Some(person), &kept.record, None);
        let cells = Cells::of(record, self.rules.phone_credential);
        let Some(plain) = Plain::read(cells) else {
            return Err(Failure::new(Kind::Failed, "a row that was passed over is not plain"));
        };
        let (roles, guardian) = self.ways.of(record.roles, &self.today);
        let joined;
        let schools = match self.survey.schools_hash(person, guardian) {
            (_, Some(set)) => {
                &**self.sets[set as usize].get_or_insert_with(|| self.survey.set(set).join("|").into())
            }
            (_, None) => {
                let roles = current_roles(record.roles, &self.today);
                joined = self.survey.schools_of(Some(person), record, &roles, &self.today).join("|");
                joined.as_str()
            }
        };
        let active = self.memory.state(person) & ACTIVE != 0;
        let text = |cell: Option<_>| cell.unwrap_or_default();
        each(&View {
            line: record.line,
            sourced_id: record.sourced_id,
            identifier: text(record.identifier),
            roles,
            schools,
            state: if active { State::Active } else { State::Pending }.word(),
            action: Action::Unchanged,
            given_name: plain.given_name,
            family_name: plain.family_name,
            email: plain.email,
            phone: plain.phone.as_str(),
            home_phone: plain.home_phone.as_str(),
            sis: [cells.given_name, cells.family_name, cells.email, cells.phone, cells.home_phone].map(text),
            notes,
            first_seen: None,
        });
        Ok(())
    }
}
