//! The rows of a report by cause: for each code how many users have it, where they are, and some of them.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use super::columns::Column;
use super::query::Query;
use super::reader::{self, Cells, Reader};
use super::redact::Redactor;
use super::sentences::{Value, sentences};
use crate::failure::Result;

/// The users that have a note of one code and, where the note names one, with one role, school, limit or answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Group {
    pub code: String,
    /// What all the notes name: `nurse` of `role-not-synced`. Empty where each note has a person's own value.
    pub cause: String,
    pub users: u64,
    /// How many of them are at each school, most first; users of several schools count at each.
    pub schools: Vec<(String, u64)>,
    pub roles: Vec<(String, u64)>,
    /// What else is noted of the same users: codes, most first.
    pub also: Vec<(String, u64)>,
    /// The first of the users, by sourcedId.
    pub examples: Vec<String>,
}

/// So many users of a group are named.
const NAMED: usize = 3;

/// The groups of the rows that a query accepts: first what keeps records from being used and what needs a person, then
/// differences, then what the rules leave out, then what was done; the largest first.
///
/// # Errors
/// Those of a report that cannot be read.
pub fn groups(path: &Path, query: &Query) -> Result<Vec<Group>> {
    let file = reader::open(path)?;
    let mut reader = Reader::new(&file, path)?;
    query.check_columns(reader.layout(), path)?;
    // Without its codes a report would have no groups.
    reader.layout().demand(Column::Codes, path)?;
    let mut gathered: BTreeMap<(String, String), Gathered> = BTreeMap::new();
    while let Some(cells) = reader.next_row()? {
        query.look(&cells, |cells| add(cells, &mut gathered));
    }
    let mut groups: Vec<Group> = gathered.into_iter().map(|(key, of)| of.group(key)).collect();
    groups.sort_by(|a, b| {
        let place = |group: &Group| (rank(&group.code), std::cmp::Reverse(group.users));
        place(a).cmp(&place(b)).then_with(|| (&a.code, &a.cause).cmp(&(&b.code, &b.cause)))
    });
    if let Some(roles) = query.redact {
        mask(&mut groups, roles);
    }
    Ok(groups)
}

#[derive(Default)]
struct Gathered {
    users: u64,
    schools: HashMap<String, u64>,
    roles: HashMap<String, u64>,
    also: HashMap<String, u64>,
    examples: Vec<String>,
}

impl Gathered {
    fn group(self, (code, cause): (String, String)) -> Group {
        Group {
            code,
            cause,
            users: self.users,
            schools: most_first(self.schools),
            roles: most_first(self.roles),
            also: most_first(self.also),
            examples: self.examples,
        }
    }
}

fn most_first(counts: HashMap<String, u64>) -> Vec<(String, u64)> {
    let mut counts: Vec<(String, u64)> = counts.into_iter().collect();
    counts.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counts
}

fn add(cells: &Cells<'_>, gathered: &mut BTreeMap<(String, String), Gathered>) {
    let codes = cells.text(Column::Codes);
    let codes: Vec<&str> = codes.split(' ').filter(|code| !code.is_empty()).collect();
    if codes.is_empty() {
        return;
    }
    let (notes, schools, roles) =
        (cells.text(Column::Notes), cells.text(Column::Schools), cells.text(Column::Role));
    let notes = sentences(&notes);
    for (at, code) in codes.iter().enumerate() {
        if codes[..at].contains(code) {
            continue;
        }
        let cause =
            notes.iter().find(|one| one.form.is_some_and(|form| form.code == *code)).and_then(|one| {
                let value = one.parts().1;
                match one.form?.value {
                    Value::Role | Value::Limit | Value::Answer => Some(value),
                    Value::Pause => Some(value.rsplit_once(" is paused until ")?.0),
                    _ => None,
                }
            });
        let of = gathered.entry(((*code).to_owned(), cause.unwrap_or_default().to_owned())).or_default();
        of.users += 1;
        count(&mut of.schools, schools.split('|'));
        count(&mut of.roles, roles.split('|'));
        count(&mut of.also, codes.iter().copied().filter(|other| other != code));
        if of.examples.len() < NAMED {
            of.examples.push(cells.text(Column::SourcedId).into_owned());
        }
    }
}

fn count<'a>(counts: &mut HashMap<String, u64>, values: impl Iterator<Item = &'a str>) {
    for value in values.filter(|value| !value.is_empty()) {
        match counts.get_mut(value) {
            Some(count) => *count += 1,
            None => {
                counts.insert(value.to_owned(), 1);
            }
        }
    }
}

/// What is to be looked at first has the lowest.
fn rank(code: &str) -> u8 {
    match code {
        code if code.starts_with("rejected-") => 0,
        "school-not-synced" | "role-not-synced" | "possible-rekey" | "reused-id" | "held-by-limit"
        | "contact-not-known" => 1,
        code if code.ends_with("-invalid") || code.ends_with("-taken") => 2,
        "guardian-unreachable"
        | "undeliverable"
        | "last-contact-lost"
        | "not-notifiable"
        | "pending-again" => 2,
        code if code.ends_with("-differs") || code.ends_with("-blank") || code.ends_with("-shared") => 3,
        "no-contact" | "possible-duplicate" | "same-person" => 3,
        code if code.ends_with("-updated") || code.starts_with("link-") => 5,
        "restored" | "rekeyed" | "archived" | "tobedeleted" | "settled" => 5,
        code if code.ends_with("-opted-out") || code.ends_with("-opted-in") => 5,
        _ => 4,
    }
}

fn mask(groups: &mut [Group], roles: &[&str]) {
    let mut redactor = Redactor::new(roles);
    for group in groups {
        group.examples.iter_mut().for_each(|user| *user = redactor.user(user));
        group.schools.iter_mut().for_each(|(school, _)| *school = redactor.school(school));
        group.roles.iter_mut().for_each(|(role, _)| *role = redactor.role(role));
        group.cause = redactor.cause(&group.code, &group.cause);
    }
}
