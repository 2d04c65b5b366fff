//! What a single cell means: words for "no value", damaged text, marks of spreadsheets, formatting,
//! numbers that are none.

use std::collections::HashSet;

use crate::support::{COLUMNS, District, Done, Person, person, users_csv};

/// A district in which every one of these people has joined, with these details on both sides.
fn joined(on: bool, people: &[Person]) -> District {
    let mut district = District::new().without_limits().update_contacts(on);
    district.sis(people);
    district.platform(people);
    district.run().ok();
    district
}

fn tom(number: u32) -> Person {
    let id = format!("tea-{number}");
    person(&id)
        .given("Tom")
        .family(&format!("Reed{number}"))
        .email(&format!("tom{number}@mail.example"))
        .mobile(&format!("718-234-56{number:02}"))
}

/// The codes and counts of the findings of a run, of those that this is about.
fn found(done: &Done) -> Vec<String> {
    const CODES: [&str; 8] = [
        "null-word",
        "damaged-text",
        "question-mark",
        "html-escapes",
        "spreadsheet-mark",
        "invisible-character",
        "unreadable-date",
        "possible-rekey",
    ];
    let counts = done.json()["findings"].clone();
    CODES.into_iter().filter_map(|code| Some(format!("{code} {}", counts[code].as_u64()?))).collect()
}

/// No account changes and no message is sent, whatever the setting, and there is no note.
#[track_caller]
fn nothing_follows(before: &[Person], after: &[Person], findings: &[&str]) {
    for on in [true, false] {
        let district = joined(on, before);
        let accounts = district.ask("SELECT sourced_id, given_name, family_name, email, phone FROM account");
        district.sis(after);
        let done = district.run_with(&["--format", "json"]).ok();
        assert_eq!(found(&done), findings);
        let report = district.cli(&["report", "--notes", "--format", "csv"]).ok().stdout;
        assert_eq!(report.lines().count(), 1, "{report}");
        assert_eq!(
            district.ask("SELECT sourced_id, given_name, family_name, email, phone FROM account"),
            accounts
        );
        assert_eq!(district.mails(), []);
        // Nor the next night, with --decide-all.
        let done = district.run_with(&["--decide-all"]).ok();
        assert!(done.plan().contains("0 to update") && done.plan().contains("0 kept"), "{}", done.plan());
    }
}

#[test]
fn words_for_no_value_are_not_provided() {
    let known = [tom(1), tom(2), tom(3), tom(4).family("Null")];
    let words = [
        tom(1).given("NULL").family("NULL").mobile("NULL"),
        tom(2).given("#N/A"),
        tom(3).given("\\N").family("\\N").email("\\N"),
        tom(4).family("Null"),
    ];
    nothing_follows(&known, &words, &["null-word 7"]);
    for word in ["None", "N/A", "#REF!", "undefined", "nan", "-", "?", "(null)", "<null>", "null"] {
        let said =
            [tom(1).email(word).mobile(word).home(word).agents(word), tom(2), tom(3), tom(4).family("Null")];
        nothing_follows(&known, &said, &["null-word 4"]);
    }
}

#[test]
fn each_column_and_word_is_one_finding_with_its_count() {
    let district = District::new();
    district.sis(&[tom(1).email("NULL"), tom(2).email("null"), tom(3).email("N/A").mobile("NULL")]);
    let done = district.cli(&["check"]).ok();
    for line in [
        "2 cells of email hold NULL, a word for \"no value\": not provided",
        "1 cell of email holds N/A, a word for \"no value\": not provided",
        "1 cell of sms holds NULL, a word for \"no value\": not provided",
    ] {
        assert!(done.stdout.contains(&format!("warning[null-word] {line}")), "{}", done.stdout);
    }
}

#[test]
fn names_that_look_like_words_are_names() {
    let mut people: Vec<Person> = (1..=40).map(tom).collect();
    people[0] = tom(1).given("Nan").family("Na");
    people[1] = tom(2).given("Jennifer").family("Null");
    people[2] = tom(3).given("Christopher").family("NULL");
    let district = joined(true, &people);
    let names =
        || district.ask("SELECT given_name || ' ' || family_name FROM account WHERE id <= 3 ORDER BY id");
    assert_eq!(names(), "Nan Na\nJennifer Null\nChristopher NULL");
    // More than 5% of the column: a database that has lost a column.
    for person in &mut people[3..8] {
        *person = person.clone().family("NULL");
    }
    people.push(tom(41).family("NULL"));
    district.sis(&people);
    let done = district.run().ok();
    done.says("tea-4", "unchanged", "");
    done.says("tea-41", "created", "");
    assert_eq!(names(), "Nan Na\nJennifer Null\nChristopher NULL");
    assert_eq!(
        district.ask("SELECT given_name || '.' || family_name FROM account WHERE sourced_id = 'tea-41'"),
        "Tom."
    );
    let done = district.cli(&["check"]).ok();
    assert!(done.stdout.contains("7 cells of familyName hold NULL"), "{}", done.stdout);
    assert_eq!(district.mails(), []);
}

#[test]
fn a_word_for_no_value_is_no_id() {
    let district = joined(false, &[tom(1), tom(2)]);
    district.sis(&[tom(1), tom(2), person("NULL"), person("\\N").given("Ann")]);
    let done = district.run().ok();
    assert_eq!(done.report.rows.iter().filter(|row| row["action"] == *"rejected").count(), 2);
    assert_eq!(district.ask("SELECT count(*) FROM account"), "2");
    // Links to it are none, and take none away.
    district.sis(&[person("stu-1").agents("gua-1"), person("gua-1").agents("stu-1"), tom(1), tom(2)]);
    district.run().ok();
    district.sis(&[person("stu-1").agents("NULL"), person("gua-1").agents("#N/A"), tom(1), tom(2)]);
    district.run().ok();
    assert_eq!(
        district.ask(
            "SELECT sourced_id, sis_agents FROM account WHERE sourced_id IN ('gua-1', 'stu-1') ORDER BY 1"
        ),
        "gua-1 | stu-1\nstu-1 | gua-1"
    );
}

#[test]
fn words_clear_nothing_where_blanks_do() {
    for word in ["NULL", "N/A", "-"] {
        let people = [tom(1), tom(2), tom(3)];
        let mut district = joined(true, &people);
        district.set("sync.blank_values", "\"clear\"");
        district.sis(&[tom(1).mobile(word), tom(2).mobile(""), tom(3)]);
        let done = district.run().ok();
        done.says("tea-1", "unchanged", "");
        done.says("tea-2", "updated", "Phone number updated by the sync - was +17182345602");
    }
}

#[test]
fn a_column_that_is_blank_as_a_whole_clears_nothing() {
    let people: Vec<Person> = (1..=12).map(tom).collect();
    let blank: Vec<Person> = people.iter().map(|person| person.clone().mobile("")).collect();
    let mut district = joined(true, &people);
    district.set("sync.blank_values", "\"clear\"");
    for night in ["2026-11-24T08:15:00Z", "2026-11-25T08:15:00Z"] {
        district.at(night);
        district.sis(&blank);
        let done = district.run().exits(3);
        assert!(
            done.stdout.contains("no user has a value in sms tonight, and 12 users had one before"),
            "{}",
            done.stdout
        );
        done.says("tea-1", "unchanged", "");
    }
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE phone <> ''"), "12");
    // A single blank cell beside others says something.
    let mut one = people.clone();
    one[0] = one[0].clone().mobile("");
    district.sis(&one);
    district.run().ok().says("tea-1", "updated", "Phone number updated by the sync - was +17182345601");
}

#[test]
fn damaged_names_are_never_applied() {
    let known = [
        person("tea-1").given("José").family("Núñez"),
        person("tea-2").given("Zoë").family("Brontë"),
        person("tea-3").given("François").family("Lefèvre"),
        person("tea-4").given("Ann").family("Hall"),
    ];
    let damaged = [
        person("tea-1").given("Jos\u{FFFD}").family("N\u{FFFD}\u{FFFD}ez"),
        person("tea-2").given("Zoï¿½").family("Brontï¿½"),
        person("tea-3").given("Fran?ois").family("Lef?vre"),
        person("tea-4").given("Ann").family("Hall"),
    ];
    for on in [true, false] {
        let district = joined(on, &known);
        district.sis(&damaged);
        let done = district.run_with(&["--format", "json"]).ok();
        assert_eq!(found(&done), ["damaged-text 2", "question-mark 2"]);
        let notes = |id: &str| {
            let done =
                district.cli(&["report", "--where", &format!("sourced_id={id}"), "--format", "json"]).ok();
            let row = &done.json()[0];
            (row["codes"].as_str().unwrap().to_owned(), row["notes"].as_str().unwrap().to_owned())
        };
        for (id, value) in [
            ("tea-1", "Jos\u{FFFD} N\u{FFFD}\u{FFFD}ez"),
            ("tea-2", "Zoï¿½ Brontï¿½"),
            ("tea-3", "Fran?ois Lef?vre"),
        ] {
            let note = format!("SIS import has an invalid name - {value}");
            assert_eq!(notes(id), ("sis-name-invalid".to_owned(), note));
        }
        assert_eq!(
            district.ask("SELECT given_name FROM account ORDER BY sourced_id"),
            "José\nZoë\nFrançois\nAnn"
        );
        assert_eq!(district.mails(), []);
    }
    // Read twice, once and twice over; and in an address.
    for (given, email) in [
        ("JosÃ©", "tea-1@school.example"),
        ("JosÃƒÂ©", "tea-1@school.example"),
        ("José", "josÃ©@mail.example"),
    ] {
        let district = joined(true, &known);
        district.sis(&[
            known[0].clone().given(given).email(email),
            known[1].clone(),
            known[2].clone(),
            known[3].clone(),
        ]);
        district.run().ok();
        assert_eq!(
            district.ask("SELECT given_name, email FROM account WHERE id = 1"),
            "José | tea-1@school.example"
        );
        assert_eq!(district.mails(), []);
    }
}

#[test]
fn a_file_in_another_code_page_is_refused_and_no_account_changes() {
    let people = [
        person("tea-1").given("José"),
        person("tea-2").given("Jürgen"),
        person("tea-3").given("Łukasz"),
        person("tea-4"),
    ];
    let district = joined(true, &people);
    let header = users_csv(&COLUMNS, &[]);
    let row = |id: &str, given: &[u8]| {
        [
            format!("{id},,true,sch-1,teacher,{id},").as_bytes(),
            given,
            format!(",Diaz,,{id}@school.example,,,,\n").as_bytes(),
        ]
        .concat()
    };
    let file = |names: [&[u8]; 4]| {
        let rows = names.iter().enumerate().map(|(at, name)| row(&format!("tea-{}", at + 1), name));
        [header.as_bytes().to_vec()].into_iter().chain(rows).collect::<Vec<_>>().concat()
    };
    for names in [
        [&b"Jos\x82"[..], b"J\x81rgen", b"Lukasz", b"Rosa"],
        [b"Jos\x8E", b"J\x9Frgen", b"Lukasz", b"Rosa"],
        [b"Jos\xE9", b"\xB3ukasz", b"\xA3ukasz", b"Wies\xB3aw"],
    ] {
        district.file("sis/users.csv", file(names));
        district.run().exits(7).complains(&["neither UTF-8 nor windows-1252", "export it as UTF-8"]);
        assert_eq!(district.ask("SELECT given_name FROM account ORDER BY id"), "José\nJürgen\nŁukasz\nRosa");
    }
    assert_eq!(district.mails(), []);
    // Of many ordinary cells a few are lost, and the others are read.
    district.file("sis/users.csv", file([b"Jos\xE9", b"J\xFCrgen", b"\xA3ukasz", b"O\x92Neil"]));
    let done = district.run().ok();
    done.says("tea-3", "unchanged", "SIS import has an invalid name - \u{FFFD}ukasz Diaz");
    done.says("tea-4", "updated", "Name updated by the sync - was Rosa Diaz");
    // Some places in UTF-8 and others not is refused as before.
    district.file("sis/users.csv", file(["José".as_bytes(), b"J\xFCrgen", b"Rosa", b"Rosa"]));
    district.run().exits(7).complains(&["UTF-8 in some places and not in others"]);
}

#[test]
fn marks_of_spreadsheets_and_html_escapes_change_nothing() {
    nothing_follows(
        &[tom(1), tom(2), tom(3).family("'t Hart")],
        &[
            tom(1).given("'Tom").family("'Reed1").email("'tom1@mail.example").mobile("'718-234-5601"),
            tom(2)
                .given("=\"Tom\"")
                .family("=\"Reed2\"")
                .email("=\"tom2@mail.example\"")
                .mobile("=\"718-234-5602\""),
            tom(3).family("'t Hart"),
        ],
        &["spreadsheet-mark 4"],
    );
    let known =
        [tom(1).family("O'Keefe"), tom(2).family("Diaz & Lopez"), tom(3).given("José"), tom(4).family("D/O")];
    nothing_follows(
        &known,
        &[
            tom(1).family("O&#39;Keefe").email("tom1&#64;mail.example"),
            tom(2).family("Diaz &amp; Lopez"),
            tom(3).given("Jos&eacute;"),
            tom(4).family("D&#x2f;O").mobile("718&#45;234&#45;5604"),
        ],
        &["html-escapes 4"],
    );
    // In a new value they are decoded.
    let district = joined(true, &known);
    district.sis(&[
        known[0].clone().family("O&apos;Brien"),
        known[1].clone().email("=\"new@mail.example\""),
        tom(5).family("'t Veld"),
    ]);
    let done = district.run().ok();
    done.says("tea-1", "updated", "Name updated by the sync - was Tom O'Keefe");
    assert_eq!(
        district.ask("SELECT family_name, email FROM account WHERE sourced_id IN ('tea-1', 'tea-2', 'tea-5') ORDER BY 1"),
        "'t Veld | tom5@mail.example\nDiaz & Lopez | new@mail.example\nO'Brien | tom1@mail.example"
    );
}

#[test]
fn ids_marked_for_a_spreadsheet_are_the_ids() {
    nothing_follows(
        &[tom(1), tom(2), tom(3)],
        &[
            tom(1).with("sourcedId", "=\"tea-1\""),
            tom(2).with("sourcedId", "'tea-2").schools("=\"sch-1\""),
            tom(3),
        ],
        &["spreadsheet-mark 2"],
    );
}

#[test]
fn what_cannot_be_seen_is_no_part_of_any_value() {
    nothing_follows(
        &[tom(1), tom(2), tom(3), tom(4)],
        &[
            tom(1).email("\u{200B}tom1@mail.example").given("\u{202A}Tom\u{202C}"),
            tom(2).mobile("\u{202A}(718) 234-5602\u{202C}").with("sourcedId", "tea-2\u{FEFF}"),
            tom(3)
                .mobile("718\u{2011}234\u{2011}5603")
                .with("sourcedId", "\u{200E}tea-3")
                .schools("sch-1\u{200B}"),
            tom(4).mobile("718\u{A0}234\u{A0}5604\u{200E}").email("to\u{AD}m4@mail.example\u{2060}"),
        ],
        &["invisible-character 5"],
    );
    // A guardian with such an address is added.
    let district = joined(true, &[tom(1)]);
    district.sis(&[tom(1), person("gua-1").email("ann@mail.example\u{200B}")]);
    district.run().ok().says("gua-1", "created", "");
    assert_eq!(district.ask("SELECT email FROM account WHERE sourced_id = 'gua-1'"), "ann@mail.example");
}

#[test]
fn links_by_ids_with_what_cannot_be_seen_still_protect() {
    let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
    let family = [
        person("gua-1").schools("sch-on").agents("stu-2").email("sis@mail.example"),
        person("stu-2").schools("sch-off"),
    ];
    district.platform(&[family[0].clone().email("typed@mail.example"), family[1].clone()]);
    district.sis(&[
        person("gua-1").schools("sch-on\u{200B}").agents("\u{FEFF}stu-2").email("sis@mail.example"),
        person("stu-2").schools("sch-off\u{200E}"),
    ]);
    let done = district.run().ok();
    done.says("gua-1", "created", "Active user has a new email in the SIS import - typed@mail.example");
    // The same in files of OneRoster 1.2.
    district.file(
        "sis/users.csv",
        "sourcedId,enabledUser,username,givenName,familyName,email,agentSourcedIds\n\
         gua-1\u{200B},true,g,Rosa,Diaz,sis@mail.example,stu-2\nstu-2,true,s,Rosa,Diaz,stu-2@school.example,\n",
    );
    district.file(
        "sis/roles.csv",
        "sourcedId,userSourcedId,roleType,role,orgSourcedId\n\
         r1,\u{FEFF}gua-1,primary,guardian,sch-on\nr2,stu-2\u{200B},primary,student,\u{200E}sch-off\n",
    );
    let done = district.run().ok();
    done.says("gua-1", "kept", "Active user has a new email in the SIS import - typed@mail.example");
}

#[test]
fn an_idn_and_its_letters_of_ascii_are_one_domain() {
    for (sis, platform) in [
        ("tom@bücher.example", "tom@xn--bcher-kva.example"),
        ("tom@xn--bcher-kva.example", "Tom@BÜCHER.example"),
    ] {
        let mut district = District::new().without_limits().update_contacts(true);
        district.sis(&[tom(1).email(sis)]);
        district.platform(&[tom(1).email(platform)]);
        let done = district.run().ok();
        done.says("tea-1", "created", "");
        assert_eq!(district.ask("SELECT email FROM account"), platform);
        assert_eq!(district.mails(), []);
    }
}

#[test]
fn other_apostrophes_and_hyphens_are_applied_without_a_notification() {
    let known = [
        tom(1).family("O'Keefe"),
        tom(2).family("Diaz-Lopez"),
        tom(3).family("Groß"),
        tom(4).family("Diaz-Lopez"),
    ];
    let other = [tom(1).family("O’Keefe"), tom(2).family("Diaz‐Lopez"), tom(3).family("GROSS"), tom(4)];
    let other = [&other[..3], &[tom(4).family("Diaz Lopez")]].concat();
    let mut district = joined(true, &known);
    district.set("limits.contact_updates", "1");
    district.sis(&other);
    let done = district.run().ok();
    done.says("tea-1", "updated", "Name updated by the sync - was Tom O'Keefe");
    done.says("tea-2", "updated", "Name updated by the sync - was Tom Diaz-Lopez");
    done.says("tea-3", "updated", "Name updated by the sync - was Tom Groß");
    assert_eq!(
        district.ask("SELECT family_name FROM account ORDER BY sourced_id"),
        "O’Keefe\nDiaz‐Lopez\nGROSS\nDiaz Lopez"
    );
    // A hyphen against a space is a difference.
    let told: HashSet<String> = district.mails().iter().map(|mail| mail.to.clone()).collect();
    assert_eq!(told, HashSet::from(["tom4@mail.example".to_owned()]));
    let district = joined(false, &known);
    district.sis(&other);
    let done = district.run().ok();
    for id in ["tea-1", "tea-2", "tea-3"] {
        done.says(id, "unchanged", "");
    }
    done.says("tea-4", "kept", "Active user has a new name in the SIS import - Tom Diaz-Lopez");
}

#[test]
fn an_apostrophe_in_an_address_is_ordinary() {
    let keefe = tom(1).email("tom.o'keefe@mail.example");
    nothing_follows(std::slice::from_ref(&keefe), &[tom(1).email("Tom.O'Keefe@mail.example")], &[]);
    nothing_follows(
        std::slice::from_ref(&keefe),
        &[tom(1).email("tom.o&#39;keefe@mail.example")],
        &["html-escapes 1"],
    );
}

#[test]
fn what_is_no_number_or_two_is_never_applied() {
    let district = joined(true, &[tom(1)]);
    for written in [
        "7182345671;7182345672",
        "7182345671,7182345672",
        "718-234-5671; 718-234-5672",
        "7182345671/7182345672",
        "7.18235E+09",
        "7182345602.0",
        "718-234-56O2",
        "O18-234-5602",
    ] {
        district.sis(&[tom(1).mobile(written), person("gua-1").email("").mobile(written)]);
        let done = district.run().ok();
        let note = format!("SIS import has an invalid phone number - {written}");
        done.says("tea-1", "unchanged", &note);
        let not_added = "Guardian has no email or phone number in the SIS import - not added";
        done.says("gua-1", "skipped", &format!("{note}; {not_added}"));
        assert_eq!(district.ask("SELECT sourced_id, phone FROM account"), "tea-1 | +17182345601");
    }
    for written in [
        "x@10.0.0.1",
        "x@mail.1",
        "x@ma_il.example",
        "x@[10.0.0.1]",
        "x@mail.example.",
        "x@y@mail.example",
        "mailto:x@mail.example",
    ] {
        district.sis(&[tom(1).email(written)]);
        district.run().ok().says(
            "tea-1",
            "unchanged",
            &format!("SIS import has an invalid email - {written}"),
        );
    }
    for written in
        ["a@mail.example;b@mail.example", "a@mail.example b@mail.example", "a@mail.example/b@mail.example"]
    {
        district.sis(&[tom(1).email(written)]);
        district.run().ok().says(
            "tea-1",
            "unchanged",
            &format!("SIS import has an invalid email - {written}"),
        );
    }
    assert_eq!(district.mails(), []);
}

#[test]
fn dates_that_databases_write_for_none_end_no_role() {
    let district = District::new().without_limits().update_contacts(true);
    let dates = [
        "",
        "1900-01-01",
        "0001-01-01",
        "1970-01-01",
        "1899-12-30",
        "9999-12-31",
        "1753-01-01",
        "1/1/1900",
        "2026-07-31",
        "NULL",
    ];
    let roles = |ends: &dyn Fn(usize) -> &'static str| {
        let rows = (0..dates.len())
            .map(|at| format!("r{at},tea-{at},primary,teacher,2026-08-01,{},sch-1\n", ends(at)))
            .collect::<String>();
        format!("sourcedId,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n{rows}")
    };
    let users = (0..dates.len())
        .map(|at| format!("tea-{at},true,u,Tom,Reed{at},tom{at}@mail.example\n"))
        .collect::<String>();
    district
        .file("sis/users.csv", format!("sourcedId,enabledUser,username,givenName,familyName,email\n{users}"));
    district.file("sis/roles.csv", roles(&|_| ""));
    district.run().ok();
    district.file("sis/roles.csv", roles(&|at| dates[at]));
    let done = district.run_with(&["--format", "json"]).ok();
    assert_eq!(found(&done), ["null-word 1", "unreadable-date 7"]);
    assert_eq!(done.json()["actions"]["unchanged"], dates.len());
    // A role that has really ended.
    district.file("sis/roles.csv", roles(&|at| if at == 0 { "2026-10-31" } else { "" }));
    let done = district.run();
    done.says("tea-0", "skipped", "Role teacher has ended - left out");
}

#[test]
fn an_id_that_differs_only_in_case_is_said() {
    let people: Vec<Person> = (1..=30).map(tom).collect();
    let mut district = joined(true, &people);
    let mut other = people.clone();
    other[0] = tom(1).with("sourcedId", "TEA-1");
    other[1] = tom(2).with("sourcedId", "tea-2\u{FEFF}");
    district.sis(&other);
    let done = district.run().exits(3);
    done.says("tea-2", "unchanged", "");
    done.says("TEA-1", "held", "Probably the same person as tea-1 (same user name and name) - not added");
    done.says("tea-1", "held", "Probably back as TEA-1 (same user name and name) - not archived");
    // Of ten and more that changed alike it is said how.
    district.at("2026-11-24T08:15:00Z");
    for (number, person) in (3..).zip(&mut other[2..11]) {
        *person = person.clone().with("sourcedId", &format!("TEA-{number}"));
    }
    district.sis(&other);
    let done = district.cli(&["-q", "run"]).exits(3);
    assert!(
        done.stdout.contains(
            "9 accounts are probably back under another sourcedId and held: in upper case, for example tea-1 → TEA-1 and tea-3 → TEA-3."
        ),
        "{}",
        done.stdout
    );
}

#[test]
fn the_platforms_export_is_read_like_the_roster() {
    let mut district = District::new().without_limits();
    let people = [tom(1), tom(2).given("José"), tom(3), tom(4).family("O'Keefe")];
    district.sis(&people);
    district.platform(&people);
    district.run().ok();
    let before = district.ask("SELECT sourced_id, state, given_name, family_name, email, phone FROM account");
    district.platform(&[
        tom(1).with("sourcedId", "\u{FEFF}tea-1").email("NULL").mobile("\\N"),
        tom(2).given("Jos\u{FFFD}").email("tom2@mail.example\u{200B}"),
        tom(3).given("NULL").family("NULL").mobile("=\"718-234-5603\""),
        tom(4).family("O&#39;Keefe").state("\u{200B}active"),
    ]);
    let done = district.run_with(&["--format", "json"]).ok();
    assert_eq!(
        found(&done),
        ["null-word 4", "damaged-text 1", "html-escapes 1", "spreadsheet-mark 1", "invisible-character 2"]
    );
    assert_eq!(
        district.ask("SELECT sourced_id, state, given_name, family_name, email, phone FROM account"),
        before
    );
}

#[test]
fn a_guardians_file_is_read_like_the_roster() {
    let mut district = District::new().without_limits();
    district.set("guardians.file", "\"guardians.csv\"");
    district.sis(&[person("stu-1"), person("stu-2"), person("stu-3"), person("stu-4")]);
    district.file(
        "guardians.csv",
        "student_id,given_name,family_name,email,mobile,guardian_id\n\
         stu-1\u{200B},Ann,O&#39;Keefe,ann@mail.example\u{200B},NULL,NULL\n\
         ='x',Zed,Hall,zed@mail.example,,0\n\
         =\"stu-2\",Bob,Hall,'bob@mail.example,718-234-5601;718-234-5602,00000000-0000-0000-0000-000000000000\n\
         stu-3,NULL,NULL,nobody@mail.example,,g-3\n\
         stu-4,Jos\u{FFFD},Hall,jose@mail.example,,g-4\n",
    );
    let done = district.run().ok();
    let guardians = district.ask(
        "SELECT given_name, family_name, email, phone FROM account WHERE sis_roles = 'guardian' ORDER BY given_name",
    );
    assert_eq!(guardians, "Ann | O'Keefe | ann@mail.example | \nBob | Hall | bob@mail.example | ");
    assert!(!done.stderr.contains("guardian-rows-differ"), "{}", done.stderr);
    // Neither a word, nor a name that is damaged, is one.
    assert!(done.report.rows.iter().any(|row| row["codes"].contains("sis-name-invalid")));
}
