//! The edges between modules that must never be, read from the `use` lines and paths of the source.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src/`, without its tests.
struct Source {
    /// The room: the first part of the path.
    module: String,
    /// The whole path as a module: `plan::survey::read`.
    name: String,
    path: PathBuf,
    /// Lines of code, by number; comments are left out.
    lines: Vec<(usize, String)>,
}

impl Source {
    fn read(root: &Path, path: &Path) -> Self {
        let relative = path.strip_prefix(root).unwrap();
        let name = relative.with_extension("").to_str().unwrap().replace('/', "::");
        let text = fs::read_to_string(path).unwrap();
        // Tests beside the code may use what they like.
        let code = match name.split("::").any(|part| part == "tests") {
            true => "",
            false => text.split("#[cfg(test)]\nmod tests {").next().unwrap(),
        };
        let lines = code
            .lines()
            .enumerate()
            .map(|(number, line)| (number + 1, line.to_owned()))
            .filter(|(_, line)| !line.trim_start().starts_with("//"))
            .collect();
        let module = name.split("::").next().unwrap().to_owned();
        Self { module, name, path: relative.to_owned(), lines }
    }

    /// The paths that this file names with `crate::`, `super::` or `self::`, written out from the
    /// root of the crate, those in braces one by one.
    fn paths(&self) -> Vec<String> {
        let code: String = self.lines.iter().flat_map(|(_, line)| [line, "\n"]).collect();
        let mut found = Vec::new();
        for (word, start) in
            [("crate::", ""), ("self::", self.name.as_str()), ("super::", parent(&self.name))]
        {
            for (at, _) in code.match_indices(word) {
                let before = code[..at].chars().next_back().unwrap_or(' ');
                if before.is_ascii_alphanumeric() || before == '_' || before == ':' {
                    continue;
                }
                let (mut start, mut rest) = (start, &code[at + word.len()..]);
                while let Some(further) = rest.strip_prefix("super::") {
                    (start, rest) = (parent(start), further);
                }
                written_out(start, rest, &mut found);
            }
        }
        found
    }
}

fn parent(name: &str) -> &str {
    name.rsplit_once("::").map_or("", |(parent, _)| parent)
}

/// Adds the path that stands at the beginning of `text`, or each one of its braces, below `start`.
fn written_out(start: &str, text: &str, found: &mut Vec<String>) {
    let join =
        |more: &str| [start, more].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join("::");
    let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_' && c != ':').unwrap_or(text.len());
    let path = text[..end].trim_end_matches(':');
    match text[end..].strip_prefix('{') {
        None => found.push(join(path)),
        Some(list) => {
            let (mut depth, mut begin) = (0, 0);
            for (at, c) in list.char_indices() {
                match c {
                    '{' => depth += 1,
                    ',' | '}' if depth == 0 => {
                        written_out(&join(path), list[begin..at].trim(), found);
                        begin = at + 1;
                        if c == '}' {
                            break;
                        }
                    }
                    '}' => depth -= 1,
                    _ => {}
                }
            }
        }
    }
}

fn sources() -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    let mut folders = vec![root.clone()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(Source::read(&root, &path));
            }
        }
    }
    assert!(found.len() > 50, "{}", found.len());
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// The files that each file uses. A module may use what is declared above it (its parent's types);
/// that is no arrow here, but the way in which a folder belongs together.
fn arrows() -> BTreeMap<String, BTreeSet<String>> {
    let sources = sources();
    let names: BTreeSet<&str> = sources.iter().map(|source| source.name.as_str()).collect();
    let file_of = |path: &str| {
        let mut path = path;
        while !path.is_empty() && !names.contains(path) {
            path = parent(path);
        }
        path.to_owned()
    };
    let mut arrows = BTreeMap::new();
    for source in &sources {
        let mut used: BTreeSet<String> = source.paths().iter().map(|path| file_of(path)).collect();
        // Its own children by their bare names.
        for child in names.iter().filter(|name| parent(name) == source.name) {
            let bare = format!("{}::", child.rsplit("::").next().unwrap());
            if source.lines.iter().any(|(_, line)| line.contains(&bare)) {
                used.insert((*child).to_owned());
            }
        }
        let above =
            |name: &String| name.is_empty() || format!("{}::", source.name).starts_with(&format!("{name}::"));
        used.retain(|name| !above(name));
        arrows.insert(source.name.clone(), used);
    }
    arrows
}

/// The modules, from the ground up: each uses only those of the lines above its own.
const LAYERS: [&[&str]; 14] = [
    &["codes"],
    &[
        "cache", "contact", "erased", "failure", "findings", "message", "near", "owner", "plural", "policy",
        "rights",
    ],
    &[
        "last_night",
        "attempt",
        "lanes",
        "lock",
        "mailbox",
        "report",
        "roster",
        "roles",
        "scratch",
        "secret",
        "sent",
        "spool",
        "tls",
    ],
    &["value", "history"],
    &["account"],
    &["source", "store"],
    &["config"],
    &["anonymise", "output", "platform", "rules", "suppressed"],
    &["roster_index"],
    &["plan"],
    &["notify"],
    &["people"],
    &["run", "fleet"],
    &["cli"],
];

/// A user of the SIS has roles, and a role is read from a user's record: these two are one.
const ONE: [&str; 2] = ["roster", "roles"];

fn room(name: &str) -> &str {
    name.split("::").next().unwrap()
}

#[test]
fn each_module_uses_only_modules_of_lower_layers() {
    let layer = |name: &str| {
        let found = LAYERS.iter().position(|layer| layer.contains(&name));
        found.unwrap_or_else(|| panic!("`LAYERS` does not list the module {name}"))
    };
    for (file, used) in arrows().iter().filter(|(file, _)| !["lib", "main"].contains(&file.as_str())) {
        for name in used {
            let (from, to) = (room(file), room(name));
            let one = from == to || ONE.contains(&from) && ONE.contains(&to);
            assert!(one || layer(to) < layer(from), "{file} must not use {name}");
        }
    }
}

/// The modules in which some files still use each other. Files of two modules never do.
const CIRCLES_WITHIN: [&str; 6] = ["config", "plan", "report", "roster", "source", "value"];

#[test]
fn no_files_use_each_other_in_a_circle() {
    let arrows = arrows();
    let reaches = |from: &str| {
        let (mut reached, mut next) = (BTreeSet::new(), vec![from.to_owned()]);
        while let Some(file) = next.pop() {
            for used in arrows.get(&file).into_iter().flatten() {
                if reached.insert(used.clone()) {
                    next.push(used.clone());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        arrows.keys().map(|file| (file, reaches(file))).collect();
    for (file, all) in reached.iter().filter(|(file, all)| all.contains(**file)) {
        let circle: Vec<&String> = all.iter().filter(|other| reached[other].contains(*file)).collect();
        let rooms: BTreeSet<&str> =
            circle.iter().map(|file| if ONE.contains(&room(file)) { "roster" } else { room(file) }).collect();
        let known = rooms.len() == 1 && rooms.iter().all(|room| CIRCLES_WITHIN.contains(room));
        assert!(known, "these files use each other: {circle:?}");
    }
}

/// What this module must not name.
fn forbid(module: &str, others: &[&str]) {
    let mut looked = 0;
    for source in sources().iter().filter(|source| source.module == module) {
        looked += source.lines.len();
        for path in source.paths() {
            let name = path.split("::").next().unwrap();
            assert!(!others.contains(&name), "src/{}: {module} must not use {path}", source.path.display());
        }
    }
    assert!(looked > 20, "there is no module {module}");
}

/// A crate that only these modules may use.
fn only(modules: &[&str], krate: &str) {
    let mut used = false;
    for source in sources() {
        for (number, line) in &source.lines {
            let uses = line.match_indices(krate).any(|(at, _)| {
                let before = line[..at].chars().next_back();
                let after = &line[at + krate.len()..];
                let whole =
                    before.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_' && c != ':' && c != '.');
                whole && (after.starts_with("::") || after.starts_with(';'))
            });
            used |= uses;
            assert!(
                !uses || modules.contains(&source.module.as_str()),
                "src/{}:{number}: only {modules:?} may use {krate}: {line}",
                source.path.display()
            );
        }
    }
    assert!(used, "no module uses {krate}: is it spelt otherwise?");
}

#[test]
fn policy_knows_nothing_but_itself() {
    let others: Vec<String> =
        sources().iter().map(|source| source.module.clone()).filter(|name| name != "policy").collect();
    forbid("policy", &others.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn source_knows_no_store_no_plan_no_policy() {
    forbid(
        "source",
        &["store", "plan", "policy", "account", "platform", "report", "notify", "run", "cli", "config"],
    );
}

#[test]
fn store_knows_no_files_of_the_sis() {
    forbid("store", &["source", "platform", "plan", "report", "notify", "run", "cli", "config", "people"]);
    // Of the policy it knows the permit alone, which every edit needs.
    for source in sources().iter().filter(|source| source.module == "store") {
        for (number, line) in source.lines.iter().filter(|(_, line)| line.contains("crate::policy")) {
            assert_eq!(line, "use crate::policy::Permit;", "src/{}:{number}", source.path.display());
        }
    }
}

#[test]
fn plan_knows_no_module_that_acts_on_it() {
    forbid("plan", &["cli", "notify", "run", "lock"]);
}

/// It is between the plan and its callers, and returns what is to be printed; others print it.
#[test]
fn people_know_no_files_of_the_sis_and_no_run() {
    forbid("people", &["cli", "run", "report", "source", "lock"]);
}

/// Details are edited through a permit; only what the sync and the platform say comes without one.
#[test]
fn accounts_are_replaced_only_where_the_policy_was_asked() {
    let allowed = [
        "run/apply.rs",
        "run/undo.rs",
        // It restores an account that the sync archived; it changes no details.
        "people/reused.rs",
        // What it writes it takes back.
        "run/undo/foresee.rs",
        "people/join.rs",
        "people/exchange.rs",
        "people/rekey.rs",
    ];
    for source in sources().iter().filter(|source| source.module != "store") {
        for (number, line) in source.lines.iter().filter(|(_, line)| line.contains("update_account(")) {
            let path = source.path.display().to_string();
            assert!(allowed.contains(&path.as_str()), "src/{path}:{number}: {line}");
        }
    }
}

/// The plan fills rows of the report, and the report knows nothing that could be in one.
#[test]
fn report_knows_nothing_of_the_rest() {
    let others: Vec<String> = sources().iter().map(|source| source.module.clone()).collect();
    let others = others.iter().map(String::as_str);
    forbid(
        "report",
        &others.filter(|name| !["report", "contact", "failure", "codes"].contains(name)).collect::<Vec<_>>(),
    );
}

#[test]
fn contact_and_roster_know_nothing_of_the_rest() {
    let rest = [
        "store", "plan", "policy", "source", "platform", "report", "notify", "run", "cli", "config",
        "account",
    ];
    forbid("contact", &rest);
    forbid("roster", &rest);
}

#[test]
fn no_other_module_knows_the_command_line() {
    for module in [
        "run", "plan", "notify", "report", "store", "source", "platform", "config", "lock", "failure",
        "findings", "people",
    ] {
        forbid(module, &["cli"]);
    }
}

#[test]
fn each_crate_has_one_owner() {
    only(&["cli"], "clap");
    only(&["cli"], "indicatif");
    only(&["cli"], "anstyle");
    only(&["cli"], "terminal_size");
    only(&["cli"], "signal_hook");
    only(&["cli"], "tracing_subscriber");
    only(&["store"], "rusqlite");
    only(&["notify", "mailbox"], "lettre");
    only(&["notify", "report"], "minijinja");
    only(&["anonymise", "source"], "zip");
    only(&["source", "notify"], "reqwest");
    only(&["source"], "hmac");
    only(&["source", "contact", "anonymise"], "encoding_rs");
    only(&["contact"], "rlibphonenumber");
    only(&["config", "notify"], "toml");
    only(&["platform", "people"], "csv");
}

#[test]
fn sql_is_at_home_in_the_store() {
    let words = ["SELECT ", "INSERT INTO", "DELETE FROM", "CREATE TABLE", "PRAGMA ", "UPDATE account"];
    for source in sources().iter().filter(|source| source.module != "store") {
        for (number, line) in &source.lines {
            let found = words.iter().find(|word| line.contains(*word));
            assert_eq!(found, None, "src/{}:{number}: {line}", source.path.display());
        }
    }
}

/// The middle is pure: no clock, no environment, no files, no log.
#[test]
fn the_middle_is_pure() {
    let impure = [
        "Utc::now",
        "Local::now",
        "SystemTime::now",
        "Instant::now",
        "std::env::",
        "std::fs",
        "File::open",
        "tracing::",
        "println!",
    ];
    for module in [
        "policy",
        "contact",
        "roster",
        "account",
        "roles",
        "rights",
        "rules",
        "roster_index",
        "plan",
        "codes",
    ] {
        for source in sources().iter().filter(|source| source.module == module) {
            // The spool is a temporary file, and says so.
            if source.path.ends_with("spool.rs") {
                continue;
            }
            for (number, line) in &source.lines {
                let found = impure.iter().find(|word| line.contains(*word));
                assert_eq!(found, None, "src/{}:{number}: {line}", source.path.display());
            }
        }
    }
}

/// A derived `Debug` would show details, and a log line or a failed test could print them.
#[test]
fn no_debug_output_shows_details() {
    let details =
        ["given_name", "family_name", "email", "sms", "phone", "home_phone", "recipient", "address"];
    // What was typed on the command line; clap asks for it.
    for source in sources().iter().filter(|source| source.name != "cli::users") {
        let mut lines = source.lines.iter();
        while let Some((number, line)) =
            lines.find(|(_, line)| line.contains("derive(") && line.contains("Debug"))
        {
            let fields =
                lines.by_ref().map(|(_, line)| line.trim()).take_while(|line| !line.starts_with('}'));
            let shown: Vec<&str> = fields
                .take_while(|line| !line.ends_with(';'))
                .filter_map(|line| line.trim_start_matches("pub ").split_once(": "))
                .filter(|(name, kind)| {
                    details.contains(name) && (kind.contains("String") || kind.contains("'a str"))
                })
                .map(|(name, _)| name)
                .collect();
            assert!(shown.is_empty(), "src/{}:{number}: {line} shows {shown:?}", source.path.display());
        }
    }
}
