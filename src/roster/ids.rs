//! Lists of ids as exports really write them. OneRoster sets ids apart by commas; exports also use
//! semicolons, bars, blanks, line breaks and JSON arrays, put quotes around ids, write a link in
//! place of an id, or write the id in another case.
//!
//! Such a list is read only if that makes every part of it an id that is known. Pure.

use std::borrow::Cow;
use std::collections::HashMap;

use xxhash_rust::xxh3::xxh3_64;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reading {
    /// Every part of it is an id that is known. None for an empty list, such as `[]`.
    Known(Vec<String>),
    /// Some part of it is no id that is known: the parts that are, and those that are not, as they
    /// stand.
    Partly { known: Vec<String>, unknown: Vec<String> },
}

/// What ids may be set apart by, in the order in which it is tried. An id with a slash or a blank
/// in it is one id as long as it is known as such.
const APART: [&[char]; 4] = [
    &[','],
    &[',', ';', '|', '\n', '\r', '\t'],
    &[',', ';', '|', '\n', '\r', '\t', '/'],
    &[',', ';', '|', '\n', '\r', '\t', '/', ' ', '\u{a0}'],
];

/// Characters that show nothing, but make two ids differ.
pub fn is_invisible(character: char) -> bool {
    matches!(character, '\u{ad}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{feff}')
}

/// An id without what may differ in how it is written: case, invisible characters, and a comma
/// written as `%2C`.
pub fn fold(id: &str) -> String {
    let plain = id.trim();
    if plain.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_uppercase() && byte != b'%') {
        return plain.to_owned();
    }
    let lower: String =
        plain.chars().filter(|character| !is_invisible(*character)).flat_map(char::to_lowercase).collect();
    if lower.contains("%2c") { lower.replace("%2c", ",") } else { lower }
}

/// An id as lists of ids have it: REST writes a comma in it as `%2C`, files write the comma. It is
/// one id.
pub fn encoded(id: &str) -> Cow<'_, str> {
    if id.contains(',') { Cow::Owned(id.replace(',', "%2C")) } else { Cow::Borrowed(id) }
}

/// A hash of [`fold`], without memory for an ordinary id.
pub fn fold_hash(id: &str) -> u64 {
    let mut room = [0; 64];
    let plain = id.trim();
    match room.get_mut(..plain.len()).filter(|_| plain.is_ascii() && !plain.contains('%')) {
        Some(room) => {
            room.copy_from_slice(plain.as_bytes());
            room.make_ascii_lowercase();
            xxh3_64(room)
        }
        None => xxh3_64(fold(plain).as_bytes()),
    }
}

/// Known ids by [`fold`]; none for what two of them come to.
#[derive(Debug, Default)]
pub struct Folded(HashMap<String, Option<String>>);

impl Folded {
    pub fn add(&mut self, id: &str) {
        self.0
            .entry(fold(id))
            .and_modify(|known| {
                if known.as_deref() != Some(id) {
                    *known = None;
                }
            })
            .or_insert_with(|| Some(id.to_owned()));
    }

    /// The one id that is written so.
    pub fn find(&self, text: &str) -> Option<&str> {
        self.0.get(&fold(text))?.as_deref()
    }
}

/// Reads a cell. `resolve` gives the known id that a text means, if there is one.
pub fn read(cell: &str, resolve: &dyn Fn(&str) -> Option<String>) -> Reading {
    if let Some(id) = token(cell, resolve) {
        return Reading::Known(vec![id]);
    }
    for apart in APART {
        let all: Option<Vec<String>> = parts(cell, apart).map(|part| token(part, resolve)).collect();
        if let Some(all) = all {
            return Reading::Known(distinct(all));
        }
    }
    let (mut known, mut unknown) = (Vec::new(), Vec::new());
    for part in cell.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        match token(part, resolve) {
            Some(id) => known.push(id),
            None => unknown.push(part.to_owned()),
        }
    }
    Reading::Partly { known: distinct(known), unknown: distinct(unknown) }
}

/// Every text in a cell that could be an id, however the list is read: what has to be looked up
/// before it is.
pub fn candidates(cell: &str) -> impl Iterator<Item = &str> {
    let whole = std::iter::once(cell.trim());
    let all = whole.chain(APART.into_iter().flat_map(move |apart| parts(cell, apart)));
    all.flat_map(|part| [Some(part), Some(bare(part)), last_part(bare(part))])
        .flatten()
        .filter(|text| !text.is_empty())
}

fn distinct(ids: Vec<String>) -> Vec<String> {
    super::distinct(ids.iter().map(String::as_str)).into_iter().map(str::to_owned).collect()
}

/// The parts of a cell that have anything in them but marks.
fn parts<'a>(cell: &'a str, apart: &'a [char]) -> impl Iterator<Item = &'a str> {
    cell.split(apart).map(str::trim).filter(|part| !bare(part).is_empty())
}

fn token(part: &str, resolve: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let part = part.trim();
    if part.is_empty() {
        return None;
    }
    let bare = bare(part);
    resolve(part).or_else(|| (bare != part && !bare.is_empty()).then(|| resolve(bare)).flatten()).or_else(
        || {
            last_part(bare).and_then(resolve).filter(|_| {
                // A list that is set apart by slashes is no link.
                let path = bare.trim_end_matches('/').rsplit_once('/').map_or("", |(path, _)| path);
                !path.split('/').any(|part| !part.is_empty() && resolve(part).is_some())
            })
        },
    )
}

fn bare(part: &str) -> &str {
    let mark = |character: char| {
        character.is_whitespace()
            || is_invisible(character)
            || matches!(
                character,
                '[' | ']' | '{' | '}' | '(' | ')' | '<' | '>' | '"' | '\'' | '`' | '\u{201c}' | '\u{201d}'
            )
    };
    part.trim_matches(mark)
}

/// The last part of a link's path, which is where OneRoster has the id.
fn last_part(text: &str) -> Option<&str> {
    if !text.contains('/') || text.contains([',', ';', '|', ' ', '\n', '\t']) {
        return None;
    }
    let path = text.split(['?', '#']).next().unwrap_or(text);
    path.trim_end_matches('/').rsplit('/').next().filter(|part| !part.is_empty() && *part != text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(ids: &[&str], cell: &str) -> Reading {
        let mut folded = Folded::default();
        ids.iter().for_each(|id| folded.add(id));
        read(cell, &|text| match ids.contains(&text) {
            true => Some(text.to_owned()),
            false => folded.find(text).map(str::to_owned),
        })
    }

    #[test]
    fn a_list_is_read_however_its_ids_are_set_apart() {
        for cell in [
            "s1,s2",
            "s1;s2",
            "s1 ; s2",
            "s1|s2",
            "s1/s2",
            "s1 s2",
            "s1\ns2",
            "[s1,s2]",
            "[\"s1\",\"s2\"]",
            "[\"s1\", \"s2\"]",
            "['s1';'s2']",
            "{s1,s2}",
            "{s1},{s2}",
            "(s1) (s2)",
            "\"s1\" \"s2\"",
            "S1;s2",
            "s1\u{200b};\u{feff}s2",
            "https://sis.example/ims/oneroster/v1p1/orgs/s1,https://sis.example/orgs/s2/",
            "/orgs/s1;orgs/s2?x=1",
            "s1;;s2;s1",
        ] {
            assert_eq!(known(&["s1", "s2"], cell), Reading::Known(vec!["s1".into(), "s2".into()]), "{cell}");
        }
    }

    #[test]
    fn an_id_that_looks_like_a_list_is_one_id_where_it_is_known() {
        for id in ["a b", "a/b", "a;b", "[a]", "a|b"] {
            assert_eq!(known(&[id, "a", "b"], id), Reading::Known(vec![id.to_owned()]), "{id}");
        }
        assert_eq!(
            known(&["Smith%2C 12", "s2"], "Smith, 12"),
            Reading::Known(vec!["Smith%2C 12".to_owned()])
        );
        assert_eq!(known(&["s1"], "[]"), Reading::Known(Vec::new()));
    }

    #[test]
    fn another_case_is_read_only_if_one_id_fits() {
        assert_eq!(known(&["s1", "S1"], "s1"), Reading::Known(vec!["s1".into()]));
        let both = known(&["Ab", "aB"], "AB");
        assert_eq!(both, Reading::Partly { known: Vec::new(), unknown: vec!["AB".into()] });
    }

    #[test]
    fn a_list_with_a_part_that_nobody_knows_is_not_read() {
        let partly = known(&["s1", "s2"], "s1;s9");
        assert_eq!(partly, Reading::Partly { known: Vec::new(), unknown: vec!["s1;s9".into()] });
        let partly = known(&["s1", "s2"], "s1,s9,S2");
        assert_eq!(
            partly,
            Reading::Partly { known: vec!["s1".into(), "s2".into()], unknown: vec!["s9".into()] }
        );
    }

    #[test]
    fn ids_that_are_one_but_for_their_form_have_one_hash() {
        let long = "X".repeat(80);
        for (a, b) in
            [("Ab", "aB"), ("a%2Cb", "a,b"), ("s\u{200b}1", "S1"), (long.as_str(), &long.to_lowercase())]
        {
            assert_eq!(fold_hash(a), fold_hash(b), "{a} {b}");
        }
        assert_ne!(fold_hash("a1"), fold_hash("a2"));
    }

    #[test]
    fn every_text_that_could_be_an_id_is_looked_up() {
        let texts: Vec<&str> = candidates("[\"s1\";x/s2]").collect();
        for text in ["[\"s1\"", "s1", "x/s2", "s2", "x"] {
            assert!(texts.contains(&text), "{text}: {texts:?}");
        }
    }
}
