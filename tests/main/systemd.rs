//! The unit and the timer of docs/systemd, judged by systemd itself where it is there.
#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::folder;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/systemd");

/// The unit, with a program that is there; the timer beside it. None where systemd cannot judge them.
fn units() -> Option<tempfile::TempDir> {
    let can = Command::new("systemd-analyze").args(["security", "--offline=true", "--help"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("left out: there is no systemd-analyze with --offline");
        return None;
    }
    let folder = folder();
    let service = fs::read_to_string(Path::new(DOCS).join("rostersync.service")).unwrap();
    let service = service.replace("/usr/local/bin/rostersync", env!("CARGO_BIN_EXE_rostersync"));
    fs::write(folder.path().join("rostersync.service"), service).unwrap();
    fs::copy(Path::new(DOCS).join("rostersync.timer"), folder.path().join("rostersync.timer")).unwrap();
    Some(folder)
}

#[test]
fn systemd_reads_the_units_and_finds_little_exposed() {
    let Some(folder) = units() else { return };
    let path = |name: &str| folder.path().join(name);
    let verified = Command::new("systemd-analyze")
        .arg("verify")
        .args([path("rostersync.service"), path("rostersync.timer")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // The units of this machine are no concern of ours.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("rostersync.")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
    // In tenths: 1.5 is what systemd calls OK with one word more than SAFE.
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
        .arg(path("rostersync.service"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(judged.status.success(), "{said}\n{}", String::from_utf8_lossy(&judged.stderr));
    assert!(said.contains("Overall exposure level"), "{said}");
}

/// What needs a person is done all the same; a blocked or failed run stays a failure.
#[test]
fn the_unit_knows_the_exit_statuses() {
    let service = fs::read_to_string(Path::new(DOCS).join("rostersync.service")).unwrap();
    assert!(service.lines().any(|line| line == "SuccessExitStatus=3"), "{service}");
    assert!(service.lines().any(|line| line == "Type=oneshot"), "{service}");
}
