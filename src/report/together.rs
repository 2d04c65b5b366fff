//! Several reports shown as one: each row has the name of its report before it.

use std::io::Write;
use std::path::Path;

use super::query::{Query, Sheet, Tables};
use super::reader::{Layout, Reader};
use crate::failure::Result;

/// Takes a report: its name, and its rows with their header.
pub type Take<'a> = &'a mut dyn FnMut(&str, &[u8]) -> Result<()>;

/// Shows all rows of the reports that `reports` hands over, with the column `lead` before those of
/// the query. Its filters have been applied to them. A report without a column has blanks there.
///
/// # Errors
/// Those of `reports`, of a report that cannot be read, and `Failed` if `out` cannot be written.
pub fn render_together(
    lead: &'static str,
    query: &Query,
    table: Tables<'_>,
    out: &mut dyn Write,
    reports: &mut dyn FnMut(Take<'_>) -> Result<()>,
) -> Result<()> {
    let fields = query.fields(&Layout::whole(), Path::new(""))?;
    let mut page = Sheet::leading(lead, query, &fields, table, out);
    reports(&mut |name, csv| {
        let mut reader = Reader::new(csv, Path::new(name))?;
        while let Some(cells) = reader.next_row()? {
            page.row_with(name, &cells);
            page.flush()?;
        }
        Ok(())
    })?;
    page.finish()
}
