//! What is read before anything is decided: the roster and, meanwhile, what the store knows of the
//! accounts.

use std::ops::ControlFlow;

use super::signs::Signs;
use super::unchanged::Unchanged;
use crate::failure::Result;
use crate::findings::Findings;
use crate::platform::Seen;
use crate::roster::kept::Kept;
use crate::roster::kept::key;
use crate::roster_index::{self, LookupHint, PersonIndex, Read, RosterIndex};
use crate::rules::Rules;
use crate::source::{About, AfterRead, RosterSource};
use crate::store::Store;

pub struct Known {
    people: PersonIndex,
    pub(super) signs: Signs,
    pub(super) unchanged: Unchanged,
    hint: LookupHint,
}

impl Known {
    /// With `decide_all` nothing is known of what was decided before.
    pub fn load(store: &Store, decide_all: bool) -> Result<Self> {
        let mut stored = store.fingerprints()?;
        let people = PersonIndex::new(std::mem::take(&mut stored.keys));
        let signs = Signs(std::mem::take(&mut stored.signs));
        let unchanged = if decide_all { Unchanged::none(stored) } else { Unchanged::load(stored) };
        Ok(Self { people, signs, unchanged, hint: LookupHint::default() })
    }

    /// Takes in a row of the platform's export, by the key of its sourcedId and a hash of all that
    /// it says.
    pub fn export_row(&mut self, key: u64, hash: u64) -> Seen {
        self.unchanged.export_row(self.people.find_with_hint(key, &mut self.hint), hash)
    }

    /// Has these people decided on again, although their data has not changed.
    pub fn decide_again<'a>(&mut self, sourced_ids: impl Iterator<Item = &'a String>) {
        for person in sourced_ids.filter_map(|id| self.people.find(key(id))) {
            self.unchanged.decide_again(person);
        }
    }

    /// Takes in that accounts have other sourcedIds by now: their ids in the store, and the new
    /// keys. Then the roster is taken in again, since schools and links depend on who has an account.
    ///
    /// # Errors
    /// Those of the source when it was read, of the store and of temporary files.
    pub fn read_again(
        &mut self,
        roster: RosterIndex,
        renamed: &[(i64, u64)],
        about: &About,
        after: &AfterRead,
        (store, rules): (&Store, &Rules),
    ) -> Result<RosterIndex> {
        let people = roster.people.with_new_keys(renamed);
        for (account, _) in renamed {
            self.unchanged.decide_again(u32::try_from(account - 1).unwrap_or(u32::MAX));
        }
        self.unchanged.forget_records();
        let today = rules.today.to_string();
        let each = |person, kept: &Kept<'_>, is_first| self.unchanged.record(person, kept, is_first, &today);
        let is_archived = |person| self.signs.is_archived(person);
        roster_index::read_again(roster, people, each, is_archived, about, after, (store, rules))
    }

    pub fn export_is_read(&mut self) {
        self.unchanged.export_is_read();
    }
}

/// Opens a source and reads it; meanwhile `prepare` gets to know the accounts, and reads the
/// platform's export.
pub fn read<T>(
    open: impl FnOnce() -> Result<Box<dyn RosterSource>> + Send,
    prepare: impl FnOnce(&mut Findings) -> Result<(Known, T)>,
    store: &Store,
    rules: &Rules,
    findings: &mut Findings,
    progress: impl FnMut(u64) -> ControlFlow<()>,
) -> Result<Read<(Known, T)>> {
    let today = rules.today.to_string();
    let prepare = |findings: &mut Findings| {
        let (mut known, prepared) = prepare(findings)?;
        Ok((std::mem::take(&mut known.people), (known, prepared)))
    };
    roster_index::read(
        open,
        prepare,
        |(known, _), person, kept, is_first| known.unchanged.record(person, kept, is_first, &today),
        |(known, _), person| known.signs.is_archived(person),
        (store, rules),
        findings,
        progress,
    )
}
