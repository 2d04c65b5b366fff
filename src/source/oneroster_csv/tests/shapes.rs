//! Odd beginnings and ends, files that may have been cut, and shifted rows.

use super::*;
use crate::last_night::file;

const ROW: &str = "u1,true,s1,student,a,Ann,Lee,a@example.org\n";

#[test]
fn a_first_line_for_spreadsheets_or_of_powershell_is_skipped() {
    for (first, delimiter, codes) in [
        ("sep=;\r\n", ";", &["line-before-header", "delimiter"][..]),
        ("\"sep=;\"\n", ";", &["line-before-header", "delimiter"]),
        ("SEP=,\n", ",", &["line-before-header"]),
        ("sep=\t\n", "\t", &["line-before-header", "delimiter"]),
        ("sep=|\n", "|", &["line-before-header", "delimiter"]),
        ("#TYPE System.Management.Automation.PSCustomObject\r\n", ",", &["line-before-header"]),
        ("\"#TYPE Selected.System.Object\"\n", ",", &["line-before-header"]),
    ] {
        let text = format!("{first}{}", format!("{SHORT}{ROW}").replace(',', delimiter));
        let reading = Export::new(&[("users.csv", &text)]).read();
        let found: Vec<&str> = reading.findings.iter().map(|finding| finding.code).collect();
        assert_eq!(found, codes, "{first}");
        assert_eq!(
            (reading.one().line, reading.one().email.as_deref()),
            (3, Some("a@example.org")),
            "{first}"
        );
    }
}

#[test]
fn a_byte_order_mark_may_be_there_twice_or_inside_quotes() {
    let text = format!("{SHORT}{ROW}");
    for head in ["\u{feff}\u{feff}", "\u{feff}\u{feff}\u{feff}"] {
        let reading = Export::new(&[("users.csv", &format!("{head}{text}"))]).read();
        assert_eq!((reading.ids(), reading.found()), (vec!["u1"], vec![]));
    }
    let quoted = text.replacen("sourcedId", "\"\u{feff}sourcedId\"", 1);
    assert_eq!(Export::new(&[("users.csv", &quoted)]).read().ids(), ["u1"]);
    let utf16: Vec<u8> =
        format!("\u{feff}\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Export::of_bytes(&utf16).read().ids(), ["u1"]);
    // Windows-1252 after two marks is no mixture.
    let mut bytes = "\u{feff}\u{feff}".as_bytes().to_vec();
    bytes.extend(text.replace("Ann", "Zo?").bytes().map(|byte| if byte == b'?' { 0xEB } else { byte }));
    assert_eq!(Export::of_bytes(&bytes).read().one().given, some("Zoë"));
}

#[test]
fn the_end_sign_of_dos_is_no_row() {
    for end in ["\u{1a}", "\u{1a}\u{1a}\u{1a}", "\u{1a}\r\n", "\r\n\u{1a}"] {
        for pad in 0..70 {
            // Anywhere at the borders of pieces.
            let text = format!("{SHORT}{}{ROW}{end}", ROW.replace("Lee", &"x".repeat(pad)));
            let reading = Export::new(&[("users.csv", &text)]).read();
            assert_eq!(reading.ids(), ["u1", "u1"], "{end:?} {pad}");
            assert!(reading.found().iter().all(|(code, _)| *code == "blank-row"), "{:?}", reading.found());
        }
    }
    // Right behind the last value, quoted or not: the file says itself that it is whole.
    for row in [
        "u1,true,s1,student,a,Ann,Lee,a@example.org\u{1a}",
        "u1,true,s1,student,a,Ann,Lee,\"a@example.org\"\u{1a}",
    ] {
        let reading = Export::short(row).read();
        assert_eq!((reading.one().email.clone(), reading.found()), (some("a@example.org"), vec![]));
    }
    let utf16: Vec<u8> =
        format!("\u{feff}{SHORT}{ROW}\u{1a}").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Export::of_bytes(&utf16).read().ids(), ["u1"]);
}

#[test]
fn two_returns_and_a_line_feed_are_a_line_break_and_a_blank_row() {
    let reading = Export::new(&[("users.csv", &format!("{SHORT}{ROW}{ROW}").replace('\n', "\r\r\n"))]).read();
    assert_eq!(reading.lines(), [3, 5]);
    assert!(reading.found().iter().all(|(code, _)| *code == "blank-row"));
}

/// What the last good night left of an export.
fn seen(export: &Export) -> std::collections::BTreeMap<String, FileSeen> {
    export.open().read(&mut Findings::default(), &mut |_| ControlFlow::Continue(())).unwrap().files
}

fn after(mut export: Export, files: std::collections::BTreeMap<String, FileSeen>) -> Export {
    export.options.last_night = Some(Arc::new(LastNight { files, ..LastNight::default() }));
    export
}

const ROLES: &str = "sourcedId,userSourcedId,roleType,role,orgSourcedId\nr1,u1,primary,student,s1\n";
const USERS_1_2: &str =
    "sourcedId,enabledUser,username,givenName,familyName,email\nu1,true,a,Ann,Lee,a@example.org\n";

#[test]
fn what_was_seen_of_the_files() {
    let export = Export::new(&[
        ("users.csv", &format!("{USERS_1_2}\nu2,true,b, ,\"\",\n")),
        ("roles.csv", ROLES.trim_end()),
        ("orgs.csv", "sourcedId,name\ns1,\n"),
    ]);
    let files = seen(&export);
    let users = &files[file::USERS];
    assert!(
        users.ended_in_line_break
            && files[file::ORGS].ended_in_line_break
            && !files[file::ROLES].ended_in_line_break
    );
    assert_eq!((users.rows, users.last_row), (2, 0));
    assert_ne!(files[file::ROLES].last_row, 0);
    let columns: Vec<(&str, u64)> =
        users.columns.iter().map(|(name, count)| (name.as_str(), *count)).collect();
    assert_eq!(
        columns,
        [
            ("email", 1),
            ("enabledUser", 2),
            ("familyName", 1),
            ("givenName", 1),
            ("sourcedId", 2),
            ("username", 2)
        ]
    );
    assert_eq!(files[file::ROLES].columns["orgSourcedId"], 1);
    assert!(!files[file::ORGS].had_values("name") && files[file::ORGS].columns.contains_key("name"));
}

#[test]
fn a_file_that_ended_in_a_line_break_and_does_not_any_more_was_cut() {
    let files =
        [("users.csv", USERS_1_2), ("roles.csv", ROLES), ("orgs.csv", "sourcedId,name\ns1,Lincoln\n")];
    let before = seen(&Export::new(&files));
    for cut in ["users.csv", "roles.csv", "orgs.csv"] {
        // In the middle of the header as well.
        let export = Export::new(&files);
        export.write(cut, b"sourcedId,userSourcedId,rol");
        assert!(told(&after(export, before.clone()).failure(), Kind::InputUnusable).contains("was cut"));
        let export = Export::new(&files);
        let text = files.iter().find(|(name, _)| *name == cut).unwrap().1;
        export.write(cut, text.trim_end().as_bytes());
        let told = told(&after(export, before.clone()).failure(), Kind::InputUnusable);
        assert!(told.contains("the file was cut") && told.contains(&format!("{cut} line 2")), "{told}");
    }
    // The same in a zip.
    let export = Export::new(&[]);
    let cut = [
        ("users.csv", USERS_1_2),
        ("roles.csv", ROLES.trim_end()),
        ("orgs.csv", "sourcedId,name\ns1,Lincoln\n"),
    ];
    fs::write(export.path().with_extension("zip"), zipped(&cut)).unwrap();
    let export = after(export, before);
    let failure =
        OneRosterCsv::open(&export.path().with_extension("zip"), export.options.clone()).unwrap_err();
    assert!(told(&failure, Kind::InputUnusable).contains("roles.csv line 2"));
}

/// Another program has written it, and that one may not end the last line.
#[test]
fn a_file_whose_lines_end_otherwise_is_not_compared() {
    let text = format!("{SHORT}{ROW}");
    let before = |text: &str| seen(&Export::new(&[("users.csv", text)]));
    for (first, then, is_cut) in
        [("\r\n", "\n", false), ("\n", "\r\n", false), ("\r", "\n", false), ("\r\n", "\r\n", true)]
    {
        let then = text.trim_end().replace('\n', then);
        let export = after(Export::new(&[("users.csv", &then)]), before(&text.replace('\n', first)));
        assert_eq!(OneRosterCsv::open(&export.path(), export.options.clone()).is_err(), is_cut, "{first:?}");
    }
    let utf16 = |text: &str| -> Vec<u8> {
        format!("\u{feff}{text}").encode_utf16().flat_map(u16::to_le_bytes).collect()
    };
    let lines = text.replace('\n', "\r\n");
    let files = seen(&Export::of_bytes(&utf16(&lines)));
    assert_eq!(
        (files[file::USERS].line_break.as_str(), files[file::USERS].ended_in_line_break),
        ("CRLF", true)
    );
    assert!(
        told(&after(Export::of_bytes(&utf16(lines.trim_end())), files).failure(), Kind::InputUnusable)
            .contains("was cut")
    );
}

/// An exporter that never ends a file in a line break: the last value counts once the same row has
/// been last twice.
#[test]
fn without_a_line_break_at_the_end_the_last_value_is_not_used() {
    let rows = "u1,true,s1,student,a,Ann,Lee,a@example.org";
    let export = Export::short(rows);
    let reading = export.read();
    assert_eq!(reading.found(), [("no-final-line-break", 2)]);
    assert_eq!((reading.one().given.clone(), reading.one().email.clone()), (some("Ann"), None));
    let before = seen(&export);
    // The same file again proves nothing.
    assert_eq!(after(Export::short(rows), before.clone()).read().one().email, None);
    let reading =
        after(Export::short(&format!("u0,true,s1,student,a,Al,Lee,\n{rows}")), before.clone()).read();
    assert_eq!((reading.records[1].email.clone(), reading.found()), (some("a@example.org"), vec![]));
    let cut = format!("u0,true,s1,student,a,Al,Lee,\n{}", &rows[..rows.len() - 2]);
    assert_eq!(after(Export::short(&cut), before).read().records[1].email, None);
}

#[test]
fn a_last_value_of_a_fixed_vocabulary_or_of_no_use_is_whole() {
    let header = "sourcedId,givenName,familyName,role,email,enabledUser,username,orgSourcedIds";
    let last = |column: &str, value: &str| {
        let others = header.split(',').filter(|name| *name != column).collect::<Vec<_>>().join(",");
        let cells = "u1,Ann,Lee,student,a@example.org,true,a,s1".split(',').zip(header.split(','));
        let cells: Vec<&str> = cells.filter(|(_, name)| *name != column).map(|(cell, _)| cell).collect();
        Export::new(&[("users.csv", &format!("{others},{column}\n{},{value}", cells.join(",")))])
    };
    assert_eq!(last("role", "student").read().one().roles, "student");
    assert_eq!(last("role", "stud").read().one().roles, "");
    assert_eq!(last("enabledUser", "false").read().one().enabled, Some(false));
    assert_eq!(last("enabledUser", "f").read().one().enabled, None);
    assert!(last("status", "tobedeleted").read().one().deleted);
    assert!(!last("status", "tobedel").read().one().deleted);
    assert_eq!(last("grades", "0").read().found(), []);
    assert_eq!(last("orgSourcedIds", "s").read().one().orgs, "");
    let told = told(&last("sourcedId", "u").failure(), Kind::InputUnusable);
    assert!(told.contains("a sourcedId, which may be cut"), "{told}");
}

fn one_two(roles: &str) -> Export {
    let users = format!("{USERS_1_2}u2,true,b,Bo,Ray,\n");
    Export::new(&[
        ("users.csv", &users),
        ("roles.csv", roles),
        ("orgs.csv", "sourcedId,name\ns1,A\ns12,B\ns3,C\n"),
    ])
}

#[test]
fn a_last_role_that_may_be_cut_takes_nothing_away() {
    let header = "userSourcedId,role,orgSourcedId\nu1,student,s1\n";
    for (row, roles, defect) in [
        ("u2,student,s3", "student\ts3", None),
        ("u2,student,s12", "student\ts12", None),
        // s1 is the beginning of s12.
        ("u2,student,s1", "", Some(Defect::Roles)),
        ("u2,student,", "", Some(Defect::Roles)),
        ("u2,student,s9", "", Some(Defect::Roles)),
        ("u2,stud", "", Some(Defect::Roles)),
        ("u2", "", None),
    ] {
        let export = one_two(&format!("{header}{row}"));
        let reading = export.read();
        let found = &reading.records[1];
        assert_eq!((found.roles.as_str(), found.defect), (roles, defect), "{row}");
        assert_eq!(export.open().about().has_unclear_rows, row == "u2", "{row}");
        assert_eq!(reading.records[0].roles, "student\ts1", "{row}");
    }
}

#[test]
fn a_comma_at_the_end_of_every_line_shifts_nothing() {
    let row = |id: &str, given: &str| format!("{id},true,s1,student,a,{given},Lee,{id}@example.org,\n");
    let rows: String = (0..5).map(|n| row(&format!("u{n}"), "Ann")).collect();
    let reading = Export::short(&format!("{rows}{}", row("u9", "Ann, Mary"))).read();
    assert!(reading.records[..5].iter().all(|record| record.defect.is_none()));
    assert_eq!(reading.records[5].defect, Some(Defect::Shifted));
    // One among others that does so is shifted, whatever its last cells hold.
    let plain: String = (0..5).map(|n| format!("u{n},true,s1,student,a,Ann,Lee,\n")).collect();
    let reading = Export::short(&format!("{plain}u9,true,s1,student,a,Ann, Mary,Lee,\n")).read();
    assert_eq!(reading.found(), [("rejected-shifted-row", 7)]);
    assert_eq!((reading.records[5].id.as_str(), reading.records[5].defect), ("u9", Some(Defect::Shifted)));
}

#[test]
fn rows_of_roles_and_orgs_that_are_shifted_or_short_are_said_and_take_nothing_away() {
    let roles = "sourcedId,userSourcedId,roleType,role,beginDate,orgSourcedId\n\
                 r1,u1,primary,student,,s1\nr3,u1,primary,student,,s3\nr2,u2,primary,a,student,,s1,\n";
    let export = one_two(roles);
    let reading = export.read();
    assert_eq!(reading.found(), [("rejected-shifted-row", 4)]);
    assert!(export.open().about().has_unclear_rows);
    assert_eq!(reading.records[1].defect, Some(Defect::Roles));
    let short =
        one_two("userSourcedId,role,roleType,orgSourcedId,x\nu1,student,,s1,\nu2,student,,s3\n").read();
    assert_eq!(short.found(), [("roles-variant", 1), ("ragged-row", 3)]);
    assert_eq!(short.records[1].roles, "student\ts3");
    let orgs = Export::short(ROW);
    orgs.write("orgs.csv", b"sourcedId,name,type\ns1,Lincoln,school\ns2,Lin,coln,school\ns3,Adams\n");
    let reading = orgs.read();
    assert_eq!(reading.found(), [("rejected-shifted-row", 3), ("ragged-row", 4)]);
    let schools = orgs.open();
    assert_eq!((schools.about().schools.name("s2"), schools.about().schools.name("s3")), ("s2", "Adams"));
}

/// A cell is missing, or one is too many, and the row is as wide as the others all the same.
#[test]
fn a_value_that_belongs_to_the_column_beside_it_shows_that_a_row_is_shifted() {
    let good = "u0,active,2026-01-01,true,s1,student,a,,Al,Lee,,7,al@example.org,,,,,\n";
    for (row, column) in [
        ("u1,2026-01-01,true,s1,student,a,,Ann,Lee,,7,a@example.org,,,,,,", "status"),
        ("u1,,active,2026-01-01,true,s1,student,a,,Ann,Lee,,7,a@example.org,,,,", "enabledUser"),
        ("u1,active,2026-01-01,s1,student,a,,Ann,Lee,,7,a@example.org,,,,,,", "enabledUser"),
        ("u1,active,2026-01-01,true,s9,s1,student,a,,Ann,Lee,,7,a@example.org,,,,", "role"),
        ("u1,active,2026-01-01,true,s1,student,a,,Ann,Lee,7,a@example.org,718-555-4567,,,,,", "email"),
    ] {
        let users = format!("{V1_1}{good}{row}\n{good}");
        let export = Export::new(&[("users.csv", &users), ("orgs.csv", "sourcedId,name\ns1,A\n")]);
        let reading = export.read();
        let shifted: Vec<_> =
            reading.findings.iter().filter(|finding| finding.code == "rejected-shifted-row").collect();
        assert_eq!(shifted.len(), 1, "{row}: {:?}", reading.findings);
        assert_eq!((shifted[0].line, shifted[0].column.as_deref()), (Some(3), Some(column)), "{row}");
        assert_eq!(reading.records[1].defect, Some(Defect::Shifted), "{row}");
        assert!(reading.records[0].defect.is_none() && reading.records[2].defect.is_none());
    }
    // Words of its own, names like emails and numbers, ids like numbers: nothing to judge by.
    for row in [
        "u1,gone,2026-01-01,maybe,s1,ext:coach,7185554567,x@y.example,718 555 4567,a@b.example,,a@b.example,noemail,,,,,",
        "u1,,,,s1,Parent/Guardian,a,,Ann,Lee,,7,none,718-555-4567,,,,",
    ] {
        let users = format!("{V1_1}{good}{row}\n");
        let export = Export::new(&[("users.csv", &users), ("orgs.csv", "sourcedId,name\ns1,A\n")]);
        assert_eq!(export.read().records[1].defect, None, "{row}");
    }
    // What most rows do is no shift.
    let odd = "u1,2026-01-01,,true,s1,student,a,,Ann,Lee,,7,a@example.org,,,,,\n";
    let reading = Export::new(&[("users.csv", &format!("{V1_1}{odd}{odd}{good}"))]).read();
    assert!(reading.records.iter().all(|record| record.defect.is_none()), "{:?}", reading.findings);
}
