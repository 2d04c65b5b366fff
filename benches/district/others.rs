//! What a user would pick instead, on the same files: each is left out where it is not installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::district::District;
use crate::measure::{Figures, measure};

/// A script beside this file that keeps a table of its own from day to day.
#[derive(Clone, Copy)]
pub(crate) enum Script {
    /// csv and sqlite3 of Python; reads users.csv only.
    Plain,
    DuckDb,
    Polars,
}

impl Script {
    fn file(self) -> PathBuf {
        let name = match self {
            Self::Plain => "baseline.py",
            Self::DuckDb => "duckdb_job.py",
            Self::Polars => "polars_job.py",
        };
        Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/district").join(name)
    }

    /// The package of Python that it needs.
    fn package(self) -> &'static str {
        match self {
            Self::Plain => "sqlite3",
            Self::DuckDb => "duckdb",
            Self::Polars => "polars",
        }
    }

    /// The night of that folder's users.csv, from the table after day 1.
    pub(crate) fn night(self, district: &District, folder: &str, rounds: usize) -> Option<Figures> {
        version_of(self.package())?;
        let (table, kept) = (district.at("table"), district.at(&format!("table-{}", self.package())));
        let command = |folder: &str| {
            let files = [
                self.file(),
                table.clone(),
                district.at(folder).join("users.csv"),
                district.at("platform.csv"),
                district.at("table.csv"),
            ];
            let files = files.map(|file| file.display().to_string());
            let mut command = vec!["python3".to_owned()];
            command.extend(files);
            command
        };
        if !kept.exists() {
            let _ = fs::remove_file(&table);
            measure(&command("day1"), &district.folder, 1, &|| {});
            fs::rename(&table, &kept).expect("the table of day 1");
        }
        let begin = || {
            fs::copy(&kept, &table).expect("the table of day 1");
        };
        Some(measure(&command(folder), &district.folder, rounds, &begin))
    }
}

/// `sqlite3 .import` of day 2's users.csv into an empty table without a key.
pub(crate) fn sqlite_import(district: &District, rounds: usize) -> Option<Figures> {
    installed(&["sqlite3"])?;
    let db = district.at("import.db");
    let import = format!(".import {} users", district.at("day2/users.csv").display());
    let command = ["sqlite3".into(), "-csv".into(), db.display().to_string(), import];
    let remove = || {
        let _ = fs::remove_file(&db);
    };
    let found = measure(&command, &district.folder, rounds, &remove);
    remove();
    Some(found)
}

/// `qsv diff` of the two days' users.csv: what differs, and nothing is kept.
pub(crate) fn qsv_diff(district: &District, rounds: usize) -> Option<Figures> {
    let qsv = installed(&["qsv", "qsvlite"])?;
    let files = ["day1", "day2"].map(|day| district.at(day).join("users.csv").display().to_string());
    let command = [&[qsv, "diff".to_owned(), "-o".to_owned(), "diff.csv".to_owned()][..], &files].concat();
    Some(measure(&command, &district.folder, rounds, &|| {}))
}

/// The version of a package that Python has.
pub(crate) fn version_of(package: &str) -> Option<String> {
    let show = format!("import {package} as it; print(getattr(it, '__version__', ''))");
    let done = Command::new("python3").args(["-c", &show]).output().ok()?;
    done.status.success().then(|| String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

/// The first of these programs that is installed.
fn installed(programs: &[&str]) -> Option<String> {
    let is_there = |program: &str| {
        Command::new(program).arg("--version").output().is_ok_and(|done| done.status.success())
    };
    programs.iter().find(|program| is_there(program)).map(|program| (*program).to_owned())
}
