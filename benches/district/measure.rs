//! Figures of a whole process, by the operating system's own account of it.

use std::fmt;
use std::fs::File;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use nix::sys::resource::{UsageWho, getrusage};

/// Every run takes this for now, so that `first_seen` is the same in all reports, also around
/// midnight.
pub(crate) const NOW: (&str, &str) = ("ROSTERSYNC_NOW", "2026-09-01T06:00:00Z");

/// The first argument of the process that stands between: what the system says of "all children" is
/// then one child.
pub(crate) const CHILD: &str = "--measure";

/// What the last command that was measured printed, in its folder.
pub(crate) const SAID: &str = "said.txt";

/// Medians of several runs.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    pub(crate) wall: f64,
    pub(crate) cpu: f64,
    pub(crate) peak_mib: f64,
    /// To the disk.
    pub(crate) written_mb: f64,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let digits = if self.wall < 10.0 { 3 } else { 1 };
        write!(
            f,
            "{:.digits$} | {:.digits$} | {:.0} | {:.0}",
            self.wall, self.cpu, self.peak_mib, self.written_mb
        )
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
        let numbers: [f64; 4] = numbers.try_into().unwrap_or_else(|_| panic!("{text}"));
        runs.push(numbers);
    }
    let median = |figure: usize| {
        let mut all: Vec<f64> = runs.iter().map(|run| run[figure]).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    };
    Figures { wall: median(0), cpu: median(1), peak_mib: median(2), written_mb: median(3) }
}

/// Runs the command, and prints wall seconds, CPU seconds, peak memory in MiB, and megabytes
/// written to the disk.
pub(crate) fn child(command: &[String]) {
    let start = Instant::now();
    let said = File::create(SAID).expect("a file for what the command prints");
    let status = Command::new(&command[0]).args(&command[1..]).stdout(said).status().expect("the command");
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
    #[expect(clippy::cast_precision_loss, reason = "blocks of 512 bytes of one process")]
    let written = usage.block_writes() as f64 * 512.0 / 1e6;
    println!("{wall} {cpu} {peak} {written}");
}
