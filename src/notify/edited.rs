//! The words of a notification about a change that was made by hand. Pure.

use super::compose::{About, Occasion, compose_by};
use crate::failure::Result;
use crate::message::{Message, Recipient};

/// Who made the change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Editor {
    ThePerson,
    Staff,
    /// A run of the sync was taken back.
    Undo,
}

impl Editor {
    /// As templates know it.
    fn word(self) -> &'static str {
        match self {
            Self::ThePerson => "person",
            Self::Staff => "staff",
            Self::Undo => "undo",
        }
    }
}

/// One message: all of the changes, to one address. An old address is told that a detail was changed, never to what, and
/// no name.
///
/// # Errors
/// `Failed`, if a template cannot be rendered with what it is given.
pub fn compose_edit(
    recipient: &Recipient,
    about: &About<'_>,
    by: Editor,
    occasion: &Occasion<'_>,
) -> Result<Message> {
    compose_by(by.word(), "edited", recipient, about, occasion)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Notify, Zone};
    use crate::contact::{Details, Field, PersonName};
    use crate::message::{Audience, Channel};
    use crate::notify::Words;
    use crate::plan::Change;

    fn body(channel: Channel, audience: Audience, language: &str, by: Editor) -> String {
        let to = Recipient { channel, audience, address: "x@x.example".into() };
        let details = Details { name: PersonName::new("Rosa", "Diaz"), ..Details::default() };
        let change = Change {
            field: Field::Email,
            old: "old@x.example".into(),
            new: "new@x.example".into(),
            case_only: false,
        };
        let notify = Notify { contact: Some("the school office".into()), ..Notify::default() };
        let words = Words::load(&notify).unwrap();
        let occasion = Occasion {
            at: "2026-11-23T08:15:00Z".parse().unwrap(),
            zone: Zone::Named(chrono_tz::America::Chicago),
            notify: &notify,
            words: &words,
            phones: crate::contact::PhoneReader::new(crate::contact::Region::US),
        };
        let about =
            About { details: &details, changes: &[change], language: Some(language), shares_phone: false };
        compose_edit(&to, &about, by, &occasion).unwrap().body
    }

    #[test]
    fn the_person_is_told_what_changed_and_by_whom() {
        assert_eq!(
            body(Channel::Email, Audience::Current, "en", Editor::Staff),
            "Hello Rosa,\n\nOn November 23, 2026 at 02:15 your contact details were changed by staff of your school:\n\n  \
             Email: new@x.example\n\nIf this is not what you expected, please contact the school office."
        );
        assert!(
            body(Channel::Email, Audience::Current, "en", Editor::ThePerson).contains("from your account")
        );
        assert!(body(Channel::Email, Audience::Current, "es", Editor::Undo).contains("los de antes"));
        let text = body(Channel::Sms, Audience::Current, "en", Editor::Undo);
        assert!(text.contains("were set back to what they were before: email n***@x.example"), "{text}");
    }

    #[test]
    fn an_old_address_never_learns_the_new_value_or_the_name() {
        for (channel, language) in [(Channel::Email, "en"), (Channel::Sms, "es")] {
            let body = body(channel, Audience::Former, language, Editor::ThePerson);
            assert!(!body.contains("new@x.example") && !body.contains("Rosa"), "{body}");
            assert!(!body.contains("records") && !body.contains("registros"), "{body}");
        }
    }
}
