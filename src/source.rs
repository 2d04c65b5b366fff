//! Where rosters come from: one trait, one module for each kind of source.
//!
//! A source hands over records and nothing else; it knows neither the policy nor the store.

pub mod clever;
mod glance;
pub mod guardians;
pub mod http;
mod identifiers;
mod kept;
mod known;
pub mod oneroster_api;
pub mod oneroster_csv;
mod org_check;
mod pulled;
mod renamed;
pub mod sftp;
mod spool;

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;

use chrono::{DateTime, Utc};

use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::last_night::FileSeen;
use crate::roster::{Mode, Record, Schools};

pub use glance::Glance;
pub use identifiers::Identifiers;
pub use kept::Keeping;
pub use known::{KnownFamily, KnownGuardian};
pub use renamed::Renamed;

/// Who watches a long pull: its clock, somebody who is shown how far it is, the wish that it should stop.
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

/// A roster that was found usable. It is read in a thread of its own.
pub trait RosterSource: Send + Sync {
    /// What it is called in messages and in the history: a path, a URL.
    fn name(&self) -> &str;

    /// Who leaves when a record is absent.
    fn mode(&self) -> Mode;

    /// Names of the schools and other orgs. Empty if the source has none.
    fn schools(&self) -> &Schools;

    /// What was odd about the package as a whole (manifest, encoding, delimiter, missing optional files).
    fn findings(&self) -> &Findings;

    /// Whether some row of a file beside the users names nobody who could be found, so that somebody may seem to lack a
    /// role or a school that they have.
    fn names_nobody_somewhere(&self) -> bool {
        false
    }

    /// Whether this is a complete roster of a source that can share guardians, and there is none in it: then it is the
    /// permission that is missing, not the people.
    fn shares_no_guardians(&self) -> bool {
        false
    }

    /// The guardians who come from a file beside the source, by hashes ([xxh3](xxhash_rust::xxh3)) of their sourcedIds, once it
    /// was read. None without such a file.
    fn guardians_beside(&self) -> Option<&HashSet<u64>> {
        None
    }

    /// How many users have roles beside the users' list and are not in that list, once it was read: it may not be whole.
    fn roles_of_nobody(&self) -> u64 {
        0
    }

    /// What the list of its users is called in findings.
    fn users_name(&self) -> &'static str {
        "users"
    }

    /// What was seen of its files, once it was read; see [`LastNight::files`](crate::last_night::LastNight::files). Nothing
    /// for a source without files.
    fn files_seen(&self) -> BTreeMap<String, FileSeen> {
        BTreeMap::new()
    }

    /// Hands each record to `each`, in the order of the source, until it breaks off.
    ///
    /// A run reads it once. Row-level oddities are added to `findings`.
    ///
    /// # Errors
    /// `SourceUnavailable` if the source changed since it was opened or could not be read to its end, `InputUnusable`
    /// if it is not a usable roster. Nothing that was handed over before may then be used.
    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<()>;
}
