//! The links between adults and children: what comes and goes tonight, and which students have no
//! adult left that can be reached.
//!
//! A change of a link is a part of the adult's decision, whichever record names the link. What is
//! looked up for it is looked up here, before threads decide: the sourcedIds of the students. Which
//! students have a contact is known when every person has been decided on.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use super::Action;
use super::note::Note;
use super::row::PlanRow;
use super::same_person::SamePerson;
use super::shared_credentials::comes_after_sharing;
use super::signs::Signs;
use super::unchanged::Unchanged;
use crate::config::Paused;
use crate::failure::Result;
use crate::last_night::LinksSeen;
use crate::roles;
use crate::roster::kept::{self, key};
use crate::roster_index::{Names, RosterIndex};
use crate::rules::Rules;
use crate::store::{ARCHIVED, HAS_CONTACT, LEFT_OUT, PackedRow, REACHABLE, Store};

/// What comes and what goes of one adult's links: the students' keys and sourcedIds.
#[derive(Debug, Clone, Default)]
pub(super) struct LinkChanges {
    pub(super) added: Vec<(u64, String)>,
    pub(super) removed: Vec<(u64, String)>,
}

impl LinkChanges {
    /// The links after them. `known` are those that the store has; none if it has none yet.
    pub(super) fn applied_to(&self, known: Option<&[u64]>, roster: &RosterIndex, person: u32) -> Vec<u64> {
        let mut keys: Vec<u64> = match known {
            Some(known) => {
                let removed: HashSet<u64> = self.removed.iter().map(|(key, _)| *key).collect();
                let stays = |key: &&u64| !removed.contains(*key);
                known.iter().filter(stays).copied().chain(self.added.iter().map(|(key, _)| *key)).collect()
            }
            None => roster.students_of(person).map(|student| roster.people.key(student)).collect(),
        };
        keys.sort_unstable();
        keys.dedup();
        keys
    }

    pub(super) fn notes(&self) -> impl Iterator<Item = Note> {
        let ids = |changes: &[(u64, String)]| {
            let mut ids: Vec<String> = changes.iter().map(|(_, id)| id.clone()).collect();
            ids.sort_unstable();
            ids
        };
        let all = [(&self.added, Note::Linked as fn(_) -> _), (&self.removed, Note::Unlinked)];
        all.into_iter()
            .filter(|(changes, _)| !changes.is_empty())
            .map(move |(changes, note)| note(ids(changes)))
    }
}

/// Looks up what comes and goes.
pub(super) struct LinkLookup<'a> {
    roster: &'a RosterIndex,
    store: &'a Store,
    same_person: &'a SamePerson,
    paused: &'a Paused,
    /// None of it is listed on a first night.
    lists: bool,
    /// Of people of the roster, and of the store, without an account. Read when they are asked for.
    newcomers: OnceCell<Names>,
    bystanders: OnceCell<HashMap<u64, String>>,
}

impl<'a> LinkLookup<'a> {
    pub(super) fn new(
        roster: &'a RosterIndex,
        store: &'a Store,
        same_person: &'a SamePerson,
        rules: &'a Rules,
    ) -> Self {
        Self {
            roster,
            store,
            same_person,
            paused: &rules.paused,
            lists: lists_links(rules),
            newcomers: OnceCell::new(),
            bystanders: OnceCell::new(),
        }
    }

    /// The changes of a person's links, if the person is a guardian.
    pub(super) fn changes(&self, person: u32, stored: Option<PackedRow<'_>>) -> Result<LinkChanges> {
        let mut changes = LinkChanges::default();
        let roster = self.roster;
        if !self.lists || !roster.is_guardian(person) {
            return Ok(changes);
        }
        let known = match stored.map(|stored| stored.archived_and_links()) {
            Some((_, Some(known))) => known,
            // Archived since before links were looked at.
            Some((true, None)) => return Ok(changes),
            Some((false, None)) | None => Vec::new(),
        };
        let mut tonight = Vec::new();
        for student in roster.students_of(person) {
            let key = roster.people.key(student);
            tonight.push(key);
            // A student that is held under another sourcedId is linked already.
            let held = self.same_person.held_account(student).map(|account| roster.people.key(account));
            let is_known = |key: u64| known.binary_search(&key).is_ok();
            if !is_known(key) && !held.is_some_and(is_known) {
                changes.added.push((key, self.name(student, key)?));
            }
        }
        tonight.sort_unstable();
        for key in known.iter().filter(|key| tonight.binary_search(key).is_err()) {
            // The link to a student that has left is neither named nor taken away.
            let student = roster.people.find(*key).filter(|student| roster.is_here(*student));
            if let Some(student) = student.filter(|student| !self.is_paused(*student)) {
                changes.removed.push((*key, self.name(student, *key)?));
            }
        }
        Ok(changes)
    }

    /// Whether a school of a student is paused: no link to the student is taken away meanwhile.
    fn is_paused(&self, student: u32) -> bool {
        let schools = || self.roster.own_schools_of(student);
        !self.paused.schools.is_empty() && self.paused.left_alone(schools()).is_some()
    }

    fn name(&self, person: u32, key: u64) -> Result<String> {
        if let Some(account) = self.roster.people.account(person) {
            return self.store.sourced_id(account);
        }
        let newcomers = match self.newcomers.get() {
            Some(names) => names,
            None => {
                let names = self.roster.names_of_newcomers()?;
                self.newcomers.get_or_init(|| names)
            }
        };
        if let Some(name) = newcomers.of(person) {
            return Ok(name.to_owned());
        }
        let bystanders = match self.bystanders.get() {
            Some(names) => names,
            None => {
                let mut names = HashMap::new();
                self.store.each_bystander_id(|id| {
                    names.insert(kept::key(id), id.to_owned());
                })?;
                self.bystanders.get_or_init(|| names)
            }
        };
        Ok(bystanders.get(&key).cloned().unwrap_or_default())
    }
}

/// Whether a night before this one has looked at links, so that there is something to compare with.
pub(super) fn lists_links(rules: &Rules) -> bool {
    rules.last_night.as_deref().is_some_and(|night| night.links.is_some())
}

/// An adult that could be reached and was linked to a student, and is one of the two no longer: the
/// key of the student, and the number of the adult.
pub(super) type LostContact = (u64, u32);

/// A link of an account that a limit keeps from being archived: the key of the student, and the
/// number of the adult.
pub(super) type KeptLink = (u64, u32);

/// Which students have no adult that can be reached.
#[derive(Default)]
pub(super) struct Contacts {
    /// By number of the person, one bit each.
    without: Vec<u64>,
    /// Students that had one the night before, with the sourcedIds of the adults, sorted.
    lost: BTreeMap<u32, Vec<String>>,
    pub(super) seen: LinksSeen,
}

impl Contacts {
    /// After every person has been decided on. Brings the signs of the students up to date.
    pub(super) fn find(
        roster: &RosterIndex,
        (signs, unchanged): (&mut Signs, &mut Unchanged),
        (mut lost, kept): (Vec<LostContact>, &[KeptLink]),
        same_person: &SamePerson,
        (store, rules): (&Store, &Rules),
    ) -> Result<Self> {
        let last = rules.last_night.as_deref().and_then(|night| night.links.clone());
        let mut contacts = Self::default();
        let mut reached = vec![0_u64; roster.people.count().div_ceil(64)];
        roster.each_link(|guardian, student| {
            // An adult that is held under another sourcedId is reached through the account, or through
            // the two accounts of which the SIS has made one record.
            let held = same_person.held_accounts(guardian);
            let is_account = |person: &u32| {
                let signs = signs.of(*person);
                signs & ARCHIVED == 0 && (signs != 0 || roster.people.account(*person).is_some())
            };
            let mut accounts = held.chain([guardian]).filter(is_account).peekable();
            contacts.seen.count += u64::from(accounts.peek().is_some());
            if accounts.any(|person| signs.of(person) & REACHABLE != 0) {
                reached[student as usize / 64] |= 1 << (student % 64);
            }
        });
        for (student, adult) in kept {
            let Some(student) = roster.people.find(*student).filter(|person| roster.is_here(*person)) else {
                continue;
            };
            contacts.seen.count += 1;
            if signs.of(*adult) & REACHABLE != 0 {
                reached[student as usize / 64] |= 1 << (student % 64);
            }
        }
        let is_synced = |role: &&str| roles::is_synced(role, &rules.synced_roles);
        // Without any link, or any adult, every student would be without one.
        let had_any = contacts.seen.count > 0 || last.as_ref().is_some_and(|last| last.count > 0);
        if !had_any || !["guardian", "parent", "relative"].iter().any(is_synced) {
            return Ok(contacts);
        }
        contacts.without = vec![0; reached.len()];
        let mut losers = Vec::new();
        for student in (0..u32::try_from(roster.people.count()).unwrap_or(u32::MAX))
            .filter(|person| roster.is_student(*person) && roster.is_here(*person))
        {
            // A student that is held under another sourcedId has no row of an account tonight.
            let held = same_person.held_account(student);
            let before = signs.of(held.unwrap_or(student));
            if before == 0 || before & (ARCHIVED | LEFT_OUT) != 0 {
                continue;
            }
            let bit = 1 << (student % 64);
            let has = reached[student as usize / 64] & bit != 0;
            contacts.seen.without_contact += u64::from(!has);
            if held.is_some() {
                continue;
            }
            if !has {
                contacts.without[student as usize / 64] |= bit;
                if before & HAS_CONTACT != 0 && last.is_some() {
                    losers.push(student);
                }
            }
            let after = before & !HAS_CONTACT | if has { HAS_CONTACT } else { 0 };
            if after != before {
                signs.put(student, after);
                unchanged.has_new_signs(student);
            }
        }
        if !losers.is_empty() {
            lost.sort_unstable();
            lost.dedup();
            contacts.name(&losers, &lost, roster, store)?;
        }
        Ok(contacts)
    }

    /// Names the adults that each of these students could be reached through.
    fn name(
        &mut self,
        losers: &[u32],
        lost: &[LostContact],
        roster: &RosterIndex,
        store: &Store,
    ) -> Result<()> {
        for student in losers {
            let key = roster.people.key(*student);
            let start = lost.partition_point(|(student, _)| *student < key);
            let own =
                lost[start..].iter().take_while(|(student, _)| *student == key).map(|(_, adult)| *adult);
            self.lost.insert(*student, ids_of(own, roster, store)?);
        }
        // An edit by hand between two runs takes an address away without a decision.
        if self.lost.values().any(Vec::is_empty) {
            let mut linked: BTreeMap<u32, Vec<u32>> = BTreeMap::new();
            roster.each_link(|guardian, student| {
                if self.lost.get(&student).is_some_and(Vec::is_empty) {
                    linked.entry(student).or_default().push(guardian);
                }
            });
            for (student, adults) in linked {
                self.lost.insert(student, ids_of(adults.into_iter(), roster, store)?);
            }
        }
        Ok(())
    }

    /// Adds what there is to say of a student.
    pub(super) fn note(&self, student: u32, notes: &mut Vec<Note>) {
        let is_without = |words: &u64| words & 1 << (student % 64) != 0;
        if !self.without.get(student as usize / 64).is_some_and(is_without) {
            return;
        }
        if let Some(ids) = self.lost.get(&student) {
            let is_later = |note: &Note| {
                comes_after_sharing(note) && !matches!(note, Note::Linked(_) | Note::Unlinked(_))
            };
            let place = notes.iter().position(is_later).unwrap_or(notes.len());
            notes.insert(place, Note::LastContactLost(ids.clone()));
        }
        notes.push(Note::NoContact);
    }

    /// As [`Contacts::note`], for a row of the plan.
    pub(super) fn note_row(&self, row: &mut PlanRow<'_>, roster: &RosterIndex) {
        if self.without.is_empty()
            || !row.is_live()
            || matches!(row.action, Action::Skipped | Action::Rejected)
        {
            return;
        }
        let person = roster.person_of(row.place).or_else(|| roster.people.find(key(row.sourced_id)));
        if let Some(person) = person.filter(|person| roster.is_student(*person)) {
            self.note(person, row.notes.to_mut());
        }
    }
}

fn ids_of(adults: impl Iterator<Item = u32>, roster: &RosterIndex, store: &Store) -> Result<Vec<String>> {
    let accounts = adults.filter_map(|adult| roster.people.account(adult));
    let mut ids: Vec<String> = accounts.map(|id| store.sourced_id(id)).collect::<Result<_>>()?;
    ids.sort_unstable();
    ids.dedup();
    Ok(ids)
}
