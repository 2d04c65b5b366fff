//! Reading the roster, and taking in what it says of everybody.

use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::orgs::Orgs;
use super::{
    AS_REMEMBERED, BLANK_AGENTS, BLANK_ORGS, GONE, GUARDIAN, LISTLESS, Link, NOBODY, ORGLESS, Said, Survey,
    is_guardian_today, record_print,
};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::plan::known::{Known, Near};
use crate::plan::rules::Rules;
use crate::plan::texts::Texts;
use crate::roster::ids;
use crate::roster::kept::{self, Block};
use crate::roster::{Mode, Record};
use crate::source::{AfterRead, RosterSource};
use crate::spool::{BLOCK, Spool};
use crate::store::Store;

/// What a survey came to.
pub struct Surveyed<T> {
    pub source: Arc<dyn RosterSource>,
    pub after: AfterRead,
    pub survey: Survey,
    /// What was prepared meanwhile.
    pub prepared: T,
}

/// Opens a source and reads it, once and completely, before anything is decided.
///
/// It is opened and read in a thread of its own; meanwhile `prepare` comes to know whom the store knows. `progress` is
/// told how many records there are so far.
///
/// # Errors
/// Those of `prepare` and of the source; `InputUnusable` if the roster names nobody, or nobody at any configured school.
pub fn survey<T>(
    open: impl FnOnce() -> Result<Box<dyn RosterSource>> + Send,
    prepare: impl FnOnce(&mut Findings) -> Result<(Known, T)>,
    store: &Store,
    rules: &Rules,
    findings: &mut Findings,
    progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Surveyed<T>> {
    let seed = rules.seed();
    let (roster, waiting) = (Spool::default(), AtomicUsize::new(0));
    let today = rules.today.to_string();
    let (mut survey, prepared, source, doubles, after) = thread::scope(|scope| {
        let (tell_source, source) = channel();
        let (tell_block, blocks) = channel();
        let (give_back, spare) = channel();
        let (roster, waiting) = (&roster, &waiting);
        let reader = thread::Builder::new()
            .spawn_scoped(scope, move || read(open, seed, roster, &tell_source, &tell_block, waiting, &spare))
            .map_err(Failure::no_thread)?;
        let arrivals = Arrivals { blocks, waiting, spare: give_back };
        let (known, prepared) = prepare(findings)?;
        let taken = source.recv().ok().map(|source: Arc<dyn RosterSource>| {
            findings.merge(&source.about().findings);
            let mut survey = Survey::new(known);
            survey.orgs = Orgs::new(&source.about().schools, store, rules)?;
            let doubles = survey.take_in_all(&*source, roster, &arrivals, &today, progress)?;
            Ok((survey, prepared, source, doubles))
        });
        // Whoever still reads need not go on.
        drop(arrivals);
        let (own, outcome) = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        findings.merge(&own);
        // A roster that was not read to its end explains whatever else seems wrong with it.
        let after = outcome?;
        let taken =
            taken.unwrap_or_else(|| Err(Failure::new(Kind::Failed, "the thread that reads has stopped")));
        taken.map(|(survey, prepared, source, doubles)| (survey, prepared, source, doubles, after))
    })?;
    survey.roster = roster;
    let file = source.about().users_name;
    if !doubles.is_empty() {
        survey.look_at_doubles(rules, &doubles, file, findings)?;
    }
    let mode = source.about().mode;
    survey.hear(store, mode, rules, file, findings)?;
    survey.look_at_columns(source.about(), &after.files, rules, findings);
    // A row that names nobody may be about anybody: then nobody loses what is known of them.
    let lost_roles = mode == Mode::Bulk && survey.has_lost_roles(rules, file, findings);
    let doubt = source.about().has_unclear_rows || survey.without_id > 0 || lost_roles;
    survey.unclear = doubt || mode == Mode::Unknown;
    survey.ask_the_store(store, mode, doubt, &today)?;
    survey.families.sort_unstable();
    survey.families.dedup();
    survey.keep_last_schools(store, mode, &today)?;
    survey.refuse_other_schools(&*source, rules)?;
    survey.say_foreign_roles(file, findings);
    survey.ways = Texts::default();
    Ok(Surveyed { source, after, survey, prepared })
}

/// Opens a source and reads it to its end, into the spool. Tells of the source, and how many records each block has.
fn read(
    open: impl FnOnce() -> Result<Box<dyn RosterSource>>,
    seed: u64,
    roster: &Spool,
    tell_source: &Sender<Arc<dyn RosterSource>>,
    tell_block: &Sender<Arrived>,
    on_the_way: &AtomicUsize,
    spare: &Receiver<Vec<u8>>,
) -> (Findings, Result<AfterRead>) {
    let mut findings = Findings::default();
    let source: Arc<dyn RosterSource> = match open() {
        Ok(source) => source.into(),
        Err(failure) => return (findings, Err(failure)),
    };
    // If nobody waits for it, the first block finds out.
    let _ = tell_source.send(Arc::clone(&source));
    let mut block = Block::default();
    let mut failed = None;
    let mut put = |block: &mut Block| {
        let records = block.records();
        let bytes = block.finish(spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(BLOCK + BLOCK / 8)));
        if let Err(failure) = roster.push(&bytes) {
            failed = Some(failure);
            return ControlFlow::Break(());
        }
        // Whoever takes it in may be behind, and finds it in the spool.
        let at_hand = on_the_way.fetch_add(1, Ordering::Relaxed) < AT_HAND;
        match tell_block.send(Arrived { records, bytes: at_hand.then_some(bytes) }) {
            Ok(()) => ControlFlow::Continue(()),
            // Nobody takes it any more: there is no point in going on.
            Err(_) => ControlFlow::Break(()),
        }
    };
    let outcome = source.read(&mut findings, &mut |record| {
        match ids::encoded(record.sourced_id) {
            Cow::Borrowed(_) => block.append(record, seed),
            Cow::Owned(sourced_id) => block.append(&Record { sourced_id: &sourced_id, ..*record }, seed),
        }
        if block.size() < BLOCK { ControlFlow::Continue(()) } else { put(&mut block) }
    });
    if outcome.is_ok() && block.records() > 0 {
        let _ = put(&mut block);
    }
    (findings, failed.map_or(outcome, Err))
}

/// So many blocks are handed over from memory to memory while they wait to be taken in; any more only by the spool.
const AT_HAND: usize = 8;

/// A block of the roster that has been read.
struct Arrived {
    records: u32,
    /// None: it is in the spool alone.
    bytes: Option<Vec<u8>>,
}

/// Blocks on their way from the thread that reads to the one that takes in.
struct Arrivals<'a> {
    blocks: Receiver<Arrived>,
    /// How many of them wait.
    waiting: &'a AtomicUsize,
    /// Memory that is not needed any more, on its way back.
    spare: Sender<Vec<u8>>,
}

impl Survey {
    /// Takes in the whole roster, block by block as it comes in. Returns those of whom there seem to be several rows.
    fn take_in_all(
        &mut self,
        source: &dyn RosterSource,
        roster: &Spool,
        arrivals: &Arrivals<'_>,
        today: &str,
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<HashSet<u32>> {
        let mode = source.about().mode;
        let mut doubles: HashSet<u32> = HashSet::new();
        let (mut scratch, mut near) = (String::new(), Near::default());
        let (mut reader, mut own) = (roster.read(), Vec::new());
        for Arrived { records: count, bytes } in &arrivals.blocks {
            arrivals.waiting.fetch_sub(1, Ordering::Relaxed);
            let block = match &bytes {
                Some(block) => {
                    reader.pass(block.len());
                    block
                }
                None => {
                    reader.next(&mut own)?;
                    &own
                }
            };
            self.blocks.push(count);
            let mut records = kept::records(block)?;
            while let Some(kept) = records.next_record()? {
                let record = &kept.record;
                self.records += 1;
                for (count, cell) in self.contacts.iter_mut().zip([record.email, record.sms, record.phone]) {
                    *count += u64::from(cell.is_some_and(|cell| !cell.is_empty()));
                }
                if record.sourced_id.is_empty() {
                    self.without_id += 1;
                    self.people_of.push(NOBODY);
                    continue;
                }
                let person = self.number(kept.key, &mut near);
                let remembered = self.memory.record(person);
                let same =
                    remembered.is_some_and(|last| last == record_print(kept.hash, record.roles, today));
                self.people_of.push(if same { person | AS_REMEMBERED } else { person });
                if self.is_mentioned(person) {
                    doubles.insert(person);
                } else {
                    self.people += 1;
                }
                self.take_in(record, person, mode, today, &mut scratch);
            }
            self.link_all();
            if let Some(block) = bytes {
                // Whoever reads may be done already.
                let _ = arrivals.spare.send(block);
            }
            if progress(self.records).is_break() {
                break;
            }
        }
        if self.people == 0 {
            return Err(Failure::new(Kind::InputUnusable, "no row of the roster has a sourcedId")
                .at(&source.about().name)
                .cure("have the export made again; nothing was changed"));
        }
        Ok(doubles)
    }

    /// Nobody at any of the schools that are synced: then it is another district's export, or the configuration is wrong. A delta
    /// may well be about other schools only; it archives nobody for that.
    fn refuse_other_schools(&self, source: &dyn RosterSource, rules: &Rules) -> Result<()> {
        if rules.synced_schools.is_empty() || source.about().mode == Mode::Delta {
            return Ok(());
        }
        let synced: Vec<bool> = self
            .sets
            .iter()
            .map(|set| set.iter().any(|school| rules.synced_schools.contains(school)))
            .collect();
        let here = |number: usize| {
            self.marks[number] & super::MENTIONED != 0
                && synced.get(self.sets_of[number] as usize).copied().unwrap_or_default()
        };
        if (0..self.sets_of.len()).any(here) {
            return Ok(());
        }
        Err(Failure::new(
            Kind::InputUnusable,
            "no user in the roster is at any of the configured schools",
        )
        .at(&source.about().name)
        .cure(
            "check `schools` in [sync] against orgs.csv, and that this is the right export; nothing was changed",
        ))
    }

    /// Looks up those whom somebody lists as family. Many at once: each is somewhere else in memory, and the waiting for
    /// them goes on side by side.
    pub(super) fn link_all(&mut self) {
        let mut links = std::mem::take(&mut self.links);
        self.link_count += links.len() as u64;
        let room = self.families.capacity() - self.families.len();
        if room < 2 * links.len() {
            // Not twice as much: of a million families that would be a lot of room for nobody.
            self.families.reserve_exact(2 * links.len() + self.families.len() / 8);
        }
        for Link { person, agent, as_guardian, as_student } in links.drain(..) {
            let mut near = self.agents_near;
            let agent = self.number(agent, &mut near);
            self.agents_near = near;
            if as_guardian {
                self.families.push((person, agent));
            }
            if as_student {
                self.families.push((agent, person));
            }
        }
        self.links = links;
    }

    /// Takes in one row: at once if it is the whole word on the person, otherwise to be held against the store.
    fn take_in(&mut self, record: &Record<'_>, person: u32, mode: Mode, today: &str, scratch: &mut String) {
        let gone = record.deleted && record.defect.is_none() && mode != Mode::Unknown;
        let whole = mode == Mode::Bulk && record.defect.is_none() && !record.roles.0.is_empty();
        let mut guardian = false;
        if gone {
            if !self.is_mentioned(person) {
                self.marks[person as usize] |= GONE;
            }
            self.put_schools(person, &[]);
        } else if whole {
            let way = self.way(record.roles, record.orgs, today, scratch);
            guardian = way.guardian_today;
            self.placed += u64::from(!way.blank && !way.orgless);
            self.count_roles(record, way);
            self.mark_said(person, way.orgless, way.blank, record.agents.map(|list| list.0));
            if way.odd {
                self.put_schools(person, &[]);
                self.odd.entry(person).or_default().push(Said::of(record));
            } else {
                self.put_set(person, way.set);
                if let Some(agents) = record.agents {
                    self.link(person, way, agents);
                }
            }
        } else {
            self.put_schools(person, &[]);
            self.roleless += u64::from(record.defect.is_none() && record.roles.0.is_empty());
            let said = match record.defect {
                Some(_) => Said::default(),
                None => Said::of(record),
            };
            self.unsettled.entry(person).or_default().push(said);
            guardian = is_guardian_today(record.roles, today);
        }
        if !gone {
            self.marks[person as usize] &= !GONE;
        }
        if guardian {
            self.marks[person as usize] |= GUARDIAN;
        }
    }

    /// Notes whether a row says where its person is, and who belongs to the person.
    fn mark_said(&mut self, person: u32, orgless: bool, blank: bool, agents: Option<&str>) {
        let marks = &mut self.marks[person as usize];
        if orgless {
            *marks |= ORGLESS;
        } else if blank {
            *marks |= BLANK_ORGS;
        }
        match agents {
            None => *marks |= LISTLESS,
            Some("") => *marks |= BLANK_AGENTS,
            Some(_) => self.linked += 1,
        }
    }

    fn count_roles(&mut self, record: &Record<'_>, way: super::Way) {
        self.held[way.held as usize].1 += 1;
        if way.foreign {
            for held in record.roles.iter() {
                let role = crate::roles::canonical(held.role);
                if !crate::roles::is_known(&role) {
                    *self.foreign.entry(role.into_owned()).or_default() += 1;
                }
            }
        }
    }
}
