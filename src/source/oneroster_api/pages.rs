//! A collection, page by page, complete or not at all.
//!
//! Servers clamp the size of a page without a word, leave out the totals, repeat their last page for ever, and go on
//! changing while they are read. So the offset grows by what was received, the end is a page without anybody, and whatever
//! does not add up makes the pull begin again or fail. `Link` is never followed.

use super::Options;
use crate::failure::{Failure, Kind, Result};
use crate::source::http::{Answer, Client, Url, under};

/// Which collection is wanted, and which part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) path: &'a str,
    /// Only what fits; all without it.
    pub(super) filter: Option<&'a str>,
}

/// What was on a page.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Seen {
    pub(super) received: u64,
    /// Those of them that were on no page before.
    pub(super) new: u64,
}

/// Takes in pages of one collection.
pub(super) trait Collection {
    /// Reads one page: none if the collection is not in the answer.
    ///
    /// The outer error is one of the JSON; then nothing of the page may have been taken in.
    fn page(&mut self, body: &[u8]) -> serde_json::Result<Result<Option<Seen>>>;
}

/// How reading a collection ended.
pub(super) enum End {
    Complete,
    /// The server's data changed meanwhile: what happened. Nothing that was taken in may be used.
    Moved(String),
    /// Everything is there, but some records came more than once: pages overlapped, or the data are like that.
    Repeated(u64),
}

/// Whether each page agrees with those before it.
#[derive(Default)]
struct Agreement {
    total: Option<u64>,
    revision: Option<String>,
}

/// Reads a collection from its first page to its end.
pub(super) fn walk(
    client: &Client<'_>,
    options: &Options,
    wanted: Wanted<'_>,
    collection: &mut dyn Collection,
    progress: &dyn Fn(u64, Option<u64>),
) -> Result<End> {
    let (mut received, mut distinct) = (0_u64, 0_u64);
    // How many the last page had.
    let mut last = 0;
    let mut agreement = Agreement::default();
    // What an earlier pull has asked for ahead is of then.
    client.look_ahead(&[])?;
    for number in 0_u64.. {
        let url = address(options, wanted, received);
        if number >= options.max_pages {
            return Err(Failure::new(
                Kind::SourceUnavailable,
                format!(
                    "there are more than {number} pages, so the server may never end; nothing was applied"
                ),
            )
            .at(url)
            .cure("if the district is that large, use a larger `page_size` or `max_pages` in [source]"));
        }
        let mut asked = Ok(());
        let (seen, moved) = client.get(&url, |answer| {
            // While this page is read the server makes the next one ready.
            let next = received + u64::from(options.page_size);
            asked = client.look_ahead(&ahead(options, wanted, last, next, agreement.total));
            Ok((collection.page(&answer.body)?, agreement.check(answer, options.check_totals)))
        })?;
        asked?;
        let Some(seen) = seen? else { return Err(no_such_key(&url, wanted.path)) };
        if let Some(moved) = moved {
            return Ok(End::Moved(moved));
        }
        if seen.received == 0 {
            return ended(agreement.total, received, distinct, &url);
        }
        received += seen.received;
        distinct += seen.new;
        last = seen.received;
        progress(distinct, agreement.total);
        client.look_ahead(&ahead(options, wanted, last, received, agreement.total))?;
        if seen.new == 0 {
            // Some servers give their last page again when asked for more. That this is what happened is known only if
            // they have said how many there are.
            if agreement.total == Some(distinct) {
                return Ok(End::Complete);
            }
            return Err(Failure::new(
                Kind::SourceUnavailable,
                "the server gives the same page again, so where its list ends is unknown; nothing was applied",
            )
            .at(url)
            .cure("report this to whoever runs the server: `offset` has to be followed, and end with an empty page"));
        }
    }
    Ok(End::Complete)
}

/// The pages to ask for before they are wanted, from an offset on: those that follow if the server goes on giving whole pages.
fn ahead(options: &Options, wanted: Wanted<'_>, last: u64, from: u64, total: Option<u64>) -> Vec<Url> {
    let size = u64::from(options.page_size);
    if last != size {
        return Vec::new();
    }
    (0..u64::from(options.parallel))
        .map(|page| from + page * size)
        .take_while(|offset| total.is_none_or(|total| *offset <= total))
        .map(|offset| address(options, wanted, offset))
        .collect()
}

/// The address of the page that begins at an offset.
pub(super) fn address(options: &Options, wanted: Wanted<'_>, offset: u64) -> Url {
    let (limit, offset) = (options.page_size.to_string(), offset.to_string());
    let mut query = vec![("limit", limit.as_str()), ("offset", offset.as_str())];
    if options.sort {
        query.extend([("sort", "sourcedId"), ("orderBy", "asc")]);
    }
    query.extend(wanted.filter.map(|filter| ("filter", filter)));
    under(&options.url, wanted.path, &query)
}

fn ended(total: Option<u64>, received: u64, distinct: u64, url: &Url) -> Result<End> {
    let repeated = received - distinct;
    match total {
        Some(total) if total != distinct && repeated > 0 && total != received => {
            Ok(End::Moved(format!("{repeated} records came twice, and others not at all")))
        }
        Some(total) if total != distinct && repeated == 0 => Err(Failure::new(
            Kind::SourceUnavailable,
            format!("the server says that there are {total} records, and gave {distinct}; nothing was applied"),
        )
        .at(url)
        .cure(
            "run again; if it stays so, ask whoever runs the server which is right. If its count is known to be wrong, set \
             `check_totals = false` in [source]",
        )),
        Some(_) | None if repeated > 0 => Ok(End::Repeated(repeated)),
        Some(_) | None => Ok(End::Complete),
    }
}

/// An error can come with status 200, and would otherwise pass for a district without users.
pub(super) fn no_such_key(url: &Url, path: &str) -> Failure {
    Failure::new(
        Kind::SourceUnavailable,
        format!("the answer has no list of {path} in it; nothing was applied"),
    )
    .at(url)
    .cure("check the address in [source]; some servers say an error this way, so ask whoever runs it if it stays so")
}

impl Agreement {
    /// What does not agree with the pages before, if anything.
    fn check(&mut self, answer: &Answer, totals: bool) -> Option<String> {
        let total = total(answer).filter(|_| totals);
        let revision = answer.header("x-perm-rev").map(str::to_owned);
        let moved = match (self.total, total) {
            (Some(before), Some(now)) if before != now => {
                Some(format!("the server said {before} records, and then {now}"))
            }
            _ => None,
        };
        let revised = matches!((&self.revision, &revision), (Some(before), Some(now)) if before != now);
        self.total = self.total.or(total);
        self.revision = self.revision.take().or(revision);
        moved.or_else(|| revised.then(|| "the server has made a new revision of its data".to_owned()))
    }
}

/// How many records there are by a page's own word.
pub(super) fn total(answer: &Answer) -> Option<u64> {
    let number = |name| answer.header(name)?.trim().parse::<u64>().ok();
    number("x-total-count").or_else(|| number("x-count"))
}
