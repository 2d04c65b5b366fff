//! What the manifest says, and who is believed.

use super::*;

fn with_manifest(manifest: &str) -> Export {
    Export::new(&[
        ("users.csv", &format!("{SHORT}u1,true,s1,student,a,Ann,Lee,a@example.org\n")),
        ("manifest.csv", manifest),
    ])
}

/// Mode and codes for a manifest with these properties.
fn outcome(properties: &str) -> (Mode, Vec<String>) {
    let source = with_manifest(&format!("propertyName,value\n{properties}")).open();
    (
        source.about().mode,
        source.about().findings.kept().iter().map(|finding| finding.code.to_owned()).collect(),
    )
}

const WHOLE: &str = "manifest.version,1.0\noneroster.version,1.1\nsource.systemName,X\nsource.systemCode,\nfile.classes,absent\n";

#[test]
fn no_manifest_is_bulk() {
    assert_eq!(Export::short("u1,true,s1,student,a,Ann,Lee,\n").open().about().mode, Mode::Bulk);
}

#[test]
fn bulk_and_delta_in_any_case() {
    assert_eq!(outcome(&format!("{WHOLE}file.users,bulk\n")), (Mode::Bulk, vec![]));
    assert_eq!(outcome(&format!("{WHOLE}FILE.Users, Delta \n")), (Mode::Delta, vec![]));
    // Modes are per file.
    assert_eq!(outcome(&format!("{WHOLE}file.classes,absent\nfile.users,delta\n")), (Mode::Delta, vec![]));
}

#[test]
fn a_manifest_without_a_usable_mode_archives_no_account() {
    for users in [
        "",
        "file.users,\n",
        "file.users,absent\n",
        "file.users,full\n",
        "file.users,bulk\nfile.users,delta\n",
    ] {
        let (mode, codes) = outcome(&format!("{WHOLE}{users}"));
        assert_eq!(mode, Mode::Unknown, "{users}");
        assert_eq!(codes.last().map(String::as_str), Some("manifest-mode"), "{users}");
    }
}

#[test]
fn an_unreadable_manifest_archives_no_account_and_says_how_to_settle_it() {
    for manifest in ["", "a,b\n", "propertyName,value\nfile.users,\"bulk\n", "propertyName\nx\n", "\0"] {
        let source = with_manifest(manifest).open();
        assert_eq!(source.about().mode, Mode::Unknown, "{manifest:?}");
        let finding =
            source.about().findings.kept().iter().find(|finding| finding.code == "manifest-mode").unwrap();
        assert!(finding.message.contains("[source] mode = \"bulk\""));
        assert!(source.about().findings.counts().contains_key("manifest-unreadable"), "{manifest:?}");
    }
}

#[test]
fn the_configuration_overrides_the_manifest() {
    let unclear = format!("propertyName,value\n{WHOLE}");
    let source = with_manifest(&unclear).mode(ModeSetting::Bulk).open();
    assert_eq!(source.about().mode, Mode::Bulk);
    assert!(source.about().findings.counts().is_empty());

    let source = with_manifest(&format!("{unclear}file.users,delta\n")).mode(ModeSetting::Bulk).open();
    assert_eq!(source.about().mode, Mode::Bulk);
    assert!(source.about().findings.counts().contains_key("mode-overridden"));

    let source = with_manifest(&unclear).mode(ModeSetting::Delta).open();
    assert_eq!(source.about().mode, Mode::Delta);
}

#[test]
fn careless_manifests_are_only_told_of() {
    let users = "file.users,bulk\n";
    let codes = |properties: &str| outcome(&format!("{properties}{users}"));
    assert_eq!(codes("manifest.version,1\n"), (Mode::Bulk, vec!["manifest-version".to_owned()]));
    assert_eq!(codes("oneroster.version,2.0\n"), (Mode::Bulk, vec!["manifest-version".to_owned()]));
    assert_eq!(codes("file.pets,bulk\ncolour,red\n"), (Mode::Bulk, vec!["manifest-property".to_owned()]));
    assert_eq!(codes("file.orgs,bulk\n"), (Mode::Bulk, vec!["manifest-file".to_owned()]));
    assert_eq!(codes("file.roles,absent\nfile.orgs,absent\n"), (Mode::Bulk, vec![]));
}

#[test]
fn roles_that_are_there_though_said_to_be_absent_are_read() {
    let export = Export::new(&[
        ("users.csv", "sourcedId,enabledUser,username,givenName,familyName,email\nu1,true,a,Ann,Lee,\n"),
        ("roles.csv", "sourcedId,userSourcedId,roleType,role,orgSourcedId\nr1,u1,primary,aide,s1\n"),
        ("manifest.csv", "propertyName,value\nfile.users,bulk\nfile.roles,absent\n"),
    ]);
    let reading = export.read();
    assert_eq!(reading.found(), [("manifest-file", 0)]);
    assert_eq!(reading.one().roles, "aide\ts1");
}

#[test]
fn complete_users_with_incomplete_roles_are_refused() {
    let export = |users: &str, roles: &str| {
        Export::new(&[
            ("users.csv", "sourcedId,enabledUser,username,givenName,familyName,email\nu1,true,a,Ann,Lee,\n"),
            ("roles.csv", "sourcedId,userSourcedId,roleType,role,orgSourcedId\nr1,u1,primary,aide,s1\n"),
            ("manifest.csv", &format!("propertyName,value\nfile.users,{users}\nfile.roles,{roles}\n")),
        ])
    };
    let told = told(&export("bulk", "delta").failure(), Kind::InputUnusable);
    assert!(told.contains("roles.csv holds only changes"), "{told}");
    assert_eq!(export("delta", "bulk").open().about().mode, Mode::Delta);
    assert_eq!(export("delta", "delta").open().about().mode, Mode::Delta);
    assert_eq!(export("bulk", "delta").mode(ModeSetting::Bulk).open().about().mode, Mode::Bulk);
}

#[test]
fn settings_are_written_in_kebab_case() {
    let mode = |word: &str| serde_json::from_value::<ModeSetting>(word.into()).ok();
    assert_eq!(
        [mode("auto"), mode("bulk"), mode("delta"), mode("Bulk")],
        [Some(ModeSetting::Auto), Some(ModeSetting::Bulk), Some(ModeSetting::Delta), None]
    );
    let encoding = |word: &str| serde_json::from_value::<EncodingSetting>(word.into()).ok();
    assert_eq!(
        [encoding("auto"), encoding("utf-8"), encoding("windows-1252"), encoding("utf-16")],
        [
            Some(EncodingSetting::Auto),
            Some(EncodingSetting::Utf8),
            Some(EncodingSetting::Windows1252),
            Some(EncodingSetting::Utf16)
        ]
    );
}
