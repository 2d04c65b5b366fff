//! The project's own benchmark: whole runs over made-up districts, each held against its answers.
//!
//! `cargo bench --bench district` prints the table for 10 k and 100 k users; `-- 1000000 3000000` for those sizes. Wall
//! and CPU seconds and peak memory of the whole process, the median of several runs, and ratios against
//! `sqlite3 .import` and a plain Python script that are run in the same go. `-- --check 100000` only checks the answers.

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it finds")]

mod generate;
mod measure;

use std::collections::HashMap;
use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::{Path, PathBuf};
use std::process::Command;

use generate::Version;
use measure::{Figures, measure};

const PROGRAM: &str = env!("CARGO_BIN_EXE_rostersync");

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == measure::CHILD
    {
        return measure::child(rest);
    }
    let check_only = arguments.iter().any(|argument| argument == "--check");
    let mut sizes: Vec<u64> = arguments.iter().filter_map(|argument| argument.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![10_000, 100_000];
    }
    for users in sizes {
        let folder = tempfile::tempdir_in(scratch()).expect("a folder to work in");
        let district = District::make(folder.path().to_owned(), users);
        district.check();
        if !check_only {
            district.bench();
        }
    }
}

/// Where the districts are made: a disk, not a RAM disk, and not the system's temporary folder, which may be one.
fn scratch() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned();
    fs::create_dir_all(&target).expect("a folder in target/");
    target
}

/// What of a report's row is compared.
#[derive(PartialEq)]
struct Row {
    action: String,
    notes: String,
    /// Of all cells that are compared.
    digest: u64,
}

struct District {
    folder: PathBuf,
    users: u64,
    /// Best of so many; fewer for what takes long.
    rounds: usize,
}

impl District {
    fn make(folder: PathBuf, users: u64) -> Self {
        eprintln!("making a district of {users} users …");
        let district = Self { folder, users, rounds: if users > 200_000 { 3 } else { 7 } };
        let at = |name: &str| district.folder.join(name);
        generate::roster(&at("day1"), users, 1, Version::V1p1, false).expect("day 1");
        generate::roster(&at("day2"), users, 2, Version::V1p1, false).expect("day 2");
        generate::roster(&at("day2-permuted"), users, 2, Version::V1p1, true).expect("day 2, permuted");
        generate::roster(&at("day2-v1p2"), users, 2, Version::V1p2, false).expect("day 2 as 1.2");
        generate::platform(&at("platform.csv"), users).expect("the platform's export");
        for (name, on) in [("off.toml", false), ("on.toml", true)] {
            let config = format!(
                "[sync]\nupdate_contacts = {on}\nstore = \"store.db\"\nreports = \"reports\"\ntimezone = \"UTC\"\n\
                 [source]\ntype = \"oneroster-csv\"\npath = \"day2\"\n\
                 [platform]\nusers = \"platform.csv\"\nmax_age = \"none\"\n\
                 [limits]\narchive = \"100%\"\ncontact_updates = \"100%\"\nnotifications = 100000000\n"
            );
            fs::write(at(name), config).expect("a configuration");
        }
        // The store of day 1, which every measured run starts from.
        district.forget();
        district.sync("off.toml", &["--source", "day1"]);
        fs::copy(at("store.db"), at("day1.db")).expect("a copy of the store");
        district
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn command(&self, config: &str, arguments: &[&str]) -> Vec<String> {
        let config = self.at(config).display().to_string();
        let mut command = vec![PROGRAM.to_owned(), "-q".into(), "-c".into(), config];
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        command
    }

    fn sync(&self, config: &str, arguments: &[&str]) {
        let mut all = vec!["run"];
        all.extend(arguments);
        let command = self.command(config, &all);
        let done = Command::new(&command[0]).args(&command[1..]).current_dir(&self.folder).status();
        assert!(done.expect("the program runs").success(), "{command:?}");
    }

    fn forget(&self) {
        let _ = fs::remove_dir_all(self.at("reports"));
        let _ = fs::remove_file(self.at("store.db"));
    }

    fn begin_with_day1(&self) {
        self.forget();
        fs::copy(self.at("day1.db"), self.at("store.db")).expect("the store of day 1");
    }

    /// Holds the reports against the answers, and those of a permuted file and of 1.2 against that of 1.1.
    fn check(&self) {
        for (config, on) in [("off.toml", false), ("on.toml", true)] {
            self.begin_with_day1();
            self.sync(config, &["--no-notify"]);
            let report = self.report(2);
            let answers = generate::answers(self.users, on);
            assert_eq!(report.len(), answers.len(), "a row for each user");
            for (id, answer) in &answers {
                let row = &report[id];
                assert_eq!((row.action.as_str(), &row.notes), (answer.0, &answer.1), "{id}, ON: {on}");
            }
            for other in ["day2-permuted", "day2-v1p2"] {
                self.begin_with_day1();
                self.sync(config, &["--no-notify", "--source", other]);
                assert!(self.report(2) == report, "{other} must give the same rows, ON: {on}");
            }
            self.begin_with_day1();
            self.sync(config, &["--no-notify"]);
            self.sync(config, &["--no-notify"]);
            let again = self.report(3);
            let changed =
                again.values().filter(|row| !matches!(row.action.as_str(), "kept" | "unchanged")).count();
            assert_eq!(changed, 0, "a second run changes nothing, ON: {on}");
        }
        eprintln!(
            "{} users: every action and note is as it must be, OFF and ON, in any order, as 1.1 and 1.2",
            self.users
        );
    }

    /// The report of a run, by sourcedId; without what depends on the form of the file (line, SIS cells as written).
    fn report(&self, run: u64) -> HashMap<String, Row> {
        let mut reader =
            csv::Reader::from_path(self.at(&format!("reports/users-{run:06}.csv"))).expect("the report");
        let headers = reader.headers().expect("headers").clone();
        let place = |name: &str| headers.iter().position(|header| header == name).expect("a column");
        let (id, action, notes) = (place("sourced_id"), place("action"), place("notes"));
        let compared: Vec<usize> = (0..headers.len())
            .filter(|column| !headers[*column].ends_with("line") && !headers[*column].starts_with("sis_"))
            .collect();
        let mut rows = HashMap::new();
        for record in reader.records() {
            let record = record.expect("a row");
            let mut digest = DefaultHasher::new();
            compared.iter().for_each(|column| record[*column].hash(&mut digest));
            let row = Row {
                action: record[action].to_owned(),
                notes: record[notes].to_owned(),
                digest: digest.finish(),
            };
            rows.insert(record[id].to_owned(), row);
        }
        rows
    }

    /// Measures and prints the table.
    fn bench(&self) {
        let users_csv = self.at("day2/users.csv");
        let nothing = || {};
        let rounds = self.rounds;
        let import = self.import(&users_csv, rounds);
        println!(
            "\n## {} users ({} MB)\n",
            self.users,
            fs::metadata(&users_csv).map_or(0, |found| found.len() >> 20)
        );
        println!("| job | wall s | CPU s | peak MiB | × sqlite3 .import | python script ÷ it |");
        println!("|---|---|---|---|---|---|");
        if let Some(import) = &import {
            println!("| `sqlite3 .import`, no key | {import} | 1.00 | |");
        } else {
            println!("| `sqlite3 .import` | left out: sqlite3 is not installed | | | | |");
        }
        let python = self.python();
        if let Some(python) = &python {
            println!("| python csv + sqlite3, day 2 | {python} | | 1.00 |");
        } else {
            println!("| python script | left out: python3 is not installed | | | | |");
        }
        let print = |name: &str, figures: Figures| {
            let ratio = |other: &Option<Figures>, turned: bool| match other {
                Some(other) if turned => format!("{:.1}", other.wall / figures.wall),
                Some(other) => format!("{:.2}", figures.wall / other.wall),
                None => String::new(),
            };
            println!("| {name} | {figures} | {} | {} |", ratio(&import, false), ratio(&python, true));
        };
        let run = |config: &str, arguments: &[&str], before: &dyn Fn()| {
            measure(&self.command(config, arguments), &self.folder, rounds, before)
        };
        print("first load", run("off.toml", &["run", "--source", "day1"], &|| self.forget()));
        self.begin_with_day1();
        self.sync("off.toml", &["--source", "day1"]);
        print("nothing changed", run("off.toml", &["run", "--source", "day1"], &nothing));
        print("day 2, OFF", run("off.toml", &["run"], &|| self.begin_with_day1()));
        print("day 2, ON (nobody told)", run("on.toml", &["run", "--no-notify"], &|| self.begin_with_day1()));
        self.begin_with_day1();
        print("day 2, dry run", run("off.toml", &["run", "--dry-run", "--report", "/dev/null"], &nothing));
        self.begin_with_day1();
        print(
            "day 2 as OneRoster 1.2, dry run",
            run("off.toml", &["run", "--dry-run", "--source", "day2-v1p2"], &nothing),
        );
        self.sync("off.toml", &[]);
        print("report --sort notes", {
            let report = ["report", "--sort", "notes", "--format", "csv", "-o", "sorted.csv"];
            run("off.toml", &report, &nothing)
        });
        let file = self.at("reports/users-000002.csv").display().to_string();
        let sort = format!("LC_ALL=C sort -t, -k20 {file} > sorted.txt");
        print(
            "`sort` of that report, by the same column",
            measure(&["sh".into(), "-c".into(), sort], &self.folder, rounds, &nothing),
        );
        print("--help", run("off.toml", &["--help"], &nothing));
    }

    fn import(&self, users_csv: &Path, rounds: usize) -> Option<Figures> {
        Command::new("sqlite3").arg("--version").output().ok()?;
        let db = self.at("import.db");
        let import = format!(".import {} users", users_csv.display());
        let command = ["sqlite3".into(), "-csv".into(), db.display().to_string(), import];
        Some(measure(&command, &self.folder, rounds, &|| {
            let _ = fs::remove_file(&db);
        }))
    }

    /// The job as a data engineer would script it: files into a table, compare, update, write a report.
    fn python(&self) -> Option<Figures> {
        Command::new("python3").arg("--version").output().ok()?;
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/benches/district/baseline.py");
        let db = self.at("python.db");
        let command = |day: &str| -> Vec<String> {
            [
                "python3",
                script,
                &db.display().to_string(),
                &self.at(day).join("users.csv").display().to_string(),
            ]
            .map(str::to_owned)
            .to_vec()
        };
        let _ = fs::remove_file(&db);
        measure(&command("day1"), &self.folder, 1, &|| {});
        Some(measure(&command("day2"), &self.folder, 1, &|| {}))
    }
}
