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

    /// Damaged text in a column.
    pub fn damaged(&mut self, column: &'static str, line: Option<u64>) {
        self.add(column, Oddity::Damaged, line);
    }

    /// So many cells of a column are a word, whatever was counted before.
    pub(super) fn set_word(&mut self, column: &'static str, word: &'static str, cells: u64) {
        let seen = self.0.entry((column, Oddity::Word(word))).or_insert(Seen { cells, line: None });
        seen.cells = cells;
    }

    /// Takes in what another part of the file has.
    pub fn merge(&mut self, other: Self) {
        for (key, seen) in other.0 {
            let own = self.0.entry(key).or_insert(Seen { cells: 0, line: seen.line });
            own.cells += seen.cells;
        }
    }

    /// Says each oddity once.
    pub fn tell(&self, file: &str, findings: &mut Findings) {
        for ((column, oddity), Seen { cells, line }) in &self.0 {
            let hold = |what: &str| format!("{} of {column} {what}", counted(*cells, "cell", "cells"));
            let verb = |one: &'static str, many: &'static str| if *cells == 1 { one } else { many };
            let (code, message) = match oddity {
                Oddity::Word(word) => (
                    "null-word",
                    hold(&format!("{} {word}, a word for \"no value\": not provided", verb("holds", "hold"))),
                ),
                Oddity::Damaged => (
                    "damaged-text",
                    hold(&format!(
                        "{} text with letters that were damaged on the way (such as \u{FFFD} or Ã©): not applied",
                        verb("holds", "hold")
                    )),
                ),
                Oddity::LostLetter => (
                    "question-mark",
                    hold(&format!(
                        "{} a question mark beside a letter: letters seem to be lost",
                        verb("has", "have")
                    )),
                ),
                Oddity::Html => (
                    "html-escapes",
                    hold(&format!(
                        "{} HTML escapes (such as &#39;), which were decoded",
                        verb("has", "have")
                    )),
                ),
                Oddity::Mark => (
                    "spreadsheet-mark",
                    hold(&format!(
                        "{} marked as text for a spreadsheet (=\"…\" or a leading apostrophe); the mark was taken off",
                        verb("is", "are")
                    )),
                ),
                Oddity::Invisible => (
                    "invisible-character",
                    hold(&format!(
                        "{} characters that cannot be seen, which were left out",
                        verb("has", "have")
                    )),
                ),
            };
            findings.warn(code, At::file(file).line(*line).column(*column), || message);
        }
    }
}
