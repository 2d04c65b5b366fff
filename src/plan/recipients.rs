//! The recipients of a message about a change, and the channels. Pure.

use super::Change;
use crate::account::OptOuts;
use crate::contact::{Details, Email, Field, phone_key};
use crate::message::{Audience, Channel, Recipient};
use crate::rules::{Channels, Rules};
use crate::sent::{Telling, Told};
use crate::store::UndeliveredChanges;

/// The changes to tell a person, and the recipients.
#[derive(Debug, Default)]
pub struct News {
    pub changes: Vec<Change>,
    pub recipients: Vec<Recipient>,
    /// Whether a message reaches the person: a message to an old address alone does not reach them.
    pub reached: bool,
    /// Id of the oldest change in the audit that the person was not told yet, if there is one. Queued messages about it are
    /// out of date.
    pub first_change_id: Option<i64>,
}

impl News {
    /// Of these changes, and of those before of which the person has not been told yet: all that is another than what they
    /// were told last. An address that they were never told of is no old one.
    pub fn of(
        before: &Details,
        after: &Details,
        changes: &[Change],
        undelivered: Option<&UndeliveredChanges>,
        opt_outs: OptOuts,
        rules: &Rules,
    ) -> Self {
        let Some(undelivered) = undelivered else {
            let (recipients, reached) = recipients(before, after, changes, opt_outs, rules);
            return Self { changes: changes.to_vec(), recipients, reached, first_change_id: None };
        };
        let told = undelivered.last_told(before);
        let changes: Vec<Change> = Field::ALL
            .into_iter()
            .filter(|field| !told.same(*field, after))
            .map(|field| Change {
                field,
                old: told.shown(field),
                new: after.shown(field),
                case_only: field == Field::Name && told.name.same_but_case(&after.name),
            })
            .collect();
        let (mut recipients, reached) = recipients(&told, after, &changes, opt_outs, rules);
        recipients.retain(|recipient| !undelivered.tells(recipient));
        Self { changes, recipients, reached, first_change_id: Some(undelivered.first_change_id) }
    }

    /// Leaves out those that were told all of it in a run that the store does not know.
    pub fn leave_out_told(&mut self, sourced_id: &str, told: &Told) {
        let changes = &self.changes;
        self.recipients.retain(|to| {
            // An old address has to know of nothing but that it is one.
            let concerns = |change: &Change| {
                let credential = if to.channel == Channel::Email { Field::Email } else { Field::Phone };
                to.audience == Audience::Current || change.field == credential
            };
            let knows = |change: &Change| {
                told.has(&Telling { sourced_id, to, field: change.field, new: &change.new })
            };
            !changes.iter().filter(|change| concerns(change)).all(knows)
        });
    }
}

/// The recipients for changes of an active person. The bool says whether a message reaches the person: a message to an old
/// address alone does not.
///
/// Nothing goes to a channel that the person has left. Only a change of a sign-in is told by email all the same, if no text
/// can tell it: another person may be taking the account over.
fn recipients(
    before: &Details,
    after: &Details,
    changes: &[Change],
    opt_outs: OptOuts,
    rules: &Rules,
) -> (Vec<Recipient>, bool) {
    let Some(channels) = rules.channels else { return (Vec::new(), true) };
    let changed = |field| changes.iter().any(|change| change.field == field && !change.case_only);
    if !Field::ALL.into_iter().any(changed) {
        return (Vec::new(), true);
    }
    let email = |address: &str| sendable(address, channels, rules);
    let [left_email, left_sms] = Channel::ALL.map(|channel| opt_outs.has_left(channel));
    let sms = |number: &str| !left_sms && textable(number, channels, rules);
    let to = |channel, audience, address: &str| Recipient { channel, audience, address: address.to_owned() };
    let mut told = Vec::new();

    let is_sign_in = changed(Field::Email) || changed(Field::Phone);
    let by_email = email(&after.email) && (!left_email || is_sign_in && !sms(&after.phone));
    if by_email {
        told.push(to(Channel::Email, Audience::Current, &after.email));
    }
    let by_sms = !by_email && sms(&after.phone);
    let to_old_number = !by_email && changed(Field::Phone) && sms(&before.phone);
    // A text to a number that is new tonight as well may reach another person alone.
    let knows_by_text = left_email && by_sms && (!changed(Field::Phone) || to_old_number);
    if changed(Field::Email) && email(&before.email) && !knows_by_text {
        told.push(to(Channel::Email, Audience::Former, &before.email));
    }
    if by_sms {
        told.push(to(Channel::Sms, Audience::Current, phone_key(&after.phone)));
    }
    if to_old_number {
        told.push(to(Channel::Sms, Audience::Former, phone_key(&before.phone)));
    }
    (told, by_email || by_sms)
}

fn sendable(address: &str, channels: Channels, rules: &Rules) -> bool {
    channels.email && Email::parse(address).is_some() && !rules.ignore_emails.matches(address)
}

/// A mobile; one with an extension is a switchboard, and one that has opted out is never texted.
fn textable(number: &str, channels: Channels, rules: &Rules) -> bool {
    channels.sms && rules.phones.can_be_texted(number) && !rules.opted_out.contains(phone_key(number))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::person::tests::rules;

    fn details(email: &str, phone: &str) -> Details {
        Details { email: email.into(), phone: phone.into(), ..Details::default() }
    }

    /// The recipients when one becomes the other: `current email new@x`, …
    fn told(before: (&str, &str), after: (&str, &str), sms: bool) -> (Vec<String>, bool) {
        let (before, after) = (details(before.0, before.1), details(after.0, after.1));
        let changes: Vec<Change> = Field::ALL
            .into_iter()
            .filter(|field| !before.same(*field, &after))
            .map(|field| Change { field, old: String::new(), new: String::new(), case_only: false })
            .collect();
        let mut rules = rules();
        rules.channels = Some(Channels { email: true, sms });
        let (told, reached) = recipients(&before, &after, &changes, OptOuts::default(), &rules);
        (
            told.iter()
                .map(|r| format!("{} {} {}", r.audience.word(), r.channel.word(), r.address))
                .collect(),
            reached,
        )
    }

    const A: &str = "+17185550142";
    const B: &str = "+17185550143";

    #[test]
    fn a_changed_email_is_told_to_both_addresses() {
        let expected =
            vec!["current email new@x.example".to_owned(), "former email old@x.example".to_owned()];
        assert_eq!(told(("old@x.example", A), ("new@x.example", A), true), (expected.clone(), true));
        // Both changed: mails only, nothing to phones.
        assert_eq!(told(("old@x.example", A), ("new@x.example", B), true), (expected, true));
    }

    #[test]
    fn no_old_value_only_the_new_is_told() {
        assert_eq!(told(("", A), ("new@x.example", A), true).0, ["current email new@x.example"]);
        assert_eq!(told(("", ""), ("", A), true).0, [format!("current sms {A}")]);
    }

    #[test]
    fn a_changed_mobile_goes_by_email_if_there_is_one() {
        assert_eq!(told(("a@x.example", A), ("a@x.example", B), true).0, ["current email a@x.example"]);
        assert_eq!(told(("", A), ("", B), true).0, [format!("current sms {B}"), format!("former sms {A}")]);
    }

    #[test]
    fn a_cleared_email_is_told_to_the_old_address_and_the_mobile() {
        let expected = ["former email old@x.example".to_owned(), format!("current sms {A}")];
        assert_eq!(told(("old@x.example", A), ("", A), true).0, expected);
    }

    /// A text to a number that is new as well may reach only the person that took the account over.
    #[test]
    fn a_person_that_has_left_email_is_told_where_the_person_was_before() {
        let mut opt_outs = OptOuts::default();
        opt_outs.set(Channel::Email, true);
        let told = |before: (&str, &str), after: (&str, &str)| -> Vec<String> {
            let (before, after) = (details(before.0, before.1), details(after.0, after.1));
            let fields = Field::ALL.into_iter().filter(|field| !before.same(*field, &after));
            let change = |field| Change { field, old: String::new(), new: String::new(), case_only: false };
            let changes: Vec<Change> = fields.map(change).collect();
            let mut rules = rules();
            rules.channels = Some(Channels { email: true, sms: true });
            let recipients = recipients(&before, &after, &changes, opt_outs, &rules).0;
            recipients.iter().map(|to| format!("{} {}", to.audience.word(), to.address)).collect()
        };
        assert_eq!(told(("old@x.example", A), ("new@x.example", A)), [format!("current {A}")]);
        assert_eq!(
            told(("old@x.example", A), ("new@x.example", B)),
            [format!("current {B}"), format!("former {A}")]
        );
        assert_eq!(
            told(("old@x.example", ""), ("new@x.example", B)),
            ["former old@x.example".to_owned(), format!("current {B}")]
        );
    }

    #[test]
    fn who_cannot_be_reached_is_said() {
        assert_eq!(told(("", A), ("", B), false), (vec![], false));
        assert_eq!(
            told(("old@x.example", A), ("", A), false),
            (vec!["former email old@x.example".to_owned()], false)
        );
        // A switchboard and a text that is no address reach no person.
        assert_eq!(
            told(("", A), ("", "+17185550143 ext. 4"), true),
            (vec![format!("former sms {A}")], false)
        );
        assert_eq!(
            told(("rosa(at)x", A), ("rosa(at)x", B), true).0,
            [format!("current sms {B}"), format!("former sms {A}")]
        );
    }

    #[test]
    fn who_has_opted_out_is_not_texted() {
        let mut rules = rules();
        rules.channels = Some(Channels { email: true, sms: true });
        rules.opted_out.insert(B.to_owned());
        let change = Change { field: Field::Phone, old: A.into(), new: B.into(), case_only: false };
        let (told, reached) =
            recipients(&details("", A), &details("", B), &[change], OptOuts::default(), &rules);
        assert_eq!((told.len(), told[0].audience, reached), (1, Audience::Former, false));
    }

    /// What goes out when one becomes the other and the person has left these channels.
    fn told_without(
        left: &[Channel],
        before: (&str, &str),
        after: (&str, &str),
        field: Field,
    ) -> (Vec<String>, bool) {
        let mut rules = rules();
        rules.channels = Some(Channels { email: true, sms: true });
        let mut opt_outs = OptOuts::default();
        for channel in left {
            opt_outs.set(*channel, true);
        }
        let change = |field| Change { field, old: String::new(), new: String::new(), case_only: false };
        let (before, after) = (details(before.0, before.1), details(after.0, after.1));
        let mut changes: Vec<Change> =
            Field::ALL.into_iter().filter(|field| !before.same(*field, &after)).map(change).collect();
        if changes.is_empty() {
            changes.push(change(field));
        }
        let (told, reached) = recipients(&before, &after, &changes, opt_outs, &rules);
        let word = |to: &Recipient| format!("{} {} {}", to.audience.word(), to.channel.word(), to.address);
        (told.iter().map(word).collect(), reached)
    }

    #[test]
    fn a_person_that_has_left_a_channel() {
        use Channel::{Email as Mail, Sms};
        let (old, new) = ("old@x.example", "new@x.example");
        let none: Vec<String> = Vec::new();
        // A name is not told by a channel that the person has left.
        assert_eq!(told_without(&[Mail], (old, ""), (old, ""), Field::Name), (none.clone(), false));
        assert_eq!(
            told_without(&[Mail], (old, A), (old, A), Field::HomePhone),
            (vec![format!("current sms {A}")], true)
        );
        assert_eq!(told_without(&[Sms], ("", A), ("", A), Field::Name), (none.clone(), false));
        assert_eq!(told_without(&[Sms], ("", A), ("", B), Field::Name), (none.clone(), false));
        assert_eq!(told_without(&[Mail, Sms], (old, A), (old, A), Field::Name), (none, false));
        // A sign-in is told all the same: by text, or else by email.
        assert_eq!(
            told_without(&[Mail], (old, A), (new, A), Field::Name),
            (vec![format!("current sms {A}")], true)
        );
        assert_eq!(
            told_without(&[Mail], (old, A), (new, B), Field::Name),
            (vec![format!("current sms {B}"), format!("former sms {A}")], true)
        );
        let mails = vec![format!("current email {new}"), format!("former email {old}")];
        assert_eq!(told_without(&[Mail], (old, ""), (new, ""), Field::Name), (mails.clone(), true));
        assert_eq!(told_without(&[Mail, Sms], (old, A), (new, A), Field::Name), (mails, true));
    }

    #[test]
    fn a_change_of_case_is_told_to_nobody() {
        let mut rules = rules();
        rules.channels = Some(Channels { email: true, sms: true });
        let change = Change { field: Field::Name, old: "a".into(), new: "A".into(), case_only: true };
        let details = details("a@x.example", A);
        assert_eq!(recipients(&details, &details, &[change], OptOuts::default(), &rules), (vec![], true));
    }
}
