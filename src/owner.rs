//! Files and folders beside the store: how they are named and made, their owner, and which users may
//! change existing ones.
//!
//! Only the owner may enter what is made here. As root, in a folder of another user, what is made belongs to that user:
//! otherwise one run by hand as root would leave files that stop the service user's next run.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, chown};
use std::path::{Path, PathBuf};

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
        made => {
            made?;
            adopt(path);
            // What is put into it outlives a power cut only if the folder does. Some file systems
            // refuse to sync a folder.
            let _ = sync_folder(folder_of(path));
            Ok(())
        }
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

/// Whether this process may do everything on this machine.
pub fn is_root() -> bool {
    geteuid().is_root()
}

pub fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// Cron starts elsewhere: a path has to mean the same wherever it is read.
pub fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_owned())
}

/// The name of a file without its folder.
pub fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// `STORE.lock`: the path with more at its end.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}

/// Makes a file that only its owner may read. What is left there of a process that died would have
/// the permissions it had, so it goes.
pub fn create_anew(path: &Path) -> io::Result<File> {
    remove(path)?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    adopt(path);
    Ok(file)
}

/// Removes a file, if there is one.
pub fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(cause),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// Brings the names in a folder to the disk: a file that was renamed outlives a power cut only then.
pub fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

/// Why this process could not make files in a folder; none if it could. A folder that is not there yet is asked about by
/// the nearest one above it. Nothing is written.
pub fn unwritable(folder: &Path) -> Option<io::Error> {
    let mut place = absolute(folder);
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

/// The kind of network file system that a folder is on, or the first one above it that is there.
/// None for all others, and where the system does not say.
pub fn network_file_system(folder: &Path) -> Option<&'static str> {
    let folder = folder.ancestors().find(|folder| folder.is_dir()).unwrap_or(Path::new("."));
    network_kind(rustix::fs::statfs(folder).ok()?.f_type as u32)
}

/// By the number that Linux gives each kind. Of those that share a folder between machines only
/// the ones on which a lock of one machine may be none for another.
fn network_kind(number: u32) -> Option<&'static str> {
    match number {
        0x6969 => Some("NFS"),
        0xFF53_4D42 | 0xFE53_4D42 | 0x517B => Some("SMB"),
        0x0102_1997 => Some("9p"),
        0x5346_414F => Some("AFS"),
        _ => None,
    }
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

    #[test]
    fn the_kinds_of_network_file_systems() {
        let place = tempfile::tempdir().unwrap();
        assert_eq!(network_file_system(&place.path().join("not/yet")), None);
        // ext4, tmpfs, XFS, overlay of containers
        for local in [0xEF53, 0x0102_1994, 0x5846_5342, 0x794C_7630] {
            assert_eq!(network_kind(local), None, "{local:x}");
        }
        assert_eq!([network_kind(0x6969), network_kind(0xFE53_4D42)], [Some("NFS"), Some("SMB")]);
    }
}
