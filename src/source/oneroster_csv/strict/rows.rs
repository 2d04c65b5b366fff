//! The rows of one file, held against the standard and against the other files.

use std::collections::HashMap;

use super::manifest::Declared;
use super::standard::{Column, STATUS, Value, Version, Words};
use super::values::{self, Mistake};
use super::{Ids, Known, Opened, kind_of, target};
use crate::findings::{At, Findings};
use crate::source::hashed;
use crate::source::oneroster_csv::blocks::Row;
use crate::source::oneroster_csv::cells::Cells;
use crate::source::oneroster_csv::package::Part;
use crate::source::oneroster_csv::scan::Shape;

/// What is needed to look at the rows of one file.
pub(super) struct RowCheck<'c> {
    opened: &'c Opened<'c>,
    known: &'c Known,
    version: Version,
    is_delta: bool,
    /// By sourcedId, the line on which it is first.
    lines: HashMap<u64, u32>,
    /// Of roles.csv: by user and org, the line of the primary role.
    primary: HashMap<u64, u32>,
    /// References to files that are not there, by column: where first, and how often.
    without_target: Vec<(&'static str, Part, u64, u64)>,
    pub rows: u64,
}

/// A row as the checks see it.
struct Seen<'r> {
    text: &'r str,
    cells: &'r Cells,
    line: u64,
    file: &'r str,
}

impl<'r> Seen<'r> {
    fn at(&self, column: &'r str) -> At<'r> {
        At::file(self.file).line(self.line).column(column)
    }

    fn cell(&self, place: Option<usize>) -> &'r str {
        place.and_then(|place| self.cells.get(self.text, place)).unwrap_or_default()
    }
}

impl<'c> RowCheck<'c> {
    pub(super) fn new(
        opened: &'c Opened<'c>,
        known: &'c Known,
        declared: &Declared,
        version: Version,
    ) -> Self {
        Self {
            opened,
            known,
            version,
            is_delta: declared.is_delta(opened.part),
            lines: HashMap::new(),
            primary: HashMap::new(),
            without_target: Vec::new(),
            rows: 0,
        }
    }

    /// Looks at one row. If its cells are not where they belong, nothing else is said of it.
    pub(super) fn row(&mut self, text: &str, row: &Row, cells: &mut Cells, findings: &mut Findings) {
        let table = &self.opened.table;
        let (file, headers) = (table.header.file.as_str(), &table.header.cells);
        let at = At::file(file).line(row.line);
        let header = |place: usize| headers.get(place).map(String::as_str);
        if cells.blank_from(text, 0) && !matches!(row.shape, Shape::Malformed(_)) {
            findings.warn("csv-blank-row", at, || "a blank row".to_owned());
            return;
        }
        self.rows += 1;
        if row.shape != Shape::Plain {
            let raw = text.get(row.start as usize..row.end as usize).unwrap_or_default();
            if let Some(place) = values::misquoted(raw, table.dialect.delimiter) {
                findings.error("csv-quoting", at.column(header(place)), || {
                    "a cell with quotes begins and ends with a quote, and quotes inside it are doubled"
                        .to_owned()
                });
                return;
            }
            if let Some(place) = cells.mend(text, row, 0..cells.len()) {
                findings.error("csv-line-break", at.column(header(place)), || {
                    "a line break inside a cell".to_owned()
                });
            }
        }
        let (found, width) = (cells.len(), headers.len());
        if found != width {
            findings.error("csv-row-width", at, || format!("{found} cells under {width} headers"));
            return;
        }
        let seen = Seen { text, cells, line: row.line, file };
        let opened = self.opened;
        for (place, column) in &opened.columns {
            self.cell(&seen, *place, column, findings);
        }
        self.dates(&seen, findings);
        match opened.part {
            Part::Enrollments => self.enrollment(&seen, findings),
            Part::Roles => self.role(&seen, findings),
            Part::Users => self.user(&seen, findings),
            _ => {}
        }
    }

    fn cell(&mut self, seen: &Seen<'_>, place: usize, column: &Column, findings: &mut Findings) {
        let raw = seen.cells.raw(seen.text, place).unwrap_or_default();
        let cell = seen.cell(Some(place));
        let name = column.name;
        let changes = matches!(column.value, Value::Status | Value::Modified);
        if cell.is_empty() {
            let why = match (column.required, changes && self.is_delta) {
                (true, _) => "a required value is missing",
                (false, true) => "in a delta, every row has a status and a dateLastModified",
                (false, false) => return,
            };
            findings.error("value-missing", seen.at(name), || why.to_owned());
            return;
        }
        if changes && !self.is_delta {
            findings.error("value-in-bulk", seen.at(name), || {
                "in a bulk file the column stays empty: it is for deltas".to_owned()
            });
        }
        if raw.len() != cell.len() {
            findings.warn("value-blanks", seen.at(name), || "blanks before or after the value".to_owned());
        }
        if let Some((code, message)) = self.mistake(cell, column.value) {
            findings.error(code, seen.at(name), || message);
            return;
        }
        match column.value {
            Value::Id => self.unique(seen, cell, name, findings),
            Value::IdOf(_) => {
                self.unique(seen, cell, name, findings);
                self.refer(seen, cell, column, findings);
            }
            Value::Reference(..) => self.refer(seen, cell, column, findings),
            Value::References(_) => cell.split(',').for_each(|item| self.refer(seen, item, column, findings)),
            _ => {}
        }
    }

    fn mistake(&self, cell: &str, value: Value) -> Option<Mistake> {
        match value {
            Value::Text | Value::Password => None,
            Value::Id | Value::IdOf(_) | Value::Reference(..) => values::sourced_id(cell),
            Value::Status => values::word(cell, Words { words: STATUS, extensible: false }, self.version),
            Value::Modified => values::date_time(cell),
            Value::Texts => values::list(cell).err(),
            Value::Boolean => values::boolean(cell),
            Value::Date => values::date(cell),
            Value::Year => values::year(cell),
            Value::OneOf(words) => values::word(cell, words, self.version),
            Value::References(_) => match values::list(cell) {
                Ok(mut items) => items.find_map(values::sourced_id),
                Err(mistake) => Some(mistake),
            },
            Value::UserIds => values::user_ids(cell),
        }
    }

    fn unique(&mut self, seen: &Seen<'_>, id: &str, column: &str, findings: &mut Findings) {
        let line = u32::try_from(seen.line).unwrap_or(u32::MAX);
        let first = *self.lines.entry(hashed(id)).or_insert(line);
        if first != line {
            findings.error("sourced-id-repeated", At::file(seen.file).line(seen.line).column(column), || {
                format!("line {first} has the same sourcedId")
            });
        }
    }

    fn refer(&mut self, seen: &Seen<'_>, id: &str, column: &Column, findings: &mut Findings) {
        let Some((part, kind)) = target(column.value) else { return };
        let at = seen.at(column.name);
        match self.known.ids.get(&part) {
            Some(Ids::All(ids)) => match (ids.get(&hashed(id)), kind) {
                (None, _) => {
                    findings.error("reference-unknown", at, || {
                        format!("{} is not in {}", shown(id), part.file_name())
                    });
                }
                (Some(found), Some(kind)) if *found != 0 && *found != kind_of(kind) => {
                    findings.error("reference-type", at, || {
                        format!("{} is there, and its type is not {kind}", shown(id))
                    });
                }
                _ => {}
            },
            Some(Ids::Absent) if !self.is_delta => {
                match self.without_target.iter_mut().find(|(name, ..)| *name == column.name) {
                    Some((.., count)) => *count += 1,
                    None => self.without_target.push((column.name, part, seen.line, 1)),
                }
            }
            _ => {}
        }
        if part == self.opened.part && matches!(column.value, Value::References(_)) {
            let own = seen.cell(self.opened.position("sourcedId"));
            if own == id {
                findings.error("reference-circle", at, || "the record refers to itself".to_owned());
            }
        }
    }

    /// The end of a period is not before its begin.
    fn dates(&self, seen: &Seen<'_>, findings: &mut Findings) {
        let opened = self.opened;
        let begin = opened.position("startDate").or_else(|| opened.position("beginDate"));
        let (Some(begin), Some(end)) = (begin, opened.position("endDate")) else { return };
        let days = (values::day(seen.cell(Some(begin))), values::day(seen.cell(Some(end))));
        if let (Some(begin), Some(end)) = days
            && end < begin
        {
            findings.error("date-order", seen.at("endDate"), || "the end is before the begin".to_owned());
        }
    }

    fn enrollment(&self, seen: &Seen<'_>, findings: &mut Findings) {
        let cell = |name| seen.cell(self.opened.position(name));
        let (class, school) = (cell("classSourcedId"), cell("schoolSourcedId"));
        let is_all = matches!(self.known.ids.get(&Part::Classes), Some(Ids::All(_)));
        if let Some(other) = self.known.schools.get(&hashed(class)).filter(|_| is_all && !school.is_empty())
            && *other != hashed(school)
        {
            findings.error("enrollment-school", seen.at("schoolSourcedId"), || {
                "the class is at another school".to_owned()
            });
        }
        if cell("primary") == "true" && !matches!(cell("role"), "teacher" | "") {
            findings.error("enrollment-primary", seen.at("primary"), || {
                "only a teacher is the primary teacher of a class".to_owned()
            });
        }
    }

    fn role(&mut self, seen: &Seen<'_>, findings: &mut Findings) {
        let cell = |name| seen.cell(self.opened.position(name));
        let (user, org) = (cell("userSourcedId"), cell("orgSourcedId"));
        let is_gone = cell("status") == "tobedeleted";
        if cell("roleType") != "primary" || user.is_empty() || org.is_empty() || is_gone {
            return;
        }
        let line = u32::try_from(seen.line).unwrap_or(u32::MAX);
        let key = hashed(user).rotate_left(1) ^ hashed(org);
        let first = *self.primary.entry(key).or_insert(line);
        if first != line {
            findings.error("role-primary", seen.at("roleType"), || {
                format!("line {first} has a primary role of the same user at the same org")
            });
        }
    }

    fn user(&self, seen: &Seen<'_>, findings: &mut Findings) {
        let id = seen.cell(self.opened.position("sourcedId"));
        let Some(with_role) = &self.known.with_role else { return };
        if !id.is_empty() && !with_role.contains(&hashed(id)) {
            findings.error("user-without-role", seen.at("sourcedId"), || {
                "the user has no row in roles.csv".to_owned()
            });
        }
    }

    /// Says what is known after the last row.
    pub(super) fn finish(&self, findings: &mut Findings) {
        let file = &self.opened.table.header.file;
        for (column, part, line, count) in &self.without_target {
            findings.error("reference-file-missing", At::file(file).line(*line).column(*column), || {
                let rows = crate::plural::counted(*count, "value refers", "values refer");
                format!("{rows} to {}, which is not in the package", part.file_name())
            });
        }
    }
}

/// An id in a message. What does not look like an id may be a person's.
fn shown(id: &str) -> String {
    let is_id = id.chars().count() <= 60 && !id.contains('@');
    if is_id { format!("`{id}`") } else { "the id".to_owned() }
}
