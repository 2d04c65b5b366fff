//! Broken, doubtful or mistyped input must never cost a user the protection of OFF, a credential,
//! or a file.

use std::fs;

use crate::machine;
use crate::support::{COLUMNS, District, Person, person, users_csv};

/// A guardian at `sch-on` with a child at `sch-off`: under OFF. Both have joined.
fn family() -> (District, [Person; 2]) {
    let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
    let people = [
        person("gua-1").schools("sch-on").agents("stu-2").email("sis@mail.example"),
        person("stu-2").schools("sch-off"),
    ];
    district.platform(&[people[0].clone().email("typed@mail.example"), people[1].clone()]);
    district.sis(&people);
    district.run().ok().says("gua-1", "created", KEPT);
    (district, people)
}

const KEPT: &str = "Active user has a new email in the SIS import - typed@mail.example";

#[test]
fn a_row_that_cannot_be_read_takes_no_school_from_a_family() {
    for broken in [
        // An unquoted comma, and quotes that are not doubled.
        "stu-2,,true,sch-off,student,stu-2,Rosa, Jr.,Diaz,,x@school.example,,,,zz\n",
        "stu-2,,true,sch-off,student,stu-2,\"Ro \"sa\" x\",Diaz,,x@school.example,,,,\n",
    ] {
        let (district, people) = family();
        let text = users_csv(&COLUMNS, &people[..1]);
        district.file("sis/users.csv", format!("{text}{broken}"));
        let done = district.run().ok();
        done.says("gua-1", "kept", KEPT);
        assert_eq!(done.report.row("stu-2")["action"], *"rejected");
        assert_eq!(district.mails().len(), 0);
        // Neither in a delta that has nothing but the broken row.
        let header = users_csv(&COLUMNS, &[]);
        district.file("sis/users.csv", format!("{header}{broken}"));
        district.mode("delta");
        district.run().ok().says("gua-1", "kept", KEPT);
    }
}

#[test]
fn rows_that_differ_count_with_all_their_schools() {
    let (district, people) = family();
    for schools in [["sch-on", "sch-off"], ["sch-off", "sch-on"]] {
        let rows = schools.map(|school| people[1].clone().schools(school));
        district.sis(&[people[0].clone(), rows[0].clone(), rows[1].clone()]);
        district.run().ok().says("gua-1", "kept", KEPT);
    }
}

/// A 1.2 export: users without roles, and roles.csv.
fn with_roles(district: &District, people: &[Person], roles: &str) {
    district.sis_without(&["role", "orgSourcedIds"], people);
    district.file(
        "sis/roles.csv",
        format!("sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n{roles}"),
    );
}

/// A teacher at a school under ON and one under OFF, with a typed email.
fn teacher_of_two_schools() -> (District, [Person; 2]) {
    let mut district =
        District::new().without_limits().school("sch-on", true).school("sch-off", false).with_orgs();
    let people = [person("tea-1").email("sis@mail.example"), person("tea-2")];
    district.platform(&[people[0].clone().email("typed@mail.example"), people[1].clone()]);
    with_roles(&district, &people, BOTH);
    district.run().ok().says("tea-1", "created", KEPT);
    (district, people)
}

const BOTH: &str = "r1,,,tea-1,primary,teacher,,,sch-on\nr2,,,tea-1,secondary,teacher,,,sch-off\nr3,,,tea-2,primary,teacher,,,sch-on\n";

#[test]
fn a_role_that_cannot_be_read_rejects_its_user() {
    let (district, people) = teacher_of_two_schools();
    with_roles(&district, &people, &BOTH.replace("sch-off\n", "sch-off, annex\n"));
    let done = district.run().ok();
    done.says("tea-1", "rejected", "Record rejected - a row of roles.csv for this user cannot be read");
    done.says("tea-2", "unchanged", "");
    assert_eq!(district.mails().len(), 0);
}

#[test]
fn a_school_that_may_have_got_lost_protects_night_after_night() {
    // A row of roles.csv that has lost its user, and a manifest that does not say what the files
    // hold.
    let lost = BOTH.replace("r2,,,tea-1,", "r2,,,,");
    let missing = BOTH.replace("r2,,,tea-1,secondary,teacher,,,sch-off\n", "");
    for (roles, mode) in [(lost, "bulk"), (missing, "perhaps")] {
        let (district, people) = teacher_of_two_schools();
        district.mode(mode);
        for _ in 0..3 {
            with_roles(&district, &people, &roles);
            district.run().ok().says("tea-1", "kept", KEPT);
        }
        assert_eq!(district.mails().len(), 0);
        // Once it is certain that the school is gone, so is its word.
        district.mode("bulk");
        with_roles(
            &district,
            &people,
            "r1,,,tea-1,primary,teacher,,,sch-on\nr3,,,tea-2,primary,teacher,,,sch-on\n",
        );
        district.run().ok().says("tea-1", "updated", "Email updated by the sync - was typed@mail.example");
    }
}

#[test]
fn a_delta_that_does_not_say_all_roles_again_takes_none_away() {
    let (district, people) = teacher_of_two_schools();
    district.mode("delta");
    let changed = [people[0].clone().email("newer@mail.example")];
    for roles in ["", "r1,active,,tea-1,primary,teacher,2025-08-01,,sch-on\n"] {
        with_roles(&district, &changed, roles);
        district.run().ok().says("tea-1", "kept", KEPT);
    }
    fs::remove_file(district.path("sis/roles.csv")).unwrap();
    district.run().ok().says("tea-1", "kept", KEPT);
    // A role of a user that the delta does not have would be lost.
    with_roles(&district, &changed, "r3,active,,tea-2,primary,teacher,,,sch-off\n");
    let refused = district.run().exits(7);
    refused.complains(&["roles.csv has changes for users that are not in users.csv", "bulk"]);
    // A role that is taken away is gone.
    with_roles(&district, &changed, "r2,tobedeleted,,tea-1,secondary,teacher,,,sch-off\n");
    district.run().ok().says("tea-1", "updated", "Email updated by the sync - was typed@mail.example");
}

#[test]
fn children_without_a_role_between_two_school_years_still_protect_their_guardian() {
    let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
    let people = [person("gua-1").agents("stu-2").email("sis@mail.example"), person("stu-2")];
    district.platform(&[people[0].clone().email("typed@mail.example")]);
    with_roles(
        &district,
        &people,
        "r1,,,gua-1,primary,guardian,,,sch-on\nr2,,,stu-2,primary,student,2025-08-01,2026-06-30,sch-off\n",
    );
    for (night, action) in [("2026-06-30T08:15:00Z", "created"), ("2026-07-15T08:15:00Z", "kept")] {
        district.at(night);
        district.run().ok().says("gua-1", action, KEPT);
    }
}

#[test]
fn a_quote_that_is_never_closed_in_the_platform_export_stops_the_run() {
    let mut district = District::new();
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3")]);
    district.platform_file(
        "sourced_id,state,given_name,family_name,email\ntea-1,active,\"Ana,Lee,a@x.example\ntea-2,active,Bo,Lee,b@x.example\ntea-3,active,\"Cy\",Lee,c@x.example\n",
    );
    let done = district.run().exits(7);
    done.complains(&["a quote that is never closed", "platform-users.csv line 2"]);
    assert!(!district.names().iter().any(|name| name.starts_with("reports/users")));
}

#[test]
fn a_number_that_is_none_is_no_credential() {
    let mut district =
        District::new().without_limits().update_contacts(true).with("sync.blank_values", "\"clear\"");
    let before = person("tea-1").email("a@mail.example").mobile("555");
    district.platform(std::slice::from_ref(&before));
    district.sis(&[before]);
    district.run().ok();
    district.sis(&[person("tea-1").email("").mobile("555")]);
    district.run().ok().says(
        "tea-1",
        "unchanged",
        "SIS import has no email - kept a@mail.example; SIS import has an invalid phone number - 555",
    );
}

#[test]
fn no_new_user_without_a_name_gets_an_account_whatever_the_platform_says() {
    let mut district = District::new();
    let nameless = person("tea-1").given("").family("");
    district.platform(std::slice::from_ref(&nameless));
    district.sis(&[nameless, person("tea-2")]);
    district.run().ok().says("tea-1", "rejected", "Record rejected - no name");
}

#[test]
fn an_unknown_school_is_named_by_run_and_check() {
    let district = District::new().school("sch-typo", false);
    district.sis(&[person("tea-1")]);
    district.file(
        "sis/orgs.csv",
        "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\nsch-1,,,One,school,,\n",
    );
    // In every run, also with -q.
    for _ in 0..2 {
        let done = district.cli(&["-q", "run"]).exits(3);
        assert!(
            done.stdout.contains("unknown-school") && done.stdout.contains("`sch-typo`"),
            "{}",
            done.stdout
        );
    }
    let checked = district.cli(&["check"]).exits(3);
    assert!(
        checked.stdout.contains("rostersync.toml: [[school]] id: attention[unknown-school]"),
        "{}",
        checked.stdout
    );
}

#[test]
fn a_report_never_overwrites_what_the_sync_reads_or_keeps() {
    let mut district = District::new();
    district.sis(&[person("tea-1")]);
    district.platform(&[person("tea-1")]);
    district.run().ok();
    // That it was tried is on record.
    let all = || {
        let mut all = district.everything();
        all.remove("rostersync.db");
        (district.store_hash(), all)
    };
    let before = all();
    for name in [
        "rostersync.db",
        "rostersync.toml",
        "sis/users.csv",
        "sis/new.csv",
        "platform-users.csv",
        "rostersync.db.lock",
    ] {
        for arguments in
            [&["run", "--report", name][..], &["run", "--dry-run", "--report", name], &["report", "-o", name]]
        {
            let done = district.cli(arguments);
            assert_eq!((done.code, name), (2, name), "{arguments:?}\n{}", done.stderr);
            assert!(
                done.stderr.contains("that would overwrite what the sync reads or keeps"),
                "{}",
                done.stderr
            );
        }
    }
    assert_eq!(all(), before);
    district.cli(&["run", "--dry-run", "--report", "-"]).exits(2).complains(&["`-` is not a file"]);
}

#[test]
fn a_log_that_cannot_be_written_stops_nothing() {
    let district = District::new();
    district.sis(&[person("tea-1")]);
    let Some(full) = machine::full() else { return };
    let status =
        district.command(&["run"]).stderr(full).stdout(std::process::Stdio::null()).status().unwrap();
    assert_eq!(status.code(), Some(0));
    // Nor does standard output once the run is applied.
    district.sis(&[person("tea-1"), person("tea-2")]);
    let Some(full) = machine::full() else { return };
    let status =
        district.command(&["run"]).stdout(full).stderr(std::process::Stdio::null()).status().unwrap();
    assert_eq!((status.code(), district.ask("SELECT count(*) FROM account").as_str()), (Some(0), "2"));
}

#[test]
fn a_left_out_user_that_is_pending_again_is_part_of_the_approved_plan() {
    let mut district = District::new().with("sync.roles", "[\"teacher\"]").without_limits();
    let people = [person("tea-1"), person("tea-2")];
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    let others = [people[0].clone().role("aide"), people[1].clone()];
    district.sis(&others);
    let quiet = district.preview().ok();
    district.platform(&[people[0].clone().state("pending"), people[1].clone()]);
    let pending = district.preview().ok();
    assert_ne!(quiet.checksum(), pending.checksum());
    assert_eq!(pending.report.row("tea-1")["codes"], *"role-not-synced pending-again");
}

/// A 1.2 family: the guardian at `sch-on`, the child at `sch-off`, linked by the child's record.
fn family_with_roles() -> (District, [Person; 3]) {
    let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
    let people =
        [person("gua-1").email("sis@mail.example"), person("stu-2").agents("gua-1"), person("tea-3")];
    district.platform(&[people[0].clone().email("typed@mail.example")]);
    with_roles(&district, &people, FAMILY);
    district.run().ok().says("gua-1", "created", KEPT);
    (district, people)
}

const FAMILY: &str = "r1,,,gua-1,primary,guardian,,,sch-on\nr2,,,stu-2,primary,student,,,sch-off\nr3,,,tea-3,primary,teacher,,,sch-on\n";

#[test]
fn a_delta_that_leaves_roles_or_links_out_takes_no_school_from_a_family() {
    let (district, people) = family_with_roles();
    district.mode("delta");
    for mentioned in [&people[..1], &people[1..2], &people[..2]] {
        with_roles(&district, mentioned, "");
        district.run().ok().says("gua-1", "kept", KEPT);
    }
    // Without the column of the links, and with the child's record alone.
    district.sis_without(&["role", "orgSourcedIds", "agentSourcedIds"], &people[1..2]);
    district.run().ok().says("gua-1", "kept", KEPT);
    assert_eq!(district.mails().len(), 0);
}

#[test]
fn missing_roles_and_roles_of_unknown_users_take_no_school_from_a_family() {
    for roles in [
        // None, a blank word, a blank user, a row that ends early, quotes that hide the user.
        FAMILY.replace("r2,,,stu-2,primary,student,,,sch-off\n", ""),
        FAMILY.replace("primary,student", "primary,"),
        FAMILY.replace("stu-2,primary", ",primary"),
        FAMILY.replace("student,,,sch-off", "student"),
        FAMILY.replace("r2,,,stu-2", "r2,,,\"st\"u-2"),
    ] {
        let (district, people) = family_with_roles();
        with_roles(&district, &people, &roles);
        district.run().ok().says("gua-1", "kept", KEPT);
        assert_eq!(district.mails().len(), 0, "{roles}");
    }
}

#[test]
fn a_row_that_ends_early_or_names_no_user_takes_no_school_from_a_family() {
    for row in ["stu-2,,true\n", ",,true,sch-off,student,stu-2,Rosa,Diaz,,,,,gua-1,\n"] {
        let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
        let people = [
            person("gua-1").schools("sch-on").email("sis@mail.example"),
            person("stu-2").schools("sch-off").agents("gua-1"),
            person("tea-3"),
        ];
        district.platform(&[people[0].clone().email("typed@mail.example")]);
        district.sis(&people);
        district.run().ok().says("gua-1", "created", KEPT);
        let whole = users_csv(&COLUMNS, &[people[0].clone(), people[2].clone()]);
        let (header, rest) = whole.split_once('\n').unwrap();
        district.file("sis/users.csv", format!("{header}\n{row}{rest}"));
        // The second night as well, when the child without a usable row has been archived.
        district.run().ok().says("gua-1", "kept", KEPT);
        district.run().ok().says("gua-1", "kept", KEPT);
    }
}

#[test]
fn children_that_are_not_synced_still_protect_their_guardian() {
    for (key, value) in [("sync.roles", "[\"guardian\", \"teacher\"]"), ("sync.schools", "[\"sch-on\"]")] {
        let mut district = District::new()
            .without_limits()
            .school("sch-on", true)
            .school("sch-off", false)
            .with(key, value)
            .with_orgs();
        let people = [
            person("gua-1").schools("sch-on").email("sis@mail.example"),
            person("stu-2").schools("sch-off").agents("gua-1"),
            person("tea-3").schools("sch-on"),
        ];
        district.platform(&[people[0].clone().email("typed@mail.example")]);
        district.sis(&people);
        district.run().ok().says("gua-1", "created", KEPT);
        // The row of the child is broken, and then a delta does not mention the family.
        let header_and_two = users_csv(&COLUMNS, &[people[0].clone(), people[2].clone()]);
        district.file(
            "sis/users.csv",
            format!("{header_and_two}stu-2,,true,sch-off,student,x,Ro, Jr.,Diaz,,,,,gua-1,,zz\n"),
        );
        district.run().ok().says("gua-1", "kept", KEPT);
        district.sis_delta(&people[2..]);
        district.run().ok().says("gua-1", "kept", KEPT);
        // A child that has left does not protect its guardian.
        district.sis_delta(&[people[1].clone().status("tobedeleted")]);
        district.run().ok().says("gua-1", "updated", "Email updated by the sync - was typed@mail.example");
    }
}

#[test]
fn in_a_roster_of_unknown_mode_no_user_is_gone() {
    let (district, people) = family();
    district.mode("");
    district.sis(&[people[0].clone(), people[1].clone().status("tobedeleted")]);
    district.run().ok().says("gua-1", "kept", KEPT);
}

#[test]
fn a_user_that_is_student_and_parent_is_family_both_ways() {
    let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
    let people = [person("gua-1").email("sis@mail.example"), person("stu-2").agents("gua-1")];
    district.platform(&[people[0].clone().email("typed@mail.example")]);
    let both = "r1,,,gua-1,primary,guardian,,,sch-on\nr2,,,stu-2,primary,student,,,sch-off\nr3,,,stu-2,secondary,parent,,,sch-on\n";
    with_roles(&district, &people, both);
    district.run().ok().says("gua-1", "created", KEPT);
}

#[test]
fn rows_that_differ_are_one_person() {
    let mut district = District::new().without_limits();
    let people = [person("tea-1"), person("tea-2").email("shared@mail.example")];
    district.sis(&people);
    district.run().ok();
    district.platform(&[people[1].clone().mobile("718-555-0142")]);
    district.sis(&[
        person("tea-1").email("shared@mail.example"),
        people[1].clone(),
        people[1].clone().given("Ana"),
    ]);
    let done = district.run().ok();
    assert!(done.stdout.contains("1 joined, 1 detail taken over"), "{}", done.stdout);
    done.says(
        "tea-1",
        "updated",
        "Email updated by the sync - was tea-1@school.example; Email is shared with tea-2",
    );
    assert_eq!(done.report.count("rejected"), 2);
    assert_eq!(district.ask("SELECT count(*) FROM audit WHERE field = 'phone'"), "1");
}

#[test]
fn an_address_with_line_breaks_in_the_platform_export_is_no_open_quote() {
    let mut district = District::new();
    district.sis(&[person("tea-1")]);
    district.platform_file("sourced_id,state,given_name,family_name,email,notes\ntea-1,active,Rosa,Diaz,own@mail.example,\"hi\nbye, now\"\n");
    district.run().ok().says(
        "tea-1",
        "created",
        "Active user has a new email in the SIS import - own@mail.example",
    );
    district.platform_file("sourced_id\ntea-1\n\"tea-2\ntea-3\n");
    district.run().exits(7).complains(&["a quote that is never closed"]);
}

#[test]
fn who_comes_back_by_a_delta_that_does_not_say_the_roles_again_is_where_they_were() {
    let (district, people) = family_with_roles();
    with_roles(&district, &people[1..], FAMILY);
    district.run().ok().says("gua-1", "archived", "User is no longer in the SIS import - archived");
    district.mode("delta");
    with_roles(&district, &people[..1], "");
    district.run().ok().says(
        "gua-1",
        "restored",
        &format!("{KEPT}; User is back in the SIS import - restored"),
    );
}
