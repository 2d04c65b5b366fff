//! The renderings for programs: CSV and JSON.
//!
//! A rendering turns cells into bytes and knows no file and no terminal, so that each can be tested as a function.

use super::cell;
use super::columns::{Column, Holds};
use super::reader::Cells;

/// One way to show rows. Everything is appended to `out`, which the caller empties as it likes.
pub(super) trait Rendering {
    fn begin(&mut self, out: &mut Vec<u8>);
    fn row(&mut self, cells: &Cells<'_>, out: &mut Vec<u8>);
    fn end(&mut self, out: &mut Vec<u8>);
}

/// CSV like the file itself, formula-safe, but without the byte order mark: a pipe has no use for one.
#[derive(Debug)]
pub(super) struct Csv(pub(super) Vec<Column>);

impl Rendering for Csv {
    fn begin(&mut self, out: &mut Vec<u8>) {
        cell::append_row(self.0.iter().map(|column| column.name().as_bytes()), out);
    }

    fn row(&mut self, cells: &Cells<'_>, out: &mut Vec<u8>) {
        cell::append_row(self.0.iter().map(|column| cells.cell(*column)), out);
    }

    fn end(&mut self, _: &mut Vec<u8>) {}
}

/// An array of objects, one object on a line; all values are strings except `line`, a number or null.
#[derive(Debug)]
pub(super) struct Json {
    columns: Vec<Column>,
    any: bool,
}

impl Json {
    pub(super) fn new(columns: Vec<Column>) -> Self {
        Self { columns, any: false }
    }
}

impl Rendering for Json {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.push(b'[');
    }

    fn row(&mut self, cells: &Cells<'_>, out: &mut Vec<u8>) {
        out.extend_from_slice(if self.any { b",\n" } else { b"\n" });
        self.any = true;
        for (i, &column) in self.columns.iter().enumerate() {
            out.push(if i == 0 { b'{' } else { b',' });
            append_json(column.name(), out);
            out.push(b':');
            match column.holds() {
                Holds::Number => append_json(&cells.number(column), out),
                _ => append_json(&cells.text(column), out),
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
