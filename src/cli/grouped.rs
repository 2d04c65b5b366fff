//! `rostersync report --group`: a report by its causes, each with its cure.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::json;

use super::layout::Screen;
use super::run::quoted;
use crate::codes;
use crate::failure::Result;
use crate::plural::counted;
use crate::report::{Csv, Format, Group, Query, Rendering, groups, harmless};

/// What else is needed to name a group.
pub(super) struct Naming {
    /// Names of schools by sourcedId; empty where they are not to be shown.
    pub(super) schools: BTreeMap<String, String>,
    /// `rostersync report 42`
    pub(super) command: String,
}

/// The groups of a report, as bytes.
pub(super) fn grouped(path: &Path, query: &Query, naming: &Naming, screen: Screen) -> Result<Vec<u8>> {
    let groups = groups(path, query)?;
    Ok(match query.format {
        Format::Csv => csv(&groups),
        Format::Json => {
            let all: Vec<_> = groups.iter().map(|group| as_json(group, naming)).collect();
            format!("{:#}\n", json!(all)).into_bytes()
        }
        _ => text(&groups, naming, query.redact.is_some(), screen),
    })
}

fn text(groups: &[Group], naming: &Naming, is_masked: bool, screen: Screen) -> Vec<u8> {
    if groups.is_empty() {
        return b"No notes\n".to_vec();
    }
    let mut out = Vec::new();
    for (at, group) in groups.iter().enumerate() {
        if at > 0 {
            out.push(b'\n');
        }
        let cause = if group.cause.is_empty() { String::new() } else { format!(" ({})", group.cause) };
        let heading = format!("{}{cause}: {}", group.code, counted(group.users, "user", "users"));
        out.extend_from_slice(screen.paragraphs(&harmless(&heading)).as_bytes());
        out.push(b'\n');
        out.extend(screen.labelled(&lines(group, naming, is_masked), 11));
    }
    out
}

fn lines(group: &Group, naming: &Naming, is_masked: bool) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    if let Some(entry) = codes::explain(&group.code) {
        lines.extend([
            ("  Means", entry.meaning.to_owned()),
            ("  Cause", entry.cause.to_owned()),
            ("  Cure", entry.cure.to_owned()),
        ]);
    }
    let school = |id: &str| match naming.schools.get(id) {
        Some(name) if !name.is_empty() && name != id => format!("{name} ({id})"),
        _ => id.to_owned(),
    };
    for (word, counts) in [
        ("  Schools", of_most(&group.schools, school)),
        ("  Roles", of_most(&group.roles, str::to_owned)),
        ("  With", of_most(&group.also, str::to_owned)),
    ] {
        lines.extend(Some((word, counts)).filter(|(_, counts)| !counts.is_empty()));
    }
    let named: Vec<&str> = group.examples.iter().map(String::as_str).filter(|id| !id.is_empty()).collect();
    let more = match group.users - named.len() as u64 {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    let mut list = format!("{} --where codes={}", naming.command, group.code);
    let column = match group.code.as_str() {
        "school-paused" => Some("schools"),
        code => code.starts_with("role-").then_some("role"),
    };
    // A pseudonym finds no user.
    if let Some(column) = column.filter(|_| !group.cause.is_empty() && !is_masked) {
        list.push_str(&format!(" --where {column}={}", quoted(&group.cause)));
    }
    let list = format!("`{list}`");
    let users = if named.is_empty() { list } else { format!("{}{more}: {list}", named.join(", ")) };
    lines.push(("  Users", users));
    lines
}

/// The first of some counts: `Lincoln Elementary (sch-1) 180, sch-2 30 and 4 more`.
fn of_most(counts: &[(String, u64)], name: impl Fn(&str) -> String) -> String {
    const NAMED: usize = 4;
    let first: Vec<String> =
        counts.iter().take(NAMED).map(|(id, count)| format!("{} {count}", name(id))).collect();
    match counts.len().saturating_sub(NAMED) {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

const COLUMNS: [&str; 10] =
    ["code", "value", "users", "schools", "roles", "also", "examples", "meaning", "cause", "cure"];

fn csv(groups: &[Group]) -> Vec<u8> {
    let mut csv = Csv::for_spreadsheets(COLUMNS.to_vec());
    let mut out = Vec::new();
    csv.begin(&mut out);
    for group in groups {
        let counts = |counts: &[(String, u64)]| {
            counts.iter().map(|(id, count)| format!("{id}:{count}")).collect::<Vec<_>>().join("|")
        };
        let entry = codes::explain(&group.code);
        let cells = [
            group.code.clone(),
            group.cause.clone(),
            group.users.to_string(),
            counts(&group.schools),
            counts(&group.roles),
            counts(&group.also),
            group.examples.join("|"),
            entry.map_or("", |entry| entry.meaning).to_owned(),
            entry.map_or("", |entry| entry.cause).to_owned(),
            entry.map_or("", |entry| entry.cure).to_owned(),
        ];
        csv.row(&cells.each_ref().map(|cell| cell.as_bytes()), &mut out);
    }
    csv.end(&mut out);
    out
}

fn as_json(group: &Group, naming: &Naming) -> serde_json::Value {
    let entry = codes::explain(&group.code);
    let counts = |counts: &[(String, u64)], word: &str| -> Vec<serde_json::Value> {
        counts.iter().map(|(id, count)| json!({ word: id, "users": count })).collect()
    };
    let schools: Vec<serde_json::Value> = group
        .schools
        .iter()
        .map(|(id, count)| json!({ "id": id, "name": naming.schools.get(id), "users": count }))
        .collect();
    json!({
        "code": group.code,
        "value": Some(&group.cause).filter(|cause| !cause.is_empty()),
        "users": group.users,
        "schools": schools,
        "roles": counts(&group.roles, "role"),
        "also": counts(&group.also, "code"),
        "examples": group.examples,
        "meaning": entry.map(|entry| entry.meaning),
        "cause": entry.map(|entry| entry.cause),
        "cure": entry.map(|entry| entry.cure),
    })
}
