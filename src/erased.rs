//! The people that were erased on request. Of each only a keyed hash of the sourcedId is left, by
//! which the person is recognised when the SIS sends the record again: the next night it does. Pure.

use std::borrow::Cow;
use std::collections::HashSet;

use sha2::{Digest, Sha256};

/// Between ids in a list, however it is written; a link has the id after its last slash.
const APART: [char; 8] = [',', ';', '|', '\n', '\r', '\t', '/', ' '];
/// Where a list is cut once it is known that it names an erased person.
const CLEARLY_APART: [char; 6] = [',', ';', '|', '\n', '\r', '\t'];
const MARKS: [char; 10] = ['[', ']', '{', '}', '(', ')', '"', '\'', ' ', '`'];

/// Keyed hashes of sourcedIds. The key is random and belongs to one store and its copies.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Erased {
    key: Vec<u8>,
    hashes: HashSet<[u8; 16]>,
}

impl std::fmt::Debug for Erased {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Erased({})", self.hashes.len())
    }
}

impl Erased {
    pub fn new(key: Vec<u8>, hashes: HashSet<[u8; 16]>) -> Self {
        Self { key, hashes }
    }

    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.hashes.len()
    }

    pub fn contains(&self, sourced_id: &str) -> bool {
        !self.hashes.is_empty() && self.hashes.contains(&self.hash(sourced_id))
    }

    /// The key has a fixed length and the result is cut, so that the plain construction is sound.
    pub fn hash(&self, sourced_id: &str) -> [u8; 16] {
        let mut digest = Sha256::new();
        digest.update(&self.key);
        digest.update(sourced_id.as_bytes());
        let mut half = [0; 16];
        half.copy_from_slice(&digest.finalize()[..16]);
        half
    }

    /// A list of sourcedIds without those of erased people. None if it names none of them.
    pub fn without(&self, list: &str) -> Option<String> {
        let is_erased = |part: &str| {
            let part = part.trim_matches(MARKS);
            !part.is_empty() && self.contains(part)
        };
        if self.is_empty() || !list.split(APART).any(is_erased) {
            return None;
        }
        let without = |apart: &[char]| {
            let rest = list.split(apart).map(str::trim).filter(|part| !part.is_empty() && !is_erased(part));
            rest.collect::<Vec<_>>().join(",")
        };
        let clearly = without(&CLEARLY_APART);
        let is_still_named = clearly.split(APART).any(is_erased);
        Some(if is_still_named { without(&APART) } else { clearly })
    }

    /// As [`Erased::without`], of lines that each begin with a sourcedId and a tab.
    pub fn lines_without<'a>(&self, lines: &'a str) -> Cow<'a, str> {
        let is_erased = |line: &&str| self.contains(line.split('\t').next().unwrap_or_default());
        if self.is_empty() || !lines.lines().any(|line| is_erased(&line)) {
            return Cow::Borrowed(lines);
        }
        Cow::Owned(lines.lines().filter(|line| !is_erased(line)).collect::<Vec<_>>().join("\n"))
    }
}

/// What stands in place of a sourcedId in a sentence that named an erased person.
const IN_PLACE: &str = "(erased)";

/// A text with another word in place of these sourcedIds, where each stands as a word of its own.
/// None if it names none of them.
pub fn masked(text: &str, sourced_ids: &[String]) -> Option<String> {
    let mut masked: Option<String> = None;
    for id in sourced_ids.iter().filter(|id| !id.is_empty()) {
        let text = masked.as_deref().unwrap_or(text);
        let is_part =
            |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '@' | '+');
        let ends = |(at, found): &(usize, &str)| {
            let (before, after) = (&text[..*at], &text[at + found.len()..]);
            let mut next = after.chars();
            let first = next.next();
            let goes_on = first.is_some_and(is_part)
                || first == Some('.') && next.next().is_some_and(char::is_alphanumeric);
            !goes_on && !before.chars().next_back().is_some_and(|last| is_part(last) || last == '.')
        };
        let places: Vec<usize> = text.match_indices(id.as_str()).filter(ends).map(|(at, _)| at).collect();
        if places.is_empty() {
            continue;
        }
        let (mut after, mut from) = (String::with_capacity(text.len()), 0);
        for at in places {
            after.push_str(&text[from..at]);
            after.push_str(IN_PLACE);
            from = at + id.len();
        }
        after.push_str(&text[from..]);
        masked = Some(after);
    }
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_lose_erased_people_however_they_are_written() {
        let mut erased = Erased::new(vec![7; 32], HashSet::new());
        erased.hashes.insert(erased.hash("g-1"));
        for (list, without) in [
            ("g-1", Some("")),
            ("g-0,g-1", Some("g-0")),
            ("g-1;g-2", Some("g-2")),
            ("[\"g-1\",\"g-2\"]", Some("\"g-2\"]")),
            ("g-1 g-2", Some("g-2")),
            ("g-1/g-2", Some("g-2")),
            ("https://x.example/users/g-1,g-2", Some("g-2")),
            ("g-10,g-2", None),
            ("", None),
        ] {
            let done = erased.without(list);
            let done = done.as_deref().map(|list| list.trim_start_matches("https:,x.example,users,"));
            assert_eq!(done, without, "{list}");
        }
        assert_eq!(erased.lines_without("g-1\tmother\ng-2\tfather"), "g-2\tfather");
        assert_eq!(erased.lines_without("g-2\tfather"), "g-2\tfather");
        assert_eq!(format!("{erased:?}"), "Erased(1)");
    }

    #[test]
    fn only_whole_words_are_masked() {
        let mask = |text: &str| masked(text, &["12".to_owned(), "g-1".to_owned()]);
        for (text, after) in [
            (
                "Email is shared with 12, g-1 and 2 more",
                Some("Email is shared with (erased), (erased) and 2 more"),
            ),
            ("line 12.", Some("line (erased).")),
            ("`12`", Some("`(erased)`")),
            ("+1212 x12 12.5 2.12 g-12 ag-1", None),
            ("", None),
        ] {
            assert_eq!(mask(text).as_deref(), after, "{text}");
        }
    }
}
