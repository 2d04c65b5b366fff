//! Characters that cannot be seen. They come with text that was copied from a page or a phone, and are no part of a value.

use std::borrow::Cow;

/// Characters that only act on others, or on nothing: marks that turn the direction of text, and such as take no room. The
/// two joiners are none of them; whole scripts, and emoji, need them.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{61C}' | '\u{180E}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{1BCA0}'..='\u{1BCA3}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E007F}')
}

/// Characters that are seen only together with others: joiners, variation selectors, fillers.
pub(super) fn is_seen_alone(c: char) -> bool {
    !matches!(c,
        '\u{34F}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{200C}' | '\u{200D}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FFA0}' | '\u{E0100}'..='\u{E01EF}' | ' ')
}

/// The text without what cannot be seen, trimmed: an id, an address or a number, which are no text of any script.
pub fn visible(text: &str) -> Cow<'_, str> {
    without(text, |c| is_invisible(c) || !is_seen_alone(c) && c != ' ')
}

/// The text without invisible characters, trimmed: a name, whose script may need joiners.
pub fn visible_name(text: &str) -> Cow<'_, str> {
    without(text, is_invisible)
}

fn without(text: &str, unseen: fn(char) -> bool) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() || !text.contains(unseen) {
        return Cow::Borrowed(text);
    }
    let seen: String = text.chars().filter(|c| !unseen(*c)).collect();
    Cow::Owned(seen.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_is_no_part_of_an_id() {
        for text in [
            "\u{FEFF}stu-1",
            "stu-1\u{200B}",
            "stu\u{AD}-1",
            " \u{200E}stu-1\u{A0}",
            "\u{202A}stu\u{200D}-1\u{202C}",
            "stu-1\u{FE0F}",
        ] {
            assert_eq!(visible(text), "stu-1", "{text:?}");
        }
        assert!(matches!(visible("Peña 1"), Cow::Borrowed("Peña 1")));
        assert_eq!(visible("\u{200B}\u{2060}"), "");
        assert_eq!(visible_name("\u{200B}می\u{200C}نا\u{FEFF}"), "می\u{200C}نا");
    }
}
