//! The plan: every record beside its account, what becomes of it, and what that adds up to.
//!
//! A plan is a value: it is made without writing anything, the preview prints it and a run applies it. What is decided
//! about one person is pure (`person`); what depends on other people (`survey`, `people`) is looked up before and after.
//! Rows are spooled, so that memory does not grow with the district beyond a few words a person.

mod build;
mod claims;
mod limits;
mod note;
mod people;
mod person;
mod recipients;
mod row;
mod rules;
mod sis;
mod spool;
mod summary;
mod survey;

use std::fmt;

use chrono::NaiveDate;
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::contact::{Details, Field};
use crate::message::Recipient;
use crate::store::AuditEntry;

pub use build::{Plan, build};
pub use limits::{Overrun, check as check_limits, too_many_rejected};
pub use note::{Note, Reason, join_codes, join_notes};
pub use rules::{Channels, Rules};
pub use summary::Summary;
pub use survey::{Survey, survey};

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
}

impl Action {
    /// In the order of the plan line.
    pub const ALL: [Self; 8] = [
        Self::Created,
        Self::Updated,
        Self::Archived,
        Self::Restored,
        Self::Kept,
        Self::Unchanged,
        Self::Skipped,
        Self::Rejected,
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
        }
    }

    /// Whether something is done to the account.
    pub fn is_change(self) -> bool {
        matches!(self, Self::Created | Self::Updated | Self::Archived | Self::Restored)
    }
}

/// One field that the sync changes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    pub field: Field,
    /// As shown; empty if there was none.
    pub old: String,
    /// As shown; empty if it is cleared.
    pub new: String,
    /// A name's upper and lower case: noted, but nobody is told and no limit counts it.
    pub case_only: bool,
}

/// Values stay out of logs.
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Change({})", self.field.key())
    }
}

/// One row of the plan and of the report.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PlanRow {
    pub line: Option<u64>,
    pub sourced_id: String,
    pub identifier: String,
    /// Primary first, joined by `|`.
    pub roles: String,
    /// Joined by `|`.
    pub schools: String,
    /// After the run; blank for a user without an account.
    pub state: String,
    /// Before the run, where the account had another.
    pub state_before: Option<String>,
    pub action: Action,
    /// Actual, after the run.
    pub details: Details,
    /// As the roster has them: given name, family name, email, phone, home phone.
    pub sis: [String; 5],
    pub notes: Vec<Note>,
    pub changes: Vec<Change>,
    /// Differences that were left alone: the field, and the value of the SIS.
    pub kept: Vec<(Field, String)>,
    pub first_seen: Option<NaiveDate>,
    /// Number of the person among those whose credentials are compared, if it is one of them.
    person: Option<u32>,
}

/// What the commit writes for one account.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Write {
    /// As it is after the run; `id` is 0 for a new one.
    pub account: Account,
    pub audit: Vec<AuditEntry>,
    /// What is told, to whom. Empty if nobody is.
    pub changes: Vec<Change>,
    pub recipients: Vec<Recipient>,
}
