//! Whether the audit was altered by hand: every row and every link held against its digest; and
//! whether accounts and permissions are what it says.

use std::collections::{BTreeSet, HashMap, HashSet};

use sha2::{Digest, Sha256};

use super::chain::{Link, Meta, digest, value_digest};
use crate::failure::Result;
use crate::store::{Steps, Store};

/// What is wrong with the audit: the first place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Broken {
    Row(i64, &'static str),
    /// A link or the run that it belongs to: their numbers.
    Link(i64, Option<i64>),
    Run(i64),
    /// An account that is not what the rows say: its sourcedId, and what of it.
    Account(String, &'static str),
    /// A trigger that protects the audit is gone or was altered: its name.
    Trigger(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    pub rows: u64,
    pub links: u64,
    /// The digest of the last link, as hexadecimal digits.
    pub last: String,
    pub broken: Option<Broken>,
}

impl Store {
    /// Holds every row and every link of the audit against its digest, oldest first, and then the
    /// accounts against the rows.
    ///
    /// # Errors
    /// Those of the store. That something was altered is no error here: it is [`Verified::broken`].
    pub fn verify(&self) -> Result<Verified> {
        self.verify_with(&|_, _| ())
    }

    /// As [`Store::verify`]; `steps` is told how many rows are looked at.
    ///
    /// # Errors
    /// Those of the store.
    pub fn verify_with(&self, steps: Steps<'_>) -> Result<Verified> {
        // Another process may commit meanwhile.
        self.preview(|| {
            let rows: u64 = self.value("SELECT coalesce(max(id), 0) FROM audit_row", [])?;
            self.verified(&|done| steps(done, rows))
        })
    }

    fn verified(&self, tell: &dyn Fn(u64)) -> Result<Verified> {
        let mut verified = Verified { rows: 0, links: 0, last: String::new(), broken: None };
        verified.broken = match self.find_broken(&mut verified, tell)? {
            Some(broken) => Some(broken),
            None => self.missing_trigger()?.map(Broken::Trigger),
        };
        Ok(verified)
    }

    /// The first trigger that a store of this version has, and this one has not, or not as it was
    /// made.
    fn missing_trigger(&self) -> Result<Option<String>> {
        let triggers = |store: &Self| -> Result<Vec<(String, String)>> {
            let query = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' ORDER BY name";
            store.all(query, [], |row| Ok((row.get("name")?, row.get("sql")?)))
        };
        let found = triggers(self)?;
        let mut expected = triggers(&Self::empty()?)?.into_iter();
        Ok(expected.find(|trigger| !found.contains(trigger)).map(|(name, _)| name))
    }

    fn find_broken(&self, verified: &mut Verified, tell: &dyn Fn(u64)) -> Result<Option<Broken>> {
        let mut links = self.connection.prepare("SELECT * FROM link ORDER BY id")?;
        let mut links = links.query([])?;
        let mut erased = Erased::default();
        let mut linked = HashSet::new();
        let first = match links.next()? {
            Some(row) => Link::read(row)?,
            None => return Ok(Some(Broken::Link(1, None))),
        };
        // It covers what is older than the chain, and nothing can be held against that; but itself
        // it stays as it is.
        let says_so = first.digest.is_empty() || first.digest == first.says();
        if first.id != 1 || first.first != 1 || !says_so {
            return Ok(Some(Broken::Link(1, None)));
        }
        let (older_runs, mut before) = (first.run, first);
        while let Some(row) = links.next()? {
            let link = Link::read(row)?;
            if let Some(broken) = self.broken_link(&before, &link, &mut erased, verified, tell)? {
                return Ok(Some(broken));
            }
            linked.extend(link.run);
            verified.links += 1;
            verified.last = link.digest.iter().map(|byte| format!("{byte:02x}")).collect();
            before = link;
        }
        if let Some(row) = erased.first() {
            return Ok(Some(Broken::Row(row, MISSING)));
        }
        if let Some(row) = self.row_without_link(before.last)? {
            return Ok(Some(Broken::Row(row, "no link covers it")));
        }
        match self.run_without_link(&linked, older_runs)? {
            Some(broken) => Ok(Some(broken)),
            None => self.replay(before.accounts),
        }
    }

    /// What is wrong with a link and the rows that it covers. `before` is the one before it, which
    /// holds.
    fn broken_link(
        &self,
        before: &Link,
        link: &Link,
        erased: &mut Erased,
        verified: &mut Verified,
        tell: &dyn Fn(u64),
    ) -> Result<Option<Broken>> {
        if link.id != before.id + 1 {
            return Ok(Some(Broken::Link(before.id + 1, None)));
        }
        if link.first > before.last + 1 {
            return Ok(Some(Broken::Row(before.last + 1, "it was put in by another program")));
        }
        if link.first <= before.last {
            return Ok(Some(Broken::Link(link.id, link.run)));
        }
        let mut digests = Sha256::new();
        let mut next = link.first;
        let mut rows = self.connection.prepare_cached(
            "SELECT audit_row.id AS id, account_id, run_id, origin, actor, field, at, digest, salt, old, new \
             FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id \
             WHERE audit_row.id BETWEEN ?1 AND ?2 ORDER BY audit_row.id",
        )?;
        let mut rows = rows.query([link.first, link.last])?;
        while let Some(row) = rows.next()? {
            let id: i64 = row.get("id")?;
            if id != next {
                return Ok(Some(Broken::Row(next, "it is missing")));
            }
            match look(row)? {
                Found::Wrong(what) => return Ok(Some(Broken::Row(id, what))),
                Found::Holds => {}
                Found::NoValues { account } if self.is_said_erased(account, id)? => erased.put(account, id),
                // It named another person, and the entry of that erasure lists it.
                Found::NoValues { .. }
                    if NAMING.contains(&row.get_ref("field")?.as_str().unwrap_or_default()) =>
                {
                    erased.rows.insert(id);
                }
                Found::NoValues { .. } => return Ok(Some(Broken::Row(id, MISSING))),
            }
            if row.get_ref("field")?.as_str() == Ok("erased") {
                erased.are_erased(row.get("account_id")?, row.get_ref("new")?.as_str().unwrap_or_default());
            }
            digests.update(row.get::<_, Vec<u8>>("digest")?);
            next += 1;
            verified.rows += 1;
            if verified.rows.is_multiple_of(1024) {
                tell(verified.rows);
            }
        }
        if next != link.last + 1 {
            return Ok(Some(Broken::Row(next, "it is missing")));
        }
        let run = self.digest_of_run(link.run)?;
        let seal = link.seal(&before.digest, &run, &digests.finalize());
        Ok((link.digest != seal).then_some(Broken::Link(link.id, link.run)))
    }

    /// A row, or the values of one, before the first or after the last that a link covers.
    fn row_without_link(&self, end: i64) -> Result<Option<i64>> {
        self.value(
            "SELECT min(id) FROM (SELECT min(id) AS id FROM audit_row WHERE id < 1 \
             UNION ALL SELECT min(id) FROM audit_row WHERE id > ?1 \
             UNION ALL SELECT min(id) FROM audit_value WHERE id < 1 \
             UNION ALL SELECT min(id) FROM audit_value WHERE id > ?1)",
            [end],
        )
    }

    /// A run whose link is gone, or that never had one. Runs up to `older` are older than the
    /// chain.
    fn run_without_link(&self, linked: &HashSet<i64>, older: Option<i64>) -> Result<Option<Broken>> {
        let older = older.unwrap_or_default();
        let runs: Vec<i64> = self.all("SELECT id FROM run ORDER BY id", [], |row| row.get(0))?;
        let without = runs.into_iter().find(|run| !(1..=older).contains(run) && !linked.contains(run));
        Ok(without.map(Broken::Run))
    }

    /// Whether a later row says that the values of an account were erased; that one is still to be
    /// checked.
    fn is_said_erased(&self, account: i64, row: i64) -> Result<bool> {
        self.value(
            "SELECT EXISTS (SELECT 1 FROM audit_row WHERE account_id = ?1 AND field = 'erased' AND audit_row.id >= ?2)",
            [account, row],
        )
    }
}

/// A row's values are gone although its person was not erased.
const MISSING: &str = "its values are missing";

/// Entries of these fields name another person. Their values go with that person as well.
pub(in crate::store) const NAMING: [&str; 2] = ["link", "distinct"];

/// Rows without values for which no row that holds has said yet that the person was erased.
#[derive(Default)]
struct Erased {
    /// The first of each account.
    accounts: HashMap<i64, i64>,
    /// Those that named a person of another account.
    rows: BTreeSet<i64>,
}

impl Erased {
    fn put(&mut self, account: i64, row: i64) {
        self.accounts.entry(account).or_insert(row);
    }

    /// `others` lists the rows of other accounts that named the person.
    fn are_erased(&mut self, account: i64, others: &str) {
        self.accounts.remove(&account);
        for row in others.split(',').filter_map(|row| row.parse().ok()) {
            self.rows.remove(&row);
        }
    }

    fn first(&self) -> Option<i64> {
        self.accounts.values().chain(&self.rows).min().copied()
    }
}

enum Found {
    Holds,
    NoValues { account: i64 },
    Wrong(&'static str),
}

/// Holds a row against its digest.
fn look(row: &rusqlite::Row<'_>) -> Result<Found> {
    let account = row.get("account_id")?;
    let text = |column: &str| -> rusqlite::Result<&str> { Ok(row.get_ref(column)?.as_str()?) };
    let stored = row.get_ref("digest")?.as_blob().map_err(rusqlite::Error::from)?;
    let Some(values) = stored.first_chunk::<16>() else { return Ok(Found::Wrong("its digest is not one")) };
    let meta = Meta {
        account,
        run: row.get("run_id")?,
        origin: text("origin")?,
        actor: text("actor")?,
        field: text("field")?,
        at: text("at")?,
    };
    if digest(&meta, values)[..] != stored[..] {
        return Ok(Found::Wrong("the actor, the account or the time was altered"));
    }
    let salt: Option<Vec<u8>> = row.get("salt")?;
    Ok(match salt {
        None => Found::NoValues { account },
        Some(salt) if value_digest(&salt, text("old")?, text("new")?) == *values => Found::Holds,
        Some(_) => Found::Wrong("its values were altered"),
    })
}

#[cfg(test)]
mod tests;
