//! Opening a store: for writing (created, migrated, recovered as needed) or for reading (never
//! touched).

use std::cell::{Cell, RefCell};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Store, migrate};
use crate::failure::{Failure, Kind, Result};
use crate::owner::{self, absolute, with_suffix};
use crate::scratch;

/// How long to wait for a writer that is committing just now.
pub(super) const BUSY: Duration = Duration::from_secs(30);

/// A connection stays in one thread, so SQLite need not lock it for every call.
pub(super) const READ_WRITE: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
pub(super) const READ_ONLY: OpenFlags =
    OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

impl Store {
    pub(super) fn of(connection: Connection, copy: Option<tempfile::TempDir>) -> Self {
        Self { connection, sealing: RefCell::default(), in_doubt: Cell::default(), _copy: copy }
    }

    /// Whether there is something at this place that may be a store: a file that is not empty.
    pub fn is_there(path: &Path) -> Result<bool> {
        match fs::metadata(path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(cause) => {
                Err(Failure::io(Kind::Failed, "the store cannot be opened", &absolute(path), cause))
            }
            Ok(found) if found.is_dir() => Err(is_a_folder(path)),
            Ok(found) => Ok(found.len() > 0),
        }
    }

    /// Opens a store for writing; creates it, and its folder, if there is none. An older one is
    /// copied to a backup beside it and migrated. The caller holds the run lock.
    ///
    /// # Errors
    /// `Failed` if it cannot be opened or belongs to another program or a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        let place = absolute(path);
        let unusable = |cause: std::io::Error| {
            match cause.kind() {
            std::io::ErrorKind::PermissionDenied => Failure::new(Kind::Failed, "the store cannot be opened")
                .at(place.display())
                .cure("give the store and its folder to the user that runs rostersync (chown); a run as root may have made it")
                .because(cause),
            _ => Failure::io(Kind::Failed, "the store cannot be opened", &place, cause),
        }
        };
        let is_new = !Self::is_there(path)?;
        owner::make_folder(owner::folder_of(path)).map_err(unusable)?;
        // SQLite gives its journal the same permissions as the file, and the same owner.
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(unusable)?;
        if is_new {
            owner::adopt(path);
        }
        let store = Self::prepare_write(path).map_err(|failure| failure.or_at(place.display()))?;
        // Only now is it known to be a store of ours.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
        remove_empty_backups(path);
        Ok(store)
    }

    /// Opens a store for writing, if there is one and it need not be migrated. That takes no lock:
    /// it changes nothing that another process may be using.
    pub fn open_current(path: &Path) -> Result<Option<Self>> {
        let opened = || -> Result<Option<Self>> {
            if !path.exists() {
                return Ok(None);
            }
            let connection = Connection::open_with_flags(path, READ_WRITE)?;
            configure(&connection)?;
            let current = migrate::version(&connection)? == migrate::CURRENT;
            Ok(current.then(|| Self::of(connection, None)))
        };
        opened().map_err(|failure| failure.or_at(absolute(path).display()))
    }

    fn prepare_write(path: &Path) -> Result<Self> {
        let mut connection = Connection::open_with_flags(path, READ_WRITE)?;
        configure(&connection)?;
        let version = migrate::version(&connection)?;
        if version > 0 && version < migrate::CURRENT {
            let backup = backup_path(path, version);
            let failed = |cause| {
                Failure::io(Kind::Failed, "the backup before the migration failed", &absolute(&backup), cause)
            };
            // Under another name until it is whole: a backup that a killed process left unfinished
            // is none.
            let unfinished = with_suffix(&backup, ".partial");
            owner::create_anew(&unfinished).map_err(failed)?;
            connection.backup("main", &unfinished, None::<fn(rusqlite::backup::Progress)>).map_err(
                |error| {
                    let failure = Failure::from(error);
                    let what = format!("the backup before the migration failed: {}", failure.what);
                    Failure { what, ..failure }.at(absolute(&backup).display())
                },
            )?;
            fs::rename(&unfinished, &backup).map_err(failed)?;
            owner::sync_folder(owner::folder_of(&backup)).map_err(failed)?;
        }
        migrate::migrate(&mut connection)?;
        Ok(Self::of(connection, None))
    }

    /// Opens a store for reading; `None` if there is none. An older one is migrated in a private
    /// copy, one that a killed run left half-written is recovered in a private copy; the file
    /// itself is never written.
    pub fn open_read(path: &Path) -> Result<Option<Self>> {
        // An empty one is of a run that was killed while it created the store.
        if !Self::is_there(path)? {
            return Ok(None);
        }
        Self::prepare_read(path).map(Some).map_err(|failure| failure.or_at(absolute(path).display()))
    }

    /// Opens a store for reading, if there is one and it need not be migrated: what may take no time
    /// and leaves no trace.
    pub fn open_unmigrated(path: &Path) -> Result<Option<Self>> {
        if !Self::is_there(path)? {
            return Ok(None);
        }
        let (connection, version) = open_as_it_is(path)?;
        Ok((version == migrate::CURRENT).then(|| Self::of(connection, None)))
    }

    /// Opens a private copy of a store, in which a preview can write what it wants to see; `None`
    /// if there is none.
    pub fn open_copy(path: &Path) -> Result<Option<Self>> {
        let Some(store) = Self::open_read(path)? else { return Ok(None) };
        // While this process reads, no other one can commit in the middle of the copy.
        store.preview(|| {
            store.value::<u64>("SELECT count(*) FROM sqlite_schema", [])?;
            Self::private_copy(path).map(Some).map_err(|failure| failure.or_at(absolute(path).display()))
        })
    }

    fn prepare_read(path: &Path) -> Result<Self> {
        match open_as_it_is(path) {
            Ok((connection, migrate::CURRENT)) => {
                return Ok(Self::of(connection, None));
            }
            Ok(_) => {}
            // A journal that has to be rolled back makes a read-only store unreadable as it is.
            Err(_) if journal_path(path).exists() => {}
            Err(failure) => return Err(failure),
        }
        Self::private_copy(path)
    }

    fn private_copy(path: &Path) -> Result<Self> {
        let copy = scratch::folder()?;
        let private = copy.path().join("store.db");
        // A log of another program (WAL) is copied after the file: what is written into the file meanwhile
        // is still in the log.
        for (from, to) in [
            (path.to_owned(), private.clone()),
            (journal_path(path), journal_path(&private)),
            (wal_path(path), wal_path(&private)),
        ] {
            if from.exists() {
                scratch::file(&to)?;
                copy_content(&from, &to)
                    .map_err(|cause| Failure::io(Kind::Failed, "the store cannot be copied", &from, cause))?;
            }
        }
        let mut connection = Connection::open_with_flags(&private, READ_WRITE)?;
        configure(&connection)?;
        migrate::migrate(&mut connection)?;
        Ok(Self::of(connection, Some(copy)))
    }

    /// An empty store that is nowhere: what a preview plans against where there is none yet.
    pub fn empty() -> Result<Self> {
        let mut connection = Connection::open_in_memory()?;
        configure(&connection)?;
        migrate::migrate(&mut connection)?;
        Ok(Self::of(connection, None))
    }
}

fn is_a_folder(path: &Path) -> Failure {
    let place = absolute(path);
    Failure::new(Kind::Failed, "the store is a folder")
        .cure(format!(
            "`store` in [sync] names the file itself: {} for instance",
            place.join("rostersync.db").display()
        ))
        .at(place.display())
}

/// Backups beside a store that have something in them, of whatever version.
pub fn backups(path: &Path) -> Vec<PathBuf> {
    backups_where(path, |length| length > 0)
}

/// Copies of a store that a killed process left unfinished, with their journals.
pub fn unfinished_copies(path: &Path) -> Vec<PathBuf> {
    let name = owner::name_of(path);
    let mut found = files_beside(path, |entry, _| {
        let entry = entry.strip_suffix("-journal").unwrap_or(entry);
        let rest = entry.strip_prefix(&name).unwrap_or_default();
        rest == ".restoring" || rest.starts_with('.') && rest.ends_with(".bak.partial")
    });
    found.sort();
    found
}

/// Stores under other names in the same folder: copies of this one, or stores of other districts.
pub fn other_stores(path: &Path) -> Vec<PathBuf> {
    let name = owner::name_of(path);
    let mut found = files_beside(path, |entry, _| !entry.starts_with(&name));
    found.retain(|file| migrate::is_store(file));
    found.sort();
    found
}

/// A process that was killed has left them.
fn remove_empty_backups(path: &Path) {
    for empty in backups_where(path, |length| length == 0) {
        let _ = fs::remove_file(empty);
    }
}

/// `STORE.v3.bak`, and `STORE.bak` of a copy by hand.
fn backups_where(path: &Path, wanted: impl Fn(u64) -> bool) -> Vec<PathBuf> {
    let start = format!("{}.", owner::name_of(path));
    let mut found = files_beside(path, |entry, length| {
        entry.starts_with(&start) && entry.ends_with(".bak") && wanted(length)
    });
    found.sort();
    found
}

/// The files in the folder of a store whose name and length are wanted.
fn files_beside(path: &Path, wanted: impl Fn(&str, u64) -> bool) -> Vec<PathBuf> {
    let entries = fs::read_dir(owner::folder_of(path)).into_iter().flatten().flatten();
    entries
        .filter(|entry| {
            let name = entry.file_name();
            let is_wanted =
                |found: fs::Metadata| found.is_file() && wanted(&name.to_string_lossy(), found.len());
            entry.metadata().is_ok_and(is_wanted)
        })
        .map(|entry| entry.path())
        .collect()
}

/// Without the permissions, which may be wider than a copy's should be.
fn copy_content(from: &Path, to: &Path) -> std::io::Result<u64> {
    std::io::copy(&mut fs::File::open(from)?, &mut OpenOptions::new().write(true).open(to)?)
}

fn open_as_it_is(path: &Path) -> Result<(Connection, usize)> {
    let connection = Connection::open_with_flags(path, READ_ONLY)?;
    configure(&connection)?;
    let version = migrate::version(&connection)?;
    Ok((connection, version))
}

pub(super) fn configure(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    // EXTRA rather than FULL: with a rollback journal only it makes sure that a commit outlives a
    // power cut, and the outbox must.
    connection.execute_batch(
        "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192;",
    )?;
    Ok(())
}

/// Where a store of an older version is kept: `rostersync.db.v1.bak`.
pub(super) fn backup_path(path: &Path, version: usize) -> PathBuf {
    with_suffix(path, &format!(".v{version}.bak"))
}

/// The log of a store in WAL mode, in which another program can put it.
pub(super) fn wal_path(path: &Path) -> PathBuf {
    with_suffix(path, "-wal")
}

pub(super) fn journal_path(path: &Path) -> PathBuf {
    with_suffix(path, "-journal")
}
