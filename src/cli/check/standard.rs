//! `check --strict`: what is said of a package that was held against the standard, and the log
//! that a certification asks for.

use std::path::Path;

use chrono::{DateTime, SecondsFormat, Utc};
use serde_json::{Value, json};

use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::findings::{Findings, Group, Severity};
use crate::output;
use crate::plural::counted;
use crate::report::harmless;
use crate::source::oneroster_csv::{EncodingSetting, Standing, check_standard};

/// A package that was held against the standard.
pub(super) struct Judged {
    pub(super) standing: Standing,
    pub(super) findings: Findings,
}

impl Judged {
    fn count(&self, severity: Severity) -> u64 {
        self.findings
            .groups()
            .iter()
            .filter(|group| group.severity == severity)
            .map(|group| group.count)
            .sum()
    }

    pub(super) fn is_valid(&self) -> bool {
        self.count(Severity::Error) == 0
    }

    /// Its files with errors.
    fn rejected(&self) -> Vec<&str> {
        let is_wrong = |name: &&str| errors(&self.findings).any(|group| group.file == *name);
        self.standing.files.iter().map(|(name, _)| name.as_str()).filter(is_wrong).collect()
    }

    /// One line.
    pub(super) fn text(&self) -> String {
        let rows = self.standing.files.iter().map(|(_, rows)| rows).sum();
        let verdict = if self.is_valid() { "valid" } else { "not valid" };
        format!(
            "OneRoster {}: {}, {}; {}, {}: {verdict}.\n",
            self.standing.version,
            counted(self.standing.files.len() as u64, "file", "files"),
            counted(rows, "row", "rows"),
            counted(self.count(Severity::Error), "error", "errors"),
            counted(self.count(Severity::Warning), "warning", "warnings"),
        )
    }

    pub(super) fn json(&self) -> Value {
        let rejected = self.rejected();
        json!({
            "version": self.standing.version,
            "valid": self.is_valid(),
            "errors": self.count(Severity::Error),
            "warnings": self.count(Severity::Warning),
            "files": self.standing.files.iter().map(|(name, rows)| {
                json!({ "file": name, "rows": rows, "rejected": rejected.contains(&name.as_str()) })
            }).collect::<Vec<_>>(),
        })
    }
}

fn errors(findings: &Findings) -> impl Iterator<Item = &Group> {
    findings.groups().iter().filter(|group| group.severity == Severity::Error)
}

/// Holds a package against the standard, and writes the log if one is wanted.
pub(super) fn judge(
    path: &Path,
    encoding: EncodingSetting,
    log: Option<&Path>,
    config: Option<&Config>,
    now: DateTime<Utc>,
) -> Result<Judged> {
    let mut findings = Findings::listing(true);
    let judged = check_standard(path, encoding, &mut findings).map(|standing| Judged { standing, findings });
    if let Some(log) = log {
        let text = match &judged {
            Ok(judged) => log_of(path, judged, now),
            Err(failure) => log_of_failure(path, failure, now),
        };
        output::write_file(log, config, &[path], |out| {
            out.write_all(text.as_bytes()).map_err(|cause| {
                Failure::io(crate::failure::Kind::Failed, "the log cannot be written", log, cause)
            })
        })?;
    }
    judged
}

/// The beginning of every log.
fn head(path: &Path, status: &str, now: DateTime<Utc>) -> String {
    let name = crate::owner::name_of(path);
    let date = now.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!("Test Identifier: {name}\nTest Date: {date}\nStatus: {status}\n")
}

fn log_of(path: &Path, judged: &Judged, now: DateTime<Utc>) -> String {
    let rejected = judged.rejected();
    let names = judged.standing.files.iter().map(|(name, _)| name.as_str());
    let imported: Vec<&str> = names.filter(|name| !rejected.contains(name)).collect();
    let listed = |names: &[&str]| if names.is_empty() { "none".to_owned() } else { names.join(", ") };
    let mut text = head(path, if judged.is_valid() { "Success" } else { "Fail" }, now);
    text.push_str(&format!(
        "CSV Files Imported: {}\nCSV Files Rejected: {}\nComment:\n  rostersync {}, {}",
        listed(&imported),
        listed(&rejected),
        env!("CARGO_PKG_VERSION"),
        judged.text(),
    ));
    for group in judged.findings.groups() {
        text.push_str(&comment(group));
    }
    text
}

fn log_of_failure(path: &Path, failure: &Failure, now: DateTime<Utc>) -> String {
    let mut text = head(path, "Fail", now);
    let causes = failure.causes().join(": ");
    let causes = if causes.is_empty() { causes } else { format!(": {causes}") };
    text.push_str(&format!(
        "CSV Files Imported: none\nCSV Files Rejected: all\nComment:\n  The package cannot be read: {}\n",
        harmless(&format!("{}{causes}", failure.what))
    ));
    text
}

/// What is wrong, where, and how often.
fn comment(group: &Group) -> String {
    let severity = if group.severity == Severity::Error { "error" } else { "warning" };
    let kind = if is_semantic(group.code) { "Semantic" } else { "Syntactic" };
    let mut text = format!("  {kind} {severity} in {}", harmless(&group.file));
    let lines: Vec<String> =
        group.places.iter().filter_map(|place| place.line).take(20).map(|line| line.to_string()).collect();
    let more = group.count.saturating_sub(lines.len() as u64);
    if !lines.is_empty() {
        text.push_str(&format!(", line {}", lines.join(", ")));
    }
    if !lines.is_empty() && more > 0 {
        text.push_str(&format!(" and {more} more"));
    }
    if let Some(column) = &group.column {
        text.push_str(&format!(", column {}", harmless(column)));
    }
    let meaning = crate::codes::explain(group.code).map_or("", |entry| entry.meaning);
    let message = if group.message.is_empty() { meaning.trim_end_matches('.') } else { &group.message };
    text.push_str(&format!(": {} [{}]\n", harmless(message), group.code));
    text
}

/// Whether a code is about what values mean together, not about the form of one.
fn is_semantic(code: &str) -> bool {
    let others = ["sourced-id-repeated", "date-order", "role-primary", "user-without-role"];
    code.starts_with("reference-")
        || code.starts_with("enrollment-")
        || code.starts_with("manifest-file-")
        || others.contains(&code)
}
