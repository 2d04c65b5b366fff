//! `[[pause]]`: days on which the sync does nothing, or archives no account, for the district or for
//! one school.

use std::collections::BTreeMap;

use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::de::Deserializer;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::explain::wrong;
use super::values::kind_of_value;
use crate::failure::Result;
use crate::near::nearest;

/// A pause as the file has it.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct PauseKeys {
    from: Day,
    until: Day,
    archive: Option<bool>,
    #[serde(default)]
    school: String,
}

/// A day, in quotes or as a date of TOML.
#[derive(Debug, Clone, Copy)]
struct Day(NaiveDate);

impl std::fmt::Display for Day {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

kind_of_value!(Day, written, { "type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}$" });

impl<'de> Deserialize<'de> for Day {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        const FORM: &str = "write year, month and day, for example \"2027-06-20\"";
        let text = match toml::Value::deserialize(deserializer)? {
            toml::Value::String(text) => text,
            toml::Value::Datetime(moment) => moment.to_string(),
            _ => return Err(wrong("this is not a day", FORM)),
        };
        let day = NaiveDate::parse_from_str(&text, "%Y-%m-%d").ok().filter(|day| day.to_string() == text);
        day.map(Self).ok_or_else(|| wrong(format!("`{text}` is not a day"), FORM))
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The first day.
    pub from: NaiveDate,
    /// The last day.
    pub until: NaiveDate,
    /// The school's sourcedId; none: the district.
    pub school: Option<String>,
    /// People are added and updated; only archiving is paused.
    pub syncs: bool,
}

impl Pause {
    fn of(keys: PauseKeys) -> Self {
        let school = keys.school.trim();
        Self {
            from: keys.from.0,
            until: keys.until.0,
            school: (!school.is_empty()).then(|| school.to_owned()),
            syncs: keys.archive == Some(false),
        }
    }

    pub fn is_on(&self, day: NaiveDate) -> bool {
        self.from <= day && day <= self.until
    }

    /// `no sync until 2027-08-10 (the last day)`, `no one is archived at sch-2 until …`
    pub fn words(&self) -> String {
        let what = if self.syncs { "no one is archived" } else { "no sync" };
        let school = self.school.as_ref().map(|school| format!(" at {school}")).unwrap_or_default();
        format!("{what}{school} until {} (the last day)", self.until)
    }
}

/// Checks the pauses one by one and with each other.
///
/// # Errors
/// `Usage`, with the line of the first mistake. A pause that is over is none.
pub(super) fn pauses(
    all: Vec<PauseKeys>,
    synced_schools: &[String],
    document: &Document<'_>,
) -> Result<Vec<Pause>> {
    let mut pauses: Vec<Pause> = Vec::new();
    for (keys, number) in all.into_iter().zip(1..) {
        let mistake = |key: &str, what: String, cure: String| {
            Err(document.mistake(&format!("pause.{number}.{key}"), what, cure))
        };
        if keys.archive == Some(true) {
            let what = "`archive = true` in [pause] pauses nothing".to_owned();
            let cure = "write `archive = false` to add and update only, or remove the key: then there is no sync at all";
            return mistake("archive", what, cure.into());
        }
        let pause = Pause::of(keys);
        if pause.until < pause.from {
            let what = format!("the [pause] ends before it begins: {} is before {}", pause.until, pause.from);
            return mistake("until", what, "write the last day of the pause".into());
        }
        if let Some(school) = pause.school.as_ref().filter(|school| !synced_schools.contains(school))
            && !synced_schools.is_empty()
        {
            let near = nearest(school, synced_schools.iter().map(String::as_str));
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            let what = format!("the school `{school}` of the [pause] is not in `schools` in [sync]");
            return mistake("school", what, format!("{near}Correct its sourcedId, or remove the pause"));
        }
        let is_same = |other: &&Pause| {
            other.school == pause.school && other.from <= pause.until && pause.from <= other.until
        };
        if let Some(other) = pauses.iter().find(is_same) {
            let what = format!(
                "two entries [pause] overlap: the other is from {} until {}",
                other.from, other.until
            );
            return mistake("from", what, "make one of the two of them, or correct the days".into());
        }
        pauses.push(pause);
    }
    Ok(pauses)
}

/// What is paused on one day.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paused {
    /// The last day of the pause in which no account is archived, at any school.
    pub archive: Option<NaiveDate>,
    /// The same for schools.
    pub archive_at: BTreeMap<String, NaiveDate>,
    /// Schools without a sync, each with the last day of its pause. No account is archived there
    /// either.
    pub schools: BTreeMap<String, NaiveDate>,
}

impl Paused {
    pub fn on(day: NaiveDate, pauses: &[Pause]) -> Self {
        let mut paused = Self::default();
        for pause in pauses.iter().filter(|pause| pause.is_on(day)) {
            match (&pause.school, pause.syncs) {
                (None, true) => paused.archive = Some(pause.until),
                // A run that is made all the same is a preview: of the run without this pause.
                (None, false) => {}
                (Some(school), true) => drop(paused.archive_at.insert(school.clone(), pause.until)),
                (Some(school), false) => drop(paused.schools.insert(school.clone(), pause.until)),
            }
        }
        paused
    }

    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }

    /// Until when no account of a person at these schools is archived, if that is paused.
    pub fn archive<'a>(&self, schools: impl IntoIterator<Item = &'a str>) -> Option<NaiveDate> {
        let of_school = |school| self.schools.get(school).or_else(|| self.archive_at.get(school)).copied();
        let longest = schools.into_iter().filter_map(of_school).max();
        longest.max(self.archive)
    }

    /// The school for which nothing is done to a person at these schools, and until when.
    pub fn left_alone<'a>(&self, schools: impl IntoIterator<Item = &'a str>) -> Option<(&str, NaiveDate)> {
        if self.schools.is_empty() {
            return None;
        }
        let found = schools.into_iter().filter_map(|school| self.schools.get_key_value(school));
        found.map(|(school, until)| (school.as_str(), *until)).max_by_key(|(_, until)| *until)
    }
}
