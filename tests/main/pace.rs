//! One mail account for several districts: `per_minute` holds for all of them together.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;
use std::time::{Duration, SystemTime};

use crate::support::{District, folder, person};

/// A change of two addresses: four mails.
fn district(file: &std::path::Path, per_minute: u32) -> District {
    let mut district = District::new()
        .without_limits()
        .update_contacts(true)
        .with("notify.email.per_minute", &per_minute.to_string())
        .with("notify.email.pace_file", &format!("{:?}", file.display().to_string()));
    let of = |end: &str| ["tea-1", "tea-2"].map(|id| person(id).email(&format!("{id}@{end}.example")));
    district.platform(&of("old"));
    district.sis(&of("old"));
    district.run().ok();
    district.unset("platform.users");
    district.at("2026-11-24T08:15:00Z");
    district.sis(&of("new"));
    district
}

fn next_slot(file: &std::path::Path) -> SystemTime {
    let text = fs::read_to_string(file).unwrap();
    text.trim().parse::<chrono::DateTime<chrono::Utc>>().unwrap().into()
}

#[test]
fn districts_with_one_account_share_its_pace() {
    let place = folder();
    let file = place.path().join("relay.pace");
    // A message every 20 ms.
    let districts = [district(&file, 3000), district(&file, 3000)];
    let begun = SystemTime::now();
    let running: Vec<_> = districts
        .iter()
        .map(|district| district.command(&["run", "-q"]).stderr(Stdio::piped()).spawn().unwrap())
        .collect();
    for child in running {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
    assert!(districts.iter().all(|district| district.mails().len() == 4));
    // Each message of both has a slot of its own.
    assert!(next_slot(&file) >= begun + Duration::from_millis(20) * 8);
    assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_cannot_be_used_stops_no_mail_and_needs_a_person() {
    let place = folder();
    let file = place.path().join("relay.pace");
    // A clock that was wrong.
    fs::write(&file, "2099-01-01T00:00:00Z\n").unwrap();
    let mut ahead = district(&file, 60_000);
    let done = ahead.run().ok();
    assert_eq!(ahead.mails().len(), 4);
    assert!(done.stderr.contains("the next slot was far in the future"), "{}", done.stderr);
    assert!(next_slot(&file) < SystemTime::now() + Duration::from_secs(60));
    // A folder in its place.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    let other = district(&file, 60_000);
    let done = other.run_with(&["-q"]).exits(3);
    assert_eq!(other.mails().len(), 4);
    assert!(done.stdout.contains("Attention (pace-not-shared)"), "{}{}", done.stdout, done.stderr);
    assert!(done.stdout.contains("the file of the shared pace cannot be used"), "{}", done.stdout);
    // Without a pace there is nothing to share.
    ahead.set("notify.email.per_minute", "0");
    ahead.run().exits(2).complains(&["`pace_file` in [notify.email] has no effect without a pace"]);
}
