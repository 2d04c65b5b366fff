//! Email addresses: valid ones, and the key by which any two are compared.

use std::borrow::Cow;
use std::fmt;

use email_address::{EmailAddress, Options};
use unicode_normalization::UnicodeNormalization;

use super::damage::is_damaged;
use super::invisible::visible;

/// A valid, sendable address, kept as received (trimmed).
#[derive(Clone, PartialEq, Eq)]
pub struct Email(String);

/// Longest address that SMTP can carry (RFC 5321 §4.5.3.1.3: a path of 256 octets with its angle brackets).
const MAX_LENGTH: usize = 254;

impl Email {
    /// Reads an address. `None` if it is not one that mail can be sent to: stricter than RFC 5322, since quoted local
    /// parts, domain literals and hosts without a dot are always mistakes in a roster. Characters that cannot be seen, and
    /// the apostrophe by which a spreadsheet marks a text, are no part of it.
    pub fn parse(text: &str) -> Option<Self> {
        let seen = visible(text);
        let text = without_mark(&seen);
        let options = Options::default().without_display_text().without_domain_literal().with_required_tld();
        let odd =
            |c: char| c.is_whitespace() || c.is_control() || matches!(c, '"' | '<' | '>' | ',' | ';' | '\\');
        if text.len() > MAX_LENGTH || text.contains(odd) || is_damaged(text) {
            return None;
        }
        let (_, domain) = text.rsplit_once('@')?;
        if !is_host(domain) {
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

/// Whether a domain is the name of a host that mail can go to: no address of the network, no underscore, and a top-level
/// domain that has letters.
fn is_host(domain: &str) -> bool {
    let label = |label: &str| {
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '-' || !c.is_ascii();
        !label.is_empty() && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(inside)
    };
    let last = domain.rsplit('.').next().unwrap_or_default();
    let top = last.chars().count() >= 2 && last.chars().next().is_some_and(|c| !c.is_ascii_digit());
    domain.contains('.') && top && domain.split('.').all(label)
}

/// Takes off the apostrophe that marks a cell as text, or the two around it. No address begins with one.
fn without_mark(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(bare) => bare.strip_suffix('\'').unwrap_or(bare).trim(),
        None => text,
    }
}

/// The key by which addresses are compared: trimmed, NFC, without case and without characters that cannot be seen, the
/// domain in the letters of ASCII that stand for it (`xn--…`). Works on invalid text as well.
pub fn email_key(text: &str) -> Cow<'_, str> {
    let text = without_mark(text.trim());
    if text.is_ascii() {
        if text.bytes().any(|b| b.is_ascii_uppercase()) {
            return Cow::Owned(text.to_ascii_lowercase());
        }
        return Cow::Borrowed(text);
    }
    let seen = visible(text);
    let seen = without_mark(&seen);
    // Lower-casing can take a text out of NFC again (İ becomes two characters).
    let normal: String = seen.nfc().collect::<String>().to_lowercase().nfc().collect();
    match normal.rsplit_once('@') {
        Some((local, domain)) if !domain.is_ascii() => match idna::domain_to_ascii(domain) {
            Ok(domain) => Cow::Owned(format!("{local}@{domain}")),
            Err(_) => Cow::Owned(normal),
        },
        Some(_) | None => Cow::Owned(normal),
    }
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
            "x@10.0.0.1",
            "x@[10.0.0.1]",
            "x@[IPv6:::1]",
            "x@mail.1",
            "x@mail.1a",
            "x@ma_il.example",
            "x@-mail.example",
            "x@mail-.example",
            "x@mail..example",
            "x@mail.example.",
            "x@mail.e",
            "x@y@mail.example",
            "x@mail.example/y@mail.example",
            "x@mail.example|y@mail.example",
            "x@mail.example y@mail.example",
            "x@mail.example;",
            "mailto:x@mail.example",
            "x @mail.example",
            "x@ mail.example",
            "x＠mail.example",
            "jos\u{FFFD}@mail.example",
            "josÃ©@mail.example",
            "''",
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
    fn what_cannot_be_seen_and_marks_of_spreadsheets_are_no_part_of_an_address() {
        for written in [
            "rosa@mail.example\u{200B}",
            "\u{FEFF}rosa@mail.example",
            "ro\u{AD}sa@ma\u{2060}il.example",
            "\u{202A}rosa@mail.example\u{202C}\u{200E}",
            "\u{A0}rosa@mail.example ",
            "'rosa@mail.example",
            "'rosa@mail.example'",
            "\u{200B}'rosa@mail.example",
        ] {
            assert_eq!(
                Email::parse(written).map(String::from).as_deref(),
                Some("rosa@mail.example"),
                "{written:?}"
            );
            assert_eq!(email_key(written), "rosa@mail.example", "{written:?}");
        }
        for apostrophe in ["tom.o'keefe@mail.example", "d'angelo@mail.example"] {
            assert_eq!(Email::parse(apostrophe).map(String::from).as_deref(), Some(apostrophe));
        }
    }

    #[test]
    fn a_domain_is_the_same_in_its_own_letters_and_in_those_of_ascii() {
        assert_eq!(email_key("tom@bücher.example"), email_key("Tom@XN--BCHER-KVA.example"));
        assert_eq!(email_key("tom@bu\u{308}cher.example"), "tom@xn--bcher-kva.example");
        assert_ne!(email_key("tom@bücher.example"), email_key("tom@bucher.example"));
        assert!(
            Email::parse("tom@bücher.example").is_some()
                && Email::parse("tom@xn--bcher-kva.example").is_some()
        );
        assert_eq!(email_key("josé@mail.example"), "josé@mail.example");
    }

    #[test]
    fn debug_output_hides_the_person() {
        assert_eq!(format!("{:?}", Email::parse("rosa@x.example").unwrap()), "Email(…@x.example)");
    }
}
