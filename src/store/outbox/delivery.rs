//! Handing messages over: which is next, what became of it, and who is left alone.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{OptionalExtension, named_params};

use super::{OUT_OF_DATE, WAITING, moment};
use crate::failure::Result;
use crate::message::{Audience, Channel, DeliveryState, Message, Recipient};
use crate::store::Store;
use crate::store::runs::stamp;

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
    /// Random part of its key; empty for a message that was queued by an earlier version.
    pub nonce: String,
    /// For how many seconds it had been tried before this try.
    pub trying: i64,
    /// When it came into the state that it had before this try.
    pub settled: Option<DateTime<Utc>>,
    /// Other messages were taken in a session in which this one was not.
    pub others_taken: bool,
}

/// The time between two tries counts as so many seconds at most, since a clock can be wrong for a night.
const LONGEST_GAP: i64 = 24 * 3600;

impl Waiting {
    /// What no other message has: with it, a repeated message is recognised. `dot` sets its parts apart.
    ///
    /// Numbers alone would begin again when the store is restored from a copy, and in another district's store.
    pub fn key(&self, dot: char) -> String {
        let Self { run, id, nonce, .. } = self;
        match nonce.as_str() {
            // As the earlier version had it, which may have handed it over already.
            "" => format!("{run}{dot}{id}"),
            nonce => format!("{run}{dot}{id}{dot}{nonce}"),
        }
    }

    /// For how many seconds it has been tried, this try included.
    pub fn trying_at(&self, at: DateTime<Utc>) -> i64 {
        let gap = self.settled.filter(|_| self.attempts > 1).map_or(0, |before| (at - before).num_seconds());
        self.trying + gap.clamp(0, LONGEST_GAP)
    }
}

/// So much later than this process's clock may be what another one has noted.
const SLACK: TimeDelta = TimeDelta::hours(1);

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
    /// For how many seconds it has been tried.
    pub trying: i64,
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
             attempts = attempts - :uncounted, lost = lost + :lost, trying = :trying \
             WHERE id = :id AND state = 'sending'",
        )?;
        statement.execute(named_params! {
            ":id": settled.id, ":state": settled.state.word(), ":at": stamp(settled.at),
            ":due": settled.due.map(stamp), ":reason": settled.reason, ":reference": settled.reference,
            ":uncounted": settled.uncounted, ":lost": settled.lost, ":trying": settled.trying,
        })?;
        Ok(())
    }

    /// The one that had the fewest turns, and of those the oldest: one that is never taken must not block the others.
    fn take(&self, channel: Channel, now: DateTime<Utc>) -> Result<Option<Waiting>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, coalesce(run_id, 0), audience, recipient, subject, body, html, queued, attempts, lost, \
             state = 'sending', nonce, trying, settled, others_taken FROM outbox \
             WHERE channel = :channel AND state IN ('queued', 'sending', 'deferred', 'unknown') \
             AND (state IN ('queued', 'sending') OR due <= :now) ORDER BY turns, id LIMIT 1",
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
                    nonce: row.get(11)?,
                    trying: row.get(12)?,
                    settled: moment(row, 13)?,
                    others_taken: row.get(14)?,
                })
            })
            .optional()?;
        if let Some(found) = &found {
            let mut statement = self.connection.prepare_cached(
                "UPDATE outbox SET lost = lost + (state = 'sending'), state = 'sending', attempts = attempts + 1, \
                 turns = turns + 1 WHERE id = ?1",
            )?;
            statement.execute([found.id])?;
        }
        Ok(found)
    }

    /// Puts messages back into the queue that were not taken through no fault of their own: they need not wait, and the try
    /// is not counted. They go behind those that had fewer turns. With each id, for how long it had been tried before.
    pub fn put_back(&self, messages: &[(i64, i64)], at: DateTime<Utc>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE outbox SET due = CASE WHEN lost > 0 THEN ?3 END, attempts = max(attempts - 1, 0), trying = ?2, \
             state = CASE WHEN lost > 0 THEN 'unknown' ELSE 'queued' END WHERE id = ?1 AND state IN ('deferred', 'unknown')",
        )?;
        for (id, trying) in messages {
            statement.execute(rusqlite::params![id, trying, stamp(at)])?;
        }
        Ok(())
    }

    /// Notes that others were taken where these were not: what the server said was about these recipients.
    pub fn others_were_taken(&self, ids: &[i64]) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("UPDATE outbox SET others_taken = 1 WHERE id = ?1 AND others_taken = 0")?;
        for id in ids {
            statement.execute([id])?;
        }
        Ok(())
    }

    /// Brings back what a clock that was wrong for a night has put into the future. `next_try` and `rest` are how long these
    /// can be at most.
    pub fn correct_times(&self, now: DateTime<Utc>, next_try: TimeDelta, rest: TimeDelta) -> Result<()> {
        // What another process has just noted may be a little later than what this one took for now.
        let (latest, soon) = (stamp(now + next_try + SLACK), stamp(now + SLACK));
        let now_text = stamp(now);
        let waiting_later = format!("{WAITING} AND (due > ?1 OR queued > ?2 OR settled > ?2)");
        let sent_later = "state = 'sent' AND channel IN ('email', 'sms') AND settled > ?1";
        let (waiting, sent, resting): (bool, bool, bool) = self.connection.query_row(
            &format!(
                "SELECT EXISTS (SELECT 1 FROM outbox WHERE {waiting_later}), \
                 EXISTS (SELECT 1 FROM outbox WHERE {}), EXISTS (SELECT 1 FROM channel_rest WHERE until > ?3)",
                sent_later.replace("?1", "?2")
            ),
            [&latest, &soon, &stamp(now + rest + SLACK)],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )?;
        if waiting {
            self.connection.execute(
                &format!(
                    "UPDATE outbox SET due = CASE WHEN due > ?1 THEN ?3 ELSE due END, settled = min(settled, ?3), \
                     queued = CASE WHEN nonce <> '' THEN min(queued, ?3) ELSE queued END WHERE {waiting_later}"
                ),
                [&latest, &soon, &now_text],
            )?;
        }
        if sent {
            self.connection
                .execute(&format!("UPDATE outbox SET settled = ?2 WHERE {sent_later}"), [&soon, &now_text])?;
        }
        if resting {
            self.connection
                .execute("DELETE FROM channel_rest WHERE until > ?1", [stamp(now + rest + SLACK)])?;
        }
        Ok(())
    }

    /// Since when the oldest message of a channel waits, and how many do. Not those that wait for a person to decide.
    pub fn oldest_waiting(&self, channel: Channel) -> Result<Option<(DateTime<Utc>, u64)>> {
        let query = format!(
            "SELECT min(queued), count(*) FROM outbox WHERE channel = ?1 AND {WAITING} \
             AND NOT (state = 'unknown' AND due IS NULL)"
        );
        let (oldest, count) =
            self.connection.query_row(&query, [channel.word()], |row| Ok((moment(row, 0)?, row.get(1)?)))?;
        Ok(oldest.map(|oldest| (oldest, count)))
    }

    /// Gives up messages to old addresses that another person has by now, where a later run has looked at the accounts since
    /// the message was queued.
    pub fn drop_passed_on(&self, at: DateTime<Utc>) -> Result<usize> {
        const WAITS: &str = "audience = 'former' AND state IN ('queued', 'deferred')";
        let older = format!("{WAITS} AND coalesce(run_id, 0) < (SELECT max(id) FROM run)");
        let any: bool = self.connection.query_row(
            &format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE {older})"),
            [],
            |row| row.get(0),
        )?;
        if !any {
            return Ok(0);
        }
        // The person's own account has another address now: none of the rows can be their own.
        Ok(self.connection.execute(
            &format!(
                "UPDATE outbox SET state = 'discarded', due = NULL, settled = ?1, reason = '{OUT_OF_DATE}' \
                 WHERE {older} AND (channel = 'email' AND lower(recipient) IN (SELECT lower(email) FROM account \
                 WHERE archived = 0 AND email <> '') OR channel = 'sms' AND recipient IN (SELECT phone FROM account \
                 WHERE archived = 0 AND phone <> ''))"
            ),
            [stamp(at)],
        )?)
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

    /// How many went out in the 24 hours before a moment, and when the first of these did. A time in the future, which a
    /// wrong clock has left, is none of them.
    pub fn sent_today(&self, channel: Channel, now: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>)> {
        let values = [channel.word().to_owned(), stamp(now - TimeDelta::days(1)), stamp(now + SLACK)];
        Ok(self.connection.query_row(
            "SELECT count(*), min(settled) FROM outbox WHERE channel = ?1 AND state = 'sent' AND settled > ?2 \
             AND settled <= ?3",
            values,
            |row| Ok((row.get(0)?, moment(row, 1)?)),
        )?)
    }

    /// When the last message of a channel was handed over.
    pub fn last_sent(&self, channel: Channel) -> Result<Option<DateTime<Utc>>> {
        let query = "SELECT max(settled) FROM outbox WHERE channel = ?1 AND state = 'sent'";
        Ok(self.connection.query_row(query, [channel.word()], |row| moment(row, 0))?)
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
