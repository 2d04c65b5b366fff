//! `[contacts] suppressed`: people that are to have no account, in a file that the district keeps by
//! hand.

use std::path::Path;

use chrono::NaiveDate;

use super::oneroster_csv::dates::Day;
use super::oneroster_csv::lone::{self, FileOpening};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::owner;
use crate::roster::ids;
use crate::value;

/// A row of the file.
pub struct SuppressedRow {
    pub sourced_id: String,
    /// The last day on which it holds; none: always.
    pub until: Option<NaiveDate>,
    pub reason: String,
}

/// Reads the file. A row whose day cannot be read holds always: a mistake must not let a person
/// back.
///
/// # Errors
/// `InputUnusable` if the file is missing or is no usable CSV file with a column `sourced_id`.
pub fn read(path: &Path, findings: &mut Findings) -> Result<Vec<SuppressedRow>> {
    const CURE: &str = "`suppressed` in [contacts] names a CSV file with the headers sourced_id, until, reason; until is the last day, such \
         as 2027-06-30, or blank";
    if let Err(cause) = std::fs::File::open(path) {
        let failure =
            Failure::io(Kind::InputUnusable, "the file of suppressed people cannot be read", path, cause);
        return Err(failure.cure(CURE));
    }
    let name = owner::name_of(path);
    let mut rows = Vec::new();
    let columns: [(&str, &[&str]); 3] = [("sourced_id", &["sourcedId"]), ("until", &[]), ("reason", &[])];
    let mut nothing = Findings::default();
    lone::read(path, FileOpening::default(), columns, &mut |_, _| Vec::new(), &mut nothing, &mut |row| {
        let at = At::file(&name).line(row.line);
        if let Some(defect) = row.defect {
            findings.error("suppressed-row-malformed", at, || {
                format!("the row cannot be read ({defect}); it suppresses no one")
            });
            return Ok(());
        }
        // A file that is kept by hand often has no line break at its end.
        let cell = |column: usize| {
            let whole = row.cells[column];
            whole
                .or(row.cut.filter(|(cut, _)| *cut == column).map(|(_, text)| text))
                .unwrap_or_default()
                .trim()
        };
        let sourced_id = ids::encoded(&value::id(cell(0))).into_owned();
        if sourced_id.is_empty() {
            findings.error("suppressed-row-malformed", at.column("sourced_id"), || {
                "the row has no sourced_id; it suppresses no one".to_owned()
            });
            return Ok(());
        }
        let until = value::id(cell(1));
        let day = day(&until);
        if day.is_none() && !until.is_empty() {
            findings.error("suppressed-until-unreadable", at.column("until"), || {
                "not a day such as 2027-06-30; the person is suppressed until the row is corrected".to_owned()
            });
        }
        rows.push(SuppressedRow { sourced_id, until: day, reason: cell(2).to_owned() });
        Ok(())
    })
    .map_err(|failure| Failure {
        what: failure.what.replacen(&name, "the file of suppressed people", 1),
        ..failure
    })?;
    Ok(rows)
}

fn day(cell: &str) -> Option<NaiveDate> {
    let mut text = String::new();
    Day::parse(cell).filter(|day| *day != Day::NONE)?.write_to(&mut text);
    text.parse().ok()
}
