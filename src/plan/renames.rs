//! The new sourcedIds that a run gives to old accounts (`run --rekey`), as a part of its plan.

use serde::{Deserialize, Serialize};

use super::checksum::Checksum;
use crate::failure::Result;
use crate::spool::Values;

/// One account that gets another sourcedId.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Renaming {
    pub old: String,
    pub new: String,
    pub name: String,
    pub state: String,
    pub role: String,
    pub school: String,
    /// Where its holder may manage users: `district`, or sourcedIds of schools.
    pub manages: Vec<String>,
    /// A run had made an account for the new sourcedId, which is left behind under the old one.
    pub replaces: bool,
    /// That one has neither name and email nor name and phone number in common with the old one.
    pub unlike: bool,
    pub taken_back: bool,
}

impl Renaming {
    pub fn manages_district(&self) -> bool {
        self.manages.iter().any(|place| place == "district")
    }
}

#[derive(Default)]
pub struct Renamings {
    pub values: Values<Renaming>,
    sum: Checksum,
    /// Those of active accounts.
    pub(super) active: u64,
}

impl Renamings {
    pub fn push(&mut self, renaming: &Renaming) -> Result<()> {
        let Renaming { old, new, name, state, role: _, school: _, manages, replaces, unlike: _, taken_back } =
            renaming;
        let mut parts: Vec<&str> = vec![old, new, name, state];
        parts.extend(manages.iter().map(String::as_str));
        parts.push(if *replaces { "replaces" } else { "" });
        parts.push(if *taken_back { "taken back" } else { "" });
        self.sum.put(parts);
        self.active += u64::from(state == "active");
        self.values.push(renaming)
    }

    pub fn count(&self) -> u64 {
        self.sum.count()
    }

    /// The checksum of a plan that has these as well; without any it is that of the rest.
    pub(super) fn added_to(&self, checksum: String) -> String {
        if self.count() == 0 { checksum } else { Checksum::with(&checksum, [&self.sum]) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn renaming(old: &str, manages: &[&str]) -> Renaming {
        Renaming {
            old: old.into(),
            new: format!("new-{old}"),
            name: "Rosa Diaz".into(),
            state: "active".into(),
            role: "teacher".into(),
            school: "sch-1".into(),
            manages: manages.iter().map(|place| (*place).to_owned()).collect(),
            replaces: false,
            unlike: false,
            taken_back: false,
        }
    }

    fn checksum(all: &[Renaming]) -> String {
        let mut renamings = Renamings::default();
        all.iter().for_each(|one| renamings.push(one).unwrap());
        renamings.values.finish().unwrap();
        renamings.added_to("0123456789abcdef".into())
    }

    #[test]
    fn the_checksum_covers_each_rename_and_not_their_order() {
        let (a, b) = (renaming("a", &[]), renaming("b", &[]));
        assert_eq!(checksum(&[]), "0123456789abcdef");
        assert_ne!(checksum(std::slice::from_ref(&a)), checksum(&[]));
        assert_eq!(checksum(&[a.clone(), b.clone()]), checksum(&[b.clone(), a.clone()]));
        let other = Renaming { new: "x".into(), ..a.clone() };
        let manager = renaming("a", &["district"]);
        for one in [&b, &other, &manager, &Renaming { replaces: true, ..a.clone() }] {
            assert_ne!(checksum(std::slice::from_ref(one)), checksum(std::slice::from_ref(&a)));
        }
    }
}
