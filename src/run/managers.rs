//! Who comes back with a permission.

use crate::failure::Result;
use crate::plan::{Action, Plan};
use crate::store::Store;

/// A permission sleeps while somebody is archived, be it over the summer or because they left for good. Whoever comes back
/// has it again, and somebody should think of it.
///
/// # Errors
/// Those of the store and the plan.
pub(super) fn warn(plan: &Plan, store: &Store) -> Result<()> {
    let grants = store.all_grants()?;
    plan.each_decided(|row| {
        if row.action == Action::Restored
            && let Some(account) = store.account(&row.sourced_id)?
            && grants.contains_key(&account.id)
        {
            tracing::warn!(
                user = &*row.sourced_id,
                "a user who is restored can manage users again; `rostersync users revoke` takes that away"
            );
        }
        Ok(())
    })
}
