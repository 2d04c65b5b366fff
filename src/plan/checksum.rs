//! The checksum of a plan: an approval is for the plan with this checksum, and for no other.

use std::borrow::Cow;

use sha2::{Digest, Sha256};

use super::note::Note;
use super::{Action, Overrun, PlanRow, history};
use crate::contact::Field;
use crate::message::{Channel, Recipient};
use crate::rules::Rules;

/// The checksum of a plan, while rows are added.
///
/// It covers the changes, the setting and the recipients; never times, run numbers or `first_seen`.
/// The order of the roster's rows makes no difference: the digests of the single changes are added
/// up.
#[derive(Default, Clone, Copy)]
pub(super) struct Checksum {
    sum: [u64; 4],
    count: u64,
}

impl Checksum {
    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.sum.iter_mut().zip(other.sum) {
            *sum = sum.wrapping_add(more);
        }
        self.count += other.count;
    }

    /// Takes the changes of another one out again.
    fn without(mut self, other: &Self) -> Self {
        for (sum, less) in self.sum.iter_mut().zip(other.sum) {
            *sum = sum.wrapping_sub(less);
        }
        self.count = self.count.wrapping_sub(other.count);
        self
    }

    /// Adds one change.
    pub(super) fn put<'t>(&mut self, parts: impl IntoIterator<Item = &'t str>) {
        let mut change = Parts::default();
        change.extend(parts);
        self.put_parts(&change);
    }

    fn put_parts(&mut self, change: &Parts) {
        for (sum, bytes) in self.sum.iter_mut().zip(Sha256::digest(&change.0).chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *sum = sum.wrapping_add(u64::from_le_bytes(word));
        }
        self.count += 1;
    }

    pub(super) fn count(&self) -> u64 {
        self.count
    }

    pub(super) fn add(&mut self, row: &PlanRow<'_>, recipients: &[Recipient]) {
        if let Some(Note::PossibleRekey(.., other, _)) =
            row.notes.last().filter(|_| row.action == Action::Held)
        {
            self.put([row.action.word(), row.sourced_id, other]);
            return;
        }
        let pending_again = row.notes.contains(&Note::PendingAgain);
        let links = row.notes.iter().filter_map(|note| match note {
            Note::Linked(ids) => Some(("linked", ids)),
            Note::Unlinked(ids) => Some(("unlinked", ids)),
            _ => None,
        });
        let links: Vec<&str> =
            links.flat_map(|(what, ids)| ids.iter().flat_map(move |id| [what, id.as_str()])).collect();
        if !row.action.is_change() && !pending_again && links.is_empty() {
            return;
        }
        let pending_again = if pending_again { "pending again" } else { "" };
        let details = shown(row);
        let mut parts = Parts::default();
        parts.extend([row.action.word(), pending_again, row.sourced_id, row.state]);
        parts.extend(details.iter().map(AsRef::as_ref));
        for change in row.fields.changes() {
            parts.extend([change.field.key(), &change.actual, &change.sis]);
        }
        parts.extend(links);
        for recipient in recipients {
            parts.extend([recipient.channel.word(), recipient.audience.word(), &recipient.address]);
        }
        self.put_parts(&parts);
    }

    /// Adds a person, with the details that they have after the run.
    pub(super) fn add_person(&mut self, row: &PlanRow<'_>) {
        let details = shown(row);
        self.put([row.sourced_id, row.state].into_iter().chain(details.iter().map(AsRef::as_ref)));
    }

    /// A message that is not sent after all, though it was added with its row.
    pub(super) fn hold_back(&mut self, sourced_id: &str, channel: Channel) {
        self.put(["held back", sourced_id, channel.word()]);
    }

    /// The checksum of a plan with what else is approved with it.
    pub(super) fn with<'a>(checksum: &str, sums: impl IntoIterator<Item = &'a Self>) -> String {
        let mut digest = Sha256::new();
        digest.update(checksum);
        sums.into_iter().for_each(|sum| sum.digest_into(&mut digest));
        hexadecimal(digest)
    }

    /// The checksum of a plan with the people that limits count, and with what is said of lies.
    pub(super) fn covering<'a>(
        checksum: String,
        of_limits: impl IntoIterator<Item = &'a Self>,
        said: &'a Self,
    ) -> String {
        let sums: Vec<&Self> = of_limits.into_iter().chain((said.count > 0).then_some(said)).collect();
        if sums.is_empty() { checksum } else { Self::with(&checksum, sums) }
    }

    /// What the history of the roster says: the plan itself may change nothing.
    pub(super) fn of_history(overruns: &[Overrun]) -> Self {
        let mut said = Self::default();
        for overrun in overruns.iter().filter(|overrun| overrun.limit == history::LIMIT) {
            said.put([overrun.message.as_str()]);
        }
        said
    }

    /// Sixteen hexadecimal digits.
    pub(super) fn finish(self, rules: &Rules) -> String {
        let mut digest = Sha256::new();
        self.digest_into(&mut digest);
        let mut schools: Vec<_> = rules.schools.iter().collect();
        schools.sort_unstable_by_key(|(id, _)| *id);
        digest.update(format!("{:?} {schools:?}", rules.district));
        hexadecimal(digest)
    }

    fn digest_into(&self, digest: &mut Sha256) {
        self.sum.iter().chain([&self.count]).for_each(|word| digest.update(word.to_le_bytes()));
    }
}

/// The parts of a change, each with its length before it, so that no two changes read the same. As
/// one text: it is faster to digest than many short ones.
struct Parts(Vec<u8>);

impl Default for Parts {
    fn default() -> Self {
        Self(Vec::with_capacity(512))
    }
}

impl Parts {
    fn extend<'t>(&mut self, parts: impl IntoIterator<Item = &'t str>) {
        for part in parts {
            self.0.extend((part.len() as u64).to_le_bytes());
            self.0.extend(part.as_bytes());
        }
    }
}

fn shown<'a>(row: &PlanRow<'a>) -> [Cow<'a, str>; 4] {
    Field::ALL.map(|field| row.details.shown(field))
}

fn hexadecimal(digest: Sha256) -> String {
    digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The changes of a plan, to tell what is left of them once a part is applied.
#[derive(Default, Clone, Copy)]
pub struct Changes {
    pub(super) all: Checksum,
    pub(super) undecided: Checksum,
    /// People that would come from OFF to ON, while the limit on protection stops that.
    pub(super) unprotected: Checksum,
}

impl Changes {
    /// The checksum of the next plan, if the changes of `applied` are made and nothing else happens.
    /// `unprotected`: the limit on protection holds people back. `said`: of the overruns of history.
    pub(super) fn after(self, applied: &Self, unprotected: bool, said: &Checksum, rules: &Rules) -> String {
        let mut rest = self.all.without(&applied.all);
        rest.merge(&applied.undecided);
        let unprotected = unprotected.then_some(&self.unprotected);
        Checksum::covering(rest.finish(rules), unprotected, said)
    }
}

/// Sums of the people that the limits `joins`, `export` and `protection` count, in this order.
/// Where one of them stops a plan, it is a part of the checksum: the approval is for these people
/// and for no others.
#[derive(Default)]
pub(super) struct OfLimits(pub(super) [Checksum; 3]);

impl OfLimits {
    const LIMITS: [&'static str; 3] = ["joins", "export", "protection"];
    pub(super) const PROTECTION: usize = 2;

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            sum.merge(more);
        }
    }

    pub(super) fn of(&self, limit: &str) -> Option<&Checksum> {
        Self::LIMITS.iter().position(|known| *known == limit).map(|at| &self.0[at])
    }
}
