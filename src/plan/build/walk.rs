//! The walk over the roster, and over those whom it does not mention. What is needed for a decision is looked up here, and
//! threads decide, a block of the roster at a time.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::thread;

use crate::account::Account;
use crate::failure::Result;
use crate::lanes::Lanes;
use crate::plan::claims::Claim;
use crate::plan::decide::{Desk, Job, Person, Task};
use crate::plan::draft::{Draft, Former};
use crate::plan::known::{Memo, Memory};
use crate::plan::left_out::LeftOut;
use crate::plan::people::People;
use crate::plan::sort::Source;
use crate::plan::summary::{Checksum, OfLimits, Summary};
use crate::plan::{Newcomer, PlanRow, Write};
use crate::platform::{Export, Row};
use crate::roster::kept::{self, Kept};
use crate::spool::{BLOCK, Values};
use crate::store::{ARCHIVED, Bystander, ROW, Store};

/// Where the parts of a plan are kept.
#[derive(Default)]
pub(super) struct Spools {
    pub(super) rows: Values<PlanRow<'static>>,
    pub(super) newcomers: Values<Newcomer<'static>>,
    pub(super) writes: Values<Write>,
    pub(super) bystanders: Values<Bystander>,
    pub(super) memos: Values<Memo>,
    pub(super) memo_rows: Values<(u32, Vec<u8>)>,
}

impl Spools {
    pub(super) fn finish(&mut self) -> Result<()> {
        self.rows.finish()?;
        self.newcomers.finish()?;
        self.writes.finish()?;
        self.bystanders.finish()?;
        self.memos.finish()?;
        self.memo_rows.finish()
    }
}

/// Counts that blocks add up to.
#[derive(Default)]
pub(super) struct Total {
    pub(super) summary: Summary,
    pub(super) checksum: Checksum,
    pub(super) became_active: u64,
    pub(super) of_limits: OfLimits,
    pub(super) left_out: LeftOut,
}

pub(super) struct Planner<'a> {
    desk: &'a Desk<'a>,
    store: &'a Store,
    export: &'a Export,
    /// sourcedIds with rows that differ which have been answered once.
    answered: HashSet<String>,
    pub(super) total: Total,
    pub(super) spools: Spools,
    sources: &'a [Source],
    /// What was decided on everybody last, brought up to what is decided now.
    memory: &'a mut Memory,
    pub(super) people: People,
    pub(super) forgotten: Vec<u32>,
    pub(super) former: Vec<Former>,
    pub(super) acquired: Vec<(usize, u64)>,
    pub(super) not_added: Vec<String>,
    pub(super) claims: [BTreeMap<String, Claim>; 2],
}

/// A block on its way to whoever decides.
struct Work {
    block: Vec<u8>,
    jobs: Vec<Job>,
}

fn decide(desk: &Desk<'_>, work: Work) -> (Vec<u8>, Result<Draft>) {
    let Work { block, jobs } = work;
    let go = || {
        let mut draft = Draft::default();
        let mut records = kept::records(&block)?;
        for job in jobs {
            records.go_to(job.at);
            if let Some(kept) = records.next_record()? {
                desk.work(&kept, job, &mut draft)?;
            }
        }
        Ok(draft)
    };
    let draft = go();
    (block, draft)
}

impl<'a> Planner<'a> {
    pub(super) fn new(
        desk: &'a Desk<'a>,
        store: &'a Store,
        export: &'a Export,
        sources: &'a [Source],
        memory: &'a mut Memory,
    ) -> Self {
        Self {
            desk,
            store,
            export,
            answered: HashSet::new(),
            total: Total::default(),
            spools: Spools::default(),
            sources,
            memory,
            people: People::default(),
            forgotten: Vec::new(),
            former: Vec::new(),
            acquired: Vec::new(),
            not_added: Vec::new(),
            claims: Default::default(),
        }
    }

    /// Goes through the roster, and then through those whom it does not mention.
    pub(super) fn walk(&mut self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<()> {
        let desk = self.desk;
        thread::scope(|scope| {
            let mut deciders = Lanes::start(scope, || move |work| decide(desk, work))?;
            let mut roster = desk.survey.roster.read();
            let mut spare = Vec::new();
            let mut place = 0;
            for records in &desk.survey.blocks {
                let first = place;
                place += *records;
                let sources = self.sources.get(first as usize..place as usize).unwrap_or_default();
                if !sources.iter().any(|source| source.is_among_rows()) {
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

    /// Takes what came of the block that has been on its way for longest. Returns the block, to be used again.
    fn collect(&mut self, deciders: &mut Lanes<Work, (Vec<u8>, Result<Draft>)>) -> Result<Option<Vec<u8>>> {
        let Some((block, draft)) = deciders.pull()? else { return Ok(None) };
        self.merge(draft?)?;
        Ok(Some(block))
    }

    /// Looks up what it takes to decide on some records of a block, the first of which has this place in the report.
    fn look_up(&mut self, block: &[u8], first: u32, sources: &[Source]) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        let mut records = kept::records(block)?;
        for (place, source) in (first..).zip(sources) {
            if !source.is_among_rows() {
                records.skip()?;
                continue;
            }
            let at = records.place();
            let Some(kept) = records.next_record()? else { break };
            let person = self.desk.survey.person_of(place);
            jobs.push(Job { at, place, task: self.task(&kept, person, *source)? });
        }
        Ok(jobs)
    }

    /// What there is to do for a record.
    fn task(&mut self, kept: &Kept<'_>, person: Option<u32>, source: Source) -> Result<Task> {
        let Some(person) = person else {
            return Ok(Task::Decide { stored: None, export: None, again: false, state: 0 });
        };
        if source == Source::Kept
            && let Some(account) = self.desk.survey.directory.account(person)
            && let Some(row) = self.store.memo_row(account)?
        {
            return Ok(Task::Repeat(row));
        }
        let id = kept.record.sourced_id;
        // A contradicted row says nothing; one of them speaks for the account, which is left as it is.
        let again = self.desk.survey.is_contradicted(id) && !self.answered.insert(id.to_owned());
        let stored = self.account(person, id)?;
        Ok(Task::Decide { stored, export: self.row_of_export(id)?, again, state: self.memory.state(person) })
    }

    /// The platform's row of a person. A row that still shows the one who had the sourcedId before is not theirs.
    fn row_of_export(&self, sourced_id: &str) -> Result<Option<Row>> {
        let row = self.export.row(sourced_id)?;
        let apart = self.desk.rules.last_night.as_deref().map(|night| &night.apart);
        if row.is_none() || !apart.is_some_and(|apart| !apart.is_empty() && apart.contains(sourced_id)) {
            return Ok(row);
        }
        let before = self.store.account_before(sourced_id)?;
        Ok(row.filter(|row| !before.is_some_and(|before| row.is_about(&before))))
    }

    /// The account of a person.
    fn account(&self, number: u32, sourced_id: &str) -> Result<Option<Account>> {
        let Some(id) = self.desk.survey.directory.account(number) else { return Ok(None) };
        match self.store.account_by_id(id)? {
            Some(account) if account.sourced_id == sourced_id => Ok(Some(account)),
            // Two whose sourcedIds have the same hash.
            Some(_) | None => self.store.account(sourced_id),
        }
    }

    /// The accounts that the roster does not mention.
    fn others(&mut self, mut place: u32) -> Result<()> {
        let survey = self.desk.survey;
        let mut absent: Vec<(String, u32)> = Vec::new();
        let mut archived: Vec<u32> = Vec::new();
        let memory = &*self.memory;
        for number in survey.directory.with_account().filter(|number| !survey.is_mentioned(*number)) {
            if memory.state(number) & ARCHIVED == 0 {
                absent.push((self.store.sourced_id(i64::from(number) + 1)?, number));
            } else if memory.is_changed_by_platform(number) {
                archived.push(number);
            }
        }
        absent.sort_unstable();
        let mut draft = Draft::default();
        for (sourced_id, number) in absent {
            let person = self.person(place, number, &sourced_id)?;
            self.desk.absent(person, &mut draft)?;
            place += 1;
            if draft.rows.len() >= BLOCK {
                self.merge(std::mem::take(&mut draft))?;
            }
        }
        for number in archived {
            let sourced_id = self.store.sourced_id(i64::from(number) + 1)?;
            self.desk.archived(&self.person(place, number, &sourced_id)?, &mut draft)?;
        }
        self.merge(draft)
    }

    fn person(&self, place: u32, number: u32, sourced_id: &str) -> Result<Person> {
        let stored = self.account(number, sourced_id)?;
        let (export, state) = (self.row_of_export(sourced_id)?, self.memory.state(number));
        Ok(Person { place, number: Some(number), print: None, stored, export, state })
    }

    /// Takes in what a block came to.
    fn merge(&mut self, draft: Draft) -> Result<()> {
        let total = &mut self.total;
        total.summary.merge(draft.summary);
        total.checksum.merge(&draft.checksum);
        total.became_active += draft.became_active;
        total.of_limits.merge(&draft.of_limits);
        total.left_out.merge(draft.left_out);
        self.people.merge(draft.people);
        self.former.extend(draft.former);
        self.acquired.extend(draft.acquired);
        self.not_added.extend(draft.not_added);
        self.spools.rows.push_all(&draft.rows)?;
        self.spools.newcomers.push_all(&draft.newcomers)?;
        self.spools.writes.push_all(&draft.writes)?;
        for unheard in draft.unheard {
            let known = self.store.bystander(&unheard.sourced_id)?;
            self.spools.bystanders.push(&unheard.beside(known, self.desk.mode))?;
        }
        for memo in draft.memos {
            let had = self.memory.state(memo.number) & ROW != 0;
            if had && memo.state & ROW == 0 {
                self.forgotten.push(memo.number);
            }
            self.memory.put_state(memo.number, memo.state);
            self.spools.memos.push(&memo)?;
        }
        for row in draft.memo_rows {
            self.spools.memo_rows.push(&row)?;
        }
        for (credential, id, claim) in draft.claims {
            self.claims[credential].insert(id, claim);
        }
        Ok(())
    }
}
