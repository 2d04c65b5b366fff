//! The shape of every input file: cut anywhere, with columns that are missing or empty, with odd
//! beginnings and ends.
//!
//! None of it may cost a person the protection of OFF, an address or an account.

use std::io::{Cursor, Write as _};

use crate::support::{COLUMNS, District, Done, Person, line, long, person, rounds, sample, users_csv};

/// Which input file is cut or changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sort {
    Users,
    Users12,
    Roles,
    Orgs,
    Guardians,
    Platform,
}

impl Sort {
    fn file(self) -> &'static str {
        match self {
            Self::Users | Self::Users12 => "sis/users.csv",
            Self::Roles => "sis/roles.csv",
            Self::Orgs => "sis/orgs.csv",
            Self::Guardians => "guardians.csv",
            Self::Platform => "platform-users.csv",
        }
    }

    fn is_1_2(self) -> bool {
        matches!(self, Self::Users12 | Self::Roles)
    }
}

/// The users under OFF that have typed other details than the SIS has.
const PROTECTED: [&str; 4] = ["tea-off", "gua-1", "gua-2", "stu-2"];

fn people() -> Vec<Person> {
    let mut people = vec![
        person("stu-2").schools("sch-off").agents("gua-2"),
        person("tea-off").schools("sch-off"),
        person("gua-1").schools("sch-on").agents("stu-2"),
        person("gua-2").schools("sch-on"),
        person("tea-on").schools("sch-on"),
    ];
    people.extend((1..4).map(|n| person(&format!("aid-{n}")).schools("sch-on")));
    people.iter_mut().enumerate().for_each(|(n, person)| {
        *person = person
            .clone()
            .mobile(&format!("(718) 555-01{n}0"))
            .home(&format!("(718) 555-01{n}5"))
            .identifier("7");
    });
    people
}

/// What the platform has of them: an email and a number that they have typed.
fn typed(person: &Person) -> Person {
    let id = &person.cells["sourcedId"];
    let on = id.ends_with("-on") || id.starts_with("aid");
    if on {
        person.clone()
    } else {
        person.clone().email(&format!("{id}@typed.example")).mobile("(718) 555-0199")
    }
}

const ROLES: &str = "userSourcedId,roleType,role,beginDate,endDate,orgSourcedId";

/// The texts of all files.
fn texts(sort: Sort) -> Vec<(&'static str, String)> {
    let people = people();
    let used = |columns: &[&str]| -> Vec<&str> {
        COLUMNS.into_iter().filter(|column| !columns.contains(column)).collect()
    };
    let mut texts = vec![
        ("sis/orgs.csv", "sourcedId,name,type\nsch-on,Lincoln,school\nsch-off,Adams,school\n".to_owned()),
        (
            "guardians.csv",
            "student_id,given_name,family_name,email,mobile,home_phone,relationship,language,guardian_id\n\
             stu-2,Ana,Lee,ana@mail.example,(718) 555-0171,,Mother,en,gua-89\n\
             stu-2,Bo,Lee,gua89@mail.example,(718) 555-0172,,Father,en,gua-8\n"
                .to_owned(),
        ),
    ];
    if sort.is_1_2() {
        texts.push(("sis/users.csv", users_csv(&used(&["role", "orgSourcedIds", "password"]), &people)));
        let row = |person: &Person| {
            let cell = |column: &str| person.cells[column].as_str();
            let cells = [cell("sourcedId"), "primary", cell("role"), "", "", cell("orgSourcedIds")];
            line(cells.into_iter().map(str::to_owned))
        };
        let rows: String = people.iter().map(row).collect();
        texts.push(("sis/roles.csv", format!("{ROLES}\n{rows}")));
    } else {
        texts.push(("sis/users.csv", users_csv(&used(&["password"]), &people)));
    }
    let platform: String = people
        .iter()
        .map(typed)
        .map(|person| {
            let columns = ["sourcedId", "state", "givenName", "familyName", "email", "sms", "phone"];
            line(columns.iter().map(|column| person.cells.get(column).cloned().unwrap_or_default()))
        })
        .collect();
    let header = "sourced_id,state,given_name,family_name,email,phone,home_phone\n";
    texts.push(("platform-users.csv", format!("{header}{platform}")));
    texts
}

/// A district after its first night. With `ended` its files end in a line break.
fn district(sort: Sort, ended: bool) -> (District, Vec<(&'static str, String)>) {
    let texts = texts(sort);
    let mut district = District::new()
        .without_limits()
        .update_contacts(true)
        .school("sch-on", true)
        .school("sch-off", false)
        .with("guardians.file", "\"guardians.csv\"")
        .with("limits.minimum", "100000")
        // A column of the export that loses all its values is stopped by its limit.
        .with("limits.export", "\"20%\"");
    for (name, text) in &texts {
        district.file(name, if ended { text.as_str() } else { text.trim_end() });
    }
    district.platform_file(&std::fs::read_to_string(district.path("platform-users.csv")).unwrap());
    let done = district.run();
    assert!(matches!(done.code, 0 | 3), "{done:?}");
    (district, texts)
}

fn text_of(texts: &[(&'static str, String)], sort: Sort) -> String {
    texts.iter().find(|(name, _)| *name == sort.file()).unwrap().1.clone()
}

fn put(district: &mut District, sort: Sort, text: &[u8]) {
    district.file(sort.file(), text);
    district.age("platform-users.csv", std::time::Duration::ZERO);
}

fn account(district: &District, id: &str) -> String {
    let columns = "state, archived, given_name, family_name, email, phone, home_phone";
    district.ask(&format!("SELECT {columns} FROM account WHERE sourced_id = '{id}'"))
}

/// No protected user has changed, and no address is there that no file had.
#[track_caller]
fn nobody_loses(district: &District, before: &[String], what: &str) {
    for (id, before) in PROTECTED.iter().zip(before) {
        assert_eq!(account(district, id), *before, "{id}: {what}");
    }
    let known = ["@school.example", "@typed.example", "ana@mail.example", "gua89@mail.example", ""];
    for email in district
        .ask("SELECT email FROM account")
        .lines()
        .chain(district.ask("SELECT sis_email FROM account").lines())
    {
        assert!(
            email == "NULL"
                || known.iter().any(|end| email.ends_with(end) && (!end.is_empty() || email.is_empty())),
            "{what}: {email}"
        );
    }
}

fn protected(district: &District) -> Vec<String> {
    PROTECTED.iter().map(|id| account(district, id)).collect()
}

/// The places at which a file is cut: everywhere; without the long tests around each end of a cell
/// in the last row, and at a few places before it.
fn cuts(text: &str) -> Vec<usize> {
    if long() {
        return (1..text.len()).collect();
    }
    let last = text.trim_end().rfind('\n').unwrap() + 1;
    let ends: Vec<usize> = (last..text.len())
        .filter(|at| text.as_bytes()[*at] == b',' || *at == last || *at + 1 == text.len())
        .collect();
    [sample((1..last).collect(), 3), sample(ends, 6)].concat()
}

/// The file ended in a line break before: it is exit 7, but for a cut between two rows.
fn cut_after_a_whole_one(sort: Sort) {
    let (mut district, texts) = district(sort, true);
    let text = text_of(&texts, sort);
    let before = district.store_hash();
    for at in cuts(&text) {
        put(&mut district, sort, &text.as_bytes()[..at]);
        let done = district.preview();
        let what = format!("{sort:?} cut at {at}: {:?}\n{}", &text[..at], done.stderr);
        match text.as_bytes()[at - 1] {
            b'\n' => assert!(matches!(done.code, 0 | 3 | 7), "{what}"),
            _ => assert!(matches!(done.code, 6 | 7), "{what}"),
        }
    }
    assert_eq!(district.store_hash(), before);
    put(&mut district, sort, text.as_bytes());
    assert!(matches!(district.run().code, 0 | 3));
}

/// The file never ended in a line break: the rows before the last one count, and of the last one
/// what is whole.
fn cut_without_line_ends(sort: Sort) {
    let (mut district, texts) = district(sort, false);
    let text = text_of(&texts, sort);
    let text = text.trim_end();
    let before = protected(&district);
    let guardians = ["gua-89", "gua-8"].map(|id| account(&district, id));
    let last = text.rfind('\n').unwrap() + 1;
    let store = std::fs::read(district.path("rostersync.db")).unwrap();
    for at in cuts(text) {
        put(&mut district, sort, &text.as_bytes()[..at]);
        let done = district.run();
        let what = format!("{sort:?} cut at {at}: {:?}\n{}\n{}", &text[..at], done.stdout, done.stderr);
        assert!(matches!(done.code, 0 | 3 | 4 | 6 | 7), "{what}");
        if sort == Sort::Guardians && at > last && done.code == 0 {
            // Every user that the row may be about counts as present.
            for (id, before) in ["gua-89", "gua-8"].iter().zip(&guardians) {
                if !before.is_empty() {
                    assert_eq!(account(&district, id), *before, "{id}: {what}");
                }
            }
        }
        if at > last || matches!(sort, Sort::Orgs | Sort::Platform) {
            nobody_loses(&district, &before, &what);
        }
        // Back to the beginning, so that each cut is the first.
        district.file("rostersync.db", &store);
    }
}

macro_rules! cut_tests {
    ($($whole:ident $never:ident $sort:ident)*) => {
        $(
            #[test]
            fn $whole() {
                cut_after_a_whole_one(Sort::$sort);
            }

            #[test]
            fn $never() {
                cut_without_line_ends(Sort::$sort);
            }
        )*
    };
}

cut_tests! {
    a_cut_users_file a_cut_users_file_that_never_ended_its_last_line Users
    a_cut_users_file_of_1_2 a_cut_users_file_of_1_2_that_never_ended_its_last_line Users12
    a_cut_roles_file a_cut_roles_file_that_never_ended_its_last_line Roles
    a_cut_orgs_file a_cut_orgs_file_that_never_ended_its_last_line Orgs
    a_cut_guardians_file a_cut_guardians_file_that_never_ended_its_last_line Guardians
    a_cut_platform_export a_cut_platform_export_that_never_ended_its_last_line Platform
}

/// A member of a zip is compared like a file of a folder, and a zip that is cut is none.
#[test]
fn a_cut_member_of_a_zip() {
    let (mut district, texts) = district(Sort::Users, true);
    let zip = |texts: &[(&str, &str)]| {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in texts {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(content.as_bytes()).unwrap();
        }
        archive.finish().unwrap().into_inner()
    };
    let (users, orgs) = (text_of(&texts, Sort::Users), text_of(&texts, Sort::Orgs));
    district.set("source.path", "\"export.zip\"");
    district.file("export.zip", zip(&[("users.csv", users.trim_end()), ("orgs.csv", &orgs)]));
    district.preview().exits(7).complains(&["the file was cut: users.csv", "export.zip, users.csv line 9"]);
    district.file("export.zip", zip(&[("users.csv", &users), ("orgs.csv", &orgs[..orgs.len() - 3])]));
    district.preview().exits(7).complains(&["the file was cut: orgs.csv"]);
    let whole = zip(&[("users.csv", &users), ("orgs.csv", &orgs)]);
    for at in (0..whole.len()).step_by(if long() { 1 } else { 97 }) {
        district.file("export.zip", &whole[..at]);
        assert!(matches!(district.preview().code, 6 | 7), "{at}");
    }
    district.file("export.zip", &whole);
    assert!(matches!(district.run().code, 0 | 3));
}

#[test]
fn the_address_of_a_guardian_in_a_cut_row_is_not_used() {
    let (mut district, texts) = district(Sort::Guardians, true);
    let text = text_of(&texts, Sort::Guardians);
    let cut = &text[..text.find("gua89@mail.example").unwrap() + "gua89@mail.e".len()];
    put(&mut district, Sort::Guardians, cut.as_bytes());
    let done = district.run().exits(7);
    done.complains(&["the file was cut: guardians.csv", "guardians.csv line 3", "delivered completely"]);
    assert!(district.cli(&["check"]).exits(7).stderr.contains("the file was cut: guardians.csv"));
    // On a first night there is nothing to compare with.
    let mut first = District::new().without_limits().with("guardians.file", "\"guardians.csv\"");
    first.sis(&people());
    first.file("guardians.csv", cut);
    first.platform(&[]);
    first.unset("platform.users");
    let done = first.run().ok();
    assert!(done.stderr.contains("no-final-line-break"), "{}", done.stderr);
    assert_eq!(first.ask("SELECT count(*) FROM account WHERE email LIKE 'gua89%'"), "0");
}

/// Takes a column out of a CSV text without quotes that matter, or empties it.
fn without(text: &str, column: &str, empty: bool) -> String {
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let mut at = None;
    let mut out = String::new();
    for record in reader.records() {
        let cells: Vec<String> = record.unwrap().iter().map(str::to_owned).collect();
        let header = at.is_none();
        let place = *at.get_or_insert_with(|| cells.iter().position(|cell| cell == column).unwrap());
        let cells = cells.into_iter().enumerate().filter(|(n, _)| empty || *n != place);
        out.push_str(&line(cells.map(|(n, cell)| if n == place && !header { String::new() } else { cell })));
    }
    out
}

#[track_caller]
fn setting(done: Done, what: &str) -> bool {
    let done = done.ok();
    done.json()["update_contacts"].as_bool().unwrap_or_else(|| panic!("{what}: {}", done.stdout))
}

/// With each column missing in turn, and with each emptied in turn, for two nights: users under OFF
/// keep their details and stays under OFF, and plan, `explain` and `users show` say the same.
fn each_column_missing_and_emptied(sort: Sort) {
    let (mut district, texts) = district(sort, true);
    let text = text_of(&texts, sort);
    let before = protected(&district);
    let store = std::fs::read(district.path("rostersync.db")).unwrap();
    let columns: Vec<String> = text.lines().next().unwrap().split(',').map(str::to_owned).collect();
    let both = columns.iter().enumerate().flat_map(|(at, column)| {
        // Without the long tests one of the two, in turn.
        [false, true]
            .into_iter()
            .filter(move |empty| long() || (at % 2 == 0) == *empty)
            .map(move |empty| (column, empty))
    });
    for (turn, (column, empty)) in both.enumerate() {
        let asked = if long() { PROTECTED.to_vec() } else { vec![["gua-1", "tea-off"][turn % 2]] };
        let changed = without(&text, column, empty);
        put(&mut district, sort, changed.as_bytes());
        for night in 1..=if long() { 2 } else { 1 } {
            let done = district.run();
            let what = format!(
                "{sort:?} {column} {} night {night}\n{}{}",
                if empty { "empty" } else { "gone" },
                done.stdout,
                done.stderr
            );
            assert!(matches!(done.code, 0 | 3 | 4 | 7), "{what}");
            nobody_loses(&district, &before, &what);
            for id in PROTECTED {
                let rows = done.report.rows.iter().filter(|row| row["sourced_id"] == *id);
                for row in rows.filter(|_| !matches!(done.code, 4)) {
                    assert!(!["updated", "archived", "created"].contains(&&row["action"]), "{id}: {what}");
                }
            }
            for id in &asked {
                assert!(!setting(district.cli(&["users", "show", id, "--json"]), &what), "show {id}: {what}");
                if done.code != 7 && night == 1 {
                    let explained = district.cli(&["explain", id, "--json"]);
                    assert!(!setting(explained, &what), "explain {id}: {what}");
                }
            }
        }
        put(&mut district, sort, text.as_bytes());
        if long() || turn == 0 {
            let done = district.run();
            assert!(matches!(done.code, 0 | 3), "{sort:?} {column}: back: {done:?}");
        }
        district.file("rostersync.db", &store);
    }
}

#[test]
fn columns_of_users_csv_missing_and_emptied() {
    each_column_missing_and_emptied(Sort::Users);
}

#[test]
fn columns_of_users_csv_1_2_missing_and_emptied() {
    each_column_missing_and_emptied(Sort::Users12);
}

#[test]
fn columns_of_roles_csv_missing_and_emptied() {
    each_column_missing_and_emptied(Sort::Roles);
}

#[test]
fn columns_of_the_guardians_file_missing_and_emptied() {
    each_column_missing_and_emptied(Sort::Guardians);
}

#[test]
fn columns_of_the_platform_export_missing_and_emptied() {
    each_column_missing_and_emptied(Sort::Platform);
}

/// However the platform's export was saved, it says the same.
#[test]
fn a_platform_export_that_was_saved_by_a_spreadsheet() {
    let text = "sourced_id,state,email,language\ntea-1,active,typed@home.example,es\ntea-2,pending,,\n";
    let utf16 = |text: &str| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    for (bytes, codes) in [
        (text.replace(',', ";").into_bytes(), &["delimiter"][..]),
        (text.replace(',', "\t").into_bytes(), &["delimiter"]),
        (utf16(text), &[]),
        (utf16(&text.replace(',', "\t")), &["delimiter"]),
        (format!("sep=;\r\n{}", text.replace(',', ";")).into_bytes(), &["line-before-header", "delimiter"]),
        (format!("#TYPE Export\r\n{text}").into_bytes(), &["line-before-header"]),
        (format!("\u{feff}\u{feff}{text}\u{1a}").into_bytes(), &[]),
        (
            text.replace(',', ", ")
                .replace("typed", "\"typed")
                .replace("example,", "example\" ,")
                .into_bytes(),
            &[],
        ),
        (text.replace('\n', "\r\r\n").into_bytes(), &[]),
    ] {
        let mut district = District::new();
        district.sis(&[person("tea-1"), person("tea-2")]);
        district.platform_file("");
        district.file("platform-users.csv", &bytes);
        district.age("platform-users.csv", std::time::Duration::ZERO);
        let done = district.run().ok();
        done.says("tea-1", "created", "Active user has a new email in the SIS import - typed@home.example");
        assert_eq!(done.report.shows("state"), ["active", "pending"]);
        for code in ["delimiter", "line-before-header", "not-utf-8"] {
            assert_eq!(
                done.stderr.contains(&format!("code=\"{code}\"")),
                codes.contains(&code),
                "{}",
                done.stderr
            );
        }
    }
}

#[test]
fn a_shifted_row_of_the_platform_export_is_left_out() {
    let mut district = District::new();
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3"), person("tea-4")]);
    district.platform_file(
        "sourced_id,state,given_name,family_name,email,phone\n\
         tea-1,active,Rosa,Diaz,a@home.example,\ntea-2,active,Rosa,Diaz,, Jr.,b@home.example,\n\
         tea-3,active,Rosa,Diaz,(718) 555-0142,\ntea-4,active,Rosa,Diaz,,\n",
    );
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("state email"),
        [
            "active | a@home.example",
            "pending | tea-2@school.example",
            "pending | tea-3@school.example",
            "active | "
        ]
    );
    assert!(done.stderr.contains("platform-users.csv:3"), "{}", done.stderr);
    assert!(done.stderr.contains("platform-row-malformed\" count=2"), "{}", done.stderr);
}

#[test]
fn a_file_of_renames_is_read_like_every_other_file() {
    let utf16: Vec<u8> =
        "\u{feff}old\tnew\r\ntea-1\ttea-901\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    for text in [
        b"sep=;\r\nold;new\r\ntea-1;tea-901\r\n".to_vec(),
        utf16,
        b"\"old\", \"new\"\n\"tea-1\", \"tea-901\"\n\x1a".to_vec(),
    ] {
        let district = District::new();
        district.sis(&[person("tea-1"), person("tea-2")]);
        district.run().ok();
        district.sis(&[person("tea-901").email("tea-1@school.example"), person("tea-2")]);
        district.file("renames.csv", text);
        let done = district.run_with(&["--rekey", "renames.csv"]).ok();
        assert_eq!(done.report.shows("sourced_id action"), ["tea-901 | unchanged", "tea-2 | unchanged"]);
    }
    let district = District::new();
    district.sis(&[person("tea-1")]);
    district.run().ok();
    district.file("renames.csv", "old,new\ntea-1,tea-2,\"x\n");
    district.run_with(&["--rekey", "renames.csv"]).exits(7).complains(&["renames.csv"]);
}

/// Lists are not gone through once for each of their ids.
#[test]
fn a_cell_with_a_great_many_ids() {
    let district = District::new().without_mail();
    let ids = |letter: char| {
        (0..rounds(20_000, 150_000)).map(|n| format!("{letter}{n}")).collect::<Vec<_>>().join(",")
    };
    let (orgs, agents) = (ids('s'), ids('g'));
    district.sis(&[
        person("stu-1").schools(&orgs).agents(&agents),
        person("g0").role("guardian").schools(&orgs).agents("stu-1"),
    ]);
    assert_eq!(district.run().ok().report.count("created"), 2);
    assert_eq!(district.run().ok().report.count("unchanged"), 2);
}
