//! One change that a SIS has made to all sourcedIds. Pure.

use std::collections::HashMap;
use std::fmt;

/// Digits of the longest number that leading zeros are put before.
const WIDEST: usize = 20;
/// A longer id is made up at random, and has no prefix.
const LONGEST: usize = 64;
/// So many changes are tried on all ids, the most frequent ones of the sample.
const TRIED: usize = 6;
/// How many ids of each side are looked at first.
pub(super) const SAMPLE: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Pattern {
    PrefixOff(String),
    PrefixOn(String),
    SuffixOff(String),
    SuffixOn(String),
    NoZeros,
    /// The last number has so many digits.
    Digits(usize),
    Lower,
    Upper,
}

impl Pattern {
    /// The id that this makes of another; none if it does not fit, or changes nothing.
    pub(super) fn apply(&self, old: &str) -> Option<String> {
        let new = match self {
            Self::PrefixOff(prefix) => old.strip_prefix(prefix.as_str())?.to_owned(),
            Self::PrefixOn(prefix) => format!("{prefix}{old}"),
            Self::SuffixOff(suffix) => old.strip_suffix(suffix.as_str())?.to_owned(),
            Self::SuffixOn(suffix) => format!("{old}{suffix}"),
            Self::NoZeros => with_digits(old, 1)?,
            Self::Digits(width) => with_digits(old, *width)?,
            Self::Lower => old.to_lowercase(),
            Self::Upper => old.to_uppercase(),
        };
        (!new.is_empty() && new != old).then_some(new)
    }

    /// The changes, the most frequent first, that some ids of a sample of each side show. `is_new`
    /// and `is_old` tell whether an id is among all of that side.
    pub(super) fn seen(
        olds: &[String],
        news: &[String],
        is_new: impl Fn(&str) -> bool,
        is_old: impl Fn(&str) -> bool,
    ) -> Vec<Self> {
        let mut counts: HashMap<Self, usize> = HashMap::new();
        let mut add = |pattern| *counts.entry(pattern).or_default() += 1;
        for old in olds.iter().filter(|old| old.len() <= LONGEST) {
            for (left, right) in cuts(old) {
                if is_new(right) {
                    add(Self::PrefixOff(left.to_owned()));
                }
                if is_new(left) {
                    add(Self::SuffixOff(right.to_owned()));
                }
            }
            let widths = (2..=WIDEST).map(Self::Digits);
            for pattern in widths.chain([Self::NoZeros, Self::Lower, Self::Upper]) {
                if pattern.apply(old).is_some_and(|new| is_new(&new)) {
                    add(pattern);
                }
            }
        }
        for new in news.iter().filter(|new| new.len() <= LONGEST) {
            for (left, right) in cuts(new) {
                if is_old(right) {
                    add(Self::PrefixOn(left.to_owned()));
                }
                if is_old(left) {
                    add(Self::SuffixOn(right.to_owned()));
                }
            }
        }
        let mut found: Vec<(Self, usize)> = counts.into_iter().filter(|(_, count)| *count > 1).collect();
        found.sort_unstable_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
        found.truncate(TRIED);
        found.into_iter().map(|(pattern, _)| pattern).collect()
    }
}

/// After `for example S-1 → 1:`
impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PrefixOff(prefix) => write!(f, "without the prefix `{prefix}`"),
            Self::PrefixOn(prefix) => write!(f, "with the prefix `{prefix}`"),
            Self::SuffixOff(suffix) => write!(f, "without the suffix `{suffix}`"),
            Self::SuffixOn(suffix) => write!(f, "with the suffix `{suffix}`"),
            Self::NoZeros => f.write_str("without leading zeros"),
            Self::Digits(width) => write!(f, "with leading zeros, {width} digits"),
            Self::Lower => f.write_str("in lower case"),
            Self::Upper => f.write_str("in upper case"),
        }
    }
}

/// Every way to cut an id in two parts that are not empty.
fn cuts(id: &str) -> impl Iterator<Item = (&str, &str)> {
    id.char_indices().skip(1).map(|(at, _)| id.split_at(at))
}

/// The id with the last number in it written with at least so many digits, and no zero more.
fn with_digits(id: &str, width: usize) -> Option<String> {
    let end = id.rfind(|c: char| c.is_ascii_digit())? + 1;
    let start = id[..end].rfind(|c: char| !c.is_ascii_digit());
    let start = start.map_or(0, |at| at + id[at..].chars().next().map_or(1, char::len_utf8));
    let bare = id[start..end].trim_start_matches('0');
    let number = if bare.is_empty() { "0" } else { bare };
    Some(format!("{}{number:0>width$}{}", &id[..start], &id[end..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_change_makes_the_new_id_of_the_old_one() {
        for (pattern, old, new) in [
            (Pattern::PrefixOff("S-".into()), "S-17", Some("17")),
            (Pattern::PrefixOff("S-".into()), "T-17", None),
            (Pattern::PrefixOff("S-".into()), "S-", None),
            (Pattern::PrefixOn("é".into()), "17", Some("é17")),
            (Pattern::SuffixOff("@x".into()), "17@x", Some("17")),
            (Pattern::SuffixOn("@x".into()), "17", Some("17@x")),
            (Pattern::NoZeros, "0017", Some("17")),
            (Pattern::NoZeros, "stu-0017b", Some("stu-17b")),
            (Pattern::NoZeros, "000", Some("0")),
            (Pattern::NoZeros, "17", None),
            (Pattern::NoZeros, "stu", None),
            (Pattern::Digits(6), "17", Some("000017")),
            (Pattern::Digits(4), "é-17", Some("é-0017")),
            (Pattern::Digits(2), "317", None),
            (Pattern::Upper, "a17", Some("A17")),
            (Pattern::Lower, "a17", None),
        ] {
            assert_eq!(pattern.apply(old).as_deref(), new, "{pattern:?} of {old}");
        }
    }

    #[test]
    fn the_change_is_seen_in_a_sample() {
        let ids = |make: &dyn Fn(usize) -> String| (100..140).map(make).collect::<Vec<_>>();
        let plain = ids(&|n| n.to_string());
        for (made, on, off) in [
            (ids(&|n| format!("S-{n}")), Pattern::PrefixOn("S-".into()), Pattern::PrefixOff("S-".into())),
            (ids(&|n| format!("{n}@x")), Pattern::SuffixOn("@x".into()), Pattern::SuffixOff("@x".into())),
            (ids(&|n| format!("{n:08}")), Pattern::Digits(8), Pattern::NoZeros),
        ] {
            let seen = |olds: &[String], news: &[String]| {
                let is = |all: &[String], id: &str| all.iter().any(|one| one == id);
                Pattern::seen(olds, news, |id| is(news, id), |id| is(olds, id))
            };
            assert!(seen(&plain, &made).contains(&on), "{:?}", seen(&plain, &made));
            assert!(seen(&made, &plain).contains(&off), "{:?}", seen(&made, &plain));
            assert_eq!(seen(&plain, &plain), []);
        }
    }
}
