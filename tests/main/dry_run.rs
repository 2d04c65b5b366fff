//! The preview: the same plan as the run, and not a byte written.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{District, Report, person};

/// A district in which tonight's run would do a bit of everything.
fn district() -> District {
    let mut district = District::new().without_limits().school("sch-on", true);
    let before = [
        person("tea-1").schools("sch-on"),
        person("tea-2"),
        person("tea-3"),
        person("tea-4"),
        person("tea-5"),
    ];
    district.platform(&before[..2]);
    district.sis(&before);
    let _ = district.run().ok();
    district.sis(&before[..3]);
    let _ = district.run().ok();
    district.sis(&[
        person("tea-1").schools("sch-on").email("new-1@mail.example"),
        person("tea-2").mobile("718-555-0102"),
        person("tea-4"),
        person("tea-6"),
        person("tea-7").given("").family(""),
        person("nur-8").role("nurse"),
    ]);
    district
}

#[test]
fn twice_the_same_bytes_and_then_the_run_does_just_that() {
    let district = district();
    let _ = district.command(&[]);
    let before = district.everything();
    let elsewhere = tempfile::tempdir().unwrap();
    let preview = |name: &str| {
        let path = elsewhere.path().join(name);
        let done = district.cli(&["run", "--dry-run", "--report", path.to_str().unwrap()]).ok();
        (done.stdout.replace(name, "NAME"), fs::read(path).unwrap())
    };
    let (one, two) = (preview("one.csv"), preview("two.csv"));
    assert_eq!(one, two);
    assert_eq!(district.everything(), before, "nothing is written: no file, no time");
    let plan = |stdout: &str| {
        let start = stdout.find("Plan: ").unwrap();
        stdout[start..].to_owned()
    };
    let done = district.run().ok();
    assert_eq!(plan(&done.stdout), plan(&one.0), "the last two lines: the plan and its checksum");
    let report = fs::read(district.path("reports/users-000003.csv")).unwrap();
    assert!(report == one.1, "the same report");
    assert_ne!(district.everything(), before);
}

#[test]
fn the_preview_has_a_line_for_each_thing_that_happens() {
    let district = district();
    let done = district.preview().ok();
    let expected = [
        "~ tea-1     active   email        tea-1@school.example → new-1@mail.example                    sch-on",
        "= tea-2     active   phone        kept none, the SIS import has 718-555-0102                   sch-1",
        "^ tea-4     pending  restored                                                                  sch-1",
        "+ tea-6     pending  created                                                                   sch-1",
        "! tea-7              rejected     line 6: no name                                              sch-1",
        "- tea-3     pending  archived                                                                  sch-1",
    ];
    let lines: Vec<&str> = done.stdout.lines().take_while(|line| !line.is_empty()).collect();
    for (found, wanted) in lines.iter().zip(expected) {
        let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        // The SIS's number may be shown as an account would show it.
        assert_eq!(words(&found.replace("+17185550102", "718-555-0102")), words(wanted));
    }
    assert_eq!(lines.len(), expected.len(), "{}", done.stdout);
    assert!(done.stdout.contains(
        "\nPlan: 1 to create, 1 to update (1 email, 0 phone, 0 home phone, 0 name), 1 to archive, 1 to restore, 1 kept, \
         0 unchanged, 1 skipped, 1 rejected; 2 notifications (2 email, 0 SMS)\nChecksum: "
    ), "{}", done.stdout);
    assert_eq!(done.checksum().len(), 16);
    // Not a word in colour: standard output is no terminal.
    assert!(!done.stdout.contains('\u{1b}') && !done.stderr.contains('\u{1b}'));
    let limited = district.preview_with(&["--limit", "2"]).ok();
    assert_eq!(limited.stdout.lines().take(2).collect::<Vec<_>>(), lines[..2]);
    assert_eq!(limited.stdout.lines().nth(2), Some("… and 4 more (--limit 0 prints all)"));
    assert_eq!(limited.checksum(), done.checksum());
}

#[test]
fn fifty_changes_are_shown_unless_all_are_wanted() {
    let district = District::new();
    district.sis(&(0..60).map(|n| person(&format!("tea-{n:02}"))).collect::<Vec<_>>());
    let shown = |arguments: &[&str]| {
        let done = district.preview_with(arguments).ok();
        done.stdout.lines().filter(|line| line.starts_with("+ ")).count()
    };
    assert_eq!((shown(&[]), shown(&["--limit", "0"])), (50, 60));
}

#[test]
fn without_a_store_it_plans_against_an_empty_one_and_makes_none() {
    let district = District::new();
    district.sis(&[person("tea-1")]);
    let _ = district.command(&[]);
    let before = district.everything();
    let done = district.preview().ok();
    done.says("tea-1", "created", "");
    assert_eq!(district.everything(), before);
    for command in ["report", "runs", "status"] {
        let _ = district.cli(&[command]);
        assert_eq!(district.everything(), before, "{command}");
    }
    assert_eq!(district.run().ok().checksum(), done.checksum());
}

#[test]
fn read_permission_is_enough() {
    let district = district();
    let _ = district.command(&[]);
    let folders = ["", "sis", "reports"];
    let mode = |path: &str, mode| {
        fs::set_permissions(district.path(path), fs::Permissions::from_mode(mode)).unwrap();
    };
    mode("rostersync.db", 0o400);
    folders.iter().for_each(|folder| mode(folder, 0o500));
    let before = district.everything();
    let done = district.cli(&["run", "--dry-run"]);
    let after = district.everything();
    folders.iter().for_each(|folder| mode(folder, 0o700));
    let _ = done.ok();
    // Where the tests are run as root, permissions stop nobody; then at least nothing was written.
    assert_eq!(after, before);
}

/// The accounts of the store in the first schema.
fn as_the_first_version_left_it(district: &District) {
    let old = rusqlite::Connection::open(district.path("old.db")).unwrap();
    old.execute_batch(include_str!("../../src/store/schema/0001_accounts.sql")).unwrap();
    old.execute_batch(&format!(
        "ATTACH '{}' AS new; INSERT INTO account SELECT * FROM new.account; INSERT INTO school SELECT * FROM new.school;
         INSERT INTO run SELECT id, started, finished, result, source, mode, notify, checksum, summary FROM new.run;
         PRAGMA application_id = {}; PRAGMA user_version = 1;",
        district.path("rostersync.db").display(),
        district.ask("PRAGMA application_id"),
    ))
    .unwrap();
    drop(old);
    fs::rename(district.path("old.db"), district.path("rostersync.db")).unwrap();
}

#[test]
fn a_store_of_an_older_version_is_migrated_in_a_private_copy() {
    let district = district();
    let version = district.ask("PRAGMA user_version");
    as_the_first_version_left_it(&district);
    let _ = district.command(&[]);
    let before = district.everything();
    let done = district.preview().ok();
    assert_eq!(district.everything(), before);
    assert_eq!(district.ask("PRAGMA user_version"), "1");
    // The run makes a backup and migrates for good.
    assert_eq!(district.run().ok().checksum(), done.checksum());
    assert_eq!(district.ask("PRAGMA user_version"), version);
    let backup = rusqlite::Connection::open(district.path("rostersync.db.v1.bak")).unwrap();
    assert_eq!(crate::support::rows(&backup, "PRAGMA user_version"), ["1"]);
    let mode = district.path("rostersync.db.v1.bak").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_store_of_a_newer_version_or_of_somebody_else_is_refused() {
    let district = district();
    let version = district.ask("PRAGMA user_version");
    district.store().execute_batch("PRAGMA user_version = 99").unwrap();
    let before = district.store_hash();
    for arguments in [&["run"][..], &["run", "--dry-run"], &["runs"], &["status"]] {
        district
            .cli(arguments)
            .exits(1)
            .complains(&["written by a newer rostersync (schema 99", "rostersync.db"]);
    }
    assert_eq!(district.store_hash(), before);
    district
        .store()
        .execute_batch(&format!("PRAGMA user_version = {version}; PRAGMA application_id = 7;"))
        .unwrap();
    let before = district.store_hash();
    district.run().exits(1).complains(&["rostersync.db"]);
    assert_eq!(district.store_hash(), before);
}

#[test]
fn what_if_the_setting_were_switched() {
    let mut district = District::new().without_limits().school("sch-off", false).without_mail();
    let people = |email: &str| {
        [
            person("tea-1").email(&format!("1-{email}")),
            person("tea-2").schools("sch-off").email(&format!("2-{email}")),
        ]
    };
    district.platform(&people("a@mail.example"));
    district.sis(&people("a@mail.example"));
    let _ = district.run().ok();
    district.sis(&people("b@mail.example"));
    let _ = district.command(&[]);
    let before = district.everything();
    let plain = district.preview().ok();
    assert_eq!(plain.report.column("action"), ["kept", "kept"]);
    // In place of every configured value, the schools' own as well.
    let on = district.preview_with(&["--update-contacts", "on"]).ok();
    assert_eq!(on.report.column("action"), ["updated", "updated"]);
    assert_ne!(on.checksum(), plain.checksum());
    let off = district.preview_with(&["--update-contacts", "off"]).ok();
    assert_eq!(off.report.column("action"), ["kept", "kept"]);
    assert_eq!(district.everything(), before);
    district.cli(&["run", "--update-contacts", "on"]).exits(2).complains(&["--dry-run"]);
}

/// So that the person who decides sees how many messages it would mean.
#[test]
fn what_if_counts_the_messages_that_there_would_be() {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1").email("a@mail.example")]);
    district.sis(&[person("tea-1").email("b@mail.example")]);
    let on = district.preview_with(&["--update-contacts", "on"]).ok();
    assert!(on.plan().ends_with("; 2 notifications (2 email, 0 SMS)"), "{}", on.plan());
}

#[test]
fn detailed_exit_codes_tell_changes_from_changes_of_people() {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1"), person("tea-2")]);
    let code = |district: &District| district.preview_with(&["--detailed-exitcode"]).code;
    assert_eq!(code(&district), 10, "created");
    let _ = district.run().ok();
    assert_eq!(code(&district), 0, "nothing to do");
    district.sis(&[person("tea-1").email("new@mail.example"), person("tea-2")]);
    assert_eq!(code(&district), 0, "kept is no change");
    district.sis(&[person("tea-1"), person("tea-2").email("new@mail.example")]);
    assert_eq!(code(&district), 10, "a pending user is updated");
    district.sis(&[person("tea-1")]);
    assert_eq!(code(&district), 11, "somebody is archived");
    district.sis(&[person("tea-1").email("new@mail.example"), person("tea-2")]);
    district.set("sync.update_contacts", "true");
    assert_eq!(code(&district), 11, "an active user is changed");
    district.cli(&["run", "--detailed-exitcode"]).exits(2).complains(&["--dry-run"]);
}

#[test]
fn the_summary_for_programs() {
    let district = district();
    let preview = district.cli(&["run", "--dry-run", "--format", "json"]).ok().json();
    let real = district.cli(&["run", "--format", "json"]).ok().json();
    for json in [&preview, &real] {
        assert_eq!((&json["result"], &json["exit"]), (&"ok".into(), &0.into()));
        assert_eq!(
            json["actions"],
            serde_json::json!({
                "created": 1, "updated": 1, "archived": 1, "restored": 1, "kept": 1, "unchanged": 0, "skipped": 1, "rejected": 1
            })
        );
        assert_eq!(json["fields"], serde_json::json!({ "email": 1, "phone": 0, "home_phone": 0, "name": 0 }));
        assert_eq!(json["notifications"], serde_json::json!({ "email": 2, "sms": 0 }));
        assert_eq!(json["limits"], serde_json::json!([]));
    }
    assert_eq!(preview["run"], serde_json::Value::Null);
    assert_eq!(real["run"], 3);
    assert_eq!(preview["checksum"], real["checksum"]);
}

#[test]
fn a_failure_for_programs_has_its_word_and_its_three_parts() {
    let district = District::new();
    district.file("sis/users.csv", "");
    let done = district.cli(&["run", "--format", "json"]).exits(7);
    let json = done.json();
    assert_eq!((&json["result"], &json["exit"]), (&"input-unusable".into(), &7.into()));
    for part in ["what", "at", "help"] {
        assert!(!json["error"][part].as_str().unwrap().is_empty(), "{json}");
    }
}

#[test]
fn the_report_can_go_elsewhere_as_well() {
    let district = district();
    let _ = district.cli(&["run", "--report", "copy.csv"]).ok();
    let (copy, own) = (district.path("copy.csv"), district.path("reports/users-000003.csv"));
    assert!(fs::read(&copy).unwrap() == fs::read(&own).unwrap());
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Report::read(&copy).rows.len(), 7);
}

/// The checksum covers the changes, the setting and the recipients; never times, run numbers or `first_seen`.
#[test]
fn what_the_checksum_covers() {
    let sums = |now: &str, on: bool, mail: bool, email: &str| {
        let mut district = District::new().without_limits().update_contacts(on);
        district.at(now);
        district.platform(&[person("tea-1").email("a@mail.example")]);
        district.sis(&[person("tea-1").email(email)]);
        let arguments: &[&str] = if mail { &[] } else { &["--no-notify"] };
        district.preview_with(arguments).ok().checksum().to_owned()
    };
    let night = crate::support::NIGHT;
    let one = sums(night, true, true, "b@mail.example");
    assert_eq!(one, sums("2027-01-01T00:00:00Z", true, true, "b@mail.example"));
    for other in [
        sums(night, false, true, "b@mail.example"),
        sums(night, true, false, "b@mail.example"),
        sums(night, true, true, "c@mail.example"),
    ] {
        assert_ne!(one, other);
    }
}
