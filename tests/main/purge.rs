//! `purge_after`: archived accounts that are removed with their personal data.

use crate::support::{District, person};

fn district() -> District {
    let mut district =
        District::new().without_limits().update_contacts(true).with("sync.purge_after", "\"30d\"");
    let people = [
        person("stu-1").given("Sam").agents("gua-1"),
        person("gua-1").given("Gus").email("gus@mail.example"),
        person("tea-1").given("Zebulon").email("zebulon@mail.example").mobile("718-555-0143"),
        person("tea-2").given("Bo"),
    ];
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    // A change of which a message tells, and then they leave.
    district.sis(&[
        people[0].clone(),
        people[1].clone(),
        people[2].clone().email("zeb@mail.example"),
        people[3].clone(),
    ]);
    district.at("2026-11-24T08:15:00Z");
    district.run().ok();
    district.sis(&[people[0].clone(), people[3].clone()]);
    district.platform(&[people[0].clone(), people[3].clone()]);
    district.at("2026-11-25T08:15:00Z");
    let done = district.run().ok();
    assert!(done.plan().contains("2 to archive"), "{}", done.plan());
    district
}

#[test]
fn archived_accounts_are_removed_with_their_personal_data() {
    let mut district = district();
    // 29 days later nothing happens; after 30 days they go.
    district.at("2026-12-24T08:15:00Z");
    let done = district.run().ok();
    assert!(done.plan().contains(", 0 missing, 0 links; "), "{}", done.plan());
    district.at("2026-12-25T08:15:00Z");
    let before = district.store_hash();
    let preview = district.preview().ok();
    assert_eq!(district.store_hash(), before);
    assert!(preview.plan().contains(", 0 links, 2 to remove; 0 notifications"), "{}", preview.plan());
    assert!(
        preview.stdout.contains(
            "2 accounts were archived so long ago that they would be removed with all personal data\n"
        ),
        "{}",
        preview.stdout
    );
    assert_eq!(district.cli(&["run", "--dry-run", "--format", "json"]).ok().json()["purged"], 2);
    let done = district.run().ok();
    assert_eq!((done.plan(), done.checksum()), (preview.plan(), preview.checksum()));
    assert!(
        done.stdout
            .contains("2 accounts were archived so long ago that they are removed with all personal data\n"),
        "{}",
        done.stdout
    );
    assert!(done.report.rows.iter().all(|row| &row["sourced_id"] != "tea-1"), "{:?}", done.report);
    // Nothing of them is in the store, but that an account was removed; and the chain holds.
    let bytes = std::fs::read(district.path("rostersync.db")).unwrap();
    for text in ["Zebulon", "zebulon@", "zeb@", "gus@mail", "7185550143"] {
        assert!(!bytes.windows(text.len()).any(|part| part == text.as_bytes()), "{text}");
    }
    district.cli(&["status", "--verify"]).ok();
    assert_eq!(
        district.ask("SELECT count(*) FROM audit WHERE field = 'erased' AND origin = 'sync' AND run_id = 5"),
        "2"
    );
    district.cli(&["users", "show", "tea-1"]).exits(2);
    let runs = district.cli(&["runs", "--json"]).ok().json();
    assert_eq!(runs[0]["summary"]["purged"], 2);
    // No undo of the run that archived them brings them back.
    district.cli(&["undo", "3", "--all"]).any();
    assert_eq!(district.ask("SELECT sourced_id FROM account ORDER BY 1"), "stu-1\ntea-2");
    // The next night says nothing of it; and who comes back is a newcomer.
    district.at("2026-12-26T08:15:00Z");
    let done = district.run().ok();
    assert!(done.plan().contains(", 0 missing, 0 links; "), "{}", done.plan());
    district.sis(&[
        person("stu-1").given("Sam"),
        person("tea-2").given("Bo"),
        person("tea-1").given("Zebulon"),
    ]);
    district.at("2026-12-27T08:15:00Z");
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-1")["action"], "created");
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn who_is_still_in_the_roster_is_not_removed() {
    let mut district = district();
    // Back, but left out by the filter: restored to no one's account, archived as before.
    district.set("sync.roles", "[\"student\", \"teacher\"]");
    district.sis(&[person("stu-1").given("Sam"), person("gua-1").given("Gus"), person("tea-2").given("Bo")]);
    district.at("2026-12-25T08:15:00Z");
    let done = district.run().ok();
    assert_eq!(&done.report.row("gua-1")["action"], "skipped");
    assert!(done.plan().contains(", 1 to remove; "), "{}", done.plan());
    assert_eq!(district.ask("SELECT sourced_id FROM account ORDER BY 1"), "gua-1\nstu-1\ntea-2");
}

#[test]
fn a_clock_that_is_wrong_removes_no_one() {
    let mut district = district();
    district.at("2036-12-25T08:15:00Z");
    let done = district.run().ok();
    assert!(done.plan().contains(", 0 links; "), "{}", done.plan());
    assert!(
        done.stderr.contains(
            "no account is removed by this run, because the last good run was more than 100 days ago: check the clock. The next \
             run removes them"
        ),
        "{}",
        done.stderr
    );
    assert_eq!(district.ask("SELECT count(*) FROM account"), "4");
    district.run().ok();
    assert_eq!(district.ask("SELECT count(*) FROM account"), "2");
}

#[test]
fn wrong_values_are_refused() {
    for value in ["\"0d\"", "\"1y\"", "\"365\""] {
        let done = District::new().with("sync.purge_after", value).run().exits(2);
        done.complains(&[
            "is not a number of days",
            "write \"never\", or how many days, for example \"365d\"",
        ]);
    }
}

/// SQLite moves rows from page to page, and leaves what was there before.
#[test]
fn the_free_space_of_the_store_has_nothing_of_them_either() {
    let mut district = District::new().without_limits().with("sync.purge_after", "\"1d\"");
    let mut people: Vec<_> = (0..40)
        .map(|n| {
            let id = format!("gua-{n}x");
            person(&id).given(&format!("Given{n}x")).mobile(&format!("718-555-{:04}", 1000 + n))
        })
        .collect();
    district.sis(&people);
    district.run().ok();
    people.drain(1..4);
    district.sis(&people);
    district.at("2026-11-24T08:15:00Z");
    district.run().ok();
    district.at("2026-11-25T08:15:00Z");
    assert!(district.run().ok().plan().contains(", 3 to remove; "));
    let bytes = std::fs::read(district.path("rostersync.db")).unwrap();
    let held = |text: &str| bytes.windows(text.len()).any(|part| part == text.as_bytes());
    assert!(held("Given0x") && held("gua-4x@school.example"));
    for text in ["gua-1x", "Given1x", "gua-2x@school.example", "Given3x", "7185551002"] {
        assert!(!held(text), "{text}");
    }
}
