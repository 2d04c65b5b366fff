//! Gathers what is known of the accounts that would be archived and of the records without an
//! account, and finds out which are one person. Reads the roster and the store, writes nothing.
//!
//! On a night on which no account leaves or no record is new, nothing is read. A record that was
//! there on the last good night, and has no account since the rules leave it out, is not new. The
//! other users of the district are looked at only where two have something in common, to see
//! whether it is of one person alone.

use std::cell::Cell;
use std::collections::HashSet;

use super::candidates::{Candidates, Wanted};
use super::found::{NO_RECORD, PROBABLE_DAYS, pair_id};
use super::pattern::{Pattern, SAMPLE};
use super::{EARLIER_ID, Evidence, Facts, GUARDIAN, KINDS, Match, PATTERN, STAFF, STUDENT, mark};
use super::{Pair, PairText, SamePerson};
use crate::account::{UserIds, username_hash};
use crate::config::OnSamePerson;
use crate::contact::{Field, PersonName, credential_hash, phone_key};
use crate::failure::Result;
use crate::plan::build::Inputs;
use crate::plan::decide::allowed;
use crate::plan::read::Known;
use crate::plan::signs::Signs;
use crate::plan::sis::{Cells, Value, email};
use crate::plan::unchanged::plain_number;
use crate::rights::Allowed;
use crate::roles;
use crate::roster::kept::key;
use crate::roster::{IdList, Mode, Record, RoleList, current_roles, ids};
use crate::roster_index::{PersonIndex, RosterIndex};
use crate::spool::Values;
use crate::store::{Said, Store};
use crate::value::is_no_id;
use xxhash_rust::xxh3::xxh3_64;

/// Every value of a person.
const ALL: Wanted = [true; 5];

/// Under this share of all accounts each is read by itself.
const FEW: usize = 16;

/// The values of one side.
#[derive(Default)]
struct Side {
    /// By number of the person.
    all: Vec<Facts>,
    /// Ids in other systems: the hash, and the place of the person.
    user_ids: Vec<(u64, u32)>,
    /// Some sourcedIds.
    sample: Vec<String>,
}

impl Side {
    fn place(&self, person: u32) -> Option<u32> {
        let at = self.all.binary_search_by_key(&person, |facts| facts.person).ok()?;
        u32::try_from(at).ok()
    }
}

/// Finds out which accounts that would be archived are probably back under another sourcedId.
///
/// # Errors
/// Those of the store and of temporary files.
pub fn find_same_people(roster: &RosterIndex, known: &Known, inputs: &Inputs<'_>) -> Result<SamePerson> {
    let today = inputs.rules.today.to_string();
    let mut search = Search { roster, signs: &known.signs, inputs, today, bystanders: HashSet::new() };
    search.run()
}

struct Search<'a> {
    roster: &'a RosterIndex,
    signs: &'a Signs,
    inputs: &'a Inputs<'a>,
    today: String,
    /// Keys of people that had no account on the last good night either, and are no pair.
    bystanders: HashSet<u64>,
}

impl Search<'_> {
    fn run(&mut self) -> Result<SamePerson> {
        let Inputs { mode, store, rules, .. } = *self.inputs;
        let people = &self.roster.people;
        let mut found = SamePerson::default();
        let without_account = |search: &Self| {
            let all = (0..u32::try_from(people.count()).unwrap_or(u32::MAX)).skip(people.accounts());
            all.filter(|person| search.is_newcomer(*person)).count()
        };
        let mut news = without_account(self);
        let mut olds = vec![false; people.accounts()];
        let (mut leavers, mut archived) = (0, 0);
        for person in people.with_account().filter(|_| news > 0) {
            let (leaves, is_archived) = (self.leaves(person), self.signs.is_archived(person));
            olds[person as usize] = leaves || is_archived;
            leavers += usize::from(leaves);
            archived += usize::from(is_archived);
        }
        // On most nights no record is new, and the people that are left out are the same. Records
        // that are held are counted with those, and are looked at every night.
        if leavers == 0 && (archived == 0 || self.are_bystanders(news)?) {
            news = 0;
        }
        if news > 0 && leavers + archived > 0 {
            self.find_bystanders(store)?;
            news = without_account(self);
        }
        if news > 0 && leavers + archived > 0 {
            self.compare(&olds, leavers + archived, news, &mut found)?;
        }
        if mode != Mode::Bulk && rules.same_person != OnSamePerson::Off {
            self.keep_unmentioned(store, &mut found)?;
        }
        found.index();
        Ok(found)
    }

    /// Whether as many have no account as on the last good night, when none was held.
    fn are_bystanders(&self, news: usize) -> Result<bool> {
        let store = self.inputs.store;
        Ok(news as u64 <= store.count_bystanders()? && store.same_people()?.1 == 0)
    }

    /// Records that are held have no account either, but are looked at every night.
    fn find_bystanders(&mut self, store: &Store) -> Result<()> {
        let bystanders = &mut self.bystanders;
        store.each_bystander_id(|id| {
            bystanders.insert(key(id));
        })?;
        store.each_same_person(|pair| {
            bystanders.remove(&key(&pair.new));
            Ok(())
        })
    }

    /// Whether a person of the roster has no account, and a new record that can be used.
    fn is_newcomer(&self, person: u32) -> bool {
        let roster = self.roster;
        roster.people.account(person).is_none()
            && roster.is_mentioned(person)
            && !roster.is_gone(person)
            && !roster.is_person_contradicted(person)
            && !self.is_bystander(person)
    }

    fn is_bystander(&self, person: u32) -> bool {
        !self.bystanders.is_empty() && self.bystanders.contains(&self.roster.people.key(person))
    }

    /// Whether an account would be archived tonight.
    fn leaves(&self, person: u32) -> bool {
        let is_absent = match self.inputs.mode {
            Mode::Bulk => !self.roster.is_mentioned(person),
            Mode::Delta | Mode::Unknown => false,
        };
        let is_gone = self.inputs.mode != Mode::Unknown
            && self.roster.is_gone(person)
            && !self.roster.is_person_contradicted(person);
        !self.signs.is_archived(person) && (is_absent || is_gone)
    }

    fn compare(&self, is_old: &[bool], count: usize, news: usize, found: &mut SamePerson) -> Result<()> {
        let Inputs { store, .. } = *self.inputs;
        let (olds, ids, renamed) = self.accounts(is_old, count)?;
        let (news, earlier) = self.records(news)?;
        if olds.all.is_empty() || news.all.is_empty() {
            return Ok(());
        }
        let mut candidates = Candidates::new(&olds.all, &news.all);
        for (id, new) in earlier {
            if let Some(old) = self.roster.people.find(id).and_then(|person| olds.place(person)) {
                candidates.add(old, new, EARLIER_ID);
            }
        }
        candidates.join_values();
        candidates.join_user_ids(&olds.user_ids, &news.user_ids);
        let pattern = self.join_pattern(&olds, &news, &ids, &mut candidates)?;
        candidates.settle();
        if !candidates.is_empty() && self.has_others(is_old) {
            let user_ids = &olds.user_ids;
            candidates.hold_against(|wanted, each| self.others(is_old, &renamed, wanted, each), user_ids)?;
        }
        let distinct = self.distinct(store)?;
        let people = &self.roster.people;
        let is_distinct = |old: &Facts, new: &Facts| {
            !distinct.is_empty()
                && distinct.contains(&pair_id(people.key(old.person), people.key(new.person)))
        };
        candidates.remove(is_distinct);
        let mut matches = candidates.matches();
        if self.join_children(&olds, &news, &matches, &mut candidates)? {
            candidates.settle();
            candidates.remove(is_distinct);
            matches = candidates.matches();
        }
        let by_pattern = matches.iter().any(|one| one.evidence == Evidence::Pattern);
        let mut matched = [vec![false; olds.all.len()], vec![false; news.all.len()]];
        for one in &matches {
            (matched[0][one.old as usize], matched[1][one.new as usize]) = (true, true);
        }
        let likes = candidates.likenesses(&matched[0], &matched[1]);
        found.pattern = pattern.filter(|_| by_pattern || !matches.is_empty()).map(|found| found.to_string());
        self.put_pairs(&matches, &olds, &news, found)?;
        let likes = likes
            .iter()
            .map(|like| (olds.all[like.old as usize], news.all[like.new as usize], like.evidence));
        let mut old_texts: Vec<(u32, u32, Evidence)> =
            likes.map(|(old, new, evidence)| (old.person, new.person, evidence)).collect();
        old_texts.sort_unstable();
        self.put_texts(&olds, &ids, &old_texts, found)
    }

    /// What the SIS said of accounts, with their sourcedIds in the same order. Archived accounts that
    /// were left behind by a rename are known to be the person's. Returns them too, by number.
    fn accounts(&self, is_old: &[bool], count: usize) -> Result<(Side, Values<String>, HashSet<u32>)> {
        let Inputs { store, rules, .. } = *self.inputs;
        let number = |id: i64| u32::try_from(id - 1).unwrap_or(u32::MAX);
        let renamed: HashSet<u32> = store.rekeyed()?.into_iter().map(number).collect();
        let (mut side, mut ids) = (Side::default(), Values::default());
        let step = count / SAMPLE + 1;
        let mut take = |said: &Said<'_>| -> Result<()> {
            let person = number(said.id);
            if said.archived && renamed.contains(&person) {
                return Ok(());
            }
            let place = u32::try_from(side.all.len()).unwrap_or(u32::MAX);
            let is_suppressed = rules.suppressed.contains(said.record.sourced_id);
            side.all.push(Facts {
                active: said.active,
                // A person that is suppressed is archived, and is not to come back under another
                // sourcedId.
                archived: said.archived || is_suppressed,
                named_only: said.archived && !is_suppressed,
                ..self.facts(person, &said.record, said.username, ALL)
            });
            side.user_ids.extend(said.user_ids.iter().map(|id| (id, place)));
            if !said.archived && side.all.len().is_multiple_of(step) {
                side.sample.push(said.record.sourced_id.to_owned());
            }
            ids.push(&said.record.sourced_id)
        };
        if count < is_old.len() / FEW {
            for (at, _) in is_old.iter().enumerate().filter(|(_, is_old)| **is_old) {
                store.said(i64::try_from(at).unwrap_or(i64::MAX) + 1, &mut take)?;
            }
        } else {
            store.each_said(|said| {
                let is_wanted = is_old.get(number(said.id) as usize).copied().unwrap_or_default();
                if is_wanted { take(said) } else { Ok(()) }
            })?;
        }
        ids.finish()?;
        Ok((side, ids, renamed))
    }

    /// What the SIS says of people without an account; and the sourcedIds that they had before, as
    /// keys, each with the place of the person.
    fn records(&self, count: usize) -> Result<(Side, Vec<(u64, u32)>)> {
        let mut side = Side { all: Vec::with_capacity(count), ..Side::default() };
        let mut user_ids: Vec<(u64, u32)> = Vec::new();
        let mut earlier: Vec<(u64, u32)> = Vec::new();
        let step = count / SAMPLE + 1;
        self.roster.each_record_of(
            |person| self.is_newcomer(person),
            |_, person, record| {
                let record = &self.roster.taken(Some(person), record, None);
                if record.defect.is_some() || record.deleted || !self.may_have_account(record) {
                    return;
                }
                if self.is_at_paused_school(person, record) {
                    return;
                }
                side.all.push(self.facts(person, record, record.username.and_then(username_hash), ALL));
                let list = UserIds::of(record.user_ids.unwrap_or_default());
                user_ids.extend(list.iter().map(|id| (id, person)));
                let before = IdList(record.earlier_id.unwrap_or_default());
                earlier.extend(before.iter().map(|id| (key(&ids::encoded(id)), person)));
                if side.all.len().is_multiple_of(step) {
                    side.sample.push(record.sourced_id.to_owned());
                }
            },
        )?;
        side.all.sort_by_key(|facts| facts.person);
        // Rows that agree are one person.
        side.all.dedup_by_key(|facts| facts.person);
        let placed = |side: &Side, list: Vec<(u64, u32)>| -> Vec<(u64, u32)> {
            list.into_iter().filter_map(|(hash, person)| Some((hash, side.place(person)?))).collect()
        };
        (side.user_ids, earlier) = (placed(&side, user_ids), placed(&side, earlier));
        Ok((side, earlier))
    }

    /// A new person at a paused school is not added yet.
    fn is_at_paused_school(&self, person: u32, record: &Record<'_>) -> bool {
        let paused = &self.inputs.rules.paused;
        let schools = || {
            let roles = current_roles(record.roles, &self.today);
            self.roster.schools_of(Some(person), record, &roles, &self.today)
        };
        !paused.schools.is_empty() && paused.left_alone(schools()).is_some()
    }

    fn may_have_account(&self, record: &Record<'_>) -> bool {
        let roles = current_roles(record.roles, &self.today);
        allowed(self.inputs.rules, record, None, &roles, self.roster.unclear, false) == Allowed::Yes
    }

    /// What of a person is compared. A value that is not wanted is left out.
    fn facts(&self, person: u32, record: &Record<'_>, username: Option<u64>, wanted: Wanted) -> Facts {
        let rules = self.inputs.rules;
        let text = |cell: Option<&str>| cell.unwrap_or_default().trim().to_owned();
        let hash = |text: &str| (!text.is_empty()).then(|| xxh3_64(text.as_bytes()));
        let name = || {
            let (given, family) =
                (record.given_name.unwrap_or_default(), record.family_name.unwrap_or_default());
            hash(&PersonName::new(given, family).key())
        };
        let identifier = || {
            let identifier = text(record.identifier);
            Some(identifier).filter(|text| !is_no_id(text)).and_then(|text| hash(&text))
        };
        let cells = Cells::of(record, rules.phone_credential);
        let email = || match email(cells.email, rules) {
            Value::Is(email) => credential_hash(Field::Email, &email),
            Value::NotProvided | Value::Blank | Value::Invalid(_) => None,
        };
        let mobile = || {
            let cell = cells.phone.filter(|cell| !cell.is_empty())?;
            let plain = plain_number(cell);
            let parsed = || rules.phones.parse(cell).map(|phone| phone_key(&phone.to_string()).to_owned());
            plain.or_else(parsed).and_then(|number| hash(&number))
        };
        let marks = [
            wanted[0].then(name).flatten(),
            wanted[1].then(identifier).flatten(),
            username.filter(|_| wanted[2]),
            wanted[3].then(email).flatten(),
            wanted[4].then(mobile).flatten(),
        ];
        Facts {
            person,
            kinds: kinds(record.roles, &self.today),
            marks: marks.map(|hash| hash.map_or(super::NO_MARK, mark)),
            ..Facts::default()
        }
    }

    /// Whether some people are on neither side. Where all ids have changed there are none.
    fn has_others(&self, is_old: &[bool]) -> bool {
        let is_other = |person: u32| is_old.get(person as usize) == Some(&false);
        !self.bystanders.is_empty() || self.roster.people.with_account().any(is_other)
    }

    /// Hands over the people that are on neither side, until `each` wants no more: what the SIS says
    /// of them tonight, and what it said last.
    fn others(
        &self,
        is_old: &[bool],
        renamed: &HashSet<u32>,
        wanted: Wanted,
        each: &mut dyn FnMut(&Facts, &[u64]) -> bool,
    ) -> Result<()> {
        let wants_more = Cell::new(true);
        let is_other = |person: u32| wants_more.get() && is_old.get(person as usize) == Some(&false);
        let has_account = |person: u32| self.roster.people.account(person).is_some();
        self.roster.each_record_of(
            |person| {
                let is_bystander = |person| wants_more.get() && self.is_bystander(person);
                if has_account(person) { is_other(person) } else { is_bystander(person) }
            },
            |_, person, record| {
                if record.defect.is_none() {
                    let record = &self.roster.taken(Some(person), record, None);
                    let username = record.username.and_then(username_hash);
                    let facts = self.facts(person, record, username, wanted);
                    let ids: Vec<u64> = UserIds::of(record.user_ids.unwrap_or_default()).iter().collect();
                    wants_more.set(each(&facts, &ids));
                }
            },
        )?;
        if !wants_more.get() {
            return Ok(());
        }
        self.inputs.store.each_said(|said| {
            let person = u32::try_from(said.id - 1).unwrap_or(u32::MAX);
            if is_other(person) && !(said.archived && renamed.contains(&person)) {
                let ids: Vec<u64> = said.user_ids.iter().collect();
                wants_more.set(each(&self.facts(person, &said.record, said.username, wanted), &ids));
            }
            Ok(())
        })
    }

    /// Looks for one change of sourcedIds that makes those of nine in ten accounts, or of one kind of
    /// them, those of records.
    fn join_pattern(
        &self,
        olds: &Side,
        news: &Side,
        ids: &Values<String>,
        candidates: &mut Candidates<'_>,
    ) -> Result<Option<Pattern>> {
        let people: &PersonIndex = &self.roster.people;
        let new = |id: &str| people.find(key(id)).and_then(|person| news.place(person));
        let is_old = |id: &str| {
            let place = people.find(key(id)).and_then(|person| olds.place(person));
            place.is_some_and(|place| !olds.all[place as usize].archived)
        };
        let patterns = Pattern::seen(&olds.sample, &news.sample, |id| new(id).is_some(), is_old);
        if patterns.is_empty() {
            return Ok(None);
        }
        // Of all, and of each kind: how many there are, and how many each change fits.
        let mut totals = [0_u64; 4];
        let mut fits = vec![[0_u64; 4]; patterns.len()];
        let groups = |facts: &Facts| {
            let of_kinds = (1..).zip(KINDS).filter(|(_, kind)| facts.kinds & kind != 0);
            std::iter::once(0).chain(of_kinds.map(|(group, _)| group)).collect::<Vec<usize>>()
        };
        let each = |take: &mut dyn FnMut(u32, &Facts, &str)| -> Result<()> {
            let mut ids = ids.read();
            for (place, facts) in (0_u32..).zip(&olds.all) {
                let id: &str = ids.next_value()?.unwrap_or_default();
                if !facts.named_only {
                    take(place, facts, id);
                }
            }
            Ok(())
        };
        each(&mut |_, facts, id| {
            if facts.archived {
                return;
            }
            let groups = groups(facts);
            groups.iter().for_each(|group| totals[*group] += 1);
            for (pattern, fits) in patterns.iter().zip(&mut fits) {
                if pattern.apply(id).is_some_and(|made| new(&made).is_some()) {
                    groups.iter().for_each(|group| fits[*group] += 1);
                }
            }
        })?;
        let is_rule =
            |fits: &[u64; 4], group: usize| totals[group] >= 10 && fits[group] * 10 >= totals[group] * 9;
        each(&mut |place, facts, id| {
            for (pattern, fits) in patterns.iter().zip(&fits) {
                if groups(facts).into_iter().any(|group| is_rule(fits, group))
                    && let Some(made) = pattern.apply(id).and_then(|made| new(&made))
                {
                    candidates.add(place, made, PATTERN);
                }
            }
        })?;
        let rules =
            patterns.into_iter().zip(&fits).filter(|(_, fits)| (0..4).any(|group| is_rule(fits, group)));
        Ok(rules.max_by_key(|(_, fits)| fits[0]).map(|(pattern, _)| pattern))
    }

    fn distinct(&self, store: &Store) -> Result<HashSet<u64>> {
        let mut distinct = HashSet::new();
        store.each_distinct(|old, new| {
            distinct.insert(pair_id(key(old), key(new)));
        })?;
        Ok(distinct)
    }

    /// Adds guardians of one name with a child in common, where guardians are left. Returns whether
    /// there are any.
    fn join_children(
        &self,
        olds: &Side,
        news: &Side,
        matches: &[Match],
        candidates: &mut Candidates<'_>,
    ) -> Result<bool> {
        let open = |side: &Side, place: fn(&Match) -> u32| {
            let mut open: Vec<bool> =
                side.all.iter().map(|facts| facts.kinds & GUARDIAN != 0 && !facts.named_only).collect();
            matches.iter().for_each(|one| open[place(one) as usize] = false);
            open
        };
        let (open_olds, open_news) = (open(olds, |one| one.old), open(news, |one| one.new));
        if !open_olds.contains(&true) || !open_news.contains(&true) {
            return Ok(false);
        }
        let people = &self.roster.people;
        // A child who is a pair counts as one.
        let child = |key: u64| {
            let person = people.find(key)?;
            let place = olds.place(person);
            let at = place.and_then(|old| matches.binary_search_by_key(&old, |one| one.old).ok());
            Some(at.map_or(person, |at| news.all[matches[at].new as usize].person))
        };
        let mut links: Vec<(u32, u32)> = Vec::new();
        for (place, facts) in (0_u32..).zip(&olds.all).filter(|(place, _)| open_olds[*place as usize]) {
            let known = self.inputs.store.links(i64::from(facts.person) + 1)?;
            links.extend(known.into_iter().filter_map(|key| Some((place, child(key)?))));
        }
        let mut others: Vec<(u32, u32)> = Vec::new();
        for (place, facts) in (0_u32..).zip(&news.all).filter(|(place, _)| open_news[*place as usize]) {
            others.extend(self.roster.students_of(facts.person).map(|student| (place, student)));
        }
        candidates.join_children(&links, &others);
        Ok(true)
    }

    fn put_pairs(&self, matches: &[Match], olds: &Side, news: &Side, found: &mut SamePerson) -> Result<()> {
        let Inputs { store, rules, .. } = *self.inputs;
        let people = &self.roster.people;
        let mut known = std::collections::HashMap::new();
        if !matches.is_empty() {
            store.each_same_person(|pair| {
                known.insert(pair_id(key(&pair.old), key(&pair.new)), pair.since);
                Ok(())
            })?;
        }
        for one in matches {
            let (old, new) = (&olds.all[one.old as usize], &news.all[one.new as usize]);
            let id = pair_id(people.key(old.person), people.key(new.person));
            let since = known.get(&id).copied();
            let days = (rules.today - since.unwrap_or(rules.today)).num_days();
            found.pairs.push(Pair {
                old: old.person,
                new: new.person,
                evidence: one.evidence,
                certain: one.certain,
                held: old.archived
                    || rules.same_person != OnSamePerson::Off && (one.certain || days < PROBABLE_DAYS),
                is_second: one.is_second,
                is_suppressed: old.archived,
                is_new: since.is_none(),
                since: since.unwrap_or(rules.today),
                id,
                old_text: 0,
                new_text: 0,
            });
        }
        Ok(())
    }

    /// Puts down the sourcedIds of all that are named. `likes`: number of the account, of the record.
    fn put_texts(
        &self,
        olds: &Side,
        ids: &Values<String>,
        likes: &[(u32, u32, Evidence)],
        found: &mut SamePerson,
    ) -> Result<()> {
        if found.pairs.is_empty() && likes.is_empty() {
            return Ok(());
        }
        let mut ids = ids.read();
        let (mut pairs, mut likes) = (found.pairs.iter_mut().peekable(), likes.iter().peekable());
        for facts in &olds.all {
            let id: &str = ids.next_value()?.unwrap_or_default();
            let pair = pairs.next_if(|pair| pair.old == facts.person);
            if pair.is_none() && likes.peek().is_none_or(|like| like.0 != facts.person) {
                continue;
            }
            let text = PairText { sourced_id: id.to_owned(), ..PairText::default() };
            let text = found.texts.put(&text)?;
            if let Some(pair) = pair {
                pair.old_text = text;
            }
            while let Some((_, new, evidence)) = likes.next_if(|like| like.0 == facts.person) {
                found.likes.push((*new, text, *evidence));
            }
        }
        found.likes.sort_unstable();
        let mut by_new: Vec<(u32, u32)> =
            (0_u32..).zip(&found.pairs).map(|(place, pair)| (pair.new, place)).collect();
        by_new.sort_unstable();
        let of = |person: u32| {
            let start = by_new.partition_point(|(new, _)| *new < person);
            by_new[start..].iter().take_while(move |(new, _)| *new == person)
        };
        let mut failed = Ok(());
        let (pairs, texts) = (&mut found.pairs, &mut found.texts);
        self.roster.each_record_of(
            |person| of(person).next().is_some(),
            |_, person, record| {
                let name = [record.given_name, record.family_name].map(Option::unwrap_or_default);
                let name = PersonName::new(name[0], name[1]).to_string();
                let text = PairText { sourced_id: record.sourced_id.to_owned(), name, line: record.line };
                match texts.put(&text) {
                    Ok(text) => of(person).for_each(|(_, place)| pairs[*place as usize].new_text = text),
                    Err(failure) => failed = Err(failure),
                }
            },
        )?;
        failed
    }

    /// Pairs of earlier nights of which a delta does not speak: they stay held.
    fn keep_unmentioned(&self, store: &Store, found: &mut SamePerson) -> Result<()> {
        let people = &self.roster.people;
        let before = found.pairs.len();
        let suppressed = &self.inputs.rules.suppressed;
        store.each_same_person(|stored| {
            let [old, new] = [&stored.old, &stored.new].map(|id| people.find(key(id)));
            let Some(old) = old.filter(|old| people.account(*old).is_some()) else { return Ok(()) };
            let is_suppressed = suppressed.contains(&stored.old);
            let is_open = (is_suppressed || !self.signs.is_archived(old))
                && !self.roster.is_mentioned(old)
                && new.is_none_or(|new| people.account(new).is_none());
            if !is_open || found.pairs[..before].iter().any(|pair| pair.old == old || Some(pair.new) == new) {
                return Ok(());
            }
            let text = |id: &str| PairText { sourced_id: id.to_owned(), ..PairText::default() };
            let (old_text, new_text) =
                (found.texts.put(&text(&stored.old))?, found.texts.put(&text(&stored.new))?);
            found.pairs.push(Pair {
                old,
                new: new.filter(|new| self.roster.is_mentioned(*new)).unwrap_or(NO_RECORD),
                evidence: Evidence::of_words(&stored.evidence),
                certain: stored.certain,
                held: true,
                is_second: false,
                is_suppressed,
                is_new: false,
                since: stored.since,
                id: pair_id(key(&stored.old), key(&stored.new)),
                old_text,
                new_text,
            });
            Ok(())
        })?;
        found.pairs.sort_unstable_by_key(|pair| pair.old);
        Ok(())
    }
}

/// Which kinds of roles a person has: those of today or, if none is held, all of them.
fn kinds(roles: RoleList<'_>, today: &str) -> u8 {
    let kind = |role: &str| match role {
        "student" => STUDENT,
        role if roles::is_guardian(role) => GUARDIAN,
        _ => STAFF,
    };
    let all = |of_today: bool| {
        let held = roles.iter().filter(|held| !of_today || held.holds_on(today));
        held.fold(0, |kinds, held| kinds | kind(&roles::canonical(held.role)))
    };
    match all(true) {
        0 => all(false),
        kinds => kinds,
    }
}
