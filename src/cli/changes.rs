//! `rostersync changes`

use std::path::PathBuf;

use chrono::{DateTime, NaiveDate, NaiveTime, Utc};
use clap::builder::{PossibleValuesParser, TypedValueParser};

use super::html;
use super::layout::{Screen, Table};
use super::report::format_of;
use super::ui::{Ui, results, table_results};
use super::users::{reading, words_of};
use super::{Global, unprintable};
use crate::attempt::Ending;
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::output::write_file;
use crate::platform::Stamp;
use crate::report::{Csv, Format, Json, Rendering};
use crate::store::{Changed, Origin, Since};

/// List all changes of all accounts since a day or a run: account, what, old and new value, by whom
///
/// The changes are in the order in which they were made: by runs, by the platform's export, by
/// people, and by commands. Values of people that were erased are gone from the list too.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync changes --since 2026-11-23              since that day began
  rostersync changes --since 42 -o changes.csv       since run 42 ended
  rostersync changes --since 42 --format json")]
pub(super) struct ChangesArgs {
    /// A day (2026-11-23), a moment (2026-11-23T08:15:00Z), or a run: what came after it
    #[arg(long, value_name = "DATE|RUN")]
    since: String,

    /// Format of the output. Default: by the file name of --output, otherwise a table
    #[arg(long, value_name = "FORMAT", value_parser = format())]
    format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE", value_parser = super::path())]
    output: Option<PathBuf>,
}

/// The formats of a report but HTML: a page has users, not changes.
fn format() -> impl TypedValueParser<Value = Format> {
    PossibleValuesParser::new(["table", "csv", "json"]).map(|word| match word.as_str() {
        "csv" => Format::Csv,
        "json" => Format::Json,
        _ => Format::Table,
    })
}

const TABLE: [&str; 7] = ["when", "user", "name", "what", "old", "new", "by"];
const COLUMNS: [&str; 11] =
    ["at", "sourced_id", "name", "field", "old", "new", "origin", "actor", "run", "updated_by", "updated_at"];

pub(super) fn run(args: &ChangesArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let since = since(&args.since, &config)?;
    if matches!(since, Since::Moment(moment) if moment > global.now()) {
        return Err(Failure::new(Kind::Usage, format!("`--since {}` is in the future", args.since))
            .cure("write a day that has begun, or the number of a run; `rostersync runs` lists them"));
    }
    let store = reading(&config)?;
    let format = format_of(args.format, args.output.as_deref());
    if format == Format::Html {
        return Err(html::none("the changes"));
    }
    let write = |screen: Screen, out: &mut dyn std::io::Write| -> Result<()> {
        let mut rendering: Box<dyn Rendering> = match format {
            Format::Csv => Box::new(Csv::for_spreadsheets(COLUMNS.to_vec())),
            Format::Json => {
                Box::new(Json::new(COLUMNS.to_vec(), COLUMNS.iter().position(|name| *name == "run")))
            }
            Format::Table | Format::Html => {
                Box::new(Table::new(TABLE, screen).folded(&["when", "user", "name", "by"]))
            }
        };
        let mut buffer = Vec::new();
        rendering.begin(&mut buffer);
        let found = store.each_change(since, |change| {
            let cells: Vec<String> = match format {
                Format::Table => for_people(change, &config).into(),
                _ => for_programs(change).into(),
            };
            rendering.row(&cells.iter().map(String::as_bytes).collect::<Vec<_>>(), &mut buffer);
            out.write_all(&buffer).map_err(unprintable)?;
            buffer.clear();
            Ok(())
        })?;
        if !found {
            return Err(Failure::new(
                Kind::Usage,
                format!("there is no run {}, or it is older than the history", args.since),
            )
            .cure("`rostersync runs` lists them"));
        }
        rendering.end(&mut buffer);
        out.write_all(&buffer).and_then(|()| out.flush()).map_err(unprintable)
    };
    match &args.output {
        Some(path) => write_file(path, Some(&config), &[], |out| {
            if format == Format::Csv {
                out.write_all("\u{feff}".as_bytes()).map_err(unprintable)?;
            }
            write(Screen::default(), out)
        })?,
        None if format == Format::Table => write(ui.screen, &mut table_results())?,
        None => write(ui.screen, &mut results())?,
    }
    Ok(Ending::Ok)
}

fn since(typed: &str, config: &Config) -> Result<Since> {
    let wrong = || {
        Failure::new(Kind::Usage, format!("`--since {typed}` is neither a day nor a run"))
            .cure("write a day such as 2026-11-23, or the number of a run; `rostersync runs` lists them")
    };
    if let Ok(run) = typed.parse() {
        return Ok(Since::Run(run));
    }
    if let Ok(moment) = typed.parse::<DateTime<Utc>>() {
        return Ok(Since::Moment(moment));
    }
    let day: NaiveDate = typed.parse().map_err(|_| wrong())?;
    // Where the clocks skip midnight, the day begins an hour later.
    let begins = [0, 1]
        .into_iter()
        .find_map(|hour| config.sync.timezone.moment(day.and_time(NaiveTime::from_hms_opt(hour, 0, 0)?)));
    begins.map(Since::Moment).ok_or_else(wrong)
}

fn for_people(change: &Changed, config: &Config) -> [String; 7] {
    let [at, what, old, new, by] = words_of(&change.entry, config);
    let user = if change.sourced_id.is_empty() { "(erased)" } else { change.sourced_id.as_str() };
    [at, user.to_owned(), change.name.to_string(), what, old, new, by]
}

fn for_programs(change: &Changed) -> [String; 11] {
    let entry = &change.entry;
    let seconds = |at: DateTime<Utc>| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true);
    let (actor, there) = match entry.origin {
        Origin::Platform => ("", Stamp::of(&entry.actor)),
        _ => (entry.actor.as_str(), Stamp::default()),
    };
    let (old, new) = entry.shown();
    [
        seconds(entry.at),
        change.sourced_id.clone(),
        change.name.to_string(),
        entry.field.clone(),
        old,
        new,
        entry.origin.word().to_owned(),
        actor.to_owned(),
        entry.run.map(|run| run.to_string()).unwrap_or_default(),
        there.by.map(|by| by.word().to_owned()).unwrap_or_default(),
        there.at.map(seconds).unwrap_or_default(),
    ]
}
