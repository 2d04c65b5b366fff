//! Mail through a server: every answer that it can give, and what becomes of the message, of the others, and of the run.

use std::process::Stdio;

use crate::mail_server::{At, Does, MailServer, Security};
use crate::support::{District, Done, Person, person};

/// Teachers `tea-1` to `tea-N` with these addresses.
fn people(count: usize, letter: &str) -> Vec<Person> {
    (1..=count).map(|n| person(&format!("tea-{n}")).email(&format!("{letter}{n}@mail.example"))).collect()
}

/// A district under ON whose mail goes to that server, as fast as it goes; everybody has joined, and nothing is queued.
fn joined(server: &MailServer, count: usize) -> District {
    let mut district = District::new()
        .update_contacts(true)
        .without_limits()
        .with("notify.email.server", &server.url())
        .with("notify.email.per_minute", "0")
        .with("notify.email.hello", "\"sync.lincoln.example\"");
    district.platform(&people(count, "a"));
    district.sis(&people(count, "a"));
    let _ = district.run().ok();
    district
}

/// Everybody's name changes: one mail each, to `a1` … `aN`.
fn renamed(district: &District, count: usize) {
    let people: Vec<Person> = people(count, "a").into_iter().map(|person| person.family("Lund")).collect();
    district.sis(&people);
}

fn states(district: &District) -> String {
    district.ask("SELECT recipient || ' ' || state || ' ' || reason FROM outbox ORDER BY id")
}

fn all(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("a{n}@mail.example")).collect()
}

/// A night with one rule, and the next night with a server that is well again.
fn night(rule: (&str, At, Does)) -> (District, MailServer, Done) {
    let server = MailServer::start();
    let district = joined(&server, 3);
    renamed(&district, 3);
    let (to, at, does) = rule;
    server.when(to, at, does, 0);
    let done = district.run();
    (district, server, done)
}

#[test]
fn everybody_gets_one_message_over_one_connection() {
    let server = MailServer::start();
    let mut district = joined(&server, 40);
    district.set("notify.email.envelope_from", "\"bounces@lincoln.example\"");
    renamed(&district, 40);
    let _ = district.run().ok();
    assert_eq!(server.recipients(), all(40));
    assert_eq!(server.connections(), 1);
    let first = &server.arrived()[0];
    assert_eq!(first.from, "bounces@lincoln.example");
    assert!(first.raw.contains("Content-Type: multipart/alternative"), "{}", first.raw);
    assert!(server.said().contains(&"EHLO sync.lincoln.example".to_owned()), "{:?}", server.said());
    // Nobody is told twice.
    let _ = district.run().ok();
    assert_eq!(server.arrived().len(), 40);
}

#[test]
fn a_person_who_is_refused_fails_alone_and_the_next_report_says_so() {
    let refusal = Does::Says("550 5.1.1 <a2@mail.example>: no such user");
    let (district, server, done) = night(("a2@mail.example", At::Recipient, refusal));
    let done = done.ok();
    assert!(done.stdout.contains("1 notifications were refused for good"), "{}", done.stdout);
    assert_eq!(server.recipients(), ["a1@mail.example", "a3@mail.example"]);
    assert_eq!(server.connections(), 1, "a refusal does not cost the connection");
    assert_eq!(
        states(&district),
        "a1@mail.example sent \na2@mail.example failed 550 5.1.1\na3@mail.example sent "
    );
    assert!(!done.stderr.contains("@mail.example"), "{}", done.stderr);
    // In the next report, and in every one for as long as that is the address.
    for _ in 0..2 {
        let next = district.run().ok();
        next.says("tea-2", "unchanged", "Email is undeliverable - 550 5.1.1");
        assert_eq!(&next.report.row("tea-2")["codes"], "undeliverable");
        assert_eq!(district.preview().ok().report.row("tea-2")["codes"], *"undeliverable");
    }
    assert_eq!(server.arrived().len(), 2, "it is not tried again by itself");
    let mut people = people(3, "a");
    people[1] = person("tea-2").email("new@mail.example");
    district.sis(&people.into_iter().map(|person| person.family("Lund")).collect::<Vec<_>>());
    server.is_well_again();
    let mended = district.run().ok();
    assert_eq!(&mended.report.row("tea-2")["codes"], "email-updated");
    assert_eq!(server.recipients()[2..], ["new@mail.example", "a2@mail.example"]);
}

#[test]
fn what_is_not_taken_now_goes_out_later_and_holds_up_nobody() {
    for (at, says) in [
        (At::Recipient, "450 4.2.1 receiving mail too quickly"),
        (At::Recipient, "451 4.7.1 greylisted"),
        (At::Content, "452 4.3.1 no room"),
    ] {
        let (mut district, server, done) = night(("a2@mail.example", at, Does::Says(says)));
        let done = done.exits(8);
        assert!(done.stdout.contains("1 notifications could not be handed over"), "{}", done.stdout);
        assert_eq!(server.recipients(), ["a1@mail.example", "a3@mail.example"], "{says}");
        assert!(states(&district).contains(&format!("a2@mail.example deferred {}", &says[..9])), "{says}");
        server.is_well_again();
        // Not at once: a greylist wants some time to pass.
        let _ = district.cli(&["outbox", "send"]).ok();
        assert_eq!(server.arrived().len(), 2);
        district.at("2026-11-24T08:15:00Z");
        let _ = district.cli(&["outbox", "send"]).ok();
        assert_eq!(server.recipients()[2..], ["a2@mail.example"], "{says}");
    }
}

#[test]
fn a_relay_that_has_had_enough_is_left_alone_and_fails_nobody() {
    for says in [
        "550 5.4.5 Daily user sending limit exceeded",
        "550 5.7.1 Daily SMTP relay limit exceeded for customer",
        "554 5.2.0 STOREDRV.Submission; daily quota exceeded",
        "432 4.3.2 concurrent connections limit exceeded",
        "421 4.7.0 try again later",
    ] {
        let (mut district, server, done) = night(("a2@mail.example", At::Recipient, Does::Says(says)));
        let done = done.exits(8);
        assert!(done.stdout.contains("2 notifications could not be handed over"), "{says}: {}", done.stdout);
        assert_eq!(server.recipients(), ["a1@mail.example"], "{says}");
        assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'failed'"), "0", "{says}");
        let status = district.cli(&["status"]).ok();
        assert!(status.stdout.contains("2 emails wait until 2026-11-23"), "{}", status.stdout);
        // Until then it is not asked again.
        server.is_well_again();
        let connections = server.connections();
        let waits = district.cli(&["outbox", "send"]).ok();
        assert!(waits.stdout.contains("2 emails wait until"), "{}", waits.stdout);
        assert_eq!(server.connections(), connections);
        district.at("2026-11-24T08:15:00Z");
        let _ = district.run().ok();
        assert_eq!(server.recipients(), all(3), "{says}");
    }
}

#[test]
fn what_is_our_own_fault_stops_everything_fails_nobody_and_says_the_cure() {
    for (at, says, cure) in [
        (At::Sender, "550 5.7.60 not permitted to send as this sender", "may send as `from`"),
        (At::Sender, "530 5.7.0 Must issue a STARTTLS command first", "wants a login or encryption"),
        (At::Recipient, "554 5.7.1 <a1@mail.example>: Relay access denied", "have the relay accept mail"),
        (At::Connect, "554 5.7.1 you are on a list", "may send as `from`"),
    ] {
        let (district, server, done) = night(("", at, Does::Says(says)));
        let done = done.exits(8);
        assert!(done.stderr.contains(cure), "{says}: {}", done.stderr);
        assert!(!done.stderr.contains("@mail.example"), "{}", done.stderr);
        assert!(done.stdout.contains("3 notifications could not be handed over"), "{}", done.stdout);
        assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'queued'"), "3", "{says}");
        // As soon as it is mended they go.
        server.is_well_again();
        let _ = district.cli(&["outbox", "send"]).ok();
        assert_eq!(server.recipients(), all(3));
    }
}

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
            let _ = done.exits(8);
            assert_eq!(server.recipients(), [""; 0]);
            let _ = district.cli(&["outbox", "send"]).ok();
            let _ = district.cli(&["outbox", "retry", "--all"]).ok();
            let _ = district.cli(&["outbox", "send"]).ok();
            let mut to = server.recipients();
            to.sort();
            assert_eq!(to, all(3));
        } else {
            let _ = done.ok();
            assert_eq!((server.recipients(), server.connections()), (all(3), 2), "{at:?}");
        }
    }
}

#[test]
fn a_message_whose_answer_is_lost_is_repeated_with_the_same_message_id() {
    for (does, arrived) in [(Does::Breaks, 3), (Does::TakesAndBreaks, 4)] {
        let (mut district, server, done) = night(("a2@mail.example", At::Content, does));
        let _ = done.exits(8);
        assert!(
            states(&district).contains("a2@mail.example unknown the answer was lost"),
            "{}",
            states(&district)
        );
        server.is_well_again();
        district.at("2026-11-24T08:15:00Z");
        let _ = district.run().ok();
        let mails = server.arrived();
        assert_eq!(mails.len(), arrived);
        let mut ids: Vec<&str> = mails.iter().map(|mail| mail.message_id.as_str()).collect();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 3, "{ids:?}");
        assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), "sent");
    }
}

#[test]
fn a_server_that_is_not_there_costs_the_run_nothing_but_the_mail() {
    let server = MailServer::start();
    let mut district = joined(&server, 3);
    renamed(&district, 3);
    // Nobody listens on a port that was just given back.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    district.set("notify.email.server", &format!("\"smtp://127.0.0.1:{free}\""));
    let done = district.run().exits(8);
    assert!(done.stderr.contains("the mail server cannot be reached"), "{}", done.stderr);
    assert!(done.stderr.contains("check `server` in [notify.email]"), "{}", done.stderr);
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE family_name = 'Lund'"), "3");
    district.set("notify.email.server", &server.url());
    district.at("2026-11-24T08:15:00Z");
    let _ = district.run().ok();
    let mut to = server.recipients();
    to.sort();
    assert_eq!(to, all(3));
}

#[test]
fn a_relay_that_refuses_everybody_alike_fails_nobody() {
    let server = MailServer::start();
    let district = joined(&server, 30);
    renamed(&district, 30);
    server.when("", At::Recipient, Does::Says("550 5.7.1 rejected by policy"), 0);
    let done = district.run().exits(8);
    assert!(
        done.stderr.contains("the first 20 recipients were all refused in the same way"),
        "{}",
        done.stderr
    );
    assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), "queued");
    server.is_well_again();
    let _ = district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients().len(), 30);
}

/// Killed with any number of messages out: each arrives, and at most the one in flight twice, as the same message.
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
        let _ = child.wait().unwrap();
        let before = server.arrived().len();
        let _ = district.run().ok();
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
    let _ = district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients(), all(300));
}

/// A run plans and commits while somebody else sends: neither costs the other anything.
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
    let _ = district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.arrived().len(), 400);
    let mut ids: Vec<String> = server.arrived().into_iter().map(|mail| mail.message_id).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 400, "each once");
}

#[test]
fn what_is_over_the_pace_waits_and_says_until_when() {
    let server = MailServer::start();
    let mut district = joined(&server, 5);
    district.set("notify.email.max_per_run", "2");
    renamed(&district, 5);
    let done = district.run().ok();
    assert!(done.stdout.contains("3 emails wait: max_per_run is reached"), "{}", done.stdout);
    assert_eq!(server.recipients(), all(5)[..2]);
    district.set("notify.email.max_per_run", "100");
    district.set("notify.email.per_day", "3");
    let done = district.run().ok();
    assert!(
        done.stdout.contains("2 emails wait until 2026-11-24 02:15: per_day is reached"),
        "{}",
        done.stdout
    );
    assert_eq!(server.recipients(), all(5)[..3]);
    let json = district.cli(&["status", "--json"]).ok().json();
    assert_eq!(
        (&json["waiting"][0]["count"], &json["waiting"][0]["until"]),
        (&2.into(), &"2026-11-24T08:15:00Z".into())
    );
    district.set("notify.email.quiet_hours", "\"21:00-07:00\"");
    district.set("notify.email.per_day", "100");
    let done = district.run().ok();
    assert!(done.stdout.contains("2 emails wait until 2026-11-23 07:00: quiet hours"), "{}", done.stdout);
    assert_eq!(server.arrived().len(), 3);
    // In the morning, by a cron line of its own.
    district.at("2026-11-23T13:00:00Z");
    let done = district.cli(&["outbox", "send"]).ok();
    assert!(done.stdout.contains("2 notifications sent"), "{}", done.stdout);
    assert_eq!(server.recipients(), all(5));
    // The urgent one goes at night.
    renamed(&district, 5);
    district.sis(&people(5, "a"));
    district.at("2026-11-24T08:15:00Z");
    let _ = district.run().ok();
    assert_eq!(server.arrived().len(), 5);
    let _ = district.cli(&["outbox", "send", "--at-once"]).ok();
    assert_eq!(server.arrived().len(), 10);
}

#[test]
fn a_password_or_a_token_opens_the_door_and_is_shown_nowhere() {
    let server = MailServer::start();
    let mut district = joined(&server, 1);
    district.file("secret", "hunter2\n");
    use std::os::unix::fs::PermissionsExt;
    let readable =
        |mode| std::fs::set_permissions(district.path("secret"), std::fs::Permissions::from_mode(mode));
    readable(0o600).unwrap();
    district.set("notify.email.user", "\"sync@lincoln.example\"");
    district.set("notify.email.password_file", "\"secret\"");
    renamed(&district, 1);
    let _ = district.run().ok();
    // PLAIN: nothing, user, password, apart by zeros.
    assert_eq!(server.logins(), ["AUTH PLAIN AHN5bmNAbGluY29sbi5leGFtcGxlAGh1bnRlcjI="]);

    // A file that everybody on the machine can read is refused.
    std::fs::set_permissions(district.path("secret"), std::fs::Permissions::from_mode(0o644)).unwrap();
    district.sis(&people(1, "a"));
    let done = district.run_with(&["-vv"]).exits(8);
    assert!(done.stderr.contains("chmod 600"), "{}", done.stderr);
    assert!(!done.stderr.contains("hunter2"), "{}", done.stderr);

    let mut tokens = District::new()
        .update_contacts(true)
        .without_limits()
        .with("notify.email.server", &server.url())
        .with("notify.email.per_minute", "0")
        .with("notify.email.user", "\"sync@lincoln.example\"")
        .with("notify.email.token_command", "\"echo t0ken\"");
    tokens.platform(&people(1, "a"));
    tokens.sis(&[person("tea-1").email("b1@mail.example")]);
    let _ = tokens.run().ok();
    let xoauth2 = "AUTH XOAUTH2 dXNlcj1zeW5jQGxpbmNvbG4uZXhhbXBsZQFhdXRoPUJlYXJlciB0MGtlbgEB";
    assert_eq!(server.logins()[1], xoauth2);
    server.when("", At::Auth, Does::Says("535 5.7.8 bad credentials"), 0);
    tokens.sis(&[person("tea-1").email("c1@mail.example")]);
    let done = tokens.run_with(&["-vv"]).exits(8);
    assert!(done.stderr.contains("check `user` and the password or token"), "{}", done.stderr);
    assert!(!done.stderr.contains("t0ken"), "{}", done.stderr);
    tokens.set("notify.email.token_command", "\"exit 3\"");
    let done = tokens.run().exits(8);
    assert!(done.stderr.contains("the command for a token failed"), "{}", done.stderr);
}

/// A certificate for this machine by an authority that only we know, and the authority.
fn private_authority() -> (std::sync::Arc<rustls::ServerConfig>, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut parameters = rcgen::CertificateParams::new(Vec::<String>::new()).unwrap();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority = parameters.self_signed(&key).unwrap();
    let pem = authority.pem();
    let issuer = rcgen::Issuer::new(parameters, key);
    let own_key = rcgen::KeyPair::generate().unwrap();
    let mut own = rcgen::CertificateParams::new(vec!["localhost".into(), "127.0.0.1".into()]).unwrap();
    own.extended_key_usages = vec![rcgen::ExtendedKeyUsagePurpose::ServerAuth];
    let own = own.signed_by(&own_key, &issuer).unwrap();
    let key = rustls::pki_types::PrivateKeyDer::try_from(own_key.serialize_der()).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![own.der().clone()], key)
        .unwrap();
    (std::sync::Arc::new(config), pem)
}

#[test]
fn encryption_is_trusted_by_the_authority_that_is_named_and_by_no_other() {
    let (config, pem) = private_authority();
    for (scheme, security) in
        [("smtp", Security::StartTls(config.clone())), ("smtps", Security::Implicit(config.clone()))]
    {
        let server = MailServer::with(security);
        let mut district = joined(&server, 1);
        district.file("ca.pem", &pem);
        district.set("notify.email.server", &format!("\"{scheme}://localhost:{}\"", server.port));
        if scheme == "smtp" {
            district.set("notify.email.starttls", "\"required\"");
        }
        renamed(&district, 1);
        let done = district.run().exits(8);
        assert!(done.stderr.contains("no trusted encrypted connection"), "{scheme}: {}", done.stderr);
        assert!(done.stderr.contains("`ca_file` in [notify.email]"), "{}", done.stderr);
        assert!(server.recipients().is_empty());
        district.set("notify.email.ca_file", "\"ca.pem\"");
        let _ = district.cli(&["outbox", "send"]).ok();
        assert_eq!(server.recipients(), all(1), "{scheme}");
    }
    let plain = MailServer::start();
    let mut district = joined(&plain, 1);
    district.set("notify.email.starttls", "\"required\"");
    renamed(&district, 1);
    let done = district.run().exits(8);
    assert!(done.stderr.contains("does not offer encryption (STARTTLS)"), "{}", done.stderr);
    assert!(plain.recipients().is_empty());
}

#[test]
fn the_outbox_by_hand() {
    let nothing = District::new();
    nothing.cli(&["outbox", "send"]).exits(2).complains(&["there is no store yet"]);
    assert_eq!(nothing.cli(&["outbox", "list"]).ok().stdout, "There is no such notification.\n");
    assert!(!nothing.path("rostersync.db").exists());
    let refusal = Does::Says("550 5.1.1 no such user");
    let (district, server, done) = night(("a2@mail.example", At::Recipient, refusal));
    let _ = done.ok();
    let list = district.cli(&["outbox", "list", "--state", "failed"]).ok();
    assert!(list.stdout.contains("tea-2") && list.stdout.contains("550 5.1.1"), "{}", list.stdout);
    assert!(!list.stdout.contains("tea-1"), "{}", list.stdout);
    let json = district.cli(&["outbox", "list", "--user", "tea-2", "--json"]).ok().json();
    assert_eq!((&json[0]["state"], &json[0]["recipient"]), (&"failed".into(), &"a2@mail.example".into()));
    let refused = district.cli(&["outbox", "retry"]).exits(2);
    refused.complains(&["it is not said which", "--all"]);
    server.is_well_again();
    assert_eq!(
        district.cli(&["outbox", "retry", "--user", "tea-2"]).ok().stdout,
        "1 notifications queued again; `rostersync outbox send` sends them\n"
    );
    let _ = district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients()[2..], ["a2@mail.example"]);
    // What was sent is not sent again, whatever is asked.
    assert!(district.cli(&["outbox", "retry", "1", "2", "3"]).ok().stdout.starts_with("0 "));
    server.when("", At::Connect, Does::Breaks, 0);
    district.sis(&people(3, "a"));
    let _ = district.run().exits(8);
    assert_eq!(district.cli(&["outbox", "discard", "--all"]).ok().stdout, "3 notifications discarded\n");
    server.is_well_again();
    let _ = district.run().ok();
    assert_eq!(server.arrived().len(), 3);
}
