//! What holds of any night, with a shortcut or without.

use std::collections::BTreeMap;

use super::seen::{Difference, Seen};
use super::sides::Sides;
use super::world::World;
use crate::support::{Row, rows};

/// A preview shows what the run does, and the same night once more does nothing and says the same
/// of what stays.
pub(super) fn check(sides: &Sides, world: &World, seen: &Seen) -> Result<(), Difference> {
    // A preview shows what is held; the approved run of the same plan applies that too.
    let is_approved_whole = world.holds && world.tonight.approve;
    if ["ok", "partial", "blocked"].contains(&seen.result.as_str()) && !is_approved_whole {
        same("the report after the preview", seen.part("preview's report"), seen.part("report"))?;
    }
    if ["ok", "partial"].contains(&seen.result.as_str()) {
        check_rows(sides, seen)?;
    }
    // A user that begins as active, without a detail that the export has no column for, claims the
    // credential of the SIS on that night alone.
    let claims_once = |row: &Row| &row["action"] == "created" && row["codes"].contains("-taken");
    if seen.report.rows.iter().any(claims_once) {
        return Ok(());
    }
    // No night has been good yet, and the store was lost.
    if seen.part("store").is_empty() {
        return Ok(());
    }
    // The same night once more is one more run of those that `archive_after` counts.
    if seen.report.rows.iter().any(|row| &row["action"] == "missing") {
        return Ok(());
    }
    let again = sides.again(world);
    same("the store the second time", &without_runs(seen), &without_runs(&again))?;
    same("the mail the second time", &[], again.part("mail"))?;
    if seen.result != again.result {
        return Err(Difference(format!("{} becomes {} the second time", seen.result, again.result)));
    }
    let is_change = |action| ["created", "updated", "archived", "restored"].contains(&action);
    if let Some(row) = again.report.rows.iter().find(|row| is_change(&row["action"]))
        && seen.result != "blocked"
    {
        return Err(Difference(format!("the second time somebody is {}: {row:?}", &row["action"])));
    }
    let first = stays(seen);
    for (id, second) in stays(&again) {
        let first = first.get(&id).map(Vec::as_slice).unwrap_or_default();
        same(&format!("what is said of {id} the second time"), first, &second)?;
    }
    Ok(())
}

/// A row shows the account as it is after the run, or that there is none.
fn check_rows(sides: &Sides, seen: &Seen) -> Result<(), Difference> {
    let accounts = rows(
        &sides.right(),
        "SELECT sourced_id, CASE archived WHEN 1 THEN 'archived' ELSE state END, given_name, family_name, email, phone, \
         home_phone FROM account",
    );
    for row in seen.report.rows.iter().filter(|row| !row["codes"].contains("rejected-duplicate")) {
        // Without what keeps a spreadsheet from running a cell.
        let cell = |column| row[column].strip_prefix('\'').unwrap_or(&row[column]);
        let shown =
            ["sourced_id", "state", "given_name", "family_name", "email", "phone", "home_phone"].map(cell);
        let own = accounts.iter().find(|account| account.starts_with(&format!("{} | ", &row["sourced_id"])));
        let right = match own {
            Some(account) => account.clone(),
            None => format!("{} | {}", &row["sourced_id"], [""; 6].join(" | ")),
        };
        if shown.join(" | ") != right {
            return Err(Difference(format!("a row does not show the account\n  {right}\n  {row:?}")));
        }
    }
    Ok(())
}

fn same(what: &str, right: &[String], other: &[String]) -> Result<(), Difference> {
    if right == other {
        return Ok(());
    }
    let at = (0..).find(|at| right.get(*at) != other.get(*at)).unwrap_or_default();
    Err(Difference(format!(
        "{what} differs in line {}\n  {:?}\n  {:?}",
        at + 1,
        right.get(at),
        other.get(at)
    )))
}

/// The store but for the runs themselves.
fn without_runs(seen: &Seen) -> Vec<String> {
    seen.part("store")
        .iter()
        .filter(|line| !["run:", "link:", "attempt:"].iter().any(|table| line.starts_with(table)))
        .map(|line| without_files(line))
        .collect()
}

/// What was seen of the files themselves is another thing after the same roster was written in
/// another form.
fn without_files(line: &str) -> String {
    match (line.find("\"files\":"), line.find(",\"roster\":")) {
        (Some(from), Some(to)) if line.starts_with("last_night:") => {
            format!("{}{}", &line[..from], &line[to..])
        }
        _ => line.to_owned(),
    }
}

/// Notes of one night alone.
const EVENTS: [&str; 4] =
    ["Linked to ", "No longer linked to ", "No reachable contact left - ", "Has a new sourcedId - "];

/// What is said of each person that is not about an event of the night.
fn stays(seen: &Seen) -> BTreeMap<String, Vec<String>> {
    let event = |note: &str| {
        note.contains("updated by the sync - was")
            || note.contains("y the same person as ") && !note.ends_with(" - not added")
            || note.starts_with("Probably back as ") && !note.ends_with(" - not archived")
            || EVENTS.iter().any(|begin| note.starts_with(begin))
            || ["- restored", "- archived", "pending again in the platform export"]
                .iter()
                .any(|end| note.ends_with(end))
    };
    let mut said: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for row in &seen.report.rows {
        // The second of two rows that differ shows the account without what the platform's export
        // brought tonight.
        if row["codes"].contains("rejected-duplicate") {
            continue;
        }
        // An account that is archived because the person may not be contacted has a note on the
        // nights after it.
        let after = |note: &str| &row["state"] == "archived" && note.ends_with(" - not added");
        let is_kept = |note: &&str| !note.is_empty() && !event(note) && !after(note);
        let notes: Vec<&str> = row["notes"].split("; ").filter(is_kept).collect();
        let cells = ["role", "schools", "state", "given_name", "family_name", "email", "phone", "first_seen"];
        let cells: Vec<&str> = cells.iter().map(|column| &row[*column]).collect();
        said.entry(row["sourced_id"].to_owned()).or_default().push(format!("{cells:?} {notes:?}"));
    }
    said.values_mut().for_each(|rows| rows.sort());
    said
}
