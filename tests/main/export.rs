//! What the platform's export may do in one night, and an export that is not the same any more.

use crate::support::{District, Done, Person, person};

/// So many teachers, each with an email, a mobile and a home phone of their own.
fn people(count: usize) -> Vec<Person> {
    (1..=count)
        .map(|n| {
            person(&format!("tea-{n:03}"))
                .given(&format!("Given{n}"))
                .family(&format!("Family{n}"))
                .mobile(&format!("+1718555{:04}", 100 + n % 100))
                .home(&format!("+1718556{:04}", 100 + n % 100))
        })
        .collect()
}

/// A district in which the first `active` of `all` have joined, after its first good night.
fn joined(all: usize, active: usize) -> (District, Vec<Person>) {
    let mut people = people(all);
    for person in &mut people[active..] {
        *person = person.clone().state("pending");
    }
    let mut district = District::new();
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    (district, people)
}

/// Refused before anything is decided: exit 7, nothing written.
#[track_caller]
fn refused(district: &District, words: &[&str]) {
    let before = district.dump();
    district.run().exits(7).complains(words);
    district.preview().exits(7).complains(words);
    assert_eq!(district.dump(), before);
}

/// Blocked: exit 4 in the preview and in the run, nothing applied.
#[track_caller]
fn blocked(district: &District, words: &[&str]) -> Done {
    let before = district.dump();
    let preview = district.preview().exits(4);
    let done = district.run().exits(4);
    let verdict = done.stdout.split_once("\nBLOCKED: nothing was applied\n").expect("a verdict").1;
    for words in words {
        assert!(verdict.contains(words), "`{words}` in\n{verdict}");
    }
    assert_eq!(preview.checksum(), done.checksum());
    assert_eq!(district.dump(), before);
    assert_eq!(district.mails().len(), 0);
    done
}

/// The export with other headers.
fn renamed(district: &mut District, from: &str, to: &str) {
    let text = std::fs::read_to_string(district.path("platform-users.csv")).unwrap();
    let (headers, rows) = text.split_once('\n').unwrap();
    let headers: Vec<&str> = headers.split(',').map(|name| if name == from { to } else { name }).collect();
    district.platform_file(&format!("{}\n{rows}", headers.join(",")));
}

/// The same rows with the cells of some columns changed, row by row.
fn with_cells(district: &mut District, change: impl Fn(usize, &mut Vec<String>, &[Vec<String>])) {
    let text = std::fs::read_to_string(district.path("platform-users.csv")).unwrap();
    let rows: Vec<Vec<String>> =
        text.lines().map(|line| line.split(',').map(str::to_owned).collect()).collect();
    let mut after = rows.clone();
    for (at, row) in after.iter_mut().enumerate().skip(1) {
        change(at, row, &rows);
    }
    let lines: String = after.iter().map(|row| row.join(",") + "\n").collect();
    district.platform_file(&lines);
}

#[test]
fn an_export_without_known_users_is_refused() {
    let (mut district, _) = joined(30, 25);
    let words = ["no row of the platform export belongs to a user of the store or the roster", "sourced_id"];
    // Another district's, and another id column of ours.
    with_cells(&mut district, |_, row, _| row[0] = format!("other-{}", row[0]));
    refused(&district, &words);
    with_cells(&mut district, |at, row, _| row[0] = format!("{}", 90_000 + at));
    refused(&district, &words);
    // On the first night as well, and by hand.
    let mut first = District::new();
    first.platform(&[person("tea-9")]);
    first.sis(&[person("tea-1")]);
    first.run().exits(7).complains(&words);
    district.file("by-hand.csv", "sourced_id,state\nnobody,active\n");
    let before = district.dump();
    for option in ["--dry-run", "--new-export"] {
        district.cli(&["users", "import", "by-hand.csv", option]).exits(7).complains(&words);
    }
    assert_eq!(district.dump(), before);
}

#[test]
fn an_export_with_fewer_than_half_as_many_known_people_is_refused() {
    let (mut district, people) = joined(41, 30);
    district.platform(&people[..20]);
    refused(
        &district,
        &[
            "only 20 rows of the platform export belong to known users; on the last good night 41 did",
            "--new-export",
        ],
    );
    // Rows of other people make no difference.
    let mut padded = people[..20].to_vec();
    padded.extend((1..=30).map(|n| person(&format!("oth-{n}"))));
    district.platform(&padded);
    refused(&district, &["only 20 rows"]);
    district.platform(&people[..21]);
    district.run().ok();
    // From now on it is measured by these.
    district.platform(&people[..11]);
    district.run().ok();
    // Of fewer than 20 any part will do.
    district.platform(&people[..1]);
    district.run().ok();
}

#[test]
fn a_person_can_say_that_a_smaller_export_is_right() {
    let (mut district, people) = joined(41, 30);
    district.platform(&people[..5]);
    district.run().exits(7);
    district.run_with(&["--new-export"]).ok();
    district.run().ok();
}

/// A renamed header `state`, by which all users would join.
#[test]
fn an_export_without_the_state_that_it_had_is_refused() {
    let (mut district, people) = joined(20, 2);
    renamed(&mut district, "state", "status");
    let words = ["has no column `state` any more", "[platform.columns]", "--new-export"];
    refused(&district, &words);
    let before = district.dump();
    let import = district.cli(&["users", "import", "platform-users.csv"]).exits(7);
    import.complains(&words);
    assert_eq!(district.dump(), before);
    // In capitals, with a blank, under a name that the configuration knows: all the same column.
    district.platform(&people);
    renamed(&mut district, "state", "State ");
    district.run().ok();
    district.platform(&people);
    renamed(&mut district, "state", "Account State");
    district.set("platform.columns.state", "\"Account State\"");
    district.run().ok();
    // A district with an export that never had one goes on.
    let mut without = District::new();
    without.platform_without(&["state"], &people[..2]);
    without.sis(&people[..2]);
    without.run().ok();
    without.run().ok();
}

#[test]
fn unknown_words_are_no_states() {
    // All of them, or blank.
    for words in [["joined up", "not registered"], ["", ""]] {
        let (mut district, _) = joined(25, 5);
        with_cells(&mut district, |_, row, _| row[1] = words[usize::from(row[1] == "pending")].to_owned());
        district.run().exits(7).complains(&["no usable row", "the state is none of active"]);
    }
    // A new word for users that have not joined: too few are left.
    let (mut district, _) = joined(25, 5);
    with_cells(&mut district, |_, row, _| row[1] = row[1].replace("pending", "not registered"));
    refused(
        &district,
        &["only 5 rows of the platform export belong to known users; on the last good night 25 did"],
    );
}

#[test]
fn another_column_that_is_gone_is_said_until_it_is_back_or_normal() {
    let (mut district, people) = joined(20, 20);
    renamed(&mut district, "email", "e-mail");
    for day in 24..=30 {
        district.at(&format!("2026-11-{day}T08:15:00Z"));
        let said = format!("night {} of 7", day - 23);
        // Two runs of a day are one night. Said with -q as well.
        for _ in 0..2 {
            let done = district.cli(&["-q", "run"]).exits(3);
            for words in [
                "platform-column-gone",
                "the column `email` was there on the last good night and is gone",
                &said,
            ] {
                assert!(done.stdout.contains(words), "`{words}` in\n{}", done.stdout);
            }
            if day == 30 {
                break;
            }
        }
    }
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE email = ''"), "0", "nothing is taken away");
    district.run().ok();
    // One that is back after a night is not missed any more.
    let mut district = joined(20, 20).0;
    renamed(&mut district, "home_phone", "home");
    district.run().exits(3);
    district.platform(&people);
    district.run().ok();
}

/// Emails emptied, rows off by one, phones swapped, the details of other people: nothing of that is
/// applied, and no user under ON is told of changes that never were.
#[test]
fn an_export_that_would_change_most_people_is_stopped() {
    /// What is done to a row of the export, by its place among all rows.
    type Damage<'a> = &'a dyn Fn(usize, &mut Vec<String>, &[Vec<String>]);
    let damages: [(&str, Damage<'_>); 6] = [
        ("the column `email` has no value any more", &|_, row, _| row[4].clear()),
        ("", &|at, row, rows| {
            // Details of the row before: everything but id and state one row further down.
            let other = &rows[if at == 1 { rows.len() - 1 } else { at - 1 }];
            row[2..].clone_from_slice(&other[2..]);
        }),
        ("", &|_, row, _| row.swap(5, 6)),
        ("", &|_, row, _| row.swap(2, 3)),
        ("", &|at, row, _| row[4] = format!("test{at}@platform.example")),
        ("", &|_, row, _| row[4] = "office@school.example".to_owned()),
    ];
    let (mut district, people) = joined(71, 71);
    for on in [false, true] {
        district.set("sync.update_contacts", &on.to_string());
        for (said, damage) in damages {
            district.platform(&people);
            with_cells(&mut district, damage);
            let done = blocked(
                &district,
                &[
                    "71 of 71 active users would have their details changed by the platform export (100.0%",
                    said,
                    "[limits] export allows 20%",
                ],
            );
            assert!(done.stdout.contains("--approve"), "{}", done.stdout);
        }
    }
}

#[test]
fn the_limit_on_the_export_is_a_share_above_twenty_people() {
    let changed = |all: usize, count: usize| {
        let (mut district, _) = joined(all, all);
        with_cells(&mut district, |at, row, _| {
            if at <= count {
                row[4] = format!("typed{at}@mail.example");
            }
        });
        district
    };
    // Twenty of 71 are 28%, and may change.
    for (all, count) in [(71, 20), (120, 24)] {
        changed(all, count).run().ok();
    }
    let done = blocked(
        &changed(71, 21),
        &[
            "21 of 71 active users would have their details changed by the platform export (29.6%); [limits] export allows 20%, and 20 in any case\n",
        ],
    );
    blocked(&changed(120, 25), &["25 of 120 active users"]);
    // In a small district a column that loses all its values is enough.
    let (mut small, _) = joined(8, 8);
    with_cells(&mut small, |_, row, _| row[4].clear());
    blocked(&small, &["8 of 8 active users", "the column `email` has no value any more"]);
    // A configured count or share holds instead.
    let mut tight = changed(71, 5);
    tight.set("limits.export", "4");
    blocked(
        &tight,
        &["5 active users would have their details changed by the platform export; [limits] export allows 4"],
    );
    // What is approved is exactly these people.
    let mut district = changed(71, 21);
    assert_eq!(district.preview().exits(4).checksum(), done.checksum());
    with_cells(&mut district, |at, row, _| {
        if at == 30 {
            row[4] = "one-more@mail.example".into();
        }
    });
    district.run_with(&["--approve", done.checksum()]).exits(4);
    let approve = district.run().exits(4).checksum().to_owned();
    district.run_with(&["--approve", &approve]).ok();
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE email LIKE '%@mail.example'"), "22");
    district.run().ok();
}

#[test]
fn many_joins_in_one_night_are_stopped_but_not_on_the_first_read() {
    let tonight = |all: usize, count: usize| {
        let (mut district, _) = joined(all, 1);
        with_cells(&mut district, |at, row, _| {
            if at <= count + 1 {
                row[1] = "active".into();
            }
        });
        district
    };
    for (all, count) in [(100, 50), (600, 60)] {
        tonight(all, count).run().ok();
    }
    let done = blocked(
        &tonight(100, 51),
        &[
            "51 of 100 accounts would become active by the platform export (51.0%); [limits] joins allows 10%, and 50 in any case\n",
        ],
    );
    assert!(done.stdout.contains("~ tea-002   active   state      pending → active"), "{}", done.stdout);
    blocked(&tonight(600, 61), &["61 of 600 accounts would become active"]);
    // The approval of one export is not the approval of another.
    let more = tonight(100, 52);
    more.run_with(&["--approve", done.checksum()]).exits(4);
    let same = tonight(100, 51);
    same.run_with(&["--approve", done.checksum()]).ok();
    // The first export that a district reads.
    let mut first = District::new();
    first.sis(&people(100));
    first.run().ok();
    first.platform(&people(100));
    first.run().ok();
    assert_eq!(first.ask("SELECT count(*) FROM account WHERE state = 'active'"), "100");
}

#[test]
fn accounts_that_become_pending_have_their_own_limit() {
    let tonight = |all: usize, count: usize| {
        let (mut district, _) = joined(all, all);
        with_cells(&mut district, |at, row, _| {
            if at <= count {
                row[1] = "invited".into();
            }
        });
        district
    };
    for (all, count) in [(20, 5), (120, 6)] {
        tonight(all, count).run().ok();
    }
    blocked(
        &tonight(20, 6),
        &[
            "6 of 20 active users would become pending by the platform export (30.0%); [limits] unjoins allows 5%, and 5 in any case\n",
        ],
    );
    blocked(&tonight(120, 7), &["7 of 120 active users would become pending"]);
}

/// The same limits by hand, where the platform has no export that runs read.
#[test]
fn an_import_by_hand_obeys_the_same_limits() {
    let district = District::new();
    let all = people(100);
    district.sis(&all);
    district.run().ok();
    let file = |district: &District, change: &dyn Fn(usize) -> (bool, String)| {
        let rows: String = (1..=100)
            .map(|n| {
                let (active, email) = change(n);
                format!("tea-{n:03},{},{email}\n", if active { "active" } else { "invited" })
            })
            .collect();
        district.file("by-hand.csv", format!("sourced_id,state,email\n{rows}"));
    };
    let import = |district: &District, more: &[&str]| {
        district.cli(&[&["users", "import", "by-hand.csv"], more].concat())
    };
    let own = |n: usize| format!("typed{n}@mail.example");
    // The first export makes its users active.
    file(&district, &|n| (n <= 40, own(n)));
    import(&district, &[]).ok();
    for (what, change, words) in [
        (
            "joins",
            &(|n: usize| (true, own(n))) as &dyn Fn(usize) -> (bool, String),
            "60 of 100 accounts would become active by the platform export (60.0%); [limits] joins allows 10%, and 50 in any case",
        ),
        (
            "unjoins",
            &|n| (n <= 30, own(n)),
            "10 of 40 active users would become pending by the platform export (25.0%); [limits] unjoins allows 5%, and 5 in any case",
        ),
        (
            "export",
            &|n| (n <= 40, own(n + 1)),
            "40 of 40 active users would have their details changed by the platform export (100.0%); [limits] export allows 20%, and 20 in any case",
        ),
    ] {
        file(&district, change);
        let before = district.dump();
        let preview = import(&district, &["--dry-run"]).exits(4);
        let done = import(&district, &[]).exits(4);
        assert!(done.stdout.contains(words), "{what}: `{words}` in\n{}", done.stdout);
        assert_eq!(preview.stdout, done.stdout);
        assert_eq!(district.dump(), before);
        import(&district, &["--approve", "0123456789abcdef"]).exits(4);
        assert_eq!(district.dump(), before);
    }
    let done = import(&district, &[]).exits(4);
    let approve = done.stdout.trim_end().rsplit_once(' ').unwrap().1.to_owned();
    import(&district, &["--approve", &approve]).ok();
    assert_eq!(
        district.ask("SELECT email FROM account WHERE sourced_id = 'tea-040'"),
        "typed41@mail.example"
    );
    // Without the column it says nothing of, and with fewer than half of the people.
    district.file("by-hand.csv", "sourced_id,state,email\ntea-001,active,typed2@mail.example\n");
    import(&district, &[]).exits(7).complains(&[
        "only 1 row",
        "on the last good night 100 did",
        "--new-export",
    ]);
    import(&district, &["--new-export"]).ok();
}

/// With limits that an older version did not have, the first night says what they would stop, and
/// the next one stops it.
#[test]
fn after_an_upgrade_new_limits_are_said_on_the_first_night() {
    let upgraded = || {
        let (mut district, _) = joined(71, 71);
        district.store().execute_batch("DELETE FROM last_night").unwrap();
        with_cells(&mut district, |at, row, _| row[4] = format!("typed{at}@mail.example"));
        district
    };
    let mut district = upgraded();
    let done = district.run().ok();
    assert!(
        done.stderr.contains(
            "71 of 71 active users would have their details changed by the platform export (100.0%)"
        ) && done.stderr.contains("holds from the next run on"),
        "{}",
        done.stderr
    );
    with_cells(&mut district, |at, row, _| row[4] = format!("again{at}@mail.example"));
    district.run().exits(4);
    // The limits that there were hold at once.
    let district = upgraded();
    district.sis(&people(30));
    district.run().exits(4);
}

#[test]
fn the_limits_are_in_json_and_a_share_is_written_in_digits() {
    let (mut district, _) = joined(71, 71);
    with_cells(&mut district, |_, row, _| row[4].clear());
    let json = district.run_with(&["--format", "json"]).exits(4).json();
    assert_eq!(json["limits"][0]["limit"], "export");
    assert_eq!((&json["limits"][0]["count"], &json["limits"][0]["of"]), (&71.into(), &71.into()));
    for wrong in ["\"1e2%\"", "\"inf%\"", "\"nan%\"", "\"+5%\"", "\"-1%\"", "-1", "inf"] {
        district.set("limits.protection", wrong);
        district.run().exits(2).complains(&["protection", "10%"]);
    }
}

/// The last meaning of a column that says who changed a row, and when.
#[test]
fn who_set_a_value_on_the_platform_is_shown_with_it() {
    let mut district = District::new();
    let file = |district: &mut District, email: &str, at: &str, by: &str| {
        district.platform_file(&format!(
            "sourced_id,state,given_name,family_name,email,updated_at,updated_by\n\
             tea-1,active,Rosa,Diaz,{email},{at},{by}\ntea-2,invited,Rosa,Diaz,,,\n"
        ));
    };
    district.sis(&[person("tea-1"), person("tea-2")]);
    file(&mut district, "rosa@home.example", "2026-11-20T10:00:00Z", "user");
    district.run().ok();
    let shown = district.cli(&["users", "show", "tea-1"]).ok().stdout;
    assert!(
        shown.contains("platform export (set there by the user, 2026-11-20 04:00), run 1, 2026-11-23 02:15"),
        "{shown}"
    );
    district.at("2026-11-24T08:15:00Z");
    file(&mut district, "rosa@work.example", "2026-11-23 17:30:00", "STAFF");
    district.run().ok();
    let set = "platform export (set there by staff, 2026-11-23 11:30), run 2, 2026-11-24 02:15";
    assert!(district.cli(&["users", "show", "tea-1"]).ok().stdout.contains(set));
    assert!(district.cli(&["explain", "tea-1"]).ok().stdout.contains(set));
    let history = district.cli(&["users", "history", "tea-1"]).ok().stdout;
    assert!(history.contains("platform export, run 2 (set there by staff, 2026-11-23 11:30)"), "{history}");
    let json = district.cli(&["users", "show", "tea-1", "--json"]).ok().json();
    let set = &json["fields"]["email"]["set"];
    assert_eq!(
        (&set["origin"], &set["actor"], &set["updated_by"], &set["updated_at"]),
        (&"platform".into(), &"".into(), &"staff".into(), &"2026-11-23T17:30:00Z".into()),
    );
    // A later date alone is no change; what cannot be read is said and left out, and the row
    // counts.
    file(&mut district, "rosa@work.example", "2026-11-24 01:00", "user");
    district.run().ok();
    file(&mut district, "rosa@third.example", "24.11.2026", "the principal");
    let done = district.run_with(&["--format", "json"]).ok();
    assert_eq!(done.json()["findings"]["platform-updated-malformed"], 2);
    assert!(
        done.stderr.contains("platform-users.csv:2: updated_at: the value of `updated_at` is left out"),
        "{}",
        done.stderr
    );
    let shown = district.cli(&["users", "show", "tea-1"]).ok().stdout;
    assert!(shown.contains("rosa@third.example") && shown.contains("platform export, run 4"), "{shown}");
    district.cli(&["status", "--verify"]).ok();
}
