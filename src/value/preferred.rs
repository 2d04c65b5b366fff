//! The name that a person goes by, beside the legal one. Where `[sync] names` is "preferred", a
//! source hands over its parts in place of the legal ones, part by part, where they are not blank.

use super::marks::without_formula;
use super::words::name_word;
use crate::contact::PersonName;

/// The cell of a preferred part, if it is a name. A word for "no value" is none, since the legal
/// name is there in its place: the word is handed to `say`. A mark of a spreadsheet, and damaged
/// text, stay for the reader of the cells.
pub fn preferred_part(cell: Option<&str>, say: impl FnOnce(&'static str)) -> Option<&str> {
    let cell = cell.filter(|cell| !cell.is_empty())?;
    let bare = without_formula(cell).unwrap_or(cell);
    if let Some(word) = name_word(bare) {
        say(word.word());
        return None;
    }
    (!PersonName::new(bare, "").is_empty()).then_some(cell)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_that_is_no_name_leaves_the_legal_one() {
        let taken = |cell| {
            let mut word = None;
            let part = preferred_part(cell, |said| word = Some(said));
            (part.unwrap_or("Maria"), word)
        };
        assert_eq!(taken(Some("Max")), ("Max", None));
        assert_eq!(taken(Some("=\"Max\"")), ("=\"Max\"", None));
        assert_eq!(taken(Some("Null")), ("Null", None));
        for blank in [None, Some(""), Some("=\"\""), Some("\u{200B}")] {
            assert_eq!(taken(blank), ("Maria", None), "{blank:?}");
        }
        for (word, said) in [("NULL", "NULL"), ("=\"NULL\"", "NULL"), ("\\N", "\\N"), ("(null)", "(null)")] {
            assert_eq!(taken(Some(word)), ("Maria", Some(said)), "{word}");
        }
    }
}
