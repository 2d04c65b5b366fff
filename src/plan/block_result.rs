//! The result of one block of records.

use super::checksum::{Checksum, OfLimits};
use super::claims::Claim;
use super::left_out::LeftOut;
use super::links::{KeptLink, LostContact};
use super::shared_credentials::Holders;
use super::summary::Summary;
use super::unchanged::ToRemember;
use crate::contact::Field;
use crate::failure::Result;
use crate::roster::{IdList, Mode, RoleList};
use crate::store::Member;

/// The result of some records. The results are put together in the order of the records.
#[derive(Default)]
pub(super) struct BlockResult {
    pub(super) totals: Totals,
    /// Values of [`super::PlanRow`], [`super::Newcomer`] and [`super::Write`], as a spool has them.
    pub(super) rows: Vec<u8>,
    pub(super) newcomers: Vec<u8>,
    pub(super) writes: Vec<u8>,
    pub(super) bystanders: Vec<BystanderRecord>,
    /// New signs of accounts, by number of the person.
    pub(super) signs: Vec<(u32, u8)>,
    pub(super) to_remember: ToRemember,
    /// Under `unique`.
    pub(super) claims: Vec<CredentialClaim>,
}

/// How long the rows of a result are. Those of the next block are about as long, and are not copied
/// again and again while they grow if there is room for them.
#[derive(Default)]
pub(super) struct Room([usize; 3]);

impl Room {
    pub(super) fn of(result: &BlockResult) -> Self {
        Self([&result.rows, &result.newcomers, &result.writes].map(Vec::len))
    }
}

impl BlockResult {
    pub(super) fn with(room: &Room) -> Self {
        let [rows, newcomers, writes] = room.0.map(|length| Vec::with_capacity(length + length / 8));
        Self { rows, newcomers, writes, ..Self::default() }
    }
}

#[derive(Default)]
pub(super) struct Totals {
    pub(super) summary: Summary,
    pub(super) checksum: Checksum,
    pub(super) became_active: u64,
    pub(super) of_limits: OfLimits,
    pub(super) held: Held,
    /// People of the roster who are not synced, and people with an account that are left out tonight
    /// for the first time.
    pub(super) left_out: LeftOut,
    pub(super) holders: Holders,
    /// Messages to old addresses and numbers.
    pub(super) former: Vec<Former>,
    /// Credentials that accounts get in this run: which (0 email, 1 phone), and its hash.
    pub(super) acquired: Vec<(usize, u64)>,
    pub(super) lost_contacts: Vec<LostContact>,
    /// Links of adults of whom the roster says nothing, and whom a limit keeps.
    pub(super) kept_links: Vec<KeptLink>,
    /// Under `unique`: people that are not added because a credential is refused.
    pub(super) not_added: Vec<String>,
}

impl Totals {
    pub(super) fn merge(&mut self, other: Self) -> Result<()> {
        self.summary.merge(other.summary);
        self.checksum.merge(&other.checksum);
        self.became_active += other.became_active;
        self.of_limits.merge(&other.of_limits);
        self.held.people += other.held.people;
        self.held.undecided.merge(&other.held.undecided);
        self.left_out.merge(other.left_out);
        self.holders.merge(&other.holders)?;
        self.former.extend(other.former);
        self.acquired.extend(other.acquired);
        self.lost_contacts.extend(other.lost_contacts);
        self.kept_links.extend(other.kept_links);
        self.not_added.extend(other.not_added);
        Ok(())
    }
}

/// The people whom a limit holds back.
#[derive(Default)]
pub(super) struct Held {
    pub(super) people: u64,
    /// What is in the checksum of every plan until a person decides.
    pub(super) undecided: Checksum,
}

pub(super) struct CredentialClaim {
    pub(super) field: Field,
    pub(super) sourced_id: String,
    pub(super) claim: Claim,
}

/// A message to an old address or number: of whom, and what it is by its hash.
pub(super) struct Former {
    pub(super) sourced_id: String,
    pub(super) credential: usize,
    pub(super) hash: u64,
}

/// What the record of a bystander says of the family: a person in the roster without an account.
pub(super) struct BystanderRecord {
    pub(super) sourced_id: String,
    pub(super) roles: String,
    pub(super) orgs: Option<String>,
    pub(super) agents: Option<String>,
    pub(super) emergency: Option<String>,
    pub(super) barred: Option<String>,
    pub(super) relations: Option<String>,
    /// If the record does not show it, the stored data are kept.
    pub(super) unclear: bool,
    /// Nothing is to be remembered of the person.
    pub(super) gone: bool,
    /// There may be more than the record says.
    pub(super) partial: bool,
}

impl BystanderRecord {
    /// What is to be remembered, given what is known.
    pub(super) fn beside(self, known: Option<Member>, mode: Mode) -> Member {
        if self.gone {
            return Member { sourced_id: self.sourced_id, ..Member::default() };
        }
        let known = match known {
            Some(known) if self.unclear => return known,
            known => known.unwrap_or_default(),
        };
        if self.partial {
            let (orgs, agents) = (self.orgs.unwrap_or_default(), self.agents.unwrap_or_default());
            return Member {
                sourced_id: self.sourced_id,
                account: false,
                roles: RoleList(&known.roles).with(RoleList(&self.roles)),
                orgs: IdList(&known.orgs).with(IdList(&orgs)),
                agents: IdList(&known.agents).with(IdList(&agents)),
                emergency: self.emergency.unwrap_or(known.emergency),
                barred: self.barred.unwrap_or(known.barred),
                relations: self.relations.unwrap_or(known.relations),
            };
        }
        let roles = match mode {
            Mode::Delta => RoleList(&known.roles).after(RoleList(&self.roles)),
            Mode::Bulk | Mode::Unknown => self.roles,
        };
        Member {
            sourced_id: self.sourced_id,
            account: false,
            roles,
            orgs: self.orgs.unwrap_or(known.orgs),
            agents: self.agents.unwrap_or(known.agents),
            emergency: self.emergency.unwrap_or(known.emergency),
            barred: self.barred.unwrap_or(known.barred),
            relations: self.relations.unwrap_or(known.relations),
        }
    }
}
