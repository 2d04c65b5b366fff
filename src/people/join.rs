//! Somebody joins the platform, with or without details that they filled in on the way.

use super::edit::write;
use super::refused::Tried;
use super::{Done, People, Refused, Typed};
use crate::account::{Account, State};
use crate::contact::{Details, Field};
use crate::failure::Result;
use crate::plan::Change;
use crate::policy::Refusal;
use crate::store::Origin;

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Joined {
    /// Had joined before; nothing was changed.
    Before,
    /// Has joined. The details that were filled in count as the person's edit; they can be refused while the join stands.
    Now { changes: Vec<Change>, refused: Option<Refused> },
    /// A detail cannot be used, and the person may correct it; or the account is archived. The person has not joined.
    Refused(Refused),
}

/// Makes a pending account active.
///
/// # Errors
/// `Usage` if there is no account; those of the store. A refusal is no error.
pub fn join(people: &People<'_>, user: &str, typed: &Typed) -> Result<Joined> {
    people.store.begin()?;
    let before = people.account(user)?;
    if before.archived {
        return refuse(people, &before, Refused::Policy(Refusal::Archived));
    }
    if before.state == State::Active {
        people.store.rollback()?;
        return Ok(Joined::Before);
    }
    let after = Account { state: State::Active, ..before.clone() };
    people.store.update_account(&after)?;
    people.record(&after, Origin::Person, "state", State::Pending.word(), State::Active.word())?;
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
            people.record_refusal(&after, Tried::Edit, refused, (Origin::Person, user))?;
            people.store.commit().map(|()| Joined::Now { changes: Vec::new(), refused: Some(refused) })
        }
        Done::Refused(refused) => {
            people.store.rollback()?;
            people.store.begin()?;
            refuse(people, &before, refused)
        }
    }
}

/// Leaves it at that, and keeps that it was tried.
fn refuse(people: &People<'_>, account: &Account, refused: Refused) -> Result<Joined> {
    people.record_refusal(account, Tried::Join, refused, (Origin::Person, &account.sourced_id))?;
    people.store.commit().map(|()| Joined::Refused(refused))
}

/// Whether what was typed is what the account has, in normal form.
fn says_the_same(people: &People<'_>, typed: &Typed, details: &Details) -> bool {
    typed
        .apply(details, &people.rules)
        .is_ok_and(|after| Field::ALL.into_iter().all(|field| details.same(field, &after)))
}
