//! The store: one SQLite file that holds the accounts, the history and the outbox. The only place
//! with SQL.
//!
//! Other modules use it through [`Store`], in terms of the domain. A store that is only read is opened
//! read-only: it is not migrated, not recovered, and not locked for long.
//!
//! The journal is SQLite's rollback journal rather than WAL: a write-ahead log would have a mere
//! reader leave files beside the store, which a user with read permission cannot and a preview must
//! not. A run has one writer, which commits once.
//!
//! Only `transaction` begins and ends a transaction. Other modules ask SQLite through `sql`, where
//! statements are kept and columns have names, except in loops over many rows.

mod accounts;
mod attempts;
mod audit;
mod backup;
mod contacts;
mod erase;
mod families;
mod fingerprints;
mod grants;
mod history;
mod identity;
mod migrate;
mod missing;
mod open;
mod opt_outs;
mod outbox;
mod push;
mod runs;
mod search;
mod sql;
mod suppressed;
mod transaction;
mod triggers;

use std::cell::{Cell, RefCell};

use rusqlite::Connection;

use crate::failure::{Failure, Kind};

pub use accounts::{AccountRow, Lookup, NewAccounts, PackedRow, Population, Relative, Updates};
pub use attempts::{Last, Tried};
pub use audit::{
    AuditEntry, Audited, Auditing, Broken, Changed, Created, Origin, RunExtent, Since, Verified,
};
pub use backup::{Checked, Copied, Steps, run_backup_path, run_backups};
pub use contacts::{Member, Rename};
pub use erase::Removed;
pub use fingerprints::{
    ACTIVE, ARCHIVED, CHUNK, FingerprintChange, Fingerprints, HAS_CACHED_ROW, HAS_CONTACT, LEFT_OUT,
    REACHABLE, UNDER_OFF, UNDER_ON,
};
pub use grants::Grant;
pub use history::GoodNight;
pub use identity::{Said, SamePerson};
pub use missing::Missing;
pub use open::{backups, other_stores, unfinished_copies};
pub use outbox::{OutboxFilter, OutboxRow, Refused, Settled, UndeliveredChanges, Waiting};
pub use push::{Position, PushRow};
pub use runs::RunRow;
pub use search::Findable;
pub use sql::stamp;
pub use suppressed::Suppression;
pub use transaction::{End, Savepoint};
pub use triggers::TriggersAside;

pub struct Store {
    connection: Connection,
    /// What the open transaction has written to the audit.
    sealing: RefCell<audit::Sealing>,
    /// A commit failed, and what it was to write may be in the store all the same.
    in_doubt: Cell<bool>,
    /// Holds the private copy that is read instead of a store which cannot be read as it is.
    _copy: Option<tempfile::TempDir>,
}

impl From<rusqlite::Error> for Failure {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        let (what, cure) = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
                ("the store is in use by another program", "wait until it has finished and run again")
            }
            Some(ErrorCode::DiskFull) => {
                ("the disk is full", "free some space (twice the size of the store) and run again")
            }
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => (
                "the store is damaged",
                "restore a backup with `rostersync db restore FILE`; `rostersync db verify` says more",
            ),
            Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => (
                "the store cannot be written",
                "give the user that runs rostersync write access to the store and its folder",
            ),
            // SQLite does not say why: that may be a full disk as well, which has no room for the journal.
            Some(ErrorCode::CannotOpen) => (
                "the store cannot be opened",
                "check that the disk is not full, and give the user that runs rostersync read and write access to the store and its folder",
            ),
            Some(ErrorCode::SystemIoFailure) => {
                ("the store cannot be read or written", "check the disk and the system's log, then run again")
            }
            _ => ("the store failed", "run again; if it happens again, report it with the cause shown"),
        };
        let kind = match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => Kind::Busy,
            _ => Kind::Failed,
        };
        Self::new(kind, what).cure(cure).because(error)
    }
}
