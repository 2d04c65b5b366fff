//! `rostersync anonymise`: what a roster gives stays, and no value of it is left.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;

use crate::support::{NIGHT, copy, folder, sample};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The program in a folder; its exit status, and both outputs.
fn program(place: &Path, arguments: &[&str]) -> (i32, String, String) {
    let output = Command::new(env!("CARGO_BIN_EXE_rostersync"))
        .args(arguments)
        .current_dir(place)
        .env_clear()
        .env("ROSTERSYNC_NOW", NIGHT)
        .env("ROSTERSYNC_ALLOW_ROOT", "true")
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code().unwrap(), text(output.stdout), text(output.stderr))
}

/// What must be the same of a roster and its anonymised copy.
#[derive(Debug, PartialEq)]
struct Facts {
    checked: Vec<Value>,
    counts: Vec<Value>,
    /// Line, action, state and codes of each row of the report.
    rows: Vec<String>,
}

/// Checks a roster, and runs it.
fn facts(place: &Path, config: &str, source: Option<&Path>) -> Facts {
    let source: Vec<&str> = source.iter().flat_map(|path| ["--source", path.to_str().unwrap()]).collect();
    // `check` reads the source of the configuration.
    let checked = match source.is_empty() {
        false => None,
        true => Some(program(place, &["-c", config, "check", "--format", "json"])),
    };
    let json = |text: &str| serde_json::from_str::<Value>(text).unwrap_or_default();
    let checked = checked.map(|(exit, said, _)| {
        let said = json(&said);
        let finding = |finding: &Value| {
            let file = match finding["file"].as_str().unwrap_or_default() {
                "platform.csv" => "platform-users.csv",
                name if name.ends_with(".toml") => "rostersync.toml",
                name => name,
            };
            serde_json::json!([
                finding["code"],
                file,
                finding["line"],
                finding["column"],
                finding["severity"]
            ])
        };
        let findings = said["findings"].as_array().into_iter().flatten().map(finding).collect();
        vec![exit.into(), said["counts"].clone(), said["records"].clone(), said["rejected"].clone(), findings]
    });
    let run = [&["-c", config, "run", "--format", "json"], source.as_slice()].concat();
    let (exit, said, _) = program(place, &run);
    let said = json(&said);
    let counts = ["result", "actions", "fields", "notifications"].map(|key| said[key].clone());
    let columns = "line,action,state,codes";
    let (_, report, _) = program(place, &["-c", config, "report", "--format", "csv", "--columns", columns]);
    let mut rows: Vec<String> = report.lines().map(str::to_owned).collect();
    // People that are gone are in the order of their ids.
    rows.sort();
    Facts {
        checked: checked.unwrap_or_default(),
        counts: [exit.into()].into_iter().chain(counts).collect(),
        rows,
    }
}

/// All texts of a folder of CSV files; UTF-16 as the characters that it means.
fn texts(folder: &Path) -> Vec<(String, String)> {
    let mut texts = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            let text: String = match bytes.starts_with(b"\xFF\xFE") {
                true => String::from_utf16_lossy(
                    &bytes
                        .chunks_exact(2)
                        .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
                        .collect::<Vec<_>>(),
                ),
                false => String::from_utf8_lossy(&bytes).into_owned(),
            };
            texts.push((name, text));
        }
    }
    texts
}

/// Words that no one's data are: of the standard, of headers, and of findings.
fn is_common(word: &str, headers: &BTreeSet<String>) -> bool {
    const COMMON: &[&str] = &[
        "active",
        "tobedeleted",
        "inactive",
        "true",
        "false",
        "student",
        "guardian",
        "parent",
        "relative",
        "teacher",
        "aide",
        "administrator",
        "proctor",
        "counselor",
        "principal",
        "siteadministrator",
        "districtadministrator",
        "systemadministrator",
        "school",
        "district",
        "department",
        "local",
        "state",
        "national",
        "primary",
        "secondary",
        "bulk",
        "delta",
        "absent",
        "emergency",
        "contact",
        "pending",
        "invited",
        "joined",
        "mother",
        "father",
        "null",
        "none",
        "undefined",
        "cell",
        "home",
        "work",
        "mobile",
        "mom",
        "dad",
        "ext",
        "tel",
        "amp",
        "quot",
        "apos",
        "https",
        "http",
        "sep",
        "type",
        "user",
        "staff",
        "sync",
        "english",
        "spanish",
        "male",
        "female",
        "other",
        "00",
        "yes",
    ];
    COMMON.contains(&word) || headers.contains(word)
}

/// The letters and digits of a text in pieces that say something: small letters, from three on, and
/// numbers from five digits on.
fn pieces(text: &str) -> BTreeSet<String> {
    let words = text.split(|c: char| !c.is_alphanumeric()).map(str::to_lowercase);
    words
        .filter(|word| {
            // The time of day stays (`07z`), and another day can have the same number (`02t11`).
            let is_number = word.bytes().all(|byte| byte.is_ascii_digit());
            let is_time = word.bytes().all(|byte| byte.is_ascii_digit() || b"zt".contains(&byte));
            let shortest = match (is_number, is_time, word.is_ascii()) {
                (true, _, _) => 5,
                (false, true, _) => 6,
                (false, false, true) => 3,
                (false, false, false) => 2,
            };
            word.chars().count() >= shortest
        })
        .collect()
}

/// The values of the original that are in the copy.
fn left(originals: &[PathBuf], copied: &Path) -> Vec<String> {
    let mut new = BTreeSet::new();
    for (name, text) in texts(copied) {
        if name.ends_with(".csv") {
            new.extend(pieces(text.split_once('\n').map_or("", |(_, rows)| rows)));
        }
    }
    let mut left = Vec::new();
    for path in originals {
        let files = match path.is_dir() {
            true => texts(path),
            false => vec![(String::new(), String::from_utf8_lossy(&fs::read(path).unwrap()).into_owned())],
        };
        for (name, text) in files.iter().filter(|(name, _)| name != "manifest.csv") {
            let header =
                text.lines().find(|line| line.to_lowercase().contains("sourced") || line.contains("_id"));
            let headers = pieces(header.unwrap_or_default());
            let old =
                pieces(text).into_iter().filter(|word| !is_common(word, &headers) && new.contains(word));
            left.extend(old.map(|word| format!("{name}: {word}")));
        }
    }
    left
}

fn unpack(archive: &Path, to: &Path) {
    zip::ZipArchive::new(File::open(archive).unwrap()).unwrap().extract(to).unwrap();
    // Where the configuration leaves its store and reports is another folder for each night.
    let config = to.join("rostersync.toml");
    let text = fs::read_to_string(&config).unwrap();
    let places = "[sync]\nstore = \"../copied.db\"\nreports = \"../copied-reports\"";
    fs::write(&config, text.replacen("[sync]", places, 1)).unwrap();
}

/// Plays nights with the originals and with copies, all of them with one key.
fn play(district: &Path, config: &str, nights: &[&str], beside: &[&str]) {
    let place = folder();
    let original = place.path().join("original");
    copy(district, &original);
    let text = fs::read_to_string(original.join(config)).unwrap();
    for (number, night) in nights.iter().enumerate() {
        let copied = place.path().join(format!("copy{number}"));
        let archive = place.path().join(format!("copy{number}.zip"));
        let written = archive.to_str().unwrap();
        let (exit, _, said) =
            program(&original, &["-c", config, "anonymise", night, "-o", written, "--key-file", "../key"]);
        assert_eq!(exit, 0, "{} {night}: {said}", district.display());
        unpack(&archive, &copied);
        let path = text.lines().find(|line| line.starts_with("path = ")).unwrap();
        fs::write(original.join(config), text.replacen(path, &format!("path = {night:?}"), 1)).unwrap();
        let before = facts(&original, config, None);
        let after = facts(&copied, "rostersync.toml", None);
        assert_eq!(before, after, "{} {night}", district.display());
        if original.join(night).is_dir() {
            let originals: Vec<PathBuf> = [night]
                .into_iter()
                .chain(beside)
                .map(|name| original.join(name))
                .filter(|path| path.exists())
                .collect();
            let left = left(&originals, &copied);
            assert!(left.is_empty(), "{} {night}: {left:?}", district.display());
        }
        fs::write(original.join(config), &text).unwrap();
    }
}

#[test]
fn the_nights_of_the_fixtures_give_the_same_and_no_value_is_left() {
    let place = folder();
    copy(&Path::new(ROOT).join("fixtures"), &place.path().join("fixtures"));
    let config = fs::read_to_string(Path::new(ROOT).join("config.example.toml")).unwrap();
    fs::write(place.path().join("config.example.toml"), config).unwrap();
    let nights = ["fixtures/day1", "fixtures/day2", "fixtures/day3"];
    play(place.path(), "config.example.toml", &nights, &["fixtures/platform-users.csv"]);
    play(place.path(), "config.example.toml", &["fixtures/day3-v1p2.zip"], &[]);
}

/// Two cases are left out: archives that no run reads either (24), and a guardian with several
/// numbers, of which the first by its digits counts (09).
#[test]
fn odd_rosters_stay_as_odd_as_they_are() {
    let cases = Path::new(ROOT).join("tests/cases");
    let mut all: Vec<PathBuf> = fs::read_dir(cases).unwrap().map(|entry| entry.unwrap().path()).collect();
    all.retain(|path| {
        path.is_dir() && ["24-", "09-"].iter().all(|left| !path.to_str().unwrap().contains(left))
    });
    all.sort();
    assert_eq!(all.len(), 25);
    for case in sample(all, 4) {
        let mut nights: Vec<String> = fs::read_dir(&case)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .filter(|name| case.join(name).join("users.csv").exists())
            .collect();
        nights.sort();
        assert!(!nights.is_empty(), "{}", case.display());
        let nights: Vec<&str> = nights.iter().map(String::as_str).collect();
        play(&case, "config.toml", &nights, &["platform.csv", "guardians.csv"]);
    }
}

/// A small roster with a password, in a folder.
fn roster(place: &Path) -> PathBuf {
    let sis = place.join("sis");
    fs::create_dir(&sis).unwrap();
    fs::write(
        sis.join("users.csv"),
        "sourcedId,status,enabledUser,orgSourcedIds,role,username,givenName,familyName,email,sms,password\n\
         t-1,active,true,s-1,teacher,rdiaz,Rosa,Díaz,rosa.diaz@lincoln.example,(718) 555-4567,Tulip2026!\n\
         g-1,active,true,s-1,parent,,王,芳,fang@lincoln.example,718.555.4567,Tulip2026!\n",
    )
    .unwrap();
    fs::write(sis.join("orgs.csv"), "sourcedId,name,type\ns-1,Lincoln Elementary,school\n").unwrap();
    fs::write(
        sis.join("academicSessions.csv"),
        "sourcedId,title,type,startDate,endDate,schoolYear\nterm-1,Fall of Rosa,term,2026-08-24,2027-06-11,2027\n",
    )
    .unwrap();
    fs::write(sis.join("letter.docx"), "Dear Rosa").unwrap();
    sis
}

fn users(archive: &Path) -> String {
    copied(archive, "users.csv")
}

fn copied(archive: &Path, name: &str) -> String {
    let mut zip = zip::ZipArchive::new(File::open(archive).unwrap()).unwrap();
    std::io::read_to_string(zip.by_name(name).unwrap()).unwrap()
}

#[test]
fn equal_values_stay_equal_passwords_go_and_the_key_decides() {
    let place = folder();
    roster(place.path());
    let make = |name: &str, more: &[&str]| {
        let (exit, said, error) = program(place.path(), &[&["anonymise", "sis", "-o", name], more].concat());
        assert_eq!(exit, 0, "{error}");
        let archive = place.path().join(name);
        assert_eq!(fs::metadata(&archive).unwrap().permissions().mode() & 0o777, 0o600);
        (fs::read(&archive).unwrap(), users(&archive), said)
    };
    let (one, text, said) = make("one.zip", &["--key-file", "key"]);
    let root = place.path().canonicalize().unwrap().display().to_string();
    insta::assert_snapshot!(said.replace(&root, "PLACE"), @r"
    PLACE/one.zip:
      academicSessions.csv: 1 row
      orgs.csv: 1 row
      users.csv: 2 rows
    Left out, because they are no files of OneRoster: letter.docx
    A new key was made: PLACE/key. The key tells which value became which: do not send it.
    Headers of columns stay as they are. Look at the archive before you send it.
    ");
    let terms = copied(&place.path().join("one.zip"), "academicSessions.csv");
    assert!(
        terms.ends_with(",2027\n") && !terms.contains("Rosa"),
        "a school year is one of four digits: {terms}"
    );
    let rows: Vec<Vec<&str>> = text.lines().map(|line| line.split(',').collect()).collect();
    assert_eq!(rows[0].last(), Some(&"password"), "{text}");
    assert!(rows[1..].iter().all(|row| row.last() == Some(&"")), "{text}");
    let (first, second) = (&rows[1], &rows[2]);
    assert_eq!([first[1], first[2], first[4], second[4]], ["active", "true", "teacher", "parent"]);
    assert_eq!(first[3], second[3], "one school");
    let number = |cell: &str| cell.chars().filter(char::is_ascii_digit).collect::<String>();
    assert_eq!(number(first[9]), number(second[9]), "one number, each in its writing: {text}");
    assert!(first[9].starts_with('(') && second[9].contains('.'), "{text}");
    let domain = |cell: &str| cell.split_once('@').unwrap().1.to_owned();
    assert_eq!(domain(first[8]), domain(second[8]));
    assert!(second[6].chars().all(|c| ('\u{4E00}'..='\u{9FFF}').contains(&c)), "{text}");

    assert_eq!(make("again.zip", &["--key-file", "key"]).0, one, "the same key, the same bytes");
    assert_ne!(make("other.zip", &["--key-file", "other"]).1, text);
    assert_ne!(make("none.zip", &[]).1, make("none2.zip", &[]).1, "a random key each time");
}

/// Of a `[platform]` that is only pushed to nothing is left, and the day is that of the district.
#[test]
fn the_configuration_of_an_archive_can_be_loaded_without_an_export_of_the_platform() {
    let place = folder();
    roster(place.path());
    let config = "[sync]\ntimezone = \"Asia/Tokyo\"\n[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n\
                  [platform.columns]\nemail = \"Mail\"\n[platform.push]\nto = \"out.csv\"\n";
    fs::write(place.path().join("own.toml"), config).unwrap();
    let (exit, _, said) = program(place.path(), &["-c", "own.toml", "anonymise", "sis", "-o", "x.zip"]);
    assert_eq!(exit, 0, "{said}");
    let copied = place.path().join("copied");
    unpack(&place.path().join("x.zip"), &copied);
    let text = fs::read_to_string(copied.join("rostersync.toml")).unwrap();
    assert!(text.contains("timezone = \"Asia/Tokyo\"") && !text.contains("platform"), "{text}");
    let (exit, said, error) = program(&copied, &["-c", "rostersync.toml", "run", "--dry-run"]);
    assert!(exit == 0 && said.contains("Plan: 2 to create"), "{said}{error}");
}

#[test]
fn a_roster_or_a_key_that_cannot_be_used_is_said() {
    let place = folder();
    roster(place.path());
    fs::create_dir(place.path().join("empty")).unwrap();
    fs::write(place.path().join("short"), "secret").unwrap();
    for (arguments, exit, part) in [
        (&["anonymise", "empty", "-o", "x.zip"][..], 7, "there is no users.csv in the export"),
        (&["anonymise", "nowhere.zip", "-o", "x.zip"], 7, "the OneRoster export cannot be opened"),
        (
            &["anonymise", "sis", "-o", "x.zip", "--key-file", "short"],
            2,
            "the key is shorter than 16 characters",
        ),
        (&["anonymise", "sis", "-o", "-"], 2, "the archive cannot be written to standard output"),
        (&["anonymise", "sis", "-o", "short", "--key-file", "short"], 2, "short"),
        (&["-c", "none.toml", "anonymise", "sis", "-o", "x.zip"], 2, "the configuration file does not exist"),
    ] {
        let (ended, _, said) = program(place.path(), arguments);
        assert!(ended == exit && said.contains(part), "{arguments:?}: {ended} {said}");
    }
    assert!(!place.path().join("x.zip").exists());
}
