//! Where the files of an export are: in a folder or in an archive, at its root or inside one top
//! folder.
//!
//! A run opens the files of [`Part::of`] alone: never others, above all demographics. `check
//! --strict` looks into all files that are about rostering.

use std::io::Read;
use std::path::{Path, PathBuf};

use zip::ZipArchive;

use super::archive::{self, Limited, Limits};
use super::shared_file::SharedFile;
use crate::failure::{Failure, Kind, Result};

/// An export, found and held open.
#[derive(Debug)]
pub(super) struct Package {
    pub name: String,
    files: Vec<PackageFile>,
    archive: Option<ZipArchive<SharedFile>>,
    /// When the archive was written.
    written: Option<i64>,
    limits: Limits,
    /// What else is there.
    pub around: Around,
}

/// What there is in a package besides its files.
#[derive(Debug, Default)]
pub(super) struct Around {
    /// The folder of the archive that the files are in, if they are not at its root.
    pub folder: Option<String>,
    /// Names of files that were not looked for.
    pub others: Vec<String>,
}

/// Which files are looked for, by their names.
pub(super) type PartOf = fn(&str) -> Option<Part>;

impl Package {
    pub(super) fn open(path: &Path, limits: Limits) -> Result<Self> {
        Self::open_for(path, limits, Part::of)
    }

    /// As [`Package::open`], with other files.
    pub(super) fn open_for(path: &Path, limits: Limits, part_of: PartOf) -> Result<Self> {
        let name = path.display().to_string();
        let problem =
            |cause| Failure::io(Kind::InputUnusable, "the OneRoster export cannot be opened", path, cause);
        let package = if path.metadata().map_err(problem)?.is_dir() {
            let (files, others) = folder(path, part_of)?;
            Self {
                name,
                files,
                archive: None,
                written: None,
                limits,
                around: Around { folder: None, others },
            }
        } else {
            let opened = SharedFile::open(path).map_err(problem)?;
            let written = opened.written();
            let (archive, files, around) = archive::open(path, opened, limits, part_of)?;
            Self { name, files, archive: Some(archive), written, limits, around }
        };
        for (at, file) in package.files.iter().enumerate() {
            if package.files[..at].iter().any(|other| other.part == file.part) {
                return Err(Failure::new(
                    Kind::InputUnusable,
                    format!("the export holds {} more than once", file.part.file_name()),
                )
                .at(&package.name)
                .cure("remove the ones that are not meant"));
            }
        }
        Ok(package)
    }

    /// One file alone, which is no export.
    pub(super) fn lone(path: &Path, limits: Limits) -> Result<(Self, PackageFile)> {
        let problem = |cause| Failure::io(Kind::InputUnusable, "the file cannot be opened", path, cause);
        let opened = SharedFile::open(path).map_err(problem)?;
        if path.metadata().map_err(problem)?.is_dir() {
            return Err(Failure::new(Kind::InputUnusable, "this is a folder, and a CSV file is wanted")
                .at(path.display())
                .cure("name the file in it, in the configuration"));
        }
        let name = crate::owner::name_of(path);
        let content = Content::File(opened);
        let file =
            PackageFile { part: Part::Users, name, folder: path.parent().map(Path::to_owned), content };
        Ok((
            Self {
                name: path.display().to_string(),
                files: Vec::new(),
                archive: None,
                written: None,
                limits,
                around: Around::default(),
            },
            file,
        ))
    }

    pub(super) fn file(&self, part: Part) -> Option<ExportFile<'_>> {
        let file = self.files.iter().find(|file| file.part == part)?;
        Some(ExportFile { package: self, file })
    }

    /// Name and place of each file.
    pub(super) fn places(&self) -> Vec<(String, String)> {
        let place = |file| ExportFile { package: self, file }.place();
        self.files.iter().map(|file| (file.name.clone(), place(file))).collect()
    }
}

/// A file of a package, to be read from its first byte as often as needed.
#[derive(Debug, Clone, Copy)]
pub(super) struct ExportFile<'p> {
    pub package: &'p Package,
    pub file: &'p PackageFile,
}

impl<'p> ExportFile<'p> {
    /// Its name as the user knows it, without folders.
    pub(super) fn name(self) -> &'p str {
        &self.file.name
    }

    /// Path and file name, for messages.
    pub(super) fn place(self) -> String {
        match &self.file.folder {
            // A file alone is its own package.
            _ if self.package.files.is_empty() => self.package.name.clone(),
            Some(folder) => folder.join(self.name()).display().to_string(),
            None => format!("{}, {}", self.package.name, self.name()),
        }
    }

    /// When it was written, in seconds since 1970; of an archive when that was.
    pub(super) fn written(self) -> Option<i64> {
        match &self.file.content {
            Content::File(opened) => opened.written(),
            Content::Entry(_) => self.package.written,
        }
    }

    /// It cannot be used: `what` follows its name.
    pub(super) fn unusable(self, what: &str) -> Failure {
        Failure::new(Kind::InputUnusable, format!("{} {what}", self.name())).at(&self.package.name)
    }

    /// The place of a line, for messages.
    pub(super) fn line(self, line: u64) -> String {
        format!("{} line {line}", self.place())
    }

    /// Gives `use_it` the bytes from the first one on.
    pub(super) fn with_reader<T>(self, use_it: impl FnOnce(&mut dyn Read) -> Result<T>) -> Result<T> {
        match (&self.file.content, &self.package.archive) {
            (Content::Entry(index), Some(archive)) => {
                // A clone is a reader of its own, so that several can be at work; the directory is
                // shared.
                let mut archive = archive.clone();
                let entry = archive.by_index(*index).map_err(|cause| {
                    Failure::new(Kind::InputUnusable, format!("{} cannot be unpacked", self.name()))
                        .at(&self.package.name)
                        .cure("check that the archive was delivered completely and is an ordinary zip file")
                        .because(cause)
                })?;
                let compressed = entry.compressed_size();
                use_it(&mut Limited { reader: entry, limits: self.package.limits, compressed, read: 0 })
            }
            (Content::File(opened), _) => use_it(&mut opened.clone()),
            (Content::Entry(_), None) => {
                Err(Failure::new(Kind::Failed, "an archive entry without its archive").at(self.place()))
            }
        }
    }
}

/// The names of what is in a folder, and below it as far as users.csv may be looked for in vain.
fn names_below(path: &Path, depth: u32, prefix: &str, names: &mut Vec<String>) {
    for entry in path.read_dir().into_iter().flatten().flatten().take(1000) {
        let name = entry.file_name().to_string_lossy().into_owned();
        if is_litter(&name) {
            continue;
        }
        let whole = format!("{prefix}{name}");
        match entry.path().is_dir() {
            true if depth > 0 => {
                let before = names.len();
                names_below(&entry.path(), depth - 1, &format!("{whole}/"), names);
                // Of what is below, only what matters.
                let inner: Vec<String> = names.split_off(before);
                names.extend(
                    inner.into_iter().filter(|name| name.to_ascii_lowercase().ends_with("users.csv")),
                );
                names.push(format!("{whole}/"));
            }
            true => names.push(format!("{whole}/")),
            false => names.push(whole),
        }
    }
}

/// A failure's place as a whole path, where it begins with the mere name of a file.
pub(super) fn whole_place(mut failure: Failure, name: &str, place: &str) -> Failure {
    if let Some(rest) = failure.place.strip_prefix(name) {
        failure.place = format!("{place}{rest}");
    }
    failure
}

/// The files in a folder, or in the one folder inside it that has a users.csv.
fn folder(path: &Path, part_of: PartOf) -> Result<(Vec<PackageFile>, Vec<String>)> {
    let Listing { files, folders, others } = list(path, part_of)?;
    if has_users(&files) {
        return Ok((files, others));
    }
    let mut found = Vec::new();
    for folder in folders {
        let Listing { files, others, .. } = list(&folder, part_of)?;
        if has_users(&files) {
            found.push((files, others));
        }
    }
    match found.pop() {
        Some(files) if found.is_empty() => Ok(files),
        _ => {
            let mut names = Vec::new();
            names_below(path, 3, "", &mut names);
            Err(no_users(path, found.len() + 1, names))
        }
    }
}

fn has_users(files: &[PackageFile]) -> bool {
    files.iter().any(|file| file.part == Part::Users)
}

/// What is directly in a folder: the files of interest, opened, and what else there is.
#[derive(Default)]
struct Listing {
    files: Vec<PackageFile>,
    folders: Vec<PathBuf>,
    others: Vec<String>,
}

fn list(path: &Path, part_of: PartOf) -> Result<Listing> {
    let problem =
        |path: &Path, cause| Failure::io(Kind::InputUnusable, "the export cannot be read", path, cause);
    let Listing { mut files, mut folders, mut others } = Listing::default();
    for entry in path.read_dir().map_err(|cause| problem(path, cause))? {
        let entry = entry.map_err(|cause| problem(path, cause))?;
        let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
        if is_litter(&name) {
            continue;
        }
        let Some(part) = part_of(&name) else {
            match (path.is_dir(), name.starts_with('.')) {
                (true, false) => folders.push(path),
                (false, false) => others.push(name),
                (_, true) => {}
            }
            continue;
        };
        let kind = path.metadata().map_err(|cause| problem(&path, cause))?.file_type();
        if kind.is_dir() {
            continue;
        }
        if !kind.is_file() {
            // The files are read twice, which a pipe cannot be.
            return Err(Failure::new(
                Kind::InputUnusable,
                format!("{name} is a pipe or a device, not an ordinary file"),
            )
            .at(path.display())
            .cure("have the export delivered as files"));
        }
        let opened = SharedFile::open(&path).map_err(|cause| problem(&path, cause))?;
        let folder = path.parent().map(Path::to_owned);
        files.push(PackageFile { part, name, folder, content: Content::File(opened) });
    }
    Ok(Listing { files, folders, others })
}

/// The files of interest. A run knows the first four.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Part {
    Manifest,
    Users,
    Orgs,
    Roles,
    AcademicSessions,
    Courses,
    Classes,
    Enrollments,
    Demographics,
    UserProfiles,
}

impl Part {
    /// The part of a run that a file name stands for. Case differs between exporters, so it is
    /// ignored.
    pub(super) fn of(name: &str) -> Option<Self> {
        named(&[Part::Manifest, Part::Users, Part::Orgs, Part::Roles], name)
    }

    /// The file of the standard that a file name stands for, of those about rostering.
    pub(super) fn of_standard(name: &str) -> Option<Self> {
        use Part::{AcademicSessions, Classes, Courses, Demographics, Enrollments, UserProfiles};
        let more = [AcademicSessions, Courses, Classes, Enrollments, Demographics, UserProfiles];
        Self::of(name).or_else(|| named(&more, name))
    }

    pub(super) fn file_name(self) -> &'static str {
        match self {
            Part::Manifest => "manifest.csv",
            Part::Users => "users.csv",
            Part::Orgs => "orgs.csv",
            Part::Roles => "roles.csv",
            Part::AcademicSessions => "academicSessions.csv",
            Part::Courses => "courses.csv",
            Part::Classes => "classes.csv",
            Part::Enrollments => "enrollments.csv",
            Part::Demographics => "demographics.csv",
            Part::UserProfiles => "userProfiles.csv",
        }
    }
}

fn named(parts: &[Part], name: &str) -> Option<Part> {
    parts.iter().copied().find(|part| name.eq_ignore_ascii_case(part.file_name()))
}

/// One file of the package.
#[derive(Debug)]
pub(super) struct PackageFile {
    pub part: Part,
    /// Its name as the user knows it, without folders.
    pub name: String,
    /// The folder that it is in; none within an archive.
    pub folder: Option<PathBuf>,
    pub content: Content,
}

/// Where a file's bytes come from.
#[derive(Debug)]
pub(super) enum Content {
    File(SharedFile),
    /// Position in the archive's directory.
    Entry(usize),
}

/// A hidden or technical file that archivers and desktops leave behind.
pub(super) fn is_litter(component: &str) -> bool {
    component.starts_with("._") || component == ".DS_Store" || component == "__MACOSX"
}

/// What is wrong when there is no users.csv, or more than one. `there` are the names of what is
/// there instead, with folders.
pub(super) fn no_users(path: &Path, folders: usize, mut there: Vec<String>) -> Failure {
    const NAMES: usize = 10;
    let usual = "`path` in [source] has to be the folder or zip file of one OneRoster export, with users.csv at its top or in one folder";
    let failure = Failure::new(
        Kind::InputUnusable,
        match folders > 1 {
            true => "more than one folder in the export holds a users.csv",
            false => "there is no users.csv in the export",
        },
    )
    .at(path.display());
    if there.is_empty() {
        return failure
            .because(anyhow::Error::msg("it is empty"))
            .cure(format!("check that the export was delivered; {usual}"));
    }
    there.sort();
    let base = |name: &str| name.rsplit('/').next().unwrap_or(name).to_ascii_lowercase();
    // Below more than one folder; renamed by a browser or a desktop; or another kind of file.
    let deep =
        there.iter().find(|name| base(name) == "users.csv" && name.contains('/')).filter(|_| folders <= 1);
    let renamed = there.iter().find(|name| {
        let base = base(name);
        (base.starts_with("users") || base.starts_with("user.") || base.starts_with("oneroster"))
            && !base.ends_with('/')
            && base != "users.csv"
    });
    let cure = match (deep, renamed) {
        (Some(deep), _) => {
            let folder = deep.rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("users.csv is in {folder}/: name that folder, or make the zip file from what is in it")
        }
        (None, Some(name)) if name.ends_with(".csv") => {
            format!("if `{name}` is the file of users, have it delivered as users.csv; {usual}")
        }
        (None, Some(name)) => format!("`{name}` is not users.csv; {usual}"),
        (None, None) => usual.to_owned(),
    };
    let more = there.len().saturating_sub(NAMES);
    there.truncate(NAMES);
    if more > 0 {
        there.push(format!("{more} more"));
    }
    failure.quoting(format!("it has {}", there.join(", "))).cure(cure)
}
