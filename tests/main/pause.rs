//! `[[pause]]`: days without a sync, or without archiving, for the district or for one school.

use std::fmt::Write as _;

use crate::fake::{Fake, Reply};
use crate::support::{District, Done, Person, person};

/// A district with pauses, written into the configuration by hand.
struct Paused {
    district: District,
    pauses: String,
}

impl Paused {
    fn new(pauses: &str) -> Self {
        let district = District::new().without_limits();
        district.sis(&people());
        let mut paused = Self { district, pauses: String::new() };
        paused.run().ok();
        pauses.clone_into(&mut paused.pauses);
        paused
    }

    fn cli(&self, arguments: &[&str]) -> Done {
        let mut text = self.pauses.clone();
        write!(text, "{}", self.district.config()).unwrap();
        self.district.file("with-pauses.toml", text);
        self.district.with_report(self.district.cli(&[&["-c", "with-pauses.toml"], arguments].concat()))
    }

    fn run(&self) -> Done {
        self.cli(&["run"])
    }

    /// The day of November, late in the evening: in UTC it is the next one.
    fn on(&mut self, day: u32) {
        self.district.at(&format!("2026-11-{:02}T05:30:00Z", day + 1));
    }
}

/// Two students with a guardian each: at `sch-1` and at `sch-2`; and a teacher at both.
fn people() -> Vec<Person> {
    vec![
        person("stu-1").given("Sam"),
        person("stu-2").given("Sue").schools("sch-2").agents("gua-2"),
        person("gua-1").given("Gus").schools("").agents("stu-1").mobile("718-555-0141"),
        person("gua-2").given("Gil").schools("").mobile("718-555-0142"),
        person("tea-1").given("Tea").schools("sch-1,sch-2"),
    ]
}

const SUMMER: &str = "[[pause]]\nfrom = \"2026-11-24\"\nuntil = 2026-11-26\n";

#[test]
fn no_sync_in_a_pause_of_the_district() {
    let mut paused = Paused::new(SUMMER);
    paused.district.sis(&people()[1..]);
    paused.on(23);
    let status = paused.cli(&["status"]).ok().stdout;
    assert!(
        status.contains("Pause:          from 2026-11-24: no sync until 2026-11-26 (the last day)\n"),
        "{status}"
    );
    for day in 24..=26 {
        paused.on(day);
        let done = paused.run().ok();
        assert_eq!(
            done.stdout,
            "Paused: no sync until 2026-11-26 (the last day), by the [[pause]] from 2026-11-24. Nothing was read, and nothing \
             was changed.\n"
        );
        assert!(done.stderr.contains("finished result=\"paused\" exit=0"), "{}", done.stderr);
        assert_eq!(paused.cli(&["-q", "run"]).ok().stdout, "");
    }
    let json = paused.cli(&["run", "--format", "json"]).ok().json();
    assert_eq!(
        (&json["result"], &json["exit"], &json["run"]),
        (&"paused".into(), &0.into(), &serde_json::Value::Null)
    );
    assert_eq!(
        json["pause"],
        serde_json::json!({ "from": "2026-11-24", "until": "2026-11-26", "school": null, "archive": null })
    );
    let status = paused.cli(&["status", "--max-age", "26h"]).ok().stdout;
    assert!(status.contains("Last attempt:   paused (exit 0), "), "{status}");
    assert!(status.contains("Pause:          no sync until 2026-11-26 (the last day)\n"), "{status}");
    let json = paused.cli(&["status", "--json"]).ok().json();
    assert_eq!(
        (&json["last_attempt"]["result"], &json["last_good"]["result"]),
        (&"paused".into(), &"ok".into())
    );
    assert_eq!(json["pauses"][0]["until"], "2026-11-26");
    let runs = paused.cli(&["runs"]).ok().stdout;
    assert_eq!(runs.lines().filter(|line| line.contains("paused")).count(), 7, "{runs}");
    assert!(runs.contains("no sync until 2026-11-26 (the last day) ([[pause]])"), "{runs}");
    // A preview shows what a run would do without the pause.
    let preview = paused.cli(&["run", "--dry-run"]).ok();
    assert!(
        preview.stdout.contains(
            "Paused: no sync until 2026-11-26 (the last day) ([[pause]]): a run does nothing. This is what it would do without the pause\n"
        ),
        "{}",
        preview.stdout
    );
    assert!(preview.plan().contains("1 to archive"), "{}", preview.plan());
    let check = paused.cli(&["check"]).ok().stdout;
    assert!(check.contains("the next run does nothing: no sync until 2026-11-26 (the last day)"), "{check}");
    // The day after it, all goes on.
    paused.on(27);
    paused.cli(&["status", "--max-age", "26h"]).ok();
    let done = paused.run().ok();
    done.says("stu-1", "archived", "User is no longer in the SIS import - archived");
    assert!(!done.stdout.contains("Paused"), "{}", done.stdout);
    assert_eq!(paused.cli(&["status"]).ok().stdout.matches("Pause:").count(), 0);
}

#[test]
fn nothing_is_late_because_of_a_pause_without_a_cron_job() {
    let mut paused = Paused::new(SUMMER);
    for day in [24, 25, 26, 27] {
        paused.on(day);
        paused.cli(&["status", "--max-age", "26h"]).ok();
    }
    // A day after the pause a run is due.
    paused.on(28);
    paused.cli(&["status", "--max-age", "26h"]).exits(9);
}

#[test]
fn a_paused_night_pings_success_and_sends_what_waits() {
    let fake = Fake::start(|_| Reply::status(200));
    let mut paused = Paused::new(SUMMER);
    paused.district.set("monitor.ping_url", &format!("{:?}", fake.url("/ping")));
    paused.on(25);
    paused.run().ok();
    let pings: Vec<(String, String)> =
        fake.asked().into_iter().map(|request| (request.path, request.body)).collect();
    assert_eq!(pings, [("/ping/0".to_owned(), "paused".to_owned())]);
}

#[test]
fn without_archiving_people_are_added_and_updated() {
    let mut paused =
        Paused::new("[[pause]]\nfrom = \"2026-11-24\"\nuntil = \"2026-11-26\"\narchive = false\n");
    let mut now = people();
    now[0] = now[0].clone().status("tobedeleted");
    now[4] = now[4].clone().email("new@mail.example");
    now.remove(3);
    now.push(person("tea-9").given("Bo"));
    paused.district.sis(&now);
    let left = "Missing from the SIS import - not archived during the pause until 2026-11-26";
    for day in [24, 26] {
        paused.on(day);
        let done = paused.run().ok();
        done.says("stu-1", "missing", left).says("gua-2", "missing", left);
        assert_eq!(&done.report.row("tea-9")["action"], if day == 24 { "created" } else { "unchanged" });
        assert_eq!(&done.report.row("tea-1")["action"], if day == 24 { "updated" } else { "unchanged" });
        assert!(
            done.stdout
                .starts_with("Paused: no one is archived until 2026-11-26 (the last day) ([[pause]])\n"),
            "{}",
            done.stdout
        );
        assert!(
            done.plan().contains("0 to archive") && done.plan().contains("2 missing, 0 links"),
            "{}",
            done.plan()
        );
    }
    assert_eq!(paused.district.ask("SELECT count(*) FROM missing"), "0", "it does not count");
    paused.on(27);
    let done = paused.run().ok();
    done.says("stu-1", "archived", "User is no longer in the SIS import - archived");
    done.says("gua-2", "archived", "User is no longer in the SIS import - archived");
}

#[test]
fn the_people_of_a_paused_school_are_left_alone() {
    let mut paused =
        Paused::new("[[pause]]\nfrom = \"2026-11-24\"\nuntil = \"2026-11-26\"\nschool = \"sch-2\"\n");
    let accounts = paused.district.accounts();
    // At `sch-2` all is in motion: one student has left it, and no record names the guardian any more;
    // the teacher has another name; there is a new student.
    let now = vec![
        person("stu-1").given("Samuel"),
        person("stu-2").given("Sue").schools("sch-1").email("other@mail.example"),
        person("gua-1").given("Gus").schools("").agents("stu-1").mobile("718-555-0141"),
        person("gua-2").given("Gil").schools("").mobile("718-555-0999"),
        person("tea-1").given("Thea").schools("sch-1,sch-2"),
        person("stu-9").given("Nia").schools("sch-2"),
    ];
    paused.district.sis(&now);
    let alone = "School sch-2 is paused until 2026-11-26 - left alone";
    for day in [24, 25] {
        paused.on(day);
        let done = paused.run().ok();
        for id in ["stu-2", "gua-2", "tea-1", "stu-9"] {
            done.says(id, "skipped", alone);
        }
        assert_eq!(&done.report.row("stu-9")["state"], "");
        assert!(done.plan().contains("0 to archive") && done.plan().contains("4 skipped"), "{}", done.plan());
        assert!(done.plan().contains(", 0 links; "), "{}", done.plan());
        if day == 24 {
            done.says("stu-1", "updated", "Name updated by the sync - was Sam Diaz");
        }
        assert!(
            done.stdout.starts_with("Paused: no sync at sch-2 until 2026-11-26 (the last day) ([[pause]])\n"),
            "{}",
            done.stdout
        );
    }
    let same = |all: &[String]| all.iter().filter(|row| !row.contains("stu-1@")).cloned().collect::<Vec<_>>();
    assert_eq!(same(&paused.district.accounts()), same(&accounts));
    // Who is absent is not archived; others are.
    paused.district.sis(&now[2..3]);
    paused.on(26);
    let done = paused.run().ok();
    let left = "Missing from the SIS import - not archived during the pause until 2026-11-26";
    done.says("stu-2", "missing", left).says("gua-2", "missing", left).says("tea-1", "missing", left);
    done.says("stu-1", "archived", "User is no longer in the SIS import - archived");
    // After it, everyone is decided on.
    paused.district.sis(&now[1..]);
    paused.on(27);
    let done = paused.run().ok();
    done.says("tea-1", "updated", "Name updated by the sync - was Tea Diaz");
    assert_eq!(&done.report.row("stu-9")["action"], "created");
    assert_eq!(&done.report.row("stu-2")["action"], "updated");
    done.says(
        "gua-2",
        "updated",
        "Phone number updated by the sync - was +17185550142; No longer linked to stu-2",
    );
}

/// What an undo gives back stays no longer than the pause.
#[test]
fn an_undo_in_a_pause_of_a_school_says_that_it_holds_until_then() {
    let mut paused = Paused::new("");
    let mut all = people();
    all[1] = person("stu-2").given("Susan").schools("sch-2").agents("gua-2");
    all.push(person("stu-9").given("Nia").schools("sch-2"));
    paused.district.sis(&all);
    paused.on(23);
    paused.run().ok();
    "[[pause]]\nfrom = \"2026-11-24\"\nuntil = \"2026-11-26\"\nschool = \"sch-2\"\n"
        .clone_into(&mut paused.pauses);
    paused.on(24);
    let said = paused.cli(&["undo", "2", "--all"]).ok().stdout;
    for line in [
        "name       Susan Diaz → Sue Diaz; it stays while a school of the person is paused\n",
        "state      pending → archived; it stays while a school of the person is paused\n",
        "Undo of run 2: 1 value given back (1 stays, 0 changed again by the next run), 1 account archived, ",
    ] {
        assert!(said.contains(line), "{said}");
    }
    paused.run().ok().says("stu-2", "skipped", "School sch-2 is paused until 2026-11-26 - left alone");
    paused.on(27);
    let done = paused.run().ok();
    done.says("stu-2", "updated", "Name updated by the sync - was Sue Diaz");
    assert_eq!(&done.report.row("stu-9")["action"], "restored");
}

/// A guardian without a school of their own is at the schools of the students.
#[test]
fn the_nights_of_a_paused_school_count_for_no_one_that_is_missing() {
    let mut paused =
        Paused::new("[[pause]]\nfrom = \"2026-11-24\"\nuntil = \"2026-11-26\"\nschool = \"sch-2\"\n");
    paused.district.set("sync.archive_after", "2");
    let all = people();
    paused.district.sis(&[&all[..1], &all[2..3], &all[4..]].concat());
    let left = "Missing from the SIS import - not archived during the pause until 2026-11-26";
    for day in [24, 25] {
        paused.on(day);
        paused.run().ok().says("stu-2", "missing", left).says("gua-2", "missing", left);
    }
    paused.on(27);
    let since = "Missing from the SIS import since 2026-11-27";
    paused.run().ok().says("stu-2", "missing", since).says("gua-2", "missing", since);
    paused.on(28);
    let archived = "User is no longer in the SIS import - archived";
    paused.run().ok().says("stu-2", "archived", archived).says("gua-2", "archived", archived);
}

#[test]
fn deletions_of_a_delta_in_a_pause_need_a_person() {
    let mut paused =
        Paused::new("[[pause]]\nfrom = \"2026-11-24\"\nuntil = \"2026-11-26\"\narchive = false\n");
    paused.district.sis_delta(&[person("stu-2")
        .given("Sue")
        .schools("sch-2")
        .agents("gua-2")
        .status("tobedeleted")]);
    paused.on(24);
    let done = paused.run().exits(3);
    done.says(
        "stu-2",
        "missing",
        "Missing from the SIS import - not archived during the pause until 2026-11-26",
    );
    assert_eq!(done.report.rows.len(), 1, "{:?}", done.report);
    let said = "Attention (deletions-paused): users.csv: status: 1 user is deleted in this delta and not archived because of \
                a [[pause]]: the next delta does not say so again; import a complete (bulk) export when the pause is over";
    assert!(done.stdout.contains(said), "{}", done.stdout);
    // The guardian keeps the link, and the school.
    let show = paused.cli(&["users", "show", "gua-2", "--json"]).ok().json();
    assert_eq!(
        (&show["students"], &show["schools"]),
        (&serde_json::json!(["stu-2"]), &serde_json::json!(["sch-2"]))
    );
}

#[test]
fn mistakes_are_shown_with_their_line() {
    let range = |from: &str, until: &str, more: &str| {
        format!("[[pause]]\nfrom = {from:?}\nuntil = {until:?}\n{more}")
    };
    let summer = range("2027-06-20", "2027-08-10", "");
    for (pauses, line, said) in [
        (
            range("2027-08-10", "2027-06-20", ""),
            3,
            "the [[pause]] ends before it begins: 2027-06-20 is before 2027-08-10",
        ),
        (range("2027-06-31", "2027-08-10", ""), 2, "`2027-06-31` is not a day"),
        (range("2027-06-20", "soon", ""), 3, "`soon` is not a day"),
        (
            range("2027-06-20", "2027-08-10", "archive = true\n"),
            4,
            "`archive = true` in [[pause]] pauses nothing",
        ),
        (
            range("2027-06-20", "2027-08-10", "school = \"sch-9\"\n"),
            4,
            "the school `sch-9` of the [[pause]] is not in `schools` in [sync]",
        ),
        (
            format!("{summer}{}", range("2027-08-10", "2027-09-01", "")),
            5,
            "two entries [[pause]] overlap: the other is from 2027-06-20 until 2027-08-10",
        ),
        ("[[pause]]\nfrom = \"2027-06-20\"\n".to_owned(), 1, "`until`"),
    ] {
        let mut paused = Paused { district: District::new(), pauses };
        paused.district.set("sync.schools", "[\"sch-1\"]");
        let done = paused.cli(&["status"]).exits(2);
        done.complains(&[said, &format!("with-pauses.toml:{line}")]);
    }
    // One that is over is none, and neither are two for two schools.
    let fine = format!(
        "{}{}{}",
        range("2020-06-20", "2020-08-10", ""),
        range("2020-06-20", "2020-08-10", "school = \"sch-1\"\n"),
        summer
    );
    let paused = Paused { district: District::new(), pauses: fine };
    paused.district.sis(&people());
    paused.run().ok();
}

#[test]
fn a_pause_for_a_school_that_no_one_knows_needs_a_person() {
    let mut paused =
        Paused::new("[[pause]]\nfrom = \"2026-11-24\"\nuntil = \"2026-11-26\"\nschool = \"sch-22\"\n");
    paused.on(24);
    let done = paused.run().exits(3);
    assert!(
        done.stdout.contains("Attention (unknown-school): with-pauses.toml: [[pause]] school: no school has the sourcedId `sch-22`"),
        "{}",
        done.stdout
    );
}
