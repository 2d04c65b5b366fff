//! Transactions. What is written in one is committed as a whole, or not at all; and only this
//! module begins and ends one.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Store;
use super::audit::Sealing;
use crate::failure::{Failure, Result};

/// How a transaction ends whose work went well.
pub enum End<T> {
    Commit(T),
    /// The work was a preview, or its result is not wanted.
    RollBack(T),
}

/// An open transaction. Rolled back when this is dropped, also by a panic, unless it was committed.
struct Open<'a>(&'a Store);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.sealing.take();
        if !self.0.connection.is_autocommit() {
            // If this fails, SQLite rolls back when the store is closed.
            let _ = self.0.connection.execute_batch("ROLLBACK");
        }
    }
}

/// How many savepoints there have been.
static POINTS: AtomicU64 = AtomicU64::new(0);

/// A point in a transaction. What is written after it can be taken back without ending the
/// transaction.
pub struct Savepoint<'a> {
    store: &'a Store,
    /// No two have the same: of those with one name SQLite would take the last.
    name: String,
    /// What was not sealed yet at this point.
    sealing: Sealing,
}

impl Savepoint<'_> {
    /// Takes back what was written since.
    pub fn roll_back(self) -> Result<()> {
        self.store.sealing.replace(self.sealing);
        let name = &self.name;
        Ok(self.store.connection.execute_batch(&format!("ROLLBACK TO {name}; RELEASE {name}"))?)
    }
}

impl Store {
    /// Does `work` in a transaction: commits if it returns `Ok`, with a link of the audit over what
    /// was written to it; rolls back if it fails or panics. If the process dies, the store is as it
    /// was.
    ///
    /// No other process can write from the beginning on. A process that sends notifications while a
    /// long run plans waits with noting what became of them; otherwise it would make the commit of
    /// that run impossible.
    pub fn transaction<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.transaction_or_preview(|| work().map(End::Commit))
    }

    /// Does `work` in a transaction and keeps nothing of what it wrote. All that it reads is as it
    /// was at one moment, also in a store that is open only for reading.
    pub fn preview<T>(&self, work: impl FnOnce() -> Result<T>) -> Result<T> {
        self.transaction_or_preview(|| work().map(End::RollBack))
    }

    /// As [`Store::transaction`], for work that finds out by itself whether it is to be committed.
    pub fn transaction_or_preview<T>(&self, work: impl FnOnce() -> Result<End<T>>) -> Result<T> {
        self.sealing.take();
        let begin = if self.connection.is_readonly("main")? { "BEGIN" } else { "BEGIN IMMEDIATE" };
        self.connection.execute_batch(begin)?;
        let _open = Open(self);
        match work()? {
            End::Commit(done) => {
                let link = self.seal()?;
                match self.connection.execute_batch("COMMIT") {
                    Ok(()) => Ok(done),
                    Err(error) => self.after_failed_commit(link, error).map(|()| done),
                }
            }
            End::RollBack(done) => Ok(done),
        }
    }

    pub fn savepoint(&self) -> Result<Savepoint<'_>> {
        let name = format!("point_{}", POINTS.fetch_add(1, Ordering::Relaxed));
        self.connection.execute_batch(&format!("SAVEPOINT {name}"))?;
        Ok(Savepoint { store: self, name, sealing: self.sealing.borrow().clone() })
    }

    /// A commit is done when the journal is gone; its last step is to bring that to the disk. If only
    /// that fails, all of it is in the store, whatever SQLite says: the link of the audit shows it.
    /// With any other error the journal is still there, and takes back what was written.
    fn after_failed_commit(&self, link: Option<Vec<u8>>, error: rusqlite::Error) -> Result<()> {
        use rusqlite::ffi::{SQLITE_IOERR_DELETE, SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_UNLOCK};
        const LAST: [i32; 3] = [SQLITE_IOERR_DELETE, SQLITE_IOERR_DIR_FSYNC, SQLITE_IOERR_UNLOCK];
        let is_there = |link: Vec<u8>| -> Result<bool> {
            if !self.connection.is_autocommit() {
                // While the transaction is open, its rows look as if they were committed.
                self.connection.execute_batch("ROLLBACK")?;
            }
            self.value("SELECT EXISTS (SELECT 1 FROM link WHERE digest = ?1)", [link])
        };
        let found = match error.sqlite_extended_error_code() {
            Some(code) if LAST.contains(&code) => link.and_then(|link| is_there(link).ok()),
            Some(_) | None => Some(false),
        };
        let failure = Failure::from(error);
        match found {
            Some(true) => {
                tracing::error!("all is done, although the last step of the commit failed: {failure}");
                Ok(())
            }
            Some(false) => Err(failure),
            None => {
                self.in_doubt.set(true);
                let what = format!("{}, and it is not known whether it is done", failure.what);
                Err(Failure { what, ..failure })
            }
        }
    }

    /// Whether a commit failed, and it is not known whether what it was to write is in the store.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt.get()
    }
}

#[cfg(test)]
mod tests {
    use chrono::DateTime;

    use super::*;
    use crate::attempt::Ending;
    use crate::failure::{Failure, Kind};
    use crate::store::RunRow;

    fn put_run(store: &Store, id: i64) -> Result<()> {
        store.insert_run(&RunRow {
            id,
            started: DateTime::UNIX_EPOCH,
            finished: DateTime::UNIX_EPOCH,
            result: Ending::Ok,
            source: "sis".into(),
            mode: "bulk".into(),
            notify: true,
            checksum: "abc".into(),
            summary: serde_json::json!({}),
            undoes: None,
        })
    }

    #[test]
    fn work_that_goes_well_is_committed_and_sealed() {
        let store = Store::empty().unwrap();
        store.transaction(|| put_run(&store, 1)).unwrap();
        assert!(store.run(1).unwrap().is_some());
        assert_eq!(store.verify().unwrap().links, 1);
    }

    #[test]
    fn a_failure_a_preview_and_a_panic_leave_nothing() {
        let store = Store::empty().unwrap();
        let failed = store.transaction(|| {
            put_run(&store, 1)?;
            Err::<(), _>(Failure::new(Kind::Interrupted(2), "interrupted"))
        });
        assert_eq!(failed.unwrap_err().kind, Kind::Interrupted(2));
        store.preview(|| put_run(&store, 1)).unwrap();
        let panic = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            store.transaction::<()>(|| {
                put_run(&store, 1).unwrap();
                std::panic::resume_unwind(Box::new("stopped"))
            })
        }));
        assert!(panic.is_err());
        assert!(store.run(1).unwrap().is_none());
        store.transaction(|| put_run(&store, 1)).unwrap();
        assert_eq!(store.verify().unwrap().broken, None);
    }

    #[test]
    fn what_comes_after_a_savepoint_is_taken_back_alone() {
        let store = Store::empty().unwrap();
        store
            .transaction(|| {
                put_run(&store, 1)?;
                let point = store.savepoint()?;
                put_run(&store, 2)?;
                point.roll_back()
            })
            .unwrap();
        assert_eq!(store.last_run_number().unwrap(), 1);
        assert_eq!(store.verify().unwrap().broken, None);
    }
}
