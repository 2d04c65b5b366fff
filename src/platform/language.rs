//! Which language people have chosen on the platform.
//!
//! Looked up in the export only for those who are told something, which most nights is nobody: it is nothing that the
//! policy rules over, so it is neither kept nor compared.

use std::collections::{HashMap, HashSet};

use crate::config::Platform;

/// The languages of these people, as the export's column `language` has them, by sourcedId. Without that column, or if
/// the export is no longer there, nobody's is known, which is no reason not to tell people.
pub fn languages(platform: &Platform, of: &HashSet<String>) -> HashMap<String, String> {
    let mut found = HashMap::new();
    // What is not a file gives its content only once.
    if of.is_empty() || !platform.users.is_file() {
        return found;
    }
    let header = |column: &str| platform.columns.get(column).map_or(column, String::as_str).to_owned();
    let Ok(mut reader) = csv::ReaderBuilder::new().flexible(true).from_path(&platform.users) else {
        return found;
    };
    let place = |headers: &csv::ByteRecord, column: &str| {
        let wanted = header(column);
        headers.iter().position(|name| {
            let name = String::from_utf8_lossy(name);
            name.trim_start_matches('\u{feff}').trim().eq_ignore_ascii_case(&wanted)
        })
    };
    let Some((id, language)) = reader
        .byte_headers()
        .ok()
        .and_then(|headers| place(headers, "sourced_id").zip(place(headers, "language")))
    else {
        return found;
    };
    let mut record = csv::ByteRecord::new();
    while reader.read_byte_record(&mut record).unwrap_or(false) {
        let cell =
            |place: usize| record.get(place).and_then(|cell| std::str::from_utf8(cell).ok()).map(str::trim);
        if let (Some(id), Some(language)) = (cell(id), cell(language))
            && !language.is_empty()
            && of.contains(id)
        {
            found.insert(id.to_owned(), language.to_owned());
        }
    }
    found
}
