//! `report --redact`: a report for a support ticket has no value of a person or a school in it.

use std::collections::BTreeSet;

use crate::support::{District, Person, person, rows};

/// Names, addresses and ids that are words of nothing else.
fn someone(id: &str, given: &str, family: &str, email: &str, mobile: &str) -> Person {
    person(id).given(given).family(family).email(email).mobile(mobile).schools("kz-lincoln")
}

/// Users with notes of many kinds, over two nights.
fn district() -> District {
    let mut district = District::new()
        .without_limits()
        .with("notify.email.server", "\"file:mail/\"")
        .with("sync.default_region", "\"US\"");
    district.file(
        "sis/orgs.csv",
        "sourcedId,name,type\nkz-lincoln,Quillfeather Elementary,school\nkz-east,Vintrose High,school\n",
    );
    district.platform(&[
        someone("tea-kz1", "Oriana", "Quimby", "oriana@hearthmail.net", "7185550142"),
        someone("tea-kz2", "Bertil", "O'Zyck; Nils", "bertil@lincolnusd.org", "7185550143"),
        someone("gua-kz3", "Wanda", "Ffoulkes", "wanda@hearthmail.net", "7185550144"),
    ]);
    let night = |email: &str, name: &str| {
        vec![
            someone("tea-kz1", "Oriana", "Quimby", email, "7185550142").identifier("90210-77"),
            someone("tea-kz2", "Bertil", name, "bertil@lincolnusd.org", "7185550143"),
            someone("gua-kz3", "Wanda", "Ffoulkes", "WANDA@Hearthmail.net", "7185550199"),
            someone("tea-kz4", "Ivo", "Yablonski", "bertil@lincolnusd.org", ""),
            someone("tea-kz5", "Ulla", "Xanthos", "ulla(at)lincolnusd.org", "12"),
            someone("gua-kz6", "Nonna", "Phipps", "", ""),
            someone("nur-kz7", "Edda", "Trygve", "edda@lincolnusd.org", "").role("ext:nurseKlara"),
            someone("stu-kz8", "Milo", "Quimby", "milo@kids-lincolnusd.org", "").agents("gua-kz3,gua-kz9"),
        ]
    };
    district.sis(&night("oriana.q@lincolnusd.org", "Zyck"));
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    let mut people = night("oriana.quimby@lincolnusd.org", "Zyck-Berg");
    people.remove(3);
    people.push(someone("tea-kz10", "Ivo", "Yablonski", "ivo.y@lincolnusd.org", "7185550177"));
    district.sis(&people);
    district.set("sync.update_contacts", "true");
    district.step_to_on(&[]).ok();
    district
}

/// All that the files and the store say of people and schools, and the pieces of it.
fn values(district: &District) -> BTreeSet<String> {
    let mut found = Vec::new();
    for file in ["sis/users.csv", "sis/orgs.csv", "platform-users.csv"] {
        let text = std::fs::read_to_string(district.path(file)).unwrap();
        found.extend(text.lines().skip(1).flat_map(|line| line.split(',')).map(str::to_owned));
    }
    for query in [
        "SELECT sourced_id, given_name, family_name, email, phone, home_phone, sis_identifier, sis_email, sis_sms, sis_agents FROM account",
        "SELECT export_given_name, export_family_name, export_email, export_phone, sis_given_name, sis_family_name, sis_orgs FROM account",
        "SELECT old, new, actor FROM audit",
        "SELECT id, name FROM school",
        "SELECT recipient FROM outbox",
    ] {
        found.extend(
            rows(&district.store(), query).iter().flat_map(|row| row.split(" | ")).map(str::to_owned),
        );
    }
    let known = ["active", "pending", "archived", "true", "false", "null", "school", "yes", "sync"];
    let roles = ["teacher", "guardian", "student", "ext", "org", "net"];
    let pieces: BTreeSet<String> = found
        .iter()
        .flat_map(|value| {
            value.split([' ', '@', ',', ';', '"', '\t', ':', '\n', '\u{1}']).chain([value.as_str()])
        })
        .map(|piece| piece.trim_matches(['"', '+', '.', ';', ' ']).to_lowercase())
        .filter(|piece| {
            piece.len() > 2 && !known.contains(&piece.as_str()) && !roles.contains(&piece.as_str())
        })
        .collect();
    assert!(pieces.len() > 60, "{pieces:?}");
    pieces
}

#[track_caller]
fn has_none_of(text: &str, values: &BTreeSet<String>) {
    let lower = text.to_lowercase();
    for value in values {
        assert!(!lower.contains(value.as_str()), "`{value}` is still in it:\n{text}");
    }
}

#[test]
fn no_value_of_the_store_or_the_roster_is_left() {
    let district = district();
    let values = values(&district);
    let show = |arguments: &[&str]| district.cli(&[&["report", "--redact"], arguments].concat()).ok().stdout;
    let json = ["--format", "json"];
    for arguments in
        [&["--format", "csv"][..], &json, &[], &["1", "--format", "csv"], &["--diff", "1", "--format", "csv"]]
    {
        let shown = show(arguments);
        assert!(shown.contains("user-1"), "{shown}");
        has_none_of(&shown, &values);
    }
    let rows: Vec<serde_json::Value> = serde_json::from_str(&show(
        &[&json[..], &["--where", "email=oriana.quimby@lincolnusd.org"]].concat(),
    ))
    .unwrap();
    assert_eq!(rows.len(), 1, "filters are by the values as they are");
    assert_eq!(rows[0]["sourced_id"], "user-1");
    assert_eq!(rows[0]["codes"], "email-updated");
    assert_eq!(
        rows[0]["notes"], "Email updated by the sync - was address-2@domain-2.example",
        "the notes are masked too"
    );
    assert_eq!((&rows[0]["role"], &rows[0]["schools"]), (&"teacher".into(), &"school-1".into()));
    assert_eq!(rows[0]["line"], 2);

    // What an undo says of values.
    district.cli(&["undo", "2", "--all"]).ok();
    let undone = show(&["--format", "csv"]);
    has_none_of(&undone, &values);
    assert!(
        undone.contains("Email given back by the undo of run 2 - was address-2@domain-2.example"),
        "{undone}"
    );
}

#[test]
fn equal_values_have_equal_pseudonyms() {
    let district = district();
    let shown = district.cli(&["report", "1", "--redact", "--format", "json"]).ok().json();
    let of = |at: usize, column: &str| shown[at][column].as_str().unwrap().to_owned();
    assert_eq!(of(1, "email"), of(3, "email"), "a shared address");
    assert_eq!(of(2, "email"), of(2, "sis_email"), "upper and lower case are no difference");
    assert_ne!(of(0, "email"), of(0, "sis_email"));
    assert_eq!(of(0, "family_name"), of(7, "family_name"));
    assert_eq!(of(3, "notes"), format!("Email is shared with {}", of(1, "sourced_id")));
    assert_eq!(of(6, "role"), "role-1");
    assert_eq!(of(6, "notes"), "Role role-1 is not synced - left out");
    assert_eq!(of(5, "email"), "", "a blank stays blank");
    assert_eq!(
        of(4, "notes").split("; ").next().unwrap(),
        format!("SIS import has an invalid email - {}", of(4, "sis_email"))
    );
    // A note that no version has written could be anything.
    let text = std::fs::read_to_string(district.path("reports/users-000001.csv")).unwrap();
    district.file("odd.csv", text.replace("Role ext:nurseKlara is", "Rolle ext:nurseKlara ist"));
    let odd = district.cli(&["report", "odd.csv", "--redact", "--format", "csv"]).ok().stdout;
    assert!(odd.contains(",(a note that cannot be masked)\r\n"), "{odd}");
    district.cli(&["report", "--sis-corrections", "--redact"]).exits(2);
}

/// What is new, changed and resolved since another run; only what differs is shown.
#[test]
fn two_reports_are_compared() {
    let district = district();
    let csv = |arguments: &[&str]| {
        let columns = ["--format", "csv", "--columns", "sourced_id,codes,notes"];
        district.cli(&[&["report"], arguments, &columns].concat()).ok()
    };
    let done = csv(&["2", "--diff", "1"]);
    let lines: Vec<&str> = done.stdout.lines().collect();
    assert_eq!(
        lines,
        [
            "change,sourced_id,codes,notes",
            "new,tea-kz1,email-updated,Email updated by the sync - was oriana@hearthmail.net",
            "new,tea-kz2,name-updated,Name updated by the sync - was Bertil O'Zyck; Nils",
            "new,gua-kz3,phone-updated,Phone number updated by the sync - was +17185550144",
            "new,tea-kz10,possible-rekey,Possibly the same person as tea-kz4 (same name)",
            "new,tea-kz4,archived,User is no longer in the SIS import - archived",
            "resolved,tea-kz1,active-email-differs,Active user has a new email in the SIS import - oriana@hearthmail.net",
            "resolved,tea-kz2,active-name-differs email-shared,Active user has a new name in the SIS import - Bertil \
             O'Zyck; Nils; Email is shared with tea-kz4",
            "resolved,gua-kz3,active-phone-differs,Active user has a new phone number in the SIS import - +17185550144",
            "resolved,tea-kz4,email-shared,Email is shared with tea-kz2",
        ]
    );
    assert!(done.stderr.contains("5 new, 0 changed, 5 resolved"), "{}", done.stderr);

    // The other report may be a file. The same code with another value has changed.
    let text = std::fs::read_to_string(district.path("reports/users-000002.csv")).unwrap();
    district.file("odd.csv", text.replace("was oriana@hearthmail.net", "was nils@hearthmail.net"));
    let done = csv(&["2", "--diff", "odd.csv"]);
    assert_eq!(
        done.stdout,
        "change,sourced_id,codes,notes\r\n\
         changed,tea-kz1,email-updated,Email updated by the sync - was oriana@hearthmail.net\r\n"
    );
    let one = csv(&["2", "--diff", "1", "--where", "sourced_id=tea-kz4"]).stdout;
    assert_eq!(one.lines().count(), 3, "filters are for both reports: {one}");
    district.cli(&["report", "--diff", "7"]).exits(2).complains(&["there is no run 7"]);
    district.cli(&["report", "--diff", "1", "--new"]).exits(2);
}
