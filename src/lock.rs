//! One run at a time: an advisory lock that the kernel frees when the process ends, however it ends.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::failure::{Failure, Kind, Result};

/// A held lock; dropping it frees it.
pub struct Lock {
    _file: File,
}

/// How long a command waits for another one that is about to finish.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Whose details change at a time: the accounts and the outbox are locked apart, so that sending slowly to thousands
/// does not keep the accounts locked.
#[derive(Debug, Clone, Copy)]
pub enum Of {
    Run,
    Outbox,
}

impl Lock {
    /// Takes the lock of the store at `store`, waiting for it at most `patience`.
    ///
    /// # Errors
    /// `Busy`, saying who holds it since when.
    pub fn take(store: &Path, of: Of, now: &str, patience: Duration) -> Result<Self> {
        let path = path(store, of);
        let failed = |cause| Failure::io(Kind::Failed, "the lock file cannot be used", &path, cause);
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(failed)?;
        }
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&path)
            .map_err(failed)?;
        let deadline = Instant::now() + patience;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(cause)) => return Err(failed(cause)),
                Err(TryLockError::WouldBlock) if Instant::now() < deadline => {
                    std::thread::sleep(Duration::from_millis(50));
                }
                Err(TryLockError::WouldBlock) => {
                    // Whoever has just taken it may not have said so yet, and what stands there is of the one before.
                    std::thread::sleep(Duration::from_millis(50));
                    let mut holder = String::new();
                    // Who it is is only for the message; the lock is the kernel's word.
                    let _ = file.read_to_string(&mut holder);
                    let what = match of {
                        Of::Run => "another run holds the lock",
                        Of::Outbox => "another process is sending the notifications",
                    };
                    return Err(Failure::new(Kind::Busy, format!("{what} ({})", holder.trim()))
                        .at(path.display())
                        .cure("wait until it has finished; if it hangs, end that process: the lock goes with it"));
                }
            }
        }
        let holder = format!("process {} since {now}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(holder.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

fn path(store: &Path, of: Of) -> PathBuf {
    let mut name = store.as_os_str().to_owned();
    name.push(match of {
        Of::Run => ".lock",
        Of::Outbox => ".outbox.lock",
    });
    name.into()
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
}
