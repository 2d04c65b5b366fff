//! The report files: written under a temporary name before the commit, named after it.

use std::fs::{self, File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::failure::{Failure, Kind, Result};
use crate::plan::{Plan, PlanRow, join_codes, join_notes};
use crate::report::{Row, Writer};
use crate::store::Store;

/// `users-000042.csv`
pub fn report_path(reports: &Path, run: i64) -> PathBuf {
    reports.join(format!("users-{run:06}.csv"))
}

/// `.users-000042.csv.partial`: complete, but its run may not be committed.
fn partial_path(reports: &Path, run: i64) -> PathBuf {
    reports.join(format!(".users-{run:06}.csv.partial"))
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |cause| Failure::io(Kind::Failed, "the report cannot be written", path, cause)
}

/// Writes a run's report to the disk, under its temporary name.
pub(super) fn write_partial(reports: &Path, run: i64, plan: &Plan) -> Result<PathBuf> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(reports).map_err(failed(reports))?;
    let path = partial_path(reports, run);
    // What is left of a run that died has the permissions it had.
    match fs::remove_file(&path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(failed(&path)(cause)),
        Ok(()) | Err(_) => {}
    }
    let file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed(&path))?;
    if let Err(failure) = write_rows(&file, plan, &path) {
        // Nobody would know what it is; the failure is what counts.
        let _ = fs::remove_file(&path);
        return Err(failure);
    }
    Ok(path)
}

/// Writes a report where the user wants it, complete or not at all.
pub(super) fn write_complete(path: &Path, plan: &Plan) -> Result<()> {
    let folder =
        path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."));
    // A temporary file is readable by its owner only, and stays so under its name.
    let file = tempfile::NamedTempFile::new_in(folder).map_err(failed(path))?;
    write_rows(file.as_file(), plan, path)?;
    file.persist(path).map_err(|error| failed(path)(error.error))?;
    Ok(())
}

fn write_rows(file: &File, plan: &Plan, path: &Path) -> Result<()> {
    let mut writer = Writer::new(BufWriter::with_capacity(256 << 10, file));
    plan.each_row(|row| write_row(&mut writer, row))?;
    let mut buffer = writer.finish()?;
    buffer.flush().and_then(|()| file.sync_all()).map_err(failed(path))
}

fn write_row<W: Write>(writer: &mut Writer<W>, row: &PlanRow) -> Result<()> {
    let [sis_given_name, sis_family_name, sis_email, sis_phone, sis_home_phone] = &row.sis;
    writer.row(&Row {
        line: row.line,
        sourced_id: &row.sourced_id,
        identifier: &row.identifier,
        role: &row.roles,
        schools: &row.schools,
        state: &row.state,
        action: row.action.word(),
        given_name: &row.details.name.given,
        family_name: &row.details.name.family,
        email: &row.details.email,
        phone: &row.details.phone,
        home_phone: &row.details.home_phone,
        sis_given_name,
        sis_family_name,
        sis_email,
        sis_phone,
        sis_home_phone,
        codes: &join_codes(&row.notes),
        first_seen: &row.first_seen.map(|day| day.to_string()).unwrap_or_default(),
        notes: &join_notes(&row.notes),
    })
}

/// Gives a report its name: its run is committed.
pub(super) fn complete(partial: &Path, reports: &Path, run: i64) -> Result<PathBuf> {
    let path = report_path(reports, run);
    fs::rename(partial, &path).map_err(failed(&path))?;
    // The name outlives a power cut only with the folder on the disk.
    File::open(reports).and_then(|folder| folder.sync_all()).map_err(failed(&path))?;
    Ok(path)
}

/// Finishes what a run that died between its commit and its last step has left.
pub(super) fn finish_interrupted(reports: &Path, store: &Store) -> Result<()> {
    let next = store.next_run()?;
    let partial = partial_path(reports, next - 1);
    if next > 1 && partial.exists() {
        tracing::info!(run = next - 1, "finishing the report of a run that was interrupted after its commit");
        complete(&partial, reports, next - 1)?;
    }
    Ok(())
}

/// Removes reports that are older than so many days; 0 keeps all. A report that cannot be removed is only mentioned: the
/// run is done.
pub(super) fn remove_old(reports: &Path, days: u32, now: SystemTime) {
    if days == 0 {
        return;
    }
    let Some(oldest) = now.checked_sub(Duration::from_secs(u64::from(days) * 86_400)) else { return };
    for entry in fs::read_dir(reports).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("users-")?.strip_suffix(".csv"));
        let is_report =
            number.is_some_and(|number| number.len() >= 6 && number.bytes().all(|b| b.is_ascii_digit()));
        let written = entry.metadata().and_then(|found| found.modified());
        if is_report
            && written.is_ok_and(|written| written < oldest)
            && let Err(cause) = fs::remove_file(entry.path())
        {
            tracing::warn!("an old report cannot be removed, at {}: {cause}", entry.path().display());
        }
    }
}
