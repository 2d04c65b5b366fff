//! Figures of a whole process, by the operating system's own account of it.

use std::fmt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

use crate::district::NOW;

/// The first argument of the process that stands between: what the system says of "all children" is
/// then one child.
pub(crate) const CHILD: &str = "--measure";

/// Medians of several runs.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) peak_mib: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.wall < 10.0 { 3 } else { 1 };
        write!(f, "{:.digits$} | {:.digits$} | {:.0}", self.wall, self.cpu, self.peak_mib)
    }
}

/// Runs a command so many times, `before` before each, and takes the median of each figure.
pub(crate) fn measure(command: &[String], folder: &Path, rounds: usize, before: &dyn Fn()) -> Figures {
    let mut runs = Vec::new();
    for _ in 0..rounds {
        before();
        let own = std::env::current_exe().expect("our own name");
        let mut child = Command::new(own);
        let child = child.arg(CHILD).args(command).env(NOW.0, NOW.1).current_dir(folder);
        let done = child.output().expect("a child");
        assert!(done.status.success(), "{command:?}: {}", String::from_utf8_lossy(&done.stderr));
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let numbers: Vec<f64> = text.split_whitespace().filter_map(|number| number.parse().ok()).collect();
        assert_eq!(numbers.len(), 3, "{text}");
        runs.push((numbers[0], numbers[1], numbers[2]));
    }
    let median = |figure: fn(&(f64, f64, f64)) -> f64| {
        let mut all: Vec<f64> = runs.iter().map(figure).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Figures { wall: median(|run| run.0), cpu: median(|run| run.1), peak_mib: median(|run| run.2) }
}

/// Runs the command, and prints wall seconds, CPU seconds and peak memory in MiB.
pub(crate) fn child(command: &[String]) {
    let start = Instant::now();
    let status =
        Command::new(&command[0]).args(&command[1..]).stdout(Stdio::null()).status().expect("the command");
    let wall = start.elapsed().as_secs_f64();
    if !status.success() {
        eprintln!("exit {status}");
        std::process::exit(1);
    }
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN).expect("the usage");
    #[expect(clippy::cast_precision_loss, reason = "seconds and megabytes of one process")]
    let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    let cpu = seconds(usage.user_time()) + seconds(usage.system_time());
    #[expect(clippy::cast_precision_loss, reason = "kilobytes of one process")]
    let peak = usage.max_rss() as f64 / 1024.0;
    println!("{wall} {cpu} {peak}");
}
