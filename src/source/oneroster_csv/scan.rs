//! Finds where one CSV record ends, and whether its quotes can be trusted.
//!
//! This is the only place that knows the quoting rules. It works on bytes, because quotes,
//! delimiters and line breaks are ASCII in UTF-8 text, and it looks only at quotes and line breaks:
//! a record without quotes costs one search.
//!
//! The rules are RFC 4180's with one leniency: a quote inside a cell that did not begin with one is
//! just a character (`5" pipe`). What a stray quote may do is limited to its line: after a cell
//! that is not closed properly the record ends with the line and is unusable. A quote that is never
//! closed would make one cell of the rest of the file; it is recognised by what it swallows and is
//! the end of the whole reading, since where records begin is then a guess.

use memchr::{memchr_iter, memchr2, memchr3};

use super::lines::breaks;

/// What is known of a record's quoting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// No quote in it.
    Plain,
    /// There are quotes, on one line.
    Quoted,
    /// A quoted cell goes over a line break.
    Lines,
    /// The cell at this byte begins with a quote, but where it ends is a guess.
    Malformed(usize),
}

/// A whole record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Scanned {
    /// Where its text ends.
    pub end: usize,
    /// Where the next record begins; equal to `end` only if the input ended without a line break.
    pub next: usize,
    /// Line breaks between its beginning and the next record.
    pub breaks: u64,
    pub shape: Shape,
}

/// What a scan came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Outcome {
    Record(Scanned),
    /// The record goes on beyond the bytes at hand.
    More,
    /// The quote at this byte is never closed.
    Unclosed(usize),
}

/// What the scanner has to know of the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Dialect {
    pub delimiter: u8,
    /// Cells in the header. A quoted cell over a line break with a whole row's delimiters in it is
    /// not a cell.
    pub width: usize,
}

impl Dialect {
    /// Whether a quoted text that goes over a line break looks like rows rather than like a cell.
    fn swallowed_rows(self, text: &[u8]) -> bool {
        memchr_iter(self.delimiter, text).count() >= self.width.saturating_sub(1).max(1)
    }
}

/// Scans the record that begins at `start`. `last` says that nothing comes after `bytes`.
pub(super) fn record(bytes: &[u8], start: usize, dialect: Dialect, last: bool) -> Outcome {
    let mut shape = Shape::Plain;
    let mut inner_breaks = 0;
    let mut position = start;
    let mut cell;
    loop {
        let Some(hit) = memchr3(b'"', b'\n', b'\r', &bytes[position..]).map(|at| position + at) else {
            return if last { closed(bytes.len(), bytes.len(), inner_breaks, shape) } else { Outcome::More };
        };
        if bytes[hit] != b'"' {
            return line_end(bytes, hit, inner_breaks, shape, last);
        }
        if shape == Shape::Plain {
            shape = Shape::Quoted;
        }
        match opening(bytes, start, hit, dialect.delimiter) {
            Opening::Inside => {
                position = hit + 1;
                continue;
            }
            Opening::Cell(start) => (cell, position) = (start, hit),
        }
        // Some exporters quote every cell, so quoted cells in a row are taken one after the other.
        loop {
            match quoted(bytes, position, dialect, last) {
                Quoted::Closed { after, breaks } => {
                    if breaks > 0 {
                        shape = Shape::Lines;
                        inner_breaks += breaks;
                    }
                    let next_is_quoted =
                        bytes.get(after) == Some(&dialect.delimiter) && bytes.get(after + 1) == Some(&b'"');
                    if !next_is_quoted {
                        position = after;
                        break;
                    }
                    position = after + 1;
                    cell = position;
                }
                Quoted::Malformed(after) => {
                    return rest_of_line(bytes, after, cell, inner_breaks, last);
                }
                Quoted::More => return Outcome::More,
                Quoted::Unclosed => return Outcome::Unclosed(position),
            }
        }
    }
}

/// Where a quote is in its cell.
enum Opening {
    /// The cell begins at this byte, with the quote or with blanks before it: exporters that write
    /// a blank after each comma do not mean it as part of the cell.
    Cell(usize),
    Inside,
}

fn opening(bytes: &[u8], start: usize, quote: usize, delimiter: u8) -> Opening {
    let cell = quote - blanks(bytes[start..quote].iter().rev(), delimiter);
    if cell > start && bytes[cell - 1] != delimiter { Opening::Inside } else { Opening::Cell(cell) }
}

/// How many blanks there are next to a quote.
pub(super) fn blanks<'b>(bytes: impl Iterator<Item = &'b u8>, delimiter: u8) -> usize {
    bytes.take_while(|&&byte| (byte == b' ' || byte == b'\t') && byte != delimiter).count()
}

/// Whether a cell that is not closed on its line begins with `"N`, which some databases write for
/// NULL: then it goes no further than its line.
fn is_null_sign(cell: &[u8], delimiter: u8) -> bool {
    matches!(cell, [b'"', b'N']) || matches!(cell, [b'"', b'N', next, ..] if *next == delimiter)
}

enum Quoted {
    /// Closed; from `after` on comes a delimiter, a line break or the end.
    Closed {
        after: usize,
        breaks: u64,
    },
    /// Closed on the same line, but followed by something else, from this byte.
    Malformed(usize),
    More,
    Unclosed,
}

/// Looks for the end of the cell whose opening quote stands at `open`.
fn quoted(bytes: &[u8], open: usize, dialect: Dialect, last: bool) -> Quoted {
    let mut has_break = false;
    let mut position = open + 1;
    loop {
        let Some(hit) = next_hit(bytes, position) else {
            let unclosed = last || (has_break && dialect.swallowed_rows(&bytes[open + 1..]));
            return if unclosed { Quoted::Unclosed } else { Quoted::More };
        };
        if bytes[hit] != b'"' {
            if !has_break && is_null_sign(&bytes[open..hit], dialect.delimiter) {
                return Quoted::Malformed(open + 1);
            }
            has_break = true;
            position = hit + 1;
            continue;
        }
        if bytes.get(hit + 1) == Some(&b'"') {
            position = hit + 2;
            continue;
        }
        let blanks = blanks(bytes[hit + 1..].iter(), dialect.delimiter);
        let after = hit + 1 + blanks;
        match bytes.get(after) {
            None if !last => return Quoted::More,
            Some(&next) if next != dialect.delimiter && next != b'\n' && next != b'\r' => {
                return if has_break { Quoted::Unclosed } else { Quoted::Malformed(hit + 1) };
            }
            _ if !has_break => return Quoted::Closed { after, breaks: 0 },
            _ => {
                let text = &bytes[open + 1..hit];
                return if dialect.swallowed_rows(text) {
                    Quoted::Unclosed
                } else {
                    Quoted::Closed { after, breaks: breaks(text) }
                };
            }
        }
    }
}

/// The next quote or line break from `position` on. Most cells are short, where a plain look is
/// faster than setting up a search.
fn next_hit(bytes: &[u8], position: usize) -> Option<usize> {
    const SHORT: usize = 16;
    let is_hit = |&byte: &u8| matches!(byte, b'"' | b'\n' | b'\r');
    let end = bytes.len().min(position + SHORT);
    if let Some(at) = bytes[position..end].iter().position(is_hit) {
        return Some(position + at);
    }
    memchr3(b'"', b'\n', b'\r', &bytes[end..]).map(|at| end + at)
}

/// Ends a record whose quotes cannot be trusted at the end of the line.
fn rest_of_line(bytes: &[u8], from: usize, cell: usize, inner_breaks: u64, last: bool) -> Outcome {
    let shape = Shape::Malformed(cell);
    match memchr2(b'\n', b'\r', &bytes[from..]) {
        Some(at) => line_end(bytes, from + at, inner_breaks, shape, last),
        None if last => closed(bytes.len(), bytes.len(), inner_breaks, shape),
        None => Outcome::More,
    }
}

/// Ends a record at the line break that begins at `end`.
fn line_end(bytes: &[u8], end: usize, inner_breaks: u64, shape: Shape, last: bool) -> Outcome {
    let next = match (bytes[end], bytes.get(end + 1)) {
        (b'\r', Some(b'\n')) => end + 2,
        // Whether a CR at the very end is half of a CRLF is not known yet.
        (b'\r', None) if !last => return Outcome::More,
        _ => end + 1,
    };
    closed(end, next, inner_breaks + 1, shape)
}

fn closed(end: usize, next: usize, breaks: u64, shape: Shape) -> Outcome {
    Outcome::Record(Scanned { end, next, breaks, shape })
}
