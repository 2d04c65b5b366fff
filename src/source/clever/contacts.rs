//! Contacts whose ids do not last: without an id of the SIS Clever gives a new one whenever a detail changes.

use std::collections::HashMap;
use std::ops::ControlFlow;

use crate::contact::PersonName;
use crate::failure::Result;
use crate::findings::Findings;
use crate::roster::{Mode, Record, Schools};
use crate::source::RosterSource;
use crate::source::known::{KnownFamily, kinship};
use crate::source::pulled::{Pulled, Records, Taken};

/// Users in the making.
pub(super) struct People {
    pub(super) records: Records,
    fleeting: Vec<Fleeting>,
}

/// A contact without a lasting id.
struct Fleeting {
    id: String,
    /// By what the person is recognised instead.
    kinships: Vec<u64>,
}

impl People {
    pub(super) fn new() -> Self {
        Self { records: Records::new(), fleeting: Vec::new() }
    }

    pub(super) fn take(&mut self, record: &Record<'_>) -> Result<()> {
        if self.records.take(record)? == Taken::New {
            self.fleeting.extend(without_lasting_id(record));
        }
        Ok(())
    }

    /// Contacts that Clever has given a new id and that are people whom the store knows, under the ids by which it knows
    /// them. Asks for those only if there are contacts without a lasting id. Before [`Records::finish`].
    pub(super) fn recognised(&self, known: &dyn Fn() -> Result<KnownFamily>) -> Result<Renamed> {
        match self.fleeting.is_empty() {
            true => Ok(Renamed::default()),
            false => Ok(recognise(&self.fleeting, &known()?, &self.records)),
        }
    }
}

fn without_lasting_id(record: &Record<'_>) -> Option<Fleeting> {
    let is_contact = record.roles.iter().any(|held| held.role == "guardian");
    if !is_contact || record.identifier.is_some() {
        return None;
    }
    let name = PersonName::new(record.given_name.unwrap_or_default(), record.family_name.unwrap_or_default());
    let students = record.agents.unwrap_or_default();
    let kinships = students.iter().map(|student| kinship(student, &name)).collect();
    (!name.is_empty()).then(|| Fleeting { id: record.sourced_id.to_owned(), kinships })
}

/// The new id (as a hash), and the one by which the store knows the person.
pub(super) type Renamed = HashMap<u64, Box<str>>;

/// Nobody is taken for somebody else who is in the roster too, or whom two could be.
fn recognise(fleeting: &[Fleeting], known: &KnownFamily, records: &Records) -> Renamed {
    let mut claims: HashMap<&str, Vec<u64>> = HashMap::new();
    for contact in fleeting.iter().filter(|contact| !known.has(&contact.id)) {
        if let Some(account) = known.find(&contact.kinships).filter(|account| !records.has(account)) {
            claims.entry(account).or_default().push(Records::key(&contact.id));
        }
    }
    claims
        .into_iter()
        .filter_map(|(account, ids)| match ids.as_slice() {
            [id] => Some((*id, account.into())),
            _ => None,
        })
        .collect()
}

/// A roster in which some contacts are given the ids that they had.
#[derive(Debug)]
pub(super) struct Recognised {
    pub(super) pulled: Pulled,
    pub(super) renamed: Renamed,
}

impl RosterSource for Recognised {
    fn name(&self) -> &str {
        self.pulled.name()
    }

    fn mode(&self) -> Mode {
        self.pulled.mode()
    }

    fn schools(&self) -> &Schools {
        self.pulled.schools()
    }

    fn findings(&self) -> &Findings {
        self.pulled.findings()
    }

    fn shares_no_guardians(&self) -> bool {
        self.pulled.shares_no_guardians()
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        self.pulled.read(findings, &mut |record| match self.renamed.get(&Records::key(record.sourced_id)) {
            Some(known) => each(&Record { sourced_id: known, ..*record }),
            None => each(record),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::{IdList, RoleList};

    #[test]
    fn only_contacts_without_an_id_of_the_sis_are_recognised_by_their_students() {
        let contact = Record {
            sourced_id: "c1",
            family_name: Some("Sanjiv Becker"),
            roles: RoleList("guardian"),
            agents: Some(IdList("s1,s2")),
            ..Record::default()
        };
        let name = PersonName::new("", "sanjiv becker");
        let found = without_lasting_id(&contact).unwrap();
        assert_eq!(
            (found.id.as_str(), found.kinships),
            ("c1", vec![kinship("s1", &name), kinship("s2", &name)])
        );
        for other in [
            Record { identifier: Some("77"), ..contact },
            Record { family_name: None, ..contact },
            Record { roles: RoleList("teacher"), ..contact },
        ] {
            assert!(without_lasting_id(&other).is_none(), "{other:?}");
        }
    }
}
