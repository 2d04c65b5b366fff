//! The platform's own export: who has joined, and what their details are there.
//!
//! An export value becomes the actual value only on first sight or when it is news. An export that still shows what was
//! there before a change is waiting for the platform: see [`crate::account::OldNews`].

mod columns;
mod language;
mod row;

use std::collections::HashMap;
use std::fs::File;
use std::hash::BuildHasherDefault;
use std::path::Path;
use std::time::SystemTime;

use self::columns::Columns;
use crate::config::{Age, Platform};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roster::kept::{OfKeys, key};
use crate::spool::Shelf;

pub use language::languages;
pub use row::{Adopted, Ear, Row};

/// What is known of a row of the export before it is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It has something to say.
    New,
    /// It is the row that the account was brought up to last, so it can be let go.
    AsBefore,
    /// It says again what a row said that was let go.
    Again,
    /// It differs from another row of the person, which was let go.
    Contradicts,
}

/// An export; without the rows that say what they said last time.
#[derive(Default)]
pub struct Export {
    file: String,
    /// Where each person's row is kept, by the key of the sourcedId. On a first night that is everybody who has joined.
    places: HashMap<u64, u64, BuildHasherDefault<OfKeys>>,
    rows: Shelf,
    /// Rows that can be used, also those that say nothing new.
    usable: usize,
}

impl Export {
    /// Reads the export. `see` is asked of each row, by the key of its sourcedId and a hash of it; `seed` goes into that.
    ///
    /// # Errors
    /// `InputUnusable` if it is missing, too old, empty, or has no column `sourced_id`: people who joined since would be
    /// taken for pending and overwritten without a word.
    pub fn read(
        platform: &Platform,
        now: SystemTime,
        seed: u64,
        mut see: impl FnMut(u64, u64) -> Seen,
        findings: &mut Findings,
    ) -> Result<Self> {
        let path = &platform.users;
        let failed =
            |cause| Failure::io(Kind::InputUnusable, "the platform export cannot be read", path, cause);
        let file = File::open(path).map_err(failed)?;
        let written = file.metadata().and_then(|found| found.modified()).map_err(failed)?;
        check_age(path, platform.max_age, now, written)?;
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .buffer_capacity(1 << 17)
            .from_reader(file);
        let mut export = Self { file: file_name(path), ..Self::default() };
        let mut record = csv::ByteRecord::new();
        let broken = |error: csv::Error| {
            Failure::new(Kind::InputUnusable, "the platform export cannot be read")
                .at(path.display())
                .because(error)
        };
        let empty = || {
            Failure::new(Kind::InputUnusable, "the platform export is empty")
                .at(path.display())
                .cure("have it made again; without it everybody who joined would be taken for pending")
        };
        if !reader.read_byte_record(&mut record).map_err(broken)? {
            return Err(empty());
        }
        let columns = Columns::of(&record, platform, path)?;
        let mut contradicted: Vec<u64> = Vec::new();
        let mut first_unusable: Option<(u64, &str)> = None;
        let mut scratch = Vec::new();
        while reader.read_byte_record(&mut record).map_err(broken)? {
            if record.iter().all(<[u8]>::is_empty) {
                continue;
            }
            let line = record.position().map_or(0, csv::Position::line);
            // A quote that is never closed makes one cell of all the rows up to the next quote.
            let delimiters = |cell: &[u8]| cell.iter().filter(|byte| **byte == b',').count();
            let swallows = |cell: &[u8]| cell.contains(&b'\n') && delimiters(cell) + 1 >= columns.width;
            if record.as_slice().contains(&b'\n') && record.iter().any(swallows) {
                return Err(Failure::new(
                    Kind::InputUnusable,
                    "the platform export has a quote that is never closed, so where its rows end is unknown",
                )
                .at(format!("{}:{line}", path.display()))
                .cure("correct the row or have the export made again; people in the swallowed rows would be taken for pending"));
            }
            match columns.row(&record) {
                Err(problem) => {
                    first_unusable.get_or_insert((line, problem));
                    findings.error("platform-row-malformed", &export.file, Some(line), None, || {
                        problem.to_owned()
                    });
                }
                Ok(cells) => {
                    let (key, hash) = (key(cells.sourced_id), cells.hash(seed, &mut scratch));
                    let (seen, place) = (see(key, hash), export.places.get(&key));
                    let twice = match (seen, place) {
                        (Seen::Again, _) => continue,
                        (Seen::AsBefore, _) => {
                            export.usable += 1;
                            continue;
                        }
                        (Seen::Contradicts, None) => {
                            export.usable -= 1;
                            true
                        }
                        (Seen::Contradicts, Some(_)) => true,
                        (Seen::New, None) => false,
                        (Seen::New, Some(place)) => export.rows.get::<Row>(*place)?.hash != hash,
                    };
                    if twice {
                        first_unusable.get_or_insert((line, "rows for one sourcedId differ"));
                        findings.error("platform-row-repeated", &export.file, Some(line), None, || {
                            format!(
                                "rows for sourcedId `{}` differ; all of them are left out",
                                cells.sourced_id
                            )
                        });
                        contradicted.push(key);
                    }
                    export.places.insert(key, export.rows.put(&cells.own(line, hash))?);
                }
            }
        }
        for key in contradicted {
            export.places.remove(&key);
        }
        export.usable += export.places.len();
        if export.usable == 0 {
            return Err(first_unusable.map_or_else(empty, |(line, problem)| {
                let problem = problem.trim_end_matches("; left out");
                Failure::new(
                    Kind::InputUnusable,
                    format!("the platform export has no usable row; the first: {problem}"),
                )
                .at(format!("{}:{line}", path.display()))
                .cure("have it made again; without it everybody who joined would be taken for pending")
            }));
        }
        Ok(export)
    }

    /// The rows that say something new, in the order of the file.
    ///
    /// # Errors
    /// `Failed` if they cannot be read back from where they are kept.
    pub fn each_row(&self, mut each: impl FnMut(Row) -> Result<()>) -> Result<()> {
        let mut places: Vec<u64> = self.places.values().copied().collect();
        places.sort_unstable();
        places.into_iter().try_for_each(|place| each(self.rows.get(place)?))
    }

    /// Rows that can be used.
    pub fn len(&self) -> usize {
        self.usable
    }

    pub fn is_empty(&self) -> bool {
        self.usable == 0
    }

    /// The row of a person, if there is one that says something new.
    ///
    /// # Errors
    /// `Failed` if it cannot be read back from where it is kept.
    pub fn row(&self, sourced_id: &str) -> Result<Option<Row>> {
        let Some(place) = self.places.get(&key(sourced_id)) else { return Ok(None) };
        let row: Row = self.rows.get(*place)?;
        Ok((row.sourced_id == sourced_id).then_some(row))
    }

    /// Reports the rows that belong to nobody in the store or the roster.
    ///
    /// # Errors
    /// `Failed` if they cannot be read back from where they are kept.
    pub fn report_unknown(&self, is_known: impl Fn(u64) -> bool, findings: &mut Findings) -> Result<u64> {
        let mut unknown: Vec<(u64, String)> = Vec::new();
        for (_, place) in self.places.iter().filter(|(key, _)| !is_known(**key)) {
            let row: Row = self.rows.get(*place)?;
            unknown.push((row.line, row.sourced_id));
        }
        unknown.sort_unstable();
        for (line, id) in &unknown {
            findings.warn("platform-row-unknown", &self.file, Some(*line), Some("sourced_id"), || {
                format!("sourcedId `{id}` is neither in the store nor in the roster; left out")
            });
        }
        Ok(unknown.len() as u64)
    }
}

fn check_age(path: &Path, max_age: Age, now: SystemTime, written: SystemTime) -> Result<()> {
    let Some(max) = max_age.0 else { return Ok(()) };
    let age = now.duration_since(written).unwrap_or_default();
    if age <= max {
        return Ok(());
    }
    let said = |age: std::time::Duration| match age.as_secs() {
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    };
    Err(Failure::new(
        Kind::InputUnusable,
        format!("the platform export is {} old, and [platform] max_age allows {}", said(age), said(max)),
    )
    .at(path.display())
    .cure("have it made again: people who joined since would be taken for pending; or raise max_age"))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
