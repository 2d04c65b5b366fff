//! Notes: the exact sentences of the report, each with its stable code.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::contact::Field;

/// One thing that the report says of a user.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Note {
    /// An active person under OFF: the SIS has another value. Carries the actual one.
    ActiveDiffers(Field, String),
    /// Carries the old value.
    Updated(Field, String),
    /// Carries the actual value.
    SisBlank(Field, String),
    /// Carries the value of the SIS.
    SisInvalid(Field, String),
    /// `unique` only: another account holds the credential. Carries its sourcedId.
    Taken(Field, String),
    /// Carries the sourcedIds of the first others, sorted, and how many more there are.
    Shared(Field, Vec<String>, u64),
    GuardianUnreachable,
    Archived,
    Restored,
    Disabled,
    RoleNotSynced(String),
    RoleEnded(String),
    RoleNotBegun(String),
    SchoolNotSynced,
    /// The platform's export has taken a join back.
    PendingAgain,
    Rejected(Reason),
    /// A change of which no channel can tell the person. Code only.
    NotNotifiable,
    /// Another account has the same name and the same email or mobile. Code only.
    PossibleDuplicate,
    /// An archived account has the name and the email or mobile of one that is new: the SIS may have given the person
    /// another sourcedId. Carries the archived one's, and the field that agrees.
    PossibleRekey(String, Field),
    /// A message to the present address or number was refused for good. Carries the other side's code.
    Undeliverable(Field, String),
    /// The sourcedId of an archived account is back with another person. Carries the old name.
    ReusedId(String),
    /// A `tobedeleted` record of a person without an account, or with an archived one. Code only.
    ToBeDeleted,
}

/// Why a record cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reason {
    NoSourcedId,
    Duplicate,
    ShiftedRow,
    Quoting,
    RoleRow,
    NoName,
    NoRole,
}

impl Reason {
    fn code(self) -> &'static str {
        match self {
            Self::NoSourcedId => "rejected-no-sourced-id",
            Self::Duplicate => "rejected-duplicate",
            Self::ShiftedRow => "rejected-shifted-row",
            Self::Quoting => "rejected-quoting",
            Self::RoleRow => "rejected-role-row",
            Self::NoName => "rejected-no-name",
            Self::NoRole => "rejected-no-role",
        }
    }

    /// In the note, after the dash.
    pub fn text(self) -> &'static str {
        match self {
            Self::NoSourcedId => "no sourcedId",
            Self::Duplicate => "several rows with this sourcedId differ",
            Self::ShiftedRow => "more cells than headers, an unquoted comma shifted the row",
            Self::Quoting => "quotes inside a quoted cell are not doubled",
            Self::RoleRow => "a row of roles.csv for this user cannot be read",
            Self::NoName => "no name",
            Self::NoRole => "no role",
        }
    }
}

/// How many ids of sharers are named.
pub(super) const SHARERS_NAMED: usize = 3;

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

impl Note {
    /// The stable code and the exact sentence: the one list of what notes say. A note without a sentence is a code only.
    fn parts(&self) -> (&'static str, Cow<'static, str>) {
        // Of a code for each field; in the order of [`Field::ALL`].
        let of = |field: &Field, codes: [&'static str; 4]| codes[*field as usize];
        match self {
            Self::ActiveDiffers(field, actual) => (
                of(
                    field,
                    [
                        "active-name-differs",
                        "active-email-differs",
                        "active-phone-differs",
                        "active-home-phone-differs",
                    ],
                ),
                format!("Active user has a new {} in the SIS import - {}", field.noun(), or_none(actual))
                    .into(),
            ),
            Self::Updated(field, old) => (
                of(field, ["name-updated", "email-updated", "phone-updated", "home-phone-updated"]),
                format!("{} updated by the sync - was {}", field.title(), or_none(old)).into(),
            ),
            Self::SisBlank(field, actual) => (
                of(field, ["sis-name-blank", "sis-email-blank", "sis-phone-blank", "sis-home-phone-blank"]),
                format!("SIS import has no {} - kept {actual}", field.noun()).into(),
            ),
            Self::SisInvalid(field, value) => (
                of(
                    field,
                    ["sis-name-invalid", "sis-email-invalid", "sis-phone-invalid", "sis-home-phone-invalid"],
                ),
                format!("SIS import has an invalid {} - {value}", field.noun()).into(),
            ),
            Self::Taken(field, by) => (
                of(field, ["name-taken", "email-taken", "phone-taken", "home-phone-taken"]),
                format!("{} is already used by {by} - not updated", field.title()).into(),
            ),
            Self::Shared(field, ids, more) => {
                let more = if *more == 0 { String::new() } else { format!(" and {more} more") };
                (
                    of(field, ["name-shared", "email-shared", "phone-shared", "home-phone-shared"]),
                    format!("{} is shared with {}{more}", field.title(), ids.join(", ")).into(),
                )
            }
            Self::GuardianUnreachable => (
                "guardian-unreachable",
                "Guardian has no email or phone number in the SIS import - not added".into(),
            ),
            Self::Archived => ("archived", "User is no longer in the SIS import - archived".into()),
            Self::Restored => ("restored", "User is back in the SIS import - restored".into()),
            Self::Disabled => ("disabled", "User is disabled in the SIS import".into()),
            Self::RoleNotSynced(role) => {
                ("role-not-synced", format!("Role {role} is not synced - left out").into())
            }
            Self::RoleEnded(role) => ("role-ended", format!("Role {role} has ended - left out").into()),
            Self::RoleNotBegun(role) => {
                ("role-not-begun", format!("Role {role} has not begun - left out").into())
            }
            Self::SchoolNotSynced => ("school-not-synced", "No synced school - left out".into()),
            Self::PendingAgain => ("pending-again", "User is pending again in the platform export".into()),
            Self::ReusedId(name) => {
                ("reused-id", format!("Another person now has this sourcedId - was {}", or_none(name)).into())
            }
            Self::Rejected(reason) => (reason.code(), format!("Record rejected - {}", reason.text()).into()),
            Self::Undeliverable(field, reason) => {
                ("undeliverable", format!("{} is undeliverable - {reason}", field.title()).into())
            }
            Self::PossibleRekey(old, field) => (
                "possible-rekey",
                format!("Probably the same person as {old} (same name and {})", field.noun()).into(),
            ),
            Self::NotNotifiable => ("not-notifiable", "".into()),
            Self::PossibleDuplicate => ("possible-duplicate", "".into()),
            Self::ToBeDeleted => ("tobedeleted", "".into()),
        }
    }

    /// The stable code.
    pub fn code(&self) -> &'static str {
        self.parts().0
    }
}

/// Values stay out of logs.
impl fmt::Debug for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Note({})", self.code())
    }
}

/// The cell `notes`.
pub fn join_notes(notes: &[Note]) -> String {
    let mut cell = String::new();
    for note in notes {
        let (_, sentence) = note.parts();
        if !cell.is_empty() && !sentence.is_empty() {
            cell.push_str("; ");
        }
        cell.push_str(&sentence);
    }
    cell
}

/// The cell `codes`.
pub fn join_codes(notes: &[Note]) -> String {
    notes.iter().map(Note::code).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests;
