//! `[platform.push]`: gives the accounts to the platform after a run that changed something.
//!
//! What was pushed is noted after it is there. If the process dies in between, the same is pushed again:
//! nothing is ever lost, and the platform has to take a user twice. So is what a file had that the
//! platform has not picked up: a file that is still there is replaced by one that has its users too.

use std::collections::HashSet;
use std::fs::File;
use std::io::{BufWriter, Seek, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};
use rustix::process::{Pid, Signal, kill_process_group};
use sha2::{Digest, Sha256};

use super::interrupt::PhaseGuard;
use super::request::RunContext;
use super::source::watched;
use crate::account::Account;
use crate::config::{Config, Push, PushTo, PushWhat, RUN};
use crate::failure::{Failure, Kind, Result};
use crate::findings::{At, Findings};
use crate::output::write_file;
use crate::owner::name_of;
use crate::people::{export_cells, export_headers};
use crate::plural::{agreed, counted};
use crate::report::{Csv, Rendering};
use crate::scratch;
use crate::source::{oneroster_csv, sftp};
use crate::store::{Position, PushRow, Store};

/// How a push ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Where it goes, for people.
    pub place: String,
    pub what: PushWhat,
    /// So many users are in the file; nothing was pushed if nothing changed.
    pub users: Option<u64>,
    /// So many users are archived since the last push, and so not among the users that changed.
    pub archived: u64,
    /// The file before had not been picked up: when it was pushed. Its users are in this one too.
    pub left_since: Option<DateTime<Utc>>,
    /// The program ended with 0 before it had read its input to the end.
    pub is_unread: bool,
    /// Why it failed: no data of people.
    pub failed: Option<String>,
}

impl Pushed {
    /// Adds what a person has to look at, although the push itself did not fail: the platform may lack
    /// what no later push has.
    pub fn find(&self, now: DateTime<Utc>, config: &Config, findings: &mut Findings) {
        if self.failed.is_some() {
            return;
        }
        let file = name_of(&config.file);
        let mut find = |code, key, message: &dyn Fn() -> String| {
            findings.attention(code, At::file(&file).column(key), message);
        };
        let place = &self.place;
        // Where each file has all users, one that stays loses nothing.
        let left = self.left_since.filter(|since| self.what == PushWhat::Changes && now - *since >= A_DAY);
        if let Some(since) = left {
            let since = config.sync.timezone.show(since);
            find("push-left", "[platform.push] to", &|| {
                format!(
                    "the file that was pushed at {since} was not picked up, at {place}: look at the import of the platform; if the \
                     platform reads files and leaves them, set `what = \"all\"`"
                )
            });
        }
        if self.archived > 0 {
            find("push-archived", "[platform.push] what", &|| {
                format!(
                    "{} not in the pushed file: close {} on the platform (`rostersync report --where action=archived`), or set \
                     `what = \"all\"` and let it close the accounts that the file does not have",
                    counted(self.archived, "archived user is", "archived users are"),
                    agreed(self.archived, "the account", "the accounts"),
                )
            });
        }
        if self.is_unread {
            find("push-unread", "[platform.push] command", &|| {
                format!(
                    "{place} ended with 0 and has not read all of its input: look whether the platform has the users; if not, \
                     `rostersync users export` writes them; if the program opens /dev/stdin by itself, write \
                     `command = [\"sh\", \"-c\", \"cat | PROGRAM\"]`"
                )
            });
        }
    }
}

/// How long the platform may leave a file, as a run at night sees it.
const A_DAY: TimeDelta = TimeDelta::hours(23);

/// What a push would do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PushForecast {
    pub place: String,
    pub what: PushWhat,
    /// So many users have changed since the last push already.
    pub waiting: u64,
    /// A file that was not picked up is there: its users go too. Not known of a server.
    pub is_left: bool,
    /// There was none yet, to this place: all users go.
    pub is_first: bool,
}

/// What the next push would have, before the changes of the run that is planned.
pub(super) fn forecast(config: &Config, store: &Store) -> Result<Option<PushForecast>> {
    let Some(push) = &config.push else { return Ok(None) };
    let before = before(store, push)?;
    let waiting = count(store, before.as_ref().map(|before| before.covered))?;
    Ok(Some(PushForecast {
        place: push.place(),
        what: push.what,
        waiting,
        is_left: before.is_some() && push.has_a_file(),
        is_first: before.is_none(),
    }))
}

/// Pushes what changed since the last push. None without `[platform.push]`.
///
/// Whatever goes wrong is in the result, and noted in the store: the run is applied, and the next run
/// pushes the same again.
pub(super) fn push(
    config: &Config,
    store: &Store,
    context: &RunContext<'_>,
    run: Option<i64>,
) -> Option<Pushed> {
    let push = config.push.as_ref()?;
    let mut pushed = Pushed {
        place: push.place(),
        what: push.what,
        users: None,
        archived: 0,
        left_since: None,
        is_unread: false,
        failed: None,
    };
    match push_and_note(push, config, store, context, run, &mut pushed) {
        Ok(users) => Some(Pushed { users, ..pushed }),
        Err(failure) => {
            let reason = failure.to_keep();
            tracing::error!("the run is applied, but the push to the platform failed: {failure}");
            if let Err(failure) = note_failure(store, push, context, &reason) {
                tracing::error!("that the push failed is not on record: {failure}");
            }
            Some(Pushed { failed: Some(reason), ..pushed })
        }
    }
}

fn push_and_note(
    push: &Push,
    config: &Config,
    store: &Store,
    context: &RunContext<'_>,
    run: Option<i64>,
    pushed: &mut Pushed,
) -> Result<Option<u64>> {
    let before = before(store, push)?;
    let covered = before.as_ref().map(|before| before.covered);
    let left_since = before.as_ref().and_then(|before| before.pushed);
    if store.preview(|| count(store, covered))? == 0 {
        // A server is not asked on a night without changes.
        pushed.left_since = left_since.filter(|_| push.has_a_file());
        return Ok(None);
    }
    let _phase = PhaseGuard::sending();
    context.progress.begin("pushing to the platform", None);
    let number = run.map_or_else(|| store.last_run_number(), Ok)?;
    let target = Target::of(push, number, config, context)?;
    // A file with a number of its own replaces none.
    let is_there = !target.is_numbered && target.is_there()?;
    let taken = match (&before, is_there) {
        (None, _) => None,
        (Some(before), true) => Some(before.taken),
        (Some(before), false) => Some(before.covered),
    };
    let since = taken.filter(|_| push.what == PushWhat::Changes);
    let folder = scratch::folder()?;
    let (end, users, archived) = write_users(&folder.path().join(sftp::OUTGOING), config, store, since)?;
    pushed.archived = if since.is_some() { archived } else { 0 };
    pushed.left_since = left_since.filter(|_| is_there);
    pushed.is_unread = target.put(folder.path())? == Taken::InPart;
    // A file with a number under its name.
    pushed.place = Push { to: target.to.clone(), ..push.clone() }.place();
    // Of two runs that push at the same time the one that saw more is noted.
    let covered = covered.map_or(end, |before| (before.0.max(end.0), before.1.max(end.1)));
    store.transaction(|| {
        store.put_push(&PushRow {
            target: mark(push),
            taken: taken.unwrap_or_default(),
            covered,
            pushed: Some(context.now),
            users,
            failed: None,
            reason: String::new(),
        })
    })?;
    context.progress.end();
    Ok(Some(users))
}

/// What was pushed to this place so far.
fn before(store: &Store, push: &Push) -> Result<Option<PushRow>> {
    Ok(store.push()?.filter(|row| row.pushed.is_some() && row.target == mark(push)))
}

/// Where it goes, as it is kept: an argument of a command may be a secret.
fn mark(push: &Push) -> String {
    let mut digest = Sha256::new();
    let words: Vec<String> = match &push.to {
        PushTo::File(path) => vec![path.display().to_string()],
        PushTo::Sftp(url) => vec![url.clone()],
        PushTo::Command(words) => words.clone(),
    };
    for word in words {
        digest.update((word.len() as u64).to_le_bytes());
        digest.update(word);
    }
    digest.finalize()[..16].iter().map(|byte| format!("{byte:02x}")).collect()
}

fn note_failure(store: &Store, push: &Push, context: &RunContext<'_>, reason: &str) -> Result<()> {
    let row = store.push()?.filter(|row| row.target == mark(push)).unwrap_or_default();
    let failed = PushRow { target: mark(push), failed: Some(context.now), reason: reason.to_owned(), ..row };
    store.transaction(|| store.put_push(&failed))
}

/// How many users have changed since, archived ones too; before the first push, whether there are any.
fn count(store: &Store, since: Option<Position>) -> Result<u64> {
    if since.is_none() {
        return Ok(u64::from(store.has_accounts()?));
    }
    if since == Some(store.position()?) {
        return Ok(0);
    }
    let mut users = 0;
    each_user(store, since, |_| {
        users += 1;
        Ok(())
    })?;
    Ok(users)
}

fn each_user(store: &Store, since: Option<Position>, each: impl FnMut(&Account) -> Result<()>) -> Result<()> {
    match since {
        Some(since) => store.each_changed(since, each),
        None => store.each_account(each),
    }
}

/// Writes them as `users export` does, all as they are at one moment: up to which it is, how many they
/// are, and how many are left out because they are archived.
fn write_users(
    path: &Path,
    config: &Config,
    store: &Store,
    since: Option<Position>,
) -> Result<(Position, u64, u64)> {
    let failed = |cause| Failure::io(Kind::Failed, "the file to be pushed cannot be written", path, cause);
    scratch::file(path)?;
    let mut out = BufWriter::new(File::options().write(true).open(path).map_err(failed)?);
    let mut csv = Csv::for_programs(export_headers(config));
    let (mut buffer, mut users, mut archived) = (Vec::new(), 0, 0);
    csv.begin(&mut buffer);
    let end = store.preview(|| {
        let stopped: HashSet<String> = store.stopped_numbers()?.into_iter().collect();
        each_user(store, since, |account| {
            if account.archived {
                archived += 1;
            } else {
                csv.row(&export_cells(account, &stopped).map(str::as_bytes), &mut buffer);
                users += 1;
                out.write_all(&buffer).map_err(failed)?;
                buffer.clear();
            }
            Ok(())
        })?;
        store.position()
    })?;
    out.write_all(&buffer).and_then(|()| out.flush()).map_err(failed)?;
    Ok((end, users, archived))
}

/// How much of a file was taken, as far as it can be seen: a program that opens `/dev/stdin` anew has a
/// position of its own, so this is no failure, and a person looks at it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Taken {
    Whole,
    InPart,
}

/// The file or program of one push.
struct Target<'a> {
    push: &'a Push,
    config: &'a Config,
    context: &'a RunContext<'a>,
    /// Where the number of the run is in its name.
    to: PushTo,
    is_numbered: bool,
}

impl<'a> Target<'a> {
    fn of(push: &'a Push, run: i64, config: &'a Config, context: &'a RunContext<'a>) -> Result<Self> {
        let number = format!("{run:06}");
        let (to, is_numbered) = match &push.to {
            PushTo::File(path) => {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                (PushTo::File(path.with_file_name(name.replace(RUN, &number))), name.contains(RUN))
            }
            PushTo::Sftp(url) => (PushTo::Sftp(url.replace(RUN, &number)), url.contains(RUN)),
            // What it has read, it has taken.
            PushTo::Command(words) => (PushTo::Command(words.clone()), true),
        };
        Ok(Self { push, config, context, to, is_numbered })
    }

    fn is_there(&self) -> Result<bool> {
        match &self.to {
            PushTo::File(path) => Ok(path.exists()),
            PushTo::Sftp(url) => {
                let (options, folder) = (self.server(url)?, scratch::folder()?);
                watched(self.context, |watch| sftp::is_there(&options, folder.path(), watch))
            }
            PushTo::Command(_) => Ok(false),
        }
    }

    /// Puts the file [`sftp::OUTGOING`] of the folder there, whole or not at all.
    fn put(&self, folder: &Path) -> Result<Taken> {
        let file = folder.join(sftp::OUTGOING);
        let open = || {
            File::open(&file).map_err(|cause| {
                Failure::io(Kind::Failed, "the file to be pushed cannot be read", &file, cause)
            })
        };
        match &self.to {
            PushTo::File(path) => {
                let mut from = open()?;
                write_file(path, Some(self.config), &[], |out| {
                    let failed = |cause| Failure::io(Kind::Failed, "the file cannot be written", path, cause);
                    std::io::copy(&mut from, out).map(drop).map_err(failed)
                })?;
                Ok(Taken::Whole)
            }
            PushTo::Sftp(url) => {
                let options = self.server(url)?;
                watched(self.context, |watch| sftp::put(&options, folder, watch))?;
                Ok(Taken::Whole)
            }
            PushTo::Command(words) => self.hand_to_program(words, open()?),
        }
    }

    fn server(&self, url: &str) -> Result<sftp::Options> {
        let place = sftp::Place::file(url).ok_or_else(|| {
            Failure::new(Kind::Usage, "`to` in [platform.push] is not the address of a file").at(url)
        })?;
        Ok(sftp::Options {
            url: url.to_owned(),
            place,
            key_file: self.push.key_file.clone(),
            host_key: self.push.host_key.clone(),
            timeout: self.push.timeout,
            errand: sftp::Errand::Push,
            csv: oneroster_csv::Options::default(),
        })
    }

    /// What the program prints may have data of people in it: it is not read. Its input is a file and
    /// no pipe: if this process dies, the program does not take half of it for the whole.
    fn hand_to_program(&self, words: &[String], file: File) -> Result<Taken> {
        let program = self.push.place();
        let failed = |what: String| Failure::new(Kind::Failed, what).at(&program);
        let Some((first, arguments)) = words.split_first() else {
            return Err(failed("`command` in [platform.push] names no program".to_owned()));
        };
        let unread = |cause: std::io::Error| {
            failed("the input of the command of [platform.push] cannot be read".to_owned()).because(cause)
        };
        // Its position is that of the program.
        let mut position = file.try_clone().map_err(unread)?;
        let length = file.metadata().map_err(unread)?.len();
        let mut child = Command::new(first)
            .args(arguments)
            .stdin(Stdio::from(file))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(|cause| {
                failed("the command of [platform.push] cannot be started".to_owned())
                    .cure("check that the program is there and may be executed")
                    .because(cause)
            })?;
        let until = Instant::now() + self.push.timeout;
        let unwaited = |cause: std::io::Error| {
            failed("the command of [platform.push] cannot be waited for".to_owned()).because(cause)
        };
        loop {
            if let Some(status) = child.try_wait().map_err(unwaited)? {
                return match status.success() {
                    true if position.stream_position().map_err(unread)? < length => Ok(Taken::InPart),
                    true => Ok(Taken::Whole),
                    false => Err(failed(format!(
                        "the command of [platform.push] ended with {}",
                        said(status)
                    ))
                    .cure("run it by hand to see what it prints: `rostersync users export` has its input")),
                };
            }
            let signal = (self.context.stop)();
            if signal.is_some() || Instant::now() > until {
                let _ = kill_process_group(Pid::from_child(&child), Signal::KILL);
                let _ = child.wait();
                let limit = self.push.timeout.as_secs_f64();
                return Err(match signal {
                    Some(signal) => Failure::new(Kind::Interrupted(signal), "interrupted").at(&program),
                    None => failed(format!("the command of [platform.push] did not end within {limit} s"))
                        .cure("check the command, or allow more time with `timeout` in [platform.push]"),
                });
            }
            std::thread::sleep(NAP);
        }
    }
}

/// In the record of a run whose push failed. That no message waits any more changes nothing then.
pub(super) const PUSH_FAILED: &str = "the push to the platform failed";

/// How often it is looked whether the program is done.
const NAP: Duration = Duration::from_millis(20);

/// `exit status 3`, `signal 9`
fn said(status: std::process::ExitStatus) -> String {
    use std::os::unix::process::ExitStatusExt;
    match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("signal {signal}"),
        (None, None) => "no exit status".to_owned(),
    }
}
