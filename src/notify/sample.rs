//! One sample through the real channel: the way to find out in the afternoon what would go wrong at night.

use chrono::{DateTime, Utc};

use super::admins::{Mailer, taken};
use super::carrier::Carrier;
use super::compose::{About, Occasion, compose};
use super::gateway::Gateway;
use super::mime;
use super::twilio::Twilio;
use super::words::Words;
use crate::config::{Config, Provider};
use crate::contact::{Details, Email, Field, PersonName, PhoneReader};
use crate::failure::{Failure, Kind, Result};
use crate::message::{Audience, Channel, Message, Recipient};
use crate::plan::Change;
use crate::store::Waiting;

/// A sample says that it is one: a text in its first word, since it has no subject.
fn mark_as_sample(message: &mut Message) {
    match message.to.channel {
        Channel::Email => message.subject.insert_str(0, "Test: "),
        Channel::Sms => message.body.insert_str(0, "Test: "),
    }
}

/// Sends the message that a person called Sample would get, to an address or a mobile. What was said in the end.
///
/// # Errors
/// `Usage` if that is neither, or its channel is not configured; `Failed` if it was not taken.
pub fn send_sample(config: &Config, to: &str, language: Option<&str>, now: DateTime<Utc>) -> Result<String> {
    let phones = PhoneReader::new(config.sync.default_region);
    let phone = phones.parse(to).filter(|_| phones.can_be_texted(to)).map(|phone| phone.e164().to_owned());
    let recipient = match (Email::parse(to), phone) {
        (Some(_), _) => {
            Recipient { channel: Channel::Email, audience: Audience::Current, address: to.trim().to_owned() }
        }
        (None, Some(number)) => {
            Recipient { channel: Channel::Sms, audience: Audience::Current, address: number }
        }
        (None, None) => {
            return Err(Failure::new(Kind::Usage, "that is neither a mail address nor a mobile number")
                .cure("write --to you@school.example, or --to +12175550100"));
        }
    };
    let words = Words::load(&config.notify)?;
    if let Some(unknown) = language.filter(|language| !words.knows(language)) {
        return Err(Failure::new(
            Kind::Usage,
            format!("there are no templates for the language `{unknown}`"),
        )
        .cure(format!(
            "write one of: {}; or add a folder for it to `templates` in [notify]",
            words.languages()
        )));
    }
    let details = Details { name: PersonName::new("Sample", "Person"), ..Details::default() };
    let changes = [Change {
        field: Field::HomePhone,
        old: String::new(),
        new: "+12175550100".into(),
        case_only: false,
    }];
    let about = About { details: &details, changes: &changes, language, shares_phone: true };
    let mut message = compose(&recipient, &about, &Occasion::of(config, &words, now))?;
    mark_as_sample(&mut message);
    // No run has the number 0.
    let waiting = Waiting {
        id: now.timestamp(),
        run: 0,
        message,
        queued: now,
        attempts: 1,
        lost: 0,
        died: false,
        nonce: format!("{:012x}", fastrand::u64(..) >> 16),
        trying: 0,
        settled: None,
        others_taken: false,
    };
    let missing = |section: &str| {
        Failure::new(Kind::Usage, format!("there is no [{section}] to send it with"))
            .at(config.file.display())
            .cure("config.example.toml shows it")
    };
    match recipient.channel {
        Channel::Email => {
            let email = config.notify.email.as_ref().ok_or_else(|| missing("notify.email"))?;
            let mail = mime::notification(email, &waiting)?;
            let file = format!("sample-{}", waiting.id);
            let mut mailer = Mailer::new(email);
            let done = mailer.send(&mail, &file, &mime::message_name(&waiting));
            let written = matches!(mailer, Mailer::Folder(_));
            mailer.finish();
            let file = taken(done, "the mail server", "check the address, and [notify.email]")?;
            Ok(match written {
                true => format!("the sample is written as {file}"),
                false => "the mail server took the sample".to_owned(),
            })
        }
        Channel::Sms => {
            let sms = config.notify.sms.as_ref().ok_or_else(|| missing("notify.sms"))?;
            let answer = match sms.provider {
                Provider::Twilio => Twilio::new(sms, None)?.hand_over(&waiting),
                Provider::Http => Gateway::new(sms)?.hand_over(&waiting),
            };
            let id = taken(answer, "the gateway", "check the number, and [notify.sms]")?;
            Ok(match id.as_str() {
                "" => "the gateway took the sample".to_owned(),
                id => format!("the gateway took the sample, as {id}"),
            })
        }
    }
}
