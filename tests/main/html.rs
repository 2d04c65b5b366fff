//! The report for a browser: one file, its rows as JSON in it. What the page does is tried in headless
//! Chromium by `tests/browser/report.mjs`.

use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use crate::machine::{left_out, program};
use crate::support::{District, long, person};

/// The data of a page, and its rows with all values written out.
fn data(html: &str) -> (Value, Vec<Vec<String>>) {
    let (_, from) = html.split_once("id=\"data\">").unwrap();
    let data: Value = serde_json::from_str(from.split_once("</script>").unwrap().0).unwrap();
    let columns: Vec<&str> =
        data["columns"].as_array().unwrap().iter().map(|name| name.as_str().unwrap()).collect();
    let listed = data["listed"].as_array().unwrap();
    let mut values: Vec<Vec<String>> = vec![Vec::new(); columns.len()];
    let mut rows: Vec<Vec<String>> = Vec::new();
    for row in data["rows"].as_array().unwrap() {
        let mut cells: Vec<String> = Vec::new();
        for (i, column) in columns.iter().enumerate() {
            let is_listed = listed.contains(&json!(column));
            cells.push(match row.get(i) {
                None => String::new(),
                Some(Value::Number(number)) if is_listed => {
                    values[i][usize::try_from(number.as_u64().unwrap()).unwrap()].clone()
                }
                Some(Value::Number(_)) if column.starts_with("sis_") => {
                    let actual = columns.iter().position(|other| *other == &column[4..]).unwrap();
                    cells[actual].clone()
                }
                Some(Value::String(text)) => {
                    if is_listed && !text.is_empty() {
                        values[i].push(text.clone());
                    }
                    text.clone()
                }
                Some(other) => other.to_string(),
            });
        }
        rows.push(cells);
    }
    (data, rows)
}

fn district() -> District {
    let mut district = District::new().without_limits().with_orgs();
    district.platform(&[person("tea-1").email("rosa@home.example"), person("gua-1")]);
    district.sis(&[
        person("tea-1").identifier("0042").mobile("718-555-0101"),
        person("gua-1").agents("stu-1").given("</script><img src=x onerror=alert(1)>"),
        person("stu-1").schools("sch-1,sch-2").given("=HYPERLINK(1)").family("Núñez"),
        person("nur-1").role("nurse"),
    ]);
    district
}

#[test]
fn a_page_has_every_value_of_the_report_and_what_is_known_of_the_run() {
    let district = district();
    district.run().ok();
    let out = district.path("r.html");
    district.cli(&["report", "--output", out.to_str().unwrap()]).ok();
    assert_eq!(out.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let html = fs::read_to_string(&out).unwrap();
    let (data, rows) = data(&html);
    let csv = district.cli(&["report", "--format", "json"]).ok().json();
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let expected: Vec<Vec<String>> = csv
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row.as_object().unwrap().values().map(text).collect())
        .collect();
    assert_eq!(rows, expected);
    assert_eq!((html.matches("<script").count(), html.matches("<img").count()), (2, 0));
    let page = &data["page"];
    assert_eq!(page["day"], "2026-11-23");
    assert_eq!(
        page["runs"],
        json!([{ "run": 1, "started": "2026-11-23 02:15", "result": "ok", "blocked": false,
                                      "actions": { "created": 3, "skipped": 1 } }])
    );
    assert_eq!(page["messages"], json!([]));
    assert!(page["schools"].get("sch-1").is_some(), "{page}");
    let meaning = &data["codes"]["active-email-differs"];
    assert!(meaning.as_array().is_some_and(|sentences| sentences.len() == 3), "{}", data["codes"]);
    for said in ["<h1>Users report of run 1</h1>", "<p class=\"plan\">Plan: 3 to create,", "2026-11-23 02:15"]
    {
        assert!(html.contains(said), "{said}");
    }
    assert!(!html.contains("class=\"blocked\"><strong>"));
}

#[test]
fn a_run_that_needs_a_person_says_so() {
    let district = District::new().without_limits().with("sync.html", "true");
    district.sis(&[person("tea-1").identifier("0042"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("t-0001").identifier("0042").given("Tea-1").family("Tea-1"), person("tea-2")]);
    let done = district.run().exits(3);
    assert!(done.stdout.contains("possible-rekey"), "{}", done.stdout);
    let beside = fs::read_to_string(district.path("reports/users-000002.html")).unwrap();
    let shown = district.cli(&["report", "--format", "html"]).ok().stdout;
    for html in [beside, shown] {
        assert!(html.contains("<dt>Result</dt><dd>attention</dd>"), "{html}");
        let results = data(&html).0["page"]["runs"].clone();
        assert_eq!((&results[0]["result"], &results[1]["result"]), (&json!("ok"), &json!("attention")));
    }
}

#[test]
fn filters_order_and_columns_shape_a_page_like_any_other_format() {
    let district = district();
    district.run().ok();
    let show =
        |arguments: &[&str]| district.cli(&[&["report", "--format", "html"], arguments].concat()).ok().stdout;
    let html = show(&["--where", "role=teacher", "--columns", "sourced_id,email,notes"]);
    let (found, rows) = data(&html);
    assert_eq!(found["columns"], json!(["sourced_id", "email", "notes"]));
    assert_eq!(rows.iter().map(|row| row[0].as_str()).collect::<Vec<_>>(), ["tea-1"]);
    assert!(html.contains("<dt>Shown</dt><dd>role=teacher</dd>"));
    let (_, rows) = data(&show(&["--sort", "sourced_id", "--reverse"]));
    assert_eq!(
        rows.iter().map(|row| row[1].as_str()).collect::<Vec<_>>(),
        ["tea-1", "stu-1", "nur-1", "gua-1"]
    );
    // A file has no run.
    let file = district.path("reports/users-000001.csv");
    let html = district.cli(&["report", file.to_str().unwrap(), "--format", "html"]).ok().stdout;
    let (of_file, rows) = data(&html);
    assert_eq!(
        (rows.len(), &of_file["page"]["messages"], &of_file["page"]["runs"]),
        (4, &json!(null), &json!([]))
    );
    assert!(html.contains("<dt>File</dt><dd>users-000001.csv</dd>"));
}

/// `[sync] html = true`: a page beside each report, in the mail to the administrators, up to date with
/// the messages, gone with the report.
#[test]
fn a_page_beside_each_report_goes_with_the_mail_and_with_the_report() {
    let mut district = district().update_contacts(true);
    district.set("sync.html", "true");
    district.set("sync.keep_reports", "30");
    district.set("notify.admins.to", "[\"it@lincoln.example\"]");
    district.set("notify.admins.when", "\"always\"");
    district.run().ok();
    // A run that was killed before it wrote its page: the next one does.
    fs::remove_file(district.path("reports/users-000001.html")).unwrap();
    district.file("reports/.users-000001.html.writing", "half a page");
    district.unset("platform.users");
    let people = [
        person("tea-1").email("new@home.example"),
        person("gua-1"),
        person("stu-1"),
        person("nur-1").role("nurse"),
    ];
    district.sis(&people);
    // Summaries are in the order of their times.
    district.at("2026-11-24T08:15:00Z");
    district.run().ok();
    let last = district.names().into_iter().rfind(|name| name.ends_with(".html")).unwrap();
    let path = district.path(&last);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let html = fs::read_to_string(&path).unwrap();
    let (data, _) = data(&html);
    let told = data["page"]["messages"].as_array().unwrap();
    assert!(!told.is_empty() && told.iter().all(|told| told["state"] == "sent"), "{told:?}");
    let mail = district.mails().into_iter().rfind(|mail| mail.to.contains("it@lincoln.example")).unwrap();
    let name = Path::new(&last).file_name().unwrap().to_str().unwrap();
    let raw = fs::read_to_string(district.path("mail").join(&mail.file)).unwrap();
    for attached in [name.to_owned(), name.replace(".html", ".csv")] {
        assert!(raw.contains(&format!("filename=\"{attached}\"")), "{attached} is attached");
    }
    // Only one of the two fits: the mail says where the other one is.
    district.set("notify.admins.attach_kb", "20");
    district.at("2026-11-25T08:15:00Z");
    district.run().ok();
    let mail = district.mails().into_iter().rfind(|mail| mail.to.contains("it@lincoln.example")).unwrap();
    assert!(mail.body.contains("The HTML report is not attached, it is at "), "{}", mail.body);
    assert!(!mail.body.contains("The Users report is not attached"), "{}", mail.body);
    for _ in 0..7 {
        district.run().ok();
    }
    let old = SystemTime::now() - Duration::from_secs(31 * 86_400);
    district.written("reports/users-000001.csv", old);
    assert!(district.path("reports/users-000001.html").exists());
    district.run().ok();
    assert!(!district.path("reports/users-000001.html").exists());
    assert!(!district.names().iter().any(|name| name.contains(".writing")));
}

/// That the push failed is known after the page was written.
#[test]
fn a_page_says_how_the_run_ended_after_all() {
    let mut district = District::new().with("sync.html", "true");
    district.set("platform.push.command", "[\"/bin/false\"]");
    district.sis(&[person("tea-1")]);
    district.run().exits(8);
    let html = fs::read_to_string(district.path("reports/users-000001.html")).unwrap();
    assert!(html.contains("<dt>Result</dt><dd>undelivered</dd>"));
    assert_eq!(data(&html).0["page"]["runs"][0]["result"], "undelivered");
}

#[test]
fn a_blocked_run_says_so_on_its_page() {
    let mut district = District::new().with("sync.html", "true");
    district.set("limits.archive", "0");
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("tea-1")]);
    district.run().exits(4);
    let html = fs::read_to_string(district.path("reports/users-000002.html")).unwrap();
    assert!(html.contains("<p class=\"blocked\"><strong>BLOCKED:</strong> nothing below was applied</p>"));
    let (data, _) = data(&html);
    assert_eq!(data["page"]["runs"][1]["blocked"], true);
}

#[test]
fn erasing_a_user_leaves_nothing_on_any_page() {
    let mut district = District::new().with("sync.html", "true").without_limits();
    district.platform(&[person("gua-7").given("Gerlinde").email("gerlinde@mail.example"), person("gua-8")]);
    district.sis(&[
        person("gua-7").given("Gerlinde").email("other@mail.example"),
        person("gua-8"),
        person("tea-1"),
    ]);
    district.run().ok();
    district.run().ok();
    // The Users report of the first run was taken away by hand.
    fs::remove_file(district.path("reports/users-000001.csv")).unwrap();
    let said = district.cli(&["users", "erase", "gua-7", "--yes"]).ok();
    assert!(!district.path("reports/users-000001.html").exists(), "{}", said.stdout);
    let html = fs::read_to_string(district.path("reports/users-000002.html")).unwrap();
    for value in ["gua-7", "Gerlinde", "gerlinde@mail.example", "other@mail.example"] {
        assert!(!html.contains(value), "{value}");
    }
    let (_, rows) = data(&html);
    assert_eq!(rows.iter().map(|row| row[1].as_str()).collect::<Vec<_>>(), ["gua-8", "tea-1"]);
}

/// Roles of OneRoster 1.2 have a school; the primary role of the nurse is none of OneRoster's.
#[test]
fn messages_are_counted_by_the_primary_role_and_a_ticket_has_no_role_of_the_district() {
    let mut district = District::new().without_limits().update_contacts(true).with_orgs();
    district.platform(&[person("nur-1"), person("tea-1"), person("tea-2")]);
    let night = |district: &District, domain: &str| {
        let people =
            ["nur-1", "tea-1", "tea-2"].map(|id| person(id).email(&format!("{id}@{domain}.example")));
        district.sis_without(&["role", "orgSourcedIds"], &people);
        district.file(
            "sis/roles.csv",
            "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n\
             r1,,,nur-1,primary,ext:nurseKlara,,,sch-1\nr2,,,nur-1,secondary,teacher,,,sch-1\n\
             r3,,,tea-1,primary,teacher,,,sch-1\nr4,,,tea-2,primary,teacher,2026-08-01,,sch-2\n",
        );
    };
    night(&district, "school");
    district.run().ok();
    night(&district, "new");
    district.run().ok();
    let roles = |arguments: &[&str]| {
        let html = district.cli(&[&["report", "--format", "html"], arguments].concat()).ok().stdout;
        let told = data(&html).0["page"]["messages"].clone();
        let told = told.as_array().unwrap().iter();
        told.map(|told| format!("{} {}", told["role"].as_str().unwrap(), told["count"])).collect::<Vec<_>>()
    };
    // To the old address and to the new one.
    assert_eq!(roles(&[]), ["ext:nurseKlara 2", "teacher 4"]);
    assert_eq!(roles(&["--redact"]), ["(other role) 2", "teacher 4"]);
}

/// Starts `tests/browser/report.mjs`; false, said aloud, where the machine has no Chromium, no Node or
/// not the packages of `npm ci`.
fn browser(arguments: &[&str]) -> bool {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    let chromium = program("CHROMIUM", "chromium");
    let (Some(chromium), Some(node)) = (chromium, program("NODE", "node")) else {
        return left_out("chromium", "there is no Chromium or no Node").unwrap_or(false);
    };
    if !folder.join("node_modules/playwright-core").is_dir() {
        return left_out("chromium", "`npm ci` was not done in tests/browser").unwrap_or(false);
    }
    let mut command = Command::new(node);
    command.arg(folder.join("report.mjs")).args(arguments).env("CHROMIUM", chromium);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    true
}

/// The last day of the fixtures as a page.
fn fixtures(district: &District) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let out = district.path("fixtures.html");
    let report = root.join("tests/golden/day3.csv");
    district.cli(&["report", report.to_str().unwrap(), "-o", out.to_str().unwrap()]).ok();
    out
}

#[test]
fn in_a_browser_it_is_accessible_by_keyboard_and_screen_reader_and_prints() {
    let district = District::new();
    if long() || std::env::var_os("ROSTERSYNC_BROWSER").is_some() {
        browser(&["small", fixtures(&district).to_str().unwrap()]);
    }
}

#[test]
fn in_a_browser_100_000_users_open_and_sort_within_two_seconds() {
    if !long() && std::env::var_os("ROSTERSYNC_BROWSER").is_none() {
        return;
    }
    let district = District::new();
    let mut csv = String::from(
        "line,sourced_id,identifier,role,schools,state,action,given_name,family_name,email,phone,home_phone,\
         sis_given_name,sis_family_name,sis_email,sis_phone,sis_home_phone,codes,first_seen,notes\n",
    );
    let given = ["Rosa", "José", "Minh", "Aaliyah", "Zoë", "Omar"];
    let family = ["Diaz", "Núñez", "Smith", "Nguyen", "O'Brien", "Çelik", "Okafor"];
    for n in 0..100_000_usize {
        // In no order that sorting would find done already.
        let mixed = (n * 7919) % 100_000;
        let (given, family) = (given[mixed % 6], family[mixed % 7]);
        let email = format!("user.{mixed}@mail.example");
        let (action, codes, day, notes) = match n % 25 {
            0 => (
                "kept",
                "active-email-differs",
                "2026-11-20",
                "Active user has a new email in the SIS import - ",
            ),
            1 => ("unchanged", "email-shared", "", "Email is shared with "),
            _ => ("unchanged", "", "", ""),
        };
        let note = if notes.is_empty() { String::new() } else { format!("{notes}{email}") };
        let _ = writeln!(
            csv,
            "{n},u-{mixed:06},{mixed},{},sch-{},active,{action},{given},{family},{email},+1718{:07},,{given},{family},\
             {email},+1718{:07},,{codes},{day},{note}",
            ["student", "guardian", "teacher"][n % 3],
            mixed % 120,
            2_000_000 + mixed,
            2_000_000 + mixed,
        );
    }
    district.file("large.csv", csv);
    let (report, out) = (district.path("large.csv"), district.path("large.html"));
    district.cli(&["report", report.to_str().unwrap(), "-o", out.to_str().unwrap()]).ok();
    // Among other tests the clock says little of the page.
    let most = if long() { "20000" } else { "2000" };
    browser(&["large", out.to_str().unwrap(), most]);
}
