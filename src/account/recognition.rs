//! By what a person is recognised under another sourcedId, besides the details: hashes of the user name and of other systems' ids.
//!
//! They serve no other purpose, so the texts themselves are not kept.

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

use crate::contact::email_key;
use crate::value::is_no_id;

/// Of a user name in normal form: trimmed and without case. None if it is blank, zeros, or a word for no value.
pub fn username_hash(username: &str) -> Option<u64> {
    // Many user names are email addresses.
    let normal = email_key(username);
    (!is_no_id(&normal)).then(|| xxh3_64(normal.as_bytes()))
}

/// Hashes of the ids that a person has in other systems, sorted, 8 bytes each.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserIds(Vec<u8>);

impl UserIds {
    /// Of a list as OneRoster CSV writes it: `{type:id},{type:id}`. Entries without an id are left out, also those with zeros or a word for no value.
    pub fn of(list: &str) -> Self {
        let mut hashes: Vec<u64> = list.split(',').filter_map(user_id_hash).collect();
        hashes.sort_unstable();
        hashes.dedup();
        Self(hashes.into_iter().flat_map(u64::to_le_bytes).collect())
    }

    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.0.as_chunks().0.iter().map(|hash| u64::from_le_bytes(*hash))
    }
}

fn user_id_hash(entry: &str) -> Option<u64> {
    let normal = email_key(entry.trim().trim_start_matches('{').trim_end_matches('}'));
    let (kind, id) = normal.split_once(':').unwrap_or(("", &normal));
    let (kind, id) = (kind.trim(), id.trim());
    (!is_no_id(id)).then(|| xxh3_64(format!("{kind}:{id}").as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn user_names_are_compared_without_case() {
        assert_eq!(username_hash(" RDiaz "), username_hash("rdiaz"));
        assert_ne!(username_hash("rdiaz"), username_hash("rdiaz2"));
        assert_eq!(username_hash("  "), None);
    }

    #[test]
    fn ids_of_other_systems_are_compared_with_their_types() {
        let of = |list: &str| UserIds::of(list).iter().collect::<Vec<_>>();
        assert_eq!(of("{LDAP:rdiaz},{Fed:12}"), of(" {fed: 12 } ,{ldap:RDIAZ}"));
        assert_eq!(of("{LDAP:rdiaz}"), of("LDAP:rdiaz"));
        assert_ne!(of("{LDAP:12}"), of("{Fed:12}"));
        assert_eq!(of("{LDAP:12},{Fed:12}").len(), 2);
        assert!(of("{LDAP:},{:0},{},,{Fed:000}").is_empty());
        let ids = UserIds::of("{LDAP:12},{Fed:12}");
        assert!(UserIds::from_bytes(ids.as_bytes()) == ids);
    }
}
