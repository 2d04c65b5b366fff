//! Lists of ids that are not written as OneRoster writes them, and references to ids that are not there.
//!
//! Only rows with an id that is not known are looked at again. Where a list can be read so that every part of it is a known
//! id, it is read so. Otherwise the parts that are known count, and what the store knows stands as well.

use std::collections::{BTreeMap, HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use super::{Dangling, Heard, LISTLESS, MOST_DANGLING, ORGLESS, Said, Survey, orgs_of, person};
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::last_night::FileSeen;
use crate::plan::rules::Rules;
use crate::plural::counted;
use crate::roster::ids::{self, Folded, Reading};
use crate::roster::kept::{self, Kept, key};
use crate::roster::{Assignment, IdList, Mode, Record, RoleList};
use crate::source::About;
use crate::store::Store;
use crate::value::null_word;

/// So many new references to ids that nobody knows need a person, where they are more than one in a hundred.
const MANY: u64 = 10;

/// Which people are known, besides those with a number of their own.
struct People {
    /// By hashes of their sourcedIds: people of the store without an account.
    bystanders: HashSet<u64>,
    /// Of the ids that are looked for in another form.
    folded: Folded,
}

impl Survey {
    /// Reads again what names an id that is not known.
    pub(super) fn hear(
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
        let mut people = People { bystanders: HashSet::new(), folded: Folded::default() };
        let strangers = self.strangers();
        let open = self.unsettled.values().flatten().any(|said| said.agents.is_some());
        if !strangers.is_empty() || open || !odd.is_empty() {
            store.each_bystander_id(|id| {
                people.bystanders.insert(key(id));
            })?;
        }
        let wanted = self.drop_links_to(&strangers, &people);
        self.read_rows_of(&wanted, &mut odd)?;
        if odd.is_empty() && self.unsettled.is_empty() {
            return Ok(());
        }
        self.look_for_other_forms(&odd, store, &mut people)?;
        let today = rules.today.to_string();
        let last = rules.last_night.as_deref().map(|night| &night.roster.dangling);
        let is_new = |id: u64| last.is_some_and(|last| is_new_reference(last, id));
        // In the order of the rows, so that the first findings are always the same.
        let mut all: Vec<(u32, Vec<Said>)> = odd.into_iter().collect();
        all.sort_by_key(|(person, said)| (said.first().map(|said| said.line), *person));
        for (person, rows) in all {
            let mut heard = Heard::default();
            let several = rows.len() > 1;
            for mut said in rows {
                let changed = self.hear_row(&mut said, &people, &is_new, file, findings);
                let way = self.way(
                    RoleList(&said.roles),
                    said.orgs.as_deref().map(IdList),
                    &today,
                    &mut String::new(),
                );
                self.put_set(person, way.set);
                if let Some(agents) = &said.agents {
                    let known: Vec<&str> =
                        IdList(agents).iter().filter(|id| self.is_somebody(id, &people)).collect();
                    self.link(person, way, IdList(&known.join(",")));
                }
                let marks = &mut self.marks[person as usize];
                *marks |= if said.orgs_partly { ORGLESS } else { 0 };
                *marks |= if said.agents_partly { LISTLESS } else { 0 };
                if changed || several {
                    heard.add(said);
                }
            }
            if heard.roles.is_some() {
                self.heard.insert(person, heard);
            }
        }
        let mut unsettled = std::mem::take(&mut self.unsettled);
        let mut order: Vec<u32> = unsettled.keys().copied().collect();
        order.sort_by_key(|person| (unsettled[person].first().map(|said| said.line), *person));
        for person in order {
            for said in unsettled.get_mut(&person).into_iter().flatten() {
                if self.hear_row(said, &people, &is_new, file, findings) {
                    self.heard.entry(person).or_default().add(said.clone());
                }
            }
        }
        self.unsettled = unsettled;
        self.link_all();
        self.link_count = links;
        self.say_dangling(mode, rules, file, findings);
        Ok(())
    }

    /// People whom only links name, by number.
    fn strangers(&self) -> HashSet<u32> {
        let numbers = self.directory.accounts()..self.directory.len();
        let numbers = numbers.filter_map(|number| u32::try_from(number).ok());
        numbers.filter(|number| !self.is_mentioned(*number)).collect()
    }

    /// Takes away the links to people whom nobody knows. Returns who named them.
    fn drop_links_to(&mut self, strangers: &HashSet<u32>, people: &People) -> HashSet<u32> {
        let mut named = HashSet::new();
        if strangers.is_empty() {
            return named;
        }
        let directory = &self.directory;
        let unknown =
            |number: &u32| strangers.contains(number) && !people.bystanders.contains(&directory.key(*number));
        self.families.retain(|(guardian, student)| {
            let (a, b) = (unknown(guardian), unknown(student));
            if a != b {
                named.insert(if a { *student } else { *guardian });
            }
            !a && !b
        });
        named
    }

    /// Reads the rows of some people again.
    fn read_rows_of(&self, wanted: &HashSet<u32>, odd: &mut HashMap<u32, Vec<Said>>) -> Result<()> {
        if wanted.is_empty() {
            return Ok(());
        }
        let (mut reader, mut block) = (self.roster.read(), Vec::new());
        let mut entries = self.people_of.iter();
        while reader.next(&mut block)? {
            let mut records = kept::records(&block)?;
            while let Some(entry) = entries.as_slice().first() {
                match person(*entry).filter(|person| wanted.contains(person)) {
                    None => {
                        if !records.skip()? {
                            break;
                        }
                    }
                    Some(person) => {
                        let Some(Kept { record, .. }) = records.next_record()? else { break };
                        let usable = record.defect.is_none() && !record.deleted && !record.roles.0.is_empty();
                        if usable && !self.unsettled.contains_key(&person) {
                            let rows = odd.entry(person).or_default();
                            if !rows.iter().any(|said| said.line == record.line) {
                                rows.push(Said::of(&record));
                            }
                        }
                    }
                }
                entries.next();
            }
        }
        Ok(())
    }

    /// Whether somebody is in the roster or in the store.
    fn is_somebody(&self, id: &str, people: &People) -> bool {
        let key = key(id);
        self.knows(key) || people.bystanders.contains(&key)
    }

    /// Looks among all ids of the roster and of the store for those that are written in another form in some list.
    fn look_for_other_forms(
        &self,
        odd: &HashMap<u32, Vec<Said>>,
        store: &Store,
        people: &mut People,
    ) -> Result<()> {
        let mut wanted: HashSet<String> = HashSet::new();
        for said in odd.values().chain(self.unsettled.values()).flatten() {
            let agents = said.agents.as_deref().unwrap_or_default();
            if IdList(agents).iter().any(|id| !self.is_somebody(id, people)) {
                wanted.extend(ids::candidates(agents).map(ids::fold));
            }
        }
        if wanted.is_empty() {
            return Ok(());
        }
        let folded = &mut people.folded;
        let mut add = |id: &str| {
            if wanted.contains(&ids::fold(id)) {
                folded.add(id);
            }
        };
        let (mut reader, mut block) = (self.roster.read(), Vec::new());
        while reader.next(&mut block)? {
            let mut records = kept::records(&block)?;
            while let Some(Kept { record, .. }) = records.next_record()? {
                add(record.sourced_id);
            }
        }
        store.each_id(add)
    }

    /// Reads one row's lists. Returns whether something else is taken than what stands there.
    fn hear_row(
        &mut self,
        said: &mut Said,
        people: &People,
        is_new: &dyn Fn(u64) -> bool,
        file: &str,
        findings: &mut Findings,
    ) -> bool {
        let mut changed = false;
        // A word for "no value" says nothing; what the source says of it is said.
        if said.orgs.as_deref().is_some_and(|list| null_word(list).is_some() && !self.orgs.is_known(list)) {
            (said.orgs, said.orgs_partly, changed) = (None, true, true);
        }
        if said
            .agents
            .as_deref()
            .is_some_and(|list| null_word(list).is_some() && !self.is_somebody(list, people))
        {
            (said.agents, said.agents_partly, changed) = (None, true, true);
        }
        let record = Record {
            roles: RoleList(&said.roles),
            orgs: said.orgs.as_deref().map(IdList),
            ..Record::default()
        };
        if orgs_of(&record).any(|org| !self.orgs.is_known(org)) {
            let (mut roles, mut partly) = (String::new(), false);
            let line = said.line;
            let mut say = |code, message| {
                findings.warn(code, At::file(file).line(line).column("orgSourcedIds"), || message);
            };
            for held in RoleList(&said.roles).iter() {
                let Some(org) = held.org else {
                    held.write_to(&mut roles);
                    continue;
                };
                let orgs = self.hear_orgs(org, &mut partly, is_new, &mut say);
                for org in &orgs {
                    Assignment { org: Some(org), ..held }.write_to(&mut roles);
                }
            }
            changed |= roles != said.roles && !has_gone(&said.roles);
            if !has_gone(&said.roles) {
                said.roles = roles;
            }
            if let Some(list) = &said.orgs {
                let orgs = self.hear_orgs(list, &mut partly, is_new, &mut say).join(",");
                changed |= orgs != *list;
                said.orgs = Some(orgs);
            }
            said.orgs_partly |= partly;
            changed |= partly;
        }
        if let Some(list) =
            said.agents.clone().filter(|list| IdList(list).iter().any(|id| !self.is_somebody(id, people)))
        {
            let resolve = |text: &str| match self.is_somebody(text, people) {
                true => Some(text.to_owned()),
                false => people.folded.find(text).map(str::to_owned),
            };
            match ids::read(&list, &resolve) {
                Reading::Known(agents) => {
                    findings.warn(
                        "odd-list",
                        At::file(file).line(said.line).column("agentSourcedIds"),
                        || {
                            format!(
                                "not written as OneRoster has it; read as {}",
                                counted(agents.len() as u64, "known id", "known ids")
                            )
                        },
                    );
                    said.agents = Some(agents.join(","));
                }
                Reading::Partly { known, unknown } => {
                    for id in &unknown {
                        self.dangling_agents.add(id, is_new);
                        findings.warn("dangling-agent", At::file(file).line(said.line).column("agentSourcedIds"), || {
                            format!(
                                "{} is no user of the roster or the store; the links that the store knows stand",
                                quoted(id)
                            )
                        });
                    }
                    said.agents =
                        Some(known.iter().chain(&unknown).map(String::as_str).collect::<Vec<_>>().join(","));
                    said.agents_partly = true;
                }
            }
            changed = true;
        }
        changed
    }

    /// The orgs of one cell. Those that nobody knows are known by their ids.
    fn hear_orgs(
        &mut self,
        cell: &str,
        partly: &mut bool,
        is_new: &dyn Fn(u64) -> bool,
        say: &mut dyn FnMut(&'static str, String),
    ) -> Vec<String> {
        match ids::read(cell, &|text| self.orgs.resolve(text)) {
            Reading::Known(orgs) => {
                if !self.orgs.is_told && orgs.join(",") != cell {
                    say("odd-list", format!("not written as OneRoster has it; read as {}", orgs.join(", ")));
                }
                orgs
            }
            Reading::Partly { known, unknown } => {
                for id in unknown.iter().filter(|id| !self.orgs.may_be_new(id)) {
                    *partly = true;
                    self.dangling_orgs.add(id, is_new);
                    if !self.orgs.is_told {
                        let what = "is no org that is known; the schools that the store knows stand as well";
                        say("dangling-org", format!("{} {what}", quoted(id)));
                    }
                }
                known.into_iter().chain(unknown).collect()
            }
        }
    }

    /// New references to ids that nobody knows are the sign of a file that is not whole.
    fn say_dangling(&self, mode: Mode, rules: &Rules, file: &str, findings: &mut Findings) {
        if rules.last_night.is_none() || mode != Mode::Bulk {
            return;
        }
        let many = |new: u64, of: u64| new >= MANY && new * 100 > of;
        let (new, of) = (self.dangling_agents.new, self.link_count);
        if many(new, of) {
            findings.attention("many-dangling-agents", At::file(file).column("agentSourcedIds"), || {
                format!(
                    "{new} of {of} links name users that neither the roster nor the store knows, and did not on the last good \
                     night; check that {file} is complete"
                )
            });
        }
        let (new, of) = (self.dangling_orgs.new, self.people);
        if many(new, of) {
            findings.attention("many-dangling-orgs", At::file(file).column("orgSourcedIds"), || {
                format!(
                    "{new} users of {of} are at orgs that neither the roster nor the store knows, and were not on the last good \
                     night; check the orgs of the export"
                )
            });
        }
    }

    /// A column that had values on the last good night and has none tonight says nothing.
    pub(super) fn look_at_columns(
        &mut self,
        about: &About,
        seen: &BTreeMap<String, FileSeen>,
        rules: &Rules,
        findings: &mut Findings,
    ) {
        let Some(last) = rules.last_night.as_deref().filter(|_| about.mode == Mode::Bulk) else { return };
        let lacks =
            |file: &str, column: &str| seen.get(file).is_some_and(|file| !file.columns.contains_key(column));
        let (users, roles) = (crate::last_night::file::USERS, crate::last_night::file::ROLES);
        // Without the column, and where it was emptied, no row says anything.
        let roles_emptied = last.files.get(roles).is_some_and(|file| file.had_values("orgSourcedId"))
            && seen.get(roles).is_some_and(|file| file.columns.get("orgSourcedId") == Some(&0));
        if lacks(users, "orgSourcedIds")
            && (!seen.contains_key(roles) || lacks(roles, "orgSourcedId") || roles_emptied)
        {
            self.marks
                .iter_mut()
                .filter(|marks| **marks & super::MENTIONED != 0)
                .for_each(|marks| *marks |= ORGLESS);
        }
        let emptied = |column: &str| {
            let file = crate::last_night::file::USERS;
            last.files.get(file).is_some_and(|file| file.had_values(column))
                && seen.get(file).is_some_and(|file| file.columns.get(column) == Some(&0))
        };
        self.blank_orgs = emptied("orgSourcedIds") || last.roster.placed > 0 && self.placed == 0;
        self.blank_agents = emptied("agentSourcedIds") || last.roster.linked > 0 && self.linked == 0;
        self.blank_roles = self.held.iter().all(|(_, count)| *count == 0) && !last.roster.roles.is_empty();
        for (is_blank, from, to) in [
            (self.blank_orgs, super::BLANK_ORGS, ORGLESS),
            (self.blank_agents, super::BLANK_AGENTS, LISTLESS),
        ] {
            if is_blank {
                self.marks.iter_mut().filter(|marks| **marks & from != 0).for_each(|marks| *marks |= to);
            }
        }
        let columns = [
            (self.blank_orgs, "orgSourcedIds", "schools"),
            (self.blank_agents, "agentSourcedIds", "links"),
            (self.blank_roles, "role", "roles"),
        ];
        for (_, column, what) in columns.into_iter().filter(|(is_blank, ..)| *is_blank) {
            let had = last.files.get(users).is_some_and(|file| file.had_values(column));
            if had && lacks(users, column) {
                // Unlike cells that are blank for a summer, this is never meant: no change arrives until it is back.
                findings.attention("column-gone", At::file(about.users_name).column(column), || {
                    format!(
                        "the column was there on the last good night and is gone; {what} stay as the store has them, and changes \
                         in the SIS do not arrive. Have the column exported again"
                    )
                });
                continue;
            }
            findings.warn("emptied-column", At::file(about.users_name).column(column), || {
                format!("every cell is blank, and on the last good night some were not; {what} stay as the store has them")
            });
        }
    }

    /// Whether many people have lost every role since the last good night: then roles are missing from the export.
    pub(super) fn has_lost_roles(&mut self, rules: &Rules, file: &str, findings: &mut Findings) -> bool {
        let Some(last) = rules.last_night.as_deref() else { return false };
        let new = self.roleless.saturating_sub(last.roster.roleless);
        let lost = !self.blank_roles && new >= 3 && new * 100 > self.people;
        if lost {
            findings.warn("roles-missing", At::file(file).column("role"), || {
                format!(
                    "{new} users more than on the last good night have no role; roles and schools that the store knows stand"
                )
            });
        }
        lost
    }

    /// Words for roles that OneRoster does not have, each with its count.
    pub(super) fn say_foreign_roles(&self, file: &str, findings: &mut Findings) {
        for (word, count) in &self.foreign {
            let (users, are) = if *count == 1 { ("user has", "is") } else { ("users have", "are") };
            findings.warn("unknown-role", At::file(file).column("role"), || {
                format!(
                    "{count} {users} the role {}, which OneRoster does not have, and {are} not synced for it; if it is another word \
                     for one of its roles, add it to `role_names` in [sync]",
                    quoted(word)
                )
            });
        }
    }
}

impl Dangling {
    fn add(&mut self, id: &str, is_new: &dyn Fn(u64) -> bool) {
        let hash = xxh3_64(id.as_bytes());
        self.ids.insert(hash);
        self.new += u64::from(is_new(hash));
    }
}

impl Heard {
    /// Adds what one row of the person says.
    fn add(&mut self, said: Said) {
        let ids = |own: &mut Option<String>, list: Option<String>| {
            if let Some(list) = list {
                *own = Some(match own.take() {
                    Some(own) => IdList(&own).with(IdList(&list)),
                    None => list,
                });
            }
        };
        self.roles = Some(match self.roles.take() {
            Some(own) => RoleList(&own).with(RoleList(&said.roles)),
            None => said.roles,
        });
        ids(&mut self.orgs, said.orgs);
        ids(&mut self.agents, said.agents);
    }

    /// Adds what the store knows of schools, or of links.
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

/// Whether a delta takes some role away: such a list is not written anew.
fn has_gone(roles: &str) -> bool {
    roles.contains("\t-")
}

/// A text of the roster in a message: short.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(60).collect();
    format!("`{short}`")
}

/// Whether an id that nothing knows was not there on the last good night. Of very many such ids only the lowest hashes are
/// kept; of an id beyond them it is not known, and it counts as an old one.
fn is_new_reference(last: &[u64], id: u64) -> bool {
    let may_be_old = last.len() >= MOST_DANGLING && last.last().is_some_and(|most| id > *most);
    !may_be_old && last.binary_search(&id).is_err()
}
