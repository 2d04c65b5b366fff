//! Reading the roster, and taking in what each record says.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::link_classes::{Restricted, has_other_links};
use super::orgs::Orgs;
use super::people::{LookupHint, PersonIndex};
use super::tallies::Tallies;
use super::{
    BLANK_AGENTS, BLANK_ORGS, GONE, GUARDIAN, LISTLESS, MENTIONED, NO_PERSON, NO_SET, ORGLESS, RosterIndex,
    STUDENT,
};
use crate::cache::Cache;
use crate::erased::Erased;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::history;
use crate::roles;
use crate::roster::ids;
use crate::roster::kept::{self, Block, Kept};
use crate::roster::{
    Defect, EVERY, IdList, Mode, Record, Relations, RoleList, current_roles, distinct, own_schools,
};
use crate::rules::Rules;
use crate::source::{About, AfterRead, RosterSource};
use crate::spool::{BLOCK, Spool};
use crate::store::Store;

/// The roles, schools and links of one row, kept until it is compared with the store.
#[derive(Clone, Default)]
pub(super) struct FamilyRow {
    pub(super) line: Option<u64>,
    pub(super) roles: String,
    pub(super) orgs: Option<String>,
    pub(super) agents: Option<String>,
    /// Links of other classes.
    pub(super) emergency: String,
    pub(super) barred: String,
    /// Some part of the schools, or of the links, is no id that is known: what the store knows
    /// stands as well.
    pub(super) orgs_partly: bool,
    pub(super) agents_partly: bool,
}

impl FamilyRow {
    pub(super) fn of(record: &Record<'_>) -> Self {
        let own = |list: Option<IdList<'_>>| list.map(|list| list.0.to_owned());
        Self {
            line: record.line,
            roles: record.roles.0.to_owned(),
            orgs: own(record.orgs),
            agents: own(record.agents),
            emergency: own(record.emergency).unwrap_or_default(),
            barred: own(record.barred).unwrap_or_default(),
            ..Self::default()
        }
    }
}

/// A person with more rows that differ cannot be used. It is more than a district has schools.
pub(super) const MOST_ROWS: usize = 5_000;

/// Adds a row to those of a person.
fn keep_row(rows: &mut Vec<FamilyRow>, row: FamilyRow) {
    // One more shows that there are too many.
    if rows.len() <= MOST_ROWS {
        rows.push(row);
    }
}

/// The meaning of a list of roles with its orgs; worked out once for equal texts.
#[derive(Clone, Copy)]
pub(super) struct RolesAndOrgs {
    pub(super) set: u32,
    /// Guardian; something else.
    pub(super) as_guardian: bool,
    pub(super) as_student: bool,
    /// [`GUARDIAN`] and [`STUDENT`], by the roles that are held today.
    pub(super) today: u8,
    /// The schools are not said, or not all of them.
    pub(super) orgless: bool,
    /// It is said that there is no school.
    pub(super) blank: bool,
    pub(super) odd: bool,
    pub(super) foreign: bool,
    pub(super) held: u32,
    /// Where people with these roles at these schools are counted.
    pub(super) tally: u32,
}

/// A person whom another one lists as family.
pub(super) struct Link {
    pub(super) person: u32,
    pub(super) agent: u64,
    /// The person is the guardian; the other is.
    pub(super) as_guardian: bool,
    pub(super) as_student: bool,
}

/// References to ids that neither the roster nor the store knows.
#[derive(Default)]
pub(super) struct Dangling {
    pub(super) ids: BTreeSet<u64>,
    /// References to ids that were not among those of the last good night.
    pub(super) new: u64,
}

/// The index while it is built, and the data that only building needs.
#[derive(Default)]
pub(super) struct Intake {
    pub(super) index: RosterIndex,
    pub(super) mentioned: u64,
    pub(super) doubles: HashSet<u32>,
    /// The sets of people that were put at other schools by another row, besides their first ones.
    wider: HashMap<u32, Vec<u32>>,
    /// What rows say that do not say everything, by person.
    pub(super) unsettled: HashMap<u32, Vec<FamilyRow>>,
    /// Rows with an org that is no known id, and rows that are one person together.
    pub(super) odd: HashMap<u32, Vec<FamilyRow>>,
    meanings: Cache<RolesAndOrgs>,
    held_numbers: HashMap<Box<str>, u32>,
    /// Words for roles that OneRoster does not have, and how many records have each.
    pub(super) foreign: BTreeMap<String, u64>,
    /// Links that have not been looked up yet, how many there were, and where the last one was
    /// found.
    pub(super) links: Vec<Link>,
    pub(super) link_count: u64,
    /// Links that may not be used, by the guardian.
    pub(super) restricted: HashMap<u32, Restricted>,
    pub(super) agents_hint: LookupHint,
    pub(super) dangling_orgs: Dangling,
    pub(super) dangling_agents: Dangling,
    /// What a complete roster is like, in numbers.
    pub(super) tallies: Tallies,
}

pub struct Read<T> {
    pub about: About,
    pub after: AfterRead,
    pub index: RosterIndex,
    pub prepared: T,
}

/// Opens a source and reads it, once and completely, before anything is decided.
///
/// A thread of its own opens it, reads it, and drops it at once: the roles of a 1.2 export alone take
/// 24 bytes for each person. Meanwhile `prepare` reads which people the store knows, and something of
/// the caller's. `each` is told of every record with a sourcedId: the person, and whether it is the
/// person's first. `is_archived` says it of a person with an account. `progress` is told how many
/// records there are so far.
///
/// # Errors
/// Those of `prepare` and of the source; `InputUnusable` if no record has a sourcedId, or no user
/// is at a configured school.
pub fn read<T>(
    open: impl FnOnce() -> Result<Box<dyn RosterSource>> + Send,
    prepare: impl FnOnce(&mut Findings) -> Result<(PersonIndex, T)>,
    mut each: impl FnMut(&mut T, u32, &Kept<'_>, bool),
    is_archived: impl Fn(&T, u32) -> bool,
    (store, rules): (&Store, &Rules),
    findings: &mut Findings,
    progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Read<T>> {
    let seed = rules.seed();
    let (records, waiting) = (Spool::default(), AtomicUsize::new(0));
    let today = rules.today.to_string();
    let (mut intake, prepared, about, after) = thread::scope(|scope| {
        let (tell_about, about) = channel();
        let (tell_block, blocks) = channel();
        let (give_back, spare) = channel();
        let (records, waiting) = (&records, &waiting);
        let tell = Tell { about: tell_about, block: tell_block, waiting, spare };
        let lists_all = findings.lists_all();
        let reader = thread::Builder::new()
            .spawn_scoped(scope, move || {
                read_source(open, (seed, &rules.erased), records, &tell, Findings::listing(lists_all))
            })
            .map_err(Failure::no_thread)?;
        let arrivals = Arrivals { blocks, waiting, spare: give_back };
        let (people, mut prepared) = prepare(findings)?;
        let taken = about.recv().ok().map(|about: About| {
            findings.merge(&about.findings);
            let mut intake = Intake::new(people, Orgs::new(&about.schools, store, rules)?);
            let each = |person, kept: &Kept<'_>, is_first| each(&mut prepared, person, kept, is_first);
            intake.take_in_all(&about, records, &arrivals, &today, each, progress)?;
            Ok((intake, about))
        });
        // If the reader is not done, it need not go on.
        drop(arrivals);
        let (own, outcome) = reader.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        findings.merge(&own);
        // A roster that was not read to its end explains whatever else seems wrong with it.
        let after = outcome?;
        let taken =
            taken.unwrap_or_else(|| Err(Failure::new(Kind::Failed, "the thread that reads has stopped")));
        taken.map(|(intake, about)| (intake, prepared, about, after))
    })?;
    intake.index.records = records;
    let is_archived = |person| is_archived(&prepared, person);
    let index = intake.finish(&about, &after, is_archived, (store, rules), findings)?;
    Ok(Read { about, after, index, prepared })
}

/// Takes in a roster once more that was read before, since accounts have other sourcedIds by now.
/// `people` has the accounts. What there is to say of the roster has been said.
///
/// # Errors
/// As [`read`].
pub fn read_again(
    roster: RosterIndex,
    people: PersonIndex,
    each: impl FnMut(u32, &Kept<'_>, bool),
    is_archived: impl Fn(u32) -> bool,
    about: &About,
    after: &AfterRead,
    (store, rules): (&Store, &Rules),
) -> Result<RosterIndex> {
    let RosterIndex { records, blocks, .. } = roster;
    let (tell, arrived) = channel();
    let waiting = AtomicUsize::new(blocks.len());
    // All of them are in the spool.
    for records in blocks {
        let _ = tell.send(Arrived { records, bytes: None });
    }
    drop(tell);
    let (spare, _) = channel();
    let arrivals = Arrivals { blocks: arrived, waiting: &waiting, spare };
    let mut intake = Intake::new(people, Orgs::new(&about.schools, store, rules)?);
    let today = rules.today.to_string();
    intake.take_in_all(about, &records, &arrivals, &today, each, |_| ControlFlow::Continue(()))?;
    intake.index.records = records;
    intake.finish(about, after, is_archived, (store, rules), &mut Findings::default())
}

struct Tell<'a> {
    about: Sender<About>,
    block: Sender<Arrived>,
    waiting: &'a AtomicUsize,
    /// Memory that is not needed any more.
    spare: Receiver<Vec<u8>>,
}

/// Opens a source and reads it to its end, into the spool. Tells of the source, and how many
/// records each block has.
fn read_source(
    open: impl FnOnce() -> Result<Box<dyn RosterSource>>,
    (seed, erased): (u64, &Erased),
    records: &Spool,
    tell: &Tell<'_>,
    mut findings: Findings,
) -> (Findings, Result<AfterRead>) {
    let source = match open() {
        Ok(source) => source,
        Err(failure) => return (findings, Err(failure)),
    };
    // If nothing waits for the source, the first block finds out.
    let _ = tell.about.send(source.about().clone());
    let mut block = Block::default();
    let mut failed = None;
    let mut put = |block: &mut Block| {
        let count = block.records();
        let spare = tell.spare.try_recv().unwrap_or_else(|_| Vec::with_capacity(BLOCK + BLOCK / 8));
        let bytes = block.finish(spare);
        if let Err(failure) = records.push(&bytes) {
            failed = Some(failure);
            return ControlFlow::Break(());
        }
        // The thread that takes it in may be behind, and finds it in the spool.
        let at_hand = tell.waiting.fetch_add(1, Ordering::Relaxed) < AT_HAND;
        match tell.block.send(Arrived { records: count, bytes: at_hand.then_some(bytes) }) {
            Ok(()) => ControlFlow::Continue(()),
            // No thread takes it in any more.
            Err(_) => ControlFlow::Break(()),
        }
    };
    let outcome = source.read(&mut findings, &mut |record| {
        match ids::encoded(record.sourced_id) {
            Cow::Borrowed(_) if erased.is_empty() => block.append(record, seed),
            sourced_id => append(&Record { sourced_id: &sourced_id, ..*record }, seed, erased, &mut block),
        }
        if block.size() < BLOCK { ControlFlow::Continue(()) } else { put(&mut block) }
    });
    if outcome.is_ok() && block.records() > 0 {
        let _ = put(&mut block);
    }
    (findings, failed.map_or(outcome, Err))
}

/// Appends a record, of an erased person only that there is one. In the lists of other people no
/// erased person is left.
fn append(record: &Record<'_>, seed: u64, erased: &Erased, block: &mut Block) {
    if erased.is_empty() {
        return block.append(record, seed);
    }
    if erased.contains(record.sourced_id) {
        let nothing = Record { line: record.line, defect: Some(Defect::Erased), ..Record::default() };
        return block.append(&nothing, seed);
    }
    let lists = [record.agents, record.emergency, record.barred];
    let without = lists.map(|list| list.and_then(|list| erased.without(list.0)));
    let list = |at: usize| without[at].as_deref().map(IdList).or(lists[at]);
    let relations = record.relations.map(|relations| erased.lines_without(relations.0));
    let relations = relations.as_deref().map(Relations);
    block
        .append(&Record { agents: list(0), emergency: list(1), barred: list(2), relations, ..*record }, seed);
}

/// So many blocks are handed over from memory to memory while they wait to be taken in; any more
/// only by the spool.
const AT_HAND: usize = 8;

struct Arrived {
    records: u32,
    /// None: it is in the spool alone.
    bytes: Option<Vec<u8>>,
}

/// Blocks on their way from the thread that reads to the one that takes in.
struct Arrivals<'a> {
    blocks: Receiver<Arrived>,
    waiting: &'a AtomicUsize,
    /// Memory that is not needed any more, on its way back.
    spare: Sender<Vec<u8>>,
}

impl Intake {
    fn new(people: PersonIndex, orgs: Orgs) -> Self {
        let index = RosterIndex {
            sets_of: vec![NO_SET; people.count()],
            marks: vec![0; people.count()],
            families: Vec::with_capacity(people.count() / 2),
            // Most nights have about as many records as there are accounts.
            people_of: Vec::with_capacity(people.count() + people.count() / 16),
            people,
            orgs,
            ..RosterIndex::default()
        };
        let tallies = Tallies::of(index.people.count());
        Self { index, tallies, ..Self::default() }
    }

    /// Works out what can only be known at the end, in the order in which one follows from the
    /// other.
    fn finish(
        mut self,
        about: &About,
        after: &AfterRead,
        is_archived: impl Fn(u32) -> bool,
        (store, rules): (&Store, &Rules),
        findings: &mut Findings,
    ) -> Result<RosterIndex> {
        let (file, mode) = (about.users_name, about.mode);
        let today = rules.today.to_string();
        self.compare_doubles(rules, file, findings)?;
        self.read_odd_lists(store, mode, rules, file, findings)?;
        self.look_at_columns(about, &after.files, rules, findings);
        // A row without a sourcedId may be about any person: then nothing that is known of a person
        // is lost.
        let lost_roles = mode == Mode::Bulk && self.has_lost_roles(rules, file, findings);
        let doubt = about.has_unclear_rows || self.index.counts.without_id > 0 || lost_roles;
        self.index.unclear = doubt || mode == Mode::Unknown;
        self.index.partial = mode != Mode::Bulk;
        self.ask_the_store(store, mode, doubt, &today)?;
        self.keep_at_paused_schools((store, rules))?;
        self.widen_sets();
        self.take_in_missing(mode, is_archived, (store, rules))?;
        self.widen_sets();
        self.drop_restricted(&after.contacts, mode, store, rules)?;
        self.index.families.sort_unstable();
        self.index.families.dedup();
        self.keep_last_schools(store, mode, &today)?;
        self.refuse_other_schools(about, rules)?;
        self.say_foreign_roles(file, findings);
        let Self { mut index, dangling_orgs, dangling_agents, tallies, .. } = self;
        if mode == Mode::Bulk {
            index.night = tallies.night(&index.sets, &index.counts);
        }
        index.dangling = dangling_orgs.ids.into_iter().chain(dangling_agents.ids).collect();
        Ok(index)
    }

    fn take_in_all(
        &mut self,
        about: &About,
        roster: &Spool,
        arrivals: &Arrivals<'_>,
        today: &str,
        mut each: impl FnMut(u32, &Kept<'_>, bool),
        mut progress: impl FnMut(u64) -> ControlFlow<()>,
    ) -> Result<()> {
        let mode = about.mode;
        let (mut scratch, mut hint) = (String::new(), LookupHint::default());
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
            self.index.blocks.push(count);
            let mut records = kept::records(block)?;
            while let Some(kept) = records.next_record()? {
                let record = &kept.record;
                self.index.counts.records += 1;
                for (count, cell) in
                    self.index.counts.contacts.iter_mut().zip([record.email, record.sms, record.phone])
                {
                    *count += u64::from(cell.is_some_and(|cell| !cell.is_empty()));
                }
                if record.sourced_id.is_empty() {
                    self.index.counts.without_id += u64::from(record.defect != Some(Defect::Erased));
                    self.index.people_of.push(NO_PERSON);
                    continue;
                }
                let person = self.number(kept.key, &mut hint);
                self.index.people_of.push(person);
                let is_first = !self.index.is_mentioned(person);
                each(person, &kept, is_first);
                self.tallies.content = self.tallies.content.wrapping_add(kept.hash);
                self.tallies.is_looked_at = self.tallies.samples(kept.key);
                if is_first {
                    self.mentioned += 1;
                } else {
                    self.doubles.insert(person);
                }
                self.take_in(record, person, mode, today, &mut scratch);
            }
            self.link_all();
            if let Some(block) = bytes {
                // The thread that reads may be done already.
                let _ = arrivals.spare.send(block);
            }
            if progress(self.index.counts.records).is_break() {
                break;
            }
        }
        self.widen_sets();
        if self.mentioned == 0 {
            return Err(Failure::new(Kind::InputUnusable, "no row of the roster has a sourcedId")
                .at(&about.name)
                .cure("have the export made again; nothing was changed"));
        }
        Ok(())
    }

    /// Takes in one row: at once if it says everything about the person, otherwise to be held
    /// against the store.
    fn take_in(&mut self, record: &Record<'_>, person: u32, mode: Mode, today: &str, scratch: &mut String) {
        let gone = record.deleted && record.defect.is_none() && mode != Mode::Unknown;
        let whole = mode == Mode::Bulk && record.defect.is_none() && !record.roles.0.is_empty();
        let mut roles_today = 0;
        if has_other_links(record) && !gone {
            self.restricted.entry(person).or_default().add(record);
        }
        if gone {
            self.tallies.deleted += 1;
            if !self.index.is_mentioned(person) {
                self.index.marks[person as usize] |= GONE;
            }
            self.put_schools(person, &[]);
        } else if whole {
            let meaning = self.meaning_of(record.roles, record.orgs, today, scratch);
            roles_today = meaning.today;
            self.index.counts.placed += u64::from(!meaning.blank && !meaning.orgless);
            self.count_roles(record, meaning);
            let about = history::About {
                is_new: self.index.people.account(person).is_none(),
                is_placed: !meaning.blank && !meaning.orgless,
            };
            self.tallies.add(meaning.tally, record, about);
            let agents = if has_other_links(record) { Some(EVERY) } else { record.agents.map(|list| list.0) };
            self.mark_said(person, meaning.orgless, meaning.blank, agents);
            if meaning.odd {
                self.put_schools(person, &[]);
                keep_row(self.odd.entry(person).or_default(), FamilyRow::of(record));
            } else {
                self.put_set(person, meaning.set);
                if let Some(agents) = record.agents {
                    self.link(person, meaning, agents);
                }
            }
        } else {
            self.put_schools(person, &[]);
            self.index.counts.roleless += u64::from(record.defect.is_none() && record.roles.0.is_empty());
            let row = match record.defect {
                Some(_) => FamilyRow::default(),
                None => FamilyRow::of(record),
            };
            keep_row(self.unsettled.entry(person).or_default(), row);
            roles_today = marks_today(record.roles, today);
        }
        if !gone {
            self.index.marks[person as usize] &= !GONE;
        }
        self.index.marks[person as usize] |= roles_today;
    }

    /// Notes whether a row says where its person is, and which people belong to the person.
    fn mark_said(&mut self, person: u32, orgless: bool, blank: bool, agents: Option<&str>) {
        let marks = &mut self.index.marks[person as usize];
        if orgless {
            *marks |= ORGLESS;
        } else if blank {
            *marks |= BLANK_ORGS;
        }
        match agents {
            None => *marks |= LISTLESS,
            Some("") => *marks |= BLANK_AGENTS,
            Some(_) => self.index.counts.linked += 1,
        }
    }

    fn count_roles(&mut self, record: &Record<'_>, meaning: RolesAndOrgs) {
        self.index.counts.held[meaning.held as usize].1 += 1;
        if meaning.foreign {
            for held in record.roles.iter() {
                let role = roles::canonical(held.role);
                if !roles::is_known(&role) {
                    *self.foreign.entry(role.into_owned()).or_default() += 1;
                }
            }
        }
    }

    /// The number of a person; the next one for a person that is met for the first time.
    pub(super) fn number(&mut self, key: u64, hint: &mut LookupHint) -> u32 {
        let number = self.index.people.number(key, hint);
        if self.index.sets_of.len() < self.index.people.count() {
            self.index.sets_of.push(NO_SET);
            self.index.marks.push(0);
        }
        number
    }

    /// Adds schools to those of a person in the roster. Of several rows all count: a school too
    /// many protects a person's details, one too few would let the sync change them.
    pub(super) fn put_set(&mut self, person: u32, set: u32) {
        let own = &mut self.index.sets_of[person as usize];
        if *own == NO_SET {
            *own = set;
        } else if *own != set {
            // Not one set for each row: a person may have very many rows.
            let wider = self.wider.entry(person).or_default();
            if wider.len() < MOST_ROWS {
                wider.push(set);
            }
        }
        self.index.marks[person as usize] |= MENTIONED;
    }

    /// Gives people the schools of all their rows.
    pub(super) fn widen_sets(&mut self) {
        for (person, more) in std::mem::take(&mut self.wider) {
            let sets = &self.index.sets;
            let own = self.index.sets_of[person as usize];
            let all = std::iter::once(own).chain(more).flat_map(|set| sets.get(set)).map(String::as_str);
            let all: Vec<String> = distinct(all).into_iter().map(str::to_owned).collect();
            let all: Vec<&str> = all.iter().map(String::as_str).collect();
            self.index.sets_of[person as usize] = self.index.sets.number(&all);
        }
    }

    pub(super) fn put_schools(&mut self, person: u32, schools: &[&str]) {
        let set = self.index.sets.number(schools);
        self.put_set(person, set);
    }

    /// What roles and orgs come to. Most of a school's people write them alike.
    pub(super) fn meaning_of(
        &mut self,
        roles: RoleList<'_>,
        orgs: Option<IdList<'_>>,
        today: &str,
        scratch: &mut String,
    ) -> RolesAndOrgs {
        scratch.clear();
        scratch.push_str(roles.0);
        scratch.push(if orgs.is_some() { '\u{1}' } else { '\u{2}' });
        scratch.push_str(orgs.unwrap_or_default().0);
        if let Some(meaning) = self.meanings.get(scratch) {
            return *meaning;
        }
        let record = Record { roles, orgs, ..Record::default() };
        let own = own_schools(&record, today);
        let odd = orgs_of(&record).any(|org| !self.index.orgs.is_known(org));
        let schools: Vec<&str> = own.iter().copied().filter(|org| self.index.orgs.is_school(org)).collect();
        let set = self.index.sets.number(&schools);
        let guardian = |role: &str| roles::is_guardian(&roles::canonical(role));
        let current = current_roles(roles, today);
        let held = self.held_number(&current.join("|"));
        // Of 1.1's lists a blank one is said; a role of 1.2 always has an org, and where it has
        // none that is not said.
        let orgless = orgs.is_none() && roles.iter().any(|assignment| assignment.org.is_none());
        let meaning = RolesAndOrgs {
            set,
            as_guardian: roles.iter().any(|assignment| guardian(assignment.role)),
            as_student: roles.iter().any(|assignment| !guardian(assignment.role)),
            today: marks_of(&current),
            orgless,
            blank: !orgless && own.is_empty(),
            odd,
            foreign: roles.iter().any(|held| !roles::is_known(&roles::canonical(held.role))),
            held,
            tally: self.tallies.number(set, held),
        };
        self.meanings.put(scratch, meaning);
        meaning
    }

    pub(super) fn held_number(&mut self, joined: &str) -> u32 {
        if let Some(number) = self.held_numbers.get(joined) {
            return *number;
        }
        let number = u32::try_from(self.index.counts.held.len()).unwrap_or(u32::MAX);
        self.index.counts.held.push((joined.into(), 0));
        self.held_numbers.insert(joined.into(), number);
        number
    }
}

/// Every org that a record names, whether its role is held today or not.
pub(super) fn orgs_of<'a>(record: &Record<'a>) -> impl Iterator<Item = &'a str> {
    record.roles.iter().filter_map(|held| held.org).chain(record.orgs.unwrap_or_default().iter())
}

pub(super) fn marks_today(roles: RoleList<'_>, today: &str) -> u8 {
    marks_of(&current_roles(roles, today))
}

fn marks_of(current: &[String]) -> u8 {
    let guardian = current.iter().any(|role| roles::is_guardian(role));
    let student = current.iter().any(|role| role == "student");
    (if guardian { GUARDIAN } else { 0 }) | if student { STUDENT } else { 0 }
}
