//! The line of a mistake with a mark below it, and its place. No secret is shown: a line of a key that holds one ends at the `=`.

use std::ops::Range;
use std::path::Path;

pub(super) fn position(text: &str, file: &Path, byte: usize) -> String {
    let before = &text[..byte.min(text.len())];
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{}:{}:{column}", file.display(), line_number(text, byte))
}

pub(super) fn line_number(text: &str, byte: usize) -> usize {
    text[..byte.min(text.len())].matches('\n').count() + 1
}

pub(super) fn line_at(text: &str, byte: usize) -> (usize, &str) {
    let byte = byte.min(text.len());
    let start = text[..byte].rfind('\n').map_or(0, |end| end + 1);
    let end = text[byte..].find('\n').map_or(text.len(), |end| byte + end);
    (start, text[start..end].trim_end_matches('\r'))
}

/// The line with a mark below what is wrong, as compilers show it. Secrets in it are left out.
pub(super) fn excerpt(text: &str, span: &Range<usize>) -> String {
    const WIDTH: usize = 100;
    let (start, line) = line_at(text, span.start);
    let shown: Vec<char> =
        without_secret(text, start, line).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    if shown.iter().all(|c| c.is_whitespace()) {
        return String::new();
    }
    let column = line[..(span.start - start).min(line.len())].chars().count().min(shown.len());
    let end = span.end.min(start + line.len()).max(span.start);
    let marked = text.get(span.start.min(end)..end).map_or(1, |part| part.chars().count());
    let marked = marked.clamp(1, (shown.len() - column).max(1));
    // Of a long line the part around the mark.
    let from = if column > WIDTH - 20 { column - (WIDTH - 40) } else { 0 };
    let part: String = shown.iter().skip(from).take(WIDTH).collect();
    let marks = "^".repeat(marked.min(WIDTH.saturating_sub(column - from)).max(1));
    let number = line_number(text, span.start).to_string();
    let (gutter, gap) = (" ".repeat(number.len()), " ".repeat(column - from));
    format!("{gutter} |\n{number} | {}\n{gutter} | {gap}{marks}", part.trim_end())
}

/// Words in the names of keys that hold a secret.
const SECRET_WORDS: [&str; 6] = ["password", "token", "secret", "ping_url", "api_key", "apikey"];

pub(super) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    SECRET_WORDS.iter().any(|word| key.contains(word))
}

/// A line without the value of a key that holds a secret. A line without a key goes on with the one before it.
fn without_secret(text: &str, start: usize, line: &str) -> String {
    if !line.contains('=') && !line.trim_start().starts_with(['[', '#']) {
        let key = text[..start].lines().rev().find(|line| line.contains('='));
        if is_secret(line) || key.is_some_and(is_secret) {
            return "…".to_owned();
        }
    }
    let lower = line.to_ascii_lowercase();
    let first = SECRET_WORDS.iter().filter_map(|word| lower.find(word).map(|at| at + word.len())).min();
    let Some(first) = first else { return without_password(line) };
    match line[first..].find('=') {
        Some(at) => format!("{} …", &line[..=first + at]),
        None => format!("{}…", &line[..first]),
    }
}

pub(super) fn without_password(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        shown.push_str(before);
        let end = after.find(['/', '"', '\'', ' ', '?', '#']).unwrap_or(after.len());
        rest = match after[..end].rfind('@') {
            Some(at) => {
                shown.push('…');
                &after[at..]
            }
            None => after,
        };
    }
    shown + rest
}

/// Whether this key holds a secret itself. A key that says where the secret is does not.
pub(super) fn holds_secret(section: &str, key: &str, value: &str) -> bool {
    match (section, key) {
        (_, "password" | "token" | "client_secret") | ("monitor", "ping_url") => !value.is_empty(),
        // The gateway chooses the names of its own fields.
        ("notify.sms.fields", key) => {
            let is_one = is_secret(key) || key.to_ascii_lowercase().ends_with("key");
            is_one && !value.contains('{')
        }
        _ => false,
    }
}
