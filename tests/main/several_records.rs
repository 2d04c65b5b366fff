//! One person with several records: a teacher who is a parent. OneRoster 1.1 wants two ids for that.

use crate::support::{District, person};

fn duplicates(district: &District) -> Vec<String> {
    let rows = district.cli(&["users", "list", "--duplicates", "--format", "json"]).ok().json();
    let cell = |row: &serde_json::Value, column: &str| row[column].as_str().unwrap().to_owned();
    let line = |row| format!("{} {} {}", cell(row, "sourced_id"), cell(row, "codes"), cell(row, "like"));
    rows.as_array().unwrap().iter().map(line).collect()
}

#[test]
fn a_teacher_who_is_a_parent_is_said_and_never_joined() {
    let mut district = District::new().without_limits();
    let both = |id: &str| person(id).email("rosa@mail.example");
    district.sis(&[
        both("tea-1"),
        both("gua-1").given("ROSA"),
        // The same name, user name or identifier beside another email.
        person("tea-2").given("Bo").with("username", "bo"),
        person("par-2").given("Bo").with("username", "BO"),
        person("tea-3").given("Cy").identifier("77"),
        person("gua-3").given("Cy").identifier("77"),
        // Father and son at one number, and a namesake.
        person("gua-4").given("Sam").mobile("+17185550142"),
        person("stu-4").given("Sam").mobile("+17185550142"),
        person("gua-5").given("Bo"),
        // Two of one kind.
        person("gua-6").given("Di").email("di@mail.example"),
        person("gua-7").given("Di").email("di@mail.example"),
    ]);
    let codes = |done: &crate::support::Done| {
        let rows = done.report.shows("sourced_id action codes notes");
        rows.into_iter().filter(|row| row.contains("gua") && !row.contains("gua-3")).collect::<Vec<_>>()
    };
    let said = |action: &str| {
        [
            format!("tea-1 | {action} | email-shared same-person | Email is shared with gua-1"),
            format!("gua-1 | {action} | email-shared same-person | Email is shared with tea-1"),
            format!("gua-4 | {action} | phone-shared possible-duplicate | Phone number is shared with stu-4"),
            format!("stu-4 | {action} | phone-shared possible-duplicate | Phone number is shared with gua-4"),
            format!("gua-5 | {action} |  | "),
            format!("gua-6 | {action} | email-shared possible-duplicate | Email is shared with gua-7"),
            format!("gua-7 | {action} | email-shared possible-duplicate | Email is shared with gua-6"),
        ]
    };
    assert_eq!(codes(&district.run().ok()), said("created"));
    // On a night without changes it is the same, with and without the shortcut.
    district.at("2026-11-24T08:15:00Z");
    assert_eq!(codes(&district.run().ok()), said("unchanged"));
    assert_eq!(codes(&district.run_with(&["--decide-all"]).ok()), said("unchanged"));
    assert_eq!(
        duplicates(&district),
        [
            "gua-1 same-person tea-1",
            "gua-3 same-person tea-3",
            "gua-4 possible-duplicate stu-4",
            "gua-6 possible-duplicate gua-7",
            "gua-7 possible-duplicate gua-6",
            "par-2 same-person tea-2",
            "stu-4 possible-duplicate gua-4",
            "tea-1 same-person gua-1",
            "tea-2 same-person par-2",
            "tea-3 same-person gua-3",
        ]
    );
    let check = district.cli(&["check"]).ok().stdout;
    let found: Vec<&str> = check.lines().filter(|line| line.contains("same-person")).collect();
    assert_eq!(
        found,
        [
            "users.csv:3: email: warning[same-person] a user of another kind in line 2 has the same name and email: probably \
             one person with two records (sourcedId `gua-1`)",
            "users.csv:5: username: warning[same-person] a user of another kind in line 4 has the same name and user name: \
             probably one person with two records (sourcedId `par-2`)",
            "users.csv:7: identifier: warning[same-person] a user of another kind in line 6 has the same name and identifier: \
             probably one person with two records (sourcedId `gua-3`)",
        ]
    );
    // They are two, each with an account.
    assert_eq!(district.ask("SELECT count(*) FROM account WHERE NOT archived"), "11");
    // Once a person has said that they are two people's, they are not listed any more.
    district.cli(&["users", "distinct", "tea-1", "gua-1"]).ok();
    assert!(!duplicates(&district).iter().any(|line| line.contains("tea-1")));
}

/// In OneRoster 1.2 it is one record with both roles, which is like both.
#[test]
fn a_record_with_both_roles_is_of_no_other_kind() {
    let district = District::new().without_limits();
    let columns = "sourcedId,enabledUser,username,givenName,familyName,email\n";
    district.file(
        "sis/users.csv",
        format!(
            "{columns}both-1,true,r,Rosa,Diaz,rosa@mail.example\ngua-1,true,x,Rosa,Diaz,rosa@mail.example\n"
        ),
    );
    district.file(
        "sis/roles.csv",
        "sourcedId,userSourcedId,roleType,role,orgSourcedId\n1,both-1,primary,teacher,sch-1\n\
         2,both-1,secondary,parent,sch-1\n3,gua-1,primary,guardian,sch-1\n",
    );
    let done = district.run().ok();
    assert_eq!(done.report.column("codes"), ["email-shared possible-duplicate"; 2]);
}
