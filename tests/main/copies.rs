//! Copies of a store in another place, a whole volume that is put back, and a store that another
//! program replicates. No person is told twice, and no number of a run is used twice.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{District, Done, Person, person};

fn all(email: &str) -> Vec<Person> {
    vec![person("tea-1").email(email), person("gua-1").agents("stu-1"), person("stu-1").agents("gua-1")]
}

fn district() -> District {
    let mut district = District::new().without_limits().update_contacts(true);
    district.platform(&all("first@mail.example"));
    district.sis(&all("first@mail.example"));
    district
}

/// A night on which `tea-1` has this address.
fn night(district: &mut District, day: u32, email: &str) -> Done {
    district.unset("platform.users");
    district.at(&format!("2026-11-{day}T08:15:00Z"));
    district.sis(&all(email));
    district.run()
}

fn told(district: &District) -> Vec<String> {
    district.mails().iter().map(|mail| mail.to.clone()).collect()
}

#[test]
fn a_copy_is_a_whole_store_and_its_first_run_says_that_it_is_one() {
    let mut district = district();
    district.run().ok();
    let folder = district.path("").canonicalize().unwrap().display().to_string();
    let said = district.cli(&["db", "copy", "new/store.db"]).ok().stdout;
    let (first, rest) = said.split_once('\n').unwrap();
    assert!(first.starts_with("Copy:      ") && first.contains("/new/store.db ("), "{said}");
    let schema = rest.split_once("\nHistory:").unwrap().0;
    assert!(
        schema.starts_with("File:      sound\nSchema:    ")
            && schema.ends_with(", as this version writes it")
    );
    assert!(
        rest.ends_with(&format!(
            "\nAccounts:  3\nLast run:  1\n\
             Copy of:   {folder}/rostersync.db, made on 2026-11-23 02:15; no run has used it yet\n\
             Use:       name it as `store` in [sync]; only one of the two stores may go on running\n"
        )),
        "{said}"
    );
    let copy = district.path("new/store.db");
    assert_eq!(copy.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(fs::read_dir(district.path("new")).unwrap().count(), 1, "nothing is left beside it");
    for (file, why) in [
        ("new/store.db", "the file for the copy is there already; nothing was written"),
        ("rostersync.db", "that would overwrite what the sync reads or keeps"),
    ] {
        district.cli(&["db", "copy", file]).exits(2).complains(&[why]);
    }
    // A store that does not hold has no copy.
    fs::copy(&copy, district.path("good.db")).unwrap();
    district.store().execute_batch("DROP TRIGGER audit_row_is_never_changed").unwrap();
    district
        .cli(&["db", "copy", "new/bad.db"])
        .exits(1)
        .complains(&["the store does not hold, so no copy was kept"]);
    assert_eq!(fs::read_dir(district.path("new")).unwrap().count(), 1);
    // Checked, it says what it is; the first run says so too, and then it is a store like any other.
    let verified = district.cli(&["db", "verify", "new/store.db"]).ok().stdout;
    assert!(verified.contains("\nCopy of:   "), "{verified}");
    district.set("sync.store", "\"new/store.db\"");
    let what = format!(
        "the store is a copy of {folder}/rostersync.db, made on 2026-11-23 02:15 by `db copy`; if that store"
    );
    let checked = district.cli(&["check"]).ok().stdout;
    assert!(checked.contains("warning[store-copied]") && checked.contains(&what), "{checked}");
    let done = district.run_with(&["-q"]).ok();
    assert!(done.stderr.contains(&what), "{}", done.stderr);
    let done = district.run_with(&["-q"]).ok();
    assert!(!done.stderr.contains("copy of"), "{}", done.stderr);
}

#[test]
fn a_volume_that_is_put_back_is_recognised_by_a_log_elsewhere() {
    let elsewhere = crate::support::folder();
    let log = elsewhere.path().join("lincoln.sent");
    let mut district = district().with("sync.sent_log", &format!("{:?}", log.display().to_string()));
    district.run().ok();
    night(&mut district, 24, "second@mail.example").ok();
    assert!(!district.path("rostersync.db.sent").exists());
    assert_eq!(log.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let mut snapshot = district.again();
    night(&mut district, 25, "third@mail.example").ok();
    night(&mut district, 26, "third@mail.example").ok();
    let text = fs::read_to_string(&log).unwrap();
    assert!(!text.contains("mail.example") && !text.contains("tea-1"), "{text}");
    // The volume is back as it was on the 24th: with its reports and with all that is beside the store.
    let before = told(&snapshot);
    let done = night(&mut snapshot, 27, "third@mail.example").ok();
    assert!(
        done.stderr.contains("the store was restored from a copy: its last run is 2, but there was a run 4"),
        "{}",
        done.stderr
    );
    assert!(done.plan().ends_with("; 0 notifications (0 email, 0 SMS)"), "{}", done.plan());
    assert_eq!(told(&snapshot), before);
    assert!(snapshot.path("reports/users-000005.csv").exists());
    night(&mut snapshot, 28, "fourth@mail.example").ok();
    assert_eq!(told(&snapshot)[before.len()..], ["fourth@mail.example", "third@mail.example"]);
    // A volume that is empty.
    for gone in ["rostersync.db", "reports", "rostersync.db.attempts"] {
        let path = snapshot.path(gone);
        fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
    }
    let place = format!("run 6 in {}", log.display());
    snapshot.run().exits(7).complains(&["the store is not there, but there was one: ", &place]);
    // The volume of the log is not there, or the key is new.
    district.set("sync.sent_log", "\"nowhere/lincoln.sent\"");
    let checked = district.cli(&["check"]).exits(1);
    let checked = format!("{}{}", checked.stdout, checked.stderr);
    assert!(checked.contains("the folder of `sent_log` in [sync] is not there"), "{checked}");
    district.set("sync.sent_log", &format!("{:?}", log.display().to_string()));
    fs::remove_file(&log).unwrap();
    let done = night(&mut district, 28, "third@mail.example").exits(3);
    assert!(done.stdout.contains("Attention (sent-log-begun)"), "{}", done.stdout);
    night(&mut district, 29, "third@mail.example").ok();
    fs::remove_file(&log).unwrap();
    fs::create_dir(&log).unwrap();
    let done = night(&mut district, 30, "third@mail.example").exits(3);
    assert!(done.stdout.contains("Attention (sent-not-noted)"), "{}", done.stdout);
    let unknown = "fix the cause: whether the store was put back from a copy is not known";
    assert!(done.stdout.contains(unknown), "{}", done.stdout);
    // What cannot be read may be the sign of a store that is lost.
    for gone in ["rostersync.db", "reports", "rostersync.db.attempts"] {
        let path = district.path(gone);
        fs::remove_file(&path).or_else(|_| fs::remove_dir_all(&path)).unwrap();
    }
    let unknown = [
        "the store is not there, and whether there was one is not known (",
        "correct the cause of that first",
    ];
    district.run().exits(7).complains(&unknown);
    assert!(!district.path("rostersync.db").exists());
    district.run_with(&["--new-store"]).exits(3);
}

/// As Litestream has it: the store is put into WAL mode, and a connection stays open.
#[test]
fn a_store_that_another_program_replicates_works_and_is_not_replaced_under_it() {
    let mut district = district().with("sync.backups", "2").with("identity.same_person", "\"join\"");
    district.run().ok();
    let replicator = district.store();
    let mode: String = replicator.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0)).unwrap();
    assert_eq!(mode, "wal");
    replicator.execute_batch("PRAGMA wal_autocheckpoint = 0; BEGIN; SELECT count(*) FROM account").unwrap();
    let done = night(&mut district, 24, "second@mail.example").ok();
    assert_eq!(told(&district).len(), 2);
    assert!(district.path("rostersync.db-wal").metadata().unwrap().len() > 0);
    // What is in the log alone is in a preview of tonight, in a backup, and in a copy, which are one file.
    let preview = district.preview().ok();
    assert!(preview.plan().contains(" 3 unchanged"), "{}", preview.plan());
    assert!(done.stdout.contains("Backup: "), "{}", done.stdout);
    district.cli(&["db", "backup", "now.bak"]).ok();
    district.cli(&["db", "copy", "copy.db"]).ok();
    for name in ["now.bak", "copy.db"] {
        let alone = rusqlite::Connection::open(district.path(name)).unwrap();
        let email = "SELECT email FROM account WHERE sourced_id = 'tea-1'";
        assert_eq!(alone.query_row(email, [], |row| row.get::<_, String>(0)).unwrap(), "second@mail.example");
        let mode: String = alone.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!((name, mode.as_str()), (name, "delete"));
    }
    night(&mut district, 25, "third@mail.example").ok();
    // Not by reading the files: this process would lose the locks of its connection.
    let names = || fs::read_dir(district.path("")).unwrap().count();
    let before = names();
    district.cli(&["db", "restore", "now.bak"]).exits(5).complains(&[
        "another program has the store open, and keeps a log of its own beside it (WAL)",
        "rostersync.db-wal",
        "stop that program",
    ]);
    assert_eq!(names(), before);
    drop(replicator);
    district.cli(&["db", "restore", "now.bak"]).ok();
    assert!(!district.path("rostersync.db-wal").exists() && !district.path("rostersync.db-shm").exists());
    let email = "SELECT email FROM account WHERE sourced_id = 'tea-1'";
    assert_eq!(district.ask(email), "second@mail.example");
    district.cli(&["status", "--verify"]).ok();
    let kept = district.names().into_iter().find(|name| name.contains(".replaced-")).unwrap();
    let kept = rusqlite::Connection::open(district.path(&kept)).unwrap();
    assert_eq!(kept.query_row(email, [], |row| row.get::<_, String>(0)).unwrap(), "third@mail.example");
}
