//! A part of a value that a person looks for: of a name, an address, a number or an id.

use unicode_normalization::UnicodeNormalization;

use super::invisible::is_invisible;

/// Text to be found within values: case, accents, invisible characters and the way in which a
/// number is written make no difference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sought {
    folded: String,
    /// The digits, where the text can be a part of a number.
    digits: String,
}

/// So many digits are a part of a number.
const FEWEST_DIGITS: usize = 3;

impl Sought {
    pub fn new(text: &str) -> Self {
        let is_number = text.chars().all(|c| c.is_ascii_digit() || "+-./() ".contains(c));
        let digits: String = text.chars().filter(|c| is_number && c.is_ascii_digit()).collect();
        let digits = if digits.len() < FEWEST_DIGITS { String::new() } else { digits };
        Self { folded: folded(text), digits }
    }

    /// Whether the value has the text in it. Every value has the empty text.
    pub fn is_in(&self, value: &str) -> bool {
        let plain = |value: &str| value.to_ascii_lowercase().contains(&self.folded);
        if value.is_ascii() { plain(value) } else { folded(value).contains(&self.folded) }
    }

    /// The same for a number.
    pub fn is_in_number(&self, value: &str) -> bool {
        let digits = || value.chars().filter(char::is_ascii_digit).collect::<String>();
        self.is_in(value) || !self.digits.is_empty() && digits().contains(&self.digits)
    }

    /// Whether the value is the text.
    pub fn is(&self, value: &str) -> bool {
        let is_same = || match value.is_ascii() {
            true => value.eq_ignore_ascii_case(&self.folded),
            false => folded(value) == self.folded,
        };
        !self.folded.is_empty() && is_same()
    }
}

/// The text in small letters, with single spaces, without accents and invisible characters.
fn folded(text: &str) -> String {
    let text: String = text.split_whitespace().collect::<Vec<_>>().join(" ");
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    // Accents of Latin, Greek and Cyrillic letters; in other scripts such marks are letters.
    let is_accent = |c: &char| ('\u{300}'..='\u{36f}').contains(c);
    let plain = text.nfkd().filter(|c| !is_accent(c) && !is_invisible(*c));
    plain.nfc().flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_difference() {
        for (sought, value, expected) in [
            ("díaz", "Rosa DIAZ", true),
            ("diaz", "Rosa Díaz", true),
            ("Di\u{301}az", "Rosa Díaz", true),
            ("rosa  diaz", "Rosa Díaz", true),
            ("diaz rosa", "Rosa Díaz", false),
            ("ROSA@", "rosa@mail.example", true),
            ("山田", "太郎 山田", true),
            ("김", "김민준", true),
            ("ros\u{200b}a", "Rosa", true),
            ("", "Rosa", true),
        ] {
            assert_eq!(Sought::new(sought).is_in(value), expected, "{sought} in {value}");
        }
        assert!(Sought::new("rosa diaz").is("Rosa Díaz") && !Sought::new("rosa").is("Rosa Díaz"));
    }

    #[test]
    fn numbers_by_their_digits() {
        for (sought, value, expected) in [
            ("555-0142", "+17185550142", true),
            ("(718) 555", "+17185550142", true),
            ("0142", "+17185550142", true),
            ("42", "+17185550142", true),
            ("0143", "+17185550142", false),
            ("a0142", "+17185550142", false),
        ] {
            assert_eq!(Sought::new(sought).is_in_number(value), expected, "{sought} in {value}");
        }
    }
}
