//! Oddities in an input that do not stop a run: each with file, line, column, a stable code and a
//! sentence.
//!
//! A district's export can have the same oddity in every row, so only the first few of a code are
//! kept whole; all are counted. `check` lists all of them, grouped by their cause ([`Group`]). A
//! finding never holds a person's details: ids, columns and places are enough to look it up.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use xxhash_rust::xxh3::Xxh3;

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

/// Findings of one cause: of the same code, column and sentence, in one file.
#[derive(Debug, Clone)]
pub struct Group {
    pub severity: Severity,
    pub code: &'static str,
    pub file: String,
    pub column: Option<String>,
    /// Empty where a code has too many causes to keep them apart.
    pub message: String,
    pub count: u64,
    /// Where they are, in the order in which they were found; of very many the first.
    pub places: Vec<Place>,
}

/// One of a group.
#[derive(Debug, Clone)]
pub struct Place {
    pub line: Option<u64>,
    /// The user's, if that is known.
    pub sourced_id: Option<Box<str>>,
}

/// So many causes of one code are kept apart.
const MOST_CAUSES: usize = 10_000;

/// So many places are kept.
const MOST_PLACES: u64 = 2_000_000;

/// All findings, by cause.
#[derive(Debug, Default, Clone)]
struct Every {
    groups: Vec<Group>,
    by_cause: HashMap<u64, usize>,
    causes: BTreeMap<&'static str, usize>,
    places: u64,
}

impl Every {
    fn add(&mut self, severity: Severity, code: &'static str, at: &At<'_>, message: &str) {
        let causes = self.causes.entry(code).or_default();
        let mut cause = cause_of(code, at, message);
        let message = match self.by_cause.contains_key(&cause) || *causes < MOST_CAUSES {
            true => message,
            false => "",
        };
        if message.is_empty() {
            cause = cause_of(code, at, message);
        }
        let group = *self.by_cause.entry(cause).or_insert_with(|| {
            *causes += 1;
            self.groups.push(Group {
                severity,
                code,
                file: at.file.to_owned(),
                column: at.column.map(str::to_owned),
                message: message.to_owned(),
                count: 0,
                places: Vec::new(),
            });
            self.groups.len() - 1
        });
        let group = &mut self.groups[group];
        group.count += 1;
        if self.places < MOST_PLACES {
            self.places += 1;
            group.places.push(Place { line: at.line, sourced_id: at.sourced_id.map(Into::into) });
        }
    }
}

fn cause_of(code: &str, at: &At<'_>, message: &str) -> u64 {
    let mut hash = Xxh3::new();
    for part in [code, at.file, at.column.unwrap_or_default(), message] {
        hash.update(part.as_bytes());
        hash.update(&[0]);
    }
    hash.digest()
}

/// The findings of one reading.
#[derive(Debug, Default, Clone, Serialize)]
pub struct Findings {
    kept: Vec<Finding>,
    counts: BTreeMap<&'static str, u64>,
    /// Some finding needs a person.
    #[serde(skip)]
    attention: bool,
    /// All of them, if they are to be listed.
    #[serde(skip)]
    every: Option<Box<Every>>,
}

/// Where a finding is: `At::file("users.csv").line(12).column("email")`.
#[derive(Debug, Clone, Copy)]
pub struct At<'a> {
    file: &'a str,
    line: Option<u64>,
    column: Option<&'a str>,
    sourced_id: Option<&'a str>,
}

impl<'a> At<'a> {
    /// Somewhere in a file, named as the user knows it.
    pub fn file(file: &'a str) -> Self {
        Self { file, line: None, column: None, sourced_id: None }
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

    /// Of this user. Only lists of all findings name it.
    #[must_use]
    pub fn user(self, sourced_id: &'a str) -> Self {
        Self { sourced_id: Some(sourced_id), ..self }
    }
}

impl Findings {
    /// With all findings grouped by their cause, if `lists_all`.
    pub fn listing(lists_all: bool) -> Self {
        Self { every: lists_all.then(Box::default), ..Self::default() }
    }

    /// Whether all findings are kept.
    pub fn lists_all(&self) -> bool {
        self.every.is_some()
    }

    /// All findings, by cause; none unless they are listed.
    pub fn groups(&self) -> &[Group] {
        self.every.as_deref().map_or(&[], |every| &every.groups)
    }

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
        let is_kept = *count <= KEPT_PER_CODE;
        if !is_kept && self.every.is_none() {
            return;
        }
        let message = message();
        if let Some(every) = &mut self.every {
            every.add(severity, code, &at, &message);
        }
        if is_kept {
            self.kept.push(Finding {
                severity,
                code,
                file: at.file.to_owned(),
                line: at.line,
                column: at.column.map(str::to_owned),
                message,
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
        let Some(every) = &mut self.every else { return };
        for group in other.groups() {
            let at = At::file(&group.file).column(group.column.as_deref());
            for place in &group.places {
                let at = At { line: place.line, sourced_id: place.sourced_id.as_deref(), ..at };
                every.add(group.severity, group.code, &at, &group.message);
            }
        }
        for finding in other.kept.iter().filter(|_| !other.lists_all()) {
            let at = At::file(&finding.file).line(finding.line).column(finding.column.as_deref());
            every.add(finding.severity, finding.code, &at, &finding.message);
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
