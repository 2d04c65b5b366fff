//! What a run is asked to do, and what it meets outside.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::config::Config;
use crate::failure::{Failure, Kind, Result};

#[derive(Debug, Clone, Default)]
pub struct Options {
    /// In place of every configured value of the setting. Only of a preview.
    pub what_if: Option<bool>,
    pub source: Option<PathBuf>,
    pub no_notify: bool,
    /// Go past the limits for the plan with this checksum, and for no other.
    pub approve: Option<String>,
    pub report: Option<PathBuf>,
    /// Decide on all users, also on those whose data has not changed since they were decided on
    /// last.
    pub decide_all: bool,
    /// A file of new sourcedIds that old accounts are given first.
    pub rekey: Option<PathBuf>,
    /// The command line that asks for this, for messages that say what to type next.
    pub command: String,
    /// Take the platform's export as it is, although it lacks what the last one had.
    pub new_export: bool,
    /// Make a store although there are signs of an earlier one.
    pub new_store: bool,
    /// The person of whom it is to be said which rules of `[contacts]` decided.
    pub explain_contacts: Option<String>,
    /// Count the values of columns that look as if they said whom a school may contact.
    pub count_unused: bool,
    /// Keep all findings, not only the first of each code.
    pub list_findings: bool,
}

impl Options {
    pub(super) fn inputs(&self) -> Vec<&Path> {
        self.source.iter().chain(&self.rekey).map(PathBuf::as_path).collect()
    }
}

/// The clock of a run, its display of progress, and whether it is asked to stop.
pub struct RunContext<'a> {
    pub now: DateTime<Utc>,
    pub progress: &'a dyn Progress,
    /// The signal that asks the run to stop, if there was one.
    pub stop: &'a dyn Fn() -> Option<i32>,
}

impl RunContext<'_> {
    /// Shows the progress, and breaks off when the run is to stop.
    pub(super) fn watch(&self) -> impl FnMut(u64) -> ControlFlow<()> {
        |records| {
            self.progress.at(records);
            match (self.stop)() {
                Some(_) => ControlFlow::Break(()),
                None => ControlFlow::Continue(()),
            }
        }
    }

    pub(super) fn interrupted(&self) -> Result<()> {
        match (self.stop)() {
            Some(signal) => Err(Failure::new(Kind::Interrupted(signal), "interrupted; nothing was applied")),
            None => Ok(()),
        }
    }
}

pub trait Progress {
    /// A stage begins, of so many steps if that is known.
    fn begin(&self, stage: &'static str, steps: Option<u64>);
    fn at(&self, step: u64);
    /// So many steps are done, of a number that is known only while they are done.
    fn reached(&self, step: u64, of: u64);
    fn end(&self);
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Intent {
    /// Nothing is locked, made, written or sent.
    Preview,
    Apply,
}

#[derive(Clone, Copy)]
pub(super) struct Request<'a> {
    pub(super) config: &'a Config,
    pub(super) options: &'a Options,
    pub(super) context: &'a RunContext<'a>,
    pub(super) intent: Intent,
}
