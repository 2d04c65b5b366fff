//! Erasing one person, on request: from the store and its free pages, from backups, from the files
//! of earlier runs, and from what is kept beside the store.
//!
//! Files go first and the store last, since only the store knows which sourcedIds the person had
//! before. What was interrupted is finished by erasing the person again. Files of the SIS, messages
//! that were handed over, and copies that were taken elsewhere are out of reach.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use chrono::{DateTime, NaiveDate, Utc};

use super::html_report;
use super::report_file::{self, finish_interrupted};
use crate::attempt;
use crate::config::{Config, MailServer};
use crate::erased::masked;
use crate::failure::{Failure, Kind, Result};
use crate::owner;
use crate::report::{LeftOut, as_in_html, write_without};
use crate::roster::ids;
use crate::store::{Origin, Removed, Store, backups, other_stores, unfinished_copies};

/// What was erased, or would be.
#[derive(Debug, Default)]
pub struct Erasure {
    pub sourced_id: String,
    /// SourcedIds that the person had before. They stay out as well.
    pub earlier: Vec<String>,
    /// Other sourcedIds that are probably this person's: held until this was decided. They do not stay
    /// out, since they may be another person's.
    pub probably_also: Vec<String>,
    /// The person was erased before. What was left is gone now.
    pub is_repeated: bool,
    pub removed: Removed,
    /// Files of earlier runs from which rows or mentions were taken.
    pub reports: Vec<(PathBuf, LeftOut)>,
    pub backups: Vec<(PathBuf, BackupErasure)>,
    /// Stores of other names in the folder that know the person. They may be copies, or another
    /// district's, and stay.
    pub other_stores: Vec<PathBuf>,
    /// Attempts on record that named the person.
    pub attempts: u64,
    /// The roster of the last pull, which is removed. The next pull is a whole one.
    pub pulled_roster: Option<PathBuf>,
    /// A folder with messages that were handed over. They stay.
    pub mail_folder: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BackupErasure {
    /// Rewritten without the person; one of an older version is as this version writes it now.
    Rewritten,
    /// Deleted: it cannot be read as a store.
    Deleted,
    /// Deleted: a process was killed while it wrote this copy.
    Unfinished,
}

/// Erases a person. The caller holds the locks of the run and of the outbox. With `dry_run` nothing
/// is written; the store may be a private copy then.
///
/// # Errors
/// `Usage` if nothing is known under this sourcedId; those of the store and of the files. Then the
/// rest is still there, and is removed by erasing the person again.
pub fn erase(
    config: &Config,
    store: &Store,
    user: &str,
    now: DateTime<Utc>,
    dry_run: bool,
) -> Result<Erasure> {
    let sourced_id = ids::encoded(user.trim()).into_owned();
    let today = config.sync.timezone.day(now);
    let account = store.account(&sourced_id)?;
    let is_known = account.is_some() || store.knows_id(&sourced_id)?;
    let ids = match &account {
        Some(account) => store.sourced_ids_of(account)?,
        None => vec![sourced_id.clone()],
    };
    let mut erasure = Erasure {
        is_repeated: !is_known && store.erased()?.contains(&sourced_id),
        earlier: ids.iter().filter(|id| **id != sourced_id).cloned().collect(),
        probably_also: store.probably_also(&ids)?,
        mail_folder: mail_folder(config),
        ..Erasure::default()
    };
    if !dry_run {
        finish_interrupted(&config.sync.reports, store)?;
    }
    erase_in_reports((config, store), &ids, dry_run, &mut erasure)?;
    // An id that the store does not know may be any word: then a backup has to know it as an id.
    let holds = |path: &Path| match is_known || erasure.is_repeated {
        // A process that was killed while it rewrote a backup has left its pages as they were before
        // in the journal: with that, the user would be back.
        true if owner::with_suffix(path, "-journal").exists() => Ok(true),
        true => names_any(path, &ids),
        false => Ok(knows_any(path, &ids)),
    };
    let concerned: Vec<PathBuf> = backups(&config.sync.store)
        .into_iter()
        .filter_map(|path| holds(&path).map(|holds| holds.then_some(path)).transpose())
        .collect::<Result<_>>()?;
    erase_in_backups(concerned, &ids, (today, now), dry_run, &mut erasure)?;
    let is_named = !erasure.reports.is_empty() || !erasure.backups.is_empty();
    if sourced_id.is_empty() || !is_known && !erasure.is_repeated && !is_named {
        return Err(Failure::new(
            Kind::Usage,
            format!("nothing is stored under the sourcedId `{sourced_id}`"),
        )
        .cure("check it with `rostersync users list --search TEXT`; an email or a name is not enough here"));
    }
    for path in unfinished_copies(&config.sync.store) {
        if !dry_run {
            delete(&path)?;
        }
        erasure.backups.push((path, BackupErasure::Unfinished));
    }
    erasure.other_stores = other_stores(&config.sync.store);
    erasure.other_stores.retain(|path| knows_any(path, &ids));
    remove_pulled_roster(config, dry_run, &mut erasure)?;
    let remove = || {
        let mut removed = match &account {
            Some(account) => {
                store.remove_people(std::slice::from_ref(account), Origin::Operator, None, now)?
            }
            None => store.remove_id(&sourced_id)?,
        };
        // The operator may have typed an id that a suppression knows as well.
        removed.links += store.remove_id(&sourced_id)?.links;
        // The SIS may go back to an id that the person had before.
        store.put_erased(&sourced_id, today)?;
        for id in &ids {
            store.put_erased(id, today)?;
        }
        Ok((removed, store.erase_in_attempts(&ids)?))
    };
    if dry_run {
        (erasure.removed, erasure.attempts) = store.preview(remove)?;
    } else {
        erasure.attempts = attempt::erase_beside(&config.sync.store, &ids)?;
        let (removed, attempts) = store.transaction(remove)?;
        erasure.removed = removed;
        erasure.attempts = erasure.attempts.max(attempts);
        store.vacuum().map_err(|failure| Failure {
            what: format!("the user is removed, but the free pages of the store are not: {}", failure.what),
            ..failure.cure("fix the cause shown above, then erase the user again")
        })?;
    }
    erasure.sourced_id = sourced_id;
    Ok(erasure)
}

fn mail_folder(config: &Config) -> Option<PathBuf> {
    match config.notify.email.as_ref().map(|email| &email.server) {
        Some(MailServer::Folder(path)) if path.is_dir() => Some(path.clone()),
        _ => None,
    }
}

fn erase_in_reports(
    (config, store): (&Config, &Store),
    ids: &[String],
    dry_run: bool,
    erasure: &mut Erasure,
) -> Result<()> {
    let reports = &config.sync.reports;
    for path in report_file::all_files(reports) {
        let left_out = write_without(&path, ids, &|text| masked(text, ids), &mut std::io::sink())?;
        if left_out.is_nothing() {
            continue;
        }
        // It is made anew of the rewritten report. Until then it is gone: a process that is killed here
        // leaves nothing of the person.
        let html = report_file::html_beside(&path);
        if !dry_run {
            html.as_deref().map_or(Ok(()), remove_html)?;
            rewrite(&path, ids)?;
            if let Some(run) = html.as_ref().and_then(|_| report_file::run_of(&path)) {
                html_report::write(config, store, run)?;
            }
        }
        erasure.reports.push((path, left_out));
        erasure.reports.extend(html.map(|html| (html, left_out)));
    }
    erase_html_alone(reports, ids, dry_run, erasure)
}

fn remove_html(path: &Path) -> Result<()> {
    owner::remove(path)
        .map_err(|cause| Failure::io(Kind::Failed, "the HTML report cannot be deleted", path, cause))
}

/// Deletes the HTML reports that name the person, and whose Users report is gone, so that they cannot
/// be made anew.
fn erase_html_alone(reports: &Path, ids: &[String], dry_run: bool, erasure: &mut Erasure) -> Result<()> {
    let written: Vec<String> = ids.iter().map(|id| as_in_html(id)).collect();
    for path in report_file::html_alone(reports) {
        if !names_any(&path, &written)? {
            continue;
        }
        if !dry_run {
            remove_html(&path)?;
        }
        erasure.reports.push((path, LeftOut { rows: 1, mentions: 0 }));
    }
    Ok(())
}

/// Replaces a file of a run. Its age stays: by that it is removed one day.
fn rewrite(path: &Path, ids: &[String]) -> Result<()> {
    let failed = |cause| Failure::io(Kind::Failed, "the file of a run cannot be rewritten", path, cause);
    let folder = owner::folder_of(path);
    let unfinished = folder.join(format!(".{}.erasing", owner::name_of(path)));
    let written = fs::metadata(path).and_then(|found| found.modified()).map_err(failed)?;
    let mut out =
        std::io::BufWriter::with_capacity(256 << 10, owner::create_anew(&unfinished).map_err(failed)?);
    let done = write_without(path, ids, &|text| masked(text, ids), &mut out).and_then(|_| {
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        file.set_modified(written).and_then(|()| file.sync_all()).map_err(failed)?;
        fs::rename(&unfinished, path).map_err(failed)?;
        owner::sync_folder(folder).map_err(failed)
    });
    done.inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })
}

fn erase_in_backups(
    concerned: Vec<PathBuf>,
    ids: &[String],
    (today, now): (NaiveDate, DateTime<Utc>),
    dry_run: bool,
    erasure: &mut Erasure,
) -> Result<()> {
    for path in concerned {
        let kind = if is_store(&path) { BackupErasure::Rewritten } else { BackupErasure::Deleted };
        if !dry_run {
            match kind {
                BackupErasure::Rewritten => erase_in_backup(&path, ids, today, now)?,
                BackupErasure::Deleted | BackupErasure::Unfinished => delete(&path)?,
            }
        }
        erasure.backups.push((path, kind));
    }
    Ok(())
}

fn is_store(path: &Path) -> bool {
    Store::open_read(path).is_ok_and(|store| store.is_some())
}

fn erase_in_backup(path: &Path, ids: &[String], today: NaiveDate, now: DateTime<Utc>) -> Result<()> {
    let backup = Store::open_staged(path).map_err(|failure| failure.or_at(path.display()))?;
    backup.transaction(|| {
        for id in ids {
            if let Some(account) = backup.account(id)? {
                backup.remove_people(std::slice::from_ref(&account), Origin::Operator, None, now)?;
            }
            backup.remove_id(id)?;
            backup.put_erased(id, today)?;
        }
        backup.erase_in_attempts(ids).map(drop)
    })?;
    backup.vacuum().map_err(|failure| failure.or_at(path.display()))
}

fn delete(path: &Path) -> Result<()> {
    let failed = |cause| Failure::io(Kind::Failed, "the backup cannot be deleted", path, cause);
    owner::remove(&owner::with_suffix(path, "-journal")).map_err(failed)?;
    owner::remove(path).map_err(failed)
}

/// Whether one of the sourcedIds is anywhere in a file. In one of SQLite a text that is longer than
/// a page may be in pieces; a sourcedId is not.
fn names_any(path: &Path, ids: &[String]) -> Result<bool> {
    use std::io::Read;
    let failed = |cause| Failure::io(Kind::Failed, "the backup cannot be read", path, cause);
    let longest = ids.iter().map(String::len).max().unwrap_or_default();
    let mut file = File::open(path).map_err(failed)?;
    let finders: Vec<_> = ids.iter().map(|id| memchr::memmem::Finder::new(id.as_bytes())).collect();
    let (mut buffer, mut kept) = (vec![0; 1 << 20], 0);
    loop {
        let read = file.read(&mut buffer[kept..]).map_err(failed)?;
        let filled = kept + read;
        if finders.iter().any(|finder| finder.find(&buffer[..filled]).is_some()) {
            return Ok(true);
        }
        if read == 0 {
            return Ok(false);
        }
        kept = filled.min(longest);
        buffer.copy_within(filled - kept..filled, 0);
    }
}

/// Whether a backup has an account, or anything else, under one of the sourcedIds.
fn knows_any(path: &Path, ids: &[String]) -> bool {
    let knows = |store: &Store| -> Result<bool> {
        for id in ids {
            if store.account(id)?.is_some() || store.knows_id(id)? {
                return Ok(true);
            }
        }
        Ok(false)
    };
    Store::open_read(path).is_ok_and(|store| store.is_some_and(|store| knows(&store).unwrap_or(false)))
}

/// Removes the roster of the last pull: it has the person, and is of use only for the next pull.
///
/// # Errors
/// `Failed` if it cannot be removed.
fn remove_pulled_roster(config: &Config, dry_run: bool, erasure: &mut Erasure) -> Result<()> {
    let path = super::source::pulled_roster(config);
    if !path.exists() {
        return Ok(());
    }
    if !dry_run {
        forget_pulled_roster(config)?;
    }
    erasure.pulled_roster = Some(path);
    Ok(())
}

/// Has the next pull be a whole one.
///
/// # Errors
/// `Failed` if the roster of the last pull cannot be removed.
pub fn forget_pulled_roster(config: &Config) -> Result<()> {
    let path = super::source::pulled_roster(config);
    for file in [owner::with_suffix(&path, ".new"), path] {
        owner::remove(&file).map_err(|cause| {
            Failure::io(Kind::Failed, "the roster of the last pull cannot be removed", &file, cause)
        })?;
    }
    Ok(())
}
