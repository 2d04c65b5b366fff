//! JSON values as servers really send them: text that is a number, arrays that are null, booleans
//! that are text.
//!
//! Null, a missing key and what cannot be understood are "not provided"; only an empty text is
//! blank.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::failure::{Failure, Kind};
use crate::value;

/// No page and no list in it has more. A longer one would only fill the memory.
pub(in crate::source) const MOST: usize = 100_000;

/// A text, or nothing. Numbers and booleans are taken as they are written. Texts are trimmed; line
/// breaks and tabs, which lists are set apart by, become spaces.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(in crate::source) struct Text<'a>(Option<Cow<'a, str>>);

impl<'a> Text<'a> {
    pub(in crate::source) fn of(text: &'a str) -> Self {
        let text = text.trim();
        Self(Some(match text.contains(['\t', '\n', '\r']) {
            true => Cow::Owned(text.replace(['\t', '\n', '\r'], " ")),
            false => Cow::Borrowed(text),
        }))
    }
}

impl Text<'_> {
    pub(in crate::source) fn tidy(&self) -> Option<Cow<'_, str>> {
        self.0.as_deref().map(Cow::Borrowed)
    }

    /// Neither a text nor a number nor a boolean.
    pub(in crate::source) fn is_none(&self) -> bool {
        self.0.is_none()
    }

    /// As [`Text::tidy`], for an id: a comma would end it in a list of ids. Empty if there is none,
    /// or a word that says so.
    pub(in crate::source) fn id(&self) -> Cow<'_, str> {
        match self.word() {
            None => Cow::Borrowed(""),
            Some(id) if id.contains(',') => Cow::Owned(id.replace(',', "%2C")),
            Some(id) => id,
        }
    }

    /// A word of a fixed vocabulary, a date or an id, [as it is meant](value::id); none if it says
    /// nothing.
    pub(in crate::source) fn word(&self) -> Option<Cow<'_, str>> {
        let meant = match self.tidy()? {
            Cow::Borrowed(text) => value::id(text),
            Cow::Owned(text) => Cow::Owned(value::id(&text).into_owned()),
        };
        Some(meant).filter(|meant| !meant.is_empty())
    }

    /// The word for "no value" that the text is.
    pub(in crate::source) fn null_word(&self) -> Option<&'static str> {
        value::null_word(&self.tidy()?)
    }

    /// A stamp, if it is one.
    pub(in crate::source) fn moment(&self) -> Option<DateTime<Utc>> {
        DateTime::parse_from_rfc3339(&self.filled()?).ok().map(|stamp| stamp.with_timezone(&Utc))
    }

    /// Tidy, and none if it is blank.
    pub(in crate::source) fn filled(&self) -> Option<Cow<'_, str>> {
        self.tidy().filter(|text| !text.is_empty())
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        // In JSON tabs and line breaks are escaped, and what has an escape is not borrowed.
        debug_assert!(!text.contains(['\t', '\n', '\r']));
        let ends = [text.as_bytes().first(), text.as_bytes().last()];
        let is_tidy = ends.into_iter().flatten().all(u8::is_ascii_graphic);
        Ok(Text(Some(Cow::Borrowed(if is_tidy { text } else { text.trim() }))))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Text::of(text).0.map(|text| Cow::Owned(text.into_owned()))))
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Borrowed(if value { "true" } else { "false" }))))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Self::Value, E> {
        Ok(Text(Some(Cow::Owned(number.to_string()))))
    }

    fn visit_f64<E: Error>(self, number: f64) -> Result<Self::Value, E> {
        // Beyond this the last digits are lost, and two ids could become one.
        let is_exact = number.abs() < 9_007_199_254_740_992.0;
        Ok(Text(is_exact.then(|| Cow::Owned(number.to_string()))))
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Text(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        while values.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Text(None))
    }
}

/// A visitor that takes null, a text, a boolean and a number for "not provided".
macro_rules! scalars_are_nothing {
    ($of:ident) => {
        fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
            Ok($of(None))
        }
        scalars_are_nothing!($of, visit_str &str, visit_bool bool, visit_u64 u64, visit_i64 i64, visit_f64 f64);
    };
    ($of:ident, $($visit:ident $scalar:ty),*) => {
        $(fn $visit<E: Error>(self, _: $scalar) -> Result<Self::Value, E> {
            Ok($of(None))
        })*
    };
}

/// An array, or nothing. One object in place of an array is an array of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct List<T>(pub(in crate::source) Option<Vec<T>>);

impl<T> Default for List<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for ListVisitor<T> {
    type Value = List<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    scalars_are_nothing!(List);

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(value) = values.next_element()? {
            if list.len() == MOST {
                return Err(A::Error::custom("a list is too long"));
            }
            list.push(value);
        }
        Ok(List(Some(list)))
    }

    fn visit_map<A: MapAccess<'de>>(self, values: A) -> Result<Self::Value, A::Error> {
        T::deserialize(serde::de::value::MapAccessDeserializer::new(values)).map(|one| List(Some(vec![one])))
    }
}

/// An object, or nothing: some servers have null or a bare text among the items of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::source) struct Loose<T>(pub(in crate::source) Option<T>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Loose<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LooseVisitor(PhantomData))
    }
}

struct LooseVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de>> Visitor<'de> for LooseVisitor<T> {
    type Value = Loose<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    scalars_are_nothing!(Loose);

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Loose(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, values: A) -> Result<Self::Value, A::Error> {
        T::deserialize(serde::de::value::MapAccessDeserializer::new(values)).map(|one| Loose(Some(one)))
    }
}

/// An array; anything else is none, since an error can look like it. Items that are no objects are
/// records without anything in them, so that all records after them keep their position. What is
/// more than a page can have is not kept.
pub(in crate::source) struct Rows<T>(Option<Vec<T>>);

impl<T> Default for Rows<T> {
    fn default() -> Self {
        Self(None)
    }
}

impl<T> Rows<T> {
    /// The items, if there is a list.
    ///
    /// # Errors
    /// `SourceUnavailable` if it is too long.
    pub(in crate::source) fn get(self) -> Result<Option<Vec<T>>, Failure> {
        match self.0 {
            Some(rows) if rows.len() > MOST => Err(Failure::new(
                Kind::SourceUnavailable,
                format!("one answer has more than {MOST} records; nothing was applied"),
            )
            .cure("report it to the operator of the server: it has to follow `limit`")),
            rows => Ok(rows),
        }
    }
}

impl<'de, T: Deserialize<'de> + Default> Deserialize<'de> for Rows<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RowsVisitor(PhantomData))
    }
}

struct RowsVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Default> Visitor<'de> for RowsVisitor<T> {
    type Value = Rows<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(Rows(None))
    }

    fn visit_str<E: Error>(self, _: &str) -> Result<Self::Value, E> {
        Ok(Rows(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        while values.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Rows(None))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<Self::Value, A::Error> {
        let mut rows = Vec::new();
        // One more than there may be says that there were too many; the rest is only read over.
        while rows.len() <= MOST {
            match values.next_element::<Loose<T>>()? {
                Some(row) => rows.push(row.0.unwrap_or_default()),
                None => return Ok(Rows(Some(rows))),
            }
        }
        while values.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Rows(Some(rows)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(json: &str) -> Option<String> {
        let text: Text<'_> = serde_json::from_str(json).unwrap();
        text.tidy().map(Cow::into_owned)
    }

    #[test]
    fn text_is_read_from_whatever_it_comes_in() {
        assert_eq!(text("\" a\\tb \""), Some("a b".into()));
        assert_eq!(text("\" \u{a0}a b\u{a0}\""), Some("a b".into()));
        assert_eq!(text("\"\\u0009a\\r\\nb\""), Some("a  b".into()));
        assert_eq!(text("604863"), Some("604863".into()));
        assert_eq!(text("true"), Some("true".into()));
        assert_eq!(text("\"\""), Some(String::new()));
        assert_eq!(text("1.5"), Some("1.5".into()));
        for nothing in ["12345678901234567890123", "null", "{\"a\":[1]}", "[\"a\"]"] {
            assert_eq!(text(nothing), None, "{nothing}");
        }
    }

    #[test]
    fn an_id_has_nothing_that_cannot_be_seen_and_is_no_word_for_none() {
        let id = |json: &str| serde_json::from_str::<Text<'_>>(json).unwrap().id().into_owned();
        assert_eq!(id("\"\\ufeffa\\u200b,b\""), "a%2Cb");
        for none in ["null", "\"\"", "\"NULL\"", "\"\\\\N\"", "\" #N/A \"", "\"undefined\""] {
            assert_eq!(id(none), "", "{none}");
        }
    }

    #[test]
    fn a_list_may_be_null_or_a_single_object() {
        let list = |json: &str| {
            serde_json::from_str::<List<serde_json::Value>>(json).unwrap().0.map(|list| list.len())
        };
        assert_eq!(list("null"), None);
        for nothing in ["\"\"", "5", "-5", "0.5", "true"] {
            assert_eq!(list(nothing), None, "{nothing}");
        }
        assert_eq!(list("[]"), Some(0));
        assert_eq!(list("[{},{}]"), Some(2));
        assert_eq!(list("{\"sourcedId\":\"x\"}"), Some(1));
    }

    #[test]
    fn an_item_that_is_no_object_is_none() {
        let list: List<Loose<serde_json::Value>> =
            serde_json::from_str("[{\"a\":1},null,\"s1\",5,-5,0.5,true,[{}]]").unwrap();
        let objects: Vec<bool> = list.0.unwrap().iter().map(|item| item.0.is_some()).collect();
        assert_eq!(objects, [true, false, false, false, false, false, false, false]);
    }

    fn rows(json: &str) -> Result<Option<Vec<Option<u64>>>, Failure> {
        #[derive(serde::Deserialize, Default)]
        struct Row {
            a: Option<u64>,
        }
        let rows: Rows<Row> = serde_json::from_str(json).unwrap();
        Ok(rows.get()?.map(|rows| rows.into_iter().map(|row| row.a).collect()))
    }

    #[test]
    fn only_an_array_is_a_list() {
        for nothing in ["null", "{}", "{\"a\":1}", "\"\""] {
            assert_eq!(rows(nothing).unwrap(), None, "{nothing}");
        }
        assert_eq!(rows("[]").unwrap(), Some(vec![]));
        assert_eq!(
            rows("[{\"a\":1},null,\"x\",{\"a\":2}]").unwrap(),
            Some(vec![Some(1), None, None, Some(2)])
        );
    }

    #[test]
    fn a_list_that_is_too_long_is_refused() {
        let long = |count: usize| format!("[{}]", vec!["{}"; count].join(","));
        assert_eq!(rows(&long(MOST)).unwrap().unwrap().len(), MOST);
        assert!(
            rows(&long(MOST + 5)).unwrap_err().what.contains("more than 100000 records; nothing was applied")
        );
    }
}
