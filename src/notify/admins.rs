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
    let mut text = text.to_owned();
    let mut file = None;
    if let Some(report) = report {
        let size = std::fs::metadata(report).map_or(u64::MAX, |found| found.len());
        if size <= admins.attach_kb.saturating_mul(1024) {
            file = std::fs::read(report).ok();
        }
        if file.is_none() {
            text.push_str(&format!("\nThe Users report is not attached, it is at {}\n", report.display()));
        }
    }
    let name = report.and_then(Path::file_name).map(|name| name.to_string_lossy().into_owned());
    let mut mailer = Mailer::new(email);
    let mut trouble = None;
    for (number, to) in admins.to.iter().enumerate() {
        let attached = name.as_deref().zip(file.clone());
        let mail = mime::to_admin(email, to, subject, &text, attached, now)?;
        let file_name = format!("summary-{}-{}.eml", now.format("%Y%m%dT%H%M%SZ"), number + 1);
        if let Err(failure) = mailer.send(&mail, &file_name) {
            trouble.get_or_insert(failure);
        }
    }
    mailer.finish();
    trouble.map_or(Ok(()), Err)
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

    /// `file_name` is for a folder.
    pub(super) fn send(&mut self, mail: &Mail, file_name: &str) -> Result<()> {
        let answer = match self {
            Self::Folder(path) => return folder::write(path, file_name, mail),
            Self::Smtp(smtp) => smtp.send(mail),
        };
        taken(answer, "the mail server", "check the address, and [notify.email]").map(|_| ())
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
        Answer::Refused { reason, .. } => but("refuses the recipient", &reason),
        Answer::OptedOut(reason) => but("says that the owner wants no texts", &reason),
        Answer::Later(reason) => but("does not take it now", &reason),
        Answer::Unknown(reason) => but("may have taken it", &reason),
        Answer::Stop(trouble) | Answer::Doubt(trouble, _) => match trouble {
            Trouble::Enough(reason, _) => but("does not take it now", &reason),
            Trouble::Down(failure) | Trouble::OurFault(failure) => Err(failure),
        },
    }
}
