//! Second accounts of one person, and a SIS that gives people new sourcedIds.

use crate::support::{District, person};

/// Rosa had joined as `tea-1`; the SIS now calls her `tea-901`.
fn rekeyed() -> District {
    let mut district = District::new().without_limits().with("identity.same_person", "\"off\"");
    district.platform(&[person("tea-1").email("home@mail.example").mobile("+17185550142")]);
    district.sis(&[person("tea-1").mobile("+17185550142"), person("tea-2").given("Bo")]);
    district.run().ok();
    district.cli(&["users", "grant", "tea-1", "users-manager"]).ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[
        person("tea-901").email("rosa@school.example").mobile("718-555-0142"),
        person("tea-2").given("Bo"),
    ]);
    district.run().ok();
    district
}

fn duplicates(district: &District) -> Vec<String> {
    let json = district.cli(&["users", "list", "--duplicates", "--format", "json"]).ok().json();
    let cell = |row: &serde_json::Value, column: &str| row[column].as_str().unwrap().to_owned();
    json.as_array()
        .unwrap()
        .iter()
        .map(|row| format!("{} {} {}", cell(row, "sourced_id"), cell(row, "codes"), cell(row, "like")))
        .collect()
}

#[test]
fn who_may_be_one_person_is_listed() {
    let district = District::new().without_limits();
    district.sis(&[
        person("gua-1").email("same@mail.example"),
        person("gua-2").email("SAME@mail.example").given("ROSA"),
        person("gua-3").email("same@mail.example").given("Luis"),
        person("gua-4").email("x@mail.example").mobile("+17185550142"),
        person("gua-5").email("y@mail.example").mobile("(718) 555-0142"),
        person("gua-6").email("").mobile("+17185550143"),
    ]);
    district.run().ok();
    assert_eq!(
        duplicates(&district),
        [
            "gua-1 possible-duplicate gua-2",
            "gua-2 possible-duplicate gua-1",
            "gua-4 possible-duplicate gua-5",
            "gua-5 possible-duplicate gua-4",
        ]
    );
    let text = district.cli(&["users", "list", "--duplicates", "--where", "like=gua-5"]).ok().stdout;
    assert!(text.lines().next().unwrap().ends_with("codes               like"), "{text}");
    assert_eq!(text.lines().count(), 2, "{text}");
}

#[test]
fn a_person_with_a_new_sourced_id_goes_on_with_the_old_account() {
    let mut district = rekeyed();
    assert_eq!(duplicates(&district), ["tea-901 possible-rekey tea-1"]);
    let done = district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    assert_eq!(
        done.stdout,
        "The account of tea-1 is now that of tea-901\nWhat a run had made for tea-901 is archived under tea-1\n"
    );
    assert_eq!(
        district.ask("SELECT sourced_id, state, archived, email, sis_email FROM account ORDER BY 1"),
        "tea-1 | pending | 1 | rosa@school.example | tea-1@school.example\n\
         tea-2 | pending | 0 | tea-2@school.example | tea-2@school.example\n\
         tea-901 | active | 0 | home@mail.example | rosa@school.example"
    );
    assert_eq!(duplicates(&district), Vec::<String>::new());
    let json = district.cli(&["users", "show", "tea-901", "--json"]).ok().json();
    assert_eq!(
        (&json["users_manager"], &json["created_by_run"]),
        (&serde_json::json!(["district"]), &1.into())
    );
    let text = district.cli(&["users", "history", "tea-901"]).ok().stdout;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let lines: Vec<String> = text.lines().map(words).collect();
    assert_eq!(lines.last().unwrap(), "2026-11-24 02:15 state archived active the operator of rostersync");
    assert!(
        lines.contains(&"2026-11-24 02:15 sourced id tea-1 tea-901 the operator of rostersync".to_owned()),
        "{text}"
    );
    district.cli(&["status", "--verify"]).ok();
    // The next night decides over the person as the active user that they are.
    district.at("2026-11-25T08:15:00Z");
    let done = district.run().ok();
    done.says("tea-901", "kept", "Active user has a new email in the SIS import - home@mail.example");
}

/// Known before the night on which the SIS changes it.
#[test]
fn a_sourced_id_can_be_changed_before_the_roster_has_the_new_one() {
    let district = District::new();
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.cli(&["users", "join", "tea-1"]).ok();
    let done = district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    assert_eq!(done.stdout, "The account of tea-1 is now that of tea-901\n");
    district.sis(&[person("tea-901").email("tea-1@school.example")]);
    assert_eq!(district.run().ok().report.shows("sourced_id state action"), ["tea-901 | active | unchanged"]);
}

#[test]
fn what_would_mix_up_two_people_is_refused() {
    let mut district = rekeyed();
    let before = district.store_hash();
    district
        .cli(&["users", "rekey", "tea-2", "tea-901"])
        .exits(4)
        .complains(&["`tea-2` is still in the SIS import"]);
    district.cli(&["users", "rekey", "nobody", "tea-901"]).exits(2).complains(&["`nobody`"]);
    district
        .cli(&["users", "rekey", "tea-1", "tea-1"])
        .exits(2)
        .complains(&["empty or the same as the old one"]);
    assert_eq!(district.store_hash(), before);
    district.cli(&["users", "join", "tea-901"]).ok();
    district
        .cli(&["users", "rekey", "tea-1", "tea-901"])
        .exits(4)
        .complains(&["has joined under `tea-901` already"]);
    // Quite another person: the operator knows better, so it is done, with a warning.
    district.platform(&[person("tea-2").state("pending")]);
    district.sis(&[person("tea-901"), person("tea-5").given("Luis")]);
    district.run().ok();
    let done = district.cli(&["users", "rekey", "tea-2", "tea-5"]).ok();
    assert!(done.stdout.contains("neither name and email nor name and phone number"), "{}", done.stdout);
}

/// The whole district has new sourcedIds over night.
#[test]
fn a_run_can_be_given_the_new_sourced_ids() {
    let mut district = District::new();
    let old: Vec<_> = (1..9).map(|n| person(&format!("tea-{n}")).given(&format!("Rosa {n}"))).collect();
    let new: Vec<_> = (1..9)
        .map(|n| {
            person(&format!("tea-90{n}"))
                .given(&format!("Rosa {n}"))
                .email(&format!("tea-{n}@school.example"))
        })
        .collect();
    district.sis(&old);
    district.run().ok();
    district.cli(&["users", "join", "tea-1"]).ok();
    district.sis(&new);
    let renames: String = (1..9).map(|n| format!("tea-{n},tea-90{n}\n")).collect();
    district.file("renames.csv", format!("old,new\n{renames}"));
    // Without it half the district would be archived.
    district.preview().exits(4);
    let before = district.everything();
    let preview = district.preview_with(&["--rekey", "renames.csv"]).ok();
    assert_eq!(preview.report.count("unchanged"), 8, "{}", preview.stdout);
    assert_eq!(district.everything(), before, "a preview writes nothing");
    let done = district.run_with(&["--rekey", "renames.csv"]).ok();
    assert_eq!(done.checksum(), preview.checksum());
    assert_eq!(done.report.count("unchanged"), 8);
    assert_eq!(district.ask("SELECT state FROM account WHERE sourced_id = 'tea-901'"), "active");
    // The file can stay in the command of every night.
    district.at("2026-11-24T08:15:00Z");
    let audit = district.ask("SELECT count(*) FROM audit");
    district.run_with(&["--rekey", "renames.csv"]).ok();
    assert_eq!(district.ask("SELECT count(*) FROM audit"), audit);
    let done = district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    assert!(done.stdout.ends_with("already; nothing changed\n"), "{}", done.stdout);
    district.cli(&["status", "--verify"]).ok();
}

#[test]
fn a_blocked_run_gives_no_account_a_new_sourced_id() {
    let district = District::new().with("limits.archive", "0");
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("tea-901")]);
    district.file("renames.csv", "old,new\ntea-1,tea-901\n");
    let before = district.accounts();
    let done = district.run_with(&["--rekey", "renames.csv"]).exits(4);
    let command = format!(" run --rekey {} --approve ", district.path("renames.csv").display());
    assert!(done.stdout.contains(&command), "{}", done.stdout);
    assert_eq!(district.accounts(), before);
    assert_eq!(district.ask("SELECT count(*) FROM audit"), "0");
    district.cli(&["status", "--verify"]).ok();
    for (text, words) in [
        ("from,to\na,b\n", &["has no header `old`", "renames.csv:1"][..]),
        ("old,new\ntea-1\n", &["cannot be read", "renames.csv:2"]),
        ("old,new\ntea-1,tea-901\ntea-2,tea-2\n", &["empty or the same as the old one", "renames.csv:3"]),
    ] {
        district.file("renames.csv", text);
        let done = district.run_with(&["--rekey", "renames.csv"]);
        assert!([2, 7].contains(&done.code), "{}", done.stderr);
        done.complains(words);
    }
    assert_eq!(district.accounts(), before);
}

/// The file is in the command of every night, and each summer adds to it.
#[test]
fn a_file_of_renames_can_stay_for_years() {
    let district = District::new();
    let vol = person("vol-1").role("nurse");
    let night =
        |id: &str| [person(id).email("tea-1@school.example"), person("tea-2").given("Bo"), vol.clone()];
    district.sis(&night("tea-1"));
    district.run().ok();
    // Users without an account, because the filters leave them out or because they left long ago,
    // are not renamed.
    let mut file = "old,new\nvol-1,vol-901\nlong-gone,tea-77\n".to_owned();
    for (old, new) in [("tea-1", "tea-11"), ("tea-11", "tea-111"), ("tea-111", "tea-1111")] {
        file.push_str(&format!("{old},{new}\n"));
        district.file("renames.csv", &file);
        district.sis(&night(new));
        for _ in 0..2 {
            let done = district.run_with(&["--rekey", "renames.csv"]).ok();
            assert_eq!(done.report.count("unchanged"), 2, "{}", done.stdout);
            assert!(
                done.stderr.contains("renames.csv:2: old: there is no account with the sourcedId `vol-1`"),
                "{}",
                done.stderr
            );
            assert_eq!(&done.report.row(new)["action"], "unchanged");
        }
    }
    // All of it at once, on another store that has heard of none of it.
    let json = district.run_with(&["--rekey", "renames.csv", "--format", "json"]).ok().json();
    assert_eq!(json["findings"]["rename-unknown"], 2);
    assert_eq!(district.ask("SELECT count(*) FROM audit WHERE field = 'sourced_id'"), "3");
    assert_eq!(district.ask("SELECT sourced_id FROM account ORDER BY 1"), "tea-1111\ntea-2");
    let elsewhere = District::new();
    elsewhere.sis(&night("tea-1"));
    elsewhere.run().ok();
    elsewhere.file("renames.csv", &file);
    elsewhere.sis(&night("tea-1111"));
    assert_eq!(elsewhere.run_with(&["--rekey", "renames.csv"]).ok().report.count("unchanged"), 2);
}

/// The operator gave the account to another person by mistake.
#[test]
fn a_mistake_is_taken_back_and_nothing_is_lost() {
    let mut district = rekeyed();
    district
        .sis(&[person("tea-901").given("Other").email("other@school.example"), person("tea-2").given("Bo")]);
    district.run().ok();
    district.cli(&["users", "grant", "tea-901", "users-manager", "--school", "sch-1"]).ok();
    let accounts =
        "SELECT id, sourced_id, state, archived, given_name, email, sis_email FROM account ORDER BY id";
    let before = district.ask(accounts);
    // Blanks around a sourcedId are a slip.
    let done = district.cli(&["users", "rekey", " tea-1", "tea-901 "]).ok();
    assert_eq!(
        done.stdout,
        "The account of tea-1 is now that of tea-901\n\
         What a run had made for tea-901 is archived under tea-1\n\
         Its permission users-manager for school sch-1 has ended; grant it to tea-901 if that is to have it\n\
         They had neither name and email nor name and phone number in common: if that was a mistake, nothing is lost, \
         `rostersync users rekey tea-901 tea-1` takes it back\n"
    );
    let done = district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    assert_eq!(done.stdout, "The account of tea-1 was that of tea-901 already; nothing changed\n");
    assert_ne!(district.ask(accounts), before);
    district.cli(&["status", "--verify"]).ok();
    // A night later it is noticed.
    district.at("2026-11-25T08:15:00Z");
    district.run().ok();
    let done = district.cli(&["users", "rekey", "tea-901", "tea-1"]).ok();
    assert!(
        done.stdout.starts_with("Taken back: the account of tea-901 is that of tea-1 again"),
        "{}",
        done.stdout
    );
    assert_eq!(district.ask(accounts), before);
    district.cli(&["status", "--verify"]).ok();
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id state action"),
        ["tea-901 | pending | unchanged", "tea-2 | pending | unchanged"]
    );
    // And there again.
    district.cli(&["users", "rekey", "tea-1", "tea-901"]).ok();
    assert_eq!(district.ask("SELECT state FROM account WHERE sourced_id = 'tea-901'"), "active");
}

/// The SIS still has the old sourcedId, so a run has made an account for it.
#[test]
fn a_rename_is_taken_back_after_a_run_has_made_an_account() {
    let district = District::new().without_limits().with("identity.same_person", "\"off\"");
    district.sis(&[person("tea-1"), person("tea-9").given("Luis")]);
    district.run().ok();
    district.cli(&["users", "join", "tea-1"]).ok();
    district.cli(&["users", "rekey", "tea-1", "tea-5"]).ok();
    // In one district the new sourcedId is free, in the other another user has it.
    let nobody = [person("tea-1"), person("tea-9").given("Luis")];
    let somebody = [person("tea-1"), person("tea-9").given("Luis"), person("tea-5").given("Ana")];
    for roster in [&nobody[..], &somebody[..]] {
        district.sis(roster);
        district.run().ok();
        let done = district.cli(&["users", "rekey", "tea-5", "tea-1"]).ok();
        assert!(done.stdout.starts_with("The account of tea-5 is now that of tea-1\n"), "{}", done.stdout);
        district.run().ok();
        let there = "SELECT state, given_name FROM account WHERE archived = 0 AND sourced_id = ";
        assert_eq!(district.ask(&format!("{there}'tea-1'")), "active | Rosa");
        let ana = if roster.len() == 3 { "pending | Ana" } else { "" };
        assert_eq!(district.ask(&format!("{there}'tea-5'")), ana);
        district.cli(&["status", "--verify"]).ok();
        if roster.len() == 2 {
            // Once more, with a user that does have it.
            district.cli(&["users", "rekey", "tea-5", "tea-50"]).ok();
            district.cli(&["users", "rekey", "tea-1", "tea-5"]).ok();
        }
    }
}

#[test]
fn the_report_suggests_which_two_ids_are_one_person() {
    let district = District::new().without_limits();
    let ann = person("gua-1").given("Ann").email("ann@mail.example");
    let others = [person("stu-1"), person("stu-2")];
    district.sis(&[std::slice::from_ref(&ann), &others[..]].concat());
    district.run().ok();
    // The SIS has given her another sourcedId, and says her twice.
    let new = |id: &str| person(id).given("ANN").email("Ann@mail.example");
    district.sis(&[&[new("gua-91"), new("gua-92")], &others[..]].concat());
    let done = district.run().ok();
    let codes = |id: &str| done.report.row(id)["codes"].to_owned();
    assert_eq!(codes("gua-1"), "archived");
    for id in ["gua-91", "gua-92"] {
        assert_eq!(codes(id), "email-shared possible-rekey possible-duplicate", "{id}");
    }
    assert_eq!(codes("stu-1"), "");
    // The next night they are still two, and no news any more.
    let done = district.run().ok();
    for id in ["gua-91", "gua-92"] {
        assert_eq!(&done.report.row(id)["codes"], "email-shared possible-duplicate", "{id}");
    }
}

/// Without a word of it a file of renames could hand over any account, and the checksum of an empty
/// plan would approve it.
#[test]
fn renames_are_lines_of_the_preview_and_part_of_the_plan_that_is_approved() {
    let mut district = District::new().with("limits.archive", "1");
    let people =
        ["adm-1", "tea-1", "tea-2"].map(|id| person(id).given(if id == "adm-1" { "Ann" } else { "Rosa" }));
    district.platform(&people[..2]);
    district.sis(&people);
    district.run().ok();
    district.cli(&["users", "grant", "adm-1", "users-manager"]).ok();
    district.cli(&["users", "grant", "tea-1", "users-manager", "--school", "sch-1"]).ok();
    let renamed = |id: &str| people[0].clone().with("sourcedId", id);
    district.sis(&[renamed("x-adm"), people[1].clone(), people[2].clone()]);
    let without = district.preview().exits(3).checksum().to_owned();
    district.file("renames.csv", "old,new\nadm-1,x-adm\n");
    let preview = district.preview_with(&["--rekey", "renames.csv"]).ok();
    assert_eq!(
        preview.stdout.lines().next(),
        Some("> adm-1     active   sourcedId  → x-adm, MANAGES ALL USERS OF THE DISTRICT Ann Diaz sch-1")
    );
    assert!(
        preview.plan().contains("0 rejected, 0 held, 0 missing, 0 links, 1 to rename; 0 notifications"),
        "{}",
        preview.plan()
    );
    assert_ne!(preview.checksum(), without);
    assert_eq!(district.preview_with(&["--rekey", "renames.csv", "--detailed-exitcode"]).code, 11);
    let json = district.cli(&["run", "--dry-run", "--rekey", "renames.csv", "--format", "json"]).ok().json();
    assert_eq!(json["renamed"], 1);
    assert_eq!(
        json["changes"][0],
        serde_json::json!({
            "sourced_id": "adm-1", "name": "Ann Diaz", "state": "active", "role": "administrator", "school": "sch-1",
            "kind": "renamed", "field": "sourced_id", "old": "adm-1", "new": "x-adm", "codes": ["manages-district"]
        })
    );

    // Another rename in the file is another plan, also if all else is the same.
    district.file("renames.csv", "old,new\nadm-1,x-adm\ntea-2,x-tea\n");
    district.sis(&[renamed("x-adm"), people[1].clone(), people[2].clone().with("sourcedId", "x-tea")]);
    let both = district.preview_with(&["--rekey", "renames.csv"]).ok();
    let lines: Vec<&str> = both.stdout.lines().take_while(|line| !line.is_empty()).collect();
    assert_eq!(lines.len(), 2, "{}", both.stdout);
    assert!(
        lines[0].starts_with("> adm-1") && lines[1].starts_with("> tea-2     pending  sourcedId  → x-tea")
    );
    district.run_with(&["--rekey", "renames.csv", "--approve", preview.checksum()]).exits(4).complains(&[
        "/renames.csv --dry-run",
        " run --rekey ",
        "2 to rename",
    ]);
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE sourced_id LIKE 'x-%'"), "0");
    let done = district.run_with(&["--rekey", "renames.csv", "--approve", both.checksum()]).ok();
    assert_eq!((done.plan(), done.checksum()), (both.plan(), both.checksum()));
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE sourced_id LIKE 'x-%'"), "2");
    // What was done before is no part of the next plan.
    assert!(!district.preview_with(&["--rekey", "renames.csv"]).ok().plan().contains("to rename"));
}

#[test]
fn a_rename_that_takes_the_place_of_another_account_says_so() {
    let mut district = rekeyed();
    district.file("renames.csv", "old,new\ntea-1,tea-901\n");
    let preview = district.preview_with(&["--rekey", "renames.csv"]).ok();
    assert_eq!(
        preview.stdout.lines().next(),
        Some(
            "> tea-1     archived sourcedId  → tea-901, MANAGES ALL USERS OF THE DISTRICT, in place of the account that a run had \
             made Rosa Diaz sch-1"
        )
    );
    // A user of another name has the new sourcedId.
    district.at("2026-11-25T08:15:00Z");
    district.sis(&[
        person("tea-901").given("Kim").email("kim@school.example").mobile("718-555-0177"),
        person("tea-2").given("Bo"),
    ]);
    district.run().ok();
    let preview = district.preview_with(&["--rekey", "renames.csv"]).ok();
    assert!(
        preview.stdout.lines().next().unwrap().contains(", WHICH HAS ANOTHER NAME OR OTHER CONTACTS "),
        "{}",
        preview.stdout
    );
}
