//! Limits: what a run may do without approval, and how to approve it.

use crate::support::{District, Done, Person, person};

fn people(count: usize) -> Vec<Person> {
    (1..=count).map(|n| person(&format!("tea-{n:03}"))).collect()
}

/// A district with so many pending accounts.
fn district(accounts: usize) -> District {
    let district = District::new();
    district.sis(&people(accounts));
    district.run().ok();
    district
}

/// A district with so many active accounts under ON.
fn active(accounts: usize) -> District {
    let mut district = District::new().update_contacts(true);
    district.platform(&people(accounts));
    district.sis(&people(accounts));
    district.run().ok();
    district
}

fn changed(person: &Person) -> Person {
    let email = format!("new-{}", person.cells["email"]);
    person.clone().email(&email)
}

/// Blocked: exit 4, the plan printed, nothing applied.
#[track_caller]
fn blocked(district: &District, limit: &str) -> Done {
    let (accounts, mails) = (district.dump(), district.mails());
    let done = district.run().exits(4);
    let verdict = done.stdout.split_once("\nBLOCKED: nothing was applied\n").expect("a verdict").1;
    assert!(verdict.contains(limit), "`{limit}` in\n{verdict}");
    assert!(
        done.stdout.find("Plan: ").unwrap() < done.stdout.find("BLOCKED").unwrap(),
        "the plan comes first"
    );
    assert_eq!(district.dump(), accounts);
    assert_eq!(district.mails(), mails);
    assert_eq!(district.preview().exits(4).checksum(), done.checksum());
    done
}

#[test]
fn a_share_may_be_reached_and_not_passed() {
    let before = district(30);
    before.sis(&people(27));
    assert_eq!(before.run().ok().report.count("archived"), 3);
    let before = district(30);
    before.sis(&people(26));
    blocked(&before, "4 of 30 accounts would be archived (13.3%); [limits] archive allows 10%");
}

#[test]
fn a_count_holds_for_any_population() {
    let mut small = district(4);
    small.set("limits.archive", "1");
    small.sis(&people(2));
    blocked(&small, "2 accounts would be archived; [limits] archive allows 1");
    small.sis(&people(3));
    assert_eq!(small.run().ok().report.count("archived"), 1);
}

#[test]
fn under_the_minimum_shares_are_not_enforced_but_more_than_half_of_five_is_too_much() {
    let nineteen = district(19);
    nineteen.sis(&people(10));
    assert_eq!(nineteen.run().ok().report.count("archived"), 9);
    let nineteen = district(19);
    nineteen.sis(&people(9));
    blocked(&nineteen, "10 of 19 accounts would be archived");
    let five = district(5);
    five.sis(&people(2));
    blocked(&five, "3 of 5 accounts would be archived");
    let four = district(4);
    four.sis(&people(1));
    assert_eq!(four.run().ok().report.count("archived"), 3);
    let mut lower = district(10);
    lower.set("limits.minimum", "10");
    lower.sis(&people(8));
    blocked(&lower, "2 of 10 accounts would be archived (20.0%)");
}

#[test]
fn contact_updates_are_measured_by_the_active_accounts() {
    let on = active(20);
    let mut tonight = people(20);
    for person in &mut tonight[..5] {
        *person = changed(person);
    }
    on.sis(&tonight);
    blocked(
        &on,
        "5 of 20 active users under ON would have their contact details changed (25.0%); [limits] contact_updates allows 20%",
    );
    tonight[0] = person("tea-001");
    on.sis(&tonight);
    assert_eq!(on.run().ok().report.count("updated"), 4);
    // Pending people have a limit of their own.
    let pending = district(20);
    pending.sis(&[people(10).iter().map(changed).collect(), people(20)[10..].to_vec()].concat());
    assert_eq!(pending.run().ok().report.count("updated"), 10);
}

#[test]
fn messages_are_counted() {
    let mut on = active(3);
    on.set("limits.notifications", "3");
    on.sis(&people(3).iter().map(changed).collect::<Vec<_>>());
    blocked(&on, "6 notifications would be sent; [limits] notifications allows 3");
    let done = on.run_with(&["--no-notify"]).ok();
    assert_eq!(done.report.count("updated"), 3);
}

#[test]
fn a_bare_fraction_is_refused_with_a_hint() {
    let mut before = district(2);
    before.set("limits.archive", "0.1");
    before.run().exits(2).complains(&["rostersync.toml:", "0.1", "\"10%\""]);
}

#[test]
fn the_printed_command_applies_exactly_that_plan() {
    let before = district(30);
    before.sis(&people(20));
    let done = blocked(&before, "10 of 30");
    let command = done.stdout.lines().last().unwrap().trim();
    assert_eq!(command, format!("rostersync -c rostersync.toml run --approve {}", done.checksum()));
    let words: Vec<&str> = command.split(' ').skip(1).collect();
    let applied = before.cli(&words).ok();
    assert_eq!((applied.plan(), applied.checksum()), (done.plan(), done.checksum()));
    assert_eq!(before.ask("SELECT sum(archived) FROM account"), "10");
    // Two runs are on record: the blocked one and the one that was approved.
    let runs = before.cli(&["runs", "--json"]).ok().json();
    let results: Vec<&str> =
        runs.as_array().unwrap().iter().map(|run| run["result"].as_str().unwrap()).collect();
    assert_eq!(results, ["ok", "blocked", "ok"]);
}

#[test]
fn the_printed_command_takes_the_source_along_in_words_that_a_shell_takes() {
    let before = district(30);
    before
        .file("it's last night/users.csv", crate::support::users_csv(&crate::support::COLUMNS, &people(20)));
    let done = before.cli(&["run", "--source", "it's last night"]).exits(4);
    let command = done.stdout.lines().last().unwrap().trim();
    let program = env!("CARGO_BIN_EXE_rostersync");
    let (folder, name) = program.rsplit_once('/').unwrap();
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args(["-c", command])
        .current_dir(before.path(""))
        .env_clear()
        .env("PATH", folder)
        .env("ROSTERSYNC_NOW", crate::support::NIGHT);
    assert_eq!(name, "rostersync");
    before.done(&mut shell).ok();
    assert_eq!(before.ask("SELECT sum(archived) FROM account"), "10");
}

#[test]
fn another_plan_is_refused_even_within_the_limits() {
    let before = district(30);
    before.sis(&people(20));
    let approved = before.run().exits(4).checksum().to_owned();
    before.sis(&people(29));
    let (store, runs) = (before.dump(), before.cli(&["runs"]).ok().stdout);
    let plan = before.preview().ok().checksum().to_owned();
    before.run_with(&["--approve", &approved]).exits(4).complains(&[
        &approved,
        &plan,
        "Since run 2, which had the approved plan:\n  1 would be archived, not 10\n  29 would be left unchanged, not 20\n",
        "  rostersync -c rostersync.toml run --dry-run\n",
    ]);
    assert_eq!(before.dump(), store);
    let after = before.cli(&["runs"]).ok().stdout;
    let refused = after.lines().nth(1).unwrap();
    assert!(refused.contains("blocked             the approved plan is"), "{after}");
    assert_eq!(after.replace(&format!("{refused}\n"), ""), runs, "it has no number");
    // The right one, within the limits: nothing wrong with that.
    before.run_with(&["--approve", &plan]).ok();
}

/// A run that ends without a number leaves no hidden copy of personal details behind.
#[test]
fn a_refused_approval_leaves_no_half_report_behind() {
    let before = district(30);
    let names = before.names();
    before.sis(&people(29));
    before.run_with(&["--approve", "0123456789abcdef"]).exits(4).complains(&[
        "0123456789abcdef",
        "No run on record had the approved plan",
        "Plan: 0 to create",
    ]);
    assert_eq!(before.names(), names);
}

#[test]
fn a_blocked_run_has_a_number_a_line_and_a_report_that_says_so() {
    let before = district(30);
    before.sis(&people(20));
    let done = blocked(&before, "10 of 30");
    assert!(
        done.stdout.contains("Run 2 was blocked, its report is reports/users-000002.csv"),
        "{}",
        done.stdout
    );
    assert_eq!(done.report.count("archived"), 10);
    let runs = before.cli(&["runs"]).ok().stdout;
    let latest = runs.lines().nth(1).unwrap();
    assert!(latest.trim_start().starts_with("2  2026-11-23 02:15  blocked"), "{runs}");
    let report = before.cli(&["report"]).ok();
    assert_eq!(report.stdout.lines().next(), Some("BLOCKED: nothing below was applied"));
    // Programs are told on the other channel.
    let csv = before.cli(&["report", "--format", "csv"]).ok();
    assert!(csv.stdout.starts_with("line,sourced_id,"), "{}", csv.stdout);
    assert!(csv.stderr.contains("BLOCKED: nothing below was applied"), "{}", csv.stderr);
    let first = before.cli(&["report", "1"]).ok();
    assert!(!first.stdout.contains("BLOCKED"));
    let status = before.cli(&["status", "--json"]).exits(4).json();
    assert_eq!(status["last_run"]["result"], "blocked");
    // The next run has the next number.
    before.sis(&people(30));
    assert!(before.run().ok().stdout.contains("Run 3,"));
}

/// A word that is not a checksum is refused before anything is read.
#[test]
fn what_is_no_checksum_is_said_to_be_none() {
    let before = district(30);
    before.sis(&people(20));
    let sum = before.run().exits(4).checksum().to_owned();
    for typed in ["", " ", &sum[..8], &format!("{sum}0"), "yes", "g123456789abcdef", "--source"] {
        before
            .cli(&["run", &format!("--approve={typed}")])
            .exits(2)
            .complains(&["not a checksum: give the 16 hexadecimal digits"]);
    }
    before.cli(&["users", "import", "x.csv", "--approve", "yes"]).exits(2).complains(&["not a checksum"]);
    // Capitals and blanks around it are no difference.
    before.run_with(&["--approve", &format!(" {} ", sum.to_uppercase())]).ok();
}

/// An approval that no longer fits names what has changed since: the setting, the roster, the
/// accounts.
#[test]
fn a_refused_approval_says_what_has_moved() {
    let refused = |district: &District, arguments: &[&str], sum: &str, words: &[&str]| {
        let before = district.dump();
        district.run_with(&[arguments, &["--approve", sum]].concat()).exits(4).complains(words);
        assert_eq!(district.dump(), before);
    };
    let mut district = active(30).school("sch-2", false).with_orgs();
    district.sis(&people(30).iter().map(changed).collect::<Vec<_>>());
    let sum = district.run().exits(4).checksum().to_owned();

    // Another setting.
    let on = std::mem::replace(&mut district, District::new());
    let mut district = on.update_contacts(false);
    refused(
        &district,
        &[],
        &sum,
        &[
            "the configuration: update_contacts is false, it was true",
            "0 would be updated, not 30",
            "0 active users would have their contact details changed, not 30",
        ],
    );
    district = district.update_contacts(true);

    // An option, and a roster from another place, with the command that has both.
    district.file("other/users.csv", std::fs::read(district.path("sis/users.csv")).unwrap());
    let other = district.path("other").display().to_string();
    // As a shell takes it, wherever temporary folders are on this machine.
    let other = if other.contains(' ') { format!("'{other}'") } else { other };
    refused(
        &district,
        &["--no-notify", "--source", "other"],
        &sum,
        &[
            "it was made without --no-notify, and now there is one",
            "/other, it was ",
            "0 emails would be sent, not 60",
            &format!("  rostersync -c rostersync.toml run --source {other} --no-notify --dry-run\n",),
        ],
    );

    // The same numbers of other values.
    let mut tonight: Vec<Person> = people(30).iter().map(changed).collect();
    tonight[0] = tonight[0].clone().email("typed-wrongly@mail.example");
    district.sis(&tonight);
    refused(&district, &[], &sum, &["the numbers are the same", "`rostersync report 2`"]);

    // The accounts were changed by hand.
    district.cli(&["users", "grant", "tea-001", "users-manager"]).ok();
    let told = "1 change was made to accounts by the operator";
    refused(&district, &[], &sum, &[told]);

    // A run has applied it already.
    district.sis(&people(30).iter().map(changed).collect::<Vec<_>>());
    // One of the configured schools does not exist, which needs a person and stops nothing.
    district.run_with(&["--approve", &sum]).ok();
    refused(&district, &[], &sum, &["run 3 has applied the approved plan already"]);
}

/// A run that was blocked has done nothing, and is not said to have.
#[test]
fn what_a_blocked_run_would_do_is_said_in_the_conditional() {
    let mut district = District::new().with("limits.rejected", "0");
    district.sis(&people(30));
    district.run().ok();
    district.platform(&people(3));
    district.sis(&[&people(20)[..], &[person("tea-901").given("").family("")]].concat());
    let said = district.run().exits(4).stdout;
    for words in [
        "Platform export: 3 rows, 3 would join, 0 details would be taken over\n",
        "1 of 21 records was rejected, more than [limits] rejected allows: the rest would be done",
        "  10 of 30 accounts would be archived (33.3%); [limits] archive allows 10%\n",
    ] {
        assert!(said.contains(words), "`{words}` in\n{said}");
    }
    let json = district.run_with(&["--format", "json"]).exits(4).json();
    assert_eq!(json["applied"], false);
    let archived =
        json["changes"].as_array().unwrap().iter().filter(|change| change["kind"] == "archived").count();
    assert_eq!(archived, 10);
    assert_eq!(json["changes"][0]["sourced_id"], "tea-021");
}

#[test]
fn too_many_rejected_records_do_not_block() {
    let mut district = district(20);
    let mut tonight = people(20);
    tonight[0] = changed(&tonight[0]);
    tonight.push(person("tea-901").given("").family(""));
    district.sis(&tonight);
    district.run().ok();
    tonight.push(person("tea-902").given("").family(""));
    tonight[1] = changed(&tonight[1]);
    district.sis(&tonight);
    let done = district.run().exits(3);
    assert!(done.stdout.contains("2 of 22 records were rejected"), "{}", done.stdout);
    done.says("tea-002", "updated", "Email updated by the sync - was tea-002@school.example");
    assert_eq!(
        district.ask("SELECT email FROM account WHERE sourced_id = 'tea-002'"),
        "new-tea-002@school.example"
    );
    let runs = district.cli(&["runs", "--json"]).ok().json();
    assert_eq!(runs[0]["result"], "partial");
    district.cli(&["check"]).exits(3);
    district.preview().exits(3);
    district.set("limits.rejected", "2");
    district.run().ok();
}

#[test]
fn json_says_the_limits_and_all_results() {
    let mut before = district(30);
    before.set("limits.rejected", "0");
    let mut tonight = people(20);
    tonight.push(person("tea-901").given("").family(""));
    before.sis(&tonight);
    let json = before.run_with(&["--format", "json"]).exits(4).json();
    assert_eq!((&json["result"], &json["exit"]), (&"blocked".into(), &4.into()));
    assert_eq!(json["results"], serde_json::json!(["blocked", "partial"]));
    let limit = &json["limits"][0];
    assert_eq!(
        (&limit["limit"], &limit["count"], &limit["of"]),
        (&"archive".into(), &10.into(), &30.into()),
        "{limit}"
    );
}

/// The limit is a share of the users that were active.
#[test]
fn an_export_that_takes_all_accounts_back_to_pending_is_stopped() {
    for (all, back) in [(30, 30), (30, 29), (30, 12), (100, 90), (100, 21)] {
        let mut district = District::new();
        district.platform(&people(all));
        district.sis(&people(all));
        district.run().ok();
        let shown: Vec<_> = people(all)
            .into_iter()
            .enumerate()
            .map(|(at, person)| if at < back { person.state("pending") } else { person })
            .collect();
        district.platform(&shown);
        blocked(
            &district,
            &format!("{back} of {all} active users would become pending by the platform export"),
        );
    }
}

/// By hand as well: without a word the next run would write over what they typed.
#[test]
fn an_import_by_hand_takes_no_account_back_to_pending_beyond_the_limit() {
    let mut district = District::new();
    district.platform(&people(30));
    district.sis(&people(30));
    district.run().ok();
    let file = |count: usize| {
        let rows: String = (1..=count).map(|n| format!("tea-{n:03},pending\n")).collect();
        district.file("by-hand.csv", format!("sourced_id,state\n{rows}"));
    };
    file(25);
    let before = district.dump();
    let preview = district.cli(&["users", "import", "by-hand.csv", "--dry-run"]).exits(4).stdout;
    for words in [
        "~ tea-001   active → pending\n",
        "~ tea-020   active → pending\n… and 5 more\n",
        "25 rows, 0 joined, 25 pending again,",
        "BLOCKED: nothing was applied\n  25 of 30 active users would become pending by the platform export (83.3%); [limits] unjoins allows 5%, and 5 in any case\n",
    ] {
        assert!(preview.contains(words), "`{words}` in\n{preview}");
    }
    let refused = district.cli(&["users", "import", "by-hand.csv"]).exits(4).stdout;
    assert_eq!(refused, preview);
    assert_eq!(district.dump(), before);
    // The approval is for these users and no others.
    let approve = refused.trim_end().rsplit_once(' ').unwrap().1.to_owned();
    file(26);
    district
        .cli(&["users", "import", "by-hand.csv", "--approve", &approve])
        .exits(4)
        .complains(&["the people that the limits stop are now"]);
    assert_eq!(district.dump(), before);
    file(25);
    let done = district.cli(&["users", "import", "by-hand.csv", "--approve", &approve]).ok();
    assert!(done.stdout.contains("25 pending again"), "{}", done.stdout);
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE state = 'pending'"), "25");
    // Within the limit no approval is needed, but a preview names the users.
    district.file("by-hand.csv", "sourced_id,state\ntea-030,pending\n");
    let preview = district.cli(&["users", "import", "by-hand.csv", "--dry-run"]).ok().stdout;
    assert!(preview.starts_with("~ tea-030   active → pending\n1 row,"), "{preview}");
    district.cli(&["users", "import", "by-hand.csv"]).ok();
}
