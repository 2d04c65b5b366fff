//! The list of an answer: some servers call it otherwise than the standard, or give it without a
//! name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::json::{List, Loose};
use crate::failure::{Failure, Kind};

/// How a server calls its list, which is the same on every page.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) enum Name {
    #[default]
    Unknown,
    /// As the standard says.
    Usual,
    /// The keys that lead to it; none where the answer itself is the list.
    Other(Vec<String>),
}

#[derive(Deserialize, Default)]
struct HasId {
    #[serde(default, rename = "sourcedId")]
    id: Option<IgnoredAny>,
}

type Keys<'a> = BTreeMap<String, &'a RawValue>;

impl Name {
    /// Whether the answer may be read in the usual way at all.
    pub(super) fn may_be_usual(&self, body: &[u8]) -> bool {
        !matches!(self, Self::Other(_)) && !body.trim_ascii_start().starts_with(b"[")
    }

    /// The list of an answer that has no list of the usual name: the only one whose items all have
    /// a sourcedId. Once it is known, the one of the same name.
    pub(super) fn find<'a>(&mut self, body: &'a [u8]) -> Option<&'a str> {
        let whole: &RawValue = serde_json::from_slice(body).ok()?;
        if let Self::Other(path) = self {
            return follow(whole.get(), path).filter(|list| list.starts_with('['));
        }
        if *self == Self::Usual {
            return None;
        }
        let mut found = Vec::new();
        collect(whole.get(), &mut Vec::new(), &mut found);
        let [(path, list)] = found.as_slice() else { return None };
        *self = Self::Other(path.clone());
        Some(list)
    }

    /// The other name, for a finding.
    pub(super) fn other(&self) -> Option<String> {
        match self {
            Self::Other(path) if path.is_empty() => Some("without a name".to_owned()),
            Self::Other(path) => Some(format!("called `{}`", path.join("."))),
            Self::Unknown | Self::Usual => None,
        }
    }
}

fn follow<'a>(json: &'a str, path: &[String]) -> Option<&'a str> {
    let Some((first, rest)) = path.split_first() else { return Some(json.trim()) };
    let keys: Keys<'a> = serde_json::from_str(json).ok()?;
    follow(keys.get(first)?.get(), rest)
}

/// Lists of records, up to two objects deep.
fn collect<'a>(json: &'a str, path: &mut Vec<String>, found: &mut Vec<(Vec<String>, &'a str)>) {
    let json = json.trim();
    if json.starts_with('[') {
        let items: List<Loose<HasId>> = serde_json::from_str(json).unwrap_or_default();
        let items = items.0.unwrap_or_default();
        let all = items.iter().all(|item| item.0.as_ref().is_some_and(|item| item.id.is_some()));
        if all && !items.is_empty() {
            found.push((path.clone(), json));
        }
    } else if json.starts_with('{')
        && path.len() < 2
        && let Ok(keys) = serde_json::from_str::<Keys<'a>>(json)
    {
        for (key, value) in keys {
            path.push(key);
            collect(value.get(), path, found);
            path.pop();
        }
    }
}

/// There is no such list: an error can come with status 200, and would otherwise pass for a
/// district without users.
pub(in crate::source) fn missing(name: &str, body: &[u8], cure: &str) -> Failure {
    let what = format!("the answer has no list `{name}` in it; nothing was applied");
    Failure::new(Kind::SourceUnavailable, what).cure(cure).quoting(there_is(body))
}

/// What an answer holds, by its keys alone: values may be anything.
fn there_is(body: &[u8]) -> String {
    let shown = |key: &String| {
        let is_word =
            key.len() <= 40 && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        if is_word { format!("`{key}`") } else { "another key".to_owned() }
    };
    if let Ok(keys) = serde_json::from_slice::<Keys<'_>>(body) {
        let mut names: Vec<String> = keys.keys().take(8).map(shown).collect();
        if keys.len() > 8 {
            names.push(format!("{} more", keys.len() - 8));
        }
        return match names.is_empty() {
            true => "the answer is an empty object".to_owned(),
            false => format!("it has {}", names.join(", ")),
        };
    }
    match serde_json::from_slice::<Vec<IgnoredAny>>(body) {
        Ok(list) if list.is_empty() => "the answer is an empty list".to_owned(),
        Ok(_) => "the answer is a list of something else".to_owned(),
        Err(_) => "the answer is a single value".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(json: &str) -> Option<String> {
        let mut name = Name::default();
        name.find(json.as_bytes())?;
        name.other()
    }

    #[test]
    fn the_only_list_of_records_is_taken() {
        for (json, name) in [
            (r#"{"students":[{"sourcedId":"a"}]}"#, Some("called `students`")),
            (
                r#"{"Users":[{"sourcedId":"a"},{"sourcedId":"b"}],"links":[{"rel":"x"}]}"#,
                Some("called `Users`"),
            ),
            (r#"{"data":{"users":[{"sourcedId":"a"}]},"ok":true}"#, Some("called `data.users`")),
            (r#"[{"sourcedId":"a"}]"#, Some("without a name")),
            // Two could be it, none is, or not all of it is.
            (r#"{"a":[{"sourcedId":"a"}],"b":[{"sourcedId":"b"}]}"#, None),
            (r#"{"statusInfoSet":[{"imsx_codeMajor":"failure"}]}"#, None),
            (r#"{"a":[{"sourcedId":"a"},{"id":"b"}]}"#, None),
            (r#"{"a":[]}"#, None),
            (r#"{}"#, None),
            ("5", None),
        ] {
            assert_eq!(found(json).as_deref(), name, "{json}");
        }
    }

    #[test]
    fn later_pages_have_the_same_name() {
        let mut name = Name::default();
        assert!(name.find(br#"{"data":{"people":[{"sourcedId":"a"}]}}"#).is_some());
        assert_eq!(name.find(br#"{"data":{"people":[]}}"#), Some("[]"));
        assert_eq!(name.find(br#"{"data":{"others":[{"sourcedId":"a"}]}}"#), None);
        // Where the usual name was there, another one is something else.
        assert_eq!(Name::Usual.find(br#"{"people":[{"sourcedId":"a"}]}"#), None);
    }

    #[test]
    fn what_is_there_is_said_by_its_keys() {
        let said = |json: &str| missing("users", json.as_bytes(), "").causes().concat();
        assert_eq!(said(r#"{"error":"Rosa Diaz","rosa@mail.example":1}"#), "it has `error`, another key");
        assert_eq!(said("{}"), "the answer is an empty object");
        assert_eq!(said("[]"), "the answer is an empty list");
        assert_eq!(said("[1]"), "the answer is a list of something else");
    }
}
