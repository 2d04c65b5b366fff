//! Two sourcedIds are two people's: a person has said so, and no run holds them as one again.

use super::People;
use crate::account::Account;
use crate::failure::{Failure, Kind, Result};
use crate::roster::ids;
use crate::store::Origin;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Distinct {
    /// It was said before; nothing was changed.
    Before,
    Remembered {
        /// The last run held the two as one person.
        held: bool,
        /// The store knows the other sourcedId: as an account, as one that is held, or as a user without an account.
        known: bool,
    },
}

/// Remembers for good that an account and another sourcedId are two people's. The other one may be of a record that has no account
/// yet. Returns both as they are written in the store, the account first.
///
/// # Errors
/// `Usage` if neither has an account, or both are the same; those of the store.
pub fn distinct(people: &People<'_>, old: &str, new: &str) -> Result<(Distinct, [String; 2])> {
    let store = people.store;
    store.transaction(|| {
        let [mut old, mut new] = [old, new].map(|id| ids::encoded(id.trim()).into_owned());
        if old == new || old.is_empty() || new.is_empty() {
            return Err(Failure::new(
                Kind::Usage,
                "one of the two sourcedIds is empty, or both are the same",
            )
            .cure("write `rostersync users distinct OLD NEW`"));
        }
        let pair = store.same_person(&old)?.filter(|pair| [&pair.old, &pair.new].contains(&&new));
        let is_reversed = match &pair {
            Some(pair) => pair.old == new,
            None => store.account(&old)?.is_none(),
        };
        if is_reversed {
            std::mem::swap(&mut old, &mut new);
        }
        let accounts = [people.account(&old)?].into_iter().chain(store.account(&new)?).collect::<Vec<_>>();
        let known = pair.is_some() || accounts.len() > 1 || store.bystander(&new)?.is_some();
        let said = match store.is_distinct(&old, &new)? || store.is_distinct(&new, &old)? {
            true => Distinct::Before,
            false => Distinct::Remembered { held: pair.is_some(), known },
        };
        if said != Distinct::Before {
            store.put_distinct(&old, &new, people.rules.today)?;
            let other = |account: &Account| if account.sourced_id == old { new.clone() } else { old.clone() };
            for account in &accounts {
                people.record(account, Origin::Operator, "distinct", "", &other(account))?;
            }
        }
        Ok((said, [old, new]))
    })
}
