//! The schools at which people were before the run, as the store has them: the own ones and, of a
//! guardian, those of the students. Asked for only where a limit holds for each school.

use super::schools::SchoolSets;
use super::{NO_SET, RosterIndex};
use crate::failure::Result;
use crate::roles;
use crate::roster::kept::key;
use crate::roster::{IdList, Record, RoleList, own_schools};
use crate::store::{Relative, Store};

/// Where people were, by number of the person.
#[derive(Default)]
pub struct SchoolsBefore {
    sets: SchoolSets,
    own: Vec<u32>,
    /// Guardian and student, sorted.
    families: Vec<(u32, u32)>,
}

impl RosterIndex {
    /// Reads them from the store. `each_account` is handed every account that is not archived, with
    /// its number.
    pub fn schools_before(
        &self,
        store: &Store,
        today: &str,
        mut each_account: impl FnMut(u32, &Relative<'_>),
    ) -> Result<SchoolsBefore> {
        let mut before = SchoolsBefore { own: vec![NO_SET; self.people.count()], ..SchoolsBefore::default() };
        store.each_relative(|known| {
            let Relative { sourced_id, archived, roles, orgs, agents, .. } = known;
            let Some(number) = self.people.find(key(sourced_id)).filter(|_| !archived) else {
                return Ok(());
            };
            if known.account {
                each_account(number, &known);
            }
            let record = Record { roles: RoleList(roles), orgs: Some(IdList(orgs)), ..Record::default() };
            let schools = own_schools(&record, today);
            let schools: Vec<&str> = schools.into_iter().filter(|org| self.orgs.is_school(org)).collect();
            before.own[number as usize] = before.sets.number(&schools);
            let guardian = |role: &str| roles::is_guardian(&roles::canonical(role));
            let as_guardian = record.roles.iter().any(|held| guardian(held.role));
            let as_student = record.roles.iter().any(|held| !guardian(held.role)) || !as_guardian;
            for other in IdList(agents).iter().filter_map(|id| self.people.find(key(id))) {
                if as_guardian {
                    before.families.push((number, other));
                }
                if as_student {
                    before.families.push((other, number));
                }
            }
            Ok(())
        })?;
        store.each_last_schools(|person, schools| {
            let Some(number) = self.people.find(person) else { return };
            if before.own[number as usize] != NO_SET && before.of(number).is_empty() {
                let schools: Vec<&str> = IdList(schools).iter().collect();
                before.own[number as usize] = before.sets.number(&schools);
            }
        })?;
        before.families.sort_unstable();
        before.families.dedup();
        Ok(before)
    }
}

impl SchoolsBefore {
    /// The schools of a person, each once. Empty for a person that the store does not know.
    pub fn of(&self, number: u32) -> Vec<&str> {
        let start = self.families.partition_point(|family| family.0 < number);
        let students = self.families[start..].iter().take_while(|family| family.0 == number);
        let sets = std::iter::once(number)
            .chain(students.map(|(_, student)| *student))
            .filter_map(|person| self.own.get(person as usize).copied().filter(|set| *set != NO_SET));
        let mut schools: Vec<&str> = Vec::new();
        for school in sets.flat_map(|set| self.sets.get(set)) {
            if !schools.contains(&school.as_str()) {
                schools.push(school);
            }
        }
        schools
    }
}
