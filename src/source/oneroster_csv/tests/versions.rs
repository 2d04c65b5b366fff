//! OneRoster 1.0, 1.1, 1.2 and what calls itself so.

use super::*;

const USERS_1_2: &str = "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,\
                         identifier,email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,\
                         preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns\n\
                         u1,,,true,ann,,Ann,Lee,,,ann@example.org,,,,,,,,,,,\n";
const ROLES: &str = "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\n";

fn with_roles(rows: &str) -> Export {
    Export::new(&[("users.csv", USERS_1_2), ("roles.csv", &format!("{ROLES}{rows}"))])
}

#[test]
fn version_1_1() {
    let row = "u1,,,true,\"s1,s2\",student,ann,,Ann,Lee,,007,ann@example.org,555-0100,555-0101,\"g1,g2\",10,secret\n";
    let reading = Export::new(&[("users.csv", &format!("{V1_1}{row}"))]).read();
    assert_eq!(reading.found(), []);
    let expected = Owned {
        line: 2,
        id: "u1".to_owned(),
        enabled: Some(true),
        given: some("Ann"),
        family: some("Lee"),
        email: some("ann@example.org"),
        sms: some("555-0100"),
        phone: some("555-0101"),
        identifier: some("007"),
        username: some("ann"),
        user_ids: None,
        roles: "student".to_owned(),
        orgs: "s1,s2".to_owned(),
        agents: "g1,g2".to_owned(),
        ..Owned::default()
    };
    assert_eq!(reading.records, [expected]);
}

#[test]
fn version_1_0() {
    let reading = Export::new(&[(
        "users.csv",
        "sourcedId,status,dateLastModified,orgSourcedIds,role,username,userId,givenName,familyName,identifier,email,sms,phone,agents\n\
         u1,inactive,,s1,student,ann,,Ann,Lee,,a@example.org,,,g1\n\
         u2,active,,s1,student,bob,,Bob,Ray,,b@example.org,,,\n",
    )])
    .read();
    assert_eq!(reading.found(), []);
    assert_eq!(reading.records[0].enabled, Some(false));
    assert_eq!(reading.records[0].agents, "g1");
    assert_eq!(reading.records[1].enabled, None);
}

#[test]
fn version_1_2_primary_role_first_then_the_order_of_the_file() {
    let reading = with_roles(
        "r1,,,u1,secondary,aide,,,s2,\n\
         r2,,,u2,primary,student,,,s1,\n\
         r3,,,u1,Primary,teacher,2026-08-01,2027-06-30,s1,\n\
         r4,,,u1,secondary,proctor,,2027-01-01T00:00:00.000Z,s3,\n\
         r5,,,u1,,guardian,,,,\n",
    )
    .read();
    assert_eq!(
        reading.one().roles,
        "teacher\ts1\t2026-08-01\t2027-06-30\naide\ts2\nproctor\ts3\t\t2027-01-01\nguardian"
    );
    // u2 has a role and is no user.
    assert_eq!(reading.found(), [("dangling-user", 0)]);
}

#[test]
fn version_1_2_roles_that_are_deleted_or_incomplete() {
    let reading = with_roles(
        "r1,ToBeDeleted,,u1,primary,aide,,,s2,\n\
         r2,,,u1,primary,,,,s1,\n\
         r3,,,,primary,aide,,,s1,\n\
         r4,odd,,u1,primary,teacher,soon,1/31/2027,s1,\n\
         r5,,,u1,primary,Smith, Jr.,,,s1,more\n\
         r6,,,u1,primary,\"a\"b,,,s1,\n",
    )
    .read();
    // Where the role without a name is held counts.
    assert_eq!(reading.one().roles, "teacher\ts1\t\t2027-01-31\nteacher\ts1");
    assert_eq!(
        reading.found(),
        [
            ("incomplete-role", 3),
            ("incomplete-role", 4),
            ("unknown-status", 5),
            ("unreadable-date", 5),
            ("rejected-shifted-row", 6),
            ("rejected-quoting", 7)
        ]
    );
}

#[test]
fn version_1_2_a_user_without_roles() {
    let reading = with_roles("r1,,,U1,primary,teacher,,,s1,\n").read();
    // Ids are case-sensitive.
    assert_eq!(reading.one().roles, "");
}

#[test]
fn version_1_2_many_users() {
    let mut users = USERS_1_2.lines().next().unwrap().to_owned() + "\n";
    let mut roles = ROLES.to_owned();
    for at in 0..500 {
        users += &format!("u{at},,,true,x,,A,B,,,,,,,,,,,,,,\n");
        roles += &format!("r{at},,,u{},primary,role-{},,,s1,\n", 499 - at, 499 - at);
    }
    let reading = Export::new(&[("users.csv", &users), ("roles.csv", &roles)]).read();
    assert_eq!(reading.records.len(), 500);
    for record in &reading.records {
        assert_eq!(record.roles, format!("role-{}\ts1", &record.id[1..]));
    }
}

#[test]
fn version_1_2_without_roles_file_or_with_an_empty_one() {
    let told_missing = told(&Export::new(&[("users.csv", USERS_1_2)]).failure(), Kind::InputUnusable);
    assert!(told_missing.contains("no column role") && told_missing.contains("roles.csv"), "{told_missing}");
    assert!(told(&with_roles("").failure(), Kind::InputUnusable).contains("roles.csv has no roles in it"));
}

#[test]
fn a_role_column_in_a_1_2_export_comes_first_unless_it_is_blank() {
    let reading = Export::new(&[
        (
            "users.csv",
            &format!("{SHORT}u1,true,s1,student,a,Ann,Lee,\nu2,true,s1,,b,Bob,Ray,\nu3,true,s1,,c,Cy,Day,\n"),
        ),
        ("roles.csv", &format!("{ROLES}r1,,,u1,primary,aide,,,s1,\nr2,,,u2,primary,teacher,,,s1,\n")),
    ])
    .read();
    let roles: Vec<&str> = reading.records.iter().map(|record| record.roles.as_str()).collect();
    assert_eq!(roles, ["student", "teacher\ts1", ""]);
}

#[test]
fn school_data_sync() {
    let reading = Export::new(&[
        ("users.csv", "sourcedId,username,givenName,familyName,password,activeDirectoryMatchId,email,phone,sms\n114007,k,Kim,Fay,P@ss,,k@example.org,,\n"),
        (
            "roles.csv",
            "userSourcedId,orgSourcedId,role,sessionSourcedId,grade,isPrimary,roleStartDate,roleEndDate\n\
             114007,110003,aide,SY,10,FALSE,2021-08-24,2022-06-11\n\
             114007,110004,teacher,SY,10,TRUE,2021-08-24,2022-06-11\n",
        ),
    ])
    .read();
    assert_eq!(
        reading.one().roles,
        "teacher\t110004\t2021-08-24\t2022-06-11\naide\t110003\t2021-08-24\t2022-06-11"
    );
    assert_eq!(reading.found(), [("missing-header", 1), ("roles-variant", 1)]);
    assert!(reading.message("roles-variant").contains("isPrimary, roleStartDate, roleEndDate, no sourcedId"));
}

#[test]
fn roles_without_their_columns() {
    let export =
        Export::new(&[("users.csv", USERS_1_2), ("roles.csv", "userSourcedId,roleType\nu1,primary\n")]);
    assert!(told(&export.failure(), Kind::InputUnusable).contains("roles.csv has no column role"));
}

#[test]
fn tabs_and_line_breaks_in_a_role_do_not_end_it() {
    let reading =
        Export::short("u1,true,s1,ext: head\tcook,a,Ann,Lee,\nu2,true,s1,\"ext:\nx\",b,Bob,Ray,\n").read();
    assert_eq!(reading.records[0].roles, "ext: head cook");
    assert_eq!(reading.records[1].roles, "ext: x");
    let reading = with_roles("r1,,,u1,primary,\"head\tcook\nx\",,,s1,\n").read();
    assert_eq!(reading.one().roles, "head cook x\ts1");
}

#[test]
fn orgs_that_are_not_in_orgs_csv() {
    let orgs =
        ("orgs.csv", "sourcedId,status,dateLastModified,name,type\ns1,,,North,school\n,,,Nowhere,school\n");
    let rows = "u1,true,s1,student,a,Ann,Lee,\nu2,true,\"s1, s9\",student,b,Bob,Ray,\nu3,true,s1,student,c,Cy,Day,\n";
    let export = Export::new(&[("users.csv", &format!("{SHORT}{rows}")), orgs]);
    let reading = export.read();
    assert_eq!(reading.found(), [("dangling-org", 3)]);
    assert!(reading.message("dangling-org").contains("org s9 "));
    assert_eq!(reading.records[1].orgs, "s1, s9");
    assert_eq!(export.open().about().schools.name("s9"), "s9");

    let roles = format!("{ROLES}r1,,,u1,primary,aide,,,s9,\n");
    let reading = Export::new(&[("users.csv", USERS_1_2), ("roles.csv", &roles), orgs]).read();
    assert_eq!(reading.found(), [("dangling-org", 2)]);
}

#[test]
fn odd_orgs_files() {
    let with = |orgs: &str| {
        Export::new(&[("users.csv", &format!("{SHORT}u1,true,s1,student,a,Ann,Lee,\n")), ("orgs.csv", orgs)])
    };
    // As good as none, so nothing dangles.
    assert_eq!(with("sourcedId,name\n").read().found(), [("empty-file", 0)]);
    assert_eq!(with("sourcedId,title\ns1,North\n").read().found(), [("missing-header", 1)]);
    let shifted = with("sourcedId,name\ns1,North, the\n");
    assert_eq!(shifted.read().found(), [("rejected-shifted-row", 2)]);
    assert_eq!(shifted.open().about().schools.name("s1"), "s1");
    assert!(
        told(&with("id,name\ns1,North\n").failure(), Kind::InputUnusable)
            .contains("orgs.csv has no header row")
    );
}
