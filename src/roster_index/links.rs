//! The links between guardians and students, as the roster and the store have them tonight.
//!
//! A link counts where the adult holds a guardian's role today and the student has not left. It is
//! known by the key of the student's sourcedId: a store that keeps these takes few bytes a link.

use super::{GONE, GUARDIAN, MENTIONED, NO_SET, RosterIndex, STUDENT};
use crate::failure::Result;
use crate::roster::kept;

/// sourcedIds by the number of the person.
pub struct Names {
    /// Sorted; where each name ends.
    ends: Vec<(u32, u32)>,
    text: String,
}

impl Names {
    pub fn of(&self, person: u32) -> Option<&str> {
        let at = self.ends.binary_search_by_key(&person, |(number, _)| *number).ok()?;
        let start = at.checked_sub(1).map_or(0, |before| self.ends[before].1);
        self.text.get(start as usize..self.ends[at].1 as usize)
    }
}

impl RosterIndex {
    pub fn is_guardian(&self, person: u32) -> bool {
        self.marks(person) & GUARDIAN != 0
    }

    pub fn is_student(&self, person: u32) -> bool {
        self.marks(person) & STUDENT != 0
    }

    /// The pairs of a guardian and the students.
    pub(super) fn family(&self, guardian: u32) -> &[(u32, u32)] {
        let start = self.families.partition_point(|family| family.0 < guardian);
        let rest = &self.families[start..];
        let length = rest.iter().take_while(|family| family.0 == guardian).count();
        &rest[..length]
    }

    /// Guardian and student of each link between people that are there, in no order that means
    /// anything.
    pub fn each_link(&self, mut each: impl FnMut(u32, u32)) {
        for (guardian, student) in &self.families {
            if self.is_guardian(*guardian) && self.is_here(*student) {
                each(*guardian, *student);
            }
        }
    }

    /// The students to whom a guardian is linked, of those that are there.
    pub fn students_of(&self, guardian: u32) -> impl Iterator<Item = u32> {
        let family = if self.is_guardian(guardian) { self.family(guardian) } else { &[] };
        family.iter().map(|(_, student)| *student).filter(|student| self.is_here(*student))
    }

    /// Whether a person has not left: the roster mentions the person, or the person is only missing,
    /// or, where the roster does not mention everybody, the store has the person.
    pub fn is_here(&self, person: u32) -> bool {
        let person = self.people.found_as(person);
        if self.is_missing(person) || !self.kept.is_empty() && self.kept.contains(&person) {
            return true;
        }
        let marks = self.marks(person);
        let is_known = marks & MENTIONED != 0
            || self.partial && self.sets_of[person as usize] != NO_SET && !self.doubtful.contains(&person);
        is_known && marks & GONE == 0
    }

    /// Stands for the links of a guardian, whatever the numbers of the people.
    pub(super) fn links_print(&self, family: &[(u32, u32)]) -> u64 {
        let students = family.iter().filter(|(_, student)| self.is_here(*student));
        let key = |student: &u32| self.people.key(*student).wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
        students.fold(0, |print, (_, student)| print ^ key(student).rotate_left(29))
    }

    /// The sourcedIds of the people of the roster that have no account.
    pub fn names_of_newcomers(&self) -> Result<Names> {
        let accounts = self.people.accounts();
        let mut names: Vec<(u32, String)> = Vec::new();
        let is_new = |person: u32| person as usize >= accounts;
        let (mut reader, mut block) = (self.records.read(), Vec::new());
        let mut people = self.people_of.as_slice();
        for count in &self.blocks {
            let own;
            (own, people) = people.split_at(*count as usize);
            if !own.iter().any(|person| is_new(*person)) {
                reader.skip()?;
                continue;
            }
            reader.next(&mut block)?;
            let mut records = kept::records(&block)?;
            for person in own {
                if !is_new(*person) {
                    records.skip()?;
                } else if let Some(kept) = records.next_record()? {
                    names.push((*person, kept.record.sourced_id.to_owned()));
                }
            }
        }
        names.sort_unstable();
        names.dedup_by_key(|(number, _)| *number);
        let mut text = String::new();
        let ends = names.iter().map(|(number, name)| {
            text.push_str(name);
            (*number, u32::try_from(text.len()).unwrap_or(u32::MAX))
        });
        Ok(Names { ends: ends.collect(), text })
    }
}
