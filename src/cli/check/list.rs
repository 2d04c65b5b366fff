//! All findings of `check`, as a table grouped by cause, as CSV and as JSON.

use std::io::{self, Write};

use serde::{Serialize, Serializer};

use crate::codes;
use crate::findings::{Findings, Group, Place, Severity};
use crate::report::{append_plain_row, harmless};

/// So many causes of a code are printed.
const CAUSES: usize = 20;

/// So many lines of a cause are printed.
const LINES: usize = 8;

/// So many lines of a cause are in the groups of JSON.
const LINES_IN_JSON: usize = 20;

fn word(severity: Severity) -> &'static str {
    match severity {
        Severity::Warning => "warning",
        Severity::Error => "error",
        Severity::Attention => "attention",
    }
}

/// What a code says one should do.
fn cure(code: &str) -> &'static str {
    codes::explain(code).map_or("", |entry| entry.cure)
}

/// What a cause is; where a code has too many causes, what the code means.
fn message(group: &Group) -> &str {
    match group.message.as_str() {
        "" => codes::explain(group.code).map_or("", |entry| entry.meaning),
        message => message,
    }
}

/// The groups of each code: codes that need a person first, then errors, then warnings.
fn by_code(findings: &Findings) -> Vec<(&'static str, Vec<&Group>)> {
    let mut codes: Vec<(&'static str, Vec<&Group>)> = Vec::new();
    for group in findings.groups() {
        match codes.iter_mut().find(|(code, _)| *code == group.code) {
            Some((_, groups)) => groups.push(group),
            None => codes.push((group.code, vec![group])),
        }
    }
    let rank = |group: &&Group| match group.severity {
        Severity::Attention => 0,
        Severity::Error => 1,
        Severity::Warning => 2,
    };
    for (_, groups) in &mut codes {
        groups.sort_by_key(rank);
    }
    codes.sort_by_key(|(_, groups)| groups.iter().map(rank).min());
    codes
}

/// `users.csv:12: email: warning[…] …`, with the other lines of the same cause and the cure below.
pub(super) fn table(findings: &Findings) -> String {
    let mut text = String::new();
    for (code, groups) in by_code(findings) {
        for group in groups.iter().take(CAUSES) {
            text.push_str(&cause(group));
        }
        let more: u64 = groups.iter().skip(CAUSES).map(|group| group.count).sum();
        if more > 0 {
            text.push_str(&format!("… and {more} more of {code}\n"));
        }
        text.push_str(&format!("  help: {}\n", cure(code)));
    }
    text
}

fn cause(group: &Group) -> String {
    let Group { severity, code, file, column, count, places, .. } = group;
    let mut place = file.clone();
    let first = places.first();
    if let Some(line) = first.and_then(|first| first.line) {
        place.push_str(&format!(":{line}"));
    }
    if let Some(column) = column {
        place.push_str(&format!(": {column}"));
    }
    let user = match first.and_then(|first| first.sourced_id.as_deref()).filter(|_| *count == 1) {
        Some(user) => format!(" (sourcedId `{user}`)"),
        None => String::new(),
    };
    let message = harmless(&format!("{}{user}", message(group)));
    let mut text = format!("{}: {}[{code}] {message}\n", harmless(&place), word(*severity));
    if *count > 1 {
        text.push_str(&format!("  {count} times{}\n", lines(group)));
    }
    text
}

/// The first lines of a cause.
fn lines(group: &Group) -> String {
    let numbers = || group.places.iter().filter_map(|place| place.line);
    let shown: Vec<String> = numbers().take(LINES).map(|line| line.to_string()).collect();
    let more = group.count.saturating_sub(shown.len() as u64);
    match (shown.is_empty(), more) {
        (true, _) => String::new(),
        (false, 0) => format!(": lines {}", shown.join(", ")),
        (false, more) => format!(": lines {} and {more} more", shown.join(", ")),
    }
}

/// Every finding with its place.
fn each(findings: &Findings) -> impl Iterator<Item = (&Group, &Place)> {
    let codes = by_code(findings).into_iter();
    codes
        .flat_map(|(_, groups)| groups)
        .flat_map(|group| group.places.iter().map(move |place| (group, place)))
}

/// A row for each finding.
pub(super) fn csv(findings: &Findings, out: &mut dyn Write) -> io::Result<()> {
    let mut bytes = Vec::new();
    let header = ["severity", "code", "file", "line", "column", "sourced_id", "message", "cure"];
    append_plain_row(header.iter().map(|cell| cell.as_bytes()), &mut bytes);
    for (group, place) in each(findings) {
        let line = place.line.map_or_else(String::new, |line| line.to_string());
        let cells = [
            word(group.severity),
            group.code,
            &group.file,
            &line,
            group.column.as_deref().unwrap_or_default(),
            place.sourced_id.as_deref().unwrap_or_default(),
            message(group),
            cure(group.code),
        ];
        let cells = cells.map(no_formula);
        append_plain_row(cells.iter().map(|cell| cell.as_bytes()), &mut bytes);
        if bytes.len() > 64 << 10 {
            out.write_all(&bytes)?;
            bytes.clear();
        }
    }
    out.write_all(&bytes)?;
    out.flush()
}

/// With an apostrophe before what a spreadsheet would run.
fn no_formula(cell: &str) -> String {
    let runs = cell.starts_with(['=', '+', '-', '@', '\t', '\r']);
    if runs { format!("'{cell}") } else { cell.to_owned() }
}

/// One finding in JSON.
#[derive(Serialize)]
struct Listed<'f> {
    severity: Severity,
    code: &'f str,
    file: &'f str,
    line: Option<u64>,
    column: Option<&'f str>,
    #[serde(rename = "sourcedId", skip_serializing_if = "Option::is_none")]
    sourced_id: Option<&'f str>,
    message: &'f str,
    cure: &'static str,
}

/// Every finding, as an array.
pub(super) struct All<'f>(pub &'f Findings);

impl Serialize for All<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(each(self.0).map(|(group, place)| Listed {
            severity: group.severity,
            code: group.code,
            file: &group.file,
            line: place.line,
            column: group.column.as_deref(),
            sourced_id: place.sourced_id.as_deref(),
            message: message(group),
            cure: cure(group.code),
        }))
    }
}

/// One cause in JSON, with its first lines.
#[derive(Serialize)]
struct Cause<'f> {
    severity: Severity,
    code: &'f str,
    file: &'f str,
    column: Option<&'f str>,
    message: &'f str,
    cure: &'static str,
    count: u64,
    lines: Vec<u64>,
}

/// Every cause, as an array.
pub(super) struct Causes<'f>(pub &'f Findings);

impl Serialize for Causes<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let groups = by_code(self.0).into_iter().flat_map(|(_, groups)| groups);
        serializer.collect_seq(groups.map(|group| Cause {
            severity: group.severity,
            code: group.code,
            file: &group.file,
            column: group.column.as_deref(),
            message: message(group),
            cure: cure(group.code),
            count: group.count,
            lines: group.places.iter().filter_map(|place| place.line).take(LINES_IN_JSON).collect(),
        }))
    }
}
