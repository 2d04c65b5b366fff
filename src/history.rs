//! What a roster was like, in numbers: how many records each school and each role had, how many of
//! them had a value in each column, and what was odd about the values.
//!
//! Every applied run with a complete roster leaves its numbers in the store. The next runs hold
//! theirs against them (`plan/history`): a source that lies is judged by its own history.
//! Only numbers and prints are kept, never a value.

mod tally;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::failure::{Failure, Kind, Result};

pub use tally::{About, SAMPLE, SAMPLED_FROM, Tally};

/// So many good nights are kept.
pub const KEPT: usize = 30;

macro_rules! facts {
    ($($(#[$doc:meta])* $fact:ident)*) => {
        /// Something that is counted of each school and role. New ones are added at the end: the
        /// place of each is how it is stored.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Fact {
            $($(#[$doc])* $fact,)*
        }

        impl Fact {
            pub const ALL: &[Self] = &[$(Self::$fact),*];
        }
    };
}

facts! {
    Records
    /// Records of people of whom the store has no account.
    New
    Disabled
    Given
    Family
    Email
    Sms
    Phone
    Username
    Identifier
    UserIds
    Language
    /// Records that name a school or another org.
    Orgs
    /// Records that name a link, and how many links they name.
    Linked
    Links
    /// An email without an @, and one that looks like a number.
    EmailWithoutAt
    NumberInEmail
    /// An email address as `sms` or `phone`, as the identifier, as a name.
    AddressInNumber
    AddressInIdentifier
    AddressInName
    NumberInName
    /// The same given and family name.
    SameNames
    UpperNames
    LowerNames
    /// The value of the row before, of the same roles and schools.
    EmailRepeated
    NumberRepeated
    NameRepeated
    IdentifierRepeated
    UsernameRepeated
    /// A sourcedId of digits alone, and an identifier.
    DigitsInId
    DigitsInIdentifier
    /// `status` is `tobedeleted`. Such records are in no other count.
    Deleted
    /// Records whose values were looked at, where those of others were not (see [`SAMPLE`]).
    Sampled
}

impl Fact {
    /// Whether it is about the form of a value: in a large district that is counted of a sample.
    fn is_of_values(self) -> bool {
        (Self::EmailWithoutAt as u32..=Self::DigitsInIdentifier as u32).contains(&(self as u32))
    }
}

/// How many facts there are.
pub const FACTS: usize = Fact::ALL.len();

/// What most values of a column have in common, as a print: the domain of the emails, the first
/// digits of the numbers. A vote for it is one more value that has it than others that have not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Majority {
    pub print: u64,
    pub votes: u32,
    /// How many values there were.
    pub seen: u32,
}

impl Majority {
    /// Takes in one more value.
    pub fn vote(&mut self, print: u64) {
        self.seen += 1;
        if self.print == print {
            self.votes += 1;
        } else if self.votes == 0 {
            (self.print, self.votes) = (print, 1);
        } else {
            self.votes -= 1;
        }
    }

    fn add(&mut self, other: Self) {
        self.seen += other.seen;
        if self.print == other.print {
            self.votes += other.votes;
        } else if self.votes < other.votes {
            (self.print, self.votes) = (other.print, other.votes - self.votes);
        } else {
            self.votes -= other.votes;
        }
    }
}

/// The numbers of one school, one role, or one role at one school.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Packed", into = "Packed")]
pub struct Group {
    counts: [u32; FACTS],
    /// The domain of the emails.
    pub domain: Majority,
    /// The area code and exchange of the numbers.
    pub exchange: Majority,
}

impl Default for Group {
    fn default() -> Self {
        Self { counts: [0; FACTS], domain: Majority::default(), exchange: Majority::default() }
    }
}

impl Group {
    pub fn get(&self, fact: Fact) -> u64 {
        u64::from(self.counts[fact as usize])
    }

    pub fn put(&mut self, fact: Fact, count: u64) {
        self.counts[fact as usize] = u32::try_from(count).unwrap_or(u32::MAX);
    }

    fn add(&mut self, other: &Self) {
        for (own, more) in self.counts.iter_mut().zip(other.counts) {
            *own = own.saturating_add(more);
        }
        self.domain.add(other.domain);
        self.exchange.add(other.exchange);
    }
}

/// A group as it is stored: most counts are 0, and those are one bit.
#[derive(Clone, Serialize, Deserialize)]
struct Packed {
    some: u64,
    counts: Vec<u32>,
    domain: Majority,
    exchange: Majority,
}

impl From<Group> for Packed {
    fn from(group: Group) -> Self {
        let Group { counts, domain, exchange } = group;
        let some =
            (0_u64..).zip(counts).filter(|(_, count)| *count > 0).fold(0, |bits, (at, _)| bits | 1 << at);
        Self { some, counts: counts.into_iter().filter(|count| *count > 0).collect(), domain, exchange }
    }
}

impl From<Packed> for Group {
    fn from(packed: Packed) -> Self {
        let mut group = Self { domain: packed.domain, exchange: packed.exchange, ..Self::default() };
        let places = (0..64_usize).filter(|at| packed.some >> at & 1 == 1);
        for (at, count) in places.zip(packed.counts) {
            // A newer version counts more.
            if let Some(own) = group.counts.get_mut(at) {
                *own = count;
            }
        }
        group
    }
}

/// The groups of one school, by role; all roles together have the empty name.
pub type Roles = BTreeMap<String, Group>;

/// A night in numbers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Night {
    /// How many facts were counted: of later ones nothing is known.
    facts: u32,
    /// Stands for all records, whatever their order.
    pub content: u64,
    /// By school; all schools together, and people without a school, have the empty name.
    pub schools: BTreeMap<String, Roles>,
}

impl Night {
    pub fn new(content: u64) -> Self {
        Self { facts: u32::try_from(FACTS).unwrap_or(u32::MAX), content, schools: BTreeMap::new() }
    }

    /// Adds the numbers of people of these schools and roles.
    pub fn add<'a>(
        &mut self,
        schools: impl Iterator<Item = &'a str>,
        roles: impl Iterator<Item = &'a str> + Clone,
        group: &Group,
    ) {
        for school in schools.chain(Some("")) {
            let own = match self.schools.get_mut(school) {
                Some(own) => own,
                None => self.schools.entry(school.to_owned()).or_default(),
            };
            for role in roles.clone().chain(Some("")) {
                match own.get_mut(role) {
                    Some(known) => known.add(group),
                    None => own.entry(role.to_owned()).or_default().add(group),
                }
            }
        }
    }

    pub fn group(&self, school: &str, role: &str) -> Option<&Group> {
        self.schools.get(school)?.get(role)
    }

    /// How many records of a group have this; 0 for a group that is not there. None if it was not
    /// counted on that night.
    pub fn count(&self, (school, role): (&str, &str), fact: Fact) -> Option<u64> {
        let is_known = (fact as u32) < self.facts;
        is_known.then(|| self.group(school, role).map_or(0, |group| group.get(fact)))
    }

    /// Of how many records it was counted. A sample stands for [`SAMPLE`] times as many records, which
    /// in a small group can be far more or fewer than there are.
    pub fn of(&self, at: (&str, &str), fact: Fact) -> Option<u64> {
        let weight = self.weight(fact);
        let of = if weight > 1 { Fact::Sampled } else { Fact::Records };
        Some(self.count(at, of)? * weight)
    }

    /// For how many records each one stands that was counted.
    pub fn weight(&self, fact: Fact) -> u64 {
        let is_sample =
            fact.is_of_values() && self.count(("", ""), Fact::Sampled).is_some_and(|count| count > 0);
        if is_sample { SAMPLE.into() } else { 1 }
    }

    pub fn put(&mut self, fact: Fact, count: u64) {
        self.schools.entry(String::new()).or_default().entry(String::new()).or_default().put(fact, count);
    }

    /// Every school and role that some record has.
    pub fn keys(&self) -> impl Iterator<Item = (&str, &str)> {
        self.schools
            .iter()
            .flat_map(|(school, roles)| roles.keys().map(move |role| (school.as_str(), role.as_str())))
    }

    /// As it is stored.
    ///
    /// # Errors
    /// `Failed`, which no night comes to.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        postcard::to_stdvec(self).map_err(|cause| {
            Failure::new(Kind::Failed, "the numbers of the roster cannot be kept").because(cause)
        })
    }

    /// None if the bytes are none of ours: then nothing is known of that night.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        postcard::from_bytes(bytes).ok()
    }
}
