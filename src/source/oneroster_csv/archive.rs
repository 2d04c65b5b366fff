//! What may be in a zip archive, judged by its directory before anything is unpacked.
//!
//! An archive with an entry that points outside of it, that is encrypted or absurdly large is
//! refused as a whole, also where that entry would not have been read: no exporter makes such a
//! file by accident. Nothing is unpacked to disk, so the limits guard memory and time only.

use std::io::{self, Read};
use std::path::Path;

use zip::{CompressionMethod, ZipArchive};

use super::package::{Around, Content, PackageFile, Part, PartOf, is_litter, no_users};
use super::shared_file::SharedFile;
use crate::failure::{Failure, Kind, Result};

/// Opens the archive and finds the files of interest in it.
pub(super) fn open(
    path: &Path,
    file: SharedFile,
    limits: Limits,
    part_of: PartOf,
) -> Result<(ZipArchive<SharedFile>, Vec<PackageFile>, Around)> {
    let mut head = file.clone();
    // The library's message (a missing signature) does not help a reader.
    let archive = ZipArchive::new(file).map_err(|_| no_zip(path, &mut head))?;
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
    let mut names = Vec::new();
    // Files of interest, with the top folder each is in.
    let mut found: Vec<(String, PackageFile)> = Vec::new();
    let mut others: Vec<(String, String)> = Vec::new();
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
        if entry.is_file() && names.len() < 1000 && !name.split('/').any(is_litter) {
            names.push(name.clone());
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
        let Some(part) = part_of(base) else {
            if others.len() < 1000 {
                others.push((folder.to_owned(), base.to_owned()));
            }
            continue;
        };
        if let Some(method) = unsupported(entry.compression()) {
            return Err(Failure::new(
                Kind::InputUnusable,
                format!("{base} in the zip file is packed by a method that is not supported ({method})"),
            )
            .at(path.display())
            .cure("make the zip with Deflate, the ordinary one"));
        }
        if let Some(objection) = limits.objection(entry.size(), entry.compressed_size()) {
            return Err(refuse(format!("{base} in the zip file {objection}")));
        }
        let content = Content::Entry(index);
        let file = PackageFile { part, name: base.to_owned(), folder: None, content };
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
        _ => return Err(no_users(path, folders.len(), names)),
    };
    let files = found.into_iter().filter(|(folder, _)| *folder == chosen).map(|(_, file)| file).collect();
    let others = others.into_iter().filter(|(folder, _)| *folder == chosen).map(|(_, name)| name).collect();
    let folder = Some(chosen).filter(|folder| !folder.is_empty());
    Ok((archive, files, Around { folder, others }))
}

/// What is wrong with a file that cannot be opened as a zip file.
fn no_zip(path: &Path, file: &mut SharedFile) -> Failure {
    let mut head = Vec::new();
    let _ = file.take(8).read_to_end(&mut head);
    let detail = match head.as_slice() {
        [b'P', b'K', 3, 4, ..] => ": it begins like a zip file, but its end is missing or damaged",
        [b'7', b'z', 0xBC, 0xAF, ..] => ": it is an archive of 7-Zip",
        [b'R', b'a', b'r', b'!', ..] => ": it is a RAR archive",
        [0x1F, 0x8B, ..] => ": it is packed by gzip",
        [] => ": it is empty",
        _ => "",
    };
    Failure::new(Kind::InputUnusable, format!("the export is neither a folder nor a complete zip file{detail}"))
        .at(path.display())
        .cure("`[source] path` has to be the folder or the zip file of the export; if it is, check that it was delivered completely")
}

/// The name of a method by which files are packed that is not the ordinary one.
fn unsupported(method: CompressionMethod) -> Option<String> {
    if method == CompressionMethod::Stored
        || method == CompressionMethod::Deflated
        || method == CompressionMethod::Deflate64
    {
        return None;
    }
    // As the zip format numbers them.
    let named =
        [(12, "bzip2"), (14, "LZMA"), (93, "Zstandard"), (95, "xz"), (98, "PPMd"), (99, "AES encryption")];
    let written = format!("{method:?}");
    let number: String = written.chars().filter(char::is_ascii_digit).collect();
    let name = named.iter().find(|(known, _)| known.to_string() == number);
    Some(name.map_or_else(|| format!("number {number}"), |(_, name)| (*name).to_owned()))
}

/// Whether a name is absolute, has a drive letter, or goes up.
fn escapes(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    name.starts_with('/') || drive || name.split('/').any(|component| component == "..")
}

/// Bounds for a package.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    pub entries: usize,
    /// Uncompressed bytes of one file.
    pub file: u64,
    /// How many times larger than its compressed form a file may be, once it is larger than
    /// `ratio_from`.
    pub ratio: u64,
    pub ratio_from: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { entries: 10_000, file: 8 << 30, ratio: 1_000, ratio_from: 64 << 20 }
    }
}

impl Limits {
    /// What is wrong with a file of this size, if anything.
    pub(super) fn objection(&self, size: u64, compressed: u64) -> Option<String> {
        if size > self.file {
            Some(format!("is larger than {} bytes", self.file))
        } else if size > self.ratio_from && size > compressed.saturating_mul(self.ratio) {
            Some(format!("is more than {} times larger than its compressed form", self.ratio))
        } else {
            None
        }
    }
}

/// Stops reading an entry that turns out larger than allowed, whatever the archive's directory
/// claims.
pub(super) struct Limited<R> {
    pub reader: R,
    pub limits: Limits,
    pub compressed: u64,
    pub read: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.reader.read(buffer)?;
        self.read += count as u64;
        match self.limits.objection(self.read, self.compressed) {
            Some(objection) => Err(io::Error::new(io::ErrorKind::InvalidData, format!("it {objection}"))),
            None => Ok(count),
        }
    }
}
