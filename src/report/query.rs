//! What the command `report` shows: which rows, in which order, which columns, in which format.
//!
//! Without an order rows are passed on as they are read. With one, the file is read twice: once for the order, keeping
//! a few bytes and the sort key of each row that is shown (see `order`), once to show the rows from where they stand.

use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;

use super::columns::{Column, Holds, NAME};
use super::fetch::Fetched;
use super::formats::{BREAK, Csv, Json, Rendering};
use super::html::{Html, Page};
use super::news::EarlierNotes;
use super::order::Order;
use super::reader::{self, Cells, Layout, Reader};
use super::redact::Redactor;
use super::writer::{BUFFER, unwritable};
use crate::contact::Sought;
use crate::failure::{Failure, Kind, Result};

/// What to show of a report. The default is all of it, as a table.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// Sorts by these columns in turn: by bytes, `line` as a number; equal rows stay as they were. Rows without `notes`
    /// or `line` come last there. None: the order of the file.
    pub sort: Vec<Column>,
    /// Turns the order round, be it that of `sort` or of the file. Rows without `notes` or `line` stay last, and equal
    /// rows stay in the order of the file.
    pub reverse: bool,
    pub notes_only: bool,
    /// Only rows with a note that these do not have; their other notes are left out.
    pub unlike: Option<EarlierNotes>,
    /// Only rows where all these columns have these values, exactly. `role`, `schools` and `codes` can hold several
    /// values: one of them is enough, or the whole cell.
    pub filters: Vec<(Column, String)>,
    /// Only rows where given and family name together are exactly these.
    pub names: Vec<String>,
    /// Only rows with these texts in these columns; without a column in given and family name
    /// together.
    pub parts: Vec<(Option<Column>, Sought)>,
    /// These columns, in this order. None: all that the report has, or in a table those that matter most.
    pub columns: Option<Vec<Column>>,
    /// In a table, given and family name of `columns` stand together in one column.
    pub whole_name: bool,
    pub format: Format,
    /// All personal data becomes pseudonyms, and of the roles all but these. Filters and order are by the values as they are.
    pub redact: Option<&'static [&'static str]>,
    /// What an HTML page says besides the rows.
    pub page: Page,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Format {
    #[default]
    Table,
    /// As in the file, with its leading apostrophes, but without a byte order mark.
    Csv,
    /// An array of objects, without apostrophes, streamed.
    Json,
    /// One file for a browser.
    Html,
}

/// How many rows were shown, out of how many that were read: all, unless the output was closed before the end.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Shown {
    pub rows: u64,
    pub total: u64,
}

/// Makes the table for the columns with these headers.
pub type Tables<'f> = &'f dyn Fn(&[&'static str]) -> Box<dyn Rendering>;

/// Shows a report; a table with `table`.
///
/// A reader that goes away (`report | head`) is no failure. No buffering is needed around `out`.
pub fn render(path: &Path, query: &Query, table: Tables<'_>, out: &mut dyn Write) -> Result<Shown> {
    let file = reader::open(path)?;
    let mut reader = Reader::new(&file, path)?;
    let fields = query.fields(reader.layout(), path)?;
    let rendering = query.rendering(None, &fields, table);
    let beside = query.shows_both();
    let mut page = Sheet { out, buffer: Vec::new(), fields: &fields, beside, rendering };
    if query.sort.is_empty() && !query.reverse {
        return show(&mut reader, query, &mut page);
    }

    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        let failure =
            Failure::new(Kind::InputUnusable, "the report cannot be sorted, since it can be read only once");
        return Err(failure.at(path.display()).cure("save it as a file first"));
    }
    let layout = reader.layout().clone();
    let mut order = Order::new(&query.sort, query.reverse);
    let total = collect(&mut reader, query, &mut order)?;
    let places = order.sorted();
    let shown = std::thread::scope(|scope| {
        let rows = Fetched::start(scope, &file, &places)?;
        let all = Query { unlike: query.unlike.clone(), redact: query.redact, ..Query::default() };
        show(&mut Reader::without_header(rows, layout, path), &all, &mut page)
    })?;
    Ok(Shown { total, ..shown })
}

/// What is in a column that is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    /// Given and family name together, in a table.
    Name,
    Cell(Column),
}

/// The columns of a table that matter at first sight.
const USUAL: [Field; 7] = [
    Field::Cell(Column::SourcedId),
    Field::Cell(Column::State),
    Field::Cell(Column::Action),
    Field::Name,
    Field::Cell(Column::Email),
    Field::Cell(Column::Phone),
    Field::Cell(Column::Notes),
];

/// The columns that show the SIS value too where it was kept out, and the codes of that.
const DIFFER: [(Field, &str); 3] = [
    (Field::Name, "active-name-differs"),
    (Field::Cell(Column::Email), "active-email-differs"),
    (Field::Cell(Column::Phone), "active-phone-differs"),
];

impl Query {
    /// Whether the SIS value stands beside a value that was kept.
    fn shows_both(&self) -> bool {
        self.format == Format::Table && self.columns.is_none()
    }

    /// Hands over a row that is to be shown, with the notes that are.
    pub(super) fn look(&self, cells: &Cells<'_>, show: impl FnOnce(&Cells<'_>)) {
        let Some(earlier) = &self.unlike else {
            if self.accepts(cells) {
                show(cells);
            }
            return;
        };
        if let Some(notes) = earlier.new_notes(cells) {
            let cells = cells.with_notes(&notes);
            if self.accepts(&cells) {
                show(&cells);
            }
        }
    }

    fn accepts(&self, cells: &Cells<'_>) -> bool {
        (!self.notes_only || !cells.cell(Column::Notes).is_empty())
            && self
                .filters
                .iter()
                .all(|(column, value)| holds(*column, cells.cell(*column), value.as_bytes()))
            && (self.names.is_empty() || self.names.iter().all(|name| *name == cells.whole_name()))
            && self.parts.iter().all(|(column, part)| has_part(*column, part, cells))
    }

    /// Refuses a column of this query that the report does not have: to sort by a column of blanks, or to find nothing in
    /// it, would look like an answer.
    pub(super) fn check_columns(&self, layout: &Layout, path: &Path) -> Result<()> {
        let parts = self.parts.iter().filter_map(|(column, _)| column.as_ref());
        let filtered = self.filters.iter().map(|(column, _)| column).chain(parts);
        for column in self.sort.iter().chain(filtered).chain(self.columns.as_deref().unwrap_or_default()) {
            layout.demand(*column, path)?;
        }
        Ok(())
    }

    pub(super) fn fields(&self, layout: &Layout, path: &Path) -> Result<Vec<Field>> {
        self.check_columns(layout, path)?;
        let columns = self.columns.as_deref().filter(|columns| !columns.is_empty());
        let is_table = self.format == Format::Table;
        let Some(columns) = columns else {
            let is_in = |field: &Field| match field {
                Field::Name => layout.has(Column::GivenName) || layout.has(Column::FamilyName),
                Field::Cell(column) => layout.has(*column),
            };
            return Ok(match is_table {
                true => USUAL.into_iter().filter(is_in).collect(),
                false => layout.columns().map(Field::Cell).collect(),
            });
        };
        let mut fields: Vec<Field> = Vec::new();
        for column in columns {
            match (column, fields.last_mut()) {
                (Column::FamilyName, Some(last))
                    if is_table && self.whole_name && *last == Field::Cell(Column::GivenName) =>
                {
                    *last = Field::Name;
                }
                _ => fields.push(Field::Cell(*column)),
            }
        }
        Ok(fields)
    }

    /// `lead` is a column before those of the report.
    fn rendering<'q>(
        &'q self,
        lead: Option<&'static str>,
        fields: &[Field],
        table: Tables<'_>,
    ) -> Box<dyn Rendering + 'q> {
        let header = |field: &Field| match field {
            Field::Name => NAME,
            Field::Cell(column) => column.name(),
        };
        let headers: Vec<_> = lead.into_iter().chain(fields.iter().map(header)).collect();
        let holding = |holds: Holds| {
            let is_one = |field: &Field| matches!(field, Field::Cell(column) if column.holds() == holds);
            fields.iter().position(is_one).map(|place| place + usize::from(lead.is_some()))
        };
        match self.format {
            Format::Csv => Box::new(Csv::for_spreadsheets(headers)),
            Format::Json => Box::new(Json::new(headers, holding(Holds::Number))),
            Format::Table => table(&headers),
            Format::Html => {
                let column = |field: &Field| match field {
                    Field::Cell(column) => Some(*column),
                    // Only in a table.
                    Field::Name => None,
                };
                Box::new(Html::new(fields.iter().filter_map(column).collect(), &self.page))
            }
        }
    }
}

/// Exact, by bytes; in a column of several values, any of them or all of them as written.
fn holds(column: Column, cell: &[u8], value: &[u8]) -> bool {
    if cell == value {
        return true;
    }
    // A blank value asks for a blank cell, never for a gap between two separators.
    match column.holds() {
        Holds::Several(separator) if !value.is_empty() => {
            cell.split(|&byte| byte == separator).any(|member| member == value)
        }
        _ => false,
    }
}

fn has_part(column: Option<Column>, part: &Sought, cells: &Cells<'_>) -> bool {
    let Some(column) = column else { return part.is_in(&cells.whole_name()) };
    let cell = String::from_utf8_lossy(cells.cell(column));
    match column {
        Column::Phone | Column::HomePhone | Column::SisPhone | Column::SisHomePhone => {
            part.is_in_number(&cell)
        }
        _ => part.is_in(&cell),
    }
}

/// Goes through the report once for the order of its rows, and counts them all.
fn collect(reader: &mut Reader<&File>, query: &Query, order: &mut Order<'_>) -> Result<u64> {
    let mut total = 0;
    while let Some(cells) = reader.next_row()? {
        total += 1;
        query.look(&cells, |cells| order.add(cells));
    }
    Ok(total)
}

fn show<R: Read>(reader: &mut Reader<R>, query: &Query, page: &mut Sheet<'_>) -> Result<Shown> {
    let mut shown = Shown::default();
    let mut redactor = query.redact.map(Redactor::new);
    page.rendering.begin(&mut page.buffer);
    while let Some(cells) = reader.next_row()? {
        shown.total += 1;
        query.look(&cells, |cells| {
            shown.rows += 1;
            match &mut redactor {
                Some(redactor) => page.row(&cells.masked(&redactor.row(cells))),
                None => page.row(cells),
            }
        });
        if page.buffer.len() >= BUFFER && !page.hand_over()? {
            return Ok(shown);
        }
    }
    page.rendering.end(&mut page.buffer);
    page.hand_over()?;
    Ok(shown)
}

/// How rows are rendered, and the bytes of them that are not written yet.
pub(super) struct Sheet<'a> {
    out: &'a mut dyn Write,
    buffer: Vec<u8>,
    fields: &'a [Field],
    /// The SIS value stands beside a value that was kept.
    beside: bool,
    rendering: Box<dyn Rendering + 'a>,
}

impl<'a> Sheet<'a> {
    /// A page of which each row begins with a cell that the report does not have.
    pub(super) fn leading(
        lead: &'static str,
        query: &'a Query,
        fields: &'a [Field],
        table: Tables<'_>,
        out: &'a mut dyn Write,
    ) -> Self {
        let mut rendering = query.rendering(Some(lead), fields, table);
        let mut buffer = Vec::new();
        rendering.begin(&mut buffer);
        Self { out, buffer, fields, beside: query.shows_both(), rendering }
    }

    /// A row of a page that has a cell before.
    pub(super) fn row_with(&mut self, lead: &str, cells: &Cells<'_>) {
        self.render(Some(lead), cells);
    }

    /// Writes what is there if it is much.
    pub(super) fn flush(&mut self) -> Result<()> {
        if self.buffer.len() >= BUFFER { self.hand_over().map(drop) } else { Ok(()) }
    }

    pub(super) fn finish(mut self) -> Result<()> {
        self.rendering.end(&mut self.buffer);
        self.hand_over().map(drop)
    }

    fn row(&mut self, cells: &Cells<'_>) {
        self.render(None, cells);
    }

    fn render(&mut self, lead: Option<&str>, cells: &Cells<'_>) {
        let name = if self.fields.contains(&Field::Name) { cells.whole_name() } else { String::new() };
        let shown = |field: &Field| match field {
            Field::Name => name.as_bytes(),
            Field::Cell(column) => cells.cell(*column),
        };
        let beside = if self.beside { self.beside(cells, &name) } else { [const { String::new() }; 3] };
        let of = |field: &Field| DIFFER.iter().position(|(of, _)| of == field).map(|at| &beside[at]);
        let shown = |field: &Field| match of(field) {
            Some(both) if !both.is_empty() => both.as_bytes(),
            _ => shown(field),
        };
        // A column is asked for once; an array takes no memory for each row.
        let mut row = [&b""[..]; Column::ALL.len() + 1];
        let lead = lead.map(str::as_bytes);
        let cells = lead.into_iter().chain(self.fields.iter().map(shown));
        let mut count = 0;
        for (place, cell) in row.iter_mut().zip(cells) {
            *place = cell;
            count += 1;
        }
        self.rendering.row(&row[..count], &mut self.buffer);
    }

    /// The values that were kept, with the SIS value; blank for others.
    fn beside(&self, cells: &Cells<'_>, name: &str) -> [String; 3] {
        let codes = cells.cell(Column::Codes);
        DIFFER.map(|(field, code)| {
            if !codes.split(|&byte| byte == b' ').any(|one| one == code.as_bytes()) {
                return String::new();
            }
            let text = |column| String::from_utf8_lossy(cells.cell(column));
            let (actual, sis) = match field {
                Field::Name => {
                    let sis = [text(Column::SisGivenName), text(Column::SisFamilyName)].join(" ");
                    (name.into(), sis.trim().to_owned())
                }
                Field::Cell(Column::Phone) => (text(Column::Phone), text(Column::SisPhone).into_owned()),
                Field::Cell(_) => (text(Column::Email), text(Column::SisEmail).into_owned()),
            };
            if sis.is_empty() { String::new() } else { format!("{actual}{BREAK}(SIS: {sis})") }
        })
    }

    /// Writes the buffer; false if the output is closed.
    fn hand_over(&mut self) -> Result<bool> {
        match self.out.write_all(&self.buffer).and_then(|()| self.out.flush()) {
            Ok(()) => {
                self.buffer.clear();
                Ok(true)
            }
            Err(cause) if cause.kind() == io::ErrorKind::BrokenPipe => Ok(false),
            Err(cause) => Err(unwritable(cause)),
        }
    }
}

#[cfg(test)]
mod tests;
