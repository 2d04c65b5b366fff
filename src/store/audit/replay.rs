//! Whether accounts and permissions are what the audit says was done to them last.
//!
//! A value that was never changed has no entry: what an account began with, and still has, is not
//! held against anything.

use std::collections::{BTreeSet, HashMap};

use super::verify::Broken;
use crate::account::Account;
use crate::contact::{Details, Field, PersonName};
use crate::failure::Result;
use crate::store::{Grant, Store};

#[derive(Default)]
struct Replayed {
    account: i64,
    /// For each of [`Field::ALL`], as [`Details::recorded`] has it.
    details: [Option<String>; 4],
    sourced_id: Option<String>,
    /// What it is, or was when it was archived.
    state: Option<String>,
    archived: Option<bool>,
    grants: BTreeSet<String>,
    /// The account was removed with its person; nothing may come after that.
    erased: bool,
}

impl Replayed {
    /// Takes the next entry in. Values that were erased say nothing.
    fn take(&mut self, field: &str, old: Option<String>, new: Option<String>) {
        if let Some(at) = Field::ALL.into_iter().position(|known| known.key() == field) {
            self.details[at] = new;
            return;
        }
        let (old, new) = (old.unwrap_or_default(), new.unwrap_or_default());
        match field {
            "erased" => *self = Self { account: self.account, erased: true, ..Self::default() },
            "sourced_id" => self.sourced_id = Some(new).filter(|id| !id.is_empty()),
            // The export decides the state of an archived account as well: that is no return.
            "state" if new == "archived" => {
                self.archived = Some(true);
                self.state.get_or_insert(old);
            }
            "state" => {
                if old == "archived" {
                    self.archived = Some(false);
                }
                self.state = Some(new);
            }
            "users_manager" if new.is_empty() => {
                self.grants.remove(&old);
            }
            "users_manager" => {
                self.grants.insert(new);
            }
            _ => {}
        }
    }

    fn differs(&self, account: &Account, grants: &[Grant]) -> Option<&'static str> {
        let is = |known: &Option<String>, now: &str| known.as_deref().is_none_or(|known| known == now);
        if !is(&self.sourced_id, &account.sourced_id) {
            return Some("sourcedId");
        }
        for (field, known) in Field::ALL.into_iter().zip(&self.details) {
            if known.as_deref().is_some_and(|known| !is_recorded(field, known, &account.details)) {
                return Some(field.noun());
            }
        }
        let archived = self.archived.is_none_or(|archived| archived == account.archived);
        if !archived || !is(&self.state, account.state.word()) {
            return Some("state");
        }
        let now: BTreeSet<&str> = grants.iter().map(Grant::word).collect();
        (!self.grants.iter().map(String::as_str).eq(now)).then_some("permissions")
    }
}

/// The oldest entries have names as they are shown.
fn is_recorded(field: Field, known: &str, details: &Details) -> bool {
    match field {
        Field::Name if known.contains('\t') => details.name.in_parts() == known,
        Field::Name if !known.is_empty() => PersonName::from_parts(known).same(&details.name),
        Field::Name | Field::Email | Field::Phone | Field::HomePhone => details.recorded(field) == known,
    }
}

impl Store {
    /// The first account that is not what the audit says. `accounts` is the highest that there was
    /// when a run or an edit was sealed last.
    pub(super) fn replay(&self, accounts: i64) -> Result<Option<Broken>> {
        let mut grants = self.all_grants()?;
        let mut entries = self.connection.prepare(
            "SELECT account_id, field, old, new FROM audit_row INDEXED BY audit_row_by_account \
             LEFT JOIN audit_value ON audit_value.id = audit_row.id ORDER BY account_id, audit_row.id",
        )?;
        let mut entries = entries.query([])?;
        let mut replayed = Replayed::default();
        while let Some(entry) = entries.next()? {
            let account = entry.get("account_id")?;
            if account != replayed.account {
                if let Some(broken) = self.hold(&replayed, &mut grants)? {
                    return Ok(Some(broken));
                }
                replayed = Replayed { account, ..Replayed::default() };
            }
            let field: String = entry.get("field")?;
            replayed.take(&field, entry.get("old")?, entry.get("new")?);
        }
        if let Some(broken) = self.hold(&replayed, &mut grants)? {
            return Ok(Some(broken));
        }
        if let Some(account) = grants.into_keys().min() {
            return Ok(Some(self.broken(account, "permissions")?));
        }
        let last: i64 = self.value("SELECT coalesce(max(id), 0) FROM account", [])?;
        if last > accounts {
            return Ok(Some(self.broken(last, "origin")?));
        }
        Ok(None)
    }

    /// Holds an account against what was done to it, and takes its permissions out of those that
    /// are left.
    fn hold(&self, replayed: &Replayed, grants: &mut HashMap<i64, Vec<Grant>>) -> Result<Option<Broken>> {
        if replayed.account == 0 {
            return Ok(None);
        }
        let account = self.account_by_id(replayed.account)?;
        if replayed.erased {
            return Ok(account.map(|account| Broken::Account(account.sourced_id, "existence")));
        }
        let Some(account) = account else {
            return Ok(Some(Broken::Account(format!("number {}", replayed.account), "existence")));
        };
        let grants = grants.remove(&replayed.account).unwrap_or_default();
        let differs = replayed.differs(&account, &grants);
        Ok(differs.map(|what| Broken::Account(account.sourced_id, what)))
    }

    fn broken(&self, account: i64, what: &'static str) -> Result<Broken> {
        let id = self.account_by_id(account)?.map(|account| account.sourced_id);
        Ok(Broken::Account(id.unwrap_or_else(|| format!("number {account}")), what))
    }
}
