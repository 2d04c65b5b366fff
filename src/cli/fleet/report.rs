//! `rostersync fleet report`

use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use clap::Parser;

use super::super::layout::Screen;
use super::super::report::table;
use super::super::ui::{Ui, results, table_results};
use super::super::{Cli, Command, Global, unprintable};
use super::{Which, say};
use crate::attempt::Ending;
use crate::failure::{Failure, Kind, Result};
use crate::fleet::{self, Ended};
use crate::output::write_file;
use crate::report::{Query, render_together};

/// Show the latest Users reports of all districts as one, with the column `district`
///
/// The filters are those of `rostersync report`. A district without a report, or whose report
/// cannot be read, is named on standard error, and the others are shown.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync fleet report districts --where action=rejected
  rostersync fleet report districts --notes -o notes.csv")]
pub(super) struct ReportArgs {
    #[command(flatten)]
    which: Which,

    /// Only users with notes
    #[arg(long)]
    notes: bool,

    /// Only users with a note that the run before did not have
    #[arg(long)]
    new: bool,

    /// Only users for whom this holds, as in `rostersync report`. Can be repeated
    #[arg(long = "where", value_name = "CONDITION")]
    filters: Vec<String>,

    /// Show these columns, in this order, separated by commas
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,

    /// Mask personal data, as in `rostersync report`
    #[arg(long)]
    redact: bool,

    /// Format of the output. Default: by the file name of --output, otherwise a table
    #[arg(long, value_enum, value_name = "FORMAT")]
    format: Option<Format>,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE", value_parser = super::super::path())]
    output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// For people
    Table,
    Csv,
    Json,
}

impl ReportArgs {
    fn format(&self) -> Format {
        let ending = self.output.as_ref().and_then(|path| path.extension());
        let is = |format: &str| ending.is_some_and(|ending| ending.eq_ignore_ascii_case(format));
        match self.format {
            Some(format) => format,
            None if is("csv") => Format::Csv,
            None if is("json") => Format::Json,
            None => Format::Table,
        }
    }

    /// Those of `rostersync report` that say which rows there are.
    fn filters(&self) -> Vec<String> {
        let mut all = vec!["report".to_owned()];
        let flags = [("--notes", self.notes), ("--new", self.new), ("--redact", self.redact)];
        all.extend(flags.iter().filter(|(_, is_set)| *is_set).map(|(flag, _)| (*flag).to_owned()));
        all.extend(self.filters.iter().map(|filter| format!("--where={filter}")));
        all
    }

    /// How the rows are shown. A wrong column or filter is refused here, before each district refuses
    /// it with the same words.
    fn query(&self) -> Result<Query> {
        let format = match self.format() {
            Format::Table => "table",
            Format::Csv => "csv",
            Format::Json => "json",
        };
        let mut words = vec!["rostersync".to_owned()];
        words.extend(self.filters());
        words.push(format!("--format={format}"));
        words.extend(self.columns.iter().map(|column| format!("--columns={column}")));
        let wrong = |error| Failure::new(Kind::Usage, "the options are not those of `report`").because(error);
        match Cli::try_parse_from(words).map_err(wrong)?.command {
            Command::Report(args) => args.query(),
            _ => Ok(Query::default()),
        }
    }
}

pub(super) fn run(args: &ReportArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let query = args.query()?;
    let Some(path) = &args.output else {
        // A table has taken care of what a terminal would act on.
        let mut out = if args.format() == Format::Table { table_results() } else { results() };
        let status = show(args, &query, ui.screen, &mut out, global, ui)?;
        out.flush().map_err(unprintable)?;
        return Ok(status);
    };
    let mut status = Ending::Ok;
    write_file(path, None, &[], |out| {
        if args.format() == Format::Csv {
            // A file is opened with a spreadsheet, which takes it for another encoding without this.
            out.write_all("\u{feff}".as_bytes()).map_err(unprintable)?;
        }
        status = show(args, &query, Screen::default(), out, global, ui)?;
        Ok(())
    })?;
    Ok(status)
}

fn show(
    args: &ReportArgs,
    query: &Query,
    screen: Screen,
    out: &mut dyn Write,
    global: &Global,
    ui: &Ui,
) -> Result<Ending> {
    let mut arguments = args.filters();
    arguments.push("--format=csv".to_owned());
    let mut exits = Vec::new();
    let tables = |headers: &[&'static str]| table(headers, screen);
    render_together("district", query, &tables, out, &mut |take| {
        let is_broken = AtomicBool::new(false);
        let mut failed = None;
        let mut tell = |ended: Ended<Vec<u8>>| {
            // Also of one that ends with 0: its last run may be blocked.
            say(&ended, ui);
            exits.push(ended.exit);
            if ended.exit == 0
                && failed.is_none()
                && let Err(failure) = take(&ended.district.name, &ended.answer.unwrap_or_default())
            {
                failed = Some(failure);
                is_broken.store(true, Ordering::Relaxed);
            }
        };
        let stopped = || is_broken.load(Ordering::Relaxed);
        args.which.each(&arguments, global, &stopped, whole, &mut tell)?;
        match failed {
            Some(failure) => Err(failure),
            None if exits.iter().all(|exit| *exit != 0) => Err(none(&exits)),
            None => Ok(()),
        }
    })?;
    Ok(Ending::of_exit(fleet::worst(exits.into_iter())))
}

fn none(exits: &[u8]) -> Failure {
    let kind = match fleet::worst(exits.iter().copied()) {
        7 => Kind::InputUnusable,
        2 => Kind::Usage,
        _ => Kind::Failed,
    };
    Failure::new(kind, "no district has a report that can be shown").cure("fix what each of them says above")
}

fn whole(from: &mut dyn Read) -> Vec<u8> {
    let mut bytes = Vec::new();
    // A process whose output cannot be read does not end with 0.
    let _ = from.read_to_end(&mut bytes);
    bytes
}
