//! Headers in every order, case and spelling.

use super::*;

#[test]
fn any_order_any_case_blanks_and_unknown_columns() {
    let reading = Export::new(&[(
        "users.csv",
        " EMAIL ,metadata.x,familyname,GivenName,ext_acme_y,ROLE,orgsourcedids,username,SourcedId\t,enabledUser,firstName\n\
         a@example.org,m,Lee,Ann,e,student,s1,ann,u1,TRUE,Not Ann\n",
    )])
    .read();
    assert_eq!(reading.found(), []);
    let one = reading.one();
    assert_eq!(
        (one.id.as_str(), &one.email, &one.given, &one.family),
        ("u1", &some("a@example.org"), &some("Ann"), &some("Lee"))
    );
    assert_eq!(one.enabled, Some(true));
}

#[test]
fn blank_lines_before_the_header() {
    let reading =
        Export::new(&[("users.csv", &format!("\n\r\n,,\n{SHORT}u1,true,s1,student,a,Ann,Lee,\n"))]).read();
    assert_eq!(reading.lines(), [5]);
}

#[test]
fn near_misses_are_accepted_with_a_warning() {
    let reading = Export::new(&[(
        "users.csv",
        "sourceId,enabled_user,orgSourcedId,agentSourcedId,role,username,Given Name,family-name,e-mail\n\
         u1,true,s1,g1,student,a,Ann,Lee,a@example.org\n",
    )])
    .read();
    assert_eq!(reading.found(), [("misspelt-header", 1); 7]);
    let one = reading.one();
    assert_eq!((one.id.as_str(), one.orgs.as_str(), one.agents.as_str()), ("u1", "s1", "g1"));
    assert_eq!((one.enabled, &one.email), (Some(true), &some("a@example.org")));
}

#[test]
fn the_right_spelling_beats_a_near_miss() {
    let reading = Export::new(&[(
        "users.csv",
        "sourcedId,sourceId,enabledUser,orgSourcedIds,role,username,givenName,familyName,e-mail,email\n\
         u1,x,true,s1,student,a,Ann,Lee,x@example.org,a@example.org\n",
    )])
    .read();
    assert_eq!(reading.found(), []);
    assert_eq!((reading.one().id.as_str(), &reading.one().email), ("u1", &some("a@example.org")));
}

#[test]
fn names_under_other_headers_are_not_guessed() {
    let export = Export::new(&[("users.csv", "sourcedId,role,firstName,lastName\nu1,student,Ann,Lee\n")]);
    let told = told(&export.failure(), Kind::InputUnusable);
    assert!(
        told.contains("no column givenName; its columns are sourcedId, role, firstName, lastName"),
        "{told}"
    );
}

#[test]
fn each_required_column_is_missed_by_name() {
    for missing in ["sourcedId", "givenName", "familyName", "role"] {
        let users = format!("{SHORT}u1,true,s1,student,a,Ann,Lee,\n").replacen(missing, "other", 1);
        let told = told(&Export::new(&[("users.csv", &users)]).failure(), Kind::InputUnusable);
        assert!(told.contains(&format!("users.csv has no column {missing}")), "{told}");
    }
}

#[test]
fn required_by_the_standard_but_not_needed() {
    let reading =
        Export::new(&[("users.csv", "sourcedId,role,givenName,familyName\nu1,student,Ann,Lee\n")]).read();
    assert_eq!(reading.found(), [("missing-header", 1), ("missing-header", 1)]);
    assert!(reading.findings[0].message.ends_with("enabledUser, orgSourcedIds, username"));
    assert_eq!(reading.findings[1].column.as_deref(), Some("email"));
    let one = reading.one();
    assert_eq!((&one.email, &one.sms, &one.phone, one.enabled), (&None, &None, &None, None));
}

#[test]
fn a_blank_cell_is_not_a_missing_column() {
    assert_eq!(Export::short("u1,true,s1,student,a,Ann,Lee,\n").read().one().email, some(""));
}

#[test]
fn two_columns_of_one_name() {
    let export =
        Export::new(&[("users.csv", "sourcedId,role,givenName,familyName,email,Email\nu1,a,b,c,d,e\n")]);
    assert!(told(&export.failure(), Kind::InputUnusable).contains("more than one column email"));
    // The other one is not read.
    let reading =
        Export::new(&[("users.csv", &format!("grades,grades,{SHORT}1,2,u1,true,s1,student,a,Ann,Lee,\n"))])
            .read();
    assert_eq!(reading.found(), []);
}

#[test]
fn semicolons_and_tabs() {
    for delimiter in [";", "\t"] {
        let users = format!("{SHORT}u1,true,\"s1|s2\",student,a,Ann,Lee,a@example.org\n")
            .replace(',', delimiter)
            .replace('|', ",");
        let reading = Export::new(&[("users.csv", &users)]).read();
        assert_eq!(reading.found(), [("delimiter", 1)]);
        assert_eq!((reading.one().orgs.as_str(), &reading.one().email), ("s1,s2", &some("a@example.org")));
    }
}

#[test]
fn a_language_column() {
    let users = format!("lang,{SHORT}es,u1,true,s1,student,a,Ann,Lee,\n");
    let open = |column: &str| {
        let mut export = Export::new(&[("users.csv", &users)]);
        export.options.language_column = Some(column.to_owned());
        export
    };
    assert_eq!(open("Lang").read().one().language, some("es"));
    let reading = open("tongue").read();
    assert_eq!((reading.found(), &reading.one().language), (vec![("missing-header", 1)], &None));
    let failure = OneRosterCsv::open(&open("Password").path(), open("Password").options).unwrap_err();
    assert_eq!(failure.kind, Kind::Usage);
}

#[test]
fn user_names_and_other_ids() {
    let row = "u1,,,true,s1,student,ann,\"{LDAP:ann},{Fed:\"\"7\"\"}\",Ann,Lee,,,,,,,,hunter2\n";
    let reading = Export::new(&[("users.csv", &(V1_1.to_owned() + row))]).read();
    assert_eq!(reading.found(), []);
    let one = reading.one();
    assert_eq!((&one.username, &one.user_ids), (&some("ann"), &some("{LDAP:ann},{Fed:\"7\"}")));
    let reading = Export::short("u1,true,s1,student,NULL,Ann,Lee,\n").read();
    assert_eq!((reading.found(), &reading.one().username), (vec![("null-word", 2)], &None));
}

#[test]
fn a_column_of_earlier_ids() {
    let users = format!("metadata.ic.legacysourceId,{SHORT}old-1,u1,true,s1,student,a,Ann,Lee,\n");
    let open = |column: &str| {
        let mut export = Export::new(&[("users.csv", &users)]);
        export.options.earlier_id_column = Some(column.to_owned());
        export
    };
    assert_eq!(open("metadata.ic.legacySourceId").read().one().earlier_id, some("old-1"));
    let failure = open("metadata.legacy").failure();
    assert_eq!(
        failure.what,
        "users.csv has no column metadata.legacy; its columns are metadata.ic.legacysourceId, sourcedId, enabledUser, \
         orgSourcedIds, role, username, givenName, familyName, email"
    );
    assert_eq!(
        failure.cure,
        "have the SIS export the column metadata.legacy, under that name, or correct `earlier_id` in [identity]"
    );
    assert_eq!(failure.kind, Kind::InputUnusable);
    assert_eq!(open("Password").failure().kind, Kind::Usage);
}

#[test]
fn passwords_and_people_are_in_no_finding_and_no_failure() {
    let personal = ["hunter2", "Ann", "Lee", "ann@example.org", "555-0100"];
    let row = |id: &str, tail: &str| {
        format!(
            "{id},what,,maybe,s9,student,ann,,Ann,Lee,,,ann@example.org,555-0100,555-0100,,10,hunter2{tail}\n"
        )
    };
    let mut users = V1_1.to_owned() + &row("u1", "") + &row("u2", ",Ann") + &row("u3", ",");
    users += &row("u4", "").replace(",Ann,", ",\"Ann\"Ann,");
    users += &row("u5", "").replace(",10,", ",\"hunter2\nhunter2\",");
    users += &row("u6", "").replace(",Ann,", ",\"Ann\nLee\",");
    let export = Export::new(&[("users.csv", &users), ("orgs.csv", "sourcedId,name\ns1,North\n")]);
    let reading = export.read();
    assert_eq!(reading.ids(), ["u1", "u2", "u3", "u4", "u5", "u6"]);
    let mut told = serde_json::to_string(&reading.findings).unwrap();
    export.write("users.csv", (users + "u7,\"hunter2,Ann,Lee,ann@example.org,555-0100").as_bytes());
    told += &export.failure().to_string();
    for value in personal {
        assert!(!told.contains(value), "{value} in {told}");
    }
}

/// A file without schools takes protection away, so other names of their column are understood.
#[test]
fn the_column_of_schools_by_other_names() {
    for name in [
        "orgs",
        "org",
        "school",
        "schools",
        "Schools",
        "school_ids",
        "orgIds",
        "orgId",
        "primaryOrgSourcedId",
        "schoolSourcedId",
    ] {
        let users = format!("{}u1,true,s1,student,a,Ann,Lee,\n", SHORT.replace("orgSourcedIds", name));
        let reading = Export::new(&[("users.csv", &users)]).read();
        assert_eq!(reading.one().orgs, "s1", "{name}");
        let warned = reading.findings.iter().find(|finding| finding.code == "misspelt-header").unwrap();
        assert_eq!(
            (warned.column.as_deref(), warned.message.as_str()),
            (Some(name), "taken for orgSourcedIds")
        );
    }
    // The right one wins, and of others the likeliest.
    for (names, orgs) in
        [(["orgSourcedIds", "school"], "s1"), (["school", "orgs"], "s2"), (["org", "schools"], "s2")]
    {
        let header = SHORT.replace("orgSourcedIds", &names.join(","));
        let reading =
            Export::new(&[("users.csv", &format!("{header}u1,true,s1,s2,student,a,Ann,Lee,\n"))]).read();
        assert_eq!(reading.one().orgs, orgs, "{names:?}");
    }
}

#[test]
fn the_column_of_schools_in_roles_by_other_names() {
    let users = "sourcedId,enabledUser,username,givenName,familyName,email\nu1,true,a,Ann,Lee,\n";
    for name in ["org", "school", "school_id", "orgIds", "schools"] {
        let roles = format!("userSourcedId,role,{name}\nu1,student,s1\n");
        let reading = Export::new(&[("users.csv", users), ("roles.csv", &roles)]).read();
        assert_eq!(reading.one().roles, "student\ts1", "{name}");
        assert!(reading.found().contains(&("misspelt-header", 1)), "{name}");
    }
}

#[test]
fn a_header_that_is_not_understood_is_listed() {
    let told = told(
        &Export::of_bytes(b"id,status,role,givenName,familyName,email\nu1,,student,Ann,Lee,\n").failure(),
        Kind::InputUnusable,
    );
    assert!(
        told.contains("users.csv has no column sourcedId") && told.contains("id, status, role"),
        "{told}"
    );
}
