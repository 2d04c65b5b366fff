//! What may be in a zip archive, judged by its directory before anything is unpacked.
//!
//! An archive with an entry that points outside of it, that is encrypted or absurdly large is refused as a whole, also
//! where that entry would not have been read: nobody exports such a thing by accident.

use std::path::Path;

use zip::ZipArchive;

use super::limits::Limits;
use super::package::{Content, PackageFile, Part, is_litter, no_users};
use super::shared_file::SharedFile;
use crate::failure::{Failure, Kind, Result};

/// Opens the archive and finds the files of interest in it.
pub(super) fn open(
    path: &Path,
    file: SharedFile,
    limits: Limits,
) -> Result<(ZipArchive<SharedFile>, Vec<PackageFile>)> {
    let archive = ZipArchive::new(file).map_err(|cause| {
        Failure::new(Kind::InputUnusable, "the export is neither a folder nor a complete zip file")
            .at(path.display())
            .cure("`[source] path` has to be the folder or the zip file of the export; if it is, check that it was delivered completely")
            .because(cause)
    })?;
    let refuse = |what: String| {
        Failure::new(Kind::InputUnusable, what)
            .at(path.display())
            .cure("make the zip file anew from the exported CSV files alone, without a password")
    };
    if archive.len() > limits.entries {
        return Err(refuse(format!("the zip file has more than {} entries", limits.entries)));
    }
    if archive.has_duplicate_names() {
        return Err(refuse("the zip file has several entries of the same name".to_owned()));
    }
    // Files of interest, with the top folder each is in.
    let mut found: Vec<(String, PackageFile)> = Vec::new();
    for index in 0..archive.len() {
        let entry = archive.by_index_data(index).map_err(|cause| {
            refuse("the directory of the zip file cannot be read".to_owned()).because(cause)
        })?;
        // Archives made on Windows may have backslashes.
        let name = String::from_utf8_lossy(entry.name_raw()).replace('\\', "/");
        if escapes(&name) {
            return Err(refuse("the zip file has an entry that points outside of it".to_owned()));
        }
        if entry.encrypted() {
            return Err(refuse("the zip file is encrypted".to_owned()));
        }
        let components: Vec<&str> = name.split('/').collect();
        let (folder, base) = match components[..] {
            [base] => ("", base),
            [folder, base] => (folder, base),
            _ => continue,
        };
        if is_litter(folder) || is_litter(base) || !entry.is_file() {
            continue;
        }
        let Some(part) = Part::of(base) else { continue };
        if let Some(objection) = limits.objection(entry.size(), entry.compressed_size()) {
            return Err(refuse(format!("{base} in the zip file {objection}")));
        }
        let content = Content::Entry(index);
        let file = PackageFile { part, name: base.to_owned(), content };
        found.push((folder.to_owned(), file));
    }
    let mut folders: Vec<&str> = found
        .iter()
        .filter(|(_, file)| file.part == Part::Users)
        .map(|(folder, _)| folder.as_str())
        .collect();
    folders.sort_unstable();
    folders.dedup();
    // The root sorts first and wins.
    let chosen = match folders[..] {
        ["", ..] => String::new(),
        [one] => one.to_owned(),
        _ => return Err(no_users(path, folders.len())),
    };
    let files = found.into_iter().filter(|(folder, _)| *folder == chosen).map(|(_, file)| file).collect();
    Ok((archive, files))
}

/// Whether a name is absolute, has a drive letter, or goes up.
fn escapes(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    name.starts_with('/') || drive || name.split('/').any(|component| component == "..")
}
