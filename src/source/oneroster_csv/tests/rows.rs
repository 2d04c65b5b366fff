//! Cells and rows that are not quite as they should be.

use super::*;

#[test]
fn cells_are_trimmed_of_every_kind_of_blank() {
    let reading = Export::short(
        "  u1 ,true,s1,\u{a0}student\t,a, \u{2003}Ann Mary ,\u{a0}Lee\u{a0},\"  a@example.org \"\n",
    )
    .read();
    let one = reading.one();
    assert_eq!((one.id.as_str(), one.roles.as_str()), ("u1", "student"));
    assert_eq!(
        (&one.given, &one.family, &one.email),
        (&some("Ann Mary"), &some("Lee"), &some("a@example.org"))
    );
}

#[test]
fn booleans() {
    let rows: String = ["true", "TRUE", "1", "yes", "false", "False", "0", "NO", "", "maybe"]
        .iter()
        .map(|word| format!("u1,{word},s1,student,a,Ann,Lee,\n"))
        .collect();
    let reading = Export::short(&rows).read();
    let read: Vec<Option<bool>> = reading.records.iter().map(|record| record.enabled).collect();
    let (yes, no) = (Some(true), Some(false));
    assert_eq!(read, [yes, yes, yes, yes, no, no, no, no, None, None]);
    assert_eq!(reading.found(), [("unreadable-boolean", 11)]);
}

#[test]
fn statuses() {
    let rows: String = ["", "active", "Active", "toBeDeleted", "TOBEDELETED", "inactive", "gone"]
        .iter()
        .map(|word| format!("{word},u1,true,s1,student,a,Ann,Lee,\n"))
        .collect();
    let reading = Export::new(&[("users.csv", &format!("status,{SHORT}{rows}"))]).read();
    let deleted: Vec<bool> = reading.records.iter().map(|record| record.deleted).collect();
    assert_eq!(deleted, [false, false, false, true, true, false, false]);
    let enabled: Vec<Option<bool>> = reading.records.iter().map(|record| record.enabled).collect();
    assert_eq!(enabled[4..], [Some(true), Some(false), Some(true)]);
    assert_eq!(reading.found(), [("unknown-status", 8)]);
}

#[test]
fn blank_rows_are_skipped() {
    let reading = Export::short(
        "\nu1,true,s1,student,a,Ann,Lee,\n,,,,,,,\n \n , ,\u{a0}\nu2,true,s1,student,b,Bob,Ray,\n\n",
    )
    .read();
    assert_eq!(reading.lines(), [3, 7]);
    assert_eq!(
        reading.found(),
        [("blank-row", 2), ("blank-row", 4), ("blank-row", 5), ("blank-row", 6), ("blank-row", 8)]
    );
}

#[test]
fn a_row_without_an_id_is_still_a_row() {
    let reading = Export::short(",true,s1,student,a,Ann,Lee,\n").read();
    assert_eq!(reading.one().id, "");
}

#[test]
fn missing_trailing_cells_are_not_provided() {
    let reading = Export::short("u1,true,s1,student,a,Ann,Lee\nu2,true,s1,student,b,Bob,Ray,\n").read();
    assert_eq!(reading.found(), [("ragged-row", 2)]);
    assert_eq!(reading.records[0].email, None);
    assert_eq!(reading.records[1].email, some(""));
}

#[test]
fn extra_blank_cells_do_no_harm() {
    let reading = Export::short("u1,true,s1,student,a,Ann,Lee,a@example.org,, \n").read();
    assert_eq!(reading.found(), [("ragged-row", 2)]);
    assert_eq!(reading.one().defect, None);
}

#[test]
fn an_unquoted_comma_shifts_a_row() {
    let reading = Export::short("u1,true,s1,student,a,Ann, Mary,Lee,a@example.org\n").read();
    assert_eq!(reading.found(), [("rejected-shifted-row", 2)]);
    let expected = Owned { line: 2, id: "u1".to_owned(), defect: Some(Defect::Shifted), ..Owned::default() };
    assert_eq!(reading.records, [expected]);
}

#[test]
fn an_unquoted_comma_shifts_a_row_that_ends_in_blank_cells() {
    let header = SHORT.trim_end().to_owned() + ",sms,password\n";
    let row = "u1,true,s1,student,a,Ann, Mary,Lee,a@example.org,,\n";
    let reading = Export::new(&[("users.csv", &(header + row))]).read();
    assert_eq!(reading.found(), [("rejected-shifted-row", 2)]);
}

#[test]
fn lines_with_either_line_end_and_without_the_last() {
    let row = |at| format!("u{at},true,s1,student,a,Ann,Lee,");
    for end in ["\n", "\r\n", "\r"] {
        let users = [SHORT.trim_end(), &row(1), "", &row(2), &row(3)].join(end);
        let reading = Export::new(&[("users.csv", &users)]).read();
        assert_eq!(reading.ids(), ["u1", "u2", "u3"], "{end:?}");
        assert_eq!(reading.lines(), [2, 4, 5], "{end:?}");
        assert_eq!(reading.found(), [("blank-row", 3), ("no-final-line-break", 5)], "{end:?}");
    }
}

#[test]
fn lines_that_end_differently_in_one_file() {
    let rows: String = ["\n", "\r\n", "\r", "\r\r\n", "\n\n", ""]
        .iter()
        .enumerate()
        .map(|(at, end)| format!("u{at},true,s1,student,a,Ann,Lee,{end}"))
        .collect();
    assert_eq!(Export::short(&rows).read().lines(), [2, 3, 4, 5, 7, 9]);
}

#[test]
fn characters_of_every_length_over_the_borders_of_pieces() {
    let name = "Zoë Ōé 漢字 🦊 ".repeat(9);
    let rows: String =
        (0..30).map(|at| format!("u{at},true,s1,student,a,{}{name},Lee,\n", "x".repeat(at))).collect();
    let reading = Export::short(&rows).read();
    assert_eq!(reading.found(), []);
    for (at, record) in reading.records.iter().enumerate() {
        assert_eq!(record.given, some(format!("{}{name}", "x".repeat(at)).trim()));
        assert_eq!(record.line, at as u64 + 2);
    }
}
