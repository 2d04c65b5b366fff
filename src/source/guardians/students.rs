//! The students that the guardians file names, found in the roster.

use std::collections::HashMap;

use super::rows::{Broken, Guardian};
use crate::roles;
use crate::roster::Record;
use crate::roster::ids::fold_hash;

/// By what the file calls them: their sourcedIds, once they were met.
pub(super) struct Students<'a> {
    met: HashMap<&'a str, Met>,
    /// The beginning of an id at the end of a file that may have been cut, and the sourcedIds that
    /// begin so.
    begun: Option<(&'a str, Vec<String>)>,
    /// The sourcedIds of students, by what the file calls them in another form: another case,
    /// invisible characters.
    alike: HashMap<u64, Vec<String>>,
}

#[derive(Default)]
struct Met {
    /// It is a sourcedId itself.
    is_id: bool,
    /// The sourcedIds of the users with this identifier.
    by_identifier: Vec<String>,
}

impl<'a> Students<'a> {
    pub(super) fn new(guardians: &'a [Guardian], broken: &'a [Broken]) -> Self {
        let names = guardians.iter().flat_map(|guardian| &guardian.students).map(|(name, _)| name);
        let names = names.chain(broken.iter().filter_map(|row| row.student.as_ref()));
        let begun = broken.iter().find_map(|row| row.student_begins.as_deref());
        let begun = begun.map(|begin| (begin, Vec::new()));
        let mut met: HashMap<&str, Met> = HashMap::new();
        let mut alike = HashMap::new();
        for name in names {
            // A cell with several ids in it may be a list.
            for text in std::iter::once(name.as_str()).chain(parts(name)) {
                met.insert(text, Met::default());
                alike.insert(fold_hash(text), Vec::new());
            }
        }
        Self { met, alike, begun }
    }

    /// Takes notice of a record of the roster, which may be of no student at all.
    pub(super) fn meet(&mut self, record: &Record<'_>) {
        // A record that was rejected, or that has a role of another vocabulary, may well be the
        // student: without it the guardian would lose a child.
        let is_student = || {
            let mut roles = record.roles.iter().map(|held| roles::canonical(held.role));
            record.defect.is_some() || roles.any(|role| role == "student" || !roles::is_known(&role))
        };
        if let Some((begin, begun)) = &mut self.begun {
            let begins = |id: &str| id.starts_with(*begin);
            if begins(record.sourced_id) || record.identifier.is_some_and(begins) {
                begun.push(record.sourced_id.to_owned());
            }
        }
        let folded = fold_hash(record.sourced_id);
        let is_named = self.met.contains_key(record.sourced_id)
            || self.alike.contains_key(&folded)
            || record.identifier.is_some_and(|identifier| self.met.contains_key(identifier));
        if !is_named || record.deleted || record.sourced_id.is_empty() || !is_student() {
            return;
        }
        if let Some(alike) = self.alike.get_mut(&folded)
            && !alike.iter().any(|other| other == record.sourced_id)
        {
            alike.push(record.sourced_id.to_owned());
        }
        if let Some(met) = self.met.get_mut(record.sourced_id) {
            met.is_id = true;
        }
        if let Some(met) = record.identifier.and_then(|identifier| self.met.get_mut(identifier))
            && !met.by_identifier.iter().any(|other| other == record.sourced_id)
        {
            met.by_identifier.push(record.sourced_id.to_owned());
        }
    }

    /// The students that are meant, if that is certain: one, or all of a list.
    pub(super) fn ids(&self, name: &'a str) -> Vec<&str> {
        let one = |text| match self.could_be(text).as_slice() {
            [id] => Some(*id),
            _ => None,
        };
        match one(name) {
            Some(id) => vec![id],
            None => parts(name).map(one).collect::<Option<Vec<_>>>().unwrap_or_default(),
        }
    }

    /// All users whose id begins so.
    pub(super) fn that_begin(&self, begin: &str) -> impl Iterator<Item = &str> {
        let begun = self.begun.iter().filter(move |(own, _)| *own == begin);
        begun.flat_map(|(_, students)| students).map(String::as_str)
    }

    pub(super) fn could_be(&self, name: &'a str) -> Vec<&str> {
        let alike = || self.alike.get(&fold_hash(name)).into_iter().flatten().map(String::as_str).collect();
        match self.met.get(name) {
            Some(met) if met.is_id => vec![name],
            Some(met) if !met.by_identifier.is_empty() => {
                met.by_identifier.iter().map(String::as_str).collect()
            }
            Some(_) => alike(),
            None => Vec::new(),
        }
    }
}

/// The parts of a cell that may be a list.
fn parts(cell: &str) -> impl Iterator<Item = &str> {
    let is_list = cell.contains([',', ';', '|', '/', ' ', '[']);
    let parts = cell.split([',', ';', '|', '/', ' ', '[', ']', '{', '}', '"', '\'']);
    parts.filter(move |part| is_list && !part.is_empty())
}
