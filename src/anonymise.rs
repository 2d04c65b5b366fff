//! `rostersync anonymise`: a roster that can be given away. The findings and the counts of the plan
//! are those of the original, and no value of it is left.
//!
//! Every file is rewritten cell by cell (`table`, `cells`); equal values stay equal within all files
//! of one key (`words`, `numbers`). With a configuration, the files that it names beside the roster
//! are in the archive, and so much of the configuration as decides a plan.

mod cells;
mod numbers;
mod table;
mod words;

use std::fs::{self, File};
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};

use chrono::NaiveDate;
use zip::write::SimpleFileOptions;
use zip::{ZipArchive, ZipWriter};

use self::cells::Cells;
use self::table::Table;
use crate::config::{Beside, Config, Renamed};
use crate::failure::{Failure, Kind, Result};
use crate::owner;

/// A larger file is refused: all of it is in memory.
const LARGEST: u64 = 4 << 30;

/// All files of the standard, in small letters without their ending.
const STANDARD: [&str; 23] = [
    "academicsessions",
    "categories",
    "classes",
    "classresources",
    "courseresources",
    "courses",
    "demographics",
    "enrollments",
    "lineitemlearningobjectiveids",
    "lineitems",
    "lineitemscorescales",
    "manifest",
    "orgs",
    "resources",
    "resultlearningobjectiveids",
    "results",
    "resultscorescales",
    "roles",
    "scorescales",
    "userprofiles",
    "userresources",
    "users",
    "userroles",
];

/// What was written.
#[derive(Debug)]
pub struct Package {
    /// The bytes of a zip archive.
    pub archive: Vec<u8>,
    /// Each file with its rows, in the order of the archive.
    pub files: Vec<(String, usize)>,
    /// Files that are no part of a roster, by their names in the original.
    pub left_out: Vec<String>,
    /// Whether there is a configuration in it.
    pub has_config: bool,
}

/// A file of the original.
struct Original {
    /// In the new archive.
    name: String,
    bytes: Vec<u8>,
}

/// Anonymises the roster at `path`.
///
/// # Errors
/// `InputUnusable` if it cannot be read or has no users.csv.
pub fn anonymise(path: &Path, key: [u8; 32], config: Option<&Config>, today: NaiveDate) -> Result<Package> {
    let (mut originals, left_out) = if path.is_dir() { folder(path)? } else { archive(path)? };
    if !originals.iter().any(|file| base(&file.name).eq_ignore_ascii_case("users.csv")) {
        return Err(Failure::new(Kind::InputUnusable, "there is no users.csv in the export")
            .at(path.display())
            .cure("name the folder or zip file of one OneRoster export, with users.csv at its top or in one folder"));
    }
    let beside = config.map(|config| beside(config, &mut originals)).transpose()?.unwrap_or_default();
    let mut cells = Cells::new(key, config, today);
    let tables: Vec<(String, Table)> =
        originals.into_iter().map(|file| (file.name, Table::open(&file.bytes, &cells))).collect();
    // No person gets a number of the original, in whichever file that is.
    tables.iter().for_each(|(_, table)| table.see(&mut cells));
    let mut out = ZipWriter::new(Cursor::new(Vec::new()));
    let mut files = Vec::new();
    for (name, table) in &tables {
        add(&mut out, name, &table.rewritten(&mut cells))?;
        files.push((name.clone(), table.count()));
    }
    if let Some(config) = config {
        let text = config.anonymised(&beside, &mut |value| match value {
            Renamed::Id(id) => cells.words.text(id),
            Renamed::Pattern(pattern) => cells.pattern(pattern),
        })?;
        add(&mut out, CONFIG, text.as_bytes())?;
    }
    let archive = out.finish().map_err(unwritten)?.into_inner();
    Ok(Package { archive, files, left_out, has_config: config.is_some() })
}

/// The configuration in the archive.
pub const CONFIG: &str = "rostersync.toml";

/// Reads the files that the configuration names beside the roster.
fn beside(config: &Config, originals: &mut Vec<Original>) -> Result<Beside> {
    let mut take = |path: Option<&PathBuf>, name: &'static str| -> Result<Option<&'static str>> {
        let Some(path) = path else { return Ok(None) };
        let failed = |cause| {
            Failure::io(Kind::InputUnusable, "a file of the configuration cannot be read", path, cause)
                .cure("check its path in the configuration, or name another configuration with -c")
        };
        let file = File::open(path).map_err(failed)?;
        originals.push(Original { name: name.to_owned(), bytes: whole(file, path)? });
        Ok(Some(name))
    };
    Ok(Beside {
        guardians: take(config.guardians.as_ref().map(|guardians| &guardians.file), "guardians.csv")?,
        platform: take(config.platform.as_ref().map(|platform| &platform.users), "platform-users.csv")?,
        suppressed: take(config.contacts.suppressed.as_ref(), "suppressed.csv")?,
    })
}

fn base(name: &str) -> &str {
    name.rsplit('/').next().unwrap_or(name)
}

/// Whether a file is one of the standard's.
fn is_standard(name: &str) -> bool {
    let name = base(name).to_ascii_lowercase();
    name.strip_suffix(".csv").is_some_and(|stem| STANDARD.contains(&stem))
}

/// The files of the standard in a folder, or in the one folder inside it that has users.csv; and the
/// names of the others.
fn folder(path: &Path) -> Result<(Vec<Original>, Vec<String>)> {
    let failed = |cause| Failure::io(Kind::InputUnusable, "the export cannot be read", path, cause);
    let mut names = Vec::new();
    for entry in path.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() {
            for inner in entry.path().read_dir().into_iter().flatten().flatten() {
                names.push(format!("{name}/{}", inner.file_name().to_string_lossy()));
            }
        } else {
            names.push(name);
        }
    }
    let (wanted, left_out) = chosen(names, path)?;
    let read = |name: String| {
        let place = path.join(&name);
        let file = File::open(&place)
            .map_err(|cause| Failure::io(Kind::InputUnusable, "the file cannot be read", &place, cause))?;
        Ok(Original { bytes: whole(file, &place)?, name: base(&name).to_owned() })
    };
    Ok((wanted.into_iter().map(read).collect::<Result<_>>()?, left_out))
}

/// The same of a zip archive.
fn archive(path: &Path) -> Result<(Vec<Original>, Vec<String>)> {
    let failed =
        |cause| Failure::io(Kind::InputUnusable, "the OneRoster export cannot be opened", path, cause);
    let unreadable = |cause| {
        Failure::new(Kind::InputUnusable, "the OneRoster export is no zip file that can be read")
            .at(path.display())
            .cure("name the folder or zip file of one OneRoster export, without a password")
            .because(cause)
    };
    let mut zip = ZipArchive::new(File::open(path).map_err(failed)?).map_err(unreadable)?;
    let mut places = Vec::new();
    for at in 0..zip.len() {
        let entry = zip.by_index_raw(at).map_err(unreadable)?;
        if entry.is_file() {
            places.push((String::from_utf8_lossy(entry.name_raw()).replace('\\', "/"), at));
        }
    }
    let (wanted, left_out) = chosen(places.iter().map(|(name, _)| name.clone()).collect(), path)?;
    let mut originals = Vec::new();
    for name in wanted {
        let Some((_, at)) = places.iter().find(|(place, _)| *place == name) else { continue };
        let entry = zip.by_index(*at).map_err(unreadable)?;
        originals.push(Original { bytes: whole(entry, path)?, name: base(&name).to_owned() });
    }
    Ok((originals, left_out))
}

/// Which files are the roster: those of the standard beside users.csv. The others are left out.
fn chosen(mut names: Vec<String>, path: &Path) -> Result<(Vec<String>, Vec<String>)> {
    names.sort();
    let folder = |name: &str| name.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let mut homes: Vec<String> = names
        .iter()
        .filter(|name| base(name).eq_ignore_ascii_case("users.csv") && name.matches('/').count() < 2)
        .map(|name| folder(name))
        .collect();
    // As in a run: what is at the top is the roster.
    homes.sort();
    if homes.len() > 1 && homes.first().is_some_and(|first| !first.is_empty()) {
        return Err(Failure::new(
            Kind::InputUnusable,
            "more than one folder in the export holds a users.csv",
        )
        .at(path.display())
        .cure("name one of these folders"));
    }
    let home = homes.into_iter().next().unwrap_or_default();
    let is_hidden = |name: &str| {
        name.split('/').any(|part| part.starts_with("._") || part == ".DS_Store" || part == "__MACOSX")
    };
    names.retain(|name| !is_hidden(name));
    Ok(names.into_iter().partition(|name| is_standard(name) && folder(name) == home))
}

/// All bytes of a file.
fn whole(from: impl Read, path: &Path) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    from.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|cause| Failure::io(Kind::InputUnusable, "the file cannot be read", path, cause))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::new(Kind::InputUnusable, "the file is larger than 4 GiB")
            .at(path.display())
            .cure("anonymise a smaller export, for example of one school"));
    }
    Ok(bytes)
}

/// Adds a file, always with the same time, so that the same roster gives the same archive.
fn add(out: &mut ZipWriter<Cursor<Vec<u8>>>, name: &str, bytes: &[u8]) -> Result<()> {
    let options = SimpleFileOptions::default()
        .last_modified_time(zip::DateTime::default())
        .unix_permissions(0o600)
        .large_file(bytes.len() as u64 > u64::from(u32::MAX) / 2);
    out.start_file(name, options).map_err(unwritten)?;
    out.write_all(bytes).map_err(|cause| unwritten(cause.into()))
}

fn unwritten(cause: zip::result::ZipError) -> Failure {
    Failure::new(Kind::Failed, "the zip file cannot be made").because(cause)
}

/// The key of a file, which is made if it is not there; without a file, a random one that is not
/// kept.
///
/// # Errors
/// `Usage` if the file is too short to be a key; `Failed` if it cannot be written.
pub fn key(file: Option<&Path>) -> Result<([u8; 32], bool)> {
    let Some(path) = file else { return Ok((random()?, false)) };
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => {
            let failed = |cause| Failure::io(Kind::Failed, "the key cannot be written", path, cause);
            let key: String = random()?.iter().map(|byte| format!("{byte:02x}")).collect();
            let mut file = owner::create_anew(path).map_err(failed)?;
            file.write_all(format!("{key}\n").as_bytes()).and_then(|()| file.sync_all()).map_err(failed)?;
            return Ok((hashed(key.as_bytes()), true));
        }
        Err(cause) => return Err(Failure::io(Kind::Usage, "the key cannot be read", path, cause)),
    };
    let trimmed = text.trim_ascii();
    if trimmed.len() < 16 {
        return Err(Failure::new(Kind::Usage, "the key is shorter than 16 characters")
            .at(path.display())
            .cure(
                "remove the file: a new key is then made; with it the values of earlier archives are others",
            ));
    }
    Ok((hashed(trimmed), false))
}

fn hashed(key: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(key).into()
}

fn random() -> Result<[u8; 32]> {
    let mut key = [0; 32];
    let place = Path::new("/dev/urandom");
    File::open(place)
        .and_then(|mut file| file.read_exact(&mut key))
        .map_err(|cause| Failure::io(Kind::Failed, "there are no random bytes for the key", place, cause))?;
    Ok(key)
}
