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
    /// A change that the person can be told by no channel. Code only.
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
    /// A `tobedeleted` record of somebody who has no account, or an archived one. Code only.
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
    /// The stable code.
    pub fn code(&self) -> Cow<'static, str> {
        match self {
            Self::ActiveDiffers(field, _) => format!("active-{}-differs", field.code()).into(),
            Self::Updated(field, _) => format!("{}-updated", field.code()).into(),
            Self::SisBlank(field, _) => format!("sis-{}-blank", field.code()).into(),
            Self::SisInvalid(field, _) => format!("sis-{}-invalid", field.code()).into(),
            Self::Taken(field, _) => format!("{}-taken", field.code()).into(),
            Self::Shared(field, ..) => format!("{}-shared", field.code()).into(),
            Self::GuardianUnreachable => "guardian-unreachable".into(),
            Self::Archived => "archived".into(),
            Self::Restored => "restored".into(),
            Self::Disabled => "disabled".into(),
            Self::RoleNotSynced(_) => "role-not-synced".into(),
            Self::RoleEnded(_) => "role-ended".into(),
            Self::RoleNotBegun(_) => "role-not-begun".into(),
            Self::SchoolNotSynced => "school-not-synced".into(),
            Self::PendingAgain => "pending-again".into(),
            Self::Rejected(reason) => reason.code().into(),
            Self::NotNotifiable => "not-notifiable".into(),
            Self::PossibleDuplicate => "possible-duplicate".into(),
            Self::PossibleRekey(..) => "possible-rekey".into(),
            Self::Undeliverable(..) => "undeliverable".into(),
            Self::ReusedId(_) => "reused-id".into(),
            Self::ToBeDeleted => "tobedeleted".into(),
        }
    }

    /// Whether the note has a sentence, and not only a code.
    pub fn is_said(&self) -> bool {
        !matches!(self, Self::NotNotifiable | Self::PossibleDuplicate | Self::ToBeDeleted)
    }
}

/// The exact sentence.
impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ActiveDiffers(field, actual) => {
                write!(f, "Active user has a new {} in the SIS import - {}", field.noun(), or_none(actual))
            }
            Self::Updated(field, old) => {
                write!(f, "{} updated by the sync - was {}", field.title(), or_none(old))
            }
            Self::SisBlank(field, actual) => write!(f, "SIS import has no {} - kept {actual}", field.noun()),
            Self::SisInvalid(field, value) => {
                write!(f, "SIS import has an invalid {} - {value}", field.noun())
            }
            Self::Taken(field, by) => write!(f, "{} is already used by {by} - not updated", field.title()),
            Self::Shared(field, ids, more) => {
                write!(f, "{} is shared with {}", field.title(), ids.join(", "))?;
                match more {
                    0 => Ok(()),
                    more => write!(f, " and {more} more"),
                }
            }
            Self::GuardianUnreachable => {
                f.write_str("Guardian has no email or phone number in the SIS import - not added")
            }
            Self::Archived => f.write_str("User is no longer in the SIS import - archived"),
            Self::Restored => f.write_str("User is back in the SIS import - restored"),
            Self::Disabled => f.write_str("User is disabled in the SIS import"),
            Self::RoleNotSynced(role) => write!(f, "Role {role} is not synced - left out"),
            Self::RoleEnded(role) => write!(f, "Role {role} has ended - left out"),
            Self::RoleNotBegun(role) => write!(f, "Role {role} has not begun - left out"),
            Self::SchoolNotSynced => f.write_str("No synced school - left out"),
            Self::PendingAgain => f.write_str("User is pending again in the platform export"),
            Self::ReusedId(name) => {
                write!(f, "Another person now has this sourcedId - was {}", or_none(name))
            }
            Self::Rejected(reason) => write!(f, "Record rejected - {}", reason.text()),
            Self::Undeliverable(field, reason) => {
                write!(f, "{} is undeliverable - {reason}", field.title())
            }
            Self::PossibleRekey(old, field) => {
                write!(f, "Probably the same person as {old} (same name and {})", field.noun())
            }
            Self::NotNotifiable | Self::PossibleDuplicate | Self::ToBeDeleted => Ok(()),
        }
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
    for note in notes.iter().filter(|note| note.is_said()) {
        if !cell.is_empty() {
            cell.push_str("; ");
        }
        // Writing into a String cannot fail.
        let _ = fmt::Write::write_fmt(&mut cell, format_args!("{note}"));
    }
    cell
}

/// The cell `codes`.
pub fn join_codes(notes: &[Note]) -> String {
    notes.iter().map(Note::code).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sentences_are_exact() {
        let said = |note: Note| note.to_string();
        let value = || "rosa@x.example".to_owned();
        assert_eq!(
            said(Note::ActiveDiffers(Field::Email, value())),
            "Active user has a new email in the SIS import - rosa@x.example"
        );
        assert_eq!(
            said(Note::ActiveDiffers(Field::HomePhone, String::new())),
            "Active user has a new home phone number in the SIS import - none"
        );
        assert_eq!(
            said(Note::Updated(Field::Phone, String::new())),
            "Phone number updated by the sync - was none"
        );
        assert_eq!(
            said(Note::SisBlank(Field::Email, value())),
            "SIS import has no email - kept rosa@x.example"
        );
        assert_eq!(said(Note::SisInvalid(Field::Email, "x".into())), "SIS import has an invalid email - x");
        assert_eq!(
            said(Note::SisInvalid(Field::Name, "Jos\u{FFFD} Diaz".into())),
            "SIS import has an invalid name - Jos\u{FFFD} Diaz"
        );
        assert_eq!(Note::SisInvalid(Field::Name, String::new()).code(), "sis-name-invalid");
        assert_eq!(said(Note::Taken(Field::Email, "7".into())), "Email is already used by 7 - not updated");
        let ids = |n: usize| (1..=n).map(|i| format!("g-{i}")).collect::<Vec<_>>();
        assert_eq!(said(Note::Shared(Field::Phone, ids(1), 0)), "Phone number is shared with g-1");
        assert_eq!(said(Note::Shared(Field::Email, ids(3), 0)), "Email is shared with g-1, g-2, g-3");
        assert_eq!(
            said(Note::Shared(Field::Email, ids(3), 2)),
            "Email is shared with g-1, g-2, g-3 and 2 more"
        );
        assert_eq!(said(Note::RoleNotSynced("ext:x".into())), "Role ext:x is not synced - left out");
        assert_eq!(
            said(Note::Undeliverable(Field::Email, "550 5.1.1".into())),
            "Email is undeliverable - 550 5.1.1"
        );
        assert_eq!(
            said(Note::ReusedId("Rosa Diaz".into())),
            "Another person now has this sourcedId - was Rosa Diaz"
        );
        assert_eq!(said(Note::Rejected(Reason::NoName)), "Record rejected - no name");
        assert_eq!(
            said(Note::PossibleRekey("a1b2-c01".into(), Field::Email)),
            "Probably the same person as a1b2-c01 (same name and email)"
        );
    }

    #[test]
    fn cells_join_sentences_and_codes() {
        let notes = [Note::Updated(Field::Name, "A B".into()), Note::NotNotifiable, Note::Restored];
        assert_eq!(
            join_notes(&notes),
            "Name updated by the sync - was A B; User is back in the SIS import - restored"
        );
        assert_eq!(join_codes(&notes), "name-updated not-notifiable restored");
    }
}
