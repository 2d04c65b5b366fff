//! `[notify.sms]`: by which gateway texts go, and what its answers mean. Each provider has keys of its own.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::document::Document;
use super::super::values::{self, Hidden, has_port_zero, is_loopback, secret_places};
use super::Pace;
use super::email::one_minute;
use super::values::QuietHours;
use crate::failure::Result;
use crate::secret::SecretPlace;

/// `[notify.sms]`, by its `provider`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(tag = "provider")]
#[expect(clippy::large_enum_variant, reason = "a configuration has one")]
pub enum NotifySms {
    Twilio(TwilioSms),
    /// Any gateway that takes one request for each message.
    Http(GatewaySms),
}

impl NotifySms {
    pub fn pace(&self) -> Pace {
        match self {
            Self::Twilio(twilio) => {
                pace(twilio.per_minute, twilio.per_day, twilio.max_per_run, twilio.quiet_hours)
            }
            Self::Http(http) => pace(http.per_minute, http.per_day, http.max_per_run, http.quiet_hours),
        }
    }

    pub(super) fn pace_file(&self) -> Option<&Path> {
        match self {
            Self::Twilio(twilio) => twilio.pace_file.as_deref(),
            Self::Http(http) => http.pace_file.as_deref(),
        }
    }

    pub(super) fn settle(&mut self) {
        let pace = self.pace();
        let (per_minute, quiet_hours) = match self {
            Self::Twilio(twilio) => (&mut twilio.per_minute, &mut twilio.quiet_hours),
            Self::Http(http) => (&mut http.per_minute, &mut http.quiet_hours),
        };
        *per_minute = Some(pace.per_minute);
        quiet_hours.get_or_insert_default();
    }

    pub fn secrets(&self) -> Vec<SecretPlace> {
        match self {
            Self::Twilio(twilio) => twilio.passwords(),
            Self::Http(http) => http.passwords().into_iter().chain(http.tokens()).collect(),
        }
    }

    pub(super) fn paths(&mut self) -> Vec<&mut PathBuf> {
        match self {
            Self::Twilio(twilio) => [&mut twilio.password_file, &mut twilio.ca_file, &mut twilio.pace_file]
                .into_iter()
                .flatten()
                .collect(),
            Self::Http(http) => {
                [&mut http.password_file, &mut http.ca_file, &mut http.token_file, &mut http.pace_file]
                    .into_iter()
                    .flatten()
                    .collect()
            }
        }
    }
}

/// A US long code carries one segment a second.
const TEXTS_PER_MINUTE: u32 = 30;

/// Unless it is said otherwise no phone rings at night.
fn pace(
    per_minute: Option<u32>,
    per_day: Option<u64>,
    max_per_run: Option<u64>,
    quiet_hours: Option<QuietHours>,
) -> Pace {
    Pace {
        per_minute: per_minute.unwrap_or(TEXTS_PER_MINUTE),
        per_day,
        max_per_run,
        quiet_hours: Some(quiet_hours.unwrap_or_default()).filter(|hours| !hours.is_empty()),
    }
}

/// `provider = "twilio"`
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TwilioSms {
    /// `AC…`
    pub account_sid: String,
    /// An API key `SK…` in place of the account.
    pub user: Option<String>,
    password: Option<Hidden>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    /// The number or name that messages come from.
    pub from: Option<String>,
    /// In place of `from`.
    pub messaging_service: Option<String>,
    /// In place of Twilio's own address.
    pub url: Option<String>,
    pub ca_file: Option<PathBuf>,
    #[serde(
        default = "one_minute",
        deserialize_with = "values::timeout",
        serialize_with = "values::write_span"
    )]
    #[schemars(with = "values::Span")]
    pub timeout: Duration,
    per_minute: Option<u32>,
    #[serde(default, deserialize_with = "values::optional_path")]
    #[schemars(length(min = 1))]
    pace_file: Option<PathBuf>,
    per_day: Option<u64>,
    max_per_run: Option<u64>,
    quiet_hours: Option<QuietHours>,
}

impl TwilioSms {
    fn passwords(&self) -> Vec<SecretPlace> {
        secret_places(&self.password, &self.password_file, &self.password_env)
    }

    /// The auth token, or the secret of the API key.
    pub fn password(&self) -> Option<SecretPlace> {
        self.passwords().into_iter().next()
    }

    pub(super) fn check(&self, document: &Document<'_>) -> Result<()> {
        let pace = pace(self.per_minute, self.per_day, self.max_per_run, self.quiet_hours);
        check(&pace, self.pace_file.is_some(), self.passwords().len(), self.url.as_deref(), document)?;
        if !self.account_sid.starts_with("AC") {
            let what = "[notify.sms] has no account_sid that begins with AC";
            return Err(document.mistake("notify.sms.account_sid", what, "Twilio's console shows it"));
        }
        if self.passwords().is_empty() {
            return Err(document.mistake(
                "notify.sms",
                "[notify.sms] has no password",
                "password_file or password_env: the auth token, or the secret of the API key in `user`",
            ));
        }
        if self.from.is_some() == self.messaging_service.is_some() {
            return Err(document.mistake(
                "notify.sms",
                "[notify.sms] needs `from` or `messaging_service`, one of them",
                "write the number that messages come from, such as \"+12175550100\"",
            ));
        }
        Ok(())
    }
}

/// `provider = "http"`
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GatewaySms {
    pub url: String,
    /// The number or name that messages come from.
    pub from: Option<String>,
    /// The user of HTTP Basic.
    pub user: Option<String>,
    password: Option<Hidden>,
    password_file: Option<PathBuf>,
    password_env: Option<String>,
    /// A bearer token, or the value of `header`.
    token: Option<Hidden>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    /// The header that the token goes in, when it is not `Authorization: Bearer`.
    pub header: Option<String>,
    #[serde(default)]
    pub method: Method,
    #[serde(default)]
    pub body: BodyForm,
    /// Field of the body → its value, with `{to}`, `{from}`, `{body}` and `{ref}` filled in.
    #[serde(default)]
    pub fields: BTreeMap<String, String>,
    /// A header that carries `{ref}`, by which the gateway knows a request that it has had before.
    pub idempotency_header: Option<String>,
    /// JSON pointer to a value that has to be `success_equals`, besides a 2xx status.
    pub success_pointer: Option<String>,
    pub success_equals: Option<String>,
    pub id_pointer: Option<String>,
    pub code_pointer: Option<String>,
    #[serde(default)]
    pub permanent_codes: Vec<String>,
    #[serde(default)]
    pub opted_out_codes: Vec<String>,
    #[serde(default)]
    pub retry_codes: Vec<String>,
    #[serde(default)]
    pub our_fault_codes: Vec<String>,
    pub ca_file: Option<PathBuf>,
    #[serde(
        default = "one_minute",
        deserialize_with = "values::timeout",
        serialize_with = "values::write_span"
    )]
    #[schemars(with = "values::Span")]
    pub timeout: Duration,
    per_minute: Option<u32>,
    #[serde(default, deserialize_with = "values::optional_path")]
    #[schemars(length(min = 1))]
    pace_file: Option<PathBuf>,
    per_day: Option<u64>,
    max_per_run: Option<u64>,
    quiet_hours: Option<QuietHours>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Post,
    Put,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum BodyForm {
    #[default]
    Json,
    Form,
}

impl GatewaySms {
    fn passwords(&self) -> Vec<SecretPlace> {
        secret_places(&self.password, &self.password_file, &self.password_env)
    }

    fn tokens(&self) -> Vec<SecretPlace> {
        secret_places(&self.token, &self.token_file, &self.token_env)
    }

    /// For HTTP Basic, with `user`.
    pub fn password(&self) -> Option<SecretPlace> {
        self.passwords().into_iter().next()
    }

    pub fn token(&self) -> Option<SecretPlace> {
        self.tokens().into_iter().next()
    }

    pub(super) fn check(&self, document: &Document<'_>) -> Result<()> {
        let pace = pace(self.per_minute, self.per_day, self.max_per_run, self.quiet_hours);
        let secrets = self.passwords().len() + self.tokens().len();
        check(&pace, self.pace_file.is_some(), secrets, Some(&self.url), document)?;
        let filled = |name: &str| self.fields.values().any(|value| value.contains(name));
        let codes = [&self.permanent_codes, &self.opted_out_codes, &self.retry_codes, &self.our_fault_codes];
        let is_status = |code: &String| code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_digit());
        let (key, what, cure) = if !filled("{to}") || !filled("{body}") {
            (
                "fields",
                "[notify.sms.fields] does not say where number and text go",
                "write for example to = \"{to}\" and text = \"{body}\"",
            )
        } else if filled("{from}") && self.from.is_none() {
            (
                "",
                "[notify.sms] has no `from` for the field that asks for it",
                "write the number or name that messages come from",
            )
        } else if self.password().is_some() != self.user.is_some() {
            (
                "",
                "[notify.sms] has a user without a password, or the other way round",
                "write both, or neither",
            )
        } else if self.header.is_some() && self.token().is_none() {
            ("header", "[notify.sms] has a header and no token to put there", "write token_file or token_env")
        } else if self.success_pointer.is_some() != self.success_equals.is_some() {
            let key = if self.success_pointer.is_some() { "success_pointer" } else { "success_equals" };
            (key, "[notify.sms] needs success_pointer and success_equals together", "write both, or neither")
        } else if self.code_pointer.is_none() && !codes.into_iter().flatten().all(is_status) {
            (
                "",
                "[notify.sms] has error codes and no code_pointer to find them by",
                "write for example code_pointer = \"/messages/0/status\"; without it, codes are HTTP statuses such as \"503\"",
            )
        } else {
            return Ok(());
        };
        Err(document.mistake(&format!("notify.sms.{key}"), what, cure))
    }
}

/// What holds for every provider. `secrets`: how many passwords and tokens there are.
fn check(
    pace: &Pace,
    is_shared: bool,
    secrets: usize,
    url: Option<&str>,
    document: &Document<'_>,
) -> Result<()> {
    pace.check(is_shared, "notify.sms", document)?;
    if secrets > 1 {
        let what = "[notify.sms] has more than one password or token";
        return Err(document.mistake("notify.sms", what, "keep one of them"));
    }
    let Some(url) = url else { return Ok(()) };
    let (scheme, rest) = url.split_once("://").unwrap_or_default();
    let authority = rest.split('/').next().unwrap_or_default();
    let host = rest.split(['/', ':', '?']).next().unwrap_or_default();
    // A scheme is written in either case.
    let is_plain = scheme.eq_ignore_ascii_case("http") && is_loopback(host);
    let (what, cure) = if authority.contains('@') {
        ("has a user or password in it", "they have keys of their own: `user`, `password_file`")
    } else if has_port_zero(url) {
        (
            "has a port that is 0, where no server can be",
            "write the gateway's port, or none for the usual one",
        )
    } else if !scheme.eq_ignore_ascii_case("https") && !is_plain {
        ("is not an https:// address", "messages and the password would go over the network unencrypted")
    } else {
        return Ok(());
    };
    Err(document.mistake("notify.sms.url", format!("`url` in [notify.sms] {what}"), cure))
}
