//! The report: its bytes, and what `rostersync report` shows of it.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

use crate::support::{District, Report, person};

const HEADER: &str = "line,sourced_id,identifier,role,schools,state,action,given_name,family_name,email,phone,home_phone,\
                      sis_given_name,sis_family_name,sis_email,sis_phone,sis_home_phone,codes,first_seen,notes";

/// A user of every kind, in an order that sorting changes.
fn district() -> District {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-3").email("rosa@home.example"), person("tea-9")]);
    district.sis(&[
        person("tea-3").identifier("0042"),
        person("tea-10").family("O'Brien, \"Bo\""),
        person("tea-9").enabled("false"),
        person("stu-2").schools("sch-1,sch-2"),
        person("nur-1").role("nurse"),
    ]);
    district.run().ok();
    district
}

fn show(district: &District, arguments: &[&str]) -> String {
    district.cli(&[&["report"], arguments].concat()).ok().stdout
}

#[test]
fn its_bytes() {
    let district = district();
    let path = district.path("reports/users-000001.csv");
    let bytes = fs::read(&path).unwrap();
    assert!(bytes.starts_with(b"\xEF\xBB\xBFline,"), "a BOM, for spreadsheets");
    let text = String::from_utf8(bytes[3..].to_vec()).unwrap();
    assert_eq!(text.matches('\n').count(), text.matches("\r\n").count(), "CRLF everywhere");
    let lines: Vec<&str> = text.strip_suffix("\r\n").unwrap().split("\r\n").collect();
    assert_eq!(
        lines,
        [
            HEADER,
            "2,tea-3,0042,teacher,sch-1,active,created,Rosa,Diaz,rosa@home.example,,,Rosa,Diaz,tea-3@school.example,,,\
             active-email-differs,2026-11-23,Active user has a new email in the SIS import - rosa@home.example",
            "3,tea-10,,teacher,sch-1,pending,created,Rosa,\"O'Brien, \"\"Bo\"\"\",tea-10@school.example,,,Rosa,\
             \"O'Brien, \"\"Bo\"\"\",tea-10@school.example,,,,,",
            "4,tea-9,,teacher,sch-1,active,created,Rosa,Diaz,tea-9@school.example,,,Rosa,Diaz,tea-9@school.example,,,\
             disabled,,User is disabled in the SIS import",
            "5,stu-2,,student,sch-1|sch-2,pending,created,Rosa,Diaz,stu-2@school.example,,,Rosa,Diaz,stu-2@school.example,,,,,",
            "6,nur-1,,nurse,sch-1,,skipped,,,,,,Rosa,Diaz,nur-1@school.example,,,role-not-synced,,Role nurse is not synced - left out",
        ]
    );
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let store = district.path("rostersync.db").metadata().unwrap().permissions().mode();
    assert_eq!(store & 0o777, 0o600);
}

/// What a spreadsheet would run as a formula is text, and `report FILE` takes the apostrophe off.
#[test]
fn cells_that_a_spreadsheet_would_run_are_made_safe() {
    let district = District::new();
    district.sis(&[
        person("=1+1").given("=HYPERLINK(1)").family("+49"),
        person("tea-2").given("-Rosa").family("@Diaz").mobile("718-555-0101"),
        person("tea-3").given("'quoted'").family("'=x").home("718-555-0102 x5"),
    ]);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id given_name family_name phone home_phone"),
        [
            "'=1+1 | '=HYPERLINK(1) | '+49 |  | ",
            "tea-2 | '-Rosa | '@Diaz | +17185550101 | ",
            "tea-3 | 'quoted' | ''=x |  | '+17185550102 ext. 5",
        ]
    );
    let columns = ["--format", "json", "--columns", "sourced_id,given_name,family_name,home_phone"];
    for which in [&[][..], &["reports/users-000001.csv"]] {
        let json: serde_json::Value =
            serde_json::from_str(&show(&district, &[which, &columns[..]].concat())).unwrap();
        assert_eq!(
            json,
            serde_json::json!([
                { "sourced_id": "=1+1", "given_name": "=HYPERLINK(1)", "family_name": "+49", "home_phone": "" },
                { "sourced_id": "tea-2", "given_name": "-Rosa", "family_name": "@Diaz", "home_phone": "" },
                { "sourced_id": "tea-3", "given_name": "'quoted'", "family_name": "'=x", "home_phone": "+17185550102 ext. 5" },
            ])
        );
    }
    // CSV that goes out is safe again, and the same as the file but for the BOM.
    let csv = show(&district, &["--format", "csv"]);
    let bytes = fs::read(district.path("reports/users-000001.csv")).unwrap();
    assert!(csv.as_bytes() == &bytes[3..], "standard output has no BOM");
}

#[test]
fn sorting_by_notes_puts_those_with_notes_first() {
    let district = district();
    let ids = |arguments: &[&str]| {
        let csv = show(&district, &[arguments, &["--format", "csv"]].concat());
        Report::parse(csv.as_bytes()).rows.iter().map(|row| row["sourced_id"].to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(ids(&[]), ["tea-3", "tea-10", "tea-9", "stu-2", "nur-1"]);
    assert_eq!(ids(&["--sort", "notes"]), ["tea-3", "nur-1", "tea-9", "tea-10", "stu-2"]);
    assert_eq!(ids(&["--sort", "notes", "--reverse"])[..3], ["tea-9", "nur-1", "tea-3"]);
    assert_eq!(ids(&["--sort", "notes", "--notes"]), ["tea-3", "nur-1", "tea-9"]);
    assert_eq!(ids(&["--sort", "sourced_id"]), ["nur-1", "stu-2", "tea-10", "tea-3", "tea-9"], "by bytes");
    assert_eq!(ids(&["--sort", "state,line", "--reverse"])[0], "stu-2");
    assert_eq!(ids(&["--sort", "line", "--reverse"]), ["nur-1", "stu-2", "tea-9", "tea-10", "tea-3"]);
    assert_eq!(ids(&["--where", "state=active"]), ["tea-3", "tea-9"]);
    assert_eq!(ids(&["--where", "schools=sch-2"]), ["stu-2"]);
    assert_eq!(ids(&["--where", "state=active", "--where", "codes=disabled"]), ["tea-9"]);
    assert_eq!(ids(&["--where", "state="]), ["nur-1"]);
    assert_eq!(ids(&["--where", "state=archived"]), [""; 0]);
}

#[test]
fn mistakes_in_what_is_asked_for_are_said() {
    let district = district();
    district.cli(&["report", "--sort", "note"]).exits(2).complains(&["`note`", "notes"]);
    district.cli(&["report", "--columns", "emial"]).exits(2).complains(&["emial", "email"]);
    district.cli(&["report", "--where", "state"]).exits(2).complains(&["COLUMN=VALUE"]);
    district.cli(&["report", "--columns", "email,email"]).exits(2).complains(&["twice"]);
    district.cli(&["report", "77"]).exits(2);
    let nowhere = District::new();
    nowhere.sis(&[person("tea-1")]);
    let done = nowhere.cli(&["report"]);
    assert_ne!(done.code, 0);
    assert_eq!(done.stdout, "");
}

#[test]
fn other_runs_and_files() {
    let district = district();
    district.run().ok();
    assert!(show(&district, &["1"]).contains("created"));
    assert!(!show(&district, &[]).contains("created"), "the latest by default");
    assert_eq!(show(&district, &["1"]), show(&district, &["reports/users-000001.csv"]));
    let path = district.path("reports/users-000001.csv");
    let before = fs::read(&path).unwrap();
    show(&district, &["1", "--sort", "notes", "-o", "sorted.csv"]);
    let sorted = fs::read(district.path("sorted.csv")).unwrap();
    assert_eq!(Report::parse(&sorted).column("sourced_id")[0], "tea-3");
    let mode = district.path("sorted.csv").metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o077, 0, "it has everybody's details in it");
    assert!(fs::read(&path).unwrap() == before, "the report itself is only read");
}

/// Spreadsheets need it, so a file has it, and standard output does not.
#[test]
fn a_csv_file_begins_with_a_byte_order_mark_wherever_it_is_written() {
    let district = district();
    show(&district, &["1", "-o", "copy.csv"]);
    let copy = fs::read(district.path("copy.csv")).unwrap();
    assert!(copy.starts_with(b"\xEF\xBB\xBF"));
    assert!(copy == fs::read(district.path("reports/users-000001.csv")).unwrap());
}

#[test]
fn the_table_is_for_people_and_pipes_cleanly() {
    let district = district();
    let table = show(&district, &["--columns", "sourced_id,state,notes"]);
    let lines: Vec<&str> = table.lines().collect();
    assert!(lines[0].starts_with("sourced_id"), "{table}");
    assert!(
        lines.iter().any(|line| line.contains("tea-3") && line.ends_with("rosa@home.example")),
        "{table}"
    );
    assert!(!table.contains('\u{1b}') && !table.contains('\r'), "{table}");
    assert!(!table.contains('…'), "through a pipe nothing is cut off");
}

#[test]
fn names_cannot_play_tricks_on_a_terminal() {
    let district = District::new();
    district.sis(&[person("tea-1").given("\u{1b}[31mRosa\u{7}").family("Di\taz")]);
    for stdout in [district.preview().ok().stdout, district.run().ok().stdout, show(&district, &[])] {
        let tricks = |c: char| c.is_control() && c != '\n';
        assert!(!stdout.contains(tricks), "{stdout:?}");
    }
}

#[test]
fn old_reports_are_removed_after_their_days() {
    let mut district = District::new().with("sync.keep_reports", "30");
    district.sis(&[person("tea-1")]);
    for _ in 0..8 {
        district.run().ok();
    }
    // Reports are as old as the system's clock says, whatever day the run takes for today.
    let days_ago = |days: u64| SystemTime::now() - Duration::from_secs(days * 86_400);
    district.written("reports/users-000001.csv", days_ago(31));
    district.written("reports/users-000002.csv", days_ago(29));
    district.file("reports/users-list.csv", "not ours");
    district.written("reports/users-list.csv", days_ago(99));
    district.set("sync.keep_reports", "0");
    district.run().ok();
    assert!(district.path("reports/users-000001.csv").exists(), "0 keeps all");
    district.set("sync.keep_reports", "30");
    district.run().ok();
    let left: Vec<String> =
        district.names().into_iter().filter(|name| name.starts_with("reports/")).collect();
    let mut expected: Vec<String> = (2..=10).map(|run| format!("reports/users-{run:06}.csv")).collect();
    expected.push("reports/users-list.csv".into());
    assert_eq!(left, expected);
    // After a pause that is longer than that the newest seven stay.
    for run in 2..=10 {
        district.written(&format!("reports/users-{run:06}.csv"), days_ago(200 - run));
    }
    district.run().ok();
    let left = district.names().into_iter().filter(|name| name.starts_with("reports/users-0")).count();
    assert!(left >= 7 && district.path("reports/users-000010.csv").exists(), "{left}");
}

/// The pipe's other end goes away: `rostersync report | head`.
#[test]
fn a_reader_that_has_seen_enough_is_no_failure() {
    let district = District::new();
    district.sis(&(0..3000).map(|n| person(&format!("tea-{n:04}"))).collect::<Vec<_>>());
    district.run().ok();
    let program = env!("CARGO_BIN_EXE_rostersync");
    let script = format!("'{program}' report --format csv; echo $? >&2");
    let mut shell = std::process::Command::new("/bin/sh");
    shell
        .args(["-c", &format!("({script}) | head -n 1")])
        .current_dir(district.path(""))
        .env("ROSTERSYNC_CONFIG", "rostersync.toml");
    let done = district.done(&mut shell);
    assert_eq!(done.stdout.trim_end(), HEADER);
    assert_eq!(done.stderr.trim(), "0");
}

/// What the table heads a column with can be asked for.
#[test]
fn the_tables_header_name_is_a_column() {
    let district = District::new();
    district.sis(&[person("tea-2").given("Bo").family("Lind"), person("tea-1").given("Ana").family("Lee")]);
    district.run().ok();
    let said = |arguments: &[&str]| district.cli(&[&["report"], arguments].concat()).ok().stdout;
    assert_eq!(
        said(&["--columns", "name,state", "--sort", "name"]),
        "name     state\nAna Lee  pending\nBo Lind  pending\n"
    );
    assert_eq!(
        said(&["--columns", "sourced_id,name", "--where", "name=Bo Lind"]),
        "sourced_id  name\ntea-2       Bo Lind\n"
    );
    assert_eq!(said(&["--where", "name=Bo", "--columns", "name"]), "name\n");
    // Programs get the two columns that there are.
    assert_eq!(
        said(&["--columns", "name", "--format", "csv"]),
        "given_name,family_name\r\nBo,Lind\r\nAna,Lee\r\n"
    );
    district.cli(&["report", "--columns", "nmae"]).exits(2).complains(&[
        "the report has no column `nmae`",
        "line, sourced_id, identifier",
        "and `name` for given and family name",
    ]);
    district.cli(&["report", "--columns", "name,given_name"]).exits(2).complains(&["`given_name` twice"]);
}

/// A slip in `--report` or `-o` must not cost an input, a secret or a template.
#[test]
fn no_output_goes_over_what_is_read_or_kept() {
    let mut district = District::new()
        .with("notify.templates", "\"templates\"")
        .with("notify.email.server", "\"smtp://127.0.0.1:1\"")
        .with("notify.email.user", "\"district\"")
        .with("notify.email.password_file", "\"secrets/mail\"")
        .with("monitor.ping_url_file", "\"ping-url\"");
    district.platform(&[person("tea-1")]);
    district.sis(&[person("tea-1")]);
    district.file("templates/en/email.txt", "");
    std::fs::remove_dir_all(district.path("templates/en")).unwrap();
    district.file("secrets/mail", "hunter2\n");
    district.file("ping-url", "http://127.0.0.1:1/");
    district.file("renames.csv", "old,new\n");
    district.file("other/users.csv", std::fs::read(district.path("sis/users.csv")).unwrap());
    district.run().ok();
    let before = district.names();
    for output in [
        "renames.csv",
        "./other/../renames.csv",
        "other/users.csv",
        "other/new.csv",
        "sis/users.csv",
        "platform-users.csv",
        "rostersync.toml",
        "rostersync.db",
        "rostersync.db.lock",
        "secrets/mail",
        "ping-url",
        "templates/en.txt",
        "reports/users-000001.csv",
    ] {
        let run = ["run", "--dry-run", "--source", "other", "--rekey", "renames.csv", "--report", output];
        district.cli(&run).exits(2).complains(&["that would overwrite what the sync reads or keeps"]);
        let named_there_alone = output.contains("renames") || output.contains("other/");
        if !named_there_alone {
            district
                .cli(&["report", "-o", output])
                .exits(2)
                .complains(&["that would overwrite what the sync reads or keeps"]);
            district
                .cli(&["report", "--sis-corrections", "-o", output])
                .exits(2)
                .complains(&["that would overwrite what the sync reads or keeps"]);
        }
    }
    assert_eq!(district.names(), before);
    // What is none of these can be written, and written again.
    for _ in 0..2 {
        district.cli(&["run", "--dry-run", "--report", "preview.csv"]).ok();
        district.cli(&["run", "--dry-run", "--report", "reports/preview.csv"]).ok();
        district.cli(&["report", "-o", "secrets/copy.csv"]).ok();
    }
}
