//! `report --sis-corrections --columns`: corrections in the columns that the SIS loads.

use crate::fake::{Fake, Reply};
use crate::support::{COLUMNS, District, person, users_csv};

/// Two people whose details differ, in a roster with columns that rostersync has no use for.
fn district() -> District {
    let mut district = District::new().with(
        "report.corrections.powerschool",
        "[\"Contact ID=metadata.contactid\", \"Last, first=familyName\", \"Email=email\"]",
    );
    district.platform(&[
        person("tea-1").email("home@mail.example"),
        person("tea-2").mobile("+17185550142"),
        person("tea-3"),
    ]);
    let columns = [&COLUMNS[..], &["metadata.contactid", "Metadata.Grade", "title"]].concat();
    let people = [
        person("tea-3").with("metadata.contactid", "0003"),
        person("tea-2")
            .with("metadata.contactid", "=0002, b")
            .with("Metadata.Grade", "07")
            .mobile("7185550199"),
        person("tea-1").with("metadata.contactid", "00\"1").with("title", "Dr."),
    ];
    district.file("sis/users.csv", users_csv(&columns, &people));
    district.run().ok();
    district
}

#[test]
fn any_column_of_the_roster_is_passed_through() {
    let district = district();
    let show =
        |columns: &str| district.cli(&["report", "--sis-corrections", "--columns", columns]).ok().stdout;
    assert_eq!(
        show("Contact ID=metadata.contactid,Email=email,Mobile=sms,metadata.grade"),
        "Contact ID,Email,Mobile,metadata.grade\r\n\
         \"00\"\"1\",home@mail.example,,\r\n\
         \"=0002, b\",tea-2@school.example,+17185550142,07\r\n"
    );
    let set = "Contact ID,\"Last, first\",Email\r\n\
               \"00\"\"1\",Diaz,home@mail.example\r\n\
               \"=0002, b\",Diaz,tea-2@school.example\r\n";
    assert_eq!(show("powerschool"), set);
    district.cli(&["report", "--sis-corrections", "--columns", "powerschool", "-o", "fix.csv"]).ok();
    assert_eq!(std::fs::read_to_string(district.path("fix.csv")).unwrap(), set);
    // Users that have left the file since are said, and not left out.
    district.file(
        "sis/users.csv",
        users_csv(&[&COLUMNS[..], &["metadata.contactid"]].concat(), &[person("tea-2"), person("tea-3")]),
    );
    let done =
        district.cli(&["report", "--sis-corrections", "--columns", "sourcedId,ID=metadata.contactid"]).ok();
    assert_eq!(done.stdout, "sourcedId,ID\r\ntea-1,\r\ntea-2,\r\n");
    assert!(
        done.stderr.contains("1 user of the file is not in the roster now: metadata.contactid blank there"),
        "{}",
        done.stderr
    );
    let quiet =
        district.cli(&["-q", "report", "--sis-corrections", "--columns", "ID=metadata.contactid"]).ok();
    assert!(quiet.stderr.contains("1 user of the file is not in the roster now"), "{}", quiet.stderr);
}

#[test]
fn mistakes_are_refused_with_the_nearest_name() {
    let mut district = district();
    for (columns, said) in [
        ("ID=metadata.contactd", "did you mean `metadata.contactid`? users.csv has sourcedId, status,"),
        ("ID=phone,ID=email", "`--columns` has the header `ID` twice"),
        ("=email", "`--columns =email` is no HEADER=COLUMN"),
        ("powerschol", "did you mean `powerschool`?"),
        ("PW=password", "the column password is never read"),
    ] {
        district.cli(&["report", "--sis-corrections", "--columns", columns]).exits(2).complains(&[said]);
    }
    district.set("report.corrections.powerschool", "[\"=email\"]");
    district.cli(&["report"]).exits(2).complains(&["`=email` is no HEADER=COLUMN", "rostersync.toml"]);
    district.set("report.corrections.powerschool", "[\"ID=email\", \"ID=sms\"]");
    district.cli(&["report"]).exits(2).complains(&["the set `powerschool` has the header `ID` twice"]);
}

/// The fields of a OneRoster API, in `metadata` too.
#[test]
fn fields_of_an_api_are_passed_through() {
    let user = |id: &str, email: &str, number: serde_json::Value| {
        serde_json::json!({
            "sourcedId": id, "status": "active", "enabledUser": "true", "givenName": "Rosa", "familyName": "Diaz",
            "email": email, "role": "teacher", "orgs": [{ "sourcedId": "sch-1" }], "username": format!("{id}.user"),
            "password": "hunter2", "metadata": { "contactid": number },
        })
    };
    let users = [
        user("tea-1", "tea-1@school.example", 17.into()),
        user("tea-2", "tea-2@school.example", "0018".into()),
    ];
    let fake = Fake::start(move |request| match request.path.ends_with("/orgs") {
        true => Reply::json("{\"orgs\":[]}"),
        false => {
            let page = &users[request.number("offset").unwrap_or_default().min(users.len())..];
            Reply::json(serde_json::json!({ "users": page }))
        }
    });
    let mut district = crate::sis::district(&fake);
    district
        .platform(&[person("tea-1").email("home@mail.example"), person("tea-2").email("own@mail.example")]);
    district.run().ok();
    let show = |columns: &str| district.cli(&["report", "--sis-corrections", "--columns", columns]);
    assert_eq!(
        show("Contact ID=metadata.contactid,Email=email,username").ok().stdout,
        "Contact ID,Email,username\r\n17,home@mail.example,tea-1.user\r\n0018,own@mail.example,tea-2.user\r\n"
    );
    show("metadata.contactd")
        .exits(2)
        .complains(&["did you mean `metadata.contactid`? the server gives email,"]);
    show("PASSWORD").exits(2).complains(&["the column password is never read"]);
}
