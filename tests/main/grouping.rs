//! `report --group`: the causes of a report, each with its cure.

use crate::support::{District, person};

fn district() -> District {
    let mut district = District::new().without_limits();
    district.file(
        "sis/orgs.csv",
        "sourcedId,name,type\nsch-1,Lincoln Elementary,school\nsch-2,East High,school\n",
    );
    district
        .platform(&[person("tea-1").email("rosa@home.example"), person("tea-2").email("home@home.example")]);
    let nurse = |id: &str| person(id).role("nurse");
    district.sis(&[
        person("tea-1"),
        person("tea-2").schools("sch-1,sch-2"),
        person("gua-1").email("").schools("sch-2"),
        person("nur-1").role("nurse"),
        nurse("nur-2").schools("sch-2"),
        nurse("nur-3").role("janitor"),
        person("stu-1").email("rosa(at)mail.example"),
    ]);
    district.run().ok();
    district
}

#[test]
fn causes_come_first_with_counts_schools_examples_and_cure() {
    let district = district();
    let text = district.cli(&["report", "--group"]).ok().stdout;
    let headings: Vec<&str> =
        text.lines().filter(|line| !line.starts_with(' ') && !line.is_empty()).collect();
    assert_eq!(
        headings,
        [
            "role-not-synced (nurse): 2 users",
            "role-not-synced (janitor): 1 user",
            "guardian-unreachable: 1 user",
            "sis-email-invalid: 1 user",
            "active-email-differs: 2 users",
        ],
        "{text}"
    );
    let differs = text.split("\n\n").find(|part| part.starts_with("active-email-differs")).unwrap();
    let lines: Vec<&str> = differs.lines().collect();
    let entry = district.cli(&["codes", "active-email-differs", "--format", "json"]).ok().stdout;
    for (line, start) in lines[1..4].iter().zip(["  Means:   ", "  Cause:   ", "  Cure:    "]) {
        let text = line.strip_prefix(start).unwrap_or_else(|| panic!("{line}"));
        assert!(entry.contains(&text.replace('"', "\\\"")), "{line} is not in {entry}");
    }
    assert_eq!(
        lines[4..],
        [
            "  Schools: Lincoln Elementary (sch-1) 2, East High (sch-2) 1",
            "  Roles:   teacher 2",
            "  Users:   tea-1, tea-2: `rostersync report --where codes=active-email-differs`",
        ]
    );
    let one = district
        .cli(&["report", "1", "--group", "--where", "schools=sch-2", "--where", "role=nurse"])
        .ok()
        .stdout;
    assert!(one.starts_with("role-not-synced (nurse): 1 user\n"), "{one}");
    assert!(one.contains("`rostersync report 1 --where codes=role-not-synced --where role=nurse`"), "{one}");
    assert_eq!(district.cli(&["report", "--group", "--where", "role=aide"]).ok().stdout, "No notes\n");
    district.cli(&["report", "--group", "--sort", "notes"]).exits(2);
}

#[test]
fn programs_and_tickets_get_them_too() {
    let district = district();
    let groups = district.cli(&["report", "--group", "--format", "json"]).ok().json();
    let first = &groups[0];
    assert_eq!(
        (&first["code"], &first["value"], &first["users"]),
        (&"role-not-synced".into(), &"nurse".into(), &2.into())
    );
    assert_eq!(first["examples"], serde_json::json!(["nur-1", "nur-2"]));
    assert_eq!(
        first["schools"][0],
        serde_json::json!({ "id": "sch-1", "name": "Lincoln Elementary", "users": 1 })
    );
    assert!(
        ["meaning", "cause", "cure"]
            .iter()
            .all(|text| first[text].as_str().is_some_and(|text| text.len() > 10))
    );
    district.cli(&["report", "--group", "-o", "causes.csv"]).ok();
    let csv = std::fs::read_to_string(district.path("causes.csv")).unwrap();
    let mut lines = csv.lines();
    assert_eq!(lines.next(), Some("\u{feff}code,value,users,schools,roles,also,examples,meaning,cause,cure"));
    assert!(
        lines.next().unwrap().starts_with("role-not-synced,nurse,2,sch-1:1|sch-2:1,nurse:2,,nur-1|nur-2,"),
        "{csv}"
    );
    let masked = district.cli(&["report", "--group", "--redact"]).ok().stdout;
    for value in ["sch-1", "Lincoln", "nurse", "tea-1", "nur-1"] {
        assert!(!masked.contains(value), "{value} in {masked}");
    }
    assert!(masked.starts_with("role-not-synced (role-1): 2 users\n"), "{masked}");
    assert!(masked.contains("`rostersync report --where codes=role-not-synced`"), "{masked}");
}

#[test]
fn a_file_is_named_as_a_shell_reads_it_and_in_a_ticket_not_at_all() {
    let district = district();
    let report = std::fs::read_to_string(district.path("reports/users-000001.csv")).unwrap();
    district.file("Lincoln USD.csv", report);
    let text =
        |more: &[&str]| district.cli(&[&["report", "Lincoln USD.csv", "--group"], more].concat()).ok().stdout;
    let shown = text(&[]);
    assert!(
        shown.contains("`rostersync report 'Lincoln USD.csv' --where codes=sis-email-invalid`"),
        "{shown}"
    );
    let masked = text(&["--redact"]);
    assert!(masked.contains("`rostersync report FILE --where codes=sis-email-invalid`"), "{masked}");
    assert!(!masked.contains("Lincoln"), "{masked}");
}

/// No groups, and everything new, would look like answers.
#[test]
fn a_report_without_codes_is_neither_grouped_nor_compared() {
    let district = district();
    district.cli(&["report", "--columns", "sourced_id,action,notes", "-o", "short.csv"]).ok();
    for arguments in [
        &["report", "short.csv", "--group"][..],
        &["report", "1", "--diff", "short.csv"],
        &["report", "short.csv", "--diff", "1"],
    ] {
        let said = "this report has no column `codes`";
        district.cli(arguments).exits(7).complains(&[said, "it has sourced_id, action, notes"]);
    }
}
