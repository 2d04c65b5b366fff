//! `[notify.email]`: the mail server, the sender, and the pace.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::document::Document;
use super::super::values::{self, Hidden, is_loopback, secret_places};
use super::Pace;
use super::values::{MailServer, QuietHours};
use crate::failure::Result;
use crate::mailbox::Mailbox;
use crate::secret::SecretPlace;

/// `[notify.email]`
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NotifyEmail {
    pub server: MailServer,
    #[serde(deserialize_with = "values::mailbox")]
    pub from: Mailbox,
    #[serde(default, deserialize_with = "values::optional_mailbox")]
    pub reply_to: Option<Mailbox>,
    /// Where bounces go: the sender on the envelope. By default the address of `from`.
    #[serde(default, deserialize_with = "values::optional_mailbox")]
    pub envelope_from: Option<Mailbox>,
    /// Login, for PLAIN or LOGIN with a password and for XOAUTH2 with a token. None for a relay that knows this machine by its address.
    pub user: Option<String>,
    password: Option<Hidden>,
    pub password_file: Option<PathBuf>,
    password_env: Option<String>,
    /// A file that something else keeps a fresh XOAUTH2 token in.
    pub token_file: Option<PathBuf>,
    pub token_command: Option<String>,
    pub starttls: Option<StartTls>,
    /// A certificate authority (PEM) besides those of the system.
    pub ca_file: Option<PathBuf>,
    /// The name by which rostersync greets the server. By default this machine's.
    pub hello: Option<String>,
    #[serde(
        default = "one_minute",
        deserialize_with = "values::timeout",
        serialize_with = "values::write_span"
    )]
    #[schemars(with = "values::Span")]
    pub timeout: Duration,
    /// How long to wait for the answer to a whole message, which may be looked at for minutes.
    #[serde(
        default = "ten_minutes",
        deserialize_with = "values::timeout",
        serialize_with = "values::write_span"
    )]
    #[schemars(with = "values::Span")]
    pub final_timeout: Duration,
    per_minute: Option<u32>,
    /// The moment of the next free slot, for all districts that name this file.
    #[serde(default, deserialize_with = "values::optional_path")]
    #[schemars(length(min = 1))]
    pub pace_file: Option<PathBuf>,
    per_day: Option<u64>,
    max_per_run: Option<u64>,
    quiet_hours: Option<QuietHours>,
}

/// Whether a connection to `smtp://` must be encrypted before anything is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum StartTls {
    Required,
    Never,
}

pub(super) fn one_minute() -> Duration {
    Duration::from_secs(60)
}

/// RFC 5321, 4.5.3.2.6.
fn ten_minutes() -> Duration {
    Duration::from_secs(600)
}

/// Exchange Online takes 30 a minute from one mailbox; a little less leaves room for others.
const MAILS_PER_MINUTE: u32 = 25;

impl NotifyEmail {
    pub fn pace(&self) -> Pace {
        let usual = match self.server {
            MailServer::Folder(_) => 0,
            MailServer::Smtp { .. } => MAILS_PER_MINUTE,
        };
        Pace {
            per_minute: self.per_minute.unwrap_or(usual),
            per_day: self.per_day,
            max_per_run: self.max_per_run,
            quiet_hours: self.quiet_hours,
        }
    }

    pub(super) fn settle(&mut self) {
        self.per_minute = Some(self.pace().per_minute);
        self.quiet_hours.get_or_insert(QuietHours::NONE);
        if matches!(self.server, MailServer::Smtp { implicit_tls: false, .. }) {
            self.starttls = Some(if self.wants_starttls() { StartTls::Required } else { StartTls::Never });
        }
    }

    pub fn password(&self) -> Option<SecretPlace> {
        secret_places(&self.password, &self.password_file, &self.password_env).into_iter().next()
    }

    /// Whether the connection to `smtp://` is encrypted by STARTTLS.
    pub fn wants_starttls(&self) -> bool {
        match (&self.server, self.starttls) {
            (_, Some(wanted)) => wanted == StartTls::Required,
            (MailServer::Smtp { host, .. }, None) => !is_loopback(host),
            (MailServer::Folder(_), None) => false,
        }
    }

    pub(super) fn paths(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let folder = match &mut self.server {
            MailServer::Folder(folder) => Some(folder),
            MailServer::Smtp { .. } => None,
        };
        folder
            .into_iter()
            .chain(&mut self.password_file)
            .chain(&mut self.token_file)
            .chain(&mut self.ca_file)
            .chain(&mut self.pace_file)
    }

    pub(super) fn check(&self, document: &Document<'_>) -> Result<()> {
        self.pace().check(self.pace_file.is_some(), "notify.email", document)?;
        let wrong = |key: &str, what: &str, cure: &str| {
            Err(document.mistake(&format!("notify.email.{key}"), what, cure))
        };
        let passwords = secret_places(&self.password, &self.password_file, &self.password_env).len();
        let secrets =
            passwords + usize::from(self.token_file.is_some()) + usize::from(self.token_command.is_some());
        if secrets > 1 {
            return wrong(
                "user",
                "[notify.email] has more than one password or token",
                "keep one of password_file, password_env, token_file and token_command",
            );
        }
        if self.user.is_some() != (secrets == 1) {
            return wrong(
                "",
                "[notify.email] has a user without a password or token, or the other way round",
                "write both, or neither for a relay that knows this machine by its address",
            );
        }
        let MailServer::Smtp { host, implicit_tls, .. } = &self.server else {
            let keys = [
                ("user", self.user.is_some()),
                ("starttls", self.starttls.is_some()),
                ("ca_file", self.ca_file.is_some()),
                ("hello", self.hello.is_some()),
            ];
            let Some((key, _)) = keys.into_iter().find(|(_, there)| *there) else { return Ok(()) };
            return wrong(
                key,
                &format!("`{key}` in [notify.email] has no effect where mail is written into a folder"),
                "remove it, or name a server: server = \"smtp://relay.lincoln.example:587\"",
            );
        };
        if *implicit_tls && self.starttls.is_some() {
            return wrong(
                "starttls",
                "`starttls` in [notify.email] has no effect with smtps://, which is encrypted from the start",
                "remove it",
            );
        }
        let encrypted = *implicit_tls || self.wants_starttls();
        if self.user.is_some() && !encrypted && !is_loopback(host) {
            return wrong(
                "starttls",
                "a password or token would go over the network unencrypted",
                "remove `starttls = \"never\"`, or use smtps://",
            );
        }
        Ok(())
    }
}
