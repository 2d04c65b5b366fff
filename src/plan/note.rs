//! Notes: the exact sentences of the report, each with its stable code.

use std::fmt::{self, Write};

use serde::{Deserialize, Serialize};

use super::same_person::Evidence;
use crate::contact::Field;
use crate::message::Channel;
use crate::rights::NoAccount;

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
    /// The students to whom an adult is linked from tonight on, and no longer: their sourcedIds, sorted.
    Linked(Vec<String>),
    Unlinked(Vec<String>),
    /// A student has lost the last adult that could be reached. Carries the sourcedIds of those that there were, sorted.
    LastContactLost(Vec<String>),
    GuardianUnreachable,
    /// The person may have no account, and has none.
    NoAccount(NoAccount),
    /// The person may have no account any more.
    NoLonger(NoAccount),
    /// The columns of the rules are blank tonight, and the person has no account.
    ContactNotKnown,
    Archived,
    /// The roster has not mentioned the person since this day.
    Missing(String),
    /// The person has left the roster, and a pause keeps the account from being archived. Carries its
    /// last day.
    NotArchived(String),
    /// One of the person's schools is paused. Carries the school, and the last day of the pause.
    SchoolPaused(String, String),
    Restored,
    Disabled,
    RoleNotSynced(String),
    RoleEnded(String),
    RoleNotBegun(String),
    SchoolNotSynced,
    /// The platform's export has taken a join back.
    PendingAgain,
    Rejected(Reason),
    /// The person has left a channel on the platform, or is back on it. Code only.
    OptOut(Channel, bool),
    /// A difference is left alone that a person has looked at. Code only.
    Settled,
    /// A student without any adult that can be reached. Code only.
    NoContact,
    /// A change of which no channel can tell the person. Code only.
    NotNotifiable,
    /// Another account has the same name and the same email or mobile. Code only.
    PossibleDuplicate,
    /// A user of another kind has the same name and email: probably one person with two records. Code only.
    SamePerson,
    /// An account and a record are probably one person's: the SIS may have given the person another sourcedId. Carries
    /// the sourcedId of the other of the two.
    PossibleRekey(Rekey, String, Evidence),
    /// The account goes on under another sourcedId since this run. Carries the old one.
    Rekeyed(String),
    /// A message to the present address or number was refused for good. Carries the other side's code.
    Undeliverable(Field, String),
    /// The sourcedId of an archived account is back with another person. Carries the old name.
    ReusedId(String),
    /// A `tobedeleted` record of a person without an account, or with an archived one. Code only.
    ToBeDeleted,
    /// The rest of the plan is applied. Carries the key of the limit.
    HeldByLimit(String),
}

/// What became of a person who is probably there under two sourcedIds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rekey {
    /// The record, which would be added.
    NotAdded,
    Added,
    /// It has one thing in common with the account, which may be another person's.
    Alike,
    /// The account, which would be archived.
    NotArchived,
    Archived,
}

impl Rekey {
    /// What stands in the note before the other sourcedId, and after the evidence.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::NotAdded => ("Probably the same person as", " - not added"),
            Self::Added => ("Probably the same person as", ""),
            Self::Alike => ("Possibly the same person as", ""),
            Self::NotArchived => ("Probably back as", " - not archived"),
            Self::Archived => ("Probably back as", ""),
        }
    }
}

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

fn no_account(why: NoAccount) -> &'static str {
    match why {
        NoAccount::EmergencyOnly => "emergency-contact",
        NoAccount::NotAllowed => "contact-not-allowed",
        NoAccount::Suppressed => "suppressed",
    }
}

pub(super) const SHARERS_NAMED: usize = 3;

/// The first of some sourcedIds, and how many more there are.
fn first_of(ids: &[String]) -> String {
    let named = ids.iter().take(SHARERS_NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    match ids.len().saturating_sub(SHARERS_NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

const DIFFERS: [&str; 4] =
    ["active-name-differs", "active-email-differs", "active-phone-differs", "active-home-phone-differs"];
const INVALID: [&str; 4] =
    ["sis-name-invalid", "sis-email-invalid", "sis-phone-invalid", "sis-home-phone-invalid"];

impl Note {
    /// Hands over the stable code and the exact sentence: the one list of what notes say. A note without a sentence is a code
    /// only. A sentence that is not asked for is never put together.
    fn parts<T>(&self, take: impl FnOnce(&'static str, fmt::Arguments<'_>) -> T) -> T {
        match self {
            Self::ActiveDiffers(..)
            | Self::Updated(..)
            | Self::SisBlank(..)
            | Self::SisInvalid(..)
            | Self::Taken(..)
            | Self::Shared(..) => self.field_parts(take),
            Self::Linked(ids) => take("link-added", format_args!("Linked to {}", first_of(ids))),
            Self::Unlinked(ids) => {
                take("link-removed", format_args!("No longer linked to {}", first_of(ids)))
            }
            Self::LastContactLost(ids) => take(
                "last-contact-lost",
                format_args!("No reachable contact left - was {}", or_none(&first_of(ids))),
            ),
            Self::GuardianUnreachable => take(
                "guardian-unreachable",
                format_args!("Guardian has no email or phone number in the SIS import - not added"),
            ),
            Self::NoAccount(why) => take(no_account(*why), format_args!("{}", not_added(*why))),
            Self::NoLonger(why) => take(no_account(*why), format_args!("{}", archived(*why))),
            Self::ContactNotKnown => take(
                "contact-not-known",
                format_args!("Not known tonight whether the person may be contacted - not added"),
            ),
            Self::Archived => {
                take("archived", format_args!("User is no longer in the SIS import - archived"))
            }
            Self::Missing(since) => {
                take("missing", format_args!("Missing from the SIS import since {since}"))
            }
            Self::NotArchived(until) => take(
                "missing",
                format_args!("Missing from the SIS import - not archived during the pause until {until}"),
            ),
            Self::SchoolPaused(school, until) => {
                take("school-paused", format_args!("School {school} is paused until {until} - left alone"))
            }
            Self::Restored => take("restored", format_args!("User is back in the SIS import - restored")),
            Self::Disabled => take("disabled", format_args!("User is disabled in the SIS import")),
            Self::RoleNotSynced(role) => {
                take("role-not-synced", format_args!("Role {role} is not synced - left out"))
            }
            Self::RoleEnded(role) => take("role-ended", format_args!("Role {role} has ended - left out")),
            Self::RoleNotBegun(role) => {
                take("role-not-begun", format_args!("Role {role} has not begun - left out"))
            }
            Self::SchoolNotSynced => take("school-not-synced", format_args!("No synced school - left out")),
            Self::PendingAgain => {
                take("pending-again", format_args!("User is pending again in the platform export"))
            }
            Self::ReusedId(name) => take(
                "reused-id",
                format_args!("Another person now has this sourcedId - was {}", or_none(name)),
            ),
            Self::HeldByLimit(limit) => take("held-by-limit", format_args!("Held by a limit - {limit}")),
            Self::Rejected(reason) => {
                take(reason.code(), format_args!("Record rejected - {}", reason.text()))
            }
            Self::Undeliverable(field, reason) => {
                take("undeliverable", format_args!("{} is undeliverable - {reason}", field.title()))
            }
            Self::PossibleRekey(what, other, evidence) => {
                let (before, after) = what.words();
                take("possible-rekey", format_args!("{before} {other} ({}){after}", evidence.words()))
            }
            Self::Rekeyed(old) => take("rekeyed", format_args!("Has a new sourcedId - was {old}")),
            Self::NoContact
            | Self::OptOut(..)
            | Self::Settled
            | Self::NotNotifiable
            | Self::PossibleDuplicate
            | Self::SamePerson
            | Self::ToBeDeleted => take(self.code_alone(), format_args!("")),
        }
    }

    /// [`Self::parts`] of a note about a field.
    fn field_parts<T>(&self, take: impl FnOnce(&'static str, fmt::Arguments<'_>) -> T) -> T {
        // Of a code for each field; in the order of [`Field::ALL`].
        let of = |field: &Field, codes: [&'static str; 4]| codes[*field as usize];
        match self {
            Self::ActiveDiffers(field, actual) => take(
                of(field, DIFFERS),
                format_args!(
                    "Active user has a new {} in the SIS import - {}",
                    field.noun(),
                    or_none(actual)
                ),
            ),
            Self::Updated(field, old) => take(
                of(field, ["name-updated", "email-updated", "phone-updated", "home-phone-updated"]),
                format_args!("{} updated by the sync - was {}", field.title(), or_none(old)),
            ),
            Self::SisBlank(field, actual) => take(
                of(field, ["sis-name-blank", "sis-email-blank", "sis-phone-blank", "sis-home-phone-blank"]),
                format_args!("SIS import has no {} - kept {actual}", field.noun()),
            ),
            Self::SisInvalid(field, value) => {
                take(of(field, INVALID), format_args!("SIS import has an invalid {} - {value}", field.noun()))
            }
            Self::Taken(field, by) => take(
                of(field, ["name-taken", "email-taken", "phone-taken", "home-phone-taken"]),
                format_args!("{} is already used by {by} - not updated", field.title()),
            ),
            Self::Shared(field, ids, more) => {
                let more = if *more == 0 { String::new() } else { format!(" and {more} more") };
                take(
                    of(field, ["name-shared", "email-shared", "phone-shared", "home-phone-shared"]),
                    format_args!("{} is shared with {}{more}", field.title(), ids.join(", ")),
                )
            }
            _ => take("", format_args!("")),
        }
    }

    /// The code of a note that has no sentence.
    fn code_alone(&self) -> &'static str {
        match self {
            Self::NoContact => "no-contact",
            Self::OptOut(Channel::Email, true) => "email-opted-out",
            Self::OptOut(Channel::Email, false) => "email-opted-in",
            Self::OptOut(Channel::Sms, true) => "sms-opted-out",
            Self::OptOut(Channel::Sms, false) => "sms-opted-in",
            Self::Settled => "settled",
            Self::NotNotifiable => "not-notifiable",
            Self::PossibleDuplicate => "possible-duplicate",
            Self::SamePerson => "same-person",
            Self::ToBeDeleted => "tobedeleted",
            _ => "",
        }
    }

    pub fn code(&self) -> &'static str {
        self.parts(|code, _| code)
    }
}

fn not_added(why: NoAccount) -> &'static str {
    match why {
        NoAccount::EmergencyOnly => "Emergency contact only - not added",
        NoAccount::NotAllowed => "May not be contacted - not added",
        NoAccount::Suppressed => "Suppressed - not added",
    }
}

fn archived(why: NoAccount) -> &'static str {
    match why {
        NoAccount::EmergencyOnly => "Emergency contact only now - archived",
        NoAccount::NotAllowed => "May not be contacted any more - archived",
        NoAccount::Suppressed => "Suppressed - archived",
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
        note.parts(|_, sentence| {
            if !cell.is_empty() && sentence.as_str() != Some("") {
                cell.push_str("; ");
            }
            let _ = cell.write_fmt(sentence);
        });
    }
    cell
}

/// The cell `codes`.
pub fn join_codes(notes: &[Note]) -> String {
    notes.iter().map(Note::code).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
pub(super) mod tests;
