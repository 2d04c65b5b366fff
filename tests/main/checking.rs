//! `check` says what the next run would stumble over, ends as it would, and changes nothing.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use crate::support::{District, person};

fn district() -> District {
    let mut district = District::new();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1"), person("tea-2")]);
    district
}

fn mode(district: &District, name: &str, mode: u32) {
    fs::set_permissions(district.path(name), fs::Permissions::from_mode(mode)).unwrap();
}

/// It ends as the next run does, and says `valid` only where that is done.
#[track_caller]
fn agree(district: &District, code: i32, words: &[&str]) {
    district.write_config();
    let before = district.everything();
    let check = district.cli(&["check"]).exits(code);
    let said = format!("{}{}", check.stdout, check.stderr);
    for word in words {
        assert!(said.contains(word), "`{word}` is not said:\n{said}");
    }
    assert_eq!(check.stdout.contains("valid"), code == 0, "{}", check.stdout);
    assert_eq!(district.everything(), before, "nothing is written");
    let json = district.cli(&["check", "--format", "json"]).exits(code).json();
    assert_eq!(json["exit"], code, "{json}");
    district.run().exits(code);
}

#[test]
fn it_plans_over_the_store() {
    let district = district();
    district.run().ok();
    agree(&district, 0, &["2 records; 0 would be rejected"]);
    // A user with an account may have no name tonight; a new user may not.
    district.sis(&[
        person("tea-1"),
        person("tea-2").given("").family(""),
        person("tea-3").given("").family(""),
    ]);
    let check = district.cli(&["check"]);
    assert!(check.stdout.contains("users.csv:4: givenName: error[rejected-no-name]"), "{}", check.stdout);
    assert!(check.stdout.contains("3 records; 1 would be rejected"), "{}", check.stdout);
}

#[test]
fn a_limit_that_would_stop_the_run() {
    let mut district = district();
    district.run().ok();
    district.set("limits.archive", "0");
    district.sis(&[person("tea-1")]);
    agree(&district, 4, &["limit: 1 account would be archived", "The next run would end with 4 (blocked)."]);
}

#[test]
fn changes_alone_without_a_store() {
    let district = district();
    district.sis_delta(&[person("tea-1")]);
    agree(&district, 7, &["the roster holds only changes (delta)"]);
}

#[test]
fn a_store_that_is_lost() {
    let district = district();
    district.run().ok();
    fs::remove_file(district.path("rostersync.db")).unwrap();
    agree(&district, 7, &["the store is not there, but there was one"]);
}

#[test]
fn the_setting_without_mail_and_templates_that_are_wrong() {
    let mut both = district().update_contacts(true).without_mail();
    agree(&both, 2, &["there is no [notify.email]"]);
    both.set("notify.templates", "\"templates\"");
    both.file("templates/en/updated.txt", "{{ given");
    let check = both.cli(&["check"]).exits(2);
    // All of them are said, not only the first.
    let said = check.stdout + &check.stderr;
    assert!(
        said.contains("there is no [notify.email]") && said.contains("a template cannot be used"),
        "{said}"
    );
}

#[test]
fn secrets() {
    let mut district = district().update_contacts(true);
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.set("notify.email.starttls", "\"never\"");
    district.set("notify.email.user", "\"sync\"");
    district.set("notify.email.password_file", "\"pw\"");
    district.cli(&["check"]).exits(2).complains(&["the file with a secret cannot be read", "/pw"]);
    for (bits, words) in [(0o644, "chmod 600"), (0o660, "can be written by its group"), (0o622, "chmod")] {
        district.file("pw", "hunter2-hunter2");
        mode(&district, "pw", bits);
        let check = district.cli(&["check"]).exits(2);
        assert!(
            check.stderr.contains(words) && !check.stdout.contains("valid"),
            "{bits:o}: {}",
            check.stderr
        );
    }
    for bits in [0o400, 0o600] {
        mode(&district, "pw", bits);
        let check = district.cli(&["check"]).ok();
        assert!(!check.stdout.contains("secret-group"), "{bits:o}: {}", check.stdout);
    }
    for bits in [0o440, 0o640] {
        mode(&district, "pw", bits);
        let check = district.cli(&["check"]).ok();
        assert!(
            check.stdout.contains("warning[secret-group] the group may read this secret"),
            "{}",
            check.stdout
        );
        assert!(!check.stdout.contains("hunter2"));
    }
    // A link, as Kubernetes makes it.
    fs::rename(district.path("pw"), district.path("data")).unwrap();
    std::os::unix::fs::symlink("data", district.path("pw")).unwrap();
    district.cli(&["check"]).ok();
    district.file("data", "\n");
    district.cli(&["check"]).exits(2).complains(&["a secret is empty"]);
}

#[test]
fn folders_that_other_users_may_write_and_files_in_the_way() {
    let mut district = district();
    district.run().ok();
    mode(&district, "", 0o777);
    let check = district.cli(&["check"]).ok();
    assert!(check.stdout.contains("rostersync.db: warning[store-folder-open]"), "{}", check.stdout);
    let verified = district.cli(&["status", "--verify"]).ok();
    assert!(verified.stderr.contains("other users may write to the folder"), "{}", verified.stderr);
    mode(&district, "", 0o700);
    district.file("in-the-way", "a file");
    for (key, words) in [
        ("sync.reports", "the folder of the reports cannot be written"),
        ("sync.store", "the folder of the store cannot be written"),
    ] {
        let value = if key == "sync.store" { "\"in-the-way/store.db\"" } else { "\"in-the-way\"" };
        let mut wrong = self::district();
        wrong.file("in-the-way", "a file");
        wrong.set(key, value);
        let check = wrong.cli(&["check"]);
        assert!(check.code == 1 && check.stderr.contains(words), "{}", check.stderr);
    }
    district.set("notify.email.server", "\"file:in-the-way\"");
    district.cli(&["check"]).exits(1).complains(&["the mail folder cannot be written", "in-the-way"]);
}

#[test]
fn a_source_over_the_network_is_not_tried() {
    let mut district = District::new();
    district.settings_without("source", "path");
    district.set("source.type", "\"oneroster-api\"");
    district.set("source.url", "\"http://127.0.0.1:1/ims/oneroster/v1p1\"");
    district.set("source.auth.type", "\"bearer\"");
    district.set("source.auth.token_file", "\"token\"");
    district.cli(&["check"]).exits(2).complains(&["the file with a secret cannot be read", "/token"]);
    district.file("token", "s3cret-s3cret");
    let check = district.cli(&["check"]).ok();
    assert!(check.stdout.contains("The source was not tried"), "{}", check.stdout);
    assert!(!check.stdout.contains("valid"), "{}", check.stdout);
    assert_eq!(district.cli(&["check", "--format", "json"]).ok().json()["source"], "not tried");
    // What lies here is looked at all the same.
    district.set("platform.users", "\"nowhere.csv\"");
    district.cli(&["check"]).exits(7).complains(&["nowhere.csv"]);
}
