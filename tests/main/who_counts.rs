//! Users that are added, left out, archived and restored.

use crate::support::{COLUMNS, District, Person, person, users_csv};

const GONE: &str = "User is no longer in the SIS import - archived";
const BACK: &str = "User is back in the SIS import - restored";

#[test]
fn who_is_no_longer_in_the_import_is_archived_once_and_restored_to_what_they_were() {
    let mut district = District::new().without_limits();
    let everybody = [person("tea-2"), person("tea-1"), person("tea-3"), person("stu-4")];
    district.platform(&[person("tea-1")]);
    district.sis(&everybody);
    district.run().ok();

    district.sis(&[person("tea-3"), person("stu-4")]);
    let done = district.run().ok();
    // After the users of the roster, by sourcedId; without a line.
    assert_eq!(
        done.report.shows("line sourced_id state action notes codes"),
        [
            "2 | tea-3 | pending | unchanged |  | ",
            "3 | stu-4 | pending | unchanged |  | ",
            &format!(" | tea-1 | archived | archived | {GONE} | archived"),
            &format!(" | tea-2 | archived | archived | {GONE} | archived"),
        ]
    );
    // Later runs have no row for them.
    let done = district.run().ok();
    assert_eq!(done.report.column("sourced_id"), ["tea-3", "stu-4"]);

    district.sis(&everybody);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id state action notes codes"),
        [
            &format!("tea-2 | pending | restored | {BACK} | restored"),
            &format!("tea-1 | active | restored | {BACK} | restored"),
            "tea-3 | pending | unchanged |  | ",
            "stu-4 | pending | unchanged |  | ",
        ]
    );
    assert_eq!(
        district.ask(
            "SELECT old, new FROM audit JOIN account ON account.id = account_id WHERE sourced_id = 'tea-1'"
        ),
        "active | archived\narchived | active"
    );
}

#[test]
fn who_comes_back_with_other_details_is_restored_with_all_the_notes() {
    let mut district = District::new().without_limits().school("sch-on", true).with_orgs();
    let before = [person("tea-1").schools("sch-on"), person("tea-2"), person("tea-3"), person("tea-4")];
    district.platform(&[person("tea-1").schools("sch-on"), person("tea-2")]);
    district.sis(&before);
    district.run().ok();
    district.sis(&[person("tea-4")]);
    district.run().ok();
    district.sis(&before.map(|person| {
        let email = format!("new-{}@mail.example", person.cells["sourcedId"]);
        person.email(&email)
    }));
    let done = district.run().ok();
    done.says("tea-1", "restored", &format!("Email updated by the sync - was tea-1@school.example; {BACK}"));
    done.says(
        "tea-2",
        "restored",
        &format!("Active user has a new email in the SIS import - tea-2@school.example; {BACK}"),
    );
    done.says("tea-3", "restored", &format!("Email updated by the sync - was tea-3@school.example; {BACK}"));
    assert_eq!(done.report.row("tea-2")["first_seen"], *"2026-11-23");
    // Field changes are counted over all actions, and the active one under ON is told.
    assert!(
        done.plan().starts_with(
            "0 to create, 1 to update (3 email, 0 phone, 0 home phone, 0 name), 0 to archive, 3 to restore"
        ),
        "{}",
        done.plan()
    );
    let told: Vec<String> = district.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(told, ["new-tea-1@mail.example", "tea-1@school.example"]);
}

/// OneRoster's words are not the account's: `enabledUser` and 1.0's `inactive` only limit access.
#[test]
fn disabled_people_are_noted_and_otherwise_like_everyone() {
    let district = District::new();
    district.sis(&[
        person("tea-1").enabled("false"),
        person("tea-2").enabled("0"),
        person("tea-3").enabled("").status("inactive"),
        person("tea-4").enabled("FALSE"),
        person("tea-5").enabled("TRUE"),
        person("tea-6").enabled("1"),
        person("tea-7").enabled("perhaps"),
        person("tea-8").enabled("").status("unheard-of"),
        person("gua-9").enabled("false").email(""),
    ]);
    let done = district.run().ok();
    let disabled = "User is disabled in the SIS import";
    for id in ["tea-1", "tea-2", "tea-3", "tea-4"] {
        done.says(id, "created", disabled);
    }
    for id in ["tea-5", "tea-6", "tea-7", "tea-8"] {
        done.says(id, "created", "");
    }
    let unreachable = "Guardian has no email or phone number in the SIS import - not added";
    done.says("gua-9", "skipped", &format!("{unreachable}; {disabled}"));
    assert!(done.stderr.contains("users.csv:8: enabledUser"), "{}", done.stderr);
    assert!(done.stderr.contains("users.csv:9: status"), "{}", done.stderr);
    district.run().ok().says("tea-1", "unchanged", disabled);
}

#[test]
fn an_unreachable_guardian_is_not_added_but_an_account_stays() {
    let district = District::new().with("sync.ignore_emails", "[\"noemail@*\"]");
    let unreachable = "Guardian has no email or phone number in the SIS import - not added";
    let reachable = [person("gua-1"), person("par-2"), person("rel-3"), person("gua-4"), person("stu-5")];
    let nowhere = [
        person("gua-1").email(""),
        person("par-2").email("noemail@x.example"),
        person("rel-3").email("rosa(at)mail.example"),
        person("gua-4").email("").home("718-555-0101"),
        person("stu-5").email(""),
    ];
    district.sis(&nowhere);
    let done = district.run().ok();
    assert_eq!(done.report.column("action"), ["skipped", "skipped", "skipped", "skipped", "created"]);
    assert_eq!(&done.report.row("gua-1")["notes"], unreachable);
    assert_eq!(&done.report.row("gua-1")["codes"], "guardian-unreachable");
    assert_eq!(&done.report.row("gua-1")["state"], "");
    done.says(
        "rel-3",
        "skipped",
        &format!("SIS import has an invalid email - rosa(at)mail.example; {unreachable}"),
    );
    district.sis(&reachable);
    assert_eq!(
        district.run().ok().report.column("action"),
        ["created", "created", "created", "created", "updated"]
    );
    // An account that is there is treated like any other.
    district.sis(&nowhere);
    let done = district.run().ok();
    done.says("gua-1", "unchanged", "SIS import has no email - kept gua-1@school.example");
    done.says("par-2", "unchanged", "");
    assert_eq!(done.report.count("archived"), 0);
}

#[test]
fn roles_choose_the_synced_users_and_never_archive() {
    let mut district = District::new();
    let people = [
        person("tea-1"),
        person("vol-2").role("ext:volunteer"),
        person("nur-3").role("nurse"),
        person("aid-4"),
        person("tea-5").role("Teacher"),
    ];
    district.sis(&people);
    let done = district.run().ok();
    done.says("tea-1", "created", "");
    done.says("vol-2", "skipped", "Role ext:volunteer is not synced - left out");
    done.says("nur-3", "skipped", "Role nurse is not synced - left out");
    assert_eq!(&done.report.row("nur-3")["codes"], "role-not-synced");
    done.says("tea-5", "created", "");
    // A filter that is drawn closer leaves the account as it is, and it is never archived for that.
    district.set("sync.roles", "[\"teacher\"]");
    let mut changed = people.clone();
    changed[3] = person("aid-4").email("new@mail.example");
    district.sis(&changed);
    let done = district.run().ok();
    done.says("aid-4", "skipped", "Role aide is not synced - left out");
    assert_eq!(done.report.row("aid-4")["state"], *"pending");
    assert_eq!(done.report.row("aid-4")["email"], *"aid-4@school.example");
    assert_eq!(done.report.count("archived"), 0);
    // Empty is all roles of OneRoster; what is none of them stays out.
    district.set("sync.roles", "[]");
    let done = district.run().ok();
    done.says("nur-3", "skipped", "Role nurse is not synced - left out");
    done.says("aid-4", "updated", "Email updated by the sync - was aid-4@school.example");
}

#[test]
fn schools_choose_the_synced_users_and_never_archive() {
    let mut district = District::new();
    let people = [
        person("tea-1").schools("sch-1"),
        person("tea-2").schools("sch-2"),
        person("tea-3").schools("sch-2,sch-1"),
        person("tea-4").schools(""),
        person("stu-5").schools("sch-1").agents("gua-6"),
        person("gua-6").schools(""),
    ];
    district.sis(&people);
    assert_eq!(district.run().ok().report.count("created"), 6, "no school is a school where none is chosen");
    district.set("sync.schools", "[\"sch-1\"]");
    let done = district.run().ok();
    for id in ["tea-1", "tea-3", "stu-5", "gua-6"] {
        done.says(id, "unchanged", "");
    }
    for id in ["tea-2", "tea-4"] {
        done.says(id, "skipped", "No synced school - left out");
        assert_eq!(&done.report.row(id)["state"], "pending");
        assert_eq!(&done.report.row(id)["codes"], "school-not-synced");
    }
    assert_eq!(done.report.count("archived"), 0);
    let before = district.store_hash();
    district.set("sync.schools", "[\"sch-9\"]");
    district
        .run()
        .exits(7)
        .complains(&["no user in the roster is at any of the configured schools", "[sync]"]);
    assert_eq!(district.store_hash(), before);
}

fn rejected(reason: &str) -> String {
    format!("Record rejected - {reason}")
}

#[test]
fn a_record_that_cannot_be_used_is_rejected_and_its_account_is_present() {
    let district = District::new().without_limits();
    let everybody = [person("tea-1"), person("tea-2"), person("tea-3"), person("tea-4")];
    district.sis(&everybody);
    district.run().ok();
    let mut text = users_csv(
        &COLUMNS,
        &[
            person("tea-1").role(""),
            person("tea-2").email("a@mail.example"),
            person("tea-2").email("b@mail.example"),
            person("").given("Nobody"),
            person("tea-9").given("").family(""),
        ],
    );
    // An unquoted comma in the family name, and the cell that falls off the end is the password.
    text.push_str("tea-3,,true,sch-1,teacher,tea-3,Rosa,Diaz, Jr.,,c@mail.example,,,,pass\n");
    text.push_str("tea-4,,true,sch-1,teacher,tea-4,Rosa,Diaz,,d@mail.example,,,,\n");
    district.file("sis/users.csv", text);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("line sourced_id state action notes"),
        [
            format!("2 | tea-1 | pending | rejected | {}", rejected("no role")),
            format!(
                "3 | tea-2 | pending | rejected | {}",
                rejected("several rows with this sourcedId differ")
            ),
            format!(
                "4 | tea-2 | pending | rejected | {}",
                rejected("several rows with this sourcedId differ")
            ),
            format!("5 |  |  | rejected | {}", rejected("no sourcedId")),
            format!("6 | tea-9 |  | rejected | {}", rejected("no name")),
            format!(
                "7 | tea-3 | pending | rejected | {}",
                rejected("more cells than headers, an unquoted comma shifted the row")
            ),
            "8 | tea-4 | pending | updated | Email updated by the sync - was tea-4@school.example".to_owned(),
        ]
    );
    assert!(done.stdout.contains("1 row has no readable sourcedId"), "{}", done.stdout);
    assert_eq!(
        district.ask("SELECT email FROM account ORDER BY sourced_id"),
        "tea-1@school.example\ntea-2@school.example\ntea-3@school.example\nd@mail.example"
    );
}

#[test]
fn rows_that_say_the_same_are_one_record() {
    let district = District::new();
    district.sis(&[
        person("tea-1").mobile("718-555-0101"),
        person("tea-1").mobile("(718) 555-0101").email("TEA-1@school.example"),
    ]);
    let done = district.run().ok();
    assert_eq!(done.report.shows("line sourced_id action"), ["2 | tea-1 | created"]);
    assert!(done.stderr.contains("users.csv:3: sourcedId"), "{}", done.stderr);
    assert!(done.stderr.contains("repeated-row"), "{}", done.stderr);
}

#[test]
fn an_unknown_school_is_kept_by_its_id_with_a_warning() {
    let district = District::new().school("sch-x", true);
    district.file("sis/orgs.csv", "sourcedId,name,type\nsch-1,Lincoln Elementary,school\n");
    district.sis(&[person("tea-1"), person("tea-2").schools("sch-1,sch-x")]);
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-2")["schools"], "sch-1|sch-x");
    assert!(done.stderr.contains("users.csv:3: orgSourcedIds"), "{}", done.stderr);
    assert!(done.stderr.contains("dangling-org"), "{}", done.stderr);
}

/// In a bulk export, too, `tobedeleted` means gone.
#[test]
fn tobedeleted_archives_and_of_an_unknown_person_says_nothing() {
    let district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    let gone = |id: &str| person(id).status("tobedeleted");
    district.sis(&[gone("tea-1"), person("tea-2"), gone("tea-3")]);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("line sourced_id state action notes codes"),
        [
            &format!("2 | tea-1 | archived | archived | {GONE} | archived"),
            "3 | tea-2 | pending | unchanged |  | ",
            "4 | tea-3 |  | skipped |  | tobedeleted",
        ]
    );
    // Archived already: skipped.
    let done = district.run().ok();
    done.says("tea-1", "skipped", "");
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok().says("tea-1", "restored", BACK);
}

/// OneRoster 1.2: several roles at several schools, with dates.
#[test]
fn roles_csv_gives_roles_schools_and_days() {
    let mut district = District::new().without_limits();
    let columns = ["sourcedId", "status", "enabledUser", "username", "givenName", "familyName", "email"];
    let people: Vec<Person> =
        ["tea-1", "adm-2", "tea-3", "tea-4", "tea-5", "gua-6"].into_iter().map(person).collect();
    let roles =
        |text: &str| format!("sourcedId,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n{text}");
    district.file("sis/users.csv", users_csv(&columns, &people));
    district.file(
        "sis/roles.csv",
        roles(
            "r1,tea-1,secondary,aide,,,sch-2\n\
             r2,tea-1,primary,teacher,2026-08-01,2027-06-30,sch-1\n\
             r3,adm-2,primary,principal,,,sch-1\n\
             r4,tea-3,primary,teacher,,2026-06-30,sch-1\n\
             r4b,tea-3,secondary,aide,,,sch-2\n\
             r5,tea-4,primary,teacher,,2026-11-23,sch-1\n\
             r6,tea-5,primary,teacher,2026-11-24,,sch-1\n\
             r7,gua-6,primary,guardian,,,sch-1\n",
        ),
    );
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id role schools action"),
        [
            "tea-1 | teacher|aide | sch-1|sch-2 | created",
            "adm-2 | principal | sch-1 | created",
            "tea-3 | aide | sch-2 | created",
            "tea-4 | teacher | sch-1 | created",
            "tea-5 | teacher | sch-1 | skipped",
            "gua-6 | guardian | sch-1 | created",
        ]
    );
    // The day after, the last role of one has ended and that of another begun; no account is
    // archived for it.
    district.at("2026-11-24T18:00:00Z");
    let done = district.run().ok();
    assert_eq!(done.report.row("tea-4")["action"], *"skipped");
    assert_eq!(done.report.row("tea-4")["state"], *"pending");
    assert_eq!(done.report.row("tea-5")["action"], *"created");
    assert_eq!(done.report.count("archived"), 0);
}

#[test]
fn administrator_covers_the_finer_words_of_1_2() {
    let district = District::new().with("sync.roles", "[\"administrator\"]");
    let words =
        ["administrator", "principal", "siteAdministrator", "districtAdministrator", "systemAdministrator"];
    let people: Vec<Person> =
        words.iter().enumerate().map(|(n, role)| person(&format!("adm-{n}")).role(role)).collect();
    district.sis(&people);
    assert_eq!(district.run().ok().report.count("created"), words.len());
}

#[test]
fn the_audit_has_every_change_once_and_cannot_be_changed() {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("new@mail.example").mobile("718-555-0101")]);
    district.run().ok();
    assert_eq!(
        district.ask("SELECT run_id, origin, field, old, new, at FROM audit ORDER BY id"),
        "2 | sync | email | tea-1@school.example | new@mail.example | 2026-11-23T08:15:00Z\n\
         2 | sync | phone |  | +17185550101 | 2026-11-23T08:15:00Z"
    );
    assert!(district.store().execute("UPDATE audit SET old = ''", []).is_err());
    assert!(district.store().execute("DELETE FROM audit", []).is_err());
}

/// A first load after the school year: every role has ended, and nothing would be left but a plan line.
#[test]
fn a_first_load_in_which_no_user_is_synced_needs_a_person() {
    let district = District::new();
    let roles: String =
        (1..=3).map(|at| format!("r{at},stu-{at},primary,student,sch-1,2025-08-01,2026-06-30\n")).collect();
    let users = ["sourcedId", "username", "enabledUser", "givenName", "familyName", "email"];
    let all: Vec<Person> = (1..=3).map(|at| person(&format!("stu-{at}"))).collect();
    district.file("sis/users.csv", users_csv(&users, &all));
    district.file(
        "sis/roles.csv",
        format!("sourcedId,userSourcedId,roleType,role,orgSourcedId,beginDate,endDate\n{roles}"),
    );
    for arguments in [&["run", "--dry-run"][..], &["run"]] {
        district.cli(arguments).exits(7).complains(&[
            "no user of the roster is synced: 3 skipped and 0 rejected (3 role-ended); nothing was applied",
            "check the dates of roles, the words for roles and the ids of schools in the export; `roles`, `schools` and \
             `role_names` in [sync] say which users are synced",
        ]);
    }
    district.file(
        "sis/roles.csv",
        format!(
            "sourcedId,userSourcedId,roleType,role,orgSourcedId,beginDate,endDate\n{}",
            roles.replacen("2026-06-30", "2027-06-30", 1)
        ),
    );
    let done = district.run().ok();
    assert_eq!(done.report.column("action"), ["created", "skipped", "skipped"]);
}
