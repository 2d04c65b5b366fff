//! Accounts that may be one person's: the same name, and the same email or mobile.
//!
//! A guess for people to look at. Father and son can share a name and an address.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::People;
use crate::account::Account;
use crate::contact::likeness_keys;
use crate::failure::Result;

/// What an account may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Likeness {
    /// Another pending or active account has the same name and credential.
    Duplicate,
    /// An older, archived account has: the SIS may have given the person a new sourcedId.
    Rekey,
}

impl Likeness {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Duplicate => "possible-duplicate",
            Self::Rekey => "possible-rekey",
        }
    }
}

/// The accounts that are like another, by row in the store: how, and which others by sourcedId.
pub type Likenesses = HashMap<i64, (BTreeSet<Likeness>, BTreeSet<String>)>;

/// An account under one of its keys: a hash, so that a million accounts take a few words each.
struct Keyed {
    key: u64,
    id: i64,
    archived: bool,
}

/// Finds the accounts that may be another's.
///
/// # Errors
/// Those of the store.
pub fn likenesses(people: &People<'_>) -> Result<Likenesses> {
    let store = people.store;
    let renamed: HashSet<i64> = store.rekeyed()?;
    let mut keyed: Vec<Keyed> = Vec::new();
    store.each_account(|account| {
        // What was left behind under the old sourcedId is known to be the person's.
        if !(account.archived && renamed.contains(&account.id)) {
            let of = |key| Keyed { key, id: account.id, archived: account.archived };
            keyed.extend(likeness_keys(&account.details).into_iter().flatten().map(of));
        }
        Ok(())
    })?;
    keyed.sort_unstable_by_key(|one| (one.key, one.id));
    let mut found = Likenesses::new();
    for group in keyed.chunk_by(|a, b| a.key == b.key).filter(|group| group.len() > 1) {
        for one in group.iter().filter(|one| !one.archived) {
            for other in group.iter().filter(|other| other.id != one.id) {
                let likeness = match other.archived {
                    false => Likeness::Duplicate,
                    true if other.id < one.id => Likeness::Rekey,
                    true => continue,
                };
                let Some(like) = store.account_by_id(other.id)? else { continue };
                let entry = found.entry(one.id).or_default();
                entry.0.insert(likeness);
                entry.1.insert(like.sourced_id);
            }
        }
    }
    Ok(found)
}

/// Whether an account may be the same person's as this older one.
pub(super) fn is_like(account: &Account, other: &Account) -> bool {
    let others: Vec<u64> = likeness_keys(&other.details).into_iter().flatten().collect();
    likeness_keys(&account.details).into_iter().flatten().any(|key| others.contains(&key))
}
