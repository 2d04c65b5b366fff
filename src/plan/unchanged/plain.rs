//! Details that follow from a record: names and email letter by letter, numbers in E.164. On most
//! nights that holds for nearly all people.

use crate::contact::{Contacts, Details, Field};
use crate::plan::sis::Cells;

#[derive(Clone, Copy)]
pub(super) struct Number {
    text: [u8; 16],
    length: usize,
}

impl Number {
    /// What an account would show for ten digits of North America, however they are set apart, or a
    /// number in E.164. Only a guess: whether an account does show this is to be seen from the
    /// account.
    fn read(cell: &str) -> Option<Self> {
        let mut number = Self { text: [0; 16], length: 0 };
        if cell.is_empty() {
            return Some(number);
        }
        let international = cell.starts_with('+');
        number.text[..2].copy_from_slice(b"+1");
        number.length = if international { 1 } else { 2 };
        for byte in cell.bytes().skip(usize::from(international)) {
            match byte {
                b'0'..=b'9' => {
                    *number.text.get_mut(number.length)? = byte;
                    number.length += 1;
                }
                b' ' | b'(' | b')' | b'-' | b'.' if !international => {}
                _ => return None,
            }
        }
        if international || number.length == 12 {
            return Some(number);
        }
        // Eleven digits, the first of them the country's.
        let whole = number.length == 13 && number.text[2] == b'1';
        if !whole {
            return None;
        }
        number.text.copy_within(2..13, 1);
        number.length = 12;
        Some(number)
    }

    pub(super) fn as_str(&self) -> &str {
        std::str::from_utf8(&self.text[..self.length]).unwrap_or_default()
    }
}

/// A number as an account would show it, if that needs no parsing.
pub(in crate::plan) fn plain_number(cell: &str) -> Option<String> {
    Number::read(cell).map(|number| number.as_str().to_owned())
}

pub(super) struct Plain<'a> {
    pub(super) given_name: &'a str,
    pub(super) family_name: &'a str,
    pub(super) email: &'a str,
    pub(super) phone: Number,
    pub(super) home_phone: Number,
}

impl<'a> Plain<'a> {
    pub(super) fn read(cells: Cells<'a>) -> Option<Self> {
        let text = |cell: Option<&'a str>| cell.unwrap_or_default();
        Some(Self {
            given_name: text(cells.given_name),
            family_name: text(cells.family_name),
            email: text(cells.email),
            phone: Number::read(text(cells.phone))?,
            home_phone: Number::read(text(cells.home_phone))?,
        })
    }

    pub(super) fn shown(&self) -> Contacts<'_> {
        Contacts {
            given_name: self.given_name,
            family_name: self.family_name,
            email: self.email,
            phone: self.phone.as_str(),
            home_phone: self.home_phone.as_str(),
        }
    }

    pub(super) fn matches(&self, details: &Details) -> bool {
        Field::ALL.into_iter().all(|field| match field {
            Field::Name => self.given_name == details.name.given && self.family_name == details.name.family,
            Field::Email => self.email == details.email,
            Field::Phone => self.phone.as_str() == details.phone,
            Field::HomePhone => self.home_phone.as_str() == details.home_phone,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(cell: &str) -> Option<String> {
        Number::read(cell).map(|number| number.as_str().to_owned())
    }

    #[test]
    fn numbers_that_need_no_parsing() {
        for same in ["(718) 555-4567", "718.555.4567", "+17185554567", "1-718-555-4567", "7185554567"] {
            assert_eq!(shown(same).as_deref(), Some("+17185554567"), "{same}");
        }
        assert_eq!(shown("").as_deref(), Some(""));
        assert_eq!(shown("+442079460958").as_deref(), Some("+442079460958"));
        for other in
            ["555-4567", "2-718-555-4567", "718-555-4567 x12", "+1 718 555 4567", "none", "+1234567890123456"]
        {
            assert_eq!(shown(other), None, "{other}");
        }
    }
}
