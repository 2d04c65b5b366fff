//! Which cell of the export is which, and what a row of it says.

use std::path::Path;

use xxhash_rust::xxh3::xxh3_64_with_seed;

use super::{Row, Stamp};
use crate::account::State;
use crate::config::{PLATFORM_COLUMNS, PLATFORM_EXTRAS, PLATFORM_OPT_OUTS, Platform};
use crate::contact::is_damaged;
use crate::failure::{Failure, Kind, Result};
use crate::roster::Record;
use crate::value::{self, RecordReader};

pub(super) struct Columns {
    places: [Option<usize>; PLATFORM_COLUMNS.len()],
    pub(super) width: usize,
    extras: [Option<usize>; PLATFORM_EXTRAS.len()],
}

impl Columns {
    pub(super) fn of(found: &[String], line: u64, platform: &Platform, path: &Path) -> Result<Self> {
        let mut places = [None; PLATFORM_COLUMNS.len()];
        let mut extras = [None; PLATFORM_EXTRAS.len()];
        let all =
            places.iter_mut().chain(&mut extras).zip(PLATFORM_COLUMNS.into_iter().chain(PLATFORM_EXTRAS));
        for (place, column) in all {
            let mapped = platform.columns.get(column);
            let header = mapped.map_or(column, String::as_str);
            *place = found.iter().position(|name| name.eq_ignore_ascii_case(header));
            let cure = match mapped.is_some() && PLATFORM_COLUMNS.contains(&column) {
                true => "check",
                false if column == "sourced_id" => "name the right one in",
                false => continue,
            };
            if place.is_none() {
                let what = format!("the platform export has no column `{header}`");
                return Err(Failure::new(Kind::InputUnusable, what)
                    .at(format!("{}:{line}", path.display()))
                    .cure(format!("{cure} [platform.columns]; its headers are: {}", found.join(", "))));
            }
        }
        Ok(Self { places, width: found.len(), extras })
    }

    /// What a column is called in the documents.
    pub(super) fn name(&self, place: usize) -> Option<&'static str> {
        let mut names = PLATFORM_COLUMNS.into_iter().chain(PLATFORM_EXTRAS);
        let column = self.places.iter().chain(&self.extras).position(|own| *own == Some(place))?;
        names.nth(column)
    }

    /// Reads a row. In the last cell, `cut`, the file may have been cut: a detail there is not
    /// provided.
    pub(super) fn row<'a>(
        &self,
        record: &'a csv::ByteRecord,
        cut: Option<usize>,
    ) -> Result<Cells<'a>, &'static str> {
        if record.len() != self.width && record.iter().skip(self.width).any(|cell| !cell.is_empty()) {
            return Err("the row has more cells than there are headers; left out");
        }
        if record.len() < self.width {
            return Err("the row has fewer cells than there are headers; left out");
        }
        let cell = |column: usize| -> Result<Option<&'a str>, &'static str> {
            let Some(place) = self.places[column] else { return Ok(None) };
            let text = std::str::from_utf8(&record[place]).map_err(|_| "the row is not UTF-8; left out")?;
            Ok(Some(text.trim()))
        };
        let is_cut = |column: usize| cut.is_some() && self.places[column] == cut;
        if is_cut(0) {
            return Err("the file does not end in a line break, so this sourced_id may be cut; left out");
        }
        let sourced_id = cell(0)?.filter(|id| !value::id(id).is_empty()).ok_or(NO_ID)?;
        let state = match cell(1)?.map(value::id).as_deref() {
            None => None,
            Some(word) if ["active", "joined"].iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                Some(State::Active)
            }
            Some(word) if ["pending", "invited"].iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                Some(State::Pending)
            }
            Some(_) => return Err("the state is none of active, joined, pending, invited; left out"),
        };
        let mut details = [cell(2)?, cell(3)?, cell(4)?, cell(5)?, cell(6)?];
        for (detail, column) in details.iter_mut().zip(2..) {
            *detail = detail.filter(|_| !is_cut(column));
        }
        let updated = [1, 2].map(|extra: usize| {
            let place = self.extras[extra].filter(|place| cut != Some(*place))?;
            record.get(place).and_then(|cell| std::str::from_utf8(cell).ok()).map(str::trim)
        });
        // A word of yes or no is whole: a cut one is none.
        let opt_outs = [3, 4].map(|extra: usize| {
            let cell = record.get(self.extras[extra]?).and_then(|cell| std::str::from_utf8(cell).ok())?;
            Some(value::without_mark(cell.trim()).0).filter(|cell| !value::id(cell).is_empty())
        });
        Ok(Cells { sourced_id, state, details, opt_outs, updated })
    }
}

const NO_ID: &str = "the row has no sourced_id; left out";

/// A row as it is in the file: given name, family name, email, phone, home phone.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) sourced_id: &'a str,
    pub(super) state: Option<State>,
    pub(super) details: [Option<&'a str>; 5],
    /// Of email and SMS; none without the column and for a blank cell.
    pub(super) opt_outs: [Option<&'a str>; 2],
    pub(super) updated: [Option<&'a str>; 2],
}

/// Texts of a row that had to be rewritten: sourcedId, then the details.
pub(super) type Rewritten = (String, [Option<String>; 5]);

impl<'a> Cells<'a> {
    /// The texts as they are meant, if they are not ordinary. Words for "no value" and damaged text
    /// are not provided: the account keeps what it has.
    pub(super) fn rewritten(
        &self,
        plain: bool,
        line: u64,
        meaning: &mut RecordReader<'_>,
    ) -> Option<Rewritten> {
        let [given_name, family_name, email, sms, phone] = self.details;
        let sourced_id = self.sourced_id;
        let written = Record {
            line: Some(line),
            sourced_id,
            given_name,
            family_name,
            email,
            sms,
            phone,
            ..Record::default()
        };
        if RecordReader::is_ordinary(&written, plain) {
            return None;
        }
        Some(meaning.read(&written, plain, |meant| {
            let whole = |cell: Option<&str>| cell.filter(|text| !is_damaged(text)).map(str::to_owned);
            let names = [meant.given_name, meant.family_name];
            let damaged = names.into_iter().flatten().any(is_damaged);
            // A name is one value.
            let [given, family] = names.map(|part| part.filter(|_| !damaged).map(str::to_owned));
            let details = [given, family, whole(meant.email), whole(meant.sms), whole(meant.phone)];
            (meant.sourced_id.to_owned(), details)
        }))
    }

    pub(super) fn with(&self, rewritten: &'a Rewritten) -> Self {
        let (sourced_id, details) = rewritten;
        let details = details.each_ref().map(Option::as_deref);
        Self { sourced_id, details, ..*self }
    }

    /// Of all that the row says of the person: equal for equal rows. When it was last changed does
    /// not matter by itself.
    pub(super) fn hash(&self, seed: u64, scratch: &mut Vec<u8>) -> u64 {
        scratch.clear();
        let state = self.state.map(State::word);
        for text in [Some(self.sourced_id), state].into_iter().chain(self.details) {
            // Each with its length before it, so that no two rows read the same.
            scratch.extend_from_slice(&text.map_or(0, |text| text.len() as u64 + 1).to_le_bytes());
            scratch.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        for (said, channel) in self.said_opt_outs().into_iter().zip(0..) {
            scratch.extend(said.map(|out| 2 * channel + u8::from(out)));
        }
        xxh3_64_with_seed(scratch, seed)
    }

    /// What the row says of email and SMS. A word that is neither yes nor no says nothing.
    fn said_opt_outs(&self) -> [Option<bool>; 2] {
        self.opt_outs.map(|cell| cell.and_then(value::boolean))
    }

    /// The columns of opt-outs with a word that is neither yes nor no.
    pub(super) fn unreadable_opt_outs(&self) -> impl Iterator<Item = &'static str> {
        let columns = PLATFORM_OPT_OUTS.into_iter().zip(self.opt_outs);
        columns
            .filter(|(_, cell)| cell.is_some_and(|cell| value::boolean(cell).is_none()))
            .map(|(column, _)| column)
    }

    pub(super) fn own(&self, line: u64, hash: u64, stamp: Stamp) -> Row {
        let [given_name, family_name, email, phone, home_phone] =
            self.details.map(|cell| cell.map(without_controls));
        let sourced_id = self.sourced_id.to_owned();
        let (state, stamp) = (self.state, stamp.text());
        let opt_outs = self.said_opt_outs();
        Row {
            sourced_id,
            line,
            hash,
            state,
            given_name,
            family_name,
            email,
            phone,
            home_phone,
            opt_outs,
            stamp,
        }
    }
}

/// No control character is part of a detail, and one of them sets the values of [`AwaitedValues`]
/// apart.
fn without_controls(cell: &str) -> String {
    if cell.contains(char::is_control) {
        cell.replace(char::is_control, " ").trim().to_owned()
    } else {
        cell.to_owned()
    }
}
