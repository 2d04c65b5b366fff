//! The words of a mistake: which key is meant, what is wrong with it, and what would be right.

use std::ops::Range;

use serde::de;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::document::{Document, TYPED};
use super::excerpt::{is_secret, line_at, line_number, without_password};
use super::include::KEY;
use super::sections::{self, example_of};
use crate::failure::{Failure, Kind};
use crate::near::nearest;

/// Separates what is wrong with a value from what would be right, inside the one text that serde carries.
const HINT: &str = " — hint: ";

/// The error of a value that is wrong. A text that begins with "is" or "has" goes on after the name of the key.
pub(super) fn wrong<E: de::Error>(what: impl std::fmt::Display, cure: impl std::fmt::Display) -> E {
    E::custom(format!("{what}{HINT}{cure}"))
}

pub(super) fn not_valid(what: impl Into<String>) -> Failure {
    let what = format!("the configuration is not valid: {}", what.into());
    let lists = ["school", "pause", "contacts.rule"]
        .into_iter()
        .map(|name| (format!("[{name}]"), format!("[[{name}]]")));
    let what = lists.fold(what, |what, (one, list)| what.replace(&list, &one).replace(&one, &list));
    Failure::new(Kind::Usage, what)
}

// The file is no TOML.

pub(super) fn syntax(error: &toml::de::Error, document: &Document<'_>) -> Failure {
    let (said, span) = (one_line(error), error.span().unwrap_or_default());
    if said == "duplicate key" {
        return duplicate(&span, document);
    }
    let cure = cure_of_line(line_at(document.text, span.start).1, &said);
    document.wrong_at(&span, format!("this line is not TOML ({said})"), cure)
}

fn one_line(error: &toml::de::Error) -> String {
    error.message().lines().collect::<Vec<_>>().join("; ")
}

fn duplicate(span: &Range<usize>, document: &Document<'_>) -> Failure {
    let text = document.text;
    let (start, line) = line_at(text, span.start);
    let key = text.get(span.clone()).unwrap_or_default().trim();
    let (name, first) = if line.trim_start().starts_with('[') {
        let first = text.lines().position(|before| before.trim() == line.trim()).map(|at| at + 1);
        (format!("[{}]", header(line)), first.filter(|first| *first < line_number(text, span.start)))
    } else {
        // The section is an inline table around the key, or else that of the header above; before the key there can be the
        // first words of a dotted one.
        let section = match at(document.root.get_ref(), span) {
            Some(found) if matches!(found.value, Some(DeValue::Table(_))) => found.inner_section(),
            _ => {
                let above = text[..start].lines().rev().find(|line| line.trim_start().starts_with('['));
                let dotted = text[start..span.start].trim().trim_end_matches('.');
                let parts = [above.map_or("", header), dotted];
                parts.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(".")
            }
        };
        let first = document.span_of(&format!("{section}.{key}")).filter(|first| first.start < span.start);
        (format!("`{key}` in [{section}]"), first.map(|first| line_number(text, first.start)))
    };
    let at = first.map_or_else(String::new, |first| format!(", first in line {first}"));
    document.wrong_at(span, format!("{name} is there twice{at}"), "keep one of them")
}

fn header(line: &str) -> &str {
    line.split(']').next().unwrap_or_default().trim().trim_start_matches('[').trim()
}

fn cure_of_line(line: &str, said: &str) -> String {
    let (key, value) =
        line.split_once('=').map_or((line.trim(), None), |(key, value)| (key.trim(), Some(value.trim())));
    let escapes = ["escape", "unicode", "digit", "hex"].iter().any(|word| said.to_lowercase().contains(word));
    if line.contains(['“', '”', '„', '‘', '’']) {
        return "write straight quotes (\") in place of the curly ones".to_owned();
    }
    if escapes && line.contains('\\') {
        return "in \"…\" a backslash begins an escape: write the text in single quotes, such as 'C:\\Users\\sync', or double \
                every backslash"
            .to_owned();
    }
    let Some(value) = value else {
        return if key.starts_with('[') {
            "write a section as [name], such as [source]".to_owned()
        } else if key.contains(':') {
            "write `key = value`, with `=` in place of `:`".to_owned()
        } else {
            "write `key = value`; a comment begins with `#`".to_owned()
        };
    };
    let word = value.split('#').next().unwrap_or_default().trim().to_lowercase();
    if value.is_empty() {
        format!("write a value after `{key} =`")
    } else if ["true", "false"].contains(&word.as_str()) {
        format!("write `{key} = {word}` in small letters")
    } else if value.starts_with(|c: char| c.is_alphabetic() || matches!(c, '/' | '.' | '~' | '<' | '@')) {
        format!("write text in quotes: {key} = \"…\"")
    } else if value.starts_with(['"', '\'']) && value.matches(['"', '\'']).count() % 2 == 1 {
        "close the quotes at the end of the text".to_owned()
    } else {
        "correct this line; config.example.toml shows every key".to_owned()
    }
}

// It is TOML, but not a configuration.

pub(super) fn value(error: &toml::de::Error, document: &Document<'_>) -> Failure {
    let (said, span) = (one_line(error), error.span().unwrap_or_default());
    let found = at(document.root.get_ref(), &span);
    if let Some((key, _)) = quoted_after(&said, "missing field `") {
        return missing(&found.map(|found| found.inner_section()).unwrap_or_default(), &key, document);
    }
    let found = found.unwrap_or_default();
    let (what, cure) = match quoted_after(&said, "unknown field `") {
        Some((key, known)) => unknown_key(&key, &found.section(), &known, document),
        None => wrong_value(&said, &found),
    };
    document.wrong_at(&span, what, cure)
}

fn wrong_value(said: &str, found: &Found<'_, '_>) -> (String, String) {
    let (key, section, name, is) = (found.key(), found.section(), found.name(), found.value());
    let example = example_of(&section, key).map(|line| format!("write for example `{line}`"));
    if let Some((typed, known)) = quoted_after(said, "unknown variant `") {
        let list = known.iter().map(|word| format!("\"{word}\"")).collect::<Vec<_>>().join(", ");
        let cure = match nearest(&typed, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean \"{near}\"? It is one of {list}"),
            None => format!("write one of {list}"),
        };
        return (format!("{name} cannot be {is}"), cure);
    }
    let invalid = said.strip_prefix("invalid type: ").or_else(|| said.strip_prefix("invalid value: "));
    if let Some((_, expected)) = invalid.and_then(|rest| rest.rsplit_once(", expected ")) {
        let (wanted, usual) = wanted(expected, key, &section);
        return (format!("{name} is {is}, but has to be {wanted}"), example.unwrap_or(usual));
    }
    let (what, cure) = match said.split_once(HINT) {
        Some((what, cure)) => (what, cure.to_owned()),
        None => {
            (said, example.unwrap_or_else(|| "correct the value; config.example.toml shows every key".into()))
        }
    };
    let what = if name.is_empty() || what.contains(&format!("`{key}`")) {
        what.to_owned()
    } else if what.starts_with("is ") || what.starts_with("has ") {
        format!("{name} {what}")
    } else {
        format!("{name}: {what}")
    };
    (what, cure)
}

/// The word in backticks after `start`, and the other words in backticks.
fn quoted_after(said: &str, start: &str) -> Option<(String, Vec<String>)> {
    let (word, rest) = said.strip_prefix(start)?.split_once('`')?;
    Some((word.to_owned(), rest.split('`').skip(1).step_by(2).map(str::to_owned).collect()))
}

fn unknown_key(key: &str, section: &str, known: &[String], document: &Document<'_>) -> (String, String) {
    let sections = sections::all();
    let is_top = section.is_empty();
    let has_it = || sections.iter().filter(|one| one.keys.contains(&key));
    let bracketed =
        |name: &str| if is_top && name != KEY { format!("[{name}]") } else { format!("`{name}`") };
    let keys = known.iter().map(|key| bracketed(key).replace('`', "")).collect::<Vec<_>>().join(", ");
    let types = has_it().filter(|one| one.name == section).flat_map(|one| one.types);
    let types: Vec<String> = types.map(|word| format!("\"{word}\"")).collect();
    if let Some((tag, word)) = type_of(section, document)
        && !types.is_empty()
    {
        return (
            format!("`{key}` in [{section}] is for {tag} = {}", types.join(" or ")),
            format!("remove it; with {tag} = \"{word}\" there are: {keys}"),
        );
    }
    let what = match is_top {
        true => format!("`{key}` is neither a section nor a key of the configuration"),
        false => format!("unknown key `{key}` in [{section}]"),
    };
    // `username` goes on after the name of a key.
    let longer =
        known.iter().filter(|name| name.len() > 3 && key.starts_with(*name)).max_by_key(|name| name.len());
    let near = nearest(key, known.iter().map(String::as_str)).or(longer.map(String::as_str));
    let mut elsewhere: Vec<String> =
        has_it().filter(|one| !one.name.is_empty()).map(|one| format!("[{}]", one.name)).collect();
    elsewhere.dedup();
    let cure = if key == KEY {
        "write it above the first section".to_owned()
    } else if let Some(near) = near {
        format!("did you mean {}?", bracketed(near))
    } else if sections.iter().any(|one| one.name == key) {
        format!("write it as a section: [{key}]")
    } else if !elsewhere.is_empty() {
        format!("`{key}` belongs in {}", elsewhere.join(" or "))
    } else {
        format!("remove it; there are: {keys}")
    };
    (what, cure)
}

/// The key that names the type of a section, and the type, if its keys depend on one.
fn type_of<'d>(section: &str, document: &'d Document<'_>) -> Option<(&'static str, &'d str)> {
    let (path, tag) = TYPED.into_iter().find(|(path, _)| path.join(".") == section)?;
    let first = document.root.get_ref().get(path[0])?.get_ref();
    let table = path[1..].iter().try_fold(first, |value, key| value.get(key).map(Spanned::get_ref))?;
    Some((tag, table.get(tag)?.get_ref().as_str()?))
}

/// A section lacks a key, or the file a section. A section has no single place in a line, so none is marked.
pub(super) fn missing(section: &str, key: &str, document: &Document<'_>) -> Failure {
    let (what, cure) = if section.is_empty() || sections::all().iter().any(|one| one.name == key) {
        (
            format!("there is no section [{key}]"),
            format!("add [{key}]; config.example.toml shows what is in it"),
        )
    } else {
        let cure = match example_of(section, key) {
            Some(line) => format!("write for example `{line}`"),
            None => format!("write `{key} = …`; config.example.toml shows every key"),
        };
        (format!("`{key}` is missing in [{section}]"), cure)
    };
    let failure = not_valid(what).cure(cure);
    match document.span_of(section) {
        Some(span) => failure.at(document.place(span.start)),
        None => failure.at(document.file.display()),
    }
}

fn wanted(expected: &str, key: &str, section: &str) -> (String, String) {
    let whole = format!("{section}.{key}");
    let whole = whole.trim_matches('.');
    let say = |wanted: &str, cure: String| (wanted.to_owned(), cure);
    match expected {
        "a boolean" => {
            say("true or false", format!("write `{key} = true` or `{key} = false`, without quotes"))
        }
        "a string" | "path string" => say("text in quotes", format!("write `{key} = \"…\"`")),
        "a sequence" => say("a list in brackets", format!("write `{key} = [\"…\"]`")),
        "u8" | "u16" | "u32" | "u64" | "usize" => {
            say("a whole number from 0 on", format!("write `{key}` as a whole number without quotes"))
        }
        _ if expected == "a map" || expected.starts_with("struct ") => {
            say("a section", format!("write a section of its own: [{whole}]"))
        }
        _ => (expected.to_owned(), format!("write {expected}")),
    }
}

// The key or value that an error is about.

#[derive(Default)]
struct Found<'t, 'i> {
    keys: Vec<String>,
    /// In a list: the number of the entry, from 1.
    entry: Option<usize>,
    /// None if it is about the key itself.
    value: Option<&'t DeValue<'i>>,
}

impl Found<'_, '_> {
    fn key(&self) -> &str {
        self.keys.last().map(String::as_str).unwrap_or_default()
    }

    fn section(&self) -> String {
        self.keys[..self.keys.len().saturating_sub(1)].join(".")
    }

    fn inner_section(&self) -> String {
        self.keys.join(".")
    }

    /// `archive` in [limits]
    fn name(&self) -> String {
        let section = self.section();
        let entry = self.entry.map_or_else(String::new, |number| format!("entry {number} of "));
        match (self.keys.is_empty(), section.is_empty()) {
            (true, _) => String::new(),
            (false, true) if self.key() == KEY => format!("`{KEY}`"),
            (false, true) => format!("{entry}[{}]", self.key()),
            (false, false) => format!("{entry}`{}` in [{section}]", self.key()),
        }
    }

    /// The value as it is written, unless it could be a secret.
    fn value(&self) -> String {
        if is_secret(self.key()) {
            return "not text".to_owned();
        }
        match self.value {
            Some(DeValue::String(text)) => {
                let short: String = text.chars().take(60).collect();
                let rest = if short.len() < text.len() { "…" } else { "" };
                format!("the text \"{}{rest}\"", without_password(&short))
            }
            Some(DeValue::Integer(number)) => format!("the number {number}"),
            Some(DeValue::Float(number)) => format!("the number {number}"),
            Some(DeValue::Boolean(value)) => value.to_string(),
            Some(DeValue::Datetime(moment)) => format!("the date {moment}"),
            Some(DeValue::Array(_)) => "a list".to_owned(),
            Some(DeValue::Table(_)) | None => "a section".to_owned(),
        }
    }
}

fn at<'t, 'i>(table: &'t DeTable<'i>, span: &Range<usize>) -> Option<Found<'t, 'i>> {
    table.iter().find_map(|(key, value)| {
        let mut found = inside(value, span)
            .or_else(|| holds(key.span(), span).then(|| Found { value: None, ..Found::default() }))?;
        found.keys.insert(0, key.get_ref().to_string());
        Some(found)
    })
}

fn inside<'t, 'i>(value: &'t Spanned<DeValue<'i>>, span: &Range<usize>) -> Option<Found<'t, 'i>> {
    let deeper = match value.get_ref() {
        DeValue::Table(table) => at(table, span),
        DeValue::Array(list) => list.iter().enumerate().find_map(|(entry, value)| {
            let found = inside(value, span)?;
            Some(Found { entry: found.keys.is_empty().then_some(entry + 1), ..found })
        }),
        _ => None,
    };
    let here = || Found { value: Some(value.get_ref()), ..Found::default() };
    deeper.or_else(|| holds(value.span(), span).then(here))
}

fn holds(outer: Range<usize>, span: &Range<usize>) -> bool {
    outer.start <= span.start && span.end <= outer.end
}
