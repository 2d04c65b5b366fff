//! Messages: recipients, languages, templates, previews, samples; and the summary of a run for
//! administrators.

use crate::http_server::{HttpServer, Reply};
use crate::mail_server::{At, Does, MailServer};
use crate::support::{COLUMNS, District, Person, person, users_csv};

fn joined(before: &[Person]) -> District {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(before);
    district.sis(before);
    district.run().ok();
    district
}

#[test]
fn a_language_comes_from_the_roster_or_from_the_platform_and_the_platform_goes_first() {
    let mut district = District::new()
        .update_contacts(true)
        .without_limits()
        .with("source.language_field", "\"metadata.language\"")
        .with("notify.contacts", "{ es = \"la oficina, 555-0100\" }")
        .with("notify.language", "\"es\"");
    let speaks = |id: &str, language: &str| person(id).with("metadata.language", language);
    let columns = [&COLUMNS[..], &["metadata.language"]].concat();
    let people = [
        speaks("tea-1", "en-US"),
        speaks("tea-2", "Spanish"),
        speaks("tea-3", ""),
        speaks("tea-4", "English"),
    ];
    district.platform_file(
        "sourced_id,given_name,family_name,email,language\ntea-1,Rosa,Diaz,tea-1@school.example,\n\
         tea-2,Rosa,Diaz,tea-2@school.example,en\ntea-3,Rosa,Diaz,tea-3@school.example,hmn\n\
         tea-4,Rosa,Diaz,tea-4@school.example,spa\n",
    );
    district.file("sis/users.csv", users_csv(&columns, &people));
    district.run().ok();
    let renamed: Vec<Person> = people.iter().cloned().map(|person| person.family("Lund")).collect();
    district.file("sis/users.csv", users_csv(&columns, &renamed));
    district.run().ok();
    let subjects: Vec<String> = district.mails().into_iter().map(|mail| mail.subject).collect();
    let (english, spanish) = (
        "Lincoln District: Your contact details were updated",
        "Lincoln District: Se actualizaron sus datos de contacto",
    );
    assert_eq!(subjects, [english, english, spanish, spanish]);
    let mails = district.mails();
    assert!(mails[0].body.contains("please contact the school office, 555-0100"), "{}", mails[0].body);
    assert!(mails[2].body.contains("comuníquese con la oficina, 555-0100"), "{}", mails[2].body);
    district.set("notify.contacts", "{ hmn = \"x\" }");
    district.run().exits(2).complains(&["the language `hmn`, which has no templates", "ar, en, es, fr"]);
}

#[test]
fn a_districts_own_words_are_tried_out_before_anything_is_changed() {
    let mut district = joined(&[person("tea-1")]);
    district.set("notify.templates", "\"words\"");
    district.file("words/en/updated.subject.txt", "{{ given }}, news from Lincoln");
    district.sis(&[person("tea-1").family("Lund")]);
    district.file("words/en/updated.txt", "Dear {{ name }}");
    let done = district.run().exits(2);
    done.complains(&["a template cannot be used", "words/en/updated.txt:1", "docs/notifications.md"]);
    assert_eq!(district.ask("SELECT family_name FROM account"), "Diaz");
    // One that fails with what is real, and not when it is tried out.
    district.file("words/en/updated.txt", "{% if changes[0].new == 'Rosa Lund' %}{{ nope }}{% endif %}x");
    let done = district.run().exits(2);
    assert!(done.stderr.contains("en/updated.txt"), "{}", done.stderr);
    assert_eq!(district.ask("SELECT family_name FROM account"), "Diaz");
    // A folder of an editor or of git is no language, and every template says what has changed.
    district.file("words/.git/HEAD", "x");
    district.file("words/en/updated.txt", "\u{feff}Dear {{ given }}: {{ changes[0].new }}");
    district.run().ok();
    let mail = &district.mails()[0];
    assert_eq!(
        (mail.subject.as_str(), mail.body.as_str()),
        ("Rosa, news from Lincoln", "Dear Rosa: Rosa Lund")
    );
}

#[test]
fn a_preview_shows_what_a_run_would_send_and_sends_nothing() {
    let district = joined(&[person("tea-1").email("old@mail.example"), person("tea-2")]);
    district.sis(&[person("tea-1").email("new@mail.example"), person("tea-2").family("Lund")]);
    district.write_config();
    let before = district.everything();
    let one = district.cli(&["notify", "preview", "tea-1"]).ok();
    assert!(
        one.stdout
            .contains("tea-1: email to new@mail.example (current)\nSubject: Lincoln District: Your contact"),
        "{}",
        one.stdout
    );
    assert!(one.stdout.contains("tea-1: email to old@mail.example (former)"), "{}", one.stdout);
    assert!(one.stdout.ends_with("2 messages\n") && !one.stdout.contains("tea-2"), "{}", one.stdout);
    assert_eq!(
        district.cli(&["notify", "preview", "tea-9"]).ok().stdout,
        "A run would send tea-9 no message.\n"
    );
    assert_eq!(district.everything(), before);
    let all = district.cli(&["notify", "preview", "--all", "-o", "shown"]).ok();
    assert_eq!(all.stdout, "3 messages are in shown\n");
    let shown = || -> Vec<String> {
        district.names().into_iter().filter(|name| name.starts_with("shown/")).collect()
    };
    assert_eq!(shown().len(), 6, "{:?}", shown());
    use std::os::unix::fs::PermissionsExt;
    let mode = |name: &str| district.path(name).metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!((mode("shown"), mode("shown/000001-tea-1-current-email.txt")), (0o700, 0o600));
    // Nothing of an earlier preview is left, and nothing else is touched.
    let one_file = district.cli(&["notify", "preview", "tea-2", "-o", "shown"]).ok();
    assert_eq!(one_file.stdout, "1 message is in shown\n");
    assert_eq!(shown(), ["shown/000001-tea-2-current-email.html", "shown/000001-tea-2-current-email.txt"]);
    let refused = district.cli(&["notify", "preview", "--all", "-o", "sis"]).exits(2);
    refused.complains(&["something else in the folder", "name a folder of its own"]);
    let off = district.cli(&["notify", "preview", "--all", "--update-contacts", "off"]).ok();
    assert_eq!(off.stdout, "A run would send no messages.\n");
    // And what was shown is what is sent.
    assert!(district.run().ok().plan().ends_with("; 3 notifications (3 email, 0 SMS)"));
    let sent = &district.mails()[0].body;
    assert!(one.stdout.contains(sent.trim_end()), "{sent}\n{}", one.stdout);
}

#[test]
fn a_sample_goes_through_the_real_channel() {
    let server = MailServer::start();
    let mut district = District::new().with("notify.email.server", &server.url());
    let done = district.cli(&["notify", "test", "--to", "it@lincoln.example", "--language", "es"]).ok();
    assert_eq!(done.stdout, "the mail server accepted the sample\n");
    assert_eq!(server.recipients(), ["it@lincoln.example"]);
    assert_eq!(server.arrived()[0].subject, "Test: Lincoln District: Se actualizaron sus datos de contacto");
    let refused =
        district.cli(&["notify", "test", "--to", "it@lincoln.example", "--language", "hmn"]).exits(2);
    refused.complains(&["no templates for the language `hmn`", "write one of: ar, en, es"]);
    server.when("", At::Recipient, Does::Says("550 5.1.1 who?"), 0);
    let refused = district.cli(&["notify", "test", "--to", "it@lincoln.example"]).exits(1);
    refused.complains(&["refuses the recipient: 550 5.1.1", "check the address"]);
    district.cli(&["notify", "test", "--to", "nobody"]).exits(2).complains(&["neither a mail address nor"]);
    district.cli(&["notify", "test", "--to", "+12175550142"]).exits(2).complains(&["[notify.sms]"]);
    let gateway = HttpServer::start(|_| Reply::Is(200, "{}".into()));
    district.set("notify.sms.provider", "\"http\"");
    district.set("notify.sms.url", &gateway.url("/"));
    district.set("notify.sms.fields", "{ to = \"{to}\", text = \"{body}\" }");
    let done = district.cli(&["notify", "test", "--to", "(217) 555-0142"]).ok();
    assert_eq!(done.stdout, "the gateway accepted the sample\n");
    assert!(gateway.requests()[0].body.contains("\"to\":\"+12175550142\""), "{}", gateway.requests()[0].body);
    assert!(!district.path("rostersync.db").exists(), "nothing of it is kept");
}

#[test]
fn administrators_get_the_summary_after_the_runs_that_they_want() {
    let before = [person("tea-1"), person("tea-2")];
    for (when, expected) in [("never", 0), ("problems", 1), ("changes", 2), ("always", 3)] {
        let server = MailServer::start();
        let mut district = joined(&before);
        district.set("notify.email.server", &server.url());
        district.set("notify.email.per_minute", "0");
        district.set("notify.admins.to", "[\"it@lincoln.example\"]");
        district.set("notify.admins.when", &format!("\"{when}\""));
        // Nothing to do; a change; a mail that has to wait.
        district.run().ok();
        district.sis(&[person("tea-1").family("Lund"), person("tea-2")]);
        district.run().ok();
        server.when("tea-1@school.example", At::Recipient, Does::Says("530 5.7.0 login first"), 0);
        district.sis(&[person("tea-1"), person("tea-2")]);
        district.run().exits(8);
        let summaries: Vec<_> =
            server.arrived().into_iter().filter(|mail| mail.to == "it@lincoln.example").collect();
        assert_eq!(summaries.len(), expected, "{when}");
        let Some(last) = summaries.last() else { continue };
        assert_eq!(last.subject, "rostersync: undelivered (run 4)");
        for part in
            ["Plan: 0 to create, 1 to update", "1 notification could not be handed over", "users-000004.csv"]
        {
            assert!(last.raw.replace("=\r\n", "").contains(part), "{part}: {}", last.raw);
        }
    }
}

#[test]
fn administrators_are_told_of_a_run_that_failed_and_a_large_report_is_not_attached() {
    let server = MailServer::start();
    let mut district = joined(&[person("tea-1")]);
    district.set("notify.email.server", &server.url());
    district.set("notify.admins.to", "[\"it@lincoln.example\", \"principal@lincoln.example\"]");
    district.set("notify.admins.when", "\"always\"");
    district.set("notify.admins.attach_kb", "0");
    district.run().ok();
    let first = &server.arrived()[0];
    assert!(first.raw.contains("is not attached") && !first.raw.contains("text/csv"), "{}", first.raw);
    district.set("source.path", "\"elsewhere\"");
    district.run().exits(7);
    assert_eq!(server.recipients()[2..], ["it@lincoln.example", "principal@lincoln.example"]);
    assert_eq!(server.arrived()[2].subject, "rostersync: input-unusable (the run failed)");
    assert!(server.arrived()[2].raw.replace("=\r\n", "").contains("elsewhere"));
    // A preview sends nothing, and recipients that cannot be reached make no difference.
    district.preview().exits(7);
    assert_eq!(server.arrived().len(), 4);
    district.set("source.path", "\"sis\"");
    server.when("", At::Connect, Does::Breaks, 0);
    let done = district.run().ok();
    assert!(done.stderr.contains("the summary for the administrators could not be sent"), "{}", done.stderr);
}

#[test]
fn a_monitor_is_told_how_it_began_and_ended_and_changes_nothing() {
    let server = HttpServer::start(|_| Reply::Is(200, "OK".into()));
    let mut district = joined(&[person("tea-1")]);
    district.set("monitor.ping_url", &server.url("/ping/secret-id"));
    let done = district.run().ok();
    district.preview().ok();
    district.set("source.path", "\"elsewhere\"");
    district.run().exits(7);
    let pings: Vec<(String, String)> =
        server.requests().into_iter().map(|request| (request.line, request.body)).collect();
    let ping = |path: &str, body: &str| (format!("POST /ping/secret-id{path}"), body.to_owned());
    // The plan line, and nothing of any person.
    let ok = format!("ok\nPlan: {}", done.plan());
    assert_eq!(
        pings,
        [ping("/start", ""), ping("/0", &ok), ping("/start", ""), ping("/7", "input-unusable")]
    );
    district.set("source.path", "\"sis\"");
    // A run that finds the lock taken says nothing in the middle of the other one.
    let asked = server.requests().len();
    let lock = std::fs::File::options().write(true).open(district.path("rostersync.db.lock")).unwrap();
    lock.lock().unwrap();
    district.run().exits(5);
    drop(lock);
    assert_eq!(server.requests().len(), asked);
    // The start is taken, the end is not.
    server.next(Reply::Breaks);
    server.next(Reply::Is(500, String::new()));
    let done = district.run_with(&["-vv"]).ok();
    assert!(done.stderr.contains("the monitor cannot be reached"), "{}", done.stderr);
    assert!(done.stderr.contains("the monitor did not accept the ping"), "{}", done.stderr);
    assert!(!done.stderr.contains("secret-id"), "{}", done.stderr);
}

#[test]
fn the_address_of_a_monitor_may_have_a_query_and_has_to_be_one() {
    let server = HttpServer::start(|_| Reply::Is(200, "OK".into()));
    let mut district = joined(&[person("tea-1")]);
    district.set("monitor.ping_url", &server.url("/ping/?create=1"));
    district.run().ok();
    let pings: Vec<String> = server.requests().into_iter().map(|request| request.line).collect();
    assert_eq!(pings, ["POST /ping/start?create=1", "POST /ping/0?create=1"]);
    for wrong in ["\"secret-nonsense\"", "\"https://\""] {
        district.set("monitor.ping_url", wrong);
        let done = district.run().exits(2);
        done.complains(&["`ping_url` in [monitor] is not an address"]);
        assert!(!done.stderr.contains("secret-nonsense"), "{}", done.stderr);
    }
}

/// An address from a file cannot send control sequences to a terminal.
#[test]
fn the_list_of_the_outbox_shows_no_control_characters() {
    let district = joined(&[person("tea-1")]);
    district.sis(&[person("tea-1").family("Lund")]);
    district.run().ok();
    district
        .store()
        .execute("UPDATE outbox SET recipient = 'a' || char(27) || '[31m@x.example'", [])
        .unwrap();
    let list = district.cli(&["outbox", "list"]).ok();
    assert!(list.stdout.contains("a·[31m@x.example") && !list.stdout.contains('\u{1b}'), "{:?}", list.stdout);
}
