//! Links that may not be used: those for emergencies only, and those about which a person may not be
//! contacted. They bring no school to the guardian, whichever of the two records names them.

use std::collections::HashSet;

use crate::roster::kept::key;
use crate::roster::{EVERY, IdList, Record};

/// Whether a record has links of other classes than contact.
pub(super) fn has_other_links(record: &Record<'_>) -> bool {
    let has = |list: Option<IdList<'_>>| list.is_some_and(|list| !list.0.is_empty());
    has(record.barred) || has(record.emergency)
}

/// The links of one guardian, as keys of the students.
#[derive(Default)]
pub(super) struct Restricted {
    pub(super) contact: HashSet<u64>,
    pub(super) emergency: HashSet<u64>,
    pub(super) barred: HashSet<u64>,
}

impl Restricted {
    pub(super) fn of(agents: &str, emergency: &str, barred: &str) -> Self {
        let [contact, emergency, barred] =
            [agents, emergency, barred].map(|list| IdList(list).iter().map(key).collect());
        Self { contact, emergency, barred }
    }

    pub(super) fn add(&mut self, record: &Record<'_>) {
        let lists = [
            (&mut self.contact, record.agents),
            (&mut self.emergency, record.emergency),
            (&mut self.barred, record.barred),
        ];
        for (own, list) in lists {
            own.extend(list.unwrap_or_default().iter().map(key));
        }
    }

    pub(super) fn allows(&self, student: u64) -> bool {
        let every = key(EVERY);
        !self.barred.contains(&student)
            && !self.barred.contains(&every)
            && (self.contact.contains(&student)
                || !self.emergency.contains(&student) && !self.emergency.contains(&every))
    }
}
