//! What a verdict looks like in the report and in the audit. Pure.

use std::borrow::Cow;

use chrono::NaiveDate;

use super::person::Verdict;
use super::rules::Rules;
use super::sis::Cells;
use super::{Action, Change, PlanRow};
use crate::account::Account;
use crate::roster::Record;
use crate::store::{AuditEntry, Origin};

/// What the sync itself did, for the audit. Creating an account is not a change: the account says what it began with.
pub(super) fn sync_entries(
    action: Action,
    stored: Option<&Account>,
    after: &Account,
    changes: &[Change],
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
        | Action::Held => None,
    };
    // The parts of a name are only known where they are those of the store; what the export has just said is not.
    let old = |change: &Change| match stored {
        Some(stored) if stored.details.shown(change.field) == change.old => {
            stored.details.recorded(change.field)
        }
        Some(_) | None => change.old.clone(),
    };
    changes
        .iter()
        .map(|change| entry(change.field.key(), &old(change), &after.details.recorded(change.field)))
        .chain(moved)
        .collect()
}

pub(super) fn row_of<'a>(
    record: &Record<'a>,
    stored: Option<&Account>,
    verdict: &'a Verdict,
    roles: &[String],
    schools: &[&str],
    rules: &Rules,
    place: u32,
) -> PlanRow<'a> {
    let unreadable = record.defect.is_some();
    let sis = if unreadable { Default::default() } else { Cells::of(record, rules.phone_credential).shown() };
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
    PlanRow {
        place,
        action: verdict.action,
        // What is left out or unusable is not looked into; nor are credentials of those who leave.
        compared: !matches!(verdict.action, Action::Skipped | Action::Rejected | Action::Held),
        line: record.line,
        sourced_id: record.sourced_id.into(),
        identifier: record.identifier.unwrap_or_default().into(),
        roles: roles.into(),
        schools: schools.join("|").into(),
        state: state.into(),
        state_before: stored.map(Account::state_word).filter(|before| *before != state).map(Cow::Borrowed),
        details: account.map_or_else(Default::default, |account| Cow::Borrowed(&account.details)),
        sis: sis.map(Cow::Borrowed),
        notes: Cow::Borrowed(&verdict.notes),
        changes: Cow::Borrowed(&verdict.changes),
        kept: Cow::Borrowed(&verdict.kept),
        first_seen: first_seen(account, verdict),
    }
}

fn first_seen(account: Option<&Account>, verdict: &Verdict) -> Option<NaiveDate> {
    if verdict.kept.is_empty() { None } else { account.and_then(|account| account.kept_since.newest()) }
}
