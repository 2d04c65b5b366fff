//! Clever, data API v3.0 and v3.1: the users of one district by their roles, and its schools.
//!
//! The district is asked for first, since Clever goes on giving last year's data when a district is paused. Pages follow one
//! another by the links that Clever gives, on the configured server only.

mod district;
mod user;

use std::collections::{HashMap, HashSet};
use std::ops::ControlFlow;
use std::time::Duration;

use serde::Deserialize;

use self::user::User;
use super::glance::Glance;
use super::http::{self, Client, Credentials, Url, same_server, under};
use super::known::KnownFamily;
use super::oneroster_api::json::{List, Text};
use super::pulled::{Pulled, Records, Taken};
use super::{RosterSource, Watch};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roster::{Mode, Record, Schools};

pub use district::Trouble;

/// What is pulled, and how.
#[derive(Debug, Clone)]
pub struct Options {
    pub url: Url,
    pub page_size: u32,
    /// No collection has more pages.
    pub max_pages: u64,
    /// The district's id, where the credentials could be for another.
    pub district: Option<String>,
    /// What follows when the district is paused, in error, or has not synced for too long.
    pub trouble: Trouble,
    /// How long ago its last sync may be.
    pub max_sync_age: Option<Duration>,
    pub http: http::Options,
    pub credentials: Credentials,
}

/// Clever's roles; everybody has at least one.
const ROLES: [&str; 5] = ["student", "teacher", "staff", "district_admin", "contact"];

/// Pulls the whole roster. `known` gives the guardians of the store, and is asked only if there are contacts without a
/// lasting id.
///
/// # Errors
/// `SourceUnavailable` if Clever cannot be reached, refuses, or does not give everything, or by `trouble`; `InputUnusable` if
/// it gives nobody; `Usage` if the credentials are not there.
pub fn open(
    options: &Options,
    watch: &Watch<'_>,
    known: &dyn Fn() -> Result<KnownFamily>,
) -> Result<Box<dyn RosterSource>> {
    let client = Client::new(&options.http, &options.credentials, watch)?;
    let mut findings = Findings::default();
    district::look(&client, options, watch.now, &mut findings)?;
    let mut schools = Schools::default();
    walk(&client, options, "schools", &[], &mut |body| {
        items(body, &mut |school: School<'_>| {
            let id = school.id.id();
            let name = school.name.filled().unwrap_or_else(|| id.clone()).into_owned();
            schools.0.insert(id.into_owned(), name);
            Ok(())
        })
    })?;
    let mut records = Records::new();
    let mut fleeting = Vec::new();
    for role in ROLES {
        walk(&client, options, "users", &[("role", role)], &mut |body| {
            let page = items(body, &mut |user: User<'_>| {
                let taken = user.with_record(|record| records.take(record))?;
                if taken == Taken::New {
                    fleeting.extend(user.without_lasting_id());
                }
                Ok(())
            });
            (watch.progress)(records.users(), None);
            page
        })?;
    }
    if records.users() == 0 {
        return Err(Failure::new(Kind::InputUnusable, "Clever gives no users at all; nothing was applied")
            .at(&options.url)
            .cure("have the district share its schools with the application (Secure Sync)"));
    }
    let renamed = match fleeting.is_empty() {
        true => HashMap::new(),
        false => recognise(fleeting, &known()?, &records),
    };
    records.finish()?;
    let pulled = Pulled { name: options.url.to_string(), mode: Mode::Bulk, schools, findings, records };
    Ok(match renamed.is_empty() {
        true => Box::new(pulled),
        false => Box::new(Recognised { pulled, renamed }),
    })
}

/// Looks at the district, and at the first page of each role.
///
/// # Errors
/// As [`open`], but nobody at all is no error.
pub fn glance(options: &Options, watch: &Watch<'_>) -> Result<Glance> {
    let client = Client::new(&options.http, &options.credentials, watch)?;
    let mut findings = Findings::default();
    district::look(&client, options, watch.now, &mut findings)?;
    let mut glance = Glance { place: options.url.to_string(), by_role: true, ..Glance::default() };
    glance.missing.extend(findings.kept().iter().map(|finding| (finding.code, finding.message.clone())));
    let schools =
        page(&client, &first(options, "schools", &[]), &mut |body| items(body, &mut |_: School<'_>| Ok(())))?;
    glance.orgs = Some(schools.count);
    for role in ROLES {
        page(&client, &first(options, "users", &[("role", role)]), &mut |body| {
            items(body, &mut |user: User<'_>| {
                user.with_record(|record| glance.add(record));
                Ok(())
            })
        })?;
    }
    glance.judge();
    Ok(glance)
}

/// Contacts that Clever has given a new id and that are people whom the store knows: new id (as a hash) to known one.
///
/// Nobody is taken for somebody else who is in the roster too, or whom two could be.
fn recognise(
    fleeting: Vec<(String, Vec<u64>)>,
    known: &KnownFamily,
    records: &Records,
) -> HashMap<u64, Box<str>> {
    let mut claims: HashMap<&str, Vec<u64>> = HashMap::new();
    for (id, kinships) in &fleeting {
        if known.has(id) {
            continue;
        }
        if let Some(account) = known.find(kinships).filter(|account| !records.has(account)) {
            claims.entry(account).or_default().push(Records::key(id));
        }
    }
    claims
        .into_iter()
        .filter_map(|(account, ids)| match ids.as_slice() {
            [id] => Some((*id, account.into())),
            _ => None,
        })
        .collect()
}

/// A roster in which some contacts are given the ids that they had.
#[derive(Debug)]
struct Recognised {
    pulled: Pulled,
    renamed: HashMap<u64, Box<str>>,
}

impl RosterSource for Recognised {
    fn name(&self) -> &str {
        self.pulled.name()
    }

    fn mode(&self) -> Mode {
        self.pulled.mode()
    }

    fn schools(&self) -> &Schools {
        self.pulled.schools()
    }

    fn findings(&self) -> &Findings {
        self.pulled.findings()
    }

    fn shares_no_guardians(&self) -> bool {
        self.pulled.shares_no_guardians()
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        self.pulled.read(findings, &mut |record| match self.renamed.get(&Records::key(record.sourced_id)) {
            Some(known) => each(&Record { sourced_id: known, ..*record }),
            None => each(record),
        })
    }
}

/// What a page says of itself.
struct PageEnd {
    count: u64,
    /// The address of the next one, as Clever writes it.
    next: Option<String>,
}

/// Reads one page: none if it has no list. The outer error is one of the JSON; then nothing of the page was taken in.
type Reading = serde_json::Result<Result<Option<PageEnd>>>;

/// Reads a collection from its first page to its end.
fn walk(
    client: &Client<'_>,
    options: &Options,
    path: &str,
    query: &[(&str, &str)],
    read: &mut dyn FnMut(&[u8]) -> Reading,
) -> Result<()> {
    let mut url = first(options, path, query);
    let mut asked: HashSet<String> = HashSet::new();
    loop {
        asked.insert(url.to_string());
        let Some(next) = page(client, &url, read)?.next else { return Ok(()) };
        url = same_server(&options.url, &next)?;
        if asked.contains(url.as_str()) || asked.len() as u64 >= options.max_pages {
            return Err(Failure::new(
                Kind::SourceUnavailable,
                format!("the list does not end: page {} leads on again; nothing was applied", asked.len()),
            )
            .at(url)
            .cure("run again; if it stays so, report it to Clever (or use a larger `page_size` or `max_pages` in [source])"));
        }
    }
}

fn first(options: &Options, path: &str, query: &[(&str, &str)]) -> Url {
    let limit = options.page_size.to_string();
    let mut query = query.to_vec();
    query.push(("limit", &limit));
    under(&options.url, path, &query)
}

fn page(client: &Client<'_>, url: &Url, read: &mut dyn FnMut(&[u8]) -> Reading) -> Result<PageEnd> {
    client.get(url, |answer| read(&answer.body))??.ok_or_else(|| {
        Failure::new(Kind::SourceUnavailable, "the answer has no list `data` in it; nothing was applied")
            .at(url)
            .cure("check `url` in [source]: it ends in /v3.0 or /v3.1")
    })
}

/// `{"data":[{"data":{…}}],"links":[{"rel":"next","uri":"…"}]}`
#[derive(Deserialize)]
struct Page<'a, T> {
    data: Option<Vec<Item<T>>>,
    #[serde(borrow, default)]
    links: List<Link<'a>>,
}

#[derive(Deserialize)]
struct Item<T> {
    data: T,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Link<'a> {
    #[serde(borrow)]
    rel: Text<'a>,
    #[serde(borrow)]
    uri: Text<'a>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct School<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
}

/// Hands each item of a page to `each`.
fn items<'a, T: Deserialize<'a>>(body: &'a [u8], each: &mut dyn FnMut(T) -> Result<()>) -> Reading {
    let page: Page<'a, T> = serde_json::from_slice(body)?;
    let Some(data) = page.data else { return Ok(Ok(None)) };
    let count = data.len() as u64;
    let next = page.links.0.iter().flatten().find(|link| link.rel.filled().as_deref() == Some("next"));
    let next = next.and_then(|link| link.uri.filled()).map(|uri| uri.into_owned());
    for item in data {
        if let Err(failure) = each(item.data) {
            return Ok(Err(failure));
        }
    }
    Ok(Ok(Some(PageEnd { count, next })))
}
