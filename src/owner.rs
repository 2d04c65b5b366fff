//! The owner of new files and folders, and which users may change existing ones.
//!
//! Only the owner may enter what is made here. As root, in a folder of another user, what is made belongs to that user:
//! otherwise one run by hand as root would leave files that stop the service user's next run.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, chown};
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat};
use rustix::process::geteuid;

/// Makes a folder with everything above it that is missing; only the owner may enter it.
pub fn make_folder(path: &Path) -> io::Result<()> {
    if path.as_os_str().is_empty() || path.is_dir() {
        return Ok(());
    }
    if let Some(above) = path.parent() {
        make_folder(above)?;
    }
    match DirBuilder::new().mode(0o700).create(path) {
        // Another process was faster.
        Err(_) if path.is_dir() => Ok(()),
        made => made.map(|()| adopt(path)),
    }
}

/// Gives what root has just made to the owner of the folder that it is in. For any other user there is nothing to do.
pub fn adopt(path: &Path) {
    if !geteuid().is_root() {
        return;
    }
    let folder = folder_of(path);
    if let (Ok(folder), Ok(made)) = (fs::metadata(folder), fs::symlink_metadata(path))
        && made.uid() == 0
        && folder.uid() != 0
        && !made.is_symlink()
    {
        // If it cannot be given away, its owner is told at the next run that the file is not theirs.
        let _ = chown(path, Some(folder.uid()), Some(folder.gid()));
    }
}

pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Brings the names in a folder to the disk: a file that was renamed outlives a power cut only then.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Why this process could not make files in a folder; none if it could. A folder that is not there yet is asked about by
/// the nearest one above it. Nothing is written.
pub fn unwritable(folder: &Path) -> Option<io::Error> {
    let mut place = std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned());
    while !place.exists() {
        if !place.pop() {
            return Some(io::ErrorKind::NotFound.into());
        }
    }
    if !place.is_dir() {
        return Some(io::ErrorKind::NotADirectory.into());
    }
    accessat(CWD, &place, Access::WRITE_OK | Access::EXEC_OK, AtFlags::EACCESS).err().map(io::Error::from)
}

/// Why this process could not write to a file that is there; none if it could.
pub fn unwritable_file(file: &Path) -> Option<io::Error> {
    accessat(CWD, file, Access::WRITE_OK, AtFlags::EACCESS).err().map(io::Error::from)
}

/// Whether users other than the owner (and root) can put files into a folder, or take files out of it.
pub fn is_open_to_others(folder: &Path) -> bool {
    const STICKY: u32 = 0o1000;
    fs::metadata(folder).is_ok_and(|found| found.mode() & 0o022 != 0 && found.mode() & STICKY == 0)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn folders_are_made_for_their_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let deep = place.path().join("a/b");
        make_folder(&deep).unwrap();
        make_folder(&deep).unwrap();
        for folder in [place.path().join("a"), deep] {
            assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o777, 0o700);
            assert!(!is_open_to_others(&folder));
        }
    }

    #[test]
    fn who_can_change_a_folder() {
        let place = tempfile::tempdir().unwrap();
        for (mode, open) in [(0o700, false), (0o755, false), (0o775, true), (0o707, true), (0o1777, false)] {
            fs::set_permissions(place.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(is_open_to_others(place.path()), open, "{mode:o}");
        }
        assert!(unwritable(&place.path().join("new/er")).is_none());
        fs::write(place.path().join("file"), "").unwrap();
        assert!(unwritable(&place.path().join("file/in")).is_some());
    }
}
