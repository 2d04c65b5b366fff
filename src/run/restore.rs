//! A backup takes the place of the store.
//!
//! It is checked first, made ready beside the store, and takes the place in one step. What was there
//! is kept under another name. The store then knows less than happened: numbers of runs go on after
//! the highest report that there is, `STORE.sent` says what people were told since, and people that
//! were erased since are erased again.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use chrono::{DateTime, Utc};

use super::Progress;
use super::presence::{Signs, next_run};
use crate::config::Config;
use crate::failure::{Failure, Kind, Result};
use crate::owner::{self, absolute, with_suffix};
use crate::store::{Checked, Origin, Steps, Store};

/// What a restore came to.
#[derive(Debug)]
pub struct Restored {
    pub accounts: u64,
    /// The last run that the store knows of now, and the number of the next one.
    pub last_run: i64,
    pub next_run: i64,
    /// Where the store that was there before is kept; none if there was none.
    pub kept: Option<PathBuf>,
    /// People that were erased after the backup was made, and are erased again.
    pub erased: u64,
    /// Suppressions that were made after the backup, and hold on.
    pub suppressed: u64,
    /// Opt-outs of people and numbers that were made after the backup, and hold on.
    pub opt_outs: u64,
    /// Why the store that was there cannot be read, so that what was done to people since the backup
    /// is not known.
    pub unknown: Option<String>,
}

/// The copy that takes the place of the store.
struct Prepared {
    accounts: u64,
    last_run: i64,
    erased: u64,
    suppressed: u64,
    opt_outs: u64,
    unknown: Option<String>,
}

/// Restores the store from a backup. The caller holds the locks of the run and of the outbox.
///
/// # Errors
/// `InputUnusable` if the backup is not a sound store: then nothing was changed; `Failed` if a file
/// cannot be written. Until the last step the store is as it was.
pub fn restore(
    config: &Config,
    backup: &Path,
    now: DateTime<Utc>,
    progress: &dyn Progress,
) -> Result<Restored> {
    let store = fs::canonicalize(&config.sync.store).unwrap_or_else(|_| absolute(&config.sync.store));
    if fs::canonicalize(backup).is_ok_and(|backup| backup == store) {
        return Err(Failure::new(Kind::Usage, "that is the store itself; nothing was changed")
            .at(backup.display())
            .cure("name one of the copies beside it, which end in .bak"));
    }
    progress.begin("checking the backup", None);
    let checked = check(backup, &|at, of| progress.reached(at, of))?;
    let staged = with_suffix(&store, ".restoring");
    let failed = |cause| Failure::io(Kind::Failed, "the store cannot be restored", &store, cause);
    owner::remove(&with_suffix(&staged, "-journal")).map_err(failed)?;
    progress.begin("copying the backup", None);
    Store::back_up(backup, &staged, &|at, of| progress.reached(at, of))?;
    let prepared = prepare(&store, &staged, now);
    let Prepared { accounts, last_run, erased, suppressed, opt_outs, unknown } =
        prepared.inspect_err(|_| {
            let _ = fs::remove_file(&staged);
        })?;
    Store::end_wal(&store).inspect_err(|_| {
        let _ = fs::remove_file(&staged);
    })?;
    let kept = keep(&store, config, now).map_err(failed)?;
    fs::rename(&staged, &store)
        .and_then(|()| owner::sync_folder(owner::folder_of(&store)))
        .map_err(failed)?;
    owner::adopt(&store);
    let next_run = match Store::open_read(&store)? {
        Some(restored) => next_run(&restored, &Signs::of(config))?,
        None => checked.last_run + 1,
    };
    Ok(Restored { accounts, last_run, next_run, kept, erased, suppressed, opt_outs, unknown })
}

/// The backup, if it is one that may take the place of the store.
fn check(backup: &Path, steps: Steps<'_>) -> Result<Checked> {
    let unusable = |what: String| {
        Failure::new(Kind::InputUnusable, format!("{what}; the store was not changed"))
            .at(absolute(backup).display())
            .cure("restore another backup; `rostersync db verify FILE` says more about one")
    };
    let checked = Store::check(backup, steps).map_err(|failure| {
        let failure = Failure { kind: Kind::InputUnusable, ..failure };
        let what = format!("the backup cannot be used: {}; the store was not changed", failure.what);
        Failure { what, ..failure }
    })?;
    if let Some(damage) = checked.damage.first() {
        return Err(unusable(format!("the backup is damaged ({damage})")));
    }
    if checked.dangling > 0 || checked.audit.broken.is_some() {
        return Err(unusable("the backup was altered by hand, or its history does not hold".to_owned()));
    }
    Ok(checked)
}

/// Makes the copy ready: of this version, without the people that were erased since, and with the
/// suppressions and opt-outs made since: no restored backup may give a person an account that is not to
/// have one, or send messages to a person who wants none.
fn prepare(store: &Path, staged: &Path, now: DateTime<Utc>) -> Result<Prepared> {
    let copy = Store::open_staged(staged)?;
    // The next run says that it was restored.
    copy.forget_copied()?;
    let (mut erased, mut suppressed, mut opt_outs, mut unknown) = (0, 0, 0, None);
    match Store::open_read(store) {
        Ok(Some(before)) => {
            (erased, suppressed, opt_outs) = copy.transaction(|| {
                let erased = copy.take_over_erased(&before, Origin::Operator, now)?;
                let suppressed = take_over_suppressions(&copy, &before)?;
                Ok((erased, suppressed, copy.take_over_opt_outs(&before, now)?))
            })?;
            if erased > 0 {
                copy.vacuum()?;
            }
        }
        Ok(None) => {}
        Err(failure) => unknown = Some(failure.what),
    }
    let population = copy.population()?;
    let accounts = population.pending + population.active + population.archived;
    Ok(Prepared { accounts, last_run: copy.last_run_number()?, erased, suppressed, opt_outs, unknown })
}

/// A suppression that the backup has, and that was ended since, holds again: that is the safe side.
fn take_over_suppressions(copy: &Store, before: &Store) -> Result<u64> {
    let known = copy.suppressions()?;
    let mut taken = 0;
    for suppression in before.suppressions()? {
        if !known.iter().any(|known| known.sourced_id == suppression.sourced_id) {
            copy.put_suppression(&suppression)?;
            taken += 1;
        }
    }
    Ok(taken)
}

/// Keeps the store under another name, with a journal that it may have. It stays in its place until
/// the backup takes it.
fn keep(store: &Path, config: &Config, now: DateTime<Utc>) -> std::io::Result<Option<PathBuf>> {
    if !store.exists() {
        return Ok(None);
    }
    let moment = config.sync.timezone.compact(now);
    let names = (1..).map(|number| match number {
        1 => with_suffix(store, &format!(".replaced-{moment}.bak")),
        _ => with_suffix(store, &format!(".replaced-{moment}-{number}.bak")),
    });
    // A restore that was killed may have kept it already.
    let is_it = |name: &Path| {
        let files = [fs::metadata(store), fs::metadata(name)];
        matches!(files, [Ok(store), Ok(name)] if (store.dev(), store.ino()) == (name.dev(), name.ino()))
    };
    let Some(kept) = names.into_iter().find(|name| !name.exists() || is_it(name)) else { return Ok(None) };
    if !kept.exists() {
        fs::hard_link(store, &kept).or_else(|_| fs::rename(store, &kept))?;
    }
    // By it the store that is kept can be rolled back; beside the new one it would do harm.
    for log in ["-journal", "-wal"].map(|end| (with_suffix(store, end), with_suffix(&kept, end))) {
        if log.0.exists() {
            fs::rename(log.0, log.1)?;
        }
    }
    owner::remove(&with_suffix(store, "-shm"))?;
    Ok(Some(kept))
}
