//! The file of `run --rekey`, read as every other input file is.

use std::path::Path;

use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::owner;
use crate::people::AskedRename;
use crate::source::oneroster_csv::lone::LoneFile;

/// Reads the renames of a CSV file with the headers `old` and `new`.
///
/// # Errors
/// `InputUnusable` if it cannot be read whole.
pub(super) fn read(file: &Path, findings: &mut Findings) -> Result<Vec<AskedRename>> {
    let cure = "write a CSV file with the headers `old` and `new`, and a row for each new sourcedId";
    let unusable = |what: &str, line: u64| {
        Failure::new(Kind::InputUnusable, format!("the file of renames {what}"))
            .at(format!("{}:{line}", file.display()))
            .cure(cure)
    };
    let name = owner::name_of(file);
    let own = |mut failure: Failure| {
        let is_open = failure.what != "the file cannot be opened";
        failure.what = failure.what.replacen(&name, "the file of renames", 1);
        match is_open {
            true => failure,
            false => Failure { what: "the file of renames cannot be read".to_owned(), ..failure }.cure(cure),
        }
    };
    let table = LoneFile::open(file, None, &["old", "new"], findings).map_err(own)?;
    let place = |name: &str| {
        let found = table.headers().iter().position(|header| header.eq_ignore_ascii_case(name));
        found.ok_or_else(|| unusable(&format!("has no header `{name}`"), table.line()))
    };
    let (old, new) = (place("old")?, place("new")?);
    let mut asked = Vec::new();
    let mut rows = table.rows().map_err(own)?;
    while let Some(row) = rows.next_row().map_err(own)? {
        let (line, defect) = (row.line(), row.defect());
        let cells: Vec<&str> = row.into_cells().collect();
        let cell = |place: usize| cells.get(place).map(|cell| (*cell).to_owned());
        let (Some(old), Some(new), None) = (cell(old), cell(new), defect) else {
            return Err(unusable(
                "cannot be read: the row has too few or too many cells, or quotes that are not doubled",
                line,
            ));
        };
        asked.push(AskedRename { line, old, new });
    }
    Ok(asked)
}
