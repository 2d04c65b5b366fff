//! The people: one for each number, the same on every machine.

use std::fmt::Write;

/// Users a school.
pub(crate) const SCHOOL: u64 = 600;

/// What day 2 does to a user.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day2 {
    Same,
    Email,
    Phone,
    Name,
    HomePhone,
    Reformatted,
    BlankEmail,
    Left,
    /// Not there on day 1.
    New,
}

/// Everything about one user follows from the number.
#[derive(Clone, Copy)]
pub(crate) struct User {
    pub(crate) number: u64,
    pub(crate) day2: Day2,
    pub(crate) active: bool,
    /// Has changed the email on the platform.
    own_email: bool,
}

/// SplitMix64: enough to scatter numbers, and the same everywhere.
fn scatter(number: u64, salt: u64) -> u64 {
    let mut z =
        number.wrapping_add(salt.wrapping_mul(0x9E37_79B9_7F4A_7C15)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

const GIVEN: [&str; 16] = [
    "Ana", "José", "Mary", "Wei", "Fatima", "John", "Zoë", "Liam", "Olivia", "Noah", "Emma", "Ivan", "Priya",
    "Omar", "Linh", "Grace",
];
const FAMILY: [&str; 16] = [
    "Diaz", "Núñez", "Lee", "Chen", "Hassan", "Smith", "O'Keefe", "Brown", "Garcia", "Nguyen", "Kim",
    "Petrov", "Patel", "Ali", "Tran", "Johnson",
];

impl User {
    /// User `number` of a district of so many; numbers from `users` on come on day 2.
    pub(crate) fn of(number: u64, users: u64) -> Self {
        let day2 = match scatter(number, 1) % 1000 {
            _ if number >= users => Day2::New,
            0..10 => Day2::Email,
            10..20 => Day2::Phone,
            20..25 => Day2::Name,
            25..30 => Day2::HomePhone,
            30..35 => Day2::Reformatted,
            35..37 => Day2::BlankEmail,
            37..40 => Day2::Left,
            _ => Day2::Same,
        };
        let active = number < users && scatter(number, 2).is_multiple_of(2);
        Self { number, day2, active, own_email: active && scatter(number, 3).is_multiple_of(50) }
    }

    /// Whether the SIS has the user on that day.
    pub(crate) fn is_there(self, day: u8) -> bool {
        match self.day2 {
            Day2::New => day == 2,
            Day2::Left => day == 1,
            Day2::Same
            | Day2::Email
            | Day2::Phone
            | Day2::Name
            | Day2::HomePhone
            | Day2::Reformatted
            | Day2::BlankEmail => true,
        }
    }

    /// The sourcedId, in the form of a UUID as most SIS have it.
    pub(crate) fn id(self) -> String {
        let mut id = String::with_capacity(36);
        self.write_id(&mut id);
        id
    }

    pub(super) fn write_id(self, text: &mut String) {
        let (a, b) = (scatter(self.number, 4), scatter(self.number, 5));
        let (first, second, third) = (a >> 32, a >> 16 & 0xffff, a & 0xffff);
        let (fourth, fifth) = (b >> 48, b & 0xffff_ffff_ffff);
        let _ = write!(text, "{first:08x}-{second:04x}-{third:04x}-{fourth:04x}-{fifth:012x}");
    }

    pub(crate) fn role(self) -> &'static str {
        match self.number % 100 {
            0..45 => "student",
            45..90 => "guardian",
            90..98 => "teacher",
            _ => "administrator",
        }
    }

    /// A school for every hundred people, so that families are at one.
    pub(crate) fn school(self, users: u64) -> u64 {
        scatter(self.number - self.number % 100, 6) % (users / SCHOOL).max(1)
    }

    pub(crate) fn given(self, day: u8) -> &'static str {
        let shift = u64::from(day == 2 && self.day2 == Day2::Name);
        GIVEN[((scatter(self.number, 7) + shift) % 16) as usize]
    }

    pub(crate) fn family(self) -> &'static str {
        FAMILY[(scatter(self.number, 8) % 16) as usize]
    }

    /// The address in the SIS. One guardian in thirty has the address of the guardian before; no
    /// other user shares one, so that two users with one address are neighbours by number.
    pub(crate) fn email(self, day: u8) -> String {
        let household = if self.role() == "guardian"
            && self.number % 100 >= 46
            && scatter(self.number, 9).is_multiple_of(30)
        {
            self.number - 1
        } else {
            self.number
        };
        match (day, self.day2) {
            (2, Day2::BlankEmail) => String::new(),
            (2, Day2::Email) => format!("new.{household}@mail.example"),
            _ => format!("user.{household}@mail.example"),
        }
    }

    /// The address on the platform on day 1.
    pub(crate) fn platform_email(self) -> String {
        if self.own_email { format!("own.{}@home.example", self.number) } else { self.email(1) }
    }

    /// Ten digits.
    fn digits(self, salt: u64, changed: bool) -> String {
        let areas = [212, 312, 415, 617, 718, 202, 303, 404, 512, 602];
        let n = scatter(self.number, salt);
        // 555-01xx has too few numbers to tell millions of people apart; the last seven are spread
        // over valid exchanges.
        let line = (self.number + u64::from(changed) * 5_000_000) % 8_000_000;
        format!("{}{:07}", areas[(n % 10) as usize], line + 2_000_000)
    }

    fn written(digits: &str, style: u64) -> String {
        let (area, exchange, line) = (&digits[..3], &digits[3..6], &digits[6..]);
        match style % 4 {
            0 => format!("({area}) {exchange}-{line}"),
            1 => format!("{area}-{exchange}-{line}"),
            2 => format!("{area}.{exchange}.{line}"),
            _ => digits.to_owned(),
        }
    }

    /// The mobile as the SIS writes it.
    pub(crate) fn mobile(self, day: u8) -> String {
        let style = self.number + u64::from(day == 2 && self.day2 == Day2::Reformatted);
        Self::written(&self.digits(10, day == 2 && self.day2 == Day2::Phone), style)
    }

    /// The home phone as the SIS writes it; one in three has one.
    pub(crate) fn home(self, day: u8) -> String {
        let has_home = self.number.is_multiple_of(3) || day == 2 && self.day2 == Day2::HomePhone;
        if !has_home {
            return String::new();
        }
        Self::written(&self.digits(11, day == 2 && self.day2 == Day2::HomePhone), self.number)
    }

    /// A student's guardians, by number.
    pub(crate) fn guardians(self, users: u64) -> impl Iterator<Item = u64> {
        let first = self.number + 45;
        let count = if self.role() == "student" { 2 } else { 0 };
        [first, first - first % 100 + 45 + (first + 1) % 45]
            .into_iter()
            .take(count)
            .filter(move |number| *number < users)
    }
}

/// The form in which accounts keep a number that the SIS writes in one way or another.
pub(crate) fn e164(written: &str) -> String {
    if written.is_empty() {
        return String::new();
    }
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    format!("+1{digits}")
}
