//! `users distinct`: two sourcedIds are two people's.

use crate::support::{District, person};

/// Rosa was `tea-1` and left a night before; `tea-901` has her name, her email and her mobile, and is another person's.
fn district() -> District {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1").mobile("+17185550142")]);
    let old = person("tea-1").mobile("+17185550142").email("rosa@school.example");
    district.sis(&[old.clone(), person("tea-2").given("Bo")]);
    district.run().ok();
    district.sis(&[person("tea-2").given("Bo")]);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[
        person("tea-901").email("rosa@school.example").mobile("718-555-0142"),
        person("tea-2").given("Bo"),
    ]);
    district.run().ok();
    district
}

fn duplicates(district: &District) -> Vec<String> {
    let done = district.cli(&["users", "list", "--duplicates", "--format", "json"]).ok();
    let rows = done.json();
    let cell = |row: &serde_json::Value, column: &str| row[column].as_str().unwrap().to_owned();
    rows.as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {}", cell(row, "sourced_id"), cell(row, "like")))
        .collect()
}

#[test]
fn two_people_are_remembered_as_two() {
    let district = district();
    assert_eq!(duplicates(&district), ["tea-901 tea-1"]);
    let done = district.cli(&["users", "distinct", "tea-1", "tea-901"]).ok();
    assert_eq!(done.stdout, "tea-1 and tea-901 are two people. No run holds them as one person again\n");
    assert_eq!(duplicates(&district), Vec::<String>::new());
    // In either order it is the same.
    for pair in [["tea-1", "tea-901"], ["tea-901", "tea-1"]] {
        let again = district.cli(&["users", "distinct", pair[0], pair[1]]).ok();
        assert!(again.stdout.ends_with("were two people already; nothing changed\n"), "{}", again.stdout);
    }
    // On record at both accounts, once.
    for (one, other) in [("tea-1", "tea-901"), ("tea-901", "tea-1")] {
        let history = district.cli(&["users", "history", one]).ok().stdout;
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let lines: Vec<String> =
            history.lines().map(words).filter(|line| line.contains("distinct")).collect();
        assert_eq!(lines, [format!("2026-11-24 02:15 distinct from {other} the operator of rostersync")]);
        let json = district.cli(&["users", "history", one, "--json"]).ok().json();
        let entry = json.as_array().unwrap().iter().find(|entry| entry["field"] == "distinct").unwrap();
        assert_eq!(
            (&entry["old"], &entry["new"], &entry["origin"]),
            (&"".into(), &other.into(), &"operator".into())
        );
    }
    district.cli(&["status", "--verify"]).ok();
    // The way back is to say that it is one person after all.
    district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    assert_eq!(district.ask("SELECT count(*) FROM distinct_people"), "0");
}

#[test]
fn a_sourced_id_that_has_no_account_yet_is_remembered_too() {
    let district = district();
    let done = district.cli(&["users", "distinct", "tea-2", "tea-77"]).ok();
    assert_eq!(
        done.stdout,
        "tea-2 and tea-77 are two people. No run holds them as one person again\n\
         The store does not know tea-77 yet: check the spelling\n"
    );
    // The one that has an account comes first, whatever the order.
    let done = district.cli(&["users", "distinct", "tea-78", "tea-2"]).ok();
    assert!(done.stdout.starts_with("tea-2 and tea-78 are two people."), "{}", done.stdout);
    assert_eq!(
        district.ask("SELECT old, new, decided FROM distinct_people ORDER BY new"),
        "tea-2 | tea-77 | 2026-11-24\ntea-2 | tea-78 | 2026-11-24"
    );
}

#[test]
fn what_is_no_pair_is_refused() {
    let district = district();
    let before = district.store_hash();
    for (pair, words) in [
        (["tea-1", "tea-1"], "one of the two sourcedIds is empty, or both are the same"),
        (["tea-1", " "], "one of the two sourcedIds is empty, or both are the same"),
        (["nobody", "no-one"], "there is no account with the sourcedId `no-one`"),
    ] {
        district.cli(&["users", "distinct", pair[0], pair[1]]).exits(2).complains(&[words]);
    }
    assert_eq!(district.store_hash(), before);
}

/// A SIS has a new record with the email and the name of Rosa, who is gone: it is her sister's.
#[test]
fn a_held_pair_that_is_two_people_is_archived_and_created() {
    let mut district = District::new().without_limits();
    let rosa = |id: &str| person(id).email("diaz@mail.example");
    district.sis(&[rosa("tea-1"), person("tea-2").given("Bo")]);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[rosa("tea-901"), person("tea-2").given("Bo")]);
    let done = district.run().exits(3);
    done.says("tea-1", "held", "Probably back as tea-901 (same name and email) - not archived");
    // Whichever is named first.
    let done = district.cli(&["users", "distinct", "tea-901", "tea-1"]).ok();
    assert_eq!(
        done.stdout,
        "tea-1 and tea-901 are two people. No run holds them as one person again\n\
         The next run archives the account of tea-1 and creates one for tea-901\n"
    );
    // A file of renames that names them does not overrule it.
    district.file("renames.csv", "old,new\ntea-1,tea-901\n");
    let done = district.run_with(&["--dry-run", "--rekey", "renames.csv"]).ok();
    assert!(
        done.stdout.contains("Plan: 1 to create,") && done.stdout.contains(" 1 to archive,"),
        "{}",
        done.stdout
    );
    let said = "`tea-1` and `tea-901` are two people by `users distinct`, so no account was renamed. If they are one person: \
                rostersync users rekey tea-1 tea-901";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    let preview = district.preview().ok();
    assert_eq!(
        preview.report.shows("sourced_id action"),
        ["tea-901 | created", "tea-2 | unchanged", "tea-1 | archived"]
    );
    let done = district.run().ok();
    assert_eq!(done.report, preview.report);
    done.says("tea-1", "archived", "User is no longer in the SIS import - archived");
    done.says("tea-901", "created", "");
    // For good: also if the old one comes back and goes again.
    district.sis(&[rosa("tea-1"), person("tea-2").given("Bo")]);
    district.run().ok();
    district.sis(&[rosa("tea-901"), person("tea-2").given("Bo")]);
    assert_eq!(district.run().ok().report.count("held"), 0);
    district.cli(&["status", "--verify"]).ok();
}
