//! Triggers that are set aside while a run writes very much. They hold against other writers, and no
//! other can write meanwhile. If the process dies, the journal of the transaction brings them back.
//!
//! For a trigger that can refuse a row, SQLite copies each page that the statement changes, to be
//! able to take back the statement alone. That takes as long as to write the rows.

use super::Store;
use super::accounts::Updates;
use crate::failure::Result;

/// Two see to it that nothing is put between the entries of the audit, which are numbered here. The
/// third notes which accounts are updated, which [`TriggersAside::updates`] does as well, in less
/// time.
const SET_ASIDE: [&str; 3] = ["audit_row_comes_last", "audit_value_comes_last", "account_is_touched"];

/// See the module. To be put back before the transaction ends.
pub struct TriggersAside<'s> {
    store: &'s Store,
    /// The statements that make them.
    texts: Vec<String>,
}

impl Store {
    /// Sets the triggers aside. One that was removed by hand stays missing, so that it is found.
    pub fn set_triggers_aside(&self) -> Result<TriggersAside<'_>> {
        let mut aside = TriggersAside { store: self, texts: Vec::new() };
        for name in SET_ASIDE {
            let query = "SELECT sql FROM sqlite_schema WHERE type = 'trigger' AND name = ?1";
            if let Some(text) = self.first(query, [name], |row| row.get(0))? {
                self.connection.execute_batch(&format!("DROP TRIGGER {name}"))?;
                aside.texts.push(text);
            }
        }
        Ok(aside)
    }
}

impl TriggersAside<'_> {
    /// As [`Store::updates`]: the only updates while the triggers are set aside.
    pub fn updates(&self) -> Result<Updates<'_>> {
        self.store.updates_without_trigger()
    }

    pub fn put_back(self) -> Result<()> {
        for text in &self.texts {
            self.store.connection.execute_batch(text)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::Account;
    use crate::store::{AccountRow, AuditEntry, Auditing, Origin};

    #[test]
    fn what_is_written_without_triggers_is_as_with_them() {
        let written = |aside: bool| {
            let store = Store::empty().unwrap();
            let account = Account::new("s-1");
            let id = store.transaction(|| store.insert_account(&account)).unwrap();
            store.transaction(|| store.fingerprints_are_put()).unwrap();
            let entry =
                AuditEntry { origin: Origin::Sync, field: "link".into(), old: "a".into(), new: "b".into() };
            let at = chrono::DateTime::UNIX_EPOCH;
            let write = || {
                let aside = aside.then(|| store.set_triggers_aside()).transpose()?;
                let mut updates = match &aside {
                    Some(aside) => aside.updates()?,
                    None => store.updates()?,
                };
                AccountRow::packed_of(&account, |row| updates.update(id, row))?;
                let mut audit: Auditing<'_> = store.auditing(None, at)?;
                audit.add(id, &entry, "")?;
                audit.add(id, &entry, "")?;
                drop((updates, audit));
                aside.map_or(Ok(()), TriggersAside::put_back)
            };
            store.transaction(write).unwrap();
            let text = |sql: &str| -> Vec<String> { store.all(sql, [], |row| row.get(0)).unwrap() };
            assert_eq!(store.verify().unwrap().broken, None);
            (
                text("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY name"),
                text("SELECT CAST(account_id AS TEXT) FROM touched"),
                text("SELECT id || field || old || new FROM audit ORDER BY id"),
            )
        };
        assert_eq!(written(true), written(false));
        assert_eq!(written(true).1, ["1"]);
    }

    #[test]
    fn a_run_that_fails_leaves_them() {
        let store = Store::empty().unwrap();
        let failed = store.transaction(|| {
            let _aside = store.set_triggers_aside()?;
            Err::<(), _>(crate::failure::Failure::new(crate::failure::Kind::Failed, "stopped"))
        });
        assert!(failed.is_err());
        assert_eq!(store.verify().unwrap().broken, None);
    }
}
