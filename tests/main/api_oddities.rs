//! What servers send that is none of what the standard says, and what is kept from them and from
//! terminals.

use serde_json::{Value, json};

use crate::api_access::oauth2;
use crate::fake::{Fake, Reply, Request};
use crate::oneroster_api::refused;
use crate::sis::{Sis, district, people, served};
use crate::support::{District, person};

/// A server that changes what it says of users.
fn says(sis: Sis, change: impl Fn(&mut Value) + Send + Sync + 'static) -> Fake {
    Fake::start(move |request| match sis.page(request) {
        Reply::Say { status, headers, body } if request.path.ends_with("/users") => {
            let mut body: Value = serde_json::from_str(&body).unwrap();
            change(&mut body["users"]);
            Reply::Say { status, headers, body: body.to_string() }
        }
        other => other,
    })
}

fn of_users(sis: &Sis, request: &Request, body: &str) -> Reply {
    if request.path.ends_with("/users") { Reply::json(body) } else { sis.page(request) }
}

#[test]
fn items_that_are_no_objects_are_not_there() {
    let fake = says(Sis::new(&people(6)), |users| {
        if users[0].is_object() {
            users[0]["agents"] = json!([null, { "sourcedId": "stu-003" }, "gua-001"]);
            users[1]["orgs"] = json!(["sch-1", { "sourcedId": "sch-1" }]);
            users[2]["roles"] = json!([null, "student"]);
            users[3]["orgs"] = json!(5);
            users[4]["sourcedId"] = json!(12345678901234567890123_u128 as f64);
        }
    });
    let district = district(&fake);
    let done = district.run();
    assert_eq!((done.report.count("created"), done.report.count("rejected")), (5, 1));
    assert_eq!(&done.report.row("gua-001")["schools"], "sch-1");
    assert_eq!(&done.report.row("tea-002")["role"], "teacher");
    assert!(done.stderr.contains("users:1: agents: not an object"), "{}", done.stderr);
    // A record that is no object has a position all the same.
    let fake = says(Sis::new(&people(6)), |users| {
        if users[0].is_object() {
            users[2] = Value::Null;
        }
    });
    let done = self::district(&fake).run();
    assert_eq!((done.report.count("created"), done.report.count("rejected")), (5, 1));
    assert_eq!(done.report.rows[2]["line"], *"3");
}

#[test]
fn what_is_no_list_of_users_is_none() {
    for body in
        ["{\"users\":{}}", "{\"users\":{\"sourcedId\":\"a\"}}", "{\"users\":\"\"}", "{\"users\":null}"]
    {
        refused(6, &["the answer has no list `users` in it"], move |sis, request| {
            of_users(sis, request, body)
        });
    }
    let nobody = json!({ "users": [{ "givenName": "Rosa" }, { "user": { "sourcedId": "a" } }] }).to_string();
    let done = refused_with_totals(nobody, 2);
    assert!(done.contains("no user that the server gives has a sourcedId"), "{done}");
    let gone = json!({ "users": [{ "sourcedId": "stu-000", "status": "tobedeleted" }] }).to_string();
    let done = refused_with_totals(gone, 1);
    assert!(done.contains("every user that the server gives is said to be deleted"), "{done}");
}

/// The complaint about a first page that is all there is.
fn refused_with_totals(body: String, total: usize) -> String {
    let sis = Sis::new(&[]);
    let fake =
        Fake::start(move |request| match (request.path.ends_with("/users"), request.number("offset")) {
            (true, Some(0)) => Reply::json(&body).with("X-Total-Count", total),
            // Behind the end.
            (true, _) => Reply::status(404),
            (false, _) => sis.page(request),
        });
    district(&fake).run().exits(7).stderr
}

#[test]
fn a_page_that_is_there_to_fill_our_memory_is_refused() {
    let body = format!("{{\"users\":[{}{{}}]}}", "{},".repeat(100_000));
    refused(6, &["more than 100000 records; nothing was applied", "/users?"], move |sis, request| {
        of_users(sis, request, &body)
    });
}

#[test]
fn nothing_of_a_server_acts_on_a_terminal() {
    let mut all = people(6);
    all.push(person("tea-9").schools("sch-\u{1B}[31m9"));
    let fake = served(Sis::new(&all));
    let district = district(&fake);
    let run = district.run().ok();
    // The character itself is no part of an id.
    assert!(run.stderr.contains("[31m9") && !run.stderr.contains('\u{1B}'), "{}", run.stderr);
}

#[test]
fn a_token_that_is_an_error_is_one_whatever_its_status() {
    let fake =
        Fake::start(|_| Reply::json(json!({ "error": "invalid_client", "error_description": "s3cr3t/+&" })));
    let done = oauth2(&fake, district(&fake)).run().exits(6);
    done.complains(&["does not accept id and secret (200)", "because: the server says `invalid_client`"]);
    assert!(!done.stderr.contains("s3cr3t"), "{}", done.stderr);
}

#[test]
fn a_proxy_is_not_asked_for_this_machine() {
    let proxy = Fake::start(|_| Reply::json("{\"users\":[]}"));
    let fake = served(Sis::new(&people(3)));
    let district_of = district(&fake);
    let mut command = district_of.command(&["run"]);
    let done = district_of.done(command.env("http_proxy", proxy.url("")).env("HTTP_PROXY", proxy.url("")));
    assert_eq!(done.ok().stdout.matches("3 to create").count(), 1);
    let configured = district(&fake).with("source.http.proxy", &format!("{:?}", proxy.url("")));
    assert_eq!(configured.run().ok().report.count("created"), 3);
    assert_eq!(proxy.asked().len(), 0);
}

#[test]
fn a_secret_that_is_none_is_said_and_not_shown() {
    let fake = served(Sis::new(&people(3)));
    let district_of = |token: &str| {
        let district = district(&fake);
        district.file("token", token);
        district
    };
    assert_eq!(district_of("\u{FEFF}let-me-in\r\n").run().ok().report.count("created"), 3);
    for (token, words) in [
        ("hunter2\u{1}", "control characters in it"),
        ("hünter2", "characters in it that no token has"),
        ("hunter 2", "characters in it that no token has"),
    ] {
        let done = district_of(token).run().exits(2);
        done.complains(&[words, "\n  at: ", "token", "\n  help: "]);
        assert!(!done.stderr.contains("nter"), "{}", done.stderr);
    }
    let mut inline: District = district(&fake);
    inline.unset("source.auth.token_file");
    inline.set("source.auth.token", "12345678");
    let done = inline.run().exits(2);
    done.complains(&["the secret is not text", "write it in quotes", "rostersync.toml:"]);
    assert!(!done.stderr.contains("12345678"), "{}", done.stderr);
}

#[test]
fn check_finds_identifiers_that_two_have() {
    let all = [
        person("stu-1").identifier("77"),
        person("tea-1").given("Bo").identifier("77"),
        person("stu-2").identifier("77"),
        person("stu-2").identifier("77"),
        person("gua-1").given("Cy").identifier("77"),
        person("tea-2").identifier("78"),
    ];
    let files = District::new();
    files.sis(&all);
    let done = files.cli(&["check"]);
    let said = "users.csv:4: identifier: warning[identifier-twice] the user in line 2 has the same, and may be the same person \
                (sourcedId `stu-2`)";
    assert!(done.stdout.contains(said), "{}", done.stdout);
    assert!(!done.stdout.contains("tea-1") && !done.stdout.contains("gua-1"), "{}", done.stdout);
    // A nightly run does not look for it.
    assert!(!files.run().stderr.contains("identifier-twice"));
}

#[test]
fn check_source_says_what_else_is_missing() {
    let missing = |sis: Sis, words: &[&str], settings: &[(&str, &str)]| {
        let fake = served(sis);
        let mut district = district(&fake);
        for (key, value) in settings {
            district.set(key, value);
        }
        let done = district.cli(&["check", "--source"]).exits(3);
        for word in words {
            assert!(done.stdout.contains(word), "`{word}`\n{}", done.stdout);
        }
    };
    let fake = says(Sis::new(&people(4)), |users| {
        for user in users.as_array_mut().unwrap() {
            user["status"] = "tobedeleted".into();
        }
    });
    let done = district(&fake).cli(&["check", "--source"]).exits(3);
    assert!(done.stdout.contains("missing[all-deleted] all 4 users that were looked at"), "{}", done.stdout);
    missing(
        Sis::new(&people(4)),
        &["missing[no-guardians-file] the guardians file", "nowhere.csv cannot be opened"],
        &[("guardians.file", "\"nowhere.csv\"")],
    );
    let sis = Sis::new(&people(4));
    let fake = Fake::start(move |request| match request.path.ends_with("/orgs") {
        true => Reply::json("{\"orgs\":[]}"),
        false => sis.page(request),
    });
    let done = district(&fake).cli(&["check", "--source"]).exits(3);
    assert!(done.stdout.contains("missing[no-orgs] no orgs"), "{}", done.stdout);
    let fake = Fake::start(|_| Reply::status(403));
    district(&fake)
        .cli(&["check", "--source"])
        .exits(6)
        .complains(&["(403)", "`orgs_path = \"\"` in [source]"]);
}
