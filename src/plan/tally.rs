//! What the limits count of the district, of one school or of one role. Pure.

use std::collections::BTreeMap;

use super::decision::{FieldDecision, Rule};
use super::{Action, Note, PlanRow, Summary};
use crate::account::State;
use crate::config::{Limit, Limits};
use crate::contact::Field;

/// What a limit counts that can hold for each school and each role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Counted {
    Archived,
    /// Still in the roster, and left out for the first time.
    LeftOut,
    ContactUpdates,
    Credentials,
    Created,
    PendingUpdates,
}

impl Counted {
    pub(super) const ALL: [Self; 6] = [
        Self::Archived,
        Self::LeftOut,
        Self::ContactUpdates,
        Self::Credentials,
        Self::Created,
        Self::PendingUpdates,
    ];

    /// The key in `[limits]`, and its value.
    pub(super) fn limit(self, limits: &Limits) -> (&'static str, Limit) {
        match self {
            Self::Archived | Self::LeftOut => ("archive", limits.archive),
            Self::ContactUpdates => ("contact_updates", limits.contact_updates),
            Self::Credentials => ("credentials", limits.credentials),
            Self::Created => ("created", limits.created),
            Self::PendingUpdates => ("pending_updates", limits.pending_updates),
        }
    }

    /// Whether the limit counts the person of a row. Of [`Self::LeftOut`] a row alone does not say
    /// it.
    pub(super) fn is(self, row: &PlanRow<'_>) -> bool {
        let is_change = |change: &FieldDecision| change.rule != Rule::UpdatedCase;
        let is_credential =
            |change: &FieldDecision| is_change(change) && matches!(change.field, Field::Email | Field::Phone);
        let is_active = row.state == State::Active.word();
        match self {
            // Accounts that are held are still there only because a person has not decided yet.
            Self::Archived => {
                let is_back = |note: &Note| matches!(note, Note::PossibleRekey(..));
                row.action == Action::Archived
                    || row.action == Action::Held && row.is_live() && row.notes.iter().any(is_back)
            }
            Self::LeftOut => false,
            Self::ContactUpdates => is_active && row.fields.changes().any(is_change),
            Self::Credentials => is_active && row.fields.changes().any(is_credential),
            Self::Created => row.action == Action::Created,
            Self::PendingUpdates => {
                row.action == Action::Updated
                    && row.state == State::Pending.word()
                    && row.fields.changes().any(is_change)
            }
        }
    }
}

/// What there is of people, and what becomes of them.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Tally {
    /// Accounts before the run, and the pending ones among them.
    pub(super) accounts: u64,
    pub(super) pending: u64,
    /// Active people whom the sync may change.
    pub(super) changeable: u64,
    /// By [`Counted`].
    pub(super) counts: [u64; Counted::ALL.len()],
}

impl Tally {
    pub(super) fn of(summary: &Summary) -> Self {
        let mut tally = Self {
            accounts: summary.accounts_before,
            pending: summary.accounts_before - summary.active_before.min(summary.accounts_before),
            changeable: summary.changeable,
            ..Self::default()
        };
        for counted in Counted::ALL {
            *tally.count_mut(counted) = match counted {
                Counted::Archived => summary.count(Action::Archived) + summary.same_person.held,
                Counted::LeftOut => summary.newly_left_out,
                Counted::ContactUpdates => summary.contact_updates,
                Counted::Credentials => summary.credentials,
                Counted::Created if summary.accounts_before == 0 => 0,
                Counted::Created => summary.count(Action::Created),
                Counted::PendingUpdates => summary.pending_updates,
            };
        }
        tally
    }

    pub(super) fn count(&self, counted: Counted) -> u64 {
        self.counts[counted as usize]
    }

    pub(super) fn count_mut(&mut self, counted: Counted) -> &mut u64 {
        &mut self.counts[counted as usize]
    }

    pub(super) fn population(&self, counted: Counted) -> u64 {
        match counted {
            Counted::Archived | Counted::LeftOut | Counted::Created => self.accounts,
            Counted::ContactUpdates | Counted::Credentials => self.changeable,
            Counted::PendingUpdates => self.pending,
        }
    }
}

/// Of each school, by sourcedId, and of each role. People at several schools count at each.
#[derive(Debug, Default)]
pub struct Tallies {
    pub(super) schools: BTreeMap<String, Tally>,
    pub(super) roles: BTreeMap<String, Tally>,
}

impl Tallies {
    pub fn is_empty(&self) -> bool {
        self.schools.is_empty() && self.roles.is_empty()
    }
}
