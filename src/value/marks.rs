//! Marks by which a cell is made a text for a spreadsheet: `="00123"`, `'00123`, `'00123'`.

/// Whether a cell may have such a mark.
#[inline]
pub(super) fn may_be_marked(text: &str) -> bool {
    matches!(text.as_bytes().first(), Some(b'=' | b'\''))
}

/// The text of a cell without its marks, and whether there were any. An apostrophe alone is none,
/// and names have their own rule: `'t Hart` is one.
pub fn without_mark(text: &str) -> (&str, bool) {
    if let Some(bare) = without_formula(text) {
        return (bare, true);
    }
    match text.strip_prefix('\'') {
        Some(bare) if !bare.is_empty() => (bare.strip_suffix('\'').unwrap_or(bare).trim(), true),
        Some(_) | None => (text, false),
    }
}

/// What is in `="…"`.
pub(super) fn without_formula(text: &str) -> Option<&str> {
    Some(text.strip_prefix('=')?.trim_start().strip_prefix('"')?.strip_suffix('"')?.trim())
}

/// The parts of a name without the apostrophe that marks them as text, where other cells of the row
/// or both parts say that it is one.
pub(super) fn names_without_marks<'a>(
    given: Option<&'a str>,
    family: Option<&'a str>,
    row_is_marked: bool,
) -> ([Option<&'a str>; 2], bool) {
    let parts = [given, family];
    // `'Tom` and `'Reed`, but not `'t Hart` nor `'Ali`.
    let is_marked = |part: Option<&str>| {
        part.and_then(|part| part.strip_prefix('\'')).is_some_and(|bare| bare.starts_with(char::is_uppercase))
    };
    if row_is_marked || parts.into_iter().all(is_marked) {
        let bare = parts.map(|part| part.map(|part| part.strip_prefix('\'').unwrap_or(part).trim()));
        return (bare, bare != parts);
    }
    (parts, false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_are_taken_off() {
        for (text, bare) in [
            ("=\"00123\"", "00123"),
            ("= \"00123\"", "00123"),
            ("=\"\"", ""),
            ("'00123", "00123"),
            ("'00123'", "00123"),
            ("' 00123", "00123"),
        ] {
            assert_eq!(without_mark(text), (bare, true), "{text}");
        }
        for text in ["", "'", "=", "=1+1", "=\"1", "o'keefe@x.example", "\"x\""] {
            assert_eq!(without_mark(text), (text, false), "{text}");
        }
    }

    #[test]
    fn an_apostrophe_of_a_name_is_a_mark_only_if_the_row_says_so() {
        let names =
            |given, family, row| names_without_marks(Some(given), Some(family), row).0.map(Option::unwrap);
        assert_eq!(names("Tom", "'t Hart", false), ["Tom", "'t Hart"]);
        assert_eq!(names("'Tom", "'Reed", false), ["Tom", "Reed"]);
        assert_eq!(names("'Tom", "''t Hart", true), ["Tom", "'t Hart"]);
        assert_eq!(names("'Tom", "Reed", true), ["Tom", "Reed"]);
        assert_eq!(names("'Ali", "Reed", false), ["'Ali", "Reed"]);
    }
}
