//! Accounts and schools.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use rusqlite::types::{Null, ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Row, named_params};
use serde::{Deserialize, Serialize, Serializer};

use super::sql::{blob, columns, text};
use super::{Member, Store};
use crate::account::{
    Account, AwaitedValues, Exported, KeptSince, OptOuts, Settled, SisDetails, State, UserIds,
};
use crate::contact::{Details, PersonName};
use crate::failure::Result;
use crate::roster::kept::key;

columns!(account_columns, column {
    state, archived, given_name, family_name, email, phone, home_phone, sis_identifier, sis_enabled, sis_given_name,
    sis_family_name, sis_email, sis_sms, sis_phone, sis_language, sis_roles, sis_orgs, sis_agents, sis_emergency, sis_barred,
    sis_relations,
    sis_username, sis_user_ids, export_given_name, export_family_name, export_email, export_phone, export_home_phone,
    kept_since, settled_marks, opt_outs, links;
    // To write the sourcedId again would write its index again.
    sourced_id, id
});

const HELD: usize = column::links + 1;

macro_rules! select {
    () => {
        concat!("SELECT ", account_columns!(all), " FROM account ")
    };
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Population {
    pub pending: u64,
    pub active: u64,
    pub archived: u64,
}

/// What is known of one person's family.
pub struct Relative<'a> {
    pub sourced_id: &'a str,
    /// Has an account, archived or not, and is active on it.
    pub account: bool,
    pub active: bool,
    /// The person has left. The roster may have the person again, or a row that cannot be read.
    pub archived: bool,
    pub roles: &'a str,
    pub orgs: &'a str,
    pub agents: &'a str,
    /// Of a guardian the links that may not be used: for emergencies only, and barred.
    pub emergency: &'a str,
    pub barred: &'a str,
    /// As [`crate::roster::Relations`].
    pub relations: &'a str,
}

const RELATIVE: [&str; 10] = [
    "sourced_id",
    "account",
    "active",
    "archived",
    "roles",
    "orgs",
    "agents",
    "emergency",
    "barred",
    "relations",
];

fn relative<'a>(row: &'a Row<'_>, places: [usize; 10]) -> rusqlite::Result<Relative<'a>> {
    let [sourced_id, account, active, archived, roles, orgs, agents, emergency, barred, relations] = places;
    Ok(Relative {
        sourced_id: text(row, sourced_id)?,
        account: row.get(account)?,
        active: row.get(active)?,
        archived: row.get(archived)?,
        roles: text(row, roles)?,
        orgs: text(row, orgs)?,
        agents: text(row, agents)?,
        emergency: text(row, emergency)?,
        barred: text(row, barred)?,
        relations: text(row, relations)?,
    })
}

impl Store {
    /// The account of a person, archived or not.
    pub fn account(&self, sourced_id: &str) -> Result<Option<Account>> {
        self.first(concat!(select!(), "WHERE sourced_id = ?1"), [sourced_id], from_row)
    }

    pub fn account_by_id(&self, id: i64) -> Result<Option<Account>> {
        self.first(concat!(select!(), "WHERE id = ?1"), [id], from_row)
    }

    /// Goes through all accounts by sourcedId, archived ones too.
    pub fn each_account(&self, each: impl FnMut(&Account) -> Result<()>) -> Result<()> {
        self.accounts(concat!(select!(), "ORDER BY sourced_id"), [], each)
    }

    fn accounts(
        &self,
        sql: &str,
        values: impl rusqlite::Params,
        mut each: impl FnMut(&Account) -> Result<()>,
    ) -> Result<()> {
        self.each(sql, values, [], |row, []| each(&from_row(row)?))
    }

    /// Goes through the accounts, by sourcedId, that were added after the account `after` or have
    /// an entry in the audit after the entry `audit`.
    pub fn each_changed(
        &self,
        (audit, after): (i64, i64),
        each: impl FnMut(&Account) -> Result<()>,
    ) -> Result<()> {
        self.accounts(
            concat!(
                select!(),
                "WHERE id > :after OR id IN (SELECT account_id FROM audit_row WHERE audit_row.id > :audit \
                 AND field IN ('name', 'email', 'phone', 'home_phone', 'state', 'sourced_id', 'email_opt_out', 'sms_opt_out')) \
                 ORDER BY sourced_id"
            ),
            named_params! { ":after": after, ":audit": audit },
            each,
        )
    }

    pub fn sourced_id(&self, id: i64) -> Result<String> {
        self.value("SELECT sourced_id FROM account WHERE id = ?1", [id])
    }

    /// What is known of one account's family, if there is such an account.
    pub fn relative(&self, account: i64, mut each: impl FnMut(Relative<'_>) -> Result<()>) -> Result<()> {
        self.each(
            "SELECT sourced_id, 1 AS account, state = 'active' AS active, archived, sis_roles AS roles, sis_orgs AS orgs, \
             sis_agents AS agents, sis_emergency AS emergency, sis_barred AS barred, sis_relations AS relations \
             FROM account WHERE id = ?1",
            [account],
            RELATIVE,
            |row, places| each(relative(row, places)?),
        )
    }

    /// Goes through what is known of families: all accounts, archived ones too, and the bystanders.
    pub fn each_relative(&self, mut each: impl FnMut(Relative<'_>) -> Result<()>) -> Result<()> {
        self.each(
            "SELECT sourced_id, 1 AS account, state = 'active' AS active, archived, sis_roles AS roles, sis_orgs AS orgs, \
             sis_agents AS agents, sis_emergency AS emergency, sis_barred AS barred, sis_relations AS relations FROM account \
             UNION ALL SELECT sourced_id, 0, 0, 0, roles, orgs, agents, emergency, barred, relations FROM bystander",
            [],
            RELATIVE,
            |row, places| each(relative(row, places)?),
        )
    }

    pub fn put_bystander(&self, bystander: &Member) -> Result<()> {
        self.write(
            "INSERT INTO bystander (sourced_id, roles, orgs, agents, emergency, barred, relations) \
             VALUES (:id, :roles, :orgs, :agents, :emergency, :barred, :relations) ON CONFLICT (sourced_id) \
             DO UPDATE SET roles = :roles, orgs = :orgs, agents = :agents, emergency = :emergency, barred = :barred, \
             relations = :relations \
             WHERE roles <> :roles OR orgs <> :orgs OR agents <> :agents OR emergency <> :emergency OR barred <> :barred \
             OR relations <> :relations",
            named_params! {
                ":id": bystander.sourced_id, ":roles": bystander.roles, ":orgs": bystander.orgs,
                ":agents": bystander.agents, ":emergency": bystander.emergency, ":barred": bystander.barred,
                ":relations": bystander.relations,
            },
        )
    }

    /// Deletes a bystander: the person has an account now.
    pub fn forget_bystander(&self, sourced_id: &str) -> Result<()> {
        self.write("DELETE FROM bystander WHERE sourced_id = ?1", [sourced_id])
    }

    pub fn count_bystanders(&self) -> Result<u64> {
        self.value("SELECT count(*) FROM bystander", [])
    }

    pub fn has_bystanders(&self) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM bystander)", [])
    }

    pub fn forget_bystanders(&self, is_gone: impl Fn(&str) -> bool) -> Result<()> {
        let mut gone: Vec<String> = self.all("SELECT sourced_id FROM bystander", [], |row| row.get(0))?;
        gone.retain(|id| is_gone(id));
        gone.iter().try_for_each(|id| self.forget_bystander(id))
    }

    pub fn has_accounts(&self) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM account)", [])
    }

    pub fn population(&self) -> Result<Population> {
        let query = "SELECT coalesce(sum(archived = 0 AND state = 'pending'), 0) AS pending, \
                     coalesce(sum(archived = 0 AND state = 'active'), 0) AS active, \
                     coalesce(sum(archived), 0) AS archived FROM account";
        let found = self.first(query, [], |row| {
            Ok(Population {
                pending: row.get("pending")?,
                active: row.get("active")?,
                archived: row.get("archived")?,
            })
        })?;
        Ok(found.unwrap_or_default())
    }

    #[cfg(test)]
    pub(super) fn insert_account(&self, account: &Account) -> Result<i64> {
        AccountRow::packed_of(account, |row| self.new_accounts()?.add(&row))
    }

    pub fn new_accounts(&self) -> Result<NewAccounts<'_>> {
        // After a failure the whole transaction is taken back. To be able to take back a single
        // statement, SQLite would put a copy of each page aside.
        let statement = self.connection.prepare_cached(concat!(
            "INSERT OR FAIL INTO account (",
            account_columns!(all),
            ") VALUES (",
            account_columns!(values),
            ")"
        ))?;
        Ok(NewAccounts { store: self, statement })
    }

    /// The number of the next account, where SQLite would give it the one of an account that was
    /// removed: the audit still has entries of that one. Asked once in a transaction.
    fn number_after_removed(&self) -> Result<Option<i64>> {
        if std::mem::replace(&mut self.sealing.borrow_mut().follows_removed, true) {
            return Ok(None);
        }
        let (last, ever) =
            (self.value("SELECT coalesce(max(id), 0) FROM account", [])?, self.last_account_ever()?);
        Ok((ever > last).then(|| ever + 1))
    }

    /// The highest number that an account ever had, when the audit was sealed last.
    pub(super) fn last_account_ever(&self) -> Result<i64> {
        let query = "SELECT accounts FROM link ORDER BY id DESC LIMIT 1";
        Ok(self.first(query, [], |row| row.get(0))?.unwrap_or_default())
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

    /// Stores who set the details with which an account began, by the platform's export.
    pub fn put_platform_stamp(&self, account: i64, stamp: &str) -> Result<()> {
        let insert = "INSERT OR REPLACE INTO platform_stamp (account_id, stamp) VALUES (?1, ?2)";
        self.write(insert, (account, stamp))
    }

    /// Who set the details with which an account began; empty if that is not known.
    pub fn platform_stamp(&self, account: i64) -> Result<String> {
        let query = "SELECT stamp FROM platform_stamp WHERE account_id = ?1";
        Ok(self.first(query, [account], |row| row.get(0))?.unwrap_or_default())
    }

    /// Replaces all that an account holds, but not its sourcedId.
    pub fn update_account(&self, account: &Account) -> Result<()> {
        let mut updates = self.updates()?;
        AccountRow::packed_of(account, |row| updates.update(account.id, row))
    }

    /// For many updates one after the other.
    pub fn updates(&self) -> Result<Updates<'_>> {
        // OR FAIL as for [`Store::new_accounts`].
        let update = concat!("UPDATE OR FAIL account SET ", account_columns!(set), " WHERE id = :id");
        Ok(Updates { update: self.connection.prepare_cached(update)?, touch: None })
    }

    /// As [`Store::updates`], while the trigger that notes each of them is set aside.
    pub(super) fn updates_without_trigger(&self) -> Result<Updates<'_>> {
        let touch =
            self.connection.prepare_cached("INSERT INTO touched VALUES (?1) ON CONFLICT DO NOTHING")?;
        Ok(Updates { touch: Some(touch), ..self.updates()? })
    }

    /// For looking up many accounts one after the other.
    pub fn lookup(&self) -> Result<Lookup<'_>> {
        let statement = self.connection.prepare_cached(concat!(select!(), "WHERE id = ?1"))?;
        Ok(Lookup { statement, cells: Vec::with_capacity(512) })
    }

    /// As [`Store::update_account`], with the sourcedId. The last known schools of the person go
    /// along, and so does a suppression.
    pub fn rekey_account(&self, account: &Account) -> Result<()> {
        let old = self.sourced_id(account.id)?;
        self.execute(
            "UPDATE OR REPLACE last_schools SET person = ?2 WHERE person = ?1",
            [&old, &account.sourced_id].map(|id| key(id).cast_signed()),
        )?;
        self.execute(
            "UPDATE OR REPLACE suppressed SET sourced_id = ?2 WHERE sourced_id = ?1",
            [&old, &account.sourced_id],
        )?;
        self.execute("UPDATE account SET sourced_id = ?2 WHERE id = ?1", (account.id, &account.sourced_id))?;
        self.update_account(account)
    }

    /// Goes through the accounts that have a link to one of these students, by their keys.
    pub fn each_account_linked_to(&self, students: &HashSet<u64>, mut each: impl FnMut(i64)) -> Result<()> {
        let query = "SELECT id, links FROM account WHERE length(links) > 0";
        self.each(query, [], ["id", "links"], |row, [id, links]| {
            if keys(blob(row, links)?).iter().any(|key| students.contains(key)) {
                each(row.get(id)?);
            }
            Ok(())
        })
    }

    /// Gives the links to people with a new sourcedId the new key, old beside new, in the accounts
    /// of their guardians.
    pub fn rename_links(&self, renamed: &HashMap<u64, u64>) -> Result<()> {
        let mut changed: Vec<(i64, Vec<u64>)> = Vec::new();
        self.each(
            "SELECT id, links FROM account WHERE length(links) > 0",
            [],
            ["id", "links"],
            |row, [id, links]| {
                let before = keys(blob(row, links)?);
                if before.iter().any(|key| renamed.contains_key(key)) {
                    let mut after: Vec<u64> =
                        before.iter().map(|key| renamed.get(key).copied().unwrap_or(*key)).collect();
                    after.sort_unstable();
                    after.dedup();
                    changed.push((row.get(id)?, after));
                }
                Ok(())
            },
        )?;
        for (id, links) in changed {
            let bytes: Vec<u8> = links.iter().flat_map(|key| key.to_le_bytes()).collect();
            self.write("UPDATE account SET links = ?2 WHERE id = ?1", (id, bytes))?;
        }
        Ok(())
    }

    /// Adds the first accounts, which may be a million, without what only costs time as long as
    /// there is none: the index of the sourcedIds, which takes a third of the time if it is made once they
    /// are there, and the trigger for accounts that already have a fingerprint.
    pub fn add_first_accounts<T>(&self, add: impl FnOnce() -> Result<T>) -> Result<T> {
        let query = "SELECT sql FROM sqlite_schema WHERE name = 'account_is_put'";
        let trigger: String = self.value(query, [])?;
        self.connection.execute_batch("DROP INDEX account_by_sourced_id; DROP TRIGGER account_is_put")?;
        let added = add()?;
        // A second thread sorts.
        self.connection.execute_batch("PRAGMA threads = 1")?;
        self.connection.execute_batch("CREATE UNIQUE INDEX account_by_sourced_id ON account (sourced_id)")?;
        self.connection.execute_batch(&trigger)?;
        Ok(added)
    }

    /// The schools' names as the last roster gave them.
    pub fn schools(&self) -> Result<BTreeMap<String, String>> {
        self.all("SELECT id, name FROM school", [], |row| Ok((row.get("id")?, row.get("name")?)))
    }

    /// Stores an org's name, and whether the roster says that it is no school.
    pub fn put_school(&self, id: &str, name: &str, other: bool) -> Result<()> {
        self.write(
            "INSERT INTO school (id, name, other) VALUES (:id, :name, :other) ON CONFLICT (id) DO UPDATE \
             SET name = :name, other = :other WHERE name <> :name OR other <> :other",
            named_params! { ":id": id, ":name": name, ":other": other },
        )
    }

    /// The orgs of which the last roster said that they are no schools.
    pub fn other_orgs(&self) -> Result<HashSet<String>> {
        self.all("SELECT id FROM school WHERE other = 1", [], |row| row.get(0))
    }
}

/// 8 bytes each.
pub(super) fn keys(bytes: &[u8]) -> Vec<u64> {
    bytes.as_chunks::<8>().0.iter().map(|word| u64::from_le_bytes(*word)).collect()
}

fn from_row(row: &Row<'_>) -> rusqlite::Result<Account> {
    let mut cells = Vec::with_capacity(512);
    Ok(PackedRow::read(row, &mut cells)?.account(row.get(column::id)?))
}

/// Looks accounts up by id.
pub struct Lookup<'s> {
    statement: CachedStatement<'s>,
    cells: Vec<u8>,
}

impl Lookup<'_> {
    /// Hands over the row of an account, archived or not; none if there is none with this id.
    pub fn account<T>(
        &mut self,
        id: i64,
        take: impl FnOnce(Option<PackedRow<'_>>) -> Result<T>,
    ) -> Result<T> {
        let mut rows = self.statement.query([id])?;
        self.cells.clear();
        match rows.next()? {
            Some(row) => take(Some(PackedRow::read(row, &mut self.cells)?)),
            None => take(None),
        }
    }
}

/// Updates accounts by id.
pub struct Updates<'s> {
    update: CachedStatement<'s>,
    /// Does what else a trigger does.
    touch: Option<CachedStatement<'s>>,
}

impl Updates<'_> {
    /// Replaces all that an account holds, but not its sourcedId.
    pub fn update(&mut self, id: i64, account: PackedRow<'_>) -> Result<()> {
        let Self { update, touch } = self;
        update.clear_bindings();
        for (column, cell) in account.cells() {
            cell.bind(column, update)?;
        }
        update.raw_bind_parameter(HELD + 1, id)?;
        update.raw_execute()?;
        if let Some(touch) = touch {
            touch.execute([id])?;
        }
        Ok(())
    }
}

/// Adds accounts, each with an `id` that the store gives it.
pub struct NewAccounts<'a> {
    store: &'a Store,
    statement: CachedStatement<'a>,
}

impl NewAccounts<'_> {
    /// Adds one; returns its `id`.
    pub fn add(&mut self, account: &PackedRow<'_>) -> Result<i64> {
        self.statement.clear_bindings();
        for (column, cell) in account.cells() {
            cell.bind(column, &mut self.statement)?;
        }
        self.insert(account.sourced_id)
    }

    fn insert(&mut self, sourced_id: &str) -> Result<i64> {
        self.statement.raw_bind_parameter(column::sourced_id + 1, sourced_id)?;
        match self.store.number_after_removed()? {
            Some(number) => self.statement.raw_bind_parameter(column::id + 1, number)?,
            None => self.statement.raw_bind_parameter(column::id + 1, Null)?,
        }
        self.statement.raw_execute()?;
        Ok(self.store.connection.last_insert_rowid())
    }
}

#[derive(Debug, Clone, Copy)]
enum Cell<'a> {
    Null,
    Flag(bool),
    Text(&'a [u8]),
    Hash(u64),
    Bytes(&'a [u8]),
}

impl<'a> Cell<'a> {
    fn text(text: Option<&'a str>) -> Self {
        text.map_or(Cell::Null, |text| Cell::Text(text.as_bytes()))
    }

    /// What is packed was a text before.
    fn as_text(self) -> Option<&'a str> {
        if let Cell::Text(text) = self { std::str::from_utf8(text).ok() } else { None }
    }

    fn as_bytes(self) -> Option<&'a [u8]> {
        if let Cell::Bytes(bytes) = self { Some(bytes) } else { None }
    }

    /// SQLite copies what it is given.
    fn bind(self, column: usize, statement: &mut rusqlite::Statement<'_>) -> rusqlite::Result<()> {
        let value = match self {
            Cell::Null => ValueRef::Null,
            Cell::Flag(flag) => ValueRef::Integer(i64::from(flag)),
            Cell::Text(text) => ValueRef::Text(text),
            Cell::Hash(hash) => ValueRef::Integer(hash.cast_signed()),
            Cell::Bytes(bytes) => ValueRef::Blob(bytes),
        };
        statement.raw_bind_parameter(column + 1, ToSqlOutput::Borrowed(value))
    }

    fn pack(self, column: usize, cells: &mut Vec<u8>) {
        let (kind, bytes): (u8, &[u8]) = match self {
            Cell::Null => return,
            Cell::Flag(flag) => (if flag { SET } else { NOT_SET }, &[]),
            Cell::Text(text) => (TEXT, text),
            Cell::Hash(hash) => (HASH, &hash.to_le_bytes()),
            Cell::Bytes(bytes) => (BYTES, bytes),
        };
        // No cell of a record has more than 32 bits can count, and a table has few columns.
        cells.extend([column as u8, kind]);
        cells.extend((bytes.len() as u32).to_le_bytes());
        cells.extend(bytes);
    }

    /// Takes the first cell off, with its column. None at the end.
    fn unpack(cells: &mut &'a [u8]) -> Option<(usize, Self)> {
        let ([column, kind, length @ ..], rest) = cells.split_first_chunk::<6>()?;
        let (bytes, rest) = rest.split_at_checked(u32::from_le_bytes(*length) as usize)?;
        *cells = rest;
        let cell = match *kind {
            NOT_SET | SET => Cell::Flag(*kind == SET),
            TEXT => Cell::Text(bytes),
            HASH => Cell::Hash(u64::from_le_bytes(*bytes.first_chunk()?)),
            _ => Cell::Bytes(bytes),
        };
        Some((usize::from(*column), cell))
    }
}

/// The kinds of cells of a [`PackedRow`].
const NOT_SET: u8 = 0;
const SET: u8 = 1;
const TEXT: u8 = 2;
const HASH: u8 = 3;
const BYTES: u8 = 4;

/// The row of an account as bytes, which are kept or go from one thread to another: of each cell
/// that is not NULL the column, the kind and the content.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct PackedRow<'a> {
    pub sourced_id: &'a str,
    #[serde(serialize_with = "as_bytes")]
    cells: &'a [u8],
}

/// At once: as a sequence, each byte is written by itself. Both are the same bytes.
fn as_bytes<S: Serializer>(bytes: &[u8], to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_bytes(bytes)
}

impl<'a> PackedRow<'a> {
    /// Puts the cells of a row of the table into `cells`.
    fn read(row: &'a Row<'_>, cells: &'a mut Vec<u8>) -> rusqlite::Result<Self> {
        for column in 0..HELD {
            let cell = match row.get_ref(column)? {
                ValueRef::Null => continue,
                ValueRef::Integer(number) if column == column::sis_username => {
                    Cell::Hash(number.cast_unsigned())
                }
                ValueRef::Integer(number) => Cell::Flag(number != 0),
                ValueRef::Blob(bytes) => Cell::Bytes(bytes),
                value @ (ValueRef::Text(_) | ValueRef::Real(_)) => Cell::Text(value.as_str()?.as_bytes()),
            };
            cell.pack(column, cells);
        }
        Ok(Self { sourced_id: text(row, column::sourced_id)?, cells })
    }

    /// The account with this id.
    pub fn account(&self, id: i64) -> Account {
        let held = self.held();
        let text = |place: usize| held[place].as_text();
        let own = |place: usize| text(place).map(str::to_owned);
        let sure = |place: usize| text(place).unwrap_or_default().to_owned();
        let flag = |place: usize| if let Cell::Flag(flag) = held[place] { Some(flag) } else { None };
        let is_active = text(column::state) == Some(State::Active.word());
        Account {
            id,
            sourced_id: self.sourced_id.to_owned(),
            state: if is_active { State::Active } else { State::Pending },
            archived: flag(column::archived) == Some(true),
            details: Details {
                name: PersonName { given: sure(column::given_name), family: sure(column::family_name) },
                email: sure(column::email),
                phone: sure(column::phone),
                home_phone: sure(column::home_phone),
            },
            sis: Arc::new(SisDetails {
                identifier: own(column::sis_identifier),
                enabled: flag(column::sis_enabled),
                given_name: own(column::sis_given_name),
                family_name: own(column::sis_family_name),
                email: own(column::sis_email),
                sms: own(column::sis_sms),
                phone: own(column::sis_phone),
                language: own(column::sis_language),
                roles: sure(column::sis_roles),
                orgs: sure(column::sis_orgs),
                agents: sure(column::sis_agents),
                emergency: sure(column::sis_emergency),
                barred: sure(column::sis_barred),
                relations: sure(column::sis_relations),
                username: match held[column::sis_username] {
                    Cell::Hash(hash) => Some(hash),
                    _ => None,
                },
                user_ids: UserIds::from_bytes(held[column::sis_user_ids].as_bytes().unwrap_or_default()),
            }),
            exported: Exported {
                name: Exported::name_from_columns(
                    text(column::export_given_name),
                    text(column::export_family_name),
                ),
                email: AwaitedValues::from_column(own(column::export_email)),
                phone: AwaitedValues::from_column(own(column::export_phone)),
                home_phone: AwaitedValues::from_column(own(column::export_home_phone)),
            },
            kept_since: KeptSince::from_column(text(column::kept_since)),
            settled: Settled::from_column(text(column::settled_marks)),
            opt_outs: OptOuts::from_column(text(column::opt_outs)),
            links: held[column::links].as_bytes().map(keys),
        }
    }

    /// Whether the account is archived, and its links, as [`Account::links`].
    pub fn archived_and_links(&self) -> (bool, Option<Vec<u64>>) {
        let held = self.held();
        (matches!(held[column::archived], Cell::Flag(true)), held[column::links].as_bytes().map(keys))
    }

    fn held(&self) -> [Cell<'a>; HELD] {
        let mut held = [Cell::Null; HELD];
        for (column, cell) in self.cells() {
            if let Some(place) = held.get_mut(column) {
                *place = cell;
            }
        }
        held
    }

    fn cells(&self) -> impl Iterator<Item = (usize, Cell<'a>)> + use<'a> {
        let mut cells = self.cells;
        std::iter::from_fn(move || Cell::unpack(&mut cells))
    }
}

/// Details stay out of logs.
impl std::fmt::Debug for PackedRow<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PackedRow({})", self.sourced_id)
    }
}

/// An account as the columns of its row, borrowed from wherever it is.
#[derive(Debug, Clone, Copy)]
pub struct AccountRow<'a> {
    pub sourced_id: &'a str,
    /// What an update writes, each at the place of its column.
    held: [Cell<'a>; HELD],
}

impl AccountRow<'_> {
    fn with<T>(account: &Account, take: impl FnOnce(AccountRow<'_>) -> T) -> T {
        let Account {
            id: _,
            sourced_id,
            state,
            archived,
            details,
            sis,
            exported,
            kept_since,
            settled,
            opt_outs,
            links,
        } = account;
        let [exported_given, exported_family] = exported.name_columns();
        let (kept_since, settled, opt_outs) = (kept_since.column(), settled.column(), opt_outs.column());
        let links: Option<Vec<u8>> =
            links.as_ref().map(|keys| keys.iter().flat_map(|key| key.to_le_bytes()).collect());
        let mut held = [Cell::Null; HELD];
        held[column::state] = Cell::text(Some(state.word()));
        held[column::archived] = Cell::Flag(*archived);
        held[column::given_name] = Cell::text(Some(&details.name.given));
        held[column::family_name] = Cell::text(Some(&details.name.family));
        held[column::email] = Cell::text(Some(&details.email));
        held[column::phone] = Cell::text(Some(&details.phone));
        held[column::home_phone] = Cell::text(Some(&details.home_phone));
        held[column::sis_identifier] = Cell::text(sis.identifier.as_deref());
        held[column::sis_enabled] = sis.enabled.map_or(Cell::Null, Cell::Flag);
        held[column::sis_given_name] = Cell::text(sis.given_name.as_deref());
        held[column::sis_family_name] = Cell::text(sis.family_name.as_deref());
        held[column::sis_email] = Cell::text(sis.email.as_deref());
        held[column::sis_sms] = Cell::text(sis.sms.as_deref());
        held[column::sis_phone] = Cell::text(sis.phone.as_deref());
        held[column::sis_language] = Cell::text(sis.language.as_deref());
        held[column::sis_roles] = Cell::text(Some(&sis.roles));
        held[column::sis_orgs] = Cell::text(Some(&sis.orgs));
        held[column::sis_agents] = Cell::text(Some(&sis.agents));
        held[column::sis_emergency] = Cell::text(Some(&sis.emergency));
        held[column::sis_barred] = Cell::text(Some(&sis.barred));
        held[column::sis_relations] = Cell::text(Some(&sis.relations));
        held[column::sis_username] = sis.username.map_or(Cell::Null, Cell::Hash);
        held[column::sis_user_ids] = match sis.user_ids.as_bytes() {
            [] => Cell::Null,
            hashes => Cell::Bytes(hashes),
        };
        held[column::export_given_name] = Cell::text(exported_given.as_deref());
        held[column::export_family_name] = Cell::text(exported_family.as_deref());
        held[column::export_email] = Cell::text(exported.email.column());
        held[column::export_phone] = Cell::text(exported.phone.column());
        held[column::export_home_phone] = Cell::text(exported.home_phone.column());
        held[column::kept_since] = Cell::text(kept_since.as_deref());
        held[column::settled_marks] = Cell::text(settled.as_deref());
        held[column::opt_outs] = Cell::text(opt_outs.as_deref());
        held[column::links] = links.as_deref().map_or(Cell::Null, Cell::Bytes);
        take(AccountRow { sourced_id, held })
    }

    /// Hands over the row of an account as bytes, to be written later.
    pub fn packed_of<T>(account: &Account, take: impl FnOnce(PackedRow<'_>) -> T) -> T {
        AccountRow::with(account, |row| row.packed(take))
    }

    fn packed<T>(&self, take: impl FnOnce(PackedRow<'_>) -> T) -> T {
        let mut cells = Vec::with_capacity(512);
        for (column, cell) in self.held.iter().enumerate() {
            cell.pack(column, &mut cells);
        }
        take(PackedRow { sourced_id: self.sourced_id, cells: &cells })
    }
}
