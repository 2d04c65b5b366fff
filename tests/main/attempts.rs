//! Every attempt to run is on record, with one of the words and a reason, and `status` and `runs`
//! say so.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{District, nap, person};

fn district() -> District {
    let district = District::new();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district
}

/// The words of `runs --json`, latest first: result, exit, number.
fn runs(district: &District) -> Vec<(String, u64, Option<i64>)> {
    let all = district.cli(&["runs", "--json"]).ok().json();
    let of = |run: &serde_json::Value| {
        (run["result"].as_str().unwrap().to_owned(), run["exit"].as_u64().unwrap(), run["run"].as_i64())
    };
    all.as_array().unwrap().iter().map(of).collect()
}

fn words(district: &District) -> Vec<String> {
    runs(district).into_iter().map(|(word, _, _)| word).collect()
}

#[test]
fn a_night_that_applied_nothing_is_on_record_without_a_number() {
    let mut district = district();
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.file("sis/users.csv", "");
    district.run().exits(7);
    assert_eq!(runs(&district), [("input-unusable".into(), 7, None), ("ok".into(), 0, Some(1))]);
    let text = district.cli(&["runs"]).ok().stdout;
    let line = text.lines().nth(1).unwrap();
    assert!(
        line.contains("2026-11-24 02:15  input-unusable") && line.contains("users.csv is empty"),
        "{text}"
    );

    district.at("2026-11-24T12:15:00Z");
    let done = district.cli(&["status"]).exits(7);
    for part in [
        "Last run:       1, ok, 28 h ago (2026-11-23 02:15)",
        "Last attempt:   input-unusable (exit 7), 4 h ago (2026-11-24 02:15)",
        "users.csv is empty",
    ] {
        assert!(done.stdout.contains(part), "`{part}` in\n{}", done.stdout);
    }
    let json = district.cli(&["status", "--json"]).exits(7).json();
    assert_eq!(json["last_attempt"]["result"], "input-unusable");
    assert_eq!(json["last_attempt"]["exit"], 7);
    assert_eq!(json["last_attempt"]["run"], serde_json::Value::Null);
    assert_eq!(json["last_attempt"]["when"], "2026-11-24T08:15:00Z");
    assert!(json["last_attempt"]["reason"].as_str().unwrap().contains("users.csv is empty"), "{json}");
    assert_eq!((&json["last_good"]["run"], &json["last_good"]["result"]), (&1.into(), &"ok".into()));
    assert_eq!(json["age_seconds"], 28 * 3600);
    // And a good night ends it.
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.cli(&["status"]).ok();
}

#[test]
fn each_way_to_end_has_its_word() {
    let mut district = district();
    district.run().ok();
    // A usage error with a configuration that can be read.
    district.run_with(&["--source", "nowhere"]).exits(7);
    district.run_with(&["--report", "rostersync.toml"]).exits(2);
    district.run_with(&["--approve", "0123456789abcdef"]).exits(4);
    district.set("limits.archive", "0");
    district.sis(&[person("tea-1")]);
    district.run().exits(4);
    district.set("limits.archive", "10");
    district.set("limits.rejected", "0");
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-9").given("").family("")]);
    district.run().exits(3);
    assert_eq!(words(&district), ["partial", "blocked", "blocked", "usage", "input-unusable", "ok"]);
    let all = runs(&district);
    let numbers: Vec<_> = all.iter().map(|(_, _, number)| *number).collect();
    assert_eq!(numbers, [Some(3), Some(2), None, None, None, Some(1)]);
    let json = district.cli(&["runs", "--json", "--limit", "1"]).ok().json();
    assert_eq!(json.as_array().unwrap().len(), 1);
    assert!(json[0]["reason"].as_str().unwrap().starts_with("1 of 3 records were rejected"), "{json}");
    // What was tried with a configuration that cannot be read, and what writes nothing, is not
    // there.
    district.run_with(&["--dry-run"]).exits(3);
    assert_eq!(words(&district).len(), 6);
}

#[test]
fn what_a_blocked_run_would_have_done_is_said_in_the_conditional() {
    let mut district = District::new();
    let everybody: Vec<_> = (0..9).map(|n| person(&format!("stu-{n}"))).collect();
    district.sis(&everybody);
    district.run().ok();
    district.sis(&everybody[..1]);
    district.at("2026-11-24T08:15:00Z");
    district.run().exits(4);
    let text = district.cli(&["runs"]).ok().stdout;
    let line = text.lines().nth(1).unwrap();
    assert!(
        line.contains("blocked") && line.contains("would archive 8: 8 of 9 accounts would be archived"),
        "{text}"
    );
    let done = district.cli(&["status"]).exits(4);
    assert!(
        done.stdout.contains("would archive 8") && !done.stdout.contains("8 archived"),
        "{}",
        done.stdout
    );
    assert!(done.stdout.contains("Last good run:  1, ok, 24 h ago"), "{}", done.stdout);
    let json = district.cli(&["status", "--json"]).exits(4).json();
    assert_eq!((&json["last_run"]["applied"], &json["last_run"]["run"]), (&false.into(), &2.into()));
}

#[test]
fn messages_that_could_not_be_handed_over_are_never_reported_as_ok() {
    let mut district = District::new().update_contacts(true).without_limits();
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("new@mail.example")]);
    district.run().exits(8);
    assert_eq!(runs(&district)[0], ("undelivered".into(), 8, Some(2)));
    let done = district.cli(&["status"]).exits(8);
    assert!(done.stdout.contains("2, undelivered"), "{}", done.stdout);
    let json = district.cli(&["status", "--json"]).exits(8).json();
    assert_eq!(json["last_run"]["result"], "undelivered");
    assert!(!district.cli(&["runs"]).ok().stdout.lines().nth(1).unwrap().contains(" ok "));
}

/// Where the store does not open the record is beside it, and its owner's alone.
#[test]
fn with_a_store_that_does_not_open_the_record_is_beside_it() {
    let mut district = district();
    district.run().ok();
    let good = fs::read(district.path("rostersync.db")).unwrap();
    district.at("2026-11-24T08:15:00Z");
    district.file(
        "rostersync.db",
        "this is no database, but it is long enough to be looked at as one ".repeat(20),
    );
    district.run().exits(1);
    let beside = district.path("rostersync.db.attempts");
    assert_eq!(fs::metadata(&beside).unwrap().permissions().mode() & 0o777, 0o600);
    let status = district.cli(&["status"]).exits(1);
    assert!(status.stdout.contains("Last attempt:   failed (exit 1)"), "{}", status.stdout);
    assert!(status.stdout.contains("the store is damaged"), "{}", status.stdout);
    // Once the store is back, it is all in one place.
    fs::write(district.path("rostersync.db"), good).unwrap();
    assert_eq!(words(&district), ["failed", "ok"]);
    district.run().ok();
    assert_eq!(words(&district), ["ok", "failed", "ok"]);
    fs::remove_file(beside).unwrap();
    assert_eq!(words(&district), ["ok", "failed", "ok"]);
}

/// A failure that was noted beside the store does not hide the one after it, and neither do the
/// runs of a store that was replaced by an older copy.
#[test]
fn the_last_attempt_is_the_last_one_also_where_earlier_ones_are_beside_the_store() {
    let mut district = district();
    district.run().ok();
    let good = fs::read(district.path("rostersync.db")).unwrap();
    district.at("2026-11-24T08:15:00Z");
    district.run().ok();
    district.at("2026-11-25T08:15:00Z");
    district.file("rostersync.db", "no database at all, and long enough to be looked at ".repeat(20));
    district.run().exits(1);
    fs::write(district.path("rostersync.db"), good).unwrap();
    district.at("2026-11-26T08:15:00Z");
    fs::rename(district.path("sis/users.csv"), district.path("sis/put-aside")).unwrap();
    district.run().exits(7);
    let status = district.cli(&["status"]).exits(7);
    assert!(status.stdout.contains("Last attempt:   input-unusable (exit 7)"), "{}", status.stdout);
    assert_eq!(words(&district), ["input-unusable", "failed", "ok", "ok"]);
}

#[test]
fn a_run_that_finds_the_lock_taken_is_on_record_and_touches_no_store() {
    let district = district();
    district.run().ok();
    let lock = fs::File::options().write(true).open(district.path("rostersync.db.lock")).unwrap();
    lock.lock().unwrap();
    let before = district.store_hash();
    district.run().exits(5);
    assert_eq!(district.store_hash(), before);
    assert_eq!(runs(&district)[0], ("busy".into(), 5, None));
    district.cli(&["status"]).exits(5);
    drop(lock);
    district.run().ok();
    assert_eq!(words(&district), ["ok", "busy", "ok"]);
    district.cli(&["status"]).ok();
}

#[test]
fn how_long_ago_may_be_too_long() {
    let mut district = district();
    district.cli(&["status", "--max-age", "26h"]).exits(9);
    district.run().ok();
    district.at("2026-11-24T10:00:00Z");
    district.cli(&["status", "--max-age", "26h"]).ok();
    district.cli(&["status", "--max-age", "25h"]).exits(9);
    district.at("2026-11-25T10:00:00Z");
    let done = district.cli(&["status", "--max-age", "26h"]).exits(9);
    assert!(done.stdout.contains("Late:"), "{}", done.stdout);
    assert_eq!(district.cli(&["status", "--max-age", "26h", "--json"]).exits(9).json()["result"], "late");
    // What failed just now says more.
    district.file("sis/users.csv", "");
    district.run().exits(7);
    district.cli(&["status", "--max-age", "26h"]).exits(7);
    district.at("2026-11-29T10:00:00Z");
    district.cli(&["status", "--max-age", "26h"]).exits(9);
    district.cli(&["status", "--max-age", "often"]).exits(2);
}

/// A night with a wrong clock makes no run look fresh for years.
#[test]
fn a_run_from_the_future_has_no_age() {
    let mut district = district().with("sync.keep_reports", "0");
    district.run().ok();
    district.at("2031-01-01T08:15:00Z");
    district.run().ok();
    district.at("2026-11-25T08:15:00Z");
    let json = district.cli(&["status", "--json"]).ok().json();
    assert_eq!(json["age_seconds"], 48 * 3600, "that of the last one that is not dated in the future");
    assert!(json["clock"].as_str().unwrap().contains("in the future"), "{json}");
    let text = district.cli(&["status"]).ok().stdout;
    assert!(text.contains("Last run:       2, ok, dated in the future (2031-01-01"), "{text}");
    assert!(text.contains("Clock:          a run is dated 2031-01-01"), "{text}");
    district.cli(&["status", "--max-age", "26h"]).exits(9);
    // The only run is from the future.
    let mut other = self::district();
    other.at("2031-01-01T08:15:00Z");
    other.run().ok();
    other.at("2026-11-25T08:15:00Z");
    assert_eq!(other.cli(&["status", "--json"]).ok().json()["age_seconds"], serde_json::Value::Null);
    other.cli(&["status", "--max-age", "26h"]).exits(9);
}

#[test]
fn prometheus_is_given_what_happened_and_never_a_failure() {
    let mut district = district();
    let before = district.cli(&["status", "--prometheus"]).ok().stdout;
    assert!(before.contains("rostersync_readable 1\n") && !before.contains("last_attempt"), "{before}");
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.file("sis/users.csv", "");
    district.run().exits(7);
    let text = district.cli(&["status", "--prometheus"]).ok().stdout;
    for line in [
        "# TYPE rostersync_last_attempt_timestamp_seconds gauge",
        "rostersync_last_attempt_timestamp_seconds 1795508100",
        "rostersync_last_success_timestamp_seconds 1795421700",
        "rostersync_last_success_age_seconds 86400",
        "rostersync_last_attempt_exit_status 7",
        "rostersync_last_attempt_result{result=\"input-unusable\"} 1",
        "rostersync_last_attempt_result{result=\"ok\"} 0",
        "rostersync_last_run_users{action=\"created\"} 2",
        "rostersync_accounts{state=\"pending\"} 2",
        "rostersync_notifications_waiting 0",
        "rostersync_notifications_failed 0",
    ] {
        assert!(text.lines().any(|found| found == line), "`{line}` in\n{text}");
    }
    // Every metric is described once, before its values.
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let name = line.split(['{', ' ']).next().unwrap();
        assert_eq!(text.matches(&format!("# TYPE {name} gauge\n")).count(), 1, "{name}");
        assert_eq!(text.matches(&format!("# HELP {name} ")).count(), 1, "{name}");
        assert!(line.rsplit(' ').next().unwrap().parse::<f64>().is_ok(), "{line}");
    }
    district.file("rostersync.db", "no store ".repeat(100));
    let text = district.cli(&["status", "--prometheus"]).ok().stdout;
    assert!(text.contains("rostersync_readable 0\n") && !text.contains("rostersync_accounts"), "{text}");
    let text = district.cli(&["-c", "nothing.toml", "status", "--prometheus"]).ok().stdout;
    assert!(text.contains("rostersync_readable 0\n"), "{text}");
}

#[test]
fn each_run_writes_the_metrics_for_node_exporter() {
    let mut district = district().with("monitor.prometheus_file", "\"metrics/rostersync.prom\"");
    let file = |district: &District| std::fs::read_to_string(district.path("metrics/rostersync.prom"));
    // A folder that is not there is no reason to fail.
    let done = district.run().ok();
    assert!(
        done.stderr.contains("the file of [monitor] prometheus_file cannot be written"),
        "{}",
        done.stderr
    );
    std::fs::create_dir(district.path("metrics")).unwrap();
    district.preview().ok();
    assert!(file(&district).is_err(), "a preview writes none");
    district.run().ok();
    let mode = std::fs::metadata(district.path("metrics/rostersync.prom")).unwrap();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode.permissions()) & 0o777, 0o644);
    assert_eq!(std::fs::read_dir(district.path("metrics")).unwrap().count(), 1);
    let text = file(&district).unwrap();
    let has =
        |text: &str, line: &str| assert!(text.lines().any(|found| found == line), "`{line}` in\n{text}");
    for line in [
        "rostersync_readable 1",
        "rostersync_last_attempt_exit_status 0",
        "rostersync_last_run_users{action=\"unchanged\"} 2",
        "rostersync_held_users{reason=\"same-person\"} 0",
        "rostersync_notifications_waiting 0",
    ] {
        has(&text, line);
    }
    assert!(!text.contains("_age_") && !text.contains("blocked_since"), "{text}");
    assert!(!text.contains('@') && !text.contains("tea-1"), "{text}");
    // Blocked, then failed: both are there at once.
    district.set("limits.archive", "0");
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[person("tea-1")]);
    district.run().exits(4);
    has(&file(&district).unwrap(), "rostersync_blocked_since_timestamp_seconds 1795508100");
    district.at("2026-11-25T08:15:00Z");
    district.file("sis/users.csv", "");
    district.run().exits(7);
    let text = file(&district).unwrap();
    has(&text, "rostersync_blocked_since_timestamp_seconds 1795508100");
    has(&text, "rostersync_last_attempt_exit_status 7");
    has(&text, "rostersync_last_attempt_result{result=\"input-unusable\"} 1");
    // A file that the sync reads is not written over.
    district.set("monitor.prometheus_file", "\"sis/users.csv\"");
    district.run().exits(7);
    assert_eq!(std::fs::read_to_string(district.path("sis/users.csv")).unwrap(), "");
}

#[test]
fn an_undo_is_in_the_history_and_no_attempt_of_the_sync() {
    let mut district = District::new().without_limits();
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("new@mail.example")]);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.file("sis/users.csv", "");
    district.run().exits(7);
    district.cli(&["undo", "2"]).ok();
    assert_eq!(words(&district), ["ok", "input-unusable", "ok", "ok"]);
    assert_eq!(district.cli(&["runs", "--json"]).ok().json()[0]["mode"], "undo");
    district.cli(&["status"]).exits(7);
}

/// Reasons hold files, lines and ids, but no personal details.
#[test]
fn no_details_of_people_are_on_record() {
    let mut district = District::new();
    district.sis(&[person("tea-1").given("Zebulon").email("zeb@secret.example").mobile("7185550142")]);
    district.run().ok();
    district.set("limits.rejected", "0");
    district.sis(&[
        person("tea-1").given("Zebulon").email("zeb@secret.example").mobile("7185550142"),
        person("tea-1").given("Zebulon").email("other@secret.example"),
    ]);
    district.run().exits(3);
    let beside = fs::read_to_string(district.path("rostersync.db.attempts")).unwrap();
    let all = format!(
        "{beside}{}{}",
        district.ask("SELECT * FROM attempt"),
        district.cli(&["runs", "--json"]).ok().stdout
    );
    for detail in ["Zebulon", "secret.example", "5550142"] {
        assert!(!all.contains(detail), "{detail}");
    }
}

/// A run that is killed cannot say so. It is noted with the lock, and nothing clears the note but a
/// run.
#[test]
fn a_run_that_is_killed_is_on_record() {
    let mut district = district().with("platform.max_age", "\"none\"").with("platform.users", "\"pipe\"");
    let export = "sourced_id,state\ntea-1,active\n";
    district.file("pipe", export);
    district.run().ok();
    fs::remove_file(district.path("pipe")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(district.path("pipe")).status().unwrap().success());
    district.at("2026-11-24T08:15:00Z");
    let mut child = district.command(&["run"]).stderr(std::process::Stdio::null()).spawn().unwrap();
    // It has begun, and waits for the export.
    while fs::read_to_string(district.path("rostersync.db.lock")).unwrap().lines().count() < 2 {
        nap();
    }
    // While it goes on it has not ended.
    district.cli(&["status"]).ok();
    child.kill().unwrap();
    child.wait().unwrap();
    fs::remove_file(district.path("pipe")).unwrap();
    district.file("pipe", export);
    let reason = "a run began at 2026-11-24 02:15 and never ended: the process was killed, the machine stopped, or \
                  the disk was full; nothing was applied";
    let mut later = district.again();
    later.at("2026-11-24T12:15:00Z");
    let status = later.cli(&["status"]).exits(1).stdout;
    let wanted =
        format!("Last attempt:   failed (exit 1), 4 h ago (2026-11-24 02:15)\n                {reason}\n");
    assert!(status.contains(&wanted), "{status}");
    assert_eq!(runs(&later)[..2], [("failed".into(), 1, None), ("ok".into(), 0, Some(1))]);
    assert_eq!(later.cli(&["status", "--json"]).exits(1).json()["last_attempt"]["reason"], reason);
    // An edit takes the lock as well, and says nothing of runs.
    later.cli(&["users", "join", "tea-2"]).ok();
    later.cli(&["status"]).exits(1);
    // The next run puts it on record for good.
    later.run().ok();
    later.cli(&["status"]).ok();
    assert_eq!(words(&later), ["ok", "failed", "ok"]);
    later.run().ok();
    assert_eq!(words(&later), ["ok", "ok", "failed", "ok"]);
    assert_eq!(later.cli(&["runs", "--json"]).ok().json()[2]["reason"], reason);
}

/// `undelivered` is about messages that wait: when none does any more, the last attempt is what it
/// was without them.
#[test]
fn what_was_undelivered_is_so_no_longer_when_its_messages_are_handed_over() {
    for (command, said) in
        [(["outbox", "send"], "1 notification sent"), (["outbox", "discard"], "1 notification discarded")]
    {
        let mut district = District::new().update_contacts(true).without_limits();
        district.platform(&[person("tea-1")]);
        district.sis(&[person("tea-1")]);
        district.run().ok();
        district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
        district.sis(&[person("tea-1").family("Lund")]);
        district.run().exits(8);
        district.cli(&["status"]).exits(8);
        // Still none was handed over.
        district.cli(&["outbox", "send"]).exits(8);
        district.cli(&["status"]).exits(8);
        district.set("notify.email.server", "\"file:mail/\"");
        district.at("2026-11-23T14:00:00Z");
        let arguments: Vec<&str> =
            command.into_iter().chain((command[1] == "discard").then_some("1")).collect();
        assert_eq!(district.cli(&arguments).ok().stdout.lines().next(), Some(said));
        let status = district.cli(&["status"]).ok().stdout;
        let reason = "1 notification could not be handed over; since 2026-11-23 08:00 no message waits";
        assert!(status.contains(reason), "{status}");
        assert_eq!(runs(&district)[0], ("ok".into(), 0, Some(2)));
        // It stays so, wherever it is read from.
        district.run().ok();
        assert_eq!(words(&district), ["ok", "ok", "ok"]);
    }
}
