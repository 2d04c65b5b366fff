//! How long a night of many districts takes: `fleet run` over districts that are made up, measured
//! as a whole, with all of its processes.
//!
//! `cargo bench --bench fleet` makes 300 districts of 5,000 users, has a first night and a night on
//! which nothing changed, with 2 at a time, and then asks for the status of all. `-- 20 1000 4` is
//! for 20 districts of 1,000 users, 4 at a time. It fails if a district ends with another status
//! than 0, or changes something on the second night; never for being slow.

#![expect(clippy::print_stdout, reason = "a benchmark prints what it finds")]

#[path = "../made_up/mod.rs"]
#[expect(dead_code, reason = "another benchmark uses more of it")]
mod made_up;

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use made_up::files::{Form, platform, roster};
use made_up::people::Day;
use nix::sys::resource::{UsageWho, getrusage};

fn main() {
    let mut numbers = std::env::args().filter_map(|argument| argument.parse().ok());
    let districts: u64 = numbers.next().unwrap_or(300);
    let users: u64 = numbers.next().unwrap_or(5_000);
    let jobs: u64 = numbers.next().unwrap_or(2);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder to work in");
    make(folder.path(), districts, users);
    println!(
        "| {districts} districts of {users} users, {jobs} at a time | wall s | CPU s | MiB | ms a district |"
    );
    println!("|---|---|---|---|---|");
    let jobs = format!("--jobs={jobs}");
    let run = |day: &str| measured(folder.path(), day, &["run", &jobs, "--format=json"], districts);
    let first = run("2026-09-01T06:00:00Z");
    let unchanged = run("2026-09-02T06:00:00Z");
    let status = measured(folder.path(), "2026-09-02T12:00:00Z", &["status", &jobs, "--json"], districts);
    for (night, (figures, json)) in
        [("first night", first), ("nothing changed", unchanged), ("status", status)]
    {
        println!("| {night} | {figures} |");
        assert_eq!(json["counts"]["ok"], districts, "{night}: {}", json["counts"]);
        let changes = ["created", "updated", "archived", "restored"];
        let is_quiet =
            |one: &serde_json::Value| changes.iter().all(|action| one["run"]["actions"][action] == 0);
        let all = json["districts"].as_array().expect("the districts");
        assert!(night != "nothing changed" || all.iter().all(is_quiet), "a district changed something");
    }
}

/// Writes the files of one district, and links them for the others.
fn make(folder: &Path, districts: u64, users: u64) {
    let original = folder.join("original");
    roster(&original, users, Day::One, Form::V1p1).expect("a OneRoster export");
    platform(&original.join("platform.csv"), users).expect("the platform's export");
    for number in 1..=districts {
        let district = folder.join(format!("districts/district-{number:04}"));
        fs::create_dir_all(district.join("sis")).expect("a folder");
        for file in ["manifest.csv", "orgs.csv", "users.csv"] {
            fs::hard_link(original.join(file), district.join("sis").join(file)).expect("a file");
        }
        fs::hard_link(original.join("platform.csv"), district.join("platform.csv")).expect("a file");
        let config = "[sync]\ntimezone = \"UTC\"\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n\
                      [platform]\nusers = \"platform.csv\"\nmax_age = \"none\"\n[limits]\nhistory = false\n";
        fs::write(district.join("rostersync.toml"), config).expect("a configuration");
    }
}

/// Runs `fleet` at this moment: its figures, and what it printed.
fn measured(folder: &Path, now: &str, arguments: &[&str], districts: u64) -> (String, serde_json::Value) {
    let before = cpu().0;
    let begun = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_rostersync"));
    command
        .args(["--no-progress", "fleet", arguments[0]])
        .arg(folder.join("districts"))
        .args(&arguments[1..]);
    let done = command.env("ROSTERSYNC_NOW", now).output().expect("the program runs");
    let wall = begun.elapsed().as_secs_f64();
    let (after, peak) = cpu();
    let said = String::from_utf8_lossy(&done.stderr);
    assert!(done.status.success(), "{:?}\n{said}", done.status);
    let json = serde_json::from_slice(&done.stdout).expect("JSON");
    #[expect(clippy::cast_precision_loss, reason = "hundreds of districts")]
    let each = wall * 1000.0 / districts as f64;
    (format!("{wall:.1} | {:.1} | {peak:.0} | {each:.0}", after - before), json)
}

/// CPU seconds of all processes that have ended, and the memory of the largest of them in MiB.
fn cpu() -> (f64, f64) {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage");
    #[expect(clippy::cast_precision_loss, reason = "seconds and megabytes")]
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    #[expect(clippy::cast_precision_loss, reason = "seconds and megabytes")]
    let peak = usage.max_rss() as f64 / 1024.0;
    (seconds(usage.user_time()) + seconds(usage.system_time()), peak)
}
