//! Text in every encoding that a school may still have.

use super::*;

const ROW: &str = "u1,true,s1,student,a,Zoë,Müller–Ōé,z@example.org\n";
const PLAIN: &str = "u0,true,s1,student,a,Ann,Lee,\n";

fn utf16(text: &str, little: bool, mark: bool) -> Vec<u8> {
    let mark = mark.then_some(0xFEFF);
    let bytes = |unit: u16| if little { unit.to_le_bytes() } else { unit.to_be_bytes() };
    mark.into_iter().chain(text.encode_utf16()).flat_map(bytes).collect()
}

fn windows_1252(text: &str) -> Vec<u8> {
    encoding_rs::WINDOWS_1252.encode(text).0.into_owned()
}

#[test]
fn a_byte_order_mark() {
    for mark in ["", "\u{feff}"] {
        let reading = Export::new(&[("users.csv", &format!("{mark}{SHORT}{ROW}"))]).read();
        assert_eq!(reading.found(), []);
        assert_eq!(reading.one().given, some("Zoë"));
        // In quotes as well.
        let reading =
            Export::new(&[("users.csv", &format!("{mark}\"sourcedId\"{}{ROW}", &SHORT[9..]))]).read();
        assert_eq!(reading.one().id, "u1");
    }
}

#[test]
fn utf_16_by_its_mark() {
    for little in [true, false] {
        let text = format!("{SHORT}{}", ROW.replace("Zoë", "🦊").repeat(30));
        let reading = Export::of_bytes(&utf16(&text, little, true)).read();
        assert_eq!(reading.found(), []);
        assert_eq!(reading.records.len(), 30);
        assert_eq!(reading.records[29].given, some("🦊"));
        assert_eq!(reading.records[29].line, 31);
    }
}

#[test]
fn utf_16_without_a_mark_has_to_be_configured() {
    for little in [true, false] {
        let bytes = utf16(&format!("{SHORT}{ROW}"), little, false);
        let told = told(&Export::of_bytes(&bytes).failure(), Kind::InputUnusable);
        assert!(told.contains("not a text file") && told.contains("utf-16"), "{told}");
        let reading = Export::of_bytes(&bytes).encoding(EncodingSetting::Utf16).read();
        assert_eq!(reading.one().family, some("Müller–Ōé"));
    }
}

#[test]
fn broken_utf_16() {
    let mut bytes = utf16(&format!("{SHORT}{ROW}"), true, true);
    bytes.pop();
    assert!(told(&Export::of_bytes(&bytes).failure(), Kind::InputUnusable).contains("not valid UTF-16"));
    let mut bytes = utf16(SHORT, true, true);
    bytes.extend(0xD800_u16.to_le_bytes());
    bytes.extend(utf16(ROW, true, false));
    assert!(told(&Export::of_bytes(&bytes).failure(), Kind::InputUnusable).contains("not valid UTF-16"));
}

#[test]
fn windows_1252_is_fallen_back_on_for_the_whole_file() {
    // The first rows could be either.
    let mut bytes = format!("{SHORT}{}", PLAIN.repeat(5)).into_bytes();
    let first_bad = bytes.len() + "u1,true,s1,student,a,Zo".len() + 1;
    bytes.extend(windows_1252("u1,true,s1,student,a,Zoë,Müller–é,\n"));
    let reading = Export::of_bytes(&bytes).read();
    assert_eq!(reading.found(), [("not-utf-8", 7)]);
    let message = reading.message("not-utf-8");
    assert!(
        message.contains(&format!("byte {first_bad})")) && message.contains("[source] encoding"),
        "{message}"
    );
    assert_eq!((&reading.records[5].given, &reading.records[5].family), (&some("Zoë"), &some("Müller–é")));
}

#[test]
fn a_file_in_two_encodings_is_refused() {
    // Read as windows-1252, every name that is UTF-8 would be changed: ZoÃ«.
    for utf8_first in [true, false] {
        let rows = ["u1,true,s1,student,a,Zoë,Lee,\n", "u2,true,s1,student,a,José,Lee,\n"];
        let mut bytes = SHORT.as_bytes().to_vec();
        match utf8_first {
            true => bytes.extend(rows[0].as_bytes().iter().chain(&windows_1252(rows[1]))),
            false => bytes.extend(windows_1252(rows[0]).iter().chain(rows[1].as_bytes())),
        }
        let failure = Export::of_bytes(&bytes).failure();
        let told = told(&failure, Kind::InputUnusable);
        assert!(told.contains("UTF-8 in some places and not in others"), "{told}");
        assert!(told.contains(if utf8_first { "line 3" } else { "line 2" }), "{told}");
        let settled = Export::of_bytes(&bytes).encoding(EncodingSetting::Windows1252).read();
        assert_eq!(settled.records.len(), 2);
    }
}

#[test]
fn windows_1252_as_configured() {
    let bytes = windows_1252(&format!("{SHORT}u1,true,s1,student,a,Zoë,Lee,\n"));
    let reading = Export::of_bytes(&bytes).encoding(EncodingSetting::Windows1252).read();
    assert_eq!((reading.found(), &reading.one().given), (vec![], &some("Zoë")));
    // The mark says that this one file is not.
    let marked = Export::new(&[("users.csv", &format!("\u{feff}{SHORT}{ROW}"))]);
    assert_eq!(marked.encoding(EncodingSetting::Windows1252).read().one().given, some("Zoë"));
}

#[test]
fn utf_8_as_configured_but_it_is_not() {
    let mut bytes = format!("{SHORT}{PLAIN}\r\n").into_bytes();
    bytes.extend(windows_1252("u1,true,s1,student,a,Zoë,Lee,\n"));
    let failure = Export::of_bytes(&bytes).encoding(EncodingSetting::Utf8).failure();
    let told = told(&failure, Kind::InputUnusable);
    assert!(told.contains("not valid UTF-8") && told.contains("line 4, byte "), "{told}");
}

#[test]
fn a_character_cut_by_the_end_of_the_file() {
    let mut bytes = format!("{SHORT}{PLAIN}u1,true,s1,student,a,Ann,Lee,Zo").into_bytes();
    bytes.push(0xC3);
    let found = Export::of_bytes(&bytes).read();
    assert_eq!(found.found(), [("not-utf-8", 3), ("no-final-line-break", 3)]);
    assert_eq!(found.records[1].email, None);
}

/// The file with these family names, in bytes.
fn families(names: &[&[u8]]) -> Export {
    let mut bytes = SHORT.as_bytes().to_vec();
    for (at, name) in names.iter().enumerate() {
        bytes.extend_from_slice(format!("u{at},true,s1,student,a,Ann,").as_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b",\n");
    }
    Export::of_bytes(&bytes)
}

#[test]
fn a_file_in_another_code_page_is_refused() {
    let code_pages: [[&[u8]; 4]; 3] = [
        [b"N\xA3\xA4ez", b"L\xA2pez", b"M\x81ller", b"Hall"],
        [b"Gonz\x87lez", b"P\x8Erez", b"M\x9Fller", b"L\x97pez"],
        [b"Wi\xB6niewski", b"W\xB3odarczyk", b"J\xF3\xBCwiak", b"Zieli\xF1ski"],
    ];
    for names in code_pages {
        let failure = told(&families(&names).failure(), Kind::InputUnusable);
        assert!(
            failure.contains("most of the cells with accents show letters of another code page"),
            "{failure}"
        );
        assert!(failure.contains("line 2"), "{failure}");
        // Who says what it is knows better.
        let said = families(&names).encoding(EncodingSetting::Windows1252).read();
        assert_eq!(said.records.len(), 4);
    }
}

#[test]
fn a_few_letters_of_another_code_page_are_lost_and_the_rest_stands() {
    let read =
        families(&[b"N\xFA\xF1ez", b"Gonz\xE1lez", b"L\xA2pez", b"O\x92Brien", b"Smith\x96Jones"]).read();
    let names: Vec<&str> = read.records.iter().map(|record| record.family.as_deref().unwrap()).collect();
    assert_eq!(names, ["Núñez", "González", "L\u{FFFD}pez", "O’Brien", "Smith–Jones"]);
    assert_eq!(read.found(), [("not-utf-8", 2), ("damaged-text", 4)]);
}

#[test]
fn each_file_has_its_own_encoding() {
    let export = Export::short(ROW);
    export.write("orgs.csv", &windows_1252("sourcedId,name\ns1,École\n"));
    assert_eq!(export.read().found(), [("not-utf-8", 2)]);
    assert_eq!(export.open().about().schools.name("s1"), "École");
}

#[test]
fn nul_bytes() {
    let bytes = format!("{SHORT}{}u1,\0\n", PLAIN.repeat(10)).into_bytes();
    assert!(told(&Export::of_bytes(&bytes).failure(), Kind::InputUnusable).contains("not a text file"));
    let bytes = utf16(&format!("{SHORT}u1,\0\n"), true, true);
    assert!(told(&Export::of_bytes(&bytes).failure(), Kind::InputUnusable).contains("not a text file"));
}
