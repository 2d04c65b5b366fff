//! Mistakes in the file: where they stand, which line it is, and which name was meant.
//!
//! Nothing here repeats a secret: lines of keys that hold one are shown without their value.

use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::failure::{Failure, Kind};
use crate::near::nearest;

/// Every key, with the section where it belongs and a value.
const EXAMPLE: &str = include_str!("../../config.example.toml");

/// Sections at the top of the file.
const SECTIONS: [&str; 7] = ["sync", "source", "guardians", "platform", "limits", "notify", "monitor"];

/// Sets a wrong value's cure apart from what is wrong with it, inside the one text that serde carries.
pub(super) const HINT: &str = " — hint: ";

/// Says a TOML error with line, column, key and what would be right.
pub(super) fn explain(error: &toml::de::Error, text: &str, file: &Path) -> Failure {
    let (root, mistakes) = DeTable::parse_recoverable(text);
    let span = error.span().unwrap_or_default();
    let said = error.message().lines().collect::<Vec<_>>().join("; ");
    let (what, cure) = match mistakes.is_empty() {
        false => syntax(&said, text, &span, root.get_ref()),
        true => value(&said, &span, root.get_ref()),
    };
    let failure = Failure::new(
        Kind::Usage,
        format!("the configuration is not valid: {what}").replace("[school]", "[[school]]"),
    )
    .cure(cure);
    match error.span() {
        // A section that lacks something, or the whole file, has no single place in a line.
        Some(span) if !said.starts_with("missing field") => {
            failure.at(position(text, file, span.start)).showing(excerpt(text, &span))
        }
        Some(span) if span.end < text.trim_end().len() => failure.at(position(text, file, span.start)),
        _ => failure.at(file.display()),
    }
}

// Syntax.

/// The file is no TOML.
fn syntax(said: &str, text: &str, span: &Range<usize>, root: &DeTable<'_>) -> (String, String) {
    let line = line_at(text, span.start).1;
    if said == "duplicate key" {
        let key = text.get(span.clone()).unwrap_or_default().trim().to_owned();
        let section = section_of(text, span.start);
        let is_header = line.trim_start().starts_with('[');
        let path = match (is_header, section.is_empty()) {
            (true, _) => section.clone(),
            (false, true) => key.clone(),
            (false, false) => format!("{section}.{key}"),
        };
        let before = || text.lines().position(|before| before.trim() == line.trim()).map(|at| at + 1);
        let first = match is_header {
            true => before().filter(|first| *first < line_number(text, span.start)),
            false => find(root, &path)
                .filter(|first| first.start < span.start)
                .map(|first| line_number(text, first.start)),
        };
        let at = first.map_or_else(String::new, |first| format!(", first in line {first}"));
        let name = if is_header { format!("[{section}]") } else { format!("`{key}` in [{section}]") };
        return (format!("{name} is there twice{at}"), "keep one of them".to_owned());
    }
    let value = line.split_once('=').map(|(key, value)| (key.trim(), value.trim()));
    let cure = if line.contains(['“', '”', '„', '‘', '’']) {
        "write straight quotes (\") in place of the curly ones".to_owned()
    } else if said.contains("escape") && line.contains('\\') {
        "a backslash begins an escape: write `\\\\` for each one, or put the text in single quotes, such as 'C:\\district'"
            .to_owned()
    } else if let Some((key, "")) = value {
        format!("write a value after `{key} =`")
    } else if let Some((key, value)) = value
        && ["true", "false"]
            .contains(&value.split('#').next().unwrap_or_default().trim().to_lowercase().as_str())
    {
        format!(
            "write `{key} = {}` in small letters",
            value.to_lowercase().split('#').next().unwrap_or_default().trim()
        )
    } else if let Some((key, value)) = value
        && value.starts_with(|c: char| c.is_alphabetic() || matches!(c, '/' | '.' | '~' | '<' | '@'))
    {
        format!("write text in quotes: {key} = \"…\"")
    } else if value.is_some_and(|(_, value)| {
        value.starts_with(['"', '\'']) && value.matches(['"', '\'']).count() % 2 == 1
    }) {
        "close the quotes at the end of the text".to_owned()
    } else if value.is_none() && line.trim_start().starts_with('[') {
        "write a section as [name], such as [source]".to_owned()
    } else if value.is_none() && line.contains(':') {
        "write `key = value`, with `=` in place of `:`".to_owned()
    } else if value.is_none() {
        "write `key = value`; a comment begins with `#`".to_owned()
    } else {
        "correct this line; config.example.toml shows every key".to_owned()
    };
    (format!("this line is not TOML ({said})"), cure)
}

// Values.

/// It is TOML, but not a configuration.
fn value(said: &str, span: &Range<usize>, root: &DeTable<'_>) -> (String, String) {
    let found = at(root, span);
    let name = found.as_ref().map_or_else(String::new, Found::name);
    let section = found.as_ref().map_or_else(String::new, Found::section);
    if let Some((key, known)) = quoted_after(said, "unknown field `") {
        return unknown_key(&key, &section, &known);
    }
    if let Some((key, _)) = quoted_after(said, "missing field `") {
        return missing_key(&key, &found);
    }
    let key = found.as_ref().map(Found::key).unwrap_or_default();
    let example = example_of(&section, key);
    let is = found.as_ref().map_or_else(String::new, Found::value);
    if let Some((typed, known)) = quoted_after(said, "unknown variant `") {
        let list: Vec<String> = known.iter().map(|word| format!("\"{word}\"")).collect();
        let cure = match nearest(&typed, known.iter().map(String::as_str)) {
            Some(near) => format!("did you mean \"{near}\"? It is one of {}", list.join(", ")),
            None => format!("write one of {}", list.join(", ")),
        };
        return (format!("{name} cannot be {is}"), cure);
    }
    for start in ["invalid type: ", "invalid value: "] {
        let Some(rest) = said.strip_prefix(start) else { continue };
        let Some((_, expected)) = rest.rsplit_once(", expected ") else { continue };
        let (wanted, usual) = wanted(expected, key, &section);
        let cure = example.map_or(usual, |line| format!("write for example `{line}`"));
        return (format!("{name} is {is}, but has to be {wanted}"), cure);
    }
    let (what, cure) = match said.split_once(HINT) {
        Some((what, cure)) => (what.to_owned(), cure.to_owned()),
        None => {
            let usual = "correct the value; config.example.toml shows every key".to_owned();
            (said.to_owned(), example.map_or(usual, |line| format!("write for example `{line}`")))
        }
    };
    match name.is_empty() || what.contains(&format!("`{key}`")) {
        true => (what, cure),
        false => (format!("{name}: {what}"), cure),
    }
}

/// The word in backticks after `start`, and the other words in backticks.
fn quoted_after(said: &str, start: &str) -> Option<(String, Vec<String>)> {
    let (word, rest) = said.strip_prefix(start)?.split_once('`')?;
    Some((word.to_owned(), rest.split('`').skip(1).step_by(2).map(str::to_owned).collect()))
}

fn unknown_key(key: &str, section: &str, known: &[String]) -> (String, String) {
    let is_section = section.is_empty();
    let what = match is_section {
        true => format!("`{key}` is neither a section nor a key of the configuration"),
        false => format!("unknown key `{key}` in [{section}]"),
    };
    let cure = if let Some(near) = nearest(key, known.iter().map(String::as_str)) {
        if is_section { format!("did you mean [{near}]?") } else { format!("did you mean `{near}`?") }
    } else if SECTIONS.contains(&key) {
        format!("write it as a section: [{key}]")
    } else {
        match sections_with(key).as_slice() {
            [] => {
                let names: Vec<String> = known
                    .iter()
                    .map(|key| if is_section { format!("[{key}]") } else { key.clone() })
                    .collect();
                format!("remove it; there are: {}", names.join(", "))
            }
            [one] => format!("`{key}` belongs in [{one}]"),
            several => format!("`{key}` belongs in [{}]", several.join("] or [")),
        }
    };
    (what, cure)
}

fn missing_key(key: &str, found: &Option<Found<'_, '_>>) -> (String, String) {
    let section = found.as_ref().map(Found::inner_section).unwrap_or_default();
    if section.is_empty() || SECTIONS.contains(&key) {
        let what = format!("there is no section [{key}]");
        return (what, format!("add [{key}]; config.example.toml shows what is in it"));
    }
    let cure = match example_of(&section, key) {
        Some(line) => format!("write for example `{line}`"),
        None => format!("write `{key} = …`; config.example.toml shows every key"),
    };
    (format!("`{key}` is missing in [{section}]"), cure)
}

/// What a key holds, in words, and how to write it.
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
        "a map" => say("a section", format!("write a section of its own: [{whole}]")),
        _ if expected.starts_with("struct ") => {
            say("a section", format!("write a section of its own: [{whole}]"))
        }
        _ => (expected.to_owned(), format!("write {expected}")),
    }
}

/// What an error is about.
struct Found<'t, 'i> {
    /// The keys from the top; entries of a list are numbers from 1.
    path: Vec<Step>,
    /// None if it is about the key itself.
    value: Option<&'t DeValue<'i>>,
}

#[derive(Clone)]
enum Step {
    Key(String),
    Entry(usize),
}

impl Found<'_, '_> {
    fn key(&self) -> &str {
        self.path
            .iter()
            .rev()
            .find_map(|step| match step {
                Step::Key(key) => Some(key.as_str()),
                Step::Entry(_) => None,
            })
            .unwrap_or_default()
    }

    /// The section that the key is in.
    fn section(&self) -> String {
        let keys: Vec<&str> = self.keys();
        keys[..keys.len().saturating_sub(1)].join(".")
    }

    /// The section that this is.
    fn inner_section(&self) -> String {
        self.keys().join(".")
    }

    fn keys(&self) -> Vec<&str> {
        let keys = self.path.iter().filter_map(|step| match step {
            Step::Key(key) => Some(key.as_str()),
            Step::Entry(_) => None,
        });
        keys.collect()
    }

    /// `archive` in [limits]
    fn name(&self) -> String {
        let section = self.section();
        let entry = match self.path.last() {
            Some(Step::Entry(number)) => format!("entry {number} of "),
            _ => String::new(),
        };
        match section.is_empty() {
            true => format!("{entry}[{}]", self.key()),
            false => format!("{entry}`{}` in [{section}]", self.key()),
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

/// The innermost key or value at a place.
fn at<'t, 'i>(table: &'t DeTable<'i>, span: &Range<usize>) -> Option<Found<'t, 'i>> {
    let holds = |outer: Range<usize>| outer.start <= span.start && span.end <= outer.end;
    for (key, value) in table {
        let step = Step::Key(key.get_ref().to_string());
        if let Some(mut found) = inside(value, span) {
            found.path.insert(0, step);
            return Some(found);
        }
        if holds(value.span()) {
            return Some(Found { path: vec![step], value: Some(value.get_ref()) });
        }
        if holds(key.span()) {
            return Some(Found { path: vec![step], value: None });
        }
    }
    None
}

fn inside<'t, 'i>(value: &'t Spanned<DeValue<'i>>, span: &Range<usize>) -> Option<Found<'t, 'i>> {
    match value.get_ref() {
        DeValue::Table(table) => at(table, span),
        DeValue::Array(list) => list.iter().enumerate().find_map(|(entry, value)| {
            let holds = value.span().start <= span.start && span.end <= value.span().end;
            let here = || holds.then(|| Found { path: Vec::new(), value: Some(value.get_ref()) });
            let mut found = inside(value, span).or_else(here)?;
            found.path.insert(0, Step::Entry(entry + 1));
            Some(found)
        }),
        _ => None,
    }
}

// Places.

/// `FILE:LINE:COLUMN` of a byte.
pub(super) fn position(text: &str, file: &Path, byte: usize) -> String {
    let before = &text[..byte.min(text.len())];
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{}:{}:{column}", file.display(), line_number(text, byte))
}

fn line_number(text: &str, byte: usize) -> usize {
    text[..byte.min(text.len())].matches('\n').count() + 1
}

/// The line that a byte is in, and where it begins.
fn line_at(text: &str, byte: usize) -> (usize, &str) {
    let byte = byte.min(text.len());
    let start = text[..byte].rfind('\n').map_or(0, |end| end + 1);
    let end = text[byte..].find('\n').map_or(text.len(), |end| byte + end);
    (start, text[start..end].trim_end_matches('\r'))
}

/// The section that a byte is in, by the headers before it.
fn section_of(text: &str, byte: usize) -> String {
    let end = line_at(text, byte).0 + line_at(text, byte).1.len();
    let header = text[..end].lines().rev().find(|line| line.trim_start().starts_with('['));
    let name = header.and_then(|line| line.split(']').next()).unwrap_or_default();
    name.trim().trim_start_matches('[').trim().to_owned()
}

/// Where the key at a path is, or the innermost section of it that there is.
fn find(root: &DeTable<'_>, path: &str) -> Option<Range<usize>> {
    let (mut table, mut found) = (root, None);
    for name in path.split('.') {
        let (key, value) = table.iter().find(|(key, _)| key.get_ref() == name)?;
        found = Some(key.span());
        let inner = match value.get_ref() {
            DeValue::Array(list) => list.iter().next_back().map(Spanned::get_ref),
            other => Some(other),
        };
        match inner {
            Some(DeValue::Table(inner)) => table = inner,
            _ => break,
        }
    }
    found
}

/// The place of a key in its section, or of the section, or of the file.
pub(super) fn place_in(text: &str, file: &Path, section: &str, key: &str) -> String {
    spot(text, section, key)
        .map_or_else(|| file.display().to_string(), |span| position(text, file, span.start))
}

/// The line of a key in its section with a mark below it; empty if it is not there.
pub(super) fn line_of(text: &str, section: &str, key: &str) -> String {
    spot(text, section, key).map_or_else(String::new, |span| excerpt(text, &span))
}

fn spot(text: &str, section: &str, key: &str) -> Option<Range<usize>> {
    let (root, _) = DeTable::parse_recoverable(text);
    let whole = if key.is_empty() { section.to_owned() } else { format!("{section}.{key}") };
    let mut path = whole.trim_matches('.').to_owned();
    loop {
        if let Some(span) = find(root.get_ref(), &path) {
            // A header is shown from its bracket on.
            let (start, line) = line_at(text, span.start);
            let bracket = start + (line.len() - line.trim_start().len());
            return Some(if text[bracket..].starts_with('[') { bracket..span.end } else { span });
        }
        path.truncate(path.rfind('.')?);
    }
}

/// The place of a key by its path, such as `notify.sms.url`, for mistakes that show only when the whole file is known.
pub(super) fn place(text: &str, file: &Path, path: &str) -> String {
    let (section, key) = split(path);
    place_in(text, file, section, key)
}

/// `notify.sms.url` → `notify.sms`, `url`. A section alone may stand in brackets.
pub(super) fn split(path: &str) -> (&str, &str) {
    let plain = path.trim_matches(['[', ']']);
    if plain.len() < path.len() { (plain, "") } else { plain.rsplit_once('.').unwrap_or((plain, "")) }
}

/// The line with a mark below what is wrong, as compilers show it. Secrets in it are left out.
fn excerpt(text: &str, span: &Range<usize>) -> String {
    const WIDTH: usize = 100;
    let (start, line) = line_at(text, span.start);
    let shown: Vec<char> =
        without_secret(text, start, line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.iter().all(|c| c.is_whitespace()) {
        return String::new();
    }
    let column = line[..(span.start - start).min(line.len())].chars().count().min(shown.len());
    let end = span.end.min(start + line.len()).max(span.start);
    let marked = text.get(span.start.min(end)..end).map_or(1, |part| part.chars().count());
    let marked = marked.clamp(1, (shown.len() - column).max(1));
    // Of a long line the part around the mark.
    let from = if column > WIDTH - 20 { column - (WIDTH - 40) } else { 0 };
    let part: String = shown.iter().skip(from).take(WIDTH).collect();
    let marks = "^".repeat(marked.min(WIDTH.saturating_sub(column - from)).max(1));
    let number = line_number(text, span.start).to_string();
    let (gutter, gap) = (" ".repeat(number.len()), " ".repeat(column - from));
    format!("{gutter} |\n{number} | {}\n{gutter} | {gap}{marks}", part.trim_end())
}

/// Whether the value of a key of this name is not to be shown.
fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    ["password", "token", "secret", "ping_url", "api_key", "apikey"].iter().any(|word| key.contains(word))
}

/// A line without the value of a key that holds a secret. A line without a key goes on with the one before it.
fn without_secret(text: &str, start: usize, line: &str) -> String {
    if !line.contains('=') && !line.trim_start().starts_with(['[', '#']) {
        let key = text[..start].lines().rev().find(|line| line.contains('='));
        if is_secret(line) || key.is_some_and(is_secret) {
            return "…".to_owned();
        }
    }
    let lower = line.to_ascii_lowercase();
    let words = ["password", "token", "secret", "ping_url", "api_key", "apikey"];
    let first = words.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min();
    let Some(first) = first else { return without_password(line) };
    match line[first..].find('=') {
        Some(at) => format!("{} …", &line[..=first + at]),
        None => format!("{}…", &line[..first]),
    }
}

/// Text without the user and password of an address in it.
pub(super) fn without_password(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        shown.push_str(before);
        let end = after.find(['/', '"', '\'', ' ', '?', '#']).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                shown.push('…');
                &after[at..]
            }
            None => after,
        };
    }
    shown + rest
}

// The example.

/// A line of the example with this key, without its comment.
fn example_of(section: &str, key: &str) -> Option<String> {
    example_lines().find(|(of, name, _)| of == section && name == key).map(|(_, _, line)| line)
}

/// The sections that have this key.
fn sections_with(key: &str) -> Vec<String> {
    let mut found: Vec<String> = example_lines()
        .filter(|(section, name, _)| name == key && !section.is_empty())
        .map(|(section, _, _)| section)
        .collect();
    found.sort();
    found.dedup();
    found
}

/// Section, key, and `key = value` of each line of the example, also those that are switched off by `#`.
fn example_lines() -> impl Iterator<Item = (String, String, String)> {
    let mut section = String::new();
    EXAMPLE.lines().filter_map(move |line| {
        let line = line.trim_start_matches(['#', ' ']);
        let line = line.split(" #").next().unwrap_or(line).trim_end();
        if line.starts_with('[') && line.ends_with(']') {
            line.trim_matches(['[', ']']).clone_into(&mut section);
            return None;
        }
        let key = line.split_once(" = ")?.0;
        let is_key = key.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
        (is_key && toml::from_str::<toml::Table>(line).is_ok())
            .then(|| (section.clone(), key.to_owned(), line.to_owned()))
    })
}

// Secrets in the file.

/// The keys whose secret stands in the file itself, each with the line of it.
pub(super) fn inline_secrets(text: &str) -> Vec<(String, usize)> {
    let (root, _) = DeTable::parse_recoverable(text);
    let mut found = Vec::new();
    collect(root.get_ref(), "", text, &mut found);
    found.sort_by_key(|(_, line)| *line);
    found
}

fn collect(table: &DeTable<'_>, section: &str, text: &str, found: &mut Vec<(String, usize)>) {
    for (key, value) in table {
        let name = key.get_ref().as_ref();
        match value.get_ref() {
            DeValue::Table(inner) => {
                let inner_section =
                    if section.is_empty() { name.to_owned() } else { format!("{section}.{name}") };
                collect(inner, &inner_section, text, found);
            }
            DeValue::String(value) if holds_secret(section, name, value) => {
                found.push((format!("`{name}` in [{section}]"), line_number(text, key.span().start)));
            }
            _ => {}
        }
    }
}

/// A key with a secret, not one that says where the secret is.
fn holds_secret(section: &str, key: &str, value: &str) -> bool {
    match (section, key) {
        (_, "password" | "token" | "client_secret") | ("monitor", "ping_url") => !value.is_empty(),
        // What a gateway wants to be told is named as the gateway names it.
        ("notify.sms.fields", key) => {
            let is_one = is_secret(key) || key.to_ascii_lowercase().ends_with("key");
            is_one && !value.contains('{')
        }
        _ => false,
    }
}

/// Every text among the values, whatever its key.
pub(super) fn texts(text: &str) -> Vec<String> {
    fn walk(value: toml::Value, found: &mut Vec<String>) {
        match value {
            toml::Value::String(text) if !text.is_empty() && !text.contains('\n') => found.push(text),
            toml::Value::Array(values) => values.into_iter().for_each(|value| walk(value, found)),
            toml::Value::Table(table) => table
                .into_iter()
                // A secret is no path, and must not be shown as one.
                .filter(|(key, _)| {
                    !matches!(key.as_str(), "password" | "token" | "client_secret" | "ping_url" | "fields")
                })
                .for_each(|(_, value)| walk(value, found)),
            _ => {}
        }
    }
    let mut found = Vec::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        walk(toml::Value::Table(table), &mut found);
    }
    found
}
