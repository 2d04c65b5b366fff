//! What edits by hand need: the edit itself, other accounts with the same value, members of a
//! family, renamed accounts.

use std::collections::HashSet;

use rusqlite::named_params;
use serde::{Deserialize, Serialize};

use super::Store;
use super::sql::text;
use crate::account::Account;
use crate::contact::{Details, Field, credential_hash, email_key, phone_key};
use crate::failure::Result;
use crate::policy::Permit;

/// A member of a family: an account, or a person of the roster without one (a bystander).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Member {
    pub sourced_id: String,
    pub account: bool,
    pub roles: String,
    pub orgs: String,
    pub agents: String,
    pub emergency: String,
    pub barred: String,
    pub relations: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rename {
    pub account: i64,
    pub old: String,
    pub new: String,
}

impl Store {
    /// Replaces the details of the account that the permit is for, what the platform's export may
    /// still show, and which differences are settled.
    pub fn edit(&self, permit: &Permit, after: &Account) -> Result<()> {
        let Account { details, exported, settled, .. } = after;
        let [exported_given, exported_family] = exported.name_columns();
        self.write(
            "UPDATE account SET given_name = :given, family_name = :family, email = :email, phone = :phone, \
             home_phone = :home_phone, export_given_name = :exported_given, export_family_name = :exported_family, \
             export_email = :exported_email, export_phone = :exported_phone, export_home_phone = :exported_home_phone, \
             settled_marks = :settled WHERE id = :id",
            named_params! {
                ":id": permit.account(), ":given": details.name.given, ":family": details.name.family,
                ":email": details.email, ":phone": details.phone, ":home_phone": details.home_phone,
                ":exported_given": exported_given, ":exported_family": exported_family,
                ":exported_email": exported.email.column(), ":exported_phone": exported.phone.column(),
                ":exported_home_phone": exported.home_phone.column(), ":settled": settled.column(),
            },
        )
    }

    pub fn rekeyed(&self) -> Result<HashSet<i64>> {
        let query = "SELECT DISTINCT account_id FROM audit_row WHERE field = 'sourced_id'";
        self.all(query, [], |row| row.get(0))
    }

    /// Goes through the sourcedIds that accounts were given, oldest first.
    pub fn each_rename(&self, mut each: impl FnMut(Rename)) -> Result<()> {
        self.each(
            "SELECT account_id, old, new FROM audit_row JOIN audit_value ON audit_value.id = audit_row.id \
             WHERE field = 'sourced_id' ORDER BY audit_row.id",
            [],
            ["account_id", "old", "new"],
            |row, [account, old, new]| {
                each(Rename { account: row.get(account)?, old: row.get(old)?, new: row.get(new)? });
                Ok(())
            },
        )
    }

    /// Remembers that an account had a sourcedId before it was given the one that it has now.
    pub fn put_earlier_id(&self, account: i64, old: &str, new: &str) -> Result<()> {
        self.forget_earlier_id(account, new)?;
        self.write(
            "INSERT OR REPLACE INTO earlier_id (sourced_id, account_id) VALUES (?1, ?2)",
            (old, account),
        )
    }

    /// Forgets that an account had a sourcedId before.
    pub fn forget_earlier_id(&self, account: i64, sourced_id: &str) -> Result<()> {
        self.write("DELETE FROM earlier_id WHERE sourced_id = ?1 AND account_id = ?2", (sourced_id, account))
    }

    pub fn has_earlier_ids(&self) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM earlier_id)", [])
    }

    /// The account that had a sourcedId before it was given another one. First a number that grows
    /// with time.
    pub fn earlier_id(&self, sourced_id: &str) -> Result<Option<(i64, i64)>> {
        let query = "SELECT id, account_id FROM earlier_id WHERE sourced_id = ?1";
        self.first(query, [sourced_id], |row| Ok((row.get("id")?, row.get("account_id")?)))
    }

    /// Goes through the sourcedIds that accounts had before, oldest first, each with the one that
    /// the account has now.
    pub fn each_earlier_id(&self, mut each: impl FnMut(&str, &str)) -> Result<()> {
        self.each(
            "SELECT earlier_id.sourced_id AS old, account.sourced_id AS new FROM earlier_id \
             JOIN account ON account.id = account_id ORDER BY earlier_id.id",
            [],
            ["old", "new"],
            |row, [old, new]| {
                each(text(row, old)?, text(row, new)?);
                Ok(())
            },
        )
    }

    /// Another pending or active account that has this email or mobile.
    pub fn holder(&self, account: &Account, field: Field) -> Result<Option<String>> {
        let value = account.details.shown(field);
        let (sql, key): (_, fn(&str) -> String) = match field {
            Field::Email => (
                "SELECT sourced_id, email AS held FROM account WHERE archived = 0 AND email <> '' AND id <> ?1",
                |text| email_key(text).into_owned(),
            ),
            Field::Phone => (
                "SELECT sourced_id, phone AS held FROM account WHERE archived = 0 AND phone <> '' AND id <> ?1",
                |text| phone_key(text).to_owned(),
            ),
            Field::Name | Field::HomePhone => return Ok(None),
        };
        if value.is_empty() {
            return Ok(None);
        }
        let wanted = key(&value);
        let mut statement = self.connection.prepare_cached(sql)?;
        let held = statement.column_index("held")?;
        let mut rows = statement.query([account.id])?;
        while let Some(row) = rows.next()? {
            if key(text(row, held)?) == wanted {
                return Ok(Some(row.get("sourced_id")?));
            }
        }
        Ok(None)
    }

    /// Emails and mobiles of accounts that are archived because rules or a suppression keep the person
    /// out.
    pub fn barred_contacts(&self) -> Result<Vec<[String; 2]>> {
        self.all(
            "SELECT email, phone FROM account WHERE archived = 1 AND email || phone <> '' AND (sis_agents = '' AND \
             sis_barred || sis_emergency <> '' OR sourced_id IN (SELECT sourced_id FROM suppressed))",
            [],
            |row| Ok([row.get("email")?, row.get("phone")?]),
        )
    }

    /// Whether another account has this email or mobile: a pending or active one, other than those
    /// that this run has changed, or one of a person that is kept out.
    pub fn is_someone_elses(
        &self,
        account: i64,
        field: Field,
        shown: &str,
        run: Option<i64>,
    ) -> Result<bool> {
        let mut details = Details::default();
        details.put_recorded(field, shown);
        let wanted = details.credential_hash(field);
        let is_same = |[email, phone]: &[String; 2]| {
            credential_hash(field, if field == Field::Email { email } else { phone }) == wanted
        };
        if wanted.is_some() && self.barred_contacts()?.iter().any(is_same) {
            return Ok(true);
        }
        let asking = Account { id: account, details, ..Account::new("") };
        let Some(holder) = self.holder(&asking, field)? else { return Ok(false) };
        let Some(run) = run else { return Ok(true) };
        self.value(
            "SELECT NOT EXISTS (SELECT 1 FROM audit_row JOIN account ON account.id = account_id \
             WHERE sourced_id = ?1 AND run_id = ?2)",
            (holder, run),
        )
    }

    /// The members that name this person among their guardians or students.
    pub fn named_by(&self, sourced_id: &str) -> Result<Vec<Member>> {
        self.members(
            "SELECT sourced_id, 1 AS account, sis_roles AS roles, sis_orgs AS orgs, sis_agents AS agents, \
             sis_emergency AS emergency, sis_barred AS barred, sis_relations AS relations FROM account \
             WHERE archived = 0 AND (instr(sis_agents, ?1) > 0 OR instr(sis_emergency, ?1) > 0) \
             UNION ALL SELECT sourced_id, 0, roles, orgs, agents, emergency, barred, relations FROM bystander \
             WHERE instr(agents, ?1) > 0 OR instr(emergency, ?1) > 0 \
             ORDER BY sourced_id",
            sourced_id,
        )
    }

    /// A person that has not left the roster, with or without an account.
    pub fn member(&self, sourced_id: &str) -> Result<Option<Member>> {
        let mut found = self.members(
            "SELECT sourced_id, 1 AS account, sis_roles AS roles, sis_orgs AS orgs, sis_agents AS agents, \
             sis_emergency AS emergency, sis_barred AS barred, sis_relations AS relations FROM account \
             WHERE archived = 0 AND sourced_id = ?1 \
             UNION ALL SELECT sourced_id, 0, roles, orgs, agents, emergency, barred, relations FROM bystander WHERE sourced_id = ?1",
            sourced_id,
        )?;
        Ok(found.pop())
    }

    /// What the roster says of a person without an account.
    pub fn bystander(&self, sourced_id: &str) -> Result<Option<Member>> {
        let query = "SELECT sourced_id, 0 AS account, roles, orgs, agents, emergency, barred, relations FROM bystander WHERE sourced_id = ?1";
        Ok(self.members(query, sourced_id)?.pop())
    }

    fn members(&self, sql: &str, sourced_id: &str) -> Result<Vec<Member>> {
        self.all(sql, [sourced_id], |row| {
            Ok(Member {
                sourced_id: row.get("sourced_id")?,
                account: row.get("account")?,
                roles: row.get("roles")?,
                orgs: row.get("orgs")?,
                agents: row.get("agents")?,
                emergency: row.get("emergency")?,
                barred: row.get("barred")?,
                relations: row.get("relations")?,
            })
        })
    }
}
