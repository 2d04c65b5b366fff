//! Mistakes in the file: where they stand, and which name was meant.

use std::path::Path;

use crate::failure::{Failure, Kind};

/// Says a TOML error with line, column, key and the nearest right name.
pub(super) fn explain(error: &toml::de::Error, text: &str, file: &Path) -> Failure {
    let said = error.message().lines().collect::<Vec<_>>().join("; ");
    let mut message = said.clone();
    let mut cure = "correct the configuration; config.example.toml shows every key".to_owned();
    if let Some(rest) = said.strip_prefix("unknown field `")
        && let Some((key, expected)) = rest.split_once('`')
    {
        let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
        let nearest = known.iter().max_by(|a, b| closeness(a, key).total_cmp(&closeness(b, key)));
        message = format!("unknown key `{key}`");
        cure = if let Some(near) = nearest.filter(|near| closeness(near, key) > 0.7) {
            format!("did you mean `{near}`?")
        } else {
            format!("the keys here are: {}", known.join(", "))
        };
    } else if let Some((what, hint)) = said.split_once(HINT) {
        message = what.to_owned();
        cure = hint.to_owned();
    }
    let place = match error.span() {
        Some(span) => position(text, file, span.start),
        None => file.display().to_string(),
    };
    Failure::new(Kind::Usage, format!("the configuration is not valid: {message}")).at(place).cure(cure)
}

/// Sets a wrong value's cure apart from what is wrong with it, inside the one text that serde carries.
pub(super) const HINT: &str = " — hint: ";

fn closeness(a: &str, b: &str) -> f64 {
    strsim::jaro_winkler(a, b)
}

/// `FILE:LINE:COLUMN` of a byte.
fn position(text: &str, file: &Path, byte: usize) -> String {
    let before = &text[..byte.min(text.len())];
    let line = before.matches('\n').count() + 1;
    let column = before.chars().rev().take_while(|c| *c != '\n').count() + 1;
    format!("{}:{line}:{column}", file.display())
}

/// The place of a key in its section, or of the section, or of the file.
pub(super) fn place_in(text: &str, file: &Path, section: &str, key: &str) -> String {
    let (mut start, mut found, mut inside) = (0, None, false);
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let at = start + (line.len() - line.trim_start().len());
        if trimmed.starts_with('[') {
            inside =
                trimmed.split(']').next().is_some_and(|name| name.trim_start_matches('[').trim() == section);
            if inside {
                found = Some(at);
            }
        } else if inside && trimmed.split(['=', '.']).next().is_some_and(|name| name.trim() == key) {
            return position(text, file, at);
        }
        start += line.len();
    }
    found.map_or_else(|| file.display().to_string(), |at| position(text, file, at))
}

/// The place of a key's first line, for mistakes that show only when the whole file is known.
pub(super) fn place(text: &str, file: &Path, key: &str) -> String {
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        if line.trim_start().starts_with(key) {
            return position(text, file, start + (line.len() - line.trim_start().len()));
        }
        start += line.len();
    }
    file.display().to_string()
}
