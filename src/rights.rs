//! Which adults may be contacted. Each link between an adult and a child has a class, by the rules
//! of `[contacts]`; what becomes of the adult follows from the classes of all links. Pure.
//!
//! The sources try the rules, because only they have the raw columns. The plan asks [`allowed`].

pub mod rules;

#[cfg(test)]
mod tests;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What a link between an adult and a child is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Class {
    Contact,
    Emergency,
    Never,
}

impl Class {
    pub const ALL: [Self; 3] = [Self::Contact, Self::Emergency, Self::Never];

    pub fn word(self) -> &'static str {
        match self {
            Self::Contact => "contact",
            Self::Emergency => "emergency",
            Self::Never => "never",
        }
    }

    /// The class of a link that several rows name. A row that forbids the contact wins over one
    /// that allows it; a contact is more than a contact for emergencies.
    pub fn with(self, other: Self) -> Self {
        match (self, other) {
            (Self::Never, _) | (_, Self::Never) => Self::Never,
            (Self::Contact, _) | (_, Self::Contact) => Self::Contact,
            (Self::Emergency, Self::Emergency) => Self::Emergency,
        }
    }
}

/// Why a person may have no account.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum NoAccount {
    /// All links are for emergencies, or may not be used.
    EmergencyOnly,
    /// No link may be used.
    NotAllowed,
    /// By `users suppress`, or by the file of suppressed people.
    Suppressed,
}

/// Which classes the links of an adult have.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Links {
    pub contact: bool,
    pub emergency: bool,
    pub never: bool,
    /// There is a link whose class is not known tonight.
    pub unknown: bool,
}

/// Whether a person may have an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Allowed {
    Yes,
    No(NoAccount),
    /// It is not known tonight: an account that there is stands, none is added.
    NotKnown,
}

/// Whether a person with these links may have an account.
pub fn allowed(links: Links, is_suppressed: bool) -> Allowed {
    match (is_suppressed, links) {
        (true, _) => Allowed::No(NoAccount::Suppressed),
        (false, Links { contact: true, .. }) => Allowed::Yes,
        (false, Links { unknown: true, .. }) => Allowed::NotKnown,
        (false, Links { emergency: true, .. }) => Allowed::No(NoAccount::EmergencyOnly),
        (false, Links { never: true, .. }) => Allowed::No(NoAccount::NotAllowed),
        // Without any link nothing is said.
        (false, _) => Allowed::Yes,
    }
}

/// Words in the names of columns that say whom a school may contact.
const RESTRICTIONS: [&str; 21] = [
    "custod",
    "court",
    "rights",
    "restrict",
    "emergency",
    "contacttype",
    "contactrole",
    "portal",
    "mailing",
    "mailflag",
    "receivesmail",
    "receivemail",
    "nocontact",
    "donotcontact",
    "maycontact",
    "cancontact",
    "liveswith",
    "livewith",
    "legalguardian",
    "protective",
    "optout",
];

/// Whether the name of a column looks as if it said whom a school may contact.
pub fn looks_like_restriction(header: &str) -> bool {
    let name: String = header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    RESTRICTIONS.iter().any(|word| name.contains(word))
}
