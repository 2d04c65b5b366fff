//! The same person under another sourcedId: accounts that would be archived tonight, held against
//! records that have no account. Pure; `gather` reads what is compared, `found` has the result.
//!
//! Only what the SIS says and said of two people counts, never what the platform or the people have
//! put in its place. Each value is a hash here, so that a million people on both sides take a few
//! words each.

mod candidates;
mod found;
mod gather;
mod pattern;

#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

pub use self::found::{Counts, PROBABLE_DAYS, Pair, PairText, SamePerson};
pub use self::gather::find_same_people;

/// What is the strongest sign that two are one person, in the order of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Evidence {
    EarlierId,
    Identifier,
    UserId,
    Pattern,
    Username,
    Email,
    Mobile,
    Child,
    UsernameAlone,
    NameAlone,
}

impl Evidence {
    const ALL: [Self; 10] = [
        Self::EarlierId,
        Self::Identifier,
        Self::UserId,
        Self::Pattern,
        Self::Username,
        Self::Email,
        Self::Mobile,
        Self::Child,
        Self::UsernameAlone,
        Self::NameAlone,
    ];

    /// The evidence that the store has in words.
    fn of_words(words: &str) -> Self {
        Self::ALL.into_iter().find(|one| one.words() == words).unwrap_or(Self::NameAlone)
    }

    /// In the brackets of a note, and in the files of renames.
    pub fn words(self) -> &'static str {
        match self {
            Self::EarlierId => "earlier sourcedId",
            Self::Identifier => "same identifier",
            Self::UserId => "same user id",
            Self::Pattern => "sourcedId changed as others did",
            Self::Username => "same user name and name",
            Self::Email => "same name and email",
            Self::Mobile => "same name and phone number",
            Self::Child => "same name and child",
            Self::UsernameAlone => "same user name",
            Self::NameAlone => "same name",
        }
    }

    /// Whether it may just as well be another person.
    pub fn is_weak(self) -> bool {
        matches!(self, Self::UsernameAlone | Self::NameAlone)
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    Certain,
    Probable,
    /// Said in the report, and nothing follows from it.
    Listed,
}

// What two people have in common. "One" is: among all records of the roster and among all that the
// SIS said of accounts, one person of the kind has the value on each side.
const EARLIER_ID: u16 = 1;
const ONE_IDENTIFIER: u16 = 1 << 1;
const ONE_USER_ID: u16 = 1 << 2;
const PATTERN: u16 = 1 << 3;
const ONE_USERNAME: u16 = 1 << 4;
const ONE_EMAIL: u16 = 1 << 5;
const ONE_MOBILE: u16 = 1 << 6;
const ONE_NAME: u16 = 1 << 7;
/// Guardians have a child in common. A child who is a pair counts as one.
const CHILD: u16 = 1 << 8;
const NAME: u16 = 1 << 9;
const IDENTIFIER: u16 = 1 << 10;
const USERNAME: u16 = 1 << 11;
const EMAIL: u16 = 1 << 12;
const MOBILE: u16 = 1 << 13;

/// One row of the table: all of `has`, and one of `and_one_of`, if there are any.
struct Row {
    has: u16,
    and_one_of: u16,
    strength: Strength,
    evidence: Evidence,
}

const fn row(has: u16, and_one_of: u16, strength: Strength, evidence: Evidence) -> Row {
    Row { has, and_one_of, strength, evidence }
}

/// The table of evidence. The first row that fits decides. A family may share an email, so it takes
/// an email of one person alone to confirm a pattern.
const TABLE: [Row; 13] = {
    use Evidence as E;
    use Strength::{Certain, Listed, Probable};
    [
        row(EARLIER_ID, 0, Certain, E::EarlierId),
        row(ONE_IDENTIFIER, NAME | EMAIL | MOBILE | USERNAME, Certain, E::Identifier),
        row(ONE_USER_ID, NAME | EMAIL | MOBILE | USERNAME, Certain, E::UserId),
        row(PATTERN, NAME | IDENTIFIER | USERNAME | ONE_EMAIL | ONE_MOBILE, Certain, E::Pattern),
        row(ONE_USERNAME | NAME, 0, Certain, E::Username),
        row(ONE_IDENTIFIER, 0, Probable, E::Identifier),
        row(ONE_EMAIL | NAME, 0, Probable, E::Email),
        row(ONE_MOBILE | NAME, 0, Probable, E::Mobile),
        row(CHILD | NAME, 0, Probable, E::Child),
        row(EMAIL | NAME, 0, Listed, E::Email),
        row(MOBILE | NAME, 0, Listed, E::Mobile),
        row(ONE_USERNAME, 0, Listed, E::UsernameAlone),
        row(ONE_NAME, 0, Listed, E::NameAlone),
    ]
};

/// What follows from all that two people have in common.
fn weigh(common: u16) -> Option<(Strength, Evidence)> {
    let fits =
        |row: &&Row| common & row.has == row.has && (row.and_one_of == 0 || common & row.and_one_of != 0);
    TABLE.iter().find(fits).map(|row| (row.strength, row.evidence))
}

/// A hash of 40 bits; zeros where there is no value. Of a million people on each side about one pair
/// of values has the same by chance.
type Mark = [u8; 5];

const NO_MARK: Mark = [0; 5];

fn mark(hash: u64) -> Mark {
    let [a, b, c, d, e, ..] = hash.to_le_bytes();
    let mark = [a, b, c, d, e];
    if mark == NO_MARK { [1, 0, 0, 0, 0] } else { mark }
}

/// The kinds of people. Only people of one kind are compared.
const STUDENT: u8 = 1;
const STAFF: u8 = 2;
const GUARDIAN: u8 = 4;
const KINDS: [u8; 3] = [STUDENT, STAFF, GUARDIAN];

/// What of a person is compared, in this order, with what follows if two have it in common, and if
/// it is of one person alone.
const VALUES: [(u16, u16); 5] = [
    (NAME, ONE_NAME),
    (IDENTIFIER, ONE_IDENTIFIER),
    (USERNAME, ONE_USERNAME),
    (EMAIL, ONE_EMAIL),
    (MOBILE, ONE_MOBILE),
];

/// One person, as the SIS says or said.
#[derive(Debug, Clone, Copy, Default)]
struct Facts {
    /// Number of the person in [`crate::roster_index::PersonIndex`].
    person: u32,
    kinds: u8,
    /// Of an account: the person has joined.
    active: bool,
    /// Of an account: it was archived before tonight, or its person is suppressed.
    archived: bool,
    /// It can only be named.
    named_only: bool,
    marks: [Mark; 5],
}

impl Facts {
    /// What two people have in common, also if others have it.
    fn common(&self, other: &Self) -> u16 {
        let marks = self.marks.iter().zip(&other.marks).zip(VALUES);
        marks.filter(|((a, b), _)| **a != NO_MARK && a == b).fold(0, |common, (_, (bit, _))| common | bit)
    }
}

/// An account and a record that are one person, by their places among those that are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Match {
    old: u32,
    new: u32,
    evidence: Evidence,
    certain: bool,
    /// The record goes on with another account: OneRoster 1.1 has two records of a person with two
    /// kinds of roles, and 1.2 has one.
    is_second: bool,
}

/// A record that is like an account, of which nothing more is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Likeness {
    old: u32,
    new: u32,
    evidence: Evidence,
}
