//! Under `shared_contacts = "unique"`: which old credentials another account has by now, judged as
//! things would be after the undo. A value that is kept wins over one that is given back; of two
//! that would be given back neither is.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::Undo;
use super::decide::Part;
use crate::contact::Field;
use crate::failure::Result;
use crate::plan::{Claim, refusals};

/// The accounts, by row in the store, and credentials that are not given back.
pub(super) fn taken(undo: &Undo<'_>) -> Result<HashSet<(i64, Field)>> {
    let mut taken = HashSet::new();
    let mut ids: HashMap<String, i64> = HashMap::new();
    for field in [Field::Email, Field::Phone] {
        let mut claims: BTreeMap<String, Claim> = BTreeMap::new();
        undo.people.store.each_account(|account| {
            let value = account.details.credential_hash(field);
            if value.is_some() && !account.archived {
                let claim = Claim { after: value, otherwise: value, is_new: false, is_needed: false };
                claims.insert(account.sourced_id.clone(), claim);
            }
            Ok(())
        })?;
        undo.walk(&mut |before, after, values| {
            let given_back =
                values.iter().any(|value| value.part == Part::Value(field) && value.is_given_back());
            if given_back {
                let (otherwise, after) =
                    (before.details.credential_hash(field), after.details.credential_hash(field));
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
