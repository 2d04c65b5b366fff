//! `undo --all`: what a run did to accounts besides their details. Pure.
//!
//! An account that the run created is archived, not removed: the audit names it, its number is never
//! given again, and an archived account takes part in nothing. Whatever was touched since stays.

use super::decide::{NextRun, Part, Undone, ValueOutcome, Why};
use crate::account::{Account, State};
use crate::roster::kept::key;
use crate::store::{Audited, Origin};

/// What the decision over one account needs besides its history.
pub(super) struct Facts<'a> {
    /// The run created the account.
    pub(super) created: bool,
    /// The last entry of the audit that belongs to the run.
    pub(super) end: i64,
    /// The person is suppressed.
    pub(super) suppressed: bool,
    /// Whether an account has a sourcedId.
    pub(super) has_account: &'a dyn Fn(&str) -> bool,
}

/// Decides over one account: changes `after`, and says what becomes of each thing. `of_run` are the
/// run's entries for it, `history` all that there are.
pub(super) fn decide(
    before: &Account,
    after: &mut Account,
    of_run: &[Audited],
    history: &[Audited],
    facts: &Facts<'_>,
) -> Vec<Undone> {
    // A file of renames is the operator's.
    let ours = |entry: &&Audited| {
        matches!(entry.origin, Origin::Sync | Origin::Undo)
            || entry.origin == Origin::Operator && entry.field == "sourced_id"
    };
    let entries = |field: &'static str| {
        let is = move |entry: &&Audited| entry.field == field;
        of_run.iter().filter(ours).filter(is)
    };
    // What was only tried, or becomes of messages, touches nothing.
    let is_change = |entry: &&Audited| !matches!(entry.field.as_str(), "refused" | "messages");
    let touched = history.iter().filter(is_change).any(|entry| entry.id > facts.end);
    let kept = |why| ValueOutcome::Kept(why);
    let mut all = Vec::new();
    let mut say = |part, now: &str, was: &str, outcome| {
        all.push(Undone { part, now: now.to_owned(), was: was.to_owned(), outcome });
    };
    if facts.created {
        if touched || before.archived {
            say(Part::Created, before.state_word(), "", kept(Why::ChangedSince));
        } else {
            after.archived = true;
            let next = NextRun::Does("restores it, if the SIS still has it");
            say(Part::Created, before.state_word(), "", ValueOutcome::GivenBack(next));
        }
        return all;
    }
    if let Some(entry) = entries("sourced_id").next_back() {
        let is_taken = (facts.has_account)(&entry.old);
        let outcome = if touched || before.sourced_id != entry.new {
            kept(Why::ChangedSince)
        } else if entry.erased {
            kept(Why::Erased)
        } else if is_taken {
            kept(Why::IdTaken)
        } else {
            after.sourced_id.clone_from(&entry.old);
            ValueOutcome::GivenBack(NextRun::Does("decides about the two sourcedIds anew"))
        };
        say(Part::SourcedId, &before.sourced_id, &entry.old, outcome);
    }
    if let Some(entry) = entries("state").find(|entry| entry.new == "archived" || entry.old == "archived") {
        let was_archived = entry.new == "archived";
        let is_barred =
            !before.sis.barred.is_empty() || !before.sis.emergency.is_empty() && before.sis.agents.is_empty();
        let part = if was_archived { Part::Archived } else { Part::Restored };
        let outcome = if touched || before.archived != was_archived {
            kept(Why::ChangedSince)
        } else if was_archived && (facts.suppressed || is_barred) {
            kept(Why::NotContacted)
        } else {
            after.archived = !was_archived;
            if let Some(state) =
                State::ALL.into_iter().find(|state| was_archived && state.word() == entry.old)
            {
                after.state = state;
            }
            let next = if was_archived { "archives it again" } else { "restores it again" };
            ValueOutcome::GivenBack(NextRun::Does(next))
        };
        say(part, before.state_word(), &entry.old, outcome);
    }
    all.extend(links(after, entries("link"), history));
    all
}

/// Takes links back that came or went.
fn links<'e>(
    after: &mut Account,
    entries: impl Iterator<Item = &'e Audited>,
    history: &[Audited],
) -> Vec<Undone> {
    let mut all = Vec::new();
    for entry in entries {
        let added = entry.old.is_empty();
        let student = if added { &entry.new } else { &entry.old };
        if student.is_empty() {
            // Erased with the student.
            continue;
        }
        let same =
            |other: &Audited| other.field == "link" && (other.old == *student || other.new == *student);
        let touched = history.iter().any(|other| other.id > entry.id && same(other));
        let links = after.links.get_or_insert_default();
        let (hash, place) = (key(student), links.binary_search(&key(student)));
        let outcome = match (added, place) {
            (true, Ok(at)) if !touched => {
                links.remove(at);
                ValueOutcome::GivenBack(NextRun::Does("adds it again"))
            }
            (false, Err(at)) if !touched => {
                links.insert(at, hash);
                ValueOutcome::GivenBack(NextRun::Does("removes it again"))
            }
            (_, Ok(_) | Err(_)) => ValueOutcome::Kept(Why::ChangedSince),
        };
        let (now, was) = if added { (student.as_str(), "") } else { ("", student.as_str()) };
        let part = if added { Part::Linked(student.clone()) } else { Part::Unlinked(student.clone()) };
        all.push(Undone { part, now: now.to_owned(), was: was.to_owned(), outcome });
    }
    all
}
