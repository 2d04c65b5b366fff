//! The configuration in effect: every key with its value, and where the value comes from.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};

use super::document::{Document, TYPED};
use super::excerpt::{holds_secret, is_secret, without_password};
use super::sections::{self, comment_of};
use super::values::MASK;
use super::{Config, Typed, Variables};
use crate::failure::{Failure, Kind, Result};

pub struct Effective {
    pub file: PathBuf,
    /// What it includes.
    pub included: Option<PathBuf>,
    pub sections: Vec<Section>,
}

pub struct Section {
    /// `[sync]`, or `[[school]]` for an entry of a list.
    pub header: String,
    /// `sync`, `school.1`
    pub path: String,
    pub keys: Vec<Key>,
}

pub struct Key {
    pub name: String,
    pub value: Shown,
    pub origin: Origin,
}

pub enum Shown {
    /// As JSON; a secret is masked.
    Value(Value),
    /// Not in the file, and the default is no value that the file could have: `the time zone of the
    /// system`.
    Words(&'static str),
}

pub enum Origin {
    Default,
    /// A line of the file, or of the one that it includes, from 1.
    Line(PathBuf, usize),
    Variable(String),
}

impl Config {
    /// Reads the configuration as [`Config::load`] does, and lists what holds.
    ///
    /// # Errors
    /// As [`Config::load`].
    pub fn effective(file: Option<&Path>, variables: &Variables) -> Result<Effective> {
        Self::with_document(file, variables, Self::all_keys)
    }

    fn all_keys(document: &Document<'_>) -> Result<Effective> {
        Self::of(document)?;
        let mut typed: Typed = document.read()?;
        typed.resolve(document);
        typed.settle(document);
        let file = document.file.to_owned();
        let mut root = match serde_json::to_value(&typed) {
            Ok(Value::Object(root)) => root,
            Ok(_) | Err(_) => {
                return Err(
                    Failure::new(Kind::Failed, "the configuration cannot be shown").at(file.display())
                );
            }
        };
        for (path, tag) in TYPED.into_iter().rev() {
            put_type_back(&mut root, path, tag);
        }
        let mut sections = Vec::new();
        walk(document, &root, &At::default(), &mut sections);
        sections.retain(|section| !section.keys.is_empty());
        let included = document.included_file().map(Path::to_owned);
        Ok(Effective { file, included, sections })
    }
}

/// The other way round than `Document::read`: `{ "clever": { … } }` becomes `{ "type": "clever", … }`.
fn put_type_back(root: &mut Map<String, Value>, path: &[&str], tag: &str) {
    let mut table = root;
    for key in path {
        let Some(Value::Object(inner)) = table.get_mut(*key) else { return };
        table = inner;
    }
    let Some((word, Value::Object(keys))) = std::mem::take(table).into_iter().next() else { return };
    table.insert(tag.to_owned(), Value::String(word));
    table.extend(keys);
}

#[derive(Default)]
struct At {
    /// `contacts.rule`
    section: String,
    /// `contacts.rule.2`
    path: String,
    in_list: bool,
}

impl At {
    fn below(&self, key: &str, entry: Option<usize>) -> Self {
        let join = |before: &str| if before.is_empty() { key.to_owned() } else { format!("{before}.{key}") };
        let path = join(&self.path);
        let path = entry.map_or(path.clone(), |entry| format!("{path}.{entry}"));
        Self { section: join(&self.section), path, in_list: entry.is_some() }
    }
}

fn walk(document: &Document<'_>, table: &Map<String, Value>, at: &At, all: &mut Vec<Section>) {
    let is_section = |name: &str| sections::all().iter().any(|section| section.name == name);
    let brackets = if at.in_list { ("[[", "]]") } else { ("[", "]") };
    let mut here = Section {
        header: format!("{}{}{}", brackets.0, at.section, brackets.1),
        path: at.path.clone(),
        keys: Vec::new(),
    };
    let mut inner: Vec<(At, &Map<String, Value>)> = Vec::new();
    for (key, value) in table {
        let below = at.below(key, None);
        match value {
            Value::Object(table) if is_section(&below.section) => inner.push((below, table)),
            Value::Array(list) if is_section(&below.section) => {
                let tables =
                    list.iter().zip(1..).filter_map(|(value, entry)| Some((value.as_object()?, entry)));
                inner.extend(tables.map(|(table, entry)| (at.below(key, Some(entry)), table)));
            }
            value => here.keys.extend(key_of(document, at, key, value)),
        }
    }
    all.push(here);
    for (at, table) in inner {
        walk(document, table, &at, all);
    }
}

fn key_of(document: &Document<'_>, at: &At, key: &str, value: &Value) -> Option<Key> {
    let origin = match document.span_of_key(&format!("{}.{key}", at.path)) {
        None => Origin::Default,
        Some(span) => match document.variable_at(span.start) {
            Some(variable) => Origin::Variable(variable.to_owned()),
            None => {
                let place = document.locate(span.start);
                Origin::Line(place.file.to_owned(), place.line())
            }
        },
    };
    let shown = match value {
        Value::Null => Shown::Words(words_of_default(&at.section, key)?),
        value => {
            let mut value = value.clone();
            mask(&at.section, key, &mut value);
            Shown::Value(value)
        }
    };
    Some(Key { name: key.to_owned(), value: shown, origin })
}

/// Hides a secret, and a password inside an address.
fn mask(section: &str, key: &str, value: &mut Value) {
    match value {
        Value::String(text) if holds_secret(section, key, text) => *text = MASK.to_owned(),
        // The arguments of a command can be secrets.
        Value::String(text) if key == "token_command" => {
            if let Some((program, _)) = text.split_once(' ') {
                *text = format!("{program} {MASK}");
            }
        }
        Value::Array(words) if (section, key) == ("platform.push", "command") => {
            words.iter_mut().skip(1).for_each(|word| *word = MASK.into());
        }
        Value::String(text) => *text = without_parameters(&without_password(text)),
        Value::Array(list) => list.iter_mut().for_each(|value| mask(section, key, value)),
        Value::Object(table) => {
            let section = format!("{section}.{key}");
            table.iter_mut().for_each(|(key, value)| mask(&section, key, value));
        }
        _ => {}
    }
}

/// An address without the values of parameters that can be a secret: `?apikey=********`.
fn without_parameters(address: &str) -> String {
    let Some((before, parameters)) = address.split_once('?').filter(|(before, _)| before.contains("://"))
    else {
        return address.to_owned();
    };
    let is_one = |name: &str| {
        let name = name.to_ascii_lowercase();
        is_secret(&name)
            || name.ends_with("key")
            || ["pass", "pwd", "auth"].iter().any(|word| name.contains(word))
    };
    let shown = parameters.split('&').map(|parameter| match parameter.split_once('=') {
        Some((name, _)) if is_one(name) => format!("{name}={MASK}"),
        _ => parameter.to_owned(),
    });
    format!("{before}?{}", shown.collect::<Vec<_>>().join("&"))
}

/// What the example says of a default that is no value: `the address of `from``.
fn words_of_default(section: &str, key: &str) -> Option<&'static str> {
    let words = comment_of(section, key)?.split_once("Default: ")?.1;
    let words = words.split(". ").next().unwrap_or(words).trim_end_matches('.');
    (words != "none" && words != "no limit").then_some(words)
}
