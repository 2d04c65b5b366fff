//! The outbox: notifications, from the transaction of the change that they tell of until they are handed over.

mod delivery;
mod undelivered_changes;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{Row, named_params, params_from_iter};

use super::Store;
use super::runs::stamp;
use crate::failure::Result;
use crate::message::{Channel, DeliveryState, Message};

pub use delivery::{Settled, Waiting};
pub use undelivered_changes::UndeliveredChanges;

/// A row of the outbox as it is listed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutboxRow {
    pub id: i64,
    /// None if it tells of an edit.
    pub run: Option<i64>,
    pub sourced_id: String,
    pub channel: String,
    pub audience: String,
    pub recipient: String,
    pub state: String,
    pub attempts: u32,
    pub queued: DateTime<Utc>,
    pub settled: Option<DateTime<Utc>>,
    pub due: Option<DateTime<Utc>>,
    pub reason: String,
}

/// Which rows a list or a command is about. Empty parts are about all.
#[derive(Debug, Clone, Default)]
pub struct OutboxFilter {
    pub ids: Vec<i64>,
    pub sourced_id: Option<String>,
    pub states: Vec<DeliveryState>,
    pub channel: Option<Channel>,
}

/// A message that was refused for good, to an address that the person may still have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    pub sourced_id: String,
    pub channel: Channel,
    pub recipient: String,
    pub reason: String,
}

/// The states in which a message still waits for something.
pub(super) const WAITING: &str = "state IN ('queued', 'sending', 'deferred', 'unknown')";

/// Why a message was given up that says what is not so any more.
pub(super) const OUT_OF_DATE: &str = "out of date";
/// Why a message was given up whose person has left. Should they come back, they are still to be told.
pub(super) const GONE: &str = "no longer there";

impl OutboxFilter {
    fn condition(&self) -> (String, Vec<Value>) {
        let mut parts = vec!["1".to_owned()];
        let mut values = Vec::new();
        let mut one_of = |column: &str, of: Vec<Value>| {
            if !of.is_empty() {
                parts.push(format!("{column} IN ({})", vec!["?"; of.len()].join(", ")));
                values.extend(of);
            }
        };
        one_of("outbox.id", self.ids.iter().map(|id| Value::Integer(*id)).collect());
        one_of("outbox.state", self.states.iter().map(|state| Value::Text(state.word().into())).collect());
        one_of("channel", self.channel.iter().map(|channel| Value::Text(channel.word().into())).collect());
        let user = self.sourced_id.iter().map(|user| Value::Text(user.clone())).collect();
        one_of("(SELECT sourced_id FROM account WHERE account.id = account_id)", user);
        (parts.join(" AND "), values)
    }
}

impl Store {
    /// Queues a message. It tells of what a run did or, without one, of an edit; what that was stands in the audit already.
    /// `since` is the first change that it tells of, if that is an older one.
    ///
    /// # Errors
    /// Those of the store; that there is a message already about the same change to the same place would be one.
    pub fn queue(
        &self,
        run: impl Into<Option<i64>>,
        account: i64,
        message: &Message,
        since: Option<i64>,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let run: Option<i64> = run.into();
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO outbox (run_id, account_id, channel, audience, recipient, subject, body, html, queued, state, \
             attempts, reason, reference, nonce, first_change, last_change) \
             SELECT :run, :account, :channel, :audience, :recipient, :subject, :body, :html, :at, 'queued', 0, '', '', \
             :nonce, \
             coalesce(:since, min(CASE WHEN run_id IS :run AND at = :at THEN id END)), max(id) \
             FROM audit_row WHERE account_id = :account",
        )?;
        statement.execute(named_params! {
            ":run": run, ":account": account, ":channel": message.to.channel.word(),
            ":audience": message.to.audience.word(), ":recipient": message.to.address,
            ":subject": message.subject, ":body": message.body, ":html": message.html, ":at": stamp(at),
            ":since": since, ":nonce": self.nonce()?,
        })?;
        Ok(())
    }

    /// How many messages wait.
    pub fn waiting(&self) -> Result<u64> {
        let query = format!("SELECT count(*) FROM outbox WHERE {WAITING}");
        Ok(self.connection.query_row(&query, [], |row| row.get(0))?)
    }

    /// Who has a message about a run, by account: whether one of them went out, or may have.
    pub fn written_to_about(&self, run: i64) -> Result<HashMap<i64, bool>> {
        let mut statement = self.connection.prepare(
            "SELECT account_id, max(state IN ('sent', 'sending', 'unknown')) FROM outbox \
             WHERE run_id = ?1 AND state IN ('sent', 'sending', 'unknown', 'queued', 'deferred') GROUP BY account_id",
        )?;
        let rows = statement.query_map([run], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// How many there are in each state.
    pub fn outbox_counts(&self) -> Result<Vec<(String, u64)>> {
        let mut statement =
            self.connection.prepare("SELECT state, count(*) FROM outbox GROUP BY state ORDER BY state")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The rows that a filter is about, latest first, at most `limit`.
    pub fn outbox(&self, filter: &OutboxFilter, limit: u64) -> Result<Vec<OutboxRow>> {
        let (condition, values) = filter.condition();
        let mut statement = self.connection.prepare(&format!(
            "SELECT outbox.id, run_id, sourced_id, channel, audience, recipient, outbox.state, attempts, queued, settled, \
             due, reason FROM outbox JOIN account ON account.id = account_id \
             WHERE {condition} ORDER BY outbox.id DESC LIMIT {limit}"
        ))?;
        let rows = statement.query_map(params_from_iter(values), |row| {
            Ok(OutboxRow {
                id: row.get(0)?,
                run: row.get(1)?,
                sourced_id: row.get(2)?,
                channel: row.get(3)?,
                audience: row.get(4)?,
                recipient: row.get(5)?,
                state: row.get(6)?,
                attempts: row.get(7)?,
                queued: moment(row, 8)?.unwrap_or(DateTime::UNIX_EPOCH),
                settled: moment(row, 9)?,
                due: moment(row, 10)?,
                reason: row.get(11)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Gives messages up by hand. How many were.
    pub fn discard(&self, filter: &OutboxFilter, at: DateTime<Utc>) -> Result<usize> {
        let (condition, mut values) = filter.condition();
        // The first, because what is numbered by itself goes on from there.
        values.insert(0, Value::Text(stamp(at)));
        let changed = self.connection.execute(
            &format!("UPDATE outbox SET due = NULL, state = 'discarded', settled = ?1 WHERE {condition}"),
            params_from_iter(values),
        )?;
        Ok(changed)
    }

    /// Queues messages again by hand, as if they had never been tried. How many were.
    ///
    /// Of what may have arrived this is not forgotten: it is looked up, where it can be, before it is repeated. What a
    /// later message says instead is not said again.
    pub fn retry(&self, filter: &OutboxFilter, at: DateTime<Utc>) -> Result<usize> {
        let (condition, mut values) = filter.condition();
        values.insert(0, Value::Text(stamp(at)));
        let changed = self.connection.execute(
            &format!(
                "UPDATE outbox SET due = CASE WHEN lost > 0 OR state = 'sending' THEN ?1 END, \
                 lost = lost + (state = 'sending'), attempts = 0, turns = 0, trying = 0, settled = ?1, \
                 state = CASE WHEN lost > 0 OR state = 'sending' THEN 'unknown' ELSE 'queued' END \
                 WHERE {condition} AND reason NOT IN ('{OUT_OF_DATE}', '{GONE}') AND (audience = 'former' OR NOT EXISTS ( \
                 SELECT 1 FROM outbox later WHERE later.account_id = outbox.account_id AND later.audience = 'current' \
                 AND later.id > outbox.id))"
            ),
            params_from_iter(values),
        )?;
        Ok(changed)
    }

    /// Messages to people's current addresses that were refused for good, where none went out there later.
    pub fn refused(&self) -> Result<Vec<Refused>> {
        let mut statement = self.connection.prepare(
            "SELECT sourced_id, channel, recipient, reason FROM outbox JOIN account ON account.id = account_id \
             WHERE outbox.state = 'failed' AND audience = 'current' AND NOT EXISTS ( \
             SELECT 1 FROM outbox later WHERE later.account_id = outbox.account_id AND later.state = 'sent' \
             AND later.channel = outbox.channel AND later.recipient = outbox.recipient AND later.id > outbox.id) \
             ORDER BY outbox.id",
        )?;
        let rows = statement.query_map([], |row| {
            Ok(Refused {
                sourced_id: row.get(0)?,
                channel: match row.get_ref(1)?.as_str()? {
                    "sms" => Channel::Sms,
                    _ => Channel::Email,
                },
                recipient: row.get(2)?,
                reason: row.get(3)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

pub(super) fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    Ok(text.and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|moment| moment.to_utc()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::message::{Audience, Recipient};
    use crate::store::{AuditEntry, Origin};

    #[test]
    fn a_second_message_about_the_same_edit_is_impossible() {
        let store = Store::empty().unwrap();
        let account = store.insert_account(&Account::new("p-1")).unwrap();
        let at = "2026-11-23T08:15:00Z".parse().unwrap();
        let edit = || {
            let entry = AuditEntry {
                origin: Origin::Staff,
                field: "email".into(),
                old: "a@x.example".into(),
                new: "b@x.example".into(),
            };
            store.audit(account, None, &entry, at).unwrap();
        };
        let message = Message {
            to: Recipient {
                channel: Channel::Email,
                audience: Audience::Current,
                address: "b@x.example".into(),
            },
            subject: String::new(),
            body: String::new(),
            html: String::new(),
        };
        let queue = || store.queue(None, account, &message, None, at);
        edit();
        queue().unwrap();
        assert!(queue().is_err());
        // Another edit in the same second is another one.
        edit();
        queue().unwrap();
        assert_eq!(store.waiting().unwrap(), 2);
    }
}
