//! What a record says of each field, read by the district's rules.

use crate::config::PhoneCredential;
use crate::contact::{Contacts, Details, Email, Field, PersonName, is_damaged, is_with_letters_lost};
use crate::policy::Sis;
use crate::roster::Record;
use crate::rules::Rules;

#[derive(Clone, PartialEq, Eq)]
pub(super) enum Value<T> {
    NotProvided,
    Blank,
    Invalid(String),
    Is(T),
}

impl<T: Clone + Default> Value<T> {
    fn invalid(&self) -> Option<&str> {
        if let Self::Invalid(text) = self { Some(text) } else { None }
    }

    fn kind(&self) -> Sis {
        match self {
            Self::NotProvided => Sis::NotProvided,
            Self::Blank => Sis::Blank,
            Self::Invalid(_) => Sis::Invalid,
            Self::Is(_) => Sis::Differs,
        }
    }

    fn or_default(&self) -> T {
        if let Self::Is(value) = self { value.clone() } else { T::default() }
    }
}

/// The raw cells of a record, each under the field that it is for.
#[derive(Clone, Copy)]
pub(super) struct Cells<'a> {
    pub(super) given_name: Option<&'a str>,
    pub(super) family_name: Option<&'a str>,
    pub(super) email: Option<&'a str>,
    pub(super) phone: Option<&'a str>,
    pub(super) home_phone: Option<&'a str>,
}

impl<'a> Cells<'a> {
    pub(super) fn of(record: &Record<'a>, credential: PhoneCredential) -> Self {
        let (phone, home_phone) = match credential {
            PhoneCredential::Sms => (record.sms, record.phone),
            PhoneCredential::Phone => (record.phone, None),
            PhoneCredential::SmsThenPhone => match record.sms {
                Some(sms) if !sms.is_empty() => (Some(sms), record.phone),
                // Neither column: not provided. One of them: that one, blank or not.
                Some(_) | None => (record.phone.or(record.sms), None),
            },
        };
        Self {
            given_name: record.given_name,
            family_name: record.family_name,
            email: record.email,
            phone,
            home_phone,
        }
    }

    pub(super) fn shown(self) -> Contacts<'a> {
        let text = Option::unwrap_or_default;
        Contacts {
            given_name: text(self.given_name),
            family_name: text(self.family_name),
            email: text(self.email),
            phone: text(self.phone),
            home_phone: text(self.home_phone),
        }
    }
}

#[derive(Clone)]
pub(super) struct SisValues {
    /// With the account's part where only one part is given.
    pub(super) name: Value<PersonName>,
    pub(super) email: Value<String>,
    pub(super) phone: Value<String>,
    pub(super) home_phone: Value<String>,
}

impl SisValues {
    pub(super) fn read(cells: Cells<'_>, account: &PersonName, rules: &Rules) -> Self {
        Self {
            name: name(cells, account),
            email: email(cells.email, rules),
            phone: phone(cells.phone, rules),
            home_phone: phone(cells.home_phone, rules),
        }
    }

    pub(super) fn invalid(&self, field: Field) -> Option<&str> {
        match field {
            Field::Name => self.name.invalid(),
            Field::Email => self.email.invalid(),
            Field::Phone => self.phone.invalid(),
            Field::HomePhone => self.home_phone.invalid(),
        }
    }

    /// What the record says of a field, before it is held against an account.
    pub(super) fn kind(&self, field: Field) -> Sis {
        match field {
            Field::Name => self.name.kind(),
            Field::Email => self.email.kind(),
            Field::Phone => self.phone.kind(),
            Field::HomePhone => self.home_phone.kind(),
        }
    }

    /// The values as details of an account, for the fields that have one.
    pub(super) fn details(&self) -> Details {
        Details {
            name: self.name.or_default(),
            email: self.email.or_default(),
            phone: self.phone.or_default(),
            home_phone: self.home_phone.or_default(),
        }
    }
}

fn name(cells: Cells<'_>, account: &PersonName) -> Value<PersonName> {
    let (given, family) = (cells.given_name.unwrap_or_default(), cells.family_name.unwrap_or_default());
    let mut read = PersonName::new(given, family);
    if is_damaged(given) || is_damaged(family) || is_what_is_left_of(&read, account) {
        return Value::Invalid(read.to_string());
    }
    if let Some(bare) = without_marks(&read, account) {
        read = bare;
    }
    match (read.given.is_empty(), read.family.is_empty()) {
        (false, false) => Value::Is(read),
        // The account's part stands.
        (true, false) => Value::Is(PersonName { given: account.given.clone(), ..read }),
        (false, true) => Value::Is(PersonName { family: account.family.clone(), ..read }),
        (true, true) if cells.given_name.is_none() || cells.family_name.is_none() => Value::NotProvided,
        (true, true) => Value::Blank,
    }
}

/// Whether a name is the account's with question marks in place of letters: `Fran?ois` for
/// `François`.
fn is_what_is_left_of(name: &PersonName, account: &PersonName) -> bool {
    let lost = |part: &str, whole: &str| part == whole || is_with_letters_lost(part, whole);
    (name.given.contains('?') || name.family.contains('?'))
        && (!name.given.contains('?') || lost(&name.given, &account.given))
        && (!name.family.contains('?') || lost(&name.family, &account.family))
}

/// The account's name, if the other one has an apostrophe more, by which a spreadsheet marks a
/// text. Only what the account has says whether it is a mark: `'t Hart` is a name.
fn without_marks(name: &PersonName, account: &PersonName) -> Option<PersonName> {
    let parts = [&name.given, &name.family];
    if !parts.iter().any(|part| part.starts_with('\'')) {
        return None;
    }
    let [given, family] = parts.map(|part| part.strip_prefix('\'').unwrap_or(part));
    let all = [(given, family), (given, &*name.family), (&*name.given, family)];
    all.map(|(given, family)| PersonName::new(given, family))
        .into_iter()
        .find(|bare| bare.same_but_case(account))
}

pub(super) fn email(cell: Option<&str>, rules: &Rules) -> Value<String> {
    match cell {
        None => Value::NotProvided,
        Some("") => Value::Blank,
        Some(text) if rules.ignore_emails.matches(text) => Value::NotProvided,
        Some(text) => match Email::parse(text) {
            Some(email) => Value::Is(email.into()),
            None => Value::Invalid(text.to_owned()),
        },
    }
}

fn phone(cell: Option<&str>, rules: &Rules) -> Value<String> {
    match cell {
        None => Value::NotProvided,
        Some("") => Value::Blank,
        Some(text) => match rules.phones.parse(text) {
            Some(phone) => Value::Is(phone.into()),
            None => Value::Invalid(text.to_owned()),
        },
    }
}
