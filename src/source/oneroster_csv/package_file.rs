//! The files of an export that are read: manifest, users, orgs and roles. Other files, above all
//! demographics, are never opened.

use std::path::{Path, PathBuf};

use super::shared_file::SharedFile;
use crate::failure::{Failure, Kind};

/// The files of interest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Manifest,
    Users,
    Orgs,
    Roles,
}

impl Part {
    /// The part that a file name stands for. Case differs between exporters, so it is ignored.
    pub(super) fn of(name: &str) -> Option<Self> {
        [Part::Manifest, Part::Users, Part::Orgs, Part::Roles]
            .into_iter()
            .find(|part| name.eq_ignore_ascii_case(part.file_name()))
    }

    pub(super) fn file_name(self) -> &'static str {
        match self {
            Part::Manifest => "manifest.csv",
            Part::Users => "users.csv",
            Part::Orgs => "orgs.csv",
            Part::Roles => "roles.csv",
        }
    }
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
