//! The same people in another form of file: a district that goes from OneRoster 1.1 to 1.2, or back,
//! is not decided anew for it.

use crate::support::{District, Person, person, users_csv};

const USERS: [&str; 11] = [
    "sourcedId",
    "status",
    "enabledUser",
    "username",
    "givenName",
    "familyName",
    "identifier",
    "email",
    "sms",
    "phone",
    "agentSourcedIds",
];

fn people() -> Vec<Person> {
    vec![
        person("stu-1").agents("gua-1").mobile("(718) 555-0101"),
        person("gua-1").mobile("718.555.0102"),
        person("tea-1").schools("sch-1,sch-2"),
        person("tea-2"),
    ]
}

/// The people as OneRoster 1.2 has them; `changes` are rows of roles.csv in place of those of a person.
fn v1p2(district: &District, people: &[Person], changes: &str, mode: &str) {
    district.file("sis/users.csv", users_csv(&USERS, people));
    let mut roles =
        "sourcedId,status,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n".to_owned();
    for person in people {
        let (id, role) = (&person.cells["sourcedId"], &person.cells["role"]);
        if changes.contains(&format!(",{id},")) {
            continue;
        }
        for school in person.cells["orgSourcedIds"].split(',') {
            roles.push_str(&format!("{id}@{school},,{id},primary,{role},,,{school}\n"));
        }
    }
    district.file("sis/roles.csv", roles + changes);
    district.file(
        "sis/manifest.csv",
        format!(
            "propertyName,value\nmanifest.version,1.0\noneroster.version,1.2\nfile.users,{mode}\nfile.roles,{mode}\n"
        ),
    );
}

const SHOWN: &str = "sourced_id role schools state action";
const STORED: &str = "SELECT sourced_id, replace(replace(sis_roles, char(9), '/'), char(10), ';'), sis_orgs FROM account ORDER BY 1";

#[test]
fn a_roster_of_1_2_after_one_of_1_1_is_decided_only_where_it_says_something_else() {
    let district = District::new().without_limits();
    district.sis(&people());
    district.run().ok();
    let done = district.run().ok();
    let (quiet, stored) = (done.report.shows(SHOWN), district.ask(STORED));
    // Stands for what the first two were decided on.
    let decided = || district.ask("SELECT hex(substr(decisions, 1, 16)) FROM fingerprint");
    let before = decided();
    // The one teacher has another address, the role of the other has an end, and a student is new.
    let mut tonight = people();
    tonight[2] = tonight[2].clone().email("new@school.example");
    tonight.push(person("stu-2"));
    v1p2(&district, &tonight, "r,,tea-2,primary,teacher,,2027-06-30,sch-1\n", "bulk");
    let done = district.run().ok();
    assert_eq!(
        (&done.report.row("tea-1")["action"], &done.report.row("stu-2")["action"]),
        ("updated", "created")
    );
    let shown = district.run().ok().report.shows(SHOWN);
    assert_eq!(shown[..4], quiet);
    assert_eq!(decided(), before, "the same for both forms");
    // Where it says the same it is stored as it was.
    assert_eq!(
        district.ask(STORED),
        stored
            .replace("tea-2 | teacher | sch-1", "tea-2 | teacher/sch-1//2027-06-30 | ")
            .replace("tea-1", "stu-2 | student/sch-1 | \ntea-1")
    );
    // Every user decided comes to the same.
    let stored = district.ask(STORED);
    assert_eq!(district.run_with(&["--decide-all"]).ok().report.shows(SHOWN), shown);
    assert_eq!(district.ask(STORED), stored);
    // And back to 1.1, in which the new student is known in the other form.
    std::fs::remove_file(district.path("sis/roles.csv")).unwrap();
    std::fs::remove_file(district.path("sis/manifest.csv")).unwrap();
    district.sis(&tonight);
    assert_eq!(district.run().ok().report.shows(SHOWN), shown);
    assert_eq!(
        district.ask(STORED),
        stored.replace("tea-2 | teacher/sch-1//2027-06-30 | ", "tea-2 | teacher | sch-1")
    );
}

/// A school that was said beside the role is taken away where the role ends there.
#[test]
fn a_delta_of_1_2_takes_away_a_role_that_1_1_said() {
    let mut district = District::new().without_limits();
    district.sis(&people());
    district.run().ok();
    district.at("2026-11-24T08:15:00Z");
    let one = [people().remove(2)];
    let rows = "tea-1@sch-2,tobedeleted,tea-1,primary,teacher,,,sch-2\n";
    v1p2(&district, &one, rows, "delta");
    let done = district.run().ok();
    assert_eq!(done.report.row("tea-1")["schools"], *"sch-1");
    assert!(district.ask(STORED).contains("tea-1 | teacher/sch-1 | "), "{}", district.ask(STORED));
}
