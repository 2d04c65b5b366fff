//! The oddities of OneRoster CSV exports, each through a whole run: what is read all the same, with
//! what warning, and what is refused, with which exit status, leaving the store as it was.

use std::io::{Cursor, Write};

use crate::support::{COLUMNS, District, Done, Person, person, users_csv};

/// A district that has run before, so that there is something to lose.
fn settled() -> District {
    let district = District::new().without_limits();
    district.sis(&[person("tea-1"), person("tea-2")]);
    district.run().ok();
    std::fs::remove_dir_all(district.path("sis")).unwrap();
    district
}

/// What makes a run end with this status and these words, and change nothing at all.
#[track_caller]
fn refused(prepare: impl Fn(&mut District), code: i32, words: &[&str]) {
    let mut district = settled();
    let (store, reports) = (district.store_hash(), district.names());
    prepare(&mut district);
    let added = district.names().len();
    let done = district.run().exits(code);
    done.complains(words);
    // What happened, where, and what to do.
    done.complains(&["error: ", "\n  at: ", "\n  help: "]);
    assert_eq!(district.store_hash(), store, "the store was touched");
    assert!(reports.iter().all(|name| name.starts_with("sis") || district.path(name).exists()));
    let left: Vec<String> = district.names().into_iter().filter(|name| name.contains("partial")).collect();
    assert_eq!(left, [""; 0]);
    assert!(district.names().len() <= added, "nothing new: {:?}", district.names());
    // A preview and a check say the same.
    district.preview().exits(code).complains(words);
    district.cli(&["check"]).exits(code);
}

#[track_caller]
fn warns(done: &Done, words: &[&str]) {
    for word in words {
        assert!(done.stderr.contains(word), "`{word}` is not said:\n{}", done.stderr);
    }
}

/// What is read must be the same two people.
#[track_caller]
fn reads(prepare: impl Fn(&mut District)) -> Done {
    let mut district = settled();
    prepare(&mut district);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("sourced_id action schools email"),
        [
            "tea-1 | unchanged | sch-1 | tea-1@school.example",
            "tea-2 | unchanged | sch-1 | tea-2@school.example"
        ],
        "{}",
        done.stderr
    );
    done
}

fn two() -> String {
    users_csv(&COLUMNS, &[person("tea-1"), person("tea-2")])
}

fn zip(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        archive.write_all(content.as_bytes()).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

fn zipped(entries: &[(&str, &str)]) -> impl Fn(&mut District) {
    let bytes = zip(entries);
    move |district| {
        district.file("last night (2).ZIP", &bytes);
        district.set("source.path", "\"last night (2).ZIP\"");
    }
}

// A folder or a zip.

#[test]
fn a_zip_of_any_name_with_the_files_at_the_root_or_in_one_top_folder() {
    let users = two();
    reads(zipped(&[("users.csv", &users)]));
    reads(zipped(&[("export/", ""), ("export/users.csv", &users), ("export/classes.csv", "nonsense")]));
    let litter = [
        ("__MACOSX/users.csv", "x"),
        ("__MACOSX/._users.csv", "x"),
        (".DS_Store", "x"),
        ("export/Users.CSV", &users),
    ];
    reads(zipped(&litter));
}

#[test]
fn a_folder_with_the_files_in_one_folder_inside() {
    reads(|district| {
        district.file("sis/export/users.csv", two());
        district.file("sis/__MACOSX/users.csv", "x");
        district.file("sis/.DS_Store", "x");
    });
}

#[test]
fn a_zip_that_is_not_made_by_accident_is_refused() {
    let users = two();
    for entry in ["../users.csv", "/etc/users.csv", "a/../../x.csv", "C:\\users.csv", "..\\x"] {
        refused(
            zipped(&[("users.csv", &users), (entry, "x")]),
            7,
            &["points outside of it", "last night (2).ZIP"],
        );
    }
    let bomb = "a".repeat(70 << 20);
    refused(zipped(&[("users.csv", &bomb)]), 7, &["users.csv", "times larger than its compressed form"]);
}

/// Deflate64 is what Windows makes of large files. Running again does not help with the others.
#[test]
fn a_zip_that_is_packed_by_another_method_is_refused() {
    let with = |name: &str| {
        let bytes =
            std::fs::read(format!("{}/tests/cases/24-zip-methods/{name}", env!("CARGO_MANIFEST_DIR")))
                .unwrap();
        move |district: &mut District| {
            district.file("export.zip", &bytes);
            district.set("source.path", "\"export.zip\"");
        }
    };
    for (name, method) in [("lzma.zip", "(LZMA)"), ("bzip2.zip", "(bzip2)")] {
        let words = [
            "packed by a method that is not supported",
            method,
            "make the zip with Deflate, the ordinary one",
        ];
        refused(with(name), 7, &words);
    }
    let mut district = District::new().without_limits();
    with("deflate64.zip")(&mut district);
    assert_eq!(district.run().ok().report.rows.len(), 69);
}

#[test]
fn archives_that_are_no_zip_files_are_named() {
    let with = |bytes: &'static [u8]| {
        move |district: &mut District| {
            district.file("export.zip", bytes);
            district.set("source.path", "\"export.zip\"");
        }
    };
    refused(with(b"7z\xBC\xAF\x27\x1C rest"), 7, &["neither a folder nor a complete zip file", "7-Zip"]);
    refused(with(b"\x1F\x8B\x08 rest"), 7, &["packed by gzip"]);
    refused(with(b"PK\x03\x04 rest"), 7, &["begins like a zip file, but its end is missing"]);
}

#[test]
fn a_zip_that_is_none_or_cut_off_is_refused() {
    let bytes = zip(&[("users.csv", &two())]);
    for half in [&b"sourcedId,role\n"[..], &bytes[..bytes.len() / 2], b""] {
        let half = half.to_vec();
        refused(
            move |district| {
                district.file("export.zip", &half);
                district.set("source.path", "\"export.zip\"");
            },
            7,
            &["neither a folder nor a complete zip file", "export.zip"],
        );
    }
}

#[test]
fn a_source_that_is_not_there_is_refused() {
    refused(|_| {}, 7, &["the OneRoster export cannot be opened", "sis", "check the path"]);
    refused(
        |district| district.file("sis/orgs.csv", "x"),
        7,
        &["there is no users.csv in the export", "`path` in [source]"],
    );
    refused(
        |district| {
            district.file("sis/a/users.csv", two());
            district.file("sis/b/users.csv", two());
        },
        7,
        &["more than one folder in the export holds a users.csv"],
    );
}

// Versions, chosen by the headers.

#[test]
fn oneroster_1_0_is_known_by_its_columns() {
    let done = reads(|district| {
        district.file(
            "sis/users.csv",
            "sourcedId,status,dateLastModified,orgSourcedIds,role,username,userId,givenName,familyName,identifier,email,sms,phone,agents\n\
             tea-1,active,2026-01-01,sch-1,teacher,a,1,Rosa,Diaz,,tea-1@school.example,,,\n\
             tea-2,active,2026-01-01,sch-1,teacher,b,2,Rosa,Diaz,,tea-2@school.example,,,\n",
        );
    });
    assert!(!done.stderr.contains("enabledUser"), "1.0 has none: {}", done.stderr);
}

#[test]
fn in_1_0_inactive_is_disabled_and_agents_are_family() {
    let mut district = District::new().without_limits().school("sch-on", true).school("sch-off", false);
    let users = |email: &str| {
        format!(
            "sourcedId,status,orgSourcedIds,role,username,userId,givenName,familyName,email,sms,phone,agents\n\
             stu-1,active,sch-off,student,a,1,Ann,Lee,,,,gua-2\n\
             gua-2,inactive,sch-on,guardian,b,2,Bo,Lee,{email},,,\n"
        )
    };
    district.platform(&[person("gua-2").given("Bo").family("Lee").email("a@mail.example")]);
    district.file("sis/users.csv", users("a@mail.example"));
    district.run().ok();
    district.file("sis/users.csv", users("b@mail.example"));
    district.run().ok().says(
        "gua-2",
        "kept",
        "Active user has a new email in the SIS import - a@mail.example; User is disabled in the SIS import",
    );
}

#[test]
fn oneroster_1_2_has_its_roles_in_roles_csv_whatever_the_manifest_says() {
    let done = reads(|district| {
        district.file(
            "sis/manifest.csv",
            "propertyName,value\nmanifest.version,1.0\noneroster.version,1.1\nfile.users,bulk\nfile.roles,bulk\n",
        );
        district.file(
            "sis/users.csv",
            "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds\n\
             tea-1,,,true,a,,Rosa,Diaz,,,tea-1@school.example,,,\n\
             tea-2,,,true,b,,Rosa,Diaz,,,tea-2@school.example,,,\n",
        );
        district.file(
            "sis/roles.csv",
            "sourcedId,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n\
             1,tea-2,primary,teacher,,,sch-1\n2,tea-1,primary,teacher,,,sch-1\n",
        );
    });
    assert_eq!(done.report.column("role"), ["teacher", "teacher"]);
}

#[test]
fn a_roles_csv_that_cannot_have_all_roles_is_refused() {
    let users =
        "sourcedId,status,enabledUser,username,givenName,familyName,email\ntea-1,,true,a,Rosa,Diaz,\n";
    let roles = "sourcedId,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId\n";
    refused(
        |district| {
            district.file("sis/users.csv", users);
            district.file("sis/roles.csv", roles);
        },
        7,
        &["roles.csv has no roles in it"],
    );
    refused(
        |district| {
            district.file("sis/users.csv", users);
            district.file("sis/roles.csv", format!("{roles}1,tea-1,primary,teacher,,,sch-1\n"));
            district.file("sis/manifest.csv", "propertyName,value\nfile.users,bulk\nfile.roles,delta\n");
        },
        7,
        &["only changes (delta)", "most roles are missing"],
    );
    refused(
        |district| district.file("sis/users.csv", users),
        7,
        &["users.csv has no column role", "users.csv line 1", "roles.csv"],
    );
}

#[test]
fn orgs_csv_gives_names_and_may_be_absent() {
    let district = settled();
    district.sis(&[person("tea-1"), person("tea-2").email("new@mail.example")]);
    let line = |done: &Done| done.stdout.lines().find(|line| line.contains("tea-2")).unwrap().to_owned();
    assert!(line(&district.preview().ok()).ends_with("sch-1"));
    district.file("sis/Orgs.csv", "sourcedId,name,type\nsch-1,Lincoln Elementary,school\n");
    assert!(line(&district.preview().ok()).ends_with("Lincoln Elementary"));
}

// Columns.

#[test]
fn columns_go_by_name_in_any_case_and_order_and_others_are_ignored() {
    let done = reads(|district| {
        district.file(
            "sis/USERS.csv",
            "\u{feff} EMAIL ,metadata.x,FamilyName,ext_y,role,GIVENNAME,Surprise,sourcedid,enabledUser,username, orgSourcedIds\n\
             tea-1@school.example,secret,Diaz,1,teacher,Rosa,?,tea-1,TRUE,a,sch-1\n\
             tea-2@school.example,secret,Diaz,1,teacher,Rosa,?,tea-2,1,b,sch-1\n",
        );
    });
    assert!(!done.stderr.contains("WARN"), "{}", done.stderr);
}

#[test]
fn known_misspellings_are_accepted_with_a_warning() {
    let done = reads(|district| {
        district.file(
            "sis/users.csv",
            "sourceId,given_name,Family Name,role,enabledUser,username,orgSourcedId,email\n\
             tea-1,Rosa,Diaz,teacher,true,a,sch-1,tea-1@school.example\n\
             tea-2,Rosa,Diaz,teacher,true,b,sch-1,tea-2@school.example\n",
        );
    });
    warns(&done, &["misspelt-header", "users.csv:1: sourceId: taken for sourcedId"]);
}

#[test]
fn line_ends_make_no_difference() {
    reads(|district| district.file("sis/users.csv", two().replace('\n', "\r\n")));
    reads(|district| district.file("sis/users.csv", two().replace('\n', "\r")));
}

#[test]
fn blank_rows_are_skipped_with_a_warning() {
    let text = two();
    let blank = format!("{}{}", text, ",".repeat(COLUMNS.len() - 1));
    let done = reads(move |district| district.file("sis/users.csv", format!("{blank}\n")));
    warns(&done, &["users.csv:4", "blank-row"]);
}

#[test]
fn ragged_rows_are_read_and_shifted_ones_rejected() {
    let header = "sourcedId,role,orgSourcedIds,givenName,familyName,email,enabledUser,username,grades\n";
    let district = settled();
    district.file(
        "sis/users.csv",
        format!(
            "{header}tea-1,teacher,sch-1,Rosa,Diaz,tea-1@school.example\n\
             tea-2,teacher,sch-1,Rosa,Diaz,tea-2@school.example,true,b,,,,\n\
             tea-3,teacher,sch-1,Rosa,Diaz, Jr.,tea-3@school.example,true,c,x\n\
             tea-4,teacher,sch-1,Rosa,Diaz, Jr.,tea-4@school.example,true,d,\n"
        ),
    );
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("line sourced_id action codes"),
        [
            "2 | tea-1 | unchanged | ",
            "3 | tea-2 | unchanged | ",
            "4 | tea-3 | rejected | rejected-shifted-row",
            // What fell off the end is blank, but the address beside its column says it all.
            "5 | tea-4 | rejected | rejected-shifted-row",
        ]
    );
    warns(
        &done,
        &["users.csv:2: 6 cells under 9 headers", "ragged-row", "users.csv:4: 10 cells under 9 headers"],
    );
}

#[test]
fn a_file_that_ends_in_the_middle_of_a_row_is_refused() {
    let text = two();
    let cut = text[..text.rfind("Diaz").unwrap()].to_owned();
    refused(
        move |district| district.file("sis/users.csv", &cut),
        7,
        &["ends in the middle of a row", "users.csv line 3", "delivered completely"],
    );
}

// Encodings and delimiters.

#[test]
fn utf_16_is_known_by_its_mark() {
    for big in [false, true] {
        let units = format!("\u{feff}{}", two());
        let bytes: Vec<u8> = units
            .encode_utf16()
            .flat_map(|unit| if big { unit.to_be_bytes() } else { unit.to_le_bytes() })
            .collect();
        reads(move |district| district.file("sis/users.csv", &bytes));
    }
}

#[test]
fn what_is_not_utf_8_is_windows_1252_as_a_whole_and_said() {
    let text = users_csv(&COLUMNS, &[person("tea-1").given("Jos\u{1}"), person("tea-2").family("Mu\u{2}oz")]);
    // é and ñ as windows-1252 has them.
    let bytes: Vec<u8> = text
        .bytes()
        .map(|byte| match byte {
            1 => 0xE9,
            2 => 0xF1,
            other => other,
        })
        .collect();
    let mut district = District::new();
    district.file("sis/users.csv", &bytes);
    let done = district.run().ok();
    assert_eq!(done.report.shows("given_name family_name"), ["José | Diaz", "Rosa | Muñoz"]);
    warns(&done, &["not-utf-8", "users.csv:2", "windows-1252", "[source] encoding"]);
    // Set, it is no longer worth a warning; set otherwise, it is refused.
    district.set("source.encoding", "\"windows-1252\"");
    let done = district.run().ok();
    assert!(!done.stderr.contains("not-utf-8"), "{}", done.stderr);
    district.set("source.encoding", "\"utf-8\"");
    district.run().exits(7).complains(&["users.csv is not valid UTF-8", "line 2", "windows-1252"]);
}

#[test]
fn semicolons_and_tabs_are_recognised_and_said() {
    for (delimiter, word) in [(";", "semicolons"), ("\t", "tabs")] {
        let text = two().replace(',', delimiter);
        let done = reads(move |district| district.file("sis/users.csv", &text));
        warns(&done, &["delimiter", "users.csv:1", word]);
    }
}

// What stops a run.

#[test]
fn a_file_without_its_columns_or_rows_is_refused() {
    let header = users_csv(&COLUMNS, &[]);
    let without = |column: &str| {
        let left: Vec<&str> = COLUMNS.into_iter().filter(|name| *name != column).collect();
        users_csv(&left, &[person("tea-1")])
    };
    let cases: [(String, &[&str]); 8] = [
        (String::new(), &["users.csv is empty"]),
        ("\u{feff}".into(), &["users.csv"]),
        (header.clone(), &["users.csv has only a header"]),
        (format!("{header}\n\n"), &["users.csv has only a header"]),
        ("tea-1,teacher,Rosa,Diaz\n".into(), &["users.csv has no header row", "line 1"]),
        (without("sourcedId"), &["users.csv has no column sourcedId", "users.csv line 1"]),
        (without("familyName"), &["users.csv has no column familyName", "users.csv line 1", "givenName"]),
        (without("role"), &["users.csv has no column role", "users.csv line 1"]),
    ];
    for (text, words) in cases {
        refused(move |district| district.file("sis/users.csv", &text), 7, words);
    }
}

#[test]
fn a_roster_without_users_is_refused() {
    let text = users_csv(&COLUMNS, &[person(""), person("")]);
    refused(
        move |district| district.file("sis/users.csv", &text),
        7,
        &["no row of the roster has a sourcedId"],
    );
}

#[test]
fn a_quote_that_is_never_closed_is_refused_with_the_line_on_which_it_began() {
    let text = users_csv(&COLUMNS, &(1..=30).map(|n| person(&format!("tea-{n}"))).collect::<Vec<Person>>());
    let broken = text.replacen("tea-7,Rosa,Diaz", "tea-7,\"Rosa,Diaz", 1);
    assert_ne!(broken, text);
    refused(
        move |district| district.file("sis/users.csv", &broken),
        7,
        &["a quote that is never closed", "users.csv line 8", "doubled"],
    );
}

#[test]
fn two_columns_of_one_name_are_not_guessed_at() {
    let text =
        "sourcedId,role,email,givenName,familyName,Email\ntea-1,teacher,a@x.example,Rosa,Diaz,b@x.example\n";
    refused(
        |district| district.file("sis/users.csv", text),
        7,
        &["more than one column email", "users.csv line 1"],
    );
}

#[test]
fn nul_characters_are_no_text() {
    refused(
        |district| district.file("sis/users.csv", two().replace("Rosa", "R\0sa")),
        7,
        &["users.csv", "NUL"],
    );
}

#[test]
fn quotes_that_are_not_doubled_reject_their_row_only() {
    let district = settled();
    let text = two().replacen("Rosa", "\"Rosa \"Rosie\" D\"", 1);
    district.file("sis/users.csv", text);
    let done = district.run().ok();
    assert_eq!(
        done.report.shows("line sourced_id action codes notes"),
        [
            "2 | tea-1 | rejected | rejected-quoting | Record rejected - quotes inside a quoted cell are not doubled",
            "3 | tea-2 | unchanged |  | ",
        ]
    );
}

#[test]
fn a_line_break_inside_a_cell_is_a_space_and_lines_are_counted_on() {
    let district = settled();
    district.sis(&[person("tea-1").given("Rosa\nMaria"), person("tea-2").identifier("007")]);
    let done = district.run().ok();
    assert_eq!(done.report.shows("line given_name identifier"), ["2 | Rosa Maria | ", "4 | Rosa | 007"]);
    warns(&done, &["line-break-in-cell", "users.csv:2: givenName"]);
}

#[test]
fn an_address_column_that_is_missing_is_said_and_changes_nothing() {
    let mut district = settled();
    district.sis_without(&["email", "sms", "phone"], &[person("tea-1"), person("tea-2")]);
    let done = district.run().ok();
    warns(&done, &["missing-header", "users.csv:1: email"]);
    assert_eq!(done.report.column("email"), ["tea-1@school.example", "tea-2@school.example"]);
    assert_eq!(done.report.column("notes"), ["", ""]);
    district.set("sync.blank_values", "\"clear\"");
    assert_eq!(district.run().ok().report.column("action"), ["unchanged", "unchanged"]);
}

/// Not even where a row is shifted and the password stands under another header.
#[test]
fn the_password_is_never_read() {
    let mut district = settled();
    district.set("sync.ignore_emails", "[]");
    let mut text =
        users_csv(&COLUMNS, &[person("tea-1").password("hunter2"), person("tea-2").password("hunter2")]);
    text.push_str("tea-3,,true,sch-1,teacher,tea-3,Rosa,Diaz,,a@mail.example,,,hunter2,hunter2,hunter2\n");
    district.file("sis/users.csv", text);
    let done = district.cli(&["-v", "-v", "run"]).ok();
    let check = district.cli(&["check"]).ok();
    for said in [done.stdout, done.stderr, check.stdout, check.stderr] {
        assert!(!said.contains("hunter2"), "{said}");
    }
    for file in ["rostersync.db", "reports/users-000002.csv"] {
        let bytes = std::fs::read(district.path(file)).unwrap();
        assert!(!bytes.windows(7).any(|window| window == b"hunter2"), "{file}");
    }
}

/// What is not needed is not so much as opened: here it could not be.
#[test]
fn demographics_are_never_opened() {
    reads(|district| {
        district.file("sis/users.csv", two());
        for name in ["demographics.csv", "classes.csv", "enrollments.csv"] {
            std::os::unix::fs::symlink("/nowhere/at/all", district.path("sis").join(name)).unwrap();
        }
    });
}

#[test]
fn the_first_run_on_a_bad_export_leaves_no_accounts_behind() {
    let district = District::new();
    district.file("sis/users.csv", "");
    district.run().exits(7);
    let store = district.path("rostersync.db");
    assert!(!store.exists() || district.ask("SELECT count(*) FROM account") == "0");
    let runs = district.cli(&["runs"]).ok().stdout;
    assert!(runs.lines().count() == 2 && runs.contains("input-unusable"), "{runs}");
    assert!(!district.path("reports").exists());
}

/// Every finding has a place: file, line, column.
#[test]
fn check_lists_the_same_oddities_without_personal_details() {
    let district = settled();
    let mut text = users_csv(
        &COLUMNS,
        &[
            person("tea-1").email("rosa(at)mail.example"),
            person("tea-2").status("odd").enabled("maybe").mobile("555-0100"),
            person("tea-3").role("nurse"),
            person("tea-4").given("").family(""),
        ],
    );
    text.push_str("tea-5,,true,sch-1,teacher,tea-5,Rosa,Diaz, Jr.,,x@mail.example,,,,secret\n");
    district.file("sis/users.csv", text);
    let before = district.everything();
    let done = district.cli(&["check"]).ok();
    for line in [
        "users.csv:3: status: warning[unknown-status] ",
        "users.csv:3: enabledUser: warning[unreadable-boolean] ",
        "users.csv:6: error[rejected-shifted-row] ",
        "users.csv:2: email: warning[sis-email-invalid] ",
        "users.csv:3: sms: warning[sis-phone-invalid] ",
        "users.csv:4: role: warning[role-not-synced] ",
        "users.csv:5: givenName: error[rejected-no-name] ",
        "5 records; 2 would be rejected; 8 findings.",
    ] {
        assert!(done.stdout.lines().any(|found| found.starts_with(line)), "`{line}` in\n{}", done.stdout);
    }
    for personal in ["Rosa", "Diaz", "rosa(at)", "555-0100", "secret", "x@mail"] {
        assert!(!done.stdout.contains(personal), "`{personal}` in\n{}", done.stdout);
    }
    assert_eq!(district.everything(), before, "check changes nothing");
}
