//! Puts a benchmark's tables where a page has them: between `<!-- NAME: begin -->` and
//! `<!-- NAME: end -->`.

use std::fs;
use std::path::Path;

/// Replaces what is there; says what is wrong with the page.
pub(crate) fn put(page: &Path, name: &str, tables: &str) -> Result<(), String> {
    let at = |cause: std::io::Error| format!("{}: {cause}", page.display());
    let text = fs::read_to_string(page).map_err(at)?;
    let (begin, end) = (format!("<!-- {name}: begin -->\n"), format!("<!-- {name}: end -->"));
    let (before, rest) = text.split_once(&begin).ok_or(format!("{}: no {begin}", page.display()))?;
    let (_, after) = rest.split_once(&end).ok_or(format!("{}: no {end}", page.display()))?;
    fs::write(page, format!("{before}{begin}{tables}{end}{after}")).map_err(at)
}
