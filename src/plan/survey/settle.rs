//! What the roster leaves open: rows that may be double, and families of whom it does not say everything.

use std::collections::{HashMap, HashSet};

use super::{
    GUARDIAN, LISTLESS, ORGLESS, Said, Survey, current_roles, is_guardian_today, own_schools, person,
};
use crate::account::SisDetails;
use crate::failure::Result;
use crate::findings::{At, Findings};
use crate::plan::known::Near;
use crate::plan::rules::Rules;
use crate::plan::sis::{same_contacts, same_in_normal_form};
use crate::roster::kept::{self, Kept, key};
use crate::roster::{IdList, Mode, Record, RoleList};
use crate::store::{Relative, Store};

/// The rows of one sourcedId that agree in who it is.
struct Rows {
    said: SisDetails,
    gone: bool,
    person: u32,
    /// Of the row that stands for all of them.
    place: u32,
    /// What they say of schools, roles and links, where they differ in it.
    all: Vec<Said>,
    /// The roles of the rows that have no row of the report.
    repeated: Vec<String>,
}

impl Rows {
    fn new(record: &Record<'_>, person: u32, place: u32) -> Self {
        Self {
            said: SisDetails::of(record),
            gone: record.deleted,
            person,
            place,
            all: vec![Said::of(record)],
            repeated: Vec::new(),
        }
    }
}

impl Survey {
    /// Compares the rows of each sourcedId that seems to have several. Those that agree in name, email and numbers are one
    /// person, at all the schools, with all the roles and links that they name.
    pub(super) fn look_at_doubles(
        &mut self,
        rules: &Rules,
        doubles: &HashSet<u32>,
        file: &str,
        findings: &mut Findings,
    ) -> Result<()> {
        // By sourcedId: the rows so far; none for a row that cannot be compared.
        let mut first: HashMap<String, Option<Rows>> = HashMap::new();
        let (mut reader, mut block) = (self.roster.read(), Vec::new());
        let mut entries = (0_u32..).zip(&self.people_of);
        while reader.next(&mut block)? {
            let mut records = kept::records(&block)?;
            while let Some(Kept { record, .. }) = records.next_record()? {
                let Some((place, entry)) = entries.next() else { break };
                let Some(person) = person(*entry).filter(|person| doubles.contains(person)) else { continue };
                let usable = record.defect.is_none();
                let Some(before) = first.get_mut(record.sourced_id) else {
                    let rows = usable.then(|| Rows::new(&record, person, place));
                    first.insert(record.sourced_id.to_owned(), rows);
                    continue;
                };
                let said = SisDetails::of(&record);
                let Some(rows) =
                    before.as_mut().filter(|rows| usable && same_contacts(&rows.said, &said, rules))
                else {
                    self.contradicted.insert(record.sourced_id.to_owned());
                    self.contradicted_people.insert(person);
                    continue;
                };
                let same = rows.gone == record.deleted && same_in_normal_form(&rows.said, &said, rules);
                // Whoever is gone in one row and there in another is there.
                match (rows.gone, record.deleted) {
                    (true, false) => {
                        self.repeated.insert(rows.place);
                        let repeated = std::mem::take(&mut rows.repeated);
                        *rows = Rows { repeated, ..Rows::new(&record, person, place) };
                    }
                    (false, false) => {
                        self.repeated.insert(place);
                        rows.repeated.push(record.roles.0.to_owned());
                        if !same {
                            rows.all.push(Said::of(&record));
                        }
                    }
                    (_, true) => {
                        self.repeated.insert(place);
                    }
                }
                let (code, what) = match same {
                    true => ("repeated-row", "with the same details; counted once"),
                    false => (
                        "merged-rows",
                        "with the same name, email and numbers; it is one person with the schools, roles and links of all rows",
                    ),
                };
                findings.warn(code, At::file(file).line(record.line).column("sourcedId"), || {
                    format!("sourcedId `{}` stands here again {what}", record.sourced_id)
                });
            }
        }
        let today = rules.today.to_string();
        for (id, rows) in first {
            let Some(rows) = rows.filter(|_| !self.contradicted.contains(&id)) else { continue };
            // Only the first row counts among the roles.
            for roles in &rows.repeated {
                self.count_held(RoleList(roles), false, &today);
            }
            if rows.all.len() > 1 {
                let mut all = rows.all;
                // The order of the rows makes no difference.
                all.sort_by(|a, b| (&a.roles, &a.orgs, &a.agents).cmp(&(&b.roles, &b.orgs, &b.agents)));
                if !self.unsettled.contains_key(&rows.person) {
                    let mut roles = String::new();
                    for said in &all {
                        roles = RoleList(&roles).with(RoleList(&said.roles));
                    }
                    self.count_held(RoleList(&rows.said.roles), false, &today);
                    self.count_held(RoleList(&roles), true, &today);
                }
                self.unsettled.remove(&rows.person);
                self.odd.insert(rows.person, all);
            }
        }
        for id in &self.contradicted {
            if let Some(number) = self.directory.find(key(id)) {
                self.odd.remove(&number);
                self.unsettled.entry(number).or_default();
            }
        }
        Ok(())
    }

    /// Counts, or counts no longer, a record with these roles.
    fn count_held(&mut self, roles: RoleList<'_>, more: bool, today: &str) {
        if roles.0.is_empty() {
            return;
        }
        let held = self.held_number(&current_roles(roles, today).join("|"));
        let count = &mut self.held[held as usize].1;
        *count = if more { *count + 1 } else { count.saturating_sub(1) };
    }

    /// Settles what the roster alone cannot: the store's word on families, for those whom a delta does not mention, and
    /// for those whose rows are not the whole word.
    pub(super) fn ask_the_store(
        &mut self,
        store: &Store,
        mode: Mode,
        doubt: bool,
        today: &str,
    ) -> Result<()> {
        let listless = self.marks.iter().any(|marks| marks & (LISTLESS | ORGLESS) != 0);
        if mode == Mode::Bulk && !doubt && self.unsettled.is_empty() && !listless {
            return Ok(());
        }
        let mut unsettled = std::mem::take(&mut self.unsettled);
        // What the store knows beside what a record says.
        let mut beside: HashMap<u32, (Option<String>, Option<String>)> = HashMap::new();
        let mut scratch = String::new();
        store.each_relative(|known| {
            let Relative { sourced_id, archived, roles, orgs, agents } = known;
            let (roles, orgs, agents) = (RoleList(roles), IdList(orgs), IdList(agents));
            let key = key(sourced_id);
            let number = self.directory.find(key);
            let said = number.and_then(|number| unsettled.remove(&number).map(|said| (number, said)));
            let mentioned = number.filter(|number| self.is_mentioned(*number));
            match (said, mentioned) {
                (Some((person, said)), _) if mode == Mode::Delta && !said.is_empty() => {
                    for said in said {
                        let roles = roles.after(RoleList(&said.roles));
                        let list = |own: &Option<String>, partly: bool, known: IdList<'_>| match own {
                            Some(own) if partly => known.with(IdList(own)),
                            Some(own) => own.clone(),
                            None => known.0.to_owned(),
                        };
                        let said_orgs = list(&said.orgs, said.orgs_partly, orgs);
                        let said_agents = list(&said.agents, said.agents_partly, agents);
                        let (orgs, agents) = (IdList(&said_orgs), IdList(&said_agents));
                        self.put_family(person, RoleList(&roles), orgs, agents, today);
                        if said.orgs_partly || said.agents_partly {
                            beside.insert(
                                person,
                                (
                                    said.orgs_partly.then(|| said_orgs.clone()),
                                    said.agents_partly.then(|| said_agents.clone()),
                                ),
                            );
                        }
                        if is_guardian_today(RoleList(&roles), today) {
                            self.marks[person as usize] |= GUARDIAN;
                        }
                    }
                }
                (Some((person, said)), _) => {
                    self.put_family(person, roles, orgs, agents, today);
                    self.put_said(person, said, today);
                    if is_guardian_today(roles, today) {
                        self.marks[person as usize] |= GUARDIAN;
                    }
                }
                (None, Some(person)) => {
                    let marks = self.marks[person as usize];
                    if doubt {
                        self.put_family(person, roles, orgs, agents, today);
                    } else {
                        let way = self.way(roles, Some(orgs), today, &mut scratch);
                        if marks & LISTLESS != 0 && !agents.0.is_empty() {
                            self.link(person, way, agents);
                        }
                        if marks & ORGLESS != 0 {
                            self.put_set(person, way.set);
                        }
                    }
                    let own = || Record { roles, orgs: Some(orgs), ..Record::default() };
                    // The roles of 1.2 name the schools, and those of tonight do not name them all.
                    let unsaid = marks & ORGLESS != 0 && roles.iter().any(|held| held.org.is_some());
                    let partly = self.heard.contains_key(&person);
                    let kept = (
                        (unsaid || partly && marks & ORGLESS != 0)
                            .then(|| own_schools(&own(), today).join(",")),
                        (partly && marks & LISTLESS != 0).then(|| agents.0.to_owned()),
                    );
                    if kept.0.is_some() || kept.1.is_some() {
                        beside.insert(person, kept);
                    }
                }
                // Whoever was archived because their row names nobody may still be there.
                (None, None) if mode != Mode::Bulk && !archived || doubt => {
                    let person = self.number(key, &mut Near::default());
                    let way = self.way(roles, Some(orgs), today, &mut scratch);
                    self.sets_of[person as usize] = way.set;
                    if way.guardian_today {
                        self.marks[person as usize] |= GUARDIAN;
                    }
                    self.link(person, way, agents);
                }
                (None, None) => {}
            }
            Ok(())
        })?;
        for (person, said) in unsettled {
            self.put_said(person, said, today);
        }
        for (person, (orgs, agents)) in beside {
            self.heard.entry(person).or_default().keep(orgs.as_deref(), agents.as_deref());
        }
        self.link_all();
        Ok(())
    }

    fn put_said(&mut self, person: u32, said: Vec<Said>, today: &str) {
        for said in said {
            let list = |list: &Option<String>| list.clone().unwrap_or_default();
            let (orgs, agents) = (list(&said.orgs), list(&said.agents));
            if said.roles.is_empty() && orgs.is_empty() && agents.is_empty() {
                continue;
            }
            self.put_family(person, RoleList(&said.roles), IdList(&orgs), IdList(&agents), today);
        }
    }
}
