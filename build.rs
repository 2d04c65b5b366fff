//! Names the commit in `--version` of a release: `rostersync 0.1.0 (e748356c0f12 2026-11-26)`.
//!
//! It needs no network, and no git: without a repository (a source archive), the version stands
//! alone, unless `ROSTERSYNC_COMMIT` has the text. The date is that of the commit, so that two builds
//! of a commit are the same bytes. A build of the dev profile names no commit: to know it, each
//! commit would compile the crate again.

use std::process::Command;

fn main() {
    println!("cargo:rerun-if-env-changed=ROSTERSYNC_COMMIT");
    let given = std::env::var("ROSTERSYNC_COMMIT").ok().filter(|text| !text.is_empty());
    let release = std::env::var("PROFILE").is_ok_and(|profile| profile == "release");
    let commit = match (given, release) {
        (Some(given), _) => Some(given),
        (None, true) => commit(),
        (None, false) => Some("development".to_owned()),
    };
    let version = env!("CARGO_PKG_VERSION");
    let version = commit.map_or(version.to_owned(), |commit| format!("{version} ({commit})"));
    println!("cargo:rustc-env=ROSTERSYNC_VERSION={version}");
}

/// `e748356c0f12 2026-11-26`, with `-modified` if files differ from the commit.
fn commit() -> Option<String> {
    // Only a repository of this folder: a source archive may lie in one of another project.
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let here = std::env::var("CARGO_MANIFEST_DIR").ok()?;
    if std::fs::canonicalize(top).ok()? != std::fs::canonicalize(here).ok()? {
        return None;
    }
    for file in ["HEAD", "index", "logs/HEAD"] {
        println!("cargo:rerun-if-changed={}", git(&["rev-parse", "--git-path", file])?);
    }
    for place in ["src", "build.rs", "Cargo.toml", "Cargo.lock"] {
        println!("cargo:rerun-if-changed={place}");
    }
    let name = git(&["describe", "--always", "--abbrev=12", "--dirty=-modified", "--exclude=*"])?;
    let day = git(&["show", "--no-patch", "--format=%cs", "HEAD"])?;
    Some(format!("{name} {day}"))
}

fn git(arguments: &[&str]) -> Option<String> {
    let output =
        Command::new("git").args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8(output.stdout).ok()?.trim().to_owned()).filter(|text| !text.is_empty())
}
