//! Clever's events: the store is the one that pulling everything gives, whatever the history, and
//! whenever there is doubt about them, everything is pulled.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};

use crate::clever::{Clever, data, district, guardian, recorded, said, served, students, user};
use crate::fake::{Fake, Reply, Request};
use crate::support::{District, Done, person, rounds};

/// Something that happened, at a moment, as event number so-and-so.
fn event(number: u32, created: &str, kind: &str, object: &Value) -> Value {
    json!({ "id": format!("{number:024x}"), "type": kind, "created": created, "data": { "object": object } })
}

fn incremental(fake: &Fake) -> District {
    district(fake).with("source.mode", "\"incremental\"")
}

/// A district in Clever with users that change from night to night.
struct History {
    clever: Arc<Mutex<Clever>>,
    /// What random numbers come from.
    state: u64,
    day: u32,
    events: u32,
    left: Vec<Value>,
}

impl History {
    fn new(seed: u64) -> Self {
        let mut people = students(12);
        people.extend((0..4).map(|at| person(&format!("tea-{at}")).identifier(&format!("7{at}"))));
        people
            .extend((0..6).map(|at| guardian(&format!("gua-{at}"), "Sanjiv Becker", &format!("stu-0{at}"))));
        // Without an id of the SIS.
        people.extend((0..6).map(|at| {
            guardian(&format!("con-{at}"), &format!("Rosa Diaz {at}"), &format!("stu-0{at},stu-1{}", at % 2))
                .identifier("")
        }));
        let clever = Clever::new(people.iter().map(user).collect());
        let state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        let mut history =
            Self { clever: Arc::new(Mutex::new(clever)), state, day: 1, events: 0, left: Vec::new() };
        history.sync();
        history
    }

    fn random(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % below as u64) as usize
    }

    fn happens(&mut self, kind: &str, object: &Value) {
        self.events += 1;
        let created = format!("2026-11-{:02}T04:00:00.000Z", self.day);
        self.clever.lock().unwrap().events.push(event(self.events, &created, kind, object));
    }

    /// The district is synced, which is an event before all others of that sync.
    fn sync(&mut self) {
        let last_sync = format!("2026-11-{:02}T03:00:00.000Z", self.day);
        self.clever.lock().unwrap().district["last_sync"] = last_sync.into();
        let district = self.clever.lock().unwrap().district.clone();
        self.happens("districts.updated", &district);
    }

    fn comes(&mut self, one: Value) {
        self.happens("users.created", &one);
        self.clever.lock().unwrap().users.push(one);
    }

    fn leaves(&mut self, at: usize) -> Value {
        let one = self.clever.lock().unwrap().users.remove(at);
        self.happens("users.deleted", &one);
        one
    }

    fn changes(&mut self, at: usize, one: Value) {
        self.happens("users.updated", &one);
        self.clever.lock().unwrap().users[at] = one;
    }

    /// Other details. For Clever, a contact without an id of the SIS is another user then.
    fn has(&mut self, at: usize, change: impl FnOnce(&mut Value)) {
        let mut one = self.clever.lock().unwrap().users[at].clone();
        change(&mut one);
        if one["roles"]["contact"]["sis_id"] == "" {
            self.leaves(at);
            one["id"] = format!("con-{:03}", 100 + self.events).into();
            self.comes(one);
        } else {
            self.changes(at, one);
        }
    }

    /// Another day. Returns the night after it.
    fn live(&mut self) -> String {
        self.day += 1;
        self.sync();
        for _ in 0..self.random(9) {
            let count = self.clever.lock().unwrap().users.len();
            let (what, whom, value) = (self.random(9), self.random(count), self.random(1000));
            match what {
                0 => self.comes(user(&person(&format!("tea-{}-{value}", self.events)).identifier("5"))),
                1 => {
                    let one = self.leaves(whom);
                    self.left.push(one);
                }
                2 if !self.left.is_empty() => {
                    let one = self.left.remove(value % self.left.len());
                    self.comes(one);
                }
                // Not shared any more, and shared again.
                3 => {
                    let one = self.leaves(whom);
                    self.comes(one);
                }
                4 => self.has(whom, |one| one["email"] = format!("new{value}@school.example").into()),
                5 => self.has(whom, |one| {
                    if one["roles"]["contact"].is_object() {
                        one["roles"]["contact"]["phone"] = format!("(718) 555-{value:04}").into();
                    } else {
                        one["name"]["first"] = format!("Given {value}").into();
                    }
                }),
                6 => self.has(whom, |one| {
                    if one["roles"]["teacher"].is_object() {
                        one["roles"] = json!({ "staff": { "staff_id": "9", "schools": ["sch-1"] } });
                    }
                }),
                // A user without a role is among the users of no role.
                7 if value < 200 => self.has(whom, |one| one["roles"] = json!({})),
                _ => self.happens(
                    "sections.updated",
                    &json!({ "id": "sec-1", "name": "Arts", "students": ["stu-00"] }),
                ),
            }
        }
        format!("2026-11-{:02}T23:00:00Z", self.day)
    }
}

/// The rows by user, without their places: users that came with an event stand at the end.
fn by_person(done: &Done) -> Vec<std::collections::BTreeMap<String, String>> {
    let mut rows = said(done);
    rows.sort_by(|a, b| a["sourced_id"].cmp(&b["sourced_id"]));
    rows
}

#[test]
fn any_history_gives_the_store_that_pulling_everything_gives() {
    for seed in 1..=rounds(1, 5) {
        let mut history = History::new(seed);
        let (everything, events) = (served(&history.clever), served(&history.clever));
        let mut whole = district(&everything);
        let mut changes = incremental(&events).with("source.full_every", "\"30d\"");
        for district in [&mut whole, &mut changes] {
            *district = std::mem::replace(district, District::new()).update_contacts(seed % 2 == 0);
            district.set("source.page_size", "5");
            district.at("2026-11-01T23:00:00Z");
            district.run_with(&["--no-notify"]).ok();
            for id in ["stu-00", "tea-1", "gua-2", "con-0", "con-3"] {
                district.cli(&["users", "join", id]).ok();
            }
        }
        let of_roles =
            |fake: &Fake| fake.asked().iter().filter(|one| one.parameter("role").is_some()).count();
        let of_first_night = of_roles(&events);
        for night in 0..7 {
            let now = history.live();
            for district in [&mut whole, &mut changes] {
                district.at(&now);
            }
            let (by_whole, by_events) =
                (whole.run_with(&["--no-notify"]).ok(), changes.run_with(&["--no-notify"]).ok());
            let place = format!("seed {seed}, night {night}");
            assert_eq!(changes.accounts(), whole.accounts(), "{place}");
            assert_eq!(by_person(&by_events), by_person(&by_whole), "{place}");
            assert_eq!(by_events.plan(), by_whole.plan(), "{place}");
            assert!(!by_events.stderr.contains("everything"), "{place}: {}", by_events.stderr);
        }
        // No users were requested by role any more.
        assert_eq!(of_roles(&events), of_first_night, "seed {seed}");
    }
}

#[test]
fn what_clever_really_told() {
    let mut clever = Clever::recorded();
    let happened = data(&recorded(include_str!("../samples/clever-v3.0/events.json")));
    clever.district["last_sync"] = "2023-03-12T16:08:00.000Z".into();
    // The event before those is known by its id only.
    let mut before = event(0, "2023-03-12T16:09:20.000Z", "districts.updated", &clever.district);
    before["id"] = "640df950d306111b2385f72b".into();
    clever.events.push(before);
    let clever = Arc::new(Mutex::new(clever));
    let fake = served(&clever);
    let (mut changes, mut whole) = (incremental(&fake), district(&fake));
    for district in [&mut changes, &mut whole] {
        district.at("2023-03-25T06:00:00Z");
        district.run().ok();
        district.at("2023-03-27T06:00:00Z");
    }
    {
        let mut clever = clever.lock().unwrap();
        clever.district = happened[0]["data"]["object"].clone();
        for one in &happened {
            let object = &one["data"]["object"];
            if one["type"].as_str().unwrap().starts_with("users.") {
                clever.users.retain(|user| user["id"] != object["id"]);
                clever.users.push(object.clone());
            }
        }
        clever.events.extend(happened);
    }
    let (by_events, by_whole) = (changes.run().ok(), whole.run().ok());
    assert_eq!(by_person(&by_events), by_person(&by_whole));
    assert_eq!(changes.accounts(), whole.accounts());
    assert!(!by_events.stderr.contains("everything"), "{}", by_events.stderr);
    assert_eq!(&by_events.report.row("58da8c64d7dc0ca068000525")["action"], "created");
    assert_eq!(by_events.report.count("created"), 6);
}

/// Twelve students and a teacher were pulled whole, and then: one student is gone without a
/// word, one has left by an event, as event 2.
fn a_night_later() -> Clever {
    let people: Vec<Value> = students(12).iter().chain([&person("tea-1")]).map(user).collect();
    let mut clever = Clever::new(people);
    clever.events.push(event(1, "2026-11-23T03:01:00.000Z", "districts.updated", &clever.district));
    clever
}

/// What is asked for after the first night is answered by `answer`. Returns the second night.
fn second_night(
    change: impl FnOnce(&mut Clever),
    answer: impl Fn(&Clever, &Request) -> Option<Reply> + Send + Sync + 'static,
) -> Done {
    let clever = Arc::new(Mutex::new(a_night_later()));
    let is_second = Arc::new(Mutex::new(false));
    let (state, second) = (Arc::clone(&clever), Arc::clone(&is_second));
    let fake = Fake::start(move |request| {
        let clever = state.lock().unwrap();
        let other = if *second.lock().unwrap() { answer(&clever, request) } else { None };
        other.unwrap_or_else(|| clever.page(request))
    });
    let district = incremental(&fake);
    assert_eq!(district.run().ok().report.count("created"), 13);
    *is_second.lock().unwrap() = true;
    {
        let mut clever = clever.lock().unwrap();
        clever.users.remove(3);
        let left = clever.users.remove(3);
        clever.events.push(event(2, "2026-11-23T03:02:00.000Z", "users.deleted", &left));
        change(&mut clever);
    }
    district.run().ok()
}

/// Where events are believed, only users with an event of deletion are gone.
#[track_caller]
fn believed(done: &Done) {
    assert_eq!(done.report.count("archived"), 1);
    assert!(!done.stderr.contains("everything"), "{}", done.stderr);
}

#[track_caller]
fn doubted(done: &Done, words: &str) {
    assert_eq!(done.report.count("archived"), 2, "{}", done.stderr);
    assert!(done.stderr.contains(words) && done.stderr.contains("pull"), "{words}: {}", done.stderr);
}

#[test]
fn events_are_believed_as_long_as_nothing_speaks_against_them() {
    believed(&second_night(|_| (), |_, _| None));
    // Whatever else Clever tells of is passed over.
    let others = |clever: &mut Clever| {
        let events = [
            ("schools.updated", json!({ "id": "sch-1", "name": "X" })),
            ("terms.deleted", json!([])),
            ("", json!(7)),
        ];
        for (number, (kind, object)) in (3..).zip(events) {
            clever.events.push(event(number, "2026-11-23T03:03:00.000Z", kind, &object));
        }
    };
    believed(&second_night(others, |clever, request| {
        // Also by a server that takes no notice of `record_type`.
        let query = request.query.replace("record_type", "x");
        Some(clever.page(&Request { query, ..request.clone() }))
    }));
}

#[test]
fn whatever_speaks_against_events_has_everything_pulled() {
    let asks = |request: &Request, path: &str| request.path.ends_with(path);
    let nothing = |_: &Clever, _: &Request| None;
    // Not switched on, or not any more.
    for reply in [Reply::status(403), Reply::status(404), Reply::html(404), Reply::json("{}"), Reply::Drop] {
        let done = second_night(|_| (), move |_, request| asks(request, "/events").then(|| reply.clone()));
        doubted(&done, "Clever gives no events (");
        doubted(&done, "so what changed cannot be asked for and everything is pulled");
        assert!(!done.stderr.contains("nothing was applied"), "{}", done.stderr);
    }
    doubted(&second_night(|clever| clever.events.clear(), nothing), "Clever has no events of this district");
    let synced = |clever: &mut Clever| clever.district["last_sync"] = "2026-11-23T05:00:00.000Z".into();
    doubted(&second_night(synced, nothing), "no event as late as the district's last sync");
    let never = |clever: &mut Clever| clever.district["last_sync"] = Value::Null;
    doubted(&second_night(never, nothing), "no event as late as the district's last sync");
    let odd = |clever: &mut Clever| {
        clever.events.push(event(3, "2026-11-23T03:03:00.000Z", "users.updated", &json!({ "id": "x" })));
        clever.events[2]["id"] = "9/../1".into();
    };
    doubted(&second_night(odd, nothing), "the newest event has no usable id");

    // After 30 days an event is gone, and Clever says nothing of those that went with it.
    let gone = |clever: &mut Clever| drop(clever.events.remove(0));
    doubted(&second_night(gone, nothing), "Clever no longer has the event where the last pull ended");
    let another = |clever: &Clever, request: &Request| {
        request.path.contains("/events/").then(|| Reply::json(json!({ "data": clever.events[1] })))
    };
    doubted(
        &second_night(|_| (), another),
        "no longer has the event where the last pull ended (another one came)",
    );

    // What cannot be understood.
    for (kind, object, words) in [
        ("users.merged", json!({ "id": "stu-00" }), "an event is of a kind that is not known"),
        ("users.updated", json!("stu-00"), "an event is without its user"),
        ("users.updated", json!({ "email": "a@b.example" }), "an event names a user without an id"),
    ] {
        let told = move |clever: &mut Clever| {
            clever.events.push(event(3, "2026-11-23T03:03:00.000Z", kind, &object));
        };
        doubted(&second_night(told, nothing), words);
    }
    let reversed = move |clever: &Clever, request: &Request| {
        request.parameter("starting_after")?;
        let student = json!({ "id": "stu-00" });
        let events = [5, 4].map(|number| json!({ "data": event(number, "", "users.deleted", &student) }));
        asks(request, "/events")
            .then(|| Reply::json(json!({ "data": events, "links": clever.district["links"] })))
    };
    doubted(&second_night(|_| (), reversed), "events are not in their order");
    let failing = move |_: &Clever, request: &Request| {
        (asks(request, "/events") && request.parameter("starting_after").is_some())
            .then(|| Reply::status(500))
    };
    doubted(
        &second_night(|_| (), failing),
        "Clever does not give the changes (the server reports an error of its own (500)",
    );
}

#[test]
fn what_happens_during_a_pull_comes_with_the_next_one() {
    let clever = Arc::new(Mutex::new(a_night_later()));
    let state = Arc::clone(&clever);
    let fake = Fake::start(move |request| {
        let mut clever = state.lock().unwrap();
        let answer = clever.page(request);
        // The page with this student is out, and then the email changes.
        if request.parameter("role").as_deref() == Some("student") && clever.events.len() == 1 {
            clever.users[0]["email"] = "new@school.example".into();
            let changed = clever.users[0].clone();
            clever.events.push(event(2, "2026-11-23T03:02:00.000Z", "users.updated", &changed));
        }
        answer
    });
    let district = incremental(&fake);
    assert_eq!(&district.run().ok().report.row("stu-00")["sis_email"], "stu-00@school.example");
    let done = district.run().ok();
    assert_eq!(&done.report.row("stu-00")["sis_email"], "new@school.example");
    assert!(!done.stderr.contains("everything"), "{}", done.stderr);
    assert_eq!(done.report.count("unchanged"), 12);
}

#[test]
fn a_preview_writes_nothing_and_another_district_is_pulled_whole() {
    let clever = Arc::new(Mutex::new(a_night_later()));
    let fake = served(&clever);
    let district = incremental(&fake);
    let kept = district.path("rostersync.db.roster");
    district.preview().ok();
    assert!(!kept.exists());
    district.run().ok();
    let before = std::fs::read(&kept).unwrap();
    clever.lock().unwrap().events.push(event(
        2,
        "2026-11-23T03:02:00.000Z",
        "districts.updated",
        &Value::Null,
    ));
    let done = district.preview().ok();
    assert!(!done.stderr.contains("everything"), "{}", done.stderr);
    assert_eq!(std::fs::read(&kept).unwrap(), before);
    district.run().ok();
    assert_ne!(std::fs::read(&kept).unwrap(), before);
    clever.lock().unwrap().district["id"] = "d2".into();
    assert!(
        district
            .run()
            .ok()
            .stderr
            .contains("no roster of an earlier pull that could be used; pulling everything")
    );
    // Without events there is nothing to go on from.
    clever.lock().unwrap().events.clear();
    district.run().ok();
    assert!(!kept.exists());
}
