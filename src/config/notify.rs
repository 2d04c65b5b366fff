//! `[notify]` and below it: by which ways people are told, how fast, and in which words.

mod email;
mod sms;
mod values;

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use super::keys::HINT;
use crate::mailbox::Mailbox;
use crate::secret::{Secret, SecretPlace};
pub use email::{NotifyEmail, StartTls};
pub use sms::{BodyForm, Method, NotifySms, Provider};
pub(in crate::config) use values::has_port_zero;
pub use values::{MailServer, QuietHours};

/// `[notify]`: how people are told.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notify {
    /// What somebody reads whose edit is refused because only the sync may change their details.
    #[serde(default = "managed_by_sync")]
    pub message: String,
    /// Whom to contact if something is wrong; ends every message.
    #[serde(default)]
    pub contact: Option<String>,
    /// The same in other languages: `es` → words.
    #[serde(default)]
    pub contacts: BTreeMap<String, String>,
    /// Used where a person's language is unknown or has no templates.
    #[serde(default = "english")]
    pub language: String,
    /// A folder of templates, one folder in it for each language.
    #[serde(default)]
    pub templates: Option<PathBuf>,
    #[serde(default)]
    pub email: Option<NotifyEmail>,
    #[serde(default)]
    pub sms: Option<NotifySms>,
    #[serde(default)]
    pub admins: Option<Admins>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            message: managed_by_sync(),
            contact: None,
            contacts: BTreeMap::new(),
            language: english(),
            templates: None,
            email: None,
            sms: None,
            admins: None,
        }
    }
}

fn managed_by_sync() -> String {
    MANAGED_BY_SYNC.to_owned()
}

/// The message of the policy, where the configuration has no other.
const MANAGED_BY_SYNC: &str = "Your school keeps your contact details up to date. To change your name, email address or \
                               phone number, please contact the school: the change appears here after the next daily \
                               sync.";

fn english() -> String {
    "en".to_owned()
}

/// What no single value shows: the key at fault, what is wrong and what to do.
pub(super) type Mistake = (&'static str, String, &'static str);

/// How fast, how many and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// 0: as fast as it goes.
    pub per_minute: u32,
    /// In any 24 hours.
    pub per_day: Option<u64>,
    pub max_per_run: Option<u64>,
    pub quiet_hours: Option<QuietHours>,
}

impl Pace {
    fn mistake(&self) -> Option<Mistake> {
        let zero = [("per_day", self.per_day), ("max_per_run", self.max_per_run)];
        let (key, _) = zero.into_iter().find(|(_, most)| *most == Some(0))?;
        let what = format!("`{key}` is 0, so nothing would ever be sent");
        Some((
            key,
            what,
            "write how many messages may go out, or remove it; `rostersync run --no-notify` applies a run and sends nothing",
        ))
    }
}

/// `[notify.admins]`: who gets the summary of a run.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Admins {
    #[serde(deserialize_with = "super::values::mailboxes")]
    pub to: Vec<Mailbox>,
    #[serde(default)]
    pub when: When,
    /// A report of more kilobytes is not attached; 0 attaches none.
    #[serde(default = "attach_up_to")]
    pub attach_kb: u64,
}

fn attach_up_to() -> u64 {
    2_000
}

/// After which runs the summary goes out.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum When {
    Never,
    /// After those that do not end with 0.
    #[default]
    Problems,
    /// Also after those that change something.
    Changes,
    Always,
}

/// `[monitor]`: who is told that a run began and how it ended.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    #[serde(default)]
    ping_url: Option<Hidden>,
    #[serde(default)]
    pub ping_url_file: Option<PathBuf>,
    #[serde(default)]
    ping_url_env: Option<String>,
}

impl Monitor {
    /// What no single value shows. The message must not repeat the address, which is a secret.
    pub(super) fn mistake(&self) -> Option<(&'static str, Mistake)> {
        let url = self.ping_url.as_ref()?.0.reveal();
        let (scheme, host) = url.split_once("://").unwrap_or_default();
        let is_one = ["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
            && !host.is_empty()
            && !host.starts_with('/')
            && !url.contains(char::is_whitespace);
        let zero = is_one && values::has_port_zero(url);
        let what = match zero {
            true => "the port in `ping_url` of [monitor] is 0, where no server can be",
            false => "`ping_url` in [monitor] is not an address",
        };
        let cure = "write for example \"https://hc-ping.com/UUID\"";
        (!is_one || zero).then(|| ("monitor", ("ping_url", what.to_owned(), cure)))
    }

    pub fn ping_url(&self) -> Option<SecretPlace> {
        place(&self.ping_url, &self.ping_url_file, &self.ping_url_env)
    }
}

/// A secret that stands in the configuration itself.
#[derive(Debug, Clone)]
pub(super) struct Hidden(pub(super) Secret);

impl<'de> Deserialize<'de> for Hidden {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        // An error of serde's own would show the value.
        match toml::Value::deserialize(deserializer) {
            Ok(toml::Value::String(text)) if text.trim().is_empty() => Err(D::Error::custom(format!(
                "the secret is empty{HINT}write it there, or name a file with `…_file`"
            ))),
            Ok(toml::Value::String(text)) => Ok(Self(Secret::new(text))),
            Ok(_) | Err(_) => {
                Err(D::Error::custom(format!("the secret is not text{HINT}write it in quotes")))
            }
        }
    }
}

fn place(inline: &Option<Hidden>, file: &Option<PathBuf>, variable: &Option<String>) -> Option<SecretPlace> {
    match (inline, file, variable) {
        (Some(hidden), _, _) => Some(SecretPlace::Inline(hidden.0.clone())),
        (None, Some(path), _) => Some(SecretPlace::File(path.clone())),
        (None, None, Some(name)) => Some(SecretPlace::Variable(name.clone())),
        (None, None, None) => None,
    }
}

impl Notify {
    /// The paths that are relative to the configuration.
    pub(super) fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths: Vec<&mut PathBuf> = self.templates.iter_mut().collect();
        if let Some(email) = &mut self.email {
            if let MailServer::Folder(folder) = &mut email.server {
                paths.push(folder);
            }
            paths.extend(email.password_file.iter_mut());
            paths.extend(email.token_file.iter_mut());
            paths.extend(email.ca_file.iter_mut());
        }
        if let Some(sms) = &mut self.sms {
            paths.extend(sms.password_file.iter_mut());
            paths.extend(sms.token_file.iter_mut());
            paths.extend(sms.ca_file.iter_mut());
        }
        paths
    }

    /// What no single value shows, and the section that it is in.
    pub(super) fn mistake(&self) -> Option<(&'static str, Mistake)> {
        if self.admins.as_ref().is_some_and(|admins| admins.when != When::Never) && self.email.is_none() {
            let what = "[notify.admins] has nothing to send its mail with".to_owned();
            return Some(("notify.admins", ("[notify.admins]", what, "add [notify.email]")));
        }
        let email = self.email.as_ref().and_then(NotifyEmail::mistake);
        let sms = || self.sms.as_ref().and_then(NotifySms::mistake).map(|mistake| ("notify.sms", mistake));
        email.map(|mistake| ("notify.email", mistake)).or_else(sms)
    }
}
