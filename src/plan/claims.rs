//! `shared_contacts = "unique"`: which people claim a credential, and which are refused it. Pure.

use std::collections::{BTreeMap, HashMap};

use super::person::Verdict;
use super::shared_credentials::CREDENTIALS;
use crate::account::Account;
use crate::contact::{Details, Field, credential_hash};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Claim {
    /// Hash of the value that is held if nothing is refused.
    pub after: Option<u64>,
    /// Hash of the value that is held if the new one is refused; none for a person that had none.
    pub otherwise: Option<u64>,
    /// Whether `after` is a new value, which can be refused.
    pub is_new: bool,
    /// A new guardian is not added without the value: no other person loses it to them.
    pub is_needed: bool,
}

/// Decides which people are refused a credential under `unique`, judged as things would be after
/// the run: a holder that keeps its value wins, of several new claimants none gets it, a swap is
/// fine. If one claimant has an account anyway and the others are guardians that would be added only
/// because of the value, the one gets it. A person that is refused keeps the old value, which may
/// refuse another; so it is repeated until it holds. Returns the sourcedId of the refused with that
/// of a holder to name.
pub fn refusals(claims: &BTreeMap<String, Claim>) -> HashMap<String, String> {
    let mut refused: HashMap<String, String> = HashMap::new();
    loop {
        let mut holders: HashMap<u64, Vec<(&str, bool, bool)>> = HashMap::new();
        for (id, claim) in claims {
            let (value, is_new) =
                if refused.contains_key(id) { (claim.otherwise, false) } else { (claim.after, claim.is_new) };
            if let Some(value) = value {
                holders.entry(value).or_default().push((id, is_new, claim.is_needed));
            }
        }
        let before = refused.len();
        for group in holders.values().filter(|group| group.len() > 1) {
            let holder = group.iter().find(|(_, is_new, _)| !is_new).map(|(id, ..)| *id);
            let mut anyway = group.iter().filter(|(.., is_needed)| !is_needed).map(|(id, ..)| *id);
            let keeper = holder.or_else(|| anyway.next().filter(|_| anyway.next().is_none()));
            for (id, ..) in group.iter().filter(|(id, is_new, _)| *is_new && Some(*id) != keeper) {
                // Groups are in the order of the ids, since the claims are.
                let lowest = |is_needed: bool| {
                    let mut others = group.iter().filter(|(other, ..)| other != id);
                    others.find(|(.., is)| *is == is_needed).map(|(other, ..)| *other)
                };
                let other = keeper.or_else(|| lowest(false)).or_else(|| lowest(true));
                if let Some(other) = other {
                    refused.insert((*id).to_owned(), other.to_owned());
                }
            }
        }
        if refused.len() == before {
            return refused;
        }
    }
}

/// What a person holds and wants after a verdict, for email and phone.
pub(super) fn claims_of(stored: Option<&Account>, verdict: &Verdict) -> [Option<Claim>; 2] {
    CREDENTIALS.map(|field| {
        let after = verdict.account.as_ref().filter(|account| !account.archived)?;
        let claim = claim_of(field, stored, verdict, &after.details);
        (claim.after.is_some() || claim.otherwise.is_some()).then_some(claim)
    })
}

/// A value is claimed if the sync would put it there; what is there already, or comes from the
/// platform, is held.
fn claim_of(field: Field, stored: Option<&Account>, verdict: &Verdict, after: &Details) -> Claim {
    let change = Some(verdict.fields.of(field)).filter(|decision| decision.rule.changes());
    let value = after.credential_hash(field);
    let exported = verdict.account.as_ref().is_some_and(|account| match field {
        Field::Email | Field::Phone => !account.exported.of(field).is_none(),
        Field::Name | Field::HomePhone => false,
    });
    let created = stored.is_none() && !exported && value.is_some();
    match (change, value) {
        (Some(change), Some(_)) => Claim {
            after: value,
            otherwise: credential_hash(field, &change.actual),
            is_new: true,
            is_needed: false,
        },
        // Cleared: nothing is claimed, and nothing is held.
        (Some(_), None) => Claim::default(),
        (None, _) if created => Claim { after: value, is_new: true, ..Claim::default() },
        (None, _) => Claim { after: value, otherwise: value, ..Claim::default() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claims(of: &[(&str, Option<u64>, Option<u64>)]) -> BTreeMap<String, Claim> {
        of.iter()
            .map(|(id, otherwise, after)| {
                let is_new = after.is_some() && otherwise != after;
                ((*id).to_owned(), Claim { after: *after, otherwise: *otherwise, is_new, is_needed: false })
            })
            .collect()
    }

    fn refused(of: &[(&str, Option<u64>, Option<u64>)]) -> Vec<(String, String)> {
        let mut refused: Vec<_> = refusals(&claims(of)).into_iter().collect();
        refused.sort();
        refused
    }

    fn pair(id: &str, holder: &str) -> (String, String) {
        (id.to_owned(), holder.to_owned())
    }

    #[test]
    fn a_holder_that_keeps_its_value_wins() {
        assert_eq!(refused(&[("a", Some(1), Some(1)), ("b", Some(2), Some(1))]), [pair("b", "a")]);
    }

    #[test]
    fn of_several_new_claimants_none_gets_it() {
        let three = [("a", None, Some(9)), ("b", Some(2), Some(9)), ("c", Some(3), Some(9))];
        assert_eq!(refused(&three), [pair("a", "b"), pair("b", "a"), pair("c", "a")]);
    }

    #[test]
    fn nobody_loses_a_value_to_a_guardian_who_is_added_only_because_of_it() {
        let mut all = claims(&[("g", None, Some(9)), ("t", None, Some(9))]);
        let refused_of = |all: &BTreeMap<String, Claim>| {
            let mut refused: Vec<_> = refusals(all).into_iter().collect();
            refused.sort();
            refused
        };
        assert_eq!(refused_of(&all), [pair("g", "t"), pair("t", "g")]);
        all.get_mut("g").unwrap().is_needed = true;
        assert_eq!(refused_of(&all), [pair("g", "t")]);
        // Two who have an account anyway still refuse each other, and the guardian names the first
        // of them.
        all.extend(claims(&[("u", Some(1), Some(9))]));
        assert_eq!(refused_of(&all), [pair("g", "t"), pair("t", "u"), pair("u", "t")]);
        // Guardians among themselves: none gets it.
        let mut two = claims(&[("g", None, Some(9)), ("h", None, Some(9))]);
        two.values_mut().for_each(|claim| claim.is_needed = true);
        assert_eq!(refused_of(&two), [pair("g", "h"), pair("h", "g")]);
    }

    #[test]
    fn a_swap_is_allowed() {
        assert_eq!(refused(&[("a", Some(1), Some(2)), ("b", Some(2), Some(1))]), []);
    }

    #[test]
    fn a_refusal_can_refuse_another() {
        // c is refused 1 by a, so it keeps 3, which refuses d.
        let chain = [("a", Some(1), Some(1)), ("c", Some(3), Some(1)), ("d", Some(4), Some(3))];
        assert_eq!(refused(&chain), [pair("c", "a"), pair("d", "c")]);
    }
}
