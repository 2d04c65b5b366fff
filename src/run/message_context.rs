//! What messages need to know besides the changes: the language, and whether the phone is shared.

use std::collections::{HashMap, HashSet};

use crate::config::Config;
use crate::contact::Field;
use crate::failure::Result;
use crate::notify::About;
use crate::plan::{Note, Plan, Write};
use crate::platform::languages;
use crate::store::Store;

/// The people of a plan who are told something.
#[derive(Default)]
pub struct MessageContext {
    /// People whose mobile another person has as well: a text to it names the person it is about.
    sharers: HashSet<String>,
    languages: HashMap<String, String>,
}

impl MessageContext {
    pub fn of(plan: &Plan, config: &Config, store: Option<&Store>) -> Result<Self> {
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
        if let Some(platform) = config.platform.as_ref().filter(|_| notifications.total() > 0) {
            let mut people = HashSet::new();
            plan.each_write(|write| {
                if !write.recipients.is_empty() {
                    people.insert(write.account.sourced_id);
                }
                Ok(())
            })?;
            context.languages = languages(platform, store, &people)?;
        }
        Ok(context)
    }

    /// The person of a write. A language chosen on the platform goes before that of the roster.
    pub fn about<'a>(&'a self, write: &'a Write) -> About<'a> {
        let id = &write.account.sourced_id;
        About {
            details: &write.account.details,
            changes: &write.changes,
            language: self.languages.get(id).or(write.account.sis.language.as_ref()).map(String::as_str),
            shares_phone: self.sharers.contains(id),
        }
    }
}
