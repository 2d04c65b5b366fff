//! Contacts whose ids do not last: without an id of the SIS Clever gives a new one whenever a
//! detail changes, and once more when the SIS begins to give one.

use crate::contact::PersonName;
use crate::failure::Result;
use crate::roster::{IdList, Record};
use crate::source::known_guardians::{Claim, KnownGuardians};
use crate::source::pulled::{Records, Renamed};
use crate::source::{ContactsSeen, hashed};
use crate::value;

/// A user that is being built.
pub(super) struct People {
    pub(super) records: Records,
    /// The contacts, by hashes of their ids.
    contacts: Vec<(u64, Claim)>,
    /// How many users have a part of a preferred name, where that is wanted.
    pub(super) preferred: u64,
    pub(super) seen: ContactsSeen,
}

impl People {
    pub(super) fn new() -> Self {
        Self {
            records: Records::new(value::CLEVER),
            contacts: Vec::new(),
            preferred: 0,
            seen: ContactsSeen::default(),
        }
    }

    pub(super) fn take(&mut self, record: &Record<'_>) -> Result<()> {
        if self.records.take(record)? {
            let key = hashed(record.sourced_id);
            self.contacts.extend(claim(record).map(|claim| (key, claim)));
        }
        Ok(())
    }

    /// Contacts with new ids that the store knows under another id, with that id. Asks the store
    /// only if there are contacts. Before [`Records::finish`].
    pub(super) fn recognised(&self, known: &dyn Fn() -> Result<KnownGuardians>) -> Result<Renamed> {
        if self.contacts.is_empty() {
            return Ok(Renamed::default());
        }
        let (keys, claims): (Vec<u64>, Vec<Claim>) = self.contacts.iter().cloned().unzip();
        let known = known()?;
        let found = known.recognise(&claims, &|id| self.records.has(id));
        let pairs = keys.into_iter().zip(found);
        Ok(pairs.filter_map(|(key, id)| Some((key, id?.into()))).collect())
    }
}

/// By what a contact is recognised under another id. A contact without a name never is.
fn claim(record: &Record<'_>) -> Option<Claim> {
    let is_contact = record.roles.iter().any(|held| held.role == "guardian");
    let name = PersonName::new(record.given_name.unwrap_or_default(), record.family_name.unwrap_or_default());
    let lists = [record.agents, record.emergency, record.barred];
    let students = lists.into_iter().flatten().flat_map(IdList::iter);
    let own = Some(record.sourced_id);
    let numbers = [record.sms, record.phone].map(Option::unwrap_or_default);
    let emails = [record.email.unwrap_or_default()];
    (is_contact && !name.is_empty())
        .then(|| Claim::new(own, record.identifier, &name, students, &emails, &numbers))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::RoleList;

    #[test]
    fn only_contacts_with_a_name_are_recognised() {
        let contact = Record {
            sourced_id: "c1",
            family_name: Some("Sanjiv Becker"),
            roles: RoleList("guardian"),
            agents: Some(IdList("s1,s2")),
            ..Record::default()
        };
        assert!(claim(&contact).is_some());
        for other in
            [Record { family_name: None, ..contact }, Record { roles: RoleList("teacher"), ..contact }]
        {
            assert!(claim(&other).is_none(), "{other:?}");
        }
    }
}
