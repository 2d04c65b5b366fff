//! Names of people: given and family name as one field.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

/// A person's name; both parts trimmed, inner spaces collapsed, NFC. A family name alone is a name.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PersonName {
    pub given: String,
    pub family: String,
}

impl PersonName {
    pub fn new(given: &str, family: &str) -> Self {
        Self { given: clean(given).into_owned(), family: clean(family).into_owned() }
    }

    pub fn is_empty(&self) -> bool {
        self.given.is_empty() && self.family.is_empty()
    }

    /// Given and family name, set apart by a tab: how the history keeps a name, so that it can be given back as it was.
    pub fn in_parts(&self) -> String {
        format!("{}\t{}", self.given, self.family)
    }

    /// The name of [`PersonName::in_parts`]. Text without a tab is a name as it is shown, of which the last word is taken
    /// for the family name.
    pub fn from_parts(text: &str) -> Self {
        match text.split_once('\t').or_else(|| text.rsplit_once(' ')) {
            Some((given, family)) => Self::new(given, family),
            None => Self::new("", text),
        }
    }

    /// Equal when read as one: where given name ends and family name begins is formatting.
    pub fn same(&self, other: &Self) -> bool {
        // As much is compared first as decides nearly always.
        self == other || self.length() == other.length() && self.to_string() == other.to_string()
    }

    /// The name without upper and lower case.
    pub fn key(&self) -> String {
        self.to_string().to_lowercase()
    }

    /// Bytes of the name as it is shown.
    fn length(&self) -> usize {
        let gap = usize::from(!self.given.is_empty() && !self.family.is_empty());
        self.given.len() + gap + self.family.len()
    }

    /// Equal but for upper and lower case.
    pub fn same_but_case(&self, other: &Self) -> bool {
        self.is_empty() == other.is_empty()
            && self.to_string().to_lowercase() == other.to_string().to_lowercase()
    }
}

impl fmt::Display for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let gap = if self.given.is_empty() || self.family.is_empty() { "" } else { " " };
        write!(f, "{}{gap}{}", self.given, self.family)
    }
}

/// Names stay out of logs.
impl fmt::Debug for PersonName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_empty() { "PersonName(none)" } else { "PersonName(…)" })
    }
}

/// Trimmed, inner white space collapsed to single spaces, NFC.
fn clean(text: &str) -> Cow<'_, str> {
    let tidy = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ");
    let plain = |c: char| c == ' ' || !(c.is_whitespace() || c.is_control());
    if tidy && text.chars().all(plain) && is_nfc(text) {
        return Cow::Borrowed(text);
    }
    let blank = |c: char| c.is_whitespace() || c.is_control();
    let words: Vec<&str> = text.split(blank).filter(|word| !word.is_empty()).collect();
    Cow::Owned(words.join(" ").nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spaces_and_unicode_form_make_no_difference() {
        assert!(
            PersonName::new("  José ", "Núñez").same(&PersonName::new("Jose\u{301}", "Nu\u{301}n\u{303}ez"))
        );
        assert!(PersonName::new("Mary\u{a0}  Ann", "Lee").same(&PersonName::new("Mary Ann", "Lee")));
        assert!(PersonName::new("Mary", "Ann Lee").same(&PersonName::new("Mary Ann", "Lee")));
        assert!(!PersonName::new("Mary", "Lee").same(&PersonName::new("mary", "Lee")));
        assert!(PersonName::new("Mary", "Lee").same_but_case(&PersonName::new("MARY", "lee")));
        assert!(!PersonName::new("Mary", "Lee").same_but_case(&PersonName::new("Marie", "lee")));
    }

    #[test]
    fn line_breaks_cannot_get_into_a_name() {
        assert_eq!(
            PersonName::new("Eve\r\nBcc: x@y.example", "Hale").to_string(),
            "Eve Bcc: x@y.example Hale"
        );
    }

    #[test]
    fn a_name_comes_back_from_its_parts() {
        for name in
            [PersonName::new("Mary Ann", "Lee Wu"), PersonName::new("", "Wang"), PersonName::default()]
        {
            assert_eq!(PersonName::from_parts(&name.in_parts()), name);
        }
        assert_eq!(PersonName::from_parts("Mary Ann Lee"), PersonName::new("Mary Ann", "Lee"));
    }

    #[test]
    fn one_part_is_a_name() {
        assert_eq!(PersonName::new("", "Sanjiv Becker").to_string(), "Sanjiv Becker");
        assert!(PersonName::new(" ", "").is_empty());
    }
}
