//! Public sample exports, where they are at hand: they are not part of this repository.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::District;

fn sample(name: &str) -> Option<PathBuf> {
    let root =
        std::env::var_os("ROSTERSYNC_SAMPLES").map_or_else(|| "/work/shared/data".into(), PathBuf::from);
    let path = root.join(name);
    path.exists().then_some(path)
}

fn district(source: &Path) -> District {
    District::new().without_limits().with("source.path", &format!("{:?}", source.display().to_string()))
}

#[test]
fn nicelion_1_1() {
    let Some(path) = sample("nicelion-v1p1-2000") else { return };
    let district = district(Path::new("sis"));
    fs::create_dir_all(district.path("sis")).unwrap();
    fs::copy(path.join("test-csv.csv"), district.path("sis/users.csv")).unwrap();
    let done = district.run().ok();
    assert!(done.report.rows.len() > 1000, "{}", done.report.rows.len());
    assert!(done.report.count("created") > 1000, "{}", done.plan());
    let before = district.dump();
    let again = district.run().ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
    assert_eq!(district.dump(), before);
    // The same people once more with other phone numbers' dress: no change.
    let text = fs::read_to_string(path.join("test-csv.csv")).unwrap();
    let dressed = text.replace(") ", ")-").replace("(", "");
    district.file("sis/users.csv", dressed.replace(")-", "."));
    let again = district.run().ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
}

#[test]
fn edfi_1_0() {
    let Some(path) = sample("edfi-lms-v1p0") else { return };
    let district = district(&path);
    let done = district.run();
    assert!([0, 3].contains(&done.code), "{}", done.stderr);
    assert!(!done.report.rows.is_empty());
    assert!(district.preview().plan().starts_with("0 to create, 0 to update"));
}

#[test]
fn headers_only() {
    let Some(path) = sample("nicelion-v1p1-2000/headers-only") else { return };
    district(&path).run().exits(7).complains(&["users.csv has only a header"]);
}

/// Microsoft School Data Sync: its header differs in two places. Read with warnings, or refused with the column's name.
#[test]
fn school_data_sync_pair() {
    let Some(path) = sample("sds-v2.1-pair") else { return };
    let district = district(&path.join("day1"));
    let first = district.run();
    assert!([0, 3, 7].contains(&first.code), "{}", first.stderr);
    if first.code == 7 {
        first.complains(&["users.csv"]);
        return;
    }
    assert!(
        first.stderr.contains("roles-variant") || first.stderr.contains("missing-header"),
        "{}",
        first.stderr
    );
    let mut district = district;
    let second = path.join("day2").display().to_string();
    district.set("source.path", &format!("{second:?}"));
    let done = district.run();
    assert!([0, 3].contains(&done.code), "{}", done.stderr);
    assert!(!done.report.rows.is_empty());
}
