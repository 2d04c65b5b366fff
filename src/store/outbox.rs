//! The outbox: notifications, from the transaction of the change that they tell of until they are handed over.

use chrono::{DateTime, Utc};
use rusqlite::types::Value;
use rusqlite::{OptionalExtension, Row, named_params, params_from_iter};

use super::Store;
use super::history::stamp;
use crate::failure::Result;
use crate::message::{Audience, Channel, DeliveryState, Message, Recipient};

/// A message that is being handed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub id: i64,
    /// 0 if it tells of an edit.
    pub run: i64,
    pub message: Message,
    pub queued: DateTime<Utc>,
    /// How often it was tried, this time included.
    pub attempts: u32,
    /// Its state before: after `Sending` (the process died over it) and `Unknown` it may have arrived already.
    pub before: DeliveryState,
}

/// What became of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub id: i64,
    pub state: DeliveryState,
    pub at: DateTime<Utc>,
    /// When it is tried again.
    pub due: Option<DateTime<Utc>>,
    /// Never an address or a number.
    pub reason: String,
    /// The gateway's id.
    pub reference: String,
    /// It was not the message's doing, so this try is not held against it.
    pub uncounted: bool,
}

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
const WAITING: &str = "state IN ('queued', 'sending', 'deferred', 'unknown')";

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
        one_of("state", self.states.iter().map(|state| Value::Text(state.word().into())).collect());
        one_of("channel", self.channel.iter().map(|channel| Value::Text(channel.word().into())).collect());
        let user = self.sourced_id.iter().map(|user| Value::Text(user.clone())).collect();
        one_of("(SELECT sourced_id FROM account WHERE account.id = account_id)", user);
        (parts.join(" AND "), values)
    }
}

impl Store {
    /// Queues a message. It tells of what a run did or, without one, of an edit.
    pub fn queue(
        &self,
        run: impl Into<Option<i64>>,
        account: i64,
        message: &Message,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let run: Option<i64> = run.into();
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO outbox VALUES (NULL, :run, :account, :channel, :audience, :recipient, :subject, :body, :html, \
             :at, 'queued', 0, NULL, NULL, '', '')",
        )?;
        statement.execute(named_params! {
            ":run": run, ":account": account, ":channel": message.to.channel.word(),
            ":audience": message.to.audience.word(), ":recipient": message.to.address,
            ":subject": message.subject, ":body": message.body, ":html": message.html, ":at": stamp(at),
        })?;
        Ok(())
    }

    /// Notes what became of the last message and takes the next one that is due, both in one transaction: a process that
    /// dies leaves at most one message of which it is not known whether it went out. `after` is the last id taken.
    pub fn settle_and_take(
        &self,
        settled: Option<&Settled>,
        take: Option<(Channel, i64, DateTime<Utc>)>,
    ) -> Result<Option<Waiting>> {
        if settled.is_none() && take.is_none() {
            return Ok(None);
        }
        self.connection.execute_batch("BEGIN IMMEDIATE")?;
        let step = (|| {
            if let Some(settled) = settled {
                self.settle(settled)?;
            }
            match take {
                Some((channel, after, now)) => self.take(channel, after, now),
                None => Ok(None),
            }
        })();
        match step {
            Ok(taken) => {
                self.connection.execute_batch("COMMIT").inspect_err(|_| {
                    // What could not be committed is tried again as a whole.
                    let _ = self.connection.execute_batch("ROLLBACK");
                })?;
                Ok(taken)
            }
            Err(failure) => {
                let _ = self.connection.execute_batch("ROLLBACK");
                Err(failure)
            }
        }
    }

    fn settle(&self, settled: &Settled) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET state = :state, settled = :at, due = :due, reason = :reason, reference = :reference, \
             attempts = attempts - :uncounted WHERE id = :id AND state = 'sending'",
        )?;
        statement.execute(named_params! {
            ":id": settled.id, ":state": settled.state.word(), ":at": stamp(settled.at),
            ":due": settled.due.map(stamp), ":reason": settled.reason, ":reference": settled.reference,
            ":uncounted": settled.uncounted,
        })?;
        Ok(())
    }

    fn take(&self, channel: Channel, after: i64, now: DateTime<Utc>) -> Result<Option<Waiting>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, coalesce(run_id, 0), audience, recipient, subject, body, html, queued, attempts, state FROM outbox \
             WHERE channel = :channel AND id > :after AND state IN ('queued', 'sending', 'deferred', 'unknown') \
             AND (state IN ('queued', 'sending') OR due <= :now) ORDER BY id LIMIT 1",
        )?;
        let values = named_params! { ":channel": channel.word(), ":after": after, ":now": stamp(now) };
        let found = statement
            .query_row(values, |row| {
                let state: String = row.get(9)?;
                Ok(Waiting {
                    id: row.get(0)?,
                    run: row.get(1)?,
                    message: Message {
                        to: Recipient {
                            channel,
                            audience: match row.get_ref(2)?.as_str()? {
                                "former" => Audience::Former,
                                _ => Audience::Current,
                            },
                            address: row.get(3)?,
                        },
                        subject: row.get(4)?,
                        body: row.get(5)?,
                        html: row.get(6)?,
                    },
                    queued: moment(row, 7)?.unwrap_or(DateTime::UNIX_EPOCH),
                    attempts: row.get::<_, u32>(8)? + 1,
                    before: match state.as_str() {
                        "sending" => DeliveryState::Sending,
                        "unknown" => DeliveryState::Unknown,
                        "deferred" => DeliveryState::Deferred,
                        _ => DeliveryState::Queued,
                    },
                })
            })
            .optional()?;
        if let Some(found) = &found {
            let mut statement = self.connection.prepare_cached(
                "UPDATE outbox SET state = 'sending', attempts = attempts + 1 WHERE id = ?1",
            )?;
            statement.execute([found.id])?;
        }
        Ok(found)
    }

    /// How many messages wait.
    pub fn waiting(&self) -> Result<u64> {
        let query = format!("SELECT count(*) FROM outbox WHERE {WAITING}");
        Ok(self.connection.query_row(&query, [], |row| row.get(0))?)
    }

    /// How many wait for this channel, and the earliest moment at which one of those is due that are not due now.
    pub fn waiting_for(&self, channel: Channel, now: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>)> {
        let query = format!(
            "SELECT count(*), min(CASE WHEN state IN ('deferred', 'unknown') AND due > ?2 THEN due END) FROM outbox \
             WHERE channel = ?1 AND {WAITING}"
        );
        let values = [channel.word().to_owned(), stamp(now)];
        Ok(self.connection.query_row(&query, values, |row| Ok((row.get(0)?, moment(row, 1)?)))?)
    }

    /// How many of this channel are due now.
    pub fn due(&self, channel: Channel, now: DateTime<Utc>) -> Result<u64> {
        let query = format!(
            "SELECT count(*) FROM outbox WHERE channel = ?1 AND {WAITING} \
             AND (state IN ('queued', 'sending') OR due <= ?2)"
        );
        Ok(self.connection.query_row(&query, [channel.word().to_owned(), stamp(now)], |row| row.get(0))?)
    }

    /// How many went out since a moment, and when the first of these did.
    pub fn sent_since(&self, channel: Channel, since: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>)> {
        let values = [channel.word().to_owned(), stamp(since)];
        Ok(self.connection.query_row(
            "SELECT count(*), min(settled) FROM outbox WHERE channel = ?1 AND state = 'sent' AND settled > ?2",
            values,
            |row| Ok((row.get(0)?, moment(row, 1)?)),
        )?)
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
             WHERE {} ORDER BY outbox.id DESC LIMIT {limit}",
            condition.replace("state IN", "outbox.state IN")
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

    /// Puts messages into another state by hand: back to `queued`, or `discarded`. How many were.
    pub fn set_outbox_state(
        &self,
        filter: &OutboxFilter,
        state: DeliveryState,
        at: DateTime<Utc>,
    ) -> Result<usize> {
        let (condition, mut values) = filter.condition();
        // The first, because what is numbered by itself goes on from there.
        values.insert(0, Value::Text(stamp(at)));
        // Of what may have arrived this is not forgotten: it is looked up, where it can be, before it is repeated.
        let set = match state {
            DeliveryState::Queued => "due = CASE WHEN state IN ('unknown', 'sending') THEN ?1 END, \
                 state = CASE WHEN state IN ('unknown', 'sending') THEN 'unknown' ELSE 'queued' END"
                .to_owned(),
            other => format!("due = NULL, state = '{}'", other.word()),
        };
        let changed = self.connection.execute(
            &format!("UPDATE outbox SET {set}, settled = ?1 WHERE {condition}"),
            params_from_iter(values),
        )?;
        Ok(changed)
    }

    /// Messages to people's current addresses that were refused for good.
    pub fn refused(&self) -> Result<Vec<Refused>> {
        let mut statement = self.connection.prepare(
            "SELECT sourced_id, channel, recipient, reason FROM outbox JOIN account ON account.id = account_id \
             WHERE outbox.state = 'failed' AND audience = 'current' ORDER BY outbox.id",
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

    /// Until when a channel rests, and why.
    pub fn rest(&self, channel: Channel) -> Result<Option<(DateTime<Utc>, String)>> {
        let found = self
            .connection
            .query_row("SELECT until, reason FROM channel_rest WHERE channel = ?1", [channel.word()], |row| {
                Ok(moment(row, 0)?.map(|until| (until, row.get::<_, String>(1))))
            })
            .optional()?
            .flatten();
        Ok(match found {
            Some((until, reason)) => Some((until, reason?)),
            None => None,
        })
    }

    /// Lets a channel rest, or wakes it up.
    pub fn set_rest(&self, channel: Channel, until: Option<(DateTime<Utc>, &str)>) -> Result<()> {
        match until {
            Some((until, reason)) => self.connection.execute(
                "INSERT OR REPLACE INTO channel_rest VALUES (?1, ?2, ?3)",
                [channel.word(), &stamp(until), reason],
            )?,
            None => {
                self.connection.execute("DELETE FROM channel_rest WHERE channel = ?1", [channel.word()])?
            }
        };
        Ok(())
    }

    /// The numbers that are never texted.
    pub fn opt_outs(&self) -> Result<Vec<String>> {
        let mut statement = self.connection.prepare("SELECT number FROM opt_out")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub fn has_opted_out(&self, number: &str) -> Result<bool> {
        let mut statement =
            self.connection.prepare_cached("SELECT EXISTS (SELECT 1 FROM opt_out WHERE number = ?1)")?;
        Ok(statement.query_row([number], |row| row.get(0))?)
    }

    pub fn opt_out(&self, number: &str, at: DateTime<Utc>) -> Result<()> {
        self.connection.execute("INSERT OR IGNORE INTO opt_out VALUES (?1, ?2)", [number, &stamp(at)])?;
        Ok(())
    }

    /// The owner has answered START. Whether the number had been opted out.
    pub fn opt_in(&self, number: &str) -> Result<bool> {
        Ok(self.connection.execute("DELETE FROM opt_out WHERE number = ?1", [number])? > 0)
    }
}

fn moment(row: &Row<'_>, column: usize) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    Ok(text.and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|moment| moment.to_utc()))
}
