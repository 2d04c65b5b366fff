//! `rostersync users import` and `users export`

use std::collections::HashSet;
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

use super::super::run::{checksum, quoted};
use super::super::ui::{Ui, results};
use super::super::{Global, unprintable};
use super::{reading, writing};
use crate::account::Account;
use crate::attempt::Ending;
use crate::config::{Config, PLATFORM_COLUMNS, PLATFORM_OPT_OUTS};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::people::{
    Affected, ImportOptions, Imported, People, export_cells, export_headers, export_links, import as take_in,
};
use crate::plural::counted;
use crate::report::{Csv, Json, Rendering, harmless};
use crate::run::Progress;
use crate::store::Store;

/// Import a platform export by hand: which people have joined, and their details
///
/// The command does the same as a run with the export in `[platform] users`; the file may have any
/// age. Rows of people without an account are reported and left out. Over [limits] joins, unjoins
/// or export, the command imports nothing and ends with 4. The message then says how to approve
/// exactly these people.
///
/// The command refuses a file (exit 7) in which no row belongs to a known user, or that lacks the
/// column `state` of the last export and would make people active. If runs read no export of their
/// own, it also refuses a file with fewer than half as many known users as the last one.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync users import platform-users.csv --dry-run
  rostersync users import platform-users.csv")]
pub(super) struct ImportArgs {
    /// The export: CSV with a header row
    #[arg(value_name = "FILE", value_parser = super::super::path())]
    file: PathBuf,

    /// Show what would happen; write nothing
    #[arg(long)]
    dry_run: bool,

    /// Import exactly the people with this checksum, although they are over a limit
    #[arg(long, value_name = "CHECKSUM", value_parser = checksum, conflicts_with = "dry_run")]
    approve: Option<String>,

    /// Accept the file, although it lacks the column `state` or most of the rows of the last export
    ///
    /// For a file that holds only some of the people.
    #[arg(long)]
    new_export: bool,
}

/// Write the actual details of every pending and active account, so that the platform can import
/// them
///
/// The accounts are in the order of sourcedIds, under the headers of [platform.columns]. `users
/// import` reads the same columns, and importing the file changes nothing. Archived accounts are
/// left out, because the platform's export has no word for them. `language` is missing, because
/// rostersync does not store it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync users export > accounts.csv
  rostersync users export --changed-since 41 --format json
  rostersync users export --links > links.csv")]
pub(super) struct ExportArgs {
    /// Format of the output
    #[arg(long, value_enum, default_value_t = Format::Csv, value_name = "FORMAT")]
    format: Format,

    /// The links between adults and children instead: guardian_id, student_id, relationship, contact
    ///
    /// `contact` is `yes`, or `emergency` for a link that is for emergencies only. With
    /// --changed-since these are the links that have come or gone after the run; `no` is a link that
    /// is gone.
    #[arg(long)]
    links: bool,

    /// Only accounts that are new or changed after this run
    #[arg(long, value_name = "RUN", value_parser = super::super::whole_number::<i64>)]
    changed_since: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Values as they are: for programs, not for spreadsheets
    Csv,
    /// An array with one object for each account; its keys are never renamed
    Json,
}

pub(super) fn import(args: &ImportArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let mut findings = Findings::default();
    let (_lock, store) = match args.dry_run {
        true => (None, reading(&config)?),
        false => {
            let (lock, store) = writing(&config, global)?;
            (Some(lock), store)
        }
    };
    let people = People::new(&config, &store, global.now())?;
    let options = ImportOptions {
        dry_run: args.dry_run,
        approve: args.approve.as_deref(),
        new_export: args.new_export,
    };
    ui.begin("importing", None);
    let imported = take_in(&people, &args.file, options, &mut findings, &|at, of| ui.reached(at, of));
    ui.end();
    // What is wrong with the rows may be why none of them can be used.
    let blocked = imported.as_ref().map_or(true, |imported| imported.blocked);
    let status = match (blocked, findings.needs_attention()) {
        (true, _) => Ending::BLOCKED,
        (false, true) => Ending::Attention,
        (false, false) => Ending::Ok,
    };
    ui.findings(&findings, status);
    ui.print(said(args, &imported?, global).as_bytes()).map_err(unprintable)?;
    Ok(status)
}

/// What an import did. A preview, and an import that was stopped, also list the people that would become active or pending.
fn said(args: &ImportArgs, imported: &Imported, global: &Global) -> String {
    let Imported { rows, joins, back, taken_over, unknown, .. } = imported;
    let mut text = String::new();
    let wrote = !args.dry_run && !imported.blocked;
    if !wrote {
        let overs: Vec<&str> = imported.overruns.iter().map(|overrun| overrun.limit).collect();
        let mut list = |people: &Affected, what: &str| {
            for id in &people.first {
                text.push_str(&harmless(&format!("~ {id:9} {what}")));
                text.push('\n');
            }
            let more = people.count - people.first.len() as u64;
            if more > 0 {
                text.push_str(&format!("… and {more} more\n"));
            }
        };
        list(back, "active → pending");
        if overs.contains(&"joins") {
            list(joins, "pending → active");
        }
        if overs.contains(&"export") {
            list(&imported.changed, "other details");
        }
    }
    text.push_str(&format!(
        "{}, {} joined, {} pending again, {} taken over, {unknown} unknown\n",
        counted(*rows as u64, "row", "rows"),
        joins.count,
        back.count,
        counted(*taken_over, "detail", "details"),
    ));
    for overrun in &imported.warned {
        text.push_str(&format!(
            "Said only, because this limit is new in this version: {}\n",
            overrun.message
        ));
    }
    if imported.blocked {
        text.push_str("\nBLOCKED: nothing was applied\n");
        for overrun in &imported.overruns {
            text.push_str(&format!("  {}\n", overrun.message));
        }
        text.push_str("If that is what should happen, approve exactly these people:\n  rostersync");
        if let Some(config) = &global.config {
            text.push_str(&format!(" -c {}", quoted(&config.display().to_string())));
        }
        let file = quoted(&args.file.display().to_string());
        let new_export = if args.new_export { " --new-export" } else { "" };
        text.push_str(&format!(" users import {file}{new_export} --approve {}\n", imported.checksum()));
    } else if args.dry_run {
        text.push_str("Nothing was written: this is what would happen.\n");
    }
    text
}

pub(super) fn export(args: &ExportArgs, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let store = reading(&config)?;
    let since = match args.changed_since {
        None => None,
        Some(run) => Some(store.end_of_run(run)?.ok_or_else(|| {
            Failure::new(Kind::Usage, format!("there is no run {run}, or it is older than the history"))
                .cure("`rostersync runs` lists them")
        })?),
    };
    if args.links {
        return links(args, &config, &store, since.map(|(entry, _)| entry), global);
    }
    let mut rendering: Box<dyn Rendering + '_> = match args.format {
        Format::Csv => Box::new(Csv::for_programs(export_headers(&config))),
        Format::Json => Box::new(Json::new([&PLATFORM_COLUMNS[..], &PLATFORM_OPT_OUTS].concat(), None)),
    };
    let stopped: HashSet<String> = store.stopped_numbers()?.into_iter().collect();
    let (mut out, mut buffer) = (results(), Vec::new());
    rendering.begin(&mut buffer);
    // On a terminal the rows themselves are what is seen.
    let shown = !std::io::stdout().is_terminal();
    if shown {
        let people = store.population()?;
        ui.begin("exporting", Some(people.pending + people.active + people.archived));
    }
    let mut looked_at = 0;
    let mut each = |account: &Account| {
        looked_at += 1;
        if shown {
            ui.at(looked_at);
        }
        if account.archived {
            return Ok(());
        }
        rendering.row(&export_cells(account, &stopped).map(str::as_bytes), &mut buffer);
        out.write_all(&buffer).map_err(unprintable)?;
        buffer.clear();
        Ok(())
    };
    match since {
        Some(since) => store.each_changed(since, &mut each)?,
        None => store.each_account(&mut each)?,
    }
    rendering.end(&mut buffer);
    ui.end();
    out.write_all(&buffer).and_then(|()| out.flush()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

/// `guardian_id,student_id,relationship,contact`
const LINK_COLUMNS: [&str; 4] = ["guardian_id", "student_id", "relationship", "contact"];

fn links(
    args: &ExportArgs,
    config: &Config,
    store: &Store,
    since: Option<i64>,
    global: &Global,
) -> Result<Ending> {
    let mut rendering: Box<dyn Rendering + '_> = match args.format {
        Format::Csv => Box::new(Csv::for_programs(LINK_COLUMNS.to_vec())),
        Format::Json => Box::new(Json::new(LINK_COLUMNS.to_vec(), None)),
    };
    let (mut out, mut buffer) = (results(), Vec::new());
    rendering.begin(&mut buffer);
    let today = config.sync.timezone.day(global.now()).to_string();
    export_links(store, &today, since, |link| {
        let cells = [link.guardian.as_str(), &link.student, &link.relationship, link.contact];
        rendering.row(&cells.map(str::as_bytes), &mut buffer);
        out.write_all(&buffer).map_err(unprintable)?;
        buffer.clear();
        Ok(())
    })?;
    rendering.end(&mut buffer);
    out.write_all(&buffer).and_then(|()| out.flush()).map_err(unprintable)?;
    Ok(Ending::Ok)
}
