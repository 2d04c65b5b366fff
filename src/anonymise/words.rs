//! Words in place of words: each run of letters and of digits becomes another one, the same one
//! everywhere, and all between them stays.
//!
//! So equal values stay equal, others stay different, a list keeps its separators, and an id with a
//! prefix keeps one. Kept besides: upper and lower case, leading zeros, letters of Latin scripts
//! beyond ASCII beside letters of ASCII (`José`, `JosÃ©`, `Jos?` stay what they are to each other),
//! and characters that cannot be seen.
//!
//! A word that has no letter of ASCII would stay as a whole, so its letters are replaced: `Đỗ`, and
//! `Àííà`, which is `Анна` in another code page. Text that is UTF-8 read as Latin-1 is replaced as the
//! text that it was: so it is in a file that is UTF-8 but for one byte.

use std::collections::{HashMap, HashSet};

use encoding_rs::WINDOWS_1252;
use sha2::{Digest, Sha256};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use crate::contact::{decode_html, is_invisible};

/// Letters of a new word at least: so many words of 26 letters are never met twice.
const LETTERS: usize = 10;
/// Digits of a new number at least.
const DIGITS: usize = 14;
/// Characters at least of a word of a script with thousands of them.
const IDEOGRAPHS: usize = 3;

/// By what everything is replaced.
pub(super) struct Words {
    key: [u8; 32],
    known: HashMap<(u8, String), String>,
    used: HashSet<String>,
}

/// What a character is to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Letter,
    Digit,
    /// A letter of another script than Latin, or of a word without a letter of ASCII.
    Foreign,
    /// It belongs to the run that it is in, and stays.
    Through,
    /// It stays, and ends a run.
    Other,
}

/// A character and how it is written: `&eacute;` is one.
#[derive(Debug, Clone, Copy)]
struct Unit<'t> {
    c: char,
    written: &'t str,
    class: Class,
}

/// Whether runs may become longer than they were.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Length {
    Safe,
    Same,
}

impl Words {
    pub(super) fn new(key: [u8; 32]) -> Self {
        Self { key, known: HashMap::new(), used: HashSet::new() }
    }

    /// A text with all its runs replaced.
    pub(super) fn text(&mut self, text: &str) -> String {
        self.text_of(text, Length::Safe)
    }

    pub(super) fn text_of(&mut self, text: &str, length: Length) -> String {
        if let Some(read) = read_as_latin(text) {
            let new = self.text_of(&read, length);
            return in_latin(&new, text);
        }
        let units = units(text);
        let mut out = String::with_capacity(text.len() + 16);
        let mut at = 0;
        while at < units.len() {
            if let Some(end) = guid(&units[at..], at.checked_sub(1).map(|before| units[before])) {
                self.guid(&units[at..at + end], &mut out);
                at += end;
                continue;
            }
            let end = at + run(&units[at..]);
            match units[at].class {
                _ if end == at => {
                    out.push_str(units[at].written);
                    at += 1;
                    continue;
                }
                _ if is_scheme(&units[at..]) => {
                    units[at..end].iter().for_each(|unit| out.push_str(unit.written));
                }
                _ if units[at..end].iter().any(|unit| unit.class == Class::Foreign) => {
                    self.foreign(&units[at..end], length, &mut out);
                }
                _ => self.latin(&units[at..end], length, &mut out),
            }
            at = end;
        }
        out
    }

    /// A run of ASCII letters and digits. `S1042` is two runs, so that a prefix is a prefix.
    fn latin(&mut self, units: &[Unit<'_>], length: Length, out: &mut String) {
        let seen: Vec<usize> = (0..units.len()).filter(|at| units[*at].class != Class::Through).collect();
        let border = |pair: &&[usize]| units[pair[0]].class != units[pair[1]].class;
        let mut borders = seen.windows(2).filter(border).map(|pair| pair[1]);
        match (borders.next(), borders.next()) {
            (Some(border), None) => {
                self.piece(&units[..border], length, out);
                self.piece(&units[border..], length, out);
            }
            _ => self.piece(units, length, out),
        }
    }

    fn piece(&mut self, units: &[Unit<'_>], length: Length, out: &mut String) {
        let numeric = units.iter().all(|unit| matches!(unit.class, Class::Digit | Class::Through));
        // Leading zeros stay: `00042` and `42` may be one id.
        let is_zero = |unit: &&Unit<'_>| unit.class == Class::Through || folded(unit.c) == '0';
        let zeros = if numeric { units.iter().take_while(is_zero).count() } else { 0 };
        units[..zeros].iter().for_each(|unit| out.push_str(unit.written));
        let units = &units[zeros..];
        let token: String =
            units.iter().filter(|unit| unit.class != Class::Through).map(|unit| folded(unit.c)).collect();
        if token.is_empty() {
            units.iter().for_each(|unit| out.push_str(unit.written));
            return;
        }
        let last = units.iter().rev().find(|unit| unit.class != Class::Through).map_or('a', |unit| unit.c);
        let least = match (length, numeric) {
            (Length::Same, _) => 0,
            (Length::Safe, true) => DIGITS,
            (Length::Safe, false) => LETTERS,
        };
        let word = self.word(&token, least);
        let mut new = word.chars();
        for unit in units {
            match unit.class {
                Class::Through => out.push_str(unit.written),
                _ => out.extend(new.next().map(|new| written_like(unit.c, new))),
            }
        }
        out.extend(new.map(|new| written_like(last, new)));
    }

    /// The word that stands for a token of small letters and digits: as long, or as long as `least`.
    fn word(&mut self, token: &str, least: usize) -> String {
        let key = (u8::from(least == 0), token.to_owned());
        if let Some(known) = self.known.get(&key) {
            return known.clone();
        }
        let mut attempt = 0;
        let word = loop {
            let mut bytes = Stream::new(&self.key, b"word", token, attempt);
            let last = token.chars().next_back().unwrap_or('a');
            let filling = std::iter::repeat_n(last, least.saturating_sub(token.chars().count()));
            let word: String =
                token.chars().chain(filling).enumerate().map(|(at, c)| bytes.like(c, at == 0)).collect();
            // As long as before, a word may be another one's: then that has no remedy.
            if least == 0 || self.used.insert(word.clone()) {
                break word;
            }
            attempt += 1;
        };
        self.known.insert(key, word.clone());
        word
    }

    /// A word for a token, whatever it is made of.
    pub(super) fn any(&self, token: &str, letters: usize) -> String {
        let mut bytes = Stream::new(&self.key, b"any", token, 0);
        (0..letters).map(|_| bytes.like('a', false)).collect()
    }

    /// A number below `size` for a token.
    pub(super) fn number(&self, purpose: &[u8], token: &str, size: u64) -> u64 {
        let mut bytes = Stream::new(&self.key, purpose, token, 0);
        let number = (0..8).fold(0, |number, _| number << 8 | u64::from(bytes.next()));
        number % size.max(1)
    }

    fn foreign(&mut self, units: &[Unit<'_>], length: Length, out: &mut String) {
        let whole: String =
            units.iter().filter(|unit| unit.class == Class::Foreign).map(|unit| unit.c).collect();
        let token = whole.to_lowercase();
        let mut bytes = Stream::new(&self.key, b"foreign", &token, 0);
        let (mut count, mut last) = (0, 'a');
        for unit in units {
            if unit.class == Class::Foreign {
                let new = foreign_like(unit.c, &mut bytes);
                match unit.written.starts_with('&') {
                    true => out.push_str(&format!("&#{};", u32::from(new))),
                    false => out.push(new),
                }
                (count, last) = (count + 1, unit.c);
            } else {
                out.push_str(unit.written);
            }
        }
        let least = if script_of(last).1 > 1000 { IDEOGRAPHS } else { LETTERS };
        for _ in count..if length == Length::Same { 0 } else { least } {
            out.push(foreign_like(last, &mut bytes));
        }
    }

    /// A GUID stays one.
    fn guid(&mut self, units: &[Unit<'_>], out: &mut String) {
        let token: String = units.iter().map(|unit| unit.c.to_ascii_lowercase()).collect();
        let mut bytes = Stream::new(&self.key, b"guid", &token, 0);
        let is_upper = units.iter().any(|unit| unit.c.is_ascii_uppercase());
        for unit in units {
            if unit.c == '-' {
                out.push('-');
                continue;
            }
            let new = char::from_digit(u32::from(bytes.next() % 16), 16).unwrap_or('0');
            out.push(if is_upper { new.to_ascii_uppercase() } else { new });
        }
    }
}

/// Bytes that only the key tells.
struct Stream<'k> {
    key: &'k [u8; 32],
    purpose: &'k [u8],
    token: &'k str,
    attempt: u32,
    block: u32,
    bytes: [u8; 32],
    at: usize,
}

impl<'k> Stream<'k> {
    fn new(key: &'k [u8; 32], purpose: &'k [u8], token: &'k str, attempt: u32) -> Self {
        Self { key, purpose, token, attempt, block: 0, bytes: [0; 32], at: 32 }
    }

    fn next(&mut self) -> u8 {
        if self.at == self.bytes.len() {
            let mut hash = Sha256::new();
            hash.update(self.key);
            hash.update([u8::try_from(self.purpose.len()).unwrap_or(u8::MAX)]);
            hash.update(self.purpose);
            hash.update(self.attempt.to_le_bytes());
            hash.update(self.block.to_le_bytes());
            hash.update(self.token.as_bytes());
            self.bytes = hash.finalize().into();
            self.block += 1;
            self.at = 0;
        }
        self.at += 1;
        self.bytes[self.at - 1]
    }

    /// A small letter for a letter, a digit for a digit.
    fn like(&mut self, c: char, first: bool) -> char {
        let byte = u16::from_le_bytes([self.next(), self.next()]);
        let (base, size) = match (c.is_ascii_digit(), first) {
            // A number does not get a leading zero.
            (true, true) => (b'1', 9),
            (true, false) => (b'0', 10),
            (false, _) => (b'a', 26),
        };
        char::from(base + u8::try_from(byte % size).unwrap_or(0))
    }
}

/// The characters of a text, HTML escapes as the characters that they stand for.
fn units(text: &str) -> Vec<Unit<'_>> {
    let mut units: Vec<Unit<'_>> = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = escape(rest).unwrap_or(c.len_utf8());
        let (written, after) = rest.split_at(end);
        rest = after;
        if end > c.len_utf8() {
            let mut meant = decode_html(written).chars().collect::<Vec<_>>().into_iter();
            let foreign = meant.next().filter(|c| meant.len() == 0 && class(*c) == Class::Foreign);
            let class = if foreign.is_some() { Class::Foreign } else { Class::Other };
            units.push(Unit { c: foreign.unwrap_or(c), written, class });
            continue;
        }
        if is_combining_mark(c) {
            // The letter before it, which an accent makes another one, stays.
            if let Some(before) = units.last_mut().filter(|before| before.class == Class::Letter) {
                before.class = Class::Other;
                units.push(Unit { c, written, class: Class::Other });
                continue;
            }
        }
        units.push(Unit { c, written, class: class(c) });
        // `Weiss` and `Weiß` are one name.
        if let [.., before, first, second] = &mut units[..]
            && before.class == Class::Letter
            && [first.c, second.c].iter().all(|c| c.eq_ignore_ascii_case(&'s'))
            && [first.class, second.class] == [Class::Letter; 2]
        {
            (first.class, second.class) = (Class::Other, Class::Other);
        }
    }
    units.chunk_by_mut(|a, b| is_of_word(a) && is_of_word(b)).for_each(without_ascii);
    units
}

fn is_of_word(unit: &Unit<'_>) -> bool {
    unit.class != Class::Other || is_beyond(unit)
}

/// Whether a unit is a Latin letter beyond ASCII, or what a wrong code page has made of one.
fn is_beyond(unit: &Unit<'_>) -> bool {
    unit.class == Class::Other
        && unit.written.len() == unit.c.len_utf8()
        && (('\u{80}'..='\u{FF}').contains(&unit.c) && !unit.c.is_whitespace() || unit.c.is_alphabetic())
}

/// Has all letters of a word replaced that would stay otherwise.
fn without_ascii(word: &mut [Unit<'_>]) {
    let is_letter = |unit: &&Unit<'_>| is_beyond(unit) && (unit.c.is_alphabetic() || unit.c.is_control());
    let has_others = word.iter().any(|unit| matches!(unit.class, Class::Letter | Class::Foreign));
    if has_others || word.iter().filter(is_letter).count() < 2 {
        return;
    }
    word.iter_mut().filter(|unit| is_beyond(unit)).for_each(|unit| unit.class = Class::Foreign);
}

/// The text that a text is if its characters are the bytes of UTF-8.
fn read_as_latin(text: &str) -> Option<String> {
    if text.is_ascii() {
        return None;
    }
    let byte = |c: char| match u8::try_from(c) {
        Ok(byte) => Some(byte),
        Err(_) => match WINDOWS_1252.encode(c.encode_utf8(&mut [0; 4])) {
            (bytes, _, false) => bytes.first().copied(),
            (_, _, true) => None,
        },
    };
    String::from_utf8(text.chars().map(byte).collect::<Option<_>>()?).ok()
}

/// A text as the characters that its bytes are in Latin-1, or in windows-1252 as `old` was.
fn in_latin(text: &str, old: &str) -> String {
    match old.chars().all(|c| u8::try_from(c).is_ok()) {
        true => text.bytes().map(char::from).collect(),
        false => WINDOWS_1252.decode_without_bom_handling(text.as_bytes()).0.into_owned(),
    }
}

/// The length of the HTML escape at the beginning of a text.
fn escape(text: &str) -> Option<usize> {
    if !text.starts_with('&') {
        return None;
    }
    let end = text.bytes().take(12).position(|byte| byte == b';')? + 1;
    (decode_html(&text[..end]) != text[..end]).then_some(end)
}

fn class(c: char) -> Class {
    match c {
        'a'..='z' | 'A'..='Z' => Class::Letter,
        '0'..='9' | '０'..='９' => Class::Digit,
        _ if is_invisible(c) || is_combining_mark(c) => Class::Through,
        // Latin letters beyond ASCII: where they are, and what a wrong code page has made of them,
        // is what findings are about.
        '\u{80}'..='\u{36F}' | '\u{1E00}'..='\u{1EFF}' => Class::Other,
        _ if c.is_alphabetic() => Class::Foreign,
        _ => Class::Other,
    }
}

/// How many units from the first one on are one run.
fn run(units: &[Unit<'_>]) -> usize {
    let Some(first) = units.iter().find(|unit| unit.class != Class::Through) else { return 0 };
    let own = |class: Class| match first.class {
        Class::Letter | Class::Digit => matches!(class, Class::Letter | Class::Digit | Class::Through),
        Class::Foreign => matches!(class, Class::Foreign | Class::Through),
        Class::Through | Class::Other => false,
    };
    units.iter().take_while(|unit| own(unit.class)).count()
}

/// Whether a GUID begins here, and its length.
fn guid(units: &[Unit<'_>], before: Option<Unit<'_>>) -> Option<usize> {
    const LENGTH: usize = 36;
    let is_alnum = |unit: &Unit<'_>| matches!(unit.class, Class::Letter | Class::Digit);
    if units.len() < LENGTH
        || before.as_ref().is_some_and(is_alnum)
        || units.get(LENGTH).is_some_and(is_alnum)
    {
        return None;
    }
    let fits = units[..LENGTH].iter().enumerate().all(|(at, unit)| match at {
        8 | 13 | 18 | 23 => unit.c == '-',
        _ => unit.c.is_ascii_hexdigit(),
    });
    (fits && units[..LENGTH].iter().any(|unit| !matches!(unit.c, '0' | '-'))).then_some(LENGTH)
}

/// Whether `https://` or `http://` begins here: a link to a user stays a link.
fn is_scheme(units: &[Unit<'_>]) -> bool {
    let begins = |scheme: &str| {
        units.len() > scheme.len()
            && scheme.chars().zip(units).all(|(c, unit)| unit.c.eq_ignore_ascii_case(&c))
    };
    begins("http://") || begins("https://")
}

fn folded(c: char) -> char {
    match c {
        '０'..='９' => char::from_u32(u32::from(c) - 0xFF10 + 0x30).unwrap_or('0'),
        _ => c.to_ascii_lowercase(),
    }
}

/// A new letter in the case of the old one, a new digit in its script.
fn written_like(old: char, new: char) -> char {
    match old {
        'A'..='Z' => new.to_ascii_uppercase(),
        '０'..='９' => char::from_u32(u32::from(new) - 0x30 + 0xFF10).unwrap_or(new),
        _ => new,
    }
}

/// The first letter of those like a letter, and how many there are.
fn script_of(c: char) -> (u32, u32) {
    match c {
        '\u{4E00}'..='\u{9FFF}' => (0x4E00, 0x9FFF - 0x4E00),
        '\u{AC00}'..='\u{D7A3}' => (0xAC00, 0xD7A3 - 0xAC00),
        // In a file of another code page these are bytes: each kind of them stays.
        '\u{80}'..='\u{9F}' => (0x80, 0x20),
        '\u{A0}'..='\u{BF}' => (0xA1, 0x1F),
        '\u{C0}'..='\u{DF}' => (0xC0, 0x20),
        '\u{E0}'..='\u{FF}' => (0xE0, 0x20),
        _ => (u32::from(c) & !0x7F, 0x80),
    }
}

/// A letter of the same script and case.
fn foreign_like(old: char, bytes: &mut Stream<'_>) -> char {
    let (first, size) = script_of(old);
    let number = u32::from(bytes.next()) << 8 | u32::from(bytes.next());
    let is_byte = ('\u{80}'..='\u{FF}').contains(&old);
    // All syllables of Korean are composed, and nearly all Latin letters beyond ASCII.
    let is_composed =
        matches!(old, '\u{100}'..='\u{24F}' | '\u{1E00}'..='\u{1EFF}' | '\u{AC00}'..='\u{D7A3}');
    let small = old.to_lowercase().next();
    let is_fit = |c: &char| match is_byte {
        true => {
            *c != old
                && (c.is_alphabetic() == old.is_alphabetic() || old < '\u{C0}')
                && *c != '\u{AD}'
                && *c != '\u{85}'
        }
        false => {
            c.is_alphabetic()
                && Some(*c) != small
                && !is_combining_mark(*c)
                && c.to_lowercase().eq([*c])
                && c.to_uppercase().count() == 1
                && (is_composed || [*c].into_iter().nfd().eq([*c]))
        }
    };
    let from = number % size;
    let candidates = (from..size).chain(0..from).filter_map(|at| char::from_u32(first + at));
    let new = candidates.into_iter().find(is_fit).unwrap_or(old);
    match old.is_uppercase() && !is_byte {
        true => new.to_uppercase().next().unwrap_or(new),
        false => new,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words() -> Words {
        Words::new([7; 32])
    }

    #[test]
    fn equal_runs_stay_equal_and_what_is_between_them_stays() {
        let mut words = words();
        let text = words.text("Smith-O'Brien, smith");
        let (first, rest) = text.split_once('-').unwrap();
        assert_eq!(rest.rsplit_once(", ").unwrap().1, first.to_lowercase());
        assert!(rest.contains('\''), "{text}");
        assert_ne!(words.text("Smyth").to_lowercase(), first.to_lowercase());
    }

    #[test]
    fn prefixes_zeros_and_cases_of_ids_stay() {
        let mut words = words();
        let number = words.text("1042");
        assert_eq!(words.text("0001042"), format!("000{number}"));
        assert!(words.text("LINC_1042").ends_with(&format!("_{number}")));
        assert_eq!(words.text("s1042").to_uppercase(), words.text("S1042"));
        assert_eq!(words.text("s-1\u{200B}042").replace('\u{200B}', ""), words.text("s-1042"));
        assert_eq!(words.text("0"), "0");
    }

    #[test]
    fn guids_stay_guids() {
        let mut words = words();
        let small = words.text("3f2a9c10-aaaa-4bcd-8e12-0123456789ab");
        assert_eq!(small.len(), 36);
        assert_eq!(words.text("3F2A9C10-AAAA-4BCD-8E12-0123456789AB"), small.to_uppercase());
        let zero = "00000000-0000-0000-0000-000000000000";
        assert_eq!(words.text(zero), zero);
    }

    #[test]
    fn letters_beyond_ascii_keep_their_relations() {
        let mut words = words();
        assert_eq!(words.text("Weiss"), words.text("Weiß").replace('ß', "ss"));
        let whole = words.text("François");
        assert_eq!(words.text("Fran?ois"), whole.replace('ç', "?"));
        assert_eq!(words.text("Fran&ccedil;ois"), whole.replace('ç', "&ccedil;"));
        let cyrillic = words.text("Анна");
        assert!(cyrillic != "Анна" && cyrillic.chars().all(|c| ('А'..='ӿ').contains(&c)), "{cyrillic}");
        assert_eq!(words.text("анна"), cyrillic.to_lowercase());
    }

    #[test]
    fn no_name_stays_because_of_its_script_or_encoding() {
        let mut words = words();
        for name in [
            "김민준",
            "王小芳",
            "Анна",
            "Δήμητρα",
            "פיליפ",
            "محمد",
            "प्रिया",
            "เพ็ญ",
            "ガブリエル",
            "አበበ",
            "ᎠᎡᎢ",
            "Đỗ",
            // In another code page.
            "Àííà",
            "\u{85}\u{A0}\u{88}\u{82}\u{80}",
        ] {
            let new = words.text(name);
            let kept = name.chars().zip(new.chars()).filter(|(old, new)| {
                (old.is_alphabetic() || old.is_control())
                    && !old.is_whitespace()
                    && !is_combining_mark(*old)
                    && old == new
            });
            assert_eq!(kept.collect::<Vec<_>>(), [], "{name}: {new}");
            let bytes: String = name.bytes().map(char::from).collect();
            assert_eq!(words.text(&bytes), new.bytes().map(char::from).collect::<String>(), "{name}");
            let cp1252 = WINDOWS_1252.decode(name.as_bytes()).0;
            assert_eq!(read_as_latin(&words.text(&cp1252)), Some(new), "{name}");
        }
        let new = words.text("Анна");
        let escaped = |text: &str| text.chars().map(|c| format!("&#{};", u32::from(c))).collect::<String>();
        assert!(words.text(&escaped("Анна")).starts_with(&escaped(&new[..8])), "{new}");
        assert_eq!(words.text("Zoë Née"), format!("{} {}", words.text("Zoë"), words.text("Née")));
        assert!(words.text("Zoë").contains('ë'));
    }
}
