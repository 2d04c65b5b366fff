//! The setting of a user: the district's value, the schools' own, and the schools that come to a
//! guardian through the students.

use crate::support::{District, Done, Person, person};

/// Active people, and then a new email for each of them. `kept` is OFF, `updated` is ON.
fn night(district: &mut District, people: &[Person]) -> Done {
    district.platform(people);
    district.sis(people);
    district.run().ok();
    let changed: Vec<Person> = people
        .iter()
        .map(|person| {
            let email = format!("new-{}@mail.example", person.cells["sourcedId"]);
            person.clone().email(&email)
        })
        .collect();
    district.sis(&changed);
    district.run().ok()
}

fn actions(done: &Done) -> Vec<String> {
    done.report.shows("sourced_id action")
}

#[test]
fn off_is_the_default() {
    let done = night(&mut District::new(), &[person("tea-1"), person("tea-2").schools("")]);
    assert_eq!(actions(&done), ["tea-1 | kept", "tea-2 | kept"]);
}

#[test]
fn all_schools_of_a_person_must_be_on() {
    let people = [
        person("tea-1").schools("sch-on"),
        person("tea-2").schools("sch-off"),
        person("tea-3").schools("sch-other"),
        person("tea-4").schools("sch-on,sch-off"),
        person("tea-5").schools("sch-on,sch-other"),
        person("tea-6").schools("sch-on,sch-on-2"),
        person("tea-7").schools(""),
    ];
    let schools = || {
        District::new()
            .without_limits()
            .school("sch-on", true)
            .school("sch-on-2", true)
            .school("sch-off", false)
    };
    let done = night(&mut schools(), &people);
    assert_eq!(
        actions(&done),
        [
            "tea-1 | updated",
            "tea-2 | kept",
            "tea-3 | kept",
            "tea-4 | kept",
            "tea-5 | kept",
            "tea-6 | updated",
            "tea-7 | kept",
        ]
    );
    let done = night(&mut schools().update_contacts(true), &people);
    assert_eq!(
        actions(&done),
        [
            "tea-1 | updated",
            "tea-2 | kept",
            "tea-3 | updated",
            "tea-4 | kept",
            "tea-5 | updated",
            "tea-6 | updated",
            "tea-7 | updated",
        ]
    );
}

#[test]
fn a_guardians_schools_are_those_of_the_students_linked_on_either_record() {
    let people = [
        person("stu-off").schools("sch-off").agents("gua-1,gua-2"),
        person("stu-on").schools("sch-on").agents("gua-2,gua-3"),
        person("stu-alone").schools("sch-off"),
        person("gua-1").schools("sch-on"),
        person("gua-2").schools("sch-on"),
        person("gua-3").schools("sch-on"),
        // The link on the guardian's own record.
        person("gua-4").schools("sch-on").agents("stu-alone"),
        person("gua-5").schools("").agents("stu-on"),
        // Not a guardian: the students' schools are none of theirs.
        person("tea-6").schools("sch-on").agents("stu-off"),
        person("par-7").schools("sch-on").agents("stu-off"),
        person("rel-8").schools("sch-on").agents("stu-off"),
    ];
    let mut district =
        District::new().without_limits().school("sch-on", true).school("sch-off", false).with_orgs();
    let done = night(&mut district, &people);
    assert_eq!(
        actions(&done)[3..],
        [
            "gua-1 | kept",
            "gua-2 | kept",
            "gua-3 | updated",
            "gua-4 | kept",
            "gua-5 | updated",
            "tea-6 | updated",
            "par-7 | kept",
            "rel-8 | kept",
        ]
    );
    assert_eq!(&done.report.row("gua-2")["schools"], "sch-on|sch-off");
}

#[test]
fn a_student_that_moves_to_a_school_under_off_takes_the_guardian_along() {
    let mut district =
        District::new().without_limits().school("sch-on", true).school("sch-off", false).with_orgs();
    let family = |school: &str, email: &str| {
        [person("stu-1").schools(school).agents("gua-1"), person("gua-1").schools("").email(email)]
    };
    district.platform(&[person("gua-1").email("a@mail.example")]);
    district.sis(&family("sch-on", "a@mail.example"));
    district.run().ok();
    district.sis(&family("sch-off", "b@mail.example"));
    let done = district.run().ok();
    done.says("gua-1", "kept", "Active user has a new email in the SIS import - a@mail.example");
    district.sis(&family("sch-on", "b@mail.example"));
    let done = district.run().ok();
    done.says("gua-1", "updated", "Email updated by the sync - was a@mail.example");
}

/// The schools of students that have left no longer count: schools come from tonight's roster.
#[test]
fn in_a_delta_the_schools_come_from_the_store_as_well() {
    let mut district =
        District::new().without_limits().school("sch-on", true).school("sch-off", false).with_orgs();
    district.platform(&[person("gua-1").schools("sch-on").email("a@mail.example")]);
    district.sis(&[
        person("stu-1").schools("sch-off").agents("gua-1"),
        person("gua-1").schools("sch-on").email("a@mail.example"),
    ]);
    district.run().ok();
    district.sis_delta(&[person("gua-1").schools("sch-on").email("b@mail.example")]);
    let done = district.run().ok();
    done.says("gua-1", "kept", "Active user has a new email in the SIS import - a@mail.example");
    // The student moves, and the guardian is decided anew although the delta does not mention the
    // guardian.
    district.sis_delta(&[person("stu-1").schools("sch-on").agents("gua-1")]);
    let done = district.run().ok();
    done.says("gua-1", "updated", "Email updated by the sync - was a@mail.example");
    assert_eq!(&done.report.row("gua-1")["line"], "");
}

#[test]
fn on_anywhere_needs_a_way_to_tell_people() {
    for district in [
        District::new().update_contacts(true).without_mail(),
        District::new().school("sch-1", true).without_mail(),
        // Texts are for users without an email.
        District::new()
            .update_contacts(true)
            .without_mail()
            .with("notify.sms.provider", "\"http\"")
            .with("notify.sms.url", "\"http://127.0.0.1:9\"")
            .with("notify.sms.fields", "{ to = \"{to}\", text = \"{body}\" }"),
    ] {
        district.sis(&[person("tea-1")]);
        let done = district.run().exits(2);
        done.complains(&["[notify.email]", "--no-notify"]);
        district.run_with(&["--no-notify"]).ok();
    }
}

/// `users show`, `explain` and the run go by the same schools, also where the roster names none.
#[test]
fn users_show_and_explain_say_the_setting_that_the_run_goes_by() {
    let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
    let people = |tonight: bool| {
        let or = |then: &'static str, now: &'static str| if tonight { now } else { then };
        vec![
            person("tea-1").schools("sch-on"),
            person("tea-2").schools("sch-on,sch-off"),
            person("tea-3").schools(""),
            // A single blank cell among filled ones; from one school to another.
            person("tea-4").schools(or("sch-off", "")),
            person("tea-5").schools(or("sch-on", "")),
            person("tea-6").schools(or("sch-off", "sch-on")),
            person("stu-1").schools("sch-on").agents("gua-1"),
            person("stu-2").schools("sch-off"),
            person("stu-3").schools(or("sch-on", "sch-off")).agents("gua-3"),
            person("stu-4").schools("sch-off").agents(or("gua-4", "")),
            person("gua-1").schools(""),
            person("gua-2").schools("").agents("stu-1,stu-2"),
            person("gua-3").schools(""),
            // The child no longer names the guardian.
            person("gua-4").schools(""),
        ]
    };
    district.platform(&people(false));
    district.sis(&people(false));
    district.run().ok();
    let changed: Vec<Person> = people(true)
        .into_iter()
        .map(|person| {
            let email = format!("new-{}@mail.example", person.cells["sourcedId"]);
            person.email(&email)
        })
        .collect();
    district.sis(&changed);
    let done = district.run();
    assert!(matches!(done.code, 0 | 3), "{}", done.stderr);
    let mut seen = [0, 0];
    for person in &changed {
        let id = &person.cells["sourcedId"];
        let on = match &done.report.row(id)["action"] {
            "updated" => true,
            "kept" => false,
            other => panic!("{id}: {other}"),
        };
        seen[usize::from(on)] += 1;
        for command in [&["users", "show", id, "--json"][..], &["explain", id, "--json"]] {
            let json = district.cli(command).ok().json();
            assert_eq!(json["update_contacts"], on, "{command:?}: {}", json["schools"]);
        }
        let words = district.cli(&["users", "can-edit", id, "--as", id, "--json"]).ok().json();
        assert_eq!(words["fields"]["email"]["editable"], !on, "{id}");
    }
    assert!(seen.iter().all(|count| *count >= 3), "{seen:?}");
}
