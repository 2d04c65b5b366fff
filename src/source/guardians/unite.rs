//! Which rows of the guardians file are about one person.
//!
//! Those of one `guardian_id`; and those of one name with the email or a number in common, or with the student in common
//! unless everything else speaks against it. Two ids are two people, whatever they have in common.

use std::collections::{BTreeMap, HashMap};

use super::details::mark;
use super::rows::Guardian;
use crate::findings::Findings;

/// Makes one person of the rows that are about one, in the order of their first rows.
pub(super) fn unite(mut rows: Vec<Guardian>, file: &str, findings: &mut Findings) -> Vec<Guardian> {
    let mut people = People::new(&rows);
    let mut with_id: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].id.is_some()).collect();
    // Whoever could be two of them is one of them, whatever the order of the rows.
    with_id.sort_by_key(|at| &rows[*at].id);
    let without_id: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].id.is_none()).collect();
    let mut by_id: HashMap<&str, usize> = HashMap::new();
    for at in with_id.iter().copied() {
        let first = *by_id.entry(rows[at].id.as_deref().unwrap_or_default()).or_insert(at);
        people.join(at, first);
    }
    let mut seen: HashMap<u64, Vec<usize>> = HashMap::new();
    for at in with_id.into_iter().chain(without_id) {
        let row = &rows[at];
        let name = row.name.key();
        for detail in row.emails.iter().chain(&row.numbers).filter(|_| !name.is_empty()) {
            let others = seen.entry(mark(&name, *detail)).or_default();
            // Whoever is not this person is somebody else with the same email: the next ones are to find them as well.
            if !others.iter().any(|other| people.join(at, *other)) {
                others.push(at);
            }
        }
    }
    drop(by_id);
    let mut of_student: BTreeMap<(String, &str), Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.name.is_empty()) {
        for student in &row.students {
            of_student.entry((row.name.key(), student)).or_default().push(at);
        }
    }
    for group in of_student.values() {
        for (nth, at) in group.iter().enumerate() {
            for other in &group[..nth] {
                if !people.speaks_against(*at, *other, &rows) {
                    people.join(*at, *other);
                }
            }
        }
    }
    let roots: Vec<usize> = (0..rows.len()).map(|at| people.root(at)).collect();
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut guardians: Vec<Guardian> = Vec::new();
    for (row, root) in rows.drain(..).zip(roots) {
        match place.get(&root) {
            None => {
                place.insert(root, guardians.len());
                guardians.push(row);
            }
            Some(&at) => add(&mut guardians[at], row, file, findings),
        }
    }
    guardians
}

/// Rows that are one person so far.
struct People {
    /// Of each row another one of the same person; followed to its end it is the person.
    first: Vec<usize>,
    /// All rows of a person, and the id, by the end of that.
    members: Vec<Vec<usize>>,
    ids: Vec<Option<String>>,
}

impl People {
    fn new(rows: &[Guardian]) -> Self {
        Self {
            first: (0..rows.len()).collect(),
            members: (0..rows.len()).map(|at| vec![at]).collect(),
            ids: rows.iter().map(|row| row.id.clone()).collect(),
        }
    }

    fn root(&self, mut at: usize) -> usize {
        while self.first[at] != at {
            at = self.first[at];
        }
        at
    }

    /// Makes one person of two; false if they are two by their ids.
    fn join(&mut self, a: usize, b: usize) -> bool {
        let (a, b) = (self.root(a), self.root(b));
        if a == b {
            return true;
        }
        if self.ids[a].is_some() && self.ids[b].is_some() && self.ids[a] != self.ids[b] {
            return false;
        }
        // The smaller one goes into the larger one, so that the way to the end stays short.
        let (large, small) = if self.members[a].len() >= self.members[b].len() { (a, b) } else { (b, a) };
        self.first[small] = large;
        let moved = std::mem::take(&mut self.members[small]);
        self.members[large].extend(moved);
        let id = self.ids[small].take();
        self.ids[large] = self.ids[large].take().or(id);
        true
    }

    /// Whether two of one name and one student are two all the same: father and son. They share no email and no number, and have
    /// different emails and either different numbers or different relationships.
    fn speaks_against(&self, a: usize, b: usize, rows: &[Guardian]) -> bool {
        let of = |at: usize| self.members[self.root(at)].iter().map(|member| &rows[*member]);
        let emails = |at: usize| -> Vec<u64> { of(at).flat_map(|row| row.emails.clone()).collect() };
        let numbers = |at: usize| -> Vec<u64> { of(at).flat_map(|row| row.numbers.clone()).collect() };
        let role = |at: usize| of(at).find(|row| row.relationship.is_some()).map(Guardian::role);
        let apart =
            |a: &[u64], b: &[u64]| !a.is_empty() && !b.is_empty() && !a.iter().any(|value| b.contains(value));
        let (own, others) = (numbers(a), numbers(b));
        let in_other_roles = matches!((role(a), role(b)), (Some(a), Some(b)) if a != b);
        let without_numbers = own.is_empty() || others.is_empty();
        apart(&emails(a), &emails(b)) && (apart(&own, &others) || without_numbers && in_other_roles)
    }
}

/// Adds another row of the same person: the first valid value of each field stands.
fn add(guardian: &mut Guardian, row: Guardian, file: &str, findings: &mut Findings) {
    for (at, column) in ["email", "mobile", "home_phone"].into_iter().enumerate() {
        if guardian.keys[at].is_some() && row.keys[at].is_some() && guardian.keys[at] != row.keys[at] {
            findings.warn("guardian-rows-differ", file, Some(row.line), Some(column), || {
                format!("another value than in line {}, which stands, for the same guardian", guardian.line)
            });
        }
    }
    let take = |own: &mut Option<String>, other: Option<String>, better: bool| {
        if better || own.as_ref().is_none_or(String::is_empty) {
            *own = other.or(own.take());
        }
    };
    if guardian.name.is_empty() {
        guardian.name = row.name;
        guardian.given_name = row.given_name;
        guardian.family_name = row.family_name;
    }
    let details = [&mut guardian.email, &mut guardian.mobile, &mut guardian.home_phone];
    for (at, (own, other)) in details.into_iter().zip([row.email, row.mobile, row.home_phone]).enumerate() {
        let better = guardian.keys[at].is_none() && row.keys[at].is_some();
        take(own, other, better);
        guardian.keys[at] = guardian.keys[at].or(row.keys[at]);
    }
    take(&mut guardian.id, row.id, false);
    take(&mut guardian.relationship, row.relationship, false);
    take(&mut guardian.language, row.language, false);
    guardian.emails.extend(row.emails);
    guardian.numbers.extend(row.numbers);
    for student in row.students {
        if !guardian.students.contains(&student) {
            guardian.students.push(student);
        }
    }
}
