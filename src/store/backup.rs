//! Copies of a store: made while it is in use, checked, and made ready to take its place.

use std::fs;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rusqlite::backup::{Backup, StepResult};
use rusqlite::{Connection, OpenFlags};

use super::open::{BUSY, READ_ONLY, READ_WRITE, configure, journal_path, wal_path};
use super::{Store, Verified, migrate};
use crate::failure::{Failure, Kind, Result};
use crate::owner::{self, absolute, with_suffix};

/// Is told how many steps of how many are done.
pub type Steps<'a> = &'a dyn Fn(u64, u64);

/// Pages that are copied at a time: 64 MB. If another process changes the store between two
/// portions, SQLite begins again.
const PORTION: i32 = 16 << 10;

/// What `db copy` notes in a copy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Copied {
    /// The path of the store that was copied.
    pub of: String,
    pub made: DateTime<Utc>,
}

/// What was found in a store, or in a copy of one.
#[derive(Debug)]
pub struct Checked {
    /// The version of its tables, and that of this program.
    pub version: usize,
    pub current: usize,
    pub accounts: u64,
    /// Its last run; 0 for none.
    pub last_run: i64,
    /// What SQLite says of the file; none if it is sound.
    pub damage: Vec<String>,
    /// Rows that refer to a row that is not there.
    pub dangling: u64,
    pub audit: Verified,
    /// If it is a copy that no run has used yet.
    pub copied: Option<Copied>,
}

impl Checked {
    pub fn is_sound(&self) -> bool {
        self.damage.is_empty() && self.dangling == 0 && self.audit.broken.is_none()
    }
}

impl Store {
    /// Copies the store at `path`, as it was committed last, to the file `to`, which is complete or
    /// not there. A process that has begun to write may do so itself: what it has not committed is
    /// not in the copy. `steps` is told of pages. How many bytes it has.
    ///
    /// # Errors
    /// `Failed` if the copy cannot be written.
    pub fn back_up(path: &Path, to: &Path, steps: Steps<'_>) -> Result<u64> {
        let (bytes, ()) = Self::copy_whole(path, to, steps, |_| Ok(()))?;
        Ok(bytes)
    }

    /// Copies the store as [`Store::back_up`] does, makes it one of this version that knows that it is
    /// a copy, and looks through it before it has its name. `begin` is told of each step that begins,
    /// `steps` of its progress.
    ///
    /// # Errors
    /// `Failed` if the copy cannot be written or is not sound.
    pub fn copy_to(
        path: &Path,
        to: &Path,
        made: DateTime<Utc>,
        begin: &dyn Fn(&'static str),
        steps: Steps<'_>,
    ) -> Result<(u64, Checked)> {
        begin("copying the store");
        Self::copy_whole(path, to, steps, |unfinished| {
            let copy = Self::open_staged(unfinished)?;
            copy.execute("DELETE FROM copied", [])?;
            let of = absolute(path).display().to_string();
            copy.write("INSERT INTO copied VALUES (1, ?1, ?2)", [of, made.to_rfc3339()])?;
            drop(copy);
            begin("checking the copy");
            let checked = Self::check(unfinished, steps)?;
            match checked.is_sound() {
                true => Ok(checked),
                false => Err(Failure::new(Kind::Failed, "the store does not hold, so no copy was kept")
                    .at(absolute(path).display())
                    .cure("`rostersync db verify` says what is wrong with it")),
            }
        })
    }

    /// What `db copy` noted in this store, if no run has used it since.
    pub fn copied(&self) -> Result<Option<Copied>> {
        self.first("SELECT of, made FROM copied", [], |row| {
            // Altered by hand: made long ago.
            let made = row.get_ref("made")?.as_str()?.parse().unwrap_or_default();
            Ok(Copied { of: row.get("of")?, made })
        })
    }

    pub fn forget_copied(&self) -> Result<()> {
        self.execute("DELETE FROM copied", []).map(drop)
    }

    /// Ends the write-ahead log (WAL) that another program has made a store keep, as programs for
    /// replication do: then all of it is in the file. A store that cannot be read keeps its log.
    ///
    /// # Errors
    /// `Busy` if another program has the store open.
    pub fn end_wal(path: &Path) -> Result<()> {
        if !wal_path(path).exists() {
            return Ok(());
        }
        let ended = || -> rusqlite::Result<String> {
            let connection = Connection::open_with_flags(path, READ_WRITE)?;
            connection.busy_timeout(std::time::Duration::from_secs(1))?;
            connection.pragma_update_and_check(None, "journal_mode", "DELETE", |row| row.get(0))
        };
        match ended() {
            Ok(mode) if mode.eq_ignore_ascii_case("wal") => Err(in_use(path)),
            Err(error) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::DatabaseBusy) => {
                Err(in_use(path))
            }
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// `finish` makes the copy ready before it is brought to the disk and has its name.
    fn copy_whole<T>(
        path: &Path,
        to: &Path,
        steps: Steps<'_>,
        finish: impl FnOnce(&Path) -> Result<T>,
    ) -> Result<(u64, T)> {
        let failed = |cause| Failure::io(Kind::Failed, "the backup cannot be written", &absolute(to), cause);
        owner::make_folder(owner::folder_of(to)).map_err(failed)?;
        let unfinished = with_suffix(to, ".partial");
        let copied = owner::create_anew(&unfinished).map_err(failed).and_then(|file| {
            copy(path, &unfinished, steps).map_err(|failure| failure.or_at(absolute(to).display()))?;
            let finished = finish(&unfinished)?;
            file.sync_all().map_err(failed)?;
            let bytes = file.metadata().map_err(failed)?.len();
            fs::rename(&unfinished, to).map_err(failed)?;
            // A copy that is reported as failed would be refused as there already by the next try.
            owner::sync_folder(owner::folder_of(to)).map_err(failed).inspect_err(|_| {
                let _ = fs::remove_file(to);
            })?;
            Ok((bytes, finished))
        });
        copied.inspect_err(|_| {
            let _ = fs::remove_file(&unfinished);
        })
    }

    /// Until the backup is made, what the open transaction writes stays in memory: otherwise the
    /// file could not be read meanwhile.
    pub fn keep_in_memory(&self, keep: bool) -> Result<()> {
        Ok(self.connection.pragma_update(None, "cache_spill", if keep { "OFF" } else { "ON" })?)
    }

    /// Looks through a store, or a copy of one. Nothing is written. `steps` is told of the changes of
    /// its history.
    ///
    /// # Errors
    /// `Failed` if it cannot be opened as a store.
    pub fn check(path: &Path, steps: Steps<'_>) -> Result<Checked> {
        let store = Self::open_read(path)?.ok_or_else(|| {
            Failure::new(Kind::Failed, "there is no store")
                .at(absolute(path).display())
                .cure("check the path; backups are beside the store, and end in .bak")
        })?;
        let checked = || -> Result<Checked> {
            let (damage, version) = match Connection::open_with_flags(path, READ_ONLY) {
                Ok(own) if !journal_path(path).exists() => (damage(&own)?, migrate::version(&own)?),
                Ok(_) | Err(_) => (damage(&store.connection)?, migrate::CURRENT),
            };
            Ok(Checked {
                version,
                current: migrate::CURRENT,
                accounts: store.value("SELECT count(*) FROM account", [])?,
                last_run: store.last_run_number()?,
                damage,
                dangling: store.value("SELECT count(*) FROM pragma_foreign_key_check", [])?,
                audit: store.verify_with(steps)?,
                copied: store.copied()?,
            })
        };
        checked().map_err(|failure| failure.or_at(absolute(path).display()))
    }

    /// Opens a copy that is to take the place of a store, and migrates it, without a backup: the
    /// copy that it was made of is one.
    pub fn open_staged(path: &Path) -> Result<Self> {
        let mut connection = Connection::open_with_flags(path, READ_WRITE)?;
        configure(&connection)?;
        migrate::migrate(&mut connection)?;
        Ok(Self::of(connection, None))
    }

    /// Takes over which people were erased since this copy was made, and removes them from it. How
    /// many it had. In the caller's transaction.
    pub fn take_over_erased(&self, from: &Self, by: super::Origin, now: DateTime<Utc>) -> Result<u64> {
        let erased = from.erased()?;
        let mut people = Vec::new();
        self.each_account(|account| {
            if erased.contains(&account.sourced_id) {
                people.push(account.clone());
            }
            Ok(())
        })?;
        self.remove_people(&people, by, None, now)?;
        if self.erased()?.is_empty() {
            // Of people whom the copy never had only the hash is known, so its key comes along.
            self.execute("DELETE FROM erased_key", [])?;
            from.each("SELECT key FROM erased_key", [], [], |row, []| {
                self.write("INSERT INTO erased_key VALUES (1, ?1)", [row.get::<_, Vec<u8>>(0)?])
            })?;
        }
        if self.erased_key()? == from.erased_key()? {
            from.each("SELECT hash, since FROM erased", [], [], |row, []| {
                let values = (row.get::<_, Vec<u8>>(0)?, row.get::<_, String>(1)?);
                self.write("INSERT OR IGNORE INTO erased (hash, since) VALUES (?1, ?2)", values)
            })?;
        } else {
            let day = now.date_naive();
            people.iter().try_for_each(|person| self.put_erased(&person.sourced_id, day))?;
        }
        Ok(people.len() as u64)
    }
}

fn copy(from: &Path, to: &Path, steps: Steps<'_>) -> Result<()> {
    // A run that was killed may have left a journal, which has to be rolled back first.
    let flags = if journal_path(from).exists() { READ_WRITE } else { READ_ONLY };
    let source = Connection::open_with_flags(from, flags)?;
    source.busy_timeout(BUSY)?;
    // Of another program's file there is no backup.
    migrate::version(&source)?;
    let mut target = Connection::open_with_flags(to, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    // It is brought to the disk once it is complete, and is of no use before.
    target.execute_batch("PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF")?;
    let backup = Backup::new(&source, &mut target)?;
    let mut tries = 0;
    loop {
        match backup.step(PORTION)? {
            StepResult::Done => break,
            StepResult::More => {
                let done = backup.progress();
                let (all, left) =
                    (u64::from(done.pagecount.unsigned_abs()), u64::from(done.remaining.unsigned_abs()));
                steps(all.saturating_sub(left), all);
            }
            _ if tries < 100 => {
                tries += 1;
                std::thread::sleep(std::time::Duration::from_millis(50));
            }
            _ => {
                return Err(Failure::new(Kind::Busy, "the store is in use by another program")
                    .cure("wait until it has finished and run again"));
            }
        }
    }
    drop(backup);
    // Of a store that another program keeps in WAL mode the copy is one file as well.
    target.pragma_update_and_check(None, "journal_mode", "DELETE", |_| Ok(()))?;
    Ok(())
}

fn in_use(store: &Path) -> Failure {
    Failure::new(Kind::Busy, "another program has the store open, and keeps a log of its own beside it (WAL)")
        .at(absolute(&wal_path(store)).display())
        .cure("stop that program (Litestream, for example), run this again, then start it again")
}

fn damage(connection: &Connection) -> Result<Vec<String>> {
    let mut statement = connection.prepare("PRAGMA integrity_check(20)")?;
    let mut lines: Vec<String> =
        statement.query_map([], |row| row.get(0))?.collect::<rusqlite::Result<_>>()?;
    lines.retain(|line| line != "ok");
    Ok(lines)
}

/// The copy before a run: `rostersync.db.run-000042.bak`.
pub fn run_backup_path(store: &Path, run: i64) -> PathBuf {
    with_suffix(store, &format!(".run-{run:06}.bak"))
}

/// The copies before runs that are beside a store, the oldest first.
pub fn run_backups(store: &Path) -> Vec<(i64, PathBuf)> {
    let name = owner::name_of(store);
    let number = |path: &Path| -> Option<i64> {
        let number = owner::name_of(path);
        let number = number.strip_prefix(&name)?.strip_prefix(".run-")?.strip_suffix(".bak")?;
        let is_one = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|_| is_one)
    };
    let mut all: Vec<(i64, PathBuf)> =
        super::backups(store).into_iter().filter_map(|path| Some((number(&path)?, path))).collect();
    all.sort();
    all
}
