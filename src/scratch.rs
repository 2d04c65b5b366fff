//! Temporary folders for what holds people's details: only their owner may enter them, whatever the umask says, and what a
//! killed process has left of them goes with the next one.

use std::fs::{self, Metadata, OpenOptions, Permissions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use crate::failure::{Failure, Kind, Result};

/// By what they are recognised.
const PREFIX: &str = "rostersync-";

/// No process of ours needs one for so long.
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
    let own = fs::metadata(folder.path()).map_err(unusable)?;
    remove_dead(&place, &own, SystemTime::now());
    Ok(folder)
}

/// A new file that only its owner may read, to be filled by whoever opens it next.
///
/// # Errors
/// `Failed` if it cannot be made.
pub fn file(path: &Path) -> Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map(drop).map_err(|cause| Failure::io(Kind::Failed, "a temporary file cannot be made", path, cause))
}

/// Removes folders of ours that nobody has touched for a day. What cannot be removed is left to the next process.
fn remove_dead(place: &Path, own: &Metadata, now: SystemTime) {
    let Ok(entries) = fs::read_dir(place) else { return };
    for entry in entries.flatten().filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX)) {
        // Links are not followed, here or below.
        let Ok(found) = entry.metadata() else { continue };
        let age = found.modified().ok().and_then(|written| now.duration_since(written).ok());
        if found.is_dir() && found.uid() == own.uid() && age.is_some_and(|age| age > DEAD_AFTER) {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_old_folders_of_ours_are_removed() {
        let place = tempfile::tempdir().unwrap();
        let at = |name: &str| place.path().join(name);
        for name in ["rostersync-dead", "rostersync-young", "other-dead"] {
            fs::create_dir(at(name)).unwrap();
            fs::write(at(name).join("users.csv"), "sourcedId\n").unwrap();
        }
        fs::write(at("rostersync-file"), "").unwrap();
        std::os::unix::fs::symlink(at("other-dead"), at("rostersync-link")).unwrap();
        let now = SystemTime::now();
        for name in ["rostersync-dead", "other-dead", "rostersync-file"] {
            let opened = fs::File::open(at(name)).unwrap();
            opened.set_modified(now - DEAD_AFTER - Duration::from_secs(60)).unwrap();
        }
        remove_dead(place.path(), &fs::metadata(place.path()).unwrap(), now);
        let mut left: Vec<String> = fs::read_dir(place.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        assert_eq!(left, ["other-dead", "rostersync-file", "rostersync-link", "rostersync-young"]);
        assert!(at("other-dead/users.csv").exists());
    }

    #[test]
    fn a_file_is_readable_by_its_owner_only() {
        let made = folder().unwrap();
        assert_eq!(fs::metadata(made.path()).unwrap().mode() & 0o777, 0o700);
        let path = made.path().join("x");
        file(&path).unwrap();
        assert_eq!(fs::metadata(path).unwrap().mode() & 0o777, 0o600);
    }
}
