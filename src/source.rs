//! Where rosters come from: one trait, [`RosterSource`]. ClassLink is a OneRoster API; `sftp` fetches CSV files.
//!
//! A source hands over records and nothing else; it knows neither the policy nor the store.

pub mod clever;
mod contact_rules;
pub mod guardians;
pub mod http;
mod identifiers;
mod known_guardians;
pub mod oneroster_api;
pub mod oneroster_csv;
mod org_check;
mod pull_cache;
mod pulled;
mod renamed;
pub mod sftp;
mod source_check;
pub mod suppressed;

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};

use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::last_night::FileSeen;
use crate::roster::kept::key as hashed;
use crate::roster::{Mode, Record, Schools};

pub use contact_rules::{ContactOptions, ContactsSeen, Explained, UnusedColumn};
pub use identifiers::Identifiers;
pub use known_guardians::KnownGuardians;
pub use pull_cache::PullCache;
pub use renamed::Renamed;
pub use source_check::SourceCheck;

/// What a long pull needs from the run: the time, a place to report progress to, and whether the
/// run is to stop.
pub struct Watch<'a> {
    pub now: DateTime<Utc>,
    /// So many records are there, of so many if that is known.
    pub progress: &'a dyn Fn(u64, Option<u64>),
    /// The signal that asks to stop, if there was one.
    pub stop: &'a dyn Fn() -> Option<i32>,
}

impl Watch<'_> {
    fn interrupted(&self) -> Result<()> {
        match (self.stop)() {
            Some(signal) => Err(Failure::new(Kind::Interrupted(signal), "interrupted; nothing was applied")),
            None => Ok(()),
        }
    }
}

/// What is known of a roster before it is read.
#[derive(Debug, Clone)]
pub struct About {
    /// What it is called in messages and in the history: a path or a URL.
    pub name: String,
    /// Which users leave when their record is absent.
    pub mode: Mode,
    /// Names of the schools and other orgs. Empty if the source has none.
    pub schools: Schools,
    /// What was odd about the package as a whole (manifest, encoding, delimiter, missing optional
    /// files).
    pub findings: Findings,
    /// What the list of its users is called in findings.
    pub users_name: &'static str,
    /// Some row of a file beside the users cannot be related to a user, so that a user may seem to
    /// lack a role or a school.
    pub has_unclear_rows: bool,
    /// This is a complete roster of a source that can share guardians, and it has none: the
    /// permission is missing, not the people.
    pub shares_no_guardians: bool,
}

/// What is known of a roster once it was read to its end.
#[derive(Debug, Default)]
pub struct AfterRead {
    /// What was seen of its files; see [`LastNight::files`](crate::last_night::LastNight::files).
    /// Empty for a source without files.
    pub files: BTreeMap<String, FileSeen>,
    /// How many users have roles beside the list of users and are not in that list, which may then
    /// not be complete.
    pub unlisted_users: u64,
    /// When the list of users was written, in seconds since 1970. None if it is no file.
    pub written: Option<i64>,
    /// The guardians of a file beside the source, by hashes ([xxh3](xxhash_rust::xxh3)) of their
    /// sourcedIds. None without such a file.
    pub guardians_beside: Option<HashSet<u64>>,
    /// How many users had a part of a preferred name, where that was looked for in all of them.
    pub preferred_names: Option<u64>,
    /// What was seen of columns that say whom a school may contact.
    pub contacts: ContactsSeen,
}

/// A roster that was found usable. It is read in a thread of its own, and dropped when it was read.
pub trait RosterSource: Send + Sync {
    fn about(&self) -> &About;

    /// Hands each record to `each`, in the order of the source, until it breaks off.
    ///
    /// A run reads it once. Row-level oddities are added to `findings`.
    ///
    /// # Errors
    /// `SourceUnavailable` if the source changed since it was opened or could not be read to its
    /// end, `InputUnusable` if it is not a usable roster. Nothing that was handed over before may
    /// then be used.
    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<AfterRead>;
}
