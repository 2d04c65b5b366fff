//! Which ids are orgs, and which orgs are schools.

use std::collections::HashSet;

use crate::failure::Result;
use crate::roster::Schools;
use crate::roster::ids::Folded;
use crate::rules::Rules;
use crate::store::Store;

/// The orgs that are known: by tonight's orgs, by those of earlier nights, by the configuration.
#[derive(Default)]
pub(super) struct Orgs {
    known: HashSet<String>,
    folded: Folded,
    /// Orgs that are no schools. One that the configuration names is a school for us, whatever its
    /// type is: its entry may protect people.
    others: HashSet<String>,
    /// Some night had orgs, so that an id that is not among them is worth a word.
    pub(super) is_listed: bool,
    /// The source has orgs tonight, and tells of those that are not among them.
    pub(super) is_told: bool,
    /// Nothing is known of orgs at all, so any id is taken for one.
    is_open: bool,
}

impl Orgs {
    pub(super) fn new(tonight: &Schools, store: &Store, rules: &Rules) -> Result<Self> {
        let mut orgs = Self::default();
        let stored = store.schools()?;
        orgs.is_told = !tonight.0.is_empty();
        orgs.is_listed = !tonight.0.is_empty() || !stored.is_empty();
        orgs.known.extend(tonight.0.keys().chain(stored.keys()).cloned());
        if !orgs.is_listed {
            // Without any list of orgs, those at which people were are the only ones that are
            // known.
            let seen = rules.last_night.iter().flat_map(|night| night.roster.schools.keys());
            orgs.known.extend(seen.cloned());
            orgs.is_open = orgs.known.is_empty();
        }
        let configured: HashSet<&String> = rules.schools.keys().chain(&rules.synced_schools).collect();
        orgs.known.extend(configured.iter().map(|id| (*id).clone()));
        let others = if tonight.0.is_empty() { store.other_orgs()? } else { tonight.1.clone() };
        orgs.others = others.into_iter().filter(|id| !configured.contains(id)).collect();
        orgs.known.iter().for_each(|id| orgs.folded.add(id));
        Ok(orgs)
    }

    pub(super) fn is_known(&self, id: &str) -> bool {
        self.known.contains(id) || self.is_open && is_plain(id)
    }

    pub(super) fn is_school(&self, id: &str) -> bool {
        self.others.is_empty() || !self.others.contains(id)
    }

    pub(super) fn resolve(&self, text: &str) -> Option<String> {
        match self.is_known(text) {
            true => Some(text.to_owned()),
            false => self.folded.find(text).map(str::to_owned),
        }
    }

    /// Whether an id that is not known is taken as it is: where there never was a list of orgs,
    /// a new school looks so.
    pub(super) fn may_be_new(&self, id: &str) -> bool {
        !self.is_listed && is_plain(id)
    }
}

fn is_plain(id: &str) -> bool {
    !id.contains([';', '|', '/', ' ', '[', ']', '{', '}', '(', ')', '"', '\''])
}
