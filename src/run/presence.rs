//! Whether the store is there, and whether there is a sign of an earlier one where it is not.
//!
//! A volume that is not mounted, a configuration that was moved, a mistyped path: a new store would
//! take everyone who has joined for pending, and overwrite what they typed. So none is made where
//! there was one.

use std::path::PathBuf;

use super::report_file;
use crate::attempt;
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::owner::absolute;
use crate::sent;
use crate::store::{self, Copied, Store};

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Signs {
    pub report: Option<i64>,
    pub backup: Option<PathBuf>,
    /// The highest number of a run that is noted beside the store.
    pub noted: Option<i64>,
    /// The highest number of a run in a log of sent messages that is elsewhere.
    pub sent: Option<i64>,
    /// Why that log cannot be read: then it may have a higher one.
    pub unread: Option<String>,
}

impl Signs {
    pub fn of(config: &Config) -> Self {
        let log = config.sync.sent_log.as_deref();
        let (sent, unread) = match log.map_or(Ok(None), sent::last_run) {
            Ok(run) => (run, None),
            Err(failure) => (None, Some(failure.cure("").to_string())),
        };
        let attempts = attempt::read_beside(&config.sync.store).unwrap_or_default();
        Self {
            report: report_file::last_report(&config.sync.reports),
            backup: store::backups(&config.sync.store).pop(),
            noted: attempts
                .iter()
                .filter(|attempt| attempt.was_applied())
                .filter_map(|attempt| attempt.run)
                .max(),
            sent,
            unread,
        }
    }

    /// The highest number that a run before this one has had, as far as it can be seen.
    pub fn last_run(&self) -> i64 {
        self.report.max(self.noted).max(self.sent).unwrap_or_default()
    }

    fn in_words(&self, config: &Config) -> Option<String> {
        let reports = self
            .report
            .map(|run| format!("a report of run {run} in {}", absolute(&config.sync.reports).display()));
        let backup = self.backup.as_ref().map(|backup| format!("the copy {}", absolute(backup).display()));
        let noted = self.noted.map(|run| {
            format!("run {run} on record in {}", absolute(&attempt::beside(&config.sync.store)).display())
        });
        let sent =
            self.sent.map(|run| format!("run {run} in {}", absolute(&config.sync.sent_log()).display()));
        let words: Vec<String> = [reports, backup, noted, sent].into_iter().flatten().collect();
        (!words.is_empty()).then(|| words.join(", "))
    }
}

/// Whether the store is there. If it is not, `new_store` says that a new one is wanted although
/// there are signs of an earlier one.
///
/// # Errors
/// `InputUnusable` if there are signs of an earlier store and no new one is wanted; `Failed` if it is a folder or cannot be
/// looked at.
pub fn is_there(config: &Config, new_store: bool) -> Result<bool> {
    if Store::is_there(&config.sync.store)? {
        return Ok(true);
    }
    match lost(config) {
        Some(failure) if !new_store => Err(failure),
        Some(_) | None => Ok(false),
    }
}

/// Why a new store should not be made: there is none, but signs of an earlier one, or a log that
/// may have some and cannot be read.
pub fn lost(config: &Config) -> Option<Failure> {
    let store = &config.sync.store;
    if Store::is_there(store).unwrap_or(true) {
        return None;
    }
    let signs = Signs::of(config);
    let what = if store.exists() { "the store is empty (0 bytes)" } else { "the store is not there" };
    let why = match (signs.in_words(config), &signs.unread) {
        (Some(signs), _) => format!("but there was one: {signs}"),
        (None, Some(unread)) => {
            format!("and whether there was one is not known ({unread}; correct the cause of that first)")
        }
        (None, None) => return None,
    };
    Some(
        Failure::new(Kind::InputUnusable, format!("{what}, {why}; nothing was applied"))
            .at(absolute(store).display())
            .cure(
                "check `store` in [sync], and whether its volume is mounted; put the store back, or a copy of it. To begin \
                 with a new store all the same: `rostersync run --new-store`; then everyone whom the platform export does \
                 not show as active is pending, and gets the details of the SIS",
            ),
    )
}

/// What is said of a store that was restored from a copy: runs after it have left their traces.
/// None for any other.
pub(super) fn restored(store: &Store, signs: &Signs) -> Result<Option<String>> {
    let (last, seen) = (store.last_run_number()?, signs.last_run());
    Ok((last > 0 && seen > last).then(|| {
        format!(
            "the store was restored from a copy: its last run is {last}, but there was a run {seen}; what changed in between is \
             not in it. The next run is {}",
            seen + 1
        )
    }))
}

/// What is said of a store that `db copy` made, once.
pub(super) fn copied(copied: &Copied, config: &Config) -> String {
    format!(
        "the store is a copy of {}, made on {} by `db copy`; if that store is still used, people are told twice of what changes \
         from now on",
        copied.of,
        config.sync.timezone.show(copied.made)
    )
}

/// The number that the next run has: after all that have left a trace, so that no report is
/// overwritten.
pub(super) fn next_run(store: &Store, signs: &Signs) -> Result<i64> {
    Ok(store.last_run_number()?.max(signs.last_run()) + 1)
}
