//! A person joins the platform, with or without details that they fill in on the way.

use super::edit::write;
use super::refused::Tried;
use super::{Done, People, Refused, Typed};
use crate::account::{Account, State};
use crate::contact::{Details, Field};
use crate::failure::Result;
use crate::plan::Change;
use crate::policy::Refusal;
use crate::store::Origin;

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
    people.store.transaction(|| {
        let before = people.account(user)?;
        if before.archived {
            return refuse(people, &before, Refused::Policy(Refusal::Archived));
        }
        if before.state == State::Active {
            return Ok(Joined::Before);
        }
        let point = people.store.savepoint()?;
        match join_and_edit(people, &before, typed)? {
            Done::Nothing => Ok(Joined::Now { changes: Vec::new(), refused: None }),
            Done::Changed { changes, .. } => Ok(Joined::Now { changes, refused: None }),
            // The page on which people join asks for details that only the sync may change: the join is not refused for that.
            Done::Refused(refused @ Refused::Policy(Refusal::ManagedBySync)) => {
                let after = Account { state: State::Active, ..before };
                people.record_refusal(&after, Tried::Edit, refused, (Origin::Person, user))?;
                Ok(Joined::Now { changes: Vec::new(), refused: Some(refused) })
            }
            Done::Refused(refused) => {
                point.roll_back()?;
                refuse(people, &before, refused)
            }
        }
    })
}

fn join_and_edit(people: &People<'_>, before: &Account, typed: &Typed) -> Result<Done> {
    let after = Account { state: State::Active, ..before.clone() };
    people.store.update_account(&after)?;
    people.record(&after, Origin::Person, "state", State::Pending.word(), State::Active.word())?;
    match people.may_edit(&after, &after)? {
        Ok(permit) => write(people, &permit, &after, &after, typed),
        Err(refusal) => Ok(match says_the_same(people, typed, &after.details) {
            true => Done::Nothing,
            false => Done::Refused(refusal.into()),
        }),
    }
}

/// The person has not joined; the audit keeps that it was tried.
fn refuse(people: &People<'_>, account: &Account, refused: Refused) -> Result<Joined> {
    people.record_refusal(account, Tried::Join, refused, (Origin::Person, &account.sourced_id))?;
    Ok(Joined::Refused(refused))
}

/// Whether what was typed is what the account has, in normal form.
fn says_the_same(people: &People<'_>, typed: &Typed, details: &Details) -> bool {
    typed
        .apply(details, &people.rules)
        .is_ok_and(|after| Field::ALL.into_iter().all(|field| details.same(field, &after)))
}
