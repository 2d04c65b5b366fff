//! Reads a Users report: one that this program wrote, now or by another version, or one that a spreadsheet saved again.
//!
//! So columns are found by their headers, in any order; unknown ones are ignored, missing ones are blank, and so are
//! cells missing at the end of a row, which some spreadsheets leave out. What cannot be a Users report, or not a whole
//! one, is refused: better no answer than a wrong one.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::cell;
use super::columns::Column;
use super::redact::Masked;
use super::rows::{Broken, Cut, Rows};
use crate::failure::{Failure, Kind, Result};

/// Without these it is another kind of file, such as a roster or an export of the platform.
const REQUIRED: [Column; 3] = [Column::SourcedId, Column::Action, Column::Notes];

const CURE: &str = "give a report that rostersync wrote, or a copy of one saved as CSV UTF-8 with commas";

#[derive(Debug, Clone)]
pub(super) struct Layout {
    places: [Option<usize>; Column::ALL.len()],
    /// Cells in the header.
    width: usize,
}

impl Layout {
    /// The columns that the file has, in the order of [`Column::ALL`].
    pub(super) fn columns(&self) -> impl Iterator<Item = Column> {
        Column::ALL.into_iter().filter(|column| self.has(*column))
    }

    pub(super) fn has(&self, column: Column) -> bool {
        self.places[column.index()].is_some()
    }

    /// Refuses a report that does not have a column which is needed of it.
    pub(super) fn demand(&self, column: Column, path: &Path) -> Result<()> {
        if self.has(column) {
            return Ok(());
        }
        let what = format!("this report has no column `{}`", column.name());
        let has: Vec<_> = self.columns().map(Column::name).collect();
        Err(Failure::new(Kind::InputUnusable, what)
            .at(path.display())
            .cure(format!("it has {}", has.join(", "))))
    }

    /// That of a report with every column.
    pub(super) fn whole() -> Self {
        Self { places: std::array::from_fn(Some), width: Column::ALL.len() }
    }

    fn of(header: Cut<'_>, path: &Path) -> Result<Self> {
        let mut places = [None; Column::ALL.len()];
        for (i, name) in header.iter().enumerate() {
            let Some(column) = std::str::from_utf8(name).ok().and_then(|name| Column::named(name.trim()))
            else {
                continue;
            };
            if places[column.index()].replace(i).is_some() {
                let what = format!("not a Users report: it has the header `{}` twice", column.name());
                return Err(Failure::new(Kind::InputUnusable, what).at(path.display()).cure(CURE));
            }
        }
        let missing: Vec<_> = REQUIRED
            .iter()
            .filter(|c| places[c.index()].is_none())
            .map(|c| format!("`{}`", c.name()))
            .collect();
        if !missing.is_empty() {
            let what = format!("not a Users report: it has no header {}", missing.join(", "));
            return Err(Failure::new(Kind::InputUnusable, what).at(path.display()).cure(CURE));
        }
        Ok(Self { places, width: header.len() })
    }
}

/// One row of a report.
#[derive(Debug, Clone, Copy)]
pub struct Cells<'a> {
    row: Cut<'a>,
    layout: &'a Layout,
    /// In place of the notes of the file.
    notes: Option<&'a [u8]>,
    /// In place of the codes of the file.
    codes: Option<&'a [u8]>,
    /// In place of all cells.
    masked: Option<&'a Masked>,
}

impl<'a> Cells<'a> {
    /// First byte and end of the row in what is read.
    pub(super) fn extent(&self) -> (u64, u64) {
        self.row.extent
    }

    /// The value in a column, without the apostrophe that the writer may have put before it. Blank where the file has
    /// no such column.
    pub fn cell(&self, column: Column) -> &'a [u8] {
        if let Some(masked) = self.masked {
            return masked[column.index()].as_bytes();
        }
        if let (Column::Notes, Some(notes)) = (column, self.notes) {
            return notes;
        }
        if let (Column::Codes, Some(codes)) = (column, self.codes) {
            return codes;
        }
        let place = self.layout.places[column.index()];
        cell::unescape(place.and_then(|place| self.row.get(place)).unwrap_or_default())
    }

    /// The same row with some of its notes.
    pub(super) fn with_notes<'b>(self, notes: &'b [u8]) -> Cells<'b>
    where
        'a: 'b,
    {
        Cells { notes: Some(notes), ..self }
    }

    /// The same row with some of its notes and their codes.
    pub(super) fn with_part<'b>(self, notes: &'b [u8], codes: &'b [u8]) -> Cells<'b>
    where
        'a: 'b,
    {
        Cells { notes: Some(notes), codes: Some(codes), ..self }
    }

    /// The same row with pseudonyms in place of its values.
    pub(super) fn masked<'b>(self, masked: &'b Masked) -> Cells<'b>
    where
        'a: 'b,
    {
        Cells { masked: Some(masked), ..self }
    }

    /// The same as text. What is not UTF-8, in a file that something else saved, becomes `�`.
    pub fn text(&self, column: Column) -> Cow<'a, str> {
        String::from_utf8_lossy(self.cell(column))
    }

    /// Given and family name together, as a table shows them.
    pub(super) fn whole_name(&self) -> String {
        format!("{} {}", self.text(Column::GivenName), self.text(Column::FamilyName)).trim().to_owned()
    }
}

pub struct Reader<R> {
    rows: Rows<R>,
    layout: Layout,
    path: PathBuf,
}

pub(super) fn open(path: &Path) -> Result<File> {
    File::open(path).map_err(|cause| {
        let cure = match cause.kind() {
            io::ErrorKind::NotFound => "check the path; `rostersync runs` lists the runs that have a report",
            io::ErrorKind::PermissionDenied => {
                "run as the user that runs the sync, or have it copy the report for you"
            }
            _ => CURE,
        };
        Failure::new(Kind::InputUnusable, "the report cannot be opened")
            .at(path.display())
            .cure(cure)
            .because(cause)
    })
}

impl<R: Read> Reader<R> {
    /// Reads a report from anywhere; `path` is what messages call it.
    pub fn new(source: R, path: &Path) -> Result<Self> {
        let mut rows = Rows::new(source);
        if !rows.advance().map_err(|broken| refusal(broken, rows.line(), path))? {
            let failure = Failure::new(Kind::InputUnusable, "not a Users report: it is empty");
            return Err(failure.at(path.display()).cure(CURE));
        }
        let layout = Layout::of(rows.row(), path)?;
        Ok(Self { rows, layout, path: path.to_owned() })
    }

    /// Reads rows of a report whose header has been read before.
    pub(super) fn without_header(source: R, layout: Layout, path: &Path) -> Self {
        Self { rows: Rows::new(source), layout, path: path.to_owned() }
    }

    pub(super) fn layout(&self) -> &Layout {
        &self.layout
    }

    /// The next row, or none at the end.
    pub fn next_row(&mut self) -> Result<Option<Cells<'_>>> {
        if !self.rows.advance().map_err(|broken| refusal(broken, self.rows.line(), &self.path))? {
            return Ok(None);
        }
        let row = self.rows.row();
        if row.len() > self.layout.width && row.iter().skip(self.layout.width).any(|cell| !cell.is_empty()) {
            return Err(damaged(
                "a row of the report has more cells than the header",
                self.rows.line(),
                &self.path,
            ));
        }
        Ok(Some(Cells { row, layout: &self.layout, notes: None, codes: None, masked: None }))
    }
}

fn refusal(broken: Broken, line: u64, path: &Path) -> Failure {
    match broken {
        Broken::Source(cause) => {
            let failure = Failure::new(Kind::InputUnusable, "the report cannot be read");
            failure
                .at(path.display())
                .cure("fix the cause shown above, or take a fresh copy of the report")
                .because(cause)
        }
        Broken::Unclosed => damaged("the report breaks off inside a quoted cell", line, path),
        Broken::TooLong => damaged("a row of the report never ends", line, path),
    }
}

fn damaged(what: &str, line: u64, path: &Path) -> Failure {
    Failure::new(Kind::InputUnusable, what)
        .at(format_args!("{} line {line}", path.display()))
        .cure("take a fresh copy of the report")
}

#[cfg(test)]
mod tests {
    use super::super::columns::Row;
    use super::super::writer::Writer;
    use super::*;
    use proptest::prelude::*;

    fn read(file: &[u8]) -> Result<Vec<[String; Column::ALL.len()]>> {
        let mut reader = Reader::new(file, Path::new("r.csv"))?;
        let mut rows = Vec::new();
        while let Some(cells) = reader.next_row()? {
            rows.push(Column::ALL.map(|column| cells.text(column).into_owned()));
        }
        Ok(rows)
    }

    fn refusal(file: &[u8]) -> String {
        let failure = read(file).unwrap_err();
        assert_eq!(failure.kind, Kind::InputUnusable);
        failure.to_string()
    }

    #[test]
    fn any_order_line_ends_and_extra_columns() {
        for file in [
            "\u{FEFF}notes,extra,action,sourced_id\r\n\"a\r\nb\",x,kept,'=1\r\n,,,\r\n",
            "notes,extra,action,sourced_id\n\"a\r\nb\",x,kept,'=1\n\n,,,\n",
            "\r\nnotes, extra, action ,sourced_id\r\n\"a\r\nb\",x,kept,'=1\r\n,,,",
        ] {
            let rows = read(file.as_bytes()).unwrap();
            assert_eq!(rows.len(), 2, "{file:?}");
            assert_eq!(rows[0][Column::Notes.index()], "a\r\nb");
            assert_eq!(rows[0][Column::Action.index()], "kept");
            assert_eq!(rows[0][Column::SourcedId.index()], "=1");
            assert_eq!(rows[0][Column::Email.index()], "");
            assert_eq!(rows[1], [const { String::new() }; Column::ALL.len()]);
        }
    }

    #[test]
    fn short_rows_are_blank_and_long_ones_refused() {
        let rows = read(b"sourced_id,action,notes\n1,kept\n2,kept,x,,\n").unwrap();
        assert_eq!(
            (rows.len(), rows[0][Column::Notes.index()].as_str(), rows[1][Column::Notes.index()].as_str()),
            (2, "", "x")
        );
        assert_eq!(
            refusal(b"sourced_id,action,notes\n1,kept,a,b\n"),
            "a row of the report has more cells than the header, at r.csv line 2; take a fresh copy of the report"
        );
    }

    #[test]
    fn what_is_not_a_report_is_refused() {
        let cure = "give a report that rostersync wrote, or a copy of one saved as CSV UTF-8 with commas";
        assert_eq!(
            refusal(b"sourcedId,status,email\n1,active,a@example.org\n"),
            format!("not a Users report: it has no header `sourced_id`, `action`, `notes`, at r.csv; {cure}")
        );
        assert_eq!(
            refusal(b"sourced_id,action\n"),
            format!("not a Users report: it has no header `notes`, at r.csv; {cure}")
        );
        assert_eq!(
            refusal(b"sourced_id,action,notes,action\n"),
            format!("not a Users report: it has the header `action` twice, at r.csv; {cure}")
        );
        for empty in [&b""[..], b"\n\r\n", b"\xEF\xBB\xBF"] {
            assert_eq!(refusal(empty), format!("not a Users report: it is empty, at r.csv; {cure}"));
        }
        assert!(refusal(b"PK\x03\x04\0\0\xFF\xFE\"\n").contains("no header"));
        assert!(refusal(b"sourced_id,action,notes\r1,kept,\r").contains("no header"));
        assert!(refusal(b"\"sourced_id,action,notes").contains("breaks off"));
    }

    #[test]
    fn a_file_cut_off_inside_quotes_is_refused() {
        assert_eq!(
            refusal(b"sourced_id,action,notes\n1,kept,\n2,kept,\"half a no"),
            "the report breaks off inside a quoted cell, at r.csv line 3; take a fresh copy of the report"
        );
    }

    #[test]
    fn a_missing_file_has_a_cure() {
        let failure = open(Path::new("/nowhere/r.csv")).unwrap_err();
        assert_eq!(failure.kind, Kind::InputUnusable);
        assert!(failure.cure.contains("rostersync runs"), "{}", failure.cure);
    }

    fn cells() -> impl Strategy<Value = Vec<String>> {
        proptest::collection::vec(
            prop_oneof!["['=+\\-@\t\r\n,\"1 ;é]{0,6}", "\\+[0-9]{5,17}", any::<String>()],
            Column::ALL.len() - 1,
        )
    }

    /// The rule of the contract, said independently of `cell`.
    fn apostrophe_off(cell: &str) -> &str {
        let bare = cell.trim_start_matches('\'');
        let escaped = bare.len() < cell.len() && bare.starts_with(['=', '+', '-', '@', '\t', '\r']);
        if escaped { &cell[1..] } else { cell }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(192))]
        #[test]
        fn every_cell_survives(rows in proptest::collection::vec((any::<Option<u64>>(), cells()), 0..4)) {
            let mut writer = Writer::new(Vec::new());
            let mut expected = Vec::new();
            for (line, c) in &rows {
                let row = Row::of(*line, c);
                writer.row(&row).unwrap();
                let mut cells = vec![line.map_or(String::new(), |line| line.to_string())];
                cells.extend(c.iter().cloned());
                expected.push(cells);
            }
            let file = writer.finish().unwrap();
            let ours: Vec<_> = read(&file).unwrap().into_iter().map(Vec::from).collect();
            prop_assert_eq!(&ours, &expected);

            let theirs: Vec<Vec<String>> = csv::Reader::from_reader(&file[..])
                .records()
                .map(|record| record.unwrap().iter().map(|cell| apostrophe_off(cell).to_owned()).collect())
                .collect();
            prop_assert_eq!(&theirs, &expected);
            for cell in csv::Reader::from_reader(&file[..]).records().flat_map(|r| {
                r.unwrap().iter().map(str::to_owned).collect::<Vec<_>>()
            }) {
                let plain = cell.starts_with('+') && cell.len() >= 8 && cell[1..].bytes().all(|b| b.is_ascii_digit());
                prop_assert!(plain || !cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{cell:?} could run");
            }
        }

        #[test]
        fn no_input_panics(file: Vec<u8>) {
            let mut report = b"sourced_id,action,notes\n".to_vec();
            report.extend(file);
            let _ = read(&report);
        }
    }
}
