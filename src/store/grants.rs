//! Who may manage users: staff with the permission Users Manager, for a school or for the whole district.

use std::collections::HashMap;

use rusqlite::params;

use super::Store;
use crate::failure::Result;

/// Where somebody may manage users.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grant {
    District,
    /// sourcedId of the school.
    School(String),
}

impl Grant {
    fn key(&self) -> &str {
        match self {
            Self::District => "",
            Self::School(id) => id,
        }
    }

    fn of(key: String) -> Self {
        if key.is_empty() { Self::District } else { Self::School(key) }
    }

    /// As lists show it: `district`, or the school's sourcedId.
    pub fn word(&self) -> &str {
        match self {
            Self::District => "district",
            Self::School(id) => id,
        }
    }
}

impl Store {
    /// Where somebody may manage users; the district first.
    pub fn grants(&self, account: i64) -> Result<Vec<Grant>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT school FROM users_manager WHERE account_id = ?1 ORDER BY school")?;
        let rows = statement.query_map([account], |row| row.get(0).map(Grant::of))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Everybody who may manage users.
    pub fn all_grants(&self) -> Result<HashMap<i64, Vec<Grant>>> {
        let mut statement =
            self.connection.prepare("SELECT account_id, school FROM users_manager ORDER BY 1, 2")?;
        let mut rows = statement.query([])?;
        let mut all: HashMap<i64, Vec<Grant>> = HashMap::new();
        while let Some(row) = rows.next()? {
            all.entry(row.get(0)?).or_default().push(Grant::of(row.get(1)?));
        }
        Ok(all)
    }

    /// Gives the permission; false if it was there.
    pub fn grant(&self, account: i64, grant: &Grant) -> Result<bool> {
        let added = self
            .connection
            .execute("INSERT OR IGNORE INTO users_manager VALUES (?1, ?2)", params![account, grant.key()])?;
        Ok(added > 0)
    }

    /// Takes the permission away; false if it was not there.
    pub fn revoke(&self, account: i64, grant: &Grant) -> Result<bool> {
        let removed = self.connection.execute(
            "DELETE FROM users_manager WHERE account_id = ?1 AND school = ?2",
            params![account, grant.key()],
        )?;
        Ok(removed > 0)
    }
}
