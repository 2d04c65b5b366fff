//! `include`: the keys that several districts share are in a file of their own. A value and a mistake
//! have the file and line that they stand in.

use std::os::unix::fs::PermissionsExt;

use crate::support::{District, person};

const DEFAULTS: &str = "\
[sync]
store = \"data/rostersync.db\"
timezone = \"America/Chicago\"
roles = [\"teacher\", \"guardian\"]
keep_reports = 30

[sync.role_names]
\"ext:head\" = \"administrator\"
\"ext:carer\" = \"relative\"

[source]
type = \"oneroster-csv\"
path = \"sis\"

[notify]
platform = \"ClassTag\"
district = \"The region\"

[notify.email]
server = \"smtp://relay.region.example\"
from = \"no-reply@region.example\"
user = \"region\"
password_file = \"/etc/region/password\"
";

const OWN: &str = "\
include = \"../defaults.toml\"

[sync]
keep_reports = 60
roles = [\"teacher\"]
role_names = { \"ext:head\" = \"teacher\" }

[notify]
district = \"Lincoln\"

[notify.email]
password_env = \"LINCOLN_PASSWORD\"
";

fn region() -> District {
    let district = District::new();
    district.file("defaults.toml", DEFAULTS);
    district.file("lincoln/rostersync.toml", OWN);
    district.file("lincoln/sis/users.csv", crate::support::users_csv(&["sourcedId", "role"], &[]));
    district
}

#[test]
fn the_own_value_wins_and_config_show_names_the_file_and_line_of_each() {
    let district = region();
    let mut command = district.command(&["-c", "lincoln/rostersync.toml", "config", "show"]);
    let shown = district.done(command.env("ROSTERSYNC_SYNC_TIMEZONE", "America/Denver")).ok().stdout;
    let folder = district.path("lincoln").display().to_string();
    assert!(
        shown.starts_with(&format!(
            "# The configuration in effect: {folder}/rostersync.toml\n# It includes: {folder}/../defaults.toml\n\n[sync]\n"
        )),
        "{shown}"
    );
    for (value, origin) in [
        // A relative path of the shared file starts at the folder of the district.
        (format!("store = \"{folder}/data/rostersync.db\""), "../defaults.toml:2"),
        (format!("path = \"{folder}/sis\""), "../defaults.toml:13"),
        ("keep_reports = 60".to_owned(), "rostersync.toml:4"),
        // A list is one value, tables are merged.
        ("roles = [\"teacher\"]".to_owned(), "rostersync.toml:5"),
        (
            "role_names = { \"ext:carer\" = \"relative\", \"ext:head\" = \"teacher\" }".to_owned(),
            "rostersync.toml:6",
        ),
        ("timezone = \"America/Denver\"".to_owned(), "$ROSTERSYNC_SYNC_TIMEZONE"),
        ("district = \"Lincoln\"".to_owned(), "rostersync.toml:9"),
        ("platform = \"ClassTag\"".to_owned(), "../defaults.toml:16"),
        ("server = \"smtp://relay.region.example:587\"".to_owned(), "../defaults.toml:20"),
        // A secret in another form stands in place of the shared one.
        ("password_env = \"LINCOLN_PASSWORD\"".to_owned(), "rostersync.toml:12"),
        ("html = false".to_owned(), "default"),
    ] {
        let line = shown.lines().find(|line| line.starts_with(&value));
        let line = line.unwrap_or_else(|| panic!("{value} is not in\n{shown}"));
        assert!(line.ends_with(&format!("# {origin}")), "{line}");
    }
    assert!(!shown.contains("password_file"), "{shown}");
    let json = district.cli(&["-c", "lincoln/rostersync.toml", "config", "show", "--json"]).ok().json();
    let of = |key: &str| json.as_array().unwrap().iter().find(|entry| entry["key"] == key).unwrap().clone();
    assert_eq!(of("platform")["file"], format!("{folder}/../defaults.toml:16"));
    assert_eq!(of("keep_reports")["file"], format!("{folder}/rostersync.toml:4"));
    // What is shown is a configuration again, without the other file.
    district.file("whole.toml", &shown);
    let again = district.cli(&["-c", "whole.toml", "config", "show"]).ok().stdout;
    assert!(again.contains("\nkeep_reports = 60 ") && !again.contains("It includes"), "{again}");
}

#[test]
fn a_section_of_another_type_takes_nothing_over() {
    let district = region();
    let shared = DEFAULTS.replace("path = \"sis\"\n", "path = \"sis\"\nmode = \"bulk\"\n");
    district.file("defaults.toml", shared);
    district.file(
        "clever.toml",
        "include = \"defaults.toml\"\n[source]\ntype = \"clever\"\n[source.auth]\ntype = \"bearer\"\ntoken_env = \"T\"\n",
    );
    let shown = district.cli(&["-c", "clever.toml", "config", "show"]).ok().stdout;
    assert!(shown.contains("type = \"clever\"") && !shown.contains("\"bulk\""), "{shown}");
}

#[test]
fn a_mistake_is_shown_in_the_file_and_line_that_it_stands_in() {
    let district = region();
    let said = |own: &str, shared: &str, place: &str, what: &str, mark: &str, cure: &str| {
        district.file("lincoln/rostersync.toml", own);
        district.file("defaults.toml", shared);
        let done = district.cli(&["-c", "lincoln/rostersync.toml", "config", "show"]).exits(2);
        let place = district.path("lincoln").join(place).display().to_string();
        done.complains(&[&place, what, mark, cure]);
    };
    let wrong = |old: &str, new: &str| DEFAULTS.replace(old, new);
    said(
        OWN,
        &wrong("keep_reports", "keep_report"),
        "../defaults.toml:5:1",
        "unknown key `keep_report` in [sync]",
        "5 | keep_report = 30\n    | ^^^^^^^^^^^\n",
        "did you mean `keep_reports`?",
    );
    said(
        OWN,
        &wrong("\"ClassTag\"", "5"),
        "../defaults.toml:16:12",
        "`platform` in [notify] is the number 5, but has to be text in quotes",
        "16 | platform = 5\n     |            ^\n",
        "write for example",
    );
    said(OWN, &wrong("\"sis\"", "sis"), "../defaults.toml:13:8", "not TOML", "^^^", "write text in quotes");
    let own = OWN.replace("keep_reports = 60", "keep_reports = \"60\"");
    said(&own, DEFAULTS, "rostersync.toml:4:16", "`keep_reports` in [sync] is the text", "^^^^", "90");
    // Keys that are each valid, and do not fit together.
    let own = OWN.replace("password_env = \"LINCOLN_PASSWORD\"\n", "server = \"file:mail/\"\n");
    said(&own, DEFAULTS, "../defaults.toml:22:1", "has no effect where mail is written", "^^^^", "remove it");
    // The files themselves.
    let own = OWN.replace("../defaults.toml", "../default.toml");
    let place = district.path("lincoln/rostersync.toml:1:1").display().to_string();
    said(
        &own,
        DEFAULTS,
        "../default.toml",
        "the included configuration file does not exist",
        &format!("check `include` at {place}; a relative path starts at the folder of that file"),
        "",
    );
    said(
        OWN,
        &format!("include = \"more.toml\"\n{DEFAULTS}"),
        "../defaults.toml:1:1",
        "an included file cannot include another one",
        "1 | include = \"more.toml\"\n    | ^^^^^^^\n",
        "move the keys of both into one file",
    );
    let itself = OWN.replace("../defaults.toml", "rostersync.toml");
    said(&itself, DEFAULTS, "rostersync.toml:1:1", "an included file cannot include another one", "^", "");
    let below = OWN.replace("include = \"../defaults.toml\"\n", "") + "include = \"../defaults.toml\"\n";
    said(
        &below,
        DEFAULTS,
        "rostersync.toml:12:1",
        "unknown key `include` in [notify.email]",
        "^^^^^^^",
        "write it above the first section",
    );
    let number = OWN.replace("\"../defaults.toml\"", "5");
    said(&number, DEFAULTS, "rostersync.toml:1:11", "`include` is the number 5", "^", "include = ");
}

#[test]
fn secrets_and_rules_of_the_shared_file_are_named_by_its_lines() {
    let district = District::new();
    district.sis(&[person("gua-1").agents("stu-1"), person("stu-1")]);
    district.file(
        "defaults.toml",
        "[monitor]\nping_url = \"http://127.0.0.1:9/secret-of-all\"\n\n[[contacts.rule]]\nwhere = { custody = \"No\" }\nclass = \"never\"\n",
    );
    let open = std::fs::Permissions::from_mode(0o644);
    std::fs::set_permissions(district.path("defaults.toml"), open).unwrap();
    district.file("lincoln.toml", format!("include = \"defaults.toml\"\n{}", district.config()));
    let done = district.cli(&["-c", "lincoln.toml", "check"]).exits(7);
    let (said, shared) = (format!("{}{}", done.stdout, done.stderr), district.path("defaults.toml"));
    assert!(said.contains(&format!("{}:2: warning[secret-exposed]", shared.display())), "{said}");
    assert!(said.contains(&format!("{}:4", shared.display())), "{said}");
    assert!(said.contains("a rule of [contacts] uses the column custody"), "{said}");
    assert!(!said.contains("secret-of-all"), "{said}");
}

#[test]
fn districts_with_one_store_are_refused_before_any_of_them_starts() {
    let district = District::new();
    let people = crate::support::users_csv(&crate::support::COLUMNS, &[person("tea-1")]);
    let source = "[source]\ntype = \"oneroster-csv\"\npath = \"sis\"\n";
    district.file("all/defaults.toml", source);
    district.file("all/sis/users.csv", &people);
    district.file("all/adams.toml", "include = \"defaults.toml\"\n[sync]\nreports = \"adams/reports\"\n");
    district.file("all/boone.toml", "include = \"defaults.toml\"\n[sync]\nreports = \"boone/reports\"\n");
    let folder = district.path("all").canonicalize().unwrap();
    for command in ["run", "check"] {
        district.cli(&["fleet", command, "all"]).exits(2).complains(&[
            &format!(
                "the districts `adams` and `boone` have the same store: {}/rostersync.db",
                folder.display()
            ),
            "adams.toml",
            "boone.toml",
            "write another `store` in [sync] in one of the two, such as \"boone/rostersync.db\"",
        ]);
    }
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 4, "nothing was made");
    // What is shared starts at the folder of each district, so that in folders of their own it is two stores.
    for name in ["adams", "boone"] {
        std::fs::remove_file(folder.join(format!("{name}.toml"))).unwrap();
        district.file(&format!("all/{name}/rostersync.toml"), "include = \"../defaults.toml\"\n[sync]\n");
        district.file(&format!("all/{name}/sis/users.csv"), &people);
    }
    district.cli(&["fleet", "run", "all"]).ok();
    for name in ["adams", "boone"] {
        assert!(folder.join(name).join("rostersync.db").exists());
    }
}
