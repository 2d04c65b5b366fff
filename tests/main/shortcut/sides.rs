//! The same nights on several stores: one is always decided anew, the others take the shortcut
//! where they may.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use rostersync::config::Config;
use rostersync::run::{Options, Progress, RunContext, run};
use rusqlite::Connection;
use tempfile::TempDir;

use super::seen::{Difference, Seen, compare, dump, folder_lines, lines, outcome, take};
use super::tamper::Hand;
use super::world::World;
use crate::support::{Report, folder};

/// `all` is the right answer. `some` skips unchanged users on some nights and decides all users on
/// others.
pub(super) const NAMES: [&str; 3] = ["all", "none", "some"];

/// Where a night is tried that does not count.
const TRIED: &str = "tried";

pub(super) struct Sides {
    folder: TempDir,
    count: usize,
    /// For each side, its store after each night.
    history: Vec<Vec<Option<Vec<u8>>>>,
}

fn name(side: usize) -> &'static str {
    NAMES.get(side).copied().unwrap_or(TRIED)
}

/// Standard output is no terminal.
struct Silent;

impl Progress for Silent {
    fn begin(&self, _: &'static str, _: Option<u64>) {}
    fn at(&self, _: u64) {}
    fn end(&self) {}
    fn reached(&self, _: u64, _: u64) {}
}

impl Sides {
    /// The first so many of [`NAMES`].
    pub(super) fn new(count: usize) -> Self {
        let folder = folder();
        for name in &NAMES[..count] {
            fs::create_dir(folder.path().join(name)).unwrap();
        }
        Self { folder, count, history: vec![Vec::new(); count] }
    }

    fn store(&self, side: usize) -> PathBuf {
        self.folder.path().join(name(side)).join("rostersync.db")
    }

    /// Lets a night happen everywhere; what it was like, where that was the same.
    pub(super) fn night(&mut self, world: &World) -> Result<Seen, Difference> {
        self.prepare(world);
        let said = self.by_hand(world);
        let mut seen: Option<Seen> = None;
        for (side, said) in said.into_iter().enumerate() {
            let decide_all = side == 0 || side == 2 && world.tonight.coin;
            let here = self.look(side, world, decide_all, said);
            match &seen {
                None => seen = Some(here),
                Some(right) => compare(right, &here, name(side))?,
            }
        }
        for side in 0..self.count {
            let bytes = fs::read(self.store(side)).ok();
            self.history[side].push(bytes);
        }
        Ok(seen.unwrap())
    }

    /// The same night once more, with its rows in another order, on a copy of the store that is
    /// right.
    pub(super) fn again(&self, world: &World) -> Seen {
        let tried = NAMES.len();
        let place = self.folder.path().join(TRIED);
        let _ = fs::remove_dir_all(&place);
        fs::create_dir(&place).unwrap();
        if self.store(0).exists() {
            fs::copy(self.store(0), self.store(tried)).unwrap();
        }
        let mut world = world.clone();
        world.files.order ^= 0xA5A5;
        world.files.crlf = !world.files.crlf;
        world.write(self.folder.path());
        self.look(tried, &world, true, Vec::new())
    }

    /// The store that is right.
    pub(super) fn right(&self) -> Connection {
        Connection::open(self.store(0)).unwrap()
    }

    /// Writes what tonight's runs will read.
    pub(super) fn prepare(&self, world: &World) {
        world.write(self.folder.path());
        for name in &NAMES[..self.count] {
            fs::write(self.folder.path().join(format!("{name}.toml")), world.config(name)).unwrap();
        }
    }

    /// What is kept of a moment.
    pub(super) fn moment(&self) -> Vec<Vec<Option<Vec<u8>>>> {
        self.history.clone()
    }

    /// Goes back to a moment, at the end of a night.
    pub(super) fn go_back(&mut self, moment: &[Vec<Option<Vec<u8>>>]) {
        self.history = moment.to_vec();
        for side in 0..self.count {
            let last = self.history[side].last().cloned().flatten();
            self.put_store(side, last.as_deref());
            for place in ["reports", "mail"] {
                let _ = fs::remove_dir_all(self.folder.path().join(name(side)).join(place));
            }
        }
    }

    fn put_store(&self, side: usize, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => fs::write(self.store(side), bytes).unwrap(),
            None => {
                let _ = fs::remove_file(self.store(side));
            }
        }
    }

    /// Does to every side's store what is done by hand, in this order; what the program said to it.
    fn by_hand(&self, world: &World) -> Vec<Vec<String>> {
        let mut said = vec![Vec::new(); self.count];
        for hand in &world.tonight.by_hand {
            let before: Vec<Option<Vec<u8>>> =
                (0..self.count).map(|side| fs::read(self.store(side)).ok()).collect();
            for side in 0..self.count {
                match hand {
                    Hand::Users(arguments) => {
                        let own = arguments.iter().map(String::as_str);
                        let arguments: Vec<&str> = std::iter::once("users").chain(own).collect();
                        said[side].extend(self.program(side, world, &arguments));
                    }
                    Hand::Sql(_) if before[side].is_none() => {}
                    Hand::Sql(text) => {
                        let store = Connection::open(self.store(side)).unwrap();
                        let text = format!("PRAGMA foreign_keys = OFF; BEGIN; {text}; COMMIT");
                        store.execute_batch(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
                    }
                    Hand::Restore(nights) => {
                        let earlier = self.history[side].iter().rev().nth(*nights).cloned().flatten();
                        self.put_store(side, earlier.as_deref());
                    }
                    Hand::Replace(bytes) => self.put_store(side, Some(bytes)),
                    Hand::Exchange => {
                        self.put_store(side, before[(side + 1) % self.count].as_deref());
                    }
                }
            }
        }
        said
    }

    /// Runs the program itself; all that it says, with the side's name taken out.
    pub(super) fn program(&self, side: usize, world: &World, arguments: &[&str]) -> Vec<String> {
        let output = Command::new(env!("CARGO_BIN_EXE_rostersync"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("ROSTERSYNC_NOW", world.now.to_rfc3339())
            .env("ROSTERSYNC_ALLOW_ROOT", "true")
            .env("ROSTERSYNC_CONFIG", format!("{}.toml", name(side)))
            .output()
            .unwrap();
        let text = format!(
            "{:?}\n{}\n{}",
            output.status.code(),
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        );
        self.nameless(side, &text)
    }

    fn nameless(&self, side: usize, text: &str) -> Vec<String> {
        let own = format!("{}/", name(side));
        let config = format!("{}.toml", name(side));
        let folder = format!("{}/", self.folder.path().display());
        // A line of the log begins with the machine's time.
        let timeless = |line: &str| match line.split_once("Z ") {
            Some((time, rest)) if time.parse::<chrono::NaiveDateTime>().is_ok() => rest.to_owned(),
            Some(_) | None => line.to_owned(),
        };
        text.lines()
            .map(|line| {
                timeless(line).replace(&folder, "").replace(&own, "SIDE/").replace(&config, "SIDE.toml")
            })
            .collect()
    }

    /// Previews, runs, and looks at everything that came of it.
    fn look(&self, side: usize, world: &World, decide_all: bool, said: Vec<String>) -> Seen {
        let place = self.folder.path().join(name(side));
        let text = world.config(name(side));
        let config = Config::parse(&text, &self.folder.path().join("rostersync.toml"))
            .unwrap_or_else(|failure| panic!("{failure}\n{text}"));
        let context = RunContext { now: world.now, progress: &Silent, stop: &|| None };
        let mut parts = vec![("what was said to what was done by hand", said)];

        let before = fs::read(self.store(side)).ok();
        let preview = Options {
            no_notify: world.tonight.no_notify,
            report: Some(place.join("preview.csv")),
            decide_all,
            ..Options::default()
        };
        let (mut checksum, mut is_step) = (None, false);
        let what_if = world.tonight.what_if.map(|on| Options { what_if: Some(on), ..preview.clone() });
        let dry_runs = what_if.into_iter().map(|options| ("what-if", "what-if's report", options));
        for (name, report, options) in dry_runs.chain([("preview", "preview's report", preview)]) {
            let done = rostersync::run::preview(&config, &options, &context);
            checksum = done.as_ref().ok().map(|outcome| outcome.plan.checksum.clone());
            // On most nights the step to ON is approved at once.
            is_step = done.as_ref().is_ok_and(|outcome| {
                outcome.blocked && outcome.overruns.iter().all(|overrun| overrun.limit == "update_contacts")
            });
            parts.push((name, self.nameless(side, &outcome(&done))));
            parts.push((report, take(&place.join("preview.csv"))));
        }
        assert!(fs::read(self.store(side)).ok() == before, "a dry run wrote to the store");

        let approve = checksum.filter(|_| world.tonight.approve || is_step && world.tonight.tight.is_empty());
        let no_notify = world.tonight.no_notify;
        let done = run(&config, &Options { no_notify, approve, decide_all, ..Options::default() }, &context);
        let report = done.as_ref().ok().and_then(|outcome| outcome.report.clone());
        let report = report.map(|path| fs::read(path).unwrap()).unwrap_or_default();
        parts.push(("run", self.nameless(side, &outcome(&done))));
        parts.push(("report", lines(&report)));
        parts.push(("reports", folder_lines(&place.join("reports"), false)));
        parts.push(("store", dump(&self.store(side))));
        parts.push(("mail", folder_lines(&place.join("mail"), true)));
        let result = match &done {
            Ok(outcome) if outcome.blocked => "blocked".to_owned(),
            Ok(outcome) if outcome.partial => "partial".to_owned(),
            Ok(_) => "ok".to_owned(),
            Err(failure) => format!("{:?}", failure.kind),
        };
        Seen { parts, report: Report::parse(&report), result }
    }
}
