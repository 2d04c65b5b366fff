//! HTML escapes, which some exporters write into cells: `O&#39;Keefe`, `Diaz &amp; Lopez`, `Jos&eacute;`.

use std::borrow::Cow;

/// The text with its HTML escapes decoded, also where they were escaped once more (`&amp;#39;`). What is no escape stays.
pub fn decode_html(text: &str) -> Cow<'_, str> {
    match decode_once(text) {
        None => Cow::Borrowed(text),
        Some(once) => Cow::Owned(decode_once(&once).unwrap_or(once)),
    }
}

/// None if there is no escape in it.
fn decode_once(text: &str) -> Option<String> {
    let mut decoded = String::new();
    let (mut rest, mut found) = (text, false);
    while let Some(at) = rest.find('&') {
        decoded.push_str(&rest[..at]);
        rest = &rest[at..];
        match escape(rest) {
            Some((character, length)) => {
                decoded.push(character);
                rest = &rest[length..];
                found = true;
            }
            None => {
                decoded.push('&');
                rest = &rest[1..];
            }
        }
    }
    decoded.push_str(rest);
    found.then_some(decoded)
}

/// Longest escape with its ampersand and semicolon: `&#x10FFFF;`.
const LONGEST: usize = 10;

/// The character of the escape with which the text begins, and the length of the escape.
fn escape(text: &str) -> Option<(char, usize)> {
    let end = text.bytes().take(LONGEST).position(|byte| byte == b';')?;
    let name = text.get(1..end)?;
    let character = match name.strip_prefix('#') {
        Some(number) => {
            let code = match number.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16).ok()?,
                None => number.parse().ok()?,
            };
            char::from_u32(code).filter(|c| !c.is_control())?
        }
        None => named(name)?,
    };
    Some((character, end + 1))
}

/// The characters that names have. Case matters: `&Eacute;` is a capital.
fn named(name: &str) -> Option<char> {
    let first = match name {
        "amp" | "AMP" => '&',
        "apos" => '\'',
        "quot" | "QUOT" => '"',
        "lt" => '<',
        "gt" => '>',
        "nbsp" => '\u{A0}',
        "shy" => '\u{AD}',
        "ndash" => '–',
        "mdash" => '—',
        "hyphen" => '‐',
        "lsquo" => '‘',
        "rsquo" => '’',
        "sbquo" => '‚',
        "ldquo" => '“',
        "rdquo" => '”',
        "hellip" => '…',
        "commat" => '@',
        "period" => '.',
        "lpar" => '(',
        "rpar" => ')',
        "ordf" => 'ª',
        "ordm" => 'º',
        "acute" => '´',
        "grave" => '`',
        "middot" => '·',
        "szlig" => 'ß',
        "AElig" => 'Æ',
        "aelig" => 'æ',
        "OElig" => 'Œ',
        "oelig" => 'œ',
        "ETH" => 'Ð',
        "eth" => 'ð',
        "THORN" => 'Þ',
        "thorn" => 'þ',
        "Oslash" => 'Ø',
        "oslash" => 'ø',
        "Lstrok" => 'Ł',
        "lstrok" => 'ł',
        "Dstrok" => 'Đ',
        "dstrok" => 'đ',
        "inodot" | "imath" => 'ı',
        _ => return accented(name),
    };
    Some(first)
}

/// `eacute`, `Ntilde`: a letter and its accent.
fn accented(name: &str) -> Option<char> {
    use unicode_normalization::char::compose;
    let letter = name.chars().next().filter(char::is_ascii_alphabetic)?;
    let mark = match &name[1..] {
        "grave" => '\u{300}',
        "acute" => '\u{301}',
        "circ" => '\u{302}',
        "tilde" => '\u{303}',
        "macr" => '\u{304}',
        "breve" => '\u{306}',
        "dot" => '\u{307}',
        "uml" => '\u{308}',
        "ring" => '\u{30A}',
        "dblac" => '\u{30B}',
        "caron" => '\u{30C}',
        "cedil" => '\u{327}',
        "ogon" => '\u{328}',
        _ => return None,
    };
    compose(letter, mark)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded() {
        for (escaped, plain) in [
            ("O&#39;Keefe", "O'Keefe"),
            ("O&apos;Keefe", "O'Keefe"),
            ("O&#x27;Keefe", "O'Keefe"),
            ("O&amp;#39;Keefe", "O'Keefe"),
            ("Diaz &amp; Lopez", "Diaz & Lopez"),
            ("D&#x2f;O", "D/O"),
            ("Jos&#233;", "José"),
            ("Jos&eacute; Nu&ntilde;ez", "José Nuñez"),
            ("&Ouml;mer &Scaron;ar &Zcaron;", "Ömer Šar Ž"),
            ("Gro&szlig; &aring;se &ccedil;", "Groß åse ç"),
            ("&nbsp;", "\u{A0}"),
            ("&#8217;", "’"),
        ] {
            assert_eq!(decode_html(escaped), plain, "{escaped}");
        }
    }

    #[test]
    fn what_is_no_escape_stays() {
        for text in [
            "",
            "AT&T",
            "A & B; C",
            "a&b@x.example",
            "&;",
            "&#;",
            "&#0;",
            "&#x110000;",
            "&nope;",
            "&éacute;",
            "x&",
        ] {
            assert!(matches!(decode_html(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }
}
