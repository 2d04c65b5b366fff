//! What the next run will do with the values that are given back: it is planned, over the accounts
//! as the undo leaves them.
//!
//! Where that is not possible, because the roster comes over the network or cannot be read just
//! now, it is estimated from the last roster, which knows less; and that is said.

use std::collections::{HashMap, HashSet};

use super::Undo;
use super::decide::{NextRun, Part, Undone};
use crate::account::Account;
use crate::contact::Field;
use crate::failure::{Failure, Result};
use crate::findings::Findings;
use crate::plan::{Action, Note, Overrun, Plan, PlanRow, said_overruns};
use crate::run::request::{Intent, Options, Request, RunContext};
use crate::run::{plan, prepare, source};

/// How it is known what the next run will do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum NextRunForecast {
    /// It was planned. With what the limits say to it.
    Planned { overruns: Vec<String> },
    /// From what the roster last said; and why not better.
    Remembered { why: String },
    /// Nothing is given back, so it was not asked.
    #[default]
    NotAsked,
}

const SCHOOL_PAUSED: &str = "a school of the person is paused";

/// What the next run does to accounts to which it does something, by sourcedId.
pub(super) type Foreseen = HashMap<String, Seen>;

/// What the next run does to one account.
#[derive(Default)]
pub(super) struct Seen {
    /// What becomes of values that do not just stay.
    pub(super) fields: Vec<(Field, NextRun)>,
    action: Option<Action>,
    /// A school of the person is paused, and nothing is done until that is over.
    paused: bool,
    /// It has another sourcedId then.
    renamed: bool,
    linked: Vec<String>,
    unlinked: Vec<String>,
}

impl Seen {
    /// What the next run does with something besides the details that was taken back.
    pub(super) fn does(&self, part: &Part) -> NextRun {
        let does = match (part, self.action) {
            (Part::Linked(student), _) => self.linked.contains(student).then_some("adds it again"),
            (Part::Unlinked(student), _) => self.unlinked.contains(student).then_some("removes it again"),
            (Part::SourcedId, _) if self.renamed => Some("gives it the new sourcedId again"),
            (_, Some(Action::Held)) => Some("holds the account"),
            (Part::Created, Some(Action::Restored)) => Some("restores it"),
            (Part::Restored, Some(Action::Restored)) => Some("restores it again"),
            (Part::Archived, Some(Action::Archived)) => Some("archives it again"),
            (_, Some(Action::Archived)) => Some("archives it"),
            (_, Some(Action::Missing)) => Some("reports it as missing"),
            _ => None,
        };
        match does {
            Some(what) => NextRun::Does(what),
            None if self.paused => NextRun::StaysWhile(SCHOOL_PAUSED),
            None => NextRun::Stays,
        }
    }
}

impl Undo<'_> {
    /// Finds out what the next run does with the values that are given back: plans it over the
    /// accounts as the undo leaves them, and takes back what is written to the store for that.
    pub(super) fn foresee(&mut self, context: &RunContext<'_>) -> Result<NextRunForecast> {
        let (config, store) = (self.people.config, self.people.store);
        if config.source.local_path().is_none() {
            let why = "the roster comes over the network, and is not pulled for this".to_owned();
            return Ok(NextRunForecast::Remembered { why });
        }
        let point = store.savepoint()?;
        let mut given_back = HashSet::new();
        self.walk(&mut |before, after, values| {
            if values.iter().any(Undone::is_given_back) {
                given_back.insert(after.sourced_id.clone());
                self.put(before, after)?;
            }
            Ok(())
        })?;
        self.finish_renames()?;
        let mut forecast = NextRunForecast::NotAsked;
        if !given_back.is_empty() {
            let planned = self.plan_next(context, &given_back);
            context.progress.end();
            forecast = match planned? {
                Ok((foreseen, overruns)) => {
                    self.foreseen = Some(foreseen);
                    let overruns = said_overruns(&overruns).into_iter().map(|(_, line)| line).collect();
                    NextRunForecast::Planned { overruns }
                }
                Err(Failure { what, place, .. }) => {
                    let why = if place.is_empty() { what } else { format!("{what} ({place})") };
                    NextRunForecast::Remembered { why }
                }
            };
        }
        point.roll_back()?;
        Ok(forecast)
    }

    /// Plans the next run, of files as they are now. The inner failure is why that is not possible.
    fn plan_next(
        &self,
        context: &RunContext<'_>,
        given_back: &HashSet<String>,
    ) -> Result<Result<(Foreseen, Vec<Overrun>)>> {
        let (config, store) = (self.people.config, self.people.store);
        let options = Options::default();
        let request = Request { config, options: &options, context, intent: Intent::Preview };
        let mut rules = match prepare::rules(config, &options, context.now) {
            Ok(rules) => prepare::of_store(rules, store)?,
            Err(failure) => return Ok(Err(failure)),
        };
        let planned = source::open_later(request, store)
            .and_then(|source| plan::plan(request, source, store, &mut rules, &mut Findings::default()));
        match planned {
            Ok(planned) => {
                let foreseen = self.read_off(&planned.plan, given_back)?;
                Ok(Ok((foreseen, planned.overruns)))
            }
            Err(failure) => Ok(Err(failure)),
        }
    }

    fn read_off(&self, plan: &Plan, given_back: &HashSet<String>) -> Result<Foreseen> {
        let mut foreseen = Foreseen::new();
        plan.each_decided(|row| {
            if given_back.contains(row.sourced_id)
                && let Some(account) = self.people.store.account(row.sourced_id)?
            {
                let fields = if account.archived { Vec::new() } else { next_runs(row, &account) };
                let paused = row.notes.iter().any(|note| matches!(note, Note::SchoolPaused(..)));
                let mut seen = Seen { fields, action: Some(row.action), paused, ..Seen::default() };
                let waits = match row.action {
                    _ if paused => Some(SCHOOL_PAUSED),
                    Action::Held => Some("the account is held"),
                    _ => None,
                };
                if let Some(what) = waits {
                    seen.fields = Field::ALL.map(|field| (field, NextRun::StaysWhile(what))).to_vec();
                }
                for note in row.notes.iter() {
                    match note {
                        Note::Linked(ids) => seen.linked.extend(ids.iter().cloned()),
                        Note::Unlinked(ids) => seen.unlinked.extend(ids.iter().cloned()),
                        _ => {}
                    }
                }
                foreseen.insert(account.sourced_id, seen);
            }
            Ok(())
        })?;
        for id in given_back {
            if self.people.store.account(id)?.is_none() {
                foreseen.insert(id.clone(), Seen { renamed: true, ..Seen::default() });
            }
        }
        Ok(foreseen)
    }
}

/// What a row of the plan does with the details of an account: by the sync, or because the
/// platform's export has news.
fn next_runs(row: &PlanRow<'_>, account: &Account) -> Vec<(Field, NextRun)> {
    let next_run = |field: Field| {
        let after = row.details.shown(field);
        if after != account.details.shown(field) {
            Some((field, NextRun::ChangedTo(after.into_owned())))
        } else if row.fields.of(field).rule.leaves() {
            Some((field, NextRun::Reported))
        } else {
            None
        }
    };
    Field::ALL.into_iter().filter_map(next_run).collect()
}
