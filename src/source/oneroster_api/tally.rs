//! What has been read of a collection so far, and whether that is all of it.
//!
//! Ids are known by their hashes, and what was read by sums of them, so that two pulls can be held
//! against each other whatever the order in which each of them came.

use std::collections::HashSet;

use crate::failure::{Failure, Kind, Result};
use crate::plural::{agreed, counted};
use crate::source::http::Url;

#[derive(Debug, Clone, Copy)]
pub(super) struct Met {
    /// A hash of its id; none if it has none.
    pub(super) id: Option<u64>,
    /// It was on no page before, nor further up on this one.
    pub(super) new: bool,
}

/// What was on a page, but for the record that had to come first.
#[derive(Debug, Default)]
pub(super) struct Seen {
    pub(super) met: Vec<Met>,
    /// The record that had to come first did not, so that nothing was taken in.
    pub(super) astray: bool,
}

impl Seen {
    /// A page whose ids are these, with what `take` finds out of each; it is not asked about the
    /// record that only had to come first.
    pub(super) fn page<E>(
        ids: &[Option<u64>],
        after: Option<u64>,
        mut take: impl FnMut(usize) -> Result<bool, E>,
    ) -> Result<Self, E> {
        let astray = after.is_some() && ids.first().copied().flatten() != after;
        let left_out = usize::from(after.is_some() && !astray);
        let mut met = Vec::with_capacity(ids.len());
        for (at, id) in ids.iter().copied().enumerate().skip(left_out) {
            met.push(Met { id, new: !astray && take(at)? });
        }
        Ok(Self { met, astray })
    }

    /// All its records were there before. Of a record without an id that cannot be known.
    pub(super) fn is_nothing_new(&self) -> bool {
        !self.met.iter().any(|met| met.new && met.id.is_some())
    }
}

/// Which records there were, and which of them came again: the same for two pulls that gave the
/// same.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Digest {
    received: u64,
    pub(super) repeated: u64,
    ids: u64,
    repeated_ids: u64,
}

pub(super) enum End {
    Complete,
    /// The server's data changed meanwhile: what happened. Nothing that was taken in may be used.
    Moved(String),
    /// Some records came more than once: pages overlapped, and others may have slipped through, or
    /// the data are like that.
    Repeated(Digest),
}

/// What was read so far.
#[derive(Debug, Default)]
pub(super) struct Tally {
    digest: Digest,
    /// Those that came again on another page.
    across: u64,
    /// Of the page before: the first id, the last one, and how many records there were.
    first: Option<u64>,
    last: Option<u64>,
    on_last: usize,
}

impl Tally {
    pub(super) fn received(&self) -> u64 {
        self.digest.received
    }

    pub(super) fn distinct(&self) -> u64 {
        self.digest.received - self.digest.repeated
    }

    /// Whether that is all, by the server's own count.
    pub(super) fn is_all_of(&self, total: Option<u64>) -> bool {
        total == Some(self.received()) && total == Some(self.distinct())
    }

    /// The id that the next page has to begin with if it overlaps by one record with the page
    /// before. None if that page had no other, so that nothing would follow from it.
    pub(super) fn overlap(&self) -> Option<u64> {
        self.last.filter(|_| self.on_last > 1)
    }

    /// Whether a page is the one before it once more.
    pub(super) fn is_again(&self, seen: &Seen) -> bool {
        seen.met.first().is_some_and(|met| met.id.is_some() && met.id == self.first)
    }

    /// Counts a page that was taken in.
    pub(super) fn add(&mut self, seen: &Seen) {
        let own: HashSet<u64> = match seen.met.iter().all(|met| met.new) {
            true => HashSet::new(),
            false => seen.met.iter().filter(|met| met.new).filter_map(|met| met.id).collect(),
        };
        for met in &seen.met {
            let id = met.id.unwrap_or_default();
            self.digest.received += 1;
            if met.new {
                self.digest.ids = self.digest.ids.wrapping_add(id);
            } else {
                self.digest.repeated += 1;
                self.digest.repeated_ids = self.digest.repeated_ids.wrapping_add(id);
                self.across += u64::from(!own.contains(&id));
            }
        }
        self.first = seen.met.first().and_then(|met| met.id);
        self.last = seen.met.last().and_then(|met| met.id);
        self.on_last = seen.met.len();
    }

    /// What the end of the list means.
    pub(super) fn ended(&self, total: Option<u64>, url: &Url) -> Result<End> {
        let (distinct, repeated) = (self.distinct(), self.digest.repeated);
        let falls_short = total.filter(|total| *total != distinct);
        match falls_short {
            Some(total) if repeated == 0 => Err(Failure::new(
                Kind::SourceUnavailable,
                format!(
                    "the server says that there {} {}, and gave {distinct}; nothing was applied",
                    agreed(total, "is", "are"),
                    counted(total, "record", "records")
                ),
            )
            .at(url)
            .cure(
                "run again; if it stays so, ask the operator of the server which is right. If its count is known to be wrong, set \
                 `check_totals = false` in [source]",
            )),
            // What comes twice on one page is there twice. What comes again on another page is
            // where pages overlap, and as many others have slipped through between them.
            Some(total) if total != self.received() || self.across > 0 => {
                Ok(End::Moved(format!(
                    "{} twice, and others not at all",
                    counted(repeated, "record came", "records came")
                )))
            }
            Some(_) | None if repeated > 0 => Ok(End::Repeated(self.digest)),
            Some(_) | None => Ok(End::Complete),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn page(tally: &mut Tally, known: &mut HashSet<u64>, ids: &[u64]) {
        let all: Vec<Option<u64>> = ids.iter().copied().map(Some).collect();
        let seen = Seen::page::<Failure>(&all, None, |at| Ok(known.insert(ids[at]))).unwrap();
        tally.add(&seen);
    }

    fn pull(pages: &[&[u64]]) -> Tally {
        let (mut tally, mut known) = (Tally::default(), HashSet::new());
        for ids in pages {
            page(&mut tally, &mut known, ids);
        }
        tally
    }

    #[test]
    fn two_pulls_are_the_same_whatever_the_order() {
        let one = pull(&[&[1, 2, 3], &[3, 4]]).digest;
        assert_eq!(one, pull(&[&[3, 2, 1], &[4, 3]]).digest);
        // As many records and repetitions, but not the same ones.
        assert_ne!(one, pull(&[&[1, 2, 3], &[2, 4]]).digest);
        assert_ne!(one, pull(&[&[1, 2, 3], &[3, 5]]).digest);
    }

    #[test]
    fn a_count_of_rows_is_right_only_if_no_pages_overlap() {
        let url = Url::parse("http://127.0.0.1/users").unwrap();
        let ended = |pages: &[&[u64]], total| pull(pages).ended(total, &url);
        assert!(matches!(ended(&[&[1, 2], &[3]], Some(3)), Ok(End::Complete)));
        assert!(ended(&[&[1, 2], &[3]], Some(4)).is_err());
        assert!(matches!(ended(&[&[1, 2, 2], &[3]], Some(4)), Ok(End::Repeated(_))));
        assert!(matches!(ended(&[&[1, 2], &[2, 3]], Some(4)), Ok(End::Moved(_))));
        assert!(matches!(ended(&[&[1, 2], &[2, 3]], None), Ok(End::Repeated(_))));
    }
}
