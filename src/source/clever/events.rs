//! What happened since the last pull, as Clever tells it.
//!
//! An event holds the whole of what it is about, as it is from then on, so that the last one stands
//! and none does harm twice. Clever keeps them for 30 days, and makes some only for applications
//! that have them switched on. Whatever casts doubt on them is said, and everything is pulled
//! instead.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::district::District;
use super::links::has_field;
use super::user::User;
use super::{Options, items, page, walk};
use crate::failure::{Failure, Kind, Result};
use crate::roster::Record;
use crate::source::contact_rules::ContactTrial;
use crate::source::http::{Client, Url, under};
use crate::source::oneroster_api::json::Text;
use crate::source::pull_cache::{Changes, reason};

/// What could be had, or why not.
pub(super) type Had<T> = Result<T, String>;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Event<'a> {
    #[serde(borrow)]
    id: Text<'a>,
    /// The kind of record, and what happened to it: `users.updated`.
    #[serde(borrow, rename = "type")]
    kind: Text<'a>,
    #[serde(borrow)]
    created: Text<'a>,
    #[serde(borrow)]
    data: Option<Content<'a>>,
}

#[derive(Deserialize)]
struct Content<'a> {
    /// Of schools and districts it looks otherwise than of users.
    #[serde(borrow)]
    object: Option<&'a RawValue>,
}

/// `{"data":{…}}`
#[derive(Deserialize)]
struct One<'a> {
    #[serde(borrow)]
    data: Event<'a>,
}

/// The id of the newest event there is, from which on the next pull can ask.
///
/// Each sync of a district is an event as well. If there is none as late as the last sync, they are
/// not switched on (or not any more), and that nothing is told does not mean that nothing changed.
pub(super) fn newest(client: &Client<'_>, options: &Options, district: &District) -> Result<Had<String>> {
    let url = under(&options.url, "events", &[("limit", "1"), ("ending_before", "last")]);
    let mut newest = None;
    let read = page(client, &url, 0, &mut |body| {
        items(body, &mut |event: Event<'_>| {
            newest = Some((event.id.id().into_owned(), event.created.moment()));
            Ok(())
        })
    });
    if let Err(failure) = had(read.map(drop))? {
        return Ok(Err(format!("Clever gives no events ({failure})")));
    }
    let Some((id, created)) = newest else {
        return Ok(Err("Clever has no events of this district for this application".to_owned()));
    };
    // It becomes a part of an address.
    if id.is_empty() || !id.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Ok(Err("the newest event has no usable id".to_owned()));
    }
    match (created, district.last_sync) {
        (Some(created), Some(sync)) if created >= sync => Ok(Ok(id)),
        _ => Ok(Err("Clever has no event as late as the district's last sync".to_owned())),
    }
}

/// What happened to users after an event that was the newest once.
pub(super) fn since(client: &Client<'_>, options: &Options, mark: &str) -> Result<Had<Changes>> {
    if let Err(failure) = had(look_up(client, options, mark))? {
        return Ok(Err(format!("Clever no longer has the event where the last pull ended ({failure})")));
    }
    let mut changes = Changes::default();
    let mut last = mark.to_owned();
    let read =
        walk(client, options, "events", &[("record_type", "users"), ("starting_after", mark)], &mut |body| {
            items(body, &mut |event: Event<'_>| {
                let id = event.id.id();
                // Ids grow with time, and pages are made by them.
                if *id <= *last {
                    return Err(unusable("events are not in their order", &options.url));
                }
                last = id.into_owned();
                apply(&event, &mut changes, options)
            })
        });
    match had(read)? {
        Err(failure) => Ok(Err(format!("Clever does not give the changes ({failure})"))),
        Ok(()) if changes.has_unnamed => Ok(Err("an event names a user without an id".to_owned())),
        Ok(()) => Ok(Ok(changes)),
    }
}

/// Asked for what follows an event that it does not have, Clever gives what it has that is newer,
/// and not a word of what is missing in between. As long as it has the event it has all that
/// follow, since the oldest go first.
fn look_up(client: &Client<'_>, options: &Options, mark: &str) -> Result<()> {
    let url = under(&options.url, &format!("events/{mark}"), &[]);
    let is_it = client.get(&url, 0, |answer| {
        let one: One<'_> = serde_json::from_slice(&answer.body)?;
        Ok(one.data.id.id() == mark)
    })?;
    if is_it { Ok(()) } else { Err(unusable("another one came", &url)) }
}

/// Puts one event into the changes. Schools are asked for each time; other events are
/// skipped.
fn apply(event: &Event<'_>, changes: &mut Changes, options: &Options) -> Result<()> {
    let url = &options.url;
    let kind = event.kind.filled().unwrap_or_default();
    let Some(what) = kind.strip_prefix("users.") else { return Ok(()) };
    let object = event.data.as_ref().and_then(|data| data.object);
    let user: Option<User<'_>> = object.and_then(|object| serde_json::from_str(object.get()).ok());
    let Some(user) = user else { return Err(unusable("an event is without its user", url)) };
    let is_gone = match what {
        "created" | "updated" => false,
        "deleted" => true,
        _ => return Err(unusable("an event is of a kind that is not known", url)),
    };
    // Users are pulled by their roles, so a user without a role is not in the roster.
    user.with_record(
        options.names,
        |_, _| {},
        |record| {
            let deleted = is_gone || record.roles.iter().next().is_none();
            let mut put = |record: &Record<'_>| changes.put(&Record { deleted, ..*record });
            match ContactTrial::new(&options.contacts, has_field) {
                Some(mut trial) => user.with_links(record, &mut trial, put),
                None => put(record),
            }
        },
    )
}

fn unusable(what: &str, url: &Url) -> Failure {
    Failure::new(Kind::SourceUnavailable, what).at(url)
}

/// Takes a failure of the server for a reason to pull everything; any other is one.
fn had<T>(asked: Result<T>) -> Result<Had<T>> {
    match asked {
        Ok(answer) => Ok(Ok(answer)),
        Err(failure) if failure.kind == Kind::SourceUnavailable => Ok(Err(reason(&failure).to_owned())),
        Err(failure) => Err(failure),
    }
}
