//! `changes --since`: every change of every account, by whom.

use crate::support::{District, person};

/// Two nights, an edit, and a permission.
fn district() -> District {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1"), person("adm-1")]);
    let night = |email: &str| vec![person("tea-1").email(email), person("adm-1"), person("tea-2")];
    district.sis(&night("tea-1@school.example"));
    district.run().ok();
    district.at("2026-11-24T18:00:00Z");
    district.cli(&["users", "grant", "adm-1", "users-manager"]).ok();
    district.cli(&["users", "edit", "tea-1", "--email", "Rosa@home.example", "--as", "adm-1"]).ok();
    district.at("2026-11-25T08:15:00Z");
    district.set("sync.update_contacts", "true");
    district.sis(&[vec![person("tea-3").given("=1+1")], night("new@school.example")].concat()[..3]);
    district.step_to_on(&[]).ok();
    district
}

fn csv(district: &District, since: &str) -> Vec<String> {
    let text = district.cli(&["changes", "--since", since, "--format", "csv"]).ok().stdout;
    let mut lines = text.lines().map(str::to_owned);
    assert_eq!(
        lines.next().unwrap(),
        "at,sourced_id,name,field,old,new,origin,actor,run,updated_by,updated_at"
    );
    lines.collect()
}

#[test]
fn every_change_of_every_account_is_listed_with_its_author() {
    let district = district();
    let since_first = [
        "2026-11-24T18:00:00Z,adm-1,Rosa Diaz,users_manager,,district,operator,,,,",
        "2026-11-24T18:00:00Z,tea-1,Rosa Diaz,email,tea-1@school.example,Rosa@home.example,staff,adm-1,,,",
        "2026-11-25T08:15:00Z,tea-3,'=1+1 Diaz,account,,created,sync,,2,,",
        "2026-11-25T08:15:00Z,tea-1,Rosa Diaz,email,Rosa@home.example,new@school.example,sync,,2,,",
        "2026-11-25T08:15:00Z,tea-2,Rosa Diaz,state,pending,archived,sync,,2,,",
    ];
    assert_eq!(csv(&district, "1"), since_first);
    assert_eq!(csv(&district, "2026-11-24"), since_first);
    assert_eq!(
        csv(&district, "2026-11-25"),
        since_first[2..],
        "a day begins at midnight in the zone of the district"
    );
    assert_eq!(csv(&district, "2026-11-25T08:15:00Z"), since_first[2..]);
    assert_eq!(csv(&district, "2"), [""; 0]);
    let all = csv(&district, "2026-11-01");
    assert_eq!(all.len(), 3 + since_first.len(), "and the accounts of the first night: {all:#?}");
    let future = district.cli(&["changes", "--since", "2036-01-01"]).exits(2).stderr;
    assert!(future.contains("`--since 2036-01-01` is in the future"), "no empty list: {future}");
    let json = district.cli(&["changes", "--since", "1", "--format", "json"]).ok().json();
    assert_eq!(json.as_array().unwrap().len(), 5);
    assert_eq!(
        (&json[2]["name"], &json[2]["run"], &json[0]["run"]),
        (&"=1+1 Diaz".into(), &2.into(), &serde_json::Value::Null)
    );
    let table = district.cli(&["changes", "--since", "1"]).ok().stdout;
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("when "), "{table}");
    assert!(lines[2].contains("2026-11-24 12:00") && lines[2].ends_with("staff adm-1"), "{table}");
    assert!(lines[5].ends_with("sync, run 2"), "{table}");
    district.cli(&["changes", "--since", "1", "-o", "changes.csv"]).ok();
    assert!(std::fs::read_to_string(district.path("changes.csv")).unwrap().starts_with("\u{feff}at,"));

    // An erased person leaves only the fact.
    district.cli(&["users", "erase", "tea-1", "--yes"]).any();
    let left = csv(&district, "1");
    assert_eq!(left[..2], [since_first[0], "2026-11-24T18:00:00Z,,,email,,,staff,adm-1,,,"], "{left:#?}");
    assert!(!left.iter().any(|line| ["tea-1", "Rosa@", "new@"].iter().any(|value| line.contains(value))));
    for (wrong, said) in
        [("9", "there is no run 9"), ("yesterday", "`--since yesterday` is neither a day nor a run")]
    {
        district.cli(&["changes", "--since", wrong]).exits(2).complains(&[said]);
    }
}
