//! Completions, asked as a script asks, and typed with a Tab in the shells themselves; and the
//! manual pages.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use crate::machine::{left_out, program};
use crate::support::{District, person};

/// A district with two schools and three runs.
fn district() -> District {
    let district = District::new();
    district.file(
        "sis/orgs.csv",
        "sourcedId,name,type\nsch-1,Lincoln Elementary,school\nsch-2,Roosevelt: Middle,school\n",
    );
    for email in ["a@mail.example", "b@mail.example", "c@mail.example"] {
        district.sis(&[
            person("tea-1").email(email),
            person("stu-1").role("student").with("orgSourcedIds", "sch-2"),
        ]);
        district.run().ok();
    }
    district
}

/// What fish is answered for these words; the last one is completed.
fn answers(district: &District, words: &[&str]) -> Vec<String> {
    let mut command = district.command(&["--", "rostersync"]);
    let done = district.done(command.args(words).env("ROSTERSYNC_COMPLETE", "fish")).ok();
    assert_eq!(done.stderr, "", "{words:?}");
    done.stdout.lines().map(str::to_owned).collect()
}

/// The same without the explanations.
fn values(district: &District, words: &[&str]) -> Vec<String> {
    let plain = |line: String| line.split('\t').next().unwrap().to_owned();
    answers(district, words).into_iter().map(plain).collect()
}

#[test]
fn values_come_from_the_program_and_from_the_store() {
    let district = district();
    // Numbers of runs, the last one first, with date and result.
    let runs = answers(&district, &["undo", ""]);
    assert_eq!(values(&district, &["undo", ""]), ["3", "2", "1"]);
    assert!(runs[0].starts_with("3\t2026-") && runs[0].ends_with(" ok"), "{runs:?}");
    assert_eq!(values(&district, &["report", ""]), ["3", "2", "1"]);
    assert_eq!(values(&district, &["users", "export", "--changed-since", ""]), ["3", "2", "1"]);
    // Columns, also after a comma; conditions.
    assert_eq!(values(&district, &["report", "--sort", "fi"]), ["first_seen"]);
    assert_eq!(values(&district, &["report", "--columns", "line,home"]), ["line,home_phone"]);
    assert_eq!(values(&district, &["report", "--where", "act"]), ["action="]);
    assert_eq!(values(&district, &["report", "--where", "action=ar"]), ["action=archived"]);
    assert_eq!(values(&district, &["users", "list", "--where", "users_m"]), ["users_manager="]);
    assert_eq!(values(&district, &["users", "list", "--role", "g"]), ["guardian"]);
    assert_eq!(values(&district, &["report", "--where", "codes=email-sh"]), ["codes=email-shared"]);
    assert_eq!(values(&district, &["codes", "last-contact"]), ["last-contact-lost"]);
    // Schools, with their names.
    let schools = answers(&district, &["users", "list", "--school", ""]);
    assert_eq!(schools, ["sch-1\tLincoln Elementary", "sch-2\tRoosevelt: Middle"]);
    assert_eq!(values(&district, &["notify", "test", "--language", "e"]), ["en", "es"]);
    assert_eq!(values(&district, &["man", "users", "can"]), ["can-edit"]);
    // Commands come alone; options where they are asked for. No person is offered.
    assert!(values(&district, &["users", ""]).iter().all(|value| !value.starts_with('-')));
    assert!(values(&district, &["users", "list", "--du"]) == ["--duplicates"]);
    assert!(values(&district, &["users", "show", ""]).iter().all(|value| value.starts_with("--")));
}

/// The configuration on the command line counts, in any spelling; where it cannot be read, and where
/// there is no store yet, there are no values and no complaint. Nothing is written.
#[test]
fn the_configuration_is_that_of_the_command_line() {
    let district = district();
    std::fs::rename(district.path("rostersync.toml"), district.path("other.toml")).unwrap();
    let ask = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_rostersync"));
        command.current_dir(district.path("")).env_clear().env("HOME", district.path(""));
        command.env("ROSTERSYNC_COMPLETE", "fish").args(["--", "rostersync"]).args(words);
        let done = district.done(&mut command).ok();
        assert_eq!(done.stderr, "");
        done.stdout.lines().filter_map(|line| line.split('\t').next()).map(str::to_owned).collect::<Vec<_>>()
    };
    let before = district.everything();
    for named in
        [&["-c", "other.toml"][..], &["--config=other.toml"], &["-cother.toml"], &["-c", "~/other.toml"]]
    {
        assert_eq!(ask(&[named, &["undo", ""]].concat()), ["3", "2", "1"], "{named:?}");
    }
    for named in [&["-c", "none.toml"][..], &[]] {
        assert!(ask(&[named, &["undo", ""]].concat()).iter().all(|value| value.starts_with('-')));
    }
    assert_eq!(district.everything(), before);
}

/// A variable that stays behind in an environment makes no run a completion.
#[test]
fn a_run_is_a_run_whatever_the_environment_says() {
    let district = District::new();
    district.sis(&[person("tea-1")]);
    let done = district.done(district.command(&["run"]).env("ROSTERSYNC_COMPLETE", "bash")).ok();
    assert!(done.stdout.contains("Plan: 1 to create"), "{}", done.stdout);
}

#[test]
fn each_shell_has_a_script() {
    let district = District::new();
    for (shell, part) in [
        ("bash", "complete -o bashdefault -o nosort -F _rostersync rostersync"),
        ("zsh", "#compdef rostersync\n"),
        ("fish", "complete --keep-order --exclusive --command rostersync "),
        ("powershell", "Register-ArgumentCompleter -Native -CommandName rostersync "),
    ] {
        let done = district.cli(&["completions", shell]).ok();
        assert!(done.stdout.contains(part), "{}", done.stdout);
        assert_eq!(done.stderr, "");
    }
    district
        .cli(&["completions", "tcsh"])
        .exits(2)
        .complains(&["possible values: bash, zsh, fish, powershell"]);
}

/// A shell on a terminal of its own.
struct Typed {
    child: Child,
    keys: File,
    shown: Receiver<Vec<u8>>,
}

impl Typed {
    /// Starts a shell in the district's folder, with the script of its name.
    fn shell(district: &District, shell: &str, arguments: &[&str]) -> Option<Self> {
        let Some(path) = program(&shell.to_uppercase(), shell) else {
            return left_out(shell, "there is no such shell");
        };
        let setsid = program("SETSID", "setsid")?;
        let script = district.cli(&["completions", shell]).ok().stdout;
        district.file("script", script);
        let pty = nix::pty::openpty(None, None).unwrap();
        let slave: OwnedFd = pty.slave;
        let folder = Path::new(env!("CARGO_BIN_EXE_rostersync")).parent().unwrap();
        let path_variable = format!("{}:/usr/bin:/bin", folder.display());
        let mut command = Command::new(setsid);
        command.arg("--ctty").arg(path).args(arguments).current_dir(district.path("")).env_clear();
        command.env("PATH", path_variable).env("HOME", district.path("")).env("TERM", "dumb");
        command.env("ROSTERSYNC_CONFIG", "rostersync.toml").env("LC_ALL", "C.UTF-8");
        for end in [Command::stdin, Command::stdout, Command::stderr] {
            end(&mut command, Stdio::from(slave.try_clone().unwrap()));
        }
        let child = command.spawn().unwrap();
        let keys = File::from(pty.master);
        let mut screen = keys.try_clone().unwrap();
        let (tell, shown) = channel();
        // It ends with the shell: then nothing can be read.
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(count @ 1..) = screen.read(&mut buffer) {
                if tell.send(buffer[..count].to_vec()).is_err() {
                    break;
                }
            }
        });
        Some(Self { child, keys, shown })
    }

    /// Types, and waits until this is on the terminal.
    fn until(&mut self, keys: &str, expected: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
        let mut text = String::new();
        let end = Instant::now() + Duration::from_secs(60);
        while !text.contains(expected) {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(bytes) = self.shown.recv_timeout(left) else {
                panic!("{keys:?}: no {expected:?} in {text:?}")
            };
            text.push_str(&String::from_utf8_lossy(&bytes));
        }
    }
}

impl Drop for Typed {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What is typed is on the terminal too, so that each expected text is one that was not typed. `^U`
/// clears the line.
fn completes(mut shell: Typed) {
    for (keys, expected) in [
        ("rostersync rep\t", "report "),
        ("rostersync users list --dup\t", "--duplicates"),
        ("rostersync report --where role=gu\t", "guardian"),
        ("rostersync report --where=action=arch\t", "archived"),
        ("rostersync report --columns line,home\t", "home_phone"),
        ("rostersync -c rostersync.to\t", "rostersync.toml"),
        // Two fit: a second Tab lists them.
        ("rostersync users list --school sch-\t\t", "sch-2"),
    ] {
        shell.until(keys, expected);
        shell.keys.write_all(b"\x15").unwrap();
    }
}

#[test]
fn bash_completes_at_a_tab() {
    let district = district();
    let Some(mut shell) = Typed::shell(&district, "bash", &["--norc", "--noprofile", "-i"]) else { return };
    shell.until(". ./script; echo rea''dy\n", "ready");
    completes(shell);
}

#[test]
fn zsh_completes_at_a_tab() {
    let district = district();
    let Some(mut shell) = Typed::shell(&district, "zsh", &["-f", "-i"]) else { return };
    shell.until("autoload -U compinit; compinit -u -D; . ./script; echo rea''dy\n", "ready");
    completes(shell);
}

/// fish says itself what it would offer.
#[test]
fn fish_completes_at_a_tab() {
    let district = district();
    let Some(fish) = program("FISH", "fish") else {
        left_out::<()>("fish", "there is no such shell");
        return;
    };
    district.file("script", district.cli(&["completions", "fish"]).ok().stdout);
    let folder = Path::new(env!("CARGO_BIN_EXE_rostersync")).parent().unwrap();
    let commands = "source script; complete -C 'rostersync rep'; complete -C 'rostersync undo '; \
                    complete -C 'rostersync report --where role=gu'";
    let mut command = Command::new(fish);
    command.args(["--no-config", "-c", commands]).current_dir(district.path("")).env_clear();
    command.env("PATH", format!("{}:/usr/bin:/bin", folder.display())).env("HOME", district.path(""));
    let done = district.done(command.env("ROSTERSYNC_CONFIG", "rostersync.toml")).ok();
    let values: Vec<&str> = done.stdout.lines().filter_map(|line| line.split('\t').next()).collect();
    assert_eq!(values, ["report", "3", "2", "1", "role=guardian"], "{}", done.stderr);
}

#[test]
fn each_command_has_a_manual_page_that_man_renders() {
    let district = District::new();
    let done = district.cli(&["man", "--output", "man1"]).ok();
    let mut pages: Vec<String> = std::fs::read_dir(district.path("man1"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    pages.sort();
    assert_eq!(done.stdout, format!("{} pages in man1\n", pages.len()));
    for page in ["rostersync.1", "rostersync-run.1", "rostersync-users-can-edit.1", "rostersync-db-verify.1"]
    {
        assert!(pages.iter().any(|one| one == page), "{pages:?}");
    }
    let one = district.cli(&["man", "users", "list"]).ok();
    let file = std::fs::read_to_string(district.path("man1/rostersync-users-list.1")).unwrap();
    assert_eq!(one.stdout, file);
    district.cli(&["man", "users", "lsit"]).exits(2).complains(&[
        "`rostersync users` has no command `lsit`",
        "`list` is there: `rostersync users --help` lists all commands",
    ]);
    let Some(man) = program("MAN", "man") else {
        left_out::<()>("man", "there is no man");
        return;
    };
    // All pages in one call: a start of man costs more than a page.
    let mut command = Command::new(man);
    command.args(["--warnings", "-E", "UTF-8", "-l"]).args(&pages).current_dir(district.path("man1"));
    let done = district.done(command.env("MANWIDTH", "80").env("PAGER", "cat").env("LC_ALL", "C.UTF-8")).ok();
    assert_eq!(done.stderr, "", "man has warnings");
    for part in ["EXIT STATUS", "GLOBAL OPTIONS", "EXAMPLES", "SEE ALSO", "--approve <CHECKSUM>"] {
        assert!(done.stdout.contains(part), "{part}");
    }
}
