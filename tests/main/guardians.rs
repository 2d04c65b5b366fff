//! Guardians in a file of their own, beside a roster without any.

use crate::support::{District, person};

const HEADER: &str = "student_id,given_name,family_name,email,mobile,home_phone,relationship,language\n";

/// Three students, whose SIS knows them by numbers as well.
fn district(rows: &str) -> District {
    let district = District::new().without_limits().with("guardians.file", "\"guardians.csv\"");
    district.sis(&[
        person("stu-1").identifier("1001"),
        person("stu-2").identifier("1002").schools("sch-2"),
        person("stu-3").identifier("1003"),
        person("tea-1").identifier("1003"),
    ]);
    district.file("guardians.csv", format!("{HEADER}{rows}"));
    district
}

const ROSA: &str = "1001,Rosa,Diaz,rosa@mail.example,(718) 555-0142,,Mother,es\n\
                    stu-2,Rosa,Diaz,Rosa@Mail.example,,(718) 555-0199,Mother,\n";

#[test]
fn one_guardian_of_several_students_is_one_account() {
    let district = district(&format!("{ROSA}1003,Li,Wang,,(718) 555-0177,,Grandmother,zh\n"));
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 6);
    let shown = done.report.shows("role given_name family_name email phone home_phone");
    assert_eq!(
        shown[4..],
        [
            "parent | Rosa | Diaz | rosa@mail.example | +17185550142 | +17185550199",
            "relative | Li | Wang |  | +17185550177 | "
        ]
    );
    assert_eq!(
        district.ask("SELECT sis_agents FROM account WHERE email = 'rosa@mail.example'"),
        "stu-1,stu-2"
    );
    assert_eq!(district.ask("SELECT sis_language FROM account WHERE email = 'rosa@mail.example'"), "es");
    // Once more, in another order: nothing changes.
    let before = district.accounts();
    let swapped: String = ROSA.lines().rev().map(|line| format!("{line}\n")).collect();
    district.file("guardians.csv", format!("{HEADER}1003,Li,Wang,,7185550177,,Grandmother,zh\n{swapped}"));
    let again = district.run().ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
    assert_eq!(district.accounts().len(), before.len());
}

#[test]
fn somebody_who_changes_the_email_stays_who_they_are() {
    let district = district(ROSA);
    let first = district.run().ok();
    let id = first.report.column("sourced_id").pop().unwrap().to_owned();
    let _ = district.cli(&["users", "join", &id]).ok();
    district.file("guardians.csv", format!("{HEADER}1002,Rosa,Diaz,new@mail.example,,,,\n"));
    let done = district.run().ok();
    let note = "Active user has a new email in the SIS import - rosa@mail.example; \
                SIS import has no phone number - kept +17185550142; \
                SIS import has no home phone number - kept +17185550199";
    done.says(&id, "kept", note);
    // The school of the student protects her: it is that of the one who is left.
    assert_eq!(district.ask(&format!("SELECT sis_agents FROM account WHERE sourced_id = '{id}'")), "stu-2");
}

#[test]
fn who_is_who() {
    // The same name alone is not the same person.
    let done = district("1001,Rosa,Diaz,a@mail.example,,,,\n1002,Rosa,Diaz,b@mail.example,,,,\n").run().ok();
    assert_eq!(done.report.count("created"), 6);
    // With the email in common it is, however both are written.
    let done = district("1001,Rosa,Diaz,a@mail.example,,,,\n1002,rosa,DIAZ,A@mail.example,,,,\n").run().ok();
    assert_eq!(done.report.count("created"), 5);
    // So is an id of the file's own.
    let district = district("");
    district.file(
        "guardians.csv",
        "Student ID,Given Name,Family Name,Email,Guardian ID\n1001,Rosa,Diaz,a@mail.example,g-7\n1002,Rosa M,Diaz,,g-7\n",
    );
    let done = district.run().ok();
    assert_eq!((&done.report.row("g-7")["email"], done.report.count("created")), ("a@mail.example", 5));
}

#[test]
fn values_that_contradict_each_other_and_students_whom_nobody_knows_are_told_of() {
    let district = district(&format!(
        "{ROSA}1001,Rosa,Diaz,other@mail.example,,,,\n9999,Ana,Cruz,ana@mail.example,,,,\n"
    ));
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 5);
    for said in [
        "guardians.csv:4: email: another value than in line 2",
        "guardians.csv:5: student_id: a student whom the roster does not have",
    ] {
        assert!(done.stderr.contains(said), "`{said}`\n{}", done.stderr);
    }
    let rows = "1001,,,no@name.example,,,,\n,Li,Wang,li@mail.example,,,,\n";
    let done = self::district(&format!("{ROSA}{rows}")).run();
    assert_eq!((done.report.count("created"), done.report.count("rejected")), (5, 2));
    for said in ["rejected-no-name", "rejected-no-student"] {
        assert!(done.stderr.contains(said), "`{said}`\n{}", done.stderr);
    }
}

#[test]
fn a_file_that_is_missing_empty_or_cut_stops_the_run() {
    for (content, words) in [
        ("", "guardians.csv is empty"),
        (HEADER, "names no guardian"),
        ("student_id,given_name\n1001,\"Rosa\n", "a quote that is never closed"),
        ("name,email\nRosa,rosa@mail.example\n", "no column student_id"),
        ("student_id,email\n1001,rosa@mail.example\n", "names no guardian"),
    ] {
        let district = district(ROSA);
        let _ = district.run().ok();
        let store = district.store_hash();
        district.file("guardians.csv", content);
        district.run().exits(7).complains(&[words, "\n  at: ", "\n  help: "]);
        assert_eq!(district.store_hash(), store);
    }
    let mut district = district(ROSA);
    district.set("guardians.file", "\"nowhere.csv\"");
    district.run().exits(7).complains(&["the file cannot be opened", "nowhere.csv"]);
}
