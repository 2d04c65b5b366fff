//! Faults in the file system: an error, or the end of the process, at each call that opens, writes,
//! syncs, renames or removes a file, for every operation that changes something.
//!
//! An undisturbed run of the operation lists its calls. Then each of them is disturbed in a copy of
//! the district. After each fault the store must be sound, the accounts must be those before or
//! those after, the exit status must say which, and what is done next must lead to where it would
//! have led without the fault: the same accounts, reports, files and messages.
//!
//! `ROSTERSYNC_FAULTS=all` disturbs every call, which takes half an hour, and
//! `ROSTERSYNC_FAULTS=sync,rename` those of some kinds; with `ROSTERSYNC_LONG_TESTS` it is every
//! k-th call, otherwise a few.
#![expect(clippy::print_stderr, reason = "what was tried is counted, and a test that is left out says so")]

mod disk;
mod operations;
mod state;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use crate::machine;
use crate::mail_server::MailServer;
use crate::support::{District, Done, long};

use disk::cut_power;
use operations::Operation;
use state::State;

/// The library that makes the faults; none where there is no C compiler, or another C library.
pub(crate) fn library() -> Option<&'static Path> {
    static MADE: OnceLock<Option<PathBuf>> = OnceLock::new();
    MADE.get_or_init(|| {
        if !cfg!(all(target_os = "linux", target_env = "gnu")) {
            return machine::left_out("glibc", "faults are made in glibc alone");
        }
        let made = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}.so", std::process::id()));
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/main/faults/faults.c");
        let compiled = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()))
            .args(["-Wall", "-shared", "-fPIC", "-O1", "-o"])
            .args([made.as_os_str(), source.as_ref(), "-ldl".as_ref()])
            .output();
        match compiled {
            Ok(done) => {
                assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
                Some(made)
            }
            Err(error) => machine::left_out("cc", &format!("no C compiler: {error}")),
        }
    })
    .as_deref()
}

/// A call, and what happens there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    kind: String,
    name: String,
    number: usize,
    does: &'static str,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { kind, name, number, does, .. } = self;
        write!(f, "{does} at {kind} {number} of {name}")
    }
}

impl Fault {
    /// Whether the process ends there.
    fn kills(&self) -> bool {
        matches!(self.does, "kill" | "torn" | "power")
    }

    /// What the library is told: what happens there, and before which later call the process ends.
    fn told(&self) -> (&'static str, &'static str) {
        self.does.split_once(", kill ").unwrap_or((self.does, "0"))
    }
}

/// What can happen at the n-th call of this kind. There are many writes, and few that differ: at each
/// the process ends in one way, and an error happens at it.
fn faults_of(kind: &str, number: usize) -> &'static [&'static str] {
    match kind {
        "write" => match number % 6 {
            1 => &["kill", "full"],
            2 => &["power", "short"],
            3 => &["torn", "ENOSPC"],
            4 => &["kill", "EIO", "ENOSPC, kill 1"],
            5 => &["power", "dead"],
            _ => &["torn", "full"],
        },
        "sync" => &["kill", "EIO", "power", "dead", "EIO, kill 1"],
        "open" | "mkdir" | "link" => &["kill", "EIO", "full"],
        "rename" | "unlink" => &["kill", "EIO", "power", "EIO, kill 2"],
        "read" => &["EIO", "short"],
        "close" => &["EIO"],
        _ => &["kill", "EIO", "power"],
    }
}

/// The program, with the library and what it is to do.
fn disturbed(district: &District, arguments: &[&str], fault: Option<&Fault>, log: &Path) -> Command {
    let mut command = district.command(arguments);
    let below = std::fs::canonicalize(district.path("")).unwrap();
    command.env("LD_PRELOAD", library().unwrap()).env("FAULTS_BELOW", &below).env("FAULTS_LOG", log);
    command.env("TMPDIR", below.join("tmp"));
    if let Some(fault) = fault {
        let (does, then) = fault.told();
        command.env("FAULTS_AT", format!("{}:{}:{}", fault.kind, fault.name, fault.number));
        command.env("FAULTS_DOES", does).env("FAULTS_THEN", then);
    }
    command
}

/// Whether what is lost in a power cut can be told: in memory no two files have the same number.
/// Elsewhere the process is killed, and nothing is lost.
fn can_cut_power(district: &District) -> bool {
    district.path("").starts_with("/dev/shm")
}

/// The kinds of calls of which all are tried, and not only a sample: `all`, or their names.
fn wanted() -> Option<String> {
    std::env::var("ROSTERSYNC_FAULTS").ok().filter(|wanted| !wanted.is_empty())
}

/// The faults for the calls of a log: all of them, or so many of them, evenly spread.
fn faults(log: &str, usually: usize) -> Vec<Fault> {
    let mut numbers: BTreeMap<&str, usize> = BTreeMap::new();
    let mut found = Vec::new();
    let kinds = wanted();
    for line in log.lines() {
        let number = numbers.entry(line).or_default();
        *number += 1;
        let (kind, name) = line.split_once(' ').unwrap();
        // Every page of the store is read in the same way.
        if kind == "read" && *number > 3 {
            continue;
        }
        if kinds.as_ref().is_some_and(|kinds| kinds != "all" && !kinds.split(',').any(|one| one == kind)) {
            continue;
        }
        found.extend(faults_of(kind, *number).iter().map(|does| Fault {
            kind: kind.to_owned(),
            name: name.to_owned(),
            number: *number,
            does,
        }));
    }
    if kinds.is_some() {
        return found;
    }
    let step = found.len().div_ceil(usually).max(1);
    // A step that is a multiple of the number of ways would choose one way only.
    let step = if step % 2 == 0 || step % 3 == 0 { step / 6 * 6 + 7 } else { step };
    found.into_iter().step_by(step).collect()
}

/// An operation without a fault: its calls, and what it leads to.
struct Undisturbed {
    calls: String,
    before: State,
    /// After the operation.
    after: State,
    /// And after the run that follows.
    next: State,
}

impl Undisturbed {
    fn of(operation: &Operation) -> Self {
        let log = tempfile::NamedTempFile::new().unwrap();
        let night = Night::of(operation);
        let before = night.state();
        night
            .done(&mut disturbed(&night.district, &operation.command, None, log.path()))
            .exits(operation.exits);
        let after = night.state();
        night.district.run().any();
        let next = night.state();
        Self { calls: std::fs::read_to_string(log.path()).unwrap(), before, after, next }
    }
}

/// A copy of the district of an operation, and its mail server.
pub(crate) struct Night {
    pub(crate) district: District,
    server: Option<MailServer>,
}

impl Night {
    fn of(operation: &Operation) -> Self {
        let mut district = operation.before.again();
        let server = operation.smtp.then(MailServer::start);
        if let Some(server) = &server {
            district.set("notify.email.server", &server.url());
        }
        std::fs::create_dir_all(district.path("tmp")).unwrap();
        district.write_config();
        Self { district, server }
    }

    fn done(&self, command: &mut Command) -> Done {
        self.district.done(command)
    }

    fn state(&self) -> State {
        State::of(&self.district, self.server.as_ref())
    }
}

/// What a command said that was disturbed, and whether it was applied all the same.
struct Seen {
    code: i32,
    said: String,
    applied: bool,
}

/// Disturbs an operation once, and sees to it that nothing comes of it that must not.
fn disturb(operation: &Operation, undisturbed: &Undisturbed, fault: &Fault) -> Result<Option<Seen>, String> {
    let night = Night::of(operation);
    let district = &night.district;
    let log = tempfile::NamedTempFile::new().unwrap();
    let mut command = disturbed(district, &operation.command, Some(fault), log.path());
    let disk = tempfile::tempdir().unwrap();
    if fault.does == "power" {
        command.env("FAULTS_DISK", disk.path());
    }
    let done = night.done(&mut command);
    let happened = std::fs::read_to_string(log.path()).unwrap().lines().any(|line| line.starts_with("! "));
    if fault.does == "power" && happened && can_cut_power(district) {
        cut_power(&std::fs::canonicalize(district.path("")).unwrap(), disk.path());
    }
    // The store is looked at in a copy: what a killed process left is for the next one to mend.
    let found = night.state();
    let is_before = found.core == undisturbed.before.core;
    let is_after = found.core == undisturbed.after.core;
    let said = format!("{}{}", done.stdout, done.stderr);
    let fail = |what: &str| Err(format!("{}: {fault}: {what}\n(exit {})\n{said}", operation.name, done.code));
    if let Some(unsound) = &found.unsound {
        return fail(unsound);
    }
    if !is_before && !is_after {
        return fail(&format!("neither before nor after:\n{}", undisturbed.after.differs(&found)));
    }
    if fault.kills() && happened && done.code != -1 {
        return fail("it was not killed");
    }
    if said.contains("panicked") {
        return fail("it panicked");
    }
    if done.code != -1 {
        let ended_well = done.code == operation.exits;
        if (ended_well || done.code == 8) && !is_after {
            return fail("it says that it is done, and it is not");
        }
        if !ended_well && done.code != 8 && !is_before && !says_applied(&done) && !doubts(&done) {
            return fail("it is applied, and nothing says so");
        }
        if !ended_well
            && is_before
            && says_applied(&done)
            && undisturbed.before.core != undisturbed.after.core
        {
            return fail("it says that it is applied, and it is not");
        }
        let says_cure = done.stderr.contains("  help: ") || done.stdout.contains("fix the cause: ");
        if !ended_well && !says_cure && done.code != 8 {
            return fail("no cure is said");
        }
    }
    // What a person does then, or the next night.
    let applied = is_after && !is_before;
    let is_made = operation.makes.is_some_and(|made| district.path(made).exists());
    if operation.makes.is_some() && !is_made && done.code == operation.exits {
        return fail("it says that it is made, and it is not");
    }
    // On a dead disk it cannot be removed either.
    if is_made && done.code != operation.exits && done.code != -1 && fault.does != "dead" {
        return fail("it is made, and was said to have failed");
    }
    let repeats = !applied || operation.erases.is_some() && done.code != operation.exits;
    let (then, wanted) = match (repeats, operation.makes) {
        (false, _) => (district.run(), &undisturbed.next),
        (true, Some(made)) if is_made => (district.cli(&["db", "verify", made]), &undisturbed.after),
        (true, _) => (district.cli(&operation.command), &undisturbed.after),
    };
    if repeats && then.code != operation.exits {
        return fail(&format!("the next one ends with {}:\n{}{}", then.code, then.stdout, then.stderr));
    }
    let end = night.state();
    let difference = wanted.differs(&end);
    let mut left_out = Vec::new();
    if done.code == -1 {
        // A temporary folder is removed a day later.
        left_out.push("file tmp/");
    }
    if undisturbed.before.core == undisturbed.after.core {
        // What is left of a commit that failed is overwritten by the next one that writes.
        left_out.push("file rostersync.db-journal:");
    }
    if operation.foresees && (fault.name.starts_with("sis") || fault.name.starts_with("platform")) {
        left_out.push("file reports/");
    }
    let counts = |line: &&str| left_out.iter().all(|start| !line.starts_with(start));
    let difference = difference.lines().filter(counts).collect::<Vec<_>>().join("\n");
    if !difference.is_empty() {
        return fail(&format!(
            "what follows is not as without it:\n{difference}\nthe next one said:\n{}{}",
            then.stdout, then.stderr
        ));
    }
    let left = operation.erases.map(|text| holding(district, text)).unwrap_or_default();
    if !left.is_empty() {
        return fail(&format!("the user is still in {}", left.join(", ")));
    }
    if operation.purges.is_some_and(|text| holding(district, text).contains(&"rostersync.db".to_owned())) {
        return fail("the store has the user's details still, in a free page");
    }
    Ok(happened.then_some(Seen { code: done.code, said, applied }))
}

/// The files that hold a text, but for those of the SIS and messages that were handed over.
fn holding(district: &District, text: &str) -> Vec<String> {
    let outside = ["sis/", "mail/", "platform"];
    let mut names = district.names();
    names.retain(|name| {
        let path = district.path(name);
        !outside.iter().any(|outside| name.starts_with(outside))
            && path.is_file()
            && memchr::memmem::find(&std::fs::read(path).unwrap(), text.as_bytes()).is_some()
    });
    names
}

fn doubts(done: &Done) -> bool {
    done.stderr.contains("it is not known whether it is done")
}

/// Whether a failure says that its work counts all the same. A run that a person has to look at names
/// its report.
fn says_applied(done: &Done) -> bool {
    ["is applied", "is undone", "is done", "is queued", "the user is removed"]
        .iter()
        .any(|words| done.stderr.replace("whether it is done", "").contains(words))
        || done.stdout.contains("the accounts are removed")
        || done.code == 3 && done.stdout.contains(", its report is ")
}

/// The power is cut when the operation has ended: what it has said is on the disk.
fn cut_after(operation: &Operation, undisturbed: &Undisturbed) {
    let night = Night::of(operation);
    if !can_cut_power(&night.district) {
        return;
    }
    let (log, disk) = (tempfile::NamedTempFile::new().unwrap(), tempfile::tempdir().unwrap());
    let mut command = disturbed(&night.district, &operation.command, None, log.path());
    night.done(command.env("FAULTS_DISK", disk.path())).exits(operation.exits);
    cut_power(&std::fs::canonicalize(night.district.path("")).unwrap(), disk.path());
    let difference = undisturbed.after.differs(&night.state());
    assert_eq!(difference, "", "{}: the power is cut after its end", operation.name);
}

/// Disturbs an operation at all its calls, or a sample of them.
fn try_all(operation: &Operation, usually: usize) {
    let undisturbed = Undisturbed::of(operation);
    cut_after(operation, &undisturbed);
    let faults = faults(&undisturbed.calls, usually);
    let mut failures = Vec::new();
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut words: BTreeMap<String, String> = BTreeMap::new();
    for fault in &faults {
        match disturb(operation, &undisturbed, fault) {
            Ok(None) => *counts.entry("did not happen".to_owned()).or_default() += 1,
            Ok(Some(seen)) => {
                let code = if seen.code == -1 { "killed".to_owned() } else { format!("exit {}", seen.code) };
                let applied = if seen.applied { "applied" } else { "not applied" };
                *counts.entry(format!("{code}, {applied}")).or_default() += 1;
                let said: Vec<&str> = seen.said.lines().filter(|line| !line.contains(" INFO ")).collect();
                let case = format!("{} {} of {} {code} {applied}", fault.does, fault.kind, fault.name);
                words.entry(case).or_insert_with(|| said.join(" / "));
            }
            Err(failure) => failures.push(failure),
        }
    }
    eprintln!(
        "faults: {}: {} calls, {} faults: {counts:?}",
        operation.name,
        undisturbed.calls.lines().count(),
        faults.len()
    );
    if std::env::var_os("ROSTERSYNC_FAULTS_WORDS").is_some() {
        words.iter().for_each(|(case, said)| eprintln!("  {case}: {said}"));
    }
    let shown: Vec<&str> = failures.iter().take(12).map(String::as_str).collect();
    assert!(failures.is_empty(), "{} of {}:\n\n{}", failures.len(), faults.len(), shown.join("\n\n"));
}

/// How many faults of an operation are usually tried: a few for these, and none for the others.
fn usually(short: usize) -> Option<usize> {
    library()?;
    let wanted = if long() || wanted().is_some() { 24 } else { short };
    (wanted > 0).then_some(wanted)
}

macro_rules! operations {
    ($($name:ident: $short:literal)*) => {
        $(#[test]
        fn $name() {
            if let Some(usually) = usually($short) {
                try_all(&operations::$name(), usually);
            }
        })*
    };
}

operations! {
    a_first_night: 4
    a_second_night_with_mail: 6
    a_second_night_with_mail_by_smtp: 0
    an_undo: 0
    an_undo_of_all: 0
    an_edit: 4
    an_import: 0
    a_migration: 0
    outbox_send: 0
    outbox_retry: 0
    a_rekey: 0
    a_run_with_renames: 0
    a_blocked_run: 0
    a_purge: 0
    a_restore: 0
    a_run_with_a_backup: 0
    a_backup: 0
    an_erasure: 0
}

/// A process that is killed while it rewrites a backup leaves the user in the journal alone. The
/// repeated command takes that for a backup with the user, and a copy that was never finished goes.
#[test]
fn an_erasure_that_is_killed_while_it_rewrites_a_backup_is_finished_by_the_next() {
    let Some(_) = library() else { return };
    let operation = operations::an_erasure();
    let (district, user) = (&operation.before, operation.erases.unwrap());
    let fault =
        Fault { kind: "unlink".into(), name: "rostersync.db.bak-journal".into(), number: 1, does: "kill" };
    std::fs::create_dir_all(district.path("tmp")).unwrap();
    let log = tempfile::NamedTempFile::new().unwrap();
    district.done(&mut disturbed(district, &operation.command, Some(&fault), log.path())).exits(-1);
    std::fs::copy(district.path("rostersync.db"), district.path("rostersync.db.v3.bak.partial")).unwrap();
    assert!(holding(district, user).contains(&"rostersync.db.bak-journal".to_owned()));
    let said = district.cli(&operation.command).ok().stdout;
    let ends = [
        "rostersync.db.bak: rewritten without the user",
        ".v3.bak.partial: deleted, because it was never finished",
    ];
    for end in ends {
        assert!(said.contains(end), "{end} is not in {said}");
    }
    assert_eq!(holding(district, user), Vec::<String>::new());
    district.cli(&["db", "verify", "rostersync.db.bak"]).ok();
    district.cli(&["status", "--verify"]).ok();
}
