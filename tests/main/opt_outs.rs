//! Opt-outs of a channel: by command, by the platform's export, by a STOP to the gateway.

use crate::support::{District, Person, person};
use crate::texts::{by_twilio, error, mobile, people, posted, twilio};

/// Two teachers with an email and a mobile, who have joined under ON; texts are configured.
fn district(server: &crate::http_server::HttpServer) -> District {
    let mut district = by_twilio(server, 2);
    let both = with_email(&people(2, 0));
    district.platform(&both);
    district.sis(&both);
    district.run().ok();
    district
}

fn with_email(people: &[Person]) -> Vec<Person> {
    people.iter().zip(1..).map(|(one, at)| one.clone().email(&format!("tea-{at}@school.example"))).collect()
}

fn cli(district: &District, arguments: &[&str]) -> String {
    district.cli(&[&["users"], arguments].concat()).ok().stdout
}

/// What a preview says of the messages.
fn messages(district: &District) -> String {
    district.preview().ok().plan().split_once("; ").unwrap().1.to_owned()
}

#[test]
fn by_command() {
    let server = twilio();
    let district = district(&server);
    let renamed: Vec<Person> = with_email(&people(2, 0)).into_iter().map(|one| one.family("Lund")).collect();
    district.sis(&renamed);
    assert_eq!(messages(&district), "2 notifications (2 email, 0 SMS)");
    assert_eq!(
        cli(&district, &["opt-out", "tea-1", "--channel", "email"]),
        "tea-1 gets no messages by email any more, except a change of a sign-in that no other way can tell\n"
    );
    let again = cli(&district, &["opt-out", "tea-1", "--channel", "email"]);
    assert_eq!(again, "tea-1 had opted out of email already; nothing changed\n");
    assert_eq!(messages(&district), "2 notifications (1 email, 1 SMS)", "the name goes by text");
    cli(&district, &["opt-out", "tea-1", "--channel", "sms"]);
    assert_eq!(messages(&district), "1 notification (1 email, 0 SMS)");
    let shown = cli(&district, &["show", "tea-1"]);
    assert!(shown.contains("Opted out: email, sms\n"), "{shown}");
    let json: serde_json::Value =
        serde_json::from_str(&cli(&district, &["show", "tea-1", "--json"])).unwrap();
    assert_eq!(json["opt_outs"], serde_json::json!(["email", "sms"]));
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-1")["codes"], "name-updated not-notifiable");
    assert!(done.stdout.contains("1 person cannot be told of their changes"), "{}", done.stdout);
    // A sign-in is told all the same: by email, since the person has left the texts, too.
    let moved: Vec<Person> = renamed.iter().map(|one| one.clone().mobile(&mobile(9))).collect();
    district.sis(&moved);
    assert_eq!(messages(&district), "2 notifications (2 email, 0 SMS)");
    // By text, if the person has left only the mails; and to the old number.
    assert_eq!(
        cli(&district, &["opt-in", "tea-1", "--channel", "sms"]),
        "tea-1 gets messages by sms again\n"
    );
    assert_eq!(messages(&district), "3 notifications (1 email, 2 SMS)");
    let in_again = cli(&district, &["opt-in", "tea-2", "--channel", "sms"]);
    assert_eq!(in_again, "tea-2 had not opted out of sms; nothing changed\n");
    let history = cli(&district, &["history", "tea-1"]);
    let entries: Vec<String> = history
        .lines()
        .filter(|line| line.contains("opt out"))
        .map(|line| line.split_whitespace().skip(2).collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        entries,
        [
            "email opt out no yes the operator of rostersync",
            "sms opt out no yes the operator of rostersync",
            "sms opt out yes no the operator of rostersync",
        ]
    );
    district.cli(&["users", "opt-out", "tea-1", "--channel", "fax"]).exits(2).complains(&["email, sms"]);
    district
        .cli(&["users", "opt-out", "nobody", "--channel", "sms"])
        .exits(2)
        .complains(&["there is no account"]);
    district.cli(&["status", "--verify"]).ok();
}

/// An edit by hand and an undo tell people by the same rule.
#[test]
fn whatever_tells_of_a_change_keeps_to_it() {
    let mut district = District::new().without_limits();
    district.platform(&[person("gua-1")]);
    district.sis(&[person("gua-1")]);
    district.run().ok();
    cli(&district, &["opt-out", "gua-1", "--channel", "email"]);
    let edited = cli(&district, &["edit", "gua-1", "--as", "gua-1", "--family-name", "Lund"]);
    assert!(edited.contains("there is no way to tell them"), "{edited}");
    assert_eq!(district.mails().len(), 0);
    cli(&district, &["edit", "gua-1", "--as", "gua-1", "--email", "new@home.example"]);
    assert_eq!(district.mails().len(), 2, "the new address and the old one");
}

/// The platform's columns: whichever speaks last is right.
#[test]
fn by_the_platforms_export() {
    let mut district = District::new().without_limits().update_contacts(true);
    let rows = |cells: &[(&str, &str, &str)]| {
        let rows: String = cells
            .iter()
            .map(|(id, email, sms)| format!("{id},active,Rosa,Diaz,{id}@school.example,,,{email},{sms}\n"))
            .collect();
        format!(
            "sourced_id,state,given_name,family_name,email,phone,home_phone,email_opt_out,sms_opt_out\n{rows}"
        )
    };
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3")]);
    district.platform_file(&rows(&[("tea-1", "TRUE", ""), ("tea-2", "no", "maybe"), ("tea-3", "", "NULL")]));
    let done = district.run().ok();
    let odd = "platform-users.csv:3: sms_opt_out: neither true nor false, so taken as not provided";
    assert!(done.stderr.contains(odd), "{}", done.stderr);
    assert_eq!(done.stderr.matches("neither true nor false").count(), 1, "{}", done.stderr);
    let left = |district: &District| {
        let export = cli(district, &["export"]);
        let mut lines = export.lines();
        assert!(lines.next().unwrap().ends_with(",home_phone,email_opt_out,sms_opt_out"));
        lines.map(|line| line.splitn(8, ',').nth(7).unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(left(&district), ["true,false", "false,false", "false,false"]);
    // A change on the platform is shown in a preview, is in the history, and is no change of details.
    district.platform_file(&rows(&[("tea-1", "TRUE", ""), ("tea-2", "no", "yes"), ("tea-3", "", "")]));
    let preview = district.preview().ok();
    assert!(preview.stdout.contains("~ tea-2     active   sms        opted out"), "{}", preview.stdout);
    let done = district.run().ok();
    done.says("tea-2", "unchanged", "");
    assert_eq!(&done.report.row("tea-2")["codes"], "sms-opted-out");
    assert!(done.stdout.contains("0 details taken over"), "{}", done.stdout);
    assert_eq!(left(&district), ["true,false", "false,true", "false,false"]);
    let history: serde_json::Value =
        serde_json::from_str(&cli(&district, &["history", "tea-2", "--json"])).unwrap();
    let last = history.as_array().unwrap().last().unwrap();
    assert_eq!(
        (&last["field"], &last["origin"], &last["new"]),
        (&"sms_opt_out".into(), &"platform".into(), &"yes".into())
    );
    // The command speaks after the export: it stands as long as the export says the same as before.
    cli(&district, &["opt-in", "tea-1", "--channel", "email"]);
    cli(&district, &["opt-out", "tea-3", "--channel", "email"]);
    let done = district.run().ok();
    assert_eq!(done.report.column("codes"), ["", "", ""]);
    assert_eq!(left(&district), ["false,false", "false,true", "true,false"]);
    let changed = cli(&district, &["export", "--changed-since", "2"]);
    assert_eq!(changed.lines().count(), 3, "{changed}");
    // What `users export` writes says nothing new.
    let ours = cli(&district, &["export"]);
    district.platform_file(&ours);
    assert_eq!(district.run().ok().report.column("codes"), ["", "", ""]);
    // Now the export speaks last.
    district.platform_file(&rows(&[("tea-1", "true", ""), ("tea-2", "no", "no"), ("tea-3", "no", "")]));
    let done = district.run().ok();
    assert_eq!(done.report.column("codes"), ["email-opted-out", "sms-opted-in", "email-opted-in"]);
    assert_eq!(left(&district), ["true,false", "false,false", "false,false"]);
    // Without the columns everything stands.
    district.platform(&[person("tea-1"), person("tea-2"), person("tea-3")]);
    district.run_with(&["--decide-all"]).any();
    assert_eq!(left(&district), ["true,false", "false,false", "false,false"]);
    district.cli(&["status", "--verify"]).ok();
}

/// A STOP to the gateway is an opt-out of the people that have the number.
#[test]
fn by_a_stop_to_the_gateway() {
    let server = twilio();
    let district = by_twilio(&server, 2);
    let renamed: Vec<Person> = people(2, 0).into_iter().map(|one| one.family("Lund")).collect();
    district.sis(&renamed);
    server.next(error(400, 21610));
    district.run().ok();
    let shown = cli(&district, &["show", "tea-1"]);
    assert!(shown.contains("Opted out: sms\n"), "{shown}");
    assert!(cli(&district, &["export"]).contains(&format!("{},,false,true", mobile(1))));
    assert!(cli(&district, &["history", "tea-1"]).contains("sms opt out"));
    // It is the person that has left: another number gets no text either.
    let moved = [renamed[0].clone().mobile(&mobile(7)), renamed[1].clone()];
    district.sis(&moved);
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-1")["codes"], "phone-updated not-notifiable");
    let sent = posted(&server).len();
    cli(&district, &["opt-in", "tea-1", "--channel", "sms"]);
    district.sis(&[moved[0].clone().family("Berg"), renamed[1].clone()]);
    district.run().ok();
    assert_eq!(posted(&server).len(), sent + 1);
    // The old number itself stays stopped for all others that get it.
    district.sis(&[moved[0].clone().family("Berg"), renamed[1].clone().mobile(&mobile(1))]);
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-2")["codes"], "phone-updated not-notifiable");
    district.cli(&["status", "--verify"]).ok();
}

/// What waits when the person leaves the channel: a name is not told any more, a sign-in is.
#[test]
fn messages_that_wait() {
    let mut district = District::new().without_limits().update_contacts(true);
    let all = [person("tea-1"), person("tea-2")];
    district.platform(&all);
    district.sis(&all);
    district.run().ok();
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.set("notify.email.starttls", "\"never\"");
    district.sis(&[person("tea-1").family("Lund"), person("tea-2").email("new@school.example")]);
    district.run().any();
    for user in ["tea-1", "tea-2"] {
        cli(&district, &["opt-out", user, "--channel", "email"]);
    }
    district.set("notify.email.server", "\"file:mail/\"");
    district.settings_without("notify.email", "starttls");
    district.cli(&["outbox", "send"]).any();
    let told: Vec<String> = district.mails().iter().map(|mail| mail.to.clone()).collect();
    assert_eq!(told, ["new@school.example", "tea-2@school.example"]);
    let states = district.ask("SELECT state || ' ' || reason FROM outbox ORDER BY id");
    assert_eq!(states.lines().next(), Some("discarded opted out"), "{states}");
}
