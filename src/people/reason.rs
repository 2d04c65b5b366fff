//! Why the next run does with a field what it does: the rule of the policy, read off the plan itself, so that it cannot say
//! anything else. Pure.

use crate::account::Account;
use crate::contact::Field;
use crate::plan::{Action, Note, PlanRow, Rules};

/// A rule of the policy, as it applied to one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rule {
    Rejected,
    LeftOut,
    Held,
    Archived,
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
}

impl Rule {
    /// The stable code.
    pub fn code(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::LeftOut => "left-out",
            Self::Held => "held",
            Self::Archived => "archived",
            Self::NotMentioned => "not-mentioned",
            Self::Created => "created",
            Self::Updated => "updated",
            Self::UpdatedCase => "updated-case",
            Self::Cleared => "cleared",
            Self::LeftDifferent => "left-different",
            Self::LeftBlank => "left-blank",
            Self::KeptBlank => "kept-blank",
            Self::Invalid => "invalid",
            Self::Taken => "taken",
            Self::Placeholder => "placeholder",
            Self::NotProvided => "not-provided",
            Self::NothingSaid => "nothing-said",
            Self::Same => "same",
        }
    }

    /// What the rule says.
    pub fn sentence(self) -> &'static str {
        match self {
            Self::Rejected => "the record cannot be used, so the account is left as it is",
            Self::LeftOut => "the record is left out by the rules, so the account is left as it is",
            Self::Held => {
                "another person seems to have the sourcedId now: `rostersync users same USER` restores the account, `rostersync \
                 users another USER` makes room for the other"
            }
            Self::Archived => {
                "the user is no longer in the SIS import; an archived account keeps its details"
            }
            Self::NotMentioned => "the SIS import does not mention the user, and there is nothing to decide",
            Self::Created => "a new account starts with the value of the SIS",
            Self::Updated => "the SIS has another value, and the sync may change it",
            Self::UpdatedCase => {
                "the SIS writes it in other capitals, and the sync may change it; no message is sent"
            }
            Self::Cleared => "the SIS has no value, blank_values is \"clear\", and the sync may change it",
            Self::LeftDifferent => "the SIS has another value, but an active user under OFF keeps their own",
            Self::LeftBlank => "the SIS has no value, but an active user under OFF keeps their own",
            Self::KeptBlank => "the SIS has no value; a blank cell takes nothing away here",
            Self::Invalid => "the value of the SIS is not valid, and is never applied",
            Self::Taken => "another account has the value of the SIS, and shared_contacts is \"unique\"",
            Self::Placeholder => {
                "the value of the SIS is a placeholder of ignore_emails: it counts as not provided"
            }
            Self::NotProvided => {
                "the SIS import does not provide it, and what is not provided changes nothing"
            }
            Self::NothingSaid => "the SIS says nothing, and there is nothing to take away",
            Self::Same => "the SIS has the same value; how it is written makes no difference",
        }
    }
}

/// The rule that decided over a field. `row` is the person's row in the plan; none if the plan has nothing to say.
pub fn rule(field: Field, row: Option<&PlanRow>, stored: Option<&Account>, rules: &Rules) -> Rule {
    let Some(row) = row else {
        return if stored.is_some_and(|account| account.archived) {
            Rule::Archived
        } else {
            Rule::NotMentioned
        };
    };
    match row.action {
        Action::Rejected => return Rule::Rejected,
        Action::Skipped => return Rule::LeftOut,
        Action::Held => return Rule::Held,
        Action::Archived => return Rule::Archived,
        Action::Created | Action::Updated | Action::Restored | Action::Kept | Action::Unchanged => {}
    }
    if let Some(change) = row.changes.iter().find(|change| change.field == field) {
        return match (change.new.is_empty(), change.case_only) {
            (true, _) => Rule::Cleared,
            (false, true) => Rule::UpdatedCase,
            (false, false) => Rule::Updated,
        };
    }
    let kept = row.kept.iter().any(|(of, _)| *of == field);
    let said = row.sis.shown(field);
    let noted = row.notes.iter().find_map(|note| match note {
        Note::ActiveDiffers(of, _) if *of == field => Some(Rule::LeftDifferent),
        Note::SisBlank(of, _) if *of == field => Some(if kept { Rule::LeftBlank } else { Rule::KeptBlank }),
        Note::SisInvalid(of, _) if *of == field => Some(Rule::Invalid),
        Note::Taken(of, _) if *of == field => Some(Rule::Taken),
        _ => None,
    });
    if let Some(rule) = noted {
        return rule;
    }
    if field == Field::Email && !said.is_empty() && rules.ignore_emails.matches(&said) {
        Rule::Placeholder
    } else if said.is_empty() && !row.details.shown(field).is_empty() {
        // A blank cell would have its note.
        Rule::NotProvided
    } else if said.is_empty() {
        Rule::NothingSaid
    } else if row.action == Action::Created && row.state == "pending" {
        Rule::Created
    } else {
        Rule::Same
    }
}
