//! Attempts: each time that a run was started, and how it ended.

use std::path::Path;
use std::time::Duration;

use chrono::{DateTime, Utc};
use rusqlite::{Row, named_params};

use super::Store;
use super::runs::RunRow;
use super::sql::{stamp, time};
use crate::attempt::{self, Attempt};
use crate::failure::Result;

/// So many of those that have no number are kept: some start a run every few minutes.
const KEPT: i64 = 10_000;

/// An attempt, with its run if that is in this store.
#[derive(Debug, Clone)]
pub struct Tried {
    pub attempt: Attempt,
    pub run: Option<RunRow>,
}

/// Which attempt of the sync is asked for: the latest of these.
#[derive(Debug, Clone, Copy)]
pub enum Last {
    Any,
    Good,
    /// Its changes were made, and it did not begin later.
    GoodUntil(DateTime<Utc>),
    Numbered,
    /// It did nothing, since the sync was paused, and did not begin later.
    PausedUntil(DateTime<Utc>),
}

impl Store {
    /// Puts an attempt on record, unless it is.
    pub fn put_attempt(&self, attempt: &Attempt, undo: bool) -> Result<()> {
        let put = self.execute(
            "INSERT OR IGNORE INTO attempt (key, started, finished, result, exit, reason, run_id, undo, attention) \
             VALUES (:key, :started, :finished, :result, :exit, :reason, :run, :undo, :attention)",
            named_params! {
                ":key": attempt.key, ":started": stamp(attempt.started), ":finished": stamp(attempt.finished),
                ":result": attempt.result, ":exit": attempt.exit, ":reason": attempt.reason, ":run": attempt.run,
                ":undo": undo, ":attention": serde_json::to_string(&attempt.attention).unwrap_or_default(),
            },
        )?;
        if put > 0 && attempt.run.is_none() {
            self.execute(
                "DELETE FROM attempt WHERE run_id IS NULL AND id <= (SELECT max(id) FROM attempt) - ?1",
                [KEPT],
            )?;
        }
        Ok(())
    }

    /// Says how an attempt that is on record ended after all. Nothing is written if it says so.
    pub fn end_attempt(&self, attempt: &Attempt) -> Result<()> {
        self.write(
            "UPDATE attempt SET finished = :finished, result = :result, exit = :exit, reason = :reason, attention = :attention \
             WHERE key = :key AND (result <> :result OR reason <> :reason OR attention <> :attention)",
            named_params! {
                ":finished": stamp(attempt.finished), ":result": attempt.result, ":exit": attempt.exit,
                ":reason": attempt.reason, ":key": attempt.key,
                ":attention": serde_json::to_string(&attempt.attention).unwrap_or_default(),
            },
        )
    }

    /// Puts an attempt on record in a store that is not open: as it ended, also if it is on record.
    /// False if that cannot be done now, because there is no store, or it is locked, damaged or of
    /// another version.
    pub fn note_attempt(path: &Path, attempt: &Attempt) -> bool {
        let patience = Duration::from_secs(2);
        let noted = || -> Result<bool> {
            if !path.metadata().is_ok_and(|found| found.is_file() && found.len() > 0) {
                return Ok(false);
            }
            let Some(store) = Self::open_current(path)? else { return Ok(false) };
            store.connection.busy_timeout(patience)?;
            // Those that were noted beside the store come first, so that the last one on record is
            // this one.
            for earlier in attempt::read_beside(path).unwrap_or_default() {
                if earlier.key != attempt.key {
                    store.put_attempt(&earlier, false)?;
                }
            }
            store.put_attempt(attempt, false)?;
            store.end_attempt(attempt)?;
            Ok(true)
        };
        noted().unwrap_or_else(|failure| {
            tracing::debug!("the attempt is noted beside the store: {failure}");
            false
        })
    }

    /// Takes people out of the attempts on record. How many named one.
    pub fn erase_in_attempts(&self, sourced_ids: &[String]) -> Result<u64> {
        let attempts: Vec<Attempt> = self.all("SELECT * FROM attempt", [], from_row)?;
        let masked: Vec<Attempt> =
            attempts.iter().filter_map(|attempt| attempt.masked(sourced_ids)).collect();
        for attempt in &masked {
            self.write(
                "UPDATE attempt SET reason = ?2, attention = ?3 WHERE key = ?1",
                (
                    &attempt.key,
                    &attempt.reason,
                    serde_json::to_string(&attempt.attention).unwrap_or_default(),
                ),
            )?;
        }
        Ok(masked.len() as u64)
    }

    pub fn has_attempt(&self, key: &str) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM attempt WHERE key = ?1)", [key])
    }

    /// The attempts on record, latest first, at most `limit`; with those that took back a run.
    pub fn attempts(&self, limit: u64) -> Result<Vec<Tried>> {
        self.tried("1", limit)
    }

    /// How the runs of these numbers ended. A run of a version that did not record attempts has none.
    pub fn results_of_runs(&self, first: i64, last: i64) -> Result<Vec<(i64, String)>> {
        let query = "SELECT run_id, result FROM attempt WHERE run_id BETWEEN ?1 AND ?2 ORDER BY id";
        self.all(query, (first, last), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The latest attempt of the sync that fits.
    pub fn last_attempt(&self, which: Last) -> Result<Option<Tried>> {
        let good = "undo = 0 AND result IN ('ok', 'partial', 'attention', 'undelivered')";
        let condition = match which {
            Last::Any => "undo = 0",
            Last::Good => good,
            Last::GoodUntil(moment) => &format!("{good} AND started <= '{}'", stamp(moment)),
            Last::PausedUntil(moment) => &format!("result = 'paused' AND started <= '{}'", stamp(moment)),
            Last::Numbered => "undo = 0 AND run_id IS NOT NULL",
        };
        Ok(self.tried(condition, 1)?.pop())
    }

    /// When the first of the runs began that are blocked since the last good one. What failed
    /// between them changes nothing.
    pub fn blocked_since(&self) -> Result<Option<DateTime<Utc>>> {
        let query = "SELECT started FROM attempt WHERE undo = 0 AND result = 'blocked' AND id > \
                     (SELECT coalesce(max(id), 0) FROM attempt WHERE undo = 0 \
                     AND result IN ('ok', 'partial', 'attention', 'undelivered')) ORDER BY id LIMIT 1";
        self.first(query, [], |row| time(row, "started"))
    }

    fn tried(&self, condition: &str, limit: u64) -> Result<Vec<Tried>> {
        let query = format!("SELECT * FROM attempt WHERE {condition} ORDER BY id DESC LIMIT ?1");
        let attempts: Vec<Attempt> = self.all(&query, [limit], from_row)?;
        let with_run = |attempt: Attempt| {
            let run = attempt.run.map(|run| self.run(run)).transpose()?.flatten();
            Ok(Tried { attempt, run })
        };
        attempts.into_iter().map(with_run).collect()
    }
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Attempt> {
    let attention: String = row.get("attention")?;
    Ok(Attempt {
        key: row.get("key")?,
        started: time(row, "started")?,
        finished: time(row, "finished")?,
        result: row.get("result")?,
        exit: row.get("exit")?,
        reason: row.get("reason")?,
        run: row.get("run_id")?,
        attention: serde_json::from_str(&attention).unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attempt::Ending;
    use crate::failure::Kind;

    #[test]
    fn attempts_are_kept_once_and_in_the_order_in_which_they_came() {
        let store = Store::empty().unwrap();
        let begun = || Attempt::begin(DateTime::UNIX_EPOCH);
        let failed = begun().ended(Ending::Failed(Kind::InputUnusable), "users.csv is empty");
        let mut good = begun().ended(Ending::Ok, "");
        good.run = Some(1);
        for attempt in [&good, &failed, &good, &failed] {
            store.put_attempt(attempt, false).unwrap();
        }
        let all: Vec<_> = store.attempts(9).unwrap().into_iter().map(|tried| tried.attempt.result).collect();
        assert_eq!(all, ["input-unusable", "ok"]);
        let last = |which| store.last_attempt(which).unwrap().unwrap().attempt;
        assert_eq!(last(Last::Any).key, failed.key);
        assert_eq!(last(Last::Good).run, Some(1));
        let waits = good.clone().ended(Ending::Undelivered, "2 notifications could not be handed over");
        store.end_attempt(&waits).unwrap();
        assert_eq!(last(Last::Good).exit, 8);
        assert!(store.has_attempt(&good.key).unwrap() && !store.has_attempt("other").unwrap());
    }
}
