//! `notify test`: one sample message through the real channel, to find out in the daytime what
//! would fail at night.

use chrono::{DateTime, Utc};

use super::compose::{About, Editor, Occasion, compose};
use super::drain::carrier;
use super::templates::Templates;
use crate::config::{Config, MailServer};
use crate::contact::{Details, Email, Field, PersonName, PhoneReader};
use crate::failure::{Failure, Kind, Result};
use crate::message::{Audience, Channel, Message, Recipient};
use crate::plan::Change;
use crate::store::Waiting;

/// Sends the message that a person called Sample would get, to an address or a mobile. Returns what
/// to print.
///
/// # Errors
/// `Usage` if that is neither, or its channel is not configured; `Failed` if it was not accepted.
pub fn send_sample(config: &Config, to: &str, language: Option<&str>, now: DateTime<Utc>) -> Result<String> {
    let message = compose_sample(config, recipient(config, to)?, language, now)?;
    let channel = message.to.channel;
    let word = channel.word();
    let Some((mut carrier, _)) = carrier(config, channel, None, &|| false)? else {
        let what = format!("there is no [notify.{word}] to send it with");
        return Err(Failure::new(Kind::Usage, what)
            .at(config.file.display())
            .cure("config.example.toml shows it"));
    };
    // No run has the number 0.
    let answer = carrier.hand_over(&Waiting {
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
    });
    carrier.finish();
    let is_folder =
        matches!(&config.notify.email, Some(email) if matches!(email.server, MailServer::Folder(_)));
    match channel {
        Channel::Email => {
            let id = answer.accepted("the mail server", "check the address, and [notify.email]")?;
            Ok(match is_folder {
                true => format!("the sample is written as {id}"),
                false => "the mail server accepted the sample".to_owned(),
            })
        }
        Channel::Sms => {
            let id = answer.accepted("the gateway", "check the number, and [notify.sms]")?;
            Ok(match id.as_str() {
                "" => "the gateway accepted the sample".to_owned(),
                id => format!("the gateway accepted the sample, as {id}"),
            })
        }
    }
}

fn recipient(config: &Config, to: &str) -> Result<Recipient> {
    let phones = PhoneReader::new(config.sync.default_region);
    let mobile = phones.parse(to).filter(|_| phones.can_be_texted(to));
    let (channel, address) = match (Email::parse(to), mobile) {
        (Some(_), _) => (Channel::Email, to.trim().to_owned()),
        (None, Some(number)) => (Channel::Sms, number.e164().to_owned()),
        (None, None) => {
            return Err(Failure::new(Kind::Usage, "that is neither a mail address nor a mobile number")
                .cure("write --to you@school.example, or --to +12175550100"));
        }
    };
    Ok(Recipient { channel, audience: Audience::Current, address })
}

/// The sample begins with `Test: `: an email in its subject, a text in its first word.
fn compose_sample(
    config: &Config,
    to: Recipient,
    language: Option<&str>,
    now: DateTime<Utc>,
) -> Result<Message> {
    let templates = Templates::load(&config.notify)?;
    if let Some(unknown) = language.filter(|language| !templates.knows(language)) {
        let cure = format!(
            "write one of: {}; or add a folder for it to `templates` in [notify]",
            templates.languages()
        );
        let what = format!("there are no templates for the language `{unknown}`");
        return Err(Failure::new(Kind::Usage, what).cure(cure));
    }
    let details = Details { name: PersonName::new("Sample", "Person"), ..Details::default() };
    let new = "+12175550100".to_owned();
    let changes = [Change { field: Field::HomePhone, old: String::new(), new, case_only: false }];
    let about = About { details: &details, changes: &changes, language, shares_phone: true, schools: &[] };
    let mut message = compose(&to, &about, Editor::Sync, &Occasion::of(config, &templates, now))?;
    match to.channel {
        Channel::Email => message.subject.insert_str(0, "Test: "),
        Channel::Sms => message.body.insert_str(0, "Test: "),
    }
    Ok(message)
}
