//! A report as one HTML file that needs no network: the page, and its rows as JSON, which a script in
//! the page shows, sorts and filters.
//!
//! Rows are written as they come. What is held of them is one number for each value of the columns
//! that repeat theirs, and each code once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use minijinja::value::Serde;
use minijinja::{AutoEscape, Environment, context};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::cell;
use super::columns::{Column, Holds};
use super::formats::Rendering;

const PAGE: &str = include_str!("html/page.html");
const STYLE: &str = include_str!("html/style.css");
const SCRIPT: &str = include_str!("html/script.js");

/// Where the rows are in the page.
const ROWS: &str = "\n<!-- rows -->\n";

/// What a page says besides its rows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Page {
    pub title: String,
    /// The run was blocked: nothing was applied.
    pub blocked: bool,
    /// The line that counts what the run did; empty where it is not known.
    pub plan: String,
    /// What is known of the run, with its name: `Started`, `2026-11-23 02:15`.
    pub facts: Vec<(&'static str, String)>,
    /// The day up to which the age of a difference is counted, as `2026-11-23`. Empty: the newest day
    /// of the report.
    pub day: String,
    /// The names of schools by their sourcedIds.
    pub schools: BTreeMap<String, String>,
    /// The runs before this one and this one, the oldest first.
    pub runs: Vec<PastRun>,
    /// The messages of the run; none where they are not known.
    pub messages: Option<Vec<Told>>,
    /// What a code means.
    #[serde(skip)]
    pub meaning: Meaning,
}

/// A run in the history of a page.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PastRun {
    pub run: i64,
    pub started: String,
    pub result: String,
    pub blocked: bool,
    /// Users by their actions.
    pub actions: BTreeMap<&'static str, u64>,
}

/// How many messages of a run are in a state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    /// The primary role of the people.
    pub role: String,
    pub channel: &'static str,
    pub state: &'static str,
    pub count: u64,
}

/// Sentences that explain a code; none for a code that is not known.
#[derive(Clone, Copy)]
pub struct Meaning(pub fn(&str) -> Vec<&'static str>);

impl Default for Meaning {
    fn default() -> Self {
        Self(|_| Vec::new())
    }
}

impl std::fmt::Debug for Meaning {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Meaning")
    }
}

/// A page says the same, whichever function explains its codes.
impl PartialEq for Meaning {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Meaning {}

/// More values of a column are not numbered. The script knows this number too.
const MOST_LISTED: usize = 4096;

/// Columns in which few values stand for all rows.
const LISTED: [Column; 6] =
    [Column::Role, Column::Schools, Column::State, Column::Action, Column::Codes, Column::FirstSeen];

#[derive(Debug)]
enum Cell {
    Number,
    Text,
    /// The numbers of the values that were written.
    Listed(HashMap<Vec<u8>, usize>),
    /// A value of the SIS, and where the actual one stands in the row.
    SameAs(usize),
}

/// The rendering of a report as a page.
#[derive(Debug)]
pub(super) struct Html<'a> {
    page: &'a Page,
    columns: Vec<Column>,
    cells: Vec<Cell>,
    codes: BTreeSet<String>,
    /// The newest day of a difference.
    newest: String,
    any: bool,
}

impl<'a> Html<'a> {
    pub(super) fn new(columns: Vec<Column>, page: &'a Page) -> Self {
        let place = |wanted: &str| columns.iter().position(|column| column.name() == wanted);
        let cell = |column: &Column| {
            let same = column.name().strip_prefix("sis_").and_then(place);
            match same {
                Some(place) => Cell::SameAs(place),
                None if column.holds() == Holds::Number => Cell::Number,
                None if LISTED.contains(column) => Cell::Listed(HashMap::new()),
                None => Cell::Text,
            }
        };
        let cells = columns.iter().map(cell).collect();
        Self { page, columns, cells, codes: BTreeSet::new(), newest: String::new(), any: false }
    }

    /// The page up to its rows.
    fn head(&self) -> String {
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let (before, _) = parts();
        let rendered = environment.render_str(
            before,
            context! {
                page => Serde(self.page),
                style => STYLE, style_hash => hash(STYLE), script_hash => hash(SCRIPT),
            },
        );
        debug_assert!(rendered.is_ok(), "the template is part of the program: {rendered:?}");
        rendered.unwrap_or_default()
    }
}

/// The page before its rows and after them.
fn parts() -> (&'static str, &'static str) {
    PAGE.split_once(ROWS).unwrap_or((PAGE, ""))
}

/// How the policy of the page names the only style, and the only script, that a browser may use.
fn hash(text: &str) -> String {
    format!("sha256-{}", STANDARD.encode(Sha256::digest(text)))
}

impl Rendering for Html<'_> {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(self.head().as_bytes());
        out.extend_from_slice(b"\n{\"columns\":");
        append_json(&self.columns.iter().map(|column| column.name()).collect::<Vec<_>>(), out);
        out.extend_from_slice(b",\n\"listed\":");
        append_json(&LISTED.map(Column::name), out);
        out.extend_from_slice(b",\n\"rows\":[");
    }

    fn row(&mut self, cells: &[&[u8]], out: &mut Vec<u8>) {
        out.extend_from_slice(if self.any { b",\n[" } else { b"\n[" });
        self.any = true;
        // Blank cells at the end say nothing.
        let last = cells.iter().rposition(|cell| !cell.is_empty()).map_or(0, |last| last + 1);
        for (i, (cell, column)) in cells[..last].iter().zip(&mut self.cells).enumerate() {
            if i > 0 {
                out.push(b',');
            }
            match column {
                Cell::Number => match cell::number(cell) {
                    Some(number) => append_json(&number, out),
                    None => append_text(cell, out),
                },
                Cell::SameAs(actual) if !cell.is_empty() && *cell == cells[*actual] => out.push(b'0'),
                Cell::Listed(listed) if !cell.is_empty() => match listed.get(*cell) {
                    Some(number) => append_json(number, out),
                    None => {
                        if listed.len() < MOST_LISTED {
                            listed.insert(cell.to_vec(), listed.len());
                        }
                        append_text(cell, out);
                        match self.columns[i] {
                            Column::Codes => {
                                self.codes.extend(String::from_utf8_lossy(cell).split(' ').map(str::to_owned))
                            }
                            Column::FirstSeen => {
                                let day = String::from_utf8_lossy(cell);
                                if *day > *self.newest {
                                    self.newest = day.into_owned();
                                }
                            }
                            _ => {}
                        }
                    }
                },
                _ => append_text(cell, out),
            }
        }
        out.push(b']');
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let Page { day, schools, runs, messages, meaning, .. } = self.page;
        out.extend_from_slice(b"\n],\n\"page\":");
        let day = if day.is_empty() { &self.newest } else { day };
        append_json(
            &serde_json::json!({ "day": day, "schools": schools, "runs": runs, "messages": messages }),
            out,
        );
        let explained = |code: &String| {
            let sentences = (meaning.0)(code);
            (!sentences.is_empty()).then(|| (code.clone(), sentences))
        };
        out.extend_from_slice(b",\n\"codes\":");
        append_json(&self.codes.iter().filter_map(explained).collect::<BTreeMap<_, _>>(), out);
        out.extend_from_slice(b"}\n");
        let (_, after) = parts();
        let mut environment = Environment::new();
        environment.set_auto_escape_callback(|_| AutoEscape::Html);
        let rendered = environment.render_str(after, context! { script => SCRIPT });
        debug_assert!(rendered.is_ok(), "the template is part of the program: {rendered:?}");
        out.extend_from_slice(rendered.unwrap_or_default().as_bytes());
        // The engine takes the last line break of a template away.
        out.push(b'\n');
    }
}

/// A text as it stands in a page, without its quotes.
pub fn as_in_html(text: &str) -> String {
    let mut written = Vec::new();
    append_text(text.as_bytes(), &mut written);
    let inner = written.get(1..written.len().saturating_sub(1)).unwrap_or_default();
    String::from_utf8_lossy(inner).into_owned()
}

fn append_text(cell: &[u8], out: &mut Vec<u8>) {
    append_json(&String::from_utf8_lossy(cell), out);
}

/// As JSON that may stand in a `<script>`: nothing in it ends the script or begins a comment.
fn append_json<T: Serialize + ?Sized>(value: &T, out: &mut Vec<u8>) {
    let start = out.len();
    let written = serde_json::to_writer(&mut *out, value);
    debug_assert!(written.is_ok(), "text and numbers always serialise, and a vector takes everything");
    if memchr::memchr3(b'<', b'>', b'&', &out[start..]).is_none() {
        return;
    }
    // Between its quotes JSON takes an escape for any character, and it has these nowhere else.
    let plain = out.split_off(start);
    for byte in plain {
        match byte {
            b'<' | b'>' | b'&' => out.extend_from_slice(format!("\\u{byte:04x}").as_bytes()),
            byte => out.push(byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(columns: &[Column], rows: &[&[&str]], page: &Page) -> String {
        let mut html = Html::new(columns.to_vec(), page);
        let mut out = Vec::new();
        html.begin(&mut out);
        for row in rows {
            html.row(&row.iter().map(|cell| cell.as_bytes()).collect::<Vec<_>>(), &mut out);
        }
        html.end(&mut out);
        String::from_utf8(out).unwrap()
    }

    fn data(html: &str) -> &str {
        let (_, from) = html.split_once("id=\"data\">\n").unwrap();
        from.split_once("</script>").unwrap().0
    }

    #[test]
    fn repeated_values_are_numbers_and_equal_ones_of_the_sis_are_0() {
        use Column::{Action, Codes, Email, FirstSeen, Line, SisEmail, SourcedId};
        let columns = [Line, SourcedId, Action, Email, SisEmail, Codes, FirstSeen];
        let html = rendered(
            &columns,
            &[
                &["2", "a", "kept", "x@y", "z@y", "email-shared", "2026-11-20"],
                &["", "b", "kept", "x@y", "x@y", "email-shared", "2026-11-20"],
                &["4", "c", "updated", "", "", "", ""],
            ],
            &Page {
                meaning: Meaning(|code| if code == "email-shared" { vec!["Two have it."] } else { vec![] }),
                ..Page::default()
            },
        );
        assert_eq!(
            data(&html),
            "{\"columns\":[\"line\",\"sourced_id\",\"action\",\"email\",\"sis_email\",\"codes\",\"first_seen\"],\n\
             \"listed\":[\"role\",\"schools\",\"state\",\"action\",\"codes\",\"first_seen\"],\n\
             \"rows\":[\n[2,\"a\",\"kept\",\"x@y\",\"z@y\",\"email-shared\",\"2026-11-20\"],\n\
             [\"\",\"b\",0,\"x@y\",0,0,0],\n[4,\"c\",\"updated\"]\n],\n\
             \"page\":{\"day\":\"2026-11-20\",\"schools\":{},\"runs\":[],\"messages\":null},\n\
             \"codes\":{\"email-shared\":[\"Two have it.\"]}}\n"
        );
    }

    #[test]
    fn no_value_breaks_out_of_the_page() {
        let evil = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>&amp;\u{2028}";
        let page = Page {
            title: evil.to_owned(),
            plan: evil.to_owned(),
            facts: vec![("Source", evil.to_owned())],
            schools: [(evil.to_owned(), evil.to_owned())].into(),
            ..Page::default()
        };
        let html = rendered(&[Column::SourcedId, Column::Action], &[&[evil, evil]], &page);
        assert_eq!((html.matches("<script").count(), html.matches("</script>").count()), (2, 2));
        assert!(!html.contains("<img") && !html.contains("<!--"), "{html}");
        let data: serde_json::Value = serde_json::from_str(data(&html)).unwrap();
        assert_eq!((&data["rows"][0][0], &data["page"]["schools"][evil]), (&evil.into(), &evil.into()));
    }

    #[test]
    fn the_policy_allows_the_style_and_the_script_of_the_page_and_nothing_else() {
        let html = rendered(&[Column::SourcedId], &[], &Page::default());
        let between =
            |from: &str, to: &str| html.rsplit_once(from).unwrap().1.split_once(to).unwrap().0.to_owned();
        let expected = format!(
            "content=\"default-src 'none'; script-src '{}'; style-src '{}'; img-src data:; base-uri 'none'; form-action 'none'\"",
            hash(&between("<script>", "</script>")),
            hash(&between("<style>", "</style>"))
        );
        assert!(html.contains(&expected), "{expected}");
        for word in ["http:", "https:", "src=", "url(", "@import", "innerHTML", "eval("] {
            let html = html.replace("http://www.w3.org/2000/svg", "");
            assert!(!html.contains(word), "{word}");
        }
    }
}
