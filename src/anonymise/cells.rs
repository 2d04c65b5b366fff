//! A cell in place of a cell, by the column that it is in.
//!
//! Kept as they are: words of the standard (`student`, `active`, `bulk`), words for "no value", the
//! words that the configuration names, and dates that no one has (1900, 9999). All else is replaced.

use std::collections::HashMap;

use chrono::{Datelike, Days, NaiveDate};

use super::numbers::Numbers;
use super::words::{Length, Words};
use crate::config::{Config, PLATFORM_COLUMNS, PLATFORM_EXTRAS};
use crate::contact::{Email, PhoneReader, Region};
use crate::roles;
use crate::value::{boolean, is_no_id, null_word, without_mark};

/// What a column holds, as far as its cells are treated in a way of their own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Column {
    Name,
    Email,
    Phone,
    /// A day that is compared with today or with other days.
    Day,
    Language,
    Relation,
    /// The year in which a school year ends: the same for all.
    SchoolYear,
    Password,
    /// Of a manifest.
    Property,
    Value,
    /// A column that a rule of `[contacts]` names, with its words.
    Ruled(Vec<String>),
    Other,
}

/// Words of the standard, and of platforms' exports.
const WORDS: [&str; 59] = [
    "absent",
    "active",
    "aide",
    "bulk",
    "delta",
    "department",
    "district",
    "exempt",
    "female",
    "fully graded",
    "gradingperiod",
    "graded",
    "homeroom",
    "inactive",
    "invited",
    "joined",
    "kg",
    "local",
    "male",
    "national",
    "not submitted",
    "other",
    "partially graded",
    "pending",
    "pk",
    "pr",
    "primary",
    "ps",
    "scheduled",
    "school",
    "schoolyear",
    "secondary",
    "semester",
    "staff",
    "state",
    "submitted",
    "sync",
    "term",
    "tk",
    "tobedeleted",
    "ug",
    "unspecified",
    "user",
    "it",
    "k",
    "true",
    "false",
    "yes",
    "no",
    "0",
    "1",
    "legal",
    "preferred",
    "n",
    "y",
    "english",
    "spanish",
    "oneroster",
    "none",
];

/// Languages by their English names; codes are recognised by their form.
const LANGUAGES: [&str; 27] = [
    "arabic",
    "armenian",
    "bengali",
    "burmese",
    "cantonese",
    "chinese",
    "creole",
    "english",
    "farsi",
    "french",
    "german",
    "haitian",
    "haitian creole",
    "hindi",
    "hmong",
    "japanese",
    "khmer",
    "korean",
    "mandarin",
    "polish",
    "portuguese",
    "punjabi",
    "russian",
    "somali",
    "spanish",
    "tagalog",
    "vietnamese",
];

/// Parts of what a person is to a student.
const RELATIONS: [&str; 46] = [
    "aunt",
    "babysitter",
    "brother",
    "caregiver",
    "case",
    "contact",
    "court",
    "cousin",
    "custodial",
    "doctor",
    "emergency",
    "father",
    "foster",
    "friend",
    "grand",
    "grandfather",
    "grandmother",
    "grandparent",
    "great",
    "guardian",
    "home",
    "host",
    "in",
    "law",
    "legal",
    "mother",
    "neighbor",
    "non",
    "of",
    "other",
    "parent",
    "partner",
    "relative",
    "self",
    "sibling",
    "sister",
    "social",
    "spouse",
    "step",
    "stepfather",
    "stepmother",
    "uncle",
    "unknown",
    "ward",
    "worker",
    "relation",
];

/// How names of people are in the header.
const NAMES: [&str; 10] = [
    "givenname",
    "familyname",
    "middlename",
    "preferredgivenname",
    "preferredfamilyname",
    "preferredmiddlename",
    "firstname",
    "lastname",
    "preferredfirstname",
    "preferredlastname",
];
const PHONES: [&str; 7] = ["sms", "phone", "mobile", "homephone", "mobilephone", "cell", "cellphone"];
const DAYS: [&str; 9] = [
    "datelastmodified",
    "begindate",
    "enddate",
    "startdate",
    "updatedat",
    "until",
    "assigndate",
    "duedate",
    "scoredate",
];

/// A header in small letters without `_`, `-` and blanks.
pub(super) fn squeezed(header: &str) -> String {
    let plain = |c: &char| !matches!(c, '_' | '-' | ' ' | '\u{FEFF}' | '"');
    header.chars().filter(plain).map(|c| c.to_ascii_lowercase()).collect()
}

/// What is replaced, and by what.
pub(super) struct Cells<'c> {
    pub(super) words: Words,
    pub(super) numbers: Numbers,
    config: Option<&'c Config>,
    /// Columns that only the configuration knows, by their headers.
    named: HashMap<String, Column>,
    today: NaiveDate,
    /// By how many days dates are moved.
    days: u64,
}

impl<'c> Cells<'c> {
    pub(super) fn new(key: [u8; 32], config: Option<&'c Config>, today: NaiveDate) -> Self {
        let words = Words::new(key);
        let days = words.number(b"days", "", 300) + 30;
        let region = config.map_or(Region::US, |config| config.sync.default_region);
        let numbers = Numbers::new(PhoneReader::new(region));
        Self { words, numbers, config, named: config.map(named).unwrap_or_default(), today, days }
    }

    pub(super) fn column(&self, header: &str) -> Column {
        if let Some(column) = self.named.get(&header.trim().to_ascii_lowercase()) {
            return column.clone();
        }
        match squeezed(header).as_str() {
            "password" => Column::Password,
            "email" | "emailaddress" => Column::Email,
            "language" | "homelanguage" => Column::Language,
            "relationship" | "relation" => Column::Relation,
            "schoolyear" => Column::SchoolYear,
            "propertyname" | "property" => Column::Property,
            "value" | "propertyvalue" => Column::Value,
            name if NAMES.contains(&name) => Column::Name,
            name if PHONES.contains(&name) => Column::Phone,
            name if DAYS.contains(&name) => Column::Day,
            _ => Column::Other,
        }
    }

    /// Takes in a number of the original, which no other person is to get.
    pub(super) fn see(&mut self, column: &Column, cell: &str) {
        if *column == Column::Phone {
            self.numbers.take(without_mark(cell.trim()).0);
        }
    }

    /// What is to be written in place of a cell. `before` is the first cell of its row.
    pub(super) fn cell(&mut self, column: &Column, cell: &str, before: &str) -> String {
        let bare = cell.trim();
        if *column == Column::Password {
            return String::new();
        }
        if bare.is_empty() || self.stays(column, bare, before) {
            return cell.to_owned();
        }
        // What is around the cell's own text stays: blanks, and marks of a spreadsheet.
        let inner = without_mark(bare).0;
        let Some((head, tail)) = cell.split_once(inner).filter(|_| !inner.is_empty()) else {
            return self.words.text(cell);
        };
        let new = self.inner(column, inner);
        format!("{head}{new}{tail}")
    }

    fn inner(&mut self, column: &Column, text: &str) -> String {
        if text.contains('@') && !text.contains("://") {
            return self.email(text);
        }
        match column {
            Column::Phone => self.numbers.text(text, &mut self.words),
            // What stood for `*` is replaced, so that the rule fits as before.
            Column::Ruled(words) => {
                match words.iter().filter(|word| fits(word, text)).max_by_key(|word| word.len()) {
                    Some(word) => word.replace('*', &self.words.text(text)).replace('?', "q"),
                    None => self.words.text(text),
                }
            }
            Column::Day => self.day(text, true).unwrap_or_else(|| self.words.text(text)),
            Column::Name | Column::Email => self.words.text(text),
            _ => match text.strip_prefix("ext:") {
                Some(rest) => format!("ext:{}", self.words.text(rest)),
                None => self.day(text, false).unwrap_or_else(|| self.words.text(text)),
            },
        }
    }

    fn stays(&self, column: &Column, text: &str, before: &str) -> bool {
        let one = |word: &str| WORDS.iter().any(|known| known.eq_ignore_ascii_case(word));
        let is_role = |word: &str| roles::is_known(&roles::canonical(word));
        match column {
            // `Null` and `None` are names as well.
            Column::Name => {
                null_word(text).is_some_and(|word| {
                    !matches!(word, "None" | "nan" | "nil" | "N/A" | "n.a." | "NULL" | "undefined")
                }) || matches!(text, "NULL" | "null" | "undefined" | "UNDEFINED")
            }
            _ if null_word(text).is_some() || is_no_id(text) => true,
            Column::Property => ["file.", "manifest.", "oneroster.", "source."]
                .iter()
                .any(|known| text.to_ascii_lowercase().starts_with(known)),
            Column::Value if before.to_ascii_lowercase().ends_with("version") => true,
            Column::SchoolYear if text.len() == 4 && text.bytes().all(|byte| byte.is_ascii_digit()) => true,
            Column::Language if is_language(text) => true,
            Column::Relation if is_relation(text) => true,
            Column::Ruled(words) => {
                let is_word = |word: &&String| !word.contains(['*', '?']) && fits(word, text);
                is_relation(text) || one(text) || words.iter().any(|word| is_word(&word))
            }
            Column::Email | Column::Phone => one(text) && boolean(text).is_none() || is_role(text),
            _ => {
                let named = |word: &str| self.config.is_some_and(|config| config.sync.role_names.has(word));
                named(text)
                    || text
                        .split([',', ';', '|'])
                        .map(str::trim)
                        .all(|part| one(part) || is_role(part) || named(part) || is_grade(part))
            }
        }
    }

    /// An address: one that is valid stays valid, and any other is not made valid.
    fn email(&mut self, text: &str) -> String {
        if let Some(config) = self.config.filter(|config| config.sync.ignore_emails.matches(text)) {
            let fits = |glob: &&String| fits(glob, text);
            let found = config.sync.ignore_emails.patterns.iter().find(fits).cloned();
            if let Some(glob) = found {
                return {
                    let pattern = self.pattern(&glob);
                    self.filled(&pattern, text)
                };
            }
        }
        let Some((local, domain)) = text.rsplit_once('@') else { return self.words.text(text) };
        let is_valid = |text: &str| Email::parse(text).is_some();
        let domain = self.domain(domain, Length::Safe);
        let new = format!("{}@{domain}", self.words.text(local));
        match (is_valid(text), is_valid(&new)) {
            (true, false) => {
                // It has become too long.
                let local = self.words.any(&local.to_lowercase(), 16);
                let whole = format!("{local}@{domain}");
                if is_valid(&whole) {
                    whole
                } else {
                    format!("{local}@{}.invalid", self.words.any(&domain, 16))
                }
            }
            (false, true) => self.words.text_of(text, Length::Same),
            _ => new,
        }
    }

    fn domain(&mut self, domain: &str, length: Length) -> String {
        let labels: Vec<String> = domain
            .split('.')
            .map(|label| {
                let ascii = label.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("xn--"));
                let (unicode, read) =
                    if ascii { idna::domain_to_unicode(label) } else { (label.to_owned(), Ok(())) };
                let new = self.words.text_of(&unicode, length);
                match ascii && read.is_ok() {
                    true => idna::domain_to_ascii(&new).unwrap_or(new),
                    false => new,
                }
            })
            .collect();
        labels.join(".")
    }

    /// A pattern of `ignore_emails`, as it is in the new configuration.
    pub(super) fn pattern(&self, glob: &str) -> String {
        let (local, domain) = glob.split_once('@').unwrap_or((glob, ""));
        let part = |text: &str| -> String {
            let is_plain = text.chars().all(|c| matches!(c, '*' | '?' | '.'));
            if is_plain {
                text.to_owned()
            } else {
                format!("{}.invalid", digest(self.words.number(b"glob", text, 1 << 40)))
            }
        };
        let local: String = match local.chars().all(|c| matches!(c, '*' | '?')) {
            true => local.to_owned(),
            false => {
                let stars = if local.starts_with('*') { "*" } else { "" };
                let end = if local.ends_with('*') { "*" } else { "" };
                format!("{stars}{}{end}", digest(self.words.number(b"glob", local, 1 << 40)))
            }
        };
        match domain.is_empty() {
            true => local,
            false => format!("{local}@{}", part(domain)),
        }
    }

    /// An address that a pattern fits.
    fn filled(&mut self, glob: &str, text: &str) -> String {
        let filling = self.words.any(&text.to_lowercase(), 12);
        let whole = glob.replace('*', &filling).replace('?', "q");
        match whole.split_once('@') {
            Some((_, domain)) if domain.contains('.') => whole,
            Some(_) => format!("{whole}.invalid"),
            None => whole,
        }
    }

    /// A day moved away from today, so that what has ended has ended and what is to come is to come;
    /// the time of day stays. In a column that is not compared any day of the same form.
    fn day(&self, text: &str, is_compared: bool) -> Option<String> {
        let end = text.find(['T', 't', ' ']).unwrap_or(text.len());
        let (day, time) = text.split_at(end);
        let is_us = day.contains('/');
        let mut parts = day.split(['-', '/']);
        let (first, second, third) = (parts.next()?, parts.next()?, parts.next()?);
        if parts.next().is_some() {
            return None;
        }
        let (year, month, of_month) = if is_us { (third, first, second) } else { (first, second, third) };
        if year.len() != 4 {
            return None;
        }
        let date = NaiveDate::from_ymd_opt(year.parse().ok()?, month.parse().ok()?, of_month.parse().ok()?)?;
        let new = match is_compared {
            // No one's day: databases write such ones for none.
            true if date.year() < 1990 || date.year() > 2100 => date,
            true if date > self.today => date.checked_add_days(Days::new(self.days))?,
            true => {
                let earlier = date.checked_sub_days(Days::new(self.days))?;
                if earlier.year() < 1990 { date.checked_add_days(Days::new(self.days))? } else { earlier }
            }
            false => {
                let days = self.words.number(b"birth", day, 20_000) + 1;
                NaiveDate::from_ymd_opt(1960, 1, 1)?.checked_add_days(Days::new(days))?
            }
        };
        Some(match (is_us, month.len() + of_month.len() == 4) {
            (true, true) => format!("{}{time}", new.format("%m/%d/%Y")),
            (true, false) => format!("{}{time}", new.format("%-m/%-d/%Y")),
            (false, _) => format!("{}{time}", new.format("%Y-%m-%d")),
        })
    }
}

fn digest(number: u64) -> String {
    format!("ignored{number:010x}")
}

/// The columns that the configuration names.
fn named(config: &Config) -> HashMap<String, Column> {
    let mut named = HashMap::new();
    let csv = config.source.csv();
    let languages = [csv.and_then(|csv| csv.language_column.as_ref())];
    let of_guardians = config.guardians.as_ref().and_then(|guardians| guardians.language_field.as_ref());
    for language in languages.into_iter().flatten().chain(of_guardians) {
        named.insert(language.trim().to_ascii_lowercase(), Column::Language);
    }
    for (column, words) in config.contacts.rules.iter().flat_map(|rules| rules.words()) {
        let known =
            named.entry(column.trim().to_ascii_lowercase()).or_insert_with(|| Column::Ruled(Vec::new()));
        match known {
            Column::Ruled(all) => all.extend(words),
            other => *other = Column::Ruled(words),
        }
    }
    let columns = config.platform.iter().flat_map(|platform| &platform.columns);
    for (contract, header) in columns.filter(|(contract, _)| {
        PLATFORM_COLUMNS.contains(&contract.as_str()) || PLATFORM_EXTRAS.contains(&contract.as_str())
    }) {
        let column = match contract.as_str() {
            "given_name" | "family_name" => Column::Name,
            "email" => Column::Email,
            "phone" | "home_phone" => Column::Phone,
            "language" => Column::Language,
            "updated_at" => Column::Day,
            _ => Column::Other,
        };
        named.insert(header.trim().to_ascii_lowercase(), column);
    }
    named
}

/// `es`, `zh-Hans`, `Spanish`.
fn is_language(text: &str) -> bool {
    let code = text.split(['-', '_']).next().unwrap_or_default();
    let is_code = matches!(code.len(), 2 | 3)
        && text.len() <= 10
        && text.bytes().all(|byte| byte.is_ascii_alphabetic() || matches!(byte, b'-' | b'_'));
    is_code || LANGUAGES.iter().any(|known| known.eq_ignore_ascii_case(text))
}

fn is_relation(text: &str) -> bool {
    let words = text.split(|c: char| !c.is_alphabetic()).filter(|word| !word.is_empty());
    let mut count = 0;
    let known = words
        .inspect(|_| count += 1)
        .all(|word| RELATIONS.iter().any(|known| known.eq_ignore_ascii_case(word)));
    known && count > 0
}

fn is_grade(text: &str) -> bool {
    text.len() <= 2 && text.parse::<u8>().is_ok_and(|grade| (1..=13).contains(&grade))
}

/// Whether a pattern with `*` and `?` is the text, without case.
fn fits(pattern: &str, text: &str) -> bool {
    fn rest(pattern: &[char], text: &[char]) -> bool {
        match pattern.split_first() {
            None => text.is_empty(),
            Some(('*', more)) => (0..=text.len()).any(|from| rest(more, &text[from..])),
            Some(('?', more)) => !text.is_empty() && rest(more, &text[1..]),
            Some((c, more)) => text.first() == Some(c) && rest(more, &text[1..]),
        }
    }
    let chars = |text: &str| text.to_lowercase().chars().collect::<Vec<_>>();
    rest(&chars(pattern.trim()), &chars(text))
}
