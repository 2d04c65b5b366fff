//! Temporary folders for files with personal details. Only their owner may enter them, whatever the
//! umask says. The next real run removes those that a killed process left. Only folders with the
//! mark of rostersync are removed.

use std::fs::{self, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::failure::{Failure, Kind, Result};

const PREFIX: &str = "rostersync-";

/// The mark: a file of this name with this text. A folder that only has such a name may be of
/// another program.
const MARK: (&str, &str) = (".rostersync-scratch", "A temporary folder of rostersync. It may be removed.\n");

/// No process of rostersync needs a folder for so long.
const DEAD_AFTER: Duration = Duration::from_secs(86_400);

/// A new folder, which goes when it is dropped.
///
/// # Errors
/// `Failed` if none can be made.
pub fn folder() -> Result<TempDir> {
    let place = std::env::temp_dir();
    let unusable = |cause| Failure::io(Kind::Failed, "no temporary folder can be made", &place, cause);
    let folder = tempfile::Builder::new()
        .prefix(PREFIX)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(&place)
        .map_err(unusable)?;
    let mark = folder.path().join(MARK.0);
    file(&mark)?;
    fs::write(&mark, MARK.1).map_err(unusable)?;
    if let Ok(mut own) = OWN.lock() {
        own.push(folder.path().to_owned());
    }
    Ok(folder)
}

/// Folders of this process, some of which are gone already.
static OWN: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the temporary folders of this process, which is about to end.
pub fn remove_own() {
    for folder in OWN.lock().map(|mut own| std::mem::take(&mut *own)).unwrap_or_default() {
        if is_marked(&folder) {
            let _ = fs::remove_dir_all(folder);
        }
    }
}

/// Removes the temporary folders of processes of this user that were killed more than a day ago.
/// What cannot be removed is left to the next run.
pub fn remove_left_over() {
    remove_dead(&std::env::temp_dir(), rustix::process::geteuid().as_raw(), SystemTime::now());
}

/// A new file that only its owner may read, to be filled by the next program that opens it.
///
/// # Errors
/// `Failed` if it cannot be made.
pub fn file(path: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|cause| Failure::io(Kind::Failed, "a temporary file cannot be made", path, cause))
}

fn remove_dead(place: &Path, user: u32, now: SystemTime) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        // Links are not followed, here or below.
        let Ok(found) = entry.metadata() else { continue };
        let age = found.modified().ok().and_then(|written| now.duration_since(written).ok());
        if found.is_dir()
            && found.uid() == user
            && age.is_some_and(|age| age > DEAD_AFTER)
            && is_marked(&entry.path())
        {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

fn is_marked(folder: &Path) -> bool {
    let mark = folder.join(MARK.0);
    let is_file =
        fs::symlink_metadata(&mark).is_ok_and(|found| found.is_file() && found.len() == MARK.1.len() as u64);
    is_file && fs::read(&mark).is_ok_and(|text| text == MARK.1.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_folders_with_our_mark_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        let folders =
            ["rostersync-dead", "rostersync-young", "other-dead", "rostersync-backup", "rostersync-like"];
        for name in folders {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("users.csv"), "sourcedId\n").unwrap();
            match name {
                "rostersync-backup" => {}
                "rostersync-like" => fs::write(at(name).join(MARK.0), "of another program").unwrap(),
                _ => fs::write(at(name).join(MARK.0), MARK.1).unwrap(),
            }
        }
        fs::write(at("rostersync-file"), "").unwrap();
        std::os::unix::fs::symlink(at("other-dead"), at("rostersync-link")).unwrap();
        let now = SystemTime::now();
        for name in
            ["rostersync-dead", "other-dead", "rostersync-file", "rostersync-backup", "rostersync-like"]
        {
            let opened = fs::File::open(at(name)).unwrap();
            opened.set_modified(now - DEAD_AFTER - Duration::from_secs(60)).unwrap();
        }
        remove_dead(place.path(), fs::metadata(place.path()).unwrap().uid(), now);
        let mut left: Vec<String> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(
            left,
            [
                "other-dead",
                "rostersync-backup",
                "rostersync-file",
                "rostersync-like",
                "rostersync-link",
                "rostersync-young"
            ]
        );
        assert!(at("other-dead/users.csv").exists());
    }

    #[test]
    fn a_file_is_readable_by_its_owner_only() {
        let made = folder().unwrap();
        assert!(is_marked(made.path()));
        assert_eq!(fs::metadata(made.path()).unwrap().mode() & 0o777, 0o700);
        let path = made.path().join("x");
        file(&path).unwrap();
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
    }
}
