//! Files with far too much of one thing: no list, row or cell of one person is without a bound, what is
//! beyond it takes nothing away, and a run that writes for long hears a signal.

use std::fmt::Write as _;
use std::process::Stdio;

use crate::support::{District, nap, person};

fn ids(from: usize, letters: &str) -> String {
    (from..from + 30_000).fold(String::new(), |mut all, n| {
        let _ = write!(all, "{letters}-{n:07},");
        all
    })
}

const TOO_LONG: &str = "too long to be one person's: not provided, so what the store has stands";

#[test]
fn a_cell_with_very_many_ids_is_not_provided_and_takes_nothing_away() {
    let district = District::new().without_limits().with_orgs();
    let usual = [person("stu-1").agents("gua-1"), person("gua-1").schools(""), person("tea-1")];
    district.sis(&usual);
    district.run().ok();
    let before =
        district.ask("SELECT sourced_id, email, sis_orgs, sis_agents, links FROM account ORDER BY 1");
    // Another list, another way to set its ids apart, and a name and an email without an end.
    let long_email = format!("{}@school.example", "a".repeat(9_000));
    district.sis(&[
        person("stu-1").agents(&ids(0, "gua")),
        person("gua-1").schools("").agents(&format!("[{}]", ids(0, "stu").replace(',', ";"))),
        person("tea-1").schools(&ids(0, "sch")).email(&long_email).given(&"Rosa".repeat(4_000)),
    ]);
    let done = district.run().ok();
    // Of each code the log has the first finding, and how many there are: one for each column here.
    let said = format!(
        "users.csv:2: agentSourcedIds: 2 cells of agentSourcedIds are {TOO_LONG} code=\"too-long\" count=4"
    );
    assert!(done.stderr.contains(&said), "{said}\n{}", done.stderr);
    assert!(!done.stderr.contains("dangling"), "{}", done.stderr);
    assert!(done.plan().starts_with("0 to create, 0 to update (0 email, 0 phone, 0 home phone, 0 name), 0 to archive, 0 to restore, 0 kept, 3 unchanged,"), "{}", done.plan());
    let after = district.ask("SELECT sourced_id, email, sis_orgs, sis_agents, links FROM account ORDER BY 1");
    assert_eq!(after, before);
}

#[test]
fn a_user_with_very_many_rows_of_roles_is_rejected_and_stays() {
    let district = District::new().without_limits();
    let users = |ids: &[&str]| {
        let row = |id: &&str| format!("{id},true,Rosa,Diaz,{id}@school.example\n");
        let rows: String = ids.iter().map(row).collect();
        format!("sourcedId,enabledUser,givenName,familyName,email\n{rows}")
    };
    let roles = "userSourcedId,roleType,role,orgSourcedId\ntea-1,primary,teacher,sch-1\ntea-2,primary,teacher,sch-1\n";
    district.file("sis/users.csv", users(&["tea-1", "tea-2"]));
    district.file("sis/roles.csv", roles);
    district.run().ok();
    let many: String = (0..15_001).fold(roles.to_owned(), |mut all, n| {
        let _ = writeln!(all, "tea-2,secondary,ext:role-{n},sch-{n}");
        all
    });
    district.file("sis/roles.csv", many);
    let done = district.run().ok();
    done.says("tea-1", "unchanged", "");
    done.says("tea-2", "rejected", "Record rejected - a row of roles.csv for this user cannot be read");
    let said = "a user with more than 10000 rows, which are no person's roles, so the user is rejected";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    assert_eq!(district.ask("SELECT archived FROM account WHERE sourced_id = 'tea-2'"), "0");
}

/// The rows agree in name, email and numbers, so a few of them would be one person.
#[test]
fn very_many_rows_of_one_user_are_rejected_and_the_account_stays() {
    let district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    let rows = (0..5_002).map(|n| person("tea-1").schools(&format!("sch-{n}")));
    let rows: Vec<_> = rows.chain([person("tea-2")]).collect();
    district.sis(&rows);
    let done = district.run().ok();
    assert_eq!(done.report.count("rejected"), 5_002);
    assert_eq!(&done.report.rows[0]["notes"], "Record rejected - several rows with this sourcedId differ");
    done.says("tea-2", "unchanged", "");
    assert_eq!(
        district.ask("SELECT sis_orgs, archived FROM account WHERE sourced_id = 'tea-1'"),
        "sch-1 | 0"
    );
}

#[test]
fn very_many_rows_about_one_guardian_are_not_used_and_the_account_stays() {
    const HEADER: &str = "guardian_id,student_id,given_name,family_name,email,relationship\n";
    let district = District::new().without_limits().with("guardians.file", "\"guardians.csv\"");
    let students: Vec<_> = (0..1_101).map(|n| person(&format!("stu-{n}"))).collect();
    district.sis(&students);
    let usual = "gua-1,stu-1,Mia,Moon,mia@mail.example,mother\ngua-2,stu-2,Li,Wang,li@mail.example,father\n";
    district.file("guardians.csv", format!("{HEADER}{usual}"));
    district.run().ok();
    let rows: String = (0..1_101).fold(format!("{HEADER}{usual}"), |mut all, n| {
        let _ = writeln!(all, "gua-1,stu-{n},Mia,Moon,other@mail.example,mother");
        all
    });
    district.file("guardians.csv", rows);
    let done = district.run().ok();
    let said = "too many rows seem to be about this one guardian, so none of them is used";
    assert!(done.stderr.contains(said), "{}", done.stderr);
    assert_eq!(
        district
            .ask("SELECT sourced_id, email, archived FROM account WHERE sourced_id LIKE 'gua%' ORDER BY 1"),
        "gua-1 | mia@mail.example | 0\ngua-2 | li@mail.example | 0"
    );
}

/// The report's temporary file shows that the run writes.
#[test]
fn a_run_that_writes_hears_a_signal_and_applies_nothing() {
    if !crate::machine::hears("TERM") {
        return;
    }
    let district = District::new().without_limits();
    let people: Vec<_> = (0..4_000).map(|n| person(&format!("tea-{n}"))).collect();
    district.sis(&people);
    let child = district.command(&["run"]).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    while !district
        .names()
        .iter()
        .any(|name| name.ends_with(".partial") || name.ends_with("users-000001.csv"))
    {
        nap();
    }
    let kill = format!("kill -TERM {}", child.id());
    assert!(std::process::Command::new("/bin/sh").args(["-c", &kill]).status().unwrap().success());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    // On a busy machine everything may have been written already.
    if output.status.code() == Some(143) {
        assert!(said.contains("interrupted; nothing was applied"), "{said}");
        assert_eq!(district.ask("SELECT count(*) FROM account"), "0");
        assert!(!district.names().iter().any(|name| name.contains("users-")), "{:?}", district.names());
    }
}
