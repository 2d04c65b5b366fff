//! The same exports as OneRoster's REST servers give them: pages of JSON, made ahead so that giving
//! them costs next to nothing.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{BufWriter, Result, Write};
use std::path::Path;

use crate::made_up::people::{Day, SCHOOL, User};

/// How many records a page has, but for the last one.
pub(crate) const PAGE: u64 = 10_000;

/// Writes one day's users and orgs into a folder, a file for each page, named by where it begins.
/// Returns how many users and orgs there are.
pub(crate) fn pages(folder: &Path, users: u64, day: Day) -> Result<(u64, u64)> {
    fs::create_dir_all(folder)?;
    let orgs = (0..(users / SCHOOL).max(1)).map(|school| {
        format!(
            r#"{{"sourcedId":"school-{school:05}","status":"active","dateLastModified":"2026-08-01T00:00:00.000Z","name":"School {school}","type":"school","identifier":"{school}"}}"#
        )
    });
    let orgs = collection(folder, "orgs", orgs)?;
    let there = (0..users).map(|number| User::of(number, users)).filter(|user| user.is_there(day));
    let users = collection(folder, "users", there.map(|user| json(user, users, day)))?;
    Ok((users, orgs))
}

fn collection(folder: &Path, name: &str, records: impl Iterator<Item = String>) -> Result<u64> {
    let mut count = 0;
    let mut page: Option<BufWriter<File>> = None;
    for record in records {
        match &mut page {
            Some(page) if count % PAGE != 0 => page.write_all(b",")?,
            _ => {
                if let Some(mut whole) = page.take() {
                    whole.write_all(b"]}")?;
                    whole.flush()?;
                }
                let file = File::create(folder.join(format!("{name}-{count}.json")))?;
                page.insert(BufWriter::with_capacity(1 << 20, file)).write_all(start(name).as_bytes())?;
            }
        }
        if let Some(page) = &mut page {
            page.write_all(record.as_bytes())?;
        }
        count += 1;
    }
    if let Some(mut last) = page {
        last.write_all(b"]}")?;
        last.flush()?;
    }
    Ok(count)
}

fn start(name: &str) -> String {
    format!("{{\"{name}\":[")
}

/// A page without users, which ends a list.
pub(crate) fn nobody(name: &str) -> String {
    format!("{}]}}", start(name))
}

/// With all that servers of version 1.1 usually say of a user.
fn json(user: User, users: u64, day: Day) -> String {
    let mut agents = String::new();
    for guardian in user.guardians(users) {
        let id = User::of(guardian, users).id();
        let comma = if agents.is_empty() { "" } else { "," };
        let _ = write!(
            agents,
            r#"{comma}{{"href":"https://sis.example/ims/oneroster/v1p1/users/{id}","sourcedId":"{id}","type":"user"}}"#
        );
    }
    let school = user.school(users);
    format!(
        r#"{{"sourcedId":"{}","status":"active","dateLastModified":"2026-08-01T00:00:00.000Z","username":"user{number}","userIds":[{{"type":"Local","identifier":"{number}"}}],"enabledUser":"true","givenName":"{}","familyName":"{}","middleName":"","role":"{}","identifier":"{number}","email":"{}","sms":"{}","phone":"{}","agents":[{agents}],"orgs":[{{"href":"https://sis.example/ims/oneroster/v1p1/orgs/school-{school:05}","sourcedId":"school-{school:05}","type":"org"}}],"grades":["09"],"password":""}}"#,
        user.id(),
        user.given(day),
        user.family(),
        user.role(),
        user.email(day),
        user.mobile(day),
        user.home(day),
        number = user.number,
    )
}
