//! Which links count by their class, once every record is known.

use std::collections::HashMap;

use super::GUARDIAN;
use super::intake::{FamilyRow, Intake};
use super::link_classes::Restricted;
use crate::failure::Result;
use crate::roster::kept::key;
use crate::roster::{EVERY, IdList, Mode};
use crate::rules::Rules;
use crate::source::ContactsSeen;
use crate::store::Store;

impl Intake {
    /// Leaves the links out that may not be used. While a column of the rules is blank, links have
    /// the class that they have in the store, and new ones wait.
    pub(super) fn drop_restricted(
        &mut self,
        contacts: &ContactsSeen,
        mode: Mode,
        store: &Store,
        rules: &Rules,
    ) -> Result<()> {
        let is_blank = match (&contacts.rules, rules.last_night.as_deref()) {
            (Some(seen), Some(last)) => {
                mode == Mode::Bulk && last.blank_contact_columns(seen).next().is_some()
            }
            (_, _) => false,
        };
        if is_blank {
            self.restrict_as_stored(store)?;
        }
        let (restricted, people) = (&self.restricted, &self.index.people);
        if !restricted.is_empty() {
            self.index.families.retain(|(guardian, student)| {
                restricted.get(guardian).is_none_or(|links| links.allows(people.key(*student)))
            });
        }
        Ok(())
    }

    fn restrict_as_stored(&mut self, store: &Store) -> Result<()> {
        let is_guardian = |marks: &[u8], person: u32| marks[person as usize] & GUARDIAN != 0;
        let mut stored: HashMap<u32, Restricted> = HashMap::new();
        store.each_relative(|known| {
            let person = self.index.people.find(key(known.sourced_id));
            if let Some(person) = person.filter(|person| is_guardian(&self.index.marks, *person)) {
                stored.insert(person, Restricted::of(known.agents, known.emergency, known.barred));
            }
            Ok(())
        })?;
        let every = key(EVERY);
        let mut stand: Vec<(u32, u32)> = Vec::new();
        self.index.each_record_of(
            |person| is_guardian(&self.index.marks, person),
            |_, person, record| {
                if record.emergency.is_none() && record.barred.is_none() {
                    return;
                }
                let links = stored.entry(person).or_default();
                // Another column may have a rule that makes less of a link than it is.
                let less = [record.emergency, record.barred].into_iter().flatten().flat_map(IdList::iter);
                let less = less.map(key).filter(|id| links.contact.contains(id));
                stand.extend(less.filter_map(|id| Some((person, self.index.people.find(id)?))));
                let lists = [record.agents, record.emergency, record.barred];
                for id in
                    lists.into_iter().flatten().flat_map(IdList::iter).map(key).filter(|id| *id != every)
                {
                    let is_known = links.contact.contains(&id)
                        || [&links.emergency, &links.barred]
                            .into_iter()
                            .any(|list| list.contains(&id) || list.contains(&every));
                    if !is_known {
                        links.barred.insert(id);
                    }
                }
            },
        )?;
        self.index.families.extend(stand);
        self.restricted = stored;
        Ok(())
    }
}

/// The links for emergencies, and those that are barred, of rows that are one person; none where
/// no row has any. A row that forbids a link wins over one that allows it, which wins over one for
/// emergencies. Rows of different classes are about the links that they name, and no others.
pub(super) fn of_rows(rows: &[FamilyRow]) -> Option<(String, String)> {
    if rows.iter().all(|row| row.emergency.is_empty() && row.barred.is_empty()) {
        return None;
    }
    let all = |list: fn(&FamilyRow) -> &str| {
        rows.iter().fold(String::new(), |all, row| IdList(&all).with(IdList(list(row))))
    };
    let agents = all(|row| row.agents.as_deref().unwrap_or_default());
    let (mut emergency, mut barred) = (all(|row| &row.emergency), all(|row| &row.barred));
    for (list, of) in [
        (&mut emergency, (|row| &row.emergency) as fn(&FamilyRow) -> &String),
        (&mut barred, |row| &row.barred),
    ] {
        if !rows.iter().all(|row| IdList(of(row)).has(EVERY)) {
            *list = IdList(list).without(&[IdList(EVERY)]);
        }
    }
    let emergency = IdList(&emergency).without(&[IdList(&agents), IdList(&barred)]);
    Some((emergency, barred))
}
