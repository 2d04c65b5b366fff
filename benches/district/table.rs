//! What is printed: the machine, a table for each size, and how jobs grow from size to size. All of
//! it Markdown.

use std::fmt::Write;
use std::fs;
use std::process::Command;

use crate::grouped;
use crate::jobs::{IMPORT, Job, PYTHON};
use crate::others::version_of;
use crate::target::Target;

/// The jobs of one size.
pub(crate) struct Size {
    pub(crate) users: u64,
    /// Of users.csv on day 2.
    pub(crate) megabytes: u64,
    pub(crate) rounds: usize,
    pub(crate) jobs: Vec<Job>,
}

/// The machine and what the program is held against: without them a table means nothing.
pub(crate) fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let version = |program: &str, word: usize| match Command::new(program).arg("--version").output() {
        Ok(output) => {
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            format!("{program} {}", text.split_whitespace().nth(word).unwrap_or("of unknown version"))
        }
        Err(_) => format!("no {program}"),
    };
    let package = |name: &str| match version_of(name) {
        Some(version) => format!("{name} {version}"),
        None => format!("no {name}"),
    };
    format!(
        "{cores} cores, {}, {} {};\n{}, {}, {}, {}{}",
        cpu().unwrap_or_else(|| "CPU unknown".to_owned()),
        std::env::consts::OS,
        std::env::consts::ARCH,
        version("sqlite3", 0),
        version("python3", 1),
        package("duckdb"),
        package("polars"),
        load().map_or_else(String::new, |load| format!("; load {load} before it began")),
    )
}

/// How many programs were running in the last minute, where the system says so: more than none, and
/// figures are worse than they could be.
fn load() -> Option<String> {
    let load = fs::read_to_string("/proc/loadavg").ok()?;
    load.split_whitespace().next().map(str::to_owned)
}

fn cpu() -> Option<String> {
    if let Ok(info) = fs::read_to_string("/proc/cpuinfo") {
        let model = info.lines().find_map(|line| line.strip_prefix("model name"))?;
        return Some(model.trim_start_matches([' ', '\t', ':']).trim().to_owned());
    }
    // macOS
    let output = Command::new("sysctl").args(["-n", "machdep.cpu.brand_string"]).output().ok()?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|model| !model.is_empty())
}

/// The table of one size.
pub(crate) fn one(size: &Size) -> String {
    let mut text = String::new();
    let rounds = size.rounds;
    let median = if rounds == 1 { "one round".to_owned() } else { format!("medians of {rounds} rounds") };
    let _ = writeln!(
        text,
        "\n### {} users ({} MB of users.csv), {median}\n",
        grouped(size.users),
        size.megabytes
    );
    let _ =
        writeln!(text, "| job | wall s | CPU s | peak MiB | written MB | × import | Python ÷ it | targets |");
    let _ = writeln!(text, "|---|---|---|---|---|---|---|---|");
    let wall = |name: &str| {
        let job = size.jobs.iter().find(|job| job.name == name);
        job.and_then(|job| job.figures).map(|figures| figures.wall)
    };
    let (import, python) = (wall(IMPORT), wall(PYTHON));
    for job in &size.jobs {
        let Some(figures) = job.figures else {
            let _ = writeln!(text, "| {} | left out: it is not installed | | | | | | |", job.name);
            continue;
        };
        let ratio = |ratio: Option<f64>| ratio.map_or_else(String::new, |ratio| format!("{ratio:.2}"));
        let of_import = ratio(import.map(|import| figures.wall / import));
        let of_python = ratio(python.map(|python| python / figures.wall));
        let targets: Vec<String> = job.targets.iter().map(Target::to_string).collect();
        let _ = writeln!(
            text,
            "| {} | {figures} | {of_import} | {of_python} | {} |",
            job.name,
            targets.join("; ")
        );
    }
    text
}

/// How much longer each job takes from one size to the next.
pub(crate) fn growth(sizes: &[Size]) -> String {
    let mut text = String::new();
    if sizes.len() < 2 {
        return text;
    }
    let _ = writeln!(text, "\n### Growth: how many times as long\n");
    let times = |pair: &[Size]| pair[1].users as f64 / pair[0].users as f64;
    let heads: Vec<String> = sizes
        .windows(2)
        .map(|pair| {
            format!("{} → {} users (× {:.1})", grouped(pair[0].users), grouped(pair[1].users), times(pair))
        })
        .collect();
    let _ = writeln!(text, "| job | {} |", heads.join(" | "));
    let _ = writeln!(text, "|---|{}", "---|".repeat(heads.len()));
    for job in &sizes[0].jobs {
        let cells = sizes.windows(2).map(|pair| {
            let wall = |size: &Size| {
                let same = size.jobs.iter().find(|other| other.name == job.name);
                same.and_then(|job| job.figures).map(|figures| figures.wall)
            };
            let found = wall(&pair[1]).zip(wall(&pair[0])).map(|(larger, smaller)| larger / smaller);
            match found {
                None => String::new(),
                Some(found) if job.targets.is_empty() => format!("{found:.2}"),
                // Three times the users, 3.3 times as long at most; in the same proportion for
                // other sizes.
                Some(_) => Target::at_most((times(pair) * 11.0).round() / 10.0, "", found).to_string(),
            }
        });
        let _ = writeln!(text, "| {} | {} |", job.name, cells.collect::<Vec<_>>().join(" | "));
    }
    text
}
