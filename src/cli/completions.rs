//! `rostersync completions`: the script of a shell, and the answer at each Tab.
//!
//! The scripts know no command and no option. They call the program, which completes its own command
//! line: so a script need not be renewed with the program, and values come from the store. Which
//! values an option can have is in `candidates`.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use clap::CommandFactory;
use clap_complete::env::Shells;

use super::ui::Ui;
use super::{Cli, candidates, unprintable};
use crate::attempt::Ending;
use crate::failure::Result;

/// Print the script that completes commands, options and values in a shell
///
/// Values are completed too: numbers of runs, columns, codes, roles, schools, states, languages. They
/// come from the program and from the store of the configuration. sourcedIds of people are not
/// completed.
///
/// The script asks `rostersync` itself at each Tab: a new version needs no new script.
///
/// bash: write it to /etc/bash_completion.d/rostersync, or to
/// ~/.local/share/bash-completion/completions/rostersync. zsh: write it to the file _rostersync in a
/// folder of $fpath. fish: write it to ~/.config/fish/completions/rostersync.fish. PowerShell: add
/// it to $PROFILE. The Debian package has done so for bash, zsh and fish.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  rostersync completions bash > /etc/bash_completion.d/rostersync
  rostersync completions zsh > ~/.zfunc/_rostersync
  rostersync completions fish > ~/.config/fish/completions/rostersync.fish
  rostersync completions powershell >> profile.ps1")]
pub(super) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL", value_enum)]
    shell: Shell,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum Shell {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell", alias = "pwsh")]
    Pwsh,
}

/// The variable by which a script says which shell asks.
const ASKS: &str = "ROSTERSYNC_COMPLETE";

pub(super) fn run(args: &CompletionsArgs, ui: &Ui) -> Result<Ending> {
    let script = match args.shell {
        // Those of clap complete nothing after a `=`, and put a space after one.
        Shell::Bash => include_str!("completions/bash.sh").into(),
        Shell::Zsh => include_str!("completions/zsh.sh").into(),
        Shell::Fish => registration("fish")?,
        Shell::Pwsh => registration("powershell")?,
    };
    ui.result(script.as_bytes()).map_err(unprintable)?;
    Ok(Ending::Ok)
}

fn registration(shell: &str) -> Result<String> {
    let mut script = Vec::new();
    if let Some(completer) = Shells::builtins().completer(shell) {
        completer
            .write_registration(ASKS, "rostersync", "rostersync", "rostersync", &mut script)
            .map_err(unprintable)?;
    }
    Ok(format!("{}\n", String::from_utf8_lossy(&script).trim()))
}

/// What a script asked for at a Tab, printed; none if no script asks. A variable alone does not make
/// a run a completion: the first argument is `--` too, which no command begins with.
pub(super) fn answer() -> Option<ExitCode> {
    let shell = std::env::var(ASKS).ok()?;
    let mut words = std::env::args_os().skip(1);
    if words.next()? != "--" {
        return None;
    }
    let words: Vec<OsString> = words.collect();
    Some(match complete(&shell, words) {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    })
}

fn complete(shell: &str, words: Vec<OsString>) -> std::io::Result<()> {
    let shells = Shells::builtins();
    let completer = shells.completer(shell).ok_or(std::io::ErrorKind::Unsupported)?;
    // bash and zsh say which word it is; for the others it is the last.
    let index = std::env::var("_CLAP_COMPLETE_INDEX").ok().and_then(|index| index.parse().ok());
    let index = index.unwrap_or(words.len().saturating_sub(1));
    let blank = words.get(index).is_none_or(|word| word.is_empty());
    let mut command = candidates::with_values(Cli::command(), &words);
    let mut answer = Vec::new();
    let here = std::env::current_dir().ok();
    completer.write_complete(&mut command, words, here.as_deref(), &mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let lines = || answer.lines().filter(|line| !line.is_empty());
    // Options where they are asked for by a `-`, or where nothing else can stand.
    let values_alone = blank && lines().any(|line| !line.starts_with('-'));
    let mut out = std::io::stdout().lock();
    for line in lines().filter(|line| !values_alone || !line.starts_with('-')) {
        writeln!(out, "{line}")?;
    }
    out.flush()
}
