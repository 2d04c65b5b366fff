//! Letters of another code page in a file that is read as windows-1252.
//!
//! A file that is not UTF-8 does not say which code page it is in. Read in the wrong one `José`
//! becomes `Jos‚` (DOS), `JosŽ` (Mac) or, of Polish in ISO 8859-2, `Wiśniewski` becomes
//! `Wi¶niewski`: valid characters in places where names never have them. Which letter it was cannot
//! be known.

use std::borrow::Cow;

/// Parts of a name before a capital: `McÉlroy`, `DeÁvila`.
const BEFORE_CAPITALS: [&str; 9] = ["Mc", "Mac", "De", "Di", "Du", "La", "Le", "Fitz", "Van"];

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic()
        || matches!(c, 'À'..='ÿ' if c != '×' && c != '÷')
        || matches!(c, 'Œ' | 'œ' | 'Š' | 'š' | 'Ž' | 'ž' | 'Ÿ')
}

/// Whether a character of windows-1252 shows that the text is in another code page. `before` is
/// what is before it.
fn is_evidence(before: &str, c: char, after: Option<char>) -> bool {
    let last = before.chars().next_back();
    let letter = |c: Option<char>| c.is_some_and(is_letter);
    match c {
        // The bytes that windows-1252 does not have.
        '\u{80}'..='\u{9F}' => true,
        '†' | '‡' | '‰' | '¤' | '£' | '¢' | '¥' | '¦' | '¬' | '¯' | '±' | '³' | '¹' | '¶' | '¼' | '½'
        | '¾' | '¨' | '¸' | '§' => letter(last) || letter(after),
        // Quotes can be before a letter.
        '‚' | '„' | '‘' | '¡' | '¿' => letter(last),
        '©' | '®' | '™' => letter(after),
        'ƒ' | 'ˆ' | '‹' | '›' | '•' => letter(last) && letter(after),
        // `MŸller`, `PŽrez`: in names of capitals no small letter follows.
        'Š' | 'Œ' | 'Ž' | 'Ÿ' if letter(last) && after.is_some_and(char::is_lowercase) => true,
        'À'..='Þ' | 'Š' | 'Œ' | 'Ž' | 'Ÿ' if c != '×' => {
            let word = before.rsplit(|c: char| !is_letter(c)).next().unwrap_or_default();
            last.is_some_and(char::is_lowercase) && !BEFORE_CAPITALS.contains(&word)
        }
        _ => false,
    }
}

/// The text with the replacement character for every letter of another code page.
pub fn with_lost_letters(text: &str) -> Cow<'_, str> {
    let evidence = |(at, c): (usize, char)| {
        !c.is_ascii() && is_evidence(&text[..at], c, text[at + c.len_utf8()..].chars().next())
    };
    if text.is_ascii() || !text.char_indices().any(evidence) {
        return Cow::Borrowed(text);
    }
    text.char_indices().map(|(at, c)| if evidence((at, c)) { '\u{FFFD}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_letters_of_other_code_pages_are_lost() {
        for (read, marked) in [
            ("Jos‚", "Jos\u{FFFD}"),
            ("JosŽ", "Jos\u{FFFD}"),
            ("M\u{81}ller", "M\u{FFFD}ller"),
            ("MŸller", "M\u{FFFD}ller"),
            ("PŽrez", "P\u{FFFD}rez"),
            ("Wi¶niewski", "Wi\u{FFFD}niewski"),
            ("£ukasz", "\u{FFFD}ukasz"),
            ("Micha³", "Micha\u{FFFD}"),
            ("Gonz‡lez", "Gonz\u{FFFD}lez"),
            ("Mu¤oz", "Mu\u{FFFD}oz"),
            ("Garc¡a", "Garc\u{FFFD}a"),
        ] {
            assert_eq!(with_lost_letters(read), marked);
        }
    }

    #[test]
    fn windows_1252_is_ordinary() {
        for name in [
            "José Núñez",
            "MUÑOZ",
            "François Lefèvre",
            "Müller",
            "Groß",
            "JÄGER",
            "Šárka",
            "Žofie",
            "O’Brien",
            "‘t Hart",
            "Robert ‘Bob’ Lee",
            "Robert “Bob” Lee",
            "Smith–Jones",
            "Smith—Jones",
            "Mª Carmen",
            "Gal·la",
            "O´Brien",
            "McÉlroy",
            "DeÁvila",
            "Ærø",
            "Œuvrard",
            "Nuñez…",
            "Ÿ",
            "£ 5",
            "¿Quién?",
            "João Conceição",
            "ÂNGELA",
            "D’ÉLISE",
            "Anne-Élise",
        ] {
            assert_eq!(with_lost_letters(name), name);
        }
    }
}
