//! Writing a file where the user wants it: complete or not at all, and never over a file that
//! rostersync reads or keeps.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::owner;

/// Writes `path` with what `write` produces; `inputs` are what the command line names to be read.
///
/// A regular file is replaced only when the new one is complete, and is then
/// readable by its owner only; a device or a pipe is written to.
///
/// # Errors
/// `Usage` if the path is one that the configuration reads from or keeps things in, `Failed` if it
/// cannot be written.
pub fn write_file(
    path: &Path,
    config: Option<&Config>,
    inputs: &[&Path],
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    check_target(path, config, inputs)?;
    write_with_mode(path, 0o600, write)
}

/// As [`write_file`], for a file without details of people that another user reads.
///
/// # Errors
/// As [`write_file`].
pub fn write_public(
    path: &Path,
    config: Option<&Config>,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    check_target(path, config, &[])?;
    write_with_mode(path, 0o644, write)
}

fn write_with_mode(path: &Path, mode: u32, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let failed = |cause| Failure::io(Kind::Failed, "the file cannot be written", path, cause);
    if fs::metadata(path).is_ok_and(|existing| !existing.is_file()) {
        let file = OpenOptions::new().write(true).open(path).map_err(failed)?;
        let mut out = BufWriter::new(file);
        write(&mut out).map_err(|failure| failure.or_at(path.display()))?;
        return out.flush().map_err(failed);
    }
    // Through a link to its target.
    let path = fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let folder = owner::folder_of(&path);
    // By its own name, so that what a killed process has left of it goes with the next one.
    let unfinished = folder.join(format!(".{}.rostersync-partial", owner::name_of(&path)));
    let file = owner::create_anew(&unfinished).map_err(failed)?;
    let written = || -> Result<()> {
        let mut out = BufWriter::with_capacity(256 << 10, file);
        write(&mut out).map_err(|failure| failure.or_at(path.display()))?;
        let file = out.into_inner().map_err(|error| failed(error.into_error()))?;
        if mode != 0o600 {
            file.set_permissions(Permissions::from_mode(mode)).map_err(failed)?;
        }
        file.sync_all().map_err(failed)?;
        fs::rename(&unfinished, &path).map_err(failed)?;
        // The name outlives a power cut only with the folder on the disk.
        owner::sync_folder(folder).map_err(failed)
    };
    written().inspect_err(|_| {
        // What cannot be removed goes with the next one.
        let _ = fs::remove_file(&unfinished);
    })
}

/// Whether a file may be written there at all; asked before a long run, answered again when it is
/// written.
///
/// # Errors
/// `Usage`, as [`write_file`].
pub fn check_target(path: &Path, config: Option<&Config>, inputs: &[&Path]) -> Result<()> {
    if path == Path::new("-") {
        return Err(Failure::new(Kind::Usage, "`-` is not a file to write to")
            .cure("name a file; /dev/stdout is standard output"));
    }
    match fs::metadata(path) {
        Ok(existing) if existing.is_dir() => {
            Err(Failure::new(Kind::Usage, "a folder cannot be written as a file")
                .at(path.display())
                .cure("name a file in it"))
        }
        Ok(existing) if !existing.is_file() => Ok(()),
        Ok(_) | Err(_) => refuse_our_own(path, config, inputs),
    }
}

/// A typing mistake must not cost the store, the roster, a secret or any other file that the
/// configuration or the command line names.
fn refuse_our_own(path: &Path, config: Option<&Config>, inputs: &[&Path]) -> Result<()> {
    let whole = |path: &Path| -> Option<std::path::PathBuf> {
        match fs::canonicalize(path) {
            Ok(whole) => Some(whole),
            Err(_) => {
                Some(fs::canonicalize(Path::new(".").join(path.parent()?)).ok()?.join(path.file_name()?))
            }
        }
    };
    let Some(target) = whole(path) else { return Ok(()) };
    let refused = || {
        Err(Failure::new(Kind::Usage, "that would overwrite what the sync reads or keeps")
            .at(path.display())
            .cure("name another file"))
    };
    // A folder that is read counts with all that is in it.
    let is_in = |folder: &Path| target.starts_with(folder);
    if inputs.iter().filter_map(|input| whole(input)).any(|input| is_in(&input)) {
        return refused();
    }
    let Some(config) = config else { return Ok(()) };
    let reports = whole(&config.sync.reports);
    let files =
        config.input_paths.iter().chain([&config.file, &config.sync.store]).filter_map(|named| whole(named));
    let folders = config.source.local_path().into_iter().chain(config.notify.templates.as_deref());
    let kept = files.into_iter().any(|file| file == target)
        || folders.filter_map(whole).any(|folder| is_in(&folder));
    let beside_store = whole(&config.sync.store).is_some_and(|store| {
        let name = |path: &Path| owner::name_of(path);
        target.parent() == store.parent() && name(&target).starts_with(&name(&store))
    });
    let is_report = target.parent().map(Path::to_owned) == reports
        && target
            .file_name()
            .is_some_and(|name| name.to_string_lossy().trim_start_matches('.').starts_with("users-"));
    if kept || beside_store || is_report {
        return refused();
    }
    Ok(())
}
