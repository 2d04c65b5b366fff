//! Results on a terminal: what other people's systems put into a name must not act there.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::Stdio;

use crate::support::{District, person};

/// What a command prints on a terminal.
fn on_a_terminal(district: &District, arguments: &[&str]) -> String {
    let pty = nix::pty::openpty(None, None).unwrap();
    let slave: OwnedFd = pty.slave;
    let mut command = district.command(arguments);
    command.stdout(Stdio::from(slave)).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    // The command holds the other end until it is dropped.
    drop(command);
    let mut master = std::fs::File::from(pty.master);
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    // At the end a terminal says that it is gone, and no end of file.
    while let Ok(count) = master.read(&mut buffer)
        && count > 0
    {
        bytes.extend_from_slice(&buffer[..count]);
    }
    assert!(child.wait().unwrap().success());
    String::from_utf8(bytes).unwrap()
}

#[test]
fn no_format_lets_a_name_act_on_a_terminal_and_files_keep_it() {
    let district = District::new();
    // Turns the title of the window, an eight-bit control, and the direction of the text.
    let name = "Ro\u{1b}]0;owned\u{7}sa\u{9b}2J\u{202e}";
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district
        .store()
        .execute("UPDATE account SET given_name = ?1 WHERE sourced_id = 'tea-1'", [name])
        .unwrap();
    let report = district.path("reports/users-000001.csv");
    let text = std::fs::read_to_string(&report).unwrap().replacen("Rosa", name, 1);
    std::fs::write(&report, text).unwrap();
    let commands: [&[&str]; 9] = [
        &["report", "--format", "csv"],
        &["report", "--format", "json"],
        &["report"],
        &["users", "list", "--format", "csv"],
        &["users", "list", "--format", "json"],
        &["users", "export"],
        &["users", "export", "--format", "json"],
        &["users", "show", "tea-1", "--json"],
        &["users", "history", "tea-1", "--json"],
    ];
    for arguments in commands {
        let shown = on_a_terminal(&district, &[&["--color", "never"], arguments].concat());
        let acts = |c: char| c.is_control() && !matches!(c, '\n' | '\r') || c == '\u{202e}';
        assert!(!shown.contains(acts), "{arguments:?}: {shown:?}");
        assert!(shown.contains("tea-1") || arguments.contains(&"history"), "{arguments:?}: {shown}");
    }
    // For a program it is what it is.
    for arguments in [&commands[0], &commands[3], &commands[5]] {
        assert!(district.cli(arguments).ok().stdout.contains(name), "{arguments:?}");
    }
    let json = district.cli(&["report", "--format", "json"]).ok().json();
    assert_eq!(json[0]["given_name"], name);
}
