//! The command line: one file for each command, with its arguments, its calls and its output.
//!
//! Standard output is for results, standard error for logs and progress. No other module prints,
//! and (except for variables that hold a secret) no other module reads the environment.

mod anonymise;
mod candidates;
mod changes;
mod check;
mod codes;
mod completions;
mod config;
mod corrections;
mod db;
mod delivery;
mod explain;
mod fleet;
mod grouped;
mod help;
mod html;
mod init;
pub(crate) mod layout;
mod man;
mod notify;
mod outbox;
mod preview;
mod preview_folder;
mod report;
mod run;
mod runs;
mod signals;
mod status;
mod ui;
mod undo;
mod users;

use std::path::PathBuf;
use std::process::ExitCode;

use chrono::{DateTime, Utc};
use clap::builder::{PathBufValueParser, TypedValueParser};
use clap::error::{ContextKind, ContextValue};
use clap::{CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::attempt::Ending;
use crate::config::{Config, Variables};
use crate::failure::{Failure, Kind, Result};
use crate::near::nearest;
use ui::{Color, LogFormat, Ui};

/// With the commit, if it is a release (`build.rs`).
const VERSION: &str = env!("ROSTERSYNC_VERSION");

/// Keeps contact details on a family-communication platform in step with the Student Information
/// System (SIS).
///
/// One policy decides which details change. A preview shows the changes before a run, a report
/// after it.
#[derive(Debug, Parser)]
#[command(name = "rostersync", version = VERSION, arg_required_else_help = true, max_term_width = 100)]
#[command(disable_help_flag = true, disable_version_flag = true, after_help = help::FIRST_STEPS)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
    /// Print the version
    #[arg(short = 'V', long, action = clap::ArgAction::Version, help_heading = help::GLOBAL)]
    version: Option<bool>,
}

/// Options of every command.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = help::GLOBAL)]
struct Global {
    /// Configuration file [default: $ROSTERSYNC_CONFIG, ./rostersync.toml,
    /// /etc/rostersync/rostersync.toml]
    #[arg(short, long, value_name = "FILE", global = true)]
    config: Option<PathBuf>,

    /// More log lines on standard error; -vv for details
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    verbose: u8,

    /// If it ends with 0, print only what you asked for
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,

    /// Form of log lines: text or json [default: text]
    #[arg(long, value_enum, default_value_t = LogFormat::Text, value_name = "FORMAT", global = true)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    log_format: LogFormat,

    /// Colour: auto, always or never [default: auto]
    #[arg(long, value_enum, default_value_t = Color::Auto, value_name = "WHEN", global = true)]
    #[arg(hide_default_value = true, hide_possible_values = true)]
    color: Color,

    /// No progress bar, not even on a terminal
    #[arg(long, global = true)]
    no_progress: bool,

    /// Nothing is said about running as root: in a container that is usual
    #[arg(long, env = "ROSTERSYNC_ALLOW_ROOT", hide = true, global = true)]
    allow_root: bool,

    /// The time that counts as now (RFC 3339), to repeat a run exactly
    #[arg(long, env = "ROSTERSYNC_NOW", hide = true, global = true, value_name = "TIME")]
    now: Option<DateTime<Utc>>,

    /// The process of the fleet that started this one for a district: with it, this one ends
    #[arg(long, hide = true, global = true, value_name = "PROCESS")]
    of_fleet: Option<i32>,

    /// Print help
    #[arg(short, long, action = clap::ArgAction::HelpShort, global = true)]
    help: Option<bool>,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::RunArgs),
    Report(report::ReportArgs),
    Runs(runs::RunsArgs),
    Changes(changes::ChangesArgs),
    Users(users::UsersArgs),
    Explain(explain::ExplainArgs),
    Undo(undo::UndoArgs),
    Notify(notify::NotifyArgs),
    Outbox(outbox::OutboxArgs),
    Check(check::CheckArgs),
    Codes(codes::CodesArgs),
    Status(status::StatusArgs),
    Db(db::DbArgs),
    Fleet(fleet::FleetArgs),
    Anonymise(anonymise::AnonymiseArgs),
    Config(config::ConfigArgs),
    Init(init::InitArgs),
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Global {
    fn load(&self) -> Result<Config> {
        Config::load(self.config.as_deref(), &variables())
    }

    /// Warns of a run as root: a mistake in an input would meet a process that may do everything.
    fn warn_of_root(&self) {
        if crate::owner::is_root() && !self.allow_root {
            tracing::warn!(
                "rostersync runs as root and needs no right of root: give it a user of its own; in a \
                 container, ROSTERSYNC_ALLOW_ROOT=true ends this message"
            );
        }
    }

    fn now(&self) -> DateTime<Utc> {
        self.now.unwrap_or_else(Utc::now)
    }
}

/// Parses the arguments, runs the command, and prints how it ended.
pub fn main() -> ExitCode {
    if let Some(code) = completions::answer() {
        return code;
    }
    let cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are results; a mistake is 2 for clap and for rostersync.
            let code = if error.use_stderr() { Ending::Failed(Kind::Usage).exit() } else { 0 };
            let _ = error.print();
            return ExitCode::from(code);
        }
    };
    let mut ui = Ui::new(
        cli.global.quiet,
        cli.global.verbose,
        cli.global.log_format,
        cli.global.color,
        !cli.global.no_progress,
    );
    if let Some(fleet) = cli.global.of_fleet {
        crate::fleet::end_with(fleet);
        ui.leave_end_to_fleet();
    }
    let done = match &cli.command {
        Command::Run(args) => {
            let done = run::run(args, &cli.global, &ui);
            if args.applies() {
                status::write_metrics(&cli.global, &done);
            }
            done
        }
        Command::Report(args) => report::run(args, &cli.global, &ui),
        Command::Runs(args) => runs::run(args, &cli.global, &ui),
        Command::Changes(args) => changes::run(args, &cli.global, &ui),
        Command::Users(args) => users::run(args, &cli.global, &ui),
        Command::Explain(args) => explain::run(args, &cli.global, &ui),
        Command::Undo(args) => undo::run(args, &cli.global, &ui),
        Command::Notify(args) => notify::run(args, &cli.global, &ui),
        Command::Outbox(args) => outbox::run(args, &cli.global, &ui),
        Command::Check(args) => check::run(args, &cli.global, &ui),
        Command::Codes(args) => codes::run(args, &ui),
        Command::Status(args) => status::run(args, &cli.global, &ui),
        Command::Db(args) => db::run(args, &cli.global, &ui),
        Command::Fleet(args) => fleet::run(args, &cli.global, &ui),
        Command::Anonymise(args) => anonymise::run(args, &cli.global, &ui),
        Command::Config(args) => config::run(args, &cli.global, &ui),
        Command::Init(args) => init::run(args, &cli.global, &ui),
        Command::Completions(args) => completions::run(args, &ui),
        Command::Man(args) => man::run(args, &ui),
    };
    // If the exit status is not 0, print the output that `-q` held back; but not to a closed pipe.
    let _ = match &done {
        Ok(status) => ui.settle(*status),
        Err(failure) if is_broken_pipe(failure) => Ok(()),
        Err(failure) => ui.settle(Ending::Failed(failure.kind)),
    };
    match done {
        Ok(status) => ExitCode::from(status.exit()),
        // The reader of the output has closed the pipe, for instance `head`.
        Err(failure) if is_broken_pipe(&failure) => ExitCode::SUCCESS,
        Err(failure) => {
            let status = Ending::Failed(failure.kind);
            ui.failure(&failure, status);
            ExitCode::from(status.exit())
        }
    }
}

/// The variables of the environment that set keys of the configuration.
fn variables() -> Variables {
    Variables::of(std::env::vars_os())
}

/// Parses the arguments. A terminal that reports no width gets 80 columns for help.
fn parse() -> Result<Cli, clap::Error> {
    let mut command = help::arranged(Cli::command());
    let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse::<usize>().ok());
    if columns.is_some_and(|columns| columns < NARROWEST) {
        command = command.term_width(80);
    }
    let known = command.clone();
    let matches = command.try_get_matches().map_err(|error| meant(error, &known))?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    // An empty variable is one that is not set, as for other programs.
    let named = || std::env::var_os("ROSTERSYNC_CONFIG").filter(|name| !name.is_empty()).map(PathBuf::from);
    cli.global.config = cli.global.config.take().or_else(named);
    Ok(cli)
}

/// A misspelt command with the nearest name only, not with all similar ones.
fn meant(mut error: clap::Error, known: &clap::Command) -> clap::Error {
    let Some(ContextValue::String(typed)) = error.get(ContextKind::InvalidSubcommand) else { return error };
    let nested = std::env::args_os().skip(1).filter_map(|word| known.find_subcommand(word)).next();
    let level = nested.filter(|command| command.has_subcommands()).unwrap_or(known);
    let names = level.get_subcommands().filter(|command| !command.is_hide_set()).map(clap::Command::get_name);
    if let Some(near) = nearest(typed, names) {
        error.insert(ContextKind::SuggestedSubcommand, ContextValue::Strings(vec![near.to_owned()]));
    }
    error
}

/// Help is not printed in fewer columns.
const NARROWEST: usize = 40;

/// A path of the command line, made absolute, because cron starts commands in another folder.
fn path() -> impl TypedValueParser<Value = PathBuf> {
    PathBufValueParser::new().map(|path| match path.as_os_str() == "-" {
        // `-` is no file: the command says what to write instead.
        true => path,
        false => std::path::absolute(&path).unwrap_or(path),
    })
}

/// `COLUMN=VALUE`, or `COLUMN~TEXT` for a part: the column, whether a part is meant, and the text.
fn condition(typed: &str) -> Option<(&str, bool, &str)> {
    let at = typed.find(['=', '~'])?;
    Some((&typed[..at], typed[at..].starts_with('~'), &typed[at + 1..]))
}

/// A whole number of the command line.
fn whole_number<T: std::str::FromStr>(text: &str) -> std::result::Result<T, &'static str> {
    text.parse().map_err(|_| "write a whole number, such as 20")
}

/// A failure to write to standard output.
fn unprintable(cause: std::io::Error) -> Failure {
    Failure::new(Kind::Failed, "standard output cannot be written").because(cause)
}

/// Whether the program that reads the output has ended: `rostersync report | head`.
fn is_broken_pipe(failure: &Failure) -> bool {
    let cause = failure.cause.as_ref().and_then(|cause| cause.downcast_ref::<std::io::Error>());
    cause.is_some_and(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}
