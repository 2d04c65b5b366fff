//! A mail address with a name before it, as people write it in a configuration: `Lincoln District <office@lincoln.example>`.
//!
//! It is read by what makes headers of it, so a name that a header cannot hold is found when the configuration is read, and
//! not when people are to be told.

use std::fmt;

use lettre::Address;
use lettre::message::Mailbox as Sender;

use crate::contact::Email;

#[derive(Clone, PartialEq, Eq)]
pub struct Mailbox(Sender);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoMailbox {
    NoAddress,
    TwoAddresses,
    /// A quotation mark in the name is not closed.
    OpenQuote,
    /// A line break or another control character.
    Control,
}

impl NoMailbox {
    /// What is wrong, after the text itself.
    pub fn words(self) -> &'static str {
        match self {
            Self::NoAddress => "is not a mail address",
            Self::TwoAddresses => "has two mail addresses",
            Self::OpenQuote => "has a quotation mark that is not closed",
            Self::Control => "has a character that no header can hold",
        }
    }
}

impl Mailbox {
    /// Reads an address, alone or after a name. A name with a comma, a colon or parentheses needs no quotation marks: the
    /// header gets them.
    pub fn parse(text: &str) -> Result<Self, NoMailbox> {
        let text = text.trim();
        if text.contains(char::is_control) {
            return Err(NoMailbox::Control);
        }
        let (name, address) = match split_name(text)? {
            Some((name, address)) => (Some(name).filter(|name| !name.is_empty()), address),
            None => (None, text),
        };
        let Some(address) = address_of(address) else {
            return Err(match text.matches('@').count() {
                0 | 1 => NoMailbox::NoAddress,
                _ => NoMailbox::TwoAddresses,
            });
        };
        Ok(Self(Sender::new(name, address)))
    }

    /// The name before the address.
    pub fn name(&self) -> Option<&str> {
        self.0.name.as_deref()
    }

    pub fn address(&self) -> &Address {
        &self.0.email
    }

    /// For a header, which quotes or encodes the name where it has to be.
    pub fn sender(&self) -> Sender {
        self.0.clone()
    }
}

/// As the configuration has it.
impl fmt::Display for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            Some(name) => write!(f, "{name} <{}>", self.0.email),
            None => write!(f, "{}", self.0.email),
        }
    }
}

/// Shows the domain only, so that logs hold no addresses.
impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mailbox(…@{})", self.0.email.domain())
    }
}

/// Parsed as an address alone: what is in a roster must not become a list or a name. A domain with letters beyond ASCII is
/// written as the DNS has it, so that every server takes it.
pub fn address_of(text: &str) -> Option<Address> {
    let address = text.parse::<Address>().ok()?;
    Email::parse(text)?;
    if address.domain().is_ascii() {
        return Some(address);
    }
    let domain = idna::domain_to_ascii(address.domain()).ok()?;
    Address::new(address.user(), domain).ok()
}

fn split_name(text: &str) -> Result<Option<(String, &str)>, NoMailbox> {
    let (name, rest) = match text.strip_prefix('"') {
        Some(quoted) => {
            let (name, rest) = unquote(quoted).ok_or(NoMailbox::OpenQuote)?;
            (Some(name), rest.trim_start())
        }
        None => (None, text),
    };
    let Some((before, address)) = rest.rsplit_once('<') else {
        return if name.is_some() { Err(NoMailbox::NoAddress) } else { Ok(None) };
    };
    let Some(address) = address.strip_suffix('>') else {
        let another = address.contains('>') && address.contains('@');
        return Err(if another { NoMailbox::TwoAddresses } else { NoMailbox::NoAddress });
    };
    // `"Lincoln" District <…>`: what follows the quoted words is part of the name.
    let name = match name {
        Some(name) => format!("{name} {before}"),
        None => before.to_owned(),
    };
    let name = name.trim();
    let is_address = |word: &str| Email::parse(word.trim_matches(['<', '>', '(', ')', ':'])).is_some();
    if name.split([' ', ',', ';']).any(is_address) {
        return Err(NoMailbox::TwoAddresses);
    }
    if name.contains(['<', '>']) {
        return Err(NoMailbox::NoAddress);
    }
    Ok(Some((name.to_owned(), address.trim())))
}

/// What is between quotation marks, and what follows; none if the second one is missing.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((name, &text[at + 1..])),
            '\\' => name.push(chars.next()?.1),
            c => name.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use lettre::message::Mailboxes;
    use lettre::message::header::{From as FromHeader, Headers};
    use mail_parser::MessageParser;

    use super::*;

    /// Name and address as a mail program reads them from the header.
    fn read_back(text: &str) -> (String, String) {
        let mailbox = Mailbox::parse(text).unwrap_or_else(|wrong| panic!("{text}: {}", wrong.words()));
        let mut headers = Headers::new();
        headers.set(FromHeader::from(Mailboxes::from(mailbox.sender())));
        assert!(headers.to_string().is_ascii());
        let parsed = MessageParser::new().parse(format!("{headers}\r\nx").as_bytes()).unwrap().into_owned();
        let from: Vec<_> = parsed.from().unwrap().iter().collect();
        assert_eq!(from.len(), 1, "{text}: {headers}");
        (from[0].name().unwrap_or_default().to_owned(), from[0].address().unwrap_or_default().to_owned())
    }

    #[test]
    fn a_name_reaches_the_reader_as_it_is_written() {
        const OFFICE: &str = "o@lincoln.example";
        for (text, name) in [
            ("o@lincoln.example", ""),
            ("<o@lincoln.example>", ""),
            (" Lincoln  <o@lincoln.example> ", "Lincoln"),
            ("Lincoln District, Springfield <o@lincoln.example>", "Lincoln District, Springfield"),
            ("\"Lincoln District, Springfield\" <o@lincoln.example>", "Lincoln District, Springfield"),
            ("Lincoln: Office <o@lincoln.example>", "Lincoln: Office"),
            ("O'Brien School (main) <o@lincoln.example>", "O'Brien School (main)"),
            ("St. Mary School <o@lincoln.example>", "St. Mary School"),
            ("a;b@c <o@lincoln.example>", "a;b@c"),
            ("\"The \\\"old\\\" school\" <o@lincoln.example>", "The \"old\" school"),
            ("Lin\"coln <o@lincoln.example>", "Lin\"coln"),
            ("\"St. Mary\" School <o@lincoln.example>", "St. Mary School"),
            ("Müller & Söhne, Ämter 🎓 <o@lincoln.example>", "Müller & Söhne, Ämter 🎓"),
        ] {
            assert_eq!(read_back(text), (name.to_owned(), OFFICE.to_owned()), "{text}");
        }
        assert_eq!(read_back("o@münchen.example").1, "o@xn--mnchen-3ya.example");
    }

    #[test]
    fn what_is_not_one_address_is_refused() {
        use NoMailbox::{Control, NoAddress, OpenQuote, TwoAddresses};
        for (text, expected) in [
            ("Lincoln <no-reply@lincoln.example>, Other <x@lincoln.example>", TwoAddresses),
            ("help@lincoln.example, office@lincoln.example", TwoAddresses),
            ("help@lincoln.example; office@lincoln.example", TwoAddresses),
            ("help@lincoln.example office@lincoln.example", TwoAddresses),
            ("a@lincoln.example, Office <b@lincoln.example>", TwoAddresses),
            ("Office <b@lincoln.example> a@lincoln.example", TwoAddresses),
            ("Lincoln <no-reply@lincoln>", NoAddress),
            ("Lincoln", NoAddress),
            ("", NoAddress),
            ("Lincoln <no-reply@lincoln.example", NoAddress),
            ("a < b <o@lincoln.example>", NoAddress),
            ("\"Lincoln, Springfield <o@lincoln.example>", OpenQuote),
            ("Lincoln\nBcc: x@lincoln.example <o@lincoln.example>", Control),
            ("Lincoln\u{0} <o@lincoln.example>", Control),
        ] {
            assert_eq!(Mailbox::parse(text).map(|_| ()), Err(expected), "{text}");
        }
    }
}
