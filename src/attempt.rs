//! Attempts: each time that a run was started, and how it ended, also if nothing was applied.
//!
//! They are on record in the store, and beside it (`STORE.attempts`) if the store cannot be opened
//! or is locked. The last applied runs are noted beside it as well: they show that there was a
//! store, if one day there is none.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};

use crate::erased::masked;
use crate::failure::{Failure, Kind, Result};
use crate::findings::Finding;
use crate::owner;

/// Longer than this the file beside the store does not grow; half of it is kept then.
const LONGEST: u64 = 256 << 10;

/// How a run or a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    Ok,
    /// Nothing was done, since the sync is paused.
    Paused,
    Partial,
    Attention,
    Undelivered,
    /// The last run is too long ago.
    Late,
    /// A preview has changes.
    Changes,
    /// A preview has changes that archive people or are made to active users.
    ChangesPeople,
    Failed(Kind),
}

impl Ending {
    pub const BLOCKED: Self = Self::Failed(Kind::Blocked);

    pub const ALL: [Self; 12] = [
        Self::Ok,
        Self::Paused,
        Self::Partial,
        Self::Attention,
        Self::BLOCKED,
        Self::Undelivered,
        Self::Failed(Kind::Failed),
        Self::Failed(Kind::Usage),
        Self::Failed(Kind::Busy),
        Self::Failed(Kind::SourceUnavailable),
        Self::Failed(Kind::InputUnusable),
        Self::Failed(Kind::Interrupted(0)),
    ];

    /// Of an attempt on record. The signal is part of the exit status.
    pub fn of_exit(exit: u8) -> Self {
        match exit {
            129.. => Self::Failed(Kind::Interrupted(i32::from(exit) - 128)),
            // More records were rejected than allowed, or a person is needed: the word says which.
            3 => Self::Attention,
            9 => Self::Late,
            _ => Self::ALL
                .into_iter()
                .find(|ending| ending.exit() == exit)
                .unwrap_or(Self::Failed(Kind::Failed)),
        }
    }

    fn parts(self) -> (&'static str, u8) {
        match self {
            Self::Ok => ("ok", 0),
            Self::Paused => ("paused", 0),
            Self::Failed(Kind::Failed) => ("failed", 1),
            Self::Failed(Kind::Usage) => ("usage", 2),
            Self::Partial => ("partial", 3),
            Self::Attention => ("attention", 3),
            Self::Failed(Kind::Blocked) => ("blocked", 4),
            Self::Failed(Kind::Busy) => ("busy", 5),
            Self::Failed(Kind::SourceUnavailable) => ("source-unavailable", 6),
            Self::Failed(Kind::InputUnusable) => ("input-unusable", 7),
            Self::Undelivered => ("undelivered", 8),
            Self::Late => ("late", 9),
            Self::Changes => ("changes", 10),
            Self::ChangesPeople => ("changes-people", 11),
            // As a shell reports a process that a signal ended.
            Self::Failed(Kind::Interrupted(signal)) => {
                ("interrupted", u8::try_from(128 + signal).unwrap_or(1))
            }
        }
    }

    /// The word in the last log line and in JSON.
    pub fn word(self) -> &'static str {
        self.parts().0
    }

    pub fn exit(self) -> u8 {
        self.parts().1
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attention {
    pub code: String,
    pub message: String,
}

impl Attention {
    pub fn of(finding: &Finding) -> Self {
        Self { code: finding.code.to_owned(), message: format!("{}: {}", finding.place(), finding.message) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// Its own: the same attempt may be in the store and beside it.
    pub key: String,
    pub started: DateTime<Utc>,
    pub finished: DateTime<Utc>,
    pub result: String,
    pub exit: u8,
    /// Why it did not simply go well: sentences without personal data.
    pub reason: String,
    /// The number of the run. None if nothing was applied or blocked.
    pub run: Option<i64>,
    #[serde(default)]
    pub attention: Vec<Attention>,
}

impl Attempt {
    /// One that begins now, and has failed if nothing else is said of it.
    pub fn begin(now: DateTime<Utc>) -> Self {
        let ending = Ending::Failed(Kind::Failed);
        Self {
            key: format!("{:016x}", fastrand::u64(..)),
            started: now,
            finished: now,
            result: ending.word().to_owned(),
            exit: ending.exit(),
            reason: String::new(),
            run: None,
            attention: Vec::new(),
        }
    }

    #[must_use]
    pub fn ended(mut self, ending: Ending, reason: impl Into<String>) -> Self {
        ending.word().clone_into(&mut self.result);
        self.exit = ending.exit();
        self.reason = reason.into();
        self.finished = self.started.max(Utc::now());
        self
    }

    pub fn was_paused(&self) -> bool {
        self.result == Ending::Paused.word()
    }

    /// With other words in place of these sourcedIds. None if it names none of them.
    pub fn masked(&self, sourced_ids: &[String]) -> Option<Self> {
        let mut attempt = self.clone();
        let mut is_named = false;
        let messages = attempt.attention.iter_mut().map(|attention| &mut attention.message);
        for text in messages.chain([&mut attempt.reason]) {
            if let Some(masked) = masked(text, sourced_ids) {
                (*text, is_named) = (masked, true);
            }
        }
        is_named.then_some(attempt)
    }

    pub fn was_applied(&self) -> bool {
        matches!(self.result.as_str(), "ok" | "partial" | "attention" | "undelivered")
    }
}

pub fn beside(store: &Path) -> PathBuf {
    owner::with_suffix(store, ".attempts")
}

/// What is beside the store, oldest first. A line that was cut off by a crash is no attempt.
pub fn read_beside(store: &Path) -> std::io::Result<Vec<Attempt>> {
    let text = text_beside(store)?;
    Ok(text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
}

/// When the last attempt began whose changes were made, by what is beside the store.
pub fn last_applied_beside(store: &Path) -> Option<DateTime<Utc>> {
    let text = text_beside(store).ok()?;
    let attempts = text.lines().rev().filter_map(|line| serde_json::from_str::<Attempt>(line).ok());
    attempts.filter(Attempt::was_applied).map(|attempt| attempt.started).next()
}

fn text_beside(store: &Path) -> std::io::Result<String> {
    let file = match OpenOptions::new().read(true).custom_flags(no_follow()).open(beside(store)) {
        Ok(file) => file,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(String::new()),
        Err(cause) => return Err(cause),
    };
    let mut bytes = Vec::new();
    file.take(2 * LONGEST).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

pub fn append_beside(store: &Path, attempt: &Attempt) -> Result<()> {
    let path = beside(store);
    let failed = |cause| Failure::io(Kind::Failed, "the attempt cannot be noted", &path, cause);
    let line = serde_json::to_string(attempt)
        .map_err(|error| Failure::new(Kind::Failed, "the attempt cannot be noted").because(error))?;
    owner::make_folder(owner::folder_of(&path)).map_err(failed)?;
    let mut file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(0o600)
        .custom_flags(no_follow())
        .open(&path)
        .map_err(failed)?;
    owner::adopt(&path);
    file.lock().map_err(failed)?;
    add(&mut file, &line).map_err(failed)
}

/// Takes people out of what is beside the store. How many attempts named one.
///
/// # Errors
/// `Failed` if the file cannot be read or written.
pub fn erase_beside(store: &Path, sourced_ids: &[String]) -> Result<u64> {
    let path = beside(store);
    let failed = |cause| Failure::io(Kind::Failed, "the attempts cannot be rewritten", &path, cause);
    let attempts = read_beside(store).map_err(failed)?;
    let (mut named, mut text) = (0, String::new());
    for attempt in attempts {
        let masked = attempt.masked(sourced_ids);
        named += u64::from(masked.is_some());
        let line = serde_json::to_string(&masked.unwrap_or(attempt))
            .map_err(|error| Failure::new(Kind::Failed, "the attempts cannot be rewritten").because(error))?;
        text.push_str(&line);
        text.push('\n');
    }
    if named > 0 {
        let unfinished = owner::with_suffix(&path, ".new");
        let written = || -> std::io::Result<()> {
            let mut file = owner::create_anew(&unfinished)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&unfinished, &path)?;
            owner::sync_folder(owner::folder_of(&path))
        };
        written().map_err(failed)?;
    }
    Ok(named)
}

/// A link in its place may lead to any file of the user's.
fn no_follow() -> i32 {
    (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed()
}

fn add(file: &mut File, line: &str) -> std::io::Result<()> {
    let length = file.metadata()?.len();
    let mut text = String::new();
    if length > 0 {
        // A line that was cut off ends here.
        let mut last = [0];
        file.seek(SeekFrom::End(-1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            text.push('\n');
        }
    }
    text.push_str(line);
    text.push('\n');
    if length + text.len() as u64 > LONGEST {
        let mut kept = Vec::new();
        file.seek(SeekFrom::Start(length.saturating_sub(LONGEST / 2)))?;
        Read::take(&mut *file, LONGEST).read_to_end(&mut kept)?;
        let from = kept.iter().position(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        file.set_len(0)?;
        file.write_all(&kept[from..])?;
    }
    file.write_all(text.as_bytes())?;
    file.sync_data()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use super::*;

    fn attempt(reason: &str) -> Attempt {
        Attempt::begin("2026-11-23T08:15:00Z".parse().unwrap())
            .ended(Ending::Failed(Kind::InputUnusable), reason)
    }

    #[test]
    fn what_is_added_is_read_back_and_only_the_owner_may_read_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("deep/store.db");
        assert_eq!(read_beside(&store).unwrap(), []);
        let both = [attempt("users.csv is empty"), attempt("no\nroom")];
        both.iter().for_each(|one| append_beside(&store, one).unwrap());
        assert_eq!(read_beside(&store).unwrap(), both);
        assert_eq!((both[0].exit, both[0].result.as_str()), (7, "input-unusable"));
        assert_eq!(std::fs::metadata(beside(&store)).unwrap().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_line_that_was_cut_off_costs_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.db");
        append_beside(&store, &attempt("one")).unwrap();
        let file = OpenOptions::new().write(true).open(beside(&store)).unwrap();
        file.set_len(file.metadata().unwrap().len() - 9).unwrap();
        append_beside(&store, &attempt("two")).unwrap();
        let read = read_beside(&store).unwrap();
        assert_eq!(read.iter().map(|one| one.reason.as_str()).collect::<Vec<_>>(), ["two"]);
    }

    #[test]
    fn it_does_not_grow_for_ever() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.db");
        let long = attempt(&"x".repeat(20_000));
        for _ in 0..40 {
            append_beside(&store, &long).unwrap();
        }
        append_beside(&store, &attempt("last")).unwrap();
        assert!(std::fs::metadata(beside(&store)).unwrap().len() <= LONGEST);
        let read = read_beside(&store).unwrap();
        assert!(read.len() > 4 && read.last().unwrap().reason == "last", "{}", read.len());
    }

    #[test]
    fn a_link_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let (store, other) = (folder.path().join("store.db"), folder.path().join("other"));
        std::fs::write(&other, "precious").unwrap();
        std::os::unix::fs::symlink(&other, beside(&store)).unwrap();
        assert!(append_beside(&store, &attempt("x")).is_err());
        assert_eq!(std::fs::read_to_string(other).unwrap(), "precious");
    }
}
