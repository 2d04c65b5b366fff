//! Channels that a person has left.

use std::collections::HashSet;

use super::People;
use crate::account::Account;
use crate::contact::phone_key;
use crate::failure::Result;
use crate::message::Channel;
use crate::store::{AuditEntry, Origin};

/// Whether a person has left a channel, be it that the owner of the number has answered STOP.
pub fn has_left(account: &Account, channel: Channel, stopped_numbers: &HashSet<String>) -> bool {
    let is_stopped = channel == Channel::Sms && stopped_numbers.contains(phone_key(&account.details.phone));
    account.opt_outs.has_left(channel) || is_stopped
}

impl People<'_> {
    /// The channels that a person has left.
    pub fn left(&self, account: &Account) -> Vec<Channel> {
        let has_left = |channel: &Channel| has_left(account, *channel, &self.rules.opted_out);
        Channel::ALL.into_iter().filter(has_left).collect()
    }
}

/// Has a person leave a channel, or come back. Whether that changes anything.
///
/// # Errors
/// `Usage` if there is no account; those of the store.
pub fn set_opt_out(people: &People<'_>, user: &str, channel: Channel, out: bool) -> Result<bool> {
    people.store.transaction(|| {
        let mut account = people.account(user)?;
        if has_left(&account, channel, &people.rules.opted_out) == out {
            return Ok(false);
        }
        if channel == Channel::Sms && !out {
            // Others that have the number stay as they are.
            people.store.forget_stopped_number(phone_key(&account.details.phone))?;
        }
        // The others that have the number came back with it.
        if account.opt_outs.set(channel, out) {
            people.store.put_opt_outs(account.id, account.opt_outs)?;
            let entry = AuditEntry::of_opt_out(Origin::Operator, channel, out);
            people.store.audit(account.id, None, &entry, people.now)?;
        }
        Ok(true)
    })
}
