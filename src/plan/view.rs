//! The rows of users whose data has not changed, and whose row follows from the record.

use std::borrow::Cow;

use super::decision::ALL_SAME;
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
        each: impl FnOnce(&PlanRow<'_>),
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
        each(&PlanRow {
            place: 0,
            action: Action::Unchanged,
            compared: true,
            line: record.line,
            sourced_id: record.sourced_id,
            identifier: record.identifier.unwrap_or_default(),
            roles: roles.into(),
            schools: schools.into(),
            state: if active { State::Active } else { State::Pending }.word(),
            state_before: None,
            details: plain.shown(),
            sis: cells.shown(),
            notes: Cow::Borrowed(notes),
            fields: Cow::Borrowed(&ALL_SAME),
            first_seen: None,
        });
        Ok(())
    }
}
