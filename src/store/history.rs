//! Runs and the audit: what was done, when, by whom.

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::{OptionalExtension, Row, named_params};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::failure::Result;
use crate::roster::Mode;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RunResult {
    Ok,
    /// Applied, but more records were rejected than allowed.
    Partial,
    /// A limit said no: nothing was applied.
    Blocked,
}

impl RunResult {
    pub fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Partial => "partial",
            Self::Blocked => "blocked",
        }
    }
}

/// A run that is about to be recorded.
pub struct NewRun<'a> {
    pub id: i64,
    pub started: DateTime<Utc>,
    pub finished: DateTime<Utc>,
    pub result: RunResult,
    pub source: &'a str,
    pub mode: Mode,
    /// Whether notifications were wanted (not `--no-notify`).
    pub notify: bool,
    pub checksum: &'a str,
    /// JSON: the counts of the plan.
    pub summary: &'a str,
}

/// A run of the past.
#[derive(Debug, Clone, Serialize)]
pub struct RunRow {
    pub id: i64,
    pub started: DateTime<Utc>,
    pub finished: DateTime<Utc>,
    pub result: RunResult,
    pub source: String,
    pub mode: String,
    pub notify: bool,
    pub checksum: String,
    pub summary: serde_json::Value,
}

/// Who changed a detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Sync,
    Platform,
    Person,
}

impl Origin {
    fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Platform => "platform",
            Self::Person => "person",
        }
    }
}

/// One change of one field, for the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub origin: Origin,
    /// `name`, `email`, `phone`, `home_phone` or `state`.
    pub field: String,
    pub old: String,
    pub new: String,
}

pub(super) fn stamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Store {
    /// Begins the transaction of a run. Until [`Store::commit`] nothing is written; a store that is dropped before, or
    /// whose process dies, is as it was.
    pub fn begin(&self) -> Result<()> {
        Ok(self.connection.execute_batch("BEGIN")?)
    }

    /// Commits what was written since [`Store::begin`].
    pub fn commit(&self) -> Result<()> {
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Ends a transaction in which nothing is to be written after all.
    pub fn rollback(&self) -> Result<()> {
        Ok(self.connection.execute_batch("ROLLBACK")?)
    }

    /// The number that the next run will have.
    pub fn next_run(&self) -> Result<i64> {
        Ok(self.connection.query_row("SELECT coalesce(max(id), 0) + 1 FROM run", [], |row| row.get(0))?)
    }

    pub fn insert_run(&self, run: &NewRun<'_>) -> Result<()> {
        let mode = match run.mode {
            Mode::Bulk => "bulk",
            Mode::Delta => "delta",
            Mode::Unknown => "unknown",
        };
        self.connection.execute(
            "INSERT INTO run VALUES (:id, :started, :finished, :result, :source, :mode, :notify, :checksum, :summary)",
            named_params! {
                ":id": run.id, ":started": stamp(run.started), ":finished": stamp(run.finished),
                ":result": run.result.word(), ":source": run.source, ":mode": mode, ":notify": run.notify,
                ":checksum": run.checksum, ":summary": run.summary,
            },
        )?;
        Ok(())
    }

    /// All runs, latest first, at most `limit`.
    pub fn runs(&self, limit: u64) -> Result<Vec<RunRow>> {
        let mut statement = self.connection.prepare("SELECT * FROM run ORDER BY id DESC LIMIT ?1")?;
        let rows = statement.query_map([limit], run_from_row)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    pub fn run(&self, id: i64) -> Result<Option<RunRow>> {
        Ok(self.connection.query_row("SELECT * FROM run WHERE id = ?1", [id], run_from_row).optional()?)
    }

    /// Appends a change to the audit. `run` is none for what was done by hand.
    pub fn audit(&self, account: i64, run: Option<i64>, entry: &AuditEntry, at: DateTime<Utc>) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO audit VALUES (NULL, :account, :run, :origin, :field, :old, :new, :at)",
        )?;
        statement.execute(named_params! {
            ":account": account, ":run": run, ":origin": entry.origin.word(), ":field": entry.field,
            ":old": entry.old, ":new": entry.new, ":at": stamp(at),
        })?;
        Ok(())
    }
}

fn run_from_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let time = |column: &str| -> rusqlite::Result<DateTime<Utc>> {
        let text: String = row.get(column)?;
        Ok(DateTime::parse_from_rfc3339(&text).map_or(DateTime::UNIX_EPOCH, |moment| moment.to_utc()))
    };
    let result: String = row.get("result")?;
    let summary: String = row.get("summary")?;
    Ok(RunRow {
        id: row.get("id")?,
        started: time("started")?,
        finished: time("finished")?,
        result: match result.as_str() {
            "ok" => RunResult::Ok,
            "partial" => RunResult::Partial,
            _ => RunResult::Blocked,
        },
        source: row.get("source")?,
        mode: row.get("mode")?,
        notify: row.get("notify")?,
        checksum: row.get("checksum")?,
        summary: serde_json::from_str(&summary).unwrap_or_default(),
    })
}
