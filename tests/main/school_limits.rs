//! Limits that hold for each school and each role, and the limits on sign-ins, new accounts and
//! pending users.

use crate::support::{District, Done, Person, person};

/// So many teachers at a school.
fn at(school: &str, count: usize) -> Vec<Person> {
    (1..=count).map(|n| person(&format!("tea-{school}-{n:03}")).schools(school)).collect()
}

fn district(people: &[Person]) -> District {
    // A school that vanished is over its own history as well.
    let district = District::new().with("limits.history", "false");
    names(&district);
    district.sis(people);
    district.run().ok();
    district
}

fn names(district: &District) {
    let mut orgs = "sourcedId,name,type\n".to_owned();
    for (id, name) in
        [("sch-1", "Lincoln Elementary"), ("sch-2", "Roosevelt Middle"), ("sch-3", "Adams High")]
    {
        orgs.push_str(&format!("{id},{name},school\n"));
    }
    district.file("sis/orgs.csv", orgs);
}

/// What a blocked run says after its verdict's first line, without the approval.
#[track_caller]
fn verdict(done: &Done) -> Vec<String> {
    let verdict = done.stdout.split_once("\nBLOCKED: nothing was applied\n").expect("a verdict").1;
    verdict.lines().take_while(|line| line.starts_with("  ")).map(|line| line.trim().to_owned()).collect()
}

#[test]
fn a_school_whose_file_is_empty_is_far_below_the_share_of_the_district_and_over_its_own() {
    let everyone = [at("sch-1", 92), at("sch-2", 8)].concat();
    let mut before = district(&everyone);
    before.set("limits.per_school", "true");
    before.sis(&at("sch-1", 92));
    let done = before.run().exits(4);
    assert_eq!(
        verdict(&done),
        [
            "archive: 8 of 8 accounts at Roosevelt Middle (100.0%) is over 50%, the most of fewer than 20 (minimum = 20)"
        ]
    );
    assert_eq!(before.ask("SELECT count(*) FROM account WHERE archived"), "0");
    let json = before.run_with(&["--format", "json"]).exits(4).json();
    assert_eq!(json["limits"][0]["limit"], "archive");
    assert_eq!(json["limits"][0]["school"], "sch-2");
    assert_eq!(json["limits"][0]["count"], 8);
    assert_eq!(json["limits"][0]["of"], 8);
    assert_eq!(json["limits"][0]["max"], "50%");
    let runs = before.cli(&["runs", "--json"]).ok().json();
    assert_eq!(runs[0]["summary"]["limits"][0]["school"], "sch-2");
    before.run_with(&["--approve", done.checksum()]).ok();
    assert_eq!(before.ask("SELECT count(*) FROM account WHERE archived"), "8");
}

#[test]
fn without_per_school_a_limit_holds_for_the_district_alone() {
    let before = district(&[at("sch-1", 92), at("sch-2", 8)].concat());
    before.sis(&at("sch-1", 92));
    assert_eq!(before.run().ok().report.count("archived"), 8);
}

#[test]
fn a_share_of_a_school_may_be_reached_and_not_passed() {
    let everyone = [at("sch-1", 100), at("sch-2", 40)].concat();
    let mut before = district(&everyone);
    before.set("limits.per_school", "true");
    for (left, exit) in [(37, 0), (36, 0), (35, 4)] {
        before.sis(&[at("sch-1", 100), at("sch-2", left)].concat());
        before.preview().exits(exit);
    }
    assert_eq!(
        verdict(&before.preview()),
        ["archive: 5 of 40 accounts at Roosevelt Middle (12.5%) is over 10%"]
    );
}

#[test]
fn people_count_at_each_of_their_schools_and_guardians_at_those_of_their_children() {
    let child = |n: usize| person(&format!("stu-{n:03}")).schools("sch-2");
    let parent = |n: usize| person(&format!("gua-{n:03}")).schools("").agents(&format!("stu-{n:03}"));
    let both = |n: usize| person(&format!("tea-both-{n:03}")).schools("sch-1,sch-2");
    let families = |count: usize| (1..=count).flat_map(|n| [child(n), parent(n)]).collect::<Vec<_>>();
    let staff = |count: usize| (1..=count).map(both).collect::<Vec<_>>();
    let mut before = district(&[at("sch-1", 300), families(10), staff(10)].concat());
    before.set("limits.per_school", "true");
    before.sis(&[at("sch-1", 300), families(8), staff(10)].concat());
    assert_eq!(
        verdict(&before.preview().exits(4)),
        ["archive: 4 of 30 accounts at Roosevelt Middle (13.3%) is over 10%"]
    );
    before.sis(&[at("sch-1", 300), families(10), staff(6)].concat());
    assert_eq!(
        verdict(&before.preview().exits(4)),
        ["archive: 4 of 30 accounts at Roosevelt Middle (13.3%) is over 10%"]
    );
}

#[test]
fn a_role_has_its_own_share_too() {
    let aides = |count: usize| (1..=count).map(|n| person(&format!("aid-{n:02}"))).collect::<Vec<_>>();
    let mut before = district(&[at("sch-1", 280), aides(20)].concat());
    before.set("limits.per_role", "true");
    before.sis(&[at("sch-1", 280), aides(18)].concat());
    before.preview().ok();
    before.sis(&[at("sch-1", 280), aides(17)].concat());
    let done = before.run().exits(4);
    assert_eq!(verdict(&done), ["archive: 3 of 20 accounts with the role aide (15.0%) is over 10%"]);
    let json = before.run_with(&["--format", "json"]).exits(4).json();
    assert_eq!(json["limits"][0]["role"], "aide");
}

#[test]
fn of_many_schools_the_worst_are_named_and_the_rest_are_counted() {
    let school = |n: usize| at(&format!("sch-{n:03}"), 20);
    let everyone: Vec<Person> = (100..112).flat_map(school).collect();
    let mut before = district(&[at("sch-1", 1000), everyone].concat());
    before.set("limits.per_school", "true");
    // One school after the other loses one person more than the one before.
    let left = (100..112).flat_map(|n| school(n).into_iter().skip(3 + (n - 100) % 3));
    before.sis(&[at("sch-1", 1000), left.collect()].concat());
    let lines = verdict(&before.preview().exits(4));
    assert_eq!(lines[0], "archive: 5 of 20 accounts at sch-102 (25.0%) is over 10%");
    assert_eq!(lines.len(), 11);
    assert_eq!(lines[10], "archive: 2 more schools are over the limit: `--format json` has them all");
    let json = before.run_with(&["--format", "json"]).exits(4).json();
    assert_eq!(json["limits"].as_array().unwrap().len(), 12);
    assert_eq!(before.cli(&["runs", "--json"]).json()[0]["summary"]["limits"].as_array().unwrap().len(), 12);
}

#[test]
fn sign_ins_have_a_limit_of_their_own() {
    let mut before = District::new().update_contacts(true);
    let everyone = at("sch-1", 30);
    before.platform(&everyone);
    before.sis(&everyone);
    before.run().ok();
    before.set("limits.contact_updates", "\"100%\"");
    before.set("limits.credentials", "\"10%\"");
    let renamed = |of: &Person| of.clone().family("Ortega");
    let moved = |of: &Person| of.clone().email(&format!("new-{}", of.cells["email"]));
    before.sis(&everyone.iter().map(renamed).collect::<Vec<_>>());
    before.preview().ok();
    for (changed, exit) in [(2, 0), (3, 0), (4, 4)] {
        let new = everyone.iter().take(changed).map(moved).chain(everyone[changed..].iter().cloned());
        before.sis(&new.collect::<Vec<_>>());
        before.preview().exits(exit);
    }
    assert_eq!(
        verdict(&before.preview()),
        [
            "4 of 30 active users under ON would have another email or mobile to sign in with (13.3%); [limits] credentials allows 10%"
        ]
    );
}

#[test]
fn new_accounts_have_a_limit_but_not_on_an_empty_store() {
    let before = district(&at("sch-1", 20));
    for (all, exit) in [(25, 0), (26, 0), (27, 4)] {
        before.sis(&at("sch-1", all));
        before.preview().exits(exit);
    }
    assert_eq!(
        verdict(&before.preview()),
        [
            "7 accounts would be created, for 20 accounts that there are already (35.0%); [limits] created allows 30%"
        ]
    );
    // A few accounts more than a few are no reason to look.
    let few = district(&at("sch-1", 19));
    few.sis(&at("sch-1", 100));
    few.run().ok();
}

#[test]
fn a_file_in_which_every_name_is_null_changes_no_pending_account() {
    let everyone = at("sch-1", 60);
    let before = district(&everyone);
    let emptied = |of: &Person| of.clone().given("Null").family("Null");
    let all: Vec<Person> = everyone.iter().take(59).map(emptied).chain(everyone[59..].to_vec()).collect();
    before.sis(&all);
    let done = before.run().exits(4);
    assert_eq!(
        verdict(&done),
        [
            "59 of 60 pending users would have their contact details changed (98.3%); [limits] pending_updates allows 50%"
        ]
    );
    for (changed, exit) in [(29, 0), (30, 0), (31, 4)] {
        let some = everyone.iter().take(changed).map(emptied).chain(everyone[changed..].to_vec());
        before.sis(&some.collect::<Vec<_>>());
        before.preview().exits(exit);
    }
}

#[test]
fn the_new_limits_are_only_said_on_the_night_of_an_upgrade() {
    let everyone = at("sch-1", 60);
    let before = district(&everyone);
    let older = "UPDATE last_night SET seen = json_remove(seen, '$.limits')";
    before.store().execute_batch(older).unwrap();
    let renamed = |name: &str| everyone.iter().map(|of| of.clone().family(name)).collect::<Vec<_>>();
    let newcomers = (1..=20).map(|n| person(&format!("new-{n:03}")).schools("sch-1"));
    before.sis(&renamed("Ortega").into_iter().chain(newcomers).collect::<Vec<_>>());
    let done = before.run().ok();
    assert!(
        done.stderr.contains(
            "20 accounts would be created, for 60 accounts that there are already (33.3%); [limits] created allows 30%; 60 of 60 \
             pending users would have their contact details changed (100.0%); [limits] pending_updates allows 50%. These limits are \
             new in this version: they are only said now, and hold from the next run on"
        ),
        "{}",
        done.stderr
    );
    before.sis(&renamed("Diaz"));
    before.run().exits(4);
}
