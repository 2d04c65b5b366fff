//! Folders, archives, and files that change.

use super::*;

const USERS: &str = "sourcedId,enabledUser,orgSourcedIds,role,username,givenName,familyName,email\n\
                     u1,true,s1,student,ann,Ann,Lee,ann@example.org\n";

/// A zip file, opened.
fn open_zip(bytes: &[u8], limits: Limits) -> Result<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    // Any name will do.
    let path = folder.path().join("export.download");
    fs::write(&path, bytes).unwrap();
    let source = OneRosterCsv::open_within(&path, &Options::default(), limits)?;
    read(&source).map(|reading| reading.ids().into_iter().map(str::to_owned).collect())
}

fn zip_failure(bytes: &[u8]) -> String {
    told(&open_zip(bytes, Limits::default()).unwrap_err(), Kind::InputUnusable)
}

#[test]
fn a_folder_that_is_not_there() {
    assert!(told(&Export::new(&[]).failure(), Kind::InputUnusable).contains("delivered"));
}

#[test]
fn a_folder_without_users() {
    let told = told(&Export::new(&[("orgs.csv", "sourcedId,name\n")]).failure(), Kind::InputUnusable);
    assert!(told.contains("there is no users.csv"), "{told}");
    assert!(zip_failure(&zipped(&[("orgs.csv", "x")])).contains("there is no users.csv"));
    assert!(zip_failure(&zipped(&[])).contains("there is no users.csv"));
}

#[test]
fn file_names_in_another_case() {
    let export = Export::new(&[("Users.CSV", USERS), ("ORGS.csv", "sourcedId,name\ns1,North\n")]);
    assert_eq!(export.read().found(), []);
    assert_eq!(export.open().about().schools.name("s1"), "North");
}

#[test]
fn one_top_folder_and_what_desktops_leave_behind() {
    let litter = [("__MACOSX/users.csv", "x"), (".DS_Store", "x"), ("._users.csv", "x")];
    let mut entries = vec![("district/users.csv", USERS), ("district/._users.csv", "x")];
    entries.extend(litter);
    assert_eq!(open_zip(&zipped(&entries), Limits::default()).unwrap(), ["u1"]);
    assert_eq!(Export::new(&entries).read().ids(), ["u1"]);
}

#[test]
fn a_top_folder_written_with_backslashes() {
    assert_eq!(open_zip(&zipped(&[("district\\users.csv", USERS)]), Limits::default()).unwrap(), ["u1"]);
}

#[test]
fn files_at_the_root_are_preferred_to_a_folder() {
    let entries = [("users.csv", USERS), ("old/users.csv", "x"), ("old/manifest.csv", "x")];
    assert_eq!(open_zip(&zipped(&entries), Limits::default()).unwrap(), ["u1"]);
    assert_eq!(Export::new(&entries).read().found(), []);
}

#[test]
fn two_folders_with_users() {
    let entries = [("north/users.csv", USERS), ("south/users.csv", USERS)];
    assert!(zip_failure(&zipped(&entries)).contains("more than one folder"));
    assert!(told(&Export::new(&entries).failure(), Kind::InputUnusable).contains("more than one folder"));
}

#[test]
fn users_twice_in_different_case() {
    let entries = [("users.csv", USERS), ("USERS.csv", USERS)];
    assert!(zip_failure(&zipped(&entries)).contains("holds users.csv more than once"));
}

#[test]
fn a_file_that_is_neither_folder_nor_zip() {
    assert!(zip_failure(USERS.as_bytes()).contains("neither a folder nor a complete zip file"));
}

#[test]
fn a_zip_that_was_not_delivered_completely() {
    let whole = zipped(&[("users.csv", USERS)]);
    assert!(zip_failure(&whole[..whole.len() / 2]).contains("delivered completely"));
}

#[test]
fn a_damaged_zip_entry() {
    let long = USERS.to_owned() + &"u2,true,s1,student,bob,Bob,Ray,bob@example.org\n".repeat(50);
    let mut bytes = zipped(&[("users.csv", &long)]);
    // Within the compressed bytes of the only entry.
    bytes[90] ^= 0x55;
    assert!(zip_failure(&bytes).contains("users.csv cannot be read"));
}

#[test]
fn zip_entries_that_point_outside() {
    for name in ["../users.csv", "a/../../b.csv", "/etc/users.csv", "C:\\users.csv", "..\\users.csv"] {
        let told = zip_failure(&zipped(&[("users.csv", USERS), (name, "x")]));
        assert!(told.contains("points outside"), "{name}: {told}");
    }
}

#[test]
fn an_encrypted_zip() {
    // The writer is built without encryption: set the flag in both headers by hand.
    let mut bytes = zipped(&[("users.csv", USERS)]);
    let directory = bytes.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    bytes[6] |= 1;
    bytes[directory + 8] |= 1;
    assert!(zip_failure(&bytes).contains("is encrypted"));
}

#[test]
fn too_many_zip_entries() {
    let names: Vec<String> = (0..9).map(|at| format!("{at}.csv")).collect();
    let entries: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
    let limits = Limits { entries: 8, ..Limits::default() };
    let failure = open_zip(&zipped(&entries), limits).unwrap_err();
    assert!(told(&failure, Kind::InputUnusable).contains("more than 8 entries"));
}

#[test]
fn absurd_sizes_in_a_zip() {
    let bomb = zipped(&[("users.csv", &" ".repeat(100_000))]);
    let small = Limits { file: 99_999, ..Limits::default() };
    assert!(told(&open_zip(&bomb, small).unwrap_err(), Kind::InputUnusable).contains("larger than 99999"));
    let ratio = Limits { ratio: 10, ratio_from: 1_000, ..Limits::default() };
    assert!(told(&open_zip(&bomb, ratio).unwrap_err(), Kind::InputUnusable).contains("10 times larger"));
}

#[test]
fn a_zip_entry_larger_than_its_directory_says() {
    let reader = std::io::Cursor::new(vec![b' '; 5_000]);
    let limits = Limits { file: 1_000, ..Limits::default() };
    let mut limited = archive::Limited { reader, limits, compressed: 10, read: 0 };
    assert!(std::io::copy(&mut limited, &mut std::io::sink()).unwrap_err().to_string().contains("larger"));
}

#[test]
fn other_files_are_never_opened() {
    // A folder in the place of a file could not be read.
    let export =
        Export::new(&[("users.csv", USERS), ("demographics.csv/x", "x"), ("enrollments.csv/x", "x")]);
    assert_eq!(export.read().found(), []);
}

#[test]
fn an_empty_file() {
    assert!(told(&Export::of_bytes(b"").failure(), Kind::InputUnusable).contains("users.csv is empty"));
}

#[test]
fn nothing_but_a_header() {
    for rows in ["", "\n\n", ",,,,,,,\n"] {
        let failure = OneRosterCsv::open(&Export::short(rows).path(), Options::default()).unwrap_err();
        assert!(told(&failure, Kind::InputUnusable).contains("users.csv has only a header"), "{rows:?}");
    }
}

#[test]
fn no_header_at_all() {
    let told = told(&Export::of_bytes(b"u1,student,Ann,Lee\n").failure(), Kind::InputUnusable);
    assert!(told.contains("has no header row") && told.contains("sourcedId"), "{told}");
    // It may be a person.
    assert!(!told.contains("Ann"), "{told}");
}

#[test]
fn reading_again_gives_the_same() {
    let source = Export::short("u1,true,s1,student,a,Ann,Lee,a@example.org\n".repeat(40).as_str());
    let opened = source.open();
    assert_eq!(read(&opened).unwrap().records, read(&opened).unwrap().records);
}

#[test]
fn breaking_off_is_no_failure() {
    let source = Export::short(&"u1,true,s1,student,a,Ann,Lee,a@example.org\n".repeat(40)).open();
    let mut count = 0;
    let outcome = source.read(&mut Findings::default(), &mut |_| {
        count += 1;
        if count == 3 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    assert!(outcome.is_ok());
    assert_eq!(count, 3);
}

#[test]
fn a_file_that_changes_after_it_was_opened() {
    let row = "u1,true,s1,student,a,Ann,Lee,a@example.org\n";
    let whole = format!("{SHORT}{}", row.repeat(20));
    let changes: [(&str, Vec<u8>); 5] = [
        ("one letter", whole.replacen("Ann", "Eve", 1).into_bytes()),
        ("truncated", whole.as_bytes()[..whole.len() - 50].to_vec()),
        ("emptied", Vec::new()),
        ("longer", format!("{whole}{row}").into_bytes()),
        ("not text any more", [SHORT.as_bytes(), b"u1,\"\xFF\0"].concat()),
    ];
    for (what, bytes) in changes {
        let export = Export::new(&[("users.csv", &whole)]);
        let source = export.open();
        export.write("users.csv", &bytes);
        let failure = read(&source).err().unwrap();
        assert!(
            told(&failure, Kind::SourceUnavailable).contains("changed while it was being read"),
            "{what}"
        );
    }
}

#[test]
fn a_zip_that_is_overwritten_after_it_was_opened() {
    let export = Export::new(&[]);
    let path = export.path().join("e.zip");
    for bytes in [zipped(&[("users.csv", &USERS.replace("Ann", "Eve"))]), vec![0; 5_000], vec![]] {
        export.write("e.zip", &zipped(&[("users.csv", USERS)]));
        let source = OneRosterCsv::open(&path, Options::default()).unwrap();
        export.write("e.zip", &bytes);
        told(&read(&source).err().unwrap(), Kind::SourceUnavailable);
    }
}

#[test]
fn a_file_that_is_replaced_after_it_was_opened_is_read_as_it_was() {
    let export = Export::short("u1,true,s1,student,a,Ann,Lee,a@example.org\n");
    let source = export.open();
    export.write("new", b"sourcedId\n");
    fs::rename(export.path().join("new"), export.path().join("users.csv")).unwrap();
    assert_eq!(read(&source).unwrap().ids(), ["u1"]);
}

#[test]
fn a_file_that_was_cut_off_in_a_row() {
    let row = "u1,true,s1,student,a,Ann,Lee,a@example.org\n";
    let whole = format!("{SHORT}{}", row.repeat(3));
    let cut = &whole[..whole.len() - 20];
    let told = told(&Export::new(&[("users.csv", cut)]).failure(), Kind::InputUnusable);
    assert!(told.contains("cut off") && told.contains("line 4"), "{told}");
    // An exporter that always leaves out trailing cells is another matter.
    let export = Export::short("u1,true,s1,student,a,Ann,Lee\nu2,true,s1,student,b,Bob,Ray");
    assert_eq!(export.read().found(), [("ragged-row", 2), ("ragged-row", 3), ("no-final-line-break", 3)]);
}
