//! Oddities in an input that do not stop a run: each with file, line, column, a stable code and a
//! sentence.
//!
//! A district's export can have the same oddity in every row, so only the first few of a code are
//! kept whole; all are counted. A finding never holds a person's details: ids, columns and places
//! are enough to look it up.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::codes;

/// How many findings of one code are kept whole; more are only counted.
pub const KEPT_PER_CODE: u64 = 20;

/// Whether a row could still be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Read all the same.
    Warning,
    /// The row (never the whole file: that is a [`crate::failure::Failure`]) could not be used.
    Error,
    /// The run was done, but a person has to look at this: the run ends with `attention` (3).
    Attention,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    pub severity: Severity,
    /// Stable, in kebab case: `dangling-org`, `ragged-row`, …
    pub code: &'static str,
    /// File name as the user knows it, inside its folder or zip: `users.csv`.
    pub file: String,
    /// Physical line, the header being line 1.
    pub line: Option<u64>,
    /// Header of the column.
    pub column: Option<String>,
    pub message: String,
}

impl Finding {
    /// `users.csv:12: email`
    pub fn place(&self) -> String {
        let mut place = self.file.clone();
        if let Some(line) = self.line {
            place.push_str(&format!(":{line}"));
        }
        if let Some(column) = &self.column {
            place.push_str(&format!(": {column}"));
        }
        place
    }
}

/// The findings of one reading.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Findings {
    kept: Vec<Finding>,
    counts: BTreeMap<&'static str, u64>,
    /// Some finding needs a person.
    #[serde(skip)]
    attention: bool,
}

/// Where a finding is: `At::file("users.csv").line(12).column("email")`.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    file: &'a str,
    line: Option<u64>,
    column: Option<&'a str>,
}

impl<'a> At<'a> {
    /// Somewhere in a file, named as the user knows it.
    pub fn file(file: &'a str) -> Self {
        Self { file, line: None, column: None }
    }

    /// At a physical line, if one is known. The header is line 1.
    #[must_use]
    pub fn line(self, line: impl Into<Option<u64>>) -> Self {
        Self { line: line.into(), ..self }
    }

    /// In the column with this header, if one is known.
    #[must_use]
    pub fn column(self, column: impl Into<Option<&'a str>>) -> Self {
        Self { column: column.into(), ..self }
    }
}

impl Findings {
    /// Counts a finding, and keeps it if it is among the first of its code. `message` runs only if
    /// it is kept.
    pub fn add(
        &mut self,
        severity: Severity,
        code: &'static str,
        at: At<'_>,
        message: impl FnOnce() -> String,
    ) {
        self.attention |= severity == Severity::Attention;
        let count = self.counts.entry(code).or_default();
        *count += 1;
        debug_assert!(*count > 1 || codes::explain(code).is_some(), "src/codes does not explain {code}");
        if *count <= KEPT_PER_CODE {
            self.kept.push(Finding {
                severity,
                code,
                file: at.file.to_owned(),
                line: at.line,
                column: at.column.map(str::to_owned),
                message: message(),
            });
        }
    }

    /// Adds something that was read all the same.
    pub fn warn(&mut self, code: &'static str, at: At<'_>, message: impl FnOnce() -> String) {
        self.add(Severity::Warning, code, at, message);
    }

    /// Adds a row that could not be used.
    pub fn error(&mut self, code: &'static str, at: At<'_>, message: impl FnOnce() -> String) {
        self.add(Severity::Error, code, at, message);
    }

    /// Adds something that a person has to look at. The run ends with exit status 3, the message is
    /// printed also with `-q`, and the administrators are told. Use it only for what the documents
    /// list under `attention`.
    pub fn attention(&mut self, code: &'static str, at: At<'_>, message: impl FnOnce() -> String) {
        self.add(Severity::Attention, code, at, message);
    }

    /// Whether a person has to look at something.
    pub fn needs_attention(&self) -> bool {
        self.attention
    }

    /// What a person has to look at.
    pub fn attentions(&self) -> impl Iterator<Item = &Finding> {
        self.kept.iter().filter(|finding| finding.severity == Severity::Attention)
    }

    /// Adds the findings of another reading.
    pub fn merge(&mut self, other: &Self) {
        self.attention |= other.attention;
        for (code, count) in &other.counts {
            let before = self.counts.entry(code).or_default();
            let room = KEPT_PER_CODE.saturating_sub(*before);
            *before += count;
            let of_code = other.kept.iter().filter(|finding| finding.code == *code);
            self.kept.extend(of_code.take(usize::try_from(room).unwrap_or_default()).cloned());
        }
    }

    /// Those kept whole, in the order in which they were found.
    pub fn kept(&self) -> &[Finding] {
        &self.kept
    }

    /// How many there were of each code.
    pub fn counts(&self) -> &BTreeMap<&'static str, u64> {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_person_is_known_after_a_merge_also_where_it_is_only_counted() {
        let mut many = Findings::default();
        for line in 0..KEPT_PER_CODE {
            many.warn("dangling-org", At::file("users.csv").line(line), || "unknown".into());
        }
        assert!(!many.needs_attention());
        let mut other = Findings::default();
        other.attention("unknown-school", At::file("rostersync.toml").column("[[school]] id"), || {
            "unknown".into()
        });
        many.merge(&other);
        assert!(many.needs_attention());
        assert_eq!(many.attentions().map(|finding| finding.code).collect::<Vec<_>>(), ["unknown-school"]);
    }
}
