//! Whether anybody has altered the audit: every row and every link held against its digest.

use std::collections::HashSet;

use sha2::{Digest, Sha256};

use super::Store;
use super::chain::{Link, Meta, digest, value_digest};
use crate::failure::Result;

/// What is wrong with the audit: the first place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    /// A row: its number, and what is wrong with it.
    Row(i64, &'static str),
    /// A link or the run that it belongs to: their numbers.
    Link(i64, Option<i64>),
    /// A run that has no link.
    Run(i64),
}

/// What a check of the audit found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub rows: u64,
    pub links: u64,
    /// The digest of the last link, as hexadecimal digits.
    pub last: String,
    pub broken: Option<Broken>,
}

impl Store {
    /// Holds every row and every link of the audit against its digest, oldest first.
    ///
    /// # Errors
    /// Those of the store. That something was altered is no error here: it is [`Verified::broken`].
    pub fn verify(&self) -> Result<Verified> {
        let mut verified = Verified { rows: 0, links: 0, last: String::new(), broken: None };
        verified.broken = self.find_broken(&mut verified)?;
        Ok(verified)
    }

    fn find_broken(&self, verified: &mut Verified) -> Result<Option<Broken>> {
        let erased = self.erased()?;
        let mut links = self.connection.prepare("SELECT * FROM link ORDER BY id")?;
        let mut links = links.query([])?;
        let mut rows = self.connection.prepare(
            "SELECT audit_row.id, account_id, run_id, origin, actor, field, at, digest, salt, old, new \
             FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id \
             WHERE audit_row.id BETWEEN ?1 AND ?2 ORDER BY audit_row.id",
        )?;
        let mut before: Option<Link> = None;
        let mut linked = HashSet::new();
        while let Some(row) = links.next()? {
            let link = Link {
                id: row.get(0)?,
                run: row.get(1)?,
                at: row.get(2)?,
                first: row.get(3)?,
                last: row.get(4)?,
                accounts: row.get(5)?,
                digest: row.get(6)?,
            };
            let broken = Some(Broken::Link(link.id, link.run));
            let Some(previous) = &before else {
                // The first one covers what is older than the chain; nothing can be held against that.
                if link.id != 1 || !link.digest.is_empty() || link.first != 1 {
                    return Ok(broken);
                }
                before = Some(link);
                continue;
            };
            if link.id != previous.id + 1 {
                return Ok(Some(Broken::Link(previous.id + 1, None)));
            }
            if link.first > previous.last + 1 {
                return Ok(Some(Broken::Row(previous.last + 1, "it was put in by another program")));
            }
            let mut digests = Sha256::new();
            let mut next = link.first;
            let mut found = rows.query([link.first, link.last])?;
            while let Some(row) = found.next()? {
                let id: i64 = row.get(0)?;
                if id != next {
                    return Ok(Some(Broken::Row(next, "it is missing")));
                }
                if let Some(what) = wrong(row, &erased)? {
                    return Ok(Some(Broken::Row(id, what)));
                }
                digests.update(row.get::<_, Vec<u8>>(7)?);
                next += 1;
                verified.rows += 1;
            }
            if next != link.last + 1 {
                return Ok(Some(Broken::Row(next, "it is missing")));
            }
            let run = self.digest_of_run(link.run)?;
            if link.digest != link.seal(&previous.digest, &run, &digests.finalize()) {
                return Ok(broken);
            }
            linked.extend(link.run);
            verified.links += 1;
            verified.last = link.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            before = Some(link);
        }
        let end = before.map_or(0, |link| link.last);
        let beyond: Option<i64> =
            self.connection
                .query_row("SELECT min(id) FROM audit_row WHERE id > ?1", [end], |row| row.get(0))?;
        if let Some(row) = beyond {
            return Ok(Some(Broken::Row(row, "no link covers it")));
        }
        self.run_without_link(&linked)
    }

    /// A run since the chain began whose link is gone.
    fn run_without_link(&self, linked: &HashSet<i64>) -> Result<Option<Broken>> {
        let Some(first) = linked.iter().min() else { return Ok(None) };
        let mut statement = self.connection.prepare("SELECT id FROM run WHERE id >= ?1 ORDER BY id")?;
        let mut runs = statement.query([first])?;
        while let Some(row) = runs.next()? {
            let run = row.get(0)?;
            if !linked.contains(&run) {
                return Ok(Some(Broken::Run(run)));
            }
        }
        Ok(None)
    }

    /// The accounts whose values were erased.
    fn erased(&self) -> Result<HashSet<i64>> {
        let mut statement =
            self.connection.prepare("SELECT DISTINCT account_id FROM audit_row WHERE field = 'erased'")?;
        let rows = statement.query_map([], |row| row.get(0))?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }
}

/// What is wrong with a row, if anything is.
fn wrong(row: &rusqlite::Row<'_>, erased: &HashSet<i64>) -> Result<Option<&'static str>> {
    let account = row.get(1)?;
    let text = |column: usize| -> rusqlite::Result<String> { row.get(column) };
    let stored: Vec<u8> = row.get(7)?;
    let Some(values) = stored.first_chunk::<16>() else { return Ok(Some("its digest is not one")) };
    let (origin, actor, field, at) = (text(3)?, text(4)?, text(5)?, text(6)?);
    let meta = Meta { account, run: row.get(2)?, origin: &origin, actor: &actor, field: &field, at: &at };
    if digest(&meta, values)[..] != stored[..] {
        return Ok(Some("who did it, to whom, or when was altered"));
    }
    let salt: Option<Vec<u8>> = row.get(8)?;
    match salt {
        None if erased.contains(&account) => Ok(None),
        None => Ok(Some("its values are missing")),
        Some(salt) if value_digest(&salt, &text(9)?, &text(10)?) == *values => Ok(None),
        Some(_) => Ok(Some("its values were altered")),
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::account::Account;
    use crate::store::{AuditEntry, Origin};

    fn entry(old: &str, new: &str) -> AuditEntry {
        AuditEntry { origin: Origin::Person, field: "email".into(), old: old.into(), new: new.into() }
    }

    /// Two accounts, and three edits: rows 1 and 2 in one link, 3 and 4 in links of their own.
    fn store() -> Store {
        let store = Store::empty().unwrap();
        let at = "2026-11-23T08:15:00Z".parse().unwrap();
        let ids = ["a", "b"].map(|id| store.insert_account(&Account::new(id)).unwrap());
        for edits in
            [&[(ids[0], "1", "2"), (ids[1], "", "3")][..], &[(ids[0], "2", "4")], &[(ids[1], "3", "5")]]
        {
            store.begin().unwrap();
            for (account, old, new) in edits {
                store.audit(*account, None, &entry(old, new), at).unwrap();
            }
            store.commit().unwrap();
        }
        store
    }

    /// What is found after somebody has done this to the file, without our triggers.
    fn after(sql: &str) -> Option<Broken> {
        let store = store();
        let triggers: Vec<String> = {
            let mut statement =
                store.connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
            let names = statement.query_map([], |row| row.get(0)).unwrap();
            names.collect::<rusqlite::Result<_>>().unwrap()
        };
        for trigger in triggers {
            store.connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        store.connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        store.connection.execute_batch(sql).unwrap();
        store.verify().unwrap().broken
    }

    #[test]
    fn an_audit_that_nobody_touched_holds() {
        let verified = store().verify().unwrap();
        assert_eq!((verified.rows, verified.links, verified.broken), (4, 3, None));
        assert_eq!(verified.last.len(), 64);
    }

    #[test]
    fn the_first_row_that_was_tampered_with_is_named() {
        let values = "its values were altered";
        for (sql, broken) in [
            ("UPDATE audit_value SET new = 'x' WHERE id IN (3, 4)", Broken::Row(3, values)),
            ("UPDATE audit_value SET old = 'x' WHERE id = 2", Broken::Row(2, values)),
            (
                "UPDATE audit_row SET origin = 'staff' WHERE id = 2",
                Broken::Row(2, "who did it, to whom, or when was altered"),
            ),
            ("DELETE FROM audit_row WHERE id = 2", Broken::Row(2, "it is missing")),
            ("DELETE FROM audit_row WHERE id = 4", Broken::Row(4, "it is missing")),
            ("DELETE FROM audit_value WHERE id = 3", Broken::Row(3, "its values are missing")),
            (
                "INSERT INTO audit_row SELECT 5, account_id, run_id, origin, actor, field, at, digest FROM audit_row WHERE id = 4",
                Broken::Row(5, "no link covers it"),
            ),
            ("UPDATE link SET at = 'x' WHERE id = 3", Broken::Link(3, None)),
            ("DELETE FROM link WHERE id = 3", Broken::Link(3, None)),
            (
                "DELETE FROM link WHERE id = 4; DELETE FROM audit_value WHERE id = 4",
                Broken::Row(4, "no link covers it"),
            ),
        ] {
            assert_eq!(after(sql), Some(broken), "{sql}");
        }
    }

    /// A row that was put in by hand is not made ours by the next edit.
    #[test]
    fn what_was_put_in_is_not_sealed_by_the_next_one() {
        let store = store();
        store
            .connection
            .execute_batch("INSERT INTO audit_row VALUES (5, 1, NULL, 'person', '', 'email', 'x', x'00')")
            .unwrap();
        store.begin().unwrap();
        store.audit(1, None, &entry("4", "6"), DateTime::UNIX_EPOCH).unwrap();
        store.commit().unwrap();
        let broken = store.verify().unwrap().broken;
        assert_eq!(broken, Some(Broken::Row(5, "it was put in by another program")));
    }

    #[test]
    fn nothing_can_be_changed_or_removed() {
        let store = store();
        for sql in [
            "UPDATE audit_row SET at = ''",
            "DELETE FROM audit_row",
            "UPDATE audit_value SET new = ''",
            "DELETE FROM audit_value",
            "UPDATE link SET at = ''",
            "DELETE FROM link",
        ] {
            let error = store.connection.execute_batch(sql).unwrap_err().to_string();
            assert!(error.contains("append-only"), "{sql}: {error}");
        }
    }

    /// One person can be erased: the values go, the chain and the triggers hold.
    #[test]
    fn a_person_can_be_erased() {
        let store = store();
        store.begin().unwrap();
        let erased = AuditEntry { field: "erased".into(), ..entry("", "") };
        store.audit(1, None, &erased, DateTime::UNIX_EPOCH).unwrap();
        store
            .connection
            .execute_batch(
                "DELETE FROM audit_value WHERE id IN (SELECT id FROM audit_row WHERE account_id = 1)",
            )
            .unwrap();
        store.commit().unwrap();
        assert_eq!(store.verify().unwrap().broken, None);
        assert!(store.audit_of(1).unwrap().iter().all(|entry| entry.erased));
        assert!(store.connection.execute_batch("DELETE FROM audit_value WHERE id = 2").is_err());
    }
}
