//! The cells of one record, as places in the text they came from.
//!
//! A cell becomes text of its own only if it is asked for and cannot be borrowed as it stands
//! (doubled quotes, a line break). Cells of columns that are not read, above all the password, are
//! never copied.

use memchr::{memchr, memchr_iter};

use super::blocks::Row;
use super::scan::{Shape, blanks};

/// Where a cell's text is.
#[derive(Debug, Clone, Copy)]
struct Cell {
    start: u32,
    end: u32,
    /// In the scratch text instead of the block.
    scratch: bool,
    /// Has doubled quotes, so it cannot be borrowed before it is mended.
    escaped: bool,
}

/// The cells of the record that was split last; kept and reused for all records of a file.
#[derive(Default)]
pub(super) struct Cells {
    cells: Vec<Cell>,
    scratch: String,
}

impl Cells {
    /// Splits a row of `text`. Of a malformed row only the cells before the malformed one are
    /// there.
    pub(super) fn split(&mut self, text: &str, row: &Row, delimiter: u8) {
        self.cells.clear();
        let bytes = text.as_bytes();
        let (start, end) = (row.start as usize, row.end as usize);
        match row.shape {
            Shape::Plain => self.plain(bytes, start, end, delimiter),
            Shape::Quoted | Shape::Lines => self.quoted(bytes, start, end, delimiter),
            // The cells before it end with a delimiter, which is left out so that no empty cell
            // follows.
            Shape::Malformed(cell) if cell > start => self.quoted(bytes, start, cell - 1, delimiter),
            Shape::Malformed(_) => {}
        }
    }

    fn plain(&mut self, bytes: &[u8], start: usize, end: usize, delimiter: u8) {
        let mut from = start as u32;
        for at in memchr_iter(delimiter, &bytes[start..end]) {
            let at = (start + at) as u32;
            self.cells.push(Cell { start: from, end: at, scratch: false, escaped: false });
            from = at + 1;
        }
        self.cells.push(Cell { start: from, end: end as u32, scratch: false, escaped: false });
    }

    fn quoted(&mut self, bytes: &[u8], start: usize, end: usize, delimiter: u8) {
        let mut from = start;
        loop {
            let cell;
            let after;
            // Blanks beside the quotes are no part of the cell.
            let open = match bytes.get(from) {
                Some(b' ' | b'\t') => from + blanks(bytes[from..end].iter(), delimiter),
                _ => from,
            };
            if open < end && bytes[open] == b'"' {
                let (close, escaped) = closing_quote(&bytes[..end], open + 1);
                cell = Cell { start: open as u32 + 1, end: close as u32, scratch: false, escaped };
                let closed = (close + 1).min(end);
                after = closed + blanks(bytes[closed..end].iter(), delimiter);
            } else {
                after = find(delimiter, &bytes[..end], from).unwrap_or(end);
                cell = Cell { start: from as u32, end: after as u32, scratch: false, escaped: false };
            }
            self.cells.push(cell);
            if after >= end {
                return;
            }
            from = after + 1;
        }
    }

    /// Makes the cells of the given columns readable: doubled quotes halved, line breaks replaced
    /// by a space.
    ///
    /// Returns the first column that had a line break. Needed for rows that are not plain only.
    pub(super) fn mend(
        &mut self,
        text: &str,
        row: &Row,
        columns: impl Iterator<Item = usize>,
    ) -> Option<usize> {
        self.scratch.clear();
        let mut broken = None;
        for column in columns {
            let Some(cell) = self.cells.get_mut(column) else { continue };
            if cell.scratch {
                continue;
            }
            let raw = text.get(cell.start as usize..cell.end as usize).unwrap_or_default();
            let breaks = row.shape == Shape::Lines && raw.contains(['\n', '\r']);
            if !breaks && !cell.escaped {
                continue;
            }
            let start = self.scratch.len() as u32;
            let mut characters = raw.chars().peekable();
            while let Some(character) = characters.next() {
                match character {
                    '"' if cell.escaped => {
                        characters.next_if_eq(&'"');
                        self.scratch.push('"');
                    }
                    '\r' => {
                        characters.next_if_eq(&'\n');
                        self.scratch.push(' ');
                    }
                    '\n' => self.scratch.push(' '),
                    other => self.scratch.push(other),
                }
            }
            *cell = Cell { start, end: self.scratch.len() as u32, scratch: true, escaped: false };
            if breaks {
                broken = broken.or(Some(column));
            }
        }
        broken
    }

    pub(super) fn len(&self) -> usize {
        self.cells.len()
    }

    /// The cell's text, trimmed; none if the row is too short to have it.
    #[inline]
    pub(super) fn get<'a>(&'a self, text: &'a str, column: usize) -> Option<&'a str> {
        self.raw(text, column).map(trim)
    }

    /// The cell's text as it stands.
    #[inline]
    pub(super) fn raw<'a>(&'a self, text: &'a str, column: usize) -> Option<&'a str> {
        let cell = self.cells.get(column)?;
        let whole = if cell.scratch { &self.scratch } else { text };
        Some(whole.get(cell.start as usize..cell.end as usize).unwrap_or_default())
    }

    /// Whether the row has a cell in this column with something in it.
    #[inline]
    pub(super) fn is_filled(&self, text: &str, column: usize) -> bool {
        match self.cells.get(column) {
            None => false,
            Some(cell) if cell.start == cell.end => false,
            Some(cell) if !cell.scratch && text.as_bytes()[cell.start as usize].is_ascii_graphic() => true,
            Some(_) => self.get(text, column).is_some_and(|value| !value.is_empty()),
        }
    }

    /// Whether all cells from the given one on are blank.
    pub(super) fn blank_from(&self, text: &str, column: usize) -> bool {
        (column..self.cells.len()).all(|at| self.get(text, at).is_none_or(str::is_empty))
    }
}

/// Where the quoted text that begins at `from` ends, and whether there are doubled quotes in it.
fn closing_quote(bytes: &[u8], from: usize) -> (usize, bool) {
    let mut escaped = false;
    let mut position = from;
    while let Some(quote) = find(b'"', bytes, position) {
        if bytes.get(quote + 1) != Some(&b'"') {
            return (quote, escaped);
        }
        escaped = true;
        position = quote + 2;
    }
    (bytes.len(), escaped)
}

/// The next such byte from `position` on. Most cells are short, where a plain look is faster than
/// setting up a search.
fn find(byte: u8, bytes: &[u8], position: usize) -> Option<usize> {
    const SHORT: usize = 16;
    let end = bytes.len().min(position + SHORT);
    if let Some(at) = bytes[position..end].iter().position(|&other| other == byte) {
        return Some(position + at);
    }
    memchr(byte, &bytes[end..]).map(|at| end + at)
}

/// Trims Unicode whitespace, no-break spaces among it. Nearly all cells have none, which two bytes
/// tell.
#[inline]
fn trim(text: &str) -> &str {
    match text.as_bytes() {
        [] => text,
        [only] if only.is_ascii_graphic() => text,
        [first, .., last] if first.is_ascii_graphic() && last.is_ascii_graphic() => text,
        _ => text.trim(),
    }
}
