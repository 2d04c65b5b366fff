//! Phone numbers: parsed to E.164 with the district's region, and compared without their extension.

use std::fmt;
use std::str::FromStr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rlibphonenumber::{PhoneNumber, PhoneNumberFormat, PhoneNumberType, PhoneNumberUtil};

use super::invisible::visible;

/// The region whose numbers may be written without a country code: `US`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Region(rlibphonenumber::Region);

impl Region {
    pub const US: Self = Self(rlibphonenumber::Region::US);
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
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

/// Whether the library knows numbers of the region: its list of codes also holds unused ones.
fn has_numbers(region: rlibphonenumber::Region) -> bool {
    // The list of regions is part of the metadata; the usual ones are not worth the time that it takes to load.
    let usual = [rlibphonenumber::Region::US, rlibphonenumber::Region::CA];
    usual.contains(&region)
        || with_library(|library| library.get_supported_regions().any(|known| known == region))
}

/// The phone library of a thread: its regular expressions let other threads wait for the one that
/// used them first. A thread that ends leaves it to the next one: compiling them again takes long.
struct Library(Option<PhoneNumberUtil>);

/// Area codes and exchanges of North America that were asked for last, and whether numbers of them
/// are valid. Their last four digits make no difference to the library, and a district has few
/// exchanges. Each at the place that its lowest bits say, twice its number and one more if valid.
/// All threads share them: one that reads only plain numbers needs no library of its own.
struct Exchanges([AtomicU32; Exchanges::PLACES]);

static EXCHANGES: Exchanges = Exchanges::new();

impl Exchanges {
    const PLACES: usize = 4096;

    const fn new() -> Self {
        Self([const { AtomicU32::new(0) }; Self::PLACES])
    }

    fn is_valid(&self, national_number: u64, look: impl FnOnce() -> bool) -> bool {
        let Ok(exchange) = u32::try_from(national_number / 10_000) else { return look() };
        let place = &self.0[exchange as usize % Self::PLACES];
        let mut known = place.load(Ordering::Relaxed);
        if known / 2 != exchange {
            known = exchange * 2 + u32::from(look());
            place.store(known, Ordering::Relaxed);
        }
        known % 2 == 1
    }
}

static IDLE: Mutex<Vec<PhoneNumberUtil>> = Mutex::new(Vec::new());

thread_local! {
    static LIBRARY: Library = Library(Some(idle().pop().unwrap_or_else(library)));
}

fn library() -> PhoneNumberUtil {
    PhoneNumberUtil::new().expect("the metadata is part of the library")
}

fn idle() -> MutexGuard<'static, Vec<PhoneNumberUtil>> {
    IDLE.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Drop for Library {
    fn drop(&mut self) {
        idle().extend(self.0.take());
    }
}

fn with_library<T>(work: impl FnOnce(&PhoneNumberUtil) -> T) -> T {
    LIBRARY.with(|library| work(library.0.as_ref().expect("it is taken when the thread ends")))
}

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

/// As it is shown.
impl From<Phone> for String {
    fn from(phone: Phone) -> Self {
        if phone.extension.is_none() { phone.e164 } else { phone.to_string() }
    }
}

const EXTENSION: &str = " ext. ";

/// Digits of the longest extension that there is.
const LONGEST_EXTENSION: usize = 7;

/// The key by which numbers are compared: what [`Phone`] shows, without the extension. Text that is not a number is its
/// own key.
pub fn phone_key(shown: &str) -> &str {
    let bare = if shown.contains(' ') { shown.split(EXTENSION).next().unwrap_or_default() } else { shown };
    bare.trim()
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
        let seen = visible(text);
        // The apostrophe by which a spreadsheet marks a text is no part of a number.
        let bare = without_remark(seen.trim_start_matches('\''));
        if bare.is_empty() {
            return None;
        }
        if let Some(number) = self.plain(bare) {
            return plain_phone(number);
        }
        if is_another_thing(bare) {
            return None;
        }
        with_library(|library| self.parse_with(library, bare))
    }

    /// Whether texts go to a number: to a mobile, or to one that may be one as in North America. Never to a switchboard, a
    /// landline, or a number that costs money.
    pub fn can_be_texted(self, text: &str) -> bool {
        let Some(phone) = self.parse(text).filter(|phone| phone.extension().is_none()) else { return false };
        with_library(|library| {
            library.parse(phone.e164(), None).is_ok_and(|number| {
                let kind = library.get_number_type(&number);
                matches!(kind, PhoneNumberType::Mobile | PhoneNumberType::FixedLineOrMobile)
            })
        })
    }

    fn parse_with(self, library: &PhoneNumberUtil, bare: &str) -> Option<Phone> {
        let number = library.parse(bare, Some(self.region.0)).ok()?;
        // Parsing alone accepts almost anything: trailing letters become digits.
        if !library.is_valid_number(&number) {
            return None;
        }
        let e164 = library.format(&number, PhoneNumberFormat::E164).into_owned();
        let extension = number.extension().to_owned();
        // What is longer is a second number.
        if extension.len() > LONGEST_EXTENSION {
            return None;
        }
        Some(Phone { e164, extension: Some(extension).filter(|extension| !extension.is_empty()) })
    }

    /// The national number, if there is nothing to be found out: ten digits of North America, however they are set apart,
    /// with or without the country's +1. Most numbers are of this kind, and the library takes four times as long to see it.
    ///
    /// The first digit of an area code is 2 to 9. With another one the library sees a prefix.
    fn plain(self, bare: &str) -> Option<u64> {
        if ![rlibphonenumber::Region::US, rlibphonenumber::Region::CA].contains(&self.region.0) {
            return None;
        }
        let national = bare.strip_prefix("+1").unwrap_or(bare);
        let (mut number, mut digits) = (0_u64, 0);
        for byte in national.bytes() {
            match byte {
                b'0' | b'1' if digits == 0 => return None,
                b'0'..=b'9' => {
                    number = number * 10 + u64::from(byte - b'0');
                    digits += 1;
                }
                b' ' | b'(' | b')' | b'-' | b'.' if digits < 10 => {}
                _ => return None,
            }
            if digits > 10 {
                return None;
            }
        }
        (digits == 10).then_some(number)
    }

    /// The number as people of the district write it: `(212) 555-0179`, and `+44 20 7946 0958` for one of another country.
    /// Text that is not a number stays as it is.
    pub fn as_people_write_it(self, shown: &str) -> String {
        let Some(phone) = self.parse(shown) else { return shown.to_owned() };
        let written = with_library(|library| {
            let number = library.parse(phone.e164(), None).ok()?;
            let ours = library.get_country_code_for_region(self.region.0);
            let form = match ours.is_some() && Some(number.country_code) == ours {
                true => PhoneNumberFormat::National,
                false => PhoneNumberFormat::International,
            };
            Some(library.format(&number, form).into_owned())
        });
        match (written, phone.extension()) {
            (Some(written), Some(extension)) => format!("{written}{EXTENSION}{extension}"),
            (Some(written), None) => written,
            (None, _) => shown.to_owned(),
        }
    }

    /// The form in which an account keeps a number: E.164 if it is valid, otherwise the text itself, trimmed
    /// and without what cannot be seen.
    pub fn canonical(self, text: &str) -> String {
        self.parse(text).map_or_else(|| visible(text).into_owned(), String::from)
    }
}

/// A national number of North America, if it is valid.
fn plain_phone(national_number: u64) -> Option<Phone> {
    // While one thread compiles what it takes, others wait for it instead of doing the same.
    let look = || {
        let mut idle = idle();
        if idle.is_empty() {
            idle.push(library());
        }
        is_valid_in_north_america(&idle[0], national_number)
    };
    EXCHANGES
        .is_valid(national_number, look)
        .then(|| Phone { e164: format!("+1{national_number}"), extension: None })
}

fn is_valid_in_north_america(library: &PhoneNumberUtil, national_number: u64) -> bool {
    let number = PhoneNumber { country_code: 1, national_number, ..PhoneNumber::default() };
    // What is valid in the first country of those that share a code is valid; only others have to be looked for.
    library.is_valid_number_for_region(&number, rlibphonenumber::Region::US)
        || library.is_valid_number(&number)
}

/// Whether a text is no number although the library would make one of it: what a spreadsheet or a data frame has made of a
/// number (`7.18235E+09`, `7182345602.0`), two numbers, letters that were taken for digits (`718-234-56O1`).
fn is_another_thing(bare: &str) -> bool {
    is_calculated(bare) || is_two(bare) || has_letter_for_digit(bare)
}

/// A number that something has calculated with.
fn is_calculated(bare: &str) -> bool {
    let Some((whole, fraction)) = bare.split_once('.') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if let Some((fraction, power)) = fraction.split_once(['E', 'e']) {
        let power = power.strip_prefix(['+', '-']).unwrap_or(power);
        return digits(fraction) && digits(power);
    }
    digits(whole.trim_start_matches(['+', '-']))
        && whole.len() >= 7
        && !fraction.is_empty()
        && fraction.bytes().all(|byte| byte == b'0')
}

fn is_two(bare: &str) -> bool {
    let digits = |text: &str| text.chars().filter(|c| c.is_numeric()).count();
    // `;ext=12` is how a number is written in a URI.
    let parts =
        bare.split([';', ',', '|', '/', '&', '~', '\n']).filter(|part| digits(part) >= LONGEST_EXTENSION);
    parts.count() >= 2
}

/// A letter that looks like a digit right beside one (`O`, `I`, `l`), or a lone letter between digits. Three letters and more
/// spell a number (`1-800-FLOWERS`), and an extension is announced by letters.
fn has_letter_for_digit(bare: &str) -> bool {
    let mut rest = bare;
    let mut before = None;
    while let Some(at) = rest.find(char::is_alphabetic) {
        before = rest[..at].chars().next_back().or(before);
        rest = &rest[at..];
        let end = rest.find(|c: char| !c.is_alphabetic()).unwrap_or(rest.len());
        let (run, after) = (&rest[..end], rest[end..].chars().next());
        let digit = |c: Option<char>| c.is_some_and(char::is_numeric);
        let lookalike = run.chars().all(|c| matches!(c, 'O' | 'o' | 'I' | 'l' | 'i' | 'L'));
        let short = run.chars().count() < 3;
        let extension = run.eq_ignore_ascii_case("x");
        if lookalike && short && (digit(before) || digit(after))
            || short && !extension && digit(before) && digit(after)
        {
            return true;
        }
        before = run.chars().next_back();
        rest = &rest[end..];
    }
    false
}

/// Cuts a trailing remark off: `(718) 555-4567 Work`, `718-555-4567 (mom)`.
///
/// Letters that spell the number itself (`1-800-FLOWERS`) are not a remark: one can only follow at least seven digits.
fn without_remark(text: &str) -> &str {
    let Some(last_digit) = text.rfind(|c: char| c.is_numeric()) else { return text };
    let tail_start = last_digit + text[last_digit..].chars().next().map_or(1, char::len_utf8);
    let tail = &text[tail_start..];
    let digits = text[..tail_start].chars().filter(|c| c.is_numeric()).count();
    // A letter O right behind the last digit may be a digit itself.
    let is_digit = tail.trim_end().eq_ignore_ascii_case("o");
    if digits >= 7 && !is_digit && tail.chars().any(char::is_alphabetic) {
        text[..tail_start].trim_end()
    } else {
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn us(text: &str) -> Option<String> {
        PhoneReader::new("US".parse().unwrap()).parse(text).map(|phone| phone.to_string())
    }

    #[test]
    fn the_last_four_digits_do_not_decide_whether_a_number_of_north_america_is_valid() {
        let mut dice = fastrand::Rng::with_seed(3);
        let valid = |exchange: u64, line: u64| {
            with_library(|library| is_valid_in_north_america(library, exchange * 10_000 + line))
        };
        for _ in 0..3_000 {
            let exchange = dice.u64(200_000..1_000_000);
            let first = valid(exchange, 0);
            for line in [9_999, 100, dice.u64(..10_000), dice.u64(..10_000)] {
                assert_eq!(valid(exchange, line), first, "{exchange} {line:04}");
            }
        }
        // Two that have one place.
        let known = Exchanges::new();
        let other = 718_555 + Exchanges::PLACES as u64;
        for _ in 0..2 {
            assert!(known.is_valid(7_185_550_000, || true));
            assert!(known.is_valid(7_185_559_999, || unreachable!("it is known")));
            assert!(!known.is_valid(other * 10_000, || false));
        }
    }

    #[test]
    fn people_read_numbers_as_they_write_them() {
        let reader = PhoneReader::new(Region::US);
        for (shown, written) in [
            ("+12125550179", "(212) 555-0179"),
            ("+12125550179 ext. 12", "(212) 555-0179 ext. 12"),
            // Another country with the same code.
            ("+16135550179", "(613) 555-0179"),
            ("+442079460958", "+44 20 7946 0958"),
            ("555", "555"),
            ("", ""),
        ] {
            assert_eq!(reader.as_people_write_it(shown), written);
        }
        let there = PhoneReader::new("GB".parse().unwrap());
        assert_eq!(there.as_people_write_it("+442079460958"), "020 7946 0958");
        assert_eq!(there.as_people_write_it("+12125550179"), "+1 212-555-0179");
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
            "\u{202A}(718) 555-4567\u{202C}",
            "718\u{2011}555\u{2011}4567",
            "718\u{A0}555\u{A0}4567\u{200E}",
            "\u{FEFF}718-555-4567",
            "718\u{200B}5554567",
            "'718-555-4567",
            "718-555-4567c",
            "H: 718-555-4567",
            "718.555.4567.",
        ] {
            assert_eq!(us(same).as_deref(), Some("+17185554567"), "{same}");
        }
    }

    /// The short way through plain numbers comes to what the library says of the whole text.
    #[test]
    fn plain_numbers_are_what_the_library_takes_them_for() {
        let mut dice = fastrand::Rng::with_seed(42);
        let areas =
            ["212", "718", "416", "876", "800", "900", "710", "555", "211", "999", "264", "684", "787"];
        let mut plain = 0;
        for _ in 0..20_000 {
            let mut digits = String::from(areas[dice.usize(..areas.len())]);
            if dice.u8(..4) == 0 {
                digits = dice.u16(100..1000).to_string();
            }
            while digits.len() < 10 {
                digits.push(dice.char('0'..='9'));
            }
            let mut text = String::from(["", "", "+1", "+1 ", "("][dice.usize(..5)]);
            for digit in digits.chars() {
                text.push(digit);
                if dice.u8(..4) == 0 {
                    text.push_str([" ", "-", ".", ") ", "(", " - "][dice.usize(..6)]);
                }
            }
            let reader = PhoneReader::new(if dice.bool() { Region::US } else { "CA".parse().unwrap() });
            let bare = without_remark(text.trim());
            plain += u32::from(reader.plain(bare).is_some());
            let by_library = with_library(|library| reader.parse_with(library, bare));
            assert_eq!(reader.parse(&text), by_library, "{text}");
        }
        assert!(plain > 10_000, "{plain} were plain");
    }

    #[test]
    fn extensions_are_kept_and_not_compared() {
        for written in [
            "718-555-4567 x12",
            "718-555-4567x12",
            "718-555-4567 ext. 12",
            "718-555-4567ext12",
            "(718) 555-4567 #12",
            "+17185554567 ext. 12",
            "tel:+1-718-555-4567;ext=12",
        ] {
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
            "7182345671;7182345672",
            "7182345671,7182345672",
            "718-234-5671; 718-234-5672",
            "7182345671/7182345672",
            "7182345671|7182345672",
            "7182345671 & 7182345672",
            "7182345671 7182345672",
            "7182345671;2345672",
            "718-234-5671 x 718-234-5672",
            "718-234-5671 ext. 71823456",
            "718-234-5671 (mom) 718-234-5672 (dad)",
            "718-234-5671 or 718-234-5672",
            "7.18235E+09",
            "7.182345601e9",
            "7182345602.0",
            "7182345602.00",
            "17182345602.0",
            "1718234560.0",
            "718-234-56O1",
            "71O-234-5601",
            "7l8-234-5601",
            "718-234-560I",
            "718-234-5601O",
            "O718-234-5601",
            "718-2E4-5601",
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
    fn only_mobiles_are_texted() {
        let reader = PhoneReader::new(Region::US);
        for mobile in ["312-234-5678", "+447911123456", "+5491123456789"] {
            assert!(reader.can_be_texted(mobile), "{mobile}");
        }
        for other in [
            "800-234-5678",
            "888-234-5678",
            "900-234-5678",
            "+442079460958",
            "+41446681800",
            "312-234-5678 x2",
            "x",
        ] {
            assert!(!reader.can_be_texted(other), "{other}");
        }
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
