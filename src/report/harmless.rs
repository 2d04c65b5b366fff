//! Text from other people's systems, shown to people.

/// The text with a `·` for every character that acts instead of being seen: controls, line and
/// paragraph separators, the marks that turn the direction of text, and invisible ones. Joiners
/// stay, whole scripts need them.
pub fn harmless(text: &str) -> String {
    text.chars().map(|character| if acts(character) { '·' } else { character }).collect()
}

/// Whether a character acts instead of being seen.
pub fn acts(character: char) -> bool {
    character.is_control()
        || crate::contact::is_invisible(character)
        || matches!(character, '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_cell_acts_on_the_terminal() {
        assert_eq!(harmless("a\u{1B}[31mb\r\n\tc\u{9B}d\u{7F}"), "a·[31mb···c·d·");
        assert_eq!(harmless("abc\u{202E}gpj\u{2066}\u{200B}"), "abc·gpj··");
        assert_eq!(harmless("می\u{200C}خواهم 👩\u{200D}🏫 é"), "می\u{200C}خواهم 👩\u{200D}🏫 é");
    }
}
