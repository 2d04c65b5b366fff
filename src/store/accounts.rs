//! Accounts and schools.

use std::collections::{BTreeMap, HashSet};

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, Row, named_params};
use serde::{Deserialize, Serialize};

use super::Store;
use crate::account::{Account, Exported, KeptSince, OldNews, SisDetails, State};
use crate::contact::{Details, PersonName};
use crate::failure::Result;
use crate::roster::kept::key;

/// Every column, in the order of [`from_row`].
macro_rules! select {
    () => {
        "SELECT id, sourced_id, state, archived, given_name, family_name, email, phone, home_phone, sis_identifier, \
         sis_enabled, sis_given_name, sis_family_name, sis_email, sis_sms, sis_phone, sis_language, sis_roles, sis_orgs, \
         sis_agents, export_given_name, export_family_name, export_email, export_phone, export_home_phone, kept_since \
         FROM account "
    };
}
pub(super) use select;

/// How many accounts there are of each kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Population {
    pub pending: u64,
    pub active: u64,
    pub archived: u64,
}

/// What is known of somebody's family.
pub struct Relative<'a> {
    pub sourced_id: &'a str,
    /// Has left. May be back in the roster, or be there in a row that names nobody.
    pub archived: bool,
    pub roles: &'a str,
    pub orgs: &'a str,
    pub agents: &'a str,
}

/// Somebody in the roster who has no account.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bystander {
    pub sourced_id: String,
    pub roles: String,
    pub orgs: String,
    pub agents: String,
}

impl Store {
    /// The account of a person, archived or not.
    pub fn account(&self, sourced_id: &str) -> Result<Option<Account>> {
        let mut statement = self.connection.prepare_cached(concat!(select!(), "WHERE sourced_id = ?1"))?;
        Ok(statement.query_row([sourced_id], from_row).optional()?)
    }

    /// The account in a row of the store.
    pub fn account_by_id(&self, id: i64) -> Result<Option<Account>> {
        let mut statement = self.connection.prepare_cached(concat!(select!(), "WHERE id = ?1"))?;
        Ok(statement.query_row([id], from_row).optional()?)
    }

    /// The sourcedId of an account.
    ///
    /// # Errors
    /// `Failed` if there is no such account, among others.
    pub fn sourced_id(&self, id: i64) -> Result<String> {
        let mut statement = self.connection.prepare_cached("SELECT sourced_id FROM account WHERE id = ?1")?;
        Ok(statement.query_row([id], |row| row.get(0))?)
    }

    /// Goes through what is known of families: all accounts, archived ones too, and the bystanders.
    pub fn each_relative(&self, mut each: impl FnMut(Relative<'_>) -> Result<()>) -> Result<()> {
        let mut statement = self.connection.prepare(
            "SELECT sourced_id, archived, sis_roles, sis_orgs, sis_agents FROM account \
             UNION ALL SELECT sourced_id, 0, roles, orgs, agents FROM bystander",
        )?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let text = |column| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
            each(Relative {
                sourced_id: text(0)?,
                archived: row.get(1)?,
                roles: text(2)?,
                orgs: text(3)?,
                agents: text(4)?,
            })?;
        }
        Ok(())
    }

    /// What is known of somebody without an account.
    pub fn bystander(&self, sourced_id: &str) -> Result<Option<Bystander>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT sourced_id, roles, orgs, agents FROM bystander WHERE sourced_id = ?1")?;
        let bystander = |row: &Row<'_>| {
            Ok(Bystander {
                sourced_id: row.get(0)?,
                roles: row.get(1)?,
                orgs: row.get(2)?,
                agents: row.get(3)?,
            })
        };
        Ok(statement.query_row([sourced_id], bystander).optional()?)
    }

    /// Remembers somebody without an account.
    pub fn put_bystander(&self, bystander: &Bystander) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO bystander VALUES (:id, :roles, :orgs, :agents) ON CONFLICT (sourced_id) DO UPDATE \
             SET roles = :roles, orgs = :orgs, agents = :agents \
             WHERE roles <> :roles OR orgs <> :orgs OR agents <> :agents",
        )?;
        statement.execute(named_params! {
            ":id": bystander.sourced_id, ":roles": bystander.roles, ":orgs": bystander.orgs,
            ":agents": bystander.agents,
        })?;
        Ok(())
    }

    /// Somebody has an account now, and is none any more.
    pub fn forget_bystander(&self, sourced_id: &str) -> Result<()> {
        let mut statement = self.connection.prepare_cached("DELETE FROM bystander WHERE sourced_id = ?1")?;
        statement.execute([sourced_id])?;
        Ok(())
    }

    pub fn has_bystanders(&self) -> Result<bool> {
        Ok(self.connection.query_row("SELECT EXISTS (SELECT 1 FROM bystander)", [], |row| row.get(0))?)
    }

    /// Forgets the bystanders for whom `is_gone` says so.
    pub fn forget_bystanders(&self, is_gone: impl Fn(&str) -> bool) -> Result<()> {
        let mut gone: Vec<String> = Vec::new();
        {
            let mut statement = self.connection.prepare("SELECT sourced_id FROM bystander")?;
            let mut rows = statement.query([])?;
            while let Some(row) = rows.next()? {
                let id: String = row.get(0)?;
                if is_gone(&id) {
                    gone.push(id);
                }
            }
        }
        let mut statement = self.connection.prepare_cached("DELETE FROM bystander WHERE sourced_id = ?1")?;
        for id in gone {
            statement.execute([id])?;
        }
        Ok(())
    }

    pub fn has_accounts(&self) -> Result<bool> {
        Ok(self.connection.query_row("SELECT EXISTS (SELECT 1 FROM account)", [], |row| row.get(0))?)
    }

    pub fn population(&self) -> Result<Population> {
        let mut population = Population::default();
        let mut statement =
            self.connection.prepare("SELECT state, archived, count(*) FROM account GROUP BY 1, 2")?;
        let mut rows = statement.query([])?;
        while let Some(row) = rows.next()? {
            let (state, archived, count) =
                (row.get::<_, String>(0)?, row.get::<_, bool>(1)?, row.get::<_, u64>(2)?);
            let kind = match (archived, state.as_str()) {
                (true, _) => &mut population.archived,
                (false, "active") => &mut population.active,
                (false, _) => &mut population.pending,
            };
            *kind += count;
        }
        Ok(population)
    }

    /// Adds an account; its `id` is given by the store and returned.
    pub fn insert_account(&self, account: &Account) -> Result<i64> {
        AccountRow::with(account, |row| self.insert_row(&row))
    }

    /// As [`Store::insert_account`], of a row.
    pub fn insert_row(&self, account: &AccountRow<'_>) -> Result<i64> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO account VALUES (NULL, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, \
             ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25)",
        )?;
        statement.raw_bind_parameter(1, account.sourced_id)?;
        account.bind(&mut statement)?;
        statement.raw_execute()?;
        Ok(self.connection.last_insert_rowid())
    }

    /// The latest of the accounts that had this sourcedId before another person did.
    pub fn account_before(&self, sourced_id: &str) -> Result<Option<Account>> {
        let mut before = None;
        for number in 1.. {
            match self.account(&Account::set_apart(sourced_id, number))? {
                Some(account) => before = Some(account),
                None => break,
            }
        }
        Ok(before)
    }

    /// Remembers who set the details with which an account began, by the platform's export.
    pub fn put_platform_stamp(&self, account: i64, stamp: &str) -> Result<()> {
        let mut statement =
            self.connection.prepare_cached("INSERT OR REPLACE INTO platform_stamp VALUES (?1, ?2)")?;
        statement.execute(rusqlite::params![account, stamp])?;
        Ok(())
    }

    /// Who set the details with which an account began; empty if that is not known.
    pub fn platform_stamp(&self, account: i64) -> Result<String> {
        let mut statement =
            self.connection.prepare_cached("SELECT stamp FROM platform_stamp WHERE account_id = ?1")?;
        Ok(statement.query_row([account], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    /// Replaces all that an account holds. Its sourcedId stays: to write that again would write the index again.
    pub fn update_account(&self, account: &Account) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "UPDATE account SET state = ?2, archived = ?3, given_name = ?4, family_name = ?5, email = ?6, phone = ?7, \
             home_phone = ?8, sis_identifier = ?9, sis_enabled = ?10, sis_given_name = ?11, sis_family_name = ?12, \
             sis_email = ?13, sis_sms = ?14, sis_phone = ?15, sis_language = ?16, sis_roles = ?17, sis_orgs = ?18, \
             sis_agents = ?19, export_given_name = ?20, export_family_name = ?21, export_email = ?22, \
             export_phone = ?23, export_home_phone = ?24, kept_since = ?25 WHERE id = ?1",
        )?;
        statement.raw_bind_parameter(1, account.id)?;
        AccountRow::with(account, |row| row.bind(&mut statement))?;
        statement.raw_execute()?;
        Ok(())
    }

    /// As [`Store::update_account`], with the sourcedId. The last known schools of the person go along.
    pub fn rekey_account(&self, account: &Account) -> Result<()> {
        let old = self.sourced_id(account.id)?;
        let mut statement = self
            .connection
            .prepare_cached("UPDATE OR REPLACE last_schools SET person = ?2 WHERE person = ?1")?;
        statement.execute([&old, &account.sourced_id].map(|id| key(id).cast_signed()))?;
        let mut statement =
            self.connection.prepare_cached("UPDATE account SET sourced_id = ?2 WHERE id = ?1")?;
        statement.execute(rusqlite::params![account.id, account.sourced_id])?;
        self.update_account(account)
    }

    /// Takes the index of the sourcedIds away before the first accounts are added by the million; it is made in a third
    /// of the time when they are there.
    pub fn drop_account_index(&self) -> Result<()> {
        Ok(self.connection.execute_batch("DROP INDEX account_by_sourced_id")?)
    }

    /// Makes the index of the sourcedIds again.
    pub fn make_account_index(&self) -> Result<()> {
        Ok(self
            .connection
            .execute_batch("CREATE UNIQUE INDEX account_by_sourced_id ON account (sourced_id)")?)
    }

    /// The schools' names as the last roster gave them.
    pub fn schools(&self) -> Result<BTreeMap<String, String>> {
        let mut statement = self.connection.prepare("SELECT id, name FROM school")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Remembers an org's name, and whether the roster says that it is no school.
    pub fn put_school(&self, id: &str, name: &str, other: bool) -> Result<()> {
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO school (id, name, other) VALUES (:id, :name, :other) ON CONFLICT (id) DO UPDATE \
             SET name = :name, other = :other WHERE name <> :name OR other <> :other",
        )?;
        statement.execute(named_params! { ":id": id, ":name": name, ":other": other })?;
        Ok(())
    }

    /// The orgs of which the last roster said that they are no schools.
    pub fn other_orgs(&self) -> Result<HashSet<String>> {
        let mut statement = self.connection.prepare("SELECT id FROM school WHERE other = 1")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

pub(super) fn from_row(row: &Row<'_>) -> rusqlite::Result<Account> {
    let state = row.get_ref(2)?.as_str()?;
    Ok(Account {
        id: row.get(0)?,
        sourced_id: row.get(1)?,
        state: if state == State::Active.word() { State::Active } else { State::Pending },
        archived: row.get(3)?,
        details: Details {
            name: PersonName { given: row.get(4)?, family: row.get(5)? },
            email: row.get(6)?,
            phone: row.get(7)?,
            home_phone: row.get(8)?,
        },
        sis: SisDetails {
            identifier: row.get(9)?,
            enabled: row.get(10)?,
            given_name: row.get(11)?,
            family_name: row.get(12)?,
            email: row.get(13)?,
            sms: row.get(14)?,
            phone: row.get(15)?,
            language: row.get(16)?,
            roles: row.get(17)?,
            orgs: row.get(18)?,
            agents: row.get(19)?,
        },
        exported: Exported {
            name: Exported::name_from_columns(
                row.get_ref(20)?.as_str_or_null()?,
                row.get_ref(21)?.as_str_or_null()?,
            ),
            email: OldNews::from_column(row.get(22)?),
            phone: OldNews::from_column(row.get(23)?),
            home_phone: OldNews::from_column(row.get(24)?),
        },
        kept_since: KeptSince::from_column(row.get_ref(25)?.as_str_or_null()?),
    })
}

/// An account as the columns of its row, borrowed from wherever it is.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct AccountRow<'a> {
    pub sourced_id: &'a str,
    archived: bool,
    sis_enabled: Option<bool>,
    /// All other columns but the id, in their order.
    #[serde(borrow)]
    texts: [Option<&'a str>; 22],
}

impl AccountRow<'_> {
    /// Hands over the row of an account.
    pub fn with<T>(account: &Account, take: impl FnOnce(AccountRow<'_>) -> T) -> T {
        let Account { id: _, sourced_id, state, archived, details, sis, exported, kept_since } = account;
        let [exported_given, exported_family] = exported.name_columns();
        let kept_since = kept_since.column();
        let texts = [
            Some(state.word()),
            Some(&details.name.given),
            Some(&details.name.family),
            Some(&details.email),
            Some(&details.phone),
            Some(&details.home_phone),
            sis.identifier.as_deref(),
            sis.given_name.as_deref(),
            sis.family_name.as_deref(),
            sis.email.as_deref(),
            sis.sms.as_deref(),
            sis.phone.as_deref(),
            sis.language.as_deref(),
            Some(&sis.roles),
            Some(&sis.orgs),
            Some(&sis.agents),
            exported_given.as_deref(),
            exported_family.as_deref(),
            exported.email.column(),
            exported.phone.column(),
            exported.home_phone.column(),
            kept_since.as_deref(),
        ];
        take(AccountRow { sourced_id, archived: *archived, sis_enabled: sis.enabled, texts })
    }

    /// Binds the parameters from the second on, in the order of the columns.
    fn bind(&self, statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<()> {
        let (state, texts) = (&self.texts[..1], &self.texts[1..]);
        let (until_identifier, after_enabled) = texts.split_at(6);
        let flag = |flag: Option<bool>| flag.map_or(ValueRef::Null, |flag| ValueRef::Integer(flag.into()));
        fn text<'a>(text: &Option<&'a str>) -> ValueRef<'a> {
            text.map_or(ValueRef::Null, |text| ValueRef::Text(text.as_bytes()))
        }
        // SQLite copies what it is given.
        let values = state.iter().map(text).chain([flag(Some(self.archived))]);
        let values = values.chain(until_identifier.iter().map(text)).chain([flag(self.sis_enabled)]);
        for (index, value) in (2..).zip(values.chain(after_enabled.iter().map(text))) {
            statement.raw_bind_parameter(index, ToSqlOutput::Borrowed(value))?;
        }
        Ok(())
    }
}
