//! Every kind of source does the main job: for two nights the report is the one that the same
//! people in CSV files give, but for the positions of rows.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use crate::fake::Fake;
use crate::sis::Sis;
use crate::support::{COLUMNS, District, Done, Person, person, users_csv};
use crate::{api_access, clever, sftp, sis};

const ORGS: &str = "sourcedId,name\nsch-1,Lincoln Elementary\n";

/// No kind of source has these for all users, so that here no user has them.
const UNSAID: [&str; 2] = ["phone", "enabledUser"];

fn guardian(id: &str, name: &str, students: &str) -> Person {
    let named = person(id).given("").family(name).schools("").agents(students);
    named.mobile("(718) 555-0142").email(&format!("{id}@mail.example"))
}

/// In the order in which every source gives them.
fn first_night() -> Vec<Person> {
    let mut all: Vec<Person> =
        (0..18).map(|at| person(&format!("stu-{at:02}")).identifier(&format!("{at:04}"))).collect();
    all.extend([
        person("tea-1").identifier("77"),
        person("tea-2").email("not an address").schools("sch-9"),
        person("tea-3"),
        person("adm-1").identifier("88"),
        guardian("gua-1", "Sanjiv Becker", "stu-03,stu-04"),
        guardian("gua-2", "Rosa Diaz", "stu-03").mobile("718-555-0143"),
        guardian("gua-3", "Li Wang", "stu-05").email("").mobile("(718) 555-0144"),
        guardian("gua-4", "Ana Cruz", "stu-06"),
    ]);
    all
}

/// Users have left and come, and details have changed of users that have joined and of others.
fn second_night() -> Vec<Person> {
    let mut all = first_night();
    all.retain(|one| !matches!(one.cells["sourcedId"].as_str(), "stu-07" | "gua-4"));
    for one in &mut all {
        *one = match one.cells["sourcedId"].as_str() {
            "stu-01" => one.clone().family("Diaz Cruz"),
            "tea-1" => one.clone().email("new@school.example"),
            "tea-3" => one.clone().email("t3@school.example"),
            "gua-1" => one.clone().mobile("(718) 555-0199").agents("stu-03"),
            "gua-2" => one.clone().email("rosa@mail.example").mobile("718 555 0188"),
            _ => continue,
        };
    }
    all.insert(20, person("tea-4"));
    all
}

/// Makes a source have these people tonight.
type Tell = dyn Fn(&District, &[Person]);

/// A kind of source. Each night `tell` gives it the users of that night first.
struct Source {
    district: District,
    run: Box<dyn Fn(&District) -> Done>,
    tell: Box<Tell>,
    /// The server that the source asks, for as long as the source is used.
    server: Option<Fake>,
}

/// What a report says, but for the positions of rows.
fn said(done: &Done) -> Vec<BTreeMap<String, String>> {
    let mut rows: Vec<_> = done.report.rows.iter().map(|row| row.0.clone()).collect();
    for row in &mut rows {
        row.remove("line");
    }
    rows
}

#[track_caller]
fn conforms(source: Source) {
    let files = District::new().without_limits();
    files.file("sis/orgs.csv", ORGS);
    for (night, people) in [first_night(), second_night()].iter().enumerate() {
        files.sis_without(&UNSAID, people);
        (source.tell)(&source.district, people);
        for again in 0..2 {
            let (expected, done) = (files.run().ok(), (source.run)(&source.district).ok());
            let (found, wanted) = (said(&done), said(&expected));
            for (found, wanted) in found.iter().zip(&wanted) {
                assert_eq!(found, wanted, "night {night}, {again}");
            }
            assert_eq!(found.len(), wanted.len(), "night {night}, {again}");
            assert_eq!(done.plan(), expected.plan(), "night {night}, {again}");
            assert_eq!(done.checksum(), expected.checksum(), "night {night}, {again}");
        }
        for id in ["stu-01", "tea-1", "gua-2"].iter().filter(|_| night == 0) {
            files.cli(&["users", "join", id]).ok();
            source.district.cli(&["users", "join", id]).ok();
        }
    }
    // Guardians have no user name at Clever, and none in a file of their own.
    let usernames =
        "SELECT sourced_id, sis_username FROM account WHERE sis_roles NOT LIKE 'guardian%' ORDER BY 1";
    assert_eq!(source.district.ask(usernames), files.ask(usernames));
    assert_eq!(source.district.accounts().len(), files.accounts().len());
    assert_eq!(source.district.ask("SELECT count(*) FROM account WHERE archived"), "2");
    drop(source.server);
}

fn oneroster(set: impl Fn(&mut Sis), district: impl FnOnce(&Fake) -> District) -> Source {
    let mut sis = Sis::new(&[]);
    set(&mut sis);
    let sis = Arc::new(Mutex::new(sis));
    let served = Arc::clone(&sis);
    let fake = Fake::start(move |request| {
        let reply = served.lock().unwrap().page(request);
        // Not provided rather than blank, as in the files.
        sis::without(reply, &UNSAID)
    });
    let district = district(&fake);
    Source {
        district,
        run: Box::new(District::run),
        tell: Box::new(move |_, people| sis.lock().unwrap().people = people.to_vec()),
        server: Some(fake),
    }
}

#[test]
fn oneroster_1_1() {
    conforms(oneroster(|_| (), sis::district));
}

#[test]
fn oneroster_1_2() {
    conforms(oneroster(|sis| sis.roles = true, sis::district));
}

#[test]
fn oneroster_without_totals_and_with_small_pages() {
    conforms(oneroster(|sis| (sis.totals, sis.ceiling) = (false, 4), sis::district));
}

#[test]
fn classlink_directly() {
    conforms(oneroster(
        |_| (),
        |fake| {
            api_access::oauth1(sis::district(fake))
                .with("source.type", "\"classlink\"")
                .with("source.url", &format!("{:?}", fake.url("")))
        },
    ));
}

#[test]
fn classlink_by_its_proxy() {
    conforms(oneroster(
        |_| (),
        |fake| {
            sis::district(fake)
                .with("source.type", "\"classlink\"")
                .with("source.application", "\"MoYPlyQWmG0%3D\"")
                .with("source.url", &format!("{:?}", fake.url("/proxy")))
        },
    ));
}

#[test]
fn clever() {
    let clever = clever::clever(&[]);
    let fake = clever::served(&clever);
    conforms(Source {
        district: clever::district(&fake),
        run: Box::new(District::run),
        tell: Box::new(move |_, people| {
            clever.lock().unwrap().users = people.iter().map(clever::user).collect();
        }),
        server: Some(fake),
    });
}

#[test]
fn files_on_an_sftp_server() {
    let Some(server) = sftp::Server::start() else { return };
    let district = server.district();
    let (folder, server) = (server.at("drop"), Arc::new(server));
    let left: Vec<&str> = COLUMNS.into_iter().filter(|column| !UNSAID.contains(column)).collect();
    std::fs::write(folder.join("orgs.csv"), ORGS).unwrap();
    conforms(Source {
        district,
        run: Box::new(move |district| district.with_report(server.run(district))),
        tell: Box::new(move |_, people| {
            std::fs::write(folder.join("users.csv"), users_csv(&left, people)).unwrap();
        }),
        server: None,
    });
}

#[test]
fn guardians_in_a_file_of_their_own() {
    let is_guardian = |one: &Person| one.cells["role"] == "guardian";
    let district = District::new().without_limits().with("guardians.file", "\"guardians.csv\"");
    district.file("sis/orgs.csv", ORGS);
    conforms(Source {
        district,
        run: Box::new(District::run),
        tell: Box::new(move |district, people| {
            let (guardians, others): (Vec<Person>, Vec<Person>) =
                people.iter().cloned().partition(is_guardian);
            district.sis_without(&UNSAID, &others);
            // One row for each student.
            let mut text = "student_id,given_name,family_name,email,mobile,guardian_id\n".to_owned();
            for one in guardians {
                let cell = |column: &str| one.cells.get(column).cloned().unwrap_or_default();
                for student in cell("agentSourcedIds").split(',') {
                    let cells = ["givenName", "familyName", "email", "sms", "sourcedId"].map(cell);
                    text.push_str(&format!("{student},{}\n", cells.join(",")));
                }
            }
            district.file("guardians.csv", text);
        }),
        server: None,
    });
}
