//! `rostersync report`: its arguments, and the query that they ask for.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::builder::PossibleValue;

use super::corrections;
use super::grouped::{Naming, grouped};
use super::html;
use super::layout::{Column as TableColumn, Screen, Table};
use super::run::quoted;
use super::ui::{Ui, results, table_results};
use super::{Global, condition, unprintable};
use crate::attempt::Ending;
use crate::contact::Sought;
use crate::failure::{Failure, Kind, Result};
use crate::output::write_file;
use crate::report::{
    Column, Differences, EarlierNotes, Format, NAME, Page, Query, Rendering, render, render_differences,
};
use crate::roles;
use crate::run::find_report;
use crate::store::Store;

/// Show the Users report of a run: one row for each user, with the action and the reason
///
/// The report is the file `users-NNNNNN.csv` in the folder `[sync] reports`. This command never
/// changes the file: filters, order and columns change only the output.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(after_help = examples())]
pub(super) struct ReportArgs {
    /// Number of the run, or a report file; without it, the latest run
    #[arg(value_name = "RUN|FILE")]
    run: Option<String>,

    /// Sort by these columns, separated by commas; the first column counts most
    ///
    /// Text is sorted by its bytes, `line` as a number. `--sort notes` puts the users with notes
    /// first, by note, and all others after them. Users with equal values stay in the order of the
    /// report.
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    sort: Vec<String>,

    /// Reverse the order
    ///
    /// With `--sort notes` or `--sort line`, users without a note or a line still come last.
    #[arg(long)]
    reverse: bool,

    /// Only users with notes
    #[arg(long)]
    notes: bool,

    /// Only users with a note that the run before did not have
    ///
    /// The run before is the last one that was applied. `notes` shows the new notes of a user alone,
    /// `codes` shows all codes. In the report of the first run, every note is new.
    #[arg(long)]
    new: bool,

    /// The causes first: for each code of a note how many users have it, where they are, and the cure
    ///
    /// What keeps records from being used and what needs a person comes first. Notes about a role, a
    /// school or a limit are grouped by it. `--where`, `--notes` and `--new` choose the users.
    #[arg(long, conflicts_with_all = ["sort", "reverse", "columns", "diff"])]
    group: bool,

    /// Only what differs from the report of another run, or from a report file
    ///
    /// A column `change` says what it is: `new` notes, notes that `changed`, and notes of the other
    /// report that are `resolved`. `codes` and `notes` have only what differs.
    #[arg(long, value_name = "RUN|FILE", conflicts_with_all = ["new", "sort", "reverse"])]
    diff: Option<String>,

    /// Replace all personal data by pseudonyms, for instance for a support ticket
    ///
    /// Names, emails with their domains, numbers, ids and schools, also inside notes. Equal values
    /// have the same pseudonym within one report. States, actions, codes, days and known roles stay.
    #[arg(long)]
    redact: bool,

    /// Only users with exactly this value in this column, or with this text in it (COLUMN~TEXT).
    /// If repeated, all conditions must hold
    ///
    /// `role`, `schools` and `codes` can hold several values; one equal value is enough. `COLUMN=`
    /// without a value finds blank cells. For `~`, case, accents and the way in which a number is
    /// written make no difference.
    #[arg(long = "where", value_name = "COLUMN=VALUE")]
    filters: Vec<String>,

    /// Show these columns, in this order, separated by commas
    ///
    /// Default: all columns; for a table `sourced_id`, `state`, `action`, the name, `email`,
    /// `phone` and `notes`.
    ///
    /// With `--sis-corrections`: HEADER=COLUMN, or the name of a set in [report.corrections].
    #[arg(long, value_name = "COLUMN", value_delimiter = ',')]
    columns: Vec<String>,

    /// Format of the output. Default: by the file name of --output, otherwise a table
    #[arg(long, value_name = "FORMAT", value_enum)]
    format: Option<Format>,

    /// Instead of a report: a OneRoster users.csv with the actual values of every active user whose
    /// values differ from the SIS
    ///
    /// The file shows the registrar what to correct in the SIS, as of now. It is for programs: do
    /// not open it in a spreadsheet, because formulas are not made harmless. If a user has several
    /// roles, the file has the first one.
    ///
    /// With `--columns` the file has the columns that your SIS loads: HEADER=COLUMN, separated by
    /// commas, or the name of a set in [report.corrections]. COLUMN is a column of OneRoster with the
    /// actual value, or any other column of the roster, which is passed through as the SIS wrote it.
    #[arg(long, conflicts_with_all = ["run", "sort", "reverse", "notes", "new", "filters", "format", "group", "diff", "redact"])]
    sis_corrections: bool,

    /// Write to this file instead of standard output
    #[arg(short, long, value_name = "FILE", value_parser = super::path())]
    output: Option<PathBuf>,
}

fn examples() -> String {
    let columns = Column::ALL.map(Column::name).join(", ");
    format!("Columns: {columns}; and {NAME}: given and family name together\n\n{EXAMPLES}")
}

const EXAMPLES: &str = "\
Examples:
  rostersync report --sort notes --notes          users with notes, by note
  rostersync report --new --sort notes            notes that are new
  rostersync report 42 --where action=archived    users that run 42 archived
  rostersync report --group                       the causes, each with its cure
  rostersync report 42 --diff 35                  what differs from run 35
  rostersync report --notes --redact -o ticket.csv
  rostersync report --where name~diaz             users by a part of the name
  rostersync report -o report.html                one file for a browser
  rostersync report --where codes=email-shared --columns sourced_id,email,notes
  rostersync report --where role=guardian --sort family_name -o guardians.csv
  rostersync report --sis-corrections --columns \"ID=sourcedId,Email=email\"";

impl clap::ValueEnum for Format {
    fn value_variants<'a>() -> &'a [Self] {
        &[Self::Table, Self::Csv, Self::Json, Self::Html]
    }

    fn to_possible_value(&self) -> Option<PossibleValue> {
        let (name, help) = match self {
            Self::Table => ("table", "Aligned columns for people, fitted to the terminal"),
            Self::Csv => (
                "csv",
                "Like the report itself: cells that a spreadsheet would run as a formula have a leading apostrophe",
            ),
            Self::Json => ("json", "An array with one object for each user, values as they are"),
            Self::Html => (
                "html",
                "One file for a browser: charts, and a table with sorting, filters and search. Needs no network",
            ),
        };
        Some(PossibleValue::new(name).help(help))
    }
}

impl ReportArgs {
    pub(super) fn query(&self) -> Result<Query> {
        let columns = parse(&self.columns)?;
        let whole_name = self.columns.iter().any(|typed| typed.trim() == NAME);
        let (mut filters, mut names, mut parts) = (Vec::new(), Vec::new(), Vec::new());
        for typed in &self.filters {
            match filter(typed)? {
                (column, true, text) => parts.push((column, Sought::new(text))),
                (Some(column), false, value) => filters.push((column, value.to_owned())),
                (None, false, name) => names.push(name.to_owned()),
            }
        }
        for (i, column) in columns.iter().enumerate() {
            if columns[..i].contains(column) {
                let what = format!("`--columns` names `{}` twice", column.name());
                return Err(Failure::new(Kind::Usage, what).cure("name each column once"));
            }
        }
        Ok(Query {
            sort: parse(&self.sort)?,
            reverse: self.reverse,
            notes_only: self.notes,
            unlike: None,
            filters,
            names,
            parts,
            columns: Some(columns).filter(|columns| !columns.is_empty()),
            whole_name,
            format: self.format(),
            redact: self.redact.then_some(&roles::NAMES),
            page: Page::default(),
        })
    }

    /// Which users a page shows, in words; empty if all.
    fn shown(&self) -> String {
        let notes = self.notes.then(|| "only users with notes".to_owned());
        let new = self.new.then(|| "only users with new notes".to_owned());
        // The value of a filter may be a person's.
        let filters = self.filters.iter().map(|filter| match self.redact {
            true => filter.split(['=', '~']).next().unwrap_or_default().to_owned(),
            false => filter.clone(),
        });
        let all: Vec<String> = notes.into_iter().chain(new).chain(filters).collect();
        all.join(", ")
    }

    /// The command for the same report, without options.
    fn command(&self) -> String {
        match self.run.as_deref() {
            None => "rostersync report".to_owned(),
            // The path may say which district it is.
            Some(file) if self.redact && is_file(file) => "rostersync report FILE".to_owned(),
            Some(run) => format!("rostersync report {}", quoted(run)),
        }
    }

    fn format(&self) -> Format {
        format_of(self.format, self.output.as_deref())
    }
}

/// The format that was asked for, or that the name of the file says.
pub(super) fn format_of(format: Option<Format>, output: Option<&Path>) -> Format {
    let ending = output.and_then(Path::extension);
    match format {
        Some(format) => format,
        None if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("csv")) => Format::Csv,
        None if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("json")) => Format::Json,
        None if ending.is_some_and(|ending| ending.eq_ignore_ascii_case("html")) => Format::Html,
        None => Format::Table,
    }
}

pub(super) fn run(args: &ReportArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    if args.sis_corrections {
        return corrections::run(&args.columns, args.output.as_deref(), global, ui);
    }
    let mut query = args.query()?;
    let Wanted { path, run, blocked, before } = find(args, global)?;
    if args.new {
        query.unlike = Some(before.map(|path| EarlierNotes::read(&path)).transpose()?.unwrap_or_default());
    }
    if query.format == Format::Html {
        if args.group || args.diff.is_some() {
            return Err(html::none("`--group` and `--diff`"));
        }
        let asked = html::Asked { output: args.output.as_ref(), shown: args.shown(), redact: args.redact };
        query.page = html::page(run, &path, asked, global)?;
    }
    if blocked {
        // In a table it heads the result; a program that reads CSV or JSON must not stumble over it.
        let heading = "BLOCKED: nothing below was applied\n";
        match (query.format, &args.output) {
            (Format::Table, None) => {
                ui.result(ui.screen.paragraphs(heading).as_bytes()).map_err(unprintable)?
            }
            (Format::Table | Format::Csv | Format::Json | Format::Html, _) => {
                tracing::warn!("{}", heading.trim_end())
            }
        }
    }
    let earlier = args.diff.as_deref().map(|other| named(other, global)).transpose()?;
    let inputs: Vec<&Path> =
        [Some(&path), earlier.as_ref()].into_iter().flatten().map(PathBuf::as_path).collect();
    let show = |screen: Screen, out: &mut dyn Write| {
        let tables = |headers: &[&'static str]| table(headers, screen);
        match &earlier {
            _ if args.group => {
                let naming = Naming { schools: names_of_schools(args, global)?, command: args.command() };
                out.write_all(&grouped(&path, &query, &naming, screen)?).map_err(unprintable)
            }
            None => render(&path, &query, &tables, out).map(drop),
            Some(earlier) => render_differences(&path, earlier, &query, &tables, out).map(|found| {
                let Differences { new, changed, resolved } = found;
                tracing::info!("{new} new, {changed} changed, {resolved} resolved");
            }),
        }
    };
    match &args.output {
        Some(output) => write_file(output, global.load().ok().as_ref(), &inputs, |out| {
            if query.format == Format::Csv {
                // A file is opened with a spreadsheet, which takes it for another encoding without this.
                out.write_all("\u{feff}".as_bytes()).map_err(unprintable)?;
            }
            show(Screen::default(), out)
        })?,
        None => {
            let mut out = if query.format == Format::Table { table_results() } else { results() };
            show(ui.screen, &mut out)?;
            out.flush().map_err(unprintable)?;
        }
    }
    Ok(Ending::Ok)
}

/// Whether a report is named by its file and not by its run.
fn is_file(run: &str) -> bool {
    run.parse::<i64>().is_err()
}

/// The names of schools for `--group`; none of a file, and none where they are to be masked.
fn names_of_schools(args: &ReportArgs, global: &Global) -> Result<BTreeMap<String, String>> {
    if args.redact || args.run.as_deref().is_some_and(is_file) {
        return Ok(BTreeMap::new());
    }
    let store = Store::open_read(&global.load()?.sync.store)?;
    store.map_or_else(|| Ok(BTreeMap::new()), |store| Ok(store.schools()?.into_iter().collect()))
}

/// The rows of a report as a table. Where a row needs two lines, the first has the person, and how
/// to reach the person.
pub(super) fn table(headers: &[&'static str], screen: Screen) -> Box<dyn Rendering> {
    let column = |header: &&'static str| match *header {
        "notes" => TableColumn::new(header).prose(),
        "action" => TableColumn::new(header).word(),
        "line" => TableColumn::new(header).right(),
        header => header.into(),
    };
    let table = Table::new(headers.iter().map(column), screen);
    Box::new(table.folded(&["sourced_id", NAME, "given_name", "family_name", "email", "phone", "home_phone"]))
}

/// The report that is meant.
struct Wanted {
    path: PathBuf,
    /// None for a file.
    run: Option<i64>,
    /// Its run was blocked.
    blocked: bool,
    /// With `--new`: the report of the run before; none for the first run.
    before: Option<PathBuf>,
}

fn find(args: &ReportArgs, global: &Global) -> Result<Wanted> {
    let run = args.run.as_deref();
    if let Some(name) = run
        && is_file(name)
    {
        if args.new {
            let what = "`--new` compares a run with the run before, and there is no run before a file";
            return Err(Failure::new(Kind::Usage, what).at(name).cure("name the run by its number"));
        }
        return Ok(Wanted { path: name.into(), run: None, blocked: false, before: None });
    }
    let config = global.load()?;
    let none = || {
        Failure::new(Kind::InputUnusable, "there has been no run yet")
            .at(config.sync.store.display())
            .cure("`rostersync run` makes the first report")
    };
    let store = Store::open_read(&config.sync.store)?.ok_or_else(none)?;
    let found = match run.and_then(|run| run.parse().ok()) {
        Some(number) => store.run(number)?.ok_or_else(|| no_run(number))?,
        None => store.runs(1)?.pop().ok_or_else(none)?,
    };
    let reports = &config.sync.reports;
    let path = report_of(found.id, reports)?;
    let before = match args.new {
        true => store.applied_before(found.id)?.map(|before| report_of(before.id, reports)).transpose()?,
        false => None,
    };
    Ok(Wanted { path, run: Some(found.id), blocked: found.result == Ending::BLOCKED, before })
}

/// The report of a run by its number, or a file.
fn named(typed: &str, global: &Global) -> Result<PathBuf> {
    match typed.parse() {
        Ok(number) => {
            let config = global.load()?;
            report_of(number, &config.sync.reports).map_err(|gone| {
                match Store::open_read(&config.sync.store) {
                    Ok(Some(store)) if matches!(store.run(number), Ok(None)) => no_run(number),
                    _ => gone,
                }
            })
        }
        Err(_) => Ok(typed.into()),
    }
}

fn no_run(number: i64) -> Failure {
    Failure::new(Kind::Usage, format!("there is no run {number}")).cure("`rostersync runs` lists them")
}

fn report_of(run: i64, reports: &Path) -> Result<PathBuf> {
    find_report(reports, run).ok_or_else(|| {
        // A folder that cannot be read does not show which reports there are.
        if let Err(cause) = std::fs::read_dir(reports)
            && cause.kind() != std::io::ErrorKind::NotFound
        {
            return Failure::io(Kind::Failed, "the folder of reports cannot be read", reports, cause);
        }
        Failure::new(Kind::InputUnusable, format!("the report of run {run} is no longer there"))
            .at(reports.display())
            .cure("reports are kept for [sync] keep_reports days; `rostersync runs` lists the runs")
    })
}

fn parse(typed: &[String]) -> Result<Vec<Column>> {
    let several: Vec<Vec<Column>> =
        typed.iter().map(|name| Column::parse_several(name)).collect::<Result<_>>()?;
    Ok(several.concat())
}

/// A condition: no column is the whole name.
fn filter(typed: &str) -> Result<(Option<Column>, bool, &str)> {
    match condition(typed) {
        Some((NAME, is_part, text)) => Ok((None, is_part, text)),
        Some((column, is_part, text)) => Ok((Some(Column::parse(column)?), is_part, text)),
        None => Err(Failure::new(Kind::Usage, format!("`--where {typed}` has no `=` and no `~`")).cure(
            "write `--where COLUMN=VALUE` or `--where COLUMN~TEXT`, for instance `--where action=kept`",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(clap::Parser)]
    struct Cli {
        #[command(flatten)]
        args: ReportArgs,
    }

    fn query(typed: &str) -> Result<Query> {
        Cli::try_parse_from(typed.split(' ')).unwrap().args.query()
    }

    #[test]
    fn nothing_asked() {
        assert_eq!(query("report").unwrap(), Query::default());
    }

    #[test]
    fn everything_asked() {
        let typed = "report 42 --sort notes,line --reverse --notes --where role=parent --where email=a=b \
                     --columns email,notes --format json -o x.csv";
        let expected = Query {
            sort: vec![Column::Notes, Column::Line],
            reverse: true,
            notes_only: true,
            filters: vec![(Column::Role, "parent".to_owned()), (Column::Email, "a=b".to_owned())],
            columns: Some(vec![Column::Email, Column::Notes]),
            format: Format::Json,
            ..Query::default()
        };
        assert_eq!(query(typed).unwrap(), expected);
    }

    #[test]
    fn the_file_name_says_the_format() {
        assert_eq!(query("report -o a.csv").unwrap().format, Format::Csv);
        assert_eq!(query("report -o a.JSON").unwrap().format, Format::Json);
        assert_eq!(query("report -o a.txt").unwrap().format, Format::Table);
        assert_eq!(query("report -o a.csv --format table").unwrap().format, Format::Table);
    }

    #[test]
    fn slips() {
        for (typed, message) in [
            (
                "report --sort emial",
                "the report has no column `emial`; did you mean `email`? The columns are line,",
            ),
            (
                "report --where note=x",
                "the report has no column `note`; did you mean `notes`? The columns are line,",
            ),
            (
                "report --where kept",
                "`--where kept` has no `=` and no `~`; write `--where COLUMN=VALUE` or `--where COLUMN~TEXT`, for instance \
                 `--where action=kept`",
            ),
            ("report --columns email,email", "`--columns` names `email` twice; name each column once"),
        ] {
            let failure = query(typed).unwrap_err();
            assert!(failure.kind == Kind::Usage && failure.to_string().starts_with(message), "{failure}");
        }
    }
}
