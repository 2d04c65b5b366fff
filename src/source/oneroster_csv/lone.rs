//! One CSV file outside of any package, read as carefully as one inside: encoding, delimiter, quotes, header.

use std::ops::ControlFlow;
use std::path::Path;

use super::EncodingSetting;
use super::header::Wanted;
use super::limits::Limits;
use super::package::Package;
use super::table::Table;
use crate::failure::Result;
use crate::findings::Findings;

/// A row: its line, its cells in the order of the columns that were asked for, and why they cannot be trusted.
pub(in crate::source) struct LoneRow<'a, const N: usize> {
    pub(in crate::source) line: u64,
    /// Trimmed; none without the column or the cell.
    pub(in crate::source) cells: [Option<&'a str>; N],
    pub(in crate::source) defect: Option<&'static str>,
}

/// Reads a file whole. The first column has to be there; each is known by its first name or one of the others.
///
/// # Errors
/// `InputUnusable` if it is no usable CSV file, `SourceUnavailable` if it changes while it is read; and those of `each`.
pub(in crate::source) fn read<const N: usize>(
    path: &Path,
    encoding: EncodingSetting,
    columns: [(&'static str, &'static [&'static str]); N],
    findings: &mut Findings,
    each: &mut dyn FnMut(LoneRow<'_, N>) -> Result<()>,
) -> Result<()> {
    let (package, file) = Package::lone(path, Limits::default())?;
    let wanted = columns.map(|(name, formerly)| Wanted { name, formerly, misspelt: &[] });
    let table = Table::open(&package, &file, encoding, &wanted, findings)?;
    let located = table.header.locate(&wanted, findings)?;
    table.rows(&package, &file, &located, &mut |row| {
        each(LoneRow {
            line: row.line(),
            cells: located.map(|column| row.get(column)),
            defect: row.defect(),
        })?;
        Ok(ControlFlow::Continue(()))
    })
}
