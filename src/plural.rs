//! Numbers and values in sentences: `1 row`, `2 rows`, `none`.

/// A number with its noun.
pub fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", agreed(count, one, many))
}

/// The word that agrees with a number: a noun, or the verb after it.
pub fn agreed<'a>(count: u64, one: &'a str, many: &'a str) -> &'a str {
    if count == 1 { one } else { many }
}

/// `a`, `a and b`, `a, b and c`
pub fn listed(all: &[impl AsRef<str>]) -> String {
    let (last, others) = match all {
        [] => return String::new(),
        [one] => return one.as_ref().to_owned(),
        [others @ .., last] => (last, others),
    };
    let others: Vec<&str> = others.iter().map(AsRef::as_ref).collect();
    format!("{} and {}", others.join(", "), last.as_ref())
}

/// A value, or `none` for an empty one.
pub fn or_none(value: &str) -> &str {
    if value.is_empty() { "none" } else { value }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_has_one_and() {
        let cases: [(&[&str], &str); 4] =
            [(&[], ""), (&["a"], "a"), (&["a", "b"], "a and b"), (&["a", "b", "c"], "a, b and c")];
        for (all, said) in cases {
            assert_eq!(listed(all), said);
        }
    }

    #[test]
    fn one_is_one_and_all_others_are_many() {
        for (count, said) in [(0, "0 rows"), (1, "1 row"), (2, "2 rows"), (21, "21 rows"), (101, "101 rows")]
        {
            assert_eq!(counted(count, "row", "rows"), said);
        }
        assert_eq!(agreed(1, "waits", "wait"), "waits");
    }
}
