//! `explain` says what the next run does: for every user of a district, whatever the rules.

use crate::support::{District, Person, person, sample};

const SCHOOLS: [&str; 4] = ["sch-on", "sch-off", "sch-on,sch-off", ""];
const EMAILS: [&str; 6] =
    ["a@mail.example", "", "b@mail.example", "noemail@x.example", "rosa(at)mail", "c@mail.example"];
const NUMBERS: [&str; 4] = ["+17185550101", "", "555", "(917) 555-0103"];
const NAMES: [(&str, &str); 4] = [("Rosa", "Diaz"), ("ROSA", "Diaz"), ("José", "Núñez"), ("", "")];
const ROLES: [&str; 5] = ["student", "guardian", "teacher", "nurse", "aide"];

/// A user by number; another seed changes all details, so that two seeds are two nights.
fn somebody(number: usize, seed: usize) -> Person {
    let pick = |of: usize, salt: usize| (number * (salt + 3) + seed * (salt + 1) + number / 5) % of;
    let (given, family) = NAMES[pick(NAMES.len(), 1)];
    person(&format!("p-{number}"))
        .role(ROLES[number % ROLES.len()])
        .schools(SCHOOLS[number / 2 % SCHOOLS.len()])
        .given(given)
        .family(family)
        .email(EMAILS[pick(EMAILS.len(), 2)])
        .mobile(NUMBERS[pick(NUMBERS.len(), 3)])
        .home(NUMBERS[pick(NUMBERS.len(), 4)])
        .enabled(if number % 11 == 3 { "false" } else { "true" })
        .agents(&if number.is_multiple_of(3) { format!("p-{}", number + 1) } else { String::new() })
}

fn agrees(rules: &[(&str, &str)]) {
    let mut district = District::new()
        .without_limits()
        .school("sch-on", true)
        .school("sch-off", false)
        .with("sync.ignore_emails", "[\"noemail@*\"]");
    for (key, value) in rules {
        district.set(key, value);
    }
    let people = |seed: usize, range: std::ops::Range<usize>| {
        range.map(|number| somebody(number, seed)).collect::<Vec<_>>()
    };
    let joined = |seed: usize| {
        let pending = |number: &usize| !number.is_multiple_of(4);
        (0..36).filter(pending).map(|number| somebody(number, seed)).collect::<Vec<_>>()
    };
    district.platform(&joined(1));
    district.sis(&people(0, 0..36));
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.platform(&joined(2));
    // Some are gone, some are new.
    district.sis(&people(3, 4..40));
    let explained: Vec<_> = sample((0..40).collect(), 14)
        .into_iter()
        .map(|number| format!("p-{number}"))
        .filter_map(|id| {
            let done = district.cli(&["explain", &id, "--json"]);
            // A user is unknown if the first night left the user out and the second has no record.
            let unknown =
                district.ask(&format!("SELECT 1 FROM account WHERE sourced_id = '{id}'")).is_empty();
            if unknown && done.code == 2 {
                assert!(["p-0", "p-1", "p-2", "p-3"].contains(&id.as_str()), "{id}: {}", done.stderr);
                return None;
            }
            let said = done.ok().json();
            Some((id, said))
        })
        .collect();
    let done = district.run().ok();
    let mut decided = std::collections::BTreeSet::new();
    for (id, said) in explained {
        let found = done.report.rows.iter().find(|row| row["sourced_id"] == id);
        let Some(row) = found else {
            assert_eq!(said["action"], "none", "{id}");
            continue;
        };
        for (key, column) in
            [("action", "action"), ("codes", "codes"), ("notes", "notes"), ("state_after", "state")]
        {
            assert_eq!(said[key], row[column], "{id}: {key}");
        }
        let name = format!("{} {}", &row["given_name"], &row["family_name"]);
        for (field, value) in [
            ("name", name.trim()),
            ("email", &row["email"]),
            ("phone", &row["phone"]),
            ("home_phone", &row["home_phone"]),
        ] {
            assert_eq!(said["fields"][field]["after"], value, "{id}: {field}");
            let rule = said["fields"][field]["rule"].as_str().unwrap();
            let code = field.replace('_', "-");
            let has = |what: &str| row["codes"].split(' ').any(|one| one == what.replace("{}", &code));
            let expected = match rule {
                "updated" | "updated-case" | "cleared" => has("{}-updated"),
                "left-different" => has("active-{}-differs"),
                "left-blank" | "kept-blank" => has("sis-{}-blank"),
                "invalid" => has("sis-{}-invalid"),
                "taken" => has("{}-taken"),
                _ => !has("{}-updated") && !has("active-{}-differs"),
            };
            assert!(expected, "{id}: {field}: {rule}: {}", &row["codes"]);
            decided.insert(rule.to_owned());
        }
    }
    for rule in
        ["updated", "left-different", "invalid", "placeholder", "same", "archived", "created", "left-out"]
    {
        assert!(decided.contains(rule), "the district does not try {rule}: {decided:?}");
    }
}

#[test]
fn explain_agrees_with_the_run_for_every_user() {
    agrees(&[]);
}

#[test]
fn agrees_with_the_run_where_blank_cells_clear_and_credentials_are_unique() {
    agrees(&[("sync.blank_values", "\"clear\""), ("sync.shared_contacts", "\"unique\"")]);
}

#[test]
fn explain_names_the_user_the_rule_and_the_reason() {
    let mut district = District::new();
    district.platform(&[person("tea-1").email("home@mail.example")]);
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("tea-1"), person("tea-2").email("new@school.example"), person("tea-3")]);
    let before = district.everything();
    let text = district.cli(&["explain", "tea-1"]).ok().stdout;
    assert_eq!(
        text,
        "User:       tea-1\n\
         State:      active\n\
         Schools:    sch-1\n\
         Setting:    OFF\n\
         Changed by: the user, and staff that manage users; never the sync\n\
         Next run:   kept: Active user has a new email in the SIS import - home@mail.example\n\
         \n\
         field       actual             SIS                   after the run      last set by\n\
         name        Rosa Diaz          Rosa Diaz             Rosa Diaz          platform export, run 1, 2026-11-23 02:15\n\
         email       home@mail.example  tea-1@school.example  home@mail.example  platform export, run 1, 2026-11-23 02:15\n\
         phone                                                                   platform export, run 1, 2026-11-23 02:15\n\
         home phone                                                              platform export, run 1, 2026-11-23 02:15\n\
         \n\
         name:       the SIS has the same value; how it is written makes no difference (same)\n\
         email:      the SIS has another value, but an active user under OFF keeps their own (left-different)\n\
         phone:      the SIS says nothing, and there is nothing to take away (nothing-said)\n\
         home phone: the SIS says nothing, and there is nothing to take away (nothing-said)\n"
    );
    let json = district.cli(&["explain", "tea-2", "--json"]).ok().json();
    assert_eq!(
        (&json["fields"]["email"]["rule"], &json["fields"]["email"]["after"]),
        (&"updated".into(), &"new@school.example".into())
    );
    let json = district.cli(&["explain", "tea-3", "--json"]).ok().json();
    assert_eq!((&json["state"], &json["action"]), (&serde_json::Value::Null, &"created".into()));
    assert_eq!(district.everything(), before, "nothing is written");
    district
        .cli(&["explain", "nobody"])
        .exits(2)
        .complains(&["no user of the store or of the roster fits this text"]);
}

/// What the platform's export has to say comes first, also where the sync takes it back in the same
/// run.
#[test]
fn it_says_what_the_platform_has_to_say() {
    let mut district = District::new().update_contacts(true);
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.platform(&[person("tea-1").email("plat@x.example").mobile("7185550142")]);
    for (on, email) in [
        (
            true,
            "email:      the platform export has a new value, plat@x.example, which is taken over first; the SIS has another value, \
             and the sync may change it (updated)\n",
        ),
        (
            false,
            "email:      the platform export has a new value, plat@x.example, which counts from now on; the SIS has another value, \
             but an active user under OFF keeps their own (left-different)\n",
        ),
    ] {
        district.set("sync.update_contacts", &on.to_string());
        let text = district.cli(&["explain", "tea-1"]).ok().stdout;
        assert!(text.contains(email), "{text}");
        let phone =
            "phone:      the platform export has a new value, +17185550142, which counts from now on; ";
        assert!(text.contains(phone), "{text}");
        let json = district.cli(&["explain", "tea-1", "--json"]).ok().json();
        assert_eq!(json["fields"]["email"]["platform"], true);
        assert_eq!(json["fields"]["email"]["platform_value"], "plat@x.example");
        assert_eq!(json["fields"]["name"]["platform"], false);
    }
    // It waits for the platform: that is no news.
    district.platform(&[person("tea-1")]);
    let json = district.cli(&["explain", "tea-1", "--json"]).ok().json();
    assert_eq!(json["fields"]["email"]["platform"], false);
}

/// A column that is missing takes nothing away, and is not told as if there were nothing.
#[test]
fn it_says_what_is_not_provided() {
    let mut district = District::new();
    district.platform(&[person("tea-1").mobile("7185550142")]);
    district.sis_without(&["sms", "phone"], &[person("tea-1")]);
    district.run().ok();
    let json = district.cli(&["explain", "tea-1", "--json"]).ok().json();
    assert_eq!(json["fields"]["phone"]["rule"], "not-provided");
    assert_eq!(json["fields"]["home_phone"]["rule"], "nothing-said");
    let text = district.cli(&["explain", "tea-1"]).ok().stdout;
    let said = "phone:      the SIS import does not provide it, and what is not provided changes nothing (not-provided)\n";
    assert!(text.contains(said), "{text}");
}

/// What the registrar is to correct, read as the roster, leaves no difference.
#[test]
fn corrections_for_the_sis_leave_no_kept_difference() {
    for credential in ["sms", "phone", "sms-then-phone"] {
        for blank in ["keep", "clear"] {
            let mut district = District::new()
                .without_limits()
                .with("sync.blank_values", &format!("{blank:?}"))
                .with("sync.phone_credential", &format!("{credential:?}"));
            let people: Vec<_> = (0..30).map(|number| somebody(number, 0)).collect();
            let actual: Vec<_> = (0..30).map(|number| somebody(number, 5)).collect();
            district.platform(&actual);
            district.sis(&people);
            let before = district.run().ok();
            let kept = before.report.rows.iter().filter(|row| row["codes"].contains("-differs")).count();
            assert!(kept > 8, "{kept}");
            let done = district.cli(&["report", "--sis-corrections"]).ok();
            assert!(!done.stdout.contains("'+"), "no apostrophes");
            district.file("corrected/users.csv", &done.stdout);
            district.file(
                "corrected/manifest.csv",
                "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.users,delta\n",
            );
            district.file("sis/orgs.csv", "sourcedId,name,type\n");
            let done = district.run_with(&["--source", "corrected"]).ok();
            for row in &done.report.rows {
                assert_ne!(&row["action"], "kept", "{credential} {blank}: {row:#?}");
                assert!(!row["codes"].contains("-differs"), "{credential} {blank}: {row:#?}");
            }
            let again = district.cli(&["report", "--sis-corrections"]).ok().stdout;
            assert!(again.lines().count() < 30, "{again}");
        }
    }
}

#[test]
fn corrections_hold_the_actual_values_of_users_that_differ_and_no_others() {
    let mut district = District::new();
    district.platform(&[person("tea-1").email("home@mail.example").mobile("+17185550142"), person("tea-2")]);
    district.sis(&[
        person("tea-1").mobile("(718) 555-0142").identifier("0042"),
        person("tea-2"),
        person("tea-3"),
    ]);
    district.run().ok();
    let expected = "sourcedId,status,enabledUser,orgSourcedIds,role,givenName,familyName,identifier,email,sms,phone,agentSourcedIds\r\n\
                    tea-1,active,true,sch-1,teacher,Rosa,Diaz,0042,home@mail.example,(718) 555-0142,,\r\n";
    assert_eq!(district.cli(&["report", "--sis-corrections"]).ok().stdout, expected);
    district.cli(&["report", "--sis-corrections", "-o", "fix.csv"]).ok();
    assert_eq!(std::fs::read_to_string(district.path("fix.csv")).unwrap(), expected);
    district.cli(&["report", "--sis-corrections", "--notes"]).exits(2);
}
