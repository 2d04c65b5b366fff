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
        if is_plain(text) {
            return Some(Self(text.to_owned()));
        }
        Self::parse_any(text)
    }

    fn parse_any(text: &str) -> Option<Self> {
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

/// Whether a text is an address in which there is nothing to be found out, as nearly all are: words of letters, digits,
/// `_`, `+` and `-` between single dots, and a host of such words that ends with letters.
fn is_plain(text: &str) -> bool {
    let Some((local, domain)) = text.split_once('@') else { return false };
    let word = |inside: fn(u8) -> bool, most: usize| {
        move |word: &str| (1..=most).contains(&word.len()) && word.bytes().all(inside)
    };
    let atom = word(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'+' | b'-'), 64);
    let label = word(|byte| byte.is_ascii_alphanumeric(), 63);
    let Some((_, top)) = domain.rsplit_once('.') else { return false };
    local.len() <= 64
        && text.len() <= MAX_LENGTH
        && top.len() >= 2
        && top.bytes().all(|byte| byte.is_ascii_alphabetic())
        && local.split('.').all(atom)
        && domain.split('.').all(|part| part.split('-').all(label) && part.len() <= 63)
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
    fn what_is_plain_is_an_address_to_every_check() {
        let mut dice = fastrand::Rng::with_seed(11);
        let parts = ["a", "B", "9", ".", "-", "_", "+", "mail", "example", "co", "x1", "@", " ", "'", "é"];
        let mut plain = 0;
        for _ in 0..20_000 {
            let mut some =
                || -> String { (0..dice.usize(1..4)).map(|_| parts[dice.usize(..parts.len())]).collect() };
            let text = format!("{}@{}.{}", some(), some(), some());
            if is_plain(&text) {
                assert_eq!(Email::parse_any(&text).map(String::from), Some(text.clone()), "{text}");
                plain += 1;
            }
        }
        assert!(plain > 100, "{plain}");
        for length in 60..70 {
            let (local, label) = ("a".repeat(length), "b".repeat(length));
            for text in [
                format!("{local}@x.co"),
                format!("a@{label}.co"),
                format!("a@{label}.{label}.{label}.{label}.co"),
            ] {
                assert!(!is_plain(&text) || Email::parse_any(&text).is_some(), "{text}");
            }
        }
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
