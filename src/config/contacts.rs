//! `[contacts]`: which adults may be contacted.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::de::{Deserializer, SeqAccess, Visitor, value};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::values::{self, kind_of_value};
use crate::failure::Result;
use crate::rights::Class;
use crate::rights::rules::{LinkRules, MOST_RULES, Written};

/// `[contacts]`, as it is used.
#[derive(Debug, Clone, Default)]
pub struct Contacts {
    /// People that may have no account, in a file.
    pub suppressed: Option<PathBuf>,
    /// None if there are no rules.
    pub rules: Option<Arc<LinkRules>>,
    /// The file that the rules are in: the configuration, or the one that it includes.
    pub file: PathBuf,
}

#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ContactsKeys {
    otherwise: Option<Class>,
    #[serde(deserialize_with = "values::optional_path")]
    #[schemars(length(min = 1))]
    pub(super) suppressed: Option<PathBuf>,
    rule: Vec<RuleKeys>,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct RuleKeys {
    #[serde(rename = "where")]
    #[schemars(extend("minProperties" = 1))]
    wants: BTreeMap<String, Words>,
    class: Class,
}

/// A word, or a list of words.
#[derive(Debug, Clone)]
struct Words(Vec<String>);

impl Serialize for Words {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [one] => one.serialize(serializer),
            list => list.serialize(serializer),
        }
    }
}

kind_of_value!(Words, {
    "anyOf": [{ "type": "string" }, { "type": "array", "items": { "type": "string" }, "minItems": 1 }],
});

impl<'de> Deserialize<'de> for Words {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct WordOrList;

        impl<'de> Visitor<'de> for WordOrList {
            type Value = Words;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(
                    "a word such as \"No Rights\", or a list such as [\"No Rights\", \"Restricted*\"]",
                )
            }

            fn visit_str<E: serde::de::Error>(self, word: &str) -> Result<Words, E> {
                Ok(Words(vec![word.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Words, A::Error> {
                Vec::deserialize(value::SeqAccessDeserializer::new(list)).map(Words)
            }
        }

        deserializer.deserialize_any(WordOrList)
    }
}

impl ContactsKeys {
    /// The section as it is used.
    ///
    /// # Errors
    /// `Usage`: a rule that can never fit, or keys that have no effect.
    pub(super) fn contacts(self, document: &Document<'_>) -> Result<Contacts> {
        let Self { otherwise, suppressed, rule } = self;
        if rule.is_empty() {
            if otherwise.is_some() {
                return Err(document.mistake(
                    "contacts.otherwise",
                    "`otherwise` in [contacts] has no effect without a [[contacts.rule]]",
                    "add a rule, or remove `otherwise`",
                ));
            }
            return Ok(Contacts { suppressed, ..Contacts::default() });
        }
        if rule.len() > MOST_RULES {
            return Err(document.mistake(
                &format!("contacts.rule.{}", MOST_RULES + 1),
                format!("there are more than {MOST_RULES} rules"),
                "name several words in one rule: where = { custody = [\"No Rights\", \"Restricted*\"] }",
            ));
        }
        let mut written: Vec<Written> = Vec::new();
        for (RuleKeys { wants, class }, number) in rule.into_iter().zip(1..) {
            let path = format!("contacts.rule.{number}");
            refuse(&wants, &format!("{path}.where"), document)?;
            let line = document.span_of(&path).map_or(0, |span| document.locate(span.start).line());
            let wants = wants.into_iter().map(|(column, Words(words))| (column, words)).collect();
            written.push((line, wants, class));
        }
        let rules = LinkRules::new(otherwise.unwrap_or(Class::Contact), written);
        let first = document.span_of("contacts.rule.1").map_or(0, |span| span.start);
        let file = document.locate(first).file.to_owned();
        Ok(Contacts { suppressed, rules: Some(Arc::new(rules)), file })
    }
}

/// Refuses columns and words that can mean nothing.
fn refuse(wants: &BTreeMap<String, Words>, path: &str, document: &Document<'_>) -> Result<()> {
    const FORM: &str = "write for example `where = { custody = [\"No Rights\", \"Restricted*\"] }`";
    let mistake = |what: String, cure: &str| Err(document.mistake(path, what, cure));
    if wants.is_empty() {
        return mistake("`where` in [contacts.rule] names no column".to_owned(), FORM);
    }
    let mut seen: Vec<String> = Vec::new();
    for (column, Words(words)) in wants {
        let name = column.trim().to_ascii_lowercase();
        if name.is_empty() {
            return mistake("`where` in [contacts.rule] has a column without a name".to_owned(), FORM);
        }
        if name == "password" {
            return mistake(
                "the column password is never read".to_owned(),
                "name the column that says whom the school may contact",
            );
        }
        if words.is_empty() {
            return mistake(format!("`where` in [contacts.rule] has no word for the column {column}"), FORM);
        }
        if seen.contains(&name) {
            return mistake(
                format!(
                    "`where` in [contacts.rule] names the column {column} twice; case makes no difference"
                ),
                "write one list with all the words",
            );
        }
        seen.push(name);
    }
    Ok(())
}
