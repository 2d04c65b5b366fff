//! Opening a store: for writing (created, migrated, recovered as needed) or for reading (never touched).

use std::cell::RefCell;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};

use super::{Store, migrate};
use crate::failure::{Failure, Kind, Result};
use crate::scratch;

/// How long to wait for a writer that is committing just now.
const BUSY: Duration = Duration::from_secs(30);

/// A connection stays in one thread, so SQLite need not lock it for every call.
const READ_WRITE: OpenFlags = OpenFlags::SQLITE_OPEN_READ_WRITE.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);
const READ_ONLY: OpenFlags = OpenFlags::SQLITE_OPEN_READ_ONLY.union(OpenFlags::SQLITE_OPEN_NO_MUTEX);

impl Store {
    /// Opens a store for writing; creates it, and its folder, if there is none. An older one is copied to a backup
    /// beside it and migrated. The caller holds the run lock.
    ///
    /// # Errors
    /// `Failed` if it cannot be opened or belongs to another program or a newer version.
    pub fn open(path: &Path) -> Result<Self> {
        let unusable = |cause| Failure::io(Kind::Failed, "the store cannot be opened", path, cause);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(unusable)?;
        }
        // SQLite gives its journal the same permissions as the file.
        OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path)
            .map_err(unusable)?;
        let store = Self::prepare_write(path).map_err(|failure| failure.or_at(path.display()))?;
        // Only now is it known to be a store of ours.
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(unusable)?;
        Ok(store)
    }

    /// Opens a store for writing, if there is one and it need not be migrated. That takes no lock: it changes nothing that
    /// somebody else may be at.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_current(path: &Path) -> Result<Option<Self>> {
        let opened = || -> Result<Option<Self>> {
            if !path.exists() {
                return Ok(None);
            }
            let connection = Connection::open_with_flags(path, READ_WRITE)?;
            configure(&connection)?;
            let current = migrate::version(&connection)? == migrate::CURRENT;
            Ok(current.then(|| Self { connection, sealing: RefCell::default(), _copy: None }))
        };
        opened().map_err(|failure| failure.or_at(path.display()))
    }

    fn prepare_write(path: &Path) -> Result<Self> {
        let mut connection = Connection::open_with_flags(path, READ_WRITE)?;
        configure(&connection)?;
        let version = migrate::version(&connection)?;
        if version > 0 && version < migrate::CURRENT {
            let backup = backup_path(path, version);
            OpenOptions::new().create(true).truncate(true).write(true).mode(0o600).open(&backup).map_err(
                |cause| Failure::io(Kind::Failed, "the backup before the migration failed", &backup, cause),
            )?;
            connection.backup("main", &backup, None::<fn(rusqlite::backup::Progress)>)?;
        }
        migrate::migrate(&mut connection)?;
        Ok(Self { connection, sealing: RefCell::default(), _copy: None })
    }

    /// Opens a store for reading; `None` if there is none. An older one is migrated in a private copy, one that a
    /// killed run left half-written is recovered in a private copy; the file itself is never written.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_read(path: &Path) -> Result<Option<Self>> {
        match fs::metadata(path) {
            Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(cause) => return Err(Failure::io(Kind::Failed, "the store cannot be opened", path, cause)),
            // A run that was killed while it created the store.
            Ok(found) if found.len() == 0 => return Ok(None),
            Ok(_) => {}
        }
        Self::prepare_read(path).map(Some).map_err(|failure| failure.or_at(path.display()))
    }

    /// Opens a private copy of a store, in which a preview can write what it wants to see; `None` if there is none.
    ///
    /// # Errors
    /// As [`Store::open`].
    pub fn open_copy(path: &Path) -> Result<Option<Self>> {
        let Some(store) = Self::open_read(path)? else { return Ok(None) };
        // While somebody reads nobody commits, and what is copied is of one piece.
        store.connection.execute_batch("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1;")?;
        Self::private_copy(path).map(Some).map_err(|failure| failure.or_at(path.display()))
    }

    fn prepare_read(path: &Path) -> Result<Self> {
        match open_as_it_is(path) {
            Ok((connection, migrate::CURRENT)) => {
                return Ok(Self { connection, sealing: RefCell::default(), _copy: None });
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
        for (from, to) in [(path.to_owned(), private.clone()), (journal_path(path), journal_path(&private))] {
            if from.exists() {
                scratch::file(&to)?;
                copy_content(&from, &to)
                    .map_err(|cause| Failure::io(Kind::Failed, "the store cannot be copied", &from, cause))?;
            }
        }
        let mut connection = Connection::open_with_flags(&private, READ_WRITE)?;
        configure(&connection)?;
        migrate::migrate(&mut connection)?;
        Ok(Self { connection, sealing: RefCell::default(), _copy: Some(copy) })
    }

    /// An empty store that is nowhere: what a preview plans against where there is none yet.
    ///
    /// # Errors
    /// `Failed`, which would be a mistake in the schema.
    pub fn empty() -> Result<Self> {
        let mut connection = Connection::open_in_memory()?;
        configure(&connection)?;
        migrate::migrate(&mut connection)?;
        Ok(Self { connection, sealing: RefCell::default(), _copy: None })
    }
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

fn configure(connection: &Connection) -> Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    // EXTRA rather than FULL: with a rollback journal only it makes sure that a commit outlives a power cut, and the
    // outbox must.
    connection.execute_batch(
        "PRAGMA synchronous = EXTRA; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA cache_size = -8192;",
    )?;
    Ok(())
}

/// Where a store of an older version is kept: `rostersync.db.v1.bak`.
pub(super) fn backup_path(path: &Path, version: usize) -> PathBuf {
    with_suffix(path, &format!(".v{version}.bak"))
}

fn journal_path(path: &Path) -> PathBuf {
    with_suffix(path, "-journal")
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
