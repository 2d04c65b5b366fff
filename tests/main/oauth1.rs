//! OAuth 1.0a: a server that checks each signature with oauthlib, and refuses a nonce that was used
//! before.

use std::collections::BTreeSet;
use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::python::Python;
use crate::sis::{Sis, at_address, people};
use crate::support::{District, person};

/// Both have all that has to be encoded, once in the header and once more in the signature.
const CLIENT: &str = "district 7/ä+&=%";
const SECRET: &str = "s3cr3t/+&=% ü~";

/// A district, the server that it asks, and a request that the server answered.
struct Judged {
    district: District,
    server: Python,
}

/// One request as the server saw it.
struct Noted {
    status: String,
    target: String,
    header: String,
}

impl Judged {
    /// None where there is no oauthlib.
    fn new() -> Option<Self> {
        let folder = District::new();
        let mut people: Vec<_> = people(25)
            .into_iter()
            .map(|one| one.with("dateLastModified", "2026-11-20T00:00:00.000Z"))
            .collect();
        people.push(person("tea/9 é,&").with("dateLastModified", "2026-11-21T00:00:00.000Z"));
        let sis = Sis::new(&people);
        let users: Vec<_> = people.iter().map(|person| sis.user(person)).collect();
        let orgs = json!([{ "sourcedId": "sch-1", "name": "Lincoln Elementary" }]);
        folder.file("roster.json", json!({ "users": users, "orgs": orgs }).to_string());
        let path = |name: &str| folder.path(name).to_str().unwrap().to_owned();
        let arguments = [&path("roster.json"), CLIENT, SECRET, &path("notes")];
        let server = Python::serve("oauthlib", include_str!("oauth1_server.py"), &arguments)?;
        // The application's id comes encoded, and is encoded once more in the signature.
        let district = at_address(folder, &format!("http://127.0.0.1:{}", server.ready))
            .with("source.type", "\"classlink\"")
            .with("source.application", "\"MoYPlyQWmG0%3D\"")
            .with("source.mode", "\"incremental\"")
            .with("source.auth.type", "\"oauth1\"")
            .with("source.auth.client_id", &format!("{CLIENT:?}"))
            .with("source.auth.client_secret_file", "\"secret\"");
        let mut judged = Self { district, server };
        judged.district.unset("source.auth.token_file");
        judged.district.file("secret", SECRET);
        Some(judged)
    }

    fn noted(&self) -> Vec<Noted> {
        let notes = fs::read_to_string(self.district.path("notes")).unwrap();
        let note = |line: &str| {
            let mut parts = line.split('\t').map(str::to_owned);
            let mut next = || parts.next().unwrap();
            Noted { status: next(), target: next(), header: next() }
        };
        notes.lines().map(note).collect()
    }

    /// The status line of a recorded request that is sent again.
    fn again(&self, request: &Noted) -> String {
        let mut stream = TcpStream::connect(format!("127.0.0.1:{}", self.server.ready)).unwrap();
        let (target, header) = (&request.target, &request.header);
        let host = &self.server.ready;
        write!(
            stream,
            "GET {target} HTTP/1.1\r\nHost: 127.0.0.1:{host}\r\nAuthorization: {header}\r\nConnection: close\r\n\r\n"
        )
        .unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).unwrap();
        line.trim_end().to_owned()
    }
}

#[test]
fn oauthlib_accepts_every_page_and_each_only_once() {
    for signature in ["HMAC-SHA256", "HMAC-SHA1"] {
        for version in ["false", "true"] {
            let Some(mut judged) = Judged::new() else { return };
            judged.district.set("source.auth.signature", &format!("{signature:?}"));
            judged.district.set("source.auth.oauth_version", version);
            assert_eq!(judged.district.run().ok().report.count("created"), 26);
            // The changes of the next night: a filter with quotes and `>` in it.
            let done = judged.district.run().ok();
            assert_eq!(done.report.count("unchanged"), 26);
            assert!(!done.stderr.contains("pulling everything"), "{}", done.stderr);

            let noted = judged.noted();
            // Orgs and its empty end, three pages of users; orgs again, one page of changes and its
            // end.
            assert_eq!(noted.len(), 9);
            assert!(noted.iter().all(|request| request.status == "200"));
            assert!(noted.iter().all(|request| request.target.starts_with("/MoYPlyQWmG0%3D/ims/")));
            assert!(noted.iter().any(|request| request.target.contains("&filter=dateLastModified%3E%27")));
            assert!(noted.iter().all(|request| request.header.contains(signature)));
            let has_version = |request: &Noted| request.header.contains("oauth_version=\"1.0\"");
            assert!(noted.iter().all(|request| has_version(request) == (version == "true")));
            let nonce = |request: &Noted| {
                request.header.split(", ").find(|part| part.contains("oauth_nonce")).unwrap().to_owned()
            };
            let nonces: BTreeSet<String> = noted.iter().map(nonce).collect();
            assert_eq!(nonces.len(), noted.len());
            // That a fresh one was needed.
            assert_eq!(judged.again(&noted[0]), "HTTP/1.1 401 Unauthorized");
        }
    }
}

#[test]
fn oauthlib_refuses_a_wrong_secret_and_the_store_stays() {
    let Some(judged) = Judged::new() else { return };
    judged.district.run().ok();
    let store = judged.district.store_hash();
    judged.district.file("secret", "s3cr3t");
    let done = judged.district.run().exits(6);
    done.complains(&[
        "error: the signature of the request is not accepted (401); nothing was applied\n  at: ",
        "\n  help: check `client_id` and `client_secret_file` in [source.auth]",
    ]);
    assert!(!done.stderr.contains("s3cr3t"), "{}", done.stderr);
    assert_eq!(judged.noted().last().unwrap().status, "401");
    assert_eq!(judged.district.store_hash(), store);
}
