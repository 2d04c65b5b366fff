//! The history of runs on a terminal: a small chart, then a table that fits.

use std::path::Path;

use anstyle::Style;

use super::super::layout::{Column, Screen, Table, style_of};
use super::super::ui::shown;
use super::{SHOWN, count, would};
use crate::config::Config;
use crate::store::Tried;

/// From this width on each count has a column of its own.
const WIDE: usize = 120;

pub(super) fn on_terminal(tried: &[Tried], config: &Config, screen: Screen) -> String {
    let width = screen.width.unwrap_or_default();
    let mut columns = vec![Column::new("run").right(), "started".into(), Column::new("result").word()];
    if width >= WIDE {
        columns.extend(SHOWN.iter().map(|action| Column::new(action).right()));
        columns.push(Column::new("source").prose());
    } else {
        columns.push(Column::new("what").prose());
    }
    let mut table = Table::new(columns, screen);
    tried.iter().for_each(|one| table.add(&cells(one, config, width >= WIDE)));
    chart(tried, config, screen) + &String::from_utf8_lossy(&table.finish())
}

fn cells(Tried { attempt, run, .. }: &Tried, config: &Config, is_wide: bool) -> Vec<String> {
    let mut cells = vec![
        attempt.run.map(|run| run.to_string()).unwrap_or_default(),
        config.sync.timezone.show(attempt.started),
        attempt.result.clone(),
    ];
    let done = run.as_ref().filter(|_| attempt.result != "blocked");
    if is_wide {
        let of = |action: &&str| done.map(|run| count(run, action).to_string()).unwrap_or_default();
        cells.extend(SHOWN.iter().map(of));
    }
    let mut what = Vec::new();
    if let Some(run) = done {
        let counts: Vec<String> = SHOWN
            .iter()
            .filter(|action| count(run, action) > 0)
            .map(|action| format!("{} {action}", count(run, action)))
            .collect();
        match counts.is_empty() {
            _ if is_wide => {}
            true => what.push("no changes".to_owned()),
            false => what.push(counts.join(", ")),
        }
        what.push(shown(Path::new(&run.source)));
        if !run.notify && run.undoes.is_none() {
            what.push("no notifications".to_owned());
        }
    } else if let Some(run) = run {
        what.push(would(run));
    } else if attempt.run.is_some() {
        what.push("this run is not in the store".to_owned());
    }
    if !attempt.reason.is_empty() {
        what.push(attempt.reason.clone());
    }
    cells.push(what.join("; "));
    cells
}

/// The bars, and from how many users on each stands.
const BARS: [(u64, char); 5] = [(0, '▁'), (1, '▂'), (10, '▄'), (100, '▆'), (1000, '█')];
const BARS_EXPLAINED: &str = "▂ 1+, ▄ 10+, ▆ 100+, █ 1000+ users; × stopped";

/// How many users each run changed, the latest run at the right. A power of ten is one step: else
/// the first run would make the others invisible.
fn chart(tried: &[Tried], config: &Config, screen: Screen) -> String {
    const LABEL: &str = "Changes: ";
    let room = screen.width.unwrap_or_default().saturating_sub(LABEL.len());
    let newest: Vec<&Tried> = tried.iter().take(room).collect();
    let (Some(last), Some(first)) = (newest.first(), newest.last()) else { return String::new() };
    if newest.len() < 2 {
        return String::new();
    }
    let bars: String = newest.iter().rev().map(|tried| bar(tried, screen)).collect();
    let day = |tried: &Tried| config.sync.timezone.day(tried.attempt.started);
    let legend = format!("{} to {}; {BARS_EXPLAINED}", day(first), day(last));
    let below = screen.labelled(&[("", legend)], LABEL.len());
    format!("{}{bars}\n{}\n", screen.paint(LABEL, Style::new().bold()), String::from_utf8_lossy(&below))
}

fn bar(Tried { attempt, run }: &Tried, screen: Screen) -> String {
    let Some(run) = run.as_ref().filter(|_| attempt.result != "blocked") else {
        let result = if run.is_some() { &attempt.result } else { "failed" };
        return screen.paint("×", style_of(result));
    };
    let changed =
        ["created", "updated", "archived", "restored"].map(|action| count(run, action)).iter().sum();
    let bar = BARS.iter().rev().find(|(least, _)| *least <= changed).map_or('▁', |(_, bar)| *bar);
    screen.paint(&bar.to_string(), style_of(&attempt.result))
}
