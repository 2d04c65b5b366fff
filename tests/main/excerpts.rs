//! The output that README.md and docs/ show is the program's output, their links lead somewhere, and their lines wrap.
//!
//! A code block with output (` ```console ` or ` ```text `) has a comment before it: `<!-- shown: SCENE -->`. The scene is
//! a folder with the fixtures after certain runs. The command is the block's first line, after `$ `. A line `…` stands for
//! lines that are left out. If the block has no command, the comment has it: `<!-- shown: SCENE: COMMAND -->`.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::{District, copy};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// Where the pages say that the program runs.
const HOME: &str = "/srv/rostersync";

/// When every log line is written.
const WRITTEN: &str = "2026-11-26T08:15:00.000000Z";

/// A block of a page.
struct Excerpt {
    place: String,
    scene: String,
    command: String,
    lines: Vec<String>,
}

fn pages() -> Vec<PathBuf> {
    let docs = fs::read_dir(Path::new(ROOT).join("docs")).unwrap().map(|entry| entry.unwrap().path());
    let mut pages: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|end| end == "md")).collect();
    pages.sort();
    pages.insert(0, Path::new(ROOT).join("README.md"));
    pages
}

/// The blocks of a page with output in them.
fn excerpts(page: &Path) -> Vec<Excerpt> {
    let text = fs::read_to_string(page).unwrap();
    let name = page.strip_prefix(ROOT).unwrap().display().to_string();
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    let mut at = 0;
    while at < lines.len() {
        let opens = lines[at].starts_with("```");
        if !opens {
            at += 1;
            continue;
        }
        let end = at + 1 + lines[at + 1..].iter().position(|line| line.starts_with("```")).unwrap();
        if matches!(lines[at], "```console" | "```text") {
            let place = format!("{name}:{}", at + 1);
            let mark = lines[..at].last().unwrap_or(&"");
            let mark =
                mark.strip_prefix("<!-- shown: ").and_then(|mark| mark.strip_suffix(" -->")).unwrap_or_else(
                    || panic!("{place}: output needs a comment `<!-- shown: SCENE -->` before it"),
                );
            let mut shown: Vec<String> = lines[at + 1..end].iter().map(|line| (*line).to_owned()).collect();
            let (scene, command) = match mark.split_once(": ") {
                Some((scene, command)) => (scene, command.to_owned()),
                None => {
                    let first = shown.remove(0);
                    (
                        mark,
                        first.strip_prefix("$ ").unwrap_or_else(|| panic!("{place}: no command")).to_owned(),
                    )
                }
            };
            found.push(Excerpt { place, scene: scene.to_owned(), command, lines: shown });
        }
        at = end + 1;
    }
    found
}

/// A folder with two districts.
pub(crate) fn fleet(district: &District) {
    for name in ["adams", "boone"] {
        let config = format!(
            "[sync]\nstore = \"{name}/rostersync.db\"\nreports = \"{name}/reports\"\n\
             [source]\ntype = \"oneroster-csv\"\npath = \"../fixtures/day1\"\n"
        );
        district.file(&format!("districts/{name}.toml"), config);
    }
}

/// A folder in which something has happened.
pub(crate) fn scene(name: &str) -> District {
    let mut district = District::new();
    copy(&Path::new(ROOT).join("fixtures"), &district.path("fixtures"));
    let config = fs::read_to_string(Path::new(ROOT).join("config.example.toml")).unwrap();
    fs::write(district.path("config.example.toml"), &config).unwrap();
    let nights = |district: &mut District, days: &[&str]| {
        for (night, day) in (23..).zip(days) {
            district.at(&format!("2026-11-{night}T08:15:00Z"));
            let source = format!("fixtures/{day}");
            let done = district.cli(&["-c", "config.example.toml", "run", "--source", &source]);
            // On the third day a person has to look at a new sourcedId.
            done.exits(if *day == "day3" { 3 } else { 0 });
        }
        district.at("2026-11-26T08:15:00Z");
    };
    match name {
        "nothing yet" => {}
        "a fleet" => fleet(&district),
        // No configuration either.
        "a new folder" => fs::remove_file(district.path("config.example.toml")).unwrap(),
        "after three nights" => nights(&mut district, &["day1", "day2", "day3"]),
        // Half of a SIS's records are missing on the fourth day.
        "a short export" => {
            nights(&mut district, &["day1", "day2", "day3"]);
            let users = fs::read_to_string(district.path("fixtures/day3/users.csv")).unwrap();
            let rows: Vec<&str> = users.split_inclusive('\n').collect();
            fs::create_dir(district.path("fixtures/day4")).unwrap();
            for file in ["manifest.csv", "orgs.csv"] {
                let from = district.path("fixtures/day3").join(file);
                fs::copy(from, district.path("fixtures/day4").join(file)).unwrap();
            }
            fs::write(district.path("fixtures/day4/users.csv"), rows[..rows.len() - 12].concat()).unwrap();
        }
        // An upgrade of the SIS has put a prefix before every sourcedId.
        "new sourcedIds" | "new sourcedIds, blocked" => {
            nights(&mut district, &["day1", "day2", "day3"]);
            let path = district.path("fixtures/day3/users.csv");
            let mut text = fs::read_to_string(&path).unwrap();
            for kind in ["stu", "gua", "tea", "aid", "adm", "par", "rel"] {
                for before in ["\n", ",", ",\""] {
                    text = text.replace(&format!("{before}{kind}-"), &format!("{before}LINC_{kind}-"));
                }
            }
            fs::write(path, text).unwrap();
            if name.ends_with("blocked") {
                district.cli(&["-c", "config.example.toml", "run"]).exits(4);
            }
        }
        // The setting is ON for the district, and the mail server takes two messages a day.
        "mail that waits" => {
            nights(&mut district, &["day1", "day2", "day3"]);
            let text = config
                .replacen("update_contacts = false", "update_contacts = true", 1)
                .replacen("contact_updates = 4\n", "contact_updates = 100\n", 1)
                .replacen("[notify.email]\n", "[notify.email]\nper_day = 2\n", 1);
            fs::write(district.path("config.example.toml"), text).unwrap();
            let preview = district.cli(&["-c", "config.example.toml", "run", "--dry-run"]).exits(4);
            district.cli(&["-c", "config.example.toml", "run", "--approve", preview.checksum()]).any();
            district.at("2026-11-26T13:15:00Z");
        }
        other => panic!("there is no scene `{other}`"),
    }
    district
}

/// What differs from machine to machine and from run to run is the same everywhere.
fn normalised(text: &str, home: Option<&str>) -> String {
    let mut text = text.to_owned();
    if let Some(home) = home {
        text = text.replace(home, HOME);
    }
    let line = |line: &str| {
        let is_time = line.as_bytes().get(..20).is_some_and(|start| {
            start[..4].iter().all(u8::is_ascii_digit) && start[10] == b'T' && start[19] == b'.'
        });
        match (is_time, line.split_once('Z'), line.split_once("Last digest: ")) {
            // When a log line was written.
            (true, Some((_, rest)), _) => format!("{WRITTEN}{rest}"),
            // Over random salts.
            (_, _, Some((before, digest))) if digest.len() > 4 => format!("{before}Last digest: 5e0c…"),
            _ => without_checksum(line),
        }
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A checksum is of all that a plan holds; it is held by the tests of the plan.
fn without_checksum(line: &str) -> String {
    let is_one = |word: &str| word.len() == 16 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
    match line.rsplit_once(' ') {
        Some((before, word)) if is_one(word) => format!("{before} CHECKSUM"),
        _ => line.to_owned(),
    }
}

/// Whether these lines are the output, but for what `…` leaves out.
fn is_shown(lines: &[String], output: &[&str]) -> bool {
    match lines.split_first() {
        None => output.is_empty(),
        Some((first, rest)) if first == "…" => {
            (0..=output.len()).any(|from| is_shown(rest, &output[from..]))
        }
        Some((first, rest)) => output.first() == Some(&first.as_str()) && is_shown(rest, &output[1..]),
    }
}

#[test]
fn what_the_pages_show_is_what_the_program_prints() {
    let mut wrong = Vec::new();
    let mut count = 0;
    for page in pages() {
        for excerpt in excerpts(&page) {
            // A server is needed: it is held by the tests of the API.
            if excerpt.scene == "a server" || excerpt.scene == "no output" {
                continue;
            }
            count += 1;
            let district = scene(&excerpt.scene);
            let words = excerpt.command.strip_prefix("rostersync ").expect("the program itself");
            let words: Vec<&str> = words.split(' ').collect();
            let mut command = district.command(&words);
            command.env("ROSTERSYNC_CONFIG", "config.example.toml");
            let output = command.output().unwrap();
            let said = format!(
                "{}{}",
                String::from_utf8(output.stdout).unwrap(),
                String::from_utf8(output.stderr).unwrap()
            );
            let home = district.path("").display().to_string();
            let said = normalised(&said, Some(home.trim_end_matches('/')));
            // The log has its own place: standard error is shown only where the block shows it.
            let is_log = |line: &str| line.starts_with(WRITTEN);
            let shows_log = excerpt.lines.iter().any(|line| normalised(line, None).starts_with(WRITTEN));
            let lines: Vec<&str> = said.lines().filter(|line| shows_log || !is_log(line)).collect();
            let shown: Vec<String> = excerpt.lines.iter().map(|line| normalised(line, None)).collect();
            if !is_shown(&shown, &lines) {
                wrong.push(format!(
                    "{}: `{}` prints\n{}\n",
                    excerpt.place,
                    excerpt.command,
                    lines.join("\n")
                ));
            }
        }
    }
    assert!(count >= 7, "{count} excerpts were found");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// All Markdown for people who use or change the program.
fn all_pages() -> Vec<PathBuf> {
    let others = ["ARCHITECTURE.md", "CHANGELOG.md", "fixtures/README.md", "tests/cases/README.md"];
    pages().into_iter().chain(others.map(|page| Path::new(ROOT).join(page))).collect()
}

/// The lines of a page outside code blocks and comments, with their numbers.
fn prose(text: &str) -> Vec<(usize, &str)> {
    let (mut in_code, mut in_comment) = (false, false);
    let mut prose = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        in_code ^= line.starts_with("```");
        in_comment |= line.starts_with("<!--");
        if !in_code && !in_comment && !line.starts_with("```") {
            prose.push((number, line));
        }
        in_comment &= !line.contains("-->");
    }
    prose
}

#[test]
fn prose_wraps_at_100_columns() {
    let mut long = Vec::new();
    for page in all_pages() {
        let text = fs::read_to_string(&page).unwrap();
        let can_wrap = |line: &str| !line.starts_with('|') && line.trim().contains(' ');
        let lines = prose(&text).into_iter().filter(|(_, line)| can_wrap(line));
        let lines = lines.filter(|(_, line)| line.chars().count() > 100);
        long.extend(lines.map(|(number, _)| format!("{}:{number}", page.display())));
    }
    assert!(long.is_empty(), "{long:#?}");
}

/// `#a-plan` for `## A plan`, as GitHub makes it.
fn anchors(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let headings = text.lines().filter(|line| line.starts_with('#'));
    let anchor = |line: &str| -> String {
        let title = line.trim_start_matches('#').trim().to_lowercase();
        title
            .chars()
            .filter(|c| c.is_alphanumeric() || *c == ' ' || *c == '-')
            .collect::<String>()
            .replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut broken = Vec::new();
    for page in all_pages() {
        let text = fs::read_to_string(&page).unwrap();
        let text = prose(&text).into_iter().map(|(_, line)| line).collect::<Vec<_>>().join("\n");
        for link in text.split("](").skip(1).filter_map(|rest| rest.split(')').next()) {
            if link.starts_with("https://") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let is_there =
                target.exists() && (anchor.is_empty() || anchors(&target).iter().any(|own| own == anchor));
            if !is_there {
                broken.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// `plan/note.rs`, `run/judge` and `notify/templates/` are files or folders of the source, or of the repository.
#[test]
fn files_that_architecture_and_decisions_name_exist() {
    let mut missing = Vec::new();
    for page in ["ARCHITECTURE.md", "docs/decisions.md"] {
        let text = fs::read_to_string(Path::new(ROOT).join(page)).unwrap();
        let text: String = prose(&text).into_iter().flat_map(|(_, line)| [line, "\n"]).collect();
        for name in text.split('`').skip(1).step_by(2) {
            let is_path = name.ends_with(".rs") || name.contains('/') && !name.contains([' ', '*']);
            let is_there = ["src", "", "tests/main"].iter().any(|folder| {
                let path = Path::new(ROOT).join(folder).join(name);
                path.exists() || path.with_extension("rs").exists()
            });
            if is_path && !is_there && !name.contains("NEW") {
                missing.push(format!("{page}: {name}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}
