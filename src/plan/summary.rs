//! What a plan adds up to: the counts of its actions, its last two lines, its checksum.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::note::Note;
use super::{Action, FieldDecisions, PlanRow};
use crate::contact::Field;
use crate::message::{Channel, Recipient};
use crate::plural::counted;
use crate::rules::Rules;

/// The counts of a plan. The actions add up to the rows of its report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    pub actions: BTreeMap<Action, u64>,
    /// Changed fields, over all actions.
    pub fields: BTreeMap<String, u64>,
    pub notifications: Notifications,
    /// Messages to old addresses that are not sent, because another person has the address.
    #[serde(default)]
    pub held_back: u64,
    /// Changed people who can be told by no channel.
    pub cannot_be_told: u64,
    /// Active people with an applied change: what the limit counts.
    pub contact_updates: u64,
    /// Active people under ON once the platform's export is read: whom the sync may change.
    pub changeable: u64,
    /// Pending and active accounts before the run.
    pub accounts_before: u64,
    /// Active accounts before the run, and once the platform's export is read.
    pub active_before: u64,
    pub active: u64,
    /// Rows of the source, of whatever use.
    pub records: u64,
    /// Rows whose sourcedId could not be read.
    pub without_id: u64,
    /// People who joined, by the platform's export.
    pub joined: u64,
    /// Details taken over from the platform's export.
    pub taken_over: u64,
    /// Accounts that get another sourcedId (`--rekey`), and the active ones among them.
    #[serde(default)]
    pub renamed: u64,
    #[serde(default)]
    pub renamed_active: u64,
    /// People who joined, for the limit: nobody where an export is read for the first time.
    pub joins: u64,
    /// Active people whom the platform's export makes pending again.
    pub unjoins: u64,
    /// People who were active before the run and whose details the platform's export changes.
    pub export_changed: u64,
    /// A column of details in the export in which no row has a value, although many had one on the last good night.
    pub export_emptied: Option<String>,
    /// Active people who come from OFF to ON although the configuration did not change; and at which schools they are now.
    pub protection: u64,
    pub protection_schools: BTreeMap<String, u64>,
    /// The first run after an upgrade, on which the limits that are new do not hold yet.
    pub upgraded: bool,
    /// People with an account whom roles, dates or schools leave out tonight, and did not on the last good night.
    #[serde(default)]
    pub newly_left_out: u64,
}

/// Messages, by channel.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notifications {
    pub email: u64,
    pub sms: u64,
}

impl Notifications {
    pub fn total(self) -> u64 {
        self.email + self.sms
    }
}

impl Summary {
    pub fn count(&self, action: Action) -> u64 {
        self.actions.get(&action).copied().unwrap_or_default()
    }

    /// Whether the plan does anything to any account.
    pub fn has_changes(&self) -> bool {
        self.renamed > 0 || Action::ALL.into_iter().any(|action| action.is_change() && self.count(action) > 0)
    }

    /// Whether it archives people or changes active ones: what deserves a second look before it is applied.
    pub fn touches_people(&self) -> bool {
        self.count(Action::Archived) > 0
            || self.contact_updates > 0
            || self.renamed_active > 0
            || self.unjoins > 0
    }

    /// Adds what other records came to.
    pub(super) fn merge(&mut self, other: Self) {
        for (action, count) in other.actions {
            *self.actions.entry(action).or_default() += count;
        }
        for (field, count) in other.fields {
            *self.fields.entry(field).or_default() += count;
        }
        self.notifications.email += other.notifications.email;
        self.notifications.sms += other.notifications.sms;
        self.held_back += other.held_back;
        self.cannot_be_told += other.cannot_be_told;
        self.contact_updates += other.contact_updates;
        self.accounts_before += other.accounts_before;
        self.active += other.active;
        self.records += other.records;
        self.without_id += other.without_id;
        self.joined += other.joined;
        self.taken_over += other.taken_over;
        self.renamed += other.renamed;
        self.renamed_active += other.renamed_active;
        self.changeable += other.changeable;
        self.active_before += other.active_before;
        self.joins += other.joins;
        self.unjoins += other.unjoins;
        self.export_changed += other.export_changed;
        self.protection += other.protection;
        for (school, count) in other.protection_schools {
            *self.protection_schools.entry(school).or_default() += count;
        }
        self.newly_left_out += other.newly_left_out;
    }

    /// A message to an old address that is not sent after all.
    pub(super) fn hold_back(&mut self, channel: Channel) {
        self.held_back += 1;
        let count = match channel {
            Channel::Email => &mut self.notifications.email,
            Channel::Sms => &mut self.notifications.sms,
        };
        *count = count.saturating_sub(1);
    }

    pub(super) fn add(&mut self, action: Action, fields: &FieldDecisions, recipients: &[Recipient]) {
        *self.actions.entry(action).or_default() += 1;
        for change in fields.changes() {
            *self.fields.entry(change.field.key().to_owned()).or_default() += 1;
        }
        for recipient in recipients {
            match recipient.channel {
                Channel::Email => self.notifications.email += 1,
                Channel::Sms => self.notifications.sms += 1,
            }
        }
    }
}

/// The plan line.
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |action| self.count(action);
        let field = |field: Field| self.fields.get(field.key()).copied().unwrap_or_default();
        write!(
            f,
            "Plan: {} to create, {} to update ({} email, {} phone, {} home phone, {} name), {} to archive, {} to restore, \
             {} kept, {} unchanged, {} skipped, {} rejected, {} held",
            count(Action::Created),
            count(Action::Updated),
            field(Field::Email),
            field(Field::Phone),
            field(Field::HomePhone),
            field(Field::Name),
            count(Action::Archived),
            count(Action::Restored),
            count(Action::Kept),
            count(Action::Unchanged),
            count(Action::Skipped),
            count(Action::Rejected),
            count(Action::Held),
        )?;
        if self.renamed > 0 {
            write!(f, ", {} to rename", self.renamed)?;
        }
        let messages = counted(self.notifications.total(), "notification", "notifications");
        write!(f, "; {messages} ({} email, {} SMS)", self.notifications.email, self.notifications.sms)
    }
}

/// Sums of the people whom the limits `joins`, `export` and `protection` count, in this order. Where one of them stops a
/// plan, it is a part of the checksum: what is approved is these people and no others.
#[derive(Default)]
pub(super) struct OfLimits(pub(super) [Checksum; 3]);

impl OfLimits {
    const LIMITS: [&'static str; 3] = ["joins", "export", "protection"];

    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.0.iter_mut().zip(&other.0) {
            sum.merge(more);
        }
    }

    /// The sum that belongs to a limit.
    pub(super) fn of(&self, limit: &str) -> Option<&Checksum> {
        Self::LIMITS.iter().position(|known| *known == limit).map(|at| &self.0[at])
    }
}

/// The checksum of a plan in the making.
///
/// It covers the changes, the setting and the recipients; never times, run numbers or `first_seen`. The order of the
/// roster's rows makes no difference: what is summed up are the digests of the single changes.
#[derive(Default)]
pub(super) struct Checksum {
    sum: [u64; 4],
    count: u64,
}

impl Checksum {
    /// Adds the changes of other records.
    pub(super) fn merge(&mut self, other: &Self) {
        for (sum, more) in self.sum.iter_mut().zip(other.sum) {
            *sum = sum.wrapping_add(more);
        }
        self.count += other.count;
    }

    pub(super) fn add(&mut self, row: &PlanRow<'_>, recipients: &[Recipient]) {
        let pending_again = row.notes.contains(&Note::PendingAgain);
        if !row.action.is_change() && !pending_again {
            return;
        }
        let mut digest = Sha256::new();
        // Every part with its length before it, so that no two changes read the same.
        let mut part = |text: &str| {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        };
        part(row.action.word());
        part(if pending_again { "pending again" } else { "" });
        part(row.sourced_id);
        part(row.state);
        for field in Field::ALL {
            part(&row.details.shown(field));
        }
        for change in row.fields.changes() {
            part(change.field.key());
            part(&change.actual);
            part(&change.sis);
        }
        for recipient in recipients {
            part(recipient.channel.word());
            part(recipient.audience.word());
            part(&recipient.address);
        }
        self.put(digest);
    }

    /// Adds a person, with the details that they have after the run.
    pub(super) fn add_person(&mut self, row: &PlanRow<'_>) {
        let mut digest = Sha256::new();
        let details = Field::ALL.map(|field| row.details.shown(field));
        for text in [row.sourced_id, row.state].into_iter().chain(details.iter().map(|text| &**text)) {
            digest.update((text.len() as u64).to_le_bytes());
            digest.update(text);
        }
        self.put(digest);
    }

    fn put(&mut self, digest: Sha256) {
        for (sum, bytes) in self.sum.iter_mut().zip(digest.finalize().chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *sum = sum.wrapping_add(u64::from_le_bytes(word));
        }
        self.count += 1;
    }

    /// The checksum of a plan with what else is to be approved with it.
    pub(super) fn with<'a>(checksum: &str, sums: impl Iterator<Item = &'a Checksum>) -> String {
        let mut digest = Sha256::new();
        digest.update(checksum);
        for sum in sums {
            sum.sum.iter().chain([&sum.count]).for_each(|word| digest.update(word.to_le_bytes()));
        }
        digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// A message that is not sent after all, though it was added with its row.
    pub(super) fn hold_back(&mut self, sourced_id: &str, channel: Channel) {
        let mut digest = Sha256::new();
        for part in ["held back", sourced_id, channel.word()] {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        for (sum, bytes) in self.sum.iter_mut().zip(digest.finalize().chunks_exact(8)) {
            let mut word = [0; 8];
            word.copy_from_slice(bytes);
            *sum = sum.wrapping_add(u64::from_le_bytes(word));
        }
        self.count += 1;
    }

    /// Sixteen hexadecimal digits.
    pub(super) fn finish(self, rules: &Rules) -> String {
        let mut digest = Sha256::new();
        for word in self.sum {
            digest.update(word.to_le_bytes());
        }
        digest.update(self.count.to_le_bytes());
        let mut schools: Vec<_> = rules.schools.iter().collect();
        schools.sort_unstable_by_key(|(id, _)| *id);
        digest.update(format!("{:?} {schools:?}", rules.district));
        digest.finalize()[..8].iter().map(|byte| format!("{byte:02x}")).collect()
    }
}
