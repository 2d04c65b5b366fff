//! One run at a time, and what a run that died leaves behind.

use std::fs::{self, File, OpenOptions};
use std::io::Write;

use crate::support::{District, nap, person, rows};

fn district() -> District {
    let district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district
}

/// Holds the lock as a run of process 4711 would.
fn hold(district: &District, name: &str) -> File {
    let mut file =
        OpenOptions::new().create(true).truncate(true).write(true).open(district.path(name)).unwrap();
    file.lock().unwrap();
    file.write_all(b"process 4711 since 2026-11-23 02:00\n").unwrap();
    file
}

#[test]
fn a_second_run_waits_a_little_and_names_the_first() {
    let district = district();
    let lock = hold(&district, "rostersync.db.lock");
    let before = crate::support::hash(&district.path("rostersync.db"));
    let done = district.run().exits(5);
    done.complains(&[
        "another run holds the lock",
        "process 4711 since 2026-11-23 02:00",
        "rostersync.db.lock",
    ]);
    let json = district.cli(&["run", "--format", "json"]).exits(5).json();
    assert_eq!((&json["result"], &json["exit"]), (&"busy".into(), &5.into()));
    // A command that only reads need not wait.
    district.preview().ok();
    district.cli(&["report"]).ok();
    district.cli(&["check"]).ok();
    district.cli(&["status"]).exits(5);
    assert_eq!(crate::support::hash(&district.path("rostersync.db")), before);
    drop(lock);
    district.run().ok();
    let holder = fs::read_to_string(district.path("rostersync.db.lock")).unwrap();
    assert!(holder.starts_with("process ") && !holder.contains("4711"), "{holder}");
}

/// The lock is the kernel's: the file of a process that is gone means nothing.
#[test]
fn a_lock_file_that_a_dead_process_left_is_no_lock() {
    let district = district();
    drop(hold(&district, "rostersync.db.lock"));
    district.run().ok();
}

/// Messages are sent after the run lock is free; a process that is sending already sends these as
/// well.
#[test]
fn while_another_process_sends_the_run_is_done_and_its_messages_wait() {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    let lock = hold(&district, "rostersync.db.outbox.lock");
    district.sis(&[person("tea-1").email("new@mail.example")]);
    district.run().ok();
    assert_eq!(district.mails(), []);
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'queued'"), "2");
    drop(lock);
    district.run().ok();
    assert_eq!(district.mails().len(), 2);
}

#[test]
fn the_report_of_a_run_that_died_after_its_commit_is_finished_by_the_next() {
    let district = district();
    // As the run left it: committed, complete on the disk, not yet named.
    let (partial, report) =
        (district.path("reports/.users-000001.csv.partial"), district.path("reports/users-000001.csv"));
    let written = fs::read(&report).unwrap();
    fs::rename(&report, &partial).unwrap();
    district.preview().ok();
    assert!(partial.exists(), "a preview writes nothing");
    assert!(district.run().ok().stdout.contains("Run 2,"));
    assert!(fs::read(&report).unwrap() == written);
    assert!(!partial.exists());
}

#[test]
fn the_report_of_a_run_that_died_before_its_commit_is_overwritten() {
    let district = district();
    district.file("reports/.users-000002.csv.partial", "of a run that never was");
    let done = district.run().ok();
    assert!(done.stdout.contains("Run 2,"), "{}", done.stdout);
    assert_eq!(done.report.column("sourced_id"), ["tea-1", "tea-2"]);
    assert!(!district.names().iter().any(|name| name.contains("partial")));
}

/// A store as a process leaves it that is killed in the middle of its commit: pages half written,
/// the journal beside it.
fn half_written(district: &District) -> (Vec<String>, Vec<u8>) {
    let before = district.dump();
    let (store, journal) = (district.path("rostersync.db"), district.path("rostersync.db-journal"));
    let connection = district.store();
    connection.execute_batch("PRAGMA cache_size = 1; PRAGMA cache_spill = 1; BEGIN IMMEDIATE;").unwrap();
    // More than the cache holds, so that it is spilled into the file before the commit.
    for number in 0..2_000 {
        connection
            .execute(
                "INSERT INTO school (id, name) VALUES (?1, ?2)",
                (format!("lost-{number}"), "a school that never was".repeat(8)),
            )
            .unwrap();
    }
    connection.execute("UPDATE account SET email = 'half@written.example'", []).unwrap();
    let copies = (fs::read(&store).unwrap(), fs::read(&journal).unwrap());
    connection.execute_batch("ROLLBACK").unwrap();
    drop(connection);
    assert!(copies.1.len() > 512 && copies.1.iter().any(|byte| *byte != 0), "a journal that is hot");
    fs::write(&store, &copies.0).unwrap();
    fs::write(&journal, &copies.1).unwrap();
    (before, copies.0)
}

#[test]
fn a_store_that_was_left_half_written_is_read_without_being_touched() {
    let district = district();
    let (_, bytes) = half_written(&district);
    district.write_config();
    let before = district.everything();
    let preview = district.preview().ok();
    preview.says("tea-1", "unchanged", "");
    for arguments in [&["report"][..], &["runs"], &["status"], &["check"]] {
        district.cli(arguments).ok();
    }
    let status = district.cli(&["status", "--json"]).ok().json();
    assert_eq!(status["accounts"]["pending"], 2);
    assert_eq!(district.everything(), before);
    assert!(fs::read(district.path("rostersync.db")).unwrap() == bytes);
}

#[test]
fn a_store_that_was_left_half_written_is_as_before_for_the_next_run() {
    let district = district();
    let (before, _) = half_written(&district);
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "");
    assert_eq!(district.dump(), before);
    assert!(!district.path("rostersync.db-journal").exists());
    assert_eq!(rows(&district.store(), "PRAGMA integrity_check"), ["ok"]);
}

#[test]
fn a_store_that_was_only_just_created_is_no_obstacle() {
    let district = District::new();
    district.file("rostersync.db", "");
    district.sis(&[person("tea-1")]);
    district.preview().ok().says("tea-1", "created", "");
    assert_eq!(fs::read(district.path("rostersync.db")).unwrap(), b"");
    district.run().ok().says("tea-1", "created", "");
}

#[test]
fn what_is_no_store_is_not_touched() {
    let district = District::new();
    let text = "this is somebody's shopping list\n".repeat(100);
    district.file("rostersync.db", &text);
    district.sis(&[person("tea-1")]);
    for arguments in [&["run"][..], &["run", "--dry-run"]] {
        district.cli(arguments).exits(1).complains(&["rostersync.db"]);
    }
    // What is on record beside it is said all the same.
    let status = district.cli(&["status"]).exits(1);
    assert!(
        status.stderr.contains("rostersync.db") && status.stdout.contains("failed (exit 1)"),
        "{status:?}"
    );
    assert_eq!(fs::read_to_string(district.path("rostersync.db")).unwrap(), text);
}

/// Killed at any point, the store is as before or after, and the next run goes through.
#[test]
fn a_run_that_is_killed_anywhere_is_as_before_or_after() {
    let everybody = |email: &str| {
        let one = |n: usize| person(&format!("tea-{n:04}")).email(&format!("{email}{n}@mail.example"));
        (0..300).map(one).collect::<Vec<_>>()
    };
    let district = District::new().without_limits();
    district.sis(&everybody("a"));
    district.run().ok();
    let before = district.dump();
    district.sis(&everybody("b"));
    let mut after = None;
    // The later the kill, the further the run has come: at some of these it is in the commit.
    for pause in [1_000, 8_000, 15_000, 25_000, 40_000, 60_000] {
        let mut child = district
            .command(&["run"])
            .stdout(std::process::Stdio::null())
            .stderr(std::process::Stdio::null())
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_micros(pause));
        let _ = child.kill();
        child.wait().unwrap();
        let now = rows(&reader(&district), "SELECT email FROM account ORDER BY id");
        assert!(
            now == emails(&before, "a") || now == emails(&before, "b"),
            "after {pause} µs neither before nor after: {:?}",
            &now[..3]
        );
        after.get_or_insert(now);
    }
    let done = district.run().ok();
    assert_eq!(done.report.rows.len(), 300);
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE email LIKE 'b%'"), "300");
    assert_eq!(district.ask("SELECT count(*) FROM audit"), "300", "no change is on record twice");
    assert_eq!(district.ask("PRAGMA integrity_check"), "ok");
    // Each run that is on record has its report.
    let runs: usize = district.ask("SELECT count(*) FROM run").parse().unwrap();
    let reports = district.names().into_iter().filter(|name| name.starts_with("reports/users-")).count();
    assert_eq!(runs, reports);
}

fn reader(district: &District) -> rusqlite::Connection {
    // Opening it as the next run would: a hot journal is rolled back.
    district.store()
}

fn emails(dump: &[String], letter: &str) -> Vec<String> {
    let accounts = dump.iter().filter(|row| row.contains(" | tea-")).count();
    (0..accounts).map(|n| format!("{letter}{n}@mail.example")).collect()
}

/// Asked to stop while it reads: the platform export is a pipe here, so that the moment is certain.
#[test]
fn a_run_that_is_asked_to_stop_applies_nothing() {
    for (signal, code) in [("TERM", 143), ("INT", 130), ("HUP", 129)] {
        if !crate::machine::hears(signal) {
            continue;
        }
        let mut district = district().with("platform.max_age", "\"none\"");
        district.set("platform.users", "\"pipe\"");
        let made = std::process::Command::new("mkfifo").arg(district.path("pipe")).status().unwrap();
        assert!(made.success());
        district.sis(&[person("tea-1").email("new@mail.example"), person("tea-9")]);
        let before = district.dump();
        let mut command = district.command(&["run"]);
        let child = command
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // Opens as soon as the run reads it.
        let mut pipe = OpenOptions::new().write(true).open(district.path("pipe")).unwrap();
        let kill = format!("kill -{signal} {}", child.id());
        assert!(std::process::Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
        // On a busy machine the run may have ended already, because it could not hear the signal
        // while it waited.
        let _ = pipe.write_all(b"sourced_id,state\ntea-1,active\n");
        drop(pipe);
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("interrupted; nothing was applied"), "{said}");
        assert_eq!(output.stdout, b"");
        assert_eq!(district.dump(), before);
        // The next run is as if there had been none.
        fs::remove_file(district.path("pipe")).unwrap();
        assert!(!district.names().iter().any(|name| name.contains("partial")));
        district.platform(&[person("tea-2")]);
        assert!(district.run().ok().stdout.contains("Run 2,"));
    }
}

/// Reading a pipe without a writer cannot be interrupted: a run that waits for one is ended all the
/// same, and is on record.
#[test]
fn a_run_that_cannot_hear_that_it_should_stop_is_ended() {
    for name in ["platform-users.csv"] {
        let mut district = district().with("platform.max_age", "\"none\"");
        district.platform(&[person("tea-2")]);
        fs::remove_file(district.path(name)).unwrap();
        let made = std::process::Command::new("mkfifo").arg(district.path(name)).status().unwrap();
        assert!(made.success());
        let before = district.store_hash();
        fs::remove_file(district.path("rostersync.db.lock")).unwrap();
        let child = district
            .command(&["run"])
            .stdout(std::process::Stdio::piped())
            .stderr(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // It has begun when it holds the lock, and has been able to hear signals since before.
        while fs::read(district.path("rostersync.db.lock")).unwrap_or_default().is_empty() {
            nap();
        }
        let kill = format!("kill -TERM {}", child.id());
        assert!(std::process::Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(143), "{name}: {said}");
        assert!(said.contains("interrupted; nothing was applied"), "{name}: {said}");
        assert_eq!(district.store_hash(), before, "{name}");
        let runs = district.cli(&["runs", "--json"]).ok().json();
        assert_eq!(
            (&runs[0]["result"], &runs[0]["exit"]),
            (&"interrupted".into(), &143.into()),
            "{name}: {runs}"
        );
    }
}

/// Where the system makes no more threads the run goes on with fewer, or fails in words: it never
/// panics.
#[test]
fn a_thread_that_cannot_be_made_is_a_failure_and_no_panic() {
    let district = district();
    let program = env!("CARGO_BIN_EXE_rostersync");
    for processes in [1, 2, 3] {
        // Root has no such limit, and then nothing is tried here.
        let script = format!("ulimit -u {processes} && exec '{program}' run");
        let mut shell = std::process::Command::new("/bin/sh");
        shell.args(["-c", &script]).current_dir(district.path("")).env_clear();
        shell.env("ROSTERSYNC_CONFIG", "rostersync.toml").env("ROSTERSYNC_NOW", crate::support::NIGHT);
        let output = shell.output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!said.contains("panicked"), "{said}");
        assert_ne!(output.status.code(), Some(101), "{said}");
    }
}
