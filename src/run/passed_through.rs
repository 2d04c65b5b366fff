//! Columns of the roster that rostersync has no use for, as the SIS wrote them.

use std::collections::{HashMap, HashSet};

use super::request::RunContext;
use super::source::watched;
use crate::config::{Config, Source};
use crate::failure::{Failure, Kind, Result};
use crate::near::nearest;
use crate::source::oneroster_csv::OneRosterCsv;
use crate::source::sftp;

/// Reads these columns of users.csv for these users, by sourcedId: the present file, not that of the last run. A user that is not
/// in it is not in the result.
///
/// # Errors
/// `Usage` if the roster has no such column, or is none of files; those of the source.
pub fn roster_columns(
    config: &Config,
    context: &RunContext<'_>,
    columns: &[&str],
    users: &HashSet<String>,
) -> Result<HashMap<String, Vec<String>>> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    let mut ask = |header: &[String]| columns.iter().map(|column| place(column, header)).collect();
    let mut each = |id: &str, cells: &[&str]| {
        // A user of several rows has one.
        if users.contains(id) && !found.contains_key(id) {
            found.insert(id.to_owned(), cells.iter().map(|cell| (*cell).to_owned()).collect());
        }
    };
    match &config.source {
        Source::Csv { path, options } => {
            OneRosterCsv::open(path, options.clone())?.each_row(&mut ask, &mut each)?;
        }
        Source::Sftp(options) => {
            watched(context, |watch| sftp::each_row(options, watch, &mut ask, &mut each))?;
            context.progress.end();
        }
        Source::OneRosterApi(_) | Source::Clever(_) => {
            let what = format!(
                "`{}` is a column that only a roster of CSV files can pass through, and this one comes over an API",
                columns.first().copied().unwrap_or_default()
            );
            return Err(Failure::new(Kind::Usage, what).cure(
                "use sourcedId, status, enabledUser, orgSourcedIds, role, givenName, familyName, identifier, email, sms, phone \
                 or agentSourcedIds",
            ));
        }
    }
    Ok(found)
}

fn place(column: &str, header: &[String]) -> Result<usize> {
    let usage = |what: String| Failure::new(Kind::Usage, what);
    if column.eq_ignore_ascii_case("password") {
        return Err(usage("the column password is never read".to_owned()).cure("name another column"));
    }
    let exact = header.iter().position(|cell| cell.trim() == column);
    exact.or_else(|| header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(column))).ok_or_else(
        || {
            let names = || header.iter().map(|cell| cell.trim()).filter(|name| *name != "password");
            let has = format!("users.csv has {}", names().collect::<Vec<_>>().join(", "));
            let cure = match nearest(column, names()) {
                Some(near) => format!("did you mean `{near}`? {has}"),
                None => has,
            };
            usage(format!("the roster has no column `{column}`")).cure(cure)
        },
    )
}
