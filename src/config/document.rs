//! The file, with the one that it includes, as a tree in which every key and value knows its place, so that a mistake is shown
//! where it stands.
//!
//! The files are parsed here and nowhere else. Which words a mistake gets is decided in [`super::explain`].

use std::borrow::Cow;
use std::mem;
use std::ops::Range;
use std::path::{Path, PathBuf};

use serde::Deserialize as _;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::excerpt::{excerpt, holds_secret, line_number, position};
use super::explain;
use super::include::{self, Included};
use crate::failure::{Failure, Result};

/// The sections whose keys depend on their type, each with the key that names it; inner sections first.
pub(super) const TYPED: [(&[&str], &str); 3] =
    [(&["source", "auth"], "type"), (&["source"], "type"), (&["notify", "sms"], "provider")];

pub(super) struct Document<'t> {
    pub(super) text: &'t str,
    pub(super) file: &'t Path,
    pub(super) root: Spanned<DeTable<'t>>,
    /// The file that is included. The spans of its keys and values begin behind the end of the text.
    included: Option<&'t Included>,
    /// The variables that set a key. The key and value of the first one have the span of one byte
    /// behind the end of all text, those of the second one the next byte, and so on.
    variables: Vec<String>,
}

/// A place in one of the files.
pub(super) struct Place<'t> {
    pub(super) text: &'t str,
    pub(super) file: &'t Path,
    /// The first byte of this text has this number in spans.
    start: usize,
    at: usize,
}

impl Place<'_> {
    /// From 1.
    pub(super) fn line(&self) -> usize {
        line_number(self.text, self.at)
    }
}

impl<'t> Document<'t> {
    pub(super) fn parse(text: &'t str, file: &'t Path) -> Result<Self> {
        let (root, mistakes) = DeTable::parse_recoverable(text);
        let document = Self { text, file, root, included: None, variables: Vec::new() };
        match mistakes.first() {
            Some(error) => Err(explain::syntax(error, &document)),
            None => Ok(document),
        }
    }

    /// Takes in the keys of the included file that this one does not have.
    pub(super) fn take_in(&mut self, included: &'t Included) -> Result<()> {
        let other = Self::parse(&included.text, &included.file)?;
        if other.root.get_ref().contains_key(include::KEY) {
            let what = "an included file cannot include another one";
            return Err(other.mistake(include::KEY, what, "move the keys of both into one file"));
        }
        include::merge(self.root.get_mut(), other.root.into_inner(), "", self.text.len() + 1);
        self.included = Some(included);
        Ok(())
    }

    pub(super) fn included_file(&self) -> Option<&'t Path> {
        self.included.map(|included| included.file.as_path())
    }

    /// The first byte that is no text.
    fn end(&self) -> usize {
        self.text.len() + 1 + self.included.map_or(0, |included| included.text.len() + 1)
    }

    /// Which of the files a byte of a span is in, and where.
    pub(super) fn locate(&self, byte: usize) -> Place<'t> {
        let behind = self.text.len() + 1;
        match self.included {
            Some(Included { file, text }) if byte >= behind => {
                Place { text, file, start: behind, at: byte - behind }
            }
            _ => Place { text: self.text, file: self.file, start: 0, at: byte },
        }
    }

    /// Sets the key at a path to the value of a variable, in place of what the file says.
    pub(super) fn set(&mut self, path: &str, variable: &str, value: &str) {
        let start = self.end() + self.variables.len();
        let span = start..start + 1;
        self.variables.push(variable.to_owned());
        let mut steps: Vec<&str> = path.split('.').collect();
        let Some(key) = steps.pop() else { return };
        let mut table = self.root.get_mut();
        for step in steps {
            if !table.contains_key(step) {
                let empty = Spanned::new(span.clone(), DeValue::Table(DeTable::new()));
                table.insert(Spanned::new(span.clone(), Cow::Owned(step.to_owned())), empty);
            }
            // A section that is no table is a mistake of the file, and reported as one.
            let Some(DeValue::Table(inner)) = table.get_mut(step).map(Spanned::get_mut) else { return };
            table = inner;
        }
        table.remove(key);
        let value = Spanned::new(span.clone(), DeValue::String(Cow::Owned(value.to_owned())));
        table.insert(Spanned::new(span, Cow::Owned(key.to_owned())), value);
    }

    /// The variable that set the key or value with this span.
    pub(super) fn variable_at(&self, start: usize) -> Option<&str> {
        let number = start.checked_sub(self.end())?;
        self.variables.get(number).map(String::as_str)
    }

    /// File, line and column, or the variable.
    pub(super) fn place(&self, start: usize) -> String {
        match self.variable_at(start) {
            Some(variable) => format!("${variable}"),
            None => {
                let Place { text, file, at, .. } = self.locate(start);
                position(text, file, at)
            }
        }
    }

    /// The tree as it is written, without any check.
    pub(super) fn table(&self) -> std::result::Result<toml::Table, toml::de::Error> {
        toml::Table::deserialize(toml::Deserializer::from(self.root.clone()))
    }

    /// The tree as settings; or the first key that does not belong there, or value that is wrong.
    pub(super) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        let mut root = self.root.clone();
        for (path, tag) in TYPED {
            let inner =
                path.iter().try_fold(root.get_mut(), |table, key| match table.get_mut(*key)?.get_mut() {
                    DeValue::Table(inner) => Some(inner),
                    _ => None,
                });
            if let Some(table) = inner {
                self.put_under_type(table, path, tag)?;
            }
        }
        T::deserialize(toml::Deserializer::from(root)).map_err(|error| explain::value(&error, self))
    }

    /// Serde reads an enum from a table with one entry, whose key is the name of the variant. So `type = "clever"` becomes the
    /// key that all others stand under; spans stay those of the file.
    fn put_under_type(&self, table: &mut DeTable<'t>, path: &[&str], tag: &str) -> Result<()> {
        let section = path.join(".");
        let Some(name) = table.remove(tag) else {
            return Err(explain::missing(&section, tag, self));
        };
        let span = name.span();
        let DeValue::String(word) = name.into_inner() else {
            let what = format!("`{tag}` in [{section}] has to be text in quotes");
            return Err(self.wrong_at(&span, what, format!("write `{tag} = \"…\"`")));
        };
        let whole = self.span_of(&section).unwrap_or_else(|| span.clone());
        let keys = mem::take(table);
        table.insert(Spanned::new(span, word), Spanned::new(whole, DeValue::Table(keys)));
        Ok(())
    }

    pub(super) fn path(&self, path: &Path) -> PathBuf {
        self.file.parent().unwrap_or_else(|| Path::new("")).join(path)
    }

    /// What is wrong with keys that are each valid. It is shown at the key of this path (`notify.sms.url`, `school.2.id`) or, if
    /// the key is not there, at its section.
    pub(super) fn mistake(&self, path: &str, what: impl Into<String>, cure: impl Into<String>) -> Failure {
        match self.span_of(path) {
            Some(span) => self.wrong_at(&span, what, cure),
            None => explain::not_valid(what).at(self.file.display()).cure(cure),
        }
    }

    pub(super) fn wrong_at(
        &self,
        span: &Range<usize>,
        what: impl Into<String>,
        cure: impl Into<String>,
    ) -> Failure {
        let Place { text, start, at, .. } = self.locate(span.start);
        explain::not_valid(what)
            .at(self.place(span.start))
            .showing(if self.variable_at(span.start).is_some() {
                String::new()
            } else {
                excerpt(text, &(at..span.end.saturating_sub(start).max(at)))
            })
            .cure(cure)
    }

    /// Where the key at a path is, or the innermost part of the path that there is. Entries of lists are numbers from 1.
    pub(super) fn span_of(&self, path: &str) -> Option<Range<usize>> {
        self.deepest(path).map(|(span, _)| span)
    }

    /// Where the key at a path is, if it is there.
    pub(super) fn span_of_key(&self, path: &str) -> Option<Range<usize>> {
        self.deepest(path).filter(|(_, is_whole)| *is_whole).map(|(span, _)| span)
    }

    fn deepest(&self, path: &str) -> Option<(Range<usize>, bool)> {
        let mut found = None;
        let mut steps = path.split('.');
        let first = steps.next().and_then(|step| self.root.get_ref().get_key_value(step));
        let mut next = first.map(|(key, value)| (key.span(), value));
        while let Some((key, value)) = next {
            // A section of its own is shown with its whole header.
            let place = self.locate(value.span().start);
            let header = value.get_ref().is_table()
                && place.text.get(place.at..).is_some_and(|rest| rest.starts_with('['));
            let span = if header { value.span() } else { key };
            let Some(step) = steps.next() else { return Some((span, true)) };
            found = Some((span, false));
            next = match value.get_ref() {
                DeValue::Table(inner) => inner.get_key_value(step).map(|(key, value)| (key.span(), value)),
                DeValue::Array(list) => {
                    let entry =
                        step.parse::<usize>().ok().and_then(|number| list.get(number.checked_sub(1)?));
                    entry.map(|value| (value.span(), value))
                }
                _ => None,
            };
        }
        found
    }

    /// The keys whose secret is in a file itself that is wanted.
    pub(super) fn inline_secrets(&self, wanted: impl Fn(&Path) -> bool) -> Vec<InlineSecret> {
        let mut secrets = self.texts();
        secrets.retain(|text| holds_secret(&text.section, text.key, text.value));
        secrets.sort_by_key(|text| text.start);
        let secret = |text: &Text<'_>| {
            let place = self.locate(text.start);
            let key = format!("`{}` in [{}]", text.key, text.section);
            InlineSecret { key, file: place.file.to_owned(), line: place.line() }
        };
        secrets.iter().map(secret).filter(|secret| wanted(&secret.file)).collect()
    }

    /// Every value that may be a path: all texts but secrets, which must not be shown as one. `file:mail/` is one as well.
    pub(super) fn named_paths(&self) -> Vec<PathBuf> {
        let mut paths = self.texts();
        paths.retain(|Text { section, key, value, .. }| {
            let secret = holds_secret(section, key, value) || section.ends_with(".fields");
            // The program writes these itself.
            let written = section == "monitor" && *key == "prometheus_file"
                || section == "platform.push" && *key == "to";
            !secret && !written && !value.is_empty() && !value.contains('\n')
        });
        let path =
            |text: &Text<'_>| self.path(Path::new(text.value.strip_prefix("file:").unwrap_or(text.value)));
        paths.iter().map(path).collect()
    }

    /// Whether a key says that its secret is in this variable.
    pub(super) fn names_variable(&self, name: &str) -> bool {
        self.texts().iter().any(|text| text.key.ends_with("_env") && text.value == name)
    }

    fn texts(&self) -> Vec<Text<'_>> {
        fn add<'d>(
            section: &str,
            key: &'d Spanned<Cow<'_, str>>,
            value: &'d DeValue<'_>,
            all: &mut Vec<Text<'d>>,
        ) {
            match value {
                DeValue::String(value) => {
                    all.push(Text {
                        section: section.to_owned(),
                        key: key.get_ref(),
                        value,
                        start: key.span().start,
                    });
                }
                DeValue::Array(list) => list.iter().for_each(|value| add(section, key, value.get_ref(), all)),
                DeValue::Table(table) => {
                    let section = format!("{section}.{}", key.get_ref());
                    let section = section.trim_start_matches('.');
                    table.iter().for_each(|(key, value)| add(section, key, value.get_ref(), all));
                }
                _ => {}
            }
        }
        let mut all = Vec::new();
        self.root.get_ref().iter().for_each(|(key, value)| add("", key, value.get_ref(), &mut all));
        all
    }
}

/// A secret in clear.
#[derive(Debug, Clone)]
pub struct InlineSecret {
    /// `token` in [source.auth]
    pub key: String,
    pub file: PathBuf,
    /// From 1.
    pub line: usize,
}

struct Text<'d> {
    section: String,
    key: &'d str,
    value: &'d str,
    start: usize,
}
