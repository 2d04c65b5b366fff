//! `[notify]` and below it: how messages reach people, how fast, and in which words.

mod email;
mod sms;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::document::Document;
use super::values::{Hidden, has_port_zero, not_blank, secret_places};
use crate::failure::Result;
use crate::mailbox::Mailbox;
use crate::message::Channel;
use crate::secret::SecretPlace;
pub use email::{NotifyEmail, StartTls};
pub use sms::{BodyForm, GatewaySms, Method, NotifySms, TwilioSms};
pub use values::{MailServer, QuietHours};

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// What people read when their edit is refused because only the sync may change their details.
    #[serde(deserialize_with = "not_blank")]
    #[schemars(length(min = 1))]
    pub message: String,
    /// The district, as families know it. It begins every subject and text.
    pub district: Option<String>,
    /// The platform, as families know it.
    pub platform: Option<String>,
    /// The contact for people whose details are wrong, in every message.
    pub contact: Option<String>,
    /// The same in other languages: `es` → words.
    pub contacts: BTreeMap<String, String>,
    /// Used where a person's language is unknown or has no templates.
    pub language: String,
    /// A folder of templates, one folder in it for each language.
    pub templates: Option<PathBuf>,
    pub email: Option<NotifyEmail>,
    pub sms: Option<NotifySms>,
    pub admins: Option<Admins>,
}

impl Default for Notify {
    fn default() -> Self {
        Self {
            message: "Your school keeps your contact details up to date. To change your name, email address or phone number, \
                      please contact the school: the change appears here after the next daily sync."
                .to_owned(),
            district: None,
            platform: None,
            contact: None,
            contacts: BTreeMap::new(),
            language: "en".to_owned(),
            templates: None,
            email: None,
            sms: None,
            admins: None,
        }
    }
}

/// A text that is not blank.
pub(super) fn of_words(text: Option<&str>) -> Option<&str> {
    text.map(str::trim).filter(|text| !text.is_empty())
}

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
    fn check(&self, is_shared: bool, section: &str, document: &Document<'_>) -> Result<()> {
        if is_shared && self.per_minute == 0 {
            return Err(document.mistake(
                &format!("{section}.pace_file"),
                format!("`pace_file` in [{section}] has no effect without a pace: `per_minute` is 0 here"),
                "write `per_minute`, how many messages the account may send in a minute, or remove `pace_file`",
            ));
        }
        let zero = [("per_day", self.per_day), ("max_per_run", self.max_per_run)];
        match zero.into_iter().find(|(_, most)| *most == Some(0)) {
            None => Ok(()),
            Some((key, _)) => Err(document.mistake(
                &format!("{section}.{key}"),
                format!("`{key}` is 0, so nothing would ever be sent"),
                "write how many messages may go out, or remove it; `rostersync run --no-notify` applies a run and sends \
                 nothing",
            )),
        }
    }
}

/// `[notify.admins]`: the recipients of the summary of a run.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Admins {
    #[serde(deserialize_with = "super::values::mailboxes")]
    #[schemars(length(min = 1))]
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
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// `[monitor]`: the address that is told that a run began and how it ended.
#[derive(Debug, Clone, Default, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Monitor {
    ping_url: Option<Hidden>,
    pub ping_url_file: Option<PathBuf>,
    ping_url_env: Option<String>,
    /// Where each run writes its metrics for node_exporter.
    pub prometheus_file: Option<PathBuf>,
}

impl Monitor {
    pub fn prometheus_file(&self) -> Option<&Path> {
        self.prometheus_file.as_deref().filter(|path| !path.as_os_str().is_empty())
    }

    pub fn ping_url(&self) -> Option<SecretPlace> {
        secret_places(&self.ping_url, &self.ping_url_file, &self.ping_url_env).into_iter().next()
    }

    /// What is wrong with the address. It is a secret, so that the message does not repeat it.
    pub(super) fn check(&self, document: &Document<'_>) -> Result<()> {
        let Some(SecretPlace::Inline(url)) = self.ping_url() else { return Ok(()) };
        let url = url.reveal();
        let (scheme, host) = url.split_once("://").unwrap_or_default();
        let is_one = ["https", "http"].iter().any(|known| scheme.eq_ignore_ascii_case(known))
            && !host.is_empty()
            && !host.starts_with('/')
            && !url.contains(char::is_whitespace);
        let what = match (is_one, has_port_zero(url)) {
            (true, false) => return Ok(()),
            (true, true) => "the port in `ping_url` of [monitor] is 0, where no server can be",
            (false, _) => "`ping_url` in [monitor] is not an address",
        };
        Err(document.mistake("monitor.ping_url", what, "write for example \"https://hc-ping.com/UUID\""))
    }
}

impl Notify {
    /// The file by which districts with the same account share `per_minute`.
    pub fn pace_file(&self, channel: Channel) -> Option<&Path> {
        match channel {
            Channel::Email => self.email.as_ref()?.pace_file.as_deref(),
            Channel::Sms => self.sms.as_ref()?.pace_file(),
        }
    }

    /// How messages name the district: as configured, or by the name of the sender.
    pub fn named_district(&self) -> Option<&str> {
        let sender = || self.email.as_ref().and_then(|email| email.from.name());
        of_words(self.district.as_deref()).or_else(|| of_words(sender()))
    }

    pub fn named_platform(&self) -> Option<&str> {
        of_words(self.platform.as_deref())
    }

    pub(super) fn paths(&mut self) -> Vec<&mut PathBuf> {
        let mut paths: Vec<&mut PathBuf> = self.templates.iter_mut().collect();
        paths.extend(self.email.iter_mut().flat_map(NotifyEmail::paths));
        paths.extend(self.sms.iter_mut().flat_map(NotifySms::paths));
        paths
    }

    /// Fills in the defaults that depend on other keys.
    pub(super) fn settle(&mut self) {
        if let Some(email) = &mut self.email {
            email.settle();
        }
        if let Some(sms) = &mut self.sms {
            sms.settle();
        }
    }

    pub(super) fn check(&self, document: &Document<'_>) -> Result<()> {
        if self.admins.as_ref().is_some_and(|admins| admins.when != When::Never) && self.email.is_none() {
            let what = "[notify.admins] has nothing to send its mail with";
            return Err(document.mistake("notify.admins", what, "add [notify.email]"));
        }
        self.email.as_ref().map_or(Ok(()), |email| email.check(document))?;
        match &self.sms {
            Some(NotifySms::Twilio(twilio)) => twilio.check(document),
            Some(NotifySms::Http(gateway)) => gateway.check(document),
            None => Ok(()),
        }
    }
}
