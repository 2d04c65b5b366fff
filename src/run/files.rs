//! The report files: written under a temporary name before the commit, named after it.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::account::State;
use crate::contact::{Field, email_key, phone_key};
use crate::failure::{Failure, Kind, Result};
use crate::message::Channel;
use crate::plan::{Note, Plan, View, join_codes, join_notes};
use crate::report::{Row, Writer, csv_row};
use crate::store::{Refused, Store};

/// `users-000042.csv`
fn report_path(reports: &Path, run: i64) -> PathBuf {
    reports.join(format!("users-{run:06}.csv"))
}

/// `.users-000042.csv.partial`: complete, but its run may not be committed.
fn partial_path(reports: &Path, run: i64) -> PathBuf {
    reports.join(format!(".users-{run:06}.csv.partial"))
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |cause| Failure::io(Kind::Failed, "the report cannot be written", path, cause)
}

/// The report of a committed run: under its name or, if the run died before its last step, still under the temporary one.
pub fn find_report(reports: &Path, run: i64) -> Option<PathBuf> {
    [report_path(reports, run), partial_path(reports, run)].into_iter().find(|path| path.exists())
}

/// Addresses and numbers that a message was refused at for good. Like a kept difference it is said again in every report,
/// for as long as the person still has that address.
pub(super) struct Undeliverable(HashMap<String, Vec<Refused>>);

impl Undeliverable {
    pub(super) fn of(store: &Store) -> Result<Self> {
        let mut refused: HashMap<String, Vec<Refused>> = HashMap::new();
        for one in store.refused()? {
            refused.entry(one.sourced_id.clone()).or_default().push(one);
        }
        Ok(Self(refused))
    }

    /// The notes of a row, with this one among them.
    fn notes<'a>(&self, row: &View<'a>) -> Cow<'a, [Note]> {
        let Some(refused) = self.0.get(row.sourced_id).filter(|_| row.state == State::Active.word()) else {
            return Cow::Borrowed(row.notes);
        };
        let mut notes = row.notes.to_vec();
        for one in refused {
            let (field, same) = match one.channel {
                Channel::Email => (Field::Email, email_key(&one.recipient) == email_key(row.email)),
                Channel::Sms => (Field::Phone, one.recipient == phone_key(row.phone)),
            };
            let note = Note::Undeliverable(field, one.reason.clone());
            if same && !notes.contains(&note) {
                notes.push(note);
            }
        }
        Cow::Owned(notes)
    }
}

/// A report under its temporary name. Unless its run is committed, it goes when this goes.
pub(super) struct Partial {
    path: PathBuf,
    committed: bool,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.committed {
            // What cannot be removed is overwritten by the next run.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a run's report to the disk, under its temporary name.
pub(super) fn write_partial(
    reports: &Path,
    run: i64,
    plan: &Plan,
    refused: &Undeliverable,
) -> Result<Partial> {
    write_partial_with(reports, run, |out| write_rows(out, plan, refused))
}

/// As [`write_partial`], with what `write` writes.
pub(super) fn write_partial_with(
    reports: &Path,
    run: i64,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<Partial> {
    fs::DirBuilder::new().recursive(true).mode(0o700).create(reports).map_err(failed(reports))?;
    let path = partial_path(reports, run);
    // What is left of a run that died has the permissions it had.
    match fs::remove_file(&path) {
        Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => return Err(failed(&path)(cause)),
        Ok(()) | Err(_) => {}
    }
    let file =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path).map_err(failed(&path))?;
    let partial = Partial { path, committed: false };
    write_synced(&file, write).map_err(|failure| failure.or_at(partial.path.display()))?;
    file.sync_all().map_err(failed(&partial.path))?;
    Ok(partial)
}

/// How much of a report is brought to the disk at once while the rest is still written.
const SYNCED: usize = 32 << 20;

/// Writes a report, of which the disk has most when it is written.
fn write_synced(file: &File, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    thread::scope(|scope| {
        let (more, wanted) = channel();
        // What fails here fails again when all of it is synced, and is told then.
        scope.spawn(move || wanted.iter().for_each(|()| drop(file.sync_data())));
        write(&mut Synced { file, more, written: 0 })
    })
}

/// Asks for what was written to be brought to the disk, every now and then.
struct Synced<'a> {
    file: &'a File,
    more: Sender<()>,
    written: usize,
}

impl Write for Synced<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written += count;
        if self.written >= SYNCED {
            self.written = 0;
            // Whoever syncs is there as long as this is.
            let _ = self.more.send(());
        }
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

/// Writes a report.
pub(super) fn write_rows(out: &mut dyn Write, plan: &Plan, refused: &Undeliverable) -> Result<()> {
    let mut writer = Writer::new(out);
    plan.write_rows(|row, rows| write_row(row, &refused.notes(row), rows), |rows| writer.rows(rows))?;
    writer.finish()?;
    Ok(())
}

fn write_row(row: &View<'_>, notes: &[Note], rows: &mut Vec<u8>) {
    let [sis_given_name, sis_family_name, sis_email, sis_phone, sis_home_phone] = row.sis;
    let row = Row {
        line: row.line,
        sourced_id: row.sourced_id,
        identifier: row.identifier,
        role: row.roles,
        schools: row.schools,
        state: row.state,
        action: row.action.word(),
        given_name: row.given_name,
        family_name: row.family_name,
        email: row.email,
        phone: row.phone,
        home_phone: row.home_phone,
        sis_given_name,
        sis_family_name,
        sis_email,
        sis_phone,
        sis_home_phone,
        codes: &join_codes(notes),
        first_seen: &row.first_seen.map(|day| day.to_string()).unwrap_or_default(),
        notes: &join_notes(notes),
    };
    csv_row(&row, rows);
}

/// Gives the report of a run that is committed its name.
pub(super) fn complete(mut partial: Partial, reports: &Path, run: i64) -> Result<PathBuf> {
    partial.committed = true;
    let path = report_path(reports, run);
    fs::rename(&partial.path, &path).map_err(failed(&path))?;
    // The name outlives a power cut only with the folder on the disk.
    File::open(reports).and_then(|folder| folder.sync_all()).map_err(failed(&path))?;
    Ok(path)
}

/// Finishes what a run that died between its commit and its last step has left.
pub(super) fn finish_interrupted(reports: &Path, store: &Store) -> Result<()> {
    let last = store.next_run()? - 1;
    let path = partial_path(reports, last);
    if last > 0 && path.exists() {
        tracing::info!(run = last, "finishing the report of a run that was interrupted after its commit");
        complete(Partial { path, committed: true }, reports, last)?;
    }
    Ok(())
}

/// Removes reports that are older than so many days; 0 keeps all. A report that cannot be removed is only mentioned: the
/// run is done.
pub(super) fn remove_old(reports: &Path, days: u32) {
    if days == 0 {
        return;
    }
    // By the clock that the files were written by, whatever moment a replay takes for now.
    let Some(oldest) = SystemTime::now().checked_sub(Duration::from_secs(u64::from(days) * 86_400)) else {
        return;
    };
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
