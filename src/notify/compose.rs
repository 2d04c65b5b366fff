//! Composes messages: a person's changes as an email or a text. Pure.
//!
//! A message is composed when it is queued, in the transaction of the change. The words are those
//! of the `templates`.

use chrono::{DateTime, Utc};

use super::gsm7::{gsm7, parts_of};
use super::templates::{ChangeText, Templates, Variables, day};
use crate::config::{Config, Notify, Zone};
use crate::contact::{Details, Field, PhoneReader, phone_key};
use crate::failure::Result;
use crate::message::{Audience, Channel, Message, Recipient};
use crate::plan::Change;

/// What all messages of one run, or of one edit, have in common.
pub struct Occasion<'a> {
    pub at: DateTime<Utc>,
    pub zone: Zone,
    pub notify: &'a Notify,
    pub templates: &'a Templates,
    /// Writes phone numbers as people in the district's region write them.
    pub phones: PhoneReader,
}

impl<'a> Occasion<'a> {
    pub fn of(config: &'a Config, templates: &'a Templates, at: DateTime<Utc>) -> Self {
        let phones = PhoneReader::new(config.sync.default_region);
        Self { at, zone: config.sync.timezone, notify: &config.notify, templates, phones }
    }

    /// Whom to contact if something is wrong, in this language if the configuration has it.
    fn contact(&self, language: &str) -> &'a str {
        let own = self.notify.contacts.get(language).or(self.notify.contact.as_ref());
        let own = own.map_or(if language == "es" { "su escuela" } else { "your school" }, String::as_str);
        // The sentence in the template has its own full stop.
        own.trim_end().trim_end_matches('.')
    }
}

pub struct About<'a> {
    pub details: &'a Details,
    pub changes: &'a [Change],
    /// From the platform or the roster.
    pub language: Option<&'a str>,
    /// Another person has the same mobile.
    pub shares_phone: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editor {
    Sync,
    ThePerson,
    Staff,
    Undo,
}

impl Editor {
    /// The value of the variable `by`, and the template for an address that is still the person's.
    fn words(self) -> (&'static str, &'static str) {
        match self {
            Self::Sync => ("sync", "updated"),
            Self::ThePerson => ("person", "edited"),
            Self::Staff => ("staff", "edited"),
            Self::Undo => ("undo", "edited"),
        }
    }
}

/// One message: all of a person's changes, to one address.
///
/// An old address may belong to another person now. Its message says that a detail was changed, but
/// never the new value and no name.
///
/// # Errors
/// `Failed`, if a template cannot be rendered with these values.
pub fn compose(
    recipient: &Recipient,
    about: &About<'_>,
    by: Editor,
    occasion: &Occasion<'_>,
) -> Result<Message> {
    let (by, current) = by.words();
    let language = occasion.templates.choose(about.language);
    let mut variables = Variables {
        by,
        given: String::new(),
        who: String::new(),
        shared: false,
        changes: Vec::new(),
        date: day(language, occasion.zone, occasion.at),
        time: occasion.zone.local(occasion.at).format("%H:%M").to_string(),
        contact: occasion.contact(language).to_owned(),
    };
    let which = match recipient.audience {
        Audience::Current => {
            let name = &about.details.name;
            variables.given.clone_from(&name.given);
            variables.who = if name.given.is_empty() { name.to_string() } else { name.given.clone() };
            variables.shared = about.shares_phone;
            let told = about.changes.iter().filter(|change| !change.case_only);
            variables.changes = told.map(|change| in_words(change, occasion.phones)).collect();
            current
        }
        Audience::Former => "former",
    };
    let part = |suffix: &str, variables: &Variables| {
        occasion.templates.render(language, &format!("{which}.{suffix}"), variables)
    };
    let (subject, body, html) = match recipient.channel {
        // A subject is one line, also if a name or a template has several.
        Channel::Email => {
            (one_line(&part("subject.txt", &variables)?), part("txt", &variables)?, part("html", &variables)?)
        }
        Channel::Sms => {
            let mut text = gsm7(&one_line(&part("sms.txt", &variables)?));
            if parts_of(&text) > MOST_PARTS {
                variables.shorten();
                text = gsm7(&one_line(&part("sms.txt", &variables)?));
            }
            (String::new(), text.chars().take(LONGEST_TEXT).collect(), String::new())
        }
    };
    Ok(Message { to: recipient.clone(), subject, body, html })
}

/// A text of more parts has its values shortened: each part is billed.
const MOST_PARTS: usize = 3;
/// Twilio accepts no longer texts.
const LONGEST_TEXT: usize = 1600;
/// The length of a shortened value, in characters.
const SHORT_VALUE: usize = 24;

impl Variables {
    /// Cuts long values: the beginning is enough to recognise a person.
    fn shorten(&mut self) {
        let values = self.changes.iter_mut().map(|change| &mut change.masked);
        for value in values.chain([&mut self.who, &mut self.given]) {
            if value.chars().count() > SHORT_VALUE {
                *value = value.chars().take(SHORT_VALUE).chain("...".chars()).collect();
            }
        }
    }
}

fn one_line(text: &str) -> String {
    text.split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

fn in_words(change: &Change, phones: PhoneReader) -> ChangeText {
    ChangeText {
        field: change.field.key(),
        new: match change.field {
            Field::Phone | Field::HomePhone => phones.as_people_write_it(&change.new),
            Field::Name | Field::Email => change.new.clone(),
        },
        masked: masked(change.field, &change.new),
    }
}

/// Enough of a value for its owner to recognise it, and too little for other readers of the phone
/// to learn it.
fn masked(field: Field, value: &str) -> String {
    if value.is_empty() {
        return String::new();
    }
    match field {
        Field::Name => match value.rsplit_once(' ') {
            Some((rest, last)) => format!("{rest} {}", last.chars().next().unwrap_or_default()),
            None => value.to_owned(),
        },
        Field::Email => match value.rsplit_once('@') {
            Some((local, domain)) => {
                format!("{}***@{domain}", local.chars().next().unwrap_or_default())
            }
            None => "***".to_owned(),
        },
        Field::Phone | Field::HomePhone => {
            let digits: Vec<char> = phone_key(value).chars().filter(char::is_ascii_digit).collect();
            format!("***{}", digits[digits.len().saturating_sub(4)..].iter().collect::<String>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::{PersonName, Region};

    fn change(field: Field, old: &str, new: &str) -> Change {
        Change { field, old: old.into(), new: new.into(), case_only: false }
    }

    fn composed(to: (Channel, Audience), about: &About<'_>, by: Editor, contact: &str) -> Message {
        let notify = Notify { contact: Some(contact.into()), ..Notify::default() };
        let templates = Templates::load(&notify).unwrap();
        let occasion = Occasion {
            at: "2026-11-23T08:15:00Z".parse().unwrap(),
            zone: Zone::Named(chrono_tz::America::Chicago),
            notify: &notify,
            templates: &templates,
            phones: PhoneReader::new(Region::US),
        };
        let to = Recipient { channel: to.0, audience: to.1, address: "x@x.example".into() };
        compose(&to, about, by, &occasion).unwrap()
    }

    fn message(channel: Channel, audience: Audience, language: &str, shares_phone: bool) -> Message {
        let details = Details { name: PersonName::new("José", "Núñez"), ..Details::default() };
        let changes = [
            change(Field::Email, "old@x.example", "new@x.example"),
            change(Field::Phone, "+12125550142", "+12125550179"),
            change(Field::HomePhone, "+17185550150", ""),
        ];
        let about = About { details: &details, changes: &changes, language: Some(language), shares_phone };
        composed((channel, audience), &about, Editor::Sync, "the school office, 555-0100")
    }

    fn edited(channel: Channel, audience: Audience, language: &str, by: Editor) -> String {
        let details = Details { name: PersonName::new("Rosa", "Diaz"), ..Details::default() };
        let changes = [change(Field::Email, "old@x.example", "new@x.example")];
        let about =
            About { details: &details, changes: &changes, language: Some(language), shares_phone: false };
        composed((channel, audience), &about, by, "the school office").body
    }

    #[test]
    fn the_person_is_told_everything_at_once() {
        let message = message(Channel::Email, Audience::Current, "en", true);
        assert_eq!(message.subject, "Your contact details were updated");
        assert_eq!(
            message.body,
            "Hello José,\n\nOn November 23, 2026 at 02:15 your contact details were updated from your school's \
             records:\n\n  Email: new@x.example\n  Phone number: (212) 555-0179\n  Home phone number: removed\n\nYour \
             school keeps these details up to date. If something is wrong, please contact the school office, 555-0100. A \
             correction takes effect after the next daily sync."
        );
        assert!(message.html.contains("<li>Email: <strong>new@x.example</strong></li>"), "{}", message.html);
    }

    #[test]
    fn in_the_persons_language() {
        let message = message(Channel::Email, Audience::Current, "Spanish", false);
        assert_eq!(message.subject, "Sus datos de contacto se actualizaron");
        assert!(
            message.body.starts_with("Hola José:\n\nEl 23 de noviembre de 2026 a las 02:15 "),
            "{}",
            message.body
        );
        assert!(message.body.contains("  Teléfono de casa: eliminado\n"), "{}", message.body);
    }

    #[test]
    fn an_old_address_never_learns_the_new_value_or_the_name() {
        for (channel, language) in [Channel::Email, Channel::Sms].into_iter().zip(["en", "es"]) {
            let message = message(channel, Audience::Former, language, true);
            let all = format!("{}{}{}", message.subject, message.body, message.html);
            for secret in ["new@x.example", "José", "Jose", "Núñez", "5550150", "Para", "***"] {
                assert!(!all.contains(secret), "{secret}: {all}");
            }
            assert!(message.body.contains("the school office, 555-0100"));
        }
    }

    #[test]
    fn a_text_is_short_and_plain_and_names_who_is_meant_where_a_phone_is_shared() {
        let alone = message(Channel::Sms, Audience::Current, "en", false);
        assert_eq!(
            alone.body,
            "Your contact details were updated from your school's records: email n***@x.example, phone ***0179, home \
             phone removed. Wrong? Contact the school office, 555-0100"
        );
        let shared = message(Channel::Sms, Audience::Current, "en", true);
        // No á, í, ó, ú in GSM-7; an é there is.
        assert!(shared.body.starts_with("For José: Your contact"), "{}", shared.body);
        let spanish = message(Channel::Sms, Audience::Current, "es", true);
        assert!(spanish.body.starts_with("Para José: Sus datos"), "{}", spanish.body);
        assert!(spanish.body.contains("registros") && spanish.body.contains("¿Error?"), "{}", spanish.body);
        assert!(alone.subject.is_empty() && alone.html.is_empty());
    }

    #[test]
    fn a_person_without_a_given_name_is_addressed_by_the_whole_name() {
        let changes = [change(Field::Name, "", &"x".repeat(2000))];
        let body = |given: &str, family: &str| {
            let details = Details { name: PersonName::new(given, family), ..Details::default() };
            let about = About { details: &details, changes: &changes, language: None, shares_phone: true };
            composed((Channel::Sms, Audience::Current), &about, Editor::Sync, "the school office.").body
        };
        let told = body("", "Maria Lopez");
        assert!(told.starts_with("For Maria Lopez: Your contact"), "{told}");
        assert!(told.ends_with("Contact the school office") && told.len() < 160, "{told}");
        let long = body(&"芳".repeat(900), "B");
        assert!(long.starts_with("For 芳芳") && parts_of(&long) <= MOST_PARTS, "{long}");
    }

    #[test]
    fn a_message_of_an_edit_says_what_changed_and_by_whom() {
        assert_eq!(
            edited(Channel::Email, Audience::Current, "en", Editor::Staff),
            "Hello Rosa,\n\nOn November 23, 2026 at 02:15 your contact details were changed by staff of your school:\n\n  \
             Email: new@x.example\n\nIf this is not what you expected, please contact the school office."
        );
        let by_the_person = edited(Channel::Email, Audience::Current, "en", Editor::ThePerson);
        assert!(by_the_person.contains("from your account"), "{by_the_person}");
        assert!(edited(Channel::Email, Audience::Current, "es", Editor::Undo).contains("los de antes"));
        let text = edited(Channel::Sms, Audience::Current, "en", Editor::Undo);
        assert!(text.contains("were set back to what they were before: email n***@x.example"), "{text}");
    }

    #[test]
    fn an_old_address_never_learns_the_new_value_or_the_name_of_an_edit() {
        for (channel, language) in [(Channel::Email, "en"), (Channel::Sms, "es")] {
            let body = edited(channel, Audience::Former, language, Editor::ThePerson);
            for secret in ["new@x.example", "Rosa", "records", "registros"] {
                assert!(!body.contains(secret), "{secret}: {body}");
            }
        }
    }

    #[test]
    fn a_masked_value_is_recognised_and_not_learnt() {
        assert_eq!(masked(Field::Email, "rosa.diaz@mail.example"), "r***@mail.example");
        assert_eq!(masked(Field::Phone, "+17185550142 ext. 9"), "***0142");
        assert_eq!(masked(Field::Name, "Rosa Diaz"), "Rosa D");
        assert_eq!(masked(Field::HomePhone, ""), "");
    }

    #[test]
    fn a_subject_is_one_line() {
        assert_eq!(one_line("a\r\nBcc: x@x.example\n"), "a Bcc: x@x.example");
    }
}
