//! The summary of a run, by mail to the administrators.

use std::path::{Path, PathBuf};

use chrono::{DateTime, TimeDelta, Utc};
use serde::{Deserialize, Serialize};

use super::carrier::{Answer, Carrier as _, Trouble};
use super::folder;
use super::mime::{self, Mail};
use super::pace::Pace;
use super::smtp::Smtp;
use crate::config::{Config, MailServer, NotifyEmail};
use crate::failure::{Failure, Kind, Result};
use crate::output::write_file;
use crate::owner;

/// How many summaries that could not be handed over are kept, and for how long.
const KEPT: usize = 10;
const KEPT_FOR: TimeDelta = TimeDelta::days(3);

/// A summary, and the administrators that have not received it yet.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Summary {
    to: Vec<String>,
    subject: String,
    text: String,
    report: Option<PathBuf>,
    /// The report for a browser, beside it. An earlier version kept none.
    #[serde(default)]
    html: Option<PathBuf>,
    at: DateTime<Utc>,
}

/// Sends the summary to each administrator in a mail of its own: with the reports (for a browser, and
/// for a spreadsheet) that are small enough, and with the paths of the others. A summary that the server does not accept now is kept, and sent
/// by [`send_kept_summaries`].
///
/// # Errors
/// `Failed` if a mail could not be handed over. This changes nothing about the run.
pub fn tell_admins(
    config: &Config,
    subject: &str,
    text: &str,
    (report, html): (Option<&Path>, Option<&Path>),
    now: DateTime<Utc>,
) -> Result<()> {
    let Some(admins) = &config.notify.admins else { return Ok(()) };
    let mut summary = Summary {
        to: admins.to.iter().map(|to| to.address().to_string()).collect(),
        subject: subject.to_owned(),
        text: text.to_owned(),
        report: report.map(Path::to_owned),
        html: html.map(Path::to_owned),
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
/// `Failed` if the kept summaries cannot be written. If the server does not accept them, they stay
/// kept; that is no error.
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
    // Only a wrong clock can have written a time in the future.
    kept.retain(|summary| !summary.to.is_empty() && (now - summary.at).abs() < KEPT_FOR);
    keep(config, &kept)
}

fn kept_path(config: &Config) -> PathBuf {
    owner::with_suffix(&config.sync.store, ".summaries")
}

/// None, if the file cannot be read: that must not stop a run.
fn kept_summaries(config: &Config) -> Vec<Summary> {
    let text = std::fs::read(kept_path(config)).unwrap_or_default();
    serde_json::from_slice(&text).unwrap_or_default()
}

fn keep(config: &Config, kept: &[Summary]) -> Result<()> {
    let path = kept_path(config);
    let failed = |cause| Failure::io(Kind::Failed, "a summary cannot be kept", &path, cause);
    if kept.is_empty() {
        return owner::remove(&path).map_err(failed);
    }
    let kept = &kept[kept.len().saturating_sub(KEPT)..];
    let text = serde_json::to_vec(kept).map_err(|cause| failed(cause.into()))?;
    // A process that is killed here leaves the earlier ones. It holds counts and paths, so only its
    // owner may read it.
    write_file(&path, None, &[], |out| out.write_all(&text).map_err(failed))
}

/// Hands a summary over to the administrators that have not received it. Those for whom the server
/// wants another try stay in it.
fn hand_over(config: &Config, summary: &mut Summary) -> Result<()> {
    let waiting = std::mem::take(&mut summary.to);
    let (Some(admins), Some(email)) = (&config.notify.admins, &config.notify.email) else { return Ok(()) };
    let files = summary.files(admins.attach_kb);
    let nonce = fastrand::u64(..) >> 16;
    let mut mailer = Mailer::new(email);
    let mut trouble = None;
    // A summary is a mail of the account as well.
    let mut pace = Pace::new(email.pace().per_minute, email.pace_file.as_deref());
    for (number, to) in (1..).zip(&admins.to) {
        let address = to.address().to_string();
        if !waiting.contains(&address) {
            continue;
        }
        if email.pace_file.is_some() {
            pace.keep(&|| false);
        }
        let id = format!("summary.{}.{number}.{nonce:012x}", summary.at.timestamp());
        let mut send = |files: &[(String, Vec<u8>)]| {
            let text = summary.text(files);
            let mail = mime::to_admin(email, to, (&summary.subject, &text), files, &id, summary.at)?;
            let file = format!("summary-{}-{number}", summary.at.format("%Y%m%dT%H%M%SZ"));
            Ok::<_, Failure>(mailer.send(&mail, &file, &format!("rostersync.{id}")))
        };
        let mut answer = send(&files)?;
        if let Answer::Refused { refusal, .. } = &answer
            && !files.is_empty()
            && is_too_large(&refusal.reason)
        {
            tracing::warn!(
                reason = refusal.said,
                "the mail server does not accept a mail with the report attached; it is sent without. Set `attach_kb` in \
                 [notify.admins] to the size that the server accepts"
            );
            answer = send(&[])?;
        }
        // A refusal of the district, unlike one of this address, may be over tomorrow.
        let again = matches!(answer, Answer::Later(_) | Answer::Stop(_) | Answer::MaybeStop(..));
        if again {
            summary.to.push(address);
        }
        let cure = "check the address in [notify.admins], and [notify.email]";
        if let Err(mut failure) = answer.accepted("the mail server", cure) {
            if again {
                failure.cure.push_str("; the next run or `outbox send` tries again, for three days");
            }
            trouble.get_or_insert(failure);
        }
    }
    if let Mailer::Smtp(mut smtp) = mailer {
        smtp.finish();
    }
    trouble.map_or(Ok(()), Err)
}

impl Summary {
    /// The names and the bytes of the reports that are small enough together, the one for a browser
    /// first.
    fn files(&self, most_kb: u64) -> Vec<(String, Vec<u8>)> {
        let mut left = most_kb.saturating_mul(1024);
        let mut read = |path: &PathBuf| {
            let size = std::fs::metadata(path).map_or(u64::MAX, |found| found.len());
            left = left.checked_sub(size)?;
            Some((owner::name_of(path), std::fs::read(path).ok()?))
        };
        [&self.html, &self.report].into_iter().flatten().filter_map(&mut read).collect()
    }

    /// The text of the mail. It says where the reports are that are not attached.
    fn text(&self, attached: &[(String, Vec<u8>)]) -> String {
        let mut text = self.text.clone();
        for (what, path) in [("HTML", &self.html), ("Users", &self.report)] {
            if let Some(path) = path.as_ref().filter(|path| {
                let name = owner::name_of(path);
                !attached.iter().any(|(attached, _)| *attached == name)
            }) {
                text.push_str(&format!("\nThe {what} report is not attached, it is at {}\n", path.display()));
            }
        }
        text
    }
}

enum Mailer<'a> {
    Folder(&'a Path),
    Smtp(Box<Smtp<'a>>),
}

impl<'a> Mailer<'a> {
    fn new(email: &'a NotifyEmail) -> Self {
        match &email.server {
            MailServer::Folder(path) => Self::Folder(path),
            MailServer::Smtp { host, port, implicit_tls } => {
                Self::Smtp(Box::new(Smtp::new(email, host, *port, *implicit_tls, &|| false)))
            }
        }
    }

    /// `file` is the name of the mail in a folder; its Message-ID begins with `id`.
    fn send(&mut self, mail: &Mail, file: &str, id: &str) -> Answer {
        match self {
            Self::Folder(path) => match folder::write(path, file, mail, id) {
                Ok(name) => Answer::Sent(name),
                Err(failure) => Answer::Stop(Trouble::DistrictFault(failure)),
            },
            Self::Smtp(smtp) => smtp.send(mail),
        }
    }
}

/// 5.2.2 is a full mailbox: a smaller mail does not help.
fn is_too_large(reason: &str) -> bool {
    reason.starts_with("552") && !reason.contains("5.2.2")
        || reason.contains("5.3.4")
        || reason.contains("5.2.3")
}
