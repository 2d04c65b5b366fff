//! Copies of the store: before runs, by hand, checked and restored. A restored store tells no one
//! twice.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{District, Person, person};

fn all(email: &str) -> Vec<Person> {
    vec![person("tea-1").email(email), person("gua-1").agents("stu-1"), person("stu-1").agents("gua-1")]
}

fn district() -> District {
    let mut district = District::new().without_limits().update_contacts(true).with("sync.backups", "2");
    district.platform(&all("first@mail.example"));
    district.sis(&all("first@mail.example"));
    district.run().ok();
    district.unset("platform.users");
    district
}

/// A night on which `tea-1` has this address.
fn night(district: &mut District, day: u32, email: &str) -> crate::support::Done {
    district.at(&format!("2026-11-{day}T08:15:00Z"));
    district.sis(&all(email));
    district.run()
}

fn backups(district: &District) -> Vec<String> {
    district.names().into_iter().filter(|name| name.contains(".bak")).collect()
}

#[test]
fn a_run_that_changes_something_leaves_a_copy_from_before_and_the_newest_stay() {
    let mut district = district();
    assert_eq!(backups(&district), Vec::<String>::new(), "there was nothing to copy");
    let done = night(&mut district, 24, "first@mail.example").ok();
    assert!(!done.stdout.contains("Backup:"), "{}", done.stdout);
    assert_eq!(backups(&district), Vec::<String>::new(), "nothing was changed");
    let done = night(&mut district, 25, "second@mail.example").ok();
    let line = done.stdout.lines().find(|line| line.starts_with("Backup: ")).unwrap();
    let place = district.path("rostersync.db.run-000003.bak");
    assert!(line.starts_with("Backup: rostersync.db.run-000003.bak (") && line.ends_with(" s)"), "{line}");
    assert_eq!(place.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let copy = rusqlite::Connection::open(&place).unwrap();
    let email: String =
        copy.query_row("SELECT email FROM account WHERE sourced_id = 'tea-1'", [], |row| row.get(0)).unwrap();
    assert_eq!(email, "first@mail.example");
    drop(copy);
    night(&mut district, 26, "third@mail.example").ok();
    district.at("2026-11-27T08:15:00Z");
    district.sis(&all("fourth@mail.example"));
    let json = district.run_with(&["--format", "json"]).ok().json();
    assert!(json["backup"]["file"].as_str().unwrap().ends_with("rostersync.db.run-000005.bak"), "{json}");
    assert!(json["backup"]["bytes"].as_u64().unwrap() > 10_000 && json["backup"]["seconds"].is_number());
    assert_eq!(backups(&district), ["rostersync.db.run-000004.bak", "rostersync.db.run-000005.bak"]);
    let status = district.cli(&["status"]).ok().stdout;
    assert!(status.contains("\nBackup:         before run 5, made "), "{status}");
    let json = district.cli(&["status", "--json"]).ok().json();
    assert!(json["newest_backup"]["file"].as_str().unwrap().ends_with("run-000005.bak"), "{json}");
    // An undo is a run.
    district.cli(&["undo", "5"]).ok();
    assert_eq!(backups(&district), ["rostersync.db.run-000005.bak", "rostersync.db.run-000006.bak"]);
    // A run does not go on without the copy.
    let before = district.store_hash();
    fs::create_dir(district.path("rostersync.db.run-000007.bak.partial")).unwrap();
    let failed = night(&mut district, 28, "fifth@mail.example");
    failed.exits(1).complains(&[
        "the backup before the run failed, so nothing was applied: the backup cannot be written",
        "free some space, or lower `backups` in [sync]; with `backups = 0` runs make no copy of the store",
    ]);
    assert_eq!(district.store_hash(), before);
    assert!(!district.path("reports/users-000007.csv").exists());
    fs::remove_dir(district.path("rostersync.db.run-000007.bak.partial")).unwrap();
    // A preview makes none, and a blocked run makes none.
    district.preview().ok();
    district.set("limits.contact_updates", "0");
    district.run().exits(4);
    assert_eq!(backups(&district), ["rostersync.db.run-000005.bak", "rostersync.db.run-000006.bak"]);
}

fn told(district: &District) -> Vec<String> {
    district.mails().iter().map(|mail| mail.to.clone()).collect()
}

#[test]
fn a_restored_store_tells_no_one_twice() {
    let mut district = district();
    night(&mut district, 24, "second@mail.example").ok();
    night(&mut district, 25, "third@mail.example").ok();
    let before = told(&district);
    assert_eq!(
        before,
        ["second@mail.example", "first@mail.example", "third@mail.example", "second@mail.example"]
    );
    let sent = fs::read_to_string(district.path("rostersync.db.sent")).unwrap();
    assert_eq!(sent.lines().count(), 4);
    assert!(!sent.contains("mail.example") && !sent.contains("tea-1"), "{sent}");
    let said = district.cli(&["db", "restore", "rostersync.db.run-000003.bak"]).ok().stdout;
    let folder = district.path("").canonicalize().unwrap().display().to_string();
    let (first, rest) = said.split_once('\n').unwrap();
    assert!(first.ends_with("/rostersync.db.run-000003.bak"), "{said}");
    assert_eq!(
        rest,
        format!(
            "Accounts:  3\n\
             Last run:  2; the next one is 4\n\
             Kept:      {folder}/rostersync.db.replaced-20261125-021500.bak: the store that was there\n"
        )
    );
    assert_eq!(district.ask("SELECT email FROM account WHERE sourced_id = 'tea-1'"), "second@mail.example");
    // The same changes again, and another one of which nobody was told.
    district.at("2026-11-26T08:15:00Z");
    // What was told is not known while the log cannot be read.
    let (log, aside) = (district.path("rostersync.db.sent"), district.path("aside"));
    fs::rename(&log, &aside).unwrap();
    fs::create_dir(&log).unwrap();
    let refused = district.cli(&["-q", "run"]).exits(1);
    assert!(refused.stderr.contains("error: the log of sent messages cannot be read"), "{}", refused.stderr);
    assert_eq!(told(&district), before);
    fs::remove_dir(&log).unwrap();
    fs::rename(&aside, &log).unwrap();
    let preview = district.preview().ok();
    assert!(preview.plan().ends_with("; 0 notifications (0 email, 0 SMS)"), "{}", preview.plan());
    let done = district.run().ok();
    assert_eq!(done.checksum(), preview.checksum());
    done.says("tea-1", "updated", "Email updated by the sync - was second@mail.example");
    assert!(done.stderr.contains("the store was restored from a copy: its last run is 2"), "{}", done.stderr);
    assert_eq!(told(&district), before);
    assert!(district.path("reports/users-000004.csv").exists());
    night(&mut district, 27, "fourth@mail.example").ok();
    assert_eq!(told(&district)[4..], ["fourth@mail.example", "third@mail.example"]);
    district.cli(&["status", "--verify"]).ok();
    district.cli(&["db", "verify", "rostersync.db.replaced-20261125-021500.bak"]).ok();
}

#[test]
fn an_old_address_is_not_told_twice_although_the_new_one_changed_again_since() {
    let mut district = district();
    night(&mut district, 24, "second@mail.example").ok();
    night(&mut district, 25, "third@mail.example").ok();
    let before = told(&district);
    district.cli(&["db", "restore", "rostersync.db.run-000002.bak"]).ok();
    // From the first address to the third at once: each of the two was told of it.
    let done = night(&mut district, 26, "third@mail.example").ok();
    assert!(done.plan().ends_with("; 0 notifications (0 email, 0 SMS)"), "{}", done.plan());
    done.says("tea-1", "updated", "Email updated by the sync - was first@mail.example");
    assert_eq!(told(&district), before);
}

#[test]
fn messages_that_waited_in_the_copy_and_went_out_since_are_not_sent_again() {
    let mut district = district();
    let server = district.config();
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.set("notify.email.starttls", "\"never\"");
    night(&mut district, 24, "second@mail.example").exits(8);
    assert!(server.contains("file:mail/"));
    district.cli(&["db", "backup", "copy.bak"]).ok();
    district.set("notify.email.server", "\"file:mail/\"");
    district.settings_without("notify.email", "starttls");
    district.cli(&["outbox", "retry", "--all"]).ok();
    district.cli(&["outbox", "send"]).ok();
    let before = told(&district);
    assert_eq!(before.len(), 2);
    // The copy takes the place of the store by hand.
    fs::copy(district.path("copy.bak"), district.path("rostersync.db")).unwrap();
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'sent'"), "0");
    district.cli(&["outbox", "retry", "--all"]).ok();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(told(&district), before);
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'sent'"), "2");
}

#[test]
fn backups_by_hand_are_checked_and_restored_or_refused() {
    let mut district = district();
    let said = district.cli(&["db", "backup"]).ok().stdout;
    assert!(
        said.starts_with("The backup is ") && said.contains("/rostersync.db.20261123-021500.bak ("),
        "{said}"
    );
    district.cli(&["db", "backup"]).exits(2).complains(&[
        "the file for the backup is there already; nothing was written",
        "name a file that is not there",
    ]);
    district.cli(&["db", "backup", "rostersync.db"]).exits(2).complains(&["that would overwrite"]);
    district.cli(&["db", "backup", "safe/good.bak"]).ok();
    let folder = district.path("");
    let mode = |name: &str| folder.join(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("safe"), mode("safe/good.bak")), (0o700, 0o600));
    let said = district.cli(&["db", "verify"]).ok().stdout;
    let (place, rest) = said.split_once('\n').unwrap();
    assert!(place.starts_with("Store:     ") && place.ends_with("/rostersync.db"), "{said}");
    let (schema, rest) =
        rest.strip_prefix("File:      sound\nSchema:    ").unwrap().split_once(", ").unwrap();
    assert!(schema.parse::<u32>().unwrap() >= 25);
    assert!(rest.starts_with("as this version writes it\nHistory:   holds: "), "{said}");
    assert!(rest.ends_with("\nAccounts:  3\nLast run:  1\n"), "{said}");
    // A copy that was altered, one that is damaged, and files that are no stores.
    fs::copy(district.path("safe/good.bak"), district.path("altered.bak")).unwrap();
    let altered = rusqlite::Connection::open(district.path("altered.bak")).unwrap();
    altered.execute_batch("DROP TRIGGER audit_row_is_never_changed").unwrap();
    drop(altered);
    let mut bytes = fs::read(district.path("safe/good.bak")).unwrap();
    let middle = bytes.len() / 2;
    bytes[4096..middle].fill(0x5a);
    fs::write(district.path("damaged.bak"), &bytes).unwrap();
    fs::write(district.path("text.bak"), "no store".repeat(100)).unwrap();
    let before = district.store_hash();
    district.cli(&["db", "verify", "altered.bak"]).exits(1).complains(&[
        "the store does not hold: the history was altered by hand",
        "`rostersync db restore FILE` restores it",
    ]);
    for bad in ["altered.bak", "damaged.bak", "text.bak", "absent.bak"] {
        let verified = district.cli(&["db", "verify", bad]);
        assert_eq!(verified.code, 1, "{bad}: {}", verified.stderr);
        let refused = district.cli(&["db", "restore", bad]).exits(7);
        assert!(refused.stderr.contains("the store was not changed"), "{bad}: {}", refused.stderr);
    }
    district.cli(&["db", "restore", "rostersync.db"]).exits(2).complains(&["that is the store itself"]);
    assert_eq!(district.store_hash(), before);
    assert!(!district.names().iter().any(|name| name.contains("restoring") || name.contains("partial")));
    // The store itself is damaged, or gone.
    night(&mut district, 24, "second@mail.example").ok();
    fs::write(district.path("rostersync.db"), &bytes).unwrap();
    fs::write(district.path("rostersync.db-journal"), "left by a process that was killed").unwrap();
    let done = district.cli(&["db", "restore", "safe/good.bak", "-q"]).exits(3);
    assert!(
        done.stdout.contains("\nNot known: users that were erased, suppressed or opted out"),
        "{}",
        done.stdout
    );
    assert!(!district.path("rostersync.db-journal").exists());
    assert_eq!(mode("rostersync.db"), 0o600);
    district.cli(&["db", "verify"]).ok();
    fs::remove_file(district.path("rostersync.db")).unwrap();
    district
        .cli(&["db", "verify"])
        .exits(2)
        .complains(&["there is no store yet", "`rostersync db restore FILE`"]);
    let said = district.cli(&["db", "restore", "safe/good.bak"]).ok().stdout;
    assert!(said.ends_with("Last run:  1; the next one is 3\n"), "{said}");
    assert_eq!(district.ask("SELECT email FROM account WHERE sourced_id = 'tea-1'"), "first@mail.example");
}

#[test]
fn who_was_erased_since_the_backup_is_erased_again() {
    let district = district();
    district.cli(&["db", "backup", "old.copy"]).ok();
    district.cli(&["users", "erase", "tea-1", "--yes"]).ok();
    let said = district.cli(&["db", "restore", "old.copy"]).ok().stdout;
    let file = district.path("old.copy").canonicalize().unwrap().display().to_string();
    let last = format!(
        "\nErased:    1 user that was erased after the backup was made\n\
         Stays:     {file}: the backup still has that user; delete it\n"
    );
    assert!(said.ends_with(&last), "{said}");
    assert_eq!(district.ask("SELECT count(*) FROM account"), "2");
    district.run().ok().says("", "skipped", "Suppressed - not added");
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn who_was_suppressed_since_the_backup_stays_so() {
    let mut district = district();
    district.cli(&["db", "backup", "old.copy"]).ok();
    district.cli(&["users", "suppress", "gua-1", "--reason", "court order"]).ok();
    let said = district.cli(&["db", "restore", "old.copy"]).ok().stdout;
    assert!(said.ends_with("\nKept out:  1 suppression that was made after the backup\n"), "{said}");
    district.at("2026-11-24T08:15:00Z");
    let done = district.run().ok();
    assert_eq!(&done.report.row("gua-1")["action"], "archived");
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn who_opted_out_since_the_backup_stays_so() {
    let district = district();
    district.cli(&["users", "opt-out", "tea-1", "--channel", "sms"]).ok();
    district.cli(&["db", "backup", "old.copy"]).ok();
    district.cli(&["users", "opt-out", "gua-1", "--channel", "email"]).ok();
    let said = district.cli(&["db", "restore", "old.copy"]).ok().stdout;
    assert!(said.ends_with("\nOpted out: 1 opt-out that was made after the backup\n"), "{said}");
    assert_eq!(district.ask("SELECT opt_outs FROM account WHERE sourced_id = 'gua-1'"), "email:out");
    district.cli(&["status", "--verify"]).ok();
}

/// Only a store that is restored would tell it again, so it is said at once: with `-q`, and in `status`.
#[test]
fn a_message_that_cannot_be_noted_needs_a_person() {
    let mut district = district();
    fs::create_dir(district.path("rostersync.db.sent")).unwrap();
    night(&mut district, 24, "first@mail.example");
    let done = night(&mut district, 25, "second@mail.example").exits(3);
    assert!(done.stdout.contains("Attention (sent-not-noted)"), "{}", done.stdout);
    let status = district.cli(&["status"]).exits(3).stdout;
    assert!(status.contains("(sent-not-noted)"), "{status}");
    // Texts wait for the daytime, so that it is mostly `outbox send` that sends.
    district.at("2026-11-26T08:15:00Z");
    district.sis(&all("third@mail.example"));
    district.set("notify.email.quiet_hours", "\"00:00-23:59\"");
    district.run().ok();
    district.unset("notify.email.quiet_hours");
    let sent = district.cli(&["-q", "outbox", "send"]).exits(3).stdout;
    assert!(sent.contains("Attention (sent-not-noted)"), "{sent}");
}

/// The log can be written again by the time the message is noted, but it may have said that the message
/// was handed over already.
#[test]
fn a_log_of_sent_messages_that_cannot_be_read_needs_a_person() {
    let Some(library) = crate::faults::library() else { return };
    let mut district = district();
    night(&mut district, 24, "first@mail.example").ok();
    district.set("notify.email.quiet_hours", "\"00:00-23:59\"");
    night(&mut district, 25, "second@mail.example").ok();
    district.unset("notify.email.quiet_hours");
    let mut command = district.command(&["-q", "outbox", "send"]);
    let below = district.path("").canonicalize().unwrap();
    command.env("LD_PRELOAD", library).env("FAULTS_BELOW", below);
    command.env("FAULTS_AT", "open:rostersync.db.sent:1").env("FAULTS_DOES", "EIO");
    let said = district.done(&mut command).exits(3).stdout;
    assert!(said.contains("Attention (sent-not-noted)"), "{said}");
    assert!(said.contains("the log of sent messages cannot be read"), "{said}");
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'queued'"), "0");
}

/// An undo makes a copy too, and has no run to say what became of the old ones.
#[test]
fn an_undo_names_an_old_copy_that_it_cannot_remove() {
    let Some(library) = crate::faults::library() else { return };
    let mut district = district();
    night(&mut district, 24, "second@mail.example").ok();
    night(&mut district, 25, "third@mail.example").ok();
    let old = backups(&district).remove(0);
    let mut command = district.command(&["-q", "undo", "3"]);
    let below = district.path("").canonicalize().unwrap();
    command.env("LD_PRELOAD", library).env("FAULTS_BELOW", below);
    command.env("FAULTS_AT", format!("unlink:{old}:1")).env("FAULTS_DOES", "EIO");
    let undone = district.done(&mut command).exits(3).stdout;
    let said = format!("Attention (backup-not-removed): {old}: this old backup cannot be removed, ");
    assert!(undone.contains(&said), "{undone}");
}

#[test]
fn a_restore_waits_for_a_run() {
    let district = district();
    let lock = fs::File::options().write(true).open(district.path("rostersync.db.lock")).unwrap();
    lock.lock().unwrap();
    district.cli(&["db", "restore", "x.bak"]).exits(5).complains(&["another run holds the lock"]);
    district.cli(&["users", "erase", "tea-1", "--yes"]).exits(5);
}
