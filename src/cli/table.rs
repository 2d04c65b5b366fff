//! Aligned columns for people, printed as they come.

use std::io::Write;

use unicode_width::UnicodeWidthStr;

use crate::failure::Result;
use crate::report::harmless;

use super::unprintable;

/// How many rows the widths are computed from; a later, wider cell sticks out.
const SAMPLE: usize = 500;

pub(super) struct Table {
    held: Vec<Vec<String>>,
    widths: Option<Vec<usize>>,
}

impl Table {
    pub(super) fn new(headers: &[&str]) -> Self {
        Self { held: vec![headers.iter().map(|header| (*header).to_owned()).collect()], widths: None }
    }

    /// Adds a row. What could move the cursor of a terminal in it is defused.
    pub(super) fn row(&mut self, cells: &[&str], out: &mut dyn Write) -> Result<()> {
        let cells: Vec<String> = cells.iter().map(|cell| harmless(cell)).collect();
        match &self.widths {
            Some(widths) => print(&cells, widths, out),
            None => {
                self.held.push(cells);
                if self.held.len() > SAMPLE { self.settle(out) } else { Ok(()) }
            }
        }
    }

    fn settle(&mut self, out: &mut dyn Write) -> Result<()> {
        let columns = self.held.first().map_or(0, Vec::len);
        let width = |column: usize| self.held.iter().map(|row| row[column].width()).max().unwrap_or_default();
        let widths: Vec<usize> = (0..columns).map(width).collect();
        for row in self.held.drain(..) {
            print(&row, &widths, out)?;
        }
        self.widths = Some(widths);
        Ok(())
    }

    /// Prints what is held back. A table without rows prints nothing.
    pub(super) fn finish(mut self, out: &mut dyn Write) -> Result<()> {
        if self.widths.is_none() && self.held.len() > 1 { self.settle(out) } else { Ok(()) }
    }
}

fn print(cells: &[String], widths: &[usize], out: &mut dyn Write) -> Result<()> {
    let mut line = String::new();
    for (cell, width) in cells.iter().zip(widths) {
        line.push_str(cell);
        line.push_str(&" ".repeat(width.saturating_sub(cell.width()) + 2));
    }
    line.truncate(line.trim_end().len());
    line.push('\n');
    out.write_all(line.as_bytes()).map_err(unprintable)
}
