//! Counting records as they are read. An ordinary row costs a few comparisons: nothing is
//! allocated, looked up or hashed for it.

use memchr::{memchr, memchr_iter, memrchr};

use super::{Fact, Group};
use crate::roster::Record;

/// In a district with so many people the values of one person in so many are looked at, always the
/// same ones, and each counts for so many. Blank cells are counted of all.
pub const SAMPLED_FROM: usize = 40_000;
pub const SAMPLE: u32 = 8;

/// The numbers of people with the same roles at the same schools, while they are counted.
#[derive(Debug, Clone, Default)]
pub struct Tally {
    group: Group,
    /// What the last records have alike, a bit for each of the first facts, and how many they are.
    /// They are counted when one of them differs.
    mask: u32,
    alike: u32,
    /// Prints of the values of the last record: email, number, name, identifier, user name.
    last: [u64; 5],
}

/// What is known of a record besides what it says.
#[derive(Debug, Clone, Copy, Default)]
pub struct About {
    /// The store has no account of the person.
    pub is_new: bool,
    /// It names a school or another org.
    pub is_placed: bool,
}

impl Tally {
    /// Counts a record. `weight` is for how many people its values stand; 0 if they are not looked
    /// at.
    pub fn add(&mut self, record: &Record<'_>, About { is_new, is_placed }: About, weight: u32) {
        let mut mask = 0;
        let mut count = |fact: Fact, is_so: bool| mask |= u32::from(is_so) << fact as u32;
        let is_there = |cell: Option<&str>| cell.is_some_and(|cell| !cell.is_empty());
        count(Fact::Records, true);
        count(Fact::New, is_new);
        count(Fact::Disabled, record.enabled == Some(false));
        count(Fact::Given, is_there(record.given_name));
        count(Fact::Family, is_there(record.family_name));
        count(Fact::Email, is_there(record.email));
        count(Fact::Sms, is_there(record.sms));
        count(Fact::Phone, is_there(record.phone));
        count(Fact::Username, is_there(record.username));
        count(Fact::Identifier, is_there(record.identifier));
        count(Fact::UserIds, is_there(record.user_ids));
        count(Fact::Language, is_there(record.language));
        count(Fact::Orgs, is_placed);
        if let Some(agents) = record.agents.filter(|agents| !agents.0.is_empty()) {
            count(Fact::Linked, true);
            let commas = memchr_iter(b',', agents.0.as_bytes()).count();
            let links = &mut self.group.counts[Fact::Links as usize];
            *links = links.saturating_add(u32::try_from(commas).unwrap_or(u32::MAX).saturating_add(1));
        }
        if mask == self.mask {
            self.alike += 1;
        } else {
            self.count_alike();
            (self.mask, self.alike) = (mask, 1);
        }
        if weight > 0 {
            self.look_at_values(record, weight);
        }
    }

    fn count_alike(&mut self) {
        let mut left = self.mask;
        while left != 0 {
            self.group.counts[left.trailing_zeros() as usize] += self.alike;
            left &= left - 1;
        }
        self.alike = 0;
    }

    /// The numbers, once all records are counted.
    pub fn finish(mut self) -> Group {
        self.count_alike();
        self.group
    }

    fn look_at_values(&mut self, record: &Record<'_>, weight: u32) {
        let Self { group, last, .. } = self;
        let Group { counts, domain, exchange } = group;
        counts[Fact::Sampled as usize] += u32::from(weight > 1);
        let mut count = |fact: Fact, is_so: bool| counts[fact as usize] += if is_so { weight } else { 0 };
        let [sms, phone, identifier, username] =
            [record.sms, record.phone, record.identifier, record.username]
                .map(|cell| cell.filter(|cell| !cell.is_empty()));
        let mut repeats = |at: usize, print: u64| std::mem::replace(&mut last[at], print) == print;
        if let Some(email) = record.email.filter(|email| !email.is_empty()) {
            let email = email.as_bytes();
            match memrchr(b'@', email) {
                Some(at) => domain.vote(print(&email[at..])),
                None => {
                    count(Fact::EmailWithoutAt, true);
                    count(Fact::NumberInEmail, looks_like_a_number(email));
                }
            }
            count(Fact::EmailRepeated, repeats(0, print(email)));
        }
        for number in [sms, phone].into_iter().flatten() {
            count(Fact::AddressInNumber, memchr(b'@', number.as_bytes()).is_some());
        }
        if let Some(number) = sms.or(phone) {
            count(Fact::NumberRepeated, repeats(1, print(number.as_bytes())));
            exchange.vote(first_digits(number.as_bytes()));
        }
        let names = [record.given_name, record.family_name].map(|name| name.unwrap_or_default().as_bytes());
        let [given, family] = names;
        if !given.is_empty() || !family.is_empty() {
            let no = |is_such: fn(&u8) -> bool| names.iter().all(|name| !name.iter().any(is_such));
            let letters = given.len() + family.len() > 3;
            count(Fact::AddressInName, memchr(b'@', family).is_some());
            count(Fact::NumberInName, names.iter().any(|name| name.first().is_some_and(u8::is_ascii_digit)));
            count(Fact::SameNames, given == family);
            count(Fact::UpperNames, letters && no(u8::is_ascii_lowercase));
            count(Fact::LowerNames, letters && no(u8::is_ascii_uppercase));
            count(Fact::NameRepeated, repeats(2, print(given).rotate_left(7) ^ print(family)));
        }
        if let Some(identifier) = identifier {
            count(Fact::AddressInIdentifier, memchr(b'@', identifier.as_bytes()).is_some());
            count(Fact::DigitsInIdentifier, identifier.bytes().all(|byte| byte.is_ascii_digit()));
            count(Fact::IdentifierRepeated, repeats(3, print(identifier.as_bytes())));
        }
        if let Some(username) = username {
            count(Fact::UsernameRepeated, repeats(4, print(username.as_bytes())));
        }
        count(Fact::DigitsInId, record.sourced_id.bytes().all(|byte| byte.is_ascii_digit()));
    }
}

/// Stands for a text.
fn print(text: &[u8]) -> u64 {
    let (words, rest) = text.as_chunks::<8>();
    let rest = rest.iter().fold(text.len() as u64, |rest, byte| rest << 8 | u64::from(*byte));
    words.iter().fold(rest, |print, word| {
        (print.rotate_left(5) ^ u64::from_le_bytes(*word)).wrapping_mul(0x9E37_79B9_7F4A_7C15)
    })
}

fn looks_like_a_number(text: &[u8]) -> bool {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit()).count();
    digits >= 7 && digits * 2 > text.len()
}

/// The first six digits, as a number: the area code and the exchange.
fn first_digits(text: &[u8]) -> u64 {
    let digits = text.iter().filter(|byte| byte.is_ascii_digit());
    // With or without the 1 of the country.
    digits.skip_while(|byte| **byte == b'1').take(6).fold(0, |sum, byte| sum * 10 + u64::from(byte - b'0'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Majority, Night};
    use crate::roster::IdList;

    fn counted(records: &[Record<'_>]) -> Group {
        let mut tally = Tally::default();
        records.iter().for_each(|record| tally.add(record, About::default(), 1));
        tally.finish()
    }

    #[test]
    fn what_is_odd_about_values_is_counted() {
        let one = Record {
            sourced_id: "17",
            given_name: Some("ANN"),
            family_name: Some("LEE"),
            email: Some("212 555 0179"),
            phone: Some("ann@lee.example"),
            identifier: Some("ann@lee.example"),
            agents: Some(IdList("g1,g2")),
            ..Record::default()
        };
        let group = counted(&[one, one, Record { given_name: Some("LEE"), ..one }]);
        for (fact, count) in [
            (Fact::Records, 3),
            (Fact::NumberInEmail, 3),
            (Fact::EmailWithoutAt, 3),
            (Fact::AddressInNumber, 3),
            (Fact::AddressInIdentifier, 3),
            (Fact::UpperNames, 3),
            (Fact::SameNames, 1),
            (Fact::NameRepeated, 1),
            (Fact::EmailRepeated, 2),
            (Fact::DigitsInId, 3),
            (Fact::Linked, 3),
            (Fact::Links, 6),
            (Fact::Sms, 0),
            (Fact::New, 0),
        ] {
            assert_eq!(group.get(fact), count, "{fact:?}");
        }
    }

    #[test]
    fn a_night_comes_back_as_it_was_stored_and_is_small() {
        let email = |name: &'static str| Record { email: Some(name), ..Record::default() };
        let group = counted(&[email("a@x.example"), email("b@x.example"), email("c@y.example")]);
        assert_eq!(group.domain, Majority { print: print(b"@x.example"), votes: 1, seen: 3 });
        let mut night = Night::new(7);
        for school in 0..370 {
            for role in ["student", "teacher", "guardian", "aide", "administrator"] {
                night.add([format!("school-{school}").as_str()].into_iter(), [role].into_iter(), &group);
            }
        }
        let bytes = night.to_bytes().unwrap();
        assert!(bytes.len() < 80_000, "{}", bytes.len());
        assert_eq!(Night::from_bytes(&bytes), Some(night));
        assert_eq!(Night::from_bytes(b"\xFF"), None);
    }
}
