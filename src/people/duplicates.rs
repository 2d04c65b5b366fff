//! Accounts that may be one person's: the same name, and the same email or mobile.
//!
//! A guess for people to look at. Father and son can share a name and an address. Those of whom a person has said that they are
//! two people are left out.

use std::collections::{BTreeSet, HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use super::People;
use crate::account::Account;
use crate::contact::likeness_keys;
use crate::failure::Result;
use crate::roles;
use crate::roster::RoleList;

/// Another pending or active account has the same name and credential.
const DUPLICATE: &str = "possible-duplicate";

/// A pending or active account of another kind of people has the same name and the same email, user name or identifier.
const SAME_PERSON: &str = "same-person";

/// An older, archived account has: the SIS may have given the person a new sourcedId.
const REKEY: &str = "possible-rekey";

/// The accounts that are like another, by row in the store: the codes that say how, and which others by sourcedId.
pub type Likenesses = HashMap<i64, (BTreeSet<&'static str>, BTreeSet<String>)>;

/// An account under one of its keys: a hash, so that a million accounts take a few words each.
struct Keyed {
    key: u64,
    id: i64,
    archived: bool,
    /// What they have in common besides the name.
    by: By,
    kinds: u8,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Email,
    Phone,
    /// User name or identifier. Within one kind of people these are looked at where a sourcedId changes.
    OtherId,
}

/// Finds the accounts that may be another's.
pub fn likenesses(people: &People<'_>) -> Result<Likenesses> {
    let store = people.store;
    let renamed: HashSet<i64> = store.rekeyed()?;
    let mut distinct: HashSet<(String, String)> = HashSet::new();
    store.each_distinct(|old, new| {
        distinct.insert((old.to_owned(), new.to_owned()));
    })?;
    let mut keyed: Vec<Keyed> = Vec::new();
    store.each_account(|account| {
        // What was left behind under the old sourcedId is known to be the person's.
        if !(account.archived && renamed.contains(&account.id)) {
            let kinds = roles::kinds(RoleList(&account.sis.roles).iter().map(|held| held.role));
            let of = |key, by| Keyed { key, id: account.id, archived: account.archived, by, kinds };
            let [email, phone] = likeness_keys(&account.details);
            keyed.extend(email.map(|key| of(key, By::Email)));
            keyed.extend(phone.map(|key| of(key, By::Phone)));
            if !account.archived {
                keyed.extend(other_ids(account).into_iter().flatten().map(|key| of(key, By::OtherId)));
            }
        }
        Ok(())
    })?;
    keyed.sort_unstable_by_key(|one| (one.key, one.id));
    let mut found = Likenesses::new();
    for group in keyed.chunk_by(|a, b| a.key == b.key).filter(|group| group.len() > 1) {
        for one in group.iter().filter(|one| !one.archived) {
            for other in group.iter().filter(|other| other.id != one.id) {
                let is_other_kind = one.kinds != 0 && other.kinds != 0 && one.kinds & other.kinds == 0;
                let code = match other.archived {
                    false if is_other_kind && one.by != By::Phone => SAME_PERSON,
                    false if one.by == By::OtherId => continue,
                    false => DUPLICATE,
                    true if other.id < one.id => REKEY,
                    true => continue,
                };
                let Some(like) = store.account_by_id(other.id)? else { continue };
                if !distinct.is_empty() {
                    let own = store.sourced_id(one.id)?;
                    let pair = (own, like.sourced_id.clone());
                    if distinct.contains(&pair) || distinct.contains(&(pair.1, pair.0)) {
                        continue;
                    }
                }
                let entry = found.entry(one.id).or_default();
                entry.0.insert(code);
                entry.1.insert(like.sourced_id);
            }
        }
    }
    Ok(found)
}

/// Hashes of the name with the user name, and with the identifier, as the SIS gives them.
fn other_ids(account: &Account) -> [Option<u64>; 2] {
    let name = account.details.name.key();
    let key = |kind: &str, value: &str| {
        (!name.is_empty() && !value.is_empty())
            .then(|| xxh3_64(format!("{kind}\t{name}\t{value}").as_bytes()))
    };
    let username = account.sis.username.map(|hash| format!("{hash:x}"));
    [
        key("username", &username.unwrap_or_default()),
        key("identifier", account.sis.identifier.as_deref().unwrap_or_default().trim()),
    ]
}

/// Whether an account may be the same person's as this older one.
pub(super) fn is_like(account: &Account, other: &Account) -> bool {
    let others: Vec<u64> = likeness_keys(&other.details).into_iter().flatten().collect();
    likeness_keys(&account.details).into_iter().flatten().any(|key| others.contains(&key))
}
