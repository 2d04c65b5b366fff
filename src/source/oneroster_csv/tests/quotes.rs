//! Quotes, and what they do when they are wrong.

use super::*;

fn given(rows: &str) -> Vec<Option<String>> {
    Export::short(rows).read().records.into_iter().map(|record| record.given).collect()
}

#[test]
fn quoted_cells_and_doubled_quotes() {
    let rows = "\"u1\",\"true\",\"s1\",\"student\",\"a\",\"Ann, \"\"Annie\"\"\",\"Lee\",\"\"\n\
                u2,true,s1,student,a,\"\"\"Bo\"\"\",Ray,\"\"\n";
    let reading = Export::short(rows).read();
    assert_eq!(reading.found(), []);
    assert_eq!(reading.records[0].given, some("Ann, \"Annie\""));
    assert_eq!(reading.records[1].given, some("\"Bo\""));
    assert_eq!(reading.records[1].email, some(""));
}

#[test]
fn a_quote_inside_an_unquoted_cell_is_a_character() {
    assert_eq!(
        given("u1,true,s1,student,a,Ann \"Annie\" B,Lee,\nu2,true,s1,student,a,5\",Lee,\n"),
        [some("Ann \"Annie\" B"), some("5\"")]
    );
}

#[test]
fn quotes_that_are_not_doubled_cost_one_row() {
    for cell in ["\"Ann \"Annie\" B\"", "\"Ann\"x", "\"Ann\" x", " \"Ann\"x"] {
        let rows = format!("u1,true,s1,student,a,{cell},Lee,\nu2,true,s1,student,b,Bob,Ray,\n");
        let reading = Export::short(&rows).read();
        assert_eq!(reading.found(), [("rejected-quoting", 2)], "{cell}");
        assert!(reading.message("rejected-quoting").contains("givenName"));
        let expected =
            Owned { line: 2, id: "u1".to_owned(), defect: Some(Defect::Quoting), ..Owned::default() };
        assert_eq!(reading.records[0], expected, "{cell}");
        assert_eq!((reading.records[1].line, reading.records[1].defect), (3, None), "{cell}");
    }
}

#[test]
fn an_id_in_the_malformed_cell_cannot_be_read() {
    let reading = Export::short("\"u\"1,true,s1,student,a,Ann,Lee,\n").read();
    assert_eq!((reading.one().id.as_str(), reading.one().defect), ("", Some(Defect::Quoting)));
}

#[test]
fn an_id_before_the_malformed_cell_can_be_read_quoted_or_not() {
    let reading = Export::short("\"u\"\"1\",true,s1,\"x\"y,a,Ann,Lee,\n").read();
    assert_eq!(reading.one().id, "u\"1");
}

#[test]
fn line_breaks_in_a_cell_become_a_space() {
    let rows = "u1,true,s1,student,\"a\nb\",\"Ann\r\nMary\",Lee,\nu2,true,s1,student,b,Bob,\"Ray\r\n\",\nu3,true,s1,student,c,Cy,Day,\n";
    let reading = Export::short(rows).read();
    assert_eq!(reading.records[0].given, some("Ann Mary"));
    assert_eq!(reading.records[1].family, some("Ray"));
    // The user name is not read, so its line break is no finding.
    assert_eq!(reading.found(), [("line-break-in-cell", 2), ("line-break-in-cell", 5)]);
    assert_eq!(reading.findings[0].column.as_deref(), Some("givenName"));
    assert_eq!(reading.lines(), [2, 5, 7]);
}

/// The line that a failure about an open quote names.
fn unclosed(rows: &str) -> String {
    let told = told(&Export::short(rows).failure(), Kind::InputUnusable);
    assert!(told.contains("quote that is never closed"), "{told}");
    told.split("line ").nth(1).unwrap().split(';').next().unwrap().to_owned()
}

const GOOD: &str = "u9,true,\"s1,s2\",student,a,Ann,Lee,\n";

#[test]
fn a_quote_open_at_the_end_of_the_file() {
    assert_eq!(unclosed("u1,true,s1,student,a,Ann,Lee,\nu2,true,s1,student,a,\"Bob,Ray,\n"), "3");
    assert_eq!(unclosed("u1,true,s1,student,a,\"Ann"), "2");
    assert_eq!(unclosed("u1,true,s1,student,\"a\nb\",\"Ann"), "3");
}

#[test]
fn an_open_quote_that_meets_the_next_opening_quote() {
    assert_eq!(unclosed(&format!("u1,true,s1,student,a,\"Ann,Lee,\n{GOOD}")), "2");
}

#[test]
fn an_open_quote_that_swallows_whole_rows_and_closes_well() {
    let plain = "u8,true,s1,student,a,Ann,Lee,\n";
    assert_eq!(
        unclosed(&format!("{GOOD}u1,true,s1,student,a,\"Ann,Lee,\n{plain}{plain}u2,true,s1,\"\n{GOOD}")),
        "3"
    );
}

#[test]
fn an_open_quote_is_noticed_long_before_the_end() {
    let plain = "u8,true,s1,student,a,Ann,Lee,\n".repeat(10_000);
    assert_eq!(unclosed(&format!("u1,true,s1,student,a,\"Ann,Lee,\n{plain}")), "2");
}

#[test]
fn a_row_that_never_ends() {
    assert_eq!(unclosed(&format!("u1,true,s1,student,a,{}", "x".repeat(blocks::LONGEST_RECORD + 200))), "2");
    assert_eq!(unclosed(&format!("u1,true,s1,student,a,\"{}", "x\n".repeat(blocks::LONGEST_RECORD))), "2");
}

#[test]
fn an_open_quote_in_the_header() {
    let failure = Export::of_bytes(b"sourcedId,\"role,givenName\nu1,\"student\",Ann\n").failure();
    told(&failure, Kind::InputUnusable);
}

#[test]
fn blanks_beside_quotes_are_no_part_of_the_cell() {
    let header = SHORT.trim_end().split(',').map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
    let row = "\"u1\", \"true\" , \"s1,s2\",\t\"student\", \"a\", \"Ann, \"\"Annie\"\" \", Lee , \"a@example.org\" \n";
    let reading = Export::new(&[("users.csv", &format!("{header}\n{row}"))]).read();
    assert_eq!(reading.found(), []);
    let one = reading.one();
    assert_eq!((one.id.as_str(), one.orgs.as_str(), one.roles.as_str()), ("u1", "s1,s2", "student"));
    assert_eq!((&one.given, &one.family), (&some("Ann, \"Annie\""), &some("Lee")));
    assert_eq!(one.email, some("a@example.org"));
}

/// With tabs between the cells a tab is no blank.
#[test]
fn blanks_beside_quotes_between_tabs() {
    let text = format!("{SHORT}u1,true,s1,student,a, \"Ann\" ,\"\",\"a@example.org\"\n").replace(',', "\t");
    let reading = Export::new(&[("users.csv", &text)]).read();
    assert_eq!(reading.found(), [("delimiter", 1)]);
    assert_eq!((&reading.one().given, &reading.one().family), (&some("Ann"), &some("")));
}

#[test]
fn a_sign_for_null_costs_one_row() {
    let good = "u2,true,s1,student,b,Bob,Ray,b@example.org\n";
    for row in [
        "\"u1\",\"true\",\"s1\",\"student\",\"N,\"Ann\",\"N,\"N\n",
        "u1,true,s1,student,a,\"N,Lee,\n",
        "u1,true,s1,student,a,Ann,Lee,\"N\n",
        "u1,true,s1,student,a,Ann,\"N,\"N\r\n",
    ] {
        let reading = Export::short(&format!("{row}{good}{good}")).read();
        assert_eq!(reading.found(), [("rejected-quoting", 2)], "{row}");
        assert_eq!(reading.lines(), [2, 3, 4], "{row}");
        assert_eq!(
            (reading.records[0].id.as_str(), reading.records[0].defect),
            ("u1", Some(Defect::Quoting))
        );
        assert_eq!(reading.records[1].email, some("b@example.org"));
    }
    // A cell over several lines that begins otherwise is one.
    let reading = Export::short("u1,true,s1,student,a,\"Nan\ncy\",Lee,\n").read();
    assert_eq!(reading.one().given, some("Nan cy"));
}
