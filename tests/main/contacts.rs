//! Which adults may be contacted: the rules of `[contacts]`.

use serde_json::json;

use crate::fake::{Fake, Reply};
use crate::support::{COLUMNS, District, Person, person, users_csv};

const HEADER: &str = "student_id,guardian_id,given_name,family_name,email,mobile,relationship,custody,type\n";

/// Three students at two schools, a teacher, and guardians in a file.
fn district(rows: &str) -> District {
    let district = District::new()
        .without_limits()
        .with("guardians.file", "\"guardians.csv\"")
        .with("contacts.rule", RULES)
        .with("notify.contact", "\"the office\"");
    district.sis(&[
        person("stu-1").given("Ana"),
        person("stu-2").given("Ben").schools("sch-2"),
        person("stu-3").given("Cleo"),
        person("tea-1").given("Dora"),
    ]);
    district.file("guardians.csv", format!("{HEADER}{rows}"));
    district
}

const RULES: &str = "[{ where = { custody = [\"No Rights\", \"Restricted*\"] }, class = \"never\" }, \
                     { where = { type = \"Emergency\" }, class = \"emergency\" }]";

const FAMILY: &str = "stu-1,gua-1,Rosa,Diaz,rosa@mail.example,,Mother,,Parent\n\
                      stu-1,gua-2,Hugo,Diaz,hugo@mail.example,,Father,NO RIGHTS,Parent\n\
                      stu-1,gua-3,Nell,Lund,nell@mail.example,,Neighbour,,emergency\n\
                      stu-1,gua-4,Omar,Haddad,omar@mail.example,,Father,,Parent\n\
                      stu-2,gua-4,Omar,Haddad,omar@mail.example,,Father,restricted view,Parent\n\
                      stu-3,gua-5,Pia,Berg,pia@mail.example,,Aunt,No rights,Parent\n\
                      stu-1,gua-5,Pia,Berg,pia@mail.example,,Aunt,,Emergency\n";

/// Rows of the report about guardians: sourcedId, action, notes.
fn guardians(done: &crate::support::Done) -> Vec<String> {
    let all = done.report.shows("sourced_id action notes");
    all.into_iter().filter(|row| row.starts_with("gua")).collect()
}

const NOT_ADDED: &str = "May not be contacted - not added";
const EMERGENCY: &str = "Emergency contact only - not added";

#[test]
fn each_link_has_a_class_and_an_adult_without_a_contact_gets_no_account() {
    let mut district = district(FAMILY);
    let done = district.run().ok();
    assert_eq!(
        guardians(&done),
        [
            "gua-1 | created | ",
            &format!("gua-2 | skipped | {NOT_ADDED}"),
            &format!("gua-3 | skipped | {EMERGENCY}"),
            "gua-4 | created | ",
            // One link for emergencies is enough for that note.
            &format!("gua-5 | skipped | {EMERGENCY}"),
        ]
    );
    let codes = ["gua-2", "gua-3", "gua-5"].map(|id| done.report.row(id)["codes"].to_owned());
    assert_eq!(codes, ["contact-not-allowed", "emergency-contact", "emergency-contact"]);
    // The barred link brings no school, and is none of the links.
    assert_eq!(done.report.row("gua-4")["schools"], *"sch-1");
    let sis = |id: &str| {
        district.ask(&format!("SELECT sis_agents || '/' || sis_emergency || '/' || sis_barred FROM account WHERE sourced_id = '{id}'"))
    };
    assert_eq!((sis("gua-1").as_str(), sis("gua-4").as_str()), ("stu-1//", "stu-1//stu-2"));
    let of_neighbour =
        "SELECT agents || '/' || emergency || '/' || barred FROM bystander WHERE sourced_id = 'gua-5'";
    assert_eq!(district.ask(of_neighbour), "/stu-1/stu-3");
    // The next night says the same, and changes nothing.
    let again = district.run().ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
    assert!(again.plan().contains("3 skipped"), "{}", again.plan());
    // With the rules gone, everybody is added with all links.
    district.unset("contacts.rule");
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 3);
    assert_eq!(district.ask("SELECT sis_agents FROM account WHERE sourced_id = 'gua-4'"), "stu-1,stu-2");
    assert_eq!(district.cli(&["status", "--verify"]).ok().stderr, "");
}

#[test]
fn an_account_that_comes_to_that_is_archived_the_same_night_and_restored_when_it_may_be_there_again() {
    let mut district = district(FAMILY);
    district.file(
        "guardians.csv",
        format!("{HEADER}{}", FAMILY.replace("NO RIGHTS", "").replace(",emergency", ",")),
    );
    district.run().ok();
    district.cli(&["users", "join", "gua-2"]).ok();
    district.file("guardians.csv", format!("{HEADER}{FAMILY}"));
    let done = district.run().ok();
    done.says("gua-2", "archived", "May not be contacted any more - archived");
    done.says("gua-3", "archived", "Emergency contact only now - archived");
    assert_eq!(done.report.row("gua-2")["codes"], *"contact-not-allowed");
    assert!(done.plan().contains("2 to archive"), "{}", done.plan());
    let again = district.run().ok();
    again.says("gua-2", "skipped", NOT_ADDED);
    again.says("gua-3", "skipped", EMERGENCY);
    assert_eq!(again.report.row("gua-2")["state"], *"archived");
    // The platform may say that the person has joined: that brings no account back.
    district.platform(&[person("gua-2").given("Hugo").email("hugo@mail.example")]);
    district.run().ok().says("gua-2", "skipped", NOT_ADDED);
    district.unset("platform.users");
    district.file("guardians.csv", format!("{HEADER}{}", FAMILY.replace("NO RIGHTS", "")));
    district.run().ok().says("gua-2", "restored", "User is back in the SIS import - restored");
    let history = district.cli(&["users", "history", "gua-2"]).ok().stdout;
    assert!(history.contains("archived") && history.contains("active"), "{history}");
    assert_eq!(district.cli(&["status", "--verify"]).ok().stderr, "");
}

#[test]
fn it_counts_as_archived_and_what_waits_is_stopped_even_if_the_run_is_blocked() {
    let mut district =
        district(&FAMILY.replace("NO RIGHTS", "")).with("limits.archive", "0").update_contacts(true);
    district.run().ok();
    district.cli(&["users", "join", "gua-2"]).ok();
    // A change of the name is told, and the mail server is away.
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.set("notify.email.starttls", "\"never\"");
    let renamed = FAMILY.replace("NO RIGHTS", "").replace("Hugo,Diaz", "Hugo,Dias");
    district.file("guardians.csv", format!("{HEADER}{renamed}"));
    district.run().any();
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state <> 'sent'"), "1");
    district.set("notify.email.server", "\"file:mail/\"");
    district.settings_without("notify.email", "starttls");
    let before = district.mails().len();
    district.file(
        "guardians.csv",
        format!(
            "{HEADER}{}",
            renamed.replace("Father,,Parent\nstu-1,gua-3", "Father,No Rights,Parent\nstu-1,gua-3")
        ),
    );
    let blocked = district.run().exits(4);
    blocked.says("gua-2", "archived", "May not be contacted any more - archived");
    assert_eq!(district.ask("SELECT archived FROM account WHERE sourced_id = 'gua-2'"), "0");
    // Nothing is delivered in between, by whatever command.
    district.cli(&["outbox", "send"]).ok();
    district.cli(&["outbox", "retry", "--user", "gua-2"]).any();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(district.mails().len(), before);
    let list = district.cli(&["outbox", "list"]).ok().stdout;
    assert!(list.contains("stopped: may not be contacted"), "{list}");
    let history = district.cli(&["users", "history", "gua-2", "--json"]).ok().json();
    let last = history.as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&last["field"], &last["old"], &last["new"]),
        (&json!("messages"), &json!("1 waiting"), &json!("stopped"))
    );
    // A second blocked run says it no second time.
    district.run().exits(4).any();
    let again = district.cli(&["users", "history", "gua-2", "--json"]).ok().json();
    assert_eq!(again.as_array().unwrap().len(), history.as_array().unwrap().len());
    // Allowed again before the plan was approved: what waited goes out.
    let other = District::new();
    drop(other);
    let checksum = district.preview().exits(4).checksum().to_owned();
    district.run_with(&["--approve", &checksum]).ok().says(
        "gua-2",
        "archived",
        "May not be contacted any more - archived",
    );
    assert_eq!(
        district.ask("SELECT state || ' ' || reason FROM outbox WHERE state <> 'sent'"),
        "discarded no longer there"
    );
    assert_eq!(district.ask("SELECT count(*) FROM stopped"), "0");
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(district.mails().len(), before);
    let history = district.cli(&["users", "history", "gua-2"]).ok().stdout;
    assert!(history.contains("1 waiting") && history.contains("discarded"), "{history}");
    assert_eq!(district.cli(&["status", "--verify"]).ok().stderr, "");
}

#[test]
fn a_person_that_is_allowed_again_before_the_run_was_approved_gets_what_waited() {
    let mut district =
        district(&FAMILY.replace("NO RIGHTS", "")).with("limits.archive", "0").update_contacts(true);
    district.run().ok();
    district.cli(&["users", "join", "gua-2"]).ok();
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.set("notify.email.starttls", "\"never\"");
    let renamed = FAMILY.replace("NO RIGHTS", "").replace("Hugo,Diaz", "Hugo,Dias");
    district.file("guardians.csv", format!("{HEADER}{renamed}"));
    district.run().any();
    district.set("notify.email.server", "\"file:mail/\"");
    district.settings_without("notify.email", "starttls");
    district.file(
        "guardians.csv",
        format!(
            "{HEADER}{}",
            renamed.replace(
                "Hugo,Dias,hugo@mail.example,,Father,",
                "Hugo,Dias,hugo@mail.example,,Father,No Rights"
            )
        ),
    );
    district.run().exits(4).any();
    assert_eq!(district.ask("SELECT count(*) FROM stopped"), "1");
    district.file("guardians.csv", format!("{HEADER}{renamed}"));
    let before = district.mails().len();
    district.run().ok();
    assert_eq!(
        (district.ask("SELECT count(*) FROM stopped").as_str(), district.mails().len()),
        ("0", before + 1)
    );
}

/// A users.csv in which adults have columns of their own.
fn roster(people: &[Person]) -> String {
    let columns = [&COLUMNS[..], &["metadata.custody", "metadata.portal"]].concat();
    users_csv(&columns, people)
}

fn custody(id: &str, agents: &str, value: &str) -> Person {
    person(id).agents(agents).with("metadata.custody", value)
}

fn own_columns() -> District {
    District::new().without_limits().with(
        "contacts.rule",
        "[{ where = { \"metadata.custody\" = \"no rights\" }, class = \"never\" }, \
         { where = { \"metadata.custody\" = \"emergency\" }, class = \"emergency\" }]",
    )
}

#[test]
fn columns_of_the_adults_own_record_decide_over_all_links_whichever_record_names_them() {
    let district = own_columns();
    district.file(
        "sis/users.csv",
        roster(&[
            // The student's record names three adults, their own records name other students.
            person("stu-1").agents("gua-1,gua-2,gua-3").schools("sch-1"),
            person("stu-2").schools("sch-2"),
            custody("gua-1", "stu-2", ""),
            custody("gua-2", "", "No Rights"),
            custody("gua-3", "stu-2", "EMERGENCY"),
            // Without any child that is known.
            custody("par-1", "", "No Rights"),
            custody("par-2", "", ""),
            // A teacher is not archived for being a parent without rights.
            custody("tea-1", "", "No Rights"),
            person("stu-3").with("metadata.custody", "No Rights").agents("gua-1"),
        ]),
    );
    let done = district.run().ok();
    let shown = done.report.shows("sourced_id action schools notes");
    assert_eq!(
        shown,
        [
            "stu-1 | created | sch-1 | ",
            "stu-2 | created | sch-2 | ",
            "gua-1 | created | sch-1\\|sch-2 | ",
            &format!("gua-2 | skipped | sch-1 | {NOT_ADDED}"),
            &format!("gua-3 | skipped | sch-1 | {EMERGENCY}"),
            &format!("par-1 | skipped | sch-1 | {NOT_ADDED}"),
            "par-2 | created | sch-1 | ",
            "tea-1 | created | sch-1 | ",
            "stu-3 | created | sch-1 | ",
        ]
        .map(|row| row.replace("\\|", "|"))
    );
    // What the student's record says stays what it says.
    assert_eq!(
        district.ask("SELECT sis_agents FROM account WHERE sourced_id = 'stu-1'"),
        "gua-1,gua-2,gua-3"
    );
}

#[test]
fn a_barred_link_brings_no_school_and_so_no_setting() {
    let district = own_columns().school("sch-2", true).update_contacts(true).school("sch-1", false);
    let orgless = |person: Person| person.schools("");
    let people = |class: &str| {
        roster(&[
            person("stu-1").agents("tea-1").schools("sch-1"),
            person("stu-2").schools("sch-2"),
            orgless(custody("tea-1", "", class)).role("guardian"),
        ])
    };
    district.file("sis/users.csv", people(""));
    let done = district.run().ok();
    assert_eq!(done.report.row("tea-1")["schools"], *"sch-1");
    district.file("sis/users.csv", people("no rights"));
    let done = district.run().ok();
    done.says("tea-1", "archived", "May not be contacted any more - archived");
}

#[test]
fn a_value_that_no_rule_names_is_found_and_a_rule_without_its_column_stops_the_run() {
    let mut district = district(FAMILY);
    let rows = format!("{FAMILY}stu-2,gua-6,Ida,Roth,ida@mail.example,,Mother,Joint,Parent\n");
    district.file("guardians.csv", format!("{HEADER}{rows}"));
    let done = district.run().ok();
    let found = "no rule of [contacts] names `Joint` (1); where no other rule fits, the link is of the class `contact`";
    assert!(done.stderr.contains("contact-value-unlisted") && done.stderr.contains(found), "{}", done.stderr);
    let checked = district.cli(&["check"]).ok().stdout;
    assert!(checked.contains(found) && checked.contains("`Parent` (6)"), "{checked}");
    done.says("gua-6", "created", "");
    // Its class is `otherwise`.
    district.set("contacts.otherwise", "\"never\"");
    district.run().ok().says("gua-6", "archived", "May not be contacted any more - archived");
    district.unset("contacts.otherwise");
    // A filter that does nothing in silence is the worst of all.
    let header = HEADER.replace("custody", "x");
    district.file("guardians.csv", format!("{header}{FAMILY}"));
    let before = district.accounts();
    let stopped = district.run().exits(7);
    stopped.complains(&[
        "a rule of [contacts] uses the column custody, and no file of tonight has it",
        "rostersync.toml:",
        "have the SIS export the column custody, under that name, or remove the rule",
    ]);
    assert_eq!(district.accounts(), before);
    district.cli(&["check"]).exits(7).any();
}

#[test]
fn a_column_that_is_blank_in_all_rows_takes_nothing_away_and_lets_nobody_in() {
    let mut district = district(FAMILY);
    district.run().ok();
    let blank = FAMILY.replace("NO RIGHTS", "").replace("restricted view", "").replace("No rights", "");
    let rows = format!("{blank}stu-3,gua-7,Uma,Vogt,uma@mail.example,,Mother,,Parent\n");
    district.file("guardians.csv", format!("{HEADER}{rows}"));
    let waits = "Not known tonight whether the person may be contacted - not added";
    for _ in 0..2 {
        let done = district.run().exits(3);
        done.says("gua-1", "unchanged", "");
        done.says("gua-4", "unchanged", "");
        done.says("gua-2", "skipped", waits);
        done.says("gua-7", "skipped", waits);
        assert_eq!(done.report.row("gua-7")["codes"], *"contact-not-known");
        let said = "a rule of [contacts] uses this column, and it is blank in all rows tonight";
        assert!(format!("{}{}", done.stdout, done.stderr).contains(said), "{}{}", done.stdout, done.stderr);
        assert_eq!(
            district.ask("SELECT sis_agents || '/' || sis_barred FROM account WHERE sourced_id = 'gua-4'"),
            "stu-1/stu-2"
        );
    }
    let explained = district.cli(&["explain", "gua-2"]).ok().stdout;
    let not_known = "for stu-1: not known tonight, because a column of a rule is blank in all rows";
    assert!(explained.contains(not_known), "{explained}");
    district.file(
        "guardians.csv",
        format!("{HEADER}{FAMILY}stu-3,gua-7,Uma,Vogt,uma@mail.example,,Mother,,Parent\n"),
    );
    let done = district.run().ok();
    done.says("gua-7", "created", "Linked to stu-3");
    done.says("gua-2", "skipped", NOT_ADDED);
    // If it is right that no cell has a value, one run without the rule forgets the column.
    district.file("guardians.csv", format!("{HEADER}{blank}"));
    district.run().exits(3).says("gua-2", "skipped", waits);
    district.set("contacts.rule", "[{ where = { type = \"Emergency\" }, class = \"emergency\" }]");
    district.run().ok().says("gua-2", "created", "Linked to stu-1");
    district.set("contacts.rule", RULES);
    district.run().ok().says("gua-2", "unchanged", "");
}

#[test]
fn columns_that_look_like_restrictions_and_are_in_no_rule_are_said() {
    let district = district(FAMILY)
        .with("contacts.rule", "[{ where = { type = \"Emergency\" }, class = \"emergency\" }]");
    district.sis(&[person("stu-1"), person("stu-2").schools("sch-2"), person("stu-3")]);
    let checked = district.cli(&["check"]).ok().stdout;
    let said = "warning[contact-column-unused] the column looks as if it said whom the school may contact, and no rule of \
                [contacts] uses it; its values are `NO RIGHTS` (1), `No rights` (1) and `restricted view` (1)";
    assert!(checked.contains(said), "{checked}");
    let once = district.run().ok();
    assert!(once.stderr.contains("`rostersync check` shows its values"), "{}", once.stderr);
    let again = district.run().ok();
    assert!(!again.stderr.contains("contact-column-unused"), "{}", again.stderr);
}

#[test]
fn a_preview_of_a_new_rule_shows_whom_it_archives_and_explain_names_the_rule() {
    let mut district = district(FAMILY);
    district.unset("contacts.rule");
    district.run().ok();
    district.set("contacts.rule", RULES);
    let preview = district.preview().ok();
    assert!(preview.plan().contains("3 to archive"), "{}", preview.plan());
    assert!(preview.stdout.contains("gua-2") && preview.stdout.contains("archived"), "{}", preview.stdout);
    let config = std::fs::read_to_string(district.path("rostersync.toml")).unwrap();
    let line = 1 + config.lines().position(|line| line.starts_with("rule = ")).unwrap();
    let explained = district.cli(&["explain", "gua-2"]).ok().stdout;
    let why = format!("for stu-1: never, by rule 1 in line {line}: custody is `NO RIGHTS`");
    assert!(explained.contains(&why), "{explained}");
    // By an email as well; and of each link.
    let explained = district.cli(&["explain", "omar@mail.example"]).ok().stdout;
    assert!(
        explained.contains("for stu-1: contact, because no rule fits, and `otherwise` decides"),
        "{explained}"
    );
    assert!(explained.contains("for stu-2: never, by rule 1"), "{explained}");
    let json = district.cli(&["explain", "gua-3", "--json"]).ok().json();
    assert_eq!(json["contacts"][0]["class"], "emergency");
    assert_eq!(json["codes"], "emergency-contact");
}

/// The list that a regional service gives its districts.
#[test]
fn the_rule_list_of_a_regional_service_in_new_york() {
    let district = District::new()
        .without_limits()
        .with("guardians.file", "\"contacts.csv\"")
        .with("contacts.otherwise", "\"never\"")
        .with(
            "contacts.rule",
            "[{ where = { custody_alert = \"No Rights\" }, class = \"never\" }, \
             { where = { portal_view = \"Restricted View\" }, class = \"never\" }, \
             { where = { is_parent = \"Y\", receives_mail = \"Y\" }, class = \"contact\" }, \
             { where = { is_parent = \"Y\", portal_access = \"Y\" }, class = \"contact\" }]",
        );
    district.sis(&[person("stu-1")]);
    let mut rows = String::from(
        "student_id,guardian_id,given_name,family_name,email,is_parent,receives_mail,portal_access,custody_alert,portal_view\n",
    );
    let marks = ["Y", "N"];
    for parent in marks {
        for mail in marks {
            for portal in marks {
                for (custody, view) in
                    [("", ""), ("NO RIGHTS", ""), ("", "Restricted view"), ("Joint", "Full")]
                {
                    let short: String = [parent, mail, portal].concat();
                    let id = format!("gua-{short}-{custody}{view}").replace(' ', "");
                    rows.push_str(&format!(
                        "stu-1,{id},Rosa,{id},{id}@mail.example,{parent},{mail},{portal},{custody},{view}\n"
                    ));
                }
            }
        }
    }
    district.file("contacts.csv", rows);
    let done = district.run().ok();
    let mut added: Vec<String> = guardians(&done).into_iter().filter(|row| row.contains("created")).collect();
    added.sort();
    assert_eq!(
        added,
        ["YNY-", "YNY-JointFull", "YYN-", "YYN-JointFull", "YYY-", "YYY-JointFull"]
            .map(|id| format!("gua-{id} | created | "))
    );
    assert_eq!(done.report.count("skipped"), 32 - 6);
}

#[test]
fn a_row_without_a_student_that_is_known_takes_no_account_away() {
    let rows = "stu-1,,Rosa,Diaz,rosa@mail.example,,Mother,,Parent\nstu-3,,Omar,Haddad,omar@mail.example,,Father,,Parent\n";
    let district = district(rows);
    district.run().ok();
    let accounts = || district.ask("SELECT group_concat(sourced_id || archived || sis_agents) FROM account");
    let before = accounts();
    for bad in ["", "stu-77"] {
        district.file("guardians.csv", format!("{HEADER}{}", rows.replace("stu-1", bad)));
        let done = district.run();
        assert_eq!(
            done.report.count("archived"),
            0,
            "{bad}: {:?}",
            done.report.shows("sourced_id action notes")
        );
        assert_eq!(accounts(), before, "{bad}");
    }
    // Once the student has left, so has the guardian.
    district.sis(&[person("stu-2").schools("sch-2"), person("stu-3"), person("tea-1").given("Dora")]);
    district.file("guardians.csv", format!("{HEADER}{rows}"));
    assert_eq!(district.run().ok().report.count("archived"), 2);
}

#[test]
fn fields_of_clevers_contacts_are_columns() {
    let student = |id: &str| {
        json!({ "id": id, "name": { "first": "Ana", "last": "Diaz" }, "email": format!("{id}@school.example"),
                "roles": { "student": { "school": "sch-1", "schools": ["sch-1"] } } })
    };
    let contact = |id: &str, links: &[(&str, &str, &str)]| {
        let links: Vec<_> = links
            .iter()
            .map(|(student, kind, relationship)| json!({ "student": student, "type": kind, "relationship": relationship }))
            .collect();
        json!({ "id": id, "name": { "last": format!("Rosa {id}") }, "email": format!("{id}@mail.example"),
                "roles": { "contact": { "sis_id": id, "student_relationships": links } } })
    };
    let users = vec![
        student("s1"),
        student("s2"),
        contact("gua-1", &[("s1", "Parent/Guardian", "Mother")]),
        contact("gua-2", &[("s1", "Emergency", "Neighbor")]),
        contact("gua-3", &[("s1", "Parent/Guardian", "Father"), ("s2", "Emergency", "Other")]),
        contact("gua-4", &[("s1", "Family", "Doctor")]),
    ];
    let clever = crate::clever::Clever::new(users);
    let fake = Fake::start(move |request| clever.page(request));
    let district = crate::clever::district(&fake).without_limits().with(
        "contacts.rule",
        "[{ where = { type = \"Emergency\" }, class = \"emergency\" }, { where = { relationship = [\"Doctor\"] }, class = \"never\" }]",
    );
    let done = district.run().ok();
    assert_eq!(
        guardians(&done),
        [
            "gua-1 | created | ",
            &format!("gua-2 | skipped | {EMERGENCY}"),
            "gua-3 | created | ",
            &format!("gua-4 | skipped | {NOT_ADDED}"),
        ]
    );
    assert_eq!(
        district.ask("SELECT sis_agents || '/' || sis_emergency FROM account WHERE sourced_id = 'gua-3'"),
        "s1/s2"
    );
    let explained = district.cli(&["explain", "gua-4"]).ok().stdout;
    assert!(explained.contains("for s1: never, by rule 2 in line"), "{explained}");
}

#[test]
fn places_in_the_metadata_of_an_api_are_columns() {
    let user = |id: &str, role: &str, agents: &[&str], metadata: serde_json::Value| {
        let agents: Vec<_> = agents.iter().map(|id| json!({ "sourcedId": id })).collect();
        json!({ "sourcedId": id, "status": "active", "role": role, "givenName": "Rosa", "familyName": id,
                "email": format!("{id}@mail.example"), "orgs": [{ "sourcedId": "sch-1" }], "agents": agents,
                "metadata": metadata })
    };
    let users = [
        user("gua-1", "guardian", &["stu-1"], json!({ "contact": { "portal": true } })),
        user("gua-2", "guardian", &["stu-1"], json!({ "contact": { "portal": false } })),
        user("gua-3", "guardian", &[], json!({ "contact.portal": "No" })),
        user("stu-1", "student", &["gua-1", "gua-2", "gua-3"], json!({})),
    ];
    let orgs = [json!({ "sourcedId": "sch-1", "name": "Lincoln", "type": "school" })];
    let fake = Fake::start(move |request| {
        let is_users = request.path.ends_with("/users");
        let (name, all) = if is_users { ("users", &users[..]) } else { ("orgs", &orgs[..]) };
        let rest = &all[request.number("offset").unwrap_or(0).min(all.len())..];
        Reply::json(json!({ name: rest }))
    });
    let mut district =
        crate::sis::district(&fake).without_limits().with("contacts.otherwise", "\"never\"").with(
            "contacts.rule",
            "[{ where = { \"metadata.contact.portal\" = [\"true\", \"yes\"] }, class = \"contact\" }]",
        );
    let done = district.run().ok();
    assert_eq!(
        guardians(&done),
        [
            "gua-1 | created | ",
            &format!("gua-2 | skipped | {NOT_ADDED}"),
            &format!("gua-3 | skipped | {NOT_ADDED}")
        ]
    );
    assert!(done.stderr.contains("`No` (1) and `false` (1)"), "{}", done.stderr);
    let explained = district.cli(&["explain", "gua-2"]).ok().stdout;
    assert!(
        explained.contains(
            "all links: never, because no rule fits, and `otherwise` decides: metadata.contact.portal is `false`"
        ),
        "{explained}"
    );
    district.set("contacts.rule", "[{ where = { \"metadata.rights\" = \"yes\" }, class = \"contact\" }]");
    district.run().exits(7).complains(&["uses the column metadata.rights"]);
}

#[test]
fn a_link_that_becomes_barred_is_removed_and_one_that_is_allowed_comes() {
    let district = district(FAMILY);
    district.run().ok();
    let rows = FAMILY.replace("restricted view", "").replace(
        "stu-1,gua-4,Omar,Haddad,omar@mail.example,,Father,,Parent",
        "stu-1,gua-4,Omar,Haddad,omar@mail.example,,Father,No rights,Parent",
    );
    district.file("guardians.csv", format!("{HEADER}{rows}"));
    let done = district.run().ok();
    done.says("gua-4", "updated", "Linked to stu-2; No longer linked to stu-1");
    assert_eq!(done.report.row("gua-4")["schools"], *"sch-2");
    assert_eq!(
        district.ask("SELECT sis_agents || '/' || sis_barred FROM account WHERE sourced_id = 'gua-4'"),
        "stu-2/stu-1"
    );
    district.run().ok().says("gua-4", "unchanged", "");
}

#[test]
fn several_rows_of_one_user_are_about_the_links_that_they_name() {
    let district = own_columns();
    let rows = |second: &str| {
        roster(&[
            person("stu-1"),
            person("stu-2").schools("sch-2"),
            custody("gua-1", "stu-1", "").schools(""),
            custody("gua-1", "stu-2", second).schools(""),
        ])
    };
    district.file("sis/users.csv", rows("No Rights"));
    let done = district.run().ok();
    done.says("gua-1", "created", "");
    assert_eq!(done.report.row("gua-1")["schools"], *"sch-1");
    let lists = "SELECT sis_agents || '/' || sis_emergency || '/' || sis_barred FROM account WHERE sourced_id = 'gua-1'";
    assert_eq!(district.ask(lists), "stu-1//stu-2");
    district.run().ok().says("gua-1", "unchanged", "");
    // Emergencies are less than a contact, and rights are more.
    district.file("sis/users.csv", rows("emergency"));
    district.run().ok().says("gua-1", "unchanged", "");
    assert_eq!(district.ask(lists), "stu-1/stu-2/");
    let joint = rows("").replacen(",stu-1,,,", ",stu-1,,Joint,", 1);
    district.file("sis/users.csv", joint);
    district.run().ok().says("gua-1", "updated", "Linked to stu-2");
    // Both rows forbid it.
    let both = rows("No Rights")
        .replace("gua-1@school.example,,,stu-1,,,", "gua-1@school.example,,,stu-1,,No Rights,");
    assert_eq!(both.matches("No Rights").count(), 2, "{both}");
    district.file("sis/users.csv", both);
    district.run().ok().says("gua-1", "archived", "May not be contacted any more - archived");
}

#[test]
fn a_delta_of_the_adult_alone_takes_the_account_away_and_gives_it_back() {
    let district = own_columns();
    let people = |value: &str| vec![person("stu-1").agents("gua-1"), custody("gua-1", "stu-1", value)];
    district.file("sis/users.csv", roster(&people("")));
    district.run().ok();
    district.mode("delta");
    district.file("sis/users.csv", roster(&people("No rights")[1..]));
    district.run().ok().says("gua-1", "archived", "May not be contacted any more - archived");
    // A delta that does not mention the adult leaves the adult as it is.
    district.file("sis/users.csv", roster(&people("")[..1]));
    district.run().any();
    assert_eq!(district.ask("SELECT archived FROM account WHERE sourced_id = 'gua-1'"), "1");
    district.file("sis/users.csv", roster(&people("")[1..]));
    district.run().ok().says("gua-1", "restored", "User is back in the SIS import - restored");
    assert_eq!(
        district.ask("SELECT sis_agents || '/' || sis_barred FROM account WHERE sourced_id = 'gua-1'"),
        "stu-1/"
    );
}

#[test]
fn mistakes_in_the_rules_are_shown_with_their_line_and_key() {
    let mut district = District::new();
    district.sis(&[person("stu-1")]);
    for (key, value, words) in [
        (
            "contacts.otherwise",
            "\"contcat\"",
            ["`otherwise` in [contacts] cannot be the text \"contcat\"", "did you mean \"contact\"?"],
        ),
        ("contacts.otherwise", "\"never\"", ["has no effect without a [[contacts.rule]]", "add a rule"]),
        (
            "contacts.rule",
            "[{ where = { a = \"b\" } }]",
            ["`class` is missing in [[contacts.rule]]", "class = "],
        ),
        ("contacts.rule", "[{ where = {}, class = \"never\" }]", ["names no column", "write for example"]),
        (
            "contacts.rule",
            "[{ where = { a = [] }, class = \"never\" }]",
            ["has no word for the column a", "write for example"],
        ),
        (
            "contacts.rule",
            "[{ where = { a = 3 }, class = \"never\" }]",
            ["is the number 3, but has to be a word", "a list such as"],
        ),
        (
            "contacts.rule",
            "[{ where = { a = \"b\" }, class = \"none\" }]",
            ["`class` in [[contacts.rule]] cannot be", "\"emergency\""],
        ),
        (
            "contacts.rule",
            "[{ where = { Password = \"b\" }, class = \"never\" }]",
            ["the column password is never read", "rostersync.toml:2"],
        ),
        (
            "contacts.rule",
            "[{ were = { a = \"b\" }, class = \"never\" }]",
            ["unknown key `were` in [[contacts.rule]]", "did you mean `where`?"],
        ),
        ("contacts.suppressed", "\"\"", ["`suppressed` in [contacts] is empty", "name a file"]),
    ] {
        district.unset("contacts.otherwise");
        district.unset("contacts.rule");
        district.set(key, value);
        district.cli(&["check"]).exits(2).complains(&words).complains(&["rostersync.toml:"]);
    }
}

/// A rule on a column of the file has no effect on a guardian of the roster. That is said.
#[test]
fn a_restriction_of_a_guardian_that_the_roster_has_itself_is_found() {
    let district = district(
        "stu-1,gua-1,Rosa,Diaz,rosa@mail.example,,Mother,No rights,Parent\n\
                             stu-1,gua-2,Hugo,Diaz,hugo@mail.example,,Father,,Parent\n\
                             stu-1,,Pia,Berg,pia@mail.example,,Aunt,No rights,Parent\n",
    );
    district.sis(&[
        person("stu-1"),
        person("gua-1").agents("stu-1"),
        person("gua-2").agents("stu-1"),
        person("gua-8").given("Pia").family("Berg").email("pia@mail.example").agents("stu-1"),
    ]);
    let checked = district.cli(&["check"]).ok().stdout;
    let lines = |code: &str| {
        let of = checked.lines().filter(|line| line.contains(&format!("warning[{code}]")));
        of.filter_map(|line| line.split(": ").next()).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(lines("guardian-twice-restricted"), ["guardians.csv:2", "guardians.csv:4"], "{checked}");
    assert_eq!(lines("guardian-twice"), ["guardians.csv:3"], "{checked}");
}

/// Classes stand while one column is blank, also those that another column would change.
#[test]
fn a_link_that_is_known_is_the_same_everywhere_while_a_column_is_blank() {
    let district = district(FAMILY).update_contacts(true).school("sch-2", false);
    let family = FAMILY.replace("restricted view", "");
    district.file("guardians.csv", format!("{HEADER}{family}"));
    district.run().ok();
    district.cli(&["users", "join", "gua-4"]).ok();
    let blank = family.replace("NO RIGHTS", "").replace("No rights", "").replace(
        "stu-2,gua-4,Omar,Haddad,omar@mail.example,,Father,,Parent",
        "stu-2,gua-4,Omar,Haddad,omar@mail.example,,Father,,Emergency",
    );
    district.file("guardians.csv", format!("{HEADER}{}", blank.replace("omar@", "new@")));
    let before = district.cli(&["users", "export", "--links"]).ok().stdout;
    for _ in 0..2 {
        let done = district.run().exits(3);
        // The school that protects the details is still there.
        done.says("gua-4", "kept", "Active user has a new email in the SIS import - omar@mail.example");
        assert_eq!(done.report.row("gua-4")["schools"], *"sch-1|sch-2");
        assert_eq!(done.report.row("stu-2")["codes"], *"");
        assert!(done.plan().contains(" 0 links;"), "{}", done.plan());
        assert_eq!(district.cli(&["users", "export", "--links"]).ok().stdout, before);
    }
    assert!(district.mails().is_empty());
}

/// The old address of one parent is the address of the other, who may not be contacted.
#[test]
fn an_old_address_that_a_barred_person_reads_is_not_written_to() {
    for (barred_before, had_account, by_command) in [
        (false, true, false),
        (true, true, false),
        (true, false, false),
        (false, true, true),
        (true, true, true),
    ] {
        let mut district = own_columns().update_contacts(true);
        let people = |mother: &str, value: &str| {
            district.file(
                "sis/users.csv",
                roster(&[
                    person("stu-1").agents("gua-1,gua-2"),
                    custody("gua-1", "", "").email(mother),
                    custody("gua-2", "", if by_command { "" } else { value }).email("his@mail.example"),
                    custody("gua-3", "stu-1", "No rights"),
                ]),
            );
        };
        people("his@mail.example", if had_account { "" } else { "No rights" });
        district.run().ok();
        district.cli(&["users", "join", "gua-1"]).ok();
        if had_account {
            district.cli(&["users", "join", "gua-2"]).ok();
        }
        if by_command {
            district.cli(&["users", "suppress", "gua-2", "--reason", "asked"]).ok();
        }
        if barred_before {
            people("his@mail.example", "No rights");
            district.run().ok();
        }
        people("hers@mail.example", "No rights");
        let preview = district.preview().ok();
        assert!(preview.plan().contains("; 1 notification (1 email"), "{}", preview.plan());
        district.run().ok().says("gua-1", "updated", "Email updated by the sync - was his@mail.example");
        let mails = district.mails();
        assert_eq!(mails.len(), 1, "{mails:?}");
        assert!(format!("{mails:?}").contains("hers@mail.example"), "{mails:?}");
        // Nor after an edit; an account that never was has no address here.
        district.set("sync.update_contacts", "false");
        for email in ["his@mail.example", "her-own@mail.example"] {
            district.cli(&["users", "edit", "gua-1", "--as", "gua-1", "--email", email]).ok();
        }
        let told = "SELECT count(*) FROM outbox WHERE audience = 'former' AND recipient LIKE 'his%'";
        assert_eq!(district.ask(told), if had_account { "0" } else { "1" });
    }
}
