//! A sourcedId that comes back with another person.

use crate::support::{District, Person, person};

const NOTE: &str = "Another person now has this sourcedId - was Rosa Diaz";

/// The teacher that left, and the one that has the sourcedId now.
fn left() -> Person {
    person("tea-1").mobile("718-555-0101").identifier("4711")
}

fn newcomer() -> Person {
    person("tea-1")
        .given("Tom")
        .family("Becker")
        .email("tom@school.example")
        .mobile("718-555-0102")
        .identifier("4712")
        .with("username", "tbecker")
}

/// A district in which `tea-1` was active, typed an email, managed users, and has left.
fn archived() -> District {
    let mut district = District::new().without_limits();
    district.platform(&[left().email("rosa@home.example"), person("tea-2")]);
    district.sis(&[left(), person("tea-2")]);
    district.run().ok();
    district.cli(&["users", "grant", "tea-1", "users-manager"]).ok();
    district.sis(&[person("tea-2")]);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district
}

#[test]
fn another_person_under_an_old_sourced_id_is_held() {
    let mut district = archived();
    district.sis(&[newcomer(), person("tea-2")]);
    let accounts = district.accounts();
    let preview = district.preview().exits(3);
    let done = district.run().exits(3);
    done.says("tea-1", "held", NOTE);
    let row = done.report.row("tea-1");
    assert_eq!((&row["codes"], &row["state"]), ("reused-id", "archived"));
    assert_eq!((&row["email"], &row["sis_email"]), ("rosa@home.example", "tom@school.example"));
    assert_eq!(preview.checksum(), done.checksum());
    assert!(done.plan().contains(" 0 rejected, 1 held, 0 missing, 0 links; "), "{}", done.plan());
    for words in ["reused-id", "users same tea-1", "users another tea-1"] {
        assert!(done.stdout.contains(words), "`{words}` in\n{}", done.stdout);
    }
    assert!(
        preview.stdout.contains("? tea-1     archived held       another person now has this sourcedId"),
        "{}",
        preview.stdout
    );
    assert_eq!(district.accounts(), accounts);
    // A person has been told. It stays in the summary, the report and the status.
    let again = district.run().ok();
    again.says("tea-1", "held", NOTE);
    assert!(again.stdout.contains("1 user is held"), "{}", again.stdout);
    let status = district.cli(&["status"]).ok().stdout;
    assert!(status.contains("Held:           tea-1, since 2026-11-24"), "{status}");
    assert_eq!(
        district.cli(&["status", "--json"]).ok().json()["held"],
        serde_json::json!({ "tea-1": "2026-11-24" })
    );
    let json = district.run_with(&["--format", "json"]).ok().json();
    assert_eq!(json["actions"]["held"], 1);
    for command in ["show", "explain"] {
        let arguments =
            if command == "show" { vec!["users", "show", "tea-1"] } else { vec!["explain", "tea-1"] };
        let shown = district.cli(&arguments).ok().stdout;
        assert!(shown.contains("users same") && shown.contains("users another"), "{shown}");
    }
    // Its permission sleeps, and what the platform says under the sourcedId is not taken for this
    // person's.
    district.platform(&[newcomer().state("pending"), person("tea-2")]);
    district.run().ok();
    assert_eq!(district.accounts(), accounts);
    district.run_with(&["--decide-all"]).ok();
    assert_eq!(district.accounts(), accounts);
    // The record is gone again: nothing is held.
    district.sis(&[person("tea-2")]);
    district.run().ok();
    assert!(!district.cli(&["status"]).ok().stdout.contains("Held:"));
}

#[test]
fn who_has_something_in_common_is_restored_as_ever() {
    for back in [
        left().given("Rosa").family("Becker"),
        newcomer().email("ROSA@home.example"),
        newcomer().email("tea-1@school.example"),
        newcomer().mobile("(718) 555-0101"),
        newcomer().identifier("4711"),
        newcomer().given("Rosa"),
        newcomer().given("rosa").family("DIAZ"),
    ] {
        let district = archived();
        district.sis(&[back.clone(), person("tea-2")]);
        let done = district.run().exits(3);
        assert_eq!(&done.report.row("tea-1")["action"], "restored", "{back:?}");
        assert!(
            done.stdout.contains("permission-ended") && !done.stdout.contains("reused-id"),
            "{}",
            done.stdout
        );
    }
}

#[test]
fn the_same_person_is_restored_to_what_they_were() {
    let district = archived();
    district.cli(&["users", "same", "tea-1"]).exits(4).complains(&["`tea-1` is not held"]);
    district.cli(&["users", "same", "nobody"]).exits(2).complains(&["nobody"]);
    district.sis(&[newcomer(), person("tea-2")]);
    district.run().exits(3);
    district.cli(&["users", "same", "tea-2"]).exits(4).complains(&["`tea-2` is not held"]);
    let said = district.cli(&["users", "same", "tea-1"]).ok().stdout;
    assert!(said.contains("tea-1 is restored, and active again"), "{said}");
    assert!(said.contains("The permission users-manager for the whole district has ended"), "{said}");
    let history = district.cli(&["users", "history", "tea-1"]).ok().stdout;
    assert!(
        history.lines().any(|line| line.contains("archived") && line.contains("the operator of rostersync")),
        "{history}"
    );
    let done = district.run().ok();
    done.says(
        "tea-1",
        "kept",
        "Active user has a new name in the SIS import - Rosa Diaz; Active user has a new email in the SIS import - \
         rosa@home.example; Active user has a new phone number in the SIS import - +17185550101",
    );
    district.cli(&["status", "--verify"]).ok();
    district.cli(&["users", "same", "tea-1"]).exits(4).complains(&["is not held"]);
}

#[test]
fn another_person_gets_an_account_of_their_own() {
    let mut district = archived();
    district.sis(&[newcomer(), person("tea-2")]);
    district.run().exits(3);
    let said = district.cli(&["users", "another", "tea-1"]).ok().stdout;
    assert!(said.contains("The old account is now tea-1~1, archived"), "{said}");
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-1")["action"], "created");
    // Nothing of the old account is passed on.
    assert_eq!(
        district.ask("SELECT sourced_id, archived, given_name, email FROM account ORDER BY sourced_id"),
        "tea-1 | 0 | Tom | tom@school.example\ntea-1~1 | 1 | Rosa | rosa@home.example\ntea-2 | 0 | Rosa | tea-2@school.example"
    );
    assert_eq!(district.ask("SELECT count(*) FROM users_manager"), "0");
    let history = district.cli(&["users", "history", "tea-1~1"]).ok().stdout;
    assert!(history.contains("tea-1~1") && history.contains("sourced id"), "{history}");
    assert!(!district.cli(&["users", "history", "tea-1"]).ok().stdout.contains("rosa@home.example"));
    // The platform still shows the teacher that left: the new teacher has not joined by that, nor
    // by hand.
    district.run().ok();
    district.cli(&["users", "import", "platform-users.csv"]).ok();
    assert_eq!(
        district.ask("SELECT state, email FROM account WHERE sourced_id = 'tea-1'"),
        "pending | tom@school.example"
    );
    // Then it shows the other one.
    district.platform(&[newcomer().email("tom@home.example"), person("tea-2")]);
    district.run().ok();
    assert_eq!(
        district.ask("SELECT state, email FROM account WHERE sourced_id = 'tea-1'"),
        "active | tom@home.example"
    );
    assert_eq!(
        district.ask("SELECT state, email FROM account WHERE sourced_id = 'tea-1~1'"),
        "active | rosa@home.example"
    );
    district.cli(&["status", "--verify"]).ok();
    // It can happen again under the same sourcedId.
    district.sis(&[person("tea-2")]);
    district.run().ok();
    let third = person("tea-1")
        .given("Ana")
        .family("Lee")
        .email("ana@school.example")
        .mobile("718-555-0103")
        .identifier("4713");
    district.sis(&[third, person("tea-2")]);
    district.run().exits(3);
    let said = district.cli(&["users", "another", "tea-1"]).ok().stdout;
    assert!(said.contains("tea-1~2, archived"), "{said}");
    assert_eq!(&district.run().ok().report.row("tea-1")["action"], "created");
}

/// In a delta a user that is not mentioned stays held.
#[test]
fn a_delta_keeps_users_that_are_held() {
    let district = archived();
    district.sis_delta(&[newcomer()]);
    district.run().exits(3);
    district.sis_delta(&[person("tea-2").given("Mary")]);
    district.run().ok();
    assert!(district.cli(&["status"]).ok().stdout.contains("Held:           tea-1"));
    district.cli(&["users", "another", "tea-1"]).ok();
    district.sis_delta(&[newcomer()]);
    assert_eq!(&district.run().ok().report.row("tea-1")["action"], "created");
}

/// Left out and unusable records come first.
#[test]
fn what_is_left_out_or_unusable_is_not_held() {
    let district = archived();
    district.sis(&[newcomer().role("nurse"), person("tea-2")]);
    assert_eq!(&district.run().ok().report.row("tea-1")["action"], "skipped");
    district.sis(&[newcomer(), newcomer().given("Ben"), person("tea-2")]);
    assert_eq!(district.run().ok().report.count("rejected"), 2);
}
