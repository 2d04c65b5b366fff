//! The summary of a run, by mail to the administrators.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::carrier::{Answer, Carrier, Trouble};
use super::folder;
use super::mime::{self, Mail};
use super::smtp::Smtp;
use crate::config::{Config, MailServer, NotifyEmail};
use crate::failure::{Failure, Kind, Result};

/// So many summaries that could not be handed over are kept, and no longer than that.
const KEPT: usize = 10;
const KEPT_FOR: TimeDelta = TimeDelta::days(3);

/// A summary, and who has not got it yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Summary {
    to: Vec<String>,
    subject: String,
    text: String,
    report: Option<PathBuf>,
    at: DateTime<Utc>,
}

/// Sends the summary, with the report if it is small enough and with its path if not, each administrator a mail of their
/// own. Where the server does not take it now it is kept, and sent by [`send_kept_summaries`].
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
    let Some(admins) = &config.notify.admins else { return Ok(()) };
    let mut summary = Summary {
        to: admins.to.iter().map(|to| to.address().to_string()).collect(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        report: report.map(Path::to_owned),
        at: now,
    };
    let sent = hand_over(config, &mut summary);
    if !summary.to.is_empty() {
        let mut kept = kept_summaries(config);
        kept.push(summary);
        keep(config, &kept)?;
    }
    sent
}

/// Sends the summaries that could not be handed over before, for three days.
///
/// # Errors
/// `Failed` if what is still kept cannot be written. That a server does not take them is no error: they stay kept.
pub fn send_kept_summaries(config: &Config, now: DateTime<Utc>) -> Result<()> {
    let mut kept = kept_summaries(config);
    if kept.is_empty() {
        return Ok(());
    }
    for summary in &mut kept {
        if let Err(failure) = hand_over(config, summary) {
            tracing::warn!("an earlier summary for the administrators could not be sent: {failure}");
        }
    }
    // A time in the future was noted by a clock that was wrong.
    kept.retain(|summary| !summary.to.is_empty() && (now - summary.at).abs() < KEPT_FOR);
    keep(config, &kept)
}

fn kept_path(config: &Config) -> PathBuf {
    let mut path = config.sync.store.clone().into_os_string();
    path.push(".summaries");
    path.into()
}

/// What cannot be read is not worth a run.
fn kept_summaries(config: &Config) -> Vec<Summary> {
    let text = std::fs::read(kept_path(config)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn keep(config: &Config, kept: &[Summary]) -> Result<()> {
    let path = kept_path(config);
    let failed = |cause| Failure::io(Kind::Failed, "a summary cannot be kept", &path, cause);
    if kept.is_empty() {
        return match std::fs::remove_file(&path) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(failed(cause)),
            Ok(()) | Err(_) => Ok(()),
        };
    }
    let kept = &kept[kept.len().saturating_sub(KEPT)..];
    let text = serde_json::to_vec(kept).map_err(|cause| failed(cause.into()))?;
    // It holds counts and paths, and is nobody else's business.
    let _ = std::fs::remove_file(&path);
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed)?;
    file.write_all(&text).map_err(failed)
}

/// Hands a summary over to those who have not got it. Left in it are those for whom the server wants another try.
fn hand_over(config: &Config, summary: &mut Summary) -> Result<()> {
    let waiting = std::mem::take(&mut summary.to);
    let (Some(admins), Some(email)) = (&config.notify.admins, &config.notify.email) else { return Ok(()) };
    let report = summary.report.as_deref();
    let file = report.and_then(|report| Attached::read(report, admins.attach_kb));
    let not_attached =
        report.map(|report| format!("\nThe Users report is not attached, it is at {}\n", report.display()));
    let nonce = fastrand::u64(..) >> 16;
    let mut mailer = Mailer::new(email);
    let mut trouble = None;
    for (number, to) in (1..).zip(&admins.to) {
        let address = to.address().to_string();
        if !waiting.contains(&address) {
            continue;
        }
        let file_name = format!("summary-{}-{number}", summary.at.format("%Y%m%dT%H%M%SZ"));
        let id = format!("summary.{}.{number}.{nonce:012x}", summary.at.timestamp());
        let mut send = |file: Option<&Attached>| {
            let without = not_attached.as_deref().filter(|_| file.is_none()).unwrap_or_default();
            let attached = file.map(|file| (file.name.as_str(), file.bytes.clone()));
            let words = (summary.subject.as_str(), format!("{}{without}", summary.text));
            let mail = mime::to_admin(email, to, (words.0, &words.1), attached, &id, summary.at)?;
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
        // What the server has said of the district, and not of this address alone, may be another thing tomorrow.
        let again = matches!(answer, Answer::Later(_) | Answer::Stop(_) | Answer::Doubt(..));
        if again {
            summary.to.push(address);
        }
        let cure = "check the address in [notify.admins], and [notify.email]";
        if let Err(mut failure) = taken(answer, "the mail server", cure) {
            if again {
                failure.cure.push_str("; the next run or `outbox send` tries again, for three days");
            }
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
