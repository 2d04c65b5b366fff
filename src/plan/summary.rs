//! The counts of a plan: its actions, changes and messages, and the line that sums them up.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::same_person::Counts;
use super::{Action, FieldDecisions};
use crate::contact::Field;
use crate::message::{Channel, Recipient};
use crate::plural::counted;

/// The counts of a plan. The actions add up to the rows of its report.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Summary {
    pub actions: BTreeMap<Action, u64>,
    /// Changed fields, over all actions.
    pub fields: BTreeMap<String, u64>,
    pub notifications: Notifications,
    /// Messages to old addresses that are not sent, because another person has the address.
    pub held_back: u64,
    /// People with a change of which no channel can tell them.
    pub cannot_be_told: u64,
    /// Differences that a person has looked at, and that are not noted (`users settle`).
    pub settled: u64,
    /// Active people with an applied change: what the limit counts.
    pub contact_updates: u64,
    /// Those of them whose email or mobile changes; and pending people with an applied change.
    pub credentials: u64,
    pub pending_updates: u64,
    /// Active people under ON once the platform's export is read: the sync may change their details.
    pub changeable: u64,
    /// Pending and active accounts before the run.
    pub accounts_before: u64,
    /// Active accounts before the run, and once the platform's export is read.
    pub active_before: u64,
    pub active: u64,
    /// Rows of the source, usable or not.
    pub records: u64,
    /// Rows whose sourcedId could not be read.
    pub without_id: u64,
    /// People that joined, by the platform's export.
    pub joined: u64,
    /// Details taken over from the platform's export.
    pub taken_over: u64,
    /// Accounts that get another sourcedId (`--rekey`), and the active ones among them.
    pub renamed: u64,
    pub renamed_active: u64,
    /// People that joined, for the limit: 0 where an export is read for the first time.
    pub joins: u64,
    /// Active people whom the platform's export makes pending again.
    pub unjoins: u64,
    /// People that were active before the run and whose details the platform's export changes.
    pub export_changed: u64,
    /// A column of details in the export in which no row has a value, although many had one on the last good night.
    pub export_emptied: Option<String>,
    /// Active people that come from OFF to ON although the configuration did not change; and at which schools they are now.
    pub protection: u64,
    pub protection_schools: BTreeMap<String, u64>,
    /// Active people that come from OFF to ON by a change of the configuration, and whose details the
    /// sync changes for the first time.
    pub switched_on: SwitchedOn,
    /// People whom a limit holds back while the rest is applied.
    pub held_by_limit: u64,
    /// The first run after an upgrade, on which the limits that are new do not hold yet.
    pub upgraded: bool,
    /// The same, of the limits that the version before this one did not have either.
    pub new_limits: bool,
    /// Links between adults and children that come and that go; and those that there were.
    pub links_added: u64,
    pub links_removed: u64,
    pub links_before: u64,
    /// Students without any adult that can be reached, tonight and the night before; none on the first that looks at links.
    pub without_contact: u64,
    pub without_contact_before: Option<u64>,
    /// People with an account that roles, dates or schools leave out tonight, and did not on the last good night.
    pub newly_left_out: u64,
    /// Archived accounts that are removed with all that the store has of their people.
    pub purged: u64,
    /// People that the roster does not mention for the first time, and whose accounts are not archived
    /// for it yet.
    pub newly_missing: u64,
    /// Known users whose given and family name changed places.
    pub names_swapped: u64,
    /// Archived accounts whose sourcedId another person seems to have now.
    pub reused: u64,
    /// Accounts that are probably back under another sourcedId.
    pub same_person: Counts,
    /// Old and new sourcedIds of accounts that are renamed tonight, and whose new record has another
    /// name and nothing in common with them.
    #[serde(skip)]
    pub unlike_renames: Vec<(String, String)>,
}

/// What the step to ON does, for the district and by school. People at several schools count at
/// each; those at none are under the empty id.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct SwitchedOn {
    pub all: Step,
    pub schools: BTreeMap<String, Step>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// People whose details change.
    pub users: u64,
    /// Those of them that are told.
    pub told: u64,
    /// Those whose email or mobile changes.
    pub sign_ins: u64,
}

impl Step {
    pub(super) fn add(&mut self, other: Self) {
        self.users += other.users;
        self.told += other.told;
        self.sign_ins += other.sign_ins;
    }
}

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

    /// How many users are synced.
    pub(super) fn synced(&self) -> u64 {
        use Action::{Created, Kept, Restored, Unchanged, Updated};
        [Created, Updated, Restored, Kept, Unchanged].into_iter().map(|action| self.count(action)).sum()
    }

    /// Whether there is something to apply besides what the rules leave out.
    pub fn has_synced_users(&self) -> bool {
        self.synced() > 0
    }

    /// Whether the plan does anything to any account.
    pub fn has_changes(&self) -> bool {
        self.renamed > 0
            || self.purged > 0
            || self.links() > 0
            || Action::ALL.into_iter().any(|action| action.is_change() && self.count(action) > 0)
    }

    /// Links that come or go.
    pub fn links(&self) -> u64 {
        self.links_added + self.links_removed
    }

    /// Whether it archives people or changes active ones: what deserves a second look before it is applied.
    pub fn touches_people(&self) -> bool {
        self.count(Action::Archived) > 0
            || self.contact_updates > 0
            || self.renamed_active > 0
            || self.unjoins > 0
    }

    /// Adds the counts of other records. The rest is known only when all records are.
    pub(super) fn merge(&mut self, other: Self) {
        for (action, count) in other.actions {
            *self.actions.entry(action).or_default() += count;
        }
        for (field, count) in other.fields {
            *self.fields.entry(field).or_default() += count;
        }
        self.notifications.email += other.notifications.email;
        self.notifications.sms += other.notifications.sms;
        self.settled += other.settled;
        self.cannot_be_told += other.cannot_be_told;
        self.contact_updates += other.contact_updates;
        self.credentials += other.credentials;
        self.pending_updates += other.pending_updates;
        self.reused += other.reused;
        self.newly_missing += other.newly_missing;
        self.names_swapped += other.names_swapped;
        self.joined += other.joined;
        self.taken_over += other.taken_over;
        self.changeable += other.changeable;
        self.unjoins += other.unjoins;
        self.export_changed += other.export_changed;
        self.protection += other.protection;
        self.switched_on.all.add(other.switched_on.all);
        for (school, step) in other.switched_on.schools {
            self.switched_on.schools.entry(school).or_default().add(step);
        }
        self.links_added += other.links_added;
        self.links_removed += other.links_removed;
        self.unlike_renames.extend(other.unlike_renames);
        for (school, count) in other.protection_schools {
            *self.protection_schools.entry(school).or_default() += count;
        }
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
        self.settled += fields.settled().count() as u64;
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
             {} kept, {} unchanged, {} skipped, {} rejected, {} held, {} missing, {}",
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
            count(Action::Missing),
            counted(self.links(), "link", "links"),
        )?;
        if self.renamed > 0 {
            write!(f, ", {} to rename", self.renamed)?;
        }
        if self.purged > 0 {
            write!(f, ", {} to remove", self.purged)?;
        }
        let messages = counted(self.notifications.total(), "notification", "notifications");
        write!(f, "; {messages} ({} email, {} SMS)", self.notifications.email, self.notifications.sms)
    }
}
