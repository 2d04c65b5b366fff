//! Text that was damaged on its way here: a letter was lost, or its bytes were read in the wrong code page.
//!
//! What the letter was cannot be known, so such a text is never applied. The rules are narrow: ordinary Portuguese, Polish,
//! Vietnamese or German names must never look damaged.

use encoding_rs::WINDOWS_1252;

/// Whether some letter of the text was lost or is another one than it was.
pub fn is_damaged(text: &str) -> bool {
    !text.is_ascii() && has_damage(text)
}

fn has_damage(text: &str) -> bool {
    let mut before = None;
    for (at, c) in text.char_indices() {
        let after = || text[at + c.len_utf8()..].chars().next();
        let beside_letter = |letter: Option<char>| letter.is_some_and(char::is_alphabetic);
        let damaged = match c {
            // The replacement character itself, and control characters that no text has: windows-1252 read as Latin-1.
            '\u{FFFD}' | '\u{80}'..='\u{9F}' => true,
            // A minus sign is a kind of hyphen.
            '\u{2212}' => false,
            // `Jos√©`, `Jos├⌐`: UTF-8 read as Mac Roman or as a code page of DOS.
            '\u{2200}'..='\u{23FF}' | '\u{2500}'..='\u{25FF}' => {
                beside_letter(before) || beside_letter(after())
            }
            // `JosĂ©`: UTF-8 read as windows-1250.
            'Ă' => {
                after().is_some_and(|next| ('\u{A1}'..='\u{BF}').contains(&next) && !next.is_alphabetic())
            }
            'Â'..='ô' => is_read_twice(&text[at..]) || is_cut_short(before, c, after()),
            _ => false,
        };
        if damaged {
            return true;
        }
        before = Some(c);
    }
    false
}

/// `Reed` and a no-break space read twice, of which trimming has taken the second half: an accented capital after a small
/// letter ends the word.
fn is_cut_short(before: Option<char>, c: char, after: Option<char>) -> bool {
    matches!(c, 'Â' | 'Ã') && before.is_some_and(char::is_lowercase) && after.is_none_or(char::is_whitespace)
}

/// Whether the text begins with a character of UTF-8 whose bytes were read as windows-1252: `Ã©`, `á»…`, `ï¿½`.
fn is_read_twice(text: &str) -> bool {
    let Some((first, length)) = read_again(text) else { return false };
    match first {
        // Greek, Cyrillic, Hebrew and Arabic: two letters at least, since one such pair can be an ordinary text (`Ø’`).
        '\u{370}'..='\u{6FF}' => {
            let next = text.char_indices().nth(length).map_or("", |(at, _)| &text[at..]);
            read_again(next).is_some_and(|(second, _)| ('\u{370}'..='\u{6FF}').contains(&second))
        }
        _ => true,
    }
}

/// The character that the beginning of the text stands for if it was read twice, and of how many characters it is made.
fn read_again(text: &str) -> Option<(char, usize)> {
    let mut chars = text.chars();
    let lead = byte_of(chars.next()?)?;
    let length = match lead {
        0xC2..=0xDF => 2,
        0xE0..=0xEF => 3,
        0xF0..=0xF4 => 4,
        _ => return None,
    };
    let mut bytes = [lead, 0, 0, 0];
    for byte in &mut bytes[1..length] {
        *byte = chars.next().and_then(byte_of).filter(|byte| (0x80..=0xBF).contains(byte))?;
    }
    let character = std::str::from_utf8(&bytes[..length]).ok()?.chars().next()?;
    // An apostrophe or a dash can follow an accented capital: `HÄ–LIISA`.
    let ordinary = |byte: &u8| matches!(byte, 0x91..=0x97 | 0xA0);
    let likely = match lead {
        0xC2 => character >= '\u{A0}',
        0xC3 => true,
        0xC4 | 0xC5 => !matches!(bytes[1], 0x92 | 0x96 | 0x97),
        0xC6 => matches!(character, 'Ơ' | 'ơ' | 'Ư' | 'ư'),
        0xC8 => matches!(character, 'Ș' | 'ș' | 'Ț' | 'ț'),
        0xCC => matches!(
            character,
            '\u{300}'..='\u{304}' | '\u{306}'..='\u{308}' | '\u{30A}'..='\u{30C}' | '\u{323}' | '\u{327}' | '\u{328}'
        ),
        0xCE..=0xD1 | 0xD7..=0xD9 => true,
        0xC7 | 0xC9..=0xCB | 0xCD | 0xD2..=0xD6 | 0xDA..=0xDF => false,
        _ => !bytes[1..length].iter().all(ordinary),
    };
    likely.then_some((character, length))
}

/// The byte that windows-1252 has for a character beyond ASCII.
fn byte_of(c: char) -> Option<u8> {
    match c {
        '\u{A0}'..='\u{FF}' => u8::try_from(c).ok(),
        '\u{100}'.. => match WINDOWS_1252.encode(c.encode_utf8(&mut [0; 4])) {
            (bytes, _, false) => bytes.first().copied(),
            (_, _, true) => None,
        },
        _ => None,
    }
}

/// Whether a question mark is where a letter seems to have been: `Fran?ois`, `Jos?`.
pub fn has_lost_letter(text: &str) -> bool {
    text.contains('?') && text.split('?').rev().skip(1).any(|part| part.ends_with(char::is_alphabetic))
}

/// Whether a text with question marks is another text whose letters beyond ASCII were lost: `Fran?ois` is `François`. A lost
/// letter can be several question marks, one for each of its bytes.
pub fn is_with_letters_lost(text: &str, whole: &str) -> bool {
    fn runs<'a>(text: &'a str, lost: impl Fn(char) -> bool + 'a) -> impl Iterator<Item = char> + 'a {
        let mut in_run = false;
        text.chars().filter_map(move |c| {
            let first = !in_run;
            in_run = lost(c);
            match (in_run, first) {
                (true, true) => Some('?'),
                (true, false) => None,
                (false, _) => Some(c),
            }
        })
    }
    text.contains('?') && !whole.is_ascii() && runs(text, |c| c == '?').eq(runs(whole, |c| !c.is_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The text as it looks when its UTF-8 is read as windows-1252.
    fn read_twice(text: &str) -> String {
        WINDOWS_1252.decode_without_bom_handling(text.as_bytes()).0.into_owned()
    }

    const NAMES: [&str; 40] = [
        "José Núñez",
        "JOSÉ NÚÑEZ",
        "García-Márquez",
        "Muñoz",
        "MUÑOZ",
        "François Lefèvre",
        "Zoë Brontë",
        "Anaïs",
        "Ömer Öztürk",
        "Łukasz Wiśniewski",
        "Zażółć Gęślą",
        "ŻANETA ŚLĄSKA",
        "Nguyễn Thị Ánh",
        "Trần Đức Lương",
        "Phạm Văn Ơn",
        "Đặng Thuỳ Trâm",
        "ĐẶNG",
        "Müller",
        "Groß",
        "JÄGER",
        "Jørgensen",
        "Åse Bjørnstad",
        "Håkon",
        "João Conceição",
        "JOÃO",
        "ÂNGELA",
        "Dvořák",
        "Čapek",
        "Őrsi Ágnes",
        "Ștefan Țepeș",
        "Ćosić",
        "Ğul Işık",
        "İbrahim",
        "Ólafur Þór",
        "Ælfred",
        "Μαρία Παπαδοπούλου",
        "Анна Петрова",
        "דוד",
        "محمد",
        "李小龍",
    ];

    #[test]
    fn ordinary_names_are_not_damaged() {
        for name in NAMES {
            assert!(!is_damaged(name), "{name}");
        }
        for name in [
            "O’Brien",
            "O‘Brien",
            "Smith–Jones",
            "D’Angelo",
            "Mª Carmen",
            "Gal·la",
            "O´Brien",
            "Robert “Bob” Lee",
            "JOSÉ–MARÍA",
            "PÄIVÄ–LIISA",
            "SØ’REN",
            "ANDRÉ’S",
            "IRMÃ",
            "ÉLISE",
            "McÉlroy",
            "Diaz−Lopez",
            "N° 5",
            "Nicolò’",
            "Ïdris",
            "Ñ’Goma",
            "é",
            "Â",
            "Ã",
        ] {
            assert!(!is_damaged(name), "{name}");
        }
    }

    #[test]
    fn names_read_twice_are_damaged_once_and_twice_over() {
        for name in NAMES.into_iter().filter(|name| !name.is_ascii()) {
            let once = read_twice(name);
            assert!(is_damaged(&once), "{name}: {once}");
            let again = read_twice(&once);
            assert!(is_damaged(&again), "{name}: {again}");
        }
        for text in
            ["Oâ€™Brien", "Smithâ€“Jones", "ReedÂ", "Reed\u{C2}\u{A0}Ann", "NicolÃ", "h\u{EF}\u{BF}\u{BD}r"]
        {
            assert!(is_damaged(text), "{text}");
        }
    }

    #[test]
    fn what_other_ways_of_damage_leave() {
        for text in [
            "Jos\u{FFFD}",
            "\u{FFFD}",
            "O\u{92}Brien",
            "Jos√©",
            "Nu√±ez",
            "Jos├⌐",
            "JosĂ©",
            "ï¿½",
            "HÃ¯Â¿Â½rhold",
        ] {
            assert!(is_damaged(text), "{text}");
        }
    }

    #[test]
    fn lost_letters() {
        for text in ["Fran?ois", "Jos?", "N??ez", "a?b?"] {
            assert!(has_lost_letter(text), "{text}");
        }
        for text in ["", "Ann", "?", "? Ann", "Ann ?", "?Ann"] {
            assert!(!has_lost_letter(text), "{text}");
        }
        assert!(is_with_letters_lost("Fran?ois", "François"));
        assert!(is_with_letters_lost("Fran??ois Lef??vre", "François Lefèvre"));
        assert!(is_with_letters_lost("N???ez", "Núñez"));
        assert!(!is_with_letters_lost("Fran?ois", "Francois"));
        assert!(!is_with_letters_lost("Fran?ois", "Françoise"));
        assert!(!is_with_letters_lost("François", "François"));
    }
}
