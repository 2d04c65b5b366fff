//! Absent people whose accounts are not archived at the first run.

use crate::support::{District, Person, person};

fn on_day(district: &mut District, day: u32) {
    district.at(&format!("2026-11-{day:02}T08:15:00Z"));
}

/// A student with two guardians, of whom only one has the student in the own record, and a teacher.
fn family() -> Vec<Person> {
    vec![
        person("stu-1").given("Sam").agents("gua-1"),
        person("gua-1").given("Gus").schools(""),
        person("par-1").given("Pam").schools("").agents("stu-1").mobile("718-555-0142"),
        person("tea-1").given("Tea").mobile("718-555-0143"),
    ]
}

fn without(people: &[Person], id: &str) -> Vec<Person> {
    people.iter().filter(|person| person.cells["sourcedId"] != id).cloned().collect()
}

/// The family has an account each, and Pam and Tea have joined.
fn district(after: &str) -> District {
    let mut district = District::new().without_limits().with("sync.archive_after", after);
    let people = family();
    district.platform(&[people[2].clone(), people[3].clone().mobile("+17185550199")]);
    district.sis(&people);
    district.run().ok();
    district
}

const MISSING: &str = "Missing from the SIS import since 2026-11-24";
const ARCHIVED: &str = "User is no longer in the SIS import - archived";

#[test]
fn absent_people_are_missing_for_so_many_runs_and_then_archived() {
    let mut district = district("3");
    let rest = without(&family(), "tea-1");
    district.sis(&rest);
    for (day, missing) in [(24, true), (25, true), (26, false)] {
        on_day(&mut district, day);
        let (action, note, counts) = match missing {
            true => (
                "missing",
                MISSING,
                "0 to archive, 0 to restore, 0 kept, 3 unchanged, 0 skipped, 0 rejected, 0 held, 1 missing",
            ),
            false => (
                "archived",
                ARCHIVED,
                "1 to archive, 0 to restore, 0 kept, 3 unchanged, 0 skipped, 0 rejected, 0 held, 0 missing",
            ),
        };
        let preview = district.preview().ok();
        preview.says("tea-1", action, note);
        let done = district.run().ok();
        done.says("tea-1", action, note);
        assert!(done.plan().contains(counts), "{}", done.plan());
        assert_eq!(done.plan(), preview.plan());
        if missing {
            assert_eq!(&done.report.row("tea-1")["codes"], "missing");
            let line = ". tea-1     active   missing    since 2026-11-24 Tea Diaz sch-1\n";
            assert!(preview.stdout.starts_with(line), "{}", preview.stdout);
        }
    }
    assert_eq!(district.ask("SELECT count(*) FROM missing"), "0");
    assert_eq!(district.cli(&["status", "--verify"]).ok().code, 0);
}

#[test]
fn a_missing_person_is_seen_everywhere() {
    let mut district = district("3");
    district.sis(&without(&family(), "tea-1"));
    on_day(&mut district, 24);
    district.run().ok();
    on_day(&mut district, 25);
    let show = district.cli(&["users", "show", "tea-1"]).ok().stdout;
    assert!(
        show.contains(
            "active, missing since 2026-11-24 (1 good run; archived after 3 good runs), came with run 1"
        ),
        "{show}"
    );
    assert_eq!(
        district.cli(&["users", "show", "tea-1", "--json"]).ok().json()["missing_since"],
        "2026-11-24"
    );
    assert_eq!(
        district.cli(&["users", "show", "stu-1", "--json"]).ok().json()["missing_since"],
        serde_json::Value::Null
    );
    let list = district.cli(&["users", "list", "--missing", "--format", "json"]).ok().json();
    assert_eq!((list.as_array().unwrap().len(), &list[0]["sourced_id"]), (1, &"tea-1".into()));
    assert_eq!(list[0]["missing_since"], "2026-11-24");
    let status = district.cli(&["status"]).ok().stdout;
    let line = "Missing:        1 account is missing from the SIS import, archived after 3 good runs: `rostersync users list --missing`";
    assert!(status.contains(line), "{status}");
    assert_eq!(district.cli(&["status", "--json"]).ok().json()["missing"], 1);
    let explained = district.cli(&["explain", "tea-1", "--json"]).ok().json();
    assert_eq!((&explained["action"], &explained["notes"]), (&"missing".into(), &MISSING.into()));
    assert_eq!(explained["fields"]["email"]["rule"], "missing");
    let json = district.cli(&["run", "--format", "json"]).ok().json();
    assert_eq!(json["actions"]["missing"], 1);
    // The account counts as before, and may be edited.
    let export = district.cli(&["users", "export"]).ok().stdout;
    assert!(export.contains("tea-1,active,"), "{export}");
    assert_eq!(district.mails().len(), 0, "no one is told of it");
    district.cli(&["users", "edit", "tea-1", "--as", "tea-1", "--email", "new@mail.example"]).ok();
}

/// Whatever the night before said, and whichever record names a link: after the return all is as if
/// the person had never been away.
#[test]
fn who_comes_back_leaves_no_trace() {
    for id in ["stu-1", "gua-1", "par-1", "tea-1"] {
        let mut district = district("3");
        on_day(&mut district, 24);
        let quiet = district.run().ok();
        let (before, audit) = (district.accounts(), district.ask("SELECT count(*) FROM audit_row"));
        // No other record names the person any more.
        let rest: Vec<Person> = without(&family(), id)
            .into_iter()
            .map(|one| match one.cells.get("agentSourcedIds") {
                Some(agents) if agents == id => one.agents(""),
                _ => one,
            })
            .collect();
        district.sis(&rest);
        for day in [25, 26] {
            on_day(&mut district, day);
            let done = district.run().ok();
            done.says(id, "missing", "Missing from the SIS import since 2026-11-25");
            let others = |done: &crate::support::Done| {
                let rows = done.report.shows("sourced_id schools state action notes codes");
                rows.into_iter().filter(|row| !row.starts_with(id)).collect::<Vec<_>>()
            };
            assert_eq!(others(&done), others(&quiet), "{id}");
            assert!(done.plan().contains(", 1 missing, 0 links; 0 notifications"), "{id}: {}", done.plan());
        }
        district.sis(&family());
        on_day(&mut district, 27);
        let done = district.run().ok();
        assert_eq!(done.report.rows, quiet.report.rows, "{id}");
        assert_eq!(done.plan(), quiet.plan(), "{id}");
        assert_eq!(district.accounts(), before, "{id}");
        assert_eq!(district.ask("SELECT count(*) FROM audit_row"), audit, "{id}");
        assert_eq!(district.ask("SELECT count(*) FROM missing"), "0", "{id}");
        assert!(!district.cli(&["users", "history", id]).ok().stdout.contains("archived"));
    }
}

#[test]
fn days_are_counted_by_the_date_of_the_run() {
    let mut district = district("\"3d\"");
    district.sis(&without(&family(), "tea-1"));
    // Two runs of one day, and days without a run.
    for (day, action) in [(24, "missing"), (24, "missing"), (26, "missing"), (27, "archived")] {
        on_day(&mut district, day);
        district.run().ok().says("tea-1", action, if action == "missing" { MISSING } else { ARCHIVED });
    }
}

#[test]
fn a_blocked_night_does_not_count_as_a_run() {
    let mut district = district("2");
    let rest = without(&family(), "tea-1");
    district.sis(&rest);
    on_day(&mut district, 24);
    district.run().ok().says("tea-1", "missing", MISSING);
    // Another person is deleted outright, and that is over the limit.
    district.set("limits.archive", "0");
    let gone: Vec<Person> = rest
        .iter()
        .cloned()
        .map(|one| match one.cells["sourcedId"].as_str() {
            "gua-1" => one.status("tobedeleted"),
            _ => one,
        })
        .collect();
    district.set("sync.archive_after", "3");
    district.sis(&gone);
    on_day(&mut district, 25);
    let done = district.run().exits(4);
    done.says("gua-1", "archived", ARCHIVED);
    assert_eq!(district.ask("SELECT since, runs FROM missing"), "2026-11-24 | 1");
}

#[test]
fn tobedeleted_archives_at_once() {
    let mut district = district("3");
    let mut people = family();
    people[3] = people[3].clone().status("tobedeleted");
    district.sis(&people);
    on_day(&mut district, 24);
    district.run().ok().says("tea-1", "archived", ARCHIVED);
}

#[test]
fn absence_from_a_delta_says_nothing() {
    let mut district = district("2");
    district.sis(&without(&family(), "tea-1"));
    on_day(&mut district, 24);
    district.run().ok().says("tea-1", "missing", MISSING);
    district.sis_delta(&[person("par-1").given("Pam").schools("").agents("stu-1").mobile("718-555-0142")]);
    on_day(&mut district, 25);
    let done = district.run().ok();
    assert!(done.report.rows.iter().all(|row| &row["action"] != "missing"), "{:?}", done.report);
    assert_eq!(district.ask("SELECT since, runs FROM missing"), "2026-11-24 | 1");
    district.sis_delta(&[family()[3].clone()]);
    on_day(&mut district, 26);
    district.run().ok();
    assert_eq!(district.ask("SELECT count(*) FROM missing"), "0");
}

#[test]
fn who_is_missing_and_back_under_another_id_is_found_on_the_day_of_the_newcomer() {
    let mut district = district("5");
    let rest = without(&family(), "tea-1");
    district.sis(&rest);
    for day in [24, 25] {
        on_day(&mut district, day);
        district.run().ok().says("tea-1", "missing", MISSING);
    }
    let back = person("tea-9")
        .given("Tea")
        .email("tea-1@school.example")
        .mobile("718-555-0143")
        .with("username", "tea-1");
    district.sis(&[rest.clone(), vec![back.clone()]].concat());
    on_day(&mut district, 26);
    let done = district.run().exits(3);
    done.says("tea-1", "held", "Probably back as tea-9 (same user name and name) - not archived");
    done.says("tea-9", "held", "Probably the same person as tea-1 (same user name and name) - not added");
    // Without the newcomer the person is missing as before; held nights do not count.
    district.sis(&rest);
    on_day(&mut district, 27);
    district.run().ok().says("tea-1", "missing", MISSING);
    assert_eq!(district.ask("SELECT runs FROM missing"), "3");
    // Certain ones go on by themselves where that is configured.
    district.set("identity.same_person", "\"join\"");
    district.sis(&[rest, vec![back]].concat());
    on_day(&mut district, 28);
    district.run().ok().says("tea-9", "kept", "Active user has a new phone number in the SIS import - +17185550199; Has a new sourcedId - was tea-1");
    assert_eq!(district.ask("SELECT count(*) FROM missing"), "0");
}

#[test]
fn many_newly_missing_people_need_a_person() {
    let mut district = District::new().with("sync.archive_after", "3");
    let people: Vec<Person> =
        (1..=30).map(|number| person(&format!("tea-{number}")).given(&format!("T{number}"))).collect();
    district.sis(&people);
    district.run().ok();
    // Three of thirty are 10%.
    district.sis(&people[3..]);
    on_day(&mut district, 24);
    district.run().ok();
    district.sis(&people[7..]);
    on_day(&mut district, 25);
    let done = district.run().exits(3);
    let said = "Attention (many-missing): users.csv: 4 of 30 accounts are missing from the SIS import for the first time (13.3%); \
                [limits] archive allows 10%. Their accounts are archived after 3 good runs without them: check that the export is complete";
    assert!(done.stdout.contains(said), "{}", done.stdout);
    assert!(done.plan().contains("7 missing"), "{}", done.plan());
    // Once; and the limit itself counts those that would be archived tonight.
    on_day(&mut district, 26);
    let done = district.run().ok();
    assert!(done.plan().contains("3 to archive"), "{}", done.plan());
    on_day(&mut district, 27);
    let done = district.run().exits(4);
    assert!(
        done.stdout.contains("4 of 27 accounts would be archived (14.8%); [limits] archive allows 10%"),
        "{}",
        done.stdout
    );
}

#[test]
fn credentials_of_missing_people_stay_taken() {
    let mut district = District::new()
        .without_limits()
        .with("sync.archive_after", "3")
        .with("sync.shared_contacts", "\"unique\"");
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("tea-2"), person("tea-3").given("Bo").email("tea-1@school.example")]);
    on_day(&mut district, 24);
    let done = district.run().ok();
    done.says("tea-3", "created", "Email is already used by tea-1 - not updated");
    done.says("tea-1", "missing", MISSING);
}

#[test]
fn suppressed_people_do_not_wait() {
    let mut district = district("3");
    district.cli(&["users", "suppress", "tea-1", "--reason", "left"]).ok();
    district.sis(&without(&family(), "tea-1"));
    on_day(&mut district, 24);
    district.run().ok().says("tea-1", "archived", ARCHIVED);
}

#[test]
fn wrong_values_are_refused() {
    for (value, said) in [
        ("0", "`0` is not a number of runs"),
        ("\"3\"", "`3` is not a number of days"),
        ("\"0d\"", "`0d` is not a number of days"),
        ("\"3h\"", "`3h` is not a number of days"),
    ] {
        let district = District::new().with("sync.archive_after", value);
        let done = district.run().exits(2);
        done.complains(&[said, "write how many runs, for example 3, or how many days, for example \"3d\"; 1 archives at the first run"]);
    }
}
