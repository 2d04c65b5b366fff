//! Exit status 8 and what it is for: a channel that stopped, messages that wait for a day, messages
//! given up after five days. And what is none of these.

use crate::delivery::{all, joined, people, renamed};
use crate::http_server::{HttpServer, Reply};
use crate::mail_server::{At, Does, MailServer};
use crate::relays::nights;
use crate::support::{District, Person, person};
use crate::texts;

/// The relay's own side is wrong, and it says so to each recipient with a 4xx.
#[test]
fn a_relay_that_says_not_now_to_all_recipients_stops_the_channel_and_no_try_is_counted() {
    for (at, says, shown, cure) in [
        (
            At::Recipient,
            "450 4.7.1 <sync01>: Helo command rejected: Host not found",
            "450 4.7.1 <sync01>: Helo command rejected: Host not found",
            "`hello`",
        ),
        (
            At::Recipient,
            "454 4.7.1 <a1@mail.example>: Relay access denied",
            "454 4.7.1 <address>: Relay access denied",
            "have the relay accept mail",
        ),
        (
            At::Recipient,
            "450 4.1.8 <no-reply@lincoln.example>: Sender address rejected: Domain not found",
            "450 4.1.8 <address>: Sender address rejected: Domain not found",
            "check `from`",
        ),
        (At::Content, "452 4.3.1 Insufficient system storage", "452 4.3.1 Insufficient", "has no room"),
        (
            At::Recipient,
            "451 Temporary local problem - please try later",
            "451 Temporary local",
            "have the relay",
        ),
    ] {
        let server = MailServer::start();
        let mut district = joined(&server, 5);
        renamed(&district, 5);
        server.when("", at, Does::Says(says), 0);
        // Every night for a week, with -q as in cron.
        for night in 0..8 {
            district.at(&nights(night));
            let done = district.run_with(&["-q"]).exits(8);
            for words in ["all recipients were refused in the same way", shown, cure, "no try is counted"] {
                assert!(done.stderr.contains(words), "{words}: {}", done.stderr);
            }
            assert!(!done.stderr.contains("@mail.example"), "{}", done.stderr);
        }
        assert_eq!(
            district.ask("SELECT DISTINCT state || ' ' || attempts || ' ' || trying FROM outbox"),
            "queued 0 0",
            "{says}"
        );
        // Three of them had to be told, each night.
        let asked = server.said().iter().filter(|line| line.starts_with("RCPT")).count();
        assert_eq!(asked, 8 * 3, "{says}");
        server.is_well_again();
        district.run_with(&["-q"]).ok();
        let mut to = server.recipients();
        to.sort();
        assert_eq!(to, all(5), "each of them once");
    }
}

/// Greylisting wants each message to come again; it is not a reason to stop before all were
/// announced.
#[test]
fn a_relay_that_greylists_all_recipients_is_asked_for_all_of_them() {
    let server = MailServer::start();
    let district = joined(&server, 6);
    renamed(&district, 6);
    server.when("", At::Recipient, Does::Says("450 4.2.0 Greylisted, see http://postgrey.example/"), 6);
    let done = district.run().exits(8);
    assert!(
        done.stderr.contains("all recipients were refused in the same way: 450 4.2.0 Greylisted"),
        "{}",
        done.stderr
    );
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients().len(), 6);
}

/// One recipient among others that are accepted: no warning for a day, then one each night, and one
/// when it is given up.
#[test]
fn one_recipient_that_is_never_accepted_is_given_up_after_five_days_and_not_before() {
    for says in ["450 4.7.1 greylisted", "451 4.3.0 mailbox is busy", "452 4.2.2 mailbox full"] {
        let server = MailServer::start();
        let mut district = joined(&server, 3);
        renamed(&district, 3);
        server.when("a2@mail.example", At::Recipient, Does::Says(says), 0);
        district.run_with(&["-q"]).ok();
        assert_eq!(server.recipients(), ["a1@mail.example", "a3@mail.example"]);
        for night in 1..=4 {
            district.at(&nights(night));
            let done = district.run_with(&["-q"]).exits(8);
            assert!(done.stderr.contains("nothing was handed over for a day"), "{}", done.stderr);
            assert_eq!(
                district.ask("SELECT state FROM outbox WHERE recipient = 'a2@mail.example'"),
                "deferred"
            );
        }
        district.at(&nights(5));
        let done = district.run_with(&["-q"]).exits(8);
        assert!(done.stderr.contains("given up after five days of trying"), "{}", done.stderr);
        assert!(done.stdout.contains("outbox list --state failed"), "{}", done.stdout);
        assert_eq!(
            district.ask("SELECT state || ' ' || reason FROM outbox WHERE recipient = 'a2@mail.example'"),
            format!("failed {}, for 5 days", &says[..9])
        );
        // Said once.
        district.at(&nights(6));
        let done = district.run_with(&["-q"]).ok();
        assert_eq!((done.stdout.as_str(), done.stderr.as_str()), ("", ""));
        assert_eq!(&district.preview().report.row("tea-2")["codes"], "undeliverable");
    }
}

/// Where others go out every night it is one recipient's trouble, and no exit status.
#[test]
fn a_single_recipient_is_no_trouble_of_the_channel_while_others_go_out() {
    let server = MailServer::start();
    let mut district = joined(&server, 3);
    server.when("a2@mail.example", At::Recipient, Does::Says("450 4.2.1 mailbox is busy"), 0);
    renamed(&district, 3);
    district.run_with(&["-q"]).ok();
    for (night, family) in (1..=3).zip(["Berg", "Dahl", "Falk"]) {
        district.at(&nights(night));
        let mut after: Vec<Person> = people(3, "a").into_iter().map(|person| person.family("Lund")).collect();
        after[0] = after[0].clone().family(family);
        district.sis(&after);
        let done = district.run_with(&["-q"]).ok();
        assert_eq!(done.stderr, "");
    }
    assert_eq!(district.ask("SELECT state FROM outbox WHERE recipient = 'a2@mail.example'"), "deferred");
}

#[test]
fn codes_of_a_gateway_that_are_not_known_stop_the_texts_if_all_are_told_so() {
    for (code, words) in [
        (21617, "The concatenated message body exceeds the 1600 character limit"),
        (21705, "The Messaging Service to +17185550101 is invalid"),
        (60410, "Verification delivery attempt blocked"),
    ] {
        let server = HttpServer::start(move |_| {
            Reply::Is(400, format!("{{\"code\":{code},\"message\":\"{words}\",\"status\":400}}"))
        });
        let mut district = texting(
            &[
                ("provider", "\"twilio\""),
                ("account_sid", "\"AC0123\""),
                ("password_file", "\"secret\""),
                ("url", &server.url("")),
            ],
            5,
        );
        for night in 0..8 {
            district.at(&nights(night));
            let done = district.run_with(&["-q"]).exits(8);
            let shown = format!("Twilio says {code} {}", words.replace("+17185550101", "<number>"));
            assert!(done.stderr.contains(&shown), "{shown}: {}", done.stderr);
            assert!(done.stderr.contains(&format!("docs/api/errors/{code}")), "{}", done.stderr);
        }
        assert_eq!(district.ask("SELECT DISTINCT state || ' ' || attempts FROM outbox"), "queued 0");
        assert_eq!(server.requests().len(), 8 * 3);
    }
    // The same of a gateway that the configuration describes.
    let server =
        HttpServer::start(|_| Reply::Is(400, "{\"error\":{\"message\":\"no credit, t0ken\"}}".into()));
    let district = texting(
        &[
            ("provider", "\"http\""),
            ("url", &server.url("/send")),
            ("token_file", "\"secret\""),
            ("fields", "{ to = \"{to}\", text = \"{body}\" }"),
        ],
        5,
    );
    let done = district.run_with(&["-q"]).exits(8);
    assert!(done.stderr.contains("the text gateway says 400 no credit, <secret>"), "{}", done.stderr);
    assert!(done.stderr.contains("name it in one of the lists of codes"), "{}", done.stderr);
    assert_eq!(district.ask("SELECT DISTINCT state || ' ' || attempts FROM outbox"), "queued 0");
}

/// The names of teachers with a mobile and no email change: one text each.
fn texting(settings: &[(&str, &str)], count: usize) -> District {
    let district = texts::joined(settings, count);
    district.sis(&texts::named(count, "Lund"));
    district
}

#[test]
fn quiet_hours_that_hold_every_run_are_said_after_a_day() {
    let server = HttpServer::start(|_| Reply::Is(200, "{}".into()));
    let url = server.url("/send");
    let settings = [
        ("provider", "\"http\""),
        ("url", url.as_str()),
        ("fields", "{ to = \"{to}\", text = \"{body}\" }"),
        ("quiet_hours", "\"21:00-08:00\""),
    ];
    let mut district = texting(&settings, 2);
    // The first night they wait as they are meant to.
    let done = district.run_with(&["-q"]).ok();
    assert_eq!(done.stderr, "");
    for night in 1..=3 {
        district.at(&nights(night));
        let done = district.run_with(&["-q"]).exits(8);
        assert!(
            done.stderr.contains("nothing was handed over for a day although messages wait: quiet hours"),
            "{}",
            done.stderr
        );
        assert!(
            done.stdout.contains("2 texts wait since 2026-11-23 02:15")
                && done.stdout.contains("`rostersync outbox send` in the daytime"),
            "{}",
            done.stdout
        );
    }
    // The record of the run says so as well, and not `ok`.
    let run = &district.cli(&["runs", "--json"]).ok().json()[0];
    assert_eq!((&run["result"], &run["exit"]), (&"undelivered".into(), &8.into()));
    let status = district.cli(&["status"]).exits(8);
    assert!(
        status.stdout.contains("2 notifications wait, and none was handed over for a day"),
        "{}",
        status.stdout
    );
    // The line is added to cron.
    district.at("2026-11-26T15:00:00Z");
    district.cli(&["-q", "outbox", "send"]).ok();
    assert_eq!(server.requests().len(), 2);
    district.at(&nights(4));
    district.run_with(&["-q"]).ok();
}

#[test]
fn a_backlog_that_moves_is_no_trouble() {
    let server = MailServer::start();
    let mut district = joined(&server, 6);
    district.set("notify.email.per_day", "2");
    renamed(&district, 6);
    for night in 0..3 {
        district.at(&nights(night));
        let done = district.run_with(&["-q"]).ok();
        assert_eq!(done.stderr, "", "night {night}");
        assert_eq!(server.recipients().len(), 2 * (night as usize + 1));
    }
}

/// One night with a clock in the year 2036, in each state that a message or a channel can be in
/// then.
#[test]
fn a_night_with_a_wrong_clock_stops_nothing_afterwards() {
    for (says, exit) in [
        // Deferred; given a rest until tomorrow; sent, and counted for per_day.
        (Some("451 4.3.0 later"), 0),
        (Some("550 5.4.5 Daily user sending limit exceeded"), 8),
        (None, 0),
    ] {
        let server = MailServer::start();
        let mut district = joined(&server, 2);
        district.set("notify.email.per_day", "2");
        renamed(&district, 2);
        district.at("2036-05-01T08:15:00Z");
        if let Some(says) = says {
            server.when("", At::Recipient, Does::Says(says), 0);
        }
        district.run().exits(exit);
        assert_eq!(server.recipients().len(), if says.is_some() { 0 } else { 2 });
        // The next night has the right clock again.
        server.is_well_again();
        district.at(&nights(1));
        district.set("notify.email.per_day", "4");
        district.sis(&people(2, "a").into_iter().map(|person| person.family("Berg")).collect::<Vec<_>>());
        district.run().ok();
        let mut last: Vec<_> =
            server.arrived().into_iter().filter(|mail| mail.raw.contains("Berg")).collect();
        last.sort_by(|a, b| a.to.cmp(&b.to));
        assert_eq!(last.iter().map(|mail| mail.to.as_str()).collect::<Vec<_>>(), all(2), "{says:?}");
        assert_eq!(
            district.ask("SELECT count(*) FROM outbox WHERE max(coalesce(due, ''), settled) > '2030' AND state <> 'discarded'"),
            "0"
        );
        // Nor do those of the wrong night count for a day of 2026 for longer than a day.
        district.at(&nights(3));
        district.set("notify.email.per_day", "2");
        district.sis(&people(2, "a"));
        district.run_with(&["-q"]).ok();
        assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'queued'"), "0");
    }
}

/// A message is not given up because a clock says that it has been tried for ten years.
#[test]
fn a_wrong_clock_gives_up_no_message() {
    let server = MailServer::start();
    let mut district = joined(&server, 2);
    renamed(&district, 2);
    server.when("a2@mail.example", At::Recipient, Does::Says("451 4.3.0 later"), 0);
    district.run().ok();
    for night in
        ["2036-05-01T08:15:00Z", "2001-01-01T08:15:00Z", "2036-05-01T08:15:00Z", "2026-11-24T08:15:00Z"]
    {
        district.at(night);
        district.cli(&["outbox", "send", "--at-once"]).any();
        assert_eq!(
            district.ask("SELECT state FROM outbox WHERE recipient = 'a2@mail.example'"),
            "deferred",
            "{night}"
        );
    }
}

/// A store that is restored from a copy counts its runs and messages anew.
#[test]
fn after_a_restored_store_no_message_is_taken_for_an_earlier_one() {
    let mut district = District::new().update_contacts(true).without_limits();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    let copy = std::fs::read(district.path("rostersync.db")).unwrap();
    district.sis(&[person("tea-1").family("Lund")]);
    district.run().ok();
    let first = std::fs::read(district.path("mail/run-000002-000001.eml")).unwrap();
    // Run 2 again, message 1 again, and other words: the reports are those of the copy as well.
    restore(&district, &copy);
    district.sis(&[person("tea-1").family("Berg")]);
    district.run().ok();
    assert_eq!(
        std::fs::read(district.path("mail/run-000002-000001.eml")).unwrap(),
        first,
        "it is left as it was"
    );
    assert!(district.path("mail/run-000002-000001-2.eml").exists(), "{:?}", district.names());
    assert_eq!(district.ask("SELECT reference FROM outbox"), "run-000002-000001-2.eml");

    // At a gateway, which would swallow a second text with the same key.
    let server = HttpServer::start(|_| Reply::Is(200, "{}".into()));
    let url = server.url("/send");
    let settings = [
        ("provider", "\"http\""),
        ("url", url.as_str()),
        ("fields", "{ to = \"{to}\", text = \"{body}\", ref = \"{ref}\" }"),
        ("idempotency_header", "\"Idempotency-Key\""),
    ];
    let district = texting(&settings, 1);
    let copy = std::fs::read(district.path("rostersync.db")).unwrap();
    district.run().ok();
    restore(&district, &copy);
    district.run().ok();
    // And another district on the same account.
    texting(&settings, 1).run().ok();
    let mut keys: Vec<String> =
        server.requests().iter().map(|request| request.header("idempotency-key").to_owned()).collect();
    assert!(keys.iter().all(|key| key.starts_with("rostersync-2-1-")), "{keys:?}");
    keys.sort();
    keys.dedup();
    assert_eq!(keys.len(), 3, "{keys:?}");
}

/// Everything but the mail is as it was after run 1.
fn restore(district: &District, copy: &[u8]) {
    std::fs::write(district.path("rostersync.db"), copy).unwrap();
    for later in ["reports/users-000002.csv", "rostersync.db.attempts"] {
        std::fs::remove_file(district.path(later)).unwrap();
    }
}

/// Messages of a run have one random value, and keep it however often they are handed over.
#[test]
fn a_message_that_is_repeated_keeps_its_key() {
    let server = MailServer::start();
    let mut district = joined(&server, 2);
    renamed(&district, 2);
    server.when("", At::Content, Does::TakesAndBreaks, 1);
    district.run().exits(8);
    district.at(&nights(1));
    district.run().ok();
    let mut ids: Vec<(String, String)> =
        server.arrived().into_iter().map(|mail| (mail.to, mail.message_id)).collect();
    ids.sort();
    assert_eq!(ids.len(), 3);
    assert_eq!(ids[0], ids[1], "the one that may have arrived is the same mail");
    assert_eq!(district.ask("SELECT count(DISTINCT nonce), min(length(nonce)) FROM outbox"), "1 | 12");
}
