//! When two values are one person's: only valid ones tell, in the form in which they are compared
//! everywhere.

use std::fmt;

use xxhash_rust::xxh3::xxh3_64;

use crate::contact::{Email, PhoneReader, email_key};

/// Reads emails and numbers of one district.
pub struct Reader {
    pub phones: PhoneReader,
    /// Whether an email is a placeholder, which identifies no person.
    pub is_ignored: Box<dyn Fn(&str) -> bool + Send + Sync>,
}

impl Reader {
    /// By what an email is known, if it is one.
    pub(super) fn email(&self, text: &str) -> Option<u64> {
        let email = Email::parse(text).filter(|_| !(self.is_ignored)(text.trim()))?;
        Some(hashed("email", &email_key(email.as_str())))
    }

    /// By what a number is known, if it is one.
    pub(super) fn number(&self, text: &str) -> Option<u64> {
        Some(hashed("number", self.phones.parse(text)?.e164()))
    }
}

impl fmt::Debug for Reader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Reader").field("phones", &self.phones).finish_non_exhaustive()
    }
}

fn hashed(kind: &str, value: &str) -> u64 {
    xxh3_64(format!("{kind}\n{value}").as_bytes())
}

/// Something that two people of one name have in common only if they are one.
pub(super) fn mark(name: &str, detail: u64) -> u64 {
    xxh3_64(format!("{name}\n{detail:x}").as_bytes())
}
