//! The platform's own export: the users that have joined, their details, and changes that wait for
//! the platform.

use std::time::Duration;

use crate::support::{District, person};

#[test]
fn who_has_joined_by_the_export_starts_active_with_its_details() {
    let mut district = District::new().without_limits().school("sch-on", true);
    district.platform(&[
        person("tea-1").given("Rosalia").email("rosa@home.example").mobile("718-555-0101"),
        person("tea-2").schools("sch-on").email("other@home.example"),
        person("tea-3").state("invited").email("ignored@home.example"),
        person("tea-4").state("joined"),
    ]);
    district.sis(&[
        person("tea-1"),
        person("tea-2").schools("sch-on"),
        person("tea-3"),
        person("tea-4"),
        person("tea-5"),
    ]);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id state action given_name email phone notes"),
        [
            "tea-1 | active | created | Rosalia | rosa@home.example | +17185550101 | \
             Active user has a new name in the SIS import - Rosalia Diaz; \
             Active user has a new email in the SIS import - rosa@home.example; \
             SIS import has no phone number - kept +17185550101",
            "tea-2 | active | created | Rosa | tea-2@school.example |  | \
             Email updated by the sync - was other@home.example",
            "tea-3 | pending | created | Rosa | tea-3@school.example |  | ",
            "tea-4 | active | created | Rosa | tea-4@school.example |  | ",
            "tea-5 | pending | created | Rosa | tea-5@school.example |  | ",
        ]
    );
    let told: Vec<String> = district.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(told, ["tea-2@school.example", "other@home.example"]);
    assert!(done.stdout.contains("Platform export: 4 rows, 3 joined"), "{}", done.stdout);
}

#[test]
fn an_export_that_still_shows_the_old_value_waits_for_the_platform() {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(&[person("tea-1").email("old@mail.example")]);
    district.sis(&[person("tea-1").email("old@mail.example")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("new@mail.example")]);
    district.run().ok().says("tea-1", "updated", "Email updated by the sync - was old@mail.example");
    assert_eq!(district.mails().len(), 2);
    // The export is made again and has not heard of it: no update, no note, no message, for as long
    // as it takes.
    for _ in 0..2 {
        let done = district.run().ok();
        done.says("tea-1", "unchanged", "");
        assert_eq!(done.report.column("email"), ["new@mail.example"]);
    }
    // Then it has: that is what the account holds, so nothing happens either.
    district.platform(&[person("tea-1").email("NEW@mail.example")]);
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "");
    assert_eq!(done.report.column("email"), ["new@mail.example"]);
    // And when the person changes it there, that is the actual value again, and the sync's to
    // change back.
    district.platform(&[person("tea-1").email("old@mail.example")]);
    district.run().ok().says("tea-1", "updated", "Email updated by the sync - was old@mail.example");
    assert_eq!(district.mails().len(), 4);
}

/// There and back while the export is two nights behind: it shows the first value, then the one in
/// between, and then the first again.
#[test]
fn a_value_that_was_taken_back_is_not_brought_back_by_an_export_that_lags() {
    for (a, b) in [("a@mail.example", "b@mail.example"), ("A@Mail.example", "b@mail.example")] {
        let mut district = District::new().update_contacts(true).without_limits();
        district.platform(&[person("tea-1").email(a)]);
        for (sis, platform, action) in [
            ("a@mail.example", a, "created"),
            ("b@mail.example", a, "updated"),
            ("a@mail.example", a, "updated"),
            ("a@mail.example", a, "unchanged"),
            ("a@mail.example", b, "unchanged"),
            ("a@mail.example", a, "unchanged"),
            ("a@mail.example", "own@mail.example", "updated"),
        ] {
            district.platform(&[person("tea-1").email(platform)]);
            district.sis(&[person("tea-1").email(sis)]);
            let done = district.run().ok();
            assert_eq!(done.report.column("action"), [action], "{sis} {platform}");
            assert_eq!(done.report.column("email")[0].to_lowercase(), sis);
        }
    }
}

#[test]
fn under_off_what_people_type_on_the_platform_becomes_the_actual_value() {
    let mut district = District::new();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.platform(&[person("tea-1").email("rosa@home.example").mobile("718.555.0101")]);
    let done = district.run().ok();
    done.says(
        "tea-1",
        "kept",
        "Active user has a new email in the SIS import - rosa@home.example; \
         SIS import has no phone number - kept +17185550101",
    );
    assert!(done.stdout.contains("2 details taken over"), "{}", done.stdout);
    assert_eq!(
        district.ask("SELECT origin, field, old, new FROM audit ORDER BY id"),
        "platform | email | tea-1@school.example | rosa@home.example\nplatform | phone |  | +17185550101"
    );
    // An empty cell of an active row: the account has no value.
    district.platform(&[person("tea-1").email("").mobile("")]);
    let done = district.run().ok();
    done.says("tea-1", "kept", "Active user has a new email in the SIS import - none");
    assert_eq!(done.report.column("phone"), [""]);
    // A missing column is not provided.
    district.platform_without(&["email", "phone"], &[person("tea-1").given("Rosalia")]);
    let done = district.run().exits(3);
    done.says(
        "tea-1",
        "kept",
        "Active user has a new name in the SIS import - Rosalia Diaz; \
         Active user has a new email in the SIS import - none",
    );
}

#[test]
fn a_reformatted_export_changes_nothing() {
    let mut district = District::new();
    district.platform(&[person("tea-1").email("Rosa@Home.example").mobile("(718) 555-0101")]);
    district.sis(&[person("tea-1").email("rosa@home.example").mobile("+17185550101")]);
    district.run().ok();
    let before = district.dump();
    district.platform(&[person("tea-1").email(" rosa@HOME.example ").mobile("718.555.0101").given(" Rosa ")]);
    district.run().ok().says("tea-1", "unchanged", "");
    assert_eq!(district.dump(), before);
}

#[test]
fn the_state_follows_the_export_both_ways() {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1"), person("tea-2").state("pending"), person("tea-3")]);
    let people = [person("tea-1"), person("tea-2"), person("tea-3")];
    district.sis(&people);
    district.run().ok();
    // One joins, one is invited anew, one is not in the export any more and keeps the state.
    district.platform(&[person("tea-1").state("pending"), person("tea-2")]);
    let preview = district.preview_with(&["--detailed-exitcode"]).exits(11);
    let listed =
        preview.stdout.lines().any(|line| line.contains("tea-1") && line.contains("active → pending"));
    assert!(listed, "{}", preview.stdout);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id state"),
        ["tea-1 | pending", "tea-2 | active", "tea-3 | active"]
    );
    assert_eq!(
        district.ask("SELECT sourced_id, origin, old, new FROM audit JOIN account ON account.id = account_id ORDER BY 1"),
        "tea-1 | platform | active | pending\ntea-2 | platform | pending | active"
    );
    // Pending again, so the SIS rules.
    district.sis(&[person("tea-1").email("new@mail.example"), person("tea-2"), person("tea-3")]);
    district.run().ok().says("tea-1", "updated", "Email updated by the sync - was tea-1@school.example");
}

#[test]
fn accounts_that_become_pending_again_have_their_own_limit() {
    let mut district = District::new().with("limits.unjoins", "1").with("limits.contact_updates", "0");
    let people: Vec<_> = ["tea-1", "tea-2", "tea-3"].into_iter().map(person).collect();
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    let before = district.store_hash();
    let pending: Vec<_> = people.iter().map(|person| person.clone().state("pending")).collect();
    district.platform(&pending);
    let done = district.preview().exits(4);
    assert!(
        done.stdout.contains(
            "  3 active users would become pending by the platform export; [limits] unjoins allows 1\n"
        ),
        "{}",
        done.stdout
    );
    assert_eq!(district.store_hash(), before);
}

#[test]
fn without_a_state_column_every_row_is_active() {
    let mut district = District::new();
    district.platform_without(&["state"], &[person("tea-1")]);
    district.sis(&[person("tea-1"), person("tea-2")]);
    assert_eq!(district.run().ok().report.column("state"), ["active", "pending"]);
}

#[test]
fn of_an_archived_account_only_the_state_follows() {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1").state("pending"), person("tea-2")]);
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3")]);
    district.run().ok();
    district.sis(&[person("tea-3")]);
    district.run().ok();
    district.platform(&[person("tea-1").email("rosa@home.example"), person("tea-2").email("x@home.example")]);
    let done = district.run().ok();
    assert_eq!(done.report.column("sourced_id"), ["tea-3"], "archived accounts have no row");
    assert_eq!(
        district.ask("SELECT sourced_id, state, archived, email FROM account ORDER BY 1"),
        "tea-1 | active | 1 | tea-1@school.example\n\
         tea-2 | active | 1 | tea-2@school.example\n\
         tea-3 | pending | 0 | tea-3@school.example"
    );
}

/// Also with --decide-all.
#[test]
fn the_state_of_an_archived_account_follows_with_decide_all() {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1").state("pending"), person("tea-2")]);
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("tea-2")]);
    district.run().ok();
    district.platform(&[person("tea-1"), person("tea-2")]);
    district.run_with(&["--decide-all"]).ok();
    assert_eq!(district.ask("SELECT state, archived FROM account WHERE sourced_id = 'tea-1'"), "active | 1");
}

/// Restored to what it was and then treated as that: what an active person has typed on the
/// platform is theirs from the same run on, not from the next one.
#[test]
fn who_comes_back_has_the_details_of_the_export_in_the_same_run() {
    let mut district = District::new().without_limits();
    let everybody = [person("tea-1"), person("tea-2")];
    district.platform(&everybody);
    district.sis(&everybody);
    district.run().ok();
    district.sis(&[person("tea-2")]);
    district.run().ok();
    district.platform(&[person("tea-1").email("rosa@home.example"), person("tea-2")]);
    district.sis(&everybody);
    let done = district.run().ok();
    done.says(
        "tea-1",
        "restored",
        "Active user has a new email in the SIS import - rosa@home.example; User is back in the SIS import - restored",
    );
    let before = district.dump();
    district.run().ok();
    assert_eq!(district.dump(), before, "a second run over the same input changes nothing");
}

#[test]
fn rows_without_an_account_are_reported_and_left_out() {
    let mut district = District::new();
    district.platform(&[person("tea-1"), person("nobody-9"), person("nobody-8")]);
    district.sis(&[person("tea-1")]);
    let done = district.run().ok();
    assert_eq!(done.report.column("sourced_id"), ["tea-1"]);
    assert!(done.stdout.contains("3 rows, 1 joined, 0 details taken over, 2 unknown"), "{}", done.stdout);
    assert!(done.stderr.contains("platform-users.csv:3: sourced_id"), "{}", done.stderr);
    assert!(done.stderr.contains("platform-row-unknown"), "{}", done.stderr);
}

#[test]
fn malformed_rows_are_reported_and_left_out() {
    let mut district = District::new();
    district.platform_file(
        "sourced_id,state,email\ntea-1,active,a@home.example\ntea-2,sometimes,b@home.example\n,active,c@home.example\n\
         tea-4,active\ntea-5,active,d@home.example,more\ntea-6,active,e@home.example\ntea-6,active,f@home.example\n",
    );
    let people: Vec<_> = (1..=6).map(|n| person(&format!("tea-{n}"))).collect();
    district.sis(&people);
    let done = district.run().ok();
    assert_eq!(
        done.report.column("state"),
        ["active", "pending", "pending", "pending", "pending", "pending"]
    );
    assert!(done.stderr.contains("platform-users.csv:3"), "{}", done.stderr);
    let done = district.run_with(&["--format", "json"]).ok();
    let findings = &done.json()["findings"];
    assert_eq!(findings["platform-row-malformed"], 4, "{findings}");
    assert_eq!(findings["platform-row-repeated"], 1, "{findings}");
}

#[test]
fn columns_can_be_named_otherwise_and_come_in_any_order() {
    let mut district = District::new()
        .with("platform.columns.email", "\"Email Address\"")
        .with("platform.columns.sourced_id", "\"External ID\"");
    district.platform_file("\u{feff}Email Address , updated_by,External ID\nrosa@home.example,user,tea-1\n");
    district.sis(&[person("tea-1")]);
    let done = district.run().ok();
    done.says("tea-1", "created", "Active user has a new email in the SIS import - rosa@home.example");
    district.set("platform.columns.email", "\"Mail\"");
    district.run().exits(7).complains(&["no column `Mail`", "platform-users.csv:1", "[platform.columns]"]);
}

/// Users that joined since would be taken for pending and overwritten without a message.
#[test]
fn an_export_that_cannot_be_relied_on_stops_the_run() {
    let mut district = District::new();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    let before = district.store_hash();
    let untouched = |district: &District| assert_eq!(district.store_hash(), before);
    district.age("platform-users.csv", Duration::from_secs(49 * 3600));
    district.run().exits(7).complains(&["49 h old", "allows 48", "platform-users.csv", "max_age"]);
    district.preview().exits(7).complains(&["49 h old"]);
    untouched(&district);
    district.age("platform-users.csv", Duration::from_secs(47 * 3600));
    district.preview().ok();
    for (text, words) in [
        ("", &["the platform export is empty", "platform-users.csv"][..]),
        ("sourced_id,state\n", &["the platform export is empty"]),
        ("id,state\ntea-1,active\n", &["no column `sourced_id`", "platform-users.csv:1", "id, state"]),
    ] {
        district.platform_file(text);
        district.run().exits(7).complains(words);
        untouched(&district);
    }
    std::fs::remove_file(district.path("platform-users.csv")).unwrap();
    district.run().exits(7).complains(&["the platform export cannot be read", "platform-users.csv"]);
    untouched(&district);
}

#[test]
fn max_age_none_takes_an_export_of_any_age() {
    let mut district = District::new().with("platform.max_age", "\"none\"");
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.age("platform-users.csv", Duration::from_secs(3600 * 24 * 365));
    district.run().ok();
}

/// Without an export: `users join`.
#[test]
fn users_join_makes_an_account_active() {
    let district = District::new();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.cli(&["users", "join", "tea-1"]).exits(2).complains(&["there are no accounts yet"]);
    district.run().ok();
    let done = district.cli(&["users", "join", "tea-1"]).ok();
    assert_eq!(done.stdout, "tea-1 has joined and is active\n");
    let before = district.store_hash();
    district.cli(&["users", "join", "tea-1"]).ok();
    assert_eq!(district.store_hash(), before, "joining twice changes nothing");
    district
        .cli(&["users", "join", "nobody"])
        .exits(2)
        .complains(&["no account with the sourcedId `nobody`"]);
    district.sis(&[person("tea-1").email("new@mail.example"), person("tea-2").email("new2@mail.example")]);
    let done = district.run().ok();
    done.says("tea-1", "kept", "Active user has a new email in the SIS import - tea-1@school.example");
    done.says("tea-2", "updated", "Email updated by the sync - was tea-2@school.example");
    assert_eq!(
        district.ask("SELECT run_id, origin, field, old, new FROM audit ORDER BY id LIMIT 1"),
        "NULL | person | state | pending | active"
    );
}

/// A person's join that the SIS had not yet heard of does not make a new person of them.
#[test]
fn a_row_counts_for_a_record_of_the_same_run() {
    let mut district = District::new();
    district.platform(&[person("tea-1").state("pending"), person("tea-2").email("two@home.example")]);
    district.sis(&[person("tea-1")]);
    let done = district.run().ok();
    assert!(done.stdout.contains("1 unknown"), "{}", done.stdout);
    district.sis(&[person("tea-1"), person("tea-2")]);
    let done = district.run().ok();
    done.says("tea-2", "created", "Active user has a new email in the SIS import - two@home.example");
    assert_eq!(&done.report.row("tea-2")["state"], "active");
    assert_eq!(&done.report.row("tea-2")["first_seen"], "2026-11-23");
}

/// The filters of the roster go before the platform.
#[test]
fn a_user_that_is_left_out_gets_no_account_whatever_the_export_says() {
    let mut district = District::new();
    district.platform(&[person("nur-1").role("nurse"), person("gua-2").email(""), person("tea-3")]);
    district.sis(&[
        person("nur-1").role("nurse"),
        person("gua-2").email(""),
        person("tea-3").given("").family(""),
    ]);
    let done = district.run().ok();
    assert_eq!(&done.report.row("nur-1")["action"], "skipped");
    assert_eq!(&done.report.row("nur-1")["state"], "");
    assert_eq!(district.ask("SELECT sourced_id FROM account WHERE sourced_id = 'nur-1'"), "");
}

/// The platform takes changes over one after the other, and may be nights behind.
#[test]
fn a_platform_that_lags_two_changes_behind_brings_none_of_them_back() {
    let mut district = District::new().update_contacts(true).without_limits();
    let email = |value: &str| [person("tea-1").email(&format!("{value}@mail.example"))];
    district.platform(&email("one"));
    district.sis(&email("one"));
    district.run().ok();
    for value in ["two", "three"] {
        district.sis(&email(value));
        district.run().ok().says(
            "tea-1",
            "updated",
            &format!(
                "Email updated by the sync - was {}@mail.example",
                if value == "two" { "one" } else { "two" }
            ),
        );
    }
    let mails = district.mails().len();
    // It is where we were two nights ago, one night ago, and today.
    for shown in ["one", "one", "two", "two", "three"] {
        district.platform(&email(shown));
        let done = district.run().ok();
        done.says("tea-1", "unchanged", "");
        assert_eq!(done.report.column("email"), ["three@mail.example"], "{shown}");
    }
    assert_eq!(district.mails().len(), mails);
    // After it has caught up, a value that it shows was typed there.
    let mut district = district.update_contacts(false);
    district.platform(&email("two"));
    district.run().ok().says(
        "tea-1",
        "kept",
        "Active user has a new email in the SIS import - two@mail.example",
    );
}

/// An edit at noon, taken over by the platform; another one in the afternoon, which is not yet.
#[test]
fn two_edits_of_one_day_are_no_news_to_each_other() {
    let mut district = District::new();
    district.platform(&[person("tea-1").mobile("718.555.0101")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    let edit = |district: &District, what: &[&str]| {
        district.cli(&[&["users", "edit", "tea-1", "--as", "tea-1"], what].concat()).ok();
    };
    edit(&district, &["--email", "noon@mail.example", "--given-name", "Maria", "--phone", "7185550102"]);
    edit(&district, &["--email", "late@mail.example", "--given-name", "Mary Ann", "--phone", "7185550103"]);
    let noon = person("tea-1").email("noon@mail.example").given("Maria").mobile("(718) 555-0102");
    district.platform(std::slice::from_ref(&noon));
    let details = "SELECT given_name, email, phone FROM account";
    for _ in 0..2 {
        district.run().ok();
        assert_eq!(district.ask(details), "Mary Ann | late@mail.example | +17185550103");
    }
    // A column that is missing changes nothing about that.
    district.platform_without(&["family_name"], &[noon]);
    district.run().exits(3);
    assert_eq!(district.ask(details), "Mary Ann | late@mail.example | +17185550103");
}
