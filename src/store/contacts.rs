//! Accounts one by one and all in a row: what lists, exports and edits by hand need.

use std::collections::HashSet;

use rusqlite::params;

use super::Store;
use super::accounts::{from_row, select};
use crate::account::Account;
use crate::contact::{Details, Field, email_key, phone_key};
use crate::failure::Result;
use crate::policy::Permit;

/// Somebody of a family: an account, or a person of the roster who has none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    pub sourced_id: String,
    /// Whether there is an account.
    pub account: bool,
    pub roles: String,
    pub orgs: String,
    pub agents: String,
}

/// An account was given another sourcedId.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    /// Row in the store.
    pub account: i64,
    pub old: String,
    pub new: String,
}

impl Store {
    /// Goes through all accounts by sourcedId, archived ones too.
    pub fn each_account(&self, mut each: impl FnMut(&Account) -> Result<()>) -> Result<()> {
        let mut statement = self.connection.prepare(concat!(select!(), "ORDER BY sourced_id"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(&from_row(row)?)?;
        }
        Ok(())
    }

    /// Goes through the details of the archived accounts, with the row of each in the store.
    pub fn each_archived(&self, mut each: impl FnMut(i64, &Details)) -> Result<()> {
        let mut statement = self.connection.prepare(concat!(select!(), "WHERE archived"))?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let account = from_row(row)?;
            each(account.id, &account.details);
        }
        Ok(())
    }

    /// Goes through the accounts, by sourcedId, that were added after the account `after` or have an entry in the audit
    /// after the entry `audit`.
    pub fn each_changed(
        &self,
        (audit, after): (i64, i64),
        mut each: impl FnMut(&Account) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.connection.prepare(concat!(
            select!(),
            "WHERE id > ?2 OR id IN (SELECT account_id FROM audit_row WHERE audit_row.id > ?1 \
             AND field IN ('name', 'email', 'phone', 'home_phone', 'state', 'sourced_id')) ORDER BY sourced_id"
        ))?;
        let mut rows = statement.query([audit, after])?;
        while let Some(row) = rows.next()? {
            each(&from_row(row)?)?;
        }
        Ok(())
    }

    /// Replaces the details of the account that the permit is for, and what the platform's export may still show.
    pub fn edit(&self, permit: &Permit, after: &Account) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE account SET given_name = ?2, family_name = ?3, email = ?4, phone = ?5, home_phone = ?6, \
             export_given_name = ?7, export_family_name = ?8, export_email = ?9, export_phone = ?10, \
             export_home_phone = ?11 WHERE id = ?1",
        )?;
        let Account { details, exported, .. } = after;
        let [exported_given, exported_family] = exported.name_columns();
        statement.execute(params![
            permit.account(),
            details.name.given,
            details.name.family,
            details.email,
            details.phone,
            details.home_phone,
            exported_given,
            exported_family,
            exported.email.column(),
            exported.phone.column(),
            exported.home_phone.column(),
        ])?;
        Ok(())
    }

    /// The accounts that were given another sourcedId.
    pub fn rekeyed(&self) -> Result<HashSet<i64>> {
        let mut statement = self
            .connection
            .prepare("SELECT DISTINCT account_id FROM audit_row WHERE field = 'sourced_id'")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Goes through the sourcedIds that accounts were given, oldest first.
    pub fn each_rename(&self, mut each: impl FnMut(Rename)) -> Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT account_id, old, new FROM audit_row JOIN audit_value ON audit_value.id = audit_row.id \
             WHERE field = 'sourced_id' ORDER BY audit_row.id",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            each(Rename { account: row.get(0)?, old: row.get(1)?, new: row.get(2)? });
        }
        Ok(())
    }

    /// Another pending or active account that has this email or mobile.
    pub fn holder(&self, account: &Account, field: Field) -> Result<Option<String>> {
        let value = account.details.shown(field);
        let (sql, key): (_, fn(&str) -> String) = match field {
            Field::Email => (
                "SELECT sourced_id, email FROM account WHERE archived = 0 AND email <> '' AND id <> ?1",
                |text| email_key(text).into_owned(),
            ),
            Field::Phone => (
                "SELECT sourced_id, phone FROM account WHERE archived = 0 AND phone <> '' AND id <> ?1",
                |text| phone_key(text).to_owned(),
            ),
            Field::Name | Field::HomePhone => return Ok(None),
        };
        if value.is_empty() {
            return Ok(None);
        }
        let wanted = key(&value);
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query([account.id])?;
        while let Some(row) = rows.next()? {
            let held = row.get_ref(1)?.as_str().map_err(rusqlite::Error::from)?;
            if key(held) == wanted {
                return Ok(Some(row.get(0)?));
            }
        }
        Ok(None)
    }

    /// Whether another pending or active account has this email or mobile, other than those that this run has changed.
    pub fn is_someone_elses(
        &self,
        account: i64,
        field: Field,
        shown: &str,
        run: Option<i64>,
    ) -> Result<bool> {
        let mut details = Details::default();
        details.put_recorded(field, shown);
        let asking = Account { id: account, details, ..Account::new("") };
        let Some(holder) = self.holder(&asking, field)? else { return Ok(false) };
        let Some(run) = run else { return Ok(true) };
        let query = "SELECT NOT EXISTS (SELECT 1 FROM audit_row JOIN account ON account.id = account_id \
                     WHERE sourced_id = ?1 AND run_id = ?2)";
        let mut statement = self.connection.prepare_cached(query)?;
        Ok(statement.query_row(rusqlite::params![holder, run], |row| row.get(0))?)
    }

    /// Those who name this person among their guardians or students.
    pub fn named_by(&self, sourced_id: &str) -> Result<Vec<Member>> {
        self.members(
            "SELECT sourced_id, 1, sis_roles, sis_orgs, sis_agents FROM account \
             WHERE archived = 0 AND instr(sis_agents, ?1) > 0 \
             UNION ALL SELECT sourced_id, 0, roles, orgs, agents FROM bystander WHERE instr(agents, ?1) > 0 \
             ORDER BY sourced_id",
            sourced_id,
        )
    }

    /// Somebody who has not left the roster, with or without an account.
    pub fn member(&self, sourced_id: &str) -> Result<Option<Member>> {
        let found = self.members(
            "SELECT sourced_id, 1, sis_roles, sis_orgs, sis_agents FROM account \
             WHERE archived = 0 AND sourced_id = ?1 \
             UNION ALL SELECT sourced_id, 0, roles, orgs, agents FROM bystander WHERE sourced_id = ?1",
            sourced_id,
        )?;
        Ok(found.into_iter().next())
    }

    fn members(&self, sql: &str, sourced_id: &str) -> Result<Vec<Member>> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([sourced_id], |row| {
            Ok(Member {
                sourced_id: row.get(0)?,
                account: row.get(1)?,
                roles: row.get(2)?,
                orgs: row.get(3)?,
                agents: row.get(4)?,
            })
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}
