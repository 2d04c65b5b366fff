//! Email: from the outbox into the configured place.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::Path;

use chrono::{DateTime, Utc};
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::message::{Mailbox, MessageBuilder};

use crate::config::{MailServer, NotifyEmail};
use crate::failure::{Failure, Kind, Result};
use crate::store::{Store, Waiting};

/// What became of the messages that waited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Delivery {
    pub sent: u64,
    /// They stay queued.
    pub undelivered: u64,
}

/// How many are taken from the outbox, and marked as sent, at a time.
const BATCH: u64 = 100;

/// Hands over the emails that wait in the outbox. Each is marked as sent after it was; one that is repeated because the
/// process died in between has the same Message-ID, and in a folder the same file.
///
/// # Errors
/// Those of the store. That a message cannot be handed over is no error: it stays queued and is counted.
pub fn deliver(
    store: &Store,
    email: &NotifyEmail,
    now: DateTime<Utc>,
    mut progress: impl FnMut(u64),
    stopped: impl Fn() -> bool,
) -> Result<Delivery> {
    let MailServer::Folder(folder) = &email.server;
    let mut delivery = Delivery::default();
    let mut first_failure = None;
    let mut last = 0;
    loop {
        let batch = store.waiting_emails(last, BATCH)?;
        let mut sent = Vec::new();
        for waiting in &batch {
            last = waiting.id;
            if stopped() {
                delivery.undelivered += 1;
                continue;
            }
            match write_eml(folder, waiting, email) {
                Ok(()) => sent.push(waiting.id),
                Err(failure) => {
                    // Most often all fail for one reason, which need not be said for each.
                    first_failure.get_or_insert((waiting.id, failure));
                    delivery.undelivered += 1;
                }
            }
        }
        store.mark_sent(&sent, now)?;
        delivery.sent += sent.len() as u64;
        progress(delivery.sent);
        if (batch.len() as u64) < BATCH {
            break;
        }
    }
    if let Some((message, failure)) = first_failure {
        tracing::error!(
            message,
            undelivered = delivery.undelivered,
            "messages stay queued; the first one: {failure}"
        );
    }
    Ok(delivery)
}

/// Writes a message as `run-<run>-<id>.eml`, complete or not at all.
fn write_eml(folder: &Path, waiting: &Waiting, email: &NotifyEmail) -> Result<()> {
    let failed = |cause| Failure::io(Kind::Failed, "a message cannot be written", folder, cause);
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
    let bytes = format(waiting, email)?;
    let mut file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    file.as_file().set_permissions(std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    file.write_all(&bytes).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    let name = folder.join(format!("run-{:06}-{:06}.eml", waiting.run, waiting.id));
    file.persist(&name).map_err(|error| failed(error.error))?;
    Ok(())
}

/// The message as it goes over the wire.
fn format(waiting: &Waiting, email: &NotifyEmail) -> Result<Vec<u8>> {
    let unfit = |error: Box<dyn std::error::Error + Send + Sync>| {
        Failure::new(Kind::Failed, "a message cannot be put together").because(error)
    };
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|error| unfit(error.into()));
    let from = mailbox(&email.from)?;
    // Parsed as an address alone: what is in a roster must not become a list or a name.
    let to = Mailbox::new(
        None,
        waiting.recipient.parse().map_err(|error: lettre::address::AddressError| unfit(error.into()))?,
    );
    let id = format!(
        "<rostersync.{}.{}.{}@{}>",
        waiting.run,
        waiting.id,
        waiting.queued.timestamp(),
        from.email.domain()
    );
    let mut message = MessageBuilder::new()
        .from(from)
        .to(to)
        .subject(&waiting.subject)
        .date(waiting.queued.into())
        .message_id(Some(id))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("Auto-Submitted"),
            "auto-generated".into(),
        ))
        .raw_header(HeaderValue::new(
            HeaderName::new_from_ascii_str("X-Auto-Response-Suppress"),
            "All".into(),
        ));
    if let Some(reply_to) = &email.reply_to {
        message = message.reply_to(mailbox(reply_to)?);
    }
    let message = message
        .header(MIME_VERSION_1_0)
        .header(ContentType::TEXT_PLAIN)
        .body(waiting.body.clone())
        .map_err(|error| unfit(error.into()))?;
    Ok(message.formatted())
}

#[cfg(test)]
mod tests {
    use super::*;
    use mail_parser::MessageParser;

    #[test]
    fn a_message_is_what_a_mail_program_expects() {
        let email = NotifyEmail {
            server: MailServer::Folder("mail".into()),
            from: "Núñez District <no-reply@lincoln.example>".into(),
            reply_to: Some("help@lincoln.example".into()),
        };
        let waiting = Waiting {
            id: 7,
            run: 42,
            recipient: "rosa@mail.example".into(),
            subject: "Your contact details were updated".into(),
            body: "Hello José,\n\nline\n".into(),
            queued: "2026-11-23T08:15:00Z".parse().unwrap(),
        };
        let bytes = format(&waiting, &email).unwrap();
        let parsed = MessageParser::new().parse(&bytes).unwrap();
        assert_eq!(parsed.from().unwrap().first().unwrap().name(), Some("Núñez District"));
        assert_eq!(parsed.to().unwrap().first().unwrap().address(), Some("rosa@mail.example"));
        assert_eq!(parsed.reply_to().unwrap().first().unwrap().address(), Some("help@lincoln.example"));
        assert_eq!(parsed.body_text(0).unwrap().replace("\r\n", "\n"), "Hello José,\n\nline\n");
        assert_eq!(parsed.message_id(), Some("rostersync.42.7.1795421700@lincoln.example"));
        assert_eq!(parsed.header_raw("MIME-Version").map(str::trim), Some("1.0"));
        assert_eq!(parsed.header_raw("Auto-Submitted").map(str::trim), Some("auto-generated"));
        assert_eq!(format(&waiting, &email).unwrap(), bytes, "the same bytes each time");
        let list = Waiting { recipient: "a@x.example, b@y.example".into(), ..waiting };
        assert!(format(&list, &email).is_err());
    }
}
