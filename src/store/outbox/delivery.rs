//! Handing messages over: which is next, what became of it, which channels rest, and which numbers
//! get no texts.

use chrono::{DateTime, TimeDelta, Utc};
use rusqlite::{Row, named_params};

use super::{
    AT_ONCE, DISCARDED, EMAIL, FAILED, FORMER, NOT_ARRIVED, NOT_STOPPED, OUT_OF_DATE, QUEUED, SENDING, SENT,
    SMS, TRIED, UNKNOWN, WAITING,
};
use crate::contact::{Details, Field};
use crate::failure::Result;
use crate::message::{Channel, DeliveryState, Message, Recipient};
use crate::store::Store;
use crate::store::sql::{moment, stamp, text, time};

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
    /// The process that handed it over died while it did.
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

/// The time between two tries counts as so many seconds at most, since a clock can be wrong for a
/// night.
const LONGEST_GAP: i64 = 24 * 3600;

impl Waiting {
    /// What no other message has: with it, a repeated message is recognised. `dot` sets its parts
    /// apart.
    ///
    /// Numbers alone would begin again when the store is restored from a copy, and in another
    /// district's store.
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

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settled {
    pub id: i64,
    pub state: DeliveryState,
    pub at: DateTime<Utc>,
    pub due: Option<DateTime<Utc>>,
    /// Never an address or a number.
    pub reason: String,
    pub reference: String,
    /// It was not the message's doing, so this try is not held against it.
    pub uncounted: bool,
    pub trying: i64,
    /// It was handed over, and no answer came.
    pub lost: bool,
}

impl Store {
    /// The person whom a message is for, and the changes that it tells of, each as it is shown.
    pub fn changes_told(&self, message: i64) -> Result<(String, Vec<(Field, String)>)> {
        let mut told: Vec<(Field, String)> = Vec::new();
        let query =
            "SELECT sourced_id FROM outbox JOIN account ON account.id = account_id WHERE outbox.id = ?1";
        let sourced_id: Option<String> = self.first(query, [message], |row| row.get(0))?;
        self.each(
            "SELECT field, new FROM outbox JOIN audit_row ON audit_row.account_id = outbox.account_id \
             AND audit_row.id BETWEEN first_change AND last_change JOIN audit_value ON audit_value.id = audit_row.id \
             WHERE outbox.id = ?1 ORDER BY audit_row.id",
            [message],
            ["field", "new"],
            |row, [field, new]| {
                let key = text(row, field)?;
                let Some(field) = Field::ALL.into_iter().find(|field| field.key() == key) else { return Ok(()) };
                let mut details = Details::default();
                details.put_recorded(field, text(row, new)?);
                told.retain(|(known, _)| *known != field);
                told.push((field, details.shown(field)));
                Ok(())
            },
        )?;
        Ok((sourced_id.unwrap_or_default(), told))
    }

    /// Notes what became of the last message and takes the next one that is due, both in one
    /// transaction: a process that dies leaves at most one message of which it is not known whether
    /// it went out.
    pub fn settle_and_take(
        &self,
        settled: Option<&Settled>,
        take: Option<(Channel, DateTime<Utc>)>,
    ) -> Result<Option<Waiting>> {
        if settled.is_none() && take.is_none() {
            return Ok(None);
        }
        self.transaction(|| {
            if let Some(settled) = settled {
                self.settle(settled)?;
            }
            match take {
                Some((channel, now)) => self.take(channel, now),
                None => Ok(None),
            }
        })
    }

    fn settle(&self, settled: &Settled) -> Result<()> {
        self.write(
            &format!(
                "UPDATE outbox SET state = :state, settled = :at, due = :due, reason = :reason, reference = :reference, \
                 attempts = attempts - :uncounted, lost = lost + :lost, trying = :trying \
                 WHERE id = :id AND state = {SENDING}"
            ),
            named_params! {
                ":id": settled.id, ":state": settled.state, ":at": stamp(settled.at), ":due": settled.due.map(stamp),
                ":reason": settled.reason, ":reference": settled.reference, ":uncounted": settled.uncounted,
                ":lost": settled.lost, ":trying": settled.trying,
            },
        )
    }

    /// The one that had the fewest turns, and of those the oldest: one that is never taken must not
    /// block the others.
    fn take(&self, channel: Channel, now: DateTime<Utc>) -> Result<Option<Waiting>> {
        let query = format!(
            "SELECT id, coalesce(run_id, 0) AS run, channel, audience, recipient, subject, body, html, queued, attempts, \
             lost, state = {SENDING} AS died, nonce, trying, settled, others_taken FROM outbox \
             WHERE channel = :channel AND state IN {WAITING} AND (state IN {AT_ONCE} OR due <= :now) AND {NOT_STOPPED} \
             ORDER BY turns, id LIMIT 1"
        );
        let values = named_params! { ":channel": channel, ":now": stamp(now) };
        let found = self.first(&query, values, waiting_from_row)?;
        if let Some(found) = &found {
            let update = format!(
                "UPDATE outbox SET lost = lost + (state = {SENDING}), state = {SENDING}, attempts = attempts + 1, \
                 turns = turns + 1 WHERE id = ?1"
            );
            self.execute(&update, [found.id])?;
        }
        Ok(found)
    }

    /// Puts messages back into the queue that were not taken through no fault of their own: they
    /// need not wait, and the try is not counted. They go behind those that had fewer turns. With
    /// each id, for how long it had been tried before.
    pub fn put_back(&self, messages: &[(i64, i64)], at: DateTime<Utc>) -> Result<()> {
        let update = format!(
            "UPDATE outbox SET due = CASE WHEN lost > 0 THEN :at END, attempts = max(attempts - 1, 0), trying = :trying, \
             state = CASE WHEN lost > 0 THEN {UNKNOWN} ELSE {QUEUED} END WHERE id = :id AND state IN {TRIED}"
        );
        for (id, trying) in messages {
            self.execute(&update, named_params! { ":id": id, ":trying": trying, ":at": stamp(at) })?;
        }
        Ok(())
    }

    /// Notes that others were taken where these were not: what the server said was about these
    /// recipients.
    pub fn others_were_taken(&self, ids: &[i64]) -> Result<()> {
        for id in ids {
            self.execute("UPDATE outbox SET others_taken = 1 WHERE id = ?1 AND others_taken = 0", [id])?;
        }
        Ok(())
    }

    /// Corrects times that a clock that was wrong for a night has put into the future. `next_try`
    /// and `rest` are how long these can be at most.
    pub fn correct_times(&self, now: DateTime<Utc>, next_try: TimeDelta, rest: TimeDelta) -> Result<()> {
        // What another process has just noted may be a little later than what this one took for
        // now.
        let (latest, soon) = (stamp(now + next_try + SLACK), stamp(now + SLACK));
        let (now_text, rested) = (stamp(now), stamp(now + rest + SLACK));
        let waiting_later =
            format!("state IN {WAITING} AND (due > :latest OR queued > :soon OR settled > :soon)");
        let sent_later = format!("state = {SENT} AND channel IN ('{EMAIL}', '{SMS}') AND settled > :soon");
        // Nothing is written where there is nothing to correct: a run may hold the store.
        let waiting: bool = self.value(
            &format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE {waiting_later})"),
            named_params! { ":latest": latest, ":soon": soon },
        )?;
        if waiting {
            self.execute(
                &format!(
                    "UPDATE outbox SET due = CASE WHEN due > :latest THEN :now ELSE due END, settled = min(settled, :now), \
                     queued = CASE WHEN nonce <> '' THEN min(queued, :now) ELSE queued END WHERE {waiting_later}"
                ),
                named_params! { ":latest": latest, ":soon": soon, ":now": now_text },
            )?;
        }
        if self.value(&format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE {sent_later})"), [&soon])? {
            self.execute(
                &format!("UPDATE outbox SET settled = :now WHERE {sent_later}"),
                named_params! { ":soon": soon, ":now": now_text },
            )?;
        }
        if self.value("SELECT EXISTS (SELECT 1 FROM channel_rest WHERE until > ?1)", [&rested])? {
            self.execute("DELETE FROM channel_rest WHERE until > ?1", [&rested])?;
        }
        Ok(())
    }

    /// Since when the oldest message of a channel waits, and how many do. Not those that wait for a
    /// person to decide.
    pub fn oldest_waiting(&self, channel: Channel) -> Result<Option<(DateTime<Utc>, u64)>> {
        let query = format!(
            "SELECT min(queued) AS oldest, count(*) AS count FROM outbox WHERE channel = ?1 AND state IN {WAITING} \
             AND NOT (state = {UNKNOWN} AND due IS NULL) AND {NOT_STOPPED}"
        );
        let found = self.first(&query, [channel], |row| Ok((moment(row, "oldest")?, row.get("count")?)))?;
        Ok(found.and_then(|(oldest, count)| oldest.map(|oldest| (oldest, count))))
    }

    /// Gives up messages to old addresses that another person has by now, where a later run has
    /// looked at the accounts since the message was queued.
    pub fn drop_passed_on(&self, at: DateTime<Utc>) -> Result<usize> {
        let older = format!(
            "audience = '{FORMER}' AND state IN {NOT_ARRIVED} AND coalesce(run_id, 0) < (SELECT max(id) FROM run)"
        );
        // Nothing is written where there is nothing to give up: a run may hold the store.
        if !self.value(&format!("SELECT EXISTS (SELECT 1 FROM outbox WHERE {older})"), [])? {
            return Ok(0);
        }
        // The person's own account has another address now: none of the rows can be their own.
        let update = format!(
            "UPDATE outbox SET state = {DISCARDED}, due = NULL, settled = ?1, reason = '{OUT_OF_DATE}' \
             WHERE {older} AND (channel = '{EMAIL}' AND lower(recipient) IN (SELECT lower(email) FROM account \
             WHERE archived = 0 AND email <> '') OR channel = '{SMS}' AND recipient IN (SELECT phone FROM account \
             WHERE archived = 0 AND phone <> ''))"
        );
        self.execute(&update, [stamp(at)])
    }

    /// Gives a message up that waits to be tried again.
    pub fn give_up(&self, id: i64, reason: &str, at: DateTime<Utc>) -> Result<()> {
        self.write(
            &format!(
                "UPDATE outbox SET state = {FAILED}, due = NULL, settled = :at, reason = :reason \
                 WHERE id = :id AND state IN {TRIED}"
            ),
            named_params! { ":id": id, ":reason": reason, ":at": stamp(at) },
        )
    }

    /// How many wait for this channel, and the earliest moment at which one of those is due that
    /// are not due now.
    pub fn waiting_for(&self, channel: Channel, now: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>)> {
        let query = format!(
            "SELECT count(*) AS count, min(CASE WHEN state IN {TRIED} AND due > :now THEN due END) AS next FROM outbox \
             WHERE channel = :channel AND state IN {WAITING} AND {NOT_STOPPED}"
        );
        let values = named_params! { ":channel": channel, ":now": stamp(now) };
        let found = self.first(&query, values, |row| Ok((row.get("count")?, moment(row, "next")?)))?;
        Ok(found.unwrap_or_default())
    }

    pub fn due(&self, channel: Channel, now: DateTime<Utc>) -> Result<u64> {
        let query = format!(
            "SELECT count(*) FROM outbox WHERE channel = ?1 AND state IN {WAITING} AND (state IN {AT_ONCE} OR due <= ?2) \
             AND {NOT_STOPPED}"
        );
        self.value(&query, (channel, stamp(now)))
    }

    /// How many went out in the 24 hours before a moment, and when the first of these did. A time
    /// in the future, which a wrong clock has left, is none of them.
    pub fn sent_today(&self, channel: Channel, now: DateTime<Utc>) -> Result<(u64, Option<DateTime<Utc>>)> {
        let query = format!(
            "SELECT count(*) AS count, min(settled) AS first FROM outbox WHERE channel = ?1 AND state = {SENT} \
             AND settled > ?2 AND settled <= ?3"
        );
        let values = (channel, stamp(now - TimeDelta::days(1)), stamp(now + SLACK));
        let found = self.first(&query, values, |row| Ok((row.get("count")?, moment(row, "first")?)))?;
        Ok(found.unwrap_or_default())
    }

    /// When the last message of a channel was handed over.
    pub fn last_sent(&self, channel: Channel) -> Result<Option<DateTime<Utc>>> {
        let query = format!("SELECT max(settled) AS last FROM outbox WHERE channel = ?1 AND state = {SENT}");
        Ok(self.first(&query, [channel], |row| moment(row, "last"))?.flatten())
    }

    /// Whether a message of ours is known to the gateway by this id.
    pub fn has_reference(&self, reference: &str) -> Result<bool> {
        let query = format!(
            "SELECT EXISTS (SELECT 1 FROM outbox WHERE channel = '{SMS}' AND state = {SENT} AND reference = ?1)"
        );
        self.value(&query, [reference])
    }

    /// Until when a channel rests, and why.
    pub fn rest(&self, channel: Channel) -> Result<Option<(DateTime<Utc>, String)>> {
        let query = "SELECT until, reason FROM channel_rest WHERE channel = ?1";
        let found = self.first(query, [channel], |row| Ok((moment(row, "until")?, row.get("reason")?)))?;
        Ok(found.and_then(|(until, reason)| until.map(|until| (until, reason))))
    }

    /// Lets a channel rest, or ends its rest.
    pub fn set_rest(&self, channel: Channel, until: Option<(DateTime<Utc>, &str)>) -> Result<()> {
        match until {
            Some((until, reason)) => self.execute(
                "INSERT OR REPLACE INTO channel_rest (channel, until, reason) VALUES (?1, ?2, ?3)",
                (channel, stamp(until), reason),
            )?,
            None => self.execute("DELETE FROM channel_rest WHERE channel = ?1", [channel])?,
        };
        Ok(())
    }
}

fn waiting_from_row(row: &Row<'_>) -> rusqlite::Result<Waiting> {
    let died: bool = row.get("died")?;
    Ok(Waiting {
        id: row.get("id")?,
        run: row.get("run")?,
        message: Message {
            to: Recipient {
                channel: row.get("channel")?,
                audience: row.get("audience")?,
                address: row.get("recipient")?,
            },
            subject: row.get("subject")?,
            body: row.get("body")?,
            html: row.get("html")?,
        },
        queued: time(row, "queued")?,
        attempts: row.get::<_, u32>("attempts")? + 1,
        lost: row.get::<_, u32>("lost")? + u32::from(died),
        died,
        nonce: row.get("nonce")?,
        trying: row.get("trying")?,
        settled: moment(row, "settled")?,
        others_taken: row.get("others_taken")?,
    })
}
