//! Guardians by their students, for sources that give them no lasting id.

use super::Store;
use crate::failure::Result;

/// An account that is linked to others, by the names that the roster last gave it.
pub struct Guardian<'a> {
    pub sourced_id: &'a str,
    pub archived: bool,
    pub active: bool,
    /// Empty where the roster gives none.
    pub identifier: &'a str,
    pub given_name: &'a str,
    pub family_name: &'a str,
    /// As the roster last gave them, and as the account has them.
    pub emails: [&'a str; 2],
    pub numbers: [&'a str; 4],
    pub roles: &'a str,
    /// Comma-separated sourcedIds.
    pub students: &'a str,
}

impl Store {
    /// Goes through all accounts that are linked to others, archived ones too.
    pub fn each_guardian(&self, mut each: impl FnMut(Guardian<'_>)) -> Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT sourced_id, archived, state = 'active', coalesce(sis_identifier, ''), \
             coalesce(sis_given_name, ''), coalesce(sis_family_name, ''), \
             coalesce(sis_email, ''), email, coalesce(sis_sms, ''), coalesce(sis_phone, ''), phone, home_phone, \
             sis_roles, sis_agents FROM account WHERE sis_agents <> ''",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
            each(Guardian {
                sourced_id: text(0)?,
                archived: row.get(1)?,
                active: row.get(2)?,
                identifier: text(3)?,
                given_name: text(4)?,
                family_name: text(5)?,
                emails: [text(6)?, text(7)?],
                numbers: [text(8)?, text(9)?, text(10)?, text(11)?],
                roles: text(12)?,
                students: text(13)?,
            });
        }
        Ok(())
    }
}
