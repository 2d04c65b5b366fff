//! Mail servers and mail settings that are not as they should be: greetings, names, addresses,
//! encryption, and servers that repeat what they were sent. And the summary that administrators
//! get.

use crate::delivery::{all, joined, private_authority, renamed};
use crate::http_server::{HttpServer, Reply};
use crate::mail_server::{At, Does, MailServer, Security};
use crate::support::{District, person};

#[test]
fn a_refused_greeting_names_the_key_and_a_server_that_knows_only_helo_is_greeted_so() {
    for says in [
        "504 5.5.2 <sync01>: Helo command rejected: need fully-qualified hostname",
        "550 5.7.1 EHLO rejected: bad name",
        "501 5.5.4 Invalid domain name",
        "450 4.7.1 <sync01>: Helo command rejected: Host not found",
    ] {
        let server = MailServer::start();
        let district = joined(&server, 3);
        renamed(&district, 3);
        server.when("", At::Hello, Does::Says(says), 0);
        let done = district.run_with(&["-q"]).exits(8);
        assert!(
            done.stderr.contains(&says[..9]) && done.stderr.contains("set `hello` in [notify.email]"),
            "{says}: {}",
            done.stderr
        );
        assert_eq!(district.ask("SELECT DISTINCT state || attempts FROM outbox"), "queued0");
        let test = district.cli(&["notify", "test", "--to", "it@lincoln.example"]).exits(1);
        test.complains(&["set `hello` in [notify.email]"]);
    }
    for says in ["502 5.5.1 EHLO not implemented", "500 what?"] {
        let server = MailServer::start();
        let mut district = joined(&server, 3);
        renamed(&district, 3);
        server.when("", At::Hello, Does::Says(says), 0);
        district.run().ok();
        assert_eq!(server.recipients(), all(3));
        assert!(server.said().contains(&"HELO sync.lincoln.example".to_owned()), "{:?}", server.said());
        // A refused recipient costs neither the connection nor the other messages.
        server.when("a2@mail.example", At::Recipient, Does::Says("550 5.1.1 no such user"), 0);
        district.sis(&crate::delivery::people(3, "a"));
        let connections = server.connections();
        district.run().ok();
        assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state = 'failed'"), "1");
        assert_eq!(
            (server.arrived().len(), server.connections() - connections),
            (5, 2),
            "EHLO is tried first"
        );
        // There is neither encryption nor a login without EHLO.
        district.set("notify.email.starttls", "\"required\"");
        renamed(&district, 3);
        let done = district.run().exits(8);
        assert!(
            done.stderr.contains("does not know EHLO, so it has no encryption and no login"),
            "{}",
            done.stderr
        );
    }
}

/// A server that does not understand a login repeats it in its answer.
#[test]
fn a_server_that_repeats_the_login_puts_no_secret_into_a_log() {
    const PLAIN: &str = "AHN5bmNAbGluY29sbi5leGFtcGxlAGh1bnRlcjI=";
    for says in [
        "535 5.7.8 AUTH PLAIN AHN5bmNAbGluY29sbi5leGFtcGxlAGh1bnRlcjI= is not valid",
        "501 5.5.4 Syntax error in AUTH PLAIN AHN5bmNAbGluY29sbi5leGFtcGxlAGh1bnRlcjI",
        "550 5.7.1 AUTH PLAIN AHN5bmNAbGluY29sbi5leGFtcGxlAGh1bnRl",
        "454 4.7.0 sorry, sync hunter2",
    ] {
        let server = MailServer::start();
        let mut district = joined(&server, 1);
        district.file("secret", "hunter2\n");
        district.set("notify.email.user", "\"sync@lincoln.example\"");
        district.set("notify.email.password_file", "\"secret\"");
        renamed(&district, 1);
        server.when("", At::Auth, Does::Says(says), 0);
        let done = district.run_with(&["-vv"]).exits(8);
        let test = district.cli(&["notify", "test", "--to", "it@lincoln.example"]).exits(1);
        let list = district.cli(&["outbox", "list", "--json"]).ok();
        assert!(server.logins()[0].ends_with(PLAIN));
        for said in [&done.stderr, &done.stdout, &test.stderr, &list.stdout] {
            assert!(!said.contains("hunter2") && !said.contains("GLuY29sbi5leGFtcGxlAG"), "{said}");
        }
        assert!(done.stderr.contains(&says[..3]) && done.stderr.contains("<secret>"), "{}", done.stderr);
    }
}

/// Twilio, and what stands between, may repeat the token.
#[test]
fn a_gateway_that_repeats_the_token_puts_it_into_no_log() {
    let server = HttpServer::start(|_| {
        Reply::Is(
            401,
            "{\"code\":20003,\"message\":\"Basic QUMwMTIzOnQwa2VuLXQwa2Vu and t0ken-t0ken\"}".into(),
        )
    });
    let mut district = District::new().update_contacts(true).without_limits();
    for (key, value) in [
        ("provider", "\"twilio\""),
        ("account_sid", "\"AC0123\""),
        ("password_file", "\"secret\""),
        ("url", &server.url("")),
        ("from", "\"+12175550100\""),
        ("quiet_hours", "\"none\""),
    ] {
        district.set(&format!("notify.sms.{key}"), value);
    }
    district.file("secret", "t0ken-t0ken");
    let texted = person("tea-1").email("").mobile("+17185550142");
    district.platform(std::slice::from_ref(&texted));
    district.sis(std::slice::from_ref(&texted));
    district.run().ok();
    district.sis(&[texted.family("Lund")]);
    let done = district.run_with(&["-vv"]).exits(8);
    assert!(done.stderr.contains("20003 Basic <secret> and <secret>"), "{}", done.stderr);
    assert!(!done.stderr.contains("t0ken") && !done.stderr.contains("QUMwMTIz"), "{}", done.stderr);
}

#[test]
fn a_name_with_a_comma_is_quoted_and_what_cannot_be_is_a_mistake_in_the_configuration() {
    for (key, value, name) in [
        ("from", "Lincoln District, Springfield <no-reply@lincoln.example>", "Lincoln District, Springfield"),
        ("from", "Lincoln: Office (main) <no-reply@lincoln.example>", "Lincoln: Office (main)"),
        ("reply_to", "Help, Desk <help@lincoln.example>", "Help, Desk"),
    ] {
        let server = MailServer::start();
        let mut district = joined(&server, 1);
        district.set(&format!("notify.email.{key}"), &format!("'{value}'"));
        district.cli(&["check"]).ok();
        renamed(&district, 1);
        district.run().ok();
        let raw = &server.arrived()[0].raw;
        let mail = mail_parser::MessageParser::new().parse(raw.as_bytes()).unwrap();
        let header = if key == "from" { mail.from() } else { mail.reply_to() };
        assert_eq!(header.unwrap().first().unwrap().name(), Some(name), "{raw}");
        assert_eq!(district.ask("SELECT state FROM outbox"), "sent");
    }
    for (key, value, said) in [
        ("from", "Lincoln <no-reply@lincoln.example>, Other <x@lincoln.example>", "has two mail addresses"),
        ("from", "Lincoln, Springfield", "is not a mail address"),
        ("reply_to", "help@lincoln.example, office@lincoln.example", "has two mail addresses"),
        ("envelope_from", "bounces@lincoln.example bounces2@lincoln.example", "has two mail addresses"),
        ("from", "\"Lincoln <no-reply@lincoln.example>", "has a quotation mark that is not closed"),
    ] {
        let mut district = District::new().update_contacts(true);
        district.sis(&[person("tea-1")]);
        district.set(&format!("notify.email.{key}"), &format!("'{value}'"));
        let line =
            district.config().lines().position(|line| line.starts_with(&format!("{key} ="))).unwrap() + 1;
        for command in ["check", "run"] {
            let done = district.cli(&[command]).exits(2);
            done.complains(&[said, &format!("rostersync.toml:{line}:")]);
        }
    }
    let mut district = District::new();
    district.set("notify.admins.to", "[\"it@lincoln.example, boss@lincoln.example\"]");
    district.sis(&[person("tea-1")]);
    district.cli(&["check"]).exits(2).complains(&["has two mail addresses", "write each address by itself"]);
}

#[test]
fn addresses_of_servers_are_read_in_either_case_and_have_a_port() {
    let server = MailServer::start();
    let district =
        District::new().with("notify.email.server", &format!("\"SMTP://127.0.0.1:{}\"", server.port));
    district.cli(&["notify", "test", "--to", "it@lincoln.example"]).ok();
    assert_eq!(server.recipients(), ["it@lincoln.example"]);
    for (key, value) in [
        ("notify.email.server", "\"smtp://relay:0\""),
        ("notify.email.server", "\"smtps://[::1]:0\""),
        ("monitor.ping_url", "\"https://hc-ping.com:0/x\""),
        ("notify.sms.url", "\"https://gateway.example:0/send\""),
    ] {
        let mut district = District::new();
        district.sis(&[person("tea-1")]);
        district.set("notify.sms.provider", "\"http\"");
        district.set("notify.sms.url", "\"https://gateway.example/send\"");
        district.set("notify.sms.fields", "{ to = \"{to}\", text = \"{body}\" }");
        district.set(key, value);
        let done = district.cli(&["check"]).exits(2);
        assert!(
            done.stderr.contains("is 0") && done.stderr.contains("rostersync.toml:"),
            "{key}: {}",
            done.stderr
        );
    }
    for kind in ["oneroster-api", "clever"] {
        let mut district = District::new();
        district.set("source.type", &format!("\"{kind}\""));
        district.settings_without("source", "path");
        district.set("source.url", "\"https://sis.example:0/ims/oneroster/v1p1\"");
        district.set("source.auth.type", "\"bearer\"");
        district.set("source.auth.token", "\"x\"");
        let done = district.cli(&["check"]).exits(2);
        assert!(done.stderr.contains("port 0"), "{kind}: {}", done.stderr);
    }
}

#[test]
fn the_wrong_kind_of_encryption_is_named() {
    let plain = MailServer::start();
    let district = District::new()
        .with("notify.email.server", &format!("\"smtps://127.0.0.1:{}\"", plain.port))
        .with("notify.email.timeout", "\"5s\"");
    let done = district.cli(&["notify", "test", "--to", "it@lincoln.example"]).exits(1);
    done.complains(&["does not begin with encryption", "write smtp://"]);
    let (config, _) = private_authority();
    let encrypted = MailServer::with(Security::Implicit(config));
    let district = District::new()
        .with("notify.email.server", &format!("\"smtp://127.0.0.1:{}\"", encrypted.port))
        .with("notify.email.timeout", "\"1s\"");
    district.cli(&["notify", "test", "--to", "it@lincoln.example"]).exits(1);
    let gateway = HttpServer::start(|_| Reply::Is(200, "{}".into()));
    let district = District::new()
        .with("notify.sms.provider", "\"http\"")
        .with("notify.sms.url", &gateway.url("/send").replace("http:", "https:"))
        .with("notify.sms.fields", "{ to = \"{to}\", text = \"{body}\" }");
    let done = district.cli(&["notify", "test", "--to", "+12175550142"]).exits(1);
    done.complains(&["does not use https at this address"]);
}

fn summaries(district: &District) -> Vec<String> {
    district.names().into_iter().filter(|name| name.contains("summary-")).collect()
}

#[test]
fn summaries_in_a_folder_do_not_overwrite_each_other() {
    let mut district = District::new();
    district.set("notify.admins.to", "[\"IT, Desk <it@lincoln.example>\", \"boss@lincoln.example\"]");
    district.set("notify.admins.when", "\"always\"");
    district.sis(&[person("tea-1")]);
    // The same second three times, as after a clock that was set back.
    for runs in 1..=3 {
        district.run().ok();
        assert_eq!(summaries(&district).len(), 2 * runs, "{:?}", summaries(&district));
    }
    let mut ids: Vec<String> = summaries(&district)
        .iter()
        .map(|name| std::fs::read_to_string(district.path(name)).unwrap())
        .map(|mail| mail.lines().find(|line| line.starts_with("Message-ID:")).unwrap().to_owned())
        .collect();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), 6, "each is a mail of its own");
}

#[test]
fn a_report_that_is_too_large_for_the_server_is_left_out_and_the_key_is_named() {
    for says in ["552 5.3.4 Message size exceeds fixed limit", "552 message exceeds the size limit"] {
        let server = MailServer::start();
        let mut district = District::new().with("notify.email.server", &server.url());
        district.set("notify.admins.to", "[\"it@lincoln.example\"]");
        district.set("notify.admins.when", "\"always\"");
        district.sis(&[person("tea-1")]);
        server.when("", At::Content, Does::Says(says), 1);
        let done = district.run().ok();
        assert!(done.stderr.contains("Set `attach_kb` in [notify.admins]"), "{}", done.stderr);
        assert_eq!(server.recipients(), ["it@lincoln.example"]);
        let raw = &server.arrived()[0].raw;
        assert!(raw.contains("is not attached") && !raw.contains("text/csv"), "{raw}");
    }
}

#[test]
fn one_refused_administrator_does_not_keep_the_summary_from_the_other() {
    let server = MailServer::start();
    let mut district = District::new().with("notify.email.server", &server.url());
    district.set("notify.admins.to", "[\"gone@lincoln.example\", \"it@lincoln.example\"]");
    district.set("notify.admins.when", "\"always\"");
    district.sis(&[person("tea-1")]);
    server.when("gone@lincoln.example", At::Recipient, Does::Says("550 5.1.1 no such user"), 0);
    let done = district.run().ok();
    assert!(
        done.stderr.contains("could not be sent") && done.stderr.contains("[notify.admins]"),
        "{}",
        done.stderr
    );
    assert_eq!(server.recipients(), ["it@lincoln.example"]);
}

/// A server that greylists, or is down for a night, gets the summary later, and once.
#[test]
fn a_summary_that_is_not_taken_now_is_sent_later() {
    let server = MailServer::start();
    let mut district = District::new().with("notify.email.server", &server.url());
    district.set("notify.admins.to", "[\"boss@lincoln.example\", \"it@lincoln.example\"]");
    district.set("notify.admins.when", "\"changes\"");
    district.sis(&[person("tea-1")]);
    server.when("it@lincoln.example", At::Recipient, Does::Says("450 4.2.0 greylisted"), 2);
    let done = district.run().ok();
    assert!(done.stderr.contains("`outbox send` tries again, for three days"), "{}", done.stderr);
    assert_eq!(server.recipients(), ["boss@lincoln.example"]);
    // A night without changes, that has no summary of its own.
    district.run().ok();
    assert_eq!(server.recipients().len(), 1);
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients(), ["boss@lincoln.example", "it@lincoln.example"]);
    assert_eq!(server.arrived()[0].subject, server.arrived()[1].subject);
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.recipients().len(), 2);
    assert!(!district.path("rostersync.db.summaries").exists());
    // For three days.
    district.sis(&[person("tea-2")]);
    district.set("limits.archive", "100");
    server.when("it@lincoln.example", At::Recipient, Does::Says("450 4.2.0 greylisted"), 0);
    district.run().ok();
    assert!(district.path("rostersync.db.summaries").exists());
    district.at("2026-11-27T08:15:00Z");
    district.run().ok();
    assert!(!district.path("rostersync.db.summaries").exists());
}

/// The administrators read why the channel stopped, in the server's words.
#[test]
fn the_summary_says_why_a_channel_was_stopped() {
    let server = MailServer::start();
    let mut district = joined(&server, 3);
    district.set("notify.admins.to", "[\"it@lincoln.example\"]");
    renamed(&district, 3);
    for n in 1..=3 {
        server.when(
            &format!("a{n}@mail.example"),
            At::Recipient,
            Does::Says("454 4.7.1 Relay access denied"),
            0,
        );
    }
    district.run().exits(8);
    let summary = &server.arrived()[0];
    let text = summary.raw.replace("=\r\n", "");
    assert_eq!(summary.to, "it@lincoln.example");
    assert!(
        text.contains("all recipients were refused in the same way: 454 4.7.1 Relay access denied"),
        "{text}"
    );
}

#[test]
fn check_says_that_quiet_hours_hold_every_run() {
    let mut district = District::new().update_contacts(true).without_limits();
    district.sis(&[person("tea-1")]);
    district.set("notify.sms.provider", "\"http\"");
    district.set("notify.sms.url", "\"https://gateway.example/send\"");
    district.set("notify.sms.fields", "{ to = \"{to}\", text = \"{body}\" }");
    let said = "texts are not sent from 21:00 to 08:00, and ";
    let checked = district.cli(&["check"]).stdout;
    assert!(
        checked.contains("warning[quiet-hours]")
            && checked.contains(&format!("{said}a run at night does not send them")),
        "{checked}"
    );
    district.run().ok();
    let checked = district.cli(&["check"]).stdout;
    assert!(checked.contains(&format!("{said}every run so far began in that time")), "{checked}");
    assert!(checked.contains("`rostersync outbox send` in the daytime"), "{checked}");
    // One of the runs is in the daytime: they go out with it.
    district.at("2026-11-23T20:00:00Z");
    district.run().ok();
    assert!(!district.cli(&["check"]).stdout.contains("quiet-hours"));
    // Mail likewise, and not without quiet hours.
    let mut mail = District::new();
    mail.sis(&[person("tea-1")]);
    mail.run().ok();
    assert!(!mail.cli(&["check"]).stdout.contains("quiet-hours"));
    mail.set("notify.email.quiet_hours", "\"00:00-06:00\"");
    assert!(
        mail.cli(&["check"]).stdout.contains("emails are not sent from 00:00 to 06:00, and every run so far")
    );
}
