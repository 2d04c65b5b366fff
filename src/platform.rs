//! The platform's own export: who has joined, and what their details are there.
//!
//! An export value becomes the actual value only on first sight or when it is news. An export that
//! still shows what was there before a change is waiting for the platform: see
//! [`crate::account::AwaitedValues`].

mod columns;
mod compare;
mod language;
mod row;
mod stamp;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::Path;
use std::time::SystemTime;

use memchr::memchr2;

use self::columns::{Cells, Columns};
use crate::config::{Age, PLATFORM_COLUMNS, Platform};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::FileSeen;
use crate::roster::ids;
use crate::roster::kept::{OfKeys, key};
use crate::source::oneroster_csv::lone::{LoneFile, NO_FINAL_LINE_BREAK};
use crate::spool::PlacedValues;
use crate::value::{self, RecordReader, WordCounts};

pub use compare::{Before, Compared, compare};
pub use language::languages;
pub use row::{Adopted, ImportKind, Row};
pub use stamp::{By, Stamp};

/// What is known of a row of the export before it is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
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
    pub file: String,
    /// Where each person's row is kept, by the key of the sourcedId. On a first night that is every
    /// person that has joined.
    places: HashMap<u64, u64, BuildHasherDefault<OfKeys>>,
    rows: PlacedValues,
    /// Rows that can be used, also those that say nothing new.
    pub usable: usize,
    /// For the next run to compare with.
    pub seen: FileSeen,
}

impl Export {
    /// Reads the export. `see` is asked of the first row of each person, by the key of the
    /// sourcedId and a hash of the row; `seed` goes into that. `before` is what was seen of the
    /// file on the last good night.
    ///
    /// # Errors
    /// `InputUnusable` if it is missing, too old, empty, or has no column `sourced_id`: people that
    /// joined since would be taken for pending and overwritten without a word.
    pub fn read(
        platform: &Platform,
        now: SystemTime,
        seed: u64,
        see: impl FnMut(u64, u64) -> Seen,
        before: Option<&FileSeen>,
        findings: &mut Findings,
    ) -> Result<Self> {
        let path = &platform.users;
        let failed =
            |cause| Failure::io(Kind::InputUnusable, "the platform export cannot be read", path, cause);
        let written = path.metadata().and_then(|found| found.modified()).map_err(failed)?;
        check_age(path, platform.max_age, now, written)?;
        if written_length(path) == Some(0) {
            return Err(empty(path));
        }
        let file = file_name(path);
        // The messages name the file as people call it.
        let own = |mut failure: Failure| {
            failure.what = failure.what.replacen(&file, "the platform export", 1);
            failure
        };
        let known =
            PLATFORM_COLUMNS.map(|column| platform.columns.get(column).map_or(column, String::as_str));
        let table = LoneFile::open(path, before, &known, findings).map_err(own)?;
        let columns = Columns::of(table.headers(), table.line(), platform, path)?;
        let mut rows = table.rows().map_err(own)?;
        let mut record = csv::ByteRecord::new();
        // Where a name may be a word for "no value", nothing else speaks against it.
        let mut meaning = RecordReader::of_file(value::PLATFORM, table.is_foreign(), WordCounts::default);
        let export = Self { file: file.clone(), ..Self::default() };
        let mut reading =
            Reading { export, see, seed, now, scratch: Vec::new(), contradicted: Vec::new(), unusable: None };
        while let Some(row) = rows.next_row().map_err(own)? {
            let (line, cut) = (row.line(), row.unproven());
            let defect = row.defect().map(|code| match code {
                "rejected-quoting" => "quotes inside a cell of the row are not doubled; left out",
                _ => {
                    "the row has more cells than there are headers, or values in the wrong columns; left out"
                }
            });
            record.clear();
            row.into_cells().for_each(|cell| record.push_field(cell.as_bytes()));
            if cut.is_some() {
                findings.warn("no-final-line-break", At::file(&file).line(line), || {
                    NO_FINAL_LINE_BREAK.to_owned()
                });
            }
            match defect.map_or_else(|| columns.row(&record, cut), Err) {
                Err(problem) => {
                    reading.unusable.get_or_insert((line, problem));
                    findings
                        .error("platform-row-malformed", At::file(&file).line(line), || problem.to_owned());
                }
                Ok(cells) => {
                    let row = record.as_slice();
                    let plain = row.is_ascii() && memchr2(b'&', b'?', row).is_none();
                    let rewritten = cells.rewritten(plain, line, &mut meaning);
                    let mut cells = rewritten.as_ref().map_or(cells, |rewritten| cells.with(rewritten));
                    let sourced_id = ids::encoded(cells.sourced_id);
                    cells.sourced_id = &sourced_id;
                    reading.put(cells, line, findings)?;
                }
            }
        }
        meaning.tally.tell(&file, findings);
        reading.finish(path, rows.seen(|place| columns.name(place)))
    }

    /// The rows that say something new, in the order of the file.
    pub fn each_row(&self, mut each: impl FnMut(Row) -> Result<()>) -> Result<()> {
        let mut places: Vec<u64> = self.places.values().copied().collect();
        places.sort_unstable();
        places.into_iter().try_for_each(|place| each(self.rows.get(place)?))
    }

    /// Whether there is a row that says something new, by the key of the sourcedId.
    pub fn has_row(&self, key: u64) -> bool {
        self.places.contains_key(&key)
    }

    /// The row of a person, if there is one that says something new.
    pub fn row(&self, sourced_id: &str) -> Result<Option<Row>> {
        let Some(place) = self.places.get(&key(sourced_id)) else { return Ok(None) };
        let row: Row = self.rows.get(*place)?;
        Ok((row.sourced_id == sourced_id).then_some(row))
    }

    /// Reports the rows that belong to no person of the store or the roster.
    pub fn report_unknown(&self, is_known: impl Fn(u64) -> bool, findings: &mut Findings) -> Result<u64> {
        let mut unknown: Vec<(u64, String)> = Vec::new();
        for (_, place) in self.places.iter().filter(|(key, _)| !is_known(**key)) {
            let row: Row = self.rows.get(*place)?;
            unknown.push((row.line, row.sourced_id));
        }
        unknown.sort_unstable();
        for (line, id) in &unknown {
            findings.warn(
                "platform-row-unknown",
                At::file(&self.file).line(*line).column("sourced_id"),
                || format!("sourcedId `{id}` is neither in the store nor in the roster; left out"),
            );
        }
        Ok(unknown.len() as u64)
    }
}

struct Reading<S> {
    export: Export,
    see: S,
    seed: u64,
    now: SystemTime,
    scratch: Vec<u8>,
    contradicted: Vec<u64>,
    /// The first row that cannot be used: its line, and why.
    unusable: Option<(u64, &'static str)>,
}

impl<S: FnMut(u64, u64) -> Seen> Reading<S> {
    fn put(&mut self, cells: Cells<'_>, line: u64, findings: &mut Findings) -> Result<()> {
        let export = &mut self.export;
        let at = At::file(&export.file).line(line);
        let (key, hash) = (key(cells.sourced_id), cells.hash(self.seed, &mut self.scratch));
        let differs = match export.places.get(&key) {
            Some(place) => export.rows.get::<Row>(*place)?.hash != hash,
            None => match (self.see)(key, hash) {
                Seen::New => false,
                Seen::Again => return Ok(()),
                Seen::AsBefore => {
                    export.usable += 1;
                    return Ok(());
                }
                Seen::Contradicts => {
                    export.usable -= 1;
                    true
                }
            },
        };
        if differs {
            self.unusable.get_or_insert((line, "rows for one sourcedId differ"));
            findings.error("platform-row-repeated", at, || {
                format!("rows for sourcedId `{}` differ; all of them are left out", cells.sourced_id)
            });
            self.contradicted.push(key);
        }
        let [updated_at, updated_by] = cells.updated;
        let (stamp, wrong) = Stamp::read(updated_at, updated_by, self.now.into());
        for column in wrong.into_iter().flatten() {
            findings.warn("platform-updated-malformed", at.column(column), || {
                let right = match column {
                    "updated_at" => "a time of the past, such as 2026-11-20T10:00:00Z",
                    _ => "user, staff or sync",
                };
                format!(
                    "the value of `{column}` is left out: it has to be {right}; the rest of the row is read"
                )
            });
        }
        export.places.insert(key, export.rows.put(&cells.own(line, hash, stamp))?);
        Ok(())
    }

    fn finish(self, path: &Path, seen: FileSeen) -> Result<Export> {
        let mut export = self.export;
        for key in self.contradicted {
            export.places.remove(&key);
        }
        export.usable += export.places.len();
        export.seen = seen;
        if export.usable > 0 {
            return Ok(export);
        }
        let Some((line, problem)) = self.unusable else { return Err(empty(path)) };
        let problem = problem.trim_end_matches("; left out");
        let what = format!("the platform export has no usable row; the first: {problem}");
        Err(Failure::new(Kind::InputUnusable, what).at(format!("{}:{line}", path.display())).cure(NO_EXPORT))
    }
}

const NO_EXPORT: &str = "have it exported again; without it all people that joined would count as pending";

fn empty(path: &Path) -> Failure {
    Failure::new(Kind::InputUnusable, "the platform export is empty").at(path.display()).cure(NO_EXPORT)
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
    .cure("have it made again: people that joined since would be taken for pending; or raise max_age"))
}

/// The length of a file; none of what is no ordinary file.
fn written_length(path: &Path) -> Option<u64> {
    path.metadata().ok().filter(std::fs::Metadata::is_file).map(|found| found.len())
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}
