//! What two districts must not have in common: their processes would write over each other's files, or
//! take each other's people for their own.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{Config, PushTo, RUN};
use crate::failure::{Failure, Kind, Result};
use crate::owner;

/// Refuses districts, each with its name, that write to the same store, folder of reports or file.
///
/// # Errors
/// `Usage`, with the names of two districts and the key.
pub fn refuse_shared<'c>(districts: impl IntoIterator<Item = (&'c str, &'c Config)>) -> Result<()> {
    let mut seen: HashMap<PathBuf, (&str, &Config)> = HashMap::new();
    for (name, config) in districts {
        for (key, what, path) in written(config) {
            let place = whole(path);
            let Some((other, before)) = seen.insert(place.clone(), (name, config)) else { continue };
            // The key may be another one there.
            return Err(Failure::new(
                Kind::Usage,
                format!("the districts `{other}` and `{name}` have the same {what}: {}", place.display()),
            )
            .at(format!("{}, {}", before.file.display(), config.file.display()))
            .cure(format!(
                "write another {key} in one of the two, such as \"{name}/{}\"; a relative path starts at the folder of the \
                 configuration, also if the value is in an included file",
                owner::name_of(path)
            )));
        }
    }
    Ok(())
}

/// What the program writes for one district alone: the key, what it is, and the path.
fn written(config: &Config) -> impl Iterator<Item = (&'static str, &'static str, &Path)> {
    let pushed = match config.push.as_ref().map(|push| &push.to) {
        Some(PushTo::File(path)) if !path.to_string_lossy().contains(RUN) => Some(path.as_path()),
        _ => None,
    };
    [
        ("`store` in [sync]", "store", Some(config.sync.store.as_path())),
        ("`reports` in [sync]", "folder of reports", Some(config.sync.reports.as_path())),
        ("`sent_log` in [sync]", "log of sent messages", config.sync.sent_log.as_deref()),
        ("`prometheus_file` in [monitor]", "file of metrics", config.monitor.prometheus_file()),
        ("`to` in [platform.push]", "file for the platform", pushed),
    ]
    .into_iter()
    .filter_map(|(key, what, path)| Some((key, what, path?)))
}

/// Without links and `..`, as far as the path is there.
fn whole(path: &Path) -> PathBuf {
    let mut rest: Vec<OsString> = Vec::new();
    let mut above = path;
    loop {
        if let Ok(whole) = std::fs::canonicalize(above) {
            return rest.iter().rev().fold(whole, |whole, name| whole.join(name));
        }
        match (above.file_name(), above.parent()) {
            (Some(name), Some(parent)) => {
                rest.push(name.to_owned());
                above = parent;
            }
            _ => return path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(first: &str, second: &str) -> Option<String> {
        let folder = tempfile::tempdir().unwrap();
        let parse = |name: &str, keys: &str| {
            let text = format!("{keys}\n[source]\ntype = \"oneroster-csv\"\npath = \"x\"\n");
            Config::parse(&text, &folder.path().join(name)).unwrap()
        };
        std::fs::create_dir_all(folder.path().join("adams/deep")).unwrap();
        std::os::unix::fs::symlink("adams", folder.path().join("link")).unwrap();
        let (adams, boone) = (parse("adams.toml", first), parse("boone.toml", second));
        refuse_shared([("adams", &adams), ("boone", &boone)]).err().map(|failure| failure.what)
    }

    #[test]
    fn districts_that_write_to_the_same_place_are_refused_however_the_path_is_written() {
        let sync =
            |store: &str, reports: &str| format!("[sync]\nstore = \"{store}\"\nreports = \"{reports}\"");
        assert_eq!(said(&sync("adams/s.db", "adams/r"), &sync("boone/s.db", "boone/r")), None);
        assert_eq!(said(&sync("adams/deep/../s.db", "adams"), &sync("boone/s.db", "boone")), None);
        for (first, second, what) in [
            ("[sync]".to_owned(), "[sync]".to_owned(), "store"),
            (sync("adams/s.db", "a"), sync("link/s.db", "b"), "store"),
            (sync("adams/s.db", "a"), sync("adams/deep/../s.db", "b"), "store"),
            (sync("a.db", "adams"), sync("b.db", "link"), "folder of reports"),
            (
                sync("a.db", "a") + "\n[monitor]\nprometheus_file = \"m.prom\"",
                sync("b.db", "b") + "\n[monitor]\nprometheus_file = \"m.prom\"",
                "file of metrics",
            ),
            (
                sync("a.db", "a") + "\n[platform]\npush = { to = \"users.csv\" }",
                sync("b.db", "b") + "\n[platform]\npush = { to = \"users.csv\" }",
                "file for the platform",
            ),
        ] {
            let said = said(&first, &second).unwrap();
            let start = format!("the districts `adams` and `boone` have the same {what}: ");
            assert!(said.starts_with(&start), "{said}");
        }
    }
}
