//! `on_limit = "hold"`: what is over a limit is held back, and the rest is applied.

use crate::support::{District, Done, Person, person};

/// So many teachers at a school.
fn at(school: &str, count: usize) -> Vec<Person> {
    (1..=count).map(|n| person(&format!("tea-{school}-{n:03}")).schools(school)).collect()
}

fn renamed(person: &Person) -> Person {
    person.clone().family("Ortega")
}

/// A district that holds, with pending accounts.
fn district(people: &[Person]) -> District {
    let district = District::new()
        .with("limits.on_limit", "\"hold\"")
        .with("limits.per_school", "true")
        .with("limits.history", "false");
    let orgs = "sourcedId,name,type\nsch-1,Lincoln Elementary,school\nsch-2,Roosevelt Middle,school\n";
    district.file("sis/orgs.csv", orgs);
    district.sis(people);
    district.run().ok();
    district
}

fn count(district: &District, of: &str) -> String {
    district.ask(&format!("SELECT count(*) FROM account WHERE {of}"))
}

/// What comes after the checksum.
#[track_caller]
fn verdict(done: &Done) -> String {
    let (_, after) = done.stdout.split_once("\nHELD: ").expect(&done.stdout);
    after.to_owned()
}

#[test]
fn a_school_over_its_limit_is_held_back_and_the_rest_is_applied() {
    let everyone = [at("sch-1", 92), at("sch-2", 8)].concat();
    let before = district(&everyone);
    let first = renamed(&everyone[0]);
    before.sis(
        &[
            vec![first.clone()],
            at("sch-1", 91)[1..].to_vec(),
            at("sch-1", 1).into_iter().map(|_| person("tea-new")).collect(),
        ]
        .concat(),
    );
    let preview = before.preview().exits(3);
    let whole = preview.checksum().to_owned();
    assert_eq!(
        verdict(&preview),
        format!(
            "8 users would be held back by limits, the rest would be applied\n  archive: 8 of 8 accounts at Roosevelt Middle (100.0%) is \
             over 50%, the most of fewer than 20 (minimum = 20)\nIf that is what should happen, approve exactly this plan, with what is \
             held:\n  rostersync -c rostersync.toml run --approve {whole}\n"
        )
    );
    let done = before.run().exits(3);
    assert_eq!(
        done.plan(),
        "1 to create, 1 to update (0 email, 0 phone, 0 home phone, 1 name), 1 to archive, 0 to restore, 0 kept, 90 unchanged, \
         0 skipped, 0 rejected, 8 held, 0 missing, 0 links; 0 notifications (0 email, 0 SMS)"
    );
    let rest = done.checksum().to_owned();
    assert_ne!(rest, whole);
    assert_eq!(
        verdict(&done),
        format!(
            "8 users are held back by limits, the rest was applied\n  archive: 8 of 8 accounts at Roosevelt Middle (100.0%) is over \
             50%, the most of fewer than 20 (minimum = 20)\nIf that is what should happen, approve exactly what is held:\n  rostersync -c \
             rostersync.toml run --approve {rest}\n"
        )
    );
    done.says("tea-sch-2-001", "held", "Held by a limit - archive");
    done.says("tea-sch-1-092", "archived", "User is no longer in the SIS import - archived");
    assert_eq!(&done.report.row("tea-sch-2-001")["codes"], "held-by-limit");
    assert_eq!(count(&before, "archived"), "1");
    // It says so everywhere.
    let runs = before.cli(&["runs", "--json"]).ok().json();
    assert_eq!(runs[0]["result"], "attention");
    assert_eq!(runs[0]["exit"], 3);
    assert_eq!(runs[0]["summary"]["held"][0]["school"], "sch-2");
    assert!(runs[0]["reason"].as_str().unwrap().contains("archive: 8 of 8 accounts at Roosevelt Middle"));
    let status = before.cli(&["status"]).exits(3).stdout;
    assert!(status.contains("8 of 8 accounts at Roosevelt Middle"), "{status}");
    let done =
        "1 created, 1 updated, 1 archived, 0 restored, 0 kept, 0 skipped, 0 rejected, 8 held by limits\n";
    assert!(status.contains(done), "{status}");
    let explained = before.cli(&["explain", "tea-sch-2-001"]).ok();
    assert!(explained.stdout.contains("held-by-limit"), "{}", explained.stdout);
    // The next night they are decided on again, and an approval is for them.
    let again = before.run().exits(3);
    assert_eq!(again.checksum(), rest);
    let json = before.preview_with(&["--format", "json"]).exits(3).json();
    assert_eq!(json["held"]["users"], 8);
    assert_eq!(json["held"]["limits"][0]["limit"], "archive");
    assert_eq!(json["result"], "attention");
    assert_eq!(json["checksum"], rest);
    before.run_with(&["--approve", &whole]).exits(4);
    before.run_with(&["--approve", &rest]).ok();
    assert_eq!(count(&before, "archived"), "9");
    before.run().ok();
}

#[test]
fn the_approved_checksum_of_the_preview_applies_all_at_once() {
    let before = district(&[at("sch-1", 92), at("sch-2", 8)].concat());
    before.sis(&at("sch-1", 91));
    let whole = before.preview().exits(3).checksum().to_owned();
    before.run_with(&["--approve", &whole]).ok();
    assert_eq!(count(&before, "archived"), "9");
}

#[test]
fn over_the_limit_of_the_district_the_kind_is_held() {
    let everyone = at("sch-1", 60);
    let mut before = district(&everyone);
    before.set("limits.per_school", "false");
    // Nine are gone, two are new, and all others have another name.
    let tonight = everyone[..51].iter().map(renamed).chain([person("aid-1"), person("aid-2")]);
    before.sis(&tonight.collect::<Vec<_>>());
    let done = before.run().exits(3);
    assert_eq!(
        done.plan(),
        "2 to create, 0 to update (0 email, 0 phone, 0 home phone, 0 name), 0 to archive, 0 to restore, 0 kept, 0 unchanged, \
         0 skipped, 0 rejected, 60 held, 0 missing, 0 links; 0 notifications (0 email, 0 SMS)"
    );
    done.says("tea-sch-1-001", "held", "Held by a limit - pending_updates");
    done.says("tea-sch-1-060", "held", "Held by a limit - archive");
    assert_eq!(&done.report.row("tea-sch-1-001")["family_name"], "Diaz");
    assert_eq!(&done.report.row("tea-sch-1-001")["sis_family_name"], "Ortega");
    before.run_with(&["--approve", done.checksum()]).ok();
    assert_eq!(count(&before, "archived"), "9");
    assert_eq!(count(&before, "family_name = 'Ortega'"), "51");
}

#[test]
fn a_file_that_is_mended_leaves_no_trace_of_what_was_held() {
    let everyone = [at("sch-1", 92), at("sch-2", 8)].concat();
    let before = district(&everyone);
    before.sis(&at("sch-1", 92));
    before.run().exits(3);
    before.sis(&everyone);
    let done = before.run().ok();
    assert_eq!(done.report.count("unchanged"), 100);
    before.sis(&everyone.iter().map(renamed).collect::<Vec<_>>());
    assert_eq!(before.run().exits(3).report.count("held"), 100);
    before.sis(&everyone);
    assert_eq!(before.run().ok().report.count("unchanged"), 100);
}

#[test]
fn held_newcomers_get_no_account_until_they_are_approved() {
    let mut before = district(&at("sch-1", 20));
    before.set("limits.per_school", "false");
    before.sis(&at("sch-1", 40));
    let done = before.run().exits(3);
    done.says("tea-sch-1-040", "held", "Held by a limit - created");
    assert_eq!(&done.report.row("tea-sch-1-040")["state"], "");
    assert_eq!(count(&before, "1"), "20");
    before.run_with(&["--approve", done.checksum()]).ok();
    assert_eq!(count(&before, "1"), "40");
}

#[test]
fn active_people_who_are_held_keep_their_details_and_are_told_nothing() {
    let mut before = District::new().update_contacts(true).with("limits.on_limit", "\"hold\"");
    let everyone = at("sch-1", 30);
    before.platform(&everyone);
    before.sis(&everyone);
    before.run().ok();
    let moved = |of: &Person| of.clone().email(&format!("new-{}", of.cells["email"]));
    let tonight = everyone[..10].iter().map(moved).chain(everyone[10..].to_vec()).chain([person("aid-1")]);
    before.sis(&tonight.collect::<Vec<_>>());
    let done = before.run().exits(3);
    done.says("tea-sch-1-001", "held", "Held by a limit - contact_updates");
    assert_eq!(done.report.count("created"), 1);
    assert_eq!(before.mails().len(), 0);
    assert_eq!(count(&before, "email LIKE 'new-%'"), "0");
    before.run_with(&["--approve", done.checksum()]).ok();
    assert_eq!(count(&before, "email LIKE 'new-%'"), "10");
    assert_eq!(before.mails().len(), 20);
}

#[test]
fn too_many_messages_hold_the_people_who_would_get_one() {
    let mut before = District::new()
        .update_contacts(true)
        .with("limits.on_limit", "\"hold\"")
        .with("limits.notifications", "3");
    let everyone = at("sch-1", 30);
    before.platform(&everyone);
    before.sis(&everyone);
    before.run().ok();
    let moved = |of: &Person| of.clone().email(&format!("new-{}", of.cells["email"]));
    before.sis(&everyone[..2].iter().map(moved).chain(everyone[2..].to_vec()).collect::<Vec<_>>());
    let done = before.run().exits(3);
    done.says("tea-sch-1-001", "held", "Held by a limit - notifications");
    assert_eq!(before.mails().len(), 0);
}

#[test]
fn what_the_platform_says_cannot_be_held_so_nothing_is_applied() {
    let mut before = District::new().with("limits.on_limit", "\"hold\"").with("limits.unjoins", "\"5%\"");
    let everyone = at("sch-1", 30);
    before.platform(&everyone);
    before.sis(&everyone);
    before.run().ok();
    before.platform(&everyone.iter().map(|of| of.clone().state("pending")).collect::<Vec<_>>());
    before.sis(&at("sch-1", 20));
    let done = before.run().exits(4);
    assert!(done.stdout.contains("\nBLOCKED: nothing was applied\n"));
    assert_eq!(count(&before, "archived"), "0");
    assert_eq!(done.report.count("held"), 0);
}

#[test]
fn of_a_delta_nothing_is_held_because_the_next_one_does_not_say_it_again() {
    let before = district(&at("sch-1", 20));
    before.sis_delta(&at("sch-1", 40)[20..]);
    let done = before.run().exits(4);
    assert!(
        done.stdout.contains("20 accounts would be created, for 20 accounts that there are already (100.0%)")
    );
    assert_eq!(count(&before, "1"), "20");
}

/// Of a guardian who left the roster and is held, the roster names no student any more.
#[test]
fn students_of_guardians_that_are_held_still_have_a_contact() {
    let student = |n: usize| person(&format!("stu-{n:02}")).schools("sch-1").role("student");
    let guardian = |n: usize| person(&format!("gua-{n:02}")).role("guardian").agents(&format!("stu-{n:02}"));
    let students: Vec<Person> = (1..=30).map(student).collect();
    let all = [students.clone(), (1..=30).map(guardian).collect()].concat();
    let district = district(&all).with("limits.archive", "0");
    district.run().ok();
    let links = |district: &District| {
        district.ask("SELECT json_extract(summary, '$.links_before') FROM run ORDER BY id DESC LIMIT 1")
    };
    district.sis(&students);
    let held = district.run().exits(3);
    assert!(verdict(&held).starts_with("30 users are held back by limits"), "{}", held.stdout);
    let listed = district.cli(&["report", "--where", "codes=last-contact-lost"]).ok();
    assert!(!listed.stdout.contains("stu-"), "{}", listed.stdout);
    district.sis(&students);
    district.run().exits(3);
    assert_eq!(links(&district), "30");
}
