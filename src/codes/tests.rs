use std::collections::BTreeSet;

use super::*;
use crate::attempt::Ending;

#[test]
fn every_entry_has_whole_sentences() {
    for entry in all() {
        for text in [entry.meaning, entry.cause, entry.cure] {
            assert!(text.ends_with(['.']) && text.len() > 7, "{}: {text}", entry.code);
            assert!(!text.contains("  "), "{}: {text}", entry.code);
        }
        let named = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(entry.code.chars().all(named), "{}", entry.code);
    }
}

#[test]
fn no_code_has_two_entries_of_one_kind_and_the_kinds_are_in_order() {
    let mut seen = BTreeSet::new();
    let mut kinds: Vec<Kind> = Vec::new();
    for entry in all() {
        assert!(seen.insert((entry.kind, entry.code)), "{} is there twice", entry.code);
        assert_eq!(entry.exits.is_empty(), entry.kind != Kind::ExitStatus, "{}", entry.code);
        if kinds.last() != Some(&entry.kind) {
            kinds.push(entry.kind);
        }
    }
    assert_eq!(kinds, Kind::ALL);
}

#[test]
fn every_exit_status_is_explained_by_its_word_and_its_number() {
    let more = [Ending::Late, Ending::Changes, Ending::ChangesPeople];
    let signals = [1, 2, 15].map(|signal| Ending::Failed(crate::failure::Kind::Interrupted(signal)));
    let all = Ending::ALL.into_iter().chain(more).chain(signals);
    for ending in all.filter(|ending| ending.exit() != 128) {
        let entry = explain_all(ending.word()).find(|entry| entry.kind == super::Kind::ExitStatus);
        let entry = entry.unwrap_or_else(|| panic!("{} has no entry", ending.word()));
        assert!(entry.exits.contains(&ending.exit()), "{}", ending.word());
        assert!(explain_all(&ending.exit().to_string()).any(|same| same == entry));
    }
    assert_eq!(explain_all("3").map(|entry| entry.code).collect::<Vec<_>>(), ["partial", "attention"]);
}

/// Code of `src` without tests, by path.
fn sources(folder: &std::path::Path, take: &mut impl FnMut(&std::path::Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, take);
        } else if path.extension().is_some_and(|extension| extension == "rs") && !path.ends_with("tests.rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap();
            take(&path, code);
        }
    }
}

/// The text of the first argument of a call, if it is a literal.
fn first_literal(call: &str) -> Option<&str> {
    call.trim_start().strip_prefix('"')?.split_once('"').map(|(code, _)| code)
}

/// Codes that are made elsewhere than in the call are caught when a test meets them:
/// `Findings::add` asserts that each has an entry.
#[test]
fn every_finding_in_the_source_has_an_entry() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = BTreeSet::new();
    sources(&root, &mut |path, code| {
        for call in ["warn(", "error(", "attention(", "broken(", "missing.push(("] {
            for (at, _) in code.match_indices(call) {
                let Some(code) = first_literal(&code[at + call.len()..]) else { continue };
                let named = code.chars().all(|c| c.is_ascii_lowercase() || c == '-');
                if !named || code.is_empty() {
                    continue;
                }
                assert!(explain(code).is_some(), "{}: {code} has no entry", path.display());
                found.insert(code.to_owned());
            }
        }
    });
    assert!(found.len() > 60, "{found:?}");
}

/// `docs/codes.md` is printed from here. After a wanted change: `UPDATE_DOCS=1 cargo test codes`.
#[test]
fn the_codes_in_the_docs_are_these() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/codes.md");
    let page = page();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(path, &page).unwrap();
    }
    assert_eq!(std::fs::read_to_string(path).unwrap_or_default(), page, "docs/codes.md is out of date");
}

fn page() -> String {
    let mut page = String::from(
        "# Every code\n\nPrinted from the program by its test. `rostersync codes` prints the same list, and\n\
         `rostersync codes CODE` explains one code. Codes are stable: they keep their meaning.\n",
    );
    for kind in Kind::ALL {
        page.push_str(&format!(
            "\n## {}\n\n| code | meaning | cause | what to do |\n|---|---|---|---|\n",
            kind.title()
        ));
        for entry in all().filter(|entry| entry.kind == kind) {
            let Entry { meaning, cause, cure, .. } = entry;
            let numbers: Vec<String> = entry.exits.iter().map(u8::to_string).collect();
            let code = match numbers.is_empty() {
                true => format!("`{}`", entry.code),
                false => format!("{} `{}`", numbers.join(", "), entry.code),
            };
            page.push_str(&format!("| {code} | {meaning} | {cause} | {cure} |\n").replace('\u{a6}', "\\|"));
        }
    }
    page
}
