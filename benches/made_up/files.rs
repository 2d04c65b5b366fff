//! The files: OneRoster exports and the platform's own, written as they are made up.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use super::people::{Day, SCHOOL, User, e164, scatter};

/// Which form an export has. The users in it and their details are the same in all.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    V1p1,
    /// OneRoster 1.1, with the rows in random order.
    Shuffled,
    V1p2,
    /// What a server gives, where the first record is number 1: no file has a header in front of
    /// it.
    Served,
}

const BUFFER: usize = 1 << 20;

/// Writes one day's export into a folder.
pub(crate) fn roster(folder: &Path, users: u64, day: Day, form: Form) -> Result<()> {
    fs::create_dir_all(folder)?;
    manifest(folder, form)?;
    orgs(folder, users)?;
    let mut file = BufWriter::with_capacity(BUFFER, File::create(folder.join("users.csv"))?);
    let mut roles = None;
    if form == Form::V1p2 {
        writeln!(
            file,
            "sourcedId,status,dateLastModified,enabledUser,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password,userMasterIdentifier,preferredGivenName,preferredMiddleName,preferredFamilyName,primaryOrgSourcedId,pronouns\r"
        )?;
        let mut out = BufWriter::with_capacity(BUFFER, File::create(folder.join("roles.csv"))?);
        writeln!(
            out,
            "sourcedId,status,dateLastModified,userSourcedId,roleType,role,beginDate,endDate,orgSourcedId,userProfileSourcedId\r"
        )?;
        roles = Some(out);
    } else {
        writeln!(
            file,
            "sourcedId,status,dateLastModified,enabledUser,orgSourcedIds,role,username,userIds,givenName,familyName,middleName,identifier,email,sms,phone,agentSourcedIds,grades,password\r"
        )?;
    }
    let all = count(users, day);
    let mut agents = String::new();
    for index in 0..all {
        let number = place(index, all, form);
        let user = User::of(number, users);
        if !user.is_there(day) {
            continue;
        }
        agents.clear();
        for guardian in user.guardians(users) {
            agents.push_str(if agents.is_empty() { "\"" } else { "," });
            User::of(guardian, users).write_id(&mut agents);
        }
        if !agents.is_empty() {
            agents.push('"');
        }
        let (id, school, role) = (user.id(), user.school(users), user.role());
        write!(file, "{id},,,true,")?;
        match &mut roles {
            None => write!(file, "school-{school:05},{role},")?,
            Some(roles) => writeln!(roles, "r{number},,,{id},primary,{role},,,school-{school:05},\r")?,
        }
        write!(
            file,
            "user{number},,{},{},,{number},{},{},{},{agents},,",
            user.given(day),
            user.family(),
            user.email(day),
            user.mobile(day),
            user.home(day),
        )?;
        match &roles {
            None => writeln!(file, "\r")?,
            Some(_) => writeln!(file, ",,,,school-{school:05},\r")?,
        }
    }
    if let Some(mut roles) = roles {
        roles.flush()?;
    }
    file.flush()
}

fn manifest(folder: &Path, form: Form) -> Result<()> {
    let number = if form == Form::V1p2 { "1.2" } else { "1.1" };
    let mut text = format!(
        "propertyName,value\r\nmanifest.version,1.0\r\noneroster.version,{number}\r\nfile.users,bulk\r\nfile.orgs,bulk\r\n"
    );
    if form == Form::V1p2 {
        text.push_str("file.roles,bulk\r\n");
    }
    fs::write(folder.join("manifest.csv"), text)
}

fn orgs(folder: &Path, users: u64) -> Result<()> {
    let mut text = "sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\n".to_owned();
    for school in 0..(users / SCHOOL).max(1) {
        let _ = write!(text, "school-{school:05},,,School {school},school,{school},\r\n");
    }
    fs::write(folder.join("orgs.csv"), text)
}

/// How many people come on day 2; their numbers follow those of day 1.
pub(crate) fn newcomers(users: u64) -> u64 {
    users * 3 / 1000
}

/// How many numbers an export of that day goes through; it leaves out users that are not there.
pub(crate) fn count(users: u64, day: Day) -> u64 {
    users + if day == Day::Two { newcomers(users) } else { 0 }
}

/// Which number stands at this place of an export with `all` numbers (numbers that are left out
/// leave no gap).
pub(crate) fn place(index: u64, all: u64, form: Form) -> u64 {
    if form != Form::Shuffled {
        return index;
    }
    // A Feistel network gives each number below a power of four another one. Numbers that come out
    // too large go through it again, until one is not.
    let half = (all.ilog2() / 2 + 1).max(1);
    let mut number = index;
    loop {
        let (mut left, mut right) = (number >> half, number & ((1 << half) - 1));
        for round in 0..4 {
            (left, right) = (right, left ^ scatter(right, 100 + round) & ((1 << half) - 1));
        }
        number = left << half | right;
        if number < all {
            return number;
        }
    }
}

/// Writes the platform's export of day 1: half of the users are active, one in fifty of them with
/// an email of their own.
pub(crate) fn platform(file: &Path, users: u64) -> Result<()> {
    let mut out = BufWriter::with_capacity(BUFFER, File::create(file)?);
    writeln!(out, "sourced_id,state,given_name,family_name,email,phone,home_phone")?;
    for user in (0..users).map(|number| User::of(number, users)).filter(|user| user.active) {
        writeln!(
            out,
            "{},active,{},{},{},{},{}",
            user.id(),
            user.given(Day::One),
            user.family(),
            user.platform_email(),
            e164(&user.mobile(Day::One)),
            e164(&user.home(Day::One)),
        )?;
    }
    out.flush()
}
