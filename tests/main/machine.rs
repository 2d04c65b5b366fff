//! What a machine may lack. No test fails for it: a test prepares what it needs, or is left out and
//! says so.
//!
//! A test that is left out must not look like one that passed where everything was installed:
//! `.ci/run` names what it has installed in `$ROSTERSYNC_TESTS_NEED` (`sshd smtpd aiosmtpd
//! oauthlib`), and of these a missing one is a failure.
#![expect(clippy::print_stderr, reason = "a test that is left out says so")]

use std::fs::File;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// Says why a test is left out; a failure if this was promised.
pub(crate) fn left_out<T>(what: &str, why: &str) -> Option<T> {
    let promised = std::env::var("ROSTERSYNC_TESTS_NEED").unwrap_or_default();
    assert!(!promised.split_whitespace().any(|one| one == what), "{what} was promised here: {why}");
    eprintln!("left out: {why} ({what})");
    None
}

/// A program, by a variable of its own or by its name in `PATH` and where servers are.
pub(crate) fn program(variable: &str, name: &str) -> Option<PathBuf> {
    let named = std::env::var_os(variable).map(PathBuf::from);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let places = [
        "/usr/sbin",
        "/usr/local/sbin",
        "/usr/lib/openssh",
        "/usr/lib/ssh",
        "/usr/libexec",
        "/usr/libexec/openssh",
    ];
    let found = folders.into_iter().chain(places.iter().map(PathBuf::from)).map(|folder| folder.join(name));
    named.into_iter().chain(found).find(|path| path.is_file())
}

/// Whether this is root, which may read every file.
pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A device on which nothing can be written for want of room; Linux has one.
pub(crate) fn full() -> Option<File> {
    match File::options().write(true).open("/dev/full") {
        Ok(file) => Some(file),
        Err(_) => left_out("/dev/full", "this machine has no /dev/full"),
    }
}

/// A new folder in memory where there is such a place that can be written, otherwise where
/// temporary files are.
pub(crate) fn folder(prefix: &str) -> TempDir {
    let mut builder = tempfile::Builder::new();
    let builder = builder.prefix(prefix);
    builder.tempdir_in(Path::new("/dev/shm")).or_else(|_| builder.tempdir()).unwrap()
}

/// Whether a signal reaches the programs that a test starts. A shell that starts the tests in the
/// background has them ignore SIGINT, and a program that was started so goes on ignoring it.
pub(crate) fn hears(signal: &str) -> bool {
    let number = match signal {
        "HUP" => 1,
        "INT" => 2,
        _ => return true,
    };
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    let heard = mask & (1 << (number - 1)) == 0;
    if !heard {
        eprintln!("left out: SIG{signal} is ignored here");
    }
    heard
}
