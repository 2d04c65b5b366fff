//! Runs: what was done, when, and how it ended.

use chrono::{DateTime, Utc};
use rusqlite::{Row, named_params};

use super::Store;
use super::sql::{stamp, time};
use crate::attempt::Ending;
use crate::failure::{Failure, Kind, Result};
use crate::last_night::LastNight;

/// A run.
#[derive(Debug, Clone)]
pub struct RunRow {
    pub id: i64,
    pub started: DateTime<Utc>,
    pub finished: DateTime<Utc>,
    /// `Ok`, `Partial` (applied, but more records were rejected than allowed) or `BLOCKED`.
    pub result: Ending,
    pub source: String,
    pub mode: String,
    /// Whether notifications were wanted (not `--no-notify`).
    pub notify: bool,
    pub checksum: String,
    /// The counts of the plan.
    pub summary: serde_json::Value,
    /// The run whose changes this one took back.
    pub undoes: Option<i64>,
}

impl Store {
    pub fn insert_run(&self, run: &RunRow) -> Result<()> {
        self.execute(
            "INSERT INTO run (id, started, finished, result, source, mode, notify, checksum, summary, undoes) VALUES \
             (:id, :started, :finished, :result, :source, :mode, :notify, :checksum, :summary, :undoes)",
            named_params! {
                ":id": run.id, ":started": stamp(run.started), ":finished": stamp(run.finished),
                ":result": run.result, ":source": run.source, ":mode": run.mode, ":notify": run.notify,
                ":checksum": run.checksum, ":summary": run.summary.to_string(), ":undoes": run.undoes,
            },
        )?;
        self.sealing.borrow_mut().of_run(run.id, run.started);
        Ok(())
    }

    /// What the last applied run saw of its inputs. None before the first run, and after an upgrade
    /// from a version that did not keep it.
    pub fn last_night(&self) -> Result<Option<LastNight>> {
        let seen: Option<String> =
            self.first("SELECT seen FROM last_night WHERE only_one = 1", [], |row| row.get(0))?;
        seen.map(|seen| {
            serde_json::from_str(&seen).map_err(|cause| {
                Failure::new(Kind::Failed, "the store's record of the last run cannot be read")
                    .cure("restore the store from a backup")
                    .because(cause)
            })
        })
        .transpose()
    }

    /// Keeps what a run saw, in place of what the run before saw.
    pub fn keep_night(&self, seen: &LastNight) -> Result<()> {
        let seen = serde_json::to_string(seen)
            .map_err(|cause| Failure::new(Kind::Failed, "what the run saw cannot be kept").because(cause))?;
        self.write(
            "INSERT INTO last_night (only_one, seen) VALUES (1, :seen) \
             ON CONFLICT (only_one) DO UPDATE SET seen = excluded.seen",
            named_params! { ":seen": seen },
        )
    }

    pub fn runs(&self, limit: u64) -> Result<Vec<RunRow>> {
        self.all("SELECT * FROM run ORDER BY id DESC LIMIT ?1", [limit], run_from_row)
    }

    /// This run and those before it, latest first.
    pub fn runs_until(&self, run: i64, limit: u64) -> Result<Vec<RunRow>> {
        let query = "SELECT * FROM run WHERE id <= ?1 ORDER BY id DESC LIMIT ?2";
        self.all(query, (run, limit), run_from_row)
    }

    pub fn run_with_checksum(&self, checksum: &str) -> Result<Option<RunRow>> {
        let query = "SELECT * FROM run WHERE checksum = ?1 ORDER BY id DESC LIMIT 1";
        self.first(query, [checksum], run_from_row)
    }

    /// The runs after this one that were applied, the first ten.
    pub fn applied_since(&self, run: i64) -> Result<Vec<RunRow>> {
        let query = "SELECT * FROM run WHERE id > ?1 AND result <> ?2 ORDER BY id LIMIT 10";
        self.all(query, (run, Ending::BLOCKED), run_from_row)
    }

    /// The last run of the sync before this one that was applied.
    pub fn applied_before(&self, run: i64) -> Result<Option<RunRow>> {
        let query =
            "SELECT * FROM run WHERE id < ?1 AND result <> ?2 AND undoes IS NULL ORDER BY id DESC LIMIT 1";
        self.first(query, (run, Ending::BLOCKED), run_from_row)
    }

    pub fn run(&self, id: i64) -> Result<Option<RunRow>> {
        self.first("SELECT * FROM run WHERE id = ?1", [id], run_from_row)
    }

    /// The highest number of a run that is on record here.
    pub fn last_run_number(&self) -> Result<i64> {
        self.value("SELECT coalesce(max(id), 0) FROM run", [])
    }
}

fn run_from_row(row: &Row<'_>) -> rusqlite::Result<RunRow> {
    let summary: String = row.get("summary")?;
    Ok(RunRow {
        id: row.get("id")?,
        started: time(row, "started")?,
        finished: time(row, "finished")?,
        result: row.get("result")?,
        source: row.get("source")?,
        mode: row.get("mode")?,
        notify: row.get("notify")?,
        checksum: row.get("checksum")?,
        summary: serde_json::from_str(&summary).unwrap_or_default(),
        undoes: row.get("undoes")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::last_night::{FileSeen, file};

    #[test]
    fn what_a_run_saw_replaces_what_the_run_before_saw() {
        let store = Store::empty().unwrap();
        assert_eq!(store.last_night().unwrap(), None);
        let mut night = LastNight::default();
        for ended_in_line_break in [true, false] {
            let seen = FileSeen {
                ended_in_line_break,
                columns: [("email".to_owned(), 3)].into(),
                ..FileSeen::default()
            };
            night.files.insert(file::USERS.to_owned(), seen);
            store.keep_night(&night).unwrap();
            assert_eq!(store.last_night().unwrap().as_ref(), Some(&night));
        }
    }

    #[test]
    fn a_night_that_an_older_version_kept_has_defaults_for_what_it_did_not_know() {
        let night: LastNight = serde_json::from_str(r#"{"files":{"users":{}},"later":1}"#).unwrap();
        assert!(!night.files[file::USERS].ended_in_line_break);
    }
}
