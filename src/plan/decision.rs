//! What is decided over each field of a user, and by which rule. Notes, changes and differences that are left alone follow
//! from it, and the preview, `explain`, `undo` and the history read it.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Change, Note};
use crate::contact::Field;

/// Why a field is treated as it is: the cell of the policy or, where no field is decided over, what becomes of the record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rule {
    Rejected,
    LeftOut,
    Held,
    SamePerson,
    Archived,
    Missing,
    NotMentioned,
    Created,
    Updated,
    UpdatedCase,
    Cleared,
    LeftDifferent,
    LeftBlank,
    KeptBlank,
    Invalid,
    Taken,
    Placeholder,
    NotProvided,
    NothingSaid,
    Same,
    HeldByLimit,
}

impl Rule {
    /// The stable code, and the rule as a sentence.
    fn parts(self) -> (&'static str, &'static str) {
        match self {
            Self::Rejected => ("rejected", "the record cannot be used, so the account is left as it is"),
            Self::LeftOut => {
                ("left-out", "the record is left out by the rules, so the account is left as it is")
            }
            Self::Held => (
                "held",
                "another person seems to have the sourcedId now: `rostersync users same USER` restores the account, `rostersync \
                 users another USER` makes room for the other",
            ),
            Self::SamePerson => (
                "same-person",
                "the user is probably there under another sourcedId too: `rostersync users rekey OLD NEW` if they are one person, \
                 `rostersync users distinct OLD NEW` if they are two",
            ),
            Self::HeldByLimit => (
                "held-by-limit",
                "a limit holds the change back: it is decided again by the next run, and `rostersync run --approve CHECKSUM` applies it",
            ),
            Self::Archived => {
                ("archived", "the account is archived, and an archived account keeps its details")
            }
            Self::Missing => (
                "missing",
                "the SIS import does not mention the user any more, and the account is left as it is until it is archived",
            ),
            Self::NotMentioned => {
                ("not-mentioned", "the SIS import does not mention the user, and there is nothing to decide")
            }
            Self::Created => ("created", "a new account starts with the value of the SIS"),
            Self::Updated => ("updated", "the SIS has another value, and the sync may change it"),
            Self::UpdatedCase => (
                "updated-case",
                "the SIS writes it in other capitals, and the sync may change it; no message is sent",
            ),
            Self::Cleared => {
                ("cleared", "the SIS has no value, blank_values is \"clear\", and the sync may change it")
            }
            Self::LeftDifferent => {
                ("left-different", "the SIS has another value, but an active user under OFF keeps their own")
            }
            Self::LeftBlank => {
                ("left-blank", "the SIS has no value, but an active user under OFF keeps their own")
            }
            Self::KeptBlank => ("kept-blank", "the SIS has no value; a blank cell takes nothing away here"),
            Self::Invalid => ("invalid", "the value of the SIS is not valid, and is never applied"),
            Self::Taken => {
                ("taken", "another account has the value of the SIS, and shared_contacts is \"unique\"")
            }
            Self::Placeholder => (
                "placeholder",
                "the value of the SIS is a placeholder of ignore_emails: it counts as not provided",
            ),
            Self::NotProvided => (
                "not-provided",
                "the SIS import does not provide it, and what is not provided changes nothing",
            ),
            Self::NothingSaid => ("nothing-said", "the SIS says nothing, and there is nothing to take away"),
            Self::Same => ("same", "the SIS has the same value; how it is written makes no difference"),
        }
    }

    pub fn code(self) -> &'static str {
        self.parts().0
    }

    pub fn sentence(self) -> &'static str {
        self.parts().1
    }

    /// Whether the sync replaces or clears a value of an account.
    pub fn changes(self) -> bool {
        matches!(self, Self::Updated | Self::UpdatedCase | Self::Cleared)
    }

    /// Whether a difference is left alone: the action `kept`, and a day in `first_seen`.
    pub fn leaves(self) -> bool {
        matches!(self, Self::LeftDifferent | Self::LeftBlank)
    }

    /// Whether a value of an active person under OFF is left alone that the SIS does not have.
    pub fn can_be_settled(self) -> bool {
        self.leaves() || self == Self::KeptBlank
    }

    /// Whether the account has afterwards what the record says, so that the same record changes and reports nothing.
    fn is_final(self) -> bool {
        self.changes()
            || matches!(
                self,
                Self::Created | Self::Placeholder | Self::NotProvided | Self::NothingSaid | Self::Same
            )
    }
}

#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDecision {
    pub field: Field,
    pub rule: Rule,
    /// The account's value before the run, as shown. Empty if the account has none, and where nothing differs.
    pub actual: String,
    /// The SIS's value as an account would show it; of an invalid value its text. Empty if the SIS has none, and where
    /// nothing differs.
    pub sis: String,
    /// A person has looked at the difference (`users settle`): it is not noted until a value changes.
    pub settled: bool,
}

/// Values stay out of logs.
impl fmt::Debug for FieldDecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FieldDecision({}, {:?})", self.field.key(), self.rule)
    }
}

impl FieldDecision {
    const fn without_difference(field: Field, rule: Rule) -> Self {
        Self { field, rule, actual: String::new(), sis: String::new(), settled: false }
    }

    /// What the report says of it.
    pub(super) fn note(&self) -> Option<Note> {
        let actual = || self.actual.clone();
        match self.rule {
            _ if self.settled => None,
            Rule::Updated | Rule::UpdatedCase | Rule::Cleared => Some(Note::Updated(self.field, actual())),
            Rule::LeftDifferent => Some(Note::ActiveDiffers(self.field, actual())),
            Rule::LeftBlank | Rule::KeptBlank => Some(Note::SisBlank(self.field, actual())),
            Rule::Invalid => Some(Note::SisInvalid(self.field, self.sis.clone())),
            _ => None,
        }
    }

    /// The change, of a rule that changes something.
    pub(super) fn change(&self) -> Change {
        Change {
            field: self.field,
            old: self.actual.clone(),
            new: self.sis.clone(),
            case_only: self.rule == Rule::UpdatedCase,
        }
    }
}

/// What is decided over the fields of one user, in the order of [`Field::ALL`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDecisions(pub [FieldDecision; 4]);

/// Of a user whose account is what the record says.
pub(super) static ALL_SAME: FieldDecisions = FieldDecisions::all(Rule::Same);

impl FieldDecisions {
    /// One rule for all fields, and no difference.
    pub(super) const fn all(rule: Rule) -> Self {
        let [name, email, phone, home_phone] = Field::ALL;
        Self([
            FieldDecision::without_difference(name, rule),
            FieldDecision::without_difference(email, rule),
            FieldDecision::without_difference(phone, rule),
            FieldDecision::without_difference(home_phone, rule),
        ])
    }

    pub fn of(&self, field: Field) -> &FieldDecision {
        &self.0[field as usize]
    }

    /// The values that the sync replaces or clears.
    pub fn changes(&self) -> impl Iterator<Item = &FieldDecision> {
        self.0.iter().filter(|decision| decision.rule.changes())
    }

    /// The differences that are left alone.
    pub fn kept(&self) -> impl Iterator<Item = &FieldDecision> {
        self.0.iter().filter(|decision| decision.rule.leaves())
    }

    /// The differences that a person has looked at.
    pub fn settled(&self) -> impl Iterator<Item = &FieldDecision> {
        self.0.iter().filter(|decision| decision.settled)
    }

    /// Whether the same record comes to nothing on the next night.
    pub(super) fn are_final(&self) -> bool {
        self.0.iter().all(|decision| decision.rule.is_final())
    }
}
