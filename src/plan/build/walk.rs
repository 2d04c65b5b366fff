//! The walk over the roster, and over the accounts that it does not mention. What is needed for a
//! decision is looked up here, and threads decide, a block of the roster at a time.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::thread;

use crate::contact::Field;
use crate::failure::Result;
use crate::lanes::Lanes;
use crate::plan::block_result::{BlockResult, CredentialClaim, Room, Totals};
use crate::plan::build::{Inputs, RowSource};
use crate::plan::claims::Claim;
use crate::plan::decide::{Decider, Job, LookedUp, Person, Task};
use crate::plan::links::{LinkChanges, LinkLookup};
use crate::plan::signs::Signs;
use crate::plan::unchanged::{CachedRow, Remembered, Unchanged, record_hash};
use crate::plan::{Newcomer, PlanRow, Write};
use crate::platform::Export;
use crate::roster::Mode;
use crate::roster::kept::{self, Kept};
use crate::spool::{self, BLOCK, Batch, Ordered, Values};
use crate::store::{ARCHIVED, AccountRow, HAS_CONTACT, Lookup, Member, PackedRow, Store};

pub(super) struct Spools {
    pub(super) rows: Values<PlanRow<'static>>,
    pub(super) newcomers: Values<Newcomer<'static>>,
    pub(super) writes: Writes,
    pub(super) bystanders: Values<Member>,
    pub(super) remembered: Remembered,
}

/// What else is to be written, in the order of the store: that of a roster can be any, and to write
/// here and there reads and writes each page of the store many times.
pub(super) struct Writes {
    /// Of accounts that there are, by id.
    pub(super) changed: Ordered,
    /// Of accounts that are added, in the order of the roster.
    pub(super) added: Values<Write<'static>>,
}

impl Writes {
    fn push_all(&mut self, writes: &[u8]) -> Result<()> {
        spool::each_of(writes, |write| match spool::first_of::<i64>(write)? {
            0 => self.added.push_all(write),
            id => self.changed.put(u32::try_from(id).unwrap_or(u32::MAX), write),
        })
    }
}

impl Spools {
    fn of(accounts: usize) -> Self {
        Self {
            rows: Values::default(),
            newcomers: Values::default(),
            writes: Writes { changed: Ordered::up_to(accounts), added: Values::default() },
            bystanders: Values::default(),
            remembered: Remembered::of(accounts),
        }
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.rows.finish()?;
        self.newcomers.finish()?;
        self.writes.changed.finish()?;
        self.writes.added.finish()?;
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
    /// The rows that were looked up, which the thread reads.
    rows: Vec<u8>,
}

/// Where the rows of accounts are looked up.
struct Accounts<'s> {
    lookup: Lookup<'s>,
    ahead: Option<Ahead>,
}

/// The accounts that are to be decided on, looked up in the order of the store and put down by the
/// places of their records: where the roster has another order than the store, to look up one after
/// the other would read each page of the store many times.
struct Ahead {
    rows: Ordered,
    ranges: std::vec::IntoIter<usize>,
    batch: Batch,
}

/// With fewer accounts, the whole of them is in SQLite's cache.
const MANY: usize = 20_000;

impl Ahead {
    /// None if the roster has the accounts about in the order of the store.
    fn look_up(
        decider: &Decider<'_>,
        sources: &[RowSource],
        lookup: &mut Lookup<'_>,
    ) -> Result<Option<Self>> {
        let people = &decider.roster.people;
        if people.accounts() < MANY {
            return Ok(None);
        }
        let decided = || {
            let places = (0_u32..).zip(sources).filter(|(_, source)| **source == RowSource::Decided);
            places.filter_map(|(place, _)| {
                let number = decider.roster.person_of(place)?;
                people.account(number).map(|_| (number, place))
            })
        };
        let (mut before, mut count, mut back) = (0, 0, 0);
        for (number, _) in decided() {
            count += 1;
            back += usize::from(number < before);
            before = number;
        }
        if back < MANY / 16 || back < count / 16 {
            return Ok(None);
        }
        let mut order: Vec<(u32, u32)> = Vec::with_capacity(count);
        order.extend(decided());
        order.sort_unstable();
        let (mut rows, mut row) = (Ordered::up_to(sources.len()), Vec::new());
        for (number, place) in order {
            row.clear();
            lookup.account(i64::from(number) + 1, |account| match account {
                Some(account) => spool::append(&mut row, &(i64::from(number) + 1, account)),
                None => Ok(()),
            })?;
            if !row.is_empty() {
                rows.put(place, &row)?;
            }
        }
        rows.finish()?;
        let ranges = rows.ranges().collect::<Vec<_>>().into_iter();
        Ok(Some(Self { rows, ranges, batch: Batch::default() }))
    }

    /// The row of the account at a place, which is further than the one asked for before.
    fn at(&mut self, place: u32) -> Result<Option<&[u8]>> {
        loop {
            match self.batch.next_number() {
                Some(number) if number > place => return Ok(None),
                Some(number) if number == place => return self.batch.next_bytes(),
                Some(_) => drop(self.batch.next_bytes()?),
                None => match self.ranges.next() {
                    Some(range) => self.rows.read(range, &mut self.batch)?,
                    None => return Ok(None),
                },
            }
        }
    }
}

/// `room` is how long the rows of the block before were.
fn decide(decider: &Decider<'_>, work: Work, room: &mut Room) -> (Vec<u8>, Result<BlockResult>) {
    let Work { block, jobs, rows } = work;
    let go = || {
        let mut result = BlockResult::with(room);
        let mut records = kept::records(&block)?;
        for job in jobs {
            records.go_to(job.at);
            if let Some(kept) = records.next_record()? {
                decider.work(&kept, job, &rows, &mut result)?;
            }
        }
        *room = Room::of(&result);
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
            spools: Spools::of(decider.roster.people.accounts()),
            sources,
            signs,
            claims: Default::default(),
        }
    }

    /// Goes through the roster, and then through the accounts that it does not mention.
    pub(super) fn walk(&mut self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<()> {
        let decider = self.decider;
        let mut lookup = self.store.lookup()?;
        let ahead = Ahead::look_up(decider, self.sources, &mut lookup)?;
        let mut store = Accounts { lookup, ahead };
        thread::scope(|scope| {
            let mut deciders = Lanes::start(scope, || {
                let mut room = Room::default();
                move |work| decide(decider, work, &mut room)
            })?;
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
                let (jobs, rows) = self.look_up(&block, first, sources, &mut store)?;
                if deciders.is_full() {
                    spare.extend(self.collect(&mut deciders)?);
                }
                deciders.push(Work { block, jobs, rows })?;
                if progress(u64::from(place)).is_break() {
                    return Ok(());
                }
            }
            while self.collect(&mut deciders)?.is_some() {}
            self.others(place, &mut store)
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
    /// place in the report; with the rows of their accounts and of the export.
    fn look_up(
        &mut self,
        block: &[u8],
        first: u32,
        sources: &[RowSource],
        store: &mut Accounts<'_>,
    ) -> Result<(Vec<Job>, Vec<u8>)> {
        let count = sources.iter().filter(|source| source.is_in_plan()).count();
        let (mut jobs, mut rows) = (Vec::with_capacity(count), Vec::new());
        let mut records = kept::records(block)?;
        for (place, source) in (first..).zip(sources) {
            if !source.is_in_plan() {
                records.skip()?;
                continue;
            }
            let at = records.place();
            let Some(kept) = records.next_record()? else { break };
            jobs.push(Job { at, task: self.task((&kept, place, *source), store, &mut rows)? });
        }
        Ok((jobs, rows))
    }

    fn task(
        &mut self,
        (kept, place, source): (&Kept<'_>, u32, RowSource),
        store: &mut Accounts<'_>,
        rows: &mut Vec<u8>,
    ) -> Result<Task> {
        let roster = self.decider.roster;
        let number = roster.person_of(place);
        if source == RowSource::Unchanged(CachedRow::Stored)
            && let Some(account) = number.and_then(|number| roster.people.account(number))
            && let Some(row) = self.store.cached_row(account)?
        {
            return Ok(Task::AsDecided(row, place));
        }
        let id = kept.record.sourced_id;
        let (mut person, looked_up) = self.person((place, number, id), store, rows)?;
        person.record_hash = Some(record_hash(kept.hash, kept.record.roles, self.decider.today));
        // A contradicted row says nothing; one of them speaks for the account, which is left as it is.
        person.is_further_row = roster.is_contradicted(id) && !self.answered.insert(id.to_owned());
        Ok(Task::Decide(person, looked_up))
    }

    /// Adds the platform's row of a person to `rows`, if there is one. A row that still shows the
    /// person that had the sourcedId before is not this person's. Returns whether there is one.
    fn row_of_export(&self, sourced_id: &str, rows: &mut Vec<u8>) -> Result<bool> {
        let reassigned = self.decider.rules.last_night.as_deref().map(|night| &night.reassigned_ids);
        if reassigned.is_some_and(|ids| !ids.is_empty() && ids.contains(sourced_id))
            && let Some(row) = self.export.row(sourced_id)?
            && let Some(before) = self.store.account_before(sourced_id)?
            && row.is_about(&before)
        {
            return Ok(false);
        }
        self.export.append_row(sourced_id, rows)
    }

    /// Adds the row of an account to `accounts`, if there is one; and returns what comes and goes of
    /// its links.
    fn account(
        &self,
        (place, number, sourced_id): (u32, u32, &str),
        store: &mut Accounts<'_>,
        accounts: &mut Vec<u8>,
    ) -> Result<LinkChanges> {
        let links = &self.links;
        let Some(id) = self.decider.roster.people.account(number) else { return links.changes(number, None) };
        if let Some(row) = store.ahead.as_mut().map(|ahead| ahead.at(place)).transpose()?.flatten() {
            let (_, account): (i64, PackedRow<'_>) = spool::first_of(row)?;
            if account.sourced_id == sourced_id {
                accounts.extend_from_slice(row);
                return links.changes(number, Some(account));
            }
        }
        let found = store.lookup.account(id, |account| match account {
            Some(account) if account.sourced_id == sourced_id => {
                spool::append(accounts, &(id, account))?;
                links.changes(number, Some(account)).map(Some)
            }
            Some(_) | None => Ok(None),
        })?;
        if let Some(changes) = found {
            return Ok(changes);
        }
        // Two whose sourcedIds have the same hash.
        match self.store.account(sourced_id)? {
            Some(account) => AccountRow::packed_of(&account, |row| {
                spool::append(accounts, &(account.id, row))?;
                links.changes(number, Some(row))
            }),
            None => links.changes(number, None),
        }
    }

    /// The accounts that the roster does not mention.
    fn others(&mut self, mut place: u32, store: &mut Accounts<'_>) -> Result<()> {
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
            let person = self.absent((place, number, &sourced_id), store)?;
            self.decider.absent(&person, &mut result)?;
            place += 1;
            if result.rows.len() >= BLOCK {
                self.merge(std::mem::take(&mut result))?;
            }
        }
        for number in archived {
            let sourced_id = self.store.sourced_id(i64::from(number) + 1)?;
            let person = self.absent((place, number, &sourced_id), store)?;
            self.decider.archived(&person, &mut result)?;
        }
        self.merge(result)
    }

    /// A person that the roster does not mention.
    fn absent(
        &self,
        (place, number, sourced_id): (u32, u32, &str),
        store: &mut Accounts<'_>,
    ) -> Result<Person> {
        let mut rows = Vec::new();
        let (mut person, looked_up) = self.person((place, Some(number), sourced_id), store, &mut rows)?;
        person.read(&looked_up, &rows)?;
        Ok(person)
    }

    /// A person, and where in `rows` the rows are now that were looked up.
    fn person(
        &self,
        (place, number, sourced_id): (u32, Option<u32>, &str),
        store: &mut Accounts<'_>,
        rows: &mut Vec<u8>,
    ) -> Result<(Person, LookedUp)> {
        let mut person = Person {
            place,
            number,
            record_hash: None,
            stored: None,
            export: None,
            is_further_row: false,
            signs: 0,
            links: LinkChanges::default(),
        };
        let Some(number) = number else { return Ok((person, LookedUp::default())) };
        let start = rows.len();
        person.links = self.account((place, number, sourced_id), store, rows)?;
        person.signs = self.signs.of(number);
        let end = rows.len();
        // The export was read before the account had its new sourcedId.
        if !self.row_of_export(sourced_id, rows)?
            && let Some(old) = self.decider.same_person.earlier_id(Some(number))?
        {
            self.row_of_export(&old, rows)?;
        }
        Ok((person, LookedUp { account: start..end, export: end..rows.len() }))
    }

    fn merge(&mut self, result: BlockResult) -> Result<()> {
        self.totals.merge(result.totals)?;
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
