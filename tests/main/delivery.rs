//! Mail through a server: every answer that it can give, and what becomes of the message, of the
//! others, and of the run.

use crate::mail_server::{At, Does, MailServer, Security};
use crate::support::{District, Done, Person, person};

/// Teachers `tea-1` to `tea-N` with these addresses.
pub(crate) fn people(count: usize, letter: &str) -> Vec<Person> {
    (1..=count).map(|n| person(&format!("tea-{n}")).email(&format!("{letter}{n}@mail.example"))).collect()
}

/// A district under ON with mail through that server, as fast as it goes; all users have joined,
/// and nothing is queued.
pub(crate) fn joined(server: &MailServer, count: usize) -> District {
    let mut district = District::new()
        .update_contacts(true)
        .without_limits()
        .with("notify.email.server", &server.url())
        .with("notify.email.per_minute", "0")
        .with("notify.email.hello", "\"sync.lincoln.example\"");
    district.platform(&people(count, "a"));
    district.sis(&people(count, "a"));
    district.run().ok();
    district
}

/// The names of all users change: one mail each, to `a1` … `aN`.
pub(crate) fn renamed(district: &District, count: usize) {
    let people: Vec<Person> = people(count, "a").into_iter().map(|person| person.family("Lund")).collect();
    district.sis(&people);
}

pub(crate) fn states(district: &District) -> String {
    district.ask("SELECT recipient || ' ' || state || ' ' || reason FROM outbox ORDER BY id")
}

pub(crate) fn all(count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("a{n}@mail.example")).collect()
}

/// A night with one rule, and the next night with a server that is well again.
pub(crate) fn night(rule: (&str, At, Does)) -> (District, MailServer, Done) {
    let server = MailServer::start();
    let district = joined(&server, 3);
    renamed(&district, 3);
    let (to, at, does) = rule;
    server.when(to, at, does, 0);
    let done = district.run();
    (district, server, done)
}

#[test]
fn each_recipient_gets_one_message_over_one_connection() {
    let server = MailServer::start();
    let mut district = joined(&server, 40);
    district.set("notify.email.envelope_from", "\"bounces@lincoln.example\"");
    renamed(&district, 40);
    district.run().ok();
    assert_eq!(server.recipients(), all(40));
    assert_eq!(server.connections(), 1);
    let first = &server.arrived()[0];
    assert_eq!(first.from, "bounces@lincoln.example");
    assert!(first.raw.contains("Content-Type: multipart/alternative"), "{}", first.raw);
    assert!(server.said().contains(&"EHLO sync.lincoln.example".to_owned()), "{:?}", server.said());
    // No message is sent twice.
    district.run().ok();
    assert_eq!(server.arrived().len(), 40);
}

#[test]
fn a_refused_recipient_fails_alone_and_the_next_report_says_so() {
    let refusal = Does::Says("550 5.1.1 <a2@mail.example>: no such user");
    let (district, server, done) = night(("a2@mail.example", At::Recipient, refusal));
    let done = done.ok();
    assert!(done.stdout.contains("1 notification was refused for good"), "{}", done.stdout);
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
fn a_deferred_message_is_sent_later_and_holds_up_no_other() {
    for (at, says) in [
        (At::Recipient, "450 4.2.1 receiving mail too quickly"),
        (At::Recipient, "451 4.7.1 greylisted"),
        (At::Content, "452 4.3.1 no room"),
    ] {
        let (mut district, server, done) = night(("a2@mail.example", at, Does::Says(says)));
        // Others are taken: it is about this one recipient, and no trouble of the channel.
        let done = done.ok();
        assert!(done.stdout.contains("1 notification could not be handed over"), "{}", done.stdout);
        assert_eq!(server.recipients(), ["a1@mail.example", "a3@mail.example"], "{says}");
        assert!(states(&district).contains(&format!("a2@mail.example deferred {}", &says[..9])), "{says}");
        server.is_well_again();
        // Not at once: a greylist wants some time to pass.
        district.cli(&["outbox", "send"]).ok();
        assert_eq!(server.arrived().len(), 2);
        district.at("2026-11-24T08:15:00Z");
        district.cli(&["outbox", "send"]).ok();
        assert_eq!(server.recipients()[2..], ["a2@mail.example"], "{says}");
    }
}

#[test]
fn who_was_told_later_at_the_same_address_is_not_undeliverable_any_more() {
    let refusal = Does::Says("550 5.1.1 no such user");
    let (district, server, done) = night(("a2@mail.example", At::Recipient, refusal));
    done.ok();
    server.is_well_again();
    district.sis(&people(3, "a").into_iter().map(|person| person.family("Berg")).collect::<Vec<_>>());
    assert_eq!(&district.run().ok().report.row("tea-2")["codes"], "name-updated undeliverable");
    assert_eq!(&district.run().ok().report.row("tea-2")["codes"], "");
    // What a later message has said is not said again.
    assert!(district.cli(&["outbox", "retry", "--all"]).ok().stdout.starts_with("0 "));
}

#[test]
fn the_outbox_is_seen_to_while_a_run_is_on() {
    let (district, server, done) = night(("a2@mail.example", At::Recipient, Does::Says("550 5.1.1 who?")));
    done.ok();
    server.is_well_again();
    let lock = std::fs::OpenOptions::new().write(true).open(district.path("rostersync.db.lock")).unwrap();
    lock.lock().unwrap();
    district.cli(&["outbox", "retry", "--all"]).ok();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients().len(), 3);
    district.cli(&["outbox", "discard", "--all"]).ok();
}

/// What waits says what was so when it was queued. When there is something new to say it is not
/// said any more.
#[test]
fn what_waits_and_is_not_so_any_more_is_not_sent() {
    let server = MailServer::start();
    let mut district = joined(&server, 4);
    district.set("notify.email.quiet_hours", "\"00:00-23:59\"");
    let told = |emails: [&str; 3]| -> Vec<Person> {
        let email = |n: usize| people(4, "a")[n].clone().email(emails[n]);
        vec![email(0), email(1), email(2).family("Lund"), people(4, "a")[3].clone().family("Lund")]
    };
    district.sis(&told(["typo@mail.example", "typo2@mail.example", "a3@mail.example"]));
    district.run().ok();
    // The first gets the right address, the second the old one again, the third another name; the
    // fourth leaves.
    let mut after = told(["right@mail.example", "a2@mail.example", "a3@mail.example"]);
    after[2] = after[2].clone().given("Rosita");
    after.truncate(3);
    district.sis(&after);
    let done = district.run().ok();
    assert!(done.plan().ends_with("; 2 notifications (2 email, 0 SMS)"), "{}", done.plan());
    district.unset("notify.email.quiet_hours");
    district.cli(&["outbox", "send"]).ok();
    let mut arrived = server.arrived();
    arrived.sort_by(|a, b| a.to.cmp(&b.to));
    let to: Vec<(&str, &str)> =
        arrived.iter().map(|mail| (mail.to.as_str(), mail.subject.as_str())).collect();
    let (updated, former) = (
        "Lincoln District: Your contact details were updated",
        "Lincoln District: An email address was changed",
    );
    assert_eq!(
        to,
        [("a1@mail.example", former), ("a3@mail.example", updated), ("right@mail.example", updated)]
    );
    assert!(arrived[1].raw.contains("Rosita Lund"), "{}", arrived[1].raw);
    assert!(!arrived[2].raw.contains("typo"), "{}", arrived[2].raw);
    // It is not queued again by mistake.
    assert!(district.cli(&["outbox", "retry", "--user", "tea-2"]).ok().stdout.starts_with("0 "));
    assert!(district.cli(&["outbox", "retry", "--user", "tea-4"]).ok().stdout.starts_with("0 "));
}

/// A user is missing from one night's export while messages wait: once back, the user gets the
/// message, with the values of that day.
#[test]
fn who_was_away_for_a_night_is_told_all_the_same() {
    let server = MailServer::start();
    let mut district = joined(&server, 3);
    district.set("notify.email.quiet_hours", "\"00:00-23:59\"");
    let email = |n: usize, email: &str| people(3, "a")[n].clone().email(email);
    let stays = people(3, "a")[2].clone();
    district.sis(&[email(0, "new@mail.example"), email(1, "typo@mail.example"), stays.clone()]);
    district.run().ok();
    district.sis(std::slice::from_ref(&stays));
    district.run().ok();
    assert!(district.cli(&["outbox", "send", "--at-once"]).ok().stdout.starts_with('0'));
    assert_eq!(server.recipients(), [""; 0], "whoever is away is told nothing");
    district.sis(&[email(0, "new@mail.example"), email(1, "right@mail.example"), stays]);
    district.run().ok();
    district.unset("notify.email.quiet_hours");
    district.cli(&["outbox", "send"]).ok();
    let mut told = server.recipients();
    told.sort();
    assert_eq!(told, ["a1@mail.example", "a2@mail.example", "new@mail.example", "right@mail.example"]);
}

/// A run is undone while its messages still wait: there is nothing to tell.
#[test]
fn changes_undone_before_they_were_told_are_not_told() {
    let server = MailServer::start();
    let mut district = joined(&server, 2);
    district.set("notify.email.quiet_hours", "\"00:00-23:59\"");
    renamed(&district, 2);
    district.run().ok();
    district.cli(&["undo", "2", "--notify"]).ok();
    district.unset("notify.email.quiet_hours");
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients(), [""; 0]);
    assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), "discarded");
}

#[test]
fn mail_that_is_queued_when_its_section_is_removed_is_not_forgotten() {
    let (mut district, _server, done) = night(("", At::Recipient, Does::Says("451 4.3.0 later")));
    done.exits(8);
    district = district.without_mail().update_contacts(false);
    district.at("2026-11-24T08:15:00Z");
    let done = district.run().exits(8);
    assert!(done.stderr.contains("there is no [notify.email] any more"), "{}", done.stderr);
    assert!(done.stderr.contains("outbox discard --all --channel email"), "{}", done.stderr);
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
    district.run().ok();
    assert_eq!(server.arrived().len(), 5);
    district.cli(&["outbox", "send", "--at-once"]).ok();
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
    district.run().ok();
    // PLAIN: nothing, user, password, apart by zeros.
    assert_eq!(server.logins(), ["AUTH PLAIN AHN5bmNAbGluY29sbi5leGFtcGxlAGh1bnRlcjI="]);

    // A file that all users of the machine can read is refused.
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
    tokens.run().ok();
    let xoauth2 = "AUTH XOAUTH2 dXNlcj1zeW5jQGxpbmNvbG4uZXhhbXBsZQFhdXRoPUJlYXJlciB0MGtlbgEB";
    assert_eq!(server.logins()[1], xoauth2);
    server.when("", At::Auth, Does::Says("535 5.7.8 bad credentials"), 0);
    tokens.sis(&[person("tea-1").email("c1@mail.example")]);
    let done = tokens.run_with(&["-vv"]).exits(8);
    assert!(done.stderr.contains("check `user` and the password or token"), "{}", done.stderr);
    assert!(!done.stderr.contains("t0ken"), "{}", done.stderr);
    server.is_well_again();
    server.when("", At::Auth, Does::Challenges("535 5.7.8 bad token"), 0);
    tokens.sis(&[person("tea-1").email("d1@mail.example")]);
    let done = tokens.run().exits(8);
    assert!(done.stderr.contains("does not accept the token: 535"), "{}", done.stderr);
    assert!(done.stderr.contains("the mailbox that the token is for"), "{}", done.stderr);
    tokens.set("notify.email.token_command", "\"exit 3\"");
    let done = tokens.run().exits(8);
    assert!(done.stderr.contains("the command for a token failed"), "{}", done.stderr);
}

/// A certificate for this machine by an authority that only we know, and the authority.
pub(crate) fn private_authority() -> (std::sync::Arc<rustls::ServerConfig>, String) {
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
        // Said once, and by this program alone.
        assert_eq!(done.stderr.matches("certificate").count(), 3, "{}", done.stderr);
        assert_eq!(done.stderr.lines().count(), 2, "{}", done.stderr);
        assert!(server.recipients().is_empty());
        district.set("notify.email.ca_file", "\"ca.pem\"");
        district.cli(&["outbox", "send"]).ok();
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
    done.ok();
    let list = district.cli(&["outbox", "list", "--state", "failed"]).ok();
    assert!(list.stdout.contains("tea-2") && list.stdout.contains("550 5.1.1"), "{}", list.stdout);
    assert!(!list.stdout.contains("tea-1"), "{}", list.stdout);
    let json = district.cli(&["outbox", "list", "--user", "tea-2", "--json"]).ok().json();
    assert_eq!((&json[0]["state"], &json[0]["recipient"]), (&"failed".into(), &"a2@mail.example".into()));
    let refused = district.cli(&["outbox", "retry"]).exits(2);
    refused.complains(&["no notification is named", "--all"]);
    server.is_well_again();
    assert_eq!(
        district.cli(&["outbox", "retry", "--user", "tea-2"]).ok().stdout,
        "1 notification queued again; `rostersync outbox send` sends it\n"
    );
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients()[2..], ["a2@mail.example"]);
    // What was sent is not sent again, whatever is asked.
    let none = district.cli(&["outbox", "retry", "1", "2"]).ok();
    assert_eq!(
        none.stdout,
        "0 notifications queued again\n\
         notification 1 is not queued again: it was sent\n\
         notification 2 is not queued again: it was sent\n"
    );
    // A number that is none is a mistake, and then nothing is done.
    for what in ["retry", "discard"] {
        district.cli(&["outbox", what, "1", "99"]).exits(2).complains(&[
            "there is no notification 99; nothing was changed",
            "`rostersync outbox list --limit 0` lists them all",
        ]);
    }
    server.when("", At::Connect, Does::Breaks, 0);
    district.sis(&people(3, "a"));
    district.run().exits(8);
    assert_eq!(district.cli(&["outbox", "discard", "--all"]).ok().stdout, "3 notifications discarded\n");
    server.is_well_again();
    district.run().ok();
    assert_eq!(server.arrived().len(), 3);
}
