//! Texts through Twilio and through gateways that the configuration describes: every class of
//! answer.

use std::sync::{Arc, Mutex};

use crate::http_server::{HttpServer, Reply, Request};
use crate::support::{District, Person, person};

/// A mobile of the fictional range.
pub(crate) fn mobile(n: usize) -> String {
    format!("+1718555{:04}", 100 + n)
}

/// Teachers without an email, with these mobiles.
pub(crate) fn people(count: usize, shift: usize) -> Vec<Person> {
    (1..=count).map(|n| person(&format!("tea-{n}")).email("").mobile(&mobile(n + shift))).collect()
}

pub(crate) fn named(count: usize, family: &str) -> Vec<Person> {
    people(count, 0).into_iter().map(|person| person.family(family)).collect()
}

/// Under ON, at any hour; all users have joined, with a mobile and without an email.
pub(crate) fn joined(settings: &[(&str, &str)], count: usize) -> District {
    let mut district = District::new().update_contacts(true).without_limits();
    for (key, value) in [("quiet_hours", "\"none\""), ("per_minute", "0"), ("from", "\"+12175550100\"")]
        .iter()
        .chain(settings)
    {
        district.set(&format!("notify.sms.{key}"), value);
    }
    district.file("secret", "t0ken");
    district.platform(&people(count, 0));
    district.sis(&people(count, 0));
    district.run().ok();
    district
}

/// A Twilio that keeps what it was asked to send, and shows it when asked.
pub(crate) fn twilio() -> HttpServer {
    let sent: Arc<Mutex<Vec<(String, String)>>> = Arc::default();
    HttpServer::start(move |request: &Request| {
        let mut sent = sent.lock().unwrap();
        if request.line.starts_with("GET") {
            let messages: Vec<serde_json::Value> = sent
                .iter()
                .enumerate()
                .map(|(n, (to, body))| serde_json::json!({ "sid": format!("SM{n}"), "to": to, "body": body }))
                .collect();
            return Reply::Is(200, serde_json::json!({ "messages": messages }).to_string());
        }
        sent.push((request.field("To"), request.field("Body")));
        Reply::Is(201, format!("{{\"sid\":\"SM{}\",\"status\":\"queued\"}}", sent.len()))
    })
}

pub(crate) fn by_twilio(server: &HttpServer, count: usize) -> District {
    let url = server.url("");
    joined(
        &[
            ("provider", "\"twilio\""),
            ("account_sid", "\"AC0123\""),
            ("password_file", "\"secret\""),
            ("url", &url),
        ],
        count,
    )
}

pub(crate) fn posted(server: &HttpServer) -> Vec<Request> {
    server.requests().into_iter().filter(|request| request.line.starts_with("POST")).collect()
}

fn states(district: &District) -> String {
    district.ask("SELECT recipient || ' ' || state || ' ' || reason FROM outbox ORDER BY id")
}

pub(crate) fn error(status: u16, code: u32) -> Reply {
    Reply::Is(status, format!("{{\"code\":{code},\"message\":\"no\",\"status\":{status}}}"))
}

#[test]
fn who_has_no_email_is_told_by_text_at_the_new_and_the_old_number() {
    let server = twilio();
    let mut district = by_twilio(&server, 2);
    // The second one shares the first one's new number.
    let after = [
        person("tea-1").email("").mobile(&mobile(9)),
        person("tea-2").given("José").email("").mobile(&mobile(9)),
    ];
    district.sis(&after);
    let done = district.run().ok();
    assert!(done.plan().ends_with("; 4 notifications (0 email, 4 SMS)"), "{}", done.plan());
    let requests = posted(&server);
    let to: Vec<String> = requests.iter().map(|request| request.field("To")).collect();
    assert_eq!(to, [mobile(9), mobile(1), mobile(9), mobile(2)]);
    let first = &requests[0];
    assert_eq!(first.line, "POST /2010-04-01/Accounts/AC0123/Messages.json");
    assert_eq!(first.header("authorization"), "Basic QUMwMTIzOnQwa2Vu");
    assert_eq!(first.field("From"), "+12175550100");
    assert_eq!(
        first.field("Body"),
        "Lincoln District, for Rosa: your ClassTag details were updated from school records: phone ***0109. Wrong? \
         Contact the school office, 555-0100. No reply needed."
    );
    assert!(
        requests[2].field("Body").starts_with("Lincoln District, for José: "),
        "{}",
        requests[2].field("Body")
    );
    for former in [&requests[1], &requests[3]] {
        let body = former.field("Body");
        assert!(body.contains("this number was taken off a ClassTag account"), "{body}");
        assert!(!body.contains("0109") && !body.contains("Rosa") && !body.contains("Jos"), "{body}");
    }
    assert_eq!(district.ask("SELECT reference FROM outbox WHERE id = 1"), "SM1");
    district.run().ok();
    assert_eq!(posted(&server).len(), 4, "nobody is told twice");
    // Nor at night.
    district.settings_without("notify.sms", "quiet_hours");
    district.sis(&people(2, 0));
    let waits = district.run().ok();
    assert!(waits.stdout.contains("4 texts wait until 2026-11-23 08:00: quiet hours"), "{}", waits.stdout);
    assert_eq!(posted(&server).len(), 4);
}

#[test]
fn who_has_answered_stop_is_never_texted_again() {
    let server = twilio();
    let district = by_twilio(&server, 2);
    district.sis(&named(2, "Lund"));
    server.next(error(400, 21610));
    district.run().ok();
    assert_eq!(states(&district), format!("{} failed 21610\n{} sent ", mobile(1), mobile(2)));
    district.sis(&named(2, "Berg"));
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-1")["codes"], "name-updated not-notifiable undeliverable");
    assert_eq!(posted(&server).len(), 3);
    // Not by hand either, until the owner answers START.
    district.cli(&["outbox", "retry", "--user", "tea-1"]).ok();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(posted(&server).len(), 3);
    district.cli(&["outbox", "retry", "--user", "tea-1", "--opted-in", &mobile(1)]).ok();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(posted(&server).len(), 4);
}

#[test]
fn what_twilio_refuses_is_the_persons_or_ours_or_for_later() {
    for (reply, exit, state, said) in [
        (error(400, 21211), 0, "failed", "refused for good"),
        (error(400, 21614), 0, "failed", "refused for good"),
        (error(401, 20003), 8, "queued", "check account_sid, user and password"),
        (error(400, 21606), 8, "deferred", "check `from` or `messaging_service`"),
        (error(401, 20005), 8, "queued", "the account is not active"),
        (error(429, 63038), 8, "queued", "sending limit is reached"),
        (Reply::Is(302, String::new()), 8, "queued", "answers with a redirect"),
        (error(404, 20404), 8, "queued", "there is no such account"),
        (error(429, 20429), 8, "queued", "sending limit is reached"),
        (error(503, 0), 0, "deferred", "not accepted now"),
        (Reply::Is(502, "<html>".into()), 0, "deferred", "not accepted now"),
    ] {
        let server = twilio();
        let district = by_twilio(&server, 1);
        district.sis(&named(1, "Lund"));
        server.next(reply);
        let done = district.run().exits(exit);
        assert!(done.stderr.contains(said), "{said}: {}", done.stderr);
        assert!(!done.stderr.contains(&mobile(1)[2..]) && !done.stderr.contains("t0ken"), "{}", done.stderr);
        assert_eq!(district.ask("SELECT state FROM outbox"), state, "{said}");
    }
}

/// Twilio takes the same request twice for two messages.
#[test]
fn a_text_that_may_have_arrived_is_looked_up_before_it_is_repeated() {
    for arrived in [true, false] {
        let server = twilio();
        let mut district = by_twilio(&server, 1);
        district.sis(&named(1, "Lund"));
        server.next(Reply::Breaks);
        district.run().exits(8);
        assert!(states(&district).contains(" unknown "), "{}", states(&district));
        if arrived {
            let body = posted(&server)[0].field("Body");
            let found = serde_json::json!({ "messages": [{ "sid": "SM77", "to": mobile(1), "body": body }] });
            server.next(Reply::Is(200, found.to_string()));
        }
        district.at("2026-11-24T08:15:00Z");
        district.run().ok();
        assert_eq!(posted(&server).len(), if arrived { 1 } else { 2 });
        assert_eq!(district.ask("SELECT state FROM outbox"), "sent");
        let asked = server.requests().into_iter().find(|request| request.line.starts_with("GET")).unwrap();
        // Not by the day on which it was sent: one that waits at Twilio has none yet.
        assert!(asked.line.ends_with("?To=%2B17185550101&PageSize=100"), "{}", asked.line);
    }
}

/// Killed over a text: the same.
#[test]
fn a_process_that_dies_over_a_text_does_not_make_it_two() {
    let server = twilio();
    let district = by_twilio(&server, 1);
    district.sis(&named(1, "Lund"));
    district.run().ok();
    // As it would stand if the answer had come too late.
    district.store().execute("UPDATE outbox SET state = 'sending'", []).unwrap();
    std::fs::remove_file(district.path("rostersync.db.sent")).unwrap();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(posted(&server).len(), 1);
    assert_eq!(district.ask("SELECT state || ' ' || reference FROM outbox"), "sent SM0");
}

/// After the same refusal for three recipients, the refusal is believed.
#[test]
fn a_refused_sender_number_stops_all_texts_and_fails_no_recipient() {
    let server = HttpServer::start(|_| error(400, 21606));
    let district = by_twilio(&server, 5);
    district.sis(&named(5, "Lund"));
    district.run().exits(8);
    assert_eq!(server.requests().len(), 3);
    assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), "queued");
}

/// The same words twice on one day: what Twilio has of the first is not taken for the second.
#[test]
fn an_earlier_text_in_the_same_words_is_not_taken_for_this_one() {
    let found = |sid: &str, status: &str, made: &str, body: &str| {
        serde_json::json!({ "messages": [{
            "sid": sid, "to": mobile(1), "body": body, "status": status, "date_created": made, "date_sent": null
        }] })
        .to_string()
    };
    for (sid, status, made, posts) in [
        // Noted with another message of ours; made before this one was queued; not got through;
        // this one.
        ("SM1", "delivered", "Mon, 23 Nov 2026 08:15:10 +0000", 3),
        ("SM8", "delivered", "Sun, 22 Nov 2026 08:15:10 +0000", 3),
        ("SM8", "undelivered", "Mon, 23 Nov 2026 08:15:10 +0000", 3),
        ("SM8", "queued", "Mon, 23 Nov 2026 08:15:10 +0000", 2),
    ] {
        let server = twilio();
        let mut district = by_twilio(&server, 1);
        district.sis(&named(1, "Lund"));
        district.run().ok();
        // The last name is masked: it says the same.
        district.sis(&named(1, "Lindt"));
        server.next(Reply::Breaks);
        district.run().exits(8);
        let body = posted(&server)[1].field("Body");
        server.next(Reply::Is(200, found(sid, status, made, &body)));
        district.at("2026-11-24T08:15:00Z");
        district.run().ok();
        assert_eq!(posted(&server).len(), posts, "{sid} {status} {made}");
        assert_eq!(district.ask("SELECT DISTINCT state FROM outbox"), "sent");
    }
}

/// What cannot be looked up is not repeated.
#[test]
fn a_text_is_not_repeated_while_it_cannot_be_looked_up() {
    let server = twilio();
    let mut district = by_twilio(&server, 1);
    district.sis(&named(1, "Lund"));
    server.next(Reply::Breaks);
    district.run().exits(8);
    district.at("2026-11-24T08:15:00Z");
    server.next(Reply::Is(503, String::new()));
    district.run().exits(8);
    assert_eq!(posted(&server).len(), 1);
    district.run().ok();
    assert_eq!(posted(&server).len(), 2);
}

#[test]
fn only_mobiles_are_texted() {
    let server = twilio();
    let numbers =
        ["+18002345678", "+19002345678", "+442079460958", "+447911123456", "+13122345678", "+13122345679 x2"];
    let people: Vec<Person> = numbers
        .iter()
        .enumerate()
        .map(|(n, number)| person(&format!("tea-{n}")).email("").mobile(number))
        .collect();
    let mut district = by_twilio(&server, 1);
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    district.sis(&people.into_iter().map(|person| person.family("Lund")).collect::<Vec<_>>());
    let done = district.run().ok();
    let to: Vec<String> = posted(&server).iter().map(|request| request.field("To")).collect();
    assert_eq!(to, ["+447911123456", "+13122345678"]);
    assert!(done.stdout.contains("4 people cannot be told"), "{}", done.stdout);
    district.cli(&["notify", "test", "--to", "+18002345678"]).exits(2).complains(&["nor a mobile number"]);
}

/// A gateway that answers 200 whatever happens, with the truth in the body.
fn by_gateway(server: &HttpServer, more: &[(&str, &str)]) -> District {
    let url = server.url("/send");
    let settings = [
        ("provider", "\"http\""),
        ("url", url.as_str()),
        ("token_file", "\"secret\""),
        ("success_pointer", "\"/messages/0/status\""),
        ("success_equals", "\"0\""),
        ("id_pointer", "\"/messages/0/id\""),
        ("code_pointer", "\"/messages/0/status\""),
        ("permanent_codes", "[\"6\"]"),
        ("opted_out_codes", "[\"15\"]"),
        ("retry_codes", "[\"1\"]"),
        ("our_fault_codes", "[\"4\"]"),
        ("fields", "{ to = \"{to}\", sender = \"{from}\", text = \"{body}\", ref = \"{ref}\" }"),
    ];
    joined(&[&settings[..], more].concat(), 2)
}

fn status(code: &str) -> Reply {
    Reply::Is(200, format!("{{\"messages\":[{{\"status\":\"{code}\",\"id\":\"G1\"}}]}}"))
}

#[test]
fn a_gateway_that_answers_200_with_an_error_is_understood() {
    for (code, exit, state) in [
        ("0", 0, "sent"),
        ("6", 0, "failed"),
        ("15", 0, "failed"),
        // One that is not taken now is no trouble of the channel; the code that means the district
        // is.
        ("1", 0, "deferred"),
        ("4", 8, "deferred"),
        ("99", 0, "deferred"),
    ] {
        let server = HttpServer::start(|_| status("0"));
        let district = by_gateway(&server, &[]);
        district.sis(&named(1, "Lund"));
        server.next(status(code));
        district.run().exits(exit);
        assert_eq!(district.ask("SELECT state FROM outbox"), state, "{code}");
    }
}

#[test]
fn a_gateway_is_asked_as_the_configuration_says() {
    let server = HttpServer::start(|_| status("0"));
    let district = by_gateway(&server, &[]);
    district.sis(&named(1, "Lund"));
    district.run().ok();
    let request = &server.requests()[0];
    assert_eq!((request.line.as_str(), request.header("authorization")), ("POST /send", "Bearer t0ken"));
    let body: serde_json::Value = serde_json::from_str(&request.body).unwrap();
    assert_eq!((&body["to"], &body["sender"]), (&mobile(1).into(), &"+12175550100".into()));
    // A part of it is drawn at random, and is the message's own.
    let nonce = district.ask("SELECT nonce FROM outbox");
    assert_eq!((nonce.len(), &body["ref"]), (12, &format!("rostersync-2-1-{nonce}").into()));
    assert!(body["text"].as_str().unwrap().starts_with("Lincoln District: your ClassTag details"), "{body}");

    let server = HttpServer::start(|_| status("0"));
    let district = by_gateway(
        &server,
        &[
            ("body", "\"form\""),
            ("header", "\"X-Api-Key\""),
            ("idempotency_header", "\"Idempotency-Key\""),
            ("method", "\"PUT\""),
        ],
    );
    district.sis(&named(1, "Lund"));
    // Its answer is lost; with a reference that the gateway looks at it may be repeated.
    server.next(Reply::Breaks);
    district.run().exits(8);
    district.cli(&["outbox", "retry", "--all"]).ok();
    district.cli(&["outbox", "send"]).ok();
    let requests = server.requests();
    assert_eq!(requests.len(), 2);
    let key = format!("rostersync-2-1-{}", district.ask("SELECT nonce FROM outbox"));
    for request in requests {
        assert_eq!((request.line.as_str(), request.header("x-api-key")), ("PUT /send", "t0ken"));
        assert_eq!((request.header("idempotency-key"), request.field("to")), (key.as_str(), mobile(1)));
    }
}

#[test]
fn a_gateway_that_cannot_be_asked_again_leaves_the_question_to_a_person() {
    let server = HttpServer::start(|_| status("0"));
    let mut district = by_gateway(&server, &[]);
    district.sis(&named(1, "Lund"));
    server.next(Reply::Breaks);
    district.run().exits(8);
    district.at("2026-12-24T08:15:00Z");
    district.run().ok();
    assert_eq!(server.requests().len(), 1, "it is never repeated by itself");
    let said = district.cli(&["status"]).ok().stdout;
    assert!(said.contains("1 text waits: look at `outbox list --state unknown`"), "{said}");
    district.cli(&["outbox", "retry", "--user", "tea-1"]).ok();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.requests().len(), 2);
    assert_eq!(district.ask("SELECT state FROM outbox"), "sent");
}

#[test]
fn a_gateway_that_breaks_down_is_not_sent_the_text_again() {
    for (more, state, requests) in [
        (&[][..], "unknown", 1),
        (&[("idempotency_header", "\"Idempotency-Key\"")][..], "deferred", 2),
        (&[("retry_codes", "[\"504\"]")][..], "deferred", 2),
    ] {
        let server = HttpServer::start(|_| status("0"));
        let mut district = by_gateway(&server, more);
        district.sis(&named(1, "Lund"));
        server.next(Reply::Is(504, "<html>".into()));
        let done = district.run().exits(if state == "unknown" { 8 } else { 0 });
        assert_eq!(district.ask("SELECT state FROM outbox"), state);
        assert_eq!(
            done.stdout.contains("1 of them may have arrived and is not repeated"),
            state == "unknown"
        );
        district.at("2026-11-24T08:15:00Z");
        district.run().ok();
        assert_eq!(server.requests().len(), requests);
    }
}

/// Killed over a text, and the gateway would not know it again.
#[test]
fn a_process_that_dies_over_a_text_for_a_gateway_leaves_the_question_to_a_person() {
    let server = HttpServer::start(|_| status("0"));
    let district = by_gateway(&server, &[]);
    district.sis(&named(1, "Lund"));
    district.run().ok();
    district.store().execute("UPDATE outbox SET state = 'sending'", []).unwrap();
    std::fs::remove_file(district.path("rostersync.db.sent")).unwrap();
    district.cli(&["outbox", "send"]).exits(8);
    assert_eq!(server.requests().len(), 1);
    assert_eq!(district.ask("SELECT state FROM outbox"), "unknown");
    district.cli(&["outbox", "retry", "1"]).ok();
    district.cli(&["outbox", "send"]).ok();
    assert_eq!(server.requests().len(), 2);
}
