//! A made-up district on the disk: its files, its configurations, and the program run on them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::made_up::files::{Form, platform, roster};
use crate::made_up::people::Day;
use crate::measure::NOW;
use crate::pages::{PAGE, pages};
use crate::server::{self, TOKEN};

/// The configuration that asks the server.
pub(crate) const SERVED: &str = "served.toml";

/// The configuration without the platform's export.
pub(crate) const UNJOINED: &str = "unjoined.toml";

/// The platform's export, of day 1.
const EXPORT: &str = "[platform]\nusers = \"platform.csv\"\nmax_age = \"none\"\n";

/// A store after some nights of day 1, with which measured nights begin.
#[derive(Clone, Copy)]
pub(crate) enum Kept {
    Off,
    On,
    /// The setting OFF, and the platform's export never read.
    Unjoined,
}

impl Kept {
    pub(crate) fn under(on: bool) -> Self {
        if on { Self::On } else { Self::Off }
    }

    fn file(self) -> &'static str {
        match self {
            Self::Off => "kept-off.db",
            Self::On => "kept-on.db",
            Self::Unjoined => "kept-unjoined.db",
        }
    }
}

pub(crate) struct District {
    program: PathBuf,
    pub(crate) folder: PathBuf,
    pub(crate) users: u64,
}

impl District {
    /// Writes the files of both days, and serves those of the first.
    pub(crate) fn make(program: &Path, folder: &Path, users: u64) -> Self {
        eprintln!("{} users: making the district …", crate::grouped(users));
        let district = Self { program: program.to_owned(), folder: folder.to_owned(), users };
        std::thread::scope(|scope| {
            scope.spawn(|| district.export("day1", Day::One, Form::V1p1));
            scope.spawn(|| district.export("day2", Day::Two, Form::V1p1));
            if !district.is_large() {
                scope.spawn(|| district.serve());
            }
        });
        platform(&district.at("platform.csv"), users).expect("the platform's export");
        let files = "type = \"oneroster-csv\"\npath = \"day2\"\n";
        district.configure("off.toml", false, files, EXPORT);
        district.configure("on.toml", true, files, EXPORT);
        district.configure(UNJOINED, false, files, "");
        district
    }

    /// Of so many users only a few nights are checked and measured: all of them would need too much
    /// of the disk.
    pub(crate) fn is_large(&self) -> bool {
        self.users > 3_000_000
    }

    fn configure(&self, name: &str, on: bool, source: &str, platform: &str) {
        let config = format!(
            "[sync]\nupdate_contacts = {on}\nstore = \"store.db\"\nreports = \"reports\"\ntimezone = \"UTC\"\n\
             [source]\n{source}{platform}\
             [limits]\narchive = \"100%\"\ncontact_updates = \"100%\"\nnotifications = 100000000\ncredentials = \"100%\"\ncreated = \"100%\"\npending_updates = \"100%\"\nhistory = false\n"
        );
        fs::write(self.at(name), config).expect("a configuration");
    }

    /// Day 1 as a server on this machine has it.
    fn serve(&self) {
        let folder = self.at("day1-pages");
        let count = pages(&folder, self.users, Day::One).expect("pages");
        let address = server::start(&folder, count).expect("a server");
        let source = format!(
            "type = \"oneroster-api\"\nurl = \"http://{address}/ims/oneroster/v1p1\"\npage_size = {PAGE}\n\
             [source.auth]\ntype = \"bearer\"\ntoken = \"{TOKEN}\"\n[source.http]\nproxy = \"none\"\n"
        );
        self.configure(SERVED, false, &source, EXPORT);
    }

    pub(crate) fn export(&self, name: &str, day: Day, form: Form) {
        roster(&self.at(name), self.users, day, form).expect("a OneRoster export");
    }

    /// The files of the nights when much moves.
    pub(crate) fn export_moved(&self) {
        std::thread::scope(|scope| {
            scope.spawn(|| self.export("day1-v1p2", Day::One, Form::V1p2));
            scope.spawn(|| self.export("moved", Day::Moved, Form::V1p1));
            scope.spawn(|| self.export("moved-shuffled", Day::Moved, Form::Shuffled));
        });
    }

    pub(crate) fn at(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The program's command line.
    pub(crate) fn command(&self, config: &str, arguments: &[&str]) -> Vec<String> {
        let mut command = vec![self.program.display().to_string(), "-q".to_owned()];
        // `--help` needs none.
        if !config.is_empty() {
            command.extend(["-c".to_owned(), self.at(config).display().to_string()]);
        }
        command.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        command
    }

    /// Runs `run`, and returns its report.
    pub(crate) fn sync(&self, config: &str, arguments: &[&str]) -> PathBuf {
        self.run(config, arguments);
        self.last_report()
    }

    /// Runs `run`, and approves the step to ON; any other end than 0 is the end of the benchmark.
    pub(crate) fn run(&self, config: &str, arguments: &[&str]) {
        let mut all = vec!["run", "--no-notify"];
        all.extend(arguments);
        let command = self.command(config, &all);
        let mut program = Command::new(&command[0]);
        let done = program.args(&command[1..]).env(NOW.0, NOW.1).current_dir(&self.folder).output();
        let done = done.expect("the program runs");
        let said = String::from_utf8_lossy(&done.stdout);
        match said.split_once("--approve ").filter(|_| said.contains("ON for the first time")) {
            Some((_, checksum)) if !arguments.contains(&"--approve") => {
                let checksum = checksum.split_whitespace().next().expect("a checksum");
                self.run(config, &[arguments, &["--approve", checksum]].concat());
            }
            _ => assert!(done.status.success(), "{command:?}\n{said}"),
        }
    }

    /// Run numbers have six digits, so the last name is the last run.
    fn last_report(&self) -> PathBuf {
        let reports = fs::read_dir(self.at("reports")).expect("the reports");
        let paths = reports.map(|entry| entry.expect("a report").path());
        paths.max().expect("a report")
    }

    pub(crate) fn forget_reports(&self) {
        let _ = fs::remove_dir_all(self.at("reports"));
        // The record of runs without the store that was put aside would be taken for a lost store.
        let _ = fs::remove_file(self.at("store.db.attempts"));
    }

    /// No store, no report.
    pub(crate) fn forget(&self) {
        self.forget_reports();
        let _ = fs::remove_file(self.at("store.db"));
    }

    /// Keeps the store as it is now, to begin with again.
    pub(crate) fn keep_store(&self, kept: Kept) {
        fs::copy(self.at("store.db"), self.at(kept.file())).expect("a copy of the store");
    }

    /// Begins with the store that was kept, all of it on the disk: what the system still has to
    /// write of a copy would be counted as the time of another program.
    pub(crate) fn begin(&self, kept: Kept) {
        self.forget();
        fs::copy(self.at(kept.file()), self.at("store.db")).expect("the store that was kept");
        let copy = File::options().write(true).open(self.at("store.db")).expect("the store");
        copy.sync_all().expect("the store on the disk");
    }

    /// Whether `run` has this option: the benchmark may be older or newer than the program.
    pub(crate) fn run_knows(&self, option: &str) -> bool {
        let help = Command::new(&self.program).args(["run", "--help"]).output().expect("the program runs");
        let help = String::from_utf8_lossy(&help.stdout).into_owned();
        help.split_whitespace().any(|word| word == option)
    }
}
