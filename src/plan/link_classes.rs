//! The links of a guardian by class, where they are not as the record has them. Pure.

use crate::account::Account;
use crate::roster::{EVERY, IdList, Record, distinct};

pub(super) struct SettledLinks {
    agents: Option<String>,
    emergency: Option<String>,
    barred: Option<String>,
    /// There is a link whose class is not known tonight.
    pub(super) is_unknown: bool,
}

impl SettledLinks {
    /// Of a person that is no guardian, or has no role that is known.
    pub(super) fn unclassed(record: &Record<'_>) -> Self {
        let agents = record.agents.map(|list| list.0.to_owned());
        Self { agents, emergency: None, barred: None, is_unknown: false }
    }

    /// Each link has the class that it has in the store; a new one has none.
    pub(super) fn as_stored(record: &Record<'_>, account: Option<&Account>) -> Self {
        let said = [record.agents, record.emergency, record.barred].map(Option::unwrap_or_default);
        let stored = account.map_or([""; 3], |account| {
            [account.sis.agents.as_str(), account.sis.emergency.as_str(), account.sis.barred.as_str()]
        });
        let all = distinct(said.into_iter().flat_map(IdList::iter).filter(|id| *id != EVERY));
        let mut lists = [const { String::new() }; 3];
        let mut is_unknown = account.is_none() && all.is_empty();
        let mut put = |list: usize, id: &str| {
            if !lists[list].is_empty() {
                lists[list].push(',');
            }
            lists[list].push_str(id);
        };
        for id in all {
            let named = (0..3).rev().find(|list| IdList(stored[*list]).has(id));
            match named.or_else(|| (1..3).rev().find(|list| IdList(stored[*list]).has(EVERY))) {
                Some(list) => put(list, id),
                None => is_unknown = true,
            }
        }
        for (list, stored) in stored.iter().enumerate().skip(1) {
            if IdList(stored).has(EVERY) {
                put(list, EVERY);
            }
        }
        let [agents, emergency, barred] = lists;
        let agents = (record.agents.is_some() || !agents.is_empty()).then_some(agents);
        Self { agents, emergency: Some(emergency), barred: Some(barred), is_unknown }
    }

    /// All links are of one class, also those that the record names without one. None if the record
    /// has it so.
    pub(super) fn every(record: &Record<'_>) -> Option<Self> {
        let [emergency, barred] = [record.emergency, record.barred].map(Option::unwrap_or_default);
        let is_barred = barred.has(EVERY);
        if !is_barred && !emergency.has(EVERY) || record.agents.is_some_and(IdList::is_empty) {
            return None;
        }
        let own = if is_barred { barred } else { emergency };
        let all = record.agents.unwrap_or_default().with(own);
        let (emergency, barred) = match is_barred {
            true => (emergency.0.to_owned(), all),
            false => (all, barred.0.to_owned()),
        };
        Some(Self {
            agents: Some(String::new()),
            emergency: Some(emergency),
            barred: Some(barred),
            is_unknown: false,
        })
    }

    pub(super) fn put_into<'a>(&'a self, record: &Record<'a>) -> Record<'a> {
        Record {
            agents: self.agents.as_deref().map(IdList),
            emergency: self.emergency.as_deref().map(IdList),
            barred: self.barred.as_deref().map(IdList),
            ..*record
        }
    }
}
