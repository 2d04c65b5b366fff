//! Sending that is broken off, by a server or by a signal, at any moment: nothing is lost, and what
//! is repeated is the same message.

use std::process::Stdio;

use crate::delivery::{all, joined, night, people, renamed, states};
use crate::mail_server::{At, Does, MailServer};
use crate::support::nap;

#[test]
fn a_connection_that_breaks_before_the_message_loses_and_repeats_nothing() {
    for at in [At::Sender, At::Recipient, At::Data] {
        let server = MailServer::start();
        let district = joined(&server, 3);
        renamed(&district, 3);
        // Once, and on a connection that was well before: the next one is made at once.
        server.when(if at == At::Sender { "" } else { "a2@mail.example" }, at, Does::Breaks, 1);
        let done = district.run();
        if at == At::Sender {
            // The very first word of a new connection: the server is not there.
            done.exits(8);
            assert_eq!(server.recipients(), [""; 0]);
            district.cli(&["outbox", "send"]).ok();
            district.cli(&["outbox", "retry", "--all"]).ok();
            district.cli(&["outbox", "send"]).ok();
            let mut to = server.recipients();
            to.sort();
            assert_eq!(to, all(3));
        } else {
            done.ok();
            assert_eq!((server.recipients(), server.connections()), (all(3), 2), "{at:?}");
        }
    }
}

#[test]
fn a_message_whose_answer_is_lost_is_repeated_once_with_the_same_message_id() {
    for (does, arrived) in [(Does::Breaks, 3), (Does::TakesAndBreaks, 4)] {
        let (mut district, server, done) = night(("a2@mail.example", At::Content, does));
        let done = done.exits(8);
        // A server that does not answer one message will not answer the next.
        assert!(done.stdout.contains("2 notifications could not be handed over"), "{}", done.stdout);
        assert_eq!(
            states(&district),
            "a1@mail.example sent \na2@mail.example unknown the answer was lost\na3@mail.example queued "
        );
        server.is_well_again();
        district.at("2026-11-24T08:15:00Z");
        district.run().ok();
        let mails = server.arrived();
        assert_eq!(mails.len(), arrived);
        let mut ids: Vec<&str> = mails.iter().map(|mail| mail.message_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{ids:?}");
        assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), "sent");
    }
}

/// A server that takes every message and never says so gets each twice at most, however many nights
/// that lasts.
#[test]
fn a_server_that_never_answers_gets_no_message_more_than_twice() {
    let server = MailServer::start();
    let mut district = joined(&server, 2);
    district.set("notify.email.final_timeout", "\"1s\"");
    renamed(&district, 2);
    server.when("", At::Content, Does::Hangs, 1);
    server.when("", At::Content, Does::TakesAndBreaks, 0);
    district.run().exits(8);
    let mut said = String::new();
    for night in 24..29 {
        district.at(&format!("2026-11-{night}T08:15:00Z"));
        said.push_str(&district.cli(&["outbox", "send"]).stdout);
    }
    let mut to = server.recipients();
    to.sort();
    assert_eq!(to, ["a1@mail.example", "a1@mail.example", "a2@mail.example", "a2@mail.example"]);
    assert_eq!(said.matches("1 of them may have arrived and is not repeated by itself").count(), 2, "{said}");
    assert_eq!(district.ask("SELECT DISTINCT state || coalesce(due, '') FROM outbox"), "unknown");
    let status = district.cli(&["status"]).exits(8);
    assert!(
        status.stdout.contains("2 emails wait: look at `outbox list --state unknown`"),
        "{}",
        status.stdout
    );
    // A person decides.
    server.is_well_again();
    district.cli(&["outbox", "discard", "2"]).ok();
    district.cli(&["outbox", "retry", "1"]).ok();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients().len(), 5);
    assert_eq!(states(&district).lines().count(), 2);
}

#[test]
fn a_server_that_is_not_there_costs_the_run_nothing_but_the_mail() {
    let server = MailServer::start();
    let mut district = joined(&server, 3);
    renamed(&district, 3);
    // No server listens on a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    district.set("notify.email.server", &format!("\"smtp://127.0.0.1:{free}\""));
    let done = district.run().exits(8);
    assert!(done.stderr.contains("the mail server cannot be reached"), "{}", done.stderr);
    assert!(done.stderr.contains("check `server` in [notify.email]"), "{}", done.stderr);
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE family_name = 'Lund'"), "3");
    district.set("notify.email.server", &server.url());
    district.at("2026-11-24T08:15:00Z");
    district.run().ok();
    let mut to = server.recipients();
    to.sort();
    assert_eq!(to, all(3));
}

/// Killed with any number of messages out: each arrives, and at most the one in flight twice, as
/// the same message.
#[test]
fn a_batch_that_is_killed_at_any_message_loses_nothing_and_repeats_at_most_one() {
    for kill_at in [1, 2, 7, 19, 20] {
        let server = MailServer::start();
        let district = joined(&server, 20);
        renamed(&district, 20);
        let arrived = server.watch();
        let mut child =
            district.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        while arrived.recv().unwrap() < kill_at {}
        let _ = child.kill();
        child.wait().unwrap();
        let before = server.arrived().len();
        district.run().ok();
        let mails = server.arrived();
        let mut ids: Vec<&str> = mails.iter().map(|mail| mail.message_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 20, "killed at {kill_at}");
        assert!(mails.len() <= 21, "killed at {kill_at} ({before} were out): {}", mails.len());
        assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), "sent");
    }
}

/// Asked to stop, it finishes the message at hand and leaves the others.
#[test]
fn sending_that_is_asked_to_stop_stops_between_two_messages() {
    let server = MailServer::start();
    let district = joined(&server, 300);
    renamed(&district, 300);
    let arrived = server.watch();
    let mut child = district.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(arrived.recv().unwrap(), 1);
    let kill = format!("kill -TERM {}", child.id());
    assert!(std::process::Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(8));
    let sent = server.arrived().len();
    assert!(sent < 300, "{sent}");
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'sent'"), sent.to_string());
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'queued'"), (300 - sent).to_string());
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients(), all(300));
}

/// A run plans and commits while another process sends: neither loses anything.
#[test]
fn a_run_goes_through_while_another_process_sends() {
    let server = MailServer::start();
    let district = joined(&server, 200);
    renamed(&district, 200);
    let arrived = server.watch();
    let mut child = district.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    assert_eq!(arrived.recv().unwrap(), 1);
    district.sis(&people(200, "a").into_iter().map(|person| person.family("Berg")).collect::<Vec<_>>());
    let second = district.run().ok();
    assert_eq!(second.report.count("updated"), 200);
    assert!(child.wait().unwrap().success());
    district.cli(&["outbox", "send"]).ok();
    let arrived = server.arrived();
    let mut ids: Vec<&str> = arrived.iter().map(|mail| mail.message_id.as_str()).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), arrived.len(), "each once");
    // Recipients without a message about the first change got one message about both.
    for to in all(200) {
        let told: Vec<&str> =
            arrived.iter().filter(|mail| mail.to == to).map(|mail| mail.raw.as_str()).collect();
        assert!(told.last().unwrap().contains("Rosa Berg") && told.len() <= 2, "{to}: {}", told.len());
    }
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state NOT IN ('sent', 'discarded')"), "0");
}

/// Cron starts both in the same minute, and both do what they are there for.
#[test]
fn a_run_and_outbox_send_at_the_same_moment_do_not_disturb_each_other() {
    let server = MailServer::start();
    let district = joined(&server, 5);
    for family in ["Lund", "Berg", "Dahl", "Holm", "Vik"] {
        district.sis(&people(5, "a").into_iter().map(|person| person.family(family)).collect::<Vec<_>>());
        let start = |arguments: &[&str]| {
            district.command(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        };
        let (mut send, mut run) = (start(&["outbox", "send"]), start(&["run"]));
        assert_eq!((send.wait().unwrap().code(), run.wait().unwrap().code()), (Some(0), Some(0)), "{family}");
    }
    assert_eq!(district.ask("SELECT state, count(*) FROM outbox GROUP BY 1"), "sent | 25");
    assert_eq!(server.arrived().len(), 25);
}

/// Killed while the next message waits for its turn: what became of the last one is known.
#[test]
fn a_process_that_is_killed_while_it_waits_for_the_pace_repeats_nothing() {
    let server = MailServer::start();
    let mut district = joined(&server, 3);
    renamed(&district, 3);
    district.set("notify.email.per_minute", "1");
    let mut child = district.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while district.ask("SELECT count(*) FROM outbox WHERE state = 'sent'") != "1" {
        nap();
    }
    child.kill().unwrap();
    child.wait().unwrap();
    district.set("notify.email.per_minute", "0");
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients(), all(3));
    assert_eq!(district.ask("SELECT DISTINCT state || attempts FROM outbox"), "sent1");
}

/// Killed at every step of a conversation: nothing is lost, and only what the server had already
/// comes twice.
#[test]
fn a_process_that_is_killed_at_any_step_of_a_message_loses_nothing() {
    for at in [At::Connect, At::Sender, At::Recipient, At::Data, At::Content] {
        let server = MailServer::start();
        let district = joined(&server, 3);
        renamed(&district, 3);
        let to = if matches!(at, At::Connect | At::Sender) { "" } else { "a2@mail.example" };
        server.when(to, at, Does::Hangs, 1);
        let hangs = server.hangs();
        let mut child =
            district.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        hangs.recv().unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        district.run().ok();
        let mut to = server.recipients();
        to.sort();
        let twice = at == At::Content;
        assert_eq!(to.len(), 3 + usize::from(twice), "{at:?}: {to:?}");
        to.dedup();
        assert_eq!(to, all(3), "{at:?}");
        let mut ids: Vec<String> = server.arrived().into_iter().map(|mail| mail.message_id).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{at:?}");
    }
}

/// A command for a token that hangs does not keep a run from stopping.
#[test]
fn a_wish_to_stop_is_heard_while_a_token_is_waited_for() {
    let server = MailServer::start();
    let mut district = joined(&server, 1);
    district.set("notify.email.user", "\"sync@lincoln.example\"");
    district.set("notify.email.token_command", "\"echo > begun; sleep 600\"");
    renamed(&district, 1);
    let mut child = district.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    while !district.path("begun").exists() {
        nap();
    }
    let kill = format!("kill -TERM {}", child.id());
    assert!(std::process::Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(8));
}

/// A server that has the message and thinks about it for long does not keep a run from stopping.
#[test]
fn a_wish_to_stop_is_heard_while_an_answer_is_waited_for() {
    let server = MailServer::start();
    let district = joined(&server, 2);
    renamed(&district, 2);
    server.when("", At::Content, Does::Hangs, 1);
    let hangs = server.hangs();
    let mut child = district.command(&["run"]).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
    hangs.recv().unwrap();
    let kill = format!("kill -TERM {}", child.id());
    assert!(std::process::Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    assert_eq!(child.wait().unwrap().code(), Some(8));
    assert_eq!(states(&district), "a1@mail.example unknown the answer was lost\na2@mail.example queued ");
}

/// The time that a server may take over a message is another one than it may take over a word.
#[test]
fn a_server_that_thinks_about_a_message_is_waited_for() {
    let server = MailServer::start();
    let mut district = joined(&server, 2);
    district.set("notify.email.timeout", "\"1s\"");
    renamed(&district, 2);
    server.when("a1@mail.example", At::Content, Does::Dawdles, 1);
    district.run().ok();
    assert_eq!((server.recipients(), server.connections()), (all(2), 1));
    // And when it is up, it is up.
    district.set("notify.email.final_timeout", "\"1s\"");
    district.sis(&people(2, "a"));
    server.when("a1@mail.example", At::Content, Does::Hangs, 1);
    district.run().exits(8);
    assert!(
        states(&district).contains("a1@mail.example unknown the answer was lost"),
        "{}",
        states(&district)
    );
}
