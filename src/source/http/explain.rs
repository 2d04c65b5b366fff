//! What went wrong with a request, as a message with its cure.
//!
//! Decided by the status; of a body only a word that the standard has is ever repeated, since the
//! rest may hold anything.

use std::error::Error;
use std::time::Duration;

use reqwest::Url;

use super::address::{encode, shown};
use super::credentials::{Credentials, SecretIn};
use super::oauth1::Signature;
use super::{Answer, Proxy, Trouble};
use crate::failure::{Failure, Kind, chain};
use crate::plural::counted;

/// What was asked for, and with what.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked<'a> {
    Roster(&'a Credentials),
    /// A token of OAuth 2, or that of a Clever district.
    Token(&'a Credentials),
}

fn unavailable(what: impl Into<String>, url: &Url) -> Failure {
    Failure::new(Kind::SourceUnavailable, what).at(url)
}

pub(super) fn unreachable(url: &Url, cause: reqwest::Error, proxy: &Proxy) -> Trouble {
    let links = causes(&cause);
    let causes = links.join(": ");
    let unavailable =
        |what: &str, cure: &str| Failure { cause: chain(&links), ..unavailable(what, url).cure(cure) };
    let has = |words: &[&str]| words.iter().any(|word| causes.contains(word));
    let lasting =
        |what: &str, cure: &str| Trouble::Lasting(unavailable(&format!("{what}; nothing was applied"), cure));
    if has(&["certificate", "UnknownIssuer", "CaUsedAsEndEntity"]) {
        let (what, cure) = certificate(&causes, url);
        return lasting(&what, cure);
    }
    if has(&["InvalidContentType", "corrupt message"]) {
        let plain = url.as_str().replacen("https://", "http://", 1);
        return lasting(
            "the server does not use encryption (TLS) on this port, and the address says https://",
            &format!(
                "check the port in the address; a server without encryption is asked as {} with `allow_http = true` in [source.http], on a \
                 protected network only",
                plain.split('?').next().unwrap_or_default()
            ),
        );
    }
    if has(&["peer is incompatible", "HandshakeFailure", "ProtocolVersion"]) {
        return lasting(
            "the server and this program have no common kind of encryption",
            "ask the operator of the server to switch on TLS 1.2 or 1.3",
        );
    }
    if url.scheme() == "http" && has(&["invalid HTTP", "invalid header"]) {
        return lasting(
            "the server does not answer in plain HTTP on this port; it may want encryption",
            "write https:// in place of http://, and check the port in the address",
        );
    }
    let (through, login) = match proxy {
        Proxy::At(_) => (
            "`proxy` in [source.http]",
            "remove `proxy` in [source.http], which must not hold a password, and set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT in the \
             environment of rostersync",
        ),
        Proxy::System | Proxy::None => {
            ("the proxy of the environment (HTTPS_PROXY)", "check user and password in HTTPS_PROXY")
        }
    };
    if has(&["proxy auth", "Proxy Auth"]) {
        let cure = format!("{login}, or exempt the server with NO_PROXY");
        return lasting("the proxy wants a user and a password (407)", &cure);
    }
    if has(&["tunnel"]) {
        let cure = format!("have the proxy allow {}, or check {through}", url.host_str().unwrap_or_default());
        return Trouble::Passing(unavailable("the proxy does not connect to the server", &cure), None);
    }
    let by_proxy = match proxy {
        Proxy::At(address) => format!(". Requests go through the proxy {}", shown(address)),
        Proxy::System | Proxy::None => String::new(),
    };
    let (what, cure) = if cause.is_timeout() {
        (
            "no answer in time",
            "check that the server is up; `timeout` in [source.http] says how long is waited",
        )
    } else if causes.contains("dns error") {
        ("the server's name cannot be resolved", "check the name in the address, and this machine's network")
    } else if cause.is_connect() {
        ("no connection", "check that the server is up, and that no firewall or proxy blocks this machine")
    } else {
        ("the connection broke off", "run again; if it happens again, ask the operator of the server")
    };
    Trouble::Passing(unavailable(what, &format!("{cure}{by_proxy}")), None)
}

fn certificate(causes: &str, url: &Url) -> (String, &'static str) {
    const TROUBLES: [([&str; 2], &str, &str); 5] = [
        (
            ["expired", "expired"],
            "is not trusted: it has expired",
            "have it renewed, and check that this machine's clock is right",
        ),
        (
            ["not valid yet", "notvalidyet"],
            "is not trusted: it is not valid yet",
            "check that this machine's clock is right",
        ),
        (
            ["not valid for name", "notvalidforname"],
            "is not trusted: it is one for another name",
            "write the server's name in the address as the certificate has it; a certificate needs the name in \
             `subjectAltName`",
        ),
        (
            ["causedasendentity", "causedasendentity"],
            "is not trusted: it is its own authority",
            "save the certificate as a PEM file and name that file with `ca_file` in [source.http]",
        ),
        (
            ["unknownissuer", "unknown issuer"],
            "is not trusted: this machine does not know its authority",
            "if an authority of the district signs it, name the authority's certificate with `ca_file` in [source.http]; \
             otherwise the server may not send its intermediate certificates, or something in between reads the traffic",
        ),
    ];
    let causes = causes.to_ascii_lowercase();
    let has = |words: [&str; 2]| words.into_iter().any(|word| causes.contains(word));
    if has(["certificaterequired", "certificate required"]) {
        return (
            "the server wants a certificate of its clients, which rostersync does not have".to_owned(),
            "ask the operator of the server for another way to log in",
        );
    }
    let (_, what, cure) = TROUBLES.into_iter().find(|(words, ..)| has(*words)).unwrap_or((
        ["", ""],
        "is not trusted",
        "check the server's certificate; one that an authority of the district signs needs `ca_file` in [source.http]",
    ));
    (format!("the certificate of {} {what}", url.host_str().unwrap_or_default()), cure)
}

pub(super) fn broken_off(url: &Url, cause: &std::io::Error) -> Failure {
    let causes = cause.get_ref().map_or_else(|| vec![cause.to_string()], |inner| causes(inner));
    let failure = unavailable("the answer broke off", url)
        .cure("run again; if it happens again, a smaller `page_size` in [source] may help");
    Failure { cause: chain(&causes), ..failure }
}

pub(super) fn too_slow(url: &Url) -> Failure {
    unavailable("the answer did not come in time", url)
        .cure("use a smaller `page_size` in [source], or a longer `timeout` in [source.http]")
}

pub(super) fn too_large(url: &Url) -> Failure {
    unavailable("the answer is larger than 256 MiB; nothing was applied", url)
        .cure("use a smaller `page_size` in [source]")
}

pub(super) fn cut_short(answer: &Answer) -> Failure {
    unavailable("the answer was cut short", &answer.url)
        .cure("run again; if it happens again, a smaller `page_size` in [source] may help")
}

/// An answer that says to come back later.
pub(super) fn passing(answer: &Answer) -> Failure {
    let (what, cure) = match answer.status {
        429 => (
            "the server refuses because of too many requests",
            "run at another hour, or ask for a higher limit",
        ),
        408 | 504 => ("the server did not finish in time", "use a smaller `page_size` in [source]"),
        _ => (
            "the server reports an error of its own",
            "run again later; if it happens again, ask the operator of the server",
        ),
    };
    unavailable(format!("{what} ({})", answer.status), &answer.url).cure(cure)
}

pub(super) fn given_up(mut failure: Failure, retries: u32) -> Failure {
    if retries > 0 {
        let attempts = if retries == 1 { "attempt" } else { "attempts" };
        failure.what = format!("{}, also after {retries} more {attempts}", failure.what);
    }
    failure.what.push_str("; nothing was applied");
    failure
}

/// The server asks to wait longer than a run may.
pub(super) fn too_long(mut failure: Failure, asked: Option<Duration>) -> Failure {
    let minutes = asked.unwrap_or_default().as_secs().div_ceil(60);
    let long =
        if minutes > 1440 { "more than a day".to_owned() } else { counted(minutes, "minute", "minutes") };
    failure.what = format!("{}, and asks to wait for {long}; nothing was applied", failure.what);
    failure.cure = "run again after that".to_owned();
    failure
}

/// What to do about an answer of the roster that is none.
pub(super) const CHECK_SOURCE: &str = "check `url` in [source]; a login page or a proxy may be in between, or the server has another version of the API";

/// An answer with a status of success that is no JSON.
pub(super) fn not_json(answer: &Answer, error: &serde_json::Error, cure: &str) -> Failure {
    let what = if answer.body.is_empty() {
        format!("the answer is empty ({})", answer.status)
    } else if is_html(answer) {
        "the answer is a web page instead of JSON".to_owned()
    } else {
        "the answer is not the JSON that was asked for".to_owned()
    };
    // Only where it is wrong: serde's own words may repeat what is there.
    let place = format!("line {} column {} of the answer", error.line(), error.column());
    unavailable(format!("{what}; nothing was applied"), &answer.url)
        .cure(cure)
        .because(anyhow::Error::msg(place))
}

/// A page of a list is not there, although earlier ones were.
pub(super) fn later_page(answer: &Answer, before: u64) -> Failure {
    let what = format!(
        "the server has no next page ({}) after {}, and did not say that this is all; nothing was applied",
        answer.status,
        counted(before, "record", "records")
    );
    unavailable(what, &answer.url).cure(
        "run again; if it happens again, ask the operator of the server: a list has to end with an empty page, or with \
         `X-Total-Count`. A larger `page_size` in [source] can get all of it in one page",
    )
}

/// An answer that says no.
pub(super) fn refusal(answer: &Answer, asked: Asked<'_>) -> Failure {
    let (what, cure) = match (answer.status, asked) {
        (300..=399, _) => redirect(answer, asked),
        // The proxy's word, not the server's.
        (407, _) => (
            "the proxy wants a user and a password (407)".to_owned(),
            "set HTTPS_PROXY=http://USER:PASSWORD@HOST:PORT in the environment of rostersync, or exempt the server with NO_PROXY".to_owned(),
        ),
        (_, Asked::Token(credentials)) => token_refusal(answer, credentials),
        (401, Asked::Roster(credentials)) => unauthorized(credentials),
        (404, Asked::Roster(Credentials::Bearer { .. } | Credentials::CleverLookup { .. })) if is_html(answer) => (
            "the server answers with a web page that says 404: the path is wrong, or the token is not one for this kind of data".to_owned(),
            "check `url` in [source]; Clever needs the token of a district, not that of a user or of the application".to_owned(),
        ),
        (_, Asked::Roster(_)) => {
            let (what, cure) = roster_refusal(answer);
            (format!("{what} ({})", answer.status), cure.to_owned())
        }
    };
    let failure = unavailable(format!("{what}; nothing was applied"), &answer.url).cure(cure);
    match known_word(answer) {
        Some(word) => failure.quoting(format!("the server says `{word}`")),
        None => failure,
    }
}

fn roster_refusal(answer: &Answer) -> (&'static str, &'static str) {
    match answer.status {
        403 => (
            "these credentials may not read this",
            "ask the operator of the server to allow reading users and orgs with them (OneRoster: scope roster-core.readonly; Clever: \
             Secure Sync with the district). If only orgs are refused: `orgs_path = \"\"` in [source] does without them",
        ),
        404 if answer.url.path().ends_with("/orgs") => (
            "there are no orgs at this address",
            "check `url` in [source]: OneRoster 1.1 usually ends in /ims/oneroster/v1p1, 1.2 in /ims/oneroster/rostering/v1p2. If the server \
             has users but no orgs: `orgs_path = \"\"` in [source]",
        ),
        404 => (
            "there is nothing at this address",
            "check `url` in [source]: OneRoster 1.1 usually ends in /ims/oneroster/v1p1, 1.2 in /ims/oneroster/rostering/v1p2, Clever's in /v3.1",
        ),
        400 if is_tls_wanted(answer) => (
            "the server wants encryption on this port, and the address says http://",
            "write https:// in place of http:// in `url` in [source]",
        ),
        400 | 422 => {
            ("the server rejected the request", "try `sort = false` or a smaller `page_size` in [source]")
        }
        413 => ("the page is too large for the server", "use a smaller `page_size` in [source]"),
        _ => ("the server refuses", "check `url` in [source], or ask the operator of the server"),
    }
}

fn redirect(answer: &Answer, asked: Asked<'_>) -> (String, String) {
    let key = match asked {
        Asked::Roster(_) => "`url` in [source]",
        Asked::Token(_) => "`token_url` in [source.auth]",
    };
    let target = answer.header("location").and_then(|to| answer.url.join(to).ok());
    // The path helps, and a query may hold a secret.
    let to = target.map(|url| match asked {
        Asked::Roster(_) => url.origin().ascii_serialization(),
        Asked::Token(_) => {
            format!("{}{}", url.origin().ascii_serialization(), url.path())
        }
    });
    let to = to.unwrap_or_else(|| "another address".to_owned());
    (
        format!(
            "the server redirects to {to} ({}); that was not followed, because the credentials would go there",
            answer.status
        ),
        format!(
            "if that is the right server, write its address as {key}; a redirect to a login page means that the address is wrong"
        ),
    )
}

/// What web servers say to plain HTTP on a port for TLS.
fn is_tls_wanted(answer: &Answer) -> bool {
    let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(4096)]).to_ascii_lowercase();
    answer.url.scheme() == "http"
        && (body.contains("https port")
            || body.contains("http request to an https server")
            || body.contains("ssl-enabled"))
}

fn unauthorized(credentials: &Credentials) -> (String, String) {
    let key = credentials.key();
    match credentials {
        Credentials::Bearer { .. } => (
            "the token is not accepted (401)".to_owned(),
            format!("check {key}: the token may have expired or been replaced, or be one for another server"),
        ),
        Credentials::OAuth2 { scope, .. } => (
            "the token that the server itself gave is not accepted (401)".to_owned(),
            format!(
                "check that `token_url` belongs to this server, and {} in [source.auth]",
                if scope.is_some() { "`scope`" } else { "that it needs no `scope`" }
            ),
        ),
        Credentials::OAuth1 { signature, .. } => {
            let other = match signature {
                Signature::Sha256 => "HMAC-SHA1",
                Signature::Sha1 => "HMAC-SHA256",
            };
            (
                "the signature of the request is not accepted (401)".to_owned(),
                format!(
                    "check `client_id` and {key}, and that this machine's clock is right; if they are, try `signature = \"{other}\"`"
                ),
            )
        }
        Credentials::CleverLookup { .. } => (
            "the district's token is not accepted, although Clever has just given it (401)".to_owned(),
            "check in Clever that the district shares its data with the application (Secure Sync)".to_owned(),
        ),
    }
}

/// Why there is no token. Some servers say an error with a status of success.
fn token_refusal(answer: &Answer, credentials: &Credentials) -> (String, String) {
    let (status, key) = (answer.status, credentials.key());
    let (scope, sent) = match credentials {
        Credentials::OAuth2 { scope, sent, .. } => (scope, sent),
        _ if matches!(status, 400 | 401 | 403 | 422) => {
            return (
                format!("Clever does not accept the application's id and secret ({status})"),
                format!("check `client_id` and {key} against the application's settings in Clever"),
            );
        }
        _ => {
            return (
                format!("Clever did not give a token ({status})"),
                "check `token_url` in [source.auth] and `district` in [source]".to_owned(),
            );
        }
    };
    let other = match sent {
        SecretIn::Basic => "`credentials = \"form\"`",
        SecretIn::Form => "`credentials = \"basic\"`",
    };
    let scope = match scope {
        Some(_) => "check `scope` (some servers want short names, some none at all)",
        None => "write the `scope` that the server needs",
    };
    let check_url = || "check `token_url` in [source.auth]".to_owned();
    match (status, known_word(answer)) {
        (404 | 405, _) => (format!("there is no token endpoint at this address ({status})"), check_url()),
        (200 | 400 | 401 | 403 | 422, Some("invalid_scope")) => (
            format!("the server does not give a token for this scope ({status})"),
            format!("{scope}, in [source.auth]"),
        ),
        (200 | 400 | 401 | 403 | 422, Some("unauthorized_client" | "unsupported_grant_type")) => (
            format!(
                "the server does not give these credentials a token without a person logging in ({status})"
            ),
            "ask the operator of the server to switch on client credentials for them".to_owned(),
        ),
        (200 | 400 | 401 | 403 | 422, Some("invalid_request")) => (
            format!("the server rejected the token request ({status})"),
            format!("try {other}, and {scope}, in [source.auth]"),
        ),
        (400 | 422, None) => (
            format!("the server rejected the token request ({status})"),
            format!("check `client_id` and {key}; then try {other}, and {scope}, in [source.auth]"),
        ),
        (200 | 400 | 401 | 403 | 422, _) => (
            format!("the server does not accept id and secret ({status})"),
            format!("check `client_id` and {key}; if they are right, try {other} in [source.auth]"),
        ),
        _ => (format!("the server did not give a token ({status})"), check_url()),
    }
}

/// What the server says of a token that it does not give: `error` and `error_description` as OAuth
/// 2 has them, without anything that was sent to it.
pub(super) fn said_of_token(answer: &Answer, secret: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct TokenError {
        error: Option<serde_json::Value>,
        error_description: Option<String>,
        message: Option<serde_json::Value>,
    }
    let error: TokenError = serde_json::from_slice(&answer.body).ok()?;
    let word = error.error.as_ref().and_then(serde_json::Value::as_str).map(|word| plain(word, secret));
    let text = error.error_description.as_deref().or_else(|| error.message.as_ref()?.as_str());
    let text = text.map(|text| plain(text, secret)).filter(|text| !text.is_empty());
    match (word.filter(|word| !word.is_empty()), text) {
        (Some(word), Some(text)) => Some(format!("the server says `{word}`: {text}")),
        (Some(word), None) => Some(format!("the server says `{word}`")),
        (None, Some(text)) => Some(format!("the server says: {text}")),
        (None, None) => None,
    }
}

/// A server's words as they may be shown: short, and without secrets, addresses, or what looks like
/// a token.
fn plain(text: &str, secret: &str) -> String {
    let encoded = encode(secret);
    let word = |word: &str| {
        let has_secret = !secret.is_empty() && (word.contains(secret) || word.contains(&encoded));
        let is_token = word.len() > 24
            && word.bytes().filter(u8::is_ascii_alphanumeric).count() > 20
            && !word.contains("://");
        match () {
            () if has_secret || is_token => "…".to_owned(),
            () if word.contains('@') => "<address>".to_owned(),
            () => word.to_owned(),
        }
    };
    let text: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    // A secret may have blanks in it.
    let text = if secret.is_empty() { text } else { text.replace(secret, "…") };
    text.split_whitespace().map(word).collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

/// A word of OAuth 2 or of OneRoster's errors that the body holds.
pub(super) fn known_word(answer: &Answer) -> Option<&'static str> {
    const WORDS: [&str; 13] = [
        "invalid_client",
        "invalid_grant",
        "invalid_request",
        "invalid_scope",
        "unauthorized_client",
        "unsupported_grant_type",
        "invalid_filter_field",
        "invalid_selection_field",
        "invaliddata",
        "unauthorisedrequest",
        "server_busy",
        "unknownobject",
        "internal_server_error",
    ];
    let body = String::from_utf8_lossy(&answer.body[..answer.body.len().min(4096)]).into_owned();
    WORDS.into_iter().find(|word| body.contains(&format!("\"{word}\"")))
}

fn is_html(answer: &Answer) -> bool {
    answer.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("html"))
        || answer.body.trim_ascii_start().starts_with(b"<")
}

/// What the errors underneath say, the outermost first, without the address, which is the place of
/// the failure.
pub(super) fn causes(error: &(dyn Error + 'static)) -> Vec<String> {
    let underneath = anyhow::Chain::new(error).skip(1).map(ToString::to_string);
    // The library's own layers say nothing that helps.
    let says_nothing = |text: &String| text.starts_with("client error (") || text == "error resolving DNS";
    let mut causes: Vec<String> = underneath.filter(|text| !says_nothing(text)).collect();
    causes.dedup();
    if causes.is_empty() {
        // Its own words would hold the address.
        causes.push(match error.downcast_ref::<reqwest::Error>() {
            Some(error) if error.is_timeout() => "timed out".to_owned(),
            Some(_) => "the request failed".to_owned(),
            None => error.to_string(),
        });
    }
    causes
}
