//! The platform's export, taken in by hand.

use std::collections::HashSet;
use std::path::Path;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::{People, has_left};
use crate::account::{Account, State};
use crate::config::{Age, Config, PLATFORM_COLUMNS, PLATFORM_OPT_OUTS, Platform};
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::last_night::ExportSeen;
use crate::message::Channel;
use crate::plan::{Overrun, Summary, check_export};
use crate::platform::{Before, Export, ImportKind, Seen, compare, moved_rows};
use crate::roster::kept::key;
use crate::store::{End, Steps};

/// The headers of an export of the accounts, named as an import would look for them: [`PLATFORM_COLUMNS`], then
/// [`PLATFORM_OPT_OUTS`].
pub fn export_headers(config: &Config) -> Vec<&str> {
    let header = |column| config.platform_columns.get(column).map_or(column, String::as_str);
    PLATFORM_COLUMNS.into_iter().chain(PLATFORM_OPT_OUTS).map(header).collect()
}

/// The cells of an account, in the order of the headers. `stopped` are the numbers whose owners have answered STOP.
pub fn export_cells<'a>(
    account: &'a Account,
    stopped: &HashSet<String>,
) -> [&'a str; PLATFORM_COLUMNS.len() + PLATFORM_OPT_OUTS.len()] {
    let details = &account.details;
    let [no_email, no_sms] =
        Channel::ALL.map(|channel| if has_left(account, channel, stopped) { "true" } else { "false" });
    [
        &account.sourced_id,
        account.state.word(),
        &details.name.given,
        &details.name.family,
        &details.email,
        &details.phone,
        &details.home_phone,
        no_email,
        no_sms,
    ]
}

#[derive(Debug, Clone, Copy, Default)]
pub struct ImportOptions<'a> {
    /// Say what would happen, write nothing.
    pub dry_run: bool,
    /// Go past the limits for exactly the people with this checksum.
    pub approve: Option<&'a str>,
    /// Take the file although it lacks what the last export had.
    pub new_export: bool,
}

#[derive(Debug, Clone, Default, PartialEq)]
pub struct Imported {
    pub rows: usize,
    pub joins: Affected,
    pub back: Affected,
    /// People that were active before and whose details change.
    pub changed: Affected,
    /// Details that became the actual ones.
    pub taken_over: u64,
    /// Rows of people without an account.
    pub unknown: u64,
    /// The limits that it goes over, whether approved or not.
    pub overruns: Vec<Overrun>,
    /// Those that are new in this version and hold from the next run on.
    pub warned: Vec<Overrun>,
    /// Stopped by them: nothing was applied.
    pub blocked: bool,
}

const NAMED: usize = 20;

/// People to whom an import does the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Affected {
    pub count: u64,
    /// The first of them, by sourcedId in the order of the file.
    pub first: Vec<String>,
    sum: [u64; 4],
}

impl Affected {
    /// `details` are what they have afterwards, as far as the import changes them.
    fn add(&mut self, sourced_id: &str, details: &[String]) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(sourced_id.to_owned());
        }
        let mut digest = Sha256::new();
        digest.update(sourced_id);
        for detail in details {
            digest.update((detail.len() as u64).to_le_bytes());
            digest.update(detail);
        }
        for (sum, bytes) in self.sum.iter_mut().zip(digest.finalize().chunks_exact(8)) {
            *sum = sum.wrapping_add(bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte)));
        }
    }
}

impl Imported {
    /// Sixteen hexadecimal digits for the people that the limits stop and for their new details. The order of the people makes
    /// no difference.
    pub fn checksum(&self) -> String {
        let mut digest = Sha256::new();
        for overrun in &self.overruns {
            let affected = match overrun.limit {
                "joins" => &self.joins,
                "unjoins" => &self.back,
                _ => &self.changed,
            };
            digest.update(overrun.limit);
            affected.sum.iter().chain([&affected.count]).for_each(|word| digest.update(word.to_le_bytes()));
        }
        digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}

/// Takes an export of the platform in, in one transaction; a dry run reads and says the same.
///
/// The file may be of any age: the person that imports it has looked at it. Where runs read an export of their own, that one
/// may still show what it showed before. `steps` is told of rows.
///
/// # Errors
/// `InputUnusable` as for the export that a run reads; `Blocked` if other people were approved than those that the limits stop;
/// those of the store. That these are too many is no error: it is [`Imported::blocked`].
pub fn import(
    people: &People<'_>,
    file: &Path,
    options: ImportOptions<'_>,
    findings: &mut Findings,
    steps: Steps<'_>,
) -> Result<Imported> {
    let columns = people.config.platform_columns.clone();
    let platform = Platform { users: file.to_owned(), max_age: Age(None), columns };
    let now: SystemTime = people.now.into();
    let export = Export::read(&platform, now, 0, |_, _| Seen::New, moved_rows(people.store), None, findings)?;
    people.store.transaction_or_preview(|| {
        let imported = take_in(people, &export, file, options, findings, steps)?;
        let kept = !options.dry_run && !imported.blocked;
        Ok(if kept { End::Commit(imported) } else { End::RollBack(imported) })
    })
}

fn take_in(
    people: &People<'_>,
    export: &Export,
    file: &Path,
    options: ImportOptions<'_>,
    findings: &mut Findings,
    steps: Steps<'_>,
) -> Result<Imported> {
    let mut rows = 0;
    let import = if people.config.platform.is_some() { ImportKind::ByHand } else { ImportKind::Nightly };
    let mut imported = Imported { rows: export.usable, ..Imported::default() };
    let population = people.store.population()?;
    let mut known = HashSet::new();
    let last_night = people.store.last_night()?;
    export.each_row(|row| {
        rows += 1;
        steps(rows, export.usable as u64);
        let Some(mut account) = people.store.account(&row.sourced_id)? else { return Ok(()) };
        known.insert(key(&row.sourced_id));
        if last_night.as_ref().is_some_and(|night| night.reassigned_ids.contains(&row.sourced_id))
            && people.store.account_before(&row.sourced_id)?.is_some_and(|before| row.is_about(&before))
        {
            // It still shows the person that had the sourcedId before.
            return Ok(());
        }
        let was_active = account.state == State::Active && !account.archived;
        let adopted = row.adopt(&mut account, people.rules.phones, import);
        if adopted.joined && !account.archived {
            imported.joins.add(&row.sourced_id, &[]);
        }
        if adopted.pending_again {
            imported.back.add(&row.sourced_id, &[]);
        }
        let details = adopted.details().count() as u64;
        imported.taken_over += details;
        if was_active && details > 0 {
            imported.changed.add(&row.sourced_id, &Field::ALL.map(|field| account.details.shown(field)));
        }
        if adopted.touched && !options.dry_run {
            people.store.update_account(&account)?;
            for entry in &adopted.entries {
                people.store.audit_by(account.id, None, entry, &row.stamp, people.now)?;
            }
        }
        Ok(())
    })?;
    imported.unknown =
        export.report_unknown(|key| known.contains(&key), &people.store.erased()?, findings)?;
    let last = last_night.as_ref().and_then(|night| night.export.as_ref());
    let joins = imported.joins.count > 0;
    let compared_with = comparable(people, last, joins);
    let before = Before {
        last: compared_with.as_ref(),
        today: people.rules.today,
        accepted: options.new_export,
        option: "rostersync users import --new-export",
    };
    let compared = compare(export, known.len() as u64, file, before, findings)?;
    let counts = Summary {
        joins: if last.is_some() || last_night.is_none() { imported.joins.count } else { 0 },
        unjoins: imported.back.count,
        export_changed: imported.changed.count,
        export_emptied: compared.emptied.clone(),
        accounts_before: population.pending + population.active,
        active_before: population.active,
        ..Summary::default()
    };
    let over = check_export(&counts, &people.config.limits);
    // A store of an older version: the limits are new, and hold once a run has seen what is to be compared with.
    match last_night.is_none() {
        true => imported.warned = over,
        false => imported.overruns = over,
    }
    let approved = approve(options.approve, &imported)?;
    imported.blocked = !imported.overruns.is_empty() && !approved;
    if people.config.platform.is_none() && !options.dry_run && !imported.blocked {
        let mut night = last_night.unwrap_or_default();
        night.export = Some(compared.seen);
        people.store.keep_night(&night)?;
    }
    Ok(imported)
}

/// What the file is compared with, of the export that was read last. `joins`: the file makes some people active.
///
/// Where runs read an export of their own, a file beside it may well hold a few people and columns alone. But without `state`
/// all people in it join, and that is meant only where it was never there.
fn comparable(people: &People<'_>, last: Option<&ExportSeen>, joins: bool) -> Option<ExportSeen> {
    if people.config.platform.is_none() {
        return last.cloned();
    }
    last.filter(|last| joins && last.columns.contains_key("state"))
        .map(|_| ExportSeen { columns: [("state".to_owned(), 0)].into(), ..ExportSeen::default() })
}

fn approve(approved: Option<&str>, imported: &Imported) -> Result<bool> {
    match approved {
        None => Ok(false),
        Some(approved) if approved.eq_ignore_ascii_case(&imported.checksum()) => Ok(true),
        Some(approved) => Err(Failure::new(
            Kind::Blocked,
            format!(
                "{approved} was approved, but the people that the limits stop are now {}; nothing was applied",
                imported.checksum()
            ),
        )
        .cure("look at them with `rostersync users import FILE --dry-run`, and approve those")),
    }
}
