//! Who may manage users: staff with the permission Users Manager, for a school or for the whole
//! district.

use std::collections::HashMap;

use rusqlite::types::{FromSql, FromSqlResult, ValueRef};

use super::Store;
use crate::failure::Result;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    District,
    School(String),
}

impl Grant {
    fn key(&self) -> &str {
        match self {
            Self::District => "",
            Self::School(id) => id,
        }
    }

    /// As lists show it: `district`, or the school's sourcedId.
    pub fn word(&self) -> &str {
        match self {
            Self::District => "district",
            Self::School(id) => id,
        }
    }
}

impl FromSql for Grant {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        let key = value.as_str()?;
        Ok(if key.is_empty() { Self::District } else { Self::School(key.to_owned()) })
    }
}

impl Store {
    /// Where a person may manage users; the district first.
    pub fn grants(&self, account: i64) -> Result<Vec<Grant>> {
        let query = "SELECT school FROM users_manager WHERE account_id = ?1 ORDER BY school";
        self.all(query, [account], |row| row.get(0))
    }

    pub fn all_grants(&self) -> Result<HashMap<i64, Vec<Grant>>> {
        let mut all: HashMap<i64, Vec<Grant>> = HashMap::new();
        self.each(
            "SELECT account_id, school FROM users_manager ORDER BY account_id, school",
            [],
            ["account_id", "school"],
            |row, [account, school]| {
                all.entry(row.get(account)?).or_default().push(row.get(school)?);
                Ok(())
            },
        )?;
        Ok(all)
    }

    /// Gives the permission; false if it was there.
    pub fn grant(&self, account: i64, grant: &Grant) -> Result<bool> {
        let insert = "INSERT OR IGNORE INTO users_manager (account_id, school) VALUES (?1, ?2)";
        Ok(self.execute(insert, (account, grant.key()))? > 0)
    }

    /// Takes the permission away; false if it was not there.
    pub fn revoke(&self, account: i64, grant: &Grant) -> Result<bool> {
        let delete = "DELETE FROM users_manager WHERE account_id = ?1 AND school = ?2";
        Ok(self.execute(delete, (account, grant.key()))? > 0)
    }
}
