//! The Users report: a CSV row for each user that a run decided about, and for each row of a user whose rows differ.
//!
//! * `columns`: the one list of columns, and [`Row`]
//! * `cell`: how one cell is written so that no spreadsheet runs it, and read back exactly
//! * `writer`: [`Writer`], the file
//! * `rows`, `reader`: [`Reader`], any Users report, also one that a spreadsheet saved again
//! * `query`: [`render`]: which rows the command `report` shows
//! * `order`, `fetch`: the order of the rows, without loading the rows that are not shown
//! * `news`: what a report says that an earlier one did not; `diff`: what is new, changed and resolved between two
//! * `together`: several reports as one
//! * `group`: the rows by the code of their notes
//! * `redact`: pseudonyms in place of personal data; `sentences`: the notes of a cell, taken apart
//! * `erase`: a file of a run without one person
//! * `formats`: the renderings for programs, as pure functions from cells to bytes
//! * `html`: the page for a browser
//! * `harmless`: text that cannot act on a terminal
//!
//! Nothing here knows runs, the store or the configuration: a row is handed in, a file is handed back.

mod cell;
mod columns;
mod diff;
mod erase;
mod fetch;
mod formats;
mod group;
mod harmless;
mod html;
mod news;
mod order;
mod query;
mod reader;
mod redact;
mod rows;
mod sentences;
mod together;
mod writer;

pub use cell::append_plain_row;
pub use columns::{Column, NAME, Row};
pub use diff::{Differences, render_differences};
pub use erase::{LeftOut, write_without};
pub use formats::{BREAK, Csv, Json, Rendering};
pub use group::{Group, groups};
pub use harmless::{acts, harmless};
pub use html::{Meaning, Page, PastRun, Told, as_in_html};
pub use news::EarlierNotes;
pub use query::{Format, Query, Shown, Tables, render};
pub use reader::{Cells, Reader};
#[cfg(test)]
pub(crate) use sentences::codes_and_values;
pub use together::{Take, render_together};
pub use writer::{Writer, csv_row};
