//! One CSV file outside of any package, read as carefully as one inside: encoding, delimiter, quotes, header.

use std::ops::ControlFlow;
use std::path::Path;

use super::header::Wanted;
use super::limits::Limits;
use super::package::Package;
pub use super::table::FileOpening;
use super::table::Table;
use crate::failure::Result;
use crate::findings::Findings;
use crate::last_night::FileSeen;

/// A row: its line, its cells in the order of the columns that were asked for, and why they cannot be trusted.
pub struct LoneRow<'a, const N: usize> {
    pub line: u64,
    /// Trimmed; none without the column or the cell.
    pub cells: [Option<&'a str>; N],
    pub defect: Option<&'static str>,
}

/// Reads a file whole. The first column has to be there; each is known by its first name or one of the others.
///
/// # Errors
/// `InputUnusable` if it is no usable CSV file, `SourceUnavailable` if it changes while it is read; and those of `each`.
pub fn read<const N: usize>(
    path: &Path,
    opening: FileOpening<'_>,
    columns: [(&'static str, &'static [&'static str]); N],
    findings: &mut Findings,
    each: &mut dyn FnMut(LoneRow<'_, N>) -> Result<()>,
) -> Result<FileSeen> {
    let (package, file) = Package::lone(path, Limits::default())?;
    let wanted = columns.map(|(name, formerly)| Wanted { name, formerly, misspelt: &[] });
    let table = Table::open(&package, &file, opening, &wanted, findings)?;
    let located = table.header.locate(&wanted, findings)?;
    let tally = table.rows(&package, &file, &located, &mut |row| {
        each(LoneRow {
            line: row.line(),
            cells: located.map(|column| row.get(column)),
            defect: row.defect(),
        })?;
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(table.seen(&wanted, &located, &tally))
}
