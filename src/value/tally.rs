//! How often each oddity of a cell was found, by column: one finding for each at the end of the
//! file.

use std::collections::BTreeMap;

use crate::findings::{At, Findings};
use crate::plural::counted;

/// What is odd about a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Oddity {
    Word(&'static str),
    Damaged,
    LostLetter,
    Html,
    Mark,
    Invisible,
    TooLong,
}

/// How many cells, and the first line.
#[derive(Debug, Clone, Copy)]
struct Seen {
    cells: u64,
    line: Option<u64>,
}

/// The oddities of a file.
#[derive(Debug, Clone, Default)]
pub struct Tally(BTreeMap<(&'static str, Oddity), Seen>);

impl Tally {
    pub(super) fn add(&mut self, column: &'static str, oddity: Oddity, line: Option<u64>) {
        self.0.entry((column, oddity)).or_insert(Seen { cells: 0, line }).cells += 1;
    }

    /// A word for "no value" in a column.
    pub fn word(&mut self, column: &'static str, word: &'static str, line: Option<u64>) {
        self.add(column, Oddity::Word(word), line);
    }

    /// So many cells of a column are a word, whatever was counted before.
    pub(super) fn set_word(&mut self, column: &'static str, word: &'static str, cells: u64) {
        let seen = self.0.entry((column, Oddity::Word(word))).or_insert(Seen { cells, line: None });
        seen.cells = cells;
    }

    /// Says each oddity once.
    pub fn tell(&self, file: &str, findings: &mut Findings) {
        for ((column, oddity), Seen { cells, line }) in &self.0 {
            let not_provided;
            let (code, one, many, what) = match oddity {
                Oddity::Word(word) => {
                    not_provided = format!("{word}, a word for \"no value\": not provided");
                    ("null-word", "holds", "hold", not_provided.as_str())
                }
                Oddity::Damaged => (
                    "damaged-text",
                    "holds",
                    "hold",
                    "text with letters that were damaged on the way (such as \u{FFFD} or Ã©): not applied",
                ),
                Oddity::LostLetter => (
                    "question-mark",
                    "has",
                    "have",
                    "a question mark beside a letter: letters seem to be lost",
                ),
                Oddity::Html => {
                    ("html-escapes", "has", "have", "HTML escapes (such as &#39;), which were decoded")
                }
                Oddity::Mark => (
                    "spreadsheet-mark",
                    "is",
                    "are",
                    "marked as text for a spreadsheet (=\"…\" or a leading apostrophe); the mark was taken off",
                ),
                Oddity::TooLong => (
                    "too-long",
                    "is",
                    "are",
                    "too long to be one person's: not provided, so what the store has stands",
                ),
                Oddity::Invisible => (
                    "invisible-character",
                    "has",
                    "have",
                    "characters that cannot be seen, which were left out",
                ),
            };
            let cells =
                counted(*cells, &format!("cell of {column} {one}"), &format!("cells of {column} {many}"));
            let message = format!("{cells} {what}");
            findings.warn(code, At::file(file).line(*line).column(*column), || message);
        }
    }
}
