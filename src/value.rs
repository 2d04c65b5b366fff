//! What the text of one cell means, whatever the source: a word for "no value", a mark of a
//! spreadsheet, HTML escapes, characters that cannot be seen, letters of another code page.
//!
//! Every source passes its records through a [`RecordReader`], and ids that stand elsewhere through
//! [`id`], so that the same cell means the same in every file and every API. An ordinary record
//! passes unchanged, without a copy.

mod code_page;
mod marks;
mod preferred;
mod reader;
mod tally;
mod words;

use std::borrow::Cow;

use crate::contact::visible;

pub use code_page::with_lost_letters;
pub use marks::without_mark;
pub use preferred::preferred_part;
pub use reader::{CLEVER, GUARDIANS, Names, ONEROSTER, PLATFORM, RecordReader};
pub use tally::Tally;
pub use words::{WordCounts, is_no_id, null_word};

/// An id, or another word of a fixed vocabulary, without marks of a spreadsheet and without what
/// cannot be seen. Empty if it is a word for "no value".
#[inline]
pub fn id(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !words::may_be_word(text) && !marks::may_be_marked(text) {
        return Cow::Borrowed(text);
    }
    let (bare, _) = without_mark(text);
    match visible(bare) {
        seen if null_word(&seen).is_some() => Cow::Borrowed(""),
        seen => seen,
    }
}

/// What a cell of yes or no says.
pub fn boolean(cell: &str) -> Option<bool> {
    match cell {
        "true" | "1" => Some(true),
        "false" | "0" => Some(false),
        _ if cell.eq_ignore_ascii_case("true") || cell.eq_ignore_ascii_case("yes") => Some(true),
        _ if cell.eq_ignore_ascii_case("false") || cell.eq_ignore_ascii_case("no") => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_without_what_is_no_part_of_them() {
        for (text, meant) in [
            ("stu-1", "stu-1"),
            ("Null-1", "Null-1"),
            ("\u{FEFF}stu-1\u{200B}", "stu-1"),
            ("=\"00123\"", "00123"),
            ("'00123", "00123"),
            ("NULL", ""),
            ("\\N", ""),
            ("=\"NULL\"", ""),
            ("\u{200B}#N/A", ""),
            ("Ñ-1", "Ñ-1"),
            ("", ""),
        ] {
            assert_eq!(id(text), meant, "{text}");
        }
    }
}
