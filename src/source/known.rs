//! Guardians whom the store knows, by their students and their name: for sources that give them no lasting id.

use std::collections::{HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use crate::contact::PersonName;
use crate::roster::IdList;

/// A guardian's account as the store has it.
#[derive(Debug, Clone, Copy)]
pub struct KnownGuardian<'a> {
    pub sourced_id: &'a str,
    pub archived: bool,
    /// As the roster last gave it.
    pub given_name: &'a str,
    pub family_name: &'a str,
    pub students: IdList<'a>,
}

/// All of them.
#[derive(Debug, Default)]
pub struct KnownFamily {
    ids: HashSet<u64>,
    /// By student and name: the account, and whether it is archived. None: there are several.
    by_student: HashMap<u64, Option<(Box<str>, bool)>>,
}

/// By what a guardian is recognised without an id: one of the students and the name, however it is written.
pub(super) fn kinship(student: &str, name: &PersonName) -> u64 {
    xxh3_64(format!("{student}\n{}", name.to_string().to_lowercase()).as_bytes())
}

impl KnownFamily {
    /// Takes in one account.
    pub fn add(&mut self, known: KnownGuardian<'_>) {
        self.ids.insert(xxh3_64(known.sourced_id.as_bytes()));
        let name = PersonName::new(known.given_name, known.family_name);
        for student in known.students.iter() {
            let new = || Some((Box::from(known.sourced_id), known.archived));
            self.by_student
                .entry(kinship(student, &name))
                .and_modify(|before| match before {
                    // Whoever is there goes before whoever has left.
                    Some((_, true)) if !known.archived => *before = new(),
                    Some((_, false)) if known.archived => {}
                    Some((id, _)) if **id == *known.sourced_id => {}
                    Some(_) | None => *before = None,
                })
                .or_insert_with(new);
        }
    }

    pub(super) fn has(&self, sourced_id: &str) -> bool {
        self.ids.contains(&xxh3_64(sourced_id.as_bytes()))
    }

    /// The account of a guardian, by what [`kinship`] says of each student. None if it is nobody, or not certain who.
    pub(super) fn find(&self, kinships: &[u64]) -> Option<&str> {
        let mut found = None;
        for known in kinships.iter().filter_map(|kinship| self.by_student.get(kinship)) {
            let (id, _) = known.as_ref()?;
            match found {
                Some(other) if other != &**id => return None,
                Some(_) | None => found = Some(&**id),
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guardian(
        id: &'static str,
        archived: bool,
        name: &'static str,
        students: &'static str,
    ) -> KnownGuardian<'static> {
        KnownGuardian {
            sourced_id: id,
            archived,
            given_name: "",
            family_name: name,
            students: IdList(students),
        }
    }

    #[test]
    fn whoever_cannot_be_told_apart_is_nobody() {
        let mut known = KnownFamily::default();
        for one in [
            guardian("a", false, "Rosa Diaz", "s1,s2"),
            guardian("b", false, "Li Wang", "s3"),
            guardian("c", false, "Li Wang", "s3"),
            guardian("d", true, "Ana Cruz", "s4"),
            guardian("e", false, "Ana Cruz", "s4"),
            guardian("f", false, "Rosa Diaz", "s5"),
        ] {
            known.add(one);
        }
        let find = |name: &str, students: &[&str]| {
            let name = PersonName::new("", name);
            let kinships: Vec<u64> = students.iter().map(|student| kinship(student, &name)).collect();
            known.find(&kinships).map(str::to_owned)
        };
        assert_eq!(find("rosa  diaz", &["s2", "s9"]).as_deref(), Some("a"));
        assert_eq!(find("Rosa Diaz", &["s1", "s5"]), None);
        assert_eq!(find("Li Wang", &["s3"]), None);
        assert_eq!(find("Ana Cruz", &["s4"]).as_deref(), Some("e"));
        assert_eq!(find("Ana Cruz", &["s1"]), None);
    }
}
