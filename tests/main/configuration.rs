//! The configuration as a file: how it is found, in which forms editors save it, and secrets that
//! stand in it.

use std::os::unix::fs::PermissionsExt;

use crate::fake::Fake;
use crate::sis::{Sis, district, people};
use crate::support::{District, person};

fn one() -> District {
    let district = District::new();
    district.sis(&[person("tea-1")]);
    district
}

/// As editors of Windows and of old Macs save it.
#[test]
fn it_is_read_with_a_byte_order_mark_and_with_any_line_ends() {
    let district = one();
    let text = district.config();
    for (name, written) in [
        ("mark", format!("\u{FEFF}{text}")),
        ("crlf", text.replace('\n', "\r\n")),
        ("both", format!("\u{FEFF}{}", text.replace('\n', "\r\n"))),
        ("cr", text.replace('\n', "\r")),
    ] {
        district.file("saved.toml", written);
        let done = district.cli(&["-c", "saved.toml", "run", "--dry-run"]).ok();
        assert!(done.plan().starts_with("1 to create"), "{name}: {}", done.plan());
    }
    // The first line has its place behind the mark.
    district.file("saved.toml", "\u{FEFF}nonsense = 1\r\n[sync]\r\n");
    district.cli(&["-c", "saved.toml", "run"]).exits(2).complains(&["saved.toml:1:1", "\n    | ^^^^^^^^\n"]);
}

/// `-c <(…)` of a shell is a pipe.
#[test]
fn it_may_come_from_a_pipe_and_ends_where_it_cannot_be_one() {
    let district = one();
    let pipe = district.path("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.is_ok_and(|status| status.success()));
    let (to, text) = (pipe.clone(), district.config());
    let writer = std::thread::spawn(move || std::fs::write(to, text).unwrap());
    let done = district.cli(&["-c", "pipe", "run", "--dry-run"]).ok();
    assert!(done.plan().starts_with("1 to create"), "{}", done.plan());
    writer.join().unwrap();
    for (name, size) in [("large.toml", (1 << 20) + 1), ("zeros.toml", 4096)] {
        district.file(name, vec![if name.starts_with('l') { b'#' } else { 0 }; size]);
        let done = district.cli(&["-c", name, "run"]).exits(2);
        done.complains(&[
            "the configuration file is",
            &district.path(name).display().to_string(),
            "\n  help: ",
        ]);
    }
}

#[test]
fn an_empty_variable_is_not_set_and_the_option_wins() {
    let district = one();
    district.cli(&["runs"]).ok();
    // Unset, it is looked for here.
    for value in [Some(""), None] {
        let mut command = district.command(&["run", "--dry-run"]);
        match value {
            Some(value) => command.env("ROSTERSYNC_CONFIG", value),
            None => command.env_remove("ROSTERSYNC_CONFIG"),
        };
        let done = district.done(&mut command).ok();
        assert!(done.plan().starts_with("1 to create"), "{}", done.plan());
    }
    let done = district.done(
        district.command(&["-c", "rostersync.toml", "run", "--dry-run"]).env("ROSTERSYNC_CONFIG", "nowhere"),
    );
    done.ok();
    district.done(district.command(&["run"]).env("ROSTERSYNC_CONFIG", "nowhere")).exits(2).complains(&[
        "the configuration file does not exist",
        &district.path("nowhere").display().to_string(),
    ]);
    // Where there is none, it is said where it was looked for.
    std::fs::create_dir(district.path("empty")).unwrap();
    let mut command = district.command(&["run"]);
    let done = district.done(command.env_remove("ROSTERSYNC_CONFIG").current_dir(district.path("empty")));
    let place = district.path("empty/rostersync.toml").display().to_string();
    if !std::path::Path::new("/etc/rostersync/rostersync.toml").exists() {
        done.exits(2).complains(&[
            "there is no configuration file",
            &place,
            "/etc/rostersync/rostersync.toml",
        ]);
    }
}

/// Cron and some terminals say that they have no columns: then help is as wide as usual.
#[test]
fn help_is_never_set_one_word_a_line() {
    let district = District::new();
    let help = |columns: &str| {
        let done = district.done(district.command(&["run", "--help"]).env("COLUMNS", columns)).ok();
        done.stdout
    };
    let usual = help("80");
    assert!(usual.lines().all(|line| line.chars().count() <= 80), "{usual}");
    for columns in ["0", "1", "10"] {
        assert_eq!(help(columns), usual, "{columns}");
    }
    // Without a command it is shown what there is, on standard error and as a wrong command line.
    let done = district.cli(&[]).exits(2);
    assert!(done.stdout.is_empty() && done.stderr.contains("Usage: rostersync"), "{}", done.stderr);
}

/// Each key that holds a secret in clear is said, in a run and in `check`, where every user of the
/// machine may read it.
#[test]
fn a_secret_in_a_configuration_that_all_may_read_is_said() {
    let fake = Fake::start(move |request| Sis::new(&people(3)).page(request));
    let mut district = district(&fake);
    district.unset("source.auth.token_file");
    district.set("source.auth.token", "\"let-me-in\"");
    district.set("monitor.ping_url", &format!("{:?}", fake.url("/ping")));
    district.cli(&["runs"]).ok();
    let mode = |mode| {
        std::fs::set_permissions(district.path("rostersync.toml"), PermissionsExt::from_mode(mode)).unwrap();
    };
    for (bits, said) in [(0o600, false), (0o640, false), (0o604, true), (0o644, true)] {
        mode(bits);
        for arguments in [&["run", "--dry-run"][..], &["check"]] {
            let done = district.cli(arguments);
            let whole = format!("{}{}", done.stdout, done.stderr);
            assert_eq!(whole.contains("secret-exposed"), said, "{bits:o} {arguments:?}: {whole}");
            assert!(!whole.contains("let-me-in") && !whole.contains("/ping"), "{whole}");
            if said && arguments == ["check"] {
                for key in ["`token` in [source.auth]", "`ping_url` in [monitor]"] {
                    assert!(whole.contains(key), "{key}: {whole}");
                }
                assert!(whole.contains(&district.path("rostersync.toml").display().to_string()), "{whole}");
            }
        }
    }
}
