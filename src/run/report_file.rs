//! The report files: written under a temporary name before the commit, named after it.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, SystemTime};

use crate::account::State;
use crate::contact::{Field, email_key, phone_key};
use crate::failure::{Failure, Kind, Result};
use crate::message::Channel;
use crate::owner;
use crate::plan::{Note, Plan, PlanRow};
use crate::report::{Csv, Rendering, Writer, csv_row};
use crate::store::{Refused, Store};

/// The files of a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RunFile {
    /// The report: `users-000042.csv`
    Users,
    /// Accounts that go on under another sourcedId, for `--rekey`: `renames-000042.csv`
    Renames,
    /// Those that are not certain: `renames-000042-probable.csv`
    Probable,
    /// The report for a browser: `users-000042.html`. It is made of the first one after the commit,
    /// so it is never there under a temporary name of that kind.
    Html,
}

impl RunFile {
    const ALL: [Self; 4] = [Self::Users, Self::Renames, Self::Probable, Self::Html];

    /// What stands before the number, and after it.
    fn name(self) -> (&'static str, &'static str) {
        match self {
            Self::Users => ("users-", ".csv"),
            Self::Renames => ("renames-", ".csv"),
            Self::Probable => ("renames-", "-probable.csv"),
            Self::Html => ("users-", ".html"),
        }
    }

    fn path(self, reports: &Path, run: i64) -> PathBuf {
        let (before, after) = self.name();
        reports.join(format!("{before}{run:06}{after}"))
    }

    /// `.users-000042.csv.partial`: complete, but its run may not be committed.
    fn partial_path(self, reports: &Path, run: i64) -> PathBuf {
        let (before, after) = self.name();
        reports.join(format!(".{before}{run:06}{after}.partial"))
    }

    /// The number in a name.
    fn number(self, name: &str) -> Option<i64> {
        let (before, after) = self.name();
        let number = name.strip_prefix(before)?.strip_suffix(after)?;
        let is_one = number.len() >= 6 && number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse().ok().filter(|number| is_one && *number > 0)
    }
}

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Failure + '_ {
    move |cause| Failure::io(Kind::Failed, "the report cannot be written", path, cause)
}

/// The report of a committed run: under its name or, if the run died before its last step, still
/// under the temporary one.
pub fn find_report(reports: &Path, run: i64) -> Option<PathBuf> {
    let users = RunFile::Users;
    [users.path(reports, run), users.partial_path(reports, run)].into_iter().find(|path| path.exists())
}

/// Addresses and numbers that a message was refused at for good. Like a kept difference it is said
/// again in every report, for as long as the person still has that address.
pub(super) struct Undeliverable(HashMap<String, Vec<Refused>>);

impl Undeliverable {
    pub(super) fn of(store: &Store) -> Result<Self> {
        let mut refused: HashMap<String, Vec<Refused>> = HashMap::new();
        for one in store.refused()? {
            refused.entry(one.sourced_id.clone()).or_default().push(one);
        }
        Ok(Self(refused))
    }

    fn notes<'a>(&self, row: &'a PlanRow<'_>) -> Cow<'a, [Note]> {
        let Some(refused) = self.0.get(row.sourced_id).filter(|_| row.state == State::Active.word()) else {
            return Cow::Borrowed(&row.notes);
        };
        let mut notes = row.notes.to_vec();
        for one in refused {
            let (field, same) = match one.channel {
                Channel::Email => (Field::Email, email_key(&one.recipient) == email_key(row.details.email)),
                Channel::Sms => (Field::Phone, one.recipient == phone_key(row.details.phone)),
            };
            let note = Note::Undeliverable(field, one.reason.clone());
            if same && !notes.contains(&note) {
                notes.push(note);
            }
        }
        Cow::Owned(notes)
    }
}

/// A report, or another file of a run, under its temporary name. Dropping this removes it, unless
/// its run is committed.
pub(super) struct Partial {
    file: RunFile,
    path: PathBuf,
    committed: bool,
}

impl Partial {
    /// It stays, for the next run to finish: it is not known whether its run is committed.
    pub(super) fn keep(mut self) {
        self.committed = true;
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.committed {
            // What cannot be removed is overwritten by the next run.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Writes a file of a run to the disk, under its temporary name.
pub(super) fn write_partial(
    reports: &Path,
    which: RunFile,
    run: i64,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<Partial> {
    owner::make_folder(reports).map_err(failed(reports))?;
    let path = which.partial_path(reports, run);
    let file = owner::create_anew(&path).map_err(failed(&path))?;
    let partial = Partial { file: which, path, committed: false };
    write_synced(&file, write).map_err(|failure| failure.or_at(partial.path.display()))?;
    file.sync_all().map_err(failed(&partial.path))?;
    // Otherwise a power cut between the commit and the last step would take the report away.
    owner::sync_folder(reports).map_err(failed(reports))?;
    Ok(partial)
}

/// How much of a report is brought to the disk at once while the rest is still written.
const SYNCED: usize = 32 << 20;

/// Writes a report, of which the disk has most when it is written.
fn write_synced(file: &File, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    thread::scope(|scope| {
        let (more, wanted) = channel();
        let mut out = Synced { file, more: None, written: 0 };
        // An error that the disk reports is reported once: a later sync knows nothing of it.
        let syncing = thread::Builder::new().spawn_scoped(scope, move || {
            let mut done = Ok(());
            for () in &wanted {
                done = done.and(file.sync_data());
            }
            done
        });
        // Without a thread all of it is synced at the end.
        let syncing = syncing.ok();
        out.more = syncing.is_some().then_some(more);
        let written = write(&mut out);
        drop(out);
        let synced = syncing.map_or(Ok(()), |syncing| {
            syncing.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        });
        written?;
        synced.map_err(|cause| {
            Failure::new(Kind::Failed, "the report cannot be written")
                .cure("check the disk and the system's log, then run again")
                .because(cause)
        })
    })
}

/// Asks for what was written to be brought to the disk, every now and then.
struct Synced<'a> {
    file: &'a File,
    more: Option<Sender<()>>,
    written: usize,
}

impl Write for Synced<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let count = self.file.write(bytes)?;
        self.written += count;
        if self.written >= SYNCED
            && let Some(more) = &self.more
        {
            self.written = 0;
            // The thread that syncs lives as long as this.
            let _ = more.send(());
        }
        Ok(count)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.file.flush()
    }
}

pub(super) fn write_rows(out: &mut dyn Write, plan: &Plan, refused: &Undeliverable) -> Result<()> {
    let mut writer = Writer::new(out);
    plan.write_rows(
        |row, rows| row.report(&refused.notes(row), |row| csv_row(row, rows)),
        |rows| writer.rows(rows),
    )?;
    writer.finish()?;
    Ok(())
}

/// Writes which accounts go on under which sourcedIds: the pairs that are certain, or the others.
pub(super) fn write_renames(out: &mut dyn Write, plan: &Plan, certain: bool) -> Result<()> {
    let mut csv = Csv::for_programs(vec!["old", "new", "evidence", "name"]);
    let mut text = Vec::new();
    let failed = |cause| Failure::new(Kind::Failed, "the file of renames cannot be written").because(cause);
    csv.begin(&mut text);
    plan.same_person.each(|pair, old, new| {
        if pair.certain == certain && !pair.is_second && !pair.is_suppressed {
            let cells = [&old.sourced_id, &new.sourced_id, pair.evidence.words(), &new.name];
            csv.row(&cells.map(str::as_bytes), &mut text);
        }
        out.write_all(&text).map_err(failed)?;
        text.clear();
        Ok(())
    })
}

/// Gives the report of a run that is committed its name. If that fails, the run counts all the
/// same, which is what `done` says, and the next run gives it the name.
pub(super) fn complete(partial: Partial, reports: &Path, run: i64, done: &str) -> Option<PathBuf> {
    match name(partial, reports, run) {
        Ok(path) => Some(path),
        Err(failure) => {
            tracing::error!(
                run,
                "{done}, but its report has no name yet; the next run gives it one: {failure}"
            );
            find_report(reports, run)
        }
    }
}

fn name(mut partial: Partial, reports: &Path, run: i64) -> Result<PathBuf> {
    partial.committed = true;
    let path = partial.file.path(reports, run);
    fs::rename(&partial.path, &path).map_err(failed(&path))?;
    // The name outlives a power cut only with the folder on the disk.
    owner::sync_folder(reports).map_err(failed(&path))?;
    Ok(path)
}

/// Finishes what a run that died between its commit and its last step has left, and removes what is
/// left of runs that never were.
pub(super) fn finish_interrupted(reports: &Path, store: &Store) -> Result<()> {
    let last = store.last_run_number()?;
    for file in RunFile::ALL {
        let path = file.partial_path(reports, last);
        if last > 0 && path.exists() {
            tracing::info!(run = last, "finishing the report of a run that was interrupted after its commit");
            name(Partial { file, path, committed: true }, reports, last)?;
        }
    }
    for entry in fs::read_dir(reports).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let of_a_run = |name: &str| {
            let name = name.strip_prefix('.')?;
            let name =
                [".partial", ".erasing", ".writing"].into_iter().find_map(|end| name.strip_suffix(end))?;
            RunFile::ALL.iter().find_map(|file| file.number(name))
        };
        if name.to_str().and_then(of_a_run).is_some() {
            let _ = fs::remove_file(entry.path());
        }
    }
    Ok(())
}

/// The number of the run whose Users report this is.
pub(super) fn run_of(report: &Path) -> Option<i64> {
    numbered(report.file_name()?.to_str()?)
}

/// The number in `users-000042.csv`.
fn numbered(name: &str) -> Option<i64> {
    RunFile::Users.number(name)
}

/// The reports in a folder that have something in them, by their numbers: path, and when it was
/// written.
fn reports_in(reports: &Path) -> BTreeMap<i64, (PathBuf, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(reports).into_iter().flatten().flatten() {
        let Some(number) = entry.file_name().to_str().and_then(numbered) else { continue };
        if let Ok(metadata) = entry.metadata()
            && metadata.is_file()
            && metadata.len() > 0
            && let Ok(written) = metadata.modified()
        {
            found.insert(number, (entry.path(), written));
        }
    }
    found
}

/// Writes the report of a run for a browser, in place of an earlier one.
pub(super) fn write_html(
    reports: &Path,
    run: i64,
    write: impl FnOnce(&Path, &mut dyn Write) -> Result<()>,
) -> Result<PathBuf> {
    let path = RunFile::Html.path(reports, run);
    // What a killed process leaves of it is not complete, and the next run removes it.
    let unfinished = reports.join(format!(".{}.writing", owner::name_of(&path)));
    let written = || -> Result<()> {
        let file = owner::create_anew(&unfinished).map_err(failed(&unfinished))?;
        write(&RunFile::Users.path(reports, run), &mut &file)
            .map_err(|failure| failure.or_at(path.display()))?;
        file.sync_all().map_err(failed(&path))?;
        fs::rename(&unfinished, &path).map_err(failed(&path))?;
        owner::sync_folder(reports).map_err(failed(&path))
    };
    written().inspect_err(|_| {
        let _ = fs::remove_file(&unfinished);
    })?;
    Ok(path)
}

/// The report for a browser that stands beside a Users report, if there is one.
pub fn html_beside(report: &Path) -> Option<PathBuf> {
    let number = run_of(report)?;
    Some(RunFile::Html.path(report.parent()?, number)).filter(|path| path.is_file())
}

/// Whether a run has a Users report, and none for a browser.
pub(super) fn lacks_html(reports: &Path, run: i64) -> bool {
    RunFile::Users.path(reports, run).exists() && !RunFile::Html.path(reports, run).exists()
}

/// The reports for a browser whose Users report is not there.
pub(super) fn html_alone(reports: &Path) -> Vec<PathBuf> {
    let is_alone = |path: &PathBuf| {
        let number = path.file_name().and_then(|name| RunFile::Html.number(name.to_str()?));
        number.is_some_and(|number| !RunFile::Users.path(reports, number).exists())
    };
    let entries = fs::read_dir(reports).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(is_alone).collect()
}

/// All files of runs in a folder, in the order of their names, but those for a browser.
pub(super) fn all_files(reports: &Path) -> Vec<PathBuf> {
    let is_one = |entry: &fs::DirEntry| {
        let name = entry.file_name();
        let is_named = |file: &RunFile| name.to_str().is_some_and(|name| file.number(name).is_some());
        RunFile::ALL.iter().filter(|file| **file != RunFile::Html).any(is_named)
            && entry.metadata().is_ok_and(|found| found.is_file() && found.len() > 0)
    };
    let entries = fs::read_dir(reports).into_iter().flatten().flatten();
    let mut all: Vec<PathBuf> = entries.filter(is_one).map(|entry| entry.path()).collect();
    all.sort();
    all
}

pub(super) fn last_report(reports: &Path) -> Option<i64> {
    reports_in(reports).into_keys().next_back()
}

/// So many of the newest reports always stay.
const NEWEST: usize = 7;

const DAY: Duration = Duration::from_secs(86_400);

/// Removes reports that are older than so many days; 0 keeps all. A report that cannot be removed
/// is only mentioned: the run is done.
pub(super) fn remove_old(reports: &Path, days: u32) {
    if days == 0 {
        return;
    }
    // By the clock that the files were written by, whatever moment a replay takes for now.
    let all = reports_in(reports);
    for path in too_old(&all, days, SystemTime::now()) {
        if let Err(cause) = fs::remove_file(path) {
            tracing::warn!("an old report cannot be removed, at {}: {cause}", path.display());
        }
        // What was written beside it goes with it.
        let name = path.file_name().and_then(|name| numbered(name.to_str()?));
        for beside in [RunFile::Renames, RunFile::Probable, RunFile::Html] {
            if let Some(number) = name {
                let _ = fs::remove_file(beside.path(reports, number));
            }
        }
    }
}

/// Which reports are too old. A clock that was wrong for a night or two must not cost them: the age
/// is taken between the reports as well as from now, and a report is never taken for older than
/// those before it.
fn too_old(reports: &BTreeMap<i64, (PathBuf, SystemTime)>, days: u32, now: SystemTime) -> Vec<&PathBuf> {
    // In the middle of the newest: a few of them may have been written by a wrong clock.
    let mut newest: Vec<SystemTime> =
        reports.values().rev().take(NEWEST).map(|(_, written)| *written).collect();
    newest.sort();
    let Some(middle) = newest.get(newest.len() / 2) else { return Vec::new() };
    let Some(oldest) = now.min(*middle).checked_sub(DAY * days) else { return Vec::new() };
    let tomorrow = now.min(*middle) + DAY * 8;
    let mut since = None;
    let mut gone = Vec::new();
    for (path, written) in reports.values().take(reports.len().saturating_sub(NEWEST)) {
        if *written < tomorrow {
            since = since.max(Some(*written));
        }
        if since.is_some_and(|since| since < oldest) {
            gone.push(path);
        }
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reports written on these days; and which are too old on a day, with 90 days.
    fn gone(days: &[u64], today: u64) -> Vec<usize> {
        let at = |day: u64| SystemTime::UNIX_EPOCH + DAY * u32::try_from(day).unwrap();
        let reports: BTreeMap<i64, (PathBuf, SystemTime)> = (1..)
            .zip(days)
            .map(|(number, day)| (number, (PathBuf::from(number.to_string()), at(*day))))
            .collect();
        let gone = too_old(&reports, 90, at(today));
        gone.iter().map(|path| path.to_str().unwrap().parse().unwrap()).collect()
    }

    #[test]
    fn old_reports_go_and_the_newest_stay() {
        let nightly: Vec<u64> = (1000..1100).collect();
        assert_eq!(gone(&nightly, 1099), (1..=6).collect::<Vec<_>>());
        // After a summer the newest seven are there.
        assert_eq!(gone(&[1000, 1001, 1002, 1003, 1004, 1005, 1006, 1007], 1200), Vec::<usize>::new());
        let after: Vec<u64> = (1000..1010).chain(1200..1204).collect();
        assert_eq!(gone(&after, 1203), (1..=7).collect::<Vec<_>>());
        assert_eq!(gone(&[], 1000), Vec::<usize>::new());
    }

    #[test]
    fn a_wrong_clock_costs_no_report() {
        // One night, then two, years ahead.
        let mut nights: Vec<u64> = (1000..1020).collect();
        nights.push(5000);
        assert_eq!(gone(&nights, 5000), Vec::<usize>::new());
        nights.push(5001);
        assert_eq!(gone(&nights, 5001), Vec::<usize>::new());
        nights.extend(1020..1030);
        assert_eq!(gone(&nights, 1029), Vec::<usize>::new());
        // And one night in 1970.
        let mut nights: Vec<u64> = (1000..1020).collect();
        nights.push(0);
        nights.extend(1021..1040);
        assert_eq!(gone(&nights, 1039), Vec::<usize>::new());
        // A report from the future goes with those before it.
        let nights: Vec<u64> = [1000, 5000].into_iter().chain(1002..1200).collect();
        let gone = gone(&nights, 1199);
        assert_eq!(gone, (1..=gone.len()).collect::<Vec<_>>());
        assert!(gone.len() > 90);
    }

    #[test]
    fn what_fails_while_a_report_is_written_is_not_forgotten() {
        // A pipe cannot be synced.
        let (_reader, writer) = std::io::pipe().unwrap();
        let file = File::from(std::os::fd::OwnedFd::from(writer));
        let mut out = Synced { file: &file, more: None, written: 0 };
        assert_eq!(out.write(b"x").unwrap(), 1);
        let (more, wanted) = channel();
        more.send(()).unwrap();
        drop(more);
        let synced = wanted.iter().try_for_each(|()| file.sync_data());
        assert!(synced.is_err());
    }

    #[test]
    fn which_files_are_reports() {
        for (name, number) in [
            ("users-000042.csv", Some(42)),
            ("users-1234567.csv", Some(1_234_567)),
            ("users-42.csv", None),
            ("users-000000.csv", None),
            ("users-000042.csv.bak", None),
            ("users-000042 (1).csv", None),
            ("users-2024.csv", None),
        ] {
            assert_eq!(numbered(name), number, "{name}");
        }
    }
}
