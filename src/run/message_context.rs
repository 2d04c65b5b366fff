//! What messages need to know besides the changes: the language, the schools, and whether the phone
//! is shared.

use std::collections::{HashMap, HashSet};

use chrono::{DateTime, Utc};

use crate::account::Account;
use crate::config::Config;
use crate::contact::Field;
use crate::failure::Result;
use crate::notify::About;
use crate::plan::{Change, Note, Plan};
use crate::platform::languages;
use crate::roster::{IdList, Record, RoleList, Schools, current_roles};
use crate::store::Store;

/// The people of a plan who are told something.
#[derive(Default)]
pub struct MessageContext {
    /// People whose mobile another person has as well: a text to it names the person it is about.
    sharers: HashSet<String>,
    languages: HashMap<String, String>,
    /// The names of the schools of people with a message.
    schools: HashMap<String, Vec<String>>,
}

impl MessageContext {
    /// `names` are those of tonight's schools.
    pub fn of(
        plan: &Plan,
        names: &Schools,
        config: &Config,
        store: Option<&Store>,
        now: DateTime<Utc>,
    ) -> Result<Self> {
        let mut context = Self::default();
        let notifications = plan.summary.notifications;
        if notifications.sms > 0 {
            plan.each_decided_sharing(|row| {
                let shares = |note: &Note| matches!(note, Note::Shared(Field::Phone, ..));
                if row.fields.changes().next().is_some() && row.notes.iter().any(shares) {
                    context.sharers.insert(row.sourced_id.to_owned());
                }
                Ok(())
            })?;
        }
        if notifications.total() == 0 {
            return Ok(context);
        }
        let earlier = store.map(Store::schools).transpose()?.unwrap_or_default();
        let name_of = |id: &str| names.0.get(id).or_else(|| earlier.get(id)).cloned();
        let today = config.sync.timezone.day(now).to_string();
        let mut people = HashSet::new();
        plan.each_write(|write| {
            if write.recipients.is_empty() {
                return Ok(());
            }
            let account = write.account.account(write.id);
            let (id, sis) = (&account.sourced_id, &account.sis);
            let roles = current_roles(RoleList(&sis.roles), &today);
            let record =
                Record { roles: RoleList(&sis.roles), orgs: Some(IdList(&sis.orgs)), ..Record::default() };
            let schools = plan.roster.schools_of(write.person, &record, &roles, &today);
            context.schools.insert(id.clone(), schools.into_iter().filter_map(name_of).collect());
            people.insert(id.clone());
            Ok(())
        })?;
        if let Some(platform) = &config.platform {
            context.languages = languages(platform, store, &people)?;
        }
        Ok(context)
    }

    /// The person of a write. A language chosen on the platform goes before that of the roster.
    pub fn about<'a>(&'a self, account: &'a Account, changes: &'a [Change]) -> About<'a> {
        let id = &account.sourced_id;
        About {
            details: &account.details,
            changes,
            language: self.languages.get(id).or(account.sis.language.as_ref()).map(String::as_str),
            shares_phone: self.sharers.contains(id),
            schools: self.schools.get(id).map_or(&[], Vec::as_slice),
        }
    }
}
