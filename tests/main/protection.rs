//! Users that come from OFF to ON although the configuration did not change, the limit on contact
//! updates where only some schools are ON, and schools of the configuration that do not exist.

use crate::support::{District, Done, Person, person};

/// So many teachers at a school.
fn at(school: &str, numbers: std::ops::Range<usize>) -> Vec<Person> {
    numbers.map(|n| person(&format!("tea-{n:03}")).given(&format!("Given{n}")).schools(school)).collect()
}

/// All users have joined, and a first good night is over.
fn night(mut district: District, people: &[Person]) -> District {
    district.platform(people);
    district.sis(people);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district
}

/// Under ON but for `sch-off`.
fn mostly_on() -> District {
    District::new().update_contacts(true).school("sch-off", false).with_orgs()
}

#[track_caller]
fn blocked(district: &District, words: &[&str]) -> Done {
    let (before, mails) = (district.dump(), district.mails().len());
    let preview = district.preview().exits(4);
    let done = district.run().exits(4);
    let verdict = done.stdout.split_once("\nBLOCKED: nothing was applied\n").expect("a verdict").1;
    for words in words {
        assert!(verdict.contains(words), "`{words}` in\n{verdict}");
    }
    assert_eq!(preview.checksum(), done.checksum());
    assert_eq!(district.dump(), before);
    assert_eq!(district.mails().len(), mails);
    done
}

fn moved(people: &[Person], count: usize, school: &str) -> Vec<Person> {
    let moved = |(at, person): (usize, &Person)| {
        if at < count { person.clone().schools(school) } else { person.clone() }
    };
    people.iter().enumerate().map(moved).collect()
}

#[test]
fn users_that_come_from_off_to_on_are_counted_although_nothing_else_changes() {
    let all = [at("sch-off", 0..40), at("sch-1", 40..60)].concat();
    for count in [4, 5] {
        let district = night(mostly_on(), &all);
        district.sis(&moved(&all, count, "sch-1"));
        district.run().ok();
    }
    let district = night(mostly_on(), &all);
    district.sis(&moved(&all, 6, "sch-1"));
    let done = blocked(
        &district,
        &[
            "6 of 60 active users would come from OFF to ON although the configuration did not change (10.0%; 6 now at sch-1); \
           [limits] protection allows 1%, and 5 in any case\n",
        ],
    );
    assert!(done.plan().contains(" 60 unchanged,"), "{}", done.plan());
    // Night after night, and what is approved are these people.
    blocked(&district, &["6 of 60"]);
    district.sis(&moved(&all, 7, "sch-1"));
    district.run_with(&["--approve", done.checksum()]).exits(4);
    district.sis(&moved(&all, 6, "sch-1"));
    district.run_with(&["--approve", done.checksum()]).ok();
    district.run().ok();
    // Of more people a larger number is 1%.
    let many = [at("sch-off", 0..300), at("sch-1", 300..700)].concat();
    let district = night(mostly_on(), &many);
    district.sis(&moved(&many, 7, "sch-1"));
    district.run().ok();
    let district = night(mostly_on(), &many);
    district.sis(&moved(&many, 8, "sch-1"));
    blocked(&district, &["8 of 700 active users would come from OFF to ON"]);
}

/// However the night is decided: the preview, a run that re-checks everyone, and a run after the
/// accounts were altered by hand.
#[test]
fn it_is_the_same_however_the_night_is_decided() {
    let all = at("sch-off", 0..20);
    let district = night(mostly_on(), &all);
    for number in 0..3 {
        let id = format!("tea-{number:03}");
        district.cli(&["users", "edit", &id, "--as", &id, "--phone", "7185550101"]).ok();
    }
    district.sis(&moved(&all, 6, "sch-1"));
    blocked(&district, &["6 of 20 active users would come from OFF to ON"]);
    district.run_with(&["--decide-all"]).exits(4);
}

/// The school of a student protects the guardian, and the guardian comes to ON with the student.
#[test]
fn guardians_come_to_on_with_their_students() {
    let family = |school: &str| -> Vec<Person> {
        (1..=6)
            .flat_map(|n| {
                let (student, guardian) = (format!("stu-{n}"), format!("gua-{n}"));
                [
                    person(&student).schools(school).agents(&guardian).state("pending"),
                    person(&guardian).schools(""),
                ]
            })
            .collect()
    };
    let district = night(mostly_on(), &family("sch-off"));
    district.sis(&family("sch-1"));
    blocked(&district, &["6 of 6 active users would come from OFF to ON", "6 now at sch-1"]);
    // Pending students need no protection: without the guardians nothing is counted.
    let pending: Vec<Person> = family("sch-off").into_iter().map(|person| person.state("pending")).collect();
    let district = night(mostly_on(), &pending);
    district.sis(&family("sch-1"));
    district.run().ok();
}

#[test]
fn what_the_configuration_changes_does_not_count() {
    let all = at("sch-off", 0..20);
    // The school is turned on.
    let district = night(mostly_on(), &all);
    let config = district.config().replace("update_contacts = false", "update_contacts = true");
    district.file("other.toml", &config);
    district.cli(&["-c", "other.toml", "run"]).ok();
    // And on the same night some move, which alone would have brought them to ON.
    let district = night(mostly_on(), &all);
    district.file("other.toml", &config);
    district.sis(&moved(&all, 6, "sch-1"));
    let done = district.cli(&["-c", "other.toml", "run"]).exits(4);
    assert!(done.stdout.contains("6 of 20 active users would come from OFF to ON"), "{}", done.stdout);
    // A preview of what would happen if everything were ON is none either.
    let district = night(mostly_on(), &all);
    district.preview_with(&["--update-contacts", "on"]).ok();
}

/// With two of four schools ON, as one begins: the share is one of the users that the sync may
/// change.
#[test]
fn the_limit_on_contact_updates_counts_those_whom_the_sync_may_change() {
    let district = || {
        District::new()
            .school("sch-1", true)
            .school("sch-2", true)
            .school("sch-3", false)
            .school("sch-4", false)
            .with_orgs()
    };
    let all = [at("sch-1", 0..4), at("sch-2", 4..8), at("sch-3", 8..50), at("sch-4", 50..100)].concat();
    let changed = |count: usize| -> Vec<Person> {
        let new = |(at, person): (usize, &Person)| {
            if at < count { person.clone().email(&format!("new{at}@mail.example")) } else { person.clone() }
        };
        all.iter().enumerate().map(new).collect()
    };
    // Eight of eight, where eight of a hundred would be nothing.
    let first = night(district(), &all);
    first.sis(&changed(8));
    let done = blocked(
        &first,
        &[
            "8 of 8 active users under ON would have their contact details changed (100.0%); [limits] contact_updates of fewer than \
           20 active users under ON allows half of them (minimum = 20)\n",
        ],
    );
    assert_eq!(first.run_with(&["--decide-all"]).exits(4).checksum(), done.checksum());
    for (count, exit) in [(4, 0), (5, 4)] {
        let district = night(district(), &all);
        district.sis(&changed(count));
        district.run().exits(exit);
    }
    // People at a school under each are under OFF, and so are not among them.
    let both: Vec<Person> = [at("sch-1", 0..5), at("sch-1,sch-3", 5..60)].concat();
    let mixed = night(district().with("limits.protection", "100000"), &both);
    let tonight: Vec<Person> =
        both.iter().map(|person| person.clone().email(&format!("x-{}", person.cells["email"]))).collect();
    mixed.sis(&tonight);
    blocked(&mixed, &["5 of 5 active users under ON"]);
    // From 20 people on it is a share.
    let twenty = [at("sch-1", 0..20), at("sch-3", 20..100)].concat();
    for (count, exit) in [(4, 0), (5, 4)] {
        let district = night(district(), &twenty);
        let mut tonight = twenty.clone();
        for person in &mut tonight[..count] {
            *person = person.clone().email(&format!("new-{}", person.cells["email"]));
        }
        district.sis(&tonight);
        district.run().exits(exit);
    }
}

/// Guardians are under ON or OFF with their students, also where their row follows from the record.
#[test]
fn guardians_are_among_those_whom_the_sync_may_change() {
    let district = District::new().school("sch-1", true).school("sch-2", false);
    let mut people = Vec::new();
    for n in 1..=12 {
        let school = if n <= 6 { "sch-1" } else { "sch-2" };
        let (student, guardian) = (format!("stu-{n:02}"), format!("gua-{n:02}"));
        people.push(person(&student).schools(school).agents(&guardian).state("pending"));
        people.push(person(&guardian).schools(""));
    }
    let district = night(district, &people);
    for _ in 0..2 {
        let mut tonight = people.clone();
        for person in
            tonight.iter_mut().filter(|person| person.cells["sourcedId"].starts_with("gua-0")).take(4)
        {
            *person = person.clone().email(&format!("new-{}", person.cells["email"]));
        }
        district.sis(&tonight);
        blocked(&district, &["4 of 6 active users under ON"]);
    }
}

/// A school that is renumbered in the SIS: its `false` protects no user any more, and no user is
/// changed for that.
#[test]
fn a_protecting_school_that_does_not_exist_any_more_stops_the_run() {
    let all = [at("sch-off", 0..4), at("sch-1", 4..30)].concat();
    let names = "sourcedId,name,type\nsch-1,Lincoln,school\nsch-off,Roosevelt,school\n";
    let mut district = District::new().update_contacts(true).school("sch-off", false);
    district.file("sis/orgs.csv", names);
    let mut district = {
        district.platform(&all);
        district.sis(&all);
        district.run().ok();
        district
    };
    let renumbered: Vec<Person> = all
        .iter()
        .map(|person| {
            let school = person.cells["orgSourcedIds"].replace("sch-off", "sch-77");
            person.clone().schools(&school)
        })
        .collect();
    district.file("sis/orgs.csv", names.replace("sch-off", "sch-77"));
    district.sis(&renumbered);
    for _ in 0..2 {
        let done = blocked(
            &district,
            &[
                "the school `sch-off` (Roosevelt) does not exist, and its [[school]] entry with update_contacts = false protects no one",
            ],
        );
        assert!(done.stdout.contains("did you mean `sch-77`?"), "by its name: {}", done.stdout);
    }
    district.cli(&["check"]).exits(4);
    let json = district.run_with(&["--format", "json"]).exits(4).json();
    assert_eq!(json["limits"][0]["limit"], "school");
    // Approved, or corrected.
    let approve = district.preview().exits(4).checksum().to_owned();
    district.run_with(&["--approve", &approve]).exits(3);
    let config = district.config().replace("sch-off", "sch-77");
    district.file("other.toml", config);
    district.cli(&["-c", "other.toml", "run"]).ok();
    // Under a district that is OFF no user loses protection, and the school is named.
    district.set("sync.update_contacts", "false");
    district.run().exits(3);
}

/// With no orgs at all, with orgs that lack it, and with `[sync] schools`.
#[test]
fn a_school_without_users_is_named_whatever_the_source_knows_of_schools() {
    let said = |district: &District, key: &str| {
        for arguments in [&["-q", "run"][..], &["-q", "run"], &["run", "--dry-run"], &["check"]] {
            let done = district.cli(arguments).exits(3);
            assert!(
                done.stdout.contains("unknown-school")
                    && done.stdout.contains(key)
                    && done.stdout.contains("`sch-77`"),
                "{arguments:?}: {}",
                done.stdout
            );
            assert!(!done.stdout.contains("did you mean"), "{}", done.stdout);
        }
    };
    let people = [at("sch-1", 0..3), at("sch-3", 3..6)].concat();
    let without_orgs = District::new().school("sch-77", true).without_mail();
    let without_orgs = without_orgs
        .with("notify.email.server", "\"file:mail/\"")
        .with("notify.email.from", "\"a@b.example\"");
    without_orgs.sis(&people);
    said(&without_orgs, "[[school]] id");
    let synced = District::new().with("sync.schools", "[\"sch-1\", \"sch-77\"]");
    synced.file("sis/orgs.csv", "sourcedId,name,type\nsch-1,Lincoln,school\nsch-3,Roosevelt,school\n");
    synced.sis(&people);
    said(&synced, "[sync] schools");
    // A school is known if only an account has it that tonight's delta does not mention.
    let delta = District::new().school("sch-3", true);
    delta.sis(&people);
    delta.run().ok();
    delta.sis_delta(&people[..1]);
    delta.run().ok();
}
