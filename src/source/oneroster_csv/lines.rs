//! What a line is: text up to CRLF, LF or a lone CR, as a text editor counts them.
//!
//! Everything that names a line counts with this, so that a line in a report is the line in the
//! editor.

use memchr::memchr_iter;

/// How many line breaks there are in `bytes`.
///
/// The piece must not end between a CR and its LF, or that break counts twice.
pub(super) fn breaks(bytes: &[u8]) -> u64 {
    let feeds = memchr_iter(b'\n', bytes).count();
    let lone = memchr_iter(b'\r', bytes).filter(|&at| bytes.get(at + 1) != Some(&b'\n')).count();
    (feeds + lone) as u64
}

/// Counts line breaks in a text that comes in pieces, cut anywhere.
#[derive(Debug, Default)]
pub(super) struct LineCounter {
    breaks: u64,
    after_return: bool,
}

impl LineCounter {
    pub(super) fn add(&mut self, piece: &[u8]) {
        let Some(&last) = piece.last() else { return };
        self.breaks += breaks(piece);
        if self.after_return && piece.first() == Some(&b'\n') {
            self.breaks -= 1;
        }
        self.after_return = last == b'\r';
    }

    /// The line on which the next byte would stand; the first is 1.
    pub(super) fn line(&self) -> u64 {
        self.breaks + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_the_same_lines_however_it_is_cut() {
        let text = b"a\r\nb\nc\rd\r\r\n\n\r\ne";
        for first in 0..=text.len() {
            for second in first..=text.len() {
                let mut counter = LineCounter::default();
                for piece in [&text[..first], &text[first..second], &text[second..]] {
                    counter.add(piece);
                }
                assert_eq!(counter.line(), 1 + breaks(text), "{first} {second}");
            }
        }
        assert_eq!(breaks(text), 7);
    }
}
