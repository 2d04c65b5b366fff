//! Lines in order, however many: sorted in pieces that fit into memory, which are put away and read back side by side.

use super::line::Line;
use crate::failure::Result;
use crate::spool::{Taking, Values};

/// How many lines are sorted at once: some megabytes.
const PIECE: usize = 20_000;

#[derive(Default)]
pub(super) struct Sorted {
    lines: Vec<Line>,
    pieces: Vec<Values<Line>>,
}

impl Sorted {
    pub(super) fn push(&mut self, line: Line) -> Result<()> {
        self.lines.push(line);
        if self.lines.len() == PIECE { self.put_away() } else { Ok(()) }
    }

    fn put_away(&mut self) -> Result<()> {
        self.lines.sort_unstable();
        let mut piece = Values::default();
        for line in self.lines.drain(..) {
            piece.push(&line)?;
        }
        piece.finish()?;
        self.pieces.push(piece);
        Ok(())
    }

    pub(super) fn read(&mut self) -> Result<Merge<'_>> {
        self.put_away()?;
        let mut heads = Vec::new();
        for piece in &self.pieces {
            let mut taking = piece.read();
            heads.push((taking.next_value()?, taking));
        }
        Ok(Merge { heads })
    }
}

/// The first line of each piece, and what comes after it.
pub(super) struct Merge<'a> {
    heads: Vec<(Option<Line>, Taking<'a>)>,
}

impl Merge<'_> {
    pub(super) fn next(&mut self) -> Result<Option<Line>> {
        let smallest = self.heads.iter_mut().filter(|(line, _)| line.is_some()).min_by(|a, b| a.0.cmp(&b.0));
        let Some((line, taking)) = smallest else { return Ok(None) };
        let next = taking.next_value()?;
        Ok(std::mem::replace(line, next))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_than_fit_into_memory_come_back_in_order() {
        let mut sorted = Sorted::default();
        let count = PIECE * 2 + 7;
        for n in 0..count {
            // Each number once, in no order.
            let id = (n * 7919) % count;
            let mut line = Line::default();
            line.change.sourced_id = format!("{id:06}");
            sorted.push(line).unwrap();
        }
        assert_eq!(sorted.pieces.len(), 2);
        let mut lines = sorted.read().unwrap();
        for n in 0..count {
            assert_eq!(lines.next().unwrap().unwrap().change.sourced_id, format!("{n:06}"));
        }
        assert!(lines.next().unwrap().is_none());
    }
}
