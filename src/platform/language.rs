//! Which language people have chosen on the platform.
//!
//! Looked up in the export only for people who get a message, which on most nights is no person: it
//! is nothing that the policy rules over, so it is neither kept nor compared.

use std::collections::{HashMap, HashSet};

use crate::config::Platform;
use crate::failure::Result;
use crate::findings::Findings;
use crate::source::oneroster_csv::lone::LoneFile;
use crate::store::Store;
use crate::value;

/// The languages of these people, as the export's column `language` has them, by sourcedId. Without
/// that column, or if the export is no longer there, no language is known, which is no reason not
/// to send the messages.
pub fn languages(
    platform: &Platform,
    store: Option<&Store>,
    of: &HashSet<String>,
) -> Result<HashMap<String, String>> {
    let mut found = HashMap::new();
    // What is not a file gives its content only once.
    if of.is_empty() || !platform.users.is_file() {
        return Ok(found);
    }
    // The platform may show a person under an earlier sourcedId.
    let (mut earlier, mut before) = (HashMap::new(), HashMap::new());
    if let Some(store) = store
        && store.has_earlier_ids()?
    {
        store.each_earlier_id(|old, new| {
            if of.contains(new) && !of.contains(old) {
                earlier.insert(old.to_owned(), new.to_owned());
            }
        })?;
    }
    let header = |column: &str| platform.columns.get(column).map_or(column, String::as_str).to_owned();
    let (id, language) = (header("sourced_id"), header("language"));
    let Ok(table) = LoneFile::open(&platform.users, None, &[&id, &language], &mut Findings::default()) else {
        return Ok(found);
    };
    let place = |wanted: &str| table.headers().iter().position(|name| name.eq_ignore_ascii_case(wanted));
    let (Some((id, language)), Ok(mut rows)) = (place(&id).zip(place(&language)), table.rows()) else {
        return Ok(found);
    };
    while let Ok(Some(row)) = rows.next_row() {
        let (mut own_id, mut own_language) = ("", "");
        for (at, cell) in row.into_cells().enumerate() {
            if at == id {
                own_id = cell;
            } else if at == language {
                own_language = cell;
            }
        }
        let own_id = value::id(own_id);
        if own_language.is_empty() {
            continue;
        }
        if of.contains(own_id.as_ref()) {
            found.insert(own_id.into_owned(), own_language.to_owned());
        } else if let Some(present) = earlier.get(own_id.as_ref()) {
            before.insert(present.clone(), own_language.to_owned());
        }
    }
    before.extend(found);
    Ok(before)
}
