//! The list that a page is for.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::json::{Loose, MOST};
use crate::failure::{Failure, Kind, Result};

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
    pub(in crate::source) fn get(self) -> Result<Option<Vec<T>>> {
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

    fn rows(json: &str) -> Result<Option<Vec<Option<u64>>>> {
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
