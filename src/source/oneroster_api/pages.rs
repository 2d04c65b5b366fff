//! A collection, page by page, complete or not at all.
//!
//! Servers clamp the size of a page without a word, leave out the totals, repeat their last page
//! for ever, and go on changing while they are read. So the offset grows by what was received, the
//! end is a page without users, and whatever does not add up makes the pull begin again or fail.
//! Where there are no totals, each page is asked for from the last record of the one before it.
//! `Link` is never followed.

use super::Options;
use super::tally::{End, Seen, Tally};
use crate::failure::{Failure, Kind, Result};
use crate::plural::counted;
use crate::source::http::{Answer, Client, Url, under};

/// Which collection is wanted, and which part of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Wanted<'a> {
    pub(super) path: &'a str,
    /// Only what fits; all without it.
    pub(super) filter: Option<&'a str>,
}

/// Takes in pages of one collection.
pub(super) trait Collection {
    /// Reads one page; a failure if the collection is not in the answer. With `after` it has to
    /// begin with the record of that id, which was on the page before and is left out; where it
    /// does not, nothing is taken in.
    ///
    /// The outer error is one of the JSON; then nothing of the page may have been taken in.
    fn page(&mut self, body: &[u8], after: Option<u64>) -> serde_json::Result<Result<Seen>>;
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
    let mut tally = Tally::default();
    let mut agreement = Agreement::default();
    // How many the last page had.
    let mut last = 0;
    // What an earlier pull has asked for ahead is of then.
    client.look_ahead(&[])?;
    for number in 0_u64.. {
        let (after, offset) = next(options, &tally, agreement.total);
        let url = address(options, wanted, offset);
        if number >= options.max_pages {
            return Err(endless(number, &url));
        }
        let is_all = tally.is_all_of(agreement.total);
        let mut asked = Ok(());
        let read = |answer: &Answer| {
            // While this page is read the server makes the next one ready.
            let from = offset + u64::from(options.page_size) - u64::from(after.is_some());
            asked = client.look_ahead(&ahead(options, wanted, last, from, agreement.total));
            Ok((collection.page(&answer.body, after)?, agreement.check(answer, options.check_totals)))
        };
        // Some refuse what lies behind the last record.
        let page = if is_all {
            client.get_unless_past_end(&url, read)?
        } else {
            Some(client.get(&url, tally.received(), read)?)
        };
        asked?;
        let Some((seen, moved)) = page else { return Ok(End::Complete) };
        let seen = seen.map_err(|failure| failure.or_at(&url))?;
        if let Some(moved) = moved {
            return Ok(End::Moved(moved));
        }
        if seen.astray && tally.is_again(&seen) {
            return Err(same_again(&url));
        }
        if seen.astray {
            return Ok(End::Moved("a page did not go on where the one before it ended".to_owned()));
        }
        if seen.met.is_empty() {
            return tally.ended(agreement.total, &url);
        }
        tally.add(&seen);
        progress(tally.distinct(), agreement.total);
        let on_page = seen.met.len() as u64;
        // A count that is that of the page may be no more than that.
        if tally.is_all_of(agreement.total) && agreement.total != Some(on_page) {
            return Ok(End::Complete);
        }
        last = on_page + u64::from(after.is_some());
        let (_, from) = next(options, &tally, agreement.total);
        client.look_ahead(&ahead(options, wanted, last, from, agreement.total))?;
        if seen.is_nothing_new() {
            // Some servers give their last page again when asked for more. That this is what
            // happened is known only if they have said how many there are.
            if agreement.total == Some(tally.distinct()) {
                return Ok(End::Complete);
            }
            return Err(same_again(&url));
        }
    }
    Ok(End::Complete)
}

/// Where the next page begins, and with which record it has to if it overlaps with the page before.
/// Without a count, a record that is lost between two pages is noticed only by comparing their
/// edges.
fn next(options: &Options, tally: &Tally, total: Option<u64>) -> (Option<u64>, u64) {
    let in_order = options.sort && options.parallel == 1 && total.is_none();
    let after = tally.overlap().filter(|_| in_order);
    (after, tally.received() - u64::from(after.is_some()))
}

fn same_again(url: &Url) -> Failure {
    Failure::new(
        Kind::SourceUnavailable,
        "the server gives the same page again, so where its list ends is unknown; nothing was applied",
    )
    .at(url)
    .cure("report this to the operator of the server: it has to follow `offset`, and its list has to end with an empty page")
}

fn endless(pages: u64, url: &Url) -> Failure {
    Failure::new(
        Kind::SourceUnavailable,
        format!("there are more than {pages} pages, so the server may never end; nothing was applied"),
    )
    .at(url)
    .cure("if the district is that large, use a larger `page_size` or `max_pages` in [source]")
}

/// The pages to ask for before they are wanted, from an offset on: those that follow if the server
/// goes on giving whole pages.
fn ahead(options: &Options, wanted: Wanted<'_>, last: u64, from: u64, total: Option<u64>) -> Vec<Url> {
    let size = u64::from(options.page_size);
    if last != size {
        return Vec::new();
    }
    (0..u64::from(options.parallel))
        .map(|page| from + page * size)
        .take_while(|offset| total.is_none_or(|total| *offset < total))
        .map(|offset| address(options, wanted, offset))
        .collect()
}

pub(super) fn address(options: &Options, wanted: Wanted<'_>, offset: u64) -> Url {
    let (limit, offset) = (options.page_size.to_string(), offset.to_string());
    let mut query = vec![("limit", limit.as_str()), ("offset", offset.as_str())];
    if options.sort {
        query.extend([("sort", "sourcedId"), ("orderBy", "asc")]);
    }
    query.extend(wanted.filter.map(|filter| ("filter", filter)));
    under(&options.url, wanted.path, &query)
}

impl Agreement {
    /// What does not agree with the pages before, if anything.
    fn check(&mut self, answer: &Answer, totals: bool) -> Option<String> {
        let total = total(answer).filter(|_| totals);
        let revision = answer.header("x-perm-rev").map(str::to_owned);
        let moved = match (self.total, total) {
            (Some(before), Some(now)) if before != now => {
                Some(format!("the server said {}, and then {now}", counted(before, "record", "records")))
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
