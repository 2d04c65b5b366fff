//! The rules of `[contacts]` on users of a OneRoster API: by places in `metadata`, and by a few
//! fields of the standard.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use super::user::{FILE, User};
use crate::rights::looks_like_restriction;
use crate::roster::Record;
use crate::source::contact_rules::{ContactTrial, is_adult};
use crate::source::{ContactOptions, ContactsSeen, UnusedColumn};

/// Fields of the standard that a rule may use.
const FIELDS: [&str; 6] = ["identifier", "email", "status", "enabledUser", "role", "username"];

/// So many different values of a place are kept.
const MOST_VALUES: usize = 1000;

fn is_field(name: &str) -> bool {
    FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name))
}

/// The place in `metadata` that a column of a rule means.
fn in_metadata(name: &str) -> Option<&str> {
    let (begin, place) = name.split_once('.')?;
    begin.eq_ignore_ascii_case("metadata").then_some(place)
}

/// The text at a place, whose steps may be names with dots in them.
pub(super) fn text_at(value: &Value, place: &str) -> Option<String> {
    let object = value.as_object()?;
    let under =
        |name: &str| object.iter().find(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value);
    match under(place) {
        Some(Value::String(text)) => return Some(text.trim().to_owned()),
        Some(value @ (Value::Number(_) | Value::Bool(_))) => return Some(value.to_string()),
        Some(Value::Null) => return Some(String::new()),
        Some(Value::Array(_) | Value::Object(_)) | None => {}
    }
    place.match_indices('.').find_map(|(at, _)| text_at(under(&place[..at])?, &place[at + 1..]))
}

/// Gives adults the class of their links.
pub(super) struct Adults<'a> {
    options: &'a ContactOptions,
    trial: Option<ContactTrial<'a>>,
    unused: BTreeMap<String, BTreeMap<Box<str>, u64>>,
    /// By column of the rules: some user has the place.
    is_there: Vec<bool>,
}

impl<'a> Adults<'a> {
    pub(super) fn new(options: &'a ContactOptions) -> Self {
        let trial = ContactTrial::new(options, |name| is_field(name) || in_metadata(name).is_some());
        let columns = trial.as_ref().map(ContactTrial::columns).unwrap_or_default();
        let is_there = columns.iter().map(|name| is_field(name)).collect();
        Self { options, trial, unused: BTreeMap::new(), is_there }
    }

    pub(super) fn with_class<T>(
        &mut self,
        user: &User<'_>,
        record: &Record<'_>,
        use_it: impl FnOnce(&Record<'_>) -> T,
    ) -> T {
        if self.options.counts_unused && is_adult(record.roles, &self.options.role_names) {
            self.count(user);
        }
        let Some(trial) = self.trial.as_mut().filter(|trial| trial.concerns(record)) else {
            return use_it(record);
        };
        let metadata = user.metadata();
        let text = |name: &String| match in_metadata(name) {
            Some(place) => metadata.as_ref().and_then(|metadata| text_at(metadata, place)).map(Cow::Owned),
            None => user.field(name),
        };
        let cells: Vec<Option<Cow<'_, str>>> = trial.columns().iter().map(text).collect();
        for (cell, is_there) in cells.iter().zip(&mut self.is_there) {
            *is_there |= cell.is_some();
        }
        trial.of_person(record, |at| cells[at].as_deref(), use_it)
    }

    /// Counts the values of places that look like restrictions and are in no rule.
    fn count(&mut self, user: &User<'_>) {
        let Some(Value::Object(metadata)) = user.metadata() else { return };
        for (name, value) in &metadata {
            let inner = value.as_object().into_iter().flatten();
            let places = inner.map(|(inner, value)| (format!("metadata.{name}.{inner}"), value));
            for (place, value) in places.chain([(format!("metadata.{name}"), value)]) {
                let is_used = self.options.rules.as_ref().is_some_and(|rules| rules.uses(&place));
                let text = match value {
                    Value::String(text) => text.trim().to_owned(),
                    Value::Number(_) | Value::Bool(_) => value.to_string(),
                    Value::Null | Value::Array(_) | Value::Object(_) => continue,
                };
                if is_used || text.is_empty() || !looks_like_restriction(&place) {
                    continue;
                }
                let values = self.unused.entry(place).or_default();
                if values.len() < MOST_VALUES || values.contains_key(text.as_str()) {
                    *values.entry(text.into()).or_default() += 1;
                }
            }
        }
    }

    pub(super) fn seen(self) -> ContactsSeen {
        let mut seen = self.trial.map(ContactTrial::seen).unwrap_or_default();
        if let (Some(rules), Some(columns)) = (&mut seen.rules, &self.options.rules) {
            for (name, is_there) in columns.columns().iter().zip(self.is_there) {
                if let Some(column) = rules.columns.get_mut(name) {
                    column.is_there = is_there;
                }
            }
        }
        let column = |(column, values)| UnusedColumn { file: FILE.to_owned(), column, values };
        seen.unused = self.unused.into_iter().map(column).collect();
        seen
    }
}
