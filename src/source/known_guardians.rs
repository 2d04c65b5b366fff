//! Guardians that the store knows, by their students and their name: for sources that give them no
//! lasting id.
//!
//! A guardian is never taken for another person of the same roster. Where two accounts could be
//! meant, the details that the roster gave last decide, or which account is left; otherwise none is
//! taken.

use std::collections::{BTreeSet, HashMap, HashSet};

use xxhash_rust::xxh3::xxh3_64;

use super::hashed;
use crate::contact::{PersonName, email_key};
use crate::roster::KnownGuardian;

#[derive(Debug)]
struct Known {
    id: Box<str>,
    archived: bool,
    active: bool,
    identifier: Option<u64>,
    details: Details,
    /// Roles, given and family name, email, sms and phone as the roster last gave them, set apart
    /// by [`APART`].
    said: Box<str>,
    /// Is at schools of their own.
    has_orgs: bool,
}

const APART: &str = "\u{1F}";

#[derive(Debug, Default)]
pub struct KnownGuardians {
    people: Vec<Known>,
    by_id: HashMap<u64, u32>,
    by_kinship: BTreeSet<(u64, u32)>,
    by_student: BTreeSet<(u64, u32)>,
}

/// A guardian of a roster that may have an account under another id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Claim {
    /// A hash of the id that they have in the roster, if they have one.
    own: Option<u64>,
    identifier: Option<u64>,
    kinships: Vec<u64>,
    details: Details,
}

/// What tells people of one name apart, as hashes.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Details {
    emails: Box<[u64]>,
    numbers: Box<[u64]>,
}

/// What two have in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Alike {
    /// A student and the name.
    Kin,
    /// A number as well, which families share,
    Number,
    /// or an email.
    Email,
}

impl Claim {
    /// A guardian of this name, with these students. Without a name no account is found.
    pub(super) fn new<'a>(
        own: Option<&str>,
        identifier: Option<&str>,
        name: &PersonName,
        students: impl Iterator<Item = &'a str>,
        emails: &[&str],
        numbers: &[&str],
    ) -> Self {
        let kinships = students.filter(|_| !name.is_empty()).map(|student| kinship(student, name)).collect();
        Self {
            own: own.map(hashed),
            identifier: identifier.filter(|id| !id.is_empty()).map(hashed),
            kinships,
            details: Details::new(emails, numbers),
        }
    }
}

/// By what a guardian is recognised without an id: one of the students and the name, however it is
/// written.
pub(super) fn kinship(student: &str, name: &PersonName) -> u64 {
    xxh3_64(format!("{student}\n{}", name.key()).as_bytes())
}

impl Details {
    fn new(emails: &[&str], numbers: &[&str]) -> Self {
        let email =
            |email: &&str| Some(email_key(email)).filter(|key| !key.is_empty()).map(|key| hashed(&key));
        // The end of a number is enough among so few, whatever is before it.
        let number = |number: &&str| {
            let digits: Vec<u8> = number.bytes().filter(u8::is_ascii_digit).collect();
            (digits.len() >= 7).then(|| xxh3_64(&digits[digits.len().saturating_sub(10)..]))
        };
        Self {
            emails: emails.iter().filter_map(email).collect(),
            numbers: numbers.iter().filter_map(number).collect(),
        }
    }

    fn alike(&self, other: &Self) -> Alike {
        let shared = |a: &[u64], b: &[u64]| a.iter().any(|value| b.contains(value));
        if shared(&self.emails, &other.emails) {
            Alike::Email
        } else if shared(&self.numbers, &other.numbers) {
            Alike::Number
        } else {
            Alike::Kin
        }
    }
}

impl KnownGuardians {
    /// Takes in one account.
    pub fn add(&mut self, known: KnownGuardian<'_>) {
        let at = u32::try_from(self.people.len()).unwrap_or(u32::MAX);
        let name = PersonName::new(known.given_name, known.family_name);
        for student in known.students.iter() {
            self.by_student.insert((hashed(student), at));
            if !name.is_empty() {
                self.by_kinship.insert((kinship(student, &name), at));
            }
        }
        self.by_id.insert(hashed(known.sourced_id), at);
        self.people.push(Known {
            id: known.sourced_id.into(),
            archived: known.archived,
            active: known.active,
            identifier: Some(known.identifier).filter(|id| !id.is_empty()).map(hashed),
            details: Details::new(&known.emails, &known.numbers),
            said: [
                known.roles,
                known.given_name,
                known.family_name,
                known.emails[0],
                known.numbers[0],
                known.numbers[1],
            ]
            .join(APART)
            .into(),
            has_orgs: !known.orgs.is_empty(),
        });
    }

    pub(super) fn has(&self, sourced_id: &str) -> bool {
        self.by_id.contains_key(&hashed(sourced_id))
    }

    fn of(&self, sourced_id: &str) -> Option<&Known> {
        self.by_id.get(&hashed(sourced_id)).map(|at| &self.people[*at as usize])
    }

    /// Roles, given and family name of an account that has not left, as the roster last gave them.
    pub(super) fn said(&self, sourced_id: &str) -> Option<[&str; 3]> {
        let known = self.of(sourced_id)?;
        let mut parts = known.said.split(APART);
        let mut next = || parts.next().unwrap_or_default();
        (!known.archived).then(|| [next(), next(), next()])
    }

    /// Email, sms and phone of an account, as the roster last gave them.
    pub(super) fn sis(&self, sourced_id: &str) -> Option<[&str; 3]> {
        let mut parts = self.of(sourced_id)?.said.split(APART).skip(3);
        let mut next = || parts.next().unwrap_or_default();
        Some([next(), next(), next()])
    }

    /// Whether an account is at schools of its own, not only through students.
    pub(super) fn has_orgs(&self, sourced_id: &str) -> bool {
        self.of(sourced_id).is_some_and(|known| known.has_orgs)
    }

    /// Hashes of the students of all accounts.
    pub(super) fn students(&self) -> HashSet<u64> {
        self.by_student.iter().map(|(student, _)| *student).collect()
    }

    /// The accounts that have not left and have one of these students, by hashes of their names.
    pub(super) fn by_name_with(&self, students: &HashSet<u64>) -> HashMap<u64, Vec<&str>> {
        let found: BTreeSet<u32> = self
            .by_student
            .iter()
            .filter(|(student, _)| students.contains(student))
            .map(|(_, at)| *at)
            .collect();
        let mut by_name: HashMap<u64, Vec<&str>> = HashMap::new();
        for known in found.into_iter().map(|at| &self.people[at as usize]).filter(|known| !known.archived) {
            let mut parts = known.said.split(APART).skip(1);
            let mut next = || parts.next().unwrap_or_default();
            let name = PersonName::new(next(), next());
            if !name.is_empty() {
                by_name.entry(hashed(&name.key())).or_default().push(&known.id);
            }
        }
        by_name
    }

    /// The accounts with this student that have not left.
    pub(super) fn of_student(&self, student: &str) -> impl Iterator<Item = &str> {
        let student = hashed(student);
        let found = self.by_student.range((student, 0)..=(student, u32::MAX));
        found
            .map(|(_, at)| &self.people[*at as usize])
            .filter(|known| !known.archived)
            .map(|known| &*known.id)
    }

    /// Which account each of them has, if that is certain. `here` says whether an id is in the
    /// roster.
    pub(super) fn recognise(&self, claims: &[Claim], here: &dyn Fn(&str) -> bool) -> Vec<Option<&str>> {
        let mut found: Vec<Option<u32>> = vec![None; claims.len()];
        let mut taken: Vec<bool> = self.people.iter().map(|known| here(&known.id)).collect();
        // Guardians that have an account under their present id come last.
        for known_already in [false, true] {
            let open: Vec<Vec<u32>> = claims
                .iter()
                .map(|claim| match self.own(claim).is_some() == known_already {
                    true => self.candidates(claim, &taken),
                    false => Vec::new(),
                })
                .collect();
            loop {
                let certain = self.certain(claims, &open, &found, &taken);
                if certain.is_empty() {
                    break;
                }
                for (claim, known) in certain {
                    found[claim] = Some(known);
                    taken[known as usize] = true;
                }
            }
        }
        found.into_iter().map(|known| Some(&*self.people[known? as usize].id)).collect()
    }

    fn own(&self, claim: &Claim) -> Option<&Known> {
        self.by_id.get(&claim.own?).map(|at| &self.people[*at as usize])
    }

    /// The accounts that a guardian could have.
    fn candidates(&self, claim: &Claim, taken: &[bool]) -> Vec<u32> {
        let mut all: Vec<u32> = claim
            .kinships
            .iter()
            .flat_map(|kinship| self.by_kinship.range((*kinship, 0)..=(*kinship, u32::MAX)))
            .map(|(_, at)| *at)
            .filter(|at| !taken[*at as usize])
            .collect();
        all.sort_unstable();
        all.dedup();
        let known = |at: &u32| &self.people[*at as usize];
        let is_other = |a: Option<u64>, b: Option<u64>| a.is_some() && b.is_some() && a != b;
        all.retain(|at| !is_other(known(at).identifier, claim.identifier));
        match self.own(claim) {
            // An account that was made while the old id was still there gives way to one that is in
            // use.
            Some(own) if own.active => all.clear(),
            Some(_) => all.retain(|at| {
                known(at).active
                    && !known(at).archived
                    && known(at).details.alike(&claim.details) != Alike::Kin
            }),
            // Accounts that are in use go before archived ones.
            None if all.iter().any(|at| !known(at).archived) => all.retain(|at| !known(at).archived),
            None => {}
        }
        all
    }

    /// Pairs of which the account fits no other claim: by their emails first, then by their
    /// numbers, then by what is left.
    fn certain(
        &self,
        claims: &[Claim],
        open: &[Vec<u32>],
        found: &[Option<u32>],
        taken: &[bool],
    ) -> Vec<(usize, u32)> {
        let pairs = |alike: &[Alike]| {
            let mut wanted: HashMap<u32, u32> = HashMap::new();
            let mut single = Vec::new();
            for (at, candidates) in open.iter().enumerate().filter(|(at, _)| found[*at].is_none()) {
                let is_one = |known: &u32| {
                    let details = &self.people[*known as usize].details;
                    !taken[*known as usize] && alike.contains(&details.alike(&claims[at].details))
                };
                let left: Vec<u32> = candidates.iter().copied().filter(is_one).collect();
                left.iter().for_each(|known| *wanted.entry(*known).or_default() += 1);
                if let [known] = left.as_slice() {
                    single.push((at, *known));
                }
            }
            single.retain(|(_, known)| wanted.get(known) == Some(&1));
            single
        };
        [&[Alike::Email][..], &[Alike::Email, Alike::Number], &[Alike::Email, Alike::Number, Alike::Kin]]
            .into_iter()
            .map(pairs)
            .find(|pairs| !pairs.is_empty())
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::roster::IdList;

    fn guardian(id: &'static str, name: &'static str, students: &'static str) -> KnownGuardian<'static> {
        KnownGuardian {
            sourced_id: id,
            family_name: name,
            students: IdList(students),
            ..KnownGuardian::default()
        }
    }

    fn claim(name: &str, students: &[&str], email: &str) -> Claim {
        Claim::new(None, None, &PersonName::new("", name), students.iter().copied(), &[email], &[])
    }

    fn family() -> KnownGuardians {
        let mut known = KnownGuardians::default();
        for one in [
            guardian("a", "Rosa Diaz", "s1,s2"),
            KnownGuardian { emails: ["b@x.example", ""], ..guardian("b", "Li Wang", "s3") },
            KnownGuardian { emails: ["c@x.example", ""], ..guardian("c", "Li Wang", "s3") },
            KnownGuardian { archived: true, ..guardian("d", "Ana Cruz", "s4") },
            guardian("e", "Ana Cruz", "s4"),
            guardian("f", "Rosa Diaz", "s5"),
            KnownGuardian {
                active: true,
                numbers: ["(718) 555-0142", "", "", ""],
                ..guardian("g", "Al Bo", "s6")
            },
            guardian("h", "Al Bo", "s6"),
        ] {
            known.add(one);
        }
        known
    }

    #[track_caller]
    fn found(claims: &[Claim], here: &[&str], expected: &[Option<&str>]) {
        assert_eq!(family().recognise(claims, &|id| here.contains(&id)), expected);
    }

    #[test]
    fn guardians_that_cannot_be_told_apart_get_no_account() {
        found(&[claim("rosa  diaz", &["s2", "s9"], "")], &[], &[Some("a")]);
        found(&[claim("Rosa Diaz", &["s1", "s5"], "")], &[], &[None]);
        found(&[claim("Li Wang", &["s3"], "")], &[], &[None]);
        found(&[claim("Ana Cruz", &["s4"], "")], &[], &[Some("e")]);
        found(&[claim("Ana Cruz", &["s1"], "")], &[], &[None]);
        // An account whose id is in the roster is not given to another guardian.
        found(&[claim("rosa diaz", &["s2"], "")], &["a"], &[None]);
        // Two guardians that could have the same account: none gets it.
        found(&[claim("Rosa Diaz", &["s1"], ""), claim("Rosa Diaz", &["s2"], "")], &[], &[None, None]);
    }

    #[test]
    fn the_details_and_the_account_that_is_left_tell_people_of_one_name_apart() {
        found(&[claim("Li Wang", &["s3"], "C@x.example")], &[], &[Some("c")]);
        found(
            &[claim("Li Wang", &["s3"], "new@x.example"), claim("Li Wang", &["s3"], "b@x.example")],
            &[],
            &[Some("c"), Some("b")],
        );
        found(&[claim("Li Wang", &["s3"], "new@x.example")], &["b"], &[Some("c")]);
    }

    #[test]
    fn an_unused_account_gives_way_to_one_that_the_same_person_uses() {
        let own = |number: &str| {
            Claim::new(Some("h"), None, &PersonName::new("", "Al Bo"), ["s6"].into_iter(), &[], &[number])
        };
        found(&[own("+17185550142")], &["h"], &[Some("g")]);
        found(&[own("+17185550199")], &["h"], &[None]);
        found(&[own("+17185550142")], &["g", "h"], &[None]);
    }

    #[test]
    fn people_with_different_identifiers_are_not_one() {
        let mut known = KnownGuardians::default();
        known.add(KnownGuardian { identifier: "77", ..guardian("a", "Rosa Diaz", "s1") });
        let claim = |identifier| {
            Claim::new(Some("z"), identifier, &PersonName::new("", "Rosa Diaz"), ["s1"].into_iter(), &[], &[])
        };
        let found = |identifier| known.recognise(&[claim(identifier)], &|_| false)[0];
        assert_eq!((found(Some("77")), found(None), found(Some("78"))), (Some("a"), Some("a"), None));
    }
}
