//! The project's own benchmark: whole runs over made-up districts, each held against its answers.
//!
//! `cargo bench --bench district -- --help` says how; `docs/performance.md` says what the figures
//! mean. The parts:
//!
//! * `made_up`: the people and their files; `district`: those on the disk, and the program run on them; `pages`, `server`:
//!   the same over HTTP
//! * `answers`, `check`: what each run must do and say, and whether it does
//! * `measure`, `jobs`, `target`: what is measured, how, and what it should be; `others`: what it is compared with
//! * `table`, `plot`, `page`: what is shown of it, and where

#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a benchmark prints what it finds")]
#![expect(clippy::cast_precision_loss, reason = "users, bytes and seconds, for people to read")]

mod answers;
mod check;
mod district;
mod jobs;
#[path = "../made_up/mod.rs"]
mod made_up;
mod measure;
mod others;
mod page;
mod pages;
mod plot;
mod server;
mod table;
mod target;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use district::District;
use made_up::people::MOST;
use table::Size;

const HELP: &str = "\
Makes up school districts, holds every run's report against its answers, and measures whole processes

Usage: cargo bench --bench district -- [OPTIONS] [USERS]...

  USERS            sizes of districts, 100 to 16000000 [default: 10000 100000]
  --check          hold the answers only, measure nothing
  --no-check       measure only
  --rounds N       rounds of each job [default: 11 up to 20,000 users, 7 up to 200,000, then 3]
  --plot FILE.svg  also draw seconds over users
  --page FILE.md   also put the tables between the lines `figures: begin` and `figures: end` of this page
  --program FILE   measure this program instead of the one that was just built
  --keep FOLDER    only make the files and stores of one size there, and leave them
  --help           this text

It never fails for being slow; a wrong row is a failure. sqlite3, python3 (also with its packages duckdb and
polars) and qsv are compared with: one that is not installed is left out. A million users take 4 GB under target/ while it runs. Beyond three million, only a first load, a night without
changes and day 2 are measured.
";

#[derive(Default)]
struct Arguments {
    sizes: Vec<u64>,
    check_only: bool,
    no_check: bool,
    rounds: Option<usize>,
    plot: Option<PathBuf>,
    page: Option<PathBuf>,
    program: Option<PathBuf>,
    keep: Option<PathBuf>,
}

fn main() -> ExitCode {
    let given: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if let [first, rest @ ..] = given.as_slice()
        && first == measure::CHILD
    {
        measure::child(rest);
        return ExitCode::SUCCESS;
    }
    if given.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let arguments = match parse(&given) {
        Ok(arguments) => arguments,
        Err(mistake) => {
            eprintln!("error: {mistake}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    let (mut sizes, mut text) = (Vec::new(), String::new());
    if !arguments.check_only && arguments.keep.is_none() {
        text = format!("{}\n", table::machine());
        print!("{text}");
    }
    for users in &arguments.sizes {
        if let Some(size) = one_size(*users, &arguments) {
            let table = table::one(&size);
            println!("{table}");
            text.push_str(&table);
            sizes.push(size);
        }
    }
    if !sizes.is_empty() {
        let growth = table::growth(&sizes);
        println!("{growth}");
        text.push_str(&growth);
        if let Some(page) = &arguments.page
            && let Err(mistake) = page::put(page, "figures", &text)
        {
            eprintln!("error: {mistake}");
            return ExitCode::FAILURE;
        }
    }
    if let Some(file) = &arguments.plot {
        if let Err(cause) = fs::write(file, plot::draw(&sizes)) {
            eprintln!("error: the plot could not be written\n  at: {}\n  because: {cause}", file.display());
            return ExitCode::FAILURE;
        }
        eprintln!("the plot is in {}", file.display());
    }
    ExitCode::SUCCESS
}

fn parse(given: &[String]) -> Result<Arguments, String> {
    let mut arguments = Arguments::default();
    let mut rest = given.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--check" => arguments.check_only = true,
            "--no-check" => arguments.no_check = true,
            "--rounds" => {
                let rounds = rest.next().and_then(|rounds| rounds.parse().ok()).filter(|rounds| *rounds > 0);
                arguments.rounds = Some(rounds.ok_or("`--rounds` needs a number from 1")?);
            }
            "--plot" => arguments.plot = Some(rest.next().ok_or("`--plot` needs a file")?.into()),
            "--program" => {
                let file = rest.next().and_then(|file| fs::canonicalize(file).ok());
                arguments.program = Some(file.ok_or("`--program` needs a file that is there")?);
            }
            "--page" => arguments.page = Some(rest.next().ok_or("`--page` needs a file")?.into()),
            "--keep" => arguments.keep = Some(rest.next().ok_or("`--keep` needs a folder")?.into()),
            size => {
                let users = size.parse().ok().filter(|users| (100..=MOST).contains(users));
                arguments.sizes.push(users.ok_or_else(|| {
                    format!("`{size}` is neither an option nor a number of users from 100 to {MOST}")
                })?);
            }
        }
    }
    if arguments.check_only && (arguments.no_check || arguments.plot.is_some() || arguments.page.is_some()) {
        return Err(
            "`--check` measures nothing, so `--no-check`, `--page` and `--plot` make no sense with it"
                .to_owned(),
        );
    }
    if arguments.keep.is_some() && arguments.sizes.len() != 1 {
        return Err("`--keep` needs one number of users".to_owned());
    }
    if arguments.sizes.is_empty() {
        arguments.sizes = vec![10_000, 100_000];
    }
    // Growth is from the smaller to the larger.
    arguments.sizes.sort_unstable();
    arguments.sizes.dedup();
    Ok(arguments)
}

/// Checks and measures a district of one size. None: there was nothing to measure.
fn one_size(users: u64, arguments: &Arguments) -> Option<Size> {
    let built = Path::new(env!("CARGO_BIN_EXE_rostersync"));
    let program = arguments.program.as_deref().unwrap_or(built);
    if let Some(folder) = &arguments.keep {
        fs::create_dir_all(folder).expect("a folder to keep");
        let folder = folder.canonicalize().expect("a folder to keep");
        jobs::make_all(&District::make(program, &folder, users));
        return None;
    }
    let folder = tempfile::tempdir_in(scratch()).expect("a folder to work in");
    let district = District::make(program, folder.path(), users);
    if arguments.no_check {
        check::settle(&district);
    } else {
        check::check(&district);
    }
    if arguments.check_only {
        return None;
    }
    let usual = match users {
        0..=20_000 => 11,
        20_001..=200_000 => 7,
        _ => 3,
    };
    let rounds = arguments.rounds.unwrap_or(usual);
    let megabytes = fs::metadata(district.at("day2/users.csv")).map_or(0, |found| found.len() / 1_000_000);
    Some(Size { users, megabytes, rounds, jobs: jobs::measure_all(&district, rounds) })
}

/// Where the districts are made: a disk, not a RAM disk, and not the system's temporary folder,
/// which may be one.
fn scratch() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).to_owned();
    fs::create_dir_all(&target).expect("a folder in target/");
    target
}

/// `1000000` as people read it: `1,000,000`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
