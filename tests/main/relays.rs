//! Whether a refusal is about the recipient or the district. No recipient fails for a fault of the
//! district, and none waits for what it has against one.

use crate::delivery::{all, joined, night, people, renamed, states};
use crate::mail_server::{At, Does, MailServer};
use crate::support::{District, Done};

/// So many nights after the first.
pub(crate) fn nights(n: i64) -> String {
    let first: chrono::DateTime<chrono::Utc> = crate::support::NIGHT.parse().unwrap();
    (first + chrono::TimeDelta::days(n)).to_rfc3339_opts(chrono::SecondsFormat::Secs, true)
}

/// A night on which the first message is sent and the server answers this to all others; no
/// recipient fails for it.
fn refused_from_the_second_on(says: &'static str, count: usize) -> (District, MailServer, Done) {
    let server = MailServer::start();
    let district = joined(&server, count);
    renamed(&district, count);
    for n in 2..=count {
        server.when(&format!("a{n}@mail.example"), At::Recipient, Does::Says(says), 0);
    }
    let done = district.run();
    (district, server, done)
}

#[test]
fn a_relay_at_its_sending_limit_is_left_alone_and_fails_no_recipient() {
    for says in [
        "550 5.4.5 Daily user sending limit exceeded",
        "550 5.7.1 Daily SMTP relay limit exceeded for customer",
        "554 5.2.0 STOREDRV.Submission; daily quota exceeded",
        "550 5.1.90 You have reached your daily limit for message recipients",
        "550 5.7.705 Access denied, tenant has exceeded threshold",
        "432 4.3.2 concurrent connections limit exceeded",
        "421 4.7.0 try again later",
    ] {
        let (mut district, server, done) = refused_from_the_second_on(says, 5);
        let done = done.exits(8);
        assert!(done.stdout.contains("4 notifications could not be handed over"), "{says}: {}", done.stdout);
        assert!(done.stderr.contains("sending limit is reached"), "{says}: {}", done.stderr);
        assert_eq!(server.recipients(), ["a1@mail.example"], "{says}");
        // Three of them had to say so.
        let asked = server.said().iter().filter(|line| line.starts_with("RCPT")).count();
        assert!(asked <= 5, "{says}: {asked}");
        assert_eq!(district.ask("SELECT DISTINCT state FROM outbox WHERE id > 1"), "queued", "{says}");
        let status = district.cli(&["status"]).exits(8);
        assert!(status.stdout.contains("4 emails wait until 2026-11-23"), "{}", status.stdout);
        // Until then it is not asked again.
        server.is_well_again();
        let connections = server.connections();
        let waits = district.cli(&["outbox", "send"]).ok();
        assert!(waits.stdout.contains("4 emails wait until"), "{}", waits.stdout);
        assert_eq!(server.connections(), connections);
        district.at("2026-11-24T08:15:00Z");
        district.run().ok();
        let mut to = server.recipients();
        to.sort();
        assert_eq!(to, all(5), "{says}");
    }
}

#[test]
fn a_rest_is_over_when_a_message_is_taken() {
    let (district, server, done) =
        refused_from_the_second_on("550 5.4.5 Daily user sending limit exceeded", 5);
    done.exits(8);
    server.is_well_again();
    district.cli(&["outbox", "send", "--at-once"]).ok();
    assert_eq!(server.recipients().len(), 5);
    district.sis(&people(5, "a"));
    district.run().ok();
    assert_eq!(server.recipients().len(), 10);
}

#[test]
fn a_fault_of_the_district_stops_sending_fails_no_recipient_and_says_the_cure() {
    for (at, says, cure) in [
        (At::Sender, "550 5.7.60 not permitted to send as this sender", "may send as `from`"),
        (At::Sender, "530 5.7.0 Must issue a STARTTLS command first", "wants a login or encryption"),
        (At::Recipient, "530 5.7.57 Client not authenticated", "wants a login or encryption"),
        (At::Recipient, "554 5.7.1 <a1@mail.example>: Relay access denied", "have the relay accept mail"),
        (At::Recipient, "550 5.7.708 traffic not accepted from this IP", "have the relay accept mail"),
        (At::Content, "550 5.7.26 This mail is unauthenticated", "have the relay accept mail"),
        (At::Recipient, "503 5.5.1 Bad sequence", "have the relay accept mail"),
        (At::Connect, "554 5.7.1 you are on a list", "may send as `from`"),
        (
            At::Recipient,
            "504 5.5.2 <sync01>: Helo command rejected: need fully-qualified hostname",
            "`hello`",
        ),
    ] {
        let (district, server, done) = night(("", at, Does::Says(says)));
        let done = done.exits(8);
        assert!(done.stderr.contains(cure), "{says}: {}", done.stderr);
        assert!(!done.stderr.contains("@mail.example"), "{}", done.stderr);
        assert!(done.stdout.contains("3 notifications could not be handed over"), "{}", done.stdout);
        assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'queued'"), "3", "{says}");
        // As soon as it is mended they go.
        server.is_well_again();
        district.cli(&["outbox", "send"]).ok();
        // A message that had a turn goes behind the others.
        let mut to = server.recipients();
        to.sort();
        assert_eq!(to, all(3));
    }
    // A sender that this server cannot have.
    let server = MailServer::start();
    let mut district = joined(&server, 1);
    district.set("notify.email.envelope_from", "\"schüle@lincoln.example\"");
    renamed(&district, 1);
    let done = district.run().exits(8);
    assert!(done.stderr.contains("does not support a sender with letters beyond ASCII"), "{}", done.stderr);
    assert_eq!(states(&district), "a1@mail.example queued refused because of the district's settings");
}

/// A refusal of the sender for one recipient alone: all later recipients get their messages, this
/// night and every other.
#[test]
fn one_recipient_refused_as_if_for_the_sender_holds_up_no_other() {
    for (at, does) in [
        (At::Recipient, Does::Says("554 5.7.1 Relay access denied")),
        (At::Recipient, Does::Says("550 5.7.1 the sending rate is over the limit")),
        (At::Recipient, Does::Says("421 4.7.0 try again later, closing")),
        (At::Recipient, Does::Breaks),
        (At::Content, Does::Says("550 5.7.1 blocked by our filter")),
    ] {
        for refused in [1, 2] {
            let to = format!("a{refused}@mail.example");
            let (mut district, server, done) = night((&to, at, does.clone()));
            let done = done.ok();
            assert!(done.stdout.contains("1 notification could not be handed over"), "{}", done.stdout);
            assert_eq!(server.recipients().len(), 2, "{at:?} {does:?}");
            assert_eq!(
                district.ask("SELECT recipient FROM outbox WHERE state = 'deferred' AND attempts = 1"),
                to
            );
            // In the next night it is there again, and stands behind the new ones.
            district.at("2026-11-24T08:15:00Z");
            let family = |n: usize| if n + 1 == refused { "Lund" } else { "Berg" };
            let after = people(3, "a").into_iter().enumerate();
            district.sis(&after.map(|(n, person)| person.family(family(n))).collect::<Vec<_>>());
            district.run().ok();
            assert_eq!(server.recipients().len(), 4, "{at:?} {does:?}");
            assert_eq!(district.ask("SELECT recipient FROM outbox WHERE attempts = 2"), to);
        }
    }
}

#[test]
fn a_recipient_that_is_never_accepted_is_given_up_once_others_are_accepted() {
    let server = MailServer::start();
    let mut district = joined(&server, 2);
    renamed(&district, 2);
    server.when("a1@mail.example", At::Recipient, Does::Says("554 5.7.1 Relay access denied"), 0);
    district.run().ok();
    // Alone it may be our fault however often it is tried.
    for n in 1..=7 {
        district.at(&nights(n));
        district.cli(&["outbox", "send"]).exits(8);
    }
    assert_eq!(district.ask("SELECT state || ' ' || attempts FROM outbox WHERE id = 1"), "deferred 8");
    district.at(&nights(8));
    district.sis(&[people(1, "a")[0].clone().family("Lund"), people(2, "a")[1].clone()]);
    let done = district.run_with(&["-q"]).exits(8);
    assert!(done.stderr.contains("given up after five days of trying"), "{}", done.stderr);
    assert_eq!(
        district.ask("SELECT state || ' ' || reason FROM outbox WHERE id = 1"),
        "failed 554 5.7.1, for 5 days"
    );
    // That is said once.
    district.at(&nights(9));
    district.run_with(&["-q"]).ok();
    // By hand it is as if it had never been tried.
    server.is_well_again();
    server.when("a1@mail.example", At::Recipient, Does::Says("451 4.7.1 greylisted"), 1);
    district.cli(&["outbox", "retry", "--all"]).ok();
    // It waits for days already, and nothing else goes out.
    district.cli(&["outbox", "send"]).exits(8);
    assert_eq!(district.ask("SELECT state || ' ' || attempts FROM outbox WHERE id = 1"), "deferred 1");
}

#[test]
fn a_relay_that_refuses_all_recipients_alike_fails_none() {
    let server = MailServer::start();
    let mut district = joined(&server, 30);
    renamed(&district, 30);
    server.when("", At::Recipient, Does::Says("550 5.7.1 rejected by policy"), 0);
    let done = district.run().exits(8);
    assert!(
        done.stderr.contains("one recipient after the other was refused in the same way: 550 5.7.1"),
        "{}",
        done.stderr
    );
    assert_eq!(
        district.ask("SELECT state, attempts, count(*) FROM outbox GROUP BY 1, 2"),
        "queued | 0 | 30",
        "no try is counted"
    );
    assert_eq!(district.ask("SELECT turns, count(*) FROM outbox GROUP BY 1"), "0 | 10\n1 | 20");
    // In the next night it is the turn of others.
    district.at("2026-11-24T08:15:00Z");
    district.run().exits(8);
    assert_eq!(district.ask("SELECT turns, count(*) FROM outbox GROUP BY 1"), "1 | 20\n2 | 10");
    server.is_well_again();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients().len(), 30);
}

/// It can begin in the middle of the night, too.
#[test]
fn a_relay_that_begins_to_refuse_all_recipients_alike_fails_none() {
    let (district, server, done) = refused_from_the_second_on("550 5.7.1 rejected by policy", 30);
    done.exits(8);
    assert_eq!(district.ask("SELECT state, count(*) FROM outbox GROUP BY 1"), "queued | 29\nsent | 1");
    server.is_well_again();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients().len(), 30);
    // Mailboxes that do not exist are not the relay's fault: they are named, and others are
    // accepted.
    let (district, _, done) = refused_from_the_second_on("550 5.1.1 no such user", 30);
    done.ok();
    assert_eq!(district.ask("SELECT state, count(*) FROM outbox GROUP BY 1"), "failed | 29\nsent | 1");
}

#[test]
fn on_a_small_night_too_no_recipient_fails_for_what_all_are_told() {
    for (says, count, state, exit) in [
        ("550 5.7.1 rejected by policy", 3, "queued", 8),
        ("550 5.1.1 no such user", 3, "queued", 8),
        ("550 5.7.1 rejected by policy", 2, "failed", 0),
    ] {
        let server = MailServer::start();
        let mut district = joined(&server, count);
        renamed(&district, count);
        server.when("", At::Recipient, Does::Says(says), 0);
        let done = district.run().exits(exit);
        assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), state, "{says}");
        assert_eq!(
            done.stderr.contains("all recipients were refused in the same way"),
            exit == 8,
            "{}",
            done.stderr
        );
        if exit == 8 {
            district.at("2026-11-24T08:15:00Z");
            server.is_well_again();
            district.run().ok();
            assert_eq!(server.recipients(), all(count));
        }
    }
}
