//! The signs of each account: pending, active or archived, under which setting it was when last
//! decided on, and whether the rules left the person out. They are of the night before until the
//! plan is made, and then of tonight.

use crate::roster_index::PersonIndex;
use crate::store::{ACTIVE, ARCHIVED};

/// By number of the person, the bits that the store names.
#[derive(Default)]
pub(super) struct Signs(pub(super) Vec<u8>);

impl Signs {
    /// 0 for a person without an account.
    pub(super) fn of(&self, person: u32) -> u8 {
        self.0.get(person as usize).copied().unwrap_or_default()
    }

    pub(super) fn is_active(&self, person: u32) -> bool {
        self.of(person) & ACTIVE != 0
    }

    pub(super) fn is_archived(&self, person: u32) -> bool {
        self.of(person) & ARCHIVED != 0
    }

    pub(super) fn put(&mut self, person: u32, signs: u8) {
        let person = person as usize;
        if person >= self.0.len() {
            self.0.resize(person + 1, 0);
        }
        self.0[person] = signs;
    }

    /// Pending and active accounts that are not archived.
    pub(super) fn population(&self, people: &PersonIndex) -> (u64, u64) {
        let (mut pending, mut active) = (0, 0);
        for person in people.with_account().filter(|person| !self.is_archived(*person)) {
            if self.is_active(person) { active += 1 } else { pending += 1 }
        }
        (pending, active)
    }
}
