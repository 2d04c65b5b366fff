//! The GSM 7-bit alphabet (3GPP TS 23.038): a text in it is half as long as any other text, and
//! costs half.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use crate::plural::counted;

/// Letters and signs of the alphabet besides ASCII.
const BEYOND_ASCII: &str = "£¥èéùìòÇØøÅåΔΦΓΛΩΠΨΣΘΞÆæßÉ¤¡ÄÖÑÜ§¿äöñüà€";

fn is_gsm(c: char) -> bool {
    (c.is_ascii() && c != '`' && (c == '\n' || !c.is_ascii_control())) || BEYOND_ASCII.contains(c)
}

/// The text in the alphabet; accents that the alphabet lacks are removed. If a letter cannot be
/// written in the alphabet, the text stays as it is: a long name in Chinese is better than none.
pub(super) fn gsm7(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    for c in text.nfc() {
        match c {
            c if is_gsm(c) => plain.push(c),
            '’' | '‘' | '`' | '´' => plain.push('\''),
            '“' | '”' | '«' | '»' => plain.push('"'),
            '–' | '—' | '‐' | '‑' => plain.push('-'),
            '…' => plain.push_str("..."),
            '\u{a0}' => plain.push(' '),
            other => match other.nfd().next() {
                Some(base) if base != other && is_gsm(base) => plain.push(base),
                Some(_) | None => return text.to_owned(),
            },
        }
    }
    plain
}

/// What a text takes on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Segments {
    /// Each is billed.
    pub parts: usize,
    pub characters: usize,
    /// `GSM-7`, or `UCS-2` if a letter of the text is not in that alphabet.
    pub alphabet: &'static str,
}

/// `1 segment, 154 characters in GSM-7`
impl fmt::Display for Segments {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = counted(self.parts as u64, "segment", "segments");
        let characters = counted(self.characters as u64, "character", "characters");
        write!(f, "{parts}, {characters} in {}", self.alphabet)
    }
}

/// The parts of a text. A sign of the alphabet's second table counts as two, and so does an emoji.
pub fn segments(text: &str) -> Segments {
    let room = |c: char| if "^{}\\[~]|€".contains(c) { 2 } else { 1 };
    let (characters, alone, part, alphabet) = match is_gsm7(text) {
        true => (text.chars().map(room).sum::<usize>(), 160, 153, "GSM-7"),
        false => (text.encode_utf16().count(), 70, 67, "UCS-2"),
    };
    let parts = if characters <= alone { 1 } else { characters.div_ceil(part) };
    Segments { parts, characters, alphabet }
}

pub(super) fn parts_of(text: &str) -> usize {
    segments(text).parts
}

pub(super) fn is_gsm7(text: &str) -> bool {
    text.chars().all(is_gsm)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_that_the_alphabet_lacks_are_removed() {
        assert_eq!(gsm7("Para Raúl: según, teléfono, ¿Ñandú?"), "Para Raul: segun, teléfono, ¿Ñandu?");
        assert_eq!(gsm7("school’s “records” – now…"), "school's \"records\" - now...");
    }

    #[test]
    fn long_texts_have_several_parts() {
        for (text, parts) in [
            ("a".repeat(160), 1),
            ("a".repeat(161), 2),
            ("[".repeat(80), 1),
            ("[".repeat(81), 2),
            ("芳".repeat(70), 1),
            ("芳".repeat(71), 2),
            ("a".repeat(460), 4),
        ] {
            assert_eq!(parts_of(&text), parts, "{text}");
        }
    }

    #[test]
    fn a_text_beyond_the_alphabet_stays_as_it_is() {
        assert_eq!(gsm7("For 芳: según"), "For 芳: según");
    }
}
