//! The step to ON: people whose own details were kept are not changed before a person has looked.

use crate::support::{District, Done, Person, person};

/// Active teachers of two schools. The first ones differ from the SIS in the email, the last one of
/// each school in the home phone.
fn kept(on: bool) -> District {
    let mut district = District::new().update_contacts(on);
    let orgs = "sourcedId,name,type\nsch-1,Lincoln Elementary,school\nsch-2,Roosevelt Middle,school\n";
    district.file("sis/orgs.csv", orgs);
    let all = people();
    district.platform(&all.iter().map(|of| of.clone().email(&own(of))).collect::<Vec<_>>());
    district.sis(&all);
    district
}

fn people() -> Vec<Person> {
    let at = |school: &str, count: usize| {
        (1..=count).map(|n| person(&format!("tea-{school}-{n}")).schools(school)).collect::<Vec<_>>()
    };
    [at("sch-1", 3), at("sch-2", 2)].concat()
}

/// What they typed themselves; one of them has the SIS's own.
fn own(person: &Person) -> String {
    match person.cells["sourcedId"].as_str() {
        "tea-sch-1-3" => person.cells["email"].clone(),
        id => format!("{id}@home.example"),
    }
}

const MESSAGE: &str = "update_contacts is ON for the first time for 4 active users whose details the sync would change now: 4 would be \
                       told, and 4 would have another email or mobile to sign in with; this step needs an approval";

#[track_caller]
fn verdict(done: &Done) -> Vec<String> {
    let verdict = done.stdout.split_once("\nBLOCKED: nothing was applied\n").expect(&done.stdout).1;
    verdict.lines().take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn the_step_to_on_is_blocked_until_it_is_approved_and_shows_each_school() {
    let mut district = kept(false);
    district.set("limits.contact_updates", "\"100%\"");
    district.set("limits.credentials", "\"100%\"");
    district.run().ok();
    district.set("sync.update_contacts", "true");
    let accounts = district.dump();
    for done in [district.preview().exits(4), district.run().exits(4), district.run().exits(4)] {
        assert_eq!(verdict(&done), [MESSAGE]);
        let table = "\
Switched ON: active users whose details change for the first time
  School                            Users     Told  Sign-ins
  Lincoln Elementary                    2        2         2
  Roosevelt Middle                      2        2         2
  All                                   4        4         4
";
        assert!(done.stdout.contains(table), "{}", done.stdout);
    }
    assert_eq!(district.dump(), accounts);
    assert_eq!(district.mails().len(), 0);
    let json = district.preview_with(&["--format", "json"]).exits(4).json();
    assert_eq!(json["limits"][0]["limit"], "update_contacts");
    assert_eq!(json["switched_on"]["all"]["users"], 4);
    assert_eq!(json["switched_on"]["schools"]["sch-1"]["sign_ins"], 2);
    let checksum = district.preview().checksum().to_owned();
    assert_eq!(district.run_with(&["--approve", &checksum]).ok().report.count("updated"), 4);
    // From now on the sync may.
    district.sis(&people().iter().map(|of| of.clone().family("Ortega")).collect::<Vec<_>>());
    assert_eq!(district.run().ok().report.count("updated"), 5);
}

#[test]
fn without_kept_differences_there_is_nothing_to_approve() {
    let mut district = District::new();
    district.platform(&people());
    district.sis(&people());
    district.run().ok();
    district.set("sync.update_contacts", "true");
    district.run().ok();
    // Nor is it news later on.
    district.sis(&people().iter().map(|of| of.clone().family("Ortega")).collect::<Vec<_>>());
    district.set("limits.contact_updates", "\"100%\"");
    district.set("limits.credentials", "\"100%\"");
    district.run().ok();
}

#[test]
fn a_district_that_begins_with_on_takes_no_step() {
    let mut district = kept(true);
    district.set("limits.contact_updates", "\"100%\"");
    district.set("limits.credentials", "\"100%\"");
    district.run().ok();
}

#[test]
fn a_school_that_becomes_on_is_a_step_too() {
    let district = kept(false);
    district.run().ok();
    let mut district = district.school("sch-2", true);
    district.set("limits.contact_updates", "\"100%\"");
    district.set("limits.credentials", "\"100%\"");
    let done = district.run().exits(4);
    assert_eq!(verdict(&done), [MESSAGE.replace("4 active", "2 active").replace("4 would", "2 would")]);
    assert!(!done.stdout.contains("  Lincoln Elementary "));
    assert_eq!(district.run_with(&["--approve", done.checksum()]).ok().report.count("updated"), 2);
}

#[test]
fn people_who_edited_their_details_since_the_last_run_are_among_them() {
    let mut district = District::new();
    district.platform(&people());
    district.sis(&people());
    district.run().ok();
    district.unset("platform.users");
    let edit = ["users", "edit", "tea-sch-1-1", "--as", "tea-sch-1-1", "--email", "rosa@home.example"];
    district.cli(&edit).ok();
    district.set("sync.update_contacts", "true");
    let done = district.run().exits(4);
    assert_eq!(
        verdict(&done),
        [MESSAGE.replace("4 active users", "1 active user").replace("4 would", "1 would")]
    );
}

#[test]
fn held_at_the_step_to_on_the_rest_goes_on() {
    let mut district = kept(false);
    district.set("limits.on_limit", "\"hold\"");
    district.set("limits.contact_updates", "\"100%\"");
    district.set("limits.credentials", "\"100%\"");
    district.run().ok();
    district.set("sync.update_contacts", "true");
    let tonight = [people(), vec![person("aid-new").schools("sch-1")]].concat();
    district.sis(&tonight);
    for created in [1, 0] {
        let done = district.run().exits(3);
        done.says("tea-sch-1-1", "held", "Held by a limit - update_contacts");
        assert_eq!(done.report.count("held"), 4);
        assert_eq!(done.report.count("created"), created);
        assert!(done.stdout.contains("  Lincoln Elementary                    2        2         2\n"));
    }
    assert_eq!(district.mails().len(), 0);
    let checksum = district.preview().exits(3).checksum().to_owned();
    assert_eq!(district.run_with(&["--approve", &checksum]).ok().report.count("updated"), 4);
    district.run().ok();
}

#[test]
fn the_step_to_on_is_blocked_on_the_night_of_an_upgrade_too() {
    let mut district = kept(false);
    district.run().ok();
    let older = "UPDATE last_night SET seen = json_remove(seen, '$.limits')";
    district.store().execute_batch(older).unwrap();
    district.set("sync.update_contacts", "true");
    district.set("limits.contact_updates", "\"100%\"");
    assert_eq!(verdict(&district.run().exits(4)), [MESSAGE]);
    assert_eq!(district.mails().len(), 0);
}
