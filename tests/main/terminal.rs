//! Results on a terminal: they fit it, have colour, and nothing in a name acts there.

use std::io::Read;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};

use nix::pty::{Winsize, openpty};
use unicode_width::UnicodeWidthStr;

use crate::support::{District, person};

/// What a command shows on a terminal of this width, standard error too, and its exit status.
fn seen(district: &District, arguments: &[&str], columns: u16) -> (String, i32) {
    shown_by(district.command(arguments), columns)
}

fn shown_by(mut command: Command, columns: u16) -> (String, i32) {
    let size = Winsize { ws_row: 40, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    let pty = openpty(&size, None).unwrap();
    let slave: OwnedFd = pty.slave;
    command.stdout(Stdio::from(slave.try_clone().unwrap())).stderr(Stdio::from(slave));
    let mut child = command.spawn().unwrap();
    // The command holds the other end until it is dropped.
    drop(command);
    let mut master = std::fs::File::from(pty.master);
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    // At the end a terminal says that it is gone, and no end of file.
    while let Ok(count) = master.read(&mut buffer)
        && count > 0
    {
        bytes.extend_from_slice(&buffer[..count]);
    }
    let status = child.wait().unwrap().code().unwrap();
    (String::from_utf8(bytes).unwrap().replace("\r\n", "\n"), status)
}

/// The same without a progress bar and without colours.
fn plain(district: &District, arguments: &[&str], columns: u16) -> String {
    seen(district, &[&["--color", "never", "--no-progress"], arguments].concat(), columns).0
}

/// What a command prints on a terminal.
fn on_a_terminal(district: &District, arguments: &[&str]) -> String {
    let (text, status) = seen(district, arguments, 80);
    assert_eq!(status, 0, "{text}");
    text
}

const LONG: &str = "maximiliane.charlotte.bergerdorff-hausenstein@families.lincoln-unified.example";

/// The district with long values, and a night that failed.
fn busy_district() -> District {
    let mut district = district_with(LONG, "tea-0b5f9c1e-7c3e-4d0e-9b1a-2f6f0c9d8e7a");
    let roster = std::fs::read(district.path("sis/users.csv")).unwrap();
    district.at("2026-11-25T08:15:00Z");
    district.file("sis/users.csv", "");
    district.run().exits(7);
    district.file("sis/users.csv", roster);
    district
}

/// Foreign names, several schools, guardians, kept differences, rejected rows, and messages.
fn district_with(long_address: &str, long_id: &str) -> District {
    let mut district = District::new().without_limits().school("sch-2", true);
    let orgs = "sourcedId,name,type\nsch-1,Abraham Lincoln Elementary School of the Arts and Sciences,school\nsch-2,北京路小学,school\n";
    district.file("sis/orgs.csv", orgs);
    let people = [
        person("stu-1").agents("gua-1,gua-2").schools("sch-1,sch-2"),
        person("gua-1").given("Maximiliane Charlotte").family("Bergerdorff-Hausenstein").email(long_address),
        person("gua-2").given("太郎").family("山田").mobile("+17185550142"),
        person(long_id).given("Zoe\u{308}").schools("sch-2"),
        person("tea-2").family("Díaz").mobile("(718) 555-0143"),
        person("tea-3").given("").family(""),
    ];
    district.sis(&people);
    let active = |id: &str| person(id).state("active");
    district.platform(&[
        active("gua-2").given("太郎").family("山田").email("yamada.old@mail.example").mobile("+17185550199"),
        active("tea-2").family("Diaz").email("tea-2@old.example").mobile("+17185550143"),
        active(long_id).given("Zoë").email("zoe.old@mail.example"),
    ]);
    district.run().exits(0);
    district.at("2026-11-24T08:15:00Z");
    let mut people = people.to_vec();
    people[3] = people[3].clone().email("zoe.new@school.example");
    district.sis(&people);
    district.run().exits(0);
    district.sis(&people[1..]);
    district
}

const COMMANDS: [&[&str]; 14] = [
    &["report"],
    &["report", "1", "--columns", "sourced_id,schools,sis_email,first_seen,notes"],
    &["runs"],
    &["status"],
    &["explain", "gua-2"],
    &["users", "list"],
    &["users", "list", "--kept"],
    &["users", "show", "gua-2"],
    &["users", "show", "rosa"],
    &["users", "history", "tea-2"],
    &["outbox", "list"],
    &["run", "--dry-run"],
    &["undo", "2", "--dry-run"],
    &["users", "show", "nothing-like-this"],
];

#[test]
fn every_command_fits_the_terminal_and_nothing_is_cut_off() {
    let district = busy_district();
    for arguments in COMMANDS {
        for columns in [60, 80, 200] {
            let text = plain(&district, arguments, columns);
            for line in text.lines() {
                // A path, and a command to be copied, stay in one line.
                let is_whole = line.trim_start().starts_with(['/', '`']) || line.contains("rostersync run ");
                let fits = line.width() <= usize::from(columns);
                assert!(fits || is_whole, "{arguments:?} at {columns}: {line}");
            }
            assert!(!text.contains('…'), "{arguments:?} at {columns}: {text}");
        }
    }
    // A long address is broken, and none of it is left out.
    for columns in [60, 80, 200] {
        let text: String = plain(&district, &["users", "list"], columns).split_whitespace().collect();
        assert!(text.contains(LONG) || columns < 80, "{columns}: {text}");
    }
}

#[test]
fn the_screens_of_80_columns() {
    let district = district_with("m.bergerdorff@mail.example", "tea-17");
    let hidden = |text: String| text.replace(district.path("").to_str().unwrap(), "/DISTRICT/");
    let shown = |arguments| hidden(plain(&district, arguments, 80));
    insta::assert_snapshot!("terminal_report", shown(&["report", "1"]));
    insta::assert_snapshot!("terminal_runs", shown(&["runs"]));
    insta::assert_snapshot!("terminal_explain", shown(&["explain", "gua-2"]));
    insta::assert_snapshot!("terminal_users_list", shown(&["users", "list"]));
    insta::assert_snapshot!("terminal_users_show", shown(&["users", "show", "gua-2"]));
    insta::assert_snapshot!("terminal_outbox_list", shown(&["outbox", "list"]));
    insta::assert_snapshot!("terminal_preview", shown(&["run", "--dry-run"]));
    insta::assert_snapshot!("terminal_status", shown(&["status"]));
    insta::assert_snapshot!("terminal_runs_200", plain(&district, &["runs"], 200));
}

#[test]
fn the_report_shows_the_sis_value_beside_the_actual_one_for_kept_differences() {
    let district = district_with("m.bergerdorff@mail.example", "tea-17");
    let piped = district.cli(&["report", "1"]).ok().stdout;
    assert!(piped.contains("yamada.old@mail.example (SIS: gua-2@school.example)"), "{piped}");
    assert!(piped.contains("+17185550199 (SIS: +17185550142)"), "{piped}");
    // On a terminal it is below, in the same column.
    let shown = plain(&district, &["report", "1"], 80);
    let lines: Vec<&str> = shown.lines().collect();
    let at = lines.iter().position(|line| line.contains("yamada.old@mail.example")).unwrap();
    let column = |line: &str, part: &str| line.find(part).map(|byte| line[..byte].width());
    assert_eq!(
        column(lines[at], "yamada.old@mail.example"),
        column(lines[at + 1], "(SIS: gua-2@school.example)"),
        "{shown}"
    );
    // Columns that are asked for hold the cells alone, as in CSV.
    let asked = district.cli(&["report", "1", "--columns", "email"]).ok().stdout;
    assert!(!asked.contains("SIS:"), "{asked}");
}

#[test]
fn a_pipe_gets_the_same_whatever_the_terminal_is_like() {
    let district = busy_district();
    for arguments in [&["report"][..], &["runs"], &["users", "list"], &["outbox", "list"], &["status"]] {
        let usual = district.cli(arguments);
        let mut narrow = district.command(arguments);
        let narrow = district.done(narrow.env("COLUMNS", "30").env("TERM", "xterm-256color"));
        assert_eq!(usual.stdout, narrow.stdout);
        assert!(!usual.stdout.contains('\u{1b}'), "{}", usual.stdout);
    }
    // On a terminal COLUMNS counts, and one that reports no width has 80 columns.
    let widest = |columns: &str, reported: u16| {
        let mut command = district.command(&["--color", "never", "users", "list"]);
        command.env("COLUMNS", columns);
        shown_by(command, reported).0.lines().map(UnicodeWidthStr::width).max().unwrap()
    };
    assert!(widest("50", 200) <= 50 && widest("200", 50) > 100);
    assert!((60..=80).contains(&widest("", 0)), "{}", widest("", 0));
}

#[test]
fn colour_says_what_a_word_is() {
    let mut district = busy_district();
    let color = |district: &District, arguments: &[&str]| {
        seen(district, &[&["--no-progress"], arguments].concat(), 100)
    };
    let (text, status) = color(&district, &["users", "show", "nothing-like-this"]);
    assert_eq!(status, 2);
    assert!(text.starts_with("\u{1b}[1m\u{1b}[31merror:\u{1b}[0m there is no account"), "{text:?}");
    assert!(text.contains("\u{1b}[32mhelp:\u{1b}[0m"), "{text:?}");
    let (text, _) = color(&district, &["explain", "gua-2"]);
    assert!(text.contains("\u{1b}[33mOFF\u{1b}[0m") && text.contains("\u{1b}[36mkept\u{1b}[0m"), "{text:?}");
    let (text, _) = color(&district, &["report", "2"]);
    assert!(
        text.contains("\u{1b}[36mkept\u{1b}[0m") && text.contains("\u{1b}[31mrejected\u{1b}[0m"),
        "{text:?}"
    );
    // A run over a limit, and what the status says of it.
    district.set("limits.archive", "0");
    district.set("limits.minimum", "1");
    let (text, status) = color(&district, &["run"]);
    assert_eq!(status, 4, "{text}");
    assert!(text.contains("\u{1b}[31mBLOCKED: nothing was applied\u{1b}[0m"), "{text:?}");
    let (text, _) = color(&district, &["status"]);
    assert!(
        text.contains(", \u{1b}[31mblocked\u{1b}[0m, ") && text.contains("\u{1b}[33mOFF\u{1b}[0m"),
        "{text:?}"
    );
    let (text, _) = color(&district, &["report"]);
    assert!(text.contains("\u{1b}[31mBLOCKED: nothing below was applied\u{1b}[0m"), "{text:?}");
    // NO_COLOR and --color never.
    assert!(!plain(&district, &["status"], 100).contains('\u{1b}'));
}

#[test]
fn on_a_terminal_no_log_line_repeats_the_result() {
    let district = District::new();
    district.sis(&[person("tea-1")]);
    for arguments in
        [&["run", "--dry-run"][..], &["run"], &["run", "--dry-run", "--source", "no-such-folder"]]
    {
        let text = plain(&district, arguments, 80);
        assert!(!text.contains("finished"), "{text}");
        assert!(text.contains("Checksum: ") || text.contains("error: "), "{text}");
    }
    // With -v, in a log, and for programs it is there.
    assert!(plain(&district, &["-v", "run"], 80).contains("finished"));
    assert!(district.run().ok().stderr.contains("finished"));
    assert!(plain(&district, &["--log-format", "json", "run"], 80).contains("finished"));
}

#[test]
fn the_history_has_a_small_chart_on_a_terminal_alone() {
    let district = busy_district();
    let text = plain(&district, &["runs"], 80);
    assert!(text.starts_with("Changes: ▂▂×\n"), "{text}");
    assert!(text.contains("2026-11-23 to 2026-11-25"), "{text}");
    assert!(!district.cli(&["runs"]).ok().stdout.contains('▂'));
}

#[test]
fn a_person_is_found_by_any_part_of_name_address_number_or_id() {
    let district = busy_district();
    let found = |text: &str| {
        let listed = district.cli(&["users", "list", "--search", text, "--format", "csv"]).ok().stdout;
        listed.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let zoe = "tea-0b5f9c1e-7c3e-4d0e-9b1a-2f6f0c9d8e7a";
    for (text, ids) in [
        ("zoë", &[zoe][..]),
        ("ZOE", &[zoe]),
        ("hausenstein", &["gua-1"]),
        ("charlotte berger", &["gua-1"]),
        ("山田", &["gua-2"]),
        ("@old.example", &["tea-2"]),
        // The old and the new value, and a number as it is written.
        ("555-0142", &["gua-2"]),
        ("0199", &["gua-2"]),
        ("(718) 555-0143", &["tea-2"]),
        ("718-555-0143 ext. 12", &["tea-2"]),
        ("4D0E-9b1a", &[zoe]),
        ("nothing like this", &[]),
    ] {
        assert_eq!(found(text), ids, "{text}");
    }
    let shown = district.cli(&["users", "show", "山田", "--json"]).ok().json();
    assert_eq!(shown["user"], "gua-2");
    // A whole value goes before a part of a longer one.
    let shown = district.cli(&["users", "show", "tea-2@old.example", "--json"]).ok().json();
    assert_eq!(shown["user"], "tea-2");
}

#[test]
fn nothing_is_chosen_among_several_and_no_text_gets_into_a_log() {
    let district = busy_district();
    for command in [&["users", "show"][..], &["users", "history"], &["explain"]] {
        let many = district.cli(&[&["--log-format", "json"], command, &["diaz"]].concat()).exits(2);
        assert!(many.stdout.contains("stu-1") && many.stdout.contains("tea-2"), "{}", many.stdout);
        let none = district
            .cli(&[&["--log-format", "json", "-vv"], command, &["petra.secret@mail.example"]].concat())
            .exits(2);
        let logs = (many.stderr + &none.stderr).to_lowercase();
        assert!(!logs.contains("diaz") && !logs.contains("petra"), "{logs}");
    }
}

#[test]
fn where_takes_a_part_of_a_column() {
    let district = busy_district();
    let lines = |arguments: &[&str]| {
        district.cli(arguments).ok().stdout.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
    };
    let ids = |condition: &str| lines(&["report", "1", "--where", condition, "--columns", "sourced_id"]);
    assert_eq!(ids("name~díaz"), ["stu-1", "tea-0b5f9c1e-7c3e-4d0e-9b1a-2f6f0c9d8e7a", "tea-2"]);
    assert_eq!(ids("name~YAMADA"), [""; 0]);
    assert_eq!(ids("email~OLD.example"), ["tea-2"]);
    assert_eq!(ids("sis_phone~555 0143"), ["tea-2"]);
    assert_eq!(ids("notes~new email"), ["gua-2", "tea-2"]);
    assert_eq!(
        lines(&["report", "1", "--where", "name~diaz", "--where", "role=student", "--columns", "sourced_id"]),
        ["stu-1"]
    );
    let listed = lines(&[
        "users",
        "list",
        "--where",
        "phone~5550143",
        "--where",
        "family_name~DIAZ",
        "--format",
        "csv",
    ]);
    assert!(listed.len() == 1 && listed[0].starts_with("tea-2,"), "{listed:?}");
    district
        .cli(&["users", "list", "--where", "emial~x"])
        .exits(2)
        .complains(&["the list has no column `emial`"]);
    district
        .cli(&["report", "--where", "email"])
        .exits(2)
        .complains(&["`--where email` has no `=` and no `~`"]);
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

#[test]
fn no_rest_of_a_progress_bar_is_left_on_the_terminal() {
    let district = busy_district();
    for arguments in [&["codes", "archived"][..], &["status"], &["runs"], &["report", "--diff", "1"]] {
        let (text, _) = seen(&district, arguments, 80);
        assert!(!text.contains('⠁'), "{arguments:?}: {text}");
    }
}

#[test]
fn a_blocked_run_has_no_bar_among_the_changes() {
    let district = District::new();
    let people: Vec<_> = (0..30).map(|number| person(&format!("stu-{number}"))).collect();
    district.sis(&people);
    district.run().exits(0);
    district.sis(&people[..10]);
    district.run().exits(4);
    let text = plain(&district, &["runs"], 80);
    assert!(text.starts_with("Changes: ▄×\n"), "{text}");
    assert!(text.contains("█ 1000+ users; × stopped\n"), "{text}");
}
