//! Composes messages: a person's changes as an email or a text. Pure.
//!
//! A message is composed when it is queued, in the transaction of the change. The words are those
//! of the `templates`.

use chrono::{DateTime, Utc};

use super::gsm7::{gsm7, is_gsm7, parts_of};
use super::language;
use super::templates::{ChangeText, Templates, Variables};
use crate::config::{Config, Notify, Zone};
use crate::contact::{Details, Field, PhoneReader, phone_key};
use crate::failure::{Failure, Result};
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
    fn contact(&self, language: &str) -> Result<String> {
        let mut contacts = self.notify.contacts.iter();
        let own = contacts.find(|(of, _)| language::tag(of) == language).map(|(_, contact)| contact);
        let own = match own.or(self.notify.contact.as_ref()) {
            Some(contact) => contact.as_str(),
            None => self.templates.your_school(language)?,
        };
        // The sentence in the template has its own full stop.
        Ok(own.trim().trim_end_matches(['.', '。']).to_owned())
    }
}

pub struct About<'a> {
    pub details: &'a Details,
    pub changes: &'a [Change],
    /// From the platform or the roster.
    pub language: Option<&'a str>,
    /// Another person has the same mobile.
    pub shares_phone: bool,
    /// The names of the person's schools; empty if they are not known.
    pub schools: &'a [String],
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
/// never the new value, no name and no school: that may be the new school of a child.
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
    let [date, time] = occasion.templates.moment(language, occasion.zone.local(occasion.at))?;
    let mut variables = Variables {
        by,
        given: String::new(),
        who: String::new(),
        shared: false,
        changes: Vec::new(),
        date,
        time,
        contact: occasion.contact(language)?,
        district: occasion.notify.named_district().unwrap_or_default().to_owned(),
        platform: occasion.notify.named_platform().unwrap_or_default().to_owned(),
        school: String::new(),
        brief: false,
    };
    let which = match recipient.audience {
        Audience::Current => {
            let name = &about.details.name;
            variables.given.clone_from(&name.given);
            variables.who = if name.given.is_empty() { name.to_string() } else { name.given.clone() };
            variables.shared = about.shares_phone;
            let told = about.changes.iter().filter(|change| !change.case_only);
            variables.changes = told.map(|change| in_words(change, occasion.phones)).collect();
            if about.schools.len() <= MOST_SCHOOLS {
                variables.school = about.schools.join(", ");
            }
            current
        }
        Audience::Former => "former",
    };
    let part = |suffix: &str, variables: &Variables| {
        occasion.templates.render(language, &format!("{which}.{suffix}"), variables)
    };
    let (subject, body, html) = match recipient.channel {
        // A subject is one line, also if a name or a template has several.
        Channel::Email => (
            one_line(&part("subject.txt", &variables)?),
            part("txt", &variables)?.trim_end().to_owned(),
            part("html", &variables)?,
        ),
        Channel::Sms => (
            String::new(),
            short_text(variables, language::needs_accents(language), |variables| part("sms.txt", variables))?,
            String::new(),
        ),
    };
    Ok(Message { to: recipient.clone(), subject, body, html })
}

/// The names of more schools are left out.
const MOST_SCHOOLS: usize = 3;
/// The parts of a text in GSM-7, and of any other text, which has less than half the room: a longer
/// one leaves something out. Each part is billed.
const WANTED_PARTS: [usize; 2] = [1, 2];
const MOST_PARTS_WITH_PLATFORM: [usize; 2] = [1, 3];
const MOST_PARTS: usize = 3;
/// Twilio accepts no longer texts.
const LONGEST_TEXT: usize = 1600;
/// The length of a shortened value, in characters.
const SHORT_VALUE: usize = 24;

/// A text that is not longer than it has to be. It leaves out what it can do without, then the name
/// of the platform, then the ends of long values, each only if that saves a part.
fn short_text(
    mut variables: Variables,
    keeps_accents: bool,
    render: impl Fn(&Variables) -> Result<String>,
) -> Result<String> {
    type Step = fn(&mut Variables);
    let steps: [(Step, [usize; 2]); 3] = [
        (Variables::leave_out_the_dispensable, WANTED_PARTS),
        (Variables::leave_out_the_platform, MOST_PARTS_WITH_PLATFORM),
        (Variables::shorten_values, [MOST_PARTS; 2]),
    ];
    let text = |variables: &Variables| {
        let text = one_line(&render(variables)?);
        Ok::<_, Failure>(if keeps_accents { text } else { gsm7(&text) })
    };
    let mut best = text(&variables)?;
    for (step, [in_gsm7, beyond]) in steps {
        if parts_of(&best) <= if is_gsm7(&best) { in_gsm7 } else { beyond } {
            continue;
        }
        step(&mut variables);
        let shorter = text(&variables)?;
        if parts_of(&shorter) < parts_of(&best) {
            best = shorter;
        }
    }
    Ok(best.chars().take(LONGEST_TEXT).collect())
}

impl Variables {
    fn leave_out_the_dispensable(&mut self) {
        self.brief = true;
    }

    fn leave_out_the_platform(&mut self) {
        self.platform.clear();
    }

    /// Cuts long values: the beginning is enough to recognise a person.
    fn shorten_values(&mut self) {
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

    const DISTRICT: &str = "Lincoln Unified School District";
    const CONTACT: &str = "the school office, (217) 555-0100";

    fn named(district: &str, platform: &str) -> Notify {
        Notify {
            district: Some(district.into()),
            platform: Some(platform.into()),
            contact: Some(CONTACT.into()),
            ..Notify::default()
        }
    }

    fn composed(to: (Channel, Audience), about: &About<'_>, by: Editor, notify: &Notify) -> Message {
        let templates = Templates::load(notify).unwrap();
        let occasion = Occasion {
            at: "2026-11-23T08:15:00Z".parse().unwrap(),
            zone: Zone::Named(chrono_tz::America::Chicago),
            notify,
            templates: &templates,
            phones: PhoneReader::new(Region::US),
        };
        let to = Recipient { channel: to.0, audience: to.1, address: "x@x.example".into() };
        compose(&to, about, by, &occasion).unwrap()
    }

    fn message(to: (Channel, Audience), language: &str, by: Editor, shares_phone: bool) -> Message {
        let details = Details { name: PersonName::new("José", "Núñez"), ..Details::default() };
        let changes = [
            change(Field::Email, "old@x.example", "new@x.example"),
            change(Field::Phone, "+12125550142", "+12125550179"),
            change(Field::HomePhone, "+17185550150", ""),
        ];
        let changes = if to.0 == Channel::Sms { &changes[1..2] } else { &changes[..] };
        let schools = ["Lincoln Elementary School".to_owned()];
        let about =
            About { details: &details, changes, language: Some(language), shares_phone, schools: &schools };
        composed(to, &about, by, &named(DISTRICT, "ClassTag"))
    }

    const MAIL: (Channel, Audience) = (Channel::Email, Audience::Current);
    const TEXT: (Channel, Audience) = (Channel::Sms, Audience::Current);
    const OLD_MAIL: (Channel, Audience) = (Channel::Email, Audience::Former);
    const OLD_TEXT: (Channel, Audience) = (Channel::Sms, Audience::Former);
    const EDITORS: [Editor; 4] = [Editor::Sync, Editor::ThePerson, Editor::Staff, Editor::Undo];

    #[test]
    fn the_person_is_told_everything_at_once() {
        let message = message(MAIL, "en", Editor::Sync, true);
        assert_eq!(message.subject, "Lincoln Unified School District: Your contact details were updated");
        assert_eq!(
            message.body,
            "Hello José,\n\nOn November 23, 2026, Lincoln Unified School District updated your contact details on \
             ClassTag. The new details come from the records of Lincoln Elementary School.\n\nWhat changed:\n  Email: \
             new@x.example\n  Phone number: (212) 555-0179\n  Home phone number: removed\n\nIf this is right, you do not need to do \
             anything. If something is wrong, please contact the school office, (217) 555-0100. A correction can take \
             a day to show.\n\nThis message is only to let you know. It does not ask you for anything: no link to open, \
             no reply, no password.\n\nYou get a message like this each time your contact details change.\n\nLincoln \
             Unified School District\nLincoln Elementary School"
        );
        for part in [
            "<html lang=\"en\" dir=\"ltr\">",
            ">Home phone number<br>",
            "<span dir=\"ltr\">new@x.example</span>",
        ] {
            assert!(message.html.contains(part), "{part}: {}", message.html);
        }
        assert!(
            !message.html.contains("http") && !message.html.contains("href"),
            "no link: {}",
            message.html
        );
    }

    #[test]
    fn in_the_persons_language() {
        let spanish = message(MAIL, "Spanish", Editor::Sync, false);
        assert_eq!(spanish.subject, "Lincoln Unified School District: Se actualizaron sus datos de contacto");
        assert!(
            spanish.body.starts_with(
                "Hola, José:\n\nEl 23 de noviembre de 2026, Lincoln Unified School District actualizó sus datos"
            ),
            "{}",
            spanish.body
        );
        assert!(spanish.body.contains("  Teléfono de casa: eliminado\n"), "{}", spanish.body);
        let russian = message(MAIL, "ru", Editor::Sync, false);
        assert!(russian.body.contains("  Домашний телефон: удалён\n"), "{}", russian.body);
    }

    /// Without isolates, a number would turn round: `0179***`.
    #[test]
    fn from_right_to_left_names_addresses_and_numbers_keep_their_direction() {
        let arabic = message(MAIL, "ar", Editor::Sync, false);
        assert!(arabic.subject.starts_with(DISTRICT), "{}", arabic.subject);
        for part in
            ["\u{2066}new@x.example\u{2069}", "\u{2066}(212) 555-0179\u{2069}", "\u{2068}José\u{2069}"]
        {
            assert!(arabic.body.contains(part) && arabic.html.contains(part), "{part}: {}", arabic.body);
        }
        assert!(arabic.html.contains("<html lang=\"ar\" dir=\"rtl\">"), "{}", arabic.html);
        let text = message(TEXT, "ar", Editor::Sync, true).body;
        assert!(
            text.starts_with("\u{200f}\u{2068}Lincoln") && text.contains("\u{2066}***0179\u{2069}"),
            "{text}"
        );
    }

    #[test]
    fn an_old_address_never_learns_the_new_value_a_name_or_a_school() {
        for language in Templates::load(&Notify::default()).unwrap().tags() {
            for by in EDITORS {
                for to in [OLD_MAIL, OLD_TEXT] {
                    let message = message(to, language, by, true);
                    let all = format!("{}{}{}", message.subject, message.body, message.html);
                    for secret in
                        ["new@x.example", "José", "Jose", "Núñez", "0150", "0179", "***", "Elementary"]
                    {
                        assert!(!all.contains(secret), "{secret}: {all}");
                    }
                    assert!(all.contains(CONTACT) && all.contains(DISTRICT), "{all}");
                }
            }
        }
        let told = message(OLD_MAIL, "en", Editor::Sync, false).body;
        assert!(
            told.contains(
                "was changed to match the school's records. This address is no longer used for it."
            )
        );
        let told = message(OLD_MAIL, "en", Editor::Staff, false).body;
        assert!(!told.contains("records"), "{told}");
    }

    #[test]
    fn a_text_is_short_and_plain_and_names_who_is_meant_where_a_phone_is_shared() {
        let alone = message(TEXT, "en", Editor::Sync, false);
        assert_eq!(
            alone.body,
            "Lincoln Unified School District: your ClassTag details were updated from school records: phone ***0179. \
             Wrong? Contact the school office, (217) 555-0100."
        );
        let shared = message(TEXT, "en", Editor::Sync, true);
        // No á, í, ó, ú in GSM-7; an é there is.
        assert!(
            shared.body.starts_with("Lincoln Unified School District, for José: your"),
            "{}",
            shared.body
        );
        let spanish = message(TEXT, "es", Editor::Sync, true);
        assert!(spanish.body.contains(", para José: se actualizaron sus datos"), "{}", spanish.body);
        assert!(spanish.body.contains("teléfono ***0179. ¿Error?"), "{}", spanish.body);
        assert!(alone.subject.is_empty() && alone.html.is_empty());
        assert_eq!(
            message(OLD_TEXT, "en", Editor::Sync, false).body,
            "Lincoln Unified School District: this number was taken off a ClassTag account to match school records. \
             Wrong? Contact the school office, (217) 555-0100."
        );
    }

    #[test]
    fn a_text_costs_one_segment_in_gsm7_and_three_at_most_in_ucs2() {
        let mut long = Vec::new();
        for language in Templates::load(&Notify::default()).unwrap().tags() {
            for by in EDITORS {
                for to in [TEXT, OLD_TEXT] {
                    let text = message(to, language, by, false).body;
                    let gsm7 = ["en", "es", "fr", "pt", "ht", "tl"].contains(&language);
                    assert_eq!(is_gsm7(&text), gsm7, "{language}: {text}");
                    if parts_of(&text) > if gsm7 { 1 } else { 3 } {
                        long.push(format!("{language}, {}: {text}", text.chars().count()));
                    }
                }
            }
        }
        assert!(long.is_empty(), "{long:#?}");
    }

    #[test]
    fn a_text_leaves_out_what_it_can_do_without_only_if_that_saves_a_part() {
        let details = Details::default();
        let changes = [change(Field::Phone, "", "+12125550179")];
        let text = |district: &str| {
            let about = About {
                details: &details,
                changes: &changes,
                language: None,
                shares_phone: false,
                schools: &[],
            };
            composed(TEXT, &about, Editor::Sync, &named(district, "ClassTag")).body
        };
        let ends = "Wrong? Contact the school office, (217) 555-0100.";
        assert!(text("Lincoln").ends_with(&format!("{ends} No reply needed.")), "{}", text("Lincoln"));
        let long = text("Lincoln-Douglas Regional Schools");
        assert!(long.contains("your ClassTag details") && long.ends_with(ends), "{long}");
        let longer = text("Lincoln-Douglas Regional School Distric");
        assert!(longer.contains("your contact details") && longer.ends_with(ends), "{longer}");
        let longest = text(&"Lincoln".repeat(12));
        assert!(
            longest.contains("your ClassTag details") && longest.ends_with("No reply needed."),
            "{longest}"
        );
    }

    #[test]
    fn without_a_configured_district_the_name_of_the_sender_stands_in() {
        let about = About {
            details: &Details::default(),
            changes: &[change(Field::Phone, "", "+12125550179")],
            language: None,
            shares_phone: false,
            schools: &[],
        };
        let email = "server = \"file:mail\"\nfrom = \"Núñez District <no-reply@lincoln.example>\"\n";
        let sender = Notify { email: Some(toml::from_str(email).unwrap()), ..Notify::default() };
        assert_eq!(
            composed(MAIL, &about, Editor::Sync, &sender).subject,
            "Núñez District: Your contact details were updated"
        );
        let nameless = composed(MAIL, &about, Editor::Sync, &Notify::default());
        assert_eq!(nameless.subject, "Your contact details were updated");
        assert!(
            nameless.body.contains(
                "On November 23, 2026, your school district updated your contact details. The new details come from \
                 your school's records."
            ) && nameless.body.contains("please contact your school."),
            "{}",
            nameless.body
        );
    }

    #[test]
    fn a_person_without_a_given_name_is_addressed_by_the_whole_name() {
        let changes = [change(Field::Name, "", &"x".repeat(2000))];
        let body = |given: &str, family: &str| {
            let details = Details { name: PersonName::new(given, family), ..Details::default() };
            let about = About {
                details: &details,
                changes: &changes,
                language: None,
                shares_phone: true,
                schools: &[],
            };
            let notify = Notify { contact: Some("the school office.".into()), ..Notify::default() };
            composed(TEXT, &about, Editor::Sync, &notify).body
        };
        let told = body("", "Maria Lopez");
        assert!(told.starts_with("Your school, for Maria Lopez: your contact"), "{told}");
        assert!(told.contains("Contact the school office.") && told.len() <= 160, "{told}");
        let long = body(&"芳".repeat(900), "B");
        assert!(long.starts_with("Your school, for 芳芳") && parts_of(&long) <= MOST_PARTS, "{long}");
    }

    #[test]
    fn the_names_of_many_schools_are_left_out() {
        let schools: Vec<String> = ["North", "South", "East", "West"].map(str::to_owned).to_vec();
        let body = |schools: &[String]| {
            let about = About {
                details: &Details::default(),
                changes: &[change(Field::Phone, "", "+12125550179")],
                language: None,
                shares_phone: false,
                schools,
            };
            composed(MAIL, &about, Editor::Sync, &Notify::default()).body
        };
        assert!(body(&schools[..3]).contains("the records of North, South, East."));
        assert!(body(&schools).contains("your school's records."));
    }

    #[test]
    fn a_message_of_an_edit_says_what_changed_and_by_whom() {
        let told = message(MAIL, "en", Editor::Staff, false).body;
        assert!(
            told.starts_with(
                "Hello José,\n\nOn November 23, 2026 at 2:15 AM, your contact details on ClassTag were changed by \
                 staff of your school.\n\nWhat changed:\n  Email: new@x.example\n"
            ) && told.contains("If you did not expect this change, please contact the school office"),
            "{told}"
        );
        let by_the_person = message(MAIL, "en", Editor::ThePerson, false).body;
        assert!(by_the_person.contains("from your account"), "{by_the_person}");
        assert!(message(MAIL, "es", Editor::Undo, false).body.contains("los de antes"));
        let text = message(TEXT, "en", Editor::Undo, false).body;
        assert!(text.contains("were set back to what they were before: phone ***0179"), "{text}");
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
