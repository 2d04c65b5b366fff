//! Pulling only what changed: the store is the one that pulling everything gives, whatever the
//! history, and whenever the server does not do what it is asked, everything is pulled.

use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};

use crate::fake::{Fake, Reply, Request};
use crate::sis::{Sis, district, people};
use crate::support::{District, Person, person, rounds};

/// A server with users that change from night to night.
struct History {
    sis: Arc<Mutex<Sis>>,
    fake: Fake,
    /// What random numbers come from.
    state: u64,
    day: u32,
    changes: u32,
}

fn served(sis: &Arc<Mutex<Sis>>) -> Fake {
    let sis = Arc::clone(sis);
    Fake::start(move |request| sis.lock().unwrap().page(request))
}

impl History {
    fn new(seed: u64) -> Self {
        let people = people(30)
            .into_iter()
            .map(|one| one.with("dateLastModified", "2026-11-01T00:00:00.000Z"))
            .collect();
        let sis = Sis {
            people,
            roles: seed.is_multiple_of(2),
            ceiling: 7 + seed as usize,
            totals: seed.is_multiple_of(3),
        };
        let sis = Arc::new(Mutex::new(sis));
        let fake = served(&sis);
        Self { sis, fake, state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1, day: 1, changes: 0 }
    }

    fn random(&mut self, below: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        (self.state % below as u64) as usize
    }

    /// The stamp of the next change, on the day before tonight.
    fn stamp(&mut self) -> String {
        self.changes += 1;
        format!("2026-11-{:02}T{:02}:{:02}:00.000Z", self.day, self.changes / 60 % 24, self.changes % 60)
    }

    /// Another day: a user comes, a user leaves, details change.
    fn live(&mut self) -> String {
        self.day += 1;
        self.changes = 0;
        for _ in 0..self.random(6) {
            let stamp = self.stamp();
            let (what, whom, value) = (self.random(7), self.random(30), self.random(1000));
            let mut sis = self.sis.lock().unwrap();
            let count = sis.people.len();
            let one = sis.people[whom % count].clone();
            let changed = match what {
                0 => person(&format!("tea-9{value:03}")),
                1 => one.status("tobedeleted"),
                2 => one.status("active"),
                3 => one.email(&format!("new{value}@school.example")),
                4 => one.mobile(&format!("(718) 555-{value:04}")),
                5 => one.role(["teacher", "aide"][value % 2]),
                _ => one.schools(["sch-1", "sch-2", "sch-1,sch-2"][value % 3]),
            };
            let changed = changed.with("dateLastModified", &stamp);
            sis.people.retain(|other| other.cells["sourcedId"] != changed.cells["sourcedId"]);
            sis.people.push(changed);
        }
        format!("2026-11-{:02}T23:00:00Z", self.day)
    }

    fn filtered(&self) -> usize {
        self.fake.asked().iter().filter(|request| request.parameter("filter").is_some()).count()
    }
}

fn incremental(fake: &Fake) -> District {
    district(fake).with("source.mode", "\"incremental\"")
}

#[test]
fn any_history_gives_the_store_that_pulling_everything_gives() {
    for seed in 1..=rounds(1, 6) {
        let mut history = History::new(seed);
        let mut whole = district(&history.fake);
        let mut changes = incremental(&history.fake);
        for district in [&mut whole, &mut changes] {
            *district = std::mem::replace(district, District::new())
                .update_contacts(seed % 2 == 0)
                .school("sch-1", true);
            district.at("2026-11-01T23:00:00Z");
            district.run_with(&["--no-notify"]).ok();
        }
        for id in ["stu-000", "gua-001", "tea-002", "tea-005"] {
            for district in [&whole, &changes] {
                district.cli(&["users", "join", id]).ok();
            }
        }
        for night in 0..6 {
            let now = history.live();
            for district in [&mut whole, &mut changes] {
                district.at(&now);
            }
            let (by_whole, by_changes) =
                (whole.run_with(&["--no-notify"]).ok(), changes.run_with(&["--no-notify"]).ok());
            assert_eq!(changes.accounts(), whole.accounts(), "seed {seed}, night {night}");
            assert_eq!(by_changes.plan(), by_whole.plan(), "seed {seed}, night {night}");
            assert!(!by_changes.stderr.contains("pulling everything"), "{}", by_changes.stderr);
        }
        assert!(history.filtered() >= 6);
    }
}

#[test]
fn what_is_kept_is_private_and_a_preview_writes_nothing() {
    let mut history = History::new(3);
    let mut district = incremental(&history.fake);
    district.at("2026-11-01T23:00:00Z");
    district.preview().ok();
    assert!(!district.path("rostersync.db.roster").exists());
    district.run().ok();
    let kept = district.path("rostersync.db.roster");
    assert_eq!(kept.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!String::from_utf8_lossy(&std::fs::read(&kept).unwrap()).contains("hunter2"));
    let before = std::fs::read(&kept).unwrap();
    let now = history.live();
    district.at(&now);
    district.preview().ok();
    assert_eq!(std::fs::read(&kept).unwrap(), before);
    // A damaged one is not used.
    std::fs::write(&kept, &before[..before.len() / 2]).unwrap();
    let done = district.run().ok();
    assert!(done.stderr.contains("is damaged; pulling everything"), "{}", done.stderr);
    std::fs::remove_file(&kept).unwrap();
    assert!(district.run().ok().stderr.contains("no roster of an earlier pull"));
    // Nor may anything else be written over it.
    district.run_with(&["--dry-run", "--report", "rostersync.db.roster"]).exits(2).complains(&["overwrite"]);
}

/// A district that has pulled everything, and what the server answers to a filter.
fn asked_for_changes(answer: impl Fn(&Sis, &Request) -> Reply + Send + Sync + 'static) -> (District, Fake) {
    let people: Vec<Person> =
        people(12).into_iter().map(|one| one.with("dateLastModified", "2026-11-20T00:00:00.000Z")).collect();
    let sis = Sis::new(&people);
    let fake = Fake::start(move |request| match request.parameter("filter") {
        Some(_) => answer(&sis, request),
        None => sis.page(request),
    });
    let district = incremental(&fake);
    assert_eq!(district.run().ok().report.count("created"), 12);
    (district, fake)
}

#[test]
fn a_server_that_does_not_follow_the_filter_is_asked_for_everything() {
    // Some servers answer a filter that they do not understand with no users, with an error, or
    // with another count.
    let nobody = |_: &Sis, _: &Request| Reply::json("{\"users\":[]}");
    let refusal = |_: &Sis, _: &Request| Reply::status(400);
    let miscounted = |sis: &Sis, request: &Request| {
        Sis { totals: false, ..sis.clone() }.page(request).with("X-Total-Count", 900)
    };
    let (district, _fake) = asked_for_changes(nobody);
    let done = district.run().ok();
    assert!(
        done.stderr.contains("does not give the changes that it was asked for; pulling everything"),
        "{}",
        done.stderr
    );
    assert_eq!(done.report.count("unchanged"), 12);
    for (district, _fake) in [asked_for_changes(refusal), asked_for_changes(miscounted)] {
        let done = district.run().ok();
        assert!(done.stderr.contains("the server does not give the changes"), "{}", done.stderr);
        assert_eq!(done.report.count("unchanged"), 12);
    }
    // A server that ignores the filter gives all users, which is as good.
    let (district, _fake) = asked_for_changes(|sis, request| {
        let query = request.query.split("&filter").next().unwrap().to_owned();
        sis.page(&Request { query, ..request.clone() })
    });
    let done = district.run().ok();
    assert_eq!(done.report.count("unchanged"), 12);
    assert!(!done.stderr.contains("pulling everything"), "{}", done.stderr);
}

#[test]
fn the_filter_begins_before_the_servers_own_latest_stamp() {
    let (district, fake) = asked_for_changes(Sis::page);
    let done = district.run().ok();
    assert_eq!(done.report.count("unchanged"), 12);
    let filter = fake.asked().iter().find_map(|request| request.parameter("filter")).unwrap();
    assert_eq!(filter, "dateLastModified>'2026-11-19T23:50:00.000Z'");
}

#[test]
fn everything_is_pulled_every_so_often() {
    let sis = Arc::new(Mutex::new(Sis::new(
        &people(12)
            .into_iter()
            .map(|one| one.with("dateLastModified", "2026-11-01T00:00:00.000Z"))
            .collect::<Vec<_>>(),
    )));
    let fake = served(&sis);
    let mut district = incremental(&fake).with("source.full_every", "\"3d\"");
    district.at("2026-11-10T08:00:00Z");
    district.run().ok();
    // Gone without a word: an incremental pull archives only what is said to be deleted.
    let gone = sis.lock().unwrap().people.remove(4);
    for (now, archived) in
        [("2026-11-11T08:00:00Z", 0), ("2026-11-12T08:00:00Z", 0), ("2026-11-13T08:00:00Z", 1)]
    {
        district.at(now);
        let done = district.run().ok();
        assert_eq!(done.report.count("archived"), archived, "{now}");
    }
    assert_eq!(district.ask("SELECT sourced_id FROM account WHERE archived = 1"), gone.cells["sourcedId"]);
}

#[test]
fn what_is_kept_does_not_outlive_its_truth() {
    let all: Vec<Person> =
        people(12).into_iter().map(|one| one.with("dateLastModified", "2026-11-20T00:00:00.000Z")).collect();
    let sis = Arc::new(Mutex::new(Sis::new(&all)));
    let shared = Arc::clone(&sis);
    let fake = Fake::start(move |request| {
        let path = request.path.replace("/staff", "/users");
        shared.lock().unwrap().page(&Request { path, ..request.clone() })
    });
    let mut district = incremental(&fake);
    let kept = district.path("rostersync.db.roster");
    // The file that a killed run has left is overwritten, and readable by its owner alone.
    district.file("rostersync.db.roster.new", "half a roster");
    district.run().ok();
    assert!(kept.exists() && !district.path("rostersync.db.roster.new").exists());
    // The configuration asks for a whole pull tonight; a user has gone without a record of it.
    let gone = sis.lock().unwrap().people.remove(4);
    let before = std::fs::read(&kept).unwrap();
    district.set("source.mode", "\"full\"");
    district.preview().ok();
    assert_eq!(std::fs::read(&kept).unwrap(), before);
    let done = district.run().ok();
    assert_eq!((done.report.count("archived"), kept.exists()), (1, false));
    district.set("source.mode", "\"incremental\"");
    let done = district.run().ok();
    assert_eq!(done.report.count("restored"), 0, "{} is back", gone.cells["sourcedId"]);
    // Other users, or those that other credentials are shown, are not changes of these.
    assert!(!district.run().ok().stderr.contains("pulling everything"));
    district.set("source.users_path", "\"staff\"");
    assert!(district.run().ok().stderr.contains("no roster of an earlier pull that could be used"));
    district.set("source.auth.type", "\"oauth1\"");
    district.unset("source.auth.token_file");
    district.set("source.auth.client_secret_file", "\"token\"");
    for key in ["one", "another"] {
        district.set("source.auth.client_id", &format!("\"{key}\""));
        assert!(district.run().ok().stderr.contains("no roster of an earlier pull that could be used"));
        assert!(!district.run().ok().stderr.contains("pulling everything"));
    }
}

#[test]
fn a_pull_of_changes_that_fails_changes_nothing() {
    let mut history = History::new(5);
    let mut district = incremental(&history.fake);
    district.at("2026-11-01T23:00:00Z");
    district.run().ok();
    let kept = std::fs::read(district.path("rostersync.db.roster")).unwrap();
    let store = district.store_hash();
    let now = history.live();
    let gone = history.fake.url("");
    drop(history);
    district.at(&now);
    district.set("source.http.retries", "0");
    district.run().exits(6).complains(&["no connection", &gone]);
    assert_eq!(
        (district.store_hash(), std::fs::read(district.path("rostersync.db.roster")).unwrap()),
        (store, kept)
    );
}

#[test]
fn mistakes_in_the_configuration_are_explained() {
    let fake = Fake::start(|_| Reply::Drop);
    for (key, value, words) in [
        ("source.mode", "\"delta\"", "`mode` in [source] cannot be the text \"delta\""),
        ("source.full_every", "\"7d\"", "has no effect without mode = \"incremental\""),
        ("source.parallel", "9", "not a usable number of requests at once"),
    ] {
        let mut district = district(&fake);
        district.set(key, value);
        district.run().exits(2).complains(&[words, "\n  help: ", "rostersync.toml:"]);
    }
    let files = District::new().with("source.mode", "\"incremental\"");
    files.run().exits(2).complains(&[
        "`mode` in [source] cannot be the text \"incremental\"",
        "write one of \"auto\", \"bulk\", \"delta\"",
    ]);
}

/// Some servers stamp a user anew only when certain fields change. The next pull of everything
/// tells.
#[test]
fn users_that_changed_without_a_new_stamp_are_counted_when_everything_is_pulled() {
    for (count, code) in [(3, 0), (11, 3)] {
        let all: Vec<Person> = people(30)
            .into_iter()
            .map(|one| one.with("dateLastModified", "2026-11-10T00:00:00.000Z"))
            .chain([person("tea-900").with("dateLastModified", "2026-11-20T00:00:00.000Z")])
            .collect();
        let sis = Arc::new(Mutex::new(Sis::new(&all)));
        let served = Arc::clone(&sis);
        let fake = Fake::start(move |request| served.lock().unwrap().page(request));
        let mut district = incremental(&fake);
        district.run().ok();
        for one in sis.lock().unwrap().people.iter_mut().take(count) {
            *one = one.clone().email(&format!("{}@new.example", one.cells["sourcedId"]));
        }
        // Eight days later everything is pulled.
        district.at("2026-12-01T08:15:00Z");
        let done = district.run().exits(code);
        let said = format!("{count} people changed since the last pull without a new dateLastModified");
        let place = if code == 3 { &done.stdout } else { &done.stderr };
        assert!(place.contains(&said), "{}{}", done.stdout, done.stderr);
        // A user with a new stamp is no such case.
        for one in sis.lock().unwrap().people.iter_mut().take(count) {
            *one = one.clone().email("x@new.example").with("dateLastModified", "2026-12-02T00:00:00.000Z");
        }
        district.at("2026-12-10T08:15:00Z");
        assert!(!district.run().ok().stderr.contains("without a new dateLastModified"));
    }
}
