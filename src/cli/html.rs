//! `rostersync report --format html`: what the page says besides its rows.

use std::io::{IsTerminal, stdout};
use std::path::{Path, PathBuf};

use super::Global;
use crate::failure::{Failure, Kind, Result};
use crate::report::Page;
use crate::roles;
use crate::run::{page_of_file, page_of_run};
use crate::store::Store;

/// What was asked for besides the report.
pub(super) struct Asked<'a> {
    pub(super) output: Option<&'a PathBuf>,
    /// Which users are shown, in words; empty if all.
    pub(super) shown: String,
    pub(super) redact: bool,
}

/// The failure of something that has no page.
pub(super) fn none(what: &str) -> Failure {
    let what = format!("{what} cannot be written as HTML");
    Failure::new(Kind::Usage, what).cure("choose `--format table`, `csv` or `json`")
}

/// The page of a run, or of a file.
pub(super) fn page(run: Option<i64>, path: &Path, asked: Asked<'_>, global: &Global) -> Result<Page> {
    let Asked { output, shown, redact } = asked;
    if output.is_none() && stdout().is_terminal() {
        let what = "an HTML report is for a browser, not for a terminal";
        return Err(Failure::new(Kind::Usage, what).cure("write it to a file: `--output report.html`"));
    }
    let mut page = match run {
        None => page_of_file(path),
        Some(number) => {
            let config = global.load()?;
            let store = Store::open_read(&config.sync.store)?;
            let found = match &store {
                Some(store) => store.run(number)?.map(|run| page_of_run(&run, store, &config)).transpose()?,
                None => None,
            };
            found.unwrap_or_else(|| page_of_file(path))
        }
    };
    if redact {
        // Paths and names of schools say which district it is.
        page.schools.clear();
        page.facts.retain(|(name, _)| !["File", "Source"].contains(name));
        let roles = page.messages.iter_mut().flatten().map(|told| &mut told.role);
        roles
            .filter(|role| !role.is_empty() && !roles::is_known(role))
            .for_each(|role| *role = "(other role)".to_owned());
    }
    if !shown.is_empty() {
        page.facts.push(("Shown", shown));
    }
    Ok(page)
}
