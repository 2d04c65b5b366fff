//! People who have not been told yet of something that changed: their message waits, or was refused. What it says may not be
//! so any more when there is something new to say.

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use rusqlite::named_params;

use super::{GONE, OUT_OF_DATE, WAITING};
use crate::contact::{Details, Field};
use crate::failure::Result;
use crate::message::{Audience, Channel, Recipient};
use crate::store::Store;
use crate::store::runs::stamp;

/// What somebody has not been told of yet.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct UndeliveredChanges {
    /// The first of those changes, in the audit.
    pub since: i64,
    /// What the changed fields were before, as the audit keeps it.
    before: Vec<(Field, String)>,
    /// The old addresses and numbers that have a message about them.
    former: Vec<(Channel, String)>,
}

/// Personal data stays out of logs.
impl fmt::Debug for UndeliveredChanges {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "UndeliveredChanges(since {})", self.since)
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
    /// Who has not been told yet of something that changed, by account; of one account, or of all.
    ///
    /// A message that is being handed over just now counts as told, one that was given up by hand as well.
    pub fn undelivered_changes(&self, only: Option<i64>) -> Result<HashMap<i64, UndeliveredChanges>> {
        // Apart, since each state has an index of its own.
        let part = |states: &str| {
            format!(
                "SELECT account_id, first_change FROM outbox WHERE {states} AND audience = 'current' \
                 AND state <> 'sending' AND first_change NOT NULL AND (:only IS NULL OR account_id = :only) \
                 AND NOT EXISTS (SELECT 1 FROM outbox later WHERE later.account_id = outbox.account_id \
                 AND later.audience = 'current' AND later.state = 'sent' AND later.id > outbox.id)"
            )
        };
        let query = format!(
            "SELECT account_id, min(first_change) FROM ({} UNION ALL {} UNION ALL {}) GROUP BY account_id",
            part(WAITING),
            part("state = 'failed'"),
            part(&format!("state = 'discarded' AND reason = '{GONE}'"))
        );
        let mut statement = self.connection.prepare(&query)?;
        let rows =
            statement.query_map(named_params! { ":only": only }, |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut undelivered = HashMap::new();
        for row in rows {
            let (account, since): (i64, i64) = row?;
            let (before, former) = (self.before(account, since)?, self.former_told(account, since)?);
            undelivered.insert(account, UndeliveredChanges { since, before, former });
        }
        Ok(undelivered)
    }

    /// What the sync, or somebody by hand, has changed since, and from what.
    fn before(&self, account: i64, since: i64) -> Result<Vec<(Field, String)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT field, coalesce(old, '') FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id \
             WHERE account_id = ?1 AND audit_row.id >= ?2 AND origin <> 'platform' ORDER BY audit_row.id",
        )?;
        let rows = statement
            .query_map([account, since], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let mut before: Vec<(Field, String)> = Vec::new();
        for row in rows {
            let (key, old) = row?;
            if let Some(field) = Field::of_key(&key)
                && before.iter().all(|(known, _)| *known != field)
            {
                before.push((field, old));
            }
        }
        Ok(before)
    }

    fn former_told(&self, account: i64, since: i64) -> Result<Vec<(Channel, String)>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT channel, recipient FROM outbox WHERE account_id = ?1 AND audience = 'former' AND first_change >= ?2 \
             AND NOT (state = 'discarded' AND reason = ?3)",
        )?;
        let rows = statement.query_map(rusqlite::params![account, since, OUT_OF_DATE], |row| {
            let channel = match row.get_ref(0)?.as_str()? {
                "sms" => Channel::Sms,
                _ => Channel::Email,
            };
            Ok((channel, row.get(1)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Gives up what waits for somebody and is not so any more: what the person is told anew, and that an address is an old
    /// one which is theirs again.
    pub fn drop_out_of_date(&self, account: i64, now: &Details, at: DateTime<Utc>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET state = 'discarded', due = NULL, settled = :at, reason = :reason \
             WHERE account_id = :account \
             AND (state IN ('queued', 'deferred', 'unknown') OR state = 'discarded' AND reason = :gone) \
             AND (audience = 'current' AND first_change NOT NULL \
             OR audience = 'former' AND recipient IN (:email, :phone))",
        )?;
        statement.execute(named_params! {
            ":account": account, ":at": stamp(at), ":reason": OUT_OF_DATE, ":gone": GONE,
            ":email": now.email, ":phone": crate::contact::phone_key(&now.phone),
        })?;
        Ok(())
    }

    /// Gives up all that waits for somebody who is no longer there to be told. What is not tried again by itself stays for
    /// whoever decides on it.
    pub fn drop_all_waiting(&self, account: i64, at: DateTime<Utc>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET state = 'discarded', due = NULL, settled = ?2, reason = ?3 \
             WHERE account_id = ?1 AND (state IN ('queued', 'deferred') OR state = 'unknown' AND due NOT NULL)",
        )?;
        statement.execute(rusqlite::params![account, stamp(at), GONE])?;
        Ok(())
    }

    /// Whether something was given up because somebody has left.
    pub fn has_gone(&self) -> Result<bool> {
        let query =
            format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE state = 'discarded' AND reason = '{GONE}')");
        Ok(self.connection.query_row(&query, [], |row| row.get(0))?)
    }

    /// Queues what was given up because somebody had left who is back, unless the address is not theirs any more.
    pub fn queue_again(&self, account: i64, now: &Details, at: DateTime<Utc>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET reason = :out_of_date WHERE account_id = :account AND state = 'discarded' \
             AND reason = :gone AND audience = 'current' AND lower(recipient) NOT IN (lower(:email), :phone)",
        )?;
        statement.execute(named_params! {
            ":account": account, ":out_of_date": OUT_OF_DATE, ":gone": GONE,
            ":email": now.email, ":phone": crate::contact::phone_key(&now.phone),
        })?;
        // As by hand: what may have arrived is looked up where that is possible, and not repeated for ever.
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET attempts = 0, settled = ?2, reason = '', due = CASE WHEN lost > 0 THEN ?2 END, \
             state = CASE WHEN lost > 0 THEN 'unknown' ELSE 'queued' END \
             WHERE account_id = ?1 AND state = 'discarded' AND reason = ?3",
        )?;
        statement.execute(rusqlite::params![account, stamp(at), GONE])?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::message::{DeliveryState, Message};
    use crate::store::{AuditEntry, Origin, Settled};

    /// Somebody has left while four messages waited, and is back with another mobile.
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
            // It may have arrived, and is tried again; then, one of which somebody has to decide.
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
                .map(|row| format!("{} {} {}", row.state, row.reason, row.due.is_some()));
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
