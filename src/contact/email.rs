//! Email addresses: valid ones, and the key by which any two are compared.

use std::borrow::Cow;
use std::fmt;

use email_address::{EmailAddress, Options};
use unicode_normalization::{IsNormalized, UnicodeNormalization, is_nfc_quick};

/// A valid, sendable address, kept as received (trimmed).
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Longest address that SMTP can carry (RFC 5321 §4.5.3.1.3: a path of 256 octets with its angle brackets).
const MAX_LENGTH: usize = 254;

impl Email {
    /// Reads an address. `None` if it is not one that mail can be sent to: stricter than RFC 5322, since quoted local
    /// parts, domain literals and hosts without a dot are always mistakes in a roster.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | ',' | ';' | '\\');
        if text.len() > MAX_LENGTH || text.contains(odd) {
            return None;
        }
        EmailAddress::parse_with_options(text, options).ok()?;
        Some(Self(text.to_owned()))
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<Email> for String {
    fn from(email: Email) -> Self {
        email.0
    }
}

/// Shows the domain only, so that logs hold no addresses.
impl fmt::Debug for Email {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Email(…@{})", self.0.rsplit('@').next().unwrap_or_default())
    }
}

/// The key by which addresses are compared: trimmed, NFC, without case. Works on invalid text as well.
pub fn email_key(text: &str) -> Cow<'_, str> {
    let text = text.trim();
    if text.is_ascii() {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let normal = match is_nfc_quick(text.chars()) {
        IsNormalized::Yes => text.to_lowercase(),
        IsNormalized::No | IsNormalized::Maybe => text.nfc().collect::<String>().to_lowercase(),
    };
    // Lower-casing can take a text out of NFC again (İ becomes two characters).
    Cow::Owned(normal.nfc().collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinary_addresses_are_valid() {
        for good in
            ["rosa.diaz@mail.example", " pato'keefe@school.example ", "a+b@x.co", "josé@correo.example"]
        {
            assert!(Email::parse(good).is_some(), "{good}");
        }
        assert_eq!(
            Email::parse(" Rosa@Mail.Example ").map(String::from).as_deref(),
            Some("Rosa@Mail.Example")
        );
    }

    #[test]
    fn mistakes_are_not_addresses() {
        let long = format!("{}@x.example", "a".repeat(65));
        for bad in [
            "",
            "none",
            "a@b",
            "a..b@c.example",
            "a b@c.example",
            "a@c.example, d@c.example",
            "Rosa <r@c.example>",
            "\"a b\"@c.example",
            "a@[10.0.0.1]",
            "a@c.example\r\nBcc: x@y.example",
            "@c.example",
            "a@",
            "a@.example",
            &long,
        ] {
            assert!(Email::parse(bad).is_none(), "{bad:?}");
        }
    }

    #[test]
    fn case_and_unicode_form_make_no_difference() {
        assert_eq!(email_key(" Rosa.Diaz@MAIL.example"), email_key("rosa.diaz@mail.example"));
        assert_eq!(email_key("jose\u{301}@x.example"), email_key("JOSÉ@x.example"));
        assert_ne!(email_key("rosa@x.example"), email_key("rosa@y.example"));
    }

    #[test]
    fn debug_output_hides_the_person() {
        assert_eq!(format!("{:?}", Email::parse("rosa@x.example").unwrap()), "Email(…@x.example)");
    }
}
