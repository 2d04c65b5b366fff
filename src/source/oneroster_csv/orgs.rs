//! The names of the orgs. A name that cannot be had is replaced by the id: it is for reading, not
//! for deciding.

use super::header::Wanted;
use super::package::ExportFile;
use super::table::{FileOpening, Table};
use crate::contact::decode_html;
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::last_night::FileSeen;
use crate::roster::Schools;
use crate::value;

const COLUMNS: [Wanted<'static>; 3] = [
    Wanted::new("sourcedId").misspelt(&["sourceId"]),
    Wanted::new("name").misspelt(&["orgName"]),
    Wanted::new("type").misspelt(&["orgType"]),
];

/// Reads orgs.csv. None if it has no rows, which is as good as not there.
pub(super) fn read(
    file: ExportFile<'_>,
    opening: FileOpening<'_>,
    findings: &mut Findings,
) -> Result<(Option<Schools>, FileSeen)> {
    let table = Table::open(file, opening, &COLUMNS, findings)?;
    let columns = table.header.locate(&COLUMNS, findings)?;
    let [id, name, kind] = columns;
    if name.is_none() {
        let message = "there is no such column, so schools are known by their ids";
        table.header.warn(findings, "missing-header", Some("name"), message);
    }
    let mut schools = Schools::default();
    let tally = table.rows(file, &columns, findings, &mut |row, findings| {
        let defect = row.defect();
        if let Some(code) = defect {
            findings.error(code, At::file(file.name()).line(row.line()), || {
                "the org in this row is known by its id".to_owned()
            });
        }
        if let Some(id) = row.get(id).map(value::id).filter(|id| !id.is_empty()) {
            let name = row.get(name).filter(|name| defect.is_none() && value::null_word(name).is_none());
            let name = name.map(decode_html).filter(|name| !name.is_empty()).unwrap_or_else(|| id.clone());
            schools.0.insert(id.clone().into_owned(), name.into_owned());
            if defect.is_none() && row.get(kind).is_some_and(Schools::is_other) {
                schools.1.insert(id.into_owned());
            }
        }
        Ok(())
    })?;
    let seen = table.seen(&COLUMNS, &columns, &tally);
    if schools.0.is_empty() {
        findings.warn("empty-file", At::file(file.name()), || {
            "it has no rows, so schools are known by their ids".to_owned()
        });
        return Ok((None, seen));
    }
    Ok((Some(schools), seen))
}
