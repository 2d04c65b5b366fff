//! The SIS has given somebody a new sourcedId: the old account goes on under it.

use std::path::Path;

use super::People;
use super::duplicates::is_like;
use crate::account::{Account, State};
use crate::failure::{Failure, Kind, Result};
use crate::store::{AuditEntry, Audited, Origin};

/// What became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rekeyed {
    /// It was done before; nothing was changed.
    Before,
    /// There was no account under the new sourcedId.
    Renamed,
    /// The account that the sync had made under the new sourcedId stays, archived, under the old one.
    Replaced {
        /// Neither email nor mobile with the name are the same: it may be another person.
        unlike: bool,
    },
}

/// Gives the account of `old` the sourcedId `new`: state, details, permissions and history go with it.
///
/// # Errors
/// `Usage` if `old` has no account or both are the same; `Blocked` if both are in the SIS import, or if somebody has joined
/// under `new` as well; those of the store.
pub fn rekey(people: &People<'_>, old: &str, new: &str) -> Result<Rekeyed> {
    people.store.begin()?;
    let done = rekey_one(people, old, new)?;
    if done == Rekeyed::Before {
        people.store.rollback()?
    } else {
        people.store.commit()?
    }
    Ok(done)
}

/// As [`rekey`], for all renames of a CSV file with the headers `old` and `new`, in a transaction of the caller's. Those
/// that were done before are passed over, so that the file can stay where it is. Returns how many were done.
///
/// # Errors
/// `InputUnusable` if the file cannot be read; otherwise as [`rekey`], with the line.
pub fn rekey_all(people: &People<'_>, file: &Path) -> Result<u64> {
    let unusable = |what: &str, line: u64| {
        Failure::new(Kind::InputUnusable, format!("the file of renames {what}"))
            .at(format!("{}:{line}", file.display()))
            .cure("write a CSV file with the headers `old` and `new`, and a row for each new sourcedId")
    };
    let broken = |error: csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        unusable("cannot be read", line).because(error)
    };
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(file).map_err(broken)?;
    let headers = reader.headers().map_err(broken)?.clone();
    let place = |name: &str| {
        headers
            .iter()
            .position(|header| header.trim_start_matches('\u{feff}').eq_ignore_ascii_case(name))
            .ok_or_else(|| unusable(&format!("has no header `{name}`"), 1))
    };
    let (old, new) = (place("old")?, place("new")?);
    let mut done = 0;
    for row in reader.records() {
        let row = row.map_err(broken)?;
        let line = row.position().map_or(0, csv::Position::line);
        let rekeyed = rekey_one(people, &row[old], &row[new])
            .map_err(|failure| Failure { place: format!("{}:{line}", file.display()), ..failure })?;
        done += u64::from(rekeyed != Rekeyed::Before);
    }
    Ok(done)
}

fn rekey_one(people: &People<'_>, old: &str, new: &str) -> Result<Rekeyed> {
    let store = people.store;
    if old == new || new.trim().is_empty() {
        return Err(Failure::new(Kind::Usage, "the new sourcedId is not another one")
            .cure("write `rostersync users rekey OLD NEW`"));
    }
    let newcomer = store.account(new)?;
    if let Some(account) = &newcomer {
        let was = |entry: &Audited| entry.field == "sourced_id" && entry.old == old && entry.new == new;
        if store.audit_of(account.id)?.iter().any(was) {
            return Ok(Rekeyed::Before);
        }
    }
    let before = people.account(old)?;
    let Some(newcomer) = newcomer else {
        let after = Account { sourced_id: new.to_owned(), ..before.clone() };
        store.rekey_account(&after)?;
        store.forget_bystander(new)?;
        record(people, &before, "sourced_id", old, new)?;
        return Ok(Rekeyed::Renamed);
    };
    refuse(&before, &newcomer)?;
    let unlike = !is_like(&newcomer, &before);
    // Two rows cannot have one sourcedId, not even for a moment. No sourcedId is blank.
    store.rekey_account(&Account { sourced_id: String::new(), ..newcomer.clone() })?;
    let after = Account {
        sourced_id: new.to_owned(),
        archived: newcomer.archived,
        sis: newcomer.sis.clone(),
        kept_since: None,
        ..before.clone()
    };
    store.rekey_account(&after)?;
    let left =
        Account { sourced_id: old.to_owned(), archived: true, sis: before.sis.clone(), ..newcomer.clone() };
    store.rekey_account(&left)?;
    record(people, &before, "sourced_id", old, new)?;
    if before.archived != after.archived {
        record(people, &before, "state", before.state_word(), after.state_word())?;
    }
    record(people, &left, "sourced_id", new, old)?;
    if !newcomer.archived {
        record(people, &left, "state", newcomer.state_word(), left.state_word())?;
    }
    Ok(Rekeyed::Replaced { unlike })
}

fn record(people: &People<'_>, account: &Account, field: &str, old: &str, new: &str) -> Result<()> {
    let entry =
        AuditEntry { origin: Origin::Operator, field: field.into(), old: old.into(), new: new.into() };
    people.store.audit(account.id, None, &entry, people.now)
}

fn refuse(old: &Account, new: &Account) -> Result<()> {
    let (old_id, new_id) = (&old.sourced_id, &new.sourced_id);
    if !old.archived {
        return Err(Failure::new(
            Kind::Blocked,
            format!("`{old_id}` is still in the SIS import, and so `{new_id}` is another record"),
        )
        .at(format!("users {old_id} and {new_id}"))
        .cure(
            "rekey once the SIS import has the new sourcedId alone and a run has archived the old account",
        ));
    }
    if new.state == State::Active {
        return Err(Failure::new(
            Kind::Blocked,
            format!("somebody has joined under `{new_id}` already, and their details would be lost"),
        )
        .at(format!("users {old_id} and {new_id}"))
        .cure("leave both as they are; the old account is archived and does no harm"));
    }
    Ok(())
}
