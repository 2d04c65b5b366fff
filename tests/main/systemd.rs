//! The units and the timers of docs/systemd, judged by systemd itself where it is there.
#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::support::folder;

const DOCS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/systemd");

const UNITS: [&str; 6] = [
    "rostersync.service",
    "rostersync.timer",
    "rostersync-failed.service",
    "rostersync@lincoln.service",
    "rostersync@lincoln.timer",
    "rostersync-failed@lincoln.service",
];

/// The units with a program that is there, the timers beside them; those of a template as the district
/// lincoln has them. None where systemd cannot judge them.
fn units() -> Option<tempfile::TempDir> {
    let can = Command::new("systemd-analyze").args(["security", "--offline=true", "--help"]).output();
    if !can.is_ok_and(|output| output.status.success()) {
        eprintln!("left out: there is no systemd-analyze with --offline");
        return None;
    }
    let folder = folder();
    for entry in fs::read_dir(DOCS).unwrap() {
        let path = entry.unwrap().path();
        let unit = fs::read_to_string(&path).unwrap();
        let unit = unit.replace("/usr/local/bin/rostersync", env!("CARGO_BIN_EXE_rostersync"));
        let name = path.file_name().unwrap().to_str().unwrap().replace('@', "@lincoln");
        fs::write(folder.path().join(name), unit).unwrap();
    }
    Some(folder)
}

#[test]
fn systemd_reads_the_units_and_finds_little_exposed() {
    let Some(folder) = units() else { return };
    let path = |name: &str| folder.path().join(name);
    let verified = Command::new("systemd-analyze").arg("verify").args(UNITS.map(path)).output().unwrap();
    let said = String::from_utf8_lossy(&verified.stderr).into_owned();
    // The units of this machine are no concern of ours.
    let ours: Vec<&str> = said.lines().filter(|line| line.contains("rostersync")).collect();
    assert!(verified.status.success() && ours.is_empty(), "{said}");
    // In tenths: 1.5 is what systemd calls OK with one word more than SAFE.
    let judged = Command::new("systemd-analyze")
        .args(["security", "--offline=true", "--threshold=15", "--no-pager"])
        .args([path("rostersync.service"), path("rostersync@lincoln.service")])
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&judged.stdout).into_owned();
    assert!(judged.status.success(), "{said}\n{}", String::from_utf8_lossy(&judged.stderr));
    assert!(said.contains("Overall exposure level"), "{said}");
}

/// A district of several has the same unit, with its name in the paths.
#[test]
fn the_template_is_the_unit_with_the_name_of_the_district() {
    for (unit, template) in [
        ("rostersync.service", "rostersync@.service"),
        ("rostersync-failed.service", "rostersync-failed@.service"),
    ] {
        let settings = |name: &str| -> Vec<String> {
            let text = fs::read_to_string(Path::new(DOCS).join(name)).unwrap();
            let is_setting = |line: &&str| !line.starts_with('#') && !line.starts_with("Description=");
            text.lines().filter(is_setting).map(str::to_owned).collect()
        };
        let named = [
            ("OnFailure=rostersync-failed.service", "OnFailure=rostersync-failed@%i.service"),
            ("SyslogIdentifier=rostersync", "SyslogIdentifier=rostersync-%i"),
            ("StateDirectory=rostersync", "StateDirectory=rostersync/%i"),
            ("WorkingDirectory=/var/lib/rostersync", "WorkingDirectory=/var/lib/rostersync/%i"),
            (
                "Environment=ROSTERSYNC_CONFIG=/etc/rostersync/rostersync.toml",
                "Environment=ROSTERSYNC_CONFIG=/etc/rostersync/%i.toml",
            ),
        ];
        let expected: Vec<String> = settings(unit)
            .into_iter()
            .map(|line| {
                named.iter().find(|(own, _)| *own == line).map_or(line, |(_, named)| (*named).to_owned())
            })
            .collect();
        assert_eq!(settings(template), expected, "{template}");
    }
}

/// What needs a person is done all the same; a blocked or failed run stays a failure.
#[test]
fn the_unit_knows_the_exit_statuses() {
    let service = fs::read_to_string(Path::new(DOCS).join("rostersync.service")).unwrap();
    assert!(service.lines().any(|line| line == "SuccessExitStatus=3"), "{service}");
    assert!(service.lines().any(|line| line == "Type=oneshot"), "{service}");
}
