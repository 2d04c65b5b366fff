//! Cuts a text into blocks of whole records, each of which knows the lines of its own records.
//!
//! A block can be worked on without the ones before it. What the cells of a record are is not
//! decided here; only where records begin and end.

use std::io;

use super::encoding::{CHUNK, DOS_END, TextReader};
use super::scan::{Dialect, Outcome, Shape, record};

/// No record is longer than this; what looks like one is a quote that was never closed.
pub(super) const LONGEST_RECORD: usize = if cfg!(test) { 4 << 10 } else { 16 << 20 };

/// Some whole records, and where in the file they are.
#[derive(Default)]
pub(super) struct Block {
    pub text: String,
    pub rows: Vec<Row>,
    /// The last record had no line break after it: the input ended there.
    pub open_ended: bool,
}

/// One record of a block: a range of its text.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    pub start: u32,
    pub end: u32,
    /// Physical line where it begins.
    pub line: u64,
    /// Byte offsets in it count from the beginning of the block.
    pub shape: Shape,
}

/// Why no more blocks can be had.
#[derive(Debug)]
pub(super) enum Broken {
    Io(io::Error),
    /// A quote is opened on this line and never closed.
    Unclosed {
        line: u64,
    },
    /// The bytes are not UTF-8 although they were when the file was inspected.
    NotUtf8,
}

/// Hands out the blocks of a text, in order.
pub(super) struct Splitter<'r> {
    pub(super) text: TextReader<'r>,
    dialect: Dialect,
    /// The beginning of a record whose end has not been read yet.
    carry: Vec<u8>,
    line: u64,
}

impl<'r> Splitter<'r> {
    pub(super) fn new(text: TextReader<'r>, dialect: Dialect) -> Self {
        Self { text, dialect, carry: Vec::new(), line: 1 }
    }

    /// Fills `block` with the next records, using its memory again. False if there are none.
    pub(super) fn next(&mut self, block: &mut Block) -> Result<bool, Broken> {
        let mut bytes = std::mem::take(&mut block.text).into_bytes();
        bytes.clear();
        bytes.append(&mut self.carry);
        block.rows.clear();
        block.open_ended = false;
        while block.rows.is_empty() && !(self.text.ended && bytes.is_empty()) {
            if bytes.len() > LONGEST_RECORD {
                return Err(Broken::Unclosed { line: self.line });
            }
            self.text.read_more(&mut bytes).map_err(Broken::Io)?;
            let used = self.scan(&bytes, block)?;
            if self.text.ended && used == bytes.len() && block.rows.is_empty() {
                break;
            }
            if !block.rows.is_empty() {
                self.carry.extend_from_slice(&bytes[used..]);
                bytes.truncate(used);
            }
        }
        block.text = String::from_utf8(bytes).map_err(|_| Broken::NotUtf8)?;
        Ok(!block.rows.is_empty())
    }

    /// Finds the whole records; returns where the first one begins that is not whole.
    fn scan(&mut self, bytes: &[u8], block: &mut Block) -> Result<usize, Broken> {
        let mut start = 0;
        while start < bytes.len() {
            match record(bytes, start, self.dialect, self.text.ended) {
                Outcome::Record(found) => {
                    if found.next - start > LONGEST_RECORD {
                        return Err(Broken::Unclosed { line: self.line });
                    }
                    // An end sign of DOS on a line of its own is no row.
                    if bytes[start..found.end] == [DOS_END] {
                        self.line += found.breaks;
                        start = found.next;
                        continue;
                    }
                    block.rows.push(Row {
                        start: start as u32,
                        end: found.end as u32,
                        line: self.line,
                        shape: found.shape,
                    });
                    block.open_ended = found.next == found.end;
                    self.line += found.breaks;
                    start = found.next;
                }
                Outcome::More => break,
                Outcome::Unclosed(quote) => {
                    let line = self.line + super::lines::breaks(&bytes[start..quote]);
                    return Err(Broken::Unclosed { line });
                }
            }
        }
        Ok(start)
    }
}

// A block holds at most one unfinished record and one more piece, decoded to at most three bytes
// for each; so offsets in it fit 32 bits with room to spare.
const _: () = assert!((LONGEST_RECORD + 2 * CHUNK) * 4 < u32::MAX as usize);
