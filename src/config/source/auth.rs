//! `[source.auth]`: the credentials that a server is shown. Which types there are depends on the source, which keys on the type.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::url_at;
use crate::config::document::Document;
use crate::config::values::{Hidden, secret_places};
use crate::failure::{Failure, Result};
use crate::secret::SecretPlace;
use crate::source::http::{Credentials, SecretIn, Signature};

pub(super) fn missing(types: &str, document: &Document<'_>) -> Failure {
    let what = "[source.auth] is missing; the server needs credentials";
    document.mistake("source", what, format!("add it with type = {types}"))
}

#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(tag = "type")]
pub(super) enum OneRosterAuth {
    Bearer(TokenKeys),
    OAuth2(OAuth2Keys),
    OAuth1(OAuth1Keys),
}

impl OneRosterAuth {
    pub(super) fn file(&mut self) -> &mut Option<PathBuf> {
        match self {
            Self::Bearer(keys) => &mut keys.token_file,
            Self::OAuth2(keys) => &mut keys.client_secret_file,
            Self::OAuth1(keys) => &mut keys.client_secret_file,
        }
    }

    pub(super) fn credentials(self, document: &Document<'_>, allow_http: bool) -> Result<Credentials> {
        Ok(match self {
            Self::Bearer(keys) => Credentials::Bearer { token: keys.token(document)? },
            Self::OAuth2(keys) => {
                let places =
                    secret_places(&keys.client_secret, &keys.client_secret_file, &keys.client_secret_env);
                let Some(url) = keys.token_url else {
                    return Err(document.mistake(
                        "source.auth",
                        "[source.auth] has no `token_url`",
                        "write the address where the server gives tokens; it is not below `url` as a rule",
                    ));
                };
                Credentials::OAuth2 {
                    token_url: url_at("source.auth.token_url", &url, document, allow_http)?,
                    client_id: client_id(keys.client_id, document)?,
                    client_secret: one_secret("client_secret", places, document)?,
                    scope: keys.scope.filter(|scope| !scope.is_empty()),
                    sent: keys.credentials,
                }
            }
            Self::OAuth1(keys) => {
                let places =
                    secret_places(&keys.client_secret, &keys.client_secret_file, &keys.client_secret_env);
                Credentials::OAuth1 {
                    client_id: client_id(keys.client_id, document)?,
                    client_secret: one_secret("client_secret", places, document)?,
                    signature: keys.signature,
                    version: keys.oauth_version,
                }
            }
        })
    }
}

/// What Clever asks for: a district's token, or the id and secret by which its token is looked up.
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
#[schemars(tag = "type")]
pub(super) enum CleverAuth {
    Bearer(TokenKeys),
    Clever(CleverKeys),
}

impl CleverAuth {
    pub(super) fn file(&mut self) -> &mut Option<PathBuf> {
        match self {
            Self::Bearer(keys) => &mut keys.token_file,
            Self::Clever(keys) => &mut keys.client_secret_file,
        }
    }

    /// `district`: whose token is asked for.
    pub(super) fn credentials(
        self,
        document: &Document<'_>,
        allow_http: bool,
        district: Option<&str>,
    ) -> Result<Credentials> {
        Ok(match self {
            Self::Bearer(keys) => Credentials::Bearer { token: keys.token(document)? },
            Self::Clever(keys) => {
                let places =
                    secret_places(&keys.client_secret, &keys.client_secret_file, &keys.client_secret_env);
                Credentials::CleverLookup {
                    token_url: url_at("source.auth.token_url", &keys.token_url, document, allow_http)?,
                    client_id: client_id(keys.client_id, document)?,
                    client_secret: one_secret("client_secret", places, document)?,
                    district: district.map(str::to_owned),
                }
            }
        })
    }
}

/// `type = "bearer"`
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct TokenKeys {
    token: Option<Hidden>,
    token_file: Option<PathBuf>,
    token_env: Option<String>,
}

impl TokenKeys {
    fn token(self, document: &Document<'_>) -> Result<SecretPlace> {
        one_secret("token", secret_places(&self.token, &self.token_file, &self.token_env), document)
    }
}

/// `type = "oauth2"`
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OAuth2Keys {
    client_id: Option<String>,
    client_secret: Option<Hidden>,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
    token_url: Option<String>,
    scope: Option<String>,
    #[serde(default)]
    credentials: SecretIn,
}

/// `type = "oauth1"`
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct OAuth1Keys {
    client_id: Option<String>,
    client_secret: Option<Hidden>,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
    #[serde(default)]
    signature: Signature,
    #[serde(default)]
    oauth_version: bool,
}

/// `type = "clever"`
#[derive(Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::config) struct CleverKeys {
    client_id: Option<String>,
    client_secret: Option<Hidden>,
    client_secret_file: Option<PathBuf>,
    client_secret_env: Option<String>,
    #[serde(default = "clever_tokens")]
    token_url: String,
}

fn clever_tokens() -> String {
    "https://clever.com/oauth/tokens".to_owned()
}

fn client_id(id: Option<String>, document: &Document<'_>) -> Result<String> {
    id.filter(|id| !id.is_empty()).ok_or_else(|| {
        document.mistake(
            "source.auth.client_id",
            "[source.auth] has no `client_id`",
            "write the id or key that belongs to the secret",
        )
    })
}

/// The one place of a secret that has to be there, and once.
fn one_secret(name: &str, mut places: Vec<SecretPlace>, document: &Document<'_>) -> Result<SecretPlace> {
    match (places.pop(), places.is_empty()) {
        (Some(place), true) => Ok(place),
        (Some(place), false) => Err(document.mistake(
            &format!("source.auth.{}", place.key(name)),
            format!("`{name}` is given more than once"),
            format!("keep one of `{name}_file`, `{name}_env` and `{name}`"),
        )),
        (None, _) => Err(document.mistake(
            "source.auth",
            format!("[source.auth] has no `{name}_file`"),
            format!("write `{name}_file` (a file that only rostersync may read) or `{name}_env`"),
        )),
    }
}
