//! The credentials that the configuration names, and how a message refers to them.

use reqwest::Url;
use serde::Deserialize;

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

    /// What is shown to a server, for the message that it was refused.
    pub(super) fn used(&self) -> Used {
        let (kind, name) = match self {
            Credentials::Bearer { .. } => (AuthKind::Bearer, "token"),
            Credentials::OAuth2 { .. } => (AuthKind::OAuth2, "client_secret"),
            Credentials::OAuth1 { .. } => (AuthKind::OAuth1, "client_secret"),
            Credentials::CleverLookup { .. } => (AuthKind::Clever, "client_secret"),
        };
        let place = self.secret();
        let at =
            Some(place.shown()).filter(|at| !at.is_empty()).map_or_else(String::new, |at| format!(" ({at})"));
        let mut used =
            Used { kind, key: format!("`{}` in [source.auth]{at}", place.key(name)), ..Used::default() };
        match self {
            Credentials::OAuth2 { scope, sent, .. } => {
                used.sent = *sent;
                used.has_scope = scope.is_some();
            }
            Credentials::OAuth1 { signature, .. } => used.signature = *signature,
            Credentials::Bearer { .. } | Credentials::CleverLookup { .. } => {}
        }
        used
    }
}

/// Where OAuth 2 sends id and secret.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecretIn {
    /// In the header, as HTTP Basic.
    #[default]
    Basic,
    /// In the body, as a form.
    Form,
}

/// Which kind of credentials was refused, for the message.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum AuthKind {
    #[default]
    Bearer,
    OAuth2,
    OAuth1,
    Clever,
}

/// What was shown to a server, for the message that it was refused. Advice names what is not tried
/// yet.
#[derive(Debug, Clone, Default)]
pub(super) struct Used {
    pub(super) kind: AuthKind,
    /// The key with the secret, and where that is: `token_file` in [source.auth]
    /// (/etc/rostersync/token).
    pub(super) key: String,
    pub(super) signature: Signature,
    pub(super) sent: SecretIn,
    pub(super) has_scope: bool,
}
