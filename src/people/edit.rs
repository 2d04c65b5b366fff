//! Edits of a person's details by hand. The policy permits an edit, its values are read as on import, and it is written
//! together with its entry in the audit.

use super::notice::tell;
use super::refused::Tried;
use super::{People, Refused, Typed, is_staff};
use crate::account::Account;
use crate::config::SharedContacts;
use crate::contact::{Details, Field};
use crate::failure::Result;
use crate::notify::Editor;
use crate::plan::Change;
use crate::policy::Permit;
use crate::store::{AuditEntry, Origin};

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// It was all so already.
    Nothing,
    /// These fields changed, and so many messages tell of it.
    Changed { changes: Vec<Change>, told: usize },
    /// Nothing was changed; that it was tried is in the audit.
    Refused(Refused),
}

/// Edits `user` on behalf of `actor`, in one transaction with the entry in the audit and the messages.
///
/// # Errors
/// `Usage` if `user` has no account; those of the store. A refusal is no error.
pub fn edit(people: &People<'_>, user: &str, actor: &str, typed: &Typed) -> Result<Done> {
    people.store.transaction(|| {
        let target = people.account(user)?;
        let (done, origin) = match people.store.account(actor)? {
            None => (Done::Refused(Refused::UnknownActor), Origin::Operator),
            Some(actor) => {
                let done = match people.may_edit(&target, &actor)? {
                    Err(refusal) => Done::Refused(refusal.into()),
                    Ok(permit) => write(people, &permit, &target, &actor, typed)?,
                };
                (done, origin(people, &target, &actor))
            }
        };
        if let Done::Refused(refused) = &done {
            people.record_refusal(&target, Tried::Edit, *refused, (origin, actor))?;
        }
        Ok(done)
    })
}

/// On the own record staff act as the person. Only staff may edit others.
pub(super) fn origin(people: &People<'_>, target: &Account, actor: &Account) -> Origin {
    let as_staff = target.id != actor.id && is_staff(&people.roles_of(actor));
    if as_staff { Origin::Staff } else { Origin::Person }
}

/// Writes an edit that is permitted, if its values can be used. The caller commits.
pub(super) fn write(
    people: &People<'_>,
    permit: &Permit,
    before: &Account,
    actor: &Account,
    typed: &Typed,
) -> Result<Done> {
    let details = match typed.apply(&before.details, &people.rules) {
        Ok(details) => details,
        Err(refused) => return Ok(Done::Refused(refused)),
    };
    let mut after = before.clone();
    after.replace_details(details);
    let changes = changes(&before.details, &after.details);
    if changes.is_empty() {
        return Ok(Done::Nothing);
    }
    if people.rules.shared_contacts == SharedContacts::Unique {
        for change in changes.iter().filter(|change| !before.details.same(change.field, &after.details)) {
            if people.store.holder(&after, change.field)?.is_some() {
                return Ok(Done::Refused(Refused::Taken(change.field)));
            }
        }
    }
    let origin = origin(people, before, actor);
    let by = if origin == Origin::Person { Editor::ThePerson } else { Editor::Staff };
    people.store.edit(permit, &after)?;
    for change in &changes {
        let entry = AuditEntry {
            origin,
            field: change.field.key().into(),
            old: before.details.recorded(change.field),
            new: after.details.recorded(change.field),
        };
        people.store.audit_by(before.id, None, &entry, &actor.sourced_id, people.now)?;
    }
    let told = tell(people, None, before, &after, &changes, by)?;
    Ok(Done::Changed { changes, told })
}

/// The fields that are not what they were, be it only in upper and lower case or an extension.
pub(super) fn changes(before: &Details, after: &Details) -> Vec<Change> {
    Field::ALL
        .into_iter()
        .filter(|field| before.recorded(*field) != after.recorded(*field))
        .map(|field| Change {
            field,
            old: before.shown(field),
            new: after.shown(field),
            case_only: field == Field::Name && before.name.same_but_case(&after.name),
        })
        .collect()
}
