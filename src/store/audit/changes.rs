//! All changes of all accounts since a moment or a run, in the order in which they were made.

use chrono::{DateTime, Utc};
use rusqlite::{Row, named_params};

use super::{Audited, Origin, audited};
use crate::contact::PersonName;
use crate::failure::Result;
use crate::store::Store;
use crate::store::sql::{moment, stamp};

/// From where on changes are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Since {
    /// What came after this run was applied.
    Run(i64),
    Moment(DateTime<Utc>),
}

/// A change of an account, and whose it is by now: both are empty if the account was removed.
#[derive(Clone, PartialEq, Eq)]
pub struct Changed {
    pub sourced_id: String,
    pub name: PersonName,
    /// An account that was created has the field `account`, and no number.
    pub entry: Audited,
}

/// What was written at once: a run, or one command.
struct Batch {
    run: Option<i64>,
    at: DateTime<Utc>,
    rows: (i64, i64),
    /// The accounts that it created.
    accounts: (i64, i64),
}

impl Store {
    /// Goes through them; false if there is no such run, or it is older than the history.
    pub fn each_change(&self, since: Since, mut each: impl FnMut(&Changed) -> Result<()>) -> Result<bool> {
        let (after, from) = match since {
            Since::Moment(moment) => (0, stamp(moment)),
            Since::Run(run) => {
                let query = "SELECT id FROM link WHERE run_id = ?1 AND id > 1";
                let Some(link) = self.first(query, [run], |row| row.get(0))? else { return Ok(false) };
                (link, String::new())
            }
        };
        let batches: Vec<Batch> = self.all(
            "SELECT * FROM (SELECT id, run_id, at, first_audit, last_audit, accounts, lag(accounts) OVER (ORDER BY id) AS before \
             FROM link) WHERE id > max(:after, 1) AND at >= :from ORDER BY id",
            named_params! { ":after": after, ":from": from },
            batch,
        )?;
        for batch in batches {
            self.each_created(&batch, &mut each)?;
            self.each(
                "SELECT audit_row.id AS id, account_id, run_id, origin, \
                 CASE WHEN origin <> 'platform' AND actor GLOB '#[0-9]*' THEN coalesce( \
                 (SELECT sourced_id FROM account WHERE account.id = CAST(substr(actor, 2) AS INTEGER)), '(erased)') \
                 ELSE actor END AS actor, field, old, new, at, sourced_id, given_name, family_name \
                 FROM audit_row LEFT JOIN audit_value ON audit_value.id = audit_row.id \
                 LEFT JOIN account ON account.id = account_id \
                 WHERE audit_row.id BETWEEN ?1 AND ?2 ORDER BY audit_row.id",
                [batch.rows.0, batch.rows.1],
                [],
                |row, []| each(&changed(row, audited(row)?)?),
            )?;
        }
        Ok(true)
    }

    fn each_created(&self, batch: &Batch, each: &mut impl FnMut(&Changed) -> Result<()>) -> Result<()> {
        let (first, last) = batch.accounts;
        self.each(
            "SELECT id, sourced_id, given_name, family_name FROM account WHERE id BETWEEN ?1 AND ?2 ORDER BY id",
            [first, last],
            [],
            |row, []| {
                let entry = Audited {
                    id: 0,
                    account: row.get("id")?,
                    run: batch.run,
                    origin: Origin::Sync,
                    actor: String::new(),
                    field: "account".to_owned(),
                    old: String::new(),
                    new: "created".to_owned(),
                    at: batch.at,
                    erased: false,
                };
                each(&changed(row, entry)?)
            },
        )
    }
}

fn batch(row: &Row<'_>) -> rusqlite::Result<Batch> {
    let before: Option<i64> = row.get("before")?;
    Ok(Batch {
        run: row.get("run_id")?,
        at: moment(row, "at")?.unwrap_or_default(),
        rows: (row.get("first_audit")?, row.get("last_audit")?),
        accounts: (before.unwrap_or_default() + 1, row.get("accounts")?),
    })
}

fn changed(row: &Row<'_>, entry: Audited) -> rusqlite::Result<Changed> {
    let text = |column| Ok::<_, rusqlite::Error>(row.get::<_, Option<String>>(column)?.unwrap_or_default());
    Ok(Changed {
        sourced_id: text("sourced_id")?,
        name: PersonName { given: text("given_name")?, family: text("family_name")? },
        entry,
    })
}
