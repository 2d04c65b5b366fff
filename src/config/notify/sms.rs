//! `[notify.sms]`: by which gateway texts go, and what its answers mean.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde::Deserialize;

use super::values::{Pause, QuietHours, has_port_zero, is_loopback};
use super::{Hidden, Mistake, Pace, place};
use crate::secret::SecretPlace;

/// `[notify.sms]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NotifySms {
    pub provider: Provider,
    /// Where requests go. For Twilio its own address is the default.
    #[serde(default)]
    pub url: Option<String>,
    /// The number or name that messages come from.
    #[serde(default)]
    pub from: Option<String>,
    /// Twilio: in place of `from`.
    #[serde(default)]
    pub messaging_service: Option<String>,
    /// Twilio: `AC…`
    #[serde(default)]
    pub account_sid: Option<String>,
    /// The user of HTTP Basic; for Twilio an API key `SK…` in place of the account.
    #[serde(default)]
    pub user: Option<String>,
    #[serde(default)]
    password: Option<Hidden>,
    #[serde(default)]
    pub password_file: Option<PathBuf>,
    #[serde(default)]
    password_env: Option<String>,
    /// A bearer token, or the value of `header`.
    #[serde(default)]
    token: Option<Hidden>,
    #[serde(default)]
    pub token_file: Option<PathBuf>,
    #[serde(default)]
    token_env: Option<String>,
    /// The header that the token goes in, when it is not `Authorization: Bearer`.
    #[serde(default)]
    pub header: Option<String>,
    #[serde(default)]
    pub method: Option<Method>,
    #[serde(default)]
    pub body: Option<BodyForm>,
    /// Field of the body → its value, with `{to}`, `{from}`, `{body}` and `{ref}` filled in.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// A header that carries `{ref}`, by which the gateway knows a request that it has had before.
    #[serde(default)]
    pub idempotency_header: Option<String>,
    /// JSON pointer to a value that has to be `success_equals`, besides a 2xx status.
    #[serde(default)]
    pub success_pointer: Option<String>,
    #[serde(default)]
    pub success_equals: Option<String>,
    /// JSON pointer to the gateway's id of the message.
    #[serde(default)]
    pub id_pointer: Option<String>,
    /// JSON pointer to the error code.
    #[serde(default)]
    pub code_pointer: Option<String>,
    #[serde(default)]
    pub permanent_codes: Vec<String>,
    #[serde(default)]
    pub opted_out_codes: Vec<String>,
    #[serde(default)]
    pub retry_codes: Vec<String>,
    #[serde(default)]
    pub our_fault_codes: Vec<String>,
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    #[serde(default)]
    pub timeout: Pause,
    #[serde(default)]
    per_minute: Option<u32>,
    #[serde(default)]
    per_day: Option<u64>,
    #[serde(default)]
    max_per_run: Option<u64>,
    #[serde(default)]
    quiet_hours: Option<QuietHours>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Provider {
    Twilio,
    /// Any gateway with one request for each message.
    Http,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub enum Method {
    #[serde(rename = "POST")]
    Post,
    #[serde(rename = "PUT")]
    Put,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum BodyForm {
    Json,
    Form,
}

/// A US long code carries one segment a second.
const TEXTS_PER_MINUTE: u32 = 30;

impl NotifySms {
    /// Unless it is said otherwise nobody's phone rings at night.
    pub fn pace(&self) -> Pace {
        Pace {
            per_minute: self.per_minute.unwrap_or(TEXTS_PER_MINUTE),
            per_day: self.per_day,
            max_per_run: self.max_per_run,
            quiet_hours: Some(self.quiet_hours.unwrap_or_default()).filter(|hours| !hours.is_empty()),
        }
    }

    pub fn password(&self) -> Option<SecretPlace> {
        place(&self.password, &self.password_file, &self.password_env)
    }

    pub fn token(&self) -> Option<SecretPlace> {
        place(&self.token, &self.token_file, &self.token_env)
    }

    /// What no single value shows: the key at fault, what is wrong and what to do.
    pub(in crate::config) fn mistake(&self) -> Option<Mistake> {
        if let Some(mistake) = self.pace().mistake() {
            return Some(mistake);
        }
        let twilio = [
            ("account_sid", self.account_sid.is_some()),
            ("messaging_service", self.messaging_service.is_some()),
        ];
        let http = [
            ("method", self.method.is_some()),
            ("body", self.body.is_some()),
            ("[notify.sms.fields]", !self.fields.is_empty()),
            ("token", self.token().is_some()),
            ("header", self.header.is_some()),
            ("idempotency_header", self.idempotency_header.is_some()),
            ("success_pointer", self.success_pointer.is_some()),
            ("success_equals", self.success_equals.is_some()),
            ("id_pointer", self.id_pointer.is_some()),
            ("code_pointer", self.code_pointer.is_some()),
            ("permanent_codes", !self.permanent_codes.is_empty()),
            ("opted_out_codes", !self.opted_out_codes.is_empty()),
            ("retry_codes", !self.retry_codes.is_empty()),
            ("our_fault_codes", !self.our_fault_codes.is_empty()),
        ];
        let (foreign, other) = match self.provider {
            Provider::Twilio => (http.iter().find(|(_, there)| *there), "http"),
            Provider::Http => (twilio.iter().find(|(_, there)| *there), "twilio"),
        };
        if let Some((key, _)) = foreign {
            let what = format!("`{key}` in [notify.sms] is for provider = \"{other}\"");
            return Some((key, what, "remove it, or name the other provider"));
        }
        let secrets = |places: [bool; 3]| places.into_iter().filter(|there| *there).count();
        let passwords =
            secrets([self.password.is_some(), self.password_file.is_some(), self.password_env.is_some()]);
        let tokens = secrets([self.token.is_some(), self.token_file.is_some(), self.token_env.is_some()]);
        if passwords + tokens > 1 {
            let what = "[notify.sms] has more than one password or token".to_owned();
            return Some(("[notify.sms]", what, "keep one of them"));
        }
        if let Some(url) = &self.url {
            let host =
                url.split_once("://").map(|(_, rest)| rest.split(['/', ':', '?']).next().unwrap_or(rest));
            if url.split('/').nth(2).is_some_and(|authority| authority.contains('@')) {
                let what = "`url` in [notify.sms] has a user or password in it".to_owned();
                return Some(("url", what, "they have keys of their own: `user`, `password_file`"));
            }
            if has_port_zero(url) {
                let what = "the port in `url` of [notify.sms] is 0, where no server can be".to_owned();
                return Some(("url", what, "write the gateway's port, or none for the usual one"));
            }
            // A scheme is written in either case.
            let scheme =
                url.split_once("://").map(|(scheme, _)| scheme.to_ascii_lowercase()).unwrap_or_default();
            let plain = scheme == "http" && host.is_some_and(is_loopback);
            if scheme != "https" && !plain {
                let what = "`url` in [notify.sms] is not an https:// address".to_owned();
                return Some((
                    "url",
                    what,
                    "messages and the password would go over the network unencrypted",
                ));
            }
        }
        match self.provider {
            Provider::Twilio => self.twilio_mistake(passwords),
            Provider::Http => self.http_mistake(passwords),
        }
    }

    fn twilio_mistake(&self, passwords: usize) -> Option<Mistake> {
        if self.account_sid.as_ref().is_none_or(|sid| !sid.starts_with("AC")) {
            let what = "[notify.sms] has no account_sid that begins with AC".to_owned();
            return Some(("account_sid", what, "Twilio's console shows it"));
        }
        if passwords == 0 {
            let what = "[notify.sms] has no password".to_owned();
            return Some((
                "[notify.sms]",
                what,
                "password_file or password_env: the auth token, or the secret of the API key in `user`",
            ));
        }
        if self.from.is_some() == self.messaging_service.is_some() {
            let what = "[notify.sms] needs `from` or `messaging_service`, one of them".to_owned();
            return Some((
                "[notify.sms]",
                what,
                "write the number that messages come from, such as \"+12175550100\"",
            ));
        }
        None
    }

    fn http_mistake(&self, passwords: usize) -> Option<Mistake> {
        if self.url.is_none() {
            return Some(("[notify.sms]", "[notify.sms] has no url".into(), "write the gateway's address"));
        }
        let filled = |name: &str| self.fields.values().any(|value| value.contains(name));
        if !filled("{to}") || !filled("{body}") {
            let what = "[notify.sms.fields] does not say where number and text go".to_owned();
            return Some((
                "[notify.sms.fields]",
                what,
                "write for example to = \"{to}\" and text = \"{body}\"",
            ));
        }
        if filled("{from}") && self.from.is_none() {
            let what = "[notify.sms] has no `from` for the field that asks for it".to_owned();
            return Some(("[notify.sms]", what, "write the number or name that messages come from"));
        }
        if (passwords == 1) != self.user.is_some() {
            let what = "[notify.sms] has a user without a password, or the other way round".to_owned();
            return Some(("[notify.sms]", what, "write both, or neither"));
        }
        if self.header.is_some() && self.token().is_none() {
            let what = "[notify.sms] has a header and no token to put there".to_owned();
            return Some(("header", what, "write token_file or token_env"));
        }
        if self.success_pointer.is_some() != self.success_equals.is_some() {
            let what = "[notify.sms] needs success_pointer and success_equals together".to_owned();
            return Some(("success_pointer", what, "write both, or neither"));
        }
        let codes = [&self.permanent_codes, &self.opted_out_codes, &self.retry_codes, &self.our_fault_codes];
        let is_status = |code: &String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        if self.code_pointer.is_none() && !codes.into_iter().flatten().all(is_status) {
            let what = "[notify.sms] has error codes and no code_pointer to find them by".to_owned();
            return Some((
                "code_pointer",
                what,
                "write for example code_pointer = \"/messages/0/status\"; without it, codes are HTTP statuses such as \"503\"",
            ));
        }
        None
    }
}
