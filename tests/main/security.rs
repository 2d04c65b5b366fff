//! Which users of the machine can read what is written, links that others have put in its place, and
//! a run as root.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use crate::support::{District, person};

fn district() -> District {
    let district = District::new()
        .without_limits()
        .update_contacts(true)
        .with("sync.backups", "3")
        .with("sync.store", "\"state/rostersync.db\"");
    district.sis(&[person("tea-1"), person("gua-1").agents("stu-1"), person("stu-1")]);
    district
}

/// Runs a command line as the shell has it, with this in front.
fn shell(district: &District, before: &str, arguments: &str) -> std::process::Output {
    let program = env!("CARGO_BIN_EXE_rostersync");
    district.write_config();
    std::process::Command::new("/bin/sh")
        .args(["-c", &format!("{before} exec '{program}' {arguments}")])
        .current_dir(district.path(""))
        .env_clear()
        .env("ROSTERSYNC_NOW", "2026-11-23T08:15:00Z")
        .env("ROSTERSYNC_CONFIG", "rostersync.toml")
        .env("ROSTERSYNC_ALLOW_ROOT", "true")
        .output()
        .unwrap()
}

/// All files and folders below a folder with their modes.
fn modes(folder: &Path) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            found.push((path.clone(), path.symlink_metadata().unwrap().permissions().mode() & 0o7777));
            if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}

/// Whatever the umask allows, only the owner may read or enter what is written.
#[test]
fn only_the_owner_may_read_what_is_written() {
    let district = district();
    for (umask, email, arguments) in [
        ("umask 0;", "first@mail.example", "run"),
        ("umask 0;", "second@mail.example", "run --report state/out/copy.csv"),
        ("umask 0;", "second@mail.example", "users join tea-1"),
        ("umask 0;", "third@mail.example", "run"),
        ("umask 0;", "third@mail.example", "db backup"),
        ("umask 0;", "third@mail.example", "db restore state/rostersync.db.run-000003.bak"),
        ("umask 0;", "third@mail.example", "run"),
        ("umask 0;", "third@mail.example", "users erase gua-1 --yes"),
    ] {
        fs::create_dir_all(district.path("state/out")).unwrap();
        for folder in ["state", "state/out"] {
            fs::set_permissions(district.path(folder), fs::Permissions::from_mode(0o700)).unwrap();
        }
        district.sis(&[person("tea-1").email(email), person("gua-1").agents("stu-1"), person("stu-1")]);
        let output = shell(&district, umask, arguments);
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let written = ["state", "reports", "mail"].map(|folder| district.path(folder));
    let all: Vec<_> = written.iter().flat_map(|folder| modes(folder)).collect();
    let names: Vec<String> =
        all.iter().map(|(path, _)| path.file_name().unwrap().to_string_lossy().into_owned()).collect();
    for name in [
        "rostersync.db",
        "rostersync.db.lock",
        "rostersync.db.outbox.lock",
        "rostersync.db.attempts",
        "rostersync.db.sent",
        "rostersync.db.run-000003.bak",
        "users-000001.csv",
        "copy.csv",
        "run-000003-000001.eml",
    ] {
        assert!(names.contains(&name.to_owned()), "{name} of {names:?}");
    }
    for (path, mode) in all {
        let right = if path.is_dir() { 0o700 } else { 0o600 };
        assert_eq!(mode, right, "{}: {mode:o}", path.display());
    }
}

/// In place of a file that is made, another user may have put a link to a file of the operator's.
#[test]
fn a_link_in_place_of_a_file_is_never_written_through() {
    let mut district = district();
    let precious = district.path("precious");
    let night = |district: &mut District, email: &str| {
        district.sis(&[person("tea-1").email(email), person("gua-1").agents("stu-1"), person("stu-1")]);
        district.run()
    };
    night(&mut district, "first@mail.example").ok();
    district.cli(&["users", "join", "tea-1"]).ok();
    fs::write(&precious, "much work").unwrap();
    let kept = |district: &District| {
        assert_eq!(fs::read_to_string(district.path("precious")).unwrap(), "much work");
    };
    // What is made anew takes the place of the link.
    for name in [
        "state/rostersync.db.run-000002.bak",
        "state/rostersync.db.run-000002.bak.partial",
        "reports/users-000002.csv",
        "reports/.users-000002.csv.partial",
        "mail/.run-000002-000001.eml.partial",
        "mail/run-000002-000001.eml",
        "state/rostersync.db-journal",
    ] {
        fs::create_dir_all(district.path(name).parent().unwrap()).unwrap();
        let _ = fs::remove_file(district.path(name));
        symlink(&precious, district.path(name)).unwrap();
        if name.ends_with("journal") {
            // SQLite follows no link there, and says so.
            let done = night(&mut district, "another@mail.example");
            assert_ne!(done.code, 0);
            fs::remove_file(district.path(name)).unwrap();
        }
        kept(&district);
    }
    night(&mut district, "second@mail.example").ok();
    kept(&district);
    for name in ["state/rostersync.db.run-000002.bak", "reports/users-000002.csv"] {
        assert!(!district.path(name).is_symlink(), "{name}");
    }
    // What is added to is refused, or left alone with a warning.
    for (name, code) in [
        ("state/rostersync.db.lock", 1),
        ("state/rostersync.db.outbox.lock", 1),
        ("state/rostersync.db.attempts", 0),
        ("state/rostersync.db.sent", 3),
    ] {
        fs::remove_file(district.path(name)).unwrap();
        symlink(&precious, district.path(name)).unwrap();
        let done = night(&mut district, &format!("{}@mail.example", name.len()));
        assert_eq!(done.code, code, "{name}: {}", done.stderr);
        kept(&district);
        fs::remove_file(district.path(name)).unwrap();
    }
    district.set("limits.archive", "100000");
    symlink(&precious, district.path("state/rostersync.db.restoring")).unwrap();
    symlink(&precious, district.path("state/rostersync.db.restoring.partial")).unwrap();
    district.cli(&["db", "restore", "state/rostersync.db.run-000003.bak"]).ok();
    kept(&district);
    symlink(&precious, district.path("state/link.bak")).unwrap();
    district.cli(&["db", "backup", "state/link.bak"]).exits(2).complains(&["is there already"]);
    kept(&district);
}

#[test]
fn a_run_as_root_is_said() {
    let district = district();
    let said = |arguments: &[&str]| {
        let done = district.done(district.command(arguments).env_remove("ROSTERSYNC_ALLOW_ROOT"));
        done.stderr.contains("rostersync runs as root and needs no right of root")
    };
    let is_root = rustix::process::geteuid().is_root();
    assert_eq!(said(&["run"]), is_root);
    assert_eq!(said(&["check"]), is_root);
    assert!(!said(&["run", "-q"]) && !said(&["status"]) && !said(&["run", "--dry-run"]));
    assert!(!district.run().ok().stderr.contains("root"));
}
