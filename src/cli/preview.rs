//! The preview: each change as one line, before the summary.

use std::io::Write;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

use super::unprintable;
use crate::failure::Result;
use crate::plan::{Action, Note, PlanRow};
use crate::report::harmless;
use crate::run::Outcome;

/// Prints the changes of a plan, at most `limit` of them (0 is all), and says how many more there are.
pub(super) fn changes(outcome: &Outcome, limit: u64, color: bool, out: &mut dyn Write) -> Result<()> {
    let (mut printed, mut more) = (0, 0);
    outcome.plan.each_decided(|row| {
        for line in lines(row, outcome) {
            if limit != 0 && printed == limit {
                more += 1;
                continue;
            }
            printed += 1;
            let style = if color { line.style() } else { Style::new() };
            writeln!(out, "{style}{}{style:#}", line.text()).map_err(unprintable)?;
        }
        Ok(())
    })?;
    if more > 0 {
        writeln!(out, "… and {more} more (--limit 0 prints all)").map_err(unprintable)?;
    }
    if printed > 0 {
        writeln!(out).map_err(unprintable)?;
    }
    Ok(())
}

struct Line {
    sign: char,
    id: String,
    state: String,
    /// The field, or what is done.
    what: String,
    /// Old and new value, or the reason.
    detail: String,
    school: String,
}

impl Line {
    fn text(&self) -> String {
        let Self { sign, id, state, what, detail, school } = self;
        let mut text = format!("{sign} ");
        for (cell, width) in [(id, 9), (state, 8), (what, 10), (detail, 56)] {
            text.push_str(cell);
            // Names can have characters that are two columns wide, or none.
            text.push_str(&" ".repeat(width - cell.width().min(width) + 1));
        }
        text.push_str(school);
        // Values come from files that anybody may have written to; a terminal must not obey them.
        harmless(text.trim_end())
    }

    fn style(&self) -> Style {
        let color = match self.sign {
            '+' | '^' => AnsiColor::Green,
            '-' | '!' => AnsiColor::Red,
            '~' => AnsiColor::Yellow,
            _ => AnsiColor::Cyan,
        };
        Style::new().fg_color(Some(color.into()))
    }
}

/// One line for each thing that happens to a person, or is kept from happening.
fn lines(row: &PlanRow<'_>, outcome: &Outcome) -> Vec<Line> {
    let school = row.schools.split('|').next().filter(|school| !school.is_empty());
    let school = school.map(|school| outcome.schools.name(school).to_owned()).unwrap_or_default();
    let before = row.state_before.as_deref().filter(|_| row.action == Action::Archived);
    let line = |sign, what: &str, detail: String| Line {
        sign,
        id: if row.sourced_id.is_empty() { "?".into() } else { row.sourced_id.to_string() },
        state: before.unwrap_or(&row.state).to_owned(),
        what: what.to_owned(),
        detail,
        school: school.clone(),
    };
    let or_none = |value: &str| if value.is_empty() { "none".to_owned() } else { value.to_owned() };
    let mut lines = Vec::new();
    match row.action {
        Action::Created => lines.push(line('+', "created", String::new())),
        Action::Archived => lines.push(line('-', "archived", String::new())),
        Action::Restored => lines.push(line('^', "restored", String::new())),
        Action::Rejected => {
            let reason = row.notes.iter().find_map(|note| match note {
                Note::Rejected(reason) => Some(reason.text()),
                _ => None,
            });
            let place = row.line.map(|line| format!("line {line}: ")).unwrap_or_default();
            lines.push(line('!', "rejected", format!("{place}{}", reason.unwrap_or_default())));
        }
        Action::Updated | Action::Kept | Action::Unchanged | Action::Skipped => {}
    }
    if row.notes.contains(&Note::PendingAgain) {
        lines.push(line('~', "state", "active → pending".into()));
    }
    for change in row.changes.iter() {
        lines.push(line(
            '~',
            change.field.word(),
            format!("{} → {}", or_none(&change.old), or_none(&change.new)),
        ));
    }
    for (field, sis) in row.kept.iter() {
        let actual = or_none(&row.details.shown(*field));
        lines.push(line('=', field.word(), format!("kept {actual}, the SIS import has {}", or_none(sis))));
    }
    lines
}
