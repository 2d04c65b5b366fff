//! Lists of ids that are not written as OneRoster writes them, and references to ids that are not
//! known.
//!
//! Only rows with an id that is not known are read again. Where a list can be read so that every
//! part of it is a known id, it is read so. Otherwise the parts that are known count, and those
//! that the store has count as well.

use std::collections::{HashMap, HashSet};

use super::class_lists;
use super::intake::{Dangling, FamilyRow, Intake, orgs_of};
use super::link_classes::Restricted;
use super::{LISTLESS, ORGLESS, Taken};
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::last_night::MOST_DANGLING;
use crate::plural::counted;
use crate::roster::ids::{self, Folded, Reading};
use crate::roster::kept::key;
use crate::roster::{Assignment, IdList, Mode, Record, RoleList};
use crate::rules::Rules;
use crate::store::Store;
use crate::value::null_word;

/// What lists are read with, besides the people that have a number.
struct Known<'a> {
    /// Hashes of the sourcedIds of bystanders: people of the store without an account.
    bystanders: HashSet<u64>,
    /// Of the ids that are looked for in another form.
    folded: Folded,
    /// The dangling ids of the last good night, sorted; none if there was no such night.
    last_dangling: Option<&'a [u64]>,
    file: &'a str,
}

impl Known<'_> {
    /// Whether an id that is not known was not there on the last good night. Of very many such ids
    /// only the lowest hashes are kept; an id beyond them counts as an old one.
    fn is_new(&self, id: u64) -> bool {
        self.last_dangling.is_some_and(|last| {
            let may_be_old = last.len() >= MOST_DANGLING && last.last().is_some_and(|most| id > *most);
            !may_be_old && last.binary_search(&id).is_err()
        })
    }
}

impl Intake {
    pub(super) fn read_odd_lists(
        &mut self,
        store: &Store,
        mode: Mode,
        rules: &Rules,
        file: &str,
        findings: &mut Findings,
    ) -> Result<()> {
        self.link_all();
        // What is read again below was counted.
        let links = self.link_count;
        let mut odd = std::mem::take(&mut self.odd);
        let last_dangling = rules.last_night.as_deref().map(|night| night.roster.dangling.as_slice());
        let mut known = Known { bystanders: HashSet::new(), folded: Folded::default(), last_dangling, file };
        let strangers = self.strangers();
        let open = self.unsettled.values().flatten().any(|row| row.agents.is_some());
        if !strangers.is_empty() || open || !odd.is_empty() {
            store.each_bystander_id(|id| {
                known.bystanders.insert(key(id));
            })?;
        }
        let wanted = self.drop_links_to(&strangers, &known);
        self.read_rows_of(&wanted, &mut odd)?;
        if odd.is_empty() && self.unsettled.is_empty() {
            return Ok(());
        }
        self.look_for_other_forms(&odd, store, &mut known)?;
        let today = rules.today.to_string();
        for (person, rows) in in_order(odd) {
            self.put_odd_rows(person, rows, &known, &today, findings);
        }
        for (person, mut rows) in in_order(std::mem::take(&mut self.unsettled)) {
            for row in &mut rows {
                if self.read_row(row, &known, findings) {
                    self.index.taken.entry(person).or_default().add(row.clone());
                }
            }
            self.unsettled.insert(person, rows);
        }
        self.widen_sets();
        self.link_all();
        self.link_count = links;
        self.say_dangling(mode, rules, file, findings);
        Ok(())
    }

    fn put_odd_rows(
        &mut self,
        person: u32,
        rows: Vec<FamilyRow>,
        known: &Known<'_>,
        today: &str,
        findings: &mut Findings,
    ) {
        let mut taken = Taken::default();
        let several = rows.len() > 1;
        let others = if several { class_lists::of_rows(&rows) } else { None };
        for mut row in rows {
            let changed = self.read_row(&mut row, known, findings);
            let orgs = row.orgs.as_deref().map(IdList);
            let meaning = self.meaning_of(RoleList(&row.roles), orgs, today, &mut String::new());
            self.put_set(person, meaning.set);
            if let Some(agents) = &row.agents {
                let agents: Vec<&str> =
                    IdList(agents).iter().filter(|id| self.is_person(id, known)).collect();
                self.link(person, meaning, IdList(&agents.join(",")));
            }
            let marks = &mut self.index.marks[person as usize];
            *marks |= if row.orgs_partly { ORGLESS } else { 0 };
            *marks |= if row.agents_partly { LISTLESS } else { 0 };
            if changed || several {
                taken.add(row);
            }
        }
        if let Some((emergency, barred)) = others {
            let agents = taken.agents.as_deref().unwrap_or_default();
            let agents = IdList(agents).without(&[IdList(&emergency), IdList(&barred)]);
            self.restricted.insert(person, Restricted::of(&agents, &emergency, &barred));
            taken.agents = Some(agents);
            taken.others = Some((emergency, barred));
        }
        if taken.roles.is_some() {
            self.index.taken.insert(person, taken);
        }
    }

    fn strangers(&self) -> HashSet<u32> {
        let numbers = self.index.people.accounts()..self.index.people.count();
        let numbers = numbers.filter_map(|number| u32::try_from(number).ok());
        numbers.filter(|number| !self.index.is_mentioned(*number)).collect()
    }

    /// Removes the links to people that are not known. Returns the people that named them.
    fn drop_links_to(&mut self, strangers: &HashSet<u32>, known: &Known<'_>) -> HashSet<u32> {
        let mut named = HashSet::new();
        if strangers.is_empty() {
            return named;
        }
        let directory = &self.index.people;
        let unknown =
            |number: &u32| strangers.contains(number) && !known.bystanders.contains(&directory.key(*number));
        self.index.families.retain(|(guardian, student)| {
            let (a, b) = (unknown(guardian), unknown(student));
            if a != b {
                named.insert(if a { *student } else { *guardian });
            }
            !a && !b
        });
        named
    }

    fn read_rows_of(&self, wanted: &HashSet<u32>, odd: &mut HashMap<u32, Vec<FamilyRow>>) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let is_wanted = |person| wanted.contains(&person) && !self.unsettled.contains_key(&person);
        self.index.each_record_of(is_wanted, |_, person, record| {
            if record.defect.is_none() && !record.deleted && !record.roles.0.is_empty() {
                let rows = odd.entry(person).or_default();
                if !rows.iter().any(|row| row.line == record.line) {
                    rows.push(FamilyRow::of(record));
                }
            }
        })
    }

    /// Whether an id is that of a person in the roster or in the store.
    fn is_person(&self, id: &str, known: &Known<'_>) -> bool {
        let key = key(id);
        self.index.knows(key) || known.bystanders.contains(&key)
    }

    /// Looks among all ids of the roster and of the store for those that are written in another
    /// form in some list.
    fn look_for_other_forms(
        &self,
        odd: &HashMap<u32, Vec<FamilyRow>>,
        store: &Store,
        known: &mut Known<'_>,
    ) -> Result<()> {
        let mut wanted: HashSet<String> = HashSet::new();
        for row in odd.values().chain(self.unsettled.values()).flatten() {
            let agents = row.agents.as_deref().unwrap_or_default();
            if IdList(agents).iter().any(|id| !self.is_person(id, known)) {
                wanted.extend(ids::candidates(agents).map(ids::fold));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let folded = &mut known.folded;
        let mut add = |id: &str| {
            if wanted.contains(&ids::fold(id)) {
                folded.add(id);
            }
        };
        self.index.each_record_of(|_| true, |_, _, record| add(record.sourced_id))?;
        store.each_id(add)
    }

    /// Reads one row's lists. Returns whether something else is taken than what is there.
    fn read_row(&mut self, row: &mut FamilyRow, known: &Known<'_>, findings: &mut Findings) -> bool {
        let mut changed = false;
        // A word for "no value" says nothing; what the source says of it is told elsewhere.
        fn is_word(list: &Option<String>) -> Option<&str> {
            list.as_deref().filter(|list| null_word(list).is_some())
        }
        if is_word(&row.orgs).is_some_and(|list| !self.index.orgs.is_known(list)) {
            (row.orgs, row.orgs_partly, changed) = (None, true, true);
        }
        if is_word(&row.agents).is_some_and(|list| !self.is_person(list, known)) {
            (row.agents, row.agents_partly, changed) = (None, true, true);
        }
        changed |= self.read_schools(row, known, findings);
        changed |= self.read_links(row, known, findings);
        changed
    }

    /// Reads the orgs of a row, if one of them is not known. Returns whether something else is
    /// taken.
    fn read_schools(&mut self, row: &mut FamilyRow, known: &Known<'_>, findings: &mut Findings) -> bool {
        let orgs = row.orgs.as_deref().map(IdList);
        let record = Record { roles: RoleList(&row.roles), orgs, ..Record::default() };
        if orgs_of(&record).all(|org| self.index.orgs.is_known(org)) {
            return false;
        }
        let (mut roles, mut partly, mut changed) = (String::new(), false, false);
        let line = row.line;
        let mut say = |code, message| {
            findings.warn(code, At::file(known.file).line(line).column("orgSourcedIds"), || message);
        };
        for held in RoleList(&row.roles).iter() {
            let Some(org) = held.org else {
                held.write_to(&mut roles);
                continue;
            };
            for org in &self.read_orgs(org, &mut partly, known, &mut say) {
                Assignment { org: Some(org), ..held }.write_to(&mut roles);
            }
        }
        // A list in which a delta takes a role away is not written anew.
        if !row.roles.contains("\t-") {
            changed |= roles != row.roles;
            row.roles = roles;
        }
        if let Some(list) = &row.orgs {
            let orgs = self.read_orgs(list, &mut partly, known, &mut say).join(",");
            changed |= orgs != *list;
            row.orgs = Some(orgs);
        }
        row.orgs_partly |= partly;
        changed | partly
    }

    /// Reads the links of a row, if one of them is not known. Returns whether something else is
    /// taken.
    fn read_links(&mut self, row: &mut FamilyRow, known: &Known<'_>, findings: &mut Findings) -> bool {
        let is_odd = |list: &String| IdList(list).iter().any(|id| !self.is_person(id, known));
        let Some(list) = row.agents.clone().filter(is_odd) else { return false };
        let resolve = |text: &str| match self.is_person(text, known) {
            true => Some(text.to_owned()),
            false => known.folded.find(text).map(str::to_owned),
        };
        let place = At::file(known.file).line(row.line).column("agentSourcedIds");
        match ids::read(&list, &resolve) {
            Reading::Known(agents) => {
                findings.warn("odd-list", place, || {
                    format!(
                        "not written as OneRoster has it; read as {}",
                        counted(agents.len() as u64, "known id", "known ids")
                    )
                });
                row.agents = Some(agents.join(","));
            }
            Reading::Partly { known: found, unknown } => {
                for id in &unknown {
                    self.dangling_agents.add(id, known);
                    findings.warn("dangling-agent", place, || {
                        format!("{} is no user of the roster or the store; stored links are kept", quoted(id))
                    });
                }
                row.agents = Some([found, unknown].concat().join(","));
                row.agents_partly = true;
            }
        }
        true
    }

    /// The orgs of one cell. Orgs that are not known are taken by their ids.
    fn read_orgs(
        &mut self,
        cell: &str,
        partly: &mut bool,
        context: &Known<'_>,
        say: &mut dyn FnMut(&'static str, String),
    ) -> Vec<String> {
        match ids::read(cell, &|text| self.index.orgs.resolve(text)) {
            Reading::Known(orgs) => {
                if !self.index.orgs.is_told && orgs.join(",") != cell {
                    say("odd-list", format!("not written as OneRoster has it; read as {}", orgs.join(", ")));
                }
                orgs
            }
            Reading::Partly { known, unknown } => {
                for id in unknown.iter().filter(|id| !self.index.orgs.may_be_new(id)) {
                    *partly = true;
                    self.dangling_orgs.add(id, context);
                    if !self.index.orgs.is_told {
                        let what = "is not a known org; stored schools are kept as well";
                        say("dangling-org", format!("{} {what}", quoted(id)));
                    }
                }
                known.into_iter().chain(unknown).collect()
            }
        }
    }
}

impl Dangling {
    fn add(&mut self, id: &str, known: &Known<'_>) {
        let hash = key(id);
        self.ids.insert(hash);
        self.new += u64::from(known.is_new(hash));
    }
}

impl Taken {
    fn add(&mut self, row: FamilyRow) {
        let ids = |own: &mut Option<String>, list: Option<String>| {
            if let Some(list) = list {
                *own = Some(match own.take() {
                    Some(own) => IdList(&own).with(IdList(&list)),
                    None => list,
                });
            }
        };
        self.roles = Some(match self.roles.take() {
            Some(own) => RoleList(&own).with(RoleList(&row.roles)),
            None => row.roles,
        });
        ids(&mut self.orgs, row.orgs);
        ids(&mut self.agents, row.agents);
    }

    pub(super) fn keep(&mut self, orgs: Option<&str>, agents: Option<&str>) {
        let add = |own: &mut Option<String>, known: Option<&str>| {
            if let Some(known) = known {
                *own = Some(IdList(known).with(IdList(own.as_deref().unwrap_or_default())));
            }
        };
        add(&mut self.orgs, orgs);
        add(&mut self.agents, agents);
    }
}

/// The rows of each person, in the order of the file, so that the first findings are always the
/// same.
fn in_order(rows: HashMap<u32, Vec<FamilyRow>>) -> Vec<(u32, Vec<FamilyRow>)> {
    let mut all: Vec<_> = rows.into_iter().collect();
    all.sort_by_key(|(person, row)| (row.first().map(|row| row.line), *person));
    all
}

pub(super) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    format!("`{short}`")
}
