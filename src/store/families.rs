//! Guardians by their students, for sources that give them no lasting id.

use super::Store;
use crate::failure::Result;

/// An account that is linked to others, by the names that the roster last gave it.
pub struct Guardian<'a> {
    pub sourced_id: &'a str,
    pub archived: bool,
    pub given_name: &'a str,
    pub family_name: &'a str,
    /// Comma-separated sourcedIds.
    pub students: &'a str,
}

impl Store {
    /// Goes through all accounts that are linked to others, archived ones too.
    pub fn each_guardian(&self, mut each: impl FnMut(Guardian<'_>)) -> Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT sourced_id, archived, coalesce(sis_given_name, ''), coalesce(sis_family_name, ''), sis_agents \
             FROM account WHERE sis_agents <> ''",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
            each(Guardian {
                sourced_id: text(0)?,
                archived: row.get(1)?,
                given_name: text(2)?,
                family_name: text(3)?,
                students: text(4)?,
            });
        }
        Ok(())
    }
}
