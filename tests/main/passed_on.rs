//! Addresses that go from one user to another: the messages to old addresses, the holder under
//! `unique`, and what an undo says of the users that were told.

use crate::support::{District, Person, person};

fn joined(people: &[Person]) -> District {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(people);
    district.sis(people);
    district.run().ok();
    district
}

fn told(district: &District) -> Vec<String> {
    let mut told: Vec<String> =
        district.mails().into_iter().map(|mail| format!("{} {}", mail.to, mail.subject)).collect();
    told.sort();
    told
}

const UPDATED: &str = "Lincoln District: Your contact details were updated";
const FORMER: &str = "Lincoln District: An email address was changed";

/// Ann has left, Adam has her address since; then Ann is back with another one.
#[test]
fn an_old_address_that_another_person_has_is_not_written_to() {
    let (ann, adam) = (person("tea-1").email("asmith@a.example"), person("tea-9").email("asmith@a.example"));
    let mut district = joined(std::slice::from_ref(&ann));
    district.sis(&[person("tea-2")]);
    district.run().ok();
    district.sis(&[person("tea-2"), adam.clone()]);
    district.run().ok();
    district.platform(&[adam.clone(), ann]);
    district.run().ok();
    district.sis(&[person("tea-1").email("ann.smith@a.example"), person("tea-2"), adam]);
    let done = district.run().ok();
    done.says(
        "tea-1",
        "restored",
        "Email updated by the sync - was asmith@a.example; User is back in the SIS import - restored",
    );
    assert_eq!(told(&district), [format!("ann.smith@a.example {UPDATED}")]);
    assert!(
        done.stdout.contains("1 message to an old address is not sent: another person has that address now"),
        "{}",
        done.stdout
    );
    assert!(done.plan().ends_with("; 1 notification (1 email, 0 SMS)"), "{}", done.plan());
}

/// The same night: it goes from a user that marries to a new user.
#[test]
fn an_old_address_that_a_new_user_gets_the_same_night_is_not_written_to() {
    let district = joined(&[person("tea-1").email("asmith@a.example")]);
    district.sis(&[person("tea-1").email("ajones@a.example"), person("tea-9").email("ASmith@a.example")]);
    let preview = district.preview().ok();
    let done = district.run().ok();
    assert_eq!(preview.checksum(), done.checksum());
    assert_eq!(told(&district), [format!("ajones@a.example {UPDATED}")]);
}

/// Two users that swap are each told of their own change, at both addresses, which both of them
/// know.
#[test]
fn addresses_that_go_round_among_people_are_all_written_to() {
    let district = joined(&[person("tea-1").email("a@a.example"), person("tea-2").email("b@a.example")]);
    district.sis(&[person("tea-1").email("b@a.example"), person("tea-2").email("a@a.example")]);
    assert!(district.run().ok().plan().ends_with("; 4 notifications (4 email, 0 SMS)"));
    assert_eq!(
        told(&district),
        ["a@a.example", "b@a.example"]
            .iter()
            .flat_map(|to| [format!("{to} {FORMER}"), format!("{to} {UPDATED}")])
            .collect::<Vec<_>>()
    );
}

/// A family's mailbox that the mother keeps gets no message about the child with a new address. If
/// all leave it, it gets one.
#[test]
fn a_shared_address_is_written_to_when_no_user_has_it_any_more() {
    let family = |id: &str| person(id).email("family@a.example");
    let mut district = joined(&[family("stu-1"), family("gua-1")]);
    district.sis(&[person("stu-1").email("kim@a.example"), family("gua-1")]);
    district.run().ok();
    assert_eq!(told(&district), [format!("kim@a.example {UPDATED}")]);
    district.sis(&[person("stu-1").email("kim@a.example"), person("gua-1").email("mum@a.example")]);
    district.at("2026-11-24T08:15:00Z");
    district.run().ok();
    assert!(told(&district).contains(&format!("family@a.example {FORMER}")), "{:?}", told(&district));
}

/// Mobiles likewise.
#[test]
fn an_old_number_that_another_person_has_is_not_texted() {
    let server = crate::http_server::HttpServer::start(|_| crate::http_server::Reply::Is(200, "{}".into()));
    let texted = |id: &str, n: u32| person(id).email("").mobile(&format!("+171855501{n:02}"));
    let mut district = District::new().update_contacts(true).without_limits();
    for (key, value) in [
        ("provider", "\"http\""),
        ("url", &server.url("/send")),
        ("quiet_hours", "\"none\""),
        ("per_minute", "0"),
        ("fields", "{ to = \"{to}\", text = \"{body}\" }"),
    ] {
        district.set(&format!("notify.sms.{key}"), value);
    }
    district.platform(&[texted("tea-1", 1), texted("tea-2", 1)]);
    district.sis(&[texted("tea-1", 1), texted("tea-2", 1)]);
    district.run().ok();
    district.sis(&[texted("tea-1", 5), texted("tea-2", 1)]);
    let done = district.run().ok();
    assert!(done.plan().ends_with("; 1 notification (0 email, 1 SMS)"), "{}", done.plan());
    assert_eq!(server.requests().len(), 1);
}

/// It waited in the outbox when another user got the address.
#[test]
fn a_waiting_message_is_not_sent_to_the_new_holder_of_the_address() {
    let mut district = joined(&[person("tea-1").email("asmith@a.example")]);
    district.set("notify.email.quiet_hours", "\"00:00-06:00\"");
    district.sis(&[person("tea-1").email("ajones@a.example")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("ajones@a.example"), person("tea-9").email("asmith@a.example")]);
    district.run().ok();
    district.unset("notify.email.quiet_hours");
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(told(&district), [format!("ajones@a.example {UPDATED}")]);
    assert_eq!(
        district.ask("SELECT state || ' ' || reason FROM outbox WHERE audience = 'former'"),
        "discarded out of date"
    );
}

/// By hand: an edit.
#[test]
fn an_edit_writes_to_no_old_address_that_another_person_has() {
    let mut district = District::new().update_contacts(false).without_limits();
    let people = [person("tea-1").email("both@a.example"), person("tea-2").email("both@a.example")];
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    district.cli(&["users", "edit", "tea-1", "--as", "tea-1", "--email", "own@a.example"]).ok();
    assert_eq!(told(&district), ["own@a.example Lincoln District: Your contact details were changed"]);
    district.cli(&["users", "edit", "tea-2", "--as", "tea-2", "--email", "other@a.example"]).ok();
    assert!(told(&district).contains(&format!("both@a.example {FORMER}")), "{:?}", told(&district));
}

fn unique() -> District {
    District::new().without_limits().with("sync.shared_contacts", "\"unique\"")
}

/// Both new, or the teacher known without an email: the guardian is not added without the address,
/// so the teacher has it.
#[test]
fn a_teacher_does_not_lose_an_address_to_a_guardian_that_is_not_added() {
    let teacher = person("tea-1").email("both@mail.example");
    let guardian = person("gua-1").email("both@mail.example").mobile("");
    let taken = "Email is already used by tea-1 - not updated; Guardian has no email or phone number in the SIS import - not added";
    for earlier in [
        None,
        Some(person("tea-1").email("")),
        Some(teacher.clone()),
        Some(person("tea-1").email("old@mail.example")),
    ] {
        let district = unique();
        if let Some(earlier) = &earlier {
            district.sis(std::slice::from_ref(earlier));
            district.run().ok();
        }
        district.sis(&[teacher.clone(), guardian.clone()]);
        for _ in 0..2 {
            let done = district.run().ok();
            assert_eq!(&done.report.row("tea-1")["email"], "both@mail.example", "{earlier:?}");
            assert!(!done.report.row("tea-1")["notes"].contains("already used"));
            done.says("gua-1", "skipped", taken);
        }
    }
}

/// One with a mobile is added anyway, and then it is one of several new claimants; a holder still
/// keeps its value.
#[test]
fn neither_a_new_teacher_nor_an_added_guardian_gets_an_address_that_its_holder_keeps() {
    let teacher = person("tea-1").email("both@mail.example");
    let guardian = person("gua-1").email("both@mail.example").mobile("718-555-0101");
    let district = unique();
    district.sis(&[teacher.clone(), guardian.clone()]);
    let done = district.run().ok();
    assert_eq!(done.report.column("email"), ["", ""]);
    let district = unique();
    district.sis(std::slice::from_ref(&teacher));
    district.run().ok();
    district.sis(&[teacher, guardian]);
    let done = district.run().ok();
    assert_eq!(done.report.column("email"), ["both@mail.example", ""]);
}

/// The column had slipped by one row, and all users were told so.
#[test]
fn an_undo_says_how_many_were_told_of_what_it_takes_back() {
    let people = |shift: usize| -> Vec<Person> {
        (0..4)
            .map(|n| person(&format!("tea-{n}")).email(&format!("a{}@a.example", (n + shift) % 4)))
            .collect()
    };
    let shifted = || {
        let district = joined(&people(0));
        district.sis(&people(1));
        district.run().ok();
        district.sis(&people(0));
        district
    };
    let district = shifted();
    let preview = district.cli(&["undo", "2", "--dry-run"]).ok().stdout;
    assert!(
        preview.contains("4 people were told of run 2 and would not be told of this; --notify tells them"),
        "{preview}"
    );
    let done = district.cli(&["undo", "2"]).ok().stdout;
    assert!(done.contains("4 people were told of run 2 and are not told of this"), "{done}");
    assert!(done.contains("; 0 notifications"), "{done}");
    let district = shifted();
    let done = district.cli(&["undo", "2", "--notify"]).ok();
    assert!(
        !done.stdout.contains("are not told") && done.stdout.contains("; 8 notifications"),
        "{}",
        done.stdout
    );
    // A user that was not told yet is not among them, and the waiting message is not sent any more.
    let mut district = joined(&people(0));
    district.set("notify.email.quiet_hours", "\"00:00-06:00\"");
    district.sis(&people(1));
    district.run().ok();
    let done = district.cli(&["undo", "2"]).ok();
    assert!(!done.stdout.contains("not told of this"), "{}", done.stdout);
    assert!(
        done.stdout.contains("4 messages that still wait and tell of what is taken back are not sent"),
        "{}",
        done.stdout
    );
    assert_eq!(district.ask("SELECT DISTINCT state FROM outbox WHERE audience = 'current'"), "discarded");
}
