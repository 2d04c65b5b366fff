//! The platform's own export: who has joined, and what their details are there.
//!
//! An export value becomes the actual value only on first sight or when it is news. An export that still shows what was
//! there before a change is waiting for the platform: see [`crate::account::OldNews`].

mod language;

use std::collections::HashMap;
use std::fs::File;
use std::hash::BuildHasherDefault;
use std::path::Path;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64_with_seed;

use crate::account::{Account, Exported, OldNews, Shown, State};
use crate::config::{Age, PLATFORM_COLUMNS, Platform};
use crate::contact::{Details, Field, PersonName, PhoneReader, email_key, phone_key};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roster::kept::{OfKeys, key};
use crate::spool::Shelf;
use crate::store::{AuditEntry, Origin};
pub use language::languages;

/// One row. `None`: the file has no such column.
#[derive(Default, Serialize, Deserialize)]
pub struct Row {
    sourced_id: String,
    line: u64,
    /// Of all that the row says.
    hash: u64,
    state: Option<State>,
    given_name: Option<String>,
    family_name: Option<String>,
    email: Option<String>,
    phone: Option<String>,
    home_phone: Option<String>,
}

/// What is known of a row of the export before it is looked into.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seen {
    /// It has something to say.
    New,
    /// It is the row that the account was brought up to last, so it can be let go.
    AsBefore,
    /// It says again what a row said that was let go.
    Again,
    /// It differs from another row of the person, which was let go.
    Contradicts,
}

/// An export; without the rows that say what they said last time.
#[derive(Default)]
pub struct Export {
    file: String,
    /// Where each person's row is kept, by the key of the sourcedId. On a first night that is everybody who has joined.
    places: HashMap<u64, u64, BuildHasherDefault<OfKeys>>,
    rows: Shelf,
    /// Rows that can be used, also those that say nothing new.
    usable: usize,
}

/// What an export changed about an account.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Adopted {
    pub joined: bool,
    /// Was active, is pending again.
    pub pending_again: bool,
    /// Details and state, for the audit.
    pub entries: Vec<AuditEntry>,
    /// Whether anything is to be stored, be it only what the export said.
    pub touched: bool,
}

impl Export {
    /// Reads the export. `see` is asked of each row, by the key of its sourcedId and a hash of it; `seed` goes into that.
    ///
    /// # Errors
    /// `InputUnusable` if it is missing, too old, empty, or has no column `sourced_id`: people who joined since would be
    /// taken for pending and overwritten without a word.
    pub fn read(
        platform: &Platform,
        now: SystemTime,
        seed: u64,
        mut see: impl FnMut(u64, u64) -> Seen,
        findings: &mut Findings,
    ) -> Result<Self> {
        let path = &platform.users;
        let failed =
            |cause| Failure::io(Kind::InputUnusable, "the platform export cannot be read", path, cause);
        let file = File::open(path).map_err(failed)?;
        let written = file.metadata().and_then(|found| found.modified()).map_err(failed)?;
        check_age(path, platform.max_age, now, written)?;
        let mut reader = csv::ReaderBuilder::new()
            .flexible(true)
            .has_headers(false)
            .buffer_capacity(1 << 17)
            .from_reader(file);
        let mut export = Self { file: file_name(path), ..Self::default() };
        let mut record = csv::ByteRecord::new();
        let broken = |error: csv::Error| {
            Failure::new(Kind::InputUnusable, "the platform export cannot be read")
                .at(path.display())
                .because(error)
        };
        let empty = || {
            Failure::new(Kind::InputUnusable, "the platform export is empty")
                .at(path.display())
                .cure("have it made again; without it everybody who joined would be taken for pending")
        };
        if !reader.read_byte_record(&mut record).map_err(broken)? {
            return Err(empty());
        }
        let columns = Columns::of(&record, platform, path)?;
        let mut contradicted: Vec<u64> = Vec::new();
        let mut first_unusable: Option<(u64, &str)> = None;
        let mut scratch = Vec::new();
        while reader.read_byte_record(&mut record).map_err(broken)? {
            if record.iter().all(<[u8]>::is_empty) {
                continue;
            }
            let line = record.position().map_or(0, csv::Position::line);
            // A quote that is never closed makes one cell of all the rows up to the next quote.
            let delimiters = |cell: &[u8]| cell.iter().filter(|byte| **byte == b',').count();
            let swallows = |cell: &[u8]| cell.contains(&b'\n') && delimiters(cell) + 1 >= columns.width;
            if record.as_slice().contains(&b'\n') && record.iter().any(swallows) {
                return Err(Failure::new(
                    Kind::InputUnusable,
                    "the platform export has a quote that is never closed, so where its rows end is unknown",
                )
                .at(format!("{}:{line}", path.display()))
                .cure("correct the row or have the export made again; people in the swallowed rows would be taken for pending"));
            }
            match columns.row(&record) {
                Err(problem) => {
                    first_unusable.get_or_insert((line, problem));
                    findings.error("platform-row-malformed", &export.file, Some(line), None, || {
                        problem.to_owned()
                    });
                }
                Ok(cells) => {
                    let (key, hash) = (key(cells.sourced_id), cells.hash(seed, &mut scratch));
                    let (seen, place) = (see(key, hash), export.places.get(&key));
                    let twice = match (seen, place) {
                        (Seen::Again, _) => continue,
                        (Seen::AsBefore, _) => {
                            export.usable += 1;
                            continue;
                        }
                        (Seen::Contradicts, None) => {
                            export.usable -= 1;
                            true
                        }
                        (Seen::Contradicts, Some(_)) => true,
                        (Seen::New, None) => false,
                        (Seen::New, Some(place)) => export.rows.get::<Row>(*place)?.hash != hash,
                    };
                    if twice {
                        first_unusable.get_or_insert((line, "rows for one sourcedId differ"));
                        findings.error("platform-row-repeated", &export.file, Some(line), None, || {
                            format!(
                                "rows for sourcedId `{}` differ; all of them are left out",
                                cells.sourced_id
                            )
                        });
                        contradicted.push(key);
                    }
                    export.places.insert(key, export.rows.put(&cells.own(line, hash))?);
                }
            }
        }
        for key in contradicted {
            export.places.remove(&key);
        }
        export.usable += export.places.len();
        if export.usable == 0 {
            return Err(first_unusable.map_or_else(empty, |(line, problem)| {
                let problem = problem.trim_end_matches("; left out");
                Failure::new(
                    Kind::InputUnusable,
                    format!("the platform export has no usable row; the first: {problem}"),
                )
                .at(format!("{}:{line}", path.display()))
                .cure("have it made again; without it everybody who joined would be taken for pending")
            }));
        }
        Ok(export)
    }

    /// The rows that say something new, in the order of the file.
    ///
    /// # Errors
    /// `Failed` if they cannot be read back from where they are kept.
    pub fn each_row(&self, mut each: impl FnMut(Row) -> Result<()>) -> Result<()> {
        let mut places: Vec<u64> = self.places.values().copied().collect();
        places.sort_unstable();
        places.into_iter().try_for_each(|place| each(self.rows.get(place)?))
    }

    /// Rows that can be used.
    pub fn len(&self) -> usize {
        self.usable
    }

    pub fn is_empty(&self) -> bool {
        self.usable == 0
    }

    /// The row of a person, if there is one that says something new.
    ///
    /// # Errors
    /// `Failed` if it cannot be read back from where it is kept.
    pub fn row(&self, sourced_id: &str) -> Result<Option<Row>> {
        let Some(place) = self.places.get(&key(sourced_id)) else { return Ok(None) };
        let row: Row = self.rows.get(*place)?;
        Ok((row.sourced_id == sourced_id).then_some(row))
    }

    /// Reports the rows that belong to nobody in the store or the roster.
    ///
    /// # Errors
    /// `Failed` if they cannot be read back from where they are kept.
    pub fn report_unknown(&self, is_known: impl Fn(u64) -> bool, findings: &mut Findings) -> Result<u64> {
        let mut unknown: Vec<(u64, String)> = Vec::new();
        for (_, place) in self.places.iter().filter(|(key, _)| !is_known(**key)) {
            let row: Row = self.rows.get(*place)?;
            unknown.push((row.line, row.sourced_id));
        }
        unknown.sort_unstable();
        for (line, id) in &unknown {
            findings.warn("platform-row-unknown", &self.file, Some(*line), Some("sourced_id"), || {
                format!("sourcedId `{id}` is neither in the store nor in the roster; left out")
            });
        }
        Ok(unknown.len() as u64)
    }
}

impl Row {
    pub fn sourced_id(&self) -> &str {
        &self.sourced_id
    }

    /// Of all that the row says: equal for equal rows.
    pub fn hash(&self) -> u64 {
        self.hash
    }

    /// The account with which somebody starts who is in the roster and has no account yet: active and with the export's
    /// details, if the export says that they have joined.
    pub fn newcomer(&self, phones: PhoneReader) -> Option<Account> {
        if self.state == Some(State::Pending) {
            return None;
        }
        let mut account = Account { state: State::Active, ..Account::new(&self.sourced_id) };
        self.take_over(&mut account, phones, Ear::Nightly);
        Some(account)
    }

    /// As [`Row::adopt`], for an archived person who is back in the roster: the account is taken for what it becomes.
    /// The account itself stays archived.
    pub fn adopt_returning(&self, account: &mut Account, phones: PhoneReader) -> Adopted {
        account.archived = false;
        let adopted = self.adopt(account, phones, Ear::Nightly);
        account.archived = true;
        adopted
    }

    /// Brings an account to what the export says. The account of an archived person only remembers the state.
    pub fn adopt(&self, account: &mut Account, phones: PhoneReader, ear: Ear) -> Adopted {
        let mut adopted = Adopted::default();
        let state = self.state.unwrap_or(State::Active);
        if state != account.state {
            adopted.touched = true;
            adopted.joined = state == State::Active;
            adopted.pending_again = state == State::Pending && !account.archived;
            adopted.entries.push(AuditEntry {
                origin: Origin::Platform,
                field: "state".into(),
                old: account.state.word().into(),
                new: state.word().into(),
            });
            account.state = state;
            if state == State::Pending {
                // Should they join again, what they then have is seen for the first time.
                account.exported = Exported::default();
            }
        }
        if state == State::Active && !account.archived {
            let before = account.clone();
            self.take_over(account, phones, ear);
            adopted.touched |= *account != before;
            for field in Field::ALL
                .into_iter()
                .filter(|field| before.details.shown(*field) != account.details.shown(*field))
            {
                adopted.entries.push(AuditEntry {
                    origin: Origin::Platform,
                    field: field.key().into(),
                    old: before.details.recorded(field),
                    new: account.details.recorded(field),
                });
            }
        }
        adopted
    }

    /// Takes over the values that are news.
    fn take_over(&self, account: &mut Account, phones: PhoneReader, ear: Ear) {
        let Account { details, exported, .. } = account;
        self.take_name(details, &mut exported.name, ear);
        if let Some(email) = &self.email {
            let shown = shown(email_key(&details.email) == email_key(email));
            let same = |value: &str| email_key(value) == email_key(email);
            if ear.hears(&mut exported.email, email, &details.email, shown, same) {
                email.trim().clone_into(&mut details.email);
            }
        }
        take_number(&self.phone, &mut exported.phone, &mut details.phone, phones, ear);
        take_number(&self.home_phone, &mut exported.home_phone, &mut details.home_phone, phones, ear);
    }

    fn take_name(&self, details: &mut Details, old_news: &mut OldNews, ear: Ear) {
        if self.given_name.is_none() && self.family_name.is_none() {
            return;
        }
        // A part that is not provided is whatever it is held against.
        let beside = |other: &PersonName| {
            let part = |cell: &Option<String>, own: &str| cell.clone().unwrap_or_else(|| own.to_owned());
            PersonName::new(&part(&self.given_name, &other.given), &part(&self.family_name, &other.family))
        };
        let same = |value: &str| {
            let value = PersonName::from_parts(value);
            beside(&value).same(&value)
        };
        let name = beside(&details.name);
        let shown = match (name.same(&details.name), &self.given_name, &self.family_name) {
            (false, _, _) => Shown::Another,
            (true, Some(_), Some(_)) => Shown::Actual,
            (true, _, _) => Shown::ActualInPart,
        };
        if ear.hears(old_news, &name.in_parts(), &details.name.in_parts(), shown, same) {
            details.name = name;
        }
    }
}

/// How an export came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ear {
    /// The one that says every night how far the platform is.
    Nightly,
    /// By hand, beside one that runs read.
    ByHand,
}

impl Ear {
    /// Whether what the export shows is news.
    fn hears(
        self,
        old_news: &mut OldNews,
        text: &str,
        actual: &str,
        shown: Shown,
        same: impl Fn(&str) -> bool,
    ) -> bool {
        match self {
            Self::Nightly => old_news.hear(text, shown, same),
            Self::ByHand => old_news.hear_by_hand(text, actual, shown, same),
        }
    }
}

fn shown(is_actual: bool) -> Shown {
    if is_actual { Shown::Actual } else { Shown::Another }
}

fn take_number(
    cell: &Option<String>,
    old_news: &mut OldNews,
    actual: &mut String,
    phones: PhoneReader,
    ear: Ear,
) {
    let Some(cell) = cell else { return };
    // The same text as ever needs no parsing, which is the dear part.
    if old_news.is_just(cell) {
        return;
    }
    let number = phones.canonical(cell);
    let same = |value: &str| value == cell || phone_key(&phones.canonical(value)) == phone_key(&number);
    if ear.hears(old_news, cell, actual, shown(phone_key(actual) == phone_key(&number)), same) {
        *actual = number;
    }
}

/// Which cell is which.
struct Columns {
    /// In the order of [`PLATFORM_COLUMNS`].
    places: [Option<usize>; PLATFORM_COLUMNS.len()],
    width: usize,
}

impl Columns {
    fn of(headers: &csv::ByteRecord, platform: &Platform, path: &Path) -> Result<Self> {
        let found: Vec<String> = headers
            .iter()
            .map(|header| String::from_utf8_lossy(header).trim_start_matches('\u{feff}').trim().to_owned())
            .collect();
        let mut places = [None; PLATFORM_COLUMNS.len()];
        for (place, column) in places.iter_mut().zip(PLATFORM_COLUMNS) {
            let mapped = platform.columns.get(column);
            let header = mapped.map_or(column, String::as_str);
            *place = found.iter().position(|name| name.eq_ignore_ascii_case(header));
            let missing = |cure: String| {
                Failure::new(Kind::InputUnusable, format!("the platform export has no column `{header}`"))
                    .at(format!("{}:1", path.display()))
                    .cure(cure)
            };
            if place.is_none() && mapped.is_some() {
                return Err(missing(format!(
                    "check [platform.columns]; its headers are: {}",
                    found.join(", ")
                )));
            }
            if place.is_none() && column == "sourced_id" {
                return Err(missing(format!(
                    "name the right one in [platform.columns]; its headers are: {}",
                    found.join(", ")
                )));
            }
        }
        Ok(Self { places, width: headers.len() })
    }

    fn row<'a>(&self, record: &'a csv::ByteRecord) -> Result<Cells<'a>, &'static str> {
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
        let sourced_id = cell(0)?.filter(|id| !id.is_empty()).ok_or("the row has no sourced_id; left out")?;
        let state = match cell(1)? {
            None => None,
            Some(word) if ["active", "joined"].iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                Some(State::Active)
            }
            Some(word) if ["pending", "invited"].iter().any(|known| word.eq_ignore_ascii_case(known)) => {
                Some(State::Pending)
            }
            Some(_) => return Err("the state is none of active, joined, pending, invited; left out"),
        };
        Ok(Cells { sourced_id, state, details: [cell(2)?, cell(3)?, cell(4)?, cell(5)?, cell(6)?] })
    }
}

/// A row as it stands in the file: given name, family name, email, phone, home phone.
struct Cells<'a> {
    sourced_id: &'a str,
    state: Option<State>,
    details: [Option<&'a str>; 5],
}

impl Cells<'_> {
    /// Of all that the row says: equal for equal rows.
    fn hash(&self, seed: u64, scratch: &mut Vec<u8>) -> u64 {
        scratch.clear();
        let state = self.state.map(State::word);
        for text in [Some(self.sourced_id), state].into_iter().chain(self.details) {
            // Each with its length before it, so that no two rows read the same.
            scratch.extend_from_slice(&text.map_or(0, |text| text.len() as u64 + 1).to_le_bytes());
            scratch.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        xxh3_64_with_seed(scratch, seed)
    }

    fn own(&self, line: u64, hash: u64) -> Row {
        let [given_name, family_name, email, phone, home_phone] =
            self.details.map(|cell| cell.map(without_controls));
        let sourced_id = self.sourced_id.to_owned();
        Row { sourced_id, line, hash, state: self.state, given_name, family_name, email, phone, home_phone }
    }
}

/// No control character is part of a detail, and one of them sets the values of [`OldNews`] apart.
fn without_controls(cell: &str) -> String {
    if cell.contains(char::is_control) {
        cell.replace(char::is_control, " ").trim().to_owned()
    } else {
        cell.to_owned()
    }
}

fn check_age(path: &Path, max_age: Age, now: SystemTime, written: SystemTime) -> Result<()> {
    let Some(max) = max_age.0 else { return Ok(()) };
    let age = now.duration_since(written).unwrap_or_default();
    if age <= max {
        return Ok(());
    }
    let said = |age: std::time::Duration| match age.as_secs() {
        seconds @ ..7_200 => format!("{} min", seconds / 60),
        seconds => format!("{} h", seconds / 3600),
    };
    Err(Failure::new(
        Kind::InputUnusable,
        format!("the platform export is {} old, and [platform] max_age allows {}", said(age), said(max)),
    )
    .at(path.display())
    .cure("have it made again: people who joined since would be taken for pending; or raise max_age"))
}

fn file_name(path: &Path) -> String {
    path.file_name().map_or_else(|| path.display().to_string(), |name| name.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests;
