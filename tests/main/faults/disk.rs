//! What a disk has after a power cut: of each file what was synced last, and of each folder the
//! names that were synced last.
//!
//! That is the worst case. A real disk may have more of it, up to all; then it is as after a kill.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Takes away from a folder what was not synced. `disk` is what the library has kept.
pub(crate) fn cut_power(folder: &Path, disk: &Path) {
    let mut numbers = BTreeMap::new();
    number(folder, &mut numbers);
    let mut left = Vec::new();
    collect(folder, disk, &numbers, &mut left);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { fs::remove_dir_all(path).unwrap() } else { fs::remove_file(path).unwrap() }
    }
    for (path, content) in left {
        match content {
            None => fs::create_dir(path).unwrap(),
            Some((bytes, modified)) => {
                fs::write(&path, bytes).unwrap();
                let only_owner = std::os::unix::fs::PermissionsExt::from_mode(0o600);
                fs::set_permissions(&path, only_owner).unwrap();
                if let Some(modified) = modified {
                    fs::File::open(path).unwrap().set_modified(modified).unwrap();
                }
            }
        }
    }
}

/// Where each file and folder is now.
fn number(folder: &Path, numbers: &mut BTreeMap<u64, PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let found = entry.metadata().unwrap();
        numbers.insert(found.ino(), entry.path());
        if found.is_dir() {
            number(&entry.path(), numbers);
        }
    }
}

/// The bytes of a file and, of one that was not written, when it was modified.
type Content = (Vec<u8>, Option<SystemTime>);

/// The files and folders that the disk has below a folder; a folder before what is in it.
fn collect(
    folder: &Path,
    disk: &Path,
    numbers: &BTreeMap<u64, PathBuf>,
    left: &mut Vec<(PathBuf, Option<Content>)>,
) {
    let kept = disk.join(format!("dir-{}", folder.metadata().unwrap().ino()));
    let names: Vec<(u64, String)> = match fs::read_to_string(kept) {
        Ok(text) => {
            let names = text.lines().map(|line| line.split_once(' ').unwrap());
            names.map(|(number, name)| (number.parse().unwrap(), name.to_owned())).collect()
        }
        // No name in it has changed.
        Err(_) => fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap())
            .map(|entry| (entry.metadata().unwrap().ino(), entry.file_name().into_string().unwrap()))
            .collect(),
    };
    for (number, name) in names {
        let path = folder.join(name);
        match (fs::read(disk.join(format!("ino-{number}"))), numbers.get(&number)) {
            (Ok(bytes), _) => left.push((path, Some((bytes, None)))),
            (Err(_), Some(now)) if now.is_dir() => {
                left.push((path.clone(), None));
                collect(&path, disk, numbers, left);
            }
            // It was never opened for writing.
            (Err(_), Some(now)) => {
                let modified = now.metadata().unwrap().modified().unwrap();
                left.push((path, Some((fs::read(now).unwrap(), Some(modified)))));
            }
            (Err(_), None) => panic!("what was in {} is not known", path.display()),
        }
    }
}
