//! The pages as a whole: their commands run, the book has all of them, their messages are those of
//! the program, and every key of the configuration is explained.
//!
//! A block of commands (` ```sh `) has a comment before it: `<!-- run: SCENE -->`. Its commands are
//! run in a scratch folder with this scene (see `excerpts`), where `rostersync` is the program under
//! test and $ROSTERSYNC_CONFIG the example (in `a new folder` there is no configuration).
//! `<!-- run: SCENE, exits 3 -->` allows this exit status too. `<!-- not run: REASON -->` is for
//! commands that need root, a server or hours.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::excerpts::{fleet, scene};
use crate::support::{District, copy};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// All pages of the documentation, by their paths in `docs/`.
fn pages() -> Vec<String> {
    let docs = Path::new(ROOT).join("docs");
    let (mut found, mut folders) = (Vec::new(), vec![docs.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "md") {
                found.push(path.strip_prefix(&docs).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

fn page(name: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join("docs").join(name)).unwrap()
}

/// A block of commands.
struct Commands {
    place: String,
    mark: String,
    lines: Vec<String>,
}

/// The blocks of a page; those in lists are indented.
fn commands(name: &str, text: &str) -> Vec<Commands> {
    let lines: Vec<&str> = text.lines().collect();
    let (mut found, mut at) = (Vec::new(), 0);
    while at < lines.len() {
        if lines[at].trim_start() != "```sh" {
            at += 1;
            continue;
        }
        let end = at + 1 + lines[at + 1..].iter().position(|line| line.trim_start() == "```").unwrap();
        let mark = lines[..at].last().unwrap_or(&"").trim();
        let mark = mark.strip_prefix("<!-- ").and_then(|mark| mark.strip_suffix(" -->")).unwrap_or_default();
        let own = lines[at + 1..end].iter().map(|line| line.trim_start().to_owned()).collect();
        found.push(Commands { place: format!("{name}:{}", at + 1), mark: mark.to_owned(), lines: own });
        at = end + 1;
    }
    found
}

/// Runs a command as a shell does; its exit status and what it printed.
fn shell(district: &District, line: &str) -> (i32, String) {
    let programs = district.path("bin");
    if !programs.exists() {
        fs::create_dir(&programs).unwrap();
        symlink(env!("CARGO_BIN_EXE_rostersync"), programs.join("rostersync")).unwrap();
    }
    let path = std::env::var("PATH").unwrap_or_default();
    // In a new folder it is what `init` writes.
    let config = if district.path("config.example.toml").exists() { "config.example.toml" } else { "" };
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", line])
        .current_dir(district.path(""))
        .env("PATH", format!("{}:{path}", programs.display()))
        .env("ROSTERSYNC_CONFIG", config)
        .env("ROSTERSYNC_ALLOW_ROOT", "true")
        .env("ROSTERSYNC_NOW", "2026-11-26T08:15:00Z")
        .output()
        .unwrap();
    let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (output.status.code().unwrap_or(-1), said.concat())
}

#[test]
fn the_commands_of_the_pages_run() {
    let (mut wrong, mut count) = (Vec::new(), 0);
    // A scene is made once, and copied for each page.
    let mut made: BTreeMap<String, District> = BTreeMap::new();
    let readme = fs::read_to_string(Path::new(ROOT).join("README.md")).unwrap();
    let others = pages().into_iter().map(|name| (name.clone(), page(&name)));
    for (name, text) in others.chain([("README.md".to_owned(), readme)]) {
        // The blocks of a page that have the same scene run in one folder, one after the other.
        let mut scenes: Vec<(String, District)> = Vec::new();
        for Commands { place, mark, lines } in commands(&name, &text) {
            if mark.starts_with("not run: ") || mark.starts_with("ci: ") {
                continue;
            }
            let Some(named) = mark.strip_prefix("run: ") else {
                wrong.push(format!(
                    "{place}: no `<!-- run: SCENE -->` or `<!-- not run: REASON -->` before it"
                ));
                continue;
            };
            let (named, also) = named.rsplit_once(", exits ").unwrap_or((named, "0"));
            let also: i32 = also.parse().unwrap();
            if !scenes.iter().any(|(known, _)| known == named) {
                let original = made.entry(named.to_owned()).or_insert_with(|| scene(named));
                let district = District::new();
                copy(&original.path(""), &district.path(""));
                scenes.push((named.to_owned(), district));
            }
            let (_, district) = scenes.iter().find(|(known, _)| known == named).unwrap();
            for line in joined(&lines) {
                count += 1;
                let (exit, said) = shell(district, &line);
                if exit != 0 && exit != also {
                    wrong.push(format!("{place}: `{line}` ends with {exit}:\n{said}"));
                }
            }
        }
    }
    assert!(count > 20, "{count}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// What cron gives to the shell: the part of a line after the five times and the user.
fn cron_commands(text: &str) -> Vec<String> {
    let blocks = text.split("```crontab\n").skip(1).filter_map(|rest| rest.split("```").next());
    let lines =
        blocks.flat_map(str::lines).filter(|line| line.starts_with(|c: char| c.is_ascii_digit() || c == '*'));
    let command = |line: &str| {
        let mut rest = line;
        for _ in 0..6 {
            rest = rest.trim_start().split_once(' ').unwrap().1;
        }
        // For cron a percent sign is the end of the line.
        assert!(!rest.replace("\\%", "").contains('%'), "{line}");
        rest.trim_start().replace("\\%", "%")
    };
    lines.map(command).collect()
}

#[test]
fn the_lines_for_cron_run() {
    let district = scene("after three nights");
    fleet(&district);
    for folder in ["nas", "office"] {
        fs::create_dir(district.path(folder)).unwrap();
    }
    let mut count = 0;
    for name in pages() {
        for command in cron_commands(&page(&name)) {
            count += 1;
            // The places of a district are folders here, and no test waits for an hour.
            let mut here = command.clone();
            for (there, own) in [
                ("/usr/local/bin/rostersync", "rostersync"),
                ("/etc/rostersync/rostersync.toml", "config.example.toml"),
                ("/etc/rostersync/districts", "districts"),
                ("/mnt/nas", "nas"),
                ("/srv/office", "office"),
                ("sleep 3600", "true"),
            ] {
                here = here.replace(there, own);
            }
            let (exit, said) = shell(&district, &here);
            assert!([0, 3].contains(&exit), "{name}: `{command}` ends with {exit}:\n{said}");
        }
    }
    assert!(count >= 8, "{count}");
}

/// Lines that end with a backslash go on in the next one.
fn joined(lines: &[String]) -> Vec<String> {
    let mut commands = vec![String::new()];
    for line in lines.iter().filter(|line| !line.is_empty()) {
        let last = commands.last_mut().unwrap();
        match line.strip_suffix('\\') {
            Some(part) => last.push_str(part),
            None => {
                last.push_str(line);
                commands.push(String::new());
            }
        }
    }
    commands.retain(|command| !command.is_empty());
    commands
}

/// `[title](page.md)` of a text.
fn links(text: &str) -> Vec<String> {
    let links = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    links.map(|link| link.split('#').next().unwrap_or(link).to_owned()).collect()
}

#[test]
fn the_book_has_every_page_once() {
    let listed = links(&page("SUMMARY.md"));
    let known: BTreeSet<&String> = listed.iter().collect();
    assert_eq!(known.len(), listed.len(), "a page is listed twice");
    let mut all: BTreeSet<String> = pages().into_iter().collect();
    all.remove("SUMMARY.md");
    assert_eq!(listed.iter().cloned().collect::<BTreeSet<_>>(), all);
}

#[test]
fn links_of_all_pages_lead_to_files() {
    let mut broken = Vec::new();
    for name in pages() {
        let folder = Path::new(ROOT).join("docs").join(&name).parent().unwrap().to_path_buf();
        let text = page(&name);
        // Code is no link.
        let prose: String = text.split("```").step_by(2).collect();
        for link in links(&prose).iter().filter(|link| !link.contains("://") && !link.is_empty()) {
            if !folder.join(link).exists() {
                broken.push(format!("{name}: {link}"));
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

/// All texts of the source, without the line breaks that Rust's strings leave out.
fn source() -> String {
    let (mut text, mut folders) = (String::new(), vec![Path::new(ROOT).join("src")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path: PathBuf = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let code = fs::read_to_string(path).unwrap();
                let mut lines = code.lines().peekable();
                while let Some(line) = lines.next() {
                    match line.strip_suffix('\\') {
                        Some(part) => {
                            text.push_str(part);
                            let next = lines.next().unwrap_or_default();
                            text.push_str(next.trim_start());
                        }
                        None => text.push_str(line),
                    }
                    text.push('\n');
                }
            }
        }
    }
    text
}

#[test]
fn the_messages_of_troubleshooting_are_those_of_the_program() {
    let source = source();
    let page = page("troubleshooting.md");
    let mut count = 0;
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let message = row.split('`').nth(1).unwrap();
        count += 1;
        for part in message.split('…').map(str::trim).filter(|part| part.len() > 3) {
            assert!(source.contains(part), "no message has `{part}`");
        }
    }
    assert!(count > 25, "{count}");
}

/// The page of all keys, as config.example.toml has them.
fn keys() -> String {
    let example = fs::read_to_string(Path::new(ROOT).join("config.example.toml")).unwrap();
    let mut text = String::from(
        "# Every key of the configuration\n\n\
         Made from [`config.example.toml`](../config.example.toml) by a test. A value in brackets is the\n\
         default, or an example where the text says so; the others are those of the example, which works on\n\
         the district in `fixtures/`. [configuration.md](configuration.md) explains how the inputs belong\n\
         together.\n",
    );
    let (mut said, mut begun) = (Vec::<String>::new(), false);
    for line in example.lines() {
        let is_comment = line.starts_with('#');
        let bare = line.trim_start_matches('#').trim();
        let name = bare.trim_matches(['[', ']']);
        let is_section = bare.starts_with('[')
            && bare.ends_with(']')
            && name.chars().all(|c| c.is_ascii_lowercase() || matches!(c, '.' | '_'));
        let key = bare
            .split_once(" = ")
            .filter(|(key, _)| key.chars().all(|c| c.is_ascii_lowercase() || c == '_') && toml_value(bare));
        if bare.is_empty() {
            said.clear();
        } else if is_section {
            let about = std::mem::take(&mut said).join(" ");
            text.push_str(&format!("\n## `{bare}`\n\n"));
            if !about.is_empty() {
                text.push_str(&format!("{}\n\n", wrapped(&about)));
            }
            begun = false;
        } else if let Some((key, value)) = key {
            if !begun {
                text.push_str("| key | value | |\n|---|---|---|\n");
                begun = true;
            }
            let cell = |text: &str| text.replace('|', "\\|");
            let value = value.split(" #").next().unwrap_or(value).trim();
            let value =
                if is_comment { format!("(`{}`)", cell(value)) } else { format!("`{}`", cell(value)) };
            let about = std::mem::take(&mut said).join(" ");
            text.push_str(&format!("| `{key}` | {value} | {} |\n", cell(&about)));
        } else if is_comment {
            said.push(bare.split_whitespace().collect::<Vec<_>>().join(" "));
        }
    }
    text
}

/// Whether a line is a key with a value, and no sentence with an equals sign.
fn toml_value(line: &str) -> bool {
    let value = line.split_once(" = ").map_or("", |(_, value)| value);
    value.starts_with(['"', '[', '{', '\''])
        || value.starts_with(|c: char| c.is_ascii_digit())
        || value.starts_with("true")
        || value.starts_with("false")
}

fn wrapped(text: &str) -> String {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.last_mut().unwrap();
        if !last.is_empty() && last.chars().count() + 1 + word.chars().count() > 100 {
            lines.push(word.to_owned());
        } else {
            if !last.is_empty() {
                last.push(' ');
            }
            last.push_str(word);
        }
    }
    lines.join("\n")
}

#[test]
fn every_key_is_on_its_page() {
    let path = Path::new(ROOT).join("docs/keys.md");
    let made = keys();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &made).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == made, "docs/keys.md is old: UPDATE_DOCS=1 cargo test --test main -- docs::every_key");
}
