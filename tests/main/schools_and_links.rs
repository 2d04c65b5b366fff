//! Schools, links and roles that the roster leaves out or writes in another form: no user loses the
//! protection of OFF for it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::fake::Fake;
use crate::sis::{self, Sis, without as without_fields};
use crate::support::{COLUMNS, District, Done, Person, long, person, users_csv};

const ORGS: &str = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\n\
                    dst-1,,,District,district,,\nsch-1,,,Lincoln,school,,dst-1\nsch-off,,,Roosevelt,school,,dst-1\n";

/// What is kept of a user with another email in the SIS than in the account.
fn kept(id: &str) -> String {
    format!("Active user has a new email in the SIS import - {id}.own@mail.example")
}

/// A teacher at two schools, a guardian of children at two schools, and others. One of the schools
/// is OFF under a district that is ON.
fn people() -> Vec<Person> {
    let mut all = vec![
        person("tea-1").schools("sch-1,sch-off"),
        person("gua-1").schools("").agents("stu-1,stu-2"),
        person("stu-1"),
        person("stu-2").schools("sch-off"),
        person("gua-2").schools("").agents("stu-1"),
    ];
    all.extend((3..12).map(|number| person(&format!("tea-{number}"))));
    all
}

fn with(id: &str, change: impl Fn(Person) -> Person) -> Vec<Person> {
    people().into_iter().map(|one| if one.cells["sourcedId"] == id { change(one) } else { one }).collect()
}

fn without(id: &str) -> Vec<Person> {
    people().into_iter().filter(|one| one.cells["sourcedId"] != id).collect()
}

/// The district after its first night.
fn district() -> District {
    let mut district = District::new().update_contacts(true).school("sch-off", false).without_limits();
    district.file("sis/orgs.csv", ORGS);
    district.sis(&people());
    district
        .platform(&["tea-1", "gua-1", "stu-2"].map(|id| person(id).email(&format!("{id}.own@mail.example"))));
    district.run().ok();
    district
}

/// The teacher and the guardian keep what they typed, in the run and between runs.
#[track_caller]
fn protected(district: &District, done: &Done) {
    for id in ["tea-1", "gua-1"] {
        done.says(id, "kept", &kept(id));
        between_runs(district, id);
    }
    assert!(district.mails().is_empty(), "{:?}", district.mails());
}

#[track_caller]
fn between_runs(district: &District, id: &str) {
    let shown = district.cli(&["users", "show", id, "--json"]).ok().json();
    assert_eq!(shown["update_contacts"], false, "{shown:#}");
    assert!(shown["schools"].to_string().contains("sch-off"), "{shown:#}");
    let said = district.cli(&["explain", id]).ok().stdout;
    assert!(said.contains("sch-off"), "{said}");
    let edit = district.cli(&["users", "can-edit", id, "--as", id]);
    assert_eq!(edit.code, 0, "{}{}", edit.stdout, edit.stderr);
}

/// `run` and `run --decide-all` come to the same.
#[track_caller]
fn both_ways(district: &District) -> Done {
    let all = district.preview_with(&["--decide-all"]);
    let done = district.run();
    assert_eq!(all.plan(), done.plan());
    assert_eq!(
        all.report.shows("sourced_id schools action notes"),
        done.report.shows("sourced_id schools action notes")
    );
    done
}

#[test]
fn a_list_in_another_form_is_read_if_every_part_of_it_is_known() {
    for (schools, students) in [
        ("sch-1;sch-off", "stu-1;stu-2"),
        ("sch-1|sch-off", "stu-1|stu-2"),
        ("sch-1 sch-off", "stu-1 stu-2"),
        ("sch-1/sch-off", "stu-1/stu-2"),
        ("sch-1\nsch-off", "stu-1\nstu-2"),
        ("[\"sch-1\",\"sch-off\"]", "[\"stu-1\", \"stu-2\"]"),
        ("{sch-1};{sch-off}", "(stu-1) (stu-2)"),
        ("SCH-1,SCH-OFF", "STU-1,STU-2"),
        ("sch-1,sch-off\u{200b}", "\u{feff}stu-1,stu-2"),
        ("https://sis.example/orgs/sch-1,/orgs/sch-off", "https://sis.example/users/stu-1;/users/stu-2/"),
    ] {
        let district = district();
        let mut all = with("tea-1", |tea| tea.schools(schools));
        all.retain(|one| one.cells["sourcedId"] != "gua-1");
        all.insert(1, person("gua-1").schools("").agents(students));
        district.sis(&all);
        let done = both_ways(&district).ok();
        protected(&district, &done);
        assert_eq!(&done.report.row("tea-1")["schools"], "sch-1|sch-off", "{schools}");
        assert_eq!(&done.report.row("gua-1")["schools"], "sch-1|sch-off", "{students}");
        // Characters that cannot be seen are told of in another way.
        let told = ["code=\"odd-list\" count=2", "code=\"invisible-character\" count=2"];
        assert!(told.iter().any(|told| done.stderr.contains(told)), "{schools}\n{}", done.stderr);
        // The next night says the same again, and changes nothing.
        if long() || schools == "sch-1;sch-off" {
            protected(&district, &both_ways(&district).ok());
        }
    }
}

#[test]
fn a_list_of_a_first_night_is_read_as_well() {
    let mut district = District::new().update_contacts(true).school("sch-off", false).without_limits();
    // Without any orgs.csv the schools of the other users are known.
    district.sis(&with("tea-1", |tea| tea.schools("sch-1;sch-off")));
    district.platform(&[person("tea-1").email("tea-1.own@mail.example")]);
    district.file("sis/orgs.csv", ORGS);
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-1")["schools"], "sch-1|sch-off");
}

#[test]
fn what_cannot_be_read_leaves_schools_and_links_as_the_store_has_them() {
    for (schools, students) in [
        ("sch-1;sch-77", "stu-1;stu-77"),
        ("sch-77", "stu-77"),
        ("sch-1,sch-77", "stu-1,stu-77"),
        ("?!", "?!"),
    ] {
        let district = district();
        let mut all = with("tea-1", |tea| tea.schools(schools));
        all.retain(|one| one.cells["sourcedId"] != "gua-1");
        all.insert(1, person("gua-1").schools("").agents(students));
        district.sis(&all);
        for _ in 0..2 {
            let done = both_ways(&district).ok();
            protected(&district, &done);
            assert!(
                done.stderr.contains("dangling-org") && done.stderr.contains("dangling-agent"),
                "{}",
                done.stderr
            );
        }
    }
}

#[test]
fn another_case_of_the_ids_of_both_records_is_the_same_link() {
    let district = district();
    district.sis(&with("gua-1", |gua| gua.agents("STU-1,Stu-2")));
    let done = both_ways(&district).ok();
    protected(&district, &done);
    district.sis(&with("gua-1", |gua| gua.agents("stu-1,STU-2")));
    protected(&district, &both_ways(&district).ok());
}

#[test]
fn a_column_that_is_not_there_says_nothing() {
    for columns in [&["orgSourcedIds"][..], &["agentSourcedIds"], &["orgSourcedIds", "agentSourcedIds"]] {
        let district = district();
        district.sis_without(columns, &people());
        for _ in 0..2 {
            let done = both_ways(&district).exits(3);
            assert!(done.stdout.contains("Attention (column-gone)"), "{}", done.stdout);
            protected(&district, &done);
        }
        // And a night with it again.
        district.sis(&people());
        protected(&district, &both_ways(&district).ok());
    }
}

#[test]
fn a_column_that_is_blank_as_a_whole_and_was_not_says_nothing() {
    for column in ["orgSourcedIds", "agentSourcedIds"] {
        let district = district();
        let blank: Vec<Person> = people().into_iter().map(|one| one.with(column, "")).collect();
        district.sis(&blank);
        for _ in 0..2 {
            let done = both_ways(&district).ok();
            protected(&district, &done);
            assert!(done.stderr.contains("emptied-column"), "{}", done.stderr);
        }
        district.sis(&people());
        protected(&district, &both_ways(&district).ok());
    }
}

#[test]
fn roles_that_are_blank_as_a_whole_stay_as_the_store_has_them() {
    let district = district();
    let blank: Vec<Person> = people().into_iter().map(|one| one.role("")).collect();
    district.sis(&blank);
    let done = both_ways(&district).ok();
    protected(&district, &done);
    assert_eq!(done.report.count("rejected"), 0);
}

#[test]
fn rows_that_end_early_say_nothing_of_what_follows() {
    let district = district();
    let columns =
        ["sourcedId", "role", "givenName", "familyName", "email", "orgSourcedIds", "agentSourcedIds"];
    district.file("sis/users.csv", users_csv(&columns, &people()));
    district.run().ok();
    let text = users_csv(&columns, &people());
    // The rows of both end after the email.
    let cut: String = text
        .lines()
        .map(|line| match line.split(',').next() {
            Some("tea-1" | "gua-1") => line.splitn(6, ',').take(5).collect::<Vec<_>>().join(",") + "\n",
            _ => line.to_owned() + "\n",
        })
        .collect();
    district.file("sis/users.csv", cut);
    protected(&district, &both_ways(&district).ok());
}

#[test]
fn without_a_school_the_last_known_ones_stand_for_many_nights() {
    let district = district();
    district.sis(&with("tea-1", |tea| tea.schools("")));
    for night in 0..3 {
        let done = both_ways(&district).ok();
        done.says("tea-1", "kept", &kept("tea-1"));
        assert_eq!(&done.report.row("tea-1")["schools"], "sch-1|sch-off", "night {night}");
        between_runs(&district, "tea-1");
    }
    // Archived and back.
    district.sis(&without("tea-1"));
    district.run().ok();
    district.sis(&with("tea-1", |tea| tea.schools("")));
    let back = both_ways(&district).ok();
    assert_eq!(
        (&back.report.row("tea-1")["action"], &back.report.row("tea-1")["schools"]),
        ("restored", "sch-1|sch-off")
    );
    // A delta that does not mention the person, and one that does.
    district.sis_delta(&[person("tea-3").given("Ann")]);
    district.run().ok();
    between_runs(&district, "tea-1");
    district.sis_delta(&[person("tea-1").schools("")]);
    district.run().ok().says("tea-1", "kept", &kept("tea-1"));
    between_runs(&district, "tea-1");
    // A school takes their place.
    district.mode("bulk");
    district.sis(&with("tea-1", |tea| tea.schools("sch-1")));
    assert_eq!(&both_ways(&district).ok().report.row("tea-1")["schools"], "sch-1");
    assert_eq!(district.ask("SELECT count(*) FROM last_schools"), "0");
}

#[test]
fn a_guardian_keeps_the_schools_of_children_that_have_left_or_are_unlinked() {
    let district = district();
    // Both children leave.
    let mut all = people();
    all.retain(|one| !one.cells["sourcedId"].starts_with("stu"));
    district.sis(&all);
    for _ in 0..3 {
        let done = both_ways(&district).ok();
        done.says("gua-1", "kept", &kept("gua-1"));
        between_runs(&district, "gua-1");
    }
    // Or they are no longer linked.
    let district = self::district();
    district.sis(&with("gua-1", |gua| gua.agents("")));
    for unlinked in ["; No longer linked to stu-1, stu-2", ""] {
        let done = both_ways(&district).ok();
        done.says("gua-1", "kept", &format!("{}{unlinked}", kept("gua-1")));
        between_runs(&district, "gua-1");
        assert_eq!(district.ask("SELECT sis_agents FROM account WHERE sourced_id = 'gua-1'"), "");
    }
    // Or the child that protects has no school for a summer.
    let district = self::district();
    district.sis(&with("stu-2", |student| student.schools("")));
    for _ in 0..2 {
        protected(&district, &both_ways(&district).ok());
    }
}

#[test]
fn a_child_that_changes_schools_takes_the_protection_along() {
    let district = district();
    district.sis(&with("stu-2", |student| student.schools("sch-1")));
    let done = both_ways(&district).ok();
    assert_eq!(&done.report.row("gua-1")["action"], "updated");
}

#[test]
fn between_two_school_years_all_users_stay_at_the_synced_schools() {
    let mut district = district();
    district.set("sync.schools", "[\"sch-1\", \"sch-off\"]");
    district.run().ok();
    let summer: Vec<Person> = people().into_iter().map(|one| one.schools("")).collect();
    district.sis(&summer);
    for _ in 0..2 {
        let done = both_ways(&district).ok();
        protected(&district, &done);
        assert_eq!(done.report.count("skipped"), 0);
    }
}

#[test]
fn an_org_of_another_type_is_no_school() {
    let district = district();
    district.sis(&with("tea-3", |tea| tea.schools("dst-1,sch-1")));
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-3")["schools"], "sch-1");
    let shown = district.cli(&["users", "show", "tea-3", "--json"]).ok().json();
    assert!(!shown["schools"].to_string().contains("dst-1"), "{shown:#}");
    // The district alone is no school either: the last known ones stand.
    district.sis(&with("tea-1", |tea| tea.schools("dst-1")));
    protected(&district, &both_ways(&district).ok());
}

/// A 1.2 export: users without roles, and roles.csv.
fn with_roles(district: &District, people: &[Person], roles: &str) {
    let columns: Vec<&str> =
        COLUMNS.into_iter().filter(|column| !["role", "orgSourcedIds"].contains(column)).collect();
    district.file("sis/users.csv", users_csv(&columns, people));
    district.file("sis/roles.csv", roles);
}

const ROLES: &str =
    "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n";

fn roles(of_tea_1: &str) -> String {
    let mut text = ROLES.to_owned() + of_tea_1;
    text.push_str("g,,,gua-1,primary,guardian,,,\ns1,,,stu-1,primary,student,,,sch-1\ns2,,,stu-2,primary,student,,,sch-off\nh,,,gua-2,primary,guardian,,,\n");
    for number in 3..12 {
        text.push_str(&format!("t{number},,,tea-{number},primary,teacher,,,sch-1\n"));
    }
    text
}

const BOTH: &str = "a,,,tea-1,primary,teacher,,,sch-1\nb,,,tea-1,secondary,aide,,,sch-off\n";

#[test]
fn roles_csv_that_does_not_say_where_takes_no_school_away() {
    let cases = [
        ("a,,,tea-1,primary,teacher,,,sch-1\nb,,,tea-1,secondary,aide,,,\n", "blank-org"),
        ("a,,,tea-1,primary,teacher,,,sch-1\nb,,,tea-1,secondary,aide,,,sch-77\n", "dangling-org"),
        ("a,,,tea-1,primary,teacher,,,sch-1;sch-off\n", "odd-list"),
        ("a,,,tea-1,primary,teacher,,,SCH-1\nb,,,tea-1,secondary,aide,,,SCH-OFF\n", "odd-list"),
        ("a,,,tea-1,primary,teacher,,,sch-1\nb,,,tea-1,secondary,,,,sch-off\n", "incomplete-role"),
    ];
    for (of_tea_1, code) in cases {
        let district = district();
        with_roles(&district, &people(), &roles(BOTH));
        protected(&district, &both_ways(&district).ok());
        with_roles(&district, &people(), &roles(of_tea_1));
        for _ in 0..2 {
            let done = both_ways(&district).ok();
            protected(&district, &done);
            assert!(done.stderr.contains(code), "{code}: {}", done.stderr);
        }
    }
    // No such column at all.
    let district = district();
    with_roles(&district, &people(), &roles(BOTH));
    district.run().ok();
    let text = roles(BOTH);
    let narrow: String = text.lines().map(|line| format!("{}\n", line.rsplit_once(',').unwrap().0)).collect();
    with_roles(&district, &people(), &narrow);
    for _ in 0..2 {
        protected(&district, &both_ways(&district).exits(3));
    }
}

#[test]
fn roles_of_missing_users_are_reported() {
    let district = district();
    with_roles(&district, &people(), &roles(BOTH));
    let done = district.run().ok();
    assert!(!done.stderr.contains("dangling-user"), "{}", done.stderr);
    with_roles(&district, &without("tea-3"), &roles(BOTH));
    let done = district.run().ok();
    assert!(
        done.stderr.contains("1 user in it is not in users.csv") && done.stderr.contains("dangling-user"),
        "{}",
        done.stderr
    );
    // Many of them are the sign of a file that is not whole.
    let many: String =
        (100..120).map(|number| format!("x{number},,,tea-{number},primary,teacher,,,sch-1\n")).collect();
    with_roles(&district, &people(), &(roles(BOTH) + &many));
    let done = district.run_with(&["-q"]).exits(3);
    assert!(
        done.stdout.contains("19 users more than on the last good night have roles in roles.csv"),
        "{}",
        done.stdout
    );
    // It is said once.
    district.run().ok();
}

#[test]
fn a_roles_csv_that_lacks_many_users_takes_no_school_away() {
    let district = district();
    with_roles(&district, &people(), &roles(BOTH));
    district.run().ok();
    let some: String = roles("a,,,tea-1,primary,teacher,,,sch-1\n")
        .lines()
        .take(7)
        .map(|line| format!("{line}\n"))
        .collect();
    with_roles(&district, &people(), &some);
    for _ in 0..2 {
        let done = both_ways(&district);
        protected(&district, &done);
        assert!(done.stderr.contains("roles-missing"), "{}", done.stderr);
    }
}

#[test]
fn new_references_to_unknown_people_need_attention() {
    let district = district();
    let many: Vec<String> = (0..20).map(|number| format!("stu-9{number:02}")).collect();
    let all = with("gua-1", |gua| gua.agents(&format!("stu-1,stu-2,{}", many.join(","))));
    district.sis(&all);
    let done = district.run().exits(3);
    assert!(done.stdout.contains("20 of 23 links name users that neither"), "{}", done.stdout);
    protected(&district, &done);
    // They are not new any more.
    protected(&district, &district.run().ok());
}

#[test]
fn rows_that_differ_in_school_or_role_are_one_person() {
    let district = district();
    let mut rows = people();
    rows[0] = person("tea-1");
    rows.push(person("tea-1").schools("sch-off").role("aide"));
    rows.push(person("tea-3").email("tea-3@school.example").role("guardian").schools(""));
    rows.push(person("stu-1").schools("sch-off"));
    district.sis(&rows);
    let done = both_ways(&district).ok();
    protected(&district, &done);
    let row = done.report.row("tea-1");
    assert_eq!((&row["schools"], done.report.count("rejected")), ("sch-1|sch-off", 0));
    assert!(done.stderr.contains("merged-rows"), "{}", done.stderr);
    // The order of the rows makes no difference, and neither does the night after.
    rows.reverse();
    district.sis(&rows);
    let before = district.accounts();
    let again = both_ways(&district).ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
    assert_eq!(district.accounts(), before);
    // A difference in the number is another matter.
    rows.push(person("tea-3").mobile("(718) 555-0142"));
    district.sis(&rows);
    let done = district.run();
    assert_eq!(done.report.count("rejected"), 3);
}

#[test]
fn over_rest_keys_that_are_missing_say_nothing() {
    for fields in [&["orgs"][..], &["agents"], &["orgs", "agents"]] {
        for roles in [false, true] {
            let lacking = Arc::new(AtomicBool::new(false));
            let all = vec![
                person("tea-1"),
                person("gua-1").schools("").agents("stu-1"),
                person("stu-1"),
                person("tea-2"),
            ];
            let (sis, switch) = (Sis { roles, ..Sis::new(&all) }, Arc::clone(&lacking));
            let fields: Vec<&'static str> = fields.to_vec();
            let fake = Fake::start(move |request| match switch.load(Ordering::SeqCst) {
                true => without_fields(sis.page(request), &fields),
                false => sis.page(request),
            });
            let mut district = sis::district(&fake).update_contacts(true).school("sch-1", false);
            let typed = |id: &str| person(id).email(&format!("{id}.own@mail.example"));
            district.platform(&[typed("tea-1"), typed("gua-1")]);
            district.run().ok();
            lacking.store(true, Ordering::SeqCst);
            for _ in 0..2 {
                let done = district.run();
                assert!([0, 3].contains(&done.code), "{} {}", done.stdout, done.stderr);
                for id in ["tea-1", "gua-1"] {
                    let row = done.report.row(id);
                    assert!(row["email"] == format!("{id}.own@mail.example"), "{row:?}");
                }
                assert!(district.mails().is_empty());
            }
        }
    }
}

/// The district without users at sch-off, for roles and filters.
fn plain(count: usize) -> District {
    let district = District::new();
    district.sis(&staff(count, |_| "teacher"));
    district.run().ok();
    district.run().ok();
    district
}

fn staff(count: usize, role: impl Fn(usize) -> &'static str) -> Vec<Person> {
    (0..count).map(|number| person(&format!("tea-{number:02}")).role(role(number))).collect()
}

#[test]
fn people_whom_a_renamed_role_leaves_out_need_a_person_or_stop_the_run() {
    // Eight of a hundred and twenty.
    let district = plain(120);
    district.sis(&staff(120, |number| if number < 8 { "Professor" } else { "teacher" }));
    district.run().ok();
    let district = plain(120);
    district.sis(&staff(120, |number| if number < 11 { "Professor" } else { "teacher" }));
    let done = district.run_with(&["-q"]).exits(3);
    assert!(done.stdout.contains("leave out 11 of 120 accounts"), "{}", done.stdout);
    let done = district.run().ok();
    assert!(
        done.stderr.contains("11 users have the role `Professor`, which OneRoster does not have"),
        "{}",
        done.stderr
    );
    // More than the limit on archiving allows.
    let district = plain(120);
    district.sis(&staff(120, |number| if number < 20 { "Professor" } else { "teacher" }));
    let done = district.run().exits(4);
    let said =
        "20 of 120 accounts would be left out by role, role dates or school though still in the roster";
    assert!(
        done.stdout.contains(said) && done.stdout.contains("[limits] archive allows 10%"),
        "{}",
        done.stdout
    );
    // No user is left at all.
    district.sis(&staff(120, |_| "Professor"));
    let done = district.run().exits(7);
    done.complains(&["no user of the roster is synced", "120 users with an account", "role_names"]);
    // The words are mapped, and nothing has happened.
    let mut district = district;
    district.set("sync.role_names", "{ \"professor \" = \"teacher\" }");
    let done = district.run().ok();
    assert_eq!(done.report.count("unchanged"), 120);
    assert_eq!(&done.report.row("tea-00")["role"], "teacher");
}

#[test]
fn a_role_or_a_school_without_users_is_named() {
    let district = plain(300);
    let mut all = staff(300, |_| "teacher");
    all.extend((0..6).map(|number| person(&format!("gua-{number}")).schools("sch-2")));
    district.sis(&all);
    district.run().ok();
    let renamed: Vec<Person> = all
        .iter()
        .cloned()
        .map(|one| if one.cells["role"] == "guardian" { one.role("Parent/Guardian") } else { one })
        .collect();
    district.sis(&renamed);
    let done = district.run().exits(3);
    assert!(done.stdout.contains("the role `guardian` had 6 synced users and has none"), "{}", done.stdout);
    // A district that chose this roster gets the message.
    let mut district = plain(300);
    district.sis(&all);
    district.run().ok();
    district.set("sync.schools", "[\"sch-1\"]");
    let done = district.run().exits(3);
    assert!(done.stdout.contains("the school `sch-2` had 6 synced users and has none"), "{}", done.stdout);
    assert!(
        done.stdout.contains("the configuration changed since the last good night: schools in [sync]"),
        "{}",
        done.stdout
    );
    district.run().ok();
}

#[test]
fn dates_that_end_all_roles_are_seen() {
    let district = plain(30);
    let roles = |end: &str| {
        let mut text = ROLES.to_owned();
        (0..30).for_each(|at| text.push_str(&format!("r{at},,,tea-{at:02},primary,teacher,,{end},sch-1\n")));
        text
    };
    with_roles(&district, &staff(30, |_| ""), &roles("2027-06-30"));
    district.run().ok();
    with_roles(&district, &staff(30, |_| ""), &roles("2025-06-30"));
    let done = district.run().exits(7);
    done.complains(&["no user of the roster is synced"]);
}

#[test]
fn mistakes_in_role_names_are_found_where_they_stand() {
    for (value, what, cure) in [
        (
            "{ \"Mom\" = \"mother\" }",
            "`Mom` in [sync.role_names]: `mother` is not a OneRoster role",
            "did you mean",
        ),
        (
            "{ \"Mom\" = \"parent\", \"m o m\" = \"guardian\" }",
            "`m o m` is in `role_names` twice",
            "keep one",
        ),
        ("{ \" \" = \"parent\" }", "a word in `role_names` is blank", "write the word"),
    ] {
        let district = District::new().with("sync.role_names", value);
        district.sis(&staff(2, |_| "teacher"));
        district.run().exits(2).complains(&[what, cure, "rostersync.toml:"]);
    }
}

#[test]
fn words_of_the_source_are_read_before_anything_looks_at_roles() {
    // Students of another word are found by the guardians file.
    let mut district = District::new()
        .with("sync.role_names", "{ \"Learner\" = \"student\", \"ext:primaryGuardian\" = \"guardian\" }")
        .with("guardians.file", "\"guardians.csv\"");
    district.sis(&[
        person("stu-1").role("LEARNER").schools("sch-off"),
        person("gua-1").role("EXT:PrimaryGuardian").schools("").agents("stu-1"),
    ]);
    district
        .file("guardians.csv", "student_id,given_name,family_name,email\nstu-1,Ann,Lee,ann@mail.example\n");
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 3);
    assert!(!done.stderr.contains("unknown-role"), "{}", done.stderr);
    assert_eq!(&done.report.row("gua-1")["schools"], "sch-off");
    district.unset("sync.role_names");
    assert_eq!(district.cli(&["check"]).stdout.matches("unknown-role").count(), 2);
}

#[test]
fn an_id_with_a_comma_is_one_id_in_files_and_over_rest() {
    let all = [
        person("Hall, Ann").schools("").role("guardian").agents("stu-1"),
        person("stu-1").agents("Hall, Ann").schools("sch-off"),
    ];
    let mut files = District::new();
    files.sis(&all);
    files.platform(&[person("Hall, Ann")]);
    let done = files.run().ok();
    let row = done.report.row("Hall%2C Ann");
    assert_eq!((&row["state"], &row["schools"]), ("active", "sch-off"));
    assert_eq!(files.run().ok().report.count("unchanged"), 2);
    files.cli(&["users", "show", "Hall, Ann"]).ok();
    // The same people over REST are the same people.
    let over_rest = [all[0].clone(), person("stu-1").schools("sch-off")];
    let fake = sis::served(Sis::new(&over_rest));
    let rest = sis::at_address(files, &fake.url("/ims/oneroster/v1p1"));
    let done = rest.run().ok();
    assert_eq!((done.report.count("unchanged"), done.report.count("created")), (2, 0), "{:?}", done.report);
}
