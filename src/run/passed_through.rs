//! Columns of the roster that rostersync has no use for, as the SIS wrote them.

use std::collections::{HashMap, HashSet};

use super::request::RunContext;
use super::source::watched;
use crate::config::{Config, Source};
use crate::failure::{Failure, Kind, Result};
use crate::near::nearest;
use crate::source::oneroster_csv::OneRosterCsv;
use crate::source::{oneroster_api, sftp};

/// Reads these columns of the roster for these users, by sourcedId: the present roster, not that of the last run. A user that is
/// not in it is not in the result.
///
/// # Errors
/// `Usage` if the roster has no such column, or cannot pass one through; those of the source.
pub fn roster_columns(
    config: &Config,
    context: &RunContext<'_>,
    columns: &[&str],
    users: &HashSet<String>,
) -> Result<HashMap<String, Vec<String>>> {
    let mut found: HashMap<String, Vec<String>> = HashMap::new();
    let mut ask =
        |header: &[String]| columns.iter().map(|column| place(column, header, "users.csv has")).collect();
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
        Source::OneRosterApi(options) => {
            columns.iter().try_for_each(|column| refuse_password(column))?;
            let fields = watched(context, |watch| oneroster_api::fields(options, watch, columns))?;
            let names: Vec<String> = fields.names.into_iter().collect();
            context.progress.end();
            for column in columns {
                place(column, &names, "the server gives")?;
            }
            found = fields.users;
        }
        Source::Clever(_) => {
            let what = format!(
                "`{}` is a column that a roster of Clever cannot pass through",
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

fn refuse_password(column: &str) -> Result<()> {
    match column.eq_ignore_ascii_case("password") {
        true => {
            Err(Failure::new(Kind::Usage, "the column password is never read").cure("name another column"))
        }
        false => Ok(()),
    }
}

/// `has` begins the list of those that there are.
fn place(column: &str, header: &[String], has: &str) -> Result<usize> {
    refuse_password(column)?;
    let exact = header.iter().position(|cell| cell.trim() == column);
    exact.or_else(|| header.iter().position(|cell| cell.trim().eq_ignore_ascii_case(column))).ok_or_else(
        || {
            let names = || header.iter().map(|cell| cell.trim()).filter(|name| *name != "password");
            let has = format!("{has} {}", names().collect::<Vec<_>>().join(", "));
            let cure = match nearest(column, names()) {
                Some(near) => format!("did you mean `{near}`? {has}"),
                None => has,
            };
            Failure::new(Kind::Usage, format!("the roster has no column `{column}`")).cure(cure)
        },
    )
}
