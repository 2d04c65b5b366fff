//! Which sourcedIds accounts were given, read off the history.
//!
//! When an old account takes the place of one that a run had made, both are given another sourcedId: one moves, the other is
//! left behind under the old one. Their entries stand one after the other, and are each other's mirror.

use std::collections::{HashMap, HashSet};

use crate::failure::Result;
use crate::store::{Rename, Store};

#[derive(Default)]
pub(super) struct Renames {
    /// Moves, from and to, that were not taken back.
    done: HashSet<(String, String)>,
    /// The last of each account; and whether it was left behind in it.
    last: HashMap<i64, (Rename, bool)>,
    latest: Option<Rename>,
}

impl Renames {
    pub(super) fn read(store: &Store) -> Result<Self> {
        let mut renames = Self::default();
        store.each_rename(|rename| renames.add(rename))?;
        Ok(renames)
    }

    pub(super) fn add(&mut self, rename: Rename) {
        let mirrors = |before: &Rename| {
            before.account != rename.account && before.old == rename.new && before.new == rename.old
        };
        let left_behind = self.latest.as_ref().is_some_and(mirrors);
        if !left_behind {
            self.done.remove(&(rename.new.clone(), rename.old.clone()));
            self.done.insert((rename.old.clone(), rename.new.clone()));
        }
        self.last.insert(rename.account, (rename.clone(), left_behind));
        self.latest = Some(rename);
    }

    /// Whether an account was moved so, and not back again.
    pub(super) fn is_done(&self, old: &str, new: &str) -> bool {
        self.done.contains(&(old.to_owned(), new.to_owned()))
    }

    /// Whether this is what was done to an account last.
    pub(super) fn has_moved(&self, account: i64, old: &str, new: &str) -> bool {
        self.is_last(account, old, new, false)
    }

    /// Whether an account was left behind last, when another one moved from `new` to `old`.
    pub(super) fn was_left_behind(&self, account: i64, old: &str, new: &str) -> bool {
        self.is_last(account, old, new, true)
    }

    fn is_last(&self, account: i64, old: &str, new: &str, left_behind: bool) -> bool {
        self.last
            .get(&account)
            .is_some_and(|(rename, left)| *left == left_behind && rename.old == old && rename.new == new)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renames(all: &[(i64, &str, &str)]) -> Renames {
        let mut renames = Renames::default();
        for (account, old, new) in all {
            renames.add(Rename { account: *account, old: (*old).into(), new: (*new).into() });
        }
        renames
    }

    #[test]
    fn each_step_of_a_chain_is_done() {
        let renames = renames(&[(1, "a", "b"), (1, "b", "c")]);
        assert!(renames.is_done("a", "b") && renames.is_done("b", "c") && !renames.is_done("a", "c"));
        assert!(renames.has_moved(1, "b", "c") && !renames.has_moved(1, "a", "b"));
    }

    #[test]
    fn who_is_left_behind_has_not_moved() {
        let renames = renames(&[(1, "a", "b"), (2, "b", "a")]);
        assert!(renames.is_done("a", "b") && !renames.is_done("b", "a"));
        assert!(renames.was_left_behind(2, "b", "a") && !renames.has_moved(2, "b", "a"));
    }

    #[test]
    fn what_was_taken_back_is_not_done() {
        let there_and_back = renames(&[(1, "a", "b"), (1, "b", "a")]);
        assert!(there_and_back.is_done("b", "a") && !there_and_back.is_done("a", "b"));
        let both = renames(&[(1, "a", "b"), (2, "b", "a"), (1, "b", "a"), (2, "a", "b")]);
        assert!(both.is_done("b", "a") && !both.is_done("a", "b"));
        assert!(both.was_left_behind(2, "a", "b") && both.has_moved(1, "b", "a"));
    }
}
