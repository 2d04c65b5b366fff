//! The built-in templates. A language is one file of sentences; the layouts are the same for all of
//! them, and say where each sentence stands. Pure.

use std::collections::BTreeMap;

use super::language::{self, is_right_to_left};
use crate::failure::{Failure, Kind, Result};

/// The templates of a language.
pub(super) const NAMES: [&str; 12] = [
    "updated.subject.txt",
    "updated.txt",
    "updated.html",
    "updated.sms.txt",
    "edited.subject.txt",
    "edited.txt",
    "edited.html",
    "edited.sms.txt",
    "former.subject.txt",
    "former.txt",
    "former.html",
    "former.sms.txt",
];

macro_rules! files {
    ($constant:ident $before:literal $after:literal: $($name:literal)*) => {
        const $constant: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("templates/", $before, $name, $after)))),*];
    };
}

// In the order in which the samples show them: by the number of speakers in the districts.
files!(LANGUAGES "" ".toml": "en" "es" "zh-Hans" "zh-Hant" "vi" "ar" "ru" "pt" "ht" "ko" "fr" "tl");

files! {
    LAYOUTS "layout/" "":
    "updated.subject.txt" "updated.txt" "updated.html" "updated.sms.txt"
    "edited.subject.txt" "edited.txt" "edited.html" "edited.sms.txt"
    "former.subject.txt" "former.txt" "former.html" "former.sms.txt"
    "head" "foot" "list" "changes" "label" "sms_changes" "sign"
}

/// The tags of the built-in languages.
pub(super) fn tags() -> impl Iterator<Item = &'static str> {
    LANGUAGES.iter().map(|(tag, _)| *tag)
}

/// A built-in language, ready to be compiled.
pub(super) struct Words {
    /// Of the language, in itself.
    pub name: String,
    /// In the genitive or as a date needs them.
    pub months: Vec<String>,
    pub date: String,
    pub time: String,
    /// In place of `[notify] contact`.
    pub your_school: String,
    pub templates: BTreeMap<&'static str, String>,
}

/// The built-in words of a language; none if there are none.
///
/// # Errors
/// `Failed`, if they cannot be read: a mistake of this program.
pub(super) fn words(tag: &str) -> Result<Option<Words>> {
    let Some((_, text)) = LANGUAGES.iter().find(|(known, _)| *known == tag) else { return Ok(None) };
    let internal = || Failure::new(Kind::Failed, format!("internal error: the built-in words of `{tag}`"));
    let mut sentences: BTreeMap<String, String> =
        toml::from_str(text).map_err(|error| internal().because(error))?;
    let dir = if is_right_to_left(tag) { "rtl" } else { "ltr" };
    for (key, value) in [("tag", tag), ("dir", dir)] {
        sentences.insert(key.to_owned(), value.to_owned());
    }
    let whole = |key: &str| expand(key, &sentences).ok_or_else(internal);
    let mut templates = BTreeMap::new();
    for name in NAMES {
        templates.insert(name, whole(name)?);
    }
    let months = whole("months")?.split(' ').map(str::to_owned).collect();
    Ok(Some(Words {
        name: whole("name")?,
        months,
        date: whole("date")?,
        time: whole("time")?,
        your_school: whole("your_school")?,
        templates,
    }))
}

/// The tag of a language, by any of its names, and its templates with their names.
///
/// # Errors
/// `Usage`, if the language is not built in.
pub fn built_in_templates(language: &str) -> Result<(String, Vec<(&'static str, String)>)> {
    let tag = language::tag(language);
    let Some(words) = words(&tag)? else {
        let what = format!("the language `{language}` is not built in");
        let all = tags().collect::<Vec<_>>().join(", ");
        return Err(Failure::new(Kind::Usage, what).cure(format!("write one of: {all}")));
    };
    let text = |name| (name, format!("{}\n", words.templates[name]));
    Ok((tag, NAMES.into_iter().map(text).collect()))
}

/// A layout or a sentence with everything that it names as `[[…]]` in its place; none if something
/// is not there.
fn expand(key: &str, sentences: &BTreeMap<String, String>) -> Option<String> {
    let layout = LAYOUTS.iter().find(|(name, _)| *name == key).map(|(_, text)| *text);
    let mut rest = layout.or_else(|| sentences.get(key).map(String::as_str))?.trim_end_matches('\n');
    let mut whole = String::new();
    while let Some((before, after)) = rest.split_once("[[") {
        let (inner, after) = after.split_once("]]")?;
        whole.push_str(before);
        whole.push_str(&expand(inner, sentences)?);
        rest = after;
    }
    whole.push_str(rest);
    Some(whole)
}
