//! The JSON Schema of the configuration, for editors: keys, kinds and defaults from the structs that
//! serde fills, descriptions from `config.example.toml`.

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::Typed;
use super::include::KEY;
use super::sections::{comment_of, last_comment_of};

/// Draft 7, which every editor knows. It refuses unknown keys, wrong kinds and wrong words. What
/// depends on several keys is refused by the program only.
pub fn schema() -> Value {
    let settings = SchemaSettings::draft07().with(|settings| settings.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<Typed>().to_value();
    if let Value::Object(root) = &mut schema {
        tidy(root);
        allow_shared(root);
        describe(root, "", comment_of);
        root.insert("title".to_owned(), json!("Configuration of rostersync"));
    }
    schema
}

/// The schemas directly inside a schema.
fn parts(schema: &mut Map<String, Value>) -> Vec<&mut Map<String, Value>> {
    let mut parts: Vec<&mut Value> = Vec::new();
    for (word, value) in schema {
        match (word.as_str(), value) {
            ("properties", Value::Object(properties)) => parts.extend(properties.values_mut()),
            ("items" | "additionalProperties", value) => parts.push(value),
            ("anyOf" | "oneOf", Value::Array(list)) => parts.extend(list),
            _ => {}
        }
    }
    parts.into_iter().filter_map(Value::as_object_mut).collect()
}

/// A section that is not there may be in the file that is included.
fn allow_shared(root: &mut Map<String, Value>) {
    if let Some(required) = root.remove("required") {
        root.insert("anyOf".to_owned(), json!([{ "required": [KEY] }, { "required": required }]));
    }
}

/// Takes out what TOML does not have (null), and the words of the code.
fn tidy(schema: &mut Map<String, Value>) {
    let is_null = |value: &Value| *value == json!("null") || value.get("type") == Some(&json!("null"));
    for word in ["title", "description", "format"] {
        schema.remove(word);
    }
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|value| !is_null(value));
        if let [one] = types.as_slice() {
            let one = one.clone();
            schema.insert("type".to_owned(), one);
        }
    }
    if let Some(Value::Array(words)) = schema.get_mut("enum") {
        words.retain(|word| !word.is_null());
    }
    for word in ["anyOf", "oneOf"] {
        let Some(Value::Array(list)) = schema.get_mut(word) else { continue };
        list.retain(|value| !is_null(value));
        // A list of words, some of them with a description.
        let words_of = |one: &Value| match (one.get("const"), one.get("enum")) {
            (Some(word), _) => Some(vec![word.clone()]),
            (None, words) => words.and_then(Value::as_array).cloned(),
        };
        let words: Option<Vec<Vec<Value>>> = list.iter().map(words_of).collect();
        if let Some(words) = words.filter(|words| !words.is_empty()) {
            schema.remove(word);
            schema.insert("type".to_owned(), json!("string"));
            schema.insert("enum".to_owned(), json!(words.concat()));
        } else if let [Value::Object(one)] = list.as_slice() {
            let one = one.clone();
            schema.remove(word);
            for (key, value) in one {
                schema.entry(key).or_insert(value);
            }
        }
    }
    // The defaults of a section are those of its keys.
    let is_section = schema.contains_key("properties") || schema.contains_key("oneOf");
    if is_section || schema.get("default").is_some_and(Value::is_null) {
        schema.remove("default");
    }
    parts(schema).into_iter().for_each(tidy);
}

type WordsOf = fn(&str, &str) -> Option<&'static str>;

/// Says in the words of the example what each section and key is for.
fn describe(schema: &mut Map<String, Value>, section: &str, words_of: WordsOf) {
    // Through the kinds of a section, and the entries of a list of sections.
    for word in ["oneOf", "items"] {
        match schema.get_mut(word) {
            Some(Value::Array(kinds)) => {
                for kind in kinds.iter_mut().filter_map(Value::as_object_mut) {
                    // The example has two sections [source]: files, and then networks.
                    let is_network = section == "source" && kind_of(kind) != Some("oneroster-csv");
                    describe(kind, section, if is_network { last_comment_of } else { comment_of });
                }
            }
            Some(Value::Object(entry)) => describe(entry, section, words_of),
            _ => {}
        }
    }
    let Some(Value::Object(properties)) = schema.get_mut("properties") else { return };
    for (key, property) in properties {
        let Value::Object(property) = property else { continue };
        let inner = if section.is_empty() { key.clone() } else { format!("{section}.{key}") };
        describe(property, &inner, words_of);
        let words = words_of(section, key).or_else(|| comment_of(&inner, ""));
        if let Some(words) = words.filter(|_| !property.contains_key("const")) {
            property.insert("description".to_owned(), json!(words));
        }
    }
}

/// The type that the section has.
fn kind_of(schema: &Map<String, Value>) -> Option<&str> {
    schema.get("properties")?.get("type")?.get("const")?.as_str()
}
