//! Permissions that end because their holders were archived and are restored.

use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::people::is_staff;
use crate::plan::{Action, Plan};
use crate::store::{AuditEntry, Grant, Origin, Store};

/// Permissions of people that are restored by this run: by account.
pub(super) struct EndedPermissions(Vec<(i64, Vec<Grant>)>);

impl EndedPermissions {
    /// A permission sleeps while its holder is archived, be it over the summer or because they left
    /// for good. It does not come back with them by itself: it is said once, and given again by
    /// hand where that is right.
    pub(super) fn find(plan: &Plan, store: &Store, findings: &mut Findings) -> Result<Self> {
        let mut ending = Self(Vec::new());
        if plan.summary.count(Action::Restored) == 0 {
            return Ok(ending);
        }
        let grants = store.all_grants()?;
        if grants.is_empty() {
            return Ok(ending);
        }
        plan.each_decided(|row| {
            if row.action == Action::Restored
                && let Some(account) = store.account(row.sourced_id)?
                && let Some(grants) = grants.get(&account.id)
            {
                let places: Vec<&str> = grants.iter().map(Grant::word).collect();
                ending.0.push((account.id, grants.clone()));
                // A parent or student could not be given the permission again, so that is not
                // reported.
                let roles: Vec<String> = row.roles.split('|').map(str::to_owned).collect();
                if !is_staff(&roles) {
                    return Ok(());
                }
                findings.attention("permission-ended", At::file("users"), || {
                    format!(
                        "the user {id} is back and could manage users before (of {}); the permission has ended, and \
                         `rostersync users grant {id} users-manager` gives it again",
                        places.join(", "),
                        id = row.sourced_id
                    )
                });
            }
            Ok(())
        })?;
        Ok(ending)
    }

    pub(super) fn write(&self, store: &Store, run: i64, now: chrono::DateTime<chrono::Utc>) -> Result<()> {
        for (account, grants) in &self.0 {
            for grant in grants {
                store.revoke(*account, grant)?;
                let entry = AuditEntry {
                    origin: Origin::Sync,
                    field: "users_manager".into(),
                    old: grant.word().into(),
                    new: String::new(),
                };
                store.audit(*account, Some(run), &entry, now)?;
            }
        }
        Ok(())
    }
}
