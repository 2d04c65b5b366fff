//! A process for each district: so many at a time, not all at the same moment, and none for ever.

use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::PathBuf;
use std::process::{Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, getpid, getppid, kill_process, kill_process_group};

use super::District;
use crate::failure::{Failure, Result};

/// What all processes have in common.
#[derive(Debug, Clone)]
pub struct Limits {
    pub program: PathBuf,
    /// How many run at a time.
    pub jobs: usize,
    /// At least so long between two starts.
    pub stagger: Duration,
    /// A process that takes longer is asked to stop, as with SIGTERM, and after `PATIENCE` it is
    /// killed.
    pub time_limit: Option<Duration>,
    /// They are told of in the order in which they were given. One that has ended waits for its
    /// turn, and no other is started in its place.
    pub in_order: bool,
}

/// One process, and the district that it is for.
#[derive(Debug, Clone)]
pub struct Child {
    pub district: District,
    pub arguments: Vec<String>,
}

/// How a process ended.
#[derive(Debug, Clone)]
pub struct Ended<T> {
    pub district: District,
    /// As a shell reports it: 128 and the signal for a process that a signal ended.
    pub exit: u8,
    pub how: How,
    /// What was read from its standard output; none if that could not be done.
    pub answer: Option<T>,
    /// Its standard error.
    pub said: String,
    pub took: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum How {
    ByItself,
    /// It did not even say how it ended.
    BySignal,
    /// It took longer than it may, and was stopped.
    AtTimeLimit,
    /// Why.
    NotStarted(String),
}

/// What a process may write to standard error before the rest is dropped.
const MOST_SAID: u64 = 256 << 10;
/// How long a process may take to stop.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long after its end a process that it has left behind may hold its output open.
const PATIENCE_AFTER: Duration = Duration::from_secs(5);
/// How often it is looked whether this process has to stop.
const STEP: Duration = Duration::from_millis(100);

/// Runs them all, in this order, and tells of each when it has ended. `read` reads what a process
/// writes to standard output.
///
/// `wishes` says how often this process was asked to stop. Once it was, no other district begins.
/// Each wish is passed on to those that run, as SIGTERM: as for any run, the second one is not
/// patient.
///
/// # Errors
/// `Failed` if not one thread can be started.
pub fn each<T: Send + 'static>(
    children: Vec<Child>,
    limits: &Limits,
    wishes: &(dyn Fn() -> usize + Sync),
    read: fn(&mut dyn Read) -> T,
    tell: &mut dyn FnMut(Ended<T>),
) -> Result<()> {
    let jobs = limits.jobs.clamp(1, children.len().max(1));
    let next = Mutex::new(children.into_iter().enumerate());
    let gate = Mutex::new(None);
    let turn = Turn::default();
    // A worker goes on only when its district has been told of, so that no results pile up.
    let (sender, ended) = mpsc::sync_channel(0);
    thread::scope(|scope| {
        for number in 0..jobs {
            let (sender, next, gate, turn) = (sender.clone(), &next, &gate, &turn);
            let work = move || {
                loop {
                    wait_at(gate, limits.stagger, wishes);
                    if wishes() > 0 {
                        break;
                    }
                    let Some((number, child)) = lock(next).next() else { break };
                    let ended = run(child, limits, wishes, read);
                    if limits.in_order {
                        turn.wait_for(number);
                    }
                    let sent = sender.send(ended);
                    turn.pass();
                    if sent.is_err() {
                        break;
                    }
                }
            };
            match thread::Builder::new().spawn_scoped(scope, work) {
                Ok(_) => {}
                Err(cause) if number == 0 => return Err(Failure::no_thread(cause)),
                // It goes on with fewer at a time.
                Err(_) => break,
            }
        }
        drop(sender);
        ended.into_iter().for_each(tell);
        Ok(())
    })
}

/// Whose turn it is to be told of.
#[derive(Default)]
struct Turn {
    number: Mutex<usize>,
    passed: Condvar,
}

impl Turn {
    fn wait_for(&self, number: usize) {
        let mut at = lock(&self.number);
        while *at != number {
            at = self.passed.wait(at).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn pass(&self) {
        *lock(&self.number) += 1;
        self.passed.notify_all();
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until so much time has passed since the last start, and is the next one.
fn wait_at(gate: &Mutex<Option<Instant>>, stagger: Duration, wishes: &(dyn Fn() -> usize + Sync)) {
    // The others wait for this one: they start after it.
    let mut last = lock(gate);
    while let Some(rest) = last.and_then(|last: Instant| stagger.checked_sub(last.elapsed())) {
        if rest.is_zero() || wishes() > 0 {
            break;
        }
        thread::sleep(rest.min(STEP));
    }
    *last = Some(Instant::now());
}

fn run<T: Send + 'static>(
    child: Child,
    limits: &Limits,
    wishes: &(dyn Fn() -> usize + Sync),
    read: fn(&mut dyn Read) -> T,
) -> Ended<T> {
    let begun = Instant::now();
    let mut command = Command::new(&limits.program);
    command.arg("-c").arg(&child.district.config).args(&child.arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    // A terminal sends Ctrl-C to its whole group: each district is asked by this process alone, once.
    command.process_group(0);
    let started = command.spawn().and_then(|mut process| {
        let watched = Watched::of(&mut process, read);
        watched.and_then(|watched| watched.wait(&mut process, begun, limits.time_limit, wishes)).inspect_err(
            |_| {
                // Nothing reads what it says any more.
                let _ = process.kill().and_then(|()| process.wait());
            },
        )
    });
    let took = begun.elapsed();
    let district = child.district;
    match started {
        Ok(End { status, is_late, answer, said }) => {
            let how = match status.code() {
                // One that was just done when it was asked has done its work.
                Some(0) => How::ByItself,
                _ if is_late => How::AtTimeLimit,
                Some(_) => How::ByItself,
                None => How::BySignal,
            };
            Ended { district, exit: exit_of(status), how, answer, said, took }
        }
        Err(cause) => {
            let how = How::NotStarted(cause.to_string());
            Ended { district, exit: 1, how, answer: None, said: String::new(), took }
        }
    }
}

/// The output of a process, which two threads read.
struct Watched<T> {
    answer: Receiver<T>,
    said: Receiver<String>,
}

struct End<T> {
    status: ExitStatus,
    is_late: bool,
    answer: Option<T>,
    said: String,
}

impl<T: Send + 'static> Watched<T> {
    fn of(process: &mut std::process::Child, read: fn(&mut dyn Read) -> T) -> std::io::Result<Self> {
        let no_pipe = || std::io::Error::other("the process has no output");
        let mut out = process.stdout.take().ok_or_else(no_pipe)?;
        let mut err = process.stderr.take().ok_or_else(no_pipe)?;
        let answer = in_thread(move || {
            let answer = read(&mut out);
            // Or the process waits for ever for a reader.
            let _ = std::io::copy(&mut out, &mut std::io::sink());
            answer
        })?;
        let said = in_thread(move || {
            let mut bytes = Vec::new();
            // What was read before an error is shown.
            let _ = err.by_ref().take(MOST_SAID).read_to_end(&mut bytes);
            let _ = std::io::copy(&mut err, &mut std::io::sink());
            String::from_utf8_lossy(&bytes).into_owned()
        })?;
        Ok(Self { answer, said })
    }

    /// Waits until the process ends; asks it to stop if this process has to, or if it takes too long.
    fn wait(
        self,
        process: &mut std::process::Child,
        begun: Instant,
        time_limit: Option<Duration>,
        wishes: &(dyn Fn() -> usize + Sync),
    ) -> std::io::Result<End<T>> {
        let pid = Pid::from_child(process);
        let (mut asked, mut since, mut is_late) = (0, begun, false);
        let (mut answer, mut is_read) = (None, false);
        let status = loop {
            match is_read {
                // It has closed its output, so it ends at once.
                true => thread::sleep(Duration::from_millis(1)),
                false => match self.answer.recv_timeout(STEP) {
                    Err(RecvTimeoutError::Timeout) => {}
                    read => (answer, is_read) = (read.ok(), true),
                },
            }
            if let Some(status) = process.try_wait()? {
                break status;
            }
            is_late |= time_limit.is_some_and(|limit| begun.elapsed() > limit);
            let all = wishes() + usize::from(is_late);
            if all > asked {
                since = if asked == 0 { Instant::now() } else { since };
                asked = all;
                // One that has ended meanwhile needs no signal.
                let _ = kill_process(pid, Signal::TERM);
            } else if asked > 0 && since.elapsed() > PATIENCE {
                let _ = kill_process_group(pid, Signal::KILL);
            }
        };
        let answer = answer.or_else(|| self.answer.recv_timeout(PATIENCE_AFTER).ok());
        let said = self.said.recv_timeout(PATIENCE_AFTER).unwrap_or_default();
        Ok(End { status, is_late, answer, said })
    }
}

/// Does it in a thread that nothing waits for: a process that the district has left behind may hold
/// the output open for ever.
fn in_thread<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> std::io::Result<Receiver<T>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().spawn(move || drop(sender.send(work())))?;
    Ok(receiver)
}

fn exit_of(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(1)
}

/// Has the kernel ask this process to stop when the fleet that started it ends, however it ends:
/// then the next one finds no district locked by a run that nothing watches.
pub fn end_with(fleet: i32) {
    #[cfg(target_os = "linux")]
    let _ = rustix::process::set_parent_process_death_signal(Some(Signal::TERM));
    // It may have ended before.
    if getppid().is_none_or(|parent| parent.as_raw_nonzero().get() != fleet) {
        let _ = kill_process(getpid(), Signal::TERM);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(from: &mut dyn Read) -> String {
        let mut text = String::new();
        from.read_to_string(&mut text).unwrap();
        text
    }

    /// Number, exit status, output and how each ended, as they were told.
    fn run_all(scripts: &[&str], limits: &Limits) -> Vec<(String, u8, String, How)> {
        // `sh -c SCRIPT` has the place of `rostersync -c CONFIG`.
        let children = scripts.iter().enumerate().map(|(number, script)| Child {
            district: District { name: number.to_string(), config: script.into() },
            arguments: Vec::new(),
        });
        let mut all = Vec::new();
        each(children.collect(), limits, &|| 0, text, &mut |ended: Ended<String>| {
            let said = ended.answer.unwrap_or_default() + &ended.said;
            all.push((ended.district.name, ended.exit, said.trim_end().to_owned(), ended.how));
        })
        .unwrap();
        all
    }

    fn limits(jobs: usize) -> Limits {
        let program = "/bin/sh".into();
        Limits { program, jobs, stagger: Duration::ZERO, time_limit: None, in_order: true }
    }

    #[test]
    fn the_end_of_one_does_not_touch_the_others() {
        let scripts = ["sleep 0.05; echo done", "echo bad >&2; exit 7", "kill -9 $$", "exit 0"];
        let ended = run_all(&scripts, &limits(2));
        let expected = [
            ("0", 0, "done", How::ByItself),
            ("1", 7, "bad", How::ByItself),
            ("2", 137, "", How::BySignal),
            ("3", 0, "", How::ByItself),
        ];
        let expected = expected.map(|(name, exit, said, how)| (name.to_owned(), exit, said.to_owned(), how));
        assert_eq!(ended, expected);
    }

    #[test]
    fn one_that_takes_too_long_is_asked_to_stop() {
        let slow = "trap 'exit 143' TERM; while :; do sleep 0.01; done";
        let limits = Limits { time_limit: Some(Duration::from_millis(50)), ..limits(2) };
        let ended = run_all(&[slow, "exit 0"], &limits);
        assert_eq!((ended[0].1, &ended[0].3, ended[1].1), (143, &How::AtTimeLimit, 0));
    }

    #[test]
    fn one_that_says_very_much_does_not_block() {
        let much = "yes 0123456789012345678901234567890123456789 | head -9000 >&2";
        let ended = run_all(&[much], &limits(1));
        assert_eq!((ended[0].1, ended[0].2.len() as u64), (0, MOST_SAID));
    }

    #[test]
    fn a_program_that_is_not_there_is_a_failure_of_that_district() {
        let ended = run_all(&["a.toml"], &Limits { program: "/no/such".into(), ..limits(4) });
        assert!(ended[0].1 == 1 && matches!(ended[0].3, How::NotStarted(_)), "{ended:?}");
    }
}
