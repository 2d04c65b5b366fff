//! Families as the roster last gave them: guardians by their students, for sources that give them no lasting id; the ids of
//! everybody; and the last known schools of people for whom the roster names none.

use rusqlite::{OptionalExtension, params};

use super::Store;
use crate::failure::Result;
use crate::roster::kept::key;

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
    pub orgs: &'a str,
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
             sis_roles, sis_agents, sis_orgs FROM account WHERE sis_agents <> ''",
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
                orgs: text(14)?,
            });
        }
        Ok(())
    }

    /// Goes through the sourcedIds of all accounts and of the people without an account.
    pub fn each_id(&self, each: impl FnMut(&str)) -> Result<()> {
        self.each_text("SELECT sourced_id FROM account UNION ALL SELECT sourced_id FROM bystander", each)
    }

    /// Goes through the sourcedIds of the people without an account.
    pub fn each_bystander_id(&self, each: impl FnMut(&str)) -> Result<()> {
        self.each_text("SELECT sourced_id FROM bystander", each)
    }

    fn each_text(&self, sql: &str, mut each: impl FnMut(&str)) -> Result<()> {
        let mut statement = self.connection.prepare(sql)?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
            each(text(0)?);
        }
        Ok(())
    }

    /// Goes through the schools that stand for people for whom the roster names none: the [`key`] of the sourcedId, and the
    /// schools, comma-separated.
    pub fn each_last_schools(&self, mut each: impl FnMut(u64, &str)) -> Result<()> {
        let mut statement = self.connection.prepare("SELECT person, schools FROM last_schools")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
            each(row.get::<_, i64>(0)?.cast_unsigned(), text(1)?);
        }
        Ok(())
    }

    /// The schools that stand for a person for whom the roster names none. None if it names some.
    pub fn last_schools(&self, sourced_id: &str) -> Result<Option<String>> {
        let mut statement =
            self.connection.prepare_cached("SELECT schools FROM last_schools WHERE person = ?1")?;
        Ok(statement.query_row([key(sourced_id).cast_signed()], |row| row.get(0)).optional()?)
    }

    /// Keeps them. `person` is the [`key`] of the sourcedId.
    pub fn put_last_schools(&self, person: u64, schools: &str) -> Result<()> {
        let mut statement = self
            .connection
            .prepare_cached("INSERT OR REPLACE INTO last_schools (person, schools) VALUES (?1, ?2)")?;
        statement.execute(params![person.cast_signed(), schools])?;
        Ok(())
    }

    /// Forgets them: the roster names schools again.
    pub fn forget_last_schools(&self, person: u64) -> Result<()> {
        let mut statement = self.connection.prepare_cached("DELETE FROM last_schools WHERE person = ?1")?;
        statement.execute([person.cast_signed()])?;
        Ok(())
    }
}
