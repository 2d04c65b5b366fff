//! Long work shows its progress on a terminal, stage by stage, and never in a pipe.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;

use crate::support::{District, person};

/// What a command writes to standard error if that is a terminal; standard output is a pipe.
fn shown(district: &District, arguments: &[&str]) -> String {
    let size = nix::pty::Winsize { ws_row: 40, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = nix::pty::openpty(&size, None).unwrap();
    let mut command = district.command(arguments);
    command.env("TERM", "xterm").stdout(Stdio::null()).stderr(Stdio::from(pty.slave));
    let mut child = command.spawn().unwrap();
    // The command holds the other end until it is dropped.
    drop(command);
    let mut master = File::from(pty.master);
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    // At the end a terminal says that it is gone, and no end of file.
    while let Ok(count @ 1..) = master.read(&mut buffer) {
        bytes.extend_from_slice(&buffer[..count]);
    }
    child.wait().unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[test]
fn each_stage_is_shown_on_a_terminal_and_nothing_in_a_pipe() {
    let mut district = District::new().update_contacts(true).without_limits().with("sync.backups", "1");
    let people: Vec<_> =
        (1..40).map(|n| person(&format!("gua-{n}")).email(&format!("g{n}@a.example"))).collect();
    district.platform(&people.iter().cloned().map(|one| one.state("active")).collect::<Vec<_>>());
    district.sis(&people);
    let first = shown(&district, &["run"]);
    for stage in ["reading the roster", "planning", "applying"] {
        assert!(first.contains(stage), "{stage}: {first:?}");
    }
    let moved: Vec<_> =
        (1..40).map(|n| person(&format!("gua-{n}")).email(&format!("g{n}@b.example"))).collect();
    district.sis(&moved);
    // The second night expects as many rows as the first one had.
    let second = shown(&district, &["run", "--no-notify"]);
    for stage in ["reading the roster", "of 39", "copying the store", "%"] {
        assert!(second.contains(stage), "{stage}: {second:?}");
    }
    for (arguments, stage) in [
        (&["undo", "2"][..], "giving back"),
        (&["users", "export"], "exporting"),
        (&["users", "import", "platform-users.csv", "--dry-run"], "importing"),
        (&["status", "--verify"], "checking the history"),
        (&["db", "backup", "copy.db"], "copying the store"),
        (&["db", "verify"], "checking the store"),
        (&["db", "restore", "copy.db"], "checking the backup"),
    ] {
        let text = shown(&district, arguments);
        assert!(text.contains(stage), "{arguments:?}: {text:?}");
    }
    for arguments in [&["run", "--no-progress"][..], &["run", "-q"]] {
        let text = shown(&district, arguments);
        assert!(!text.contains("reading the roster"), "{arguments:?}: {text:?}");
    }
    let piped = district.run().stderr;
    assert!(!piped.contains("reading the roster") && !piped.contains('\u{1b}'), "{piped:?}");
}
