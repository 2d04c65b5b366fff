//! People that are to have no account: `users suppress`, and the file of the configuration.

use crate::support::{District, Person, person};

fn cli(district: &District, arguments: &[&str]) -> String {
    district.cli(&[&["users"], arguments].concat()).ok().stdout
}

fn all() -> Vec<Person> {
    ["tea-1", "gua-1", "stu-1"].into_iter().map(person).collect()
}

fn district() -> District {
    let mut district = District::new().without_limits().update_contacts(true);
    district.platform(&all());
    district.sis(&all());
    district.run().ok();
    district
}

#[test]
fn a_person_that_is_suppressed_has_no_account_until_the_day_has_passed() {
    let mut district = district();
    let said =
        cli(&district, &["suppress", "tea-1", "--reason", "left on bad terms", "--until", "2026-11-25"]);
    assert_eq!(
        said,
        "tea-1 is suppressed until 2026-11-25, that day included. The next run archives the account. Nothing is sent to the \
         user from now on\n"
    );
    // One that has no account yet.
    assert_eq!(
        cli(&district, &["suppress", "gua-9", "--reason", "asked not to be written to"]),
        "gua-9 is suppressed without an end. No run makes or restores an account\n"
    );
    let shown = cli(&district, &["show", "tea-1"]);
    assert!(shown.contains("Suppressed: until 2026-11-25: left on bad terms\n"), "{shown}");
    let list: serde_json::Value =
        serde_json::from_str(&cli(&district, &["list", "--suppressed", "--format", "json"])).unwrap();
    let rows: Vec<[&str; 4]> = list
        .as_array()
        .unwrap()
        .iter()
        .map(|row| ["sourced_id", "state", "until", "reason"].map(|column| row[column].as_str().unwrap()))
        .collect();
    assert_eq!(
        rows,
        [
            ["tea-1", "active", "2026-11-25", "left on bad terms"],
            ["gua-9", "", "", "asked not to be written to"],
        ]
    );
    let with_gua_9 = [&all()[..], &[person("gua-9")]].concat();
    district.sis(&with_gua_9);
    let preview = district.preview().ok();
    assert!(preview.stdout.contains("- tea-1     active   archived"), "{}", preview.stdout);
    let done = district.run().ok();
    assert_eq!(done.checksum(), preview.checksum());
    done.says("tea-1", "archived", "Suppressed - archived").says(
        "gua-9",
        "skipped",
        "Suppressed - not added",
    );
    assert_eq!(&done.report.row("tea-1")["codes"], "suppressed");
    // It survives every sync, also when the platform shows the person, up to the last day.
    for day in ["2026-11-24T08:15:00Z", "2026-11-25T08:15:00Z"] {
        district.at(day);
        district.run().ok().says("tea-1", "skipped", "Suppressed - not added");
    }
    district.at("2026-11-26T08:15:00Z");
    let done = district.run().ok();
    done.says("tea-1", "restored", "User is back in the SIS import - restored");
    done.says("gua-9", "skipped", "Suppressed - not added");
    assert_eq!(
        cli(&district, &["unsuppress", "gua-9"]),
        "gua-9 is not suppressed any more. The next run adds an account if the SIS has the user\n"
    );
    assert_eq!(
        cli(&district, &["unsuppress", "gua-9"]),
        "gua-9 was not suppressed by `users suppress`; nothing changed\n"
    );
    district.run().ok().says("gua-9", "created", "");
    let history = cli(&district, &["history", "tea-1"]);
    assert!(history.contains("suppressed") && history.contains("until 2026-11-25"), "{history}");
    for file in std::fs::read_dir(district.path("reports")).unwrap() {
        let text = std::fs::read_to_string(file.unwrap().path()).unwrap();
        assert!(!text.contains("bad terms"), "{text}");
    }
    district
        .cli(&["users", "suppress", "tea-1", "--reason", "x", "--until", "2026-11-25"])
        .exits(2)
        .complains(&[
            "2026-11-25 has passed",
            "`--until` is the last day on which the person is suppressed; leave it out for no end",
        ]);
    district
        .cli(&["users", "suppress", "tea-1", "--reason", " "])
        .exits(2)
        .complains(&["the reason is blank"]);
    district.cli(&["users", "suppress", "tea-1"]).exits(2).complains(&["--reason"]);
    district.cli(&["status", "--verify"]).ok();
}

/// What waits for the person is not sent from that moment, and an edit tells nothing either.
#[test]
fn nothing_is_sent_to_a_suppressed_person() {
    let mut district = district();
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.set("notify.email.starttls", "\"never\"");
    district.sis(&all().into_iter().map(|one| one.family("Lund")).collect::<Vec<_>>());
    district.run().any();
    assert_eq!(district.ask("SELECT count(*) FROM outbox WHERE state IN ('queued', 'deferred')"), "3");
    let said = cli(&district, &["suppress", "gua-1", "--reason", "asked"]);
    assert!(said.ends_with("\n1 message that waited is discarded\n"), "{said}");
    district.set("notify.email.server", "\"file:mail/\"");
    district.settings_without("notify.email", "starttls");
    district.set("sync.update_contacts", "false");
    district.cli(&["users", "edit", "gua-1", "--as", "gua-1", "--given-name", "Eva"]).any();
    district.cli(&["outbox", "send"]).any();
    let told = |district: &District| {
        let mut told: Vec<String> = district.mails().iter().map(|mail| mail.to.clone()).collect();
        told.sort();
        told.dedup();
        told
    };
    assert_eq!(told(&district), ["stu-1@school.example", "tea-1@school.example"]);
    // A blocked run leaves it at that, and an applied one as well.
    district.set("limits.archive", "0");
    district.run().exits(4).any();
    district.cli(&["outbox", "send"]).any();
    district.set("limits.archive", "100000");
    let done = district.run().ok();
    done.says("gua-1", "archived", "Suppressed - archived");
    district.cli(&["outbox", "send"]).any();
    assert_eq!(told(&district), ["stu-1@school.example", "tea-1@school.example"]);
    assert!(cli(&district, &["history", "gua-1"]).contains("messages"));
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn a_file_of_suppressed_people() {
    let mut district = district().with("contacts.suppressed", "\"suppressed.csv\"");
    let store = district.store_hash();
    district.cli(&["run"]).exits(7).complains(&[
        "the file of suppressed people cannot be read",
        "suppressed.csv",
        "`suppressed` in [contacts] names a CSV file with the headers sourced_id, until, reason",
    ]);
    district.file("suppressed.csv", "id,reason\ntea-1,x\n");
    district.cli(&["run"]).exits(7).complains(&["sourced_id"]);
    assert_eq!(district.store_hash(), store);
    district.file(
        "suppressed.csv",
        "sourced_id,until,reason\ntea-1,2026-11-22,over\ngua-1,soon,asked\n,2027-01-01,x\nstu-1,11/30/2026,moved\n\
         tea-9,,never came",
    );
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "").says("gua-1", "archived", "Suppressed - archived");
    done.says("stu-1", "archived", "Suppressed - archived");
    for words in [
        "suppressed.csv:3: until: not a day such as 2027-06-30; the person is suppressed until the row is corrected",
        "suppressed.csv:4: sourced_id: the row has no sourced_id; it suppresses no one",
    ] {
        assert!(done.stderr.contains(words), "`{words}` in {}", done.stderr);
    }
    let list = cli(&district, &["list", "--suppressed", "--format", "csv"]);
    let ids: Vec<&str> = list.lines().skip(1).map(|line| line.split(',').next().unwrap()).collect();
    assert_eq!(ids, ["gua-1", "stu-1", "tea-9"]);
    let still = cli(&district, &["unsuppress", "gua-1"]);
    assert!(
        still.ends_with("gua-1 is still suppressed: remove the row of the user in suppressed.csv\n"),
        "{still}"
    );
    let shown = cli(&district, &["show", "stu-1"]);
    assert!(shown.contains("Suppressed: until 2026-11-30 (suppressed.csv): moved\n"), "{shown}");
    // The row goes, and the person is back. All rows at once do not go.
    district.file("suppressed.csv", "sourced_id,until,reason\ngua-1,,asked\n");
    district.run().ok().says("stu-1", "restored", "User is back in the SIS import - restored");
    district.file("suppressed.csv", "sourced_id,until,reason\n");
    district.cli(&["run"]).exits(7).complains(&[
        "the file of suppressed people has no rows any more, and had 1 on the last good night",
        "remove `suppressed` from [contacts]",
    ]);
    district.file("suppressed.csv", "sourced_id,until,reason\nx-1,,\n");
    district.run().ok().says("gua-1", "restored", "User is back in the SIS import - restored");
    // Without the file the table of the store alone counts.
    district.unset("contacts.suppressed");
    district.run().ok();
    district.cli(&["status", "--verify"]).ok();
}

/// It goes along with a new sourcedId, and nothing gives the account back meanwhile.
#[test]
fn a_suppression_belongs_to_the_person() {
    let district = district();
    cli(&district, &["suppress", "tea-1", "--reason", "left"]);
    district.run().ok().says("tea-1", "archived", "Suppressed - archived");
    district.sis(&[person("tea-7").email("tea-1@school.example"), person("gua-1"), person("stu-1")]);
    cli(&district, &["rekey", "tea-1", "tea-7"]);
    let done = district.run().ok();
    done.says("tea-7", "skipped", "Suppressed - not added");
    assert_eq!(district.ask("SELECT sourced_id FROM suppressed"), "tea-7");
    // Another person under the id of the account: it is not restored by hand either.
    let explained = district.cli(&["explain", "tea-7", "--json"]).ok().json();
    assert_eq!(explained["notes"], "Suppressed - not added");
}

/// A person who is suppressed counts among those that are archived.
#[test]
fn the_limit_on_archives_holds() {
    let mut district = district();
    for user in ["tea-1", "gua-1"] {
        cli(&district, &["suppress", user, "--reason", "x"]);
    }
    district.set("limits.archive", "1");
    let done = district.run().exits(4);
    assert!(
        done.stdout.contains("2 accounts would be archived; [limits] archive allows 1"),
        "{}",
        done.stdout
    );
}

#[test]
fn what_the_commands_say_of_a_suppressed_person() {
    let mut district = District::new().without_limits();
    district.platform(&all());
    district.sis(&[person("tea-1").email("new@school.example"), person("gua-1"), person("stu-1")]);
    district.run().ok();
    cli(&district, &["suppress", "tea-1", "--reason", "asked", "--until", "2026-12-01"]);
    cli(&district, &["suppress", "tea-1", "--reason", "asked again"]);
    let history = cli(&district, &["history", "tea-1"]);
    let last = history.lines().rfind(|line| line.contains("suppressed")).unwrap();
    assert!(last.contains("until 2026-12-01  without an end"), "{history}");
    // Nothing tells of a change, and nothing says that it did.
    let nothing = "tea-1 was changed, and nothing is sent, because the user may not be contacted";
    let taken = cli(&district, &["settle", "tea-1", "email", "--take"]);
    assert!(taken.contains(nothing), "{taken}");
    let edited = cli(&district, &["edit", "tea-1", "--as", "tea-1", "--email", "own@home.example"]);
    assert!(
        edited.contains("tea-1 was changed; nothing is sent, because the user may not be contacted"),
        "{edited}"
    );
    assert_eq!(district.mails().len(), 0);
    let stays = "tea-1 is not suppressed any more. The account stays as it is\n";
    assert_eq!(cli(&district, &["unsuppress", "tea-1"]), stays);
    cli(&district, &["suppress", "tea-1", "--reason", "asked"]);
    district.run().ok().says("tea-1", "archived", "Suppressed - archived");
    let explained = district.cli(&["explain", "tea-1"]).ok().stdout;
    assert!(!explained.contains("no longer in the SIS import"), "{explained}");
    district.cli(&["users", "join", "tea-1"]).exits(4).complains(&[
        "This account is archived. It cannot be used until a sync restores it",
        "code archived",
    ]);
    // The next night has other words for the same.
    district.run().ok().says("tea-1", "skipped", "Suppressed - not added");
    let new = district.cli(&["report", "--new", "--format", "csv"]).ok().stdout;
    assert!(!new.contains("Suppressed"), "{new}");
    let back =
        "tea-1 is not suppressed any more. The next run restores the account if the SIS has the user\n";
    assert_eq!(cli(&district, &["unsuppress", "tea-1"]), back);
}
