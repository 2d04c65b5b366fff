//! The inputs of `tests/cases/`, each played as its `cmd.sh` says: all that is printed, with every
//! exit status.
//!
//! `expected.txt` in each folder says in words what is right. A snapshot that changes is held
//! against that text before it is taken over.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::{NIGHT, copy, folder};

/// What a case prints, on both outputs and in its order, without the moment of log lines and the
/// folder.
fn played(case: &Path) -> String {
    let place = folder();
    let case_folder = place.path().join("case");
    copy(case, &case_folder);
    let output = Command::new("/bin/sh")
        .args(["-c", "exec 2>&1; . ./cmd.sh"])
        .current_dir(&case_folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("BIN", env!("CARGO_BIN_EXE_rostersync"))
        .env("ROSTERSYNC_NOW", NIGHT)
        .env("ROSTERSYNC_ALLOW_ROOT", "true")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}: {:?}", case.display(), output.status);
    let whole = case_folder.canonicalize().unwrap().display().to_string();
    let said = String::from_utf8_lossy(&output.stdout).replace(&whole, "CASE");
    let mut text = String::new();
    for line in said.lines() {
        // `2026-11-23T08:15:00.123456Z  INFO …`
        let logged = line.split_once("Z ").filter(|(stamp, _)| {
            stamp.starts_with("20") && stamp.contains('T') && stamp.len() > 18 && !stamp.contains(' ')
        });
        text.push_str(logged.map_or(line, |(_, rest)| rest.trim_start()).trim_end());
        text.push('\n');
    }
    text
}

#[test]
fn each_case_ends_as_it_should() {
    let cases = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases");
    let mut names: Vec<String> = fs::read_dir(&cases)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.path().is_dir())
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    names.sort();
    assert_eq!(names.len(), 27);
    for name in names {
        assert!(cases.join(&name).join("expected.txt").exists(), "{name}");
        insta::assert_snapshot!(name.as_str(), played(&cases.join(&name)));
    }
}
