//! The districts of a folder.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use crate::attempt;
use crate::config::{self, Config, Variables, included};
use crate::failure::{Failure, Kind, Result};
use crate::near::nearest;

/// One district: its configuration, and the name that it has in the output.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct District {
    pub name: String,
    pub config: PathBuf,
}

/// The districts of a folder: each `NAME.toml`, and each `NAME/rostersync.toml`. A file that another
/// one includes is none. With `only`, those with these names.
///
/// # Errors
/// `Usage` if the folder cannot be read, has no configuration, has two for one name, or has none of
/// a name of `only`.
pub fn districts(folder: &Path, only: &[String]) -> Result<Vec<District>> {
    let unreadable = |cause| {
        Failure::new(Kind::Usage, "the folder of the districts cannot be read")
            .at(folder.display())
            .cure("name a folder that has a configuration for each district, such as lincoln.toml")
            .because(cause)
    };
    let mut found = Vec::new();
    let mut shared = HashSet::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let inside = path.join("rostersync.toml");
        let (named, config) = match path.extension().is_some_and(|extension| extension == "toml") {
            true if !path.is_dir() => (path.file_stem(), path.clone()),
            _ if may_be_there(&inside) => (path.file_name(), inside),
            _ => continue,
        };
        let name = named.unwrap_or_default().to_string_lossy().into_owned();
        // Editors and people keep older versions under such names.
        if name.starts_with('.') {
            continue;
        }
        shared.extend(included(&config).and_then(|path| path.canonicalize().ok()));
        found.push(District { name, config });
    }
    found.retain(|district| district.config.canonicalize().map_or(true, |path| !shared.contains(&path)));
    found.sort_by(|a, b| a.name.cmp(&b.name));
    if let Some(twice) = found.windows(2).find(|pair| pair[0].name == pair[1].name) {
        let both = format!("{}, {}", twice[0].config.display(), twice[1].config.display());
        let what = format!("the district `{}` has two configurations", twice[0].name);
        return Err(Failure::new(Kind::Usage, what).at(both).cure("remove or rename one of them"));
    }
    if found.is_empty() {
        return Err(Failure::new(Kind::Usage, "the folder has no configuration of a district")
            .at(folder.display())
            .cure("put a configuration for each district there: lincoln.toml, or lincoln/rostersync.toml"));
    }
    for name in only {
        if !found.iter().any(|district| district.name == *name) {
            let near = nearest(name, found.iter().map(|district| district.name.as_str()));
            let near = near.map(|near| format!("did you mean `{near}`? ")).unwrap_or_default();
            return Err(Failure::new(Kind::Usage, format!("there is no district `{name}`"))
                .at(folder.display())
                .cure(format!("{near}The name is that of its configuration, without .toml")));
        }
    }
    found.retain(|district| only.is_empty() || only.contains(&district.name));
    Ok(found)
}

/// What cannot be looked at for want of permission is a district, whose own process says so.
fn may_be_there(file: &Path) -> bool {
    use std::io::ErrorKind::{NotADirectory, NotFound};
    std::fs::metadata(file).map_or_else(|cause| !matches!(cause.kind(), NotFound | NotADirectory), |_| true)
}

/// The district first that waits longest for a good run; before all others those of which none is on
/// record beside the store.
pub fn longest_first(districts: &mut [District], variables: &Variables) {
    districts.sort_by_cached_key(|district| last_good(district, variables));
}

/// Refuses districts of which two would write to the same store, or to another file of one district
/// alone.
///
/// # Errors
/// `Usage`, with the two and the key.
pub fn refuse_shared(districts: &[District], variables: &Variables) -> Result<()> {
    // What is wrong with the configuration is said by the district's own process.
    let load = |district: &District| Config::load(Some(&district.config), variables).ok();
    let configs: Vec<Option<Config>> = districts.iter().map(load).collect();
    let named = districts.iter().zip(&configs);
    config::refuse_shared(
        named.filter_map(|(district, config)| Some((district.name.as_str(), config.as_ref()?))),
    )
}

fn last_good(district: &District, variables: &Variables) -> Option<DateTime<Utc>> {
    // What is wrong with the configuration is said by the district's own process.
    let config = Config::load(Some(&district.config), variables).ok()?;
    attempt::last_applied_beside(&config.sync.store)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for file in files {
            let (name, text) = file.split_once(' ').unwrap_or((file, ""));
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        folder
    }

    fn names(folder: &tempfile::TempDir, only: &[&str]) -> Vec<String> {
        let only: Vec<String> = only.iter().map(|name| (*name).to_owned()).collect();
        districts(folder.path(), &only).unwrap().into_iter().map(|district| district.name).collect()
    }

    #[test]
    fn files_and_folders_are_districts_and_what_they_share_is_none() {
        let folder = folder(&[
            "b.toml include=\"defaults.toml\"",
            "a/rostersync.toml include=\"../more.toml\"",
            "defaults.toml",
            "more.toml",
            "c.toml [broken",
            ".old.toml",
            "notes.txt",
            "empty/readme.md",
        ]);
        assert_eq!(names(&folder, &[]), ["a", "b", "c"]);
        assert_eq!(names(&folder, &["c"]), ["c"]);
    }

    #[test]
    fn mistakes_in_the_folder_are_said() {
        let said = |files: &[&str], only: &str| {
            let only: Vec<String> = only.split_whitespace().map(str::to_owned).collect();
            districts(folder(files).path(), &only).unwrap_err().what
        };
        assert_eq!(said(&[], ""), "the folder has no configuration of a district");
        assert_eq!(said(&["a.toml"], "b"), "there is no district `b`");
        assert_eq!(said(&["a.toml", "a/rostersync.toml"], ""), "the district `a` has two configurations");
        let missing = districts(Path::new("/no/such/folder"), &[]).unwrap_err();
        assert_eq!(missing.what, "the folder of the districts cannot be read");
    }
}
