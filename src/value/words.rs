//! Words that databases and spreadsheets write for "no value".

/// The words as findings show them. Case makes no difference, but in names.
const WORDS: [&str; 22] = [
    "NULL",
    "\\N",
    "None",
    "N/A",
    "#N/A",
    "#REF!",
    "#VALUE!",
    "#NAME?",
    "#NULL!",
    "#NUM!",
    "#DIV/0!",
    "undefined",
    "nan",
    "nil",
    "-",
    "--",
    "?",
    "(null)",
    "<null>",
    "[null]",
    "(none)",
    "n.a.",
];

/// No name, whatever is beside it.
const NEVER_A_NAME: [&str; 10] =
    ["\\N", "#N/A", "#REF!", "#VALUE!", "#NAME?", "#NULL!", "#NUM!", "#DIV/0!", "(null)", "<null>"];

/// Longest of the words.
const LONGEST: usize = 9;

/// By the first byte of a cell, in both cases: a bit for each length of the words that begin so.
const LENGTHS: [u16; 256] = {
    let mut lengths = [0; 256];
    let mut at = 0;
    while at < WORDS.len() {
        let word = WORDS[at].as_bytes();
        lengths[word[0].to_ascii_lowercase() as usize] |= 1 << word.len();
        lengths[word[0].to_ascii_uppercase() as usize] |= 1 << word.len();
        at += 1;
    }
    lengths
};

/// Whether a cell may be such a word. Costs next to nothing, and nearly every cell is not.
#[inline]
pub(super) fn may_be_word(text: &str) -> bool {
    let lengths = text.as_bytes().first().map_or(0, |byte| LENGTHS[usize::from(*byte)]);
    text.len() <= LONGEST && lengths & (1 << text.len()) != 0
}

/// The word for "no value" that the whole cell is.
pub fn null_word(text: &str) -> Option<&'static str> {
    if !may_be_word(text) {
        return None;
    }
    WORDS.into_iter().find(|word| word.eq_ignore_ascii_case(text))
}

/// Whether an id says that there is none: a word for "no value", `0` and other zeros, the GUID of
/// zeros.
pub fn is_no_id(text: &str) -> bool {
    let zeros = |byte: u8| matches!(byte, b'0' | b'-' | b'{' | b'}' | b'.');
    text.is_empty() || null_word(text).is_some() || text.contains('0') && text.bytes().all(zeros)
}

/// A word for "no value" in a part of a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NameWord {
    /// No name.
    Sure(&'static str),
    /// Some people have this name. It counts as a name unless something else speaks against it.
    Open(&'static str),
}

impl NameWord {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Sure(word) | Self::Open(word) => word,
        }
    }
}

/// The word for "no value" that a part of a name may be. `Null` is a name, `NULL` and `null` may be
/// one.
pub(super) fn name_word(text: &str) -> Option<NameWord> {
    if !may_be_word(text) {
        return None;
    }
    if let Some(word) = NEVER_A_NAME.into_iter().find(|word| word.eq_ignore_ascii_case(text)) {
        return Some(NameWord::Sure(word));
    }
    match text {
        "NULL" | "null" => Some(NameWord::Open("NULL")),
        "undefined" | "UNDEFINED" => Some(NameWord::Open("undefined")),
        "[null]" | "[NULL]" => Some(NameWord::Sure("[null]")),
        _ => None,
    }
}

/// In how many rows the open words are in each part of the name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WordCounts {
    rows: u64,
    /// `NULL` and `undefined`, as given and as family name.
    words: [[u64; 2]; 2],
}

const OPEN: [&str; 2] = ["NULL", "undefined"];

impl WordCounts {
    /// Takes in the name of one row.
    pub fn add(&mut self, given: Option<&str>, family: Option<&str>) {
        self.rows += 1;
        for (part, text) in [given, family].into_iter().enumerate() {
            if let Some(NameWord::Open(word)) = text.and_then(name_word)
                && let Some(at) = OPEN.iter().position(|open| *open == word)
            {
                self.words[part][at] += 1;
            }
        }
    }

    /// The words that fill a column, and in how many cells they are.
    pub(super) fn filling(&self, part: usize) -> impl Iterator<Item = (&'static str, u64)> {
        let cells = move |at: usize| self.words[part][at];
        (0..OPEN.len()).filter(move |at| self.fills(part, OPEN[*at])).map(move |at| (OPEN[at], cells(at)))
    }

    /// The parts of a name without a word that fills its column.
    pub fn settle<'a>(&self, given: Option<&'a str>, family: Option<&'a str>) -> [Option<&'a str>; 2] {
        // Hardly any roster has such a word.
        if self.words == [[0; 2]; 2] {
            return [given, family];
        }
        let is_name = |part: usize, text: &&str| match name_word(text) {
            Some(NameWord::Open(word)) => !self.fills(part, word),
            Some(NameWord::Sure(_)) | None => true,
        };
        [given.filter(|text| is_name(0, text)), family.filter(|text| is_name(1, text))]
    }

    /// Whether a word fills more than 5% of the column, so that it is no name.
    pub(super) fn fills(&self, part: usize, word: &str) -> bool {
        OPEN.iter().position(|open| *open == word).is_some_and(|at| self.words[part][at] * 20 > self.rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_cells_only() {
        for word in WORDS {
            assert_eq!(null_word(word), Some(word));
            assert_eq!(null_word(&word.to_lowercase()), Some(word));
            assert!(word.len() <= LONGEST, "{word}");
        }
        for text in ["", "NULLY", "none@x.example", "Nancy", "NA", "0", "N", "Nullmann", "undefined1", "- "] {
            assert_eq!(null_word(text), None, "{text}");
        }
    }

    #[test]
    fn ids_that_are_none() {
        for id in ["", "NULL", "\\N", "0", "000", "0.0", "00000000-0000-0000-0000-000000000000", "-", "#N/A"]
        {
            assert!(is_no_id(id), "{id}");
        }
        for id in ["1", "100", "g-0", "00000000-0000-0000-0000-000000000001", "Null-7"] {
            assert!(!is_no_id(id), "{id}");
        }
    }

    #[test]
    fn names_that_look_like_words() {
        for name in ["Nan", "Na", "Null", "None", "N/A", "-", "Nil", "Undefined", "nan"] {
            assert_eq!(name_word(name), None, "{name}");
        }
        assert_eq!(name_word("NULL"), Some(NameWord::Open("NULL")));
        assert_eq!(name_word("undefined"), Some(NameWord::Open("undefined")));
        assert_eq!(name_word("#n/a"), Some(NameWord::Sure("#N/A")));
        let mut counts = WordCounts::default();
        counts.add(Some("Jennifer"), Some("NULL"));
        for _ in 0..18 {
            counts.add(Some("Ann"), Some("Hall"));
        }
        assert!(counts.fills(1, "NULL") && !counts.fills(0, "NULL"), "one of 19");
        counts.add(Some("Ann"), Some("Hall"));
        assert!(!counts.fills(1, "NULL"), "one of 20 is 5% and no more");
    }
}
