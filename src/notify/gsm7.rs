//! The GSM 7-bit alphabet (3GPP TS 23.038): a text in it is half as long as any other text, and
//! costs half.

use unicode_normalization::UnicodeNormalization;

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

/// The number of parts of a text. A sign of the alphabet's second table counts as two.
pub(super) fn parts_of(text: &str) -> usize {
    let room = |c: char| if "^{}\\[~]|€".contains(c) { 2 } else { 1 };
    let (length, alone, part) = match text.chars().all(is_gsm) {
        true => (text.chars().map(room).sum::<usize>(), 160, 153),
        false => (text.encode_utf16().count(), 70, 67),
    };
    if length <= alone { 1 } else { length.div_ceil(part) }
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
