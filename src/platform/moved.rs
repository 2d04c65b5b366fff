//! Rows of the export under a sourcedId that an account had before.
//!
//! The SIS has given a person another sourcedId, and the platform has not heard of it yet. Until its
//! export shows the new one, the row under the old one is that person's.

use std::cell::OnceCell;

use super::Row;
use crate::failure::Result;
use crate::store::Store;

/// Whose row it is, if the account has another sourcedId now.
pub struct Moved {
    pub(super) sourced_id: String,
    /// Grows with time: of two rows under earlier sourcedIds of one account, the later one counts.
    pub(super) rank: i64,
}

/// Finds out whose row it is. On most nights there is nothing to find, and then nothing is asked.
pub fn moved_rows(store: &Store) -> impl Fn(&Row) -> Result<Option<Moved>> {
    let has_any: OnceCell<bool> = OnceCell::new();
    move |row| {
        let has_any = match has_any.get() {
            Some(has_any) => *has_any,
            None => *has_any.get_or_init(|| store.has_earlier_ids().unwrap_or(true)),
        };
        if !has_any {
            return Ok(None);
        }
        let Some((rank, account)) = store.earlier_id(&row.sourced_id)? else { return Ok(None) };
        let Some(owner) = store.account_by_id(account)? else { return Ok(None) };
        // Another account can have the sourcedId by now. Then the row says whom it shows.
        let holder = store.account(&row.sourced_id)?.filter(|holder| !holder.archived);
        let is_owners = holder.is_none_or(|holder| row.is_about(&owner) && !row.is_about(&holder));
        let is_owners = is_owners && owner.sourced_id != row.sourced_id;
        Ok(is_owners.then_some(Moved { sourced_id: owner.sourced_id, rank }))
    }
}
