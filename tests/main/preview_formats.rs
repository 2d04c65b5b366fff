//! Previews for others: Markdown for a ticket, and JSON as `docs/preview.schema.json` describes it.

use serde_json::{Value, json};

use crate::support::{District, person};

/// The published schema, here without room for keys that it does not have.
fn schema() -> jsonschema::Validator {
    fn close(schema: &mut Value) {
        match schema {
            Value::Object(map) => {
                if map.get("properties").is_some_and(Value::is_object) {
                    map.insert("additionalProperties".to_owned(), json!(false));
                }
                map.values_mut().for_each(close);
            }
            Value::Array(all) => all.iter_mut().for_each(close),
            _ => {}
        }
    }
    let mut schema: Value = serde_json::from_str(include_str!("../../docs/preview.schema.json")).unwrap();
    close(&mut schema);
    jsonschema::validator_for(&schema).unwrap()
}

fn wrong(schema: &jsonschema::Validator, json: &Value) -> Vec<String> {
    schema.iter_errors(json).map(|error| format!("{}: {error}", error.instance_path())).collect()
}

#[test]
fn what_a_run_prints_as_json_is_as_the_schema_says() {
    let schema = schema();
    let mut district = District::new().with_orgs().update_contacts(true);
    district.set("limits.archive", "0");
    district.set("platform.push.to", "\"pushed.csv\"");
    district.platform(&[person("tea-1"), person("gua-1").email("own@home.example")]);
    let all =
        [person("tea-1"), person("gua-1").agents("stu-1"), person("stu-1"), person("nur-1").role("nurse")];
    district.sis(&all);
    let preview = |district: &District| district.cli(&["run", "--dry-run", "--format", "json"]).json();
    let mut seen = vec![preview(&district)];
    seen.push(district.cli(&["run", "--format", "json"]).json());
    // A sign-in changes, an account is archived, a link goes, a record is rejected: over a limit.
    let next =
        [person("tea-1").email("new@school.example"), person("gua-1"), person("stu-2").given("").family("")];
    district.sis(&next);
    seen.push(preview(&district));
    seen.push(district.cli(&["run", "--format", "json"]).json());
    assert_eq!(seen.last().unwrap()["result"], "blocked");
    assert!(seen.last().unwrap()["changes"].as_array().unwrap().len() > 2);
    // No plan at all, and a pause.
    seen.push(district.cli(&["run", "--dry-run", "--format", "json", "--source", "nowhere"]).json());
    assert_eq!(seen.last().unwrap()["exit"], 7);
    for json in &seen {
        assert_eq!(wrong(&schema, json), Vec::<String>::new(), "{json:#}");
    }
    // The schema is one that says no.
    let mut other = seen[0].clone();
    other["changes"][0]["kind"] = json!("gone");
    other["more"] = json!(1);
    assert_eq!(wrong(&schema, &other).len(), 2);
}

#[test]
fn a_preview_for_a_ticket_is_markdown_in_which_no_value_is_markup() {
    let mut district = District::new().without_limits().with_orgs();
    district.platform(&[person("tea-1").email("rosa@home.example")]);
    district.sis(&[person("tea-1").given("Rosa|Ana").family("*Diaz*"), person("stu-1")]);
    let markdown = |district: &District, arguments: &[&str]| {
        district.cli(&[&["run", "--format", "markdown"], arguments].concat()).ok().stdout
    };
    let preview = markdown(&district, &["--dry-run"]);
    let (page, summary) = preview.split_once("\n## Summary\n\n```text\n").unwrap();
    let checksum = summary.split_once("Checksum: ").unwrap().1.split('\n').next().unwrap();
    assert_eq!(
        page,
        format!(
            "# Roster sync: preview\n\n| action | users |\n|---|--:|\n| created | 2 |\n\n\
             Messages: 0 by email, 0 by SMS. Checksum: `{checksum}`\n\n## Changes\n\n\
             | | user | state | what | change | school |\n|---|---|---|---|---|---|\n\
             | + | stu-1 Rosa Diaz | pending | created |  | sch-1 |\n\
             | + | tea-1 Rosa Diaz | active | created |  | sch-1 |\n\
             | = | tea-1 Rosa Diaz | active | name | kept Rosa Diaz, the SIS import has Rosa\\|Ana \\*Diaz\\* \
             | sch-1 |\n\
             | = | tea-1 Rosa Diaz | active | email | kept rosa@home.example, the SIS import has \
             tea-1@school.example | sch-1 |\n"
        )
    );
    assert!(summary.ends_with("\n```\n") && summary.contains("Plan: 2 to create,"), "{summary}");
    let limited = markdown(&district, &["--dry-run", "--limit", "2"]);
    assert!(limited.contains("\n| … | 1 more created (`--limit 0` lists all) | | | | |\n"), "{limited}");
    // A run has no preview.
    let run = markdown(&district, &[]);
    assert!(run.starts_with("# Roster sync: run 1\n") && !run.contains("## Changes"), "{run}");
}
