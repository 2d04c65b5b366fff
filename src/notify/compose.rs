//! The words of a notification. Pure.

use chrono::{DateTime, Utc};

use crate::config::Zone;
use crate::contact::{Details, Field};
use crate::message::{Audience, Channel, Message, Recipient};
use crate::plan::Change;

/// What every message of a run has in common.
pub struct Occasion<'a> {
    pub at: DateTime<Utc>,
    pub zone: Zone,
    /// Whom to contact if something is wrong.
    pub contact: &'a str,
}

/// One message: all of a person's changes, to one address.
///
/// An old address may belong to somebody else by now: it is told that a detail was changed, never to what, and no name.
pub fn compose(
    recipient: &Recipient,
    details: &Details,
    changes: &[Change],
    occasion: &Occasion<'_>,
) -> Message {
    let when = occasion.zone.show(occasion.at);
    let contact = occasion.contact;
    let (subject, body) = match recipient.audience {
        Audience::Current => {
            let mut body = match details.name.given.as_str() {
                "" => "Hello,\n\n".to_owned(),
                given => format!("Hello {given},\n\n"),
            };
            body.push_str(&format!(
                "on {when} your contact details were updated from your school's records:\n\n"
            ));
            for change in changes.iter().filter(|change| !change.case_only) {
                let new = if change.new.is_empty() { "removed" } else { &change.new };
                body.push_str(&format!("  {}: {new}\n", change.field.title()));
            }
            body.push_str(&format!(
                "\nYour school keeps these details up to date. If something is wrong, please contact {contact}: the \
                 change appears here after the next daily sync.\n"
            ));
            ("Your contact details were updated".to_owned(), body)
        }
        Audience::Former => {
            // The plan tells an old address of a changed email, and an old number of a changed number.
            let field = match recipient.channel {
                Channel::Email => Field::Email,
                Channel::Sms => Field::Phone,
            };
            let noun = match field {
                Field::Email => "email address",
                Field::Name | Field::Phone | Field::HomePhone => field.noun(),
            };
            let body = format!(
                "Hello,\n\non {when} the {noun} of an account was changed from the school's records, and is no longer \
                 this one. You are told because it was this one before.\n\nIf that is wrong, please contact {contact}.\n"
            );
            (format!("An {noun} was changed").replace("An phone", "A phone"), body)
        }
    };
    Message { to: recipient.clone(), subject, body }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::PersonName;

    fn message(audience: Audience) -> Message {
        let to = Recipient { channel: Channel::Email, audience, address: "x@x.example".into() };
        let details = Details { name: PersonName::new("José", "Núñez"), ..Details::default() };
        let change = |field, old: &str, new: &str| Change {
            field,
            old: old.into(),
            new: new.into(),
            case_only: false,
        };
        let changes = [
            change(Field::Email, "old@x.example", "new@x.example"),
            change(Field::HomePhone, "+17185550150", ""),
        ];
        let at = "2026-11-23T08:15:00Z".parse().unwrap();
        let zone = Zone::Named(chrono_tz::America::Chicago);
        compose(&to, &details, &changes, &Occasion { at, zone, contact: "the school office, 555-0100" })
    }

    #[test]
    fn the_person_is_told_everything_at_once() {
        let message = message(Audience::Current);
        assert_eq!(message.subject, "Your contact details were updated");
        assert_eq!(
            message.body,
            "Hello José,\n\non 2026-11-23 02:15 your contact details were updated from your school's records:\n\n  \
             Email: new@x.example\n  Home phone number: removed\n\nYour school keeps these details up to date. If \
             something is wrong, please contact the school office, 555-0100: the change appears here after the next \
             daily sync.\n"
        );
    }

    #[test]
    fn an_old_address_never_learns_the_new_value_or_the_name() {
        let message = message(Audience::Former);
        assert_eq!(message.subject, "An email address was changed");
        for secret in ["new@x.example", "José", "Núñez", "555-0150", "5550150"] {
            assert!(!message.body.contains(secret), "{secret}: {}", message.body);
        }
        assert!(message.body.contains("please contact the school office, 555-0100"));
    }
}
