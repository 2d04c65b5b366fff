//! A person's account on the platform, as the store keeps it.

mod exported;
mod kept;
mod opt_outs;
mod recognition;
mod settled;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::contact::{Details, Field, PersonName, PhoneReader, email_key, phone_key};
use crate::roster::{IdList, Record, Relations, RoleList};

pub use exported::{AwaitedValues, Exported, Shown};
pub use kept::KeptSince;
pub use opt_outs::OptOuts;
pub use recognition::{UserIds, username_hash};
pub use settled::Settled;

/// Whether the person has joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Invited, has not joined yet.
    Pending,
    /// Has joined.
    Active,
}

impl State {
    pub const ALL: [Self; 2] = [Self::Pending, Self::Active];

    pub fn word(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Active => "active",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Row in the store; 0 as long as it is not there.
    pub id: i64,
    pub sourced_id: String,
    /// What it is, or was when it was archived.
    pub state: State,
    /// Was in the roster and is no longer.
    pub archived: bool,
    pub details: Details,
    /// Shared by the copies of an account, which most decisions leave as it is.
    pub sis: Arc<SisDetails>,
    pub exported: Exported,
    /// Since when differences from the SIS have been left alone.
    pub kept_since: KeptSince,
    /// Those of them that a person has looked at.
    pub settled: Settled,
    pub opt_outs: OptOuts,
    /// The students to whom a guardian is linked, by the keys of their sourcedIds, sorted; also
    /// those that have left since. None as long as it is not known.
    pub links: Option<Vec<u64>>,
}

impl Account {
    /// A pending account without details.
    pub fn new(sourced_id: &str) -> Self {
        Self {
            id: 0,
            sourced_id: sourced_id.to_owned(),
            state: State::Pending,
            archived: false,
            details: Details::default(),
            sis: Arc::default(),
            exported: Exported::default(),
            kept_since: KeptSince::default(),
            settled: Settled::default(),
            opt_outs: OptOuts::default(),
            links: None,
        }
    }

    /// Puts other details in place of those that there are. Of a person that has joined the
    /// platform's export may still show what was there before; of others it says nothing that
    /// counts.
    pub fn replace_details(&mut self, details: Details) {
        let before = std::mem::replace(&mut self.details, details);
        if self.state == State::Active {
            for field in Field::ALL {
                if before.recorded(field) != self.details.recorded(field) {
                    self.exported.replaced(field, &before);
                }
            }
        }
    }

    /// The sourcedId under which an account goes on whose own another person has now: `USER~1`.
    pub fn set_apart(sourced_id: &str, number: u32) -> String {
        format!("{sourced_id}~{number}")
    }

    /// The word in the report's column `state`.
    pub fn state_word(&self) -> &'static str {
        if self.archived { "archived" } else { self.state.word() }
    }

    /// Takes in the user name and the other systems' ids of a record. What it does not say stays as it was last said.
    pub fn recognise_by(&mut self, record: &Record<'_>) {
        let username =
            record.username.and_then(username_hash).filter(|hash| self.sis.username != Some(*hash));
        let ids = record.user_ids.map(UserIds::of);
        let ids = ids.filter(|ids| !ids.is_empty() && *ids != self.sis.user_ids);
        if username.is_none() && ids.is_none() {
            return;
        }
        let sis = Arc::make_mut(&mut self.sis);
        sis.username = username.or(sis.username);
        if let Some(ids) = ids {
            sis.user_ids = ids;
        }
    }
}

/// What the roster said of the person when it last said something new: a [`Record`] that owns its
/// text.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SisDetails {
    pub identifier: Option<String>,
    pub enabled: Option<bool>,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub email: Option<String>,
    pub sms: Option<String>,
    pub phone: Option<String>,
    pub language: Option<String>,
    pub roles: String,
    pub orgs: String,
    /// Of a guardian the links that may be used; the others are in `emergency` and `barred`.
    pub agents: String,
    pub emergency: String,
    pub barred: String,
    /// As [`Relations`] has them.
    pub relations: String,
    /// The last ones that the roster gave, as hashes ([`username_hash`]). A person is recognised by them under another sourcedId.
    pub username: Option<u64>,
    pub user_ids: UserIds,
}

impl SisDetails {
    pub fn of(record: &Record<'_>) -> Self {
        let own = |cell: Option<&str>| cell.map(str::to_owned);
        Self {
            identifier: own(record.identifier),
            enabled: record.enabled,
            given_name: own(record.given_name),
            family_name: own(record.family_name),
            email: own(record.email),
            sms: own(record.sms),
            phone: own(record.phone),
            language: own(record.language),
            roles: record.roles.0.to_owned(),
            orgs: record.orgs.unwrap_or_default().0.to_owned(),
            agents: record.agents.unwrap_or_default().0.to_owned(),
            emergency: record.emergency.unwrap_or_default().0.to_owned(),
            barred: record.barred.unwrap_or_default().0.to_owned(),
            relations: record.relations.unwrap_or_default().0.to_owned(),
            username: record.username.and_then(username_hash),
            user_ids: UserIds::of(record.user_ids.unwrap_or_default()),
        }
    }

    /// Whether two records of one person have the same name, email and numbers in normal form.
    pub fn has_same_contacts(&self, other: &Self, phones: PhoneReader) -> bool {
        let part = |text: &Option<String>| text.as_deref().map(|text| PersonName::new(text, "").given);
        let address = |text: &Option<String>| text.as_deref().map(|text| email_key(text).into_owned());
        let number = |a: &Option<String>, b: &Option<String>| match (a, b) {
            (Some(a), Some(b)) => {
                a == b || phone_key(&phones.canonical(a)) == phone_key(&phones.canonical(b))
            }
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        part(&self.given_name) == part(&other.given_name)
            && part(&self.family_name) == part(&other.family_name)
            && address(&self.email) == address(&other.email)
            && number(&self.sms, &other.sms)
            && number(&self.phone, &other.phone)
    }

    /// Whether two records of one person say the same in normal form, so that the older one can
    /// stay in the store. By what the person is recognised makes no difference.
    pub fn is_same(&self, other: &Self, phones: PhoneReader) -> bool {
        let ids = |list: &str| list.split(',').map(|id| id.trim().to_owned()).collect::<BTreeSet<_>>();
        self == other
            || self.identifier == other.identifier
                && self.enabled == other.enabled
                && self.language == other.language
                && self.roles == other.roles
                && ids(&self.orgs) == ids(&other.orgs)
                && ids(&self.agents) == ids(&other.agents)
                && ids(&self.emergency) == ids(&other.emergency)
                && ids(&self.barred) == ids(&other.barred)
                && self.relations == other.relations
                && self.has_same_contacts(other, phones)
    }

    /// The record that said so, for an account which a delta does not mention. Without what is kept as hashes alone.
    pub fn record<'a>(&'a self, sourced_id: &'a str) -> Record<'a> {
        let list = |list: &'a String| Some(IdList(list)).filter(|list| !list.0.is_empty());
        Record {
            line: None,
            sourced_id,
            identifier: self.identifier.as_deref(),
            deleted: false,
            enabled: self.enabled,
            given_name: self.given_name.as_deref(),
            family_name: self.family_name.as_deref(),
            email: self.email.as_deref(),
            sms: self.sms.as_deref(),
            phone: self.phone.as_deref(),
            not_mobile: false,
            language: self.language.as_deref(),
            roles: RoleList(&self.roles),
            orgs: Some(IdList(&self.orgs)),
            agents: Some(IdList(&self.agents)),
            emergency: list(&self.emergency),
            barred: list(&self.barred),
            relations: Some(Relations(&self.relations)).filter(|list| !list.0.is_empty()),
            username: None,
            user_ids: None,
            earlier_id: None,
            defect: None,
        }
    }
}

impl fmt::Debug for SisDetails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SisDetails")
            .field("roles", &self.roles)
            .field("orgs", &self.orgs)
            .finish_non_exhaustive()
    }
}
