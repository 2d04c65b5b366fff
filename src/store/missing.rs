//! Accounts whose people the roster has not mentioned for some good runs, and that are not archived
//! for it yet. No account is written to when its person goes missing or comes back, so that nothing
//! of it is left behind.

use std::collections::HashMap;

use chrono::NaiveDate;
use rusqlite::{Row, named_params};

use super::Store;
use super::accounts::keys;
use super::sql::blob;
use crate::failure::Result;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Missing {
    /// The day of the first good run without the person.
    pub since: NaiveDate,
    /// How many good runs without the person there have been.
    pub runs: u32,
    /// The accounts of the adults that are linked to the person: their records may not name the
    /// person any more, and no link is to be lost meanwhile.
    pub adults: Vec<i64>,
}

impl Store {
    /// By id of the account.
    pub fn missing(&self) -> Result<HashMap<i64, Missing>> {
        let query = "SELECT account_id, since, runs, adults FROM missing";
        self.all(query, [], |row| Ok((row.get("account_id")?, missing(row)?)))
    }

    pub fn missing_of(&self, account: i64) -> Result<Option<Missing>> {
        self.first("SELECT since, runs, adults FROM missing WHERE account_id = ?1", [account], missing)
    }

    pub fn count_missing(&self) -> Result<u64> {
        self.value("SELECT count(*) FROM missing", [])
    }

    pub fn put_missing(&self, account: i64, missing: &Missing) -> Result<()> {
        let adults: Vec<u8> = missing.adults.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.write(
            "INSERT INTO missing (account_id, since, runs, adults) VALUES (:account, :since, :runs, :adults) \
             ON CONFLICT (account_id) DO UPDATE SET since = :since, runs = :runs, adults = :adults",
            named_params! {
                ":account": account, ":since": missing.since.to_string(), ":runs": missing.runs, ":adults": adults,
            },
        )
    }

    /// Goes through the adults that are linked to students: the accounts that are not archived, and
    /// the keys of the students.
    pub fn each_linked(&self, mut each: impl FnMut(i64, &mut dyn Iterator<Item = u64>)) -> Result<()> {
        let query = "SELECT id, links FROM account WHERE links IS NOT NULL AND archived = 0";
        self.each(query, [], ["id", "links"], |row, [id, links]| {
            let (keys, _) = blob(row, links)?.as_chunks::<8>();
            each(row.get(id)?, &mut keys.iter().map(|key| u64::from_le_bytes(*key)));
            Ok(())
        })
    }

    /// The keys of the students that an account is linked to.
    pub fn links(&self, account: i64) -> Result<Vec<u64>> {
        let query = "SELECT links FROM account WHERE id = ?1 AND links IS NOT NULL";
        Ok(self.first(query, [account], |row| Ok(keys(row.get_ref(0)?.as_blob()?)))?.unwrap_or_default())
    }

    /// The person is back, or the account is archived.
    pub fn forget_missing(&self, account: i64) -> Result<()> {
        self.write("DELETE FROM missing WHERE account_id = ?1", [account])
    }
}

fn missing(row: &Row<'_>) -> rusqlite::Result<Missing> {
    let (adults, _) = row.get_ref("adults")?.as_blob()?.as_chunks::<8>();
    let adults = adults.iter().map(|id| i64::from_le_bytes(*id)).collect();
    Ok(Missing { since: day(row)?, runs: row.get("runs")?, adults })
}

/// A day that was altered by hand, so that it cannot be read, is long ago.
fn day(row: &Row<'_>) -> rusqlite::Result<NaiveDate> {
    Ok(row.get_ref("since")?.as_str()?.parse().unwrap_or_default())
}
