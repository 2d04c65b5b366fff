//! `users settle`: differences from the SIS that a person has looked at, and `report --new`.

use crate::support::{District, Done, person};

const EMAIL: &str = "Active user has a new email in the SIS import - rosa@home.example";
const PHONE: &str = "Active user has a new phone number in the SIS import - +17185550142";

fn theirs() -> crate::support::Person {
    person("gua-1").email("rosa@home.example").mobile("+17185550142")
}

/// A guardian under OFF whose email and mobile differ from the SIS.
fn district() -> District {
    let mut district = District::new().without_limits();
    let staff = [person("tea-1"), person("tea-2").schools("sch-9"), person("gua-2")];
    district.platform(&[&[theirs()], &staff[..]].concat());
    sis(&district, theirs().email("rosa@work.example").mobile("+17185550199"));
    district.run().ok().says("gua-1", "created", &format!("{EMAIL}; {PHONE}"));
    district
}

fn sis(district: &District, guardian: crate::support::Person) {
    district.sis(&[guardian, person("tea-1"), person("tea-2").schools("sch-9"), person("gua-2")]);
}

fn settle(district: &District, arguments: &[&str]) -> Done {
    district.cli(&[&["users", "settle"], arguments].concat())
}

#[test]
fn a_difference_that_is_settled_is_noted_no_more_until_a_value_changes() {
    let district = district();
    let done = settle(&district, &["gua-1", "email", "--keep"]).ok();
    assert_eq!(
        done.stdout,
        "gua-1 keeps the email. The difference from the SIS is not noted any more, until one of the values changes\n"
    );
    let again = settle(&district, &["gua-1", "email", "--keep"]).ok();
    assert_eq!(again.stdout, "The difference of the email of gua-1 was settled already; nothing changed\n");
    // Another difference of the same person is noted as before, and a second night says the same.
    for _ in 0..2 {
        let preview = district.preview().ok();
        assert!(!preview.stdout.contains("rosa@home.example"), "{}", preview.stdout);
        assert!(preview.stdout.contains("= gua-1"), "the phone: {}", preview.stdout);
        let done = district.run().ok();
        done.says("gua-1", "kept", PHONE);
        assert_eq!(&done.report.row("gua-1")["codes"], "active-phone-differs settled");
        assert!(done.stdout.contains("1 difference is settled: `rostersync report --where codes=settled`"));
        assert_eq!((preview.checksum(), preview.plan()), (done.checksum(), done.plan()));
    }
    let row = district.cli(&["report", "--where", "codes=settled", "--columns", "sourced_id,email"]).ok();
    assert_eq!(row.stdout, "sourced_id  email\ngua-1       rosa@home.example\n");
    let list = district.cli(&["users", "list", "--settled", "--format", "json"]).ok().json();
    assert_eq!((list[0]["sourced_id"].as_str(), list[0]["settled"].as_str()), (Some("gua-1"), Some("email")));
    assert_eq!(list.as_array().unwrap().len(), 1);
    assert!(district.cli(&["users", "show", "gua-1"]).ok().stdout.contains("2026-11-23, settled"));
    let explained = district.cli(&["explain", "gua-1", "--json"]).ok().json();
    assert_eq!(explained["fields"]["email"]["rule"], "settled");
    let history = district.cli(&["users", "history", "gua-1", "--json"]).ok().json();
    let entry = history.as_array().unwrap().last().unwrap().clone();
    assert_eq!(
        (&entry["field"], &entry["old"], &entry["new"]),
        (&"settled".into(), &"email".into(), &"keep".into())
    );
    assert_eq!(entry["origin"], "operator");
    // The registrar is told of it all the same.
    let corrections = district.cli(&["report", "--sis-corrections"]).ok().stdout;
    assert!(corrections.contains("rosa@home.example"), "{corrections}");
    // Another format is no change, and neither is a night on which the column is missing.
    sis(&district, theirs().email("Rosa@WORK.example").mobile("718-555-0199"));
    district.run().ok().says("gua-1", "kept", PHONE);
    district.sis_without(
        &["email"],
        &[
            theirs().mobile("+17185550199"),
            person("tea-1"),
            person("tea-2").schools("sch-9"),
            person("gua-2"),
        ],
    );
    district.run_with(&["--decide-all"]).any();
    sis(&district, theirs().email("rosa@work.example").mobile("+17185550199"));
    district.run().ok().says("gua-1", "kept", PHONE);
    // The SIS has another value, and then the old one again: the note is back.
    sis(&district, theirs().email("rosa@new.example").mobile("+17185550199"));
    district.run().ok().says("gua-1", "kept", &format!("{EMAIL}; {PHONE}"));
    sis(&district, theirs().email("rosa@work.example").mobile("+17185550199"));
    let done = district.run().ok();
    done.says("gua-1", "kept", &format!("{EMAIL}; {PHONE}"));
    assert!(!done.stdout.contains("settled"), "{}", done.stdout);
    assert_eq!(district.cli(&["users", "list", "--settled"]).ok().stdout, "");
    // So is it when the person changes the actual value.
    settle(&district, &["gua-1", "email", "--keep"]).ok();
    district.run().ok().says("gua-1", "kept", PHONE);
    district.cli(&["users", "edit", "gua-1", "--as", "gua-1", "--email", "rosa@other.example"]).ok();
    assert_eq!(district.cli(&["users", "list", "--settled"]).ok().stdout, "");
    let note = EMAIL.replace("rosa@home.example", "rosa@other.example");
    district.run().ok().says("gua-1", "kept", &format!("{note}; {PHONE}"));
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn the_value_of_the_sis_is_taken_once() {
    let district = district();
    let before = district.mails().len();
    let done = settle(&district, &["gua-1", "email", "--take"]).ok();
    assert_eq!(
        done.stdout,
        "Email: rosa@home.example → rosa@work.example\ngua-1 was changed, and 2 messages tell of it\n"
    );
    let told: Vec<String> = district.mails()[before..].iter().map(|mail| mail.to.clone()).collect();
    assert_eq!(told, ["rosa@work.example", "rosa@home.example"]);
    assert!(district.mails()[before].body.contains("were changed by staff of your school"));
    // The export still shows the old value, and waits.
    let done = district.run().ok();
    done.says("gua-1", "kept", PHONE);
    assert!(!done.stdout.contains("settled"), "{}", done.stdout);
    let history = district.cli(&["users", "history", "gua-1", "--json"]).ok().json();
    let last: Vec<_> =
        history.as_array().unwrap().iter().rev().take(2).map(|one| one["field"].clone()).collect();
    assert_eq!(last, ["settled", "email"]);
    // Once: when the SIS has another value, that is a difference again.
    sis(&district, theirs().email("rosa@new.example").mobile("+17185550199"));
    let note = EMAIL.replace("rosa@home.example", "rosa@work.example");
    district.run().ok().says("gua-1", "kept", &format!("{note}; {PHONE}"));
    district.cli(&["status", "--verify"]).ok();
}

/// Staff need the permission for it, and the person may.
#[test]
fn on_behalf_of_a_person() {
    let district = district();
    district.cli(&["users", "grant", "tea-1", "users-manager", "--school", "sch-1"]).ok();
    district.cli(&["users", "grant", "tea-2", "users-manager", "--school", "sch-9"]).ok();
    for (actor, code) in [("gua-2", "not-permitted"), ("tea-2", "other-school"), ("nobody", "unknown-actor")]
    {
        let arguments = ["gua-1", "email", "--keep", "--as", actor];
        let said = settle(&district, &[&arguments[..], &["--json"]].concat()).exits(4).json();
        assert_eq!((&said["result"], &said["code"]), (&"refused".into(), &code.into()));
        settle(&district, &arguments).exits(4).complains(&[code]);
    }
    assert!(district.cli(&["users", "history", "gua-1"]).ok().stdout.contains("settle refused"));
    let said = settle(&district, &["gua-1", "email", "--keep", "--as", "tea-1", "--json"]).ok().json();
    assert_eq!(
        (&said["result"], &said["field"], &said["messages"]),
        (&"kept".into(), &"email".into(), &0.into())
    );
    let said = settle(&district, &["gua-1", "phone", "--take", "--as", "gua-1", "--json"]).ok().json();
    assert_eq!((&said["result"], &said["messages"]), (&"taken".into(), &1.into()));
    assert!(district.mails().last().unwrap().body.contains("were changed from your account"));
    let history = district.cli(&["users", "history", "gua-1", "--json"]).ok().json();
    let phone = history.as_array().unwrap().iter().find(|one| one["field"] == "phone").unwrap();
    assert_eq!((&phone["origin"], &phone["actor"]), (&"person".into(), &"gua-1".into()));
    district.run().ok().says("gua-1", "kept", "");
}

#[test]
fn where_there_is_nothing_to_settle() {
    let mut district = district();
    let done = settle(&district, &["gua-1", "name", "--keep"]).ok();
    assert_eq!(done.stdout, "The name of gua-1 does not differ from the SIS; nothing changed\n");
    // A blank cell is a difference too: it can be kept, and takes nothing away.
    sis(&district, theirs().mobile(""));
    let blank = "SIS import has no phone number - kept +17185550142";
    district.run().ok().says("gua-1", "unchanged", blank);
    let done = settle(&district, &["gua-1", "phone", "--take"]).ok();
    assert_eq!(
        done.stdout,
        "The SIS import has no phone number for gua-1, and a blank cell takes nothing away here; nothing changed\n"
    );
    settle(&district, &["gua-1", "phone", "--keep"]).ok();
    district.run().ok().says("gua-1", "unchanged", "");
    district.set("sync.blank_values", "\"clear\"");
    district.run().ok().says("gua-1", "kept", "");
    let done = settle(&district, &["gua-1", "phone", "--take"]).ok();
    assert!(done.stdout.starts_with("Phone number: +17185550142 → none\n"), "{}", done.stdout);
    district.run().ok().says("gua-1", "unchanged", "");
    // Under ON, and of a user that has not joined, the sync applies the value anyway.
    let reason =
        "so the sync applies the value of the SIS; nothing was changed; correct the value in the SIS";
    district.set("sync.update_contacts", "true");
    settle(&district, &["gua-1", "email", "--keep"]).exits(4).complains(&[
        "there is nothing to settle: the setting is ON for this user, so the sync applies the value of the SIS",
        "code managed-by-sync",
    ]);
    district.set("sync.update_contacts", "false");
    district.sis(&[person("stu-1"), theirs(), person("tea-1")]);
    district.run().any();
    let refused = settle(&district, &["stu-1", "email", "--keep"]).exits(4);
    assert!(refused.stderr.contains("this user has not joined"), "{}{reason}", refused.stderr);
    settle(&district, &["gua-2", "email", "--keep"]).exits(4).complains(&["code archived"]);
    settle(&district, &["gua-1", "email"]).exits(2).complains(&["--keep|--take"]);
    settle(&district, &["gua-1", "fax", "--keep"]).exits(2).complains(&["home_phone"]);
    settle(&district, &["nobody", "email", "--keep"]).exits(2).complains(&["there is no account"]);
}

/// When the setting becomes ON, the sync applies the value: a settled difference protects nothing.
#[test]
fn the_setting_goes_before_a_settled_difference() {
    let mut district = district();
    settle(&district, &["gua-1", "email", "--keep"]).ok();
    district.run().ok();
    district.set("sync.update_contacts", "true");
    let preview = district.preview().exits(4);
    assert!(preview.stdout.contains("rosa@home.example → rosa@work.example"), "{}", preview.stdout);
    district.step_to_on(&[]).ok();
    district.set("sync.update_contacts", "false");
    district.run().ok().says("gua-1", "unchanged", "");
}

/// By user and note. The run before is the last one that was applied, whatever was tried since.
#[test]
fn a_report_of_what_is_new() {
    let mut district = District::new().without_limits();
    let people = |emails: &[&str]| -> Vec<crate::support::Person> {
        emails.iter().zip(1..).map(|(email, at)| person(&format!("stu-{at}")).email(email)).collect()
    };
    district.platform(&people(&["a1@home.example", "a2@home.example", "a3@home.example"]));
    district.sis(&people(&["b1@work.example", "a2@home.example", "a3@home.example"]));
    district.run().ok();
    let new = |arguments: &[&str]| {
        let columns = ["--columns", "sourced_id,notes", "--format", "csv"];
        district_report(&district, &[&["--new"], arguments, &columns[..]].concat())
    };
    let differs =
        |at: u8| format!("stu-{at},Active user has a new email in the SIS import - a{at}@home.example");
    assert_eq!(new(&[]), ["sourced_id,notes".to_owned(), differs(1)], "of the first run all");
    district.sis(&people(&["b1@work.example", "b2@work.example", "not an address"]));
    district.run().ok();
    let invalid = "stu-3,SIS import has an invalid email - not an address".to_owned();
    assert_eq!(new(&[]), ["sourced_id,notes".to_owned(), differs(2), invalid.clone()]);
    assert_eq!(
        new(&["--sort", "notes", "--reverse"]),
        ["sourced_id,notes".to_owned(), invalid.clone(), differs(2)]
    );
    assert_eq!(
        new(&["--where", "codes=sis-email-invalid"]),
        ["sourced_id,notes".to_owned(), invalid.clone()]
    );
    assert_eq!(new(&["1"]).len(), 2, "of an earlier run");
    // A user with an old note and a new one: the new one is shown. A blocked run is none to compare with.
    let moved = [
        person("stu-1").email("b1@work.example").enabled("false"),
        person("stu-2").email("b2@work.example"),
        person("stu-3").email("not an address"),
    ];
    district.sis(&moved);
    district.sis(&moved[..2]);
    let config = district.config();
    district.file("tight.toml", config.replace("archive = 100000", "archive = 0"));
    district.cli(&["-c", "tight.toml", "run"]).exits(4).any();
    let blocked = new(&[]);
    let disabled = "stu-1,User is disabled in the SIS import".to_owned();
    let archived = "stu-3,User is no longer in the SIS import - archived".to_owned();
    assert_eq!(blocked, ["sourced_id,notes".to_owned(), disabled.clone(), archived]);
    district.sis(&moved);
    district.run().ok();
    assert_eq!(new(&[]), ["sourced_id,notes".to_owned(), disabled]);
    district.run().ok();
    assert_eq!(new(&[]), ["sourced_id,notes"]);
    // A difference that somebody has looked at.
    district.cli(&["users", "settle", "stu-1", "email", "--keep"]).ok();
    district.run().ok();
    assert_eq!(new(&[]), ["sourced_id,notes"]);
    district.cli(&["report", "reports/users-000002.csv", "--new"]).exits(2).complains(&[
        "`--new` compares a run with the run before, and there is no run before a file",
        "at: reports/users-000002.csv",
        "name the run by its number",
    ]);
    std::fs::remove_file(district.path("reports/users-000001.csv")).unwrap();
    district.cli(&["report", "2", "--new"]).exits(7).complains(&["the report of run 1 is no longer there"]);
}

fn district_report(district: &District, arguments: &[&str]) -> Vec<String> {
    let done = district.cli(&[&["report"], arguments].concat()).ok();
    done.stdout.lines().map(str::to_owned).collect()
}
