//! Under `shared_contacts = "unique"`: which old credentials another account has by now, judged as
//! things would be after the undo. A value that is kept wins over one that is given back; of two
//! that would be given back neither is.

use std::collections::{BTreeMap, HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use super::Undo;
use crate::contact::{Details, Field, email_key, phone_key};
use crate::failure::Result;
use crate::plan::{Claim, refusals};

fn hash(details: &Details, field: Field) -> Option<u64> {
    let key = match field {
        Field::Email => email_key(&details.email).into_owned(),
        Field::Phone => phone_key(&details.phone).to_owned(),
        Field::Name | Field::HomePhone => return None,
    };
    (!key.is_empty()).then(|| xxh3_64(key.as_bytes()))
}

/// The accounts, by row in the store, and credentials that are not given back.
pub(super) fn taken(undo: &Undo<'_>) -> Result<HashSet<(i64, Field)>> {
    let mut taken = HashSet::new();
    let mut ids: HashMap<String, i64> = HashMap::new();
    for field in [Field::Email, Field::Phone] {
        let mut claims: BTreeMap<String, Claim> = BTreeMap::new();
        undo.people.store.each_account(|account| {
            let value = hash(&account.details, field);
            if value.is_some() && !account.archived {
                let claim = Claim { after: value, otherwise: value, is_new: false, is_needed: false };
                claims.insert(account.sourced_id.clone(), claim);
            }
            Ok(())
        })?;
        undo.walk(&mut |before, after, values| {
            let given_back = values.iter().any(|value| value.field == field && value.is_given_back());
            if given_back {
                let (otherwise, after) = (hash(&before.details, field), hash(&after.details, field));
                ids.insert(before.sourced_id.clone(), before.id);
                claims.insert(
                    before.sourced_id.clone(),
                    Claim { after, otherwise, is_new: after.is_some(), is_needed: false },
                );
            }
            Ok(())
        })?;
        taken.extend(refusals(&claims).into_keys().filter_map(|id| ids.get(&id).map(|row| (*row, field))));
    }
    Ok(taken)
}
