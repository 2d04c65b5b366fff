//! What the platform was last given by `[platform.push]`.

use chrono::{DateTime, Utc};
use rusqlite::{Row, named_params};

use super::Store;
use super::sql::{moment, stamp};
use crate::failure::Result;

/// An entry of the audit and an account: what is later has changed since.
pub type Position = (i64, i64);

/// The pushes so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PushRow {
    /// A hash of where they went. To another place everything goes.
    pub target: String,
    /// What the platform has for certain: up to here an earlier file was picked up.
    pub taken: Position,
    /// What the last file covers.
    pub covered: Position,
    /// When the last push succeeded, and with how many users; none has yet without it.
    pub pushed: Option<DateTime<Utc>>,
    pub users: u64,
    /// When the last one failed, and why, if none has succeeded since.
    pub failed: Option<DateTime<Utc>>,
    pub reason: String,
}

impl Store {
    /// The end of the history: what is later has not happened yet.
    pub fn position(&self) -> Result<Position> {
        let query = "SELECT (SELECT coalesce(max(id), 0) FROM audit_row) AS entry, (SELECT coalesce(max(id), 0) FROM account) AS account";
        Ok(self.first(query, [], |row| Ok((row.get("entry")?, row.get("account")?)))?.unwrap_or_default())
    }

    pub fn push(&self) -> Result<Option<PushRow>> {
        self.first("SELECT * FROM push", [], push)
    }

    /// Notes how a push ended.
    pub fn put_push(&self, push: &PushRow) -> Result<()> {
        self.execute(
            "INSERT OR REPLACE INTO push (only_one, target, taken_entry, taken_account, entry, account, pushed, users, failed, reason) \
             VALUES (1, :target, :taken_entry, :taken_account, :entry, :account, :pushed, :users, :failed, :reason)",
            named_params! {
                ":target": push.target, ":taken_entry": push.taken.0, ":taken_account": push.taken.1,
                ":entry": push.covered.0, ":account": push.covered.1, ":pushed": push.pushed.map(stamp),
                ":users": push.users, ":failed": push.failed.map(stamp), ":reason": push.reason,
            },
        )?;
        Ok(())
    }
}

fn push(row: &Row<'_>) -> rusqlite::Result<PushRow> {
    Ok(PushRow {
        target: row.get("target")?,
        taken: (row.get("taken_entry")?, row.get("taken_account")?),
        covered: (row.get("entry")?, row.get("account")?),
        pushed: moment(row, "pushed")?,
        users: row.get("users")?,
        failed: moment(row, "failed")?,
        reason: row.get("reason")?,
    })
}
