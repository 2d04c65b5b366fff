//! The reference set: packages that OneRoster allows, in which `check --strict` finds nothing, and
//! packages with one fault each, which it finds at its place.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;

use serde_json::Value;

use crate::support::{District, person};

/// The files of a package by name.
type Package = BTreeMap<&'static str, Vec<u8>>;

const MANIFEST_11: &str = "\
propertyName,value
manifest.version,1.0
oneroster.version,1.1
file.academicSessions,bulk
file.categories,absent
file.classes,bulk
file.classResources,absent
file.courses,bulk
file.courseResources,absent
file.demographics,bulk
file.enrollments,bulk
file.lineItems,absent
file.orgs,bulk
file.resources,absent
file.results,absent
file.users,bulk
source.systemName,Made up
source.systemCode,made-up
";

const MORE_OF_12: &str = "\
file.lineItemLearningObjectiveIds,absent
file.lineItemScoreScales,absent
file.resultLearningObjectiveIds,absent
file.resultScoreScales,absent
file.roles,bulk
file.scoreScales,absent
file.userProfiles,bulk
file.userResources,absent
";

const FILES: [(&str, &str); 7] = [
    (
        "orgs.csv",
        "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\n\
         dis-1,,,Lincoln District,district,,\n\
         sch-1,,,Lincoln Elementary,school,,dis-1\n\
         sch-2,,,Lincoln High,school,,dis-1\n",
    ),
    (
        "academicSessions.csv",
        "sourcedId,status,dateLastModified,title,type,startDate,endDate,parentSourcedId,schoolYear\n\
         ses-1,,,2026-27,schoolYear,2026-08-15,2027-06-15,,2027\n\
         ses-2,,,Fall,term,2026-08-15,2026-12-20,ses-1,2027\n",
    ),
    (
        "courses.csv",
        "sourcedId,status,dateLastModified,schoolYearSourcedId,title,courseCode,grades,orgSourcedId,subjects,subjectCodes\n\
         cou-1,,,ses-1,Reading,R3,03,sch-1,,\n",
    ),
    (
        "users.csv",
        "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password\n\
         tea-1,,,true,sch-1,teacher,ana,{LDAP:ana},Ana,Diaz,,1,ana@lincoln.example,,,,,\n\
         stu-1,,,true,sch-1,student,ben,,Ben,Kim,,2,,,,gua-1,03,\n\
         gua-1,,,true,sch-1,guardian,cal,,Cal,Kim,,,cal@mail.example,+17185550142,,stu-1,,\n",
    ),
    (
        "classes.csv",
        "sourcedId,status,dateLastModified,title,grades,courseSourcedId,classCode,classType,location,schoolSourcedId,termSourcedIds,subjects,subjectCodes,periods\n\
         cla-1,,,Reading 3a,03,cou-1,,scheduled,,sch-1,ses-2,,,\n",
    ),
    (
        "enrollments.csv",
        "sourcedId,status,dateLastModified,classSourcedId,schoolSourcedId,userSourcedId,role,primary,beginDate,endDate\n\
         enr-1,,,cla-1,sch-1,tea-1,teacher,true,,\n\
         enr-2,,,cla-1,sch-1,stu-1,student,,2026-08-15,2026-12-20\n",
    ),
    (
        "demographics.csv",
        "sourcedId,status,dateLastModified,birthDate,sex,americanIndianOrAlaskaNative,asian,blackOrAfricanAmerican,nativeHawaiianOrOtherPacificIslander,white,demographicRaceTwoOrMoreRaces,hispanicOrLatinoEthnicity,countryOfBirthCode,stateOfBirthAbbreviation,cityOfBirth,publicSchoolResidenceStatus\n\
         stu-1,,,2018-03-01,male,false,true,false,false,false,false,false,US,NY,,\n",
    ),
];

const OF_12: [(&str, &str); 3] = [
    (
        "users.csv",
        "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns\n\
         tea-1,,,true,ana,,Ana,Diaz,,1,ana@lincoln.example,,,,,,,,,,sch-1,\n\
         stu-1,,,true,,,Ben,Kim,,2,,,,gua-1,03,,,Benny,,,sch-1,\n\
         gua-1,,,true,cal,,Cal,Kim,,,cal@mail.example,,,stu-1,,,,,,,,\n",
    ),
    (
        "roles.csv",
        "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\n\
         rol-1,,,tea-1,primary,teacher,2026-08-01,,sch-1,pro-1\n\
         rol-2,,,tea-1,secondary,ext:coach,,,sch-1,\n\
         rol-3,,,stu-1,primary,student,,,sch-1,\n\
         rol-4,,,gua-1,primary,guardian,,,sch-1,\n",
    ),
    (
        "userProfiles.csv",
        "sourcedId,status,dateLastModified,userSourcedId,profileType,vendorId,applicationId,description,credentialType,username,password\n\
         pro-1,,,tea-1,lms,vendor.example,,,username,ana,\n",
    ),
];

fn v11() -> Package {
    let files = FILES.iter().map(|(name, text)| (*name, text.as_bytes().to_vec()));
    files.chain([("manifest.csv", MANIFEST_11.as_bytes().to_vec())]).collect()
}

fn v12() -> Package {
    let mut package = v11();
    package.extend(OF_12.iter().map(|(name, text)| (*name, text.as_bytes().to_vec())));
    let manifest = MANIFEST_11.replace("oneroster.version,1.1", "oneroster.version,1.2") + MORE_OF_12;
    package.insert("manifest.csv", manifest.into_bytes());
    package
}

fn text(package: &Package, name: &str) -> String {
    String::from_utf8(package[name].clone()).unwrap()
}

/// Replaces a text that is there once.
#[track_caller]
fn change(package: &mut Package, name: &'static str, from: &str, to: &str) {
    let before = text(package, name);
    assert_eq!(before.matches(from).count(), 1, "{name} has {from:?} not once");
    package.insert(name, before.replacen(from, to, 1).into_bytes());
}

/// The rows of a file, changed one by one; the header is the first.
fn each_row(package: &mut Package, name: &'static str, change: impl Fn(usize, &str) -> String) {
    let rows: Vec<String> =
        text(package, name).lines().enumerate().map(|(at, line)| change(at, line) + "\n").collect();
    package.insert(name, rows.concat().into_bytes());
}

/// A delta: every row has a status and a time.
fn as_delta(package: &mut Package) {
    change_all(package, "manifest.csv", ",bulk", ",delta");
    let names: Vec<&'static str> = package.keys().copied().filter(|name| *name != "manifest.csv").collect();
    for name in names {
        each_row(package, name, |at, line| match at {
            0 => line.to_owned(),
            _ => line.replacen(",,,", ",active,2026-11-20T02:15:00.000Z,", 1),
        });
    }
}

fn change_all(package: &mut Package, name: &'static str, from: &str, to: &str) {
    let changed = text(package, name).replace(from, to);
    package.insert(name, changed.into_bytes());
}

fn write_folder(folder: &Path, package: &Package) {
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).unwrap();
    for (name, bytes) in package {
        fs::write(folder.join(name), bytes).unwrap();
    }
}

fn write_zip(path: &Path, package: &Package, below: &str) {
    let mut zip = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (name, bytes) in package {
        zip.start_file(format!("{below}{name}"), zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap();
}

/// What `check --strict` says of a package, as JSON.
fn said(district: &District, package: &str) -> (i32, Value) {
    let done = district.cli(&["check", "--strict", package, "--format", "json"]);
    (done.code, serde_json::from_str(&done.stdout).unwrap_or_else(|_| panic!("{}", done.stderr)))
}

/// The one group of findings that there is, as `code file line column`.
#[track_caller]
fn only_fault(said: &Value, name: &str) -> String {
    let groups = said["groups"].as_array().unwrap();
    let shown: Vec<String> = groups
        .iter()
        .map(|group| {
            let line = group["lines"][0].as_u64().map_or_else(|| "-".to_owned(), |line| line.to_string());
            let word = |key: &str| group[key].as_str().unwrap_or("-").to_owned();
            format!("{} {} {line} {}", word("code"), word("file"), word("column"))
        })
        .collect();
    assert_eq!(shown.len(), 1, "{name}: {shown:#?}");
    shown.into_iter().next().unwrap()
}

/// Packages in which there is nothing to find.
fn valid() -> Vec<(&'static str, Package)> {
    let mut all: Vec<(&str, Package)> = vec![("1.1 bulk", v11()), ("1.2 bulk", v12())];
    let mut add = |name, mut package: Package, change: &dyn Fn(&mut Package)| {
        change(&mut package);
        all.push((name, package));
    };
    add("1.1 delta", v11(), &as_delta);
    add("1.2 delta", v12(), &as_delta);
    add("a deleted record in a delta", v11(), &|package| {
        as_delta(package);
        change(package, "orgs.csv", "sch-2,active", "sch-2,tobedeleted");
    });
    add("byte order marks", v11(), &|package| {
        package.values_mut().for_each(|bytes| *bytes = [b"\xEF\xBB\xBF".as_slice(), bytes].concat());
    });
    add("CRLF", v11(), &|package| {
        let names: Vec<&'static str> = package.keys().copied().collect();
        names.into_iter().for_each(|name| change_all(package, name, "\n", "\r\n"));
    });
    add("no line break at the end", v12(), &|package| {
        package.values_mut().for_each(|bytes| bytes.truncate(bytes.len() - 1));
    });
    add("every cell in quotes", v11(), &|package| {
        let names: Vec<&'static str> = package.keys().copied().collect();
        for name in names {
            each_row(package, name, |_, line| format!("\"{}\"", line.replace(',', "\",\"")));
        }
    });
    add("own columns", v11(), &|package| {
        for name in ["users.csv", "orgs.csv", "enrollments.csv"] {
            each_row(package, name, |at, line| match at {
                0 => format!("{line},metadata.bus,metadata.jp.kana"),
                _ => format!("{line},12,"),
            });
        }
    });
    add("only orgs and users", v11(), &|package| {
        for name in ["academicSessions", "classes", "courses", "demographics", "enrollments"] {
            package.retain(|file, _| *file != format!("{name}.csv"));
            change(package, "manifest.csv", &format!("file.{name},bulk"), &format!("file.{name},absent"));
        }
    });
    add("users as a delta beside bulk orgs", v11(), &|package| {
        change(package, "manifest.csv", "file.users,bulk", "file.users,delta");
        each_row(package, "users.csv", |at, line| match at {
            0 => line.to_owned(),
            _ => line.replacen(",,,", ",active,2026-11-20T02:15:00Z,", 1),
        });
    });
    add("lists, quotes and letters of all kinds", v11(), &|package| {
        change(package, "users.csv", "tea-1,,,true,sch-1,", "tea-1,,,true,\"sch-1,sch-2\",");
        change(
            package,
            "users.csv",
            "{LDAP:ana},Ana,Diaz",
            "\"{LDAP:ana},{LTI:7}\",\"Ana \"\"Nana\"\"\",Núñez 李",
        );
        change(package, "classes.csv", "Reading 3a,03", "\"Reading, 3a\",\"03,04\"");
    });
    add("files of gradebooks beside", v11(), &|package| {
        change(package, "manifest.csv", "file.results,absent", "file.results,bulk");
        package.insert("results.csv", b"sourcedId\nres-1\n".to_vec());
    });
    all
}

#[test]
fn nothing_is_found_in_valid_packages() {
    let district = District::new();
    let packages = valid();
    assert!(packages.len() >= 12);
    for (name, package) in packages {
        write_folder(&district.path("package"), &package);
        let (code, said) = said(&district, "package");
        assert_eq!(said["groups"].as_array().unwrap().len(), 0, "{name}: {:#}", said["groups"]);
        assert_eq!((code, said["standard"]["valid"].as_bool()), (0, Some(true)), "{name}");
        let version = if name.starts_with("1.2") || name.starts_with("no line") { "1.2" } else { "1.1" };
        assert_eq!(said["standard"]["version"], version, "{name}");
    }
    write_zip(&district.path("package.zip"), &v12(), "");
    let zipped = district.cli(&["check", "--strict", "package.zip"]).ok();
    assert_eq!(zipped.stdout, "OneRoster 1.2: 10 files, 43 rows; 0 errors, 0 warnings: valid.\n");
}

/// A package with one fault, and where it is.
struct Fault(&'static str, Package);

/// Changes a text of a file.
fn with(package: Package, file: &'static str, from: &str, to: &str, found: &'static str) -> Fault {
    let mut package = package;
    change(&mut package, file, from, to);
    Fault(found, package)
}

fn adding(package: Package, file: &'static str, line: &str, found: &'static str) -> Fault {
    let mut package = package;
    let whole = text(&package, file) + line + "\n";
    package.insert(file, whole.into_bytes());
    Fault(found, package)
}

fn made(package: Package, make: impl FnOnce(&mut Package), found: &'static str) -> Fault {
    let mut package = package;
    make(&mut package);
    Fault(found, package)
}

fn without(package: &mut Package, stem: &str) {
    package.retain(|file, _| *file != format!("{stem}.csv"));
}

/// Faults of the package, the manifest and the form of the files.
fn faults_of_form() -> Vec<Fault> {
    vec![
        made(v11(), |package| drop(package.remove("manifest.csv")), "manifest-absent manifest.csv - -"),
        with(
            v11(),
            "manifest.csv",
            "propertyName,value",
            "property,value",
            "manifest-header manifest.csv 1 -",
        ),
        adding(
            v11(),
            "manifest.csv",
            "file.students,absent",
            "manifest-unknown-property manifest.csv 19 file.students",
        ),
        adding(
            v11(),
            "manifest.csv",
            "file.orgs,bulk",
            "manifest-repeated-property manifest.csv 19 file.orgs",
        ),
        with(
            v11(),
            "manifest.csv",
            "file.results,absent\n",
            "",
            "manifest-missing-property manifest.csv - file.results",
        ),
        with(
            v11(),
            "manifest.csv",
            "manifest.version,1.0",
            "manifest.version,1",
            "manifest-invalid-value manifest.csv 2 manifest.version",
        ),
        with(
            v11(),
            "manifest.csv",
            "file.results,absent",
            "file.results,none",
            "manifest-invalid-value manifest.csv 15 file.results",
        ),
        made(
            v11(),
            |package| without(package, "demographics"),
            "manifest-file-missing manifest.csv 10 file.demographics",
        ),
        with(
            v11(),
            "manifest.csv",
            "file.demographics,bulk",
            "file.demographics,absent",
            "manifest-file-unexpected manifest.csv 10 file.demographics",
        ),
        made(
            v11(),
            |package| {
                let classes = package.remove("classes.csv").unwrap();
                package.insert("Classes.csv", classes);
            },
            "package-file-name Classes.csv - -",
        ),
        made(
            v11(),
            |package| drop(package.insert("notes.csv", b"a\n1\n".to_vec())),
            "package-unknown-file notes.csv - -",
        ),
        made(
            v11(),
            |package| drop(package.insert("demographics.csv", Vec::new())),
            "file-unreadable demographics.csv - -",
        ),
        made(
            v11(),
            |package| {
                let header = text(package, "demographics.csv").lines().next().unwrap().to_owned() + "\n";
                package.insert("demographics.csv", header.into_bytes());
            },
            "file-without-rows demographics.csv - -",
        ),
        made(
            v11(),
            |package| {
                let users = text(package, "users.csv").replace("Diaz", "D?az").into_bytes();
                let latin = users.into_iter().map(|byte| if byte == b'?' { 0xED } else { byte });
                package.insert("users.csv", latin.collect());
            },
            "csv-encoding users.csv 2 -",
        ),
        made(
            v11(),
            |package| {
                let utf16: Vec<u8> = std::iter::once(0xFEFF)
                    .chain(text(package, "orgs.csv").encode_utf16())
                    .flat_map(u16::to_le_bytes)
                    .collect();
                package.insert("orgs.csv", utf16);
            },
            "csv-encoding orgs.csv - -",
        ),
        made(v11(), |package| change_all(package, "courses.csv", ",", ";"), "csv-delimiter courses.csv 1 -"),
        made(
            v11(),
            |package| {
                let whole = format!("sep=,\n{}", text(package, "orgs.csv"));
                package.insert("orgs.csv", whole.into_bytes());
            },
            "csv-first-line orgs.csv 1 -",
        ),
        made(
            v11(),
            |package| {
                let whole = text(package, "users.csv");
                let (_, rows) = whole.split_once('\n').unwrap();
                package.insert("users.csv", rows.as_bytes().to_vec());
            },
            "csv-first-line users.csv 1 -",
        ),
        with(v11(), "orgs.csv", "Lincoln High", "Lincoln \"Abe\" High", "csv-quoting orgs.csv 4 name"),
        with(v11(), "demographics.csv", "stu-1,", "\"stu-1,", "csv-quoting demographics.csv 2 -"),
        with(v11(), "orgs.csv", "Lincoln High", "\"Lincoln\nHigh\"", "csv-line-break orgs.csv 4 name"),
        with(v11(), "orgs.csv", "Lincoln High", "Lincoln, High", "csv-row-width orgs.csv 4 -"),
        with(v11(), "enrollments.csv", "teacher,true,,", "teacher,true", "csv-row-width enrollments.csv 2 -"),
        with(v11(), "users.csv", "stu-1,,,true", "\nstu-1,,,true", "csv-blank-row users.csv 3 -"),
    ]
}

/// Faults of headers and of single values.
fn faults_of_values() -> Vec<Fault> {
    let delta = || {
        let mut package = v11();
        as_delta(&mut package);
        package
    };
    vec![
        made(
            v11(),
            |package| {
                each_row(package, "academicSessions.csv", |_, line| {
                    line.rsplit_once(',').unwrap().0.to_owned()
                });
            },
            "header-missing academicSessions.csv 1 schoolYear",
        ),
        made(
            v11(),
            |package| each_row(package, "users.csv", |_, line| line.rsplit_once(',').unwrap().0.to_owned()),
            "header-missing users.csv 1 password",
        ),
        made(
            v11(),
            |package| {
                each_row(package, "orgs.csv", |at, line| {
                    format!("{line},{}", if at == 0 { "principal" } else { "" })
                });
            },
            "header-unknown orgs.csv 1 principal",
        ),
        made(
            v11(),
            |package| {
                each_row(package, "orgs.csv", |at, line| {
                    format!("{line},{}", if at == 0 { "identifier" } else { "" })
                });
            },
            "header-repeated orgs.csv 1 identifier",
        ),
        with(v11(), "users.csv", "givenName", "givenname", "header-spelling users.csv 1 givenname"),
        made(
            v11(),
            |package| {
                each_row(package, "orgs.csv", |at, line| {
                    format!("{},{line}", if at == 0 { "metadata.bus" } else { "7" })
                });
            },
            "header-order orgs.csv 1 sourcedId",
        ),
        made(
            v11(),
            |package| {
                each_row(package, "orgs.csv", |_, line| {
                    let cells: Vec<&str> = line.split(',').collect();
                    [cells[0], cells[1], cells[2], cells[4], cells[3], cells[5], cells[6]].join(",")
                });
            },
            "header-order orgs.csv 1 name",
        ),
        with(v11(), "users.csv", "Ben,Kim", "Ben,", "value-missing users.csv 3 familyName"),
        with(v11(), "orgs.csv", "dis-1,,,Lin", "dis-1,active,,Lin", "value-in-bulk orgs.csv 2 status"),
        with(
            delta(),
            "orgs.csv",
            "dis-1,active,2026-11-20T02:15:00.000Z",
            "dis-1,,2026-11-20T02:15:00.000Z",
            "value-missing orgs.csv 2 status",
        ),
        with(
            delta(),
            "orgs.csv",
            "dis-1,active,2026-11-20T02:15:00.000Z",
            "dis-1,active,2026-11-20",
            "value-date-time orgs.csv 2 dateLastModified",
        ),
        with(delta(), "orgs.csv", "dis-1,active,", "dis-1,inactive,", "value-enumeration orgs.csv 2 status"),
        with(v11(), "users.csv", ",student,", ",Student,", "value-enumeration users.csv 3 role"),
        with(v11(), "users.csv", ",teacher,", ",ext:coach,", "value-enumeration users.csv 2 role"),
        with(v11(), "orgs.csv", "High,school", "High,campus", "value-enumeration orgs.csv 4 type"),
        with(v12(), "roles.csv", "tea-1,secondary", "tea-1,second", "value-enumeration roles.csv 3 roleType"),
        with(v11(), "users.csv", "stu-1,,,true", "stu-1,,,TRUE", "value-boolean users.csv 3 enabledUser"),
        with(
            v11(),
            "academicSessions.csv",
            "schoolYear,2026-08-15",
            "schoolYear,8/15/2026",
            "value-date academicSessions.csv 2 startDate",
        ),
        with(
            v11(),
            "demographics.csv",
            "2018-03-01",
            "2018-02-30",
            "value-date demographics.csv 2 birthDate",
        ),
        with(
            v11(),
            "academicSessions.csv",
            ",,2027\n",
            ",,26-27\n",
            "value-year academicSessions.csv 2 schoolYear",
        ),
        with(v11(), "enrollments.csv", "enr-1", "enr 1", "value-sourced-id enrollments.csv 2 sourcedId"),
        with(v11(), "classes.csv", "3a,03", "3a,\"03,,04\"", "value-list classes.csv 2 grades"),
        with(v11(), "users.csv", "{LDAP:ana}", "LDAP:ana", "value-user-ids users.csv 2 userIds"),
        with(v11(), "users.csv", "Ben,Kim", "Ben, Kim", "value-blanks users.csv 3 familyName"),
    ]
}

/// Faults of what the records mean together.
fn faults_of_meaning() -> Vec<Fault> {
    vec![
        with(v11(), "enrollments.csv", "enr-2", "enr-1", "sourced-id-repeated enrollments.csv 3 sourcedId"),
        made(
            v11(),
            |package| change_all(package, "users.csv", "true,sch-1", "true,sch-9"),
            "reference-unknown users.csv 2 orgSourcedIds",
        ),
        with(
            v11(),
            "enrollments.csv",
            "sch-1,stu-1",
            "sch-1,stu-9",
            "reference-unknown enrollments.csv 3 userSourcedId",
        ),
        with(v11(), "demographics.csv", "stu-1", "stu-9", "reference-unknown demographics.csv 2 sourcedId"),
        with(v12(), "roles.csv", "pro-1", "pro-9", "reference-unknown roles.csv 2 userProfileSourcedId"),
        made(
            v11(),
            |package| {
                without(package, "courses");
                change(package, "manifest.csv", "file.courses,bulk", "file.courses,absent");
            },
            "reference-file-missing classes.csv 2 courseSourcedId",
        ),
        with(v11(), "courses.csv", "ses-1", "ses-2", "reference-type courses.csv 2 schoolYearSourcedId"),
        with(
            v11(),
            "orgs.csv",
            "district,,\n",
            "district,,sch-1\n",
            "reference-circle orgs.csv 2 parentSourcedId",
        ),
        with(v11(), "users.csv", "gua-1,03", "stu-1,03", "reference-circle users.csv 3 agentSourcedIds"),
        with(
            v11(),
            "academicSessions.csv",
            "2026-12-20",
            "2025-12-20",
            "date-order academicSessions.csv 3 endDate",
        ),
        with(
            v11(),
            "enrollments.csv",
            "sch-1,stu-1",
            "sch-2,stu-1",
            "enrollment-school enrollments.csv 3 schoolSourcedId",
        ),
        with(
            v11(),
            "enrollments.csv",
            "student,,",
            "student,true,",
            "enrollment-primary enrollments.csv 3 primary",
        ),
        with(v12(), "roles.csv", "tea-1,secondary", "tea-1,primary", "role-primary roles.csv 3 roleType"),
        with(v12(), "roles.csv", "rol-3,,,stu-1", "rol-3,,,tea-1", "user-without-role users.csv 3 sourcedId")
            .also("roles.csv", "primary,student,,,sch-1", "primary,student,,,sch-2"),
    ]
}

impl Fault {
    fn also(mut self, file: &'static str, from: &str, to: &str) -> Self {
        change(&mut self.1, file, from, to);
        self
    }
}

#[track_caller]
fn all_are_found(faults: Vec<Fault>) {
    let district = District::new();
    for Fault(found, package) in faults {
        write_folder(&district.path("package"), &package);
        let (code, said) = said(&district, "package");
        assert_eq!(only_fault(&said, found), found);
        let is_error = said["groups"][0]["severity"] == "error";
        assert_eq!(code, if is_error { 3 } else { 0 }, "{found}");
        let finding = &said["findings"][0];
        assert!(finding["cure"].as_str().unwrap().len() > 10, "{finding}");
    }
}

#[test]
fn each_fault_of_the_form_is_found_at_its_place() {
    all_are_found(faults_of_form());
}

#[test]
fn each_fault_of_a_value_is_found_at_its_place() {
    all_are_found(faults_of_values());
}

#[test]
fn each_fault_between_files_is_found_at_its_place() {
    let faults = faults_of_meaning();
    assert!(faults_of_form().len() + faults_of_values().len() + faults.len() >= 40);
    all_are_found(faults);
    // Of a zip: its files are in a folder.
    let district = District::new();
    write_zip(&district.path("package.zip"), &v11(), "export/");
    let (_, said) = said(&district, "package.zip");
    assert_eq!(only_fault(&said, "folder"), "package-folder export - -");
}

/// No value of a record is in what is said, but for ids.
#[test]
fn the_log_of_a_certification() {
    let district = District::new();
    let mut package = v11();
    change_all(&mut package, "users.csv", "true,sch-1", "true,sch-9");
    change(&mut package, "users.csv", ",student,", ",Student,");
    write_zip(&district.path("or11-invalid-07.zip"), &package, "");
    let log = || fs::read_to_string(district.path("log.txt")).unwrap();
    let arguments = ["check", "--strict", "or11-invalid-07.zip", "--log", "log.txt"];
    let done = district.cli(&arguments).exits(3);
    assert!(
        done.stdout.ends_with("OneRoster 1.1: 8 files, 30 rows; 4 errors, 0 warnings: not valid.\n"),
        "{}",
        done.stdout
    );
    assert_eq!(
        log(),
        "Test Identifier: or11-invalid-07.zip\n\
         Test Date: 2026-11-23T08:15:00Z\n\
         Status: Fail\n\
         CSV Files Imported: manifest.csv, orgs.csv, academicSessions.csv, courses.csv, classes.csv, enrollments.csv, \
         demographics.csv\n\
         CSV Files Rejected: users.csv\n\
         Comment:\n  \
         rostersync 0.1.0, OneRoster 1.1: 8 files, 30 rows; 4 errors, 0 warnings: not valid.\n  \
         Semantic error in users.csv, line 2, 3, 4, column orgSourcedIds: `sch-9` is not in orgs.csv [reference-unknown]\n  \
         Syntactic error in users.csv, line 3, column role: none of administrator, aide, guardian, parent, proctor, \
         relative, student, teacher: write student [value-enumeration]\n"
    );
    write_zip(&district.path("or11-invalid-07.zip"), &v11(), "");
    district.cli(&arguments).ok();
    assert!(log().contains("Status: Success\n") && log().contains("CSV Files Rejected: none\n"), "{}", log());
    district.file("or11-invalid-07.zip", "no zip");
    district.cli(&arguments).exits(7);
    assert!(log().contains("Status: Fail\n") && log().contains("The package cannot be read"), "{}", log());
    district.cli(&["check", "--log", "log.txt"]).exits(2);
    // The name of a file of the zip adds no line.
    let mut odd = v11();
    odd.insert("a\nStatus: Fail\n.csv", Vec::new());
    write_zip(&district.path("or11-invalid-07.zip"), &odd, "");
    district.cli(&arguments).ok();
    assert!(!log().contains("\nStatus: Fail") && log().contains("[package-unknown-file]"), "{}", log());
}

/// Without a header row the first line is a person's, and its cells are no names of columns.
#[test]
fn the_cells_of_a_person_in_the_first_line_are_not_shown() {
    let district = District::new();
    let mut package = v11();
    let whole = text(&package, "users.csv");
    let (_, rows) = whole.split_once('\n').unwrap();
    package.insert("users.csv", rows.as_bytes().to_vec());
    write_folder(&district.path("package"), &package);
    let first = rows.lines().next().unwrap().split(',');
    let details: Vec<&str> = first.filter(|cell| cell.len() > 2 && *cell != "true").collect();
    assert!(details.len() > 5, "{details:?}");
    for format in ["table", "csv", "json"] {
        let done =
            district.cli(&["check", "--strict", "package", "--format", format, "--log", "log.txt"]).exits(3);
        let log = std::fs::read_to_string(district.path("log.txt")).unwrap();
        for text in [&done.stdout, &done.stderr, &log] {
            assert!(!details.iter().any(|detail| text.contains(detail)), "{text}");
        }
    }
}

/// With a configuration: what the next run would meet, and the standard.
#[test]
fn strict_with_a_configuration_says_both() {
    let district = District::new();
    let mut package = v11();
    change(&mut package, "enrollments.csv", "sch-1,stu-1", "sch-1,stu-9");
    write_folder(&district.path("sis"), &package);
    district.write_config();
    let said = district.cli(&["check", "--strict", "--format", "json"]).exits(3).json();
    assert_eq!((&said["result"], &said["records"]), (&"attention".into(), &3.into()), "{said}");
    assert_eq!(said["standard"]["files"][6]["rejected"], true, "{said}");
    let without = district.cli(&["check"]).ok();
    assert!(without.stdout.ends_with("The configuration is valid.\n"), "{}", without.stdout);
    let api =
        District::new().with("source.type", "\"classlink\"").with("source.url", "\"http://127.0.0.1:9\"");
    api.write_config();
    let _ = api.cli(&["check", "--strict"]).exits(2);
}

#[test]
fn an_org_that_is_missing_explains_its_users_in_one_line() {
    let district = District::new().with_orgs();
    let people: Vec<_> = (0..212).map(|at| person(&format!("tea-{at}")).schools("sch-9")).collect();
    district.sis(&people);
    district.write_config();
    let table = district.cli(&["check"]).stdout;
    let expected = "\n  212 times: lines 2, 3, 4, 5, 6, 7, 8, 9 and 204 more\n  help: Export all orgs, or correct the id \
                    in the SIS.\n";
    assert!(table.contains("users.csv:2: orgSourcedIds: warning[dangling-org] "), "{table}");
    assert!(table.contains(expected) && table.matches("[dangling-org]").count() == 1, "{table}");
    let json = district.cli(&["check", "--format", "json"]).json();
    let group =
        json["groups"].as_array().unwrap().iter().find(|group| group["code"] == "dangling-org").unwrap();
    assert_eq!((&group["count"], group["lines"].as_array().unwrap().len()), (&212.into(), 20), "{group}");
    let csv = district.cli(&["check", "--format", "csv"]).stdout;
    assert!(csv.starts_with("severity,code,file,line,column,sourced_id,message,cure\r\n"), "{csv}");
    let rows = csv.lines().filter(|row| row.starts_with("warning,dangling-org,users.csv,"));
    assert_eq!(rows.count(), 212);
}
