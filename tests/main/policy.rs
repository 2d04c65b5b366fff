//! The decision table of the setting, field by field, through files, runs and reports.
//!
//! Every person below is one cell of the table: what the account holds, what the SIS says tonight,
//! and what comes of it.

use crate::support::{District, Done, Person, person};

/// A field as it is shown in notes and found in the report, with values that no two people share.
#[derive(Clone, Copy)]
struct Field {
    /// In the test's ids.
    key: &'static str,
    /// In the report.
    column: &'static str,
    noun: &'static str,
    title: &'static str,
    code: &'static str,
    set: fn(Person, &str) -> Person,
}

fn set_name(person: Person, value: &str) -> Person {
    let (given, family) = value.trim_end().rsplit_once(' ').unwrap_or(("", ""));
    person.given(given).family(family)
}

const FIELDS: [Field; 4] = [
    Field { key: "name", column: "family_name", noun: "name", title: "Name", code: "name", set: set_name },
    Field {
        key: "email",
        column: "email",
        noun: "email",
        title: "Email",
        code: "email",
        set: |p, v| p.email(v),
    },
    Field {
        key: "phone",
        column: "phone",
        noun: "phone number",
        title: "Phone number",
        code: "phone",
        set: |p, v| p.mobile(v),
    },
    Field {
        key: "home",
        column: "home_phone",
        noun: "home phone number",
        title: "Home phone number",
        code: "home-phone",
        set: |p, v| p.home(v),
    },
];

impl Field {
    /// The value that the account has, in the form in which it is shown.
    fn old(self, number: usize) -> String {
        match self.key {
            "name" => format!("Rosa Old{number}"),
            "email" => format!("old{number}@mail.example"),
            _ => format!("+1718555{:04}", 100 + number),
        }
    }

    /// The same, written otherwise.
    fn reformatted(self, number: usize) -> String {
        match self.key {
            "name" => format!("  Rosa  Old{number} "),
            "email" => format!(" Old{number}@MAIL.example"),
            _ => format!("(718) 555-{:04}", 100 + number),
        }
    }

    fn changed(self, number: usize) -> String {
        match self.key {
            "name" => format!("Rosa New{number}"),
            "email" => format!("new{number}@mail.example"),
            _ => format!("+1917555{:04}", 100 + number),
        }
    }

    fn invalid(self) -> &'static str {
        match self.key {
            "email" => "rosa(at)mail.example",
            _ => "555-0100",
        }
    }

    /// As the report has it in its column.
    fn shown(self, value: &str) -> String {
        let part = if self.key == "name" { value.rsplit(' ').next().unwrap_or_default() } else { value };
        part.to_owned()
    }

    fn says(self, note: &str, old: &str) -> String {
        let actual = if old.is_empty() { "none" } else { old };
        note.replace("{Field}", self.title)
            .replace("{field}", self.noun)
            .replace("{old}", actual)
            .replace("{invalid}", self.invalid())
    }
}

/// One row of the table of the domain document, for every field.
struct Cell {
    account: &'static str,
    setting: &'static str,
    /// What the account holds: `old`, or nothing.
    holds: &'static str,
    sis: &'static str,
    action: &'static str,
    note: &'static str,
    code: &'static str,
    then: &'static str,
}

const fn cell(
    [account, setting, holds, sis]: [&'static str; 4],
    [action, note, code, then]: [&'static str; 4],
) -> Cell {
    Cell { account, setting, holds, sis, action, note, code, then }
}

const UPDATED: &str = "{Field} updated by the sync - was {old}";
const DIFFERS: &str = "Active user has a new {field} in the SIS import - {old}";
const BLANK: &str = "SIS import has no {field} - kept {old}";
const INVALID: &str = "SIS import has an invalid {field} - {invalid}";

const TABLE: &[Cell] = &[
    // No account yet: created with the SIS values.
    cell(["none", "ON", "", "differs"], ["created", "", "", "new"]),
    cell(["none", "OFF", "", "differs"], ["created", "", "", "new"]),
    cell(["none", "OFF", "", "blank"], ["created", "", "", ""]),
    cell(["none", "OFF", "", "invalid"], ["created", INVALID, "sis-{code}-invalid", ""]),
    // Pending: always the sync's, whatever the setting.
    cell(["pending", "ON", "old", "differs"], ["updated", UPDATED, "{code}-updated", "new"]),
    cell(["pending", "OFF", "old", "differs"], ["updated", UPDATED, "{code}-updated", "new"]),
    cell(["pending", "OFF", "", "differs"], ["updated", UPDATED, "{code}-updated", "new"]),
    cell(["pending", "ON", "old", "same"], ["unchanged", "", "", "old"]),
    cell(["pending", "OFF", "old", "same"], ["unchanged", "", "", "old"]),
    cell(["pending", "OFF", "old", "blank"], ["unchanged", BLANK, "sis-{code}-blank", "old"]),
    cell(["pending", "ON", "old", "invalid"], ["unchanged", INVALID, "sis-{code}-invalid", "old"]),
    // Active under ON: only the sync.
    cell(["active", "ON", "old", "differs"], ["updated", UPDATED, "{code}-updated", "new"]),
    cell(["active", "ON", "", "differs"], ["updated", UPDATED, "{code}-updated", "new"]),
    cell(["active", "ON", "old", "same"], ["unchanged", "", "", "old"]),
    cell(["active", "ON", "old", "blank"], ["unchanged", BLANK, "sis-{code}-blank", "old"]),
    cell(["active", "ON", "", "blank"], ["unchanged", "", "", ""]),
    cell(["active", "ON", "old", "invalid"], ["unchanged", INVALID, "sis-{code}-invalid", "old"]),
    // Active under OFF: never the sync.
    cell(["active", "OFF", "old", "differs"], ["kept", DIFFERS, "active-{code}-differs", "old"]),
    cell(["active", "OFF", "", "differs"], ["kept", DIFFERS, "active-{code}-differs", ""]),
    cell(["active", "OFF", "old", "same"], ["unchanged", "", "", "old"]),
    cell(["active", "OFF", "old", "blank"], ["unchanged", BLANK, "sis-{code}-blank", "old"]),
    cell(["active", "OFF", "", "blank"], ["unchanged", "", "", ""]),
    cell(["active", "OFF", "old", "invalid"], ["unchanged", INVALID, "sis-{code}-invalid", "old"]),
];

/// `blank_values = "clear"`: the rows of the table that it changes.
const TABLE_CLEAR: &[Cell] = &[
    cell(["pending", "ON", "old", "blank"], ["updated", UPDATED, "{code}-updated", ""]),
    cell(["pending", "OFF", "old", "blank"], ["updated", UPDATED, "{code}-updated", ""]),
    cell(["active", "ON", "old", "blank"], ["updated", UPDATED, "{code}-updated", ""]),
    cell(["active", "OFF", "old", "blank"], ["kept", BLANK, "sis-{code}-blank", "old"]),
    cell(["active", "OFF", "", "blank"], ["unchanged", "", "", ""]),
    cell(["pending", "OFF", "", "blank"], ["unchanged", "", "", ""]),
];

/// A column that is not there says nothing, whatever the account.
const TABLE_NOT_PROVIDED: &[Cell] = &[
    cell(["pending", "ON", "old", "not provided"], ["unchanged", "", "", "old"]),
    cell(["pending", "OFF", "old", "not provided"], ["unchanged", "", "", "old"]),
    cell(["active", "ON", "old", "not provided"], ["unchanged", "", "", "old"]),
    cell(["active", "OFF", "old", "not provided"], ["unchanged", "", "", "old"]),
];

impl Cell {
    /// What cannot be: a name is never invalid, never empty on an account, and a new record must
    /// have one.
    fn is_possible(&self, field: Field) -> bool {
        field.key != "name"
            || self.sis != "invalid"
                && !(self.account == "none" && self.sis == "blank")
                && self.holds == "old"
            || self.account == "none" && self.sis == "differs"
    }

    /// A user with everything but this field: reachable, and without shared values.
    fn person(&self, field: Field, number: usize) -> Person {
        let id = format!("tea-{number:03}-{}", field.key);
        let school = if self.setting == "ON" { "sch-on" } else { "sch-off" };
        let fallback = person(&id)
            .schools(school)
            .email(&format!("{id}@school.example"))
            .mobile(&format!("+1347555{:04}", 100 + number % 100));
        if field.key == "email" { fallback } else { fallback.mobile("") }
    }
}

/// Two nights: first each user gets the account that the cell is about, then the SIS has its value.
fn play(table: &[Cell], blank_values: &str) {
    for field in FIELDS {
        let mut district = District::new()
            .without_limits()
            .school("sch-on", true)
            .school("sch-off", false)
            .with("sync.blank_values", &format!("{blank_values:?}"));
        let cells: Vec<(usize, &Cell)> =
            table.iter().enumerate().filter(|(_, cell)| cell.is_possible(field)).collect();
        let (mut before, mut joined, mut tonight) = (Vec::new(), Vec::new(), Vec::new());
        for (number, cell) in &cells {
            let somebody = cell.person(field, *number);
            let held = if cell.holds == "old" { field.old(*number) } else { String::new() };
            let account = (field.set)(somebody.clone(), &held);
            if cell.account != "none" {
                before.push(account.clone());
            }
            if cell.account == "active" {
                joined.push(account);
            }
            let said = match cell.sis {
                "same" => field.reformatted(*number),
                "differs" => field.changed(*number),
                "invalid" => field.invalid().to_owned(),
                _ => String::new(),
            };
            tonight.push((field.set)(somebody, &said));
        }
        // A user that keeps the export from being empty.
        let stranger = person("tea-999").schools("sch-off");
        before.push(stranger.clone());
        joined.push(stranger.clone());
        tonight.push(stranger);
        district.platform(&joined);
        district.sis(&before);
        district.run().ok();

        let missing: &[&str] = match (table[0].sis, field.key) {
            ("not provided", "email") => &["email"],
            ("not provided", "phone") => &["sms"],
            ("not provided", "home") => &["phone"],
            // A name's columns are required; one that is blank leaves the account's part, see
            // below.
            ("not provided", _) => continue,
            _ => &[],
        };
        district.sis_without(missing, &tonight);
        let done = district.run().ok();
        for (number, cell) in cells {
            check(&done, field, number, cell, blank_values);
        }
    }
}

#[track_caller]
fn check(done: &Done, field: Field, number: usize, cell: &Cell, blank_values: &str) {
    let id = format!("tea-{number:03}-{}", field.key);
    let row = done.report.row(&id);
    let old = if cell.holds == "old" { field.old(number) } else { String::new() };
    // A name is never cleared: it is kept and said.
    let is_blank_name = field.key == "name" && cell.sis == "blank" && blank_values == "clear";
    let protected = is_blank_name && (cell.setting == "ON" || cell.account == "pending");
    let (action, note, code, then) = match protected {
        true => ("unchanged", BLANK, "sis-{code}-blank", "old"),
        false => (cell.action, cell.note, cell.code, cell.then),
    };
    let then = match then {
        "old" => field.shown(&old),
        "new" => field.shown(&field.changed(number)),
        _ => String::new(),
    };
    let what = format!(
        "{} of {} under {}, which is {:?}: the SIS says {}",
        field.key, cell.account, cell.setting, cell.holds, cell.sis
    );
    assert_eq!(&row["action"], action, "{what}: {row:#?}");
    assert_eq!(row["notes"], field.says(note, &old), "{what}");
    let mut codes = code.replace("{code}", field.code);
    if field.key == "email"
        && (cell.account, cell.setting, cell.then) == ("active", "ON", "")
        && action == "updated"
    {
        // Without their email they could only be texted, which this version cannot.
        codes.push_str(" not-notifiable");
    }
    assert_eq!(row["codes"], codes, "{what}");
    assert_eq!(row[field.column], then, "{what}");
    let state = if cell.account == "active" { "active" } else { "pending" };
    assert_eq!(&row["state"], state, "{what}");
    let first_seen = if action == "kept" { "2026-11-23" } else { "" };
    assert_eq!(&row["first_seen"], first_seen, "{what}");
}

#[test]
fn every_row_of_the_table_for_every_field() {
    play(TABLE, "keep");
}

#[test]
fn blank_cells_clear_where_the_sync_may() {
    play(TABLE_CLEAR, "clear");
}

#[test]
fn what_is_not_provided_never_changes_or_reports_anything() {
    play(TABLE_NOT_PROVIDED, "keep");
    play(TABLE_NOT_PROVIDED, "clear");
}

#[test]
fn the_last_credential_of_an_active_account_is_never_cleared() {
    let mut district =
        District::new().update_contacts(true).without_limits().with("sync.blank_values", "\"clear\"");
    let email_only = person("tea-1").email("one@mail.example");
    let mobile_only = person("tea-2").email("").mobile("+17185550102");
    let both = person("tea-3").email("three@mail.example").mobile("+17185550103");
    let pending = person("tea-4").email("four@mail.example");
    let home = person("tea-5").email("five@mail.example").home("+17185550105");
    district.platform(&[email_only.clone(), mobile_only.clone(), both.clone(), home.clone()]);
    district.sis(&[email_only.clone(), mobile_only.clone(), both.clone(), pending.clone(), home.clone()]);
    district.run().ok();
    let blank = |person: Person| person.email("").mobile("").home("");
    district.sis(&[blank(email_only), blank(mobile_only), blank(both), blank(pending), blank(home)]);
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "SIS import has no email - kept one@mail.example");
    done.says("tea-2", "unchanged", "SIS import has no phone number - kept +17185550102");
    done.says(
        "tea-3",
        "updated",
        "SIS import has no email - kept three@mail.example; Phone number updated by the sync - was +17185550103",
    );
    done.says("tea-4", "updated", "Email updated by the sync - was four@mail.example");
    done.says(
        "tea-5",
        "updated",
        "SIS import has no email - kept five@mail.example; Home phone number updated by the sync - was +17185550105",
    );
    // A new value in the same night is a credential, so the other may go.
    let mut district =
        District::new().update_contacts(true).without_limits().with("sync.blank_values", "\"clear\"");
    district.platform(&[person("tea-1").email("one@mail.example")]);
    district.sis(&[person("tea-1").email("one@mail.example")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("").mobile("(718) 555-0101")]);
    let done = district.run().ok();
    done.says(
        "tea-1",
        "updated",
        "Email updated by the sync - was one@mail.example; Phone number updated by the sync - was none",
    );
}

#[test]
fn an_invalid_value_is_never_the_last_credential_but_the_old_one_is() {
    let mut district =
        District::new().update_contacts(true).without_limits().with("sync.blank_values", "\"clear\"");
    district.platform(&[person("tea-1").email("one@mail.example")]);
    district.sis(&[person("tea-1").email("one@mail.example")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("").mobile("555-0100")]);
    let done = district.run().ok();
    done.says(
        "tea-1",
        "unchanged",
        "SIS import has no email - kept one@mail.example; SIS import has an invalid phone number - 555-0100",
    );
}

#[test]
fn one_blank_part_of_a_name_leaves_the_accounts_part() {
    let district = District::new();
    district.sis(&[person("tea-1"), person("tea-2"), person("tea-3")]);
    district.run().ok();
    district.sis(&[
        person("tea-1").given(""),
        person("tea-2").given("").family("Lund"),
        person("tea-3").given("Rosita").family(""),
    ]);
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "");
    done.says("tea-2", "updated", "Name updated by the sync - was Rosa Diaz");
    done.says("tea-3", "updated", "Name updated by the sync - was Rosa Diaz");
    assert_eq!(done.report.shows("given_name family_name"), ["Rosa | Diaz", "Rosa | Lund", "Rosita | Diaz"]);
}

#[test]
fn the_case_of_a_name_is_the_same_under_off_and_applied_in_silence_elsewhere() {
    let mut district = District::new().without_limits().school("sch-on", true);
    let everybody = |given: &str| {
        [
            person("tea-1").given(given),
            person("tea-2").given(given),
            person("tea-3").given(given).schools("sch-on"),
        ]
    };
    district.platform(&[person("tea-1"), person("tea-3").schools("sch-on")]);
    district.sis(&everybody("Rosa"));
    district.run().ok();
    district.sis(&everybody("ROSA"));
    let preview = district.preview_with(&["--detailed-exitcode"]);
    assert_eq!(preview.code, 10, "changes, but none of them touches an active person's sign-in");
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "");
    done.says("tea-2", "updated", "Name updated by the sync - was Rosa Diaz");
    done.says("tea-3", "updated", "Name updated by the sync - was Rosa Diaz");
    assert!(done.plan().ends_with("; 0 notifications (0 email, 0 SMS)"), "{}", done.plan());
    assert_eq!(district.mails(), []);
}

#[test]
fn a_kept_difference_is_reported_every_night_since_its_first_day() {
    let mut district = District::new();
    district.platform(&[person("tea-1").email("rosa@home.example"), person("tea-2")]);
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    let kept = "Active user has a new email in the SIS import - rosa@home.example";
    for (night, since) in [("2026-11-24", "2026-11-23"), ("2026-11-25", "2026-11-23")] {
        district.at(&format!("{night}T08:15:00Z"));
        let done = district.run().ok();
        done.says("tea-1", "kept", kept);
        assert_eq!(done.report.column("first_seen"), [since, ""]);
    }
    // The difference goes away, and comes again later: the count of days starts anew.
    district.at("2026-11-26T08:15:00Z");
    district.sis(&[person("tea-1").email("rosa@home.example"), person("tea-2")]);
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "");
    district.at("2026-11-27T08:15:00Z");
    district.sis(&[person("tea-1").mobile("718 555 0101").email("rosa@home.example"), person("tea-2")]);
    let done = district.run().ok();
    done.says("tea-1", "kept", "Active user has a new phone number in the SIS import - none");
    assert_eq!(done.report.column("first_seen"), ["2026-11-27", ""]);
    assert_eq!(district.mails(), []);
}

/// The report has the day of the newest difference, `users show` the day of each; nights in which
/// nothing moves, an undo and a change of another field make no difference to it.
#[test]
fn each_difference_has_its_own_first_day() {
    let mut district = District::new().without_limits();
    let typed = person("tea-1").email("rosa@home.example").mobile("+17185550101");
    district.platform(std::slice::from_ref(&typed));
    let sis = |phone: &str, home: &str| [person("tea-1").mobile(phone).home(home), person("tea-2")];
    let days = |district: &District| {
        let json = district.cli(&["users", "show", "tea-1", "--json"]).ok().json();
        let day = |field: &str| json["fields"][field]["kept_since"].as_str().unwrap_or("-").to_owned();
        (day("email"), day("phone"), json["kept_since"].as_str().unwrap_or("-").to_owned())
    };
    let night = |district: &mut District, date: &str, phone: &str, home: &str| {
        district.at(&format!("{date}T08:15:00Z"));
        district.sis(&sis(phone, home));
        let first_seen = district.run().ok().report.row("tea-1")["first_seen"].to_owned();
        // With and without --decide-all.
        let again = district.run_with(&["--decide-all"]).ok().report.row("tea-1")["first_seen"].to_owned();
        assert_eq!(first_seen, again);
        first_seen
    };
    assert_eq!(night(&mut district, "2026-11-23", "7185550101", ""), "2026-11-23");
    assert_eq!(night(&mut district, "2026-11-24", "7185550101", ""), "2026-11-23");
    // A second difference is newer; the first one keeps its day.
    assert_eq!(night(&mut district, "2026-11-25", "7185550199", ""), "2026-11-25");
    assert_eq!(days(&district), ("2026-11-23".into(), "2026-11-25".into(), "2026-11-25".into()));
    assert_eq!(night(&mut district, "2026-11-26", "7185550199", ""), "2026-11-25");
    let shown = district.cli(&["users", "show", "tea-1"]).ok().stdout;
    let lines: Vec<&str> =
        shown.lines().filter(|line| line.starts_with("email") || line.starts_with("phone")).collect();
    assert!(lines[0].ends_with("  2026-11-23") && lines[1].ends_with("  2026-11-25"), "{shown}");
    // It goes, and the older one is the newest that is left.
    assert_eq!(night(&mut district, "2026-11-27", "7185550101", ""), "2026-11-23");
    assert_eq!(days(&district), ("2026-11-23".into(), "-".into(), "2026-11-23".into()));

    // The home phone is applied under ON and given back: that was a break for it, and for nothing
    // else.
    let on = district.update_contacts(true).with("sync.ignore_emails", "[\"tea-1@*\"]");
    on.sis(&sis("7185550101", "2125550102"));
    on.step_to_on(&["--no-notify"]).ok();
    let run = on.cli(&["runs", "--json"]).ok().json()[0]["run"].to_string();
    let mut off = on.update_contacts(false).with("sync.ignore_emails", "[]");
    off.run().ok();
    off.cli(&["undo", &run]).ok();
    off.at("2026-11-29T08:15:00Z");
    let row = off.run().ok().report.row("tea-1").to_owned();
    assert_eq!(&row["codes"], "active-email-differs active-home-phone-differs");
    assert_eq!(&row["first_seen"], "2026-11-29");
}

#[test]
fn a_day_is_a_day_of_the_districts_time_zone() {
    let mut district = District::new();
    district.at("2026-11-23T03:00:00Z");
    district.platform(&[person("tea-1").email("rosa@home.example")]);
    district.sis(&[person("tea-1")]);
    assert_eq!(district.run().ok().report.column("first_seen"), ["2026-11-22"]);
}

#[test]
fn turning_the_setting_on_applies_what_was_kept_and_off_again_touches_nothing() {
    let mut district = District::new().without_limits();
    district.platform(&[person("tea-1").email("rosa@home.example")]);
    district.sis(&[person("tea-1")]);
    let kept = "Active user has a new email in the SIS import - rosa@home.example";
    district.run().ok().says("tea-1", "created", kept);
    district.set("sync.update_contacts", "true");
    let done = district.step_to_on(&[]).ok();
    done.says("tea-1", "updated", "Email updated by the sync - was rosa@home.example");
    district.set("sync.update_contacts", "false");
    district.run().ok().says("tea-1", "unchanged", "");
    assert_eq!(district.ask("SELECT email FROM account"), "tea-1@school.example");
}

#[test]
fn which_column_is_the_mobile() {
    let people = [
        person("tea-1").mobile("718-555-0101").home("917-555-0101"),
        person("tea-2").mobile("").home("917-555-0102"),
        person("tea-3").mobile("718-555-0103").home(""),
    ];
    for (credential, expected) in [
        ("sms", ["+17185550101 | +19175550101", " | +19175550102", "+17185550103 | "]),
        ("phone", ["+19175550101 | ", "+19175550102 | ", " | "]),
        ("sms-then-phone", ["+17185550101 | +19175550101", "+19175550102 | ", "+17185550103 | "]),
    ] {
        let district = District::new().with("sync.phone_credential", &format!("{credential:?}"));
        district.sis(&people);
        let done = district.run().ok();
        assert_eq!(done.report.shows("phone home_phone"), expected, "{credential}");
    }
}

#[test]
fn placeholders_and_remarks_are_not_contact_details() {
    let district = District::new().with("sync.ignore_emails", "[\"noemail@*\", \"*@none.example\"]");
    district.sis(&[
        person("tea-1").email("NoEmail@district.example"),
        person("tea-2").email("x@none.example").mobile("718-555-0102 Work").home("(718) 555-0103 (mom)"),
    ]);
    let done = district.run().ok();
    done.says("tea-1", "created", "").says("tea-2", "created", "");
    assert_eq!(done.report.shows("email phone home_phone"), [" |  | ", " | +17185550102 | +17185550103"]);
    // Not provided, so an address that the account has is neither changed nor spoken of.
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    district.sis(&[person("tea-1").email("noemail@x.example"), person("tea-2")]);
    district.run().ok().says("tea-1", "unchanged", "");
}

#[test]
fn a_number_is_read_as_one_of_the_districts_region() {
    let district = District::new().with("sync.default_region", "\"GB\"");
    district.sis(&[
        person("tea-1").mobile("07911 123456"),
        person("tea-2").mobile("+1 718 555 0142"),
        person("tea-3").mobile("718-555"),
    ]);
    let done = district.run().ok();
    assert_eq!(done.report.column("phone"), ["+447911123456", "+17185550142", ""]);
    done.says("tea-3", "created", "SIS import has an invalid phone number - 718-555");
}

#[test]
fn an_extension_is_shown_and_takes_no_part_in_comparing() {
    let district = District::new();
    district.sis(&[person("tea-1").home("718-555-0101 ext. 12")]);
    assert_eq!(district.run().ok().report.column("home_phone"), ["'+17185550101 ext. 12"]);
    district.sis(&[person("tea-1").home("718-555-0101")]);
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "");
    // Not a plain number any more, so a spreadsheet must not take it for a formula.
    assert_eq!(done.report.column("home_phone"), ["'+17185550101 ext. 12"]);
}

/// Notes come in the order name, email, phone, home phone, then the others; codes in the same.
#[test]
fn several_notes_of_one_person_have_their_order() {
    let mut district = District::new();
    let home = person("tea-1").given("Rosita").email("").mobile("+17185550101").home("+17185550102");
    district.platform(std::slice::from_ref(&home));
    district.sis(&[home, person("tea-2").mobile("+17185550101")]);
    district.run().ok();
    district.sis(&[
        person("tea-1").mobile("").home("12").enabled("false"),
        person("tea-2").mobile("+17185550101"),
    ]);
    let done = district.run().ok();
    done.says(
        "tea-1",
        "kept",
        "Active user has a new name in the SIS import - Rosita Diaz; Active user has a new email in the SIS import - none; \
         SIS import has no phone number - kept +17185550101; SIS import has an invalid home phone number - 12; \
         Phone number is shared with tea-2; User is disabled in the SIS import",
    );
    assert_eq!(
        &done.report.row("tea-1")["codes"],
        "active-name-differs active-email-differs sis-phone-blank sis-home-phone-invalid phone-shared disabled"
    );
}
