//! Where rosters come from: one trait, one module for each kind of source.
//!
//! A source hands over records and nothing else; it knows neither the policy nor the store.

pub mod oneroster_csv;

use std::ops::ControlFlow;

use crate::failure::Result;
use crate::findings::Findings;
use crate::roster::{Mode, Record, Schools};

/// A roster that can be read, as often as needed.
pub trait RosterSource {
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

    /// Hands each record to `each`, in the order of the source, until it breaks off.
    ///
    /// Every call goes through the same records. Row-level oddities are added to `findings`.
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
