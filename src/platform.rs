//! The platform's own export: who has joined, and what their details are there.
//!
//! An export value becomes the actual value only on first sight or when it is news. An export that
//! still shows what was there before a change is waiting for the platform: see
//! [`crate::account::AwaitedValues`].

mod columns;
mod compare;
mod language;
mod moved;
mod row;
mod stamp;

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::path::Path;
use std::time::SystemTime;

use memchr::memchr2;

use self::columns::{Cells, Columns};
use crate::config::{Age, PLATFORM_COLUMNS, Platform};
use crate::erased::Erased;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::FileSeen;
use crate::roster::ids;
use crate::roster::kept::{OfKeys, key};
use crate::source::oneroster_csv::lone::{LoneFile, NO_FINAL_LINE_BREAK};
use crate::spool::{self, PlacedValues};
use crate::value::{self, RecordReader, WordCounts};

pub use compare::{Before, Compared, compare};
pub use language::languages;
pub use moved::{Moved, moved_rows};
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
    /// sourcedId and a hash of the row; `seed` goes into that. `moved` is asked whether a row that
    /// says something new is of an account that has another sourcedId now. `before` is what was
    /// seen of the file on the last good night.
    ///
    /// # Errors
    /// `InputUnusable` if it is missing, too old, empty, or has no column `sourced_id`: people that
    /// joined since would be taken for pending and overwritten without a word.
    pub fn read(
        platform: &Platform,
        now: SystemTime,
        seed: u64,
        see: impl FnMut(u64, u64) -> Seen,
        moved: impl Fn(&Row) -> Result<Option<Moved>>,
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
        let mut reading = Reading {
            export,
            see,
            moved,
            seed,
            now,
            scratch: Vec::new(),
            contradicted: Vec::new(),
            set_aside: HashMap::default(),
            unusable: None,
        };
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

    /// Adds the row of a person to `bytes`, as [`spool::append`] writes it, if there is one that says
    /// something new. Returns whether there is.
    pub fn append_row(&self, sourced_id: &str, bytes: &mut Vec<u8>) -> Result<bool> {
        let Some(place) = self.places.get(&key(sourced_id)) else { return Ok(false) };
        self.rows.look_at(*place, |row| {
            // A row begins with its sourcedId.
            let is_own = spool::first_of::<&str>(row)? == sourced_id;
            if is_own {
                bytes.extend_from_slice(row);
            }
            Ok(is_own)
        })
    }

    /// Reports the rows that belong to no person of the store or the roster. Those of erased people
    /// are left out in silence.
    pub fn report_unknown(
        &self,
        is_known: impl Fn(u64) -> bool,
        erased: &Erased,
        findings: &mut Findings,
    ) -> Result<u64> {
        let mut unknown: Vec<(u64, String)> = Vec::new();
        for (_, place) in self.places.iter().filter(|(key, _)| !is_known(**key)) {
            let row: Row = self.rows.get(*place)?;
            if !erased.contains(&row.sourced_id) {
                unknown.push((row.line, row.sourced_id));
            }
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

/// A row under an earlier sourcedId of an account, until it is known whether there is one under the
/// present one.
struct SetAside {
    /// As it is in the file.
    hash: u64,
    /// Of the present sourcedId, and of the row under that.
    key: u64,
    own_hash: u64,
    rank: i64,
    place: u64,
}

struct Reading<S, M> {
    export: Export,
    see: S,
    moved: M,
    seed: u64,
    now: SystemTime,
    scratch: Vec<u8>,
    contradicted: Vec<u64>,
    /// By the key of the sourcedId in the file.
    set_aside: HashMap<u64, SetAside, BuildHasherDefault<OfKeys>>,
    /// The first row that cannot be used: its line, and why.
    unusable: Option<(u64, &'static str)>,
}

impl<S: FnMut(u64, u64) -> Seen, M: Fn(&Row) -> Result<Option<Moved>>> Reading<S, M> {
    fn put(&mut self, cells: Cells<'_>, line: u64, findings: &mut Findings) -> Result<()> {
        let export = &mut self.export;
        let at = At::file(&export.file).line(line);
        let (key, hash) = (key(cells.sourced_id), cells.hash(self.seed, &mut self.scratch));
        let differs = match (self.set_aside.get(&key), export.places.get(&key)) {
            (Some(row), _) if row.hash == hash => return Ok(()),
            (Some(_), _) => true,
            (None, Some(place)) => export.rows.get::<Row>(*place)?.hash != hash,
            (None, None) => match (self.see)(key, hash) {
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
        for column in cells.unreadable_opt_outs() {
            findings.warn("unreadable-boolean", at.column(column), || {
                "neither true nor false, so taken as not provided".to_owned()
            });
        }
        let mut row = cells.own(line, hash, stamp);
        if let Some(Moved { sourced_id, rank }) = (self.moved)(&row)? {
            let own = Cells { sourced_id: &sourced_id, ..cells };
            let own_hash = own.hash(self.seed, &mut self.scratch);
            let own_key = self::key(&sourced_id);
            (row.sourced_id, row.hash) = (sourced_id, own_hash);
            let place = export.rows.put(&row)?;
            self.set_aside.insert(key, SetAside { hash, key: own_key, own_hash, rank, place });
            return Ok(());
        }
        export.places.insert(key, export.rows.put(&row)?);
        Ok(())
    }

    /// Takes the rows under earlier sourcedIds for those of the accounts, unless there is one under
    /// the present sourcedId.
    fn take_set_aside(&mut self) {
        let mut rows: Vec<SetAside> = std::mem::take(&mut self.set_aside).into_values().collect();
        rows.sort_unstable_by_key(|row| std::cmp::Reverse(row.rank));
        let export = &mut self.export;
        for row in rows {
            // Of a person that is known all the same.
            export.usable += 1;
            if export.places.contains_key(&row.key) {
                continue;
            }
            if (self.see)(row.key, row.own_hash) == Seen::New {
                export.places.insert(row.key, row.place);
                export.usable -= 1;
            }
        }
    }

    fn finish(mut self, path: &Path, seen: FileSeen) -> Result<Export> {
        for key in std::mem::take(&mut self.contradicted) {
            self.export.places.remove(&key);
            self.set_aside.remove(&key);
        }
        self.take_set_aside();
        let mut export = self.export;
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
