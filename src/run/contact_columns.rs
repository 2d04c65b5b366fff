//! The columns that say whom a school may contact: whether those of the rules are there, and which
//! values and columns no rule names.

use std::collections::{BTreeMap, BTreeSet};

use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::last_night::{FileSeen, LastNight};
use crate::owner::name_of;
use crate::plural::counted;
use crate::rights::rules::{LinkRules, Seen};
use crate::roster::Mode;
use crate::source::{ContactsSeen, Explained};

/// So many values of a column are shown, and no longer ones: others may be free text.
const SHOWN: usize = 8;
const LONGEST: usize = 30;

/// What was found of the columns.
#[derive(Default)]
pub(super) struct Compared {
    /// A column of a rule is blank in all rows, and was not on the last good night.
    pub(super) is_blank: bool,
    /// For the next night; none where not all records were looked at.
    pub(super) seen: Option<FileSeen>,
    /// The columns that are in no rule.
    pub(super) unused: BTreeSet<String>,
}

/// What the rules decided over the person that is to be explained. While a column of theirs is
/// blank, no class is known.
pub(super) fn known(mut explained: Vec<Explained>, is_blank: bool) -> Vec<Explained> {
    if is_blank {
        explained.iter_mut().for_each(|of| of.class = None);
    }
    explained
}

/// Compares the columns with the rules, and with the last good night.
///
/// # Errors
/// `InputUnusable` if a rule uses a column that is not there: it would let everybody through.
pub(super) fn compare(
    config: &Config,
    contacts: &ContactsSeen,
    mode: Mode,
    last: &LastNight,
    findings: &mut Findings,
) -> Result<Compared> {
    let mut compared = Compared::default();
    if let (Some(rules), Some(seen)) = (config.contacts.rules.as_deref(), &contacts.rules) {
        if seen.is_whole {
            refuse_missing(config, rules, seen)?;
        }
        let place = name_of(&config.contacts.file);
        say_unlisted(rules, seen, &place, findings);
        if seen.is_whole && mode == Mode::Bulk {
            for name in last.blank_contact_columns(seen) {
                compared.is_blank = true;
                findings.attention("contact-rule-blank", At::file(&place).column(name), || {
                    "a rule of [contacts] uses this column, and it is blank in all rows tonight although it was not on \
                     the last good night; known links keep their class, and new ones wait: have the SIS fill it again; if it is right that no cell has \
                     a value, run once without the rule"
                        .to_owned()
                });
            }
            let columns = seen.columns.iter().map(|(name, column)| (name.clone(), column.filled)).collect();
            compared.seen = Some(FileSeen { columns, ..FileSeen::default() });
        }
    }
    for column in &contacts.unused {
        let name = format!("{} {}", column.file, column.column);
        let is_new = compared.unused.insert(name.clone()) && !last.contact_columns.contains(&name);
        let has_values = !column.values.is_empty();
        if !is_new && !has_values {
            continue;
        }
        findings.warn("contact-column-unused", At::file(&column.file).column(column.column.as_str()), || {
            let values = match has_values {
                true => format!("its values are {}", values(&column.values)),
                false => "`rostersync check` shows its values".to_owned(),
            };
            format!(
                "the column looks as if it said whom the school may contact, and no rule of [contacts] uses it; {values}"
            )
        });
    }
    Ok(compared)
}

fn refuse_missing(config: &Config, rules: &LinkRules, seen: &Seen) -> Result<()> {
    let is_there = |name: &String| seen.columns.get(name).is_some_and(|column| column.is_there);
    let Some(at) = rules.columns().iter().position(|name| !is_there(name)) else { return Ok(()) };
    let name = &rules.columns()[at];
    Err(Failure::new(
        Kind::InputUnusable,
        format!(
            "a rule of [contacts] uses the column {name}, and no file of tonight has it: people that may not be contacted \
             would be added; nothing was applied"
        ),
    )
    .at(format!("{}:{}", config.contacts.file.display(), rules.line_of(at)))
    .cure(format!("have the SIS export the column {name}, under that name, or remove the rule")))
}

fn say_unlisted(rules: &LinkRules, seen: &Seen, place: &str, findings: &mut Findings) {
    for (at, name) in rules.columns().iter().enumerate() {
        let Some(column) = seen.columns.get(name).filter(|column| !column.unlisted.is_empty()) else {
            continue;
        };
        let line = u64::try_from(rules.line_of(at)).ok();
        findings.warn("contact-value-unlisted", At::file(place).line(line).column(name.as_str()), || {
            format!(
                "no rule of [contacts] names {}; where no other rule fits, the link is of the class `{}`",
                values(&column.unlisted),
                rules.otherwise.word()
            )
        });
    }
}

/// Values with their counts, the most frequent first. Long ones may be free text, and are counted
/// alone.
fn values(all: &BTreeMap<Box<str>, u64>) -> String {
    let is_shown = |value: &str| !value.is_empty() && value.chars().count() <= LONGEST;
    let mut shown: Vec<(&str, u64)> =
        all.iter().map(|(value, count)| (&**value, *count)).filter(|(value, _)| is_shown(value)).collect();
    shown.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(b.0)));
    shown.truncate(SHOWN);
    let others = (all.len() - shown.len()) as u64;
    let mut words: Vec<String> = shown.iter().map(|(value, count)| format!("`{value}` ({count})")).collect();
    if others > 0 {
        words.push(counted(others, "other value", "other values"));
    }
    match words.split_last() {
        Some((last, rest)) if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        _ => words.concat(),
    }
}
