//! Looking at accounts: lists, one person, the history and its chain, the platform's export by
//! hand.

use crate::support::{District, person};

/// Two nights: one person changed by the sync, one kept, one new and gone again.
fn district() -> District {
    let mut district = District::new().without_limits();
    district.file(
        "sis/orgs.csv",
        "sourcedId,name,type\nsch-1,Lincoln Elementary,school\nsch-2,Washington,school\n",
    );
    let people = [
        person("stu-1").schools("sch-2").agents("gua-1"),
        person("gua-1").schools("").family("=Núñez, Jr."),
        person("tea-1"),
        person("tea-2"),
    ];
    district.platform(&[person("gua-1").family("=Núñez, Jr.").email("home@mail.example"), person("tea-1")]);
    district.sis(&people);
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    district.sis(&[
        people[0].clone().email("stu@mail.example"),
        people[1].clone(),
        people[2].clone().given("Rosie").mobile("+17185550142"),
    ]);
    district.run().ok();
    district
}

#[test]
fn the_list_filters_and_streams_in_three_formats() {
    let district = district();
    let list = |what: &[&str]| district.cli(&[&["users", "list"], what].concat()).ok().stdout;
    let ids = |what: &[&str]| {
        list(&[what, &["--format", "csv"]].concat())
            .lines()
            .skip(1)
            .map(|line| line.split(',').next().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), ["gua-1", "stu-1", "tea-1", "tea-2"]);
    assert_eq!(ids(&["--state", "active"]), ["gua-1", "tea-1"]);
    assert_eq!(ids(&["--state", "archived"]), ["tea-2"]);
    assert_eq!(ids(&["--role", "Teacher", "--state", "active"]), ["tea-1"]);
    assert_eq!(ids(&["--school", "sch-2"]), ["gua-1", "stu-1"], "a guardian is at the students' schools");
    assert_eq!(ids(&["--kept"]), ["gua-1", "tea-1"]);
    assert_eq!(ids(&["--where", "email=stu@mail.example"]), ["stu-1"]);
    assert_eq!(ids(&["--where", "users_manager=district"]), Vec::<String>::new());
    district.cli(&["users", "grant", "tea-1", "users-manager"]).ok();
    assert_eq!(ids(&["--where", "users_manager=district"]), ["tea-1"]);
    assert!(list(&["--format", "csv"]).contains("\"'=Núñez, Jr.\""), "no spreadsheet runs a name");
    let json: serde_json::Value = serde_json::from_str(&list(&["--format", "json"])).unwrap();
    assert_eq!(json[0]["family_name"], "=Núñez, Jr.");
    assert_eq!(json[0]["schools"], "sch-2");
    assert_eq!(list(&["--state", "pending", "--role", "aide", "--format", "json"]), "[]\n");
    assert_eq!(list(&["--role", "aide"]), "");
    let table = list(&["--state", "archived"]);
    assert!(table.starts_with("sourced_id  state     role     schools"), "{table}");
    district.cli(&["users", "list", "--where", "emial=x"]).exits(2).complains(&["no column `emial`"]);
    district.cli(&["users", "list", "--where", "x"]).exits(2).complains(&["has no `=`"]);
}

#[test]
fn a_person_on_one_screen() {
    let district = district();
    district.cli(&["users", "edit", "gua-1", "--as", "gua-1", "--phone", "7185550150"]).ok();
    let text = district.cli(&["users", "show", "gua-1"]).ok().stdout;
    assert_eq!(
        text,
        "User:      gua-1\n\
         State:     active, came with run 1, 2026-11-23 02:15\n\
         Roles:     guardian\n\
         Schools:   sch-2 Washington\n\
         Setting:   OFF: an active user and staff that manage users change them, the sync does not\n\
         Students:  stu-1, since run 1, 2026-11-23 02:15\n\
         Editable:  yes, by the user\n\
         \n\
         field       actual             SIS                   set by                                    differs since\n\
         name        Rosa =Núñez, Jr.   Rosa =Núñez, Jr.      platform export, run 1, 2026-11-23 02:15\n\
         email       home@mail.example  gua-1@school.example  platform export, run 1, 2026-11-23 02:15  2026-11-23\n\
         phone       +17185550150                             the person, 2026-11-24 02:15\n\
         home phone                                           platform export, run 1, 2026-11-23 02:15\n"
    );
    let json = district.cli(&["users", "show", "stu-1", "--json"]).ok().json();
    assert_eq!(json["guardians"], serde_json::json!(["gua-1"]));
    assert_eq!(json["fields"]["email"]["set"]["run"], 2);
    assert_eq!(json["fields"]["email"]["set"]["origin"], "sync");
    assert_eq!((&json["editable"], &json["code"]), (&false.into(), &"not-joined".into()));
    let text = district.cli(&["users", "show", "tea-2"]).ok().stdout;
    assert!(text.contains("archived, was pending") && text.contains("no, archived:"), "{text}");
    district
        .cli(&["users", "show", "nobody"])
        .exits(2)
        .complains(&["there is no account with this sourcedId"]);
}

#[test]
fn the_history_has_all_of_it_in_order() {
    let district = district();
    district.cli(&["users", "join", "stu-1", "--given-name", "Rosalía"]).ok();
    district.cli(&["users", "edit", "stu-1", "--as", "gua-1", "--email", "x@y.example"]).exits(4);
    let text = district.cli(&["users", "history", "stu-1"]).ok().stdout;
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(
        text.lines().map(words).collect::<Vec<_>>(),
        [
            "when what old new by",
            "2026-11-23 02:15 account created sync, run 1",
            "2026-11-24 02:15 email stu-1@school.example stu@mail.example sync, run 2",
            "2026-11-24 02:15 state pending active the person",
            "2026-11-24 02:15 name Rosa Diaz Rosalía Diaz the person",
            "2026-11-24 02:15 edit refused not-permitted gua-1",
        ]
    );
    let json = district.cli(&["users", "history", "stu-1", "--json"]).ok().json();
    assert_eq!(json.as_array().unwrap().len(), 5);
    assert_eq!(json[3]["new"], "Rosalía Diaz");
}

/// The first row that was altered by hand is named, with or without the triggers.
#[test]
fn an_altered_history_is_found() {
    let district = district();
    district.cli(&["users", "edit", "tea-1", "--as", "tea-1", "--email", "a@mail.example"]).ok();
    let done = district.cli(&["status", "--verify"]).ok();
    assert!(done.stdout.starts_with("The audit is intact: "), "{}", done.stdout);
    let json = district.cli(&["status", "--verify", "--json"]).ok().json();
    assert_eq!((&json["intact"], &json["links"]), (&true.into(), &3.into()));
    let store = district.store();
    assert!(store.execute_batch("UPDATE audit_value SET new = 'x'").is_err());
    store.execute_batch("DROP TRIGGER audit_value_is_never_changed").unwrap();
    let row = district.ask("SELECT max(id) FROM audit");
    store
        .execute_batch(&format!("UPDATE audit_value SET old = 'forged@x.example' WHERE id = {row}"))
        .unwrap();
    district.cli(&["status", "--verify"]).exits(1).complains(&[
        "the audit was altered by hand",
        &format!("row {row} of the audit: its values were altered"),
    ]);
    store.execute_batch("UPDATE run SET summary = '{}' WHERE id = 2").unwrap();
    district.cli(&["status", "--verify"]).exits(1).complains(&["the entry of run 2"]);
}

/// A first load has one link, whatever its size.
#[test]
fn a_first_load_costs_one_link() {
    let district = District::new();
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3")]);
    district.run().ok();
    assert_eq!(district.ask("SELECT count(*) FROM link WHERE id > 1"), "1");
    assert_eq!(district.ask("SELECT count(*) FROM audit_row"), "0");
}

#[test]
fn an_export_that_comes_back_changes_nothing() {
    let district = district();
    let export = |what: &[&str]| district.cli(&[&["users", "export"], what].concat()).ok().stdout;
    let all = export(&[]);
    let lines: Vec<&str> = all.split("\r\n").collect();
    assert_eq!(
        lines[0],
        "sourced_id,state,given_name,family_name,email,phone,home_phone,email_opt_out,sms_opt_out"
    );
    assert_eq!(
        lines[1], "gua-1,active,Rosa,\"=Núñez, Jr.\",home@mail.example,,,false,false",
        "values as they are"
    );
    assert_eq!(lines.len(), 5, "two active, one pending, none archived: {all}");
    district.file("back.csv", &all);
    let details = || {
        district.ask("SELECT sourced_id, state, given_name, family_name, email, phone, home_phone FROM account ORDER BY 1")
    };
    let (before, audit) = (details(), district.ask("SELECT count(*) FROM audit"));
    let done = district.cli(&["users", "import", "back.csv"]).ok();
    assert_eq!(done.stdout, "3 rows, 0 joined, 0 pending again, 0 details taken over, 0 unknown\n");
    assert_eq!(details(), before);
    assert_eq!(district.ask("SELECT count(*) FROM audit"), audit);
    assert_eq!(export(&[]), all);
    let json: serde_json::Value = serde_json::from_str(&export(&["--format", "json"])).unwrap();
    assert_eq!(json[0]["email"], "home@mail.example");
    // Only what was changed since.
    let ids = |text: &str| {
        text.lines().skip(1).map(|line| line.split(',').next().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&export(&["--changed-since", "1"])), ["stu-1"], "tea-2 was archived since");
    assert_eq!(ids(&export(&["--changed-since", "2"])), Vec::<String>::new());
    district.cli(&["users", "edit", "tea-1", "--as", "tea-1", "--phone", "7185550150"]).ok();
    assert_eq!(ids(&export(&["--changed-since", "2"])), ["tea-1"]);
    district.cli(&["users", "export", "--changed-since", "9"]).exits(2).complains(&["no run 9"]);
}

#[test]
fn an_export_comes_back_under_whatever_headers() {
    let mut district = District::new()
        .with("platform.columns.email", "\"Email Address\"")
        .with("platform.columns.sourced_id", "\"ID, in the SIS\"")
        .with("platform.columns.language", "\"Speaks\"");
    district.platform_file(
        "\"ID, in the SIS\",state,given_name,family_name,Email Address,phone,home_phone,Speaks\n\
         tea-1,active,Rosa,Diaz,home@mail.example,,,es\n",
    );
    district.sis(&[person("tea-1"), person("stu-1")]);
    district.run().ok();
    let all = district.cli(&["users", "export"]).ok().stdout;
    assert_eq!(
        all,
        "\"ID, in the SIS\",state,given_name,family_name,Email Address,phone,home_phone,email_opt_out,sms_opt_out\r\n\
         stu-1,pending,Rosa,Diaz,stu-1@school.example,,,false,false\r\n\
         tea-1,active,Rosa,Diaz,home@mail.example,,,false,false\r\n"
    );
    district.file("back.csv", &all);
    let before = district.store_hash();
    let done = district.cli(&["users", "import", "back.csv"]).ok();
    assert_eq!(done.stdout, "2 rows, 0 joined, 0 pending again, 0 details taken over, 0 unknown\n");
    assert_eq!(district.store_hash(), before);
    let json = district.cli(&["users", "export", "--format", "json"]).ok().json();
    assert_eq!(json[1]["email"], "home@mail.example");
}

/// While the platform's own export lags, an export that comes back by hand is no sign that it has
/// caught up.
#[test]
fn an_export_that_comes_back_leaves_the_waiting_alone() {
    let mut district = District::new().without_limits().school("sch-on", true);
    let people = [person("tea-1"), person("tea-2").schools("sch-on")];
    district.platform(&people);
    district.sis(&people);
    district.run().ok();
    // One is edited, the other is changed by the sync; the platform hears of neither for a while.
    for value in ["first@mail.example", "mine@mail.example"] {
        district.cli(&["users", "edit", "tea-1", "--as", "tea-1", "--email", value]).ok();
    }
    district.sis(&[people[0].clone(), people[1].clone().email("new@mail.example")]);
    district.run().ok();
    let mails = district.mails().len();
    let emails = "SELECT email FROM account ORDER BY sourced_id";
    for day in 24..27 {
        let back = district.cli(&["users", "export"]).ok().stdout;
        district.file("back.csv", back);
        let before = district.store_hash();
        let done = district.cli(&["users", "import", "back.csv"]).ok();
        assert!(done.stdout.contains(" 0 details taken over"), "{}", done.stdout);
        assert_eq!(district.store_hash(), before, "nothing was to be written");
        district.at(&format!("2026-11-{day}T08:15:00Z"));
        let done = district.run().ok();
        done.says("tea-1", "kept", "Active user has a new email in the SIS import - mine@mail.example");
        done.says("tea-2", "unchanged", "");
        assert_eq!(district.ask(emails), "mine@mail.example\nnew@mail.example");
    }
    assert_eq!(district.mails().len(), mails);
    // It catches up step by step, and a value that is typed there after that is news.
    for (shown, actual) in [
        ("first@mail.example", "mine@mail.example"),
        ("mine@mail.example", "mine@mail.example"),
        ("there@mail.example", "there@mail.example"),
    ] {
        district.platform(&[people[0].clone().email(shown), people[1].clone().email("new@mail.example")]);
        district.run().ok();
        assert_eq!(district.ask(emails), format!("{actual}\nnew@mail.example"));
    }
}

/// What is brought by hand counts, whatever the platform's own export goes on showing.
#[test]
fn what_is_imported_by_hand_outlasts_an_export_that_lags() {
    let mut district = District::new();
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.file("by-hand.csv", "sourced_id,email\ntea-1,hand@mail.example\n");
    let done = district.cli(&["users", "import", "by-hand.csv"]).ok();
    assert!(done.stdout.contains(" 1 detail taken over"), "{}", done.stdout);
    for _ in 0..2 {
        district.run().ok();
        assert_eq!(district.ask("SELECT email FROM account"), "hand@mail.example");
    }
}

#[test]
fn an_import_by_hand_is_the_platforms_word() {
    let district = district();
    district.file(
        "by-hand.csv",
        "sourced_id,state,email\nstu-1,active,stu@home.example\ntea-1,active,tea-1@school.example\nnobody,active,x@y.example\n",
    );
    let before = district.everything();
    let done = district.cli(&["users", "import", "by-hand.csv", "--dry-run"]).ok();
    assert!(
        done.stdout.starts_with("3 rows, 1 joined, 0 pending again, 1 detail taken over, 1 unknown\n"),
        "{}",
        done.stdout
    );
    assert_eq!(district.everything(), before);
    let real = district.cli(&["users", "import", "by-hand.csv"]).ok();
    assert!(done.stdout.starts_with(&real.stdout), "{}", real.stdout);
    assert!(real.stderr.contains("`nobody` is neither in the store nor in the roster"), "{}", real.stderr);
    assert_eq!(
        district.ask("SELECT state, email FROM account WHERE sourced_id = 'stu-1'"),
        "active | stu@home.example"
    );
    let json = district.cli(&["users", "show", "stu-1", "--json"]).ok().json();
    assert_eq!(json["fields"]["email"]["set"]["origin"], "platform");
    district.cli(&["status", "--verify"]).ok();
    district.cli(&["users", "import", "missing.csv"]).exits(7).complains(&["missing.csv"]);
}

/// What is wrong with the rows is said, also where none of them can be used.
#[test]
fn an_import_without_a_usable_row_says_what_is_wrong_with_them() {
    let mut district = district();
    let rows = "sourced_id,state,email\n,active,a@x.example\ntea-1,gone,b@x.example\nstu-1\n";
    district.file("by-hand.csv", rows);
    let before = district.everything();
    let done = district.cli(&["users", "import", "by-hand.csv"]).exits(7);
    done.complains(&[
        "the platform export has no usable row; the first: the row has no sourced_id",
        "by-hand.csv:2",
        "platform-row-malformed",
        "count=3",
    ]);
    assert_eq!(district.everything().get("rostersync.db"), before.get("rostersync.db"));
    // Rows that contradict each other are none either, and a run says so too.
    district.platform_file("sourced_id,state\ntea-1,active\ntea-1,pending\n");
    district.run().exits(7).complains(&["no usable row; the first: rows for one sourcedId differ"]);
}

/// Whatever is done in whatever order: nothing changes without an entry that says so, and the chain
/// holds.
#[test]
fn every_value_is_accounted_for() {
    let mut district = District::new().without_limits().school("sch-on", true);
    let roster = |night: usize| {
        (0..8)
            .map(|number| {
                let turn = (number * 5 + night * 3) % 7;
                person(&format!("tea-{number}"))
                    .schools(if number % 2 == 0 { "sch-on" } else { "sch-1" })
                    .given(["Rosa", "ROSA", "Maria"][turn % 3])
                    .email(&format!("n{turn}-{number}@mail.example"))
                    .mobile(["", "+17185550142", "+17185550143"][turn % 3])
            })
            .filter(|person| night != 2 || person.cells["sourcedId"] != "tea-7")
            .collect::<Vec<_>>()
    };
    let mut seed = 7_usize;
    let mut next = |of: usize| {
        seed = (seed * 1_103 + 12_345) % 65_521;
        seed % of
    };
    let mut runs = 0;
    for night in 0..4 {
        district.at(&format!("2026-11-2{}T08:15:00Z", 3 + night));
        district.sis(&roster(night));
        district.run().ok();
        runs += 1;
        for _ in 0..8 {
            let user = format!("tea-{}", next(8));
            let value = format!("e{}@mail.example", next(1000));
            let run = (next(runs) + 1).to_string();
            let done = match next(5) {
                0 => district.cli(&["users", "join", &user, "--email", &value]),
                1 | 2 => district.cli(&[
                    "users",
                    "edit",
                    &user,
                    "--as",
                    &user,
                    "--email",
                    &value,
                    "--given-name",
                    "Eve",
                ]),
                3 => district.cli(&["users", "edit", &user, "--as", "tea-1", "--phone", "7185550199"]),
                _ => district.cli(&["undo", &run]),
            };
            assert!([0, 4].contains(&done.code), "{}", done.stderr);
            runs += usize::from(done.stdout.contains("its report is "));
        }
    }
    district.cli(&["status", "--verify"]).ok();
    assert!(runs > 5, "some were undone: {runs}");
    for (field, value) in [
        ("name", "given_name || char(9) || family_name"),
        ("email", "email"),
        ("phone", "phone"),
        ("home_phone", "home_phone"),
    ] {
        let last = format!(
            "SELECT sourced_id FROM account JOIN audit ON audit.id = \
             (SELECT max(id) FROM audit WHERE account_id = account.id AND field = '{field}') WHERE new <> {value}"
        );
        assert_eq!(district.ask(&last), "", "{field}: not what the last entry says");
        // Each entry begins where the one before it ended.
        let gaps = format!(
            "SELECT id FROM (SELECT id, old, lag(new) OVER (PARTITION BY account_id ORDER BY id) AS before \
             FROM audit WHERE field = '{field}') WHERE before <> old"
        );
        assert_eq!(district.ask(&gaps), "", "{field}: something happened in between");
    }
    assert!(district.ask("SELECT count(*) FROM audit WHERE origin = 'undo'") != "0");
}

/// A caller says an address, a number or a name, and no sourcedId.
#[test]
fn a_person_is_found_by_what_a_caller_says() {
    let mut district = District::new().without_limits();
    let people = [
        person("gua-1")
            .given("Ana Mar\u{ed}a")
            .family("N\u{fa}\u{f1}ez")
            .email("ana@mail.example")
            .mobile("718-555-0101"),
        person("gua-2")
            .given("Bo")
            .family("Lind")
            .email("bo@mail.example")
            .home("(212) 555-0102")
            .identifier("77012"),
        person("gua-3").given("Bo").family("Diaz").email("bd@mail.example"),
    ];
    district.platform(&[people[0].clone().email("typed@mail.example")]);
    district.sis(&people);
    district.run().ok();
    for (typed, id) in [
        ("gua-1", "gua-1"),
        ("typed@mail.example", "gua-1"),
        // What the SIS says is what the caller may know.
        ("ANA@mail.example", "gua-1"),
        ("(718) 555-0101", "gua-1"),
        ("+17185550101", "gua-1"),
        ("212.555.0102", "gua-2"),
        ("77012", "gua-2"),
        ("n\u{fa}\u{f1}ez", "gua-1"),
        ("N\u{fa}\u{f1}ez ana", "gua-1"),
        ("lind", "gua-2"),
    ] {
        let shown = district.cli(&["users", "show", typed, "--json"]).ok().json();
        assert_eq!(shown["user"], id, "{typed}");
        assert_eq!(district.cli(&["explain", typed, "--json"]).ok().json()["user"], id, "{typed}");
        let history = district.cli(&["users", "history", typed]).ok().stdout;
        assert_eq!(history, district.cli(&["users", "history", id]).ok().stdout);
    }
    // Several fit: they are listed, and nothing is chosen.
    for command in [&["users", "show"][..], &["users", "history"], &["explain"]] {
        let done = district.cli(&[command, &["bo"]].concat()).exits(2);
        assert_eq!(
            done.stdout,
            "sourced_id  name     state    role\ngua-2       Bo Lind  pending  guardian\ngua-3       Bo Diaz  pending  guardian\n"
        );
        assert!(
            done.stderr.contains("2 people fit this text") && !done.stderr.contains("Lind"),
            "{}",
            done.stderr
        );
        let json = district.cli(&[command, &["bo", "--json"]].concat()).exits(2).json();
        assert_eq!((&json["count"], &json["matches"][0]["sourced_id"]), (&2.into(), &"gua-2".into()));
        district.cli(&[command, &["nobody@mail.example"]].concat()).exits(2);
    }
    // Changing a user needs the sourcedId.
    district.cli(&["users", "join", "lind"]).exits(2);
    assert_eq!(district.cli(&["users", "list", "--search", "BO"]).ok().stdout.lines().count(), 3);
    assert_eq!(
        district
            .cli(&["users", "list", "--search", "bo", "--where", "family_name=Diaz"])
            .ok()
            .stdout
            .lines()
            .count(),
        2
    );
    // `explain` finds a user that is in the roster alone.
    district.sis(&[&people[..], &[person("gua-4").given("Kim").family("Park")]].concat());
    assert_eq!(district.cli(&["explain", "park", "--json"]).ok().json()["user"], "gua-4");
}

/// Beside the account's name stands the one of the SIS as it is, also where one part of it is
/// blank.
#[test]
fn the_sis_name_is_the_one_of_the_sis() {
    let mut district = District::new().without_limits();
    let typed = [
        person("tea-1").given("Rosa").family("Diaz"),
        person("tea-2").given("Ann").family("Lee"),
        person("tea-3").given("Tom").family("Park"),
    ];
    district.platform(&typed);
    district.sis(&[
        typed[0].clone().given("R.").family("Diaz-Lopez"),
        typed[1].clone().given("").family("Leeds"),
        typed[2].clone().given("TOM").family("PARK"),
    ]);
    district.run().ok();
    for (id, name, sis) in [
        ("tea-1", "Rosa Diaz", "R. Diaz-Lopez"),
        ("tea-2", "Ann Lee", "Leeds"),
        ("tea-3", "Tom Park", "TOM PARK"),
    ] {
        for command in [&["users", "show", id, "--json"][..], &["explain", id, "--json"]] {
            let json = district.cli(command).ok().json();
            let field = &json["fields"]["name"];
            assert_eq!((&field["actual"], &field["sis"]), (&name.into(), &sis.into()), "{command:?}");
        }
    }
}
