//! The credentials that the configuration names, and how a message refers to them.

use reqwest::Url;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::oauth1::Signature;
use crate::secret::SecretPlace;

/// What the configuration has to show.
#[derive(Debug, Clone)]
pub enum Credentials {
    /// A token that was given out for this.
    Bearer { token: SecretPlace },
    /// OAuth 2, client credentials.
    OAuth2 {
        token_url: Url,
        client_id: String,
        client_secret: SecretPlace,
        scope: Option<String>,
        sent: SecretIn,
    },
    /// OAuth 1.0a, two-legged.
    OAuth1 { client_id: String, client_secret: SecretPlace, signature: Signature, version: bool },
    /// Clever: the token of a district, looked up by the application's id and secret.
    CleverLookup { token_url: Url, client_id: String, client_secret: SecretPlace, district: Option<String> },
}

impl Credentials {
    /// Where the secret is kept.
    pub fn secret(&self) -> &SecretPlace {
        match self {
            Self::Bearer { token } => token,
            Self::OAuth2 { client_secret, .. }
            | Self::OAuth1 { client_secret, .. }
            | Self::CleverLookup { client_secret, .. } => client_secret,
        }
    }

    /// Whose they are; empty if only the token says so.
    pub fn client_id(&self) -> &str {
        match self {
            Self::Bearer { .. } => "",
            Self::OAuth2 { client_id, .. }
            | Self::OAuth1 { client_id, .. }
            | Self::CleverLookup { client_id, .. } => client_id,
        }
    }

    /// The key with the secret, and where that is, for messages: `token_file` in [source.auth]
    /// (/etc/rostersync/token).
    pub(super) fn key(&self) -> String {
        let name = if matches!(self, Self::Bearer { .. }) { "token" } else { "client_secret" };
        let place = self.secret();
        let key = format!("`{}` in [source.auth]", place.key(name));
        match place.shown() {
            at if at.is_empty() => key,
            at => format!("{key} ({at})"),
        }
    }
}

/// Where OAuth 2 sends id and secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SecretIn {
    /// In the header, as HTTP Basic.
    #[default]
    Basic,
    /// In the body, as a form.
    Form,
}
