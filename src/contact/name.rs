//! Names of people: given and family name as one field.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::html::decode_html;
use super::invisible::{is_invisible, is_seen_alone};

/// A person's name; both parts trimmed, inner spaces collapsed, NFC, without characters that cannot be seen. A family name
/// alone is a name.
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
        self == other
            || self.length() == other.length() && self.to_string() == other.to_string()
            || (self.is_odd() || other.is_odd()) && self.tidy() == other.tidy()
    }

    /// The name without upper and lower case, and with one kind of apostrophe and hyphen.
    pub fn key(&self) -> String {
        fold(&self.tidy())
    }

    /// Whether it has what [`PersonName::new`] would have dropped: it is from before that was done.
    fn is_odd(&self) -> bool {
        [&self.given, &self.family].into_iter().any(|part| !part.is_ascii() && part.contains(is_invisible))
    }

    /// As it is shown, without what cannot be seen.
    fn tidy(&self) -> String {
        if self.is_odd() { Self::new(&self.given, &self.family).to_string() } else { self.to_string() }
    }

    /// Bytes of the name as it is shown.
    fn length(&self) -> usize {
        let gap = usize::from(!self.given.is_empty() && !self.family.is_empty());
        self.given.len() + gap + self.family.len()
    }

    /// Equal but for upper and lower case, and for what is no more than that: the kind of an apostrophe or hyphen, `ß` and
    /// `ss`, HTML escapes.
    pub fn same_but_case(&self, other: &Self) -> bool {
        self.is_empty() == other.is_empty() && self.key() == other.key()
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

/// Without upper and lower case, and with one kind of apostrophe and hyphen: text in which two names of one person may
/// differ without being told of. HTML escapes are the characters that they stand for.
fn fold(text: &str) -> String {
    if text.is_ascii() && !text.contains(['`', '&']) {
        return text.to_ascii_lowercase();
    }
    let mut folded = String::with_capacity(text.len());
    for c in decode_html(text).to_lowercase().chars() {
        match c {
            '’' | '‘' | '‛' | '`' | '´' | 'ʼ' | 'ʻ' | 'ʹ' | 'ˈ' | '′' | '＇' | '‵' => {
                folded.push('\'')
            }
            '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '﹘' | '﹣' | '－' => folded.push('-'),
            'ß' => folded.push_str("ss"),
            'ſ' => folded.push('s'),
            other => folded.push(other),
        }
    }
    folded
}

/// Trimmed, inner white space collapsed to single spaces, NFC, without invisible characters; nothing if none is left that
/// can be seen.
fn clean(text: &str) -> Cow<'_, str> {
    let blank = |c: char| c.is_whitespace() || c.is_control();
    let plain = |c: char| c == ' ' || !(blank(c) || is_invisible(c));
    let tidy = !text.starts_with(' ') && !text.ends_with(' ') && !text.contains("  ");
    let cleaned = if tidy && text.chars().all(plain) && is_nfc(text) {
        Cow::Borrowed(text)
    } else {
        let seen: String = text.chars().filter(|c| !is_invisible(*c)).collect();
        let words: Vec<&str> = seen.split(blank).filter(|word| !word.is_empty()).collect();
        Cow::Owned(words.join(" ").nfc().collect())
    };
    if cleaned.chars().any(is_seen_alone) { cleaned } else { Cow::Borrowed("") }
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
    fn kinds_of_apostrophes_and_hyphens_are_like_case() {
        let tom = |family: &str| PersonName::new("Tom", family);
        for (one, other) in [
            ("O'Keefe", "O’Keefe"),
            ("O'Keefe", "O‘KEEFE"),
            ("O'Keefe", "O´Keefe"),
            ("O'Keefe", "O`Keefe"),
            ("O'Keefe", "OʼKeefe"),
            ("O'Keefe", "O&#39;Keefe"),
            ("Diaz-Lopez", "Diaz‐Lopez"),
            ("Diaz-Lopez", "Diaz–Lopez"),
            ("Diaz-Lopez", "DIAZ\u{2011}LOPEZ"),
            ("Groß", "GROSS"),
            ("Groß", "Gross"),
            ("GROẞ", "gross"),
            ("Diaz & Lopez", "Diaz &amp; Lopez"),
        ] {
            let (one, other) = (tom(one), tom(other));
            assert!(one.same_but_case(&other) && other.same_but_case(&one), "{one} {other}");
            assert!(!one.same(&other), "{one} {other}");
            assert_eq!(one.key(), other.key());
        }
        for (one, other) in [
            ("Diaz-Lopez", "Diaz Lopez"),
            ("O'Keefe", "OKeefe"),
            ("Peña", "Pena"),
            ("Müller", "Mueller"),
            ("Gros", "Groß"),
        ] {
            assert!(!tom(one).same_but_case(&tom(other)), "{one} {other}");
        }
    }

    #[test]
    fn line_breaks_cannot_get_into_a_name() {
        assert_eq!(
            PersonName::new("Eve\r\nBcc: x@y.example", "Hale").to_string(),
            "Eve Bcc: x@y.example Hale"
        );
    }

    #[test]
    fn what_cannot_be_seen_is_no_part_of_a_name() {
        let plain = PersonName::new("Rosa", "Diaz");
        for (given, family) in [
            ("\u{200B}Rosa\u{FEFF}", "Diaz"),
            ("\u{202E}Rosa\u{202C}", "\u{2066}Diaz\u{2069}"),
            ("Ro\u{AD}sa", "Di\u{2060}az \u{E0041}"),
        ] {
            assert_eq!(PersonName::new(given, family), plain);
            // As an older store has it: the same, so that no message tells of a change.
            let kept = PersonName { given: given.into(), family: family.into() };
            assert!(kept.same(&plain) && plain.same(&kept) && kept.key() == plain.key());
            assert!(kept.same_but_case(&PersonName::new("ROSA", "diaz")));
        }
        for blank in ["\u{200B}", "\u{2060}\u{FEFF}", "\u{200D}", "\u{3164} \u{2800}", "\u{FE0F}"] {
            assert!(PersonName::new(blank, blank).is_empty(), "{blank:?}");
        }
        assert_eq!(PersonName::new("می\u{200C}نا", "👩\u{200D}🏫").to_string(), "می\u{200C}نا 👩\u{200D}🏫");
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
