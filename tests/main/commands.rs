//! The commands around the run: history, status, help, and what is said of mistakes.

use std::os::unix::fs::PermissionsExt;

use crate::support::{District, person};

fn district() -> District {
    let mut district = District::new().school("sch-2", true).with_orgs();
    district.platform(&[person("tea-1").email("rosa@home.example")]);
    district.sis(&[person("tea-1"), person("tea-2")]);
    district
}

#[test]
fn runs_is_the_history_latest_first() {
    let mut district = district();
    assert_eq!(district.cli(&["runs"]).ok().stdout, "There has been no run yet.\n");
    assert_eq!(district.cli(&["runs", "--json"]).ok().json(), serde_json::json!([]));
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.run_with(&["--no-notify"]).ok();
    let text = district.cli(&["runs"]).ok().stdout;
    let sis = district.path("sis").display().to_string();
    let words = |line: &str| line.split_whitespace().map(str::to_owned).collect::<Vec<_>>().join(" ");
    assert_eq!(
        text.lines().map(words).collect::<Vec<_>>(),
        [
            "run started result created updated archived restored kept skipped rejected source".to_owned(),
            format!("2 2026-11-24 02:15 ok 0 0 0 0 1 0 0 {sis} (no notifications)"),
            format!("1 2026-11-23 02:15 ok 2 0 0 0 0 0 0 {sis}"),
        ]
    );
    assert_eq!(district.cli(&["runs", "--limit", "1"]).ok().stdout.lines().count(), 2);
    let json = district.cli(&["runs", "--json"]).ok().json();
    assert_eq!(
        (&json[0]["run"], &json[0]["notify"], &json[0]["mode"]),
        (&2.into(), &false.into(), &"bulk".into())
    );
    assert_eq!(json[1]["started"], "2026-11-23T08:15:00Z");
    assert_eq!(json[1]["summary"]["actions"]["created"], 2);
}

#[test]
fn status_says_the_last_run_and_what_waits() {
    let district = district();
    let text = district.cli(&["status"]).ok().stdout;
    assert!(text.contains("none yet"), "{text}");
    let json = district.cli(&["status", "--json"]).ok().json();
    assert_eq!(json["last_run"], serde_json::Value::Null);
    district.run().ok();
    let text = district.cli(&["status"]).ok().stdout;
    for part in [
        "1, ok",
        "2 created",
        "1 pending, 1 active, 0 archived",
        "0 waiting",
        "OFF for the district (1 school has its own value)",
    ] {
        assert!(text.contains(part), "`{part}` in\n{text}");
    }
    let json = district.cli(&["status", "--json"]).ok().json();
    assert_eq!(json["accounts"], serde_json::json!({ "pending": 1, "active": 1, "archived": 0 }));
    assert_eq!(json["last_run"]["result"], "ok");
    assert_eq!(json["last_run"]["started"], "2026-11-23T08:15:00Z");
    assert!(json["age_seconds"].is_u64(), "{json}");
}

/// The clock of the run is the clock of everything: a run that began at the given moment is so old.
#[test]
fn the_age_of_the_last_run_is_measured_from_the_run() {
    let mut district = district().with("sync.keep_reports", "0");
    district.at("2030-01-01T00:00:00Z");
    district.run().ok();
    district.at("2030-01-01T03:00:00Z");
    assert_eq!(district.cli(&["status", "--json"]).ok().json()["age_seconds"], 3 * 3600);
    assert!(district.cli(&["status"]).ok().stdout.contains("3 h ago"));
}

#[test]
fn check_says_that_all_is_well_and_needs_no_store() {
    let district = district();
    let done = district.cli(&["check"]).ok();
    assert_eq!(done.stdout, "2 records; 0 would be rejected; 0 findings. The configuration is valid.\n");
    let json = district.cli(&["check", "--format", "json"]).ok().json();
    assert_eq!(
        json,
        serde_json::json!({ "result": "ok", "exit": 0, "source": "tried", "records": 2, "rejected": 0, "limits": [], "errors": [], "counts": {}, "groups": [], "findings": [] })
    );
    assert!(!district.path("rostersync.db").exists());
    district.file("sis/users.csv", "sourcedId\n");
    district.cli(&["check"]).exits(7).complains(&["users.csv has no column givenName", "users.csv line 1"]);
}

#[test]
fn check_findings_for_programs() {
    let district = district();
    district.sis(&[person("tea-1"), person("tea-2").mobile("12")]);
    let json = district.cli(&["check", "--format", "json"]).ok().json();
    assert_eq!(json["counts"], serde_json::json!({ "sis-phone-invalid": 1 }));
    let finding = &json["findings"][0];
    assert_eq!(
        (&finding["severity"], &finding["code"], &finding["file"], &finding["line"], &finding["column"]),
        (&"warning".into(), &"sis-phone-invalid".into(), &"users.csv".into(), &3.into(), &"sms".into())
    );
}

/// cron mails whatever a job prints.
#[test]
fn quiet_prints_only_what_was_asked_for_when_all_is_well() {
    let district = district();
    // The first night says that it has made a store.
    district.cli(&["-q", "run"]).ok();
    for arguments in
        [&["-q", "run", "--dry-run"][..], &["-q", "run"], &["-q", "outbox", "send"], &["-q", "check"]]
    {
        let done = district.cli(arguments).ok();
        assert_eq!((&*done.stdout, &*done.stderr), ("", ""), "{arguments:?}");
    }
    // What was asked for is printed.
    for arguments in [
        &["run", "-q", "--format", "json"][..],
        &["run", "-q", "--dry-run", "--format", "json"],
        &["-q", "runs"],
        &["-q", "status"],
        &["-q", "status", "--json"],
        &["-q", "report"],
        &["-q", "users", "list"],
        &["-q", "users", "export"],
        &["-q", "users", "show", "tea-1"],
        &["-q", "outbox", "list"],
    ] {
        let done = district.cli(arguments).ok();
        assert!(!done.stdout.is_empty() && done.stderr.is_empty(), "{arguments:?}: {}", done.stderr);
    }
    // And enough when it is not.
    district.sis(&(0..9).map(|n| person(&format!("stu-{n}"))).collect::<Vec<_>>());
    district.cli(&["-q", "run"]).ok();
    district.sis(&[person("stu-1")]);
    let done = district.cli(&["-q", "run"]).exits(4);
    assert!(done.stdout.contains("Plan: ") && done.stdout.contains("--approve"), "{}", done.stdout);
    district.file("sis/users.csv", "");
    let done = district.cli(&["-q", "run"]).exits(7);
    assert!(done.stderr.contains("users.csv is empty"), "{}", done.stderr);
}

#[test]
fn results_go_to_standard_output_and_everything_else_to_standard_error() {
    let district = district();
    let done = district.cli(&["-v", "-v", "run"]).ok();
    for line in done.stdout.lines() {
        let result = ["Platform export: ", "Run 1, ", "Plan: ", "Checksum: "];
        assert!(result.iter().any(|start| line.starts_with(start)), "{line}");
    }
    assert!(done.stderr.contains("finished"), "{}", done.stderr);
    let last = done.stderr.lines().last().unwrap();
    assert!(last.contains("result=\"ok\"") && last.contains("exit=0"), "{last}");
}

#[test]
fn logs_for_programs_are_one_object_a_line() {
    let district = district();
    district.sis(&[person("tea-1"), person("tea-2").status("odd")]);
    let done = district.cli(&["--log-format", "json", "run"]).ok();
    let lines: Vec<serde_json::Value> =
        done.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(
        lines.iter().any(|line| line["code"] == "unknown-status" && line["level"] == "WARN"),
        "{lines:?}"
    );
    assert_eq!((&lines.last().unwrap()["result"], &lines.last().unwrap()["exit"]), (&"ok".into(), &0.into()));
    district.file("sis/users.csv", "");
    let done = district.cli(&["--log-format", "json", "run"]).exits(7);
    let last: serde_json::Value = serde_json::from_str(done.stderr.lines().last().unwrap()).unwrap();
    assert_eq!((&last["result"], &last["exit"]), (&"input-unusable".into(), &7.into()));
    assert!(!last["help"].as_str().unwrap().is_empty());
}

#[test]
fn a_mistake_in_the_configuration_is_shown_with_its_line_and_the_nearest_right_name() {
    let valid =
        "[sync]\ntimezone = \"America/Chicago\"\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n";
    for (text, words) in [
        (
            "[sync]\nupdate_contact = true\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n",
            &["unknown key `update_contact`", "wrong.toml:2:1", "did you mean `update_contacts`?"][..],
        ),
        (
            "[sync]\n[source]\ntype = \"oneroster-cvs\"\npath = \"sis\"\n",
            &["wrong.toml:3:8", "cannot be the text \"oneroster-cvs\"", "did you mean \"oneroster-csv\"?"],
        ),
        (
            "[sync]\n[source]\ntype = \"clever\"\npath = \"sis\"\n",
            &["wrong.toml:4:", "`path` in [source] is for type = \"oneroster-csv\""],
        ),
        (
            "[sync]\nblank_values = \"delete\"\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n",
            &["wrong.toml:2:", "delete", "keep"],
        ),
        (
            "[sync]\ndefault_region = \"Texas\"\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n",
            &["wrong.toml:2:", "Texas"],
        ),
        (
            "[sync]\ntimezone = \"Chicago\"\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n",
            &["wrong.toml:2:", "`Chicago`", "America/Chicago"],
        ),
        (
            "[sync]\nroles = [\"techer\"]\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n",
            &["wrong.toml:2:", "`techer`", "did you mean `teacher`?"],
        ),
        ("[sync]\n[source]\ntype = \"oneroster-csv\"\n", &["wrong.toml:2:", "path"]),
        ("[sync\n", &["wrong.toml:1:"]),
    ] {
        let district = district();
        district.file("wrong.toml", text);
        let done = district.cli(&["-c", "wrong.toml", "run"]).exits(2);
        done.complains(words);
        done.complains(&["\n  help: "]);
    }
    for (more, words) in [
        (
            "[notify.email]\nserver = \"mail.example:25\"\nfrom = \"a@lincoln.example\"\n",
            &["wrong.toml:7:", "not a mail server", "smtp://relay.lincoln.example:587"][..],
        ),
        ("[notify.email]\nserver = \"file:mail\"\nfrom = \"nobody\"\n", &["wrong.toml:8:", "`nobody`"]),
        (
            "[[school]]\nid = \"sch-1\"\nupdate_contacts = true\n[[school]]\nid = \"sch-1\"\nupdate_contacts = false\n",
            &["`sch-1`", "two [[school]]"],
        ),
        ("[limits]\narchive = \"120%\"\n", &["wrong.toml:7:", "120%"]),
        ("[platform]\nusers = \"x.csv\"\nmax_age = \"two days\"\n", &["wrong.toml:8:", "two days", "48h"]),
        (
            "[platform]\nusers = \"x.csv\"\n[platform.columns]\nmail = \"Email\"\n",
            &["wrong.toml:", "`mail`", "email"],
        ),
    ] {
        let district = district();
        district.file("wrong.toml", format!("{valid}{more}"));
        district.cli(&["-c", "wrong.toml", "run"]).exits(2).complains(words);
    }
}

#[test]
fn where_the_configuration_is_looked_for() {
    let district = district();
    let mut nowhere = district.command(&["status"]);
    nowhere.current_dir("/").env_remove("ROSTERSYNC_CONFIG");
    if !std::path::Path::new("/etc/rostersync/rostersync.toml").exists() {
        district.done(&mut nowhere).exits(2).complains(&[
            "there is no configuration file",
            "-c FILE",
            "$ROSTERSYNC_CONFIG",
        ]);
    }
    // `./rostersync.toml` without a word.
    district.done(district.command(&["run", "-q"]).env_remove("ROSTERSYNC_CONFIG")).ok();
    // Paths are relative to the configuration, since cron starts elsewhere.
    let config = district.path("rostersync.toml");
    let mut elsewhere = district.command(&["-c", config.to_str().unwrap(), "run", "-q"]);
    district.done(elsewhere.current_dir("/")).ok();
    assert_eq!(district.ask("SELECT count(*) FROM run"), "2");
    district.cli(&["-c", "missing.toml", "run"]).exits(2).complains(&["missing.toml"]);
}

#[test]
fn mistakes_on_the_command_line_end_with_2() {
    let district = district();
    for arguments in [
        &["sync"][..],
        &["run", "--aprove", "x"],
        &["run", "--approve", "x", "--dry-run"],
        &["-q", "-v", "run"],
        &["report", "--format", "xml"],
        &["users"],
        &[],
    ] {
        let done = district.cli(arguments).exits(2);
        assert!(!done.stderr.is_empty(), "{arguments:?}");
        assert_eq!(done.stdout, "", "{arguments:?}");
    }
    let done = district.cli(&["--version"]).ok();
    assert_eq!(done.stdout, format!("rostersync {} (development)\n", env!("CARGO_PKG_VERSION")));
}

/// The texts of all commands are held by snapshots of their own (`src/cli/help.rs`).
#[test]
fn help_is_short_and_help_of_a_command_has_everything() {
    let district = District::new();
    let help = |arguments: &[&str]| {
        let done = district.done(district.command(arguments).env("COLUMNS", "80")).ok();
        assert_eq!(done.stderr, "", "{arguments:?}");
        done.stdout
    };
    let short = help(&["users", "list", "--help"]);
    assert_eq!(help(&["users", "list", "-h"]), short);
    let at = |part: &str| short.find(part).unwrap_or_else(|| panic!("no {part:?}:\n{short}"));
    assert!(at("\nOptions:\n") < at("\nGlobal options:\n"), "{short}");
    assert!(at("\nGlobal options:\n") < at("\nExamples:\n"), "{short}");
    assert!(short.ends_with("\nIn full: rostersync help users list\n"), "{short}");
    let in_full = help(&["help", "users", "list"]);
    assert!(in_full.contains("Upper and lower"), "{in_full}");
    assert!(!short.contains("Upper and lower"), "{short}");
}

#[test]
fn folders_that_are_made_are_the_owners_only() {
    let district =
        District::new().with("sync.store", "\"deep/er/store.db\"").with("sync.reports", "\"deep/reports\"");
    district.sis(&[person("tea-1")]);
    district.run().ok();
    for folder in ["deep", "deep/er", "deep/reports"] {
        let mode = district.path(folder).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700, "{folder}");
    }
}
