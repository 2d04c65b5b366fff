//! Rows that follow from their records.

use std::borrow::Cow;

use super::plain::Plain;
use crate::account::State;
use crate::cache::Cache;
use crate::failure::{Failure, Kind, Result};
use crate::plan::decision::ALL_SAME;
use crate::plan::note::Note;
use crate::plan::signs::Signs;
use crate::plan::sis::Cells;
use crate::plan::{Action, PlanRow};
use crate::roles;
use crate::roster::RoleList;
use crate::roster::current_roles;
use crate::roster::kept::Kept;
use crate::roster_index::RosterIndex;
use crate::rules::Rules;

/// The roles of a list that are held today, joined by `|`, and whether one of them is a guardian's.
/// Most people have the same few lists.
fn role_text<'a>(known: &'a mut Cache<(Box<str>, bool)>, list: RoleList<'_>, today: &str) -> (&'a str, bool) {
    if known.get(list.0).is_none() {
        let current = current_roles(list, today);
        let guardian = current.iter().any(|role| roles::is_guardian(role));
        known.put(list.0, (current.join("|").into(), guardian));
    }
    known.get(list.0).map_or(("", false), |(joined, guardian)| (joined, *guardian))
}

pub(in crate::plan) struct UnchangedRows<'a> {
    roster: &'a RosterIndex,
    signs: &'a Signs,
    rules: &'a Rules,
    today: String,
    roles: Cache<(Box<str>, bool)>,
    /// By number of the set: its schools, joined by `|`.
    sets: Vec<Option<Box<str>>>,
}

impl<'a> UnchangedRows<'a> {
    pub(in crate::plan) fn new(roster: &'a RosterIndex, signs: &'a Signs, rules: &'a Rules) -> Self {
        let today = rules.today.to_string();
        Self { roster, signs, rules, today, roles: Cache::default(), sets: vec![None; roster.sets()] }
    }

    /// Hands over the row of a record that was not decided on. `notes` are what others say of the
    /// person.
    pub(in crate::plan) fn show(
        &mut self,
        kept: &Kept<'_>,
        person: u32,
        notes: &[Note],
        each: impl FnOnce(&PlanRow<'_>),
    ) -> Result<()> {
        let record = &self.roster.taken(Some(person), &kept.record, None);
        let cells = Cells::of(record, self.rules.phone_credential);
        let Some(plain) = Plain::read(cells) else {
            return Err(Failure::new(Kind::Failed, "a row does not follow from its record"));
        };
        let (roles, guardian) = role_text(&mut self.roles, record.roles, &self.today);
        let joined;
        let schools = match self.roster.schools_hash(person, guardian) {
            (_, Some(set)) => {
                &**self.sets[set as usize].get_or_insert_with(|| self.roster.set(set).join("|").into())
            }
            (_, None) => {
                let roles = current_roles(record.roles, &self.today);
                joined = self.roster.schools_of(Some(person), record, &roles, &self.today).join("|");
                joined.as_str()
            }
        };
        each(&PlanRow {
            place: 0,
            action: Action::Unchanged,
            compared: true,
            line: record.line,
            sourced_id: record.sourced_id,
            identifier: record.identifier.unwrap_or_default(),
            roles: roles.into(),
            schools: schools.into(),
            state: if self.signs.is_active(person) { State::Active } else { State::Pending }.word(),
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
