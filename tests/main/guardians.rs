//! Guardians in a file of their own, beside a roster without any.

use std::sync::{Arc, Mutex};

use crate::fake::Fake;
use crate::sis::Sis;
use crate::support::{District, Person, person};

const HEADER: &str = "student_id,given_name,family_name,email,mobile,home_phone,relationship,language\n";

/// Three students; the SIS has numbers for them as well.
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
            // Of two ways to write one value the first by bytes stands, whatever the order of the
            // rows.
            "parent | Rosa | Diaz | Rosa@Mail.example | +17185550142 | +17185550199",
            "relative | Li | Wang |  | +17185550177 | "
        ]
    );
    assert_eq!(
        district.ask("SELECT sis_agents FROM account WHERE email = 'Rosa@Mail.example'"),
        "stu-1,stu-2"
    );
    assert_eq!(district.ask("SELECT sis_language FROM account WHERE email = 'Rosa@Mail.example'"), "es");
    // Once more, in another order: nothing changes.
    let before = district.accounts();
    let swapped: String = ROSA.lines().rev().map(|line| format!("{line}\n")).collect();
    district.file("guardians.csv", format!("{HEADER}1003,Li,Wang,,7185550177,,Grandmother,zh\n{swapped}"));
    let again = district.run().ok();
    assert!(again.plan().starts_with("0 to create, 0 to update"), "{}", again.plan());
    assert_eq!(district.accounts().len(), before.len());
}

#[test]
fn a_guardian_with_a_new_email_keeps_the_sourced_id() {
    let district = district(ROSA);
    let first = district.run().ok();
    let id = first.report.column("sourced_id").pop().unwrap().to_owned();
    district.cli(&["users", "join", &id]).ok();
    district.file("guardians.csv", format!("{HEADER}1002,Rosa,Diaz,new@mail.example,,,,\n"));
    let done = district.run().ok();
    let note = "Active user has a new email in the SIS import - Rosa@Mail.example; \
                SIS import has no phone number - kept +17185550142; \
                SIS import has no home phone number - kept +17185550199; No longer linked to stu-1";
    done.says(&id, "kept", note);
    // The school of the remaining student protects her.
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
    // A number in common is one whatever stands around it.
    let numbers = "1001,Rosa,Diaz,,+1 718 555 0142,,,\n1002,Rosa,Diaz,,(718) 555-0142 (mom),,,\n";
    assert_eq!(district(numbers).run().ok().report.count("created"), 5);
    // Placeholders, and values that are no numbers, are not shared values.
    let strangers = "1001,Rosa,Diaz,none@x.example,000-000-0000,,,\n1002,Rosa,Diaz,None@x.example,000-000-0000,,,\n\
                     1001,Li,Wang,li@x.example,,,,\n";
    let placeholders = district(strangers).with("sync.ignore_emails", "[\"none@*\"]");
    let done = placeholders.run().ok();
    assert_eq!((done.report.count("created"), done.report.count("skipped")), (5, 2));
    // Father and son of one name, by everything else, are two; and stay so, whatever the order.
    let father = "1001,Jose,Garcia,sr@mail.example,,,father,\n";
    let son = "1001,Jose,Garcia,jr@mail.example,,,brother,\n";
    let two = district(&format!("{father}{son}"));
    assert_eq!(two.run().ok().report.count("created"), 6);
    let before = two.accounts();
    two.file("guardians.csv", format!("{HEADER}{son}{father}"));
    assert_eq!(two.run().ok().report.count("unchanged"), 6);
    assert_eq!(two.accounts(), before);
    // An id of the file's own is one person, unless people of two names have it.
    let district = district("");
    district.file(
        "guardians.csv",
        "Student ID,Given Name,Family Name,Email,Guardian ID\n1001,Rosa,Diaz,a@mail.example,g-7\n1002,ROSA,Diaz,,g-7\n",
    );
    let done = district.run().ok();
    assert_eq!((&done.report.row("g-7")["email"], done.report.count("created")), ("a@mail.example", 5));
}

#[test]
fn contradicting_values_and_unknown_students_are_reported() {
    let district = district(&format!(
        "{ROSA}1001,Rosa,Diaz,other@mail.example,,,,\n9999,Ana,Cruz,ana@mail.example,,,,\n"
    ));
    let done = district.run().ok();
    assert_eq!(done.report.count("created"), 5);
    for said in [
        "guardians.csv:4: email: another value than in line 2",
        "guardians.csv:5: student_id: a student that the roster does not have",
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

const WITH_ID: &str = "student_id,given_name,family_name,email,relationship,guardian_id\n";

#[test]
fn an_id_of_the_file_is_used_unless_another_person_has_it() {
    let district = district("");
    let run = |rows: &str| {
        district.file("guardians.csv", format!("{WITH_ID}{rows}"));
        district.run().ok()
    };
    // In one of the rows only.
    let done = run("1001,Rosa,Diaz,r@mail.example,mother,g-1\n1002,Rosa,Diaz,r@mail.example,mother,\n");
    assert_eq!(&done.report.row("g-1")["email"], "r@mail.example");
    assert_eq!(done.report.count("created"), 5);
    // Two ids are two people.
    let done = run("1001,Rosa,Diaz,r@mail.example,mother,g-1\n1002,Rosa,Diaz,r@mail.example,mother,g-2\n");
    assert_eq!((&done.report.row("g-2")["action"], done.report.count("created")), ("created", 1));
    // That of a teacher: the teacher stays, and the guardian is left out.
    let done = run("1001,Rosa,Diaz,r@mail.example,mother,g-1\n1002,Ana,Cruz,a@mail.example,mother,tea-1\n");
    done.says("tea-1", "unchanged", "");
    assert!(
        done.stderr.contains("guardians.csv:3: guardian_id: another person has this sourcedId"),
        "{}",
        done.stderr
    );
    // Without a name no new guardian is added, but an account is kept.
    let done = run("1001,,,r@mail.example,mother,g-1\n1002,,,a@mail.example,mother,g-9\n");
    done.says("g-1", "unchanged", "SIS import has no name - kept Rosa Diaz");
    done.says("g-9", "rejected", "Record rejected - no name");
}

#[test]
fn who_gets_an_id_later_keeps_the_account() {
    let district = district(ROSA);
    let id = district.run().ok().report.column("sourced_id").pop().unwrap().to_owned();
    district.cli(&["users", "join", &id]).ok();
    district.file("guardians.csv", format!("{WITH_ID}1001,Rosa,Diaz,rosa@mail.example,mother,g-1\n"));
    for _ in 0..2 {
        let done = district.run().ok();
        assert_eq!((&done.report.row(&id)["state"], done.report.count("created")), ("active", 0));
    }
}

#[test]
fn a_row_that_cannot_be_used_archives_no_guardian() {
    let district = district(&format!("{ROSA}1003,Li,Wang,li@mail.example,,,,\n"));
    district.run().ok();
    let details = "SELECT sourced_id, state, archived, given_name, family_name, email, phone, home_phone, sis_given_name, \
                   sis_family_name, sis_agents FROM account ORDER BY sourced_id";
    let before = district.ask(details);
    let li = "1003,Li,Wang,li@mail.example,,,,\n";
    // No name; a cell too many; a student with a number that another student has tonight as well.
    for (rows, rejected) in [
        (format!("1001,,,rosa@mail.example,,,,\n{li}"), 1),
        (format!("1001,Rosa,Diaz,rosa@mail.example,,,Mother,es,x\n{li}"), 1),
    ] {
        district.file("guardians.csv", format!("{HEADER}{rows}"));
        let done = district.run().ok();
        assert_eq!((done.report.count("rejected"), done.report.count("archived")), (rejected, 0), "{rows}");
        assert_eq!(district.ask(details), before, "{rows}");
    }
    district.sis(&[
        person("stu-1").identifier("1001"),
        person("stu-2").identifier("1002").schools("sch-2"),
        person("stu-3").identifier("1003"),
        person("stu-4").identifier("1003"),
        person("tea-1").identifier("1003"),
    ]);
    district.file("guardians.csv", format!("{HEADER}{ROSA}{li}"));
    let done = district.run().ok();
    assert_eq!((done.report.count("created"), done.report.count("archived")), (1, 0));
    assert!(done.stderr.contains("guardians.csv:4: student_id: a student that"), "{}", done.stderr);
    // A guardian without any row has left.
    district.file("guardians.csv", format!("{HEADER}{ROSA}"));
    assert_eq!(district.run().ok().report.count("archived"), 1);
}

#[test]
fn a_students_number_is_not_the_id_of_another_person() {
    let district = District::new().with("guardians.file", "\"guardians.csv\"");
    district.sis(&[person("stu-1").identifier("tea-7"), person("tea-7").schools("sch-2")]);
    district.file("guardians.csv", format!("{HEADER}tea-7,Rosa,Diaz,rosa@mail.example,,,,\n"));
    district.run().ok();
    assert_eq!(district.ask("SELECT sis_agents FROM account WHERE email = 'rosa@mail.example'"), "stu-1");
}

#[test]
fn languages_are_read_as_elsewhere() {
    let rows = "1001,Rosa,Diaz,rosa@mail.example,,,,Spanish\n1002,Ana,Cruz,ana@mail.example,,,,es-MX\n1003,Li,Wang,li@mail.example,,,,English\n";
    let district = district(rows).update_contacts(true);
    let first = district.run().ok();
    for id in &first.report.column("sourced_id")[4..] {
        district.cli(&["users", "join", id]).ok();
    }
    district.file("guardians.csv", format!("{HEADER}{}", rows.replace("@mail", "@new")));
    district.run().ok();
    let words = |to: &str| district.mails().into_iter().find(|mail| mail.to == to).unwrap().body;
    let (rosa, ana, li) = (words("rosa@new.example"), words("ana@new.example"), words("li@new.example"));
    assert!(rosa.contains("Rosa") && ana.contains("Ana"));
    for spanish in [rosa, ana] {
        assert!(spanish.contains("escuela"), "{spanish}");
    }
    assert!(!li.contains("escuela"), "{li}");
}

#[test]
fn the_column_of_languages_may_have_a_name_of_its_own() {
    let header = HEADER.replace("language", "Lengua");
    let rows = "1001,Rosa,Diaz,rosa@mail.example,,,,Spanish\n";
    let district = district("").with("guardians.language_field", "\"lengua\"");
    district.file("guardians.csv", format!("{header}{rows}"));
    district.run().ok();
    let language = "SELECT sis_language FROM account WHERE email = 'rosa@mail.example'";
    assert_eq!(district.ask(language), "Spanish");
    // Without it, the run says so and knows no language.
    district.file("guardians.csv", format!("{HEADER}{rows}"));
    let done = district.run();
    assert!(
        done.stderr.contains("the column that is configured for the language is not there"),
        "{}",
        done.stderr
    );
}

/// A server with guardians, and a file that has one of them too.
#[test]
fn guardians_whom_the_source_shares_itself_stand() {
    let all = crate::sis::people(30);
    let shared: Vec<Person> = all
        .into_iter()
        .map(|one| match one.cells["role"] == "guardian" {
            true => one.given("Lin").agents("stu-000"),
            false => one,
        })
        .collect();
    let sis = Arc::new(Mutex::new(Sis::new(&shared)));
    let served = Arc::clone(&sis);
    let fake = Fake::start(move |request| served.lock().unwrap().page(request));
    let district = crate::sis::district(&fake).with("guardians.file", "\"guardians.csv\"");
    // By student and name, by name and email alone, and a guardian that only the file has.
    let rows = "stu-000,Lin,Diaz,other@mail.example,,,,\nstu-003,Lin,Diaz,gua-004@school.example,,,,\n\
                stu-003,Ana,Cruz,ana@mail.example,,,,\n";
    district.file("guardians.csv", format!("{HEADER}{rows}"));
    for _ in 0..2 {
        let done = district.run().ok();
        assert_eq!(done.report.rows.len(), 31);
        assert!(
            done.stderr.contains("guardians.csv:2: student_id: the roster has this guardian itself"),
            "{}",
            done.stderr
        );
    }
    // If the source ceases to share them, that is said, though the file has one.
    sis.lock().unwrap().people.retain(|person| person.cells["role"] != "guardian");
    let store = district.store_hash();
    district.run().exits(7).complains(&["shares no guardians any more, and 10 are known", "\n  help: "]);
    assert_eq!(district.store_hash(), store);
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
        district.run().ok();
        let store = district.store_hash();
        district.file("guardians.csv", content);
        district.run().exits(7).complains(&[words, "\n  at: ", "\n  help: "]);
        assert_eq!(district.store_hash(), store);
    }
    let mut district = district(ROSA);
    district.set("guardians.file", "\"nowhere.csv\"");
    district.run().exits(7).complains(&["the file cannot be opened", "nowhere.csv"]);
}

#[test]
fn several_values_of_one_contact_are_settled_by_the_store_and_never_by_the_order_of_rows() {
    let header = "guardian_id,student_id,given_name,family_name,email,mobile\n";
    let rows = [
        "c1,stu-1,Ann,Hall,ann.work@mail.example,718-234-5672\n",
        "c1,stu-1,Ann,Hall,ann@mail.example,718-234-5671\n",
    ];
    let mut district = District::new().update_contacts(true).with("guardians.file", "\"guardians.csv\"");
    district.sis(&[person("stu-1")]);
    district.file("guardians.csv", [header, rows[0], rows[1]].concat());
    let first = district.run().ok();
    // Nothing is known yet: the first by bytes.
    assert_eq!(&first.report.row("c1")["email"], "ann.work@mail.example");
    let ann = person("c1").given("Ann").family("Hall").email("ann.work@mail.example");
    district.platform(&[ann.mobile("718-234-5671")]);
    for order in [[1, 0], [0, 1], [1, 0]] {
        district.file("guardians.csv", [header, rows[order[0]], rows[order[1]]].concat());
        let done = district.run().ok();
        assert!(done.plan().contains("; 0 notifications"), "{}", done.plan());
        assert_eq!(&done.report.row("c1")["email"], "ann.work@mail.example");
        assert!(done.stderr.contains("guardian-rows-differ"));
    }
    // The value that stood is gone, so another one does.
    district.file("guardians.csv", [header, rows[1]].concat());
    assert_eq!(&district.run().ok().report.row("c1")["email"], "ann@mail.example");
    // And it goes on standing, though another one is first by bytes.
    district.file("guardians.csv", [header, rows[0], rows[1]].concat());
    assert_eq!(&district.run().ok().report.row("c1")["email"], "ann@mail.example");
    assert_eq!(district.ask("SELECT count(*) FROM account"), "2");
}

#[test]
fn an_id_that_is_no_id_or_a_households_merges_no_guardians() {
    for id in ["NULL", "0", "0000", "00000000-0000-0000-0000-000000000000", "#N/A", "-", "H-1"] {
        let district = District::new().with("guardians.file", "\"guardians.csv\"");
        district.sis(&[person("stu-1"), person("stu-2")]);
        let rows = format!(
            "guardian_id,student_id,given_name,family_name,email\n{id},stu-1,Ann,Hall,ann@mail.example\n\
             {id},stu-1,Bob,Hall,bob@mail.example\n{id},stu-2,Eve,Diaz,eve@mail.example\n"
        );
        district.file("guardians.csv", &rows);
        let done = district.run().ok();
        assert_eq!(done.report.count("created"), 5, "{id}: {:?}", done.report);
        assert_eq!(done.stderr.contains("guardian-id-shared"), id == "H-1", "{id}: {}", done.stderr);
        let again = district.run().ok();
        assert_eq!(again.report.count("unchanged"), 5, "{id}");
    }
}

#[test]
fn a_guardian_whose_id_is_shared_tonight_counts_as_present() {
    let district = District::new().without_limits().with("guardians.file", "\"guardians.csv\"");
    district.sis(&[person("stu-1"), person("stu-2")]);
    let header = "guardian_id,student_id,given_name,family_name,email\n";
    let ann = "H-1,stu-1,Ann,Hall,ann@mail.example\n";
    district.file("guardians.csv", format!("{header}{ann}"));
    district.run().ok();
    district.file("guardians.csv", format!("{header}{ann}H-1,stu-2,Eve,Diaz,eve@mail.example\n"));
    let done = district.run().ok();
    assert_eq!((done.report.count("archived"), done.report.count("created")), (0, 1));
    // Ann is recognised by her name and her student.
    assert_eq!(&done.report.row("H-1")["given_name"], "Ann");
    // Two others have her id now: she may be one of them.
    district.file(
        "guardians.csv",
        format!("{header}H-1,stu-2,Eve,Diaz,eve@mail.example\nH-1,stu-2,Al,Diaz,al@mail.example\n"),
    );
    let done = district.run().ok();
    assert_eq!(&done.report.row("H-1")["action"], "unchanged");
    assert_eq!(done.report.count("archived"), 0);
}

#[test]
fn students_are_found_in_another_form() {
    let district = District::new().with("guardians.file", "\"guardians.csv\"");
    district.sis(&[person("stu-1"), person("stu-2").schools("sch-2"), person("stu-3")]);
    district.file(
        "guardians.csv",
        "student_id,given_name,family_name,email\nSTU-1,Ann,Hall,ann@mail.example\nstu-2;STU-3,Bob,Ray,bob@mail.example\n",
    );
    let done = district.run().ok();
    let shown = done.report.shows("given_name schools");
    assert!(
        shown.contains(&"Ann | sch-1".to_owned()) && shown.contains(&"Bob | sch-2|sch-1".to_owned()),
        "{shown:?}"
    );
    assert!(done.stderr.contains("odd-list"), "{}", done.stderr);
}

/// The record of a student that cannot be used, and a row of the file that cannot, take no guardian
/// away.
#[test]
fn a_guardian_stays_where_the_student_or_the_row_cannot_be_read() {
    const WITH_ID: &str =
        "guardian_id,student_id,given_name,family_name,email,mobile,home_phone,relationship,language\n";
    const FIRST: &str = "gua-1,stu-1,Rosa,Diaz,rosa@mail.example,(718) 555-0142,,Mother,\n";
    const OTHERS: &str = "gua-2,stu-2,Li,Wang,li@mail.example,,,Father,\n\
                          gua-3,stu-3,Ann,Hall,ann@mail.example,,,Mother,\n";
    let students = || [person("stu-1"), person("stu-2"), person("stu-3")];
    let district = District::new().without_limits().with("guardians.file", "\"guardians.csv\"");
    let whole = format!("{WITH_ID}{FIRST}{OTHERS}");
    district.sis(&students());
    district.file("guardians.csv", &whole);
    district.run().ok();
    let none_archived = |what: &str| {
        let done = district.run();
        assert_eq!(done.report.count("archived"), 0, "{what}: {}", done.stdout);
        assert_eq!(
            district.ask("SELECT archived || ' ' || email FROM account WHERE sourced_id = 'gua-1'"),
            "0 rosa@mail.example",
            "{what}"
        );
    };
    // The student has a role that OneRoster does not have.
    let [first, second, third] = students();
    district.sis(&[first.role("ext:x"), second, third]);
    none_archived("unknown role");
    // The student's row is shifted.
    let text = crate::support::users_csv(&crate::support::COLUMNS, &students());
    let shifted: String = text
        .lines()
        .map(|line| if line.starts_with("stu-1,") { format!("{line},x\n") } else { format!("{line}\n") })
        .collect();
    district.file("sis/users.csv", shifted);
    none_archived("shifted student");
    district.sis(&students());
    for (what, row) in [
        ("no student", FIRST.replace(",stu-1,", ",,")),
        ("shifted", FIRST.replace(",stu-1,", ",stu-1,x,")),
        ("open quotes", FIRST.replace(",Rosa,", ",\"Ro\"sa,")),
    ] {
        district.file("guardians.csv", format!("{WITH_ID}{row}{OTHERS}"));
        none_archived(what);
    }
    // A guardian that is no longer in the file has left.
    district.file("guardians.csv", format!("{WITH_ID}{OTHERS}"));
    assert_eq!(district.run().ok().report.count("archived"), 1);
}
