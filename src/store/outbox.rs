//! The outbox: notifications that are waiting to be handed over.

use chrono::{DateTime, Utc};
use rusqlite::named_params;

use super::Store;
use super::history::stamp;
use crate::failure::Result;
use crate::message::Message;

/// A message that waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    pub id: i64,
    pub run: i64,
    pub recipient: String,
    pub subject: String,
    pub body: String,
    pub queued: DateTime<Utc>,
}

impl Store {
    pub fn queue(&self, run: i64, account: i64, message: &Message, at: DateTime<Utc>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO outbox VALUES (NULL, :run, :account, :channel, :audience, :recipient, :subject, :body, :at, \
             'queued', NULL)",
        )?;
        statement.execute(named_params! {
            ":run": run, ":account": account, ":channel": message.to.channel.word(), ":audience": message.to.audience.word(),
            ":recipient": message.to.address, ":subject": message.subject, ":body": message.body, ":at": stamp(at),
        })?;
        Ok(())
    }

    /// The emails that wait, oldest first, from after the given one, at most `limit`.
    pub fn waiting_emails(&self, after: i64, limit: u64) -> Result<Vec<Waiting>> {
        let mut statement = self.connection.prepare_cached(
            "SELECT id, run_id, recipient, subject, body, queued FROM outbox \
             WHERE state = 'queued' AND channel = 'email' AND id > ?1 ORDER BY id LIMIT ?2",
        )?;
        let rows = statement.query_map(rusqlite::params![after, limit], |row| {
            let queued: String = row.get(5)?;
            Ok(Waiting {
                id: row.get(0)?,
                run: row.get(1)?,
                recipient: row.get(2)?,
                subject: row.get(3)?,
                body: row.get(4)?,
                queued: DateTime::parse_from_rfc3339(&queued).map_or(DateTime::UNIX_EPOCH, |at| at.to_utc()),
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Marks messages as handed over.
    pub fn mark_sent(&self, ids: &[i64], at: DateTime<Utc>) -> Result<()> {
        let step = self.connection.unchecked_transaction()?;
        {
            let mut statement =
                step.prepare_cached("UPDATE outbox SET state = 'sent', sent = ?2 WHERE id = ?1")?;
            for id in ids {
                statement.execute(rusqlite::params![id, stamp(at)])?;
            }
        }
        Ok(step.commit()?)
    }

    /// How many messages wait.
    pub fn waiting(&self) -> Result<u64> {
        Ok(self
            .connection
            .query_row("SELECT count(*) FROM outbox WHERE state = 'queued'", [], |row| row.get(0))?)
    }
}
