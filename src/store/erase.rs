//! Removing a person from the store, with all personal data: on request (`users erase`), and of
//! accounts that have been archived for long (`purge_after`).
//!
//! What was done to the account stays in the audit, without its values and without the account: who
//! did what and when, under the number of the account. The digest of a row covers a digest of its
//! values, so the chain holds without them. An entry `erased` says that they were removed. Where an
//! entry of another account names the person (a link), its values go as well, and `erased` lists the
//! number of that entry. The number of an account is never given again.
//!
//! What is deleted is overwritten in the file. Older versions of the same data may be in free pages
//! still: [`Store::vacuum`] rebuilds the file without them.

use std::collections::HashSet;

use chrono::{DateTime, NaiveDate, Utc};
use rusqlite::params;

use super::accounts::keys;
use super::audit::NAMING;
use super::sql::{blob, text};
use super::{AuditEntry, Origin, Store};
use crate::account::Account;
use crate::erased::Erased;
use crate::failure::Result;
use crate::roster::kept::key;
use crate::roster::{IdList, Relations};

/// What was removed with people.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Removed {
    pub accounts: u64,
    /// Entries of the audit whose values are gone, those of other accounts among them.
    pub audit_values: u64,
    /// Notifications, whether they were sent or not.
    pub messages: u64,
    /// Records of other people from whose links a sourcedId was taken.
    pub links: u64,
}

impl Store {
    /// Removes accounts, and all that the store has of their people: their audit values, messages,
    /// permissions, fingerprints, recognitions, opt-outs, and the links of others to them. In the
    /// caller's transaction. In a run call it after the fingerprints are put away
    /// ([`Store::fingerprints_are_put`]): those that are written later would bring the keys back.
    ///
    /// It says nothing about what becomes of the people: the next roster that has them adds them
    /// again, unless [`Store::put_erased`] was called.
    ///
    /// # Errors
    /// Those of the store.
    pub fn remove_people(
        &self,
        people: &[Account],
        by: Origin,
        run: Option<i64>,
        now: DateTime<Utc>,
    ) -> Result<Removed> {
        let mut removed = Removed::default();
        if people.is_empty() {
            return Ok(removed);
        }
        self.overwrite_deleted()?;
        self.write("INSERT OR IGNORE INTO to_rebuild (id) VALUES (1)", [])?;
        let accounts: HashSet<i64> = people.iter().map(|account| account.id).collect();
        let ids = self.ids_of(people, &accounts)?;
        let mut others = self.entries_that_name(&ids, &accounts)?;
        removed.audit_values += others.len() as u64;
        for account in people {
            // The first of them has the list: it is one for all.
            let list = std::mem::take(&mut others);
            let new = list.iter().map(i64::to_string).collect::<Vec<_>>().join(",");
            let entry = AuditEntry { origin: by, field: "erased".into(), old: String::new(), new };
            self.audit(account.id, run, &entry, now)?;
            for row in list {
                self.execute("DELETE FROM audit_value WHERE id = ?1", [row])?;
            }
            removed.audit_values += self.remove_values(account.id)?;
            removed.messages +=
                self.execute("DELETE FROM outbox WHERE account_id = ?1", [account.id])? as u64;
            self.remove_rows(account, &accounts)?;
            removed.accounts += 1;
            // No row names an account that is archived.
            if !account.archived {
                self.forget_cached_mentions(&account.sourced_id)?;
            }
        }
        self.forget_ids(&ids, &mut removed)?;
        Ok(removed)
    }

    /// Removes what the store has under a sourcedId that has no account: the person of a roster that
    /// is not synced, a suppression, a decision.
    ///
    /// # Errors
    /// Those of the store.
    pub fn remove_id(&self, sourced_id: &str) -> Result<Removed> {
        self.overwrite_deleted()?;
        self.write("INSERT OR IGNORE INTO to_rebuild (id) VALUES (1)", [])?;
        let mut removed = Removed::default();
        self.forget_ids(&HashSet::from([sourced_id.to_owned()]), &mut removed)?;
        Ok(removed)
    }

    /// The sourcedIds of an account: its own, and those that it had before and no other account has
    /// now.
    pub fn sourced_ids_of(&self, account: &Account) -> Result<Vec<String>> {
        let all = self.ids_of(std::slice::from_ref(account), &HashSet::from([account.id]))?;
        Ok(all.into_iter().collect())
    }

    /// The other sourcedIds of pairs that are held as probably one person with one of these.
    pub fn probably_also(&self, ids: &[String]) -> Result<Vec<String>> {
        let mut others = Vec::new();
        self.each_same_person(|pair| {
            match (ids.contains(&pair.old), ids.contains(&pair.new)) {
                (true, false) => others.push(pair.new),
                (false, true) => others.push(pair.old),
                _ => {}
            }
            Ok(())
        })?;
        Ok(others)
    }

    /// Whether the store has anything under a sourcedId without an account.
    pub fn knows_id(&self, sourced_id: &str) -> Result<bool> {
        self.value(
            "SELECT EXISTS (SELECT 1 FROM bystander WHERE sourced_id = ?1) \
             OR EXISTS (SELECT 1 FROM suppressed WHERE sourced_id = ?1) \
             OR EXISTS (SELECT 1 FROM same_person WHERE ?1 IN (old, new)) \
             OR EXISTS (SELECT 1 FROM distinct_people WHERE ?1 IN (old, new))",
            [sourced_id],
        )
    }

    /// From now on this connection overwrites what it deletes with zeros.
    fn overwrite_deleted(&self) -> Result<()> {
        Ok(self.connection.execute_batch("PRAGMA secure_delete = ON")?)
    }

    /// The sourcedIds of these people: their own, and earlier ones that no other person has now.
    fn ids_of(&self, people: &[Account], accounts: &HashSet<i64>) -> Result<HashSet<String>> {
        let mut ids: HashSet<String> = people.iter().map(|account| account.sourced_id.clone()).collect();
        for account in accounts {
            let query = "SELECT sourced_id FROM earlier_id WHERE account_id = ?1 AND NOT EXISTS ( \
                         SELECT 1 FROM account WHERE account.sourced_id = earlier_id.sourced_id)";
            ids.extend(self.all::<String, Vec<_>>(query, [account], |row| row.get(0))?);
        }
        Ok(ids)
    }

    /// Entries of other accounts that name one of these people.
    fn entries_that_name(&self, ids: &HashSet<String>, accounts: &HashSet<i64>) -> Result<Vec<i64>> {
        let mut found = Vec::new();
        self.each(
            "SELECT audit_row.id AS id, account_id, old, new FROM audit_row \
             JOIN audit_value ON audit_value.id = audit_row.id WHERE field IN (?1, ?2)",
            NAMING,
            ["id", "account_id", "old", "new"],
            |row, [id, account, old, new]| {
                let names = ids.contains(text(row, old)?) || ids.contains(text(row, new)?);
                if names && !accounts.contains(&row.get(account)?) {
                    found.push(row.get(id)?);
                }
                Ok(())
            },
        )?;
        Ok(found)
    }

    /// Removes the values of all entries of an account, but for the one that says so.
    fn remove_values(&self, account: i64) -> Result<u64> {
        let delete = "DELETE FROM audit_value WHERE id IN ( \
                      SELECT id FROM audit_row WHERE account_id = ?1 AND field <> 'erased')";
        Ok(self.execute(delete, [account])? as u64)
    }

    /// Removes the account and what stands under its number.
    fn remove_rows(&self, account: &Account, accounts: &HashSet<i64>) -> Result<()> {
        self.remove_fingerprints(account.id)?;
        for table in ["users_manager", "missing", "stopped", "platform_stamp", "earlier_id"] {
            self.execute(&format!("DELETE FROM {table} WHERE account_id = ?1"), [account.id])?;
        }
        let phone = &account.details.phone;
        let is_shared = || -> Result<bool> {
            let held: Vec<i64> =
                self.all("SELECT id FROM account WHERE phone = ?1", [phone], |row| row.get(0))?;
            Ok(held.iter().any(|holder| !accounts.contains(holder)))
        };
        if !phone.is_empty() && self.is_stopped_number(phone)? && !is_shared()? {
            self.forget_stopped_number(phone)?;
        }
        self.write("DELETE FROM account WHERE id = ?1", [account.id])
    }

    /// Removes what stands under sourcedIds, and takes them out of the links of others.
    fn forget_ids(&self, ids: &HashSet<String>, removed: &mut Removed) -> Result<()> {
        for id in ids {
            self.forget_bystander(id)?;
            self.forget_same_person(id)?;
            self.execute("DELETE FROM distinct_people WHERE old = ?1 OR new = ?1", [id])?;
            self.end_suppression(id)?;
            self.execute("DELETE FROM earlier_id WHERE sourced_id = ?1", [id])?;
            self.execute("DELETE FROM last_schools WHERE person = ?1", [key(id).cast_signed()])?;
        }
        if let Some(mut night) = self.last_night()? {
            let known = night.reused.len() + night.reassigned_ids.len();
            night.reused.retain(|id, _| !ids.contains(id));
            night.reassigned_ids.retain(|id| !ids.contains(id));
            if night.reused.len() + night.reassigned_ids.len() < known {
                self.keep_night(&night)?;
            }
        }
        self.forget_links(ids, removed)
    }

    fn forget_links(&self, ids: &HashSet<String>, removed: &mut Removed) -> Result<()> {
        let hashes: HashSet<u64> = ids.iter().map(|id| key(id)).collect();
        let mut accounts: Vec<(i64, [String; 4], Option<Vec<u8>>)> = Vec::new();
        let columns = ["id", "sis_agents", "sis_emergency", "sis_barred", "sis_relations", "links"];
        self.each(
            "SELECT id, sis_agents, sis_emergency, sis_barred, sis_relations, links FROM account",
            [],
            columns,
            |row, [id, agents, emergency, barred, relations, links]| {
                let lists = [text(row, agents)?, text(row, emergency)?, text(row, barred)?];
                let relations = text(row, relations)?;
                let known = match row.get_ref(links)? {
                    rusqlite::types::ValueRef::Null => None,
                    _ => Some(keys(blob(row, links)?)),
                };
                let is_linked = known.iter().flatten().any(|hash| hashes.contains(hash));
                if is_linked || lists.iter().any(|list| names(list, ids)) || relates(relations, ids) {
                    let links = known.map(|known| {
                        let others = known.into_iter().filter(|hash| !hashes.contains(hash));
                        others.flat_map(u64::to_le_bytes).collect()
                    });
                    accounts.push((row.get(id)?, without(lists, relations, ids), links));
                }
                Ok(())
            },
        )?;
        for (id, [agents, emergency, barred, relations], links) in &accounts {
            self.write(
                "UPDATE account SET sis_agents = ?2, sis_emergency = ?3, sis_barred = ?4, sis_relations = ?5, \
                 links = ?6 WHERE id = ?1",
                params![id, agents, emergency, barred, relations, links],
            )?;
        }
        removed.links += accounts.len() as u64;
        self.forget_links_of_bystanders(ids, removed)
    }

    fn forget_links_of_bystanders(&self, ids: &HashSet<String>, removed: &mut Removed) -> Result<()> {
        let mut changed: Vec<(String, [String; 4])> = Vec::new();
        self.each(
            "SELECT sourced_id, agents, emergency, barred, relations FROM bystander",
            [],
            ["sourced_id", "agents", "emergency", "barred", "relations"],
            |row, [id, agents, emergency, barred, relations]| {
                let lists = [text(row, agents)?, text(row, emergency)?, text(row, barred)?];
                let relations = text(row, relations)?;
                if lists.iter().any(|list| names(list, ids)) || relates(relations, ids) {
                    changed.push((row.get(id)?, without(lists, relations, ids)));
                }
                Ok(())
            },
        )?;
        for (id, [agents, emergency, barred, relations]) in &changed {
            self.write(
                "UPDATE bystander SET agents = ?2, emergency = ?3, barred = ?4, relations = ?5 WHERE sourced_id = ?1",
                params![id, agents, emergency, barred, relations],
            )?;
        }
        removed.links += changed.len() as u64;
        Ok(())
    }

    /// Report rows of others that were kept and name this sourcedId (`Email is shared with …`): their
    /// people are decided on again.
    fn forget_cached_mentions(&self, sourced_id: &str) -> Result<()> {
        let mut found: Vec<i64> = Vec::new();
        self.each(
            "SELECT account_id, row FROM cached_row",
            [],
            ["account_id", "row"],
            |row, [account, cached]| {
                let cached = blob(row, cached)?;
                if cached.windows(sourced_id.len().max(1)).any(|part| part == sourced_id.as_bytes()) {
                    found.push(row.get(account)?);
                }
                Ok(())
            },
        )?;
        for account in found {
            self.execute("DELETE FROM cached_row WHERE account_id = ?1", [account])?;
            self.write("INSERT OR IGNORE INTO touched (account_id) VALUES (?1)", [account])?;
        }
        Ok(())
    }

    /// Rebuilds the file without free pages, in which older versions of deleted data may be. Not in
    /// a transaction. It needs as much space again as the store has.
    ///
    /// # Errors
    /// Those of the store: the disk is full, another process reads.
    pub fn vacuum(&self) -> Result<()> {
        self.overwrite_deleted()?;
        self.connection.execute_batch("VACUUM")?;
        self.write("DELETE FROM to_rebuild", [])
    }

    /// Whether people were removed since the file was last rebuilt.
    pub fn must_rebuild(&self) -> Result<bool> {
        self.value("SELECT EXISTS (SELECT 1 FROM to_rebuild)", [])
    }

    /// Remembers that the person of a sourcedId was erased: no roster brings the person back.
    pub fn put_erased(&self, sourced_id: &str, day: NaiveDate) -> Result<()> {
        let hash = self.erased()?.hash(sourced_id);
        self.write("INSERT OR IGNORE INTO erased (hash, since) VALUES (?1, ?2)", (hash, day.to_string()))
    }

    /// Lets a person that was erased have an account again. Whether the person was erased.
    pub fn end_erased(&self, sourced_id: &str) -> Result<bool> {
        let hash = self.erased()?.hash(sourced_id);
        Ok(self.execute("DELETE FROM erased WHERE hash = ?1", [hash])? > 0)
    }

    /// The random key of the hashes.
    pub(super) fn erased_key(&self) -> Result<Option<Vec<u8>>> {
        self.first("SELECT key FROM erased_key", [], |row| row.get(0))
    }

    /// Those that were erased on request.
    pub fn erased(&self) -> Result<Erased> {
        let key = self.erased_key()?;
        let hashes = self.all("SELECT hash FROM erased", [], |row| row.get(0))?;
        Ok(Erased::new(key.unwrap_or_default(), hashes))
    }
}

fn names(list: &str, ids: &HashSet<String>) -> bool {
    !list.is_empty() && IdList(list).iter().any(|id| ids.contains(id))
}

fn relates(relations: &str, ids: &HashSet<String>) -> bool {
    !relations.is_empty()
        && relations.lines().any(|line| ids.contains(line.split('\t').next().unwrap_or_default()))
}

/// The lists and the relations without these sourcedIds.
fn without(lists: [&str; 3], relations: &str, ids: &HashSet<String>) -> [String; 4] {
    let [agents, emergency, barred] =
        lists.map(|list| IdList(list).iter().filter(|id| !ids.contains(*id)).collect::<Vec<_>>().join(","));
    let relations =
        relations.lines().filter_map(|line| line.split_once('\t')).filter(|(id, _)| !ids.contains(*id));
    [agents, emergency, barred, Relations::text(relations)]
}

#[cfg(test)]
mod tests;
