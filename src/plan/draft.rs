//! The plan in the making: what a block of records came to, and what all blocks come to.

use super::claims::Claim;
use super::known::Memo;
use super::left_out::LeftOut;
use super::people::People;
use super::summary::{Checksum, OfLimits, Summary};
use crate::roster::{IdList, Mode, RoleList};
use crate::store::Bystander;

/// What some records came to. Drafts are put together in the order of their records.
#[derive(Default)]
pub(super) struct Draft {
    pub(super) summary: Summary,
    pub(super) checksum: Checksum,
    /// Values of [`super::PlanRow`], [`super::Newcomer`] and [`super::Write`], as a spool has them.
    pub(super) rows: Vec<u8>,
    pub(super) newcomers: Vec<u8>,
    pub(super) writes: Vec<u8>,
    pub(super) unheard: Vec<Unheard>,
    pub(super) people: People,
    pub(super) memos: Vec<Memo>,
    /// Rows to be kept with the memos, by number of the person.
    pub(super) memo_rows: Vec<(u32, Vec<u8>)>,
    pub(super) became_active: u64,
    pub(super) of_limits: OfLimits,
    /// Messages to old addresses and numbers.
    pub(super) former: Vec<Former>,
    /// Credentials that accounts get from others' hands or as new ones in this run: which (0 email, 1 phone), and its hash.
    pub(super) acquired: Vec<(usize, u64)>,
    /// Under `unique`: whose refused credential left them without an account.
    pub(super) not_added: Vec<String>,
    /// People of the roster who are not synced, and people with an account who are left out tonight for the first time.
    pub(super) left_out: LeftOut,
    /// Under `unique`: which credential (0 email, 1 phone), whose, and what is done with it.
    pub(super) claims: Vec<(usize, String, Claim)>,
}

/// A message to an old address or number: of whom, and what it is by its hash.
pub(super) struct Former {
    pub(super) sourced_id: String,
    pub(super) credential: usize,
    pub(super) hash: u64,
}

/// Somebody in the roster who has no account: what their record says of the family.
pub(super) struct Unheard {
    pub(super) sourced_id: String,
    pub(super) roles: String,
    pub(super) orgs: Option<String>,
    pub(super) agents: Option<String>,
    /// Where that cannot be known from the record, what was known before stands.
    pub(super) unclear: bool,
    /// Nothing is to be remembered of them.
    pub(super) gone: bool,
    /// There may be more than the record says.
    pub(super) partial: bool,
}

impl Unheard {
    /// What is to be remembered, given what is known.
    pub(super) fn beside(self, known: Option<Bystander>, mode: Mode) -> Bystander {
        if self.gone {
            return Bystander { sourced_id: self.sourced_id, ..Bystander::default() };
        }
        let known = match known {
            Some(known) if self.unclear => return known,
            known => known.unwrap_or_default(),
        };
        if self.partial {
            let (orgs, agents) = (self.orgs.unwrap_or_default(), self.agents.unwrap_or_default());
            return Bystander {
                sourced_id: self.sourced_id,
                roles: RoleList(&known.roles).with(RoleList(&self.roles)),
                orgs: IdList(&known.orgs).with(IdList(&orgs)),
                agents: IdList(&known.agents).with(IdList(&agents)),
            };
        }
        let roles = match mode {
            Mode::Delta => RoleList(&known.roles).after(RoleList(&self.roles)),
            Mode::Bulk | Mode::Unknown => self.roles,
        };
        Bystander {
            sourced_id: self.sourced_id,
            roles,
            orgs: self.orgs.unwrap_or(known.orgs),
            agents: self.agents.unwrap_or(known.agents),
        }
    }
}
