//! The correctness part: whole reports, held row by row against the answers and byte by byte
//! against each other.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use csv::ByteRecord;
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::answers::{Before, Night};
use crate::district::{District, Kept, SERVED, UNJOINED};
use crate::made_up::files::Form;
use crate::made_up::people::Day;

/// Decides every record afresh, whatever is remembered of the last run. Tried where the program has
/// it.
const AFRESH: &str = "--decide-all";

/// The same files every night.
pub(crate) const DAY1: &[&str] = &["--source", "day1"];
pub(crate) const V1P2: &[&str] = &["--source", "day1-v1p2"];
pub(crate) const MOVED: &[&str] = &["--source", "moved"];
pub(crate) const SHUFFLED: &[&str] = &["--source", "moved-shuffled"];

/// Holds every night that a district may have against what it must do and say. Leaves a store for
/// each setting, after some nights of day 1: nothing new for a night or two is what a district
/// mostly comes from.
pub(crate) fn check(district: &District) {
    let users = district.users;
    let mut runs = Runs { district, count: 0 };
    if district.is_large() {
        runs.settle_large(true);
        eprintln!(
            "{} users: a first load and a night without changes are as they must be, OFF",
            crate::grouped(users)
        );
        return;
    }
    runs.settle(true);
    district.export("day2-shuffled", Day::Two, Form::Shuffled);
    district.export("day2-v1p2", Day::Two, Form::V1p2);
    let has_afresh = district.run_knows(AFRESH);
    for (config, other, on) in [("off.toml", "on.toml", false), ("on.toml", "off.toml", true)] {
        let night = |on, before| Night { users, day: Day::Two, on, before };
        let say = if on { "ON" } else { "OFF" };
        eprintln!(
            "{} users: holding the runs of day 2 against their answers, {say} …",
            crate::grouped(users)
        );

        // From nights under the other setting, all of it new at once; then from nights under the
        // same.
        district.begin(Kept::under(!on));
        let report = runs.sync(config, &[]);
        let before = Before::Day1 { on: !on };
        hold(&report, night(on, before), Form::V1p1, &format!("day 2, {say} since today"));
        district.begin(Kept::under(on));
        let report = runs.sync(config, &[]);
        let sums = hold(&report, night(on, Before::Day1 { on }), Form::V1p1, &format!("day 2, {say}"));
        let first = keep(district, &report, "first.csv");
        let after = Before::Day2 { on, day1_on: on };
        let report = runs.sync(config, &[]);
        hold(&report, night(on, after), Form::V1p1, &format!("day 2 again, {say}"));
        let again = runs.sync(config, &[]);
        same_bytes(&report, &again, &format!("day 2 a third time, {say}"));
        let again = keep(district, &again, "again.csv");

        // The setting turned round, and back.
        let report = runs.sync(other, &[]);
        let turned = night(!on, after);
        hold(&report, turned, Form::V1p1, &format!("day 2, {say} until yesterday"));
        let report = runs.sync(config, &[]);
        let turned_back = night(on, Before::Day2 { on: true, day1_on: on });
        hold(&report, turned_back, Form::V1p1, &format!("day 2, {say} as before yesterday"));

        if has_afresh {
            district.begin(Kept::under(on));
            let report = runs.sync(config, &[AFRESH]);
            same_bytes(&first, &report, &format!("day 2, {say}, {AFRESH}"));
            runs.sync(config, &[]);
            let report = runs.sync(config, &[AFRESH]);
            same_bytes(&again, &report, &format!("day 2 a third time, {say}, {AFRESH}"));
        }

        // What if, under the other setting's configuration: the report that the real run gave.
        district.begin(Kept::under(on));
        let value = if on { "on" } else { "off" };
        runs.run(other, &["--dry-run", "--update-contacts", value, "--report", "preview.csv"]);
        same_bytes(&first, &district.at("preview.csv"), &format!("dry run of day 2, {say}"));

        for (folder, form) in [("day2-shuffled", Form::Shuffled), ("day2-v1p2", Form::V1p2)] {
            district.begin(Kept::under(on));
            let report = runs.sync(config, &["--source", folder]);
            let others = hold(&report, night(on, Before::Day1 { on }), form, &format!("{folder}, {say}"));
            same_columns(&sums, &others, &format!("{folder}, {say}"));
        }
    }
    for folder in ["day2-shuffled", "day2-v1p2"] {
        fs::remove_dir_all(district.at(folder)).expect("an export that has served");
    }
    runs.moved();
    runs.served();
    let afresh =
        if has_afresh { "with and without --decide-all" } else { "(--decide-all left out: there is none)" };
    eprintln!(
        "{} users: in {} runs every row is as it must be: first load, nothing changed, day 2 OFF and ON, again, turned \
         round and back, as a preview, in any order, as 1.1 and 1.2, 27% moved, the first export of the platform, over \
         HTTP, {afresh}",
        crate::grouped(users),
        runs.count
    );
}

/// The same store as after a check, with nothing held against anything.
pub(crate) fn settle(district: &District) {
    let mut runs = Runs { district, count: 0 };
    if district.is_large() {
        runs.settle_large(false);
    } else {
        runs.settle(false);
    }
}

struct Runs<'a> {
    district: &'a District,
    count: u32,
}

impl Runs<'_> {
    fn run(&mut self, config: &str, arguments: &[&str]) {
        self.count += 1;
        self.district.run(config, arguments);
    }

    fn sync(&mut self, config: &str, arguments: &[&str]) -> PathBuf {
        self.count += 1;
        self.district.sync(config, arguments)
    }

    /// The nights when much moves, OFF and ON: 27% of the rows, in order and in random order; another
    /// form of the same data; the first export of the platform.
    fn moved(&mut self) {
        let (district, users) = (self.district, self.district.users);
        district.export_moved();
        for (config, on) in [("off.toml", false), ("on.toml", true)] {
            let say = if on { "ON" } else { "OFF" };
            let night = |day, before| Night { users, day, on, before };
            let day1 = Before::Day1 { on };
            district.begin(Kept::under(on));
            let report = self.sync(config, MOVED);
            let sums = hold(&report, night(Day::Moved, day1), Form::V1p1, &format!("27% moved, {say}"));
            let again = self.sync(config, MOVED);
            let again = keep(district, &again, "again.csv");
            if district.run_knows(AFRESH) {
                let report = self.sync(config, &[MOVED, &[AFRESH]].concat());
                same_bytes(&again, &report, &format!("27% moved again, {say}, {AFRESH}"));
            }
            district.begin(Kept::under(on));
            let report = self.sync(config, SHUFFLED);
            let what = format!("27% moved in random order, {say}");
            same_columns(&sums, &hold(&report, night(Day::Moved, day1), Form::Shuffled, &what), &what);

            district.begin(Kept::under(on));
            let report = self.sync(config, V1P2);
            hold(&report, night(Day::One, day1), Form::V1p2, &format!("1.2 after 1.1, {say}"));

            district.begin(Kept::Unjoined);
            let report = self.sync(config, DAY1);
            let what = format!("the first export of the platform, {say}");
            hold(&report, night(Day::One, Before::Unjoined), Form::V1p1, &what);
        }
    }

    /// A first load over HTTP and a night when nothing changed: the rows are those of the same
    /// people in files.
    fn served(&mut self) {
        let users = self.district.users;
        let nights = [("first load", Before::Nothing), ("nothing changed", Before::Day1 { on: false })];
        let mut sums = Vec::new();
        for (config, arguments, form) in [("off.toml", DAY1, Form::V1p1), (SERVED, &[][..], Form::Served)] {
            self.district.forget();
            for (what, before) in nights {
                let report = self.sync(config, arguments);
                let night = Night { users, day: Day::One, on: false, before };
                sums.push(hold(&report, night, form, &format!("{what}, {config}")));
            }
        }
        for ((files, served), (what, _)) in sums[..2].iter().zip(&sums[2..]).zip(nights) {
            same_columns(files, served, &format!("{what} over HTTP"));
        }
    }

    /// Day 1, three nights with the setting OFF.
    fn settle_large(&mut self, held: bool) {
        let night = |before| Night { users: self.district.users, day: Day::One, on: false, before };
        let nights = [night(Before::Nothing), night(Before::Day1 { on: false })];
        self.district.forget();
        for (night, what) in nights.into_iter().zip(["first load", "nothing changed"]) {
            let report = self.sync("off.toml", DAY1);
            if held {
                hold(&report, night, Form::V1p1, what);
            }
            self.district.forget_reports();
        }
        self.sync("off.toml", DAY1);
        self.district.keep_store(Kept::Off);
        self.district.forget_reports();
    }

    /// Day 1, three nights without the platform's export; then with it three nights with the setting
    /// OFF and three with it ON.
    fn settle(&mut self, held: bool) {
        let users = self.district.users;
        self.district.forget();
        for _ in 0..3 {
            self.sync(UNJOINED, DAY1);
        }
        self.district.keep_store(Kept::Unjoined);
        let hold = |report: &Path, on, before, what: &str| {
            if held {
                hold(report, Night { users, day: Day::One, on, before }, Form::V1p1, what);
            }
        };
        self.district.forget();
        let load = self.sync("off.toml", DAY1);
        hold(&load, false, Before::Nothing, "first load");
        for (config, on) in [("off.toml", false), ("on.toml", true)] {
            let say = if on { "ON" } else { "OFF" };
            if on {
                let turned = self.sync(config, DAY1);
                hold(&turned, on, Before::Day1 { on: false }, "nothing changed but the setting, ON");
            }
            let (one, next) = (self.sync(config, DAY1), self.sync(config, DAY1));
            hold(&one, on, Before::Day1 { on }, &format!("nothing changed, {say}"));
            if held {
                same_bytes(&one, &next, &format!("nothing changed, twice, {say}"));
            }
            self.district.keep_store(Kept::under(on));
            self.district.forget_reports();
        }
    }
}

/// Keeps a report when the others are thrown away.
fn keep(district: &District, report: &Path, name: &str) -> PathBuf {
    let kept = district.at(name);
    fs::rename(report, &kept).expect("the report kept");
    kept
}

/// Holds a report against the answers, in their order. Returns for each column but `line` a sum
/// over the rows that is the same in any order.
fn hold(report: &Path, night: Night, form: Form, what: &str) -> Vec<(String, u64)> {
    let mut reader = csv::Reader::from_path(report).expect("the report");
    let headers = reader.headers().expect("headers").clone();
    let headers: Vec<String> =
        headers.iter().map(|header| header.trim_start_matches('\u{feff}').to_owned()).collect();
    let place = |name: &str| headers.iter().position(|header| header == name).expect("a column");
    let columns = [
        "line",
        "sourced_id",
        "role",
        "state",
        "action",
        "given_name",
        "family_name",
        "email",
        "phone",
        "home_phone",
        "notes",
    ];
    let places = columns.map(place);
    let mut sums = vec![0_u64; headers.len()];
    let mut answers = night.answers(form);
    let mut row = ByteRecord::new();
    let mut rows = 0_u64;
    while reader.read_byte_record(&mut row).expect("a row") {
        rows += 1;
        let answer = answers.next();
        let answer = answer.unwrap_or_else(|| panic!("{what}: row {rows} is one too many"));
        let line = if answer.line == 0 { String::new() } else { answer.line.to_string() };
        let details = &answer.details;
        let expected = [
            &line,
            answer.sourced_id.as_str(),
            answer.role,
            answer.state,
            answer.action,
            details.given,
            details.family,
            &details.email,
            &details.phone,
            &details.home,
            &answer.notes,
        ];
        for ((column, place), expected) in columns.iter().zip(places).zip(expected) {
            let cell = String::from_utf8_lossy(&row[place]);
            let is_right = match *column {
                "notes" => without_links(&cell) == *expected,
                // Links alone make a row `updated`.
                "action" if has_links(&row[places[10]]) => {
                    cell == *expected || cell == "updated" && expected == "unchanged"
                }
                _ => cell == *expected,
            };
            assert!(
                is_right,
                "{what}: row {rows}, {}, column {column}: `{cell}` instead of `{expected}`",
                answer.sourced_id
            );
        }
        let id = xxh3_64_with_seed(answer.sourced_id.as_bytes(), 0);
        for (sum, cell) in sums.iter_mut().zip(&row) {
            *sum = sum.wrapping_add(xxh3_64_with_seed(cell, id));
        }
    }
    if let Some(answer) = answers.next() {
        panic!("{what}: {} has no row", answer.sourced_id);
    }
    assert!(rows > 0, "{what}: nothing was compared");
    headers.into_iter().zip(sums).filter(|(name, _)| name != "line").collect()
}

/// The notes about links, of which the answers know nothing.
const LINKS: [&str; 3] = ["Linked to ", "No longer linked to ", "No reachable contact left - "];

fn is_of_links(note: &str) -> bool {
    LINKS.iter().any(|begin| note.starts_with(begin))
}

fn has_links(notes: &[u8]) -> bool {
    String::from_utf8_lossy(notes).split("; ").any(is_of_links)
}

fn without_links(notes: &str) -> String {
    notes.split("; ").filter(|note| !is_of_links(note)).collect::<Vec<_>>().join("; ")
}

/// Two reports must have the same cells for all users, but for the column `line`.
fn same_columns(sums: &[(String, u64)], others: &[(String, u64)], what: &str) {
    for ((name, sum), (_, other)) in sums.iter().zip(others) {
        assert_eq!(sum, other, "{what}: column {name} is not as in another form of the file");
    }
}

/// Two reports must be the same to the byte.
fn same_bytes(one: &Path, other: &Path, what: &str) {
    let open = |path: &Path| BufReader::with_capacity(1 << 20, File::open(path).expect("a report"));
    let (mut one, mut other) = (open(one), open(other));
    let (mut left, mut right) = (Vec::new(), Vec::new());
    for line in 1.. {
        left.clear();
        right.clear();
        let count = one.read_until(b'\n', &mut left).expect("a line");
        other.read_until(b'\n', &mut right).expect("a line");
        let show = |line: &[u8]| String::from_utf8_lossy(line).trim_end().to_owned();
        assert!(
            left == right,
            "{what}: the reports differ in line {line}:\n  {}\n  {}",
            show(&left),
            show(&right)
        );
        if count == 0 {
            assert!(line > 2, "{what}: nothing was compared");
            return;
        }
    }
}
