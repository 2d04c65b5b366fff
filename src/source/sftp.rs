//! CSV files that lie on an SFTP server: fetched with the system's own `sftp`, then read as files.
//!
//! OpenSSH's client is used because it is where a district's IT keeps its keys and rules for
//! servers. It is never asked to trust a server that it does not know. Only the files that are read
//! are fetched, and only if they do not change meanwhile.

mod client;
mod explain;
mod place;

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use self::client::{Client, FILES};
use super::oneroster_csv::{self, Ask, OneRosterCsv};
use super::source_check::SourceCheck;
use super::{About, AfterRead, RosterSource, Watch};
use crate::failure::{Failure, Kind, Result};
use crate::findings::Findings;
use crate::roster::Record;
use crate::scratch;

pub use explain::check_key;
pub use place::{Place, after_scheme};

/// How many users are looked at to see what is shared.
const LOOKED_AT: u64 = 1000;

/// Where the export lies, and what is shown there.
#[derive(Debug, Clone)]
pub struct Options {
    /// As it is configured: `sftp://user@host:port/path/`.
    pub url: String,
    pub place: Place,
    /// The private key; the client's own ones without it.
    pub key_file: Option<PathBuf>,
    /// The only key that the server may have, such as `ssh-ed25519 AAAA…`; without it, those that
    /// the client knows.
    pub host_key: Option<String>,
    /// How long all of it may take.
    pub timeout: Duration,
    pub errand: Errand,
    pub csv: oneroster_csv::Options,
}

/// What is done on the server, for messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Errand {
    Fetch,
    Push,
}

/// The name of a file in the folder from which it is put on a server.
pub const OUTGOING: &str = "outgoing";

/// Whether the file is on the server.
///
/// # Errors
/// `SourceUnavailable` if the server cannot be asked, `InputUnusable` if it has no such folder, `Usage`
/// if the key cannot be used.
pub fn is_there(options: &Options, folder: &Path, watch: &Watch<'_>) -> Result<bool> {
    let client = Client { options, folder, watch, until: Instant::now() + options.timeout };
    client.is_there()
}

/// Puts the file [`OUTGOING`] of a folder on the server, whole or not at all.
///
/// # Errors
/// As [`is_there`].
pub fn put(options: &Options, folder: &Path, watch: &Watch<'_>) -> Result<()> {
    let client = Client { options, folder, watch, until: Instant::now() + options.timeout };
    client.put()
}

/// Fetches the export and opens it.
///
/// # Errors
/// `SourceUnavailable` if it cannot be fetched or changes meanwhile, `Usage` if the key cannot be
/// used; and those of [`OneRosterCsv::open`].
pub fn open(options: &Options, watch: &Watch<'_>) -> Result<Box<dyn RosterSource>> {
    Ok(Box::new(fetch(options, watch)?))
}

/// Fetches the export, and looks at the first users in it.
pub fn check(options: &Options, watch: &Watch<'_>) -> Result<SourceCheck> {
    let source = fetch(options, watch)?;
    let mut check = SourceCheck { place: options.url.clone(), ..SourceCheck::default() };
    check.orgs = Some(source.about().schools.0.len() as u64).filter(|orgs| *orgs > 0);
    let mut all = true;
    source.read(&mut Findings::default(), &mut |record| {
        if check.users == LOOKED_AT {
            all = false;
            return ControlFlow::Break(());
        }
        check.add(record);
        ControlFlow::Continue(())
    })?;
    check.total = all.then_some(check.users);
    check.judge();
    Ok(check)
}

fn fetch(options: &Options, watch: &Watch<'_>) -> Result<Fetched> {
    let until = Instant::now() + options.timeout;
    let folder = scratch::folder()?;
    let files = folder.path().join(FILES);
    std::fs::create_dir(&files)
        .map_err(|cause| Failure::io(Kind::Failed, "there is no room for the files", &files, cause))?;
    let client = Client { options, folder: folder.path(), watch, until };
    let before = client.list()?;
    if before.is_empty() {
        return Err(Failure::new(Kind::InputUnusable, "there is no export on the server")
            .at(&options.url)
            .cure("`path` in [source] has to be the folder with users.csv, or a .zip file; check that it was delivered"));
    }
    let after = client.get(&before)?;
    // A file that is there only afterwards may be the one that says how the others are meant.
    let other =
        before.iter().find(|file| !after.contains(file)).or(after.iter().find(|file| !before.contains(file)));
    let cut = before.iter().find(|file| {
        std::fs::metadata(files.join(&file.name)).map_or(true, |found| found.len() != file.size)
    });
    if let Some(file) = other.or(cut) {
        return Err(Failure::new(
            Kind::SourceUnavailable,
            format!("{} changed while the export was fetched; nothing was applied", file.name),
        )
        .at(&options.url)
        .cure(
            "have it delivered under another name and renamed when it is complete, or start later; run again",
        ));
    }
    let path = options.place.zip.as_ref().map_or_else(|| files.clone(), |zip| files.join(zip));
    // Messages name the server, not the temporary folder.
    let shown = path.display().to_string();
    let source = OneRosterCsv::open(&path, options.csv.clone())
        .map_err(|failure| elsewhere(failure, &shown, options))?;
    let about = About { name: options.url.clone(), ..source.about().clone() };
    Ok(Fetched { source, about, options: options.clone(), shown, _folder: folder })
}

fn elsewhere(mut failure: Failure, shown: &str, options: &Options) -> Failure {
    let url = options.url.trim_end_matches('/');
    failure.place =
        failure.place.replace(&format!("{shown}/"), &format!("{url}/")).replace(shown, &options.url);
    failure
}

/// Fetches the export, and goes through the rows of users.csv with the columns that `ask` wants.
///
/// # Errors
/// As [`open`] and [`OneRosterCsv::each_row`].
pub fn each_row(
    options: &Options,
    watch: &Watch<'_>,
    ask: Ask<'_>,
    each: &mut dyn FnMut(&str, &[&str]),
) -> Result<()> {
    let fetched = fetch(options, watch)?;
    fetched.source.each_row(ask, each).map_err(|failure| elsewhere(failure, &fetched.shown, options))
}

/// An export in a temporary folder. Dropping it removes the folder.
struct Fetched {
    source: OneRosterCsv,
    about: About,
    options: Options,
    shown: String,
    _folder: TempDir,
}

impl RosterSource for Fetched {
    fn about(&self) -> &About {
        &self.about
    }

    fn read(
        &self,
        findings: &mut Findings,
        each: &mut dyn FnMut(&Record<'_>) -> ControlFlow<()>,
    ) -> Result<AfterRead> {
        self.source.read(findings, each).map_err(|failure| elsewhere(failure, &self.shown, &self.options))
    }
}
