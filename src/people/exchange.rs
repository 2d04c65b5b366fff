//! The platform's export, taken in by hand.

use std::collections::HashSet;
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::People;
use crate::config::{Age, Platform};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::plan::{Overrun, too_many_pending_again};
use crate::platform::{Ear, Export, Seen};
use crate::roster::kept::key;

/// How an export is taken in.
#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions<'a> {
    /// Say what would happen, write nothing.
    pub dry_run: bool,
    /// Go past the limit for those who become pending again, if they are the ones with this checksum.
    pub approve: Option<&'a str>,
}

/// What an import did, or would do.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    pub rows: usize,
    pub joined: u64,
    pub back: PendingAgain,
    /// Details that became the actual ones.
    pub taken_over: u64,
    /// Rows of people without an account.
    pub unknown: u64,
    /// The limit that those who become pending again go over, whether approved or not.
    pub overrun: Option<Overrun>,
    /// Stopped by it: nothing was applied.
    pub blocked: bool,
}

/// How many of those who become pending again are named.
const NAMED: usize = 20;

/// Active people whom an export makes pending again. From then on the sync rules over their details.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PendingAgain {
    pub count: u64,
    /// The first of them, by sourcedId in the order of the file.
    pub first: Vec<String>,
    sum: [u64; 4],
}

impl PendingAgain {
    fn add(&mut self, sourced_id: &str) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(sourced_id.to_owned());
        }
        for (sum, bytes) in self.sum.iter_mut().zip(Sha256::digest(sourced_id).chunks_exact(8)) {
            *sum = sum.wrapping_add(bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }

    /// Sixteen hexadecimal digits that stand for who they are, in whatever order.
    pub fn checksum(&self) -> String {
        let mut digest = Sha256::new();
        self.sum.iter().chain([&self.count]).for_each(|word| digest.update(word.to_le_bytes()));
        digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Takes an export of the platform in, in one transaction; a dry run reads and says the same.
///
/// The file may be of any age: who imports it by hand has looked at it. Where runs read an export of their own, that one
/// may still show what it showed before.
///
/// # Errors
/// `InputUnusable` as for the export that a run reads; `Blocked` if others were approved than those who become pending
/// again; those of the store. That these are too many is no error: it is [`Imported::blocked`].
pub fn import(
    people: &People<'_>,
    file: &Path,
    options: ImportOptions<'_>,
    findings: &mut Findings,
) -> Result<Imported> {
    let columns = people.config.platform.as_ref().map(|platform| platform.columns.clone());
    let platform =
        Platform { users: file.to_owned(), max_age: Age(None), columns: columns.unwrap_or_default() };
    let now: SystemTime = people.now.into();
    let export = Export::read(&platform, now, 0, |_, _| Seen::New, None, findings)?;
    people.store.begin()?;
    let imported = take_in(people, &export, options, findings)?;
    if options.dry_run || imported.blocked {
        people.store.rollback()?
    } else {
        people.store.commit()?
    }
    Ok(imported)
}

fn take_in(
    people: &People<'_>,
    export: &Export,
    options: ImportOptions<'_>,
    findings: &mut Findings,
) -> Result<Imported> {
    let ear = if people.config.platform.is_some() { Ear::ByHand } else { Ear::Nightly };
    let mut imported = Imported { rows: export.len(), ..Imported::default() };
    let mut active = people.store.population()?.active;
    let mut known = HashSet::new();
    export.each_row(|row| {
        let Some(mut account) = people.store.account(row.sourced_id())? else { return Ok(()) };
        known.insert(key(row.sourced_id()));
        let adopted = row.adopt(&mut account, people.rules.phones, ear);
        imported.joined += u64::from(adopted.joined);
        active += u64::from(adopted.joined && !account.archived);
        if adopted.pending_again {
            imported.back.add(row.sourced_id());
        }
        imported.taken_over += adopted.entries.iter().filter(|entry| entry.field != "state").count() as u64;
        if adopted.touched && !options.dry_run {
            people.store.update_account(&account)?;
            for entry in &adopted.entries {
                people.store.audit(account.id, None, entry, people.now)?;
            }
        }
        Ok(())
    })?;
    imported.unknown = export.report_unknown(|key| known.contains(&key), findings)?;
    imported.overrun = too_many_pending_again(imported.back.count, active, &people.config.limits);
    let approved = approve(options.approve, &imported.back)?;
    imported.blocked = imported.overrun.is_some() && !approved;
    Ok(imported)
}

/// Whether these were approved.
fn approve(approved: Option<&str>, back: &PendingAgain) -> Result<bool> {
    match approved {
        None => Ok(false),
        Some(approved) if approved.eq_ignore_ascii_case(&back.checksum()) => Ok(true),
        Some(approved) => Err(Failure::new(
            Kind::Blocked,
            format!(
                "{approved} was approved, but who would be pending again is now {}; nothing was applied",
                back.checksum()
            ),
        )
        .cure("look at them with `rostersync users import FILE --dry-run`, and approve those")),
    }
}
