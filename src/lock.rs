//! One run at a time: an advisory lock that the kernel frees when the process ends, however it
//! ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::fs::OFlags;

use crate::failure::{Failure, Kind, Result};
use crate::owner::{self, absolute};

/// A held lock; dropping it frees it.
///
/// The file says which process holds it, and in a second line what [`Lock::note`] was given. A
/// process that is killed leaves that line, and so do those that take the lock after it: it stays
/// until another one is noted, or it is taken away.
pub struct Lock {
    file: File,
    holder: String,
    /// What an earlier process noted and did not take away.
    left: Option<String>,
}

/// How long a command waits for another one that is about to finish. In a debug build one second:
/// so long is the wait of every test of it.
pub const PATIENCE: Duration = Duration::from_secs(if cfg!(debug_assertions) { 1 } else { 5 });

/// More of a lock file is not read: it holds two short lines.
const LONGEST: u64 = 2000;

/// What is locked. Accounts and outbox have a lock each, so that slow sending to thousands of
/// people does not lock the accounts.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    Run,
    Outbox,
}

impl Lock {
    /// Takes the lock of the store at `store`, waiting for it at most `patience`.
    ///
    /// # Errors
    /// `Busy`, with the process that holds it and since when.
    pub fn take(store: &Path, of: Of, now: &str, patience: Duration) -> Result<Self> {
        let path = path_of(store, of);
        let failed = |cause| unusable(&path, cause);
        let mut file = open(&path)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => {
                    // A process that has just taken it may not have written its number yet; the old
                    // one is still there.
                    std::thread::sleep(Duration::from_millis(50));
                    // The text is only for the message; the lock itself is the kernel's.
                    let (holder, _) = read(&mut file);
                    let what = match of {
                        Of::Run => "another run holds the lock",
                        Of::Outbox => "another process is sending the notifications",
                    };
                    let who = match holder.as_str() {
                        "" => "a process that has not written its number yet",
                        holder => holder,
                    };
                    return Err(Failure::new(Kind::Busy, format!("{what} ({who})"))
                        .at(absolute(&path).display())
                        .cure("wait until it has finished; if it hangs, end that process: that releases the lock"));
                }
            }
        }
        let (_, left) = read(&mut file);
        let holder = format!("process {} since {now}", std::process::id());
        let mut lock = Self { file, holder, left: left.clone() };
        // Only now is it ours to change.
        lock.write(left.as_deref()).map_err(failed)?;
        Ok(lock)
    }

    /// What an earlier process noted here and did not take away.
    pub fn left(&self) -> Option<&str> {
        self.left.as_deref()
    }

    /// Notes a line of text for the case that this process is killed, or takes it away.
    ///
    /// # Errors
    /// `Failed` if the file cannot be written.
    pub fn note(&mut self, store: &Path, line: Option<&str>) -> Result<()> {
        self.write(line).map_err(|cause| unusable(&path_of(store, Of::Run), cause))
    }

    /// In one step, and cut to its length after it: what a killed process leaves can be read.
    fn write(&mut self, line: Option<&str>) -> std::io::Result<()> {
        let mut text = format!("{}\n", self.holder);
        if let Some(line) = line {
            text.push_str(line);
            text.push('\n');
        }
        self.file.rewind()?;
        self.file.write_all(text.as_bytes())?;
        self.file.set_len(text.len() as u64)
    }

    /// Which process holds the lock of a run, or else what one that was killed has noted. Nothing is
    /// written.
    pub fn seen(store: &Path) -> Seen {
        let Ok(mut file) = OpenOptions::new()
            .read(true)
            .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
            .open(path_of(store, Of::Run))
        else {
            return Seen::Free(None);
        };
        // Shared, and for a moment only: a run that begins meanwhile waits for it.
        let is_free = file.try_lock_shared().is_ok();
        let (holder, left) = read(&mut file);
        if is_free { Seen::Free(left) } else { Seen::Held(holder) }
    }

    /// Whether the lock could be taken by this user at all; asked before something is done that
    /// cannot be finished without it. That another process holds it is no hindrance.
    ///
    /// # Errors
    /// `Failed` if the file cannot be used.
    pub fn try_usable(store: &Path, of: Of) -> Result<()> {
        open(&path_of(store, of)).map(drop)
    }
}

/// A lock as others see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// `process 4711 since 2026-11-23 02:00`
    Held(String),
    /// No process holds it. What one noted that was killed.
    Free(Option<String>),
}

/// The two lines of a lock file. The second one only if it is whole.
fn read(file: &mut File) -> (String, Option<String>) {
    let mut text = String::new();
    let read = file.rewind().and_then(|()| Read::by_ref(file).take(LONGEST).read_to_string(&mut text));
    if read.is_err() {
        return (String::new(), None);
    }
    let mut lines = text.split_inclusive('\n');
    let holder = lines.next().unwrap_or_default().trim().to_owned();
    (holder, lines.next().and_then(|line| line.strip_suffix('\n')).map(str::to_owned))
}

/// Opens the lock file, or makes it. Nothing is written: what is there may be another
/// process's.
fn open(path: &Path) -> Result<File> {
    let failed = |cause| unusable(path, cause);
    owner::make_folder(owner::folder_of(path)).map_err(failed)?;
    let is_new = !path.exists();
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        // A link in its place may lead to any file of the user's.
        .custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits().cast_signed())
        .open(path)
        .map_err(failed)?;
    if is_new {
        owner::adopt(path);
    }
    if !file.metadata().map_err(failed)?.is_file() {
        return Err(Failure::new(Kind::Failed, "the lock file is not a regular file")
            .at(absolute(path).display())
            .cure("remove it; rostersync makes it"));
    }
    Ok(file)
}

fn unusable(path: &Path, cause: std::io::Error) -> Failure {
    let what = "the lock file cannot be used";
    let at = absolute(path);
    if path.is_symlink() {
        return Failure::new(Kind::Failed, what)
            .at(at.display())
            .cure(
                "it is a symbolic link, and rostersync makes none: find out what put it there, then remove it",
            )
            .because(cause);
    }
    match cause.kind() {
        std::io::ErrorKind::PermissionDenied => Failure::new(Kind::Failed, what)
            .at(at.display())
            .cure(
                "give it, the store and their folder to the user that runs rostersync (chown); a run as root may have left it",
            )
            .because(cause),
        _ => Failure::io(Kind::Failed, what, &at, cause),
    }
}

/// Where the lock file is: beside the store itself, so that by a symbolic link to it the lock is
/// the same.
pub fn path_of(store: &Path, of: Of) -> PathBuf {
    let store = match store.is_symlink() {
        true => std::fs::canonicalize(store).unwrap_or_else(|_| store.to_owned()),
        false => store.to_owned(),
    };
    owner::with_suffix(
        &store,
        match of {
            Of::Run => ".lock",
            Of::Outbox => ".outbox.lock",
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_who_is_the_first() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.db");
        let first = Lock::take(&store, Of::Run, "2026-11-23 02:00", Duration::ZERO).unwrap();
        let refused = Lock::take(&store, Of::Run, "2026-11-23 02:01", Duration::ZERO).err().unwrap();
        assert_eq!(refused.kind, Kind::Busy);
        let said = refused.to_string();
        assert!(said.contains(&format!("process {} since 2026-11-23 02:00", std::process::id())), "{said}");
        assert!(
            Lock::take(&store, Of::Outbox, "", Duration::ZERO).is_ok(),
            "the outbox has a lock of its own"
        );
        drop(first);
        assert!(Lock::take(&store, Of::Run, "2026-11-23 02:02", Duration::ZERO).is_ok());
    }

    #[test]
    fn a_link_is_not_followed_and_what_it_leads_to_is_not_touched() {
        let folder = tempfile::tempdir().unwrap();
        let (store, other) = (folder.path().join("store.db"), folder.path().join("precious"));
        std::fs::write(&other, "much work").unwrap();
        std::os::unix::fs::symlink(&other, folder.path().join("store.db.lock")).unwrap();
        let refused = Lock::take(&store, Of::Run, "", Duration::ZERO).err().unwrap();
        assert!(refused.to_string().contains("it is a symbolic link"), "{refused}");
        assert_eq!(std::fs::read_to_string(other).unwrap(), "much work");
    }

    #[test]
    fn by_a_link_to_the_store_the_lock_is_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let (store, link) = (folder.path().join("store.db"), folder.path().join("link.db"));
        std::fs::write(&store, "").unwrap();
        std::os::unix::fs::symlink(&store, &link).unwrap();
        let _first = Lock::take(&link, Of::Run, "", Duration::ZERO).unwrap();
        assert_eq!(Lock::take(&store, Of::Run, "", Duration::ZERO).err().unwrap().kind, Kind::Busy);
        assert!(Lock::try_usable(&store, Of::Run).is_ok(), "that it is held is no hindrance");
    }

    #[test]
    fn what_a_killed_process_noted_stays_until_it_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.db");
        let take = || Lock::take(&store, Of::Run, "2026-11-23 02:00", Duration::ZERO).unwrap();
        let mut first = take();
        assert_eq!(first.left(), None);
        first.note(&store, Some("a run that began")).unwrap();
        let held = format!("process {} since 2026-11-23 02:00", std::process::id());
        assert_eq!(Lock::seen(&store), Seen::Held(held));
        drop(first);
        assert_eq!(Lock::seen(&store), Seen::Free(Some("a run that began".into())));
        // An edit takes the lock as well, and says nothing of runs.
        drop(take());
        let mut last = take();
        assert_eq!(last.left(), Some("a run that began"));
        last.note(&store, None).unwrap();
        drop(last);
        assert_eq!(Lock::seen(&store), Seen::Free(None));
        // Half a line is no note.
        std::fs::write(folder.path().join("store.db.lock"), "process 1 since\nhalf a li").unwrap();
        assert_eq!(Lock::seen(&store), Seen::Free(None));
    }

    #[test]
    fn a_lock_of_a_process_that_says_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("store.db");
        let file = File::create(folder.path().join("store.db.lock")).unwrap();
        file.lock().unwrap();
        let said = Lock::take(&store, Of::Run, "", Duration::ZERO).err().unwrap().to_string();
        assert!(said.contains("(a process that has not written its number yet)"), "{said}");
    }
}
