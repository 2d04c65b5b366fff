//! OneRoster over REST, versions 1.1 and 1.2, and ClassLink's Roster Server, which speaks 1.1:
//! users and orgs.
//!
//! The whole roster is pulled and checked before any of it is handed over. What real servers do
//! otherwise than the standard says is in `docs/api.md`.

mod adults;
pub(super) mod json;
pub(super) mod list;
mod pages;
mod passed_through;
mod tally;
mod user;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde::Deserialize;

use self::adults::Adults;
use self::json::{Rows, Text};
use self::list::Name;
use self::pages::{Collection, Wanted, walk};
use self::passed_through::PassedThrough;
use self::tally::{End, Seen};
use self::user::{Oddities, User};
use super::http::{self, Client, Credentials, Url};
use super::pull_cache::{CachedRoster, Changes, Head, PullCache, reason};
use super::pulled::{Pulled, Records, names_word};
use super::source_check::SourceCheck;
use super::{ContactOptions, ContactsSeen, RosterSource, Watch, hashed};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::plural::counted;
use crate::roster::{NameKind, Schools, kept};
use crate::value;

/// How often a pull is begun at all, where the data keep changing under it.
const PULLS: u32 = 3;

#[derive(Debug, Clone)]
pub struct Options {
    /// What `/users` and `/orgs` come after.
    pub url: Url,
    pub users_path: String,
    /// None: orgs are known by their ids.
    pub orgs_path: Option<String>,
    /// How many records a page is asked for. Servers may give fewer.
    pub page_size: u32,
    /// No collection has more pages.
    pub max_pages: u64,
    /// Whether `sort=sourcedId` is asked for, without which pages may overlap.
    pub sort: bool,
    /// How many pages are asked for at once, as long as the server gives whole ones.
    pub parallel: u32,
    /// Whether the server's own count has to be right.
    pub check_totals: bool,
    /// Where in `metadata` each user's earlier sourcedId is.
    pub earlier_id_path: Option<String>,
    /// Only what changed is asked for, but everything this often. None: always everything.
    pub full_every: Option<Duration>,
    pub names: NameKind,
    pub contacts: Arc<ContactOptions>,
    pub http: http::Options,
    pub credentials: Credentials,
}

/// Pulls the roster: all of it, or what changed since the one that is kept.
///
/// # Errors
/// `SourceUnavailable` if the server cannot be reached, refuses, or does not give everything;
/// `InputUnusable` if it gives no users; `Usage` if the credentials are not there.
pub fn open(
    options: &Options,
    cache: Option<&PullCache>,
    watch: &Watch<'_>,
) -> Result<Box<dyn RosterSource>> {
    let client = Client::new(&options.http, &options.credentials, watch)?;
    // Only a whole pull says why a person has its classes.
    let cache = cache.filter(|_| options.contacts.watched.is_none());
    let mut findings = Findings::default();
    let schools = match &options.orgs_path {
        Some(path) => {
            let orgs = Wanted { path, filter: None };
            let (orgs, _) = pull(&client, options, orgs, &|_, _| (), Orgs::default)?;
            say_other_name(&mut findings, path, "orgs", &orgs.name);
            if orgs.schools.0.is_empty() {
                findings.warn("no-orgs", At::file("orgs"), || {
                    "the server gives no orgs, so schools are known by their ids".to_owned()
                });
            }
            orgs.schools
        }
        None => Schools::default(),
    };
    let known = Some(&schools).filter(|schools| !schools.0.is_empty());
    let changed = match (cache, options.full_every) {
        (Some(cache), Some(full_every)) => changes(&client, options, cache, full_every, known, watch)?,
        _ => None,
    };
    // What the last pull ended with, to compare a whole one with it.
    let before: Option<CachedRoster<DateTime<Utc>>> = cache
        .filter(|_| changed.is_none() && options.full_every.is_some())
        .and_then(|cache| CachedRoster::of(&cache.file, &place(options)));
    let covered = before.as_ref().map(|before| before.head.mark - OVERLAP);
    let Latest { mut records, latest, whole_at, findings: of_users, unmoved, preferred_names, contacts } =
        match changed {
            Some(changed) => changed,
            None => everything(&client, options, known, watch, covered)?,
        };
    findings.merge(&of_users);
    if let Some((what, cure)) = unusable(&records) {
        let failure = Failure::new(Kind::InputUnusable, format!("{what}; nothing was applied"));
        return Err(failure.at(&options.url).cure(cure));
    }
    if let Some(path) = options.earlier_id_path.as_deref().filter(|_| records.with_earlier_id == 0) {
        let what = format!("no user that the server gives has {path}; nothing was applied");
        let cure = "have the server share it, or correct `earlier_id` in [identity]";
        return Err(Failure::new(Kind::InputUnusable, what).at(&options.url).cure(cure));
    }
    records.finish()?;
    records.tell(user::FILE, &mut findings);
    if let Some(before) = before {
        say_unstamped_changes(before, &records, &unmoved, options, &mut findings)?;
    }
    if let Some(cache) = cache {
        // Without a mark this removes the cache. Otherwise a later pull would go on from an old
        // one.
        let latest = latest.filter(|_| options.full_every.is_some());
        if latest.is_none() && options.full_every.is_some() {
            findings.warn("no-stamps", At::file(&options.users_path).column("dateLastModified"), || {
                "not every user has one, so what changed cannot be asked for and everything is pulled"
                    .to_owned()
            });
        }
        cache.keep(latest.map(|latest| Head::new(&place(options), latest, whole_at, &records)), &records);
    }
    let mut pulled = Pulled::new(&options.url, schools, findings, records);
    (pulled.preferred_names, pulled.contacts) = (preferred_names, contacts);
    Ok(Box::new(pulled))
}

/// Fields of users as the server gives them.
pub struct Fields {
    /// The values by sourcedId, in the order that was asked for.
    pub users: HashMap<String, Vec<String>>,
    /// The fields that there are. One that no user has is not among them.
    pub names: BTreeSet<String>,
}

/// Pulls these fields of all users by their places: `username`, `metadata.contactid`.
///
/// # Errors
/// As [`open`].
pub fn fields(options: &Options, watch: &Watch<'_>, columns: &[&str]) -> Result<Fields> {
    let client = Client::new(&options.http, &options.credentials, watch)?;
    let all = Wanted { path: &options.users_path, filter: None };
    let (users, _) = pull(&client, options, all, watch.progress, || PassedThrough::new(columns))?;
    Ok(Fields { users: users.found, names: users.fields })
}

/// Why a roster is none, and what to do.
fn unusable(records: &Records) -> Option<(&'static str, &'static str)> {
    if records.users == 0 {
        let cure = "have users shared with these credentials: `rostersync check --source` says what is there";
        return Some(("the server gives no users at all", cure));
    }
    let look = "report it to the operator of the server";
    if !records.has_ids() {
        return Some(("no user that the server gives has a sourcedId", look));
    }
    (records.present == 0).then_some(("every user that the server gives is said to be deleted", look))
}

/// What a kept roster has to be of.
fn place(options: &Options) -> String {
    let names = names_word(options.names);
    let earlier = options.earlier_id_path.as_deref().unwrap_or_default();
    let rules = options.contacts.text();
    format!(
        "{} {} {}{names} {earlier}{rules}",
        options.url,
        options.users_path,
        options.credentials.client_id()
    )
}

/// A roster, and what has to be known to ask for its changes.
struct Latest {
    records: Records,
    /// The latest stamp in it; none if a user has no stamp.
    latest: Option<DateTime<Utc>>,
    whole_at: DateTime<Utc>,
    findings: Findings,
    /// Of a whole pull those whose stamp is so old that a pull of changes would not have asked for
    /// them.
    unmoved: HashSet<u64>,
    /// As [`AfterRead::preferred_names`](super::AfterRead::preferred_names).
    preferred_names: Option<u64>,
    contacts: ContactsSeen,
}

/// So many people may change without a new stamp before a person has to look at it, if they are not
/// more than 1%.
const FEW_UNSTAMPED: u64 = 10;

/// Says how many people changed since the last pull although their stamps did not: pulls of changes
/// alone do not see them. Some servers stamp a user anew only when certain fields change, and
/// contact details are not among them.
fn say_unstamped_changes(
    before: CachedRoster<DateTime<Utc>>,
    records: &Records,
    unmoved: &HashSet<u64>,
    options: &Options,
    findings: &mut Findings,
) -> Result<()> {
    let mut said = HashMap::new();
    let is_sound = before.with(&Changes::default(), &mut |record| {
        said.insert(hashed(record.sourced_id), kept::said(record));
        Ok(())
    })?;
    let mut moved = 0_u64;
    records.each(&mut |record| {
        let key = hashed(record.sourced_id);
        let differs = said.get(&key).is_some_and(|before| *before != kept::said(record));
        moved += u64::from(differs && !record.deleted && unmoved.contains(&key));
        Ok(ControlFlow::Continue(()))
    })?;
    // A damaged file says nothing.
    if moved == 0 || !is_sound {
        return Ok(());
    }
    let message = || {
        format!(
            "{} since the last pull without a new dateLastModified, so pulls of changes alone do not see that: have the server \
             stamp every change of contact details, or set mode = \"full\" in [source]",
            counted(moved, "person changed", "people changed")
        )
    };
    let (file, column) = (&options.users_path, Some("dateLastModified"));
    if moved > FEW_UNSTAMPED && moved * 100 > records.present {
        findings.attention("changed-without-stamp", At::file(file).column(column), message);
    } else {
        findings.warn("changed-without-stamp", At::file(file).column(column), message);
    }
    Ok(())
}

fn everything(
    client: &Client<'_>,
    options: &Options,
    schools: Option<&Schools>,
    watch: &Watch<'_>,
    covered: Option<DateTime<Utc>>,
) -> Result<Latest> {
    let all = Wanted { path: &options.users_path, filter: None };
    let new = || Users { covered, ..Users::new(schools, options, watch.now) };
    let (users, repeated) = pull(client, options, all, watch.progress, new)?;
    let preferred_names = (options.names == NameKind::Preferred).then_some(users.preferred);
    let Users { records, mut findings, oddities, name, unmoved, adults, .. } = users;
    let contacts = adults.seen();
    oddities.tell(user::FILE, &mut findings);
    say_other_name(&mut findings, &options.users_path, "users", &name);
    if repeated > 0 {
        findings.warn("repeated-record", At::file(&options.users_path), || {
            format!(
                "{} more than once, at every pull; those that say the same are counted once",
                counted(repeated, "record comes", "records come")
            )
        });
    }
    let latest = users.latest.filter(|_| !users.unstamped);
    Ok(Latest { records, latest, whole_at: watch.now, findings, unmoved, preferred_names, contacts })
}

/// Says that a list is not called as it should be.
fn say_other_name(findings: &mut Findings, path: &str, usual: &'static str, name: &Name) {
    if let Some(other) = name.other() {
        findings.warn("list-name", At::file(path), || {
            format!("the server's list is {other}, not `{usual}` as the standard says; it was read")
        });
    }
}

/// How much earlier than the latest stamp the next pull begins: a server writes stamps before it
/// shows what they are of.
const OVERLAP: TimeDelta = TimeDelta::minutes(10);

/// Pulls what changed since the kept roster. None, said in the log, if everything has to be pulled:
/// there is none, it is time for it, or the server does not do what is asked.
fn changes(
    client: &Client<'_>,
    options: &Options,
    cache: &PullCache,
    full_every: Duration,
    schools: Option<&Schools>,
    watch: &Watch<'_>,
) -> Result<Option<Latest>> {
    let all = |why: &str| {
        tracing::info!("{why}; pulling everything");
        Ok(None)
    };
    let kept: CachedRoster<DateTime<Utc>> =
        match CachedRoster::open(&cache.file, &place(options), full_every, watch.now) {
            Ok(kept) => kept,
            Err(why) => return all(why),
        };
    let (whole_at, before) = (kept.head.whole_at, kept.head.mark);
    let since = (before - OVERLAP).to_rfc3339_opts(SecondsFormat::Millis, true);
    let filter = format!("dateLastModified>'{since}'");
    let changed = Wanted { path: &options.users_path, filter: Some(&filter) };
    let users =
        match pull(client, options, changed, watch.progress, || Users::new(schools, options, watch.now)) {
            Ok((users, 0)) => users,
            Ok(_) => return all("some changes came more than once"),
            Err(failure) if failure.kind == Kind::SourceUnavailable => {
                return all(&format!("the server does not give the changes ({})", reason(&failure)));
            }
            Err(failure) => return Err(failure),
        };
    // The latest change of the last pull is among them, since they overlap. Otherwise the server
    // has not followed the filter: some answer a filter that they do not support with an empty
    // list.
    let Some(latest) = users.latest.filter(|latest| *latest >= before && !users.unstamped) else {
        return all("the server does not give the changes that it was asked for");
    };
    let Users { records: mut changed, mut findings, oddities, .. } = users;
    changed.finish()?;
    changed.tell(user::FILE, &mut findings);
    oddities.tell(user::FILE, &mut findings);
    let mut changes = Changes::default();
    changed.each_unsettled(&mut |record| changes.put(record).map(ControlFlow::Continue))?;
    if changes.has_unnamed {
        return all("a change has no sourcedId");
    }
    let mut records = Records::new(value::ONEROSTER);
    match kept.with(&changes, &mut |record| records.take(record).map(drop))? {
        true => {
            let (latest, unmoved) = (Some(latest), HashSet::new());
            Ok(Some(Latest {
                records,
                latest,
                whole_at,
                findings,
                unmoved,
                preferred_names: None,
                contacts: ContactsSeen::default(),
            }))
        }
        false => all("the roster of the earlier pull is damaged"),
    }
}

/// Looks at the first page of users, and of orgs.
///
/// # Errors
/// As [`open`], but a roster without users is no error.
pub fn check(options: &Options, watch: &Watch<'_>) -> Result<SourceCheck> {
    let client = Client::new(&options.http, &options.credentials, watch)?;
    let mut check = SourceCheck { place: options.url.to_string(), ..SourceCheck::default() };
    if let Some(path) = &options.orgs_path {
        let url = pages::address(options, Wanted { path, filter: None }, 0);
        let mut orgs = Orgs::default();
        let seen = client.get(&url, 0, |answer| orgs.page(&answer.body, None))?;
        check.orgs = Some(seen.map_err(|failure| failure.or_at(&url))?.met.len() as u64);
    }
    let url = pages::address(options, Wanted { path: &options.users_path, filter: None }, 0);
    let mut unstamped = 0;
    let total = client.get(&url, 0, |answer| {
        Ok(users_of(&answer.body, &mut Name::default())?.map(|users| {
            for user in &users {
                unstamped += u64::from(user.date_last_modified.moment().is_none());
                let (findings, cells) = (&mut Findings::default(), &mut value::Tally::default());
                let (names, schools, earlier_id) = (options.names, None, None);
                let mut odd = Oddities { findings, cells, schools, names, at: 1, earlier_id };
                // Counting cannot fail.
                let _ = user.with_record(&mut odd, |record| {
                    check.add(record);
                    Ok(())
                });
            }
            pages::total(answer)
        }))
    })?;
    check.total = total.map_err(|failure| failure.or_at(&url))?;
    check.judge();
    if options.full_every.is_some() && unstamped > 0 {
        check.missing.push((
            "no-stamps",
            format!(
                "{} no dateLastModified: with mode = \"incremental\" everything is pulled every night all the same",
                counted(unstamped, "user has", "users have")
            ),
        ));
    }
    Ok(check)
}

/// Pulls one collection; again, from nothing, if it changed meanwhile. Also how many of its records
/// come more than once, which are the same in two pulls one after the other: then it is no change
/// but the way the data are.
fn pull<C: Collection>(
    client: &Client<'_>,
    options: &Options,
    wanted: Wanted<'_>,
    progress: &dyn Fn(u64, Option<u64>),
    new: impl Fn() -> C,
) -> Result<(C, u64)> {
    let (mut pulls, mut before) = (1, None);
    loop {
        let mut collection = new();
        let what = match walk(client, options, wanted, &mut collection, progress)? {
            End::Complete => return Ok((collection, 0)),
            End::Repeated(digest) if before.replace(digest) == Some(digest) => {
                return Ok((collection, digest.repeated));
            }
            End::Repeated(digest) => {
                format!("{} twice", counted(digest.repeated, "record came", "records came"))
            }
            End::Moved(what) => {
                before = None;
                what
            }
        };
        if pulls == PULLS {
            return Err(Failure::new(
                Kind::SourceUnavailable,
                format!("the data keep changing while they are pulled ({what}); nothing was applied"),
            )
            .at(&options.url)
            .cure(
                "run at an hour at which the server is not busy with its own nightly sync; if it is always so, its pages do not \
                 keep to one order (`sort`), or it has records twice (then `check_totals = false` in [source])",
            ));
        }
        tracing::warn!(
            "{what} while {} were pulled; pulling them again ({pulls} of {})",
            wanted.path,
            PULLS - 1
        );
        pulls += 1;
    }
}

/// `{"users":[…]}`
#[derive(Deserialize)]
struct UsersPage<'a> {
    #[serde(borrow, default)]
    users: Rows<User<'a>>,
}

/// What to do where an answer has no list.
const NO_USERS: &str = "check `url` and `users_path` in [source]; some servers say an error this way, so ask the operator of the server if it stays so";
const NO_ORGS: &str = "check `url` and `orgs_path` in [source]; `orgs_path = \"\"` does without the orgs";

/// The records of a page, whatever their list is called; `usual` reads the list of the usual name.
/// The outer error is one of the JSON.
fn records_of<'b, P: Deserialize<'b>, T: Deserialize<'b> + Default>(
    body: &'b [u8],
    name: &mut Name,
    usual: fn(P) -> Rows<T>,
    missing: impl FnOnce() -> Failure,
) -> serde_json::Result<Result<Vec<T>>> {
    if name.may_be_usual(body) {
        // A text that is looked at once for being UTF-8 is read faster than one of which each part is.
        let page = match std::str::from_utf8(body) {
            Ok(text) => serde_json::from_str(text)?,
            Err(_) => serde_json::from_slice(body)?,
        };
        match usual(page).get() {
            Ok(Some(records)) => {
                *name = Name::Usual;
                return Ok(Ok(records));
            }
            Ok(None) => {}
            Err(failure) => return Ok(Err(failure)),
        }
    }
    let Some(list) = name.find(body) else {
        // An answer that is no JSON at all is said as such.
        let _: serde::de::IgnoredAny = serde_json::from_slice(body)?;
        return Ok(Err(missing()));
    };
    let rows: Rows<T> = serde_json::from_str(list)?;
    Ok(rows.get().map(Option::unwrap_or_default))
}

fn users_of<'b>(body: &'b [u8], name: &mut Name) -> serde_json::Result<Result<Vec<User<'b>>>> {
    records_of(body, name, |page: UsersPage<'b>| page.users, || list::missing("users", body, NO_USERS))
}

fn orgs_of<'b>(body: &'b [u8], name: &mut Name) -> serde_json::Result<Result<Vec<Org<'b>>>> {
    records_of(body, name, |page: OrgsPage<'b>| page.orgs, || list::missing("orgs", body, NO_ORGS))
}

/// Users that are being built.
struct Users<'a> {
    schools: Option<&'a Schools>,
    records: Records,
    findings: Findings,
    /// What is odd about cells that are read one by one.
    oddities: value::Tally,
    /// How the server calls its list.
    name: Name,
    /// The latest stamp that is not in the future, where a wrong clock has put it.
    latest: Option<DateTime<Utc>>,
    /// A user has no stamp that can be read.
    unstamped: bool,
    not_after: DateTime<Utc>,
    /// Stamps are looked at. Where everything is pulled every night, none is of use.
    stamps: bool,
    /// Changes stamped after this would have been asked for, if everything is pulled although only
    /// they could be.
    covered: Option<DateTime<Utc>>,
    /// Those whose stamp is older.
    unmoved: HashSet<u64>,
    names: NameKind,
    /// How many have a part of a preferred name, where that is wanted.
    preferred: u64,
    /// As [`Options::earlier_id_path`].
    earlier_id: Option<&'a str>,
    adults: Adults<'a>,
}

impl<'a> Users<'a> {
    fn new(schools: Option<&'a Schools>, options: &'a Options, now: DateTime<Utc>) -> Self {
        Self {
            schools,
            records: Records::new(value::ONEROSTER),
            oddities: value::Tally::default(),
            findings: Findings::default(),
            name: Name::default(),
            latest: None,
            unstamped: false,
            not_after: now + OVERLAP,
            stamps: options.full_every.is_some(),
            covered: None,
            unmoved: HashSet::new(),
            names: options.names,
            preferred: 0,
            earlier_id: options.earlier_id_path.as_deref(),
            adults: Adults::new(&options.contacts),
        }
    }
}

impl Collection for Users<'_> {
    fn page(&mut self, body: &[u8], after: Option<u64>) -> serde_json::Result<Result<Seen>> {
        let mut name = std::mem::take(&mut self.name);
        let users = users_of(body, &mut name);
        self.name = name;
        Ok(users?.and_then(|users| self.take(&users, after)))
    }
}

impl Users<'_> {
    fn take(&mut self, users: &[User<'_>], after: Option<u64>) -> Result<Seen> {
        let ids: Vec<Option<u64>> = users.iter().map(|user| id_hash(&user.sourced_id)).collect();
        Seen::page(&ids, after, |at| {
            let user = &users[at];
            let at = self.records.users + 1;
            let (findings, cells) = (&mut self.findings, &mut self.oddities);
            let (schools, names, earlier_id) = (self.schools, self.names, self.earlier_id);
            let mut odd = Oddities { findings, cells, schools, names, at, earlier_id };
            let is_new = user.with_record(&mut odd, |record| {
                self.adults.with_class(user, record, |record| self.records.take(record))
            })?;
            let wants_preferred = self.names == NameKind::Preferred;
            self.preferred += u64::from(wants_preferred && user.has_preferred_name());
            let changed = if self.stamps { user.date_last_modified.moment() } else { None };
            self.unstamped |= changed.is_none();
            if self.covered.is_some_and(|covered| changed.is_some_and(|stamp| stamp <= covered)) {
                self.unmoved.extend(id_hash(&user.sourced_id));
            }
            self.latest = self.latest.max(changed.filter(|stamp| *stamp <= self.not_after));
            Ok(is_new)
        })
    }
}

/// A hash of an id, if there is one.
fn id_hash(id: &Text<'_>) -> Option<u64> {
    let id = id.id();
    (!id.is_empty()).then(|| hashed(&id))
}

/// `{"orgs":[…]}`
#[derive(Deserialize)]
struct OrgsPage<'a> {
    #[serde(borrow, default)]
    orgs: Rows<Org<'a>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Org<'a> {
    #[serde(borrow)]
    sourced_id: Text<'a>,
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
}

/// Orgs that are being built.
#[derive(Default)]
struct Orgs {
    schools: Schools,
    name: Name,
}

impl Collection for Orgs {
    fn page(&mut self, body: &[u8], after: Option<u64>) -> serde_json::Result<Result<Seen>> {
        let orgs = match orgs_of(body, &mut self.name)? {
            Ok(orgs) => orgs,
            Err(failure) => return Ok(Err(failure)),
        };
        let ids: Vec<Option<u64>> = orgs.iter().map(|org| id_hash(&org.sourced_id)).collect();
        let seen = Seen::page(&ids, after, |at| {
            let org = &orgs[at];
            let id = org.sourced_id.id();
            let name = org.name.filled().unwrap_or_else(|| id.clone()).into_owned();
            if !id.is_empty() && org.kind.filled().is_some_and(|kind| Schools::is_other(&kind)) {
                self.schools.1.insert(id.clone().into_owned());
            }
            // No user can name an org without an id.
            Ok(id.is_empty() || self.schools.0.insert(id.into_owned(), name).is_none())
        });
        Ok(seen)
    }
}
