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
    district.run().ok();
    district.sis(&before[..3]);
    district.run().ok();
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
    district.write_config();
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
    // What is dangerous first: archives, then sign-ins of active people.
    let expected = [
        "- tea-3     pending  archived   Rosa Diaz sch-1",
        "~ tea-1     active   email      tea-1@school.example → new-1@mail.example Rosa Diaz sch-on",
        "^ tea-4     pending  restored   Rosa Diaz sch-1",
        "+ tea-6     pending  created    Rosa Diaz sch-1",
        "! tea-7              rejected   line 6: no name sch-1",
        "= tea-2     active   phone      kept none, the SIS import has +17185550102 Rosa Diaz sch-1",
    ];
    let lines: Vec<&str> = done.stdout.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(lines, expected, "{}", done.stdout);
    assert!(done.stdout.contains(
        "\nPlan: 1 to create, 1 to update (1 email, 0 phone, 0 home phone, 0 name), 1 to archive, 1 to restore, 1 kept, \
         0 unchanged, 1 skipped, 1 rejected, 0 held, 0 missing, 0 links; 2 notifications (2 email, 0 SMS)\nChecksum: "
    ), "{}", done.stdout);
    assert_eq!(done.checksum().len(), 16);
    // Not a word in colour: standard output is no terminal.
    assert!(!done.stdout.contains('\u{1b}') && !done.stderr.contains('\u{1b}'));
    // Two lines, and every other kind is named all the same.
    let limited = district.preview_with(&["--limit", "2"]).ok();
    let shown: Vec<&str> = limited.stdout.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(shown[..2], lines[..2]);
    let rest =
        ["restored", "created", "rejected", "kept"].map(|kind| format!("… 1 {kind} (`--limit 0` lists all)"));
    assert_eq!(shown[2..], rest);
    assert_eq!(limited.checksum(), done.checksum());
}

/// 58 archives and a sign-in are not to be found behind a thousand new pupils.
#[test]
fn no_kind_of_change_is_hidden_behind_another_and_each_is_in_the_order_of_schools() {
    let mut district = District::new().without_limits().school("sch-on", true);
    let schools = ["sch-2", "sch-1"];
    let at = |n: usize| schools[n % 2];
    let leavers: Vec<_> = (0..62).map(|n| person(&format!("tea-{n:02}")).schools(at(n))).collect();
    let stays = [
        person("adm-1").schools("sch-on").mobile("718-555-0101"),
        person("adm-2").schools("sch-on").given("Ann"),
    ];
    district.platform(&stays);
    district.sis(&[&stays[..], &leavers].concat());
    district.run().ok();
    let tonight =
        [stays[0].clone().mobile("718-555-0177").home("718-555-0178"), stays[1].clone().given("Anna")];
    let newcomers: Vec<_> = (0..1000).map(|n| person(&format!("stu-{n:04}")).schools(at(n))).collect();
    district.sis(&[&tonight[..], &newcomers].concat());
    let lines = |arguments: &[&str]| -> Vec<String> {
        let done = district.preview_with(arguments).ok();
        done.stdout.lines().take_while(|line| !line.is_empty()).map(str::to_owned).collect()
    };
    let shown = lines(&[]);
    let archived: Vec<&str> =
        shown.iter().filter(|line| line.starts_with("- ")).map(String::as_str).collect();
    // 50 lines: one sign-in, two other changes, and the rest is shared by the two large kinds.
    assert_eq!(archived.len(), 24);
    assert!(archived[0].starts_with("- tea-01    pending  archived   Rosa Diaz sch-1"), "{}", archived[0]);
    assert!(archived.iter().all(|line| line.ends_with("sch-1")), "sch-1 comes before sch-2: {archived:#?}");
    assert_eq!(shown[24], "… 38 more archived (`--limit 0` lists all)");
    assert_eq!(
        shown[25..28],
        [
            "~ adm-1     active   phone      +17185550101 → +17185550177 Rosa Diaz sch-on",
            "~ adm-1     active   home phone none → +17185550178  Rosa Diaz sch-on",
            "~ adm-2     active   name       Ann Diaz → Anna Diaz Anna Diaz sch-on",
        ]
    );
    assert_eq!(shown.last().unwrap(), "… 977 more created (`--limit 0` lists all)");
    let all = lines(&["--limit", "0"]);
    assert_eq!(all.len(), 62 + 3 + 1000);
    assert!(!all.iter().any(|line| line.starts_with('…')));
    assert_eq!(all[..24], shown[..24]);
    // However many are wanted, the first ones are the same.
    let many = lines(&["--limit", "10001"]);
    assert_eq!(many, all);
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
    district.write_config();
    let before = district.everything();
    let done = district.preview().ok();
    done.says("tea-1", "created", "");
    assert_eq!(district.everything(), before);
    for command in ["report", "runs", "status"] {
        district.cli(&[command]).any();
        assert_eq!(district.everything(), before, "{command}");
    }
    assert_eq!(district.run().ok().checksum(), done.checksum());
}

#[test]
fn read_permission_is_enough() {
    let district = district();
    district.write_config();
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
    done.ok();
    // Permissions do not stop root; then at least nothing was written.
    assert_eq!(after, before);
}

/// The accounts of the store in the first schema.
fn as_the_first_version_left_it(district: &District) {
    let old = rusqlite::Connection::open(district.path("old.db")).unwrap();
    old.execute_batch(include_str!("../../src/store/schema/0001_accounts.sql")).unwrap();
    let columns =
        crate::support::rows(&old, "SELECT group_concat(name, ', ') FROM pragma_table_info('account')");
    let columns = &columns[0];
    old.execute_batch(&format!(
        "ATTACH '{}' AS new; INSERT INTO account SELECT {columns} FROM new.account; INSERT INTO school SELECT id, name FROM new.school;
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
    district.write_config();
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
fn a_store_of_a_newer_version_or_of_another_program_is_refused() {
    let district = district();
    let version = district.ask("PRAGMA user_version");
    district.store().execute_batch("PRAGMA user_version = 99").unwrap();
    let before = crate::support::hash(&district.path("rostersync.db"));
    let words = ["written by a newer rostersync (schema 99", "rostersync.db"];
    for arguments in [&["run"][..], &["run", "--dry-run"], &["users", "list"]] {
        district.cli(arguments).exits(1).complains(&words);
    }
    // These also print what is on record beside the store.
    for command in ["runs", "status"] {
        let done = district.cli(&[command]).exits(1);
        assert!(words.iter().all(|word| done.stderr.contains(word)), "{command}: {}", done.stderr);
        assert!(done.stdout.contains("failed"), "{command}: {}", done.stdout);
    }
    assert_eq!(crate::support::hash(&district.path("rostersync.db")), before);
    district
        .store()
        .execute_batch(&format!("PRAGMA user_version = {version}; PRAGMA application_id = 7;"))
        .unwrap();
    let before = crate::support::hash(&district.path("rostersync.db"));
    district.run().exits(1).complains(&["rostersync.db"]);
    assert_eq!(crate::support::hash(&district.path("rostersync.db")), before);
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
    district.run().ok();
    district.sis(&people("b@mail.example"));
    district.write_config();
    let before = district.everything();
    let plain = district.preview().ok();
    assert_eq!(plain.report.column("action"), ["kept", "kept"]);
    // In place of every configured value, the schools' own as well.
    // It is a step that needs an approval.
    let on = district.preview_with(&["--update-contacts", "on"]).exits(4);
    assert_eq!(on.report.column("action"), ["updated", "updated"]);
    assert_ne!(on.checksum(), plain.checksum());
    let off = district.preview_with(&["--update-contacts", "off"]).ok();
    assert_eq!(off.report.column("action"), ["kept", "kept"]);
    assert_eq!(district.everything(), before);
    district.cli(&["run", "--update-contacts", "on"]).exits(2).complains(&["--dry-run"]);
}

/// So that a person sees how many messages it would mean before deciding.
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
    district.run().ok();
    assert_eq!(code(&district), 0, "nothing to do");
    district.sis(&[person("tea-1").email("new@mail.example"), person("tea-2")]);
    assert_eq!(code(&district), 0, "kept is no change");
    district.sis(&[person("tea-1"), person("tea-2").email("new@mail.example")]);
    assert_eq!(code(&district), 10, "a pending user is updated");
    district.sis(&[person("tea-1")]);
    assert_eq!(code(&district), 11, "somebody is archived");
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.set("sync.update_contacts", "true");
    district.run().ok();
    district.sis(&[person("tea-1").email("new@mail.example"), person("tea-2")]);
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
                "created": 1, "updated": 1, "archived": 1, "restored": 1, "kept": 1, "unchanged": 0, "skipped": 1, "rejected": 1, "held": 0,
                "missing": 0
            })
        );
        assert_eq!(json["fields"], serde_json::json!({ "email": 1, "phone": 0, "home_phone": 0, "name": 0 }));
        assert_eq!(json["notifications"], serde_json::json!({ "email": 2, "sms": 0 }));
        assert_eq!(json["limits"], serde_json::json!([]));
    }
    let change = |id: &str, state: &str, kind: &str, values: [serde_json::Value; 3], codes: &[&str]| {
        let [field, old, new] = values;
        let school = if id == "tea-1" { "sch-on" } else { "sch-1" };
        let name = if id == "tea-7" { "" } else { "Rosa Diaz" };
        serde_json::json!({
            "sourced_id": id, "name": name, "state": state, "role": "teacher", "school": school, "kind": kind,
            "field": field, "old": old, "new": new, "codes": codes
        })
    };
    let whole = || [serde_json::Value::Null, serde_json::Value::Null, serde_json::Value::Null];
    let email = ["email", "tea-1@school.example", "new-1@mail.example"].map(Into::into);
    let phone = ["phone", "", "+17185550102"].map(Into::into);
    assert_eq!(
        preview["changes"],
        serde_json::json!([
            change("tea-3", "pending", "archived", whole(), &["archived"]),
            change("tea-1", "active", "sign-in", email, &["email-updated"]),
            change("tea-4", "pending", "restored", whole(), &["restored"]),
            change("tea-6", "pending", "created", whole(), &[]),
            change("tea-7", "", "rejected", whole(), &["rejected-no-name"]),
            change("tea-2", "active", "kept", phone, &["active-phone-differs"]),
        ])
    );
    assert_eq!((&preview["applied"], &real["applied"]), (&false.into(), &true.into()));
    assert_eq!(real.get("changes"), None, "what was applied is in the report");
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
    assert_eq!(json["error"]["cause"], serde_json::Value::Null, "there is nothing behind an empty file");
    // A file that cannot be read has one, and it is the system's own word.
    let mut district = district;
    district.sis(&[person("tea-1")]);
    district.set("platform.users", "\"sis\"");
    let json = district.cli(&["run", "--format", "json"]).json();
    assert!(json["error"]["cause"].as_str().is_some_and(|cause| cause.contains("directory")), "{json}");
}

#[test]
fn the_report_can_go_elsewhere_as_well() {
    let district = district();
    district.cli(&["run", "--report", "copy.csv"]).ok();
    let (copy, own) = (district.path("copy.csv"), district.path("reports/users-000003.csv"));
    assert!(fs::read(&copy).unwrap() == fs::read(&own).unwrap());
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Report::read(&copy).rows.len(), 7);
}

/// The checksum covers the changes, the setting and the recipients; never times, run numbers or
/// `first_seen`.
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
