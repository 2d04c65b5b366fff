//! What a district of each size costs, and whether a plan for 10,000 of them holds.
//!
//! `cargo bench --bench scale -- costs` measures, and prints the first table of `docs/scale.md`:
//! whole runs under ON, their messages queued and not sent. `cargo bench --bench scale -- plan`
//! reads that table from the page, simulates nights with it, and prints the tables of the plan.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it finds")]

#[path = "../made_up/mod.rs"]
#[expect(dead_code, reason = "another benchmark uses more of it")]
mod made_up;
#[path = "../district/measure.rs"]
mod measure;
#[path = "../district/page.rs"]
mod page;
mod plan;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use made_up::files::{Form, platform, roster};
use made_up::people::Day;
use measure::{NOW, SAID};
use plan::{CLASSES, NIGHTS};
use serde::Deserialize;

const PROGRAM: &str = env!("CARGO_BIN_EXE_rostersync");
const HELP: &str = "Usage: cargo bench --bench scale -- costs [PAGE] | plan [PAGE]";

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match given.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [measure::CHILD, ..] => {
            measure::child(&given[1..]);
            ExitCode::SUCCESS
        }
        ["costs"] => show_costs(None),
        ["costs", page] => show_costs(Some(Path::new(page))),
        ["plan"] => show_plan(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale.md")),
        ["plan", page] => show_plan(Path::new(page)),
        _ => {
            eprintln!("{HELP}");
            ExitCode::from(2)
        }
    }
}

fn show_plan(page: &Path) -> ExitCode {
    let page = fs::read_to_string(page).map_err(|cause| cause.to_string());
    match page.and_then(|page| plan::costs(&page)) {
        Ok(costs) => {
            print!("{}", plan::markdown(&costs));
            ExitCode::SUCCESS
        }
        Err(mistake) => {
            eprintln!("error: {mistake}");
            ExitCode::FAILURE
        }
    }
}

/// Measures all sizes, and puts the table into a page if there is one.
fn show_costs(page: Option<&Path>) -> ExitCode {
    let mut table =
        "| users | night | wall s | CPU s | peak MiB | written MB | store MB | report MB | messages |\n\
                     |---|---|---|---|---|---|---|---|---|\n"
            .to_owned();
    for (_, users) in CLASSES {
        eprintln!("{users} users …");
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder to work in");
        let district = District { folder: folder.path(), users, rounds: if users > 100_000 { 1 } else { 5 } };
        table.push_str(&district.measure());
    }
    print!("{table}");
    match page.map_or(Ok(()), |page| page::put(page, "costs", &table)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(mistake) => {
            eprintln!("error: {mistake}");
            ExitCode::FAILURE
        }
    }
}

/// What is wanted of the summary of a run.
#[derive(Deserialize)]
struct Said {
    notifications: Notifications,
}

#[derive(Deserialize)]
struct Notifications {
    email: u64,
}

struct District<'a> {
    folder: &'a Path,
    users: u64,
    rounds: usize,
}

impl District<'_> {
    /// The rows of the table.
    fn measure(&self) -> String {
        for (name, day) in [("day1", Day::One), ("day2", Day::Two), ("moved", Day::Moved)] {
            roster(&self.at(name), self.users, day, Form::V1p1).expect("a OneRoster export");
        }
        platform(&self.at("platform.csv"), self.users).expect("the platform's export");
        self.configure();
        let forget = || {
            let _ = fs::remove_dir_all(self.at("reports"));
            for file in ["store.db", "store.db.attempts"] {
                let _ = fs::remove_file(self.at(file));
            }
        };
        let mut rows = self.night(NIGHTS[0], "day1", &forget);
        for _ in 0..2 {
            self.run(&["-q", "run", "--source", "day1"]);
        }
        rows.push_str(&self.night(NIGHTS[1], "day1", &|| {}));
        fs::copy(self.at("store.db"), self.at("kept.db")).expect("a copy of the store");
        let begin = || {
            forget();
            fs::copy(self.at("kept.db"), self.at("store.db")).expect("the store that was kept");
            let copy = fs::File::options().write(true).open(self.at("store.db")).expect("the store");
            copy.sync_all().expect("the store on the disk");
        };
        for (name, folder) in [(NIGHTS[2], "day2"), (NIGHTS[3], "moved")] {
            rows.push_str(&self.night(name, folder, &begin));
        }
        rows
    }

    /// Measures a run over the export in that folder: its row.
    fn night(&self, name: &str, folder: &str, before: &dyn Fn()) -> String {
        let command = ["-c", "rostersync.toml", "run", "--format", "json", "--source", folder];
        let command: Vec<String> = [PROGRAM].iter().chain(&command).map(ToString::to_string).collect();
        let found = measure::measure(&command, self.folder, self.rounds, before);
        let said = fs::read(self.at(SAID)).expect("what the run printed");
        let said: Said = serde_json::from_slice(&said).expect("JSON");
        let messages = said.notifications.email;
        let size = |path: PathBuf| fs::metadata(path).map_or(0.0, |found| found.len() as f64 / 1e6);
        let reports = fs::read_dir(self.at("reports")).expect("the reports");
        let report = reports.map(|entry| entry.expect("a report").path()).max().expect("a report");
        format!(
            "| {} | {name} | {:.3} | {:.3} | {:.0} | {:.1} | {:.1} | {:.1} | {messages} |\n",
            self.users,
            found.wall,
            found.cpu,
            found.peak_mib,
            found.written_mb,
            size(self.at("store.db")),
            size(report),
        )
    }

    fn run(&self, arguments: &[&str]) {
        let mut program = Command::new(PROGRAM);
        program.args(["-c", "rostersync.toml"]).args(arguments).current_dir(self.folder);
        let done = program.env(NOW.0, NOW.1).output().expect("the program runs");
        assert!(done.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// ON, and always a quiet hour: messages are queued, and their sending is not measured.
    fn configure(&self) {
        let config = "[sync]\nupdate_contacts = true\nstore = \"store.db\"\nreports = \"reports\"\ntimezone = \"UTC\"\n\
             [source]\ntype = \"oneroster-csv\"\npath = \"day1\"\n\
             [platform]\nusers = \"platform.csv\"\nmax_age = \"none\"\n\
             [limits]\narchive = \"100%\"\ncontact_updates = \"100%\"\nnotifications = 100000000\ncredentials = \"100%\"\n\
             created = \"100%\"\npending_updates = \"100%\"\nhistory = false\n\
             [notify.email]\nserver = \"file:mail\"\nfrom = \"no-reply@lincoln.example\"\nquiet_hours = \"00:00-23:59\"\n";
        fs::write(self.at("rostersync.toml"), config).expect("a configuration");
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }
}
