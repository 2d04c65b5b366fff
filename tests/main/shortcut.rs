//! The planner skips users whose data has not changed. That must not be visible: not in a report, a
//! preview, the store, or a mail.
//!
//! Districts live through random nights on several stores side by side: one decides all users every
//! night (`--decide-all`), one skips unchanged users, one does the one or the other by chance.
//! After every night all that can be seen of them has to be the same. A failure shows the shortest
//! history that still has a difference.
//!
//! `ROSTERSYNC_LONG_TESTS=1 cargo test --locked shortcut` takes a minute instead of seconds; `cargo
//! test --locked many_histories -- --ignored` tries two thousand more (some minutes);
//! `ROSTERSYNC_SEEDS=5000..5010` before it tries those.

mod at_rest;
mod by_hand;
mod change;
mod dice;
mod files;
mod history;
mod inputs;
mod member;
mod nights;
mod people;
mod quiet;
mod seen;
mod sides;
mod tamper;
mod world;

use std::ops::Range;

use history::{History, Tally};

use crate::support::{long, rounds};

/// What has to happen somewhere, or nothing is shown by it. ` again`: in the same words as the
/// night before.
const HAPPENS: [&str; 65] = [
    "a delta",
    "an unclear manifest",
    "OneRoster 1.2",
    "a delta of OneRoster 1.2",
    "a zip",
    "a column missing",
    "an export",
    "no export",
    "ok",
    "blocked",
    "partial",
    "InputUnusable",
    "created",
    "updated",
    "archived",
    "restored",
    "kept",
    "unchanged",
    "skipped",
    "rejected",
    "kept again",
    "unchanged again",
    "skipped again",
    "rejected again",
    "active-name-differs",
    "active-email-differs",
    "active-phone-differs",
    "active-home-phone-differs",
    "name-updated",
    "email-updated",
    "phone-updated",
    "home-phone-updated",
    "sis-name-blank",
    "sis-email-blank",
    "sis-phone-blank",
    "sis-home-phone-blank",
    "sis-email-invalid",
    "sis-phone-invalid",
    "sis-home-phone-invalid",
    "email-taken",
    "phone-taken",
    "email-shared",
    "phone-shared",
    "guardian-unreachable",
    "disabled",
    "role-not-synced",
    "role-ended",
    "role-not-begun",
    "school-not-synced",
    "pending-again",
    "not-notifiable",
    "tobedeleted",
    "rejected-duplicate",
    "rejected-quoting",
    "rejected-no-name",
    "rejected-no-role",
    "link-added",
    "link-removed",
    "rejected-shifted-row",
    "rejected-role-row",
    "last-contact-lost",
    "no-contact",
    "missing",
    "missing again",
    "school-paused",
];

/// Lives through a history for each seed.
fn live(seeds: Range<u64>, repeats: bool) -> Tally {
    let mut tally = Tally::default();
    for seed in seeds {
        if let Err(failure) = History::new(seed, repeats).check(&mut tally) {
            panic!("{failure}");
        }
    }
    tally
}

#[test]
fn skipping_unchanged_users_changes_nothing_that_can_be_seen() {
    let tally = live(0..rounds(2, 100), false).0;
    if !long() {
        return;
    }
    let never: Vec<&str> = HAPPENS.into_iter().filter(|what| !tally.contains_key(*what)).collect();
    assert!(never.is_empty(), "this never happens: {never:?}\n{tally:#?}");
    assert!(tally["kept again"] > 100 && tally["unchanged again"] > 1000, "{tally:#?}");
}

/// A preview shows what the run does, and the same night once more does nothing.
#[test]
fn a_night_once_more() {
    live(107..107 + rounds(1, 10), true);
}

#[test]
#[ignore = "minutes; see above"]
fn many_histories() {
    let seeds = std::env::var("ROSTERSYNC_SEEDS").unwrap_or_else(|_| "1000..3000".into());
    let (from, to) = seeds.split_once("..").unwrap();
    live(from.parse().unwrap()..to.parse().unwrap(), true);
}
