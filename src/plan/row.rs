//! One row of the plan: a verdict as the plan keeps it, as the report shows it and as the audit keeps it. Pure.

use std::borrow::Cow;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use super::Action;
use super::decision::{FieldDecision, FieldDecisions};
use super::note::{Note, join_codes, join_notes};
use super::person::Verdict;
use super::sis::Cells;
use crate::account::Account;
use crate::contact::Contacts;
use crate::report::Row;
use crate::roster::Record;
use crate::rules::Rules;
use crate::store::{AuditEntry, Origin};

/// One row of the plan, and so of the report. Borrowed from what it is made of until it is stored, and from where it was
/// put when it is read back.
#[derive(Clone, Serialize, Deserialize)]
pub struct PlanRow<'a> {
    // The first is what [`RowHead`] reads.
    /// Its place in the report.
    pub(super) place: u32,
    pub action: Action,
    /// Whether the row names the users that share its credentials.
    pub(super) compared: bool,
    pub line: Option<u64>,
    pub sourced_id: &'a str,
    pub identifier: &'a str,
    /// Primary first, joined by `|`.
    #[serde(borrow)]
    pub roles: Cow<'a, str>,
    /// Joined by `|`.
    #[serde(borrow)]
    pub schools: Cow<'a, str>,
    /// After the run; blank for a user without an account.
    pub state: &'a str,
    /// Before the run, where the account had another.
    #[serde(borrow)]
    pub state_before: Option<&'a str>,
    /// Actual, after the run.
    #[serde(borrow)]
    pub details: Contacts<'a>,
    /// As the roster has them.
    #[serde(borrow)]
    pub sis: Contacts<'a>,
    pub notes: Cow<'a, [Note]>,
    /// What was decided over each field, and by which rule: the one list of changes and of differences that are left alone.
    pub fields: Cow<'a, FieldDecisions>,
    pub first_seen: Option<NaiveDate>,
}

/// The beginning of a row, for readers that go through all rows and want a few.
#[derive(Clone, Copy, Deserialize)]
pub(super) struct RowHead {
    pub(super) place: u32,
}

impl PlanRow<'_> {
    /// Hands over the row as the report has it, with these notes. The one place that fills the columns for a run.
    pub fn report(&self, notes: &[Note], show: impl FnOnce(&Row<'_>)) {
        show(&Row {
            line: self.line,
            sourced_id: self.sourced_id,
            identifier: self.identifier,
            role: &self.roles,
            schools: &self.schools,
            state: self.state,
            action: self.action.word(),
            given_name: self.details.given_name,
            family_name: self.details.family_name,
            email: self.details.email,
            phone: self.details.phone,
            home_phone: self.details.home_phone,
            sis_given_name: self.sis.given_name,
            sis_family_name: self.sis.family_name,
            sis_email: self.sis.email,
            sis_phone: self.sis.phone,
            sis_home_phone: self.sis.home_phone,
            codes: &join_codes(notes),
            first_seen: &self.first_seen.map(|day| day.to_string()).unwrap_or_default(),
            notes: &join_notes(notes),
        });
    }

    /// Whether there is an account that is not archived.
    pub(super) fn is_live(&self) -> bool {
        !matches!(self.state, "" | "archived")
    }

    /// A user that a delta does not mention has a row only if something is done or noted.
    pub(super) fn is_of_interest(&self) -> bool {
        let is_news = |note: &Note| *note != Note::NoContact;
        if self.line.is_none() && self.notes.iter().any(|note| matches!(note, Note::SchoolPaused(..))) {
            return false;
        }
        self.line.is_some() || self.action != Action::Unchanged || self.notes.iter().any(is_news)
    }
}

/// What the sync itself did, for the audit. Creating an account is not a change: the account says what it began with.
pub(super) fn sync_entries(
    action: Action,
    stored: Option<&Account>,
    after: &Account,
    fields: &FieldDecisions,
) -> Vec<AuditEntry> {
    let entry = |field: &str, old: &str, new: &str| AuditEntry {
        origin: Origin::Sync,
        field: field.into(),
        old: old.into(),
        new: new.into(),
    };
    let state = stored.map_or("", |stored| stored.state.word());
    let moved = match action {
        Action::Archived => Some(entry("state", state, "archived")),
        Action::Restored => Some(entry("state", "archived", after.state.word())),
        Action::Created
        | Action::Updated
        | Action::Kept
        | Action::Unchanged
        | Action::Skipped
        | Action::Rejected
        | Action::Held
        | Action::Missing => None,
    };
    // The parts of a name are only known where they are those of the store; what the export has just said is not.
    let old = |change: &FieldDecision| match stored {
        Some(stored) if stored.details.shown(change.field) == change.actual => {
            stored.details.recorded(change.field)
        }
        Some(_) | None => change.actual.clone(),
    };
    fields
        .changes()
        .map(|change| entry(change.field.key(), &old(change), &after.details.recorded(change.field)))
        .chain(moved)
        .collect()
}

/// The row of a verdict, without its place in the report.
pub(super) fn row_of<'a>(
    record: &Record<'a>,
    stored: Option<&Account>,
    verdict: &'a Verdict,
    roles: &[String],
    schools: &[&str],
    rules: &Rules,
) -> PlanRow<'a> {
    let roles = if roles.is_empty() {
        // None is held today; say which there are.
        let mut named: Vec<_> = Vec::new();
        for assignment in record.roles.iter() {
            let role = crate::roles::canonical(assignment.role);
            if !named.contains(&role) {
                named.push(role);
            }
        }
        named.join("|")
    } else {
        roles.join("|")
    };
    let account = verdict.account.as_ref();
    let state = account.map(Account::state_word).unwrap_or_default();
    let first_seen = account
        .filter(|_| verdict.fields.kept().next().is_some())
        .and_then(|account| account.kept_since.newest());
    PlanRow {
        place: 0,
        action: verdict.action,
        // Records that are left out or unusable are not compared with others.
        compared: !matches!(
            verdict.action,
            Action::Skipped | Action::Rejected | Action::Held | Action::Missing
        ),
        line: record.line,
        sourced_id: record.sourced_id,
        identifier: record.identifier.unwrap_or_default(),
        roles: roles.into(),
        schools: schools.join("|").into(),
        state,
        state_before: stored.map(Account::state_word).filter(|before| *before != state),
        details: account.map(|account| account.details.borrowed()).unwrap_or_default(),
        sis: match record.defect {
            Some(_) => Contacts::default(),
            None => Cells::of(record, rules.phone_credential).shown(),
        },
        notes: Cow::Borrowed(&verdict.notes),
        fields: Cow::Borrowed(&verdict.fields),
        first_seen,
    }
}
