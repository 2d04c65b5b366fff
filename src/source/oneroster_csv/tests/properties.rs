//! What holds for every input: cells come back as they were written, lines are right, and nothing
//! panics.

use proptest::prelude::*;

use super::super::blocks::{Block, Splitter};
use super::super::cells::Cells;
use super::super::encoding::{Encoding, TextReader};
use super::super::scan::{Dialect, Shape};
use super::*;

/// One cell as generated: its text, and whether it is quoted without need.
fn cell() -> impl Strategy<Value = (String, bool)> {
    let text = prop_oneof![
        6 => "[a-zA-Z0-9 .@é漢-]{0,12}",
        2 => "[a-c\", ]{0,6}",
        1 => "[a-c\"\u{a0}]{0,3}(\n|\r\n|\r)[a-c\",]{0,3}",
    ];
    (text, any::<bool>())
}

fn written((text, quoted): &(String, bool)) -> String {
    if *quoted || text.contains(['"', ',', '\n', '\r']) {
        format!("\"{}\"", text.replace('"', "\"\""))
    } else {
        text.clone()
    }
}

fn expected(text: &str) -> String {
    text.replace("\r\n", " ").replace(['\n', '\r'], " ").trim().to_owned()
}

fn line_breaks(text: &str) -> u64 {
    text.replace("\r\n", "\n").matches(['\n', '\r']).count() as u64
}

/// All rows of a text with its cells, or none where a quote is open or out of place.
fn rows(text: &str, delimiter: u8) -> Option<Vec<Vec<String>>> {
    let mut raw = text.as_bytes();
    let dialect = Dialect { delimiter, width: usize::MAX };
    let mut splitter = Splitter::new(TextReader::new(&mut raw, Encoding::Utf8), dialect);
    let (mut block, mut cells, mut rows) = (Block::default(), Cells::default(), Vec::new());
    while splitter.next(&mut block).ok()? {
        for row in &block.rows {
            if matches!(row.shape, Shape::Malformed(_)) {
                return None;
            }
            cells.split(&block.text, row, delimiter);
            cells.mend(&block.text, row, 0..cells.len());
            rows.push((0..cells.len()).map(|at| cells.get(&block.text, at).unwrap().to_owned()).collect());
        }
    }
    Some(rows)
}

/// The same by the csv crate.
fn rows_by_csv(text: &str, delimiter: u8) -> Vec<Vec<String>> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes())
        .records()
        .map(|record| record.unwrap().iter().map(expected).collect())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn any_table_comes_back_cell_by_cell_and_line_by_line(
        table in prop::collection::vec((prop::collection::vec(cell(), 5), 0..3_usize), 1..12),
    ) {
        let ends = ["\n", "\r\n", "\r"];
        let mut users = "sourcedId,role,givenName,familyName,email,a,b,c,d,e,f,g,h\n".to_owned();
        let mut line = 2;
        let mut all = Vec::new();
        for (cells, end) in &table {
            // A line that begins after a lone CR must not begin with LF; rows begin with a letter.
            let id = format!("u{}", cells[0].0);
            let first = written(&(id.clone(), cells[0].1));
            let rest: Vec<String> = cells[1..].iter().map(written).collect();
            users += &format!("{first},{},,,,,,,,{}", rest.join(","), ends[*end]);
            let value = |at: usize| Some(expected(&cells[at].0));
            // A word for "no value" says nothing.
            let said = |at: usize| value(at).filter(|text| crate::value::null_word(text).is_none());
            all.push(Owned {
                line,
                id: expected(&id),
                roles: said(1).unwrap_or_default(),
                given: value(2),
                family: value(3),
                email: said(4),
                ..Owned::default()
            });
            line += 1 + cells.iter().map(|(text, _)| line_breaks(text)).sum::<u64>();
        }
        prop_assert_eq!(Export::new(&[("users.csv", &users)]).read().records, all);
    }

    #[test]
    fn blanks_beside_quotes_are_the_only_difference_from_the_csv_crate(
        text in "([ab]|[ab ]|,|;|\"|\"\"|,\"|\",|\n|\r\n|\r|é){0,80}",
        delimiter in prop::sample::select(vec![b',', b';']),
    ) {
        let blanks = text.contains(" \"") || text.contains("\" ");
        if let Some(rows) = rows(&text, delimiter).filter(|_| !blanks) {
            // The csv crate skips empty lines without a word.
            let rows: Vec<_> = rows.into_iter().filter(|row| *row != [""]).collect();
            let others: Vec<_> = rows_by_csv(&text, delimiter).into_iter().filter(|row| *row != [""]).collect();
            prop_assert_eq!(rows, others);
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(
        header in prop::sample::select(vec!["", SHORT, "\u{feff}sourcedId;role;givenName;familyName\r\n"]),
        bytes in prop::collection::vec(prop_oneof![
            any::<u8>(),
            prop::sample::select(b"\"\",,,\n\n\r;\tab 1".to_vec()),
        ], 0..300),
        file in prop::sample::select(vec!["users.csv", "orgs.csv", "roles.csv", "manifest.csv"]),
        encoding in prop::sample::select(vec![EncodingSetting::Auto, EncodingSetting::Utf16, EncodingSetting::Windows1252]),
    ) {
        let mut export = Export::short("u1,true,s1,,a,Ann,Lee,\n").encoding(encoding);
        export.options.language_column = Some("email".to_owned());
        export.write(file, &[header.as_bytes(), &bytes].concat());
        if let Ok(source) = OneRosterCsv::open(&export.path(), export.options.clone()) {
            let _ = read(&source);
        }
    }

    #[test]
    fn arbitrary_damage_to_a_zip_never_panics(at in 0..400_usize, byte in any::<u8>(), cut in 0..800_usize) {
        let mut bytes = zipped(&[("users.csv", &format!("{SHORT}u1,true,s1,student,a,Ann,Lee,\n")), ("orgs.csv", "sourcedId,name\ns1,North\n")]);
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(cut.max(at));
        let export = Export::new(&[]);
        export.write("e.zip", &bytes);
        if let Ok(source) = OneRosterCsv::open(&export.path().join("e.zip"), Options::default()) {
            let _ = read(&source);
        }
    }
}
