//! The dates of OneRoster 1.2's roles, in files and from a server. The day is that of the district.

use serde_json::{Value, json};

use crate::fake::{Fake, Reply, Request};
use crate::support::{District, Done, Person, person, users_csv};

/// 23:30 on 23 November in Chicago; in UTC it is the 24th.
const EVENING: &str = "2026-11-24T05:30:00Z";

/// The id, the role's dates, and what becomes of a new person with them.
const DATES: [(&str, &str, &str, &str); 7] = [
    ("begins-tomorrow", "2026-11-24", "", "Role teacher has not begun - left out"),
    ("begins-today", "2026-11-23", "", ""),
    ("began", "2026-08-01", "2027-06-30", ""),
    ("ends-tomorrow", "", "2026-11-24", ""),
    ("ends-today", "", "2026-11-23", ""),
    ("ended", "", "2026-11-22", "Role teacher has ended - left out"),
    ("one-day", "2026-11-23", "2026-11-23", ""),
];

fn decides(done: &Done) {
    for (id, _, _, note) in DATES {
        done.says(id, if note.is_empty() { "created" } else { "skipped" }, note);
        assert_eq!(&done.report.row(id)["state"], if note.is_empty() { "pending" } else { "" }, "{id}");
    }
}

fn people() -> Vec<Person> {
    DATES.into_iter().map(|(id, ..)| person(id).given(id)).collect()
}

fn roles(district: &District, rows: impl Iterator<Item = (String, String, String)>) {
    let mut text = "sourcedId,userSourcedId,roleType,role,orgSourcedId,beginDate,endDate\n".to_owned();
    for (at, (id, begin, end)) in rows.enumerate() {
        text.push_str(&format!("r{at},{id},primary,teacher,sch-1,{begin},{end}\n"));
    }
    district.file("sis/roles.csv", text);
}

#[test]
fn a_role_that_has_not_begun_adds_no_one_and_one_that_ends_tomorrow_stays() {
    let mut district = District::new().without_limits();
    district.at(EVENING);
    let users = ["sourcedId", "username", "enabledUser", "givenName", "familyName", "email"];
    district.file("sis/users.csv", users_csv(&users, &people()));
    let dated =
        || DATES.into_iter().map(|(id, begin, end, _)| (id.to_owned(), begin.to_owned(), end.to_owned()));
    roles(&district, dated());
    decides(&district.run().ok());
    // The next day the one has begun, and those that ended are left out, and not archived.
    district.at("2026-11-25T05:30:00Z");
    let done = district.run().ok();
    assert_eq!(&done.report.row("begins-tomorrow")["action"], "created");
    for id in ["ends-today", "one-day"] {
        done.says(id, "skipped", "Role teacher has ended - left out");
        assert_eq!(&done.report.row(id)["state"], "pending", "{id}");
    }
    assert_eq!(&done.report.row("ends-tomorrow")["action"], "unchanged");
    // An account whose only role begins again later is not archived for that.
    let later = |(id, begin, end): (String, String, String)| match id.as_str() {
        "began" => (id, "2027-01-01".to_owned(), String::new()),
        _ => (id, begin, end),
    };
    roles(&district, dated().map(later));
    let done = district.run().ok();
    done.says("began", "skipped", "Role teacher has not begun - left out");
    assert_eq!(&done.report.row("began")["state"], "pending");
    assert!(done.plan().contains("0 to archive"), "{}", done.plan());
}

#[test]
fn the_same_from_a_server() {
    let user = |(id, begin, end, _): (&str, &str, &str, &str)| -> Value {
        let date = |day: &str| if day.is_empty() { Value::Null } else { day.into() };
        json!({
            "sourcedId": id, "status": "active", "dateLastModified": "2026-11-01T00:00:00.000Z", "enabledUser": "true",
            "username": id, "givenName": id, "familyName": "Diaz", "email": format!("{id}@school.example"),
            "roles": [{ "roleType": "primary", "role": "teacher", "org": { "sourcedId": "sch-1", "type": "org" },
                        "beginDate": date(begin), "endDate": date(end) }],
        })
    };
    let users: Vec<Value> = DATES.into_iter().map(user).collect();
    let fake = Fake::start(move |request: &Request| match request.path.rsplit('/').next().unwrap() {
        "users" => Reply::json(json!({ "users": users })).with("X-Total-Count", users.len()),
        "orgs" => {
            Reply::json(json!({ "orgs": [{ "sourcedId": "sch-1", "name": "Lincoln", "type": "school" }] }))
                .with("X-Total-Count", 1)
        }
        _ => Reply::status(404),
    });
    let mut district = crate::sis::district(&fake);
    district.at(EVENING);
    decides(&district.run().ok());
}
