//! The cell `notes` taken apart again: its sentences, and in each the value of a person.
//!
//! A report is a file that another version may have written, and a value can hold what sets two notes apart. So a sentence
//! begins only where a known form begins; everything else belongs to the value before it, or is of no known form.

use std::sync::OnceLock;

use crate::contact::Field;

/// What the value of a note is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Value {
    /// The sentence is always the same.
    Nothing,
    Detail(Field),
    /// sourcedIds with commas between them, and how many more there are.
    Users,
    /// A sourcedId and in brackets why it may be the same person.
    Likeness,
    Role,
    /// A school, and the last day of its pause.
    Pause,
    Date,
    Limit,
    /// What a mail server or gateway answered.
    Answer,
    /// What an undo did: the number of the run, why not, a value as of the detail or a state, and what the next run does.
    Undone(Option<Field>),
    /// The same after the sourcedId of a student.
    UndoneLink,
}

/// How a note is written: `before`, the value, `after`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Form {
    pub(super) code: String,
    before: String,
    after: &'static str,
    pub(super) value: Value,
}

/// One note of a cell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sentence<'a> {
    pub(super) text: &'a str,
    /// None: no version that is known has written this.
    pub(super) form: Option<&'static Form>,
}

/// Between two notes.
pub(super) const SEPARATOR: &str = "; ";

impl<'a> Sentence<'a> {
    /// What comes before the value, the value, and what comes after it.
    pub(super) fn parts(&self) -> (&'a str, &'a str, &'a str) {
        let Some(form) = self.form else { return ("", self.text, "") };
        let (before, rest) = self.text.split_at(form.before.len());
        match rest.strip_suffix(form.after) {
            Some(value) => (before, value, &rest[value.len()..]),
            None => (before, rest, ""),
        }
    }
}

/// The notes of a cell.
pub(super) fn sentences(cell: &str) -> Vec<Sentence<'_>> {
    let mut found: Vec<(usize, Option<&'static Form>)> = Vec::new();
    let mut at = 0;
    for part in cell.split(SEPARATOR) {
        let form = form_of(part);
        let goes_on = found.last().is_some_and(|(_, before)| match before {
            Some(before) => form.is_none() && before.value != Value::Nothing,
            None => form.is_none(),
        });
        if !goes_on && !cell.is_empty() {
            found.push((at, form));
        }
        at += part.len() + SEPARATOR.len();
    }
    let ends = found.iter().skip(1).map(|(start, _)| start - SEPARATOR.len()).chain([cell.len()]);
    found
        .iter()
        .zip(ends)
        .map(|((start, form), end)| Sentence { text: &cell[*start..end], form: *form })
        .collect()
}

/// The form of which this is at least the beginning.
fn form_of(part: &str) -> Option<&'static Form> {
    let fits = |form: &&Form| match form.value {
        Value::Nothing => part == form.before,
        _ => part.starts_with(&form.before),
    };
    let found = forms().iter().filter(fits);
    // Of two that begin alike the one that ends alike too.
    found.max_by_key(|form| (part.ends_with(form.after), form.before.len(), form.after.len()))
}

/// All of them, in the words of `plan::note` and `run::undo`; tests hold every note against these.
fn forms() -> &'static [Form] {
    static FORMS: OnceLock<Vec<Form>> = OnceLock::new();
    FORMS.get_or_init(|| {
        let mut forms = Vec::new();
        let mut add = |code: String, before: String, after, value| {
            forms.push(Form { code, before, after, value });
        };
        for field in Field::ALL {
            let (code, noun, title) = (field.code(), field.noun(), field.title());
            let detail = Value::Detail(field);
            add(
                format!("active-{code}-differs"),
                format!("Active user has a new {noun} in the SIS import - "),
                "",
                detail,
            );
            add(format!("{code}-updated"), format!("{title} updated by the sync - was "), "", detail);
            add(format!("sis-{code}-blank"), format!("SIS import has no {noun} - kept "), "", detail);
            add(format!("sis-{code}-invalid"), format!("SIS import has an invalid {noun} - "), "", detail);
            add(
                format!("{code}-taken"),
                format!("{title} is already used by "),
                " - not updated",
                Value::Users,
            );
            add(format!("{code}-shared"), format!("{title} is shared with "), "", Value::Users);
            add("undeliverable".to_owned(), format!("{title} is undeliverable - "), "", Value::Answer);
            for (word, not) in [("", ""), ("not-", "not ")] {
                let before = format!("{title} {not}given back by the undo of run ");
                add(format!("{code}-{word}given-back"), before, "", Value::Undone(Some(field)));
            }
        }
        for (code, title) in [
            ("created", "Creation"),
            ("archived", "Archiving"),
            ("restored", "Return"),
            ("sourced-id", "New sourcedId"),
        ] {
            for (word, not) in [("", ""), ("not-", "not ")] {
                let before = format!("{title} {not}taken back by the undo of run ");
                add(format!("{code}-{word}taken-back"), before, "", Value::Undone(None));
            }
        }
        for (code, title) in [("link-added", "Link to "), ("link-removed", "End of the link to ")] {
            add(format!("{code}-taken-back"), title.to_owned(), "", Value::UndoneLink);
        }
        for (code, before, after, value) in OTHERS {
            add(code.to_owned(), before.to_owned(), after, value);
        }
        forms
    })
}

const OTHERS: [(&str, &str, &str, Value); 35] = [
    ("link-added", "Linked to ", "", Value::Users),
    ("link-removed", "No longer linked to ", "", Value::Users),
    ("last-contact-lost", "No reachable contact left - was ", "", Value::Users),
    (
        "guardian-unreachable",
        "Guardian has no email or phone number in the SIS import - not added",
        "",
        Value::Nothing,
    ),
    ("emergency-contact", "Emergency contact only - not added", "", Value::Nothing),
    ("contact-not-allowed", "May not be contacted - not added", "", Value::Nothing),
    ("suppressed", "Suppressed - not added", "", Value::Nothing),
    ("emergency-contact", "Emergency contact only now - archived", "", Value::Nothing),
    ("contact-not-allowed", "May not be contacted any more - archived", "", Value::Nothing),
    ("suppressed", "Suppressed - archived", "", Value::Nothing),
    (
        "contact-not-known",
        "Not known tonight whether the person may be contacted - not added",
        "",
        Value::Nothing,
    ),
    ("archived", "User is no longer in the SIS import - archived", "", Value::Nothing),
    ("missing", "Missing from the SIS import since ", "", Value::Date),
    ("missing", "Missing from the SIS import - not archived during the pause until ", "", Value::Date),
    ("school-paused", "School ", " - left alone", Value::Pause),
    ("restored", "User is back in the SIS import - restored", "", Value::Nothing),
    ("disabled", "User is disabled in the SIS import", "", Value::Nothing),
    ("role-not-synced", "Role ", " is not synced - left out", Value::Role),
    ("role-ended", "Role ", " has ended - left out", Value::Role),
    ("role-not-begun", "Role ", " has not begun - left out", Value::Role),
    ("school-not-synced", "No synced school - left out", "", Value::Nothing),
    ("pending-again", "User is pending again in the platform export", "", Value::Nothing),
    ("reused-id", "Another person now has this sourcedId - was ", "", Value::Detail(Field::Name)),
    ("held-by-limit", "Held by a limit - ", "", Value::Limit),
    ("rejected-no-sourced-id", "Record rejected - no sourcedId", "", Value::Nothing),
    ("rejected-duplicate", "Record rejected - several rows with this sourcedId differ", "", Value::Nothing),
    (
        "rejected-shifted-row",
        "Record rejected - more cells than headers, an unquoted comma shifted the row",
        "",
        Value::Nothing,
    ),
    ("rejected-quoting", "Record rejected - quotes inside a quoted cell are not doubled", "", Value::Nothing),
    (
        "rejected-role-row",
        "Record rejected - a row of roles.csv for this user cannot be read",
        "",
        Value::Nothing,
    ),
    ("rejected-no-name", "Record rejected - no name", "", Value::Nothing),
    ("rejected-no-role", "Record rejected - no role", "", Value::Nothing),
    ("possible-rekey", "Probably the same person as ", "", Value::Likeness),
    ("possible-rekey", "Possibly the same person as ", "", Value::Likeness),
    ("possible-rekey", "Probably back as ", "", Value::Likeness),
    ("rekeyed", "Has a new sourcedId - was ", "", Value::Users),
];

/// The codes of the notes of a cell, and its notes without the values; for the test that holds these forms against all notes.
#[cfg(test)]
pub(crate) fn codes_and_values(cell: &str) -> Vec<(String, String)> {
    let code = |form: Option<&Form>| form.map_or_else(String::new, |form| form.code.clone());
    sentences(cell).iter().map(|one| (code(one.form), one.parts().1.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_may_look_like_the_end_of_a_note() {
        for (cell, expected) in [
            ("", vec![]),
            ("User is disabled in the SIS import", vec![("disabled", "")]),
            (
                "Email updated by the sync - was a; b; User is disabled in the SIS import; Linked to 1, 2",
                vec![("email-updated", "a; b"), ("disabled", ""), ("link-added", "1, 2")],
            ),
            ("Role School of is not synced - left out", vec![("role-not-synced", "School of")]),
            ("Email is already used by 7 - not updated", vec![("email-taken", "7")]),
            ("Rosa; Diaz", vec![("", "Rosa; Diaz")]),
            ("User is disabled in the SIS import; Rosa", vec![("disabled", ""), ("", "Rosa")]),
        ] {
            let found = codes_and_values(cell);
            let found: Vec<(&str, &str)> = found.iter().map(|(a, b)| (a.as_str(), b.as_str())).collect();
            assert_eq!(found, expected, "{cell}");
        }
    }
}
