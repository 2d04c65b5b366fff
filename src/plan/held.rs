//! What the limits hold back tonight while the rest is applied (`on_limit = "hold"`).
//!
//! A plan that goes over a limit is made a second time with this. A person that is held keeps the
//! account as it is, and is decided on anew the next night.

use super::tally::Counted;
use super::{Action, Note, Overrun, PlanRow, Scope};
use crate::failure::Result;
use crate::roster_index::{RosterIndex, SchoolsBefore};
use crate::rules::Rules;
use crate::store::Store;

/// The limits whose people are held back.
#[derive(Default)]
pub struct HeldBack {
    limits: Vec<(&'static str, Scope)>,
    /// Where people were before the run: known if a school is over a limit.
    pub(super) before: Option<SchoolsBefore>,
}

/// What of a decision a limit can be about, besides its row.
#[derive(Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) newly_left_out: bool,
    pub(super) loses_links: bool,
    pub(super) loses_protection: bool,
    pub(super) is_switched_on: bool,
    pub(super) is_told: bool,
}

/// Whether the people that a limit counts can be held one by one. The platform's export is a fact,
/// and a file of renames or a school that does not exist is corrected by a person.
pub fn can_be_held(overrun: &Overrun) -> bool {
    match overrun.limit {
        "archive" | "contact_updates" | "credentials" | "created" | "pending_updates" | "notifications"
        | "links" | "protection" | "update_contacts" => true,
        // What a file says of a school or a role is not trusted as a whole.
        "history" => overrun.scope.school.is_some() || overrun.scope.role.is_some(),
        _ => false,
    }
}

impl HeldBack {
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    pub fn add(&mut self, overrun: &Overrun) {
        if !self.covers(overrun) {
            self.limits.push((overrun.limit, overrun.scope.clone()));
        }
    }

    pub fn covers(&self, overrun: &Overrun) -> bool {
        self.limits.iter().any(|(limit, scope)| *limit == overrun.limit && *scope == overrun.scope)
    }

    pub fn needs_schools(&self) -> bool {
        self.limits.iter().any(|(_, scope)| scope.school.is_some())
    }

    /// Reads where people were before the run.
    pub fn look_up_schools(&mut self, roster: &RosterIndex, store: &Store, rules: &Rules) -> Result<()> {
        if self.before.is_none() {
            self.before = Some(roster.schools_before(store, &rules.today.to_string(), |_, _| {})?);
        }
        Ok(())
    }

    /// The limit that holds a person back, if one does: the first one that was found.
    pub(super) fn limit(&self, row: &PlanRow<'_>, number: Option<u32>, facts: Facts) -> Option<&'static str> {
        let holds = |(limit, scope): &&(&'static str, Scope)| {
            is_counted(limit, row, facts) && self.is_in(scope, row, number)
        };
        self.limits.iter().find(holds).map(|(limit, _)| *limit)
    }

    fn is_in(&self, scope: &Scope, row: &PlanRow<'_>, number: Option<u32>) -> bool {
        let at = |school: &str| {
            let before = self.before.as_ref().zip(number);
            row.schools.split('|').any(|own| own == school)
                || before.is_some_and(|(before, number)| before.of(number).contains(&school))
        };
        scope.school.as_deref().is_none_or(at)
            && scope.role.as_deref().is_none_or(|role| row.roles.split('|').any(|own| own == role))
    }
}

fn is_counted(limit: &str, row: &PlanRow<'_>, facts: Facts) -> bool {
    match limit {
        // Accounts that are held for another reason stay so.
        "archive" => row.action == Action::Archived || facts.newly_left_out,
        "contact_updates" => Counted::ContactUpdates.is(row),
        "credentials" => Counted::Credentials.is(row),
        "created" => Counted::Created.is(row),
        "pending_updates" => Counted::PendingUpdates.is(row),
        "notifications" => facts.is_told,
        "links" => facts.loses_links,
        "protection" => facts.loses_protection,
        "update_contacts" => facts.is_switched_on,
        "history" => {
            let is_link = |note: &Note| matches!(note, Note::Linked(_) | Note::Unlinked(_));
            row.action.is_change() || facts.newly_left_out || row.notes.iter().any(is_link)
        }
        _ => false,
    }
}
