//! `include`: keys that several configurations share, in a file of their own.
//!
//! The own value wins. Tables are merged key by key; a list is one value. An included file includes no other one, so that each
//! value is in one of two files.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, TYPED};
use super::file;
use crate::failure::Result;

pub(super) const KEY: &str = "include";

/// A file that is included.
pub(super) struct Included {
    pub(super) file: PathBuf,
    pub(super) text: String,
}

/// Reads the file that a configuration includes, if it names one.
///
/// # Errors
/// `Usage` if it cannot be read.
pub(super) fn read(document: &Document<'_>) -> Result<Option<Included>> {
    let Some(file) = file_of(document) else { return Ok(None) };
    let place = document.span_of(KEY).map_or_else(String::new, |span| document.place(span.start));
    let named = format!("check `include` at {place}; a relative path starts at the folder of that file");
    let text = file::read(&file, &named).map_err(|mut failure| {
        failure.what = failure.what.replacen("the configuration", "the included configuration", 1);
        failure
    })?;
    Ok(Some(Included { file, text }))
}

/// From the root. What is wrong with a value that is no path is said when the keys are read.
fn file_of(document: &Document<'_>) -> Option<PathBuf> {
    let name = document.root.get_ref().get(KEY)?.get_ref().as_str().filter(|name| !name.is_empty())?;
    Some(document.path(Path::new(name)))
}

/// The file that a configuration includes. None also for a configuration that cannot be read: what is wrong with it is said when
/// it is used.
pub fn included(path: &Path) -> Option<PathBuf> {
    let path = file::absolute(path);
    let text = file::read(&path, file::NAMED).ok()?;
    file_of(&Document::parse(&text, &path).ok()?)
}

/// Puts the keys of the included table that the own one does not have into it. Their spans begin `behind` the own text.
pub(super) fn merge<'t>(own: &mut DeTable<'t>, included: DeTable<'t>, section: &str, behind: usize) {
    if is_another_type(own, &included, section) {
        return;
    }
    for (key, value) in included {
        let name: &str = key.get_ref();
        if own.contains_key(name) {
            let inner = if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
            if let (Some(DeValue::Table(own)), DeValue::Table(included)) =
                (own.get_mut(name).map(Spanned::get_mut), value.into_inner())
            {
                merge(own, included, &inner, behind);
            }
        } else if !has_another_form(own, name) {
            let span = key.span();
            let key = Spanned::new(span.start + behind..span.end + behind, key.into_inner());
            own.insert(key, moved(value, behind));
        }
    }
}

/// Whether the section has another `type` here: then none of its keys would fit.
fn is_another_type(own: &DeTable<'_>, included: &DeTable<'_>, section: &str) -> bool {
    let Some((_, tag)) = TYPED.into_iter().find(|(path, _)| path.join(".") == section) else { return false };
    let word = |table: &DeTable<'_>| Some(table.get(tag)?.get_ref().as_str()?.to_owned());
    matches!((word(own), word(included)), (Some(own), Some(included)) if own != included)
}

/// Whether the own table has the secret in another form: `password_env` in place of `password_file`.
fn has_another_form(own: &DeTable<'_>, name: &str) -> bool {
    fn stem(name: &str) -> &str {
        ["_file", "_env", "_command"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(name)
    }
    own.iter().any(|(key, _)| stem(key.get_ref()) == stem(name))
}

fn moved<'t>(value: Spanned<DeValue<'t>>, behind: usize) -> Spanned<DeValue<'t>> {
    let span = value.span();
    let value = match value.into_inner() {
        DeValue::Array(list) => DeValue::Array(list.into_iter().map(|value| moved(value, behind)).collect()),
        DeValue::Table(table) => {
            let entry = |(key, value): (Spanned<Cow<'t, str>>, _)| {
                let span = key.span();
                (Spanned::new(span.start + behind..span.end + behind, key.into_inner()), moved(value, behind))
            };
            DeValue::Table(table.into_iter().map(entry).collect())
        }
        other => other,
    };
    Spanned::new(span.start + behind..span.end + behind, value)
}
