//! One person's changes as the messages that tell of them. Pure.

use chrono::{DateTime, Utc};

use super::gsm7::{gsm7, parts_of};
use super::words::{ChangeWords, Context, Words, day};
use crate::config::{Notify, Zone};
use crate::contact::{Details, Field, PhoneReader, phone_key};
use crate::failure::Result;
use crate::message::{Audience, Channel, Message, Recipient};
use crate::plan::Change;

/// What every message of a run has in common.
pub struct Occasion<'a> {
    pub at: DateTime<Utc>,
    pub zone: Zone,
    pub notify: &'a Notify,
    pub words: &'a Words,
    /// How numbers are written here.
    pub phones: PhoneReader,
}

/// The person that a message is about.
pub struct About<'a> {
    pub details: &'a Details,
    pub changes: &'a [Change],
    /// As the platform or the roster has it.
    pub language: Option<&'a str>,
    /// Somebody else has the same mobile.
    pub shares_phone: bool,
}

/// One message: all of a person's changes, to one address.
///
/// An old address may belong to somebody else by now: it is told that a detail was changed, never to what, and no name.
///
/// # Errors
/// `Failed`, if a template cannot be rendered with what it is given.
pub fn compose(recipient: &Recipient, about: &About<'_>, occasion: &Occasion<'_>) -> Result<Message> {
    compose_by("sync", "updated", recipient, about, occasion)
}

/// As [`compose`]: `by` is who made the changes, `current` the template for an address that is still the person's.
pub(super) fn compose_by(
    by: &'static str,
    current: &str,
    recipient: &Recipient,
    about: &About<'_>,
    occasion: &Occasion<'_>,
) -> Result<Message> {
    let language = occasion.words.choose(about.language);
    let local = occasion.zone.local(occasion.at);
    let mut context = Context {
        by,
        given: String::new(),
        who: String::new(),
        shared: false,
        changes: Vec::new(),
        date: day(language, occasion.zone, occasion.at),
        time: local.format("%H:%M").to_string(),
        contact: occasion.contact(language).to_owned(),
    };
    let which = match recipient.audience {
        Audience::Current => {
            let name = &about.details.name;
            context.given.clone_from(&name.given);
            context.who = if name.given.is_empty() { name.to_string() } else { name.given.clone() };
            context.shared = about.shares_phone;
            let told = about.changes.iter().filter(|change| !change.case_only);
            context.changes = told.map(|change| in_words(change, occasion.phones)).collect();
            current
        }
        Audience::Former => "former",
    };
    let part = |suffix: &str| occasion.words.render(language, &format!("{which}.{suffix}"), &context);
    let (subject, body, html) = match recipient.channel {
        // A subject is one line, whatever a name or a template holds.
        Channel::Email => (one_line(&part("subject.txt")?), part("txt")?, part("html")?),
        Channel::Sms => {
            let mut text = gsm7(&one_line(&part("sms.txt")?));
            if parts_of(&text) > MOST_PARTS {
                context.shorten();
                let short = occasion.words.render(language, &format!("{which}.sms.txt"), &context)?;
                text = gsm7(&one_line(&short));
            }
            (String::new(), text.chars().take(LONGEST_TEXT).collect(), String::new())
        }
    };
    Ok(Message { to: recipient.clone(), subject, body, html })
}

/// A text that takes more parts has its values shortened: each part is billed.
const MOST_PARTS: usize = 3;
/// More than Twilio takes.
const LONGEST_TEXT: usize = 1600;
/// A value in a text that has to be short.
const SHORT_VALUE: usize = 24;

impl Context {
    /// Makes values short that nobody could recognise a person by any better if they were long.
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

fn in_words(change: &Change, phones: PhoneReader) -> ChangeWords {
    ChangeWords {
        field: change.field.key(),
        new: match change.field {
            Field::Phone | Field::HomePhone => phones.as_people_write_it(&change.new),
            Field::Name | Field::Email => change.new.clone(),
        },
        masked: masked(change.field, &change.new),
    }
}

/// So much of a value that whoever knows it recognises it, and nobody else learns it from a phone on a table.
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
    use crate::contact::PersonName;

    fn message(channel: Channel, audience: Audience, language: &str, shares_phone: bool) -> Message {
        let to = Recipient { channel, audience, address: "x@x.example".into() };
        let details = Details { name: PersonName::new("José", "Núñez"), ..Details::default() };
        let change = |field, old: &str, new: &str| Change {
            field,
            old: old.into(),
            new: new.into(),
            case_only: false,
        };
        let changes = [
            change(Field::Email, "old@x.example", "new@x.example"),
            change(Field::Phone, "+12125550142", "+12125550179"),
            change(Field::HomePhone, "+17185550150", ""),
        ];
        let notify = Notify { contact: Some("the school office, 555-0100".into()), ..Notify::default() };
        let words = Words::load(&notify).unwrap();
        let occasion = Occasion {
            at: "2026-11-23T08:15:00Z".parse().unwrap(),
            zone: Zone::Named(chrono_tz::America::Chicago),
            notify: &notify,
            words: &words,
            phones: PhoneReader::new(crate::contact::Region::US),
        };
        let about = About { details: &details, changes: &changes, language: Some(language), shares_phone };
        compose(&to, &about, &occasion).unwrap()
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
    fn who_has_a_whole_name_alone_is_meant_by_it() {
        let to = Recipient { channel: Channel::Sms, audience: Audience::Current, address: "x".into() };
        let name = |given: &str, family: &str| Details {
            name: PersonName::new(given, family),
            ..Details::default()
        };
        let change =
            Change { field: Field::Name, old: String::new(), new: "x".repeat(2000), case_only: false };
        let notify = Notify { contact: Some("the school office.".into()), ..Notify::default() };
        let words = Words::load(&notify).unwrap();
        let occasion = Occasion {
            at: "2026-11-23T08:15:00Z".parse().unwrap(),
            zone: Zone::Named(chrono_tz::America::Chicago),
            notify: &notify,
            words: &words,
            phones: PhoneReader::new(crate::contact::Region::US),
        };
        let body = |details: &Details| {
            let changes = std::slice::from_ref(&change);
            let about = About { details, changes, language: None, shares_phone: true };
            compose(&to, &about, &occasion).unwrap().body
        };
        let told = body(&name("", "Maria Lopez"));
        assert!(told.starts_with("For Maria Lopez: Your contact"), "{told}");
        assert!(told.ends_with("Contact the school office") && told.len() < 160, "{told}");
        assert!(body(&name(&"芳".repeat(900), "B")).starts_with("For 芳芳"));
        assert!(parts_of(&body(&name(&"芳".repeat(900), "B"))) <= MOST_PARTS);
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
