//! A district of any size, made up the same way each time: day 1, day 2, the platform's export, and for each user what
//! the run of day 2 must do and say.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{BufWriter, Result, Write};
use std::path::Path;

/// Users a school.
const SCHOOL: u64 = 600;

/// What day 2 does to a user.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Day2 {
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
struct User {
    number: u64,
    day2: Day2,
    active: bool,
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
    fn of(number: u64, users: u64) -> Self {
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

    fn id(self) -> String {
        let (a, b) = (scatter(self.number, 4), scatter(self.number, 5));
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }

    fn role(self) -> &'static str {
        match self.number % 100 {
            0..45 => "student",
            45..90 => "guardian",
            90..98 => "teacher",
            _ => "administrator",
        }
    }

    fn school(self, users: u64) -> String {
        format!("school-{:05}", scatter(self.number - self.number % 100, 6) % (users / SCHOOL).max(1))
    }

    fn given(self, day: u8) -> &'static str {
        let shift = u64::from(day == 2 && self.day2 == Day2::Name);
        GIVEN[((scatter(self.number, 7) + shift) % 16) as usize]
    }

    fn family(self) -> &'static str {
        FAMILY[(scatter(self.number, 8) % 16) as usize]
    }

    /// The address in the SIS. One guardian in thirty has the address of the guardian before.
    fn email(self, day: u8) -> String {
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

    fn actual_email(self) -> String {
        if self.own_email { format!("own.{}@home.example", self.number) } else { self.email(1) }
    }

    /// Ten digits.
    fn digits(self, salt: u64, changed: bool) -> String {
        let areas = [212, 312, 415, 617, 718, 202, 303, 404, 512, 602];
        let n = scatter(self.number, salt);
        // 555-01xx has too few numbers to tell a million people apart; the last seven are spread over valid exchanges.
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

    fn mobile(self, day: u8) -> String {
        let style = self.number + u64::from(day == 2 && self.day2 == Day2::Reformatted);
        Self::written(&self.digits(10, day == 2 && self.day2 == Day2::Phone), style)
    }

    fn home(self, day: u8) -> String {
        let has_home = self.number.is_multiple_of(3) || day == 2 && self.day2 == Day2::HomePhone;
        if !has_home {
            return String::new();
        }
        Self::written(&self.digits(11, day == 2 && self.day2 == Day2::HomePhone), self.number)
    }

    fn guardians(self, users: u64) -> Vec<u64> {
        if self.role() != "student" {
            return Vec::new();
        }
        let first = self.number + 45;
        [first, first - first % 100 + 45 + (first + 1) % 45]
            .into_iter()
            .filter(|number| *number < users)
            .collect()
    }
}

fn e164(written: &str) -> String {
    if written.is_empty() {
        return String::new();
    }
    let digits: String = written.chars().filter(char::is_ascii_digit).collect();
    format!("+1{digits}")
}

/// Which form of OneRoster.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    V1p1,
    V1p2,
}

/// Writes one day's export into a folder.
pub(crate) fn roster(folder: &Path, users: u64, day: u8, version: Version, permuted: bool) -> Result<()> {
    fs::create_dir_all(folder)?;
    let mut manifest = BufWriter::new(File::create(folder.join("manifest.csv"))?);
    let number = if version == Version::V1p1 { "1.1" } else { "1.2" };
    writeln!(
        manifest,
        "propertyName,value\r\nmanifest.version,1.0\r\noneroster.version,{number}\r\nfile.users,bulk\r\nfile.orgs,bulk\r"
    )?;
    if version == Version::V1p2 {
        writeln!(manifest, "file.roles,bulk\r")?;
    }
    let mut orgs = BufWriter::new(File::create(folder.join("orgs.csv"))?);
    writeln!(orgs, "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r")?;
    for school in 0..(users / SCHOOL).max(1) {
        writeln!(orgs, "school-{school:05},,,School {school},school,{school},\r")?;
    }
    let mut file = BufWriter::with_capacity(1 << 20, File::create(folder.join("users.csv"))?);
    let mut roles = match version {
        Version::V1p1 => {
            writeln!(
                file,
                "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password\r"
            )?;
            None
        }
        Version::V1p2 => {
            writeln!(
                file,
                "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns\r"
            )?;
            let mut roles = BufWriter::with_capacity(1 << 20, File::create(folder.join("roles.csv"))?);
            writeln!(
                roles,
                "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\r"
            )?;
            Some(roles)
        }
    };
    let all = users + if day == 2 { newcomers(users) } else { 0 };
    for place in 0..all {
        let number = if permuted { permute(place, all) } else { place };
        let user = User::of(number, users);
        if day == 2 && user.day2 == Day2::Left {
            continue;
        }
        let agents: Vec<String> =
            user.guardians(users).into_iter().map(|number| User::of(number, users).id()).collect();
        let agents = if agents.len() > 1 { format!("\"{}\"", agents.join(",")) } else { agents.join(",") };
        let (id, school) = (user.id(), user.school(users));
        let tail = format!(
            "user{number},,{},{},,{number},{},{},{},{agents},,",
            user.given(day),
            user.family(),
            user.email(day),
            user.mobile(day),
            user.home(day),
        );
        match &mut roles {
            None => writeln!(file, "{id},,,true,{school},{},{tail}\r", user.role())?,
            Some(roles) => {
                writeln!(file, "{id},,,true,{tail},,,,,{school},\r")?;
                writeln!(roles, "r{number},,,{id},primary,{},,,{school},\r", user.role())?;
            }
        }
    }
    file.flush()?;
    if let Some(mut roles) = roles {
        roles.flush()?;
    }
    orgs.flush()?;
    manifest.flush()
}

fn newcomers(users: u64) -> u64 {
    users * 3 / 1000
}

/// Another order of the same numbers: a step that has no factor in common with the count.
fn permute(place: u64, all: u64) -> u64 {
    let mut step = all / 2 + 1;
    while gcd(step, all) != 1 {
        step += 1;
    }
    place.wrapping_mul(step) % all
}

fn gcd(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { gcd(b, a % b) }
}

/// Writes the platform's export: half of the users are active, one in fifty of them with an email of their own.
pub(crate) fn platform(file: &Path, users: u64) -> Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(file)?);
    writeln!(out, "sourced_id,state,given_name,family_name,email,phone,home_phone")?;
    for user in (0..users).map(|number| User::of(number, users)).filter(|user| user.active) {
        writeln!(
            out,
            "{},active,{},{},{},{},{}",
            user.id(),
            user.given(1),
            user.family(),
            user.actual_email(),
            e164(&user.mobile(1)),
            e164(&user.home(1)),
        )?;
    }
    out.flush()
}

/// What the run of day 2, on the store of day 1, must do and say for each user: sourcedId → action and notes.
pub(crate) fn answers(users: u64, on: bool) -> HashMap<String, (&'static str, String)> {
    let all: Vec<User> = (0..users + newcomers(users)).map(|number| User::of(number, users)).collect();
    // Actual emails after the run, to know who shares one.
    let mut holders: HashMap<String, Vec<String>> = HashMap::new();
    let emails: Vec<String> = all
        .iter()
        .map(|user| {
            let email = email_after(*user, on);
            if user.day2 != Day2::Left {
                holders.entry(email.clone()).or_default().push(user.id());
            }
            email
        })
        .collect();
    for ids in holders.values_mut() {
        ids.sort_unstable();
    }
    all.iter()
        .zip(&emails)
        .map(|(user, email)| (user.id(), answer(*user, on, holders.get(email).map_or(&[], Vec::as_slice))))
        .collect()
}

/// Whether the sync may change the user's details.
fn may_update(user: User, on: bool) -> bool {
    !user.active || on
}

fn email_after(user: User, on: bool) -> String {
    match user.day2 {
        Day2::New => user.email(2),
        Day2::BlankEmail | Day2::Left => user.actual_email(),
        _ if may_update(user, on) => user.email(2),
        _ => user.actual_email(),
    }
}

fn answer(user: User, on: bool, sharers: &[String]) -> (&'static str, String) {
    if user.day2 == Day2::Left {
        return ("archived", "User is no longer in the SIS import - archived".to_owned());
    }
    let mut notes = Vec::new();
    let (mut updated, mut kept) = (false, false);
    let mut differs = |title: &str, noun: &str, actual: &str| {
        let actual = if actual.is_empty() { "none" } else { actual };
        if may_update(user, on) {
            updated = true;
            notes.push(format!("{title} updated by the sync - was {actual}"));
        } else {
            kept = true;
            notes.push(format!("Active user has a new {noun} in the SIS import - {actual}"));
        }
    };
    if user.day2 != Day2::New {
        if user.day2 == Day2::Name {
            differs("Name", "name", &format!("{} {}", user.given(1), user.family()));
        }
        if user.day2 != Day2::BlankEmail && user.actual_email() != user.email(2) {
            differs("Email", "email", &user.actual_email());
        }
        if user.day2 == Day2::Phone {
            differs("Phone number", "phone number", &e164(&user.mobile(1)));
        }
        if user.day2 == Day2::HomePhone {
            differs("Home phone number", "home phone number", &e164(&user.home(1)));
        }
    }
    let blank = |word: &str, actual: &str| format!("SIS import has no {word} - kept {actual}");
    if user.day2 == Day2::BlankEmail {
        notes.push(blank("email", &user.actual_email()));
    }
    let others: Vec<&String> = sharers.iter().filter(|id| **id != user.id()).collect();
    if !others.is_empty() {
        let named: Vec<&str> = others.iter().take(3).map(|id| id.as_str()).collect();
        let more = if others.len() > 3 { format!(" and {} more", others.len() - 3) } else { String::new() };
        notes.push(format!("Email is shared with {}{more}", named.join(", ")));
    }
    let action = match (user.day2, updated, kept) {
        (Day2::New, ..) => "created",
        (_, true, _) => "updated",
        (_, false, true) => "kept",
        _ => "unchanged",
    };
    (action, notes.join("; "))
}
