//! The audit: every change of a detail or a state, by whom and when. Nothing is ever changed or removed in it.

mod chain;
mod replay;
mod verify;

use chrono::{DateTime, Utc};
use rusqlite::{OptionalExtension, Row, named_params};
use serde::{Deserialize, Serialize};

use super::Store;
use super::runs::stamp;
use crate::contact::PersonName;
use crate::failure::Result;

#[cfg(test)]
pub(super) use chain::Link;
pub(super) use chain::Sealing;
pub use verify::{Broken, Verified};

/// Who changed something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// A run of the sync.
    Sync,
    /// The platform's own export.
    Platform,
    /// The person.
    Person,
    /// Staff with the permission to manage users.
    Staff,
    /// Whoever runs this program.
    Operator,
    /// A run that took back another.
    Undo,
}

impl Origin {
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

    fn of(word: &str) -> Self {
        match word {
            "platform" => Self::Platform,
            "person" => Self::Person,
            "staff" => Self::Staff,
            "operator" => Self::Operator,
            "undo" => Self::Undo,
            _ => Self::Sync,
        }
    }
}

/// One change of one field, for the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    pub origin: Origin,
    /// `name`, `email`, `phone`, `home_phone`, `state`, `users_manager`, `sourced_id` or `refused`.
    pub field: String,
    /// Of a name: as [`PersonName::in_parts`] writes it.
    pub old: String,
    pub new: String,
}

/// An entry of the audit.
#[derive(Clone, PartialEq, Eq)]
pub struct Audited {
    pub id: i64,
    pub account: i64,
    pub run: Option<i64>,
    pub origin: Origin,
    /// sourcedId of who did it by hand. Of what the platform's export said: who set it there and when, as far as that is known
    /// (`crate::platform::Stamp`). Empty otherwise.
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

/// The run with which an account came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Created {
    pub run: Option<i64>,
    /// None if the account is older than the chain of the audit.
    pub at: Option<DateTime<Utc>>,
}

const SELECT: &str = "SELECT audit_row.id, account_id, run_id, origin, actor, field, old, new, at \
                      FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id ";

impl Store {
    /// Begins a transaction. Until [`Store::commit`] nothing is written; a store that is dropped before, or whose process
    /// dies, is as it was.
    ///
    /// Where it may be written, it is from now on by nobody else: whoever sends notifications meanwhile waits with noting
    /// what became of them, and must not make the commit of a long run impossible.
    pub fn begin(&self) -> Result<()> {
        self.sealing.take();
        let begin = if self.connection.is_readonly("main")? { "BEGIN" } else { "BEGIN IMMEDIATE" };
        Ok(self.connection.execute_batch(begin)?)
    }

    /// Commits what was written since [`Store::begin`], and seals what of it stands in the audit.
    pub fn commit(&self) -> Result<()> {
        self.seal()?;
        Ok(self.connection.execute_batch("COMMIT")?)
    }

    /// Ends a transaction in which nothing is to be written after all.
    pub fn rollback(&self) -> Result<()> {
        self.sealing.take();
        Ok(self.connection.execute_batch("ROLLBACK")?)
    }

    /// Sets a mark in a transaction, to which it can go back. Nothing was written in it before.
    pub fn set_mark(&self) -> Result<()> {
        Ok(self.connection.execute_batch("SAVEPOINT mark")?)
    }

    /// Takes back what was written since [`Store::set_mark`].
    pub fn back_to_mark(&self) -> Result<()> {
        self.sealing.take();
        Ok(self.connection.execute_batch("ROLLBACK TO mark")?)
    }

    /// Appends a change to the audit. `run` is none for what was done by hand.
    pub fn audit(&self, account: i64, run: Option<i64>, entry: &AuditEntry, at: DateTime<Utc>) -> Result<()> {
        self.audit_by(account, run, entry, "", at)
    }

    /// Appends what somebody did by hand; `actor` is their sourcedId.
    pub fn audit_by(
        &self,
        account: i64,
        run: Option<i64>,
        entry: &AuditEntry,
        actor: &str,
        at: DateTime<Utc>,
    ) -> Result<()> {
        let at_text = stamp(at);
        let salt = self.salt()?;
        let digest = chain::digest(
            &chain::Meta {
                account,
                run,
                origin: entry.origin.word(),
                actor,
                field: &entry.field,
                at: &at_text,
            },
            &chain::value_digest(&salt, &entry.old, &entry.new),
        );
        let mut statement = self.connection.prepare_cached(
            "INSERT INTO audit_row VALUES (:id, :account, :run, :origin, :actor, :field, :at, :digest)",
        )?;
        let id = self.next_audit()?;
        statement.execute(named_params! {
            ":id": id, ":account": account, ":run": run, ":origin": entry.origin.word(), ":actor": actor,
            ":field": entry.field, ":at": at_text, ":digest": digest,
        })?;
        let mut statement =
            self.connection.prepare_cached("INSERT INTO audit_value VALUES (?1, ?2, ?3, ?4)")?;
        statement.execute(rusqlite::params![id, salt, entry.old, entry.new])?;
        self.sealing.borrow_mut().row(id, &digest, at);
        Ok(())
    }

    /// The number of the next entry. The trigger that refuses any other does not see one that SQLite would give.
    fn next_audit(&self) -> Result<i64> {
        if let Some(last) = self.sealing.borrow().last_row() {
            return Ok(last + 1);
        }
        let mut statement =
            self.connection.prepare_cached("SELECT coalesce(max(id), 0) + 1 FROM audit_row")?;
        Ok(statement.query_row([], |row| row.get(0))?)
    }

    /// All that was done to an account, oldest first.
    pub fn audit_of(&self, account: i64) -> Result<Vec<Audited>> {
        let mut statement = self
            .connection
            .prepare_cached(&format!("{SELECT} WHERE account_id = ?1 ORDER BY audit_row.id"))?;
        let rows = statement.query_map([account], audited)?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// Goes through all that a run did, in the order in which it did it.
    pub fn each_audited_in(&self, run: i64, mut each: impl FnMut(Audited) -> Result<()>) -> Result<()> {
        // The rows of a run are those of its link; those of an older one are among those of the first.
        let range = self
            .connection
            .query_row(
                "SELECT first_audit, last_audit FROM link WHERE run_id = ?1 OR id = 1 ORDER BY id DESC LIMIT 1",
                [run],
                |row| Ok((row.get::<_, i64>(0)?, row.get::<_, i64>(1)?)),
            )
            .optional()?;
        let Some((first, last)) = range else { return Err(chain::lost()) };
        let mut statement = self.connection.prepare(&format!(
            "{SELECT} WHERE audit_row.id BETWEEN ?1 AND ?2 AND run_id = ?3 ORDER BY audit_row.id"
        ))?;
        let mut rows = statement.query([first, last, run])?;
        while let Some(row) = rows.next()? {
            each(audited(row)?)?;
        }
        Ok(())
    }

    /// When an account came, and with which run.
    pub fn created(&self, account: i64) -> Result<Option<Created>> {
        let mut statement = self
            .connection
            .prepare_cached("SELECT run_id, at FROM link WHERE accounts >= ?1 ORDER BY id LIMIT 1")?;
        let created = statement
            .query_row([account], |row| {
                let at: String = row.get(1)?;
                let at = DateTime::parse_from_rfc3339(&at).ok().map(|at| at.to_utc());
                // The first link names the last run that is older than the chain.
                Ok(Created { run: at.and(row.get(0)?), at })
            })
            .optional()?;
        Ok(created)
    }

    /// How many changes were made without a run after an entry of the audit, by whom. What was refused is no change.
    pub fn changes_by_hand_after(&self, entry: i64) -> Result<Vec<(Origin, u64)>> {
        let mut statement = self.connection.prepare(
            "SELECT origin, count(*) FROM audit_row WHERE id > ?1 AND run_id IS NULL AND field <> 'refused' \
             GROUP BY origin ORDER BY origin",
        )?;
        let rows = statement.query_map([entry], |row| {
            let origin: String = row.get(0)?;
            Ok((Origin::of(&origin), row.get(1)?))
        })?;
        Ok(rows.collect::<rusqlite::Result<_>>()?)
    }

    /// The last entry of the audit, and the last account, that belonged to a run; what is later came after it.
    pub fn end_of_run(&self, run: i64) -> Result<Option<(i64, i64)>> {
        let end = self.connection.query_row(
            "SELECT last_audit, accounts FROM link WHERE run_id = ?1 AND id > 1",
            [run],
            |row| Ok((row.get(0)?, row.get(1)?)),
        );
        Ok(end.optional()?)
    }
}

fn audited(row: &Row<'_>) -> rusqlite::Result<Audited> {
    let (origin, at): (String, String) = (row.get(3)?, row.get(8)?);
    let old: Option<String> = row.get(6)?;
    Ok(Audited {
        id: row.get(0)?,
        account: row.get(1)?,
        run: row.get(2)?,
        origin: Origin::of(&origin),
        actor: row.get(4)?,
        field: row.get(5)?,
        erased: old.is_none(),
        old: old.unwrap_or_default(),
        new: row.get::<_, Option<String>>(7)?.unwrap_or_default(),
        at: DateTime::parse_from_rfc3339(&at).map_or(DateTime::UNIX_EPOCH, |at| at.to_utc()),
    })
}
