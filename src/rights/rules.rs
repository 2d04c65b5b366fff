//! The rules of `[contacts]`: which class a link has, by the columns of its row and of the adult's
//! record. Pure.
//!
//! The first rule that fits decides, and each of its columns has to fit. Case and spaces make no
//! difference. A rule is tried only where the source has all of its columns; where no rule can be
//! tried, every link is a contact. What a value comes to is worked out once for each value.

use std::collections::{BTreeMap, HashMap};

use super::Class;

/// More rules are refused: each is a bit.
pub const MOST_RULES: usize = 64;

/// So many different values of a column are kept; the rest are counted.
const MOST_VALUES: usize = 100;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkRules {
    /// The class of a link that no rule names.
    pub otherwise: Class,
    rules: Vec<Rule>,
    /// The columns of all rules, as they are written there.
    columns: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Rule {
    /// Its line in the configuration.
    line: usize,
    class: Class,
    /// By column: the words, one of which has to fit.
    wants: Vec<(usize, Vec<Word>)>,
}

/// A word of a rule; `*` and `?` stand for any letters and for one.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    written: String,
    key: Vec<char>,
}

/// A rule as the configuration has it: its line, its columns with their words, and its class.
pub type Written = (usize, Vec<(String, Vec<String>)>, Class);

/// A value as it is compared: without case and spaces, and without invisible characters.
fn key(text: &str) -> Vec<char> {
    let is_seen = |c: &char| {
        !c.is_whitespace() && !matches!(c, '\u{ad}' | '\u{feff}' | '\u{200b}'..='\u{200f}' | '\u{2060}')
    };
    text.chars().filter(is_seen).flat_map(char::to_lowercase).collect()
}

/// Whether a column of a rule and a header are the same.
fn is_column(column: &str, header: &str) -> bool {
    column.trim().eq_ignore_ascii_case(header.trim())
}

impl Word {
    fn new(written: &str) -> Self {
        Self { written: written.to_owned(), key: key(written) }
    }

    fn fits(&self, value: &[char]) -> bool {
        // As in file names: a `*` goes on only as far as it must.
        let (mut at, mut of) = (0, 0);
        let mut star: Option<(usize, usize)> = None;
        while of < value.len() {
            match self.key.get(at) {
                Some('*') => {
                    star = Some((at, of));
                    at += 1;
                }
                Some(wanted) if *wanted == '?' || *wanted == value[of] => {
                    at += 1;
                    of += 1;
                }
                Some(_) | None => {
                    let Some((star_at, from)) = star else { return false };
                    star = Some((star_at, from + 1));
                    at = star_at + 1;
                    of = from + 1;
                }
            }
        }
        // `*` alone fits any value, and a blank is none.
        let is_blank = value.is_empty() && !self.key.is_empty();
        !is_blank && self.key[at..].iter().all(|wanted| *wanted == '*')
    }
}

impl LinkRules {
    pub fn new(otherwise: Class, written: Vec<Written>) -> Self {
        let mut columns: Vec<String> = Vec::new();
        let mut number = |name: String| {
            let known = columns.iter().position(|known| is_column(known, &name));
            known.unwrap_or_else(|| {
                columns.push(name.trim().to_owned());
                columns.len() - 1
            })
        };
        let rules = written
            .into_iter()
            .map(|(line, wants, class)| {
                let words = |words: Vec<String>| words.iter().map(|word| Word::new(word)).collect();
                let wants = wants.into_iter().map(|(column, own)| (number(column), words(own))).collect();
                Rule { line, class, wants }
            })
            .collect();
        Self { otherwise, rules, columns }
    }

    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The columns of each rule, with its words as they are written.
    pub fn words(&self) -> impl Iterator<Item = (&str, Vec<String>)> {
        let wants = self.rules.iter().flat_map(|rule| &rule.wants);
        wants.map(|(column, words)| {
            (self.columns[*column].as_str(), words.iter().map(|word| word.written.clone()).collect())
        })
    }

    pub fn uses(&self, header: &str) -> bool {
        self.columns.iter().any(|column| is_column(column, header))
    }

    /// The line of the first rule that uses a column.
    pub fn line_of(&self, column: usize) -> usize {
        let uses = |rule: &&Rule| rule.wants.iter().any(|(own, _)| *own == column);
        self.rules.iter().find(uses).map_or(0, |rule| rule.line)
    }

    /// The rules as text, for comparing: where they stand in the file makes no difference.
    pub fn text(&self) -> String {
        let mut text = format!("otherwise {}", self.otherwise.word());
        for rule in &self.rules {
            text.push_str("; ");
            for (column, words) in &rule.wants {
                let words: Vec<&str> = words.iter().map(|word| word.written.as_str()).collect();
                text.push_str(&format!("{} = {words:?}, ", self.columns[*column]));
            }
            text.push_str(rule.class.word());
        }
        text
    }

    /// The rules that can be tried in a source with these columns.
    pub fn with_columns(&self, has: impl Fn(&str) -> bool) -> Trial<'_> {
        let columns: Vec<Column> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, name)| Column {
                is_there: has(name),
                users: self.bits(|rule| rule.wants.iter().any(|(own, _)| *own == at)),
                ..Column::default()
            })
            .collect();
        let tried = self.bits(|rule| rule.wants.iter().all(|(own, _)| columns[*own].is_there));
        Trial { rules: self, tried, columns }
    }

    fn bits(&self, is_one: impl Fn(&Rule) -> bool) -> u64 {
        let rules = self.rules.iter().take(MOST_RULES).enumerate();
        rules.fold(0, |bits, (at, rule)| bits | u64::from(is_one(rule)) << at)
    }

    /// The rules of which a value of a column fits a word; and whether some word of a rule, or a
    /// pattern, names it.
    fn met(&self, column: usize, value: &[char]) -> u64 {
        let fits = |words: &[Word]| words.iter().any(|word| word.fits(value));
        self.bits(|rule| rule.wants.iter().any(|(own, words)| *own == column && fits(words)))
    }
}

#[derive(Debug, Default)]
struct Column {
    is_there: bool,
    /// The rules that use it.
    users: u64,
    /// By value: the rules that it fits, and whether it is a value at all.
    known: HashMap<Box<str>, Met>,
    /// In how many rows it has a value.
    filled: u64,
    unlisted: BTreeMap<Box<str>, u64>,
}

#[derive(Debug, Clone, Copy)]
struct Met {
    fits: u64,
    is_blank: bool,
}

/// What a link, or a person, comes to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decided {
    pub class: Class,
    /// The number of the rule, from 0; none if no rule fits.
    rule: Option<usize>,
}

/// The rules that can be tried in one source, and what was seen of their columns.
#[derive(Debug)]
pub struct Trial<'r> {
    rules: &'r LinkRules,
    tried: u64,
    columns: Vec<Column>,
}

impl<'r> Trial<'r> {
    /// Whether any rule can be tried. Otherwise every link is a contact.
    pub fn is_of_use(&self) -> bool {
        self.tried != 0
    }

    /// Whether the source has the column of this number, by the header or by the first record that
    /// has it.
    pub fn saw(&mut self, column: usize) {
        self.columns[column].is_there = true;
    }

    pub fn is_there(&self, column: usize) -> bool {
        self.columns[column].is_there
    }

    /// The class of a link. `cell` gives the value of the column of a number: none where it is not
    /// provided, which is as a blank. `is_no_value` says whether a text is a word for "no value";
    /// such a word is a blank unless a rule names it.
    pub fn decide<'c>(
        &mut self,
        cell: impl Fn(usize) -> Option<&'c str>,
        is_no_value: impl Fn(&str) -> bool,
    ) -> Decided {
        let mut left = self.tried;
        for (at, column) in self.columns.iter_mut().enumerate() {
            if self.tried & column.users == 0 {
                continue;
            }
            let text = cell(at).unwrap_or_default();
            let met = match column.known.get(text) {
                Some(met) => *met,
                None => {
                    let value = key(text);
                    let mut met = Met { fits: self.rules.met(at, &value), is_blank: value.is_empty() };
                    if met.fits == 0 && !met.is_blank && is_no_value(text) {
                        met = Met { fits: self.rules.met(at, &[]), is_blank: true };
                    }
                    if column.known.len() == MOST_VALUES * 10 {
                        column.known.clear();
                    }
                    column.known.insert(text.into(), met);
                    met
                }
            };
            if !met.is_blank {
                column.filled += 1;
                if met.fits == 0 {
                    let is_kept = column.unlisted.len() < MOST_VALUES || column.unlisted.contains_key(text);
                    *column.unlisted.entry(if is_kept { text.into() } else { "".into() }).or_default() += 1;
                }
            }
            left &= met.fits | !column.users;
        }
        match left.trailing_zeros() as usize {
            rule if rule < MOST_RULES => Decided { class: self.rules.rules[rule].class, rule: Some(rule) },
            _ if self.tried == 0 => Decided { class: Class::Contact, rule: None },
            _ => Decided { class: self.rules.otherwise, rule: None },
        }
    }

    /// Why a link has its class, in words for the person that wrote the rules.
    pub fn why<'c>(&self, decided: Decided, cell: impl Fn(usize) -> Option<&'c str>) -> String {
        let shown = |column: usize| {
            let value = cell(column).map(str::trim).filter(|value| !value.is_empty());
            let value = value.map_or_else(|| "blank".to_owned(), |value| format!("`{value}`"));
            format!("{} is {value}", self.rules.columns[column])
        };
        if self.tried == 0 {
            return "no rule can be tried: the source does not have their columns".to_owned();
        }
        match decided.rule.map(|rule| (rule, &self.rules.rules[rule])) {
            Some((number, rule)) => {
                let cells: Vec<String> = rule.wants.iter().map(|(column, _)| shown(*column)).collect();
                format!("rule {} in line {}: {}", number + 1, rule.line, cells.join(", "))
            }
            None => {
                let there = (0..self.columns.len()).filter(|at| self.columns[*at].is_there);
                let cells: Vec<String> = there.map(shown).collect();
                format!("no rule fits, and `otherwise` decides: {}", cells.join(", "))
            }
        }
    }

    pub fn seen(self) -> Seen {
        let columns = self.rules.columns.iter().zip(self.columns).map(|(name, column)| {
            let Column { is_there, filled, unlisted, .. } = column;
            (name.clone(), ColumnSeen { is_there, filled, unlisted })
        });
        Seen { columns: columns.collect(), is_whole: true }
    }
}

/// What was seen of one column.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ColumnSeen {
    pub is_there: bool,
    pub filled: u64,
    /// Values that no rule names, with their counts. Those beyond a hundred are under the empty
    /// text.
    pub unlisted: BTreeMap<Box<str>, u64>,
}

/// What was seen of the columns of all rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Seen {
    pub columns: BTreeMap<String, ColumnSeen>,
    /// All records were looked at, not only those that changed.
    pub is_whole: bool,
}

impl Seen {
    #[must_use]
    pub fn with(mut self, other: Self) -> Self {
        for (name, column) in other.columns {
            let own = self.columns.entry(name).or_default();
            own.is_there |= column.is_there;
            own.filled += column.filled;
            for (value, count) in column.unlisted {
                *own.unlisted.entry(value).or_default() += count;
            }
        }
        Self { columns: self.columns, is_whole: self.is_whole && other.is_whole }
    }
}
