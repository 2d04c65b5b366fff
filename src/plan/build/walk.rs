//! The walk over the roster, and over the accounts that it does not mention. What is needed for a
//! decision is looked up here, and threads decide, a block of the roster at a time.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::thread;

use crate::account::Account;
use crate::contact::Field;
use crate::failure::Result;
use crate::lanes::Lanes;
use crate::plan::block_result::{BlockResult, CredentialClaim, Totals};
use crate::plan::build::{Inputs, RowSource};
use crate::plan::claims::Claim;
use crate::plan::decide::{Decider, Job, Person, Task};
use crate::plan::links::{LinkChanges, LinkLookup};
use crate::plan::signs::Signs;
use crate::plan::unchanged::{CachedRow, Remembered, Unchanged, record_hash};
use crate::plan::{Newcomer, PlanRow, Write};
use crate::platform::{Export, Row};
use crate::roster::Mode;
use crate::roster::kept::{self, Kept};
use crate::spool::{BLOCK, Values};
use crate::store::{ARCHIVED, HAS_CONTACT, Member, Store};

#[derive(Default)]
pub(super) struct Spools {
    pub(super) rows: Values<PlanRow<'static>>,
    pub(super) newcomers: Values<Newcomer<'static>>,
    pub(super) writes: Values<Write>,
    pub(super) bystanders: Values<Member>,
    pub(super) remembered: Remembered,
}

impl Spools {
    pub(super) fn finish(&mut self) -> Result<()> {
        self.rows.finish()?;
        self.newcomers.finish()?;
        self.writes.finish()?;
        self.bystanders.finish()?;
        self.remembered.finish()
    }
}

pub(super) struct Planner<'a> {
    decider: &'a Decider<'a>,
    store: &'a Store,
    export: &'a Export,
    links: LinkLookup<'a>,
    /// sourcedIds with rows that differ which have been answered once.
    answered: HashSet<String>,
    pub(super) totals: Totals,
    pub(super) spools: Spools,
    sources: &'a [RowSource],
    /// Brought up to what is decided now.
    signs: &'a mut Signs,
    pub(super) claims: [BTreeMap<String, Claim>; 2],
}

/// A block on its way to a thread that decides.
struct Work {
    block: Vec<u8>,
    jobs: Vec<Job>,
}

fn decide(decider: &Decider<'_>, work: Work) -> (Vec<u8>, Result<BlockResult>) {
    let Work { block, jobs } = work;
    let go = || {
        let mut result = BlockResult::default();
        let mut records = kept::records(&block)?;
        for job in jobs {
            records.go_to(job.at);
            if let Some(kept) = records.next_record()? {
                decider.work(&kept, job, &mut result)?;
            }
        }
        Ok(result)
    };
    let result = go();
    (block, result)
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        decider: &'a Decider<'a>,
        inputs: &Inputs<'a>,
        sources: &'a [RowSource],
        signs: &'a mut Signs,
    ) -> Self {
        Self {
            decider,
            store: inputs.store,
            export: inputs.export,
            links: LinkLookup::new(decider.roster, inputs.store, decider.same_person, decider.rules),
            answered: HashSet::new(),
            totals: Totals::default(),
            spools: Spools::default(),
            sources,
            signs,
            claims: Default::default(),
        }
    }

    /// Goes through the roster, and then through the accounts that it does not mention.
    pub(super) fn walk(&mut self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<()> {
        let decider = self.decider;
        thread::scope(|scope| {
            let mut deciders = Lanes::start(scope, || move |work| decide(decider, work))?;
            let mut roster = decider.roster.records.read();
            let mut spare = Vec::new();
            let mut place = 0;
            for records in &decider.roster.blocks {
                let first = place;
                place += *records;
                let sources = self.sources.get(first as usize..place as usize).unwrap_or_default();
                if !sources.iter().any(|source| source.is_in_plan()) {
                    roster.skip()?;
                    continue;
                }
                let mut block = spare.pop().unwrap_or_default();
                roster.next(&mut block)?;
                let jobs = self.look_up(&block, first, sources)?;
                if deciders.is_full() {
                    spare.extend(self.collect(&mut deciders)?);
                }
                deciders.push(Work { block, jobs })?;
                if progress(u64::from(place)).is_break() {
                    return Ok(());
                }
            }
            while self.collect(&mut deciders)?.is_some() {}
            self.others(place)
        })
    }

    /// Takes what came of the block that has been on its way for longest. Returns the block, to be
    /// used again.
    fn collect(
        &mut self,
        deciders: &mut Lanes<Work, (Vec<u8>, Result<BlockResult>)>,
    ) -> Result<Option<Vec<u8>>> {
        let Some((block, result)) = deciders.pull()? else { return Ok(None) };
        self.merge(result?)?;
        Ok(Some(block))
    }

    /// Looks up what it takes to decide on some records of a block, the first of which has this
    /// place in the report.
    fn look_up(&mut self, block: &[u8], first: u32, sources: &[RowSource]) -> Result<Vec<Job>> {
        let mut jobs = Vec::with_capacity(sources.iter().filter(|source| source.is_in_plan()).count());
        let mut records = kept::records(block)?;
        for (place, source) in (first..).zip(sources) {
            if !source.is_in_plan() {
                records.skip()?;
                continue;
            }
            let at = records.place();
            let Some(kept) = records.next_record()? else { break };
            jobs.push(Job { at, task: self.task(&kept, place, *source)? });
        }
        Ok(jobs)
    }

    fn task(&mut self, kept: &Kept<'_>, place: u32, source: RowSource) -> Result<Task> {
        let roster = self.decider.roster;
        let number = roster.person_of(place);
        if source == RowSource::Unchanged(CachedRow::Stored)
            && let Some(account) = number.and_then(|number| roster.people.account(number))
            && let Some(row) = self.store.cached_row(account)?
        {
            return Ok(Task::AsDecided(row, place));
        }
        let id = kept.record.sourced_id;
        let mut person = self.person(place, number, id)?;
        person.record_hash = Some(record_hash(kept.hash, kept.record.roles, self.decider.today));
        // A contradicted row says nothing; one of them speaks for the account, which is left as it is.
        person.is_further_row = roster.is_contradicted(id) && !self.answered.insert(id.to_owned());
        Ok(Task::Decide(Box::new(person)))
    }

    /// The platform's row of a person. A row that still shows the person that had the sourcedId
    /// before is not this person's.
    fn row_of_export(&self, sourced_id: &str) -> Result<Option<Row>> {
        let row = self.export.row(sourced_id)?;
        let reassigned = self.decider.rules.last_night.as_deref().map(|night| &night.reassigned_ids);
        if row.is_none() || !reassigned.is_some_and(|ids| !ids.is_empty() && ids.contains(sourced_id)) {
            return Ok(row);
        }
        let before = self.store.account_before(sourced_id)?;
        Ok(row.filter(|row| !before.is_some_and(|before| row.is_about(&before))))
    }

    fn account(&self, number: u32, sourced_id: &str) -> Result<Option<Account>> {
        let Some(id) = self.decider.roster.people.account(number) else { return Ok(None) };
        match self.store.account_by_id(id)? {
            Some(account) if account.sourced_id == sourced_id => Ok(Some(account)),
            // Two whose sourcedIds have the same hash.
            Some(_) | None => self.store.account(sourced_id),
        }
    }

    /// The accounts that the roster does not mention.
    fn others(&mut self, mut place: u32) -> Result<()> {
        let roster = self.decider.roster;
        let mut absent: Vec<(String, u32)> = Vec::new();
        let mut archived: Vec<u32> = Vec::new();
        let mut result = BlockResult::default();
        for number in roster.people.with_account().filter(|number| !roster.is_mentioned(*number)) {
            if !self.signs.is_archived(number) {
                absent.push((self.store.sourced_id(i64::from(number) + 1)?, number));
            } else if self.export.has_row(roster.people.key(number)) {
                archived.push(number);
            }
            let signs = self.signs.of(number);
            if signs & (ARCHIVED | HAS_CONTACT) == ARCHIVED | HAS_CONTACT && self.decider.mode == Mode::Bulk {
                // A contact for emergencies has left the roster.
                result.signs.push((number, signs & !HAS_CONTACT));
                Unchanged::remember_archived(number, &mut result.to_remember);
            }
        }
        absent.sort_unstable();
        for (sourced_id, number) in absent {
            let person = self.person(place, Some(number), &sourced_id)?;
            self.decider.absent(&person, &mut result)?;
            place += 1;
            if result.rows.len() >= BLOCK {
                self.merge(std::mem::take(&mut result))?;
            }
        }
        for number in archived {
            let sourced_id = self.store.sourced_id(i64::from(number) + 1)?;
            self.decider.archived(&self.person(place, Some(number), &sourced_id)?, &mut result)?;
        }
        self.merge(result)
    }

    fn person(&self, place: u32, number: Option<u32>, sourced_id: &str) -> Result<Person> {
        let (mut stored, mut export, mut signs, mut links) = (None, None, 0, LinkChanges::default());
        if let Some(number) = number {
            stored = self.account(number, sourced_id)?;
            export = self.row_of_export(sourced_id)?;
            // The export was read before the account had its new sourcedId.
            if export.is_none()
                && let Some(old) = self.decider.same_person.earlier_id(Some(number))?
            {
                export = self.row_of_export(&old)?;
            }
            signs = self.signs.of(number);
            links = self.links.changes(number, stored.as_ref())?;
        }
        Ok(Person { place, number, record_hash: None, stored, export, is_further_row: false, signs, links })
    }

    fn merge(&mut self, result: BlockResult) -> Result<()> {
        self.totals.merge(result.totals);
        self.spools.rows.push_all(&result.rows)?;
        self.spools.newcomers.push_all(&result.newcomers)?;
        self.spools.writes.push_all(&result.writes)?;
        for record in result.bystanders {
            let known = self.store.bystander(&record.sourced_id)?;
            self.spools.bystanders.push(&record.beside(known, self.decider.mode))?;
        }
        for (person, signs) in result.signs {
            self.signs.put(person, signs);
        }
        self.spools.remembered.add(result.to_remember)?;
        for CredentialClaim { field, sourced_id, claim } in result.claims {
            let [emails, phones] = &mut self.claims;
            let claims = if field == Field::Email { emails } else { phones };
            claims.insert(sourced_id, claim);
        }
        Ok(())
    }
}
