//! The renderings for programs: CSV and JSON.
//!
//! A rendering turns cells into bytes and knows no file and no terminal, so that each can be tested as a function.

use super::cell;

/// One way to show rows, which all have the same columns. Everything is appended to `out`, which the caller empties as it
/// likes.
pub trait Rendering {
    fn begin(&mut self, out: &mut Vec<u8>);
    fn row(&mut self, cells: &[&[u8]], out: &mut Vec<u8>);
    fn end(&mut self, out: &mut Vec<u8>);
}

/// Between two values of a cell of a table: where the line may be broken. The second value is one
/// that differs from the first.
pub const BREAK: char = '\u{1e}';

/// CSV without a byte order mark: a pipe has no use for one.
#[derive(Debug)]
pub struct Csv<'a> {
    headers: Vec<&'a str>,
    /// Cells that a spreadsheet would run as a formula have a leading apostrophe.
    for_spreadsheets: bool,
}

impl<'a> Csv<'a> {
    /// Like the report itself, formula-safe.
    pub fn for_spreadsheets(headers: Vec<&'a str>) -> Self {
        Self { headers, for_spreadsheets: true }
    }

    /// Values as they are.
    pub fn for_programs(headers: Vec<&'a str>) -> Self {
        Self { headers, for_spreadsheets: false }
    }
}

impl Rendering for Csv<'_> {
    fn begin(&mut self, out: &mut Vec<u8>) {
        cell::append_row(self.headers.iter().map(|header| header.as_bytes()), out);
    }

    fn row(&mut self, cells: &[&[u8]], out: &mut Vec<u8>) {
        match self.for_spreadsheets {
            true => cell::append_row(cells.iter().copied(), out),
            false => cell::append_plain_row(cells.iter().copied(), out),
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}
}

/// An array of objects, one object on a line; all values are strings but those of one column of numbers, if there is one.
#[derive(Debug)]
pub struct Json<'a> {
    headers: Vec<&'a str>,
    numbers: Option<usize>,
    any: bool,
}

impl<'a> Json<'a> {
    /// `numbers` is the place of the column whose cells are numbers, or null.
    pub fn new(headers: Vec<&'a str>, numbers: Option<usize>) -> Self {
        Self { headers, numbers, any: false }
    }
}

impl Rendering for Json<'_> {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.push(b'[');
    }

    fn row(&mut self, cells: &[&[u8]], out: &mut Vec<u8>) {
        out.extend_from_slice(if self.any { b",\n" } else { b"\n" });
        self.any = true;
        for (i, (header, cell)) in self.headers.iter().zip(cells).enumerate() {
            out.push(if i == 0 { b'{' } else { b',' });
            append_json(header, out);
            out.push(b':');
            match self.numbers {
                Some(numbers) if numbers == i => append_json(&cell::number(cell), out),
                _ => append_json(&String::from_utf8_lossy(cell), out),
            }
        }
        out.push(b'}');
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.any { b"\n]\n" } else { b"]\n" });
    }
}

fn append_json<T: serde::Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let written = serde_json::to_writer(out, value);
    debug_assert!(written.is_ok(), "text and numbers always serialise, and a vector takes everything");
}
