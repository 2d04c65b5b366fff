//! `rostersync report --sis-corrections`

use std::io::Write;
use std::path::Path;

use super::ui::results;
use super::users::reading;
use super::{Global, unprintable};
use crate::attempt::Ending;
use crate::failure::Result;
use crate::output::write_file;
use crate::people::{CORRECTION_COLUMNS, People, Schools, correction, correction_columns};
use crate::report::append_plain_row;

pub(super) fn run(output: Option<&Path>, global: &Global) -> Result<Ending> {
    let config = global.load()?;
    let store = reading(&config)?;
    let people = People::new(&config, &store, global.now())?;
    let schools = Schools::read(&people)?;
    let columns = correction_columns(&people)?;
    let write = |out: &mut dyn Write| {
        let mut row = Vec::new();
        append_plain_row(CORRECTION_COLUMNS[..columns].iter().map(|column| column.as_bytes()), &mut row);
        out.write_all(&row).map_err(unprintable)?;
        store.each_account(|account| {
            let Some(cells) = correction(account, &people, &schools) else { return Ok(()) };
            row.clear();
            append_plain_row(cells[..columns].iter().map(String::as_bytes), &mut row);
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
