//! What the next run will do with the values that are given back: it is planned, over the accounts as the undo leaves them.
//!
//! Where that is not possible, because the roster comes over the network or cannot be read just now, it is foretold from
//! what the roster last said of each person, which knows less; and that is said.

use std::collections::{HashMap, HashSet};

use super::Undo;
use super::decide::{Fate, Next};
use crate::account::Account;
use crate::contact::Field;
use crate::failure::Result;
use crate::plan::PlanRow;
use crate::run::Surroundings;
use crate::run::plan::{Planned, plan_next};

/// How it is known what the next run will do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Foretold {
    /// It was planned. With what the limits say to it.
    Planned { overruns: Vec<String> },
    /// From what the roster last said; and why not better.
    Remembered { why: String },
    /// Nothing is given back, so nobody asked.
    NotAsked,
}

/// What becomes of values that do not just stay, by sourcedId.
pub(super) type Foreseen = HashMap<String, Vec<(Field, Next)>>;

impl Undo<'_> {
    /// Plans the next run. What is written to the store for that is taken back again.
    ///
    /// # Errors
    /// Those of the store. That the run cannot be planned is no error.
    pub(super) fn foresee(&self, around: &Surroundings<'_>) -> Result<(Foretold, Option<Foreseen>)> {
        let (config, store) = (self.people.config, self.people.store);
        if config.source.local_path().is_none() {
            let why = "the roster comes over the network, and is not pulled for this".to_owned();
            return Ok((Foretold::Remembered { why }, None));
        }
        store.set_mark()?;
        let mut given_back = HashSet::new();
        self.walk(&mut |_, after, values| {
            if values.iter().any(|value| matches!(value.fate, Fate::GivenBack(_))) {
                given_back.insert(after.sourced_id.clone());
                store.update_account(after)?;
            }
            Ok(())
        })?;
        if given_back.is_empty() {
            store.back_to_mark()?;
            return Ok((Foretold::NotAsked, None));
        }
        let planned = plan_next(config, store, around);
        around.progress.end();
        let foreseen = match &planned {
            Ok(planned) => Some(self.read_off(planned, &given_back)?),
            Err(_) => None,
        };
        store.back_to_mark()?;
        let foretold = match planned {
            Ok(planned) => {
                let overruns = planned.overruns.into_iter().map(|overrun| overrun.message).collect();
                Foretold::Planned { overruns }
            }
            Err(failure) => {
                let place =
                    if failure.place.is_empty() { String::new() } else { format!(" ({})", failure.place) };
                Foretold::Remembered { why: format!("{}{place}", failure.what) }
            }
        };
        Ok((foretold, foreseen))
    }

    fn read_off(&self, planned: &Planned, given_back: &HashSet<String>) -> Result<Foreseen> {
        let mut foreseen = Foreseen::new();
        planned.plan.each_decided(|row| {
            if given_back.contains(row.sourced_id)
                && let Some(account) = self.people.store.account(row.sourced_id)?
            {
                let fates = fates(row, &account);
                if !fates.is_empty() {
                    foreseen.insert(account.sourced_id, fates);
                }
            }
            Ok(())
        })?;
        Ok(foreseen)
    }
}

/// What a row of the plan does with the details of an account: by the sync, or because the platform's export has news.
fn fates(row: &PlanRow<'_>, account: &Account) -> Vec<(Field, Next)> {
    let fate = |field: Field| {
        let after = row.details.shown(field);
        if after != account.details.shown(field) {
            Some((field, Next::ChangedTo(after.into_owned())))
        } else if row.fields.of(field).rule.leaves() {
            Some((field, Next::Reported))
        } else {
            None
        }
    };
    Field::ALL.into_iter().filter_map(fate).collect()
}
