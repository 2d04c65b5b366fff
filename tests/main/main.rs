//! The end-to-end tests: a district in a folder, the built program, what it says and what it leaves
//! behind.
//!
//! One binary, a module for each feature. What can be told from a district's own files (a report, a
//! mail, an exit status) is tested here; what cannot, beside the code.
#![expect(clippy::unwrap_used, reason = "in a test a panic is the message")]

mod anonymise;
mod api_access;
mod api_oddities;
mod architecture;
mod attempts;
mod backups;
mod broken_off;
mod cases;
mod causes;
mod changes;
mod checking;
mod clever;
mod clever_events;
mod cluster;
mod codes;
mod commands;
mod completions;
mod configuration;
mod conformance;
mod contacts;
mod copies;
mod corrections;
mod crash;
mod crowds;
mod delivery;
mod delta;
mod distinct;
mod docs;
mod dry_run;
mod editing;
mod erase;
mod excerpts;
mod explain;
mod export;
mod fake;
mod faults;
mod fixtures;
mod fleet;
mod fuzz;
mod grace;
mod grouping;
mod guardians;
mod held;
mod history;
mod html;
mod http_server;
mod include;
mod incremental;
mod lagging_export;
mod limits;
mod links;
mod machine;
mod mail_odds;
mod mail_server;
mod mistakes;
mod model;
mod notify;
mod oauth1;
mod oneroster_api;
mod oneroster_pages;
mod opt_outs;
mod other_form;
mod pace;
mod passed_on;
mod pause;
mod people;
mod platform;
mod policy;
mod preferred_names;
mod presence;
mod preview_formats;
mod progress;
mod properties;
mod protect;
mod protection;
mod purge;
mod push;
mod python;
mod real_servers;
mod recognition;
mod redact;
mod reference;
mod rekey;
mod relays;
mod report;
mod reused;
mod role_dates;
mod same_person;
mod samples;
mod scale;
mod school_limits;
mod schools_and_links;
mod security;
mod setting;
mod settle;
mod setup;
mod several_records;
mod sftp;
mod shapes;
mod shapes_of_ids;
mod shared;
mod shortcut;
mod sis;
mod source;
mod support;
mod suppress;
mod switching_on;
mod systemd;
mod tampering;
mod telling;
mod ten_years;
mod terminal;
mod texts;
mod undelivered;
mod undo;
mod values;
mod who_counts;
mod words;

/// A file that is not listed above would never be compiled, without any sign of it.
#[test]
fn no_file_is_forgotten() {
    let listed = include_str!("main.rs");
    for entry in std::fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/main")).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else { continue };
        assert!(listed.contains(&format!("\nmod {module};\n")), "tests/main/{name} is not listed in main.rs");
    }
}
