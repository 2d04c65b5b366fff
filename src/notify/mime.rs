//! A notification as it goes over the wire.

use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart};

use chrono::{DateTime, Utc};

use crate::config::NotifyEmail;
use crate::failure::{Failure, Kind, Result};
use crate::store::Waiting;

/// A mail that is ready to go: who sends it to whom, and its bytes.
pub(super) struct Mail {
    pub from: Address,
    pub to: Address,
    pub bytes: Vec<u8>,
}

fn unfit(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Failure {
    Failure::new(Kind::Failed, "a message cannot be put together").because(error)
}

fn mailbox(text: &str) -> Result<Mailbox> {
    text.parse::<Mailbox>().map_err(unfit)
}

/// Parsed as an address alone: what is in a roster must not become a list or a name. A domain with letters beyond ASCII is
/// written as the DNS has it, so that every server takes it.
fn address(text: &str) -> Result<Address> {
    let address = text.parse::<Address>().map_err(unfit)?;
    if address.domain().is_ascii() {
        return Ok(address);
    }
    let domain = idna::domain_to_ascii(address.domain()).map_err(unfit)?;
    Address::new(address.user(), domain).map_err(unfit)
}

/// What all our mails have in common.
fn begin(email: &NotifyEmail, to: &Address, subject: &str, at: DateTime<Utc>) -> Result<MessageBuilder> {
    let automatic =
        |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
    let mut builder = MessageBuilder::new()
        .from(sender(email)?)
        .to(Mailbox::new(None, to.clone()))
        .subject(subject)
        .date(at.into())
        // RFC 3834, and what Exchange understands instead: nobody's absence is answered to.
        .raw_header(automatic("Auto-Submitted", "auto-generated"))
        .raw_header(automatic("X-Auto-Response-Suppress", "All"));
    if let Some(reply_to) = &email.reply_to {
        builder = builder.reply_to(mailbox(reply_to)?);
    }
    Ok(builder.header(MIME_VERSION_1_0))
}

fn sender(email: &NotifyEmail) -> Result<Mailbox> {
    let Mailbox { name, email } = mailbox(&email.from)?;
    Ok(Mailbox::new(name, address(email.as_ref())?))
}

fn envelope_from(email: &NotifyEmail) -> Result<Address> {
    address(mailbox(email.envelope_from.as_ref().unwrap_or(&email.from))?.email.as_ref())
}

/// A notification. The same message gives the same bytes each time, with the same Message-ID.
///
/// # Errors
/// `Failed` if the recipient is not one address.
pub(super) fn notification(email: &NotifyEmail, waiting: &Waiting) -> Result<Mail> {
    let message = &waiting.message;
    let to = address(&message.to.address)?;
    let name = format!("rostersync.{}.{}.{}", waiting.run, waiting.id, waiting.queued.timestamp());
    let id = format!("<{name}@{}>", sender(email)?.email.domain());
    let builder = begin(email, &to, &message.subject, waiting.queued)?.message_id(Some(id));
    let built = match message.html.as_str() {
        // Queued by a version that had no HTML.
        "" => builder.header(ContentType::TEXT_PLAIN).body(message.body.clone()),
        html => builder.multipart(
            MultiPart::alternative()
                .boundary(name)
                .singlepart(SinglePart::plain(message.body.clone()))
                .singlepart(SinglePart::html(html.to_owned())),
        ),
    };
    let bytes = built.map_err(unfit)?.formatted();
    Ok(Mail { from: envelope_from(email)?, to, bytes })
}

/// A mail to an administrator, with a file if there is one.
///
/// # Errors
/// `Failed` if the recipient is not one address.
pub(super) fn to_admin(
    email: &NotifyEmail,
    to: &str,
    subject: &str,
    text: &str,
    file: Option<(&str, Vec<u8>)>,
    at: DateTime<Utc>,
) -> Result<Mail> {
    let to = address(to)?;
    let id = format!("<rostersync.summary.{}@{}>", at.timestamp_millis(), sender(email)?.email.domain());
    let builder = begin(email, &to, subject, at)?.message_id(Some(id));
    let built = match file {
        None => builder.header(ContentType::TEXT_PLAIN).body(text.to_owned()),
        Some((name, bytes)) => {
            let table = ContentType::parse("text/csv").map_err(unfit)?;
            builder.multipart(
                MultiPart::mixed()
                    .singlepart(SinglePart::plain(text.to_owned()))
                    .singlepart(Attachment::new(name.to_owned()).body(bytes, table)),
            )
        }
    };
    let bytes = built.map_err(unfit)?.formatted();
    Ok(Mail { from: envelope_from(email)?, to, bytes })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Audience, Channel, Message, Recipient};
    use mail_parser::MessageParser;

    fn email() -> NotifyEmail {
        toml::from_str(
            "server = \"file:mail\"\nfrom = \"Núñez District <no-reply@lincoln.example>\"\n\
             reply_to = \"help@lincoln.example\"\nenvelope_from = \"bounces@lincoln.example\"\n",
        )
        .unwrap()
    }

    fn waiting() -> Waiting {
        Waiting {
            id: 7,
            run: 42,
            message: Message {
                to: Recipient {
                    channel: Channel::Email,
                    audience: Audience::Current,
                    address: "rosa@mail.example".into(),
                },
                subject: "Sus datos, José".into(),
                body: "Hello José,\n\nline\n.\n".into(),
                html: "<p>Hello José</p>".into(),
            },
            queued: "2026-11-23T08:15:00Z".parse().unwrap(),
            attempts: 1,
            lost: 0,
            died: false,
        }
    }

    #[test]
    fn a_message_is_what_a_mail_program_expects() {
        let mail = notification(&email(), &waiting()).unwrap();
        assert_eq!(mail.from.to_string(), "bounces@lincoln.example");
        assert!(mail.bytes.is_ascii(), "no server has to know 8BITMIME");
        let parsed = MessageParser::new().parse(&mail.bytes).unwrap();
        assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("Núñez District"));
        assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("rosa@mail.example"));
        assert_eq!(parsed.reply_to().unwrap().first().unwrap().address(), Some("help@lincoln.example"));
        assert_eq!(parsed.subject(), Some("Sus datos, José"));
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), "Hello José,\n\nline\n.\n");
        assert_eq!(parsed.body_html(0).unwrap(), "<p>Hello José</p>");
        assert_eq!(parsed.message_id(), Some("rostersync.42.7.1795421700@lincoln.example"));
        for (header, value) in [
            ("MIME-Version", "1.0"),
            ("Auto-Submitted", "auto-generated"),
            ("X-Auto-Response-Suppress", "All"),
            ("Date", "Mon, 23 Nov 2026 08:15:00 +0000"),
        ] {
            assert_eq!(parsed.header_raw(header).map(str::trim), Some(value), "{header}");
        }
        assert_eq!(notification(&email(), &waiting()).unwrap().bytes, mail.bytes, "the same bytes each time");
    }

    #[test]
    fn nothing_in_a_roster_adds_a_recipient_or_a_header() {
        for address in ["a@x.example, b@y.example", "a@x.example\r\nBcc: b@y.example", "A <a@x.example>"] {
            let mut waiting = waiting();
            waiting.message.to.address = address.into();
            assert!(notification(&email(), &waiting).is_err(), "{address}");
        }
        let mut waiting = waiting();
        waiting.message.subject = "x\r\nBcc: b@y.example".into();
        let mail = notification(&email(), &waiting).unwrap();
        let parsed = MessageParser::new().parse(&mail.bytes).unwrap();
        assert!(parsed.bcc().is_none());
    }

    #[test]
    fn a_domain_is_written_as_the_dns_has_it() {
        let mut waiting = waiting();
        waiting.message.to.address = "rosa@bücher.example".into();
        let mail = notification(&email(), &waiting).unwrap();
        assert_eq!(mail.to.to_string(), "rosa@xn--bcher-kva.example");
    }

    #[test]
    fn an_administrator_gets_the_report_as_a_file() {
        let at = "2026-11-23T08:15:00Z".parse().unwrap();
        let file = Some(("users-000001.csv", b"line\r\n".to_vec()));
        let mail = to_admin(&email(), "it@lincoln.example", "run 1", "all well", file, at).unwrap();
        let parsed = MessageParser::new().parse(&mail.bytes).unwrap();
        assert_eq!(parsed.attachment_count(), 1);
        assert_eq!(parsed.body_text(0).unwrap(), "all well");
    }
}
