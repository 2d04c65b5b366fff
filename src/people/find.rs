//! Finds one person by a sourcedId, an email, a number, or a part of the name.

use serde::Serialize;

use super::People;
use crate::account::Account;
use crate::contact::{Contacts, Field, PersonName, email_key, phone_key};
use crate::failure::Result;
use crate::roster::ids;
use crate::rules::Rules;

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
    pub fn add(&mut self, person: impl FnOnce() -> Match) {
        self.count += 1;
        if self.first.len() < NAMED {
            self.first.push(person());
        }
    }
}

pub struct Wanted {
    text: String,
    email: Option<String>,
    phone: Option<String>,
    /// Words of a name, in small letters.
    words: Vec<String>,
}

/// Small letters, without what cannot be seen.
fn folded(text: &str) -> String {
    PersonName::new(text, "").given.to_lowercase()
}

impl Wanted {
    pub fn new(text: &str, rules: &Rules) -> Self {
        let text = text.trim();
        let digits = text.bytes().filter(u8::is_ascii_digit).count();
        Self {
            text: text.to_owned(),
            email: text.contains('@').then(|| email_key(text).into_owned()),
            phone: (digits >= 7).then(|| phone_key(&rules.phones.canonical(text)).to_owned()),
            words: folded(text).split_whitespace().map(str::to_owned).collect(),
        }
    }

    /// Whether a person with these details is meant. What the SIS says counts as well as what is on the account: the caller
    /// knows one of them.
    pub fn fits(&self, details: &Contacts<'_>, sis: &Contacts<'_>, identifier: &str, rules: &Rules) -> bool {
        if self.text.is_empty() {
            return false;
        }
        if let Some(wanted) = &self.email {
            let same = |email: &str| !email.is_empty() && email_key(email) == wanted.as_str();
            return same(details.email) || same(sis.email);
        }
        if !identifier.is_empty() && identifier.eq_ignore_ascii_case(&self.text) {
            return true;
        }
        if let Some(wanted) = &self.phone {
            let same = |phone: &str| !phone.is_empty() && phone_key(phone) == wanted.as_str();
            let said = |phone: &str| !phone.is_empty() && same(&rules.phones.canonical(phone));
            return same(details.phone)
                || same(details.home_phone)
                || said(sis.phone)
                || said(sis.home_phone);
        }
        let within = |name: &str| {
            let name = folded(name);
            !name.is_empty() && self.words.iter().all(|word| name.contains(word.as_str()))
        };
        !self.words.is_empty() && (within(&details.shown(Field::Name)) || within(&sis.shown(Field::Name)))
    }

    pub fn fits_account(&self, account: &Account, rules: &Rules) -> bool {
        let sis = &account.sis;
        let [given_name, family_name, email, phone, home_phone] =
            [&sis.given_name, &sis.family_name, &sis.email, &sis.sms, &sis.phone]
                .map(|cell| cell.as_deref().unwrap_or_default());
        self.fits(
            &account.details.borrowed(),
            &Contacts { given_name, family_name, email, phone, home_phone },
            sis.identifier.as_deref().unwrap_or_default(),
            rules,
        )
    }
}

impl People<'_> {
    /// Looks for a person: the sourcedId first, then everything else among all accounts.
    pub fn find(&self, text: &str) -> Result<Found> {
        let as_match = |account: &Account| Match {
            sourced_id: account.sourced_id.clone(),
            name: account.details.shown(Field::Name),
            state: account.state_word().to_owned(),
            role: self.roles_of(account).join("|"),
        };
        let mut found = Found::default();
        if let Some(account) = self.store.account(&ids::encoded(text))? {
            found.add(|| as_match(&account));
            return Ok(found);
        }
        let wanted = Wanted::new(text, &self.rules);
        self.store.each_account(|account| {
            if wanted.fits_account(account, &self.rules) {
                found.add(|| as_match(account));
            }
            Ok(())
        })?;
        Ok(found)
    }
}
