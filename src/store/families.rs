//! Families as the roster last gave them: guardians by their students, for sources that give them
//! no lasting id; the ids of all people; and the last known schools of people for whom the roster
//! names none.

use super::Store;
use super::sql::text;
use crate::failure::Result;
use crate::roster::kept::key;
use crate::roster::{IdList, KnownGuardian};

impl Store {
    /// Goes through all accounts that are linked to others, archived ones too.
    pub fn each_guardian(&self, mut each: impl FnMut(KnownGuardian<'_>)) -> Result<()> {
        self.each(
            "SELECT sourced_id, archived, state = 'active' AS active, coalesce(sis_identifier, '') AS identifier, \
             coalesce(sis_given_name, '') AS given, coalesce(sis_family_name, '') AS family, \
             coalesce(sis_email, '') AS sis_email, email, coalesce(sis_sms, '') AS sis_sms, \
             coalesce(sis_phone, '') AS sis_phone, phone, home_phone, sis_roles, sis_orgs, \
             sis_agents || ',' || sis_emergency || ',' || sis_barred AS students \
             FROM account WHERE sis_agents <> '' OR sis_emergency <> '' OR sis_barred <> ''",
            [],
            [],
            |row, []| {
                let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
                each(KnownGuardian {
                    sourced_id: text("sourced_id")?,
                    archived: row.get("archived")?,
                    active: row.get("active")?,
                    identifier: text("identifier")?,
                    given_name: text("given")?,
                    family_name: text("family")?,
                    emails: [text("sis_email")?, text("email")?],
                    numbers: [text("sis_sms")?, text("sis_phone")?, text("phone")?, text("home_phone")?],
                    roles: text("sis_roles")?,
                    students: IdList(text("students")?),
                    orgs: text("sis_orgs")?,
                });
                Ok(())
            },
        )
    }

    /// Goes through the sourcedIds of all accounts and of the people without an account.
    pub fn each_id(&self, each: impl FnMut(&str)) -> Result<()> {
        self.each_text("SELECT sourced_id FROM account UNION ALL SELECT sourced_id FROM bystander", each)
    }

    /// The sourcedIds of the accounts that are not archived.
    pub fn each_account_id(&self) -> Result<Vec<String>> {
        self.all("SELECT sourced_id FROM account WHERE archived = 0", [], |row| row.get(0))
    }

    /// The links that have come or gone after an entry of the audit, oldest first: the account of
    /// the adult, and the student's sourcedId, which is old where the link goes and new where it comes.
    pub fn link_changes_after(&self, entry: i64) -> Result<Vec<(i64, String, String)>> {
        self.all(
            "SELECT account_id, old, new FROM audit_row JOIN audit_value ON audit_value.id = audit_row.id \
             WHERE audit_row.id > ?1 AND field = 'link' ORDER BY audit_row.id",
            [entry],
            |row| Ok((row.get("account_id")?, row.get("old")?, row.get("new")?)),
        )
    }

    pub fn each_bystander_id(&self, each: impl FnMut(&str)) -> Result<()> {
        self.each_text("SELECT sourced_id FROM bystander", each)
    }

    fn each_text(&self, sql: &str, mut each: impl FnMut(&str)) -> Result<()> {
        self.each(sql, [], [], |row, []| {
            each(text(row, 0)?);
            Ok(())
        })
    }

    /// Goes through the schools that stand for people for whom the roster names none: the [`key`]
    /// of the sourcedId, and the schools, comma-separated.
    pub fn each_last_schools(&self, mut each: impl FnMut(u64, &str)) -> Result<()> {
        let query = "SELECT person, schools FROM last_schools";
        self.each(query, [], ["person", "schools"], |row, [person, schools]| {
            each(row.get::<_, i64>(person)?.cast_unsigned(), text(row, schools)?);
            Ok(())
        })
    }

    /// The schools that stand for a person for whom the roster names none. None if it names some.
    pub fn last_schools(&self, sourced_id: &str) -> Result<Option<String>> {
        let query = "SELECT schools FROM last_schools WHERE person = ?1";
        self.first(query, [key(sourced_id).cast_signed()], |row| row.get(0))
    }

    /// Stores them. `person` is the [`key`] of the sourcedId.
    pub fn put_last_schools(&self, person: u64, schools: &str) -> Result<()> {
        let insert = "INSERT OR REPLACE INTO last_schools (person, schools) VALUES (?1, ?2)";
        self.write(insert, (person.cast_signed(), schools))
    }

    /// Deletes them: the roster names schools again.
    pub fn forget_last_schools(&self, person: u64) -> Result<()> {
        self.write("DELETE FROM last_schools WHERE person = ?1", [person.cast_signed()])
    }
}
