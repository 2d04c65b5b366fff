//! `[source.auth]`: which keys there may be depends on its type.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::places::Places;
use crate::config::notify::Hidden;
use crate::failure::Result;
use crate::secret::SecretPlace;
use crate::source::http::{Credentials, SecretIn, Signature};

/// `[source.auth]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct AuthKeys {
    #[serde(rename = "type")]
    pub(super) kind: AuthKind,
    token: Option<Hidden>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
    client_id: Option<String>,
    client_secret: Option<Hidden>,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
    token_url: Option<String>,
    scope: Option<String>,
    credentials: Option<SecretIn>,
    signature: Option<Signature>,
    oauth_version: Option<bool>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum AuthKind {
    Bearer,
    OAuth2,
    OAuth1,
    Clever,
}

impl AuthKind {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::OAuth2 => "oauth2",
            Self::OAuth1 => "oauth1",
            Self::Clever => "clever",
        }
    }

    pub(super) fn keys(self) -> &'static [&'static str] {
        match self {
            Self::Bearer => &["type", "token", "token_file", "token_env"],
            Self::OAuth2 => &[
                "type",
                "client_id",
                "client_secret",
                "client_secret_file",
                "client_secret_env",
                "token_url",
                "scope",
                "credentials",
            ],
            Self::OAuth1 => &[
                "type",
                "client_id",
                "client_secret",
                "client_secret_file",
                "client_secret_env",
                "signature",
                "oauth_version",
            ],
            Self::Clever => &[
                "type",
                "client_id",
                "client_secret",
                "client_secret_file",
                "client_secret_env",
                "token_url",
            ],
        }
    }
}

impl AuthKeys {
    /// What the server is shown; `district` is whose token Clever is asked for.
    pub(super) fn credentials(
        &self,
        places: &Places<'_>,
        folder: &Path,
        district: Option<&str>,
        allow_http: bool,
    ) -> Result<Credentials> {
        let secret =
            |name: &str, text: &Option<Hidden>, file: &Option<PathBuf>, variable: &Option<String>| {
                let mut found: Vec<SecretPlace> = Vec::new();
                found.extend(text.iter().map(|text| SecretPlace::Inline(text.0.clone())));
                found.extend(file.iter().map(|path| SecretPlace::File(folder.join(path))));
                found.extend(variable.iter().map(|name| SecretPlace::Variable(name.clone())));
                match (found.pop(), found.is_empty()) {
                    (Some(place), true) => Ok(place),
                    (Some(_), false) => Err(places.mistake(
                        "source.auth",
                        name,
                        format!("`{name}` is given more than once"),
                        format!("keep one of `{name}_file`, `{name}_env` and `{name}`"),
                    )),
                    (None, _) => Err(places.mistake(
                        "source.auth",
                        name,
                        format!("[source.auth] has no `{name}_file`"),
                        format!("write `{name}_file` (a file that only rostersync may read) or `{name}_env`"),
                    )),
                }
            };
        let client_secret = || {
            secret("client_secret", &self.client_secret, &self.client_secret_file, &self.client_secret_env)
        };
        let client_id = || {
            self.client_id.clone().filter(|id| !id.is_empty()).ok_or_else(|| {
                places.mistake(
                    "source.auth",
                    "client_id",
                    "[source.auth] has no `client_id`".into(),
                    "write the id or key that belongs to the secret",
                )
            })
        };
        let token_url = |usual: Option<&str>| match self.token_url.as_deref().or(usual) {
            Some(text) => places.url(text, "source.auth", "token_url", allow_http),
            None => Err(places.mistake(
                "source.auth",
                "token_url",
                "[source.auth] has no `token_url`".into(),
                "write the address where the server gives tokens; it is not below `url` as a rule",
            )),
        };
        Ok(match self.kind {
            AuthKind::Bearer => Credentials::Bearer {
                token: secret("token", &self.token, &self.token_file, &self.token_env)?,
            },
            AuthKind::OAuth2 => Credentials::OAuth2 {
                token_url: token_url(None)?,
                client_id: client_id()?,
                client_secret: client_secret()?,
                scope: self.scope.clone().filter(|scope| !scope.is_empty()),
                sent: self.credentials.unwrap_or_default(),
            },
            AuthKind::OAuth1 => Credentials::OAuth1 {
                client_id: client_id()?,
                client_secret: client_secret()?,
                signature: self.signature.unwrap_or_default(),
                version: self.oauth_version.unwrap_or(false),
            },
            AuthKind::Clever => Credentials::CleverLookup {
                token_url: token_url(Some("https://clever.com/oauth/tokens"))?,
                client_id: client_id()?,
                client_secret: client_secret()?,
                district: district.map(str::to_owned),
            },
        })
    }
}
