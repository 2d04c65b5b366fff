//! Phone numbers: parsed to E.164 with the district's region, and compared without their extension.

use std::fmt;
use std::str::FromStr;

use rlibphonenumber::{PHONE_NUMBER_UTIL, PhoneNumber, PhoneNumberFormat};

/// The region whose numbers may be written without a country code: `US`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(rlibphonenumber::Region);

impl Region {
    pub const US: Self = Self(rlibphonenumber::Region::US);
}

impl FromStr for Region {
    type Err = String;

    /// Reads an ISO 3166 code (`US`, `CA`).
    fn from_str(code: &str) -> Result<Self, Self::Err> {
        let region = rlibphonenumber::Region::from_str(&code.to_ascii_uppercase());
        match region {
            Ok(region) if has_numbers(region) => Ok(Self(region)),
            Ok(_) | Err(_) => Err(format!("`{code}` is not a region code such as \"US\" or \"CA\"")),
        }
    }
}

/// Whether the library knows numbers of the region: its list of codes also holds those that belong to nobody.
fn has_numbers(region: rlibphonenumber::Region) -> bool {
    // The list of regions is part of the metadata; the usual ones are not worth the time that it takes to load.
    let usual = [rlibphonenumber::Region::US, rlibphonenumber::Region::CA];
    usual.contains(&region) || PHONE_NUMBER_UTIL.get_supported_regions().any(|known| known == region)
}

/// A valid number.
#[derive(Clone, PartialEq, Eq)]
pub struct Phone {
    e164: String,
    extension: Option<String>,
}

impl Phone {
    /// `+17185554567`, without the extension.
    pub fn e164(&self) -> &str {
        &self.e164
    }

    pub fn extension(&self) -> Option<&str> {
        self.extension.as_deref()
    }
}

/// As accounts keep and show it: `+17185554567 ext. 12`.
impl fmt::Display for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.e164)?;
        match &self.extension {
            Some(extension) => write!(f, "{EXTENSION}{extension}"),
            None => Ok(()),
        }
    }
}

/// Shows the country code at most, so that logs hold no numbers.
impl fmt::Debug for Phone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Phone({}…)", self.e164.get(..2).unwrap_or_default())
    }
}

const EXTENSION: &str = " ext. ";

/// The key by which numbers are compared: what [`Phone`] shows, without the extension. Text that is not a number is its
/// own key.
pub fn phone_key(shown: &str) -> &str {
    shown.split(EXTENSION).next().unwrap_or_default().trim()
}

/// Reads numbers of one district.
///
/// The library's metadata takes milliseconds to load and is loaded by the first number that is parsed.
#[derive(Debug, Clone, Copy)]
pub struct PhoneReader {
    region: Region,
}

impl PhoneReader {
    pub fn new(region: Region) -> Self {
        Self { region }
    }

    /// Reads a number as people write it. `None` if it is not valid for its region: never guessed.
    pub fn parse(self, text: &str) -> Option<Phone> {
        let bare = without_remark(text.trim());
        if bare.is_empty() {
            return None;
        }
        let number = PhoneNumber::parse(bare, Some(self.region.0)).ok()?;
        // Parsing alone accepts almost anything: trailing letters become digits.
        if !number.is_valid() {
            return None;
        }
        let e164 = number.format_as(PhoneNumberFormat::E164).into_owned();
        let extension = number.extension().to_owned();
        Some(Phone { e164, extension: Some(extension).filter(|extension| !extension.is_empty()) })
    }

    /// The form in which an account keeps a number: E.164 if it is valid, otherwise the text itself, trimmed.
    pub fn canonical(self, text: &str) -> String {
        self.parse(text).map_or_else(|| text.trim().to_owned(), |phone| phone.to_string())
    }
}

/// Cuts a trailing remark off: `(718) 555-4567 Work`, `718-555-4567 (mom)`.
///
/// Letters that spell the number itself (`1-800-FLOWERS`) are not a remark: one can only follow at least seven digits.
fn without_remark(text: &str) -> &str {
    let Some(last_digit) = text.rfind(|c: char| c.is_numeric()) else { return text };
    let tail_start = last_digit + text[last_digit..].chars().next().map_or(1, char::len_utf8);
    let tail = &text[tail_start..];
    let digits = text[..tail_start].chars().filter(|c| c.is_numeric()).count();
    if digits >= 7 && tail.chars().any(char::is_alphabetic) { text[..tail_start].trim_end() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> Option<String> {
        PhoneReader::new("US".parse().unwrap()).parse(text).map(|phone| phone.to_string())
    }

    #[test]
    fn formatting_makes_no_difference() {
        for same in [
            "(718) 555-4567",
            "718.555.4567",
            "+17185554567",
            "1-718-555-4567",
            " 7185554567 ",
            "tel:+1-718-555-4567",
            "718-555-4567 Work",
            "(718) 555-4567 (mom)",
            "718-555-4567 - cell",
            "718 555 4567 c",
            "Cell: 718-555-4567",
            "７１８５５５４５６７",
        ] {
            assert_eq!(us(same).as_deref(), Some("+17185554567"), "{same}");
        }
    }

    #[test]
    fn extensions_are_kept_and_not_compared() {
        for written in
            ["718-555-4567 x12", "718-555-4567 ext. 12", "(718) 555-4567 #12", "+17185554567 ext. 12"]
        {
            assert_eq!(us(written).as_deref(), Some("+17185554567 ext. 12"), "{written}");
        }
        assert_eq!(phone_key("+17185554567 ext. 12"), phone_key("+17185554567"));
        assert_ne!(phone_key("+17185554567"), phone_key("+17185554568"));
    }

    #[test]
    fn what_is_not_valid_is_never_guessed() {
        for bad in [
            "",
            "none",
            "555-4567",
            "911",
            "123-456-7890",
            "1111111111",
            "0000000000",
            "718-555-4567 / 718-555-4568",
            "10273841983",
            "(950) 336 66",
            "ask office",
            "12",
        ] {
            assert_eq!(us(bad), None, "{bad}");
        }
    }

    #[test]
    fn test_numbers_and_other_regions_are_valid() {
        assert_eq!(us("718-555-0142").as_deref(), Some("+17185550142"));
        assert_eq!(us("+44 20 7946 0958").as_deref(), Some("+442079460958"));
        let gb = PhoneReader::new("gb".parse().unwrap());
        assert_eq!(gb.parse("020 7946 0958").unwrap().e164(), "+442079460958");
        assert!("XX".parse::<Region>().is_err());
    }

    #[test]
    fn vanity_numbers_keep_their_letters() {
        assert_eq!(us("1-800-FLOWERS").as_deref(), Some("+18003569377"));
    }

    #[test]
    fn canonical_keeps_what_is_not_valid() {
        let reader = PhoneReader::new("US".parse().unwrap());
        assert_eq!(reader.canonical(" 555-4567 "), "555-4567");
        assert_eq!(reader.canonical("(718) 555-4567"), "+17185554567");
    }
}
