use super::*;

const SMALLEST: &str = "[sync]\n[source]\ntype = \"oneroster-csv\"\npath = \"district/\"\n";

fn parse(text: &str) -> Result<Config> {
    Config::parse(text, Path::new("/etc/rs/rostersync.toml"))
}

/// The mistake's message as the user sees it.
fn mistake(text: &str) -> String {
    parse(text).expect_err("a mistake").to_string()
}

#[test]
fn the_smallest_configuration_has_the_documented_defaults() {
    let config = parse(SMALLEST).unwrap();
    assert!(!config.sync.update_contacts && !config.on_anywhere());
    assert_eq!(config.sync.store, Path::new("/etc/rs/rostersync.db"));
    assert_eq!(config.source.path, Path::new("/etc/rs/district/"));
    assert_eq!(config.sync.keep_reports, 90);
    assert_eq!(config.sync.roles.len(), 9);
    assert_eq!(config.limits.archive, Limit::Share(10.0));
    assert_eq!(config.limits.notifications, Limit::Count(500));
}

#[test]
fn an_absolute_path_stays() {
    let config =
        parse("[sync]\nstore = \"/var/lib/rs.db\"\n[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n")
            .unwrap();
    assert_eq!(config.sync.store, Path::new("/var/lib/rs.db"));
}

#[test]
fn a_misspelt_key_is_named_with_its_line_and_the_right_one() {
    let said = mistake("[sync]\nupdate_contact = true\n[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n");
    assert!(said.contains("unknown key `update_contact`"), "{said}");
    assert!(said.contains("/etc/rs/rostersync.toml:2:1"), "{said}");
    assert!(said.contains("did you mean `update_contacts`?"), "{said}");
}

#[test]
fn a_key_of_a_later_version_is_not_taken_for_a_typing_mistake() {
    let said = mistake(&format!("{SMALLEST}[notify]\nlanguage = \"es\"\n"));
    assert!(said.contains("`language` is not supported by this version yet"), "{said}");
    let said = mistake(&SMALLEST.replace("oneroster-csv", "clever"));
    assert!(said.contains("`clever` is not supported by this version yet"), "{said}");
    let said = mistake(&format!(
        "{SMALLEST}[notify.email]\nserver = \"smtp://relay:587\"\nfrom = \"a@b.example\"\n"
    ));
    assert!(said.contains("not supported by this version yet"), "{said}");
}

#[test]
fn a_bare_fraction_is_refused_with_the_share_that_was_meant() {
    let said = mistake(&format!("{SMALLEST}[limits]\narchive = 0.1\n"));
    assert!(said.contains("a bare fraction (0.1) is not a limit"), "{said}");
    assert!(said.contains("write \"10%\""), "{said}");
    assert!(parse(&format!("{SMALLEST}[limits]\narchive = 25\nrejected = \"2.5%\"\n")).is_ok());
    assert!(mistake(&format!("{SMALLEST}[limits]\narchive = \"110%\"\n")).contains("share such as"));
}

#[test]
fn wrong_values_say_what_would_be_right() {
    for (text, part) in [
        ("default_region = \"USA\"", "region code such as"),
        ("timezone = \"Chicago\"", "America/Chicago"),
        ("blank_values = \"wipe\"", "`keep` or `clear`"),
        ("phone_credential = \"mobile\"", "sms-then-phone"),
        ("roles = [\"studnet\"]", "did you mean `student`?"),
        ("ignore_emails = [\"a[\"]", "is not a pattern"),
    ] {
        let said = mistake(&SMALLEST.replace("[sync]\n", &format!("[sync]\n{text}\n")));
        assert!(said.contains(part), "{text}: {said}");
        assert!(said.contains("rostersync.toml:2"), "{text}: {said}");
    }
    let said = mistake(&format!("{SMALLEST}[platform]\nusers = \"p.csv\"\nmax_age = \"2 weeks\"\n"));
    assert!(said.contains("48h"), "{said}");
    let said =
        mistake(&format!("{SMALLEST}[platform]\nusers = \"p.csv\"\n[platform.columns]\nmail = \"Email\"\n"));
    assert!(said.contains("`mail` is not a column"), "{said}");
    let said = mistake(&format!(
        "{SMALLEST}[[school]]\nid=\"a\"\nupdate_contacts=true\n[[school]]\nid=\"a\"\nupdate_contacts=false\n"
    ));
    assert!(said.contains("`a` has two [[school]] entries"), "{said}");
}

#[test]
fn the_example_is_complete_and_says_the_defaults() {
    let text = include_str!("../../config.example.toml");
    let file = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/config.example.toml"));
    let example = Config::parse(text, file).unwrap();
    assert!(example.source.path.starts_with(file.parent().unwrap().join("fixtures")));
    // A key that is at its default may stand in a comment, but every key must stand there.
    for key in [
        "update_contacts",
        "store",
        "reports",
        "keep_reports",
        "timezone",
        "schools",
        "roles",
        "phone_credential",
        "default_region",
        "blank_values",
        "shared_contacts",
        "ignore_emails",
        "[[school]]",
        "[source]",
        "type",
        "path",
        "mode",
        "encoding",
        "[platform]",
        "users",
        "max_age",
        "[platform.columns]",
        "[limits]",
        "archive",
        "contact_updates",
        "notifications",
        "rejected",
        "minimum",
        "[notify]",
        "contact",
        "[notify.email]",
        "server",
        "from",
        "reply_to",
    ] {
        let said = text.lines().any(|line| line.trim_start_matches(['#', ' ']).starts_with(key));
        assert!(said, "`{key}` is missing in config.example.toml");
    }
    // What it says in comments about defaults must be true: with them taken in, nothing changes.
    let default = Config::parse("[sync]\n[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n", file).unwrap();
    assert_eq!(example.sync.roles, default.sync.roles);
    assert_eq!(example.sync.keep_reports, default.sync.keep_reports);
    assert_eq!(example.limits.archive, default.limits.archive);
    assert_eq!(example.limits.contact_updates, default.limits.contact_updates);
    assert_eq!(example.limits.notifications, default.limits.notifications);
    assert_eq!(example.limits.rejected, default.limits.rejected);
    assert_eq!(example.limits.minimum, default.limits.minimum);
    assert_eq!(example.source.mode, default.source.mode);
    assert_eq!(example.source.encoding, default.source.encoding);
}
