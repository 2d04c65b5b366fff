//! Rosters from Clever: its own recorded answers, and a server that keeps its rules.

use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::fake::{Fake, Reply, Request};
use crate::support::{District, Done, Person, person};

/// A district in Clever.
#[derive(Clone)]
pub(crate) struct Clever {
    pub(crate) district: Value,
    pub(crate) schools: Vec<Value>,
    pub(crate) users: Vec<Value>,
    pub(crate) events: Vec<Value>,
}

pub(crate) fn recorded(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// The inner part of each item of a recorded list.
pub(crate) fn data(page: &Value) -> Vec<Value> {
    page["data"].as_array().unwrap().iter().map(|item| item["data"].clone()).collect()
}

impl Clever {
    pub(crate) fn new(users: Vec<Value>) -> Self {
        let district = json!({ "id": "d1", "name": "Lincoln", "state": "running", "last_sync": "2026-11-23T03:00:00.000Z" });
        Self {
            district,
            schools: vec![json!({ "id": "sch-1", "name": "Lincoln Elementary" })],
            users,
            events: vec![],
        }
    }

    /// What Clever really answered once.
    pub(crate) fn recorded() -> Self {
        let mut users = data(&recorded(include_str!("../samples/clever-v3.0/students.json")));
        users.push(recorded(include_str!("../samples/clever-v3.0/teacher.json"))["data"].clone());
        users.extend(data(&recorded(include_str!("../samples/clever-v3.0/contacts.json"))));
        Self {
            district: data(&recorded(include_str!("../samples/clever-v3.0/districts.json"))).remove(0),
            schools: data(&recorded(include_str!("../samples/clever-v3.0/schools.json"))),
            users,
            events: vec![],
        }
    }

    pub(crate) fn page(&self, request: &Request) -> Reply {
        if let Some((_, id)) = request.path.split_once("/events/") {
            let event = self.events.iter().find(|event| event["id"] == id);
            return event.map_or(Reply::status(404), |event| Reply::json(json!({ "data": event })));
        }
        let role = request.parameter("role");
        let mut all: Vec<&Value> = match request.path.rsplit('/').next().unwrap() {
            "districts" => vec![&self.district],
            "schools" => self.schools.iter().collect(),
            "users" => {
                let role = role.clone().unwrap();
                self.users.iter().filter(|user| !user["roles"][&role].is_null()).collect()
            }
            "events" => {
                let kind = request.parameter("record_type").unwrap_or_default();
                let is_of = |event: &&Value| event["type"].as_str().unwrap().starts_with(&kind);
                self.events.iter().filter(is_of).collect()
            }
            _ => return Reply::html(404),
        };
        let id = |one: &Value| one["id"].as_str().unwrap().to_owned();
        all.sort_by_key(|one| id(one));
        let after = request.parameter("starting_after").unwrap_or_default();
        let limit = request.number("limit").unwrap();
        let mut rest: Vec<&Value> = all.into_iter().filter(|one| id(one) > after).collect();
        if request.parameter("ending_before").as_deref() == Some("last") {
            rest.drain(..rest.len().saturating_sub(limit));
        }
        let page: Vec<&Value> = rest.iter().copied().take(limit).collect();
        let uri = |one: &Value| format!("{}/{}", request.path, id(one));
        let items: Vec<Value> = page.iter().map(|one| json!({ "data": one, "uri": uri(one) })).collect();
        let mut links = vec![json!({ "rel": "self", "uri": request.path })];
        if rest.len() > page.len() {
            let kept =
                ["role", "record_type"].into_iter().filter_map(|name| Some((name, request.parameter(name)?)));
            let kept: String = kept.map(|(name, value)| format!("{name}={value}&")).collect();
            let last = id(page.last().unwrap());
            let next = format!("{}?{kept}limit={limit}&starting_after={last}", request.path);
            links.insert(0, json!({ "rel": "next", "uri": next }));
        }
        Reply::json(json!({ "data": items, "links": links }))
            .with("x-ratelimit-limit", 1200)
            .with("x-ratelimit-remaining", 1000)
            .with("x-ratelimit-reset", 1)
    }
}

pub(crate) fn served(clever: &Arc<Mutex<Clever>>) -> Fake {
    let clever = Arc::clone(clever);
    Fake::start(move |request| match request.header("authorization") {
        "Bearer let-me-in" => clever.lock().unwrap().page(request),
        // What Clever says of a token of the wrong kind.
        _ => Reply::html(404),
    })
}

pub(crate) fn district(fake: &Fake) -> District {
    let district = District::new().without_limits();
    district.file("token", "let-me-in\n");
    let mut district = district
        .with("source.type", "\"clever\"")
        .with("source.url", &format!("{:?}", fake.url("/v3.0")))
        .with("source.auth.type", "\"bearer\"")
        .with("source.auth.token_file", "\"token\"")
        .with("source.http.retry_wait", "\"1ms\"")
        .with("source.http.retries", "2")
        .with("source.page_size", "7");
    district.unset("source.path");
    district
}

/// A person as Clever would have them.
pub(crate) fn user(person: &Person) -> Value {
    let cell = |column: &str| person.cells.get(column).cloned().unwrap_or_default();
    let school = cell("orgSourcedIds");
    let credentials = json!({ "district_username": cell("username") });
    let role = match cell("role").as_str() {
        "guardian" => {
            let agents = cell("agentSourcedIds");
            let students = agents.split(',').filter(|id| !id.is_empty());
            let links: Vec<Value> =
                students.map(|id| json!({ "relationship": "Parent", "student": id })).collect();
            json!({ "contact": { "phone": cell("sms"), "phone_type": "Cell", "sis_id": cell("identifier"),
                                 "student_relationships": links } })
        }
        "administrator" => {
            json!({ "staff": { "staff_id": cell("identifier"), "schools": [school], "credentials": credentials } })
        }
        other => json!({ other: { "sis_id": cell("identifier"), "school": school, "schools": [school],
                                  "credentials": credentials } }),
    };
    let name = match cell("role").as_str() {
        "guardian" => json!({ "last": cell("familyName") }),
        _ => json!({ "first": cell("givenName"), "last": cell("familyName") }),
    };
    json!({ "id": cell("sourcedId"), "email": cell("email"), "name": name, "roles": role, "last_modified": "2026-11-01T00:00:00.000Z" })
}

pub(crate) fn guardian(id: &str, name: &str, students: &str) -> Person {
    let whole = person(id)
        .role("guardian")
        .given("")
        .family(name)
        .schools("")
        .agents(students)
        .mobile("(718) 555-0142");
    whole.identifier(&format!("sis-{id}"))
}

pub(crate) fn students(count: usize) -> Vec<Person> {
    (0..count).map(|at| person(&format!("stu-{at:02}")).identifier(&format!("{at:04}"))).collect()
}

pub(crate) fn clever(people: &[Person]) -> Arc<Mutex<Clever>> {
    Arc::new(Mutex::new(Clever::new(people.iter().map(user).collect())))
}

pub(crate) fn said(done: &Done) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut rows: Vec<_> = done.report.rows.iter().map(|row| row.0.clone()).collect();
    for row in &mut rows {
        row.remove("line");
    }
    rows
}

#[test]
fn the_report_is_that_of_the_same_roster_in_files() {
    let mut people = students(18);
    people.extend([
        person("tea-1").identifier("77"),
        person("adm-1").identifier("88").email("not an address"),
        guardian("gua-1", "Sanjiv Becker", "stu-03,stu-04"),
        guardian("gua-2", "Rosa Diaz", "stu-03"),
    ]);
    let clever = clever(&people);
    let fake = served(&clever);
    let district = district(&fake);
    let files = District::new().without_limits();
    // Clever has no home phones of these, and no blanks at all.
    files.sis_without(&["phone", "enabledUser"], &people);
    for _ in 0..2 {
        let (by_files, by_api) = (files.run().ok(), district.run().ok());
        assert_eq!(said(&by_api), said(&by_files));
        assert_eq!(by_api.plan(), by_files.plan());
    }
    // 7 to a page, and each kind from its first page to its last.
    let asked = fake.asked();
    let of_students =
        asked.iter().filter(|request| request.parameter("role").as_deref() == Some("student")).count();
    assert_eq!(of_students, 2 * 3);
}

#[test]
fn what_clever_really_answered() {
    let clever = Arc::new(Mutex::new(Clever::recorded()));
    let fake = served(&clever);
    let mut district = district(&fake);
    district.at("2023-04-24T06:00:00Z");
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 27);
    assert_eq!(done.report.row("58da8c63d7dc0ca0680003ed").0["sis_email"], "z.steve@example.net");
    let contact = done.report.row("5faac8b9bc447500a10aebe8");
    assert_eq!(
        (&contact["sis_given_name"], &contact["sis_family_name"], &contact["role"]),
        ("", "Sanjiv Becker", "guardian")
    );
    let again = district.run().ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
    // The same district in 2026.
    district.at(crate::support::NIGHT);
    let done = district.run().ok();
    assert!(done.stderr.contains("was last synced with Clever"), "{}", done.stderr);
}

#[test]
fn a_contact_with_a_new_id_keeps_the_account() {
    let people = [
        person("stu-1"),
        person("stu-2"),
        guardian("con-1", "Rosa Diaz", "stu-1").identifier(""),
        person("tea-1"),
    ];
    let clever = clever(&people);
    let fake = served(&clever);
    let district = district(&fake);
    district.run().ok();
    district.cli(&["users", "join", "con-1"]).ok();
    // Another email, so another id; and a child more.
    let set = |people: &[Person]| clever.lock().unwrap().users = people.iter().map(user).collect();
    let renewed = guardian("con-9", "rosa  diaz", "stu-1,stu-2").identifier("").email("rosa@new.example");
    set(&[person("stu-1"), person("stu-2"), renewed.clone(), person("tea-1")]);
    for linked in ["; Linked to stu-2", ""] {
        let done = district.run().ok();
        let kept = "Active user has a new email in the SIS import - con-1@school.example";
        done.says("con-1", "kept", &format!("{kept}{linked}"));
        assert_eq!(done.report.count("created") + done.report.count("archived"), 0);
    }
    // Two possible contacts are no match; nor is a contact with an id of the SIS.
    set(&[
        person("stu-1"),
        person("stu-2"),
        renewed.clone().email("rosa@third.example"),
        guardian("con-8", "Rosa Diaz", "stu-1").identifier("").email("rosa@fourth.example"),
        person("tea-1"),
    ]);
    let done = district.preview().ok();
    assert_eq!((&done.report.row("con-1")["action"], done.report.count("created")), ("archived", 2));
    // When the SIS begins to give an id the person is still the same, and from then on known by
    // that as well.
    let lasting = renewed.identifier("77");
    for one in [lasting.clone(), lasting.clone().with("sourcedId", "con-10"), lasting] {
        set(&[person("stu-1"), person("stu-2"), one, person("tea-1")]);
        let done = district.run().ok();
        assert_eq!((&done.report.row("con-1")["state"], done.report.count("created")), ("active", 0));
    }
    let other = guardian("con-11", "Rosa Diaz", "stu-1").identifier("78");
    set(&[person("stu-1"), person("stu-2"), other, person("tea-1")]);
    let done = district.preview().exits(3);
    done.says("con-1", "held", "Probably back as con-11 (same name and phone number) - not archived");
    assert_eq!(done.report.count("created"), 0);
}

/// What becomes of the active `con-1` after nights with these contacts of `stu-1` of the same name.
#[track_caller]
fn nights(nights: &[&[(&str, &str)]], last: &[(&str, &str)]) {
    let everybody = |contacts: &[(&str, &str)]| {
        let contacts = contacts
            .iter()
            .map(|(id, email)| user(&guardian(id, "Rosa Diaz", "stu-1").identifier("").email(email)));
        [person("stu-1"), person("tea-1")].iter().map(user).chain(contacts).collect::<Vec<_>>()
    };
    let clever = clever(&[]);
    let fake = served(&clever);
    let district = district(&fake);
    for (number, contacts) in nights.iter().enumerate() {
        clever.lock().unwrap().users = everybody(contacts);
        let done = district.run().ok();
        if number == 0 {
            district.cli(&["users", "join", "con-1"]).ok();
        }
        if number + 1 == nights.len() {
            let guardians = done.report.rows.iter().filter(|row| &row["role"] == "guardian");
            let mut found: Vec<(&str, &str)> =
                guardians.map(|row| (&row["sourced_id"], &row["state"])).collect();
            found.sort_unstable();
            assert_eq!(found, last);
        }
    }
}

#[test]
fn an_active_contact_is_not_lost_beside_others_of_the_name() {
    let (first, other) = (("con-1", "con-1@x.example"), ("con-2", "con-2@x.example"));
    // Two of one name: the one that is left has changed.
    nights(
        &[&[first, other], &[other, ("con-3", "new@x.example")]],
        &[("con-1", "active"), ("con-2", "pending")],
    );
    // Both changed: the email tells them apart.
    nights(
        &[&[first, other], &[("con-4", "CON-2@x.example"), ("con-3", "con-1@x.example")]],
        &[("con-1", "active"), ("con-2", "pending")],
    );
    // The old one is taken away a night later than the new one comes.
    let new = ("con-3", "new@x.example");
    nights(&[&[first], &[first, new], &[new], &[new]], &[("con-1", "active")]);
}

/// A district with a run behind it meets other answers; nothing may change.
#[track_caller]
fn refused(code: i32, words: &[&str], answer: impl Fn(&Clever, &Request) -> Reply + Send + Sync + 'static) {
    let people: Vec<Person> =
        students(12).into_iter().chain([person("tea-1"), guardian("gua-1", "Rosa Diaz", "stu-01")]).collect();
    let clever = Clever::new(people.iter().map(user).collect());
    let broken = Arc::new(Mutex::new(false));
    let is_broken = Arc::clone(&broken);
    let fake = Fake::start(move |request| match *is_broken.lock().unwrap() {
        true => answer(&clever, request),
        false => clever.page(request),
    });
    let district = district(&fake).with("source.trouble", "\"stop\"");
    district.run().ok();
    let store = district.store_hash();
    *broken.lock().unwrap() = true;
    let done = district.run().exits(code);
    done.complains(words).complains(&["error: ", "\n  at: ", "\n  help: "]);
    assert_eq!(district.store_hash(), store, "the store was touched");
    assert!(!done.stderr.contains("let-me-in") && !done.stderr.contains("school.example"), "{}", done.stderr);
}

#[test]
fn faults_leave_everything_as_it_was() {
    refused(6, &["a web page that says 404", "the token of a district"], |_, _| Reply::html(404));
    refused(6, &["the token is not accepted (401)"], |_, _| Reply::status(401));
    refused(6, &["these credentials may not read this (403)", "Secure Sync"], |clever, request| {
        if request.path.ends_with("/districts") { clever.page(request) } else { Reply::status(403) }
    });
    refused(6, &["(500), also after 2 more attempts"], |clever, request| {
        match request.parameter("starting_after") {
            Some(_) => Reply::status(500),
            None => clever.page(request),
        }
    });
    refused(6, &["no list `data`"], |_, _| Reply::json("{\"message\":\"no\"}"));
    refused(6, &["names another server for its next page"], |clever, request| {
        match request.parameter("role") {
            Some(_) => Reply::json(
                json!({ "data": [], "links": [{ "rel": "next", "uri": "https://elsewhere.example/v3.0/users?starting_after=1" }] }),
            ),
            None => clever.page(request),
        }
    });
    refused(6, &["the list does not end"], |clever, request| match clever.page(request) {
        Reply::Say { status, headers, body } => {
            let mut body: Value = serde_json::from_str(&body).unwrap();
            let again = format!("{}?{}", request.path, request.query);
            body["links"] = json!([{ "rel": "next", "uri": again }]);
            Reply::Say { status, headers, body: body.to_string() }
        }
        other => other,
    });
    refused(7, &["Clever gives no users at all"], |clever, request| {
        Clever { users: vec![], ..clever.clone() }.page(request)
    });
    refused(7, &["shares no guardians any more, and 1 are known"], |clever, request| {
        let users = clever.users.iter().filter(|user| user["roles"]["contact"].is_null()).cloned().collect();
        Clever { users, ..clever.clone() }.page(request)
    });
}

#[test]
fn a_district_that_is_not_well_is_told_of_or_stops_the_run() {
    for (district_now, words) in [
        (
            json!({ "id": "d1", "state": "paused", "pause_end": "2026-08-15" }),
            "paused in Clever until 2026-08-15",
        ),
        (json!({ "id": "d1", "state": "error", "error": "Rosa Diaz" }), "sync with Clever has an error"),
        (
            json!({ "id": "d1", "state": "running", "last_sync": "2026-11-01T03:00:00.000Z" }),
            "was last synced with Clever 533 hours ago",
        ),
    ] {
        let ill = district_now.clone();
        refused(6, &[words, "trouble = \"warn\""], move |clever, request| {
            Clever { district: ill.clone(), ..clever.clone() }.page(request)
        });
        let clever = clever(&students(3));
        clever.lock().unwrap().district = district_now;
        let fake = served(&clever);
        let done = district(&fake).run().ok();
        assert!(done.stderr.contains(words) && !done.stderr.contains("Rosa"), "{}", done.stderr);
    }
    for unreadable in ["Nov 1 2020", "2026-11-01"] {
        let clever = clever(&students(3));
        clever.lock().unwrap().district["last_sync"] = unreadable.into();
        let fake = served(&clever);
        assert!(district(&fake).run().ok().stderr.contains("district-stale"), "{unreadable}");
    }
    refused(6, &["Clever gives no district with these credentials"], |clever, request| {
        match request.path.ends_with("/districts") {
            true => Reply::json(json!({ "data": [], "links": [] })),
            false => clever.page(request),
        }
    });
    let clever = clever(&students(3));
    let fake = served(&clever);
    let district = district(&fake).with("source.district", "\"d2\"");
    district.run().exits(6).complains(&["not for the district d2 but for d1"]);
}

#[test]
fn the_token_is_looked_up_and_looked_up_again_when_it_is_rotated() {
    let clever = Clever::new(students(12).iter().map(user).collect());
    let uses = Mutex::new(0);
    let fake = Fake::start(move |request| {
        if request.path == "/oauth/tokens" {
            let basic = format!("Basic {}", STANDARD.encode("app:s3cr3t"));
            if request.header("authorization") != basic {
                return Reply::status(401);
            }
            assert_eq!(request.parameter("owner_type").as_deref(), Some("district"));
            let token = |id: &str, token: &str| json!({ "id": "x", "owner": { "type": "district", "id": id }, "access_token": token, "scopes": [] });
            let number = *uses.lock().unwrap() / 4;
            return Reply::json(
                json!({ "data": [token("d0", "not-this"), token("d1", &format!("token-{number}"))], "links": [] }),
            );
        }
        let mut uses = uses.lock().unwrap();
        *uses += 1;
        // Rotated once, in the middle.
        let good = if *uses <= 4 { "Bearer token-0" } else { "Bearer token-1" };
        if request.header("authorization") == good { clever.page(request) } else { Reply::status(401) }
    });
    let mut district = district(&fake)
        .with("source.auth.type", "\"clever\"")
        .with("source.auth.client_id", "\"app\"")
        .with("source.auth.client_secret_file", "\"token\"")
        .with("source.auth.token_url", &format!("{:?}", fake.url("/oauth/tokens")));
    district.unset("source.auth.token_file");
    district.run().exits(6).complains(&["does not accept the application's id and secret (401)"]);
    district.file("token", "s3cr3t");
    district.run().exits(6).complains(&["has tokens for 2 districts", "name one of them with"]);
    district.set("source.district", "\"d1\"");
    assert_eq!(district.run().ok().report.count("created"), 12);
    assert!(fake.asked().iter().filter(|request| request.path == "/oauth/tokens").count() >= 4);
}

#[test]
fn the_end_of_the_window_is_no_concern_while_requests_are_left() {
    let clever = Clever::new(students(3).iter().map(user).collect());
    let failed = Mutex::new(false);
    let fake = Fake::start(move |request| {
        let end = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs() + 250;
        if std::mem::replace(&mut *failed.lock().unwrap(), true) {
            return clever.page(request);
        }
        Reply::status(500).with("x-ratelimit-remaining", 1000).with("x-ratelimit-reset", end)
    });
    let done = district(&fake).run().ok();
    assert!(
        done.stderr.contains("an error of its own (500)") && done.stderr.contains("again in 0.0 s"),
        "{}",
        done.stderr
    );
}

#[test]
fn the_limit_of_requests_is_kept() {
    let clever = Clever::new(students(12).iter().map(user).collect());
    let since = std::time::SystemTime::UNIX_EPOCH;
    let left = Mutex::new(1);
    let fake = Fake::start(move |request| {
        let now = since.elapsed().unwrap().as_secs();
        let mut left = left.lock().unwrap();
        if *left == 1 {
            *left = 0;
            // The window ends in this second.
            return Reply::status(429).with("x-ratelimit-remaining", 0).with("x-ratelimit-reset", now);
        }
        clever.page(request)
    });
    let done = district(&fake).run().ok();
    assert!(done.stderr.contains("too many requests (429), at http://127.0.0.1:"), "{}", done.stderr);
    assert_eq!(done.report.count("created"), 12);
}

#[test]
fn check_source_looks_at_each_role() {
    let clever =
        clever(&[students(12), vec![person("tea-1"), guardian("gua-1", "Rosa Diaz", "stu-01")]].concat());
    let fake = served(&clever);
    let district = district(&fake);
    let done = district.cli(&["check", "--source"]).ok();
    for said in ["9 users looked at: 1 guardian, 7 student, 1 teacher", "Nothing is missing."] {
        assert!(done.stdout.contains(said), "`{said}`\n{}", done.stdout);
    }
    clever.lock().unwrap().users.pop();
    let done = district.cli(&["check", "--source"]).exits(3);
    assert!(
        done.stdout.contains("missing[no-guardians] no guardians at all; they are not shared"),
        "{}",
        done.stdout
    );
    let mobile = district.with("sync.phone_credential", "\"phone\"");
    mobile.run().exits(2).complains(&["`phone_credential` in [sync] has no effect with Clever"]);
}
