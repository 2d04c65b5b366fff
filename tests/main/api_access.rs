//! How a server lets us in: OAuth 2, OAuth 1.0a, tokens, ClassLink; `check --source`; and mistakes
//! in the configuration of it.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::json;

use crate::fake::{Fake, Reply, Request, pairs};
use crate::sis::{Sis, district, oddities, people, served};
use crate::support::{District, Person};

// Credentials.

pub(crate) fn oauth2(fake: &Fake, district: District) -> District {
    district.file("secret", "s3cr3t/+&");
    let mut district = district
        .with("source.auth.type", "\"oauth2\"")
        .with("source.auth.client_id", "\"district 7\"")
        .with("source.auth.client_secret_file", "\"secret\"")
        .with("source.auth.token_url", &format!("{:?}", fake.url("/token")));
    district.unset("source.auth.token_file");
    district
}

/// A server with tokens that are good for so many requests each.
fn with_tokens(good_for: usize) -> Fake {
    let sis = Sis::new(&people(45));
    let given = Mutex::new((0, 0));
    Fake::start(move |request| {
        let (tokens, uses) = &mut *given.lock().unwrap();
        if request.path == "/token" {
            assert_eq!(request.method, "POST");
            *tokens += 1;
            *uses = 0;
            return Reply::json(
                json!({ "access_token": format!("token-{tokens}"), "token_type": "Bearer", "expires_in": "3600" }),
            );
        }
        *uses += 1;
        match request.header("authorization") == format!("Bearer token-{tokens}") && *uses <= good_for {
            true => sis.page(request),
            false => Reply::status(401),
        }
    })
}

#[test]
fn oauth_2_asks_for_a_token_once_and_again_when_it_runs_out() {
    let fake = with_tokens(1000);
    let district_of = oauth2(&fake, district(&fake)).with("source.auth.scope", "\"roster-core.readonly\"");
    assert_eq!(district_of.run().ok().report.count("created"), 45);
    let tokens: Vec<Request> = fake.asked().into_iter().filter(|request| request.path == "/token").collect();
    assert_eq!(tokens.len(), 1);
    // RFC 6749: both are encoded before they are joined.
    let basic = format!("Basic {}", STANDARD.encode("district%207:s3cr3t%2F%2B%26"));
    assert_eq!(tokens[0].header("authorization"), basic);
    assert_eq!(
        pairs(&tokens[0].body),
        [("grant_type".into(), "client_credentials".into()), ("scope".into(), "roster-core.readonly".into())]
    );

    let fake = with_tokens(3);
    let district_of = oauth2(&fake, district(&fake)).with("source.auth.credentials", "\"form\"");
    assert_eq!(district_of.run().ok().report.count("created"), 45);
    let tokens: Vec<Request> = fake.asked().into_iter().filter(|request| request.path == "/token").collect();
    assert!(tokens.len() > 1, "{}", tokens.len());
    assert!(pairs(&tokens[0].body).contains(&("client_secret".into(), "s3cr3t/+&".into())));
    assert_eq!(tokens[0].header("authorization"), "");

    // A token that is never good is asked for once more, and no oftener.
    let fake = with_tokens(0);
    oauth2(&fake, district(&fake))
        .run()
        .exits(6)
        .complains(&["the token that the server itself gave is not accepted"]);
    assert_eq!(fake.asked().iter().filter(|request| request.path == "/token").count(), 2);
}

#[test]
fn oauth_2_says_what_is_wrong_with_id_secret_and_scope() {
    for (said, words) in [
        ("invalid_client", "does not accept id and secret (400)"),
        ("invalid_scope", "does not give a token for this scope (400)"),
        ("unauthorized_client", "switch on client credentials"),
    ] {
        let fake = Fake::start(move |_| Reply::json(json!({ "error": said })).with_status(400));
        let done = oauth2(&fake, district(&fake)).run().exits(6);
        done.complains(&[words, &format!("because: the server says `{said}`"), "/token"]);
        assert!(!done.stderr.contains("s3cr3t"));
    }
}

/// Whether a request is signed as RFC 5849 says, worked out from what was sent alone.
fn is_signed(fake: &str, request: &Request, secret: &str, sha1: bool) -> bool {
    let header = request.header("authorization").strip_prefix("OAuth ").unwrap();
    let mut parameters = pairs(&header.replace(", ", "&").replace('"', ""));
    let at = parameters.iter().position(|(name, _)| name == "oauth_signature").unwrap();
    let signature = parameters.remove(at).1;
    assert!(parameters.contains(&("oauth_consumer_key".into(), "district 7".into())));
    parameters.extend(pairs(&request.query));
    let encode = |text: &str| {
        let one = |byte: u8| match char::from(byte) {
            plain if plain.is_ascii_alphanumeric() || "-._~".contains(plain) => plain.to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(one).collect::<String>()
    };
    let mut encoded: Vec<(String, String)> =
        parameters.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    encoded.sort();
    let list: Vec<String> = encoded.iter().map(|(name, value)| format!("{name}={value}")).collect();
    let base = format!("GET&{}&{}", encode(&format!("{fake}{}", request.path)), encode(&list.join("&")));
    let key = format!("{}&", encode(secret));
    let expected = if sha1 {
        let mut mac = Hmac::<sha1::Sha1>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(base.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    } else {
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(key.as_bytes()).unwrap();
        mac.update(base.as_bytes());
        STANDARD.encode(mac.finalize().into_bytes())
    };
    signature == expected
}

pub(crate) fn oauth1(district: District) -> District {
    district.file("secret", "s3cr3t/+&");
    let mut district = district
        .with("source.auth.type", "\"oauth1\"")
        .with("source.auth.client_id", "\"district 7\"")
        .with("source.auth.client_secret_file", "\"secret\"");
    district.unset("source.auth.token_file");
    district
}

#[test]
fn oauth_1_signs_every_page_anew() {
    for sha1 in [false, true] {
        let fake = served(Sis::new(&people(25)));
        let mut district = oauth1(district(&fake));
        if sha1 {
            district.set("source.auth.signature", "\"HMAC-SHA1\"");
            district.set("source.auth.oauth_version", "true");
        }
        district.run().ok();
        let asked = fake.asked();
        assert_eq!(asked.len(), 5);
        let mut nonces = std::collections::BTreeSet::new();
        for request in &asked {
            assert!(is_signed(&fake.url(""), request, "s3cr3t/+&", sha1), "{request:?}");
            let header = request.header("authorization");
            assert_eq!(header.contains("oauth_version"), sha1);
            nonces.insert(header.split(", ").find(|part| part.contains("oauth_nonce")).unwrap().to_owned());
        }
        assert_eq!(nonces.len(), asked.len());
    }
    let fake = Fake::start(|_| Reply::status(401));
    oauth1(district(&fake)).run().exits(6).complains(&[
        "the signature of the request is not accepted",
        "HMAC-SHA1",
        "clock",
    ]);
}

#[test]
fn a_token_that_was_replaced_in_its_file_is_read_again() {
    let sis = Sis::new(&people(25));
    let place: Arc<Mutex<Option<std::path::PathBuf>>> = Arc::default();
    let file = Arc::clone(&place);
    let fake = Fake::start(move |request| {
        if request.number("offset") == Some(20) && request.header("authorization") == "Bearer let-me-in" {
            std::fs::write(file.lock().unwrap().as_ref().unwrap(), "another").unwrap();
            return Reply::status(401);
        }
        sis.page(request)
    });
    let district = district(&fake);
    *place.lock().unwrap() = Some(district.path("token"));
    assert_eq!(district.run().ok().report.count("created"), 25);
}

// ClassLink.

#[test]
fn classlink_by_its_proxy_takes_the_application_id_as_it_is_written() {
    let fake = served(Sis::new(&oddities()));
    let mut district = district(&fake)
        .with("source.type", "\"classlink\"")
        .with("source.application", "\"MoYPlyQWmG0%3D\"")
        .with("source.url", &format!("{:?}", fake.url("/proxy/v1p0")));
    assert_eq!(district.run().ok().report.count("created"), 28);
    let paths: Vec<String> = fake.asked().into_iter().map(|request| request.path).collect();
    assert!(
        paths.iter().all(|path| path.starts_with("/proxy/v1p0/MoYPlyQWmG0%3D/ims/oneroster/v1p1/")),
        "{paths:?}"
    );
    district.set("source.application", "\"a/b\"");
    district.run().exits(2).complains(&["`a/b` is not an application id", "rostersync.toml:"]);
}

#[test]
fn classlink_directly_is_signed() {
    let fake = served(Sis::new(&people(9)));
    let district = oauth1(district(&fake))
        .with("source.type", "\"classlink\"")
        .with("source.url", &format!("{:?}", fake.url("")));
    assert_eq!(district.run().ok().report.count("created"), 9);
    let asked = fake.asked();
    assert!(asked.iter().all(|request| request.path.starts_with("/ims/oneroster/v1p1/")));
    assert!(asked.iter().all(|request| is_signed(&fake.url(""), request, "s3cr3t/+&", false)));
}

// `check`, and mistakes in the configuration.

#[test]
fn check_source_says_what_is_there_and_what_is_missing() {
    let fake = served(Sis::new(&oddities()));
    let mut district = district(&fake);
    district.set("source.page_size", "100");
    let done = district.cli(&["check", "--source"]).ok();
    for said in [
        "connected and logged in",
        "1 org or school on",
        "29 of 29 users looked at",
        "9 guardian",
        "Nothing is missing.",
    ] {
        assert!(done.stdout.contains(said), "`{said}`\n{}", done.stdout);
    }
    assert!(!district.path("rostersync.db").exists());

    let students: Vec<Person> =
        people(30).into_iter().filter(|person| person.cells["role"] == "student").collect();
    let bare: Vec<Person> = students.into_iter().map(|person| person.mobile("")).collect();
    let fake = served(Sis::new(&bare));
    district.set("source.url", &format!("{:?}", fake.url("/ims/oneroster/v1p1")));
    let done = district.cli(&["check", "--source", "--format", "json"]).exits(3);
    let codes: Vec<String> = done.json()["missing"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["no-guardians", "no-phones"]);

    let fake = Fake::start(|_| Reply::status(403));
    district.set("source.url", &format!("{:?}", fake.url("/ims/oneroster/v1p1")));
    district.cli(&["check", "--source"]).exits(6).complains(&["these credentials may not read this (403)"]);

    let files = District::new();
    files.cli(&["check", "--source"]).exits(2).complains(&["files are read whole"]);
}

#[test]
fn oddities_of_an_api_are_said_with_their_positions() {
    let fake = served(Sis::new(&oddities()));
    let done = district(&fake).preview().ok();
    assert!(done.stderr.contains("users:29: orgs: org sch-9 is not among the orgs"), "{}", done.stderr);
}

#[test]
fn mistakes_in_the_configuration_are_explained() {
    let fake = served(Sis::new(&people(3)));
    for (key, value, words) in [
        (
            "source.url",
            "\"http://sis.example.org/ims\"",
            "would send passwords and people's details in clear",
        ),
        ("source.url", "\"https://joe:hunter2@sis.example.org/\"", "must not hold a user or a password"),
        ("source.path", "\"sis\"", "`path` in [source] is for type = \"oneroster-csv\""),
        ("source.page_size", "0", "0 is not a usable page size"),
        ("source.pagesize", "10", "did you mean `page_size`?"),
        ("source.auth.token_env", "\"TOKEN\"", "`token` is given more than once"),
        ("source.auth.scope", "\"x\"", "`scope` in [source.auth] is for type = \"oauth2\""),
        ("source.auth.type", "\"oauth2\"", "`token_file` in [source.auth] is for type = \"bearer\""),
        ("source.auth.type", "\"clever\"", "`type` in [source.auth] cannot be the text \"clever\""),
        ("source.auth.token_file", "\"nowhere\"", "the file with a secret cannot be read"),
        ("source.http.timeout", "\"soon\"", "`soon` is not a duration"),
        ("source.http.ca_file", "\"token\"", "the file of certificates"),
        ("source.http.proxy", "\"http://joe:hunter2@proxy:1\"", "set HTTPS_PROXY in the environment"),
    ] {
        let mut district = district(&fake);
        district.set(key, value);
        let done = district.run().exits(2);
        done.complains(&[words, "\n  help: "]);
        assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);
    }
    let mut district = district(&fake);
    district.run_with(&["--source", "sis"]).exits(2).complains(&["`--source` is for rosters that are files"]);
    district.unset("source.auth.type");
    district.unset("source.auth.token_file");
    district.run().exits(2).complains(&["[source.auth] is missing; the server needs credentials"]);
    assert_eq!(fake.asked().len(), 0);
}

#[test]
fn a_token_in_the_environment_or_in_the_configuration_itself() {
    let fake = served(Sis::new(&people(3)));
    let mut district = district(&fake);
    district.unset("source.auth.token_file");
    district.set("source.auth.token_env", "\"ROSTER_TOKEN\"");
    district.run().exits(2).complains(&["$ROSTER_TOKEN", "cron has an environment of its own"]);
    district.done(district.command(&["run"]).env("ROSTER_TOKEN", "let-me-in")).ok();
    district.unset("source.auth.token_env");
    district.set("source.auth.token", "\"let-me-in\"");
    district.run().ok();
}
