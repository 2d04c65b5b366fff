//! Whether a plan is the one that was approved and, if it is not, what has moved since.
//!
//! A blocked run leaves in its summary what its plan was made with. A preview leaves nothing
//! behind, so of a checksum that comes from one only the present plan is known.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::request::Options;
use crate::attempt::Ending;
use crate::contact::Field;
use crate::failure::{Failure, Kind, Result};
use crate::plan::{Action, Plan, Summary};
use crate::plural::{agreed, counted};
use crate::rules::Rules;
use crate::source::About;
use crate::store::{Origin, RunRow, Store};

/// What a plan was made with, besides the people.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Basis {
    source: String,
    no_notify: bool,
    rekey: bool,
    /// The values of the configuration that a plan depends on, as text.
    settings: BTreeMap<String, String>,
}

const NOT_SET: &str = "not set";

/// Under this key in the summary of a blocked run.
pub const BASIS: &str = "basis";

impl Basis {
    pub(super) fn of(rules: &Rules, about: &About, options: &Options) -> Self {
        Self {
            source: about.name.to_owned(),
            no_notify: options.no_notify,
            rekey: options.rekey.is_some(),
            settings: rules.settings(),
        }
    }

    fn of_run(run: &RunRow) -> Option<Self> {
        serde_json::from_value(run.summary.get(BASIS)?.clone()).ok()
    }

    fn moved(&self, now: &Self) -> Vec<String> {
        let mut moved = Vec::new();
        if self.source != now.source {
            moved.push(format!("the roster is {}, it was {}", now.source, self.source));
        }
        let option = |name: &str, then: bool, now: bool| match (then, now) {
            (true, false) => Some(format!("it was made with {name}, and now there is none")),
            (false, true) => Some(format!("it was made without {name}, and now there is one")),
            (_, _) => None,
        };
        moved.extend(option("--no-notify", self.no_notify, now.no_notify));
        moved.extend(option("--rekey", self.rekey, now.rekey));
        let names: std::collections::BTreeSet<&String> =
            self.settings.keys().chain(now.settings.keys()).collect();
        for name in names {
            let text = |value: Option<&String>| value.map_or(NOT_SET, String::as_str).to_owned();
            let (then, now) = (text(self.settings.get(name)), text(now.settings.get(name)));
            // Without notifications it is not asked by which channels they would go.
            let no_channel =
                name.starts_with("[notify.") && [&then, &now].into_iter().any(|text| text == NOT_SET);
            if then != now && !no_channel {
                moved.push(format!("the configuration: {name} is {now}, it was {then}"));
            }
        }
        moved
    }
}

/// Whether the plan is the approved one.
///
/// # Errors
/// `Blocked` if another plan was approved: the one at hand was not looked at, even if it is within the limits.
pub(super) fn approve(plan: &Plan, basis: &Basis, options: &Options, store: &Store) -> Result<bool> {
    let Some(approved) = &options.approve else { return Ok(false) };
    if approved.eq_ignore_ascii_case(&plan.checksum) {
        return Ok(true);
    }
    let what = format!(
        "the approved plan is {approved}, but the plan is now {}; nothing was applied\n{}",
        plan.checksum,
        since(approved, plan, basis, store)?
    );
    Err(Failure::new(Kind::Blocked, what)
        .cure(format!("look at the new plan, and approve that one:\n  {} --dry-run", options.command)))
}

/// What has moved since the approved plan was made, as far as that is known.
fn since(approved: &str, plan: &Plan, basis: &Basis, store: &Store) -> Result<String> {
    let Some(run) = store.run_with_checksum(&approved.to_ascii_lowercase())? else {
        return Ok(format!(
            "No run on record had the approved plan: it was a preview, which leaves nothing behind, or the checksum is mistyped. The \
             plan is now\n  {}",
            plan.summary
        ));
    };
    let id = run.id;
    let mut moved = Vec::new();
    let then = serde_json::from_value::<Summary>(run.summary.clone());
    // What history says can be held back although no user would change.
    let held_back = run.summary.get("held").is_some();
    if run.result != Ending::BLOCKED && !held_back {
        moved.push(format!("run {id} has applied the approved plan already; this is what has come since"));
    }
    match then {
        Ok(then) if run.result == Ending::BLOCKED => moved.extend(counts(&then, &plan.summary)),
        Ok(_) | Err(_) => {}
    }
    if let Some(then) = Basis::of_run(&run) {
        moved.extend(then.moved(basis));
    }
    moved.extend(in_the_store(&run, store)?);
    if moved.is_empty() {
        moved.push(format!(
            "the numbers are the same, but the users or their values are others: compare with `rostersync report {id}`"
        ));
    }
    let lines: Vec<String> = moved.iter().map(|moved| format!("  {moved}")).collect();
    Ok(format!("Since run {id}, which had the approved plan:\n{}", lines.join("\n")))
}

/// `13 would be archived, not 10`
fn counts(then: &Summary, now: &Summary) -> Vec<String> {
    let mut moved = Vec::new();
    let mut say = |would: &str, then: u64, now: u64| {
        if then != now {
            moved.push(format!("{now} {would}, not {then}"));
        }
    };
    let verb = |action: Action| match action {
        Action::Kept => "differences would be left alone (users)".to_owned(),
        Action::Unchanged => "would be left unchanged".to_owned(),
        other => format!("would be {}", other.word()),
    };
    let first = [Action::Archived];
    let others = Action::ALL.into_iter().filter(|action| !first.contains(action));
    for action in first.into_iter().chain(others) {
        say(&verb(action), then.count(action), now.count(action));
    }
    say("active users would have their contact details changed", then.contact_updates, now.contact_updates);
    for field in Field::ALL {
        let count = |summary: &Summary| summary.fields.get(field.key()).copied().unwrap_or_default();
        say(&format!("values would be changed of the field {}", field.word()), count(then), count(now));
    }
    say("accounts would get a new sourcedId", then.renamed, now.renamed);
    let (then, now) = (then.notifications, now.notifications);
    say("emails would be sent", then.email, now.email);
    say("texts would be sent", then.sms, now.sms);
    moved
}

fn in_the_store(run: &RunRow, store: &Store) -> Result<Vec<String>> {
    let mut moved = Vec::new();
    for later in store.applied_since(run.id)? {
        moved.push(match later.undoes {
            Some(undone) => format!("run {undone} was undone (run {})", later.id),
            None => format!("run {} was applied", later.id),
        });
    }
    if let Some((last, _)) = store.end_of_run(run.id)? {
        for (origin, count) in store.changes_by_hand_after(last)? {
            let by = match origin {
                Origin::Person => "by the users themselves",
                Origin::Staff => "by staff",
                Origin::Platform => "by an import of the platform's export",
                Origin::Operator => "by the operator (a permission, a new sourcedId)",
                Origin::Sync | Origin::Undo => continue,
            };
            moved.push(format!(
                "{} {} to accounts {by}: `rostersync users history`",
                counted(count, "change", "changes"),
                agreed(count, "was made", "were made")
            ));
        }
    }
    Ok(moved)
}
