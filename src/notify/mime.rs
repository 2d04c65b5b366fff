//! Mails as bytes: notifications, and the summary for administrators.

use lettre::Address;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Attachment, Mailbox, MessageBuilder, MultiPart, SinglePart};

use chrono::{DateTime, Utc};

use super::carrier::{Answer, Refusal, Trouble};
use crate::config::NotifyEmail;
use crate::failure::{Failure, Kind, Result};
use crate::mailbox::address_of;
use crate::store::Waiting;

pub(super) struct Mail {
    pub from: Address,
    pub to: Address,
    pub bytes: Vec<u8>,
}

fn not_composed(error: impl Into<anyhow::Error>) -> Failure {
    Failure::new(Kind::Failed, "a message cannot be composed")
        .cure("check the templates of [notify]; if they are the built-in ones, report it")
        .because(error)
}

fn begin(email: &NotifyEmail, to: Mailbox, subject: &str, at: DateTime<Utc>) -> MessageBuilder {
    let automatic =
        |name, value: &str| HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned());
    let mut builder = MessageBuilder::new()
        .from(email.from.sender())
        .to(to)
        .subject(subject)
        .date(at.into())
        // RFC 3834, and the header that Exchange understands instead: no automatic replies.
        .raw_header(automatic("Auto-Submitted", "auto-generated"))
        .raw_header(automatic("X-Auto-Response-Suppress", "All"));
    if let Some(reply_to) = &email.reply_to {
        builder = builder.reply_to(reply_to.sender());
    }
    builder.header(MIME_VERSION_1_0)
}

fn envelope_from(email: &NotifyEmail) -> Address {
    email.envelope_from.as_ref().unwrap_or(&email.from).address().clone()
}

/// The beginning of a notification's Message-ID, which no other mail has.
pub(super) fn message_name(waiting: &Waiting) -> String {
    match waiting.nonce.as_str() {
        // The form of the earlier version, which may have handed it over already.
        "" => format!("rostersync.{}.{}", waiting.key('.'), waiting.queued.timestamp()),
        _ => format!("rostersync.{}", waiting.key('.')),
    }
}

/// A notification. The same message always gives the same bytes and the same Message-ID.
///
/// # Errors
/// What becomes of the message, if the recipient is not one address or the message cannot be
/// composed.
pub(super) fn notification(email: &NotifyEmail, waiting: &Waiting) -> Result<Mail, Box<Answer>> {
    let message = &waiting.message;
    let no_address = || Answer::Refused { refusal: Refusal::of("not an address", ""), named: true };
    let to = address_of(&message.to.address).ok_or_else(|| Box::new(no_address()))?;
    let name = message_name(waiting);
    let id = format!("<{name}@{}>", email.from.address().domain());
    let builder =
        begin(email, Mailbox::new(None, to.clone()), &message.subject, waiting.queued).message_id(Some(id));
    let built = match message.html.as_str() {
        // An earlier version, without HTML, queued it.
        "" => builder.header(ContentType::TEXT_PLAIN).body(message.body.clone()),
        html => builder.multipart(
            MultiPart::alternative()
                .boundary(name)
                .singlepart(SinglePart::plain(message.body.clone()))
                .singlepart(SinglePart::html(html.to_owned())),
        ),
    };
    let bytes = built
        .map_err(|error| {
            // This must not count against the recipient.
            let trouble = Trouble::DistrictFault(not_composed(error));
            Box::new(Answer::MaybeStop(trouble, "it cannot be composed".into()))
        })?
        .formatted();
    Ok(Mail { from: envelope_from(email), to, bytes })
}

/// A mail to an administrator, with files if there are some. Its Message-ID begins with `id`.
pub(super) fn to_admin(
    email: &NotifyEmail,
    to: &crate::mailbox::Mailbox,
    (subject, text): (&str, &str),
    files: &[(String, Vec<u8>)],
    id: &str,
    at: DateTime<Utc>,
) -> Result<Mail> {
    let id = format!("<rostersync.{id}@{}>", email.from.address().domain());
    let builder = begin(email, to.sender(), subject, at).message_id(Some(id));
    let built = if files.is_empty() {
        builder.header(ContentType::TEXT_PLAIN).body(text.to_owned())
    } else {
        let mut parts = MultiPart::mixed().singlepart(SinglePart::plain(text.to_owned()));
        for (name, bytes) in files {
            let kind = if name.ends_with(".html") { "text/html; charset=utf-8" } else { "text/csv" };
            let kind = ContentType::parse(kind).map_err(not_composed)?;
            parts = parts.singlepart(Attachment::new(name.clone()).body(bytes.clone(), kind));
        }
        builder.multipart(parts)
    };
    let bytes = built.map_err(not_composed)?.formatted();
    Ok(Mail { from: envelope_from(email), to: to.address().clone(), bytes })
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
            nonce: "5f1c".into(),
            trying: 0,
            settled: None,
            others_taken: false,
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
        assert_eq!(parsed.message_id(), Some("rostersync.42.7.5f1c@lincoln.example"));
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

    /// A message that an earlier version queued, and may have handed over, keeps its Message-ID.
    #[test]
    fn a_message_of_an_earlier_version_is_the_same_one() {
        let old = Waiting { nonce: String::new(), ..waiting() };
        assert_eq!(message_name(&old), "rostersync.42.7.1795421700");
        assert_eq!(old.key('-'), "42-7");
    }

    #[test]
    fn nothing_in_a_roster_adds_a_recipient_or_a_header() {
        for address in ["a@x.example, b@y.example", "a@x.example\r\nBcc: b@y.example", "A <a@x.example>"] {
            let mut waiting = waiting();
            waiting.message.to.address = address.into();
            let unfit = notification(&email(), &waiting);
            assert!(matches!(*unfit.err().unwrap(), Answer::Refused { named: true, .. }), "{address}");
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
        let file = ("users-000001.csv".to_owned(), b"line\r\n".to_vec());
        let it = crate::mailbox::Mailbox::parse("IT, Desk <it@lincoln.example>").unwrap();
        let mail =
            to_admin(&email(), &it, ("run 1", "all well"), std::slice::from_ref(&file), "summary.1", at)
                .unwrap();
        let parsed = MessageParser::new().parse(&mail.bytes).unwrap();
        assert_eq!(parsed.attachment_count(), 1);
        let to = parsed.to().unwrap().first().unwrap();
        assert_eq!((to.name(), to.address()), (Some("IT, Desk"), Some("it@lincoln.example")));
        assert_eq!(parsed.body_text(0).unwrap(), "all well");
    }
}
