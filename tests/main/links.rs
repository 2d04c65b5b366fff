//! Links between adults and children: what comes and goes, which adults can be reached, and where
//! that is seen.

use crate::support::{COLUMNS, District, Person, person, users_csv};

/// Four students and three guardians; `gua-2` is linked by the student's record, the others by
/// their own.
fn people() -> Vec<Person> {
    vec![
        person("stu-1"),
        person("stu-2").agents("gua-2"),
        person("stu-3"),
        person("stu-9"),
        person("gua-1").schools("").agents("stu-1,stu-3"),
        person("gua-2").schools(""),
        person("gua-3").schools("").agents("stu-9"),
    ]
}

fn with(id: &str, change: impl Fn(Person) -> Person) -> Vec<Person> {
    people().into_iter().map(|one| if one.cells["sourcedId"] == id { change(one) } else { one }).collect()
}

/// The district after its first night.
fn district() -> District {
    let district = District::new();
    district.sis(&people());
    district.run().ok();
    district
}

/// The links that the last run saw, by `status`.
fn seen(district: &District) -> (u64, u64, u64) {
    let status = district.cli(&["status", "--json"]).json();
    let number = |value: &serde_json::Value| value.as_u64().unwrap();
    let contact = &status["students_without_contact"];
    (number(&status["links"]), number(&contact["now"]), contact["before"].as_u64().unwrap_or_default())
}

#[test]
fn a_first_load_lists_no_links() {
    let district = District::new();
    district.sis(&people());
    let done = district.run().ok();
    assert!(done.report.rows.iter().all(|row| row["notes"].is_empty()), "{:?}", done.report.column("notes"));
    assert!(
        done.plan().ends_with("0 held, 0 missing, 0 links; 0 notifications (0 email, 0 SMS)"),
        "{}",
        done.plan()
    );
    assert_eq!(seen(&district), (4, 0, 0));
    let again = district.run().ok();
    assert!(again.plan().contains(" 0 to update ") && again.plan().contains(" 0 links;"), "{}", again.plan());
    assert_eq!(district.ask("SELECT count(*) FROM audit"), "0");
}

#[test]
fn the_first_night_after_an_upgrade_lists_no_links() {
    let district = district();
    // As a version left it that did not look at links.
    district
        .store()
        .execute_batch(
            "UPDATE account SET links = NULL; UPDATE last_night SET seen = json_remove(seen, '$.links');",
        )
        .unwrap();
    district.sis(&with("gua-1", |one| one.agents("stu-3,stu-9")));
    let done = district.run().ok();
    done.says("gua-1", "unchanged", "");
    assert!(done.plan().contains(" 0 links;"), "{}", done.plan());
    district.sis(&people());
    district.run().ok().says("gua-1", "updated", "Linked to stu-1; No longer linked to stu-9");
}

#[test]
fn the_adults_row_says_what_came_and_went_whichever_record_names_it() {
    let district = district();
    // By the adult's own record.
    district.sis(&with("gua-1", |one| one.agents("stu-9,stu-1")));
    let preview = district.preview();
    assert!(
        preview.stdout.contains("~ gua-1     active   links      + stu-9, - stu-3")
            || preview.stdout.contains("~ gua-1     pending  links      + stu-9, - stu-3"),
        "{}",
        preview.stdout
    );
    let json = district.cli(&["run", "--dry-run", "--format", "json"]).ok().json();
    assert_eq!(json["links"], serde_json::json!({ "added": 1, "removed": 1 }));
    assert_eq!(json["changes"][0]["kind"], "links");
    assert_eq!(json["changes"][0]["old"], "stu-3");
    assert_eq!(json["changes"][0]["new"], "stu-9");
    let done = district.run().ok();
    done.says("gua-1", "updated", "Linked to stu-9; No longer linked to stu-3");
    assert_eq!(&done.report.row("gua-1")["codes"], "link-added link-removed");
    assert_eq!(done.plan(), preview.plan());
    assert_eq!(done.checksum(), preview.checksum());
    assert!(done.plan().contains("0 held, 0 missing, 2 links; 0 notifications"), "{}", done.plan());
    assert!(district.mails().is_empty());
    let quiet = district.run().ok();
    quiet.says("gua-1", "unchanged", "");
    assert!(quiet.plan().contains(" 0 to update ") && quiet.plan().contains(" 0 links;"), "{}", quiet.plan());
    // By the student's record alone: the adult's has not changed.
    let mut all = with("gua-1", |one| one.agents("stu-9,stu-1"));
    all[1] = person("stu-2");
    all[2] = person("stu-3").agents("gua-2");
    district.sis(&all);
    let done = district.run().ok();
    done.says("gua-2", "updated", "Linked to stu-3; No longer linked to stu-2");
    done.says("stu-2", "unchanged", "No reachable contact left - was gua-2");
    done.says("stu-3", "unchanged", "");
    district.run().ok().says("gua-2", "unchanged", "");
}

#[test]
fn a_link_goes_when_neither_record_names_it() {
    let district = District::new();
    let both = |student: &str, guardian: &str| {
        vec![
            person("stu-1").agents(student),
            person("gua-1").schools("").agents(guardian),
            person("stu-2").agents("gua-2"),
            person("gua-2").schools(""),
        ]
    };
    district.sis(&both("gua-1", "stu-1"));
    district.run().ok();
    for (student, guardian) in [("", "stu-1"), ("gua-1", ""), ("gua-1", "stu-1")] {
        district.sis(&both(student, guardian));
        let done = district.run().ok();
        done.says("gua-1", "unchanged", "");
    }
    district.sis(&both("", ""));
    district.run().ok().says("gua-1", "updated", "No longer linked to stu-1");
}

/// While the student was away nothing was taken from the link, and no data of the adult has changed
/// on the night on which the student is back.
#[test]
fn a_link_that_no_record_names_goes_when_the_student_is_back() {
    let district = District::new().without_limits();
    let student = || person("stu-1").given("Ann");
    let other = || person("stu-2").given("Bea").agents("gua-1");
    let guardian = |students: &str| person("gua-1").given("Tom").agents(students);
    district.sis(&[student(), other(), guardian("stu-1,stu-2")]);
    district.run().ok();
    for students in ["stu-1,stu-2", "stu-2"] {
        district.sis(&[other(), guardian(students)]);
        district.run().ok().says("gua-1", "unchanged", "");
    }
    district.sis(&[student(), other(), guardian("stu-2")]);
    district.run().ok().says("gua-1", "updated", "No longer linked to stu-1");
    district.run().ok().says("gua-1", "unchanged", "");
}

#[test]
fn of_many_links_the_first_three_are_named() {
    let district = District::new();
    let students = || (1..7).map(|number| person(&format!("stu-{number}")));
    let with = |agents: &str| {
        let mut all: Vec<Person> = students().collect();
        all.push(person("gua-1").schools("").agents(agents));
        all
    };
    district.sis(&with("stu-1"));
    district.run().ok();
    district.sis(&with("stu-6,stu-5,stu-4,stu-3,stu-2"));
    let done = district.run().ok();
    done.says("gua-1", "updated", "Linked to stu-2, stu-3, stu-4 and 2 more; No longer linked to stu-1");
}

#[test]
fn a_row_that_is_kept_stays_kept() {
    let mut district = district();
    district.platform(&[person("gua-1").email("own@mail.example")]);
    district.run().ok().says(
        "gua-1",
        "kept",
        "Active user has a new email in the SIS import - own@mail.example",
    );
    let changed = with("gua-1", |one| one.agents("stu-1"));
    district.sis(&changed);
    let kept = "Active user has a new email in the SIS import - own@mail.example";
    district.run().ok().says("gua-1", "kept", &format!("{kept}; No longer linked to stu-3"));
    assert_eq!(seen(&district).0, 3);
    let done = district.run().ok();
    done.says("gua-1", "kept", kept);
    assert!(done.plan().contains(" 0 links;"), "{}", done.plan());
    assert_eq!(district.ask("SELECT count(*) FROM audit WHERE field = 'link'"), "1");
}

#[test]
fn an_adult_that_comes_and_a_child_that_comes() {
    let district = district();
    let mut all = people();
    all.push(person("stu-10").agents("gua-3"));
    all.push(person("gua-4").schools("").agents("stu-9,stu-10"));
    district.sis(&all);
    let preview = district.preview();
    assert!(!preview.stdout.contains("~ gua-4 "), "{}", preview.stdout);
    let done = district.run().ok();
    done.says("gua-3", "updated", "Linked to stu-10");
    done.says("gua-4", "created", "Linked to stu-10, stu-9");
    assert!(done.plan().contains(" 3 links;"), "{}", done.plan());
    assert_eq!(district.ask("SELECT count(*) FROM audit WHERE field = 'link' AND old = ''"), "3");
    // Those that leave are archived, and nothing is said of their links.
    district.sis(&people());
    let done = district.run_with(&["--approve", district.preview().checksum()]).ok();
    done.says("gua-4", "archived", "User is no longer in the SIS import - archived");
    done.says("gua-3", "unchanged", "");
    district.sis(&all);
    let done = district.run().ok();
    done.says("gua-4", "restored", "User is back in the SIS import - restored");
    done.says("gua-3", "unchanged", "");
    // A link that is gone when both are there again.
    district.sis(&people());
    district.run().any();
    all.last_mut().unwrap().cells.insert("agentSourcedIds", "stu-9".into());
    district.sis(&all);
    district.run().ok().says(
        "gua-4",
        "restored",
        "No longer linked to stu-10; User is back in the SIS import - restored",
    );
}

#[test]
fn what_is_not_said_takes_no_link_away() {
    let unchanged = |district: &District| {
        let done = district.run();
        let codes = done.report.column("codes");
        assert!(codes.iter().all(|codes| !codes.contains("link-")), "{codes:?}");
        assert!(done.plan().contains(" 0 links;"), "{}", done.plan());
        assert!(!done.stdout.contains("no contact that can be reached"), "{}", done.stdout);
    };
    let district = district();
    // The column is missing; it is blank as a whole; it cannot be read.
    district.sis_without(&["agentSourcedIds"], &people());
    unchanged(&district);
    district.sis(&people().into_iter().map(|one| one.agents("")).collect::<Vec<_>>());
    unchanged(&district);
    district.sis(&with("gua-1", |one| one.agents("?!")));
    unchanged(&district);
    // A row that cannot be used.
    let shifted = users_csv(&COLUMNS, &people()).replace("\"stu-1,stu-3\",\n", "\"stu-1,stu-3\",,moved,by\n");
    assert!(shifted.contains("moved"));
    district.file("sis/users.csv", shifted);
    unchanged(&district);
    // A delta that does not mention them.
    district.sis_delta(&[person("stu-1").given("Ana")]);
    unchanged(&district);
    // A blank cell among others does take it away, in a delta too.
    district.sis_delta(&[person("gua-3").schools("").agents("")]);
    let done = district.run().ok();
    done.says("gua-3", "updated", "No longer linked to stu-9");
    done.says("stu-9", "unchanged", "No reachable contact left - was gua-3");
    // A delta by the student's record brings the adult's row.
    district.sis_delta(&[person("stu-9").agents("gua-3")]);
    district.run().ok().says("gua-3", "updated", "Linked to stu-9");
}

#[test]
fn the_limit_on_links_that_go() {
    // Thirty links: three may go.
    let people = |gone: usize| {
        let pair = |number: usize| {
            let agents = if number < gone { String::new() } else { format!("stu-{number}") };
            [person(&format!("stu-{number}")), person(&format!("gua-{number}")).schools("").agents(&agents)]
        };
        (0..30).flat_map(pair).collect::<Vec<Person>>()
    };
    let district = District::new();
    district.sis(&people(0));
    district.run().ok();
    for gone in [2, 3] {
        district.sis(&people(gone));
        district.preview().ok();
    }
    district.sis(&people(4));
    let blocked = district.run().exits(4);
    let said = "BLOCKED: nothing was applied\n  4 of 30 links between adults and children would be removed (13.3%); \
                [limits] links allows 10%\n";
    assert!(blocked.stdout.contains(said), "{}", blocked.stdout);
    assert_eq!(seen(&district).0, 30);
    // The approval is for these links alone.
    let approved = blocked.checksum().to_owned();
    let others: Vec<Person> = people(0)
        .into_iter()
        .map(|one| if one.cells["sourcedId"].starts_with("gua-2") { one.agents("stu-1") } else { one })
        .collect();
    district.sis(&others);
    district.run_with(&["--approve", &approved]).exits(4).any();
    district.sis(&people(4));
    district.run_with(&["--approve", &approved]).ok().says("gua-0", "updated", "No longer linked to stu-0");
    // Fewer links than the minimum: no share holds.
    let few = District::new();
    few.sis(&people(0)[..38]);
    few.run().ok();
    few.sis(&people(18)[..38]);
    few.preview().ok();
    let counted = few.with("limits.links", "17");
    let said = counted.preview().exits(4).stdout;
    assert!(
        said.contains("  18 links between adults and children would be removed; [limits] links allows 17\n"),
        "{said}"
    );
}

#[test]
fn a_student_that_loses_the_last_contact() {
    let mut district = District::new().without_limits();
    let people = |contact: &str, agents: &str| {
        vec![
            person("stu-1").agents(agents),
            person("stu-2"),
            person("gua-1").schools("").email(contact),
            person("gua-2").schools("").email("").mobile("(718) 555-0142"),
            person("stu-3").agents("gua-3"),
            person("gua-3").schools(""),
        ]
    };
    let mail = "gua-1@mail.example";
    district.sis(&people(mail, "gua-1,gua-2"));
    let first = district.run().ok();
    assert_eq!(&first.report.row("stu-2")["codes"], "no-contact");
    first.says("stu-2", "created", "");
    let said = "1 student has no contact that can be reached: `rostersync report --where codes=no-contact`\n";
    assert!(first.stdout.contains(said), "{}", first.stdout);
    let listed = district.cli(&[
        "report",
        "--where",
        "codes=no-contact",
        "--columns",
        "sourced_id",
        "--format",
        "csv",
    ]);
    assert_eq!(listed.ok().stdout, "sourced_id\r\nstu-2\r\n");
    // One of two is not the last.
    district.sis(&people(mail, "gua-1"));
    let done = district.run().ok();
    done.says("stu-1", "unchanged", "");
    assert!(
        done.stdout.contains("no contact that can be reached, as many as the night before"),
        "{}",
        done.stdout
    );
    // The link goes.
    district.sis(&people(mail, ""));
    let done = district.run().ok();
    done.says("stu-1", "unchanged", "No reachable contact left - was gua-1");
    assert_eq!(&done.report.row("stu-1")["codes"], "last-contact-lost no-contact");
    assert!(
        done.stdout.contains("2 students have no contact that can be reached, 1 more than"),
        "{}",
        done.stdout
    );
    let json = district.cli(&["run", "--dry-run", "--format", "json"]).ok().json();
    assert_eq!(json["students_without_contact"], serde_json::json!({ "now": 2, "before": 2 }));
    assert_eq!(seen(&district), (1, 2, 1));
    // That was the night; the code stays.
    let done = district.run().ok();
    done.says("stu-1", "unchanged", "");
    assert_eq!(&done.report.row("stu-1")["codes"], "no-contact");
    let text = district.cli(&["status"]).ok().stdout;
    assert!(
        text.contains(
            "Links:          1 between adults and children; 2 students have no contact that can be reached, as many as the \
             night before\n"
        ),
        "{text}"
    );
    let metrics = district.cli(&["status", "--prometheus"]).ok().stdout;
    for line in [
        "rostersync_links 1\n",
        "rostersync_students_without_contact 2\n",
        "rostersync_students_without_contact_before 2\n",
    ] {
        assert!(metrics.contains(line), "{metrics}");
    }
    // Back, and then the address goes; an email that is none is no contact.
    district.sis(&people(mail, "gua-1"));
    let done = district.run().ok();
    done.says("stu-1", "unchanged", "");
    assert!(
        done.stdout.contains("1 student has no contact that can be reached, 1 fewer than"),
        "{}",
        done.stdout
    );
    district.set("sync.blank_values", "\"clear\"");
    district.sis(&people("", "gua-1"));
    district.run().ok().says("stu-1", "unchanged", "No reachable contact left - was gua-1");
    // Back, and then the adult leaves.
    district.sis(&people(mail, "gua-1"));
    district.run().ok();
    let mut all = people(mail, "gua-1");
    all.remove(2);
    district.sis(&all);
    district.run().ok().says("stu-1", "unchanged", "No reachable contact left - was gua-1");
    // Back, and then the address is taken away by hand, together with a change of the student.
    district.sis(&people(mail, "gua-1"));
    district.run().ok();
    district.cli(&["users", "join", "gua-1"]).ok();
    district.cli(&["users", "join", "stu-1"]).ok();
    district.store().execute_batch("UPDATE account SET email = '' WHERE sourced_id = 'gua-1'").unwrap();
    district.preview().ok().says("stu-1", "unchanged", "No reachable contact left - was gua-1");
    let all = district.preview_with(&["--decide-all"]);
    assert_eq!(
        all.report.shows("sourced_id codes notes"),
        district.preview().report.shows("sourced_id codes notes")
    );
}

#[test]
fn where_no_adult_is_synced_no_student_is_without_a_contact() {
    let district = District::new().with("sync.roles", "[\"student\"]");
    district.sis(&people());
    district.run().ok().says("stu-1", "created", "");
    let none = District::new();
    none.sis(&[person("stu-1"), person("tea-1")]);
    let done = none.run().ok();
    assert_eq!(&done.report.row("stu-1")["codes"], "");
}

#[test]
fn the_audit_has_one_entry_for_each_link() {
    let district = district();
    district.sis(&with("gua-1", |one| one.agents("stu-1,stu-2,stu-9")));
    district.run().ok();
    let entries = district.ask("SELECT origin, field, old, new FROM audit ORDER BY id");
    assert_eq!(entries, "sync | link |  | stu-2\nsync | link |  | stu-9\nsync | link | stu-3 | ");
    assert!(district.cli(&["status", "--verify"]).ok().stdout.starts_with("The audit is intact: 3 changes"));
    let history = district.cli(&["users", "history", "gua-1"]).ok().stdout;
    assert!(history.contains("link     none   stu-2    sync, run 2"), "{history}");
    // An undo leaves links alone.
    district.cli(&["undo", "2"]).any();
    let done = district.run().ok();
    done.says("gua-1", "unchanged", "");
    assert!(district.cli(&["status", "--verify"]).ok().stdout.starts_with("The audit is intact"));
}

#[test]
fn a_new_sourced_id_is_no_change_of_links() {
    let district = District::new().without_limits();
    let people = |student: &str, guardian: &str| {
        vec![
            person(student),
            person("stu-2").agents(guardian),
            person(guardian).schools("").agents(&format!("{student},stu-2")),
        ]
    };
    district.sis(&people("stu-1", "gua-1"));
    district.run().ok();
    district.sis(&people("new-1", "new-2"));
    district.file("renames.csv", "old,new\nstu-1,new-1\ngua-1,new-2\n");
    let mut all = people("new-1", "new-2");
    all[0] = person("new-1").role("student").email("stu-1@school.example");
    all[2] = person("new-2").role("guardian").schools("").agents("new-1,stu-2").email("gua-1@school.example");
    district.sis(&all);
    let done = district.run_with(&["--rekey", "renames.csv"]).ok();
    done.says("new-2", "unchanged", "Has a new sourcedId - was gua-1");
    assert!(done.plan().contains(" 0 links"), "{}", done.plan());
    let done = district.run().ok();
    done.says("new-2", "unchanged", "");
    // By hand.
    all[0] = person("old-1").role("student").email("stu-1@school.example");
    all[2] = all[2].clone().agents("old-1,stu-2");
    district.sis(&all);
    district.cli(&["users", "rekey", "new-1", "old-1"]).any();
    district.run().any();
    district.cli(&["users", "rekey", "new-1", "old-1"]).any();
    district.run().any();
    district.run().ok().says("new-2", "unchanged", "");
}

#[test]
fn links_for_the_platform_and_of_one_person() {
    let district = district();
    let header = "guardian_id,student_id,relationship,contact\r\n";
    let all = district.cli(&["users", "export", "--links"]).ok().stdout;
    assert_eq!(
        all,
        format!("{header}gua-1,stu-1,,yes\r\ngua-1,stu-3,,yes\r\ngua-2,stu-2,,yes\r\ngua-3,stu-9,,yes\r\n")
    );
    // One comes, one goes; one comes and goes; one is named by both.
    let mut nights = with("gua-1", |one| one.agents("stu-9,stu-1,stu-2"));
    district.sis(&nights);
    district.run().ok();
    nights = with("gua-1", |one| one.agents("stu-9,stu-1"));
    nights[3] = person("stu-9").agents("gua-1");
    district.sis(&nights);
    district.run().ok();
    let since = |run: &str| district.cli(&["users", "export", "--links", "--changed-since", run]).ok().stdout;
    assert_eq!(since("1"), format!("{header}gua-1,stu-3,,no\r\ngua-1,stu-9,,yes\r\n"));
    assert_eq!(since("2"), format!("{header}gua-1,stu-2,,no\r\n"));
    assert_eq!(since("3"), header);
    let json = district.cli(&["users", "export", "--links", "--format", "json"]).ok().json();
    assert_eq!(
        json[1],
        serde_json::json!({ "guardian_id": "gua-1", "student_id": "stu-9", "relationship": "", "contact": "yes" })
    );
    // On one screen, both ways.
    let adult = district.cli(&["users", "show", "gua-1"]).ok().stdout;
    assert!(
        adult.contains(
            "Students:  stu-1, since run 1, 2026-11-23 02:15\n           stu-9, since run 2, 2026-11-23 02:15\n"
        ),
        "{adult}"
    );
    let child = district.cli(&["users", "show", "stu-9"]).ok().stdout;
    assert!(
        child.contains(
            "Guardians: gua-1, since run 2, 2026-11-23 02:15\n           gua-3, since run 1, 2026-11-23 02:15\n"
        ),
        "{child}"
    );
    let json = district.cli(&["users", "show", "stu-9", "--json"]).ok().json();
    assert_eq!(
        json["links"][0],
        serde_json::json!({
            "guardian": "gua-1", "student": "stu-9", "relationship": "", "contact": "yes", "named_by_guardian": true,
            "named_by_student": true, "since": { "run": 2, "at": "2026-11-23T08:15:00Z" },
        })
    );
    let history = district.cli(&["users", "history", "stu-3"]).ok().stdout;
    assert!(history.contains("link     gua-1  none     sync, run 2"), "{history}");
    let explained = district.cli(&["explain", "stu-9"]).ok().stdout;
    assert!(
        explained.contains(
            "Links:      gua-1, named by the records of gua-1 and stu-9\n            gua-3, named by the record of gua-3\n"
        ),
        "{explained}"
    );
    let explained = district.cli(&["explain", "gua-2", "--json"]).ok().json();
    assert_eq!(explained["links"][0]["named_by_student"], true);
    assert_eq!(explained["links"][0]["named_by_guardian"], false);
    // Neither an archived adult nor a student that left is exported.
    nights.retain(|one| !["gua-3", "stu-1"].contains(&one.cells["sourcedId"].as_str()));
    district.sis(&nights);
    district.run_with(&["--approve", district.preview().checksum()]).ok();
    let all = district.cli(&["users", "export", "--links"]).ok().stdout;
    assert_eq!(all, format!("{header}gua-1,stu-9,,yes\r\ngua-2,stu-2,,yes\r\n"));
}

#[test]
fn relationships_and_contacts_for_emergencies_are_exported() {
    let mut district = District::new().with("guardians.file", "\"guardians.csv\"");
    district.set(
        "contacts.rule",
        "[{ where = { type = \"Emergency\" }, class = \"emergency\" }, { where = { type = \"No\" }, class = \"never\" }]",
    );
    district.sis(&[person("stu-1"), person("stu-2"), person("tea-1")]);
    let header = "student_id,guardian_id,given_name,family_name,email,relationship,type\n";
    let rows = |of_jo: &str| {
        format!(
            "{header}stu-1,c-1,Rosa,Diaz,rosa@mail.example,Mother,Yes\nstu-2,c-1,Rosa,Diaz,rosa@mail.example,Aunt,Emergency\n\
             stu-2,c-2,Jo,Lee,jo@mail.example,Father,{of_jo}\nstu-1,c-3,Al,Ray,al@mail.example,Neighbor,Emergency\n"
        )
    };
    district.file("guardians.csv", rows("Yes"));
    district.run().ok();
    let export = || district.cli(&["users", "export", "--links"]).ok().stdout;
    let columns = "guardian_id,student_id,relationship,contact\r\n";
    let rosa = "c-1,stu-1,Mother,yes\r\nc-1,stu-2,Aunt,emergency\r\n";
    assert_eq!(export(), format!("{columns}{rosa}c-2,stu-2,Father,yes\r\nc-3,stu-1,Neighbor,emergency\r\n"));
    let shown = district.cli(&["users", "show", "stu-1"]).ok().stdout;
    assert!(shown.contains("Guardians: c-1, Mother, since run 1, 2026-11-23 02:15\n"), "{shown}");
    assert!(shown.contains("           c-3 (no account), Neighbor, for emergencies only\n"), "{shown}");
    let explained = district.cli(&["explain", "c-1"]).ok().stdout;
    assert!(
        explained.contains("stu-2 (Aunt), for emergencies only, named by the record of c-1\n"),
        "{explained}"
    );
    // Of one adult and two children one link becomes another.
    district.file(
        "guardians.csv",
        rows("Yes").replace("Mother,Yes", "Mother,No").replace("Aunt,Emergency", "Aunt,Yes"),
    );
    district.run().ok().says("c-1", "updated", "Linked to stu-2; No longer linked to stu-1");
    let since = district.cli(&["users", "export", "--links", "--changed-since", "1"]).ok().stdout;
    assert_eq!(since, format!("{columns}c-1,stu-1,,no\r\nc-1,stu-2,Aunt,yes\r\n"));
    // A contact that becomes one for emergencies is no contact any more.
    district.file("guardians.csv", rows("Emergency"));
    district.run_with(&["--approve", district.preview().checksum()]).ok();
    let all = format!("{columns}{rosa}c-2,stu-2,Father,emergency\r\nc-3,stu-1,Neighbor,emergency\r\n");
    assert_eq!(export(), all);
    // In another order, nothing changes.
    let store = district.dump();
    let mut lines: Vec<String> = rows("Emergency").lines().skip(1).map(|row| format!("{row}\n")).collect();
    lines.reverse();
    district.file("guardians.csv", format!("{header}{}", lines.concat()));
    district.run().ok();
    assert_eq!(district.dump(), store);
    assert_eq!(export(), all);
    // And then the person is gone.
    let gone: Vec<String> = lines.into_iter().filter(|row| !row.contains("c-2")).collect();
    district.file("guardians.csv", format!("{header}{}", gone.concat()));
    district.run().ok();
    assert_eq!(export(), format!("{columns}{rosa}c-3,stu-1,Neighbor,emergency\r\n"));
}

#[test]
fn people_that_are_held_under_another_sourced_id_keep_their_links_and_contacts() {
    let district = District::new().without_limits();
    let people = |student: &str, guardian: &str| {
        let named = |id: &str, user: &str, role: &str| {
            person(id)
                .role(role)
                .identifier(user)
                .email(&format!("{user}@school.example"))
                .with("username", user)
        };
        vec![
            named(student, "ann", "student"),
            person("stu-2").agents(guardian),
            named(guardian, "rosa", "guardian").given("Ro").schools("").agents(&format!("{student},stu-2")),
            person("tea-1"),
        ]
    };
    district.sis(&people("stu-1", "gua-1"));
    district.run().ok();
    district.sis(&people("new-1", "new-2"));
    let done = district.run().exits(3);
    assert_eq!(done.report.count("held"), 4, "{:?}", done.report.shows("sourced_id action notes"));
    done.says("stu-2", "unchanged", "");
    assert!(done.plan().contains(" 0 links;"), "{}", done.plan());
    assert!(!done.stdout.contains("no contact that can be reached"), "{}", done.stdout);
    // Decided: the same people, the same links.
    for (old, new) in [("stu-1", "new-1"), ("gua-1", "new-2")] {
        district.cli(&["users", "rekey", old, new]).ok();
    }
    let done = district.run().ok();
    assert!(done.plan().contains(" 0 links;"), "{}", done.plan());
    done.says("new-2", "unchanged", "");
    done.says("stu-2", "unchanged", "");
    assert_eq!(district.ask("SELECT count(*) FROM audit WHERE field = 'link'"), "0");
}
