//! A file of a run without one person: the rows of the person are left out, and notes of other rows
//! that name the person say so no longer.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use super::cell;
use super::rows::{Cut, Rows};
use crate::failure::{Failure, Kind, Result};

/// What is left out of a file, or would be.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LeftOut {
    /// Rows of the person.
    pub rows: u64,
    /// Rows of others that named the person.
    pub mentions: u64,
}

impl LeftOut {
    pub fn is_nothing(self) -> bool {
        self == Self::default()
    }
}

/// Columns in which a sourcedId says whose row it is: of the Users report, and of files of renames.
const OF_THE_PERSON: [&[u8]; 3] = [b"sourced_id", b"old", b"new"];

struct Columns {
    of_the_person: Vec<usize>,
    notes: Option<usize>,
}

impl Columns {
    fn of(header: Cut<'_>) -> Self {
        let names: Vec<&[u8]> = header.iter().collect();
        Self {
            of_the_person: (0..names.len()).filter(|at| OF_THE_PERSON.contains(&names[*at])).collect(),
            notes: names.iter().position(|name| *name == b"notes"),
        }
    }
}

/// Copies the file at `path` to `to` without the rows and the mentions of a person. `masked` gives a
/// text without the mentions, if it has some.
///
/// # Errors
/// `Failed` if it cannot be read to its end, or be written.
pub fn write_without(
    path: &Path,
    sourced_ids: &[String],
    masked: &dyn Fn(&str) -> Option<String>,
    to: &mut dyn Write,
) -> Result<LeftOut> {
    let unreadable = |cause| Failure::io(Kind::Failed, "the file of a run cannot be read", path, cause);
    let unwritable = |cause| Failure::io(Kind::Failed, "the file of a run cannot be written", path, cause);
    let damaged = || {
        Failure::new(Kind::Failed, "the file of a run is damaged, so no person can be removed from it")
            .at(path.display())
            .cure("remove the file, then erase the user again")
    };
    let mut rows = Rows::new(File::open(path).map_err(unreadable)?);
    let mut raw = std::io::BufReader::with_capacity(256 << 10, File::open(path).map_err(unreadable)?);
    let (mut left_out, mut columns, mut copied, mut bytes) = (LeftOut::default(), None, 0, Vec::new());
    while rows.advance().map_err(|_| damaged())? {
        let row = rows.row();
        // With what stands before it: the byte order mark, blank lines.
        bytes.clear();
        let length = row.extent.1.saturating_sub(copied);
        let read = Read::by_ref(&mut raw).take(length).read_to_end(&mut bytes).map_err(unreadable)?;
        if read as u64 != length {
            return Err(damaged());
        }
        copied = row.extent.1;
        let Some(columns) = &columns else {
            columns = Some(Columns::of(row));
            to.write_all(&bytes).map_err(unwritable)?;
            continue;
        };
        let is_named = |at: &usize| {
            let cell = row.get(*at).map(cell::unescape).unwrap_or_default();
            sourced_ids.iter().any(|id| id.as_bytes() == cell)
        };
        if columns.of_the_person.iter().any(is_named) {
            left_out.rows += 1;
            continue;
        }
        let notes = columns.notes.and_then(|at| std::str::from_utf8(row.get(at)?).ok());
        if let Some(notes) = notes.and_then(masked) {
            left_out.mentions += 1;
            let is_notes = |at: usize| columns.notes == Some(at);
            let cells = row.iter().enumerate();
            let cells = cells.map(|(at, cell)| if is_notes(at) { notes.as_bytes() } else { cell });
            bytes.clear();
            cell::append_plain_row(cells, &mut bytes);
        }
        to.write_all(&bytes).map_err(unwritable)?;
    }
    Ok(left_out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rows_go_and_the_mentions_are_masked_and_nothing_else_changes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("users-000001.csv");
        let file = "\u{feff}line,sourced_id,given_name,notes\r\n2,g-1,Gerda,\r\n\
                    3,s-1,'=x,\"Email is shared with g-1, g-2\"\r\n4,s-2,\"a\nb\",was g-12\r\n";
        std::fs::write(&path, file).unwrap();
        let masked = |text: &str| text.contains("g-1,").then(|| text.replace("g-1", "(erased)"));
        let mut out = Vec::new();
        let left_out = write_without(&path, &["g-1".to_owned()], &masked, &mut out).unwrap();
        assert_eq!(left_out, LeftOut { rows: 1, mentions: 1 });
        let expected = "\u{feff}line,sourced_id,given_name,notes\r\n\
                        3,s-1,'=x,\"Email is shared with (erased), g-2\"\r\n4,s-2,\"a\nb\",was g-12\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
        let mut out = Vec::new();
        assert!(
            write_without(&path, &["someone-else".to_owned()], &|_| None, &mut out).unwrap().is_nothing()
        );
        assert_eq!(out, file.as_bytes());
    }
}
