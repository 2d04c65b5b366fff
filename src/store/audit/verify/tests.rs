use chrono::DateTime;

use super::*;
use crate::account::Account;
use crate::contact::Details;
use crate::store::{AuditEntry, Origin};

fn entry(old: &str, new: &str) -> AuditEntry {
    AuditEntry { origin: Origin::Person, field: "email".into(), old: old.into(), new: new.into() }
}

/// Two accounts, and three edits: rows 1 and 2 in one link, 3 and 4 in links of their own.
fn store() -> Store {
    let store = Store::empty().unwrap();
    let at = "2026-11-23T08:15:00Z".parse().unwrap();
    let ids = [("a", "4"), ("b", "5")].map(|(id, email)| {
        let details = Details { email: email.into(), ..Details::default() };
        store.insert_account(&Account { details, ..Account::new(id) }).unwrap()
    });
    for edits in [&[(ids[0], "1", "2"), (ids[1], "", "3")][..], &[(ids[0], "2", "4")], &[(ids[1], "3", "5")]]
    {
        let write = || {
            edits.iter().try_for_each(|(account, old, new)| store.audit(*account, None, &entry(old, new), at))
        };
        store.transaction(write).unwrap();
    }
    store
}

/// The finding after this was done to the file, without the triggers.
fn after(sql: &str) -> Option<Broken> {
    let store = store();
    let triggers: Vec<String> = {
        let mut statement =
            store.connection.prepare("SELECT name FROM sqlite_schema WHERE type = 'trigger'").unwrap();
        let names = statement.query_map([], |row| row.get(0)).unwrap();
        names.collect::<rusqlite::Result<_>>().unwrap()
    };
    for trigger in triggers {
        store.connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
    }
    store.connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
    store.connection.execute_batch(sql).unwrap();
    store.verify().unwrap().broken
}

#[test]
fn an_audit_that_nobody_touched_holds() {
    let verified = store().verify().unwrap();
    assert_eq!((verified.rows, verified.links, verified.broken), (4, 3, None));
    assert_eq!(verified.last.len(), 64);
}

#[test]
fn the_first_row_that_was_tampered_with_is_named() {
    let values = "its values were altered";
    for (sql, broken) in [
        ("UPDATE audit_value SET new = 'x' WHERE id IN (3, 4)", Broken::Row(3, values)),
        ("UPDATE audit_value SET old = 'x' WHERE id = 2", Broken::Row(2, values)),
        (
            "UPDATE audit_row SET origin = 'staff' WHERE id = 2",
            Broken::Row(2, "the actor, the account or the time was altered"),
        ),
        ("DELETE FROM audit_row WHERE id = 2", Broken::Row(2, "it is missing")),
        ("DELETE FROM audit_row WHERE id = 4", Broken::Row(4, "it is missing")),
        ("DELETE FROM audit_value WHERE id = 3", Broken::Row(3, "its values are missing")),
        (
            "INSERT INTO audit_row SELECT 5, account_id, run_id, origin, actor, field, at, digest FROM audit_row WHERE id = 4",
            Broken::Row(5, "no link covers it"),
        ),
        ("UPDATE link SET at = 'x' WHERE id = 3", Broken::Link(3, None)),
        ("UPDATE link SET accounts = 9 WHERE id = 1", Broken::Link(1, None)),
        ("UPDATE link SET last_audit = 1 WHERE id = 1", Broken::Link(1, None)),
        ("UPDATE link SET run_id = 3 WHERE id = 1", Broken::Link(1, None)),
        ("UPDATE link SET accounts = 9, digest = x'' WHERE id = 1", Broken::Link(2, None)),
        ("DELETE FROM link WHERE id = 1", Broken::Link(1, None)),
        ("DELETE FROM link", Broken::Link(1, None)),
        (
            "INSERT INTO audit_row SELECT -1, account_id, run_id, origin, actor, field, at, digest FROM audit_row WHERE id = 4",
            Broken::Row(-1, "no link covers it"),
        ),
        ("INSERT INTO audit_value VALUES (0, x'', 'x', 'y')", Broken::Row(0, "no link covers it")),
        ("INSERT INTO audit_value VALUES (9, x'', 'x', 'y')", Broken::Row(9, "no link covers it")),
        // The chain also covers that a person was erased.
        (
            "INSERT INTO audit_row VALUES (0, 1, NULL, 'operator', '', 'erased', 'x', x''); \
             DELETE FROM audit_value WHERE id IN (1, 3)",
            Broken::Row(1, "its values are missing"),
        ),
        (
            "INSERT INTO audit_row VALUES (5, 1, NULL, 'operator', '', 'erased', 'x', x''); \
             DELETE FROM audit_value WHERE id IN (1, 3)",
            Broken::Row(1, "its values are missing"),
        ),
        ("INSERT INTO run VALUES (-5, 'x', 'x', 'ok', 'x', 'bulk', 1, '', '{}', NULL)", Broken::Run(-5)),
        ("INSERT INTO run VALUES (1, 'x', 'x', 'ok', 'x', 'bulk', 1, '', '{}', NULL)", Broken::Run(1)),
        ("UPDATE account SET email = 'x' WHERE id = 1", Broken::Account("a".into(), "email")),
        ("DELETE FROM account WHERE id = 2", Broken::Account("number 2".into(), "existence")),
        ("INSERT INTO users_manager VALUES (1, '')", Broken::Account("a".into(), "permissions")),
        (
            "INSERT INTO account (id, sourced_id, state, archived, given_name, family_name, email, phone, home_phone, \
             sis_roles, sis_orgs, sis_agents) SELECT 3, 'c', state, archived, given_name, \
             family_name, email, phone, home_phone, sis_roles, sis_orgs, sis_agents FROM account WHERE id = 1",
            Broken::Account("c".into(), "origin"),
        ),
        ("DELETE FROM link WHERE id = 3", Broken::Link(3, None)),
        (
            "DELETE FROM link WHERE id = 4; DELETE FROM audit_value WHERE id = 4",
            Broken::Row(4, "no link covers it"),
        ),
    ] {
        assert_eq!(after(sql), Some(broken), "{sql}");
    }
}

/// A row that was put in by hand is not made ours by the next edit.
#[test]
fn what_was_put_in_is_not_sealed_by_the_next_one() {
    let store = store();
    store
        .connection
        .execute_batch("INSERT INTO audit_row VALUES (5, 1, NULL, 'person', '', 'email', 'x', x'00')")
        .unwrap();
    store.transaction(|| store.audit(1, None, &entry("4", "6"), DateTime::UNIX_EPOCH)).unwrap();
    let broken = store.verify().unwrap().broken;
    assert_eq!(broken, Some(Broken::Row(5, "it was put in by another program")));
}

#[test]
fn nothing_can_be_changed_or_removed() {
    let store = store();
    for sql in [
        "UPDATE audit_row SET at = ''",
        "DELETE FROM audit_row",
        "UPDATE audit_value SET new = ''",
        "DELETE FROM audit_value",
        "UPDATE link SET at = ''",
        "DELETE FROM link",
        "INSERT OR REPLACE INTO audit_value SELECT id, salt, old, 'x' FROM audit_value WHERE id = 4",
        "INSERT OR REPLACE INTO audit_row SELECT id, account_id, run_id, 'staff', actor, field, at, digest FROM audit_row \
         WHERE id = 4",
        "INSERT OR REPLACE INTO link SELECT id, run_id, 'x', first_audit, last_audit, accounts, digest FROM link WHERE id = 4",
        "INSERT INTO audit_row VALUES (-1, 1, NULL, 'staff', 'b', 'email', 'x', x'')",
        "INSERT INTO audit_row VALUES (NULL, 1, NULL, 'staff', 'b', 'email', 'x', x'')",
        "INSERT INTO audit_row VALUES (9, 1, NULL, 'staff', 'b', 'email', 'x', x'')",
        "INSERT INTO audit_value VALUES (0, x'', 'x', 'y')",
        "INSERT INTO link VALUES (0, NULL, 'x', 1, 0, 0, x'')",
    ] {
        let error = store.connection.execute_batch(sql).unwrap_err().to_string();
        assert!(error.contains("append-only"), "{sql}: {error}");
    }
}

/// One person can be erased: the values go, the chain and the triggers hold.
#[test]
fn a_person_can_be_erased() {
    let store = store();
    let erased = AuditEntry { field: "erased".into(), ..entry("", "") };
    let values = "DELETE FROM audit_value WHERE id IN (SELECT id FROM audit_row WHERE account_id = 1)";
    store
        .transaction(|| {
            store.audit(1, None, &erased, DateTime::UNIX_EPOCH)?;
            store.execute("DELETE FROM account WHERE id = 1", [])?;
            store.execute(values, [])
        })
        .unwrap();
    assert_eq!(store.verify().unwrap().broken, None);
    assert!(store.audit_of(1).unwrap().iter().all(|entry| entry.erased));
    assert!(store.connection.execute_batch("DELETE FROM audit_value WHERE id = 2").is_err());
}

/// What is done to accounts besides their details leaves entries that come to what they are.
#[test]
fn states_ids_and_permissions_are_held_against_the_audit() {
    let store = store();
    let entry = |field: &str, old: &str, new: &str| AuditEntry { field: field.into(), ..entry(old, new) };
    let mut account = store.account("a").unwrap().unwrap();
    let entries = [
        ("state", "pending", "active"),
        ("name", "", "Mary Ann\tLee"),
        ("users_manager", "", "district"),
        ("users_manager", "", "sch-1"),
        ("users_manager", "sch-1", ""),
        ("sourced_id", "a", "aa"),
        ("state", "active", "archived"),
        // The export decides the state of an archived account.
        ("state", "active", "pending"),
        ("refused", "", "archived"),
    ];
    account.details.name = crate::contact::PersonName::new("Mary Ann", "Lee");
    account.sourced_id = "aa".into();
    account.archived = true;
    store
        .transaction(|| {
            for (field, old, new) in entries {
                store.audit(1, None, &entry(field, old, new), DateTime::UNIX_EPOCH)?;
            }
            store.rekey_account(&account)?;
            store.grant(1, &crate::store::Grant::District)
        })
        .unwrap();
    assert_eq!(store.verify().unwrap().broken, None);
    for (sql, what) in [
        ("UPDATE account SET archived = 0 WHERE id = 1", "state"),
        ("UPDATE account SET state = 'active' WHERE id = 1", "state"),
        ("UPDATE account SET sourced_id = 'x' WHERE id = 1", "sourcedId"),
        ("UPDATE account SET given_name = 'Mary', family_name = 'Ann Lee' WHERE id = 1", "name"),
        ("DELETE FROM users_manager", "permissions"),
        ("INSERT INTO users_manager VALUES (1, 'sch-1')", "permissions"),
    ] {
        let look = || {
            store.execute(sql, [])?;
            store.verified(&|_| ())
        };
        let broken = store.preview(look).unwrap().broken;
        assert!(matches!(&broken, Some(Broken::Account(_, of)) if *of == what), "{sql}: {broken:?}");
    }
}

/// An edit after all links were removed says so, and is not made.
#[test]
fn without_links_nothing_is_sealed() {
    let store = store();
    store.connection.execute_batch("DROP TRIGGER link_is_never_removed; DELETE FROM link").unwrap();
    let edited = store.transaction(|| store.audit(1, None, &entry("4", "6"), DateTime::UNIX_EPOCH));
    assert!(edited.unwrap_err().to_string().contains("the history has lost its links"));
}
