//! The people: one for each number, the same on every machine.

use std::fmt::Write;

/// Users a school.
pub(crate) const SCHOOL: u64 = 600;

/// Whose export is made. The days follow day 1, not each other.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Day {
    One,
    /// A usual next day: 4% changed, came or left.
    Two,
    /// A day on which much moved: 17% of the users have another detail, a tenth of them only another
    /// format. The same people as on day 1.
    Moved,
}

/// What a day did to a user since day 1.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Change {
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
    /// Not there on day 1.
    pub(crate) is_new: bool,
    pub(crate) active: bool,
    /// Has changed the email on the platform.
    own_email: bool,
}

/// SplitMix64: enough to scatter numbers, and the same everywhere.
pub(super) fn scatter(number: u64, salt: u64) -> u64 {
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

/// Telephone lines in an area.
const LINES: u64 = 8_000_000;
/// Users that have telephone numbers of their own.
pub(crate) const MOST: u64 = 2 * LINES;
/// Ten areas for so many users, and after those the same for numbers that changed.
const AREAS: [[u16; 10]; 4] = [
    [212, 312, 415, 617, 718, 202, 303, 404, 512, 602],
    [206, 213, 214, 215, 216, 301, 304, 305, 307, 313],
    [402, 405, 406, 412, 414, 501, 502, 503, 504, 505],
    [605, 608, 612, 614, 615, 701, 702, 703, 704, 713],
];

impl User {
    /// User `number` of a district of so many; numbers from `users` on come on day 2.
    pub(crate) fn of(number: u64, users: u64) -> Self {
        let active = number < users && scatter(number, 2).is_multiple_of(2);
        let own_email = active && scatter(number, 3).is_multiple_of(50);
        Self { number, is_new: number >= users, active, own_email }
    }

    /// What that day did to the user.
    pub(crate) fn change(self, day: Day) -> Change {
        match day {
            _ if self.is_new => Change::New,
            Day::One => Change::Same,
            Day::Two => match scatter(self.number, 1) % 1000 {
                0..10 => Change::Email,
                10..20 => Change::Phone,
                20..25 => Change::Name,
                25..30 => Change::HomePhone,
                30..35 => Change::Reformatted,
                35..37 => Change::BlankEmail,
                37..40 => Change::Left,
                _ => Change::Same,
            },
            Day::Moved => match scatter(self.number, 12) % 1000 {
                0..60 => Change::Email,
                60..110 => Change::Phone,
                110..140 => Change::Name,
                140..170 => Change::HomePhone,
                170..270 => Change::Reformatted,
                _ => Change::Same,
            },
        }
    }

    /// Whether the SIS has the user on that day.
    pub(crate) fn is_there(self, day: Day) -> bool {
        match self.change(day) {
            Change::New => day == Day::Two,
            Change::Left => false,
            Change::Same
            | Change::Email
            | Change::Phone
            | Change::Name
            | Change::HomePhone
            | Change::Reformatted
            | Change::BlankEmail => true,
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

    pub(crate) fn given(self, day: Day) -> &'static str {
        let shift = u64::from(self.change(day) == Change::Name);
        GIVEN[((scatter(self.number, 7) + shift) % 16) as usize]
    }

    pub(crate) fn family(self) -> &'static str {
        FAMILY[(scatter(self.number, 8) % 16) as usize]
    }

    /// The address in the SIS. One guardian in thirty has the address of the guardian before; no
    /// other user shares one, so that two users with one address are neighbours by number.
    pub(crate) fn email(self, day: Day) -> String {
        let household = if self.role() == "guardian"
            && self.number % 100 >= 46
            && scatter(self.number, 9).is_multiple_of(30)
        {
            self.number - 1
        } else {
            self.number
        };
        match self.change(day) {
            Change::BlankEmail => String::new(),
            Change::Email => format!("new.{household}@mail.example"),
            _ => format!("user.{household}@mail.example"),
        }
    }

    /// The address on the platform on day 1.
    pub(crate) fn platform_email(self) -> String {
        if self.own_email { format!("own.{}@home.example", self.number) } else { self.email(Day::One) }
    }

    /// Ten digits, others for each user and each change.
    fn digits(self, salt: u64, changed: bool) -> String {
        // 555-01xx has too few numbers to tell millions of people apart; the last seven are spread
        // over valid exchanges.
        let block = (self.number / LINES + if changed { MOST / LINES } else { 0 }) as usize;
        let area = AREAS[block][(scatter(self.number, salt) % 10) as usize];
        format!("{area}{:07}", self.number % LINES + 2_000_000)
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
    pub(crate) fn mobile(self, day: Day) -> String {
        let change = self.change(day);
        let style = self.number + u64::from(change == Change::Reformatted);
        Self::written(&self.digits(10, change == Change::Phone), style)
    }

    /// The home phone as the SIS writes it; one in three has one.
    pub(crate) fn home(self, day: Day) -> String {
        let is_changed = self.change(day) == Change::HomePhone;
        if !is_changed && !self.number.is_multiple_of(3) {
            return String::new();
        }
        Self::written(&self.digits(11, is_changed), self.number)
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
