//! Giving and taking the permission to manage users.

use super::{People, is_staff};
use crate::failure::{Failure, Kind, Result};
use crate::store::{AuditEntry, Grant, Origin};

/// What is to be done with the permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Grant,
    Revoke,
}

/// Gives `actor` the permission Users Manager, or takes it away; false if it was so already.
///
/// # Errors
/// `Usage` if there is no such account or school; `Blocked` if the permission is to be given to somebody who is not staff
/// or is archived. Taking it away is always possible.
pub fn set_permission(people: &People<'_>, actor: &str, grant: &Grant, what: Permission) -> Result<bool> {
    let store = people.store;
    store.begin()?;
    let account = people.account(actor)?;
    if *grant == Grant::School(String::new()) {
        return Err(Failure::new(Kind::Usage, "the school has no sourcedId")
            .cure("name one, or leave `--school` out for the whole district"));
    }
    if what == Permission::Grant {
        if let Grant::School(id) = grant {
            known_school(people, id)?;
        }
        let refused = |what: &str, cure: &str| {
            Err(Failure::new(Kind::Blocked, format!("`{actor}` {what}"))
                .at(format!("user {actor}"))
                .cure(cure))
        };
        if account.archived {
            return refused("is archived", "give the permission to somebody who is in the SIS import");
        }
        if !is_staff(&people.roles_of(&account)) {
            return refused(
                "is not staff, and only staff can manage users",
                "give the permission to somebody with a role at a school",
            );
        }
    }
    let changed = match what {
        Permission::Grant => store.grant(account.id, grant)?,
        Permission::Revoke => store.revoke(account.id, grant)?,
    };
    if !changed {
        store.rollback()?;
        return Ok(false);
    }
    let (old, new) = match what {
        Permission::Grant => ("", grant.word()),
        Permission::Revoke => (grant.word(), ""),
    };
    let entry = AuditEntry {
        origin: Origin::Operator,
        field: "users_manager".into(),
        old: old.into(),
        new: new.into(),
    };
    store.audit(account.id, None, &entry, people.now)?;
    store.commit()?;
    Ok(true)
}

fn known_school(people: &People<'_>, id: &str) -> Result<()> {
    let schools = people.store.schools()?;
    if !schools.is_empty() && !schools.contains_key(id) {
        let near =
            schools.keys().max_by(|a, b| strsim::jaro_winkler(a, id).total_cmp(&strsim::jaro_winkler(b, id)));
        let cure = near.map_or_else(String::new, |near| format!("did you mean `{near}`?"));
        return Err(Failure::new(Kind::Usage, format!("no school has the sourcedId `{id}`")).cure(cure));
    }
    Ok(())
}
