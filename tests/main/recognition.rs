//! By what a person is recognised under another sourcedId: read from every kind of source, and kept
//! as hashes alone.

use crate::support::{COLUMNS, District, Done, Person, person, users_csv};

const HASHES: &str = "SELECT sourced_id, sis_username IS NOT NULL, coalesce(length(sis_user_ids), 0) FROM account \
                      ORDER BY sourced_id";

fn with_columns(district: &District, more: &[&'static str], people: &[Person]) {
    let columns: Vec<&str> = COLUMNS.into_iter().chain(more.iter().copied()).collect();
    district.file("sis/users.csv", users_csv(&columns, people));
}

#[track_caller]
fn says_nothing(done: &Done) {
    assert_eq!(done.report.shows("action notes"), ["unchanged | ", "unchanged | "]);
}

fn ids(id: &str) -> Person {
    person(id).with("userIds", &format!("{{LDAP:{id}}},{{Fed:{id}}}"))
}

#[test]
fn user_names_and_other_ids_are_kept_as_hashes_and_shown_nowhere() {
    let mut district = District::new();
    let secret = |id: &str| ids(id).with("username", &format!("user-name-{id}"));
    with_columns(&district, &["userIds"], &[secret("tea-1"), secret("tea-2").with("username", " ")]);
    district.run().ok();
    assert_eq!(district.ask(HASHES), "tea-1 | 1 | 16\ntea-2 | 0 | 16");
    let hash = "SELECT sis_username, hex(sis_user_ids) FROM account WHERE sourced_id = 'tea-1'";
    let first = district.ask(hash);
    for arguments in [
        &["report", "--format", "csv"][..],
        &["users", "show", "tea-1", "--json"],
        &["users", "history", "tea-1"],
        &["users", "export"],
        &["explain", "tea-1"],
        &["check"],
    ] {
        let done = district.cli(arguments).ok();
        let all = format!("{}{}", done.stdout, done.stderr);
        assert!(!all.contains("user-name") && !all.contains("LDAP"), "{all}");
    }
    // In another form it is the same. What is not said stays as it was said last.
    district.at("2026-11-24T08:15:00Z");
    let other =
        person("tea-1").with("username", " USER-Name-tea-1").with("userIds", "fed: TEA-1, LDAP:tea-1");
    with_columns(&district, &["userIds"], &[other.clone(), secret("tea-2")]);
    says_nothing(&district.run().ok());
    assert_eq!(
        (district.ask(hash), district.ask(HASHES)),
        (first.clone(), "tea-1 | 1 | 16\ntea-2 | 1 | 16".into())
    );
    district.sis_without(&["username"], &[other, secret("tea-2")]);
    says_nothing(&district.run().ok());
    assert_eq!(
        (district.ask(hash), district.ask(HASHES)),
        (first.clone(), "tea-1 | 1 | 16\ntea-2 | 1 | 16".into())
    );
    with_columns(&district, &["userIds"], &[secret("tea-1").with("username", "another"), secret("tea-2")]);
    says_nothing(&district.run().ok());
    assert_ne!(district.ask(hash), first);
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn a_store_from_before_knows_user_names_after_one_night() {
    let mut district = District::new();
    with_columns(&district, &["userIds"], &[ids("tea-1"), ids("stu-1")]);
    district.run().ok();
    let store = district.store();
    store.execute_batch("UPDATE account SET sis_username = NULL, sis_user_ids = NULL; UPDATE fingerprint SET decisions = decisions").unwrap();
    drop(store);
    district.at("2026-11-24T08:15:00Z");
    says_nothing(&district.run().ok());
    assert_eq!(district.ask(HASHES), "stu-1 | 1 | 16\ntea-1 | 1 | 16");
}

#[test]
fn a_column_of_earlier_ids_has_to_be_there() {
    let district = District::new().with("identity.earlier_id", "\"metadata.ic.legacysourceId\"");
    let one = person("tea-1").with("metadata.ic.legacysourceId", "old-1");
    with_columns(&district, &["metadata.IC.LegacySourceId"], std::slice::from_ref(&one));
    district.run().ok();
    district.sis(&[one]);
    for arguments in [&["run"][..], &["run", "--dry-run"], &["check"]] {
        district.cli(arguments).exits(7).complains(&[
            "users.csv has no column metadata.ic.legacysourceId; its columns are sourcedId, status, enabledUser,",
            "have the SIS export the column metadata.ic.legacysourceId, under that name, or correct `earlier_id` in [identity]",
        ]);
    }
}

#[test]
fn clever_says_by_itself_which_id_a_user_had() {
    let district = District::new()
        .with("source.type", "\"clever\"")
        .with("source.auth.type", "\"bearer\"")
        .with("source.auth.token_file", "\"token\"")
        .with("identity.earlier_id", "\"legacy_id\"");
    let mut district = district;
    district.settings_without("source", "path");
    district.cli(&["run"]).exits(2).complains(&[
        "`earlier_id` in [identity] has no effect with Clever, which says itself what the id of a user was",
        "remove `earlier_id`",
    ]);
}
