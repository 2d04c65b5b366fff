//! Messages about a change that was made by hand. They go to the new and the old address, as for a change by the sync.

use std::cell::{OnceCell, RefCell};
use std::collections::{BTreeMap, HashMap, HashSet};

use super::People;
use crate::account::{Account, State};
use crate::contact::Field;
use crate::failure::Result;
use crate::message::{Audience, Channel};
use crate::notify::{About, Editor, Occasion, Templates, compose};
use crate::plan::{Change, News};
use crate::platform::languages;

/// What messages are composed with, looked up when there is a first one.
#[derive(Default)]
pub(super) struct Telling {
    templates: OnceCell<Templates>,
    /// The languages that people have chosen on the platform, as far as they were looked up; none for people that chose none.
    languages: RefCell<HashMap<String, Option<String>>>,
    /// The names of schools.
    schools: OnceCell<BTreeMap<String, String>>,
}

impl Telling {
    fn templates(&self, people: &People<'_>) -> Result<&Templates> {
        if self.templates.get().is_none() {
            let _ = self.templates.set(Templates::load(&people.config.notify)?);
        }
        Ok(self.templates.get_or_init(|| unreachable!("they have just been set")))
    }
}

impl People<'_> {
    /// Looks up in which languages these people want to be told, all at once.
    pub fn learn_languages(&self, of: HashSet<String>) -> Result<()> {
        let mut known = self.telling.languages.borrow_mut();
        if let Some(platform) = &self.config.platform {
            let mut chosen = languages(platform, Some(self.store), &of)?;
            known.extend(of.into_iter().map(|id| {
                let language = chosen.remove(&id);
                (id, language)
            }));
        }
        Ok(())
    }

    /// The names of a person's schools, as far as the roster has given them.
    fn names_of_schools(&self, account: &Account) -> Result<Vec<String>> {
        let known = &self.telling.schools;
        if known.get().is_none() {
            let _ = known.set(self.store.schools()?);
        }
        let name_of = |id: &String| known.get().and_then(|names| names.get(id)).cloned();
        Ok(self.schools_of(account)?.iter().filter_map(name_of).collect())
    }

    /// The language that a person chose on the platform goes before the roster's.
    fn language_of(&self, account: &Account) -> Result<Option<String>> {
        if !self.telling.languages.borrow().contains_key(&account.sourced_id) {
            self.learn_languages(HashSet::from([account.sourced_id.clone()]))?;
        }
        let chosen = self.telling.languages.borrow().get(&account.sourced_id).cloned().flatten();
        Ok(chosen.or_else(|| account.sis.language.clone()))
    }
}

/// Queues the messages about these changes, and says how many there are. The caller commits; `run` is none for an edit.
pub fn tell(
    people: &People<'_>,
    run: Option<i64>,
    before: &Account,
    after: &Account,
    changes: &[Change],
    by: Editor,
) -> Result<usize> {
    if after.state != State::Active || after.archived {
        return Ok(0);
    }
    let undelivered = people.store.undelivered_changes(Some(after.id))?.remove(&after.id);
    let news = News::of(
        &before.details,
        &after.details,
        changes,
        undelivered.as_ref(),
        after.opt_outs,
        &people.rules,
    );
    if news.first_change_id.is_some() || !news.recipients.is_empty() {
        people.store.drop_out_of_date(after.id, &after.details, people.now)?;
    }
    let mut told = Vec::new();
    for recipient in news.recipients {
        // An old address that another person has is not written to: that person would read it.
        let field = if recipient.channel == Channel::Email { Field::Email } else { Field::Phone };
        let passed_on = recipient.audience == Audience::Former
            && people.store.is_someone_elses(after.id, field, &recipient.address, run)?;
        if !passed_on {
            told.push(recipient);
        }
    }
    if told.is_empty() {
        return Ok(0);
    }
    let occasion = Occasion::of(people.config, people.telling.templates(people)?, people.now);
    let language = people.language_of(after)?;
    let texted = told.iter().any(|recipient| recipient.channel == Channel::Sms);
    // Of the many of an undo it is not looked up one by one: each text says who is meant.
    let shares_phone = texted && (by == Editor::Undo || people.store.holder(after, Field::Phone)?.is_some());
    let about = About {
        details: &after.details,
        changes: &news.changes,
        language: language.as_deref(),
        shares_phone,
        schools: &people.names_of_schools(after)?,
    };
    for recipient in &told {
        let message = compose(recipient, &about, by, &occasion)?;
        people.store.queue(run, after.id, &message, news.first_change_id, people.now)?;
    }
    // Nothing is sent to a person that may not be contacted, as long as that lasts.
    Ok(if people.store.is_stopped(after.id)? { 0 } else { told.len() })
}
