//! The same person under another sourcedId: accounts that would be archived beside new records.

use crate::support::{District, Person, person};

/// A family of three and a teacher: a student with two guardians, `S-1001` and so on.
fn family(number: usize, id: &dyn Fn(&str, usize) -> String) -> [Person; 4] {
    let (stu, gua, par, tea) = (id("stu", number), id("gua", number), id("par", number), id("tea", number));
    let named = |id: &str, role: &str, kind: &str| {
        person(id)
            .role(role)
            .given(&format!("{kind}{number}"))
            .family(&format!("Family{number}"))
            .email(&format!("{kind}{number}@mail.example"))
            .identifier(&format!("{kind}-{number}"))
            .with("username", &format!("{kind}{number}"))
    };
    [
        named(&stu, "student", "sam").agents(&format!("{gua},{par}")),
        named(&gua, "guardian", "gus"),
        named(&par, "parent", "pam"),
        named(&tea, "teacher", "tea"),
    ]
}

fn district_of(families: usize, id: &dyn Fn(&str, usize) -> String) -> Vec<Person> {
    (1..=families).flat_map(|number| family(number, id)).collect()
}

fn old_id(kind: &str, number: usize) -> String {
    format!("S-{kind}{}", 1000 + number)
}

fn new_id(kind: &str, number: usize) -> String {
    format!("{kind}{}", 1000 + number)
}

/// A district of 60 in which half of the people have joined, and half of those have details of their
/// own.
fn sixty(on: bool) -> District {
    let mut district = District::new().update_contacts(on);
    let people = district_of(15, &old_id);
    let joined: Vec<Person> = people
        .iter()
        .step_by(2)
        .enumerate()
        .map(|(at, one)| if at % 2 == 0 { one.clone().mobile("+17185550142") } else { one.clone() })
        .collect();
    district.platform(&joined);
    district.sis(&people);
    district.run().ok();
    district
}

const ACCOUNTS: &str = "SELECT state, archived, given_name, family_name, email, phone, home_phone FROM account \
                        ORDER BY family_name, given_name";

#[test]
fn a_district_with_new_sourced_ids_loses_nobody() {
    for on in [false, true] {
        let mut district = sixty(on);
        let before = district.ask(ACCOUNTS);
        district.sis(&district_of(15, &new_id));
        district.at("2026-11-24T08:15:00Z");
        let preview = district.preview().exits(4);
        let done = district.run().exits(4);
        assert_eq!(preview.checksum(), done.checksum());
        assert_eq!(done.report.count("held"), 120);
        done.says("stu1001", "held", "Probably the same person as S-stu1001 (same identifier) - not added");
        done.says("S-stu1001", "held", "Probably back as stu1001 (same identifier) - not archived");
        let file = district.path("reports/renames-000002.csv");
        let verdict = done.stdout.split_once("BLOCKED: nothing was applied\n").unwrap().1;
        let expected = format!(
            "  60 of the 60 accounts that would be archived seem to be back under another sourcedId: without the prefix `S-`, for \
             example S-stu1001 → stu1001 and S-gua1001 → gua1001\n  \
             Their old and new sourcedIds are in reports/renames-000002.csv. If they are the same people, their accounts go on:\n    \
             rostersync -c rostersync.toml run --rekey {file}\n  \
             60 of 60 accounts would be archived, or are held because they are probably back under another sourcedId (100.0%); \
             [limits] archive allows 10%\n\
             The command below approves exactly this plan. It decides nothing about the 60 held accounts: they stay held until `users rekey`, `users \
             distinct` or `run --rekey`.\n  rostersync -c rostersync.toml run --approve {}\n",
            done.checksum(),
            file = file.display()
        );
        assert_eq!(verdict, expected);
        assert_eq!(district.ask(ACCOUNTS), before);
        let done = district.run_with(&["--rekey", "reports/renames-000002.csv"]).ok();
        assert_eq!(done.report.rows.len(), 60);
        assert!(done.report.rows.iter().all(|row| row["codes"].contains("rekeyed")), "{}", done.stdout);
        done.says("gua1002", "unchanged", "Has a new sourcedId - was S-gua1002");
        assert_eq!(district.ask(ACCOUNTS), before);
        // The store is what it would have been without the change, and the next night says nothing.
        district.at("2026-11-25T08:15:00Z");
        let done = district.run().ok();
        assert!(!done.report.rows.iter().any(|row| row["codes"].contains("rekey")));
        district.cli(&["status", "--verify"]).ok();
        let mut other = sixty(on);
        other.sis(&district_of(15, &old_id));
        other.at("2026-11-25T08:15:00Z");
        let same = other.run().ok();
        assert_eq!(done.plan(), same.plan());
        // The links are hashes of sourcedIds.
        let columns = "SELECT state, archived, given_name, family_name, email, phone, home_phone, sis_identifier, sis_given_name, \
                       sis_family_name, sis_email, sis_roles, sis_orgs, replace(sis_agents, 'S-', ''), length(links), \
                       sis_username, kept_since, replace(sourced_id, 'S-', '') AS named FROM account ORDER BY named";
        assert_eq!(district.ask(columns), other.ask(columns));
    }
}

fn at_night(district: &mut District, day: u32) {
    district.at(&format!("2026-11-{day:02}T08:15:00Z"));
}

/// Rosa has joined as `tea-1`, with a permission; `tea-2` is there every night.
fn rosa() -> Person {
    person("tea-1").identifier("4711").with("username", "rdiaz").mobile("718-555-0142")
}

fn bo() -> Person {
    person("tea-2").given("Bo").identifier("4712").with("username", "bo")
}

fn with_rosa(settings: &[(&str, &str)]) -> District {
    let mut district = District::new().without_limits();
    for (key, value) in settings {
        district.set(key, value);
    }
    district.platform(&[rosa().email("home@mail.example").mobile("+17185550142")]);
    district.sis(&[rosa(), bo()]);
    district.run().ok();
    district.cli(&["users", "grant", "tea-1", "users-manager"]).ok();
    district
}

fn renamed(person: Person, id: &str) -> Person {
    let email = person.cells["email"].clone();
    person.with("sourcedId", id).email(&email)
}

const PAIRS: &str = "SELECT old, new, since, certain, evidence FROM same_person ORDER BY 1, 2";

#[test]
fn a_pair_is_held_until_a_person_decides() {
    let mut district = with_rosa(&[]);
    at_night(&mut district, 24);
    district.sis(&[renamed(rosa(), "tea-901"), bo()]);
    let before = district.accounts();
    let preview = district.preview().exits(3);
    assert_eq!(
        preview.stdout.lines().take(2).collect::<Vec<_>>(),
        [
            "? tea-1     active   held       probably back as tea-901 (same identifier)          Rosa Diaz sch-1",
            "? tea-901            held       probably the same person as tea-1 (same identifier) Rosa Diaz sch-1",
        ]
    );
    let done = district.run().exits(3);
    assert_eq!(done.checksum(), preview.checksum());
    done.says("tea-1", "held", "Probably back as tea-901 (same identifier) - not archived");
    done.says("tea-901", "held", "Probably the same person as tea-1 (same identifier) - not added");
    let row = done.report.row("tea-1");
    assert_eq!(
        (&row["state"], &row["codes"], &row["email"]),
        ("active", "possible-rekey", "home@mail.example")
    );
    assert_eq!(&done.report.row("tea-901")["state"], "");
    assert_eq!(district.accounts(), before, "neither archived nor added");
    assert!(district.mails().is_empty());
    let attention: Vec<&str> = done.stdout.lines().filter(|line| line.starts_with("Attention")).collect();
    assert_eq!(
        attention,
        [
            "Attention (possible-rekey): users.csv: sourcedId: 1 account is probably back under another sourcedId and held: \
             tea-1 → tea-901. If old and new are one person: `rostersync users rekey OLD NEW`, or `rostersync run --rekey FILE` \
             with the file of renames beside the report; if they are two: `rostersync users distinct OLD NEW`"
        ]
    );
    assert!(done.stdout.contains(
        "1 account is held, because it is probably back under another sourcedId (1 certain, 0 probable): `rostersync report \
         --where codes=possible-rekey`\nRenames: reports/renames-000002.csv\n"
    ), "{}", done.stdout);
    assert_eq!(district.ask(PAIRS), "tea-1 | tea-901 | 2026-11-24 | 1 | same identifier");
    let text = std::fs::read_to_string(district.path("reports/renames-000002.csv")).unwrap();
    assert_eq!(text, "old,new,evidence,name\r\ntea-1,tea-901,same identifier,Rosa Diaz\r\n");
    assert!(!district.path("reports/renames-000002-probable.csv").exists());
    let mode = std::fs::metadata(district.path("reports/renames-000002.csv")).unwrap().permissions();
    assert_eq!(std::os::unix::fs::PermissionsExt::mode(&mode) & 0o777, 0o600);

    // It is said once; afterwards it is in status, report and summary.
    at_night(&mut district, 25);
    let done = district.run().ok();
    done.says("tea-1", "held", "Probably back as tea-901 (same identifier) - not archived");
    assert!(done.plan().contains(" 0 to archive,") && done.plan().contains(" 2 held"), "{}", done.plan());
    let status = district.cli(&["status"]).ok().stdout;
    assert!(status.contains(
        "Held:           tea-1, since 2026-11-24: probably back as tea-901 (same identifier) (`rostersync users rekey tea-1 \
         tea-901` or `users distinct tea-1 tea-901`)\n"
    ), "{status}");
    let json = district.cli(&["status", "--json"]).ok().json();
    assert_eq!(
        json["same_person"],
        serde_json::json!({ "held": 1, "certain": 1, "pairs": [{
            "old": "tea-1", "new": "tea-901", "since": "2026-11-24", "certain": true, "evidence": "same identifier"
        }] })
    );
    // The permission sleeps.
    let shown = district.cli(&["users", "show", "tea-1"]).ok().stdout;
    assert!(shown.contains("Manages:   users of the whole district, not while held\n"), "{shown}");
    assert!(shown.contains(
        "Held:      probably back as tea-901 (same identifier): `rostersync users rekey tea-1 tea-901` if it is one person, \
         `rostersync users distinct tea-1 tea-901` if they are two\n"
    ), "{shown}");
    let json = district.cli(&["users", "can-edit", "tea-2", "--as", "tea-1", "--json"]).ok().json();
    assert_eq!(json["fields"]["email"]["code"], "actor-inactive", "{json}");

    district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    assert_eq!(district.ask(PAIRS), "");
    at_night(&mut district, 26);
    let done = district.run().ok();
    done.says("tea-901", "kept", "Active user has a new email in the SIS import - home@mail.example");
    assert_eq!(done.report.rows.len(), 2);
    let json = district.cli(&["users", "can-edit", "tea-2", "--as", "tea-901", "--json"]).ok().json();
    assert_ne!(json["fields"]["email"]["code"], "actor-inactive", "{json}");
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn two_people_are_never_a_pair_again() {
    let mut district = with_rosa(&[]);
    at_night(&mut district, 24);
    district.sis(&[renamed(rosa(), "tea-901"), bo()]);
    district.run().exits(3);
    district.cli(&["users", "distinct", "tea-1", "tea-901"]).ok();
    at_night(&mut district, 25);
    let done = district.run().ok();
    done.says("tea-1", "archived", "User is no longer in the SIS import - archived");
    assert_eq!(&done.report.row("tea-901")["action"], "created");
    assert_eq!(district.ask(PAIRS), "");
}

#[test]
fn a_probable_pair_is_held_for_two_weeks() {
    let mut district = with_rosa(&[]);
    let back = || person("tea-901").email("tea-1@school.example").with("username", "");
    let night = [back(), bo()];
    district.sis(&night);
    at_night(&mut district, 10);
    let done = district.run().exits(3);
    done.says("tea-1", "held", "Probably back as tea-901 (same name and email) - not archived");
    assert!(!district.path("reports/renames-000002.csv").exists());
    let text = std::fs::read_to_string(district.path("reports/renames-000002-probable.csv")).unwrap();
    assert_eq!(text, "old,new,evidence,name\r\ntea-1,tea-901,same name and email,Rosa Diaz\r\n");
    let said = "Accounts that are only probably back are held for 14 days, and then archived\n";
    assert!(done.stdout.contains(said), "{}", done.stdout);
    let status = district.cli(&["status"]).stdout;
    assert!(
        status.contains(
            "tea-1, since 2026-11-10, for 14 days: probably back as tea-901 (same name and email) ("
        )
    );
    at_night(&mut district, 23);
    district.run().ok().says(
        "tea-901",
        "held",
        "Probably the same person as tea-1 (same name and email) - not added",
    );
    at_night(&mut district, 24);
    let done = district.run().ok();
    done.says(
        "tea-1",
        "archived",
        "User is no longer in the SIS import - archived; Probably back as tea-901 (same name and email)",
    );
    assert_eq!(&done.report.row("tea-901")["action"], "created");
    assert!(
        done.report.row("tea-901")["notes"]
            .contains("Probably the same person as tea-1 (same name and email)")
    );
    assert_eq!(district.ask(PAIRS), "");
    // It can still be taken for one person.
    district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    assert_eq!(district.ask("SELECT state FROM account WHERE sourced_id = 'tea-901'"), "active");
}

#[test]
fn certain_pairs_can_go_on_by_themselves() {
    let mut district = with_rosa(&[("identity.same_person", "\"join\"")]);
    at_night(&mut district, 24);
    let night = [
        renamed(rosa(), "tea-901"),
        person("tea-902").given("Bo").email("tea-2@school.example").with("username", ""),
    ];
    district.sis(&night);
    let preview = district.preview().exits(3);
    assert_eq!(
        preview.stdout.lines().next(),
        Some("> tea-1     active   sourcedId  → tea-901, MANAGES ALL USERS OF THE DISTRICT Rosa Diaz sch-1")
    );
    let done = district.run().exits(3);
    assert_eq!((done.checksum(), done.plan()), (preview.checksum(), preview.plan()));
    assert!(done.plan().contains("1 to rename"), "{}", done.plan());
    done.says(
        "tea-901",
        "kept",
        "Active user has a new email in the SIS import - home@mail.example; Has a new sourcedId - was tea-1",
    );
    assert_eq!(&done.report.row("tea-901")["codes"], "active-email-differs rekeyed");
    // What is not certain is held.
    done.says("tea-2", "held", "Probably back as tea-902 (same name and email) - not archived");
    done.says("tea-902", "held", "Probably the same person as tea-2 (same name and email) - not added");
    assert_eq!(
        district.ask("SELECT sourced_id, state FROM account ORDER BY 1"),
        "tea-2 | pending\ntea-901 | active"
    );
    assert!(district.mails().is_empty());
    let history = district.cli(&["users", "history", "tea-901"]).ok().stdout;
    assert!(
        history.lines().any(|line| line.contains("sourced id") && line.trim_end().ends_with("sync")),
        "{history}"
    );
    at_night(&mut district, 25);
    let done = district.run().ok();
    done.says("tea-901", "kept", "Active user has a new email in the SIS import - home@mail.example");
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn off_only_lists() {
    let mut district = with_rosa(&[("identity.same_person", "\"off\"")]);
    at_night(&mut district, 24);
    district.sis(&[renamed(rosa(), "tea-901"), bo()]);
    let done = district.run().ok();
    done.says(
        "tea-1",
        "archived",
        "User is no longer in the SIS import - archived; Probably back as tea-901 (same identifier)",
    );
    done.says("tea-901", "created", "Probably the same person as tea-1 (same identifier)");
    assert_eq!(&done.report.row("tea-901")["codes"], "possible-rekey");
    assert!(
        done.stderr.contains("possible-rekey") || done.stderr.contains("sourcedId `tea-901` is new"),
        "{}",
        done.stderr
    );
    at_night(&mut district, 25);
    assert_eq!(&district.run().ok().report.row("tea-901")["codes"], "");
}

/// Each family is protected by its school, which is OFF; the district is ON.
#[test]
fn a_family_under_off_keeps_off() {
    for how in ["hold", "join"] {
        let mut district = District::new()
            .without_limits()
            .update_contacts(true)
            .school("sch-off", false)
            .with_orgs()
            .with("identity.same_person", &format!("{how:?}"));
        let family = |stu: &str, gua: &str| {
            [
                person(stu)
                    .role("student")
                    .schools("sch-off")
                    .agents(gua)
                    .email("sam@mail.example")
                    .identifier("1"),
                person(gua).role("guardian").schools("").email("gus@mail.example").identifier("2"),
                person("tea-2"),
            ]
        };
        let night = family("stu-1", "gua-1");
        district.platform(&[night[1].clone().email("own@mail.example")]);
        district.sis(&night);
        district.run().ok();
        at_night(&mut district, 24);
        district.sis(&family("new-1", "new-2"));
        let kept = "Active user has a new email in the SIS import - own@mail.example";
        if how == "join" {
            let done = district.run().ok();
            done.says("new-2", "kept", &format!("{kept}; Has a new sourcedId - was gua-1"));
        } else {
            district.run().exits(3).says(
                "new-2",
                "held",
                "Probably the same person as gua-1 (same identifier) - not added",
            );
            // The user and the platform see the same as before.
            let json = district.cli(&["users", "show", "gua-1", "--json"]).ok().json();
            assert_eq!(
                (&json["update_contacts"], &json["editable"]),
                (&false.into(), &true.into()),
                "{json}"
            );
            at_night(&mut district, 25);
            let done = district.run_with(&["--rekey", "reports/renames-000002.csv"]).ok();
            done.says("new-2", "kept", &format!("{kept}; Has a new sourcedId - was gua-1"));
        }
        assert!(district.mails().is_empty());
        // The student graduates: the last known school still protects.
        at_night(&mut district, 26);
        district.sis(&family("new-1", "new-2")[1..]);
        district.run().ok().says("new-2", "kept", kept);
    }
}

/// Everybody is renamed to an id that says nothing, and only some things are the same.
#[test]
fn evidence_of_each_kind() {
    let mut district = District::new().without_limits();
    let old = [
        person("tea-1").given("Ann").with("username", "ann").identifier("1"),
        person("tea-2").given("Bo").with("username", "bo").identifier("2").mobile("718-555-0102"),
        person("tea-3").given("Cy").with("username", "cy").identifier("3"),
        person("tea-4").given("Di").with("username", "di").identifier(""),
        person("tea-5").given("Ed").with("username", "").identifier("").with("userIds", "{LDAP:ed}"),
        person("tea-6").given("Flo").with("username", "flo").identifier(""),
        person("tea-7").given("Gus").with("username", "gus").identifier(""),
        person("stu-8").given("Hal").agents("gua-9"),
        person("gua-9").given("Ida"),
        person("tea-10").given("Jo").with("username", "jo"),
    ];
    let columns: Vec<&str> = crate::support::COLUMNS.into_iter().chain(["userIds", "earlier"]).collect();
    let write = |district: &District, people: &[Person]| {
        district.file("sis/users.csv", crate::support::users_csv(&columns, people));
    };
    district.set("identity.earlier_id", "\"earlier\"");
    write(&district, &old);
    district.run().ok();
    at_night(&mut district, 24);
    let new = |id: &str, role: &str, given: &str| person(id).role(role).given(given).with("username", "");
    write(
        &district,
        &[
            // Another name and nothing else: but the SIS says who it was.
            new("a", "teacher", "Anna").with("earlier", "tea-1"),
            // Married, and the mobile is the same.
            new("b", "teacher", "Bob").identifier("2").mobile("(718) 555-0102"),
            new("c", "teacher", "Cyril").identifier("3"),
            new("d", "teacher", "Di").with("username", "DI"),
            new("e", "teacher", "Ed").with("userIds", "{ldap:ED}"),
            new("f", "teacher", "Flo").email("tea-6@school.example"),
            // A successor.
            new("g", "teacher", "Gina").with("username", "gus"),
            old[7].clone().agents("i"),
            new("i", "guardian", "Ida"),
            new("j", "teacher", "Jo"),
        ],
    );
    let done = district.run().exits(3);
    for (old, new, words) in [
        ("tea-1", "a", "earlier sourcedId"),
        ("tea-2", "b", "same identifier"),
        ("tea-3", "c", "same identifier"),
        ("tea-4", "d", "same user name and name"),
        ("tea-5", "e", "same user id"),
        ("tea-6", "f", "same name and email"),
        ("gua-9", "i", "same name and child"),
    ] {
        done.says(old, "held", &format!("Probably back as {new} ({words}) - not archived"));
        done.says(new, "held", &format!("Probably the same person as {old} ({words}) - not added"));
    }
    done.says("tea-7", "archived", "User is no longer in the SIS import - archived");
    done.says("g", "created", "Possibly the same person as tea-7 (same user name)");
    done.says("j", "created", "Possibly the same person as tea-10 (same name)");
    done.says("stu-8", "unchanged", "");
    let certain = "SELECT old FROM same_person WHERE certain = 1 ORDER BY old";
    assert_eq!(district.ask(certain), "tea-1\ntea-2\ntea-4\ntea-5");
}

#[test]
fn twins_namesakes_successors_and_siblings_are_never_joined() {
    let district = District::new().without_limits().with("identity.same_person", "\"join\"");
    let plain = |id: &str, given: &str| person(id).given(given).identifier("").with("username", "");
    let old = [
        // Twins, a father and his son, a teacher, a sister.
        plain("stu-1", "Tim").email("family@mail.example").mobile("718-555-0101"),
        plain("stu-2", "Tom").email("family@mail.example").mobile("718-555-0101"),
        plain("gua-1", "John").email("smith@mail.example"),
        plain("gua-2", "John").email("smith@mail.example"),
        plain("tea-1", "Jane").with("username", "jsmith"),
        plain("stu-3", "Sue").email("diaz@mail.example"),
        plain("tea-9", "Zoe"),
        // Ids that are none.
        plain("tea-2", "Ann").identifier("00000000-0000-0000-0000-000000000000").with("username", "none"),
        plain("tea-3", "Ann").with("userIds", "{LDAP:NULL}"),
    ];
    let columns: Vec<&str> = crate::support::COLUMNS.into_iter().chain(["userIds"]).collect();
    let write =
        |people: &[Person]| district.file("sis/users.csv", crate::support::users_csv(&columns, people));
    write(&old);
    district.run().ok();
    write(&[
        plain("stu-11", "Ted").email("family@mail.example").mobile("718-555-0101"),
        plain("gua-11", "John").email("smith@mail.example"),
        plain("tea-11", "Jim").with("username", "jsmith"),
        plain("stu-13", "Sid").email("diaz@mail.example"),
        plain("tea-9", "Zoe"),
        plain("tea-12", "Ann").identifier("00000000-0000-0000-0000-000000000000").with("username", "none"),
        plain("tea-13", "Ann").with("userIds", "{LDAP:NULL}"),
    ]);
    let done = district.run().ok();
    assert_eq!((done.report.count("archived"), done.report.count("created")), (8, 6));
    assert_eq!(done.report.count("held"), 0);
    assert!(!district.path("reports/renames-000002.csv").exists());
}

/// OneRoster 1.1 has two records of a teacher who is a parent, and 1.2 one.
#[test]
fn two_records_become_one() {
    for (how, joined) in [("hold", ""), ("join", "tea-1"), ("join", "par-1")] {
        let mut district = District::new().without_limits().with("identity.same_person", &format!("{how:?}"));
        let one = |id: &str| person(id).identifier("7").email("rosa@mail.example");
        district.sis(&[one("tea-1"), one("par-1"), person("tea-2")]);
        district.run().ok();
        if !joined.is_empty() {
            district.cli(&["users", "join", joined]).ok();
        }
        at_night(&mut district, 24);
        let users = "sourcedId,enabledUser,username,givenName,familyName,identifier,email\n\
                     rosa,true,rosa,Rosa,Diaz,7,rosa@mail.example\ntea-2,true,tea-2,Rosa,Diaz,,tea-2@school.example\n";
        district.file("sis/users.csv", users);
        district.file(
            "sis/roles.csv",
            "sourcedId,userSourcedId,roleType,role,orgSourcedId\nr1,rosa,primary,teacher,sch-1\n\
             r2,rosa,secondary,parent,sch-1\nr3,tea-2,primary,teacher,sch-1\n",
        );
        let done = district.run();
        if how == "hold" {
            done.says("rosa", "held", "Probably the same person as tea-1 (same identifier) - not added");
            for id in ["tea-1", "par-1"] {
                done.says(id, "held", "Probably back as rosa (same identifier) - not archived");
            }
            let text = std::fs::read_to_string(district.path("reports/renames-000002.csv")).unwrap();
            assert_eq!(text, "old,new,evidence,name\r\ntea-1,rosa,same identifier,Rosa Diaz\r\n");
        } else {
            let other = if joined == "tea-1" { "par-1" } else { "tea-1" };
            assert!(
                done.report.row("rosa")["notes"].ends_with(&format!("Has a new sourcedId - was {joined}"))
            );
            assert_eq!(&done.report.row("rosa")["state"], "active");
            done.says(
                other,
                "archived",
                "User is no longer in the SIS import - archived; Probably back as rosa (same identifier)",
            );
        }
    }
}

/// What `status` and `users show` say is followed to the letter.
#[test]
fn of_two_accounts_that_become_one_the_active_one_goes_on() {
    let mut district = District::new().without_limits();
    let one = |id: &str| person(id).identifier("7");
    let child = |guardian: &str| person("stu-9").given("Kim").agents(guardian);
    district.sis(&[one("tea-1"), one("par-1"), child("par-1"), person("tea-2").given("Bo")]);
    district.run().ok();
    district.cli(&["users", "join", "tea-1"]).ok();
    at_night(&mut district, 24);
    let users = "sourcedId,enabledUser,username,givenName,familyName,identifier,email,agentSourcedIds\n\
                 rosa,true,rosa,Rosa,Diaz,7,tea-1@school.example,\n\
                 stu-9,true,stu-9,Kim,Diaz,,stu-9@school.example,rosa\n\
                 tea-2,true,tea-2,Bo,Diaz,,tea-2@school.example,\n";
    district.file("sis/users.csv", users);
    district.file(
        "sis/roles.csv",
        "sourcedId,userSourcedId,roleType,role,orgSourcedId\nr1,rosa,primary,teacher,sch-1\n\
         r2,rosa,secondary,parent,sch-1\nr3,tea-2,primary,teacher,sch-1\nr4,stu-9,primary,student,sch-1\n",
    );
    let done = district.run().exits(3);
    // The child still has the parent.
    done.says("stu-9", "unchanged", "");
    let status = district.cli(&["status"]).stdout;
    let held: Vec<&str> = status.lines().filter(|line| line.starts_with("Held:")).collect();
    assert_eq!(
        held,
        [
            "Held:           par-1, since 2026-11-24: probably back as rosa (same identifier), as tea-1 is (`rostersync users rekey \
             tea-1 rosa`: the next run then archives par-1; or `users distinct par-1 rosa`)",
            "Held:           tea-1, since 2026-11-24: probably back as rosa (same identifier) (`rostersync users rekey tea-1 rosa` \
             or `users distinct tea-1 rosa`)",
        ]
    );
    let shown = district.cli(&["users", "show", "par-1"]).ok().stdout;
    let line = "Held:      probably back as rosa (same identifier), as tea-1 is: `rostersync users rekey tea-1 rosa` if they are one \
                person, and the next run then archives par-1, `rostersync users distinct par-1 rosa` if they are two";
    assert!(shown.lines().any(|shown| shown == line), "{shown}");
    district.cli(&["users", "rekey", "tea-1", "rosa"]).ok();
    district.run().ok().says("par-1", "archived", "User is no longer in the SIS import - archived");
    assert_eq!(district.ask("SELECT state FROM account WHERE sourced_id = 'rosa'"), "active");
}

#[test]
fn a_delta_that_takes_one_away_and_brings_the_other() {
    let mut district = with_rosa(&[]);
    at_night(&mut district, 24);
    district.sis_delta(&[rosa().status("tobedeleted"), renamed(rosa(), "tea-901")]);
    let done = district.run().exits(3);
    done.says("tea-1", "held", "Probably back as tea-901 (same identifier) - not archived");
    done.says("tea-901", "held", "Probably the same person as tea-1 (same identifier) - not added");
    // The next one says neither of the two again.
    at_night(&mut district, 25);
    district.sis_delta(&[bo()]);
    let done = district.run().ok();
    done.says("tea-1", "held", "Probably back as tea-901 (same identifier) - not archived");
    assert_eq!(district.ask(PAIRS), "tea-1 | tea-901 | 2026-11-24 | 1 | same identifier");
    let refused = district.cli(&["users", "show", "tea-901"]).exits(2).stderr;
    assert_eq!(
        refused.lines().take(2).collect::<Vec<_>>(),
        [
            "error: there is no account for `tea-901`: it is probably the same person as `tea-1` (same identifier)",
            "  help: `rostersync users show tea-1` shows the account, and how to decide whether they are one person",
        ]
    );
    // Changes alone do not say again that the one is gone, and who the other is.
    let said = district.cli(&["users", "distinct", "tea-1", "tea-901"]).ok().stdout;
    assert_eq!(
        said.lines().nth(1).unwrap(),
        "The next run that reads a complete roster archives the account of tea-1 and creates one for tea-901"
    );
    district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    at_night(&mut district, 26);
    district.sis_delta(&[bo()]);
    district.run().ok().says(
        "tea-901",
        "kept",
        "Active user has a new email in the SIS import - home@mail.example",
    );
}

/// The certain pairs alone would be blocked again, for the probable ones count too.
#[test]
fn a_blocked_run_says_what_to_do_with_probable_pairs() {
    let mut district = District::new();
    let night = |prefix: &str| -> Vec<Person> {
        let named = |at: usize| {
            let id = format!("{prefix}{at}");
            let one = person(&id).given(&format!("Ann{at}")).email(&format!("ann{at}@mail.example"));
            let one = one.with("username", &format!("{prefix}{at}"));
            if at.is_multiple_of(2) { one.identifier(&format!("7{at}")) } else { one.identifier("") }
        };
        // Their ids have no pattern.
        (10..40)
            .map(|at| {
                if prefix == "tea-" {
                    named(at)
                } else {
                    named(at).with("sourcedId", &format!("{:x}", at * 7919))
                }
            })
            .collect()
    };
    district.sis(&night("tea-"));
    district.run().ok();
    at_night(&mut district, 24);
    district.sis(&night("x-"));
    let done = district.run().exits(4);
    let line = "  Those that are only probable are in reports/renames-000002-probable.csv. Look at each row. Add the rows that are one \
                person to the first file";
    assert!(done.stdout.lines().any(|said| said == line), "{}", done.stdout);
    let read = |file: &str| std::fs::read_to_string(district.path(file)).unwrap();
    let rows = read("reports/renames-000002-probable.csv");
    let both = read("reports/renames-000002.csv") + rows.split_once('\n').unwrap().1;
    district.file("both.csv", both);
    let done = district.run_with(&["--rekey", "both.csv"]).ok();
    assert_eq!(district.ask("SELECT count(*) FROM account"), "30");
    assert!(done.report.rows.iter().all(|row| row["codes"].contains("rekeyed")), "{}", done.stdout);
}

/// A list in which a spreadsheet has sorted one column alone.
#[test]
fn a_file_that_renames_accounts_to_other_people_is_stopped() {
    let mut district = District::new().without_limits().update_contacts(true);
    let people = |prefix: &str| {
        [("1", "Ann", "Abel"), ("2", "Bo", "Baker"), ("3", "Cy", "Cole")].map(|(number, given, family)| {
            let one = person(&format!("{prefix}{number}")).given(given).family(family);
            let one = one.email(&format!("{given}@mail.example")).with("username", given);
            one.identifier(&format!("7{number}"))
        })
    };
    district.platform(&people("tea-"));
    district.sis(&people("tea-"));
    district.run().ok();
    at_night(&mut district, 24);
    district.sis(&people("n-"));
    district.file("list.csv", "old,new\ntea-1,n-2\ntea-2,n-1\ntea-3,n-3\n");
    let done = district.run_with(&["--rekey", "list.csv"]).exits(4);
    let line = format!(
        "  2 renames lead to the sourcedId of a record with another name and nothing in common: for example tea-2 → n-1 and \
         tea-1 → n-2; check these rows of {}",
        district.path("list.csv").display()
    );
    assert!(done.stdout.lines().any(|said| said == line), "{}", done.stdout);
    assert_eq!(district.ask("SELECT sourced_id FROM account ORDER BY 1"), "tea-1\ntea-2\ntea-3");
    assert_eq!(district.ask("SELECT count(*) FROM outbox"), "0");
    district.file("list.csv", "old,new\ntea-1,n-1\ntea-2,n-2\ntea-3,n-3\n");
    district.run_with(&["--rekey", "list.csv"]).ok();
    assert_eq!(district.ask("SELECT count(*) FROM outbox"), "0");
}

#[test]
fn files_of_renames_go_with_their_reports() {
    let mut district = with_rosa(&[("sync.keep_reports", "30")]);
    at_night(&mut district, 24);
    district.sis(&[renamed(rosa(), "tea-901"), bo()]);
    district.run().exits(3);
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(40 * 86_400);
    for name in ["reports/users-000001.csv", "reports/users-000002.csv", "reports/renames-000002.csv"] {
        district.written(name, long_ago);
    }
    for _ in 0..7 {
        district.run().ok();
    }
    assert!(!district.path("reports/users-000002.csv").exists());
    assert!(!district.path("reports/renames-000002.csv").exists());
    assert!(district.path("reports/renames-000009.csv").exists());
}

#[test]
fn a_suppressed_person_does_not_come_back_under_another_sourced_id() {
    let mut district = with_rosa(&[]);
    district.cli(&["users", "suppress", "tea-1", "--reason", "asked"]).ok();
    at_night(&mut district, 24);
    district.sis(&[rosa(), bo()]);
    district.run().ok().says("tea-1", "archived", "Suppressed - archived");
    at_night(&mut district, 25);
    district.sis(&[renamed(rosa(), "tea-901"), bo()]);
    let done = district.run().exits(3);
    done.says("tea-901", "held", "Probably the same person as tea-1 (same identifier) - not added");
    assert!(done.plan().contains(" 1 held"), "{}", done.plan());
}

/// With every value of the setting, on every night, and whether or not the account was archived
/// before.
#[test]
fn a_suppressed_person_stays_out_under_another_sourced_id() {
    for how in ["\"hold\"", "\"join\"", "\"off\""] {
        for archived_before in [false, true] {
            let mut district = with_rosa(&[("identity.same_person", how)]);
            district.cli(&["users", "suppress", "tea-1", "--reason", "asked"]).ok();
            if archived_before {
                at_night(&mut district, 24);
                district.run().ok().says("tea-1", "archived", "Suppressed - archived");
            }
            at_night(&mut district, 25);
            district.sis(&[renamed(rosa(), "tea-901"), bo()]);
            let done = district.run().exits(3);
            let held = "Probably the same person as tea-1 (same identifier) - not added";
            done.says("tea-901", "held", held);
            if !archived_before {
                let gone = "User is no longer in the SIS import - archived; Probably back as tea-901 (same identifier)";
                done.says("tea-1", "archived", gone);
            }
            for day in 26..29 {
                at_night(&mut district, day);
                district.run().ok().says("tea-901", "held", held);
            }
            assert_eq!(district.ask("SELECT archived FROM account WHERE sourced_id = 'tea-1'"), "1", "{how}");
            assert_eq!(
                district.ask("SELECT count(*) FROM account WHERE sourced_id = 'tea-901'"),
                "0",
                "{how}"
            );
            // Two people after all.
            district.cli(&["users", "distinct", "tea-1", "tea-901"]).ok();
            district.run().ok().says("tea-901", "created", "");
        }
    }
}

/// The file of suppressed people is written by hand, and still has the sourcedIds of before.
#[test]
fn a_file_of_suppressed_people_holds_under_the_new_sourced_id() {
    let mut district = with_rosa(&[]);
    district.set("contacts.suppressed", "\"suppressed.csv\"");
    district.file("suppressed.csv", "sourced_id,until,reason\ntea-1,,asked\n");
    at_night(&mut district, 24);
    district.run().ok().says("tea-1", "archived", "Suppressed - archived");
    at_night(&mut district, 25);
    district.sis(&[renamed(rosa(), "tea-901"), bo()]);
    district.file("renames.csv", "old,new\ntea-1,tea-901\n");
    district.run_with(&["--rekey", "renames.csv"]).ok().says(
        "tea-901",
        "skipped",
        "Suppressed - not added; Has a new sourcedId - was tea-1",
    );
    at_night(&mut district, 26);
    district.run().ok().says("tea-901", "skipped", "Suppressed - not added");
    assert_eq!(district.ask("SELECT archived FROM account WHERE sourced_id = 'tea-901'"), "1");
}
