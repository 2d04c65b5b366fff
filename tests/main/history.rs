//! Sources that lie, judged by their own history: through the binary, kind by kind.

use std::time::{Duration, SystemTime};

use crate::support::{COLUMNS, District, Done, Person, person, users_csv};

const SCHOOLS: [(&str, &str); 4] = [
    ("sch-1", "Lincoln Elementary"),
    ("sch-2", "Washington Middle"),
    ("sch-3", "Roosevelt High"),
    ("sch-4", "Adams School"),
];

const NAMES: [(&str, &str); 6] = [
    ("Ana", "Diaz"),
    ("Ben", "Nguyen"),
    ("Chloe", "Smith"),
    ("Diego", "Okafor"),
    ("Eva", "Lee"),
    ("Finn", "Garcia"),
];

/// At each school 24 students, 24 guardians and 12 teachers.
fn everyone() -> Vec<Person> {
    let mut all = Vec::new();
    for (school, (id, _)) in SCHOOLS.iter().enumerate() {
        for n in 0..24_usize {
            let (given, family) = NAMES[(n + school) % NAMES.len()];
            let number = school * 100 + n;
            let guardian = format!("gua-{number:03}");
            let named = |person: Person| person.schools(id).given(given).family(family);
            all.push(
                named(person(&format!("stu-{number:03}")))
                    .agents(&guardian)
                    .identifier(&format!("{}", 5000 + number)),
            );
            let mobile = format!("2{:02}555{:04}", 12 + n, 1000 + number);
            let home = format!("2{:02}666{:04}", 12 + n, 1000 + number);
            all.push(named(person(&guardian)).mobile(&mobile).home(&home));
            if n % 2 == 0 {
                all.push(named(person(&format!("tea-{number:03}"))));
            }
        }
    }
    all
}

/// A district of four schools with three good nights behind it.
fn district() -> District {
    let mut district = District::new();
    for limit in ["archive", "links"] {
        district.set(&format!("limits.{limit}"), "100000");
    }
    let orgs: String = SCHOOLS.iter().map(|(id, name)| format!("{id},{name},school\n")).collect();
    district.file("sis/orgs.csv", format!("sourcedId,name,type\n{orgs}"));
    district.sis(&everyone());
    for _ in 0..3 {
        district.run().ok();
    }
    district
}

fn changed(of: impl Fn(&Person) -> bool, change: impl Fn(Person) -> Person) -> Vec<Person> {
    everyone().into_iter().map(|person| if of(&person) { change(person) } else { person }).collect()
}

fn at(school: &'static str) -> impl Fn(&Person) -> bool {
    move |person| person.cells["orgSourcedIds"] == school
}

fn role(role: &'static str) -> impl Fn(&Person) -> bool {
    move |person| person.cells["role"] == role
}

fn cell(person: &Person, column: &str) -> String {
    person.cells.get(column).cloned().unwrap_or_default()
}

/// What a preview says about the history.
fn said(done: &Done) -> Vec<String> {
    let verdict = done.stdout.split_once("\nBLOCKED: ").map(|(_, verdict)| verdict).unwrap_or_default();
    verdict
        .lines()
        .filter(|line| line.contains("[limits] history"))
        .map(|line| line.trim().to_owned())
        .collect()
}

#[test]
fn every_kind_that_stops_a_run_says_its_figures() {
    let district = district();
    type People = Vec<Person>;
    let doubled = |mut all: People| {
        let more: People = all
            .iter()
            .filter(|person| at("sch-1")(person))
            .map(|person| person.clone().with("sourcedId", &format!("{}-b", person.cells["sourcedId"])))
            .map(|person| person.email("").mobile("").home("").identifier("").agents("").given("Zoe"))
            .collect();
        all.extend(more);
        all
    };
    let cases: Vec<(People, &[&str])> = vec![
        (
            changed(at("sch-1"), |person| person.email("")),
            &[
                "emails of Lincoln Elementary: 0 of 60, last night 60; [limits] history: 60 on the last 3 good nights",
            ],
        ),
        (
            changed(
                |person| at("sch-1")(person) && !cell(person, "sourcedId").ends_with('0'),
                |person| person.email(""),
            ),
            &[
                "emails of Lincoln Elementary: 9 of 60, last night 60; [limits] history: 60 on the last 3 good nights",
            ],
        ),
        (
            changed(|person| at("sch-2")(person) && role("guardian")(person), |person| person.mobile("")),
            &[
                "values of sms of Washington Middle: 0 of 60, last night 24; [limits] history: 24 on the last 3 good nights",
            ],
        ),
        (
            changed(at("sch-2"), |person| person.home("")),
            &[
                "values of phone of Washington Middle: 0 of 60, last night 24; [limits] history: 24 on the last 3 good nights",
            ],
        ),
        (
            changed(role("student"), |person| person.given("")),
            &[
                "given names of students: 0 of 96, last night 96; [limits] history: 96 on the last 3 good nights",
            ],
        ),
        (
            changed(at("sch-3"), |person| person.family("")),
            &[
                "family names of Roosevelt High: 0 of 60, last night 60; [limits] history: 60 on the last 3 good nights",
            ],
        ),
        (
            changed(role("guardian"), |person| person.schools("")),
            &[
                "users with a school of guardians: 0 of 96, last night 96; [limits] history: 96 on the last 3 good nights",
            ],
        ),
        (
            changed(|person| at("sch-4")(person) && role("student")(person), |person| person.agents("")),
            &[
                "users with links of Adams School: 0 of 60, last night 24; [limits] history: 24 on the last 3 good nights",
            ],
        ),
        (
            everyone().into_iter().filter(|person| !at("sch-1")(person)).collect(),
            &[
                "users of Lincoln Elementary: 0, last night 60 (60 accounts are nowhere in the roster); [limits] history: 60 on the last \
               3 good nights",
            ],
        ),
        (
            everyone()
                .into_iter()
                .filter(|person| !at("sch-1")(person) || cell(person, "sourcedId").ends_with(['1', '2', '3']))
                .collect(),
            &[
                "users of Lincoln Elementary: 21, last night 60 (39 accounts are nowhere in the roster); [limits] history: 60 on the \
               last 3 good nights",
            ],
        ),
        (
            everyone().into_iter().filter(|person| !role("teacher")(person)).collect(),
            &[
                "teachers: 0, last night 48 (48 accounts are nowhere in the roster); [limits] history: 48 on the last 3 good nights",
            ],
        ),
        (
            everyone()
                .into_iter()
                .filter(|person| !role("teacher")(person) || cell(person, "sourcedId").ends_with('2'))
                .collect(),
            &[
                "teachers: 12, last night 48 (36 accounts are nowhere in the roster); [limits] history: 48 on the last 3 good nights",
            ],
        ),
        (
            doubled(everyone()),
            &[
                "new users of Lincoln Elementary: 60 of 120, last night 0; [limits] history: 0 to 60 on the last 3 good nights",
            ],
        ),
        (
            changed(|_| true, |person| person.schools("sch-1")),
            &[
                "users at one school: 240 of 240, last night 60; [limits] history: 60 on the last 3 good nights",
            ],
        ),
        (
            changed(role("student"), |person| person.status("tobedeleted")),
            &[
                "users with status tobedeleted: 96 of 240, last night 0; [limits] history: 0 on the last 3 good nights",
            ],
        ),
        (
            changed(
                |person| at("sch-1")(person) && role("guardian")(person),
                |person| {
                    let email = cell(&person, "email");
                    person.mobile(&email)
                },
            ),
            &[
                "email addresses in sms or phone of guardians at Lincoln Elementary: 24 of 24, last night 0; [limits] history: 0 on the last 3 good \
               nights",
            ],
        ),
        (
            changed(role("guardian"), |person| {
                // A plain number would be a shifted row.
                let mobile = format!("m{}", cell(&person, "sms"));
                person.email(&mobile)
            }),
            &[
                "numbers in the column email of guardians: 96 of 96, last night 0; [limits] history: 0 on the last 3 good nights",
            ],
        ),
        (
            changed(role("teacher"), |person| {
                let email = cell(&person, "email");
                person.family(&email)
            }),
            &[
                "email addresses as names of teachers: 48 of 48, last night 0; [limits] history: 0 on the last 3 good nights",
            ],
        ),
        (
            changed(role("student"), |person| {
                let id = cell(&person, "identifier");
                person.given(&id)
            }),
            &[
                "names that begin with a digit of students: 96 of 96, last night 0; [limits] history: 0 on the last 3 good nights",
            ],
        ),
        (
            changed(at("sch-1"), |person| {
                let given = cell(&person, "givenName");
                person.family(&given)
            }),
            &[
                "family names equal to the given name of Lincoln Elementary: 60 of 60, last night 0; [limits] history: 0 on the last 3 \
               good nights",
            ],
        ),
        (
            changed(role("guardian"), |person| person.email("noemail@school.example")),
            &[
                "emails equal to the one before of guardians: 92 of 96, last night 0; [limits] history: 0 on the last 3 good nights",
            ],
        ),
        (
            changed(
                |person| at("sch-2")(person) && role("guardian")(person),
                |person| person.mobile("2125550100"),
            ),
            &[
                "phone numbers equal to the one before of guardians at Washington Middle: 23 of 24, last night 0; [limits] history: 0 \
               on the last 3 good nights",
            ],
        ),
        (
            changed(role("teacher"), |person| person.given("Test").family("User")),
            &[
                "names equal to the one before of teachers: 44 of 48, last night 0; [limits] history: 0 on the last 3 good nights",
            ],
        ),
        (
            changed(role("student"), |person| {
                let (given, family) = (cell(&person, "givenName"), cell(&person, "familyName"));
                person.given(&family).family(&given)
            }),
            &[
                "given and family name of 96 of 240 accounts changed places; [limits] history: in one night that is an exchange of two \
               columns",
            ],
        ),
    ];
    let mut others = Vec::new();
    for (people, wanted) in cases {
        district.sis(&people);
        let done = district.preview();
        let found = said(&done);
        if found != *wanted || done.code != 4 {
            others.push(format!("wanted {wanted:#?}, found {found:#?}, {}\n{}", done.code, done.stderr));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
}

#[test]
fn every_kind_that_needs_a_person_is_said_once() {
    let district = district();
    let cases: Vec<(Vec<Person>, &str)> = vec![
        (
            changed(role("student"), |person| person.identifier("")),
            "identifiers of the district: 0 of 240, last night 96",
        ),
        (
            changed(|_| true, |person| person.with("username", "")),
            "user names of the district: 0 of 240, last night 240",
        ),
        (
            changed(role("teacher"), |person| {
                let id = cell(&person, "sourcedId");
                person.email(&id)
            }),
            "emails without an @ of teachers: 48 of 48, last night 0",
        ),
        (
            changed(role("student"), |person| {
                let email = cell(&person, "email");
                person.identifier(&email)
            }),
            "email addresses as identifiers of students: 96 of 96, last night 0",
        ),
        (
            changed(role("student"), |person| person.identifier("0")),
            "identifiers equal to the one before of students: 92 of 96, last night 0",
        ),
        (
            changed(role("teacher"), |person| person.with("username", "x")),
            "user names equal to the one before of teachers: 44 of 48, last night 0",
        ),
        (
            changed(role("teacher"), |person| {
                let (given, family) = (cell(&person, "givenName"), cell(&person, "familyName"));
                person.given(&given.to_uppercase()).family(&family.to_uppercase())
            }),
            "names in capital letters of teachers: 48 of 48, last night 0",
        ),
        (
            changed(role("teacher"), |person| {
                let (given, family) = (cell(&person, "givenName"), cell(&person, "familyName"));
                person.given(&given.to_lowercase()).family(&family.to_lowercase())
            }),
            "names without a capital letter of teachers: 48 of 48, last night 0",
        ),
        (
            changed(at("sch-1"), |person| person.enabled("false")),
            "users with enabledUser false of Lincoln Elementary: 60 of 60, last night 0",
        ),
        (
            changed(role("student"), |person| {
                let id = format!("SIS-{}", cell(&person, "identifier"));
                person.identifier(&id)
            }),
            "identifiers of digits alone of students: 0 of 96, last night 96",
        ),
        (
            changed(role("teacher"), |person| {
                let email = cell(&person, "email").replace("school.example", "test.example");
                person.email(&email)
            }),
            "emails at the most frequent domain of teachers: at least 48 of 48, and it is another domain than last night",
        ),
        (
            changed(role("guardian"), |person| {
                let mobile = format!("212555{:0>4}", &cell(&person, "sourcedId")[4..]);
                person.mobile(&mobile)
            }),
            "phone numbers that begin with the same six digits of guardians: at least 96 of 96, last night at most 48",
        ),
    ];
    let mut others = Vec::new();
    for (people, wanted) in cases {
        district.sis(&people);
        let done = district.preview();
        let all = format!("{}\n{}", done.stdout, done.stderr);
        let sentence =
            format!("{wanted}; check the export. It counts as the new normal from the next night on");
        let found: Vec<&str> = all.lines().filter(|line| line.contains("new normal")).collect();
        if !all.contains(&sentence) || done.code != 3 {
            others.push(format!("wanted {wanted}, found {found:#?}, {}", done.code));
        }
    }
    assert!(others.is_empty(), "{}", others.join("\n"));
    // Applied, it is said that night alone.
    district.run().exits(3);
    district.run().ok();
}

#[test]
fn what_is_approved_is_the_new_normal_and_what_is_blocked_is_not() {
    let district = district();
    district.sis(&changed(at("sch-1"), |person| person.email("")));
    let first = district.run().exits(4);
    let second = district.run().exits(4);
    assert_eq!(said(&first), said(&second));
    let checksum = first.checksum().to_owned();
    let json = district.cli(&["run", "--dry-run", "--format", "json"]).exits(4).json();
    let limit = &json["limits"][0];
    assert_eq!(limit["limit"], "history");
    assert_eq!((&limit["school"], &limit["field"]), (&"sch-1".into(), &"email".into()));
    assert_eq!((&limit["count"], &limit["of"]), (&0.into(), &60.into()));
    let status = district.cli(&["status"]).exits(4).stdout;
    assert!(status.contains("emails of Lincoln Elementary: 0 of 60, last night 60"), "{status}");
    // The approval is for these figures, although the plan changes nothing.
    district.sis(&changed(at("sch-2"), |person| person.email("")));
    district.run_with(&["--approve", &checksum]).exits(4);
    district.sis(&changed(at("sch-1"), |person| person.email("")));
    district.run_with(&["--approve", &checksum]).ok();
    district.run().ok();
    // With `history = false` nothing is judged.
    let mut district = district;
    district.sis(&changed(at("sch-2"), |person| person.email("")));
    district.run().exits(4);
    district.set("limits.history", "false");
    district.run().ok();
}

#[test]
fn on_the_second_night_only_a_total_loss_is_a_lie() {
    let district = District::new();
    district.sis(&everyone());
    district.run().ok();
    let most = |person: &Person| at("sch-1")(person) && !cell(person, "sourcedId").ends_with('0');
    district.sis(&changed(most, |person| person.email("")));
    assert_eq!(said(&district.preview()), [""; 0]);
    district.sis(&changed(at("sch-1"), |person| person.email("")));
    assert_eq!(
        said(&district.run().exits(4)),
        ["emails of sch-1: 0 of 60, last night 60; [limits] history: 60 on the last good night"]
    );
}

#[test]
fn an_older_file_is_blocked() {
    let district = District::new();
    let day = |days: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(20_000 * 86_400 + days * 86_400);
    district.sis(&everyone());
    district.written("sis/users.csv", day(3));
    district.run().ok();
    // The same content is no older roster.
    district.written("sis/users.csv", day(2));
    district.run().ok();
    let other = changed(role("teacher"), |person| person.given("Rosa"));
    district.sis(&other);
    district.written("sis/users.csv", day(1));
    assert_eq!(
        said(&district.run().exits(4)),
        [
            "users.csv was written at 2024-10-04 19:00, before the one of run 2 (written at 2024-10-05 19:00); [limits] history: an \
          older file does not follow a newer one"
        ]
    );
    district.written("sis/users.csv", day(4));
    district.run().ok();
}

#[test]
fn the_file_of_some_nights_ago_is_blocked() {
    let mut district = District::new();
    let nights: Vec<Vec<Person>> =
        (0..4).map(|n| changed(role("teacher"), move |person| person.given(&format!("Rosa {n}")))).collect();
    for (n, people) in nights.iter().enumerate() {
        district.at(&format!("2026-11-0{}T08:15:00Z", n + 1));
        district.sis(people);
        district.run().ok();
    }
    // In another order of rows.
    let again: Vec<Person> = nights[0].iter().rev().cloned().collect();
    district.file("sis/users.csv", users_csv(&COLUMNS, &again));
    assert_eq!(
        said(&district.run().exits(4)),
        [
            "the roster is the same, record by record, as that of run 1 (2026-11-01), and the 3 good nights since had others; [limits] \
          history: an old file does not come back"
        ]
    );
}

#[test]
fn a_delta_is_not_judged_and_an_undone_run_is_no_measure() {
    let district = District::new().with("limits.archive", "\"100%\"");
    district.sis(&everyone());
    district.run().ok();
    district.sis_delta(&changed(at("sch-1"), |person| person.email(""))[..40]);
    assert_eq!(said(&district.run()), [""; 0]);
    district.mode("bulk");
    district.sis(&everyone());
    district.run().ok();
    assert_eq!(district.ask("SELECT group_concat(run) FROM history"), "1,3");
    district.sis(&changed(role("teacher"), |person| person.given("Rosa")));
    let done = district.run();
    assert_eq!(said(&done), [""; 0]);
    district.cli(&["undo", "4"]).any();
    assert_eq!(district.ask("SELECT group_concat(run) FROM history"), "1,3");
}

#[test]
fn what_history_holds_back_is_applied_by_the_approval_of_the_run_that_held_it() {
    let mut district = district();
    district.set("limits.on_limit", "\"hold\"");
    // A school lost most of its users, and a teacher elsewhere has another name.
    let left = |person: &Person| !at("sch-2")(person) || cell(person, "sourcedId") == "tea-100";
    let renamed = changed(|person| cell(person, "sourcedId") == "tea-000", |person| person.family("Ortega"));
    let tonight: Vec<Person> = renamed.into_iter().filter(left).collect();
    district.sis(&tonight);
    let whole = district.preview().exits(3).checksum().to_owned();
    let done = district.run().exits(3);
    let rest = done.checksum().to_owned();
    assert_ne!(whole, rest);
    assert_eq!((done.report.count("held"), done.report.count("updated")), (59, 1));
    assert_eq!(
        done.stdout.split_once("\nHELD: ").expect(&done.stdout).1,
        format!(
            "59 users are held back by limits, the rest was applied\n  users of Washington Middle: 1, last night 60 (59 accounts are \
             nowhere in the roster); [limits] history: 60 on the last 3 good nights\nIf that is what should happen, approve exactly what \
             is held:\n  rostersync -c rostersync.toml run --approve {rest}\n"
        )
    );
    done.says("tea-102", "held", "Held by a limit - history");
    // The same the next night, until it is approved.
    assert_eq!(district.run().exits(3).checksum(), rest);
    district.run_with(&["--approve", &rest]).ok();
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE archived"), "59");
    district.run().ok();
}

#[test]
fn figures_that_hold_no_change_back_can_be_approved_too() {
    let mut district = district();
    district.set("limits.on_limit", "\"hold\"");
    district.sis(&changed(at("sch-1"), |person| person.email("")));
    let done = district.run().exits(3);
    let checksum = done.checksum().to_owned();
    let figures = "emails of Lincoln Elementary: 0 of 60, last night 60; [limits] history: 60 on the last 3 good nights";
    assert_eq!(
        done.stdout.split_once("\nHELD: ").expect(&done.stdout).1,
        format!(
            "no change is held back, but these figures need an approval\n  {figures}\nIf the figures are right, approve exactly this \
             plan:\n  rostersync -c rostersync.toml run --approve {checksum}\n"
        )
    );
    let runs = district.cli(&["runs", "--json"]).ok().json();
    assert_eq!(
        runs[0]["reason"],
        format!(
            "rostersync.toml: {figures}; no change is held back for it, but the figures need an approval"
        )
    );
    assert_eq!(district.run().exits(3).checksum(), checksum);
    district.run_with(&["--approve", &checksum]).ok();
    district.run().ok();
}
