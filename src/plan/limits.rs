//! Limits: what a run may do at most before somebody has looked at it.

use serde::Serialize;

use super::{Action, Summary};
use crate::config::{Limit, Limits};
use crate::plural;

/// A limit that the plan goes over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Overrun {
    /// Its key in `[limits]`.
    pub limit: &'static str,
    pub count: u64,
    /// The population that a share is of; none for a plain count.
    pub of: Option<u64>,
    /// As configured: `10%`, `500`.
    pub max: String,
    /// The whole sentence.
    pub message: String,
}

/// Under the minimum population, more than half of at least this many is still too much.
const FEW: u64 = 5;

/// What a limit counts, in words.
struct Counted {
    /// Its key in `[limits]`.
    limit: &'static str,
    /// One of those that are counted, and several.
    noun: [&'static str; 2],
    /// What would become of them.
    would: &'static str,
    /// What a share is a share of, where that is something else.
    of: Option<[&'static str; 2]>,
}

const ARCHIVE: Counted =
    Counted { limit: "archive", noun: ["account", "accounts"], would: "would be archived", of: None };

const CONTACT_UPDATES: Counted = Counted {
    limit: "contact_updates",
    noun: ["active user", "active users"],
    would: "would have their contact details changed",
    of: None,
};

const PENDING_AGAIN: Counted = Counted { would: "would be pending again", ..CONTACT_UPDATES };

const NOTIFICATIONS: Counted = Counted {
    limit: "notifications",
    noun: ["notification", "notifications"],
    would: "would be sent",
    of: Some(["active user", "active users"]),
};

/// The limits that stop a plan.
pub fn check(summary: &Summary, limits: &Limits) -> Vec<Overrun> {
    let (archived, accounts) = (summary.count(Action::Archived), summary.accounts_before);
    let (updates, active) = (summary.contact_updates, summary.active);
    let messages = summary.notifications.total();
    let found = [
        over(&ARCHIVE, archived, accounts, limits.archive, limits.minimum)
            .or_else(|| over_half(&ARCHIVE, archived, accounts, limits.archive, limits.minimum)),
        over(&CONTACT_UPDATES, updates, active, limits.contact_updates, limits.minimum),
        over(&NOTIFICATIONS, messages, active, limits.notifications, limits.minimum),
    ];
    found.into_iter().flatten().collect()
}

/// The limit on contact updates, for people who are taken back to pending without a run: from then on the sync rules over
/// details that were theirs. `active` are the active accounts, those among them.
pub fn too_many_pending_again(count: u64, active: u64, limits: &Limits) -> Option<Overrun> {
    over(&PENDING_AGAIN, count, active, limits.contact_updates, limits.minimum)
}

/// Whether so many records were rejected that the run, although done, is only partial.
pub fn too_many_rejected(summary: &Summary, limits: &Limits) -> bool {
    exceeds(summary.count(Action::Rejected), summary.records, limits.rejected, limits.minimum)
}

fn exceeds(count: u64, population: u64, limit: Limit, minimum: u64) -> bool {
    match limit {
        Limit::Count(max) => count > max,
        Limit::Share(percent) => {
            // Exact for any population that fits into memory.
            #[expect(clippy::cast_precision_loss, reason = "a district has fewer than 2^53 people")]
            let over = count as f64 * 100.0 > percent * population as f64;
            population >= minimum && over
        }
    }
}

/// Whether a limit is exceeded, and what is to be said of it.
fn over(counted: &Counted, count: u64, population: u64, max: Limit, minimum: u64) -> Option<Overrun> {
    let exceeded = exceeds(count, population, max, minimum);
    exceeded.then(|| overrun(counted, count, population, max, format!("allows {max}")))
}

/// In a population that is too small for a share, more than half of at least [`FEW`] is too much.
fn over_half(counted: &Counted, count: u64, population: u64, max: Limit, minimum: u64) -> Option<Overrun> {
    let holds =
        matches!(max, Limit::Share(percent) if percent < 100.0) && (FEW..minimum).contains(&population);
    (holds && count * 2 > population).then(|| {
        let [_, several] = counted.of.unwrap_or(counted.noun);
        // With a share alone the reader would look for a mistake: what counted is another rule.
        let rule = format!("of fewer than {minimum} {several} allows half of them (minimum = {minimum})");
        overrun(counted, count, population, Limit::Share(50.0), rule)
    })
}

fn overrun(counted: &Counted, count: u64, population: u64, max: Limit, rule: String) -> Overrun {
    let Counted { limit, noun: [one, several], would, of: also } = counted;
    let of = matches!(max, Limit::Share(_)).then_some(population);
    let message = match of {
        Some(of) => {
            #[expect(clippy::cast_precision_loss, reason = "a district has fewer than 2^53 people")]
            let percent = if of == 0 { 100.0 } else { count as f64 * 100.0 / of as f64 };
            let what = match also {
                None => format!("{count} of {} {would}", plural::counted(of, one, several)),
                Some([one_of, several_of]) => format!(
                    "{} {would}, for {}",
                    plural::counted(count, one, several),
                    plural::counted(of, one_of, several_of)
                ),
            };
            format!("{what} ({percent:.1}%); [limits] {limit} {rule}")
        }
        None => format!("{} {would}; [limits] {limit} {rule}", plural::counted(count, one, several)),
    };
    Overrun { limit, count, of, max: max.to_string(), message }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(archived: u64, accounts_before: u64, contact_updates: u64, active: u64) -> Summary {
        Summary {
            actions: [(Action::Archived, archived)].into(),
            accounts_before,
            contact_updates,
            active,
            ..Summary::default()
        }
    }

    fn over(summary: &Summary, limits: &Limits) -> Vec<&'static str> {
        check(summary, limits).into_iter().map(|overrun| overrun.limit).collect()
    }

    #[test]
    fn a_share_may_be_reached_and_not_passed() {
        let limits = Limits::default();
        assert_eq!(over(&summary(10, 100, 20, 100), &limits), [""; 0]);
        assert_eq!(over(&summary(11, 100, 0, 100), &limits), ["archive"]);
        assert_eq!(over(&summary(0, 100, 21, 100), &limits), ["contact_updates"]);
    }

    #[test]
    fn a_small_population_is_not_measured_in_shares_but_never_loses_more_than_half() {
        let limits = Limits::default();
        assert_eq!(over(&summary(9, 19, 19, 19), &limits), [""; 0]);
        assert_eq!(over(&summary(10, 19, 0, 19), &limits), ["archive"]);
        assert_eq!(over(&summary(4, 4, 0, 4), &limits), [""; 0]);
        assert_eq!(over(&summary(3, 5, 0, 5), &limits), ["archive"]);
    }

    #[test]
    fn a_count_holds_for_any_population() {
        let limits = Limits { archive: Limit::Count(2), ..Limits::default() };
        assert_eq!(over(&summary(2, 4, 0, 4), &limits), [""; 0]);
        assert_eq!(over(&summary(3, 4, 0, 4), &limits), ["archive"]);
        assert!(check(&summary(3, 4, 0, 4), &limits)[0].message.contains("3 accounts would be archived"));
    }

    #[test]
    fn the_message_has_the_numbers() {
        let said = check(&summary(25, 100, 0, 0), &Limits::default())[0].message.clone();
        assert_eq!(said, "25 of 100 accounts would be archived (25.0%); [limits] archive allows 10%");
    }

    /// A share alone would look like a mistake in reckoning: under the minimum another rule counts, and is named.
    #[test]
    fn the_message_has_the_rule_that_counted_and_numbers_that_agree() {
        let limits = Limits::default();
        let said = |summary: &Summary, limits: &Limits| check(summary, limits)[0].message.clone();
        assert_eq!(
            said(&summary(10, 19, 0, 0), &limits),
            "10 of 19 accounts would be archived (52.6%); [limits] archive of fewer than 20 accounts allows half of them \
             (minimum = 20)"
        );
        let one = Limits { minimum: 1, contact_updates: Limit::Count(0), ..Limits::default() };
        assert_eq!(
            said(&summary(1, 1, 0, 0), &one),
            "1 of 1 account would be archived (100.0%); [limits] archive allows 10%"
        );
        assert_eq!(
            said(&summary(0, 1, 1, 1), &one),
            "1 active user would have their contact details changed; [limits] contact_updates allows 0"
        );
        let messages = Summary {
            active: 30,
            notifications: crate::plan::summary::Notifications { email: 31, sms: 0 },
            ..Summary::default()
        };
        let share = Limits { notifications: Limit::Share(50.0), ..Limits::default() };
        assert_eq!(
            said(&messages, &share),
            "31 notifications would be sent, for 30 active users (103.3%); [limits] notifications allows 50%"
        );
    }
}
