//! What becomes of the people of each school and of each role, for limits that hold for each.
//!
//! Nothing is counted for it while the plan is made: accounts are gone through only on a night on
//! which some school or role can be over a limit.

use std::collections::BTreeMap;

use super::Plan;
use crate::config::{Limit, Limits};
use crate::failure::Result;
use crate::plan::tally::{Counted, Tallies, Tally};
use crate::plan::{Action, PlanRow};
use crate::policy::Setting;
use crate::roles;
use crate::roster::kept::key;
use crate::roster::{RoleList, current_roles};
use crate::roster_index::SchoolsBefore;
use crate::store::{ACTIVE, ARCHIVED, Store, UNDER_ON};

impl Plan {
    /// Counts for each school and each role what the limits count, as far as the configuration
    /// wants it. Empty where none can be over a limit.
    pub fn tallies(&self, store: &Store, limits: &Limits) -> Result<Tallies> {
        let all = Tally::of(&self.summary);
        let can_be_over = |counted| all.count(counted) >= fewest(counted, limits);
        if !(limits.per_school || limits.per_role) || !Counted::ALL.into_iter().any(can_be_over) {
            return Ok(Tallies::default());
        }
        let mut tallies = Tallies::default();
        let today = self.rules.today.to_string();
        let mut by_role: Vec<(u32, bool)> = Vec::new();
        let before = self.roster.schools_before(store, &today, |number, known| {
            by_role.push((number, known.active));
            if limits.per_role {
                let list = RoleList(known.roles);
                let held = current_roles(list, &today);
                let all = || list.iter().map(|held| roles::canonical(held.role).into_owned()).collect();
                let held = if held.is_empty() { all() } else { held };
                self.add_account(number, known.active, held, &mut tallies.roles);
            }
        })?;
        if limits.per_school {
            for (number, active) in by_role {
                let schools = before.of(number).into_iter().map(str::to_owned);
                self.add_account(number, active, schools, &mut tallies.schools);
            }
        }
        self.each_decided(|row| {
            if limits.per_school {
                self.add_row(row, self.schools_of_row(row, &before), &mut tallies.schools);
            }
            if limits.per_role {
                self.add_row(row, row.roles.split('|'), &mut tallies.roles);
            }
            Ok(())
        })?;
        // On the first night it is not known which people were left out before.
        if self.summary.newly_left_out > 0 {
            let wanted = [limits.per_school, limits.per_role];
            let own = [&mut tallies.schools, &mut tallies.roles];
            for ((own, newly), _) in
                own.into_iter().zip(self.left_out.newly()).zip(wanted).filter(|part| part.1)
            {
                for (id, count) in newly {
                    *own.entry(id.clone()).or_default().count_mut(Counted::LeftOut) = *count;
                }
            }
        }
        Ok(tallies)
    }

    /// Adds an account of before the run to those of its schools or roles.
    fn add_account(
        &self,
        number: u32,
        active: bool,
        places: impl IntoIterator<Item = String>,
        tallies: &mut BTreeMap<String, Tally>,
    ) {
        let can_change = self.signs.of(number) & (ACTIVE | UNDER_ON | ARCHIVED) == ACTIVE | UNDER_ON;
        for place in places {
            let tally = tallies.entry(place).or_default();
            tally.accounts += 1;
            tally.pending += u64::from(!active);
            tally.changeable += u64::from(can_change);
        }
    }

    fn add_row<'r>(
        &self,
        row: &PlanRow<'_>,
        places: impl IntoIterator<Item = &'r str>,
        tallies: &mut BTreeMap<String, Tally>,
    ) {
        let counted: Vec<Counted> = Counted::ALL.into_iter().filter(|counted| counted.is(row)).collect();
        if counted.is_empty() {
            return;
        }
        // People that the platform's export has as active begin under a setting tonight.
        let schools: Vec<&str> = row.schools.split('|').filter(|school| !school.is_empty()).collect();
        let begins = row.action == Action::Created
            && row.state == crate::account::State::Active.word()
            && self.rules.setting_of(&schools) == Setting::On;
        for place in places.into_iter().filter(|place| !place.is_empty()) {
            let tally = tallies.entry(place.to_owned()).or_default();
            tally.changeable += u64::from(begins);
            counted.iter().for_each(|counted| *tally.count_mut(*counted) += 1);
        }
    }

    /// Where a person counts: at the schools of before the run, and a new one at those of tonight.
    fn schools_of_row<'r>(&self, row: &'r PlanRow<'_>, before: &'r SchoolsBefore) -> Vec<&'r str> {
        let number = self.roster.people.find(key(row.sourced_id)).filter(|_| row.action != Action::Created);
        let known = number.map(|number| before.of(number)).unwrap_or_default();
        if known.is_empty() { row.schools.split('|').collect() } else { known }
    }
}

/// So many people have to be counted before any school or role can be over a limit.
fn fewest(counted: Counted, limits: &Limits) -> u64 {
    match counted.limit(limits).1 {
        Limit::Count(_) => u64::MAX,
        Limit::Share(percent) => {
            #[expect(
                clippy::cast_precision_loss,
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a share of a number of people"
            )]
            let of_minimum = (limits.minimum as f64 * percent / 100.0) as u64 + 1;
            of_minimum.min(3)
        }
    }
}
