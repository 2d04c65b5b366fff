//! What is shown of a small report, byte by byte.

use std::path::PathBuf;

use super::*;
use crate::cli::layout::{Column as TableColumn, Screen, Table};
use crate::report::{Row, Writer};

const KEPT: &str = "Active user has a new email in the SIS import - ";

/// A report file in a folder of its own, gone with it.
struct File {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

fn file(content: &[u8]) -> File {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("users-000042.csv");
    std::fs::write(&path, content).unwrap();
    File { _folder: folder, path }
}

fn people() -> File {
    let mut writer = Writer::new(Vec::new());
    let rosa = format!("{KEPT}rosa@example.org; Email is shared with 77");
    let yamada = format!("{KEPT}a@example.org");
    for row in [
        Row {
            line: Some(10),
            sourced_id: "1042",
            role: "parent|teacher",
            schools: "Lincoln, East|West",
            state: "active",
            action: "kept",
            given_name: "Rosa",
            family_name: "Díaz",
            email: "rosa.diaz@mail.example.org",
            phone: "+17185550142",
            codes: "active-email-differs email-shared",
            notes: &rosa,
            ..Row::default()
        },
        Row {
            line: Some(2),
            sourced_id: "77",
            state: "pending",
            action: "created",
            family_name: "=1",
            ..Row::default()
        },
        Row {
            line: Some(9),
            sourced_id: "山-9",
            role: "student",
            schools: "West",
            state: "active",
            action: "kept",
            given_name: "太郎",
            family_name: "山田",
            email: "t@example.org",
            codes: "active-email-differs",
            notes: &yamada,
            ..Row::default()
        },
        Row {
            sourced_id: "8",
            action: "archived",
            given_name: "\u{1B}[2JEve",
            notes: "Archived\r\n\"now\"",
            ..Row::default()
        },
        Row { line: Some(11), sourced_id: "9", state: "pending", action: "unchanged", ..Row::default() },
    ] {
        writer.row(&row).unwrap();
    }
    file(&writer.finish().unwrap())
}

fn table(headers: &[&'static str], terminal: Option<usize>) -> Box<dyn Rendering> {
    let column = |header: &&'static str| match *header {
        "notes" => TableColumn::new(header).prose(),
        header => header.into(),
    };
    Box::new(Table::new(headers.iter().map(column), Screen::new(terminal, false)))
}

fn text(file: &File, query: &Query, terminal: Option<usize>) -> String {
    let mut out = Vec::new();
    render(&file.path, query, &|headers| table(headers, terminal), &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

/// The ids shown, in order.
fn ids(query: Query) -> String {
    let query = Query { columns: Some(vec![Column::SourcedId]), format: Format::Csv, ..query };
    text(&people(), &query, None).lines().skip(1).collect::<Vec<_>>().join(" ")
}

fn sorted(sort: &[Column], reverse: bool) -> String {
    ids(Query { sort: sort.to_vec(), reverse, ..Query::default() })
}

fn filtered(filters: &[(Column, &str)]) -> String {
    ids(Query { filters: filters.iter().map(|(c, v)| (*c, (*v).to_owned())).collect(), ..Query::default() })
}

#[test]
fn orders() {
    assert_eq!(sorted(&[], false), "1042 77 山-9 8 9");
    assert_eq!(sorted(&[], true), "9 8 山-9 77 1042");
    assert_eq!(sorted(&[Column::SourcedId], false), "1042 77 8 9 山-9");
    assert_eq!(sorted(&[Column::SourcedId], true), "山-9 9 8 77 1042");
    assert_eq!(sorted(&[Column::Line], false), "77 山-9 1042 9 8");
    assert_eq!(sorted(&[Column::Line], true), "9 1042 山-9 77 8");
}

#[test]
fn notes_first_whatever_the_direction() {
    assert_eq!(sorted(&[Column::Notes], false), "山-9 1042 8 77 9");
    assert_eq!(sorted(&[Column::Notes], true), "8 1042 山-9 77 9");
    assert_eq!(ids(Query { sort: vec![Column::Notes], notes_only: true, ..Query::default() }), "山-9 1042 8");
}

#[test]
fn equal_rows_stay_and_further_columns_decide() {
    assert_eq!(sorted(&[Column::State], false), "8 1042 山-9 77 9");
    assert_eq!(sorted(&[Column::State], true), "77 9 1042 山-9 8");
    assert_eq!(sorted(&[Column::State, Column::Notes], false), "8 山-9 1042 77 9");
    assert_eq!(sorted(&[Column::State, Column::Line], true), "9 77 1042 山-9 8");
}

#[test]
fn filters() {
    assert_eq!(filtered(&[(Column::State, "active")]), "1042 山-9");
    assert_eq!(filtered(&[(Column::Role, "teacher")]), "1042");
    assert_eq!(filtered(&[(Column::Schools, "West")]), "1042 山-9");
    assert_eq!(filtered(&[(Column::Schools, "West"), (Column::Role, "student")]), "山-9");
    assert_eq!(filtered(&[(Column::Codes, "email-shared")]), "1042");
    assert_eq!(filtered(&[(Column::FamilyName, "=1")]), "77");
    assert_eq!(filtered(&[(Column::Line, "")]), "8");
    assert_eq!(filtered(&[(Column::State, "nothing")]), "");
    let query =
        Query { filters: vec![(Column::State, "pending".to_owned())], reverse: true, ..Query::default() };
    assert_eq!(ids(query), "9 77");
}

#[test]
fn counts() {
    let query = Query { notes_only: true, ..Query::default() };
    for sort in [vec![], vec![Column::Notes]] {
        let shown = render(
            &people().path,
            &Query { sort, ..query.clone() },
            &|headers| table(headers, None),
            &mut Vec::new(),
        )
        .unwrap();
        assert_eq!(shown, Shown { rows: 3, total: 5 });
    }
}

#[test]
fn csv_is_the_file_without_the_mark() {
    let people = people();
    let content = std::fs::read_to_string(&people.path).unwrap();
    let query = Query { format: Format::Csv, ..Query::default() };
    assert_eq!(text(&people, &query, None), content.trim_start_matches('\u{FEFF}'));
    let query =
        Query { sort: vec![Column::Line], columns: Some(vec![Column::FamilyName, Column::Line]), ..query };
    assert_eq!(text(&people, &query, None), "family_name,line\r\n'=1,2\r\n山田,9\r\nDíaz,10\r\n,11\r\n,\r\n");
}

#[test]
fn json() {
    let people = people();
    let query = Query { format: Format::Json, ..Query::default() };
    let rows: Vec<serde_json::Map<String, serde_json::Value>> =
        serde_json::from_str(&text(&people, &query, None)).unwrap();
    assert_eq!(rows.len(), 5);
    assert!(rows.iter().all(|row| row.len() == 20));
    assert_eq!(rows[1]["line"], 2);
    assert_eq!(rows[1]["family_name"], "=1");
    assert_eq!(rows[3]["line"], serde_json::Value::Null);
    assert_eq!(rows[3]["notes"], "Archived\r\n\"now\"");
    let query = Query { columns: Some(vec![Column::Line, Column::FamilyName]), ..query };
    let query = Query { filters: vec![(Column::State, "active".to_owned())], ..query };
    let expected = "[\n{\"line\":10,\"family_name\":\"Díaz\"},\n{\"line\":9,\"family_name\":\"山田\"}\n]\n";
    assert_eq!(text(&people, &query, None), expected);
}

#[test]
fn nothing_to_show() {
    let empty = file(&Writer::new(Vec::new()).finish().unwrap());
    for sort in [vec![], vec![Column::Notes]] {
        let query = |format| Query { sort: sort.clone(), format, ..Query::default() };
        let header = "sourced_id  state  action  name  email  phone  notes\n";
        assert_eq!(text(&empty, &query(Format::Table), None), header);
        assert_eq!(text(&empty, &query(Format::Table), Some(80)), header);
        assert_eq!(text(&empty, &query(Format::Json), None), "[]\n");
        assert_eq!(text(&empty, &query(Format::Csv), None).lines().count(), 1);
    }
}

#[test]
fn a_table_in_a_pipe() {
    insta::assert_snapshot!(text(&people(), &Query::default(), None), @r#"
    sourced_id  state    action     name       email                       phone         notes
    1042        active   kept       Rosa Díaz  rosa.diaz@mail.example.org  +17185550142  Active user has a new email in the SIS import - rosa@example.org; Email is shared with 77
    77          pending  created    =1
    山-9        active   kept       太郎 山田  t@example.org                             Active user has a new email in the SIS import - a@example.org
    8                    archived   ·[2JEve                                              Archived··"now"
    9           pending  unchanged
    "#);
}

#[test]
fn a_table_of_80_columns() {
    insta::assert_snapshot!(text(&people(), &Query::default(), Some(80)), @r#"
    sourced_id  state    action     name       email
        phone         notes
    1042        active   kept       Rosa Díaz  rosa.diaz@mail.example.org
        +17185550142  Active user has a new email in the SIS import -
                      rosa@example.org; Email is shared with 77
    77          pending  created    =1
    山-9        active   kept       太郎 山田  t@example.org
                      Active user has a new email in the SIS import - a@example.org
    8                    archived   ·[2JEve
                      Archived··"now"
    9           pending  unchanged
    "#);
}

#[test]
fn a_table_of_40_columns() {
    insta::assert_snapshot!(text(&people(), &Query::default(), Some(40)), @r#"
    sourced_id  state    action
        name
        email
        phone         notes
    1042        active   kept
        Rosa Díaz
        rosa.diaz@mail.example.org
        +17185550142  Active user has a new
                      email in the SIS
                      import -
                      rosa@example.org;
                      Email is shared with
                      77
    77          pending  created
        =1
    山-9        active   kept
        太郎 山田
        t@example.org
                      Active user has a new
                      email in the SIS
                      import - a@example.org
    8                    archived
        ·[2JEve
                      Archived··"now"
    9           pending  unchanged
    "#);
}

#[test]
fn a_table_of_some_columns() {
    let columns = Some(vec![Column::Notes, Column::SourcedId, Column::Schools]);
    let query = Query { columns, notes_only: true, ..Query::default() };
    insta::assert_snapshot!(text(&people(), &query, Some(44)), @r#"
    sourced_id  schools
        notes
    1042        Lincoln, East|West
        Active user has a new email in the SIS
        import - rosa@example.org; Email is
        shared with 77
    山-9        West
        Active user has a new email in the SIS
        import - a@example.org
    8
        Archived··"now"
    "#);
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let people = people();
    for width in 30..140 {
        for line in text(&people, &Query::default(), Some(width)).lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{width}: {line}");
            assert_eq!(line, line.trim_end());
        }
    }
}

/// Rows are found again by their bytes, so line ends, blank lines and the last row without one must not matter.
#[test]
fn files_that_something_else_saved_sort_too() {
    for content in [
        "\u{FEFF}notes,sourced_id,action\r\n,1,\r\n\"b\r\nb\",2,\r\na,3,",
        "notes,sourced_id,action\n,1,\n\n\n\"b\nb\",2,\na,3,\n",
        "\nnotes,sourced_id,action\r\n,1\n\"b\nb\",2\r\na,3,",
    ] {
        let file = file(content.as_bytes());
        for (sort, reverse, expected) in [
            (vec![Column::Notes], false, "3 2 1"),
            (vec![Column::Notes], true, "2 3 1"),
            (vec![Column::SourcedId], false, "1 2 3"),
            (vec![], true, "3 2 1"),
        ] {
            let columns = Some(vec![Column::SourcedId]);
            let query = Query { sort, reverse, columns, format: Format::Csv, ..Query::default() };
            let shown = text(&file, &query, None).lines().skip(1).collect::<Vec<_>>().join(" ");
            assert_eq!(shown, expected, "{content:?}");
        }
    }
}

#[test]
fn more_rows_than_a_table_holds_and_a_buffer_takes() {
    let mut writer = Writer::new(Vec::new());
    let ids: Vec<String> = (0..25_000).map(|i| format!("{:05}", (i * 7919) % 25_000)).collect();
    for id in &ids {
        writer.row(&Row { sourced_id: id, notes: id, ..Row::default() }).unwrap();
    }
    let file = file(&writer.finish().unwrap());
    let query =
        Query { columns: Some(vec![Column::SourcedId]), sort: vec![Column::Notes], ..Query::default() };
    let shown = text(&file, &query, Some(80));
    let expected: Vec<String> = (0..25_000).map(|i| format!("{i:05}")).collect();
    assert_eq!(shown.lines().skip(1).collect::<Vec<_>>(), expected);
    let unsorted = text(&file, &Query { sort: vec![], ..query }, None);
    assert_eq!(unsorted.lines().skip(1).collect::<Vec<_>>(), ids);
}

#[test]
fn a_column_that_this_report_lacks() {
    let file = file(b"sourced_id,action,notes\n");
    for query in [
        Query { sort: vec![Column::Email], ..Query::default() },
        Query { columns: Some(vec![Column::Email]), ..Query::default() },
        Query { filters: vec![(Column::Email, String::new())], ..Query::default() },
    ] {
        let failure =
            render(&file.path, &query, &|headers| table(headers, None), &mut Vec::new()).unwrap_err();
        assert_eq!(failure.kind, Kind::InputUnusable);
        assert_eq!(failure.what, "this report has no column `email`");
        assert_eq!(failure.cure, "it has sourced_id, action, notes");
    }
    assert_eq!(text(&file, &Query::default(), None), "sourced_id  action  notes\n");
}

#[test]
fn a_reader_that_goes_away_is_no_failure() {
    struct Gone(io::ErrorKind);
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let people = people();
    assert!(
        render(
            &people.path,
            &Query::default(),
            &|headers| table(headers, None),
            &mut Gone(io::ErrorKind::BrokenPipe)
        )
        .is_ok()
    );
    // Large enough that the threads which fetch rows are still at it, and have to notice.
    let mut writer = Writer::new(Vec::new());
    let long = "n".repeat(1000);
    for _ in 0..5_000 {
        writer.row(&Row { notes: &long, ..Row::default() }).unwrap();
    }
    let large = file(&writer.finish().unwrap());
    let query = Query { sort: vec![Column::Notes], format: Format::Csv, ..Query::default() };
    let shown =
        render(&large.path, &query, &|headers| table(headers, None), &mut Gone(io::ErrorKind::BrokenPipe))
            .unwrap();
    assert!(shown.total == 5_000 && shown.rows < 1_000, "{shown:?}");
    let failure = render(
        &people.path,
        &Query::default(),
        &|headers| table(headers, None),
        &mut Gone(io::ErrorKind::StorageFull),
    )
    .unwrap_err();
    assert_eq!(failure.kind, Kind::Failed);
}

#[test]
fn values_of_a_condition() {
    for (column, cell, value, expected) in [
        (Column::State, "active", "active", true),
        (Column::State, "active", "Active", false),
        (Column::State, "active", "act", false),
        (Column::State, "", "", true),
        (Column::State, "active", "", false),
        (Column::Role, "parent|teacher", "parent", true),
        (Column::Role, "parent|teacher", "teacher", true),
        (Column::Role, "parent|teacher", "parent|teacher", true),
        (Column::Role, "parent|teacher", "teacher|parent", false),
        (Column::Role, "parent||teacher", "", false),
        (Column::Schools, "East High|West", "East High", true),
        (Column::Schools, "East High|West", "East", false),
        (Column::Codes, "email-shared active-email-differs", "email-shared", true),
        (Column::Codes, "email-shared", "email", false),
        (Column::Notes, "a|b", "a", false),
    ] {
        assert_eq!(holds(column, cell.as_bytes(), value.as_bytes()), expected, "{cell:?} = {value:?}");
    }
}
