//! Notifications: only for active users under ON, once a run, in words that reveal no personal
//! data.

use crate::support::{District, Mail, Person, person};

/// Active people under ON, then the SIS says something else of them.
fn night(before: &[Person], after: &[Person]) -> (District, Vec<(String, String)>) {
    let mut district =
        District::new().update_contacts(true).without_limits().with("sync.blank_values", "\"clear\"");
    district.platform(before);
    district.sis(before);
    district.run().ok();
    assert_eq!(district.mails(), []);
    district.sis(after);
    let done = district.run().ok();
    let told: Vec<(String, String)> =
        district.mails().into_iter().map(|mail| (mail.to, mail.subject)).collect();
    let noun = if told.len() == 1 { "notification" } else { "notifications" };
    let counted = format!("; {0} {noun} ({0} email, 0 SMS)", told.len());
    assert!(done.plan().ends_with(&counted), "{}", done.plan());
    (district, told)
}

const TOLD: &str = "Lincoln District: Your contact details were updated";
const FORMER: &str = "Lincoln District: An email address was changed";

fn told(to: &str, subject: &str) -> (String, String) {
    (to.to_owned(), subject.to_owned())
}

#[test]
fn a_new_email_is_told_to_the_new_address_and_the_old_one() {
    let before = [person("tea-1").email("old@mail.example").mobile("718-555-0101")];
    let after = [person("tea-1").given("Rosita").email("new@mail.example").mobile("718-555-0102")];
    let (district, to) = night(&before, &after);
    assert_eq!(to, [told("new@mail.example", TOLD), told("old@mail.example", FORMER)]);
    let [current, former]: [Mail; 2] = district.mails().try_into().unwrap();
    // All the changes in one message.
    for part in [
        "Rosita",
        "new@mail.example",
        "(718) 555-0102",
        "November 23, 2026",
        "school's records",
        "the school office, 555-0100",
    ] {
        assert!(current.body.contains(part), "`{part}` in {}", current.body);
    }
    for secret in ["new@mail.example", "Rosita", "Diaz", "0102"] {
        assert!(!former.body.contains(secret), "`{secret}` in {}", former.body);
    }
    for part in ["email address", "November 23, 2026", "school's records", "the school office, 555-0100"] {
        assert!(former.body.contains(part), "`{part}` in {}", former.body);
    }
}

#[test]
fn a_new_mobile_or_name_is_told_by_email() {
    let before = [
        person("tea-1").email("a@mail.example").mobile("718-555-0101"),
        person("tea-2").email("b@mail.example"),
    ];
    let after = [
        person("tea-1").email("a@mail.example").mobile("718-555-0109"),
        person("tea-2").family("Lund").email("b@mail.example"),
    ];
    let (_, to) = night(&before, &after);
    assert_eq!(to, [told("a@mail.example", TOLD), told("b@mail.example", TOLD)]);
}

#[test]
fn a_first_email_is_told_to_the_new_address_only() {
    let before = [person("tea-1").email("").mobile("718-555-0101")];
    let after = [person("tea-1").email("new@mail.example").mobile("718-555-0101")];
    assert_eq!(night(&before, &after).1, [told("new@mail.example", TOLD)]);
}

#[test]
fn a_cleared_email_is_told_to_the_old_address_and_the_unreachable_are_counted() {
    let before = [person("tea-1").email("old@mail.example").mobile("718-555-0101")];
    let after = [person("tea-1").email("").mobile("718-555-0101")];
    let (district, to) = night(&before, &after);
    assert_eq!(to, [told("old@mail.example", FORMER)]);
    let runs = district.cli(&["runs", "--json"]).ok().json();
    assert_eq!(runs[0]["summary"]["cannot_be_told"], 1);
}

#[test]
fn who_has_only_a_mobile_cannot_be_told_by_this_version() {
    let mut district = District::new().update_contacts(true).without_limits();
    let before = [person("tea-1").email("").mobile("718-555-0101")];
    district.platform(&before);
    district.sis(&before);
    district.run().ok();
    district.sis(&[person("tea-1").email("").mobile("718-555-0102")]);
    let done = district.run().ok();
    done.says("tea-1", "updated", "Phone number updated by the sync - was +17185550101");
    assert_eq!(&done.report.row("tea-1")["codes"], "phone-updated not-notifiable");
    assert!(done.stdout.contains("1 person cannot be told"), "{}", done.stdout);
    assert_eq!(district.mails(), []);
}

#[test]
fn an_old_address_that_is_ignored_or_invalid_is_not_written_to() {
    let mut district =
        District::new().update_contacts(true).without_limits().with("sync.ignore_emails", "[\"noemail@*\"]");
    let before = [person("tea-1").email("noemail@x.example"), person("tea-2").email("rosa(at)x.example")];
    district.platform(&before);
    district.sis(&[person("tea-1").email("a@mail.example"), person("tea-2").email("b@mail.example")]);
    let done = district.run().ok();
    done.says("tea-1", "created", "Email updated by the sync - was noemail@x.example");
    let to: Vec<String> = district.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["a@mail.example", "b@mail.example"]);
}

#[test]
fn no_other_user_is_told() {
    // Pending, under OFF, archived: none of them.
    let mut district = District::new().school("sch-on", true).without_limits();
    let people = |email: &str| {
        [
            person("tea-1").schools("sch-on").email(&format!("1-{email}")),
            person("tea-2").schools("sch-off").email(&format!("2-{email}")),
        ]
    };
    let leaves = person("tea-3").schools("sch-on");
    let disabled = |email: &str| person("tea-4").schools("sch-on").enabled("false").email(email);
    district.platform(&[people("a@mail.example")[1].clone(), leaves.clone(), disabled("4-a@mail.example")]);
    let mut all = people("a@mail.example").to_vec();
    all.extend([leaves, disabled("4-a@mail.example")]);
    district.sis(&all);
    district.run().ok();
    let mut all = people("b@mail.example").to_vec();
    all.push(disabled("4-b@mail.example"));
    district.sis(&all);
    let done = district.run().ok();
    assert_eq!(done.report.column("action"), ["updated", "kept", "updated", "archived"]);
    // Disabled people are told like others.
    let to: Vec<String> = district.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["4-b@mail.example", "4-a@mail.example"]);
}

#[test]
fn no_notify_applies_without_messages_and_is_on_record() {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("new@mail.example")]);
    let done = district.run_with(&["--no-notify"]).ok();
    done.says("tea-1", "updated", "Email updated by the sync - was tea-1@school.example");
    assert!(done.plan().ends_with("; 0 notifications (0 email, 0 SMS)"), "{}", done.plan());
    assert_eq!(district.mails(), []);
    assert_eq!(district.ask("SELECT count(*) FROM outbox"), "0");
    assert_eq!(district.ask("SELECT notify FROM run ORDER BY id"), "1\n0");
    // Nor is anything made up for later.
    district.run().ok();
    assert_eq!(district.mails(), []);
}

#[test]
fn what_cannot_be_handed_over_stays_queued_and_goes_out_next_time() {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    // A file where the folder should be.
    district.file("mail", "in the way");
    district.sis(&[person("tea-1").email("new@mail.example")]);
    let done = district.run().exits(8);
    assert!(
        done.stdout.contains("2 notifications could not be handed over and stay queued"),
        "{}",
        done.stdout
    );
    assert_eq!(district.ask("SELECT email FROM account"), "new@mail.example");
    let status = district.cli(&["status", "--json"]).exits(8).json();
    assert_eq!(status["notifications_waiting"], 2);
    std::fs::remove_file(district.path("mail")).unwrap();
    district.run().ok();
    let to: Vec<String> = district.mails().into_iter().map(|mail| mail.to).collect();
    assert_eq!(to, ["new@mail.example", "tea-1@school.example"]);
    assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), "sent");
}

#[test]
fn messages_are_readable_by_their_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let before = [person("tea-1").email("old@mail.example")];
    let (district, _) = night(&before, &[person("tea-1").email("new@mail.example")]);
    for mail in district.mails() {
        let mode = district.path("mail").join(&mail.file).metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }
}
