//! A store that is not there: a new one only where there is no sign of an earlier one; and one that
//! was restored from a copy.

use std::fs;

use crate::support::{District, person};

fn district() -> District {
    let mut district = District::new();
    district.platform(&[person("tea-1").email("private@home.example")]);
    district.sis(&[person("tea-1"), person("tea-2")]);
    district
}

/// Without the export it is not known who had joined: that is the cost of a lost store.
fn lost(district: &mut District) {
    fs::remove_file(district.path("rostersync.db")).unwrap();
    let _ = fs::remove_file(district.path("rostersync.db.attempts"));
    let _ = fs::remove_dir_all(district.path("reports"));
}

#[test]
fn a_first_night_says_in_a_line_that_a_store_was_made() {
    let district = district();
    let done = district.cli(&["-q", "run"]).ok();
    assert_eq!(done.stdout, "");
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    assert!(
        done.stderr.contains("a new one was made: ") && done.stderr.contains("/rostersync.db"),
        "{}",
        done.stderr
    );
    let done = district.cli(&["-q", "run"]).ok();
    assert_eq!((&*done.stdout, &*done.stderr), ("", ""), "only once");
}

/// Each sign for itself, with the store gone and with no bytes in it.
#[test]
fn where_there_is_a_sign_of_an_earlier_store_none_is_made() {
    for sign in ["reports", "backup", "attempts"] {
        for empty in [false, true] {
            let mut district = district();
            district.run().ok();
            let (report, attempts) = (
                fs::read(district.path("reports/users-000001.csv")).unwrap(),
                district.path("rostersync.db.attempts"),
            );
            let noted = fs::read(&attempts).unwrap();
            let store = fs::read(district.path("rostersync.db")).unwrap();
            lost(&mut district);
            let words = match sign {
                "reports" => {
                    district.file("reports/users-000001.csv", &report);
                    "a report of run 1"
                }
                "backup" => {
                    district.file("rostersync.db.v3.bak", &store);
                    "rostersync.db.v3.bak"
                }
                _ => {
                    fs::write(&attempts, &noted).unwrap();
                    "run 1 on record"
                }
            };
            if empty {
                district.file("rostersync.db", "");
            }
            let done = district.cli(&["-q", "run"]).exits(7);
            let what = if empty { "the store is empty (0 bytes)" } else { "the store is not there" };
            done.complains(&[what, words, "--new-store", "nothing was applied"]);
            assert_eq!(district.path("rostersync.db").exists(), empty, "none was made");
            // The preview says what the run would, and the other commands what is wrong.
            for arguments in [
                &["run", "--dry-run"][..],
                &["users", "list"],
                &["users", "join", "tea-2"],
                &["undo", "1"],
                &["outbox", "send"],
            ] {
                district.cli(arguments).exits(7).complains(&[what, words]);
            }
            district.cli(&["status"]).exits(7);
            district.run_with(&["--new-store"]).ok();
            assert!(district.path("rostersync.db").metadata().unwrap().len() > 0);
            district.run().ok();
        }
    }
}

#[test]
fn what_is_no_sign() {
    let mut district = district();
    district.run().ok();
    lost(&mut district);
    // A lock alone, an empty copy, a report that was never finished, files of other names, attempts
    // that applied nothing.
    assert!(district.path("rostersync.db.lock").exists());
    for (name, text) in [
        ("rostersync.db.v3.bak", ""),
        ("reports/.users-000001.csv.partial", "of a run that never was"),
        ("reports/users-000001.csv", ""),
        ("reports/users-000001 (1).csv", "a copy"),
        ("reports/users-2024.csv", "other"),
    ] {
        district.file(name, text);
    }
    let users = fs::read(district.path("sis/users.csv")).unwrap();
    district.file("sis/users.csv", "");
    district.run().exits(7);
    fs::remove_file(district.path("rostersync.db")).unwrap();
    district.file("sis/users.csv", users);
    let done = district.run().ok();
    assert!(done.stderr.contains("a new one was made"), "{}", done.stderr);
    let names = district.names();
    assert!(!names.iter().any(|name| name.ends_with(".partial") || name.ends_with(".bak")), "{names:?}");
}

/// The configuration was moved, and the old store stays behind with its reports elsewhere: nothing
/// shows that there was one.
#[test]
fn numbers_go_on_after_the_highest_report_and_no_report_is_overwritten() {
    let mut district = district();
    for _ in 0..3 {
        district.run().ok();
    }
    let third = fs::read(district.path("reports/users-000003.csv")).unwrap();
    fs::remove_file(district.path("rostersync.db")).unwrap();
    district.run().exits(7);
    let done = district.run_with(&["--new-store"]).ok();
    assert!(
        done.stdout.contains("Run 4,") && done.stderr.contains("its first run is run 4"),
        "{} {}",
        done.stdout,
        done.stderr
    );
    assert_eq!(fs::read(district.path("reports/users-000003.csv")).unwrap(), third);
    district.at("2026-11-24T08:15:00Z");
    assert!(district.run().ok().stdout.contains("Run 5,"));
}

#[test]
fn a_store_that_was_restored_from_a_copy_says_so_once_and_goes_on() {
    let mut district = district();
    district.run().ok();
    let copy = fs::read(district.path("rostersync.db")).unwrap();
    for night in ["2026-11-24T08:15:00Z", "2026-11-25T08:15:00Z"] {
        district.at(night);
        district.run().ok();
    }
    let third = fs::read(district.path("reports/users-000003.csv")).unwrap();
    fs::write(district.path("rostersync.db"), copy).unwrap();
    district.at("2026-11-26T08:15:00Z");
    let done = district.cli(&["-q", "run"]).ok();
    assert_eq!(done.stderr.lines().count(), 1, "{}", done.stderr);
    let line = "the store was restored from a copy: its last run is 1, but there was a run 3";
    assert!(done.stderr.contains(line), "{}", done.stderr);
    assert_eq!(district.ask("SELECT group_concat(id) FROM run"), "1,4");
    assert_eq!(fs::read(district.path("reports/users-000003.csv")).unwrap(), third);
    let done = district.cli(&["-q", "run"]).ok();
    assert_eq!(done.stderr, "", "said once");
    district.cli(&["status", "--verify"]).ok();
    // What it does not have is in the history all the same.
    let text = district.cli(&["runs"]).ok().stdout;
    assert!(text.contains("this run is not in the store"), "{text}");
    // An undo takes a number of its own as well.
    district.cli(&["undo", "5"]).any();
    assert!(!district.path("reports/users-000004.csv.partial").exists());
}

#[test]
fn a_store_that_is_a_folder_or_in_a_folder_that_is_none() {
    let district = district();
    fs::create_dir(district.path("rostersync.db")).unwrap();
    for arguments in [&["run"][..], &["run", "--dry-run"], &["users", "list"]] {
        let done = district.cli(arguments).exits(1);
        done.complains(&[
            "the store is a folder",
            "`store` in [sync] names the file itself",
            "rostersync.db",
        ]);
        let place = done.stderr.lines().find(|line| line.starts_with("  at: ")).unwrap();
        assert!(place.starts_with("  at: /"), "{place}");
    }
}
