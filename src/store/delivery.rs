//! Handing messages over: which is next, what became of it, and who is left alone.

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, named_params};

use super::Store;
use super::history::stamp;
use super::outbox::{WAITING, moment};
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
    /// How often it was handed over and no answer came: it may have arrived already.
    pub lost: u32,
    /// The last one who handed it over died over it.
    pub died: bool,
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
    /// It was handed over, and no answer came.
    pub lost: bool,
}

impl Store {
    /// Notes what became of the last message and takes the next one that is due, both in one transaction: a process that
    /// dies leaves at most one message of which it is not known whether it went out.
    pub fn settle_and_take(
        &self,
        settled: Option<&Settled>,
        take: Option<(Channel, DateTime<Utc>)>,
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
                Some((channel, now)) => self.take(channel, now),
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
             attempts = attempts - :uncounted, lost = lost + :lost WHERE id = :id AND state = 'sending'",
        )?;
        statement.execute(named_params! {
            ":id": settled.id, ":state": settled.state.word(), ":at": stamp(settled.at),
            ":due": settled.due.map(stamp), ":reason": settled.reason, ":reference": settled.reference,
            ":uncounted": settled.uncounted, ":lost": settled.lost,
        })?;
        Ok(())
    }

    /// The one that was tried least often, and of those the oldest: one that nobody takes must not stand before the others
    /// for ever.
    fn take(&self, channel: Channel, now: DateTime<Utc>) -> Result<Option<Waiting>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, coalesce(run_id, 0), audience, recipient, subject, body, html, queued, attempts, lost, \
             state = 'sending' FROM outbox \
             WHERE channel = :channel AND state IN ('queued', 'sending', 'deferred', 'unknown') \
             AND (state IN ('queued', 'sending') OR due <= :now) ORDER BY attempts, id LIMIT 1",
        )?;
        let values = named_params! { ":channel": channel.word(), ":now": stamp(now) };
        let found = statement
            .query_row(values, |row| {
                let died: bool = row.get(10)?;
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
                    lost: row.get::<_, u32>(9)? + u32::from(died),
                    died,
                })
            })
            .optional()?;
        if let Some(found) = &found {
            let mut statement = self.connection.prepare_cached(
                "UPDATE outbox SET lost = lost + (state = 'sending'), state = 'sending', attempts = attempts + 1 \
                 WHERE id = ?1",
            )?;
            statement.execute([found.id])?;
        }
        Ok(found)
    }

    /// Puts messages that were not taken back into the queue: not for their own doing, so they need not wait, but behind
    /// those that were tried less often.
    pub fn put_back(&self, ids: &[i64], at: DateTime<Utc>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET due = CASE WHEN lost > 0 THEN ?2 END, \
             state = CASE WHEN lost > 0 THEN 'unknown' ELSE 'queued' END WHERE id = ?1 AND state IN ('deferred', 'unknown')",
        )?;
        for id in ids {
            statement.execute(rusqlite::params![id, stamp(at)])?;
        }
        Ok(())
    }

    /// Gives messages up that wait to be tried again.
    pub fn give_up(&self, id: i64, reason: &str, at: DateTime<Utc>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET state = 'failed', due = NULL, settled = ?3, reason = ?2 \
             WHERE id = ?1 AND state IN ('deferred', 'unknown')",
        )?;
        statement.execute(rusqlite::params![id, reason, stamp(at)])?;
        Ok(())
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

    /// Whether a message of ours is known to the gateway by this id.
    pub fn has_reference(&self, reference: &str) -> Result<bool> {
        let mut statement = self.connection.prepare_cached(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE channel = 'sms' AND state = 'sent' AND reference = ?1)",
        )?;
        Ok(statement.query_row([reference], |row| row.get(0))?)
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
