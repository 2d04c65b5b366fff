//! What a verdict looks like in the report and in the audit. Pure.

use chrono::NaiveDate;

use super::person::Verdict;
use super::rules::Rules;
use super::sis::Cells;
use super::{Action, Change, PlanRow};
use crate::account::{Account, State};
use crate::roster::Record;
use crate::store::{AuditEntry, Origin};

/// What the sync itself did, for the audit. Creating an account is not a change: the account says what it began with.
pub(super) fn sync_entries(
    action: Action,
    stored: Option<&Account>,
    after: State,
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
        Action::Restored => Some(entry("state", "archived", after.word())),
        Action::Created
        | Action::Updated
        | Action::Kept
        | Action::Unchanged
        | Action::Skipped
        | Action::Rejected => None,
    };
    changes.iter().map(|change| entry(change.field.key(), &change.old, &change.new)).chain(moved).collect()
}

pub(super) fn row_of(
    record: &Record<'_>,
    stored: Option<&Account>,
    verdict: &Verdict,
    roles: &[String],
    schools: &[String],
    rules: &Rules,
    person: Option<u32>,
) -> PlanRow {
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
        line: record.line,
        sourced_id: record.sourced_id.to_owned(),
        identifier: record.identifier.unwrap_or_default().to_owned(),
        roles,
        schools: schools.join("|"),
        state: state.to_owned(),
        state_before: stored.map(Account::state_word).filter(|before| *before != state).map(str::to_owned),
        action: verdict.action,
        details: account.map(|account| account.details.clone()).unwrap_or_default(),
        sis,
        notes: verdict.notes.clone(),
        changes: verdict.changes.clone(),
        kept: verdict.kept.clone(),
        first_seen: first_seen(account, verdict),
        // What is left out or unusable is not looked into; nor are credentials of those who leave.
        person: person.filter(|_| !matches!(verdict.action, Action::Skipped | Action::Rejected)),
    }
}

fn first_seen(account: Option<&Account>, verdict: &Verdict) -> Option<NaiveDate> {
    if verdict.kept.is_empty() { None } else { account.and_then(|account| account.kept_since) }
}
