//! Credentials in use: the header of a request, and the tokens that are got with a secret.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Url;
use serde::Deserialize;

use super::address::encode;
use super::credentials::{Credentials, SecretIn};
use super::explain::{self, Asked};
use super::oauth1::Signer;
use super::{Answer, Client, Trouble};
use crate::failure::{Failure, Kind, Result};
use crate::secret::Secret;

/// A token is replaced this long before it runs out, so that it does not do so on the way.
const MARGIN: Duration = Duration::from_secs(30);

pub(super) struct Auth {
    pub(super) credentials: Credentials,
    secret: Secret,
    /// Got with the secret, and how long it is good for if that is known.
    token: Option<(Secret, Option<Instant>)>,
}

#[derive(Deserialize)]
struct OAuth2Token {
    access_token: String,
    #[serde(default)]
    expires_in: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct CleverTokens {
    data: Vec<CleverToken>,
}

#[derive(Deserialize)]
struct CleverToken {
    owner: CleverOwner,
    access_token: String,
}

#[derive(Deserialize)]
struct CleverOwner {
    id: String,
}

impl Auth {
    pub(super) fn new(credentials: Credentials) -> Result<Self> {
        let secret = credentials.secret().read()?;
        let is_sent_as_it_is = matches!(credentials, Credentials::Bearer { .. });
        if is_sent_as_it_is && !can_be_sent(secret.reveal()) {
            return Err(Failure::new(
                Kind::Usage,
                "the token has characters in it that no token has, such as blanks or accents",
            )
            .at(credentials.secret().shown())
            .cure("copy it again, the token alone: without `Bearer` before it, quotes, or blanks"));
        }
        Ok(Self { credentials, secret, token: None })
    }

    /// The header `Authorization` for a GET of this address; gets a token first if there is none
    /// that is good.
    pub(super) fn header(&mut self, url: &Url, client: &Client<'_>) -> Result<String> {
        let bearer = |token: &Secret| Ok(format!("Bearer {}", token.reveal()));
        if let Some((token, good_until)) = &self.token
            && good_until.is_none_or(|end| Instant::now() < end)
        {
            return bearer(token);
        }
        let token = match &self.credentials {
            Credentials::Bearer { .. } => return bearer(&self.secret),
            Credentials::OAuth1 { client_id, signature, version, .. } => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                // Not longer: some servers (oauthlib's usual rule) take 20 to 30 characters.
                let nonce = format!("{:016x}{:08x}", fastrand::u64(..), fastrand::u32(..));
                let signer = Signer {
                    key: client_id,
                    secret: self.secret.reveal(),
                    signature: *signature,
                    version: *version,
                    timestamp: since.as_secs(),
                    nonce: &nonce,
                };
                return signer.header(url);
            }
            Credentials::OAuth2 { token_url, client_id, scope, sent, .. } => {
                self.fetch_oauth2(client, token_url, client_id, scope.as_deref(), *sent)?
            }
            Credentials::CleverLookup { token_url, client_id, district, .. } => {
                (self.look_up(client, token_url, client_id, district.as_deref())?, None)
            }
        };
        bearer(&self.token.insert(token).0)
    }

    /// Gives up what was not accepted; true if something else can be tried: a new token, or a
    /// secret that was replaced in its place meanwhile.
    pub(super) fn renew(&mut self) -> bool {
        let replaced = self.credentials.secret().read().is_ok_and(|secret| {
            let is_new = secret != self.secret;
            self.secret = secret;
            is_new
        });
        self.token.take().is_some() || replaced
    }

    fn fetch_oauth2(
        &self,
        client: &Client<'_>,
        url: &Url,
        id: &str,
        scope: Option<&str>,
        sent: SecretIn,
    ) -> Result<(Secret, Option<Instant>)> {
        let secret = self.secret.reveal();
        let mut form = vec![("grant_type", "client_credentials")];
        form.extend(scope.map(|scope| ("scope", scope)));
        if sent == SecretIn::Form {
            form.extend([("client_id", id), ("client_secret", secret)]);
        }
        let body: Vec<String> =
            form.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        let build = || {
            let request = client
                .connections
                .to(url)?
                .post(url.clone())
                .header("accept", "application/json")
                .header("content-type", "application/x-www-form-urlencoded")
                .body(body.join("&"));
            Ok(match sent {
                // RFC 6749 has both encoded before they are joined.
                SecretIn::Basic => request.header("authorization", basic(&encode(id), &encode(secret))),
                SecretIn::Form => request,
            })
        };
        let token: OAuth2Token = self.fetch_json(client, &build)?;
        let seconds = token.expires_in.as_ref().and_then(|value| match value {
            serde_json::Value::String(text) => text.trim().parse::<u64>().ok(),
            other => other.as_f64().filter(|seconds| *seconds >= 0.0).map(|seconds| seconds as u64),
        });
        let good_for = seconds.map(|seconds| {
            let whole = Duration::from_secs(seconds.min(1 << 30));
            whole.saturating_sub(MARGIN.min(whole / 2))
        });
        tracing::debug!("got a token from {url}");
        Ok((usable(token.access_token, url)?, good_for.map(|wait| Instant::now() + wait)))
    }

    fn look_up(&self, client: &Client<'_>, url: &Url, id: &str, district: Option<&str>) -> Result<Secret> {
        let mut url = url.clone();
        let mut query = "owner_type=district".to_owned();
        if let Some(district) = district {
            query.push_str(&format!("&district={}", encode(district)));
        }
        url.set_query(Some(&query));
        let build = || {
            let request = client.connections.to(&url)?.get(url.clone()).header("accept", "application/json");
            Ok(request.header("authorization", basic(id, self.secret.reveal())))
        };
        let mut tokens: CleverTokens = self.fetch_json(client, &build)?;
        if let Some(district) = district {
            tokens.data.retain(|token| token.owner.id == district);
        }
        let failure =
            |what: String, cure: &str| Err(Failure::new(Kind::SourceUnavailable, what).at(&url).cure(cure));
        match (tokens.data.pop(), tokens.data.len()) {
            (Some(token), 0) => usable(token.access_token, &url),
            (None, _) => failure(
                "the application is known to Clever, but has no token for the district".into(),
                "have the district accept the application in Clever, and check `district` in [source]",
            ),
            (Some(_), others) => failure(
                format!("the application has tokens for {} districts", others + 1),
                "name one of them with `district = \"…\"` in [source]",
            ),
        }
    }

    fn fetch_json<T: for<'de> Deserialize<'de>>(
        &self,
        client: &Client<'_>,
        build: &dyn Fn() -> Result<reqwest::blocking::RequestBuilder>,
    ) -> Result<T> {
        let refused = |answer: &Answer| {
            let failure = explain::refusal(answer, Asked::Token(&self.credentials));
            match explain::said_of_token(answer, self.secret.reveal()) {
                Some(said) if !(300..400).contains(&answer.status) => failure.quoting(said),
                Some(_) | None => failure,
            }
        };
        client.ask(build, |answer| {
            if !answer.is_success() {
                return Err(Trouble::Lasting(refused(&answer)));
            }
            serde_json::from_slice(&answer.body).map_err(|error| {
                let cure = "check `token_url` in [source.auth]: it has to be the address that gives tokens";
                Trouble::Lasting(match explain::said_of_token(&answer, self.secret.reveal()) {
                    Some(_) => refused(&answer),
                    None => explain::not_json(&answer, &error, cure),
                })
            })
        })
    }
}

fn basic(id: &str, secret: &str) -> String {
    format!("Basic {}", STANDARD.encode(format!("{id}:{secret}")))
}

/// Whether a header can hold it.
fn can_be_sent(token: &str) -> bool {
    !token.is_empty() && token.bytes().all(|byte| byte.is_ascii_graphic())
}

/// A token that can be sent at all.
fn usable(token: String, url: &Url) -> Result<Secret> {
    if !can_be_sent(&token) {
        return Err(Failure::new(Kind::SourceUnavailable, "the server gave a token that cannot be used")
            .at(url)
            .cure("check `token_url` in [source.auth]"));
    }
    Ok(Secret::new(token))
}
