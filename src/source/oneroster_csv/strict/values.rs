//! Whether a cell has the form that the standard demands. Pure.
//!
//! A mistake is a code and a sentence. The sentence is the same for all cells with that mistake, and
//! never quotes the cell: a shifted row may have anything in any column.

use chrono::{DateTime, NaiveDate};

use super::standard::{Version, Words};

/// A code and what is wrong.
pub(super) type Mistake = (&'static str, String);

/// The most characters of a sourcedId.
const LONGEST_ID: usize = 255;

pub(super) fn sourced_id(cell: &str) -> Option<Mistake> {
    let wrong = if cell.len() > LONGEST_ID && cell.chars().count() > LONGEST_ID {
        "a sourcedId has at most 255 characters"
    } else if cell.chars().any(|c| c.is_whitespace() || c.is_control()) {
        "a sourcedId has no blanks and no control characters"
    } else if cell.contains([',', '"']) {
        "a sourcedId has no comma and no quote: in a list they would end it"
    } else {
        return None;
    };
    Some(("value-sourced-id", wrong.to_owned()))
}

/// The items of a list; none if the list is not one of the standard.
pub(super) fn list(cell: &str) -> Result<impl Iterator<Item = &str>, Mistake> {
    let wrong = |what: &str| Err(("value-list", what.to_owned()));
    if cell.split(',').any(str::is_empty) {
        return wrong("an item of the list is empty: a comma too many");
    }
    if cell.split(',').any(|item| item.trim().len() != item.len()) {
        return wrong("the items of a list are set apart by a comma alone, without blanks");
    }
    if !cell.contains(',') && cell.contains([';', '|']) {
        return wrong("the items of a list are set apart by commas");
    }
    if cell.starts_with(['[', '{', '(']) {
        return wrong("a list has no brackets around it");
    }
    Ok(cell.split(','))
}

pub(super) fn boolean(cell: &str) -> Option<Mistake> {
    (!matches!(cell, "true" | "false")).then(|| {
        let near = match cell.to_ascii_lowercase().as_str() {
            "true" | "1" | "yes" | "y" | "t" => ": write true",
            "false" | "0" | "no" | "n" | "f" => ": write false",
            _ => "",
        };
        ("value-boolean", format!("neither true nor false{near}"))
    })
}

/// The day of `YYYY-MM-DD`.
pub(super) fn day(cell: &str) -> Option<NaiveDate> {
    let digits = |range: std::ops::Range<usize>| cell.as_bytes()[range].iter().all(u8::is_ascii_digit);
    let is_shaped = cell.len() == 10
        && cell.is_ascii()
        && cell.as_bytes()[4] == b'-'
        && cell.as_bytes()[7] == b'-'
        && digits(0..4)
        && digits(5..7)
        && digits(8..10);
    if !is_shaped {
        return None;
    }
    let number = |range: std::ops::Range<usize>| cell[range].parse::<u32>().ok();
    NaiveDate::from_ymd_opt(cell[0..4].parse().ok()?, number(5..7)?, number(8..10)?)
}

pub(super) fn date(cell: &str) -> Option<Mistake> {
    day(cell).is_none().then(|| ("value-date", "not a day such as 2026-11-01".to_owned()))
}

pub(super) fn date_time(cell: &str) -> Option<Mistake> {
    let is_one = cell.as_bytes().get(10) == Some(&b'T') && DateTime::parse_from_rfc3339(cell).is_ok();
    (!is_one).then(|| ("value-date-time", "not a time such as 2026-11-01T02:15:00.000Z".to_owned()))
}

pub(super) fn year(cell: &str) -> Option<Mistake> {
    let is_one = cell.len() == 4 && cell.bytes().all(|byte| byte.is_ascii_digit());
    (!is_one).then(|| ("value-year", "not a year of four digits".to_owned()))
}

pub(super) fn word(cell: &str, Words { words, extensible }: Words, version: Version) -> Option<Mistake> {
    if words.contains(&cell) {
        return None;
    }
    let extensible = extensible && version == Version::V12;
    if extensible && cell.strip_prefix("ext:").is_some_and(|own| !own.is_empty() && is_token(own)) {
        return None;
    }
    let near = words.iter().find(|word| word.eq_ignore_ascii_case(cell));
    let near = near.map_or_else(String::new, |near| format!(": write {near}"));
    let own = if extensible { ", or ext: and a word of your own" } else { "" };
    Some(("value-enumeration", format!("none of {}{own}{near}", words.join(", "))))
}

fn is_token(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'))
}

/// `{type:id},{type:id}`
pub(super) fn user_ids(cell: &str) -> Option<Mistake> {
    let is_pair = |pair: &str| {
        pair.split_once(':').is_some_and(|(kind, id)| !kind.trim().is_empty() && !id.trim().is_empty())
    };
    let inner = cell.strip_prefix('{').and_then(|cell| cell.strip_suffix('}'));
    let is_one =
        inner.is_some_and(|inner| inner.split("},{").all(|pair| is_pair(pair) && !pair.contains(['{', '}'])));
    (!is_one).then(|| ("value-user-ids", "not of the form {type:id},{type:id}".to_owned()))
}

/// The column of the first cell of a row whose quotes are not those of RFC 4180: a quote in a cell
/// that does not begin with one, or anything between a quote and the next comma.
pub(super) fn misquoted(row: &str, delimiter: u8) -> Option<usize> {
    let bytes = row.as_bytes();
    let (mut at, mut column) = (0, 0);
    loop {
        if bytes.get(at) == Some(&b'"') {
            at += 1;
            loop {
                match (bytes.get(at), bytes.get(at + 1)) {
                    (None, _) => return Some(column),
                    (Some(b'"'), Some(b'"')) => at += 2,
                    (Some(b'"'), _) => break,
                    _ => at += 1,
                }
            }
            at += 1;
            match bytes.get(at) {
                None => return None,
                Some(byte) if *byte == delimiter => {}
                Some(_) => return Some(column),
            }
        } else {
            while let Some(byte) = bytes.get(at).filter(|byte| **byte != delimiter) {
                if *byte == b'"' {
                    return Some(column);
                }
                at += 1;
            }
            if at >= bytes.len() {
                return None;
            }
        }
        at += 1;
        column += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_of_the_standard_and_near_misses() {
        for good in ["2026-11-01", "2028-02-29"] {
            assert!(date(good).is_none(), "{good}");
        }
        for bad in ["11/1/2026", "2026-11-31", "2026-1-1", "2026-11-01T00:00:00Z", "٢٠٢٦-١١-٠١", "2026-+1-01"]
        {
            assert!(date(bad).is_some(), "{bad}");
        }
        assert!(date_time("2026-11-01T02:15:00.000Z").is_none());
        assert!(date_time("2026-11-01T02:15:00+01:00").is_none());
        for bad in ["2026-11-01", "2026-11-01 02:15:00Z", "2026-11-01T02:15:00"] {
            assert!(date_time(bad).is_some(), "{bad}");
        }
        assert!(user_ids("{LDAP:Users@1},{LTI:2}").is_none());
        for bad in ["LDAP:1", "{LDAP}", "{LDAP:1}{LTI:2}", "{:1}", "{LDAP:1},"] {
            assert!(user_ids(bad).is_some(), "{bad}");
        }
        assert!(sourced_id("604863").is_none() && sourced_id("a:b/c@d").is_none());
        assert!(
            sourced_id("a b").is_some()
                && sourced_id("a,b").is_some()
                && sourced_id(&"a".repeat(256)).is_some()
        );
        let items = |cell| list(cell).map(|items| items.count());
        assert_eq!((items("a,b").unwrap(), items("a").unwrap()), (2, 1));
        assert!(["a,,b", "a,", "a, b", "a;b", "[a,b]"].into_iter().all(|cell| items(cell).is_err()));
        assert_eq!(boolean("TRUE").unwrap().1, "neither true nor false: write true");
    }

    #[test]
    fn words_in_another_case_name_the_right_one_and_extensions_are_of_1_2() {
        let words = Words { words: &["student", "teacher"], extensible: true };
        assert!(word("student", words, Version::V11).is_none());
        assert!(word("ext:tutor", words, Version::V12).is_none());
        assert!(word("ext:tutor", words, Version::V11).is_some());
        assert!(word("ext:", words, Version::V12).is_some());
        assert_eq!(
            word("Student", words, Version::V11).unwrap().1,
            "none of student, teacher: write student"
        );
    }

    #[test]
    fn quotes_of_rfc_4180() {
        for good in ["a,b", "\"a\",b", "a,\"b,\"\"c\"\"\"", "", "\"\"", "a,"] {
            assert_eq!(misquoted(good, b','), None, "{good}");
        }
        for (bad, column) in [("a,b\"c", 1), ("\"a\" ,b", 0), ("x, \"a\"", 1), ("\"a\"b", 0), ("\"a", 0)] {
            assert_eq!(misquoted(bad, b','), Some(column), "{bad}");
        }
    }
}
