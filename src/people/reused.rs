//! What a person decides about a sourcedId that another person seems to have now: it is the same person, or it is another one.

use super::People;
use crate::account::{Account, KeptSince, State};
use crate::failure::{Failure, Kind, Result};
use crate::store::{Grant, Origin};

/// The same person is back: restores the account to what it was. The next run decides about the details. Returns the state
/// that it has again, and where the person could manage users before, which has ended.
///
/// # Errors
/// `Usage` if there is no such account; `Blocked` if no run holds it; those of the store.
pub fn same(people: &People<'_>, user: &str) -> Result<(State, Vec<Grant>)> {
    people.store.transaction(|| {
        let before = held(people, user, false)?;
        people.refuse_suppressed(&before.sourced_id)?;
        let after = Account { archived: false, kept_since: KeptSince::default(), ..before.clone() };
        people.store.update_account(&after)?;
        people.record(&before, Origin::Operator, "state", before.state_word(), after.state_word())?;
        Ok((after.state, people.end_permissions(&after)?))
    })
}

/// It is another person: the old account goes on under another sourcedId, archived. The next run that has the record gives the
/// other person an account. Returns the sourcedId that the old account has now, and its permissions, which have ended.
pub fn another(people: &People<'_>, user: &str) -> Result<(String, Vec<Grant>)> {
    people.store.transaction(|| {
        let before = held(people, user, true)?;
        let mut number = 1;
        while people.store.account(&Account::set_apart(&before.sourced_id, number))?.is_some() {
            number += 1;
        }
        let moved_to = Account::set_apart(&before.sourced_id, number);
        let after = Account { sourced_id: moved_to, kept_since: KeptSince::default(), ..before.clone() };
        people.store.rekey_account(&after)?;
        people.record(&before, Origin::Operator, "sourced_id", &before.sourced_id, &after.sourced_id)?;
        let ended = people.end_permissions(&after)?;
        Ok((after.sourced_id, ended))
    })
}

/// The account that the last run holds. From now on it counts as decided.
fn held(people: &People<'_>, user: &str, is_another: bool) -> Result<Account> {
    let account = people.account(user)?;
    let mut night = people.store.last_night()?.unwrap_or_default();
    if night.reused.remove(&account.sourced_id).is_none() || !account.archived {
        return Err(Failure::new(
            Kind::Blocked,
            format!(
                "`{}` is not held: no run has found another person under this sourcedId",
                account.sourced_id
            ),
        )
        .cure("`rostersync status` lists the users that are held; only they are to be decided"));
    }
    if is_another {
        night.reassigned_ids.insert(account.sourced_id.clone());
    }
    people.store.keep_night(&night)?;
    Ok(account)
}
