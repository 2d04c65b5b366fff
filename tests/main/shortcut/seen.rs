//! What can be seen of a night, and where two sides differ in it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use rostersync::failure::Failure;
use rostersync::run::Outcome;
use rusqlite::Connection;

use crate::support::{Report, rows};

/// Tables, and columns as `table.column`, that only the shortcut uses, and that may therefore
/// differ; those that are salted at random; and the numbers of the roster, which depend on the order
/// of its rows and on when the file was written. Everything else in the store is compared.
pub(super) const OF_THE_SHORTCUT: &[&str] = &[
    "fingerprint",
    "fingerprint_credential",
    "cached_row",
    "touched",
    "audit_row.digest",
    "outbox.nonce",
    "audit_value.salt",
    "link.digest",
    "history",
    "attempt.key",
    "erased_key",
    "erased.hash",
];

/// What one side shows of a night: parts with a name, each of lines.
pub(super) struct Seen {
    pub(super) parts: Vec<(&'static str, Vec<String>)>,
    /// The report of the run; empty if there is none.
    pub(super) report: Report,
    /// `ok`, `blocked`, `partial` or the kind of a failure.
    pub(super) result: String,
}

/// The first line in which two sides differ.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Difference(pub(super) String);

impl Seen {
    pub(super) fn part(&self, name: &str) -> &[String] {
        let found = self.parts.iter().find(|(part, _)| *part == name);
        &found.unwrap_or_else(|| panic!("there is no part {name}")).1
    }
}

pub(super) fn compare(right: &Seen, other: &Seen, name: &str) -> Result<(), Difference> {
    for ((part, right), (_, other)) in right.parts.iter().zip(&other.parts) {
        let Some(at) = (0..right.len().max(other.len())).find(|at| right.get(*at) != other.get(*at)) else {
            continue;
        };
        let line = |lines: &[String]| lines.get(at).cloned().unwrap_or_else(|| "(nothing)".to_owned());
        return Err(Difference(format!(
            "the {part} differs in line {}\n  all : {}\n  {name:4}: {}",
            at + 1,
            line(right),
            line(other)
        )));
    }
    assert_eq!(right.parts.len(), other.parts.len());
    Ok(())
}

/// Everything that a caller of a run can see of it, but for the rows, which are the report's.
pub(super) fn outcome(done: &Result<Outcome, Failure>) -> String {
    let outcome = match done {
        Ok(outcome) => outcome,
        Err(failure) => {
            return format!("{:?}: {}\nat {}\n{}", failure.kind, failure.what, failure.place, failure.cure);
        }
    };
    let json = |value: serde_json::Value| value.to_string();
    let lines = [
        format!("run {:?}, blocked {}, partial {}", outcome.run, outcome.blocked, outcome.partial),
        json(serde_json::to_value(&outcome.plan.summary).unwrap()),
        outcome.plan.checksum.clone(),
        json(serde_json::to_value(&outcome.overruns).unwrap()),
        format!("{:?}", outcome.delivery),
        format!("{:?}", outcome.schools.0.iter().collect::<BTreeMap<_, _>>()),
        format!("export {} {}", outcome.export_rows, outcome.export_unknown),
        json(serde_json::to_value(&outcome.findings).unwrap()),
    ];
    lines.join("\n")
}

/// The lines of a file, with what would make two of them look the same in a terminal shown.
pub(super) fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).split('\n').map(|line| line.escape_debug().to_string()).collect()
}

/// A file that is not needed any more.
pub(super) fn take(path: &Path) -> Vec<String> {
    let bytes = fs::read(path).unwrap_or_default();
    let _ = fs::remove_file(path);
    lines(&bytes)
}

pub(super) fn folder_lines(folder: &Path, contents: bool) -> Vec<String> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    let mut found = Vec::new();
    for path in paths {
        found.push(path.file_name().unwrap().to_string_lossy().into_owned());
        if contents {
            found.extend(lines(&fs::read(&path).unwrap()).iter().map(|line| without_nonce(line)));
        }
    }
    found
}

/// The key of a message without the part that is drawn at random.
fn without_nonce(line: &str) -> String {
    let Some((before, key)) = line.split_once("rostersync.") else { return line.to_owned() };
    let end = key.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(key.len());
    let numbers: Vec<&str> = key[..end].split('.').take(2).collect();
    format!("{before}rostersync.{}{}", numbers.join("."), &key[end..])
}

/// All tables of a store, whatever they are.
pub(super) fn dump(path: &Path) -> Vec<String> {
    if !path.exists() {
        return Vec::new();
    }
    let store = Connection::open(path).unwrap();
    let mut found = Vec::new();
    for table in rows(&store, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name") {
        if OF_THE_SHORTCUT.contains(&table.as_str()) {
            continue;
        }
        let columns: Vec<String> = rows(&store, &format!("SELECT name FROM pragma_table_info('{table}')"))
            .into_iter()
            .filter(|column| !OF_THE_SHORTCUT.contains(&format!("{table}.{column}").as_str()))
            .collect();
        found.push(format!("{table}: {}", columns.join(" | ")));
        let query = format!("SELECT quote({}) FROM {table} ORDER BY 1", columns.join("), quote("));
        found.extend(rows(&store, &query).into_iter().map(|row| format!("{table}: {row}")));
    }
    found
}
