//! Taking a run back: what is given back, what is kept, and what the next run makes of it.

use crate::support::{District, Person, person};

/// A night under ON that changes three active people and a pending one; then one of them is edited.
fn district() -> (District, Vec<Person>) {
    let mut district = District::new().without_limits().update_contacts(true);
    let people = vec![
        person("tea-1").given("Mary Ann").family("Lee"),
        person("tea-2").mobile("+17185550142"),
        person("tea-3"),
        person("tea-4"),
    ];
    district.platform(&people[..3]);
    district.sis(&people);
    district.run().ok();
    let changed: Vec<Person> = vec![
        people[0].clone().given("Maria").email("wrong-1@mail.example"),
        people[1].clone().email("wrong-2@mail.example").mobile("+17185550199"),
        people[2].clone().email("wrong-3@mail.example"),
        people[3].clone().email("wrong-4@mail.example"),
    ];
    district.at("2026-11-24T08:15:00Z");
    district.sis(&changed);
    district.run().ok();
    // From now on people keep their own details.
    let mut district = district.update_contacts(false);
    district.at("2026-11-24T15:00:00Z");
    district.cli(&["users", "edit", "tea-3", "--as", "tea-3", "--email", "mine@mail.example"]).ok();
    (district, changed)
}

fn details(district: &District) -> String {
    district.ask("SELECT sourced_id, given_name, family_name, email, phone FROM account ORDER BY 1")
}

const GROUPS: &str = "\
~ tea-1     active   name       Maria Lee → Mary Ann Lee; the next run leaves it and reports the SIS value
~ tea-1     active   email      wrong-1@mail.example → tea-1@school.example; the next run leaves it and reports the SIS value
~ tea-2     active   email      wrong-2@mail.example → tea-2@school.example; the next run leaves it and reports the SIS value
~ tea-2     active   phone      +17185550199 → +17185550142; the next run leaves it and reports the SIS value
= tea-3     active   email      kept mine@mail.example, was tea-3@school.example: changed since
~ tea-4     pending  email      wrong-4@mail.example → tea-4@school.example; the next run changes it to wrong-4@mail.example again
";

#[test]
fn the_three_groups_and_what_the_next_run_makes_of_them() {
    let (mut district, _) = district();
    let mails = district.mails().len();
    let before = district.everything();
    let done = district.cli(&["undo", "2", "--dry-run"]).ok();
    let (groups, rest) = done.stdout.split_once("\n\n").unwrap();
    assert_eq!(format!("{groups}\n"), GROUPS);
    assert!(
        rest.starts_with(
            "Undo of run 2, preview: 5 values given back (4 stay, 1 changed again by the next run), 1 kept\n"
        ) && rest.contains("To keep the value that the next run would change again, correct it in the SIS")
            && rest.contains(
                "2 people were told of run 2 and would not be told of this; --notify tells them.\n"
            ),
        "{rest}"
    );
    assert_eq!(district.everything(), before, "a preview writes nothing");

    let done = district.cli(&["undo", "2"]).ok();
    assert!(
        done.stdout.starts_with(GROUPS) && done.stdout.contains("Run 3, its report is "),
        "{}",
        done.stdout
    );
    assert_eq!(
        details(&district),
        "tea-1 | Mary Ann | Lee | tea-1@school.example | \n\
         tea-2 | Rosa | Diaz | tea-2@school.example | +17185550142\n\
         tea-3 | Rosa | Diaz | mine@mail.example | \n\
         tea-4 | Rosa | Diaz | tea-4@school.example | "
    );
    assert_eq!(district.mails().len(), mails, "nobody is told");
    assert!(
        done.stdout.contains("2 people were told of run 2 and are not told of this.\n"),
        "{}",
        done.stdout
    );
    let runs = district.cli(&["runs", "--json"]).ok().json();
    assert_eq!(
        (&runs[0]["mode"], &runs[0]["undoes"], &runs[0]["source"]),
        (&"undo".into(), &2.into(), &"undo of run 2".into())
    );
    assert_eq!(runs[0]["summary"]["actions"], serde_json::json!({ "updated": 3, "kept": 1 }));
    let report = district
        .cli(&[
            "report",
            "3",
            "--columns",
            "sourced_id,action,email,sis_email,codes,notes",
            "--format",
            "csv",
        ])
        .ok();
    assert!(
        report.stdout.contains(
            "tea-4,updated,tea-4@school.example,wrong-4@mail.example,email-given-back,\"Email given back by the undo of run 2 - \
             was wrong-4@mail.example, the next run changes it to wrong-4@mail.example again\""
        ),
        "{}",
        report.stdout
    );
    assert!(report.stdout.contains("tea-3,kept,mine@mail.example,"), "{}", report.stdout);
    assert_eq!(district.cli(&["status", "--json"]).ok().json()["last_run"]["run"], 2, "an undo is no sync");
    district.cli(&["status", "--verify"]).ok();
    let json = district.cli(&["users", "show", "tea-1", "--json"]).ok().json();
    assert_eq!(
        (&json["fields"]["email"]["set"]["origin"], &json["fields"]["email"]["set"]["run"]),
        (&"undo".into(), &3.into())
    );

    // The next night does what was said, and nothing else.
    district.at("2026-11-25T08:15:00Z");
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id action"),
        ["tea-1 | kept", "tea-2 | kept", "tea-3 | kept", "tea-4 | updated"]
    );
}

#[test]
fn an_undo_can_be_undone_and_nothing_is_done_twice() {
    let (district, _) = district();
    let before = details(&district);
    district.cli(&["undo", "2"]).ok();
    let store = district.store_hash();
    let done = district.cli(&["undo", "2"]).ok();
    assert!(done.stdout.contains("nothing to give back, 6 kept; nothing was changed"), "{}", done.stdout);
    assert_eq!(district.store_hash(), store);
    district.cli(&["undo", "3"]).ok();
    assert_eq!(details(&district), before);
    district.cli(&["undo", "9"]).exits(2).complains(&["there is no run 9"]);
    // A first load changed nothing: there is nothing to give back.
    let done = district.cli(&["undo", "1"]).ok();
    assert!(done.stdout.contains("nothing to give back, 0 kept"), "{}", done.stdout);
}

#[test]
fn people_are_told_if_that_is_wanted() {
    let (district, _) = district();
    let before = district.mails().len();
    let done = district.cli(&["undo", "2", "--notify"]).ok();
    assert!(done.stdout.contains("; 4 notifications"), "{}", done.stdout);
    let mails = district.mails();
    let to: Vec<&str> = mails.iter().skip(before).map(|mail| mail.to.as_str()).collect();
    assert_eq!(to.len(), 4, "the new and the old address of two active people: {to:?}");
    assert!(mails.iter().any(|mail| mail.body.contains("were set back to what they were before")));
}

/// One of each, and nothing where no message was sent.
#[test]
fn what_an_undo_says_is_right_in_number() {
    let mut district = District::new().without_limits().update_contacts(true);
    let before = [person("tea-1"), person("tea-2")];
    district.platform(&before);
    district.sis(&before);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[person("tea-1").email("new@mail.example"), person("tea-2")]);
    // The first message waits for a server that is not there.
    district.set("notify.email.server", "\"smtp://127.0.0.1:1\"");
    district.set("notify.email.timeout", "\"2s\"");
    district.run().exits(8);
    let preview = district.cli(&["undo", "2", "--dry-run"]).ok().stdout;
    assert!(
        preview.ends_with(
            "Undo of run 2, preview: 1 value given back (0 stay, 1 changed again by the next run), 0 kept\n\
             1 message that still waits and tells of what is taken back would not be sent.\n\
             To keep the value that the next run would change again, correct it in the SIS, or let active users keep their own \
             details (update_contacts = false) first.\n"
        ),
        "{preview}"
    );
    let mut off = district.update_contacts(false);
    off.set("notify.email.server", "\"file:mail/\"");
    off.at("2026-11-25T08:15:00Z");
    off.run().any();
    assert!(!off.mails().is_empty());
    let preview = off.cli(&["undo", "2", "--dry-run"]).ok().stdout;
    assert!(
        preview.ends_with(
            "Undo of run 2, preview: 1 value given back (1 stays, 0 changed again by the next run), 0 kept\n\
             1 person was told of run 2 and would not be told of this; --notify tells that person.\n"
        ),
        "{preview}"
    );
    let done = off.cli(&["undo", "2", "--notify"]).ok().stdout;
    assert!(
        done.ends_with(
            "1 value given back (1 stays, 0 changed again by the next run), 0 kept; 2 notifications\n"
        ),
        "{done}"
    );
    let done = off.cli(&["undo", "4"]).ok().stdout;
    assert!(
        done.ends_with("0 kept; 0 notifications\n1 person was told of run 4 and is not told of this.\n"),
        "{done}"
    );
}

/// While the setting is ON the roster is right, and the preview says so for all users.
#[test]
fn under_on_the_next_run_changes_it_again() {
    let (district, _) = district();
    let district = district.update_contacts(true);
    let done = district.cli(&["undo", "2", "--dry-run"]).ok();
    assert!(
        done.stdout.contains("5 values given back (0 stay, 5 changed again by the next run), 1 kept"),
        "{}",
        done.stdout
    );
}

/// Archived users keep their details, and so do users with an old address that has another owner
/// now.
#[test]
fn what_cannot_be_given_back_is_kept_and_said() {
    let (district, mut people) = district();
    let district = district.with("sync.shared_contacts", "\"unique\"");
    people.remove(1);
    district.sis(&people);
    district.run().ok();
    district.cli(&["users", "edit", "tea-3", "--as", "tea-3", "--email", "TEA-1@school.example"]).ok();
    let text = district.cli(&["undo", "2"]).ok().stdout;
    for line in [
        "= tea-1     active   email      kept wrong-1@mail.example, was tea-1@school.example: another account has it by now",
        "= tea-2     archived email      kept wrong-2@mail.example, was tea-2@school.example: the account is archived",
        "~ tea-1     active   name       Maria Lee → Mary Ann Lee",
    ] {
        assert!(text.contains(line), "`{line}` in\n{text}");
    }
}

/// A run that was stopped by a limit did nothing.
#[test]
fn a_blocked_run_cannot_be_undone() {
    let district = District::new().with("limits.archive", "0");
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("tea-1")]);
    district.run().exits(4);
    district.cli(&["undo", "2"]).exits(2).complains(&["run 2 was blocked"]);
}

/// The platform's export takes a day: while it still shows what the run had put there, it is waited
/// for.
#[test]
fn an_export_that_has_not_heard_of_the_undo_does_not_undo_it() {
    let (mut district, changed) = district();
    let shown: Vec<Person> =
        vec![changed[0].clone(), changed[1].clone(), changed[2].clone().email("mine@mail.example")];
    district.platform(&shown);
    district.at("2026-11-25T08:15:00Z");
    district.run().ok();
    district.cli(&["undo", "2"]).ok();
    let before = details(&district);
    district.at("2026-11-26T08:15:00Z");
    let done = district.run().ok();
    assert_eq!(&done.report.row("tea-1")["email"], "tea-1@school.example");
    assert!(!before.contains("wrong-1") && !details(&district).contains("wrong-1"));
}

/// The platform is quicker: it has taken the run's value over before the undo, and hears of that a
/// night later.
#[test]
fn an_export_that_had_taken_the_run_over_does_not_redo_it() {
    let (mut district, changed) = district();
    district.platform(&changed[..3]);
    district.cli(&["undo", "2"]).ok();
    let before = details(&district);
    assert!(!before.contains("wrong-1") && !before.contains("Maria"), "{before}");
    for day in [25, 26] {
        district.at(&format!("2026-11-{day}T08:15:00Z"));
        let done = district.run().ok();
        assert_eq!(&done.report.row("tea-1")["email"], "tea-1@school.example");
        assert_eq!(&done.report.row("tea-1")["given_name"], "Mary Ann");
        assert_eq!(&done.report.row("tea-2")["phone"], "+17185550142");
    }
}

/// What is said of the next run is what it does, whatever came in between: a roster that has
/// changed, an export with news, a record that cannot be used.
#[test]
fn the_next_run_does_what_the_undo_forecasts() {
    let (district, changed) = district();
    let mut district = {
        let mut roster = changed.clone();
        // A record that cannot be used, one that is gone, one that says something else by now.
        roster[0] = roster[0].clone().schools("sch-on");
        roster.push(roster[0].clone().given("Other"));
        roster[1] = roster[1].clone().schools("sch-on").email("later-2@mail.example").mobile("+17185550199");
        roster.remove(3);
        district.sis(&roster);
        district.school("sch-on", true)
    };
    district.platform(&[
        changed[0].clone(),
        changed[1].clone(),
        changed[2].clone().email("there@mail.example"),
    ]);
    district.at("2026-11-25T07:00:00Z");
    let preview = district.cli(&["undo", "2", "--dry-run"]).ok().stdout;
    for line in [
        "~ tea-1     active   name       Maria Lee → Mary Ann Lee; it stays",
        "~ tea-1     active   email      wrong-1@mail.example → tea-1@school.example; it stays",
        "~ tea-2     active   email      wrong-2@mail.example → tea-2@school.example; the next run changes it to later-2@mail.example again",
        "~ tea-2     active   phone      +17185550199 → +17185550142; the next run changes it to +17185550199 again",
        "= tea-3     active   email      kept mine@mail.example, was tea-3@school.example: changed since",
        "~ tea-4     pending  email      wrong-4@mail.example → tea-4@school.example; it stays",
        "preview: 5 values given back (3 stay, 2 changed again by the next run), 1 kept",
    ] {
        assert!(preview.contains(line), "`{line}` in\n{preview}");
    }
    assert!(!preview.contains("estimated") && !preview.contains("blocked"), "{preview}");
    let done = district.cli(&["undo", "2"]).ok().stdout;
    let groups = |text: &str| text.split("\n\n").next().unwrap().to_owned();
    assert_eq!(groups(&done), groups(&preview));
    district.run().ok();
    assert_eq!(
        district.ask("SELECT sourced_id, given_name, email, phone FROM account ORDER BY 1"),
        "tea-1 | Mary Ann | tea-1@school.example | \n\
         tea-2 | Rosa | later-2@mail.example | +17185550199\n\
         tea-3 | Rosa | there@mail.example | \n\
         tea-4 | Rosa | tea-4@school.example | "
    );
    district.cli(&["status", "--verify"]).ok();
}

/// The next run would do nothing at all.
#[test]
fn a_next_run_that_a_limit_would_stop_is_forecast_as_well() {
    let (district, _) = district();
    let district = district.update_contacts(true).with("limits.contact_updates", "0");
    let before = district.store_hash();
    let text = district.cli(&["undo", "2", "--dry-run"]).ok().stdout;
    assert!(
        text.ends_with(
            "But the next run would be blocked by a limit, and change nothing:\n  \
             3 active users under ON would have their contact details changed; [limits] contact_updates allows 0\n"
        ),
        "{text}"
    );
    assert_eq!(district.store_hash(), before);
}

/// Without the roster less is known, and that is said.
#[test]
fn without_the_roster_it_says_what_it_leaves_out() {
    let (mut district, _) = district();
    std::fs::rename(district.path("sis"), district.path("elsewhere")).unwrap();
    let text = district.cli(&["undo", "2", "--dry-run"]).ok().stdout;
    assert!(text.starts_with(GROUPS), "{text}");
    assert!(text.contains("is estimated from the last roster; what has changed in the SIS since"), "{text}");
    assert!(text.contains("sis"), "{text}");
    // A roster that comes over the network is not asked for it: there is nothing at this address.
    for (key, value) in [
        ("source.type", "\"oneroster-api\""),
        ("source.url", "\"https://127.0.0.1:1/ims/oneroster/v1p1\""),
        ("source.auth.type", "\"bearer\""),
        ("source.auth.token_file", "\"token\""),
    ] {
        district.set(key, value);
    }
    district.unset("source.path");
    district.file("token", "let-me-in\n");
    for arguments in [&["undo", "2", "--dry-run"][..], &["undo", "2"]] {
        let text = district.cli(arguments).ok().stdout;
        assert!(text.starts_with(GROUPS), "{text}");
        assert!(text.contains("the roster comes over the network, and is not pulled for this"), "{text}");
    }
}

/// A bad night that does everything: see the lines of [`WHOLE`].
fn bad_night() -> (District, Vec<Person>) {
    let mut district = District::new().without_limits();
    let usual = vec![
        person("tea-1"),
        person("tea-2"),
        person("tea-3"),
        person("stu-1"),
        person("stu-2"),
        person("gua-1").agents("stu-1"),
    ];
    district.sis(&usual);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    let mut without = usual.clone();
    without.remove(2);
    district.sis(&without);
    district.run().ok();
    district.at("2026-11-25T08:15:00Z");
    let bad = [
        person("tea-1").email("wrong@mail.example"),
        person("tea-3"),
        person("stu-1"),
        person("stu-2"),
        person("gua-1").agents("stu-2"),
        person("tea-8"),
        person("tea-9"),
    ];
    district.sis(&bad);
    district.run().ok();
    district.at("2026-11-25T15:00:00Z");
    district.cli(&["users", "join", "tea-8"]).ok();
    (district, without)
}

const WHOLE: &str = "\
~ tea-1     pending  email      wrong@mail.example → tea-1@school.example; the next run changes it to wrong@mail.example again
~ tea-2     pending  state      archived → pending; the next run archives it again
~ tea-3     archived state      pending → archived; the next run restores it again
~ gua-1     pending  link       stu-2 → none; the next run adds it again
~ gua-1     pending  link       none → stu-1; the next run removes it again
= tea-8     active   state      kept active, was none: changed since
~ tea-9     archived state      pending → archived; the next run restores it
";

fn states(district: &District) -> String {
    district.ask("SELECT sourced_id, CASE archived WHEN 1 THEN 'archived' ELSE state END, email FROM account ORDER BY id")
}

#[test]
fn a_whole_run_is_taken_back_and_the_next_run_does_what_was_said() {
    let (mut district, _) = bad_night();
    let before = district.everything();
    let done = district.cli(&["undo", "3", "--all", "--dry-run"]).ok();
    let (lines, rest) = done.stdout.split_once("\n\n").unwrap();
    assert_eq!(format!("{lines}\n"), WHOLE);
    assert!(
        rest.starts_with(
            "Undo of run 3, preview: 1 value given back (0 stay, 1 changed again by the next run), 2 accounts archived, 1 brought \
             back, 0 with the old sourcedId, 2 links taken back (5 of these changed again by the next run), 1 kept\n"
        ),
        "{rest}"
    );
    assert_eq!(district.everything(), before, "a preview writes nothing");
    let done = district.cli(&["undo", "3", "--all"]).ok();
    assert!(done.stdout.starts_with(WHOLE), "{}", done.stdout);
    assert_eq!(
        states(&district),
        "tea-1 | pending | tea-1@school.example\n\
         tea-2 | pending | tea-2@school.example\n\
         tea-3 | archived | tea-3@school.example\n\
         stu-1 | pending | stu-1@school.example\n\
         stu-2 | pending | stu-2@school.example\n\
         gua-1 | pending | gua-1@school.example\n\
         tea-8 | active | tea-8@school.example\n\
         tea-9 | archived | tea-9@school.example"
    );
    let shown = ["report", "4", "--columns", "sourced_id,state,action,codes,notes", "--format", "csv"];
    let report = district.cli(&shown).ok().stdout;
    for row in [
        "tea-2,pending,restored,archived-taken-back,\"Archiving taken back by the undo of run 3 - was archived, the next run archives it \
         again\"",
        "tea-3,archived,archived,restored-taken-back,\"Return taken back by the undo of run 3 - was pending, the next run restores it \
         again\"",
        "gua-1,pending,updated,link-added-taken-back link-removed-taken-back,\"Link to stu-2 taken back by the undo of run 3 - was \
         stu-2, the next run adds it again; End of the link to stu-1 taken back by the undo of run 3 - was none, the next run removes \
         it again\"",
        "tea-8,active,kept,created-not-taken-back,Creation not taken back by the undo of run 3: changed since - kept active",
        "tea-9,archived,archived,created-taken-back,\"Creation taken back by the undo of run 3 - was pending, the next run restores it\"",
    ] {
        assert!(report.contains(row), "{row}\nin\n{report}");
    }
    district.cli(&["status", "--verify"]).ok();
    let history = district.cli(&["users", "history", "tea-2", "--json"]).ok().stdout;
    assert!(history.contains("undo"), "{history}");
    assert!(district.mails().is_empty(), "nobody is told");
    // The same again: everything was touched since, by the undo.
    let store = district.store_hash();
    let again = district.cli(&["undo", "3", "--all"]).ok();
    assert!(again.stdout.contains("nothing to give back, 7 kept; nothing was changed"), "{}", again.stdout);
    assert_eq!(district.store_hash(), store);

    district.at("2026-11-26T08:15:00Z");
    let done = district.run().ok();
    done.says("tea-1", "updated", "Email updated by the sync - was tea-1@school.example");
    done.says("tea-2", "archived", "User is no longer in the SIS import - archived");
    done.says("tea-3", "restored", "User is back in the SIS import - restored");
    done.says("tea-9", "restored", "User is back in the SIS import - restored");
    done.says("gua-1", "updated", "Linked to stu-2; No longer linked to stu-1");
    done.says("tea-8", "unchanged", "");
}

#[test]
fn after_a_whole_run_is_taken_back_a_mended_roster_changes_nothing() {
    let (mut district, usual) = bad_night();
    district.cli(&["undo", "3", "--all"]).ok();
    let before = states(&district);
    district.at("2026-11-26T08:15:00Z");
    district.sis(&usual);
    let done = district.preview().ok();
    assert!(!done.stdout.contains("linked"), "{}", done.stdout);
    let done = district.run().ok();
    // Only the person that joined meanwhile is not in the SIS.
    done.says("tea-8", "archived", "User is no longer in the SIS import - archived");
    assert!(
        done.plan().starts_with(
            "0 to create, 0 to update (0 email, 0 phone, 0 home phone, 0 name), 1 to archive, 0 to restore, 0 kept, 5 unchanged"
        ),
        "{}",
        done.plan()
    );
    assert!(done.plan().contains(" 0 links;"), "{}", done.plan());
    assert_eq!(states(&district), before.replace("tea-8 | active", "tea-8 | archived"));
}

/// The undo of a whole run can itself be taken back.
#[test]
fn the_undo_of_a_whole_run_can_be_undone() {
    let (district, _) = bad_night();
    let before = (states(&district), district.ask("SELECT sourced_id, links FROM account ORDER BY id"));
    district.cli(&["undo", "3", "--all"]).ok();
    district.cli(&["undo", "4", "--all"]).ok();
    assert_eq!(
        (states(&district), district.ask("SELECT sourced_id, links FROM account ORDER BY id")),
        before
    );
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn a_suppressed_person_is_not_brought_back() {
    let mut district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.cli(&["users", "suppress", "tea-2", "--reason", "court order"]).ok();
    district.at("2026-11-24T08:15:00Z");
    district.run().ok();
    assert_eq!(district.ask("SELECT archived FROM account WHERE sourced_id = 'tea-2'"), "1");
    let done = district.cli(&["undo", "2", "--all"]).ok();
    let kept =
        "= tea-2     archived state      kept archived, was pending: the person may not be contacted\n";
    assert!(done.stdout.starts_with(kept), "{}", done.stdout);
    assert_eq!(district.ask("SELECT archived FROM account WHERE sourced_id = 'tea-2'"), "1");
}

#[test]
fn an_account_gets_its_old_sourced_id_and_the_next_run_joins_it_again() {
    let mut district = District::new().without_limits().with("identity.same_person", "\"join\"");
    let family = |teacher: &str| {
        [
            person("stu-1").agents("gua-1"),
            person("gua-1"),
            person(teacher).identifier("4711").family("Okonkwo").email("okonkwo@school.example"),
        ]
    };
    district.sis(&family("tea-1"));
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&family("tea-50"));
    district.run().any();
    let ids = |district: &District| district.ask("SELECT sourced_id FROM account ORDER BY id");
    assert_eq!(ids(&district), "stu-1\ngua-1\ntea-50");
    let done = district.cli(&["undo", "2", "--all"]).ok();
    let line =
        "~ tea-1     pending  sourcedId  tea-50 → tea-1; the next run gives it the new sourcedId again\n";
    assert!(done.stdout.starts_with(line), "{}", done.stdout);
    assert_eq!(ids(&district), "stu-1\ngua-1\ntea-1");
    district.cli(&["status", "--verify"]).ok();
    district.at("2026-11-25T08:15:00Z");
    district.run().any();
    assert_eq!(ids(&district), "stu-1\ngua-1\ntea-50");
}

#[test]
fn an_erased_person_is_never_brought_back() {
    let mut district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3")]);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[person("tea-1"), person("tea-4")]);
    district.run().ok();
    district.cli(&["users", "erase", "tea-2", "--yes"]).ok();
    district.cli(&["users", "erase", "tea-4", "--yes"]).ok();
    assert_eq!(district.ask("SELECT sourced_id FROM account ORDER BY 1"), "tea-1\ntea-3");
    let done = district.cli(&["undo", "2", "--all"]).ok();
    assert!(
        done.stdout.starts_with(
            "~ tea-3     pending  state      archived → pending; the next run archives it again\n\nRun 3, its report is "
        ) && done.stdout.contains("2 accounts were removed since, with all personal data, and are not brought back.\n"),
        "{}",
        done.stdout
    );
    assert_eq!(district.ask("SELECT sourced_id FROM account ORDER BY 1"), "tea-1\ntea-3");
    district.cli(&["status", "--verify"]).ok();
}

/// What `--rekey` did is a part of the run.
#[test]
fn renames_from_a_file_are_taken_back_with_the_run() {
    let mut district = District::new().without_limits();
    district.sis(&[person("stu-1").agents("gua-1"), person("gua-1")]);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[person("stu-50").agents("gua-1").email("stu-1@school.example"), person("gua-1")]);
    district.file("renames.csv", "old,new\nstu-1,stu-50\n");
    district.run_with(&["--rekey", "renames.csv"]).ok();
    let links = |district: &District| district.ask("SELECT sourced_id, hex(links) FROM account ORDER BY id");
    let after = links(&district);
    let done = district.cli(&["undo", "2", "--all"]).ok();
    assert!(
        done.stdout.starts_with("~ stu-1     pending  sourcedId  stu-50 → stu-1; the next run "),
        "{}",
        done.stdout
    );
    assert!(links(&district).starts_with("stu-1 | "), "{}", links(&district));
    assert_ne!(
        links(&district),
        after.replace("stu-50", "stu-1"),
        "the guardian's link has the old key again"
    );
    district.cli(&["status", "--verify"]).ok();
    district.cli(&["undo", "3", "--all"]).ok();
    assert_eq!(links(&district), after);
}
