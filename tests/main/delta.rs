//! Exports of changes alone, and exports of unknown mode.

use crate::support::{District, person};

#[test]
fn in_a_delta_only_tobedeleted_leaves() {
    let district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3"), person("tea-4")]);
    district.run().ok();
    district.sis_delta(&[person("tea-2").status("tobedeleted"), person("tea-3").mobile("718-555-0101")]);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("line sourced_id action notes"),
        [
            "2 | tea-2 | archived | User is no longer in the SIS import - archived",
            "3 | tea-3 | updated | Phone number updated by the sync - was none",
        ]
    );
    assert!(done.plan().starts_with("0 to create, 1 to update (0 email, 1 phone"), "{}", done.plan());
    assert!(
        done.plan().contains("0 kept, 0 unchanged, 0 skipped"),
        "the counts are those of the rows: {}",
        done.plan()
    );
}

#[test]
fn a_first_delta_has_nothing_to_change() {
    let district = District::new();
    district.sis_delta(&[person("tea-1")]);
    district.run().exits(7).complains(&["holds only changes (delta)", "begin with a complete (bulk) export"]);
    district.preview().exits(7).complains(&["holds only changes (delta)"]);
}

#[test]
fn users_that_a_delta_does_not_mention_are_decided_all_the_same() {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1").email("rosa@home.example"), person("tea-2")]);
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3"), person("tea-4").enabled("false")]);
    district.run().ok();
    district.sis_delta(&[person("tea-3").given("Rosita")]);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("line sourced_id action notes"),
        [
            "2 | tea-3 | updated | Name updated by the sync - was Rosa Diaz",
            " | tea-1 | kept | Active user has a new email in the SIS import - rosa@home.example",
            " | tea-4 | unchanged | User is disabled in the SIS import",
        ]
    );
    assert_eq!(done.report.row("tea-1")["sis_email"], *"tea-1@school.example");
    assert_eq!(done.report.row("tea-1")["first_seen"], *"2026-11-23");
    // Tonight the setting is switched: the difference that was kept is applied without being
    // mentioned.
    district.set("sync.update_contacts", "true");
    let done = district.step_to_on(&[]).ok();
    done.says("tea-1", "updated", "Email updated by the sync - was rosa@home.example");
}

#[test]
fn sharing_is_said_of_people_whom_a_delta_does_not_mention() {
    let district = District::new();
    district.sis(&[person("gua-1"), person("gua-2"), person("gua-3")]);
    district.run().ok();
    district.sis_delta(&[person("gua-2").email("gua-1@school.example")]);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id action notes"),
        [
            "gua-2 | updated | Email updated by the sync - was gua-2@school.example; Email is shared with gua-1",
            "gua-1 | unchanged | Email is shared with gua-2",
        ]
    );
    assert!(done.plan().contains("0 kept, 1 unchanged"), "{}", done.plan());
}

#[test]
fn a_manifest_without_a_mode_archives_no_account() {
    for manifest in [
        "propertyName,value\nmanifest.version,1.0\n",
        "propertyName,value\nfile.users,absent\n",
        "propertyName,value\nfile.users,everything\n",
        "propertyName,value\nfile.users,bulk\nfile.users,delta\n",
        "something else entirely\n",
        "",
    ] {
        let mut district = District::new().without_limits();
        district.sis(&[person("tea-1"), person("tea-2")]);
        district.run().ok();
        district.sis(&[person("tea-1").given("Rosita"), person("tea-3")]);
        district.file("sis/manifest.csv", manifest);
        let done = district.run().ok();
        done.says("tea-1", "updated", "Name updated by the sync - was Rosa Diaz");
        done.says("tea-3", "created", "");
        assert_eq!(done.report.count("archived"), 0, "{manifest:?}");
        assert!(done.stderr.contains("manifest-mode"), "{manifest:?}: {}", done.stderr);
        // The configuration settles it.
        district.set("source.mode", "\"bulk\"");
        assert_eq!(district.run().ok().report.count("archived"), 1, "{manifest:?}");
    }
}

#[test]
fn the_configured_mode_goes_before_the_manifest() {
    let mut district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.mode("bulk");
    district.run().ok();
    district.sis(&[person("tea-1")]);
    district.set("source.mode", "\"delta\"");
    let done = district.run().ok();
    assert_eq!(done.report.count("archived"), 0);
    assert!(done.stderr.contains("mode-overridden"), "{}", done.stderr);
    district.set("source.mode", "\"auto\"");
    assert_eq!(district.run().ok().report.count("archived"), 1);
}

#[test]
fn a_delta_restores_users_that_are_back() {
    let district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.sis_delta(&[person("tea-1").status("tobedeleted")]);
    district.run().ok();
    district.sis_delta(&[person("tea-1").status("active")]);
    district.run().ok().says("tea-1", "restored", "User is back in the SIS import - restored");
    // A second tobedeleted in a row is nothing new.
    district.sis_delta(&[person("tea-1").status("tobedeleted"), person("tea-9").status("tobedeleted")]);
    district.run().ok().says("tea-1", "archived", "User is no longer in the SIS import - archived");
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id action notes codes"),
        ["tea-1 | skipped |  | tobedeleted", "tea-9 | skipped |  | tobedeleted"]
    );
}
