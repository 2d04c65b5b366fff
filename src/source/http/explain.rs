//! What went wrong with a request, in words for the person who reads them at 7 a.m.
//!
//! Decided by the status; of a body only a word that the standard has is ever repeated, since the rest may hold anything.

use std::error::Error;
use std::time::Duration;

use reqwest::Url;

use super::auth::AuthKind;
use super::{Answer, Trouble};
use crate::failure::{Failure, Kind};
use crate::plural::counted;

/// What was asked for, and with what.
#[derive(Debug, Clone, Copy)]
pub(super) enum Asked {
    Roster(AuthKind),
    /// A token of OAuth 2.
    Token,
    /// The token of a Clever district.
    CleverToken,
}

fn unavailable(what: impl Into<String>, url: &Url) -> Failure {
    Failure::new(Kind::SourceUnavailable, what).at(url)
}

/// No answer at all.
pub(super) fn unreachable(url: &Url, cause: reqwest::Error) -> Trouble {
    let causes = chain(&cause);
    let host = url.host_str().unwrap_or_default();
    if causes.contains("certificate") || causes.contains("UnknownIssuer") {
        return Trouble::Lasting(
            unavailable(format!("the certificate of {host} is not trusted; nothing was applied"), url)
                .cure(
                    "if an authority of the district signs it, name its certificate with `ca_file` in [source.http]; if it has \
                     run out, have it renewed",
                )
                .because(causes),
        );
    }
    let (what, cure) = if cause.is_timeout() {
        (
            "no answer in time",
            "check that the server is up; `timeout` in [source.http] says how long is waited",
        )
    } else if causes.contains("dns error") {
        ("the server's name cannot be resolved", "check the name in the address, and this machine's network")
    } else if cause.is_connect() {
        (
            "no connection",
            "check that the server is up, and that a firewall or proxy lets this machine through",
        )
    } else {
        ("the connection broke off", "run again; if it stays so, ask whoever runs the server")
    };
    Trouble::Passing(unavailable(what, url).cure(cure).because(causes), None)
}

pub(super) fn broken_off(url: &Url, cause: &std::io::Error) -> Failure {
    let inner = cause.get_ref().map_or_else(|| cause.to_string(), |inner| chain(inner));
    unavailable("the answer broke off", url)
        .cure("run again; if it stays so, a smaller `page_size` in [source] may help")
        .because(inner)
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
        .cure("run again; if it stays so, a smaller `page_size` in [source] may help")
}

/// An answer that says to come back later.
pub(super) fn passing(answer: &Answer) -> Failure {
    let (what, cure) = match answer.status {
        429 => (
            "the server turns us away because of too many requests",
            "run at another hour, or ask for a higher limit",
        ),
        408 | 504 => ("the server did not get done in time", "use a smaller `page_size` in [source]"),
        _ => (
            "the server has a failure of its own",
            "run again later; if it stays so, ask whoever runs the server",
        ),
    };
    unavailable(format!("{what} ({})", answer.status), &answer.url).cure(cure)
}

/// It did not pass.
pub(super) fn given_up(mut failure: Failure, retries: u32) -> Failure {
    if retries > 0 {
        let attempts = if retries == 1 { "attempt" } else { "attempts" };
        failure.what = format!("{}, also after {retries} more {attempts}", failure.what);
    }
    failure.what.push_str("; nothing was applied");
    failure
}

/// It would pass too late.
pub(super) fn too_long(mut failure: Failure, asked: Option<Duration>) -> Failure {
    let minutes = asked.unwrap_or_default().as_secs().div_ceil(60);
    let long =
        if minutes > 1440 { "more than a day".to_owned() } else { counted(minutes, "minute", "minutes") };
    failure.what = format!("{}, and asks to be left alone for {long}; nothing was applied", failure.what);
    failure.cure = "run again after that".to_owned();
    failure
}

/// A success, but no JSON.
pub(super) fn not_json(answer: &Answer, error: &serde_json::Error) -> Failure {
    let (what, cure) = if answer.body.is_empty() {
        (
            format!("the answer is empty ({})", answer.status),
            "check the address: there seems to be nothing behind it",
        )
    } else if is_html(answer) {
        (
            "the answer is a web page instead of JSON".to_owned(),
            "check the address in [source]; a login page or a proxy may stand in between",
        )
    } else {
        (
            "the answer is not the JSON that was asked for".to_owned(),
            "check the address in [source], and that the server speaks this version of the API",
        )
    };
    // Only where it is wrong: serde's own words may repeat what stands there.
    let place = format!("line {} column {} of the answer", error.line(), error.column());
    unavailable(format!("{what}; nothing was applied"), &answer.url).cure(cure).because(place)
}

/// An answer that says no.
pub(super) fn refusal(answer: &Answer, asked: Asked) -> Failure {
    let status = answer.status;
    let (what, cure): (String, &str) = match (status, asked) {
        (300..=399, _) => {
            let target = answer.header("location").and_then(|to| answer.url.join(to).ok());
            let to = target.map_or_else(|| "elsewhere".to_owned(), |url| url.origin().ascii_serialization());
            (
                format!("the server sends us on to {to}; that was not followed, because it would be handed our credentials"),
                "if that is the right server, write its address in [source]",
            )
        }
        // Some say an error with a status of success.
        (200 | 400 | 401 | 403, Asked::Token) => token_refusal(answer),
        (_, Asked::Token) => (
            format!("the server gives no token ({status})"),
            "check `token_url` in [source.auth]",
        ),
        (400 | 401 | 403, Asked::CleverToken) => (
            format!("Clever does not accept the application's id and secret ({status})"),
            "check `client_id` and `client_secret` in [source.auth] against the application's settings in Clever",
        ),
        (_, Asked::CleverToken) => (
            format!("Clever gives no token ({status})"),
            "check `token_url` in [source.auth] and `district` in [source]",
        ),
        (401, Asked::Roster(kind)) => unauthorized(kind),
        (403, Asked::Roster(_)) => (
            "the server knows us but does not let us read this (403)".to_owned(),
            "have whoever runs it grant reading this (users, orgs) to these credentials (OneRoster: scope roster-core.readonly; Clever: \
             Secure Sync with the district). OneRoster can do without the orgs, if it is only those: `orgs_path = \"\"` in [source]",
        ),
        (404, Asked::Roster(AuthKind::Clever | AuthKind::Bearer)) if is_html(answer) => (
            "the server answers with a web page that says 404: the path is wrong, or the token is not one for this kind of data".to_owned(),
            "check `url` in [source]; of Clever it has to be the token of a district, not that of a user or of the application",
        ),
        (404, Asked::Roster(_)) => (
            "there is nothing at this address (404)".to_owned(),
            "check `url` in [source]: OneRoster 1.1 usually ends in /ims/oneroster/v1p1, 1.2 in /ims/oneroster/rostering/v1p2, Clever's in /v3.1",
        ),
        (400 | 422, Asked::Roster(_)) => (
            format!("the server does not understand the question ({status})"),
            "try `sort = false` or a smaller `page_size` in [source]",
        ),
        (413, Asked::Roster(_)) => ("the page is too large for the server (413)".to_owned(), "use a smaller `page_size` in [source]"),
        (_, Asked::Roster(_)) => (
            format!("the server refuses ({status})"),
            "check the address in [source], or ask whoever runs the server",
        ),
    };
    let said = known_word(answer).map(|word| format!("the server says `{word}`"));
    let failure = unavailable(format!("{what}; nothing was applied"), &answer.url).cure(cure);
    match said {
        Some(said) => failure.because(said),
        None => failure,
    }
}

fn unauthorized(kind: AuthKind) -> (String, &'static str) {
    match kind {
        AuthKind::Bearer => (
            "the token is not accepted (401)".to_owned(),
            "check `token` in [source.auth]: it may have been replaced, or be one for another server",
        ),
        AuthKind::OAuth2 => (
            "the token that the server itself gave is not accepted (401)".to_owned(),
            "check that `token_url` belongs to this server, and `scope` in [source.auth]",
        ),
        AuthKind::OAuth1 => (
            "the signature of the request is not accepted (401)".to_owned(),
            "check `client_id` and `client_secret` in [source.auth], try `signature = \"HMAC-SHA1\"`, and see that this machine's \
             clock is right",
        ),
        AuthKind::Clever => (
            "the district's token is not accepted, although Clever has just given it (401)".to_owned(),
            "check in Clever that the district shares its data with the application (Secure Sync)",
        ),
    }
}

fn token_refusal(answer: &Answer) -> (String, &'static str) {
    match known_word(answer) {
        Some("invalid_scope") => (
            "the server does not give a token for this scope".to_owned(),
            "check `scope` in [source.auth]; some servers want short names, some none at all",
        ),
        Some("unauthorized_client" | "unsupported_grant_type") => (
            "the server does not give these credentials a token without a person logging in".to_owned(),
            "have client credentials switched on for them",
        ),
        Some("invalid_request") => (
            "the server does not understand how the token is asked for".to_owned(),
            "try `credentials = \"form\"` (or \"basic\"), and `scope`, in [source.auth]",
        ),
        _ => (
            format!("the server does not accept id and secret ({})", answer.status),
            "check `client_id` and `client_secret` in [source.auth], and try `credentials = \"form\"` (or \"basic\")",
        ),
    }
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

/// The causes of an error, one after the other, without the address, which is said elsewhere.
pub(super) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut words: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        words.push(cause.to_string());
        next = cause.source();
    }
    if words.is_empty() {
        // Its own words would hold the address.
        return match error.downcast_ref::<reqwest::Error>() {
            Some(error) if error.is_timeout() => "timed out".to_owned(),
            Some(_) => "the request failed".to_owned(),
            None => error.to_string(),
        };
    }
    words.dedup();
    words.join(": ")
}
