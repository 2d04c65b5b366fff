//! The platform's export, taken in by hand.

use std::collections::HashSet;
use std::path::Path;
use std::time::SystemTime;

use super::People;
use crate::config::{Age, Platform};
use crate::failure::Result;
use crate::findings::Findings;
use crate::platform::{Ear, Export, Seen};
use crate::roster::kept::key;

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Imported {
    pub rows: usize,
    pub joined: u64,
    pub pending_again: u64,
    /// Details that became the actual ones.
    pub taken_over: u64,
    /// Rows of people without an account.
    pub unknown: u64,
}

/// Takes an export of the platform in, in one transaction; a dry run reads and says the same.
///
/// The file may be of any age: who imports it by hand has looked at it.
///
/// # Errors
/// `InputUnusable` as for the export that a run reads; those of the store.
pub fn import(people: &People<'_>, file: &Path, dry_run: bool, findings: &mut Findings) -> Result<Imported> {
    let columns = people.config.platform.as_ref().map(|platform| platform.columns.clone());
    let platform =
        Platform { users: file.to_owned(), max_age: Age(None), columns: columns.unwrap_or_default() };
    let now: SystemTime = people.now.into();
    let export = Export::read(&platform, now, 0, |_, _| Seen::New, findings)?;
    let ear = if people.config.platform.is_some() { Ear::ByHand } else { Ear::Nightly };
    let mut imported = Imported { rows: export.len(), ..Imported::default() };
    people.store.begin()?;
    let mut known = HashSet::new();
    export.each_row(|row| {
        let Some(mut account) = people.store.account(row.sourced_id())? else { return Ok(()) };
        known.insert(key(row.sourced_id()));
        let adopted = row.adopt(&mut account, people.rules.phones, ear);
        imported.joined += u64::from(adopted.joined);
        imported.pending_again += u64::from(adopted.pending_again);
        imported.taken_over += adopted.entries.iter().filter(|entry| entry.field != "state").count() as u64;
        if adopted.touched && !dry_run {
            people.store.update_account(&account)?;
            for entry in &adopted.entries {
                people.store.audit(account.id, None, entry, people.now)?;
            }
        }
        Ok(())
    })?;
    imported.unknown = export.report_unknown(|key| known.contains(&key), findings)?;
    if dry_run {
        people.store.rollback()?
    } else {
        people.store.commit()?
    }
    Ok(imported)
}
