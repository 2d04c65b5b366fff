//! Which rows of the guardians file are about one person.
//!
//! Those of one `guardian_id` and one name; and those of one name with the email or a number in
//! common, or with the student in common unless everything else speaks against it. Two ids are two
//! people, whatever they have in common. Two names under one id are two people as well, who are
//! told apart as if they had none: the id may be a household's.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use super::rows::{Broken, Guardian, mark};
use crate::findings::{At, Findings};

/// Makes one person of the rows that are about one, in the order of their first rows. Rows that
/// could be about several people are put among the broken ones.
pub(super) fn unite(
    mut rows: Vec<Guardian>,
    file: &str,
    broken: &mut Vec<Broken>,
    findings: &mut Findings,
) -> Vec<Guardian> {
    take_ids_apart(&mut rows, file, broken, findings);
    let mut people = People::new(&rows);
    let mut with_id: Vec<usize> = (0..rows.len()).filter(|at| rows[*at].id.is_some()).collect();
    // A row that could be of two people is given to one of them, whatever the order of the rows.
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
            // A row that is not of this person is of another person with the same email, whom later
            // rows have to find too.
            if !others.iter().any(|other| people.join(at, *other)) && others.len() < MOST_OF_STUDENT {
                others.push(at);
            }
        }
    }
    drop(by_id);
    let crowds = join_of_students(&mut people, &rows);
    let crowds: HashSet<usize> = crowds.into_iter().map(|at| people.root(at)).collect();
    let roots: Vec<usize> = (0..rows.len()).map(|at| people.root(at)).collect();
    let mut said: HashSet<(usize, Option<String>)> = HashSet::new();
    let mut place: HashMap<usize, usize> = HashMap::new();
    let mut guardians: Vec<Guardian> = Vec::new();
    for (row, root) in rows.drain(..).zip(roots) {
        if crowds.contains(&root) || people.is_crowd(root) {
            let student = row.students.into_iter().next().map(|(student, _)| student);
            if said.insert((root, student.clone())) {
                broken.push(crowded(row.line, student, row.shared_id.or(row.id)));
            }
            continue;
        }
        match place.get(&root) {
            None => {
                place.insert(root, guardians.len());
                guardians.push(row);
            }
            Some(&at) => add(&mut guardians[at], row, file, findings),
        }
    }
    for guardian in &mut guardians {
        if guardian.shared_id.is_some() {
            guardian.id = None;
        }
    }
    guardians
}

/// Joins the rows of one name and one student, and gives those of which there are too many.
fn join_of_students(people: &mut People, rows: &[Guardian]) -> HashSet<usize> {
    let mut of_student: BTreeMap<(String, &str), Vec<usize>> = BTreeMap::new();
    for (at, row) in rows.iter().enumerate().filter(|(_, row)| !row.name.is_empty()) {
        for (student, _) in &row.students {
            of_student.entry((row.name.key(), student)).or_default().push(at);
        }
    }
    let mut crowds: HashSet<usize> = HashSet::new();
    for group in of_student.values() {
        if group.len() > MOST_OF_STUDENT {
            crowds.extend(group);
            continue;
        }
        for (nth, at) in group.iter().enumerate() {
            for other in &group[..nth] {
                let is_open = people.root(*at) != people.root(*other)
                    && !people.is_crowd(*at)
                    && !people.is_crowd(*other);
                if is_open && !people.speaks_against(*at, *other, rows) {
                    people.join(*at, *other);
                }
            }
        }
    }
    crowds
}

/// So many rows can be about one guardian: a home or an agency is that for many children.
const MOST_ROWS: usize = 1_000;

/// So many rows can be about guardians of one name and one student, or of one name and one email.
const MOST_OF_STUDENT: usize = 100;

/// Stands for rows of which too many seem to be about one guardian. None of them is used, and every
/// account that they could be about counts as present.
fn crowded(line: u64, student: Option<String>, id: Option<String>) -> Broken {
    Broken {
        line,
        student,
        id,
        name: None,
        student_begins: None,
        code: "too-many-guardian-rows",
        what: "too many rows seem to be about this one guardian, so none of them is used",
    }
}

/// Sets a name in an id apart from the id.
const APART: char = '\u{1F}';

/// Gives people of several names who have one id an id each, as long as their rows are put
/// together.
fn take_ids_apart(rows: &mut Vec<Guardian>, file: &str, broken: &mut Vec<Broken>, findings: &mut Findings) {
    let mut names: HashMap<String, BTreeSet<String>> = HashMap::new();
    for row in rows.iter().filter(|row| !row.name.is_empty()) {
        if let Some(id) = &row.id {
            names.entry(id.clone()).or_default().insert(row.name.key());
        }
    }
    names.retain(|_, names| names.len() > 1);
    if names.is_empty() {
        return;
    }
    let mut said: BTreeSet<String> = BTreeSet::new();
    rows.retain_mut(|row| {
        let Some(id) = row.id.clone().filter(|id| names.contains_key(id)) else { return true };
        if said.insert(id.clone()) {
            findings.warn("guardian-id-shared", At::file(file).line(row.line).column("guardian_id"), || {
                format!(
                    "people with {} different names have this id, so they are told apart by name and student, as without an id",
                    names[&id].len()
                )
            });
        }
        if row.name.is_empty() {
            broken.push(Broken {
                line: row.line,
                student: row.students.first().map(|(student, _)| student.clone()),
                id: None,
                name: None,
                student_begins: None,
                code: "guardian-id-shared",
                what: "the row has no name, and several people have its id, so it is not used",
            });
            return false;
        }
        row.id = Some(format!("{id}{APART}{}", row.name.key()));
        row.shared_id = Some(id);
        true
    });
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

    /// Whether too many rows are about the person of a row.
    fn is_crowd(&self, at: usize) -> bool {
        self.members[self.root(at)].len() > MOST_ROWS
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

    /// Whether two of one name and one student are two all the same: father and son. They share no
    /// email and no number, and have different emails and either different numbers or different
    /// relationships.
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

/// Adds another row of the same person. Which of several values stands is settled when it is known
/// which account the person has; the order of the rows makes no difference.
fn add(guardian: &mut Guardian, row: Guardian, file: &str, findings: &mut Findings) {
    for (at, column) in ["email", "mobile", "home_phone"].into_iter().enumerate() {
        let differs =
            |own: &[(u64, String)], other: &(u64, String)| own.iter().all(|value| value.0 != other.0);
        let own = &mut guardian.values[at];
        for value in &row.values[at] {
            if !own.is_empty() && differs(own, value) {
                findings.warn("guardian-rows-differ", At::file(file).line(row.line).column(column), || {
                    format!(
                        "another value than in line {} for the same guardian; the one that the SIS had before is kept, otherwise \
                         the first by bytes",
                        guardian.line
                    )
                });
            }
            if !own.contains(value) {
                own.push(value.clone());
            }
        }
    }
    // The first by bytes of those that are filled.
    let take = |own: &mut Option<String>, other: Option<String>| {
        let filled = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.is_empty());
        if filled(&other) && (!filled(own) || other < *own) || own.is_none() {
            *own = other;
        }
    };
    take(&mut guardian.email, row.email);
    take(&mut guardian.mobile, row.mobile);
    take(&mut guardian.home_phone, row.home_phone);
    let own = (&guardian.given_name, &guardian.family_name);
    if guardian.name.is_empty() || !row.name.is_empty() && (&row.given_name, &row.family_name) < own {
        guardian.name = row.name;
        guardian.given_name = row.given_name;
        guardian.family_name = row.family_name;
    }
    take(&mut guardian.id, row.id);
    take(&mut guardian.shared_id, row.shared_id);
    take(&mut guardian.relationship, row.relationship);
    take(&mut guardian.language, row.language);
    guardian.emails.extend(row.emails);
    guardian.numbers.extend(row.numbers);
    for (student, class) in row.students {
        match guardian.students.iter_mut().find(|(own, _)| *own == student) {
            Some((_, own)) => *own = std::mem::take(own).with(class),
            None => guardian.students.push((student, class)),
        }
    }
}
