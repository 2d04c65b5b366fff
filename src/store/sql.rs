//! How the store asks SQLite. A statement is prepared once and kept, and columns have names: in SQL
//! and where a row is read.

use chrono::{DateTime, SecondsFormat, Utc};
use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSqlOutput, ValueRef};
use rusqlite::{OptionalExtension, Params, Row, ToSql};

use super::{Origin, Store};
use crate::account::State;
use crate::attempt::Ending;
use crate::failure::Result;
use crate::message::{Audience, Channel, DeliveryState};

/// The columns of a table, listed once: a macro with the texts that SQL is made of, and a module
/// with the place of each column in a row. Reading by place costs nothing; reading by name costs a
/// search for each value.
///
/// Before the semicolon stand the columns that an update writes, after it those that it never does.
macro_rules! columns {
    ($texts:ident, $places:ident { $first:ident $(, $held:ident)*; $($fixed:ident),* }) => {
        macro_rules! $texts {
            // `a, b, id`
            (all) => { concat!(stringify!($first) $(, ", ", stringify!($held))* $(, ", ", stringify!($fixed))*) };
            // `:a, :b, :id`; a parameter has the number of its column, counted from 1.
            (values) => {
                concat!(":", stringify!($first) $(, ", :", stringify!($held))* $(, ", :", stringify!($fixed))*)
            };
            // `a = :a, b = :b`, with the same numbers.
            (set) => {
                concat!(stringify!($first), " = :", stringify!($first)
                    $(, ", ", stringify!($held), " = :", stringify!($held))*)
            };
        }
        #[allow(
            non_camel_case_types,
            non_upper_case_globals,
            reason = "a column is written in Rust as in SQL"
        )]
        mod $places {
            enum Place { $first $(, $held)* $(, $fixed)* }
            pub(super) const $first: usize = Place::$first as usize;
            $(pub(in crate::store) const $held: usize = Place::$held as usize;)*
            $(pub(in crate::store) const $fixed: usize = Place::$fixed as usize;)*
        }
    };
}
pub(super) use columns;

/// Types that the store keeps as the word that `word` gives.
macro_rules! kept_as_word {
    ($($type:ty),*) => {$(
        impl ToSql for $type {
            fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
                Ok(self.word().into())
            }
        }

        impl FromSql for $type {
            fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
                let word = value.as_str()?;
                Self::ALL.into_iter().find(|one| one.word() == word).ok_or(FromSqlError::InvalidType)
            }
        }
    )*};
}
kept_as_word!(Audience, Channel, DeliveryState, Ending, Origin, State);

impl Store {
    /// Runs a statement that returns no rows. How many rows it changed.
    pub(super) fn execute(&self, sql: &str, values: impl Params) -> Result<usize> {
        Ok(self.connection.prepare_cached(sql)?.execute(values)?)
    }

    /// Runs a statement of which it does not matter how many rows it changes.
    pub(super) fn write(&self, sql: &str, values: impl Params) -> Result<()> {
        self.execute(sql, values).map(drop)
    }

    /// The value in the only column of the only row.
    pub(super) fn value<T: FromSql>(&self, sql: &str, values: impl Params) -> Result<T> {
        Ok(self.connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))?)
    }

    /// The first row, if there is one.
    pub(super) fn first<T>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnOnce(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<Option<T>> {
        Ok(self.connection.prepare_cached(sql)?.query_row(values, read).optional()?)
    }

    pub(super) fn all<T, C: FromIterator<T>>(
        &self,
        sql: &str,
        values: impl Params,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> Result<C> {
        Ok(self.connection.prepare_cached(sql)?.query_map(values, read)?.collect::<rusqlite::Result<_>>()?)
    }

    /// Goes through the rows, with the places of these columns, which are looked up once.
    pub(super) fn each<const N: usize>(
        &self,
        sql: &str,
        values: impl Params,
        columns: [&str; N],
        mut each: impl FnMut(&Row<'_>, [usize; N]) -> Result<()>,
    ) -> Result<()> {
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut places = [0; N];
        for (place, column) in places.iter_mut().zip(columns) {
            *place = statement.column_index(column)?;
        }
        let mut rows = statement.query(values)?;
        while let Some(row) = rows.next()? {
            each(row, places)?;
        }
        Ok(())
    }
}

/// A text as it is in the row.
pub(super) fn text<'a>(row: &'a Row<'_>, place: usize) -> rusqlite::Result<&'a str> {
    Ok(row.get_ref(place)?.as_str()?)
}

/// Bytes as they are in the row.
pub(super) fn blob<'a>(row: &'a Row<'_>, place: usize) -> rusqlite::Result<&'a [u8]> {
    Ok(row.get_ref(place)?.as_blob()?)
}

/// A moment as the store and programs have it: UTC, RFC 3339, in seconds.
pub fn stamp(moment: DateTime<Utc>) -> String {
    moment.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// A moment that may be missing.
pub(super) fn moment(row: &Row<'_>, column: &str) -> rusqlite::Result<Option<DateTime<Utc>>> {
    let text = row.get_ref(column)?.as_str_or_null()?;
    Ok(text.and_then(|text| DateTime::parse_from_rfc3339(text).ok()).map(|moment| moment.to_utc()))
}

/// A moment that is there. One that cannot be read, because it was altered by hand, is the oldest
/// there is.
pub(super) fn time(row: &Row<'_>, column: &str) -> rusqlite::Result<DateTime<Utc>> {
    Ok(moment(row, column)?.unwrap_or(DateTime::UNIX_EPOCH))
}
