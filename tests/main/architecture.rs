//! The edges between modules that must never be, read from the `use` lines and paths of the source.

use std::fs;
use std::path::{Path, PathBuf};

/// A file of `src/`: its module, and its lines of code.
struct Source {
    module: String,
    path: PathBuf,
    lines: Vec<(usize, String)>,
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
                let relative = path.strip_prefix(&root).unwrap();
                let first = relative.components().next().unwrap().as_os_str().to_str().unwrap();
                let module = first.trim_end_matches(".rs").to_owned();
                let text = fs::read_to_string(&path).unwrap();
                // Tests beside the code may use what they like.
                let is_test = relative
                    .components()
                    .any(|part| matches!(part.as_os_str().to_str(), Some("tests" | "tests.rs")));
                let code = if is_test { "" } else { text.split("#[cfg(test)]\nmod tests {").next().unwrap() };
                let lines = code
                    .lines()
                    .enumerate()
                    .map(|(number, line)| (number + 1, line.to_owned()))
                    .filter(|(_, line)| !line.trim_start().starts_with("//"))
                    .collect();
                found.push(Source { module, path: relative.to_owned(), lines });
            }
        }
    }
    assert!(found.len() > 50, "{}", found.len());
    found
}

/// The modules of this crate that a line names, as `crate::…`, also in braces.
fn named(line: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, start) in line.match_indices("crate::") {
        let rest = &line[at + start.len()..];
        let one = |text: &str| {
            text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or_default().to_owned()
        };
        match rest.strip_prefix('{') {
            Some(list) => {
                names.extend(list.split(['}', ';']).next().unwrap().split(',').map(|name| one(name.trim())))
            }
            None => names.push(one(rest)),
        }
    }
    names
}

/// What this module must not name.
fn forbid(module: &str, others: &[&str]) {
    let mut looked = 0;
    for source in sources().iter().filter(|source| source.module == module) {
        for (number, line) in &source.lines {
            looked += 1;
            for name in named(line) {
                assert!(
                    !others.contains(&name.as_str()),
                    "src/{}:{number}: {module} must not know {name}: {line}",
                    source.path.display()
                );
            }
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
    assert!(used, "nobody uses {krate}: is it spelt otherwise?");
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
    // Of the policy it knows the permit alone, without which it edits nobody.
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

/// It is between the plan and whoever calls it, and says what is to be said; others print it.
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
        &others.filter(|name| !["report", "contact", "failure"].contains(name)).collect::<Vec<_>>(),
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
    only(&["notify"], "minijinja");
    only(&["source"], "zip");
    only(&["source", "notify"], "reqwest");
    only(&["source"], "hmac");
    only(&["source"], "encoding_rs");
    only(&["contact"], "rlibphonenumber");
    only(&["config"], "toml");
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
    for module in ["policy", "contact", "roster", "account", "roles", "plan"] {
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
