//! A preview as Markdown, for a ticket or a pull request: the counts, the changes as a table, and the
//! summary as the command prints it.

use std::io::Write;

use super::line::{Kind, Line, Order, each_rename, each_thing};
use super::shares;
use super::sorted::Sorted;
use crate::cli::unprintable;
use crate::failure::Result;
use crate::plan::Action;
use crate::report::harmless;
use crate::run::Outcome;

/// Writes the preview or, of a run that was applied, its counts: then `limit` is none. `summary` is
/// the text that the command prints for people.
pub(in crate::cli) fn markdown(
    outcome: &Outcome,
    summary: &str,
    limit: Option<u64>,
    out: &mut dyn Write,
) -> Result<()> {
    write!(out, "{}", head(outcome)).map_err(unprintable)?;
    if let Some(limit) = limit {
        changes(outcome, limit, out)?;
    }
    write!(out, "\n## Summary\n\n{}", fenced(summary)).map_err(unprintable)
}

fn head(outcome: &Outcome) -> String {
    let plan = &outcome.plan;
    let title = match outcome.run {
        Some(run) if outcome.blocked => format!("Roster sync: run {run} was blocked"),
        Some(run) => format!("Roster sync: run {run}"),
        None if outcome.blocked => "Roster sync: preview, blocked by a limit".to_owned(),
        None => "Roster sync: preview".to_owned(),
    };
    let mut text = format!("# {title}\n\n");
    for overrun in outcome.overruns.iter().chain(&outcome.held) {
        text.push_str(&format!("- **Over a limit:** {}\n", cell(&overrun.message)));
    }
    if !(outcome.overruns.is_empty() && outcome.held.is_empty()) {
        text.push('\n');
    }
    text.push_str("| action | users |\n|---|--:|\n");
    for action in Action::ALL.into_iter().filter(|action| plan.summary.count(*action) > 0) {
        text.push_str(&format!("| {} | {} |\n", action.word(), plan.summary.count(action)));
    }
    let told = plan.summary.notifications;
    text.push_str(&format!("\nMessages: {} by email, {} by SMS. ", told.email, told.sms));
    text + &format!("Checksum: `{}`\n", plan.checksum)
}

/// Every kind of change has some of the rows, as in the preview for people.
fn changes(outcome: &Outcome, limit: u64, out: &mut dyn Write) -> Result<()> {
    let mut counts = [0; Kind::ALL.len()];
    let mut sorted = Sorted::default();
    let mut add = |order: Order<'_>, make: &dyn Fn() -> Line| {
        counts[order.kind as usize] += 1;
        sorted.push(make())
    };
    each_thing(outcome, &mut add)?;
    each_rename(outcome, &mut add)?;
    if counts.iter().all(|count| *count == 0) {
        return Ok(());
    }
    out.write_all(
        b"\n## Changes\n\n| | user | state | what | change | school |\n|---|---|---|---|---|---|\n",
    )
    .map_err(unprintable)?;
    let mut lines = sorted.read()?;
    for ((kind, count), share) in Kind::ALL.into_iter().zip(counts).zip(shares(counts, limit)) {
        for at in 0..count {
            let Some(line) = lines.next()? else { break };
            if at < share {
                let cells = line.for_markdown().map(|text| cell(&text)).join(" | ");
                writeln!(out, "| {cells} |").map_err(unprintable)?;
            }
        }
        if count > share {
            let (rest, more) = (count - share, if share > 0 { " more" } else { "" });
            writeln!(out, "| … | {rest}{more} {} (`--limit 0` lists all) | | | | |", kind.counted(rest))
                .map_err(unprintable)?;
        }
    }
    Ok(())
}

/// A text in a cell: nothing of it is markup, a break of the line, or the end of the cell.
fn cell(text: &str) -> String {
    let mut plain = String::new();
    for c in harmless(&text.replace('\n', " ")).chars() {
        match c {
            '&' => plain.push_str("&amp;"),
            '<' => plain.push_str("&lt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '!' => plain.extend(['\\', c]),
            c => plain.push(c),
        }
    }
    plain
}

/// A text as it is, between fences that do not occur in it.
fn fenced(text: &str) -> String {
    let mut fence = "```".to_owned();
    while text.contains(&fence) {
        fence.push('`');
    }
    format!("{fence}text\n{}\n{fence}\n", text.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_value_is_markup() {
        assert_eq!(
            cell("a|b\n<img src=x> **x** [y](z) `c` \\ ~ #1 &amp; rosa@mail.example"),
            "a\\|b &lt;img src=x> \\*\\*x\\*\\* \\[y\\](z) \\`c\\` \\\\ \\~ \\#1 &amp;amp; rosa@mail.example"
        );
        assert_eq!(fenced("a\n```\nb\n"), "````text\na\n```\nb\n````\n");
    }
}
