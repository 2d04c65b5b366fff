//! Which name was probably meant: only one that is a slip of the finger away.

/// The nearest of these names, if it is really near: another case, `-` for `_`, or a typing mistake for about every four
/// letters. Names that differ in their digits (`sch-3`, `sch-77`) are different things and never a slip.
pub fn nearest<'a>(typed: &str, names: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let plain = |text: &str| text.trim().to_lowercase().replace(['-', ' '], "_");
    let digits = |text: &str| text.chars().filter(char::is_ascii_digit).collect::<String>();
    let wanted = plain(typed);
    let allowed = (wanted.chars().count().div_ceil(4)).clamp(1, 3);
    names
        .into_iter()
        .filter(|name| digits(name) == digits(typed))
        .map(|name| (strsim::osa_distance(&plain(name), &wanted), name))
        // A short word with one other letter is another word: `sms` and `sis`.
        .filter(|(distance, name)| {
            *distance <= allowed
                && (*distance == 0 || is_long(name) && is_long(&wanted) || same_letters(name, &wanted))
        })
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Long enough for another letter to be a slip.
fn is_long(word: &str) -> bool {
    word.chars().count() > 3
}

/// Letters in another order: `rnu` and `run`.
fn same_letters(one: &str, other: &str) -> bool {
    let sorted = |word: &str| {
        let mut letters: Vec<char> = word.chars().collect();
        letters.sort_unstable();
        letters
    };
    sorted(one) == sorted(other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_slip_is_near() {
        for (typed, names, near) in [
            ("update_contact", &["update_contacts", "archive"][..], Some("update_contacts")),
            ("Update-Contacts", &["update_contacts"], Some("update_contacts")),
            ("studnet", &["student", "teacher"], Some("student")),
            ("emial", &["email", "phone"], Some("email")),
            ("pagesize", &["page_size"], Some("page_size")),
            ("sch-77", &["sch-3", "sch-7"], None),
            ("sch77", &["sch-77"], Some("sch-77")),
            ("path", &["auth", "type"], None),
            ("sms", &["sis"], None),
            ("rnu", &["runs", "run"], Some("run")),
            ("banana", &["manage"], None),
        ] {
            assert_eq!(nearest(typed, names.iter().copied()), near, "{typed}");
        }
    }
}
