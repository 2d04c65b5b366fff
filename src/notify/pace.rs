//! The time between two messages: of this process, or of all that share an account.
//!
//! Processes share it by a file with the moment of the next free slot. Each takes a slot under the lock
//! of the file, and waits for it without the lock. What is wrong with the file never stops the mail:
//! the process goes on at its own pace, and says so.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use chrono::{DateTime, SecondsFormat, Utc};
use rustix::fs::OFlags;

use crate::failure::{Failure, Kind, Result};
use crate::owner;

/// Spaces messages evenly, so that the relay never counts too many in one minute.
pub(super) struct Pace<'a> {
    interval: Duration,
    last: Option<Instant>,
    /// The file with the next slot of all processes.
    shared: Option<&'a Path>,
    trouble: Option<String>,
}

const STEP: Duration = Duration::from_millis(100);

/// A process holds the file for less than a millisecond. One that is stopped while it does so may
/// hold it for ever.
const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 1 } else { 10 });

/// So many processes cannot wait for a slot at once. A slot that is farther away was taken by a clock
/// that was wrong.
const MOST_WAITING: u32 = 1000;

/// More of the file is not read: it holds one moment.
const LONGEST: u64 = 100;

impl<'a> Pace<'a> {
    /// 0 a minute: without a wait.
    pub(super) fn new(per_minute: u32, shared: Option<&'a Path>) -> Self {
        let interval = Duration::from_secs(60).checked_div(per_minute).unwrap_or_default();
        Self { interval, last: None, shared: shared.filter(|_| per_minute > 0), trouble: None }
    }

    fn rest(&self, since_last: Duration) -> Duration {
        self.interval.saturating_sub(since_last)
    }

    pub(super) fn has_to_wait(&self) -> bool {
        self.shared.is_some() || self.last.is_some_and(|last| !self.rest(last.elapsed()).is_zero())
    }

    /// Waits until it is time for the next message, or until `stopped`.
    pub(super) fn keep(&mut self, stopped: &dyn Fn() -> bool) {
        let rest = |pace: &Self| pace.last.map_or(Duration::ZERO, |last| pace.rest(last.elapsed()));
        let Some(file) = self.shared else { return wait(rest(self), stopped) };
        match take_slot(file, self.interval, stopped) {
            Ok(Taken { wait: time, was_wrong }) => {
                if was_wrong {
                    tracing::warn!(
                        "{}: the next slot was far in the future, as if the clock of another machine were wrong; it begins anew",
                        file.display()
                    );
                }
                wait(time, stopped);
            }
            Err(failure) => {
                tracing::warn!("not shared with other districts, each sends at its own pace: {failure}");
                self.trouble = Some(failure.to_string());
                self.shared = None;
                wait(rest(self), stopped);
            }
        }
    }

    pub(super) fn begin(&mut self) {
        self.last = Some(Instant::now());
    }

    /// Why the pace is not shared although it should be.
    pub(super) fn trouble(self) -> Option<String> {
        self.trouble
    }
}

fn wait(time: Duration, stopped: &dyn Fn() -> bool) {
    let end = Instant::now() + time;
    while !stopped() {
        let rest = end.saturating_duration_since(Instant::now());
        if rest.is_zero() {
            break;
        }
        std::thread::sleep(rest.min(STEP));
    }
}

#[derive(Debug, PartialEq)]
struct Taken {
    /// Until the slot.
    wait: Duration,
    /// The file was about a moment that cannot be right.
    was_wrong: bool,
}

/// Takes the next free slot, and notes the one after it.
fn take_slot(path: &Path, interval: Duration, stopped: &dyn Fn() -> bool) -> Result<Taken> {
    let failed = |cause| Failure::io(Kind::Failed, "the file of the shared pace cannot be used", path, cause);
    let mut file = open(path).map_err(failed)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => break,
            Err(TryLockError::Error(cause)) => return Err(failed(cause)),
            Err(TryLockError::WouldBlock) if Instant::now() < deadline && !stopped() => {
                std::thread::sleep(Duration::from_millis(5));
            }
            Err(TryLockError::WouldBlock) => {
                return Err(Failure::new(
                    Kind::Failed,
                    "another process keeps the file of the shared pace locked",
                )
                .at(path.display())
                .cure("find the process (`fuser` names it) and end it; that releases the lock"));
            }
        }
    }
    let mut text = String::new();
    Read::by_ref(&mut file).take(LONGEST).read_to_string(&mut text).map_err(failed)?;
    let (taken, next) = slot(&text, SystemTime::now(), interval);
    let next = DateTime::<Utc>::from(next).to_rfc3339_opts(SecondsFormat::Micros, true);
    file.rewind()
        .and_then(|()| file.write_all(format!("{next}\n").as_bytes()))
        .and_then(|()| file.set_len(next.len() as u64 + 1))
        .map_err(failed)?;
    Ok(taken)
}

/// The slot that `text` names, or one at once, and the next one after it. A file that says nothing is a
/// new one.
fn slot(text: &str, now: SystemTime, interval: Duration) -> (Taken, SystemTime) {
    let noted = text.trim().parse::<DateTime<Utc>>().ok().map(SystemTime::from);
    let away = noted.and_then(|noted| noted.duration_since(now).ok()).unwrap_or_default();
    let was_wrong = away > interval * MOST_WAITING;
    let wait = if was_wrong { Duration::ZERO } else { away };
    (Taken { wait, was_wrong }, now + wait + interval)
}

fn open(path: &Path) -> std::io::Result<File> {
    let is_new = !path.exists();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        // A link in its place may lead to any file of the user's.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)?;
    if is_new {
        owner::adopt(path);
    }
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(std::io::Error::other("it is not a regular file")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_spaced_evenly_over_a_minute() {
        let seconds = Duration::from_secs_f64;
        let pace = |per_minute| Pace::new(per_minute, None);
        assert_eq!(pace(25).rest(Duration::ZERO), seconds(2.4));
        assert_eq!(pace(25).rest(seconds(2.0)), seconds(0.4));
        assert_eq!(pace(25).rest(seconds(5.0)), Duration::ZERO);
        assert_eq!(pace(0).rest(Duration::ZERO), Duration::ZERO);
    }

    #[test]
    fn a_process_that_has_to_stop_does_not_wait() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("relay.pace");
        for shared in [None, Some(file.as_path())] {
            let mut pace = Pace::new(1, shared);
            assert_eq!(pace.has_to_wait(), shared.is_some());
            pace.begin();
            assert!(pace.has_to_wait());
            let begun = Instant::now();
            pace.keep(&|| true);
            pace.keep(&|| true);
            assert!(begun.elapsed() < Duration::from_secs(30));
        }
    }

    #[test]
    fn each_process_takes_the_next_slot_and_a_wrong_clock_stops_none() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let seconds = Duration::from_secs;
        let text = |at: SystemTime| DateTime::<Utc>::from(at).to_rfc3339();
        let at = |text: &str| slot(text, now, seconds(2));
        let taken = |wait, was_wrong| Taken { wait: seconds(wait), was_wrong };
        assert_eq!(at(""), (taken(0, false), now + seconds(2)), "a new file");
        assert_eq!(at("no moment\n"), (taken(0, false), now + seconds(2)));
        assert_eq!(at(&text(now - seconds(60))), (taken(0, false), now + seconds(2)), "no slot is saved up");
        assert_eq!(at(&text(now + seconds(7))), (taken(7, false), now + seconds(9)));
        assert_eq!(at(&text(now + seconds(2000))), (taken(2000, false), now + seconds(2002)));
        assert_eq!(at(&text(now + seconds(2001))), (taken(0, true), now + seconds(2)));
    }

    #[test]
    fn what_cannot_be_shared_is_said_and_the_own_pace_holds() {
        let folder = tempfile::tempdir().unwrap();
        let held = folder.path().join("held.pace");
        let holder = File::create(&held).unwrap();
        holder.lock().unwrap();
        let (link, precious) = (folder.path().join("link.pace"), folder.path().join("precious"));
        std::fs::write(&precious, "much work").unwrap();
        std::os::unix::fs::symlink(&precious, &link).unwrap();
        for (file, said) in [
            (folder.path(), "the file of the shared pace cannot be used"),
            (&held, "another process keeps the file of the shared pace locked"),
            (&link, "the file of the shared pace cannot be used"),
        ] {
            let mut pace = Pace::new(60_000, Some(file));
            pace.keep(&|| false);
            pace.keep(&|| false);
            let trouble = pace.trouble().unwrap();
            assert!(trouble.contains(said), "{trouble}");
        }
        assert_eq!(std::fs::read_to_string(precious).unwrap(), "much work");
    }
}
