//! The errors underneath a failure: all of them are shown, each once and with the address or path of the failure, on the
//! terminal, in JSON and on record; and no secret is among them.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;

use crate::fake::{Certified, Fake, Reply};
use crate::sis::at_address;
use crate::support::{District, Done, person};

/// The first request of an API.
const QUERY: &str = "/orgs?limit=10&offset=0&sort=sourcedId&orderBy=asc";

/// The error message alone, without the log.
fn message(done: &Done) -> String {
    let lines = done.stderr.lines().skip_while(|line| !line.starts_with("error: "));
    lines.take_while(|line| !line.contains(" ERROR ")).collect::<Vec<_>>().join("\n")
}

/// Runs and fails: the message, what JSON has as `cause`, and the reason on record.
fn fails(district: &District, exit: i32) -> [String; 3] {
    let text = message(&district.cli(&["run"]).exits(exit));
    let json = district.cli(&["run", "--format", "json"]).exits(exit).json();
    let record = district.cli(&["runs", "--json", "--limit", "1"]).json();
    let text_of = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    [text, text_of(&json["error"]["cause"]), text_of(&record[0]["reason"])]
}

fn api(url: &str) -> District {
    at_address(District::new(), &format!("{url}/ims/oneroster/v1p1")).with("source.http.retries", "0")
}

#[test]
fn a_server_that_takes_no_connection_is_said_with_the_system_s_own_word() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let url = format!("http://127.0.0.1:{port}/ims/oneroster/v1p1{QUERY}");
    let [text, json, record] = fails(&api(&format!("http://127.0.0.1:{port}")), 6);
    assert_eq!(
        text,
        format!(
            "error: no connection; nothing was applied\n  at: {url}\n  because: tcp connect error\n  \
             because: Connection refused (os error 111)\n  \
             help: check that the server is up, and that no firewall or proxy blocks this machine"
        )
    );
    assert_eq!(json, "tcp connect error: Connection refused (os error 111)");
    assert_eq!(record, format!("no connection; nothing was applied, at {url}: {json}"));
}

#[test]
fn a_name_that_cannot_be_resolved_is_said_with_the_system_s_own_word() {
    // No name has a part of more than 63 letters, so that no name server is asked.
    let host = format!("{}.example", "a".repeat(64));
    let url = format!("http://{host}/ims/oneroster/v1p1{QUERY}");
    let district = api(&format!("http://{host}")).with("source.http.allow_http", "true");
    let [text, json, record] = fails(&district, 6);
    // The rest is the system's.
    let (_, system) = json.split_once("dns error: failed to lookup address information: ").unwrap();
    assert_eq!(
        text,
        format!(
            "error: the server's name cannot be resolved; nothing was applied\n  at: {url}\n  because: dns error\n  \
             because: failed to lookup address information: {system}\n  \
             help: check the name in the address, and this machine's network"
        )
    );
    assert_eq!(
        record,
        format!("the server's name cannot be resolved; nothing was applied, at {url}: {json}")
    );
}

#[test]
fn a_certificate_that_is_not_trusted_is_said_with_the_reason_of_the_tls_library() {
    let fake = Fake::start_with(Some(&Certified::new("localhost")), |_| Reply::status(500));
    let server = fake.url("").replace("http://127.0.0.1", "https://localhost");
    let url = format!("{server}/ims/oneroster/v1p1{QUERY}");
    let [text, json, record] = fails(&api(&server), 6);
    assert_eq!(
        text,
        format!(
            "error: the certificate of localhost is not trusted: this machine does not know its authority; nothing was applied\n  \
             at: {url}\n  because: invalid peer certificate: UnknownIssuer\n  \
             help: if an authority of the district signs it, name the authority's certificate with `ca_file` in [source.http]; \
             otherwise the server may not send its intermediate certificates, or something in between reads the traffic"
        )
    );
    assert_eq!(json, "invalid peer certificate: UnknownIssuer");
    assert_eq!(
        record,
        format!(
            "the certificate of localhost is not trusted: this machine does not know its authority; nothing was applied, at {url}: {json}"
        )
    );
}

#[test]
fn a_store_that_is_no_database_is_said_with_the_word_of_the_database() {
    let district = District::new();
    district.sis(&[person("tea-1")]);
    let _ = district.run().ok();
    let store = district.path("rostersync.db").display().to_string();
    district.file("rostersync.db", "this is no database, but it is long enough to be looked at ".repeat(20));
    let [text, json, _] = fails(&district, 1);
    assert_eq!(
        text,
        format!(
            "error: the store is damaged\n  at: {store}\n  because: Error code 26: file is not a database\n  \
             help: restore a backup with `rostersync db restore FILE`; `rostersync db verify` says more"
        )
    );
    assert_eq!(json, "Error code 26: file is not a database");
    let beside = std::fs::read_to_string(district.path("rostersync.db.attempts")).unwrap();
    assert!(beside.contains(&format!("the store is damaged, at {store}: {json}")), "{beside}");
}

/// A script in the place of `sftp`: what the client says is shown, and is not kept.
#[test]
fn what_sftp_says_is_shown_and_is_not_on_record() {
    let district = District::new().with("source.path", "\"sftp://joe@sis.example/drop/\"");
    district.file(
        "bin/sftp",
        "#!/bin/sh\ncat > /dev/null\necho 'joe@sis.example: Permission denied (publickey).' >&2\nexit 255\n",
    );
    std::fs::set_permissions(district.path("bin/sftp"), std::fs::Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:{}", district.path("bin").display(), std::env::var("PATH").unwrap());
    let done = district.done(district.command(&["run"]).env("PATH", path)).exits(6);
    assert_eq!(
        message(&done),
        "error: the server refused the login; nothing was applied\n  at: sftp://joe@sis.example/drop/\n  \
         because: joe@sis.example: Permission denied (publickey).\n  \
         help: check the user in `path`, and that the server knows the public part of `key_file` in [source.sftp], which must not \
         have a passphrase"
    );
    let record = district.cli(&["runs", "--json"]).json();
    assert_eq!(
        record[0]["reason"],
        "the server refused the login; nothing was applied, at sftp://joe@sis.example/drop/"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_said_with_the_system_s_own_word() {
    let district = District::new().with("platform.users", "\"nowhere.csv\"");
    district.sis(&[person("tea-1")]);
    let file = district.path("nowhere.csv").display().to_string();
    let [text, json, record] = fails(&district, 7);
    assert_eq!(
        text,
        format!(
            "error: the platform export cannot be read\n  at: {file}\n  because: No such file or directory (os error 2)\n  \
             help: check the path in the configuration and that the file was delivered"
        )
    );
    assert_eq!(json, "No such file or directory (os error 2)");
    assert_eq!(record, format!("the platform export cannot be read, at {file}: {json}"));
}
