//! Why an edit, a join or a permission is refused: a stable code, and a sentence that the person may read.

use super::People;
use crate::account::Account;
use crate::config::Config;
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::policy::Refusal;
use crate::store::{AuditEntry, Origin};

/// Why an edit, a join or a permission is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// By the policy, whatever the value.
    Policy(Refusal),
    /// The account that is said to edit does not exist.
    UnknownActor,
    /// The permission to manage users is for staff.
    NotStaff,
    /// The value is no name, no address, no number.
    Invalid(Field),
    TooLong,
    /// A placeholder address of the configuration.
    Placeholder,
    /// Another account has it (`shared_contacts = "unique"`). The sentence does not say which.
    Taken(Field),
    /// Neither email nor mobile would be left to sign in with.
    LastCredential,
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::Policy(refusal)
    }
}

impl Refused {
    pub fn code(self) -> &'static str {
        match self {
            Self::Policy(refusal) => refusal.code(),
            Self::UnknownActor => "unknown-actor",
            Self::NotStaff => "not-staff",
            Self::Invalid(Field::Name) => "invalid-name",
            Self::Invalid(Field::Email) => "invalid-email",
            Self::Invalid(Field::Phone) => "invalid-phone",
            Self::Invalid(Field::HomePhone) => "invalid-home-phone",
            Self::TooLong => "too-long",
            Self::Placeholder => "placeholder-email",
            Self::Taken(Field::Phone | Field::HomePhone) => "phone-taken",
            Self::Taken(Field::Name | Field::Email) => "email-taken",
            Self::LastCredential => "last-credential",
        }
    }

    /// The sentence for the person. It holds no value and no name.
    pub fn sentence(self, config: &Config) -> &str {
        match self {
            Self::Policy(Refusal::ManagedBySync) => &config.notify.message,
            Self::Policy(Refusal::NotJoined) => {
                "This person has not joined yet. Until then the details come from the school's records: please correct \
                 them there."
            }
            Self::Policy(Refusal::Archived) => {
                "This account is archived. It cannot be used until a sync restores it."
            }
            Self::Policy(Refusal::NotPermitted) => {
                "You do not have the permission to change this person's contact details."
            }
            Self::Policy(Refusal::OtherSchool) => {
                "You can change the contact details of people at the schools whose users you manage, and this person is \
                 at none of them."
            }
            Self::Policy(Refusal::Outranked) => {
                "The contact details of administrators, and of others who manage users, can be changed by themselves or \
                 by a person who manages the users of the whole district."
            }
            Self::Policy(Refusal::ActorInactive) => {
                "Your own account is not active, so it cannot change the contact details of others."
            }
            Self::Policy(Refusal::ActorDisabled) => {
                "Your own account is disabled in the school's records, so it cannot change the contact details of others."
            }
            Self::UnknownActor => {
                "You have no account of your own here, so you cannot change the contact details of others."
            }
            Self::NotStaff => {
                "Only staff can manage users, and this person holds no staff role today. Student, guardian, parent and relative \
                 are none; nor is a role that has ended or that OneRoster does not have."
            }
            Self::Invalid(Field::Name) => "A name is needed.",
            Self::Invalid(Field::Email) => "This is not a valid email address.",
            Self::Invalid(Field::Phone) => "This is not a valid phone number.",
            Self::Invalid(Field::HomePhone) => "This is not a valid home phone number.",
            Self::TooLong => "This is too long: 255 characters are the most.",
            Self::Placeholder => "This email address is a placeholder that no one reads.",
            Self::Taken(Field::Phone | Field::HomePhone) => {
                "This phone number is already used by another account."
            }
            Self::Taken(Field::Name | Field::Email) => {
                "This email address is already used by another account."
            }
            Self::LastCredential => {
                "An email address or a phone number has to stay: one of them is needed to sign in."
            }
        }
    }

    /// As the failure of a command: the sentence, with the code where it says what it is about.
    pub fn failure(self, user: &str, config: &Config) -> Failure {
        Failure::new(Kind::Blocked, self.sentence(config).trim_end_matches('.'))
            .at(format!("user {user}, code {}", self.code()))
            .cure(match self {
                Self::NotStaff => "nothing was changed; give the permission to a staff account",
                Self::UnknownActor => {
                    "nothing was changed; `--as` takes the sourcedId of the user, or of staff"
                }
                _ => "nothing was changed; `rostersync users can-edit` says who may change what",
            })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tried {
    Edit,
    Join,
    /// To be given the permission to manage users.
    Grant,
    Settle,
}

impl Tried {
    /// In the history, in place of an old value.
    fn word(self) -> &'static str {
        match self {
            Self::Edit => "",
            Self::Join => "join",
            Self::Grant => "grant",
            Self::Settle => "settle",
        }
    }
}

/// So many characters of a given sourcedId are kept; it may be any text.
const LONGEST: usize = 255;

impl People<'_> {
    /// Puts what was tried with an account into the history. `actor` is the sourcedId that was given for
    /// it. The caller commits.
    pub(super) fn record_refusal(
        &self,
        target: &Account,
        tried: Tried,
        refused: Refused,
        (origin, actor): (Origin, &str),
    ) -> Result<()> {
        let entry = AuditEntry {
            origin,
            field: "refused".into(),
            old: tried.word().into(),
            new: refused.code().into(),
        };
        let actor: String = actor.chars().take(LONGEST).collect();
        self.store.audit_by(target.id, None, &entry, &actor, self.now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_is_explained() {
        let policy = [
            Refusal::ActorInactive,
            Refusal::ActorDisabled,
            Refusal::NotPermitted,
            Refusal::OtherSchool,
            Refusal::Outranked,
            Refusal::Archived,
            Refusal::NotJoined,
            Refusal::ManagedBySync,
        ];
        let others = [
            Refused::UnknownActor,
            Refused::NotStaff,
            Refused::TooLong,
            Refused::Placeholder,
            Refused::LastCredential,
        ];
        let of_fields =
            Field::ALL.into_iter().flat_map(|field| [Refused::Invalid(field), Refused::Taken(field)]);
        for refused in policy.into_iter().map(Refused::Policy).chain(others).chain(of_fields) {
            let mut entries = crate::codes::explain_all(refused.code());
            assert!(entries.any(|entry| entry.kind == crate::codes::Kind::Refusal), "{}", refused.code());
        }
    }
}
