//! Making the plan: every record beside its account, then the accounts that the roster does not mention.
//!
//! Who was decided on before and has not moved since is passed over (see `decide::Desk::remember` for why that may be).
//! For the rest, what is needed is looked up here, and threads decide, a block of the roster at a time. Blocks are put
//! together in their order, so that the plan is the same however many threads there are.

use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
use std::sync::mpsc::sync_channel;
use std::thread;

use super::claims::{Claim, refusals};
use super::decide::{Desk, Job, Person, Refused, Task};
use super::draft::Draft;
use super::known::{Memo, Memory};
use super::people::{NOWHERE, Others, People, Sharing, Walk};
use super::rules::Rules;
use super::sort::{Source, sort};
use super::summary::{Checksum, Summary};
use super::survey::Survey;
use super::view::{Faces, View};
use super::{Action, Newcomer, PlanRow, RowHead, Write};
use crate::account::Account;
use crate::config::SharedContacts;
use crate::contact::{PersonName, likeness_keys};
use crate::failure::Result;
use crate::lanes::Lanes;
use crate::platform::Export;
use crate::roster::Mode;
use crate::roster::kept::{self, Kept};
use crate::spool::{self, BLOCK, Values};
use crate::store::{ARCHIVED, Bystander, CHUNK, MemoChange, ROW, Store};

/// A plan, complete: nothing has been written yet.
pub struct Plan {
    pub summary: Summary,
    /// Sixteen hexadecimal digits that stand for the changes, the setting and the recipients.
    pub checksum: String,
    survey: Survey,
    rules: Rules,
    memory: Memory,
    sources: Vec<Source>,
    rows: Values<PlanRow<'static>>,
    newcomers: Values<Newcomer<'static>>,
    writes: Values<Write>,
    bystanders: Values<Bystander>,
    memos: Values<Memo>,
    memo_rows: Values<(u32, Vec<u8>)>,
    /// People whose kept row is out of date.
    forgotten: Vec<u32>,
    sharing: Sharing,
}

impl Plan {
    /// Writes the rows of the report: in the order of the source, then those who are not in it by sourcedId. `format`
    /// appends one row to a piece of the report, by several threads at once; `out` takes the pieces, in order.
    ///
    /// # Errors
    /// `Failed` if they cannot be read back from where they are kept, and those of `out`.
    pub fn write_rows(
        &self,
        format: impl Fn(&View<'_>, &mut Vec<u8>) + Sync,
        mut out: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        let format = &format;
        thread::scope(|scope| {
            let mut lanes = Lanes::start(scope, || {
                let mut faces = Faces::new(&self.survey, &self.memory, &self.rules);
                move |piece: Piece<'_>| self.write_piece(piece, &mut faces, format)
            });
            let mut spare: Vec<(Vec<u8>, Vec<u8>)> = Vec::new();
            let mut take =
                |lanes: &mut Lanes<Piece<'_>, Result<Written>>, spare: &mut Vec<_>| -> Result<bool> {
                    let Some(written) = lanes.pull()? else { return Ok(false) };
                    let Written { block, text } = written?;
                    out(&text)?;
                    spare.push((block, text));
                    Ok(true)
                };
            let mut rows = self.rows.read();
            let mut roster = self.survey.roster.read();
            let mut sources = self.sources.as_slice();
            let mut place = 0;
            for records in &self.survey.blocks {
                let (mut block, mut text) = spare.pop().unwrap_or_default();
                roster.next(&mut block)?;
                text.clear();
                let own;
                (own, sources) = sources.split_at((*records as usize).min(sources.len()));
                let decided = own.iter().filter(|source| source.is_among_rows()).count();
                let mut ready = Vec::new();
                for _ in 0..decided {
                    ready.extend_from_slice(rows.next_bytes()?.unwrap_or_default());
                }
                let piece = Piece { block, text, sources: own, place, rows: ready };
                place += *records;
                lanes.push(piece)?;
                if lanes.is_full() {
                    take(&mut lanes, &mut spare)?;
                }
            }
            while take(&mut lanes, &mut spare)? {}
            let mut sharing = self.sharing.walk(place);
            let mut text = Vec::new();
            while let Some(mut row) = rows.next_value::<PlanRow<'_>>()? {
                self.share(&mut row, &mut sharing);
                if row.is_of_interest() {
                    format(&View::of(&row), &mut text);
                }
                if text.len() >= BLOCK {
                    out(&text)?;
                    text.clear();
                }
            }
            out(&text)
        })
    }

    /// Writes the rows of one block of the roster.
    fn write_piece(
        &self,
        piece: Piece<'_>,
        faces: &mut Faces<'_>,
        format: &impl Fn(&View<'_>, &mut Vec<u8>),
    ) -> Result<Written> {
        let Piece { block, mut text, sources, place, rows } = piece;
        let mut sharing = self.sharing.walk(place);
        let mut rows = spool::values::<PlanRow<'_>>(&rows);
        let mut records = kept::records(&block)?;
        let mut notes = Vec::new();
        for (place, source) in (place..).zip(sources) {
            match source {
                Source::Nowhere => {
                    records.skip()?;
                }
                Source::Kept | Source::Decided => {
                    records.skip()?;
                    if let Some(mut row) = rows.next().transpose()? {
                        self.share(&mut row, &mut sharing);
                        format(&View::of(&row), &mut text);
                    }
                }
                Source::Record => {
                    let Some(kept) = records.next_record()? else { break };
                    notes.clear();
                    sharing.note(place, kept.record.sourced_id, &mut notes);
                    let person = self.survey.person_of(place).unwrap_or_default();
                    faces.show(&kept, person, &notes, |view| format(view, &mut text))?;
                }
            }
        }
        Ok(Written { block, text })
    }

    /// Adds to a row what the person shares.
    fn share(&self, row: &mut PlanRow<'_>, sharing: &mut Walk<'_>) {
        if row.compared {
            sharing.note(row.place, &row.sourced_id, row.notes.to_mut());
        }
    }

    /// Hands over the rows of those about whom there may be something to say or to do, without what they share.
    ///
    /// # Errors
    /// As [`Plan::write_rows`].
    pub fn each_decided(&self, mut each: impl FnMut(&PlanRow<'_>) -> Result<()>) -> Result<()> {
        let mut rows = self.rows.read();
        while let Some(row) = rows.next_value()? {
            each(&row)?;
        }
        Ok(())
    }

    /// As [`Plan::each_decided`], with what they share.
    ///
    /// # Errors
    /// As [`Plan::write_rows`].
    pub fn each_decided_sharing(&self, mut each: impl FnMut(&PlanRow<'_>) -> Result<()>) -> Result<()> {
        let mut sharing = self.sharing.walk(0);
        let mut rows = self.rows.read();
        while let Some(mut row) = rows.next_value()? {
            self.share(&mut row, &mut sharing);
            each(&row)?;
        }
        Ok(())
    }

    /// The row of one person, if there is something to say or to do; of a plan with `decide_all`, whoever it is.
    ///
    /// # Errors
    /// As [`Plan::write_rows`].
    pub fn row(&self, sourced_id: &str) -> Result<Option<PlanRow<'static>>> {
        let mut sharing = self.sharing.walk(0);
        let mut rows = self.rows.read();
        while let Some(mut row) = rows.next_value::<PlanRow<'_>>()? {
            if row.sourced_id == sourced_id {
                self.share(&mut row, &mut sharing);
                return Ok(Some(row).filter(PlanRow::is_of_interest).map(PlanRow::into_owned));
            }
        }
        Ok(None)
    }

    /// Hands over the people of the roster who have no account.
    ///
    /// # Errors
    /// As [`Plan::write_rows`].
    pub fn each_bystander(&self, each: impl FnMut(Bystander) -> Result<()>) -> Result<()> {
        self.bystanders.each(each)
    }

    /// Hands over the accounts that are added and nothing else.
    ///
    /// # Errors
    /// As [`Plan::write_rows`].
    pub fn each_newcomer(&self, mut each: impl FnMut(&Newcomer<'_>) -> Result<()>) -> Result<()> {
        let mut newcomers = self.newcomers.read();
        while let Some(newcomer) = newcomers.next_value()? {
            each(&newcomer)?;
        }
        Ok(())
    }

    /// Hands over what else is to be written to the store, while the next are already read back.
    ///
    /// # Errors
    /// As [`Plan::write_rows`].
    pub fn each_write(&self, mut each: impl FnMut(Write) -> Result<()>) -> Result<()> {
        thread::scope(|scope| {
            let (give, take) = sync_channel::<Vec<Write>>(2);
            let reader = scope.spawn(move || {
                let mut batch = Vec::with_capacity(BATCH);
                let mut writes = self.writes.read();
                while let Some(write) = writes.next_value()? {
                    batch.push(write);
                    // Whoever takes them has met an error, and tells of it.
                    if batch.len() == BATCH && give.send(std::mem::take(&mut batch)).is_err() {
                        return Ok(());
                    }
                }
                let _ = give.send(batch);
                Ok(())
            });
            let mut done = Ok(());
            while done.is_ok()
                && let Ok(batch) = take.recv()
            {
                done = batch.into_iter().try_for_each(&mut each);
            }
            drop(take);
            let read: Result<()> = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            done.and(read)
        })
    }

    /// Whether the roster mentions a person.
    pub fn mentions(&self, sourced_id: &str) -> bool {
        self.survey.mentions(sourced_id)
    }

    /// Whether the store or the roster knows a person, by the key of the sourcedId.
    pub fn knows(&self, key: u64) -> bool {
        self.survey.knows(key)
    }

    /// Puts away what was decided, for the next run. After everything else was written; `created` are the people whose
    /// accounts were added, in the order of their ids.
    ///
    /// # Errors
    /// Those of the store.
    pub fn remember(&self, store: &Store, created: &[u32]) -> Result<()> {
        let before = self.survey.directory.accounts();
        let accounts = before + created.len();
        let mut changed = self.memory.changed().to_vec();
        if !created.is_empty() {
            // The last chunk has more accounts than it had.
            changed.truncate(before / CHUNK);
        }
        let number = |account: usize| match account.checked_sub(before) {
            None => u32::try_from(account).unwrap_or(u32::MAX),
            Some(new) => created[new],
        };
        let who = |account: usize| {
            let number = number(account);
            (self.survey.directory.key(number), self.memory.state(number))
        };
        // The accounts of those who had none, by number: the id less one, or 0 for whoever still has none.
        let mut new: Vec<u32> = Vec::new();
        for (account, number) in (before..).zip(created) {
            let at = *number as usize - before;
            new.resize(new.len().max(at + 1), 0);
            new[at] = u32::try_from(account).unwrap_or(u32::MAX);
        }
        let account = |number: u32| match (number as usize).checked_sub(before) {
            None => Some(number as usize),
            Some(at) => new.get(at).filter(|account| **account as usize >= before).map(|new| *new as usize),
        };
        for first in (0..accounts.div_ceil(CHUNK)).step_by(CHUNKS_AT_ONCE) {
            let chunks = first..accounts.div_ceil(CHUNK).min(first + CHUNKS_AT_ONCE);
            let mut changes = Vec::new();
            self.memos.each(|Memo { number, record, export, credentials, state: _ }| {
                if let Some(account) = account(number).filter(|account| chunks.contains(&(account / CHUNK))) {
                    changes.push(MemoChange { account, record, export, credentials });
                }
                Ok(())
            })?;
            changes.sort_by_key(|change| change.account);
            store.put_memos(chunks, accounts, &changed, who, &changes)?;
        }
        store.memos_are_put()?;
        for number in &self.forgotten {
            store.remove_memo_row(i64::from(*number) + 1)?;
        }
        self.memo_rows.each(|(number, row)| match self.survey.directory.account(number) {
            Some(account) => store.put_memo_row(account, &row),
            None => Ok(()),
        })
    }

    /// The counts are those of the report's rows, and whether an unmentioned person has a row can depend on the others.
    fn count_rows_of_interest(&mut self) -> Result<()> {
        let mut none = 0;
        let mut sharing = self.sharing.walk(0);
        let mut rows = self.rows.read();
        while let Some(mut row) = rows.next_value()? {
            self.share(&mut row, &mut sharing);
            none += u64::from(!row.is_of_interest());
        }
        let unchanged = self.summary.actions.entry(Action::Unchanged).or_default();
        *unchanged = unchanged.saturating_sub(none);
        Ok(())
    }

    /// Finds out who those are who share something, and who seems to be whom.
    fn name_sharers(&mut self) -> Result<()> {
        let sharers = self.sharing.sharers();
        let follows = |place: u32| self.sources.get(place as usize) == Some(&Source::Record);
        let mut next = sharers.iter().copied().filter(|place| follows(*place)).peekable();
        let (mut roster, mut block) = (self.survey.roster.read(), Vec::new());
        let mut place = 0;
        while next.peek().is_some() && roster.next(&mut block)? {
            let mut records = kept::records(&block)?;
            while next.peek().is_some() {
                if next.peek() != Some(&place) {
                    if !records.skip()? {
                        break;
                    }
                } else if let Some(Kept { record, .. }) = records.next_record()? {
                    let part = Option::unwrap_or_default;
                    let name = PersonName::new(part(record.given_name), part(record.family_name));
                    self.sharing.name(place, record.sourced_id, &name);
                    next.next();
                } else {
                    break;
                }
                place += 1;
            }
        }
        let mut rows = self.rows.read();
        while let Some(bytes) = rows.next_bytes()? {
            let head: RowHead = spool::first_of(bytes)?;
            if sharers.binary_search(&head.place).is_ok() {
                let row: PlanRow<'_> = spool::first_of(bytes)?;
                if row.is_live() {
                    self.sharing.name(row.place, &row.sourced_id, &row.details.name);
                }
            }
        }
        self.sharing.compare();
        Ok(())
    }

    /// Finds those among the new who are like somebody who is archived, before or by this run.
    fn find_rekeys(&mut self, store: &Store) -> Result<()> {
        if self.summary.count(Action::Created) == 0 {
            return Ok(());
        }
        let mut gone: HashSet<u64> = HashSet::new();
        let known = &self.survey.directory;
        let archived = |number: &u32| self.memory.state(*number) & ARCHIVED != 0;
        let mut archived = known.with_account().filter(archived).peekable();
        if archived.peek().is_some() {
            let renamed = store.rekeyed()?;
            for id in archived.filter_map(|number| known.account(number)).filter(|id| !renamed.contains(id)) {
                let account = store.account_by_id(id)?;
                gone.extend(account.iter().flat_map(|account| likeness_keys(&account.details)).flatten());
            }
        }
        if self.summary.count(Action::Archived) > 0 {
            self.each_of(Action::Archived, |row| {
                gone.extend(likeness_keys(&row.details).into_iter().flatten())
            })?;
        }
        if gone.is_empty() {
            return Ok(());
        }
        let mut rekeys = Vec::new();
        self.each_of(Action::Created, |row| {
            if likeness_keys(&row.details).into_iter().flatten().any(|key| gone.contains(&key)) {
                rekeys.push(row.place);
            }
        })?;
        self.sharing.rekeys = rekeys;
        Ok(())
    }

    /// Hands over the rows of an action.
    fn each_of(&self, action: Action, mut each: impl FnMut(&PlanRow<'_>)) -> Result<()> {
        let mut rows = self.rows.read();
        while let Some(bytes) = rows.next_bytes()? {
            let head: RowHead = spool::first_of(bytes)?;
            if head.action == action {
                each(&spool::first_of(bytes)?);
            }
        }
        Ok(())
    }
}

/// So many chunks of memos are put away at once, and what has changed of so many people is in memory for it.
const CHUNKS_AT_ONCE: usize = 128;

/// A block of the roster on its way to whoever writes its rows, with what was decided of it.
struct Piece<'a> {
    block: Vec<u8>,
    text: Vec<u8>,
    sources: &'a [Source],
    /// Of the first record.
    place: u32,
    /// Values of [`PlanRow`], as a spool has them.
    rows: Vec<u8>,
}

struct Written {
    block: Vec<u8>,
    text: Vec<u8>,
}

impl PlanRow<'_> {
    /// Whether there is an account that is not archived.
    fn is_live(&self) -> bool {
        !matches!(self.state.as_ref(), "" | "archived")
    }

    /// Someone whom a delta does not mention has a row only if there is something to say.
    fn is_of_interest(&self) -> bool {
        self.line.is_some() || self.action != Action::Unchanged || !self.notes.is_empty()
    }
}

/// Makes the plan of a run. Reads the store, writes nothing. `progress` is told how many records are done; with
/// `decide_all` nobody is passed over.
///
/// # Errors
/// Those of the store.
pub fn build(
    mode: Mode,
    mut survey: Survey,
    store: &Store,
    export: &Export,
    rules: &Rules,
    decide_all: bool,
    mut progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Plan> {
    let mut memory = std::mem::take(&mut survey.memory);
    let today = rules.today.to_string();
    let population = memory.population(&survey.directory);
    // Who is refused a credential depends on others, and a delta is not all that there is to know.
    let memo = mode != Mode::Delta && rules.shared_contacts == SharedContacts::Allow;
    let sources = sort(&survey, Some(&memory).filter(|_| memo && !decide_all));
    memory.forget_records();
    let refused = match rules.shared_contacts {
        SharedContacts::Allow => Refused::default(),
        SharedContacts::Unique => {
            refuse_credentials(&survey, store, export, rules, &today, mode, &sources, &mut memory)?
        }
    };
    let desk = Desk { survey: &survey, rules, today: &today, mode, refused: &refused, watch: false, memo };
    let mut planner = Planner::new(&desk, store, export, &sources, &mut memory);
    planner.people.reserve(sources.iter().filter(|source| source.is_among_rows()).count());
    planner.walk(&mut progress)?;
    let Planner { mut total, mut spools, people, forgotten, .. } = planner;
    let passed_over = sources.iter().filter(|source| **source == Source::Record).count() as u64;
    *total.summary.actions.entry(Action::Unchanged).or_default() += passed_over;
    total.summary.accounts_before = population.0 + population.1;
    // Who is taken back to pending counts among them: they are what a share of is to be allowed.
    total.summary.active = population.1 + total.became_active;
    total.summary.records = survey.records;
    total.summary.without_id = survey.without_id;
    spools.finish()?;
    let Spools { rows, newcomers, writes, bystanders, memos, memo_rows } = spools;
    let sharing = share(people, passed_over > 0, &survey, &sources, store)?;
    let mut plan = Plan {
        summary: total.summary,
        checksum: total.checksum.finish(rules),
        rules: rules.clone(),
        sharing,
        survey,
        memory,
        sources,
        rows,
        newcomers,
        writes,
        bystanders,
        memos,
        memo_rows,
        forgotten,
    };
    plan.name_sharers()?;
    plan.find_rekeys(store)?;
    if mode != Mode::Bulk {
        plan.count_rows_of_interest()?;
    }
    Ok(plan)
}

/// Who shares a credential: the people who were decided on, and those who were passed over with what they held before.
fn share(
    people: People,
    passed_over: bool,
    survey: &Survey,
    sources: &[Source],
    store: &Store,
) -> Result<Sharing> {
    if !passed_over {
        return Ok(people.settle(&Others { places: &[], credentials: Default::default() }));
    }
    let mut places = vec![NOWHERE; survey.directory.accounts()];
    for (place, source) in (0_u32..).zip(sources) {
        if *source == Source::Record
            && let Some(at) = survey.person_of(place).and_then(|person| places.get_mut(person as usize))
        {
            *at = place;
        }
    }
    let credentials = store.memo_credentials(places.len())?;
    Ok(people.settle(&Others { places: &places, credentials }))
}

/// How many writes are handed over at once.
const BATCH: usize = 256;

/// Where the parts of a plan are kept.
#[derive(Default)]
struct Spools {
    rows: Values<PlanRow<'static>>,
    newcomers: Values<Newcomer<'static>>,
    writes: Values<Write>,
    bystanders: Values<Bystander>,
    memos: Values<Memo>,
    memo_rows: Values<(u32, Vec<u8>)>,
}

impl Spools {
    fn finish(&mut self) -> Result<()> {
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
struct Total {
    summary: Summary,
    checksum: Checksum,
    became_active: u64,
}

struct Planner<'a> {
    desk: &'a Desk<'a>,
    store: &'a Store,
    export: &'a Export,
    /// sourcedIds with rows that differ which have been answered once.
    answered: HashSet<String>,
    total: Total,
    spools: Spools,
    sources: &'a [Source],
    /// What was decided on everybody last, brought up to what is decided now.
    memory: &'a mut Memory,
    people: People,
    forgotten: Vec<u32>,
    claims: [BTreeMap<String, Claim>; 2],
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
    fn new(
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
            claims: Default::default(),
        }
    }

    /// Goes through the roster, and then through those whom it does not mention.
    fn walk(&mut self, progress: &mut dyn FnMut(u64) -> ControlFlow<()>) -> Result<()> {
        let desk = self.desk;
        thread::scope(|scope| {
            let mut deciders = Lanes::start(scope, || move |work| decide(desk, work));
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
            return Ok(Task::Decide { stored: None, export: None, again: false });
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
        Ok(Task::Decide { stored, export: self.export.row(id)?, again })
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
        Ok(Person { place, number: Some(number), hash: None, stored, export: self.export.row(sourced_id)? })
    }

    /// Takes in what a block came to.
    fn merge(&mut self, draft: Draft) -> Result<()> {
        let total = &mut self.total;
        total.summary.merge(draft.summary);
        total.checksum.merge(&draft.checksum);
        total.became_active += draft.became_active;
        self.people.merge(draft.people);
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

/// Walks through the roster to see who would hold which credential, and who is to be refused.
#[expect(clippy::too_many_arguments, reason = "all that a plan is made from")]
fn refuse_credentials(
    survey: &Survey,
    store: &Store,
    export: &Export,
    rules: &Rules,
    today: &str,
    mode: Mode,
    sources: &[Source],
    memory: &mut Memory,
) -> Result<Refused> {
    // A refusal can change more than the one field: somebody who gets no new mobile keeps an email that was to be
    // cleared, for one. So it is walked again with what is known to be refused, until nothing is added.
    let mut refused = Refused::default();
    loop {
        let desk = Desk { survey, rules, today, mode, refused: &refused, watch: true, memo: false };
        let mut planner = Planner::new(&desk, store, export, sources, memory);
        planner.walk(&mut |_| ControlFlow::Continue(()))?;
        let claims = planner.claims;
        let mut more = false;
        for (claims, refused) in claims.iter().zip(&mut refused.0) {
            for (id, holder) in refusals(claims) {
                more |= !refused.contains_key(&id);
                refused.entry(id).or_insert(holder);
            }
        }
        if !more {
            return Ok(refused);
        }
    }
}
