//! Phone numbers in place of phone numbers: a valid one becomes another valid one of the same
//! country, in the same writing, and an invalid one stays invalid with as many digits.
//!
//! Numbers are permuted, so that two different ones never become one. A number of the original is
//! not given to another person.

use std::collections::{HashMap, HashSet};

use super::words::{Length, Words};
use crate::contact::PhoneReader;

/// Words of a phone cell that are no one's name: what a number is, and how an extension is written.
const REMARKS: [&str; 30] = [
    "cell",
    "c",
    "dad",
    "e",
    "ext",
    "extension",
    "f",
    "fax",
    "father",
    "h",
    "home",
    "i",
    "l",
    "m",
    "main",
    "mobile",
    "mom",
    "mother",
    "o",
    "office",
    "or",
    "p",
    "phone",
    "poste",
    "tel",
    "w",
    "work",
    "x",
    "xt",
    "nr",
];

/// Digits at the end of a number that are permuted, beyond North America.
const LAST: usize = 7;

pub(super) struct Numbers {
    reader: PhoneReader,
    /// Of the original.
    taken: HashSet<String>,
    given: HashMap<String, String>,
    used: HashSet<String>,
}

impl Numbers {
    pub(super) fn new(reader: PhoneReader) -> Self {
        Self { reader, taken: HashSet::new(), given: HashMap::new(), used: HashSet::new() }
    }

    /// Takes a number of the original in.
    pub(super) fn take(&mut self, text: &str) {
        if let Some(phone) = self.reader.parse(text) {
            self.taken.insert(phone.e164().to_owned());
        }
    }

    pub(super) fn text(&mut self, text: &str, words: &mut Words) -> String {
        let Some(phone) = self.reader.parse(text) else { return self.invalid(text, words) };
        let new = self.number(phone.e164(), text, words);
        let written = written_in(text, phone.e164(), &new, words);
        let is_right = |text: &str| {
            self.reader.parse(text).is_some_and(|read| {
                read.e164() == new && read.extension().is_some() == phone.extension().is_some()
            })
        };
        match written.filter(|text| is_right(text)) {
            Some(text) => text,
            None if phone.extension().is_some() => {
                format!("{new} ext. {}", words.number(b"extension", text, 900) + 100)
            }
            None => new,
        }
    }

    /// Another number for a number (E.164).
    fn number(&mut self, old: &str, text: &str, words: &Words) -> String {
        if let Some(known) = self.given.get(old) {
            return known.clone();
        }
        let texted = self.reader.can_be_texted(old);
        // In North America area codes are as long as everywhere: the whole number is permuted.
        let last =
            if old.len() == 12 && old.starts_with("+1") { 10 } else { LAST.min(old.len().saturating_sub(5)) };
        let (head, tail) = old.split_at(old.len() - last);
        let mut tail = tail.to_owned();
        let mut steps = 0;
        let new = loop {
            tail = permuted(&tail, head, words);
            let new = format!("{head}{tail}");
            let parsed = self.reader.parse(&new);
            let is_valid = parsed.is_some_and(|phone| phone.e164() == new);
            let is_free = !self.taken.contains(&new) && !self.used.contains(&new);
            if is_valid && is_free && self.reader.can_be_texted(&new) == texted {
                break new;
            }
            steps += 1;
            if steps > 100_000 {
                // A country with a handful of numbers: the number is no one's any more, and invalid.
                break words.any(text, 10);
            }
        };
        self.used.insert(new.clone());
        self.given.insert(old.to_owned(), new.clone());
        new
    }

    /// A number that is none, as long and as wrong.
    fn invalid(&mut self, text: &str, words: &mut Words) -> String {
        let digits: Vec<char> = text.chars().filter_map(digit).collect();
        let all_alike = digits.windows(2).all(|pair| pair[0] == pair[1]);
        let plain: String = digits.iter().collect();
        for attempt in 0..1000 {
            let token = format!("{plain} {attempt}");
            let new: Vec<char> = match (digits.first(), all_alike) {
                (None | Some('0'), true) => digits.clone(),
                (_, true) => {
                    let one = char::from_digit(words.number(b"alike", &token, 9) as u32 + 1, 10);
                    digits.iter().map(|old| one.unwrap_or(*old)).collect()
                }
                (_, false) => digits_like(&digits, &token, words),
            };
            let written = replaced(text, &new, words);
            let is_other = new != digits || digits.is_empty() || all_alike && digits[0] == '0';
            if is_other && self.reader.parse(&written).is_none() {
                return written;
            }
        }
        words.text_of(text, Length::Same)
    }
}

fn digits_like(digits: &[char], token: &str, words: &Words) -> Vec<char> {
    let new = |(at, old): (usize, &char)| match old {
        // Zeros stay where they begin the number.
        '0' if digits[..at].iter().all(|digit| *digit == '0') => '0',
        _ => char::from_digit(words.number(b"digit", &format!("{token} {at}"), 10) as u32, 10).unwrap_or('5'),
    };
    digits.iter().enumerate().map(new).collect()
}

/// The last digits of a number, permuted: eight rounds of Feistel, as in NIST's FF1.
fn permuted(digits: &str, head: &str, words: &Words) -> String {
    let half = digits.len() / 2;
    let (mut a, mut b) = (digits[..half].to_owned(), digits[half..].to_owned());
    for round in 0..8 {
        let size = 10_u64.pow(u32::try_from(a.len()).unwrap_or(0));
        let more = words.number(b"permute", &format!("{head} {} {round} {b}", digits.len()), size);
        let sum = (a.parse::<u64>().unwrap_or(0) + more) % size.max(1);
        let width = a.len();
        a = std::mem::replace(&mut b, format!("{sum:0width$}"));
    }
    format!("{a}{b}")
}

fn digit(c: char) -> Option<char> {
    match c {
        '０'..='９' => char::from_digit(u32::from(c) - 0xFF10, 10),
        _ => c.is_ascii_digit().then_some(c),
    }
}

/// The new number in the writing of the old one; none if its digits are not there as they are.
fn written_in(text: &str, old: &str, new: &str, words: &mut Words) -> Option<String> {
    let digits: String = text.chars().filter_map(digit).collect();
    let (old, new) = (old.strip_prefix('+')?, new.strip_prefix('+')?);
    // With its country code, or without.
    let shown =
        (0..4).filter_map(|cut| old.get(cut..)).find_map(|part| Some((digits.find(part)?, part.len())));
    let (at, length) = shown?;
    let mut all: Vec<char> = digits.chars().collect();
    for (place, c) in all[at..at + length].iter_mut().zip(new[new.len().checked_sub(length)?..].chars()) {
        *place = c;
    }
    let rest: Vec<char> = all[at + length..].to_vec();
    let extension = digits_like(&rest, &format!("{} after", rest.iter().collect::<String>()), words);
    all.splice(at + length.., extension);
    Some(replaced(text, &all, words))
}

/// A text with other digits, and without words that are not usual in such a cell.
fn replaced(text: &str, digits: &[char], words: &mut Words) -> String {
    let mut new = digits.iter();
    let mut out = String::with_capacity(text.len());
    let mut word = String::new();
    let flush = |word: &mut String, out: &mut String, words: &mut Words| {
        if REMARKS.iter().any(|remark| remark.eq_ignore_ascii_case(word)) {
            out.push_str(word);
        } else if !word.is_empty() {
            let length = if word.chars().count() < 3 { Length::Same } else { Length::Safe };
            out.push_str(&words.text_of(word, length));
        }
        word.clear();
    };
    for c in text.chars() {
        if c.is_alphabetic() {
            word.push(c);
            continue;
        }
        flush(&mut word, &mut out, words);
        match (digit(c), c) {
            (Some(_), '０'..='９') => {
                let wide = |new: &char| char::from_u32(u32::from(*new) - 0x30 + 0xFF10);
                out.extend(new.next().and_then(wide));
            }
            (Some(_), _) => out.extend(new.next()),
            (None, _) => out.push(c),
        }
    }
    flush(&mut word, &mut out, words);
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contact::Region;

    #[test]
    fn a_number_stays_one_number_however_it_is_written() {
        let reader = PhoneReader::new(Region::US);
        let (mut words, mut numbers) = (Words::new([7; 32]), Numbers::new(reader));
        let mut of = |text: &str| numbers.text(text, &mut words);
        let new = reader.parse(&of("+17185554567")).unwrap().e164().to_owned();
        assert_ne!(new, "+17185554567");
        for text in [
            "(718) 555-4567",
            "1-718-555-4567",
            "718.555.4567 Work",
            "tel:+1-718-555-4567",
            "718-555-4567 x12",
        ] {
            assert_eq!(reader.parse(&of(text)).unwrap().e164(), new, "{text}: {}", of(text));
        }
        let other = of("+17185554568");
        assert_ne!(reader.parse(&other).unwrap().e164(), new);
    }

    #[test]
    fn an_invalid_number_stays_invalid() {
        let reader = PhoneReader::new(Region::US);
        let (mut words, mut numbers) = (Words::new([7; 32]), Numbers::new(reader));
        for text in
            ["(212) 555-012", "0000000000", "7.18235E+09", "555", "718-555-4567; 718-555-9999", "call me"]
        {
            let new = numbers.text(text, &mut words);
            assert_eq!(reader.parse(&new), None, "{text}: {new}");
            assert!(new != text || text == "0000000000", "{new}");
        }
    }

    #[test]
    fn digits_are_permuted() {
        let words = Words::new([7; 32]);
        let all: HashSet<String> =
            (0..1000).map(|number| permuted(&format!("{number:03}"), "+1", &words)).collect();
        assert_eq!(all.len(), 1000);
    }
}
