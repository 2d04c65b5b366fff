//! The kinds of values a configuration can hold, each read with an error that says what would be right.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use serde::de::{Deserializer, Error, MapAccess, Unexpected, Visitor};
use serde::{Deserialize, Serialize};

use super::SourceKind;
use super::keys::HINT;
use crate::contact::Region;
use crate::mailbox::{Mailbox, NoMailbox};
use crate::roles::{self, RoleNames};

/// A limit: a number is a count, a string with `%` is a share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub enum Limit {
    Count(u64),
    /// In percent, 0 to 100.
    Share(f64),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count(count) => write!(f, "{count}"),
            Self::Share(percent) => write!(f, "{percent}%"),
        }
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(LimitVisitor)
    }
}

struct LimitVisitor;

impl Visitor<'_> for LimitVisitor {
    type Value = Limit;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count such as 500, or a share such as \"10%\"")
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Limit, E> {
        u64::try_from(count).map(Limit::Count).map_err(|_| E::invalid_value(Unexpected::Signed(count), &self))
    }

    fn visit_f64<E: Error>(self, fraction: f64) -> Result<Limit, E> {
        if !fraction.is_finite() || fraction < 0.0 {
            return Err(E::custom(format!("`{fraction}` is not a limit{HINT}{LIMIT_FORM}")));
        }
        let percent = if fraction <= 1.0 { fraction * 100.0 } else { fraction };
        Err(E::custom(format!(
            "a bare fraction ({fraction}) is not a limit{HINT}for a share write \"{percent}%\", for a count a whole number"
        )))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Limit, E> {
        // Digits and at most one point: what else a parser of numbers takes (`1e2`, `inf`, `nan`, `+5`) is a slip of the pen.
        let plain = |number: &&str| {
            number.starts_with(|c: char| c.is_ascii_digit())
                && number.ends_with(|c: char| c.is_ascii_digit())
                && number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.')
        };
        let number = text.trim().strip_suffix('%').map(str::trim_end);
        match number.filter(plain).and_then(|number| number.parse::<f64>().ok()) {
            Some(percent) if (0.0..=100.0).contains(&percent) => Ok(Limit::Share(percent)),
            Some(_) => Err(E::custom(format!("`{text}` is more than everything{HINT}{LIMIT_FORM}"))),
            None => Err(E::custom(format!("`{text}` is not a limit{HINT}{LIMIT_FORM}"))),
        }
    }
}

const LIMIT_FORM: &str = "write a share such as \"10%\" or \"2.5%\" (digits, at most one point, at most 100), or a count such as 500 \
                          without quotes";

/// The greatest age of a file; `"none"` turns the check off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub Option<Duration>);

impl Default for Age {
    fn default() -> Self {
        Self(Some(Duration::from_secs(48 * 3600)))
    }
}

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self(None));
        }
        match span(&text) {
            Some(span) => Ok(Self(Some(span))),
            None => Err(D::Error::custom(format!(
                "`{text}` is not a duration{HINT}write for example \"48h\", \"7d\", \"30m\", or \"none\""
            ))),
        }
    }
}

/// A length of time: `30s`, `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        span(&text).map(Self).ok_or_else(|| {
            D::Error::custom(format!(
                "`{text}` is not a duration{HINT}write for example \"30s\", \"500ms\" or \"2m\""
            ))
        })
    }
}

/// A number with its unit.
pub fn span(text: &str) -> Option<Duration> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number = text[..split].parse::<u64>().ok()?;
    let seconds = match text[split..].trim() {
        "ms" => return Some(Duration::from_millis(number)),
        "s" => 1,
        "m" => 60,
        "h" => 3600,
        "d" => 86_400,
        _ => return None,
    };
    number.checked_mul(seconds).map(Duration::from_secs)
}

/// The time zone for dates in reports and messages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Zone {
    /// The system's.
    #[default]
    System,
    Named(Tz),
}

impl Zone {
    /// The day there at a moment.
    pub fn day(self, moment: DateTime<Utc>) -> NaiveDate {
        match self {
            Self::System => moment.with_timezone(&Local).date_naive(),
            Self::Named(zone) => moment.with_timezone(&zone).date_naive(),
        }
    }

    /// Date and time there.
    pub fn local(self, moment: DateTime<Utc>) -> NaiveDateTime {
        match self {
            Self::System => moment.with_timezone(&Local).naive_local(),
            Self::Named(zone) => moment.with_timezone(&zone).naive_local(),
        }
    }

    /// The moment when it is that late there; the later one where the clocks go back, none where they skip it.
    pub fn moment(self, there: NaiveDateTime) -> Option<DateTime<Utc>> {
        match self {
            Self::System => Local.from_local_datetime(&there).latest().map(|moment| moment.to_utc()),
            Self::Named(zone) => zone.from_local_datetime(&there).latest().map(|moment| moment.to_utc()),
        }
    }

    /// The moment as people there write it: `2026-11-23 02:15`.
    pub fn show(self, moment: DateTime<Utc>) -> String {
        const FORM: &str = "%Y-%m-%d %H:%M";
        match self {
            Self::System => moment.with_timezone(&Local).format(FORM).to_string(),
            Self::Named(zone) => moment.with_timezone(&zone).format(FORM).to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Tz::from_str(&text).map(Self::Named).map_err(|_| {
            D::Error::custom(format!(
                "`{text}` is not a time zone{HINT}write an IANA name such as \"America/Chicago\""
            ))
        })
    }
}

/// Address patterns.
#[derive(Debug, Clone, Default)]
pub struct Globs {
    /// As configured; part of what decisions depend on.
    pub patterns: Vec<String>,
    set: GlobSet,
}

impl Globs {
    pub fn matches(&self, text: &str) -> bool {
        !self.patterns.is_empty() && self.set.is_match(text)
    }
}

pub(super) fn globs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Globs, D::Error> {
    let patterns = Vec::<String>::deserialize(deserializer)?;
    let mut builder = GlobSetBuilder::new();
    for pattern in &patterns {
        let glob = GlobBuilder::new(pattern).case_insensitive(true).build();
        builder.add(
            glob.map_err(|error| {
                D::Error::custom(format!("`{pattern}` is not a pattern: {}", error.kind()))
            })?,
        );
    }
    let set = builder.build().map_err(D::Error::custom)?;
    Ok(Globs { patterns, set })
}

/// A source's own words for roles. Read entry by entry, so that a mistake is found where it stands.
pub(super) fn role_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoleNames, D::Error> {
    struct Words;

    impl<'de> Visitor<'de> for Words {
        type Value = RoleNames;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table such as { \"Parent/Guardian\" = \"parent\" }")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut words: A) -> Result<RoleNames, A::Error> {
            let mut names = RoleNames::default();
            while let Some(word) = words.next_key::<String>()? {
                if names.has(&word) {
                    return Err(A::Error::custom(format!(
                        "`{word}` is in `role_names` twice; case and spaces make no difference{HINT}keep one of them"
                    )));
                }
                if word.trim().is_empty() {
                    return Err(A::Error::custom(format!(
                        "a word in `role_names` is blank{HINT}write the word that the source has for the role"
                    )));
                }
                names.add(&word, words.next_value::<Role>()?.0);
            }
            Ok(names)
        }
    }

    deserializer.deserialize_map(Words)
}

/// One of OneRoster's roles, in its own spelling.
struct Role(&'static str);

impl<'de> Deserialize<'de> for Role {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let key = RoleNames::key(&text);
        let found = roles::NAMES.into_iter().find(|name| RoleNames::key(name) == key);
        found.map(Self).ok_or_else(|| {
            let near = roles::NAMES.iter().min_by_key(|name| strsim::levenshtein(&RoleNames::key(name), &key));
            let near = near.copied().unwrap_or_default();
            D::Error::custom(format!(
                "`{text}` in `role_names` is not a OneRoster role{HINT}did you mean `{near}`? The roles are: {}",
                roles::NAMES.join(", ")
            ))
        })
    }
}

pub(super) fn region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Region, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
}

pub(super) fn source_type<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SourceKind, D::Error> {
    let text = String::deserialize(deserializer)?;
    SourceKind::ALL.into_iter().find(|kind| kind.word() == text).ok_or_else(|| {
        let words: Vec<String> = SourceKind::ALL.iter().map(|kind| format!("\"{}\"", kind.word())).collect();
        D::Error::custom(format!("`{text}` is not a source type{HINT}write type = {}", words.join(", or ")))
    })
}

/// The columns that a platform export can have.
pub const PLATFORM_COLUMNS: [&str; 7] =
    ["sourced_id", "state", "given_name", "family_name", "email", "phone", "home_phone"];

/// Those that say something about a row besides: they are read, and never written by `users export`.
pub const PLATFORM_EXTRAS: [&str; 3] = ["language", "updated_at", "updated_by"];

pub(super) fn columns<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    let columns = BTreeMap::<String, String>::deserialize(deserializer)?;
    let known = |key: &str| PLATFORM_COLUMNS.contains(&key) || PLATFORM_EXTRAS.contains(&key);
    match columns.keys().find(|key| !known(key)) {
        Some(key) => Err(D::Error::custom(format!(
            "`{key}` is not a column of the platform export{HINT}the columns are: {}, {}",
            PLATFORM_COLUMNS.join(", "),
            PLATFORM_EXTRAS.join(", ")
        ))),
        None => Ok(columns),
    }
}

/// `Lincoln District <no-reply@lincoln.example>`, or the bare address.
pub(super) fn mailbox<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mailbox, D::Error> {
    let text = String::deserialize(deserializer)?;
    Mailbox::parse(&text).map_err(|wrong| {
        let hint = match wrong {
            NoMailbox::TwoAddresses => "write one address, or a list that forwards to several",
            _ => "write \"Lincoln District <no-reply@lincoln.example>\"",
        };
        D::Error::custom(format!("`{}` {}{HINT}{hint}", text.escape_debug(), wrong.words()))
    })
}

pub(super) fn optional_mailbox<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Mailbox>, D::Error> {
    mailbox(deserializer).map(Some)
}

pub(super) fn mailboxes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Mailbox>, D::Error> {
    let texts = Vec::<String>::deserialize(deserializer)?;
    if texts.is_empty() {
        return Err(D::Error::custom(format!("the list is empty{HINT}write to = [\"it@lincoln.example\"]")));
    }
    let read = |text: &String| {
        Mailbox::parse(text).map_err(|wrong| {
            let hint =
                "write each address by itself: to = [\"it@lincoln.example\", \"office@lincoln.example\"]";
            D::Error::custom(format!("`{}` {}{HINT}{hint}", text.escape_debug(), wrong.words()))
        })
    };
    texts.iter().map(read).collect()
}
