//! The audit: every change of a detail or a state, by whom and when. Nothing is ever changed or
//! removed in it.

mod chain;
mod changes;
mod replay;
mod verify;

use std::borrow::Cow;

use chrono::{DateTime, Utc};
use rusqlite::{CachedStatement, Row};
use serde::{Deserialize, Serialize};

use super::Store;
use super::sql::{moment, stamp, time};
use crate::contact::PersonName;
use crate::failure::Result;
use crate::message::Channel;

#[cfg(test)]
pub(super) use chain::Link;
pub(super) use chain::Sealing;
pub use changes::{Changed, Since};
pub(super) use verify::NAMING;
pub use verify::{Broken, Verified};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    Sync,
    Platform,
    Person,
    /// Staff with the permission to manage users.
    Staff,
    /// The person that runs this program.
    Operator,
    Undo,
}

impl Origin {
    pub const ALL: [Self; 6] =
        [Self::Sync, Self::Platform, Self::Person, Self::Staff, Self::Operator, Self::Undo];

    pub fn word(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::Platform => "platform",
            Self::Person => "person",
            Self::Staff => "staff",
            Self::Operator => "operator",
            Self::Undo => "undo",
        }
    }
}

/// One change of one field, for the audit.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub origin: Origin,
    /// `name`, `email`, `phone`, `home_phone`, `state`, `users_manager`, `sourced_id`, `refused`, `link`,
    /// `messages`, `settled`, `email_opt_out`, `sms_opt_out`, `suppressed`, `distinct` or `erased`.
    pub field: String,
    /// Of a name: as [`PersonName::in_parts`] writes it.
    pub old: String,
    pub new: String,
}

impl AuditEntry {
    /// A person has left a channel, or is back.
    pub fn of_opt_out(origin: Origin, channel: Channel, out: bool) -> Self {
        let word = |out: bool| if out { "yes" } else { "no" }.to_owned();
        Self { origin, field: channel.opt_out().to_owned(), old: word(!out), new: word(out) }
    }
}

#[derive(Clone, PartialEq, Eq)]
pub struct Audited {
    pub id: i64,
    pub account: i64,
    pub run: Option<i64>,
    pub origin: Origin,
    /// sourcedId of the person that did it by hand. Of the platform's export: who set it there and
    /// when, as far as that is known (`crate::platform::Stamp`). Empty otherwise.
    pub actor: String,
    pub field: String,
    pub old: String,
    pub new: String,
    pub at: DateTime<Utc>,
    /// The values have been erased with the person.
    pub erased: bool,
}

impl Audited {
    /// Old and new value as people read them.
    pub fn shown(&self) -> (String, String) {
        let shown = |text: &str| match self.field.as_str() {
            "name" => PersonName::from_parts(text).to_string(),
            _ => text.to_owned(),
        };
        (shown(&self.old), shown(&self.new))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    pub run: Option<i64>,
    /// None if the account is older than the chain of the audit.
    pub at: Option<DateTime<Utc>>,
}

/// What belongs to a run: its entries in the audit, and the accounts that it created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunExtent {
    run: i64,
    first: i64,
    pub last: i64,
    pub created: std::ops::RangeInclusive<i64>,
}

/// Entries with their values, for [`audited`].
macro_rules! select {
    () => {
        "SELECT audit_row.id AS id, account_id, run_id, origin, \
         CASE WHEN origin <> 'platform' AND actor GLOB '#[0-9]*' THEN coalesce( \
         (SELECT sourced_id FROM account WHERE account.id = CAST(substr(actor, 2) AS INTEGER)), '(erased)') \
         ELSE actor END AS actor, field, old, new, at \
         FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id "
    };
}

impl Store {
    /// Appends a change to the audit. `run` is none for what was done by hand.
    pub fn audit(&self, account: i64, run: Option<i64>, entry: &AuditEntry, at: DateTime<Utc>) -> Result<()> {
        self.audit_by(account, run, entry, "", at)
    }

    /// Appends what a person did by hand; `actor` is their sourcedId.
    pub fn audit_by(
        &self,
        account: i64,
        run: Option<i64>,
        entry: &AuditEntry,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        self.auditing(run, at)?.add(account, entry, actor)
    }

    /// For many entries of one run, or of one edit, one after the other.
    pub fn auditing(&self, run: Option<i64>, at: DateTime<Utc>) -> Result<Auditing<'_>> {
        // By place: names would be looked up for each entry.
        let row = "INSERT INTO audit_row (id, account_id, run_id, origin, actor, field, at, digest) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let value = "INSERT INTO audit_value (id, salt, old, new) VALUES (?1, ?2, ?3, ?4)";
        Ok(Auditing {
            store: self,
            row: self.connection.prepare_cached(row)?,
            value: self.connection.prepare_cached(value)?,
            run,
            at,
            at_text: stamp(at),
        })
    }

    /// The actor as it is kept: the number of the account, so that the sourcedId can go with the
    /// person. Who the platform names is no sourcedId, and who has no account has no number.
    fn kept_actor<'a>(&self, origin: Origin, actor: &'a str) -> Result<Cow<'a, str>> {
        if actor.is_empty() || origin == Origin::Platform {
            return Ok(Cow::Borrowed(actor));
        }
        let query = "SELECT id FROM account WHERE sourced_id = ?1";
        let id: Option<i64> = self.first(query, [actor], |row| row.get(0))?;
        Ok(id.map_or(Cow::Borrowed(actor), |id| Cow::Owned(format!("#{id}"))))
    }

    /// The number of the next entry. The trigger that refuses any other does not see one that
    /// SQLite would give.
    fn next_audit(&self) -> Result<i64> {
        match self.sealing.borrow().last_row() {
            Some(last) => Ok(last + 1),
            None => self.value("SELECT coalesce(max(id), 0) + 1 FROM audit_row", []),
        }
    }

    /// All that was done to an account, oldest first.
    pub fn audit_of(&self, account: i64) -> Result<Vec<Audited>> {
        let query = concat!(select!(), "WHERE account_id = ?1 ORDER BY audit_row.id");
        self.all(query, [account], audited)
    }

    /// When an account was archived last; none if that is not known.
    pub fn archived_at(&self, account: i64) -> Result<Option<DateTime<Utc>>> {
        let query = "SELECT at FROM audit_row JOIN audit_value ON audit_value.id = audit_row.id \
                     WHERE account_id = ?1 AND field = 'state' AND new = 'archived' ORDER BY audit_row.id DESC LIMIT 1";
        self.first(query, [account], |row| time(row, "at"))
    }

    /// The links to a student that have come or gone, oldest first: entries of the adults, with the
    /// adult's sourcedId in place of the student's.
    pub fn links_to(&self, sourced_id: &str) -> Result<Vec<Audited>> {
        let query =
            concat!(select!(), "WHERE field = 'link' AND (old = ?1 OR new = ?1) ORDER BY audit_row.id");
        let mut entries: Vec<Audited> = self.all(query, [sourced_id], audited)?;
        for entry in &mut entries {
            let Some(adult) = self.account_by_id(entry.account)?.map(|adult| adult.sourced_id) else {
                continue;
            };
            let value = if entry.old.is_empty() { &mut entry.new } else { &mut entry.old };
            *value = adult;
        }
        Ok(entries)
    }

    /// Goes through all that a run did, in the order in which it did it.
    pub fn each_audited_in(&self, run: i64, mut each: impl FnMut(Audited) -> Result<()>) -> Result<()> {
        // The rows of a run are those of its link; those of an older one are among those of the
        // first.
        let range: Option<(i64, i64)> = self.first(
            "SELECT first_audit, last_audit FROM link WHERE run_id = ?1 OR id = 1 ORDER BY id DESC LIMIT 1",
            [run],
            |row| Ok((row.get("first_audit")?, row.get("last_audit")?)),
        )?;
        let (first, last) = range.ok_or_else(chain::lost)?;
        self.each(
            concat!(select!(), "WHERE audit_row.id BETWEEN ?1 AND ?2 AND run_id = ?3 ORDER BY audit_row.id"),
            [first, last, run],
            [],
            |row, []| each(audited(row)?),
        )
    }

    /// What belongs to a run; none if the run is older than the chain.
    pub fn extent_of_run(&self, run: i64) -> Result<Option<RunExtent>> {
        let query = "SELECT first_audit, last_audit, accounts, (SELECT accounts FROM link AS before \
                     WHERE before.id = link.id - 1) AS accounts_before FROM link WHERE run_id = ?1 AND id > 1";
        self.first(query, [run], |row| {
            let (before, after): (i64, i64) = (row.get("accounts_before")?, row.get("accounts")?);
            Ok(RunExtent {
                first: row.get("first_audit")?,
                last: row.get("last_audit")?,
                created: before + 1..=after,
                run,
            })
        })
    }

    /// Goes through all that was written with a run, in order: also the sourcedIds that accounts were
    /// given before it decided.
    pub fn each_audited_with(
        &self,
        extent: &RunExtent,
        mut each: impl FnMut(Audited) -> Result<()>,
    ) -> Result<()> {
        self.each(
            concat!(
                select!(),
                "WHERE audit_row.id BETWEEN ?1 AND ?2 AND (run_id = ?3 OR run_id IS NULL AND field = 'sourced_id') \
                 ORDER BY audit_row.id"
            ),
            [extent.first, extent.last, extent.run],
            [],
            |row, []| each(audited(row)?),
        )
    }

    pub fn created(&self, account: i64) -> Result<Option<Created>> {
        let query = "SELECT run_id, at FROM link WHERE accounts >= ?1 ORDER BY id LIMIT 1";
        self.first(query, [account], |row| {
            let at = moment(row, "at")?;
            // The first link names the last run that is older than the chain.
            Ok(Created { run: at.and(row.get("run_id")?), at })
        })
    }

    /// How many changes were made without a run after an entry of the audit, by whom. What was
    /// refused is no change.
    pub fn changes_by_hand_after(&self, entry: i64) -> Result<Vec<(Origin, u64)>> {
        self.all(
            "SELECT origin, count(*) AS count FROM audit_row WHERE id > ?1 AND run_id IS NULL AND field <> 'refused' \
             GROUP BY origin ORDER BY origin",
            [entry],
            |row| Ok((row.get("origin")?, row.get("count")?)),
        )
    }

    /// The last entry of the audit, and the last account, that belonged to a run; what is later
    /// came after it.
    pub fn end_of_run(&self, run: i64) -> Result<Option<(i64, i64)>> {
        let query = "SELECT last_audit, accounts FROM link WHERE run_id = ?1 AND id > 1";
        self.first(query, [run], |row| Ok((row.get("last_audit")?, row.get("accounts")?)))
    }
}

/// Appends entries to the audit.
pub struct Auditing<'s> {
    store: &'s Store,
    row: CachedStatement<'s>,
    value: CachedStatement<'s>,
    run: Option<i64>,
    at: DateTime<Utc>,
    at_text: String,
}

impl Auditing<'_> {
    /// Appends a change. `actor` as for [`Store::audit_by`].
    pub fn add(&mut self, account: i64, entry: &AuditEntry, actor: &str) -> Result<()> {
        let Self { store, run, at_text, .. } = self;
        let AuditEntry { origin, field, old, new } = entry;
        let (actor, run) = (&*store.kept_actor(*origin, actor)?, *run);
        let salt = store.salt()?;
        let meta = chain::Meta { account, run, origin: origin.word(), actor, field, at: at_text };
        let digest = chain::digest(&meta, &chain::value_digest(&salt, old, new));
        let id = store.next_audit()?;
        self.row.execute((id, account, run, origin, actor, field, &*at_text, digest))?;
        self.value.execute((id, salt, old, new))?;
        store.sealing.borrow_mut().row(id, &digest, self.at);
        Ok(())
    }
}

fn audited(row: &Row<'_>) -> rusqlite::Result<Audited> {
    let old: Option<String> = row.get("old")?;
    Ok(Audited {
        id: row.get("id")?,
        account: row.get("account_id")?,
        run: row.get("run_id")?,
        origin: row.get("origin")?,
        actor: row.get("actor")?,
        field: row.get("field")?,
        erased: old.is_none(),
        old: old.unwrap_or_default(),
        new: row.get::<_, Option<String>>("new")?.unwrap_or_default(),
        at: time(row, "at")?,
    })
}
