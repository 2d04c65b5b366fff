//! The plan: every record beside its account, what becomes of it, and what that adds up to.
//!
//! A plan is a value: it is made without writing anything, the preview prints it and a run applies
//! it. What is decided about one person is pure (`person`). What depends on other people is known
//! before (the roster index), added after (`shared_credentials`) or, under `unique`, found by several
//! walks (`build`). Rows are spooled, so that memory grows by no more than a few words a person.

mod block_result;
mod build;
mod checksum;
mod claims;
mod decide;
mod decision;
mod forecast;
mod held;
pub mod history;
mod left_out;
mod limits;
mod link_classes;
mod links;
mod note;
mod person;
mod read;
mod recipients;
mod renames;
mod reused;
mod row;
mod same_person;
mod shared_credentials;
mod signs;
mod sis;
mod summary;
mod tally;
mod unchanged;

#[cfg(test)]
mod tests;

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contact::Field;
use crate::message::Recipient;
use crate::store::{AuditEntry, PackedRow};

pub use build::{Inputs, Plan, build};
pub use checksum::Changes;
pub use claims::{Claim, refusals};
pub use decision::{FieldDecision, FieldDecisions, Rule};
pub use forecast::{Forecast, forecast};
pub use held::{HeldBack, can_be_held};
pub use limits::{
    Overrun, Scope, check as check_limits, check_export, check_upgraded, said as said_overruns,
    too_many_missing, too_many_rejected,
};
pub use note::{Note, Reason, Rekey, join_codes, join_notes};
pub use read::{Known, read};
pub use recipients::News;
pub use renames::{Renaming, Renamings};
pub use row::PlanRow;
pub use same_person::{
    Counts as SamePersonCounts, Evidence, PROBABLE_DAYS, Pair as SamePersonPair, PairText, SamePerson,
    find_same_people,
};
pub use summary::{Step, Summary};
pub use tally::Tallies;

/// What becomes of one user; each has exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Action {
    Created,
    Updated,
    Archived,
    Restored,
    /// A difference of an active person under OFF was left alone.
    Kept,
    Unchanged,
    /// A valid record that the rules leave out.
    Skipped,
    /// A record that could not be used.
    Rejected,
    /// Nothing is done until a person has decided: another person seems to have the sourcedId now,
    /// or the same person another one.
    Held,
    /// The roster does not mention the person, and the account is not archived for it yet.
    Missing,
}

impl Action {
    /// In the order of the plan line.
    pub const ALL: [Self; 10] = [
        Self::Created,
        Self::Updated,
        Self::Archived,
        Self::Restored,
        Self::Kept,
        Self::Unchanged,
        Self::Skipped,
        Self::Rejected,
        Self::Held,
        Self::Missing,
    ];

    /// The word in the report.
    pub fn word(self) -> &'static str {
        match self {
            Self::Created => "created",
            Self::Updated => "updated",
            Self::Archived => "archived",
            Self::Restored => "restored",
            Self::Kept => "kept",
            Self::Unchanged => "unchanged",
            Self::Skipped => "skipped",
            Self::Rejected => "rejected",
            Self::Held => "held",
            Self::Missing => "missing",
        }
    }

    /// Whether the policy decided over the fields.
    pub fn is_decided(self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Restored | Self::Kept | Self::Unchanged)
    }

    /// Whether something is done to the account.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Archived | Self::Restored)
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: Field,
    /// As shown; empty if there was none.
    pub old: String,
    /// As shown; empty if it is cleared.
    pub new: String,
    /// A name's upper and lower case: noted, but no message is sent and no limit counts it.
    pub case_only: bool,
}

/// Values stay out of logs.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Change({})", self.field.key())
    }
}

/// An account that is added, and nothing else to write for it: nearly all that there is to write
/// when a district begins.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Newcomer<'a> {
    /// Number of the person in [`crate::roster_index::PersonIndex`].
    pub person: u32,
    #[serde(borrow)]
    pub account: PackedRow<'a>,
    /// The person that set the details on the platform, as [`crate::platform::Stamp::text`]; empty
    /// where that is not known.
    pub stamp: &'a str,
}

/// What the commit writes for one account.
#[derive(Clone, Serialize, Deserialize)]
pub struct Write<'a> {
    // The first is what `build/walk` reads.
    /// Of the account; 0 for a new one.
    pub id: i64,
    /// The account as it is after the run.
    #[serde(borrow)]
    pub account: PackedRow<'a>,
    /// Number of the person in [`crate::roster_index::PersonIndex`]; none if nothing is remembered.
    pub person: Option<u32>,
    pub audit: Vec<AuditEntry>,
    /// The changes that messages tell of, and their recipients. Empty if no message is sent.
    pub changes: Vec<Change>,
    pub recipients: Vec<Recipient>,
    /// As in [`News`].
    pub first_change_id: Option<i64>,
    /// The person left with this run.
    pub leaves: bool,
    /// Because the person may not be contacted any more.
    pub is_barred: bool,
    /// The person that set on the platform what its export has changed, as
    /// [`crate::platform::Stamp::text`]; empty where that is not known.
    pub stamp: &'a str,
}
