//! Finds people by a sourcedId, an email, a number, an identifier, a name, or a part of one of these.

use serde::Serialize;

use super::People;
use crate::account::Account;
use crate::contact::{Field, Sought, email_key, phone_key};
use crate::failure::Result;
use crate::roster::ids;
use crate::rules::Rules;
use crate::store::Findable;

#[derive(Serialize)]
pub struct Match {
    pub sourced_id: String,
    pub name: String,
    pub state: String,
    pub role: String,
}

const NAMED: usize = 20;

/// The people that fit: how many there are, and the first of them.
#[derive(Default)]
pub struct Found {
    pub count: u64,
    pub first: Vec<Match>,
}

impl Found {
    fn add(&mut self, person: impl FnOnce() -> Match) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(person());
        }
    }
}

/// How a person fits what is looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// The text is within a value.
    Part,
    /// The text is a whole value: people that have it within a longer value are not meant.
    Whole,
}

/// Those that fit as a whole, and the others.
#[derive(Default)]
pub struct Candidates {
    whole: Found,
    part: Found,
}

impl Candidates {
    pub fn add(&mut self, fit: Fit, person: impl FnOnce() -> Match) {
        match fit {
            Fit::Whole => self.whole.add(person),
            Fit::Part => self.part.add(person),
        }
    }

    /// The people that are meant.
    pub fn best(self) -> Found {
        if self.whole.count > 0 { self.whole } else { self.part }
    }
}

/// What a person is looked for by.
pub struct Wanted {
    text: String,
    whole: Sought,
    /// Words of a name.
    words: Vec<Sought>,
    email: Option<String>,
    /// The whole number, and its last digits.
    phone: Option<(String, String)>,
}

impl Wanted {
    pub fn new(text: &str, rules: &Rules) -> Self {
        let text = text.trim();
        let digits = |text: &str| -> String { text.chars().filter(char::is_ascii_digit).collect() };
        let phone = (digits(text).len() >= 7).then(|| {
            // An extension that is typed as well is no part of the key.
            let key = phone_key(&rules.phones.canonical(text)).to_owned();
            let end = digits(&key);
            (key, end[end.len().saturating_sub(7)..].to_owned())
        });
        Self {
            text: text.to_owned(),
            whole: Sought::new(text),
            words: text.split_whitespace().map(Sought::new).collect(),
            email: text.contains('@').then(|| email_key(text).into_owned()),
            phone,
        }
    }

    /// Whether and how a person fits. What the SIS says counts as well as what is on the account:
    /// the caller knows one of them.
    pub fn fit(&self, person: &Findable<'_>, rules: &Rules) -> Option<Fit> {
        if self.text.is_empty() {
            return None;
        }
        let Findable { sourced_id, identifier, details, sis, .. } = person;
        let ids = [*sourced_id, *identifier];
        let emails = [details.email, sis.email];
        let phones = [details.phone, details.home_phone, sis.phone, sis.home_phone];
        // A blank cell is not looked into.
        let any = |values: &[&str], is: &dyn Fn(&str) -> bool| {
            values.iter().any(|value| !value.is_empty() && is(value))
        };
        let name = details.shown(Field::Name);
        let sis_name = Some(sis.shown(Field::Name)).filter(|sis_name| *sis_name != name).unwrap_or_default();
        let names = [name.as_ref(), sis_name.as_ref()];
        if any(&ids, &|id| id.eq_ignore_ascii_case(&self.text))
            || any(&emails, &|email| self.is_email(email))
            || any(&phones, &|phone| self.is_phone(phone, rules))
            || any(&names, &|name| self.whole.is(name))
        {
            return Some(Fit::Whole);
        }
        let fits = any(&ids, &|id| self.whole.is_in(id))
            || any(&emails, &|email| self.whole.is_in(email))
            || any(&phones, &|phone| self.whole.is_in_number(phone))
            || any(&names, &|name| self.words.iter().all(|word| word.is_in(name)));
        fits.then_some(Fit::Part)
    }

    fn is_email(&self, email: &str) -> bool {
        self.email.as_deref().is_some_and(|key| email_key(email) == key)
    }

    /// A number in any form is read only if its end is the one that is looked for: that takes long.
    fn is_phone(&self, phone: &str, rules: &Rules) -> bool {
        let Some((key, end)) = &self.phone else { return false };
        let mut digits = phone.bytes().rev().filter(u8::is_ascii_digit);
        end.bytes().rev().all(|wanted| digits.next() == Some(wanted))
            && phone_key(&rules.phones.canonical(phone)) == key.as_str()
    }
}

impl People<'_> {
    /// Looks for a person: the sourcedId first, then everything else among all accounts.
    ///
    /// # Errors
    /// Of the store. None repeats the text.
    pub fn find(&self, text: &str) -> Result<Found> {
        let as_match = |account: &Account| Match {
            sourced_id: account.sourced_id.clone(),
            name: account.details.shown(Field::Name),
            state: account.state_word().to_owned(),
            role: self.roles_of(account).join("|"),
        };
        if let Some(account) = self.store.account(&ids::encoded(text))? {
            return Ok(Found { count: 1, first: vec![as_match(&account)] });
        }
        let fitting = self.fitting(text)?;
        let best = fitting.iter().map(|(_, fit)| *fit).max();
        let mut found = Found::default();
        for (id, _) in fitting.into_iter().filter(|(_, fit)| Some(*fit) == best) {
            found.count += 1;
            if found.first.len() < NAMED {
                found.first.extend(self.store.account_by_id(id)?.as_ref().map(as_match));
            }
        }
        Ok(found)
    }

    /// The accounts that fit a text, by sourcedId: their numbers in the store, and how they fit.
    pub fn fitting(&self, text: &str) -> Result<Vec<(i64, Fit)>> {
        let wanted = Wanted::new(text, &self.rules);
        let mut fitting = Vec::new();
        self.store.each_findable(|person| {
            fitting.extend(wanted.fit(person, &self.rules).map(|fit| (person.id, fit)));
            Ok(())
        })?;
        Ok(fitting)
    }
}
