//! Changes of which the person has not been told yet: the message waits, or was refused. Its text
//! may no longer be true when there is something new to tell.

use std::collections::{HashMap, HashSet};
use std::fmt;

use chrono::{DateTime, Utc};
use rusqlite::named_params;

use super::{
    AT_REST, CURRENT, DISCARDED, FAILED, FORMER, GONE, NOT_ARRIVED, OUT_OF_DATE, QUEUED, SENDING, SENT,
    UNKNOWN, WAITING,
};
use crate::contact::phone_key;
use crate::contact::{Details, Field};
use crate::failure::Result;
use crate::message::{Audience, Channel, Recipient};
use crate::store::Origin;
use crate::store::Store;
use crate::store::sql::{stamp, text};

/// What a person has not been told of yet.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UndeliveredChanges {
    /// The first of those changes, in the audit.
    pub first_change_id: i64,
    /// What the changed fields were before, as the audit keeps it.
    before: Vec<(Field, String)>,
    /// The old addresses and numbers that have a message about them.
    former: Vec<(Channel, String)>,
}

/// Personal data stays out of logs.
impl fmt::Debug for UndeliveredChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UndeliveredChanges(first_change_id {})", self.first_change_id)
    }
}

impl UndeliveredChanges {
    /// The details of which the person was told last.
    pub fn last_told(&self, now: &Details) -> Details {
        let mut told = now.clone();
        for (field, old) in &self.before {
            told.put_recorded(*field, old);
        }
        told
    }

    /// Whether there is a message already for an old address.
    pub fn tells(&self, recipient: &Recipient) -> bool {
        recipient.audience == Audience::Former
            && self.former.iter().any(|(channel, address)| {
                *channel == recipient.channel && address.eq_ignore_ascii_case(&recipient.address)
            })
    }
}

impl Store {
    /// Changes of which people have not been told yet, by account; of one account, or of all.
    ///
    /// A message that is being handed over just now counts as told, one that was given up by hand
    /// as well.
    pub fn undelivered_changes(&self, only: Option<i64>) -> Result<HashMap<i64, UndeliveredChanges>> {
        // Apart, since each state has an index of its own.
        let part = |states: String| {
            format!(
                "SELECT account_id, first_change FROM outbox WHERE {states} AND audience = '{CURRENT}' \
                 AND state <> {SENDING} AND first_change NOT NULL AND (:only IS NULL OR account_id = :only) \
                 AND NOT EXISTS (SELECT 1 FROM outbox later WHERE later.account_id = outbox.account_id \
                 AND later.audience = '{CURRENT}' AND later.state = {SENT} AND later.id > outbox.id)"
            )
        };
        let query = format!(
            "SELECT account_id, min(first_change) AS first_change_id FROM ({} UNION ALL {} UNION ALL {}) GROUP BY account_id",
            part(format!("state IN {WAITING}")),
            part(format!("state = {FAILED}")),
            part(format!("state = {DISCARDED} AND reason = '{GONE}'"))
        );
        let found: Vec<(i64, i64)> = self.all(&query, named_params! { ":only": only }, |row| {
            Ok((row.get("account_id")?, row.get("first_change_id")?))
        })?;
        let changes = |(account, first_change_id)| {
            let (before, former) =
                (self.before(account, first_change_id)?, self.former_told(account, first_change_id)?);
            Ok((account, UndeliveredChanges { first_change_id, before, former }))
        };
        found.into_iter().map(changes).collect()
    }

    /// What the sync, or a person by hand, has changed since, and from what.
    fn before(&self, account: i64, first_change_id: i64) -> Result<Vec<(Field, String)>> {
        let mut before: Vec<(Field, String)> = Vec::new();
        self.each(
            "SELECT field, coalesce(old, '') AS old FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id \
             WHERE account_id = :account AND audit_row.id >= :first_change_id AND origin <> :platform ORDER BY audit_row.id",
            named_params! { ":account": account, ":first_change_id": first_change_id, ":platform": Origin::Platform },
            ["field", "old"],
            |row, [field, old]| {
                if let Some(field) = Field::of_key(text(row, field)?)
                    && before.iter().all(|(known, _)| *known != field)
                {
                    before.push((field, row.get(old)?));
                }
                Ok(())
            },
        )?;
        Ok(before)
    }

    fn former_told(&self, account: i64, first_change_id: i64) -> Result<Vec<(Channel, String)>> {
        self.all(
            &format!(
                "SELECT channel, recipient FROM outbox WHERE account_id = ?1 AND audience = '{FORMER}' \
                 AND first_change >= ?2 AND NOT (state = {DISCARDED} AND reason = '{OUT_OF_DATE}')"
            ),
            [account, first_change_id],
            |row| Ok((row.get("channel")?, row.get("recipient")?)),
        )
    }

    /// Gives up messages that wait for a person and are no longer true: what the person is told
    /// anew, and that an address is an old one that the person has again.
    pub fn drop_out_of_date(&self, account: i64, now: &Details, at: DateTime<Utc>) -> Result<()> {
        self.write(
            &format!(
                "UPDATE outbox SET state = {DISCARDED}, due = NULL, settled = :at, reason = '{OUT_OF_DATE}' \
                 WHERE account_id = :account \
                 AND (state IN {AT_REST} OR state = {DISCARDED} AND reason = '{GONE}') \
                 AND (audience = '{CURRENT}' AND first_change NOT NULL \
                 OR audience = '{FORMER}' AND recipient IN (:email, :phone))"
            ),
            named_params! {
                ":account": account, ":at": stamp(at), ":email": now.email, ":phone": phone_key(&now.phone),
            },
        )
    }

    /// Gives up all that waits for a person that has left. A message that is not tried again by
    /// itself stays for a person to decide on.
    pub fn drop_all_waiting(&self, account: i64, at: DateTime<Utc>) -> Result<()> {
        self.write(
            &format!(
                "UPDATE outbox SET state = {DISCARDED}, due = NULL, settled = ?2, reason = '{GONE}' \
                 WHERE account_id = ?1 AND (state IN {NOT_ARRIVED} OR state = {UNKNOWN} AND due NOT NULL)"
            ),
            (account, stamp(at)),
        )
    }

    /// How many messages wait for a person.
    pub fn waiting_for_account(&self, account: i64) -> Result<u64> {
        self.value(
            &format!("SELECT count(*) FROM outbox WHERE account_id = ?1 AND state IN {WAITING}"),
            [account],
        )
    }

    /// Sends nothing to an account from now on, until [`Store::go_on`].
    pub fn stop(&self, account: i64, at: DateTime<Utc>) -> Result<()> {
        self.write("INSERT OR IGNORE INTO stopped (account_id, since) VALUES (?1, ?2)", (account, stamp(at)))
    }

    /// The accounts to which nothing is sent.
    pub fn stopped(&self) -> Result<HashSet<i64>> {
        self.all("SELECT account_id FROM stopped", [], |row| row.get(0))
    }

    pub fn is_stopped(&self, account: i64) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM stopped WHERE account_id = ?1)", [account])
    }

    pub fn go_on(&self, account: i64) -> Result<()> {
        self.write("DELETE FROM stopped WHERE account_id = ?1", [account])
    }

    /// Whether a message was given up because its person has left.
    pub fn has_gone(&self) -> Result<bool> {
        let condition = format!("state = {DISCARDED} AND reason = '{GONE}'");
        self.value(&format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE {condition})"), [])
    }

    /// Queues what was given up because its person had left, now that the person is back; but not
    /// to an address that the person no longer has.
    pub fn queue_again(&self, account: i64, now: &Details, at: DateTime<Utc>) -> Result<()> {
        self.execute(
            &format!(
                "UPDATE outbox SET reason = '{OUT_OF_DATE}' WHERE account_id = :account AND state = {DISCARDED} \
                 AND reason = '{GONE}' AND audience = '{CURRENT}' AND lower(recipient) NOT IN (lower(:email), :phone)"
            ),
            named_params! { ":account": account, ":email": now.email, ":phone": phone_key(&now.phone) },
        )?;
        // As by hand: what may have arrived is looked up where that is possible, and not repeated
        // for ever.
        self.write(
            &format!(
                "UPDATE outbox SET attempts = 0, settled = ?2, reason = '', due = CASE WHEN lost > 0 THEN ?2 END, \
                 state = CASE WHEN lost > 0 THEN {UNKNOWN} ELSE {QUEUED} END \
                 WHERE account_id = ?1 AND state = {DISCARDED} AND reason = '{GONE}'"
            ),
            (account, stamp(at)),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::message::{DeliveryState, Message};
    use crate::store::{AuditEntry, Origin, Settled};

    /// A person has left while four messages waited, and is back with another mobile.
    #[test]
    fn who_is_back_is_told_what_is_so_by_then_and_nothing_twice() {
        let (store, at) = (Store::empty().unwrap(), "2026-11-23T08:15:00Z".parse().unwrap());
        let account = store.insert_account(&Account::new("p-1")).unwrap();
        let entry =
            AuditEntry { origin: Origin::Sync, field: "name".into(), old: String::new(), new: String::new() };
        let queue = |channel, audience, address: &str| {
            store.audit(account, None, &entry, at).unwrap();
            let to = Recipient { channel, audience, address: address.into() };
            let empty = String::new;
            let message = Message { to, subject: empty(), body: empty(), html: empty() };
            store.queue(None, account, &message, None, at).unwrap();
        };
        for (audience, address) in [
            // It may have arrived, and is tried again; then, one that a person has to decide about.
            (Audience::Current, "Rosa@x.example"),
            (Audience::Former, "old@x.example"),
        ] {
            queue(Channel::Email, audience, address);
            let waiting = store.settle_and_take(None, Some((Channel::Email, at))).unwrap().unwrap();
            let settled = Settled {
                id: waiting.id,
                state: DeliveryState::Unknown,
                at,
                due: (audience == Audience::Current).then_some(at),
                reason: "lost".into(),
                reference: String::new(),
                uncounted: false,
                trying: 0,
                lost: true,
            };
            store.settle_and_take(Some(&settled), None).unwrap();
        }
        queue(Channel::Sms, Audience::Current, "+17185550142");
        queue(Channel::Sms, Audience::Former, "+17185550143");
        let states = || {
            let all = store.outbox(&crate::store::OutboxFilter::default(), 9).unwrap();
            let all = all
                .into_iter()
                .rev()
                .map(|row| format!("{} {} {}", row.state.word(), row.reason, row.due.is_some()));
            all.collect::<Vec<_>>()
        };
        store.drop_all_waiting(account, at).unwrap();
        let gone = "discarded no longer there false";
        assert_eq!(states(), [gone, "unknown lost false", gone, gone]);
        assert!(store.has_gone().unwrap());
        let now =
            Details { email: "rosa@x.example".into(), phone: "+17185550199".into(), ..Details::default() };
        store.queue_again(account, &now, at).unwrap();
        let expected =
            ["unknown  true", "unknown lost false", "discarded out of date false", "queued  false"];
        assert_eq!(states(), expected);
        assert!(!store.has_gone().unwrap());
    }
}
