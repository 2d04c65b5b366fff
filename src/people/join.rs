//! Somebody joins the platform, with or without details that they filled in on the way.

use super::edit::write;
use super::{Done, People, Refused, Typed};
use crate::account::{Account, State};
use crate::contact::{Details, Field};
use crate::failure::{Failure, Kind, Result};
use crate::plan::Change;
use crate::policy::Refusal;
use crate::store::{AuditEntry, Origin};

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// Had joined before; nothing was changed.
    Before,
    /// Has joined. The details that were filled in count as the person's edit; they can be refused while the join stands.
    Now { changes: Vec<Change>, refused: Option<Refused> },
    /// A detail cannot be used; the person has not joined, and may correct it.
    Refused(Refused),
}

/// Makes a pending account active.
///
/// # Errors
/// `Usage` if there is no account, `Blocked` if it is archived; those of the store.
pub fn join(people: &People<'_>, user: &str, typed: &Typed) -> Result<Joined> {
    people.store.begin()?;
    let before = people.account(user)?;
    if before.archived {
        return Err(Failure::new(
            Kind::Blocked,
            format!("`{user}` is archived: no longer in the SIS import"),
        )
        .cure("an archived user can join once the SIS import has them again"));
    }
    if before.state == State::Active {
        people.store.rollback()?;
        return Ok(Joined::Before);
    }
    let after = Account { state: State::Active, ..before.clone() };
    people.store.update_account(&after)?;
    let entry = AuditEntry {
        origin: Origin::Person,
        field: "state".into(),
        old: State::Pending.word().into(),
        new: State::Active.word().into(),
    };
    people.store.audit(after.id, None, &entry, people.now)?;
    let done = match people.may_edit(&after, &after)? {
        Ok(permit) => write(people, &permit, &after, &after, typed)?,
        Err(refusal) => match says_the_same(people, typed, &after.details) {
            true => Done::Nothing,
            false => Done::Refused(refusal.into()),
        },
    };
    match done {
        Done::Nothing => people.store.commit().map(|()| Joined::Now { changes: Vec::new(), refused: None }),
        Done::Changed { changes, .. } => {
            people.store.commit().map(|()| Joined::Now { changes, refused: None })
        }
        // The page on which people join asks for details that only the sync may change: that keeps nobody out.
        Done::Refused(refused @ Refused::Policy(Refusal::ManagedBySync)) => {
            let entry = AuditEntry {
                field: "refused".into(),
                old: String::new(),
                new: refused.code().into(),
                ..entry
            };
            people.store.audit_by(after.id, None, &entry, &after.sourced_id, people.now)?;
            people.store.commit().map(|()| Joined::Now { changes: Vec::new(), refused: Some(refused) })
        }
        Done::Refused(refused) => {
            people.store.rollback()?;
            Ok(Joined::Refused(refused))
        }
    }
}

/// Whether what was typed is what the account has, in normal form.
fn says_the_same(people: &People<'_>, typed: &Typed, details: &Details) -> bool {
    typed
        .apply(details, &people.rules)
        .is_ok_and(|after| Field::ALL.into_iter().all(|field| details.same(field, &after)))
}
