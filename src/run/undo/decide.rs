//! What becomes of each value of one account when a run is taken back. Pure.

use crate::account::{Account, State};
use crate::contact::{Details, Email, Field};
use crate::people::has_credential;
use crate::plural::or_none;
use crate::rules::Rules;
use crate::store::{Audited, Origin};

/// What becomes of a value that the run had changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ValueOutcome {
    GivenBack(NextRun),
    Kept(Why),
}

/// What the next run will do with a value that was given back, if the roster says again what it
/// said last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NextRun {
    /// Nothing, and says nothing.
    Stays,
    /// Nothing, while something lasts: after that the account is decided on again.
    StaysWhile(&'static str),
    /// Leaves it alone, and reports that the SIS has another.
    Reported,
    ChangedTo(String),
    /// Does what the undone run did, or what comes of it: `the next run {…}`.
    Does(&'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    ChangedSince,
    Archived,
    /// Another account has the old value by now (`shared_contacts = "unique"`).
    Taken,
    /// There would be nothing left to sign in with.
    LastCredential,
    Erased,
    /// The person may not be contacted: a suppression or a rule keeps the account archived.
    NotContacted,
    /// Another account has the sourcedId by now, or the two accounts were exchanged.
    IdTaken,
}

impl Why {
    pub fn word(self) -> &'static str {
        match self {
            Self::ChangedSince => "changed since",
            Self::Archived => "the account is archived",
            Self::Taken => "another account has it by now",
            Self::LastCredential => "nothing would be left to sign in with",
            Self::Erased => "the old value was erased",
            Self::NotContacted => "the person may not be contacted",
            Self::IdTaken => "another account has it by now; see `rostersync users rekey`",
        }
    }
}

/// What a run had done to an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    Value(Field),
    Created,
    Archived,
    Restored,
    SourcedId,
    /// A link to a student was added, or removed.
    Linked(String),
    Unlinked(String),
}

impl Part {
    /// In the lines of the output.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Value(field) => field.word(),
            Self::Created | Self::Archived | Self::Restored => "state",
            Self::SourcedId => "sourcedId",
            Self::Linked(_) | Self::Unlinked(_) => "link",
        }
    }

    fn code(&self) -> &'static str {
        match self {
            Self::Value(field) => field.code(),
            Self::Created => "created",
            Self::Archived => "archived",
            Self::Restored => "restored",
            Self::SourcedId => "sourced-id",
            Self::Linked(_) => "link-added",
            Self::Unlinked(_) => "link-removed",
        }
    }

    fn title(&self) -> String {
        match self {
            Self::Value(field) => field.title().to_owned(),
            Self::Created => "Creation".to_owned(),
            Self::Archived => "Archiving".to_owned(),
            Self::Restored => "Return".to_owned(),
            Self::SourcedId => "New sourcedId".to_owned(),
            Self::Linked(student) => format!("Link to {student}"),
            Self::Unlinked(student) => format!("End of the link to {student}"),
        }
    }
}

/// One thing that the run had changed, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Undone {
    pub part: Part,
    pub now: String,
    /// What it was before the run, as shown.
    pub was: String,
    pub outcome: ValueOutcome,
}

impl Undone {
    pub(super) fn is_given_back(&self) -> bool {
        matches!(self.outcome, ValueOutcome::GivenBack(_))
    }

    pub(super) fn code(&self) -> String {
        let done = if matches!(self.part, Part::Value(_)) { "given-back" } else { "taken-back" };
        match self.outcome {
            ValueOutcome::GivenBack(_) => format!("{}-{done}", self.part.code()),
            ValueOutcome::Kept(_) => format!("{}-not-{done}", self.part.code()),
        }
    }

    pub(super) fn note(&self, run: i64) -> String {
        let title = self.part.title();
        let done = if matches!(self.part, Part::Value(_)) { "given back" } else { "taken back" };
        match &self.outcome {
            ValueOutcome::GivenBack(next) => {
                let then = match next {
                    NextRun::Stays => String::new(),
                    NextRun::StaysWhile(what) => format!(", it stays while {what}"),
                    NextRun::Does(what) => format!(", the next run {what}"),
                    NextRun::Reported => ", the next run leaves it and reports the SIS value".to_owned(),
                    NextRun::ChangedTo(value) => {
                        format!(", the next run changes it to {} again", or_none(value))
                    }
                };
                format!("{title} {done} by the undo of run {run} - was {}{then}", or_none(&self.now))
            }
            ValueOutcome::Kept(why) => {
                format!(
                    "{title} not {done} by the undo of run {run}: {} - kept {}",
                    why.word(),
                    or_none(&self.now)
                )
            }
        }
    }
}

/// Decides over one account: how it will be, and what becomes of each value that the run changed.
/// `of_run` are the run's entries for it, `history` all that there are.
pub(super) fn decide(
    before: &Account,
    of_run: &[Audited],
    history: &[Audited],
    is_taken: &dyn Fn(Field) -> bool,
    rules: &Rules,
) -> (Account, Vec<Undone>) {
    let mut details = before.details.clone();
    let mut values = Vec::new();
    for field in Field::ALL {
        let ours = |entry: &&Audited| {
            entry.field == field.key() && matches!(entry.origin, Origin::Sync | Origin::Undo)
        };
        let (Some(first), Some(last)) = (of_run.iter().find(ours), of_run.iter().rfind(ours)) else {
            continue;
        };
        let mut back = Details::default();
        back.put_recorded(field, &old_value(first, of_run));
        let touched = history.iter().any(|entry| entry.field == field.key() && entry.id > last.id);
        let outcome = if first.erased {
            ValueOutcome::Kept(Why::Erased)
        } else if touched || before.details.recorded(field) != last.new {
            ValueOutcome::Kept(Why::ChangedSince)
        } else if before.archived {
            ValueOutcome::Kept(Why::Archived)
        } else if is_taken(field) {
            ValueOutcome::Kept(Why::Taken)
        } else {
            details.take(field, &back);
            ValueOutcome::GivenBack(NextRun::Stays)
        };
        values.push(Undone {
            part: Part::Value(field),
            now: before.details.shown(field),
            was: back.shown(field),
            outcome,
        });
    }
    if before.state == State::Active
        && has_credential(&before.details, rules)
        && !has_credential(&details, rules)
    {
        // As when blank cells clear: if both were to go, the email stays.
        for value in values.iter_mut().filter(|value| value.is_given_back()) {
            let Part::Value(field) = value.part else { continue };
            let holds = match field {
                Field::Email => Email::parse(&before.details.email).is_some(),
                Field::Phone => rules.phones.parse(&before.details.phone).is_some(),
                Field::Name | Field::HomePhone => false,
            };
            if holds {
                details.take(field, &before.details);
                value.outcome = ValueOutcome::Kept(Why::LastCredential);
                break;
            }
        }
    }
    let mut after = before.clone();
    after.replace_details(details);
    (after, values)
}

/// The value from before the run. Where the platform's export had changed a name in the same run,
/// only its entry has the parts of it.
fn old_value(first: &Audited, of_run: &[Audited]) -> String {
    let said = of_run
        .iter()
        .rfind(|entry| entry.id < first.id && entry.field == first.field && entry.origin == Origin::Platform);
    said.map_or_else(|| first.old.clone(), |entry| entry.new.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_note_of_an_undo_is_explained() {
        let parts = [Part::Created, Part::Archived, Part::Restored, Part::SourcedId]
            .into_iter()
            .chain([Part::Linked("stu-1".into()), Part::Unlinked("stu-1".into())])
            .chain(Field::ALL.map(Part::Value));
        for part in parts {
            for outcome in [ValueOutcome::GivenBack(NextRun::Stays), ValueOutcome::Kept(Why::ChangedSince)] {
                let code =
                    Undone { part: part.clone(), now: String::new(), was: String::new(), outcome }.code();
                let entry = crate::codes::explain(&code);
                assert!(entry.is_some_and(|entry| entry.kind == crate::codes::Kind::UndoNote), "{code}");
            }
        }
    }
}
