//! What two reports say differently: notes that are new, that changed, and that are resolved.

use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::path::Path;

use xxhash_rust::xxh3::xxh3_64;

use super::columns::Column;
use super::query::{Query, Sheet, Tables};
use super::reader::{self, Cells, Reader};
use super::redact::Redactor;
use super::sentences::{SEPARATOR, sentences};
use crate::failure::Result;

/// How many notes differ.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Differences {
    pub new: u64,
    pub changed: u64,
    pub resolved: u64,
}

/// The header of the column that says which of the three it is.
const CHANGE: &str = "change";

/// Shows a row for each user of whom the report says something that the earlier one does not: `new`, or `changed` where
/// the code was there with another value; then those of whom the earlier one said something that is no longer said:
/// `resolved`. `codes` and `notes` have only what differs. Filters are for the rows of both reports.
///
/// # Errors
/// Those of a report that cannot be read, and `Failed` if `out` cannot be written.
pub fn render_differences(
    path: &Path,
    earlier: &Path,
    query: &Query,
    table: Tables<'_>,
    out: &mut dyn Write,
) -> Result<Differences> {
    let before = Said::read(earlier)?;
    let mut found = Differences::default();
    let file = reader::open(path)?;
    let mut reader = Reader::new(&file, path)?;
    let fields = query.fields(reader.layout(), path)?;
    reader.layout().demand(Column::Codes, path)?;
    let mut page = Sheet::leading(CHANGE, query, &fields, table, out);
    let mut redactor = query.redact.map(Redactor::new);
    let mut still = HashSet::new();
    let mut show = |change: &str, cells: &Cells<'_>, part: &Part, page: &mut Sheet<'_>| {
        let cells = cells.with_part(part.notes.as_bytes(), part.codes.as_bytes());
        match &mut redactor {
            Some(redactor) => page.row_with(change, &cells.masked(&redactor.row(&cells))),
            None => page.row_with(change, &cells),
        }
    };
    while let Some(cells) = reader.next_row()? {
        let (mut new, mut changed) = (Part::default(), Part::default());
        for (code, notes) in by_code(&cells) {
            let key = key_of(&cells, &code);
            still.insert(key);
            match before.0.get(&key) {
                None => new.add(&code, &notes),
                Some(hash) if *hash != xxh3_64(notes.as_bytes()) => changed.add(&code, &notes),
                Some(_) => {}
            }
        }
        query.look(&cells, |cells| {
            for (change, part, count) in
                [("new", &new, &mut found.new), ("changed", &changed, &mut found.changed)]
            {
                if part.count > 0 {
                    *count += part.count;
                    show(change, cells, part, &mut page);
                }
            }
        });
        page.flush()?;
    }
    let file = reader::open(earlier)?;
    let mut reader = Reader::new(&file, earlier)?;
    query.check_columns(reader.layout(), earlier)?;
    while let Some(cells) = reader.next_row()? {
        let mut resolved = Part::default();
        for (code, notes) in by_code(&cells) {
            if !still.contains(&key_of(&cells, &code)) {
                resolved.add(&code, &notes);
            }
        }
        query.look(&cells, |cells| {
            if resolved.count > 0 {
                found.resolved += resolved.count;
                show("resolved", cells, &resolved, &mut page);
            }
        });
        page.flush()?;
    }
    page.finish()?;
    Ok(found)
}

/// What a report says, as hashes: of the user and the code, and of the notes.
struct Said(HashMap<u64, u64>);

impl Said {
    fn read(path: &Path) -> Result<Self> {
        let file = reader::open(path)?;
        let mut reader = Reader::new(&file, path)?;
        // Without the codes of one of the two everything would be new, or resolved.
        reader.layout().demand(Column::Codes, path)?;
        let mut said = HashMap::new();
        while let Some(cells) = reader.next_row()? {
            for (code, notes) in by_code(&cells) {
                said.insert(key_of(&cells, &code), xxh3_64(notes.as_bytes()));
            }
        }
        Ok(Self(said))
    }
}

/// The codes and notes of a row that differ.
#[derive(Default)]
struct Part {
    codes: String,
    notes: String,
    count: u64,
}

impl Part {
    fn add(&mut self, code: &str, notes: &str) {
        let append = |cell: &mut String, separator: &str, text: &str| {
            if !cell.is_empty() && !text.is_empty() {
                cell.push_str(separator);
            }
            cell.push_str(text);
        };
        append(&mut self.codes, " ", code);
        append(&mut self.notes, SEPARATOR, notes);
        self.count += 1;
    }
}

/// Each code of a row once, with its notes.
fn by_code(cells: &Cells<'_>) -> Vec<(String, String)> {
    let (codes, notes) = (cells.text(Column::Codes), cells.text(Column::Notes));
    if codes.is_empty() {
        return Vec::new();
    }
    let notes = sentences(&notes);
    let mut found: Vec<(String, String)> = Vec::new();
    for code in codes.split(' ').filter(|code| !code.is_empty()) {
        if found.iter().any(|(known, _)| known == code) {
            continue;
        }
        let of_code = notes.iter().filter(|one| one.form.is_some_and(|form| form.code == code));
        let said = of_code.map(|one| one.text).collect::<Vec<_>>().join(SEPARATOR);
        found.push((code.to_owned(), said));
    }
    found
}

/// A row without a sourcedId is known by the other cells of the record.
fn key_of(cells: &Cells<'_>, code: &str) -> u64 {
    let id = cells.cell(Column::SourcedId);
    let user: Vec<&[u8]> = match id.is_empty() {
        false => vec![id],
        true => {
            let record = [
                Column::Identifier,
                Column::SisGivenName,
                Column::SisFamilyName,
                Column::SisEmail,
                Column::SisPhone,
            ];
            [&b""[..]].into_iter().chain(record.map(|column| cells.cell(column))).collect()
        }
    };
    xxh3_64(&[user.join(&0), code.as_bytes().to_vec()].join(&1))
}
