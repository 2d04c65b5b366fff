//! What speaks for another code page in a file that is not UTF-8, found on the way through its
//! bytes.

use std::borrow::Cow;

use encoding_rs::WINDOWS_1252;
use memchr::memchr;

use crate::value::with_lost_letters;

/// Cells with bytes beyond ASCII in a file that is not UTF-8, and how many of them show another
/// code page.
#[derive(Default)]
pub(super) struct Evidence {
    /// The beginning of a line whose end is not there yet.
    line: Vec<u8>,
    cells: u64,
    /// Cells that have more than apostrophes, quotes and dashes.
    telling: u64,
    foreign: u64,
}

/// No line is kept that is longer.
const LONGEST: usize = 1 << 20;

impl Evidence {
    /// Takes in the next piece of the file.
    pub(super) fn add(&mut self, mut piece: &[u8]) {
        while let Some(end) = memchr(b'\n', piece) {
            let (line, rest) = piece.split_at(end);
            if self.line.is_empty() {
                self.look_at(line);
            } else {
                self.line.extend_from_slice(line);
                let line = std::mem::take(&mut self.line);
                self.look_at(&line);
            }
            piece = &rest[1..];
        }
        self.line.extend_from_slice(piece);
        if self.line.len() > LONGEST {
            self.finish();
        }
    }

    /// The file has ended.
    pub(super) fn finish(&mut self) {
        let line = std::mem::take(&mut self.line);
        self.look_at(&line);
    }

    fn look_at(&mut self, line: &[u8]) {
        if line.is_ascii() {
            return;
        }
        for cell in line.split(|byte| matches!(byte, b',' | b';' | b'\t')).filter(|cell| !cell.is_ascii()) {
            let (text, _) = WINDOWS_1252.decode_without_bom_handling(cell);
            let ordinary = |c: char| c.is_ascii() || matches!(c, '’' | '“' | '”' | '–' | '—' | '\u{A0}');
            self.cells += 1;
            self.telling += u64::from(!text.chars().all(ordinary));
            self.foreign += u64::from(matches!(with_lost_letters(&text), Cow::Owned(_)));
        }
    }

    /// Whether some cell shows another code page.
    pub(super) fn is_any(&self) -> bool {
        self.foreign > 0
    }

    /// Whether most of the cells do. Cells in which nothing can show it count for less.
    pub(super) fn is_most(&self) -> bool {
        let Self { cells, telling, foreign, .. } = self;
        foreign * 2 > *cells || *foreign >= 3 && foreign * 10 > *cells && foreign * 2 > *telling
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn evidence(file: &[u8]) -> Evidence {
        let mut evidence = Evidence::default();
        // In pieces, so that lines go over their borders.
        file.chunks(7).for_each(|piece| evidence.add(piece));
        evidence.finish();
        evidence
    }

    const DOS: &[u8] = b"Jos\x82,N\xA3\xA4ez\nM\x81ller,L\xA2pez\nGarc\xA1a,Mu\xA4oz\nFran\x87ois,Ir\x8Ane\n";
    const MAC: &[u8] =
        b"Jos\x8E,N\x9C\x96ez\nM\x9Fller,L\x97pez\nGarc\x92a,Gonz\x87lez\nFran\x8Dois,Ir\x8Fne\n";
    const LATIN_2: &[u8] =
        b"\xA3ukasz,Wi\xB6niewski\nMicha\xB3,Zieli\xF1ski\nGra\xBFyna,W\xB3odarczyk\n\xAFaneta,G\xEA\xB6la\n";

    #[test]
    fn other_code_pages_are_seen() {
        for (name, file) in [("DOS", DOS), ("Mac", MAC), ("ISO 8859-2", LATIN_2)] {
            let seen = evidence(file);
            assert!(seen.is_any() && seen.is_most(), "{name}");
        }
    }

    #[test]
    fn windows_1252_is_ordinary() {
        let one = [b"Jos\xE9,N\xFA\xF1ez\nMar\xEDa,Pe\xF1a\n".as_slice(), b"Jos\x82,x\n"].concat();
        let seen = evidence(&one);
        assert!(seen.is_any() && !seen.is_most());
        let apostrophes = [b"O\x92Brien,Hall\n".repeat(50).as_slice(), b"Jos\x82,x\n"].concat();
        assert!(!evidence(&apostrophes).is_most());
    }
}
