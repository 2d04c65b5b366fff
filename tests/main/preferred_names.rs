//! `[sync] names`: the name that a user goes by, in place of the legal one.

use std::sync::{Arc, Mutex};

use serde_json::json;

use crate::clever::{Clever, district as clever_district, served as served_clever};
use crate::sis::{Sis, district as api_district, served as served_sis};
use crate::support::{COLUMNS, District, Person, person, users_csv};

/// A user with a preferred name.
fn known_as(id: &str, given: &str, family: &str) -> Person {
    person(id).with("preferredGivenName", given).with("preferredFamilyName", family)
}

fn sis(district: &District, people: &[Person]) {
    let columns = [&COLUMNS[..], &["preferredGivenName", "preferredFamilyName"]].concat();
    district.file("sis/users.csv", users_csv(&columns, people));
}

fn preferring() -> District {
    District::new().without_limits().with("sync.names", "\"preferred\"")
}

const NEW_NAME: &str = "Active user has a new name in the SIS import - Rosa Diaz";
const NAMES: &str = "sourced_id given_name family_name sis_given_name sis_family_name";

/// Part by part where it is not blank. A word for "no value" is no name; damaged text is none
/// either, but it is said.
#[test]
fn the_preferred_name_is_compared_part_by_part() {
    let mut district = preferring();
    let people = [
        known_as("stu-both", "Max", "Lopez"),
        known_as("stu-given", "Max", ""),
        known_as("stu-family", "", "Lopez"),
        known_as("stu-none", "", ""),
        known_as("stu-word", "NULL", "\\N"),
        known_as("stu-half", "Max", "NULL"),
        known_as("stu-mark", "=\"Max\"", "=\"\""),
        known_as("stu-null", "Null", ""),
    ];
    let all = [&people[..], &[known_as("stu-damaged", "JosÃ©", "")]].concat();
    district.platform(&all);
    sis(&district, &all);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows(NAMES),
        [
            "stu-both | Rosa | Diaz | Max | Lopez",
            "stu-given | Rosa | Diaz | Max | Diaz",
            "stu-family | Rosa | Diaz | Rosa | Lopez",
            "stu-none | Rosa | Diaz | Rosa | Diaz",
            "stu-word | Rosa | Diaz | Rosa | Diaz",
            "stu-half | Rosa | Diaz | Max | Diaz",
            "stu-mark | Rosa | Diaz | Max | Diaz",
            "stu-null | Rosa | Diaz | Null | Diaz",
            "stu-damaged | Rosa | Diaz | JosÃ© | Diaz",
        ]
    );
    done.says("stu-both", "created", NEW_NAME).says("stu-none", "created", "");
    done.says("stu-damaged", "created", "SIS import has an invalid name - JosÃ© Diaz");
    let words = "1 cell of preferredFamilyName holds NULL, a word for \"no value\": not provided";
    assert!(done.stderr.contains(words), "{}", done.stderr);
    // A second night says the same, and under ON the names are applied.
    district.run().ok().says("stu-given", "kept", NEW_NAME);
    district.set("sync.update_contacts", "true");
    let done = district.step_to_on(&[]).ok();
    done.says("stu-half", "updated", "Name updated by the sync - was Rosa Diaz").says(
        "stu-word",
        "unchanged",
        "",
    );
    assert_eq!(
        district.ask("SELECT given_name, family_name FROM account WHERE sourced_id = 'stu-half'"),
        "Max | Diaz"
    );
    assert!(district.mails().iter().any(|mail| mail.to == "stu-half@school.example"));
    district.cli(&["status", "--verify"]).ok();
}

/// To switch the key decides on every name again, and a preview shows what that does.
#[test]
fn a_switch_is_seen_in_a_preview() {
    let mut district = District::new().without_limits().update_contacts(true);
    let people = [known_as("stu-1", "Max", ""), person("stu-2")];
    district.platform(&people);
    sis(&district, &people);
    district.run().ok().says("stu-1", "created", "");
    let before = district.run().ok();
    assert_eq!(before.report.count("unchanged"), 2, "the legal name is the default");
    district.set("sync.names", "\"preferred\"");
    let preview = district.preview().ok();
    assert!(preview.stdout.contains("Rosa Diaz → Max Diaz"), "{}", preview.stdout);
    preview.says("stu-1", "updated", "Name updated by the sync - was Rosa Diaz");
    let done = district.run().ok();
    assert_eq!(done.checksum(), preview.checksum());
    assert_ne!(done.checksum(), before.checksum());
    district.set("sync.names", "\"legal\"");
    district.run().ok().says("stu-1", "updated", "Name updated by the sync - was Max Diaz");
    district.set("sync.names", "\"nickname\"");
    district.cli(&["run"]).exits(2).complains(&["`names` in [sync]", "\"legal\", \"preferred\""]);
}

/// Without such columns the legal names are used, and that is said once. Where many users had a
/// preferred name, the run stops instead of putting the legal ones in their place.
#[test]
fn a_source_without_preferred_names() {
    let district = preferring().update_contacts(true);
    let people: Vec<Person> = (1..=6).map(|number| known_as(&format!("stu-{number}"), "Max", "")).collect();
    district.sis(&people);
    let done = district.run().ok();
    assert_eq!(done.report.column("sis_given_name"), ["Rosa"; 6]);
    let said =
        "`names` in [sync] is \"preferred\", and the source has no preferred names; the legal names are used";
    assert_eq!(done.stderr.matches(said).count(), 1, "{}", done.stderr);
    sis(&district, &people);
    assert_eq!(district.run().ok().report.column("given_name"), ["Max"; 6]);
    let store = district.store_hash();
    let blank: Vec<Person> = people.iter().cloned().map(|one| one.with("preferredGivenName", "")).collect();
    sis(&district, &blank);
    for _ in 0..2 {
        district.cli(&["run"]).exits(7).complains(&[
            "no user has a preferred name tonight, and many had one on the last good night; nothing was applied",
            "have the preferred names exported again; to go on with the legal names, set `names = \"legal\"` in [sync]",
        ]);
        // Now the columns are gone as well.
        district.sis(&people);
    }
    assert_eq!(district.store_hash(), store);
}

/// What the registrar is to correct is the preferred name, or no name where the SIS has none.
#[test]
fn corrections_are_of_the_preferred_name() {
    let mut district = preferring();
    let names = |district: &District| {
        let done = district.cli(&["report", "--sis-corrections"]).ok();
        let mut reader = csv::Reader::from_reader(done.stdout.as_bytes());
        let rows: Vec<std::collections::BTreeMap<String, String>> =
            reader.deserialize().map(|row| row.unwrap()).collect();
        let shown = |row: &std::collections::BTreeMap<String, String>| {
            ["sourcedId", "givenName", "familyName", "preferredGivenName", "preferredFamilyName", "email"]
                .map(|column| row.get(column).map_or("no column", String::as_str))
                .join(" | ")
        };
        rows.iter().map(shown).collect::<Vec<_>>()
    };
    let theirs = [person("stu-1").given("Maxine"), person("stu-2").email("other@x.example")];
    district.platform(&theirs);
    sis(&district, &[known_as("stu-1", "Max", ""), known_as("stu-2", "Max", "").given("Rosa")]);
    district.run().ok();
    assert_eq!(
        names(&district),
        ["stu-1 |  |  | Maxine |  | stu-1@school.example", "stu-2 |  |  | Rosa |  | other@x.example",]
    );
    // Read as the roster, the file leaves no difference.
    let file = district.cli(&["report", "--sis-corrections"]).ok().stdout;
    district.file("sis/users.csv", file);
    let done = district.run().ok();
    assert_eq!(done.report.column("sis_given_name"), ["Maxine", "Rosa"]);
    assert!(done.report.column("action").iter().all(|action| *action == "unchanged"), "{:?}", done.report);
    district.set("sync.names", "\"legal\"");
    district.sis(&[person("stu-1"), person("stu-2")]);
    district.run().ok();
    assert_eq!(
        names(&district),
        [
            "stu-1 | Maxine | Diaz | no column | no column | stu-1@school.example",
            "stu-2 | Rosa | Diaz | no column | no column | other@x.example",
        ]
    );
}

/// OneRoster's REST calls the parts otherwise than its CSV, and servers give either.
#[test]
fn over_rest() {
    let people = [
        person("stu-1").with("preferredFirstName", "Max").with("preferredLastName", "Lopez"),
        person("stu-2").with("preferredGivenName", "Max"),
        person("stu-3").with("preferredFirstName", "NULL"),
    ];
    let fake = served_sis(Sis::new(&people));
    let mut district = api_district(&fake);
    assert_eq!(district.run().ok().report.column("sis_given_name"), ["Rosa"; 3]);
    district.set("sync.names", "\"preferred\"");
    let done = district.run().ok();
    assert_eq!(done.report.column("sis_given_name"), ["Max", "Max", "Rosa"]);
    assert_eq!(done.report.column("sis_family_name"), ["Lopez", "Diaz", "Diaz"]);
    assert!(done.stderr.contains("1 cell of preferredFirstName holds NULL"), "{}", done.stderr);
    let bare = served_sis(Sis::new(&[person("stu-1")]));
    let done = api_district(&bare).with("sync.names", "\"preferred\"").run().ok();
    assert!(done.stderr.contains("the source has no preferred names"), "{}", done.stderr);
}

/// A roster that is kept for pulls of changes has the names that were wanted then.
#[test]
fn a_kept_roster_is_pulled_again_for_other_names() {
    let people = [person("stu-1").with("preferredFirstName", "Max")];
    let fake = served_sis(Sis::new(&people));
    let mut district = api_district(&fake).with("source.mode", "\"incremental\"");
    district.run().ok();
    district.set("sync.names", "\"preferred\"");
    assert_eq!(district.run().ok().report.column("sis_given_name"), ["Max"]);
    let done = district.run().ok();
    assert_eq!(done.report.column("sis_given_name"), ["Max"]);
    assert!(!done.stderr.contains("no preferred names"), "{}", done.stderr);
}

/// Clever has it of students, since v3.1.
#[test]
fn at_clever() {
    let student = |id: &str, preferred: serde_json::Value| {
        json!({ "id": id, "email": format!("{id}@school.example"), "name": { "first": "Rosa", "last": "Diaz" },
                "roles": { "student": { "school": "sch-1", "schools": ["sch-1"], "preferred_name": preferred } } })
    };
    let users = vec![
        student("s1", json!({ "first": "Max", "middle": "M", "last": null })),
        student("s2", json!({ "first": "", "last": "Lopez" })),
        student("s3", json!(null)),
    ];
    let fake = served_clever(&Arc::new(Mutex::new(Clever::new(users))));
    let mut district = clever_district(&fake);
    assert_eq!(district.run().ok().report.column("sis_given_name"), ["Rosa"; 3]);
    district.set("sync.names", "\"preferred\"");
    let done = district.run().ok();
    assert_eq!(done.report.column("sis_given_name"), ["Max", "Rosa", "Rosa"]);
    assert_eq!(done.report.column("sis_family_name"), ["Diaz", "Lopez", "Diaz"]);
}
