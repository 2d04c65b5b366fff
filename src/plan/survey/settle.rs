//! What the roster leaves open: rows that may be double, and families of whom it does not say everything.

use std::collections::{HashMap, HashSet};

use super::{LISTLESS, Said, Survey, person};
use crate::account::SisDetails;
use crate::failure::Result;
use crate::findings::Findings;
use crate::plan::known::Near;
use crate::plan::rules::Rules;
use crate::plan::sis::same_in_normal_form;
use crate::roster::kept::{self, Kept, key};
use crate::roster::{IdList, Mode, RoleList};
use crate::store::{Relative, Store};

impl Survey {
    /// Compares the rows of each sourcedId that seems to have several.
    pub(super) fn look_at_doubles(
        &mut self,
        rules: &Rules,
        doubles: &HashSet<u32>,
        findings: &mut Findings,
    ) -> Result<()> {
        // What the first usable row said; none for a row that cannot be compared.
        let mut first: HashMap<String, Option<(SisDetails, bool)>> = HashMap::new();
        let (mut reader, mut block) = (self.roster.read(), Vec::new());
        let mut entries = (0_u32..).zip(&self.people_of);
        while reader.next(&mut block)? {
            let mut records = kept::records(&block)?;
            while let Some(Kept { record, .. }) = records.next_record()? {
                let Some((place, entry)) = entries.next() else { break };
                let Some(person) = person(*entry).filter(|person| doubles.contains(person)) else { continue };
                let said = record.defect.is_none().then(|| (SisDetails::of(&record), record.deleted));
                let Some(before) = first.get(record.sourced_id) else {
                    first.insert(record.sourced_id.to_owned(), said);
                    continue;
                };
                let same = match (before, &said) {
                    (Some((a, gone)), Some((b, gone_too))) => {
                        gone == gone_too && same_in_normal_form(a, b, rules)
                    }
                    (None, _) | (_, None) => false,
                };
                if same {
                    self.repeated.insert(place);
                    findings.warn("repeated-row", "users.csv", record.line, Some("sourcedId"), || {
                        format!(
                            "sourcedId `{}` stands here again with the same details; counted once",
                            record.sourced_id
                        )
                    });
                } else {
                    self.contradicted.insert(record.sourced_id.to_owned());
                    self.contradicted_people.insert(person);
                }
            }
        }
        for id in &self.contradicted {
            if let Some(number) = self.directory.find(key(id)) {
                self.unsettled.entry(number).or_default();
            }
        }
        Ok(())
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
        let listless = self.marks.iter().any(|marks| marks & LISTLESS != 0);
        if mode == Mode::Bulk && !doubt && self.unsettled.is_empty() && !listless {
            return Ok(());
        }
        let mut unsettled = std::mem::take(&mut self.unsettled);
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
                        let orgs = said.orgs.as_deref().map_or(orgs, IdList);
                        let agents = said.agents.as_deref().map_or(agents, IdList);
                        self.put_family(person, RoleList(&roles), orgs, agents, today);
                    }
                }
                (Some((person, said)), _) => {
                    self.put_family(person, roles, orgs, agents, today);
                    self.put_said(person, said, today);
                }
                (None, Some(person)) => {
                    if doubt {
                        self.put_family(person, roles, orgs, agents, today);
                    } else if self.marks[person as usize] & LISTLESS != 0 && !agents.0.is_empty() {
                        let way = self.way(roles, orgs, today, &mut scratch);
                        self.link(person, way, agents);
                    }
                }
                // Whoever was archived because their row names nobody may still be there.
                (None, None) if mode != Mode::Bulk && !archived || doubt => {
                    let person = self.number(key, &mut Near::default());
                    let way = self.way(roles, orgs, today, &mut scratch);
                    self.sets_of[person as usize] = way.set;
                    self.link(person, way, agents);
                }
                (None, None) => {}
            }
            Ok(())
        })?;
        for (person, said) in unsettled {
            self.put_said(person, said, today);
        }
        self.link_all();
        Ok(())
    }

    fn put_said(&mut self, person: u32, said: Vec<Said>, today: &str) {
        for said in said {
            let list = |list: &Option<String>| list.clone().unwrap_or_default();
            let (orgs, agents) = (list(&said.orgs), list(&said.agents));
            self.put_family(person, RoleList(&said.roles), IdList(&orgs), IdList(&agents), today);
        }
    }
}
