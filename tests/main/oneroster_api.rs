//! Rosters over OneRoster's REST API: the same report as from files, whatever the server does
//! otherwise than it should; and nothing at all where it does not give everything.

use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::fake::{Certified, Fake, Reply, Request};
use crate::sis::{Sis, district, oddities, people, served};
use crate::support::{District, Done};

/// What a report says, but for the positions of rows.
fn said(done: &Done) -> Vec<std::collections::BTreeMap<String, String>> {
    let rows = done.report.rows.iter().map(|row| {
        let mut row = row.0.clone();
        row.remove("line");
        row
    });
    rows.collect()
}

/// What is the same in both versions: `identifier` apart from where a role is held.
#[track_caller]
fn conforms(sis: Sis) {
    conforms_with("1", sis);
}

#[track_caller]
fn conforms_with(parallel: &str, sis: Sis) {
    let files = District::new().without_limits();
    files.sis(&sis.people);
    files.file("sis/orgs.csv", "sourcedId,name\nsch-1,Lincoln Elementary\n");
    let fake = served(sis);
    let district = district(&fake).with("source.parallel", parallel);
    for _ in 0..2 {
        let (by_files, by_api) = (files.run().ok(), district.run().ok());
        assert_eq!(said(&by_api), said(&by_files));
        assert_eq!(by_api.plan(), by_files.plan());
        assert_eq!(by_api.checksum(), by_files.checksum());
    }
}

#[test]
fn the_report_is_that_of_the_same_roster_in_files() {
    conforms(Sis::new(&oddities()));
    conforms(Sis { totals: false, ..Sis::new(&oddities()) });
}

#[test]
fn a_server_that_clamps_its_pages_still_gives_all_users() {
    conforms(Sis { ceiling: 4, totals: false, ..Sis::new(&oddities()) });
    conforms(Sis { ceiling: 4, ..Sis::new(&oddities()) });
}

#[test]
fn roles_of_version_1_2_are_read_whatever_the_path_says() {
    let sis = Sis { roles: true, ..Sis::new(&people(12)) };
    let fake = served(sis);
    let district = district(&fake);
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 12);
    assert_eq!(&done.report.row("tea-002")["schools"], "sch-1");
}

#[test]
fn requests_ask_for_an_order_and_show_the_token_and_nothing_is_logged_of_either() {
    let fake = served(Sis::new(&people(25)));
    let district = district(&fake);
    let done = district.cli(&["-vv", "run"]).ok();
    for request in fake.asked() {
        assert_eq!(request.header("authorization"), "Bearer let-me-in");
        assert_eq!(request.parameter("sort").as_deref(), Some("sourcedId"));
        assert!(request.header("user-agent").starts_with("rostersync/"));
    }
    for secret in ["let-me-in", "hunter2", "school.example"] {
        assert!(!done.stderr.contains(secret), "{}", done.stderr);
    }
    assert!(!district.dump().join("\n").contains("hunter2"));
}

/// A district with a run behind it meets a server that answers otherwise; nothing may change.
#[track_caller]
pub(crate) fn refused(
    code: i32,
    words: &[&str],
    answer: impl Fn(&Sis, &Request) -> Reply + Send + Sync + 'static,
) -> Vec<Request> {
    refused_with(&[], code, words, answer)
}

#[track_caller]
pub(crate) fn refused_with(
    settings: &[(&str, &str)],
    code: i32,
    words: &[&str],
    answer: impl Fn(&Sis, &Request) -> Reply + Send + Sync + 'static,
) -> Vec<Request> {
    let sis = Sis::new(&people(25));
    let broken = Arc::new(Mutex::new(false));
    let is_broken = Arc::clone(&broken);
    let fake = Fake::start(move |request| match *is_broken.lock().unwrap() {
        true => answer(&sis, request),
        false => sis.page(request),
    });
    let mut district = district(&fake);
    district.run().ok();
    let store = district.store_hash();
    *broken.lock().unwrap() = true;
    for (key, value) in settings {
        district.set(key, value);
    }
    let before = fake.asked().len();
    let done = district.run().exits(code);
    done.complains(words).complains(&["error: ", "\n  at: ", "\n  help: "]);
    assert_eq!(district.store_hash(), store, "the store was touched");
    assert!(!done.stderr.contains("let-me-in") && !done.stderr.contains("school.example"), "{}", done.stderr);
    fake.asked().split_off(before)
}

pub(crate) fn is_page(request: &Request, offset: usize) -> bool {
    request.path.ends_with("/users") && request.number("offset") == Some(offset)
}

#[test]
fn a_server_that_has_failures_is_asked_again_and_then_given_up() {
    let asked = refused(
        6,
        &["(503), also after 3 more attempts", "trying again in", "/users?limit=10&offset=10"],
        |sis, request| {
            if is_page(request, 10) { Reply::status(503) } else { sis.page(request) }
        },
    );
    // It goes on at the page that failed.
    let offsets: Vec<Option<usize>> = asked
        .iter()
        .filter(|request| request.path.ends_with("/users"))
        .map(|request| request.number("offset"))
        .collect();
    assert_eq!(offsets, [Some(0), Some(10), Some(10), Some(10), Some(10)]);
}

#[test]
fn trouble_that_passes_costs_nothing_but_time() {
    let sis = Sis::new(&people(25));
    let left = Mutex::new(vec![
        Reply::status(429).with("Retry-After", 0),
        Reply::Drop,
        Reply::html(502),
        Reply::Cut(sis.people.len().to_string().repeat(4000)),
        Reply::json("{\"users\":[{\"sourcedId\":\"a\"},{\"sour"),
        Reply::status(429).with("Retry-After", "Tue, 01 Nov 1994 08:12:31 GMT"),
    ]);
    let fake = Fake::start(move |request| {
        // One fault before each page, so that none meets more than a request can bear.
        let fault = request
            .number("offset")
            .filter(|_| left.lock().unwrap().len() % 2 == 0 || request.path.ends_with("/users"));
        match fault.and_then(|_| left.lock().unwrap().pop()) {
            Some(fault) => fault,
            None => sis.page(request),
        }
    });
    let mut district = district(&fake);
    district.set("source.http.retries", "8");
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 25);
    assert_eq!(done.stderr.matches("trying again").count(), 6, "{}", done.stderr);
}

#[test]
fn a_server_that_wants_to_be_left_alone_for_long_is() {
    let asked = refused(6, &["asks to wait for 120 minutes", "run again after that"], |_, _| {
        Reply::status(429).with("Retry-After", 7200)
    });
    assert_eq!(asked.len(), 1);
}

#[test]
fn answers_that_are_none() {
    refused(6, &["a web page instead of JSON"], |_, _| Reply::html(200));
    refused(6, &["no list `users` in it"], |sis, request| match request.path.ends_with("/users") {
        true => Reply::json(json!({ "imsx_codeMajor": "failure", "imsx_description": "Rosa Diaz" })),
        false => sis.page(request),
    });
    refused(6, &["the answer is empty (204)"], |_, _| Reply::status(204));
    refused(6, &["not the JSON that was asked for"], |_, _| Reply::json("{\"users\": nonsense}"));
    refused(6, &["was cut short, also after 3 more attempts"], |sis, request| match sis.page(request) {
        Reply::Say { body, .. } => Reply::json(&body[..body.len() / 2]),
        other => other,
    });
    refused(6, &["the answer broke off, also after 3 more attempts"], |_, _| Reply::Cut("x".repeat(100)));
    refused(7, &["gives no users at all", "check --source"], |sis, request| {
        match request.path.ends_with("/users") {
            true => Reply::json("{\"users\":[]}"),
            false => sis.page(request),
        }
    });
}

#[test]
fn a_body_that_never_ends_ends() {
    let settings = [("source.http.timeout", "\"200ms\""), ("source.http.retries", "1")];
    refused_with(&settings, 6, &["also after 1 more attempt;"], |sis, request| match sis.page(request) {
        Reply::Say { body, .. } => Reply::Hang(body),
        other => other,
    });
}

#[test]
fn a_pull_that_is_asked_to_stop_does_not_wait_for_the_server() {
    for (signal, code) in [("TERM", 143), ("INT", 130)] {
        if !crate::machine::hears(signal) {
            continue;
        }
        let sis = Sis::new(&people(25));
        let (reached, is_reached) = std::sync::mpsc::channel();
        let fake = Fake::start(move |request| match is_page(request, 10) {
            true => {
                reached.send(()).unwrap();
                Reply::Hang("{\"users\":[]}".into())
            }
            false => sis.page(request),
        });
        let district = district(&fake);
        let mut command = district.command(&["run"]);
        let child = command.stderr(std::process::Stdio::piped()).spawn().unwrap();
        is_reached.recv().unwrap();
        let kill = format!("kill -{signal} {}", child.id());
        assert!(std::process::Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
        let output = child.wait_with_output().unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(code), "{said}");
        assert!(said.contains("interrupted; nothing was applied"), "{said}");
        assert_eq!(district.ask("SELECT count(*) FROM account"), "0");
    }
}

#[test]
fn refusals_explain_themselves() {
    refused(6, &["the token is not accepted (401)", "[source.auth]"], |_, _| Reply::status(401));
    refused(6, &["these credentials may not read this (403)", "roster-core.readonly"], |_, _| {
        Reply::status(403)
    });
    refused(6, &["there are no orgs at this address (404)", "/ims/oneroster/v1p1", "orgs_path"], |_, _| {
        Reply::status(404)
    });
    refused(
        6,
        &["the server rejected the request (400)", "because: the server says `invalid_selection_field`"],
        |_, _| Reply::json("{\"imsx_codeMinorFieldValue\":\"invalid_selection_field\"}").with_status(400),
    );
}

#[test]
fn a_redirect_to_another_server_is_not_followed() {
    let elsewhere = Fake::start(|_| Reply::json("{\"users\":[]}"));
    let location = elsewhere.url("/users");
    refused(
        6,
        &["the server redirects to http://127.0.0.1:", "the credentials would go there"],
        move |_, _| Reply::status(302).with("Location", &location),
    );
    assert_eq!(elsewhere.asked().len(), 0);
}

#[test]
fn a_server_that_cannot_be_reached() {
    let gone = {
        let fake = Fake::start(|_| Reply::Drop);
        fake.url("/ims/oneroster/v1p1")
    };
    let fake = served(Sis::new(&people(3)));
    let mut district = district(&fake);
    district.set("source.url", &format!("{gone:?}"));
    district.run().exits(6).complains(&["no connection, also after 3 more attempts", "firewall"]);
    assert!(!district.path("reports").exists());
}

/// Each of two pages is held back until the other has been asked for, which ends only if they are
/// asked for at once.
#[test]
fn pages_are_asked_for_at_once_if_that_is_wished() {
    let sis = Sis::new(&people(45));
    let both = Arc::new(std::sync::Barrier::new(2));
    let met = Mutex::new(std::collections::BTreeSet::new());
    let fake = Fake::start(move |request| {
        let offset =
            request.number("offset").filter(|_| request.path.ends_with("/users")).unwrap_or_default();
        let is_first = matches!(offset, 20 | 30) && met.lock().unwrap().insert(offset);
        if is_first {
            both.wait();
        }
        if is_first && offset == 20 {
            return Reply::status(503);
        }
        sis.page(request)
    });
    let district = district(&fake).with("source.parallel", "4").with("source.http.timeout", "\"10s\"");
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 45);
    let positions: Vec<&str> = done.report.column("line");
    assert_eq!(positions.first(), Some(&"1"));
    // Nothing is asked for twice but what failed, and nothing behind the end, which is known by the
    // count.
    let offsets: Vec<usize> = fake
        .asked()
        .iter()
        .filter(|request| request.path.ends_with("/users"))
        .map(|request| request.number("offset").unwrap())
        .collect();
    assert_eq!(offsets.len(), 6, "{offsets:?}");
    assert!(offsets.iter().all(|offset| *offset < 45), "{offsets:?}");
    conforms_with("4", Sis { ceiling: 4, ..Sis::new(&oddities()) });
    conforms_with("4", Sis { totals: false, ..Sis::new(&oddities()) });
}

/// While a page is read the next one is made ready, but never is more than one asked for at a time.
#[test]
fn one_page_is_asked_for_at_a_time_and_none_in_vain() {
    let sis = Sis::new(&people(45));
    let (at_once, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (now, peak) = (Arc::clone(&at_once), Arc::clone(&most));
    let fake = Fake::start(move |request| {
        peak.fetch_max(now.fetch_add(1, SeqCst) + 1, SeqCst);
        let page = sis.page(request);
        now.fetch_sub(1, SeqCst);
        page
    });
    assert_eq!(district(&fake).run().ok().report.count("created"), 45);
    let asked = fake.asked();
    let offsets: Vec<usize> = asked
        .iter()
        .filter(|request| request.path.ends_with("/users"))
        .map(|request| request.number("offset").unwrap())
        .collect();
    assert_eq!(offsets, [0, 10, 20, 30, 40]);
    assert_eq!(most.load(SeqCst), 1);
}

/// Every failure of encryption is said once: as a failure, and not by the library as well.
fn said_once(done: &crate::support::Done) {
    let lines: Vec<&str> = done.stderr.lines().filter(|line| line.contains("certificate")).collect();
    assert!(lines.iter().all(|line| !line.contains("failed to verify")), "{}", done.stderr);
    assert_eq!(done.stderr.matches("invalid peer certificate").count(), 1, "{}", done.stderr);
}

#[test]
fn a_certificate_is_trusted_only_if_the_configuration_names_it() {
    let sis = Sis::new(&people(12));
    let certified = Certified::new("localhost");
    let fake = Fake::start_with(Some(&certified), move |request| sis.page(request));
    let mut district = district(&fake);
    let url = fake.url("/ims/oneroster/v1p1").replace("http://127.0.0.1", "https://localhost");
    district.set("source.url", &format!("{url:?}"));
    let done = district.run().exits(6);
    done.complains(&["the certificate of localhost is not trusted", "ca_file"]);
    said_once(&done);
    said_once(&district.cli(&["-q", "run"]).exits(6));
    district.file("ca.pem", &certified.authority);
    district.set("source.http.ca_file", "\"ca.pem\"");
    assert_eq!(district.run().ok().report.count("created"), 12);
    // The right authority, but the certificate of another server.
    district.set("source.url", &format!("{:?}", url.replace("localhost", "127.0.0.1")));
    district
        .run()
        .exits(6)
        .complains(&["the certificate of 127.0.0.1 is not trusted: it is one for another name"]);
}

/// What appliances make for themselves: a certificate that is marked as an authority. It is taken
/// if the configuration names that very one, for the server that it names.
#[test]
fn a_certificate_that_is_its_own_authority_is_trusted_if_it_is_named() {
    let certified = Certified::by_itself("localhost");
    let sis = Sis::new(&people(12));
    let fake = Fake::start_with(Some(&certified), move |request| sis.page(request));
    let mut district = district(&fake);
    let url = fake.url("/ims/oneroster/v1p1").replace("http://127.0.0.1", "https://localhost");
    district.set("source.url", &format!("{url:?}"));
    district.file("ca.pem", &Certified::by_itself("localhost").authority);
    district.set("source.http.ca_file", "\"ca.pem\"");
    // One that looks the same is another one.
    district.run().exits(6).complains(&["the certificate of localhost is not trusted"]);
    district.file("ca.pem", &certified.authority);
    assert_eq!(district.run().ok().report.count("created"), 12);
    district.set("source.url", &format!("{:?}", url.replace("localhost", "127.0.0.1")));
    district.run().exits(6).complains(&["is not trusted: it is one for another name"]);
}

/// A list that is called otherwise is read if it is the only one of records, on every page; in
/// ClassLink's API as well.
#[test]
fn a_list_of_another_name_is_read_and_said() {
    for kind in ["oneroster-api", "classlink"] {
        for (name, place) in [("students", "called `students`"), ("", "without a name")] {
            let sis = Sis { totals: false, ..Sis::new(&people(25)) };
            let fake = Fake::start(move |request| {
                let Reply::Say { status, headers, body } = sis.page(request) else { unreachable!() };
                let mut whole: serde_json::Value = serde_json::from_str(&body).unwrap();
                let body = match whole.get_mut("users").map(serde_json::Value::take) {
                    None => body,
                    Some(list) if name.is_empty() => list.to_string(),
                    Some(list) => serde_json::json!({ "page": 1, name: list }).to_string(),
                };
                Reply::Say { status, headers, body }
            });
            let district = district(&fake).with("source.type", &format!("{kind:?}"));
            let done = district.run().ok();
            assert_eq!(done.report.count("created"), 25, "{kind} {name}");
            assert!(
                done.stderr.contains(&format!("the server's list is {place}, not `users`")),
                "{}",
                done.stderr
            );
            // No links on the first page: that is said with 3.
            let done = district.cli(&["check", "--source"]).exits(3);
            assert!(done.stdout.contains("10 users looked at"), "{}", done.stdout);
        }
    }
    // Two lists of records: which one is meant is not known.
    refused(6, &["the answer has no list `users` in it", "because: it has `a`, `b`"], |_, request| {
        match request.path.ends_with("users") {
            true => Reply::json("{\"a\":[{\"sourcedId\":\"x\"}],\"b\":[{\"sourcedId\":\"y\"}]}"),
            false => Reply::json("{\"orgs\":[]}"),
        }
    });
}

/// A server with data that change during the pull, until the pull has begun so many times.
fn drifting(times: usize, headers: impl Fn(usize) -> (&'static str, String) + Send + Sync + 'static) -> Fake {
    let sis = Sis { totals: false, ..Sis::new(&people(25)) };
    let pulls = Mutex::new(0);
    Fake::start(move |request| {
        if is_page(request, 0) {
            *pulls.lock().unwrap() += 1;
        }
        let page = sis.page(request);
        let (name, value) =
            headers(if *pulls.lock().unwrap() <= times { request.number("offset").unwrap() } else { 0 });
        if request.path.ends_with("/users") { page.with(name, value) } else { page }
    })
}

#[test]
fn data_that_change_while_they_are_pulled_are_pulled_again() {
    let total = |offset: usize| ("X-Total-Count", (25 + offset).to_string());
    let fake = drifting(2, total);
    let done = district(&fake).run().ok();
    assert_eq!(done.report.count("created"), 25);
    assert!(done.stderr.contains(
        "the server said 25 records, and then 35 while users were pulled; pulling them again (2 of 2)"
    ));
    // Nor is anything taken from the pull before that was asked for ahead.
    let fake = drifting(2, total);
    assert_eq!(district(&fake).with("source.parallel", "4").run().ok().report.count("created"), 25);
    let fake = drifting(3, total);
    district(&fake).run().exits(6).complains(&["the data keep changing while they are pulled"]);

    let fake = drifting(3, |offset| ("x-perm-rev", format!("rev-{offset}")));
    district(&fake).run().exits(6).complains(&["a new revision of its data"]);
}

#[test]
fn absent_values_never_clear_anything() {
    let sis = Arc::new(Mutex::new(Sis::new(&people(6))));
    let bare = Arc::new(Mutex::new(false));
    let (shared, is_bare) = (Arc::clone(&sis), Arc::clone(&bare));
    let fake = Fake::start(move |request| {
        let page = shared.lock().unwrap().page(request);
        let Reply::Say { status, headers, body } = page else { return page };
        let mut body: Value = serde_json::from_str(&body).unwrap();
        if *is_bare.lock().unwrap() {
            for user in body["users"].as_array_mut().into_iter().flatten() {
                user["email"] = Value::Null;
                user["enabledUser"] = Value::Null;
                let fields = user.as_object_mut().unwrap();
                fields.remove("sms");
                fields.remove("familyName");
                fields.remove("agents");
            }
        }
        Reply::Say { status, headers, body: body.to_string() }
    });
    let district = district(&fake).with("sync.blank_values", "\"clear\"");
    let before = district.run().ok();
    *bare.lock().unwrap() = true;
    let done = district.run().ok();
    assert_eq!(done.report.count("unchanged"), 6);
    assert_eq!(done.report.column("email"), before.report.column("email"));
    assert_eq!(done.report.column("phone"), before.report.column("phone"));
    assert_eq!(done.report.column("notes"), [""; 6]);
}

#[test]
fn guardians_that_are_not_shared_any_more_are_not_archived() {
    refused(7, &["shares no guardians any more, and 8 are known"], |sis, request| {
        let people = sis.people.iter().filter(|person| person.cells["role"] != "guardian").cloned().collect();
        Sis { people, ..sis.clone() }.page(request)
    });
}
