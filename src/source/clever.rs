//! Clever, data API v3.0 and v3.1: the users of one district by their roles, and its schools.
//!
//! The district is asked for first, since Clever goes on giving last year's data when a district is
//! paused. Pages follow one another by the links that Clever gives, on the configured server only.

mod contacts;
mod district;
mod events;
mod links;
mod user;

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::Error as _;

use self::contacts::People;
use self::user::User;
use super::contact_rules::{ContactTrial, UnusedValues};
use super::http::{self, Client, Credentials, Url, same_server, under};
use super::known_guardians::KnownGuardians;
use super::oneroster_api::json::{List, Rows, Text};
use super::oneroster_api::list::missing;
use super::pull_cache::{CachedRoster, Head, PullCache};
use super::pulled::{Pulled, names_word};
use super::source_check::SourceCheck;
use super::{ContactOptions, RosterSource, Watch};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::roster::{NameKind, Schools};

pub use district::Trouble;

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
    /// Only what happened since the last pull is asked for, but everything this often. None: always
    /// everything.
    pub full_every: Option<Duration>,
    pub names: NameKind,
    pub contacts: Arc<ContactOptions>,
    pub http: http::Options,
    pub credentials: Credentials,
}

/// Clever's roles. Every user has at least one.
const ROLES: [&str; 5] = ["student", "teacher", "staff", "district_admin", "contact"];

/// Pulls the roster: all of it, or what happened since the one that is kept. `known` gives the
/// guardians of the store, and is asked only if there are contacts.
///
/// # Errors
/// `SourceUnavailable` if Clever cannot be reached, refuses, or does not give everything, or by
/// `trouble`; `InputUnusable` if it gives no users; `Usage` if the credentials are not there.
pub fn open(
    options: &Options,
    cache: Option<&PullCache>,
    watch: &Watch<'_>,
    known: &dyn Fn() -> Result<KnownGuardians>,
) -> Result<Box<dyn RosterSource>> {
    let client = Client::new(&options.http, &options.credentials, watch)?;
    let mut findings = Findings::default();
    let district = district::look(&client, options, watch.now, &mut findings)?;
    let names = names_word(options.names);
    let rules = options.contacts.text();
    let place = format!("{} {} {}{names}{rules}", options.url, options.credentials.client_id(), district.id);
    // Only a whole pull says why a contact has its classes.
    let cache = cache.filter(|_| options.contacts.watched.is_none());
    // Asked before the users: an event that happens during the pull then comes again the next time,
    // instead of never.
    let newest = match cache.zip(options.full_every) {
        Some(_) => events::newest(&client, options, &district)?.map(Some),
        None => Ok(None),
    };
    let schools = schools(&client, options)?;
    let changed = match (cache, options.full_every, &newest) {
        (Some(cache), Some(full_every), Ok(_)) => {
            changes(&client, options, &cache.file, &place, full_every, watch)?
        }
        _ => None,
    };
    let is_whole = changed.is_none();
    let (mut people, whole_at) = match changed {
        Some(changed) => changed,
        None => (everything(&client, options, watch)?, watch.now),
    };
    let preferred_names = (is_whole && options.names == NameKind::Preferred).then_some(people.preferred);
    if people.records.users == 0 {
        return Err(Failure::new(Kind::InputUnusable, "Clever gives no users at all; nothing was applied")
            .at(&options.url)
            .cure("have the district share its schools with the application (Secure Sync)"));
    }
    let renamed = people.recognised(known)?;
    people.records.finish()?;
    let (records, contacts) = (people.records, people.seen);
    records.tell("users", &mut findings);
    if let Err(why) = &newest {
        findings.warn("no-events", At::file("events"), || {
            format!("{why}, so what changed cannot be asked for and everything is pulled")
        });
    }
    if let Some(cache) = cache {
        // Without a mark this removes the cache. Otherwise a later pull would go on from an old
        // one.
        let mark = newest.ok().flatten();
        cache.keep(mark.map(|mark| Head::new(&place, mark, whole_at, &records)), &records);
    }
    let mut pulled = Pulled::new(&options.url, schools, findings, records);
    (pulled.renamed, pulled.preferred_names, pulled.contacts) = (renamed, preferred_names, contacts);
    Ok(Box::new(pulled))
}

fn schools(client: &Client<'_>, options: &Options) -> Result<Schools> {
    let mut schools = Schools::default();
    walk(client, options, "schools", &[], &mut |body| {
        items(body, &mut |school: School<'_>| {
            let id = school.id.id();
            let name = school.name.filled().unwrap_or_else(|| id.clone()).into_owned();
            schools.0.insert(id.into_owned(), name);
            Ok(())
        })
    })?;
    Ok(schools)
}

fn everything(client: &Client<'_>, options: &Options, watch: &Watch<'_>) -> Result<People> {
    let mut people = People::new();
    let mut trial = ContactTrial::new(&options.contacts, links::has_field);
    let mut unused = options.contacts.counts_unused.then(UnusedValues::default);
    for role in ROLES {
        walk(client, options, "users", &[("role", role)], &mut |body| {
            let page = items(body, &mut |user: User<'_>| {
                let mut words = Vec::new();
                let wants_preferred = options.names == NameKind::Preferred;
                people.preferred += u64::from(wants_preferred && user.has_preferred_name());
                let say = |field, word| words.push((field, word));
                user.with_record(options.names, say, |record| match &mut trial {
                    Some(trial) => user.with_links(record, trial, |record| people.take(record)),
                    None => people.take(record),
                })?;
                if let Some(unused) = &mut unused {
                    user.each_relationship(|at, value| unused.count(at, value));
                }
                words.into_iter().for_each(|(field, word)| people.records.word(field, word));
                Ok(())
            });
            (watch.progress)(people.records.users, None);
            page
        })?;
    }
    people.seen = trial.map(ContactTrial::seen).unwrap_or_default();
    let uses = |name: &str| options.contacts.rules.as_ref().is_some_and(|rules| rules.uses(name));
    let columns = unused.map(|unused| unused.columns("users", links::FIELDS.into_iter().take(2)));
    people.seen.unused = columns.unwrap_or_default();
    people.seen.unused.retain(|column| !column.values.is_empty() && !uses(&column.column));
    Ok(people)
}

/// The kept roster with what happened since, and when it was last pulled whole. None, said in the
/// log, if everything has to be pulled.
fn changes(
    client: &Client<'_>,
    options: &Options,
    file: &Path,
    place: &str,
    full_every: Duration,
    watch: &Watch<'_>,
) -> Result<Option<(People, DateTime<Utc>)>> {
    let all = |why: &str| {
        tracing::info!("{why}; pulling everything");
        Ok(None)
    };
    let kept: CachedRoster<String> = match CachedRoster::open(file, place, full_every, watch.now) {
        Ok(kept) => kept,
        Err(why) => return all(why),
    };
    let changes = match events::since(client, options, &kept.head.mark)? {
        Ok(changes) => changes,
        Err(why) => return all(&why),
    };
    let (mut people, whole_at) = (People::new(), kept.head.whole_at);
    match kept.with(&changes, &mut |record| people.take(record))? {
        true => Ok(Some((people, whole_at))),
        false => all("the roster of the earlier pull is damaged"),
    }
}

/// Looks at the district, and at the first page of each role.
///
/// # Errors
/// As [`open`], but a roster without users is no error.
pub fn check(options: &Options, watch: &Watch<'_>) -> Result<SourceCheck> {
    let client = Client::new(&options.http, &options.credentials, watch)?;
    let mut findings = Findings::default();
    district::look(&client, options, watch.now, &mut findings)?;
    let mut check = SourceCheck { place: options.url.to_string(), by_role: true, ..SourceCheck::default() };
    check.missing.extend(findings.kept().iter().map(|finding| (finding.code, finding.message.clone())));
    let schools = page(&client, &first(options, "schools", &[]), 0, &mut |body| {
        items(body, &mut |_: School<'_>| Ok(()))
    })?;
    check.orgs = Some(schools.count);
    for role in ROLES {
        page(&client, &first(options, "users", &[("role", role)]), 0, &mut |body| {
            items(body, &mut |user: User<'_>| {
                user.with_record(options.names, |_, _| {}, |record| check.add(record));
                Ok(())
            })
        })?;
    }
    check.judge();
    Ok(check)
}

struct PageEnd {
    count: u64,
    /// The address of the next one, as Clever writes it.
    next: Option<String>,
}

/// Reads one page: none if it has no list. The outer error is one of the JSON; then nothing of the
/// page was taken in.
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
    let mut before = 0;
    loop {
        asked.insert(url.to_string());
        let PageEnd { count, next } = page(client, &url, before, read)?;
        let Some(next) = next else { return Ok(()) };
        before += count;
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

/// A page, behind so many records of other pages.
fn page(
    client: &Client<'_>,
    url: &Url,
    before: u64,
    read: &mut dyn FnMut(&[u8]) -> Reading,
) -> Result<PageEnd> {
    const CURE: &str = "check `url` in [source]: it ends in /v3.0 or /v3.1";
    let page = client.get(url, before, |answer| {
        let page = read(&answer.body)?;
        Ok(page.and_then(|page| page.ok_or_else(|| missing("data", &answer.body, CURE))))
    })?;
    page.map_err(|failure| failure.or_at(url))
}

/// `{"data":[{"data":{…}}],"links":[{"rel":"next","uri":"…"}]}`
#[derive(Deserialize)]
#[serde(bound(deserialize = "T: Deserialize<'de>"))]
struct Page<'a, T> {
    #[serde(default)]
    data: Rows<Item<T>>,
    #[serde(borrow, default)]
    links: List<Link<'a>>,
}

#[derive(Deserialize)]
struct Item<T> {
    data: Option<T>,
}

impl<T> Default for Item<T> {
    fn default() -> Self {
        Self { data: None }
    }
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
    let data = match page.data.get() {
        Ok(Some(data)) => data,
        Ok(None) => return Ok(Ok(None)),
        Err(failure) => return Ok(Err(failure)),
    };
    let count = data.len() as u64;
    let next = page.links.0.iter().flatten().find(|link| link.rel.filled().as_deref() == Some("next"));
    let next = next.and_then(|link| link.uri.filled()).map(|uri| uri.into_owned());
    // Otherwise a user in another place of the item would pass for a user without an id.
    if data.iter().any(|item| item.data.is_none()) {
        return Err(serde_json::Error::custom("an item without data"));
    }
    for item in data.into_iter().filter_map(|item| item.data) {
        if let Err(failure) = each(item) {
            return Ok(Err(failure));
        }
    }
    Ok(Ok(Some(PageEnd { count, next })))
}
