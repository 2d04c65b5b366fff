//! The copy of the store before a run that changes something.
//!
//! It is made when the plan is known and nothing is written, so nights without changes cost nothing.
//! A run does not go on without it: an operator that asked for copies relies on them.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use chrono::{DateTime, Utc};

use super::Progress;
use crate::config::Config;
use crate::failure::{Failure, Result};
use crate::findings::{At, Findings};
use crate::owner;
use crate::store::{Store, backups, run_backup_path, run_backups};

/// A copy that was made, and what it cost.
#[derive(Debug, Clone)]
pub struct BackupMade {
    pub file: PathBuf,
    pub bytes: u64,
    pub took: Duration,
}

/// The newest copy beside the store.
pub struct NewestBackup {
    pub file: PathBuf,
    /// The run before which it was made; none of any other copy.
    pub run: Option<i64>,
    pub made: DateTime<Utc>,
}

/// The copy beside the store that was written last, whatever made it. A store that was replaced is
/// none.
pub fn newest_backup(config: &Config) -> Option<NewestBackup> {
    let store = &config.sync.store;
    let replaced = format!("{}.replaced-", owner::name_of(store));
    let written = |file: PathBuf| Some((file.metadata().ok()?.modified().ok()?, file));
    let all = backups(store).into_iter().filter(|file| !owner::name_of(file).starts_with(&replaced));
    let (made, file) = all.filter_map(written).max()?;
    let run = run_backups(store).into_iter().find(|(_, path)| *path == file).map(|(run, _)| run);
    Some(NewestBackup { file, run, made: made.into() })
}

/// Copies the store before a run, if that is configured, and removes copies that are too many. The
/// caller has begun its transaction, and has written nothing that is not in memory.
///
/// # Errors
/// Those of the copy; then the run is to stop.
pub(super) fn before_run(
    config: &Config,
    run: i64,
    findings: &mut Findings,
    progress: &dyn Progress,
) -> Result<Option<BackupMade>> {
    let (store, keep) = (&config.sync.store, config.sync.backups);
    if keep == 0 {
        return Ok(None);
    }
    let (begun, file) = (Instant::now(), run_backup_path(store, run));
    progress.begin("copying the store", None);
    let bytes = Store::back_up(store, &file, &|at, of| progress.reached(at, of)).map_err(|failure| {
        let what = format!("the backup before the run failed, so nothing was applied: {}", failure.what);
        Failure { what, ..failure }.cure(
            "free some space, or lower `backups` in [sync]; with `backups = 0` runs make no copy of the store",
        )
    })?;
    let all = run_backups(store);
    let too_many = all.len().saturating_sub(usize::try_from(keep).unwrap_or(usize::MAX));
    for (_, old) in all.into_iter().take(too_many) {
        if let Err(cause) = std::fs::remove_file(&old) {
            findings.attention("backup-not-removed", At::file(&owner::name_of(&old)), || {
                format!("this old backup cannot be removed, and stays with its personal data: {cause}")
            });
        }
    }
    Ok(Some(BackupMade { file, bytes, took: begun.elapsed() }))
}
