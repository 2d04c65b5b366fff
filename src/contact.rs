//! Contact details and their normal forms: when two values are the same although they are written differently.
//!
//! Formatting is not a change. Each type here knows how a value is kept and shown, and by which key it is compared.
//! Which changes are permitted is decided in [`crate::policy`].

mod damage;
mod email;
mod html;
mod invisible;
mod name;
mod phone;
mod sought;

pub use damage::{has_lost_letter, is_damaged, is_with_letters_lost};
pub use email::{Email, email_key};
pub use html::decode_html;
pub use invisible::{is_invisible, visible, visible_name};
pub use name::PersonName;
pub use phone::{Phone, PhoneReader, Region, phone_key};
pub use sought::Sought;

use std::borrow::Cow;

use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_64;

/// The contact details that the policy rules over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Field {
    /// Given and family name together: one field.
    Name,
    Email,
    /// The mobile: a credential, and where SMS go.
    Phone,
    /// Never a credential, never texted.
    HomePhone,
}

impl Field {
    /// In the order in which notes, changes and summaries list them.
    pub const ALL: [Self; 4] = [Self::Name, Self::Email, Self::Phone, Self::HomePhone];

    pub fn of_key(key: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.key() == key)
    }

    /// In the middle of a sentence: `phone number`.
    pub fn noun(self) -> &'static str {
        self.words()[0]
    }

    /// At the beginning of a sentence: `Phone number`.
    pub fn title(self) -> &'static str {
        self.words()[1]
    }

    /// In note codes: `home-phone`.
    pub fn code(self) -> &'static str {
        self.words()[2]
    }

    /// In JSON and in the store: `home_phone`.
    pub fn key(self) -> &'static str {
        self.words()[3]
    }

    /// In previews and plans: `home phone`.
    pub fn word(self) -> &'static str {
        self.words()[4]
    }

    const fn words(self) -> [&'static str; 5] {
        match self {
            Self::Name => ["name", "Name", "name", "name", "name"],
            Self::Email => ["email", "Email", "email", "email", "email"],
            Self::Phone => ["phone number", "Phone number", "phone", "phone", "phone"],
            Self::HomePhone => {
                ["home phone number", "Home phone number", "home-phone", "home_phone", "home phone"]
            }
        }
    }
}

/// An account's own contact details, each in the form in which it is kept and shown. Empty is "has none".
///
/// They are text and not [`Email`] and [`Phone`], because the platform may hold a value that is not valid; such a value
/// is kept and compared as it is.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Details {
    pub name: PersonName,
    pub email: String,
    /// E.164, with ` ext. N` after it if there is an extension.
    pub phone: String,
    pub home_phone: String,
}

/// Contact details borrowed from where they are kept: those of an account, or the cells of a record as they are there.
#[derive(Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contacts<'a> {
    pub given_name: &'a str,
    pub family_name: &'a str,
    pub email: &'a str,
    pub phone: &'a str,
    pub home_phone: &'a str,
}

impl<'a> Contacts<'a> {
    /// The field's value as notes show it; empty if there is none.
    pub fn shown(&self, field: Field) -> Cow<'a, str> {
        match field {
            Field::Name => format!("{} {}", self.given_name, self.family_name).trim().to_owned().into(),
            Field::Email => self.email.into(),
            Field::Phone => self.phone.into(),
            Field::HomePhone => self.home_phone.into(),
        }
    }
}

impl From<Contacts<'_>> for Details {
    fn from(contacts: Contacts<'_>) -> Self {
        let Contacts { given_name, family_name, email, phone, home_phone } = contacts;
        Self {
            name: PersonName { given: given_name.into(), family: family_name.into() },
            email: email.into(),
            phone: phone.into(),
            home_phone: home_phone.into(),
        }
    }
}

/// Personal data stays out of logs.
impl std::fmt::Debug for Contacts<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contacts")
    }
}

/// The hash by which equal credentials are found, of an email or a phone number as it is shown. None
/// if there is none; other fields are no credentials.
pub fn credential_hash(field: Field, shown: &str) -> Option<u64> {
    let key = match field {
        Field::Email => email_key(shown),
        Field::Phone => phone_key(shown).into(),
        Field::Name | Field::HomePhone => return None,
    };
    (!key.is_empty()).then(|| xxh3_64(key.as_bytes()))
}

impl Details {
    pub fn credential_hash(&self, field: Field) -> Option<u64> {
        match field {
            Field::Email => credential_hash(field, &self.email),
            Field::Phone => credential_hash(field, &self.phone),
            Field::Name | Field::HomePhone => None,
        }
    }

    pub fn borrowed(&self) -> Contacts<'_> {
        Contacts {
            given_name: &self.name.given,
            family_name: &self.name.family,
            email: &self.email,
            phone: &self.phone,
            home_phone: &self.home_phone,
        }
    }

    /// The field's value as notes show it; empty if there is none.
    pub fn shown(&self, field: Field) -> String {
        self.borrowed().shown(field).into_owned()
    }

    /// The field's value as the history keeps it: as shown, but the parts of a name apart.
    pub fn recorded(&self, field: Field) -> String {
        match field {
            Field::Name if self.name.is_empty() => String::new(),
            Field::Name => self.name.in_parts(),
            Field::Email | Field::Phone | Field::HomePhone => self.shown(field),
        }
    }

    /// Puts a value back that [`Details::recorded`] gave.
    pub fn put_recorded(&mut self, field: Field, text: &str) {
        match field {
            Field::Name => self.name = PersonName::from_parts(text),
            Field::Email => text.clone_into(&mut self.email),
            Field::Phone => text.clone_into(&mut self.phone),
            Field::HomePhone => text.clone_into(&mut self.home_phone),
        }
    }

    /// The field's value in normal form: equal for values that are the same. Upper and lower case of a
    /// name make no difference here.
    pub fn key(&self, field: Field) -> String {
        match field {
            Field::Name => self.name.key(),
            Field::Email => email_key(&self.email).into_owned(),
            Field::Phone => phone_key(&self.phone).to_owned(),
            Field::HomePhone => phone_key(&self.home_phone).to_owned(),
        }
    }

    pub fn take(&mut self, field: Field, other: &Self) {
        match field {
            Field::Name => self.name.clone_from(&other.name),
            Field::Email => self.email.clone_from(&other.email),
            Field::Phone => self.phone.clone_from(&other.phone),
            Field::HomePhone => self.home_phone.clone_from(&other.home_phone),
        }
    }

    pub fn has(&self, field: Field) -> bool {
        match field {
            Field::Name => !self.name.is_empty(),
            Field::Email => !self.email.is_empty(),
            Field::Phone => !self.phone.is_empty(),
            Field::HomePhone => !self.home_phone.is_empty(),
        }
    }

    /// Whether two fields hold the same value in normal form. Names that differ in case only are not the same here.
    pub fn same(&self, field: Field, other: &Self) -> bool {
        match field {
            Field::Name => self.name.same(&other.name),
            Field::Email => email_key(&self.email) == email_key(&other.email),
            Field::Phone => phone_key(&self.phone) == phone_key(&other.phone),
            Field::HomePhone => phone_key(&self.home_phone) == phone_key(&other.home_phone),
        }
    }
}

/// By what two accounts seem to be one person's: a hash of the name with the email, and one of the name with the mobile.
pub fn likeness_keys(details: &Details) -> [Option<u64>; 2] {
    let name = details.name.key();
    let key = |kind: &str, credential: &str| {
        let known = !name.is_empty() && !credential.is_empty();
        known.then(|| xxh3_64(format!("{kind}\t{name}\t{credential}").as_bytes()))
    };
    [key("email", &email_key(&details.email)), key("phone", phone_key(&details.phone))]
}

/// Personal data stays out of logs and panics: only which fields are filled is shown.
impl std::fmt::Debug for Details {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(Field::ALL.iter().filter(|field| self.has(**field))).finish()
    }
}
