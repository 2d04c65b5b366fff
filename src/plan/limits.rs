//! Limits: what a run may do at most before somebody has looked at it.

use serde::Serialize;

use super::{Action, Summary};
use crate::config::{Limit, Limits};

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

/// Under the minimum population, archiving more than half of at least this many is still too much.
const FEW: u64 = 5;

/// The limits that stop a plan.
pub fn check(summary: &Summary, limits: &Limits) -> Vec<Overrun> {
    let mut over = Vec::new();
    let archived = summary.count(Action::Archived);
    let accounts = summary.accounts_before;
    if exceeds(archived, accounts, limits.archive, limits.minimum) {
        over.push(overrun("archive", "accounts would be archived", archived, accounts, limits.archive));
    } else if matches!(limits.archive, Limit::Share(percent) if percent < 100.0)
        && (FEW..limits.minimum).contains(&accounts)
        && archived * 2 > accounts
    {
        over.push(overrun("archive", "accounts would be archived", archived, accounts, Limit::Share(50.0)));
    }
    let (updates, active) = (summary.contact_updates, summary.active);
    if exceeds(updates, active, limits.contact_updates, limits.minimum) {
        let what = "active users would have their contact details changed";
        over.push(overrun("contact_updates", what, updates, active, limits.contact_updates));
    }
    let messages = summary.notifications.total();
    if exceeds(messages, active, limits.notifications, limits.minimum) {
        over.push(overrun(
            "notifications",
            "notifications would be sent",
            messages,
            active,
            limits.notifications,
        ));
    }
    over
}

/// The limit on contact updates, for people who are taken back to pending without a run: from then on the sync rules over
/// details that were theirs. `active` are the active accounts, those among them.
pub fn too_many_pending_again(count: u64, active: u64, limits: &Limits) -> Option<Overrun> {
    let max = limits.contact_updates;
    exceeds(count, active, max, limits.minimum)
        .then(|| overrun("contact_updates", "active users would be pending again", count, active, max))
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

fn overrun(limit: &'static str, what: &str, count: u64, population: u64, max: Limit) -> Overrun {
    let of = matches!(max, Limit::Share(_)).then_some(population);
    let message = match of {
        Some(of) => {
            #[expect(clippy::cast_precision_loss, reason = "a district has fewer than 2^53 people")]
            let percent = if of == 0 { 100.0 } else { count as f64 * 100.0 / of as f64 };
            format!("{count} of {of} {what} ({percent:.1}%); [limits] {limit} allows {max}")
        }
        None => format!("{count} {what}; [limits] {limit} allows {max}"),
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
}
