//! The outbox: notifications, from the transaction of the change that they tell of until they are
//! handed over.

mod delivery;
mod undelivered_changes;

use std::collections::HashMap;
use std::fmt;

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{named_params, params_from_iter};

use super::Store;
use super::sql::{moment, stamp, time};
use crate::failure::Result;
use crate::message::{Audience, Channel, DeliveryState, Message};

pub use delivery::{Settled, Waiting};
pub use undelivered_changes::UndeliveredChanges;

#[derive(Clone, PartialEq, Eq)]
pub struct OutboxRow {
    pub id: i64,
    /// None if it tells of an edit.
    pub run: Option<i64>,
    pub sourced_id: String,
    pub channel: Channel,
    pub audience: Audience,
    pub recipient: String,
    pub state: DeliveryState,
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
#[derive(Clone, PartialEq, Eq)]
pub struct Refused {
    pub sourced_id: String,
    pub channel: Channel,
    pub recipient: String,
    pub reason: String,
}

/// States as SQL has them: `('queued', 'sending')`; one alone is a value as well. They are
/// literals, because SQLite uses an index on the messages in some states only where a statement
/// names the same states.
struct States(&'static [DeliveryState]);

impl fmt::Display for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.0.iter().map(|state| state.word()).collect();
        write!(f, "('{}')", words.join("', '"))
    }
}

const QUEUED: States = States(&[DeliveryState::Queued]);
const SENDING: States = States(&[DeliveryState::Sending]);
const SENT: States = States(&[DeliveryState::Sent]);
const FAILED: States = States(&[DeliveryState::Failed]);
const UNKNOWN: States = States(&[DeliveryState::Unknown]);
const DISCARDED: States = States(&[DeliveryState::Discarded]);
/// A message in these states waits, or is being handed over.
const WAITING: States =
    States(&[DeliveryState::Queued, DeliveryState::Sending, DeliveryState::Deferred, DeliveryState::Unknown]);
/// It waits, and is not being handed over.
const AT_REST: States = States(&[DeliveryState::Queued, DeliveryState::Deferred, DeliveryState::Unknown]);
/// It was tried, and can be tried again.
const TRIED: States = States(&[DeliveryState::Deferred, DeliveryState::Unknown]);
/// It is due now, whatever its time of the next try.
const AT_ONCE: States = States(&[DeliveryState::Queued, DeliveryState::Sending]);
/// It has not arrived, and no try is open.
const NOT_ARRIVED: States = States(&[DeliveryState::Queued, DeliveryState::Deferred]);
/// It has arrived, or may have.
const MAY_HAVE_ARRIVED: States =
    States(&[DeliveryState::Sent, DeliveryState::Sending, DeliveryState::Unknown]);

/// The message is to an account to which something may be sent.
const NOT_STOPPED: &str = "account_id NOT IN (SELECT account_id FROM stopped)";

const CURRENT: &str = Audience::Current.word();
const FORMER: &str = Audience::Former.word();
const EMAIL: &str = Channel::Email.word();
const SMS: &str = Channel::Sms.word();

/// Why a message was given up whose text is no longer true.
/// Why a message is not sent whose person may not be contacted any more.
const STOPPED: &str = "stopped: may not be contacted";
const OUT_OF_DATE: &str = "out of date";
/// Why a message was given up whose person has left. If the person comes back, the message is
/// queued again.
const GONE: &str = "no longer there";

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
        let text = |word: &str| Value::Text(word.to_owned());
        one_of("outbox.state", self.states.iter().map(|state| text(state.word())).collect());
        one_of("channel", self.channel.iter().map(|channel| text(channel.word())).collect());
        let user = self.sourced_id.iter().map(|user| text(user)).collect();
        one_of("(SELECT sourced_id FROM account WHERE account.id = account_id)", user);
        (parts.join(" AND "), values)
    }
}

impl Store {
    /// Queues a message. It tells of what a run did or, without one, of an edit; what that was
    /// is in the audit already. `first_change_id` is the first change that it tells of, if that is an
    /// older one.
    ///
    /// # Errors
    /// Those of the store; that there is a message already about the same change to the same place would be one.
    pub fn queue(
        &self,
        run: impl Into<Option<i64>>,
        account: i64,
        message: &Message,
        first_change_id: Option<i64>,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let run: Option<i64> = run.into();
        self.write(
            &format!(
                "INSERT INTO outbox (run_id, account_id, channel, audience, recipient, subject, body, html, queued, \
                 state, attempts, reason, reference, nonce, first_change, last_change) \
                 SELECT :run, :account, :channel, :audience, :recipient, :subject, :body, :html, :at, {QUEUED}, 0, '', '', \
                 :nonce, \
                 coalesce(:first_change_id, min(CASE WHEN run_id IS :run AND at = :at THEN id END)), max(id) \
                 FROM audit_row WHERE account_id = :account"
            ),
            named_params! {
                ":run": run, ":account": account, ":channel": message.to.channel, ":audience": message.to.audience,
                ":recipient": message.to.address, ":subject": message.subject, ":body": message.body,
                ":html": message.html, ":at": stamp(at), ":first_change_id": first_change_id, ":nonce": self.nonce()?,
            },
        )
    }

    pub fn waiting(&self) -> Result<u64> {
        self.value(&format!("SELECT count(*) FROM outbox WHERE state IN {WAITING} AND {NOT_STOPPED}"), [])
    }

    /// Accounts with a message about a run, and whether one of them went out, or may have.
    pub fn written_to_about(&self, run: i64) -> Result<HashMap<i64, bool>> {
        self.all(
            &format!(
                "SELECT account_id, max(state IN {MAY_HAVE_ARRIVED}) AS arrived FROM outbox WHERE run_id = ?1 \
                 AND (state IN {MAY_HAVE_ARRIVED} OR state IN {NOT_ARRIVED}) GROUP BY account_id"
            ),
            [run],
            |row| Ok((row.get("account_id")?, row.get("arrived")?)),
        )
    }

    /// How many messages of a run there are: by the primary role of the people, channel and state.
    pub fn told_of(&self, run: i64) -> Result<Vec<(String, Channel, DeliveryState, u64)>> {
        // A line for each role, the primary one first; a tab ends its name.
        let query = "SELECT substr(sis_roles, 1, \
                     min(instr(sis_roles || char(9), char(9)), instr(sis_roles || char(10), char(10))) - 1) AS role, \
                     channel, outbox.state AS state, count(*) AS count FROM outbox JOIN account ON account.id = account_id WHERE run_id = ?1 \
                     GROUP BY 1, 2, 3 ORDER BY 1, 2, 3";
        self.all(query, [run], |row| {
            Ok((row.get("role")?, row.get("channel")?, row.get("state")?, row.get("count")?))
        })
    }

    pub fn outbox_counts(&self) -> Result<Vec<(DeliveryState, u64)>> {
        let query = "SELECT state, count(*) AS count FROM outbox GROUP BY state ORDER BY state";
        self.all(query, [], |row| Ok((row.get("state")?, row.get("count")?)))
    }

    /// The rows that a filter is about, latest first, at most `limit`.
    pub fn outbox(&self, filter: &OutboxFilter, limit: u64) -> Result<Vec<OutboxRow>> {
        let (condition, values) = filter.condition();
        let query = format!(
            "SELECT outbox.id AS id, run_id, sourced_id, channel, audience, recipient, outbox.state AS state, attempts, \
             queued, settled, due, CASE WHEN outbox.state IN {WAITING} AND NOT ({NOT_STOPPED}) THEN '{STOPPED}' \
             ELSE reason END AS reason FROM outbox JOIN account ON account.id = account_id \
             WHERE {condition} ORDER BY outbox.id DESC LIMIT {limit}"
        );
        self.all(&query, params_from_iter(values), |row| {
            Ok(OutboxRow {
                id: row.get("id")?,
                run: row.get("run_id")?,
                sourced_id: row.get("sourced_id")?,
                channel: row.get("channel")?,
                audience: row.get("audience")?,
                recipient: row.get("recipient")?,
                state: row.get("state")?,
                attempts: row.get("attempts")?,
                queued: time(row, "queued")?,
                settled: moment(row, "settled")?,
                due: moment(row, "due")?,
                reason: row.get("reason")?,
            })
        })
    }

    /// Gives messages up by hand. How many were.
    pub fn discard(&self, filter: &OutboxFilter, at: DateTime<Utc>) -> Result<usize> {
        self.change(filter, at, &format!("due = NULL, state = {DISCARDED}, settled = ?1"), "1")
    }

    /// Queues messages again by hand, as if they had never been tried. How many were.
    ///
    /// Of what may have arrived this is not forgotten: it is looked up, where it can be, before it
    /// is repeated. What a later message says instead is not said again.
    pub fn retry(&self, filter: &OutboxFilter, at: DateTime<Utc>) -> Result<usize> {
        self.change(
            filter,
            at,
            &format!(
                "due = CASE WHEN lost > 0 OR state = {SENDING} THEN ?1 END, lost = lost + (state = {SENDING}), \
                 attempts = 0, turns = 0, trying = 0, settled = ?1, \
                 state = CASE WHEN lost > 0 OR state = {SENDING} THEN {UNKNOWN} ELSE {QUEUED} END"
            ),
            &format!(
                "reason NOT IN ('{OUT_OF_DATE}', '{GONE}') AND (audience = '{FORMER}' OR NOT EXISTS ( \
                 SELECT 1 FROM outbox later WHERE later.account_id = outbox.account_id AND later.audience = '{CURRENT}' \
                 AND later.id > outbox.id))"
            ),
        )
    }

    /// Changes the messages that a filter is about. `set` has the moment as its first parameter.
    fn change(&self, filter: &OutboxFilter, at: DateTime<Utc>, set: &str, only: &str) -> Result<usize> {
        let (condition, mut values) = filter.condition();
        // SQLite numbers the parameters of the condition from the first one on.
        values.insert(0, Value::Text(stamp(at)));
        let update = format!("UPDATE outbox SET {set} WHERE {condition} AND {only}");
        self.execute(&update, params_from_iter(values))
    }

    /// Messages to people's current addresses that were refused for good, where none went out there
    /// later.
    pub fn refused(&self) -> Result<Vec<Refused>> {
        let query = format!(
            "SELECT sourced_id, channel, recipient, reason FROM outbox JOIN account ON account.id = account_id \
             WHERE outbox.state = {FAILED} AND audience = '{CURRENT}' AND NOT EXISTS ( \
             SELECT 1 FROM outbox later WHERE later.account_id = outbox.account_id AND later.state = {SENT} \
             AND later.channel = outbox.channel AND later.recipient = outbox.recipient AND later.id > outbox.id) \
             ORDER BY outbox.id"
        );
        self.all(&query, [], |row| {
            Ok(Refused {
                sourced_id: row.get("sourced_id")?,
                channel: row.get("channel")?,
                recipient: row.get("recipient")?,
                reason: row.get("reason")?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::message::Recipient;
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
