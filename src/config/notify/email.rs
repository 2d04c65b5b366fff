//! `[notify.email]`: by which server mail goes, as whom, and how fast.

use std::path::PathBuf;
use std::time::Duration;

use serde::Deserialize;

use super::super::values;
use super::values::{MailServer, Pause, QuietHours, is_loopback};
use super::{Hidden, Mistake, Pace, place};
use crate::mailbox::Mailbox;
use crate::secret::SecretPlace;

/// `[notify.email]`
#[derive(Debug, Clone, Deserialize)]
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
    /// Login, for PLAIN or LOGIN with a password and for XOAUTH2 with a token. None for a relay that knows us by address.
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    password: Option<Hidden>,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
    /// A file that something else keeps a fresh XOAUTH2 token in.
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    /// A command that prints a fresh XOAUTH2 token.
    #[serde(default)]
    pub token_command: Option<String>,
    #[serde(default)]
    pub starttls: Option<StartTls>,
    /// A certificate authority (PEM) besides those of the system.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// The name that we greet the server with. By default this machine's.
    #[serde(default)]
    pub hello: Option<String>,
    /// How long to wait for an answer.
    #[serde(default)]
    pub timeout: Pause,
    /// How long to wait for the answer to a whole message, which may be looked at for minutes.
    #[serde(default = "ten_minutes")]
    pub final_timeout: Pause,
    #[serde(default)]
    per_minute: Option<u32>,
    #[serde(default)]
    per_day: Option<u64>,
    #[serde(default)]
    max_per_run: Option<u64>,
    #[serde(default)]
    quiet_hours: Option<QuietHours>,
}

/// Whether a connection to `smtp://` must be encrypted before anything is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StartTls {
    Required,
    Never,
}

/// RFC 5321, 4.5.3.2.6.
fn ten_minutes() -> Pause {
    Pause::of(Duration::from_secs(600))
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

    pub fn password(&self) -> Option<SecretPlace> {
        place(&self.password, &self.password_file, &self.password_env)
    }

    /// Whether the connection to `smtp://` is encrypted by STARTTLS.
    pub fn wants_starttls(&self) -> bool {
        match (&self.server, self.starttls) {
            (_, Some(wanted)) => wanted == StartTls::Required,
            (MailServer::Smtp { host, .. }, None) => !is_loopback(host),
            (MailServer::Folder(_), None) => false,
        }
    }

    /// What no single value shows: the key at fault, what is wrong and what to do.
    pub(in crate::config) fn mistake(&self) -> Option<Mistake> {
        if let Some(mistake) = self.pace().mistake() {
            return Some(mistake);
        }
        let password = [self.password.is_some(), self.password_file.is_some(), self.password_env.is_some()];
        let token = [self.token_file.is_some(), self.token_command.is_some()];
        let secrets = password.iter().chain(&token).filter(|there| **there).count();
        if secrets > 1 {
            return Some((
                "user",
                "[notify.email] has more than one password or token".into(),
                "keep one of password_file, password_env, token_file and token_command",
            ));
        }
        if self.user.is_some() != (secrets == 1) {
            return Some((
                "[notify.email]",
                "[notify.email] has a user without a password or token, or the other way round".into(),
                "write both, or neither for a relay that knows this machine by its address",
            ));
        }
        let MailServer::Smtp { host, implicit_tls, .. } = &self.server else {
            let key = if self.user.is_some() {
                "user"
            } else if self.starttls.is_some() {
                "starttls"
            } else if self.ca_file.is_some() {
                "ca_file"
            } else if self.hello.is_some() {
                "hello"
            } else {
                return None;
            };
            let what = format!("`{key}` in [notify.email] has no effect where mail is written into a folder");
            return Some((
                key,
                what,
                "remove it, or name a server: server = \"smtp://relay.lincoln.example:587\"",
            ));
        };
        if *implicit_tls && self.starttls.is_some() {
            return Some((
                "starttls",
                "`starttls` in [notify.email] has no effect with smtps://, which is encrypted from the start"
                    .into(),
                "remove it",
            ));
        }
        let encrypted = *implicit_tls || self.wants_starttls();
        if self.user.is_some() && !encrypted && !is_loopback(host) {
            return Some((
                "starttls",
                "a password or token would go over the network unencrypted".into(),
                "remove `starttls = \"never\"`, or use smtps://",
            ));
        }
        None
    }
}
