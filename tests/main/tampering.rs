//! A store that was altered by hand, with or without its triggers: `status --verify` says so.

use crate::support::{District, person};

/// Two edits and a permission after a first night.
fn district() -> District {
    let mut district = District::new();
    let people = ["gua-1", "gua-2", "tea-1"].map(person);
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    for user in ["gua-1", "gua-2"] {
        let email = format!("{user}@home.example");
        district.cli(&["users", "edit", user, "--as", user, "--email", &email]).ok();
    }
    district.cli(&["users", "grant", "tea-1", "users-manager"]).ok();
    district.cli(&["status", "--verify"]).ok();
    district
}

/// What `status --verify` says after this SQL.
#[track_caller]
fn found(sql: &str, words: &[&str]) -> District {
    let district = district();
    district.store().execute_batch(sql).unwrap();
    district.cli(&["status", "--verify"]).exits(1).complains(words);
    let json = district.cli(&["status", "--verify", "--json"]).exits(1).json();
    assert_eq!(json["intact"], false, "{json}");
    district
}

#[test]
fn nothing_can_be_put_before_or_in_place_of_what_is_there() {
    let district = district();
    for sql in [
        "INSERT INTO audit_row VALUES (-1, 1, NULL, 'staff', 'tea-1', 'email', '2026-11-20T00:00:00Z', x'')",
        "INSERT INTO audit_row VALUES (0, 1, NULL, 'operator', '', 'erased', '2026-11-20T00:00:00Z', x'')",
        "INSERT INTO audit_value VALUES (-1, x'', 'real@x.example', 'forged@x.example')",
        "INSERT OR REPLACE INTO audit_value SELECT id, salt, old, 'forged@x.example' FROM audit_value WHERE id = 1",
        "INSERT OR REPLACE INTO link SELECT id, run_id, at, 1, 0, accounts, digest FROM link WHERE id = 2",
    ] {
        let error = district.store().execute_batch(sql).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn rows_that_no_link_covers_are_found_wherever_they_stand() {
    let district = found(
        "DROP TRIGGER audit_row_comes_last; \
         INSERT INTO audit_row VALUES (-1, 1, NULL, 'staff', 'tea-1', 'email', '2026-11-20T00:00:00Z', x'')",
        &["row -1 of the audit: no link covers it"],
    );
    // Nor is it taken for ours by what comes next.
    district.cli(&["users", "revoke", "tea-1", "users-manager"]).ok();
    district.cli(&["status", "--verify"]).exits(1).complains(&["row -1"]);
}

/// Without its triggers the history could be altered.
#[test]
fn a_trigger_that_is_gone_or_another_is_found() {
    found(
        "DROP TRIGGER audit_row_is_never_changed",
        &["the store was altered by hand", "the trigger `audit_row_is_never_changed`"],
    );
    found(
        "DROP TRIGGER link_is_never_changed; \
         CREATE TRIGGER link_is_never_changed BEFORE UPDATE ON link BEGIN SELECT 1; END",
        &["the trigger `link_is_never_changed`, which protects the history, is gone or was altered"],
    );
}

/// While another process commits one more link and its run, both are seen, or neither.
#[test]
fn what_another_process_commits_meanwhile_is_no_tampering() {
    let district = district();
    std::thread::scope(|scope| {
        let edits = scope.spawn(|| {
            for n in 0..6 {
                let email = format!("gua-1-{n}@home.example");
                district.cli(&["users", "edit", "gua-1", "--as", "gua-1", "--email", &email]).ok();
            }
        });
        while !edits.is_finished() {
            district.cli(&["status", "--verify"]).ok();
        }
    });
}

/// The triggers allow values to be erased with a person; the row that says so has to be covered by
/// a link.
#[test]
fn a_forged_row_erases_no_person() {
    found(
        "INSERT INTO audit_row SELECT max(id) + 1, 1, NULL, 'operator', '', 'erased', '2026-11-20T00:00:00Z', x'' FROM audit_row; \
         DELETE FROM audit_value WHERE id IN (SELECT id FROM audit_row WHERE account_id = 1)",
        &["row 1 of the audit: its values are missing"],
    );
}

#[test]
fn accounts_and_permissions_are_held_against_the_audit() {
    found(
        "UPDATE account SET email = 'thief@x.example' WHERE sourced_id = 'gua-1'",
        &[
            "the accounts were altered by hand",
            "the email of the account `gua-1` is not what the audit says",
            "`rostersync users history`",
        ],
    );
    found("INSERT INTO users_manager VALUES (1, '')", &["the permissions of the account `gua-1`"]);
    found("DELETE FROM users_manager", &["the permissions of the account `tea-1`"]);
}

#[test]
fn runs_that_never_were_are_found() {
    for id in [-5, 0, 7] {
        found(
            &format!(
                "INSERT INTO run SELECT {id}, started, finished, result, source, mode, notify, checksum, summary, undoes FROM run"
            ),
            &[&format!("run {id} has no link in the audit")],
        );
    }
}

#[test]
fn the_first_link_is_sealed_as_well() {
    found(
        "DROP TRIGGER link_is_never_changed; UPDATE link SET accounts = 99999, at = '2020-01-01T00:00:00Z' WHERE id = 1",
        &["link 1 of the audit was altered or removed"],
    );
}

#[test]
fn a_history_without_links_says_so_and_takes_nothing_more() {
    let district = found(
        "DROP TRIGGER link_is_never_removed; DELETE FROM link",
        &["link 1 of the audit was altered or removed"],
    );
    let before = district.store_hash();
    district
        .cli(&["users", "edit", "gua-1", "--as", "gua-1", "--email", "x@y.example"])
        .exits(1)
        .complains(&["the history has lost its links", "restore the store from a backup"]);
    district.cli(&["undo", "1"]).exits(1).complains(&["the history has lost its links"]);
    assert_eq!(district.store_hash(), before);
    district.cli(&["users", "history", "gua-1"]).ok();
}

#[test]
fn a_store_that_is_not_there_is_not_intact() {
    let district = District::new().with("sync.store", "\"typo.db\"");
    district.cli(&["status", "--verify"]).exits(2).complains(&["there are no accounts yet", "typo.db"]);
    district.cli(&["status"]).ok();
}
