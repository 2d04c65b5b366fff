//! People that are to have no account, by `users suppress`. There may be no account of them yet.

use chrono::{DateTime, NaiveDate, Utc};

use super::Store;
use super::sql::{stamp, time};
use crate::failure::Result;

#[derive(Clone, PartialEq, Eq)]
pub struct Suppression {
    pub sourced_id: String,
    /// The last day on which it holds; none: until it is ended by hand.
    pub until: Option<NaiveDate>,
    pub reason: String,
    pub since: DateTime<Utc>,
}

/// The reason stays out of logs.
impl std::fmt::Debug for Suppression {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Suppression({})", self.sourced_id)
    }
}

impl Store {
    /// All of them, by sourcedId, also those whose last day has passed.
    pub fn suppressions(&self) -> Result<Vec<Suppression>> {
        self.all("SELECT sourced_id, until, reason, since FROM suppressed ORDER BY sourced_id", [], |row| {
            let until: Option<String> = row.get("until")?;
            Ok(Suppression {
                sourced_id: row.get("sourced_id")?,
                // What cannot be read holds always.
                until: until.and_then(|day| day.parse().ok()),
                reason: row.get("reason")?,
                since: time(row, "since")?,
            })
        })
    }

    pub fn put_suppression(&self, suppression: &Suppression) -> Result<()> {
        let Suppression { sourced_id, until, reason, since } = suppression;
        self.write(
            "INSERT OR REPLACE INTO suppressed (sourced_id, until, reason, since) VALUES (?1, ?2, ?3, ?4)",
            (sourced_id, until.map(|day| day.to_string()), reason, stamp(*since)),
        )
    }

    /// Whether there was one.
    pub fn end_suppression(&self, sourced_id: &str) -> Result<bool> {
        Ok(self.execute("DELETE FROM suppressed WHERE sourced_id = ?1", [sourced_id])? > 0)
    }
}
