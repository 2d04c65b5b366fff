//! `rostersync fleet`: many districts in one folder.

use std::fs::{self, File, OpenOptions};
use std::path::PathBuf;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::support::{COLUMNS, District, Done, NIGHT, copy, folder, long, nap, person, rows, users_csv};

/// A folder of districts that lie beside each other, each with its configuration `NAME.toml`.
struct Fleet {
    folder: TempDir,
    /// Only for what it asserts of commands.
    any: District,
}

const LATER: &str = "2026-11-24T08:15:00Z";

impl Fleet {
    /// Each district has two teachers.
    fn of(names: &[&str]) -> Self {
        let fleet = Self { folder: folder(), any: District::new() };
        for name in names {
            fleet.configure(name, "");
            let people = [person("tea-1"), person("tea-2").email("b@mail.example")];
            fleet.file(&format!("{name}/sis/users.csv"), &users_csv(&COLUMNS, &people));
        }
        fleet
    }

    /// The same after a first night. One night is done, and copied for the other districts.
    fn after_a_night(names: &[&str]) -> Self {
        let fleet = Self::of(&names[..1]);
        fleet.cli(&["run"]).ok();
        for name in &names[1..] {
            copy(&fleet.path(names[0]), &fleet.path(name));
            fleet.configure(name, "");
        }
        fleet
    }

    fn configure(&self, name: &str, more: &str) {
        let config = format!(
            "[sync]\nstore = \"{name}/rostersync.db\"\nreports = \"{name}/reports\"\ntimezone = \"UTC\"\n\
             [source]\ntype = \"oneroster-csv\"\npath = \"{name}/sis\"\n{more}"
        );
        self.file(&format!("{name}.toml"), &config);
    }

    /// The platform's export of a district becomes a pipe, so that a run of it waits there.
    fn wait_in(&self, name: &str) -> Waiting {
        let more = format!("[platform]\nusers = \"{name}/export.csv\"\nmax_age = \"none\"\n");
        self.configure(name, &more);
        let pipe = self.path(&format!("{name}/export.csv"));
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        Waiting { pipe, lock: self.path(&format!("{name}/rostersync.db.lock")) }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn damage(&self, name: &str) {
        self.file(&format!("{name}/rostersync.db"), &"no store, but text that is long enough".repeat(200));
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rostersync"));
        command.args(["fleet", arguments[0]]).arg(self.folder.path()).args(&arguments[1..]);
        command.env_clear().env("ROSTERSYNC_NOW", NIGHT).env("ROSTERSYNC_ALLOW_ROOT", "true");
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn cli(&self, arguments: &[&str]) -> Done {
        self.any.done(&mut self.command(arguments))
    }

    fn later(&self, arguments: &[&str]) -> Done {
        self.any.done(self.command(arguments).env("ROSTERSYNC_NOW", LATER))
    }

    fn ask(&self, name: &str, query: &str) -> Vec<String> {
        let store = self.path(&format!("{name}/rostersync.db"));
        rows(&rusqlite::Connection::open(store).unwrap(), query)
    }
}

/// A district whose run waits for the platform's export.
struct Waiting {
    pipe: PathBuf,
    lock: PathBuf,
}

impl Waiting {
    /// Returns when the run of the district reads: what is written to is returned, and its process.
    fn reads(&self) -> (File, String) {
        let pipe = OpenOptions::new().write(true).open(&self.pipe).unwrap();
        let lock = fs::read_to_string(&self.lock).unwrap();
        (pipe, lock.split(' ').nth(1).unwrap().to_owned())
    }

    /// The export is a file now.
    fn goes_on(&self) {
        fs::remove_file(&self.pipe).unwrap();
        fs::write(&self.pipe, "sourced_id,state\ntea-1,active\n").unwrap();
    }
}

fn kill(signal: &str, process: &str) {
    assert!(Command::new("kill").args([signal, process]).status().unwrap().success());
}

/// The lines without the seconds that a district took.
fn lines(done: &Done) -> Vec<String> {
    let without_seconds = |line: &str| {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        if let Some(at) = words.iter().position(|word| *word == "s") {
            words.drain(at - 1..=at);
        }
        words.join(" ")
    };
    let mut all: Vec<String> = done.stdout.lines().map(without_seconds).collect();
    all.sort();
    all
}

/// What a district said on standard error.
fn said<'a>(done: &'a Done, district: &str) -> Vec<&'a str> {
    done.stderr.lines().filter_map(|line| line.strip_prefix(district)?.strip_prefix(": ")).collect()
}

/// One store is damaged, one file is missing, one process is killed, one configuration is wrong.
#[test]
fn the_end_of_one_district_does_not_touch_the_others() {
    let count = if long() { 300 } else { 7 };
    let names: Vec<String> = (1..=count).map(|number| format!("d-{number:03}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let fleet = Fleet::after_a_night(&names);
    fleet.damage("d-002");
    fs::remove_dir_all(fleet.path("d-003/sis")).unwrap();
    let waiting = fleet.wait_in("d-004");
    let running = fleet.command(&["run", "--jobs", "2", "-q"]).spawn().unwrap();
    let (pipe, process) = waiting.reads();
    kill("-KILL", &process);
    drop(pipe);
    let done = fleet.any.said(running.wait_with_output().unwrap()).exits(1);
    let found = lines(&done);
    let ok = count - 3;
    assert_eq!(found.iter().filter(|line| line.ends_with(" ok no changes")).count(), ok, "{found:?}");
    assert!(
        found.contains(&"d-003 input-unusable the OneRoster export cannot be opened".to_owned()),
        "{found:?}"
    );
    assert!(found.contains(&"d-004 killed signal 9 ended the process".to_owned()), "{found:?}");
    let total = format!("{count} districts: {ok} ok, 1 failed, 1 input-unusable, 1 killed;");
    assert!(found.contains(&total), "{found:?}");
    let named = "Look at: d-002 (failed), d-003 (input-unusable), d-004 (killed)";
    assert!(found.contains(&named.to_owned()), "{found:?}");
    // And why, with the cure.
    assert!(said(&done, "d-002").iter().any(|line| line.starts_with("error: ")), "{}", done.stderr);
    assert!(said(&done, "d-003").iter().any(|line| line.starts_with("  help: ")), "{}", done.stderr);
    assert_eq!(said(&done, "d-004"), ["signal 9 ended the process"]);
}

#[test]
fn json_has_a_result_for_each_and_for_all() {
    let fleet = Fleet::of(&["adams", "boone", "clark"]);
    fs::remove_dir_all(fleet.path("boone/sis")).unwrap();
    fleet.file("clark.toml", "[sync\n");
    let done = fleet.cli(&["run", "--format", "json", "--log-format", "json"]).exits(2);
    let json = done.json();
    assert_eq!((json["result"].as_str(), json["exit"].as_u64()), (Some("usage"), Some(2)));
    assert_eq!(json["counts"], serde_json::json!({ "input-unusable": 1, "ok": 1, "usage": 1 }));
    let districts = json["districts"].as_array().unwrap();
    let of = |name: &str| districts.iter().find(|one| one["district"] == name).unwrap();
    assert_eq!(of("adams")["run"]["actions"]["created"], 2);
    assert_eq!(
        (&of("boone")["exit"], &of("boone")["reason"]),
        (&7.into(), &"the OneRoster export cannot be opened".into())
    );
    assert!(of("clark")["config"].as_str().unwrap().ends_with("/clark.toml"));
    // Its log lines are JSON as well, with the name of the district.
    let logs: Vec<serde_json::Value> =
        done.stderr.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(logs.iter().any(|log| log["district"] == "boone" && log["exit"] == 7), "{}", done.stderr);
}

#[test]
fn the_district_that_waits_longest_is_first_and_with_q_a_good_night_says_nothing() {
    let fleet = Fleet::of(&["adams", "boone", "clark"]);
    fleet.cli(&["run", "--only", "clark"]).ok();
    fleet.later(&["run", "--only", "adams", "-q"]).ok();
    let done = fleet.later(&["run", "--jobs", "1", "--stagger", "1ms"]).ok();
    let order: Vec<&str> = done.stdout.lines().filter_map(|line| line.split("  ").next()).take(3).collect();
    assert_eq!(order, ["boone", "clark", "adams"]);
    let done = fleet.later(&["run", "-q"]).ok();
    assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
}

#[test]
fn a_preview_of_all_writes_nothing_and_names_no_person() {
    let fleet = Fleet::of(&["adams", "boone"]);
    let done = fleet.cli(&["run", "--dry-run", "--format", "json"]).ok();
    assert_eq!(done.json()["districts"][0]["run"]["actions"]["created"], 2);
    assert!(!done.stdout.contains("mail.example"), "{}", done.stdout);
    assert!(!fleet.path("adams/rostersync.db").exists());
}

/// Two fleets over one folder, as when the night before has not ended: the second one says which
/// process has the district, and does the others.
#[test]
fn of_two_that_race_for_a_district_the_second_says_so_and_nothing_happens_twice() {
    let fleet = Fleet::of(&["adams", "boone"]);
    let waiting = fleet.wait_in("adams");
    let first = fleet.command(&["run", "--only", "adams"]).spawn().unwrap();
    let (mut pipe, process) = waiting.reads();
    let second = fleet.cli(&["run"]).exits(5);
    let found = lines(&second);
    assert!(found.contains(&"boone ok 2 created".to_owned()), "{found:?}");
    assert!(found.contains(&"Look at: adams (busy)".to_owned()), "{found:?}");
    let holder = format!("another run holds the lock (process {process} since ");
    assert!(said(&second, "adams").iter().any(|line| line.contains(&holder)), "{}", second.stderr);
    std::io::Write::write_all(&mut pipe, b"sourced_id,state\ntea-1,active\n").unwrap();
    drop(pipe);
    let first = fleet.any.said(first.wait_with_output().unwrap()).ok();
    assert!(first.stdout.starts_with("adams  ok "), "{first:?}");
    assert_eq!(fleet.ask("adams", "SELECT count(*) FROM run"), ["1"]);
    assert_eq!(fleet.ask("adams", "SELECT count(*) FROM account"), ["2"]);
}

/// How a node ends in the middle of a run.
enum Ends {
    /// It is drained: SIGTERM, and time to stop.
    Drained,
    /// The fleet alone is killed.
    FleetKilled,
    /// The power fails: nothing has time for anything.
    AllKilled,
}

/// The store is as before the run, no process is left, and the next holder of the folder goes on.
fn a_node_ends(how: &Ends) {
    let fleet = Fleet::after_a_night(&["adams", "boone"]);
    let waiting = fleet.wait_in("adams");
    let accounts = "SELECT sourced_id, state, email FROM account ORDER BY id";
    let before = fleet.ask("adams", accounts);
    let running = fleet.command(&["run", "--jobs", "1"]).env("ROSTERSYNC_NOW", LATER).spawn().unwrap();
    let (node, (pipe, process)) = (running.id().to_string(), waiting.reads());
    match how {
        Ends::Drained => kill("-TERM", &node),
        Ends::FleetKilled => kill("-KILL", &node),
        Ends::AllKilled => {
            kill("-KILL", &node);
            kill("-KILL", &process);
        }
    }
    let ended = running.wait_with_output().unwrap();
    // The kernel frees the lock when the process has ended.
    let lock = File::open(&waiting.lock).unwrap();
    while lock.try_lock().is_err() {
        nap();
    }
    drop(lock);
    drop(pipe);
    if let Ends::Drained = how {
        let done = fleet.any.said(ended).exits(143);
        let found = lines(&done);
        assert!(found.contains(&"Look at: adams (interrupted), boone (not-begun)".to_owned()), "{found:?}");
    }
    assert_eq!(fleet.ask("adams", accounts), before);
    waiting.goes_on();
    let next = fleet.later(&["run"]).ok();
    let total = "2 districts: 2 ok;".to_owned();
    assert!(lines(&next).contains(&total), "{next:?}");
    assert_eq!(fleet.ask("adams", "SELECT state FROM account ORDER BY id"), ["active", "pending"]);
    assert_eq!(fleet.ask("adams", "SELECT count(*) FROM run"), ["2"]);
    // The attempt that did not end well is on record.
    assert_eq!(fleet.ask("adams", "SELECT count(*) FROM attempt"), ["3"]);
}

#[test]
fn a_node_is_drained_in_the_middle_of_a_run() {
    a_node_ends(&Ends::Drained);
}

#[test]
fn a_fleet_is_killed_in_the_middle_of_a_run() {
    a_node_ends(&Ends::FleetKilled);
}

#[test]
fn a_node_dies_in_the_middle_of_a_run() {
    a_node_ends(&Ends::AllKilled);
}

#[test]
fn a_district_that_takes_too_long_is_stopped() {
    let fleet = Fleet::of(&["adams"]);
    let waiting = fleet.wait_in("adams");
    // Read and write: the run does not wait for a process that opens the pipe.
    let _pipe = OpenOptions::new().read(true).write(true).open(&waiting.pipe).unwrap();
    let done = fleet.cli(&["run", "--time-limit", "100ms"]).exits(1);
    let found = lines(&done);
    let line = "adams time-limit it took longer than --time-limit, and was stopped".to_owned();
    assert!(found.contains(&line), "{found:?}");
}

#[test]
fn status_says_how_each_is_and_what_needs_a_person_comes_first() {
    let fleet = Fleet::after_a_night(&["adams", "boone", "clark"]);
    fleet.configure("dade", "");
    fs::remove_dir_all(fleet.path("boone/sis")).unwrap();
    fleet.cli(&["run", "--only", "boone"]).exits(7);
    fleet.damage("clark");
    let done = fleet.cli(&["status"]).exits(1);
    let found: Vec<&str> = done.stdout.lines().collect();
    let starts: Vec<String> =
        found.iter().map(|line| line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")).collect();
    let expected =
        ["district state", "boone failing", "clark failing", "dade new", "adams ok", "4 districts:"];
    assert_eq!(starts, expected);
    assert!(found[1].contains("the OneRoster export cannot be opened"), "{}", found[1]);
    assert_eq!(found[5], "4 districts: 2 failing, 1 new, 1 ok");
    let json = fleet.cli(&["status", "--json"]).exits(1).json();
    assert_eq!(json["counts"], serde_json::json!({ "failing": 2, "new": 1, "ok": 1 }));
    assert_eq!(json["districts"][0]["status"]["last_attempt"]["result"], "input-unusable");
    let late = fleet.later(&["status", "--only", "adams", "--max-age", "23h"]).exits(9);
    assert!(late.stdout.contains("adams     late"), "{}", late.stdout);
}

#[test]
fn prometheus_has_each_metric_once_and_a_line_for_each_district() {
    let fleet = Fleet::after_a_night(&["adams", "boone"]);
    fleet.file("clark.toml", "[sync\n");
    let text = fleet.cli(&["status", "--prometheus"]).ok().stdout;
    assert_eq!(text.matches("# HELP rostersync_readable ").count(), 1);
    for line in [
        "rostersync_readable{district=\"adams\"} 1",
        "rostersync_readable{district=\"clark\"} 0",
        "rostersync_accounts{district=\"boone\",state=\"pending\"} 2",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}: {text}");
    }
    // All lines of a metric follow its head.
    let name = |line: &str| line.split('{').next().unwrap().to_owned();
    let mut blocks: Vec<String> = text.lines().filter(|line| !line.starts_with('#')).map(name).collect();
    blocks.dedup();
    let count = blocks.len();
    blocks.sort_unstable();
    blocks.dedup();
    assert_eq!(blocks.len(), count, "{text}");
}

#[test]
fn reports_of_all_districts_are_one() {
    let fleet = Fleet::after_a_night(&["adams", "boone"]);
    fleet.configure("clark", "");
    let csv =
        ["report", "--where", "email=b@mail.example", "--format", "csv", "--columns", "sourced_id,email"];
    let done = fleet.cli(&csv).exits(7);
    let rows = "district,sourced_id,email\r\nadams,tea-2,b@mail.example\r\nboone,tea-2,b@mail.example\r\n";
    assert_eq!(done.stdout, rows);
    assert!(said(&done, "clark")[0].starts_with("error: there has been no run yet"), "{}", done.stderr);
    let json = fleet.cli(&["report", "--format", "json", "--only", "adams"]).ok().json();
    assert_eq!((&json[1]["district"], &json[1]["sourced_id"]), (&"adams".into(), &"tea-2".into()));
    let file = fleet.path("all.csv");
    fleet.cli(&["report", "--only", "adams", "--only", "boone", "-o", file.to_str().unwrap()]).ok();
    let written = fs::read_to_string(&file).unwrap();
    assert!(written.starts_with("\u{feff}district,line,sourced_id,"), "{written}");
    assert_eq!(written.lines().count(), 5);
    let table = fleet.cli(&["report", "--only", "boone"]).ok().stdout;
    assert!(table.lines().next().unwrap().starts_with("district  sourced_id  state"), "{table}");
    // A wrong column is refused once, not by each.
    fleet
        .cli(&["report", "--columns", "emial"])
        .exits(2)
        .complains(&["error: the report has no column `emial`"]);
    fleet.cli(&["report", "--only", "clark"]).exits(7).complains(&["no district has a report"]);
}

#[test]
fn check_tries_each() {
    let fleet = Fleet::of(&["adams", "boone"]);
    fs::remove_dir_all(fleet.path("boone/sis")).unwrap();
    let done = fleet.cli(&["check"]).exits(7);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(lines, ["adams: ok", "boone: input-unusable", "2 districts: 1 input-unusable, 1 ok"]);
    assert_eq!(said(&done, "boone")[0], "error: the OneRoster export cannot be opened");
    assert!(!fleet.path("adams/rostersync.db").exists());
}

#[test]
fn mistakes_of_the_command_line_are_said() {
    let fleet = Fleet::of(&["adams"]);
    fleet
        .cli(&["run", "--only", "adam"])
        .exits(2)
        .complains(&["there is no district `adam`", "did you mean `adams`?"]);
    fleet.cli(&["run", "-c", "x.toml"]).exits(2).complains(&["not `-c FILE`"]);
    fleet.cli(&["status", "--max-age", "soon"]).exits(2).complains(&["--max-age"]);
    fleet.cli(&["run", "--jobs", "0"]).exits(2).complains(&["from 1 to 1000"]);
}
