use super::*;
use crate::contact::{Details, PersonName};
use crate::message::{Audience, Channel, Message, Recipient};
use crate::store::{Broken, Member};
use std::sync::Arc;

const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// A guardian `g-1`, a student `s-1` that is linked to it, and another student.
fn store() -> Store {
    let store = Store::empty().unwrap();
    let details = |name: &str| Details {
        name: PersonName { given: name.into(), family: "Quillfeather".into() },
        email: format!("{name}@secret.example"),
        phone: "+12125550142".into(),
        home_phone: String::new(),
    };
    let mut guardian = Account { details: details("gerda"), ..Account::new("g-1") };
    Arc::make_mut(&mut guardian.sis).relations = "s-1\tmother".into();
    let mut student = Account::new("s-1");
    Arc::make_mut(&mut student.sis).agents = "g-0,g-1".into();
    Arc::make_mut(&mut student.sis).relations = "g-1\tmother".into();
    let link = |field: &str, old: &str, new: &str| AuditEntry {
        origin: Origin::Sync,
        field: field.into(),
        old: old.into(),
        new: new.into(),
    };
    store
        .transaction(|| {
            let [student, _, guardian] = [&student, &Account::new("s-2"), &guardian]
                .map(|account| store.insert_account(account).unwrap());
            store.audit(student, None, &link("distinct", "", "g-1"), NOW)?;
            store.audit(student, None, &link("link", "", "g-0"), NOW)?;
            store.audit(guardian, None, &link("link", "", "s-1"), NOW)?;
            store.audit(guardian, None, &link("email", "old@secret.example", "gerda@secret.example"), NOW)?;
            let to = Recipient {
                channel: Channel::Email,
                audience: Audience::Current,
                address: "gerda@secret.example".into(),
            };
            let message = Message { to, subject: "x".into(), body: "gerda".into(), html: String::new() };
            store.queue(None, guardian, &message, None, NOW)?;
            store.stop(guardian, NOW)?;
            store.put_platform_stamp(guardian, "g-1 by gerda")?;
            store.put_bystander(&Member {
                sourced_id: "s-9".into(),
                agents: "g-1".into(),
                ..Member::default()
            })
        })
        .unwrap();
    store.stop_number("+12125550142", NOW).unwrap();
    store
}

fn remove(store: &Store, sourced_id: &str) -> Removed {
    let account = store.account(sourced_id).unwrap().unwrap();
    store.transaction(|| store.remove_people(&[account], Origin::Operator, None, NOW)).unwrap()
}

fn texts(store: &Store) -> String {
    let tables: Vec<String> =
        store.all("SELECT name FROM sqlite_schema WHERE type = 'table'", [], |row| row.get(0)).unwrap();
    let mut all = String::new();
    for table in tables {
        let mut statement = store.connection.prepare(&format!("SELECT * FROM {table}")).unwrap();
        let columns = statement.column_count();
        let mut rows = statement.query([]).unwrap();
        while let Some(row) = rows.next().unwrap() {
            for column in 0..columns {
                let value = row.get_ref(column).unwrap();
                let bytes = value.as_bytes_or_null().ok().flatten().unwrap_or_default();
                all.push_str(&String::from_utf8_lossy(bytes));
                all.push('\n');
            }
        }
    }
    all
}

#[test]
fn nothing_is_left_of_a_person_and_the_audit_holds() {
    let store = store();
    let removed = remove(&store, "g-1");
    assert_eq!(removed, Removed { accounts: 1, audit_values: 4, messages: 1, links: 2 });
    let all = texts(&store);
    for value in ["g-1", "gerda", "Quillfeather", "secret.example", "2125550142"] {
        assert!(!all.contains(value), "{value} in {all}");
    }
    assert_eq!(store.verify().unwrap().broken, None);
    let student = store.account("s-1").unwrap().unwrap();
    assert_eq!((student.sis.agents.as_str(), student.sis.relations.as_str()), ("g-0", ""));
    assert_eq!(store.audit_of(student.id).unwrap()[1].new, "g-0", "what names another person stays");
    store.vacuum().unwrap();
    let foreign: i64 = store.value("SELECT count(*) FROM pragma_foreign_key_check", []).unwrap();
    assert_eq!(foreign, 0);
}

#[test]
fn the_number_of_a_removed_account_is_not_given_again() {
    let store = store();
    remove(&store, "g-1");
    assert_eq!(store.fingerprints().unwrap().keys.len(), 3);
    let next = store.transaction(|| store.insert_account(&Account::new("x"))).unwrap();
    assert_eq!(next, 4);
    let after = store.transaction(|| store.insert_account(&Account::new("y"))).unwrap();
    assert_eq!(after, 5);
}

#[test]
fn what_was_altered_after_an_erasure_is_still_found() {
    let after = |sql: &str| {
        let store = store();
        remove(&store, "g-1");
        let triggers: Vec<String> =
            store.all("SELECT name FROM sqlite_schema WHERE type = 'trigger'", [], |row| row.get(0)).unwrap();
        for trigger in triggers {
            store.connection.execute_batch(&format!("DROP TRIGGER {trigger}")).unwrap();
        }
        store.connection.execute_batch("PRAGMA foreign_keys = OFF").unwrap();
        store.connection.execute_batch(sql).unwrap();
        store.verify().unwrap().broken
    };
    let missing = "its values are missing";
    for (sql, broken) in [
        ("DELETE FROM audit_value WHERE id = 2", Broken::Row(2, missing)),
        (
            "UPDATE audit_value SET new = '1,2' WHERE id = 6; DELETE FROM audit_value WHERE id = 2",
            Broken::Row(6, "its values were altered"),
        ),
        ("DELETE FROM audit_value WHERE id = 6", Broken::Row(1, missing)),
        (
            "INSERT INTO account (id, sourced_id, state, archived, given_name, family_name, email, phone, home_phone, \
             sis_roles, sis_orgs, sis_agents) VALUES (3, 'g-1', 'active', 0, '', '', '', '', '', '', '', '')",
            Broken::Account("g-1".into(), "existence"),
        ),
        ("DELETE FROM account WHERE id = 1", Broken::Account("number 1".into(), "existence")),
    ] {
        assert_eq!(after(sql), Some(broken), "{sql}");
    }
}

#[test]
fn values_of_others_cannot_be_removed() {
    let store = store();
    remove(&store, "g-1");
    for row in [2, 6] {
        let error = store.connection.execute("DELETE FROM audit_value WHERE id = ?1", [row]);
        assert_eq!(error.is_err(), row == 2);
    }
}

#[test]
fn an_erased_person_is_known_by_a_keyed_hash_alone() {
    let (store, other) = (Store::empty().unwrap(), Store::empty().unwrap());
    for store in [&store, &other] {
        store.put_erased("g-1", "2026-11-26".parse().unwrap()).unwrap();
        let erased = store.erased().unwrap();
        assert!(erased.contains("g-1") && !erased.contains("g-2"));
        assert!(!texts(store).contains("g-1"));
    }
    assert_ne!(store.erased().unwrap().hash("g-1"), other.erased().unwrap().hash("g-1"));
    assert!(store.end_erased("g-1").unwrap() && !store.end_erased("g-1").unwrap());
    assert!(!store.erased().unwrap().contains("g-1"));
}
