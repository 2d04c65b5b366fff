//! Giving and taking the permission to manage users.

use super::refused::Tried;
use super::{People, Refused, is_staff};
use crate::account::Account;
use crate::failure::{Failure, Kind, Result};
use crate::policy::Refusal;
use crate::roster::near_school;
use crate::store::{Grant, Origin};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permission {
    Grant,
    Revoke,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Permitted {
    Changed,
    Before,
    /// Nothing was changed; that it was tried is in the audit.
    Refused(Refused),
}

/// Gives `actor` the permission Users Manager, or takes it away. Accounts that are archived or not staff cannot get it; taking
/// it away is always possible.
///
/// # Errors
/// `Usage` if there is no such account or school; those of the store. A refusal is no error.
pub fn set_permission(
    people: &People<'_>,
    actor: &str,
    grant: &Grant,
    what: Permission,
) -> Result<Permitted> {
    people.store.transaction(|| {
        let account = people.account(actor)?;
        if *grant == Grant::School(String::new()) {
            return Err(Failure::new(Kind::Usage, "the school has no sourcedId")
                .cure("name one, or leave `--school` out for the whole district"));
        }
        let (changed, old, new) = match what {
            Permission::Revoke => (people.store.revoke(account.id, grant)?, grant.word(), ""),
            Permission::Grant => {
                if let Grant::School(id) = grant {
                    known_school(people, id)?;
                }
                let refused = match account.archived {
                    true => Some(Refused::Policy(Refusal::Archived)),
                    false => (!is_staff(&people.roles_of(&account))).then_some(Refused::NotStaff),
                };
                if let Some(refused) = refused {
                    people.record_refusal(&account, Tried::Grant, refused, (Origin::Operator, ""))?;
                    return Ok(Permitted::Refused(refused));
                }
                (people.store.grant(account.id, grant)?, "", grant.word())
            }
        };
        if !changed {
            return Ok(Permitted::Before);
        }
        people.record(&account, Origin::Operator, "users_manager", old, new)?;
        Ok(Permitted::Changed)
    })
}

impl People<'_> {
    /// Ends the permissions of an account: a permission does not come back with its holder, and no other account inherits it.
    pub(super) fn end_permissions(&self, account: &Account) -> Result<Vec<Grant>> {
        let grants = self.store.grants(account.id)?;
        for grant in &grants {
            self.store.revoke(account.id, grant)?;
            self.record(account, Origin::Operator, "users_manager", grant.word(), "")?;
        }
        Ok(grants)
    }
}

fn known_school(people: &People<'_>, id: &str) -> Result<()> {
    let schools = people.store.schools()?;
    if !schools.is_empty() && !schools.contains_key(id) {
        let cure = match near_school(id, &schools) {
            Some(near) => format!("did you mean `{near}`?"),
            None => "the ids of the schools are in the column schools of `rostersync report`".to_owned(),
        };
        return Err(Failure::new(Kind::Usage, format!("no school has the sourcedId `{id}`")).cure(cure));
    }
    Ok(())
}
