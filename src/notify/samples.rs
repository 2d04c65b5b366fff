//! `notify preview --samples`: every text in every language on one page, for the people that a
//! district asks to read them.

use chrono::{DateTime, Utc};
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment};
use serde::Serialize;

use super::compose::{About, Editor, Occasion, compose};
use super::gsm7::segments;
use super::language::is_right_to_left;
use super::templates::Templates;
use crate::config::Config;
use crate::contact::{Details, Field, PersonName};
use crate::failure::{Failure, Kind, Result};
use crate::message::{Audience, Channel, Recipient};
use crate::plan::Change;

const PAGE: &str = include_str!("samples.html");

const KINDS: [(&str, Editor, Audience); 6] = [
    ("The sync changed details", Editor::Sync, Audience::Current),
    ("The person changed details", Editor::ThePerson, Audience::Current),
    ("Staff changed details", Editor::Staff, Audience::Current),
    ("An undo gave earlier details back", Editor::Undo, Audience::Current),
    ("To an old address or number: the sync changed it", Editor::Sync, Audience::Former),
    ("To an old address or number: it was changed by hand", Editor::Staff, Audience::Former),
];

#[derive(Serialize)]
struct Page<'a> {
    languages: Vec<Language<'a>>,
    kinds: Vec<SampleKind<'a>>,
}

#[derive(Serialize)]
struct Language<'a> {
    tag: &'a str,
    name: &'a str,
}

#[derive(Serialize)]
struct SampleKind<'a> {
    title: &'a str,
    samples: Vec<Sample<'a>>,
}

#[derive(Serialize)]
struct Sample<'a> {
    tag: &'a str,
    name: &'a str,
    dir: &'a str,
    subject: String,
    html: String,
    text: String,
    sms: String,
    characters: usize,
    alphabet: &'a str,
    parts: usize,
}

/// The page. The person, the school and the details are made up; district, platform, contact and
/// templates are those of the configuration.
///
/// # Errors
/// `Usage`, if a template of the district cannot be used.
pub fn samples_page(config: &Config, now: DateTime<Utc>) -> Result<String> {
    let templates = Templates::load(&config.notify)?;
    let occasion = Occasion::of(config, &templates, now);
    let mut languages = Vec::new();
    for tag in templates.tags() {
        languages.push(Language { tag, name: templates.name(tag)? });
    }
    let mut kinds = Vec::new();
    for (title, by, audience) in KINDS {
        let samples = languages.iter().map(|language| sample(language, by, audience, &occasion));
        kinds.push(SampleKind { title, samples: samples.collect::<Result<_>>()? });
    }
    let mut environment = Environment::new();
    environment.set_auto_escape_callback(|_| AutoEscape::Html);
    environment.render_named_str("samples.html", PAGE, Serde(&Page { languages, kinds })).map_err(|error| {
        Failure::new(Kind::Failed, "internal error: the page of samples cannot be written").because(error)
    })
}

fn sample<'a>(
    language: &Language<'a>,
    by: Editor,
    audience: Audience,
    occasion: &Occasion<'_>,
) -> Result<Sample<'a>> {
    let details = Details { name: PersonName::new("Rosa", "Diaz"), ..Details::default() };
    let change =
        |field, new: &str| Change { field, old: String::new(), new: new.to_owned(), case_only: false };
    let all = [
        change(Field::Name, "Rosa Diaz"),
        change(Field::Email, "rosa.diaz@mail.example"),
        change(Field::Phone, "+12175550179"),
        change(Field::HomePhone, ""),
    ];
    // A text goes to people without an email, most often because their mobile has changed.
    let composed = |channel, changes: &[Change]| {
        let about = About {
            details: &details,
            changes,
            language: Some(language.tag),
            shares_phone: false,
            schools: &["Lincoln Elementary School".to_owned()],
        };
        compose(&Recipient { channel, audience, address: String::new() }, &about, by, occasion)
    };
    let (mail, sms) = (composed(Channel::Email, &all)?, composed(Channel::Sms, &all[2..3])?.body);
    let length = segments(&sms);
    Ok(Sample {
        tag: language.tag,
        name: language.name,
        dir: if is_right_to_left(language.tag) { "rtl" } else { "ltr" },
        subject: mail.subject,
        html: mail.html,
        text: mail.body,
        sms,
        characters: length.characters,
        alphabet: length.alphabet,
        parts: length.parts,
    })
}
