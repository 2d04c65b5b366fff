//! `rostersync report --sis-corrections`

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::Path;

use super::ui::{Ui, results};
use super::users::reading;
use super::{Global, signals, unprintable};
use crate::attempt::Ending;
use crate::config::{Config, CorrectionColumn};
use crate::failure::{Failure, Kind, Result};
use crate::near::nearest;
use crate::output::write_file;
use crate::people::{CORRECTION_COLUMNS, People, Schools, correction, correction_columns};
use crate::plural::counted;
use crate::report::append_plain_row;
use crate::run::{RunContext, roster_columns};

/// `typed` are the columns of the command line; none: those of a OneRoster users.csv.
pub(super) fn run(typed: &[String], output: Option<&Path>, global: &Global, ui: &Ui) -> Result<Ending> {
    let config = global.load()?;
    let store = reading(&config)?;
    let people = People::new(&config, &store, global.now())?;
    let schools = Schools::read(&people)?;
    let usual = &CORRECTION_COLUMNS[..correction_columns(&people)?];
    let columns = match typed {
        [] => usual.iter().filter_map(|column| CorrectionColumn::parse(column)).collect(),
        typed => chosen(typed, &config)?,
    };
    let place = |column: &CorrectionColumn| {
        CORRECTION_COLUMNS.iter().position(|known| known.eq_ignore_ascii_case(&column.column))
    };
    let others: Vec<&str> = columns
        .iter()
        .filter(|column| place(column).is_none())
        .map(|column| column.column.as_str())
        .collect();
    let passed = passed_through(&others, &config, &people, &schools, global, ui)?;
    let write = |out: &mut dyn Write| {
        let mut row = Vec::new();
        append_plain_row(columns.iter().map(|column| column.header.as_bytes()), &mut row);
        out.write_all(&row).map_err(unprintable)?;
        store.each_account(|account| {
            let Some(cells) = correction(account, &people, &schools) else { return Ok(()) };
            let mut own = passed.get(&account.sourced_id).into_iter().flatten();
            let mut row = Vec::new();
            let cells: Vec<&str> = columns
                .iter()
                .map(|column| match place(column) {
                    Some(place) => cells[place].as_str(),
                    None => own.next().map_or("", String::as_str),
                })
                .collect();
            append_plain_row(cells.iter().map(|cell| cell.as_bytes()), &mut row);
            out.write_all(&row).map_err(unprintable)
        })
    };
    match output {
        Some(path) => write_file(path, Some(&config), &[], write)?,
        None => {
            let mut out = results();
            write(&mut out)?;
            out.flush().map_err(unprintable)?;
        }
    }
    Ok(Ending::Ok)
}

/// The columns that are meant: a named set of the configuration, or those that were typed.
fn chosen(typed: &[String], config: &Config) -> Result<Vec<CorrectionColumn>> {
    let sets = &config.report.corrections;
    if let [name] = typed
        && !name.contains('=')
    {
        if let Some(set) = sets.get(name.trim()) {
            return Ok(set.clone());
        }
        if let Some(near) = nearest(name, sets.keys().map(String::as_str)) {
            let what = format!("there is no set `{}` in [report.corrections]", name.trim());
            return Err(Failure::new(Kind::Usage, what).cure(format!("did you mean `{near}`?")));
        }
    }
    let mut columns: Vec<CorrectionColumn> = Vec::new();
    for typed in typed {
        let column = CorrectionColumn::parse(typed).ok_or_else(|| {
            Failure::new(Kind::Usage, format!("`--columns {typed}` is no HEADER=COLUMN"))
                .cure("write for example --columns 'Contact ID=metadata.contactid,Email=email'")
        })?;
        if columns.iter().any(|other| other.header == column.header) {
            let what = format!("`--columns` has the header `{}` twice", column.header);
            return Err(Failure::new(Kind::Usage, what).cure("give each column a header of its own"));
        }
        columns.push(column);
    }
    Ok(columns)
}

/// The other columns of the users that are to be corrected, as the roster has them now.
fn passed_through(
    columns: &[&str],
    config: &Config,
    people: &People<'_>,
    schools: &Schools,
    global: &Global,
    ui: &Ui,
) -> Result<HashMap<String, Vec<String>>> {
    if columns.is_empty() {
        return Ok(HashMap::new());
    }
    let mut users = HashSet::new();
    people.store.each_account(|account| {
        if correction(account, people, schools).is_some() {
            users.insert(account.sourced_id.clone());
        }
        Ok(())
    })?;
    let stop = signals::watch()?;
    let context = RunContext { now: global.now(), progress: ui, stop: &stop };
    let found = roster_columns(config, &context, columns, &users)?;
    let without = users.iter().filter(|user| !found.contains_key(*user)).count() as u64;
    if without > 0 {
        // Also with -q: the cells are blank in a file that the SIS is to load.
        tracing::error!(
            "{} not in the roster now: {} blank there",
            counted(without, "user of the file is", "users of the file are"),
            columns.join(", ")
        );
    }
    Ok(found)
}
