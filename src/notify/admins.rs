//! The summary of a run, by mail to the administrators.

use std::path::Path;

use chrono::{DateTime, Utc};

use super::carrier::{Answer, Carrier, Trouble};
use super::folder;
use super::mime::{self, Mail};
use super::smtp::Smtp;
use crate::config::{Config, MailServer, NotifyEmail};
use crate::failure::{Failure, Kind, Result};

/// Sends the summary, with the report if it is small enough and with its path if not, each administrator a mail of their
/// own.
///
/// # Errors
/// `Failed` if one could not be handed over. The run is what it is all the same.
pub fn tell_admins(
    config: &Config,
    subject: &str,
    text: &str,
    report: Option<&Path>,
    now: DateTime<Utc>,
) -> Result<()> {
    let (Some(admins), Some(email)) = (&config.notify.admins, &config.notify.email) else { return Ok(()) };
    let file = report.and_then(|report| Attached::read(report, admins.attach_kb));
    let not_attached =
        report.map(|report| format!("\nThe Users report is not attached, it is at {}\n", report.display()));
    let nonce = fastrand::u64(..) >> 16;
    let mut mailer = Mailer::new(email);
    let mut trouble = None;
    for (number, to) in (1..).zip(&admins.to) {
        let file_name = format!("summary-{}-{number}", now.format("%Y%m%dT%H%M%SZ"));
        let id = format!("summary.{}.{number}.{nonce:012x}", now.timestamp());
        let mut send = |file: Option<&Attached>| {
            let without = not_attached.as_deref().filter(|_| file.is_none()).unwrap_or_default();
            let attached = file.map(|file| (file.name.as_str(), file.bytes.clone()));
            let mail = mime::to_admin(email, to, (subject, &format!("{text}{without}")), attached, &id, now)?;
            Ok::<_, Failure>(mailer.send(&mail, &file_name, &format!("rostersync.{id}")))
        };
        let mut answer = send(file.as_ref())?;
        if let Answer::Refused { refusal, .. } = &answer
            && file.is_some()
            && is_too_large(&refusal.reason)
        {
            tracing::warn!(
                reason = refusal.said,
                "the mail server does not take a mail with the report attached; it goes without. Set `attach_kb` in \
                 [notify.admins] to what the server takes"
            );
            answer = send(None)?;
        }
        if let Err(failure) =
            taken(answer, "the mail server", "check the address in [notify.admins], and [notify.email]")
        {
            trouble.get_or_insert(failure);
        }
    }
    mailer.finish();
    trouble.map_or(Ok(()), Err)
}

/// A report that is small enough to be attached.
struct Attached {
    name: String,
    bytes: Vec<u8>,
}

impl Attached {
    fn read(report: &Path, most_kb: u64) -> Option<Self> {
        let size = std::fs::metadata(report).map_or(u64::MAX, |found| found.len());
        if size > most_kb.saturating_mul(1024) {
            return None;
        }
        let name = report.file_name()?.to_string_lossy().into_owned();
        Some(Self { name, bytes: std::fs::read(report).ok()? })
    }
}

/// 5.2.2 is a mailbox that is full, which a smaller mail does not help.
fn is_too_large(reason: &str) -> bool {
    reason.starts_with("552") && !reason.contains("5.2.2")
        || reason.contains("5.3.4")
        || reason.contains("5.2.3")
}

/// Sends mails that are not in the outbox: now or not at all.
pub(super) enum Mailer<'a> {
    Folder(&'a Path),
    Smtp(Box<Smtp<'a>>),
}

impl<'a> Mailer<'a> {
    pub(super) fn new(email: &'a NotifyEmail) -> Self {
        match &email.server {
            MailServer::Folder(path) => Self::Folder(path),
            MailServer::Smtp { host, port, implicit_tls } => {
                Self::Smtp(Box::new(Smtp::new(email, host, *port, *implicit_tls, &|| false)))
            }
        }
    }

    /// `file_name` is for a folder, where the answer is the name that the file has got; `id` is what the Message-ID begins
    /// with.
    pub(super) fn send(&mut self, mail: &Mail, file_name: &str, id: &str) -> Answer {
        match self {
            Self::Folder(path) => match folder::write(path, file_name, mail, id) {
                Ok(name) => Answer::Sent(name),
                Err(failure) => Answer::Stop(Trouble::OurFault(failure)),
            },
            Self::Smtp(smtp) => smtp.send(mail),
        }
    }

    pub(super) fn finish(self) {
        if let Self::Smtp(mut smtp) = self {
            smtp.finish();
        }
    }
}

/// Anything but a taken message as a failure; the id of one that was taken.
pub(super) fn taken(answer: Answer, who: &str, cure: &str) -> Result<String> {
    let but = |what: &str, reason: &str| {
        Err(Failure::new(Kind::Failed, format!("{who} {what}: {reason}")).cure(cure))
    };
    match answer {
        Answer::Sent(id) => Ok(id),
        Answer::Refused { refusal, .. } => but("refuses the recipient", &refusal.said),
        Answer::OptedOut(reason) => but("says that the owner wants no texts", &reason),
        Answer::Later(refusal) => {
            Err(Failure::new(Kind::Failed, format!("{who} does not take it now: {}", refusal.said))
                .cure(if refusal.cure.is_empty() { cure.to_owned() } else { refusal.cure }))
        }
        Answer::Unknown(reason) => but("may have taken it", &reason),
        Answer::Stop(trouble) | Answer::Doubt(trouble, _) => match trouble {
            Trouble::Enough(reason, _) => but("does not take it now", &reason),
            Trouble::Down(failure) | Trouble::OurFault(failure) => Err(failure),
        },
    }
}
