//! `check --strict`: holds all files of a package that are about rostering against the standard,
//! OneRoster CSV 1.1 or 1.2.
//!
//! A run is lenient with a row and knows four files; here every deviation is a finding. The files
//! are read block by block. What is kept of a record is a hash of its sourcedId and, of classes,
//! orgs and sessions, what others are compared with: a million enrollments take 30 MB. A finding
//! names ids, words of the standard and places, never another value.

mod manifest;
mod rows;
mod standard;
mod values;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::path::Path;

use self::manifest::Declared;
use self::rows::RowCheck;
use self::standard::{Column, TABLES, Value, Version};
use super::EncodingSetting;
use super::archive::Limits;
use super::blocks::Row;
use super::cells::Cells;
use super::package::{ExportFile, Package, Part};
use super::scan::Shape;
use super::table::{FileOpening, HeaderRow, Table};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::near::nearest;
use crate::source::hashed;

/// What was looked at. The findings say what is wrong.
#[derive(Debug)]
pub struct Standing {
    /// Name of the folder or the zip file.
    pub package: String,
    /// `1.1` or `1.2`: the tables that the package was held against.
    pub version: &'static str,
    /// The files that were looked at, with their rows.
    pub files: Vec<(String, u64)>,
}

/// Holds a package against the standard.
///
/// # Errors
/// `InputUnusable` if it cannot be opened as a package, `SourceUnavailable` if it cannot be read to
/// its end.
pub fn check_standard(path: &Path, encoding: EncodingSetting, findings: &mut Findings) -> Result<Standing> {
    let package = Package::open_for(path, Limits::default(), Part::of_standard)?;
    look_around(&package, findings);
    let declared = manifest::read(&package, encoding, findings)?;
    let version = declared.version.unwrap_or_else(|| match package.file(Part::Roles) {
        Some(_) => Version::V12,
        None => Version::V11,
    });
    declared.compare(&package, version, findings);
    let mut files = Vec::new();
    let mut counts = Vec::new();
    if let Some(file) = package.file(Part::Manifest) {
        counts.push((file.name().to_owned(), declared.rows));
    }
    for standard in TABLES {
        let Some(file) = package.file(standard.part) else { continue };
        if standard.only.is_some_and(|only| only != version) {
            findings.error("package-unknown-file", At::file(file.name()), || {
                format!("OneRoster {} has no such file", version.name())
            });
            continue;
        }
        match open(file, encoding, findings)? {
            Some(table) if has_header(&table, &standard.columns(version)) => {
                let columns = header(&table, &standard.columns(version), version, findings);
                files.push(Opened { part: standard.part, file, table, columns });
            }
            Some(table) => {
                let at = At::file(file.name()).line(table.header.line);
                findings.error("csv-first-line", at, || {
                    "the first line is no header row: it lacks the columns of the standard".to_owned()
                });
                counts.push((file.name().to_owned(), 0));
            }
            None => counts.push((file.name().to_owned(), 0)),
        }
    }
    let known = Known::collect(&files, &package, &declared)?;
    known.find_circles(&files, findings);
    for opened in &files {
        let rows = check_rows(opened, &known, &declared, version, findings)?;
        counts.push((opened.file.name().to_owned(), rows));
    }
    Ok(Standing { package: package.name.clone(), version: version.name(), files: counts })
}

/// A file whose header was read.
struct Opened<'p> {
    part: Part,
    file: ExportFile<'p>,
    table: Table,
    /// The columns of the standard that it has, with their positions.
    columns: Vec<(usize, Column)>,
}

impl Opened<'_> {
    fn position(&self, name: &str) -> Option<usize> {
        self.columns.iter().find(|(_, column)| column.name == name).map(|(at, _)| *at)
    }

    /// Hands out every record, with its line. Blank ones too.
    fn each(&self, take: &mut dyn FnMut(&str, &Row, &mut Cells)) -> Result<()> {
        let mut cells = Cells::default();
        let delimiter = self.table.dialect.delimiter;
        self.table.blocks(self.file, &mut |block| {
            for row in &block.rows {
                cells.split(&block.text, row, delimiter);
                take(&block.text, row, &mut cells);
            }
            ControlFlow::Continue(())
        })
    }
}

/// What the package holds besides its files, and how the files are named.
fn look_around(package: &Package, findings: &mut Findings) {
    if let Some(folder) = &package.around.folder {
        findings.error("package-folder", At::file(folder), || {
            "the files of a package are at the root of the zip, not in a folder".to_owned()
        });
    }
    for name in package.around.others.iter().filter(|name| !standard::is_of_standard(name)) {
        findings.warn("package-unknown-file", At::file(name), || "not a file of OneRoster".to_owned());
    }
    let parts = TABLES.iter().map(|table| table.part).chain([Part::Manifest]);
    for file in parts.filter_map(|part| package.file(part)) {
        let right = file.file.part.file_name();
        if file.name() != right {
            findings.error("package-file-name", At::file(file.name()), || format!("the name is {right}"));
        }
    }
}

/// Opens a file. None if it cannot be read as a table, which is said.
fn open(file: ExportFile<'_>, setting: EncodingSetting, findings: &mut Findings) -> Result<Option<Table>> {
    let mut odd = Findings::default();
    let opening = FileOpening { setting, before: None, header: HeaderRow::First };
    let table = match Table::open(file, opening, &[], &mut odd) {
        Ok(table) => table,
        Err(failure) if failure.kind == Kind::InputUnusable => {
            unreadable(file, &failure, findings);
            return Ok(None);
        }
        Err(failure) => return Err(failure),
    };
    let mut wrong_encoding = !table.is_utf8();
    for finding in odd.kept() {
        let at = At::file(file.name()).line(finding.line);
        match finding.code {
            "delimiter" => findings.error("csv-delimiter", at, || "the delimiter is the comma".to_owned()),
            "line-before-header" => {
                findings.error("csv-first-line", at, || "the first line has to be the header row".to_owned())
            }
            "not-utf-8" => {
                wrong_encoding = false;
                findings.error("csv-encoding", at, || "the file is not UTF-8".to_owned());
            }
            _ => {}
        }
    }
    if wrong_encoding {
        findings.error("csv-encoding", At::file(file.name()), || "the file is not UTF-8".to_owned());
    }
    Ok(Some(table))
}

/// Says that a file, or the rest of it, cannot be read.
fn unreadable(file: ExportFile<'_>, failure: &Failure, findings: &mut Findings) {
    let line: Option<u64> = failure
        .place
        .rsplit_once(" line ")
        .and_then(|(_, line)| line.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok());
    let what = failure.what.strip_prefix(file.name()).unwrap_or(&failure.what).trim();
    let what = if what.starts_with("has no header row") { "has no header row" } else { what };
    let code = if what.contains("quote") {
        "csv-quoting"
    } else if what.contains("UTF-8") || what.contains("UTF-16") {
        "csv-encoding"
    } else {
        "file-unreadable"
    };
    findings.error(code, At::file(file.name()).line(line), || format!("the file {what}"));
}

/// Whether the first line is a header row: it has the first column of the standard, or two others. If
/// it is none, its cells may be a person's details, and no finding may name them.
fn has_header(table: &Table, standard: &[Column]) -> bool {
    let cells = &table.header.cells;
    let is_there = |column: &&Column| cells.iter().any(|name| is_spelt_alike(column.name, name));
    standard.first().is_some_and(|key| is_there(&key)) || standard.iter().filter(is_there).count() > 1
}

/// Holds a header row against the columns of the standard. Returns the columns that are there.
fn header(
    table: &Table,
    standard: &[Column],
    version: Version,
    findings: &mut Findings,
) -> Vec<(usize, Column)> {
    let (header, mut found) = (&table.header, Vec::<(usize, Column)>::new());
    let at = || At::file(&header.file).line(header.line);
    let (mut after_extension, mut names) = (false, HashSet::new());
    for (place, name) in header.cells.iter().enumerate() {
        if !names.insert(name.as_str()) {
            let what = if name.is_empty() { "a header is empty" } else { "the column is there twice" };
            findings.error("header-repeated", at().column(name.as_str()), || what.to_owned());
            continue;
        }
        if name.starts_with("metadata.") {
            after_extension = true;
            continue;
        }
        let exact = standard.iter().find(|column| column.name == name);
        let column = exact.or_else(|| standard.iter().find(|column| is_spelt_alike(column.name, name)));
        let Some(column) = column.filter(|column| !found.iter().any(|(_, other)| other.name == column.name))
        else {
            unknown_header(name, standard, version, at().column(name.as_str()), findings);
            continue;
        };
        if exact.is_none() {
            let right = column.name;
            findings.error("header-spelling", at().column(name.as_str()), || {
                format!("the column is named {right}")
            });
        }
        if after_extension {
            findings.warn("header-order", at().column(name.as_str()), || {
                "columns of your own (metadata.*) come after those of the standard".to_owned()
            });
            after_extension = false;
        }
        found.push((place, *column));
    }
    for column in standard.iter().filter(|column| !found.iter().any(|(_, other)| other.name == column.name)) {
        let at = at().column(column.name);
        match column.required {
            true => findings.error("header-missing", at, || "a required column is missing".to_owned()),
            false => findings.warn("header-missing", at, || {
                "the column is missing; the standard asks for every column, filled or not".to_owned()
            }),
        }
    }
    let place = |column: &Column| standard.iter().position(|other| other.name == column.name);
    if let Some(pair) = found.windows(2).find(|pair| place(&pair[0].1) > place(&pair[1].1)) {
        findings.warn("header-order", at().column(pair[1].1.name), || {
            format!("the column comes after {}; the standard has another order", pair[0].1.name)
        });
    }
    found
}

fn unknown_header(name: &str, standard: &[Column], version: Version, at: At<'_>, findings: &mut Findings) {
    let near = nearest(name, standard.iter().map(|column| column.name));
    findings.warn("header-unknown", at, || {
        let near = near.map_or_else(String::new, |near| format!(": is it {near}?"));
        format!(
            "OneRoster {} has no such column, and own columns begin with `metadata.`{near}",
            version.name()
        )
    });
}

/// The same name but for case, blanks and underscores.
fn is_spelt_alike(right: &str, name: &str) -> bool {
    let squeezed: String = name.chars().filter(|c| !matches!(c, '_' | '-' | ' ')).collect();
    squeezed.eq_ignore_ascii_case(right)
}

/// What is known of the records of the files that others refer to.
#[derive(Default)]
struct Known {
    ids: HashMap<Part, Ids>,
    /// By class, its school.
    schools: HashMap<u64, u64>,
    /// Users that have a row in roles.csv.
    with_role: Option<HashSet<u64>>,
    /// By record of a file, its parent and its line.
    parents: HashMap<Part, HashMap<u64, (u64, u64)>>,
}

/// What is known of the records of one file.
enum Ids {
    /// All of them, each with a hash of its type.
    All(HashMap<u64, u32>),
    /// The file is not in the package.
    Absent,
    /// It is a delta or cannot be read: other records may be known from before.
    Unknown,
}

/// The files that others refer to.
const REFERRED: [Part; 6] =
    [Part::Orgs, Part::AcademicSessions, Part::Courses, Part::Users, Part::UserProfiles, Part::Classes];

impl Known {
    fn collect(files: &[Opened<'_>], package: &Package, declared: &Declared) -> Result<Self> {
        let mut known = Self::default();
        for part in REFERRED {
            let ids = match (files.iter().find(|opened| opened.part == part), package.file(part)) {
                (_, None) => Ids::Absent,
                (Some(opened), _) if opened.position("sourcedId").is_some() => {
                    let ids = known.ids_of(opened)?;
                    if declared.is_delta(part) { Ids::Unknown } else { Ids::All(ids) }
                }
                (_, Some(_)) => Ids::Unknown,
            };
            known.ids.insert(part, ids);
        }
        let roles = files.iter().find(|opened| opened.part == Part::Roles);
        if let Some(opened) =
            roles.filter(|_| !declared.is_delta(Part::Roles) && !declared.is_delta(Part::Users))
            && let Some(user) = opened.position("userSourcedId")
        {
            let mut users = HashSet::new();
            quiet(opened.each(&mut |text, _, cells| {
                users.extend(cells.get(text, user).map(hashed));
            }))?;
            known.with_role = Some(users);
        }
        Ok(known)
    }

    fn ids_of(&mut self, opened: &Opened<'_>) -> Result<HashMap<u64, u32>> {
        let Some(id) = opened.position("sourcedId") else { return Ok(HashMap::new()) };
        let kind = opened.position("type");
        let school = opened.position("schoolSourcedId").filter(|_| opened.part == Part::Classes);
        let parent = opened.position("parentSourcedId");
        let mut ids = HashMap::new();
        let (schools, parents) = (&mut self.schools, self.parents.entry(opened.part).or_default());
        quiet(opened.each(&mut |text, row, cells| {
            if matches!(row.shape, Shape::Malformed(_)) {
                return;
            }
            let filled = |at: Option<usize>| cells.get(text, at?).filter(|cell| !cell.is_empty());
            let Some(id) = filled(Some(id)).map(hashed) else { return };
            ids.insert(id, filled(kind).map_or(0, kind_of));
            if let Some(school) = filled(school) {
                schools.insert(id, hashed(school));
            }
            if let Some(parent) = filled(parent) {
                parents.insert(id, (hashed(parent), row.line));
            }
        }))?;
        Ok(ids)
    }

    /// Orgs and sessions that are their own parents, over any number of steps.
    fn find_circles(&self, files: &[Opened<'_>], findings: &mut Findings) {
        for opened in files {
            let Some(parents) = self.parents.get(&opened.part) else { continue };
            let mut done = HashSet::new();
            let mut starts: Vec<(&u64, &(u64, u64))> = parents.iter().collect();
            starts.sort_by_key(|(_, (_, line))| *line);
            for (start, _) in starts {
                let (mut path, mut next) = (HashSet::new(), *start);
                while !done.contains(&next) && path.insert(next) {
                    match parents.get(&next) {
                        Some((parent, _)) => next = *parent,
                        None => break,
                    }
                }
                if path.contains(&next) && parents.contains_key(&next) && !done.contains(&next) {
                    let line = parents.get(&next).map(|(_, line)| *line);
                    let at = At::file(opened.file.name()).line(line).column("parentSourcedId");
                    findings.error("reference-circle", at, || {
                        "by its parents, the record is below itself".to_owned()
                    });
                }
                done.extend(path);
            }
        }
    }
}

/// What is the matter with a file that cannot be read to its end is said when its rows are checked.
fn quiet(done: Result<()>) -> Result<()> {
    match done {
        Err(failure) if failure.kind == Kind::InputUnusable => Ok(()),
        done => done,
    }
}

/// A type in four bytes.
fn kind_of(word: &str) -> u32 {
    (hashed(word) >> 32) as u32 | 1
}

/// Looks at every row of a file. Returns how many there are.
fn check_rows(
    opened: &Opened<'_>,
    known: &Known,
    declared: &Declared,
    version: Version,
    findings: &mut Findings,
) -> Result<u64> {
    let mut check = RowCheck::new(opened, known, declared, version);
    let done = opened.each(&mut |text, row, cells| check.row(text, row, cells, findings));
    let is_read = match done {
        Err(failure) if failure.kind == Kind::InputUnusable => {
            unreadable(opened.file, &failure, findings);
            false
        }
        done => done.map(|()| true)?,
    };
    check.finish(findings);
    if check.rows == 0 && is_read {
        findings.error("file-without-rows", At::file(opened.file.name()), || {
            "the file has a header and no rows; leave it out, and call it absent in the manifest".to_owned()
        });
    }
    Ok(check.rows)
}

/// Whether a column refers to records of another file.
fn target(value: Value) -> Option<(Part, Option<&'static str>)> {
    match value {
        Value::Reference(part, kind) => Some((part, kind)),
        Value::References(part) | Value::IdOf(part) => Some((part, None)),
        _ => None,
    }
}
