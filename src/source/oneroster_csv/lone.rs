//! One CSV file outside of any package, read as carefully as one inside: encoding, delimiter,
//! quotes, header.

use std::path::Path;

use super::archive::Limits;
use super::header::Wanted;
use super::package::{ExportFile, Package, PackageFile, whole_place};
use super::table::Table;
use crate::failure::Result;
use crate::findings::Findings;
use crate::last_night::FileSeen;

pub use super::table::{FileOpening, HeaderRow, NO_FINAL_LINE_BREAK, Rows, TableRow};

/// A row: its line, its cells in the order of the columns that were asked for, and why they cannot
/// be trusted.
pub struct LoneRow<'a, const N: usize> {
    pub line: u64,
    /// Trimmed; none without the column or the cell, or if the file may have been cut in it.
    pub cells: [Option<&'a str>; N],
    pub defect: Option<&'static str>,
    /// The column whose value may have been cut, and what there is of it.
    pub cut: Option<(usize, &'a str)>,
    /// The cells of the columns that were asked for by their places.
    pub own: Vec<Option<&'a str>>,
    /// Its cells can have letters of another code page than the one in which the file is read.
    pub foreign: bool,
}

/// Given the header and the places of the columns that have a meaning, the places of others that
/// are wanted.
pub type Ask<'a, const N: usize> = &'a mut dyn FnMut(&[String], &[Option<usize>; N]) -> Vec<usize>;

/// Reads a file whole. The first column has to be there; each is known by its first name or one of
/// the others. `ask` is given the header and the places of these columns, and asks for others by
/// their places.
///
/// # Errors
/// `InputUnusable` if it is no usable CSV file, `SourceUnavailable` if it changes while it is read;
/// and those of `each`.
pub fn read<'w, const N: usize>(
    path: &Path,
    opening: FileOpening<'_>,
    columns: [(&'w str, &'w [&'w str]); N],
    ask: Ask<'_, N>,
    findings: &mut Findings,
    each: &mut dyn FnMut(LoneRow<'_, N>) -> Result<()>,
) -> Result<FileSeen> {
    let (package, file) = Package::lone(path, Limits::default())?;
    let file = ExportFile { package: &package, file: &file };
    let whole = |failure| whole_place(failure, file.name(), &file.place());
    let wanted = columns.map(|(name, formerly)| Wanted::new(name).formerly(formerly));
    let table = Table::open(file, opening, &wanted, findings).map_err(whole)?;
    let located = table.header.locate(&wanted, findings).map_err(whole)?;
    let own = ask(&table.header.cells, &located);
    let all: Vec<Option<usize>> = located.iter().copied().chain(own.iter().copied().map(Some)).collect();
    let tally = table.rows(file, &all, findings, &mut |row, _| {
        let cut = row.unproven().and_then(|cut| located.iter().position(|column| *column == Some(cut)));
        each(LoneRow {
            line: row.line(),
            cells: located.map(|column| row.get(column)),
            own: own.iter().map(|column| row.get(Some(*column))).collect(),
            defect: row.defect(),
            cut: cut.map(|column| (column, row.as_it_stands(located[column]).unwrap_or_default())),
            foreign: table.foreign,
        })
    })?;
    Ok(table.seen(&wanted, &located, &tally))
}

/// A file whose first row is the header, whatever the names in it; to be read row by row.
pub struct LoneFile {
    package: Package,
    file: PackageFile,
    table: Table,
}

impl LoneFile {
    /// Looks through the file once. `known` are the names of columns by which the delimiter is
    /// found.
    pub fn open(
        path: &Path,
        before: Option<&FileSeen>,
        known: &[&str],
        findings: &mut Findings,
    ) -> Result<Self> {
        let (package, file) = Package::lone(path, Limits::default())?;
        let wanted: Vec<Wanted<'_>> = known.iter().map(|name| Wanted::new(name)).collect();
        let opening = FileOpening { before, header: HeaderRow::First, ..FileOpening::default() };
        let table = Table::open(ExportFile { package: &package, file: &file }, opening, &wanted, findings)?;
        Ok(Self { package, file, table })
    }

    /// The names of the columns.
    pub fn headers(&self) -> &[String] {
        &self.table.header.cells
    }

    /// Whether cells can have letters of another code page than the one in which the file is read.
    pub fn is_foreign(&self) -> bool {
        self.table.foreign
    }

    /// The line of the header.
    pub fn line(&self) -> u64 {
        self.table.header.line
    }

    /// Its rows.
    pub fn rows(&self) -> Result<Rows<'_>> {
        self.table.pull(ExportFile { package: &self.package, file: &self.file })
    }
}
