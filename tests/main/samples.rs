//! Exports that really were published; `tests/samples/README.md` names their sources.

use std::path::{Path, PathBuf};

use crate::support::District;

fn sample(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/samples").join(name)
}

fn district(source: &Path) -> District {
    District::new().without_limits().with("source.path", &format!("{:?}", source.display().to_string()))
}

#[test]
fn ed_fi_1_0_without_manifest_and_enabled_user() {
    let district = district(&sample("edfi-v1p0"));
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 10);
    // Area code 950 is not assigned, so these can be no numbers.
    done.says("604863", "created", "SIS import has an invalid home phone number - (950) 336 6601");
    assert!(district.preview().ok().plan().starts_with("0 to create, 0 to update"));
}

#[test]
fn nicelion_1_1_with_shifted_columns_and_unknown_orgs() {
    let district = district(&sample("nicelion-v1p1"));
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 40);
    let before = district.dump();
    let again = district.run().ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
    assert_eq!(district.dump(), before);
}

#[test]
fn headers_only() {
    district(&sample("nicelion-headers-only")).run().exits(7).complains(&["users.csv has only a header"]);
}

/// Its users.csv has no `enabledUser` and its roles.csv no `sourcedId`; guardians have their role
/// in a file that is not OneRoster, so they come without one.
#[test]
fn school_data_sync_with_two_headers_missing() {
    let mut district = district(&sample("sds-v2.1/day1"));
    district.at("2021-10-01T06:00:00Z");
    let done = district.run().ok();
    for said in ["enabledUser", "missing-header", "roles-variant"] {
        assert!(done.stderr.contains(said), "{}", done.stderr);
    }
    assert_eq!((done.report.count("created"), done.report.count("rejected")), (5, 2));
    done.says("114002", "rejected", "Record rejected - no role");
    done.says("114006", "skipped", "Role professor is not synced - left out");
    let day2 = sample("sds-v2.1/day2").display().to_string();
    district.set("source.path", &format!("{day2:?}"));
    let again = district.run().ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
}
