//! Details as a person typed them, read and normalised as on import.

use super::Refused;
use crate::contact::{Details, Email, Field, PersonName, email_key};
use crate::rules::Rules;

/// Characters that a value can have. No name has more, and a value is mailed, printed and kept for good.
const LONGEST: usize = 255;

/// The typed details. `None`: the detail stays; empty: it is cleared.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Typed {
    pub given_name: Option<String>,
    pub family_name: Option<String>,
    pub email: Option<String>,
    pub phone: Option<String>,
    pub home_phone: Option<String>,
}

/// Personal data stays out of logs and panics.
impl std::fmt::Debug for Typed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Typed(…)")
    }
}

impl Typed {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The details with what was typed in place of what was there.
    ///
    /// # Errors
    /// The first value that cannot be used.
    pub fn apply(&self, details: &Details, rules: &Rules) -> Result<Details, Refused> {
        let values = [&self.given_name, &self.family_name, &self.email, &self.phone, &self.home_phone];
        if values.into_iter().flatten().any(|value| value.chars().count() > LONGEST) {
            return Err(Refused::TooLong);
        }
        let mut after = details.clone();
        if self.given_name.is_some() || self.family_name.is_some() {
            let part = |typed: &Option<String>, own: &str| typed.clone().unwrap_or_else(|| own.to_owned());
            after.name = PersonName::new(
                &part(&self.given_name, &details.name.given),
                &part(&self.family_name, &details.name.family),
            );
            if after.name.is_empty() {
                return Err(Refused::Invalid(Field::Name));
            }
        }
        if let Some(typed) = &self.email {
            let email = read_email(typed, rules)?;
            // Upper and lower case make no other address.
            if email_key(&email) != email_key(&details.email) {
                after.email = email;
            }
        }
        for (typed, field) in [(&self.phone, Field::Phone), (&self.home_phone, Field::HomePhone)] {
            if let Some(typed) = typed {
                after.put_recorded(field, &read_phone(typed, field, rules)?);
            }
        }
        let had = has_credential(details, rules);
        if had && !has_credential(&after, rules) {
            return Err(Refused::LastCredential);
        }
        Ok(after)
    }
}

fn read_email(typed: &str, rules: &Rules) -> Result<String, Refused> {
    match typed.trim() {
        "" => Ok(String::new()),
        text if rules.ignore_emails.matches(text) => Err(Refused::Placeholder),
        text => Email::parse(text).map(String::from).ok_or(Refused::Invalid(Field::Email)),
    }
}

fn read_phone(typed: &str, field: Field, rules: &Rules) -> Result<String, Refused> {
    match typed.trim() {
        "" => Ok(String::new()),
        text => rules.phones.parse(text).map(|phone| phone.to_string()).ok_or(Refused::Invalid(field)),
    }
}

/// Whether there is anything to sign in with. Text that is no address and no number is nothing.
pub fn has_credential(details: &Details, rules: &Rules) -> bool {
    Email::parse(&details.email).is_some() || rules.phones.parse(&details.phone).is_some()
}
