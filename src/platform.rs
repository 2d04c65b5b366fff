//! The platform's own export: who has joined, and what their details are there.
//!
//! An export value becomes the actual value only on first sight or when it is not what the export said last. An export
//! that still shows an old value is waiting for the platform.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::path::Path;
use std::time::SystemTime;

use crate::account::{Account, Exported, State};
use crate::config::{Age, PLATFORM_COLUMNS, Platform};
use crate::contact::{Field, PersonName, PhoneReader, email_key, phone_key};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::store::{AuditEntry, Origin};

/// One row. `None`: the file has no such column.
#[derive(Clone, Default, PartialEq, Eq)]
struct Row {
    line: u64,
    state: Option<State>,
    given_name: Option<Box<str>>,
    family_name: Option<Box<str>>,
    email: Option<Box<str>>,
    phone: Option<Box<str>>,
    home_phone: Option<Box<str>>,
}

/// A whole export.
#[derive(Default)]
pub struct Export {
    file: String,
    rows: HashMap<Box<str>, Row>,
    /// Rows that belong to somebody in the store or the roster.
    matched: HashSet<Box<str>>,
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
    /// Reads the export.
    ///
    /// # Errors
    /// `InputUnusable` if it is missing, too old, empty, or has no column `sourced_id`: people who joined since would be
    /// taken for pending and overwritten without a word.
    pub fn read(platform: &Platform, now: SystemTime, findings: &mut Findings) -> Result<Self> {
        let path = &platform.users;
        let failed =
            |cause| Failure::io(Kind::InputUnusable, "the platform export cannot be read", path, cause);
        let file = File::open(path).map_err(failed)?;
        let written = file.metadata().and_then(|found| found.modified()).map_err(failed)?;
        check_age(path, platform.max_age, now, written)?;
        let mut reader = csv::ReaderBuilder::new().flexible(true).has_headers(false).from_reader(file);
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
        let mut contradicted: HashSet<Box<str>> = HashSet::new();
        while reader.read_byte_record(&mut record).map_err(broken)? {
            if record.iter().all(<[u8]>::is_empty) {
                continue;
            }
            let line = record.position().map_or(0, csv::Position::line);
            // A quote that is never closed makes one cell of all the rows up to the next quote.
            let delimiters = |cell: &[u8]| cell.iter().filter(|byte| **byte == b',').count();
            let swallows = |cell: &[u8]| cell.contains(&b'\n') && delimiters(cell) + 1 >= columns.width;
            if record.iter().any(swallows) {
                return Err(Failure::new(
                    Kind::InputUnusable,
                    "the platform export has a quote that is never closed, so where its rows end is unknown",
                )
                .at(format!("{}:{line}", path.display()))
                .cure("correct the row or have the export made again; people in the swallowed rows would be taken for pending"));
            }
            match columns.row(&record, line) {
                Err(problem) => {
                    findings.error("platform-row-malformed", &export.file, Some(line), None, || {
                        problem.to_owned()
                    });
                }
                Ok((id, row)) => {
                    let twice =
                        export.rows.get(&id).is_some_and(|other| Row { line, ..other.clone() } != row);
                    if twice {
                        findings.error("platform-row-repeated", &export.file, Some(line), None, || {
                            format!("rows for sourcedId `{id}` differ; all of them are left out")
                        });
                        contradicted.insert(id.clone());
                    }
                    export.rows.insert(id, row);
                }
            }
        }
        if export.rows.is_empty() {
            return Err(empty());
        }
        for id in contradicted {
            export.rows.remove(&id);
        }
        Ok(export)
    }

    /// Rows that can be used.
    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// The account with which somebody starts who is in the roster and has no account yet: active and with the export's
    /// details, if the export says that they have joined.
    pub fn newcomer(&mut self, sourced_id: &str, phones: PhoneReader) -> Option<Account> {
        let row = self.row(sourced_id)?;
        if row.state == Some(State::Pending) {
            return None;
        }
        let row = row.clone();
        let mut account = Account { state: State::Active, ..Account::new(sourced_id) };
        row.take_over(&mut account, phones);
        Some(account)
    }

    /// As [`Export::adopt`], for an archived person who is back in the roster: the account is taken for what it becomes.
    /// The account itself stays archived.
    pub fn adopt_returning(&mut self, account: &mut Account, phones: PhoneReader) -> Adopted {
        account.archived = false;
        let adopted = self.adopt(account, phones);
        account.archived = true;
        adopted
    }

    /// Brings an account to what the export says. The account of an archived person only remembers the state.
    pub fn adopt(&mut self, account: &mut Account, phones: PhoneReader) -> Adopted {
        let Some(row) = self.row(&account.sourced_id) else { return Adopted::default() };
        let row = row.clone();
        let mut adopted = Adopted::default();
        let state = row.state.unwrap_or(State::Active);
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
            row.take_over(account, phones);
            adopted.touched |= *account != before;
            for field in Field::ALL
                .into_iter()
                .filter(|field| before.details.shown(*field) != account.details.shown(*field))
            {
                adopted.entries.push(AuditEntry {
                    origin: Origin::Platform,
                    field: field.key().into(),
                    old: before.details.shown(field),
                    new: account.details.shown(field),
                });
            }
        }
        adopted
    }

    /// Reports the rows that belong to nobody in the store or the roster.
    pub fn report_unknown(&self, findings: &mut Findings) -> u64 {
        let mut unknown: Vec<(u64, &str)> = self
            .rows
            .iter()
            .filter(|(id, _)| !self.matched.contains(*id))
            .map(|(id, row)| (row.line, id.as_ref()))
            .collect();
        unknown.sort_unstable();
        for (line, id) in &unknown {
            findings.warn("platform-row-unknown", &self.file, Some(*line), Some("sourced_id"), || {
                format!("sourcedId `{id}` is neither in the store nor in the roster; left out")
            });
        }
        unknown.len() as u64
    }

    fn row(&mut self, sourced_id: &str) -> Option<&Row> {
        let (id, row) = self.rows.get_key_value(sourced_id)?;
        if !self.matched.contains(sourced_id) {
            self.matched.insert(id.clone());
        }
        Some(row)
    }
}

impl Row {
    /// Takes the values over that the export says for the first time, or differently from last time.
    fn take_over(&self, account: &mut Account, phones: PhoneReader) {
        let said = &mut account.exported;
        let own = |cell: &Option<Box<str>>| cell.as_deref().map(str::to_owned);

        let given = own(&self.given_name).or_else(|| said.given_name.clone());
        let family = own(&self.family_name).or_else(|| said.family_name.clone());
        if self.given_name.is_some() || self.family_name.is_some() {
            let name = |given: &Option<String>, family: &Option<String>, account: &PersonName| {
                let part = |cell: &Option<String>, own: &str| cell.clone().unwrap_or_else(|| own.to_owned());
                PersonName::new(&part(given, &account.given), &part(family, &account.family))
            };
            let first = said.given_name.is_none() && said.family_name.is_none();
            let now = name(&given, &family, &account.details.name);
            let last = name(&said.given_name, &said.family_name, &account.details.name);
            if first || !now.same(&last) {
                if !now.same(&account.details.name) {
                    account.details.name = now;
                }
                said.given_name = given;
                said.family_name = family;
            }
        }
        if let Some(email) = &self.email
            && said.email.as_deref().is_none_or(|last| email_key(last) != email_key(email))
        {
            if email_key(&account.details.email) != email_key(email) {
                account.details.email = email.trim().to_owned();
            }
            said.email = own(&self.email);
        }
        take_number(&self.phone, &mut said.phone, &mut account.details.phone, phones);
        take_number(&self.home_phone, &mut said.home_phone, &mut account.details.home_phone, phones);
    }
}

fn take_number(cell: &Option<Box<str>>, said: &mut Option<String>, actual: &mut String, phones: PhoneReader) {
    let Some(cell) = cell else { return };
    // The same text needs no parsing, which is the dear part.
    if said.as_deref() == Some(cell) {
        return;
    }
    let now = phones.canonical(cell);
    if said.as_deref().is_none_or(|last| phone_key(&phones.canonical(last)) != phone_key(&now)) {
        if phone_key(actual) != phone_key(&now) {
            *actual = now;
        }
        *said = Some(cell.as_ref().to_owned());
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

    fn row(&self, record: &csv::ByteRecord, line: u64) -> Result<(Box<str>, Row), &'static str> {
        if record.len() != self.width && record.iter().skip(self.width).any(|cell| !cell.is_empty()) {
            return Err("the row has more cells than there are headers; left out");
        }
        if record.len() < self.width {
            return Err("the row has fewer cells than there are headers; left out");
        }
        let cell = |column: usize| -> Result<Option<Box<str>>, &'static str> {
            let Some(place) = self.places[column] else { return Ok(None) };
            let text = std::str::from_utf8(&record[place]).map_err(|_| "the row is not UTF-8; left out")?;
            Ok(Some(text.trim().into()))
        };
        let id = cell(0)?.filter(|id| !id.is_empty()).ok_or("the row has no sourced_id; left out")?;
        let state = match cell(1)? {
            None => None,
            Some(word) => match word.to_ascii_lowercase().as_str() {
                "active" | "joined" => Some(State::Active),
                "pending" | "invited" => Some(State::Pending),
                _ => return Err("the state is none of active, joined, pending, invited; left out"),
            },
        };
        let row = Row {
            line,
            state,
            given_name: cell(2)?,
            family_name: cell(3)?,
            email: cell(4)?,
            phone: cell(5)?,
            home_phone: cell(6)?,
        };
        Ok((id, row))
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
