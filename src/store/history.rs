//! The numbers of the roster on the last good nights.

use chrono::{DateTime, Utc};

use super::Store;
use super::sql::time;
use crate::failure::Result;
use crate::history::{KEPT, Night};

/// A good night.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct GoodNight {
    pub run: i64,
    pub started: DateTime<Utc>,
    /// When its list of users was written, in seconds since 1970.
    pub written: Option<i64>,
    /// As [`Night::content`].
    pub content: u64,
}

impl Store {
    /// The last good night in numbers. None before the first one.
    pub fn last_numbers(&self) -> Result<Option<Night>> {
        let query = "SELECT seen FROM history ORDER BY run DESC LIMIT 1";
        let seen: Option<Vec<u8>> = self.first(query, [], |row| row.get(0))?;
        Ok(seen.as_deref().and_then(Night::from_bytes))
    }

    /// The last good nights in numbers, oldest first.
    pub fn numbers(&self) -> Result<Vec<Night>> {
        let seen: Vec<Vec<u8>> = self.all("SELECT seen FROM history ORDER BY run", [], |row| row.get(0))?;
        Ok(seen.iter().filter_map(|seen| Night::from_bytes(seen)).collect())
    }

    /// The last good nights, oldest first, without their numbers.
    pub fn good_nights(&self) -> Result<Vec<GoodNight>> {
        self.all(
            "SELECT run.id, run.started, written, content FROM history JOIN run ON run.id = history.run ORDER BY run.id",
            [],
            |row| {
                Ok(GoodNight {
                    run: row.get("id")?,
                    started: time(row, "started")?,
                    written: row.get("written")?,
                    content: row.get::<_, i64>("content")?.cast_unsigned(),
                })
            },
        )
    }

    /// Keeps the numbers of a run, and those of the last runs before.
    pub fn keep_numbers(&self, run: i64, night: &Night, written: Option<i64>) -> Result<()> {
        self.write(
            "INSERT INTO history (run, content, written, seen) VALUES (?1, ?2, ?3, ?4)",
            (run, night.content.cast_signed(), written, night.to_bytes()?),
        )?;
        self.write(
            "DELETE FROM history WHERE run <= (SELECT run FROM history ORDER BY run DESC LIMIT 1 OFFSET ?1)",
            [KEPT as i64],
        )
    }

    /// Forgets the numbers of a run that was undone: what it saw is no measure for the next one.
    pub fn forget_numbers(&self, run: i64) -> Result<()> {
        self.write("DELETE FROM history WHERE run = ?1", [run])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_numbers_of_the_last_thirty_good_nights_are_kept() {
        let store = Store::empty().unwrap();
        assert_eq!(store.last_numbers().unwrap(), None);
        for run in 1..=33 {
            store.keep_numbers(run, &Night::new(run as u64), None).unwrap();
        }
        let kept: Vec<u64> = store.numbers().unwrap().iter().map(|night| night.content).collect();
        assert_eq!(kept, (4..=33).collect::<Vec<_>>());
        store.forget_numbers(33).unwrap();
        assert_eq!(store.last_numbers().unwrap(), Some(Night::new(32)));
    }
}
