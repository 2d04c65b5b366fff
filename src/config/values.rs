//! The kinds of values a configuration can hold, each read with an error that says what would be right.

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Local, NaiveDate, NaiveDateTime, TimeZone, Utc};
use chrono_tz::Tz;
use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Unexpected, Visitor};
use serde::ser::Serializer;
use serde::{Deserialize, Serialize};

use super::explain::wrong;
use crate::contact::Region;
use crate::mailbox::{Mailbox, NoMailbox};
use crate::message::Channel;
use crate::near::nearest;
use crate::plural::counted;
use crate::roles::{self, RoleNames};
use crate::secret::{Secret, SecretPlace};

/// Gives a kind of value its form in the JSON Schema, and its text as the file would have it.
macro_rules! kind_of_value {
    ($kind:ty, $schema:tt) => {
        impl schemars::JsonSchema for $kind {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($kind).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!($schema)
            }
        }
    };
    ($kind:ty, written, $schema:tt) => {
        kind_of_value!($kind, $schema);

        impl serde::Serialize for $kind {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    };
}
pub(super) use kind_of_value;

/// A limit: a number is a count, a string with `%` is a share.
#[derive(Debug, Clone, Copy, PartialEq)]
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

/// As the file has it.
#[derive(Serialize)]
#[serde(untagged)]
enum Written {
    Number(u64),
    Text(String),
}

impl Serialize for Limit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => Written::Number(*count),
            Self::Share(_) => Written::Text(self.to_string()),
        }
        .serialize(serializer)
    }
}

kind_of_value!(Limit, {
    "anyOf": [
        { "type": "integer", "minimum": 0 },
        { "type": "string", "pattern": r"^\s*0*(100(\.0*)?|[0-9]{1,2}(\.[0-9]+)?)\s*%\s*$" },
    ],
});

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
            return Err(wrong(format!("`{fraction}` is not a limit"), LIMIT_FORM));
        }
        let percent = if fraction <= 1.0 { fraction * 100.0 } else { fraction };
        Err(wrong(
            format!("a bare fraction ({fraction}) is not a limit"),
            format!("for a share write \"{percent}%\", for a count a whole number"),
        ))
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
            Some(_) => Err(wrong(format!("`{text}` is more than everything"), LIMIT_FORM)),
            None => Err(wrong(format!("`{text}` is not a limit"), LIMIT_FORM)),
        }
    }
}

const LIMIT_FORM: &str = "write a share such as \"10%\" or \"2.5%\" (digits, at most one point, at most 100), or a count such as 500 \
                          without quotes";

/// For how long people are missing before their accounts are archived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ArchiveAfter {
    /// Good runs without the person; at least 1.
    Runs(u32),
    /// Days since the first of them; at least 1.
    Days(u32),
}

impl Default for ArchiveAfter {
    fn default() -> Self {
        Self::Runs(1)
    }
}

impl fmt::Display for ArchiveAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Runs(runs) => write!(f, "{runs}"),
            Self::Days(days) => write!(f, "{days}d"),
        }
    }
}

impl Serialize for ArchiveAfter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Runs(runs) => Written::Number(u64::from(*runs)),
            Self::Days(_) => Written::Text(self.to_string()),
        }
        .serialize(serializer)
    }
}

kind_of_value!(ArchiveAfter, {
    "anyOf": [{ "type": "integer", "minimum": 1 }, { "type": "string", "pattern": "^0*[1-9][0-9]*d$" }],
});

impl ArchiveAfter {
    /// `3 good runs`, `3 days`
    pub fn words(self) -> String {
        match self {
            Self::Runs(runs) => counted(u64::from(runs), "good run", "good runs"),
            Self::Days(days) => counted(u64::from(days), "day", "days"),
        }
    }
}

const ARCHIVE_AFTER_FORM: &str =
    "write how many runs, for example 3, or how many days, for example \"3d\"; 1 archives at the first run";

impl<'de> Deserialize<'de> for ArchiveAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Form;

        impl Visitor<'_> for Form {
            type Value = ArchiveAfter;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a number of runs such as 3, or of days such as \"3d\"")
            }

            fn visit_i64<E: Error>(self, runs: i64) -> Result<ArchiveAfter, E> {
                match u32::try_from(runs) {
                    Ok(runs) if runs > 0 => Ok(ArchiveAfter::Runs(runs)),
                    _ => Err(wrong(format!("`{runs}` is not a number of runs"), ARCHIVE_AFTER_FORM)),
                }
            }

            fn visit_str<E: Error>(self, text: &str) -> Result<ArchiveAfter, E> {
                days(text)
                    .map(ArchiveAfter::Days)
                    .ok_or_else(|| wrong(format!("`{text}` is not a number of days"), ARCHIVE_AFTER_FORM))
            }
        }

        deserializer.deserialize_any(Form)
    }
}

/// Whole days, at least one: `365d`.
fn days(text: &str) -> Option<u32> {
    let digits = text.strip_suffix('d')?;
    let plain = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    digits.parse().ok().filter(|days| plain && *days > 0)
}

/// How many days after they were archived accounts are removed; none: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PurgeAfter(pub Option<u32>);

impl fmt::Display for PurgeAfter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(days) => write!(f, "{days}d"),
            None => f.write_str("never"),
        }
    }
}

kind_of_value!(PurgeAfter, written, { "type": "string", "pattern": "^(never|0*[1-9][0-9]*d)$" });

impl<'de> Deserialize<'de> for PurgeAfter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        text(deserializer, |text| match text {
            "never" => Ok(Self(None)),
            _ => days(text).map(|days| Self(Some(days))).ok_or_else(|| {
                wrong(
                    format!("`{text}` is not a number of days"),
                    "write \"never\", or how many days, for example \"365d\"",
                )
            }),
        })
    }
}

/// The greatest age of a file; `"none"` turns the check off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub Option<Duration>);

impl Default for Age {
    fn default() -> Self {
        Self(Some(Duration::from_secs(48 * 3600)))
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(time) => Span(time).fmt(f),
            None => f.write_str("none"),
        }
    }
}

kind_of_value!(Age, written, {
    "type": "string",
    "pattern": r"^(none|[0-9]+\s*(ms|s|m|h|d)\s*)$",
});

impl<'de> Deserialize<'de> for Age {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        if text == "none" {
            return Ok(Self(None));
        }
        span(&text).map(|span| Self(Some(span))).ok_or_else(|| {
            wrong(
                format!("`{text}` is not a duration"),
                "write for example \"48h\", \"7d\", \"30m\", or \"none\"",
            )
        })
    }
}

/// A length of time: `30s`, `500ms`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

/// In the largest unit of which there are several: `48h`, `7d`, `60s`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if self.0.subsec_millis() > 0 {
            return write!(f, "{}ms", self.0.as_millis());
        }
        let unit = [(86_400, "d"), (3_600, "h"), (60, "m")]
            .into_iter()
            .find(|(length, _)| seconds.is_multiple_of(*length) && seconds / length > 2);
        let (length, unit) = unit.unwrap_or((1, "s"));
        write!(f, "{}{unit}", seconds / length)
    }
}

kind_of_value!(Span, written, { "type": "string", "pattern": r"^[0-9]+\s*(ms|s|m|h|d)\s*$" });

/// A length of time as the file has it.
pub(super) fn write_span<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    Span(*time).serialize(serializer)
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        span(&text).map(Self).ok_or_else(|| {
            wrong(format!("`{text}` is not a duration"), "write for example \"30s\", \"500ms\" or \"2m\"")
        })
    }
}

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

    /// For names of files: `20261123-021500`.
    pub fn compact(self, moment: DateTime<Utc>) -> String {
        self.local(moment).format("%Y%m%d-%H%M%S").to_string()
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

/// None for the system's, which has no name in the file.
impl Serialize for Zone {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::System => serializer.serialize_none(),
            Self::Named(zone) => serializer.serialize_str(zone.name()),
        }
    }
}

impl JsonSchema for Zone {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Zone".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let names: Vec<&str> = chrono_tz::TZ_VARIANTS.iter().map(|zone| zone.name()).collect();
        json_schema!({ "type": "string", "enum": names })
    }
}

impl<'de> Deserialize<'de> for Zone {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Tz::from_str(&text).map(Self::Named).map_err(|_| {
            wrong(format!("`{text}` is not a time zone"), "write an IANA name such as \"America/Chicago\"")
        })
    }
}

#[derive(Debug, Clone, Default)]
pub struct Globs {
    /// As configured; part of what decisions depend on.
    pub patterns: Vec<String>,
    set: GlobSet,
}

impl Serialize for Globs {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.patterns.serialize(serializer)
    }
}

kind_of_value!(Globs, { "type": "array", "items": { "type": "string" } });

impl Globs {
    pub fn matches(&self, text: &str) -> bool {
        !self.patterns.is_empty() && self.set.is_match(text)
    }
}

/// A value whose mistakes are shown at its own place, also in a list: the parser tells the place of newtypes.
#[derive(Deserialize)]
struct At<T>(T);

fn text<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    read: impl FnOnce(&str) -> Result<T, D::Error>,
) -> Result<T, D::Error> {
    read(&String::deserialize(deserializer)?)
}

pub(super) fn globs<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Globs, D::Error> {
    struct Pattern(String, Glob);

    impl<'de> Deserialize<'de> for Pattern {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            text(deserializer, |text| match GlobBuilder::new(text).case_insensitive(true).build() {
                Ok(glob) => Ok(Self(text.to_owned(), glob)),
                Err(error) => Err(wrong(
                    format!("`{text}` is not a pattern: {}", error.kind()),
                    "write * for any letters and ? for one, as in file names",
                )),
            })
        }
    }

    let mut globs = Globs::default();
    let mut builder = GlobSetBuilder::new();
    for At(Pattern(pattern, glob)) in Vec::deserialize(deserializer)? {
        globs.patterns.push(pattern);
        builder.add(glob);
    }
    globs.set = builder.build().map_err(D::Error::custom)?;
    Ok(globs)
}

/// A path; an empty one would mean the folder of the configuration.
pub(super) fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<PathBuf, D::Error> {
    match PathBuf::deserialize(deserializer)? {
        path if path.as_os_str().is_empty() => {
            Err(wrong("is empty", "name a file or folder, relative to the configuration file"))
        }
        path => Ok(path),
    }
}

pub(super) fn optional_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<PathBuf>, D::Error> {
    path(deserializer).map(Some)
}

/// Text that must not be empty or blank.
pub(super) fn not_blank<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    match String::deserialize(deserializer)? {
        text if text.trim().is_empty() => Err(wrong("is empty", "write a text between the quotes")),
        text => Ok(text),
    }
}

pub(super) fn role_list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    struct Known(String);

    impl<'de> Deserialize<'de> for Known {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            text(deserializer, |role| match roles::is_known(role) {
                true => Ok(Self(role.to_owned())),
                false => Err(no_role(role, nearest(role, roles::NAMES))),
            })
        }
    }

    let list: Vec<At<Known>> = Vec::deserialize(deserializer)?;
    Ok(list.into_iter().map(|At(Known(role))| role).collect())
}

fn no_role<E: Error>(role: &str, near: Option<&str>) -> E {
    let names = format!("the roles are: {}", roles::NAMES.join(", "));
    let cure = near
        .map_or(names.clone(), |near| format!("did you mean `{near}`? {}", names.replacen("the", "The", 1)));
    wrong(format!("`{role}` is not a OneRoster role"), cure)
}

pub(super) fn role_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "array", "items": { "type": "string", "enum": roles::NAMES } })
}

pub(super) fn write_role_names<S: Serializer>(names: &RoleNames, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(names.iter())
}

pub(super) fn role_names<'de, D: Deserializer<'de>>(deserializer: D) -> Result<RoleNames, D::Error> {
    /// One of OneRoster's roles, in its own spelling.
    struct Role(&'static str);

    impl<'de> Deserialize<'de> for Role {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            text(deserializer, |text| {
                let key = RoleNames::key(text);
                let distance = |name: &&str| strsim::levenshtein(&RoleNames::key(name), &key);
                match roles::NAMES.into_iter().min_by_key(distance) {
                    Some(near) if RoleNames::key(near) == key => Ok(Self(near)),
                    near => Err(no_role(text, near)),
                }
            })
        }
    }

    let mut names = RoleNames::default();
    for (word, role) in BTreeMap::<String, Role>::deserialize(deserializer)? {
        if names.has(&word) {
            return Err(wrong(
                format!("`{word}` is in `role_names` twice; case and spaces make no difference"),
                "keep one of them",
            ));
        }
        if word.trim().is_empty() {
            return Err(wrong(
                "a word in `role_names` is blank",
                "write the word that the source has for the role",
            ));
        }
        names.add(&word, role.0);
    }
    Ok(names)
}

pub(super) fn region<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Region, D::Error> {
    text(deserializer, |text| text.parse().map_err(D::Error::custom))
}

pub(super) fn write_region<S: Serializer>(region: &Region, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(region)
}

pub(super) fn region_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "type": "string", "pattern": "^[A-Za-z]{2}$" })
}

/// The columns that a platform export can have.
pub const PLATFORM_COLUMNS: [&str; 7] =
    ["sourced_id", "state", "given_name", "family_name", "email", "phone", "home_phone"];

/// Those that say something about a row besides. They may be missing, and come and go.
pub const PLATFORM_EXTRAS: [&str; 5] =
    ["language", "updated_at", "updated_by", PLATFORM_OPT_OUTS[0], PLATFORM_OPT_OUTS[1]];

/// Whether the person wants no messages by a channel; in the order of `Channel::ALL`. `users export` writes them, too.
pub const PLATFORM_OPT_OUTS: [&str; 2] = [Channel::Email.opt_out(), Channel::Sms.opt_out()];

pub(super) fn columns<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<BTreeMap<String, String>, D::Error> {
    #[derive(PartialEq, Eq, PartialOrd, Ord)]
    struct Column(String);

    impl<'de> Deserialize<'de> for Column {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            text(deserializer, |key| {
                match PLATFORM_COLUMNS.iter().chain(&PLATFORM_EXTRAS).any(|known| *known == key) {
                    true => Ok(Self(key.to_owned())),
                    false => Err(wrong(
                        format!("`{key}` is not a column of the platform export"),
                        format!(
                            "the columns are: {}, {}",
                            PLATFORM_COLUMNS.join(", "),
                            PLATFORM_EXTRAS.join(", ")
                        ),
                    )),
                }
            })
        }
    }

    let columns = BTreeMap::<Column, String>::deserialize(deserializer)?;
    Ok(columns.into_iter().map(|(Column(key), header)| (key, header)).collect())
}

pub(super) fn columns_schema(_: &mut SchemaGenerator) -> Schema {
    let text = serde_json::json!({ "type": "string" });
    let names = PLATFORM_COLUMNS.iter().chain(&PLATFORM_EXTRAS);
    let columns: serde_json::Map<String, serde_json::Value> =
        names.map(|name| ((*name).to_owned(), text.clone())).collect();
    json_schema!({ "type": "object", "properties": columns, "additionalProperties": false })
}

kind_of_value!(Mailbox, written, { "type": "string", "pattern": "@" });

fn read_mailbox<E: Error>(text: &str, cure_of_two: &str, cure: &str) -> Result<Mailbox, E> {
    Mailbox::parse(text).map_err(|no| {
        let cure = if no == NoMailbox::TwoAddresses { cure_of_two } else { cure };
        wrong(format!("`{}` {}", text.escape_debug(), no.words()), cure)
    })
}

/// `Lincoln District <no-reply@lincoln.example>`, or the bare address.
pub(super) fn mailbox<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Mailbox, D::Error> {
    const TWO: &str = "write one address, or a list that forwards to several";
    text(deserializer, |text| {
        read_mailbox(text, TWO, "write \"Lincoln District <no-reply@lincoln.example>\"")
    })
}

pub(super) fn optional_mailbox<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Mailbox>, D::Error> {
    mailbox(deserializer).map(Some)
}

pub(super) fn mailboxes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Mailbox>, D::Error> {
    struct One(Mailbox);

    impl<'de> Deserialize<'de> for One {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            const CURE: &str =
                "write each address by itself: to = [\"it@lincoln.example\", \"office@lincoln.example\"]";
            text(deserializer, |text| read_mailbox(text, CURE, CURE)).map(Self)
        }
    }

    let list: Vec<At<One>> = Vec::deserialize(deserializer)?;
    if list.is_empty() {
        return Err(wrong("the list is empty", "write to = [\"it@lincoln.example\"]"));
    }
    Ok(list.into_iter().map(|At(One(mailbox))| mailbox).collect())
}

/// A secret that is in the configuration itself.
#[derive(Debug, Clone)]
pub(super) struct Hidden(Secret);

/// That it is there, and nothing about it.
impl fmt::Display for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(MASK)
    }
}

/// What stands in place of a secret.
pub(super) const MASK: &str = "********";

kind_of_value!(Hidden, written, { "type": "string", "minLength": 1 });

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An error of serde's own would show the value.
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) if text.trim().is_empty() => {
                Err(wrong("the secret is empty", "write it there, or name a file with `…_file`"))
            }
            Ok(toml::Value::String(text)) => Ok(Self(Secret::new(text))),
            Ok(_) | Err(_) => Err(wrong("the secret is not text", "write it in quotes")),
        }
    }
}

/// The places of a secret that are given, by the three keys that it can have.
pub(super) fn secret_places(
    inline: &Option<Hidden>,
    file: &Option<PathBuf>,
    variable: &Option<String>,
) -> Vec<SecretPlace> {
    let inline = inline.iter().map(|hidden| SecretPlace::Inline(hidden.0.clone()));
    let file = file.iter().map(|path| SecretPlace::File(path.clone()));
    inline.chain(file).chain(variable.iter().map(|name| SecretPlace::Variable(name.clone()))).collect()
}

/// A length of time that must not be none.
pub(super) fn non_zero<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Span, D::Error> {
    match Span::deserialize(deserializer)? {
        Span(time) if time.is_zero() => Err(wrong("is zero", "write for example \"60s\"")),
        span => Ok(span),
    }
}

pub(super) fn timeout<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
    match Age::deserialize(deserializer)? {
        Age(Some(time)) if !time.is_zero() => Ok(time),
        Age(_) => Err(wrong("a timeout cannot be none", "write for example \"60s\"")),
    }
}

/// Whether an address names port 0, where no server can be.
pub(super) fn has_port_zero(url: &str) -> bool {
    let authority = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = authority.split(['/', '?', '#']).next().unwrap_or_default();
    let port = authority.rsplit_once(':').map(|(_, port)| port).filter(|port| !port.contains(']'));
    port.is_some_and(|port| !port.is_empty() && port.bytes().all(|byte| byte == b'0'))
}

/// Whether a host is this machine: what goes there is on no network.
pub(super) fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}
